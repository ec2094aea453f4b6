package halopsatest

import "strings"

// endpoint is one collection of the API.
type endpoint struct {
	path    string // as the vendor spells it, without /api
	entity  string
	wrapper string // key of the rows; empty: a bare array
	pagedAs string // key of the rows of a paged answer, if it differs
	parent  string // key that holds the parent's id, for rows that are numbered per parent
	home    string // path of the parents in Tenant methods
	updated string // key that lastupdatefromdate compares
	custom  int    // usage of the custom fields its rows carry; 0: none
	asked   bool   // knows include_custom_fields
	paging  bool   // knows pageinate, page_size and page_no
	page    int    // size of a page nobody asked for; 0: everything
	cap     int    // most rows of a page; 0: no bound
	order   string // default order; "-" in front: descending; empty: id
	label   string // key that search compares, and that names a row
	ints    map[string]string
	texts   map[string]string // parameter and the string key it compares
	idonly  string            // parameter for answers of ids only
	ops     string            // G get, W write, D delete
}

func (e *endpoint) does(op string) bool { return strings.Contains(e.ops, op) }

// endpoints returns the collections.
func endpoints() []*endpoint {
	same := func(keys ...string) map[string]string {
		out := map[string]string{}
		for _, k := range keys {
			out[k] = k
		}
		return out
	}
	return []*endpoint{
		{
			path: "/Tickets", entity: "Ticket", wrapper: "tickets", updated: "last_update", custom: usageTicket, asked: true, paging: true, page: 50, cap: 100,
			order: "-id", label: "summary", idonly: "ticketidonly", ops: "GWD", texts: map[string]string{"team": "team"},
			ints: map[string]string{
				"client_id": "client_id", "site_id": "site_id", "user_id": "user_id", "agent_id": "agent_id", "agent": "agent_id", "client_ids": "client_id", "status_id": "status_id",
				"status": "status_id", "requesttype": "tickettype_id", "requesttype_id": "tickettype_id", "ticketids": "id", "search_id": "id", "parent_id": "parent_id", "itil_requesttype": "itil_requesttype_id",
				"category_1": "categoryid_1", "category_2": "categoryid_2", "category_3": "categoryid_3", "category_4": "categoryid_4", "sla": "sla_id", "priority": "priority_id",
			},
		},
		{path: "/Actions", entity: "Action", wrapper: "actions", parent: "ticket_id", home: "/Tickets", order: "-id", label: "note", ops: "GWD"},
		{path: "/TimesheetEvent", entity: "TimesheetEvent", label: "subject", ops: "GWD", ints: map[string]string{"agent_id": "agent_id", "agents": "agent_id"}},
		{
			path: "/Client", entity: "Client", wrapper: "clients", updated: "alastupdate", custom: usageClient, asked: true, paging: true, order: "name", label: "name", idonly: "idonly", ops: "GWD",
			ints: same("toplevel_id"),
		},
		{
			path: "/Site", entity: "Site", wrapper: "sites", updated: "slastupdate", custom: usageSite, asked: true, paging: true, order: "name", label: "name", idonly: "idonly", ops: "GWD",
			ints: map[string]string{"client_id": "client_id", "toplevel_id": "$toplevel"},
		},
		{
			path: "/Users", entity: "User", wrapper: "users", updated: "ulastupdate", custom: usageUser, paging: true, order: "name", label: "name", idonly: "idonly", ops: "GWD",
			ints: map[string]string{"client_id": "client_id", "site_id": "site_id", "toplevel_id": "$toplevel"},
		},
		{path: "/Agent", entity: "Agent", pagedAs: "results", paging: true, order: "name", label: "name", ops: "GWD", texts: map[string]string{"team": "team"}, ints: map[string]string{"team_id": "$teams", "department_id": "$departments"}},
		{path: "/Team", entity: "Team", label: "name", ops: "GWD", ints: same("department_id")},
		{path: "/TopLevel", entity: "TopLevel", label: "name", idonly: "idonly", ops: "GWD"},
		{path: "/Organisation", entity: "Organisation", label: "name", ops: "GWD"},
		{path: "/Status", entity: "Status", order: "sequence", label: "name", ops: "GWD"},
		{path: "/Priority", entity: "Priority", label: "name", ops: "GWD", ints: same("slaid")},
		{path: "/SLA", entity: "SLA", label: "name", ops: "GWD"},
		{path: "/TicketType", entity: "TicketType", order: "sequence", label: "name", ops: "GWD", ints: map[string]string{"group_id": "group_id", "itil_requesttype": "itilrequesttype"}},
		{path: "/TicketTypeField", entity: "TicketTypeField", label: "fieldname", ops: "G", ints: map[string]string{"tickettype_id": "rtid"}},
		{path: "/TicketTypeGroup", entity: "TicketTypeGroup", label: "name", ops: "G"},
		{path: "/Category", entity: "Category", label: "value", ops: "GWD", ints: same("type_id")},
		{path: "/FieldInfo", entity: "FieldInfo", label: "label", ops: "GWD", ints: map[string]string{"typeid": "usage"}},
		{path: "/Lookup", entity: "Lookup", parent: "lookupid", home: "/Lookup", label: "name", ops: "GWD", ints: same("lookupid")},
		{path: "/Outcome", entity: "Outcome", order: "sequence", label: "outcome", ops: "GWD"},
		{path: "/Template", entity: "Template", label: "name", ops: "GWD", ints: map[string]string{"type": "type", "types": "type", "ticket_type_id": "tickettype_id"}},
		{path: "/Workflow", entity: "Workflow", label: "name", ops: "GWD"},
		{path: "/Roles", entity: "Role", label: "name", ops: "GWD"},
		{path: "/UserRoles", entity: "UserRole", label: "name", ops: "G"},
		{path: "/Workday", entity: "Workday", label: "name", ops: "GWD"},
		{path: "/Holiday", entity: "Holiday", label: "name", ops: "GWD", ints: same("workday_id", "agent_id")},
	}
}

// Usages of custom fields (FieldInfo.usage).
const (
	usageTicket = 1
	usageClient = 2
	usageSite   = 3
	usageUser   = 4
)

// api is what is known about the vendor's calls.
type api struct {
	schema schema
	byPath map[string]*endpoint // by lower-case path
}

func loadAPI() *api {
	a := &api{schema: loadSchema(), byPath: map[string]*endpoint{}}
	for _, e := range endpoints() {
		a.byPath[strings.ToLower(e.path)] = e
	}
	return a
}

// ent returns the entity of an endpoint.
func (a *api) ent(e *endpoint) *entity { return a.schema[e.entity] }

// match finds the collection of a path below /api and what follows it.
func (a *api) match(path string) (e *endpoint, rest string) {
	head, rest, _ := strings.Cut(strings.Trim(path, "/"), "/")
	return a.byPath["/"+strings.ToLower(head)], rest
}

// guidKeyed reports whether the rows' id is a GUID.
func (a *api) guidKeyed(e *endpoint) bool { return a.ent(e).byName["id"].typ == "guid" }
