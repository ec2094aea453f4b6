package psatest

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/psasync/psasync/psa"
)

func idGen() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 60), strconv.Itoa),
		rapid.SampledFrom([]string{"007", "a", "b", "1:2", "1:10", "-1", ""}),
	)
}

func TestIDsAreInTotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := idGen().Draw(t, "a"), idGen().Draw(t, "b"), idGen().Draw(t, "c")
		if compareIDs(a, b) != -compareIDs(b, a) || (compareIDs(a, b) == 0) != (a == b) {
			t.Errorf("%q and %q", a, b)
		}
		if compareIDs(a, b) <= 0 && compareIDs(b, c) <= 0 && compareIDs(a, c) > 0 {
			t.Errorf("%q, %q and %q", a, b, c)
		}
	})
	for _, x := range [][2]string{{"2", "10"}, {"10", "a"}, {"99999999999999999998", "99999999999999999999"}} {
		if compareIDs(x[0], x[1]) >= 0 {
			t.Errorf("%s comes after %s", x[0], x[1])
		}
	}
	for _, x := range [][2]string{{"1:2", "1:10"}, {"9", "10"}, {"a9b", "a10a"}, {"a", "ab"}} {
		if naturalCompare(x[0], x[1]) >= 0 || naturalCompare(x[1], x[0]) <= 0 {
			t.Errorf("%s comes after %s", x[0], x[1])
		}
	}
}

// A table, virtual or not, holds what a sorted list would.
func TestTableIsASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		made := func(id string) *row { return &row{shown: psa.Record{Ref: psa.Ref{Kind: psa.KindBoard, ID: id}}} }
		tab := newTable()
		var want []string
		if n := rapid.SampledFrom([]int{0, 20}).Draw(t, "virtual"); n > 0 {
			tab.virtual, tab.last, tab.gone = n, n, map[string]bool{}
			tab.make = func(i int) *row { return made(strconv.Itoa(i)) }
			for i := range n {
				want = append(want, strconv.Itoa(i+1))
			}
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			id := idGen().Filter(func(s string) bool { return s != "" }).Draw(t, "id")
			i, has := slices.BinarySearchFunc(want, id, compareIDs)
			if rapid.Bool().Draw(t, "put") {
				tab.put(made(id))
				if !has {
					want = slices.Insert(want, i, id)
				}
				continue
			}
			if tab.remove(id) != has {
				t.Fatalf("remove %q tells %v", id, !has)
			}
			if has {
				want = slices.Delete(want, i, i+1)
			}
		}
		after := idGen().Draw(t, "after")
		var got []string
		tab.after(after, func(r *row) bool {
			got = append(got, r.shown.ID)
			return true
		})
		if after != "" {
			i, has := slices.BinarySearchFunc(want, after, compareIDs)
			if has {
				i++
			}
			want = want[i:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("after %q: %s", after, cmp.Diff(want, got))
		}
	})
}
