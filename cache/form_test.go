package cache_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func field(t *testing.T, f cache.Form, name string) cache.FormField {
	t.Helper()
	ff, ok := f.Field(name)
	if !ok {
		t.Fatalf("the form has no %s", name)
	}
	return ff
}

func TestFormNarrowsConnectWise(t *testing.T) {
	cw := connectWise(t)
	for _, tt := range []struct {
		chosen psa.Fields
		field  string
		want   string
	}{
		{nil, "board", "[2 1]"},
		{nil, "status", "[21 10 20 12 11]"},
		{psa.Fields{"board": ref("1", "")}, "status", "[10 12 11]"},
		{psa.Fields{"board": ref("", "internal it")}, "status", "[21 20]"},
		{psa.Fields{"board": "2"}, "status", "[21 20]"},
		{psa.Fields{"board": ref("99", "")}, "status", "[]"},
		{psa.Fields{"board": nil}, "status", "[21 10 20 12 11]"},
		{psa.Fields{"board": ref("1", "")}, "team", "[5]"},
		{psa.Fields{"board": ref("1", "")}, "priority", "[1 4]"},
		{psa.Fields{"board": ref("1", "")}, "type", "[301 302]"},
		{psa.Fields{"board": ref("2", "")}, "type", "[311]"},
		{psa.Fields{"board": ref("1", "")}, "subtype", "[402 401]"},
		{psa.Fields{"board": ref("1", ""), "type": ref("301", "")}, "subtype", "[402 401]"},
		{psa.Fields{"board": ref("1", ""), "type": ref("302", "")}, "subtype", "[402]"},
		{psa.Fields{"type": ref("302", "")}, "subtype", "[402]"},
		{psa.Fields{"board": ref("1", ""), "type": ref("", "request")}, "subtype", "[402]"},
		{psa.Fields{"board": ref("2", ""), "type": ref("311", "")}, "subtype", "[]"},
		{psa.Fields{"board": ref("1", ""), "type": ref("301", ""), "subtype": ref("401", "")}, "item", "[501]"},
		{psa.Fields{"board": ref("1", ""), "type": ref("301", ""), "subtype": ref("402", "")}, "item", "[502]"},
		{psa.Fields{"board": ref("1", ""), "type": ref("301", "")}, "item", "[502 501]"},
		{psa.Fields{"board": ref("1", ""), "subtype": ref("402", "")}, "item", "[502]"},
		{psa.Fields{"board": ref("1", ""), "type": ref("302", ""), "subtype": ref("402", "")}, "item", "[]"},
	} {
		if got := optionIDs(field(t, cw.Form(psa.KindTicket, tt.chosen), tt.field).Options); got != tt.want {
			t.Errorf("%s after %v: %s, not %s", tt.field, tt.chosen, got, tt.want)
		}
	}
}

// TestFormFollowsAssociations: what goes together may change without the
// classifications; an inactive association allows nothing.
func TestFormFollowsAssociations(t *testing.T) {
	cw := connectWise(t)
	chosen := psa.Fields{"board": ref("1", ""), "type": ref("301", ""), "subtype": ref("401", "")}
	items := func(s *cache.Snapshot) string {
		return optionIDs(field(t, s.Form(psa.KindTicket, chosen), "item").Options)
	}
	if got := items(cw); got != "[501]" {
		t.Fatal(got)
	}
	for _, active := range []bool{true, false} {
		r, ok := cw.Get(psa.Ref{Kind: psa.KindClassificationAssociation, ID: "1"})
		if !ok {
			t.Fatal("no such row")
		}
		r.Active, r.Fields = active, r.Fields.Clone()
		r.Fields["item"] = ref("502", "")
		next, _, err := cw.Apply(1, cache.Batch{Put: []psa.Record{r}})
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "[502]", false: "[]"}[active]
		if got := items(next); got != want {
			t.Errorf("active %v: %s, not %s", active, got, want)
		}
	}
	if got := items(cw); got != "[501]" {
		t.Errorf("the former snapshot changed: %s", got)
	}
}

func TestFormNarrowsHaloAndAutotask(t *testing.T) {
	h, at := halo(t), autotask(t)
	for _, tt := range []struct {
		snap   *cache.Snapshot
		chosen psa.Fields
		field  string
		want   string
	}{
		{h, nil, "status", "[1 2 9]"},
		{h, psa.Fields{"ticket_type": ref("1", "")}, "status", "[1 9]"},
		{h, psa.Fields{"ticket_type": ref("2", "")}, "status", "[1 2 9]"},
		{h, psa.Fields{"ticket_type": ref("1", "")}, "team", "[2]"},
		{h, psa.Fields{"sla": ref("2", "")}, "priority", "[2-1 2-2]"},
		{h, psa.Fields{"ticket_type": ref("1", "")}, "category_1", "[100 101]"},
		{h, psa.Fields{"ticket_type": ref("2", "")}, "category_1", "[102 100 101]"},
		{h, psa.Fields{"ticket_type": ref("1", ""), "category_1": ref("101", "")}, "category_2", "[]"},
		{h, psa.Fields{"ticket_type": ref("1", ""), "category_1": ref("100", "")}, "category_2", "[110]"},
		{at, nil, "status", "[5 1]"},
		{at, psa.Fields{"board": ref("29683", "")}, "status", "[5 1]"}, // queues have no statuses
		{at, psa.Fields{"category_1": ref("1:11", "")}, "category_2", "[2:21]"},
		{at, nil, "category_1", "[1:10 1:11]"},
		{at, nil, "category_2", "[2:20 2:21]"},
	} {
		if got := optionIDs(field(t, tt.snap.Form(psa.KindTicket, tt.chosen), tt.field).Options); got != tt.want {
			t.Errorf("%s: %s after %v: %s, not %s", tt.snap.Provider(), tt.field, tt.chosen, got, tt.want)
		}
	}
	if _, ok := h.Form(psa.KindTicket, nil).Field("board"); ok {
		t.Error("Halo has no boards, its form has")
	}
}

func TestFormField(t *testing.T) {
	cw := connectWise(t)
	form := cw.Form(psa.KindTicket, psa.Fields{"board": ref("1", "")})

	status := field(t, form, "status")
	if d := cmp.Diff([]string{"board"}, status.NarrowedBy); d != "" || status.Waiting != nil || !status.Listed {
		t.Errorf("status: narrowed by %v, waiting for %v", status.NarrowedBy, status.Waiting)
	}
	if d := cmp.Diff(any(ref("10", "New")), status.Default); d != "" {
		t.Errorf("the default status: %s", d)
	}
	if s := field(t, cw.Form(psa.KindTicket, nil), "status"); s.Default != nil || !slices.Equal(s.Waiting, []string{"board"}) {
		t.Errorf("without a board the default status is %v, waiting for %v", s.Default, s.Waiting)
	}
	board := field(t, form, "board")
	for _, name := range []string{"status", "team", "type"} {
		if !slices.Contains(board.Narrows, name) {
			t.Errorf("board narrows %v, not %s", board.Narrows, name)
		}
	}
	if board.Term != "Service Board" || !board.Required {
		t.Errorf("board is %+v", board)
	}
	if item := field(t, form, "item"); !slices.Equal(item.Waiting, []string{"type", "subtype"}) {
		t.Errorf("item waits for %v", item.Waiting)
	}
	if owner := field(t, form, "owner"); owner.Stale != "permission denied" || !owner.StaleSince.Equal(noon) {
		t.Errorf("owner is stale: %q since %v", owner.Stale, owner.StaleSince)
	}
	if company := field(t, form, "company"); company.Listed || company.Options != nil || !company.Required {
		t.Errorf("company is %+v", company)
	}

	severity := field(t, form, "custom.17")
	if severity.Caption != "Severity" || severity.Type != psa.TypeOption || severity.Default != "hi" || optionIDs(severity.Options) != "[lo hi]" || severity.Options[1].Name != "High" {
		t.Errorf("the option field is %+v", severity)
	}
	if code := field(t, form, "custom.16"); code.Length != 5 || !code.Required || code.Listed {
		t.Errorf("the text field is %+v", code)
	}
	if hours := field(t, form, "custom.18"); hours.Decimals != 2 || hours.Type != psa.TypeNumber {
		t.Errorf("the number field is %+v", hours)
	}
	for _, name := range []string{"custom.19", "custom.20", "custom.21", "custom.22", "number", "url", "created_at"} {
		if _, ok := form.Field(name); ok {
			t.Errorf("the form has %s", name)
		}
	}
}

// TestFormOrder: fields come in the order of the schema, but behind those that
// narrow them, and custom fields come last in their own.
func TestFormOrder(t *testing.T) {
	for _, snap := range []*cache.Snapshot{connectWise(t), halo(t), autotask(t)} {
		form := snap.Form(psa.KindTicket, nil)
		seen := map[string]bool{}
		var last, schema []string
		for _, f := range form.Fields {
			for _, by := range f.NarrowedBy {
				if !seen[by] {
					t.Errorf("%s: %s comes before %s, which narrows it", snap.Provider(), f.Name, by)
				}
			}
			seen[f.Name] = true
			last = append(last, f.Name)
		}
		for _, f := range psa.Schema(psa.KindTicket) {
			if seen[f.Name] {
				schema = append(schema, f.Name)
			}
		}
		if snap.Provider() != "connectwise" { // others: ticket type and SLA move up
			continue
		}
		want := append(schema, "custom.17", "custom.16", "custom.18")
		if d := cmp.Diff(want, last); d != "" {
			t.Errorf("the order: %s", d)
		}
	}
}

// TestFormOfACategory: a chosen Autotask ticket category presets and requires.
func TestFormOfACategory(t *testing.T) {
	at := autotask(t)
	plain := at.Form(psa.KindTicket, nil)
	if field(t, plain, "category_1").Required || field(t, plain, "ticket_type").Default != nil {
		t.Error("without a category something is preset")
	}
	if f := field(t, plain, "form"); f.Term != "Ticket Category" || cmp.Diff(any(ref("3", "Standard")), f.Default) != "" {
		t.Errorf("the category is %+v", f)
	}
	rma := at.Form(psa.KindTicket, psa.Fields{"form": ref("4", "")})
	if !field(t, rma, "category_1").Required || !field(t, rma, "due_at").Required || field(t, rma, "summary").Required {
		t.Error("the category does not require what it should")
	}
	if d := cmp.Diff(any(ref("2", "Incident")), field(t, rma, "ticket_type").Default); d != "" {
		t.Errorf("the preset ticket type: %s", d)
	}
	if got := field(t, rma, "po_number").Default; got != "RMA" {
		t.Errorf("the preset PO number is %v", got)
	}
}

func TestFormOfNothing(t *testing.T) {
	if f := connectWise(t).Form(psa.KindContact, nil); len(f.Fields) != 0 || f.Kind != psa.KindContact {
		t.Errorf("contacts are not offered: %v", f)
	}
	if f := cache.Empty("a").Form(psa.KindTicket, nil); len(f.Fields) == 0 {
		t.Error("a snapshot without meta data of records says that there are no tickets")
	}
}

// TestSecondScope: all scopes of a kind narrow, not the first alone.
func TestSecondScope(t *testing.T) {
	s := snapshot(t, cache.Meta{Kinds: map[psa.Kind]cache.KindMeta{
		psa.KindBoard: {}, psa.KindTicketType: {},
		psa.KindStatus: {Scopes: []psa.Scope{{Kind: psa.KindBoard}, {Kind: psa.KindTicketType, Via: "statuses", Reverse: true}}},
	}},
		rec(psa.KindBoard, "1", "B"), rec(psa.KindTicketType, "7", "T", "statuses", []string{"1", "3"}),
		on("1", rec(psa.KindStatus, "1", "a")), on("1", rec(psa.KindStatus, "2", "b")), on("2", rec(psa.KindStatus, "3", "c")))
	for _, tt := range []struct {
		chosen psa.Fields
		want   string
	}{
		{psa.Fields{"board": "1"}, "[1 2]"},
		{psa.Fields{"ticket_type": "7"}, "[1 3]"},
		{psa.Fields{"board": "1", "ticket_type": "7"}, "[1]"},
	} {
		if got := optionIDs(field(t, s.Form(psa.KindTicket, tt.chosen), "status").Options); got != tt.want {
			t.Errorf("after %v: %s, not %s", tt.chosen, got, tt.want)
		}
	}
}

func findings(list []cache.FieldFinding) string {
	var out []string
	for _, f := range list {
		out = append(out, fmt.Sprintf("%s %s", f.Field, f.Code))
	}
	return strings.Join(out, ", ")
}

func TestCheck(t *testing.T) {
	cw := connectWise(t)
	good := func(change psa.Fields) psa.Fields {
		f := psa.Fields{"summary": "Wi-Fi", "board": ref("1", ""), "company": ref("250", "Acme"), "custom": psa.Fields{"16": "A1"}}
		for k, v := range change {
			f[k] = v
		}
		return f
	}
	custom := func(id string, v any) psa.Fields {
		return psa.Fields{"custom": psa.Fields{"16": "A1", id: v}}
	}
	for _, tt := range []struct {
		name   string
		change psa.Fields
		want   string
	}{
		{"good", nil, ""},
		{"all of it", psa.Fields{"status": ref("10", "New"), "type": ref("301", ""), "subtype": ref("401", ""), "item": ref("501", ""), "team": ref("5", ""),
			"priority": ref("", "priority 1 - critical"), "due_at": "2026-03-04T12:00:00Z", "budget_hours": number(2), "description": "long"}, ""},
		{"null clears", psa.Fields{"status": nil, "number": nil}, ""},
		{"null in a required field", psa.Fields{"summary": nil}, "summary required"},
		{"blank", psa.Fields{"summary": "  "}, "summary required"},
		{"empty reference", psa.Fields{"company": psa.Fields{"id": ""}}, "company required"},
		{"unknown field", psa.Fields{"subject": "x"}, "subject unknown-field"},
		{"not this vendor's field", psa.Fields{"ticket_type": ref("1", "")}, "ticket_type unknown-field"},
		{"read-only", psa.Fields{"number": "7"}, "number read-only"},
		{"type", psa.Fields{"summary": number(1), "budget_hours": "2", "due_at": "tomorrow", "priority": "4"},
			"summary wrong-type, priority wrong-type, budget_hours wrong-type, due_at wrong-type"},
		{"unknown id", psa.Fields{"status": ref("99", "")}, "status unknown-value"},
		{"unknown name", psa.Fields{"priority": ref("", "Priority 1 - Critcal")}, "priority unknown-value"},
		{"inactive", psa.Fields{"status": ref("13", "")}, "status inactive-value"},
		{"inactive by name", psa.Fields{"status": ref("", "Waiting")}, "status inactive-value"},
		{"inactive board", psa.Fields{"board": ref("3", "")}, "board inactive-value"},
		{"status of another board", psa.Fields{"status": ref("20", "")}, "status out-of-scope"},
		{"name on another board", psa.Fields{"status": ref("", "Triage")}, "status out-of-scope"},
		{"name on both boards", psa.Fields{"status": ref("", "New")}, ""},
		{"unknown board does not blame the status", psa.Fields{"board": ref("99", ""), "status": ref("20", "")}, "board unknown-value"},
		{"subtype of another type", psa.Fields{"type": ref("302", ""), "subtype": ref("401", "")}, "subtype out-of-scope"},
		{"item that does not go with the subtype", psa.Fields{"type": ref("301", ""), "subtype": ref("401", ""), "item": ref("502", "")}, "item out-of-scope"},
		{"a subtype as type", psa.Fields{"type": ref("401", "")}, "type out-of-scope"},
		{"stale kind", psa.Fields{"owner": ref("8", "Bob")}, "owner unknown-stale"},
		{"stale kind, known row", psa.Fields{"owner": ref("7", "")}, ""},
		{"records are not looked up", psa.Fields{"company": ref("9999", "")}, ""},
		{"custom missing", psa.Fields{"custom": nil}, "custom.16 required"},
		{"custom no object", psa.Fields{"custom": "x"}, "custom.16 required, custom wrong-type"},
		{"custom option", custom("17", "hi"), ""},
		{"custom option by label", custom("17", "High"), "custom.17 unknown-value"},
		{"custom option inactive", custom("17", "old"), "custom.17 inactive-value"},
		{"custom options, several", custom("17", []any{"hi", "lo"}), ""},
		{"custom options, one unknown", custom("17", []any{"hi", "x"}), "custom.17 unknown-value"},
		{"custom options, no texts", custom("17", []any{number(1)}), "custom.17 wrong-type"},
		{"custom option null", custom("17", nil), ""},
		{"custom type", custom("18", "2"), "custom.18 wrong-type"},
		{"custom decimals", custom("18", mustNumber(t, "1.25")), ""},
		{"custom too many decimals", custom("18", mustNumber(t, "1.255")), "custom.18 too-long"},
		{"custom too long", psa.Fields{"custom": psa.Fields{"16": "ÄÖÜ456"}}, "custom.16 too-long"},
		{"custom just fits", psa.Fields{"custom": psa.Fields{"16": "ÄÖÜ45"}}, ""},
		{"custom of companies", custom("19", "x"), "custom.19 out-of-scope"},
		{"custom of unknown owner", custom("20", true), ""},
		{"custom inactive", custom("21", "x"), "custom.21 inactive-value"},
		{"custom read-only", custom("22", "2026-01-01"), "custom.22 read-only"},
		{"custom unknown", custom("99", "x"), "custom.99 unknown-field"},
		{"custom by caption", custom("severity", "hi"), "custom.severity unknown-field"},
		{"custom beside custom", psa.Fields{"custom.17": "hi"}, "custom.17 unknown-field"},
	} {
		if got := findings(cw.Check(psa.KindTicket, good(tt.change))); got != tt.want {
			t.Errorf("%s: %q, not %q", tt.name, got, tt.want)
		}
	}
	if got := findings(cw.Check(psa.KindTicket, nil)); got != "summary required, board required, company required, custom.16 required" {
		t.Errorf("nothing at all: %s", got)
	}
	if got := findings(cw.Check(psa.KindContact, nil)); got != " not-offered" {
		t.Errorf("a kind that is not offered: %s", got)
	}
}

func mustNumber(t *testing.T, s string) any {
	t.Helper()
	var f psa.Fields
	if err := f.UnmarshalJSON([]byte(`{"n":` + s + `}`)); err != nil {
		t.Fatal(err)
	}
	return f["n"]
}

func TestCheckOtherVendors(t *testing.T) {
	h, at := halo(t), autotask(t)
	for _, tt := range []struct {
		snap   *cache.Snapshot
		fields psa.Fields
		want   string
	}{
		{h, psa.Fields{"ticket_type": ref("1", ""), "status": ref("2", "")}, "status out-of-scope"},
		{h, psa.Fields{"ticket_type": ref("2", ""), "status": ref("2", "")}, ""},
		{h, psa.Fields{"priority": ref("", "High")}, "priority ambiguous-name"},
		{h, psa.Fields{"sla": ref("2", ""), "priority": ref("", "High")}, ""},
		{h, psa.Fields{"sla": ref("1", ""), "priority": ref("2-2", "")}, "priority out-of-scope"},
		{at, psa.Fields{"board": ref("29683", ""), "status": ref("5", "")}, ""},
		{at, psa.Fields{"category_1": ref("1:10", ""), "category_2": ref("2:21", "")}, "category_2 out-of-scope"},
		{at, psa.Fields{"form": ref("4", "")}, "category_1 required, due_at required"},
	} {
		if got := findings(tt.snap.Check(psa.KindTicket, tt.fields)); got != tt.want {
			t.Errorf("%s %v: %q, not %q", tt.snap.Provider(), tt.fields, got, tt.want)
		}
	}
}

func TestCheckSays(t *testing.T) {
	cw := connectWise(t)
	for _, tt := range []struct {
		fields psa.Fields
		want   string // message of the first finding about another thing than a required field
	}{
		{psa.Fields{"prioriti": nil}, `prioriti: a ticket of this PSA has no such field; did you mean "priority"?`},
		{psa.Fields{"priority": ref("", "Priority 4 - Lwo")}, `priority: there is no priority with "Priority 4 - Lwo"; did you mean "Priority 4 - Low"?`},
		{psa.Fields{"board": ref("1", ""), "status": ref("20", "")}, `status: "New" does not go with board "Managed Services"; did you mean "New"?`},
		{psa.Fields{"owner": ref("", "Adda")}, `owner: there is no member with "Adda", but the list may be out of date; did you mean "Ada"?`},
		{psa.Fields{"custom": psa.Fields{"Severity": "hi"}}, `custom.Severity: custom fields go by id; "Severity" has 17`},
		{psa.Fields{"custom": psa.Fields{"17": "hii"}}, `custom.17 (Severity): there is no option "hii"; did you mean "hi"?`},
		{psa.Fields{"custom": psa.Fields{"19": "x"}}, `custom.19 (Region): the custom field belongs to company`},
	} {
		var got []string
		for _, f := range cw.Check(psa.KindTicket, tt.fields) {
			if f.Code != cache.CodeRequired {
				got = append(got, f.Message)
			}
		}
		if len(got) == 0 || got[0] != tt.want {
			t.Errorf("%v:\n%q, not\n%q", tt.fields, got, tt.want)
		}
	}
	for _, f := range cw.Check(psa.KindTicket, psa.Fields{"status": ref("13", "")}) {
		if f.Code == cache.CodeInactive && (f.ID != "13" || f.Kind != psa.KindTicket || f.Severity != psa.Failure) {
			t.Errorf("the finding is %+v", f)
		}
	}
}

func TestExplain(t *testing.T) {
	cw, h := connectWise(t), halo(t)
	for _, tt := range []struct {
		snap        *cache.Snapshot
		kind        psa.Kind
		scope, name string
		state       cache.Presence
		message     string
	}{
		{cw, psa.KindStatus, "1", "new", cache.StatePresent, `"new" is offered for board "Managed Services".`},
		{cw, psa.KindBoard, "", "Old board", cache.StateInactive, `"Old board" is inactive in the PSA.`},
		{cw, psa.KindStatus, "", "New", cache.StateAmbiguous, `2 rows are called "New"; name the scope or use the id.`},
		{cw, psa.KindStatus, "1", "Triage", cache.StateOutOfScope, `"Triage" is not offered for board "Managed Services", but for board "Internal IT".`},
		{cw, psa.KindStatus, "99", "Triage", cache.StateOutOfScope, `"Triage" is not offered for board "99", but for board "Internal IT".`},
		{cw, psa.KindStatus, "1", "Clsoed", cache.StateUnknown, `There is no status called "Clsoed" for board "Managed Services". Did you mean "Closed"?`},
		{cw, psa.KindBoard, "", "Purple", cache.StateUnknown, `There is no board called "Purple".`},
		{cw, psa.KindMember, "", "Bob", cache.StateStale, `There is no member called "Bob". The list could not be read since 2026-03-04T12:00:00Z: permission denied.`},
		{cw, psa.KindMember, "", "Ada", cache.StatePresent, `"Ada" is offered. The list could not be read since 2026-03-04T12:00:00Z: permission denied.`},
		{cw, psa.KindUrgency, "", "High", cache.StateNotOffered, `The PSA of this connection has no urgency, or it was never collected.`},
		{h, psa.KindStatus, "1", "With CAB", cache.StateOutOfScope, `"With CAB" is not offered for ticket_type "Incident", but for ticket_type "Change".`},
	} {
		got := tt.snap.Explain(tt.kind, tt.scope, tt.name)
		if got.State != tt.state || got.Message != tt.message {
			t.Errorf("%s %q in %q: %s, %s", tt.kind, tt.name, tt.scope, got.State, got.Message)
		}
	}
	out := cw.Explain(psa.KindStatus, "1", "Triage")
	if out.Ref.ID != "21" || !slices.Equal(out.Scopes, []psa.Ref{{Kind: psa.KindBoard, ID: "2"}}) || !out.Fresh.Equal(noon) {
		t.Errorf("the explanation is %+v", out)
	}
	if got := cw.Explain(psa.KindStatus, "1", "Clsoed").Nearest; !slices.Equal(got, []string{"Closed"}) {
		t.Errorf("the nearest names are %v", got)
	}
}
