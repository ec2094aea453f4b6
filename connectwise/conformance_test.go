package connectwise_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

func TestConformance(t *testing.T) {
	t.Run("cloud", func(t *testing.T) {
		t.Parallel()
		psatest.Run(t, harness(connectwisetest.Options{}))
	})
	// The other reading of every point that the vendor's documents leave open.
	t.Run("other readings", func(t *testing.T) {
		t.Parallel()
		h := harness(connectwisetest.Options{
			NoForwardOnly: []string{"/**"}, NoAllNotes: true, PageSizeError: true, OnPremise: true,
			PatchNeedsCustomField: true, QuietTickets: true, NotesKeepStamp: true,
			RefuseFields: map[string][]string{"/service/sources": {"defaultFlag"}, "/company/companies/*/sites": {"stateReference"}},
			RefuseNames:  map[string][]string{"/company/contacts": {"inactiveFlag"}},
		})
		h.Known["query/count:contact"] = "this server takes no condition on inactiveFlag, so that inactive rows cannot be left out of a count"
		psatest.Run(t, h)
	})
}

// harness is a small tenant with pages of 30 rows, which troubles cut short at 25.
func harness(opts connectwisetest.Options) psatest.Harness {
	h := psatest.Harness{
		Known: map[string]string{
			"domain/hidden-people": "ConnectWise lists no people but contacts and members",
		},
	}
	h.Open = func(t testing.TB) *psatest.World {
		tenant := connectwisetest.Small()
		tenant.SetClock(time.Now)
		opts := opts
		opts.InProcess = true
		opts.Limit.Requests = -1
		srv := connectwisetest.NewServer(tenant, &opts)
		creds := srv.Credentials()
		p, err := connectwise.New(connectwise.Config{
			URL: srv.URL(), Company: creds.Company, ClientID: creds.ClientID, Transport: srv.Transport(), PageSize: 30,
			Credentials: func(context.Context) (connectwise.Credentials, error) {
				return connectwise.Credentials{PublicKey: creds.PublicKey, PrivateKey: creds.PrivateKey}, nil
			},
			Budget: connectwise.NewBudget(&connectwise.BudgetConfig{Requests: 1_000_000}),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Close)
		w := &world{tenant: tenant, srv: srv}
		w.openTime()
		canaries := []string{creds.PublicKey, creds.PrivateKey, creds.ClientID}
		for _, c := range connectwisetest.Canaries() {
			canaries = append(canaries, c.Value)
		}
		return &psatest.World{
			Provider: p, Canaries: canaries,
			Fill: map[psa.Kind]func(int){
				psa.KindTicketSource: func(n int) {
					w.fill(psa.KindTicketSource, n, func(i int) connectwisetest.Row { return connectwisetest.Row{"name": fmt.Sprintf("Source %d", i)} })
				},
				psa.KindContact: func(n int) {
					w.fill(psa.KindContact, n, func(i int) connectwisetest.Row {
						return connectwisetest.Row{"firstName": "Pat", "lastName": fmt.Sprintf("Doe %d", i), "inactiveFlag": false}
					})
				},
			},
			Sample:  w.samples(),
			Rename:  w.rename,
			Remove:  w.remove,
			Trouble: w.trouble(),
			Plant:   w.plant(),
			Mails:   srv.MailSent,
		}
	}
	return h
}

var paths = map[psa.Kind]string{
	psa.KindTicketSource: "/service/sources", psa.KindContact: "/company/contacts", psa.KindTicket: "/service/tickets",
	psa.KindCompany: "/company/companies", psa.KindMember: "/system/members", psa.KindTimeEntry: "/time/entries",
}

type world struct {
	tenant *connectwisetest.Tenant
	srv    *connectwisetest.Server
}

func number(id string) int {
	n, err := strconv.Atoi(id)
	if err != nil {
		panic(err)
	}
	return n
}

func (w *world) fill(kind psa.Kind, n int, row func(int) connectwisetest.Row) {
	for _, id := range w.tenant.IDs(paths[kind]) {
		w.tenant.Remove(paths[kind], id)
	}
	for i := range n {
		w.tenant.Add(paths[kind], row(i))
	}
}

func (w *world) rename(ref psa.Ref, name string) {
	row := connectwisetest.Row{"name": name}
	if ref.Kind == psa.KindContact {
		row = connectwisetest.Row{"firstName": name, "lastName": nil}
	}
	w.tenant.Advance(time.Second)
	w.tenant.Update(paths[ref.Kind], number(ref.ID), row)
}

// remove deletes a row; companies are only ever marked.
func (w *world) remove(ref psa.Ref) {
	if ref.Kind == psa.KindCompany {
		w.tenant.Update(paths[ref.Kind], number(ref.ID), connectwisetest.Row{
			"deletedFlag": true, "dateDeleted": w.tenant.Now().UTC().Format(time.RFC3339),
		})
		return
	}
	w.tenant.Remove(paths[ref.Kind], number(ref.ID))
}

// samples are fields of kinds whose rows show more than can be written.
func (w *world) samples() map[psa.Kind]psa.Fields {
	company := strconv.Itoa(w.tenant.IDs(paths[psa.KindCompany])[1])
	return map[psa.Kind]psa.Fields{
		psa.KindCompany: {
			"name": "x", "phone": "+44 113 555 0100", "website": "https://x.example", "account_number": "A-1", "status": psatest.RefTo("1", ""),
			"types": []any{psatest.RefTo("5", ""), psatest.RefTo("6", "")}, "territory": psatest.RefTo("2", ""),
			"address": psa.Fields{"line1": "1 Park Row", "line2": nil, "city": "Leeds", "state": "WYK", "zip": "LS1 5AB", "country": "United Kingdom"},
		},
		psa.KindTicket: {
			"summary": "x", "description": "It hums.", "company": psatest.RefTo(company, ""), "board": psatest.RefTo("12", ""), "status": psatest.RefTo("551", ""),
			"type": psatest.RefTo("1:301", ""), "priority": psatest.RefTo("8", ""), "urgency": psatest.RefTo("2", "High"), "impact": psatest.RefTo("", "Low"),
			"contact_email": "jo@x.example", "po_number": "P 7", "budget_hours": json.Number("1.5"), "due_at": "2026-07-01T08:00:00Z",
		},
	}
}

// openTime adds a time entry that is still its member's: the suite changes the
// last one.
func (w *world) openTime() {
	ids := w.tenant.IDs(paths[psa.KindTimeEntry])
	row := w.tenant.Get(paths[psa.KindTimeEntry], ids[0])
	delete(row, "id")
	row["status"] = "Open"
	w.tenant.Add(paths[psa.KindTimeEntry], row)
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
			c.PrivateKey = "rotated-meanwhile"
			w.srv.SetCredentials(c)
		},
		Limited: `{"error":"ConnectWiseAPI","message":"Too many requests. Please try again in 3600 seconds."}`,
		Failed:  `{"code":"ConnectWiseApi","message":"An error occurred."}`,
	}.All()
	all[psatest.LostReply] = func(kind psa.Kind) {
		w.srv.Fail(connectwisetest.Fault{Method: http.MethodPost, Path: paths[kind], Count: -1, Drop: true, Apply: true})
	}
	return all
}

func (w *world) plant() map[psatest.Oddity]func(string) {
	ticket := w.tenant.IDs(paths[psa.KindTicket])[0]
	company := w.tenant.IDs(paths[psa.KindCompany])[0]
	member := w.tenant.IDs(paths[psa.KindMember])[0]
	return map[psatest.Oddity]func(string){
		psatest.TimedNote: func(token string) {
			w.tenant.Add(paths[psa.KindTimeEntry], connectwisetest.Row{
				"chargeToId": ticket, "chargeToType": "ServiceTicket", "actualHours": 0.25, "notes": token,
				"timeStart": "2026-06-09T09:00:00Z", "addToDetailDescriptionFlag": true, "billableOption": "Billable", "status": "Open",
				"member": connectwisetest.Row{"id": member}, "company": connectwisetest.Row{"id": company},
			})
		},
		psatest.ProjectTicket: func(token string) {
			w.tenant.Add(paths[psa.KindTicket], connectwisetest.Row{
				"summary": token, "recordType": "ProjectTicket", "company": connectwisetest.Row{"id": company},
			})
		},
		psatest.UnclearNote: func(token string) {
			w.tenant.Add(fmt.Sprintf("/service/tickets/%d/notes", ticket), connectwisetest.Row{"text": token})
		},
	}
}
