package mapping

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A fit brings values into the type of a field of one side.
type fit struct {
	typ  psa.Type // "" where nothing is known of the field
	kind psa.Kind // what a reference refers to
	cat  psa.Catalog
	rows *rowTable // of kind, where the catalog tells
	byID bool
	rec  bool // kind is of records
	side Side
	name string
	// options are what a custom field offers; nil where it offers nothing in
	// particular, or that is not known.
	options []string
	labels  []string // what people call the options; nil where nothing else
}

func (c *kindCompiler) fit(f psa.Field, s Side, byID bool) fit {
	ft := fit{typ: f.Type, kind: f.Kind, cat: c.cfg.catalog(s), rows: c.rows[s].of(f.Kind), rec: f.Kind.IsRecord(), byID: byID, side: s, name: cmp.Or(f.Caption, f.Name)}
	if f.Type == psa.TypeOption {
		ft.options = f.Options
		if len(f.Labels) == len(f.Options) {
			ft.labels = f.Labels
		}
	}
	return ft
}

// passes reports whether a value of the same type from the other side needs no
// work: references and options belong to one system, plain values to none.
func (f *fit) passes() bool {
	return f.options == nil && f.typ != psa.TypeRef && f.typ != psa.TypeRefs && f.typ != psa.TypeIDs && f.typ != psa.TypeObject && f.typ != psa.TypeList
}

// accepts reports whether a value is of the type at all; times are not parsed.
func (f *fit) accepts(v any) bool {
	switch v.(type) {
	case nil:
		return true
	case []any:
		return f.typ == psa.TypeOption || f.typ == ""
	case string:
		return f.typ != psa.TypeNumber && f.typ != psa.TypeBool
	case json.Number:
		return f.typ == psa.TypeNumber || f.typ == ""
	case bool:
		return f.typ == psa.TypeBool || f.typ == ""
	}
	return f.typ == ""
}

// element is the fit of one element of a list.
func (f fit) element() fit {
	switch f.typ {
	case psa.TypeRefs:
		f.typ = psa.TypeRef
	case psa.TypeIDs:
		f.typ = psa.TypeRef
		if f.kind == "" {
			f.typ = psa.TypeString
		}
	case psa.TypeList:
		f.typ = ""
	}
	return f
}

// A trouble is why a value cannot be mapped. Its message names no value of a
// record but texts that stand in a list of choices.
type trouble struct {
	code, msg string
	instead   string // what was written in its place; "": nothing
	err       error  // of a transform
}

// value fits v, which is not nil. from tells how the other side holds it; fresh
// is set for values that the map itself gives.
func (f *fit) value(x *apply, v any, from *fit, scope *fieldPath, fresh bool) (any, *trouble) {
	switch f.typ {
	case psa.TypeRef:
		return f.ref(x, v, from, scope, fresh)
	case psa.TypeRefs, psa.TypeIDs:
		return f.list(x, v, from, scope, fresh)
	case "":
		if r, ok := v.(psa.Fields); ok && from.typ == psa.TypeRef {
			if t, s := refText(r, f.byID || from.byID); s != "" {
				return t, nil
			}
		}
		return v, nil
	case psa.TypeString, psa.TypeText, psa.TypeOption:
		switch t := v.(type) {
		case string:
			return f.text(v, t)
		case psa.Fields:
			if from.typ == psa.TypeRef || from.typ == "" {
				if v, s := refText(t, f.byID || from.byID); s != "" {
					return f.text(v, s)
				}
			}
		case []any:
			if f.typ == psa.TypeOption { // of several selections
				return f.list(x, v, from, scope, fresh)
			}
		case json.Number:
			if fresh {
				return f.text(string(t), string(t))
			}
		}
	case psa.TypeNumber:
		if _, ok := v.(json.Number); ok {
			return v, nil
		}
	case psa.TypeBool:
		if _, ok := v.(bool); ok {
			return v, nil
		}
	case psa.TypeTime, psa.TypeDate:
		if s, ok := v.(string); ok {
			if f.typ == psa.TypeDate && len(s) == len("2006-01-02") {
				_, msg := parseTime(s, true)
				return s, badTime(msg)
			}
			at, msg := parseTime(s, false)
			if f.typ == psa.TypeDate {
				return at.Format("2006-01-02"), badTime(msg)
			}
			if strings.HasSuffix(s, "Z") && msg == "" {
				return s, nil
			}
			return psa.FormatTime(at), badTime(msg)
		}
	case psa.TypeList:
		if _, ok := v.([]any); ok {
			return v, nil
		}
	case psa.TypeObject:
		if _, ok := v.(psa.Fields); ok {
			return v, nil
		}
	default:
		return v, nil
	}
	return nil, f.mismatch(v)
}

// text checks that a custom field with options offers the text s, which v holds.
func (f *fit) text(v any, s string) (any, *trouble) {
	if f.options == nil || slices.Contains(f.options, s) {
		return v, nil
	}
	return nil, &trouble{code: "no-such-option", msg: f.notOffered(s)}
}

func (f *fit) notOffered(option string) string {
	msg := "the " + f.side.String() + " side's field " + quote(f.name) + " has no active option " + quote(option)
	if i := slices.Index(f.labels, option); i >= 0 {
		return msg + ", which is the label of " + quote(f.options[i]) + "; write that"
	}
	if near := nearest(option, f.options); near != "" {
		return msg + "; did you mean " + f.option(near) + "?"
	}
	if near := nearest(option, f.labels); near != "" {
		return msg + "; did you mean " + f.option(f.options[slices.Index(f.labels, near)]) + "?"
	}
	return msg
}

// option shows an option to people, with its label.
func (f *fit) option(value string) string {
	if i := slices.Index(f.options, value); i >= 0 && f.labels != nil && f.labels[i] != "" && f.labels[i] != value {
		return quote(value) + " (" + f.labels[i] + ")"
	}
	return quote(value)
}

func (f *fit) mismatch(v any) *trouble {
	return &trouble{code: "type", msg: "the value is " + typeName(v) + ", and the " + f.side.String() + " field takes a " + string(f.typ)}
}

func badTime(msg string) *trouble {
	if msg == "" {
		return nil
	}
	return &trouble{code: "type", msg: "the value is no time"}
}

// ref makes a reference of this side: by link where rows are records, by name
// or id where they are configuration.
func (f *fit) ref(x *apply, v any, from *fit, scope *fieldPath, fresh bool) (any, *trouble) {
	r, isRef := v.(psa.Fields)
	if isRef && f.rec && !fresh {
		return f.linked(x, r)
	}
	if isRef && f.cat == nil && (f.kind == "" || f.kind == from.kind) && !f.byID {
		if name := r["name"]; len(r) == 1 && name != nil && name != "" {
			return r, nil
		}
		return psa.Reference{Name: r.String("name")}.Fields(), nil
	}
	name, ok := valueText(v, from != nil && from.byID && !fresh)
	if !ok {
		return nil, &trouble{code: "type", msg: "the value is " + typeName(v) + ", and the " + f.side.String() + " field takes a reference"}
	}
	if f.byID {
		return f.identified(name)
	}
	if f.cat == nil || f.kind == "" {
		return psa.Reference{Name: name}.Fields(), nil
	}
	within := ""
	if scope != nil {
		within = x.scopeID(scope)
	}
	if f.rows == nil {
		if ref, ok := f.cat.Find(f.kind, within, name); ok { // a record that the map itself names
			return psa.Fields{"id": ref.ID, "name": name}, nil
		}
	} else if ref, ok := f.rows.find(within, name); ok {
		return ref, nil
	}
	return nil, &trouble{code: "no-such-option", msg: f.noSuchOption(name, within)}
}

func (f *fit) identified(id string) (any, *trouble) {
	if f.rows == nil {
		return psa.Fields{"id": id}, nil
	}
	if ref, ok := f.rows.byID()[id]; ok {
		return ref, nil
	}
	return nil, &trouble{code: "no-such-option", msg: "the " + f.side.String() + " side has no active " + string(f.kind) + " with id " + quote(id)}
}

func (f *fit) noSuchOption(name, scope string) string {
	var names []string
	for _, o := range f.cat.Options(f.kind, scope) {
		names = append(names, o.Name)
	}
	msg := "the " + f.side.String() + " side has no " + string(f.kind) + " " + quote(name)
	if scope != "" {
		of := f.cat.Scopes(f.kind)[0].Kind
		for _, o := range f.cat.Options(of, "") {
			if o.ID == scope {
				scope = quote(o.Name)
			}
		}
		msg += " within " + string(of) + " " + scope
	}
	return msg + didYouMean(name, names)
}

func (f *fit) linked(x *apply, r psa.Fields) (any, *trouble) {
	id := r.String("id")
	if x.link == nil || id == "" {
		return r, nil
	}
	other, ok := x.link(f.kind, id)
	if !ok {
		return nil, &trouble{code: "unlinked", msg: "the " + string(f.kind) + " " + id + " has no counterpart on the " + f.side.String() + " side yet"}
	}
	if name := r["name"]; name != nil && name != "" {
		return psa.Fields{"id": other, "name": name}, nil
	}
	return psa.Fields{"id": other}, nil
}

// list fits the elements of a list one by one.
func (f *fit) list(x *apply, v any, from *fit, scope *fieldPath, fresh bool) (any, *trouble) {
	in, ok := v.([]any)
	if !ok {
		return nil, &trouble{code: "type", msg: "the value is " + typeName(v) + ", and the " + f.side.String() + " field takes a list"}
	}
	one, src := f.element(), fit{}
	if from != nil {
		src = from.element()
	}
	out := make([]any, 0, len(in))
	for _, el := range in {
		v, t := one.value(x, el, &src, scope, fresh)
		if t != nil {
			return nil, t
		}
		out = append(out, f.pack(v))
	}
	return out, nil
}

// pack makes an element of a fitted one: lists of ids hold no references.
func (f *fit) pack(v any) any {
	if r, ok := v.(psa.Fields); ok && f.typ == psa.TypeIDs {
		return r.String("id")
	}
	return v
}
