package autotasktest

import (
	"fmt"

	"github.com/psasync/psasync/internal/simulator"
)

// Delete removes a row like a person with the right to delete, who is the
// resource by, and keeps the log that Autotask keeps: a ticket in
// DeletedTicketLogs, a note or time entry of a ticket in
// DeletedTicketActivityLogs, one of a task in DeletedTaskActivityLogs. The
// notes and time entries of a deleted ticket go with it. It reports whether
// the row was there.
func (t *Tenant) Delete(path string, id, by int) bool {
	e, _, err := t.collection(path)
	if err != nil {
		panic(err)
	}
	found := false
	// The closure never fails.
	_ = t.store.Change(func(tx *simulator.Tx) error {
		row, ok := tx.Table(e.path).Get(id)
		if found = ok; ok {
			t.delete(tx, e, row, by)
		}
		return nil
	})
	return found
}

// The values of typeID in the logs of deleted activity.
const (
	deletedNote = 1
	deletedTime = 2
)

func (t *Tenant) delete(tx *simulator.Tx, e *entity, row simulator.Row, by int) {
	now := stamp(t.clock.Now())
	log := func(table string, fields Row) {
		fields["deletedByResourceID"], fields["deletedDateTime"] = by, now
		tab := tx.Table(table)
		tab.Put(tab.NextID(), compact(fields))
	}
	activity := func(fields Row) {
		id, _ := row.Field("ticketID").(int)
		ticket, ok := tx.Table("Tickets").Get(id)
		if !ok {
			fields["taskID"] = row.Field("taskID")
			log("DeletedTaskActivityLogs", fields)
			return
		}
		fields["ticketID"], fields["ticketNumber"] = id, ticket.Field("ticketNumber")
		log("DeletedTicketActivityLogs", fields)
	}
	tx.Table(e.path).Delete(row.ID)
	switch e.path {
	case "Tickets":
		log("DeletedTicketLogs", Row{"ticketID": row.ID, "ticketNumber": row.Field("ticketNumber"), "ticketTitle": row.Field("title")})
		for _, table := range []string{"TicketNotes", "TimeEntries"} {
			var gone []int
			for r := range tx.Table(table).All(0) {
				if r.Field("ticketID") == row.ID {
					gone = append(gone, r.ID)
				}
			}
			for _, id := range gone {
				tx.Table(table).Delete(id)
			}
		}
	case "TicketNotes":
		activity(Row{
			"typeID": deletedNote, "noteOrAttachmentTitle": row.Field("title"), "activityDateTime": row.Field("createDateTime"), "createdByResourceID": row.Field("creatorResourceID"),
		})
	case "TimeEntries":
		activity(Row{
			"typeID": deletedTime, "hoursWorked": row.Field("hoursWorked"), "startDateTime": row.Field("startDateTime"), "endDateTime": row.Field("endDateTime"),
			"activityDateTime": row.Field("createDateTime"), "createdByResourceID": row.Field("creatorUserID"),
		})
	}
}

// nextNumber counts the tickets numbered so far.
func (t *Tenant) nextNumber() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.numbers++
	return t.numbers
}

func pad(n int) string { return fmt.Sprintf("%04d", n) }
