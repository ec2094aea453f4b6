package resync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

func TestFindings(t *testing.T) {
	edit := func(kind psa.Kind, id string, f psa.Fields) func(*bench) {
		return func(b *bench) { b.tenant.Edit(ref(kind, id), f) }
	}
	off := func(kind psa.Kind, ids ...string) func(*bench) {
		return func(b *bench) {
			for _, id := range ids {
				b.tenant.SetActive(ref(kind, id), false)
			}
		}
	}
	put := func(recs ...psa.Record) func(*bench) { return func(b *bench) { b.tenant.Put(recs...) } }
	for name, c := range map[string]struct {
		shape  string
		change func(*bench)
		want   []string // severity code kind/id
	}{
		"boards is clean": {"boards", nil, nil},
		"flat is clean":   {"flat", nil, nil},
		"types is clean":  {"types", nil, nil},

		"one name twice on a board":      {"boards", edit(psa.KindStatus, "2", psa.Fields{"name": " NEW "}), []string{"warning duplicate-name status/2"}},
		"one name on two boards is fine": {"boards", edit(psa.KindStatus, "5", psa.Fields{"name": "In Progress2"}), nil},
		"one name twice in the tenant":   {"flat", edit(psa.KindStatus, "8", psa.Fields{"name": "New"}), []string{"warning duplicate-name status/8"}},
		"an inactive row shares a name":  {"flat", edit(psa.KindStatus, "9", psa.Fields{"name": "New"}), nil},
		"names may repeat":               {"types", edit(psa.KindTeam, "2", psa.Fields{"name": "Desk"}), nil},
		"one name twice in ticket types": {"types", edit(psa.KindStatus, "2", psa.Fields{"name": "New"}), []string{"warning duplicate-name status/2"}},
		"one name in different types":    {"types", edit(psa.KindClassification, "1:3", psa.Fields{"name": "Hardware"}), []string{"warning duplicate-name classification/1:3"}}, // the third type allows both
		"no name":                        {"flat", edit(psa.KindStatus, "8", psa.Fields{"name": " "}), []string{"warning no-name status/8"}},

		"a reference leads nowhere": {"flat", edit(psa.KindMember, "1", psa.Fields{"department": psatest.RefTo("404", "Gone")}), []string{"warning dangling-reference member/1"}},
		"of an inactive row": {"flat", func(b *bench) {
			edit(psa.KindMember, "1", psa.Fields{"role": psatest.RefTo("404", "")})(b)
			off(psa.KindMember, "1")(b)
		}, []string{"info dangling-reference member/1"}},
		"in a list of ids":                   {"types", edit(psa.KindTicketType, "1", psa.Fields{"statuses": []any{"1", "404"}}), []string{"warning dangling-reference ticket_type/1"}},
		"to a kind that is not read":         {"boards", edit(psa.KindMember, "1", psa.Fields{"type": psatest.RefTo("404", "")}), nil},
		"to a record":                        {"boards", edit(psa.KindMember, "1", psa.Fields{"company": psatest.RefTo("404", "")}), nil},
		"a parent leads nowhere":             {"flatchild", edit(psa.KindPriority, "1", psa.Fields{"sla": psatest.RefTo("404", "")}), []string{"warning dangling-parent priority/1"}},
		"a form presets an inactive row":     {"flat", off(psa.KindPriority, "2"), []string{"warning inactive-reference form/1"}},
		"a template presets an inactive row": {"flattemplate", off(psa.KindTicketType, "2"), []string{"warning inactive-reference template/1"}},
		"a member refers to an inactive row": {"flat", off(psa.KindDepartment, "1"), nil},

		"no status":                        {"boards", off(psa.KindStatus, "5", "6", "7", "8"), []string{"warning inactive-default status/5", "warning no-status board/2"}},
		"no open status":                   {"boards", off(psa.KindStatus, "2", "3", "1"), []string{"warning inactive-default status/1", "warning no-open-status board/1", "info no-default status/"}},
		"no closed status":                 {"boards", off(psa.KindStatus, "4"), []string{"warning no-closed-status board/1"}},
		"on an inactive board":             {"boards", off(psa.KindStatus, "12"), nil},
		"on a project board":               {"boards", func(b *bench) { edit(psa.KindBoard, "2", psa.Fields{"project": true})(b); off(psa.KindStatus, "8")(b) }, nil},
		"none for the tenant":              {"flat", off(psa.KindStatus, "5"), []string{"warning no-closed-status status/"}},
		"closed is not known":              {"types", off(psa.KindStatus, "6"), nil},
		"default missing":                  {"flat", edit(psa.KindPriority, "1", psa.Fields{"default": false}), []string{"info no-default priority/"}},
		"default twice":                    {"flat", edit(psa.KindPriority, "2", psa.Fields{"default": true}), []string{"warning many-defaults priority/2"}},
		"default inactive":                 {"flat", off(psa.KindPriority, "1"), []string{"warning inactive-default priority/1", "info no-default priority/"}},
		"defaults of phones and addresses": {"flatphones", nil, nil},
		"an option field without options": {"flat", put(psatest.Row(psa.KindCustomField, "50", psa.Fields{"name": "Tier", "type": "option", "owners": []any{"ticket"}, "options": []any{}})),
			[]string{"warning no-options custom_field/50"}},
		"all options inactive": {"flat", put(psatest.Row(psa.KindCustomField, "50", psa.Fields{"name": "Tier", "type": "option", "owners": []any{"ticket"},
			"options": []any{psa.Fields{"id": "1", "value": "a", "active": false}}})), []string{"warning no-options custom_field/50"}},
		"a text field without options": {"flat", put(psatest.Row(psa.KindCustomField, "50", psa.Fields{"name": "Note", "type": "text", "owners": []any{"ticket"}})), nil},
	} {
		t.Run(name, func(t *testing.T) {
			tenants := shapes()
			flat := psatest.Flat()
			f := flat.Features[psa.KindPriority]
			f.Parent = psa.KindSLA
			tenants["flatchild"] = flat.With(psa.KindPriority, f)
			withTemplate := flat.With(psa.KindTemplate, psa.Feature{Can: psa.CanList})
			withTemplate.Rows = append(slices.Clone(flat.Rows), psatest.Row(psa.KindTemplate, "1", psa.Fields{"name": "Onboarding", "ticket_type": psatest.RefTo("2", "Incident")}))
			tenants["flattemplate"] = withTemplate
			phones := flat.With(psa.KindCommunicationType, psa.Feature{Can: psa.CanList})
			phones.Rows = append(slices.Clone(flat.Rows),
				psatest.Row(psa.KindCommunicationType, "1", psa.Fields{"name": "Direct", "phone": true, "email": false, "default": true}),
				psatest.Row(psa.KindCommunicationType, "2", psa.Fields{"name": "Work", "phone": false, "email": true, "default": true}))
			tenants["flatphones"] = phones
			b := newBench(t, tenants[c.shape], resync.Options{})
			b.run()
			if c.change != nil {
				c.change(b)
			}
			r := b.run()
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s %s %s/%s", f.Severity, f.Code, f.Kind, f.ID))
				if f.Message == "" || strings.Contains(f.Message, "%!") {
					t.Errorf("message %q", f.Message)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("findings (-want +got):\n%s\n%v", d, r.Findings)
			}
		})
	}
}

// What refers to a stale kind is not blamed for it.
func TestDanglingIntoAStaleKind(t *testing.T) {
	b := newBench(t, psatest.Flat(), resync.Options{})
	b.run()
	b.tenant.Put(psatest.Row(psa.KindDepartment, "9", psa.Fields{"name": "New"}))
	b.tenant.Edit(ref(psa.KindMember, "1"), psa.Fields{"department": psatest.RefTo("9", "New")})
	b.tenant.Refuse(psa.KindDepartment, psa.ErrDenied)
	r := b.run()
	if r.FindingsCount != 1 || r.Findings[0].Severity != psa.Info || !strings.Contains(r.Findings[0].Message, "stale") {
		t.Errorf("%v", r.Findings)
	}
	b.tenant.Refuse(psa.KindStatus, psa.ErrDenied)
	b.tenant.SetActive(ref(psa.KindStatus, "5"), false)
	for _, f := range b.run().Findings {
		if f.Code == resync.CodeNoClosedStatus {
			t.Errorf("blamed a stale kind: %v", f)
		}
	}
}

func TestVerify(t *testing.T) {
	for name, c := range map[string]struct {
		shape   string
		change  func(*bench)
		verdict resync.Verdict
		want    []string // verdict check kind/id of what is no pass
	}{
		"boards": {"boards", nil, resync.Pass, nil},
		"flat":   {"flat", nil, resync.Pass, nil},
		"types":  {"types", nil, resync.Pass, nil},
		"a kind is stale": {"flat", func(b *bench) { b.run(); b.tenant.Refuse(psa.KindPriority, psa.ErrDenied) }, resync.Warn,
			[]string{"warn dropdowns priority/"}},
		"a kind was never read": {"flat", func(b *bench) { b.tenant.Refuse(psa.KindPriority, psa.ErrDenied) }, resync.Fail,
			[]string{"fail dropdowns priority/"}},
		"statuses were never read": {"flat", func(b *bench) { b.tenant.Refuse(psa.KindStatus, psa.ErrDenied) }, resync.Fail,
			[]string{"fail dropdowns status/", "fail statuses status/"}},
		"all inactive": {"flat", func(b *bench) {
			for _, id := range []string{"1", "2", "3"} {
				b.tenant.SetActive(ref(psa.KindTicketSource, id), false)
			}
		}, resync.Warn, []string{"warn dropdowns ticket_source/"}},
		"stale, and empty all the same": {"needs priority", func(b *bench) {
			for i := range 4 {
				b.tenant.Remove(ref(psa.KindPriority, fmt.Sprint(i+1)))
			}
			b.run()
			b.tenant.Refuse(psa.KindPriority, psa.ErrDenied)
		}, resync.Fail, []string{"warn dropdowns priority/", "fail dropdowns priority/"}},
		"nothing to choose": {"flat", func(b *bench) {
			for i := range 3 {
				b.tenant.Remove(ref(psa.KindTicketSource, fmt.Sprint(i+1)))
			}
		}, resync.Warn, []string{"warn dropdowns ticket_source/"}},
		"nothing to choose where a ticket needs it": {"needs priority", func(b *bench) {
			for i := range 4 {
				b.tenant.SetActive(ref(psa.KindPriority, fmt.Sprint(i+1)), false)
			}
		}, resync.Fail, []string{"fail dropdowns priority/"}},
		"nothing to choose within a scope": {"types need priority", func(b *bench) {
			b.tenant.Put(psatest.Row(psa.KindSLA, "9", psa.Fields{"name": "Bare"}))
		}, resync.Fail, []string{"fail dropdowns priority/"}},
		"teams of one name in two departments": {"types by department", func(b *bench) {
			for i := range 2 {
				b.tenant.Put(psatest.Row(psa.KindTeam, fmt.Sprint(90+i), psa.Fields{"name": "Night Shift", "department": psatest.RefTo(fmt.Sprint(i+1), "")}))
			}
		}, resync.Pass, nil},
		"a name leads nowhere": {"flat", func(b *bench) { b.tenant.Edit(ref(psa.KindPriority, "2"), psa.Fields{"name": "High"}) }, resync.Warn,
			[]string{"warn dropdowns priority/1", "warn dropdowns priority/2"}},
		"two boards of one name": {"boards", func(b *bench) { b.tenant.Edit(ref(psa.KindBoard, "2"), psa.Fields{"name": "Managed Services"}) }, resync.Warn,
			[]string{"warn dropdowns board/1", "warn dropdowns board/2", "warn boards board/1", "warn boards board/2"}},
		"a board without statuses": {"boards", func(b *bench) {
			b.tenant.Put(psatest.Row(psa.KindBoard, "9", psa.Fields{"name": "Empty"}))
		}, resync.Fail, []string{"fail boards board/9", "fail statuses board/9"}},
		"no active board": {"flat", func(b *bench) {
			for _, id := range []string{"1", "2", "3"} {
				b.tenant.SetActive(ref(psa.KindBoard, id), false)
			}
		}, resync.Warn, []string{"warn dropdowns board/", "warn boards board/"}},
		"no closed status": {"flat", func(b *bench) { b.tenant.SetActive(ref(psa.KindStatus, "5"), false) }, resync.Warn,
			[]string{"warn statuses status/"}},
		"new tickets are closed": {"flat", func(b *bench) {
			b.tenant.Edit(ref(psa.KindStatus, "1"), psa.Fields{"default": false})
			b.tenant.Edit(ref(psa.KindStatus, "5"), psa.Fields{"default": true})
		}, resync.Warn, []string{"warn statuses status/5"}},
		"a type allows an inactive status": {"types", func(b *bench) { b.tenant.SetActive(ref(psa.KindStatus, "3"), false) }, resync.Warn,
			[]string{"warn statuses ticket_type/1"}},
		"a custom field without options": {"flat", func(b *bench) {
			b.tenant.Put(psatest.Row(psa.KindCustomField, "50", psa.Fields{"name": "Tier", "type": "option", "owners": []any{"ticket"}}))
		}, resync.Fail, []string{"fail custom-fields custom_field/50"}},
		"a custom field of nobody": {"flat", func(b *bench) {
			b.tenant.Put(psatest.Row(psa.KindCustomField, "50", psa.Fields{"name": "Tier", "type": "string"}))
		}, resync.Warn, []string{"warn custom-fields custom_field/50"}},
		"a custom field of a kind that is not there": {"flat", func(b *bench) {
			b.tenant.Put(psatest.Row(psa.KindCustomField, "50", psa.Fields{"name": "Tier", "type": "string", "owners": []any{"rocket"}}))
		}, resync.Fail, []string{"fail custom-fields custom_field/50"}},
		"custom fields of every type": {"flat", func(b *bench) {
			for i, typ := range []string{"string", "text", "number", "bool", "date", "time"} {
				b.tenant.Put(psatest.Row(psa.KindCustomField, fmt.Sprint(60+i), psa.Fields{"name": "Field " + typ, "type": typ, "owners": []any{"ticket", "company"}}))
			}
		}, resync.Pass, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tenants := shapes()
			tenants["needs priority"] = needing(psatest.Flat(), "priority")
			tenants["types need priority"] = needing(psatest.Types(), "priority")
			tenants["types by department"] = psatest.Types().With(psa.KindTeam, psa.Feature{
				Can: psa.CanList, Scopes: []psa.Scope{{Kind: psa.KindDepartment, Via: "department"}}})
			b := newBench(t, tenants[c.shape], resync.Options{Guard: resync.Guard{Share: 1}})
			if c.change != nil {
				c.change(b)
			}
			b.run()
			requests, commits := len(b.tenant.Calls()), len(b.store.commits)
			v, err := b.syncer.Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(b.tenant.Calls()) != requests || len(b.store.commits) != commits {
				t.Error("it made requests, or committed")
			}
			var got []string
			checks := map[string]bool{}
			for _, i := range v.Items {
				checks[i.Check] = true
				if i.Verdict != resync.Pass {
					got = append(got, fmt.Sprintf("%s %s %s/%s", i.Verdict, i.Check, i.Kind, i.ID))
				}
				if strings.Contains(i.Message, "%!") {
					t.Errorf("message %q", i.Message)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" || v.Verdict() != c.verdict {
				t.Errorf("%s; items (-want +got):\n%s", v.Verdict(), d)
			}
			if len(checks) != 4 {
				t.Errorf("checks %v; want all four", checks)
			}
		})
	}
}

// needing returns the tenant with a field that no ticket can do without.
func needing(tenant psatest.Tenant, field string) psatest.Tenant {
	f := tenant.Features[psa.KindTicket]
	f.Required = append(slices.Clone(f.Required), field)
	return tenant.With(psa.KindTicket, f)
}
