package bridge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// how says in what circumstances a record is looked at.
type how struct {
	live bool // it changed a moment ago: people may be told
	late bool // after notes and time entries: tickets may be closed
	both bool // read the other side, whatever the base says
	// again looks anew at parked groups.
	again func(cache.Parked) bool
	// answers are people's decisions by group, task the one they were given on.
	answers map[string]answer
	create  bool // a person said that there is no counterpart
	retry   *cache.Task
}

// A reading is a list of one kind on one side that is being read.
type reading struct {
	kind    psa.Kind
	side    Side
	cur     cache.Cursor // Began is when this list was, by the system's clock
	list    ListReport
	full    bool // all rows are listed, not only those that changed
	resumes bool // it can be cut, and go on where it was
	since   time.Time
	rows    int
	last    time.Time // change of the youngest row
	sweep   *presence // of a complete list; nil: absent rows are not looked for
	skipped int       // rows left to the next run, when this began
	err     error     // of the list
	broken  error     // what ends the run
}

// pull reads what changed of a kind on one side. ok tells whether the list was
// read to its end.
func (r *run) pull(kind psa.Kind, s Side) (ok bool, err error) {
	f := r.sides[s].offers[kind]
	if !f.Can.Has(psa.CanList) {
		return true, nil
	}
	cur, err := r.st.Cursor(r.ctx, r.source, s, kind)
	if err != nil {
		return false, &stateErr{err}
	}
	anew := r.anewOf(kind)
	swept := r.b.opts.SweepEvery > 0 && r.now().Sub(cur.Swept) >= r.b.opts.SweepEvery
	if f.PerParent { // a list of what changed would ask for every parent
		if cur.Swept.IsZero() || anew || swept && parentOf(kind) == psa.KindCompany {
			if err := r.visitAll(kind, s); err != nil {
				return false, err
			}
			cur.Swept = r.now()
			if err := r.checkpoint(cur); err != nil {
				return false, err
			}
		}
		return true, r.visits(kind, s)
	}
	l := &reading{kind: kind, side: s, cur: cur, resumes: f.Can.Has(psa.CanResume), skipped: r.rep.Skipped}
	l.full = cur.Since.IsZero() || swept || anew || !f.Can.Has(psa.CanSince)
	l.list = ListReport{Side: s, Kind: kind, Full: l.full}
	var q psa.Query
	if !l.full {
		q.Since = cur.Since
	}
	l.cur.Began = r.server[s]
	if !cur.Began.IsZero() && cur.Full == l.full && l.resumes && !anew {
		l.cur.Began, q.Since, q.After = cur.Began, cur.From, cur.After
	}
	q.Scope = r.narrow(kind, s)
	if !anew {
		if q.Known, err = r.st.Seen(r.ctx, r.source, s, kind, l.full); err != nil {
			return false, &stateErr{err}
		}
	}
	r.event(EventList, s, kind, "", "")
	if l.full && q.After == "" && r.b.opts.SweepEvery > 0 {
		l.sweep = newPresence()
	}
	l.since = q.Since
	for rec, err := range r.sides[s].List(r.ctx, kind, q) {
		if !r.listed(l, rec, err) {
			break
		}
	}
	r.rep.Lists = append(r.rep.Lists, l.list)
	switch {
	case l.broken != nil:
		return false, l.broken
	case l.err != nil:
		if err := r.flush(); err != nil {
			return false, err
		}
		return false, r.side(s, kind, l.err)
	}
	return true, r.ended(l)
}

// listed deals with what a list yields. It returns false where the list is not
// to be read on.
func (r *run) listed(l *reading, rec psa.Record, err error) bool {
	if err != nil {
		l.err = err
		return false
	}
	l.rows++
	l.list.Rows++
	if rec.Updated.After(l.last) {
		l.last = rec.Updated
	}
	r.first.was(l.side, &rec)
	l.sweep.add(rec.ID)
	if rec.Unchanged {
		l.list.Unchanged++
	} else if l.broken = r.row(l.kind, l.side, rec, &l.list, how{live: !l.full}); l.broken != nil {
		return false
	}
	if l.rows%1000 == 0 {
		r.event(EventProgress, l.side, l.kind, rec.ID, fmt.Sprintf("%d rows", l.rows))
		if l.resumes && r.rep.Skipped == l.skipped {
			l.cur.From, l.cur.Full, l.cur.After = l.since, l.full, rec.ID
			l.broken = r.checkpoint(l.cur)
		}
	}
	return l.broken == nil
}

// ended notes that a list was read to its end.
func (r *run) ended(l *reading) error {
	if l.sweep != nil {
		if err := r.absent(l.kind, l.side, l.sweep); err != nil {
			return err
		}
	}
	if r.rep.Skipped > l.skipped { // the next run reads again what is left
		return r.flush()
	}
	cur, began := l.cur, l.cur.Began
	if began.IsZero() { // this system tells no time; its rows do
		began = l.last
	}
	if !began.IsZero() {
		f := r.sides[l.side].offers[l.kind]
		cur.Since = began.Add(-f.Granularity - r.b.opts.Overlap)
	}
	if l.full {
		cur.Swept = r.now()
	}
	cur.Began, cur.From, cur.Full, cur.After = time.Time{}, time.Time{}, false, ""
	return r.checkpoint(cur)
}

// checkpoint saves how far a list was read, with the rows that covers.
func (r *run) checkpoint(cur cache.Cursor) error {
	return r.save(cache.StateBatch{Cursors: []cache.Cursor{cur}, Seen: r.takeSeen()})
}

// takeSeen hands out the rows that were dealt with. One that was looked at
// twice counts as it was last.
func (r *run) takeSeen() []cache.Seen {
	if len(r.seen) == 0 {
		return nil
	}
	type row struct {
		side Side
		kind psa.Kind
		id   string
	}
	at := make(map[row]int, len(r.seen))
	out := r.seen[:0]
	for _, x := range r.seen {
		key := row{x.Side, x.Kind, x.ID}
		if i, ok := at[key]; ok {
			out[i] = x
			continue
		}
		at[key] = len(out)
		out = append(out, x)
	}
	r.seen = nil
	return out
}

// flush saves rows that were dealt with without anything to save.
func (r *run) flush() error {
	if len(r.seen) == 0 {
		return nil
	}
	return r.save(cache.StateBatch{Seen: r.takeSeen()})
}

// done notes that a row was dealt with.
func (r *run) done(s Side, rec psa.Record) error {
	r.seen = append(r.seen, r.seenOf(s, rec)...)
	if len(r.seen) < 500 {
		return nil
	}
	return r.flush()
}

// seenOf is the hash of a row that was dealt with. One that may be touched
// again without looking any different is looked at once more.
func (r *run) seenOf(s Side, rec psa.Record) []cache.Seen {
	if rec.Hash.IsZero() {
		return nil
	}
	x := cache.Seen{Side: s, Kind: rec.Kind, ID: rec.ID, Hash: rec.Hash}
	if r.touchable(s, rec) {
		x.Hash = psa.Hash{}
	}
	return []cache.Seen{x}
}

// touchable reports whether the stamp of a row may stand for what happens yet:
// a note or time entry that is written within the same granule moves no stamp,
// and its list is read only when the parent's row has changed.
func (r *run) touchable(s Side, rec psa.Record) bool {
	now := r.server[s]
	if now.IsZero() {
		now = r.now()
	}
	if rec.Updated.IsZero() || !rec.Updated.Add(r.sides[s].offers[rec.Kind].Granularity).After(now) {
		return false
	}
	return slices.ContainsFunc(r.b.kinds, func(kind psa.Kind) bool { return parentOf(kind) == rec.Kind && r.sides[s].offers[kind].PerParent })
}

// row deals with one row of a list. What goes wrong with it becomes a task; the
// error is for what ends the run.
func (r *run) row(kind psa.Kind, s Side, rec psa.Record, list *ListReport, h how) error {
	if rec.Err != nil {
		list.Bad++
		return r.trouble(kind, s, rec.ID, "", rec.Err, h, &rec)
	}
	l, ok, err := r.st.LinkOf(r.ctx, r.source, s, rec.Ref)
	if err != nil {
		return &stateErr{err}
	}
	switch {
	case !ok:
		list.New++
		var out string
		if out, err = r.unlinked(kind, s, rec, h); out != "" {
			if list.Out == nil {
				list.Out = map[string]int{}
			}
			list.Out[out]++
			if strings.HasPrefix(out, notYet) {
				return nil // a sweep looks at it again, should the visit that follows the link miss it
			}
			return r.done(s, rec)
		}
	case l.State == cache.LinkHalf:
		return nil // its creation is looked at by recover
	default:
		var echo bool
		if echo, err = r.linked(l, s, rec, h); echo {
			list.Echoes++
		}
	}
	if err == nil {
		r.failing[s] = 0
		return nil
	}
	return r.trouble(kind, s, rec.ID, l.Key, err, h, &rec)
}

// narrow is the map's scope as far as the left side can filter by it. What
// leaves the scope is then noticed by a sweep.
func (r *run) narrow(kind psa.Kind, s Side) map[string][]string {
	if s != Left || r.c.cats[Left] == nil {
		return nil
	}
	var out map[string][]string
	for field, names := range r.c.m.Scope(kind) {
		if !slices.Contains(r.sides[s].offers[kind].Filter, field) {
			continue
		}
		f, ok := psa.FieldOf(kind, field)
		if !ok || f.Kind == "" {
			continue
		}
		var ids []string
		for _, name := range names {
			found := r.rowsNamed(f.Kind, name)
			if len(found) == 0 {
				ids = nil
				break
			}
			ids = append(ids, found...)
		}
		if len(ids) > 0 {
			if out == nil {
				out = map[string][]string{}
			}
			out[field] = ids
		}
	}
	return out
}

// rowsNamed finds the left rows of a name in every scope: statuses repeat on
// boards.
func (r *run) rowsNamed(kind psa.Kind, name string) []string {
	var ids []string
	for _, o := range r.c.cats[Left].Options(kind, "") {
		if o.Name == name || o.ID == name {
			ids = append(ids, o.ID)
		}
	}
	if len(ids) == 0 {
		if ref, ok := r.c.cats[Left].Find(kind, "", name); ok {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}

// visits reads the children of parents that changed, for kinds a system lists
// parent by parent only.
func (r *run) visits(kind psa.Kind, s Side) error {
	for t, err := range r.st.Tasks(r.ctx, r.source, cache.TaskQuery{Kind: kind, Types: []string{taskChildren}, Side: &s, Due: r.now()}) {
		if err != nil {
			return &stateErr{err}
		}
		if err := r.visit(t); err != nil {
			return err
		}
	}
	return r.flush()
}

// visitAll has the children of every linked parent read.
func (r *run) visitAll(kind psa.Kind, s Side) error {
	q := cache.LinkQuery{Kind: parentOf(kind), States: []cache.LinkState{cache.LinkLive}}
	for l, err := range r.st.Links(r.ctx, r.source, q) {
		if err != nil {
			return &stateErr{err}
		}
		tasks, err := r.childTasks(l, s, visitAll, false)
		if err != nil {
			return err
		}
		tasks = slices.DeleteFunc(tasks, func(t cache.Task) bool { return t.Kind != kind })
		if len(tasks) > 0 {
			if err := r.save(cache.StateBatch{Tasks: tasks}); err != nil {
				return err
			}
		}
	}
	return nil
}

// visit lists the children of one parent.
func (r *run) visit(t cache.Task) error {
	s, f := t.Side, r.sides[t.Side].offers[t.Kind]
	parent := psa.Ref{Kind: parentOf(t.Kind), ID: t.Record}
	if t.Kind == psa.KindTicket {
		parent.Kind = psa.KindCompany
	}
	var q psa.Query
	switch {
	case f.Parent == parent.Kind:
		q.Parent = parent
	case slices.Contains(f.Filter, string(parent.Kind)):
		q.Scope = map[string][]string{string(parent.Kind): {parent.ID}}
	default: // the next complete list finds them
		return r.drop(t)
	}
	live := t.Class != visitAll
	if t.Class == visitLive {
		known, err := r.st.Seen(r.ctx, r.source, s, t.Kind, false)
		if err != nil {
			return &stateErr{err}
		}
		q.Known = known
	}
	list, skipped := ListReport{Side: s, Kind: t.Kind}, r.rep.Skipped
	for rec, err := range r.sides[s].List(r.ctx, t.Kind, q) {
		if err != nil {
			r.rep.Lists = append(r.rep.Lists, list)
			if errors.Is(err, psa.ErrNotFound) { // the parent is gone
				return r.drop(t)
			}
			if err := r.postpone(t, err); err != nil {
				return err
			}
			return r.side(s, t.Kind, err)
		}
		list.Rows++
		r.first.was(s, &rec)
		if rec.Unchanged {
			list.Unchanged++
			continue
		}
		if err := r.row(t.Kind, s, rec, &list, how{live: live}); err != nil {
			return err
		}
	}
	r.rep.Lists = append(r.rep.Lists, list)
	if err := r.flush(); err != nil || r.rep.Skipped > skipped {
		return err
	}
	return r.drop(t)
}
