package autotasktest

import (
	"github.com/psasync/psasync/internal/simulator"
)

// demandKey is a field that a ticket category requires.
type demandKey struct {
	category   int
	field      string
	toComplete bool
}

// Require makes a ticket category require a field, always or only for tickets
// that become Complete, as the category's settings can.
func (t *Tenant) Require(category int, fieldName string, toComplete bool) {
	if f := t.schema.byName["Ticket"].field(fieldName); f == nil || f.name != fieldName {
		panic("autotasktest: Ticket has no key " + fieldName)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.demands[demandKey{category, fieldName, toComplete}] = true
}

func (t *Tenant) required(category int, field string, complete bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.demands[demandKey{category, field, false}] || complete && t.demands[demandKey{category, field, true}]
}

// ticketDefaults fills what the vendor chooses: category and type.
func ticketDefaults(w *change) {
	if !w.isNew() {
		return
	}
	for _, f := range []string{"ticketCategory", "ticketType"} {
		if w.row[f] != nil {
			continue
		}
		for _, v := range w.c.t.picklist(w.tx, w.e.field(f).pick) {
			if v.Default && !v.Inactive {
				w.row[f] = v.Value
			}
		}
	}
}

// ticketCheck holds the rules of the help page Tickets, and those met by
// clients.
func ticketCheck(w *change) {
	if w.row["queueID"] == nil && w.row["assignedResourceID"] == nil {
		w.fail("A ticket must have a queueID or an assignedResourceID.")
	}
	if (w.row["assignedResourceID"] == nil) != (w.row["assignedResourceRoleID"] == nil) {
		w.fail("When assigning a Resource, you must assign both a assignedResourceID and assignedResourceRoleID.")
	} else if w.row["assignedResourceID"] != nil && (w.changed("assignedResourceID") || w.changed("assignedResourceRoleID")) && !w.onServiceDesk() {
		w.fail("The assignedResourceID and assignedResourceRoleID are not a valid combination.")
	}
	w.sameCompany("contactID", "Contacts")
	w.sameCompany("companyLocationID", "CompanyLocations")
	closes := w.row["status"] == StatusComplete && w.changed("status")
	for _, f := range w.e.fields {
		if v := w.row[f.name]; (v == nil || v == "") && w.c.t.required(w.int("ticketCategory"), f.name, closes) {
			w.missing(f.name)
		}
	}
	if len(w.errs) > 0 || !w.changed("status") {
		return
	}
	complete(w.row, stamp(w.c.now()))
	if closes {
		w.row["completedByResourceID"] = w.c.author()
	}
	if w.row["creatorType"] == nil {
		w.row["creatorType"] = 1
	}
}

// onServiceDesk reports whether the resource has the role on the service desk.
func (w *change) onServiceDesk() bool {
	return w.holdsRole("ResourceServiceDeskRoles", w.row["assignedResourceID"], w.row["assignedResourceRoleID"])
}

func (w *change) holdsRole(table string, resource, role any) bool {
	for r := range w.tx.Table(table).All(0) {
		if r.Field("resourceID") == resource && r.Field("roleID") == role && r.Field("isActive") != false {
			return true
		}
	}
	return false
}

// noteCheck holds the rules of the help page TicketNotes.
func noteCheck(w *change) {
	if w.row["title"] == nil && !w.c.s.opts.OptionalNoteName {
		w.missing("title")
	}
	if w.row["createdByContactID"] != nil && w.row["publish"] != publishAll {
		w.fail("A note created by a contact must be published to all Autotask users.")
	}
}

// publishAll is the value of publish that clients see.
const publishAll = 1

func noteAfter(w *change) {
	changes := Row{}
	if w.row["publish"] == publishAll {
		changes["lastCustomerVisibleActivityDateTime"] = w.row["lastActivityDate"]
	}
	w.c.touchTicket(w.tx, w.int("ticketID"), changes)
}

// touchTicket moves lastActivityDate of a ticket whose notes or time changed;
// the tracked stamp stays.
func (c *call) touchTicket(tx *simulator.Tx, id int, changes Row) {
	row, ok := tx.Table("Tickets").Get(id)
	if !ok {
		return
	}
	fields := stored(row)
	if !c.s.opts.NotesKeepStamp {
		fields["lastActivityDate"] = stamp(c.now())
		fields["lastActivityResourceID"] = c.author()
	}
	for k, v := range changes {
		fields[k] = v
	}
	tx.Table("Tickets").Put(id, compact(fields))
}
