package conflict_test

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/psasync/psasync/conflict"
)

// TestClassify lists every combination of absent (-), null (0) and two values,
// with a third where the row needs one: base, left, right.
func TestClassify(t *testing.T) {
	values := map[string]conflict.Value{
		"-": {}, "0": conflict.Of(nil), "a": conflict.Of("a"), "b": conflict.Of("b"), "c": conflict.Of("c"),
	}
	table := map[conflict.Change]string{
		conflict.Same: `--- 0-- 00- 0-0 000 a-- aa- a-a aaa`,
		conflict.LeftOnly: `-0- -a- 0a- 0a0 a0- a0a
			ab- aba`,
		conflict.RightOnly: `--0 --a 0-a 00a a-0 aa0
			a-b aab`,
		conflict.BothSame: `-00 -aa 0aa a00
			abb`,
		conflict.Clash: `-0a -a0 -ab
			0ab a0b ab0 abc`,
	}
	listed := map[string]bool{}
	for want, rows := range table {
		for _, row := range strings.Fields(rows) {
			listed[row] = true
			v := strings.Split(row, "")
			if got := conflict.Classify(values[v[0]], values[v[1]], values[v[2]]); got != want {
				t.Errorf("%s is %q, want %q", row, got, want)
			}
		}
	}

	// Up to the names of the values, the table is complete.
	for i := range 125 {
		row := strings.Split("-0abc", "")
		shape, names := "", []string{}
		for _, v := range []string{row[i/25], row[i/5%5], row[i%5]} {
			if v != "-" && v != "0" {
				n := slices.Index(names, v)
				if n < 0 {
					n = len(names)
					names = append(names, v)
				}
				v = string(rune('a' + n))
			}
			shape += v
		}
		if !listed[shape] {
			t.Errorf("%s is not in the table", shape)
		}
	}
}

func TestChangeOfGroup(t *testing.T) {
	// Each member: base, left, right.
	tests := []struct {
		name, members string
		want          conflict.Change
	}{
		{"nothing", "111 222", conflict.Same},
		{"one member, left", "121 222", conflict.LeftOnly},
		{"one member, right", "112 222", conflict.RightOnly},
		{"each side another member", "121 223", conflict.Clash},
		{"one member on both sides", "123 222", conflict.Clash},
		{"both alike", "122 233", conflict.BothSame},
		{"both alike and one left as it was", "122 222", conflict.BothSame},
		{"left has all that right changed", "122 121", conflict.LeftOnly},
		{"right has all that left changed", "122 112", conflict.RightOnly},
		{"both have what the other has not", "122 121 112", conflict.Clash},
		{"a member that one side does not tell", "1-1 222", conflict.Same},
		{"a change next to it", "121 2-2", conflict.LeftOnly},
	}
	for _, tt := range tests {
		var c conflict.Conflict
		for _, m := range strings.Fields(tt.members) {
			v := func(i int) conflict.Value {
				if m[i] == '-' {
					return conflict.Value{}
				}
				return conflict.Of(m[i : i+1])
			}
			c.Fields = append(c.Fields, conflict.Field{Name: "f" + m, Base: v(0), Left: v(1), Right: v(2)})
		}
		if got := c.Change(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestOwn is the whole truth table.
func TestOwn(t *testing.T) {
	type row struct {
		effect conflict.Effect
		to     conflict.Side
	}
	const l, r = conflict.Left, conflict.Right
	nothing, adopt := row{conflict.Nothing, ""}, row{conflict.Adopt, ""}
	differ, wait, contend := row{conflict.Differ, ""}, row{conflict.Wait, ""}, row{conflict.Contend, ""}
	propagate := func(to conflict.Side) row { return row{conflict.Propagate, to} }
	writeBack := func(to conflict.Side) row { return row{conflict.WriteBack, to} }

	changes := []conflict.Change{conflict.Same, conflict.LeftOnly, conflict.RightOnly, conflict.BothSame, conflict.Clash, "odd"}
	tests := []struct {
		owner    conflict.Side
		policies []conflict.Policy
		want     []row // by change
	}{
		{"", []conflict.Policy{"", conflict.Restore, conflict.Tolerate, conflict.Ask, "odd"}, []row{nothing, propagate(r), propagate(l), adopt, contend, wait}},
		{l, []conflict.Policy{"", conflict.Restore}, []row{nothing, propagate(r), writeBack(r), adopt, writeBack(r), wait}},
		{r, []conflict.Policy{"", conflict.Restore}, []row{nothing, writeBack(l), propagate(l), adopt, writeBack(l), wait}},
		{l, []conflict.Policy{conflict.Tolerate}, []row{nothing, propagate(r), differ, adopt, differ, wait}},
		{r, []conflict.Policy{conflict.Tolerate}, []row{nothing, differ, propagate(l), adopt, differ, wait}},
		{l, []conflict.Policy{conflict.Ask, "odd"}, []row{nothing, propagate(r), wait, adopt, wait, wait}},
		{r, []conflict.Policy{conflict.Ask, "odd"}, []row{nothing, wait, propagate(l), adopt, wait, wait}},
		{"odd", []conflict.Policy{conflict.Restore}, []row{nothing, wait, wait, adopt, wait, wait}},
	}
	for _, tt := range tests {
		for _, policy := range tt.policies {
			for i, change := range changes {
				effect, to := conflict.Own(tt.owner, policy, change)
				if got := (row{effect, to}); got != tt.want[i] {
					t.Errorf("owner %q, %q, %q: %v, want %v", tt.owner, policy, change, got, tt.want[i])
				}
			}
		}
	}
}

// TestOwnNeverOverwritesTheOwner: whatever happened, a side that owns a field
// gets written only what it already agreed to.
func TestOwnNeverOverwritesTheOwner(t *testing.T) {
	for _, owner := range []conflict.Side{conflict.Left, conflict.Right} {
		for _, policy := range []conflict.Policy{conflict.Restore, conflict.Tolerate, conflict.Ask} {
			for _, change := range []conflict.Change{conflict.Same, conflict.LeftOnly, conflict.RightOnly, conflict.BothSame, conflict.Clash} {
				effect, to := conflict.Own(owner, policy, change)
				if to == owner || effect == conflict.Contend {
					t.Errorf("%s, %s, %s: %s %s", owner, policy, change, effect, to)
				}
			}
		}
	}
}

func TestEqual(t *testing.T) {
	type other map[string]any
	type words map[string]string
	same := [][]any{
		{nil},
		{true},
		{false},
		{"", ""},
		{"1"},
		{num(1), json.Number("1")},
		{[]any{}, []any(nil)},
		{[]any{"a", num(1)}, []any{"a", num(1)}},
		{[]any{num(1), "a"}},
		{map[string]any{}, fields{}, fields(nil), other(nil)},
		{map[string]any{"a": nil}, fields{"a": nil}},
		{
			map[string]any{"id": "1", "tags": []any{map[string]any{"x": true}}},
			fields{"id": "1", "tags": []any{other{"x": true}}},
		},
		{words{"a": "b"}, words{"a": "b"}},
		{1},
		{[]string{"a"}, []string{"a"}},
	}
	for i, a := range slices.Concat(same...) {
		for j, b := range slices.Concat(same...) {
			want := class(same, i) == class(same, j)
			if got := conflict.Equal(a, b); got != want {
				t.Errorf("Equal(%#v, %#v) = %v", a, b, got)
			}
		}
	}
}

func class(classes [][]any, i int) int {
	for n, c := range classes {
		if i -= len(c); i < 0 {
			return n
		}
	}
	return -1
}

// value draws a value as providers hand them out, with both map types.
func value(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		rapid.StringN(0, 3, -1).AsAny(),
		rapid.Map(rapid.IntRange(-2, 2), num),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	list := rapid.SliceOfN(value(depth-1), 0, 3).AsAny()
	object := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "id"}), value(depth-1), 0, 3)
	return rapid.OneOf(append(scalars, list, object.AsAny(),
		rapid.Map(object, func(m map[string]any) any { return fields(m) }))...)
}

func TestEqualIsAnEquivalence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := value(2).Draw(t, "a"), value(2).Draw(t, "b"), value(2).Draw(t, "c")
		ab, bc, ac := conflict.Equal(a, b), conflict.Equal(b, c), conflict.Equal(a, c)
		if !conflict.Equal(a, a) || ab != conflict.Equal(b, a) || ab && bc && !ac {
			t.Fatalf("Equal is no equivalence on %#v, %#v, %#v", a, b, c)
		}
	})
}

// A value, absent ones and both map types included, survives the trip through a
// store.
func TestJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := func(name string) conflict.Value {
			if rapid.Bool().Draw(t, name+" absent") {
				return conflict.Value{}
			}
			return conflict.Of(value(2).Draw(t, name))
		}
		in := conflict.Conflict{
			Kind: "ticket", LeftID: "1", Company: "acme", LeftAt: conflict.Stamp{At: noon, ExplainedBy: "a note"},
			Fields: []conflict.Field{{Name: "f", Base: v("base"), Left: v("left"), Right: v("right")}},
		}
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out conflict.Conflict
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
		for _, s := range []conflict.Side{conflict.Left, conflict.Right, ""} {
			if !in.Fields[0].Of(s).Equal(out.Fields[0].Of(s)) {
				t.Fatalf("%s is %v, was %v", s, out.Fields[0].Of(s), in.Fields[0].Of(s))
			}
		}
		if !in.Fields[0].Base.Equal(out.Fields[0].Base) {
			t.Fatalf("base is %v, was %v", out.Fields[0].Base, in.Fields[0].Base)
		}
		in.Fields, out.Fields = nil, nil
		if !reflect.DeepEqual(in, out) {
			t.Fatalf("%+v, was %+v", out, in)
		}
	})
}

func TestJSONOfDecision(t *testing.T) {
	in := conflict.Decision{Action: conflict.Merge, Values: conflict.Values{"n": num(7), "o": fields{"a": nil}}, By: "x", Loser: conflict.LoserNote}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"action":"merge","values":{"n":7,"o":{"a":null}},"by":"x","loser":"note"}`
	if string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
	var out conflict.Decision
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if !conflict.Equal(map[string]any(in.Values), map[string]any(out.Values)) {
		t.Errorf("values are %#v", out.Values)
	}
	if _, err := json.Marshal(conflict.Value{}); err == nil {
		t.Error("an absent value was written, as null or worse")
	}
	if err := new(conflict.Value).UnmarshalJSON([]byte(`{`)); err == nil {
		t.Error("half an object was read")
	}
	if err := json.Unmarshal([]byte(`{"values":3}`), &out); err == nil {
		t.Error("values of a number were read")
	}
}

func TestValue(t *testing.T) {
	f := fields{"null": nil, "set": "x"}
	if v := conflict.At(f, "none"); !v.Absent() {
		t.Errorf("a name that is not there is %v", v)
	}
	if v, ok := conflict.At(f, "null").Get(); v != nil || !ok {
		t.Errorf("null is %v, %v", v, ok)
	}
	if v, ok := conflict.At(f, "set").Get(); v != "x" || !ok {
		t.Errorf("set is %v, %v", v, ok)
	}
	if conflict.Of(nil).Equal(conflict.Value{}) {
		t.Error("null equals absent")
	}
	// A float that is not a number is no value of the package, but must not
	// upset anything.
	if conflict.Equal(math.NaN(), "x") {
		t.Error("NaN equals a string")
	}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	base, left, right := conflict.Of(map[string]any{"id": "1"}), conflict.Of("x"), conflict.Of("y")
	if n := testing.AllocsPerRun(100, func() {
		if conflict.Classify(base, left, right) != conflict.Clash {
			t.Error("no clash")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClassify(b *testing.B) {
	scalar := [3]conflict.Value{conflict.Of("a summary"), conflict.Of("a summary"), conflict.Of("another")}
	ref := [3]conflict.Value{conflict.Of(fields{"id": "1", "name": "x"}), conflict.Of(fields{"id": "1", "name": "x"}), conflict.Of(fields{"id": "2", "name": "z"})}
	plain := [3]conflict.Value{conflict.Of(map[string]any{"id": "1", "name": "x"}), conflict.Of(map[string]any{"id": "1", "name": "x"}), conflict.Of(map[string]any{"id": "2", "name": "z"})}
	for name, v := range map[string][3]conflict.Value{"scalar": scalar, "reference": ref, "plain reference": plain} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if conflict.Classify(v[0], v[1], v[2]) != conflict.RightOnly {
					b.Fatal("wrong")
				}
			}
		})
	}
}
