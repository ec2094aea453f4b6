package mapping

import "github.com/psasync/psasync/psa"

// A singleExpr is a list of one element at most, where a vendor has one value.
type singleExpr struct{ of expr }

// single compiles {path: p, single: true} for a list of references or ids.
func (s *scope) single(at, n *node, f psa.Field) expr {
	bare := *n
	bare.keys, bare.items = nil, nil
	for i, k := range n.keys {
		if k.text != "single" {
			bare.keys, bare.items = append(bare.keys, k), append(bare.items, n.items[i])
		}
	}
	if v := n.get("single"); v.kind != nodeBool || v.text != "true" {
		s.p.at(v, "value", "single is %s; write true, or leave it out", describe(v))
		return nil
	}
	if f.Type == psa.TypeRefs {
		if x := s.ref(at, &bare, psa.Field{Name: f.Name, Type: psa.TypeRef, Kind: f.Kind}); x != nil {
			return &singleExpr{x}
		}
		return nil
	}
	if x := s.idExpr(&bare, f.Name); x != nil {
		return &singleExpr{x}
	}
	return nil
}

// eval makes the empty list of null: the vendor says that there is none.
func (e *singleExpr) eval(r *row) (any, bool, error) {
	v, ok, err := e.of.eval(r)
	switch {
	case err != nil || !ok:
		return nil, false, err
	case v == nil:
		return []any{}, true, nil
	}
	if list, isList := v.([]any); isList {
		return list, true, nil // a default
	}
	return []any{v}, true, nil
}

func (e *encoder) single(x *singleExpr, v any) error {
	list, ok := v.([]any)
	switch {
	case v != nil && !ok:
		return bad("got " + typeName(v) + ", want a list")
	case len(list) == 0:
		return e.write(x.of, nil)
	case len(list) > 1:
		return bad("the vendor has room for one value")
	}
	return e.write(x.of, list[0])
}
