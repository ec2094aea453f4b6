package connectwise_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

type row = connectwisetest.Row

func ids(rows []psa.Record) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.ID)
	}
	slices.Sort(out)
	return out
}

// desk is a tenant with one ticket.
func desk() (tenant *connectwisetest.Tenant, ticket psa.Ref, notes string) {
	tenant = connectwisetest.NewTenant()
	tenant.Add("/company/companies", row{"id": 5, "identifier": "Acme", "name": "Acme", "deletedFlag": false})
	tenant.Add("/service/tickets", row{"id": 77, "summary": "It hums", "recordType": "ServiceTicket", "company": row{"id": 5}})
	return tenant, psa.Ref{Kind: psa.KindTicket, ID: "77"}, "/service/tickets/77/notes"
}

// The text of worked time belongs to its time entry, the opening text to the
// ticket, and what came from other tickets to those.
func TestNotes(t *testing.T) {
	for name, opts := range map[string]*connectwisetest.Options{"allNotes": {}, "notes": {NoAllNotes: true}} {
		t.Run(name, func(t *testing.T) {
			tenant, ticket, notes := desk()
			tenant.Add(notes, row{"id": 10, "text": "internal, before all", "internalAnalysisFlag": true})
			tenant.Add(notes, row{"id": 11, "text": "It hums loudly", "detailDescriptionFlag": true, "issueFlag": true})
			tenant.Add(notes, row{"id": 12, "text": "Answered", "detailDescriptionFlag": true})
			tenant.Add(notes, row{"id": 13, "text": "Solved", "resolutionFlag": true, "internalAnalysisFlag": true})
			tenant.Add(notes, row{"id": 14, "text": "Hm"})
			tenant.Add("/time/entries", row{
				"id": 20, "chargeToId": 77, "chargeToType": "ServiceTicket", "actualHours": 0.25, "notes": "Oiled it", "addToDetailDescriptionFlag": true,
				"timeStart": "2026-06-09T09:00:00Z", "status": "Open", "billableOption": "Billable",
			})
			tenant.Add("/time/entries", row{"id": 21, "chargeToId": 9, "chargeToType": "ChargeCode", "actualHours": 1, "timeStart": "2026-06-09T09:00:00Z"})
			p, srv := open(t, tenant, opts, nil)
			got := map[string]string{}
			for _, r := range adaptertest.List(t, p, psa.KindNote, psa.Query{Parent: ticket}) {
				n, err := psa.As[psa.Note](r)
				if err != nil {
					t.Fatal(err)
				}
				got[n.ID] = n.Visibility + ": " + n.Text
				if one, err := p.Get(t.Context(), r.Ref); err != nil || !one.Fields.Equal(r.Fields) {
					t.Errorf("get %s: %v, %v", r.Ref, one.Fields, err)
				}
			}
			want := map[string]string{
				"77/10": "internal: internal, before all", "77/12": "public: Answered", "77/13": "public: Solved", "77/14": "internal: Hm",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			// It may have been written as a note, and is not gone.
			if r, err := p.Get(t.Context(), psa.Ref{Kind: psa.KindNote, ID: "77/11"}); err != nil || r.Fields["text"] != "It hums loudly" {
				t.Errorf("the opening note: %v, %v", r.Fields, err)
			}
			if got := ids(adaptertest.List(t, p, psa.KindTimeEntry, psa.Query{})); !slices.Equal(got, []string{"20"}) {
				t.Errorf("time entries %v", got)
			}
			if _, err := p.Get(t.Context(), psa.Ref{Kind: psa.KindTimeEntry, ID: "21"}); !errors.Is(err, psa.ErrNotFound) {
				t.Errorf("time on a charge code: %v", err)
			}
			one, err := p.Get(t.Context(), ticket)
			if err != nil || one.Fields["description"] != "It hums loudly" {
				t.Errorf("description %v, %v", one.Fields["description"], err)
			}
			if r := adaptertest.List(t, p, psa.KindTicket, psa.Query{})[0]; r.Fields["description"] != nil {
				t.Errorf("a list reads notes: %v", r.Fields["description"])
			}
			srv.Deny("GET", "/service/tickets/*/allNotes")
			srv.Deny("GET", "/service/tickets/*/notes")
			one, err = p.Get(t.Context(), ticket)
			if _, known := one.Fields["description"]; err != nil || known {
				t.Errorf("without the right to read notes: %v, %v", one.Fields["description"], err)
			}
		})
	}
}

func TestTicketWithoutNotesHasNoDescription(t *testing.T) {
	tenant, ticket, notes := desk()
	p, _ := open(t, tenant, nil, nil)
	for range 2 { // an internal note is no description either
		r, err := p.Get(t.Context(), ticket)
		if v, known := r.Fields["description"]; err != nil || v != nil || !known {
			t.Errorf("description %v, known %v, %v", v, known, err)
		}
		tenant.Add(notes, row{"text": "mine", "internalAnalysisFlag": true})
	}
}

// Nothing proves a second page of allNotes, so a long thread is read from
// notes.
func TestLongThread(t *testing.T) {
	tenant, ticket, notes := desk()
	for i := range 1003 {
		tenant.Add(notes, row{"text": fmt.Sprint(i), "internalAnalysisFlag": true})
	}
	p, _ := open(t, tenant, nil, nil)
	if n := len(adaptertest.List(t, p, psa.KindNote, psa.Query{Parent: ticket})); n != 1003 {
		t.Errorf("%d notes, want 1003", n)
	}
	tenant, ticket, notes = desk()
	for i := range 50 {
		tenant.Add(notes, row{"text": fmt.Sprint(i), "internalAnalysisFlag": true})
	}
	p, srv := open(t, tenant, nil, nil)
	srv.Fail(connectwisetest.Fault{Path: "/service/tickets/*/allNotes", CapPage: 25, Count: -1})
	if n := len(adaptertest.List(t, p, psa.KindNote, psa.Query{Parent: ticket})); n != 50 {
		t.Errorf("%d notes of a server that cuts pages short, want 50", n)
	}
}

func TestDeletions(t *testing.T) {
	tenant, _, _ := desk()
	tenant.Add("/company/companies", row{"id": 6, "name": "Merged away", "deletedFlag": true})
	tenant.Add("/company/companies", row{"id": 7, "name": "Deleted", "deletedFlag": true, "dateDeleted": "2026-06-01T10:00:00Z"})
	p, _ := open(t, tenant, nil, nil)
	for _, tt := range []struct {
		since time.Time
		want  []string
	}{
		{time.Time{}, []string{"company/6 ", "company/7 2026-06-01T10:00:00Z"}},
		{time.Date(2026, 6, 1, 10, 0, 0, 5e8, time.UTC), []string{"company/6 ", "company/7 2026-06-01T10:00:00Z"}},
		{time.Date(2026, 6, 1, 10, 0, 1, 0, time.UTC), []string{"company/6 "}}, // a merge leaves no date
	} {
		var got []string
		for d, err := range p.Deletions(t.Context(), psa.KindCompany, tt.since) {
			if err != nil {
				t.Fatal(err)
			}
			at := ""
			if !d.At.IsZero() {
				at = d.At.Format(time.RFC3339)
			}
			got = append(got, d.String()+" "+at)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("since %s: %q, want %q", tt.since, got, tt.want)
		}
	}
	for _, r := range adaptertest.List(t, p, psa.KindCompany, psa.Query{}) {
		if r.Active != (r.ID == "5") || r.Fields["deleted"] != (r.ID != "5") {
			t.Errorf("%s: active %v, deleted %v", r.Ref, r.Active, r.Fields["deleted"])
		}
	}
	for _, err := range p.Deletions(t.Context(), psa.KindTicket, time.Time{}) {
		if !errors.Is(err, psa.ErrUnsupported) {
			t.Errorf("tickets: %v", err)
		}
	}
}

// The server matches without case and with wildcards; Find does not.
func TestFindIsExact(t *testing.T) {
	tenant, _, _ := desk()
	for i, ref := range []string{"RMM*1", "RMM-1", "rmm*1", "RMMx1"} {
		tenant.Add("/service/tickets", row{"id": 100 + i, "summary": "x", "recordType": "ServiceTicket", "company": row{"id": 5}, "externalXRef": ref})
	}
	for i, mail := range []string{"Jo@Acme.example", "other@acme.example"} {
		tenant.Add("/company/contacts", row{"id": 200 + i, "firstName": "Jo", "communicationItems": []any{
			row{"id": i + 1, "value": mail, "communicationType": "Email", "defaultFlag": true},
			row{"id": i + 11, "value": "jo@acme.example", "communicationType": "Phone", "defaultFlag": true},
		}})
	}
	p, _ := open(t, tenant, nil, nil)
	for _, tt := range []struct {
		kind psa.Kind
		by   psa.Fields
		want []string
	}{
		{psa.KindTicket, psa.Fields{"external_ref": "RMM*1"}, []string{"100"}},
		{psa.KindTicket, psa.Fields{"external_ref": "RMM"}, nil},
		{psa.KindContact, psa.Fields{"email": "jo@acme.example"}, []string{"200"}}, // addresses have no case
		{psa.KindCompany, psa.Fields{"identifier": "Acme", "name": "Acme"}, []string{"5"}},
		{psa.KindCompany, psa.Fields{"identifier": "acme"}, nil},
	} {
		var got []psa.Record
		for r, err := range p.Find(t.Context(), tt.kind, tt.by) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r)
		}
		if !slices.Equal(ids(got), tt.want) {
			t.Errorf("%v: %v, want %v", tt.by, ids(got), tt.want)
		}
	}
}

// A board that is deleted while its lists are read has no rows; one that is
// there and cannot be read is an error, and never empty.
func TestBoardThatIsGone(t *testing.T) {
	tenant := connectwisetest.Small()
	p, srv := open(t, tenant, nil, nil)
	boards := tenant.IDs("/service/boards")
	last := boards[len(boards)-1]
	var want []string
	for _, r := range adaptertest.List(t, p, psa.KindStatus, psa.Query{}) {
		if r.Parent.ID != fmt.Sprint(last) {
			want = append(want, r.ID)
		}
	}
	slices.Sort(want)
	removed := false
	srv.Before(func(r *http.Request) {
		if !removed && strings.HasSuffix(r.URL.Path, "/statuses") {
			removed = tenant.Remove("/service/boards", last)
		}
	})
	if got := ids(adaptertest.List(t, p, psa.KindStatus, psa.Query{})); !slices.Equal(got, want) || !removed {
		t.Errorf("statuses %v, want %v", got, want)
	}
	srv.Fail(connectwisetest.Fault{
		Path: fmt.Sprintf("/service/boards/%d/teams", boards[0]), Status: 404, Body: `{"code":"NotFound","message":"Board not found"}`, Count: -1,
	})
	var failed error
	for _, err := range p.List(t.Context(), psa.KindTeam, psa.Query{}) {
		failed = err
	}
	if !errors.Is(failed, psa.ErrNotFound) {
		t.Errorf("a board that is there: %v", failed)
	}
}

// The owners of custom fields come from one row of each kind of records.
func TestCustomFieldOwners(t *testing.T) {
	owners := func(t *testing.T, p *connectwise.Provider, known psa.Known) map[string]any {
		out := map[string]any{}
		for _, r := range adaptertest.List(t, p, psa.KindCustomField, psa.Query{Known: known}) {
			out[r.ID] = r.Fields["owners"]
			if r.Unchanged {
				out[r.ID] = "unchanged"
			}
		}
		return out
	}
	tenant, _, _ := desk()
	def := func(id int, screen string) {
		tenant.Add("/system/userDefinedFields", row{"id": id, "caption": fmt.Sprint("Field ", id), "screenId": screen, "fieldTypeIdentifier": "Text", "entryTypeIdentifier": "EntryField"})
	}
	def(1, "sr100")
	def(2, "co300")
	def(3, "ct300")
	p, srv := open(t, tenant, nil, nil)
	want := map[string]any{"1": []any{"ticket"}, "2": []any{"company"}, "3": []any{}} // there is no contact
	if diff := cmp.Diff(want, owners(t, p, nil)); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	index := map[psa.Hash]psa.Ref{}
	for _, r := range adaptertest.List(t, p, psa.KindCustomField, psa.Query{}) {
		index[r.Hash] = r.Ref
	}
	known := psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) { r, ok := index[h]; return r, ok })
	if got := owners(t, p, known); got["3"] != "unchanged" {
		t.Errorf("a definition that did not change: %v", got)
	}
	tenant.Add("/company/contacts", row{"id": 9, "firstName": "Jo"})
	if got := owners(t, p, known); fmt.Sprint(got["3"]) != "[contact]" {
		t.Errorf("after the first contact: %v", got)
	}
	r, err := p.Get(t.Context(), psa.Ref{Kind: psa.KindCustomField, ID: "3"})
	if err != nil || fmt.Sprint(r.Fields["owners"]) != "[contact]" {
		t.Errorf("get: %v, %v", r.Fields["owners"], err)
	}
	srv.Deny("GET", "/service/tickets")
	if got := owners(t, p, nil); fmt.Sprint(got["1"], got["2"]) != "[] [company]" {
		t.Errorf("without the right to read tickets: %v", got)
	}
	srv.AllowAll()
	for _, r := range srv.Requests() {
		if (r.Path == "/v2025_1/apis/3.0/service/tickets" || r.Path == "/v2025_1/apis/3.0/time/entries") && r.Query != "fields=customFields&pageSize=1" {
			t.Errorf("a list of definitions asks %s?%s", r.Path, r.Query)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p, srv := open(t, tenant, nil, nil)
		srv.Fail(connectwisetest.Fault{Path: "/company/contacts", Status: 503, Count: -1})
		for _, err := range p.List(t.Context(), psa.KindCustomField, psa.Query{}) {
			if !errors.Is(err, psa.ErrUnavailable) {
				t.Errorf("while contacts cannot be read: %v; owners would seem to have changed", err)
			}
		}
	})
}

// A server that does not know the fields parameter sends money and secrets.
func TestCanariesWithoutSelection(t *testing.T) {
	refuse := map[string][]string{}
	for _, path := range []string{"/system/members", "/time/workRoles", "/time/workTypes", "/service/templates", "/service/tickets", "/time/entries", "/company/contacts"} {
		refuse[path] = []string{"id"}
	}
	p, srv := open(t, connectwisetest.Small(), &connectwisetest.Options{RefuseFields: refuse}, nil)
	for _, kind := range []psa.Kind{psa.KindMember, psa.KindWorkRole, psa.KindWorkType, psa.KindTemplate, psa.KindTicket, psa.KindTimeEntry, psa.KindContact} {
		rows := adaptertest.List(t, p, kind, psa.Query{})
		if len(rows) == 0 {
			t.Errorf("no %s", kind)
			continue
		}
		one, err := p.Get(t.Context(), rows[0].Ref)
		if err != nil {
			t.Error(err)
		}
		for _, r := range append(rows, one) {
			for _, c := range connectwisetest.Canaries() {
				if strings.Contains(string(r.Raw), c.Value) || strings.Contains(fmt.Sprint(r.Fields), c.Value) {
					t.Errorf("%s holds %s of %s", r.Ref, c.Field, c.Entity)
				}
			}
		}
		if kind != psa.KindTicket && one.Hash != rows[0].Hash {
			t.Errorf("%s has one hash from List and another from Get", rows[0].Ref)
		}
	}
	planted := false
	for _, r := range srv.Requests() {
		planted = planted || r.Path == "/v2025_1/apis/3.0/system/members" && !strings.Contains(r.Query, "fields")
	}
	if !planted {
		t.Error("no list was read without a selection: the test proves nothing")
	}
}

func TestLinks(t *testing.T) {
	tenant, ticket, _ := desk()
	p, _ := open(t, tenant, nil, func(c *connectwise.Config) { c.Link = "https://{host}/open/{company}/{type}/{id}" })
	r, err := p.Get(t.Context(), ticket)
	if err != nil || !strings.HasSuffix(r.Fields.String("url"), "/open/summitmsp/ServiceFv/77") {
		t.Errorf("url %q, %v", r.Fields.String("url"), err)
	}
	q, _ := open(t, tenant, nil, nil)
	s, err := q.Get(t.Context(), ticket)
	if err != nil || s.Fields["url"] == r.Fields["url"] || s.Hash == r.Hash {
		t.Errorf("another link gives url %q and the same hash: %v, %v", s.Fields["url"], s.Hash == r.Hash, err)
	}
}

func TestCheck(t *testing.T) {
	all := func(p *connectwise.Provider) []psa.Kind { return p.Features().Kinds() }
	t.Run("rights", func(t *testing.T) {
		p, srv := open(t, connectwisetest.Small(), &connectwisetest.Options{NoAllNotes: true}, nil)
		srv.Deny("GET", "/system/members")
		srv.Deny("GET", "/service/boards/*/items")
		kinds := append(all(p), psa.KindForm)
		report, err := p.Check(t.Context(), kinds...)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range report.Access {
			want := error(nil)
			switch a.Kind {
			case psa.KindMember, psa.KindClassification:
				want = psa.ErrDenied
			case psa.KindForm:
				want = psa.ErrUnsupported
			}
			if a.Kind != kinds[i] || !errors.Is(psa.ErrorClass(a.Err), want) {
				t.Errorf("%s: %v, want %v", a.Kind, a.Err, want)
			}
		}
		if report.Instance.ID == "" {
			t.Error("no instance")
		}
		n := len(srv.Requests())
		if most := 1 + len(kinds) + 4; n > most { // three lists of classifications, allNotes that is missing
			t.Errorf("%d requests for %d kinds, want at most %d", n, len(kinds), most)
		}
		for _, r := range srv.Requests() {
			if !strings.Contains(r.Path, "companyinfo") && r.Query != "fields=id&pageSize=1" {
				t.Errorf("Check asks %s?%s", r.Path, r.Query)
			}
		}
	})
	t.Run("lists that refuse fields", func(t *testing.T) {
		p, _ := open(t, connectwisetest.Small(), &connectwisetest.Options{
			RefuseFields: map[string][]string{"/service/sources": {"id"}, "/service/boards": {"id"}},
		}, nil)
		report, err := p.Check(t.Context(), psa.KindTicketSource, psa.KindStatus)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range report.Access {
			if a.Err != nil {
				t.Errorf("%s can be read, and Check says %v", a.Kind, a.Err)
			}
		}
	})
	t.Run("empty tenant", func(t *testing.T) {
		p, _ := open(t, connectwisetest.NewTenant(), nil, nil)
		report, err := p.Check(t.Context(), all(p)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range report.Access {
			if a.Err != nil {
				t.Errorf("%s: %v", a.Kind, a.Err)
			}
		}
	})
	for _, tt := range []struct {
		name   string
		opts   connectwisetest.Options
		change func(*connectwise.Config)
		says   string
	}{
		{"wrong company", connectwisetest.Options{}, func(c *connectwise.Config) { c.Company = "nobody" }, "knows no company nobody"},
		{"wrong key", connectwisetest.Options{}, wrongKey, "UserNotAuthenticated"},
		{"wrong key that looks like a wrong address", connectwisetest.Options{AuthNotFound: true}, wrongKey, "refused keys"},
		{"wrong clientId", connectwisetest.Options{}, func(c *connectwise.Config) { c.ClientID = "other" }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := open(t, connectwisetest.Small(), &tt.opts, tt.change)
			for _, kinds := range [][]psa.Kind{all(p), nil} {
				_, err := p.Check(t.Context(), kinds...)
				if kinds == nil && tt.opts.AuthNotFound {
					continue // one request cannot tell
				}
				if !errors.Is(err, psa.ErrAuth) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%d kinds: %v, want ErrAuth that says %q", len(kinds), err, tt.says)
				}
			}
		})
	}
	t.Run("keys without any right", func(t *testing.T) {
		p, srv := open(t, connectwisetest.Small(), nil, nil)
		srv.Deny("", "/**")
		if _, err := p.Check(t.Context()); err != nil {
			t.Errorf("the keys are good: %v", err)
		}
	})
}

func wrongKey(c *connectwise.Config) {
	c.Credentials = func(context.Context) (connectwise.Credentials, error) {
		return connectwise.Credentials{PublicKey: "wrong", PrivateKey: "alsoWrong"}, nil
	}
}
