package connectwisetest

import (
	"fmt"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// hrefBase is where the links inside records point: to the vendor's own host,
// whatever host was called.
const hrefBase = "https://api-na.myconnectwise.net/v4_6_release/apis/3.0"

// target is where the rows behind a type of reference are.
type target struct {
	table string
	key   string // key of the link in _info
}

// targetOf returns the table that a reference type points into; ok is false
// for references that the simulator keeps as they were sent.
func targetOf(typ string) (target, bool) {
	switch typ {
	case "BoardReference", "ProjectBoardReference":
		return target{"boards", "board_href"}, true
	case "ServiceStatusReference":
		return target{"statuses", "status_href"}, true
	case "ServiceTypeReference":
		return target{"types", "type_href"}, true
	case "ServiceSubTypeReference":
		return target{"subtypes", "subType_href"}, true
	case "ServiceItemReference":
		return target{"items", "item_href"}, true
	case "ServiceTeamReference":
		return target{"teams", "team_href"}, true
	case "PriorityReference":
		return target{"priorities", "priority_href"}, true
	case "SLAReference":
		return target{"slas", "sla_href"}, true
	case "ServiceSourceReference":
		return target{"sources", "source_href"}, true
	case "ServiceLocationReference":
		return target{"serviceLocations", "serviceLocation_href"}, true
	case "MemberReference":
		return target{"members", "member_href"}, true
	case "MemberTypeReference":
		return target{"memberTypes", "memberType_href"}, true
	case "SecurityRoleReference":
		return target{"securityRoles", "securityRole_href"}, true
	case "SystemLocationReference", "OwnerLevelReference":
		return target{"locations", "location_href"}, true
	case "SystemDepartmentReference", "BillingUnitReference":
		return target{"departments", "department_href"}, true
	case "WorkTypeReference":
		return target{"workTypes", "workType_href"}, true
	case "WorkRoleReference":
		return target{"workRoles", "workRole_href"}, true
	case "CompanyReference":
		return target{"companies", "company_href"}, true
	case "CompanyStatusReference":
		return target{"companyStatuses", "status_href"}, true
	case "CompanyTypeReference":
		return target{"companyTypes", "type_href"}, true
	case "SiteReference":
		return target{"sites", "site_href"}, true
	case "ContactReference":
		return target{"contacts", "contact_href"}, true
	case "ContactTypeReference":
		return target{"contactTypes", "type_href"}, true
	case "RelationshipReference":
		return target{"relationships", "relationship_href"}, true
	case "ContactDepartmentReference":
		return target{"contactDepartments", "contactDepartment_href"}, true
	case "CommunicationTypeReference":
		return target{"communicationTypes", "type_href"}, true
	case "TicketReference":
		return target{"tickets", "ticket_href"}, true
	}
	return target{}, false
}

// refField returns key k of a reference to row: id, name, identifier, sort...
func refField(table string, row simulator.Row, k string) any {
	switch k {
	case "id":
		return row.ID
	case "name":
		switch table {
		case "members", "contacts":
			return fullName(row.Field("firstName"), row.Field("lastName"))
		case "contactTypes", "communicationTypes":
			return row.Field("description")
		case "tickets":
			return nil
		}
		return row.Field("name")
	case "sort":
		return row.Field("sortOrder")
	case "dailyCapacity": // in the schema, not in answers
		return nil
	}
	return row.Field(k)
}

func fullName(first, last any) any {
	f, _ := first.(string)
	l, _ := last.(string)
	if n := strings.TrimSpace(f + " " + l); n != "" {
		return n
	}
	return nil
}

// rowPath returns the path of a row below the API's root.
func (a *api) rowPath(table string, row simulator.Row) string {
	e := a.byTable[table]
	if e == nil {
		return ""
	}
	path := e.path
	for _, p := range e.parents {
		path = strings.Replace(path, "{}", fmt.Sprint(stored(row, p)), 1)
	}
	return fmt.Sprintf("%s/%d", path, row.ID)
}

// stored returns the value at a path of one or two keys inside a row, without
// looking up references.
func stored(row simulator.Row, path string) any {
	head, sub, nested := strings.Cut(path, "/")
	v := row.Field(head)
	if !nested {
		return v
	}
	m, _ := v.(map[string]any)
	return m[sub]
}

// refID returns the id of a stored reference, 0 if there is none.
func refID(v any) int {
	m, _ := v.(map[string]any)
	id, _ := m["id"].(int)
	return id
}

// ref makes a stored reference.
func ref(id int) map[string]any { return map[string]any{"id": id} }
