package autotasktest

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed schema.txt
var schemaText string

// field is one key of an entity.
type field struct {
	name    string
	meta    string // name in entityInformation/fields; the vendor's case differs from the key's here and there
	typ     string // string, integer, short, long, double, datetime, boolean
	req     bool
	ro      bool // set by the server only; ignored in a body
	once    bool // taken on create only
	noQuery bool
	hook    bool
	max     int
	ref     string // name of the entity it refers to
	pick    string // picklist, as Collection.field
	parent  string // picklistParentValueField
}

// number reports whether values are JSON numbers.
func (f *field) number() bool {
	switch f.typ {
	case "integer", "short", "long", "double":
		return true
	}
	return false
}

// entity is one collection of the API.
type entity struct {
	path   string // Tickets
	name   string // Ticket
	ops    string // of L G C U D, at the collection's own route
	udf    bool
	hook   bool
	imp    bool
	child  *childRoute
	fields []*field
	byName map[string]*field // by lower-case name
}

// childRoute is the route of an entity below another.
type childRoute struct {
	parent string // Companies
	name   string // Contacts
	key    string // companyID
	ops    string
}

// field finds a field by name in any case.
func (e *entity) field(name string) *field { return e.byName[strings.ToLower(name)] }

// does reports whether the collection's own route offers op.
func (e *entity) does(op string) bool { return strings.Contains(e.ops, op) }

// schema is all entities.
type schema struct {
	list   []*entity
	byPath map[string]*entity // by lower-case collection
	byName map[string]*entity // Ticket
	kids   map[string]*entity // by lower-case "parent/child"
}

// loadSchema returns the schema of the API.
var loadSchema = sync.OnceValue(func() *schema {
	s, err := parseSchema(schemaText)
	if err != nil {
		// schema.txt is part of this package and its tests read it.
		panic(err)
	}
	return s
})

// parseSchema reads schema.txt.
func parseSchema(text string) (*schema, error) {
	s := &schema{byPath: map[string]*entity{}, byName: map[string]*entity{}, kids: map[string]*entity{}}
	var cur *entity
	for i, line := range strings.Split(text, "\n") {
		var err error
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			cur, err = parseEntity(line)
			if err == nil {
				s.add(cur)
			}
		case cur == nil:
			err = fmt.Errorf("field without entity")
		default:
			var f *field
			if f, err = parseField(line); err == nil {
				cur.fields = append(cur.fields, f)
				cur.byName[strings.ToLower(f.name)] = f
			}
		}
		if err != nil {
			return nil, fmt.Errorf("schema line %d: %w", i+1, err)
		}
	}
	return s, nil
}

func (s *schema) add(e *entity) {
	s.list = append(s.list, e)
	s.byPath[strings.ToLower(e.path)] = e
	s.byName[e.name] = e
	if e.child != nil {
		s.kids[strings.ToLower(e.child.parent+"/"+e.child.name)] = e
	}
}

func parseEntity(line string) (*entity, error) {
	w := strings.Fields(line)
	if len(w) < 3 {
		return nil, fmt.Errorf("want collection, name and ops, got %q", line)
	}
	e := &entity{path: w[0], name: w[1], byName: map[string]*field{}}
	for _, flag := range w[2:] {
		key, val, _ := strings.Cut(flag, "=")
		switch key {
		case "ops":
			e.ops = val
		case "udf":
			e.udf = true
		case "hook":
			e.hook = true
		case "imp":
			e.imp = true
		case "child":
			p := strings.FieldsFunc(val, func(r rune) bool { return r == '/' || r == ':' })
			if len(p) != 4 {
				return nil, fmt.Errorf("child of %s: %q", e.path, val)
			}
			e.child = &childRoute{p[0], p[1], p[2], p[3]}
		default:
			return nil, fmt.Errorf("unknown flag %q of %s", flag, e.path)
		}
	}
	return e, nil
}

func parseField(line string) (*field, error) {
	w := strings.Fields(line)
	if len(w) < 2 {
		return nil, fmt.Errorf("want name and type, got %q", line)
	}
	f := &field{name: w[0], meta: w[0], typ: w[1]}
	switch f.typ {
	case "string", "integer", "short", "long", "double", "datetime", "boolean":
	default:
		return nil, fmt.Errorf("unknown type %q of %s", f.typ, f.name)
	}
	for _, flag := range w[2:] {
		key, val, _ := strings.Cut(flag, "=")
		switch key {
		case "req":
			f.req = true
		case "ro":
			f.ro = true
		case "once":
			f.once = true
		case "noquery":
			f.noQuery = true
		case "hook":
			f.hook = true
		case "ref":
			f.ref = val
		case "pick":
			f.pick = val
		case "parent":
			f.parent = val
		case "meta":
			f.meta = val
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
