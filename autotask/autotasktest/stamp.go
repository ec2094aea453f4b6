package autotasktest

import (
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// stamp formats a time as the vendor does: UTC, a fraction of as many digits
// as it needs.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }

// parseTime reads a time of the API: fraction and zone may be left out, UTC
// then.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// stamps are the keys of an entity that the server sets.
type stamps struct{ created, changed []string }

func stampsOf(e *entity) stamps {
	switch e.path {
	case "Tickets":
		return stamps{[]string{"createDate"}, []string{"lastActivityDate", "lastTrackedModificationDateTime"}}
	case "TicketNotes":
		return stamps{[]string{"createDateTime"}, []string{"lastActivityDate"}}
	case "TimeEntries":
		return stamps{[]string{"createDateTime"}, []string{"lastModifiedDateTime"}}
	case "Companies":
		return stamps{[]string{"createDate"}, []string{"lastActivityDate", "lastTrackedModifiedDateTime"}}
	case "Contacts":
		return stamps{[]string{"createDate"}, []string{"lastModifiedDate", "lastActivityDate"}}
	case "Tags":
		return stamps{[]string{"createDateTime"}, []string{"lastModifiedDateTime"}}
	case "UserDefinedFieldDefinitions", "UserDefinedFieldListItems":
		return stamps{created: []string{"createDate"}}
	}
	return stamps{} // configuration has no stamp at all
}

// stampNew sets the stamps of a new row that it does not have.
func (t *Tenant) stampNew(e *entity, fields Row) {
	now := stamp(t.clock.Now())
	s := stampsOf(e)
	for _, k := range append(s.created, s.changed...) {
		if fields[k] == nil {
			fields[k] = now
		}
	}
	if e.path == "Tickets" && fields["ticketNumber"] == nil {
		fields["ticketNumber"] = "T" + strings.ReplaceAll(now[:10], "-", "") + "." + pad(t.nextNumber())
	}
}

// touch moves lastActivityDate of the ticket of a note or time entry.
func (t *Tenant) touch(tx *simulator.Tx, e *entity, child Row) {
	keys := stampsOf(e).changed
	ticket, ok := child["ticketID"].(int)
	if !ok || e.path != "TicketNotes" && e.path != "TimeEntries" {
		return
	}
	row, ok := tx.Table("Tickets").Get(ticket)
	if at := timeOf(child[keys[0]]); ok && at.After(timeOf(row.Field("lastActivityDate"))) {
		fields := stored(row)
		fields["lastActivityDate"] = stamp(at)
		tx.Table("Tickets").Put(ticket, fields)
	}
}

// complete sets what follows from a ticket's new status.
func complete(fields Row, now string) {
	if fields["status"] == StatusComplete {
		fields["completedDate"], fields["resolvedDateTime"] = now, now
		return
	}
	delete(fields, "completedDate")
	delete(fields, "completedByResourceID")
}

// stampChange moves the stamps of a row.
func (t *Tenant) stampChange(e *entity, fields Row) {
	for _, k := range stampsOf(e).changed {
		fields[k] = stamp(t.clock.Now())
	}
}
