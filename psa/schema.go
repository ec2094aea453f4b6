package psa

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Type is the type of a canonical field.
type Type string

// The types and how [Fields] holds them.
const (
	TypeString Type = "string" // string, one line
	TypeText   Type = "text"   // string, many lines
	TypeNumber Type = "number" // json.Number
	TypeBool   Type = "bool"   // bool
	TypeTime   Type = "time"   // string, RFC 3339 UTC
	TypeDate   Type = "date"   // string, 2006-01-02
	TypeRef    Type = "ref"    // Fields with id and name
	TypeRefs   Type = "refs"   // list of references
	TypeIDs    Type = "ids"    // list of id strings
	TypeList   Type = "list"   // list of Fields
	TypeObject Type = "object" // Fields
	TypeOption Type = "option" // string, one of a custom field's options
)

// A Class groups fields by who owns them while a team moves to a new platform.
type Class string

// The classes.
const (
	ClassNone      Class = ""          // configuration, ids, stamps
	ClassBilling   Class = "billing"   // agreement, billable option, work type, ...
	ClassClient    Class = "client"    // what the client sees
	ClassTechnical Class = "technical" // what technicians work with
)

// A Field describes one field of a kind.
type Field struct {
	Name       string `json:"name"`              // canonical; "custom.<id>" for a custom field
	Caption    string `json:"caption,omitempty"` // of a custom field, for people; may change
	Type       Type   `json:"type"`
	Kind       Kind   `json:"kind,omitempty"` // what a ref, refs or ids field points at
	Unit       string `json:"unit,omitempty"` // e.g. "hours"
	Class      Class  `json:"class,omitempty"`
	Required   bool   `json:"required,omitempty"`    // on create
	ReadOnly   bool   `json:"read_only,omitempty"`   // never written
	CreateOnly bool   `json:"create_only,omitempty"` // written on create only
	Help       string `json:"help,omitempty"`
	// Options are the values that may be chosen for a custom field of type
	// TypeOption, in display order; nil for other types and where they are
	// not known. They are shared: not to be changed.
	Options []string `json:"options,omitempty"`
	// Labels are what people call the Options, one for each, where a record
	// holds codes; nil where they are the Options themselves. Shared, too.
	Labels []string `json:"labels,omitempty"`
}

// Schema returns the canonical fields of a kind in documented order, without
// custom fields; nil for an unknown kind. A vendor may leave fields out.
func Schema(kind Kind) []Field { return slices.Clone(schemas()[kind]) }

// schemas are read from the views once.
var schemas = sync.OnceValue(func() map[Kind][]Field {
	all := make(map[Kind][]Field, len(views))
	for kind, v := range views {
		t := reflect.TypeOf(v)
		var fields []Field
		for i := range t.NumField() {
			if tag, ok := t.Field(i).Tag.Lookup("psa"); ok {
				fields = append(fields, parseTag(t.Field(i).Type, tag, t.Field(i).Tag.Get("help")))
			}
		}
		all[kind] = fields
	}
	return all
})

func parseTag(t reflect.Type, tag, help string) Field {
	opts := strings.Split(tag, ",")
	f := Field{Name: opts[0], Type: typeOf(t), Help: help}
	for _, o := range opts[1:] {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "kind":
			f.Kind = Kind(value)
		case "unit":
			f.Unit = value
		case "class":
			f.Class = Class(value)
		case "type":
			f.Type = Type(value)
		case "ro":
			f.ReadOnly = true
		case "create":
			f.CreateOnly = true
		default:
			panic(fmt.Sprintf("psa: view tag %q: unknown option %q", tag, o))
		}
	}
	return f
}

var (
	refType  = reflect.TypeFor[Reference]()
	timeType = reflect.TypeFor[time.Time]()
	triType  = reflect.TypeFor[Tri]()
)

func typeOf(t reflect.Type) Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == refType:
		return TypeRef
	case t == timeType:
		return TypeTime
	case t == triType, t.Kind() == reflect.Bool:
		return TypeBool
	case t.Kind() == reflect.Int, t.Kind() == reflect.Float64:
		return TypeNumber
	case t.Kind() == reflect.String:
		return TypeString
	case t.Kind() == reflect.Slice && t.Elem() == refType:
		return TypeRefs
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return TypeIDs
	case t.Kind() == reflect.Slice:
		return TypeList
	default:
		return TypeObject
	}
}

// FieldOf returns the schema of one field of a kind.
func FieldOf(kind Kind, name string) (Field, bool) {
	fields := schemas()[kind]
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return fields[i], true
}
