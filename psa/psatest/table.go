package psatest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/psa"
)

// row is one row of the tenant. It is replaced, never changed.
type row struct {
	shown  psa.Record // as List yields it
	all    psa.Fields // with what is denied
	hidden bool       // out of scope: project tickets, hidden people
}

// table holds the rows of one kind in the order of their ids. A virtual table
// makes rows 1 to n when they are read; rows put into it stand in their place.
type table struct {
	rows map[string]*row
	ids  []string // sorted by compareIDs; virtual ids are not in it
	last int      // highest number used as an id

	virtual int
	make    func(i int) *row
	gone    map[string]bool // removed virtual ids
}

func newTable() *table { return &table{rows: map[string]*row{}} }

// compareIDs orders numbers by value and before other ids.
func compareIDs(a, b string) int {
	na, nb := isNumber(a), isNumber(b)
	switch {
	case na && nb:
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	case na:
		return -1
	case nb:
		return 1
	default:
		return strings.Compare(a, b)
	}
}

func isNumber(s string) bool {
	if s == "" || s[0] == '0' && s != "0" {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// virtualIndex returns i if id is one of the made rows, else 0.
func (t *table) virtualIndex(id string) int {
	if t.virtual == 0 || !isNumber(id) {
		return 0
	}
	if i, err := strconv.Atoi(id); err == nil && i <= t.virtual {
		return i
	}
	return 0
}

func (t *table) get(id string) *row {
	if r, ok := t.rows[id]; ok {
		return r
	}
	if i := t.virtualIndex(id); i > 0 && !t.gone[id] {
		return t.make(i)
	}
	return nil
}

func (t *table) put(r *row) {
	id := r.shown.ID
	if _, ok := t.rows[id]; !ok && t.virtualIndex(id) == 0 {
		i, _ := slices.BinarySearchFunc(t.ids, id, compareIDs)
		t.ids = slices.Insert(t.ids, i, id)
	}
	delete(t.gone, id)
	t.rows[id] = r
	if n, err := strconv.Atoi(id); err == nil {
		t.last = max(t.last, n)
	}
}

func (t *table) remove(id string) bool {
	if t.get(id) == nil {
		return false
	}
	delete(t.rows, id)
	if t.virtualIndex(id) > 0 {
		t.gone[id] = true
	} else if i, ok := slices.BinarySearchFunc(t.ids, id, compareIDs); ok {
		t.ids = slices.Delete(t.ids, i, i+1)
	}
	return true
}

func (t *table) nextID() string { return strconv.Itoa(t.last + 1) }

// after calls f for each row behind an id, in order, until f returns false.
func (t *table) after(id string, f func(*row) bool) {
	i, first := 0, 1
	if id != "" {
		var found bool
		if i, found = slices.BinarySearchFunc(t.ids, id, compareIDs); found {
			i++
		}
		first = t.virtual + 1
		if n, err := strconv.Atoi(id); err == nil && isNumber(id) {
			first = n + 1
		}
	}
	for ; i < len(t.ids) && compareIDs(t.ids[i], "1") < 0; i++ {
		if !f(t.rows[t.ids[i]]) {
			return
		}
	}
	for n := first; n <= t.virtual; n++ {
		if r := t.get(strconv.Itoa(n)); r != nil && !f(r) {
			return
		}
	}
	for _, id := range t.ids[i:] {
		if !f(t.rows[id]) {
			return
		}
	}
}

// matches reports whether a row belongs to the answer of a query.
func (r *row) matches(q psa.Query) bool {
	rec := r.shown
	switch {
	case r.hidden,
		q.ActiveOnly && !rec.Active,
		!q.Parent.IsZero() && rec.Parent != q.Parent,
		!q.Since.IsZero() && rec.Updated.Before(q.Since):
		return false
	}
	for name, ids := range q.Scope {
		if !slices.ContainsFunc(refIDs(rec.Fields[name]), func(id string) bool { return slices.Contains(ids, id) }) {
			return false
		}
	}
	return true
}

// refIDs returns the ids in a ref, refs or ids field.
func refIDs(v any) []string {
	switch v := v.(type) {
	case psa.Fields:
		return []string{v.String("id")}
	case string:
		return []string{v}
	case []any:
		var ids []string
		for _, e := range v {
			ids = append(ids, refIDs(e)...)
		}
		return ids
	}
	return nil
}
