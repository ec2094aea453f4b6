package rest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/psasync/psasync/psa"
)

// A reader turns the pages of a listing into sheets, and proves that the list
// goes on.
type reader struct {
	l       *Listing
	cursor  string
	number  int
	total   int
	empty   int // empty pages in a row
	hasher  *hasher
	print   hash.Hash // of one page
	pages   map[psa.Hash]int
	cursors map[psa.Hash]struct{}
}

func newReader(l *Listing) *reader {
	return &reader{
		l: l, cursor: l.First,
		hasher: newHasher(), print: sha256.New(),
		pages: map[psa.Hash]int{}, cursors: map[psa.Hash]struct{}{},
	}
}

func (r *reader) broken(format string, args ...any) error {
	return &psa.Error{Code: psa.ErrData, Detail: fmt.Sprintf("page %d: ", r.number) + fmt.Sprintf(format, args...)}
}

// page reads the next page into s.
func (r *reader) page(ctx context.Context, s *sheet) error {
	l := r.l
	s.rows, s.cuts, s.last = s.rows[:0], s.cuts[:0], false
	r.number++
	if r.number > cmp.Or(l.MaxPages, DefaultMaxPages) {
		return r.broken("the list does not end")
	}
	key := digest([]byte(r.cursor))
	if _, dup := r.cursors[key]; dup {
		return r.broken("its cursor came before, the list goes in a circle")
	}
	r.cursors[key] = struct{}{}
	if err := ctx.Err(); err != nil {
		return err
	}
	page, err := l.Page(ctx, r.cursor)
	if err != nil {
		return err
	}
	turn := &Turn{Number: r.number, Cursor: r.cursor, Next: page.Next}
	if err := r.split(page.Body, s, turn); err != nil {
		return r.broken("%s", err)
	}
	if err := r.repeated(s); err != nil {
		return err
	}
	if l.Verify != nil {
		if err := l.Verify(turn); err != nil {
			return err
		}
	}
	r.cursor = turn.Next
	s.last = turn.Next == ""
	return nil
}

// split fills a sheet with cut and hashed rows.
func (r *reader) split(body []byte, s *sheet, turn *Turn) error {
	r.print.Reset()
	split := splitter{row: func(raw []byte, found mark) bool {
		if r.l.Shape == nil {
			r.print.Write(raw)
			s.rows = append(s.rows, row{raw: raw})
			return true
		}
		s.rows = append(s.rows, r.shape(s, raw, found))
		return true
	}}
	if r.l.Shape != nil {
		split.keys = r.l.Shape.keys
	}
	if r.l.Verify != nil && r.l.Wrapper != "" {
		turn.members = map[string][]byte{}
		split.member = func(name, value []byte) { turn.members[string(name)] = value }
	}
	if err := split.split(body, r.l.Wrapper); err != nil {
		return err
	}
	r.total += len(s.rows)
	turn.Rows, turn.Total = len(s.rows), r.total
	if n := len(s.rows); n > 0 {
		turn.First, turn.Last = s.rows[0].raw, s.rows[n-1].raw
	}
	return nil
}

// shape cuts and hashes one row.
func (r *reader) shape(s *sheet, raw []byte, found mark) row {
	shape := r.l.Shape
	out := row{raw: raw}
	if found&denied != 0 {
		// When cuts has to grow, rows in the old memory stay where they are.
		start := len(s.cuts)
		cuts, err := shape.keys.cut(s.cuts, raw, found, denied)
		if err != nil {
			out.err = dataError(err)
			r.print.Write(raw)
			return out
		}
		s.cuts = cuts
		out.raw = cuts[start:len(cuts):len(cuts)]
	}
	var err error
	if out.hash, err = r.hasher.hash(shape, out.raw, found); err != nil {
		out.err = dataError(err)
		r.print.Write(raw)
		return out
	}
	r.print.Write(out.hash[:])
	return out
}

// repeated finds a vendor that ignores the cursor.
func (r *reader) repeated(s *sheet) error {
	if len(s.rows) == 0 {
		if r.empty++; r.empty > maxEmpty {
			return r.broken("the list does not end")
		}
		return nil
	}
	r.empty = 0
	key := psa.Hash(r.print.Sum(nil)[:len(psa.Hash{})])
	if before, dup := r.pages[key]; dup {
		return r.broken("page %d came again", before)
	}
	r.pages[key] = r.number
	return nil
}

func digest(b []byte) psa.Hash {
	sum := sha256.Sum256(b)
	return psa.Hash(sum[:len(psa.Hash{})])
}
