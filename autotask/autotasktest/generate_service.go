package autotasktest

import "fmt"

// ticketCategories makes the forms of tickets, their defaults, and billing
// codes.
func (g *gen) ticketCategories() {
	use := []int{1, 2, 1, 3, 1}
	for i := range g.codes {
		name := nth([]string{"Remote Support", "Hardware", "On-site Support", "Training (internal)", "Emergency", "Maintenance", "Consulting", "Travel"}, i)
		if n := i / 8; n > 0 {
			name = fmt.Sprintf("%s %d", name, n+1)
		}
		g.add("BillingCodes", firstCode, plant("BillingCodes", Row{
			"name": name, "description": name, "isActive": i != 20, "useType": nth(use, i), "billingCodeType": []int{0, 0, 0, 2, 0}[i%5], "externalNumber": fmt.Sprintf("BC-%d", i), "department": nth(g.made["Departments"], i),
			"isExcludedFromNewContracts": false, "taxCategoryID": 1,
		}))
	}
	for i := range g.categories {
		name := nth([]string{"Standard", "AEM Alert", "RMA", "Change Management", "Onboarding", "Recurring", "Project", "Old form"}, i)
		g.add("TicketCategories", 3, Row{
			"name": name, "nickname": "", "isActive": i != 7, "isApiOnly": i == 1, "isGlobalDefault": i == 0, "displayColorRGB": 19 + i,
		})
		g.add("TicketCategoryFieldDefaults", 501, Row{
			"ticketCategoryID": 3 + i, "title": "", "description": "", "resolution": "", "purchaseOrderNumber": "", "queueID": nth(g.queues, i), "status": 1, "priority": 2, "issueTypeID": nth(g.issues, i),
			"sourceID": 4, "ticketTypeID": 1 + i%5, "serviceLevelAgreementID": 1, "estimatedHours": 1.0,
		})
	}
}

// userDefinedFields makes definitions for tickets, companies and contacts.
func (g *gen) userDefinedFields() {
	owners := []struct {
		typ  int
		name string
	}{{udfTicket, "Ticket"}, {udfCompany, "Company"}, {udfContact, "Contact"}}
	kinds := []struct {
		name  string
		typ   int
		items []string
	}{
		{"Impact Level", udfList, []string{"Person", "Site", "Company", "Unused"}}, {"Asset Tag", udfText, nil}, {"Go Live", udfDate, nil}, {"Customer Ranking", udfList, []string{"Gold", "Silver", "Bronze"}},
		{"Seats", udfNumber, nil}, {"Site Notes", udfMultiLine, nil}, {"External Key", udfText, nil},
	}
	for i := range g.udfs {
		owner, kind := owners[i%len(owners)], kinds[(i/len(owners)+i%len(owners)*2)%len(kinds)]
		name := kind.name
		if n := i / (len(owners) * len(kinds)); n > 0 {
			name = fmt.Sprintf("%s %d", name, n+1)
		}
		row := Row{
			"name": name, "udfType": owner.typ, "dataType": kind.typ, "description": "", "defaultValue": "", "isActive": i%20 != 19, "isEncrypted": false, "isFieldMapping": false, "isPrivate": false,
			"isProtected": false, "isRequired": i%10 == 9, "isVisibleToClientPortal": false, "mergeVariableName": "[" + owner.name + ": " + name + "]", "sortOrder": i + 1, "createDate": past(i),
		}
		if kind.typ == udfNumber {
			row["numberOfDecimalPlaces"] = 2
		}
		id := g.add("UserDefinedFieldDefinitions", firstUDF, row)
		for j, v := range kind.items {
			g.add("UserDefinedFieldListItems", 311, Row{"udfFieldId": id, "valueForDisplay": v, "valueForExport": fmt.Sprint(j + 1), "isActive": v != "Unused", "createDate": past(i + j)})
		}
	}
	g.add("UserDefinedFieldDefinitions", firstUDF, Row{
		"name": secretUDF, "udfType": udfCompany, "dataType": udfText, "description": "", "defaultValue": "", "isActive": true, "isEncrypted": true, "isFieldMapping": false, "isPrivate": false,
		"isProtected": true, "isRequired": false, "isVisibleToClientPortal": false, "mergeVariableName": "[Company: " + secretUDF + "]", "sortOrder": 99, "createDate": past(1),
	})
}

// companyTables makes what companies and contacts refer to.
func (g *gen) companyTables() {
	for i, n := range []string{"Standard", "Managed", "Co-managed"} {
		g.add("CompanyCategories", 1, Row{"name": n, "nickname": "", "isActive": i != 2, "isApiOnly": false, "isGlobalDefault": i == 0, "displayColorRGB": 5 + i})
	}
	for i, n := range []string{"Key Account", "Delinquent", "Managed Services", "New"} {
		g.add("ClassificationIcons", 7, Row{"name": n, "description": n, "isActive": i != 1, "isSystem": i > 2, "relativeUrl": fmt.Sprintf("/graphics/icons/classification/%d.png", 7+i)})
	}
	for i, n := range []string{"Newsletter", "Decision makers", "On call"} {
		g.add("ContactGroups", 11, Row{"name": n, "isActive": i != 2})
	}
	for i, n := range []string{"vip", "printer", "phishing", "legacy"} {
		g.add("Tags", 51, Row{"label": n, "isActive": i != 3, "isSystem": false, "isExcludedFromAutomaticTagging": false, "createDateTime": past(i), "lastModifiedDateTime": past(i)})
	}
}
