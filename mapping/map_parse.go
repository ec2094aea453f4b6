package mapping

import (
	"slices"

	"github.com/psasync/psasync/psa"
)

// Parse reads a field map of one file. name stands in front of every message.
// The error is an [*Error] with everything that is wrong. A file that extends
// another one is read by [Load].
func Parse(name string, src []byte, opts *Options) (*Map, error) {
	var p problems
	root := parseYAML(name, src, &p)
	if root != nil {
		if e := root.get("extends"); e != nil {
			p.at(e, "extends", "extends needs the other file; read this one with Load")
		}
	}
	if root == nil {
		return nil, p.err()
	}
	return compileMap(root, []string{name}, opts, &p)
}

func compileMap(root *node, files []string, opts *Options, p *problems) (*Map, error) {
	if opts == nil {
		opts = &Options{}
	}
	m := &Map{root: root, files: files, opts: *opts}
	c := mapReader{reader: reader{p}, opts: opts}
	c.file(m, root)
	if err := p.err(); err != nil {
		return nil, err
	}
	return m, nil
}

type mapReader struct {
	reader
	opts *Options
	kind psa.Kind
}

// side returns the value for a side under its name or its alias.
func (c mapReader) side(n *node, s Side) *node {
	names := [...][2]string{{"left", "psa"}, {"right", "app"}}[s]
	a, b := n.get(names[0]), n.get(names[1])
	if a != nil && b != nil {
		c.p.at(b, "duplicate-key", "%s and %s are two words for one side; remove one", names[0], names[1])
	}
	if a == nil {
		return b
	}
	return a
}

func parseSide(s string) (Side, bool) {
	switch s {
	case "left", "psa":
		return Left, true
	case "right", "app":
		return Right, true
	}
	return Left, false
}

func (c mapReader) file(m *Map, root *node) {
	if !c.mapping(root, "a field map", "version", "extends", "left", "right", "psa", "app", "kinds") {
		return
	}
	c.version(root)
	for s := range m.names {
		if n := c.side(root, Side(s)); n != nil {
			m.names[s], _ = c.text(n, Side(s).String())
		}
	}
	kinds := root.get("kinds")
	if kinds == nil {
		c.p.at(root, "missing", "kinds is missing")
		return
	}
	if !c.anyMapping(kinds, "kinds") {
		return
	}
	for i, k := range kinds.keys {
		if !psa.Kind(k.text).Valid() {
			c.p.at(k, "unknown-kind", "%s is no kind%s", quote(k.text), didYouMean(k.text, kindNames()))
			continue
		}
		c.kind = psa.Kind(k.text)
		if km := c.kindMap(k, kinds.items[i]); km != nil {
			m.kinds = append(m.kinds, km)
		}
	}
	order := slices.Concat(psa.ConfigKinds(), psa.RecordKinds())
	slices.SortFunc(m.kinds, func(a, b *kindMap) int { return slices.Index(order, a.kind) - slices.Index(order, b.kind) })
}

func (c mapReader) kindMap(key, n *node) *kindMap {
	if !c.mapping(n, key.text, "scope", "match", "create", "constants", "groups", "fields") {
		return nil
	}
	km := &kindMap{kind: c.kind, at: key}
	if s := n.get("scope"); s != nil {
		km.scope = c.scope(s)
	}
	if ma := n.get("match"); ma != nil {
		km.match = c.match(ma)
	}
	if g := n.get("groups"); g != nil {
		km.groups = c.groups(g)
	}
	km.create = c.sets(n.get("create"), "create")
	km.constants = c.sets(n.get("constants"), "constants")
	f := n.get("fields")
	if f == nil {
		c.p.at(key, "missing", "%s has no fields", key.text)
		return km
	}
	if c.anyMapping(f, "fields") {
		km.rules = c.rules(f)
	}
	return km
}

func (c mapReader) field(n *node, what string) (fieldPath, bool) {
	s, ok := c.text(n, what)
	if !ok {
		return fieldPath{}, false
	}
	f, hint := parseFieldPath(s)
	if hint != "" {
		c.p.at(n, "field", "%s is no field; %s", quote(s), hint)
	}
	return f, hint == ""
}

func (c mapReader) scope(n *node) []scopeRule {
	if !c.anyMapping(n, "scope") {
		return nil
	}
	var rules []scopeRule
	for i, k := range n.keys {
		v := n.items[i]
		ok := v.scalar() && v.kind != nodeNull || v.kind == nodeSeq && len(v.items) > 0
		for _, it := range v.items {
			ok = ok && it.scalar() && it.kind != nodeNull
		}
		if !ok {
			c.p.at(v, "type", "scope %s is %s; write a value or a list of values", k.text, describe(v))
			continue
		}
		rules = append(rules, scopeRule{field: k.text, at: k, value: v})
	}
	return rules
}

func (c mapReader) match(n *node) []matchRule {
	if n.kind != nodeSeq {
		c.p.at(n, "type", "match is %s; write a list such as [{left: email, right: mail}]", n.kind)
		return nil
	}
	var rules []matchRule
	for _, it := range n.items {
		if !c.mapping(it, "match", "left", "right", "psa", "app") {
			continue
		}
		r := matchRule{at: it}
		ok := true
		for s := range r.fields {
			f := c.side(it, Side(s))
			if f == nil {
				c.p.at(it, "missing", "match has no %s field", Side(s))
				ok = false
				continue
			}
			var good bool
			r.fields[s], good = c.field(f, "match")
			ok = ok && good
		}
		if ok {
			rules = append(rules, r)
		}
	}
	return rules
}

func (c mapReader) groups(n *node) [][]string {
	if n.kind != nodeSeq {
		c.p.at(n, "type", "groups is %s; write a list of lists, e.g. [[board, status]]", n.kind)
		return nil
	}
	var groups [][]string
	seen := map[string]bool{}
	for _, it := range n.items {
		if it.kind != nodeSeq || len(it.items) < 2 {
			c.p.at(it, "type", "a group is a list of two fields or more, e.g. [board, status]")
			continue
		}
		var g []string
		for _, f := range it.items {
			name, ok := c.text(f, "a field")
			if ok && seen[name] {
				c.p.at(f, "duplicate", "%s is in two groups; make them one", quote(name))
			}
			seen[name] = true
			g = append(g, name)
		}
		groups = append(groups, g)
	}
	return groups
}

// sets reads values for fields: of the left side, or of both under left and
// right.
func (c mapReader) sets(n *node, what string) [2][]setRule {
	var out [2][]setRule
	if n == nil || !c.anyMapping(n, what) {
		return out
	}
	sided := len(n.keys) > 0
	for _, k := range n.keys {
		_, is := parseSide(k.text)
		sided = sided && is
	}
	if !sided {
		out[Left] = c.setRules(n, what)
		return out
	}
	for s := range out {
		if of := c.side(n, Side(s)); of != nil && c.anyMapping(of, what) {
			out[s] = c.setRules(of, what)
		}
	}
	return out
}

func (c mapReader) setRules(n *node, what string) []setRule {
	var rules []setRule
	for i, k := range n.keys {
		v := n.items[i]
		f, ok := c.field(k, what)
		if !ok {
			continue
		}
		r := setRule{field: f, at: k, value: v}
		switch {
		case v.kind == nodeMap && v.get("by") != nil:
			if !c.mapping(v, what+" "+k.text, "by", "values") {
				continue
			}
			by, ok := c.field(v.get("by"), "by")
			r.by, r.values = &by, v.get("values")
			if r.values == nil || !ok || !c.anyMapping(r.values, "values") {
				c.p.at(v, "missing", "by goes with values: {by: visibility, values: {public: X}}")
				continue
			}
		case v.kind == nodeMap:
			if !c.mapping(v, what+" "+k.text, "id") || v.get("id") == nil || !v.get("id").scalar() {
				c.p.at(v, "type", "%s %s is a mapping; write a value, {id: \"5\"}, or {by: field, values: {...}}", what, k.text)
				continue
			}
		case v.kind == nodeSeq && !slices.ContainsFunc(v.items, func(it *node) bool { return !it.scalar() || it.kind == nodeNull }):
		case !v.scalar():
			c.p.at(v, "type", "%s %s is %s; write a value, or a list of values", what, k.text, v.kind)
			continue
		}
		rules = append(rules, r)
	}
	return rules
}

func (c mapReader) rules(n *node) []*fieldRule {
	var rules []*fieldRule
	for i, k := range n.keys {
		v := n.items[i]
		if v.kind != nodeSeq {
			if r := c.rule(k, v); r != nil {
				rules = append(rules, r)
			}
			continue
		}
		// Several rules for a field: the first whose condition holds applies.
		for j, it := range v.items {
			r := c.rule(k, it)
			if r == nil {
				continue
			}
			if last := j == len(v.items)-1; !last && !r.conditional() {
				c.p.at(it, "unreachable", "this rule has no when, so those after it never apply; put it last")
			}
			r.at = it
			rules = append(rules, r)
		}
	}
	c.targets(rules)
	return rules
}

// targets finds fields that two rules write.
func (c mapReader) targets(rules []*fieldRule) {
	for _, side := range []Side{Right, Left} {
		seen := map[string]*fieldRule{}
		for _, r := range rules {
			if !r.direction.allows(side) {
				continue
			}
			name := r.fields[side].text
			was := seen[name]
			seen[name] = r
			if was == nil || was.key == r.key || was.conditional() || r.conditional() {
				continue
			}
			c.p.at(r.at, "duplicate-target", "%s field %s is written at %s too; give one of them a direction or a when", side, quote(name), where(was.at))
		}
	}
}
