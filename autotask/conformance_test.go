package autotask_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

func TestConformance(t *testing.T) {
	t.Run("documented", func(t *testing.T) {
		t.Parallel()
		psatest.Run(t, harness(autotasktest.Options{}))
	})
	// The other reading of every point that the vendor's documents leave open.
	t.Run("other readings", func(t *testing.T) {
		t.Parallel()
		psatest.Run(t, harness(autotasktest.Options{
			NullItem: true, EmptyLastPage: true, Unordered: true, NoUDFKey: true, ZonelessTimes: true, CasePath: true,
			ThreadStatus: http.StatusTooManyRequests, NotesKeepStamp: true,
		}))
	})
}

// harness is a small tenant with pages of 30 rows.
func harness(opts autotasktest.Options) psatest.Harness {
	h := psatest.Harness{
		Known: map[string]string{
			"domain/service-tickets": "Autotask tickets are all service tickets; tasks of projects are another entity, which is not read",
			"write/clear:note":       "a ticket note has a title: it falls back to the first line of the text",
			"domain/hidden-people":   "Autotask lists no people but contacts and resources",
		},
	}
	h.Open = func(t testing.TB) *psatest.World {
		tenant := autotasktest.Small()
		tenant.SetClock(time.Now)
		opts := opts
		opts.Limit.Requests = -1
		keys := autotasktest.DefaultCredentials()
		p, srv := open(t, tenant, &opts, func(c *autotask.Config) {
			c.Credentials = func(context.Context) (autotask.Credentials, error) {
				return autotask.Credentials{IntegrationCode: keys.IntegrationCode, UserName: keys.UserName, Secret: keys.Secret}, nil
			}
			c.PageSize = 30
			c.CompanyOwnerID = strconv.Itoa(tenant.IDs("Resources")[1])
			c.Budget = autotask.NewBudget(&autotask.BudgetConfig{Requests: 1_000_000})
		})
		creds := srv.Credentials()
		w := &world{tenant: tenant, srv: srv}
		canaries := []string{creds.IntegrationCode, creds.Secret}
		for _, c := range autotasktest.Canaries() {
			canaries = append(canaries, c.Value)
		}
		return &psatest.World{
			Provider: p, Canaries: canaries,
			Fill: map[psa.Kind]func(int){
				psa.KindWorkRole: func(n int) {
					w.fill(psa.KindWorkRole, n, func(i int) autotasktest.Row {
						return autotasktest.Row{"name": fmt.Sprintf("Role %d", i), "isActive": true, "hourlyRate": 100.0, "hourlyFactor": 1.0}
					})
				},
				psa.KindTicketSource: func(n int) {
					for _, v := range tenant.Picklist("Tickets", "source") {
						tenant.RemovePicklistValue("Tickets", "source", v.Value)
					}
					for i := range n {
						tenant.AddPicklistValue("Tickets", "source", autotasktest.PicklistValue{Label: fmt.Sprintf("Source %d", i)})
					}
				},
				psa.KindContact: func(n int) {
					company := tenant.IDs("Companies")[1]
					w.fill(psa.KindContact, n, func(i int) autotasktest.Row {
						return autotasktest.Row{"companyID": company, "firstName": "Pat", "lastName": fmt.Sprintf("Doe %d", i), "isActive": 1}
					})
				},
			},
			Rename:  w.rename,
			Remove:  w.remove,
			Trouble: w.trouble(),
			Plant:   w.plant(),
			Mails:   srv.MailSent,
		}
	}
	return h
}

var entities = map[psa.Kind]string{
	psa.KindWorkRole: "Roles", psa.KindTicketSource: "Tickets", psa.KindContact: "Contacts", psa.KindTicket: "Tickets",
	psa.KindCompany: "Companies", psa.KindMember: "Resources", psa.KindTimeEntry: "TimeEntries",
}

var writes = map[psa.Kind]string{
	psa.KindContact: "/Companies/*/Contacts", psa.KindTicket: "/Tickets",
}

type world struct {
	tenant *autotasktest.Tenant
	srv    *autotasktest.Server
}

func number(id string) int {
	n, err := strconv.Atoi(id)
	if err != nil {
		panic(err)
	}
	return n
}

func (w *world) fill(kind psa.Kind, n int, row func(int) autotasktest.Row) {
	for _, id := range w.tenant.IDs(entities[kind]) {
		w.tenant.Remove(entities[kind], id)
	}
	for i := range n {
		w.tenant.Add(entities[kind], row(i))
	}
}

func (w *world) rename(ref psa.Ref, name string) {
	w.tenant.Advance(time.Second)
	switch ref.Kind {
	case psa.KindTicketSource:
		w.tenant.UpdatePicklistValue("Tickets", "source", number(ref.ID), func(v *autotasktest.PicklistValue) { v.Label = name })
	case psa.KindContact:
		first, last, _ := strings.Cut(name, " ") // a contact without a last name takes no change
		w.tenant.Update("Contacts", number(ref.ID), autotasktest.Row{"firstName": first, "lastName": last})
	default:
		w.tenant.Update(entities[ref.Kind], number(ref.ID), autotasktest.Row{"name": name})
	}
}

func (w *world) remove(ref psa.Ref) {
	switch ref.Kind {
	case psa.KindTicketSource:
		w.tenant.RemovePicklistValue("Tickets", "source", number(ref.ID))
		return
	case psa.KindTicket:
		w.tenant.Delete("Tickets", number(ref.ID), w.tenant.IDs("Resources")[0])
		return
	}
	w.tenant.Remove(entities[ref.Kind], number(ref.ID))
}

func (w *world) trouble() map[psatest.Trouble]func(psa.Kind) {
	all := adaptertest.Trouble{
		Server: w.srv,
		Below:  func(kind psa.Kind) string { return "/" + entities[kind] + "/**" },
		Lists: func(r *http.Request, kind psa.Kind) bool {
			return strings.Contains(strings.ToLower(r.URL.Path), strings.ToLower("/"+entities[kind]+"/query"))
		},
		Take: func(kind psa.Kind) { w.tenant.Remove(entities[kind], w.tenant.IDs(entities[kind])[3]) },
		Rotate: func() {
			c := w.srv.Credentials()
			c.Secret = "rotated-meanwhile"
			w.srv.SetCredentials(c)
		},
		Limited: `{"errors":["The number of external requests exceeds the threshold for this database."]}`,
		Failed:  `{"Message":"An error has occurred."}`,
	}.All()
	all[psatest.LostReply] = func(kind psa.Kind) {
		w.srv.Fail(autotasktest.Fault{Method: http.MethodPost, Path: writes[kind], Count: 1, Apply: true, Drop: true})
	}
	return all
}

func (w *world) plant() map[psatest.Oddity]func(string) {
	ticket := w.tenant.IDs("Tickets")[0]
	member := w.tenant.IDs("Resources")[0]
	return map[psatest.Oddity]func(string){
		psatest.TimedNote: func(token string) {
			w.tenant.Add("TimeEntries", autotasktest.Row{
				"ticketID": ticket, "resourceID": member, "roleID": w.tenant.IDs("Roles")[0], "hoursWorked": 0.25, "summaryNotes": token,
				"dateWorked": "2026-06-09T00:00:00Z", "startDateTime": "2026-06-09T09:00:00Z",
			})
		},
		psatest.UnclearNote: func(token string) {
			w.tenant.Add(fmt.Sprintf("Tickets/%d/Notes", ticket), autotasktest.Row{"title": token, "description": token, "noteType": 1})
		},
	}
}
