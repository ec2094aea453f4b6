package autotasktest

import "strconv"

// AddQueue adds an active queue and returns its value.
func (t *Tenant) AddQueue(label string) int {
	return t.AddPicklistValue("Tickets", "queueID", PicklistValue{Label: label})
}

// AddStatus adds an active ticket status and returns its value. Only
// [StatusComplete] means closed.
func (t *Tenant) AddStatus(label string) int {
	return t.AddPicklistValue("Tickets", "status", PicklistValue{Label: label})
}

// AddIssueType adds an active issue type with sub-issue types and returns its
// value.
func (t *Tenant) AddIssueType(label string, subIssues ...string) int {
	issue := t.AddPicklistValue("Tickets", "issueType", PicklistValue{Label: label})
	for _, s := range subIssues {
		t.AddPicklistValue("Tickets", "subIssueType", PicklistValue{Label: s, Parent: issue})
	}
	return issue
}

// AddField adds an active user-defined field to tickets ("Tickets"),
// "Companies", "Contacts" or "Contracts" and returns the id of its definition.
// With choices it is a list whose values are "1", "2" and so on; else a text.
func (t *Tenant) AddField(collection, name string, choices ...string) int {
	e, _, err := t.collection(collection)
	if err != nil {
		panic(err)
	}
	if !e.udf {
		panic("autotasktest: " + e.path + " has no user-defined fields")
	}
	kind := udfText
	if len(choices) > 0 {
		kind = udfList
	}
	id := t.Add("UserDefinedFieldDefinitions", Row{"name": name, "udfType": udfTypeOf(e), "dataType": kind, "isActive": true, "isRequired": false})
	for i, c := range choices {
		t.Add("UserDefinedFieldListItems", Row{"udfFieldId": id, "valueForDisplay": c, "valueForExport": strconv.Itoa(i + 1), "isActive": true})
	}
	return id
}
