package halopsa_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

func TestConformance(t *testing.T) {
	t.Run("hosted", func(t *testing.T) {
		t.Parallel()
		psatest.Run(t, harness(halopsatest.Options{}, func(c *halopsa.Config) {
			c.Outcomes = halopsa.Outcomes{Internal: 7, Public: 3, Time: 8}
		}))
	})
	// The other reading of points that the vendor's documents leave open.
	t.Run("other readings", func(t *testing.T) {
		t.Parallel()
		psatest.Run(t, harness(halopsatest.Options{
			SharedAuth: true, RetryAfter: true, SinceExclusive: true, UserCustomFields: true,
			TypesRequired: true, RefusePriority: true, NullClears: true, ManyAsArray: true, WriteStatus: 200, Notify: true,
			Errors: halopsatest.ErrorBinding,
			Wrappers: map[string]string{
				"/SLA": "slas", "/Category": "categories", "/TopLevel": "toplevels", "/Roles": "roles", "/Agent": "agents", "/Status": "results",
				"/Site": "results", "/Lookup": "lookups",
			},
		}, func(c *halopsa.Config) {
			c.Outcomes.Time, c.SkipRules = 8, true
			c.Markers = map[psa.Kind]int{psa.KindCompany: 154}
		}))
	})
}

// harness is a small tenant with pages of 30 rows, which troubles cut short at 25.
func harness(opts halopsatest.Options, change func(*halopsa.Config)) psatest.Harness {
	h := psatest.Harness{
		Known: map[string]string{
			"query/scope:contact": "the filters of /Users take a single id: contacts of several companies come company by company",
		},
	}
	h.Open = func(t testing.TB) *psatest.World {
		tenant := halopsatest.Small()
		tenant.SetClock(time.Now)
		opts := opts
		opts.Limit.Requests = -1
		var creds halopsatest.Credentials
		p, srv := open(t, tenant, &opts, func(c *halopsa.Config) {
			c.PageSize = 30
			c.Credentials = func(context.Context) (halopsa.Credentials, error) {
				return halopsa.Credentials{ClientID: creds.ClientID, ClientSecret: creds.ClientSecret}, nil
			}
			c.Budget = halopsa.NewBudget(&halopsa.BudgetConfig{Requests: 1_000_000})
			c.TopLevel = 1
			change(c)
		})
		creds = srv.Credentials()
		// Logged in, so that cases count requests for rows.
		if _, err := p.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		w := &world{tenant: tenant, srv: srv}
		canaries := []string{creds.ClientID, creds.ClientSecret}
		for _, c := range halopsatest.Canaries() {
			canaries = append(canaries, c.Value)
		}
		return &psatest.World{
			Provider: p, Canaries: canaries,
			Fill: map[psa.Kind]func(int){
				psa.KindCompany: func(n int) {
					w.fill(psa.KindCompany, n, func(i int) halopsatest.Row {
						return halopsatest.Row{"name": fmt.Sprintf("Client %d", i), "inactive": false}
					})
				},
				psa.KindContact: func(n int) {
					site := w.tenant.IDs("/Site")[0]
					w.fill(psa.KindContact, n, func(i int) halopsatest.Row {
						return halopsatest.Row{"name": fmt.Sprintf("Pat Doe %d", i), "inactive": false, "site_id": site}
					})
				},
			},
			Rename:  w.rename,
			Remove:  w.remove,
			Trouble: w.trouble(),
			Plant:   w.plant(),
			Sample:  samples(tenant),
			Mails:   srv.MailSent,
		}
	}
	return h
}

// samples are fields of valid rows; the tenant's lists show no more than ids
// to rows that are not in scope.
func samples(tenant *halopsatest.Tenant) map[psa.Kind]psa.Fields {
	ref := func(id any) psa.Fields { return psa.Fields{"id": fmt.Sprint(id)} }
	client, ticket := tenant.IDs("/Client")[1], tenant.IDs("/Tickets")[0]
	return map[psa.Kind]psa.Fields{
		psa.KindCompany: {"website": "https://psatest.example", "account_number": "P-1", "types": []any{ref(2)}},
		psa.KindSite: {
			"company": ref(client), "phone": "0113 496 0000",
			"address": psa.Fields{"line1": "1 High St", "city": "Leeds", "zip": "LS1 5AB"},
		},
		psa.KindContact: {
			"last_name": "Tester", "company": ref(client), "email": "psatest@client.example", "title": "Dr", "mobile": "07700 900000", "main": true,
		},
		psa.KindTicket: {
			"description": "It is broken.\n<b>Help</b> & so on", "company": ref(client), "ticket_type": ref(1), "status": ref(1), "priority": ref("1:2"),
			"sla": ref(1), "urgency": ref(1), "impact": ref(2), "owner": ref(5), "budget_hours": json.Number("1.5"), "due_at": "2026-12-01T08:00:00Z",
			"contact_name": "Jo at the desk", "source": ref(2), "team": psa.Fields{"id": fmt.Sprint(tenant.IDs("/Team")[0])}, "category_1": psa.Fields{"id": fmt.Sprint(tenant.IDs("/Category")[0])},
		},
		psa.KindNote: {"ticket": ref(ticket), "visibility": "public", "type": ref(3)},
		psa.KindTimeEntry: {
			"ticket": ref(ticket), "hours": json.Number("0.5"), "start_at": "2026-06-09T09:00:00Z", "visibility": "internal",
			"billable": "yes", "member": ref(5), "work_type": ref(1),
		},
	}
}

var paths = map[psa.Kind]string{
	psa.KindCompany: "/Client", psa.KindContact: "/Users", psa.KindTicket: "/Tickets",
}

type world struct {
	tenant *halopsatest.Tenant
	srv    *halopsatest.Server
}

func number(id string) int {
	n, err := strconv.Atoi(id)
	if err != nil {
		panic(err)
	}
	return n
}

func (w *world) fill(kind psa.Kind, n int, row func(int) halopsatest.Row) {
	for _, id := range w.tenant.IDs(paths[kind]) {
		if kind == psa.KindCompany && id == 1 {
			continue // "Unknown" cannot be deleted
		}
		w.tenant.Remove(paths[kind], id)
	}
	for i := range n {
		w.tenant.Add(paths[kind], row(i))
	}
}

func (w *world) rename(ref psa.Ref, name string) {
	w.tenant.Advance(time.Second)
	w.tenant.Update(paths[ref.Kind], number(ref.ID), halopsatest.Row{"name": name})
}

func (w *world) remove(ref psa.Ref) {
	if ref.Kind == psa.KindTicket {
		w.tenant.Update(paths[ref.Kind], number(ref.ID), halopsatest.Row{"deleted": true})
		return
	}
	w.tenant.Remove(paths[ref.Kind], number(ref.ID))
}

func (w *world) trouble() map[psatest.Trouble]func(psa.Kind) {
	all := adaptertest.Trouble{
		Server: w.srv,
		Below:  func(kind psa.Kind) string { return paths[kind] + "/**" },
		Lists: func(r *http.Request, kind psa.Kind) bool {
			return strings.HasSuffix(r.URL.Path, paths[kind])
		},
		Take: func(kind psa.Kind) { w.tenant.Remove(paths[kind], w.tenant.IDs(paths[kind])[3]) },
		Rotate: func() {
			c := w.srv.Credentials()
			c.ClientSecret = "rotated-meanwhile"
			w.srv.SetCredentials(c)
		},
		Limited: "Rate Limit Reached - 700 Requests per rolling 5 minute window.",
		Failed:  `{"ClassName":"System.Exception","Message":"An error occurred."}`,
		RowID:   regexp.MustCompile(`("id":\d+),"name":"(?:Client|Pat)`),
	}.All()
	all[psatest.LostReply] = func(kind psa.Kind) {
		w.srv.Fail(halopsatest.Fault{Method: http.MethodPost, Path: paths[kind], Count: -1, Drop: true, Apply: true})
	}
	return all
}

func (w *world) plant() map[psatest.Oddity]func(string) {
	ticket := w.tenant.IDs("/Tickets")[0]
	site := w.tenant.IDs("/Site")[0]
	actions := fmt.Sprintf("/Tickets/%d/Actions", ticket)
	outcome := 0
	for _, id := range w.tenant.IDs("/Outcome") {
		if o := w.tenant.Get("/Outcome", id); o["systemid"] == nil || o["systemid"] == 0 {
			outcome = id
		}
	}
	return map[psatest.Oddity]func(string){
		psatest.TimedNote: func(token string) {
			w.tenant.Add(actions, halopsatest.Row{
				"outcome_id": outcome, "note": token, "timetaken": 0.25, "datetime": "2026-06-09T09:00:00", "who": "Ann", "hiddenfromuser": false, "chargerate": 1,
			})
		},
		psatest.ProjectTicket: func(token string) {
			project := 0
			for _, id := range w.tenant.IDs("/TicketType") {
				if w.tenant.Get("/TicketType", id)["itilrequesttype"] == 22 {
					project = id
				}
			}
			w.tenant.Add("/Tickets", halopsatest.Row{"summary": token, "tickettype_id": project, "status_id": 1})
		},
		psatest.HiddenPerson: func(token string) {
			w.tenant.Add("/Users", halopsatest.Row{"name": "General User", "surname": token, "site_id": site, "$general": true})
			w.tenant.Add("/Users", halopsatest.Row{"name": token, "site_id": site, "linked_agent_id": 5})
		},
		psatest.UnclearNote: func(token string) {
			w.tenant.Add(actions, halopsatest.Row{"outcome_id": outcome, "note": token, "datetime": "2026-06-09T09:00:00", "who": "Ann"})
		},
	}
}
