package mapping

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

// A custom field of several selections holds a list of options.
func TestSeveralSelections(t *testing.T) {
	left, right := coded("halopsa")
	right.fields[psa.KindTicket] = append(right.fields[psa.KindTicket], psa.Field{Name: "tags", Type: psa.TypeIDs})
	custom := func(v ...any) psa.Fields { return psa.Fields{"custom": psa.Fields{"30": v}} }
	for _, tt := range []struct {
		name, rule string
		to         Side
		in         psa.Fields
		present    psa.Fields
		want       psa.Fields
		code       string
	}{
		{"options to options", `custom.30: {app: colour, values: {"1": c7, "2": c8}}`, Right, custom("2", "1"), nil, psa.Fields{"colour": []any{"c8", "c7"}}, ""},
		{"and back", `custom.30: {app: colour, values: {"1": c7, "2": c8}}`, Left, psa.Fields{"colour": []any{"c8", "c7"}}, nil, custom("2", "1"), ""},
		{"one alone", `custom.30: {app: colour, values: {"1": c7, "2": c8}}`, Right, psa.Fields{"custom": psa.Fields{"30": "2"}}, nil, psa.Fields{"colour": "c8"}, ""},
		{"options to texts", `custom.30: {app: tags, values: {"1": red, "2": blue}}`, Right, custom("2"), nil, psa.Fields{"tags": []any{"blue"}}, ""},
		{"texts to options", `custom.30: {app: tags, values: {"1": red, "2": blue}}`, Left, psa.Fields{"tags": []any{"blue", "red"}}, nil, custom("2", "1"), ""},
		{"in another order", `custom.30: {app: tags, values: {"1": red, "2": blue}}`, Left, psa.Fields{"tags": []any{"blue", "red"}}, custom("1", "2"), custom("1", "2"), ""},
		{"one more", `custom.30: {app: tags, values: {"1": red, "2": blue}}`, Left, psa.Fields{"tags": []any{"blue", "red"}}, custom("1"), custom("2", "1"), ""},
		{"twice the same", `custom.30: {app: tags, values: {"1": red, "2": blue}}`, Left, psa.Fields{"tags": []any{"red", "red"}}, custom("1", "2"), custom("1", "1"), ""},
		{"none", `custom.30: {app: tags, values: {"1": red, "2": blue}}`, Right, custom(), nil, psa.Fields{"tags": []any{}}, ""},
		{"several to one", `custom.30: {app: tags, values: {"1": x, "2": x}, prefer: {x: "1"}}`, Left, psa.Fields{"tags": []any{"x"}}, custom("2"), custom("2"), ""},
		{"as they are", `custom.30: site_code`, Right, custom("2"), nil, psa.Fields{}, "type"},
		{"one is unknown", `custom.30: {app: tags, values: {"1": red, "2": blue}}`, Left, psa.Fields{"tags": []any{"red", "pink"}}, nil, psa.Fields{}, "unmapped-value"},
		{"one is not offered", `custom.30: {app: tags, values: {"1": red, "9": pink}}`, Left, psa.Fields{"tags": []any{"pink"}}, nil, psa.Fields{}, "no-such-option"},
	} {
		mp, err := mustMap(t, fieldMap(tt.rule)).Compile(&Config{Left: left, Right: right})
		if err != nil {
			t.Fatal(err)
		}
		got, issues := mp.To(tt.to, ticket(tt.in), &Env{Present: tt.present})
		code := ""
		for _, i := range issues {
			code += i.Code
		}
		if d := cmp.Diff(tt.want, got); d != "" || code != tt.code {
			t.Errorf("%s: %v\n%s", tt.name, issues, d)
		}
	}
	mp, err := mustMap(t, fieldMap(`custom.30: {app: tags, values: {"1": red, "2": blue}}`)).Compile(&Config{Left: left, Right: right})
	if err != nil {
		t.Fatal(err)
	}
	if d := mp.Differ(psa.KindTicket, custom("1", "2"), psa.Fields{"tags": []any{"blue", "red"}}); d != nil {
		t.Errorf("%v differ in their order alone", d)
	}
	if d := mp.Differ(psa.KindTicket, custom("1", "2"), psa.Fields{"tags": []any{"blue", "blue"}}); len(d) != 1 {
		t.Errorf("%v differ", d)
	}
}

// The same options on both sides pass one by one.
func TestSeveralSelectionsOfTheSame(t *testing.T) {
	left, right := chooser()
	right.fields[psa.KindTicket] = append(right.fields[psa.KindTicket], psa.Field{Name: "area", Type: psa.TypeOption, Options: []string{"South", "North"}})
	mp, err := mustMap(t, fieldMap(`custom.20: area`)).Compile(&Config{Left: left, Right: right})
	if err != nil {
		t.Fatal(err)
	}
	got, issues := mp.To(Right, ticket(psa.Fields{"custom": psa.Fields{"20": []any{"North", "South"}}}), nil)
	if d := cmp.Diff(psa.Fields{"area": []any{"North", "South"}}, got); d != "" || len(issues) > 0 {
		t.Errorf("%v\n%s", issues, d)
	}
	if _, issues = mp.To(Right, ticket(psa.Fields{"custom": psa.Fields{"20": []any{"Far East"}}}), nil); len(issues) != 1 || issues[0].Code != "no-such-option" {
		t.Errorf("%v", issues)
	}
}

// A field that holds several values is given a list on create.
func TestCreateList(t *testing.T) {
	left, right := psaCatalog(), hostCatalog()
	left.fields[psa.KindCompany] = []psa.Field{{Name: "name", Type: psa.TypeString}, {Name: "types", Type: psa.TypeRefs, Kind: psa.KindCompanyType, Required: true}}
	left.options[psa.KindCompanyType] = psa.Options{{Ref: psa.Ref{Kind: psa.KindCompanyType, ID: "5"}, Name: "Client"}, {Ref: psa.Ref{Kind: psa.KindCompanyType, ID: "9"}, Name: "Owner"}}
	right.fields[psa.KindCompany] = []psa.Field{{Name: "name", Type: psa.TypeString}}
	cfg := &Config{Left: left, Right: right}
	src := "version: 1\nkinds:\n  company:\n    create: {left: {types: [Client, Owner]}}\n    fields: {name: name}\n"
	mp, err := mustMap(t, src).Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	rec := psa.Record{Ref: psa.Ref{Kind: psa.KindCompany, ID: "1"}, Fields: psa.Fields{"name": "Acme"}}
	got, issues := mp.To(Left, rec, &Env{})
	if diff := cmp.Diff(psa.Fields{"name": "Acme", "types": []any{ref("5", "Client"), ref("9", "Owner")}}, got); diff != "" || len(issues) > 0 {
		t.Errorf("-want +got:\n%s%v", diff, issues)
	}
	if got, _ := mp.To(Left, rec, &Env{Present: psa.Fields{}}); got["types"] != nil {
		t.Errorf("a record that is there gets defaults: %v", got)
	}
	for _, f := range mustMap(t, src).LintWith(cfg) {
		t.Error(f)
	}
	var found []string
	for _, f := range mustMap(t, strings.Replace(src, "Owner", "Ownr", 1)).LintWith(cfg) {
		found = append(found, f.Code)
	}
	if diff := cmp.Diff([]string{CodeNoSuchOption}, found); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"[[Client]]", "[Client, ~]", "[{id: 5}]"} {
		if _, err := Parse("m.yaml", []byte(strings.Replace(src, "[Client, Owner]", bad, 1)), nil); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
