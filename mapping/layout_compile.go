package mapping

import (
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A reader checks nodes and tells what is wrong with them.
type reader struct {
	p *problems
}

// mapping checks that n is a mapping with no other keys than the given.
func (r reader) mapping(n *node, what string, keys ...string) bool {
	if n.kind != nodeMap {
		r.p.at(n, "type", "%s is %s; write a mapping with %s", what, n.kind, strings.Join(keys, ", "))
		return false
	}
	for _, k := range n.keys {
		if !slices.Contains(keys, k.text) {
			r.p.at(k, "unknown-key", "%s has no key %s%s; it takes %s", what, quote(k.text), didYouMean(k.text, keys), strings.Join(keys, ", "))
		}
	}
	return true
}

// anyMapping checks that n is a mapping, whatever its keys.
func (r reader) anyMapping(n *node, what string) bool {
	if n.kind != nodeMap {
		hint := ""
		if strings.Contains(n.text, "[") {
			hint = "; a key that holds \" #\" or \": \" needs quotes, e.g. 'custom[\"Site #1\"]'"
		}
		r.p.at(n, "type", "%s is %s; write a mapping%s", what, n.kind, hint)
		return false
	}
	return true
}

func (r reader) text(n *node, what string) (string, bool) {
	if n.kind != nodeString || n.text == "" {
		hint := ""
		if n.kind == nodeNumber || n.kind == nodeBool {
			hint = "; quote it"
		}
		r.p.at(n, "type", "%s is %s; write a text%s", what, describe(n), hint)
		return "", false
	}
	return n.text, true
}

func (r reader) oneOf(n *node, what string, choices ...string) string {
	if n.kind == nodeString && slices.Contains(choices, n.text) {
		return n.text
	}
	r.p.at(n, "value", "%s is %s; write %s%s", what, describe(n), strings.Join(choices, " or "), didYouMean(n.text, choices))
	return ""
}

func describe(n *node) string {
	if n.kind == nodeString {
		return quote(n.text)
	}
	if n.scalar() && n.kind != nodeNull {
		return n.text
	}
	return n.kind.String()
}

// version checks the key every file starts with.
func (r reader) version(root *node) {
	v := root.get("version")
	switch {
	case v == nil:
		r.p.at(root, "version", "version is missing; start with \"version: 1\"")
	case v.kind != nodeNumber || v.text != "1":
		r.p.at(v, "version", "version is %s; this release reads version 1", describe(v))
	}
}

type layoutCompiler struct {
	reader
	layout *Layout
	fold   bool
	bare   bool // references are written as bare ids
	times  times
	absent *node           // of the file
	used   map[string]bool // shapes that a kind is like
}

func compileLayout(root *node, p *problems) *Layout {
	c := layoutCompiler{reader: reader{p}, layout: &Layout{byName: map[string]*KindLayout{}}, used: map[string]bool{}}
	if !c.mapping(root, "a layout", "version", "provider", "keys", "times", "references", "absent", "shapes", "kinds") {
		return nil
	}
	c.version(root)
	if n := root.get("provider"); n != nil {
		c.layout.provider, _ = c.text(n, "provider")
	}
	if n := root.get("keys"); n != nil {
		c.fold = c.oneOf(n, "keys", "exact", "fold") == "fold"
	}
	if n := root.get("references"); n != nil {
		c.bare = c.oneOf(n, "references", "object", "id") == "id"
	}
	if n := root.get("times"); n != nil {
		c.readTimes(n)
	}
	c.absent = c.onlyNull(root.get("absent"))
	shapes := root.get("shapes")
	if shapes != nil && !c.anyMapping(shapes, "shapes") {
		shapes = nil
	}
	kinds := root.get("kinds")
	switch {
	case kinds == nil:
		p.at(root, "missing", "kinds is missing")
	case c.anyMapping(kinds, "kinds"):
		for i, k := range kinds.keys {
			c.kind(k, kinds.items[i], shapes)
		}
		c.unused(shapes)
	}
	order := slices.Concat(psa.ConfigKinds(), psa.RecordKinds())
	slices.SortStableFunc(c.layout.kinds, func(a, b *KindLayout) int {
		return slices.Index(order, a.kind) - slices.Index(order, b.kind)
	})
	return c.layout
}

func (c *layoutCompiler) onlyNull(n *node) *node {
	if n != nil && n.kind != nodeNull {
		c.p.at(n, "value", "absent is %s; for a whole file or kind it is ~ or left out", describe(n))
	}
	return n
}

func (c *layoutCompiler) readTimes(n *node) {
	if !c.mapping(n, "times", "zone", "empty_before") {
		return
	}
	if z := n.get("zone"); z != nil {
		c.times.utc = c.oneOf(z, "zone", "UTC") == "UTC"
	}
	if y := n.get("empty_before"); y != nil {
		if y.kind != nodeNumber || !plainInt.MatchString(y.text) || len(y.text) > 4 {
			c.p.at(y, "value", "empty_before is %s; write a year, e.g. 1981", describe(y))
			return
		}
		for _, d := range strings.TrimPrefix(y.text, "-") {
			c.times.emptyBefore = c.times.emptyBefore*10 + int(d-'0')
		}
	}
}

// kindNames lists what may stand as a kind.
func kindNames() []string {
	var names []string
	for _, k := range slices.Concat(psa.ConfigKinds(), psa.RecordKinds()) {
		names = append(names, string(k))
	}
	return names
}

func (c *layoutCompiler) kindName(n *node, s string) (psa.Kind, bool) {
	if psa.Kind(s).Valid() {
		return psa.Kind(s), true
	}
	c.p.at(n, "unknown-kind", "%s is no kind%s", quote(s), didYouMean(s, kindNames()))
	return "", false
}

func (c *layoutCompiler) kind(key, n, shapes *node) {
	kindName, variant, slash := strings.Cut(key.text, "/")
	kind, ok := c.kindName(key, kindName)
	if !ok {
		return
	}
	if slash && variant == "" {
		c.p.at(key, "key", "%s has no variant behind its slash", quote(key.text))
		return
	}
	if !c.anyMapping(n, key.text) {
		return
	}
	n = c.like(n, shapes, map[string]bool{})
	if !c.mapping(n, key.text, "like", "where", "absent", "id", "parent", "active", "updated", "version", "fields") {
		return
	}
	k := &KindLayout{kind: kind, variant: variant, provider: c.layout.provider, plan: newPlan(c.fold), objects: !c.bare}
	s := &scope{layoutCompiler: c, plan: k.plan, absent: c.absent}
	if a := n.get("absent"); a != nil {
		s.absent = c.onlyNull(a)
	}
	if w := n.get("where"); w != nil {
		k.keepPlan = newPlan(c.fold)
		k.keep = (&scope{layoutCompiler: c, plan: k.keepPlan}).cond(w)
	}
	if id := n.get("id"); id != nil {
		k.id = s.rowID(id)
	} else {
		c.p.at(key, "missing", "%s has no id", key.text)
	}
	if p := n.get("parent"); p != nil {
		s.parent(p, k)
	}
	own := *s
	own.absent = nil // a row without the path is active, and has no stamp
	k.active = own.optional(n.get("active"), "active", psa.TypeBool)
	k.updated = own.optional(n.get("updated"), "updated", psa.TypeTime)
	k.version = own.optional(n.get("version"), "version", psa.TypeString)
	if f := n.get("fields"); f != nil && c.anyMapping(f, "fields") {
		k.rules = s.rules(f, psa.Schema(kind), string(kind))
	} else if f == nil {
		c.p.at(key, "missing", "%s has no fields", key.text)
	}
	c.layout.kinds = append(c.layout.kinds, k)
	c.layout.byName[key.text] = k
}

// like lays n over the shape it names. A field of n replaces the shape's, ~
// removes it.
func (c *layoutCompiler) like(n, shapes *node, seen map[string]bool) *node {
	ref := n.get("like")
	if ref == nil {
		return n
	}
	name, ok := c.text(ref, "like")
	if !ok {
		return n
	}
	var base *node
	var names []string
	if shapes != nil {
		base = shapes.get(name)
		for _, k := range shapes.keys {
			names = append(names, k.text)
		}
	}
	switch {
	case base == nil:
		c.p.at(ref, "unknown-shape", "there is no shape %s%s", quote(name), didYouMean(name, names))
		return n
	case seen[name]:
		c.p.at(ref, "cycle", "shape %s is like itself", quote(name))
		return n
	case !c.anyMapping(base, "shape "+name):
		return n
	}
	seen[name], c.used[name] = true, true
	return overlay(c.like(base, shapes, seen), n)
}

// unused finds shapes that no kind is like: what stands in them is never read.
func (c *layoutCompiler) unused(shapes *node) {
	if shapes == nil {
		return
	}
	for _, k := range shapes.keys {
		if !c.used[k.text] {
			c.p.at(k, "unused-shape", "no kind is like the shape %s; remove it", quote(k.text))
		}
	}
}

// overlay lays top over base: mappings under "fields" merge by key, everything
// else is replaced, ~ removes.
func overlay(base, top *node) *node {
	out := *top
	out.keys, out.items = nil, nil
	for i, k := range base.keys {
		over := top.get(k.text)
		switch {
		case k.text == "like":
		case over == nil:
			out.keys, out.items = append(out.keys, k), append(out.items, base.items[i])
		case k.text == "fields" && over.kind == nodeMap && base.items[i].kind == nodeMap:
			out.keys, out.items = append(out.keys, k), append(out.items, overlay(base.items[i], over))
		}
	}
	for i, k := range top.keys {
		v := top.items[i]
		was := base.get(k.text)
		merged := k.text == "fields" && was != nil && was.kind == nodeMap && v.kind == nodeMap
		if k.text == "like" || merged || v.kind == nodeNull && was != nil && k.text != "absent" {
			continue
		}
		out.keys, out.items = append(out.keys, k), append(out.items, v)
	}
	return &out
}
