package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func virtualOf(first, n int) *Virtual {
	return &Virtual{
		First: first, N: n,
		JSON: func(i int) []byte { return fmt.Appendf(nil, `{"id":%d,"name":"row %d"}`, first+i, i) },
		Field: func(i int, name string) (any, bool) {
			if name == "name" {
				return fmt.Sprintf("row %d", i), true
			}
			return nil, false
		},
	}
}

// A table with virtual rows behaves like a map with ids in order.
func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, n := rapid.IntRange(1, 20).Draw(t, "first"), rapid.IntRange(0, 30).Draw(t, "n")
		s := NewStore()
		model := map[int]string{}
		last := 0
		_ = s.Change(func(tx *Tx) error {
			if n > 0 {
				tx.Table("t").SetVirtual(virtualOf(first, n))
				last = first + n - 1
			}
			for i := range n {
				model[first+i] = fmt.Sprintf("row %d", i)
			}
			return nil
		})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id, name := rapid.IntRange(1, 60).Draw(t, "id"), rapid.StringMatching(`[a-z]{1,4}`).Draw(t, "name")
				_ = s.Change(func(tx *Tx) error { tx.Table("t").Put(id, map[string]any{"name": name}); return nil })
				model[id], last = name, max(last, id)
			},
			"delete": func(t *rapid.T) {
				id := rapid.IntRange(1, 60).Draw(t, "id")
				_ = s.Change(func(tx *Tx) error {
					if _, want := model[id]; tx.Table("t").Delete(id) != want {
						t.Fatalf("Delete(%d) = %v", id, !want)
					}
					return nil
				})
				delete(model, id)
			},
			"": func(t *rapid.T) {
				after := rapid.IntRange(0, 60).Draw(t, "after")
				s.View(func(tx *Tx) {
					tab := tx.Table("t")
					if tab.Len() != len(model) {
						t.Fatalf("Len = %d, want %d", tab.Len(), len(model))
					}
					if tab.NextID() != last+1 {
						t.Fatalf("NextID = %d, want %d", tab.NextID(), last+1)
					}
					got := map[int]string{}
					prev := after
					for r := range tab.All(after) {
						if r.ID <= prev {
							t.Fatalf("id %d after %d", r.ID, prev)
						}
						prev = r.ID
						got[r.ID], _ = r.Field("name").(string)
						one, ok := tab.Get(r.ID)
						if !ok || one.Fields()["name"] != got[r.ID] {
							t.Fatalf("Get(%d) differs", r.ID)
						}
					}
					want := map[int]string{}
					for id, name := range model {
						if id > after {
							want[id] = name
						}
					}
					if d := cmp.Diff(want, got); d != "" {
						t.Fatal(d)
					}
				})
			},
		})
	})
}

func TestDecode(t *testing.T) {
	for in, want := range map[string]any{
		`1`: 1, `-3`: -3, `1.5`: 1.5, `2.0`: 2.0, `"a"`: "a", `null`: nil, `true`: true, `[1,{"a":2}]`: []any{1, map[string]any{"a": 2}},
		`99999999999999999999`: 1e20,
	} {
		got, err := Decode([]byte(in))
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("Decode(%s) = %#v, %v; want %#v", in, got, err, want)
		}
	}
	for _, in := range []string{``, `{`, `1 2`, `{} x`, `[1,]`} {
		if v, err := Decode([]byte(in)); err == nil {
			t.Errorf("Decode(%q) = %v, want an error", in, v)
		}
	}
}

func TestNormaliseCopies(t *testing.T) {
	in := map[string]any{"a": []int{1}, "b": []string{"x"}, "c": int64(2), "d": json.Number("3"), "e": map[string]string{"k": "v"}, "f": []map[string]any{{"g": int32(4)}}, "h": float32(0.5)}
	want := map[string]any{"a": []any{1}, "b": []any{"x"}, "c": 2, "d": 3, "e": map[string]any{"k": "v"}, "f": []any{map[string]any{"g": 4}}, "h": 0.5}
	if d := cmp.Diff(any(want), Normalise(in)); d != "" {
		t.Fatal(d)
	}
	orig := map[string]any{"list": []any{map[string]any{"x": 1}}}
	c := CloneObject(orig)
	c["list"].([]any)[0].(map[string]any)["x"] = 2
	if orig["list"].([]any)[0].(map[string]any)["x"] != 1 {
		t.Fatal("CloneObject shares nested objects")
	}
}

func TestLogKeepsLatest(t *testing.T) {
	l := Log{size: 3}
	for i := range 5 {
		l.Add(Request{Status: i})
	}
	var got []int
	for _, r := range l.All() {
		got = append(got, r.Status)
	}
	if !slices.Equal(got, []int{2, 3, 4}) || l.Total() != 5 {
		t.Fatalf("kept %v of %d", got, l.Total())
	}
	l.Clear()
	if len(l.All()) != 0 || l.Total() != 0 {
		t.Fatal("Clear left entries")
	}
}
