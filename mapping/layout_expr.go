package mapping

import (
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A scope compiles expressions over one kind of JSON object: a row, or the
// elements of a list in it.
type scope struct {
	*layoutCompiler
	plan   *plan
	absent *node // what an absent path gives unless its rule says; nil: nothing
}

// parentPath is the path that stands for the row's parent.
const parentPath = "$parent"

var pathSyntax = regexp.MustCompile(`^[^.\s!$]+(\.[^.\s!$]+)*$`)

func (s *scope) path(n *node, leaf bool) (slot int, path string, ok bool) {
	path, ok = s.text(n, "a path")
	if !ok {
		return 0, "", false
	}
	if !pathSyntax.MatchString(path) {
		s.p.at(n, "path", "%s is no path; write the vendor's keys with dots between them, e.g. board.id", quote(path))
		return 0, "", false
	}
	return s.plan.slot(path, leaf), path, true
}

func (s *scope) missing(n *node, f psa.Field) missing {
	var m missing
	a := s.absent
	if n != nil {
		if own := n.get("absent"); own != nil {
			a = own
		}
		if d := n.get("default"); d != nil {
			m.none, m.hasNone = s.literal(d, f), true
		}
	}
	if a != nil {
		m.absent, m.hasAbsent = s.literal(a, f), true
		if m.hasNone && (n == nil || n.get("absent") == nil) {
			m.absent = m.none
		}
	}
	return m
}

// rules compiles the members of an object. Dotted names are gathered:
// "address.line1" and "address.city" are one object.
func (s *scope) rules(n *node, fields []psa.Field, what string) []rule {
	var rules []rule
	objects := map[string]*objectExpr{}
	for i, k := range n.keys {
		head, rest, dotted := strings.Cut(k.text, ".")
		f, ok := findField(fields, head)
		switch {
		case !ok && fields != nil:
			s.p.at(k, "unknown-field", "%s has no field %s%s", what, quote(head), didYouMean(head, fieldNames(fields)))
			continue
		case !ok:
			f = psa.Field{Name: head, Type: s.typeOf(n.items[i])}
		}
		if !dotted {
			if objects[head] != nil || slices.ContainsFunc(rules, func(r rule) bool { return r.name == head }) {
				s.p.at(k, "duplicate-key", "%s is filled by other rules too", quote(head))
				continue
			}
			if x := s.expr(n.items[i], f); x != nil {
				rules = append(rules, rule{head, x, k})
			}
			continue
		}
		if f.Type != psa.TypeObject {
			s.p.at(k, "type", "%s is a %s and has nothing in it", quote(head), f.Type)
			continue
		}
		within, _ := inner(f)
		one := &node{kind: nodeMap, file: k.file, line: k.line, col: k.col, items: n.items[i : i+1]}
		short := *k
		short.text = rest
		one.keys = []*node{&short}
		o := objects[head]
		if o == nil {
			if slices.ContainsFunc(rules, func(r rule) bool { return r.name == head }) {
				s.p.at(k, "duplicate-key", "%s is filled by another rule too", quote(head))
				continue
			}
			o = &objectExpr{}
			objects[head] = o
			rules = append(rules, rule{head, o, k})
		}
		o.fields = append(o.fields, s.rules(one, within, head)...)
	}
	return rules
}

// typeOf reads the type of a field that the schema leaves open.
func (s *scope) typeOf(n *node) psa.Type {
	if n.kind != nodeMap {
		return psa.TypeString
	}
	t := n.get("type")
	if t == nil {
		return psa.TypeString
	}
	return psa.Type(s.oneOf(t, "type", "string", "text", "number", "bool", "time", "date", "ref", "any"))
}

func (s *scope) optional(n *node, what string, t psa.Type) expr {
	if n == nil {
		return nil
	}
	return s.expr(n, psa.Field{Name: what, Type: t})
}

// expr compiles the expression of a field; nil if it is wrong.
func (s *scope) expr(n *node, f psa.Field) expr {
	switch n.kind {
	case nodeString:
		return s.short(n, f)
	case nodeMap:
		return s.long(n, f)
	case nodeNull:
		s.p.at(n, "value", "~ removes a rule of a shape, and there is none for %s", f.Name)
	default:
		s.p.at(n, "value", "%s is %s; write a path, or {const: %s}", f.Name, describe(n), n.text)
	}
	return nil
}

func (s *scope) short(n *node, f psa.Field) expr {
	if n.text == parentPath {
		switch f.Type {
		case psa.TypeRef:
			return parentExpr{}
		case psa.TypeString:
			return parentExpr{id: true}
		}
		s.p.at(n, "type", "%s is a reference, and %s is a %s", parentPath, f.Name, f.Type)
		return nil
	}
	return s.direct(n, nil, f)
}

// long compiles a mapping; its keys tell which form it is.
func (s *scope) long(n *node, f psa.Field) expr {
	if w := n.get("write"); w != nil {
		rest := *n
		rest.keys, rest.items = nil, nil
		for i, k := range n.keys {
			if k.text != "write" {
				rest.keys, rest.items = append(rest.keys, k), append(rest.items, n.items[i])
			}
		}
		table := s.writeTable(w)
		if x := s.long(&rest, f); x != nil {
			return &writeExpr{x, table}
		}
		return nil
	}
	switch {
	case n.get("const") != nil:
		s.mapping(n, f.Name, "const", "type")
		return constExpr{s.literal(n.get("const"), f)}
	case n.get("first") != nil:
		return s.first(n, f)
	case n.get("when") != nil || n.get("then") != nil:
		return s.when(n, f)
	case n.get("join") != nil:
		return s.join(n, f)
	case n.get("path") == nil && n.get("fields") != nil:
		return s.object(n, f)
	case n.get("path") == nil && f.Type == psa.TypeRef && (n.get("id") != nil || n.get("name") != nil):
		return s.apart(n, f)
	case n.get("path") == nil:
		s.p.at(n, "missing", "%s has no path; write {path: ...}, or one of const, first, when, join%s", f.Name,
			map[psa.Type]string{psa.TypeRef: ", id and name", psa.TypeObject: ", fields"}[f.Type])
		return nil
	case n.get("take") != nil || n.get("each") != nil || n.get("key") != nil:
		return s.listed(n, f)
	}
	return s.direct(n.get("path"), n, f)
}

// direct compiles one path; n holds its options, nil in the short form.
func (s *scope) direct(at, n *node, f psa.Field) expr {
	switch f.Type {
	case psa.TypeRef:
		return s.ref(at, n, f)
	case psa.TypeRefs, psa.TypeIDs:
		if n != nil && n.get("single") != nil {
			return s.single(at, n, f)
		}
		return s.plainList(at, n, f)
	case psa.TypeList, psa.TypeObject:
		s.p.at(at, "type", "%s is a %s; say what is in it with %s", f.Name, f.Type,
			map[psa.Type]string{psa.TypeList: "each", psa.TypeObject: "fields, or key and take"}[f.Type])
		return nil
	}
	if n != nil && !s.mapping(n, f.Name, "path", "type", "prefix", "values", "else", "none", "times", "per", "trim", "absent", "default", "clear") {
		return nil
	}
	e := &pathExpr{typ: f.Type, times: s.times, missing: s.missing(n, f)}
	if name, neg := strings.CutPrefix(at.text, "!"); neg && at.kind == nodeString {
		if f.Type != psa.TypeBool {
			s.p.at(at, "type", "\"!\" negates truth values, and %s is a %s", f.Name, f.Type)
		}
		short := *at
		short.text, at = name, &short
		e.negate = true
	}
	var ok bool
	if e.slot, e.path, ok = s.path(at, true); !ok {
		return nil
	}
	if n != nil {
		s.scalarOptions(n, e, f)
	}
	return e
}

func (s *scope) scalarOptions(n *node, e *pathExpr, f psa.Field) {
	isText := f.Type == psa.TypeString || f.Type == psa.TypeText || f.Type == psa.TypeOption
	if v := n.get("prefix"); v != nil {
		e.prefix, _ = s.text(v, "prefix")
		if !isText {
			s.p.at(v, "type", "prefix is for texts, and %s is a %s", f.Name, f.Type)
		}
	}
	if v := n.get("trim"); v != nil {
		if v.kind != nodeBool || !isText {
			s.p.at(v, "type", "trim is true for a text, and nothing else")
		}
		e.trim = v.text == "true"
	}
	e.nones = s.nones(n.get("none"))
	e.clear = s.clear(n)
	s.values(n, e, f)
	for _, key := range []string{"times", "per"} {
		v := n.get(key)
		if v == nil {
			continue
		}
		by, ok := new(big.Rat).SetString(v.text)
		if v.kind != nodeNumber || !ok || by.Sign() <= 0 || f.Type != psa.TypeNumber {
			s.p.at(v, "type", "%s is a positive number, for a number", key)
			continue
		}
		if key == "per" {
			by.Inv(by)
		}
		if e.factor == nil {
			e.factor = big.NewRat(1, 1)
		}
		e.factor.Mul(e.factor, by)
	}
}

func (s *scope) nones(n *node) map[string]bool {
	if n == nil {
		return nil
	}
	if n.kind != nodeSeq {
		s.p.at(n, "type", "none is %s; write the list of values that mean none, e.g. [\"0\", \"-1\"]", describe(n))
		return nil
	}
	m := map[string]bool{}
	for _, it := range n.items {
		if !it.scalar() || it.kind == nodeNull {
			s.p.at(it, "type", "none holds %s; write texts or numbers", it.kind)
			continue
		}
		m[it.text] = true
	}
	return m
}

func (s *scope) values(n *node, e *pathExpr, f psa.Field) {
	v, els := n.get("values"), n.get("else")
	if els != nil {
		e.other, e.hasElse = s.literal(els, f), true
		if v == nil {
			s.p.at(els, "value", "else goes with values; for what is not there, write default")
		}
	}
	if v == nil || !s.anyMapping(v, "values") {
		return
	}
	e.values, e.reverse = make(map[string]any, len(v.keys)), map[string]any{}
	for i, k := range v.keys {
		e.values[k.text] = s.literal(v.items[i], f)
		if text, ok := plainText(e.values[k.text]); ok && e.reverse[text] == nil {
			e.reverse[text] = k.value() // the first of several
		}
	}
}

// clear reads what is written for null: null itself unless the vendor has a
// value of its own.
func (s *scope) clear(n *node) any {
	c := n.get("clear")
	if c == nil {
		return nil
	}
	if !c.scalar() {
		s.p.at(c, "type", "clear is %s; write the value that the vendor takes for none", c.kind)
		return nil
	}
	return c.value()
}

// writeTable reads {value: {path: value, ...}}: what to write for each value.
func (s *scope) writeTable(n *node) map[string][]Change {
	table := map[string][]Change{}
	if !s.anyMapping(n, "write") {
		return table
	}
	for i, k := range n.keys {
		of := n.items[i]
		if !s.anyMapping(of, "write "+k.text) {
			continue
		}
		changes := []Change{}
		for j, path := range of.keys {
			v := of.items[j]
			if !pathSyntax.MatchString(path.text) {
				s.p.at(path, "path", "%s is no path; write the vendor's keys with dots between them", quote(path.text))
			}
			if !v.scalar() {
				s.p.at(v, "type", "write %s is %s; write a single value", path.text, v.kind)
			}
			changes = append(changes, Change{path.text, v.value()})
		}
		table[k.text] = changes
	}
	return table
}

// literal reads a value written in the file as one of a field's type.
func (s *scope) literal(n *node, f psa.Field) any {
	if n.kind == nodeNull {
		return nil
	}
	fits := false
	var v any
	switch f.Type {
	case psa.TypeBool:
		v, fits = n.text == "true", n.kind == nodeBool
	case psa.TypeNumber:
		v, fits = json.Number(n.text), n.kind == nodeNumber
	case psa.TypeRef:
		v, fits = psa.Reference{ID: n.text}.Fields(), n.kind == nodeString || n.kind == nodeNumber
	case psa.TypeRefs, psa.TypeIDs, psa.TypeList:
		v, fits = []any{}, n.kind == nodeSeq && len(n.items) == 0
	case psa.TypeTime, psa.TypeDate:
		if at, msg := parseTime(n.text, false); n.kind == nodeString && msg == "" {
			v, fits = psa.FormatTime(at), true
			if f.Type == psa.TypeDate {
				v = n.text[:len("2006-01-02")]
			}
		}
	case psa.TypeObject:
	case psa.TypeString, psa.TypeText, psa.TypeOption:
		v, fits = n.text, n.kind == nodeString
	default:
		switch n.kind {
		case nodeString:
			v, fits = n.text, true
		case nodeNumber:
			v, fits = json.Number(n.text), true
		case nodeBool:
			v, fits = n.text == "true", true
		}
	}
	if !fits {
		hint := ""
		if n.kind != nodeString && n.scalar() && f.Type != psa.TypeObject {
			hint = "; quote it if a text is meant"
		}
		s.p.at(n, "type", "%s does not fit %s, which is a %s%s", describe(n), f.Name, f.Type, hint)
	}
	return v
}

func (s *scope) first(n *node, f psa.Field) expr {
	s.mapping(n, f.Name, "first", "type")
	of := n.get("first")
	if of.kind != nodeSeq || len(of.items) == 0 {
		s.p.at(of, "type", "first is %s; write a list of expressions", describe(of))
		return nil
	}
	var e firstExpr
	for _, it := range of.items {
		if x := s.expr(it, f); x != nil {
			e.of = append(e.of, x)
		}
	}
	return e
}

func (s *scope) when(n *node, f psa.Field) expr {
	s.mapping(n, f.Name, "when", "then", "type")
	when, then := n.get("when"), n.get("then")
	if when == nil || then == nil {
		s.p.at(n, "missing", "%s needs both when and then; for the other case, make it an element of first", f.Name)
		return nil
	}
	c := s.cond(when)
	if x := s.expr(then, f); x != nil {
		return whenExpr{c, x}
	}
	return nil
}

// cond compiles {path: value, "!path": [values]}: all must hold.
func (s *scope) cond(n *node) cond {
	var c cond
	if !s.anyMapping(n, "a condition") {
		return c
	}
	if len(n.keys) == 0 {
		s.p.at(n, "value", "a condition without a path always holds; remove it")
	}
	for i, k := range n.keys {
		at := *k
		name, neg := strings.CutPrefix(k.text, "!")
		at.text, at.kind = name, nodeString
		t := term{not: neg}
		var ok bool
		if t.slot, t.path, ok = s.path(&at, true); !ok {
			continue
		}
		of := n.items[i]
		list := []*node{of}
		if of.kind == nodeSeq {
			list = of.items
		}
		if len(list) == 0 {
			s.p.at(of, "value", "an empty list never holds; write the values")
		}
		for _, it := range list {
			if !it.scalar() {
				s.p.at(it, "type", "a condition compares with single values, not with %s", it.kind)
				continue
			}
			t.is = append(t.is, s.literal(it, psa.Field{Type: "any"}))
		}
		c.terms = append(c.terms, t)
	}
	return c
}

func (s *scope) join(n *node, f psa.Field) expr {
	s.mapping(n, f.Name, "join", "with", "absent", "default")
	of := n.get("join")
	if f.Type != psa.TypeString && f.Type != psa.TypeText {
		s.p.at(n, "type", "join makes a text, and %s is a %s", f.Name, f.Type)
		return nil
	}
	if of.kind != nodeSeq || len(of.items) < 2 {
		s.p.at(of, "type", "join is %s; write a list of two expressions or more", describe(of))
		return nil
	}
	e := &joinExpr{missing: s.missing(n, f), with: " "}
	if w := n.get("with"); w != nil {
		if w.kind != nodeString {
			s.p.at(w, "type", "with is %s; write a text in quotes", describe(w))
		}
		e.with = w.text
	}
	plain := *s
	plain.absent = nil
	for _, it := range of.items {
		if x := plain.expr(it, psa.Field{Name: f.Name, Type: psa.TypeString}); x != nil {
			e.parts = append(e.parts, x)
		}
	}
	return e
}

func (s *scope) object(n *node, f psa.Field) expr {
	s.mapping(n, f.Name, "fields", "type")
	if f.Type != psa.TypeObject {
		s.p.at(n, "type", "fields make an object, and %s is a %s", f.Name, f.Type)
		return nil
	}
	of := n.get("fields")
	if !s.anyMapping(of, "fields") {
		return nil
	}
	within, _ := inner(f)
	return &objectExpr{s.rules(of, within, f.Name)}
}
