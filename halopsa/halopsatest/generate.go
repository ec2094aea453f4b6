package halopsatest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// size is how much of everything a generated tenant has.
type size struct {
	teams, statuses, types, slas, priorities, agents, fields, templates int
	categories                                                          [3]int // names per level
	clients, users, tickets                                             int
	virtualUsers, virtualTickets                                        int
}

// Small returns a tenant with three teams and a handful of everything: quick
// to build, every list has rows. Like all generated tenants it is the same
// every time.
func Small() *Tenant { return generate(small()) }

func small() size {
	return size{
		teams: 4, statuses: 12, types: 6, slas: 2, priorities: 4, agents: 6, fields: 12, templates: 2, categories: [3]int{3, 2, 2},
		clients: 4, users: 9, tickets: 14,
	}
}

// Medium returns a tenant as an MSP of sixty people has: 8 teams in three
// departments, 25 ticket statuses, 12 ticket types with their own statuses, 5
// SLAs of 5 priorities each, three levels of categories, 40 custom fields, 80
// clients, 400 users and 500 tickets.
func Medium() *Tenant { return generate(medium()) }

func medium() size {
	return size{
		teams: 8, statuses: 25, types: 12, slas: 5, priorities: 5, agents: 60, fields: 40, templates: 12, categories: [3]int{6, 6, 4},
		clients: 80, users: 400, tickets: 500,
	}
}

// Large returns a tenant of 300 clients with 100,000 users and 100,000
// tickets. Those rows are made when they are read and need no memory; changing
// one stores it.
func Large() *Tenant { return LargeOf(100_000, 100_000) }

// LargeOf is [Large] with other numbers of users and tickets.
func LargeOf(users, tickets int) *Tenant {
	s := medium()
	s.agents, s.clients, s.users, s.tickets = 140, 300, 0, 0
	s.virtualUsers, s.virtualTickets = users, tickets
	return generate(s)
}

// gen builds one tenant.
type gen struct {
	*Tenant
	size
	rnd  *rand.Rand
	made map[string][]int // ids by path, in order

	open, closed []int            // ticket statuses
	staff        []int            // agents who work here
	defs         map[int][]int    // custom fields by usage
	typeN        map[int]typeInfo // ticket types
	sites        map[int][]int    // by client
	people       map[int][]int    // users by site
}

type typeInfo struct{ open, closed []int }

func generate(s size) *Tenant {
	g := &gen{
		Tenant: NewTenant(), size: s, rnd: rand.New(rand.NewPCG(3, 4)), made: map[string][]int{}, defs: map[int][]int{}, typeN: map[int]typeInfo{},
		sites: map[int][]int{}, people: map[int][]int{},
	}
	g.organisation()
	g.calendars()
	g.agentRows()
	g.lookups()
	g.statusRows()
	g.levels()
	g.outcomes()
	g.categoryRows()
	g.workflows()
	g.customFieldDefinitions()
	g.ticketTypes()
	g.templateRows()
	g.records()
	return g.Tenant
}

func (g *gen) add(path string, row Row) int {
	id := g.Add(path, row)
	g.made[path] = append(g.made[path], id)
	return id
}

// epoch is when generated rows were last changed at the latest.
func epoch() time.Time { return time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC) }

// ago makes a time within two years before epoch, with 0 to 7 digits of a
// second.
func (g *gen) ago() time.Time { return agoAt(g.rnd.IntN(700*24*3600), g.rnd.IntN(8)) }

func agoAt(seconds, digits int) time.Time {
	fraction := []int{0, 500_000_000, 120_000_000, 797_000_000, 380_100_000, 123_450_000, 700_001_000, 123_456_700}[digits]
	return epoch().Add(-time.Duration(seconds)*time.Second - time.Second + time.Duration(fraction))
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// organisation makes departments, customer top levels, teams and roles.
func (g *gen) organisation() {
	org := g.add("/Organisation", Row{"name": "Summit MSP", "email": "hello@summitmsp.example", "website": "https://summitmsp.example", "phone": "0113 496 0100"})
	g.add("/TopLevel", Row{"name": "Customers", "long_name": "Customers", "type": 0, "agent_department": false})
	g.add("/TopLevel", Row{"name": "Partners", "long_name": "Partners", "type": 0, "agent_department": false})
	departments := map[string]int{}
	for i, n := range teamNames()[:g.teams] {
		if departments[n[1]] == 0 {
			departments[n[1]] = g.add("/TopLevel", Row{"name": n[1], "long_name": "Summit MSP/" + n[1], "type": 1, "agent_department": true, "organisation_id": org})
		}
		g.add("/Team", Row{
			"name": n[0], "sequence": i + 1, "forrequests": true, "foropps": false, "forprojects": n[0] == "Projects", "department_id": departments[n[1]], "inactive": i == 7,
			"last_modified": stamp(g.ago()), "organisation_id": org, "allowall_category1": true,
		})
	}
	for _, n := range []string{"Administrator", "Service Lead", "Technician", "API"} {
		g.add("/Roles", Row{"name": n, "notes": ""})
	}
	for i, n := range []string{"Portal User", "Portal Manager"} {
		g.add("/UserRoles", Row{"name": n, "web_access_level": i + 1})
	}
}

func (g *gen) calendars() {
	for i, n := range []string{"Office Hours", "24x7"} {
		row := Row{"name": n, "timezone": "GMT Standard Time", "start": "1900-01-01T09:00:00", "end": "1900-01-01T17:30:00", "alldayssame": true, "incsaturday": i == 1, "incsunday": i == 1}
		for _, d := range []string{"monday", "tuesday", "wednesday", "thursday", "friday"} {
			row["inc"+d] = true
		}
		g.add("/Workday", row)
	}
	g.add("/Holiday", Row{"name": "Christmas Day", "workday_id": 1, "date": "2026-12-25T00:00:00", "end_date": "2026-12-25T00:00:00", "allday": true})
}

// apiAgent is the agent that the API application acts as.
const apiAgent = 3

func (g *gen) agentRows() {
	agent := func(id int, first, last string, more Row) int {
		mail := fmt.Sprintf("%s.%s@summitmsp.example", lower(first), lower(last))
		row := plant("Agent", Row{
			"id": id, "name": first + " " + last, "firstname": first, "surname": last, "initials": first[:1] + last[:1], "email": mail, "isdisabled": false, "is_agent": true, "isapiagent": false,
			"jobtitle": "Engineer", "colour": "#2bd3c6", "onlinestatus": 0, "lastlogindate": stamp(g.ago()), "workday_id": 1, "licence_type": 0, "teams": []any{}, "roles": []int{3},
		})
		for k, v := range more {
			row[k] = v
		}
		return g.add("/Agent", row)
	}
	agent(2, "Summit", "Admin", Row{"roles": []int{1}})
	agent(apiAgent, "Sync", "API", Row{"isapiagent": true, "roles": []int{4}, "licence_type": 3})
	teams := g.made["/Team"]
	for i := range g.agents {
		first, last := simulator.FirstNames()[i%len(simulator.FirstNames())], simulator.LastNames()[(i*7+i/len(simulator.FirstNames()))%len(simulator.LastNames())]
		disabled := i%17 == 16 || g.agents < 10 && i == g.agents-1
		member := []any{Row{"team_id": teams[i%len(teams)], "is_manager": i < len(teams)}}
		if i%3 == 0 {
			member = append(member, Row{"team_id": teams[(i+1)%len(teams)], "is_manager": false})
		}
		id := agent(5+i, first, last, Row{"isdisabled": disabled, "teams": member})
		if !disabled {
			g.staff = append(g.staff, id)
		}
	}
}

// lookups makes list 11, which names the others, and the others. Only 11, 17
// and 64 have numbers that are the same everywhere.
func (g *gen) lookups() {
	lists := []struct {
		id    int
		name  string
		first int
		rows  []string
	}{
		{lookupChargeRates, "Charge Rates", 0, []string{"No Charge", "Standard Rate", "After Hours", "Travel", "Project Rate", "Old Rate"}},
		{22, lookupSources, 0, []string{"Manual", "Email", "Portal", "Phone", "Chat", "Monitoring"}},
		{38, lookupCustomer, 1, []string{"Managed", "Ad hoc", "Internal"}},
		{121, lookupRelationship, 1, []string{"Customer", "Prospect", "Supplier", "Partner"}},
		{27, lookupImpact, 1, []string{"Company Wide", "Multiple Users", "Single User"}},
		{28, lookupUrgency, 1, []string{"High", "Medium", "Low"}},
		{63, "Appointment Types", 0, []string{"Appointment", "Task", "Leave"}},
	}
	for _, l := range lists {
		g.Add(fmt.Sprintf("/Lookup/%d", lookupTypes), Row{"id": l.id, "name": l.name, "sequence": l.id, "inactive": false})
		for i, n := range l.rows {
			row := Row{"id": l.first + i, "name": n, "sequence": i, "inactive": n == "Old Rate", "value3": "", "valueint1": 0}
			if l.id == lookupChargeRates {
				row["value2"] = fmt.Sprintf("%d.5", 80+i*10)
				if i == 1 {
					row = plant("Lookup", row)
				}
			}
			g.Add(fmt.Sprintf("/Lookup/%d", l.id), row)
		}
	}
	g.Add(fmt.Sprintf("/Lookup/%d", lookupTypes), Row{"id": lookupTypes, "name": "Lookup Types", "sequence": 0, "inactive": false})
}

// statusRows makes ticket statuses and, with other types, those of orders and
// invoices. No key says which are closed.
func (g *gen) statusRows() {
	for i, n := range statusNames()[:g.statuses] {
		closed := n == "Closed" || n == "Resolved" || n == "Cancelled" || n == "Merged" || n == "Invoiced"
		id := g.add("/Status", Row{
			"id": i + 1, "name": n, "shortname": n, "type": 0, "sequence": (i + 1) * 10, "colour": fmt.Sprintf("#%06x", (i*0x0b5a3d+0x1f4e79)&0xffffff), "slaaction": []string{"N", "H"}[truth(n == "On Hold")],
			"showonquickchange": i < 9, "includeinloadbalance": !closed, "$closed": closed,
		})
		if closed {
			g.closed = append(g.closed, id)
		} else {
			g.open = append(g.open, id)
		}
	}
	for i, n := range []string{"Ordered", "Received", "Draft", "Paid", "Closed"} {
		g.add("/Status", Row{"id": 101 + i, "name": n, "shortname": n, "type": 1 + i/2, "sequence": 500 + i, "colour": "#888888"})
	}
}

// levels makes SLAs and their priorities: the same priorityid means another
// thing in each SLA.
func (g *gen) levels() {
	slas := []string{"Standard SLA", "Gold SLA", "Silver SLA", "Project SLA", "24x7 SLA"}
	names := [][]string{{"Critical", "High", "Medium", "Low", "Planned"}, {"P1", "P2", "P3", "P4", "P5"}, {"Urgent", "High", "Normal", "Low", "Whenever"}}
	for i := range g.slas {
		sla := g.add("/SLA", Row{
			"name": slas[i], "workday_id": 1 + truth(i == 4), "hoursaretechslocaltime": false, "responsereset": false, "trackslafixbytime": true, "trackslaresponsetime": true,
			"autoreleaseoption": false, "autoreleaselimit": 0, "slstatusafterfirstwarning": -1, "slstatusaftersecondwarning": -1,
		})
		for k := range g.priorities {
			g.add("/Priority", Row{
				"slaid": sla, "priorityid": k + 1, "name": names[i%len(names)][k], "colour": "#fcc400", "ishidden": i > 0 && k == 4, "fixtime": float64(4 * (k + 1)), "fixunits": "H",
				"responsetime": float64(k + 1), "responseunits": "H", "workdaysoverride": 0, "setfixtostartdate": false, "setfixtotargetdate": false,
			})
		}
	}
}
