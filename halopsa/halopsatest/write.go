package halopsatest

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// writer is one row of a POST on its way into the tenant.
type writer struct {
	c   *call
	tx  *simulator.Tx
	e   *endpoint
	at  string // where the row is in the body, such as [0]
	in  Row    // what was sent
	old Row    // nil: a new row
	row Row    // what will be stored
	id  int    // of the table; 0: a new row

	mail  []Mail   // what Halo would send
	after []func() // more to store, once the row has its id
	event *writer  // the action behind a timesheet event
}

// post answers POST of a collection: each row is created, or changed if it has
// an id. Either all rows are stored or none, unless Options.PartialFailures.
func (c *call) post(e *endpoint) *apiError {
	rows, err := c.body(e)
	if err != nil {
		return err
	}
	var done []*writer
	var refusal *apiError
	// The closure never fails.
	_ = c.t.change(func(tx *simulator.Tx) error {
		var undo []func()
		c.t.undo = &undo
		defer func() { c.t.undo = nil }()
		for i, in := range rows {
			w := &writer{c: c, tx: tx, e: e, at: fmt.Sprintf("[%d]", i), in: in}
			if refusal = w.prepare(); refusal != nil {
				break
			}
			w.store()
			done = append(done, w)
		}
		if refusal != nil && !c.s.opts.PartialFailures {
			done = nil
			for _, f := range slices.Backward(undo) {
				f()
			}
		}
		return nil
	})
	for _, w := range done {
		for _, m := range w.mail {
			c.s.core.Mailbox.Add(m)
		}
	}
	if refusal != nil {
		return refusal
	}
	return c.posted(e, done)
}

// posted answers the rows that were stored: one object, or by option an array
// if several were sent.
func (c *call) posted(e *endpoint, done []*writer) *apiError {
	var parts [][]byte
	for _, w := range done {
		raw, err := w.encode()
		if err != nil {
			return err
		}
		parts = append(parts, raw)
	}
	body := parts[len(parts)-1]
	if len(parts) > 1 && c.s.opts.ManyAsArray {
		body = append(append([]byte{'['}, bytes.Join(parts, []byte{','})...), ']')
	}
	writeRaw(c.w, c.s.opts.WriteStatus, body)
	return nil
}

func (w *writer) encode() ([]byte, *apiError) {
	if w.e.entity == "TimesheetEvent" {
		list := w.c.events(func(e Row) bool {
			return integer(e["ticket_id"]) == w.id/perParent && integer(e["action_number"]) == w.id%perParent
		})
		raw := w.c.encodeEvents(list)
		return raw[1 : len(raw)-1], nil
	}
	return w.c.encodeOne(w.e, w.id, shape{single: true, posted: true, q: w.c.q})
}

// store puts the prepared row into the tenant.
func (w *writer) store() {
	t := w.c.t
	if w.event != nil {
		w.event.store()
		w.id, w.mail = w.event.id, w.event.mail
		return
	}
	if w.id == 0 {
		parent := 0
		if w.e.parent != "" {
			parent = integer(w.row[w.e.parent])
		}
		w.id = rowID(w.e, parent, t.nextID(w.tx, w.e, parent))
	}
	if w.e.updated != "" {
		w.row[w.e.updated] = w.now()
	}
	t.normalise(w.e, w.row)
	t.keep(w.tx, w.e, w.id, w.row)
	for _, f := range w.after {
		f()
	}
}

func (w *writer) now() string { return stamp(w.c.t.clock.Now()) }

// key names a key of the row for a refusal.
func (w *writer) key(name string) string { return w.at + "." + name }

// creating reports whether the row is new.
func (w *writer) creating() bool { return w.old == nil }

// given reports whether a key was sent with a value.
func (w *writer) given(key string) bool { return w.in[key] != nil }

// prepare checks the row and works out what to store; it stores nothing.
func (w *writer) prepare() *apiError {
	if w.e.entity == "TimesheetEvent" {
		return w.prepareEvent()
	}
	if err := w.target(); err != nil {
		return err
	}
	w.row = Row{}
	if w.old != nil {
		w.row = simulator.CloneObject(w.old)
	}
	w.merge()
	if err := w.checkCustom(); err != nil {
		return err
	}
	switch w.e.entity {
	case "Ticket":
		return w.ticket()
	case "Action":
		return w.action()
	case "Client":
		return w.client()
	case "Site":
		return w.site()
	case "User":
		return w.user()
	}
	return w.config()
}

// target finds the row that an id means.
func (w *writer) target() *apiError {
	t := w.c.t
	if t.api.guidKeyed(w.e) {
		if g := text(w.in["id"]); g != "" {
			row, ok := t.byGUID(w.tx, w.e, g)
			if !ok {
				return notFound()
			}
			w.id, w.old = row.ID, row.Fields()
		}
		return nil
	}
	id, parent := integer(w.in["id"]), 0
	if w.e.parent != "" {
		if parent = integer(w.in[w.e.parent]); parent <= 0 {
			return refused(w.key(w.e.parent), "Please select a valid "+w.e.parent)
		}
	}
	if id <= 0 && !(w.e.entity == "Lookup" && w.given("id")) {
		return nil
	}
	row, ok := t.find(w.tx, w.e, parent, id)
	if ok && !w.c.s.core.Rights.Hidden(w.e.path, row.ID) {
		w.id, w.old = row.ID, row.Fields()
		return nil
	}
	if w.e.entity == "Lookup" { // its rows have the ids they are given
		w.id = rowID(w.e, parent, id)
		return nil
	}
	return notFound()
}

// merge lays what was sent over what is there. Switches are not stored, nor is
// what the vendor computes.
func (w *writer) merge() {
	ent := w.c.t.api.ent(w.e)
	for k, v := range w.in {
		f := ent.byName[k]
		switch {
		case f.write, k == "id", k == "use", readOnly(w.e.entity, k):
		case v == nil:
			delete(w.row, k)
		case k == "customfields":
			w.row[k] = mergeCustom(w.row[k], v)
		default:
			w.row[k] = v
		}
	}
}

// readOnly reports whether a key is ignored on writes.
func readOnly(entity, key string) bool {
	if strings.HasSuffix(key, "_name") && entity != "Category" {
		return true
	}
	switch entity {
	case "Ticket":
		switch key {
		case "last_update", "lastactiondate", "lastincomingemail", "hasbeenclosed", "dateclosed", "timetaken", "changeseq", "deleted", "merged_into_id", "web_url", "api_url", "child_count",
			"attachment_count", "itil_requesttype_id", "slastate", "slatimeleft", "team_id", "user_email", "categoryid_1", "categoryid_2", "categoryid_3", "categoryid_4", "datecreated":
			return true
		}
	case "Action":
		switch key {
		case "outcome", "actionby_application_id", "actionby_agent_id", "last_updated", "old_status", "actioninvoicenumber", "attachment_count", "actiondatecreated":
			return true
		}
	case "Client":
		return key == "alastupdate" || key == "datecreated"
	case "Site":
		return key == "slastupdate" || key == "clientsite_name"
	case "User":
		return key == "ulastupdate" || key == "site_id_int" || key == "linked_agent_id"
	}
	return false
}

// checkCustom checks the values of custom fields; ids of other records' fields
// are ignored.
func (w *writer) checkCustom() *apiError {
	if w.e.custom == 0 {
		return nil
	}
	var keep []any
	for _, v := range objects(w.in["customfields"]) {
		id := integer(v["id"])
		def, ok := w.c.t.row(w.tx, "/FieldInfo", id)
		if !ok || integer(def.Field("usage")) != w.e.custom {
			continue
		}
		if v["value"] == nil && !w.c.s.opts.NullClears {
			continue
		}
		if !w.goodCustom(def, v["value"]) {
			return refused(w.key("customfields"), fmt.Sprintf("Please enter a valid value for %s", def.Field("label")))
		}
		keep = append(keep, Row{"id": id, "value": v["value"]})
	}
	if w.given("customfields") {
		var old any
		if w.old != nil {
			old = w.old["customfields"]
		}
		w.row["customfields"] = mergeCustom(old, keep)
	}
	if !w.creating() || w.in["_novalidate"] == true {
		return nil
	}
	for def := range w.tx.Table("/FieldInfo").All(-1) {
		if integer(def.Field("usage")) == w.e.custom && def.Field("mandatory") == true && !hasCustom(w.row["customfields"], def.ID) {
			return refused(w.key("customfields"), fmt.Sprintf("Please enter a value for %s", def.Field("label")))
		}
	}
	return nil
}

func hasCustom(values any, id int) bool {
	for _, v := range objects(values) {
		if integer(v["id"]) == id {
			return true
		}
	}
	return false
}

func (w *writer) goodCustom(def simulator.Row, v any) bool {
	if v == nil || v == "" {
		return true // clears it
	}
	t, list := w.c.t, integer(def.Field("lookup"))
	choice := func(id int) bool { return t.lookupName(w.tx, list, id) != nil }
	switch integer(def.Field("type")) {
	case typeSingle:
		n, why := convert("int", v)
		return why == "" && choice(integer(n))
	case typeMultiple:
		for _, id := range selected(v) {
			if !choice(id) {
				return false
			}
		}
		return len(selected(v)) > 0
	case typeDate:
		_, why := convert("date", v)
		return why == ""
	case typeCheckbox:
		_, why := convert("bool", v)
		return why == ""
	}
	_, ok := v.(string)
	_, number := v.(int)
	return ok || number
}

// remove answers DELETE: the row as it was.
func (c *call) remove(e *endpoint, id int) *apiError {
	if e.entity == "TimesheetEvent" {
		return c.removeEvent(id)
	}
	raw, err := c.encodeOne(e, id, shape{single: true, q: c.q})
	if err != nil {
		return err
	}
	// The closure never fails.
	_ = c.t.change(func(tx *simulator.Tx) error {
		row, ok := c.t.find(tx, e, parentOf(e, id), number1(e, id))
		switch {
		case !ok:
			err = notFound()
		case e.entity == "Ticket":
			fields := simulator.CloneObject(row.Fields())
			fields["deleted"], fields["last_update"] = true, stamp(c.t.clock.Now())
			c.t.keep(tx, e, id, fields)
		default:
			if err = c.removable(tx, e, row); err == nil {
				c.t.drop(tx, e, id)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	writeRaw(c.w, http.StatusOK, raw)
	return nil
}

// removable refuses to delete what others hang on.
func (c *call) removable(tx *simulator.Tx, e *endpoint, row simulator.Row) *apiError {
	key := map[string]string{"Client": "client_id", "Site": "site_id", "User": "user_id", "Status": "status_id", "TicketType": "tickettype_id"}[e.entity]
	if e.entity == "Action" && !blank(row.Field("actioninvoicenumber")) {
		return refusedText("This Action has been invoiced and cannot be deleted")
	}
	if row.ID == 1 && (e.entity == "Client" || e.entity == "Agent") {
		return refused("id", "This record is used by the system and cannot be deleted")
	}
	if key == "" {
		return nil
	}
	for t := range tx.Table("/Tickets").All(-1) {
		if integer(t.Field(key)) == row.ID && t.Field("deleted") != true {
			return refused("id", "This record is in use and cannot be deleted")
		}
	}
	return nil
}
