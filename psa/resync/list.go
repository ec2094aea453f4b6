package resync

import (
	"context"
	"errors"
	"fmt"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// A unit is what one list reads: a kind, or the children of one parent.
type unit struct {
	kind   psa.Kind
	parent psa.Ref // zero: the whole kind
}

func (u unit) String() string {
	if u.parent.IsZero() {
		return string(u.kind)
	}
	return string(u.kind) + " of " + u.parent.String()
}

// Indexes of rows that are not in reading.rows.
const (
	asBefore = -1 // it means what it meant in the old snapshot
	dropped  = -2 // it is inactive, and inactive rows are not wanted
)

// A reading is what came of one unit.
type reading struct {
	unit
	rows    []psa.Record   // new to the old snapshot, or changed
	rehash  []psa.Record   // as before in other bytes
	ids     map[string]int // every good row: its index in rows, asBefore or dropped
	bad     map[string]error
	lost    int  // bad rows without a readable id
	repeats int  // rows whose id had come already
	emptied bool // no row came although there were some before
	counted bool // the vendor's count agrees
	err     error
}

// total is how many rows the vendor showed.
func (r *reading) total() int { return len(r.ids) + len(r.bad) + r.lost }

// lister reads units. It is shared by the workers and keeps no state.
type lister struct {
	provider   psa.Provider
	features   psa.Features
	activeOnly bool
	old        *cache.Snapshot
	known      psa.Known
	before     map[unit][]string // ids of the old snapshot that a unit should show again
	parents    map[psa.Kind]bool // kinds whose rows bring more units, which should not wait for the last page
}

// fatal reports whether an error ends the whole run: more requests would only
// repeat it, or fill the store from the wrong account.
func fatal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, psa.ErrAuth) || errors.Is(err, psa.ErrOtherInstance)
}

// read lists a unit until its answer can be believed, at most twice. What came
// is told to progress as it comes: refs of rows, for kinds whose children are
// listed by parent, and the number of rows.
func (l *lister) read(ctx context.Context, u unit, progress func(rows int, refs []psa.Ref)) *reading {
	for again := false; ; again = true {
		r := l.list(ctx, u, progress)
		if r.err != nil {
			return r
		}
		doubt := l.doubt(ctx, r)
		if doubt == nil {
			return r
		}
		if again || fatal(ctx, doubt) || !errors.Is(doubt, errMoved) {
			r.err = doubt
			return r
		}
	}
}

// errMoved: rows seem to have moved while the list was read. Reading it again
// may help.
var errMoved = errors.New("the list may be incomplete")

// doubt returns why the answer must not be believed. It asks the vendor only
// if believing it would remove rows or if ids came twice.
func (l *lister) doubt(ctx context.Context, r *reading) error {
	missing := 0
	for _, id := range l.before[r.unit] {
		_, read := r.ids[id]
		if _, bad := r.bad[id]; !read && !bad {
			missing++
		}
	}
	r.emptied = missing > 0 && r.total() == 0
	if missing == 0 && r.repeats == 0 {
		return nil
	}
	if l.features.Can(r.kind, psa.CanCount) {
		n, err := psa.Count(ctx, l.provider, r.kind, l.query(r.unit))
		switch {
		case errors.Is(err, psa.ErrUnsupported):
		case err != nil:
			return err
		case n != r.total():
			return l.moved(r.unit, fmt.Sprintf("it has %d rows, but the vendor counts %d", r.total(), n))
		default:
			r.counted = true
			return nil
		}
	}
	if r.repeats > 0 {
		return l.moved(r.unit, fmt.Sprintf("%d ids came twice", r.repeats))
	}
	return nil
}

func (l *lister) moved(u unit, detail string) error {
	return &psa.Error{Provider: l.provider.Name(), Op: "list " + u.String(), Code: psa.ErrData, Detail: detail, Err: errMoved}
}

func (l *lister) query(u unit) psa.Query {
	return psa.Query{Parent: u.parent, ActiveOnly: l.activeOnly}
}

// progressRows is how many rows come between two words about progress.
const progressRows = 256

// list reads a unit once.
func (l *lister) list(ctx context.Context, u unit, progress func(rows int, refs []psa.Ref)) *reading {
	r := &reading{unit: u, ids: make(map[string]int, len(l.before[u])), bad: map[string]error{}}
	q := l.query(u)
	q.Known = l.known
	var fresh []psa.Ref
	told := 0
	for rec, err := range l.provider.List(ctx, u.kind, q) {
		if err == nil {
			err = l.take(r, rec)
		}
		if err != nil {
			r.err = err
			break
		}
		told++
		if rec.ID != "" {
			fresh = append(fresh, rec.Ref)
		}
		if told == progressRows || l.parents[u.kind] {
			progress(told, fresh)
			told, fresh = 0, nil
		}
	}
	progress(told, fresh)
	return r
}

// take files one row. An error means that the whole list makes no sense.
func (l *lister) take(r *reading, rec psa.Record) error {
	if rec.Err != nil && rec.ID == "" {
		r.lost++
		return nil
	}
	if rec.Kind != r.kind || rec.ID == "" {
		return l.nonsense(r.unit, rec.Ref, "a row of another kind or without id")
	}
	if _, good := r.ids[rec.ID]; good || r.bad[rec.ID] != nil {
		r.repeats++
		return nil
	}
	if rec.Err != nil {
		r.bad[rec.ID] = rec.Err
		return nil
	}
	old, had := l.old.Get(rec.Ref)
	if rec.Unchanged {
		if !had {
			return l.nonsense(r.unit, rec.Ref, "a row is said to be unchanged that nobody knows")
		}
		rec.Active = old.Active
	}
	switch {
	case l.activeOnly && !rec.Active:
		r.ids[rec.ID] = dropped
	case rec.Unchanged:
		r.ids[rec.ID] = asBefore
	case had && sameRow(old, rec):
		r.ids[rec.ID] = asBefore
		if rec.Hash != old.Hash {
			rec.Fields = old.Fields // hold one copy
			r.rehash = append(r.rehash, rec)
		}
	default:
		r.ids[rec.ID] = len(r.rows)
		r.rows = append(r.rows, rec)
	}
	return nil
}

func (l *lister) nonsense(u unit, ref psa.Ref, detail string) error {
	return &psa.Error{Provider: l.provider.Name(), Op: "list " + u.String(), Ref: ref, Code: psa.ErrData, Detail: detail}
}
