package connectwisetest

import (
	"fmt"
	"slices"
)

// serviceTables makes priorities, severities, impacts, SLAs, sources and
// service locations.
func (g *gen) serviceTables() {
	colours := []string{"Red", "Orange", "Yellow", "Blue", "Green", "Gray", "Purple", "Pink", "Cyan", "Lime"}
	levels := []string{"Critical", "High", "Normal", "Low", "Planned"}
	for i := range g.priorities {
		name := fmt.Sprintf("Priority %d - %s", i+1, levels[min(i, len(levels)-1)])
		if i >= len(levels) {
			name = fmt.Sprintf("Priority %d - Customer %c", i+1, 'A'+i-len(levels))
		}
		g.add("/service/priorities", Row{"id": 6 + i, "name": name, "color": colours[i%len(colours)], "sortOrder": i + 1, "defaultFlag": i == 2})
	}
	for i, n := range []string{"High", "Medium", "Low"} {
		g.add("/service/severities", Row{"id": 1 + i, "name": n, "description": []string{"All users affected", "Some users affected", "One user affected"}[i], "defaultFlag": i == 1})
		g.add("/service/impacts", Row{"id": 1 + i, "name": n, "description": []string{"Business stopped", "Work slowed", "Inconvenience"}[i], "defaultFlag": i == 1})
	}
	prio := func(i int) Row { return ref(g.made["/service/priorities"][min(i, g.priorities-1)]) }
	for i := range g.slas {
		sla := g.add("/service/SLAs", Row{
			"id": 3 + i, "name": []string{"Standard SLA", "Premium SLA", "24x7 SLA", "Best effort"}[i], "basedOn": []string{"MyCalendar", "Customer", "AllHours", "MyCalendar"}[i],
			"defaultFlag": i == 0, "applicationOrder": i + 1,
			"hiImpactHiUrgency": prio(0), "hiImpactMedUrgency": prio(1), "hiImpactLowUrgency": prio(2),
			"medImpactHiUrgency": prio(1), "medImpactMedUrgency": prio(2), "medImpactLowUrgency": prio(2),
			"lowImpactHiUrgency": prio(2), "lowImpactMedUrgency": prio(2), "lowImpactLowUrgency": prio(3),
			"respondHours": 1.0, "respondPercent": 95, "planWithin": 4.0, "planWithinPercent": 90, "resolutionHours": 16.0, "resolutionPercent": 85,
		})
		for j, p := range g.made["/service/priorities"] {
			if j < 4 {
				g.add(fmt.Sprintf("/service/SLAs/%d/priorities", sla), Row{
					"priority": ref(p), "respondHours": []float64{0.25, 1, 4, 8}[j], "respondPercent": 98, "planWithin": float64(1 + 2*j), "planWithinPercent": 95,
					"resolutionHours": float64(4 + 8*j), "resolutionPercent": 90,
				})
			}
		}
	}
	for i, n := range []string{"Call", "Email", "Portal", "Email Connector", "RMM", "Walk-in"} {
		info := g.info()
		g.add("/service/sources", Row{"id": 1 + i, "name": n, "defaultFlag": i == 0, "enteredBy": g.login(), "dateEntered": info["lastUpdated"], "_info": info})
	}
	for i, n := range []string{"On-Site", "Remote", "In-House"} {
		g.add("/service/locations", Row{"id": 1 + i, "name": n, "where": []string{"OnSite", "Remote", "InHouse"}[i], "defaultFlag": i == 1})
	}
	for i, n := range []string{"Admin time", "Training", "Holiday"} {
		g.add("/time/chargeCodes", Row{
			"id": 21 + i, "name": n, "company": ref(ownCompany), "location": ref(2), "department": ref(10), "billTime": "DoNotBill", "expenseEntryFlag": false,
			"allowAllExpenseTypeFlag": false, "timeEntryFlag": true, "workType": ref(7), "workRole": ref(11), "expenseTypeIds": []int{},
		})
	}
}

// statusSpec is one status of a board.
type statusSpec struct {
	name, clock            string
	closed, locked, noTime bool // locked: inactive
	mail                   bool
}

func statusSpecs() []statusSpec {
	return []statusSpec{
		{name: "New", clock: "NotResponded", mail: true},
		{name: "In Progress", clock: "Responded"},
		{name: "Waiting on Client", clock: "Responded", mail: true},
		{name: "Scheduled", clock: "ResolutionPlan"},
		{name: "Completed", clock: "Resolved", closed: true, mail: true},
		{name: "Closed", clock: "Resolved", closed: true, noTime: true},
		{name: "Re-opened", clock: "Responded"},
		{name: "Waiting on Vendor", clock: "ResolutionPlan"},
		{name: "Assigned", clock: "NotResponded"},
		{name: "On Hold", clock: "NoEscalation"},
		{name: "Escalated", clock: "Responded"},
		{name: "Client Updated", clock: "Responded"},
		{name: "Legacy - Pending", clock: "NoEscalation", locked: true},
		{name: "Cancelled", clock: "Resolved", closed: true, locked: true},
		{name: "Waiting on Parts", clock: "ResolutionPlan"},
	}
}

// board makes one board with all that hangs on it.
func (g *gen) board(n int) {
	name := boardName(n)
	project := n%10 == 2
	parts := &boardParts{name: name, project: project, subs: map[int][]int{}, location: 2 + n%3, department: 10 + n%2}
	parts.leader = g.staff[n%len(g.staff)]
	id := g.add("/service/boards", Row{
		"id": 12 + n, "name": name, "location": ref(parts.location), "department": ref(parts.department), "inactiveFlag": n%13 == 12,
		"sendToContactFlag": true, "sendToResourceFlag": true, "projectFlag": project, "showDependenciesFlag": project, "showEstimatesFlag": project,
		"billTicketsAfterClosedFlag": false, "billTicketSeparatelyFlag": false, "billUnapprovedTimeExpenseFlag": false, "overrideBillingSetupFlag": false,
		"dispatchMember": ref(parts.leader), "workRole": ref(11), "workType": ref(3), "billTime": "NoDefault", "billExpense": "NoDefault", "billProduct": "Billable",
		"autoAssignNewTicketsFlag": false, "autoAssignNewECTicketsFlag": false, "autoAssignNewPortalTicketsFlag": false,
		"discussionsLockedFlag": false, "timeEntryLockedFlag": n%4 == 3, "notifyEmailFrom": "help@msp.example", "notifyEmailFromName": "Summit MSP",
		"closedLoopDiscussionsFlag": false, "closedLoopResolutionFlag": false, "closedLoopInternalAnalysisFlag": false,
		"timeEntryDiscussionFlag": true, "timeEntryResolutionFlag": false, "timeEntryInternalAnalysisFlag": false,
		"problemSort": "Descending", "resolutionSort": "Descending", "internalAnalysisSort": "Descending", "allSort": "Descending",
		"emailConnectorAllowReopenClosedFlag": true, "emailConnectorReopenResourcesFlag": false, "emailConnectorNewTicketNoMatchFlag": false,
		"emailConnectorNeverReopenByDaysFlag": true, "emailConnectorReopenDaysLimit": 14, "emailConnectorNeverReopenByDaysClosedFlag": false,
		"useMemberDisplayNameFlag": false, "sendToCCFlag": true, "autoAssignTicketOwnerFlag": true, "autoAssignLimitFlag": false,
		"closedLoopAllFlag": false, "markFirstNoteIssueFlag": true, "restrictBoardByDefaultFlag": false, "sendToBundledFlag": false,
	})
	g.boardN[id] = parts
	g.statusesOf(id, parts)
	g.typesOf(id, parts)
	g.teamsOf(id, parts)
}

func (g *gen) statusesOf(board int, parts *boardParts) {
	path := fmt.Sprintf("/service/boards/%d/statuses", board)
	var reopened, closed int
	for i, s := range statusSpecs()[:g.between(g.statuses)] {
		row := Row{
			"id": 550 + 20*(board-12) + i, "name": s.name, "sortOrder": 10 * (i + 1), "displayOnBoard": !s.closed, "inactive": s.locked, "closedStatus": s.closed,
			"timeEntryNotAllowed": s.noTime, "roundRobinCatchall": false, "defaultFlag": i == 0, "escalationStatus": s.clock,
			"customerPortalDescription": s.name, "customerPortalFlag": true,
			"statusIndicator": Row{"id": 1 + i%4, "identifier": colourName(i), "name": colourName(i)}, "customStatusIndicatorName": "", "saveTimeAsNote": false,
		}
		if s.mail {
			row["emailTemplate"] = Row{"id": 7, "identifier": s.name + " Ticket"}
		}
		id := g.add(path, row)
		switch {
		case s.locked:
		case s.closed:
			parts.closed = append(parts.closed, id)
		default:
			parts.open = append(parts.open, id)
		}
		switch s.name {
		case "New":
			parts.first = id
		case "Re-opened":
			reopened = id
		case "Closed":
			closed = id
		}
	}
	change := Row{"autoCloseStatus": ref(closed), "_info": g.info()}
	if reopened != 0 {
		change["emailConnectorReopenStatus"] = ref(reopened)
	}
	g.Update("/service/boards", board, change)
}

func colourName(i int) string { return []string{"Red", "Amber", "Green", "Blue"}[i%4] }

// typesOf makes types, subtypes and items, and which of them go together.
func (g *gen) typesOf(board int, parts *boardParts) {
	base := fmt.Sprintf("/service/boards/%d", board)
	for i, n := range typeNames()[:g.between(g.types)] {
		id := g.add(base+"/types", Row{
			"id": 301 + 20*(board-12) + i, "name": n, "category": []string{"Reactive", "Proactive"}[i%2], "defaultFlag": i == 0,
			"inactiveFlag": i > 3 && i%5 == 4, "requestForChangeFlag": n == "Change", "integrationXref": fmt.Sprintf("T%d", i),
			"location": ref(parts.location), "department": ref(parts.department),
		})
		if g.Get(base+"/types", id)["inactiveFlag"] != true {
			parts.types = append(parts.types, id)
		}
	}
	types := g.made[base+"/types"]
	for i, n := range subtypeNames()[:g.between(g.subtypes)] {
		on := []int{types[i%len(types)]}
		if second := types[(i*3+1)%len(types)]; i%2 == 0 && second != on[0] {
			on = append(on, second)
		}
		id := g.add(base+"/subtypes", Row{
			"id": 1881 + 40*(board-12) + i, "name": n, "inactiveFlag": i%11 == 10, "typeAssociationIds": on, "addAllTypesFlag": false, "removeAllTypesFlag": false,
		})
		for _, t := range on {
			if i%11 != 10 {
				parts.subs[t] = append(parts.subs[t], id)
			}
		}
	}
	for i, n := range itemNames()[:g.between(g.items)] {
		assoc := Row{}
		for j := range 2 {
			t := types[(i+j)%len(types)]
			if subs := parts.subs[t]; len(subs) > 0 {
				chosen := []any{subs[i%len(subs)]}
				if x := subs[(i+1)%len(subs)]; x != chosen[0] {
					chosen = append(chosen, x)
				}
				assoc[fmt.Sprint(t)] = chosen
			}
		}
		g.add(base+"/items", Row{"id": 741 + 50*(board-12) + i, "name": n, "inactiveFlag": i%13 == 12, "$assoc": assoc})
	}
}

func (g *gen) teamsOf(board int, parts *boardParts) {
	for i, n := range []string{"Service Desk", "Second Line", "Projects Team", "On Call"}[:g.between(g.teams)] {
		var in []int
		for j := range 4 {
			m := g.staff[(board*5+i*3+j*2)%len(g.staff)]
			if !slices.Contains(in, m) {
				in = append(in, m)
			}
		}
		id := g.add(fmt.Sprintf("/service/boards/%d/teams", board), Row{
			"id": 25 + 5*(board-12) + i, "name": n, "teamLeader": ref(in[0]), "members": in, "defaultFlag": i == 0, "notifyOnTicketDelete": false,
			"defaultRoundRobinFlag": false, "roundRobinFlag": false, "locationId": parts.location, "businessUnitId": parts.department,
		})
		parts.teams = append(parts.teams, id)
	}
}

// serviceTemplates makes ticket templates.
func (g *gen) serviceTemplates() {
	for i := range g.templates {
		board := g.made["/service/boards"][i%len(g.made["/service/boards"])]
		p := g.boardN[board]
		g.add("/service/templates", plant("ServiceTemplate", Row{
			"id": 44 + i, "name": []string{"New starter", "Leaver", "Monthly maintenance", "New laptop"}[i%4] + fmt.Sprintf(" %d", i+1), "board": ref(board),
			"type": ref(p.types[0]), "status": ref(p.first), "priority": ref(g.made["/service/priorities"][2]), "summary": "New starter: ", "problem": "Checklist below",
			"severity": "Low", "impact": "Low", "templateFlag": true, "assignedNotifyFlag": false, "timeBillableFlag": true, "expenseBillableFlag": true,
			"billComplete_Flag": false, "billServiceSeparatelyFlag": false, "billingMethod": "ActualRates", "emailContactFlag": false, "emailResourceFlag": false,
			"emailCCFlag": false, "restrictDownpaymentFlag": false,
		}))
	}
}

// customFieldDefinitions makes fields for tickets, companies and contacts.
func (g *gen) customFieldDefinitions() {
	kinds := []struct{ caption, typ, entry string }{
		{"Device colour", "Text", "List"}, {"Floor", "Number", "EntryField"}, {"Approved", "Checkbox", "EntryField"}, {"Ext ref", "Text", "EntryField"},
		{"CRM id", "Text", "EntryField"}, {"Renewal", "Date", "Date"}, {"Support tier", "Text", "Option"}, {"Door code", "Password", "EntryField"},
		{"Share", "Percent", "EntryField"}, {"Runbook", "Hyperlink", "EntryField"}, {"Remarks", "TextArea", "EntryField"}, {"Contract value", "Currency", "EntryField"},
	}
	owners := []struct {
		screen, description, pod string
		podID                    int
	}{
		{"sr100", "Service Ticket", "Ticket Overview", 9},
		{"co300", "Company", "Company Overview", 2},
		{"ct300", "Contact", "Contact Overview", 4},
	}
	for i := range g.fields {
		o := owners[i%len(owners)]
		k := kinds[(i/len(owners)+i%len(owners)*4)%len(kinds)]
		caption := k.caption
		if n := i / (len(kinds)); n > 0 {
			caption = fmt.Sprintf("%s %d", caption, n+1)
		}
		row := Row{
			"id": 16 + i, "podId": o.podID, "caption": caption, "sequenceNumber": i + 1, "screenId": o.screen, "helpText": "", "fieldTypeIdentifier": k.typ,
			"numberDecimals": map[string]int{"Currency": 2, "Percent": 1}[k.typ], "entryTypeIdentifier": k.entry, "requiredFlag": i%10 == 9, "displayOnScreenFlag": true,
			"readOnlyFlag": false, "listViewFlag": false, "businessUnitIds": []int{10}, "locationIds": []int{2, 3}, "connectWiseID": g.guid(),
			"dateCreated": "2025-06-28T17:39:50Z", "podDescription": o.pod, "screenDescription": o.description, "displayScreenInASIO": true,
			"$podId": lower(o.description) + "_overview", "_info": Row{},
		}
		if k.entry == "List" || k.entry == "Option" {
			var options []any
			for j, v := range []string{"Red", "Blue", "Green", "Black", "Retired"} {
				options = append(options, Row{"id": 5 + 10*i + j, "optionValue": v, "defaultFlag": j == 1, "inactiveFlag": v == "Retired", "sortOrder": j})
			}
			row["options"] = options
		}
		g.add("/system/userDefinedFields", row)
		g.defs[o.screen] = append(g.defs[o.screen], row)
	}
}
