package connectwisetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// patches builds a JSON Patch body from op, path, value triples.
func patches(ops ...any) []Row {
	var out []Row
	for i := 0; i < len(ops); i += 3 {
		p := Row{"op": ops[i], "path": ops[i+1]}
		if ops[i] != "remove" {
			p["value"] = ops[i+2]
		}
		out = append(out, p)
	}
	return out
}

func TestCreateConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Small(), Options{})
		for _, tc := range []struct {
			path string
			body Row
		}{
			{"/service/boards", Row{"name": "New board", "location": ref(2), "department": Row{"identifier": "Services"}}},
			{"/service/boards/12/statuses", Row{"name": "Parked", "sortOrder": 99}},
			{"/service/boards/12/types", Row{"name": "Audit"}},
			{"/service/boards/12/subtypes", Row{"name": "Audit sub", "typeAssociationIds": []int{301}}},
			{"/service/boards/12/items", Row{"name": "Audit item"}},
			{"/service/boards/12/teams", Row{"name": "Auditors", "teamLeader": ref(171), "members": []int{171}}},
			{"/service/priorities", Row{"name": "Priority 9", "color": "blue"}},
			{"/service/SLAs", Row{"name": "Gold", "basedOn": "AllHours"}},
			{"/service/SLAs/3/priorities", Row{"priority": ref(6), "respondHours": 1}},
			{"/service/sources", Row{"name": "Chat"}},
			{"/service/locations", Row{"name": "Lab", "where": "InHouse"}},
			{"/service/templates", Row{"name": "Template", "board": ref(12)}},
			{"/company/companies/types", Row{"name": "Reseller"}},
			{"/company/companies/statuses", Row{"name": "Paused"}},
			{"/company/contacts/types", Row{"description": "Champion"}},
			{"/company/contacts/relationships", Row{"name": "Advisor"}},
			{"/company/contacts/departments", Row{"name": "Legal"}},
			{"/company/communicationTypes", Row{"description": "Pager", "phoneFlag": true}},
			{"/company/teamRoles", Row{"name": "Sponsor"}},
			{"/company/noteTypes", Row{"name": "Call"}},
			{"/system/members", Row{"identifier": "NewOne", "licenseClass": "F", "firstName": "New", "lastName": "One", "hireDate": "2026-01-01T00:00:00Z", "defaultEmail": "Office", "defaultPhone": "Office", "securityRole": ref(63)}},
			{"/system/members/types", Row{"name": "Trainee"}},
			{"/system/securityroles", Row{"name": "Auditor"}},
			{"/system/departments", Row{"identifier": "Legal", "name": "Legal"}},
			{"/system/locations", Row{"name": "York Office", "structureLevel": Row{"id": 2}}},
			{"/system/userDefinedFields", Row{"podId": 9, "caption": "Rack", "sequenceNumber": 40, "screenId": "sr100", "fieldTypeIdentifier": "Text", "entryTypeIdentifier": "List", "options": []Row{{"optionValue": "A"}, {"optionValue": "B"}}}},
			{"/time/workTypes", Row{"name": "Weekend", "billTime": "Billable", "rateType": "Multiplier", "rate": 2}},
			{"/time/workRoles", Row{"name": "Architect", "addAllLocations": true}},
			{"/time/chargeCodes", Row{"name": "Meetings", "company": ref(2)}},
			{"/company/companies/250/sites", Row{"name": "Annex"}},
			{"/company/contacts/31045/communications", Row{"type": ref(14), "value": "home@x.example"}},
			{"/company/companies/250/typeAssociations", Row{"type": ref(6), "company": ref(250)}},
			{"/company/contactTypeAssociations", Row{"type": ref(6), "contact": ref(31045)}},
			{"/system/callbacks", Row{"url": "https://sync.example/cw?recordId=", "type": "ticket", "level": "owner", "objectId": 0}},
		} {
			a := c.do("POST", tc.path, tc.body)
			row := a.row(t, 201)
			r, _ := loadAPI().match(tc.path)
			for _, b := range conforms(loadAPI().schema, tc.path, r.ep.entity, row, true) {
				t.Error(b)
			}
			loc := a.header.Get("Location")
			if !strings.HasSuffix(loc, fmt.Sprintf("%s/%v", tc.path, row["id"])) {
				t.Errorf("%s: Location %s", tc.path, loc)
			}
			if !bareInfo(r.ep.table) && (at(row, "_info", "updatedBy") != "SyncApi" || at(row, "_info", "lastUpdated") != stamp(time.Now())) {
				t.Errorf("%s: _info %v", tc.path, row["_info"])
			}
			again := c.get(fmt.Sprintf("%s/%v", tc.path, row["id"]))
			if string(again.raw) != string(a.raw) {
				t.Errorf("%s: GET answers\n%s\nPOST answered\n%s", tc.path, again.raw, a.raw)
			}
			// Every key but the switches can be read back as sent.
			for k, v := range tc.body {
				switch v.(type) {
				case string, bool:
					if got := row[k]; got != v && !isSwitch(r.ep.table, k) && !strings.EqualFold(fmt.Sprint(got), fmt.Sprint(v)) {
						t.Errorf("%s: %s is %v, sent %v", tc.path, k, got, v)
					}
				}
			}
			if r.ep.does("D") && r.ep.table != "contactTypeAssociations" {
				item := fmt.Sprintf("%s/%v", tc.path, row["id"])
				if d := c.do("DELETE", item, nil); d.status != 204 || len(d.raw) != 0 {
					t.Errorf("DELETE %s: %d %s", item, d.status, d.raw)
				}
				if c.get(item).status != 404 {
					t.Errorf("%s is still there", item)
				}
			}
		}
	})
}

func TestCreateErrors(t *testing.T) {
	c := serve(t, Small(), Options{})
	long := strings.Repeat("x", 101)
	for _, tc := range []struct {
		path  string
		body  any
		parts []string
	}{
		{"/service/tickets", Row{"company": ref(250)}, []string{`{"code":"InvalidObject","message":"ticket object is invalid","errors":[{"code":"MissingRequiredField","message":"The summary field is required.","resource":"ticket","field":"summary"}]}`}},
		{"/service/tickets", Row{}, []string{`"field":"summary"`, `"field":"company"`}},
		{"/service/tickets", Row{"summary": long, "company": ref(250)}, []string{`maximum length of 100`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(999)}, []string{`"field":"company"`, `not found`}},
		{"/service/tickets", Row{"summary": "x", "company": 250}, []string{`must be an object`}},
		{"/service/tickets", Row{"summary": "x", "company": Row{}}, []string{`id, identifier or name`}},
		{"/service/tickets", Row{"summary": "x", "company": Row{"identifier": "nobody"}}, []string{`'nobody' was not found`}},
		{"/service/tickets", Row{"summary": 1, "company": ref(250)}, []string{`must be a string`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "severity": "Huge"}, []string{`'Huge' is not valid for severity`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "budgetHours": "1"}, []string{`must be a number`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "parentTicketId": 1.5}, []string{`must be an integer`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "approved": "yes"}, []string{`must be a boolean`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "requiredDate": "soon"}, []string{`must be a datetime`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "Summary": "x"}, []string{`Summary is not a field`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "integratorTags": "x"}, []string{`must be an array`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "customFields": []Row{{"id": 17, "value": "x"}}}, []string{`no custom field 17`}}, // of companies
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "customFields": []Row{{"id": 16, "value": "Plaid"}}}, []string{`not one of the options`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "customFields": []Row{{"id": 16, "value": "Retired"}}}, []string{`not one of the options`}},
		{"/service/tickets", Row{"summary": "x", "company": ref(250), "customFields": []Row{{"id": 19, "value": "3"}}}, []string{`a number is expected`}},
		{"/service/boards", Row{"name": "x"}, []string{`"field":"location"`, `"field":"department"`}},
		{"/service/boards", Row{"name": "service desk", "location": ref(2), "department": ref(10)}, []string{`"ObjectExists"`}},
		{"/service/boards/12/subtypes", Row{"name": "x", "typeAssociationIds": []int{321}}, []string{`not found on the board`}}, // a type of board 13
		{"/service/SLAs", Row{"name": "x", "basedOn": "Custom"}, []string{`"field":"customCalendar"`}},
		{"/company/companies", Row{"identifier": "acmewidgets250", "name": "x", "city": "y"}, []string{`"ObjectExists"`}},
		{"/company/companies", Row{"identifier": "new", "name": "x"}, []string{`At least one address field`}},
		{"/company/contacts/31045/communications", Row{"value": "x"}, []string{`"field":"type"`}},
		{"/company/contacts/31045/communications", Row{"type": ref(13), "value": " "}, []string{`"field":"value"`}},
		{"/system/callbacks", Row{"url": "nowhere", "type": "ticket", "level": "owner", "objectId": 1}, []string{`Invalid URL`}},
		{"/system/callbacks", Row{"url": "https://x.example/", "type": "board", "level": "owner", "objectId": 1}, []string{`Unrecognized type`}}, // setup tables have none
		{"/system/callbacks", Row{"url": "https://x.example/", "type": "contact", "level": "board", "objectId": 1}, []string{`Unrecognized level for type contact`}},
		{"/system/callbacks", Row{"url": "https://x.example/", "type": "ticket", "level": "owner"}, []string{`"field":"objectId"`}},
		{"/service/tickets", `[]`, []string{`must be an object`}},
		{"/service/tickets", `{"summary":`, []string{`not valid JSON`}},
	} {
		a := c.do("POST", tc.path, tc.body)
		for _, p := range tc.parts {
			a.fails(t, 400, p)
		}
	}
	if n := c.get("/service/tickets/count").row(t, 200)["count"]; n != 12 {
		t.Errorf("refused writes left %v tickets", n)
	}
	cb := Row{"url": "https://x.example/?recordId=", "type": "Ticket", "level": "owner", "objectId": 0}
	row := c.do("POST", "/system/callbacks", cb).row(t, 201)
	if row["objectId"] != 1 || row["payloadVersion"] != "3.0.0" || row["inactiveFlag"] != false {
		t.Errorf("callback %v", row)
	}
	c.do("POST", "/system/callbacks", cb).fails(t, 400, "A matching callback entry already exists")
}

func TestPatch(t *testing.T) {
	c := serve(t, Small(), Options{})
	const path = "/service/tickets/48213"
	row := c.do("PATCH", path, patches("replace", "summary", "One", "replace", "/severity", "high", "add", "budgetHours", 2)).row(t, 200)
	if row["summary"] != "One" || row["severity"] != "High" || row["budgetHours"] != 2.0 || at(row, "_info", "updatedBy") != "SyncApi" {
		t.Errorf("patched %v", row)
	}
	row = c.do("PATCH", path, patches("remove", "budgetHours", nil, "replace", "status", Row{"name": "In Progress"})).row(t, 200)
	if row["budgetHours"] != nil || at(row, "status", "name") != "In Progress" || at(row, "status", "id") != 551 {
		t.Errorf("patched %v %v", row["budgetHours"], row["status"])
	}
	// A path into a reference answers 200 and changes nothing.
	row = c.do("PATCH", path, patches("replace", "company/identifier", "bluebirddental251")).row(t, 200)
	if at(row, "company", "id") == 251 {
		t.Error("a path into a reference changed it")
	}
	// So does a key that only the server sets.
	if row = c.do("PATCH", path, patches("replace", "closedFlag", true)).row(t, 200); row["closedFlag"] != false {
		t.Error("closedFlag was written")
	}
	for _, tc := range []struct {
		body any
		part string
	}{
		{patches("replace", "Summary", "x"), `Summary is not a field`}, // case-sensitive
		{patches("Replace", "summary", "x"), `not a patch operation`},
		{patches("replace", "summary", nil), `use remove`},
		{patches("replace", "", "x"), `needs a path`},
		{patches("remove", "summary", nil), `The summary field is required.`},
		{patches("replace", "summary", strings.Repeat("x", 101)), `maximum length`},
		{patches("replace", "status", ref(570)), `does not belong to the board 12`}, // of board 13
		{patches("replace", "team", ref(30)), `does not belong to the board`},
		{patches("replace", "board", ref(13)), `does not belong to the board 13`}, // needs status and type in the same PATCH
		{patches("replace", "owner", ref(9999)), `not found`},
		{patches("replace", "customFields/99/value", "x"), `no element 99`},
		{Row{"op": "replace"}, `must be an array`},
		{[]Row{}, `must be an array`},
		{`{`, `not valid JSON`},
	} {
		c.do("PATCH", path, tc.body).fails(t, 400, tc.part)
	}
	c.do("PATCH", "/service/tickets/1", patches("replace", "summary", "x")).fails(t, 404, "Ticket 1 not found")
	move := patches("replace", "board", ref(13), "replace", "status", ref(570), "replace", "type", ref(321), "replace", "team", ref(30), "remove", "subType", nil)
	if row = c.do("PATCH", path+"?fields=board/id,status/name", move).row(t, 200); at(row, "board", "id") != 13 || len(row) != 2 {
		t.Errorf("moved %v", row)
	}
}

func TestPatchCustomFields(t *testing.T) {
	c := serve(t, Small(), Options{})
	values := func(row map[string]any) map[int]any {
		out := map[int]any{}
		for _, f := range row["customFields"].([]any) {
			out[at(f, "id").(int)] = at(f, "value")
		}
		return out
	}
	const path = "/service/tickets/48213"
	row := c.do("PATCH", path, patches("replace", "customFields", []Row{{"id": 16, "value": "Red"}, {"id": 19, "value": 4}})).row(t, 200)
	if v := values(row); v[16] != "Red" || v[19] != 4 {
		t.Errorf("values %v", v)
	}
	row = c.do("PATCH", path, patches("replace", "customFields", []Row{{"id": 19, "value": nil}})).row(t, 200)
	if v := values(row); v[16] != "Red" || v[19] != nil { // fields not named keep their value
		t.Errorf("values %v", v)
	}
	row = c.do("PATCH", path, patches("replace", "customFields", []Row{})).row(t, 200)
	if v := values(row); v[16] != "Red" { // an empty array clears nothing
		t.Errorf("values %v", v)
	}
	row = c.do("PATCH", path, patches("replace", "customFields/0/value", "Blue")).row(t, 200)
	if v := values(row); v[16] != "Blue" {
		t.Errorf("values %v", v)
	}
	strict := serve(t, Small(), Options{PatchNeedsCustomField: true})
	strict.do("PATCH", path, patches("replace", "customFields", []Row{{"id": 16, "value": "Red"}})).row(t, 200)
	strict.do("PATCH", path, patches("replace", "summary", "x")).fails(t, 400, "customFields")
	strict.do("PATCH", path, patches("replace", "summary", "x", "replace", "customFields", []Row{{"id": 16, "value": "Red"}})).row(t, 200)
}

func TestPut(t *testing.T) {
	c := serve(t, Small(), Options{})
	c.do("PATCH", "/service/boards/12/statuses/551", patches("replace", "customerPortalDescription", "Working")).row(t, 200)
	row := c.do("PUT", "/service/boards/12/statuses/551", Row{"id": 551, "name": "Doing", "displayOnBoard": true}).row(t, 200)
	if row["name"] != "Doing" || row["displayOnBoard"] != true || row["customerPortalFlag"] != false || row["customerPortalDescription"] != nil || at(row, "board", "id") != 12 {
		t.Errorf("replaced %v", row)
	}
	c.do("PUT", "/service/boards/12/statuses/551", Row{"displayOnBoard": true}).fails(t, 400, "The name field is required.")
	c.do("PUT", "/service/boards/12/statuses/551", Row{"name": "x", "foo": 1}).fails(t, 400, "foo is not a field")
	c.do("PUT", "/service/severities/1", Row{"name": "High", "description": "Everyone"}).row(t, 200)
	// PUT on contacts fails when communicationItems are sent and leaves custom fields alone.
	contact := c.get("/company/contacts/31045").row(t, 200)
	c.do("PUT", "/company/contacts/31045", Row{"firstName": "A", "lastName": "B", "communicationItems": contact["communicationItems"]}).fails(t, 400, "communicationItems")
	got := c.do("PUT", "/company/contacts/31045", Row{"firstName": "A", "lastName": "B", "customFields": []Row{}}).row(t, 200)
	if fmt.Sprint(got["customFields"]) != fmt.Sprint(contact["customFields"]) || got["title"] != nil || got["firstName"] != "A" {
		t.Errorf("contact %v", got)
	}
}

func TestDeleteAndUsages(t *testing.T) {
	c := serve(t, Small(), Options{})
	use := c.get("/service/boards/12/statuses/550/usages").rows(t)
	if len(use) == 0 || use[0]["type"] == nil || use[0]["count"].(int) < 1 {
		t.Fatalf("usages %v", use)
	}
	list := c.get("/service/boards/12/statuses/550/usages/list").rows(t)
	if len(list) == 0 || list[0]["id"] == nil || list[0]["description"] == "" {
		t.Fatalf("usages/list %v", list)
	}
	c.do("DELETE", "/service/boards/12/statuses/550", nil).fails(t, 409, "in use")
	for _, path := range []string{"/service/boards/12", "/service/priorities/6", "/system/locations/2", "/company/companies/250", "/company/contacts/31045", "/service/boards/12/types/301", "/time/workTypes/3"} {
		c.do("DELETE", path, nil).fails(t, 409, "")
	}
	// A company nobody points at is marked as deleted.
	id := c.do("POST", "/company/companies", Row{"identifier": "gone", "name": "Gone Ltd", "city": "York", "types": []Row{ref(5)}}).row(t, 201)["id"]
	path := fmt.Sprintf("/company/companies/%v", id)
	if d := c.do("DELETE", path, nil); d.status != 204 {
		t.Fatalf("%d %s", d.status, d.raw)
	}
	if row := c.get(path).row(t, 200); row["deletedFlag"] != true || row["deletedBy"] != "SyncApi" {
		t.Errorf("deleted company %v", row)
	}
	// A ticket goes with its notes once no time is on it.
	tk := c.do("POST", "/service/tickets", Row{"summary": "x", "company": ref(250), "board": ref(12), "initialDescription": "y"}).row(t, 201)["id"]
	tpath := fmt.Sprintf("/service/tickets/%v", tk)
	entry := c.do("POST", "/time/entries", Row{"chargeToType": "ServiceTicket", "chargeToId": tk, "timeStart": "2026-06-09T09:00:00Z", "timeEnd": "2026-06-09T09:20:00Z"}).row(t, 201)
	c.do("DELETE", tpath, nil).fails(t, 409, "in use")
	if d := c.do("DELETE", fmt.Sprintf("/time/entries/%v", entry["id"]), nil); d.status != 204 {
		t.Fatalf("%d %s", d.status, d.raw)
	}
	if d := c.do("DELETE", tpath, nil); d.status != 204 || c.get(tpath).status != 404 || c.get(tpath+"/notes").status != 404 {
		t.Errorf("ticket: %d", d.status)
	}
	// Ids are not given again.
	if n := c.do("POST", "/service/tickets", Row{"summary": "x", "company": ref(250), "board": ref(12)}).row(t, 201)["id"]; n == tk {
		t.Errorf("id %v was given twice", n)
	}
}

func TestMembersAreDeactivated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Small(), Options{})
		a := c.do("POST", "/system/members/172/deactivate", Row{"deleteOpenTimeSheetsFlag": true})
		if a.row(t, 200)["deleteOpenTimeSheetsFlag"] != true {
			t.Errorf("answered %s", a.raw)
		}
		row := c.get("/system/members/172").row(t, 200)
		if row["inactiveFlag"] != true || row["inactiveDate"] != stamp(time.Now()) || at(row, "_info", "updatedBy") != "SyncApi" {
			t.Errorf("member %v %v", row["inactiveFlag"], row["inactiveDate"])
		}
		c.do("POST", "/system/members/9999/deactivate", "{}").fails(t, 404, "Member 9999 not found")
		c.do("PATCH", "/service/tickets/48213", patches("replace", "owner", ref(172))).fails(t, 400, "inactive")
	})
}

// What goes with what on a board follows writes on types, subtypes and items.
func TestAssociations(t *testing.T) {
	c := serve(t, Small(), Options{})
	const base = "/service/boards/12/"
	has := func(typ, sub, item any) bool {
		for _, r := range c.get(base + "typeSubTypeItemAssociations?pageSize=1000").rows(t) {
			if at(r, "type", "id") == typ && at(r, "subType", "id") == sub && at(r, "item", "id") == item {
				return true
			}
		}
		return false
	}
	typ := c.do("POST", base+"types", Row{"name": "Fresh"}).row(t, 201)["id"]
	sub := c.do("POST", base+"subtypes", Row{"name": "Fresh sub"}).row(t, 201)["id"]
	item := c.do("POST", base+"items", Row{"name": "Fresh item"}).row(t, 201)["id"]
	if !has(typ, nil, nil) || has(typ, sub, nil) {
		t.Error("a new type stands alone")
	}
	before := ids(c.get(base + "typeSubTypeItemAssociations?pageSize=1000").rows(t))
	c.do("PATCH", fmt.Sprintf("%ssubtypes/%v", base, sub), patches("replace", "typeAssociationIds", []any{typ})).row(t, 200)
	if !has(typ, sub, nil) {
		t.Error("the subtype does not follow its type")
	}
	after := ids(c.get(base + "typeSubTypeItemAssociations?pageSize=1000").rows(t))
	if !slices.Equal(before, after[:len(before)]) {
		t.Error("ids of other associations changed")
	}
	apath := fmt.Sprintf("%sitems/%v/associations", base, item)
	if n := len(c.get(apath).rows(t)); n != 0 {
		t.Errorf("a new item has %d associations", n)
	}
	c.srv.Tenant().Add(apath, Row{"id": typ, "subTypeAssociationIds": []any{}})
	row := c.do("PATCH", fmt.Sprintf("%s/%v", apath, typ), patches("replace", "addAllSubTypesFlag", true)).row(t, 200)
	if !slices.Contains(row["subTypeAssociationIds"].([]any), sub) || !has(typ, sub, item) {
		t.Errorf("item association %v", row)
	}
	c.do("PATCH", fmt.Sprintf("%s/%v", apath, typ), patches("replace", "removeAllSubTypesFlag", true)).row(t, 200)
	if has(typ, sub, item) || !has(typ, nil, item) {
		t.Error("the item still follows the subtype")
	}
	c.do("PATCH", fmt.Sprintf("%ssubtypes/%v", base, sub), patches("replace", "removeAllTypesFlag", true)).row(t, 200)
	if has(typ, sub, nil) {
		t.Error("the subtype still follows the type")
	}
	if d := c.do("DELETE", fmt.Sprintf("%stypes/%v", base, typ), nil); d.status != 204 || has(typ, nil, nil) || len(c.get(apath).rows(t)) != 0 {
		t.Errorf("deleting the type: %d %s", d.status, d.raw)
	}
	all := c.do("PATCH", fmt.Sprintf("%ssubtypes/%v", base, sub), patches("replace", "addAllTypesFlag", true)).row(t, 200)
	if n := len(all["typeAssociationIds"].([]any)); n != len(c.get(base+"types").rows(t)) || all["addAllTypesFlag"] != false {
		t.Errorf("addAllTypesFlag associated %d types", n)
	}
}

func TestOneDefaultPerScope(t *testing.T) {
	c := serve(t, Small(), Options{})
	c.do("PATCH", "/service/boards/12/statuses/551", patches("replace", "defaultFlag", true)).row(t, 200)
	for board, want := range map[int]int{12: 551, 13: 570} {
		var got []int
		for _, r := range c.get(fmt.Sprintf("/service/boards/%d/statuses", board)).rows(t) {
			if r["defaultFlag"] == true {
				got = append(got, r["id"].(int))
			}
		}
		if !slices.Equal(got, []int{want}) {
			t.Errorf("board %d has the defaults %v", board, got)
		}
	}
	// A rename shows in every reference at once.
	c.do("PATCH", "/service/boards/12", patches("replace", "name", "Renamed")).row(t, 200)
	if got := at(c.get("/service/tickets/48213").row(t, 200), "board", "name"); got != "Renamed" {
		t.Errorf("ticket shows %v", got)
	}
}

// Lists that show the same links from both sides agree.
func TestLocationLinks(t *testing.T) {
	c := serve(t, Small(), Options{})
	c.do("PATCH", "/time/workRoles/11", patches("replace", "locationIds", []int{3})).row(t, 200)
	if got := ids(c.get("/time/workRoles/11/locations").rows(t)); !slices.Equal(got, []int{3}) {
		t.Errorf("locations of the role %v", got)
	}
	for location, want := range map[int]bool{2: false, 3: true} {
		if got := ids(c.get(fmt.Sprintf("/system/locations/%d/workRoles", location)).rows(t)); slices.Contains(got, 11) != want {
			t.Errorf("roles of location %d: %v", location, got)
		}
	}
	c.do("PATCH", "/system/locations/2", patches("replace", "departmentIds", []int{12})).row(t, 200)
	if got := ids(c.get("/system/departments/12/locations").rows(t)); !slices.Contains(got, 2) {
		t.Errorf("locations of the department %v", got)
	}
	if got := ids(c.get("/system/locations/2/departments").rows(t)); !slices.Equal(got, []int{12}) {
		t.Errorf("departments of the location %v", got)
	}
	if got := c.get("/service/boards/12/statuses/555/info").row(t, 200); got["closedFlag"] != true || got["inactiveFlag"] != false || got["closedStatus"] != nil {
		t.Errorf("light form %v", got)
	}
}
