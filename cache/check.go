package cache

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/psasync/psasync/psa"
)

// Codes of what Check finds.
const (
	CodeNotOffered    = "not-offered"    // the provider has no such kind
	CodeUnknownField  = "unknown-field"  // the kind has no such field
	CodeReadOnly      = "read-only"      // the PSA takes no value for the field
	CodeWrongType     = "wrong-type"     // the value is not of the field's type
	CodeRequired      = "required"       // a create needs a value
	CodeUnknownValue  = "unknown-value"  // there is no such row or option
	CodeInactive      = "inactive-value" // the row, field or option is inactive
	CodeOutOfScope    = "out-of-scope"   // another choice does not allow it
	CodeAmbiguousName = "ambiguous-name" // several rows have the name
	CodeTooLong       = "too-long"       // more characters or decimals than the field takes
	CodeStaleValue    = "unknown-stale"  // not found, but the kind was not read completely
)

// A FieldFinding is what is wrong with the value of one field.
type FieldFinding struct {
	psa.Finding
	Field   string   `json:"field,omitempty"`   // canonical name, e.g. "status" or "custom.16"
	Nearest []string `json:"nearest,omitempty"` // names it may have meant
}

// Check tells what the PSA would refuse in a new record of these canonical
// fields, by the same rules as [Snapshot.Form]: unknown and read-only fields,
// missing required ones, values of the wrong type, and references and custom
// field values that are unknown, inactive or out of scope. References to
// records, such as the company, are not in the snapshot: their rows are not
// looked at. Findings come in the order of the form; nil means that nothing is
// wrong. For a change to an existing record leave CodeRequired aside, and what
// is found of fields that the change leaves as they are: an old ticket may well
// have a status that is inactive by now.
func (s *Snapshot) Check(kind psa.Kind, fields psa.Fields) []FieldFinding {
	c := checker{s: s, kind: kind}
	l := s.layout(kind)
	if l == nil {
		c.find("", CodeNotOffered, "%s: the PSA of this connection has no %s", kind, kind)
		return c.found
	}
	c.picked = s.picked(l, fields)
	for name, id := range c.picked {
		if f := l.fields[l.byName[name]]; s.listed(f) && s.row(psa.Ref{Kind: f.Kind, ID: id}) == nil {
			delete(c.picked, name) // found below, and no reason to doubt the others
		}
	}
	preset := s.preset(l, c.picked)
	custom, isFields := fields["custom"].(psa.Fields)
	for _, f := range l.fields {
		v, present := fields[f.Name]
		if f.custom != nil {
			v, present = custom[f.custom.ID]
		}
		switch {
		case isBlank(v) && required(f, preset):
			c.find(f.Name, CodeRequired, "%s: a value is required", c.label(f))
		case !present || v == nil:
		case f.ReadOnly:
			c.find(f.Name, CodeReadOnly, "%s: the PSA takes no value for this field", c.label(f))
		default:
			c.value(f, v)
		}
	}
	c.unknown(l, fields, custom, isFields)
	return c.found
}

type checker struct {
	s      *Snapshot
	kind   psa.Kind
	picked map[string]string
	found  []FieldFinding
}

func (c *checker) find(field, code, format string, args ...any) *FieldFinding {
	c.found = append(c.found, FieldFinding{
		Finding: psa.Finding{Severity: psa.Failure, Code: code, Kind: c.kind, Message: fmt.Sprintf(format, args...)},
		Field:   field,
	})
	return &c.found[len(c.found)-1]
}

// near adds names that may have been meant.
func (f *FieldFinding) near(name string, names []string) {
	if f.Nearest = nearest(name, names); len(f.Nearest) > 0 {
		f.Message += "; did you mean " + quoted(f.Nearest) + "?"
	}
}

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(q, " or ")
}

// label names a field to a person.
func (c *checker) label(f layoutField) string {
	if f.Caption != "" {
		return fmt.Sprintf("%s (%s)", f.Name, f.Caption)
	}
	return f.Name
}

func isBlank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case psa.Fields:
		for _, part := range v {
			if !isBlank(part) {
				return false
			}
		}
		return true
	case []any:
		return len(v) == 0
	}
	return false
}

// value checks one value that is present and not nil.
func (c *checker) value(f layoutField, v any) {
	if !hasType(f.Type, v) {
		c.find(f.Name, CodeWrongType, "%s: a %s is wanted, not %s", c.label(f), f.Type, describe(v))
		return
	}
	switch {
	case f.custom != nil:
		c.custom(f, v)
	case !c.s.listed(f):
	case f.Type == psa.TypeRef:
		ref := asFields(v)
		c.reference(f, ref.String("id"), ref.String("name"))
	default:
		for _, e := range v.([]any) {
			if ref, ok := e.(psa.Fields); ok {
				c.reference(f, ref.String("id"), ref.String("name"))
			} else {
				c.reference(f, e.(string), "")
			}
		}
	}
}

func hasType(t psa.Type, v any) bool {
	switch t {
	case psa.TypeOption: // several where the field takes them (Halo's multiple selections)
		if hasElements(v, func(e any) bool { return hasType(psa.TypeString, e) }) {
			return true
		}
		fallthrough
	case psa.TypeString, psa.TypeText:
		_, ok := v.(string)
		return ok
	case psa.TypeNumber:
		_, ok := v.(json.Number)
		return ok
	case psa.TypeBool:
		_, ok := v.(bool)
		return ok
	case psa.TypeTime:
		s, _ := v.(string)
		_, err := time.Parse(time.RFC3339Nano, s)
		return err == nil
	case psa.TypeDate:
		s, _ := v.(string)
		_, err := time.Parse(time.DateOnly, s)
		return err == nil
	case psa.TypeRef:
		f, ok := v.(psa.Fields)
		return ok && (f.String("id") != "" || f.String("name") != "")
	case psa.TypeRefs:
		return hasElements(v, func(e any) bool { return hasType(psa.TypeRef, e) })
	case psa.TypeIDs:
		return hasElements(v, func(e any) bool { return hasType(psa.TypeString, e) })
	case psa.TypeList:
		return hasElements(v, func(e any) bool { _, ok := e.(psa.Fields); return ok })
	case psa.TypeObject:
		_, ok := v.(psa.Fields)
		return ok
	}
	return true
}

func hasElements(v any, is func(any) bool) bool {
	l, ok := v.([]any)
	return ok && !slices.ContainsFunc(l, func(e any) bool { return !is(e) })
}

// describe says what a value is without showing it.
func describe(v any) string {
	switch v.(type) {
	case string:
		return "this text"
	case json.Number:
		return "a number"
	case bool:
		return "a yes or no"
	case psa.Fields:
		return "this object"
	case []any:
		return "this list"
	}
	return fmt.Sprintf("a %T", v)
}

// reference checks a reference to a row of the snapshot.
func (c *checker) reference(f layoutField, id, name string) {
	var r *psa.Record
	if id != "" {
		if r = c.s.row(psa.Ref{Kind: f.Kind, ID: id}); r == nil {
			c.missing(f, "id "+id, name)
			return
		}
	} else {
		switch rows := c.s.named(f, name, c.picked); {
		case len(rows) > 1 && rows[0].Active:
			c.find(f.Name, CodeAmbiguousName, "%s: several rows of %s are called %q; use the id", c.label(f), f.Kind, name)
			return
		case len(rows) > 0:
			r = rows[0]
		default:
			anywhere := c.s.named(f, name, nil)
			if len(anywhere) == 0 {
				c.missing(f, fmt.Sprintf("%q", name), name)
				return
			}
			r = anywhere[0]
		}
	}
	if by, choice := c.s.refuses(f, r, c.picked); by != "" {
		c.outOfScope(f, r, by, choice)
	} else if !r.Active {
		c.find(f.Name, CodeInactive, "%s: %s %q is inactive", c.label(f), f.Kind, r.Name()).ID = r.ID
	}
}

func (c *checker) missing(f layoutField, what, name string) {
	names := c.s.names(c.s.narrowed(f, c.picked))
	if k := c.s.meta.Kinds[f.Kind]; k.Stale != "" || k.Fresh.IsZero() {
		found := c.find(f.Name, CodeStaleValue, "%s: there is no %s with %s, but the list may be out of date", c.label(f), f.Kind, what)
		found.Severity = psa.Warning
		found.near(name, names)
		return
	}
	c.find(f.Name, CodeUnknownValue, "%s: there is no %s with %s", c.label(f), f.Kind, what).near(name, names)
}

func (s *Snapshot) names(options psa.Options) []string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.Name
	}
	return names
}

func (c *checker) outOfScope(f layoutField, r *psa.Record, by, choice string) {
	var found *FieldFinding
	if by == f.Name {
		found = c.find(f.Name, CodeOutOfScope, "%s: %q is of level %d, not %d", c.label(f), r.Name(), level(r), f.level)
	} else {
		l := c.s.layout(c.kind)
		chosen := c.s.row(psa.Ref{Kind: l.fields[l.byName[by]].Kind, ID: choice})
		found = c.find(f.Name, CodeOutOfScope, "%s: %q does not go with %s %q", c.label(f), r.Name(), by, chosen.Name())
	}
	found.ID = r.ID
	found.near(r.Name(), c.s.names(c.s.narrowed(f, c.picked)))
}

// custom checks the value of a custom field against its definition.
func (c *checker) custom(f layoutField, v any) {
	switch v := v.(type) {
	case string:
		if f.Type == psa.TypeOption {
			c.option(f, v)
		} else if length := intField(f.custom.Fields, "length", 0); length > 0 && utf8.RuneCountInString(v) > length {
			c.find(f.Name, CodeTooLong, "%s: at most %d characters fit, not %d", c.label(f), length, utf8.RuneCountInString(v))
		}
	case []any:
		for _, e := range v {
			c.option(f, e.(string))
		}
	case json.Number:
		_, fraction, _ := strings.Cut(v.String(), ".")
		if decimals := intField(f.custom.Fields, "decimals", -1); decimals >= 0 && len(fraction) > decimals {
			c.find(f.Name, CodeTooLong, "%s: at most %d decimals fit, not %d", c.label(f), decimals, len(fraction))
		}
	}
}

func (c *checker) option(f layoutField, value string) {
	list, _ := f.custom.Fields["options"].([]any)
	var values []string
	for _, e := range list {
		o := asFields(e)
		if o.String("value") == value {
			if o.Bool("active") == psa.No {
				c.find(f.Name, CodeInactive, "%s: option %q is inactive", c.label(f), value)
			}
			return
		}
		values = append(values, o.String("value"))
	}
	c.find(f.Name, CodeUnknownValue, "%s: there is no option %q", c.label(f), value).near(value, values)
}

// unknown finds what the kind has no field for.
func (c *checker) unknown(l *layout, fields, custom psa.Fields, isFields bool) {
	names := make([]string, 0, len(l.fields))
	for _, f := range l.fields {
		if f.custom == nil {
			names = append(names, f.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := l.byName[name]; ok && !strings.HasPrefix(name, customPrefix) {
			continue
		}
		if name == "custom" {
			if v := fields[name]; v != nil && !isFields {
				c.find(name, CodeWrongType, "custom: an object is wanted, not %s", describe(v))
			}
			continue
		}
		c.find(name, CodeUnknownField, "%s: a %s of this PSA has no such field", name, c.kind).near(name, names)
	}
	for _, id := range slices.Sorted(maps.Keys(custom)) {
		if _, ok := l.byName[customPrefix+id]; !ok {
			c.unknownCustom(l, id)
		}
	}
}

func (c *checker) unknownCustom(l *layout, id string) {
	name := customPrefix + id
	def := c.s.row(psa.Ref{Kind: psa.KindCustomField, ID: id})
	switch {
	case def != nil && !def.Active:
		c.find(name, CodeInactive, "%s (%s): the custom field is inactive", name, def.Name())
	case def != nil:
		c.find(name, CodeOutOfScope, "%s (%s): the custom field belongs to %s", name, def.Name(),
			strings.Join(idList(def.Fields["owners"]), ", "))
	default:
		// A caption in place of the id is the usual mistake.
		var captions []string
		for _, f := range l.fields {
			if f.custom != nil {
				if fold(f.Caption) == fold(id) {
					c.find(name, CodeUnknownField, "%s: custom fields go by id; %q has %s", name, f.Caption, f.custom.ID)
					return
				}
				captions = append(captions, f.Caption)
			}
		}
		c.find(name, CodeUnknownField, "%s: there is no such custom field", name).near(id, captions)
	}
}
