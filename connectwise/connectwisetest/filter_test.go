package connectwisetest

import (
	"fmt"
	"slices"
	"testing"
)

// people returns a tenant with a few contacts and tickets to filter.
func people() *Tenant {
	t := Small()
	for _, id := range t.IDs("/company/contacts") {
		t.Remove("/company/contacts", id)
	}
	add := func(id int, first string, more Row) {
		row := Row{"id": id, "firstName": first, "inactiveFlag": false, "company": ref(250), "portalSecurityLevel": id, "_info": Row{"lastUpdated": fmt.Sprintf("2026-05-0%dT10:00:00Z", id), "updatedBy": "DRuiz"}}
		for k, v := range more {
			row[k] = v
		}
		t.Add("/company/contacts", row)
	}
	mail := func(s string) Row {
		return Row{"id": 1, "type": ref(13), "value": s, "communicationType": "Email", "defaultFlag": true}
	}
	phone := func(s string) Row {
		return Row{"id": 2, "type": ref(2), "value": s, "communicationType": "Phone", "defaultFlag": true}
	}
	add(1, "Ann", Row{"lastName": "Lee", "communicationItems": []any{mail("ann@x.example"), phone("100")}, "types": []Row{ref(3)}})
	add(2, "Bob", Row{"lastName": "O\"Neil", "inactiveFlag": true, "communicationItems": []any{mail("bob@x.example"), phone("ann@x.example")}, "company": ref(251)})
	add(3, "Cy", Row{"gender": "Male", "customFields": []any{Row{"id": 18, "value": "abc"}}})
	add(4, "annabel", Row{"lastName": "[x]", "title": "100% net"})
	return t
}

func TestConditions(t *testing.T) {
	tenant := people()
	c := serve(t, tenant, Options{})
	custom := tenant.Get("/system/userDefinedFields", 18)
	if custom["screenId"] != "ct300" {
		t.Fatalf("field 18 is on %v", custom["screenId"])
	}
	for _, tc := range []struct {
		param, text string
		want        []int
	}{
		{"conditions", `firstName = "Ann"`, []int{1}},
		{"conditions", `firstName = "ANN"`, []int{1}},
		{"conditions", `firstName = "ann*"`, []int{1, 4}},
		{"conditions", `firstName like "%n%"`, []int{1, 4}},
		{"conditions", `firstName like "Ann"`, []int{1}},
		{"conditions", `firstName contains "nab"`, []int{4}},
		{"conditions", `firstName not contains "n"`, []int{2, 3}},
		{"conditions", `firstName not like "a%"`, []int{2, 3}},
		{"conditions", `lastName = "O\"Neil"`, []int{2}},
		{"conditions", `lastName = "[[]x]"`, []int{4}},
		{"conditions", `lastName = null`, []int{3}},
		{"conditions", `lastName != null`, []int{1, 2, 4}},
		{"conditions", `lastName != "Lee"`, []int{2, 4}}, // null is neither equal nor different
		{"conditions", `not lastName = "Lee"`, []int{2, 4}},
		{"conditions", `title = "100% net"`, []int{4}},
		{"conditions", `inactiveFlag = true`, []int{2}},
		{"conditions", `inactiveFlag != TRUE`, []int{1, 3, 4}},
		{"conditions", `id in (1,3,99)`, []int{1, 3}},
		{"conditions", `id not in (1,3)`, []int{2, 4}},
		{"conditions", `id > 1 and id <= 3`, []int{2, 3}},
		{"conditions", `id >= 2 or firstName = "Ann"`, []int{1, 2, 3, 4}},
		{"conditions", `portalSecurityLevel < 2.5`, []int{1, 2}},
		{"conditions", `company/id = 251`, []int{2}},
		{"conditions", `company/identifier contains "bluebird"`, []int{2}},
		{"conditions", `company/name = "Acme Widgets Ltd"`, []int{1, 3, 4}},
		{"conditions", `gender = "male"`, []int{3}},
		{"conditions", `lastUpdated > [2026-05-02T10:00:00Z]`, []int{3, 4}},
		{"conditions", `lastUpdated >= [2026-05-02T10:00:00Z] and lastUpdated < [2026-05-04]`, []int{2, 3}},
		{"conditions", `lastUpdated > [2026-05-02T12:00:00+02:00]`, []int{3, 4}},
		{"conditions", `firstName > "b"`, []int{2, 3}},
		{"conditions", `company = null`, nil},
		{"childConditions", `communicationItems/value = "ann@x.example"`, []int{1, 2}},
		{"childConditions", `communicationItems/value = "ann@x.example" AND communicationItems/communicationType = "Email"`, []int{1}},
		{"childConditions", `communicationItems/value like "bob@%"`, []int{2}},
		{"childConditions", `types/name = "Decision maker"`, []int{1}},
		{"childConditions", `types/id = 3 and communicationItems/value = "100"`, []int{1}},
		{"childConditions", `communicationItems/type/name = "Direct" and communicationItems/value = "100"`, []int{1}},
		{"customFieldConditions", fmt.Sprintf(`caption = %q and value = "abc"`, custom["caption"]), []int{3}},
		{"customFieldConditions", `caption = "nothing" and value = "abc"`, nil},
		{"customFieldConditions", `value != null`, []int{3}},
	} {
		got := ids(c.get(with("/company/contacts", tc.param, tc.text)).rows(t))
		if !slices.Equal(got, tc.want) && len(got)+len(tc.want) > 0 {
			t.Errorf("%s %s: %v, want %v", tc.param, tc.text, got, tc.want)
		}
		n := c.get(with("/company/contacts/count", tc.param, tc.text)).row(t, 200)["count"]
		if n != len(tc.want) {
			t.Errorf("%s %s: count %v, want %d", tc.param, tc.text, n, len(tc.want))
		}
	}
}

func TestConditionErrors(t *testing.T) {
	c := serve(t, Small(), Options{RefuseNames: map[string][]string{"/service/boards": {"inactiveFlag"}}})
	for _, tc := range []struct{ path, param, text, part string }{
		{"/company/contacts", "conditions", `foo = 1`, `{"code":"ApiFindCondition","message":"foo is not a recognized name."}`},
		{"/company/contacts", "conditions", `company/foo = 1`, `company/foo is not a recognized name.`},
		{"/company/contacts", "conditions", `FirstName = "x"`, `FirstName is not a recognized name.`},
		{"/company/contacts", "conditions", `types/name = "x"`, `types/name is not a recognized name.`}, // only in childConditions
		{"/company/contacts", "childConditions", `firstName = "x"`, `firstName is not a recognized name.`},
		{"/company/contacts", "childConditions", `types/foo = "x"`, `types/foo is not a recognized name.`},
		{"/company/contacts", "childConditions", `communicationItems/type/foo = "x"`, `is not a recognized name.`},
		{"/company/contacts", "customFieldConditions", `foo = "x"`, `foo is not a recognized name.`},
		{"/service/boards", "customFieldConditions", `value = "x"`, `value is not a recognized name.`},
		{"/company/contacts", "conditions", `gender = "None"`, `Enum value supplied was invalid`},
		{"/company/contacts", "conditions", `inactiveFlag = 1`, `Expected a boolean value, not a numeric.`},
		{"/company/contacts", "conditions", `id = "1"`, `Expected a numeric value, not a string.`},
		{"/company/contacts", "conditions", `firstName = 1`, `Expected a string value, not a numeric.`},
		{"/company/contacts", "conditions", `lastUpdated > "2026-01-01"`, `Expected a datetime value, not a string.`},
		{"/company/contacts", "conditions", `company = 250`, `company is not a recognized name.`},
		{"/company/contacts", "conditions", `_info/lastUpdated > [2026-01-01]`, `is not a recognized name.`},
		{"/company/contacts", "conditions", `firstName > null`, `Null`},
		{"/company/contacts", "conditions", `inactiveFlag > true`, `boolean`},
		{"/company/contacts", "conditions", `firstName = `, `ApiFindCondition`},
		{"/service/tickets", "conditions", `dateEntered > [2026-01-01]`, `dateEntered is not a recognized name.`},
		{"/service/tickets", "conditions", `initialDescription = "x"`, `is not a recognized name.`},
		{"/service/boards", "conditions", `inactiveFlag = false`, `inactiveFlag is not a recognized name.`},
		{"/service/boards/12/typeSubTypeItemAssociations", "conditions", `lastUpdated > [2026-01-01]`, `lastUpdated is not a recognized name.`},
		{"/system/userDefinedFields", "conditions", `lastUpdated > [2026-01-01]`, `lastUpdated is not a recognized name.`},
		{"/service/tickets/48213/allNotes", "conditions", `noteType = "TicketNote"`, `noteType is not a recognized name.`},
		{"/company/contacts", "orderBy", `foo`, `foo is not a recognized name.`},
		{"/company/contacts", "orderBy", `id up`, `orderBy`},
		{"/company/contacts", "fields", `id,foo`, `foo is not a recognized name.`},
		{"/company/contacts", "fields", `company/foo`, `is not a recognized name.`},
	} {
		c.get(with(tc.path, tc.param, tc.text)).fails(t, 400, tc.part)
	}
	c.get(with("/service/boards", "conditions", `projectFlag = false`)).rows(t)
	if a := c.get(with("/service/boards/count", "conditions", `inactiveFlag = false`)); a.status != 400 {
		t.Errorf("count took a refused name: %d", a.status)
	}
}

func TestLastUpdatedIsFilterableEverywhere(t *testing.T) {
	c := serve(t, Small(), Options{})
	for path, e := range c.lists() {
		a := c.get(with(path, "conditions", `lastUpdated > [2001-01-01T00:00:00Z]`))
		if want := map[bool]int{true: 400, false: 200}[bareInfo(e.table)]; a.status != want {
			t.Errorf("%s: %d, want %d: %s", path, a.status, want, a.raw)
		}
	}
}

func TestCaseSensitiveOption(t *testing.T) {
	c := serve(t, people(), Options{CaseSensitive: true})
	if got := ids(c.get(with("/company/contacts", "conditions", `firstName = "ANN*"`)).rows(t)); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	if got := ids(c.get(with("/company/contacts", "conditions", `firstName = "Ann*"`)).rows(t)); !slices.Equal(got, []int{1}) {
		t.Errorf("found %v", got)
	}
}

func TestOrderBy(t *testing.T) {
	c := serve(t, people(), Options{})
	for text, want := range map[string][]int{
		"id desc": {4, 3, 2, 1}, "lastName asc": {3, 4, 1, 2}, "inactiveFlag desc, id desc": {2, 4, 3, 1}, "company/name, firstName": {1, 4, 3, 2},
		"lastUpdated desc": {4, 3, 2, 1}, "portalSecurityLevel": {1, 2, 3, 4},
	} {
		if got := ids(c.get(with("/company/contacts", "orderBy", text)).rows(t)); !slices.Equal(got, want) {
			t.Errorf("orderBy %s: %v, want %v", text, got, want)
		}
	}
}

func TestSearch(t *testing.T) {
	c := serve(t, Small(), Options{})
	body := Row{"conditions": "board/id = 12 and closedFlag = false", "orderBy": "id desc"}
	got := c.do("POST", "/service/tickets/search?pageSize=2&fields=id,board/name", body).rows(t)
	if len(got) != 2 || got[0]["id"].(int) < got[1]["id"].(int) || len(got[0]) != 2 || at(got[0], "board", "name") != "Service Desk" {
		t.Errorf("search answered %v", got)
	}
	// The last two keys are all lower case.
	if got := c.do("POST", "/service/tickets/search", Row{"customfieldconditions": `value = "no such value"`}).rows(t); len(got) != 0 {
		t.Errorf("customfieldconditions ignored: %v", got)
	}
	c.do("POST", "/service/tickets/search", Row{"childconditions": `foo/bar = 1`}).fails(t, 400, "not a recognized name")
	c.do("POST", "/service/tickets/search", Row{"conditions": 1}).fails(t, 400, "string")
	c.do("GET", "/service/tickets/search", nil).fails(t, 405, "GET")
	c.do("POST", "/service/tickets/search", `[1]`).fails(t, 400, "object")
	c.do("POST", "/service/tickets/search", `{`).fails(t, 400, "JSON")
}
