package psa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fields holds canonical values by name. A value is nil (the vendor says
// "none"), bool, string, [json.Number] in canonical form, []any or Fields;
// [Canonical] brings anything else into this form. An absent name is not the
// same as nil: absent means not known. Times are strings in RFC 3339, UTC.
// References are Fields with "id" and "name". Custom fields stand under
// "custom", keyed by the id of their definition.
//
// Fields that have been handed out are shared: do not modify, [Fields.Clone].
type Fields map[string]any

// String returns the string at name, or "" if it is absent or no string.
func (f Fields) String(name string) string {
	s, _ := f[name].(string)
	return s
}

// Bool returns the boolean at name as a [Tri].
func (f Fields) Bool(name string) Tri { return triOf(f[name]) }

// Ref returns the reference at name, or the zero Reference.
func (f Fields) Ref(name string) Reference {
	switch v := f[name].(type) {
	case Fields:
		return Reference{ID: v.String("id"), Name: v.String("name")}
	default:
		return Reference{}
	}
}

// Time returns the time at name, or the zero time.
func (f Fields) Time(name string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, f.String(name))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Float returns the number at name; ok is false if it is absent or no number.
func (f Fields) Float(name string) (v float64, ok bool) {
	n, isNum := f[name].(json.Number)
	if !isNum {
		return 0, false
	}
	v, err := n.Float64()
	return v, err == nil
}

// Lookup returns the value at a dotted path, e.g. "board.name" or
// "custom.16". ok is false where the path leads nowhere; a nil on the way is
// nowhere, a nil at its end is found.
func (f Fields) Lookup(path string) (v any, ok bool) {
	cur := f
	for {
		head, rest, more := strings.Cut(path, ".")
		v, ok = cur[head]
		if !ok || !more {
			return v, ok
		}
		if cur, ok = v.(Fields); !ok {
			return nil, false
		}
		path = rest
	}
}

// Clone returns a deep copy.
func (f Fields) Clone() Fields {
	if f == nil {
		return nil
	}
	c := make(Fields, len(f))
	for k, v := range f {
		c[k] = cloneValue(v)
	}
	return c
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case Fields:
		return v.Clone()
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = cloneValue(v[i])
		}
		return c
	default:
		return v
	}
}

// Equal reports whether f and g hold the same canonical values. Order matters
// in lists; a nil value and an absent name differ.
func (f Fields) Equal(g Fields) bool {
	return maps.EqualFunc(f, g, ValuesEqual)
}

// ValuesEqual reports whether two canonical values are equal.
func ValuesEqual(a, b any) bool {
	switch a := a.(type) {
	case Fields:
		bf, ok := b.(Fields)
		return ok && a.Equal(bf)
	case []any:
		bl, ok := b.([]any)
		return ok && slices.EqualFunc(a, bl, ValuesEqual)
	case nil, bool, string, json.Number:
		return a == b
	default:
		return false
	}
}

// MarshalJSON writes f with sorted names, so that equal Fields give equal bytes.
func (f Fields) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]any(f)) }

// UnmarshalJSON reads the form of MarshalJSON and brings every value into
// canonical form.
func (f *Fields) UnmarshalJSON(b []byte) error {
	if fast, ok := decodeFields(b); ok {
		*f = fast
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	if m == nil {
		*f = nil
		return nil
	}
	v, err := Canonical(m)
	if err != nil {
		return err
	}
	*f = v.(Fields)
	return nil
}

// Canonical brings a value into the form that [Fields] holds: integers and
// floats become json.Number without superfluous digits ("1.0" is "1"),
// time.Time becomes an RFC 3339 string in UTC, maps become Fields. It returns
// an error for what has no canonical form, such as NaN or a struct.
func Canonical(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case json.Number:
		return canonicalNumber(string(v))
	case int:
		return json.Number(strconv.Itoa(v)), nil
	case int32:
		return json.Number(strconv.FormatInt(int64(v), 10)), nil
	case int64:
		return json.Number(strconv.FormatInt(v, 10)), nil
	case uint64:
		return json.Number(strconv.FormatUint(v, 10)), nil
	case float64:
		return canonicalNumber(strconv.FormatFloat(v, 'f', -1, 64))
	case time.Time:
		return FormatTime(v), nil
	case Reference:
		return v.Fields(), nil
	case Fields:
		return canonicalMap(v)
	case map[string]any:
		return canonicalMap(v)
	case []any:
		return canonicalList(v)
	case []string:
		l := make([]any, len(v))
		for i := range v {
			l[i] = v[i]
		}
		return l, nil
	default:
		return nil, fmt.Errorf("psa: a %T has no canonical form", v)
	}
}

func canonicalMap(m map[string]any) (any, error) {
	f := make(Fields, len(m))
	for k, v := range m {
		c, err := Canonical(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		f[k] = c
	}
	return f, nil
}

func canonicalList(l []any) (any, error) {
	c := make([]any, len(l))
	for i := range l {
		v, err := Canonical(l[i])
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		c[i] = v
	}
	return c, nil
}

// maxNumber bounds the digits of a number, so that 1e999999999 stays cheap.
const maxNumber = 400

func canonicalNumber(s string) (any, error) {
	plain := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c != '-' || i != 0) {
			plain = false
			break
		}
	}
	digits := strings.TrimPrefix(s, "-")
	if plain && digits != "" && len(s) <= maxNumber && (digits[0] != '0' || s == "0") {
		return json.Number(s), nil
	}
	return canonicalDecimal(s)
}

func canonicalDecimal(s string) (any, error) {
	if len(s) > maxNumber {
		return nil, fmt.Errorf("psa: a number of %d digits is too long", len(s))
	}
	if _, exp, ok := strings.Cut(strings.ToLower(s), "e"); ok {
		if e, err := strconv.Atoi(exp); err != nil || e > maxNumber || e < -maxNumber {
			return nil, fmt.Errorf("psa: number %q is out of range", s)
		}
	}
	if !json.Valid([]byte(s)) {
		return nil, fmt.Errorf("psa: %q is not a number", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("psa: %q is not a number", s)
	}
	if r.IsInt() {
		return json.Number(r.Num().String()), nil
	}
	n, _ := r.FloatPrec()
	return json.Number(r.FloatString(n)), nil
}

// FormatTime returns t in the canonical form, RFC 3339 in UTC with no more
// fractional digits than needed.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// A Reference points at another row by id and shows its name. Where a vendor
// tells one of them only, the other is "".
type Reference struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// IsZero reports whether the reference points nowhere.
func (r Reference) IsZero() bool { return r == Reference{} }

// Fields returns the reference as it stands in [Fields].
func (r Reference) Fields() Fields {
	f := Fields{}
	if r.ID != "" {
		f["id"] = r.ID
	}
	if r.Name != "" {
		f["name"] = r.Name
	}
	return f
}

// Tri is a boolean that may be unknown: a Halo status does not say whether it
// closes a ticket.
type Tri int8

// The values of a Tri. The zero value is Unknown.
const (
	Unknown Tri = iota
	No
	Yes
)

// String returns "unknown", "no" or "yes".
func (t Tri) String() string {
	switch t {
	case No:
		return "no"
	case Yes:
		return "yes"
	default:
		return "unknown"
	}
}

func triOf(v any) Tri {
	switch v {
	case true:
		return Yes
	case false:
		return No
	default:
		return Unknown
	}
}
