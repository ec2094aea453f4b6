package connectwisetest

import (
	"fmt"
	"strings"
	"sync"
)

// endpoint is one list of the API and what can be done with it and its rows.
type endpoint struct {
	path    string            // "{}" stands for the id of a parent
	table   string            // where the rows are
	entity  string            // schema of an answer
	parents []string          // path inside a row of each "{}"
	can     string            // L list, N count, G get, C post, U put, P patch, D delete, S usages
	rename  map[string]string // key of the answer -> key of the row, for the light forms
	where   func(get func(string) any) bool
	noun    string // what a 404 calls a row; empty: the entity

	segs []string
}

const (
	crud     = "LNGCUPDS"
	crudBare = "LNGCUPD" // no usages
	readOnly = "LNG"
)

// endpoints returns all lists of the API that the simulator knows
// (ConnectWise PSA REST, paths of 2025.16). Of two lists of one table the first
// is the one that references point to.
func endpoints() []*endpoint {
	board := []string{"board/id"}
	return []*endpoint{
		{path: "/service/boards", table: "boards", entity: "Board", can: crud},
		{path: "/service/info/boards", table: "boards", entity: "BoardInfo", can: readOnly},
		{path: "/service/info/boards/active", table: "boards", entity: "BoardInfo", can: "L",
			where: func(get func(string) any) bool { return get("inactiveFlag") != true }},
		{path: "/service/boards/{}/statuses", table: "statuses", entity: "BoardStatus", parents: board, can: crud},
		{path: "/service/boards/{}/statuses/info", table: "statuses", entity: "BoardStatusInfo", parents: board, can: "LN",
			rename: map[string]string{"inactiveFlag": "inactive", "closedFlag": "closedStatus"}},
		{path: "/service/boards/{}/types", table: "types", entity: "BoardType", parents: board, can: crud},
		{path: "/service/info/boardtypes", table: "types", entity: "BoardTypeInfo", can: readOnly},
		{path: "/service/boards/{}/subtypes", table: "subtypes", entity: "BoardSubType", parents: board, can: crud},
		{path: "/service/boards/{}/subtypes/info", table: "subtypes", entity: "BoardSubTypeInfo", parents: board, can: "LN"},
		{path: "/service/boards/{}/items", table: "items", entity: "BoardItem", parents: board, can: crud},
		{path: "/service/boards/{}/items/{}/associations", table: "itemAssociations", entity: "BoardItemAssociation",
			parents: []string{"board/id", "item/id"}, can: "LNGUP"},
		{path: "/service/boards/{}/typeSubTypeItemAssociations", table: "typeSubTypeItemAssociations",
			entity: "BoardTypeSubTypeItemAssociation", parents: board, can: readOnly},
		{path: "/service/boards/{}/teams", table: "teams", entity: "BoardTeam", parents: []string{"boardId"}, can: crud},
		{path: "/service/boards/{}/teams/info", table: "teams", entity: "BoardTeamInfo", parents: []string{"boardId"}, can: "LN"},
		{path: "/service/teams", table: "teams", entity: "ServiceTeam", can: readOnly,
			rename: map[string]string{"leader": "teamLeader", "location": "locationId", "department": "businessUnitId", "deleteNotifyFlag": "notifyOnTicketDelete"}},
		{path: "/service/priorities", table: "priorities", entity: "Priority", can: crud},
		{path: "/service/severities", table: "severities", entity: "Severity", can: "LNGUP"},
		{path: "/service/impacts", table: "impacts", entity: "Impact", can: "LNGUP"},
		{path: "/service/SLAs", table: "slas", entity: "SLA", can: crud},
		{path: "/service/SLAs/{}/priorities", table: "slaPriorities", entity: "SLAPriority", parents: []string{"sla/id"}, can: crudBare},
		{path: "/service/sources", table: "sources", entity: "Source", can: crud},
		{path: "/service/sources/info", table: "sources", entity: "SourceInfo", can: "LN"},
		{path: "/service/locations", table: "serviceLocations", entity: "ServiceLocation", can: crud},
		{path: "/service/locations/info", table: "serviceLocations", entity: "ServiceLocationInfo", can: "LN"},
		{path: "/service/templates", table: "serviceTemplates", entity: "ServiceTemplate", can: crudBare},
		{path: "/service/templates/info", table: "serviceTemplates", entity: "ServiceTemplateInfo", can: "LN"},
		{path: "/service/tickets", table: "tickets", entity: "Ticket", can: crudBare},
		{path: "/service/tickets/info", table: "tickets", entity: "TicketInfo", can: "L"},
		{path: "/service/tickets/{}/notes", table: "notes", entity: "ServiceNote", parents: []string{"ticketId"}, can: crudBare, noun: "Note"},
		{path: "/service/tickets/{}/allNotes", table: "allNotes", entity: "ServiceTicketNote", parents: []string{"ticket/id"}, can: "L"},

		{path: "/company/companies", table: "companies", entity: "Company", can: crud},
		{path: "/company/companies/info", table: "companies", entity: "CompanyInfo", can: "LN"},
		{path: "/company/companies/types", table: "companyTypes", entity: "CompanyType", can: crud},
		{path: "/company/companies/info/types", table: "companyTypes", entity: "CompanyTypeInfo", can: readOnly,
			rename: map[string]string{"isVendor": "vendorFlag"}},
		{path: "/company/companies/statuses", table: "companyStatuses", entity: "CompanyStatus", can: crud},
		{path: "/company/companies/{}/sites", table: "sites", entity: "CompanySite", parents: []string{"company/id"}, can: crud, noun: "Site"},
		{path: "/company/companies/{}/sites/info", table: "sites", entity: "CompanySiteInfo", parents: []string{"company/id"}, can: "LN"},
		{path: "/company/companies/{}/typeAssociations", table: "companyTypeAssociations",
			entity: "CompanyCompanyTypeAssociationCompanyTypeAssociation", parents: []string{"company/id"}, can: "LNGCD"},
		{path: "/company/companyTypeAssociations", table: "companyTypeAssociations", entity: "CompanyCompanyTypeAssociation", can: "LNGCD"},
		{path: "/company/contacts", table: "contacts", entity: "Contact", can: crudBare},
		{path: "/company/contacts/types", table: "contactTypes", entity: "ContactType", can: crudBare},
		{path: "/company/contacts/types/info", table: "contactTypes", entity: "ContactTypeInfo", can: "L"},
		{path: "/company/contacts/relationships", table: "relationships", entity: "ContactRelationship", can: crudBare},
		{path: "/company/contacts/departments", table: "contactDepartments", entity: "ContactDepartment", can: crud},
		{path: "/company/contacts/departments/info", table: "contactDepartments", entity: "ContactDepartmentInfo", can: "LN"},
		{path: "/company/contacts/{}/communications", table: "communications", entity: "ContactCommunication", parents: []string{"contactId"}, can: crudBare, noun: "Communication"},
		{path: "/company/contacts/{}/typeAssociations", table: "contactTypeAssociations",
			entity: "ContactContactTypeAssociationContactTypeAssociation", parents: []string{"contact/id"}, can: "LNGCD"},
		{path: "/company/contactTypeAssociations", table: "contactTypeAssociations", entity: "CompanyContactTypeAssociation", can: "LNGCD"},
		{path: "/company/communicationTypes", table: "communicationTypes", entity: "CommunicationType", can: crud},
		{path: "/company/communicationTypes/info", table: "communicationTypes", entity: "CommunicationTypeInfo", can: "LN"},
		{path: "/company/teamRoles", table: "teamRoles", entity: "TeamRole", can: crud},
		{path: "/company/teamRoles/info", table: "teamRoles", entity: "TeamRoleInfo", can: "LN"},
		{path: "/company/noteTypes", table: "noteTypes", entity: "CompanyNoteType", can: crudBare},
		{path: "/company/noteTypes/info", table: "noteTypes", entity: "CompanyNoteTypeInfo", can: "L"},

		{path: "/system/members", table: "members", entity: "Member", can: "LNGCUPS"},
		{path: "/system/info/members", table: "members", entity: "MemberInfo", can: readOnly},
		{path: "/system/members/types", table: "memberTypes", entity: "MemberType", can: crudBare},
		{path: "/system/members/types/info", table: "memberTypes", entity: "MemberTypeInfo", can: "LN"},
		{path: "/system/securityroles", table: "securityRoles", entity: "SecurityRole", can: "LNGCD"},
		{path: "/system/securityroles/info", table: "securityRoles", entity: "SecurityRoleInfo", can: "LN"},
		{path: "/system/securityRoles/{}/settings", table: "securityRoleSettings", entity: "SecurityRoleSetting", parents: []string{"$role"}, can: readOnly},
		{path: "/system/departments", table: "departments", entity: "Department", can: crud},
		{path: "/system/departments/{}/locations", table: "departmentLocations", entity: "DepartmentLocation", parents: []string{"department/id"}, can: readOnly},
		{path: "/system/info/departments", table: "departments", entity: "DepartmentInfo", can: readOnly},
		{path: "/system/locations", table: "locations", entity: "Location", can: crud},
		{path: "/system/locations/{}/departments", table: "locationDepartments", entity: "LocationDepartment", parents: []string{"location/id"}, can: readOnly},
		{path: "/system/locations/{}/workRoles", table: "locationWorkRoles", entity: "LocationWorkRole", parents: []string{"location/id"}, can: readOnly},
		{path: "/system/info/locations", table: "locations", entity: "LocationInfo", can: readOnly,
			rename: map[string]string{"location_flag": "locationFlag"}},
		{path: "/system/userDefinedFields", table: "userDefinedFields", entity: "UserDefinedField", can: crudBare},
		{path: "/system/userDefinedFields/info", table: "userDefinedFields", entity: "UserDefinedFieldInfo", can: "LN"},
		{path: "/system/callbacks", table: "callbacks", entity: "CallbackEntry", can: crudBare, noun: "Callback"},

		{path: "/time/entries", table: "timeEntries", entity: "TimeEntry", can: crudBare, noun: "Time entry"},
		{path: "/time/workTypes", table: "workTypes", entity: "WorkType", can: crud},
		{path: "/time/workTypes/info", table: "workTypes", entity: "WorkTypeInfo", can: "LN",
			rename: map[string]string{"defaultFlag": "overallDefaultFlag"}},
		{path: "/time/workRoles", table: "workRoles", entity: "WorkRole", can: crud},
		{path: "/time/workRoles/info", table: "workRoles", entity: "WorkRoleInfo", can: "LN"},
		{path: "/time/workRoles/{}/locations", table: "workRoleLocations", entity: "WorkRoleLocation", parents: []string{"workRole/id"}, can: readOnly},
		{path: "/time/chargeCodes", table: "chargeCodes", entity: "ChargeCode", can: crud},
		{path: "/time/chargeCodes/info", table: "chargeCodes", entity: "ChargeCodeInfo", can: "LN"},
	}
}

// name returns what error bodies call a row.
func (e *endpoint) name() string {
	if e.noun != "" {
		return e.noun
	}
	return e.entity
}

func (e *endpoint) does(letter string) bool { return strings.Contains(e.can, letter) }

// api is the parsed description of the vendor's API; it never changes.
type api struct {
	schema  schema
	lists   []*endpoint
	byTable map[string]*endpoint // first list of each table
	routes  map[int][]*route     // by number of segments
}

type routeKind int

const (
	routeList routeKind = iota
	routeItem
	routeCount
	routeUsages
	routeAction
)

type route struct {
	segs   []string
	static int // segments that are not ids: the more, the better the match
	kind   routeKind
	ep     *endpoint
	action string // routeAction: what it does
}

// loadAPI parses the description once; the result is never changed.
var loadAPI = sync.OnceValue(func() *api {
	a, err := newAPI(schemaText)
	if err != nil {
		panic("connectwisetest: " + err.Error()) // the embedded file is broken
	}
	return a
})

func newAPI(text string) (*api, error) {
	s, err := parseSchema(text)
	if err != nil {
		return nil, err
	}
	a := &api{schema: s, lists: endpoints(), byTable: map[string]*endpoint{}, routes: map[int][]*route{}}
	for _, e := range a.lists {
		if s[e.entity] == nil {
			return nil, fmt.Errorf("%s: no entity %s in the schema", e.path, e.entity)
		}
		e.segs = strings.Split(e.path[1:], "/")
		if n := strings.Count(e.path, "{}"); n != len(e.parents) {
			return nil, fmt.Errorf("%s: %d parents in the path, %d named", e.path, n, len(e.parents))
		}
		if a.byTable[e.table] == nil {
			a.byTable[e.table] = e
		}
		if e.does("L") || e.does("C") {
			a.add(e.path, routeList, e, "")
		}
		if e.does("N") {
			a.add(e.path+"/count", routeCount, e, "")
		}
		if e.does("G") || e.does("P") {
			a.add(e.path+"/{}", routeItem, e, "")
		}
		if base, ok := strings.CutSuffix(e.path, "/info"); ok && e.table != "tickets" && e.table != "companies" {
			a.add(base+"/{}/info", routeItem, e, "") // the light form of one row
		}
		if e.does("S") {
			a.add(e.path+"/{}/usages", routeUsages, e, "")
			a.add(e.path+"/{}/usages/list", routeUsages, e, "list")
		}
	}
	a.add("/service/tickets/search", routeAction, a.byTable["tickets"], "search")
	a.add("/system/members/{}/deactivate", routeAction, a.byTable["members"], "deactivate")
	a.add("/system/info", routeAction, nil, "info")
	return a, nil
}

func (a *api) add(path string, kind routeKind, e *endpoint, action string) {
	segs := strings.Split(path[1:], "/")
	r := &route{segs: segs, kind: kind, ep: e, action: action}
	for _, s := range segs {
		if s != "{}" {
			r.static++
		}
	}
	a.routes[len(segs)] = append(a.routes[len(segs)], r)
}

// match finds the route of a path below the API's root, and the ids in it.
func (a *api) match(path string) (*route, []string) {
	segs := strings.Split(strings.TrimPrefix(path, "/"), "/")
	var best *route
next:
	for _, r := range a.routes[len(segs)] {
		if best != nil && r.static <= best.static {
			continue
		}
		for i, s := range r.segs {
			if s != segs[i] && (s != "{}" || segs[i] == "") {
				continue next
			}
		}
		best = r
	}
	if best == nil {
		return nil, nil
	}
	var ids []string
	for i, s := range best.segs {
		if s == "{}" {
			ids = append(ids, segs[i])
		}
	}
	return best, ids
}
