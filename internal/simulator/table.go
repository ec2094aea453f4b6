package simulator

import (
	"iter"
	"slices"
	"sync"
)

// Store is the data of one tenant: named tables behind one lock. Rows are
// immutable once stored; a change replaces the row.
type Store struct {
	mu     sync.RWMutex
	tables map[string]*Table
}

// NewStore returns an empty store.
func NewStore() *Store { return &Store{tables: map[string]*Table{}} }

// View runs f under the read lock; f must neither wait nor call View or Change.
func (s *Store) View(f func(*Tx)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(&Tx{s: s})
}

// Change runs f under the write lock; f must neither wait nor call View or
// Change. What f did before it returned an error stays done: check first.
func (s *Store) Change(f func(*Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(&Tx{s: s, write: true})
}

// Tx gives access to the tables while the store's lock is held.
type Tx struct {
	s     *Store
	write bool
}

// Table returns the named table. A table nobody wrote to is empty.
func (tx *Tx) Table(name string) *Table {
	t := tx.s.tables[name]
	if t == nil {
		t = &Table{}
		if tx.write {
			tx.s.tables[name] = t
		}
	}
	return t
}

// Virtual describes rows that are made when they are read, so that a table of
// hundreds of thousands of rows costs no memory.
type Virtual struct {
	First int                // id of row 0; row i has id First+i
	N     int                // number of rows
	JSON  func(i int) []byte // row i as one JSON object; deterministic, safe for concurrent use
	Field func(i int, name string) (value any, ok bool)
	// Field answers one top-level field without making the row; ok false
	// means "decode the row to know". nil is allowed.
}

// Table is one list of rows with ids in ascending order.
type Table struct {
	ids  []int
	rows map[int]map[string]any
	gone map[int]bool // virtual rows that were deleted
	last int          // highest id ever given
	virt *Virtual
}

// SetVirtual backs the table by v, below the rows it has already.
func (t *Table) SetVirtual(v *Virtual) {
	t.virt = v
	if end := v.First + v.N - 1; end > t.last {
		t.last = end
	}
}

// Len returns the number of rows.
func (t *Table) Len() int {
	n := len(t.ids)
	if t.virt != nil {
		n += t.virt.N - len(t.gone)
		for _, id := range t.ids {
			if t.inVirtual(id) && !t.gone[id] {
				n-- // stored row that replaces a virtual one
			}
		}
	}
	return n
}

// Plain reports whether the table holds exactly its virtual rows, which makes
// the n-th row computable.
func (t *Table) Plain() (*Virtual, bool) {
	return t.virt, t.virt != nil && len(t.ids) == 0 && len(t.gone) == 0
}

func (t *Table) inVirtual(id int) bool {
	return t.virt != nil && id >= t.virt.First && id < t.virt.First+t.virt.N
}

// Get returns the row with that id.
func (t *Table) Get(id int) (Row, bool) {
	if f, ok := t.rows[id]; ok {
		return Row{ID: id, fields: f}, true
	}
	if t.inVirtual(id) && !t.gone[id] {
		return Row{ID: id, virt: t.virt}, true
	}
	return Row{}, false
}

// NextID returns the id the next inserted row gets.
func (t *Table) NextID() int { return t.last + 1 }

// Put stores fields under id, replacing what was there. The caller must not
// change fields afterwards.
func (t *Table) Put(id int, fields map[string]any) {
	if t.rows == nil {
		t.rows = map[int]map[string]any{}
	}
	if _, ok := t.rows[id]; !ok {
		if n := len(t.ids); n == 0 || t.ids[n-1] < id {
			t.ids = append(t.ids, id)
		} else {
			i, _ := slices.BinarySearch(t.ids, id)
			t.ids = slices.Insert(t.ids, i, id)
		}
	}
	t.rows[id] = fields
	t.last = max(t.last, id)
}

// Delete removes the row and reports whether it was there. Its id is not given
// again.
func (t *Table) Delete(id int) bool {
	_, found := t.Get(id)
	if !found {
		return false
	}
	if _, ok := t.rows[id]; ok {
		delete(t.rows, id)
		i, _ := slices.BinarySearch(t.ids, id)
		t.ids = slices.Delete(t.ids, i, i+1)
	}
	if t.inVirtual(id) {
		if t.gone == nil {
			t.gone = map[int]bool{}
		}
		t.gone[id] = true
	}
	return true
}

// All yields the rows with ids above after, in order.
func (t *Table) All(after int) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		i, _ := slices.BinarySearch(t.ids, after+1)
		if v := t.virt; v != nil {
			for k := max(0, after+1-v.First); k < v.N; k++ {
				id := v.First + k
				for ; i < len(t.ids) && t.ids[i] < id; i++ {
					if !yield(Row{ID: t.ids[i], fields: t.rows[t.ids[i]]}) {
						return
					}
				}
				row := Row{ID: id, virt: v}
				if i < len(t.ids) && t.ids[i] == id {
					row = Row{ID: id, fields: t.rows[id]}
					i++
				} else if t.gone[id] {
					continue
				}
				if !yield(row) {
					return
				}
			}
		}
		for ; i < len(t.ids); i++ {
			if !yield(Row{ID: t.ids[i], fields: t.rows[t.ids[i]]}) {
				return
			}
		}
	}
}
