package halopsatest

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed schema.txt
var schemaText string

// field is one key of an entity.
type field struct {
	name   string
	typ    string // int, double, bool, string, guid, date, list or object
	live   bool   // seen on real tenants only
	detail bool   // on single objects only
	custom bool   // on list rows only if asked for by include_custom_fields
	post   bool   // in answers to a POST only
	write  bool   // a switch that is never answered
	with   string // on list rows only if this parameter is true
}

// entity is one object of the API, keys in the order they are answered.
type entity struct {
	name   string
	fields []*field
	byName map[string]*field
}

type schema map[string]*entity

// loadSchema parses schema.txt once.
var loadSchema = sync.OnceValue(func() schema {
	s, err := parseSchema(schemaText)
	if err != nil {
		// The file is part of this package; a bad one is a bug in it.
		panic(err)
	}
	return s
})

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
			if cur.byName[f.name] != nil {
				return nil, fmt.Errorf("schema line %d: %s again", i+1, f.name)
			}
			cur.fields = append(cur.fields, f)
			cur.byName[f.name] = f
		}
	}
	return s, nil
}

func parseField(line string) (*field, error) {
	w := strings.Fields(line)
	if len(w) < 2 {
		return nil, fmt.Errorf("want name and type, got %q", line)
	}
	f := &field{name: w[0], typ: w[1]}
	switch f.typ {
	case "int", "double", "bool", "string", "guid", "date", "list", "object":
	default:
		return nil, fmt.Errorf("unknown type %q of %s", f.typ, f.name)
	}
	for _, flag := range w[2:] {
		key, val, _ := strings.Cut(flag, "=")
		switch key {
		case "live":
			f.live = true
		case "detail":
			f.detail = true
		case "custom":
			f.custom = true
		case "post":
			f.post = true
		case "write":
			f.write = true
		case "with":
			f.with = val
		default:
			return nil, fmt.Errorf("unknown flag %q of %s", flag, f.name)
		}
	}
	return f, nil
}
