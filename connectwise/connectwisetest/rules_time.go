package connectwisetest

import (
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// ticketOf returns the ticket that a time entry is charged to.
func ticketOf(tx *simulator.Tx, get func(string) any) (simulator.Row, bool) {
	switch get("chargeToType") {
	case "ServiceTicket", "ProjectTicket":
		id, _ := get("chargeToId").(int)
		return tx.Table("tickets").Get(id)
	}
	return simulator.Row{}, false
}

func (w *change) get(key string) any { return w.row[key] }

// timeDefaults fills in what PSA derives from the ticket, the member and the
// work type, and computes the hours.
func timeDefaults(w *change) {
	if w.isNew() {
		w.newTimeEntry()
	}
	if w.changed("timeStart") || w.changed("timeEnd") || w.changed("hoursDeduct") || w.changed("workType") {
		w.hours()
	}
}

func (w *change) newTimeEntry() {
	if id, ok := w.c.apiMember(w.tx).(int); ok {
		w.byDefault(Row{"member": ref(id)})
	}
	w.byDefault(Row{
		"hoursDeduct": 0.0, "addToDetailDescriptionFlag": false, "addToInternalAnalysisFlag": false, "addToResolutionFlag": false,
		"emailResourceFlag": false, "emailContactFlag": false, "emailCcFlag": false, "notes": "", "internalNotes": "", "invoiceFlag": true, "customFields": []any{},
	})
	t, onTicket := ticketOf(w.tx, w.get)
	if onTicket {
		w.row["ticket"] = ref(t.ID)
		w.byDefault(Row{"company": t.Field("company"), "billableOption": t.Field("billTime"), "agreement": t.Field("agreement")})
		if id := refID(t.Field("location")); id != 0 {
			w.byDefault(Row{"locationId": id})
		}
		if id := refID(t.Field("department")); id != 0 {
			w.byDefault(Row{"businessUnitId": id})
		}
		if b, ok := w.tx.Table("boards").Get(refID(t.Field("board"))); ok {
			w.byDefault(Row{"workType": b.Field("workType"), "workRole": b.Field("workRole")})
		}
	}
	if m, ok := w.on("member", "members"); ok {
		w.byDefault(Row{"workRole": m.Field("workRole"), "workType": m.Field("workType"), "hourlyRate": m.Field("hourlyRate")})
	}
	w.byDefault(Row{"workType": w.firstWhere("workTypes", func(r simulator.Row) bool { return r.Field("overallDefaultFlag") == true }, false)})
	if wt, ok := w.on("workType", "workTypes"); ok && (w.row["billableOption"] == nil || w.row["billableOption"] == "NoDefault") {
		w.row["billableOption"] = wt.Field("billTime")
	}
	for key, id := range map[string]any{"location": w.row["locationId"], "department": w.row["businessUnitId"]} {
		if n, ok := id.(int); ok {
			w.row[key] = ref(n)
		}
	}
	w.row["status"], w.row["enteredBy"], w.row["dateEntered"], w.row["mobileGuid"] = "Open", w.c.member, stamp(w.c.now()), requestGUID(w)
	for k, v := range w.row {
		if v == nil {
			delete(w.row, k)
		}
	}
}

// hours computes the worked hours, and the billed ones by the rounding of the
// work type.
func (w *change) hours() {
	start, ok1 := parseTime(text(w.row["timeStart"]), time.Time{})
	end, ok2 := parseTime(text(w.row["timeEnd"]), time.Time{})
	if !ok1 || !ok2 {
		return
	}
	deduct, _ := number(w.row["hoursDeduct"])
	worked := math.Round((end.Sub(start).Hours()-deduct)*100) / 100
	if !w.sent["actualHours"] {
		w.row["actualHours"] = worked
	}
	billed := worked
	if wt, ok := w.on("workType", "workTypes"); ok {
		if step, _ := number(wt.Field("roundBillHoursTo")); step > 0 {
			billed = math.Ceil(math.Round(billed/step*1e6)/1e6) * step
		}
		if least, _ := number(wt.Field("hoursMin")); billed < least {
			billed = least
		}
	}
	w.row["hoursBilled"], w.row["invoiceHours"] = billed, billed
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// locked reports whether a time entry was taken over by billing.
func locked(status any) bool {
	return slices.Contains([]any{"PendingApproval", "PendingProjectApproval", "ApprovedByTierOne", "ApprovedByTierTwo", "ReadyToBill", "Billed", "WrittenOff", "BilledAgreement"}, status)
}

func timeCheck(w *change) {
	if w.old != nil && locked(w.old["status"]) {
		w.fail(wrong("status", "The time entry cannot be changed: its status is %v.", w.old["status"]))
		return
	}
	if w.put && !w.sent["billableOption"] {
		w.fail(missing("billableOption"))
	}
	start, _ := parseTime(text(w.row["timeStart"]), time.Time{})
	if end, ok := parseTime(text(w.row["timeEnd"]), time.Time{}); ok && !end.After(start) {
		w.fail(wrong("timeEnd", "The end time must be after the start time."))
	}
	if m, ok := w.on("member", "members"); ok && m.Field("inactiveFlag") == true && w.changed("member") {
		w.fail(wrong("member", "The member %v is inactive.", m.Field("identifier")))
	}
	if w.row["chargeToType"] == nil && w.row["chargeToId"] == nil {
		return // charged to the company
	}
	if w.row["chargeToType"] == "ChargeCode" || w.row["chargeToType"] == "Activity" {
		return
	}
	t, ok := ticketOf(w.tx, w.get)
	if !ok {
		w.fail(wrong("chargeToId", "The ticket %v was not found.", w.row["chargeToId"]))
		return
	}
	if !w.changed("chargeToId") && !w.changed("timeStart") && !w.changed("timeEnd") {
		return
	}
	s, _ := w.tx.Table("statuses").Get(refID(t.Field("status")))
	if s.ID != 0 && s.Field("timeEntryNotAllowed") == true {
		w.fail(wrong("chargeToId", "Time entry is not allowed on tickets with the status %v.", s.Field("name")))
	}
	b, _ := w.tx.Table("boards").Get(refID(t.Field("board")))
	if b.ID != 0 && b.Field("timeEntryLockedFlag") == true && t.Field("closedFlag") == true {
		w.fail(wrong("chargeToId", "Time entry is locked on closed tickets of the board %v.", b.Field("name")))
	}
}

func timeAfter(w *change) {
	t, ok := ticketOf(w.tx, w.get)
	if ok {
		sumHours(w.tx, t.ID)
		w.c.touchTicket(w.tx, t.ID)
	}
	for _, mail := range []struct{ key, to string }{{"emailContactFlag", "contact"}, {"emailResourceFlag", "resource"}, {"emailCcFlag", "cc"}} {
		if w.switches[mail.key] == true {
			w.mail(mail.to, "time entered", "/time/entries/"+itoa(w.id))
		}
	}
}

// sumHours makes the ticket's actualHours the sum of its time entries.
func sumHours(tx *simulator.Tx, ticket int) {
	row, ok := tx.Table("tickets").Get(ticket)
	if !ok {
		return
	}
	total := 0.0
	for r := range tx.Table("timeEntries").All(0) {
		if t, ok := ticketOf(tx, r.Field); ok && t.ID == ticket {
			h, _ := number(r.Field("actualHours"))
			total += h
		}
	}
	fields := simulator.CloneObject(row.Fields())
	fields["actualHours"] = math.Round(total*100) / 100
	tx.Table("tickets").Put(ticket, fields)
}

// removeTime refuses to delete what billing took over.
func removeTime(c *call, tx *simulator.Tx, row simulator.Row) (bool, *apiError) {
	if s := row.Field("status"); locked(s) {
		return false, failf(http.StatusBadRequest, "InvalidObject", "Time entry %d cannot be deleted: its status is %v.", row.ID, s)
	}
	tx.Table("timeEntries").Delete(row.ID)
	if t, ok := ticketOf(tx, row.Field); ok {
		sumHours(tx, t.ID)
		c.touchTicket(tx, t.ID)
	}
	return true, nil
}
