package mapping

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

// chooser adds fields with options to both catalogs.
func chooser() (left, right *catalog) {
	left, right = psaCatalog(), hostCatalog()
	left.fields[psa.KindTicket] = append(left.fields[psa.KindTicket],
		psa.Field{Name: "custom.20", Caption: "Region", Type: psa.TypeOption, Options: []string{"North", "South", "Far East"}})
	right.fields[psa.KindTicket] = append(right.fields[psa.KindTicket],
		psa.Field{Name: "region", Type: psa.TypeOption, Options: []string{"north", "south", "east"}},
		psa.Field{Name: "impact", Type: psa.TypeOption, Options: []string{"High", "Low"}})
	return left, right
}

func fieldMap(rules string) string {
	return "version: 1\nkinds:\n  ticket:\n    fields:\n      " + rules + "\n"
}

func TestLintOfOptions(t *testing.T) {
	left, right := chooser()
	tests := []struct {
		name, rules string
		want        []string
	}{
		{"covered", `custom.20: {app: region, values: {North: north, South: south, Far East: east}}`, nil},
		{"a text on the other side", `custom.20: site_code`, nil},
		{"no values", `custom.20: region`, []string{
			`5:7 warning uncovered-value custom.20: no rule for the left side's "North", "South", "Far East", which is held; add them to values`,
			`5:7 warning uncovered-value region: no rule for the right side's "north", "south", "east", which is held; add them to values`}},
		{"a value is not listed", `custom["Region"]: {app: region, values: {North: north, South: south}}`, []string{
			`5:7 warning uncovered-value custom["Region"]: no rule for the left side's "Far East", which is held; add it to values`,
			`5:7 warning uncovered-value region: no rule for the right side's "east", which is held; add it to values`}},
		{"values that are not offered", `custom.20: {app: region, direction: to_right, values: {North: north, Suoth: south, South: sauth, Far East: east}}`, []string{
			`5:76 error no-such-option the left side's field "Region" has no active option "Suoth"; did you mean "South"?`,
			`5:97 error no-such-option the right side's field "region" has no active option "sauth"; did you mean "south"?`}},
		{"does not go back", `custom.20: {app: site_code, values: {North: n, South: s, Far East: f}, transform: once}`, []string{
			`5:7 error round-trip "North" becomes "lost" and is refused on the way back; add direction: to_right, or make the rule go back`}},
		{"a row becomes an option", `priority: {app: impact, direction: to_right, values: {"Priority 1 - Critical": High, "Priority 2 - High": High}}`, []string{
			`5:7 warning uncovered-value priority: no rule for the left side's "Priority 3 - Normal", which is held; add it to values`}},
		{"defaults", "summary: title\n    create: {left: {custom.20: Nroth}, right: {region: north}}", []string{
			`6:21 error no-such-option the left side's field "Region" has no active option "Nroth"; did you mean "North"?`}},
	}
	once := Transform{Forward: func(any) (any, error) { return "lost", nil }, Inverse: func(v any) (any, error) { return v, nil }}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse("map.yaml", []byte(fieldMap(tt.rules)), &Options{Transforms: map[string]Transform{"once": once}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range findings(m.Lint(left, right)) {
				if !strings.Contains(f, " required ") && !strings.Contains(f, " custom-field-lost ") {
					got = append(got, f)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// An option that the target does not offer is held, never written.
func TestOptionsAreChecked(t *testing.T) {
	left, right := chooser()
	for _, tt := range []struct {
		rule, value string
		want        any
		code        string
	}{
		{"custom.20: site_code", "South", "South", ""},
		{"custom.20: site_code", "south", nil, "no-such-option"},
		{"custom.20: {app: site_code, values: {South: s}}", "s", "South", ""},
		{"custom.20: {app: site_code, values: {South: s}}", "n", nil, "unmapped-value"},
		{"custom.20: {app: site_code, values: {South: s}, unknown: pass}", "north", nil, "no-such-option"},
		{"custom.20: {app: site_code, values: {South: s}, unknown: {default: {left: North}}}", "x", "North", ""},
	} {
		mp, err := mustMap(t, fieldMap(tt.rule)).Compile(&Config{Left: left, Right: right})
		if err != nil {
			t.Fatal(err)
		}
		got, issues := mp.To(Left, ticket(psa.Fields{"site_code": tt.value}), nil)
		custom, _ := got["custom"].(psa.Fields)
		code := ""
		for _, i := range issues {
			code += i.Code
		}
		if custom["20"] != tt.want || code != tt.code {
			t.Errorf("%s, %q: %v %v, want %v %q", tt.rule, tt.value, custom["20"], issues, tt.want, tt.code)
		}
	}
}

func TestScaffoldOfOptions(t *testing.T) {
	left, right := chooser()
	right.fields[psa.KindTicket] = append(right.fields[psa.KindTicket],
		psa.Field{Name: "tier", Type: psa.TypeRef, Kind: psa.KindImpact})
	right.option(psa.KindImpact, "1", "Gold", "")
	left.fields[psa.KindTicket] = append(left.fields[psa.KindTicket],
		psa.Field{Name: "custom.21", Caption: "Tier", Type: psa.TypeOption, Options: []string{"Gold", "017"}})
	src := Scaffold(left, right, &ScaffoldOptions{Kinds: []psa.Kind{psa.KindTicket}})
	lintsClean(t, src, left, right)
	for _, want := range []string{
		"      \"custom[\\\"Region\\\"]\":\n        right: region\n        values:\n          North: north\n          South: south\n          Far East: east  # guess\n",
		"        right: tier\n        values:\n          Gold: Gold\n          # \"017\": no value found",
	} {
		if !strings.Contains(strings.ReplaceAll(string(src), `'custom["Region"]'`, `"custom[\"Region\"]"`), want) {
			t.Errorf("the scaffold lacks\n%s\nin\n%s", want, src)
		}
	}
}

// An option that an administrator renames breaks its rule.
func TestImpactOfOptions(t *testing.T) {
	old, right := chooser()
	now, _ := chooser()
	fields := now.fields[psa.KindTicket]
	fields[len(fields)-1].Options = []string{"North", "South", "Orient"}
	m := mustMap(t, fieldMap(`custom.20: {app: region, values: {North: north, South: south, Far East: east}}`))
	got, err := Impact{Map: m, Config: Config{Right: right}}.Impact(context.Background(), old, now)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`5:7 warning uncovered-value custom.20: no rule for the left side's "Orient", which is held; add it to values`,
		`5:69 error no-such-option the left side's field "Region" has no active option "Far East"`,
	}
	if d := cmp.Diff(want, findings(got)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
