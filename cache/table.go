package cache

import (
	"cmp"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A table holds the rows of one kind at one version, ordered by id. It is
// immutable; versions between which a kind did not change share its table, and
// those between which a row did not change share the row.
type table []*psa.Record

func (t table) find(id string) (int, bool) {
	return slices.BinarySearchFunc(t, id, func(r *psa.Record, id string) int { return compareIDs(r.ID, id) })
}

func (t table) get(id string) *psa.Record {
	if i, ok := t.find(id); ok {
		return t[i]
	}
	return nil
}

// compareIDs orders integers by their number, before all other ids, which
// follow bytewise. It is total: only equal strings compare equal.
func compareIDs(a, b string) int {
	aNeg, aDigits, aNum := integer(a)
	bNeg, bDigits, bNum := integer(b)
	switch {
	case !aNum && !bNum:
		return strings.Compare(a, b)
	case !aNum:
		return 1
	case !bNum:
		return -1
	}
	c := cmp.Or(cmp.Compare(len(aDigits), len(bDigits)), strings.Compare(aDigits, bDigits))
	switch {
	case aNeg && bNeg:
		c = -c
	case aNeg:
		c = -1
	case bNeg:
		c = 1
	}
	return cmp.Or(c, strings.Compare(a, b))
}

// integer splits an id of decimal digits with an optional minus sign; leading
// zeros do not count.
func integer(s string) (neg bool, digits string, ok bool) {
	digits, neg = strings.CutPrefix(s, "-")
	if digits == "" {
		return false, "", false
	}
	for i := range len(digits) {
		if c := digits[i]; c < '0' || c > '9' {
			return false, "", false
		}
	}
	return neg, strings.TrimLeft(digits, "0"), true
}

// compareRefs orders rows by kind, then id.
func compareRefs(a, b psa.Ref) int {
	return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), compareIDs(a.ID, b.ID))
}

// merge returns t with the edits made, both ordered by id. An edit without a
// row removes.
func (t table) merge(edits []edit) table {
	out := make(table, 0, len(t)+len(edits))
	for _, e := range edits {
		i, found := t.find(e.ref.ID)
		out = append(out, t[:i]...)
		if e.row != nil {
			out = append(out, e.row)
		}
		if found {
			i++
		}
		t = t[i:]
	}
	return append(out, t...)
}

type edit struct {
	ref psa.Ref
	row *psa.Record
}
