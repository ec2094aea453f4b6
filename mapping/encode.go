package mapping

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A Change is one value to write to a vendor's row.
type Change struct {
	Path  string // the vendor's key; dotted within an object that is not a reference
	Value any    // as encoding/json writes it; nil clears
}

// Encode turns canonical fields into the vendor's keys and values, sorted by
// path. It is the other direction of Decode for every rule that can go back: a
// path with its values, prefix and unit; references by id; lists; custom
// fields, of which only those given are in the list. A rule with write goes by
// that. The error is [psa.ErrInvalid] and names every field that the layout
// cannot write, or whose value it cannot.
func (k *KindLayout) Encode(fields psa.Fields) ([]Change, error) {
	e := encoder{objects: k.objects}
	var bad []string
	for name, v := range fields {
		i := slices.IndexFunc(k.rules, func(r rule) bool { return r.name == name })
		err := errNotWritten
		if i >= 0 {
			err = e.write(k.rules[i].expr, v)
		}
		if err != nil {
			bad = append(bad, name+": "+err.Error())
		}
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return nil, &psa.Error{Provider: k.provider, Op: "encode " + string(k.kind), Code: psa.ErrInvalid, Detail: strings.Join(bad, "; ")}
	}
	slices.SortFunc(e.out, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(e.out); i++ {
		if e.out[i].Path == e.out[i-1].Path && !psa.ValuesEqual(wire(e.out[i].Value), wire(e.out[i-1].Value)) {
			return nil, &psa.Error{Provider: k.provider, Op: "encode " + string(k.kind), Code: psa.ErrInvalid, Detail: e.out[i].Path + ": two fields want different values"}
		}
	}
	return slices.CompactFunc(e.out, func(a, b Change) bool { return a.Path == b.Path }), nil
}

// Writable returns the canonical fields that Encode can write, sorted.
func (k *KindLayout) Writable() []string {
	var names []string
	for _, r := range k.rules {
		if f, ok := psa.FieldOf(k.kind, r.name); writable(r.expr) && (!ok || !f.ReadOnly) {
			names = append(names, r.name)
		}
	}
	slices.Sort(names)
	return names
}

// Body makes a JSON object of changes: what a vendor takes that does not patch
// path by path.
func Body(changes []Change) map[string]any {
	body := map[string]any{}
	for _, c := range changes {
		at := body
		keys := strings.Split(c.Path, ".")
		for _, key := range keys[:len(keys)-1] {
			next, ok := at[key].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[key] = next
			}
			at = next
		}
		at[keys[len(keys)-1]] = c.Value
	}
	return body
}

// wire makes a value comparable.
func wire(v any) any {
	c, err := psa.Canonical(v)
	if err != nil {
		return v
	}
	return c
}

var errNotWritten = bad("cannot be written")

type encoder struct {
	out     []Change
	objects bool // references are written as {"id": 5}, not as 5
}

func (e *encoder) put(path string, v any) { e.out = append(e.out, Change{path, v}) }

func writable(x expr) bool {
	switch x := x.(type) {
	case *pathExpr:
		return true
	case *refExpr:
		return x.whole >= 0 || simple(x.id) || x.id == nil && simple(x.name)
	case firstExpr:
		return simple(x.of[0])
	case *keyedExpr:
		return simple(x.key) && simple(x.take)
	case *eachExpr:
		return x.where.terms == nil && elementWritable(x.take)
	case *objectExpr:
		return !slices.ContainsFunc(x.fields, func(r rule) bool { return !writable(r.expr) })
	case *singleExpr:
		return writable(x.of)
	case *writeExpr:
		return true
	}
	return false
}

func simple(x expr) bool {
	_, ok := x.(*pathExpr)
	return ok
}

func elementWritable(x expr) bool {
	if _, ok := x.(*refExpr); ok {
		return true
	}
	return writable(x)
}

func (e *encoder) write(x expr, v any) error {
	if !writable(x) {
		return errNotWritten
	}
	switch x := x.(type) {
	case *pathExpr:
		w, err := x.back(v)
		if err == nil {
			e.put(x.path, w)
		}
		return err
	case *refExpr:
		return e.ref(x, v)
	case firstExpr:
		return e.write(x.of[0], v)
	case *keyedExpr:
		return e.keyed(x, v)
	case *eachExpr:
		return e.each(x, v)
	case *singleExpr:
		return e.single(x, v)
	case *objectExpr:
		return e.object(x, v)
	case *writeExpr:
		return e.table(x, v)
	}
	return errNotWritten
}

// back is the reverse of value.
func (x *pathExpr) back(v any) (any, error) {
	if v == nil {
		return x.clear, nil
	}
	if x.values != nil {
		text, ok := plainText(v)
		if w, found := x.reverse[text]; ok && found {
			return w, nil
		}
		return nil, bad("a value that the vendor has no word for")
	}
	switch t := v.(type) {
	case bool:
		if x.typ == psa.TypeBool || x.typ == "any" {
			return t != x.negate, nil
		}
	case json.Number:
		if x.factor != nil {
			return scale(t, new(big.Rat).Inv(x.factor)), nil
		}
		if x.typ == psa.TypeNumber || x.typ == "any" {
			return t, nil
		}
	case string:
		if x.typ == psa.TypeBool || x.typ == psa.TypeNumber {
			break
		}
		s, ok := strings.CutPrefix(t, x.prefix)
		switch {
		case !ok:
			return nil, bad("the value lacks the prefix " + quote(x.prefix))
		case x.id:
			return wireID(s), nil
		}
		return s, nil
	default:
		if x.typ == "any" {
			return v, nil
		}
	}
	return nil, bad("got " + typeName(v) + ", want a " + string(x.typ))
}

// wireID writes an id as a number where it is one: some vendors refuse texts.
func wireID(id string) any {
	if plainInt.MatchString(id) && len(id) < 19 && id != "-0" {
		return json.Number(id)
	}
	return id
}

func (e *encoder) ref(x *refExpr, v any) error {
	r, ok := v.(psa.Fields)
	if v != nil && !ok {
		return bad("got " + typeName(v) + ", want a reference")
	}
	if x.whole >= 0 {
		w, err := e.id(x.bare, r, v)
		if err == nil {
			e.put(x.path, w)
		}
		return err
	}
	id, _ := x.id.(*pathExpr)
	name, _ := x.name.(*pathExpr)
	switch {
	case id != nil && (v == nil || r.String("id") != ""):
		w, err := id.back(nilOr(v, r["id"]))
		if err != nil {
			return err
		}
		if head, ok := strings.CutSuffix(id.path, ".id"); ok {
			if w != nil {
				w = map[string]any{"id": w}
			}
			e.put(head, w)
			return nil
		}
		e.put(id.path, w)
	case name != nil && (v == nil || r.String("name") != ""):
		w, err := name.back(nilOr(v, r["name"]))
		if err != nil {
			return err
		}
		e.put(name.path, w)
	default:
		return bad("the reference has no id")
	}
	return nil
}

func nilOr(v, of any) any {
	if v == nil {
		return nil
	}
	return of
}

// id writes a reference that stands at one path.
func (e *encoder) id(x *pathExpr, r psa.Fields, v any) (any, error) {
	if v == nil {
		return x.clear, nil
	}
	if r.String("id") == "" {
		return nil, bad("the reference has no id")
	}
	w, err := x.back(r["id"])
	if err == nil && e.objects {
		w = map[string]any{"id": w}
	}
	return w, err
}

func (e *encoder) keyed(x *keyedExpr, v any) error {
	f, ok := v.(psa.Fields)
	if !ok {
		return bad("got " + typeName(v) + ", want an object")
	}
	key, take := x.key.(*pathExpr), x.take.(*pathExpr)
	list := []any{}
	for _, name := range sortedNames(f) {
		id, err := key.back(name)
		if err != nil {
			return err
		}
		w, err := take.back(f[name])
		if err != nil {
			return under(name, err)
		}
		list = append(list, map[string]any{key.path: id, take.path: w})
	}
	e.put(x.path, list)
	return nil
}

func sortedNames(f psa.Fields) []string {
	names := make([]string, 0, len(f))
	for n := range f {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (e *encoder) each(x *eachExpr, v any) error {
	if v == nil {
		e.put(x.path, nil)
		return nil
	}
	in, ok := v.([]any)
	if !ok {
		return bad("got " + typeName(v) + ", want a list")
	}
	list := make([]any, 0, len(in))
	for _, el := range in {
		w, err := e.element(x, el)
		if err != nil {
			return err
		}
		list = append(list, w)
	}
	e.put(x.path, list)
	return nil
}

func (e *encoder) element(x *eachExpr, el any) (any, error) {
	if x.plain != nil && !x.ref {
		return x.plain.back(el)
	}
	if r, ok := el.(psa.Fields); ok && x.plain != nil {
		return e.id(x.plain, r, el)
	}
	inner := encoder{objects: e.objects}
	if err := inner.write(x.take, el); err != nil {
		return nil, err
	}
	return Body(inner.out), nil
}

func (e *encoder) object(x *objectExpr, v any) error {
	f, ok := v.(psa.Fields)
	if v != nil && !ok {
		return bad("got " + typeName(v) + ", want an object")
	}
	for _, r := range x.fields {
		w, there := f[r.name]
		if v != nil && !there {
			continue
		}
		if err := e.write(r.expr, w); err != nil {
			return under(r.name, err)
		}
	}
	for name := range f {
		if !slices.ContainsFunc(x.fields, func(r rule) bool { return r.name == name }) {
			return under(name, errNotWritten)
		}
	}
	return nil
}

// A writeExpr is an expression with a table that says what to write for each
// of its values.
type writeExpr struct {
	expr
	values map[string][]Change
}

func (e *encoder) table(x *writeExpr, v any) error {
	text, _ := plainText(v)
	changes, ok := x.values[text]
	if !ok {
		return bad("a value that write does not list")
	}
	e.out = append(e.out, changes...)
	return nil
}
