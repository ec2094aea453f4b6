package conflict_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/conflict"
)

// fields stands for psa.Fields, which this package must not know.
type fields map[string]any

func num(n int) any { return json.Number(fmt.Sprint(n)) }

// domains are the values that the laws are tried on, in every combination.
var domains = map[string][]conflict.Value{
	"numbers": {{}, conflict.Of(nil), conflict.Of(num(1)), conflict.Of(num(2)), conflict.Of(num(3))},
	"texts":   {{}, conflict.Of(nil), conflict.Of("a\nb\nc\n"), conflict.Of("x\na\nb\nc"), conflict.Of("a\r\nb\r\nc\r\ny\r\n"), conflict.Of("q")},
	"lists": {
		{}, conflict.Of(nil), conflict.Of([]any{"a", "b"}), conflict.Of([]any{"b", "a", "c"}), conflict.Of([]any{"b", "a"}),
		conflict.Of([]any{fields{"id": num(1), "v": "x"}, "b"}), conflict.Of([]any{fields{"id": num(1), "v": "y"}}),
	},
}

// A named strategy and its dual, the one that says left where it says right. A
// symmetric strategy is its own dual.
type named struct {
	name    string
	s, dual conflict.Strategy
}

func symmetric(name string, s conflict.Strategy) named { return named{name, s, s} }

func leaves() []named {
	return []named{
		symmetric("none", nil),
		{"left", conflict.PreferLeft, conflict.PreferRight},
		{"right", conflict.PreferRight, conflict.PreferLeft},
		symmetric("filled", conflict.PreferFilled),
		symmetric("newest", conflict.Newest(nil)),
		{"truth f", conflict.SourceOfTruth(conflict.Left, "f"), conflict.SourceOfTruth(conflict.Right, "f")},
		{"truth billing", conflict.SourceOfTruth(conflict.Right, "class:billing"), conflict.SourceOfTruth(conflict.Left, "class:billing")},
		symmetric("truth of nothing", conflict.SourceOfTruth(conflict.Left, "other", "class:")),
		symmetric("manual", conflict.Manual),
		symmetric("text", conflict.MergeText(nil)),
		symmetric("text or hold", conflict.MergeText(&conflict.TextOptions{Hold: true})),
		symmetric("set", conflict.MergeSet(nil)),
		symmetric("keyed set", conflict.MergeSet(&conflict.SetOptions{Key: []string{"id"}, Hold: true})),
	}
}

// strategies are the leaves and all compositions of depth two.
func strategies() []named {
	all := leaves()
	for _, a := range leaves() {
		one := func(label string, wrap func(conflict.Strategy) conflict.Strategy) {
			all = append(all, named{label + "(" + a.name + ")", wrap(a.s), wrap(a.dual)})
		}
		rules := func(key string, per func(map[string]conflict.Strategy) conflict.Strategy) func(conflict.Strategy) conflict.Strategy {
			return func(s conflict.Strategy) conflict.Strategy { return per(map[string]conflict.Strategy{key: s}) }
		}
		one("field", rules("f", conflict.PerField))
		one("field by class", rules("class:billing", conflict.PerField))
		one("class", rules("billing", conflict.PerClass))
		one("kind", rules("ticket", conflict.PerKind))
		one("phase", rules("2", conflict.ByPhase))
		one("named", func(s conflict.Strategy) conflict.Strategy { return conflict.Named("n", s) })
		one("note", conflict.NoteLoser)
		for _, b := range leaves() {
			all = append(all,
				named{"first(" + a.name + "," + b.name + ")", conflict.First(a.s, b.s), conflict.First(a.dual, b.dual)},
				named{
					"fields(" + a.name + "," + b.name + ")",
					conflict.PerField(map[string]conflict.Strategy{"f": a.s, "g": b.s}),
					conflict.PerField(map[string]conflict.Strategy{"f": a.dual, "g": b.dual}),
				})
		}
	}
	return all
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stamps are pairs that let Newest say left, right and nothing.
var stamps = [][2]conflict.Stamp{
	{{At: noon.Add(time.Hour)}, {At: noon}},
	{{At: noon}, {At: noon.Add(time.Hour)}},
	{{At: noon, ExplainedBy: "a note"}, {At: noon.Add(time.Hour)}},
}

func about(base, left, right conflict.Value, at [2]conflict.Stamp) conflict.Conflict {
	return conflict.Conflict{
		Kind: "ticket", Phase: "2", LeftID: "1", RightID: "9",
		Fields: []conflict.Field{{Name: "f", Class: "billing", Base: base, Left: left, Right: right}},
		LeftAt: at[0], RightAt: at[1],
	}
}

func swap(c conflict.Conflict) conflict.Conflict {
	c.LeftID, c.RightID = c.RightID, c.LeftID
	c.LeftAt, c.RightAt = c.RightAt, c.LeftAt
	fs := make([]conflict.Field, len(c.Fields))
	for i, f := range c.Fields {
		f.Left, f.Right = f.Right, f.Left
		fs[i] = f
	}
	c.Fields = fs
	return c
}

// each calls f with every true conflict of a domain, the stamps in turn.
func each(domain []conflict.Value, f func(c conflict.Conflict)) {
	i := 0
	for _, base := range domain {
		for _, left := range domain {
			for _, right := range domain {
				if conflict.Classify(base, left, right) == conflict.Clash {
					f(about(base, left, right, stamps[i%len(stamps)]))
					i++
				}
			}
		}
	}
}

func show(c conflict.Conflict) string {
	s := ""
	for _, f := range c.Fields {
		s += fmt.Sprintf("%s: base %v, left %v, right %v; ", f.Name, f.Base, f.Left, f.Right)
	}
	return s
}

func ask(t *testing.T, s conflict.Strategy, c conflict.Conflict) conflict.Decision {
	t.Helper()
	if s == nil {
		return conflict.Decision{}
	}
	d, err := s(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decide(t *testing.T, s conflict.Strategy, c conflict.Conflict) conflict.Decision {
	t.Helper()
	d, err := conflict.Decide(t.Context(), s, c)
	if err != nil {
		t.Fatalf("%s: %v", show(c), err)
	}
	return d
}

// apply gives both sides and the base what was agreed.
func apply(c conflict.Conflict, agreed conflict.Values) conflict.Conflict {
	fs := make([]conflict.Field, len(c.Fields))
	for i, f := range c.Fields {
		if v, ok := agreed[f.Name]; ok {
			f.Base, f.Left, f.Right = conflict.Of(v), conflict.Of(v), conflict.Of(v)
		}
		fs[i] = f
	}
	c.Fields = fs
	return c
}

func eachStrategy(t *testing.T, f func(t *testing.T, s named, domain []conflict.Value)) {
	for name, domain := range domains {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range strategies() {
				t.Run(s.name, func(t *testing.T) { f(t, s, domain) })
			}
		})
	}
}

// merge(x, x, x) = x, and where one side changed nothing a strategy that merges
// gives the other side.
func TestLawMergeOfEqualsIsThat(t *testing.T) {
	eachStrategy(t, func(t *testing.T, s named, domain []conflict.Value) {
		for _, x := range domain {
			for _, y := range domain {
				for _, at := range stamps {
					c := about(x, x, x, at)
					for name, v := range c.Agreed(ask(t, s.s, c)) {
						if !conflict.Of(v).Equal(x) {
							t.Errorf("%s of three times %v is %v", name, x, v)
						}
					}
					for _, c := range []conflict.Conflict{about(x, x, y, at), about(x, y, x, at), about(x, y, y, at)} {
						d := ask(t, s.s, c)
						if v := conflict.At(c.Agreed(d), "f"); d.Action == conflict.Merge && !v.Equal(y) {
							t.Errorf("%s merged to %v", show(c), v)
						}
					}
				}
			}
		}
	})
}

// Swapping the sides swaps the answer of the dual strategy; a symmetric strategy
// is its own dual.
func TestLawSwap(t *testing.T) {
	eachStrategy(t, func(t *testing.T, s named, domain []conflict.Value) {
		each(domain, func(c conflict.Conflict) {
			d, back := decide(t, s.s, c), decide(t, s.dual, swap(c))
			if d.Action != back.Action || d.Side != back.Side.Other() {
				t.Errorf("%s: %s %s, swapped %s %s", show(c), d.Action, d.Side, back.Action, back.Side)
			}
			if diff := cmp.Diff(d.Values, back.Values); diff != "" {
				t.Errorf("%s: swapped merges differ:\n%s", show(c), diff)
			}
		})
	})
}

// A decision settles the conflict; what is not decided comes back as it was.
func TestLawApplyingSettles(t *testing.T) {
	eachStrategy(t, func(t *testing.T, s named, domain []conflict.Value) {
		each(domain, func(c conflict.Conflict) {
			d := decide(t, s.s, c)
			agreed := c.Agreed(d)
			switch d.Action {
			case conflict.Take, conflict.Merge:
				if d.By == "" || d.Loser == "" {
					t.Errorf("%s: incomplete decision %+v", show(c), d)
				}
				if next := apply(c, agreed).Change(); next != conflict.Same {
					t.Errorf("%s: after %s the change is %q", show(c), d.Action, next)
				}
			default:
				if d.Reason == "" {
					t.Errorf("%s: left alone without a reason", show(c))
				}
				if agreed != nil {
					t.Errorf("%s: nothing decided, but agreed on %v", show(c), agreed)
				}
			}
			if again := decide(t, s.s, c); !cmp.Equal(d, again) {
				t.Errorf("%s: asked again, the answer is %+v and not %+v", show(c), again, d)
			}
		})
	})
}

// First is associative, and having no opinion is its identity, to the letter of
// By and Reason.
func TestLawFirst(t *testing.T) {
	none := func(context.Context, conflict.Conflict) (conflict.Decision, error) { return conflict.Decision{}, nil }
	for name, domain := range domains {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, a := range leaves() {
				laws := map[string][2]conflict.Strategy{
					"identity left":  {a.s, conflict.First(none, a.s)},
					"identity right": {a.s, conflict.First(a.s, none)},
					"single":         {a.s, conflict.First(a.s)},
				}
				for _, b := range leaves() {
					for _, c := range leaves() {
						laws[b.name+","+c.name] = [2]conflict.Strategy{
							conflict.First(a.s, conflict.First(b.s, c.s)),
							conflict.First(conflict.First(a.s, b.s), c.s),
						}
					}
				}
				i := 0
				each(domain, func(c conflict.Conflict) {
					if i++; name != "numbers" && i%10 != 0 {
						return // what the values are matters little here
					}
					for law, pair := range laws {
						if x, y := ask(t, pair[0], c), ask(t, pair[1], c); !cmp.Equal(x, y) {
							t.Errorf("%s,%s: %s: %+v and %+v", a.name, law, show(c), x, y)
						}
					}
				})
			}
		})
	}
}

// A group is never mixed: what both sides hold afterwards is all of one side.
// No strategy of the package merges within a group, so that this holds for each
// composition.
func TestLawGroupsStayWhole(t *testing.T) {
	domain := []conflict.Value{{}, conflict.Of(nil), conflict.Of(num(1)), conflict.Of(num(2))}
	all := strategies()
	var clashes int
	var groups []conflict.Conflict
	for i := range 4 * 4 * 4 * 4 * 4 * 4 {
		v := func(n int) conflict.Value { return domain[i>>(2*n)&3] }
		c := conflict.Conflict{
			Kind: "ticket", Phase: "2", LeftAt: stamps[i%3][0], RightAt: stamps[i%3][1],
			Fields: []conflict.Field{
				{Name: "f", Class: "billing", Base: v(0), Left: v(1), Right: v(2)},
				{Name: "g", Class: "client", Base: v(3), Left: v(4), Right: v(5)},
			},
		}
		if c.Change() == conflict.Clash {
			groups = append(groups, c)
		}
	}
	for i, c := range groups {
		for j := i % 7; j < len(all); j += 7 { // each group with a seventh of the strategies, in turn
			s := all[j]
			d := decide(t, s.s, c)
			agreed := c.Agreed(d)
			if agreed == nil {
				continue
			}
			clashes++
			if d.Action != conflict.Take {
				t.Errorf("%s: %s: a group was merged", s.name, show(c))
			}
			for _, f := range c.Fields {
				want := f.Of(d.Side)
				got := conflict.At(agreed, f.Name)
				if !got.Equal(want) {
					t.Errorf("%s: %s: %s is %v, %s has %v", s.name, show(c), f.Name, got, d.Side, want)
				}
				if want.Absent() && !f.Of(d.Side.Other()).Absent() {
					t.Errorf("%s: %s: taken from a side that does not tell %s", s.name, show(c), f.Name)
				}
			}
			back := decide(t, s.dual, swap(c))
			if back.Action != d.Action || back.Side != d.Side.Other() {
				t.Errorf("%s: %s: %s %s, swapped %s %s", s.name, show(c), d.Action, d.Side, back.Action, back.Side)
			}
			if next := apply(c, agreed).Change(); next != conflict.Same {
				t.Errorf("%s: %s: after it the change is %q", s.name, show(c), next)
			}
		}
	}
	if clashes < 10_000 {
		t.Errorf("only %d groups were decided", clashes)
	}
}
