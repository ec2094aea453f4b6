package connectwisetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (c *client) newTicket(t *testing.T, more Row) (path string, row map[string]any) {
	t.Helper()
	body := Row{"summary": "Printer offline", "board": ref(12), "company": ref(250), "processNotifications": false}
	for k, v := range more {
		body[k] = v
	}
	row = c.do("POST", "/service/tickets", body).row(t, 201)
	return fmt.Sprintf("/service/tickets/%v", row["id"]), row
}

func TestTicketDefaults(t *testing.T) {
	c := serve(t, Small(), Options{})
	path, row := c.newTicket(t, Row{"initialDescription": "Cannot print", "initialInternalAnalysis": "Check the spooler", "owner": Row{"identifier": "ppatel"}})
	for key, want := range map[string]any{"status": 550, "type": 301, "team": 25, "serviceLocation": 2, "source": 1, "priority": 8, "sla": 3, "site": 28 + 248*2} {
		if got := at(row, key, "id"); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if row["closedFlag"] != false || row["recordType"] != "ServiceTicket" || row["initialDescription"] != nil || row["resources"] != "PPatel" || row["city"] != "Leeds" || at(row, "_info", "enteredBy") != "SyncApi" {
		t.Errorf("new ticket %v", row)
	}
	notes := c.get(path + "/notes").rows(t)
	if len(notes) != 2 || notes[0]["text"] != "Cannot print" || notes[0]["issueFlag"] != true || notes[0]["detailDescriptionFlag"] != true || notes[0]["createdBy"] != "SyncApi" ||
		notes[1]["internalAnalysisFlag"] != true || notes[1]["internalFlag"] != true || notes[1]["issueFlag"] != false {
		t.Errorf("first notes %v", notes)
	}
	if row := c.do("POST", "/service/tickets", Row{"summary": "x", "company": Row{"identifier": "AcmeWidgets250"}}).row(t, 201); at(row, "board", "id") != 12 || at(row, "company", "id") != 250 {
		t.Errorf("without a board: %v", row["board"])
	}
	sub := c.do("POST", "/service/tickets", Row{"summary": "x", "company": ref(250), "board": ref(12), "type": ref(301), "subType": ref(1882)})
	if allowed := slices.Contains(listOf(c.srv.Tenant().Get("/service/boards/12/subtypes", 1882)["typeAssociationIds"]), any(301)); allowed == (sub.status == 400) {
		t.Errorf("subtype 1882 on type 301: %d", sub.status)
	}
	c.do("POST", "/service/tickets", Row{"summary": "x", "company": ref(250), "site": ref(28)}).fails(t, 400, "site")
}

// closedFlag and the dates follow the status.
func TestClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Small(), Options{})
		path, _ := c.newTicket(t, nil)
		row := c.do("PATCH", path, patches("replace", "status", ref(554))).row(t, 200)
		if row["closedFlag"] != true || row["closedDate"] != stamp(time.Now()) || row["closedBy"] != "SyncApi" || row["dateResolved"] == nil {
			t.Errorf("closed ticket %v %v", row["closedFlag"], row["closedDate"])
		}
		time.Sleep(time.Hour)
		again := c.do("PATCH", path, patches("replace", "status", ref(555))).row(t, 200)
		if again["closedDate"] != row["closedDate"] {
			t.Error("closing twice moved closedDate")
		}
		row = c.do("PATCH", path, patches("replace", "status", ref(551))).row(t, 200)
		if row["closedFlag"] != false || row["closedDate"] != nil || row["closedBy"] != nil {
			t.Errorf("reopened ticket %v", row)
		}
	})
}

// Mail is counted when the request or the board's settings cause it, and never
// when processNotifications is false.
func TestMail(t *testing.T) {
	c := serve(t, Small(), Options{})
	expect := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, m := range c.srv.Mail() {
			got = append(got, m.To)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || c.srv.MailSent() != len(want) {
			t.Errorf("%s mailed %v, want %v", what, got, want)
		}
		c.srv.ClearCounters()
	}
	path, _ := c.newTicket(t, nil)
	expect("a quiet create")
	c.newTicket(t, Row{"processNotifications": true, "owner": ref(171)})
	expect("a create", "contact", "resource")
	c.do("POST", "/service/tickets", Row{"summary": "x", "company": ref(250), "board": ref(12)}).row(t, 201)
	expect("a create that says nothing", "contact")
	c.do("PATCH", path, patches("replace", "status", ref(552), "replace", "processNotifications", false)).row(t, 200)
	expect("a quiet status change")
	c.do("PATCH", path, patches("replace", "status", ref(554))).row(t, 200)
	expect("a status with a template", "contact")
	c.do("PATCH", path, patches("replace", "status", ref(551))).row(t, 200)
	expect("a status without a template")
	note := Row{"text": "x", "detailDescriptionFlag": true}
	c.do("POST", path+"/notes", note).row(t, 201)
	expect("a note that says nothing")
	note["processNotifications"] = true
	c.do("POST", path+"/notes", note).row(t, 201)
	expect("a note", "contact")
	c.do("POST", path+"/notes", Row{"text": "x", "internalAnalysisFlag": true, "processNotifications": true}).row(t, 201)
	expect("an internal note", "resource")
	entry := Row{"chargeToType": "ServiceTicket", "chargeToId": c.get(path).row(t, 200)["id"], "timeStart": "2026-06-09T09:00:00Z", "timeEnd": "2026-06-09T10:00:00Z"}
	c.do("POST", "/time/entries", entry).row(t, 201)
	expect("a time entry")
	entry["emailContactFlag"], entry["emailResourceFlag"], entry["emailCcFlag"] = true, true, true
	row := c.do("POST", "/time/entries", entry).row(t, 201)
	expect("a time entry with mail", "cc", "contact", "resource")
	if row["emailContactFlag"] != false {
		t.Error("the action flag was stored")
	}
	quiet := serve(t, Small(), Options{QuietTickets: true})
	quiet.do("POST", "/service/tickets", Row{"summary": "x", "company": ref(250), "board": ref(12)}).row(t, 201)
	if quiet.srv.MailSent() != 0 {
		t.Error("QuietTickets sends mail")
	}
}

func TestNotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := Small()
		c := serve(t, tenant, Options{})
		path, ticket := c.newTicket(t, nil)
		c.do("POST", path+"/notes", Row{"text": "x"}).fails(t, 400, "Please choose where to display the notes in order to save this record.")
		c.do("POST", path+"/notes", Row{"detailDescriptionFlag": true}).fails(t, 400, "The text field is required.")
		c.do("POST", "/service/tickets/1/notes", Row{"text": "x", "detailDescriptionFlag": true}).fails(t, 404, "Ticket 1 not found")
		time.Sleep(time.Minute)
		note := c.do("POST", path+"/notes", Row{"text": "**Hi**", "detailDescriptionFlag": true, "member": Row{"identifier": "PPatel"}}).row(t, 201)
		if note["createdBy"] != "PPatel" || note["dateCreated"] != stamp(time.Now()) || note["externalFlag"] != true || note["ticketId"] != ticket["id"] {
			t.Errorf("note %v", note)
		}
		if got := at(c.get(path).row(t, 200), "_info", "lastUpdated"); got != stamp(time.Now()) {
			t.Errorf("a note leaves the ticket's stamp at %v", got)
		}
		npath := fmt.Sprintf("%s/notes/%v", path, note["id"])
		note = c.do("PATCH", npath, patches("replace", "detailDescriptionFlag", false, "replace", "internalAnalysisFlag", true)).row(t, 200)
		if note["internalFlag"] != true || note["externalFlag"] != false {
			t.Errorf("note turned internal: %v", note)
		}
		c.do("PATCH", npath, patches("replace", "internalAnalysisFlag", false)).fails(t, 400, "Please choose")
		if d := c.do("DELETE", npath, nil); d.status != 204 {
			t.Errorf("DELETE: %d %s", d.status, d.raw)
		}

		// Texts of time entries are in allNotes, not in notes.
		c.do("POST", "/time/entries", Row{"chargeToType": "ServiceTicket", "chargeToId": ticket["id"], "timeStart": "2026-06-09T09:00:00Z", "timeEnd": "2026-06-09T09:30:00Z", "notes": "Worked", "addToInternalAnalysisFlag": true}).row(t, 201)
		c.do("POST", path+"/notes", Row{"text": "Typed", "resolutionFlag": true}).row(t, 201)
		var got []string
		for _, n := range c.get(path + "/allNotes").rows(t) {
			got = append(got, fmt.Sprint(n["noteType"], ":", n["text"], ":", n["internalAnalysisFlag"], ":", n["originalAuthor"]))
		}
		slices.Sort(got)
		if want := "TicketNote:Typed:false:Sync API|TimeEntryNote:Worked:true:Sync API"; strings.Join(got, "|") != want {
			t.Errorf("allNotes %v", got)
		}
		if n := c.get(path + "/notes").rows(t); len(n) != 1 {
			t.Errorf("notes %v", n)
		}
		c.get(path+"/allNotes/count").fails(t, 404, "") // no count there

		keep := serve(t, Small(), Options{NotesKeepStamp: true})
		kpath, before := keep.newTicket(t, nil)
		time.Sleep(time.Minute)
		keep.do("POST", kpath+"/notes", Row{"text": "x", "detailDescriptionFlag": true}).row(t, 201)
		if got := keep.get(kpath).row(t, 200); at(got, "_info", "lastUpdated") != at(before, "_info", "lastUpdated") {
			t.Error("NotesKeepStamp: the stamp moved")
		}
	})
}

func TestTimeEntries(t *testing.T) {
	tenant := Small()
	c := serve(t, tenant, Options{})
	path, ticket := c.newTicket(t, nil)
	entry := func(more Row) Row {
		body := Row{"chargeToType": "ServiceTicket", "chargeToId": ticket["id"], "timeStart": "2026-06-09T09:00:00Z", "timeEnd": "2026-06-09T09:20:00Z"}
		for k, v := range more {
			body[k] = v
		}
		return body
	}
	row := c.do("POST", "/time/entries", entry(nil)).row(t, 201)
	for key, want := range map[string]any{"actualHours": 0.33, "hoursBilled": 0.5, "billableOption": "Billable", "status": "Open", "enteredBy": "SyncApi", "ticketBoard": "Service Desk", "ticketStatus": "New", "locationId": 2, "businessUnitId": 10} {
		if row[key] != want {
			t.Errorf("%s is %v, want %v", key, row[key], want)
		}
	}
	if at(row, "member", "identifier") != "SyncApi" || at(row, "company", "id") != 250 || at(row, "workType", "id") != 3 {
		t.Errorf("entry %v", row)
	}
	c.do("POST", "/time/entries", entry(Row{"workType": ref(4), "member": Row{"identifier": "PPatel"}})).row(t, 201) // After Hours: at least half an hour
	if got := c.get(path).row(t, 200)["actualHours"]; got != 0.66 {
		t.Errorf("the ticket has %v hours", got)
	}
	epath := fmt.Sprintf("/time/entries/%v", row["id"])
	row = c.do("PATCH", epath, patches("replace", "timeEnd", "2026-06-09T10:10:00Z", "replace", "hoursDeduct", 0.5)).row(t, 200)
	if row["actualHours"] != 0.67 || row["hoursBilled"] != 0.75 {
		t.Errorf("longer entry: %v worked, %v billed", row["actualHours"], row["hoursBilled"])
	}
	for _, tc := range []struct {
		body Row
		part string
	}{
		{Row{"chargeToId": ticket["id"], "chargeToType": "ServiceTicket"}, "The timeStart field is required."},
		{entry(Row{"timeEnd": "2026-06-09T08:00:00Z"}), "after the start"},
		{entry(Row{"chargeToId": 1}), "The ticket 1 was not found"},
		{entry(Row{"member": Row{"identifier": "nobody"}}), "not found"},
		{entry(Row{"chargeToType": "Lunch"}), "not valid for chargeToType"},
	} {
		c.do("POST", "/time/entries", tc.body).fails(t, 400, tc.part)
	}
	c.do("PUT", epath, entry(nil)).fails(t, 400, "The billableOption field is required.")

	// No time on a status that does not allow it.
	c.do("PATCH", path, patches("replace", "status", ref(555))).row(t, 200)
	c.do("POST", "/time/entries", entry(nil)).fails(t, 400, "Time entry is not allowed")
	c.do("PATCH", path, patches("replace", "status", ref(551))).row(t, 200)

	// What billing took over is locked.
	for _, status := range []string{"ReadyToBill", "Billed", "BilledAgreement", "WrittenOff", "ApprovedByTierOne"} {
		tenant.Update("/time/entries", row["id"].(int), Row{"status": status})
		c.do("PATCH", epath, patches("replace", "notes", "x")).fails(t, 400, status)
		c.do("DELETE", epath, nil).fails(t, 400, status)
	}
	tenant.Update("/time/entries", row["id"].(int), Row{"status": "Rejected"})
	c.do("PATCH", epath, patches("replace", "notes", "x")).row(t, 200)
	if d := c.do("DELETE", epath, nil); d.status != 204 {
		t.Errorf("DELETE: %d %s", d.status, d.raw)
	}
	if got := c.get(path).row(t, 200)["actualHours"]; got != 0.33 {
		t.Errorf("after the deletion the ticket has %v hours", got)
	}
	// Charged to a code, or to the company.
	c.do("POST", "/time/entries", Row{"chargeToType": "ChargeCode", "chargeToId": 21, "timeStart": "2026-06-09T09:00:00Z"}).row(t, 201)
	c.do("POST", "/time/entries", Row{"company": ref(250), "timeStart": "2026-06-09T09:00:00Z"}).row(t, 201)
	got := c.get(with("/time/entries", "conditions", fmt.Sprintf(`chargeToId in (%v,1) and (chargeToType="ServiceTicket" OR chargeToType="ProjectTicket")`, ticket["id"]))).rows(t)
	if len(got) != 1 {
		t.Errorf("%d entries of the ticket", len(got))
	}
}

func TestTimeIsLockedOnClosedTicketsOfSomeBoards(t *testing.T) {
	tenant := Small()
	c := serve(t, tenant, Options{})
	tenant.Update("/service/boards", 12, Row{"timeEntryLockedFlag": true})
	_, ticket := c.newTicket(t, Row{"status": ref(554)})
	c.do("POST", "/time/entries", Row{"chargeToType": "ServiceTicket", "chargeToId": ticket["id"], "timeStart": "2026-06-09T09:00:00Z"}).fails(t, 400, "locked on closed tickets")
}

func TestContacts(t *testing.T) {
	c := serve(t, Small(), Options{})
	body := Row{
		"firstName": "Alex", "lastName": "Morgan", "company": ref(250), "typeIds": []int{3, 5},
		"communicationItems": []Row{{"type": ref(13), "value": "alex@acme.example", "defaultFlag": true}, {"type": Row{"name": "Mobile"}, "value": "0777", "defaultFlag": true}, {"type": ref(2), "value": "0113", "extension": "7"}},
	}
	row := c.do("POST", "/company/contacts", body).row(t, 201)
	path := fmt.Sprintf("/company/contacts/%v", row["id"])
	if at(row, "communicationItems", 0, "communicationType") != "Email" || at(row, "communicationItems", 0, "domain") != "@acme.example" || at(row, "communicationItems", 1, "communicationType") != "Phone" ||
		row["defaultPhoneNbr"] != "0777" || row["defaultPhoneType"] != "Mobile" || len(row["types"].([]any)) != 2 || row["typeIds"] != nil {
		t.Errorf("contact %v", row)
	}
	if n := len(c.get(path + "/typeAssociations").rows(t)); n != 2 {
		t.Errorf("%d type associations", n)
	}
	c.do("POST", "/company/contacts", body).fails(t, 400, "ObjectExists")
	body["ignoreDuplicates"] = true
	if row := c.do("POST", "/company/contacts", body).row(t, 201); row["ignoreDuplicates"] != nil && row["ignoreDuplicates"] != false {
		t.Errorf("ignoreDuplicates stored as %v", row["ignoreDuplicates"])
	}

	// A second default of a kind clears the first one.
	row = c.do("PATCH", path, patches("add", "/communicationItems/3", Row{"type": ref(14), "value": "a@home.example", "defaultFlag": true}, "replace", "/communicationItems/2/value", "0114")).row(t, 200)
	if at(row, "communicationItems", 0, "defaultFlag") != false || at(row, "communicationItems", 3, "defaultFlag") != true || at(row, "communicationItems", 2, "value") != "0114" || at(row, "communicationItems", 1, "defaultFlag") != true {
		t.Errorf("items %v", row["communicationItems"])
	}
	row = c.do("PATCH", path, patches("remove", "/communicationItems/3", nil, "remove", "/communicationItems/1", nil)).row(t, 200)
	if len(row["communicationItems"].([]any)) != 2 || row["defaultPhoneNbr"] != nil {
		t.Errorf("items %v, phone %v", row["communicationItems"], row["defaultPhoneNbr"])
	}
	row = c.do("PATCH", path, patches("replace", "communicationItems/0/type", ref(14), "remove", "communicationItems/1/extension", nil)).row(t, 200)
	if at(row, "communicationItems", 0, "type", "name") != "Email - Home" || at(row, "communicationItems", 1, "extension") != nil {
		t.Errorf("items %v", row["communicationItems"])
	}
	for _, p := range []string{"communicationItems/9", "communicationItems/x", "communicationItems/0/foo", "communicationItems/9/value"} {
		c.do("PATCH", path, patches("replace", p, "x")).fails(t, 400, "communicationItems")
	}
	c.do("PATCH", path, patches("add", "communicationItems/-", Row{"value": "x"})).fails(t, 400, "type")
	row = c.do("PATCH", path, patches("replace", "communicationItems", []Row{{"type": ref(2), "value": "1"}})).row(t, 200)
	if len(row["communicationItems"].([]any)) != 1 {
		t.Errorf("items %v", row["communicationItems"])
	}
	// types are a resource of their own.
	if row = c.do("PATCH", path, patches("replace", "types", []Row{ref(4)})).row(t, 200); len(row["types"].([]any)) != 2 {
		t.Errorf("types were patched: %v", row["types"])
	}
	assoc := c.get(path + "/typeAssociations").rows(t)[0]["id"]
	if d := c.do("DELETE", fmt.Sprintf("%s/typeAssociations/%v", path, assoc), nil); d.status != 204 || len(c.get(path).row(t, 200)["types"].([]any)) != 1 {
		t.Errorf("removing a type: %d %s", d.status, d.raw)
	}

	// The rows below /communications are the same items.
	cpath := path + "/communications"
	com := c.do("POST", cpath, Row{"type": ref(13), "value": "new@acme.example", "defaultFlag": true}).row(t, 201)
	if com["contactId"] != row["id"] || com["communicationType"] != "Email" || len(c.get(path).row(t, 200)["communicationItems"].([]any)) != 2 {
		t.Errorf("communication %v", com)
	}
	item := fmt.Sprintf("%s/%v", cpath, com["id"])
	if com = c.do("PATCH", item, patches("replace", "value", "newer@acme.example")).row(t, 200); com["value"] != "newer@acme.example" {
		t.Errorf("communication %v", com)
	}
	if d := c.do("DELETE", item, nil); d.status != 204 || len(c.get(cpath).rows(t)) != 1 {
		t.Errorf("DELETE: %d %s", d.status, d.raw)
	}
	c.do("DELETE", item, nil).fails(t, 404, "not found")
}

func TestDeleteContact(t *testing.T) {
	c := serve(t, Small(), Options{})
	contact := c.do("POST", "/company/contacts", Row{"firstName": "Gone", "company": ref(250)}).row(t, 201)["id"]
	path, _ := c.newTicket(t, Row{"contact": Row{"id": contact}})
	cpath := fmt.Sprintf("/company/contacts/%v", contact)
	c.do("DELETE", cpath, nil).fails(t, 409, "in use")
	c.do("DELETE", cpath+"?transferContactId=1", nil).fails(t, 404, "Contact 1 not found")
	if d := c.do("DELETE", cpath+"?transferContactId=31045", nil); d.status != 204 {
		t.Fatalf("%d %s", d.status, d.raw)
	}
	if got := at(c.get(path).row(t, 200), "contact", "id"); got != 31045 {
		t.Errorf("the ticket's contact is %v", got)
	}
}

func TestCompanies(t *testing.T) {
	c := serve(t, Small(), Options{})
	row := c.do("POST", "/company/companies", Row{"identifier": "NewCo", "name": "New Co Ltd", "addressLine1": "1 High St", "types": []Row{ref(5), ref(6)}, "site": Row{"name": "Head office"}}).row(t, 201)
	if len(row["types"].([]any)) != 2 || at(row, "status", "name") != "Active" || at(row, "site", "name") != "Head office" || row["deletedFlag"] != false {
		t.Errorf("company %v", row)
	}
	path := fmt.Sprintf("/company/companies/%v", row["id"])
	if sites := c.get(path + "/sites").rows(t); len(sites) != 1 || sites[0]["addressLine1"] != "1 High St" || at(sites[0], "company", "id") != row["id"] {
		t.Errorf("sites %v", sites)
	}
	if n := len(c.get(path + "/typeAssociations").rows(t)); n != 2 {
		t.Errorf("%d type associations", n)
	}
	c.do("POST", path+"/typeAssociations", Row{"type": ref(7), "company": ref(row["id"].(int))}).row(t, 201)
	if got := c.get(path).row(t, 200); len(got["types"].([]any)) != 3 {
		t.Errorf("types %v", got["types"])
	}
	got := ids(c.get(with("/company/companies", "childConditions", `types/name = "Vendor"`, "conditions", "deletedFlag = false")).rows(t))
	if !slices.Contains(got, row["id"].(int)) {
		t.Errorf("vendors %v", got)
	}
}

// A tenant filled by hand, as a user's test does it.
func TestTenantByHand(t *testing.T) {
	tenant := NewTenant()
	board := tenant.AddBoard("Help Desk")
	status := tenant.AddStatus(board, "New", false)
	done := tenant.AddStatus(board, "Done", true)
	typ := tenant.Add(fmt.Sprintf("/service/boards/%d/types", board), Row{"name": "Incident"})
	co := tenant.Add("/company/companies", Row{"identifier": "Acme", "name": "Acme Ltd"})
	c := serve(t, tenant, Options{})
	row := c.do("POST", "/service/tickets", Row{"summary": "x", "company": ref(co)}).row(t, 201)
	if at(row, "board", "id") != board || at(row, "status", "id") != status {
		t.Errorf("ticket %v %v", row["board"], row["status"])
	}
	if got := c.do("PATCH", fmt.Sprintf("/service/tickets/%v", row["id"]), patches("replace", "status", ref(done))).row(t, 200); got["closedFlag"] != true {
		t.Error("Done does not close")
	}
	path := fmt.Sprintf("/service/boards/%d/types", board)
	tenant.Update(path, typ, Row{"name": "Request", "category": "Reactive", "_info": Row{"updatedBy": "DRuiz", "lastUpdated": "2026-01-01T00:00:00Z"}})
	tenant.Update(path, typ, Row{"category": nil, "_info": Row{"lastUpdated": "2026-02-01T00:00:00Z"}})
	if got := tenant.Get(path, typ); got["name"] != "Request" || got["category"] != nil || at(got, "_info", "updatedBy") != "DRuiz" || at(got, "_info", "lastUpdated") != "2026-02-01T00:00:00Z" {
		t.Errorf("type %v", got)
	}
	if !tenant.Remove(path, typ) || tenant.Remove(path, typ) || tenant.Get(path, typ) != nil || len(tenant.IDs(path)) != 0 {
		t.Error("Remove")
	}
	contact := tenant.Add("/company/contacts", Row{"firstName": "A"})
	kind := tenant.Add("/company/communicationTypes", Row{"description": "Email", "emailFlag": true})
	cpath := fmt.Sprintf("/company/contacts/%d/communications", contact)
	com := tenant.Add(cpath, Row{"type": ref(kind), "value": "a@b.example"})
	tenant.Update(cpath, com, Row{"value": "c@d.example"})
	if got := tenant.Get(cpath, com); got["value"] != "c@d.example" || !tenant.Remove(cpath, com) || tenant.Remove(cpath, com) {
		t.Errorf("communication %v", got)
	}
	tenant.Screen("zz1", "Ticket")
	tenant.Add("/system/userDefinedFields", Row{"caption": "X", "screenId": "zz1", "fieldTypeIdentifier": "Text"})
	if got := c.get("/service/tickets").rows(t)[0]; at(got, "customFields", 0, "caption") != "X" {
		t.Errorf("customFields %v", got["customFields"])
	}
	for what, f := range map[string]func(){
		"unknown list":     func() { tenant.Add("/service/nothing", Row{}) },
		"unknown key":      func() { tenant.Add("/service/boards", Row{"nme": "x"}) },
		"unknown row":      func() { tenant.Update("/service/boards", 999, Row{"name": "x"}) },
		"item path":        func() { tenant.Get("/service/boards/1", 1) },
		"derived":          func() { tenant.Add(fmt.Sprintf("/service/tickets/%v/allNotes", row["id"]), Row{}) },
		"remove derived":   func() { tenant.Remove(fmt.Sprintf("/service/tickets/%v/allNotes", row["id"]), 1) },
		"remove nothing":   func() { tenant.Remove("/x", 1) },
		"ids of nothing":   func() { tenant.IDs("/x/y") },
		"parent not an id": func() { tenant.IDs("/service/boards/x/types") },
		"hide nothing":     func() { c.srv.Hide("/x", 1) },
		"item of nothing":  func() { tenant.Add("/service/boards/1/items/5/associations", Row{"id": 1}) },
	} {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "connectwisetest:") {
					t.Errorf("%s: panic %v", what, p)
				}
			}()
			f()
		}()
	}
}
