package cache_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// TestAgainstModel commits random batches and compares every lookup with one
// over a plain map.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := map[psa.Ref]psa.Record{}
		snap := cache.Empty("a")
		kinds := map[psa.Kind]cache.KindMeta{psa.KindStatus: {Scopes: []psa.Scope{{Kind: psa.KindBoard}}}}
		first := true
		for range rapid.IntRange(1, 6).Draw(t, "commits") {
			b := cache.Batch{}
			if first {
				b.Kinds, first = kinds, false
			}
			next := maps.Clone(model)
			for range rapid.IntRange(0, 6).Draw(t, "rows") {
				r := drawRow(t)
				if slices.ContainsFunc(b.Put, func(p psa.Record) bool { return p.Ref == r.Ref }) || slices.Contains(b.End, r.Ref) {
					continue
				}
				if rapid.IntRange(0, 3).Draw(t, "end") == 0 {
					b.End = append(b.End, r.Ref)
					delete(next, r.Ref)
				} else {
					b.Put = append(b.Put, r)
					next[r.Ref] = r
				}
			}
			after, delta, err := snap.Apply(snap.Version(), b)
			if err != nil {
				t.Fatal(err)
			}
			changed := !maps.EqualFunc(model, next, sameContent)
			if changed != (after.Version() > snap.Version()) || changed != delta.Changes() {
				t.Fatalf("changed: %v, versions %d and %d, delta %+v", changed, snap.Version(), after.Version(), delta)
			}
			checkDiff(t, snap, after, model, next)
			model, snap = next, after
			checkLookups(t, snap, model)
		}
	})
}

func drawRow(t *rapid.T) psa.Record {
	kind := rapid.SampledFrom([]psa.Kind{psa.KindBoard, psa.KindStatus}).Draw(t, "kind")
	r := rec(kind, strconv.Itoa(rapid.IntRange(1, 12).Draw(t, "id")), rapid.SampledFrom([]string{"New", "new ", "Done", "Ärger", "ärger"}).Draw(t, "name"))
	r.Active = rapid.IntRange(0, 2).Draw(t, "active") > 0
	if n := rapid.IntRange(0, 2).Draw(t, "order"); n > 0 {
		r.Fields["order"] = number(n)
	}
	if n := rapid.IntRange(0, 2).Draw(t, "board"); n > 0 && kind == psa.KindStatus {
		r.Parent = psa.Ref{Kind: psa.KindBoard, ID: strconv.Itoa(n)}
	}
	return r
}

func sameContent(a, b psa.Record) bool {
	return a.Ref == b.Ref && a.Parent == b.Parent && a.Active == b.Active && a.Fields.Equal(b.Fields)
}

func checkDiff(t *rapid.T, before, after *cache.Snapshot, model, next map[psa.Ref]psa.Record) {
	got := map[psa.Ref]bool{}
	for _, c := range cache.Diff(before, after) {
		got[c.Ref] = true
		old, wasThere := model[c.Ref]
		now, isThere := next[c.Ref]
		if (c.Before != nil) != wasThere || (c.After != nil) != isThere || wasThere && !sameContent(*c.Before, old) || isThere && !sameContent(*c.After, now) {
			t.Fatalf("%v: %v -> %v", c.Ref, c.Before, c.After)
		}
	}
	for ref := range model {
		if n, ok := next[ref]; (!ok || !sameContent(n, model[ref])) != got[ref] {
			t.Fatalf("%v: in the difference: %v", ref, got[ref])
		}
	}
	for ref := range next {
		if _, ok := model[ref]; !ok && !got[ref] {
			t.Fatalf("%v is new, and not in the difference", ref)
		}
	}
}

func checkLookups(t *rapid.T, snap *cache.Snapshot, model map[psa.Ref]psa.Record) {
	for _, kind := range []psa.Kind{psa.KindBoard, psa.KindStatus} {
		var want []psa.Record
		for _, r := range model {
			if r.Kind == kind {
				want = append(want, r)
			}
		}
		byID := func(a, b psa.Record) int { return cmp.Compare(atoi(a.ID), atoi(b.ID)) }
		slices.SortFunc(want, byID)
		if got := slices.Collect(snap.All(kind)); !slices.EqualFunc(got, want, sameContent) {
			t.Fatalf("All(%s) is %v, not %v", kind, got, want)
		}
		scopes := []string{"", "1", "2", "3"}
		for _, scope := range scopes {
			in := slices.DeleteFunc(slices.Clone(want), func(r psa.Record) bool {
				return kind == psa.KindStatus && scope != "" && !r.Parent.IsZero() && r.Parent.ID != scope
			})
			checkFind(t, snap, kind, scope, in)
			shown := slices.DeleteFunc(in, func(r psa.Record) bool { return !r.Active })
			slices.SortFunc(shown, func(a, b psa.Record) int {
				return cmp.Or(cmp.Compare(orderOf(a), orderOf(b)), strings.Compare(foldName(a.Name()), foldName(b.Name())), byID(a, b))
			})
			var ids []string
			for _, r := range shown {
				ids = append(ids, r.ID)
			}
			if got := optionIDs(snap.Options(kind, scope)); got != fmt.Sprint(append([]string{}, ids...)) {
				t.Fatalf("Options(%s, %q) is %s, not %v", kind, scope, got, ids)
			}
		}
	}
}

func checkFind(t *rapid.T, snap *cache.Snapshot, kind psa.Kind, scope string, in []psa.Record) {
	for _, name := range []string{"New", "NEW", "Done", "ÄRGER", "none"} {
		match := slices.DeleteFunc(slices.Clone(in), func(r psa.Record) bool { return r.Name() != name })
		if len(match) == 0 {
			match = slices.DeleteFunc(slices.Clone(in), func(r psa.Record) bool { return foldName(r.Name()) != foldName(name) })
		}
		active := slices.DeleteFunc(slices.Clone(match), func(r psa.Record) bool { return !r.Active })
		var want psa.Ref
		switch {
		case len(active) == 1:
			want = active[0].Ref
		case len(active) == 0 && len(match) > 0:
			want = match[0].Ref
		}
		if got, ok := snap.Find(kind, scope, name); got != want || ok == want.IsZero() {
			t.Fatalf("Find(%s, %q, %q) is %v, %v, not %v", kind, scope, name, got, ok, want)
		}
	}
}

func foldName(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func orderOf(r psa.Record) float64 {
	if n, ok := r.Fields.Float("order"); ok {
		return n
	}
	return 1e9
}
