package halopsatest

import (
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// Types of custom fields (FieldInfo.type) that are not plain text.
const (
	typeSingle   = 2
	typeMultiple = 3
	typeDate     = 4
	typeCheckbox = 6
)

// customFields makes the custom fields of a record: all that its kind has.
func (t *Tenant) customFields(tx *simulator.Tx, e *endpoint, row simulator.Row, s shape) any {
	have := map[int]any{}
	for _, v := range objects(row.Field("customfields")) {
		have[integer(v["id"])] = v["value"]
	}
	out := []any{}
	for d := range tx.Table("/FieldInfo").All(-1) {
		if integer(d.Field("usage")) != e.custom || !s.single && !s.custom[d.ID] {
			continue
		}
		v := have[d.ID]
		out = append(out, Row{
			"id": d.ID, "name": d.Field("name"), "label": d.Field("label"), "summary": d.Field("summary"), "type": d.Field("type"), "value": v, "display": t.display(tx, d, v),
			"inputtype": d.Field("inputtype"), "characterlimit": d.Field("characterlimit"), "searchable": d.Field("searchable"), "usage": e.custom, "isencrypted": false,
			"guid": t.guid(t.api.byPath["/fieldinfo"], d),
		})
	}
	return out
}

// display is the text of a value.
func (t *Tenant) display(tx *simulator.Tx, def simulator.Row, v any) any {
	if v == nil {
		return nil
	}
	list := integer(def.Field("lookup"))
	switch integer(def.Field("type")) {
	case typeSingle:
		return t.lookupName(tx, list, integer(v))
	case typeMultiple:
		var names []string
		for _, id := range selected(v) {
			names = append(names, text(t.lookupName(tx, list, id)))
		}
		return strings.Join(names, ", ")
	case typeCheckbox:
		if v == true {
			return "Yes"
		}
		return "No"
	}
	if s, ok := v.(string); ok {
		return s
	}
	return nil
}

// selected reads the value of a multiple selection: a list, or text with
// commas.
func selected(v any) []int {
	var out []int
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if m, ok := e.(map[string]any); ok {
				e = m["id"]
			}
			out = append(out, integer(e))
		}
	case string:
		for id := range (query{"v": v}).each("v") {
			out = append(out, id)
		}
	case int:
		out = append(out, v)
	}
	return out
}

// fieldValues lists the choices of a selection field.
func (t *Tenant) fieldValues(tx *simulator.Tx, def simulator.Row) any {
	out := []any{}
	list := integer(def.Field("lookup"))
	if list == 0 {
		return out
	}
	for r := range t.rows(tx, t.api.byPath["/lookup"], list) {
		out = append(out, Row{"lookupid": list, "id": r.ID % perParent, "name": r.Field("name"), "sequence": r.Field("sequence"), "inactive": r.Field("inactive")})
	}
	return out
}

// The lists that are known by number; 11 names all the others.
const (
	lookupTypes       = 11
	lookupChargeRates = 17
)

// Names of lists that must be looked up in list 11.
const (
	lookupSources      = "Request Source"
	lookupCustomer     = "Customer Type"
	lookupRelationship = "Customer Relationship"
	lookupImpact       = "Impact"
	lookupUrgency      = "Urgency"
)

// lookupType finds a list by its name in list 11; 0 if there is none.
func (t *Tenant) lookupType(tx *simulator.Tx, name string) int {
	for r := range t.rows(tx, t.api.byPath["/lookup"], lookupTypes) {
		if text(r.Field("name")) == name {
			return r.ID % perParent
		}
	}
	return 0
}

// lookupName returns the name of a row of a list, nil if there is none.
func (t *Tenant) lookupName(tx *simulator.Tx, list, id int) any {
	if r, ok := t.find(tx, t.api.byPath["/lookup"], list, id); ok {
		return r.Field("name")
	}
	return nil
}
