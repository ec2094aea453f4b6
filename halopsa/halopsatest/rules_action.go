package halopsatest

import (
	"fmt"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// action checks a note or time entry and works out what it does to its ticket.
func (w *writer) action() *apiError {
	t := w.c.t
	number := integer(w.row["ticket_id"])
	ticket, ok := t.row(w.tx, "/Tickets", number)
	if !ok || ticket.Field("deleted") == true || w.c.s.core.Rights.Hidden("/Tickets", number) {
		return refused(w.key("ticket_id"), "Please select a valid ticket_id")
	}
	if !w.creating() && !blank(w.old["actioninvoicenumber"]) {
		return refusedText("This Action has been invoiced and cannot be edited")
	}
	outcome, err := w.outcome(ticket)
	if err != nil {
		return err
	}
	w.actionText()
	if w.creating() && blank(w.row["note"]) {
		return refused(w.key("note"), "Please enter a Note")
	}
	if err := w.actionTime(); err != nil {
		return err
	}
	if err := w.author(); err != nil {
		return err
	}
	w.row["last_updated"] = w.now()
	if w.row["hiddenfromuser"] == nil {
		w.row["hiddenfromuser"] = outcome.Field("hidefromuser") == true
	}
	if !w.creating() {
		w.after = append(w.after, func() { w.touch(simulator.CloneObject(ticket.Fields())) })
		return nil
	}
	return w.applyAction(ticket, outcome)
}

// outcome finds the action type; a new action needs one that its ticket allows
// now.
func (w *writer) outcome(ticket simulator.Row) (simulator.Row, *apiError) {
	t := w.c.t
	id := integer(w.row["outcome_id"])
	if name := text(w.in["outcome"]); id == 0 && name != "" {
		for o := range w.tx.Table("/Outcome").All(-1) {
			if strings.EqualFold(text(o.Field("outcome")), name) {
				id = o.ID
				break
			}
		}
		if id == 0 {
			return simulator.Row{}, refusedText(noAccess)
		}
	}
	if id <= 0 {
		return simulator.Row{}, refusedText("An Outcome must be entered for this Action")
	}
	o, ok := t.row(w.tx, "/Outcome", id)
	if !w.creating() {
		if !ok {
			o = simulator.NewRow(id, Row{})
		}
		return o, nil
	}
	if !ok || o.Field("hidden") == true || integer(o.Field("systemid")) != 0 || !w.reachable(ticket, id) {
		return simulator.Row{}, refusedText(noAccess)
	}
	w.row["outcome_id"] = id
	return o, nil
}

// noAccess is the vendor's refusal of an action type.
const noAccess = "You do not have access to this Action at the moment"

// reachable reports whether the ticket's type and workflow step allow an
// outcome.
func (w *writer) reachable(ticket simulator.Row, outcome int) bool {
	t := w.c.t
	if typ, ok := t.row(w.tx, "/TicketType", integer(ticket.Field("tickettype_id"))); ok && typ.Field("allowall_actions") == false {
		allowed := false
		for _, a := range objects(typ.Field("allowed_actions")) {
			allowed = allowed || integer(a["action_id"]) == outcome || integer(a["id"]) == outcome
		}
		if !allowed {
			return false
		}
	}
	flow, ok := t.row(w.tx, "/Workflow", integer(ticket.Field("workflow_id")))
	if !ok {
		return true
	}
	for _, a := range objects(flow.Field("always_allow_actions")) {
		if integer(a["id"]) == outcome {
			return true
		}
	}
	_, ok = edge(flow, integer(ticket.Field("workflow_step")), outcome)
	return ok
}

// edge finds where an outcome leads from a step of a workflow.
func edge(flow simulator.Row, step, outcome int) (int, bool) {
	for _, s := range objects(flow.Field("steps")) {
		if integer(s["step_id"]) != step {
			continue
		}
		for _, a := range objects(s["actions"]) {
			if integer(a["action_id"]) == outcome {
				return integer(a["end_step"]), true
			}
		}
	}
	return 0, false
}

func (w *writer) actionText() {
	switch {
	case w.given("note_html"):
		w.row["note"] = plain(text(w.in["note_html"]))
	case w.given("note"):
		w.row["note_html"] = rich(text(w.in["note"]))
	}
}

// actionTime checks hours and charge rate and fills in start and end.
func (w *writer) actionTime() *apiError {
	for _, k := range []string{"timetaken", "nonbilltime", "traveltime"} {
		if number(w.row[k]) < 0 {
			return refused(w.key(k), "Time cannot be negative")
		}
	}
	if r := integer(w.in["chargerate"]); r > 0 && w.c.t.lookupName(w.tx, lookupChargeRates, r) == nil {
		return refused(w.key("chargerate"), "Please select a valid Charge Rate")
	}
	if w.row["datetime"] == nil {
		w.row["datetime"] = w.now()
	}
	if w.row["timetaken"] == nil {
		w.row["timetaken"] = 0.0
	}
	hours := number(w.row["timetaken"])
	if hours == 0 {
		return nil
	}
	if w.row["actioncompletiondate"] == nil {
		w.row["actioncompletiondate"] = w.row["datetime"]
	}
	if w.row["actionarrivaldate"] == nil {
		w.row["actionarrivaldate"] = stamp(when(w.row["actioncompletiondate"]).Add(-time.Duration(hours * float64(time.Hour))))
	}
	if w.row["$event"] == nil {
		w.after = append(w.after, func() {
			row := simulator.CloneObject(w.row)
			row["$event"] = w.c.t.nextEvent(w.tx)
			w.c.t.keep(w.tx, w.c.t.api.byPath["/actions"], w.id, row)
		})
	}
	return nil
}

// firstEvent is the id of the first timesheet event made through the API;
// lower ones are those of generated actions.
const firstEvent = 1 << 30

func (t *Tenant) nextEvent(tx *simulator.Tx) int {
	seq := tx.Table("$events")
	id := max(seq.NextID(), firstEvent)
	seq.Put(id, Row{})
	return id
}

// author fills in who wrote the action: the application's agent unless another
// one is named.
func (w *writer) author() *apiError {
	t := w.c.t
	if !w.creating() {
		return nil
	}
	if id := integer(w.in["who_agentid"]); id > 0 {
		if _, ok := t.row(w.tx, "/Agent", id); !ok {
			return refused(w.key("who_agentid"), "Please select a valid Agent")
		}
	} else if blank(w.in["who"]) {
		w.row["who_agentid"], w.row["who_type"] = w.c.creds.AgentID, whoAgent
	}
	if w.row["who_type"] == nil {
		w.row["who_type"] = whoAgent
	}
	w.row["actionby_application_id"], w.row["actionby_agent_id"], w.row["actiondatecreated"] = w.c.creds.Application, w.c.creds.AgentID, w.now()
	return nil
}

// applyAction makes the new_ keys and the outcome's status change the ticket,
// and counts mail.
func (w *writer) applyAction(ticket, outcome simulator.Row) *apiError {
	change := Row{"id": ticket.ID}
	for key, to := range map[string]string{
		"new_status": "status_id", "new_priority": "priority_id", "new_agent": "agent_id", "new_team": "team", "new_impact": "impact", "new_urgency": "urgency", "new_sla_id": "sla_id",
		"new_category1": "category_1", "new_category2": "category_2", "new_category3": "category_3", "new_category4": "category_4",
	} {
		if v := w.in[key]; v != nil && v != 0 && v != -1 {
			change[to] = v
		}
	}
	if n := integer(outcome.Field("newstatus")); n > 0 && change["status_id"] == nil {
		change["status_id"] = n
	}
	w.row["old_status"] = ticket.Field("status_id")
	if change["status_id"] != nil {
		w.row["new_status"] = change["status_id"]
	}
	for _, k := range []string{"dont_do_rules", "_novalidate"} {
		change[k] = w.in[k]
	}
	// The ticket is checked like a write of its own.
	tw := &writer{c: w.c, tx: w.tx, e: w.c.t.api.byPath["/tickets"], at: w.at, in: change}
	if err := tw.prepare(); err != nil {
		return err
	}
	if flow, ok := w.c.t.row(w.tx, "/Workflow", integer(ticket.Field("workflow_id"))); ok {
		if step, ok := edge(flow, integer(ticket.Field("workflow_step")), outcome.ID); ok {
			tw.row["workflow_step"] = step
		}
	}
	mail := integer(outcome.Field("sendemail")) != 0
	if v, ok := w.in["sendemail"].(bool); ok {
		mail = v
	}
	w.after = append(w.after, func() {
		w.touch(tw.row)
		for _, f := range tw.after {
			f()
		}
		w.mail = append(w.mail, tw.mail...)
		if mail {
			w.tell("contact", fmt.Sprintf("action %v", outcome.Field("outcome")), tw.row)
		}
	})
	return nil
}

// touch stores the ticket of an action with its stamps moved.
func (w *writer) touch(ticket Row) {
	e := w.c.t.api.byPath["/tickets"]
	id := integer(w.row["ticket_id"])
	ticket["lastactiondate"] = w.now()
	if !w.c.s.opts.ActionsKeep {
		ticket["last_update"] = w.now()
	}
	w.c.t.keep(w.tx, e, id, ticket)
}

// prepareEvent turns a timesheet event into the action behind it.
func (w *writer) prepareEvent() *apiError {
	from, to := when(w.in["start_date"]), when(w.in["end_date"])
	in := Row{"ticket_id": w.in["ticket_id"], "note": w.in["note"], "chargerate": w.in["charge_rate"], "who_agentid": w.in["agent_id"], "sendemail": false}
	if id := integer(w.in["id"]); id > 0 {
		found := false
		for a := range w.tx.Table("/Actions").All(-1) {
			if number(a.Field("timetaken")) != 0 && timesheetID(a) == id {
				in["ticket_id"], in["id"], found = a.ID/perParent, a.ID%perParent, true
			}
		}
		if !found {
			return notFound()
		}
	} else {
		switch {
		case !w.given("start_date") || !w.given("end_date"):
			return refused(w.key("start_date"), "Please enter a start and end date")
		case !to.After(from):
			return refused(w.key("end_date"), "The end date must be after the start date")
		case blank(w.in["note"]):
			in["note"] = w.in["subject"]
		}
		for o := range w.tx.Table("/Outcome").All(-1) {
			if o.Field("hidefromuser") == true && o.Field("hidden") != true && integer(o.Field("systemid")) == 0 && integer(o.Field("newstatus")) <= 0 {
				in["outcome_id"] = o.ID // the vendor logs it with an internal type
				break
			}
		}
	}
	if w.given("start_date") && w.given("end_date") {
		in["actionarrivaldate"], in["actioncompletiondate"], in["datetime"], in["timetaken"] = stamp(from), stamp(to), stamp(to), to.Sub(from).Hours()
	}
	if w.given("timetaken") {
		in["timetaken"] = w.in["timetaken"]
	}
	for k, v := range in {
		if v == nil {
			delete(in, k)
		}
	}
	aw := &writer{c: w.c, tx: w.tx, e: w.c.t.api.byPath["/actions"], at: w.at, in: in}
	if err := aw.prepare(); err != nil {
		return err
	}
	w.event = aw
	return nil
}

// removeEvent answers DELETE of a timesheet event: its action goes.
func (c *call) removeEvent(id int) *apiError {
	list := c.events(func(e Row) bool { return integer(e["id"]) == id })
	if len(list) == 0 {
		return notFound()
	}
	raw := c.encodeEvents(list)
	ev, _ := list[0].(map[string]any)
	e := c.t.api.byPath["/actions"]
	var err *apiError
	// The closure never fails.
	_ = c.t.change(func(tx *simulator.Tx) error {
		row, ok := c.t.find(tx, e, integer(ev["ticket_id"]), integer(ev["action_number"]))
		if !ok {
			err = notFound()
			return nil
		}
		if err = c.removable(tx, e, row); err == nil {
			c.t.drop(tx, e, row.ID)
		}
		return nil
	})
	if err == nil {
		writeRaw(c.w, 200, raw[1:len(raw)-1])
	}
	return err
}
