package cache

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/psasync/psasync/psa"
)

// A Snapshot is all configuration of one source at one version. It is
// immutable and safe for concurrent use, and so is what it hands out: Fields,
// Raw and Options are shared and must not be modified. Lookup structures are
// built on first use, once for all readers, and pass on to the next version
// for kinds that did not change.
type Snapshot struct {
	meta    Meta
	tables  map[psa.Kind]table
	indexes map[psa.Kind]*index // of every kind with rows or meta data

	layouts sync.Map // psa.Kind -> *layout
	combos  func() *combos
	hashes  func() hashIndex
}

var _ psa.Catalog = (*Snapshot)(nil)

// NewSnapshot returns a snapshot of these rows, for stores that read what they
// kept. The rows may come in any order; two of one Ref, or a row without one,
// are an error that is [ErrCorrupt].
func NewSnapshot(m Meta, rows iter.Seq[psa.Record]) (*Snapshot, error) {
	s := &Snapshot{meta: m.clone(), tables: map[psa.Kind]table{}}
	for r := range rows {
		if r.Kind == "" || r.ID == "" {
			return nil, fmt.Errorf("cache: %s: a row without kind or id: %w", m.Source, ErrCorrupt)
		}
		s.tables[r.Kind] = append(s.tables[r.Kind], &r)
	}
	byID := func(a, b *psa.Record) int { return compareIDs(a.ID, b.ID) }
	for _, t := range s.tables {
		if !slices.IsSortedFunc(t, byID) {
			slices.SortFunc(t, byID)
		}
		for i := 1; i < len(t); i++ {
			if t[i-1].ID == t[i].ID {
				return nil, fmt.Errorf("cache: %s: two rows of %v: %w", m.Source, t[i].Ref, ErrCorrupt)
			}
		}
	}
	s.build(nil)
	return s, nil
}

// Empty returns the snapshot of a source that nothing was committed to.
func Empty(source string) *Snapshot {
	s := &Snapshot{meta: Meta{Source: source}}
	s.build(nil)
	return s
}

// Meta returns what the snapshot tells about itself.
func (s *Snapshot) Meta() Meta { return s.meta.clone() }

// Source returns the name of the connection.
func (s *Snapshot) Source() string { return s.meta.Source }

// Version returns the version; 0 means that no row was ever committed.
func (s *Snapshot) Version() Version { return s.meta.Version }

// Provider returns the name of the provider the rows came from.
func (s *Snapshot) Provider() string { return s.meta.Provider }

// Instance returns the account the rows came from.
func (s *Snapshot) Instance() psa.Instance { return s.meta.Instance }

// Freshness returns the meta data of a kind: when it was last read completely,
// and since when and why it is stale. It is zero if the kind was never read.
func (s *Snapshot) Freshness(kind psa.Kind) KindMeta { return s.meta.Kinds[kind].clone() }

// Kinds returns the kinds that have rows or meta data, in the order of
// psa.ConfigKinds and psa.RecordKinds; others follow by name.
func (s *Snapshot) Kinds() []psa.Kind {
	var kinds []psa.Kind
	for _, k := range slices.Concat(psa.ConfigKinds(), psa.RecordKinds()) {
		if s.indexes[k] != nil {
			kinds = append(kinds, k)
		}
	}
	known := len(kinds)
	for _, k := range slices.Sorted(maps.Keys(s.indexes)) {
		if !slices.Contains(kinds[:known], k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// Len returns how many rows a kind has, inactive ones included.
func (s *Snapshot) Len(kind psa.Kind) int { return len(s.tables[kind]) }

// All yields the rows of a kind, inactive ones included, ordered by id:
// integers by their number, then other ids bytewise.
func (s *Snapshot) All(kind psa.Kind) iter.Seq[psa.Record] { return s.tables[kind].all() }

func (t table) all() iter.Seq[psa.Record] {
	return func(yield func(psa.Record) bool) {
		for _, r := range t {
			if !yield(*r) {
				return
			}
		}
	}
}

// Get returns one row.
func (s *Snapshot) Get(ref psa.Ref) (psa.Record, bool) {
	if r := s.row(ref); r != nil {
		return *r, true
	}
	return psa.Record{}, false
}

func (s *Snapshot) row(ref psa.Ref) *psa.Record { return s.tables[ref.Kind].get(ref.ID) }

// Parent returns the parent of a row, the board of a status. ok is false if it
// has none or if that is not in the snapshot.
func (s *Snapshot) Parent(ref psa.Ref) (parent psa.Record, ok bool) {
	r := s.row(ref)
	if r == nil || r.Parent.IsZero() {
		return psa.Record{}, false
	}
	return s.Get(r.Parent)
}

// Children yields the rows of a kind that have this parent, inactive ones
// included, ordered by id.
func (s *Snapshot) Children(parent psa.Ref, kind psa.Kind) iter.Seq[psa.Record] {
	ix := s.indexes[kind]
	if ix == nil {
		return func(func(psa.Record) bool) {}
	}
	return ix.children()[parent].all()
}

// Lookup returns the typed view of a row, e.g. Lookup[psa.Status]. The error
// is psa.ErrNotFound if there is no such row, and otherwise that of psa.As.
func Lookup[V any](s *Snapshot, ref psa.Ref) (V, error) {
	r := s.row(ref)
	if r == nil {
		var zero V
		return zero, &psa.Error{Provider: s.meta.Provider, Op: "look up", Ref: ref, Code: psa.ErrNotFound}
	}
	return psa.As[V](*r)
}

// Views yields the typed views of a kind, ordered as by All. An error belongs
// to the row it comes with, of which the view holds what could be decoded; the
// sequence goes on.
func Views[V any](s *Snapshot, kind psa.Kind) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		for _, r := range s.tables[kind] {
			if !yield(psa.As[V](*r)) {
				return
			}
		}
	}
}
