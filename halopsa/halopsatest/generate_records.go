package halopsatest

import (
	"fmt"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// records makes clients with sites and users, and tickets with actions.
func (g *gen) records() {
	unknownSite := g.site(unknownClient, "Unknown", false)
	g.Update("/Client", unknownClient, Row{"toplevel_id": 1, "main_site_id": unknownSite, "alastupdate": stamp(g.ago())})
	for i := range g.clients {
		g.client(i)
	}
	g.agentUsers(g.sites[12][0])
	if g.virtualUsers > 0 {
		g.virtual()
		return
	}
	for i := range g.users {
		g.user(i)
	}
	for i := range g.tickets {
		g.ticket(i)
	}
}

func (g *gen) client(i int) {
	name := simulator.CompanyNames()[i%len(simulator.CompanyNames())]
	if n := i / len(simulator.CompanyNames()); n > 0 {
		name = fmt.Sprintf("%s %s", name, []string{"Holdings", "North", "Group", "Services", "Trading", "South", "Europe", "Retail", "Property", "Partners", "Labs", "Media", "Capital", "Direct", "Works"}[n%15])
	}
	id := g.add("/Client", plant("Client", Row{
		"id": 12 + i, "name": name, "toplevel_id": 1 + truth(i%9 == 8), "inactive": i%12 == 11, "colour": "#2bd3c6", "ref": fmt.Sprintf("C-%d", 12+i), "website": "https://" + lower(name) + ".example",
		"domain": lower(name) + ".example", "notes": "", "accountmanagertech": g.staff[i%len(g.staff)], "customertype": 1 + i%3, "is_vip": i%10 == 0, "stopped": 0,
		"alastupdate": stamp(g.ago()), "datecreated": "2022-01-10T09:00:00", "customer_relationship": []Row{{"id": 1 + truth(i%9 == 8)*2}}, "default_contract": -1, "billingtemplate_id": -1, "taxable": true,
		"pritech": unassignedAgent, "sectech": unassignedAgent, "connectwiseid": 0, "autotaskid": 0, "customfields": g.customValues(usageClient),
	}))
	main := g.site(id, "Main", false)
	if i%5 == 0 {
		g.site(id, "Warehouse", i%10 == 5)
	}
	g.Update("/Client", id, Row{"main_site_id": main, "alastupdate": g.Get("/Client", id)["alastupdate"]})
}

// site makes a site with its hidden General User.
func (g *gen) site(client int, name string, inactive bool) int {
	id := g.add("/Site", Row{
		"name": name, "client_id": client, "inactive": inactive, "sla_id": -1, "phonenumber": fmt.Sprintf("0113 496 %04d", client), "colour": "#ffffff", "timezone": "", "ref": "", "notes": "",
		"isstocklocation": false, "isinvoicesite": name == "Main", "slastupdate": stamp(g.ago()), "emaildomain": "",
		"delivery_address": Row{"line1": fmt.Sprintf("%d Park Row", client), "line2": "", "line3": "Leeds", "line4": "", "postcode": "LS1 5AB"}, "customfields": g.customValues(usageSite),
	})
	g.sites[client] = append(g.sites[client], id)
	g.Add("/Users", Row{
		"name": "General User", "firstname": "General", "surname": "User", "emailaddress": "", "site_id": id, "client_id": client, "inactive": false, "isserviceaccount": false,
		"neversendemails": false, "ulastupdate": stamp(g.ago()), "$general": true,
	})
	return id
}

// agentUsers makes the user row of each agent.
func (g *gen) agentUsers(site int) {
	for _, id := range g.staff {
		a := g.Get("/Agent", id)
		g.Add("/Users", Row{
			"name": a["name"], "firstname": a["firstname"], "surname": a["surname"], "emailaddress": a["email"], "site_id": site, "client_id": 12, "inactive": false, "linked_agent_id": id,
			"ulastupdate": stamp(g.ago()),
		})
	}
}

func (g *gen) user(i int) {
	client := g.made["/Client"][i%len(g.made["/Client"])]
	site := pick(g.rnd, g.sites[client])
	first, last := simulator.FirstNames()[i%len(simulator.FirstNames())], simulator.LastNames()[(i*11+i/30)%len(simulator.LastNames())]
	id := g.add("/Users", Row{
		"name": first + " " + last, "firstname": first, "surname": last, "initials": first[:1] + last[:1], "title": "", "emailaddress": fmt.Sprintf("%s.%s%d@client%d.example", lower(first), lower(last), i, client),
		"phonenumber": fmt.Sprintf("0113 497 %04d", i), "phonenumber_preferred": fmt.Sprintf("0113 497 %04d", i), "mobilenumber": fmt.Sprintf("07700 9%05d", i), "site_id": site, "client_id": client,
		"login": "", "inactive": i%20 == 19, "isimportantcontact": i%8 == 0, "isserviceaccount": false, "neversendemails": i%13 == 12, "linked_agent_id": 0, "notes": "",
		"ulastupdate": stamp(g.ago()), "customfields": g.customValues(usageUser),
	})
	if i%20 != 19 {
		g.people[client] = append(g.people[client], id)
	}
}

func (g *gen) ticket(i int) {
	typ := g.made["/TicketType"][i%len(g.made["/TicketType"])]
	info := g.typeN[typ]
	client := g.made["/Client"][i*7%len(g.made["/Client"])]
	opened := g.ago()
	done := i%3 == 2
	status := pick(g.rnd, info.open)
	if done {
		status = pick(g.rnd, info.closed)
	}
	team := g.Get("/Team", pick(g.rnd, g.made["/Team"]))
	sla := 1 + i%g.slas
	row := Row{
		"id": 4321 + i, "dateoccurred": stamp(opened), "summary": simulator.Summaries()[i%len(simulator.Summaries())], "details": "It started this morning.\r\nPlease call me.",
		"details_html": "<p>It started this morning.</p><p>Please call me.</p>", "status_id": status, "tickettype_id": typ, "sla_id": sla, "priority_id": 1 + i%g.priorities, "client_id": client,
		"site_id": g.sites[client][0], "team": team["name"], "department_id": team["department_id"], "agent_id": unassignedAgent, "estimate": 0.0, "onhold": false,
		"respondbydate": stamp(opened.Add(2 * time.Hour)), "fixbydate": stamp(opened.Add(24 * time.Hour)), "deadlinedate": emptyDate, "lastactiondate": stamp(opened), "last_update": stamp(opened),
		"excludefromsla": false, "slaholdtime": 0.0, "flagged": false, "read": true, "inactive": false, "impact": 1 + i%3, "urgency": 1 + i%3, "source": i % 6, "parent_id": 0, "child_count": 0,
		"workflow_id": truth(typ == 1), "workflow_step": truth(typ == 1), "changeseq": 1, "customfields": g.customValues(usageTicket),
	}
	if i%3 != 0 {
		row["agent_id"] = g.staff[i%len(g.staff)]
	}
	if people := g.people[client]; len(people) > 0 && i%4 != 3 {
		user := pick(g.rnd, people)
		row["user_id"], row["site_id"] = user, g.Get("/Users", user)["site_id"]
	}
	if i%2 == 0 {
		c := g.Get("/Category", pick(g.rnd, g.made["/Category"]))
		row[fmt.Sprintf("category_%d", c["type_id"])] = c["value"]
	}
	if typ == 6 { // a project's task
		row["parent_id"] = 4325
	}
	last := opened.Add(3 * time.Hour)
	if done {
		row["dateclosed"], row["hasbeenclosed"] = stamp(last), true
	}
	id := g.add("/Tickets", row)
	g.actionRows(id, i, opened, integer(row["agent_id"]))
	g.Update("/Tickets", id, Row{"lastactiondate": stamp(last), "last_update": stamp(last)})
}

// actionRows makes the opening text, and for most tickets a note, time and a
// row of the system.
func (g *gen) actionRows(ticket, i int, opened time.Time, agent int) {
	path := fmt.Sprintf("/Tickets/%d/Actions", ticket)
	if agent == unassignedAgent {
		agent = g.staff[0]
	}
	add := func(at time.Time, outcome int, note string, more Row) {
		row := Row{
			"outcome_id": outcome, "who_type": whoAgent, "who_agentid": agent, "datetime": stamp(at), "actiondatecreated": stamp(at), "last_updated": stamp(at), "note": note,
			"note_html": "<p>" + note + "</p>", "hiddenfromuser": false, "important": false, "timetaken": 0.0, "nonbilltime": 0.0, "traveltime": 0.0, "chargerate": 0, "actisbillable": true, "actreviewed": false,
			"timesheet_approval_status": 0, "project_id": 0,
		}
		for k, v := range more {
			row[k] = v
		}
		g.Add(path, row)
	}
	add(opened, outcomeOpened, "It started this morning.", Row{"who_type": whoUser, "who_agentid": 0, "who": "Client"})
	if i%4 == 3 {
		return
	}
	add(opened.Add(time.Hour), outcomeInternal, "Checked the logs. "+privateNote, Row{"hiddenfromuser": true})
	add(opened.Add(2*time.Hour), 8, "Replaced the part.", plant("Action", Row{
		"timetaken": []float64{0.25, 0.5, 1.75}[i%3], "chargerate": 1, "hiddenfromuser": i%2 == 0, "actionarrivaldate": stamp(opened.Add(time.Hour)), "actioncompletiondate": stamp(opened.Add(2 * time.Hour)),
		"actionchargehours": 0.5, "actionnonchargehours": 0.0,
	}))
	add(opened.Add(150*time.Minute), 2, "Status changed.", Row{"hiddenfromuser": true})
	if i%5 == 0 {
		add(opened.Add(3*time.Hour), 3, "We have fixed it: "+strings.ToLower(simulator.Summaries()[i%len(simulator.Summaries())]), nil)
	}
}
