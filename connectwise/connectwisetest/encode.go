package connectwisetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// encoder writes rows as the vendor answers them: keys in the schema's order,
// absent instead of null, references resolved to their present names, _info a
// map of strings. It runs under the store's lock.
type encoder struct {
	api *api
	t   *Tenant
	tx  *simulator.Tx
	buf *bytes.Buffer
}

// projection is the fields parameter: nil means everything.
type projection map[string]projection

func (p projection) has(key string) (projection, bool) {
	if p == nil {
		return nil, true
	}
	sub, ok := p[key]
	if len(sub) == 0 {
		return nil, ok
	}
	return sub, ok
}

// row writes one row of a list.
func (c *encoder) row(e *endpoint, row simulator.Row, p projection) {
	ent := c.api.schema[e.entity]
	c.object(ent, func(k string) any { return c.t.view(c.tx, e, row, k) }, p, func() map[string]any { return c.info(e, row) })
}

// object writes the keys of an entity that get has.
func (c *encoder) object(ent *entity, get func(string) any, p projection, info func() map[string]any) {
	c.buf.WriteByte('{')
	first := true
	key := func(k string) {
		if !first {
			c.buf.WriteByte(',')
		}
		first = false
		c.str(k)
		c.buf.WriteByte(':')
	}
	for _, f := range ent.fields {
		if f.name == "_info" {
			continue
		}
		sub, ok := p.has(f.name)
		if !ok {
			continue
		}
		v := get(f.name)
		if v == nil {
			if ent.name == "CustomFieldValue" && f.name == "value" {
				key(f.name)
				c.buf.WriteString("null") // the one null the vendor sends
			}
			continue
		}
		key(f.name)
		c.value(f, v, sub)
	}
	if ent.byName["_info"] != nil && info != nil {
		// _info is left out of a selection unless it is named (fields parameter).
		if _, ok := p.has("_info"); ok {
			key("_info")
			c.strings(info())
		}
	}
	c.buf.WriteByte('}')
}

func (c *encoder) value(f *field, v any, p projection) {
	if f.array {
		list, _ := v.([]any)
		c.buf.WriteByte('[')
		for i, e := range list {
			if i > 0 {
				c.buf.WriteByte(',')
			}
			c.single(f.typ, e, p)
		}
		c.buf.WriteByte(']')
		return
	}
	c.single(f.typ, v, p)
}

func (c *encoder) single(typ string, v any, p projection) {
	if typ == "map" {
		m, _ := v.(map[string]any)
		c.strings(m)
		return
	}
	if scalar(typ) {
		c.scalar(typ, v)
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		c.scalar("any", v)
		return
	}
	ent := c.api.schema[typ]
	get, info := c.reference(typ, m)
	c.object(ent, get, p, info)
}

// reference returns the keys of an object inside a row: of the row it points
// to if that is known, else as stored.
func (c *encoder) reference(typ string, m map[string]any) (get func(string) any, info func() map[string]any) {
	asStored := func(k string) any { return m[k] }
	to, ok := targetOf(typ)
	if !ok {
		own, _ := m["_info"].(map[string]any)
		return asStored, func() map[string]any { return own }
	}
	row, ok := c.tx.Table(to.table).Get(refID(m))
	if !ok {
		return asStored, func() map[string]any { return nil }
	}
	return func(k string) any { return refField(to.table, row, k) },
		func() map[string]any {
			out := map[string]any{to.key: hrefBase + c.api.rowPath(to.table, row)}
			if to.table == "items" {
				out["inactiveFlag"] = title(row.Field("inactiveFlag") == true)
			}
			return out
		}
}

// title writes a boolean as .NET does.
func title(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func (c *encoder) scalar(typ string, v any) {
	switch v := v.(type) {
	case string:
		c.str(v)
	case bool:
		c.buf.WriteString(strconv.FormatBool(v))
	case int:
		c.buf.WriteString(strconv.Itoa(v))
		if typ == "number" {
			c.buf.WriteString(".0")
		}
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		c.buf.WriteString(s)
		if typ == "number" && !strings.Contains(s, ".") {
			c.buf.WriteString(".0")
		}
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprintf("connectwisetest: value %T in a row: %v", v, err)) // rows hold JSON values only
		}
		c.buf.Write(raw)
	}
}

// strings writes a map of strings with its keys in order.
func (c *encoder) strings(m map[string]any) {
	c.buf.WriteByte('{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			c.buf.WriteByte(',')
		}
		c.str(k)
		c.buf.WriteByte(':')
		c.str(fmt.Sprint(m[k]))
	}
	c.buf.WriteByte('}')
}

func (c *encoder) str(s string) {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b < 0x20 || b == '"' || b == '\\' || b >= 0x7f {
			enc := json.NewEncoder(c.buf)
			enc.SetEscapeHTML(false)
			// A string always encodes; the encoder adds a line break.
			_ = enc.Encode(s)
			c.buf.Truncate(c.buf.Len() - 1)
			return
		}
	}
	c.buf.WriteByte('"')
	c.buf.WriteString(s)
	c.buf.WriteByte('"')
}

// info returns the _info of a row: what is stored, and links.
func (c *encoder) info(e *endpoint, row simulator.Row) map[string]any {
	own, _ := row.Field("_info").(map[string]any)
	if bareInfo(e.table) {
		return nil
	}
	out := maps.Clone(own)
	if out == nil {
		out = map[string]any{}
	}
	self := hrefBase + c.api.rowPath(e.table, row)
	switch e.table {
	case "companies":
		out["contacts_href"] = fmt.Sprintf("%s/company/contacts?conditions=company/id=%d", hrefBase, row.ID)
	case "contacts":
		out["communications_href"] = self + "/communications"
	case "tickets":
		out["notes_href"] = self + "/notes"
		out["timeentries_href"] = fmt.Sprintf("%s/time/entries?conditions=(chargeToType='ServiceTicket' OR chargeToType='ProjectTicket') AND chargeToId=%d", hrefBase, row.ID)
	case "members", "priorities":
		out["image_href"] = fmt.Sprintf("%s/image?lm=%v", self, out["lastUpdated"])
	}
	return out
}

// bareInfo reports whether the rows of a table have an empty _info, so that
// they cannot be read incrementally.
func bareInfo(table string) bool {
	switch table {
	case "userDefinedFields", "typeSubTypeItemAssociations", "itemAssociations", "allNotes":
		return true
	}
	return false
}
