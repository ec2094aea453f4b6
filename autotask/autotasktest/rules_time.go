package autotasktest

import (
	"fmt"
	"time"
)

// sheetKey is the timesheet of a resource for a week.
type sheetKey struct {
	resource int
	week     string // Monday
}

// The states of a timesheet; entries change only on sheets that are New or
// Rejected.
const (
	SheetNew       = "New"
	SheetSubmitted = "Submitted"
	SheetApproved  = "Approved"
	SheetPosted    = "Posted"
	SheetRejected  = "Rejected"
)

// SetTimesheet sets the state of the timesheet that holds a day of a resource.
func (t *Tenant) SetTimesheet(resource int, day time.Time, state string) {
	switch state {
	case SheetNew, SheetSubmitted, SheetApproved, SheetPosted, SheetRejected:
	default:
		panic(fmt.Sprintf("autotasktest: there is no timesheet state %q", state))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sheets[sheetKey{resource, weekOf(day)}] = state
}

func weekOf(day time.Time) string {
	day = day.UTC()
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7).Format(time.DateOnly)
}

// sheetError says why an entry of that resource and day cannot change.
func (t *Tenant) sheetError(resource, day any) string {
	id, _ := resource.(int)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch state := t.sheets[sheetKey{id, weekOf(timeOf(day))}]; state {
	case "", SheetNew, SheetRejected:
		return ""
	default:
		return "The time entry cannot be created, changed or deleted: its timesheet is " + state + "."
	}
}

// regularTime is the timeEntryType of time for neither ticket nor task.
const regularTime = 5

// timeDefaults computes what the vendor does: hours from start and end, the day
// from the start, the hours to bill.
func timeDefaults(w *change) {
	start, hasStart := parseTime(text(w.row["startDateTime"]))
	end, hasEnd := parseTime(text(w.row["endDateTime"]))
	if hasStart && hasEnd {
		w.row["hoursWorked"] = end.Sub(start).Hours()
	}
	if hasStart && w.row["dateWorked"] == nil {
		w.row["dateWorked"] = stamp(start.Truncate(24 * time.Hour))
	}
	if w.row["timeEntryType"] == nil {
		switch {
		case w.row["ticketID"] != nil:
			w.row["timeEntryType"] = 2
		case w.row["taskID"] != nil:
			w.row["timeEntryType"] = 6
		}
	}
	for _, k := range []string{"isNonBillable", "showOnInvoice", "isInternalNotesVisibleToComanaged"} {
		if w.row[k] == nil {
			w.row[k] = k == "showOnInvoice"
		}
	}
	if w.row["offsetHours"] == nil {
		w.row["offsetHours"] = 0.0
	}
	w.row["hoursToBill"] = 0.0
	if w.row["isNonBillable"] != true {
		w.row["hoursToBill"] = float(w.row["hoursWorked"]) + float(w.row["offsetHours"])
	}
}

// timeCheck holds the rules of the help page TimeEntries.
func timeCheck(w *change) {
	ticket, task, regular := w.row["ticketID"] != nil, w.row["taskID"] != nil, w.row["timeEntryType"] == regularTime
	if n := count(ticket, task, regular); n != 1 {
		w.fail("A time entry must be for exactly one of a ticket, a task or regular time.")
		return
	}
	if w.row["dateWorked"] == nil {
		w.missing("dateWorked")
	}
	if h := float(w.row["hoursWorked"]); h <= 0 || h > 24 {
		w.fail("hoursWorked must be greater than 0 and not more than 24.")
	}
	o := &w.c.s.opts
	start, end := text(w.row["startDateTime"]), text(w.row["endDateTime"])
	if (start == "") != (end == "") {
		w.fail("startDateTime and endDateTime must be set together.")
	} else if o.NoMidnight && start != "" && start[:10] != end[:10] {
		w.fail("Time entries may not span over midnight.")
	}
	if o.NoProxyTime && w.row["resourceID"] != w.c.author() {
		w.fail("The logged in Resource does not have the adequate permissions to enter time for another resource.")
	}
	if regular {
		w.internalCode()
	} else {
		w.timeRole()
	}
	for _, day := range []any{w.row["dateWorked"], w.old["dateWorked"]} {
		if day == nil {
			continue
		}
		if msg := w.c.t.sheetError(w.row["resourceID"], day); msg != "" {
			w.fail("%s", msg)
			return
		}
	}
}

// internalCode checks the billing code of regular time.
func (w *change) internalCode() {
	code, ok := w.tx.Table("BillingCodes").Get(w.int("internalBillingCodeID"))
	if !ok || code.Field("useType") != useInternal {
		w.fail("Regular time needs an internalBillingCodeID of a billing code for internal time.")
	}
}

// useInternal is the useType of billing codes for regular time.
const useInternal = 3

// timeRole checks that the resource has the role it works in.
func (w *change) timeRole() {
	if w.row["roleID"] == nil {
		w.missing("roleID")
		return
	}
	if (w.changed("roleID") || w.changed("resourceID")) &&
		!w.holdsRole("ResourceServiceDeskRoles", w.row["resourceID"], w.row["roleID"]) && !w.holdsRole("ResourceRoleDepartments", w.row["resourceID"], w.row["roleID"]) {
		w.badReference(w.e.field("roleID"))
	}
}

func timeAfter(w *change) { w.c.touchTicket(w.tx, w.int("ticketID"), nil) }

func count(flags ...bool) int {
	n := 0
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}
