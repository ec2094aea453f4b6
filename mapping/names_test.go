package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

// Autotask and HaloPSA send references without names; values, scopes and what
// is kept go by the catalog's names all the same.
func TestReferencesWithoutNames(t *testing.T) {
	m := mustMap(t, fieldMap(`board: queue
      status: {app: state, per: board, values: {Help Desk: {New: open, Assigned: working, Scheduled: working}, Projects: {New: planned}}, prefer: {working: Assigned}}
      priority: {app: priority, values: {"Priority 3 - Normal": Medium}}`))
	mp, err := m.Compile(&Config{Left: psaCatalog(), Right: hostCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	id := func(s string) psa.Fields { return psa.Reference{ID: s}.Fields() }
	src := psa.Fields{"board": id("1"), "status": id("13"), "priority": id("3"), "summary": "x"}
	before := src["status"].(psa.Fields).String("name")
	got, issues := mp.To(Right, ticket(src), nil)
	want := psa.Fields{"queue": "Help Desk", "state": "working", "priority": psa.Reference{ID: "P3", Name: "Medium"}.Fields()}
	if d := cmp.Diff(want, got); d != "" || len(issues) > 0 {
		t.Errorf("%v\n%s", issues, d)
	}
	back, issues := mp.To(Left, ticket(got), &Env{Present: src})
	if s := back["status"].(psa.Fields).String("id"); s != "13" || len(issues) > 0 {
		t.Errorf("Scheduled became %s: %v", s, issues)
	}
	if d := mp.Differ(psa.KindTicket, src, got); len(d) > 0 {
		t.Errorf("%v differ", d)
	}
	shown := psa.Fields{}
	for _, step := range mp.Preview(Right, ticket(src), nil) {
		shown[step.To] = step.Is
	}
	if d := cmp.Diff(want, shown); d != "" {
		t.Errorf("preview: %s", d)
	}
	if now := src["status"].(psa.Fields).String("name"); now != before {
		t.Errorf("the record was changed: %q", now)
	}
	if got, issues := mp.To(Right, ticket(psa.Fields{"board": id("1"), "status": id("99")}), nil); len(issues) != 1 || issues[0].Code != "unmapped-value" || got["state"] != nil {
		t.Errorf("a status that is not there: %v %v", got, issues)
	}
}

// References that many records share are never written to.
func TestSharedReferences(t *testing.T) {
	m := mustMap(t, fieldMap(`priority: {app: priority, values: {"Priority 3 - Normal": Medium}}
      summary: priority.note
      description: {app: body}`))
	if _, err := m.Compile(&Config{Left: psaCatalog(), Right: hostCatalog()}); err == nil {
		t.Fatal("a field within a reference compiles")
	}
	mp, err := mustMap(t, fieldMap("address: place\n      summary: place.note")).Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	address := psa.Fields{"city": "York"}
	got, issues := mp.To(Right, ticket(psa.Fields{"address": address, "summary": "x"}), nil)
	if d := cmp.Diff(psa.Fields{"place": psa.Fields{"city": "York", "note": "x"}}, got); d != "" || len(issues) > 0 {
		t.Errorf("%v\n%s", issues, d)
	}
	if len(address) != 1 {
		t.Errorf("the record was changed: %v", address)
	}
}

// Rows of the same name are told apart by their scope, before and after others
// were looked up.
func TestRowTable(t *testing.T) {
	cat := psaCatalog()
	cat.option(psa.KindStatus, "22", "new", "2")
	rows := newRowTable(cat, psa.KindStatus)
	for range 2 {
		for _, tt := range []struct{ scope, name, want string }{
			{"1", "New", "11"}, {"2", "New", "21"}, {"", "New", ""}, {"", "Closed", "14"}, {"", "closed ", "14"}, {"2", "Closed", ""}, {"2", "NEW", ""},
			{"9", "New", ""}, {"", "Nope", ""},
		} {
			r, ok := rows.find(tt.scope, tt.name)
			if ok != (tt.want != "") || r.String("id") != tt.want || ok && r.String("name") != tt.name {
				t.Errorf("%q in %q: %v %v, want %q", tt.name, tt.scope, r, ok, tt.want)
			}
		}
	}
}
