package psa

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// decodeFields reads an object in the very form that [Fields.MarshalJSON]
// writes. ok is false for anything else, valid or not: white space, numbers
// that are not canonical, text that is no UTF-8, a null. It exists because a
// store decodes all of its rows when it is opened; this takes a third of what
// encoding/json and Canonical take. All strings share one copy of the text.
func decodeFields(b []byte) (f Fields, ok bool) {
	if !utf8.Valid(b) {
		return nil, false
	}
	d := fieldsDecoder{s: string(b)}
	if !d.skip('{') {
		return nil, false
	}
	f, ok = d.object(0)
	return f, ok && d.i == len(d.s)
}

// maxFast bounds the depth that decodeFields goes into.
const maxFast = 64

type fieldsDecoder struct {
	s string
	i int
}

// skip consumes one byte if it is next.
func (d *fieldsDecoder) skip(c byte) bool {
	if d.i < len(d.s) && d.s[d.i] == c {
		d.i++
		return true
	}
	return false
}

func (d *fieldsDecoder) word(w string) bool {
	if strings.HasPrefix(d.s[d.i:], w) {
		d.i += len(w)
		return true
	}
	return false
}

func (d *fieldsDecoder) value(depth int) (v any, ok bool) {
	if d.i == len(d.s) || depth > maxFast {
		return nil, false
	}
	switch c := d.s[d.i]; c {
	case '"':
		d.i++
		return asAny(d.text())
	case '{':
		d.i++
		return asAny(d.object(depth))
	case '[':
		d.i++
		return asAny(d.list(depth))
	case 't':
		return true, d.word("true")
	case 'f':
		return false, d.word("false")
	case 'n':
		return nil, d.word("null")
	}
	return asAny(d.number())
}

func asAny[T any](v T, ok bool) (any, bool) { return v, ok }

// object reads on after its brace.
func (d *fieldsDecoder) object(depth int) (Fields, bool) {
	f := Fields{}
	if d.skip('}') {
		return f, true
	}
	for {
		if !d.skip('"') {
			return nil, false
		}
		name, ok := d.text()
		if !ok || !d.skip(':') {
			return nil, false
		}
		if f[name], ok = d.value(depth + 1); !ok {
			return nil, false
		}
		if !d.skip(',') {
			return f, d.skip('}')
		}
	}
}

// list reads on after its bracket.
func (d *fieldsDecoder) list(depth int) ([]any, bool) {
	l := []any{}
	if d.skip(']') {
		return l, true
	}
	for {
		v, ok := d.value(depth + 1)
		if !ok {
			return nil, false
		}
		l = append(l, v)
		if !d.skip(',') {
			return l, d.skip(']')
		}
	}
}

// text reads on after the opening quote. Escapes are rare enough to be left to
// encoding/json.
func (d *fieldsDecoder) text() (string, bool) {
	begin, escaped := d.i, false
	for d.i < len(d.s) {
		switch c := d.s[d.i]; {
		case c == '"':
			d.i++
			if escaped {
				return unescape(d.s[begin-1 : d.i])
			}
			return d.s[begin : d.i-1], true
		case c == '\\':
			escaped = true
			d.i++ // whatever follows ends no string
		case c < ' ':
			return "", false
		}
		d.i++
	}
	return "", false
}

func unescape(quoted string) (s string, ok bool) {
	err := json.Unmarshal([]byte(quoted), &s)
	return s, err == nil
}

// number reads digits with a sign and a point; what else a JSON number may
// hold is not canonical.
func (d *fieldsDecoder) number() (json.Number, bool) {
	begin := d.i
	for d.i < len(d.s) {
		if c := d.s[d.i]; (c < '0' || c > '9') && c != '-' && c != '.' {
			break
		}
		d.i++
	}
	n := d.s[begin:d.i]
	return json.Number(n), isCanonical(n)
}

// isCanonical reports whether a number is what canonicalNumber makes of it.
func isCanonical(n string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(n, "-"), ".")
	switch {
	case len(n) > maxNumber, !isDigits(whole), len(whole) > 1 && whole[0] == '0':
		return false
	case point:
		return isDigits(fraction) && fraction[len(fraction)-1] != '0'
	}
	return n != "-0"
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
