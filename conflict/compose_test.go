package conflict_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/conflict"
)

// three is a group of three.
func three() conflict.Conflict {
	c := group()
	c.Fields = append(c.Fields, conflict.Field{Name: "item", Base: conflict.Of("i"), Left: conflict.Of("i"), Right: conflict.Of("i")})
	return c
}

// says answers always the same.
func says(d conflict.Decision) conflict.Strategy {
	return func(context.Context, conflict.Conflict) (conflict.Decision, error) { return d, nil }
}

var errOutage = errors.New("outage")

func fails(context.Context, conflict.Conflict) (conflict.Decision, error) {
	return conflict.Decision{Action: conflict.Take, Side: conflict.Left}, errOutage
}

func pass(reason string) conflict.Strategy { return says(conflict.Decision{Reason: reason}) }

type rules = map[string]conflict.Strategy

func TestCompositions(t *testing.T) {
	take := func(side conflict.Side, by, reason string) conflict.Decision {
		return conflict.Decision{Action: conflict.Take, Side: side, By: by, Reason: reason}
	}
	hold := func(by, reason string) conflict.Decision {
		return conflict.Decision{Action: conflict.Hold, By: by, Reason: reason}
	}
	merge := func(board, status any) conflict.Strategy {
		return says(conflict.Decision{Action: conflict.Merge, By: "own", Values: conflict.Values{"board": board, "status": status}})
	}
	left, right := conflict.PreferLeft, conflict.PreferRight
	tests := []struct {
		name string
		s    conflict.Strategy
		c    conflict.Conflict
		want conflict.Decision
	}{
		{"first of nothing", conflict.First(), clash(), conflict.Decision{}},
		{"first of nil", conflict.First(nil, left), clash(), take("left", "left", "")},
		{"first keeps reasons", conflict.First(pass("x"), nil, pass("y"), left), clash(), take("left", "left", "x; y")},
		{"first without opinion", conflict.First(pass("x"), pass("y")), clash(), conflict.Decision{Reason: "x; y"}},
		{"hold ends first", conflict.First(conflict.Manual, left), clash(), hold("manual", "the rule for f asks for a person")},
		{"first does not ask on", conflict.First(left, fails), clash(), take("left", "left", "")},

		{"field", conflict.PerField(rules{"f": left}), clash(), take("left", "field[f]/left", "")},
		{"field by class", conflict.PerField(rules{"class:billing": left}), clash(), take("left", "field[class:billing]/left", "")},
		{"name before class", conflict.PerField(rules{"class:billing": left, "f": right}), clash(), take("right", "field[f]/right", "")},
		{"other field", conflict.PerField(rules{"g": left, "class:client": left}), clash(), conflict.Decision{}},
		{"field of nil", conflict.PerField(rules{"f": nil}), clash(), conflict.Decision{}},
		{"field passes", conflict.PerField(rules{"f": pass("x")}), clash(), conflict.Decision{Reason: "x"}},
		{"no rules", conflict.PerField(nil), clash(), conflict.Decision{}},

		{"group, one rule", conflict.PerField(rules{"status": right}), group(), take("right", "field[status]/right", "")},
		{"group, rules agree", conflict.PerField(rules{"board": left, "status": conflict.SourceOfTruth("left")}), group(),
			take("left", "field[board]/left and field[status]/source_of_truth", "")},
		{"group, rules disagree", conflict.PerField(rules{"board": left, "status": right}), group(),
			hold("field[board]/left and field[status]/right", "the rules for the group board+status disagree")},
		{"group, one has no opinion", conflict.PerField(rules{"board": pass("x"), "status": right}), group(), take("right", "field[status]/right", "")},
		{"group, none has", conflict.PerField(rules{"board": pass("x"), "status": pass("y")}), group(), conflict.Decision{Reason: "x; y"}},
		{"group, one holds", conflict.PerField(rules{"board": left, "status": conflict.Manual}), group(),
			hold("field[status]/manual", "the rule for board+status asks for a person")},
		{"group, a class and a name", conflict.PerField(rules{"class:technical": left, "status": right}), group(),
			hold("field[class:technical]/left and field[status]/right", "the rules for the group board+status disagree")},
		{"group, merges agree with a side", conflict.PerField(rules{"board": left, "status": merge("b1", "s0")}), group(),
			take("left", "field[board]/left and field[status]/own", "")},
		{"group, merges disagree", conflict.PerField(rules{"board": merge("b1", "s2"), "status": merge("b1", nil)}), group(),
			hold("field[board]/own and field[status]/own", "the rules for the group board+status disagree")},
		{"group, a note is wanted once", conflict.PerField(rules{"board": left, "status": conflict.NoteLoser(left)}), group(),
			conflict.Decision{Action: conflict.Take, Side: "left", By: "field[board]/left and field[status]/left", Loser: conflict.LoserNote}},

		{"group of three, none agrees", conflict.PerField(rules{"board": left, "status": right, "item": left}), three(),
			hold("field[board]/left and field[status]/right and field[item]/left", "the rules for the group board+status+item disagree")},

		{"class", conflict.PerClass(rules{"billing": left}), clash(), take("left", "class[billing]/left", "")},
		{"other class", conflict.PerClass(rules{"client": left}), clash(), conflict.Decision{}},
		{"group, classes disagree", conflict.PerClass(rules{"technical": left, "client": right}), group(),
			hold("class[technical]/left and class[client]/right", "the rules for the group board+status disagree")},
		{"kind", conflict.PerKind(rules{"ticket": left, "contact": right}), clash(), take("left", "kind[ticket]/left", "")},
		{"other kind", conflict.PerKind(rules{"contact": right}), clash(), conflict.Decision{}},
		{"phase", conflict.ByPhase(rules{"1": left, "2": right}), clash(), take("right", "phase[2]/right", "")},
		{"other phase", conflict.ByPhase(rules{"1": left}), clash(), conflict.Decision{}},
		{"named", conflict.Named("map.yaml:12", left), clash(), take("left", "map.yaml:12/left", "")},
		{"named custom", conflict.Named("mine", says(conflict.Decision{Action: conflict.Take, Side: "left"})), clash(), take("left", "mine", "")},
		{"named passes", conflict.Named("mine", pass("x")), clash(), conflict.Decision{Reason: "x"}},
		{"named nil", conflict.Named("mine", nil), clash(), conflict.Decision{}},
		{"note", conflict.NoteLoser(left), clash(), conflict.Decision{Action: conflict.Take, Side: "left", By: "left", Loser: conflict.LoserNote}},
		{"note of a merge", conflict.NoteLoser(says(conflict.Decision{Action: conflict.Merge, Values: conflict.Values{"f": "x"}})), clash(),
			conflict.Decision{Action: conflict.Merge, Values: conflict.Values{"f": "x"}, Loser: conflict.LoserNote}},
		{"note of a hold", conflict.NoteLoser(conflict.Manual), clash(), hold("manual", "the rule for f asks for a person")},
		{"note of nothing", conflict.NoteLoser(nil), clash(), conflict.Decision{}},
		{
			"all of it",
			conflict.ByPhase(rules{"2": conflict.PerKind(rules{"ticket": conflict.PerField(rules{"f": conflict.First(conflict.Newest(nil), left)})})}),
			clash(),
			take("left", "phase[2]/kind[ticket]/field[f]/left", "newest: the left side's stamp is explained by a note"),
		},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, ask(t, tt.s, tt.c)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
}

func TestErrorsPass(t *testing.T) {
	for name, s := range map[string]conflict.Strategy{
		"first":  conflict.First(nil, fails, conflict.PreferLeft),
		"field":  conflict.PerField(rules{"f": fails}),
		"class":  conflict.PerClass(rules{"billing": fails}),
		"kind":   conflict.PerKind(rules{"ticket": fails}),
		"phase":  conflict.ByPhase(rules{"2": fails}),
		"named":  conflict.Named("n", fails),
		"note":   conflict.NoteLoser(fails),
		"itself": fails,
	} {
		if _, err := s(t.Context(), clash()); !errors.Is(err, errOutage) {
			t.Errorf("%s: error %v", name, err)
		}
		d, err := conflict.Decide(t.Context(), s, clash())
		if !errors.Is(err, errOutage) || errors.Is(err, conflict.ErrInvalid) || !cmp.Equal(d, conflict.Decision{}) {
			t.Errorf("%s: Decide: %+v, %v", name, d, err)
		}
	}
}

func TestRulesAreCopied(t *testing.T) {
	for name, per := range map[string]func(rules) conflict.Strategy{
		"f": conflict.PerField, "billing": conflict.PerClass, "ticket": conflict.PerKind, "2": conflict.ByPhase,
	} {
		m := rules{name: conflict.PreferLeft}
		s := per(m)
		m[name] = conflict.PreferRight
		if d := ask(t, s, clash()); d.Side != conflict.Left {
			t.Errorf("%s: the caller's map is still in use", name)
		}
	}
	list := []conflict.Strategy{conflict.PreferLeft}
	s := conflict.First(list...)
	list[0] = conflict.PreferRight
	if d := ask(t, s, clash()); d.Side != conflict.Left {
		t.Error("the caller's slice is still in use")
	}
}

func TestDecideChecksTheDecision(t *testing.T) {
	v := func(kv ...any) conflict.Values {
		m := conflict.Values{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	const take, merge, hold, none = conflict.Take, conflict.Merge, conflict.Hold, conflict.NoOpinion
	tests := []struct {
		d   conflict.Decision
		err string
	}{
		{conflict.Decision{Action: take}, `take of side ""`},
		{conflict.Decision{Action: take, Side: "middle"}, `take of side "middle"`},
		{conflict.Decision{Action: take, Side: "left", Values: v("board", "x")}, `action "take" with values`},
		{conflict.Decision{Action: take, Side: "left", Loser: "burn"}, `unknown loser "burn"`},
		{conflict.Decision{Action: hold}, "hold without a reason"},
		{conflict.Decision{Action: hold, Reason: "x", Side: "left"}, `action "hold" with a side`},
		{conflict.Decision{Action: hold, Reason: "x", Loser: "note"}, `action "hold" with a loser`},
		{conflict.Decision{Action: none, Side: "left"}, `action "" with a side`},
		{conflict.Decision{Action: none, Values: v("board", "x")}, `action "" with values`},
		{conflict.Decision{Action: "guess"}, `unknown action "guess"`},
		{conflict.Decision{Action: merge}, `merge without a value for "board"`},
		{conflict.Decision{Action: merge, Values: v("board", "x")}, `merge without a value for "status"`},
		{conflict.Decision{Action: merge, Values: v("board", "x", "status", "y", "type", "z")}, "merge with a value for a field that is not part of the conflict"},
		{conflict.Decision{Action: merge, Side: "left", Values: v("board", "x", "status", "y")}, `action "merge" with a side`},
		{conflict.Decision{Action: merge, Values: v("board", "x", "status", 7)}, `merge with a int for "status"`},
		{conflict.Decision{Action: merge, Values: v("board", "x", "status", conflict.Of("y"))}, `merge with a conflict.Value for "status"`},
	}
	for _, tt := range tests {
		tt.d.By = "mine"
		d, err := conflict.Decide(t.Context(), says(tt.d), group())
		want := `conflict: invalid decision by "mine" about board+status: ` + tt.err
		if !errors.Is(err, conflict.ErrInvalid) || err.Error() != want {
			t.Errorf("%+v: error %v, want %s", tt.d, err, want)
		}
		if !cmp.Equal(d, conflict.Decision{}) {
			t.Errorf("%+v: passed on as %+v", tt.d, d)
		}
	}
}

func TestDecideChecksTheConflict(t *testing.T) {
	with := func(f ...conflict.Field) conflict.Conflict { return conflict.Conflict{Fields: f} }
	f := clash().Fields[0]
	unnamed := f
	unnamed.Name = ""
	settled := f
	settled.Right = settled.Base
	for want, c := range map[string]conflict.Conflict{
		"about : no fields":                                         with(),
		"about : a field without a name":                            with(unnamed),
		`about f+f: field "f" twice`:                                with(f, f),
		`about f: nothing to decide, the change is "left only"`:     with(settled),
		`about f+g: nothing to decide, the change is "same"`:        with(conflict.Field{Name: "f"}, conflict.Field{Name: "g"}),
		`about board: nothing to decide, the change is "left only"`: with(group().Fields[0]),
	} {
		_, err := conflict.Decide(t.Context(), fails, c)
		if !errors.Is(err, conflict.ErrInvalid) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestDecideFills(t *testing.T) {
	merge := conflict.Decision{Action: conflict.Merge, Values: conflict.Values{"f": fields{"x": nil}}}
	filled := merge
	filled.By, filled.Loser = "custom", conflict.LoserAudit
	incomplete := group()
	incomplete.Fields = append(incomplete.Fields, conflict.Field{Name: "item", Base: conflict.Of("i"), Right: conflict.Of("i")})
	tests := []struct {
		name string
		s    conflict.Strategy
		c    conflict.Conflict
		want conflict.Decision
	}{
		{"nil", nil, clash(), conflict.Decision{Reason: "no rule decides f"}},
		{"no opinion", pass(""), group(), conflict.Decision{Reason: "no rule decides board+status"}},
		{"no opinion, with a reason", pass("x"), group(), conflict.Decision{Reason: "x"}},
		{"take", conflict.PreferLeft, clash(), conflict.Decision{Action: conflict.Take, Side: "left", By: "left", Loser: conflict.LoserAudit}},
		{"note", conflict.NoteLoser(conflict.PreferLeft), clash(), conflict.Decision{Action: conflict.Take, Side: "left", By: "left", Loser: conflict.LoserNote}},
		{"merge", says(merge), clash(), filled},
		{"hold", says(conflict.Decision{Action: conflict.Hold, Reason: "x"}), clash(), conflict.Decision{Action: conflict.Hold, By: "custom", Reason: "x"}},
		{"a side that does not tell all", conflict.NoteLoser(conflict.PreferLeft), incomplete,
			conflict.Decision{Action: conflict.Hold, By: "left", Reason: "the left side does not tell every field of the group board+status+item"}},
		{"the other side", conflict.PreferRight, incomplete,
			conflict.Decision{Action: conflict.Take, Side: "right", By: "right", Loser: conflict.LoserAudit}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, decide(t, tt.s, tt.c)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
}

func TestAgreed(t *testing.T) {
	c := group()
	c.Fields = append(c.Fields, conflict.Field{Name: "item", Right: conflict.Of(nil)})
	for _, tt := range []struct {
		d    conflict.Decision
		want conflict.Values
	}{
		{conflict.Decision{}, nil},
		{conflict.Decision{Action: conflict.Hold}, nil},
		{conflict.Decision{Action: conflict.Take, Side: "left"}, conflict.Values{"board": "b1", "status": "s0"}},
		{conflict.Decision{Action: conflict.Take, Side: "right"}, conflict.Values{"board": "b0", "status": "s2", "item": nil}},
		{conflict.Decision{Action: conflict.Merge, Values: conflict.Values{"board": "x", "status": nil, "item": "i"}},
			conflict.Values{"board": "x", "status": nil, "item": "i"}},
	} {
		if diff := cmp.Diff(tt.want, c.Agreed(tt.d)); diff != "" {
			t.Errorf("%+v:\n%s", tt.d, diff)
		}
	}
}
