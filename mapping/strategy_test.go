package mapping

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

// strategyOf returns the rule of a map whose summary has this conflict.
func strategyOf(value string, opts *Options) (Rule, error) {
	m, err := Parse("f", []byte("version: 1\nkinds:\n  ticket:\n    fields:\n      summary:\n        app: title\n        conflict: "+value+"\n"), opts)
	if err != nil {
		return Rule{}, err
	}
	return m.Rules(psa.KindTicket)[0], nil
}

// changed is a summary that both sides changed, the right one a day later.
func changed(class string) conflict.Conflict {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	return conflict.Conflict{
		Kind: "ticket", LeftAt: conflict.Stamp{At: at}, RightAt: conflict.Stamp{At: at.AddDate(0, 0, 1)},
		Fields: []conflict.Field{{Name: "summary", Class: class, Base: conflict.Of("a"), Left: conflict.Of("b"), Right: conflict.Of("c")}},
	}
}

func TestStrategies(t *testing.T) {
	opts := &Options{Strategies: map[string]conflict.Strategy{"ours": conflict.PreferRight}}
	tests := []struct{ value, written, class, want string }{
		{"psa", "psa", "", "take left"},
		{"left", "left", "", "take left"},
		{"app", "app", "", "take right"},
		{"ours", "ours", "", "take right"},
		{"newest", "newest", "", "take right"},
		{"newest(48h)", "newest(48h)", "", " "},
		{"manual", "manual", "", "hold "},
		{"first(newest(48h), manual)", "first(newest(48h), manual)", "", "hold "},
		{"[newest(48h), psa]", "first(newest(48h), psa)", "", "take left"},
		{"\n        - newest(48h)\n        - note(first(filled, app))", "first(newest(48h), note(first(filled, app)))", "", "take right"},
		{"[psa]", "psa", "", "take left"},
		{"source_of_truth(psa, class:billing)", "source_of_truth(psa, class:billing)", "billing", "take left"},
		{"source_of_truth(app, class:billing)", "source_of_truth(app, class:billing)", "client", " "},
		{"merge_set", "merge_set", "", " "},
		{`'first(newest, manual)'`, "first(newest, manual)", "", "take right"},
	}
	for _, tt := range tests {
		r, err := strategyOf(tt.value, opts)
		if err != nil {
			t.Errorf("%s: %v", tt.value, err)
			continue
		}
		d, err := r.Strategy(context.Background(), changed(tt.class))
		if got := fmt.Sprintf("%s %s", d.Action, d.Side); err != nil || got != tt.want || r.Conflict != tt.written {
			t.Errorf("%s: %q (%v) by %q, want %q by %q", tt.value, got, err, r.Conflict, tt.want, tt.written)
		}
	}
	m, err := Parse("f", []byte("version: 1\nkinds: {ticket: {fields: {summary: title}}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := m.Rules(psa.KindTicket)[0]; r.Strategy != nil || r.Conflict != "" {
		t.Errorf("a rule without conflict has a strategy: %q", r.Conflict)
	}
}

// The examples that editors offer are strategies.
func TestStrategyExamples(t *testing.T) {
	for _, e := range strategyExamples {
		if _, err := strategyOf(e, nil); err != nil {
			t.Errorf("%s: %v", e, err)
		}
	}
}

func TestStrategyErrors(t *testing.T) {
	tests := []struct{ value, want string }{
		{"newst", `f:7:19: conflict: unknown strategy "newst", did you mean "newest"?`},
		{"first(newest, manul)", `f:7:33: conflict: unknown strategy "manul", did you mean "manual"?`},
		{`"first(newest, manul)"`, `f:7:34: conflict: unknown strategy "manul", did you mean "manual"?`},
		{"source_of_truth(pas, class:billing)", `f:7:35: conflict: unknown side "pas", did you mean "psa"?`},
		{"newest(soon)", `f:7:26: conflict: "soon" is no skew: write newest(90s) or newest(5m)`},
		{"[newest, 'manul']", `f:7:29: conflict: unknown strategy "manul", did you mean "manual"?`},
		{"[manual, newest]", `f:7:28: conflict: this strategy is never asked, the one before always decides`},
		{"[filled, psa, newest]", `f:7:33: conflict: this strategy is never asked, the one before always decides`},
		{"\n        - newest\n        - first(manual, psa)", `f:9:25: conflict: this strategy is never asked, the one before always decides`},
		{">\n          first(newest,\n          manul)", `f:7:19: conflict: unknown strategy "manul", did you mean "manual"?`},
		{"[first(newest, manual)]", `f:7:32: conflict: a closing bracket is missing; within { } and [ ], a strategy with commas needs quotes`},
		{"[]", `f:7:19: conflict is an empty list; write a strategy, or remove it`},
		{"5", `f:7:19: conflict is 5; write a text; quote it`},
		{"[newest, 5]", `f:7:28: conflict is 5; write a text; quote it`},
		{"{newest: 5m}", `f:7:19: conflict is a mapping; write a text`},
	}
	for _, tt := range tests {
		_, err := strategyOf(tt.value, nil)
		if err == nil || !strings.Contains(err.Error()+"\n", tt.want+"\n") {
			t.Errorf("%s:\n got %v\nwant %s", tt.value, err, tt.want)
		}
	}
	for name, want := range map[string]string{"psa": "taken by a strategy", "newest": "name of a built-in one"} {
		if _, err := strategyOf("newest", &Options{Strategies: map[string]conflict.Strategy{name: conflict.Manual}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the host's %s: %v", name, err)
		}
	}
}
