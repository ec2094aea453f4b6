package mapping

import (
	"strings"
	"testing"

	"github.com/psasync/psasync/psa"
)

func TestInScope(t *testing.T) {
	m := mustMap(t, `version: 1
kinds:
  ticket:
    scope: {board: [Help Desk, "2"], closed: 30d, changed: 90d}
    fields: {summary: title}
  company:
    scope: {types: Client, deleted: false}
    fields: {name: name}
`)
	now := at("2026-11-22T12:00:00Z")
	day := func(n int) string { return psa.FormatTime(now.AddDate(0, 0, -n)) }
	tests := []struct {
		rec  psa.Record
		want string // why not
	}{
		{psa.Record{Updated: now, Fields: psa.Fields{"board": ref("1", "Help Desk"), "closed": false}}, ""},
		{psa.Record{Updated: now, Fields: psa.Fields{"board": ref("2", "Projects")}}, ""},
		{psa.Record{Updated: now, Fields: psa.Fields{"board": ref("3", "Sales")}}, "board is not in scope (m)"},
		{psa.Record{Updated: now, Fields: psa.Fields{}}, "board is not in scope (m)"},
		{psa.Record{Updated: now, Fields: psa.Fields{"board": ref("1", "Help Desk"), "closed": true, "closed_at": day(29)}}, ""},
		{psa.Record{Updated: now, Fields: psa.Fields{"board": ref("1", "Help Desk"), "closed": true, "closed_at": day(31)}}, "closed for more than 30d (m)"},
		{psa.Record{Updated: now.AddDate(0, 0, -40), Fields: psa.Fields{"board": ref("1", "Help Desk"), "closed": true}}, "closed for more than 30d (m)"},
		{psa.Record{Updated: now.AddDate(0, 0, -91), Fields: psa.Fields{"board": ref("1", "Help Desk")}}, "not changed within 90d (m)"},
		{psa.Record{Ref: psa.Ref{Kind: psa.KindCompany}, Fields: psa.Fields{"types": []any{ref("1", "Vendor"), ref("2", "Client")}, "deleted": false}}, ""},
		{psa.Record{Ref: psa.Ref{Kind: psa.KindCompany}, Fields: psa.Fields{"types": []any{ref("2", "Client")}, "deleted": true}}, "deleted is not in scope (m)"},
		{psa.Record{Ref: psa.Ref{Kind: psa.KindCompany}, Fields: psa.Fields{"types": []any{}, "deleted": false}}, "types is not in scope (m)"},
		{psa.Record{Ref: psa.Ref{Kind: psa.KindSite}}, "the map has no rules for site"},
	}
	for i, tt := range tests {
		if tt.rec.Kind == "" {
			tt.rec.Kind = psa.KindTicket
		}
		ok, reason := m.InScope(tt.rec, now)
		if why, _, ok := strings.Cut(reason, "("); ok {
			reason = why + "(m)"
		}
		if reason != tt.want || ok != (tt.want == "") {
			t.Errorf("%d: %v, %q, want %q", i, ok, reason, tt.want)
		}
	}
}

// A board that came as an id is in scope by its name.
func TestScopeOfReferencesWithoutNames(t *testing.T) {
	m := mustMap(t, "version: 1\nkinds: {ticket: {scope: {board: [Help Desk]}, fields: {summary: title}}}\n")
	mp, err := m.Compile(&Config{Left: psaCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"1": true, "2": false} {
		rec := ticket(psa.Fields{"board": psa.Reference{ID: id}.Fields()})
		if ok, reason := mp.InScope(rec, psa.Record{}.Updated); ok != want {
			t.Errorf("board %s: %v %q", id, ok, reason)
		}
	}
}

// And so are company types, of which a company has several.
func TestScopeOfListsWithoutNames(t *testing.T) {
	cat := psaCatalog()
	cat.options[psa.KindCompanyType] = psa.Options{{Ref: psa.Ref{Kind: psa.KindCompanyType, ID: "1"}, Name: "Customer"}, {Ref: psa.Ref{Kind: psa.KindCompanyType, ID: "7"}, Name: "Vendor"}}
	m := mustMap(t, "version: 1\nkinds: {company: {scope: {types: [Customer]}, fields: {name: name}}}\n")
	mp, err := m.Compile(&Config{Left: cat})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		ids  []string
		want bool
	}{{[]string{"1"}, true}, {[]string{"7"}, false}, {[]string{"7", "1"}, true}, {nil, false}, {[]string{"99"}, false}} {
		list := []any{}
		for _, id := range tt.ids {
			list = append(list, psa.Reference{ID: id}.Fields())
		}
		rec := psa.Record{Ref: psa.Ref{Kind: psa.KindCompany, ID: "5"}, Fields: psa.Fields{"types": list}}
		if ok, reason := mp.InScope(rec, psa.Record{}.Updated); ok != tt.want {
			t.Errorf("types %v: %v %q", tt.ids, ok, reason)
		}
	}
}
