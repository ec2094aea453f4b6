package connectwise_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

func refTo(kind psa.Kind, id string) psa.Ref { return psa.Ref{Kind: kind, ID: id} }

// Every write as it goes over the wire, in order. What is answered to reads is
// in rows, by path; writes are answered with a row of the id asked for.
func TestWriteRequests(t *testing.T) {
	to := psatest.RefTo
	rows := map[string]string{
		"/service/tickets/7":          `{"id":7,"recordType":"ServiceTicket","customFields":[{"id":16,"type":"Text","value":"Red"},{"id":17,"type":"Password","value":"***"},{"id":18,"type":"Number","value":2.5},{"id":19,"type":"Text","value":null}]}`,
		"/service/tickets/7/notes/9":  `{"id":9,"detailDescriptionFlag":false,"resolutionFlag":true}`,
		"/service/tickets/7/notes/10": `{"id":10,"detailDescriptionFlag":false,"internalAnalysisFlag":true}`,
		"/time/entries/9":             `{"id":9,"chargeToType":"ServiceTicket","status":"Open","addToDetailDescriptionFlag":true}`,
		"/company/contacts/31": `{"id":31,"communicationItems":[
			{"id":1,"type":{"id":13,"name":"Email"},"value":"a@x.example","defaultFlag":true,"communicationType":"Email"},
			{"id":2,"type":{"id":2,"name":"Direct"},"value":"111","extension":"4","defaultFlag":true,"communicationType":"Phone"},
			{"id":3,"type":{"id":4,"name":"Mobile"},"value":"222","defaultFlag":false,"communicationType":"Phone"}]}`,
		"/company/communicationTypes": `[{"id":3,"description":"Fax","faxFlag":true},{"id":14,"description":"Email - Home","emailFlag":true},{"id":13,"description":"Email","emailFlag":true,"defaultFlag":true},
			{"id":2,"description":"Direct","phoneFlag":true,"defaultFlag":true},{"id":4,"description":"Cell","phoneFlag":true}]`,
	}
	const types = "GET /company/communicationTypes fields=_info,defaultFlag,description,emailFlag,faxFlag,id,phoneFlag pageSize=1000"
	const items = "GET /company/contacts/31 fields=communicationItems,id"
	for _, tt := range []struct {
		name   string
		kind   psa.Kind
		id     string // "": create
		set    psa.Fields
		notify psa.Notify
		want   []string
	}{
		{"company", psa.KindCompany, "", psa.Fields{"name": "Bäcker & Söhne", "phone": nil, "address": psa.Fields{"city": "Ulm", "country": "Germany"}, "types": []any{to("5", "Client")}}, psa.NotifyNone, []string{
			`POST /company/companies {"city":"Ulm","country":{"name":"Germany"},"identifier":"BäckerSöhne","name":"Bäcker \u0026 Söhne","types":[{"id":5}]}`}},
		{"company with identifier", psa.KindCompany, "", psa.Fields{"name": "B", "identifier": "B-1", "address.city": "Ulm", "custom": psa.Fields{"31": "x", "32": nil}}, psa.NotifyNone, []string{
			`POST /company/companies {"city":"Ulm","customFields":[{"id":31,"value":"x"}],"identifier":"B-1","name":"B"}`}},
		{"address of a company", psa.KindCompany, "5", psa.Fields{"address": psa.Fields{"line2": nil, "country": nil, "zip": "89073"}}, psa.NotifyContact, []string{
			`PATCH /company/companies/5 [{"op":"remove","path":"/addressLine2"},{"op":"remove","path":"/country"},{"op":"replace","path":"/zip","value":"89073"}]`}},
		{"site", psa.KindSite, "", psa.Fields{"name": "Annex", "company": to("5", ""), "main": nil, "address": psa.Fields{"state": "WYK"}}, psa.NotifyNone, []string{
			`POST /company/companies/5/sites {"name":"Annex","primaryAddressFlag":false,"stateReference":{"identifier":"WYK"}}`}},
		{"state of a site", psa.KindSite, "5/8", psa.Fields{"address.state": "NYK"}, psa.NotifyNone, []string{
			`PATCH /company/companies/5/sites/8 [{"op":"replace","path":"/stateReference","value":{"identifier":"NYK"}}]`}},
		{"contact", psa.KindContact, "", psa.Fields{"first_name": "Jo", "email": "jo@x.example", "phone": "111", "mobile": "222", "company": to("5", ""), "site": to("5/8", ""), "types": []any{to("3", "")}}, psa.NotifyNone, []string{types,
			`POST /company/contacts {"communicationItems":[{"defaultFlag":false,"type":{"id":4},"value":"222"},{"defaultFlag":true,"type":{"id":13},"value":"jo@x.example"},{"defaultFlag":true,"type":{"id":2},"value":"111"}],"company":{"id":5},"firstName":"Jo","site":{"id":8},"typeIds":[3]}`}},
		{"contact with communications", psa.KindContact, "", psa.Fields{"last_name": "Doe", "communications": []any{psa.Fields{"type": to("2", ""), "value": "1", "extension": "7"}}}, psa.NotifyNone, []string{
			`POST /company/contacts {"communicationItems":[{"defaultFlag":false,"extension":"7","type":{"id":2},"value":"1"}],"lastName":"Doe"}`}},
		{"address of a contact", psa.KindContact, "31", psa.Fields{"email": "b@x.example", "title": nil, "site": nil}, psa.NotifyNone, []string{items,
			`PATCH /company/contacts/31 [{"op":"remove","path":"/site"},{"op":"remove","path":"/title"},{"op":"replace","path":"/communicationItems/0/value","value":"b@x.example"}]`}},
		{"numbers of a contact", psa.KindContact, "31", psa.Fields{"phone": nil, "mobile": "333"}, psa.NotifyNone, []string{items,
			`PATCH /company/contacts/31 [{"op":"replace","path":"/communicationItems/2/value","value":"333"},{"op":"remove","path":"/communicationItems/1"}]`}},
		{"all communications", psa.KindContact, "31", psa.Fields{"communications": []any{
			psa.Fields{"type": to("2", ""), "value": "111", "default": false},
			psa.Fields{"type": to("14", ""), "value": "c@x.example", "default": true, "extension": ""},
			psa.Fields{"type": to("4", ""), "value": "444", "default": true},
		}}, psa.NotifyNone, []string{items,
			`PATCH /company/contacts/31 [{"op":"remove","path":"/communicationItems/1/extension"},{"op":"replace","path":"/communicationItems/1/defaultFlag","value":false},{"op":"replace","path":"/communicationItems/2/value","value":"444"},{"op":"replace","path":"/communicationItems/2/defaultFlag","value":true},{"op":"remove","path":"/communicationItems/0"},{"op":"add","path":"/communicationItems/2","value":{"defaultFlag":true,"type":{"id":14},"value":"c@x.example"}}]`}},
		{"no change of communications", psa.KindContact, "31", psa.Fields{"email": "a@x.example"}, psa.NotifyNone, []string{items,
			"GET /company/contacts/31 fields=" + contactFields}},
		{"ticket", psa.KindTicket, "", psa.Fields{"summary": "It hums", "description": "All\r\nday", "company": to("5", ""), "board": to("12", ""), "type": to("1:301", ""), "urgency": to("2", "High"), "due_at": "2026-06-09T10:00:00.25Z", "budget_hours": json.Number("1.005"), "external_ref": "h-1"}, psa.NotifyNone, []string{
			`POST /service/tickets {"board":{"id":12},"budgetHours":1.01,"company":{"id":5},"externalXRef":"h-1","initialDescription":"All\nday","processNotifications":false,"requiredDate":"2026-06-09T10:00:00Z","severity":"High","summary":"It hums","type":{"id":301}}`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"ticket on another board", psa.KindTicket, "7", psa.Fields{"board": to("13", ""), "status": to("571", ""), "type": to("1:321", ""), "subtype": nil, "team": to("30", ""), "owner": nil}, psa.NotifyContact, []string{
			`PATCH /service/tickets/7 [{"op":"replace","path":"/board","value":{"id":13}},{"op":"remove","path":"/owner"},{"op":"replace","path":"/status","value":{"id":571}},{"op":"remove","path":"/subType"},{"op":"replace","path":"/team","value":{"id":30}},{"op":"replace","path":"/type","value":{"id":321}},{"op":"replace","path":"/processNotifications","value":true}]`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"custom fields", psa.KindTicket, "7", psa.Fields{"custom.19": "Blue", "custom": psa.Fields{"16": nil}}, psa.NotifyResources, []string{
			"GET /service/tickets/7 fields=customFields,recordType,id",
			`PATCH /service/tickets/7 [{"op":"replace","path":"/processNotifications","value":false},{"op":"replace","path":"/customFields","value":[{"id":16,"value":null},{"id":18,"value":2.5},{"id":19,"value":"Blue"}]}]`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"internal note", psa.KindNote, "", psa.Fields{"ticket": to("7", ""), "text": "x"}, psa.NotifyContact, []string{
			`POST /service/tickets/7/notes {"detailDescriptionFlag":false,"internalAnalysisFlag":true,"processNotifications":false,"resolutionFlag":false,"text":"x"}`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"note for the team", psa.KindNote, "", psa.Fields{"ticket": to("7", ""), "text": "x", "visibility": "team"}, psa.NotifyResources, []string{
			`POST /service/tickets/7/notes {"detailDescriptionFlag":false,"internalAnalysisFlag":true,"processNotifications":true,"resolutionFlag":false,"text":"x"}`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"resolution", psa.KindNote, "", psa.Fields{"ticket": to("7", ""), "text": "x", "visibility": "public", "resolution": true}, psa.NotifyContact, []string{
			`POST /service/tickets/7/notes {"detailDescriptionFlag":true,"internalAnalysisFlag":false,"processNotifications":true,"resolutionFlag":true,"text":"x"}`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"text of a note", psa.KindNote, "7/9", psa.Fields{"text": "y"}, psa.NotifyNone, []string{
			`PATCH /service/tickets/7/notes/9 [{"op":"replace","path":"/text","value":"y"},{"op":"replace","path":"/processNotifications","value":false}]`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"text of a public note, with mail", psa.KindNote, "7/9", psa.Fields{"text": "y"}, psa.NotifyContact, []string{
			"GET /service/tickets/7/notes/9 fields=detailDescriptionFlag,resolutionFlag,id",
			`PATCH /service/tickets/7/notes/9 [{"op":"replace","path":"/text","value":"y"},{"op":"replace","path":"/processNotifications","value":true}]`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"text of an internal note, with mail", psa.KindNote, "7/10", psa.Fields{"text": "y"}, psa.NotifyContact, []string{
			"GET /service/tickets/7/notes/10 fields=detailDescriptionFlag,resolutionFlag,id",
			`PATCH /service/tickets/7/notes/10 [{"op":"replace","path":"/text","value":"y"},{"op":"replace","path":"/processNotifications","value":false}]`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"no resolution any more", psa.KindNote, "7/9", psa.Fields{"resolution": nil}, psa.NotifyNone, []string{
			"GET /service/tickets/7/notes/9 fields=detailDescriptionFlag,resolutionFlag,id",
			`PATCH /service/tickets/7/notes/9 [{"op":"replace","path":"/detailDescriptionFlag","value":true},{"op":"replace","path":"/resolutionFlag","value":false},{"op":"replace","path":"/processNotifications","value":false}]`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"hidden note", psa.KindNote, "7/9", psa.Fields{"visibility": "internal"}, psa.NotifyNone, []string{
			`PATCH /service/tickets/7/notes/9 [{"op":"replace","path":"/detailDescriptionFlag","value":false},{"op":"replace","path":"/internalAnalysisFlag","value":true},{"op":"replace","path":"/resolutionFlag","value":false},{"op":"replace","path":"/processNotifications","value":false}]`,
			"GET /service/tickets/7/allNotes page=1 pageSize=1000"}},
		{"time entry", psa.KindTimeEntry, "", psa.Fields{"ticket": to("7", ""), "member": to("171", ""), "start_at": "2026-06-09T09:00:00Z", "hours": json.Number("0.5"), "billable": "no_charge", "notes": "x"}, psa.NotifyContact | psa.NotifyResources, []string{
			`POST /time/entries {"actualHours":0.5,"addToDetailDescriptionFlag":false,"addToResolutionFlag":false,"billableOption":"NoCharge","chargeToId":7,"chargeToType":"ServiceTicket","emailCcFlag":false,"emailContactFlag":false,"emailResourceFlag":true,"member":{"id":171},"notes":"x","timeStart":"2026-06-09T09:00:00Z"}`}},
		{"public time entry", psa.KindTimeEntry, "", psa.Fields{"ticket": to("7", ""), "member": to("171", ""), "start_at": "2026-06-09T09:00:00Z", "end_at": "2026-06-09T10:00:00+01:00", "visibility": "public"}, psa.NotifyContact, []string{
			`POST /time/entries {"addToDetailDescriptionFlag":true,"chargeToId":7,"chargeToType":"ServiceTicket","emailCcFlag":false,"emailContactFlag":true,"emailResourceFlag":false,"member":{"id":171},"timeEnd":"2026-06-09T09:00:00Z","timeStart":"2026-06-09T09:00:00Z"}`}},
		{"changed time entry", psa.KindTimeEntry, "9", psa.Fields{"notes": "y", "agreement": nil}, psa.NotifyContact, []string{
			"GET /time/entries/9 fields=addToDetailDescriptionFlag,addToResolutionFlag,chargeToType,status,id",
			`PATCH /time/entries/9 [{"op":"remove","path":"/agreement"},{"op":"replace","path":"/notes","value":"y"},{"op":"replace","path":"/emailCcFlag","value":false},{"op":"replace","path":"/emailContactFlag","value":true},{"op":"replace","path":"/emailResourceFlag","value":false}]`}},
		{"nothing", psa.KindContact, "31", psa.Fields{}, psa.NotifyContact, []string{"GET /company/contacts/31 fields=" + contactFields}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mock := mocked(t, nil)
			var got []string
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				text := line(r)
				got = append(got, text)
				_, path, _ := strings.Cut(r.URL.Path, "/apis/3.0")
				switch {
				case r.Method == "GET" && rows[path] != "":
					return answer(200, rows[path])(r)
				case r.Method == "GET":
					return answer(200, "[]")(r)
				case r.Method == "POST":
					return answer(201, `{"id":7,"recordType":"ServiceTicket","chargeToType":"ServiceTicket"}`)(r)
				}
				return answer(200, fmt.Sprintf(`{"id":%s,"recordType":"ServiceTicket","chargeToType":"ServiceTicket"}`, path[strings.LastIndexByte(path, '/')+1:]))(r)
			})
			var r psa.Record
			var err error
			if tt.id == "" {
				r, err = p.Create(t.Context(), tt.kind, tt.set, tt.notify)
			} else {
				r, err = p.Update(t.Context(), refTo(tt.kind, tt.id), psa.Patch{Set: tt.set, Notify: tt.notify})
			}
			if err != nil || r.Kind != tt.kind || tt.id != "" && r.ID != tt.id {
				t.Errorf("%s, %v", r.Ref, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be meant is refused as a whole, all of it named, before anything
// is asked of the server.
func TestWriteRefusals(t *testing.T) {
	to := psatest.RefTo
	long := strings.Repeat("x", 300)
	for _, tt := range []struct {
		kind psa.Kind
		id   string
		set  psa.Fields
		want string
	}{
		{psa.KindTicket, "", psa.Fields{"nope": 1, "closed_at": "x", "main_site": 1, "status": to("New", ""), "type": to("301", ""), "board.id": "1"},
			"board.id: is no field of this kind; closed_at: cannot be written; company: is required; main_site: is no field of this kind; nope: is no field of this kind; status: is no reference to a ConnectWise row; summary: is required; type: is no reference to a ConnectWise row"},
		{psa.KindTicket, "", psa.Fields{"summary": " ", "company": to("5", ""), "site": to("6/8", ""), "item": to("2:4", ""), "external_ref": long, "due_at": "tomorrow", "urgency": to("2", ""), "budget_hours": "many", "custom": psa.Fields{"Floor": "3", "16": []any{}}, "parent_ticket": to("4", "")},
			`budget_hours: has another type; custom.16: has another type; custom.Floor: is no id of a custom field; due_at: is no time; external_ref: is longer than 100 characters; item: the value lacks the prefix "3:"; parent_ticket: cannot be written; site: belongs to another company; summary: is required; urgency: has no name, which is all that ConnectWise keeps`},
		{psa.KindTicket, "7", psa.Fields{"description": "x", "company": nil, "site": "8", "owner": to("", "Jo")},
			"company: is required; description: can be written on create only; owner: is no reference to a ConnectWise row; site: has another type"},
		{psa.KindCompany, "", psa.Fields{"name": "x", "address": psa.Fields{"city": " "}, "main_site": to("5/8", "")}, "address: is required; main_site: cannot be written"},
		{psa.KindCompany, "5", psa.Fields{"types": []any{to("x", "")}, "address": psa.Fields{"zip": "1234567890123", "planet": "Mars"}, "phone": strings.Repeat("1", 31)},
			"address.zip: is longer than 12 characters; phone: is longer than 30 characters; types: can be written on create only"},
		{psa.KindCompany, "5", psa.Fields{"address.planet": "Mars"}, "address: planet: cannot be written"},
		{psa.KindSite, "5/8", psa.Fields{"company": to("6", ""), "name": nil}, "company: can be written on create only; name: is required"},
		{psa.KindContact, "", psa.Fields{"title": "x", "types": []any{"3"}}, "first_name: is required, or last_name; types: is no list of references to ConnectWise rows"},
		{psa.KindContact, "31", psa.Fields{"email": long + "@x", "communications": []any{psa.Fields{"value": "1"}}, "name": "Jo"},
			"communications: an element has no type; email: is among the communications, which are written as well; email: is longer than 250 characters; name: cannot be written"},
		{psa.KindNote, "", psa.Fields{"text": "x", "ticket": to("7", ""), "resolution": true}, "resolution: the client reads a resolution: its visibility is public"},
		{psa.KindNote, "", psa.Fields{"text": "", "visibility": "everybody", "member": to("1", "")}, "member: cannot be written; text: is required; ticket: is required; visibility: a value that write does not list"},
		{psa.KindTimeEntry, "", psa.Fields{"ticket": to("7", ""), "billable": "sometimes", "locked": true},
			"billable: a value that the vendor has no word for; hours: is required, or end_at; locked: cannot be written; member: is required; start_at: is required"},
		{psa.KindTimeEntry, "9", psa.Fields{"ticket": to("8", ""), "member": nil}, "member: is required; ticket: can be written on create only"},
		{psa.KindContact, "31", psa.Fields{"title": struct{}{}}, "title: psa: a struct {} has no canonical form"},
	} {
		p, mock := mocked(t, nil)
		var err error
		op, ref := "create "+string(tt.kind), psa.Ref{}
		if tt.id == "" {
			_, err = p.Create(t.Context(), tt.kind, tt.set, psa.NotifyNone)
		} else {
			op, ref = "update "+string(tt.kind), refTo(tt.kind, tt.id)
			_, err = p.Update(t.Context(), ref, psa.Patch{Set: tt.set})
		}
		var told *psa.Error
		if !errors.As(err, &told) || !errors.Is(err, psa.ErrInvalid) || mock.GetTotalCallCount() > 0 {
			t.Errorf("%s %v: %v after %d requests", op, tt.set, err, mock.GetTotalCallCount())
			continue
		}
		if diff := cmp.Diff(tt.want, told.Err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", op, diff)
		}
		if _, odd := tt.set["title"].(struct{}); !odd && (told.Op != op || told.Ref != ref) {
			t.Errorf("%v says %q of %v", err, told.Op, told.Ref)
		}
	}
}

func TestWritesOfOtherKinds(t *testing.T) {
	p, mock := mocked(t, nil)
	for _, kind := range []psa.Kind{psa.KindBoard, psa.KindAgreement, "nonsense"} {
		_, create := p.Create(t.Context(), kind, psa.Fields{"name": "x"}, psa.NotifyNone)
		_, update := p.Update(t.Context(), refTo(kind, "1"), psa.Patch{Set: psa.Fields{"name": "x"}})
		for _, err := range []error{create, update, p.Delete(t.Context(), refTo(kind, "1"))} {
			if !errors.Is(err, psa.ErrUnsupported) {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
	for _, id := range []string{"", "x", "../1", "1/2"} {
		if err := p.Delete(t.Context(), refTo(psa.KindTicket, id)); !errors.Is(err, psa.ErrInvalid) {
			t.Errorf("delete ticket %q: %v", id, err)
		}
	}
	if n := mock.GetTotalCallCount(); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// What Takes says of single fields.
func TestWritable(t *testing.T) {
	p, _ := mocked(t, nil)
	f := p.Features()
	got := map[psa.Kind]string{}
	for _, kind := range psa.RecordKinds() {
		if w := f[kind]; w.Can.Has(psa.CanCreate) {
			got[kind] = strings.Join(w.Writes, " ") + " / " + strings.Join(w.CreateOnly, " ") + " / " + strings.Join(w.Required, " ") + " / " + w.Marker
			w.Writes[0], w.Required = "changed", append(w.Required[:0], "changed")
		}
	}
	want := map[psa.Kind]string{
		psa.KindCompany:   "account_number address custom fax identifier main_contact name parent_company phone status territory types website / types / address name / ",
		psa.KindSite:      "address company custom main name phone / company / company name / ",
		psa.KindContact:   "communications company custom department email first_name last_name main mobile phone role site title types / types /  / ",
		psa.KindTicket:    "agreement board budget_hours company contact contact_email contact_name contact_phone custom department description due_at external_ref impact item location owner po_number priority service_location site sla source status subtype summary team type urgency work_role work_type / description / company summary / external_ref",
		psa.KindNote:      "resolution text ticket visibility / ticket / text ticket / ",
		psa.KindTimeEntry: "agreement billable custom deducted_hours end_at hours internal_notes member notes start_at ticket visibility work_role work_type / ticket / member start_at ticket / ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f = p.Features()
	if !f.Takes(psa.KindTicket, "custom.16", false) || f.Takes(psa.KindTicket, "description", false) || f.Takes(psa.KindTicket, "parent_ticket", true) {
		t.Error("Takes says otherwise")
	}
	for kind, mail := range map[psa.Kind]psa.MailControl{psa.KindCompany: psa.MailNever, psa.KindTicket: psa.MailControlled, psa.KindNote: psa.MailControlled, psa.KindTimeEntry: psa.MailControlled} {
		if f[kind].Mail != mail {
			t.Errorf("%s: mail %v", kind, f[kind].Mail)
		}
	}
}

func opened(t *testing.T, opts *connectwisetest.Options) (*connectwise.Provider, *connectwisetest.Server, *connectwisetest.Tenant) {
	tenant := connectwisetest.Small()
	p, srv := open(t, tenant, opts, nil)
	return p, srv, tenant
}

func first(t *testing.T, p *connectwise.Provider, kind psa.Kind, fits func(psa.Record) bool) psa.Record {
	t.Helper()
	for _, r := range collect(t, p, kind, psa.Query{}) {
		if fits(r) {
			return r
		}
	}
	t.Fatalf("the tenant has no such %s", kind)
	return psa.Record{}
}

func writesIn(srv *connectwisetest.Server) int {
	n := 0
	for _, r := range srv.Requests() {
		if r.Method != "GET" {
			n++
		}
	}
	return n
}

// Custom fields that a patch does not name keep their values, also on servers
// that take what is missing for cleared, or that want the array in each patch.
func TestCustomFieldsAreKept(t *testing.T) {
	for name, opts := range map[string]*connectwisetest.Options{"cloud": {}, "array in each patch": {PatchNeedsCustomField: true}} {
		t.Run(name, func(t *testing.T) {
			p, srv, tenant := opened(t, opts)
			id := tenant.IDs("/service/tickets")[0]
			tenant.Update("/service/tickets", id, row{"customFields": []any{row{"id": 16, "value": "Red"}, row{"id": 19, "value": 3}}})
			ref := refTo(psa.KindTicket, fmt.Sprint(id))
			const floor = json.Number("3")
			r, err := p.Update(t.Context(), ref, psa.Patch{Set: psa.Fields{"custom": psa.Fields{"16": "Blue"}}})
			if got, _ := r.Fields["custom"].(psa.Fields); err != nil || got["16"] != "Blue" || got["19"] != floor {
				t.Errorf("%v, %v", got, err)
			}
			for range 2 {
				srv.ClearCounters()
				r, err = p.Update(t.Context(), ref, psa.Patch{Set: psa.Fields{"summary": "It hums"}})
				if got, _ := r.Fields["custom"].(psa.Fields); err != nil || got["16"] != "Blue" || got["19"] != floor {
					t.Errorf("%v, %v", got, err)
				}
			}
			if n := writesIn(srv); n != 1 {
				t.Errorf("what the server wants was learned, and %d patches were sent", n)
			}
			// A refusal for another reason is told, and not tried again with the array.
			srv.ClearCounters()
			_, err = p.Update(t.Context(), ref, psa.Patch{Set: psa.Fields{"company": psatest.RefTo("987654", "")}})
			if !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), "company") || writesIn(srv) != 1 {
				t.Errorf("%v after %d patches", err, writesIn(srv))
			}
		})
	}
}

// Time that was submitted, approved or billed takes no change, and nothing is
// sent that would try.
func TestLockedTime(t *testing.T) {
	p, srv, _ := opened(t, nil)
	locked := first(t, p, psa.KindTimeEntry, func(r psa.Record) bool { return r.Fields.Bool("locked") == psa.Yes })
	srv.ClearCounters()
	_, err := p.Update(t.Context(), locked.Ref, psa.Patch{Set: psa.Fields{"notes": "x"}})
	for _, err := range []error{err, p.Delete(t.Context(), locked.Ref)} {
		if !errors.Is(err, psa.ErrConflict) || !strings.Contains(err.Error(), "locked: its status is ApprovedByTierOne") {
			t.Errorf("%v", err)
		}
	}
	if n := writesIn(srv); n != 0 {
		t.Errorf("%d writes", n)
	}
	free := first(t, p, psa.KindTimeEntry, func(r psa.Record) bool { return r.Fields.Bool("locked") == psa.No })
	if err := p.Delete(t.Context(), free.Ref); err != nil {
		t.Error(err)
	}
	if _, err := p.Get(t.Context(), free.Ref); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("deleted, and %v", err)
	}
}

// No write of any kind mails unless somebody may get mail, whatever a server
// does by default; and then it does.
func TestMail(t *testing.T) {
	for name, opts := range map[string]*connectwisetest.Options{"loud": {}, "quiet": {QuietTickets: true}} {
		t.Run(name, func(t *testing.T) {
			for notify, want := range map[psa.Notify][]string{
				psa.NotifyNone:                          nil,
				psa.NotifyContact:                       {"contact: ticket created", "resource: ticket created", "contact: status changed", "contact: note added", "contact: time entered"},
				psa.NotifyResources:                     {"resource: note added", "resource: time entered"},
				psa.NotifyContact | psa.NotifyResources: {"contact: ticket created", "resource: ticket created", "contact: status changed", "contact: note added", "resource: note added", "contact: time entered", "resource: time entered"},
			} {
				p, srv, _ := opened(t, opts)
				to := psatest.RefTo
				must := func(r psa.Record, err error) psa.Record {
					if err != nil {
						t.Fatal(err)
					}
					return r
				}
				create := func(kind psa.Kind, f psa.Fields) psa.Record { return must(p.Create(t.Context(), kind, f, notify)) }
				ticket := create(psa.KindTicket, psa.Fields{"summary": "x", "company": to("250", ""), "board": to("12", ""), "status": to("551", ""), "contact": to("31046", ""), "owner": to("171", "")})
				must(p.Update(t.Context(), ticket.Ref, psa.Patch{Set: psa.Fields{"status": to("552", "")}, Notify: notify}))
				on := to(ticket.ID, "")
				create(psa.KindNote, psa.Fields{"ticket": on, "text": "x", "visibility": "public"})
				create(psa.KindNote, psa.Fields{"ticket": on, "text": "y", "visibility": "internal"})
				create(psa.KindTimeEntry, psa.Fields{"ticket": on, "member": to("171", ""), "start_at": "2026-06-09T09:00:00Z", "end_at": "2026-06-09T09:30:00Z", "visibility": "public"})
				var got []string
				for _, m := range srv.Mail() {
					got = append(got, m.To+": "+m.Reason)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("notify %d (-want +got):\n%s", notify, diff)
				}
			}
		})
	}
}

// A note is never shown to the client because something else was written.
func TestVisibilityIsKept(t *testing.T) {
	p, srv, _ := opened(t, nil)
	ticket := first(t, p, psa.KindTicket, func(psa.Record) bool { return true })
	r, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": psatest.RefTo(ticket.ID, ""), "text": "secret"}, psa.NotifyContact)
	if err != nil || r.Fields["visibility"] != "internal" || r.Parent != ticket.Ref {
		t.Fatalf("%v %v, %v", r.Parent, r.Fields, err)
	}
	srv.ClearCounters()
	if _, err := p.Update(t.Context(), r.Ref, psa.Patch{Set: psa.Fields{"resolution": true}}); !errors.Is(err, psa.ErrInvalid) || writesIn(srv) != 0 {
		t.Errorf("an internal note became a resolution: %v", err)
	}
	for _, step := range []struct {
		set              psa.Fields
		visibility       string
		resolution, mail bool
	}{
		{set: psa.Fields{"text": "still secret"}, visibility: "internal"},
		{set: psa.Fields{"resolution": false}, visibility: "internal"},
		{set: psa.Fields{"visibility": "public", "resolution": true}, visibility: "public", resolution: true},
		{set: psa.Fields{"text": "told"}, visibility: "public", resolution: true},
		{set: psa.Fields{"resolution": false}, visibility: "public"},
		{set: psa.Fields{"resolution": true}, visibility: "public", resolution: true},
		{set: psa.Fields{"visibility": "team"}, visibility: "internal"},
	} {
		r, err = p.Update(t.Context(), r.Ref, psa.Patch{Set: step.set})
		if err != nil || r.Fields["visibility"] != step.visibility || r.Fields["resolution"] != step.resolution {
			t.Errorf("%v: %v, %v", step.set, r.Fields, err)
		}
	}
	if n := srv.MailSent(); n != 0 {
		t.Errorf("%d mails", n)
	}
}

// The first public note of a ticket without a description becomes that; it is
// found all the same.
func TestNoteThatBecomesTheDescription(t *testing.T) {
	tenant, ticket, _ := desk()
	tenant.Add("/system/members", row{"id": 9, "identifier": "SyncApi", "firstName": "Sync"})
	p, _ := open(t, tenant, nil, nil)
	r, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": psatest.RefTo("77", ""), "text": "Hello", "visibility": "public"}, psa.NotifyNone)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Get(t.Context(), r.Ref)
	if err != nil || !got.Fields.Equal(r.Fields) {
		t.Errorf("%v, %v, want %v", got.Fields, err, r.Fields)
	}
	if one, err := p.Get(t.Context(), ticket); err != nil || one.Fields["description"] != "Hello" {
		t.Errorf("%v, %v", one.Fields["description"], err)
	}
}

// Communications go to the vendor element by element and come back as they were
// meant, whatever was there.
func TestCommunications(t *testing.T) {
	p, _, _ := opened(t, nil)
	to := psatest.RefTo
	r, err := p.Create(t.Context(), psa.KindContact, psa.Fields{"first_name": "Jo", "last_name": "Doe", "mobile": "222"}, psa.NotifyNone)
	if err != nil {
		t.Fatal(err)
	}
	list := func(els ...any) psa.Fields { return psa.Fields{"communications": els} }
	el := func(typ, value string, def bool) psa.Fields {
		return psa.Fields{"type": to(typ, ""), "value": value, "default": def}
	}
	for _, step := range []struct {
		set                  psa.Fields
		email, phone, mobile any
	}{
		{psa.Fields{"first_name": "Joe"}, nil, "222", "222"},
		{psa.Fields{"phone": "111", "mobile": "222"}, nil, "111", "222"},
		{psa.Fields{"email": " a@x.example "}, "a@x.example", "111", "222"},
		{psa.Fields{"email": "b@x.example", "phone": "", "mobile": "333"}, "b@x.example", "333", "333"},
		{list(el("13", "c@x.example", false), el("14", "d@x.example", true), el("2", "444", true)), "d@x.example", "444", nil},
		{psa.Fields{"email": nil}, "c@x.example", "444", nil},
		{list(el("14", "d@x.example", true), el("14", "e@x.example", false)), "d@x.example", nil, nil},
		{psa.Fields{"communications": nil}, nil, nil, nil},
	} {
		r, err = p.Update(t.Context(), r.Ref, psa.Patch{Set: step.set})
		if err != nil {
			t.Fatal(err)
		}
		if f := r.Fields; f["email"] != step.email || f["phone"] != step.phone || f["mobile"] != step.mobile {
			t.Errorf("%v: email %v, phone %v, mobile %v", step.set, f["email"], f["phone"], f["mobile"])
		}
		if want, ok := step.set["communications"].([]any); ok {
			got, err := p.Canonicalise(psa.KindContact, psa.Fields{"communications": r.Fields["communications"]})
			sent, err2 := p.Canonicalise(psa.KindContact, psa.Fields{"communications": want})
			order := func(f psa.Fields) []any {
				l := slices.Clone(f["communications"].([]any))
				slices.SortFunc(l, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
				return l
			}
			if err != nil || err2 != nil || !psa.ValuesEqual(order(got), order(sent)) {
				t.Errorf("got %v, want %v (%v %v)", got, sent, err, err2)
			}
		}
	}
}

// isClass tells whether an error is of a class and of none that comes first;
// nil is no error.
func isClass(err, class error) bool {
	if class == nil {
		return err == nil
	}
	return errors.Is(psa.ErrorClass(err), class)
}

// A refusal that may be about custom fields is answered with all of them, once;
// it is the first refusal that is told.
func TestRefusedForCustomFields(t *testing.T) {
	const refusal = `{"code":"InvalidObject","message":"first"}`
	for name, tt := range map[string]struct {
		read, again int
		class       error
		patches     int
		text        string
	}{
		"it was not about them": {200, 400, psa.ErrInvalid, 2, "first"},
		"failed then":           {200, 500, psa.ErrUnavailable, 2, "second"},
		"not to be read":        {403, 200, psa.ErrInvalid, 1, "first"},
	} {
		t.Run(name, func(t *testing.T) {
			p, mock := mocked(t, nil)
			var sent []string
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				switch {
				case r.Method == "GET":
					return answer(tt.read, `{"id":31,"customFields":[{"id":59,"type":"Checkbox","value":false}]}`)(r)
				case len(sent) == 0:
					sent = append(sent, line(r))
					return answer(400, refusal)(r)
				}
				sent = append(sent, line(r))
				return answer(tt.again, strings.Replace(refusal, "first", "second", 1))(r)
			})
			_, err := p.Update(t.Context(), refTo(psa.KindContact, "31"), psa.Patch{Set: psa.Fields{"title": "x"}})
			if !isClass(err, tt.class) || !strings.Contains(err.Error(), tt.text) || len(sent) != tt.patches {
				t.Errorf("%v after %d patches", err, len(sent))
			}
			if want := `,{"op":"replace","path":"/customFields","value":[{"id":59,"value":false}]}]`; tt.patches == 2 && !strings.HasSuffix(sent[1], want) {
				t.Errorf("sent %s", sent[1])
			}
		})
	}
}

// The vendor's own refusals keep their class and their words.
func TestVendorRefusals(t *testing.T) {
	to := psatest.RefTo
	p, srv, _ := opened(t, nil)
	company := first(t, p, psa.KindCompany, func(psa.Record) bool { return true })
	person := first(t, p, psa.KindContact, func(r psa.Record) bool { return r.Parent.ID != "" && r.Fields["last_name"] != nil })
	address := psa.Fields{"city": "Ulm"}
	create := func(kind psa.Kind, f psa.Fields) error {
		_, err := p.Create(t.Context(), kind, f, psa.NotifyNone)
		return err
	}
	for what, tt := range map[string]struct {
		err  error
		want error
		text string
	}{
		"identifier taken": {create(psa.KindCompany, psa.Fields{"name": "New", "identifier": company.Fields["identifier"], "address": address}), psa.ErrConflict, "identifier: ObjectExists"},
		"person twice":     {create(psa.KindContact, psa.Fields{"first_name": person.Fields["first_name"], "last_name": person.Fields["last_name"], "company": to(person.Parent.ID, "")}), psa.ErrConflict, "ObjectExists"},
		"other board":      {create(psa.KindTicket, psa.Fields{"summary": "x", "company": to("250", ""), "board": to("12", ""), "status": to("571", "")}), psa.ErrInvalid, "The status 571 does not belong to the board 12."},
		"no such ticket":   {create(psa.KindNote, psa.Fields{"ticket": to("987654", ""), "text": "x"}), psa.ErrInvalid, "ticket: there is no such row"},
		"no such company":  {create(psa.KindSite, psa.Fields{"company": to("987654", ""), "name": "x"}), psa.ErrInvalid, "company: there is no such row"},
		"gone":             {p.Delete(t.Context(), refTo(psa.KindTicket, "987654")), psa.ErrNotFound, ""},
	} {
		if !isClass(tt.err, tt.want) || !strings.Contains(tt.err.Error(), tt.text) {
			t.Errorf("%s: %v, want %v: %s", what, tt.err, tt.want, tt.text)
		}
	}
	srv.Deny("POST", "/company/companies")
	if err := create(psa.KindCompany, psa.Fields{"name": "x", "address": address}); !isClass(err, psa.ErrDenied) {
		t.Errorf("without the right: %v", err)
	}
}

// Companies, sites and contacts are deactivated and stay; a server that ignores
// the flag is not believed.
func TestDeactivate(t *testing.T) {
	for _, kind := range []psa.Kind{psa.KindCompany, psa.KindSite, psa.KindContact} {
		p, srv, _ := opened(t, nil)
		r := first(t, p, kind, func(r psa.Record) bool { return r.Active })
		if err := p.Delete(t.Context(), r.Ref); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Get(t.Context(), r.Ref); err != nil || got.Active {
			t.Errorf("%s: active %v, %v", r.Ref, got.Active, err)
		}
		for _, q := range srv.Requests() {
			if q.Method == "DELETE" {
				t.Errorf("%s was deleted for good", r.Ref)
			}
		}
	}
	p, mock := mocked(t, nil)
	mock.RegisterNoResponder(answer(200, `{"id":5,"deletedFlag":false}`))
	if err := p.Delete(t.Context(), refTo(psa.KindCompany, "5")); !errors.Is(err, psa.ErrData) {
		t.Errorf("the flag was ignored: %v", err)
	}
}

// Tickets of projects are out of scope: they are neither changed nor deleted
// by what reads the row first, and never returned.
func TestProjectTicketsAreNotWritten(t *testing.T) {
	p, srv, tenant := opened(t, nil)
	id := tenant.Add("/service/tickets", row{"summary": "Plan", "recordType": "ProjectTicket", "company": row{"id": 250}})
	ref := refTo(psa.KindTicket, fmt.Sprint(id))
	_, err := p.Update(t.Context(), ref, psa.Patch{Set: psa.Fields{"custom.16": "Blue"}})
	for _, err := range []error{err, p.Delete(t.Context(), ref)} {
		if !errors.Is(err, psa.ErrNotFound) || writesIn(srv) != 0 {
			t.Errorf("%v after %d writes", err, writesIn(srv))
		}
	}
	if _, err := p.Create(t.Context(), psa.KindTicket, psa.Fields{"summary": "x", "company": psatest.RefTo("250", ""), "board": psatest.RefTo("14", "")}, psa.NotifyNone); !errors.Is(err, psa.ErrData) {
		t.Errorf("created on a board of projects: %v", err)
	}
}

// A write is sent once, unless the server proves that it was not taken.
func TestWritesAreNotRepeated(t *testing.T) {
	const ok = `{"id":7,"recordType":"ServiceTicket"}`
	for name, tt := range map[string]struct {
		status int
		body   string
		class  error
		sent   int
	}{
		"server error": {500, `{"code":"ConnectWiseApi","message":"A timeout. Please try again."}`, psa.ErrTimeout, 1},
		"gateway":      {502, "", psa.ErrUnavailable, 1},
		"cut off":      {201, `{"id":7,"summ`, psa.ErrData, 1},
		"no body":      {201, "", psa.ErrData, 1},
		"no row":       {201, "[]", psa.ErrData, 1},
		"login page":   {200, "<html>", psa.ErrData, 1},
		"refused":      {400, `{"code":"InvalidObject","message":"ticket object is invalid","errors":[{"code":"MissingRequiredField","message":"The summary field is required.","field":"summary"}]}`, psa.ErrInvalid, 1},
		"throttled":    {429, `{"error":"ConnectWiseAPI","message":"Too many requests."}`, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, mock := mocked(t, nil)
				sent := 0
				mock.RegisterResponder("GET", "=~/allNotes", answer(200, "[]"))
				mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
					if sent++; sent > 1 {
						return answer(201, ok)(r)
					}
					if tt.status == 429 {
						return answer(tt.status, tt.body, "Retry-After", "0")(r)
					}
					return answer(tt.status, tt.body)(r)
				})
				_, err := p.Create(t.Context(), psa.KindTicket, psa.Fields{"summary": "x", "company": psatest.RefTo("5", "")}, psa.NotifyNone)
				if !isClass(err, tt.class) || sent != tt.sent {
					t.Errorf("%v after %d requests, want %v after %d", err, sent, tt.class, tt.sent)
				}
			})
		})
	}
}

// What was written is returned even if the rest of the row cannot be read.
func TestReadBackFails(t *testing.T) {
	p, srv, tenant := opened(t, nil)
	id := fmt.Sprint(tenant.IDs("/service/tickets")[0])
	srv.Fail(connectwisetest.Fault{Method: "GET", Path: "/service/tickets/*/**", Count: -1, Status: 400, Body: `{"code":"X","message":"no"}`})
	r, err := p.Update(t.Context(), refTo(psa.KindTicket, id), psa.Patch{Set: psa.Fields{"summary": "new"}})
	if _, known := r.Fields["description"]; err != nil || r.Fields["summary"] != "new" || known {
		t.Errorf("%v, %v", r.Fields, err)
	}
	note, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": psatest.RefTo(id, ""), "text": "hello"}, psa.NotifyNone)
	if err != nil || note.Fields["text"] != "hello" || note.Fields["visibility"] != "internal" || note.Parent.ID != id {
		t.Errorf("%v, %v", note.Fields, err)
	}
}

// The answer of a write holds the whole row, and none of its money and secrets
// is kept.
func TestWrittenRowsHoldNoSecrets(t *testing.T) {
	p, _, tenant := opened(t, nil)
	contact := tenant.IDs("/company/contacts")[0]
	tenant.Update("/company/contacts", contact, row{"customFields": []any{row{"id": 18, "value": "x"}}})
	set := map[psa.Kind]psa.Fields{psa.KindContact: {"title": "x"}, psa.KindTicket: {"po_number": "x"}, psa.KindTimeEntry: {"internal_notes": "x"}, psa.KindCompany: {"phone": "1"}}
	for kind, fields := range set {
		r := first(t, p, kind, func(r psa.Record) bool { return r.Fields.Bool("locked") != psa.Yes })
		got, err := p.Update(t.Context(), r.Ref, psa.Patch{Set: fields})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range connectwisetest.Canaries() {
			if strings.Contains(string(b), c.Value) {
				t.Errorf("%s: %s.%s is kept", r.Ref, c.Entity, c.Field)
			}
		}
		if strings.Contains(string(got.Raw), "mobileGuid") || !got.Hash.IsZero() {
			t.Errorf("%s: more is kept than was asked for: %s", r.Ref, got.Raw)
		}
	}
}
