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
