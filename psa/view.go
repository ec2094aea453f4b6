package psa

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Row is what every typed view has in common.
type Row struct {
	Ref
	Parent  Ref
	Active  bool
	Updated time.Time
}

// As decodes a record into the typed view of its kind, e.g. As[psa.Status].
// Absent and nil fields leave zero values. The error is [ErrData] if the
// record is of another kind or a field has another type than its schema says.
func As[V any](r Record) (V, error) {
	var v V
	want, ok := views[r.Kind]
	if t := reflect.TypeFor[V](); !ok || reflect.TypeOf(want) != t {
		return v, &Error{Op: "view", Ref: r.Ref, Code: ErrData, Detail: fmt.Sprintf("a %s is no %s", r.Kind, t)}
	}
	rv := reflect.ValueOf(&v).Elem()
	rv.FieldByName("Row").Set(reflect.ValueOf(Row{Ref: r.Ref, Parent: r.Parent, Active: r.Active, Updated: r.Updated}))
	if err := decodeStruct(rv, r.Fields); err != nil {
		return v, &Error{Op: "view", Ref: r.Ref, Code: ErrData, Err: err}
	}
	return v, nil
}

func decodeStruct(rv reflect.Value, f Fields) error {
	t := rv.Type()
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("psa")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(tag, ",")
		v, ok := f[name]
		if !ok || v == nil {
			continue
		}
		if err := decodeValue(rv.Field(i), v); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func decodeValue(dst reflect.Value, v any) error {
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		return decodeValue(dst.Elem(), v)
	}
	switch dst.Type() {
	case triType:
		if b, ok := v.(bool); ok {
			dst.SetInt(int64(triOf(b)))
			return nil
		}
	case timeType:
		if s, ok := v.(string); ok {
			t, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				return fmt.Errorf("%q is no time", s)
			}
			dst.Set(reflect.ValueOf(t.UTC()))
			return nil
		}
	case reflect.TypeFor[Fields]():
		if f, ok := v.(Fields); ok {
			dst.Set(reflect.ValueOf(f))
			return nil
		}
	case refType:
		if f, ok := v.(Fields); ok {
			dst.Set(reflect.ValueOf(Reference{ID: f.String("id"), Name: f.String("name")}))
			return nil
		}
	default:
		return decodePlain(dst, v)
	}
	return fmt.Errorf("got %T, want %s", v, dst.Type())
}

func decodePlain(dst reflect.Value, v any) error {
	switch v := v.(type) {
	case string:
		if dst.Kind() == reflect.String {
			dst.SetString(v)
			return nil
		}
	case bool:
		if dst.Kind() == reflect.Bool {
			dst.SetBool(v)
			return nil
		}
	case json.Number:
		switch dst.Kind() {
		case reflect.Int:
			n, err := v.Int64()
			dst.SetInt(n)
			return err
		case reflect.Float64:
			n, err := v.Float64()
			dst.SetFloat(n)
			return err
		}
	case Fields:
		if dst.Kind() == reflect.Struct {
			return decodeStruct(dst, v)
		}
	case []any:
		if dst.Kind() == reflect.Slice {
			s := reflect.MakeSlice(dst.Type(), len(v), len(v))
			for i := range v {
				if err := decodeValue(s.Index(i), v[i]); err != nil {
					return fmt.Errorf("[%d]: %w", i, err)
				}
			}
			dst.Set(s)
			return nil
		}
	}
	return fmt.Errorf("got %T, want %s", v, dst.Type())
}
