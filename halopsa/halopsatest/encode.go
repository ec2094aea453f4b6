package halopsatest

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

// shape says which keys of a row are answered.
type shape struct {
	single  bool         // one object, not a row of a list
	details bool         // includedetails: sub-lists too
	posted  bool         // answer to a POST
	custom  map[int]bool // custom fields asked for on a list
	asked   bool         // any were
	q       query
}

func (s shape) has(e *endpoint, f *field) bool {
	switch {
	case f.write:
		return false
	case f.post:
		return s.posted
	case s.posted && postSpelling(e, f.name):
		return false
	case f.custom:
		return s.single && (s.details || s.posted) || !s.single && s.asked
	case f.with != "":
		return s.q.flag(f.with) || s.single && s.details
	case f.detail:
		return s.single && (s.details || s.posted || f.typ != "list" && f.typ != "object")
	}
	return true
}

// postSpelling reports whether a key of tickets has another name in answers to
// a POST.
func postSpelling(e *endpoint, key string) bool {
	if e.entity != "Ticket" {
		return false
	}
	switch key {
	case "last_update", "category_1", "category_2", "category_3", "category_4", "user_email", "excludefromsla":
		return true
	}
	return false
}

// encoder writes rows as the vendor answers them: nulls are left out, doubles
// have a fraction, names are those of the rows referred to now. It runs under
// the store's lock.
type encoder struct {
	t   *Tenant
	tx  *simulator.Tx
	buf *bytes.Buffer
}

// row writes one row of a collection.
func (c *encoder) row(e *endpoint, row simulator.Row, s shape) {
	if row.Quick(isVirtual) == true {
		row = c.t.made(e, row) // once, not for each key
	}
	ent := c.t.api.ent(e)
	c.buf.WriteByte('{')
	first := true
	for _, f := range ent.fields {
		if !s.has(e, f) {
			continue
		}
		v := c.t.view(c.tx, e, row, f.name, s)
		if v == nil {
			continue
		}
		if !first {
			c.buf.WriteByte(',')
		}
		first = false
		c.str(f.name)
		c.buf.WriteByte(':')
		c.value(f.typ, v)
	}
	c.buf.WriteByte('}')
}

func (c *encoder) value(typ string, v any) {
	switch v := v.(type) {
	case string:
		c.str(v)
	case bool:
		c.buf.WriteString(strconv.FormatBool(v))
	case int:
		c.buf.WriteString(strconv.Itoa(v))
		if typ == "double" {
			c.buf.WriteString(".0")
		}
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		c.buf.WriteString(s)
		if !strings.Contains(s, ".") {
			c.buf.WriteString(".0")
		}
	case []any:
		c.buf.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				c.buf.WriteByte(',')
			}
			c.value("", x)
		}
		c.buf.WriteByte(']')
	case map[string]any:
		c.buf.WriteByte('{')
		first := true
		for _, k := range slices.SortedFunc(maps.Keys(v), idFirst) {
			if v[k] == nil {
				continue
			}
			if !first {
				c.buf.WriteByte(',')
			}
			first = false
			c.str(k)
			c.buf.WriteByte(':')
			c.value("", v[k])
		}
		c.buf.WriteByte('}')
	case nil:
		c.buf.WriteString("null")
	default:
		panic(fmt.Sprintf("halopsatest: value %T in a row", v)) // rows hold JSON values only
	}
}

// idFirst orders keys by name, the id in front.
func idFirst(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "id":
		return -1
	case b == "id":
		return 1
	}
	return strings.Compare(a, b)
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
