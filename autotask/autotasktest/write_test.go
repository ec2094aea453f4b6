package autotasktest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// fixed is a server whose clock stands still.
func fixed(t *testing.T, tenant *Tenant, o Options) *client {
	t.Helper()
	tenant.SetClock(func() time.Time { return time.Date(2026, 6, 9, 8, 30, 0, 250e6, time.UTC) })
	return serve(t, tenant, o)
}

const fixedStamp = "2026-06-09T08:30:00.25Z"

// newTicket is what a create needs.
func newTicket(changes Row) Row {
	row := Row{"companyID": firstCompany, "title": "New", "status": 1, "priority": 2, "queueID": firstQueue}
	for k, v := range changes {
		row[k] = v
	}
	return row
}

// A create answers the id only; what the vendor computes must be read again.
func TestCreateTicket(t *testing.T) {
	c := fixed(t, Small(), Options{})
	a := c.do("POST", "/Tickets", newTicket(Row{"id": 0, "TITLE": "Other case", "unknownField": 1, "ticketNumber": "mine", "createDate": "2020-01-01", "userDefinedFields": UDF("Impact Level", "2")}))
	id := a.saved(t)
	if got := a.object(t); len(got) != 1 || id != firstTicket+12 {
		t.Errorf("answer %v", got)
	}
	row := c.get(fmt.Sprintf("/Tickets/%d", id)).item(t)
	for k, want := range map[string]any{
		"createDate": fixedStamp, "lastActivityDate": fixedStamp, "lastTrackedModificationDateTime": fixedStamp, "ticketNumber": "T20260609.0001", "creatorResourceID": firstResource, "creatorType": 1,
		"ticketCategory": 3, "completedDate": nil, "impersonatorCreatorResourceID": nil, "queueID": firstQueue, "contactID": nil,
	} {
		if row[k] != want {
			t.Errorf("%s is %v, want %v", k, row[k], want)
		}
	}
	if got := byName(row["userDefinedFields"], "name", "Impact Level"); got["value"] != "2" {
		t.Errorf("user-defined fields %v", row["userDefinedFields"])
	}
	if c.srv.MailSent() != 0 {
		t.Error("mail without a workflow rule")
	}
}

// Refused writes are HTTP 500 with errors, and change nothing.
func TestTicketErrors(t *testing.T) {
	tenant := Medium()
	inactive := firstContact + 9
	company := tenant.Get("Contacts", inactive)["companyID"]
	api, idle := firstResource, 0
	for _, id := range tenant.IDs("Resources") {
		if tenant.Get("Resources", id)["isActive"] == false {
			idle = id
		}
	}
	tenant.Require(3, "purchaseOrderNumber", false)
	tenant.Require(4, "resolution", true)
	c := fixed(t, tenant, Options{})
	long := strings.Repeat("x", 256)
	const pair = "When assigning a Resource, you must assign both a assignedResourceID and assignedResourceRoleID."
	for _, tc := range []struct {
		change Row
		part   string
	}{
		{Row{"priority": 99}, `{"errors":["Picklist value [99] does not exist for priority."]}`}, {Row{"queueID": firstQueue + 19}, "Picklist value [29682852] does not exist for queueID."},
		{Row{"title": nil}, "Missing Required Field: title"}, {Row{"title": ""}, "Missing Required Field: title"}, {Row{"companyID": nil}, "Missing Required Field: companyID"}, {Row{"status": nil}, "status"},
		{Row{"queueID": nil}, "queueID or an assignedResourceID"}, {Row{"title": long}, "maximum of 255"}, {Row{"status": "1"}, "Error converting value 1"}, {Row{"priority": 2.5}, "Error converting"},
		{Row{"id": "0"}, "Path 'id'"}, {Row{"dueDateTime": "soon"}, "Error converting"}, {Row{"companyID": 99999}, "Reference value on field: companyID of type: Company does not exist or is invalid."},
		{Row{"assignedResourceID": firstResource + 1}, pair}, {Row{"assignedResourceRoleID": firstRole}, pair},
		{Row{"assignedResourceID": api, "assignedResourceRoleID": firstRole}, "not a valid combination"}, {Row{"assignedResourceID": idle, "assignedResourceRoleID": firstRole}, "Reference value on field: assignedResourceID of type: Resource"},
		{Row{"companyID": company, "contactID": inactive}, "Reference value on field: contactID of type: Contact does not exist or is invalid."},
		{Row{"companyID": 0, "contactID": firstContact}, "Reference value on field: contactID of type: Contact"}, {Row{"companyID": 0, "companyLocationID": firstSite + 1}, "companyLocationID of type: CompanyLocation"},
		{Row{"issueType": 11, "subIssueType": 136}, "Picklist value [136] does not exist for subIssueType."}, {Row{"subIssueType": 136}, "subIssueType"},
		{Row{"ticketCategory": 3}, "Missing Required Field: purchaseOrderNumber"}, {Row{"ticketCategory": 4, "status": StatusComplete}, "Missing Required Field: resolution"}, {Row{"ticketCategory": 10}, "does not exist for ticketCategory"},
		{Row{"userDefinedFields": UDF("Impact Level", "9")}, "picklist value does not exist"}, {Row{"userDefinedFields": UDF("Impact Level", "4")}, "picklist value does not exist"}, {Row{"userDefinedFields": "x"}, "userDefinedFields"},
		{Row{"userDefinedFields": []any{Row{"name": "Asset Tag", "value": 5}}}, "a string is expected"},
	} {
		change := Row{"ticketCategory": 5}
		for k, v := range tc.change {
			change[k] = v
		}
		c.do("POST", "/Tickets", newTicket(change)).fails(t, 500, tc.part)
	}
	c.do("POST", "/Tickets", "{").fails(t, 500, "JSON object")
	c.do("POST", "/Tickets", "\"\xff\"").fails(t, 500, "UTF-8")
	if n := len(tenant.IDs("Tickets")); n != 500 {
		t.Errorf("%d tickets", n)
	}
	// All errors at once.
	if errs := c.do("POST", "/Tickets", Row{}); strings.Count(string(errs.raw), "Missing Required Field") != 4 {
		t.Errorf("errors %s", errs.raw)
	}
	ok := newTicket(Row{"ticketCategory": 4, "assignedResourceID": firstResource + 1, "assignedResourceRoleID": firstRole + 1, "issueType": 10, "subIssueType": 136})
	c.do("POST", "/Tickets", ok).saved(t)
}

// PATCH changes what is sent, null clears, PUT clears what is not sent.
func TestUpdateTicket(t *testing.T) {
	c := fixed(t, Small(), Options{})
	path := fmt.Sprintf("/Tickets/%d", firstTicket)
	before := c.get(path).item(t)
	if got := c.do("PATCH", "/Tickets", Row{"id": firstTicket, "priority": 3, "externalID": nil, "nope": 1}).saved(t); got != firstTicket {
		t.Errorf("itemId %d", got)
	}
	after := c.get(path).item(t)
	for k := range after {
		switch k {
		case "priority", "externalID", "lastActivityDate", "lastTrackedModificationDateTime", "lastActivityResourceID", "userDefinedFields":
			continue
		}
		if after[k] != before[k] {
			t.Errorf("%s moved from %v to %v", k, before[k], after[k])
		}
	}
	if after["priority"] != 3 || after["externalID"] != nil || after["lastActivityDate"] != fixedStamp || after["lastTrackedModificationDateTime"] != fixedStamp {
		t.Errorf("after %v", after)
	}
	if !slices.Equal(fmt.Appendf(nil, "%v", after["userDefinedFields"]), fmt.Appendf(nil, "%v", before["userDefinedFields"])) {
		t.Error("user-defined fields that were not sent changed")
	}
	// User-defined fields by name: the others keep theirs.
	c.do("PATCH", "/Tickets", Row{"id": firstTicket, "userDefinedFields": []any{Row{"name": "asset tag", "value": nil}, Row{"name": "Nope", "value": "x"}}}).saved(t)
	udfs := c.get(path).item(t)["userDefinedFields"]
	if byName(udfs, "name", "Asset Tag")["value"] != nil || byName(udfs, "name", "Impact Level")["value"] != "1" {
		t.Errorf("user-defined fields %v", udfs)
	}
	c.do("PUT", "/Tickets", newTicket(Row{"id": firstTicket})).saved(t)
	put := c.get(path).item(t)
	if put["issueType"] != nil || put["assignedResourceID"] != nil || put["ticketNumber"] != before["ticketNumber"] || put["createDate"] != before["createDate"] || byName(put["userDefinedFields"], "name", "Impact Level")["value"] != nil {
		t.Errorf("after PUT %v", put)
	}
	c.do("PUT", "/Tickets", Row{"id": firstTicket, "title": "x"}).fails(t, 500, "Missing Required Field: companyID")
	c.do("PATCH", "/Tickets", Row{"title": "x"}).fails(t, 500, "Missing Required Field: id")
	c.do("PATCH", "/Tickets", Row{"id": "70211", "title": "x"}).fails(t, 500, "Path 'id'")
	c.do("PATCH", "/Tickets", Row{"id": 1, "title": "x"}).fails(t, 500, "No matching records found")
}

// What a row holds stays valid, even after a choice is retired; and unknown
// keys alone change nothing.
func TestStaleChoicesStay(t *testing.T) {
	tenant := Small()
	c := fixed(t, tenant, Options{})
	tenant.RemovePicklistValue("Tickets", "queueID", firstQueue)
	stamp := tenant.Get("Tickets", firstTicket)["lastActivityDate"]
	c.do("PATCH", "/Tickets", Row{"id": firstTicket, "queue": 1, "createDate": "2020-01-01T00:00:00Z"}).saved(t)
	if got := tenant.Get("Tickets", firstTicket)["lastActivityDate"]; got != stamp {
		t.Errorf("nothing was changed at %v", got)
	}
	c.do("PATCH", "/Tickets", Row{"id": firstTicket, "queueID": firstQueue, "title": "x"}).saved(t)
	c.do("PATCH", "/Tickets", Row{"id": firstTicket + 1, "queueID": firstQueue}).fails(t, 500, "does not exist for queueID")
}

func TestCompletingAndMoving(t *testing.T) {
	c := fixed(t, Small(), Options{})
	patch := func(change Row) answer {
		change["id"] = firstTicket
		return c.do("PATCH", "/Tickets", change)
	}
	row := func() map[string]any { return c.get("/Tickets/70211").item(t) }
	patch(Row{"status": StatusComplete}).saved(t)
	if r := row(); r["completedDate"] != fixedStamp || r["completedByResourceID"] != firstResource {
		t.Errorf("complete: %v by %v", r["completedDate"], r["completedByResourceID"])
	}
	patch(Row{"status": 1}).saved(t)
	if r := row(); r["completedDate"] != nil {
		t.Errorf("reopened: %v", r["completedDate"])
	}
	// Another company needs contact and location cleared.
	patch(Row{"companyID": firstCompany + 1}).fails(t, 500, "contactID of type: Contact")
	patch(Row{"companyID": firstCompany + 1, "contactID": nil}).fails(t, 500, "companyLocationID of type: CompanyLocation")
	patch(Row{"companyID": firstCompany + 1, "contactID": nil, "companyLocationID": nil}).saved(t)
	patch(Row{"assignedResourceID": nil}).fails(t, 500, "you must assign both")
	patch(Row{"assignedResourceID": nil, "assignedResourceRoleID": nil}).saved(t)
	patch(Row{"queueID": nil}).fails(t, 500, "queueID or an assignedResourceID")
}

// Notes and time move lastActivityDate and not the tracked stamp.
func TestActivityStamps(t *testing.T) {
	for _, keep := range []bool{false, true} {
		tenant := Small()
		c := fixed(t, tenant, Options{NotesKeepStamp: keep, UDFKeepsTracked: keep})
		old := tenant.Get("Tickets", firstTicket)
		note := Row{"title": "N", "description": "Text", "noteType": 3, "publish": 1}
		c.do("POST", "/Tickets/70211/Notes", note).saved(t)
		got := tenant.Get("Tickets", firstTicket)
		if (got["lastActivityDate"] == fixedStamp) == keep || got["lastTrackedModificationDateTime"] != old["lastTrackedModificationDateTime"] || got["lastCustomerVisibleActivityDateTime"] != fixedStamp {
			t.Errorf("keep %v: %v %v", keep, got["lastActivityDate"], got["lastTrackedModificationDateTime"])
		}
		c.do("PATCH", "/Tickets", Row{"id": firstTicket, "userDefinedFields": UDF("Asset Tag", "Z")}).saved(t)
		if got := tenant.Get("Tickets", firstTicket); (got["lastTrackedModificationDateTime"] == fixedStamp) == keep || got["lastActivityDate"] != fixedStamp {
			t.Errorf("keep %v: user-defined fields: %v", keep, got["lastTrackedModificationDateTime"])
		}
		c.do("PATCH", "/Tickets", Row{"id": firstTicket, "title": "x", "userDefinedFields": UDF("Asset Tag", "Y")}).saved(t)
		if got := tenant.Get("Tickets", firstTicket); got["lastTrackedModificationDateTime"] != fixedStamp {
			t.Errorf("keep %v: title: %v", keep, got["lastTrackedModificationDateTime"])
		}
	}
}

func TestNotes(t *testing.T) {
	tenant := Small()
	c := fixed(t, tenant, Options{})
	path := "/Tickets/70211/Notes"
	for _, k := range []string{"title", "description", "noteType", "publish"} {
		note := Row{"title": "N", "description": "Text", "noteType": 3, "publish": 1}
		delete(note, k)
		c.do("POST", path, note).fails(t, 500, "Missing Required Field: "+k)
	}
	note := Row{"title": "N", "description": "Text", "noteType": 3, "publish": 2, "createdByContactID": firstContact}
	c.do("POST", path, note).fails(t, 500, "published to all")
	note["publish"] = 7
	c.do("POST", path, note).fails(t, 500, "Picklist value [7] does not exist for publish.")
	note["publish"] = 1
	id := c.do("POST", path, note).saved(t)
	got := c.get(fmt.Sprintf("/TicketNotes/%d", id)).item(t)
	if got["ticketID"] != firstTicket || got["creatorResourceID"] != firstResource || got["createDateTime"] != fixedStamp || len(got) != 12 {
		t.Errorf("note %v", got)
	}
	c.do("POST", "/Tickets/1/Notes", note).fails(t, 500, "Reference value on field: ticketID of type: Ticket")
	note["ticketID"] = firstTicket + 1
	c.do("POST", path, note).fails(t, 500, "does not fit the parent")
	c.do("PATCH", path, Row{"id": id, "description": "Changed", "ticketID": firstTicket + 1}).saved(t)
	if got := tenant.Get("TicketNotes", id); got["description"] != "Changed" || got["ticketID"] != firstTicket {
		t.Errorf("changed %v", got)
	}
	c.do("PATCH", "/Tickets/70212/Notes", Row{"id": id, "description": "x"}).fails(t, 500, "No matching records found")
	c = fixed(t, Small(), Options{OptionalNoteName: true})
	c.do("POST", path, Row{"description": "Text", "noteType": 3, "publish": 2}).saved(t)
}

// A resource on whose behalf the API user writes is the author.
func TestImpersonation(t *testing.T) {
	c := fixed(t, Small(), Options{})
	who := firstResource + 1
	c.head = map[string]string{"ImpersonationResourceId": fmt.Sprint(who)}
	id := c.do("POST", "/Tickets", newTicket(nil)).saved(t)
	if got := c.get(fmt.Sprintf("/Tickets/%d", id)).item(t); got["creatorResourceID"] != who || got["impersonatorCreatorResourceID"] != firstResource {
		t.Errorf("creator %v by %v", got["creatorResourceID"], got["impersonatorCreatorResourceID"])
	}
	note := c.do("POST", "/Tickets/70211/Notes", Row{"title": "N", "description": "T", "noteType": 3, "publish": 2}).saved(t)
	c.do("PATCH", "/Tickets/70211/Notes", Row{"id": note, "title": "M"}).saved(t)
	if got := c.get(fmt.Sprintf("/TicketNotes/%d", note)).item(t); got["impersonatorUpdaterResourceID"] != firstResource || got["creatorResourceID"] != who {
		t.Errorf("note %v", got)
	}
	for _, bad := range []string{fmt.Sprint(firstResource), fmt.Sprint(firstResource + 5), "1", "x"} { // API-only, inactive, missing, no number
		c.head["ImpersonationResourceId"] = bad
		c.do("POST", "/Tickets", newTicket(nil)).fails(t, 500, "errors")
		c.query("Tickets").rows(t) // reading ignores it
		c.do("PATCH", "/Departments", Row{"id": 29683384, "name": "D" + bad}).saved(t)
	}
	c.srv.opts.NoImpersonation = true
	c.head["ImpersonationResourceId"] = fmt.Sprint(who)
	c.do("POST", "/Tickets", newTicket(nil)).fails(t, 500, "cannot be impersonated")
}

func TestTimeEntries(t *testing.T) {
	tenant := Small()
	who, role := firstResource+1, firstRole+1
	valid := func(changes Row) Row {
		row := Row{"ticketID": firstTicket, "resourceID": who, "roleID": role, "dateWorked": "2026-06-08T00:00:00", "hoursWorked": 0.75, "summaryNotes": "Done", "billingCodeID": firstCode}
		for k, v := range changes {
			row[k] = v
		}
		return row
	}
	c := fixed(t, tenant, Options{})
	for _, tc := range []struct {
		change Row
		part   string
	}{
		{Row{"hoursWorked": 0}, "greater than 0"}, {Row{"hoursWorked": 24.25}, "not more than 24"}, {Row{"hoursWorked": nil}, "greater than 0"}, {Row{"resourceID": nil}, "Missing Required Field: resourceID"},
		{Row{"roleID": nil}, "Missing Required Field: roleID"}, {Row{"roleID": firstRole}, "Reference value on field: roleID of type: Role"}, {Row{"dateWorked": nil}, "Missing Required Field: dateWorked"},
		{Row{"ticketID": nil}, "exactly one"}, {Row{"taskID": 5}, "exactly one"}, {Row{"startDateTime": "2026-06-08T08:00:00Z"}, "set together"}, {Row{"ticketID": 1}, "ticketID of type: Ticket"},
		{Row{"ticketID": nil, "timeEntryType": 5}, "internalBillingCodeID"}, {Row{"resourceID": firstResource + 5}, "resourceID of type: Resource"}, {Row{"startDateTime": "2026-06-08T08:00:00Z", "endDateTime": "2026-06-08T08:00:00Z"}, "greater than 0"},
	} {
		c.do("POST", "/TimeEntries", valid(tc.change)).fails(t, 500, tc.part)
	}
	id := c.do("POST", "/TimeEntries", valid(Row{"startDateTime": "2026-06-08T08:00:00Z", "endDateTime": "2026-06-08T08:45:00Z", "dateWorked": nil, "offsetHours": 0.25})).saved(t)
	got := c.get(fmt.Sprintf("/TimeEntries/%d", id)).item(t)
	for k, want := range map[string]any{
		"hoursWorked": 0.75, "hoursToBill": 1.0, "dateWorked": "2026-06-08T00:00:00Z", "timeEntryType": 2, "isNonBillable": false, "showOnInvoice": true, "creatorUserID": firstResource, "lastModifiedDateTime": fixedStamp,
	} {
		if got[k] != want {
			t.Errorf("%s is %v, want %v", k, got[k], want)
		}
	}
	if tenant.Get("Tickets", firstTicket)["lastActivityDate"] != fixedStamp {
		t.Error("time does not move the ticket")
	}
	c.do("PATCH", "/TimeEntries", Row{"id": id, "isNonBillable": true, "ticketID": firstTicket + 1}).saved(t)
	if got := tenant.Get("TimeEntries", id); got["hoursToBill"] != 0.0 || got["ticketID"] != firstTicket {
		t.Errorf("changed %v", got)
	}
	regular := Row{"resourceID": who, "timeEntryType": 5, "internalBillingCodeID": firstCode + 3, "dateWorked": "2026-06-08", "hoursWorked": 2}
	c.do("POST", "/TimeEntries", regular).saved(t)
	regular["internalBillingCodeID"] = firstCode
	c.do("POST", "/TimeEntries", regular).fails(t, 500, "internalBillingCodeID")
	// Only sheets that are New or Rejected change.
	day := time.Date(2026, 6, 14, 12, 0, 0, 0, time.UTC) // Sunday of the same week
	for _, state := range []string{SheetSubmitted, SheetApproved, SheetPosted} {
		tenant.SetTimesheet(who, day, state)
		c.do("POST", "/TimeEntries", valid(nil)).fails(t, 500, "its timesheet is "+state)
		c.do("PATCH", "/TimeEntries", Row{"id": id, "summaryNotes": "x"}).fails(t, 500, state)
		c.do("PATCH", "/TimeEntries", Row{"id": id, "dateWorked": "2026-07-08", "startDateTime": nil, "endDateTime": nil}).fails(t, 500, state)
		c.do("DELETE", fmt.Sprintf("/TimeEntries/%d", id), nil).fails(t, 500, state)
	}
	tenant.SetTimesheet(who, day, SheetRejected)
	if got := c.do("DELETE", fmt.Sprintf("/TimeEntries/%d", id), nil).saved(t); got != id || tenant.Get("TimeEntries", id) != nil {
		t.Errorf("deleted %d", got)
	}
	if logs := c.query("DeletedTicketActivityLogs", cond("eq", "typeID", deletedTime)).rows(t); len(logs) != 1 || logs[0]["hoursWorked"] != 0.75 || logs[0]["deletedByResourceID"] != firstResource {
		t.Errorf("log %v", logs)
	}
	c.do("DELETE", "/TimeEntries/1", nil).fails(t, 500, "No matching records found. The logged in Resource may not have the required permissions to delete the data.")

	c = fixed(t, Small(), Options{NoProxyTime: true, NoMidnight: true})
	c.do("POST", "/TimeEntries", valid(nil)).fails(t, 500, "enter time for another resource")
	c.head = map[string]string{"ImpersonationResourceId": fmt.Sprint(who)}
	c.do("POST", "/TimeEntries", valid(nil)).saved(t)
	c.do("POST", "/TimeEntries", valid(Row{"startDateTime": "2026-06-08T23:30:00Z", "endDateTime": "2026-06-09T00:30:00Z"})).fails(t, 500, "midnight")
}

func TestCompaniesAndContacts(t *testing.T) {
	tenant := Small()
	c := fixed(t, tenant, Options{})
	company := Row{"companyName": "Acme", "companyType": 1, "ownerResourceID": firstResource + 1, "phone": "555"}
	for k := range company {
		body := Row{"companyName": "Acme", "companyType": 1, "ownerResourceID": firstResource + 1, "phone": "555"}
		delete(body, k)
		c.do("POST", "/Companies", body).fails(t, 500, "Missing Required Field: "+k)
	}
	id := c.do("POST", "/Companies", company).saved(t)
	got := c.get(fmt.Sprintf("/Companies/%d", id)).item(t)
	if got["isActive"] != true || got["billToAddressToUse"] != 1 || got["createDate"] != fixedStamp || got["lastTrackedModifiedDateTime"] != fixedStamp || got["createdByResourceID"] != firstResource {
		t.Errorf("company %v", got)
	}
	c.do("PATCH", "/Companies", Row{"id": 0, "city": "Boston"}).saved(t)
	if tenant.Get("Companies", 0)["city"] != "Boston" {
		t.Error("company 0 did not change")
	}
	base := fmt.Sprintf("/Companies/%d/Contacts", id)
	contact := Row{"firstName": "A", "lastName": "B", "isActive": 1}
	c.do("POST", base, Row{"firstName": "A", "lastName": "B"}).fails(t, 500, "Missing Required Field: isActive")
	c.do("POST", base, Row{"firstName": "A", "lastName": "B", "isActive": 2}).fails(t, 500, "0 or 1")
	c.do("POST", base, Row{"firstName": "A", "lastName": "B", "isActive": true}).fails(t, 500, "Error converting value true")
	c.do("POST", base, Row{"firstName": "A", "lastName": "B", "isActive": 1, "companyLocationID": firstSite}).fails(t, 500, "companyLocationID of type: CompanyLocation")
	who := c.do("POST", base, contact).saved(t)
	c.do("PATCH", base, Row{"id": who, "isActive": 0, "mobilePhone": "1"}).saved(t)
	if got := tenant.Get("Contacts", who); got["companyID"] != id || got["isActive"] != 0 || got["lastModifiedDate"] != fixedStamp {
		t.Errorf("contact %v", got)
	}
	c.do("DELETE", fmt.Sprintf("/Companies/0/Contacts/%d", who), nil).fails(t, 500, "No matching records found")
	tenant.Update("Contacts", who, Row{"primaryContact": true})
	c.do("DELETE", fmt.Sprintf("%s/%d", base, who), nil).fails(t, 500, "refer to it")
	tenant.Update("Contacts", who, Row{"primaryContact": false})
	c.do("DELETE", fmt.Sprintf("%s/%d", base, who), nil).saved(t)
	first := tenant.Get("Contacts", firstContact)
	c.do("DELETE", fmt.Sprintf("/Companies/%v/Contacts/%d", first["companyID"], firstContact), nil).fails(t, 500, "refer to it")
	site := c.do("POST", fmt.Sprintf("/Companies/%d/Locations", id), Row{"name": "Main"}).saved(t)
	c.do("POST", fmt.Sprintf("/Companies/%d/Locations", id), Row{"name": "main"}).fails(t, 500, "already exists with Name [main]")
	if tenant.Get("CompanyLocations", site)["isActive"] != true {
		t.Error("a new location is not active")
	}
	used := tenant.Add("Tickets", newTicket(Row{"companyID": id, "companyLocationID": site}))
	c.do("DELETE", fmt.Sprintf("/Companies/%d/Locations/%d", id, site), nil).fails(t, 500, "refer to it")
	tenant.Remove("Tickets", used)
	c.do("DELETE", fmt.Sprintf("/Companies/%d/Locations/%d", id, site), nil).saved(t)
	c.do("DELETE", fmt.Sprintf("/Companies/%d/Locations/%d", firstCompany, firstSite+1), nil).fails(t, 500, "refer to it")
}

// Configuration that the API can write.
func TestConfigurationWrites(t *testing.T) {
	tenant := Small()
	c := fixed(t, tenant, Options{})
	group := c.do("POST", "/ContactGroups", Row{"name": "VIP", "isActive": true}).saved(t)
	c.do("POST", "/ContactGroups", Row{"name": "vip", "isActive": true}).fails(t, 500, "A ContactGroup already exists with Name [vip]")
	c.do("PATCH", "/ContactGroups", Row{"id": group, "name": "VIP"}).saved(t)
	link := c.do("POST", fmt.Sprintf("/ContactGroups/%d/Contacts", group), Row{"contactId": firstContact}).saved(t)
	c.do("POST", fmt.Sprintf("/ContactGroups/%d/Contacts", group), Row{"contactId": firstContact}).fails(t, 500, "already in the contact group")
	c.do("DELETE", fmt.Sprintf("/ContactGroups/%d", group), nil).fails(t, 500, "refer to it")
	c.do("DELETE", fmt.Sprintf("/ContactGroups/%d/Contacts/%d", group, link), nil).saved(t)
	c.do("DELETE", fmt.Sprintf("/ContactGroups/%d", group), nil).saved(t)

	def := c.do("POST", "/UserDefinedFieldDefinitions", Row{"name": "Tier", "udfType": udfTicket, "dataType": udfList}).saved(t)
	c.do("POST", "/UserDefinedFieldDefinitions", Row{"name": "tier", "udfType": udfTicket, "dataType": udfList}).fails(t, 500, "already exists with Name [tier]")
	c.do("POST", "/UserDefinedFieldDefinitions", Row{"name": "Tier", "udfType": udfCompany, "dataType": udfList}).saved(t)
	items := fmt.Sprintf("/UserDefinedFields/%d/ListItems", def)
	item := c.do("POST", items, Row{"valueForDisplay": "Gold", "valueForExport": "g"}).saved(t)
	c.do("POST", items, Row{"valueForDisplay": "Other", "valueForExport": "G"}).fails(t, 500, "valueForExport [G]")
	c.do("POST", items, Row{"valueForDisplay": "gold", "valueForExport": "x"}).fails(t, 500, "valueForDisplay [gold]")
	c.do("PATCH", "/Tickets", Row{"id": firstTicket, "userDefinedFields": UDF("Tier", "g")}).saved(t)
	c.do("PATCH", items, Row{"id": item, "isActive": false}).saved(t)
	c.do("PATCH", "/Tickets", Row{"id": firstTicket + 1, "userDefinedFields": UDF("Tier", "g")}).fails(t, 500, "picklist value does not exist")
	if got := c.get("/Tickets/70211").item(t)["userDefinedFields"]; byName(got, "name", "Tier")["value"] != "g" {
		t.Errorf("%v", got)
	}
	kept := c.get(fmt.Sprintf("/UserDefinedFieldDefinitions/%d", def)).item(t)
	if kept["isActive"] != true || kept["createDate"] != fixedStamp {
		t.Errorf("definition %v", kept)
	}
	c.do("PATCH", "/TicketCategories", Row{"id": 3, "name": "Default form", "isApiOnly": true}).saved(t)
	if got := tenant.Get("TicketCategories", 3); got["name"] != "Default form" || got["isApiOnly"] != false {
		t.Errorf("category %v", got)
	}
	tag := c.do("POST", "/Tags", Row{"label": "new"}).saved(t)
	c.do("DELETE", fmt.Sprintf("/Tags/%d", tag), nil).saved(t)
	tenant.Update("Tags", 51, Row{"isSystem": true})
	c.do("DELETE", "/Tags/51", nil).fails(t, 500, "cannot be deleted")
	c.do("POST", fmt.Sprintf("/Resources/%d/RoleQueues", firstResource+1), Row{"queueID": firstQueue + 3}).saved(t)
	c.do("PATCH", "/Resources", Row{"id": firstResource + 1, "title": "Lead", "licenseType": 2}).saved(t)
	if got := tenant.Get("Resources", firstResource+1); got["title"] != "Lead" || got["licenseType"] != 1 {
		t.Errorf("resource %v", got)
	}
	numbers := tenant.Add("UserDefinedFieldDefinitions", Row{"name": "Count", "udfType": udfTicket, "dataType": udfNumber})
	tenant.Add("UserDefinedFieldDefinitions", Row{"name": "Due", "udfType": udfTicket, "dataType": udfDate})
	for name, value := range map[string]string{"Count": "many", "Due": "later"} {
		c.do("PATCH", "/Tickets", Row{"id": firstTicket, "userDefinedFields": UDF(name, value)}).fails(t, 500, "is expected")
	}
	c.do("PATCH", "/Tickets", Row{"id": firstTicket, "userDefinedFields": UDF("Count", "12.5", "Due", "2026-06-01")}).saved(t)
	for _, f := range []Row{{"op": "gt", "field": "Count", "value": 9, "udf": true}, {"op": "lt", "field": "Due", "value": "2026-07-01", "udf": true}} {
		if got := ids(c.query("Tickets", f).rows(t)); !slices.Equal(got, []int{firstTicket}) {
			t.Errorf("%v: %v", f, got)
		}
	}
	tenant.Update("Tickets", firstTicket, Row{"userDefinedFields": UDF("Count", "odd")})
	if got := c.query("Tickets", Row{"op": "exist", "field": "Count", "udf": true}).rows(t); len(got) != 0 {
		t.Errorf("a text in number field %d: %v", numbers, got)
	}
}

// People delete; the API tells from the logs.
func TestDeletesOfPeople(t *testing.T) {
	tenant := Small()
	c := fixed(t, tenant, Options{})
	by := firstResource + 1
	number := tenant.Get("Tickets", firstTicket)["ticketNumber"]
	if !tenant.Delete("Tickets", firstTicket, by) || tenant.Delete("Tickets", firstTicket, by) {
		t.Error("ticket not deleted once")
	}
	log := c.query("DeletedTicketLogs", cond("gte", "deletedDateTime", "2026-06-09T00:00:00Z")).rows(t)
	if len(log) != 1 || log[0]["ticketID"] != firstTicket || log[0]["ticketNumber"] != number || log[0]["deletedByResourceID"] != by || log[0]["deletedDateTime"] != fixedStamp {
		t.Errorf("log %v", log)
	}
	for _, collection := range []string{"TicketNotes", "TimeEntries"} {
		if n := len(c.query(collection, cond("eq", "ticketID", firstTicket)).rows(t)); n != 0 {
			t.Errorf("%d %s are left", n, collection)
		}
	}
	note := c.query("TicketNotes").rows(t)[0]
	tenant.Delete("TicketNotes", note["id"].(int), by)
	activity := c.query("DeletedTicketActivityLogs", cond("gte", "deletedDateTime", "2026-06-09T00:00:00Z")).rows(t)
	if len(activity) != 1 || activity[0]["ticketID"] != note["ticketID"] || activity[0]["typeID"] != deletedNote || activity[0]["noteOrAttachmentTitle"] != note["title"] {
		t.Errorf("activity %v", activity)
	}
	task := tenant.Add("TimeEntries", Row{"taskID": 9, "resourceID": by, "hoursWorked": 1.5})
	tenant.Delete("TimeEntries", task, by)
	if got := c.query("DeletedTaskActivityLogs", cond("eq", "taskID", 9)).rows(t); len(got) != 1 || got[0]["hoursWorked"] != 1.5 {
		t.Errorf("task %v", got)
	}
	tenant.Remove("TicketNotes", c.query("TicketNotes").rows(t)[0]["id"].(int))
	if n := len(c.query("DeletedTicketActivityLogs").rows(t)); n != 2 {
		t.Errorf("%d logs: Remove leaves no trace", n)
	}
}

// Rules of the tenant run on writes and cannot be suppressed.
func TestWorkflowRules(t *testing.T) {
	tenant := Small()
	c := fixed(t, tenant, Options{})
	tenant.AddWorkflowRule(WorkflowRule{Collection: "Tickets", Create: true, MailTo: "contact"})
	tenant.AddWorkflowRule(WorkflowRule{Collection: "TicketNotes", Create: true, Set: Row{"status": 7}, Note: "Customer answered"})
	id := c.do("POST", "/Tickets", newTicket(nil)).saved(t)
	c.do("PATCH", "/Tickets", Row{"id": id, "title": "y"}).saved(t)
	if m := c.srv.Mail(); len(m) != 1 || m[0].To != "contact" || m[0].Record != fmt.Sprintf("/Tickets/%d", id) {
		t.Errorf("mail %v", m)
	}
	c.do("POST", fmt.Sprintf("/Tickets/%d/Notes", id), Row{"title": "N", "description": "T", "noteType": 3, "publish": 1}).saved(t)
	if got := tenant.Get("Tickets", id)["status"]; got != 7 {
		t.Errorf("status %v", got)
	}
	notes := c.get(fmt.Sprintf("/Tickets/%d/Notes", id)).rows(t)
	if len(notes) != 2 || notes[1]["noteType"] != noteWorkflow || notes[1]["creatorResourceID"] != nil {
		t.Errorf("notes %v", notes)
	}
}
