package cache

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/psasync/psasync/psa"
)

// hashIndex finds rows by hash. It holds 4 bytes for each slot, two slots for
// each row at most, beside the pointers; the hashes stay in the rows, which are
// compared in full.
type hashIndex struct {
	rows  []*psa.Record
	slots []uint32 // 1 + position in rows, 0 where empty; length a power of two
}

func newHashIndex(tables map[psa.Kind]table) hashIndex {
	n := 0
	for _, t := range tables {
		n += len(t)
	}
	ix := hashIndex{rows: make([]*psa.Record, 0, n)}
	for _, kind := range slices.Sorted(maps.Keys(tables)) {
		for _, r := range tables[kind] {
			if !r.Hash.IsZero() {
				ix.rows = append(ix.rows, r)
			}
		}
	}
	size := 4
	for size < len(ix.rows)*4/3 {
		size *= 2
	}
	ix.slots = make([]uint32, size)
	for i, r := range ix.rows {
		slot := ix.slot(r.Hash)
		for ix.slots[slot] != 0 {
			slot = (slot + 1) % uint64(size)
		}
		ix.slots[slot] = uint32(i) + 1
	}
	return ix
}

func (ix hashIndex) slot(h psa.Hash) uint64 {
	return binary.LittleEndian.Uint64(h[:]) & uint64(len(ix.slots)-1)
}

// Known returns the row that has this hash.
func (ix hashIndex) Known(h psa.Hash) (psa.Ref, bool) {
	if h.IsZero() {
		return psa.Ref{}, false
	}
	for slot := ix.slot(h); ix.slots[slot] != 0; slot = (slot + 1) & uint64(len(ix.slots)-1) {
		if r := ix.rows[ix.slots[slot]-1]; r.Hash == h {
			return r.Ref, true
		}
	}
	return psa.Ref{}, false
}

// Known returns the index from hash to row for psa.Query.Known. Rows without a
// hash are not in it.
func (s *Snapshot) Known() psa.Known { return s.hashes() }
