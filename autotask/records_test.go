package autotask_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

type row = autotasktest.Row

func ids(rows []psa.Record) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.ID)
	}
	return out
}

// desk is a tenant with its own company and a ticket of a client's.
func desk() *autotasktest.Tenant {
	tenant := autotasktest.NewTenant()
	tenant.Add("Companies", row{"id": 0, "companyName": "Summit MSP", "companyType": 1, "isActive": true})
	tenant.Add("Companies", row{"id": 5, "companyName": "Acme", "companyType": 1, "isActive": true})
	tenant.Add("Tickets", row{"id": 77, "title": "It hums", "companyID": 5, "status": 1, "priority": 1})
	return tenant
}

// The tenant's own company has the id 0: it is a row like any other.
func TestCompanyZero(t *testing.T) {
	tenant := desk()
	tenant.Add("Companies/0/Contacts", row{"id": 8, "firstName": "One", "lastName": "of us", "isActive": 1})
	p, _ := open(t, tenant, nil, nil)
	if got := ids(adaptertest.List(t, p, psa.KindCompany, psa.Query{})); !slices.Equal(got, []string{"0", "5"}) {
		t.Errorf("companies %v", got)
	}
	if n, err := p.Count(t.Context(), psa.KindCompany, psa.Query{}); n != 2 || err != nil {
		t.Errorf("%d companies, %v", n, err)
	}
	r, err := p.Get(t.Context(), psa.Ref{Kind: psa.KindCompany, ID: "0"})
	if err != nil || r.Name() != "Summit MSP" {
		t.Errorf("company 0: %q, %v", r.Name(), err)
	}
	own := adaptertest.List(t, p, psa.KindContact, psa.Query{Parent: psa.Ref{Kind: psa.KindCompany, ID: "0"}})
	if len(own) != 1 || own[0].Parent.ID != "0" || own[0].Fields.Ref("company").ID != "0" {
		t.Errorf("contacts of company 0: %v", own)
	}
	if got := ids(adaptertest.List(t, p, psa.KindCompany, psa.Query{After: "0"})); !slices.Equal(got, []string{"5"}) {
		t.Errorf("companies behind 0: %v", got)
	}
}

// What workflow rules write is no note, and who reads the others depends on a
// picklist.
func TestNotes(t *testing.T) {
	tenant := desk()
	publish := tenant.AddPicklistValue("TicketNotes", "publish", autotasktest.PicklistValue{Label: "Internal & Co-Managed"})
	strange := tenant.AddPicklistValue("TicketNotes", "publish", autotasktest.PicklistValue{Label: "Somebody"})
	for i, n := range []row{
		{"publish": 1, "noteType": 1}, {"publish": 2, "noteType": 1}, {"publish": publish, "noteType": 1},
		{"publish": strange, "noteType": 1}, {"publish": 1, "noteType": 13}, {"publish": 1, "noteType": 99},
	} {
		n["id"], n["description"], n["title"] = 10+i, "text", "title"
		tenant.Add("Tickets/77/Notes", n)
	}
	tenant.Add("TimeEntries", row{"id": 20, "ticketID": 77, "resourceID": 1, "hoursWorked": 0.25, "summaryNotes": "Oiled it", "startDateTime": "2026-06-09T09:00:00Z"})
	tenant.Add("TimeEntries", row{"id": 21, "resourceID": 1, "hoursWorked": 8.0, "dateWorked": "2026-06-09"})
	p, _ := open(t, tenant, nil, nil)
	got := map[string]string{}
	for _, r := range adaptertest.List(t, p, psa.KindNote, psa.Query{}) {
		got[r.ID] = r.Fields.String("visibility")
	}
	want := map[string]string{"10": "public", "11": "internal", "12": "team", "13": "internal", "15": "public"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if n, err := p.Count(t.Context(), psa.KindNote, psa.Query{}); n != len(want) || err != nil {
		t.Errorf("%d notes, %v", n, err)
	}
	for _, ref := range []psa.Ref{{Kind: psa.KindNote, ID: "14"}, {Kind: psa.KindTimeEntry, ID: "21"}} {
		if r, err := p.Get(t.Context(), ref); !errors.Is(err, psa.ErrNotFound) {
			t.Errorf("%s: %v, %v", ref, r.Fields, err)
		}
	}
	if got := ids(adaptertest.List(t, p, psa.KindTimeEntry, psa.Query{})); !slices.Equal(got, []string{"20"}) {
		t.Errorf("time entries %v", got)
	}
	for _, r := range adaptertest.List(t, p, psa.KindNoteType, psa.Query{}) {
		if want := r.ID != "13"; r.Active != want {
			t.Errorf("note type %s %q: active %v, want %v", r.ID, r.Name(), r.Active, want)
		}
	}
}

// Rows call user-defined fields by names, which people change; records hold
// them by the ids of their definitions.
func TestCustomFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := desk()
		tenant.SetClock(time.Now)
		def := func(id, owner int, name string, encrypted bool) {
			tenant.Add("UserDefinedFieldDefinitions", row{"id": id, "name": name, "udfType": owner, "dataType": 1, "isActive": true, "isEncrypted": encrypted})
		}
		const company, contact, ticket = 1, 2, 5
		def(70, company, "Ranking", false)
		def(71, company, "Router & password", true)
		def(72, contact, "Ranking", false)
		def(73, ticket, "Asset Tag", false)
		tenant.Update("Companies", 5, row{"userDefinedFields": autotasktest.UDF("Ranking", "Gold", "Router & password", "hunter2")})
		tenant.Update("Tickets", 77, row{"userDefinedFields": autotasktest.UDF("Asset Tag", "BC-0093")})
		p, srv := open(t, tenant, nil, nil)
		check := func(kind psa.Kind, id string, want psa.Fields) psa.Hash {
			t.Helper()
			r, err := p.Get(t.Context(), psa.Ref{Kind: kind, ID: id})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, r.Fields["custom"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", r.Ref, diff)
			}
			if strings.Contains(string(r.Raw), "hunter2") {
				t.Errorf("the value of an encrypted field is kept: %s", r.Raw)
			}
			return r.Hash
		}
		before := check(psa.KindCompany, "5", psa.Fields{"70": "Gold"})
		check(psa.KindCompany, "0", psa.Fields{"70": nil})
		check(psa.KindTicket, "77", psa.Fields{"73": "BC-0093"})
		// Two fields swap their names: the rows look the same, and are others.
		def(74, company, "Rank", false)
		tenant.Update("Companies", 5, row{"userDefinedFields": autotasktest.UDF("Rank", "Gold", "Ranking", "Gold")})
		time.Sleep(2 * time.Minute)
		both := check(psa.KindCompany, "5", psa.Fields{"70": "Gold", "74": "Gold"})
		tenant.Update("UserDefinedFieldDefinitions", 70, row{"name": "tmp"})
		tenant.Update("UserDefinedFieldDefinitions", 74, row{"name": "Ranking"})
		tenant.Update("UserDefinedFieldDefinitions", 70, row{"name": "Rank"})
		time.Sleep(2 * time.Minute)
		if after := check(psa.KindCompany, "5", psa.Fields{"70": "Gold", "74": "Gold"}); after == both || both == before {
			t.Error("a row that means something else has the hash it had")
		}
		// Nobody may say which fields are encrypted: none is kept.
		srv.Deny("", "/UserDefinedFieldDefinitions/**")
		time.Sleep(2 * time.Minute)
		check(psa.KindCompany, "5", psa.Fields{})
	})
}

// Deleted tickets are logged; nothing else is.
func TestDeletions(t *testing.T) {
	tenant := desk()
	tenant.SetClock(func() time.Time { return time.Date(2026, 6, 9, 10, 0, 0, 0, time.UTC) })
	tenant.Add("Resources", row{"id": 1, "firstName": "M", "lastName": "V", "email": "m@x.example", "userName": "mv", "locationID": 1})
	p, srv := open(t, tenant, nil, nil)
	all := func(since time.Time) (got []string) {
		for d, err := range p.Deletions(t.Context(), psa.KindTicket, since) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d.ID+" "+d.At.Format(time.RFC3339))
		}
		return got
	}
	if got := all(time.Time{}); got != nil {
		t.Errorf("deletions %v", got)
	}
	tenant.Delete("Tickets", 77, 1)
	if got, want := all(time.Time{}), []string{"77 2026-06-09T10:00:00Z"}; !slices.Equal(got, want) {
		t.Errorf("deletions %v, want %v", got, want)
	}
	if got := all(time.Date(2026, 6, 9, 10, 0, 1, 0, time.UTC)); got != nil {
		t.Errorf("deletions %v", got)
	}
	srv.Deny("", "/DeletedTicketLogs/**")
	for _, err := range p.Deletions(t.Context(), psa.KindTicket, time.Time{}) {
		if !errors.Is(err, psa.ErrDenied) {
			t.Errorf("without the right: %v", err)
		}
	}
}

// A user without a right sees nothing, which must not look like a deletion.
func TestNothingIsDoubted(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	srv.Deny("", "/Roles/**")
	for _, err := range p.List(t.Context(), psa.KindWorkRole, psa.Query{ActiveOnly: true}) {
		if !errors.Is(err, psa.ErrDenied) {
			t.Errorf("list: %v", err)
		}
	}
	if _, err := p.Count(t.Context(), psa.KindWorkRole, psa.Query{}); !errors.Is(err, psa.ErrDenied) {
		t.Errorf("count: %v", err)
	}
	if _, err := p.Get(t.Context(), psa.Ref{Kind: psa.KindWorkRole, ID: "29683581"}); !errors.Is(err, psa.ErrDenied) {
		t.Errorf("get: %v", err)
	}
	srv.AllowAll()
	for _, id := range tenant.IDs("Roles") {
		tenant.Remove("Roles", id)
	}
	if rows := adaptertest.List(t, p, psa.KindWorkRole, psa.Query{}); len(rows) > 0 {
		t.Errorf("rows %v", ids(rows))
	}
}

func TestCheck(t *testing.T) {
	p, srv := open(t, autotasktest.Small(), nil, nil)
	srv.Deny("", "/Roles/**")
	srv.Forbid("", "/TimeEntries/**")
	kinds := append(p.Features().Kinds(), psa.KindTeam)
	srv.ClearCounters()
	report, err := p.Check(t.Context(), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	want := map[psa.Kind]error{psa.KindWorkRole: psa.ErrDenied, psa.KindTimeEntry: psa.ErrDenied, psa.KindTeam: psa.ErrUnsupported}
	for _, a := range report.Access {
		if !errors.Is(psa.ErrorClass(a.Err), want[a.Kind]) {
			t.Errorf("%s: %v, want %v", a.Kind, a.Err, want[a.Kind])
		}
	}
	// One for each entity and each picklist's entity, discovery and the quota.
	if n := len(srv.Requests()); n != 2+3+13 {
		t.Errorf("%d requests", n)
		for _, r := range srv.Requests() {
			t.Log(r.Method, r.Path)
		}
	}
	c := srv.Credentials()
	q, err := autotask.New(autotask.Config{URL: srv.URL(), Transport: srv.Transport(), Credentials: login(srv)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Check(t.Context()); err != nil {
		t.Errorf("without kinds: %v", err)
	}
	c.IntegrationCode = "another"
	srv.SetCredentials(c)
	if _, err := p.Check(t.Context()); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}

func TestFind(t *testing.T) {
	tenant := desk()
	tenant.Add("Companies/5/Contacts", row{"id": 8, "firstName": "A", "lastName": "B", "isActive": 1, "emailAddress": "Ola@Acme.example", "externalID": "X-1"})
	tenant.Add("Companies/5/Contacts", row{"id": 9, "firstName": "C", "lastName": "D", "isActive": 0, "emailAddress": "ola@acme.example", "externalID": "x-1"})
	tenant.Update("Tickets", 77, row{"externalID": "SYNC-7"})
	number := fmt.Sprint(tenant.Get("Tickets", 77)["ticketNumber"])
	p, _ := open(t, tenant, nil, nil)
	for _, tt := range []struct {
		kind psa.Kind
		by   psa.Fields
		want []string
	}{
		{psa.KindContact, psa.Fields{"email": "ola@ACME.example"}, []string{"8", "9"}},
		{psa.KindContact, psa.Fields{"external_ref": "X-1"}, []string{"8"}},
		{psa.KindTicket, psa.Fields{"external_ref": "SYNC-7"}, []string{"77"}},
		{psa.KindTicket, psa.Fields{"number": number}, []string{"77"}},
		{psa.KindTicket, psa.Fields{"number": number, "external_ref": "other"}, nil},
		{psa.KindCompany, psa.Fields{"name": "Acme"}, []string{"5"}},
	} {
		var got []string
		for r, err := range p.Find(t.Context(), tt.kind, tt.by) {
			if err != nil || r.Err != nil {
				t.Fatal(tt.by, err, r.Err)
			}
			got = append(got, r.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.by, got, tt.want)
		}
	}
	for _, bad := range []psa.Fields{{"email": ""}, {"email": nil}, {"email": "a\xff@b.example"}, {}} {
		for _, err := range p.Find(t.Context(), psa.KindContact, bad) {
			if !errors.Is(err, psa.ErrInvalid) {
				t.Errorf("%v: %v, want ErrInvalid", bad, err)
			}
		}
	}
}

// Where no label says what work types are, a person has to.
func TestWorkTypeUse(t *testing.T) {
	tenant := autotasktest.Small()
	tenant.UpdatePicklistValue("BillingCodes", "useType", 1, func(v *autotasktest.PicklistValue) { v.Label = "Arbeit" })
	p, _ := open(t, tenant, nil, nil)
	for _, err := range p.List(t.Context(), psa.KindWorkType, psa.Query{}) {
		if !errors.Is(err, psa.ErrData) || !strings.Contains(err.Error(), "Config.WorkTypeUse") {
			t.Errorf("%v", err)
		}
	}
	p, srv := open(t, tenant, nil, func(c *autotask.Config) { c.WorkTypeUse = []string{"1", "3"} })
	rows := adaptertest.List(t, p, psa.KindWorkType, psa.Query{})
	n, err := p.Count(t.Context(), psa.KindWorkType, psa.Query{})
	if len(rows) == 0 || n != len(rows) || err != nil {
		t.Errorf("%d work types, counted %d, %v", len(rows), n, err)
	}
	for _, r := range srv.Requests() {
		if strings.HasSuffix(r.Path, "/BillingCodes/entityInformation/fields") {
			t.Error("the picklist is asked for although it is not needed")
		}
	}
}

// Only the system's own status closes a ticket, whatever it is called.
func TestClosed(t *testing.T) {
	tenant := autotasktest.Small()
	tenant.UpdatePicklistValue("Tickets", "status", autotasktest.StatusComplete, func(v *autotasktest.PicklistValue) { v.Label = "Erledigt" })
	p, _ := open(t, tenant, nil, nil)
	for _, r := range adaptertest.List(t, p, psa.KindStatus, psa.Query{}) {
		if want := r.ID == "5"; r.Fields["closed"] != want {
			t.Errorf("%s %q: closed %v", r.Ref, r.Name(), r.Fields["closed"])
		}
	}
}
