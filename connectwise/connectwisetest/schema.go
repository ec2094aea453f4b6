package connectwisetest

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed schema.txt
var schemaText string

// field is one key of an entity.
type field struct {
	name  string
	typ   string // int, number, bool, string, datetime, map, any, or the name of an entity
	array bool
	req   bool
	null  bool
	live  bool
	max   int      // longest string; 0: no limit
	enum  []string // allowed values
}

// entity is one object of the REST schema, keys in the schema's order.
type entity struct {
	name   string
	fields []*field
	byName map[string]*field
}

type schema map[string]*entity

// parseSchema reads schema.txt.
func parseSchema(text string) (schema, error) {
	s := schema{}
	var cur *entity
	for i, line := range strings.Split(text, "\n") {
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			cur = &entity{name: line, byName: map[string]*field{}}
			s[line] = cur
		case cur == nil:
			return nil, fmt.Errorf("schema line %d: field without entity", i+1)
		default:
			f, err := parseField(line)
			if err != nil {
				return nil, fmt.Errorf("schema line %d: %w", i+1, err)
			}
			cur.fields = append(cur.fields, f)
			cur.byName[f.name] = f
		}
	}
	return s, nil
}

// parseField reads "name type [req] [null] [max=N] [enum=A|B] [live]".
func parseField(line string) (*field, error) {
	w := strings.Fields(line)
	if len(w) < 2 {
		return nil, fmt.Errorf("want name and type, got %q", line)
	}
	f := &field{name: w[0], typ: w[1]}
	if t, ok := strings.CutPrefix(f.typ, "[]"); ok {
		f.typ, f.array = t, true
	}
	for _, flag := range w[2:] {
		key, val, _ := strings.Cut(flag, "=")
		switch key {
		case "req":
			f.req = true
		case "null":
			f.null = true
		case "live":
			f.live = true
		case "enum":
			f.enum = strings.Split(val, "|")
		case "max":
			n, err := strconv.Atoi(val)
			if err != nil {
				return nil, fmt.Errorf("max of %s: %w", f.name, err)
			}
			f.max = n
		default:
			return nil, fmt.Errorf("unknown flag %q of %s", flag, f.name)
		}
	}
	return f, nil
}

// scalar reports whether the type is not an entity.
func scalar(typ string) bool {
	switch typ {
	case "int", "number", "bool", "string", "datetime", "map", "any":
		return true
	}
	return false
}

// isRef reports whether the type is a reference {id, name, _info}.
func isRef(typ string) bool { return strings.HasSuffix(typ, "Reference") }
