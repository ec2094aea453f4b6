package autotasktest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// udfKey is the key of a stored row that holds the values of user-defined
// fields by the id of their definition, so that they survive a renaming.
const udfKey = "$udf"

// The picklist values of udfType and dataType that this simulator gives out.
// The vendor documents only 1 for Company: a program must read the picklists.
const (
	udfCompany  = 1
	udfContact  = 2
	udfContract = 3
	udfTicket   = 5

	udfText      = 1
	udfMultiLine = 2
	udfList      = 3
	udfDate      = 4
	udfNumber    = 5
)

func udfTypeOf(e *entity) int {
	switch e.path {
	case "Companies":
		return udfCompany
	case "Contacts":
		return udfContact
	case "Contracts":
		return udfContract
	}
	return udfTicket
}

// definitions returns the active user-defined fields of an entity.
func (t *Tenant) definitions(tx *simulator.Tx, e *entity) []simulator.Row {
	if !e.udf {
		return nil
	}
	var out []simulator.Row
	for d := range tx.Table("UserDefinedFieldDefinitions").All(0) {
		if d.Field("udfType") == udfTypeOf(e) && d.Field("isActive") != false {
			out = append(out, d)
		}
	}
	return out
}

// definition finds a user-defined field by name in any case.
func (t *Tenant) definition(tx *simulator.Tx, e *entity, name string) (simulator.Row, bool) {
	for _, d := range t.definitions(tx, e) {
		if strings.EqualFold(text(d.Field("name")), name) {
			return d, true
		}
	}
	return simulator.Row{}, false
}

// listItems returns the values of a list field.
func (t *Tenant) listItems(tx *simulator.Tx, definition int) []simulator.Row {
	var out []simulator.Row
	for i := range tx.Table("UserDefinedFieldListItems").All(0) {
		if i.Field("udfFieldId") == definition {
			out = append(out, i)
		}
	}
	return out
}

// udfValues returns the userDefinedFields of a row: every active definition,
// null where the row has no value.
func (t *Tenant) udfValues(tx *simulator.Tx, e *entity, row simulator.Row) []any {
	values, _ := row.Quick(udfKey).(map[string]any)
	out := []any{}
	for _, d := range t.definitions(tx, e) {
		out = append(out, Row{"name": d.Field("name"), "value": values[strconv.Itoa(d.ID)]})
	}
	return out
}

// udfIDs turns [{"name","value"}] into values by definition. An unknown name
// is an error: only the API ignores it.
func (t *Tenant) udfIDs(tx *simulator.Tx, e *entity, v any) (map[string]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("userDefinedFields is not an array")
	}
	out := map[string]any{}
	for _, x := range list {
		m, _ := x.(map[string]any)
		name, ok := m["name"].(string)
		d, found := t.definition(tx, e, name)
		if !ok || !found {
			return nil, fmt.Errorf("%s has no user-defined field %q", e.name, m["name"])
		}
		if _, ok := m["value"].(string); !ok && m["value"] != nil {
			return nil, fmt.Errorf("the value of %q is not a string", name)
		}
		out[strconv.Itoa(d.ID)] = m["value"]
	}
	return out, nil
}

// mergeUDF puts values over those a row has.
func mergeUDF(fields Row, v any) {
	have, _ := simulator.Clone(fields[udfKey]).(map[string]any)
	if have == nil {
		have = map[string]any{}
	}
	values, _ := v.(map[string]any)
	for k, x := range values {
		have[k] = x
	}
	fields[udfKey] = compact(have)
}

// text returns a string, "" for anything else.
func text(v any) string {
	s, _ := v.(string)
	return s
}
