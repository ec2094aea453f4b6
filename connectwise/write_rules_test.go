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
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

func opened(t *testing.T, opts *connectwisetest.Options) (*connectwise.Provider, *connectwisetest.Server, *connectwisetest.Tenant) {
	tenant := connectwisetest.Small()
	p, srv := open(t, tenant, opts, nil)
	return p, srv, tenant
}

func first(t *testing.T, p *connectwise.Provider, kind psa.Kind, fits func(psa.Record) bool) psa.Record {
	t.Helper()
	for _, r := range adaptertest.List(t, p, kind, psa.Query{}) {
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

// The first public note of a ticket without a description becomes that if it
// comes as soon as the ticket, or if nobody knows; it is found all the same.
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
