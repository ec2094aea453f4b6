package halopsatest

import (
	"fmt"

	"github.com/psasync/psasync/internal/simulator"
)

// ticket checks a ticket, one message at a time, and fills in what was left out.
func (w *writer) ticket() *apiError {
	if w.old != nil && w.old["deleted"] == true {
		if w.in["_recover"] != true {
			return notFound()
		}
		delete(w.row, "deleted")
	}
	if blank(w.row["summary"]) {
		return refused(w.key("summary"), "Please enter a Summary")
	}
	for _, f := range []func() *apiError{w.ticketType, w.ticketPeople, w.ticketStatus, w.ticketPriority, w.ticketTeam, w.ticketCategories, w.ticketLookups} {
		if err := f(); err != nil {
			return err
		}
	}
	w.ticketText()
	w.row["changeseq"] = integer(w.row["changeseq"]) + 1
	if w.creating() {
		w.newTicket()
	}
	w.ticketMail()
	return nil
}

func (w *writer) ticketType() *apiError {
	t := w.c.t
	id := integer(w.row["tickettype_id"])
	if id == 0 {
		if w.c.s.opts.TypesRequired {
			return refused(w.key("tickettype_id"), "Please select a Ticket Type")
		}
		for r := range w.tx.Table("/TicketType").All(-1) {
			if r.Field("visible") != false {
				w.row["tickettype_id"] = r.ID
				return nil
			}
		}
		return nil // a tenant without types
	}
	if _, ok := t.row(w.tx, "/TicketType", id); !ok {
		return refused(w.key("tickettype_id"), "Please select a valid Ticket Type")
	}
	return nil
}

func (w *writer) typeRow() simulator.Row {
	r, ok := w.c.t.row(w.tx, "/TicketType", integer(w.row["tickettype_id"]))
	if !ok {
		return simulator.NewRow(0, Row{"allowall_status": true})
	}
	return r
}

// ticketPeople makes client, site and user fit together.
func (w *writer) ticketPeople() *apiError {
	t := w.c.t
	if m, ok := w.in["userlookup"].(map[string]any); ok && !w.given("user_id") {
		w.row["user_id"] = integer(m["id"])
		w.in["user_id"] = integer(m["id"])
	}
	if !w.creating() && !w.given("client_id") && !w.given("site_id") && !w.given("user_id") {
		return nil
	}
	client, site, user := integer(w.row["client_id"]), integer(w.row["site_id"]), integer(w.row["user_id"])
	if !w.creating() && w.given("client_id") && client != integer(w.old["client_id"]) { // what belonged to the old client goes
		if !w.given("site_id") {
			site = 0
		}
		if !w.given("user_id") {
			user = 0
		}
	}
	if !w.creating() && w.given("site_id") && !w.given("client_id") {
		client = 0
	}
	if user > 0 && w.given("user_id") && !w.given("site_id") {
		return refused(w.key("site_id"), "Please select a Site")
	}
	if w.creating() && client == 0 && site == 0 && user <= 0 && w.c.s.opts.TypesRequired {
		return refused(w.key("client_id"), "Please select a Customer")
	}
	if site > 0 {
		s, ok := t.row(w.tx, "/Site", site)
		if !ok {
			return refused(w.key("site_id"), "Please select a valid Site")
		}
		owner := integer(s.Field("client_id"))
		if client != 0 && client != owner {
			return refused(w.key("site_id"), "The Site does not belong to the Customer")
		}
		client = owner
	}
	if client == 0 {
		client = unknownClient
	}
	c, ok := t.row(w.tx, "/Client", client)
	if !ok {
		return refused(w.key("client_id"), "Please select a valid Customer")
	}
	if site <= 0 {
		site = integer(c.Field("main_site_id"))
	}
	if user > 0 {
		u, ok := t.row(w.tx, "/Users", user)
		if !ok {
			return refused(w.key("user_id"), "Please select a valid User")
		}
		if at := integer(u.Field("site_id")); at != site {
			if w.given("user_id") {
				return refused(w.key("user_id"), "The User does not belong to the Site")
			}
			user = 0
		}
	}
	if user <= 0 {
		user = w.generalUser(site)
	}
	w.row["client_id"], w.row["site_id"], w.row["user_id"] = client, site, user
	if user == 0 {
		delete(w.row, "user_id")
	}
	return nil
}

// generalUser finds the General User of a site; 0 if there is none.
func (w *writer) generalUser(site int) int {
	for u := range w.tx.Table("/Users").All(-1) {
		if u.Quick("$general") == true && integer(u.Quick("site_id")) == site {
			return u.ID
		}
	}
	return 0
}

// ticketStatus checks the status and keeps what follows from it.
func (w *writer) ticketStatus() *apiError {
	t := w.c.t
	id := integer(w.row["status_id"])
	if id == 0 {
		id = max(integer(w.typeRow().Field("initial_status")), 1)
		w.row["status_id"] = id
	}
	if w.creating() || w.given("status_id") {
		if err := w.statusFits(w.key("status_id"), id); err != nil {
			return err
		}
	}
	w.close(w.row)
	if s, ok := t.row(w.tx, "/Status", id); ok {
		w.row["onhold"] = s.Field("slaaction") == "H"
	}
	return nil
}

// statusFits checks that a ticket of this type may have a status.
func (w *writer) statusFits(key string, id int) *apiError {
	s, ok := w.c.t.row(w.tx, "/Status", id)
	if !ok || integer(s.Field("type")) != 0 {
		return refused(key, "Please select a valid Status")
	}
	if w.in["_novalidate"] != true && !w.c.t.allows(w.typeRow(), id) {
		return refusedText("The selected status is not available for this ticket type")
	}
	return nil
}

// close keeps dateclosed and hasbeenclosed in step with the status.
func (w *writer) close(ticket Row) {
	s, _ := w.c.t.row(w.tx, "/Status", integer(ticket["status_id"]))
	closed := s.ID != 0 && s.Field("$closed") == true
	switch was := ticket["hasbeenclosed"] == true; {
	case closed && !was:
		ticket["hasbeenclosed"], ticket["dateclosed"] = true, w.now()
	case !closed && was:
		delete(ticket, "hasbeenclosed")
		delete(ticket, "dateclosed")
	}
}

// ticketPriority replaces a priority that the SLA does not have.
func (w *writer) ticketPriority() *apiError {
	t := w.c.t
	sla := integer(w.row["sla_id"])
	if sla <= 0 {
		sla = integer(w.typeRow().Field("default_sla"))
	}
	if _, ok := t.row(w.tx, "/SLA", sla); !ok {
		if w.given("sla_id") {
			return refused(w.key("sla_id"), "Please select a valid SLA")
		}
		return nil // a tenant without SLAs
	}
	w.row["sla_id"] = sla
	if _, ok := t.priority(w.tx, sla, integer(w.row["priority_id"])); ok {
		return nil
	}
	if w.given("priority_id") && w.c.s.opts.RefusePriority {
		return refused(w.key("priority_id"), "Please select a valid Priority")
	}
	if def := integer(w.typeRow().Field("default_priority")); def > 0 {
		if _, ok := t.priority(w.tx, sla, def); ok {
			w.row["priority_id"] = def
			return nil
		}
	}
	for p := range w.tx.Table("/Priority").All(-1) {
		if integer(p.Field("slaid")) == sla {
			w.row["priority_id"] = p.Field("priorityid")
			return nil
		}
	}
	delete(w.row, "priority_id")
	return nil
}

// ticketTeam checks the team, which is a name, and the agent.
func (w *writer) ticketTeam() *apiError {
	t := w.c.t
	if w.creating() && blank(w.row["team"]) {
		for r := range w.tx.Table("/Team").All(-1) {
			w.row["team"] = r.Field("name")
			break
		}
	}
	if w.creating() || w.given("team") {
		if name := text(w.row["team"]); name != "" {
			id := t.teamID(w.tx, name, integer(w.row["department_id"]))
			if id == nil {
				return refused(w.key("team"), "Please select a valid Team")
			}
			team, _ := t.row(w.tx, "/Team", integer(id))
			w.row["department_id"] = integer(team.Field("department_id"))
		}
	}
	agent := integer(w.row["agent_id"])
	if agent <= 0 {
		agent = unassignedAgent
		w.row["agent_id"] = agent
	}
	if w.creating() || w.given("agent_id") {
		if a, ok := t.row(w.tx, "/Agent", agent); !ok || a.Field("isdisabled") == true || a.Field("isapiagent") == true {
			return refused(w.key("agent_id"), "The selected Agent is not available")
		}
	}
	return nil
}

func (w *writer) ticketCategories() *apiError {
	for n := 1; n <= 4; n++ {
		key := fmt.Sprintf("category_%d", n)
		if v := text(w.in[key]); v != "" && w.c.t.categoryID(w.tx, n, v) == nil {
			return refused(w.key(key), "Please select a valid Category")
		}
	}
	return nil
}

// ticketLookups checks the keys that hold a code of a list.
func (w *writer) ticketLookups() *apiError {
	for key, list := range map[string]string{"impact": lookupImpact, "urgency": lookupUrgency, "source": lookupSources} {
		if n := integer(w.in[key]); n > 0 && w.c.t.lookupName(w.tx, w.c.t.lookupType(w.tx, list), n) == nil {
			return refused(w.key(key), "Please select a valid "+list)
		}
	}
	if p := integer(w.in["parent_id"]); p > 0 {
		if r, ok := w.c.t.row(w.tx, "/Tickets", p); !ok || r.Field("deleted") == true {
			return refused(w.key("parent_id"), "Please select a valid parent")
		}
	}
	return nil
}

// ticketText keeps the text and its HTML form in step.
func (w *writer) ticketText() {
	switch {
	case w.given("details_html"):
		w.row["details"] = plain(text(w.in["details_html"]))
	case w.given("details"):
		w.row["details_html"] = rich(text(w.in["details"]))
	}
}

// newTicket fills in the rest of a new ticket and makes its first action.
func (w *writer) newTicket() {
	for k, v := range map[string]any{
		"dateoccurred": w.now(), "lastactiondate": w.now(), "source": 0, "estimate": 0.0, "inactive": false, "excludefromsla": false, "flagged": false, "read": false, "details": "", "parent_id": 0,
		"workflow_id": integer(w.typeRow().Field("workflow_id")), "workflow_step": truth(integer(w.typeRow().Field("workflow_id")) > 0), "impact": 3, "urgency": 2,
	} {
		if w.row[k] == nil {
			w.row[k] = v
		}
	}
	w.after = append(w.after, func() {
		w.c.t.keep(w.tx, w.c.t.api.byPath["/actions"], w.id*perParent+1, Row{
			"ticket_id": w.id, "outcome_id": outcomeOpened, "who_type": whoUser, "who_agentid": 0, "who": text(w.c.t.name(w.tx, "/Users", w.row["user_id"])), "datetime": w.now(), "actiondatecreated": w.now(), "last_updated": w.now(),
			"note": w.row["details"], "note_html": w.row["details_html"], "hiddenfromuser": false, "timetaken": 0.0, "actionby_application_id": w.c.creds.Application, "actionby_agent_id": w.c.creds.AgentID,
		})
	})
}

// quiet reports whether the customer's automation was told to stay silent.
func (w *writer) quiet() bool {
	return w.in["dont_do_rules"] == true || w.in["_dont_fire_automations"] == true || w.in["_isimport"] == true
}

// ticketMail counts what the contact and the agent are told.
func (w *writer) ticketMail() {
	ack := integer(w.typeRow().Field("default_sendack")) != 0
	if v, ok := w.in["sendack"].(bool); ok {
		ack = v
	}
	rules := w.c.s.opts.Notify && !w.quiet()
	wasClosed := w.old != nil && w.old["hasbeenclosed"] == true
	agent := integer(w.row["agent_id"])
	w.after = append(w.after, func() {
		if w.creating() && ack && w.in["_isimport"] != true {
			w.tell("contact", "ticket acknowledged", w.row)
		}
		if rules && w.row["hasbeenclosed"] == true && !wasClosed {
			w.tell("contact", "ticket closed", w.row)
		}
		if rules && agent != unassignedAgent && (w.old == nil || integer(w.old["agent_id"]) != agent) {
			w.tell("resource", "ticket assigned", w.row)
		}
	})
}

// tell counts a mail about a ticket; a contact without an address, or who never
// wants mail, gets none.
func (w *writer) tell(to, reason string, ticket Row) {
	id := w.id
	if w.e.parent != "" || w.e.entity == "TimesheetEvent" {
		id /= perParent
	}
	if to == "contact" {
		u, ok := w.c.t.row(w.tx, "/Users", integer(ticket["user_id"]))
		if !ok || blank(u.Field("emailaddress")) || u.Field("neversendemails") == true {
			return
		}
	}
	w.mail = append(w.mail, Mail{Time: w.c.t.clock.Now(), To: to, Reason: reason, Record: fmt.Sprintf("/Tickets/%d", id)})
}
