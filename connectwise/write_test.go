package connectwise_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestDeleteRequests(t *testing.T) {
	for _, tt := range []struct {
		kind psa.Kind
		id   string
		want []string
	}{
		{psa.KindTicket, "7", []string{"GET /service/tickets/7 fields=recordType,id", "DELETE /service/tickets/7"}},
		{psa.KindNote, "7/9", []string{"DELETE /service/tickets/7/notes/9"}},
		{psa.KindTimeEntry, "9", []string{"GET /time/entries/9 fields=addToDetailDescriptionFlag,addToResolutionFlag,chargeToType,status,id", "DELETE /time/entries/9"}},
		{psa.KindCompany, "5", []string{`PATCH /company/companies/5 [{"op":"replace","path":"/deletedFlag","value":true}]`}},
		{psa.KindSite, "5/8", []string{`PATCH /company/companies/5/sites/8 [{"op":"replace","path":"/inactiveFlag","value":true}]`}},
		{psa.KindContact, "31", []string{`PATCH /company/contacts/31 [{"op":"replace","path":"/inactiveFlag","value":true}]`}},
	} {
		p, mock := mocked(t, nil)
		var got []string
		mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
			got = append(got, line(r))
			if r.Method == "DELETE" {
				return answer(204, "")(r)
			}
			id := tt.id[strings.LastIndexByte(tt.id, '/')+1:]
			return answer(200, `{"id":`+id+`,"recordType":"ServiceTicket","chargeToType":"ServiceTicket","status":"Open","inactiveFlag":true,"deletedFlag":true}`)(r)
		})
		if err := p.Delete(t.Context(), refTo(tt.kind, tt.id)); err != nil {
			t.Errorf("%s: %v", tt.kind, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.kind, diff)
		}
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
