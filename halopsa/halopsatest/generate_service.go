package halopsatest

import (
	"fmt"
	"strings"
)

// Outcomes that every tenant has.
const (
	outcomeOpened   = 1 // system: the opening text
	outcomeInternal = 7
)

// outcomes makes action types; those with a systemid are the vendor's own.
func (g *gen) outcomes() {
	for i, o := range []struct {
		id                   int
		name                 string
		system, status, mail int
		private, hidden      bool
	}{
		{outcomeOpened, "First User Email", 1, -1, 0, false, true},
		{2, "Field Change", 2, -1, 0, true, true},
		{3, "Public Note", 0, -1, 0, false, false},
		{4, "Email User", 0, 4, 1, false, false},
		{5, "Respond", 0, 2, 1, false, false},
		{6, "Close", 0, 9, 1, false, false},
		{outcomeInternal, "Internal Note", 0, -1, 0, true, false},
		{8, "Log Time", 0, -1, 0, true, false},
		{9, "Re-assign", 0, -1, 0, true, false},
		{10, "Old Action", 0, -1, 0, false, true},
	} {
		g.add("/Outcome", plant("Outcome", Row{
			"id": o.id, "outcome": o.name, "buttonname": o.name, "labellong": o.name, "sequence": i + 1, "hidden": o.hidden, "systemid": o.system, "newstatus": o.status,
			"sendemail": o.mail, "hidefromuser": o.private, "mustaddnote": o.name == "Public Note", "requesttype": -1,
		}))
	}
}

// categoryRows makes the four lists of categories: the first two have three
// levels in their paths.
func (g *gen) categoryRows() {
	names := categoryNames()
	for typ := 1; typ <= 4; typ++ {
		add := func(path ...string) {
			g.add("/Category", plant("Category", Row{
				"value": strings.Join(path, ">"), "category_name": path[len(path)-1], "type_id": typ, "sla_id": 0, "priority_id": 0, "category_group_id": 0, "itilrequesttype": 0, "note": "", "include_note": false,
			}))
		}
		for _, a := range names[0][:g.categories[0]] {
			add(a)
			if typ > 2 {
				continue
			}
			for _, b := range names[1][:g.categories[1]] {
				add(a, b)
				for _, c := range names[2][:g.categories[2]] {
					if typ == 1 {
						add(a, b, c)
					}
				}
			}
		}
	}
}

// workflows makes one workflow in use and one that is not.
func (g *gen) workflows() {
	edge := func(id, from, to, action int, name string) Row {
		return Row{"id": id, "start_step": from, "end_step": to, "action_id": action, "action_name": name, "seq": id, "flow_id": 1}
	}
	g.add("/Workflow", Row{
		"name": "Incident", "note": "", "active": true, "notinuse": false,
		"stages": []Row{{"id": 1, "sequence": 1, "name": "Log"}, {"id": 2, "sequence": 2, "name": "Work"}},
		"steps": []Row{
			{"step_id": 1, "flow_id": 1, "name": "Open", "isstart": true, "isend": false, "actions": []Row{edge(11, 1, 2, 9, "Re-assign"), edge(12, 1, 3, 6, "Close")}},
			{"step_id": 2, "flow_id": 1, "name": "Working", "isstart": false, "isend": false, "actions": []Row{edge(13, 2, 3, 6, "Close")}},
			{"step_id": 3, "flow_id": 1, "name": "Done", "isstart": false, "isend": true, "actions": []Row{}},
		},
		"always_allow_actions": []Row{{"id": outcomeInternal, "name": "Internal Note"}, {"id": 3, "name": "Public Note"}, {"id": 8, "name": "Log Time"}},
	})
	g.add("/Workflow", Row{"name": "Old Workflow", "note": "", "active": false, "notinuse": true})
}

// customFieldDefinitions makes custom fields of tickets, clients, sites, users
// and assets, and the lists behind selections.
func (g *gen) customFieldDefinitions() {
	types := []struct {
		name  string
		label string
		typ   int
	}{
		{"CFExternalRef", "External ref", 0}, {"CFSeverity", "Severity", typeSingle}, {"CFNotes", "Notes", 1}, {"CFProducts", "Products", typeMultiple},
		{"CFReviewDate", "Review date", typeDate}, {"CFApproved", "Approved", typeCheckbox}, {"CFCallTime", "Call time", 5}, {"CFSummary", "Rich summary", 10},
	}
	usages := []int{usageTicket, usageTicket, usageClient, usageTicket, usageUser, usageSite, usageTicket, 5}
	for i := range g.fields {
		d := types[(i+i/len(types))%len(types)]
		usage := usages[i%len(usages)]
		name, label := d.name, d.label
		if n := i / len(types); n > 0 {
			name, label = fmt.Sprintf("%s%d", name, n+1), fmt.Sprintf("%s %d", label, n+1)
		}
		id, lookup := 152+i, 0
		if d.typ == typeSingle || d.typ == typeMultiple {
			lookup = 1000 + id
			g.Add(fmt.Sprintf("/Lookup/%d", lookupTypes), Row{"id": lookup, "name": name, "sequence": lookup, "inactive": false})
			for k, v := range []string{"Low", "Medium", "High", "Retired"} {
				g.Add(fmt.Sprintf("/Lookup/%d", lookup), Row{"id": k + 1, "name": v, "sequence": k, "inactive": v == "Retired"})
			}
		}
		g.add("/FieldInfo", Row{
			"id": id, "name": name, "label": label, "labellong": label, "summary": "", "hint": "", "type": d.typ, "inputtype": 0, "extratype": 0, "usage": usage, "custom": 1, "lookup": lookup,
			"characterlimit": 0, "mandatory": false, "readonly": false, "searchable": true, "visibility": 0, "seq": i + 1, "isencrypted": false, "regex": "",
		})
		g.defs[usage] = append(g.defs[usage], id)
	}
}

// customValues makes values for about half of the custom fields of a kind.
func (g *gen) customValues(usage int) []any {
	out := []any{}
	for _, id := range g.defs[usage] {
		if g.rnd.IntN(2) == 0 {
			continue
		}
		var v any
		switch integer(g.Get("/FieldInfo", id)["type"]) {
		case typeSingle:
			v = 1 + g.rnd.IntN(3)
		case typeMultiple:
			v = "1,3"
		case typeDate:
			v = "2026-12-01T00:00:00"
		case typeCheckbox:
			v = g.rnd.IntN(2) == 0
		case 5:
			v = "09:30"
		default:
			v = fmt.Sprintf("value-%d", g.rnd.IntN(1000))
		}
		out = append(out, Row{"id": id, "value": v})
	}
	return out
}

// ticketTypes makes ticket types with their statuses and fields.
func (g *gen) ticketTypes() {
	g.add("/TicketTypeGroup", Row{"name": "Service Desk"})
	g.add("/TicketTypeGroup", Row{"name": "Delivery"})
	for i, n := range ticketTypeNames()[:g.types] {
		allowed, info := []Row{}, typeInfo{}
		for k, s := range g.made["/Status"][:g.statuses] {
			// New, In Progress and Closed everywhere; the others in some.
			if s <= 2 || s == 9 || (k+i)%3 != 0 {
				allowed = append(allowed, Row{"status_id": s})
				if contains(g.closed, s) {
					info.closed = append(info.closed, s)
				} else {
					info.open = append(info.open, s)
				}
			}
		}
		all := i == 6
		if all {
			allowed, info = []Row{}, typeInfo{g.open, g.closed}
		}
		id := g.add("/TicketType", plant("TicketType", Row{
			"name": n.name, "$use": n.use, "sequence": (i + 1) * 10, "default_sla": 1 + i%g.slas, "default_priority": min(3, g.priorities), "group_id": 1 + truth(n.itil > 21),
			"cancreate": true, "agentscanselect": true, "enduserscanselect": i < 2, "anonymouscanselect": false, "itilrequesttype": n.itil, "allowattachments": true, "is_sprint": false,
			"default_agent": 0, "visible": i != 9, "workflow_id": truth(i == 0), "initial_status": 1, "statusafteruserupdate": 12, "statusaftertechupdate": 2, "reopenedstatus": 1,
			"allowall_status": all, "allowed_status": allowed, "allowall_team": true, "allowed_teams": []any{}, "allowall_actions": true, "allowed_actions": []any{},
			"allowall_category1": true, "allowed_category1": []any{}, "allowed_clients": []any{}, "default_summary": "", "default_sendack": truth(i < 4), "default_sendemail": false,
		}))
		g.typeN[id] = info
		for k, f := range g.defs[usageTicket] {
			if (k+i)%2 == 0 {
				g.add("/TicketTypeField", Row{"rtid": id, "fieldid": f, "seq": k + 1, "groupid": 0, "tableid": 0, "technew": 2, "techdetail": 2, "endusernew": 0, "enduserdetail": 0})
			}
		}
	}
}

func contains(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

func (g *gen) templateRows() {
	for i := range g.templates {
		g.add("/Template", Row{
			"name": fmt.Sprintf("%s template %d", []string{"New starter", "Leaver", "Maintenance"}[i%3], i+1), "type": i % 3, "group_id": 1, "summary": "New starter: ", "details": "Please set up the account.",
			"details_html": "<p>Please set up the account.</p>", "tickettype_id": g.made["/TicketType"][1], "team": teamNames()[0][0], "priority_id": min(4, g.priorities), "agent_id": unassignedAgent,
			"category_1": "Account", "estimate": 0.5, "disabled": i%7 == 6, "todo_list": []Row{{"id": 1, "text": "Create mailbox"}}, "customfields": []any{},
		})
	}
}
