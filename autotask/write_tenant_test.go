package autotask_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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

// A ticket moves in a tenant that refuses a contact of another company.
func TestMoved(t *testing.T) {
	tenant := autotasktest.Small()
	p, _ := open(t, tenant, nil, nil)
	companies, id := tenant.IDs("Companies"), tenant.IDs("Tickets")[0]
	from := tenant.Get("Tickets", id)["companyID"].(int)
	other := companies[slices.IndexFunc(companies, func(c int) bool { return c != 0 && c != from })]
	r, err := p.Update(t.Context(), ref(psa.KindTicket, id), psa.Patch{Set: psa.Fields{"company": to(other), "summary": "Moved"}})
	if err != nil || r.Fields.Ref("company").ID != fmt.Sprint(other) || r.Fields["contact"] != nil || r.Fields["site"] != nil || r.Fields.String("summary") != "Moved" {
		t.Errorf("%v, %v", r.Fields, err)
	}
}

// Approved time, and time on a sheet that was handed in, is locked; that is no
// failure that another try helps.
func TestLockedTime(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	ids := tenant.IDs("TimeEntries")
	tenant.Update("TimeEntries", ids[0], autotasktest.Row{"billingApprovalDateTime": "2026-06-01T00:00:00Z"})
	row := tenant.Get("TimeEntries", ids[1])
	day, err := time.Parse(time.RFC3339, row["dateWorked"].(string))
	if err != nil {
		t.Fatal(err)
	}
	tenant.SetTimesheet(row["resourceID"].(int), day, autotasktest.SheetSubmitted)
	for i, id := range ids[:2] {
		srv.ClearCounters()
		_, err := p.Update(t.Context(), ref(psa.KindTimeEntry, id), psa.Patch{Set: psa.Fields{"notes": "x"}})
		gone := p.Delete(t.Context(), ref(psa.KindTimeEntry, id))
		for _, err := range []error{err, gone} {
			var e *psa.Error
			if !errors.Is(err, psa.ErrConflict) || psa.Temporary(err) || !errors.As(err, &e) || e.Detail == "" {
				t.Errorf("time entry %d: %v, want ErrConflict that says why", i, err)
			}
		}
		for _, r := range srv.Requests() {
			if i == 0 && (r.Method == "PATCH" || r.Method == "DELETE") {
				t.Errorf("%s of an approved entry was sent", r.Method)
			}
		}
	}
}

// Without a default role, a resource works in none.
func TestNoDefaultRole(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	who, tickets := tenant.IDs("Resources")[1], tenant.IDs("Tickets")
	ticket := tickets[slices.IndexFunc(tickets, func(id int) bool { return tenant.Get("Tickets", id)["assignedResourceID"] != who })]
	tenant.Update("Resources", who, autotasktest.Row{"defaultServiceDeskRoleID": nil})
	entry := psa.Fields{"ticket": to(ticket), "member": to(who), "start_at": "2026-06-09T09:00:00Z", "hours": 1}
	before := len(srv.Requests())
	for field, err := range map[string]error{
		"work_role":  second(p.Create(t.Context(), psa.KindTimeEntry, entry, 0)),
		"owner_role": second(p.Update(t.Context(), ref(psa.KindTicket, ticket), psa.Patch{Set: psa.Fields{"owner": to(who)}})),
	} {
		if !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), field+": required") {
			t.Errorf("%v, want ErrInvalid that names %s", err, field)
		}
	}
	for _, r := range srv.Requests()[before:] {
		if r.Method == "PATCH" || r.Method == "POST" && !strings.HasSuffix(r.Path, "/query") {
			t.Errorf("%s %s was sent", r.Method, r.Path)
		}
	}
}

// An hours-only entry has no time of day to keep in step.
func TestHoursOnly(t *testing.T) {
	tenant := autotasktest.Small()
	p, _ := open(t, tenant, nil, nil)
	id := tenant.IDs("TimeEntries")[0]
	tenant.Update("TimeEntries", id, autotasktest.Row{"startDateTime": nil, "endDateTime": nil})
	r, err := p.Update(t.Context(), ref(psa.KindTimeEntry, id), psa.Patch{Set: psa.Fields{"hours": 3}})
	if err != nil || r.Fields["hours"] != json.Number("3") || r.Fields["end_at"] != nil {
		t.Errorf("%v, %v", r.Fields, err)
	}
}

// A missing right and a missing row sound the same on a write.
func TestRightOrRow(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	id := tenant.IDs("Tickets")[0]
	set := psa.Patch{Set: psa.Fields{"summary": "x"}}
	if _, err := p.Update(t.Context(), ref(psa.KindTicket, 987654321), set); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	fault := srv.Fail(autotasktest.Fault{Method: "PATCH", Path: "/Tickets", Count: 1, Status: 500,
		Body: `{"errors":["No matching records found. The logged in Resource may not have the required permissions to update the data."]}`})
	if _, err := p.Update(t.Context(), ref(psa.KindTicket, id), set); !errors.Is(err, psa.ErrDenied) {
		t.Errorf("%v, want ErrDenied: the row is there", err)
	}
	srv.Heal(fault...)
	srv.Deny("PATCH", "/Tickets")
	if _, err := p.Update(t.Context(), ref(psa.KindTicket, id), set); !errors.Is(err, psa.ErrDenied) {
		t.Errorf("%v, want ErrDenied", err)
	}
}

// A row that cannot be read back was written all the same.
func TestReadBackFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(*autotasktest.Server, *autotasktest.Tenant)
		want error
	}{
		{"out of order", func(srv *autotasktest.Server, _ *autotasktest.Tenant) {
			srv.Fail(autotasktest.Fault{Path: "/TimeEntries/query", Status: 503, Count: -1})
		}, psa.ErrUnavailable},
		{"not shown", func(srv *autotasktest.Server, tenant *autotasktest.Tenant) {
			ids := tenant.IDs("TimeEntries")
			srv.Hide("/TimeEntries", ids[len(ids)-1])
		}, psa.ErrDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tenant := autotasktest.Small()
			p, srv := open(t, tenant, nil, func(c *autotask.Config) { c.Retries = -1 })
			srv.After(func(r *http.Request) {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/TimeEntries") {
					tt.then(srv, tenant)
				}
			})
			who, before := tenant.IDs("Resources")[1], len(tenant.IDs("TimeEntries"))
			r, err := p.Create(t.Context(), psa.KindTimeEntry, psa.Fields{"ticket": to(tenant.IDs("Tickets")[0]), "member": to(who), "start_at": "2026-06-09T09:00:00Z", "hours": 1}, 0)
			ids := tenant.IDs("TimeEntries")
			if len(ids) != before+1 || !errors.Is(psa.ErrorClass(err), tt.want) || errors.Is(err, psa.ErrNotFound) || r.Ref != ref(psa.KindTimeEntry, ids[len(ids)-1]) {
				t.Errorf("%s of %d rows, %v", r.Ref, len(ids), err)
			}
		})
	}
}

// Workflow rules run whatever is asked for, and what they change is read back.
func TestWorkflowRules(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	tenant.AddWorkflowRule(autotasktest.WorkflowRule{Collection: "Tickets", MailTo: "contact", Set: autotasktest.Row{"priority": 3}})
	r, err := p.Update(t.Context(), ref(psa.KindTicket, tenant.IDs("Tickets")[0]), psa.Patch{Set: psa.Fields{"summary": "x", "priority": to(1)}})
	if err != nil || r.Fields.Ref("priority").ID != "3" || srv.MailSent() != 1 {
		t.Errorf("priority %v, %d mails, %v", r.Fields["priority"], srv.MailSent(), err)
	}
	for kind, f := range p.Features() {
		want := psa.MailNever
		if kind == psa.KindTicket || kind == psa.KindNote || kind == psa.KindTimeEntry {
			want = psa.MailUncontrolled
		}
		if f.Mail != want {
			t.Errorf("%s: mail control %d, want %d", kind, f.Mail, want)
		}
	}
}

// A note for the client's technicians is never shown to more people than that.
func TestTeamNotes(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		labels     []string
	}{
		{"not co-managed", "internal", nil},
		{"co-managed", "team", []string{"Internal & Co-Managed"}},
		{"wider", "internal", []string{"All users & Co-managed"}},
		{"narrowest of two", "team", []string{"All users & Co-managed", "Internal and co-managed"}},
		{"one of several", "internal", []string{"Internal & Co-managed A", "Internal & Co-managed B"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tenant := autotasktest.Small()
			for _, label := range tt.labels {
				tenant.AddPicklistValue("TicketNotes", "publish", autotasktest.PicklistValue{Label: label})
			}
			p, _ := open(t, tenant, nil, nil)
			r, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": to(tenant.IDs("Tickets")[0]), "text": "x", "type": to(3), "visibility": "team"}, 0)
			if err != nil || r.Fields.String("visibility") != tt.want {
				t.Errorf("%q, %v, want %q", r.Fields.String("visibility"), err, tt.want)
			}
		})
	}
}

// Custom fields that are not named keep their values.
func TestCustomFieldsKept(t *testing.T) {
	tenant := autotasktest.Small()
	p, _ := open(t, tenant, nil, nil)
	id := tenant.IDs("Tickets")[0]
	before, err := p.Get(t.Context(), ref(psa.KindTicket, id))
	if err != nil {
		t.Fatal(err)
	}
	custom, _ := before.Fields["custom"].(psa.Fields)
	var name string
	for _, row := range adaptertest.List(t, p, psa.KindCustomField, psa.Query{}) {
		if _, ours := custom[row.ID]; ours && row.Fields.String("name") == "Asset Tag" {
			name = row.ID
		}
	}
	if name == "" {
		t.Fatal("tickets have no field Asset Tag")
	}
	for _, v := range []any{"BC-1", nil, "BC-2"} {
		after, err := p.Update(t.Context(), ref(psa.KindTicket, id), psa.Patch{Set: psa.Fields{"custom." + name: v}})
		if err != nil {
			t.Fatal(err)
		}
		want := custom.Clone()
		want[name] = v
		if diff := cmp.Diff(want, after.Fields["custom"]); diff != "" {
			t.Error(diff)
		}
	}
}

// A database that moved takes a write once, where it is now.
func TestWriteAfterMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Small()
		p, srv := open(t, tenant, nil, nil)
		who, ticket, before := tenant.IDs("Resources")[1], tenant.IDs("Tickets")[0], len(tenant.IDs("TimeEntries"))
		entry := psa.Fields{"ticket": to(ticket), "member": to(who), "start_at": "2026-06-09T09:00:00Z", "hours": 1}
		for i := range 2 {
			if _, err := p.Create(t.Context(), psa.KindTimeEntry, entry, 0); err != nil || len(tenant.IDs("TimeEntries")) != before+i+1 {
				t.Errorf("%d rows more, %v", len(tenant.IDs("TimeEntries"))-before, err)
			}
			time.Sleep(2 * time.Minute)
			srv.MoveZone()
		}
		if strays := srv.Strays(); len(strays) > 0 {
			t.Errorf("requests to other hosts: %v", strays)
		}
	})
}

// Writes wait for the same three threads of an entity as reads.
func TestWritesKeepToThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Small()
		p, srv := open(t, tenant, &autotasktest.Options{Latency: time.Second}, nil)
		company := tenant.IDs("Companies")[1]
		done := make(chan error)
		for i := range 12 {
			go func() {
				_, err := p.Create(t.Context(), psa.KindContact, psa.Fields{"company": to(company), "first_name": "Pat", "last_name": fmt.Sprint("Doe ", i)}, 0)
				done <- err
			}()
		}
		for range 12 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for entity, n := range srv.MaxThreads() {
			if n > 3 {
				t.Errorf("%d requests at %s at the same moment", n, entity)
			}
		}
		if srv.MaxThreads()["Companies"] != 3 {
			t.Errorf("creates ran one after the other: %v", srv.MaxThreads())
		}
	})
}

// A spent quota holds writes up, or refuses them, before they are sent.
func TestWritesKeepToQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Small()
		p, srv := open(t, tenant, nil, func(c *autotask.Config) {
			c.Budget = autotask.NewBudget(&autotask.BudgetConfig{Requests: 24, Share: 0.5})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var err error
		for err == nil {
			_, err = p.Update(ctx, ref(psa.KindTicket, tenant.IDs("Tickets")[0]), psa.Patch{Set: psa.Fields{"summary": "x"}})
		}
		if !errors.Is(err, psa.ErrRateLimited) && !errors.Is(err, psa.ErrTimeout) {
			t.Errorf("%v, want a spent quota", err)
		}
		if n := len(srv.Requests()); n > 13 {
			t.Errorf("%d requests of 12", n)
		}
	})
}
