package connectwisetest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// use is one row that points at another.
type use struct {
	table string
	row   simulator.Row
}

// usesOf returns the rows that point at a row, other than the ones that are
// part of it (the statuses of a board, the sites of a company) and go with it.
func (c *call) usesOf(tx *simulator.Tx, table string, id int) []use {
	var out []use
	for _, e := range c.t.api.lists {
		if c.t.api.byTable[e.table] != e || isDerived(e.table) || slices.Contains(partsOf(table), e.table) || e.table == "typeSubTypeItemAssociations" {
			continue
		}
		keys := c.pointers(e, table)
		if len(keys) == 0 {
			continue
		}
		for r := range tx.Table(e.table).All(0) {
			if e.table == table && r.ID == id {
				continue
			}
			if slices.ContainsFunc(keys, func(k string) bool { return pointsAt(r, k, id) }) {
				out = append(out, use{e.table, r})
			}
		}
	}
	return out
}

// partsOf returns the tables whose rows are part of a row of table.
func partsOf(table string) []string {
	switch table {
	case "boards":
		return []string{"statuses", "types", "subtypes", "items", "teams"}
	case "slas":
		return []string{"slaPriorities"}
	case "companies":
		return []string{"sites", "companyTypeAssociations"}
	case "contacts":
		return []string{"contactTypeAssociations"}
	case "tickets":
		return []string{"notes"}
	case "securityRoles":
		return []string{"securityRoleSettings"}
	}
	return nil
}

// pointers returns the keys of a list's rows that hold ids of table.
func (c *call) pointers(e *endpoint, table string) []string {
	var keys []string
	for _, f := range c.t.api.schema[e.entity].fields {
		if to, ok := targetOf(f.typ); ok && to.table == table && !slices.Contains(e.parents, f.name+"/id") {
			keys = append(keys, f.name)
		}
	}
	switch e.table + ">" + table {
	case "timeEntries>tickets":
		keys = append(keys, "chargeToId")
	case "subtypes>types":
		keys = append(keys, "typeAssociationIds")
	case "teams>members":
		keys = append(keys, "members")
	}
	return keys
}

func pointsAt(r simulator.Row, key string, id int) bool {
	switch v := r.Quick(key).(type) {
	case map[string]any:
		return v["id"] == id
	case int:
		return v == id
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return e == id || refID(e) == id })
	}
	return false
}

// cascade deletes what is part of a row.
func (c *call) cascade(tx *simulator.Tx, table string, id int) {
	for _, part := range partsOf(table) {
		var gone []simulator.Row
		for r := range tx.Table(part).All(0) {
			if stored(r, c.t.api.byTable[part].parents[0]) == id {
				gone = append(gone, r)
			}
		}
		for _, r := range gone {
			tx.Table(part).Delete(r.ID)
		}
	}
	if table == "types" || table == "subtypes" {
		c.dropFromItems(tx, table, id)
	}
}

// dropFromItems takes a deleted type or subtype out of the item associations.
func (c *call) dropFromItems(tx *simulator.Tx, table string, id int) {
	for r := range tx.Table("items").All(0) {
		assoc, _ := r.Field("$assoc").(map[string]any)
		if assoc == nil {
			continue
		}
		fields := simulator.CloneObject(r.Fields())
		assoc, _ = fields["$assoc"].(map[string]any)
		if table == "types" {
			delete(assoc, strconv.Itoa(id))
		}
		for k, v := range assoc {
			assoc[k] = slices.DeleteFunc(listOf(v), func(s any) bool { return table == "subtypes" && s == id })
		}
		tx.Table("items").Put(r.ID, fields)
	}
}

// usages answers {id}/usages (a count by kind) and {id}/usages/list.
func (c *call) usages(e *endpoint) *apiError {
	row, err := c.row(e)
	if err != nil {
		return err
	}
	out := []map[string]any{}
	c.t.store.View(func(tx *simulator.Tx) {
		counts := map[string]int{}
		var order []string
		for _, u := range c.usesOf(tx, e.table, row.ID) {
			kind := c.t.api.byTable[u.table].entity
			if counts[kind]++; counts[kind] == 1 {
				order = append(order, kind)
			}
			if c.route.action == "list" {
				out = append(out, map[string]any{"type": kind, "typeKey": strings.ToLower(kind), "id": u.row.ID, "description": describe(u.row), "count": 1})
			}
		}
		if c.route.action != "list" {
			for _, k := range order {
				out = append(out, map[string]any{"type": k, "typeKey": strings.ToLower(k), "count": counts[k]})
			}
		}
	})
	writeJSON(c.w, http.StatusOK, out)
	return nil
}

func describe(r simulator.Row) string {
	for _, k := range []string{"name", "summary", "description", "identifier", "caption", "notes", "text"} {
		if s, _ := r.Quick(k).(string); s != "" {
			return s
		}
	}
	return fmt.Sprint(r.ID)
}

func itoa(n int) string { return strconv.Itoa(n) }
