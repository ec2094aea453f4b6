package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// ruleKeys are the keys of a rule's long form.
var ruleKeys = []string{
	"left", "right", "psa", "app", "type", "left_type", "right_type", "direction", "when", "by", "right_by", "values", "per", "prefer", "unknown",
	"transform", "each", "member", "owner", "class", "conflict", "nulls", "widen",
}

var fieldTypes = []string{"string", "text", "number", "bool", "time", "date", "ref", "refs", "ids", "list", "object", "option"}

var classes = []string{"billing", "client", "technical"}

// rule reads one rule; nil if it is of no use.
func (c mapReader) rule(key, n *node) *fieldRule {
	r := &fieldRule{kind: c.kind, key: key, at: key}
	var ok bool
	if r.fields[Left], ok = c.field(key, "a left field"); !ok {
		return nil
	}
	if n.kind == nodeString {
		if r.fields[Right], ok = c.field(n, "a right field"); !ok {
			return nil
		}
		c.defaults(r)
		return r
	}
	if n.kind != nodeMap {
		c.p.at(n, "type", "%s is %s; write the right field, or a mapping {right: field, ...}", key.text, describe(n))
		return nil
	}
	if !c.mapping(n, "the rule", ruleKeys...) {
		return nil
	}
	if l := c.side(n, Left); l != nil {
		if r.fields[Left], ok = c.field(l, "left"); !ok {
			return nil
		}
	}
	right := c.side(n, Right)
	if right == nil {
		c.p.at(n, "missing", "the rule for %s names no right field; add right: ...", key.text)
		return nil
	}
	if r.fields[Right], ok = c.field(right, "right"); !ok {
		return nil
	}
	c.options(r, n)
	c.values(r, n)
	c.transforms(r, n)
	c.when(r, n.get("when"))
	if e := n.get("each"); e != nil && c.anyMapping(e, "each") {
		r.each = mapReader{c.reader, c.opts, ""}.rules(e)
	}
	if m := n.get("member"); m != nil {
		r.member = c.member(m)
	}
	c.defaults(r)
	c.combination(r, n)
	return r
}

func (c mapReader) defaults(r *fieldRule) {
	top := r.fields[Left].top()
	r.visibility = top == "visibility" && (c.kind == psa.KindNote || c.kind == psa.KindTimeEntry)
	if r.owner != "" && r.onEdit == "" {
		r.onEdit = "restore"
	}
}

func (c mapReader) options(r *fieldRule, n *node) {
	for key, sides := range map[string][]Side{"type": {Left, Right}, "left_type": {Left}, "right_type": {Right}} {
		if t := n.get(key); t != nil {
			for _, s := range sides {
				r.types[s] = psa.Type(c.oneOf(t, key, fieldTypes...))
			}
		}
	}
	if d := n.get("direction"); d != nil {
		switch c.oneOf(d, "direction", "both", "to_left", "to_right", "to_psa", "to_app") {
		case "to_left", "to_psa":
			r.direction = toLeft
		case "to_right", "to_app":
			r.direction = toRight
		}
	}
	for s, key := range []string{"by", "right_by"} {
		if b := n.get(key); b != nil {
			r.by[s] = c.oneOf(b, key, "name", "id") == "id"
		}
	}
	if o := n.get("owner"); o != nil {
		c.owner(r, o)
	}
	if cl := n.get("class"); cl != nil {
		r.class = psa.Class(c.oneOf(cl, "class", classes...))
	}
	if cf := n.get("conflict"); cf != nil {
		r.strategy, r.conflict = c.strategy(cf)
	}
	if nu := n.get("nulls"); nu != nil {
		r.keepNulls = c.oneOf(nu, "nulls", "clear", "keep") == "keep"
	}
	if w := n.get("widen"); w != nil {
		if w.kind != nodeBool {
			c.p.at(w, "type", "widen is %s; write true or false", describe(w))
		}
		r.widen = w.text == "true"
	}
}

func (c mapReader) owner(r *fieldRule, n *node) {
	side := n
	if n.kind == nodeMap {
		if !c.mapping(n, "owner", "side", "on_edit") {
			return
		}
		if side = n.get("side"); side == nil {
			c.p.at(n, "missing", "owner has no side")
			return
		}
		if e := n.get("on_edit"); e != nil {
			r.onEdit = c.oneOf(e, "on_edit", "restore", "tolerate", "ask")
		}
	}
	switch c.oneOf(side, "owner", "left", "right", "psa", "app", "both") {
	case "left", "psa":
		r.owner = "left"
	case "right", "app":
		r.owner = "right"
	}
}

// when reads {field: value}: conditions on left fields, or on both sides under
// left and right.
func (c mapReader) when(r *fieldRule, n *node) {
	if n == nil || !c.anyMapping(n, "when") {
		return
	}
	sided := false
	for s := range r.when {
		if of := c.side(n, Side(s)); of != nil && of.kind == nodeMap {
			r.when[s] = c.conditions(of)
			sided = true
		}
	}
	if sided {
		c.mapping(n, "when of two sides", "left", "right", "psa", "app")
		return
	}
	r.when[Left] = c.conditions(n)
}

func (c mapReader) conditions(n *node) []whenRule {
	var rules []whenRule
	if len(n.keys) == 0 {
		c.p.at(n, "value", "a condition without a field always holds; remove it")
	}
	for i, k := range n.keys {
		bare := *k
		name, not := strings.CutPrefix(k.text, "!")
		bare.text, bare.kind = name, nodeString
		f, ok := c.field(&bare, "when")
		if !ok {
			continue
		}
		w := whenRule{field: f, at: k, not: not, is: []*node{n.items[i]}}
		if n.items[i].kind == nodeSeq {
			w.is = n.items[i].items
		}
		for _, it := range w.is {
			if !it.scalar() {
				c.p.at(it, "type", "a condition compares with single values, not with %s", it.kind)
			}
		}
		rules = append(rules, w)
	}
	return rules
}

func (c mapReader) member(n *node) *memberRule {
	m := &memberRule{byEmail: true, unmatched: "hold", at: n}
	if !c.mapping(n, "member", "by", "list", "unmatched") {
		return m
	}
	if by := n.get("by"); by != nil {
		m.byEmail = c.oneOf(by, "by", "email", "list") == "email"
	}
	if l := n.get("list"); l != nil && c.anyMapping(l, "list") {
		m.list = map[string]string{}
		for i, k := range l.keys {
			if who, ok := c.text(l.items[i], "a member"); ok {
				m.list[strings.ToLower(k.text)] = who
			}
		}
	} else if !m.byEmail {
		c.p.at(n, "missing", "by: list needs a list: {jo@host.example: jbloggs}")
	}
	if u := n.get("unmatched"); u != nil {
		if u.kind != nodeMap {
			m.unmatched = c.oneOf(u, "unmatched", "hold", "drop")
		} else if f := u.get("fallback"); c.mapping(u, "unmatched", "fallback") && f != nil {
			m.unmatched = "fallback"
			m.fallback, _ = c.text(f, "fallback")
		} else {
			c.p.at(u, "missing", "unmatched needs hold, drop, or {fallback: member}")
		}
	}
	return m
}

func (c mapReader) values(r *fieldRule, n *node) {
	if u := n.get("unknown"); u != nil {
		c.unknown(r, u)
	}
	v, per := n.get("values"), n.get("per")
	if per != nil {
		if f, ok := c.field(per, "per"); ok {
			r.per = &f
		}
		if v == nil {
			c.p.at(per, "value", "per goes with values: {per: board, values: {Help Desk: {New: Open}}}")
		}
	}
	if v == nil || !c.anyMapping(v, "values") {
		return
	}
	if r.per == nil {
		c.pairs(r, v, "")
	} else {
		for i, k := range v.keys {
			if c.anyMapping(v.items[i], "values of "+k.text) {
				c.pairs(r, v.items[i], k.text)
			}
		}
	}
	if len(r.values) == 0 {
		c.p.at(v, "value", "values is empty; remove it")
	}
	c.prefer(r, n.get("prefer"))
}

func (c mapReader) pairs(r *fieldRule, v *node, scope string) {
	for i, k := range v.keys {
		right := v.items[i]
		if !right.scalar() {
			c.p.at(right, "type", "the value for %s is %s; write a text, a number, true, false or ~%s", quote(k.text), right.kind,
				map[bool]string{true: "; for values by board, add per: board"}[right.kind == nodeMap && r.per == nil])
			continue
		}
		r.values = append(r.values, valuePair{scope, k.text, right, k})
	}
}

// prefer settles which left value a right value goes back to where several map
// to it. Without a preference a shared right value is an error, unless nothing
// goes back.
func (c mapReader) prefer(r *fieldRule, n *node) {
	r.prefer, r.preferAt = map[string]string{}, map[string]*node{}
	type key struct{ scope, right string }
	users := map[key][]valuePair{}
	var order []key
	for _, p := range r.values {
		if p.right.kind == nodeNull {
			continue
		}
		k := key{p.scope, p.right.text}
		if users[k] == nil {
			order = append(order, k)
		}
		users[k] = append(users[k], p)
	}
	if n != nil && c.anyMapping(n, "prefer") {
		for i, k := range n.keys {
			left, ok := c.text(n.items[i], "prefer")
			if !ok {
				continue
			}
			fits := slices.ContainsFunc(r.values, func(p valuePair) bool { return p.left == left && p.right.text == k.text })
			if !fits {
				c.p.at(k, "value", "prefer %s: %s is no pair of values", quote(k.text), quote(left))
			}
			r.prefer[k.text], r.preferAt[k.text] = left, n.items[i]
		}
	}
	if r.direction == toRight {
		return
	}
	for _, k := range order {
		pairs := users[k]
		if len(pairs) < 2 || slices.ContainsFunc(pairs, func(p valuePair) bool { return p.left == r.prefer[k.right] }) {
			continue
		}
		if c.isVisibility(r) {
			r.prefer[k.right] = narrowest(pairs)
			continue
		}
		var lefts []string
		for _, p := range pairs {
			lefts = append(lefts, quote(p.left))
		}
		c.p.at(pairs[1].at, "duplicate-inverse", "%s map to %s; say which one it goes back to: prefer: {%s: %s}",
			strings.Join(lefts, " and "), quote(k.right), k.right, pairs[0].left)
	}
}

// goesBack reports whether the right value of a pair becomes its left value:
// within its scope no other one is preferred.
func (r *fieldRule) goesBack(p valuePair) bool {
	prefer := r.prefer[p.right.text]
	return p.right.kind != nodeNull && (p.left == prefer || !slices.ContainsFunc(r.values, func(q valuePair) bool {
		return q.scope == p.scope && q.right.text == p.right.text && q.left == prefer
	}))
}

func (c mapReader) isVisibility(r *fieldRule) bool {
	return r.fields[Left].text == "visibility" && (c.kind == psa.KindNote || c.kind == psa.KindTimeEntry)
}

// width ranks visibilities; ok is false for words this package does not know.
func width(v string) (int, bool) {
	i := slices.Index([]string{string(psa.Internal), string(psa.TeamOnly), string(psa.Public)}, v)
	return i, i >= 0
}

func narrowest(pairs []valuePair) string {
	best := pairs[0].left
	for _, p := range pairs {
		a, aok := width(p.left)
		if b, bok := width(best); aok && (!bok || a < b) {
			best = p.left
		}
	}
	return best
}

func (c mapReader) unknown(r *fieldRule, n *node) {
	if n.kind != nodeMap {
		switch c.oneOf(n, "unknown", "hold", "error", "pass") {
		case "error":
			r.unknown = unknownError
		case "pass":
			r.unknown = unknownPass
		}
		return
	}
	d := n.get("default")
	if !c.mapping(n, "unknown", "default") || d == nil {
		c.p.at(n, "value", "unknown is a mapping; write hold, error, pass, or {default: value}")
		return
	}
	r.unknown = unknownDefault
	if d.kind == nodeMap {
		if c.mapping(d, "default", "left", "right", "psa", "app") {
			r.defaults = [2]*node{c.side(d, Left), c.side(d, Right)}
		}
		return
	}
	r.defaults[Right] = d
}

func (c mapReader) transforms(r *fieldRule, n *node) {
	t := n.get("transform")
	if t == nil {
		return
	}
	items := []*node{t}
	if t.kind == nodeSeq {
		items = t.items
	}
	for _, it := range items {
		name, arg := it, (*node)(nil)
		if it.kind == nodeMap && len(it.keys) == 1 {
			name, arg = it.keys[0], it.items[0]
		} else if it.kind != nodeString {
			c.p.at(it, "type", "a transform is %s; write its name, or {name: argument}", describe(it))
			continue
		}
		c.transform(r, name, arg)
	}
}

func (c mapReader) transform(r *fieldRule, name, arg *node) {
	builtins := builtin()
	own, isOwn := c.opts.Transforms[name.text]
	make, isBuiltin := builtins[name.text]
	switch {
	case isOwn && isBuiltin:
		c.p.at(name, "transform", "the host registered %s, which is the name of a built-in transform", quote(name.text))
	case name.text == "template":
		tpl, err := parseTemplate(arg)
		if err != nil {
			c.p.at(name, "transform", "template %v", err)
			return
		}
		r.template = tpl
	case isOwn:
		if own.Make != nil {
			c.made(r, own, name, arg)
			return
		}
		if arg != nil {
			c.p.at(arg, "transform", "%s is the host's and takes no argument", quote(name.text))
		}
		if own.Forward == nil {
			c.p.at(name, "transform", "the host registered %s without a Forward function", quote(name.text))
			return
		}
		r.steps, r.stepAt = append(r.steps, own), append(r.stepAt, name)
	case isBuiltin:
		step, err := make(arg)
		if err != nil {
			c.p.at(name, "transform", "%s %v", name.text, err)
			return
		}
		r.steps, r.stepAt = append(r.steps, step), append(r.stepAt, name)
	default:
		names := slices.Concat(TransformNames(), slices.Sorted(maps.Keys(c.opts.Transforms)))
		c.p.at(name, "transform", "there is no transform %s%s; there are %s", quote(name.text), didYouMean(name.text, names), strings.Join(names, ", "))
	}
}

// made adds a transform that the host makes of an argument.
func (c mapReader) made(r *fieldRule, own Transform, name, arg *node) {
	var v any
	if arg != nil {
		v = arg.value()
	}
	step, err := own.Make(v)
	switch {
	case err != nil && arg != nil:
		c.p.at(arg, "transform", "%s: %v", name.text, err)
	case err != nil:
		c.p.at(name, "transform", "%s: %v", name.text, err)
	case step.Forward == nil:
		c.p.at(name, "transform", "the host made %s without a Forward function", quote(name.text))
	default:
		r.steps, r.stepAt = append(r.steps, step), append(r.stepAt, name)
	}
}

// combination finds options of a rule that contradict each other.
func (c mapReader) combination(r *fieldRule, n *node) {
	if r.template != nil && r.direction != toRight {
		c.p.at(n.get("transform"), "one-way", "a template cannot go back; add direction: to_right")
	}
	for i, s := range r.steps {
		if s.Inverse == nil && r.direction != toRight {
			c.p.at(r.stepAt[i], "one-way", "transform %s cannot go back; add direction: to_right", quote(r.stepAt[i].text))
		}
		if i > 0 && s.In != "" && r.steps[i-1].Out != "" && !sameType(s.In, r.steps[i-1].Out) {
			c.p.at(r.stepAt[i], "type", "transform %s takes a %s, and %s makes a %s", quote(r.stepAt[i].text), s.In, quote(r.stepAt[i-1].text), r.steps[i-1].Out)
		}
	}
	for _, pair := range [][2]bool{{len(r.values) > 0, r.member != nil}, {len(r.steps) > 0 || r.template != nil, r.member != nil}, {len(r.each) > 0, len(r.values) > 0}, {len(r.each) > 0, len(r.steps) > 0}} {
		if pair[0] && pair[1] {
			c.p.at(n, "value", "member and each stand alone; remove values and transform")
			break
		}
	}
	c.noWidening(r)
}

// noWidening refuses values that show a note to more people than its author
// meant.
func (c mapReader) noWidening(r *fieldRule) {
	if !c.isVisibility(r) || r.widen {
		return
	}
	readers := map[string]string{} // by right value: the widest left value that has it
	for _, p := range r.values {
		if w, ok := width(p.left); ok {
			if was, _ := width(readers[p.right.text]); readers[p.right.text] == "" || w > was {
				readers[p.right.text] = p.left
			}
		}
	}
	for _, p := range r.values {
		l, lok := width(p.left)
		w, rok := width(p.right.text)
		switch {
		case !lok:
		case rok && w > l && r.direction != toLeft:
			c.p.at(p.at, "widening", "%s notes would become %s; add widen: true if that is meant", p.left, p.right.text)
		case rok && l > w && r.direction != toRight && r.goesBack(p):
			c.p.at(p.at, "widening", "%s notes would come back %s; add %s: %s, which they then go back to, or direction: to_right, or widen: true if that is meant",
				p.right.text, p.left, p.right.text, p.right.text)
		case !rok && readers[p.right.text] == string(psa.Public) && p.left != string(psa.Public) && r.direction != toLeft:
			c.p.at(p.at, "widening", "%s notes would become %s, as public ones do; add widen: true if that is meant", p.left, quote(p.right.text))
		}
	}
	for s, d := range r.defaults {
		if d == nil {
			continue
		}
		as := d.text
		if _, known := width(as); Side(s) == Right && !known && readers[as] != "" {
			as = readers[as]
		}
		if as == string(psa.Public) || as == string(psa.TeamOnly) {
			c.p.at(d, "widening", "what is unknown would become %s; add widen: true if that is meant", quote(d.text))
		}
	}
}

// sameType reports whether a value of one type can stand for the other.
func sameType(a, b psa.Type) bool {
	texts := []psa.Type{psa.TypeString, psa.TypeText, psa.TypeOption}
	return a == b || slices.Contains(texts, a) && slices.Contains(texts, b)
}

// A template makes a text of fields: "{summary} ({number})".
type template struct {
	texts  []string // one more than fields
	fields []fieldPath
}

func parseTemplate(arg *node) (*template, error) {
	if arg == nil || arg.kind != nodeString {
		return nil, fmt.Errorf("needs a text: {template: \"{summary} ({number})\"}")
	}
	t := &template{}
	rest := arg.text
	for {
		lit, after, ok := strings.Cut(rest, "{")
		t.texts = append(t.texts, lit)
		if !ok {
			break
		}
		name, after, ok := strings.Cut(after, "}")
		f, hint := parseFieldPath(name)
		if !ok || hint != "" {
			return nil, fmt.Errorf("has a brace that encloses no field")
		}
		t.fields = append(t.fields, f)
		rest = after
	}
	if len(t.fields) == 0 {
		return nil, fmt.Errorf("names no field; write a constant under constants")
	}
	return t, nil
}

func (t *template) expand(from psa.Fields) (string, bool) {
	var b strings.Builder
	found := false
	for i, lit := range t.texts {
		b.WriteString(lit)
		if i == len(t.fields) {
			break
		}
		if v, ok := t.fields[i].get(from); ok {
			found = true
			s, _ := valueText(v, false)
			b.WriteString(s)
		}
	}
	return b.String(), found
}
