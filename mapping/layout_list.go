package mapping

import (
	"github.com/psasync/psasync/psa"
)

// ref compiles a reference that stands at one path: an object with id and
// name, or a bare id.
func (s *scope) ref(at, n *node, f psa.Field) expr {
	if n != nil && !s.mapping(n, f.Name, "path", "type", "prefix", "none", "absent", "default", "clear") {
		return nil
	}
	slot, path, ok := s.path(at, true)
	if !ok {
		return nil
	}
	e := &refExpr{whole: slot, path: path, missing: s.missing(n, f)}
	e.bare = &pathExpr{slot: slot, path: path, typ: psa.TypeString, id: true}
	id := &pathExpr{slot: s.plan.slot(path+".id", true), path: path + ".id", typ: psa.TypeString, id: true}
	e.id = id
	e.name = &pathExpr{slot: s.plan.slot(path+".name", true), path: path + ".name", typ: psa.TypeString}
	if n != nil {
		if v := n.get("prefix"); v != nil {
			id.prefix, _ = s.text(v, "prefix")
		}
		id.nones = s.nones(n.get("none"))
	}
	e.bare.prefix, e.bare.nones = id.prefix, id.nones
	if n != nil {
		e.bare.clear = s.clear(n)
	}
	return e
}

// apart compiles a reference whose id and name stand at different paths.
func (s *scope) apart(n *node, f psa.Field) expr {
	if !s.mapping(n, f.Name, "id", "name", "type", "absent", "default") {
		return nil
	}
	e := &refExpr{whole: -1, missing: s.missing(n, f)}
	plain := *s
	plain.absent = nil
	if v := n.get("id"); v != nil {
		if e.id = plain.idExpr(v, f.Name); e.id == nil {
			return nil
		}
	}
	if v := n.get("name"); v != nil {
		if e.name = plain.expr(v, psa.Field{Name: f.Name, Type: psa.TypeString}); e.name == nil {
			return nil
		}
	}
	return e
}

// idExpr compiles what yields the text of an id: a path, {path, prefix, none},
// or any expression that makes a text.
func (s *scope) idExpr(n *node, what string) expr {
	f := psa.Field{Name: what, Type: psa.TypeString}
	x := s.expr(n, f)
	markIDs(x)
	return x
}

// markIDs makes the paths of an expression read ids: 5.0 is "5".
func markIDs(x expr) {
	switch x := x.(type) {
	case *pathExpr:
		x.id = x.values == nil
	case firstExpr:
		for _, y := range x.of {
			markIDs(y)
		}
	case whenExpr:
		markIDs(x.then)
	case *joinExpr:
		for _, y := range x.parts {
			markIDs(y)
		}
	}
}

// rowID compiles the id of a row: an expression, or a list whose values are
// joined with "/".
func (s *scope) rowID(n *node) expr {
	plain := *s
	plain.absent = nil
	if n.kind != nodeSeq {
		return plain.idExpr(n, "id")
	}
	if len(n.items) < 2 {
		s.p.at(n, "value", "an id made of one path is written without brackets")
		return nil
	}
	e := &joinExpr{with: "/", all: true}
	for _, it := range n.items {
		if x := plain.idExpr(it, "id"); x != nil {
			e.parts = append(e.parts, x)
		}
	}
	return e
}

// parent compiles {kind, path, prefix, none} or {kind, id: ...}.
func (s *scope) parent(n *node, k *KindLayout) {
	if !s.mapping(n, "parent", "kind", "path", "prefix", "none", "id") {
		return
	}
	kind := n.get("kind")
	if kind == nil {
		s.p.at(n, "missing", "parent has no kind")
	} else if name, ok := s.text(kind, "kind"); ok {
		k.parentKind, _ = s.kindName(kind, name)
	}
	plain := *s
	plain.absent = nil
	switch id, path := n.get("id"), n.get("path"); {
	case (id == nil) == (path == nil):
		s.p.at(n, "missing", "parent needs a path, or an id made of several; leave parent out where rows are listed under it")
	case id != nil:
		k.parent = plain.rowID(id)
	default:
		e := &pathExpr{typ: psa.TypeString, id: true, nones: s.nones(n.get("none"))}
		var ok bool
		if e.slot, e.path, ok = s.path(path, true); !ok {
			return
		}
		if v := n.get("prefix"); v != nil {
			e.prefix, _ = s.text(v, "prefix")
		}
		k.parent = e
	}
}

// plainList compiles a list of references or ids that stand at one path.
func (s *scope) plainList(at, n *node, f psa.Field) expr {
	if n != nil && !s.mapping(n, f.Name, "path", "type", "prefix", "none", "where", "absent", "default") {
		return nil
	}
	e := &eachExpr{ref: f.Type == psa.TypeRefs}
	within, ok := s.list(&e.list, at, n, f)
	if !ok {
		return nil
	}
	id := &pathExpr{slot: within.plan.slot("id", true), path: "id", typ: psa.TypeString, id: true}
	if n != nil {
		id.nones = s.nones(n.get("none"))
		if v := n.get("prefix"); v != nil {
			id.prefix, _ = s.text(v, "prefix")
		}
	}
	e.plain = &pathExpr{typ: psa.TypeString, id: true, prefix: id.prefix, nones: id.nones}
	e.take = id
	if e.ref {
		name := &pathExpr{slot: within.plan.slot("name", true), path: "name", typ: psa.TypeString}
		e.take = &refExpr{whole: -1, id: id, name: name}
	}
	return e
}

// list prepares the reading of a list and returns the scope of its elements.
func (s *scope) list(l *list, at, n *node, f psa.Field) (within *scope, ok bool) {
	l.missing = s.missing(n, f)
	if l.slot, l.path, ok = s.path(at, true); !ok {
		return nil, false
	}
	l.element = newPlan(s.fold)
	within = &scope{layoutCompiler: s.layoutCompiler, plan: l.element, absent: s.absent}
	if n != nil {
		if w := n.get("where"); w != nil {
			l.where = within.cond(w)
		}
	}
	return within, true
}

// listed compiles what is read from the elements of a list: one value of the
// first (take), all by key (key and take), or each.
func (s *scope) listed(n *node, f psa.Field) expr {
	at, take, key, each := n.get("path"), n.get("take"), n.get("key"), n.get("each")
	switch {
	case each != nil:
		return s.each(n, at, each, f)
	case key != nil:
		if !s.mapping(n, f.Name, "path", "where", "key", "take", "absent", "default") {
			return nil
		}
		if take == nil || f.Type != psa.TypeObject {
			s.p.at(n, "type", "key and take make an object of a list, and %s is a %s", f.Name, f.Type)
			return nil
		}
		e := &keyedExpr{}
		within, ok := s.list(&e.list, at, n, f)
		if !ok {
			return nil
		}
		plain := *within
		plain.absent = nil
		e.key = plain.idExpr(key, f.Name)
		e.take = within.expr(take, psa.Field{Name: f.Name, Type: "any"})
		if e.key == nil || e.take == nil {
			return nil
		}
		return e
	case f.Type == psa.TypeIDs || f.Type == psa.TypeRefs:
		return s.takeEach(n, at, take, f)
	}
	if !s.mapping(n, f.Name, "path", "where", "take", "absent", "default") {
		return nil
	}
	if f.Type == psa.TypeList || f.Type == psa.TypeObject {
		s.p.at(take, "type", "take reads one value, and %s is a %s", f.Name, f.Type)
		return nil
	}
	e := &takeExpr{}
	within, ok := s.list(&e.list, at, n, f)
	if !ok {
		return nil
	}
	if e.take = within.expr(take, f); e.take == nil {
		return nil
	}
	return e
}

// takeEach compiles ids or references whose parts stand in each element.
func (s *scope) takeEach(n, at, take *node, f psa.Field) expr {
	if !s.mapping(n, f.Name, "path", "where", "take", "absent", "default") {
		return nil
	}
	e := &eachExpr{}
	within, ok := s.list(&e.list, at, n, f)
	if !ok {
		return nil
	}
	if f.Type == psa.TypeIDs {
		e.take = within.idExpr(take, f.Name)
	} else {
		e.take = within.expr(take, psa.Field{Name: f.Name, Type: psa.TypeRef, Kind: f.Kind})
	}
	if e.take == nil {
		return nil
	}
	return e
}

func (s *scope) each(n, at, each *node, f psa.Field) expr {
	if !s.mapping(n, f.Name, "path", "where", "each", "absent", "default") {
		return nil
	}
	e := &eachExpr{}
	within, ok := s.list(&e.list, at, n, f)
	if !ok || !s.anyMapping(each, "each") {
		return nil
	}
	switch f.Type {
	case psa.TypeList:
		fields, _ := inner(f)
		e.take = &objectExpr{within.rules(each, fields, f.Name)}
	case psa.TypeRefs:
		e.take = within.apart(each, psa.Field{Name: f.Name, Type: psa.TypeRef, Kind: f.Kind})
	default:
		s.p.at(each, "type", "each makes a list, and %s is a %s", f.Name, f.Type)
		return nil
	}
	return e
}
