package mapping

import (
	"strconv"

	"github.com/psasync/psasync/psa"
)

// A list reads the elements of a JSON array that fulfil a condition.
type list struct {
	missing
	slot    int
	path    string
	element *plan // what is wanted of an element that is an object
	where   cond
}

// each calls yield for every element that fulfils the condition. An element
// that is no object has no spans.
func (l *list) each(raw []byte, parent psa.Ref, yield func(el *row) (more bool, err error)) error {
	if raw[0] != '[' {
		return bad("got " + got(raw) + ", want a list")
	}
	var buf [24]span
	spans := buf[:]
	if n := len(l.element.paths); n > len(buf) {
		spans = make([]span, n)
	}
	more := true
	r := row{parent: parent}
	return elements(raw, func(i int, el []byte) error {
		if !more {
			return nil
		}
		err := l.one(&r, el, spans, func() (err error) {
			more, err = yield(&r)
			return err
		})
		if err != nil {
			return under(strconv.Itoa(i), err)
		}
		return nil
	})
}

// one scans an element into r and calls yield if it fulfils the condition.
func (l *list) one(r *row, el []byte, spans []span, yield func() error) error {
	r.raw, r.spans = el, nil
	if el[0] == '{' {
		clear(spans)
		r.spans = spans
		if err := l.element.scan(el, spans); err != nil {
			return err
		}
		if ok, err := l.where.holds(r); !ok || err != nil {
			return err
		}
	} else if l.where.terms != nil {
		return bad("got " + got(el) + ", want an object")
	}
	return yield()
}

func (r *row) bare() bool { return r.spans == nil }

// open returns the bytes of the array, or what stands for it.
func (l *list) open(r *row) (raw []byte, v any, ok bool) {
	raw, ok = r.at(l.slot)
	switch {
	case !ok:
		v, ok, _ = l.nowhere()
		return nil, v, ok
	case isNull(raw):
		v, ok, _ = l.null()
		return nil, v, ok
	}
	return raw, nil, true
}

// takeExpr is one value of the first element.
type takeExpr struct {
	list
	take expr
}

func (e *takeExpr) eval(r *row) (any, bool, error) {
	raw, v, ok := e.open(r)
	if raw == nil {
		return v, ok, nil
	}
	found := false
	err := e.each(raw, r.parent, func(el *row) (bool, error) {
		if el.bare() {
			return false, bad("got " + got(el.raw) + ", want an object")
		}
		var err error
		v, found, err = e.take.eval(el)
		return !found, err
	})
	switch {
	case err != nil:
		return nil, false, under(e.path, err)
	case !found || v == nil:
		return e.null()
	}
	return v, true, nil
}

// keyedExpr makes an object of a list: key and value stand in each element.
type keyedExpr struct {
	list
	key, take expr
}

func (e *keyedExpr) eval(r *row) (any, bool, error) {
	raw, v, ok := e.open(r)
	if raw == nil {
		return v, ok, nil
	}
	out := psa.Fields{}
	err := e.each(raw, r.parent, func(el *row) (bool, error) {
		if el.bare() {
			return false, bad("got " + got(el.raw) + ", want an object")
		}
		k, _, err := e.key.eval(el)
		if err != nil {
			return false, err
		}
		key, _ := k.(string)
		if key == "" {
			return false, bad("the element has no key")
		}
		if _, dup := out[key]; dup {
			return false, bad("two elements have one key")
		}
		v, ok, err := e.take.eval(el)
		if ok {
			out[key] = v
		}
		return true, err
	})
	if err != nil {
		return nil, false, under(e.path, err)
	}
	return out, true, nil
}

// eachExpr makes a list of each element's value, or of the elements
// themselves where they are single values.
type eachExpr struct {
	list
	take  expr      // of an object
	plain *pathExpr // of a single value; nil: not allowed
	ref   bool      // single values are ids of references
}

func (e *eachExpr) eval(r *row) (any, bool, error) {
	raw, v, ok := e.open(r)
	if raw == nil {
		return v, ok, nil
	}
	out := []any{}
	err := e.each(raw, r.parent, func(el *row) (bool, error) {
		if !el.bare() {
			v, ok, err := e.take.eval(el)
			if ok && v != nil {
				out = append(out, v)
			}
			return true, err
		}
		if e.plain == nil || isNull(el.raw) {
			return false, bad("got " + got(el.raw) + ", want an object")
		}
		v, err := e.plain.value(el.raw)
		switch {
		case err != nil:
			return false, err
		case v == nil:
		case e.ref:
			out = append(out, psa.Reference{ID: v.(string)}.Fields())
		default:
			out = append(out, v)
		}
		return true, nil
	})
	if err != nil {
		return nil, false, under(e.path, err)
	}
	return out, true, nil
}

// objectExpr makes an object of named values.
type objectExpr struct{ fields []rule }

// A rule fills one name.
type rule struct {
	name string
	expr expr
	at   *node
}

func (e *objectExpr) eval(r *row) (any, bool, error) {
	out := make(psa.Fields, len(e.fields))
	for i := range e.fields {
		f := &e.fields[i]
		v, ok, err := f.expr.eval(r)
		if err != nil {
			return nil, false, err
		}
		if ok {
			out[f.name] = v
		}
	}
	return out, len(out) > 0, nil
}
