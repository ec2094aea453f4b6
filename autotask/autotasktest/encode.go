package autotasktest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// projection is what includeFields names; nil is everything.
type projection struct {
	fields map[string]bool
	udfs   []string
}

// lacksID reports whether the id is left out.
func (p *projection) lacksID() bool { return p != nil && !p.fields["id"] }

// projection resolves includeFields: names of fields and of user-defined
// fields in any case. An empty list is no selection.
func (c *call) projection(tx *simulator.Tx, e *entity, include []string) (*projection, *apiError) {
	if len(include) == 0 {
		return nil, nil
	}
	p := &projection{fields: map[string]bool{}}
	for _, name := range include {
		if f := e.field(name); f != nil {
			p.fields[f.name] = true
			continue
		}
		if _, ok := c.t.definition(tx, e, name); !ok {
			return nil, failf("Unable to find %s in the %s Entity.", name, e.name)
		}
		p.udfs = append(p.udfs, name)
	}
	return p, nil
}

// encode writes one row as the vendor answers it: every key of the entity,
// null without a value, user-defined fields last.
func (c *call) encode(tx *simulator.Tx, buf *bytes.Buffer, e *entity, row simulator.Row, p *projection, omitUDF bool) {
	buf.WriteByte('{')
	first := true
	for _, f := range e.fields {
		if p != nil && !p.fields[f.name] {
			continue
		}
		if !first {
			buf.WriteByte(',')
		}
		first = false
		buf.WriteString(strconv.Quote(f.name))
		buf.WriteByte(':')
		v := row.Field(f.name)
		if f.name == "id" {
			v = row.ID
		}
		writeValue(buf, f, v, c.s.opts.ZonelessTimes)
	}
	if e.udf && !omitUDF {
		if !first {
			buf.WriteByte(',')
		}
		buf.WriteString(`"userDefinedFields":`)
		c.udfs(tx, buf, e, row, p)
	}
	buf.WriteByte('}')
}

func writeValue(buf *bytes.Buffer, f *field, v any, zoneless bool) {
	switch v := v.(type) {
	case nil:
		buf.WriteString("null")
	case int:
		buf.WriteString(strconv.Itoa(v))
	case bool:
		buf.WriteString(strconv.FormatBool(v))
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0" // the vendor writes doubles with a fraction
		}
		buf.WriteString(s)
	case string:
		if f.typ == "datetime" && zoneless {
			v = strings.TrimSuffix(v, "Z")
		}
		writeText(buf, v)
	}
}

func (c *call) udfs(tx *simulator.Tx, buf *bytes.Buffer, e *entity, row simulator.Row, p *projection) {
	buf.WriteByte('[')
	first := true
	for _, x := range c.t.udfValues(tx, e, row) {
		m, _ := x.(map[string]any)
		if p != nil && !sameName(p.udfs, text(m["name"])) {
			continue
		}
		if !first {
			buf.WriteByte(',')
		}
		first = false
		buf.WriteString(`{"name":`)
		writeText(buf, text(m["name"]))
		buf.WriteString(`,"value":`)
		if s, ok := m["value"].(string); ok {
			writeText(buf, s)
		} else {
			buf.WriteString("null")
		}
		buf.WriteByte('}')
	}
	buf.WriteByte(']')
}

// writeText writes a JSON string; most need no escaping.
func writeText(buf *bytes.Buffer, s string) {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }) {
		buf.WriteByte('"')
		buf.WriteString(s)
		buf.WriteByte('"')
		return
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	buf.Write(raw)
}

// anyUDF reports whether one of the rows has a user-defined value.
func (c *call) anyUDF(e *entity, rows []simulator.Row) bool {
	return e.udf && slices.ContainsFunc(rows, func(r simulator.Row) bool {
		values, _ := r.Quick(udfKey).(map[string]any)
		return len(values) > 0
	})
}
