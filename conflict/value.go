package conflict

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// A Value is what one side, or the base, tells of a field: nothing (absent, the
// zero Value: not known), null (known to be empty) or a value. Values are
// compared with [Value.Equal], not with ==.
type Value struct {
	v     any
	known bool
}

// Of returns the known value v; Of(nil) is null.
func Of(v any) Value { return Value{v: v, known: true} }

// At returns the value of a name in a map, absent if the map lacks it.
func At[M ~map[string]any](m M, name string) Value {
	v, ok := m[name]
	return Value{v: v, known: ok}
}

// Get returns the value; ok is false if it is absent.
func (v Value) Get() (value any, ok bool) { return v.v, v.known }

// Absent reports whether nothing is known.
func (v Value) Absent() bool { return !v.known }

// Equal reports whether v and w are both absent or hold the same value.
func (v Value) Equal(w Value) bool { return v.known == w.known && Equal(v.v, w.v) }

// MarshalJSON writes the value. An absent value has no JSON form and is an
// error: leave it out with the option omitzero.
func (v Value) MarshalJSON() ([]byte, error) {
	if !v.known {
		return nil, errors.New("conflict: an absent value has no JSON form")
	}
	return json.Marshal(v.v)
}

// UnmarshalJSON reads the form of MarshalJSON. Numbers become json.Number,
// objects map[string]any.
func (v *Value) UnmarshalJSON(b []byte) error {
	var x any
	if err := decode(b, &x); err != nil {
		return err
	}
	*v = Of(x)
	return nil
}

// Values holds values by field name.
type Values map[string]any

// UnmarshalJSON reads an object as [Value.UnmarshalJSON] does.
func (v *Values) UnmarshalJSON(b []byte) error {
	var m map[string]any
	if err := decode(b, &m); err != nil {
		return err
	}
	*v = m
	return nil
}

func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(into)
}

// Equal reports whether two values are the same. The named type of a map does
// not matter: a psa.Fields equals the map[string]any it became on its way
// through a store. Order matters in lists. What is no value of this package is
// compared with reflect.DeepEqual.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case json.Number:
		b, ok := b.(json.Number)
		return ok && a == b
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, Equal)
	}
	am, aok := asMap(a)
	bm, bok := asMap(b)
	if aok && bok {
		return maps.EqualFunc(am, bm, Equal)
	}
	return reflect.DeepEqual(a, b)
}

var (
	mapType    = reflect.TypeFor[map[string]any]()
	stringType = mapType.Key()
	anyType    = mapType.Elem()
)

// asMap sees through the name of a map type. Nothing is copied.
func asMap(v any) (map[string]any, bool) {
	if m, ok := v.(map[string]any); ok {
		return m, true
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Map || t.Key() != stringType || t.Elem() != anyType {
		return nil, false
	}
	var m map[string]any // assigned to, since Value.Convert takes four times as long
	reflect.ValueOf(&m).Elem().Set(reflect.ValueOf(v))
	return m, true
}

// identify appends a form of v that is the same for equal values and differs
// for others. ok is false if v is no value of this package.
func identify(dst []byte, v any) (_ []byte, ok bool) {
	switch v := v.(type) {
	case nil:
		return append(dst, '~'), true
	case bool:
		return strconv.AppendBool(dst, v), true
	case string:
		return strconv.AppendQuote(dst, v), true
	case json.Number:
		return append(append(dst, '#'), v...), true
	case []any:
		dst = append(dst, '[')
		for _, e := range v {
			if dst, ok = identify(dst, e); !ok {
				return nil, false
			}
			dst = append(dst, ',')
		}
		return append(dst, ']'), true
	}
	m, ok := asMap(v)
	if !ok {
		return nil, false
	}
	dst = append(dst, '{')
	for _, k := range slices.Sorted(maps.Keys(m)) {
		dst = append(strconv.AppendQuote(dst, k), ':')
		if dst, ok = identify(dst, m[k]); !ok {
			return nil, false
		}
		dst = append(dst, ',')
	}
	return append(dst, '}'), true
}

// empty reports whether a value says nothing: null, "", a list or map without
// elements.
func empty(v Value) bool {
	switch x := v.v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case []any:
		return len(x) == 0
	}
	m, ok := asMap(v.v)
	return ok && len(m) == 0
}
