package conflict_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/psasync/psasync/conflict"
)

// list reads "a b c" as a list of texts, "null" as null and "-" as absent. An
// element "1:x" is an object with id 1 and value x, "1:x!e" one that is the
// default of medium e.
func list(s string) conflict.Value {
	switch s {
	case "-":
		return conflict.Value{}
	case "null":
		return conflict.Of(nil)
	}
	l := []any{}
	for _, e := range strings.Fields(s) {
		id, v, ok := strings.Cut(e, ":")
		if !ok {
			l = append(l, e)
			continue
		}
		v, medium, isDefault := strings.Cut(v, "!")
		o := fields{"type": fields{"id": id}, "value": v}
		if isDefault {
			o["default"], o["medium"] = true, medium
		}
		l = append(l, o)
	}
	return conflict.Of(l)
}

func TestMergeSet(t *testing.T) {
	byID := &conflict.SetOptions{Key: []string{"type.id"}}
	byBoth := &conflict.SetOptions{Key: []string{"type.id", "value"}}
	oneDefault := &conflict.SetOptions{Key: []string{"type.id"}, AtMostOne: "default", Per: "medium"}
	oneAtAll := &conflict.SetOptions{Key: []string{"type.id"}, AtMostOne: "default"}
	const element = "!both sides changed the same element"
	tests := []struct {
		name              string
		o                 *conflict.SetOptions
		base, left, right string
		want              string // or "!" and why not
	}{
		{"both add", nil, "a", "a c", "a b", "a b c"},
		{"both add the same", nil, "a", "a b", "a b c", "a b c"},
		{"both remove", nil, "a b c", "a c", "a b", "a"},
		{"one adds, one removes", nil, "a b", "a b c", "b", "b c"},
		{"one adds back what the other keeps", nil, "a b c", "b a", "a b c d", "a b d"},
		{"all gone", nil, "a b", "a", "b", ""},
		{"all gone, one is null", nil, "a b", "null", "b", "null"},
		{"null base", nil, "null", "a", "b", "a b"},
		{"no base", nil, "-", "b a", "c", "a b c"},
		{"no base, one is null", nil, "-", "b a", "null", "b a"},
		{"one has it all already", nil, "a b", "c b a", "b a", "c b a"},
		{"the same set in another order", nil, "a", "b a", "a b", "a b"},
		{"twice the same", nil, "a", "a a b", "a c", "a b c"},
		{"a side does not tell", nil, "a", "-", "b", "!a side does not tell the list"},
		{"objects", nil, "1:x", "1:x 2:y", "3:z", "2:y 3:z"},
		{"a changed object is another one", nil, "1:x", "1:y", "1:z", "1:y 1:z"},

		{"by key, one changes", byID, "1:x 2:y", "1:x 2:y 3:z", "1:x 2:Y", "1:x 2:Y 3:z"},
		{"by key, each changes one", byID, "1:x 2:y", "1:X 2:y", "1:x 2:Y", "1:X 2:Y"},
		{"by key, both change alike", byID, "1:x 2:y", "1:X 2:y", "1:X", "1:X"},
		{"by key, both change", byID, "1:x", "1:X", "1:Y", element},
		{"by key, changed and removed", byID, "1:x 2:y", "2:y", "1:X 2:y", element},
		{"by key, both add", byID, "", "1:x", "1:y", element},
		{"by key, no base", byID, "-", "1:x 2:y", "2:y 3:z", "1:x 2:y 3:z"},
		{"by key, no base, other values", byID, "-", "1:x", "1:y", element},
		{"by two keys", byBoth, "1:x", "1:x 1:y", "1:x 1:z", "1:x 1:y 1:z"},
		{"by key, twice", byID, "1:x", "1:x 1:y", "1:z", "!two elements of a list have the same key"},
		{"by key, a text", byID, "1:x", "1:x b", "1:z", "!an element has no key"},

		{"both set a default", oneDefault, "1:x!e 2:y 3:z", "1:x 2:y!e 3:z", "1:x!e 2:y 3:z 4:w!e", `!two elements would be "default"`},
		{"a default each", oneDefault, "1:x 2:y", "1:x!e 2:y", "1:x 2:y!p", "1:x!e 2:y!p"},
		{"a default each, one at all", oneAtAll, "1:x 2:y", "1:x!e 2:y", "1:x 2:y!p", `!two elements would be "default"`},
		{"the default moves", oneAtAll, "1:x!e 2:y", "1:x 2:y!e", "1:x!e 2:y 3:z", "1:x 2:y!e 3:z"},
	}
	for _, tt := range tests {
		c := about(list(tt.base), list(tt.left), list(tt.right), stamps[0])
		for _, c := range []conflict.Conflict{c, swap(c)} {
			d := ask(t, conflict.MergeSet(tt.o), c)
			if why, bad := strings.CutPrefix(tt.want, "!"); bad {
				if d.Action != conflict.NoOpinion || d.Reason != "merge_set: "+why {
					t.Errorf("%s: %+v", tt.name, d)
				}
				continue
			}
			if got := conflict.At(d.Values, "f"); d.Action != conflict.Merge || !got.Equal(list(tt.want)) {
				t.Errorf("%s: %+v", tt.name, d)
			}
		}
	}
}

func TestMergeSetOfOtherThings(t *testing.T) {
	c := func(left any) conflict.Conflict {
		return about(list("a"), conflict.Of(left), list("c"), stamps[0])
	}
	for _, tt := range []struct {
		left   any
		o      *conflict.SetOptions
		reason string
	}{
		{"a text", nil, "merge_set: a value is no list"},
		{[]any{7}, nil, "merge_set: an element has no key"}, // an int is no value of this package
		{[]any{"a", "b", "c"}, &conflict.SetOptions{MaxItems: 2}, "merge_set: a list has more than 2 elements"},
		{[]any{fields{"id": nil}}, &conflict.SetOptions{Key: []string{"id"}}, "merge_set: an element has no key"},
		{[]any{fields{"id": 7}}, &conflict.SetOptions{Key: []string{"id"}}, "merge_set: an element has no key"},
	} {
		o := conflict.SetOptions{}
		if tt.o != nil {
			o = *tt.o
		}
		if o.Key != nil {
			// All lists need the key, or another one fails first.
			d := ask(t, conflict.MergeSet(&o), about(list(""), conflict.Of(tt.left), conflict.Of([]any{fields{"id": "1"}}), stamps[0]))
			if d.Reason != tt.reason {
				t.Errorf("%#v: %+v", tt.left, d)
			}
			continue
		}
		if d := ask(t, conflict.MergeSet(&o), c(tt.left)); d.Action != conflict.NoOpinion || d.Reason != tt.reason {
			t.Errorf("%#v: %+v", tt.left, d)
		}
		o.Hold = true
		if d := ask(t, conflict.MergeSet(&o), c(tt.left)); d.Action != conflict.Hold || d.Reason != tt.reason {
			t.Errorf("%#v: with Hold: %+v", tt.left, d)
		}
	}
	long := make([]any, conflict.DefaultMaxItems+1)
	for i := range long {
		long[i] = fmt.Sprint(i)
	}
	if d := ask(t, conflict.MergeSet(nil), c(long)); d.Action != conflict.NoOpinion {
		t.Error("a list past the default was merged")
	}
	if d := ask(t, conflict.MergeSet(nil), c(long[1:])); d.Action != conflict.Merge {
		t.Errorf("a list of the default length: %s", d.Reason)
	}
}

// An element is in the merge exactly if a side added it, or neither removed it.
func TestMergeSetByDefinition(t *testing.T) {
	lists := rapid.SliceOfN(rapid.SampledFrom([]any{"a", "b", num(1), nil, true, fields{"a": "b"}}), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		base, left, right := lists.Draw(t, "base"), lists.Draw(t, "left"), lists.Draw(t, "right")
		c := about(conflict.Of(base), conflict.Of(left), conflict.Of(right), stamps[0])
		d, err := conflict.MergeSet(nil)(t.Context(), c)
		if err != nil || d.Action != conflict.Merge {
			t.Fatal(d, err)
		}
		got := d.Values["f"].([]any)
		has := func(l []any, e any) bool {
			return slices.ContainsFunc(l, func(x any) bool { return conflict.Equal(x, e) })
		}
		for _, e := range slices.Concat(base, left, right, got) {
			want := has(left, e) || has(right, e)
			if has(base, e) {
				want = has(left, e) && has(right, e)
			}
			if has(got, e) != want {
				t.Fatalf("%v, %v, %v merged to %v: wrong about %v", base, left, right, got, e)
			}
		}
		back, err := conflict.MergeSet(nil)(t.Context(), swap(c))
		if err != nil || !conflict.Equal(d.Values["f"], back.Values["f"]) {
			t.Fatalf("merged to %v, swapped to %v", got, back.Values["f"])
		}
	})
}
