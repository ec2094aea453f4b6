package mapping

import (
	"encoding/json"
	"math/big"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A row is one scanned JSON object, or one element of a list in it.
type row struct {
	raw    []byte
	spans  []span
	parent psa.Ref
}

func (r *row) at(slot int) (raw []byte, ok bool) {
	s := r.spans[slot]
	return r.raw[s.start:s.end], s.end != 0
}

// An expr yields a value of a row. ok is false where the row says nothing;
// a nil value is the vendor's "none".
type expr interface {
	eval(r *row) (v any, ok bool, err error)
}

// A missing says what stands for values that are not there.
type missing struct {
	absent    any // where the path is absent
	hasAbsent bool
	none      any // where it is absent, null, or one of the none texts
	hasNone   bool
}

func (m *missing) nowhere() (any, bool, error) {
	if m.hasAbsent {
		return m.absent, true, nil
	}
	return m.none, m.hasNone, nil
}

func (m *missing) null() (any, bool, error) { return m.none, true, nil }

// pathExpr reads a scalar.
type pathExpr struct {
	missing
	slot    int
	path    string
	typ     psa.Type
	id      bool // the text of an id
	negate  bool
	trim    bool
	prefix  string
	values  map[string]any // by the scalar's text; nil: none
	other   any            // for values that are not listed
	hasElse bool
	nones   map[string]bool
	factor  *big.Rat
	times   times
	reverse map[string]any // of values, for writing
	clear   any            // what is written for null
}

func (e *pathExpr) eval(r *row) (any, bool, error) {
	raw, ok := r.at(e.slot)
	if !ok {
		return e.nowhere()
	}
	if isNull(raw) {
		return e.null()
	}
	v, err := e.value(raw)
	if err != nil {
		return nil, false, under(e.path, err)
	}
	if v == nil {
		return e.null()
	}
	return v, true, nil
}

func (e *pathExpr) value(raw []byte) (any, error) {
	if e.values != nil || e.nones != nil {
		s, err := scalarText(raw)
		if err != nil {
			return nil, err
		}
		if e.nones[s] {
			return nil, nil
		}
		if v, ok := e.values[s]; ok {
			return v, nil
		}
		if e.hasElse {
			return e.other, nil
		}
		if e.values != nil {
			return nil, bad("a value the layout does not list")
		}
	}
	if e.id {
		s, err := idText(raw)
		if err != nil || s == "" {
			return nil, err
		}
		return e.prefix + s, nil
	}
	v, err := convert(raw, e.typ, e.times)
	if err != nil {
		return nil, err
	}
	switch t := v.(type) {
	case bool:
		return t != e.negate, nil
	case string:
		if !e.trim && e.prefix == "" {
			return v, nil // the box that there is
		}
		if e.trim {
			t = strings.Trim(t, " \t\r\n\x00")
		}
		return e.prefix + t, nil
	case json.Number:
		if e.factor != nil {
			return scale(t, e.factor), nil
		}
	}
	return v, nil
}

// scale multiplies exactly, or to 9 decimals where there is no exact decimal.
func scale(n json.Number, by *big.Rat) json.Number {
	r, _ := new(big.Rat).SetString(string(n)) // canonical numbers parse
	r.Mul(r, by)
	digits, exact := r.FloatPrec()
	if !exact {
		digits = 9
	}
	return decimal(r, digits)
}

type constExpr struct{ v any }

func (e constExpr) eval(*row) (any, bool, error) { return e.v, true, nil }

// parentExpr is the row's parent, as it was listed.
type parentExpr struct{ id bool }

func (e parentExpr) eval(r *row) (any, bool, error) {
	switch {
	case r.parent.IsZero():
		return nil, false, nil
	case e.id:
		return r.parent.ID, true, nil
	}
	return psa.Reference{ID: r.parent.ID}.Fields(), true, nil
}

// joinExpr joins the texts that are there.
type joinExpr struct {
	missing
	parts []expr
	with  string
	all   bool // every part must be there
}

func (e *joinExpr) eval(r *row) (any, bool, error) {
	texts := make([]string, 0, len(e.parts))
	any := false
	for _, p := range e.parts {
		v, ok, err := p.eval(r)
		if err != nil {
			return nil, false, err
		}
		any = any || ok
		if s, _ := v.(string); s != "" {
			texts = append(texts, s)
		} else if e.all {
			return nil, any, nil
		}
	}
	switch {
	case !any:
		return e.nowhere()
	case len(texts) == 0:
		return e.null()
	}
	return strings.Join(texts, e.with), true, nil
}

// firstExpr is the first value there is, or nil if the vendor says so.
type firstExpr struct{ of []expr }

func (e firstExpr) eval(r *row) (any, bool, error) {
	found := false
	for _, x := range e.of {
		v, ok, err := x.eval(r)
		if err != nil || ok && v != nil {
			return v, ok, err
		}
		found = found || ok
	}
	return nil, found, nil
}

// whenExpr is then where the condition holds, and nowhere otherwise.
type whenExpr struct {
	cond cond
	then expr
}

func (e whenExpr) eval(r *row) (any, bool, error) {
	if ok, err := e.cond.holds(r); !ok || err != nil {
		return nil, false, err
	}
	return e.then.eval(r)
}

// A cond holds where all of its terms do.
type cond struct{ terms []term }

type term struct {
	slot int
	path string
	not  bool
	is   []any // canonical scalars; nil stands for null and absent
}

func (c cond) holds(r *row) (bool, error) {
	for _, t := range c.terms {
		ok, err := t.holds(r)
		if err != nil {
			return false, under(t.path, err)
		}
		if ok == t.not {
			return false, nil
		}
	}
	return true, nil
}

func (t *term) holds(r *row) (bool, error) {
	raw, there := r.at(t.slot)
	if there = there && !isNull(raw); there && (raw[0] == '{' || raw[0] == '[') {
		return false, bad("got " + got(raw) + ", want a single value")
	}
	for _, want := range t.is {
		if !there || want == nil {
			if !there && want == nil {
				return true, nil
			}
			continue
		}
		typ := psa.TypeString
		switch want.(type) {
		case bool:
			typ = psa.TypeBool
		case json.Number:
			typ = psa.TypeNumber
		case string:
			if raw[0] != '"' { // "5" is 5, "true" is true
				if s, err := scalarText(raw); err == nil && s == want {
					return true, nil
				}
				continue
			}
		}
		if v, err := convert(raw, typ, times{}); err == nil && v == want {
			return true, nil
		}
	}
	return false, nil
}

// refExpr is a reference. Its whole stands at one path, as an object with id
// and name or as a bare id, or id and name stand apart.
type refExpr struct {
	missing
	whole    int // slot, or -1
	path     string
	id, name expr
	bare     *pathExpr // how a bare id is read
}

func (e *refExpr) eval(r *row) (any, bool, error) {
	if e.whole >= 0 {
		raw, ok := r.at(e.whole)
		if !ok {
			return e.nowhere()
		}
		switch raw[0] {
		case 'n':
			return e.null()
		case '{':
		default:
			v, err := e.bare.value(raw)
			if err != nil {
				return nil, false, under(e.path, err)
			}
			if v == nil || v == "" {
				return e.null()
			}
			return psa.Fields{"id": v}, true, nil
		}
	}
	out := make(psa.Fields, 2)
	there := false
	if e.id != nil {
		v, ok, err := e.id.eval(r)
		if err != nil {
			return nil, false, err
		}
		if ok && (v == nil || v == "") {
			return e.null()
		}
		if there = ok; ok {
			out["id"] = v
		}
	}
	if e.name != nil {
		v, ok, err := e.name.eval(r)
		if err != nil {
			return nil, false, err
		}
		there = there || ok
		if v != nil && v != "" {
			out["name"] = v
		}
	}
	if !there {
		return e.nowhere()
	}
	if len(out) == 0 {
		return e.null()
	}
	return out, true, nil
}
