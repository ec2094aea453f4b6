package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
)

// Row is one row of a table: a stored object or a virtual row not made yet.
type Row struct {
	ID     int
	fields map[string]any
	virt   *Virtual
}

// NewRow wraps an object that is not in a table, such as a computed row.
func NewRow(id int, fields map[string]any) Row { return Row{ID: id, fields: fields} }

// Virtual returns the bytes of a virtual row; ok is false for a stored one.
func (r Row) Virtual() (raw []byte, ok bool) {
	if r.virt == nil {
		return nil, false
	}
	return r.virt.JSON(r.ID - r.virt.First), true
}

// Fields returns the object. It must not be changed: use [Clone].
func (r Row) Fields() map[string]any {
	if r.virt == nil {
		return r.fields
	}
	raw, _ := r.Virtual()
	obj, err := Decode(raw)
	if err != nil {
		// The generator is code of this module; a bad row is a bug in it.
		panic(fmt.Sprintf("simulator: virtual row %d: %v", r.ID, err))
	}
	m, _ := obj.(map[string]any)
	return m
}

// Field returns one top-level field, nil if absent.
func (r Row) Field(name string) any {
	if r.virt == nil {
		return r.fields[name]
	}
	if name == "id" {
		return r.ID
	}
	if r.virt.Field != nil {
		if v, ok := r.virt.Field(r.ID-r.virt.First, name); ok {
			return v
		}
	}
	return r.Fields()[name]
}

// Clone copies a JSON value deeply.
func Clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return CloneObject(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Clone(e)
		}
		return out
	}
	return v
}

// CloneObject copies a JSON object deeply.
func CloneObject(m map[string]any) map[string]any {
	out := maps.Clone(m)
	for k, v := range out {
		switch v.(type) {
		case map[string]any, []any:
			out[k] = Clone(v)
		}
	}
	return out
}

// Decode reads exactly one JSON value: objects as map[string]any, arrays as
// []any, whole numbers that fit as int, others as float64.
func Decode(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("decode: trailing data after the value")
	}
	return Normalise(v), nil
}

// Normalise turns the number types of Go and of encoding/json into int and
// float64 and copies nested maps and slices, so that callers may write
// map[string]any literals with any integer type.
func Normalise(v any) any {
	switch v := v.(type) {
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			if n, err := strconv.Atoi(string(v)); err == nil {
				return n
			}
		}
		f, err := v.Float64()
		if err != nil {
			return string(v)
		}
		return f
	case int32:
		return int(v)
	case int64:
		return int(v)
	case float32:
		return float64(v)
	case []int:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = e
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = e
		}
		return out
	case []map[string]any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Normalise(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Normalise(e)
		}
		return out
	case map[string]string:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = e
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = Normalise(e)
		}
		return out
	}
	return v
}

// Quick is [Row.Field], but nil for a virtual row that would have to be made
// to answer.
func (r Row) Quick(name string) any {
	if r.virt == nil {
		return r.fields[name]
	}
	if r.virt.Field == nil {
		return nil
	}
	v, _ := r.virt.Field(r.ID-r.virt.First, name)
	return v
}
