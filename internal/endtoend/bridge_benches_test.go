package endtoend

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/psa"
)

const connectwiseMap = `
version: 1
kinds:
  company:
    create: {psa: {types: [Client], status: Active}}
    fields:
      phone: phone
      address.line1: address.line1
      address.city: address.city
  contact:
    create: {psa: {site: ~}, app: {site: ~}}
  ticket:
    scope: {board: [Service Desk, Managed Services]}
    create:
      psa: {board: Service Desk, type: ~, subtype: ~, item: ~, team: ~, site: ~}
      app: {site: ~}
    fields:
      description: description # or the first public note would be taken for it
      board: {app: board, values: {Service Desk: Service desk, Managed Services: On-site}}
      status:
        app: status
        values:
          New: New
          Re-opened: New
          In Progress: Working
          Scheduled: Working
          Waiting on Client: Waiting
          Waiting on Vendor: Waiting
          Completed: Resolved
          Closed: Closed
        prefer: {New: New, Working: In Progress, Waiting: Waiting on Client}
      priority:
        app: priority
        values: {Priority 1 - Critical: Critical, Priority 2 - High: High, Priority 3 - Normal: Medium, Priority 4 - Low: Low}
`

func connectwiseBench(t testing.TB, word string) *bench {
	rows := connectwisetest.Small()
	rows.SetClock(time.Now)
	var o connectwisetest.Options
	if word != "" {
		rows.Taint(word)
		o.Credentials = connectwisetest.Credentials{Company: word, PublicKey: "public-" + word, PrivateKey: "private-" + word}
	}
	return connectwiseBenchOf(t, cwServer(t, rows, o), rows)
}

// transport is how a provider reaches the account.
func (b *bench) transport(own http.RoundTripper) http.RoundTripper {
	if b.route == nil {
		return own
	}
	return b.route(own)
}

func connectwiseBenchOf(t testing.TB, srv *connectwisetest.Server, rows *connectwisetest.Tenant) *bench {
	ref := func(id int) row { return row{"id": id} }
	b := &bench{
		name: "connectwise", closed: "Resolved", sim: srv, rows: rows, yaml: connectwiseMap,
		company: 250, contact: 31046, member: "dana.ruiz@msp.example", path: "/service/tickets", listed: "GET /service/tickets",
		writes: map[string]string{"create": "POST /service/tickets", "update": "PATCH /service/tickets/*", "note": "POST /service/tickets/*/notes"},
	}
	b.open = func() psa.Provider {
		cfg := cwConfig(srv)
		cfg.Transport = b.transport(cfg.Transport)
		return cwProvider(t, cfg)
	}
	b.ticket = func(summary string) int {
		id := rows.Add("/service/tickets", row{
			"summary": summary, "recordType": "ServiceTicket", "board": ref(12), "status": ref(550), "company": ref(250), "contact": ref(31046), "priority": ref(8),
			"requiredDate": "2026-07-31T17:00:00Z",
		})
		now := time.Now().UTC().Format(time.RFC3339)
		rows.Add(fmt.Sprintf("/service/tickets/%d/notes", id), row{ // how a ticket begins: its description
			"text": "It started this morning.", "detailDescriptionFlag": true, "internalAnalysisFlag": false, "resolutionFlag": false, "issueFlag": true,
			"dateCreated": now, "_info": row{"lastUpdated": now, "updatedBy": "DRuiz"},
		})
		return id
	}
	b.rename = func(id int, summary string) { rows.Update("/service/tickets", id, row{"summary": summary}) }
	b.status = func(id int, name string) {
		for _, s := range rows.IDs("/service/boards/12/statuses") {
			if r := rows.Get("/service/boards/12/statuses", s); r["name"] == name {
				rows.Update("/service/tickets", id, row{"status": ref(s), "closedFlag": r["closedStatus"]})
				return
			}
		}
		t.Fatalf("no status %s", name)
	}
	notes := func(ticket int) string { return fmt.Sprintf("/service/tickets/%d/notes", ticket) }
	b.note = func(ticket int, text string, public bool) {
		now := time.Now().UTC().Format(time.RFC3339)
		rows.Add(notes(ticket), row{
			"text": text, "detailDescriptionFlag": public, "internalAnalysisFlag": !public, "resolutionFlag": false, "internalFlag": !public, "externalFlag": public,
			"member": ref(171), "createdBy": "DRuiz", "dateCreated": now, "_info": row{"lastUpdated": now, "updatedBy": "DRuiz"},
		})
		rows.Update("/service/tickets", ticket, row{}) // as PSA does: a new note moves the ticket's stamp
	}
	b.work = func(ticket int, hours float64, text string) {
		end := time.Now().UTC().Truncate(time.Minute)
		start := end.Add(-time.Duration(hours * float64(time.Hour)))
		rows.Add("/time/entries", row{
			"company": ref(250), "chargeToId": ticket, "chargeToType": "ServiceTicket", "ticket": ref(ticket), "member": ref(171), "workType": ref(3), "workRole": ref(11),
			"timeStart": start.Format(time.RFC3339), "timeEnd": end.Format(time.RFC3339), "actualHours": hours, "hoursDeduct": 0.0, "billableOption": "Billable", "notes": text,
			"addToDetailDescriptionFlag": true, "addToInternalAnalysisFlag": false, "addToResolutionFlag": false, "status": "Open",
		})
	}
	b.texts = func(ticket int) map[string]bool {
		out := map[string]bool{}
		for _, id := range rows.IDs(notes(ticket)) {
			n := rows.Get(notes(ticket), id)
			once(out, n["text"].(string), n["detailDescriptionFlag"] == true || n["resolutionFlag"] == true)
		}
		return out
	}
	b.worked = func(ticket int) (out []float64) {
		for _, id := range rows.IDs("/time/entries") {
			if e := rows.Get("/time/entries", id); same(e["chargeToId"], ticket) {
				out = append(out, number(e["actualHours"]))
			}
		}
		return out
	}
	return b
}

const autotaskMap = `
version: 1
kinds:
  company:
    create: {psa: {types: [Customer], phone: 555-0000}}
    fields:
      phone: phone
  contact:
    create: {psa: {site: ~}, app: {site: ~}}
  ticket:
    create:
      psa: {site: ~, owner_role: ~, board: Triage}
      app: {site: ~}
    fields:
      board: {app: board, values: {Triage: Service desk, Level I Support: Service desk, Level II Support: On-site, Client Portal: Service desk}, prefer: {Service desk: Triage}}
      status:
        app: status
        values:
          New: New
          Customer Note Added: New
          In Progress: Working
          Dispatched: Working
          Waiting Customer: Waiting
          Waiting Materials: Waiting
          Waiting Vendor: Waiting
          Complete: Resolved
        prefer: {New: New, Working: In Progress, Waiting: Waiting Customer}
      priority: {app: priority, values: {Critical: Critical, High: High, Medium: Medium, Low: Low}}
  note:
    create: {psa: {type: Task Notes}}
  time_entry:
    create: {psa: {work_type: Remote Support}}
`

func autotaskBench(t testing.TB, word string) *bench {
	rows := autotasktest.Small()
	rows.SetClock(time.Now)
	o := autotasktest.Options{InProcess: true}
	if word != "" {
		rows.Taint(word)
		o.Credentials = autotasktest.Credentials{IntegrationCode: "INTEGRATION" + word, UserName: "api@" + word + ".example", Secret: "secret$" + word}
	}
	srv := autotasktest.NewServer(rows, &o)
	t.Cleanup(srv.Close)
	b := &bench{
		name: "autotask", closed: "Resolved", sim: srv, rows: rows, yaml: autotaskMap,
		company: 214, contact: 30684471, member: "jonas.keller1@summitmsp.example", path: "/Tickets", listed: "POST /Tickets/query",
		writes: map[string]string{"create": "POST /Tickets", "update": "PATCH /Tickets", "note": "POST /Tickets/*/Notes"},
	}
	b.open = func() psa.Provider {
		p, err := autotask.New(autotask.Config{
			URL: srv.URL(), Transport: b.transport(srv.Transport()), CompanyOwnerID: "29682886",
			Credentials: func(context.Context) (autotask.Credentials, error) {
				c := srv.Credentials()
				return autotask.Credentials{IntegrationCode: c.IntegrationCode, UserName: c.UserName, Secret: c.Secret}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b.ticket = func(summary string) int {
		return rows.Add("/Tickets", row{
			"title": summary, "companyID": 214, "contactID": 30684471, "queueID": 29682833, "status": 1, "priority": 2, "dueDateTime": "2026-07-31T17:00:00Z", "ticketType": 1, "ticketCategory": 3,
		})
	}
	b.rename = func(id int, summary string) { rows.Update("/Tickets", id, row{"title": summary}) }
	b.status = func(id int, name string) {
		for _, v := range rows.Picklist("Tickets", "status") {
			if v.Label == name {
				rows.Update("/Tickets", id, row{"status": v.Value})
				return
			}
		}
		t.Fatalf("no status %s", name)
	}
	stamp := func(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
	b.note = func(ticket int, text string, public bool) {
		publish := 2
		if public {
			publish = 1
		}
		rows.Add("/TicketNotes", row{
			"ticketID": ticket, "title": "Update", "description": text, "noteType": 3, "publish": publish, "creatorResourceID": 29682886,
			"createDateTime": stamp(time.Now()), "lastActivityDate": stamp(time.Now()),
		})
	}
	b.work = func(ticket int, hours float64, text string) {
		end := time.Now().UTC().Truncate(time.Minute)
		start := end.Add(-time.Duration(hours * float64(time.Hour)))
		role := rows.Get("/TimeEntries", rows.IDs("/TimeEntries")[0])["roleID"]
		rows.Add("/TimeEntries", row{
			"ticketID": ticket, "resourceID": 29682886, "roleID": role, "billingCodeID": 29682801, "dateWorked": stamp(start.Truncate(24 * time.Hour)), "startDateTime": stamp(start), "endDateTime": stamp(end),
			"hoursWorked": hours, "hoursToBill": hours, "offsetHours": 0.0, "isNonBillable": false, "showOnInvoice": true, "timeEntryType": 2, "summaryNotes": text, "internalNotes": "",
			"createDateTime": stamp(end), "creatorUserID": 29682886, "lastModifiedDateTime": stamp(time.Now()), "lastModifiedUserID": 29682886,
		})
	}
	b.texts = func(ticket int) map[string]bool {
		out := map[string]bool{}
		for _, id := range rows.IDs("/TicketNotes") {
			if n := rows.Get("/TicketNotes", id); same(n["ticketID"], ticket) {
				once(out, n["description"].(string), !same(n["publish"], 2))
			}
		}
		return out
	}
	b.worked = func(ticket int) (out []float64) {
		for _, id := range rows.IDs("/TimeEntries") {
			if e := rows.Get("/TimeEntries", id); same(e["ticketID"], ticket) {
				out = append(out, number(e["hoursWorked"]))
			}
		}
		return out
	}
	return b
}

const haloMap = `
version: 1
kinds:
  contact:
    create: {psa: {site: ~}, app: {site: ~}}
  ticket:
    create:
      psa: {ticket_type: Incident, sla: Standard SLA, category_1: ~, category_2: ~, category_3: ~, category_4: ~, site: ~}
      app: {site: ~}
    fields:
      team: {app: board, values: {2nd Line Support: Service desk, Projects: On-site}}
      status:
        app: status
        values:
          New: New
          Re-opened: New
          Updated: New
          In Progress: Working
          Scheduled: Working
          Action Required: Working
          Awaiting User: Waiting
          With Supplier: Waiting
          Awaiting Approval: Waiting
          On Hold: Waiting
          Resolved: Resolved
          Closed: Closed
        prefer: {New: New, Working: In Progress, Waiting: Awaiting User}
      priority:
        app: priority
        per: sla
        values:
          Gold SLA: {P1: Critical, P2: High, P3: Medium, P4: Low}
          Standard SLA: {Critical: Critical, High: High, Medium: Medium, Low: Low}
          "*": {Critical: Critical, High: High, Medium: Medium, Low: Low}
  note:
    create: {psa: {type: {by: visibility, values: {internal: Internal Note, team: Internal Note, public: Public Note}}}}
  time_entry:
    create: {psa: {work_type: Standard Rate}}
`

func haloBench(t testing.TB, word string) *bench {
	rows := halopsatest.Small()
	rows.SetClock(time.Now)
	o := halopsatest.Options{InProcess: true, RetryAfter: true}
	if word != "" {
		rows.Taint(word)
		o.Credentials = halopsatest.Credentials{ClientID: "client-" + word, ClientSecret: "secret-" + word, Tenant: word}
	}
	srv := halopsatest.NewServer(rows, &o)
	t.Cleanup(srv.Close)
	b := &bench{
		name: "halopsa", closed: "Closed", sim: srv, rows: rows, yaml: haloMap,
		company: 12, contact: 12, member: "", path: "/Tickets", listed: "GET /Tickets",
		writes: map[string]string{"create": "POST /Tickets", "update": "POST /Tickets", "note": "POST /Actions"},
	}
	agent := 5
	b.member = fmt.Sprint(rows.Get("/Agent", agent)["email"])
	team := rows.Get("/Team", 2)
	b.open = func() psa.Provider {
		p, err := halopsa.New(halopsa.Config{
			URL: srv.URL(), Transport: b.transport(srv.Transport()), Outcomes: halopsa.Outcomes{Internal: 7, Public: 3, Time: 8}, SkipRules: true, TopLevel: 1,
			Credentials: func(context.Context) (halopsa.Credentials, error) {
				c := srv.Credentials()
				return halopsa.Credentials{ClientID: c.ClientID, ClientSecret: c.ClientSecret}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b.ticket = func(summary string) int {
		now := halo(time.Now())
		id := rows.Add("/Tickets", row{
			"summary": summary, "details": "It started this morning.", "client_id": 12, "site_id": rows.Get("/Users", 12)["site_id"], "user_id": 12, "status_id": 1, "tickettype_id": 1, "sla_id": 1,
			"priority_id": 3, "team": team["name"], "department_id": team["department_id"], "agent_id": 1, "dateoccurred": now, "lastactiondate": now, "last_update": now,
			"deadlinedate": "2026-07-31T17:00:00",
		})
		rows.Add(fmt.Sprintf("/Tickets/%d/Actions", id), row{
			"outcome_id": 1, "who_type": 0, "who_agentid": 0, "who": "Client", "note": "It started this morning.", "hiddenfromuser": false, "timetaken": 0.0,
			"datetime": now, "actiondatecreated": now, "last_updated": now,
		})
		return id
	}
	b.rename = func(id int, summary string) { rows.Update("/Tickets", id, row{"summary": summary}) }
	b.status = func(id int, name string) {
		for _, s := range rows.IDs("/Status") {
			if r := rows.Get("/Status", s); r["name"] == name {
				rows.Update("/Tickets", id, row{"status_id": s})
				return
			}
		}
		t.Fatalf("no status %s", name)
	}
	act := func(ticket int, r row) {
		now := halo(time.Now())
		for k, v := range (row{
			"who_type": 1, "who_agentid": agent, "datetime": now, "actiondatecreated": now, "last_updated": now, "timetaken": 0.0, "nonbilltime": 0.0, "chargerate": 0, "actisbillable": true,
		}) {
			if _, ok := r[k]; !ok {
				r[k] = v
			}
		}
		rows.Add(fmt.Sprintf("/Tickets/%d/Actions", ticket), r)
		rows.Update("/Tickets", ticket, row{"lastactiondate": now})
	}
	b.note = func(ticket int, text string, public bool) {
		act(ticket, row{"outcome_id": 7, "note": text, "hiddenfromuser": !public})
	}
	b.work = func(ticket int, hours float64, text string) {
		end := time.Now().UTC().Truncate(time.Minute)
		act(ticket, row{
			"outcome_id": 8, "note": text, "hiddenfromuser": true, "timetaken": hours, "chargerate": 1,
			"actionarrivaldate": halo(end.Add(-time.Duration(hours * float64(time.Hour)))), "actioncompletiondate": halo(end),
		})
	}
	actions := func(ticket int) (out []row) {
		for _, id := range rows.IDs(fmt.Sprintf("/Tickets/%d/Actions", ticket)) {
			out = append(out, rows.Get(fmt.Sprintf("/Tickets/%d/Actions", ticket), id))
		}
		return out
	}
	b.texts = func(ticket int) map[string]bool {
		out := map[string]bool{}
		for _, a := range actions(ticket) {
			if text, ok := a["note"].(string); ok && number(a["timetaken"]) == 0 {
				once(out, text, a["hiddenfromuser"] != true)
			}
		}
		return out
	}
	b.worked = func(ticket int) (out []float64) {
		for _, a := range actions(ticket) {
			if h := number(a["timetaken"]); h > 0 {
				out = append(out, h)
			}
		}
		return out
	}
	return b
}

// once files a text; one that is there already is filed as a second.
func once(texts map[string]bool, text string, public bool) {
	if _, ok := texts[text]; ok {
		text += again
	}
	texts[text] = public
}

// again marks a text that a ticket holds twice.
const again = " (again)"

func halo(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.0000000") }

func same(v any, n int) bool { return number(v) == float64(n) }

// number reads a number of a stored row.
func number(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return math.Round(v*1e6) / 1e6
	case interface{ Float64() (float64, error) }:
		f, err := v.Float64()
		if err != nil {
			return math.NaN()
		}
		return f
	}
	return math.NaN()
}

func sorted(list []float64) []float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
