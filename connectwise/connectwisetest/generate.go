package connectwisetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// size is how much of everything a generated tenant has.
type size struct {
	boards, members, priorities, slas, templates, fields int
	statuses, types, subtypes, items, teams              [2]int // least and most per board
	companies, contacts, tickets                         int
	virtualContacts, virtualTickets                      int
}

// Small returns a tenant with three boards and a handful of everything: quick
// to build, every list has rows. Like all generated tenants it is the same
// every time.
func Small() *Tenant { return generate(small()) }

func small() size {
	return size{
		boards: 3, members: 6, priorities: 4, slas: 2, templates: 2, fields: 8,
		statuses: [2]int{7, 8}, types: [2]int{3, 4}, subtypes: [2]int{5, 6}, items: [2]int{4, 5}, teams: [2]int{1, 2},
		companies: 4, contacts: 9, tickets: 12,
	}
}

// Medium returns a tenant as an MSP of sixty people has: 40 boards with 8 to
// 15 statuses, 6 to 10 types, 15 to 30 subtypes and 10 to 40 items each, 30
// custom fields, 80 companies, 400 contacts and 500 tickets.
func Medium() *Tenant { return generate(medium()) }

func medium() size {
	return size{
		boards: 40, members: 60, priorities: 15, slas: 4, templates: 12, fields: 30,
		statuses: [2]int{8, 15}, types: [2]int{6, 10}, subtypes: [2]int{15, 30}, items: [2]int{10, 40}, teams: [2]int{2, 4},
		companies: 80, contacts: 400, tickets: 500,
	}
}

// Large returns a tenant of 150 boards with 100,000 contacts and 100,000
// tickets of 2.5 to 5 KB each. Those rows are made when they are read and need
// no memory; changing one stores it.
func Large() *Tenant { return LargeOf(100_000, 100_000) }

// LargeOf is [Large] with other numbers of contacts and tickets.
func LargeOf(contacts, tickets int) *Tenant {
	s := medium()
	s.boards, s.members = 150, 140
	s.companies, s.contacts, s.tickets = 300, 0, 0
	s.virtualContacts, s.virtualTickets = contacts, tickets
	return generate(s)
}

// gen builds one tenant.
type gen struct {
	*Tenant
	size
	rnd  *rand.Rand
	made map[string][]int // ids by list, in order

	logins []string         // identifiers of people
	staff  []int            // members who work here
	defs   map[string][]Row // custom field definitions by screen
	boardN map[int]*boardParts
}

// boardParts is what a ticket on a board can use.
type boardParts struct {
	name                         string
	open, closed, types, teams   []int
	subs                         map[int][]int // by type
	project                      bool
	first                        int // default status
	location, department, leader int
}

func generate(s size) *Tenant {
	g := &gen{
		Tenant: NewTenant(), size: s, rnd: rand.New(rand.NewPCG(1, 2)),
		made: map[string][]int{}, boardN: map[int]*boardParts{}, defs: map[string][]Row{},
	}
	g.organisation()
	g.people()
	g.serviceTables()
	g.companyTables()
	for i := range s.boards {
		g.board(i)
	}
	g.customFieldDefinitions()
	g.records()
	g.serviceTemplates()
	return g.Tenant
}

// add stores a row with a made-up _info.
func (g *gen) add(path string, row Row) int {
	if row["_info"] == nil {
		row["_info"] = g.info()
	}
	id := g.Add(path, row)
	g.made[path] = append(g.made[path], id)
	return id
}

// epoch is when generated rows were last changed at the latest.
func epoch() time.Time { return time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC) }

func (g *gen) info() Row {
	at := epoch().Add(-time.Duration(g.rnd.IntN(700*24*3600)) * time.Second)
	return Row{"lastUpdated": stamp(at), "updatedBy": g.login()}
}

func (g *gen) login() string {
	if len(g.logins) == 0 {
		return person
	}
	return pick(g.rnd, g.logins)
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (g *gen) between(b [2]int) int { return b[0] + g.rnd.IntN(b[1]-b[0]+1) }

func (g *gen) one(path string) Row { return ref(pick(g.rnd, g.made[path])) }

// guid makes a stable GUID.
func (g *gen) guid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", g.rnd.Uint32(), g.rnd.IntN(1<<16), g.rnd.IntN(1<<12), g.rnd.IntN(1<<12), g.rnd.Uint64()>>16)
}

// organisation makes locations, departments, roles and work types.
func (g *gen) organisation() {
	for i, d := range [][2]string{{"Services", "Professional Services"}, {"Managed", "Managed Services"}, {"Sales", "Sales"}, {"Admin", "Administration"}} {
		g.add("/system/departments", Row{"id": 10 + i, "identifier": d[0], "name": d[1]})
	}
	depts := g.made["/system/departments"]
	for i, n := range []string{"Corporate", "Leeds Office", "Manchester Office", "Newcastle Office"} {
		row := Row{
			"id": 1 + i, "ownerLevelId": 1 + i, "structureLevel": Row{"id": min(i+1, 2), "name": []string{"Corporate", "Location"}[min(i, 1)]},
			"name": n, "timeZoneSetup": Row{"id": 1, "name": "GMT/UTC"}, "locationFlag": i > 0, "clientFlag": false,
			"workRoleIds": []int{11, 12, 13, 14, 15}, "departmentIds": depts,
		}
		if i > 0 {
			row["reportsTo"] = ref(1)
			row["overrideCity"] = []string{"Leeds", "Manchester", "Newcastle"}[i-1]
		}
		g.add("/system/locations", row)
	}
	for i, n := range []string{"Engineer", "Senior Engineer", "Dispatcher", "Consultant", "Retired Role"} {
		g.add("/time/workRoles", plant("WorkRole", Row{
			"id": 11 + i, "name": n, "inactiveFlag": n == "Retired Role", "addAllLocations": false, "removeAllLocations": false,
			"locationIds": []int{1, 2, 3, 4},
		}))
	}
	for i, n := range []string{"Regular", "After Hours", "Emergency", "Travel", "Internal", "Legacy"} {
		bill := []string{"Billable", "Billable", "Billable", "NoCharge", "DoNotBill", "Billable"}[i]
		g.add("/time/workTypes", plant("WorkType", Row{
			"id": 3 + i, "name": n, "billTime": bill, "rateType": "Multiplier", "hoursMin": []float64{0, 0.5, 1, 0, 0, 0}[i], "hoursMax": 0.0,
			"roundBillHoursTo": 0.25, "inactiveFlag": n == "Legacy", "overallDefaultFlag": i == 0, "activityDefaultFlag": false, "utilizationFlag": i < 3,
		}))
	}
}

// people makes security roles, member types and members.
func (g *gen) people() {
	for i, n := range []string{"Admin", "Service Lead", "Technician", "API Sync", "Old Role"} {
		g.add("/system/securityroles", Row{"id": 61 + i, "name": n, "roleType": "Standard", "adminFlag": i == 0, "inactiveFlag": i == 4})
	}
	for _, role := range g.made["/system/securityroles"] {
		for i, fn := range []string{"Service Tickets", "Company Maintenance", "Contacts", "Table Setup"} {
			g.add(fmt.Sprintf("/system/securityRoles/%d/settings", role), Row{
				"addLevel": "All", "editLevel": "All", "deleteLevel": "None", "inquireLevel": "All", "moduleFunctionName": fn, "moduleName": "Service Desk", "sortOrder": i,
			})
		}
	}
	for i, n := range []string{"Technician", "Dispatcher", "Contractor"} {
		g.add("/system/members/types", Row{"id": 4 + i, "name": n, "inactiveFlag": i == 2})
	}
	used := map[string]bool{}
	for i := range g.members {
		first, last := simulator.FirstNames()[i%len(simulator.FirstNames())], simulator.LastNames()[(i*7+i/len(simulator.FirstNames()))%len(simulator.LastNames())]
		login := first[:1] + last
		for n := 2; used[login]; n++ {
			login = fmt.Sprintf("%s%s%d", first[:1], last, n)
		}
		used[login] = true
		g.member(171+i, login, first, last, "F", i%17 == 16)
		g.logins = append(g.logins, login)
	}
	g.member(171+g.members, DefaultCredentials().Member, "Sync", "API", "A", false)
}

func (g *gen) member(id int, login, first, last, class string, inactive bool) {
	mail := fmt.Sprintf("%s.%s@msp.example", lower(first), lower(last))
	row := plant("Member", Row{
		"id": id, "identifier": login, "licenseClass": class, "disableOnlineFlag": false, "inactiveFlag": inactive,
		"firstName": first, "middleInitial": "", "lastName": last, "hireDate": "2021-04-01T00:00:00Z", "title": "Engineer",
		"officeEmail": mail, "defaultEmail": "Office", "primaryEmail": mail, "officePhone": fmt.Sprintf("113555%04d", id), "defaultPhone": "Office",
		"securityRole": ref(map[bool]int{true: 64, false: 63}[class == "A"]), "type": ref(4), "timeZone": Row{"id": 1, "name": "GMT/UTC"}, "adminFlag": false,
		"structureLevel": Row{"id": 1, "name": "Corporate"}, "defaultLocation": ref(2), "defaultDepartment": ref(10), "workRole": ref(11), "workType": ref(3),
		"dailyCapacity": 7.5, "lastLogin": stamp(epoch()), "excludedServiceBoardIds": []int{}, "teams": []int{}, "serviceBoardTeamIds": []int{},
	})
	if inactive {
		row["inactiveDate"] = "2025-11-30T00:00:00Z"
	}
	if len(g.made["/system/members"]) > 0 {
		row["reportsTo"] = ref(171)
	}
	g.add("/system/members", row)
	if !inactive && class == "F" {
		g.staff = append(g.staff, id)
	}
}
