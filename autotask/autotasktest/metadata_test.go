package autotasktest

import (
	"slices"
	"strings"
	"testing"
)

// byName finds an element of a list.
func byName(list any, key, name string) map[string]any {
	for _, x := range list.([]any) {
		if m := x.(map[string]any); m[key] == name {
			return m
		}
	}
	return nil
}

func TestEntityInformation(t *testing.T) {
	c := serve(t, Small(), Options{})
	info := func(path string) map[string]any {
		return c.get(path + "/entityInformation").object(t)["info"].(map[string]any)
	}
	for _, tc := range []struct {
		path string
		want map[string]any
	}{
		{"/Tickets", Row{"name": "Ticket", "canCreate": true, "canDelete": false, "canQuery": true, "canUpdate": true, "userAccessForCreate": "All", "userAccessForDelete": "None", "userAccessForQuery": "All", "userAccessForUpdate": "All", "hasUserDefinedFields": true, "supportsWebhookCallouts": true}},
		{"/BillingCodes", Row{"name": "BillingCode", "canCreate": false, "canDelete": false, "canQuery": true, "canUpdate": false, "userAccessForCreate": "None", "userAccessForDelete": "None", "userAccessForQuery": "All", "userAccessForUpdate": "None", "hasUserDefinedFields": false, "supportsWebhookCallouts": false}},
		{"/Companies/214/Contacts", Row{"name": "Contact", "canCreate": true, "canDelete": true, "canQuery": true, "canUpdate": true, "userAccessForCreate": "All", "userAccessForDelete": "All", "userAccessForQuery": "All", "userAccessForUpdate": "All", "hasUserDefinedFields": true, "supportsWebhookCallouts": true}},
	} {
		got := info(tc.path)
		for k, v := range tc.want {
			if got[k] != v {
				t.Errorf("%s: %s is %v, want %v", tc.path, k, got[k], v)
			}
		}
		if len(got) != len(tc.want) {
			t.Errorf("%s: keys %v", tc.path, got)
		}
	}
	all := c.get("/EntityInformation").object(t)["entityDescriptions"].([]any)
	if len(all) != len(loadSchema().list) || at(all, 0, "info", "name") != "Ticket" {
		t.Errorf("%d descriptions", len(all))
	}
	c.get("/Tickets/entityInformation/nope").fails(t, 404, "<html")
	c.do("POST", "/Tickets/entityInformation", Row{}).fails(t, 405, "POST")
	c.do("POST", "/Modules", Row{}).fails(t, 405, "POST")
	if m := c.get("/Modules").object(t)["modules"].([]any); len(m) != 6 || at(m, 0, "key") != 20 || at(m, 3, "value") != false {
		t.Errorf("modules %v", m)
	}
}

func TestFieldInformation(t *testing.T) {
	tenant := Medium()
	c := serve(t, tenant, Options{})
	fields := c.get("/tickets/entityInformation/Fields").object(t)["fields"]
	title := byName(fields, "name", "title")
	if len(title) != 12 || title["label"] != nil || title["dataType"] != "string" || title["length"] != 255 || title["isRequired"] != true || title["picklistValues"] != nil || title["referenceEntityType"] != "" || title["picklistParentValueField"] != "" {
		t.Errorf("title %v", title)
	}
	if f := byName(fields, "name", "assignedResourceID"); f["isReference"] != true || f["referenceEntityType"] != "Resource" || f["isPickList"] != false {
		t.Errorf("assignedResourceID %v", f)
	}
	if f := byName(fields, "name", "creatorType"); f["isQueryable"] != false || f["isReadOnly"] != true {
		t.Errorf("creatorType %v", f)
	}
	sub := byName(fields, "name", "subIssueType")
	if sub["picklistParentValueField"] != "IssueType" { // in another case than the field's own name
		t.Errorf("parent of subIssueType %v", sub["picklistParentValueField"])
	}
	first := at(sub, "picklistValues", 0).(map[string]any)
	if len(first) != 7 || first["value"] != "136" || first["parentValue"] != "10" || first["isActive"] != true || first["isSystem"] != false || first["isDefaultValue"] != false || first["sortOrder"] != 1 {
		t.Errorf("choice %v", first)
	}
	if v := at(byName(fields, "name", "issueType"), "picklistValues", 0, "parentValue"); v != "" {
		t.Errorf("no parent is %v", v)
	}
	old := byName(byName(fields, "name", "queueID")["picklistValues"], "label", "Legacy")
	if old["isActive"] != false {
		t.Errorf("inactive queue %v", old)
	}
	// Ticket categories are rows and choices at once.
	tenant.Update("TicketCategories", 4, Row{"name": "Alert", "isActive": false})
	fields = c.get("/Tickets/entityInformation/fields").object(t)["fields"]
	if v := byName(byName(fields, "name", "ticketCategory")["picklistValues"], "label", "Alert"); v["value"] != "4" || v["isActive"] != false {
		t.Errorf("category %v", v)
	}
	// Names of metadata and of rows differ in case.
	cat := c.get("/TicketCategories/entityInformation/fields").object(t)["fields"]
	row := c.get("/TicketCategories/3").item(t)
	if byName(cat, "name", "displayColorRgb") == nil || byName(cat, "name", "displayColorRGB") != nil || row["displayColorRGB"] != 19 {
		t.Errorf("displayColor of %v", row)
	}
	if f := byName(c.get("/Companies/entityInformation/fields").object(t)["fields"], "name", "companyType"); f["dataType"] != "short" {
		t.Errorf("companyType %v", f["dataType"])
	}
}

// A queue is added, renamed, retired and removed by people only.
func TestPicklistEdits(t *testing.T) {
	tenant := Small()
	c := serve(t, tenant, Options{})
	labels := func() []string {
		var out []string
		for _, v := range byName(c.get("/Tickets/entityInformation/fields").object(t)["fields"], "name", "queueID")["picklistValues"].([]any) {
			label := at(v, "label").(string)
			if at(v, "isActive") == false {
				label += "-"
			}
			out = append(out, label)
		}
		return out
	}
	v := tenant.AddPicklistValue("Tickets", "queueID", PicklistValue{Label: "New queue"})
	if v != firstQueue+4 {
		t.Errorf("value %d", v)
	}
	tenant.UpdatePicklistValue("Tickets", "queueID", firstQueue, func(p *PicklistValue) { p.Label, p.Inactive = "Intake", true })
	if !tenant.RemovePicklistValue("Tickets", "queueID", firstQueue+1) || tenant.RemovePicklistValue("Tickets", "queueID", 1) {
		t.Error("wrong value removed")
	}
	if got := labels(); !slices.Equal(got, []string{"Intake-", "Level II Support", "Client Portal", "New queue"}) {
		t.Errorf("queues %v", got)
	}
}

func TestUserDefinedFieldInformation(t *testing.T) {
	tenant := Small()
	c := serve(t, tenant, Options{})
	fields := func(path string) any {
		return c.get(path + "/entityInformation/userDefinedFields").object(t)["fields"]
	}
	impact := byName(fields("/Tickets"), "name", "Impact Level")
	if len(impact) != 15 || impact["label"] != "Impact Level" || impact["type"] != "string" || impact["dataType"] != nil || impact["isPickList"] != true || impact["length"] != 8000 {
		t.Errorf("impact %v", impact)
	}
	choice := at(impact, "picklistValues", 1).(map[string]any)
	if parent, has := choice["parentValue"]; choice["value"] != "2" || choice["label"] != "Site" || parent != nil || !has {
		t.Errorf("choice %v", choice)
	}
	if v := byName(impact["picklistValues"], "label", "Unused"); v["isActive"] != false {
		t.Errorf("inactive choice %v", v)
	}
	if n := len(fields("/TimeEntries").([]any)); n != 0 {
		t.Errorf("%d user-defined fields of time entries", n)
	}
	types := map[string]bool{}
	for _, path := range []string{"/Tickets", "/Companies", "/Contacts"} {
		for _, f := range fields(path).([]any) {
			types[at(f, "type").(string)] = true
		}
	}
	if len(types) != 3 || !types["string"] || !types["double"] || !types["datetime"] {
		t.Errorf("types %v", types)
	}
	if secret := byName(fields("/Companies"), "name", secretUDF); secret["isReadOnly"] != true {
		t.Errorf("%v", secret)
	}
	tenant.Update("UserDefinedFieldDefinitions", firstUDF, Row{"isActive": false})
	if byName(fields("/Tickets"), "name", "Impact Level") != nil || strings.Contains(string(c.query("Tickets").raw), "Impact Level") {
		t.Error("an inactive field is shown")
	}
}
