package rest

import (
	"bytes"
	"context"
	"iter"
	"strconv"

	"github.com/psasync/psasync/psa"
)

// A Page is one page of a list as the vendor sent it.
type Page struct {
	Body []byte // belongs to the list from now on, which cuts denied keys out of it
	Next string // cursor of the next page; "" if this is the last
}

// A Turn is a page that was split, before its rows are handed out.
type Turn struct {
	Number int    // of the page, from 1
	Cursor string // the page was asked for with
	Next   string // cursor of the next page, from Page; Verify may change it
	Rows   int    // on this page
	Total  int    // rows so far, this page included
	First  []byte // first row, Last the last one; nil on an empty page; valid during Verify only
	Last   []byte

	ctx     context.Context
	members map[string][]byte
}

// Context is the context of the list, for a Verify that asks the vendor.
func (t *Turn) Context() context.Context { return t.ctx }

// Member returns the raw value of a member of the wrapper object that stands
// beside the rows, such as pageDetails or record_count; nil without one. It is
// valid during Verify only.
func (t *Turn) Member(name string) []byte { return t.members[name] }

// Duplicates says what becomes of a row whose id the list has had already.
type Duplicates uint8

// The zero Duplicates is for lists that the vendor orders by a key, where no
// row can come twice; it keeps no ids.
const (
	DuplicatesPass  Duplicates = iota
	DuplicatesDrop             // the first one counts: rows moved while paging
	DuplicatesError            // psa.ErrData
)

const (
	// DefaultMaxPages ends a list that has no end.
	DefaultMaxPages = 1_000_000
	// maxEmpty is how many empty pages in a row may announce another one.
	maxEmpty = 100
)

// A Listing describes a list to [Records].
type Listing struct {
	Provider, Op string // for errors
	Kind         psa.Kind
	Parent       psa.Ref // of all rows, passed to Decode; zero if rows tell it themselves

	// Page reads the page at a cursor, First for the first one. It runs in a
	// goroutine of the loop, one call at a time, and must obey the context.
	First string
	Page  func(ctx context.Context, cursor string) (Page, error)
	// Wrapper is the member that holds the rows; "" if the body is the array.
	Wrapper string
	// Verify checks a page and may change Turn.Next, in the same goroutine as
	// Page. Its error ends the list before a row of the page is handed out.
	// nil: nothing to check.
	Verify func(*Turn) error

	Shape *Shape    // nil: nothing is cut and rows have no hash
	Known psa.Known // rows to skip; nil: none. Called by the goroutine that ranges
	// Decode decodes a row that is not known, and refuses malformed JSON. The
	// row belongs to the record.
	Decode func(row []byte, parent psa.Ref) psa.Record

	Duplicates Duplicates
	MaxPages   int // 0: DefaultMaxPages
}

// Records yields the rows of all pages. It holds two pages at most: the next
// one is read and split while the loop works on the present one, from
// the moment that the loop asks for a second row. Rows are handed out of pages
// that were seen to their closing bracket. A known row has Unchanged set and
// is never decoded. A row that cannot be decoded has Err set, and no Hash, so
// that it is tried again next time. Any other error comes last and is a
// *psa.Error; psa.ErrData if a page or a cursor comes twice or pages do not
// end. When the loop is over, for whatever reason, nothing runs any more.
func Records(ctx context.Context, l Listing) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		inner, cancel := context.WithCancel(ctx)
		p := &pump{
			l:    &l,
			more: make(chan struct{}, 1),
			out:  make(chan *sheet, 1),
			done: make(chan struct{}),
			seen: newIDs(l.Duplicates),

			hasher: newHasher(),
		}
		go p.read(inner)
		defer func() {
			cancel()
			close(p.more)
			<-p.done
		}()
		for {
			p.ask()
			s := <-p.out
			p.asked = s.last
			err, last := s.err, s.last
			if err == nil {
				var stopped bool
				if stopped, err = p.hand(ctx, s, yield); stopped {
					return
				}
			}
			if err != nil {
				yield(psa.Record{}, p.fail(ctx, err))
				return
			}
			if last {
				return
			}
		}
	}
}

// A pump reads pages in one goroutine and hands out their rows in another.
type pump struct {
	l     *Listing
	more  chan struct{} // asks for a page; of one
	out   chan *sheet   // of one
	done  chan struct{}
	asked bool // for the page behind the present one
	seen  *ids

	hasher *hasher // here, so that one page is split while the other is hashed
}

// A sheet is a page that was split. Two of them take turns.
type sheet struct {
	rows []row
	last bool
	err  error
}

type row struct {
	raw   []byte
	found mark
	err   error
}

// cut cuts denied keys out of a row, where it lies: what is left is never
// longer. Spaces fill the rest, so that the page stays JSON.
func (r *row) cut(shape *Shape) {
	cut, err := shape.keys.cut(r.raw[:0], r.raw, r.found, denied)
	if err != nil {
		r.err = dataError(err)
		return
	}
	for i := len(cut); i < len(r.raw); i++ {
		r.raw[i] = ' '
	}
	r.raw = cut
}

func (p *pump) ask() {
	if !p.asked {
		p.asked = true
		p.more <- struct{}{}
	}
}

// read is the goroutine that makes pages. It never waits to hand one over,
// since a page is asked for when the one before was taken.
func (p *pump) read(ctx context.Context) {
	defer close(p.done)
	r := newReader(p.l)
	var sheets [2]sheet
	for n := 0; ; n++ {
		if _, ok := <-p.more; !ok {
			return
		}
		s := &sheets[n%2]
		s.err = r.page(ctx, s)
		p.out <- s
	}
}

// hand yields the rows of a sheet and lets go of them.
func (p *pump) hand(ctx context.Context, s *sheet, yield func(psa.Record, error) bool) (stopped bool, err error) {
	defer func() {
		clear(s.rows)
		s.rows = s.rows[:0]
	}()
	for i := range s.rows {
		if i == 1 {
			p.ask()
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		rec := p.record(&s.rows[i])
		if rec.ID != "" && !p.seen.add(rec.ID) {
			if p.l.Duplicates == DuplicatesError {
				return false, &psa.Error{Ref: rec.Ref, Code: psa.ErrData, Detail: "the row came twice"}
			}
			continue
		}
		if !yield(rec, nil) {
			return true, nil
		}
	}
	return false, nil
}

func (p *pump) record(r *row) psa.Record {
	l := p.l
	bad := func(err error) psa.Record {
		return psa.Record{Ref: psa.Ref{Kind: l.Kind}, Parent: l.Parent, Err: p.named(err)}
	}
	if r.err != nil {
		return bad(r.err)
	}
	var hash psa.Hash
	if l.Shape != nil {
		var err error
		if hash, err = p.hasher.hash(l.Shape, r.raw, r.found); err != nil {
			return bad(dataError(err))
		}
		if l.Known != nil {
			if ref, ok := l.Known.Known(hash); ok {
				return psa.Record{Ref: ref, Parent: l.Parent, Hash: hash, Unchanged: true}
			}
		}
	}
	if r.raw[0] != '{' {
		return bad(&psa.Error{Code: psa.ErrData, Detail: "the row is no object"})
	}
	raw := bytes.Clone(r.raw) // a part would keep the page
	rec := l.Decode(raw, l.Parent)
	if rec.Kind == "" {
		rec.Kind = l.Kind
	}
	if rec.Parent.IsZero() {
		rec.Parent = l.Parent
	}
	if rec.Err == nil && rec.ID == "" {
		rec.Err = p.named(&psa.Error{Code: psa.ErrData, Detail: "the row has no id"})
	}
	if rec.Err == nil {
		rec.Raw, rec.Hash = raw, hash
	}
	return rec
}

// named completes an error.
func (p *pump) named(err error) error {
	e := asError(err)
	if e.Provider == "" {
		e.Provider = p.l.Provider
	}
	if e.Op == "" {
		e.Op = p.l.Op
	}
	return e
}

func (p *pump) fail(ctx context.Context, err error) error {
	if e := ctx.Err(); e != nil {
		err = ended(e)
	}
	return p.named(err)
}

// ids remembers the ids of a list. Vendors' ids are numbers, which are kept
// without their text.
type ids struct {
	numbers map[uint64]struct{}
	others  map[string]struct{}
}

// newIDs returns nil where duplicates pass.
func newIDs(d Duplicates) *ids {
	if d == DuplicatesPass {
		return nil
	}
	return &ids{numbers: map[uint64]struct{}{}, others: map[string]struct{}{}}
}

// add reports whether an id is new.
func (s *ids) add(id string) bool {
	if s == nil {
		return true
	}
	if n, err := strconv.ParseUint(id, 10, 64); err == nil && (id[0] != '0' || id == "0") {
		if _, dup := s.numbers[n]; dup {
			return false
		}
		s.numbers[n] = struct{}{}
		return true
	}
	if _, dup := s.others[id]; dup {
		return false
	}
	s.others[id] = struct{}{}
	return true
}
