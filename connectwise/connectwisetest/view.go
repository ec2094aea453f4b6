package connectwisetest

import (
	"fmt"

	"github.com/psasync/psasync/internal/simulator"
)

// view returns a key of a row as endpoint e shows it.
func (t *Tenant) view(tx *simulator.Tx, e *endpoint, row simulator.Row, key string) any {
	if key == "id" {
		return row.ID
	}
	from := key
	if r, ok := e.rename[key]; ok {
		from = r
	}
	v := row.Field(from)
	switch {
	case key == "customFields":
		return t.customFields(tx, e.table, v)
	case key == "fullName":
		return fullName(row.Field("firstName"), row.Field("lastName"))
	case e.entity == "ServiceTeam" && (key == "location" || key == "department"):
		if id, ok := v.(int); ok {
			return ref(id)
		}
		return nil
	case e.table == "timeEntries" && v == nil:
		return ticketText(tx, row, key)
	case e.table == "priorities" && key == "imageLink":
		info, _ := row.Field("_info").(map[string]any)
		return fmt.Sprintf("%s/service/priorities/%d/image?lm=%v", hrefBase, row.ID, info["lastUpdated"])
	}
	return v
}

// customFields returns one element for each definition of the record's kind,
// with null where the record has no value: definitions can be learned from any
// one record.
func (t *Tenant) customFields(tx *simulator.Tx, table string, values any) any {
	ent := t.api.byTable[table].entity
	if t.api.schema[ent].byName["customFields"] == nil {
		return nil
	}
	have := map[int]any{}
	list, _ := values.([]any)
	for _, v := range list {
		m, _ := v.(map[string]any)
		id, _ := m["id"].(int)
		have[id] = m["value"]
	}
	out := []any{}
	for d := range tx.Table("userDefinedFields").All(0) {
		screen, _ := d.Field("screenId").(string)
		if t.screenOwner(screen) != ent {
			continue
		}
		out = append(out, Row{
			"id": d.ID, "caption": d.Field("caption"), "type": d.Field("fieldTypeIdentifier"), "entryMethod": d.Field("entryTypeIdentifier"),
			"numberOfDecimals": d.Field("numberDecimals"), "value": have[d.ID], "connectWiseId": d.Field("connectWiseID"),
			"podId": d.Field("$podId"),
		})
	}
	return out
}

func (t *Tenant) screenOwner(screen string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screens[screen]
}

// ticketText returns the keys of a time entry that repeat texts of its ticket.
func ticketText(tx *simulator.Tx, row simulator.Row, key string) any {
	var table, from string
	switch key {
	case "ticketBoard":
		table, from = "boards", "board"
	case "ticketStatus":
		table, from = "statuses", "status"
	case "ticketType":
		table, from = "types", "type"
	case "ticketSubType":
		table, from = "subtypes", "subType"
	default:
		return nil
	}
	t, ok := ticketOf(tx, row.Field)
	if !ok {
		return nil
	}
	r, ok := tx.Table(table).Get(refID(t.Field(from)))
	if !ok {
		return nil
	}
	return r.Field("name")
}
