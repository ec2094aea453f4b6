package halopsatest

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/psasync/psasync/internal/simulator"
)

// get answers GET of one row; id is that of the table.
func (c *call) get(e *endpoint, id int) *apiError {
	raw, err := c.encodeOne(e, id, shape{single: true, details: c.q.flag("includedetails"), q: c.q})
	if err != nil {
		return err
	}
	writeRaw(c.w, http.StatusOK, raw)
	return nil
}

// encodeOne writes one row, unless it is missing, deleted or hidden.
func (c *call) encodeOne(e *endpoint, id int, s shape) ([]byte, *apiError) {
	if c.s.core.Rights.Hidden(e.path, id) {
		return nil, notFound()
	}
	var b bytes.Buffer
	var err *apiError
	c.t.store.View(func(tx *simulator.Tx) {
		row, ok := c.t.find(tx, e, parentOf(e, id), number1(e, id))
		if ok && e.entity == "Action" {
			t, there := c.t.row(tx, "/Tickets", id/perParent)
			ok = there && t.Field("deleted") != true && !c.s.core.Rights.Hidden("/Tickets", t.ID)
		}
		if !ok || row.Field("deleted") == true {
			err = notFound()
			return
		}
		(&encoder{t: c.t, tx: tx, buf: &b}).row(e, row, s)
	})
	return b.Bytes(), err
}

// timesheetID is the id of the timesheet event behind an action with time.
func timesheetID(action simulator.Row) int {
	if n := integer(action.Field("$event")); n > 0 {
		return n
	}
	// Actions of virtual tickets have none stored.
	return action.ID/perParent*100 + action.ID%perParent
}

// event makes the timesheet event of an action with time.
func (t *Tenant) event(tx *simulator.Tx, a simulator.Row) Row {
	ticket, _ := t.row(tx, "/Tickets", a.ID/perParent)
	if ticket.ID == 0 {
		return nil
	}
	te := t.api.byPath["/tickets"]
	from := func(k string) any { return t.view(tx, te, ticket, k, shape{}) }
	return Row{
		"id": timesheetID(a), "event_type": 0, "subject": from("summary"), "start_date": a.Field("actionarrivaldate"), "end_date": a.Field("actioncompletiondate"),
		"timetaken": number(a.Field("timetaken")), "agent_id": a.Field("who_agentid"), "break_type": 0, "ticket_id": ticket.ID, "action_number": a.ID % perParent,
		"action_invoice_number": a.Field("actioninvoicenumber"), "note": a.Field("note"), "customer": from("client_name"), "client_id": from("client_id"), "site_id": from("site_id"),
		"user_name": from("user_name"), "charge_rate": a.Field("chargerate"), "traveltime": a.Field("traveltime"), "mileage": a.Field("mileage"),
		"tickettype_id": from("tickettype_id"), "contract_id": -1,
	}
}

// events lists the timesheet events of all tickets with stored actions.
func (c *call) events(keep func(Row) bool) []any {
	out := []any{}
	c.t.store.View(func(tx *simulator.Tx) {
		for a := range tx.Table("/Actions").All(-1) {
			if number(a.Field("timetaken")) == 0 {
				continue
			}
			if ev := c.t.event(tx, a); ev != nil && keep(ev) {
				out = append(out, ev)
			}
		}
	})
	slices.SortFunc(out, func(a, b any) int { return integer(a.(Row)["id"]) - integer(b.(Row)["id"]) })
	return out
}

// timesheet answers the list of timesheet events.
func (c *call) timesheet() *apiError {
	agents, byAgent := c.q.ints("agents")
	if one, ok := c.q.ints("agent_id"); ok {
		agents, byAgent = one, true
	}
	from, hasFrom := parseTime(c.q["start_date"])
	to, hasTo := parseTime(c.q["end_date"])
	list := c.events(func(e Row) bool {
		at := when(e["start_date"])
		return (!byAgent || agents[integer(e["agent_id"])]) && (!hasFrom || !at.Before(from)) && (!hasTo || !at.After(to))
	})
	e := c.t.api.byPath["/timesheetevent"]
	c.wrap(e, c.encodeEvents(list), len(list), 0, 0)
	return nil
}

// timesheetEvent answers one timesheet event.
func (c *call) timesheetEvent(id int) *apiError {
	list := c.events(func(e Row) bool { return integer(e["id"]) == id })
	if len(list) == 0 {
		return notFound()
	}
	raw := c.encodeEvents(list)
	writeRaw(c.w, http.StatusOK, raw[1:len(raw)-1])
	return nil
}

func (c *call) encodeEvents(list []any) []byte {
	var b bytes.Buffer
	enc := &encoder{t: c.t, buf: &b}
	b.WriteByte('[')
	e := c.t.api.byPath["/timesheetevent"]
	for i, ev := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		row := ev.(Row)
		enc.row(e, simulator.NewRow(integer(row["id"]), row), shape{})
	}
	b.WriteByte(']')
	return b.Bytes()
}
