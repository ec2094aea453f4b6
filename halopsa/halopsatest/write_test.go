package halopsatest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/simulator"
)

func TestBodies(t *testing.T) {
	c := newClient(t, Small(), nil)
	for body, want := range map[string]string{
		`{"summary":"x"}`:                    "requires a JSON array",
		`[`:                                  "Unexpected character",
		`[]`:                                 "No data",
		`[1]`:                                "[0]",
		`[{"summary":"x","client_id":95.0}]`: `{"[0].client_id":["Input string '95.0' is not a valid integer. Path '[0].client_id', line 1, position 32."]}`,
		`[{"summary":"x"},{"summary":"y","status_id":"abc"}]`:     `"[1].status_id":["Could not convert string to integer: abc. Path`,
		`[{"summary":"x","dateoccurred":"yesterday"}]`:            "Could not convert string to DateTime",
		`[{"summary":"x","onhold":"maybe"}]`:                      "Could not convert string to boolean",
		`[{"summary":"x","estimate":"long"}]`:                     "Could not convert string to double",
		`[{"summary":"x","client_id":[12]}]`:                      "Unexpected character",
		`[{"summary":"x","customfields":{"id":152,"value":"a"}}]`: "list",
	} {
		if status, got, _ := c.do("POST", "/Tickets", body); status != 400 || !strings.Contains(string(got), want) {
			t.Errorf("%s: %d %s", body, status, got)
		}
	}
	if n := len(c.srv.Tenant().IDs("/Tickets")); n != 14 {
		t.Errorf("a refused body left %d tickets", n)
	}
	// Numbers as strings, keys in any case and unknown keys are taken.
	got := c.value("POST", "/Tickets", `[{"Summary":"x","status_id":"2","client_id":"12","nonsense":1,"agent_id":null}]`)
	if m, _ := got.(map[string]any); m["status_id"] != 2 || m["client_id"] != 12 || m["agent_id"] != 1 {
		t.Errorf("%v", got)
	}
}

// Each shape of an error body can be had on purpose.
func TestErrorShapes(t *testing.T) {
	for shape, want := range map[ErrorShape]string{
		ErrorNatural: `{"[0].summary":"Please enter a Summary"}`, ErrorBinding: `{"[0].summary":["Please enter a Summary"]}`, ErrorOneKey: `{"[0].summary":"Please enter a Summary"}`,
		ErrorText: `"Please enter a Summary"`, ErrorException: `{"ClassName":"System.Exception","Data":null,"InnerException":null,"Message":"Please enter a Summary"}`,
		ErrorOAuth: `{"error":{"error_description":"Please enter a Summary"}}`, ErrorResult: `{"errorMessage":"Please enter a Summary","resultCode":1}`, ErrorPlain: `Please enter a Summary`,
	} {
		c := newClient(t, Small(), &Options{Errors: shape})
		if status, body, _ := c.do("POST", "/Tickets", []Row{{"details": "no summary"}}); status != 400 || string(body) != want {
			t.Errorf("%d: %d %s, want %s", shape, status, body, want)
		}
	}
}

func TestTicketCreate(t *testing.T) {
	c := newClient(t, Small(), nil)
	status, body, _ := c.do("POST", "/Tickets", []Row{{"summary": "x"}})
	if status != 201 || body[0] != '{' {
		t.Fatalf("minimal: %d %s", status, body)
	}
	min, err := simulator.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := min.(map[string]any)
	for k, want := range map[string]any{"client_id": unknownClient, "agent_id": unassignedAgent, "status_id": 1, "tickettype_id": 1, "sla_id": 1, "priority_id": 3, "team": "1st Line Support", "source": 0} {
		if m[k] != want {
			t.Errorf("%s is %v, want %v", k, m[k], want)
		}
	}
	user := c.srv.Tenant().Get("/Users", c.someUser(12))
	got := c.post("/Tickets", Row{
		"summary": "Disk full", "details_html": "<p>C: 99% &amp; rising</p>", "tickettype_id": 2, "site_id": user["site_id"], "user_id": user["id"], "team": "1st Line Support", "category_1": "Hardware",
		"priority_id": 4, "customfields": []Row{{"id": 152, "value": "ABC-1"}, {"id": 153, "value": 3}, {"id": 999, "value": "ignored"}},
	})
	if got["client_id"] != 12 || got["user_id"] != user["id"] || got["details"] != "C: 99% & rising" {
		t.Errorf("%v", got)
	}
	// POST spells these keys in another way than GET.
	for get, post := range map[string]string{"last_update": "lastupdate", "category_1": "category1", "user_email": "useremail"} {
		if got[get] != nil || got[post] == nil {
			t.Errorf("POST has %s=%v, %s=%v", get, got[get], post, got[post])
		}
	}
	back := c.one(fmt.Sprintf("/Tickets/%v?includedetails=true", got["id"]))
	if back["category_1"] != "Hardware" || back["last_update"] != got["lastupdate"] || back["lastupdate"] != nil || integer(back["categoryid_1"]) == 0 {
		t.Errorf("%v", back)
	}
	values := map[int]any{}
	for _, f := range objects(back["customfields"]) {
		values[integer(f["id"])] = f["display"]
	}
	if values[152] != "ABC-1" || values[153] != "High" {
		t.Errorf("custom fields %v", back["customfields"])
	}
	actions := c.rows(fmt.Sprintf("/Actions?ticket_id=%v", got["id"]))
	if len(actions) != 1 || actions[0]["id"] != 1 || actions[0]["note"] != "C: 99% & rising" {
		t.Errorf("opening action %v", actions)
	}
}

// someUser returns an ordinary active user of a client, who takes mail.
func (c *client) someUser(client int) int {
	t := c.srv.Tenant()
	for _, id := range t.IDs("/Users") {
		u := t.Get("/Users", id)
		if u["client_id"] == client && u["$general"] == nil && integer(u["linked_agent_id"]) == 0 && u["inactive"] == false && u["neversendemails"] != true {
			return id
		}
	}
	c.t.Fatalf("client %d has no user", client)
	return 0
}

func TestTicketRefusals(t *testing.T) {
	c := newClient(t, Small(), nil)
	user := c.someUser(12)
	for _, x := range []struct {
		row  Row
		want string
	}{
		{Row{}, "Please enter a Summary"},
		{Row{"summary": " "}, "Please enter a Summary"},
		{Row{"summary": "x", "tickettype_id": 999}, "Ticket Type"},
		{Row{"summary": "x", "client_id": 999}, "Customer"},
		{Row{"summary": "x", "site_id": 999}, "Site"},
		{Row{"summary": "x", "user_id": user}, `"[0].site_id":"Please select a Site"`},
		{Row{"summary": "x", "user_id": user, "site_id": 1}, "does not belong to the Site"},
		{Row{"summary": "x", "client_id": 13, "site_id": c.srv.Tenant().Get("/Client", 12)["main_site_id"]}, "does not belong to the Customer"},
		{Row{"summary": "x", "status_id": 101}, "valid Status"},
		{Row{"summary": "x", "tickettype_id": 1, "status_id": 4}, "not available for this ticket type"},
		{Row{"summary": "x", "sla_id": 77}, "SLA"},
		{Row{"summary": "x", "team": "Nobody"}, "Team"},
		{Row{"summary": "x", "agent_id": apiAgent}, "not available"},
		{Row{"summary": "x", "agent_id": 999}, "not available"},
		{Row{"summary": "x", "category_1": "Nonsense"}, "Category"},
		{Row{"summary": "x", "impact": 9}, "Impact"},
		{Row{"summary": "x", "parent_id": 1}, "parent"},
		{Row{"summary": "x", "customfields": []Row{{"id": 153, "value": 99}}}, "valid value for Severity"},
	} {
		c.refuse("/Tickets", x.row, x.want)
	}
	disabled := 0
	for _, id := range c.srv.Tenant().IDs("/Agent") {
		if c.srv.Tenant().Get("/Agent", id)["isdisabled"] == true {
			disabled = id
		}
	}
	c.refuse("/Tickets", Row{"summary": "x", "agent_id": disabled}, "not available")
	if status, _, _ := c.do("POST", "/Tickets", []Row{{"id": 99999, "summary": "x"}}); status != 404 {
		t.Errorf("an update of nothing: %d", status)
	}
	c.srv.Tenant().Update("/FieldInfo", 152, Row{"mandatory": true})
	c.refuse("/Tickets", Row{"summary": "x"}, "value for External ref")
	strict := newClient(t, Small(), &Options{TypesRequired: true, RefusePriority: true})
	strict.refuse("/Tickets", Row{"summary": "x"}, "Ticket Type")
	strict.refuse("/Tickets", Row{"summary": "x", "tickettype_id": 1}, "Customer")
	strict.refuse("/Tickets", Row{"summary": "x", "tickettype_id": 1, "client_id": 12, "priority_id": 77}, "Priority")
}

// An update merges; what it does not name stays.
func TestTicketUpdate(t *testing.T) {
	c := newClient(t, Small(), nil)
	tenant := c.srv.Tenant()
	before := tenant.Get("/Tickets", 4322)
	got := c.post("/Tickets", Row{"id": 4322, "summary": "changed", "client_id": nil, "last_update": "2001-01-01", "customfields": []Row{{"id": 152, "value": "one"}}})
	after := tenant.Get("/Tickets", 4322)
	if got["id"] != 4322 || after["summary"] != "changed" || after["client_id"] != before["client_id"] || after["status_id"] != before["status_id"] || after["changeseq"] != integer(before["changeseq"])+1 {
		t.Errorf("before %v\nafter %v", before, after)
	}
	if !when(after["last_update"]).After(when(before["last_update"])) {
		t.Error("last_update did not move")
	}
	c.post("/Tickets", Row{"id": 4322, "customfields": []Row{{"id": 155, "value": "1,2"}}})
	if v := fmt.Sprint(tenant.Get("/Tickets", 4322)["customfields"]); !strings.Contains(v, "one") || !strings.Contains(v, "1,2") {
		t.Errorf("custom fields %s", v)
	}
	c.post("/Tickets", Row{"id": 4322, "customfields": []Row{{"id": 152, "value": ""}}})
	if v := fmt.Sprint(tenant.Get("/Tickets", 4322)["customfields"]); strings.Contains(v, "one") {
		t.Errorf("an emptied field stays: %s", v)
	}
	// A priority of another SLA is replaced without a word.
	if got := c.post("/Tickets", Row{"id": 4322, "priority_id": 9}); got["priority_id"] != 3 {
		t.Errorf("priority %v", got["priority_id"])
	}
	// Another client takes its own site, and its General User.
	got = c.post("/Tickets", Row{"id": 4322, "client_id": 14})
	if s := tenant.Get("/Site", integer(got["site_id"])); s["client_id"] != 14 || tenant.Get("/Users", integer(got["user_id"]))["$general"] != true {
		t.Errorf("site %v, user %v", s, got["user_id"])
	}
	// Closing and reopening.
	got = c.post("/Tickets", Row{"id": 4322, "status_id": 9})
	if got["hasbeenclosed"] != true || text(got["dateclosed"]) == "" {
		t.Errorf("closed: %v", got)
	}
	if got = c.post("/Tickets", Row{"id": 4322, "status_id": 1}); got["hasbeenclosed"] != nil || got["dateclosed"] != nil {
		t.Errorf("reopened: %v", got)
	}
	clears := newClient(t, Small(), &Options{NullClears: true})
	clears.post("/Tickets", Row{"id": 4322, "details": nil, "summary": "s"})
	if v := clears.srv.Tenant().Get("/Tickets", 4322)["details"]; v != nil {
		t.Errorf("null left %v", v)
	}
}

func TestTicketDeleteAndRecover(t *testing.T) {
	c := newClient(t, Small(), nil)
	if status, body, _ := c.do("DELETE", "/Tickets/4321?reason=x", nil); status != 200 || !strings.Contains(string(body), `"id":4321`) {
		t.Fatalf("%d %s", status, body)
	}
	for _, path := range []string{"/Tickets/4321", "/Actions/1?ticket_id=4321"} {
		if status, _, _ := c.do("GET", path, nil); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if len(c.rows("/Tickets")) != 13 || len(c.rows("/Actions?ticket_id=4321")) != 0 {
		t.Error("lists show the deleted ticket")
	}
	if d := c.rows("/Tickets?deleted=true"); len(d) != 1 || d[0]["id"] != 4321 {
		t.Errorf("deleted tickets %v", d)
	}
	if status, _, _ := c.do("POST", "/Tickets", []Row{{"id": 4321, "summary": "x"}}); status != 404 {
		t.Errorf("an update of a deleted ticket: %d", status)
	}
	c.post("/Tickets", Row{"id": 4321, "_recover": true, "_validate_updates": true})
	if got := c.one("/Tickets/4321"); got["deleted"] != nil || len(c.rows("/Actions?ticket_id=4321")) == 0 {
		t.Errorf("recovered: %v", got)
	}
	tenant := c.srv.Tenant()
	tenant.MergeTicket(4323, 4321)
	if got := c.one("/Tickets/4323"); got["merged_into_id"] != 4321 || got["hasbeenclosed"] != true {
		t.Errorf("merged: %v", got)
	}
}

func TestActions(t *testing.T) {
	c := newClient(t, Small(), nil)
	tenant := c.srv.Tenant()
	tenant.Update("/Outcome", 2, Row{"hidden": false}) // of the system all the same
	ticket := c.post("/Tickets", Row{"summary": "x", "tickettype_id": 2})["id"]
	for _, x := range []struct {
		row  Row
		want string
	}{
		{Row{"note": "x", "outcome_id": 7}, "ticket_id"},
		{Row{"ticket_id": 1, "note": "x", "outcome_id": 7}, "ticket_id"},
		{Row{"ticket_id": ticket, "note": "x"}, `"An Outcome must be entered for this Action"`},
		{Row{"ticket_id": ticket, "note": "x", "outcome_id": 999}, `"You do not have access to this Action at the moment"`},
		{Row{"ticket_id": ticket, "note": "x", "outcome_id": 10}, "You do not have access"},
		{Row{"ticket_id": ticket, "note": "x", "outcome_id": 2}, "You do not have access"},
		{Row{"ticket_id": ticket, "note": "x", "outcome": "Nonsense"}, "You do not have access"},
		{Row{"ticket_id": ticket, "outcome_id": 7}, "Please enter a Note"},
		{Row{"ticket_id": ticket, "outcome_id": 7, "note": "x", "timetaken": -1}, "negative"},
		{Row{"ticket_id": ticket, "outcome_id": 7, "note": "x", "chargerate": 99}, "Charge Rate"},
		{Row{"ticket_id": ticket, "outcome_id": 7, "note": "x", "who_agentid": 999}, "Agent"},
		{Row{"ticket_id": ticket, "outcome_id": 7, "note": "x", "new_status": 101}, "valid Status"},
	} {
		c.refuse("/Actions", x.row, x.want)
	}
	note := c.post("/Actions", Row{"ticket_id": ticket, "outcome_id": 7, "note_html": "<p>Synced</p>"})
	if note["id"] != 2 || note["note"] != "Synced" || note["hiddenfromuser"] != true || note["who"] != "Sync API" || note["actionby_application_id"] != "Sync API" || note["outcome"] != "Internal Note" {
		t.Errorf("note %v", note)
	}
	agent := 5
	work := c.post("/Actions", Row{"ticket_id": ticket, "outcome": "Public Note", "note": "Fixed", "timetaken": 0.25, "chargerate": 1, "who": "Dana Ruiz", "who_type": 1, "who_agentid": agent, "sendemail": false})
	if work["id"] != 3 || work["hiddenfromuser"] != false || work["who_agentid"] != agent || text(work["actionarrivaldate"]) == "" || number(work["timetaken"]) != 0.25 {
		t.Errorf("time entry %v", work)
	}
	if rows := c.rows(fmt.Sprintf("/Actions?ticket_id=%v&timeentriesonly=true", ticket)); len(rows) != 1 || rows[0]["id"] != 3 || rows[0]["note_html"] != nil {
		t.Errorf("time entries %v", rows)
	}
	if rows := c.rows(fmt.Sprintf("/Actions?ticket_id=%v&excludesys=true&includehtmlnote=true", ticket)); len(rows) != 2 || rows[0]["note_html"] != "<p>Fixed</p>" {
		t.Errorf("without system rows %v", rows)
	}
	// The ticket's stamps move with its actions.
	before := when(tenant.Get("/Tickets", integer(ticket))["last_update"])
	c.post("/Actions", Row{"ticket_id": ticket, "id": 2, "note": "Corrected"})
	if got := c.one(fmt.Sprintf("/Actions/2?ticket_id=%v", ticket)); got["note"] != "Corrected" || got["outcome_id"] != 7 {
		t.Errorf("corrected: %v", got)
	}
	if !when(tenant.Get("/Tickets", integer(ticket))["last_update"]).After(before) {
		t.Error("last_update did not move")
	}
	// Numbers start anew in each ticket and are not given twice.
	other := c.post("/Tickets", Row{"summary": "y", "tickettype_id": 2})["id"]
	if a := c.post("/Actions", Row{"ticket_id": other, "outcome_id": 7, "note": "x"}); a["id"] != 2 {
		t.Errorf("first note of another ticket is %v", a["id"])
	}
	if status, body, _ := c.do("DELETE", "/Actions/2", nil); status != 400 || string(body) != `"ticket_id must be included when deleting an Action"` {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := c.do("DELETE", fmt.Sprintf("/Actions/2?ticket_id=%v", other), nil); status != 200 {
		t.Errorf("delete: %d", status)
	}
	if a := c.post("/Actions", Row{"ticket_id": other, "outcome_id": 7, "note": "x"}); a["id"] != 3 {
		t.Errorf("after a delete the next one is %v", a["id"])
	}
	if status, _, _ := c.do("GET", "/Actions/3", nil); status != 400 {
		t.Errorf("an action without its ticket: %d", status)
	}
	// Invoiced time is not touched any more.
	tenant.Update(fmt.Sprintf("/Tickets/%v/Actions", ticket), 3, Row{"actioninvoicenumber": "INV-1"})
	c.refuse("/Actions", Row{"ticket_id": ticket, "id": 3, "timetaken": 1.0}, "invoiced")
	if status, _, _ := c.do("DELETE", fmt.Sprintf("/Actions/3?ticket_id=%v", ticket), nil); status != 400 {
		t.Errorf("delete of invoiced time: %d", status)
	}
}

func TestActionsMoveTickets(t *testing.T) {
	c := newClient(t, Small(), nil)
	tenant := c.srv.Tenant()
	id := integer(c.post("/Tickets", Row{"summary": "x", "tickettype_id": 2, "client_id": 12})["id"])
	status := func() any { return tenant.Get("/Tickets", id)["status_id"] }
	a := c.post("/Actions", Row{"ticket_id": id, "outcome_id": 7, "note": "x", "new_status": 2, "new_priority": 4, "new_agent": 5})
	if got := tenant.Get("/Tickets", id); got["status_id"] != 2 || got["priority_id"] != 4 || got["agent_id"] != 5 || a["new_status_name"] != "In Progress" || a["old_status"] != 1 {
		t.Errorf("%v %v", got, a)
	}
	c.post("/Actions", Row{"ticket_id": id, "outcome_id": 6, "note": "done"})
	if got := tenant.Get("/Tickets", id); status() != 9 || got["hasbeenclosed"] != true {
		t.Errorf("the closing action left %v", got)
	}
	// Two at once: each sees what the one before did; both fall with the second.
	_, body, _ := c.do("POST", "/Actions", []Row{{"ticket_id": id, "outcome_id": 7, "note": "a", "new_status": 1}, {"ticket_id": id, "note": "b"}})
	if !strings.Contains(string(body), "An Outcome") || status() != 9 || len(tenant.IDs(fmt.Sprintf("/Tickets/%d/Actions", id))) != 3 {
		t.Errorf("a refused batch left %v and %d actions", status(), len(tenant.IDs(fmt.Sprintf("/Tickets/%d/Actions", id))))
	}
	// A workflow allows only what leaves its step, and what is always allowed.
	flow := integer(c.post("/Tickets", Row{"summary": "x", "tickettype_id": 1})["id"])
	c.refuse("/Actions", Row{"ticket_id": flow, "outcome_id": 5, "note": "x"}, "You do not have access")
	c.post("/Actions", Row{"ticket_id": flow, "outcome_id": 9, "note": "x"})
	if got := tenant.Get("/Tickets", flow); got["workflow_step"] != 2 {
		t.Errorf("step %v", got["workflow_step"])
	}
	c.refuse("/Actions", Row{"ticket_id": flow, "outcome_id": 9, "note": "x"}, "You do not have access")
}

func TestBatches(t *testing.T) {
	rows := []Row{{"summary": "a"}, {"summary": "b"}, {"details": "no summary"}}
	c := newClient(t, Small(), nil)
	if status, _, _ := c.do("POST", "/Tickets", rows); status != 400 || len(c.srv.Tenant().IDs("/Tickets")) != 14 {
		t.Errorf("%d, %d tickets", status, len(c.srv.Tenant().IDs("/Tickets")))
	}
	c = newClient(t, Small(), &Options{PartialFailures: true, ManyAsArray: true, WriteStatus: 200})
	if status, _, _ := c.do("POST", "/Tickets", rows); status != 400 || len(c.srv.Tenant().IDs("/Tickets")) != 16 {
		t.Errorf("%d, %d tickets", status, len(c.srv.Tenant().IDs("/Tickets")))
	}
	if status, body, _ := c.do("POST", "/Tickets", rows[:2]); status != 200 || body[0] != '[' {
		t.Errorf("%d %s", status, body)
	}
}

func TestMail(t *testing.T) {
	c := newClient(t, Small(), nil)
	user := c.srv.Tenant().Get("/Users", c.someUser(12))
	ticket := func(more Row) int {
		row := Row{"summary": "x", "tickettype_id": 2, "site_id": user["site_id"], "user_id": user["id"]}
		for k, v := range more {
			row[k] = v
		}
		return integer(c.post("/Tickets", row)["id"])
	}
	sent := func(want ...string) {
		t.Helper()
		var got []string
		for _, m := range c.srv.Mail() {
			got = append(got, m.To+" "+m.Reason)
		}
		if strings.Join(got, ",") != strings.Join(want, ",") || c.srv.MailSent() != len(want) {
			t.Errorf("mail %q, want %q", got, want)
		}
		c.srv.ClearCounters()
	}
	id := ticket(nil)
	sent("contact ticket acknowledged")
	ticket(Row{"sendack": false})
	ticket(Row{"tickettype_id": 5})
	ticket(Row{"_isimport": true})
	ticket(Row{"user_id": -1, "sendack": true})
	sent()
	ticket(Row{"tickettype_id": 5, "sendack": true})
	sent("contact ticket acknowledged")
	c.post("/Actions", Row{"ticket_id": id, "outcome_id": 4, "note": "x", "sendemail": false})
	c.post("/Actions", Row{"ticket_id": id, "outcome_id": 3, "note": "x"})
	sent()
	c.post("/Actions", Row{"ticket_id": id, "outcome_id": 3, "note": "x", "sendemail": true})
	c.post("/Actions", Row{"ticket_id": id, "outcome_id": 4, "note": "x"})
	sent("contact action Public Note", "contact action Email User")
	c.post("/Tickets", Row{"id": id, "status_id": 9, "agent_id": 5})
	sent()
	c = newClient(t, Small(), &Options{Notify: true})
	id = ticket(Row{"sendack": false})
	c.post("/Tickets", Row{"id": id, "status_id": 9, "agent_id": 5})
	sent("contact ticket closed", "resource ticket assigned")
	for _, quiet := range []string{"dont_do_rules", "_dont_fire_automations"} {
		c.post("/Tickets", Row{"id": id, "status_id": 1, "agent_id": 1, quiet: true})
		c.post("/Tickets", Row{"id": id, "status_id": 9, "agent_id": 6, quiet: true})
	}
	sent()
}

func TestPeople(t *testing.T) {
	c := newClient(t, Small(), nil)
	tenant := c.srv.Tenant()
	c.refuse("/Users", Row{"firstname": "Jo"}, `"Username must be entered"`)
	c.refuse("/Users", Row{"name": "Jo", "client_id": 12}, `"A Site must be selected"`)
	site := tenant.Get("/Client", 12)["main_site_id"]
	c.refuse("/Users", Row{"name": "Jo", "client_id": 13, "site_id": site}, "does not belong")
	u := c.post("/Users", Row{"name": "Jo", "firstname": "Jo", "emailaddress": "jo@acme.example", "client_id": 12, "site_id": site})
	if u["client_id"] != 12 || u["site_id_int"] != site || number(u["site_id"]) != float64(integer(site)) {
		t.Errorf("%v", u)
	}
	if _, isFloat := u["site_id"].(float64); !isFloat {
		t.Errorf("Users.site_id is %T", u["site_id"])
	}
	c.refuse("/Site", Row{"name": "New"}, "Customer")
	c.refuse("/Site", Row{"client_id": 12}, "Site Name")
	s := c.post("/Site", Row{"name": "New", "client_id": 12})
	if g := c.rows(fmt.Sprintf("/Users?site_id=%v", s["id"])); len(g) != 1 || g[0]["name"] != "General User" {
		t.Errorf("users of a new site: %v", g)
	}
	if g := c.rows(fmt.Sprintf("/Users?site_id=%v&exclude_generaluser=true", s["id"])); len(g) != 0 {
		t.Errorf("users of a new site: %v", g)
	}
	c.refuse("/Client", Row{"toplevel_id": 1}, "Name")
	c.refuse("/Client", Row{"name": "New"}, "Top Level")
	c.refuse("/Client", Row{"name": "New", "toplevel_id": 3}, "Top Level")
	n := c.post("/Client", Row{"name": "New", "toplevel_id": 1, "newclient_sitename": "HQ", "newclient_contactname": "Ann", "newclient_contactemail": "ann@new.example"})
	if n["main_site_name"] != "HQ" {
		t.Errorf("%v", n)
	}
	if p := c.rows(fmt.Sprintf("/Users?client_id=%v&exclude_generaluser=true", n["id"])); len(p) != 1 || p[0]["emailaddress"] != "ann@new.example" {
		t.Errorf("people of a new client: %v", p)
	}
	// The new client has the site of its own as main site only.
	c.refuse("/Client", Row{"id": 12, "main_site_id": n["main_site_id"]}, "valid Site")
	for _, path := range []string{"/Client/1", "/Agent/1", "/Status/1"} {
		if status, _, _ := c.do("DELETE", path, nil); status != 400 {
			t.Errorf("DELETE %s: %d", path, status)
		}
	}
	if status, _, _ := c.do("DELETE", fmt.Sprintf("/Users/%v", u["id"]), nil); status != 200 || tenant.Get("/Users", integer(u["id"])) != nil {
		t.Errorf("DELETE: %d", status)
	}
}

func TestConfigurationWrites(t *testing.T) {
	c := newClient(t, Small(), nil)
	s := c.post("/Status", Row{"name": "Parked"})
	if s["type"] != 0 || c.post("/Status", Row{"id": s["id"], "colour": "#000000"})["name"] != "Parked" {
		t.Errorf("%v", s)
	}
	c.refuse("/Status", Row{"colour": "#fff"}, "name")
	c.refuse("/Agent", Row{"name": "New Agent"}, "email")
	c.refuse("/Category", Row{"value": "X", "type_id": 9}, "category type")
	c.refuse("/Priority", Row{"name": "P9", "slaid": 99}, "SLA")
	c.refuse("/Team", Row{"name": "T", "department_id": 99}, "department")
	p := c.post("/Priority", Row{"name": "P9", "slaid": 1})
	if p["priorityid"] != 5 {
		t.Errorf("%v", p)
	}
	if got := c.post("/Priority", Row{"id": p["id"], "name": "P9b"}); got["id"] != p["id"] || got["name"] != "P9b" || got["priorityid"] != 5 {
		t.Errorf("%v", got)
	}
	if status, _, _ := c.do("DELETE", "/Priority/"+text(p["id"]), nil); status != 200 {
		t.Errorf("DELETE: %d", status)
	}
	l := c.post("/Lookup", Row{"lookupid": 17, "id": 40, "name": "Weekend"})
	if l["id"] != 40 || l["lookupid"] != 17 {
		t.Errorf("%v", l)
	}
	if l := c.post("/Lookup", Row{"lookupid": 17, "name": "Bank holiday"}); l["id"] != 41 {
		t.Errorf("%v", l)
	}
	if status, _, _ := c.do("POST", "/Status", `{"name":"bare"}`); status != 400 {
		t.Errorf("a bare object: %d", status)
	}
}

func TestTimesheetEvents(t *testing.T) {
	c := newClient(t, Small(), nil)
	id := integer(c.post("/Tickets", Row{"summary": "x", "tickettype_id": 2, "client_id": 12})["id"])
	c.refuse("/TimesheetEvent", Row{"ticket_id": id, "note": "x"}, "start and end date")
	c.refuse("/TimesheetEvent", Row{"ticket_id": id, "note": "x", "start_date": "2026-09-01T09:00:00Z", "end_date": "2026-09-01T09:00:00Z"}, "after the start")
	ev := c.post("/TimesheetEvent", Row{
		"ticket_id": id, "agent_id": 5, "charge_rate": 1, "note": "Rebooted", "start_date": "2026-09-01T09:00:00.000Z", "end_date": "2026-09-01T09:15:00+00:00", "event_type": 0, "lognewticket": false,
	})
	if ev["action_number"] != 2 || number(ev["timetaken"]) != 0.25 || ev["start_date"] != "2026-09-01T09:00:00" || ev["agent_id"] != 5 || ev["client_id"] != 12 {
		t.Errorf("%v", ev)
	}
	a := c.one(fmt.Sprintf("/Actions/2?ticket_id=%d", id))
	if a["note"] != "Rebooted" || number(a["timetaken"]) != 0.25 || a["chargerate"] != 1 || a["hiddenfromuser"] != true {
		t.Errorf("%v", a)
	}
	if rows := c.rows("/TimesheetEvent?start_date=2026-09-01&agent_id=5"); len(rows) != 1 || rows[0]["id"] != ev["id"] {
		t.Errorf("%v", rows)
	}
	got := c.post("/TimesheetEvent", Row{"id": ev["id"], "note": "Rebooted twice", "timetaken": 0.5})
	if got["id"] != ev["id"] || got["note"] != "Rebooted twice" || number(got["timetaken"]) != 0.5 {
		t.Errorf("%v", got)
	}
	path := fmt.Sprintf("/TimesheetEvent/%v", ev["id"])
	if c.one(path)["action_number"] != 2 {
		t.Error("the event is not found")
	}
	if status, _, _ := c.do("DELETE", path, nil); status != 200 || len(c.rows(fmt.Sprintf("/Actions?ticket_id=%d", id))) != 1 {
		t.Errorf("DELETE: %d", status)
	}
}
