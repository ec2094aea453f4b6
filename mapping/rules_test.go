package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/psasync/psasync/psa"
)

func TestResolvedRules(t *testing.T) {
	m := mustMap(t, fieldMap(`'custom["Site Code"]': {app: site_code, owner: {side: app, on_edit: ask}}
      board.name: queue
      status: {app: state, per: board, values: {"*": {New: open}}, conflict: newest}
      budget_hours: {app: estimate_minutes, transform: hours_to_minutes, class: client}
      number: {app: origin}
      description: body
      agreement: {app: label, direction: to_right}
      due_at: {app: id, direction: to_right}`))
	mp, err := m.Compile(&Config{Left: psaCatalog(), Right: hostCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{
		{Left: "custom.16", Right: "site_code", Where: "5:7", Direction: "both", Owner: "right", OnEdit: "ask", ToLeft: true, ToRight: true},
		{Left: "board", Right: "queue", Where: "6:7", Direction: "both", Class: psa.ClassTechnical, ToLeft: true, ToRight: true},
		{Left: "status", Right: "state", Where: "7:7", Direction: "both", Class: psa.ClassClient, Conflict: "newest", ToLeft: true, ToRight: true},
		{Left: "budget_hours", Right: "estimate_minutes", Where: "8:7", Direction: "both", Class: psa.ClassClient, ToLeft: true, ToRight: true},
		{Left: "number", Right: "origin", Where: "9:7", Direction: "both", ToRight: true},
		{Left: "description", Right: "body", Where: "10:7", Direction: "both", Class: psa.ClassClient, ToLeft: true, ToRight: true, OnCreateLeft: true},
		{Left: "agreement", Right: "label", Where: "11:7", Direction: "to_right", Class: psa.ClassBilling, ToRight: true},
		{Left: "due_at", Right: "id", Where: "12:7", Direction: "to_right", Class: psa.ClassClient},
	}
	for i := range want {
		want[i].Kind, want[i].Where = psa.KindTicket, "map.yaml:"+want[i].Where
		if f, ok := psa.FieldOf(psa.KindTicket, want[i].Left); ok && want[i].Left != "budget_hours" {
			want[i].Class = f.Class
		}
	}
	got := mp.Rules(psa.KindTicket)
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Rule{}, "Strategy")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got[2].Strategy == nil || got[4].Class == psa.ClassBilling {
		t.Errorf("%+v", got[2])
	}
	if mp.Rules(psa.KindNote) != nil {
		t.Error("a kind without rules has some")
	}
}

// Defaults are for new records, constants for all.
func TestDefaultsAreForNewRecords(t *testing.T) {
	m := mustMap(t, "version: 1\nkinds:\n  ticket:\n    create: {psa: {source: Phone, summary: none}}\n    constants: {psa: {external_ref: x}}\n    fields: {summary: title}\n")
	mp, err := m.Compile(&Config{Left: psaCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	phone := psa.Reference{ID: "4", Name: "Phone"}.Fields()
	for _, tt := range []struct {
		src  psa.Fields
		env  *Env
		want psa.Fields
	}{
		{psa.Fields{"title": "a"}, nil, psa.Fields{"summary": "a", "source": phone, "external_ref": "x"}},
		{psa.Fields{}, &Env{}, psa.Fields{"summary": "none", "source": phone, "external_ref": "x"}},
		{psa.Fields{"title": "a"}, &Env{Present: psa.Fields{}}, psa.Fields{"summary": "a", "external_ref": "x"}},
		{psa.Fields{"title": nil}, &Env{Present: psa.Fields{"source": phone}}, psa.Fields{"summary": nil, "external_ref": "x"}},
	} {
		got, issues := mp.To(Left, ticket(tt.src), tt.env)
		if d := cmp.Diff(tt.want, got); d != "" || len(issues) > 0 {
			t.Errorf("%v, %v: %v\n%s", tt.src, tt.env, issues, d)
		}
	}
}

// A new note never gets the readers that a system takes for granted.
func TestNewNotesAreInternal(t *testing.T) {
	m := mustMap(t, "version: 1\nkinds:\n  note:\n    fields:\n      text: text\n      visibility: {app: audience, values: {internal: staff, team: staff, public: everyone}}\n")
	mp, err := m.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		to   Side
		src  psa.Fields
		env  *Env
		want psa.Fields
	}{
		{Right, psa.Fields{"text": "a"}, nil, psa.Fields{"text": "a", "audience": "staff"}},
		{Left, psa.Fields{"text": "a"}, nil, psa.Fields{"text": "a", "visibility": "internal"}},
		{Left, psa.Fields{"text": "a", "audience": "everyone"}, nil, psa.Fields{"text": "a", "visibility": "public"}},
		{Left, psa.Fields{"text": "a"}, &Env{Present: psa.Fields{"visibility": "public"}}, psa.Fields{"text": "a"}},
	} {
		got, issues := mp.To(tt.to, psa.Record{Ref: psa.Ref{Kind: psa.KindNote, ID: "1"}, Fields: tt.src}, tt.env)
		if d := cmp.Diff(tt.want, got); d != "" || len(issues) > 0 {
			t.Errorf("%v: %v\n%s", tt.src, issues, d)
		}
	}
}
