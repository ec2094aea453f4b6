package autotasktest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// size is how much of everything a generated tenant has.
type size struct {
	queues, statuses, sources, slas, issues, subIssues, categories int
	resources, roles, departments, locations, codes, udfs          int
	companies, contacts, tickets                                   int
	virtualContacts, virtualTickets                                int
}

// Small returns a tenant with four queues and a handful of everything: quick
// to build, every collection has rows. Like all generated tenants it is the
// same every time.
func Small() *Tenant {
	return generate(size{
		queues: 4, statuses: 8, sources: 4, slas: 2, issues: 4, subIssues: 3, categories: 3,
		resources: 6, roles: 3, departments: 2, locations: 2, codes: 5, udfs: 9,
		companies: 4, contacts: 11, tickets: 12,
	})
}

// Medium returns a tenant as an MSP of sixty people has: 20 queues, 25
// statuses, 15 issue types with 8 sub-issue types each, 40 user-defined
// fields, 80 companies, 400 contacts and 500 tickets.
func Medium() *Tenant { return generate(medium()) }

func medium() size {
	return size{
		queues: 20, statuses: 25, sources: 10, slas: 6, issues: 15, subIssues: 8, categories: 8,
		resources: 60, roles: 12, departments: 8, locations: 4, codes: 30, udfs: 40,
		companies: 80, contacts: 400, tickets: 500,
	}
}

// Large returns a tenant of 300 companies with 100,000 contacts and 100,000
// tickets. Those rows are made when they are read and need no memory; changing
// one stores it.
func Large() *Tenant { return LargeOf(100_000, 100_000) }

// LargeOf is [Large] with other numbers of contacts and tickets.
func LargeOf(contacts, tickets int) *Tenant {
	s := medium()
	s.resources, s.companies, s.contacts, s.tickets = 140, 300, 0, 0
	s.virtualContacts, s.virtualTickets = contacts, tickets
	return generate(s)
}

// The first ids that generated rows get.
const (
	firstResource = 29682885
	firstRole     = 29683581
	firstCompany  = 214
	firstContact  = 30684471
	firstTicket   = 70211
	firstQueue    = 29682833
	firstLocation = 90682
	firstCode     = 29682801
	firstUDF      = 29682851
	firstSite     = 61
)

// gen builds one tenant.
type gen struct {
	*Tenant
	size
	rnd  *rand.Rand
	made map[string][]int // ids by collection, in order

	queues  []int
	open    []int         // statuses that are not Complete
	subs    map[int][]int // sub-issue types by issue type
	issues  []int
	people  []int       // resources that can be assigned
	roleOf  map[int]int // service desk role of a resource
	sitesOf map[int]int // primary location of a company
}

func generate(s size) *Tenant {
	g := &gen{
		Tenant: NewTenant(), size: s, rnd: rand.New(rand.NewPCG(3, 5)), made: map[string][]int{},
		subs: map[int][]int{}, roleOf: map[int]int{}, sitesOf: map[int]int{},
	}
	g.organisation()
	g.staff()
	g.picklists()
	g.ticketCategories()
	g.userDefinedFields()
	g.companyTables()
	g.companyRows()
	g.contactRows()
	g.contractRows()
	if s.virtualContacts+s.virtualTickets > 0 {
		g.virtual()
	}
	g.ticketRows()
	g.activity()
	return g.Tenant
}

// add stores a row, its id the next one after first.
func (g *gen) add(path string, first int, row Row) int {
	if row["id"] == nil && first > 0 && len(g.made[path]) == 0 {
		row["id"] = first
	}
	id := g.Add(path, row)
	g.made[path] = append(g.made[path], id)
	return id
}

// epoch is when generated rows were last changed at the latest.
func epoch() time.Time { return time.Date(2026, 3, 1, 9, 2, 44, 917e6, time.UTC) }

// past returns a time before epoch. Fractions have up to three digits.
func past(i int) string {
	at := epoch().Add(-time.Duration(i*7919%(700*24*3600)) * time.Second)
	switch i % 4 {
	case 1:
		at = at.Truncate(time.Second)
	case 2:
		at = at.Truncate(time.Second).Add(200 * time.Millisecond)
	case 3:
		at = at.Truncate(time.Second).Add(70 * time.Millisecond)
	}
	return stamp(at)
}

// earlier returns a time by d before that of past(i).
func earlier(i int, d time.Duration) string {
	at, _ := parseTime(past(i))
	return stamp(at.Add(-d))
}

// nth returns the i-th element, starting over at the end.
func nth[T any](list []T, i int) T { return list[i%len(list)] }

// organisation makes locations, departments and modules.
func (g *gen) organisation() {
	for i := range g.locations {
		g.add("InternalLocations", firstLocation, Row{
			"name": []string{"Headquarters", "North Office", "South Office", "Warehouse"}[i%4], "isDefault": i == 0, "address1": fmt.Sprintf("%d Main Street", i+1), "address2": "", "city": "Albany",
			"state": "NY", "postalCode": "12207", "country": "United States", "holidaySetId": 1, "timeZone": "(UTC-05:00) Eastern Time (US & Canada)", "additionalAddressInfo": "",
		})
	}
	for i := range g.departments {
		name := nth([]string{"Field Services", "Administration", "Sales", "Engineering", "Network Operations", "Security", "Procurement", "Training"}, i)
		g.add("Departments", 29683384, Row{"name": name, "description": name + " team", "number": fmt.Sprint(100 + i), "primaryLocationID": nth(g.made["InternalLocations"], i)})
	}
	for key := range 6 {
		g.SetModule(20+key, key != 3)
	}
}

// staff makes roles, resources and what connects them.
func (g *gen) staff() {
	g.AddPicklistValue("Resources", "payrollType", PicklistValue{Value: 4_171_729, Label: "Salary (grade 7)"})
	for i := range g.roles {
		name := nth([]string{"Engineer", "Senior Engineer", "Dispatcher", "Architect", "Account Manager", "Project Manager", "Technician", "Consultant", "Analyst", "Trainer", "Apprentice", "Auditor"}, i)
		g.add("Roles", firstRole, plant("Roles", Row{
			"name": name, "description": name, "isActive": i != 10, "isExcludedFromNewContracts": false, "isSystemRole": false, "roleType": 0, "quoteItemDefaultTaxCategoryId": 1,
		}))
	}
	for i := range g.resources {
		g.resource(i)
	}
	for i, r := range g.made["Resources"] {
		g.memberships(i, r)
	}
}

func (g *gen) resource(i int) {
	first, last := nth(firstNames(), i), nth(lastNames(), i*7+i/30)
	row := plant("Resources", Row{
		"firstName": first, "lastName": last, "email": fmt.Sprintf("%s.%s%d@summitmsp.example", lower(first), lower(last), i), "email2": "", "email3": "", "emailTypeCode": "PRIMARY",
		"dateFormat": "MM/dd/yyyy", "timeFormat": "hh:mm a", "numberFormat": "X,XXX.XX", "initials": first[:1] + last[:1], "isActive": i%17 != 5, "licenseType": 1, "userType": 10 + i%3,
		"locationID": nth(g.made["InternalLocations"], i), "middleName": "", "homePhone": "", "mobilePhone": "", "officePhone": fmt.Sprintf("555-01%02d", i%100), "officeExtension": "",
		"resourceType": "Employee", "title": nth([]string{"Engineer", "Senior engineer", "Dispatcher"}, i), "hireDate": "2021-02-01T00:00:00Z", "userName": fmt.Sprintf("%s%s%d", lower(first[:1]), lower(last), i),
		"defaultServiceDeskRoleID": nth(g.made["Roles"], i%min(g.roles, 10)),
	})
	if i == 0 {
		c := DefaultCredentials()
		row["firstName"], row["lastName"], row["userName"], row["email"] = "Sync", "API", c.UserName, c.UserName
		row["licenseType"], row["title"], row["isActive"] = licenseAPI, "API user", true
		delete(row, "defaultServiceDeskRoleID")
	}
	g.add("Resources", firstResource, row)
}

// memberships makes the roles of a resource in departments, on the service
// desk and in queues.
func (g *gen) memberships(i, resource int) {
	if i == 0 {
		return // the API user works nowhere
	}
	role := nth(g.made["Roles"], i%min(g.roles, 10))
	active := g.Get("Resources", resource)["isActive"] == true
	g.add("ResourceServiceDeskRoles", 1001, Row{"resourceID": resource, "roleID": role, "isActive": true, "isDefault": true})
	department := nth(g.made["Departments"], i)
	g.add("ResourceRoleDepartments", 2001, Row{"resourceID": resource, "roleID": role, "departmentID": department, "isActive": true, "isDefault": true, "isDepartmentLead": i <= g.departments})
	g.add("ResourceRoles", 3001, Row{"resourceID": resource, "roleID": role, "departmentID": department, "isActive": active})
	for j := range 2 {
		queue := firstQueue + (i+j)%(g.size.queues)
		g.add("ResourceRoleQueues", 4001, Row{"resourceID": resource, "queueID": queue})
		g.add("ResourceRoles", 3001, Row{"resourceID": resource, "roleID": role, "queueID": queue, "isActive": active})
	}
	if active {
		g.people = append(g.people, resource)
		g.roleOf[resource] = role
	}
}

// picklists makes queues, statuses, issue types, sources and the rest.
func (g *gen) picklists() {
	for i := range g.size.queues {
		g.queues = append(g.queues, g.AddPicklistValue("Tickets", "queueID", PicklistValue{
			Value: firstQueue + i, Label: nth(queueNames(), i), Default: i == 0, Inactive: i == 19, System: i < 3,
		}))
	}
	g.open = []int{1, 7}
	for i := range g.statuses - 3 {
		v := g.AddPicklistValue("Tickets", "status", PicklistValue{Value: 8 + i, Label: nth(statusNames(), i), Inactive: i == 21})
		if i != 21 {
			g.open = append(g.open, v)
		}
	}
	for i := range g.size.issues {
		v := g.AddPicklistValue("Tickets", "issueType", PicklistValue{Value: 10 + i, Label: nth(issueNames(), i), Inactive: i == 14})
		if i != 14 {
			g.issues = append(g.issues, v)
		}
		for j := range g.subIssues {
			sub := g.AddPicklistValue("Tickets", "subIssueType", PicklistValue{Value: 136 + i*g.subIssues + j, Label: nth(subIssueNames(), j+i), Parent: v, Inactive: j == 7})
			if j != 7 {
				g.subs[v] = append(g.subs[v], sub)
			}
		}
	}
	for i := range g.sources {
		g.AddPicklistValue("Tickets", "source", PicklistValue{Value: 1 + i, Label: nth([]string{"Other", "Client Portal", "In Person", "Email", "Phone", "Monitoring Alert", "Website", "Voice Mail", "Chat", "Fax (old)"}, i), Inactive: i == 9, Default: i == 4})
	}
	for i := range g.slas {
		g.AddPicklistValue("Tickets", "serviceLevelAgreementID", PicklistValue{Value: 1 + i, Label: nth([]string{"Standard SLA", "Premium SLA", "24x7 SLA", "Best effort", "Hardware SLA", "Old SLA"}, i), Inactive: i == 5})
	}
	for i, n := range []string{"North", "South", "West"} {
		g.AddPicklistValue("Companies", "territoryID", PicklistValue{Value: 29682775 + i, Label: n})
	}
	for i, n := range []string{"Healthcare", "Legal", "Education", "Manufacturing"} {
		g.AddPicklistValue("Companies", "marketSegmentID", PicklistValue{Value: 29682780 + i, Label: n})
	}
	for i, n := range []string{"In-house", "Other provider"} {
		g.AddPicklistValue("Companies", "competitorID", PicklistValue{Value: 29682790 + i, Label: n})
	}
	for i, n := range []string{"Service", "Managed", "Hosting"} {
		g.AddPicklistValue("Contracts", "contractCategory", PicklistValue{Value: 12 + i, Label: n})
	}
	for i, n := range []string{"Change board", "Emergency board"} {
		g.AddPicklistValue("Tickets", "changeApprovalBoard", PicklistValue{Value: 1 + i, Label: n})
	}
}
