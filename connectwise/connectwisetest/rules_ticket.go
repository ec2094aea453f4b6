package connectwisetest

import (
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// on returns the row of a table that a reference key points at.
func (w *change) on(key, table string) (simulator.Row, bool) {
	id := refID(w.row[key])
	if id == 0 {
		return simulator.Row{}, false
	}
	return w.tx.Table(table).Get(id)
}

// firstWhere returns the reference to the first row that is marked as default
// and fits, or to the first that fits.
func (w *change) firstWhere(table string, fits func(simulator.Row) bool, needDefault bool) any {
	found := 0
	for r := range w.tx.Table(table).All(0) {
		if !fits(r) {
			continue
		}
		if r.Field("defaultFlag") == true {
			return ref(r.ID)
		}
		if found == 0 {
			found = r.ID
		}
	}
	if found == 0 || needDefault {
		return nil
	}
	return ref(found)
}

func anyRow(simulator.Row) bool { return true }

// ticketDefaults fills in what PSA derives from the board, the company and the
// contact. Which board a ticket without one lands on is not documented: here
// the first active service board.
func ticketDefaults(w *change) {
	if w.isNew() || w.put {
		w.newTicket()
	}
	if p, ok := w.on("contact", "contacts"); ok && w.changed("contact") {
		w.row["contactName"] = fullName(p.Field("firstName"), p.Field("lastName"))
		if w.row["contactPhoneNumber"] == nil && p.Field("defaultPhoneNbr") != nil {
			w.row["contactPhoneNumber"] = p.Field("defaultPhoneNbr")
		}
	}
	if m, ok := w.on("owner", "members"); ok && w.changed("owner") {
		w.row["resources"] = m.Field("identifier")
	}
	w.closing()
}

func (w *change) newTicket() {
	w.byDefault(Row{"board": w.firstWhere("boards", func(r simulator.Row) bool {
		return r.Field("projectFlag") != true && r.Field("inactiveFlag") != true
	}, false)})
	board := refID(w.row["board"])
	here := func(r simulator.Row) bool {
		return refID(r.Field("board")) == board && r.Field("inactive") != true && r.Field("inactiveFlag") != true
	}
	team := func(r simulator.Row) bool { return r.Field("boardId") == board }
	w.byDefault(Row{
		"status": w.firstWhere("statuses", here, false), "type": w.firstWhere("types", here, true), "team": w.firstWhere("teams", team, true),
		"priority": w.firstWhere("priorities", anyRow, false), "source": w.firstWhere("sources", anyRow, true),
		"serviceLocation": w.firstWhere("serviceLocations", anyRow, true), "sla": w.firstWhere("slas", anyRow, true),
	})
	if b, ok := w.on("board", "boards"); ok {
		kind := "ServiceTicket"
		if b.Field("projectFlag") == true {
			kind = "ProjectTicket"
		}
		w.byDefault(Row{"recordType": kind, "location": b.Field("location"), "department": b.Field("department")})
	}
	if co, ok := w.on("company", "companies"); ok {
		w.byDefault(Row{"site": co.Field("site"), "contact": co.Field("defaultContact")})
		for _, k := range []string{"addressLine1", "addressLine2", "city", "zip"} {
			w.byDefault(Row{k: co.Field(k)})
		}
		w.byDefault(Row{"stateIdentifier": co.Field("state")})
	}
	if s, ok := w.on("site", "sites"); ok {
		w.byDefault(Row{"siteName": s.Field("name")})
	}
	w.byDefault(Row{
		"severity": "Medium", "impact": "Medium", "allowAllClientsPortalView": false, "customerUpdatedFlag": false, "automaticEmailContactFlag": false,
		"automaticEmailResourceFlag": false, "automaticEmailCcFlag": false, "closedFlag": false, "actualHours": 0.0, "approved": true,
		"billingMethod": "ActualRates", "subBillingMethod": "ActualRates", "resolveMinutes": 0, "resPlanMinutes": 0, "respondMinutes": 0, "isInSla": true,
		"hasChildTicket": false, "hasMergedChildTicketFlag": false, "billTime": "Billable", "billExpenses": "Billable", "billProducts": "Billable",
		"requestForChangeFlag": false, "escalationLevel": 0, "minutesBeforeWaiting": 0, "respondedSkippedMinutes": 0, "resplanSkippedMinutes": 0,
		"respondedHours": 0.0, "resplanHours": 0.0, "resolutionHours": 0.0, "minutesWaiting": 0, "mobileGuid": requestGUID(w),
		"customFields": []any{},
	})
	for k, v := range w.row {
		if v == nil {
			delete(w.row, k)
		}
	}
}

// closing derives closedFlag and the dates around it from the status.
func (w *change) closing() {
	s, ok := w.on("status", "statuses")
	if !ok {
		return
	}
	closed := s.Field("closedStatus") == true
	was := w.row["closedFlag"] == true && !w.isNew()
	w.row["closedFlag"] = closed
	switch {
	case closed && !was:
		w.row["closedDate"], w.row["closedBy"] = stamp(w.c.now()), w.c.member
		w.byDefault(Row{"dateResolved": stamp(w.c.now())})
	case !closed && was:
		for _, k := range []string{"closedDate", "closedBy", "dateResolved"} {
			delete(w.row, k)
		}
	}
}

// ticketCheck refuses a status, type, team... of another board, a subtype that
// the type does not allow, and a contact or site of another company.
func ticketCheck(w *change) {
	board := refID(w.row["board"])
	for key, table := range map[string]string{"status": "statuses", "type": "types", "subType": "subtypes", "item": "items"} {
		if r, ok := w.on(key, table); ok && refID(r.Field("board")) != board && (w.changed(key) || w.changed("board")) {
			w.fail(wrong(key, "The %s %d does not belong to the board %d.", key, r.ID, board))
		}
	}
	if r, ok := w.on("team", "teams"); ok && r.Field("boardId") != board && (w.changed("team") || w.changed("board")) {
		w.fail(wrong("team", "The team %d does not belong to the board %d.", r.ID, board))
	}
	slices.SortFunc(w.errs, func(a, b fieldError) int { return strings.Compare(a.Field, b.Field) })
	if s, ok := w.on("subType", "subtypes"); ok && (w.changed("subType") || w.changed("type")) {
		typ := refID(w.row["type"])
		if ids := listOf(s.Field("typeAssociationIds")); typ != 0 && !slices.Contains(ids, any(typ)) {
			w.fail(wrong("subType", "The subtype %d is not associated with the type %d.", s.ID, typ))
		}
	}
	if site, ok := w.on("site", "sites"); ok && refID(site.Field("company")) != refID(w.row["company"]) && (w.changed("site") || w.changed("company")) {
		w.fail(wrong("site", "The site %d does not belong to the company.", site.ID))
	}
	if m, ok := w.on("owner", "members"); ok && m.Field("inactiveFlag") == true && w.changed("owner") {
		w.fail(wrong("owner", "The member %v is inactive.", m.Field("identifier")))
	}
}

// ticketAfter turns the initial texts into notes and counts the mail that the
// board's settings cause.
func ticketAfter(w *change) {
	path := "/service/tickets/" + itoa(w.id)
	if w.isNew() {
		b, _ := w.on("board", "boards")
		issue := fieldOf(b, b.ID != 0, "markFirstNoteIssueFlag") == true
		for _, n := range []struct{ key, flag string }{
			{"initialDescription", "detailDescriptionFlag"}, {"initialInternalAnalysis", "internalAnalysisFlag"}, {"initialResolution", "resolutionFlag"},
		} {
			if text, _ := w.switches[n.key].(string); text != "" {
				w.addNote(text, n.flag, issue)
				issue = false
			}
		}
	}
	if !w.mails(!w.c.s.opts.QuietTickets) {
		return
	}
	if b, ok := w.on("board", "boards"); ok && w.isNew() {
		if b.Field("sendToContactFlag") == true && w.row["contact"] != nil {
			w.mail("contact", "ticket created", path)
		}
		if b.Field("sendToResourceFlag") == true && w.row["owner"] != nil {
			w.mail("resource", "ticket created", path)
		}
		return
	}
	if s, ok := w.on("status", "statuses"); ok && w.changed("status") && s.Field("emailTemplate") != nil {
		w.mail("contact", "status changed", path)
	}
}

// mails decides by the processNotifications switch of the request.
func (w *change) mails(def bool) bool {
	if b, ok := w.switches["processNotifications"].(bool); ok {
		return b
	}
	return def
}

func (w *change) mail(to, reason, record string) {
	w.c.s.core.Mailbox.Add(Mail{Time: w.c.now(), To: to, Reason: reason, Record: record})
}

// addNote stores a note of the API member.
func (w *change) addNote(text, flag string, issue bool) {
	now := stamp(w.c.now())
	note := Row{
		"ticketId": w.id, "text": text, "detailDescriptionFlag": false, "internalAnalysisFlag": false, "resolutionFlag": false, "issueFlag": issue,
		"dateCreated": now, "createdBy": w.c.member, "internalFlag": flag == "internalAnalysisFlag", "externalFlag": flag != "internalAnalysisFlag",
		"_info": Row{"lastUpdated": now, "updatedBy": w.c.member},
	}
	note[flag] = true
	if id, ok := w.c.apiMember(w.tx).(int); ok {
		note["member"] = ref(id)
	}
	tab := w.tx.Table("notes")
	tab.Put(tab.NextID(), note)
}

func noteDefaults(w *change) {
	w.byDefault(Row{"detailDescriptionFlag": false, "internalAnalysisFlag": false, "resolutionFlag": false, "issueFlag": false})
	internal := w.row["internalAnalysisFlag"] == true && w.row["detailDescriptionFlag"] != true && w.row["resolutionFlag"] != true
	w.row["internalFlag"], w.row["externalFlag"] = internal, !internal
	if !w.isNew() {
		return
	}
	author := w.c.member
	if m, ok := w.on("member", "members"); ok {
		author, _ = m.Field("identifier").(string)
	} else if w.row["contact"] == nil {
		if id, ok := w.c.apiMember(w.tx).(int); ok {
			w.row["member"] = ref(id)
		}
	}
	w.row["dateCreated"], w.row["createdBy"] = stamp(w.c.now()), author
}

func noteCheck(w *change) {
	if s, _ := w.row["text"].(string); s == "" {
		w.fail(missing("text"))
	}
	for _, k := range []string{"detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag"} {
		if w.row[k] == true {
			return
		}
	}
	w.fail(fieldError{Code: "InvalidObject", Message: "Please choose where to display the notes in order to save this record.", Field: "detailDescriptionFlag"})
}

func noteAfter(w *change) {
	ticket, _ := w.row["ticketId"].(int)
	w.c.touchTicket(w.tx, ticket)
	if w.isNew() && w.mails(false) { // notes send mail only on request
		to := "contact"
		if w.row["internalFlag"] == true {
			to = "resource"
		}
		w.mail(to, "note added", "/service/tickets/"+itoa(ticket)+"/notes/"+itoa(w.id))
	}
}

func removeNote(c *call, tx *simulator.Tx, row simulator.Row) (bool, *apiError) {
	ticket, _ := row.Field("ticketId").(int)
	c.touchTicket(tx, ticket)
	return false, nil
}

// touchTicket moves a ticket's lastUpdated because of a note or a time entry.
func (c *call) touchTicket(tx *simulator.Tx, ticket int) {
	if !c.s.opts.NotesKeepStamp {
		c.restamp(tx, "tickets", ticket)
	}
}
