package connectwisetest

import (
	"fmt"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// ownCompany is the id of the MSP's own company record.
const ownCompany = 2

// companyTables makes the tables around companies and contacts.
func (g *gen) companyTables() {
	named := func(path, key string, first int, names []string, more func(i int, row Row)) {
		for i, n := range names {
			row := Row{"id": first + i, key: n}
			if more != nil {
				more(i, row)
			}
			g.add(path, row)
		}
	}
	named("/company/companies/statuses", "name", 1, []string{"Active", "Inactive", "Prospect", "Credit Hold", "Old Status"}, func(i int, r Row) {
		r["defaultFlag"], r["inactiveFlag"], r["notifyFlag"], r["disallowSavingFlag"] = i == 0, i == 4, i == 3, false
		r["notificationMessage"], r["customNoteFlag"], r["cancelOpenTracksFlag"] = "", false, false
	})
	named("/company/companies/types", "name", 5, []string{"Client", "Prospect", "Vendor", "Partner", "Owner"}, func(i int, r Row) {
		r["defaultFlag"], r["vendorFlag"], r["serviceAlertFlag"], r["serviceAlertMessage"] = i == 0, i == 2, false, ""
	})
	named("/company/contacts/types", "description", 3, []string{"Decision maker", "End user", "Billing", "Technical"}, func(i int, r Row) {
		r["defaultFlag"], r["serviceAlertFlag"], r["serviceAlertMessage"] = i == 1, false, ""
	})
	named("/company/contacts/relationships", "name", 2, []string{"Owner", "Employee", "Contractor"}, nil)
	named("/company/contacts/departments", "name", 1, []string{"Accounts", "Operations", "IT", "Sales"}, nil)
	named("/company/teamRoles", "name", 1, []string{"Account Manager", "Technical Lead", "Sales"}, func(i int, r Row) {
		r["accountManagerFlag"], r["techFlag"], r["salesFlag"] = i == 0, i == 1, i == 2
	})
	named("/company/noteTypes", "name", 1, []string{"Comments", "Contract", "Internal"}, func(i int, r Row) {
		r["identifier"], r["defaultFlag"], r["importFlag"] = []string{"COM", "CON", "INT"}[i], i == 0, false
	})
	for i, n := range []string{"Direct", "Mobile", "Fax", "Email - Work", "Email - Home"} {
		g.add("/company/communicationTypes", Row{
			"id": []int{2, 4, 3, 13, 14}[i], "description": n, "phoneFlag": i < 2, "faxFlag": i == 2, "emailFlag": i > 2, "defaultFlag": i == 0 || i == 3,
		})
	}
}

// records makes companies with sites, contacts, and tickets with notes and time.
func (g *gen) records() {
	g.company(ownCompany, "SummitMSP", "Summit MSP", 9, true)
	for i := range g.companies {
		name := simulator.CompanyNames()[i%len(simulator.CompanyNames())]
		if n := i / len(simulator.CompanyNames()); n > 0 {
			name = fmt.Sprintf("%s %s", name, []string{"Holdings", "North", "Group", "Services", "Trading", "South", "Europe", "Retail", "Property", "Partners", "Labs", "Media", "Capital", "Direct", "Works"}[n%15])
		}
		typ := 5
		if i%9 == 8 {
			typ = 6 + i%3
		}
		g.company(250+i, fmt.Sprintf("%.22s%d", lower(name), 250+i), name+" Ltd", typ, i%12 != 11)
	}
	if g.virtualContacts > 0 {
		g.virtual()
		return
	}
	for i := range g.contacts {
		g.contact(i)
	}
	for i := range g.tickets {
		g.ticket(i)
	}
}

func (g *gen) company(id int, identifier, name string, typ int, active bool) {
	status := 1
	if !active {
		status = 2
	}
	site := g.add(fmt.Sprintf("/company/companies/%d/sites", id), Row{
		"id": 28 + (id-ownCompany)*2, "name": "Main", "addressLine1": fmt.Sprintf("%d Park Row", id), "city": "Leeds", "zip": "LS1 5AB", "stateReference": Row{"id": 7, "identifier": "WYK", "name": "West Yorkshire"},
		"country": Row{"id": 44, "identifier": "GB", "name": "United Kingdom"}, "phoneNumber": fmt.Sprintf("113556%04d", id), "primaryAddressFlag": true,
		"defaultShippingFlag": true, "defaultBillingFlag": true, "defaultMailingFlag": true, "inactiveFlag": false, "billSeparateFlag": false,
	})
	if id%5 == 0 {
		g.add(fmt.Sprintf("/company/companies/%d/sites", id), Row{
			"id": site + 1, "name": "Warehouse", "addressLine1": "Unit 4", "city": "Wakefield", "zip": "WF1 2AB", "primaryAddressFlag": false, "inactiveFlag": id%10 == 0,
			"defaultShippingFlag": false, "defaultBillingFlag": false, "defaultMailingFlag": false, "billSeparateFlag": false,
		})
	}
	info := g.info()
	info["dateEntered"], info["enteredBy"] = "2022-01-10T09:00:00Z", g.login()
	g.add("/company/companies", Row{
		"id": id, "identifier": identifier, "name": name, "status": ref(status), "addressLine1": fmt.Sprintf("%d Park Row", id), "city": "Leeds", "state": "WYK", "zip": "LS1 5AB",
		"country": Row{"id": 44, "identifier": "GB", "name": "United Kingdom"}, "phoneNumber": fmt.Sprintf("113556%04d", id), "faxNumber": "", "website": "https://" + identifier + ".example",
		"territory": ref(2), "accountNumber": fmt.Sprintf("A-%d", id), "dateAcquired": "2022-01-10T00:00:00Z", "annualRevenue": 0.0, "timeZoneSetup": Row{"id": 1, "name": "GMT/UTC"},
		"leadFlag": false, "unsubscribeFlag": false, "billToCompany": ref(id), "billingSite": ref(site), "deletedFlag": false, "mobileGuid": g.guid(), "isVendorFlag": typ == 7,
		"types": []Row{ref(typ)}, "site": ref(site), "customFields": g.values("co300"), "_info": info,
	})
}

// values makes values for about half of the custom fields of a screen.
func (g *gen) values(screen string) []any {
	out := []any{}
	for _, d := range g.defs[screen] {
		if g.rnd.IntN(2) == 0 {
			continue
		}
		var v any
		switch d["fieldTypeIdentifier"] {
		case "Number", "Currency", "Percent":
			v = g.rnd.IntN(50)
		case "Checkbox":
			v = g.rnd.IntN(2) == 0
		case "Date":
			v = "2026-12-01T00:00:00Z"
		case "Hyperlink":
			v = "https://wiki.msp.example/run/1"
		default:
			v = []string{"Red", "Blue", "Green"}[g.rnd.IntN(3)]
			if d["entryTypeIdentifier"] == "EntryField" {
				v = fmt.Sprintf("value-%d", g.rnd.IntN(1000))
			}
		}
		out = append(out, Row{"id": d["id"], "value": v})
	}
	return out
}

func (g *gen) contact(i int) {
	id := 31045 + i
	companies := g.made["/company/companies"]
	company := companies[i%len(companies)]
	first, last := simulator.FirstNames()[i%len(simulator.FirstNames())], simulator.LastNames()[(i*11+i/30)%len(simulator.LastNames())]
	row := plant("Contact", Row{
		"id": id, "firstName": first, "lastName": last, "company": ref(company), "site": ref(28 + (company-ownCompany)*2), "relationship": g.one("/company/contacts/relationships"),
		"inactiveFlag": i%20 == 19, "title": "Operations Manager", "marriedFlag": false, "childrenFlag": false, "portalSecurityLevel": 6, "disablePortalLoginFlag": true,
		"unsubscribeFlag": false, "mobileGuid": g.guid(), "defaultBillingFlag": false, "defaultFlag": i < len(companies), "companyLocation": ref(2),
		"types": []Row{g.one("/company/contacts/types")}, "customFields": g.values("ct300"),
	})
	phone := fmt.Sprintf("07700%06d", 900000+i)
	row["communicationItems"] = []any{
		Row{"id": 99820 + 2*i, "type": ref(13), "value": fmt.Sprintf("%s.%s@%d.example", lower(first), lower(last), company), "defaultFlag": true, "domain": fmt.Sprintf("@%d.example", company), "communicationType": "Email"},
		Row{"id": 99821 + 2*i, "type": ref(2), "value": phone, "extension": fmt.Sprint(400 + i%100), "defaultFlag": true, "communicationType": "Phone"},
	}
	row["defaultPhoneType"], row["defaultPhoneNbr"], row["defaultPhoneExtension"] = "Direct", phone, fmt.Sprint(400+i%100)
	switch {
	case i%50 == 8: // people without a company or a last name exist
		delete(row, "company")
		delete(row, "site")
	case i%50 == 7:
		delete(row, "lastName")
	}
	g.add("/company/contacts", row)
	if i < len(companies) && row["company"] != nil {
		g.Update("/company/companies", company, Row{"defaultContact": ref(id), "billingContact": ref(id), "_info": g.info()})
	}
}

func (g *gen) ticket(i int) {
	id := 48213 + i
	boards := g.made["/service/boards"]
	board := boards[i%len(boards)]
	p := g.boardN[board]
	contact := g.made["/company/contacts"][i*7%len(g.made["/company/contacts"])]
	c := g.Get("/company/contacts", contact)
	company := refID(c["company"])
	if company == 0 {
		company = ownCompany
	}
	status, closed := p.first, i%3 == 2
	if closed {
		status = pick(g.rnd, p.closed)
	} else if i%3 == 1 {
		status = pick(g.rnd, p.open)
	}
	typ := pick(g.rnd, p.types)
	owner := p.leader
	login := g.Get("/system/members", owner)["identifier"]
	entered := epoch().Add(-time.Duration(g.rnd.IntN(60*24)) * time.Hour)
	info := Row{"lastUpdated": stamp(entered.Add(time.Duration(g.rnd.IntN(3000)) * time.Second)), "updatedBy": login, "dateEntered": stamp(entered), "enteredBy": g.login()}
	kind := "ServiceTicket"
	if p.project {
		kind = "ProjectTicket"
	}
	row := plant("Ticket", Row{
		"id": id, "summary": simulator.Summaries()[i%len(simulator.Summaries())], "recordType": kind, "board": ref(board), "status": ref(status), "company": ref(company),
		"site": ref(28 + (company-ownCompany)*2), "siteName": "Main", "addressLine1": fmt.Sprintf("%d Park Row", company), "city": "Leeds", "stateIdentifier": "WYK", "zip": "LS1 5AB",
		"contact": ref(contact), "contactName": fullName(c["firstName"], c["lastName"]), "contactPhoneNumber": c["defaultPhoneNbr"],
		"type": ref(typ), "team": ref(p.teams[0]), "owner": ref(owner), "priority": g.one("/service/priorities"), "serviceLocation": ref(2), "source": g.one("/service/sources"),
		"requiredDate": stamp(entered.Add(48 * time.Hour)), "severity": "Medium", "impact": "Medium", "allowAllClientsPortalView": false, "customerUpdatedFlag": false,
		"automaticEmailContactFlag": false, "automaticEmailResourceFlag": false, "automaticEmailCcFlag": false, "closedFlag": closed, "actualHours": 0.0, "approved": true,
		"billingMethod": "ActualRates", "subBillingMethod": "ActualRates", "resolveMinutes": 0, "resPlanMinutes": 0, "respondMinutes": 0, "isInSla": true, "resources": login,
		"hasChildTicket": false, "hasMergedChildTicketFlag": false, "billTime": "Billable", "billExpenses": "Billable", "billProducts": "Billable", "location": ref(p.location),
		"department": ref(p.department), "mobileGuid": g.guid(), "sla": ref(3), "slaStatus": "Respond by Wed 06/10 10:00 AM UTC+00", "requestForChangeFlag": false,
		"escalationStartDateUTC": stamp(entered), "escalationLevel": 0, "minutesBeforeWaiting": 0, "respondedSkippedMinutes": 0, "resplanSkippedMinutes": 0,
		"respondedHours": 0.0, "resplanHours": 0.0, "resolutionHours": 0.0, "minutesWaiting": 0, "customFields": g.values("sr100"), "_info": info,
	})
	if subs := p.subs[typ]; len(subs) > 0 && i%4 != 0 {
		row["subType"] = ref(pick(g.rnd, subs))
	}
	if closed {
		row["closedDate"], row["closedBy"], row["dateResolved"] = info["lastUpdated"], login, info["lastUpdated"]
	}
	if i%8 == 3 {
		row["externalXRef"] = fmt.Sprintf("EXT-%d", i)
	}
	g.add("/service/tickets", row)
	g.notesOf(id, i, owner, login, entered)
	if i%2 == 0 && !p.project {
		g.timeOf(id, i, owner, company, login, entered)
	}
}

func (g *gen) notesOf(ticket, i, member int, login any, at time.Time) {
	path := fmt.Sprintf("/service/tickets/%d/notes", ticket)
	for n := range 1 + i%3 {
		when := stamp(at.Add(time.Duration(n) * time.Hour))
		internal := n == 1
		g.add(path, Row{
			"id": 104166 + 4*i + n, "text": []string{"It started this morning, three people see it.", "Checked the logs, looks like the switch. " + privateNote, "Fixed, please confirm."}[n],
			"detailDescriptionFlag": !internal, "internalAnalysisFlag": internal, "resolutionFlag": n == 2, "issueFlag": n == 0, "member": ref(member),
			"dateCreated": when, "createdBy": login, "internalFlag": internal, "externalFlag": !internal, "_info": Row{"lastUpdated": when, "updatedBy": login},
		})
	}
}

func (g *gen) timeOf(ticket, i, member, company int, login any, at time.Time) {
	status := []string{"Open", "ApprovedByTierOne", "Billed"}[i%3]
	end := at.Add(30 * time.Minute)
	g.add("/time/entries", plant("TimeEntry", Row{
		"id": 90211 + i, "company": ref(company), "companyType": "Client", "chargeToId": ticket, "chargeToType": "ServiceTicket", "member": ref(member), "locationId": 2, "businessUnitId": 10,
		"location": ref(2), "department": ref(10), "workType": ref(3), "workRole": ref(11), "timeStart": stamp(at), "timeEnd": stamp(end), "hoursDeduct": 0.0, "actualHours": 0.5,
		"billableOption": "Billable", "notes": "Rebooted the access point.", "internalNotes": "Their contract excludes this: " + privateTime, "addToDetailDescriptionFlag": true, "addToInternalAnalysisFlag": false,
		"addToResolutionFlag": false, "emailResourceFlag": false, "emailContactFlag": false, "emailCcFlag": false, "hoursBilled": 0.5, "invoiceHours": 0.5, "enteredBy": login,
		"dateEntered": stamp(end), "mobileGuid": g.guid(), "status": status, "ticket": ref(ticket), "invoiceFlag": true, "locationName": "Leeds Office", "customFields": []any{},
		"_info": Row{"lastUpdated": stamp(end), "updatedBy": login},
	}))
	g.Update("/service/tickets", ticket, Row{"actualHours": 0.5, "_info": g.Get("/service/tickets", ticket)["_info"]})
}
