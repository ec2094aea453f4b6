package resync

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// A Change is one field that differs between two versions of a row.
type Change struct {
	// Field is a canonical name, dotted below it: "name", "custom.16",
	// "options.3.value". The marks of a row itself are "(active)" and
	// "(parent)".
	Field string `json:"field"`
	Old   Value  `json:"old,omitzero"`
	New   Value  `json:"new,omitzero"`
}

// A Value is a canonical value, or the zero Value where the field was absent.
type Value struct {
	Known bool // false: the field was absent, which is not the same as nil
	V     any  // see psa.Fields
}

// IsZero reports whether the field was absent.
func (v Value) IsZero() bool { return !v.Known }

// MarshalJSON writes the canonical value; an absent field is left out of its
// Change.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.V) }

// UnmarshalJSON reads the form of MarshalJSON.
func (v *Value) UnmarshalJSON(b []byte) error {
	var f psa.Fields
	if err := json.Unmarshal(slices.Concat([]byte(`{"v":`), b, []byte(`}`)), &f); err != nil {
		return err
	}
	*v = Value{Known: true, V: f["v"]}
	return nil
}

// The marks of a row that are no canonical fields.
const (
	fieldActive = "(active)"
	fieldParent = "(parent)"
)

// sameRow reports whether two versions of a row mean the same, whatever bytes
// they came from. Stamps do not count: vendors move them for reads and logins.
func sameRow(a, b psa.Record) bool {
	return a.Active == b.Active && a.Parent == b.Parent && a.Fields.Equal(b.Fields)
}

// diff lists what differs between two versions of a row, by field name.
func diff(old, new psa.Record) []Change {
	var out []Change
	if old.Active != new.Active {
		out = append(out, Change{fieldActive, known(old.Active), known(new.Active)})
	}
	if old.Parent != new.Parent {
		out = append(out, Change{fieldParent, known(old.Parent.String()), known(new.Parent.String())})
	}
	return diffFields(out, "", old.Fields, new.Fields)
}

func known(v any) Value { return Value{Known: true, V: v} }

func diffFields(out []Change, prefix string, old, new psa.Fields) []Change {
	names := slices.Collect(maps.Keys(old))
	for name := range new {
		if _, ok := old[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		o, hadOld := old[name]
		n, hasNew := new[name]
		out = diffValue(out, prefix+name, Value{hadOld, o}, Value{hasNew, n})
	}
	return out
}

// diffValue goes into objects and into lists of identified objects, so that a
// new option of a custom field is one line; references are compared as a whole.
func diffValue(out []Change, path string, old, new Value) []Change {
	if old.Known == new.Known && psa.ValuesEqual(old.V, new.V) {
		return out
	}
	of, ok1 := old.V.(psa.Fields)
	nf, ok2 := new.V.(psa.Fields)
	if ok1 && ok2 && !isRef(of) && !isRef(nf) {
		return diffFields(out, path+".", of, nf)
	}
	ol, ok1 := identified(old.V)
	nl, ok2 := identified(new.V)
	if !ok1 || !ok2 {
		return append(out, Change{path, old, new})
	}
	before := len(out)
	out = diffFields(out, path+".", ol.byID, nl.byID)
	if len(out) == before { // the same options in another order
		out = append(out, Change{path, known(ol.ids), known(nl.ids)})
	}
	return out
}

func isRef(f psa.Fields) bool {
	_, ok := f["id"]
	return ok
}

// list is a list of objects that each have an id of their own.
type list struct {
	ids  []any
	byID psa.Fields
}

// identified returns v as a list of objects with different ids. ok is false if
// it is anything else, or empty.
func identified(v any) (l list, ok bool) {
	items, _ := v.([]any)
	l.byID = make(psa.Fields, len(items))
	for _, item := range items {
		f, isFields := item.(psa.Fields)
		if !isFields {
			return l, false
		}
		id := f.String("id")
		if n, isNumber := f["id"].(json.Number); isNumber {
			id = n.String()
		}
		if _, twice := l.byID[id]; twice || id == "" {
			return l, false
		}
		// Without its id the object is no reference, and is compared by field.
		rest := maps.Clone(f)
		delete(rest, "id")
		l.ids = append(l.ids, id)
		l.byID[id] = rest
	}
	return l, len(items) > 0
}

// format writes a value for people: bounded, on one line, and without
// characters that a terminal or a page would act on.
func format(v Value) string {
	if !v.Known {
		return "(absent)"
	}
	if f, ok := v.V.(psa.Fields); ok && isRef(f) {
		return formatRef(f.String("id"), f.String("name"))
	}
	return text.Value(v.V)
}

func formatRef(id, name string) string {
	if name == "" {
		return "#" + text.Clip(id)
	}
	return text.Quote(name) + " #" + text.Clip(id)
}
