package halopsatest

import (
	"github.com/psasync/psasync/internal/simulator"
)

// viewConfig returns one key of a row of configuration.
func (t *Tenant) viewConfig(tx *simulator.Tx, e *endpoint, row simulator.Row, key string) any {
	named := func(path, ref string) any { return t.name(tx, path, row.Field(ref)) }
	guidFor := func(path, ref string) any {
		if r, ok := t.row(tx, path, integer(row.Field(ref))); ok {
			return t.guid(t.api.byPath[lower(path)], r)
		}
		return nil
	}
	switch e.entity + "." + key {
	case "Team.department_name":
		return named("/TopLevel", "department_id")
	case "Team.department_guid":
		return guidFor("/TopLevel", "department_id")
	case "Team.org_team_name":
		return text(t.organisation(tx)) + "/" + text(named("/TopLevel", "department_id")) + "/" + text(row.Field("name"))
	case "Team.agents":
		return t.members(tx, row.ID, false)
	case "Team.managers":
		return t.members(tx, row.ID, true)
	case "Agent.teams":
		return t.memberships(tx, row)
	case "Agent.team":
		for _, m := range objects(row.Field("teams")) {
			return t.name(tx, "/Team", m["team_id"])
		}
		return nil
	case "Agent.roles":
		return t.rolesOf(tx, row)
	case "TopLevel.organisation_name":
		return named("/Organisation", "organisation_id")
	case "TopLevel.org_department_name":
		return text(named("/Organisation", "organisation_id")) + "/" + text(row.Field("name"))
	case "TopLevel.teams":
		out := []any{}
		for r := range tx.Table("/Team").All(-1) {
			if integer(r.Field("department_id")) == row.ID {
				out = append(out, Row{"id": r.ID, "name": r.Field("name")})
			}
		}
		return out
	case "Organisation.departments":
		out := []any{}
		for r := range tx.Table("/TopLevel").All(-1) {
			if r.Field("agent_department") == true && integer(r.Field("organisation_id")) == row.ID {
				out = append(out, Row{"id": r.ID, "name": r.Field("name")})
			}
		}
		return out
	case "Priority.sla_guid":
		return guidFor("/SLA", "slaid")
	case "SLA.workday_name":
		return named("/Workday", "workday_id")
	case "SLA.priorities":
		return t.slaPriorities(tx, row.ID)
	case "TicketType.group_name":
		return named("/TicketTypeGroup", "group_id")
	case "TicketType.workflow_name":
		return named("/Workflow", "workflow_id")
	case "TicketType.allowed_status":
		return t.allowedStatus(tx, row)
	case "TicketType.fields", "TicketType.fieldidlist":
		return t.placements(tx, row.ID, key)
	case "TicketTypeField.fieldname":
		return named("/FieldInfo", "fieldid")
	case "TicketTypeField.fieldguid":
		return guidFor("/FieldInfo", "fieldid")
	case "FieldInfo.values":
		return t.fieldValues(tx, row)
	case "Role.id_int":
		return row.ID
	case "Holiday.holid":
		return row.ID
	case "Workday.holidays":
		out := []any{}
		for r := range tx.Table("/Holiday").All(-1) {
			if integer(r.Field("workday_id")) == row.ID {
				out = append(out, Row{"holid": r.ID, "workday_id": row.ID, "name": r.Field("name"), "date": r.Field("date"), "allday": r.Field("allday")})
			}
		}
		return out
	case "Workflow.steps", "Workflow.stages", "Workflow.always_allow_actions", "Workflow.targets":
		if v := row.Field(key); v != nil {
			return v
		}
		return []any{}
	case "Status.tickettypes":
		return t.typesWith(tx, row.ID)
	case "Agent.use", "TicketType.use", "Team.use":
		return map[string]string{"Agent": "agent", "TicketType": "tickettype", "Team": "team"}[e.entity]
	}
	return row.Field(key)
}

// organisation is the name of the first organisation.
func (t *Tenant) organisation(tx *simulator.Tx) any {
	for r := range tx.Table("/Organisation").All(-1) {
		return r.Field("name")
	}
	return nil
}

// members lists the agents of a team.
func (t *Tenant) members(tx *simulator.Tx, team int, managers bool) any {
	out := []any{}
	for a := range tx.Table("/Agent").All(-1) {
		for _, m := range objects(a.Field("teams")) {
			if integer(m["team_id"]) == team && (!managers || m["is_manager"] == true) {
				out = append(out, Row{"id": a.ID, "name": a.Field("name")})
			}
		}
	}
	return out
}

// memberships lists the teams of an agent (UnameSection).
func (t *Tenant) memberships(tx *simulator.Tx, agent simulator.Row) any {
	out := []any{}
	for i, m := range objects(agent.Field("teams")) {
		team, ok := t.row(tx, "/Team", integer(m["team_id"]))
		if !ok {
			continue
		}
		out = append(out, Row{
			"id": agent.ID*100 + i, "agent_id": agent.ID, "team_id": team.ID, "team_name": team.Field("name"), "department_id": team.Field("department_id"),
			"is_manager": m["is_manager"] == true, "fortickets": true, "foropps": false, "forprojects": false, "in_section": true,
		})
	}
	return out
}

func (t *Tenant) rolesOf(tx *simulator.Tx, agent simulator.Row) any {
	out := []any{}
	list, _ := agent.Field("roles").([]any)
	for _, id := range list {
		if r, ok := t.row(tx, "/Roles", integer(id)); ok {
			out = append(out, Row{"role_id": t.guid(t.api.byPath["/roles"], r), "role_name": r.Field("name")})
		}
	}
	return out
}

// slaPriorities lists the priorities of an SLA.
func (t *Tenant) slaPriorities(tx *simulator.Tx, sla int) any {
	out := []any{}
	for p := range tx.Table("/Priority").All(-1) {
		if integer(p.Field("slaid")) == sla {
			row := simulator.CloneObject(p.Fields())
			row["id"] = t.guid(t.api.byPath["/priority"], p)
			out = append(out, row)
		}
	}
	return out
}

// allowedStatus lists the statuses of a ticket type; the misspelt key is the
// vendor's.
func (t *Tenant) allowedStatus(tx *simulator.Tx, typ simulator.Row) any {
	out := []any{}
	for _, a := range objects(typ.Field("allowed_status")) {
		s, ok := t.row(tx, "/Status", integer(a["status_id"]))
		if !ok {
			continue
		}
		out = append(out, Row{"ticketype_id": typ.ID, "status_id": s.ID, "status_guid": t.guid(t.api.byPath["/status"], s), "status_name": s.Field("name")})
	}
	return out
}

// typesWith lists the ticket types that allow a status (KeyPair2).
func (t *Tenant) typesWith(tx *simulator.Tx, status int) any {
	out := []any{}
	for r := range tx.Table("/TicketType").All(-1) {
		if t.allows(r, status) {
			out = append(out, Row{"value": r.ID, "label": r.Field("name")})
		}
	}
	return out
}

// allows reports whether a ticket type has a status.
func (t *Tenant) allows(typ simulator.Row, status int) bool {
	if typ.Field("allowall_status") == true {
		return true
	}
	for _, a := range objects(typ.Field("allowed_status")) {
		if integer(a["status_id"]) == status {
			return true
		}
	}
	return false
}

// placements lists the custom fields on a ticket type's forms.
func (t *Tenant) placements(tx *simulator.Tx, typ int, key string) any {
	out := []any{}
	e := t.api.byPath["/tickettypefield"]
	for r := range tx.Table(e.path).All(-1) {
		if integer(r.Field("rtid")) != typ {
			continue
		}
		if key == "fieldidlist" {
			out = append(out, r.Field("fieldid"))
			continue
		}
		row := Row{}
		for _, f := range t.api.ent(e).fields {
			if v := t.view(tx, e, r, f.name, shape{}); v != nil {
				row[f.name] = v
			}
		}
		out = append(out, row)
	}
	return out
}
