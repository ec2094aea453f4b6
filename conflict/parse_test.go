package conflict_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/conflict"
)

func names() conflict.Names {
	return conflict.Names{
		Sides:  map[string]conflict.Side{"psa": conflict.Left, "app": conflict.Right, "right": conflict.Right},
		Custom: rules{"mine": says(conflict.Decision{Action: conflict.Take, Side: conflict.Right}), "my.own-rule 2": conflict.Manual},
	}
}

func TestParse(t *testing.T) {
	apart := func(d time.Duration) conflict.Conflict {
		return clash(conflict.Stamp{At: noon.Add(d)}, conflict.Stamp{At: noon})
	}
	texts := about(conflict.Of("a\nb\nc\n"), conflict.Of("x\nb\nc\n"), conflict.Of("a\nb\ny\n"), stamps[0])
	keyed := about(list("1:x 2:y"), list("1:X 2:y"), list("1:x 2:Y"), stamps[0])
	defaults := about(list("1:x 2:y"), list("1:x!e 2:y"), list("1:x 2:y!p"), stamps[0])
	empty := about(conflict.Value{}, conflict.Of(nil), conflict.Of("x"), stamps[0])

	tests := []struct {
		expr string
		c    conflict.Conflict
		want string // action side by loser
	}{
		{"left", clash(), "take left left audit"},
		{"right", clash(), "take right right audit"},
		{"psa", clash(), "take left psa/left audit"},
		{"app", clash(), "take right app/right audit"},
		{"mine", clash(), "take right mine audit"},
		{"my.own-rule 2", clash(), "hold  my.own-rule 2/manual "},
		{" \tmanual\n", clash(), "hold  manual "},
		{"filled", empty, "take right filled audit"},
		{"newest", apart(time.Minute + 1), "take left newest audit"},
		{"newest", apart(time.Minute), "   "},
		{"newest(90s)", apart(time.Minute + 1), "   "},
		{"newest(90s)", apart(91 * time.Second), "take left newest audit"},
		{"newest ( 0s )", apart(1), "take left newest audit"},
		{"source_of_truth(psa)", clash(), "take left source_of_truth audit"},
		{"source_of_truth(right, other, class:billing)", clash(), "take right source_of_truth[class:billing] audit"},
		{"source_of_truth(app, Site Code)", clash(), "   "},
		{"merge_text", texts, "merge  merge_text audit"},
		{"merge_set", about(list("a"), list("a b"), list("a c"), stamps[0]), "merge  merge_set audit"},
		{"merge_set(type.id)", keyed, "merge  merge_set audit"},
		{"merge_set(type.id, one:default/medium)", defaults, "merge  merge_set audit"},
		{"merge_set(type.id, one:default)", defaults, "   "},
		{"merge_set(value,type.id)", keyed, "merge  merge_set audit"},
		{"first(newest, merge_text, mine)", texts, "take left newest audit"},
		{"first(merge_text,newest(2h),manual)", texts, "merge  merge_text audit"},
		{"first( newest(2h) , first(merge_set, psa) )", apart(time.Hour), "take left psa/left audit"},
		{"note(first(newest(2h), right))", apart(time.Hour), "take right right note"},
		{"first(left)", clash(), "take left left audit"},
	}
	for _, tt := range tests {
		s, err := names().Parse(tt.expr)
		if err != nil {
			t.Errorf("%s: %v", tt.expr, err)
			continue
		}
		d := decide(t, s, tt.c)
		if got := strings.Join([]string{string(d.Action), string(d.Side), d.By, string(d.Loser)}, " "); got != tt.want {
			t.Errorf("%s: %q, want %q (%s)", tt.expr, got, tt.want, d.Reason)
		}
	}

	s, err := conflict.Parse("first(newest, psa)", rules{"psa": conflict.PreferLeft})
	if err != nil {
		t.Fatal(err)
	}
	if d := decide(t, s, clash()); d.Side != conflict.Left || d.By != "psa/left" {
		t.Errorf("psa as a custom strategy: %+v", d)
	}
}

func TestParseErrors(t *testing.T) {
	deep := strings.Repeat("first(", 17) + "left" + strings.Repeat(")", 17)
	tests := []struct{ expr, want string }{
		{"", "column 1: a strategy is missing"},
		{"  ", "column 3: a strategy is missing"},
		{"newst", `column 1: unknown strategy "newst", did you mean "newest"?`},
		{"Newest", `column 1: unknown strategy "Newest", did you mean "newest"?`},
		{"merge-text", `column 1: unknown strategy "merge-text", did you mean "merge_text"?`},
		{"pas", `column 1: unknown strategy "pas", did you mean "psa"?`},
		{"frist(left)", `column 1: unknown strategy "frist", did you mean "first"?`},
		{"xyzzy", `column 1: unknown strategy "xyzzy", known are app, filled, first, left, manual, merge_set, merge_text, mine, my.own-rule 2, newest, note, psa, right, source_of_truth`},
		{"abc", `column 1: unknown strategy "abc", known are`},
		{"source_of_truth(left, ü, class:)", "column 26: class: needs the name of a class"},
		{"first(newest, über, lft)", `column 15: unknown strategy "über", known are`},
		{"first(mine, über(), lft)", `column 13: unknown strategy "über"`},
		{"newest, left", `column 7: unexpected "," after the strategy`},
		{"left)", `column 5: unexpected ")" after the strategy`},
		{"left right", `column 1: unknown strategy "left right"`},
		{"left(x)", `column 6: left takes nothing in brackets, not "x"`},
		{"psa(x)", `column 5: psa takes nothing in brackets, not "x"`},
		{"mine(x)", `column 6: mine takes nothing in brackets, not "x"`},
		{"right(x)", "column 7: right takes nothing"},
		{"filled(x)", "column 8: filled takes nothing"},
		{"manual(x)", "column 8: manual takes nothing"},
		{"merge_text(x)", "column 12: merge_text takes nothing"},
		{"left()", "column 6: a word is missing"},
		{"mine(", "column 6: a word is missing"},
		{"newest(5)", `column 8: "5" is no skew: write newest(90s) or newest(5m)`},
		{"newest(-5m)", `column 8: "-5m" is no skew`},
		{"newest(5m, 6m)", `column 12: newest with a skew takes nothing in brackets, not "6m"`},
		{"newest(5m", "column 10: a comma or a closing bracket is missing"},
		{"newest(5m(", "column 10: a comma or a closing bracket is missing"},
		{"newest(5m,)", "column 11: a word is missing"},
		{"merge_set(one:)", "column 11: one: needs the name of a flag: one:default"},
		{"merge_set(one:/medium)", "column 11: one: needs the name of a flag"},
		{"merge_set(one:a, one:b)", "column 18: one: is given twice"},
		{"source_of_truth", "column 1: source_of_truth needs a side: source_of_truth(left, class:billing)"},
		{"source_of_truth(lft, x)", `column 17: unknown side "lft", did you mean "left"?`},
		{"source_of_truth(class:billing)", `column 17: unknown side "class:billing", known are app, left, psa, right`},
		{"source_of_truth(left, class:)", "column 23: class: needs the name of a class: class:billing"},
		{"first", "column 1: first needs strategies: first(newest, ...)"},
		{"first()", "column 7: a strategy is missing"},
		{"first(newest,)", "column 14: a strategy is missing"},
		{"first(newest", "column 13: a closing bracket is missing"},
		{"first(newest left)", `column 7: unknown strategy "newest left"`},
		{"first(newest(1s) left)", "column 17: a closing bracket is missing"},
		{"note", "column 1: note needs strategies"},
		{"note(newest, left)", "column 12: note takes one strategy: note(first(newest, ...))"},
		{"first(left, newest)", "column 13: this strategy is never asked, the one before always decides"},
		{"first(newest, psa, manual)", "column 20: this strategy is never asked"},
		{"first(manual, xyzzy)", `column 15: unknown strategy "xyzzy"`},
		{"first(first(newest, left), right)", "column 28: this strategy is never asked"},
		{"first(note(right), right)", "column 20: this strategy is never asked"},
		{"first(source_of_truth(psa), right)", "column 29: this strategy is never asked"},
		{deep, "column 103: more than 16 strategies within each other"},
		{strings.Repeat("x", 4097), "column 1: a strategy of more than 4096 bytes"},
	}
	for _, tt := range tests {
		s, err := names().Parse(tt.expr)
		var syntax *conflict.SyntaxError
		if s != nil || !errors.As(err, &syntax) || !strings.HasPrefix(err.Error(), "conflict: "+tt.want) {
			t.Errorf("%.40q: error %v, want %s", tt.expr, err, tt.want)
		}
	}
	for _, ok := range []string{
		strings.TrimSuffix(strings.TrimPrefix(deep, "first("), ")"), "first(mine, left)", "first(source_of_truth(psa, x), right)", "first(filled, right)",
	} {
		if _, err := names().Parse(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
}

func TestParseChecksNames(t *testing.T) {
	for want, n := range map[string]conflict.Names{
		`the name "psa" stands for no side`:                          {Sides: map[string]conflict.Side{"psa": "middle"}},
		`the name "newest" of a side is taken by a strategy`:         {Sides: map[string]conflict.Side{"newest": conflict.Left}},
		`the name "left" of a side is taken by a strategy`:           {Sides: map[string]conflict.Side{"left": conflict.Right}},
		`the name "psa" of a side is taken by a strategy`:            {Sides: map[string]conflict.Side{"psa": conflict.Left}, Custom: rules{"psa": conflict.PreferLeft}},
		`the custom strategy "first" has the name of a built-in one`: {Custom: rules{"first": conflict.PreferLeft}},
		`the custom strategy "left" has the name of a built-in one`:  {Custom: rules{"left": conflict.PreferLeft}},
		`the custom strategy "mine" is nil`:                          {Custom: rules{"mine": nil}},
	} {
		_, err := n.Parse("manual")
		if diff := cmp.Diff(error(&conflict.SyntaxError{Column: 1, Msg: want}), err); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"newest", "first(newest(5m), merge_text, manual)", "note(first(newest, psa))", "merge_set(type.id, value, one:default/medium)",
		"source_of_truth(app, class:billing, Site Code)", "first(", "left)", "ü(,", "mine", "first(left,right)", "\xff(",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		s, err := names().Parse(expr)
		if err != nil {
			var syntax *conflict.SyntaxError
			if s != nil || !errors.As(err, &syntax) || syntax.Msg == "" || syntax.Column < 1 || syntax.Column > utf8.RuneCountInString(expr)+1 {
				t.Fatalf("%q: %v, %+v", expr, err, syntax)
			}
			return
		}
		// What is read is a strategy that keeps the rules, however it is spaced.
		spaced := strings.NewReplacer("(", " ( ", ")", " ) ", ",", "\t,\n").Replace(expr)
		again, err := names().Parse(spaced)
		if err != nil && len(spaced) <= 4096 {
			t.Fatalf("%q: %v", spaced, err)
		}
		for _, c := range []conflict.Conflict{clash(), group()} {
			d := decide(t, s, c)
			if err == nil && !cmp.Equal(d, decide(t, again, c)) {
				t.Fatalf("%q and %q decide differently", expr, spaced)
			}
		}
	})
}
