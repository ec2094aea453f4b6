package simulation

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/psasync/psasync/psa"
)

// An order is how a system pages through its lists. Rows come, go and change
// between two pages, and many have the same stamp.
type order uint8

const (
	byID     order = iota // behind the last id
	byStamp               // behind the last stamp and id: a row that changes moves to the end
	byOffset              // by position; what moves is noticed, and ends the list
)

// A reader is one list that is being read.
type reader struct {
	s     *side
	kind  int
	q     *psa.Query
	order order
	after int       // id of the last row
	stamp time.Time // of the last row
	at    int       // rows so far
}

func (s *side) read(kind int, q *psa.Query) *reader {
	r := &reader{s: s, kind: kind, q: q}
	if q.After != "" {
		r.after, _ = strconv.Atoi(q.After) // what is no id of ours stands before all
	}
	if !s.does.resume { // a list that goes on behind an id is read by it
		r.order = s.order
	}
	return r
}

// page is the next page, valid until the next call, and whether there are more;
// ok is false where rows have moved, so that nobody can say what was left out.
func (l *reader) page(size int) (page []*row, more, ok bool) {
	rows := l.s.page[:0]
	for _, r := range l.s.rows[l.kind] {
		if l.s.listed(r, l.q) {
			rows = append(rows, r)
		}
	}
	l.s.page = rows
	from := 0
	switch l.order {
	case byID:
		from = len(rows)
		for i, r := range rows {
			if r.n > l.after {
				from = i
				break
			}
		}
	case byStamp:
		slices.SortStableFunc(rows, func(a, b *row) int {
			return cmp.Or(l.stampOf(a).Compare(l.stampOf(b)), cmp.Compare(a.n, b.n))
		})
		for from < len(rows) && l.read(rows[from]) {
			from++
		}
	case byOffset:
		rows = l.drift(rows)
		if l.at > 0 && (l.at > len(rows) || rows[l.at-1].n != l.after) {
			return nil, false, false
		}
		from = l.at
	}
	page = rows[from:min(from+size, len(rows))]
	if n := len(page); n > 0 {
		l.after, l.stamp, l.at = page[n-1].n, l.stampOf(page[n-1]), from+n
	}
	return page, from+len(page) < len(rows), true
}

// drift lets somebody delete the first row while a list is read, now and then.
func (l *reader) drift(rows []*row) []*row {
	w := l.s.w
	if l.at == 0 || len(rows) == 0 || !w.faulty() || w.tape.IntN(2) == 0 || w.needed(l.s, rows[0]) {
		return rows
	}
	w.remove(l.s, rows[0])
	return rows[1:]
}

func (l *reader) stampOf(r *row) time.Time { return r.updated.Truncate(l.s.does.grain) }

// read reports whether a row stands before the next page.
func (l *reader) read(r *row) bool {
	at := l.stampOf(r)
	return at.Before(l.stamp) || at.Equal(l.stamp) && r.n <= l.after
}
