package connectwisetest

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/psasync/psasync/internal/simulator"
)

// Some lists show rows that live elsewhere:
//
//   - item associations live in the item ($assoc: type id -> subtype ids),
//   - communications of a contact live in its communicationItems,
//   - allNotes merges notes and time entries of a ticket,
//   - which departments and work roles a location has lives in departmentIds
//     of the location and locationIds of the work role.
//
// typeSubTypeItemAssociations is a real table, made anew from types, subtypes
// and items whenever one of them changed.

func isDerived(table string) bool {
	switch table {
	case "itemAssociations", "communications", "allNotes", "departmentLocations", "locationDepartments", "locationWorkRoles", "workRoleLocations":
		return true
	}
	return false
}

// rows yields the rows of a list with ids above after, in order.
func (t *Tenant) rows(tx *simulator.Tx, e *endpoint, parents []int, after int) iter.Seq[simulator.Row] {
	if isDerived(e.table) {
		list := t.derive(tx, e, parents)
		return func(yield func(simulator.Row) bool) {
			for _, r := range list {
				if r.ID > after && !yield(r) {
					return
				}
			}
		}
	}
	return func(yield func(simulator.Row) bool) {
	rows:
		for r := range tx.Table(e.table).All(after) {
			for i, p := range e.parents {
				if stored(r, p) != parents[i] {
					continue rows
				}
			}
			if e.where != nil && !e.where(r.Field) {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

// find returns one row of a list.
func (t *Tenant) find(tx *simulator.Tx, e *endpoint, parents []int, id int) (simulator.Row, bool) {
	if isDerived(e.table) {
		for _, r := range t.derive(tx, e, parents) {
			if r.ID == id {
				return r, true
			}
		}
		return simulator.Row{}, false
	}
	r, ok := tx.Table(e.table).Get(id)
	if !ok {
		return r, false
	}
	for i, p := range e.parents {
		if stored(r, p) != parents[i] {
			return r, false
		}
	}
	return r, true
}

func (t *Tenant) derive(tx *simulator.Tx, e *endpoint, parents []int) []simulator.Row {
	switch e.table {
	case "itemAssociations":
		return t.itemAssociations(tx, parents[0], parents[1])
	case "communications":
		return t.communications(tx, parents[0])
	case "departmentLocations":
		return linked(tx, "locations", "departmentIds", "location", "department", parents[0])
	case "workRoleLocations":
		return links(tx, "workRoles", "locationIds", "workRole", "location", parents[0])
	case "locationDepartments":
		return links(tx, "locations", "departmentIds", "location", "department", parents[0])
	case "locationWorkRoles":
		rows := linked(tx, "workRoles", "locationIds", "workRole", "location", parents[0])
		for _, r := range rows {
			role, _ := tx.Table("workRoles").Get(r.ID)
			r.Fields()["workRoleInactiveFlag"] = role.Field("inactiveFlag") // a computed row, not a stored one
		}
		return rows
	default:
		return t.allNotes(tx, parents[0])
	}
}

// links returns one row for each id that row id of table lists under key; the
// row's id is that of the other side.
func links(tx *simulator.Tx, table, key, self, other string, id int) []simulator.Row {
	row, ok := tx.Table(table).Get(id)
	if !ok {
		return nil
	}
	var out []simulator.Row
	for _, v := range listOf(row.Field(key)) {
		if n, ok := v.(int); ok {
			out = append(out, simulator.NewRow(n, Row{"id": n, self: ref(id), other: ref(n)}))
		}
	}
	slices.SortFunc(out, func(a, b simulator.Row) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// linked returns one row for each row of table that lists id under key.
func linked(tx *simulator.Tx, table, key, self, other string, id int) []simulator.Row {
	var out []simulator.Row
	for r := range tx.Table(table).All(0) {
		if slices.Contains(listOf(r.Field(key)), any(id)) {
			out = append(out, simulator.NewRow(r.ID, Row{"id": r.ID, self: ref(r.ID), other: ref(id)}))
		}
	}
	return out
}

// itemAssociations returns one row per type that the item may follow; the row's
// id is the type's.
func (t *Tenant) itemAssociations(tx *simulator.Tx, board, item int) []simulator.Row {
	row, ok := tx.Table("items").Get(item)
	if !ok || refID(row.Field("board")) != board {
		return nil
	}
	var out []simulator.Row
	assoc, _ := row.Field("$assoc").(map[string]any)
	for k, subs := range assoc {
		id, err := strconv.Atoi(k)
		if err != nil {
			continue // not written by this package
		}
		out = append(out, simulator.NewRow(id, Row{
			"id": id, "subTypeAssociationIds": subs, "addAllSubTypesFlag": false, "removeAllSubTypesFlag": false,
			"item": ref(item), "board": ref(board),
		}))
	}
	slices.SortFunc(out, func(a, b simulator.Row) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// setItemAssociation writes one row of itemAssociations.
func (t *Tenant) setItemAssociation(tx *simulator.Tx, board, item, typeID int, changes Row) error {
	row, ok := tx.Table("items").Get(item)
	if !ok || refID(row.Field("board")) != board {
		return fmt.Errorf("connectwisetest: no item %d on board %d", item, board)
	}
	fields := simulator.CloneObject(row.Fields())
	assoc, _ := fields["$assoc"].(map[string]any)
	if assoc == nil {
		assoc = Row{}
	}
	subs, _ := changes["subTypeAssociationIds"].([]any)
	if subs == nil {
		subs, _ = assoc[strconv.Itoa(typeID)].([]any)
	}
	if changes["addAllSubTypesFlag"] == true {
		subs = nil
		for r := range tx.Table("subtypes").All(0) {
			if refID(r.Field("board")) == board {
				subs = append(subs, r.ID)
			}
		}
	}
	if subs == nil || changes["removeAllSubTypesFlag"] == true {
		subs = []any{}
	}
	assoc[strconv.Itoa(typeID)] = subs
	fields["$assoc"] = assoc
	t.store1(tx, "items", item, fields)
	return nil
}

func (t *Tenant) writeDerived(tx *simulator.Tx, e *endpoint, parents []int, id int, changes Row) (int, error) {
	switch e.table {
	case "itemAssociations":
		if id == 0 {
			id, _ = changes["id"].(int)
		}
		return id, t.setItemAssociation(tx, parents[0], parents[1], id, changes)
	case "communications":
		id, err := t.putCommunication(tx, parents[0], id, changes)
		if err != nil {
			return 0, err
		}
		return id, nil
	}
	return 0, errDerived
}

// allNotes merges the notes and the time entries of a ticket. A time entry's
// row has the entry's id, so that only noteType and id together are unique.
func (t *Tenant) allNotes(tx *simulator.Tx, ticket int) []simulator.Row {
	var out []simulator.Row
	author := func(member any) any {
		if m, ok := tx.Table("members").Get(refID(member)); ok {
			return fullName(m.Field("firstName"), m.Field("lastName"))
		}
		return nil
	}
	for r := range tx.Table("notes").All(0) {
		if r.Field("ticketId") != ticket {
			continue
		}
		n := Row{
			"id": r.ID, "noteType": "TicketNote", "ticket": ref(ticket), "isMarkdownFlag": false,
			"bundledFlag": false, "mergedFlag": false, "createdByParentFlag": false, "originalAuthor": author(r.Field("member")),
		}
		for _, k := range []string{"text", "detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag", "issueFlag", "member", "contact"} {
			n[k] = r.Field(k)
		}
		for _, k := range []string{"bundledFlag", "mergedFlag", "createdByParentFlag"} {
			if v := r.Field("$" + k); v != nil {
				n[k] = v
			}
		}
		out = append(out, simulator.NewRow(r.ID, n))
	}
	for r := range tx.Table("timeEntries").All(0) {
		if r.Field("chargeToId") != ticket || r.Field("chargeToType") != "ServiceTicket" {
			continue
		}
		if s, _ := r.Field("notes").(string); s == "" {
			continue
		}
		out = append(out, simulator.NewRow(r.ID, Row{
			"id": r.ID, "noteType": "TimeEntryNote", "ticket": ref(ticket), "isMarkdownFlag": false,
			"bundledFlag": false, "mergedFlag": false, "createdByParentFlag": false, "issueFlag": false,
			"text": r.Field("notes"), "timeStart": r.Field("timeStart"), "timeEnd": r.Field("timeEnd"),
			"detailDescriptionFlag": r.Field("addToDetailDescriptionFlag") == true,
			"internalAnalysisFlag":  r.Field("addToInternalAnalysisFlag") == true,
			"resolutionFlag":        r.Field("addToResolutionFlag") == true,
			"member":                r.Field("member"), "originalAuthor": author(r.Field("member")),
		}))
	}
	slices.SortStableFunc(out, func(a, b simulator.Row) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
