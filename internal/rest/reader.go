package rest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"

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
	pages   map[pageKey]int
	cursors map[psa.Hash]struct{}
}

func newReader(l *Listing) *reader {
	return &reader{
		l: l, cursor: l.First,
		hasher: newHasher(), pages: map[pageKey]int{}, cursors: map[psa.Hash]struct{}{},
	}
}

func (r *reader) broken(format string, args ...any) error {
	return &psa.Error{Code: psa.ErrData, Detail: fmt.Sprintf("page %d: ", r.number) + fmt.Sprintf(format, args...)}
}

// page reads the next page into s.
func (r *reader) page(ctx context.Context, s *sheet) error {
	l := r.l
	s.rows, s.last = s.rows[:0], false
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
	turn := &Turn{Number: r.number, Cursor: r.cursor, Next: page.Next, ctx: ctx}
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

// split fills a sheet with rows, from which denied keys have been cut.
func (r *reader) split(body []byte, s *sheet, turn *Turn) error {
	shape := r.l.Shape
	split := splitter{row: func(raw []byte, found mark) bool {
		s.rows = append(s.rows, row{raw: raw, found: found})
		if found&denied != 0 {
			s.rows[len(s.rows)-1].cut(shape)
		}
		return true
	}}
	if shape != nil {
		split.keys = shape.keys
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

// repeated finds a vendor that ignores the cursor: number of rows, first and
// last row are those of an earlier page. Rows in between may have changed.
func (r *reader) repeated(s *sheet) error {
	n := len(s.rows)
	if n == 0 {
		if r.empty++; r.empty > maxEmpty {
			return r.broken("the list does not end")
		}
		return nil
	}
	r.empty = 0
	key := pageKey{n, r.rowKey(&s.rows[0]), r.rowKey(&s.rows[n-1])}
	if before, dup := r.pages[key]; dup {
		return r.broken("page %d came again", before)
	}
	r.pages[key] = r.number
	return nil
}

type pageKey struct {
	rows        int
	first, last psa.Hash
}

// rowKey is the hash of a row where it can be hashed, without volatile keys.
func (r *reader) rowKey(row *row) psa.Hash {
	if r.l.Shape != nil && row.err == nil {
		if h, err := r.hasher.hash(r.l.Shape, row.raw, row.found); err == nil {
			return h
		}
	}
	return digest(row.raw)
}

func digest(b []byte) psa.Hash {
	sum := sha256.Sum256(b)
	return psa.Hash(sum[:len(psa.Hash{})])
}
