package mapping

import (
	"reflect"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// inner returns the fields within a field that holds objects or a list of
// them. open is true where any name may stand.
func inner(f psa.Field) (fields []psa.Field, open bool) {
	switch f.Name {
	case "address":
		return viewFields(reflect.TypeFor[psa.Address]()), false
	case "communications":
		return viewFields(reflect.TypeFor[psa.Communication]()), false
	case "options":
		return viewFields(reflect.TypeFor[psa.CustomFieldOption]()), false
	}
	return nil, true
}

// viewFields reads the tags of a view's inner struct, as psa.Schema does for a
// whole view.
func viewFields(t reflect.Type) []psa.Field {
	fields := make([]psa.Field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		opts := strings.Split(f.Tag.Get("psa"), ",")
		field := psa.Field{Name: opts[0], Type: psa.TypeString}
		switch {
		case f.Type == reflect.TypeFor[psa.Reference]():
			field.Type = psa.TypeRef
		case f.Type.Kind() == reflect.Bool:
			field.Type = psa.TypeBool
		case f.Type.Kind() == reflect.Int, f.Type.Kind() == reflect.Float64:
			field.Type = psa.TypeNumber
		}
		for _, o := range opts[1:] {
			if k, ok := strings.CutPrefix(o, "kind="); ok {
				field.Kind = psa.Kind(k)
			}
		}
		fields = append(fields, field)
	}
	return fields
}

func fieldNames(fields []psa.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

func findField(fields []psa.Field, name string) (psa.Field, bool) {
	i := slices.IndexFunc(fields, func(f psa.Field) bool { return f.Name == name })
	if i < 0 {
		return psa.Field{}, false
	}
	return fields[i], true
}
