package cache

import (
	"maps"
	"slices"

	"github.com/psasync/psasync/psa"
)

// A RowChange is one row that differs between two snapshots.
type RowChange struct {
	Ref    psa.Ref
	Before *psa.Record // nil: added
	After  *psa.Record // nil: removed
}

// Diff returns the rows whose Parent, Active or Fields differ between two
// snapshots, ordered by kind and id. Rows that the snapshots share are skipped
// at the cost of a pointer.
func Diff(a, b *Snapshot) []RowChange {
	kinds := map[psa.Kind]bool{}
	for k := range a.tables {
		kinds[k] = true
	}
	for k := range b.tables {
		kinds[k] = true
	}
	var changes []RowChange
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		changes = appendDiff(changes, a.tables[kind], b.tables[kind])
	}
	return changes
}

func appendDiff(changes []RowChange, a, b table) []RowChange {
	if sameTable(a, b) {
		return changes
	}
	for len(a) > 0 || len(b) > 0 {
		switch c := compareHeads(a, b); {
		case c < 0:
			changes = append(changes, RowChange{Ref: a[0].Ref, Before: a[0]})
			a = a[1:]
		case c > 0:
			changes = append(changes, RowChange{Ref: b[0].Ref, After: b[0]})
			b = b[1:]
		default:
			if a[0] != b[0] && !sameContent(a[0], b[0]) {
				changes = append(changes, RowChange{Ref: a[0].Ref, Before: a[0], After: b[0]})
			}
			a, b = a[1:], b[1:]
		}
	}
	return changes
}

func compareHeads(a, b table) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	case a[0] == b[0]:
		return 0
	}
	return compareIDs(a[0].ID, b[0].ID)
}

// sameTable reports whether a and b are one table shared by two snapshots.
func sameTable(a, b table) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
