package autotasktest

import (
	"fmt"
	"time"
)

// companyRows makes the tenant's own company, which has id 0, its customers and
// a vendor, each with a primary location.
func (g *gen) companyRows() {
	for i := range g.companies + 1 {
		id, name, typ := firstCompany+i-1, "Summit MSP", 1
		if i == 0 {
			id = 0
		} else {
			name = nth(companyNames(), i-1)
			if n := (i - 1) / len(companyNames()); n > 0 {
				name = fmt.Sprintf("%s %d", name, n+1)
			}
		}
		if i > 0 && i%10 == 4 {
			typ = 7 // vendor
		}
		row := plant("Companies", Row{
			"id": id, "companyName": name, "companyNumber": fmt.Sprintf("C-%d", id), "companyType": typ, "classification": []int{7, 9, 10}[i%3], "companyCategoryID": 1 + i%2,
			"ownerResourceID": nth(g.people, i), "phone": fmt.Sprintf("555-01%02d", i%100), "fax": "", "alternatePhone1": "", "alternatePhone2": "", "address1": fmt.Sprintf("%d Pier Road", i+1), "address2": "",
			"additionalAddressInformation": "", "city": "Salem", "state": "MA", "postalCode": "01970", "countryID": 237, "webAddress": "", "isActive": i%12 != 11, "isClientPortalActive": true, "isEnabledForComanaged": false,
			"isSample": false, "isTaskFireActive": false, "isTaxExempt": false, "territoryID": 29682775 + i%3, "marketSegmentID": 29682780 + i%4, "billToAddressToUse": 1, "invoiceMethod": 2, "currencyID": 1,
			"createDate": earlier(i, 400*24*time.Hour), "lastActivityDate": past(i), "lastTrackedModifiedDateTime": earlier(i, 3*time.Hour), "createdByResourceID": g.people[0],
			"invoiceNonContractItemsToParentCompany": false, "surveyCompanyRating": 0.0, "sicCode": "", "stockMarket": "", "stockSymbol": "",
		})
		if i > 0 {
			values := UDF(secretUDF, secretValue)
			if i%2 == 1 {
				values = append(values, UDF("Customer Ranking", "1")...)
			}
			row["userDefinedFields"] = values
		}
		g.add("Companies", 0, row)
		g.sitesOf[id] = g.add("CompanyLocations", firstSite, Row{
			"companyID": id, "name": "Main", "description": "", "address1": fmt.Sprintf("%d Pier Road", i+1), "address2": "", "city": "Salem", "state": "MA", "postalCode": "01970", "countryID": 237,
			"phone": fmt.Sprintf("555-01%02d", i%100), "fax": "", "alternatePhone1": "", "alternatePhone2": "", "isActive": true, "isPrimary": true, "isTaxExempt": false, "overrideCompanyTaxSettings": false, "roundtripDistance": 12.0,
		})
	}
	g.add("CompanyLocations", firstSite, Row{
		"companyID": firstCompany, "name": "Warehouse", "description": "", "address1": "2 Dock Street", "address2": "", "city": "Salem", "state": "MA", "postalCode": "01970", "countryID": 237, "phone": "",
		"isActive": true, "isPrimary": false, "isTaxExempt": false, "overrideCompanyTaxSettings": false,
	})
}

// contactRows makes contacts; one of ten is inactive.
func (g *gen) contactRows() {
	m := g.contactMaker()
	for i := range g.contacts {
		row := Row{"id": firstContact + i}
		for _, f := range g.schema.byName["Contact"].fields {
			if v, _ := m.field(i, f.name); v != nil && f.name != "id" {
				row[f.name] = v
			}
		}
		g.add("Contacts", 0, row)
	}
	if g.contacts > 0 {
		for i, c := range g.made["Contacts"][:min(4, g.contacts)] {
			g.add("ContactGroupContacts", 701, Row{"contactGroupId": 11 + i%2, "contactId": c})
		}
	}
}

func (g *gen) contractRows() {
	for i, c := range g.made["Companies"][1:] {
		g.add("Contracts", 29683301, plant("Contracts", Row{
			"companyID": c, "contractName": fmt.Sprintf("Managed services %d", i+1), "contractNumber": fmt.Sprintf("MS-%03d", i+1), "contractType": 1 + i%7, "contractCategory": 12 + i%3, "status": 1,
			"description": "", "startDate": "2025-01-01T00:00:00Z", "endDate": "2027-12-31T00:00:00Z", "isCompliant": true, "isDefaultContract": true, "contractPeriodType": 1, "billingPreference": 1,
			"timeReportingRequiresStartAndStopTimes": 0, "estimatedHours": 120.0, "serviceLevelAgreementID": 1, "purchaseOrderNumber": "",
		}))
	}
}

// ticketRows makes tickets; four of five are Complete.
func (g *gen) ticketRows() {
	m := g.ticketMaker(len(g.made["Contacts"]))
	for i := range g.tickets {
		row := Row{"id": firstTicket + i}
		for _, f := range g.schema.byName["Ticket"].fields {
			if v, _ := m.field(i, f.name); v != nil && f.name != "id" {
				row[f.name] = v
			}
		}
		row["userDefinedFields"] = UDF("Asset Tag", fmt.Sprintf("BC-%04d", i), "Impact Level", fmt.Sprint(1+i%3))
		if i%3 == 2 {
			delete(row, "userDefinedFields")
		}
		g.add("Tickets", 0, row)
	}
}

// activity makes notes and time entries, and what was deleted.
func (g *gen) activity() {
	for i, ticket := range g.made["Tickets"] {
		at, _ := parseTime(text(g.Get("Tickets", ticket)["createDate"]))
		who := nth(g.people, i)
		for n := range 1 + i%3 {
			when := stamp(at.Add(time.Duration(n) * time.Hour))
			note := Row{
				"ticketID": ticket, "title": "Update", "description": []string{"Swapped the cable, still offline.", "Checked the logs, looks like the switch. " + privateNote, "Fixed, please confirm."}[n],
				"noteType": 3, "publish": 1 + n%2, "creatorResourceID": who, "createDateTime": when, "lastActivityDate": when,
			}
			if i%6 == 4 && n == 1 {
				note["noteType"], note["title"] = noteWorkflow, "Workflow Rule"
				delete(note, "creatorResourceID")
			}
			g.add("TicketNotes", 98011, note)
		}
		if i%2 == 0 {
			g.timeOf(i, ticket, who, at)
		}
	}
	if len(g.made["Tickets"]) == 0 {
		return
	}
	by := g.people[0]
	g.add("DeletedTicketLogs", 1, Row{"ticketID": firstTicket - 1, "ticketNumber": "T20251104.0031", "ticketTitle": "Duplicate of the alert", "deletedByResourceID": by, "deletedDateTime": past(1)})
	g.add("DeletedTicketActivityLogs", 1, Row{
		"ticketID": firstTicket, "ticketNumber": g.Get("Tickets", firstTicket)["ticketNumber"], "typeID": deletedNote, "noteOrAttachmentTitle": "Wrong ticket", "createdByResourceID": by, "deletedByResourceID": by,
		"activityDateTime": past(3), "deletedDateTime": past(2),
	})
	g.add("DeletedTaskActivityLogs", 1, Row{
		"taskID": 801, "taskNumber": "T20251104.0040", "typeID": deletedTime, "hoursWorked": 1.25, "startDateTime": past(6), "endDateTime": past(6), "createdByResourceID": by, "deletedByResourceID": by,
		"activityDateTime": past(6), "deletedDateTime": past(5),
	})
}

func (g *gen) timeOf(i, ticket, who int, at time.Time) {
	start := at.Truncate(time.Hour).Add(time.Hour)
	end := start.Add(30 * time.Minute)
	g.add("TimeEntries", 55010, Row{
		"ticketID": ticket, "resourceID": who, "roleID": g.roleOf[who], "billingCodeID": firstCode, "dateWorked": stamp(start.Truncate(24 * time.Hour)), "startDateTime": stamp(start), "endDateTime": stamp(end),
		"hoursWorked": 0.5, "hoursToBill": 0.5, "offsetHours": 0.0, "isNonBillable": i%5 == 4, "showOnInvoice": true, "isInternalNotesVisibleToComanaged": false, "billingApprovalLevelMostRecent": 0, "timeEntryType": 2,
		"summaryNotes": "Swapped the cable.", "internalNotes": "Their contract excludes this: " + privateTime, "createDateTime": stamp(end), "creatorUserID": who, "lastModifiedDateTime": stamp(end), "lastModifiedUserID": who,
	})
}
