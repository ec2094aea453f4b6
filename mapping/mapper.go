package mapping

import (
	"cmp"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// Config tells Compile and Lint what the two systems offer at present.
type Config struct {
	// Left and Right are the systems' catalogs. Without one, captions of custom
	// fields on that side cannot be used, and references that a map writes there
	// have a name and no id.
	Left, Right psa.Catalog
	// LeftMembers and RightMembers are records of kind member, for rules with
	// member. They need the fields email, name and identifier.
	LeftMembers, RightMembers []psa.Record
	// LeftFeatures and RightFeatures tell Lint which fields belong together.
	LeftFeatures, RightFeatures psa.Features
}

func (c *Config) catalog(s Side) psa.Catalog {
	if s == Left {
		return c.Left
	}
	return c.Right
}

// A Mapper applies a map to records. It is immutable and safe for concurrent
// use; make a new one when a catalog has changed.
type Mapper struct {
	m     *Map
	kinds map[psa.Kind]*kindMapper
}

type kindMapper struct {
	kind   psa.Kind
	rules  []*mapRule   // in the order of the file
	groups []*ruleGroup // in the order of application
	scoped int          // the first group that looks at a scope
	sets   [2][]setter  // constants
	create [2][]setter

	size      [2]int      // how many fields a side gets at most
	scopeRows []*rowTable // for each rule of the scope, what tells the names of its rows
}

// A ruleGroup holds the rules for one left field; the first whose condition
// holds applies.
type ruleGroup struct {
	rank  int
	rules []*mapRule
}

// A mapRule is a compiled fieldRule.
type mapRule struct {
	*fieldRule
	fields    [2]fieldPath // captions resolved
	by        [2]bool      // of the rule, or of a path to a part of a reference
	where     string
	fits      [2]fit
	named     psa.Class     // of the left field, where the catalog tells
	text      [2]bool       // the other side is a part of a reference
	scope     [2]*fieldPath // the field whose row scopes a reference
	tables    [2]map[string]map[string]any
	ready     [2]map[string]any // what values become, where they alone decide
	readyAs   [2]psa.Type       // what ready fits
	plain     bool              // values pass as they are
	lossy     bool              // the other side may hold another value that is as good
	asks      bool              // a transform tells what means the same
	unordered bool              // lists are sets
	skip      [2]bool
	create    [2]bool // written on create only
	other     [2]any
	inside    *kindMapper // of each
	members   *memberTable
}

// A setter gives a field a value of the map.
type setter struct {
	field  fieldPath
	fit    fit
	value  any
	scope  *fieldPath
	by     *fieldPath
	values map[string]any
	ready  any // value, fitted; nil where it depends on the record
	where  string
	leave  bool // create: ~ leaves the field to the system
}

// Compile resolves the names of a map against the catalogs. The error is an
// [*Error] where a name cannot be resolved at all; [Map.Lint] tells more.
func (m *Map) Compile(cfg *Config) (*Mapper, error) {
	var p problems
	mp := m.compile(cfg, &p)
	if err := p.err(); err != nil {
		return nil, err
	}
	return mp, nil
}

// compile leaves the rules out that have problems.
func (m *Map) compile(cfg *Config, p *problems) *Mapper {
	if cfg == nil {
		cfg = &Config{}
	}
	mp := &Mapper{m: m, kinds: map[psa.Kind]*kindMapper{}}
	var rows [2]*rowTables
	for s := range rows {
		rows[s] = &rowTables{cat: cfg.catalog(Side(s)), byKind: map[psa.Kind]*rowTable{}}
	}
	for _, km := range m.kinds {
		p.kind = km.kind
		c := kindCompiler{cfg: cfg, p: p, kind: km.kind, rows: rows}
		c.schema(cfg)
		mp.kinds[km.kind] = c.compile(km)
	}
	return mp
}

// fieldsOf returns the fields a side has for a kind: what its catalog says,
// else the canonical schema for the left side, else nil, which means unknown.
func fieldsOf(cat psa.Catalog, s Side, kind psa.Kind) []psa.Field {
	if cat != nil {
		return cat.Fields(kind)
	}
	if s == Left {
		return psa.Schema(kind)
	}
	return nil
}

type kindCompiler struct {
	cfg    *Config
	p      *problems
	kind   psa.Kind
	fields [2][]psa.Field
	known  [2]bool
	rows   [2]*rowTables
	folded [2]map[string][]int // indexes of custom fields by folded caption
}

func (c *kindCompiler) schema(cfg *Config) {
	for s := range c.fields {
		c.fields[s] = fieldsOf(cfg.catalog(Side(s)), Side(s), c.kind)
		c.known[s] = cfg.catalog(Side(s)) != nil || Side(s) == Left
	}
}

func (c *kindCompiler) compile(km *kindMap) *kindMapper {
	k := &kindMapper{kind: km.kind}
	for _, s := range km.scope {
		f := fieldPath{segs: []string{s.field}}
		c.names(&f, Left)
		if i := slices.IndexFunc(c.fields[Left], func(f psa.Field) bool { return f.Name == s.field && f.Type == psa.TypeRefs }); i >= 0 {
			f.rows = c.rows[Left].of(c.fields[Left][i].Kind)
		}
		k.scopeRows = append(k.scopeRows, f.rows)
	}
	for _, r := range km.rules {
		mr := c.rule(r)
		if mr == nil {
			continue
		}
		k.rules = append(k.rules, mr)
		if n := len(k.groups); n > 0 && k.groups[n-1].rules[0].key == r.key {
			g := k.groups[n-1]
			g.rules, g.rank = append(g.rules, mr), max(g.rank, mr.rank())
			continue
		}
		k.groups = append(k.groups, &ruleGroup{rank: mr.rank(), rules: []*mapRule{mr}})
	}
	slices.SortStableFunc(k.groups, func(a, b *ruleGroup) int { return cmp.Compare(a.rank, b.rank) })
	k.scoped = len(k.groups)
	if i := slices.IndexFunc(k.groups, func(g *ruleGroup) bool { return g.rank > 0 }); i >= 0 {
		k.scoped = i
	}
	for s := range k.sets {
		k.sets[s] = c.setters(km.constants[s], Side(s))
		k.create[s] = c.setters(km.create[s], Side(s))
		for i := range k.create[s] {
			set := &k.create[s][i]
			set.leave = set.by == nil && set.value == nil
		}
		k.share(Side(s))
	}
	return k
}

// share finds the paths that lead into what is written as a whole, too, and
// counts the fields.
func (k *kindMapper) share(s Side) {
	var paths []*fieldPath
	for _, g := range k.groups {
		for _, r := range g.rules {
			paths = append(paths, &r.fields[s])
		}
	}
	for _, sets := range [][]setter{k.sets[s], k.create[s]} {
		for i := range sets {
			paths = append(paths, &sets[i].field)
		}
	}
	whole := map[string]bool{}
	for _, f := range paths {
		whole[f.segs[0]] = whole[f.segs[0]] || len(f.segs) == 1
	}
	for _, f := range paths {
		f.shared = whole[f.segs[0]]
	}
	tops := map[string]bool{}
	for _, g := range k.groups {
		for _, r := range g.rules {
			if !r.skip[s] {
				tops[r.fields[s].segs[0]] = true
			}
		}
	}
	k.size[s] = len(tops) + len(k.sets[s]) + len(k.create[s])
}

// rank orders rules so that a scope is mapped before what depends on it.
func (r *mapRule) rank() int {
	if r.per != nil || r.scope[Left] != nil || r.scope[Right] != nil {
		return 1
	}
	return 0
}

// resolve finds the field that a path names. The zero Field means unknown.
func (c *kindCompiler) resolve(f *fieldPath, s Side) (psa.Field, string) {
	if f.caption != "" {
		return c.caption(f, s)
	}
	name := f.segs[0]
	if name == "custom" && len(f.segs) > 1 {
		name = "custom." + f.segs[1]
	}
	field, ok := findField(c.fields[s], name)
	if !ok {
		return psa.Field{}, ""
	}
	rest := len(f.segs) - strings.Count(name, ".") - 1
	if rest == 0 {
		return field, ""
	}
	last := f.segs[len(f.segs)-1]
	if field.Type == psa.TypeRef && rest == 1 && (last == "id" || last == "name") {
		return psa.Field{Name: f.text, Type: psa.TypeString, Class: field.Class, ReadOnly: field.ReadOnly}, ""
	}
	within, open := inner(field)
	if sub, ok := findField(within, last); ok && rest == 1 {
		sub.Class, sub.ReadOnly = field.Class, field.ReadOnly
		return sub, ""
	}
	if open && (field.Type == psa.TypeObject || field.Type == psa.TypeList) {
		return psa.Field{Name: f.text, Class: field.Class}, ""
	}
	return psa.Field{}, quote(field.Name) + " has no " + quote(last) + " in it" + didYouMean(last, fieldNames(within))
}

// part makes a path to the name or id of a reference one to the reference
// itself, so that a text that is written there becomes a whole one.
func (c *kindCompiler) part(f *fieldPath, field *psa.Field, s Side, byID *bool) bool {
	if len(f.segs) != 2 || f.segs[1] != "id" && f.segs[1] != "name" {
		return false
	}
	of, ok := findField(c.fields[s], f.segs[0])
	if !ok || of.Type != psa.TypeRef {
		return false
	}
	*byID = f.segs[1] == "id"
	f.segs, *field = f.segs[:1:1], of
	return true
}

// caption finds a custom field by its caption.
func (c *kindCompiler) caption(f *fieldPath, s Side) (psa.Field, string) {
	if c.folded[s] == nil {
		c.folded[s] = map[string][]int{}
		for i, field := range c.fields[s] {
			if strings.HasPrefix(field.Name, "custom.") && field.Caption != "" {
				key := foldCaption(field.Caption)
				c.folded[s][key] = append(c.folded[s][key], i)
			}
		}
	}
	var found, exact []psa.Field
	for _, i := range c.folded[s][foldCaption(f.caption)] {
		found = append(found, c.fields[s][i])
		if c.fields[s][i].Caption == f.caption {
			exact = append(exact, c.fields[s][i])
		}
	}
	if len(exact) > 0 {
		found = exact
	}
	switch {
	case !c.known[s] || c.cfg.catalog(s) == nil:
		return psa.Field{}, "custom fields by caption need the catalog of the " + s.String() + " side; without one, write custom.<id>"
	case len(found) == 0:
		var captions []string
		for _, field := range c.fields[s] {
			if strings.HasPrefix(field.Name, "custom.") && field.Caption != "" {
				captions = append(captions, field.Caption)
			}
		}
		return psa.Field{}, "the " + s.String() + " side has no custom field " + quote(f.caption) + " on " + string(c.kind) + didYouMean(f.caption, captions)
	case len(found) > 1:
		return psa.Field{}, "the " + s.String() + " side has several custom fields " + quote(f.caption) + " on " + string(c.kind) + "; write custom.<id>"
	}
	f.segs = strings.SplitN(found[0].Name, ".", 2)
	return found[0], ""
}

func (c *kindCompiler) rule(r *fieldRule) *mapRule {
	if r.per != nil || r.template != nil || r.conditional() {
		own := *r // captions get resolved in the copy
		for s := range own.when {
			own.when[s] = slices.Clone(own.when[s])
		}
		if own.template != nil {
			own.template = &template{own.template.texts, slices.Clone(own.template.fields)}
		}
		r = &own
	}
	mr := &mapRule{fieldRule: r, fields: r.fields, by: r.by, where: where(r.at)}
	ok := true
	for s := range mr.fields {
		side := Side(s)
		f, msg := c.resolve(&mr.fields[s], side)
		if msg != "" {
			c.p.at(r.at, "unknown-field", "%s", msg)
			ok = false
			continue
		}
		if r.types[s] != "" {
			f.Type = r.types[s]
		}
		if c.part(&mr.fields[s], &f, side, &mr.by[s]) && mr.fits[1-s].typ == "" && r.types[1-s] == "" {
			mr.text[1-s] = true
		}
		c.names(&mr.fields[s], side)
		if side == Left {
			mr.named = f.Class
		}
		mr.fits[s] = c.fit(f, side, mr.by[s])
		mr.scope[s] = c.scopeField(f, side)
		mr.skip[s] = f.ReadOnly || !r.direction.allows(side)
		mr.create[s] = f.CreateOnly
	}
	if !ok {
		return nil
	}
	for s := range mr.fits {
		if mr.text[s] && mr.fits[s].typ == "" {
			mr.fits[s].typ = psa.TypeString
		}
	}
	// What the catalog does not know is as the other side's, but a reference
	// becomes its name: only a catalog can say that the host has rows of its own.
	if mr.fits[Right].typ == "" && mr.fits[Left].typ != "" && len(r.steps) == 0 && len(r.values) == 0 {
		if t := mr.fits[Left].typ; t != psa.TypeRef {
			mr.fits[Right].typ = t
		} else if mr.fits[Left].kind.IsRecord() {
			mr.fits[Right].typ, mr.fits[Right].kind = t, mr.fits[Left].kind
		}
	}
	c.conditions(r)
	c.tables(mr)
	if r.unknown == unknownDefault {
		for s, d := range r.defaults {
			if d != nil {
				mr.other[s] = d.value()
			}
		}
	}
	if r.each != nil {
		inside := kindCompiler{cfg: c.cfg, p: c.p, kind: c.kind, rows: c.rows}
		for s := range inside.fields {
			f, _ := c.resolve(&mr.fields[s], Side(s))
			inside.fields[s], _ = inner(f)
			inside.known[s] = inside.fields[s] != nil
		}
		mr.inside = inside.compile(&kindMap{kind: c.kind, rules: r.each})
	}
	if r.member != nil {
		mr.members = newMemberTable(r.member, c.cfg)
	}
	mr.lossy = slices.ContainsFunc(r.steps, func(t Transform) bool { return t.Lossy != "" }) || len(r.prefer) > 0
	mr.asks = len(r.values) == 0 && slices.ContainsFunc(r.steps, func(t Transform) bool { return t.Same != nil })
	for s := range mr.fits {
		t := mr.fits[s].typ
		mr.unordered = mr.unordered || t == psa.TypeRefs || t == psa.TypeIDs || t == psa.TypeOption
	}
	mr.plain = len(r.values) == 0 && len(r.steps) == 0 && r.template == nil && r.each == nil && r.member == nil && !r.visibility &&
		mr.fits[Left].typ == mr.fits[Right].typ && mr.fits[Left].passes() && mr.fits[Right].passes()
	return mr
}

// conditions resolves the fields of a rule's conditions, scope and template.
func (c *kindCompiler) conditions(r *fieldRule) {
	if r.per != nil {
		per := *r.per
		c.names(&per, Left)
		r.per = &per
	}
	for s := range r.when {
		for i := range r.when[s] {
			c.path(&r.when[s][i].field, Side(s), r.when[s][i].at)
		}
	}
	if r.template != nil {
		for i := range r.template.fields {
			c.path(&r.template.fields[i], Left, r.at)
		}
	}
}

func (c *kindCompiler) path(f *fieldPath, s Side, at *node) {
	if f.caption == "" {
		c.names(f, s)
		return
	}
	if _, msg := c.resolve(f, s); msg != "" {
		c.p.at(at, "unknown-field", "%s", msg)
	}
}

// scopeField returns the field whose row scopes the rows that f refers to:
// board for the status of a ticket.
func (c *kindCompiler) scopeField(f psa.Field, s Side) *fieldPath {
	cat := c.cfg.catalog(s)
	if cat == nil || f.Kind == "" || f.Type != psa.TypeRef {
		return nil
	}
	scopes := cat.Scopes(f.Kind)
	if len(scopes) == 0 {
		return nil
	}
	for _, o := range c.fields[s] {
		if o.Kind == scopes[0].Kind && o.Type == psa.TypeRef && o.Name != f.Name {
			p, _ := parseFieldPath(o.Name)
			c.names(&p, s)
			return &p
		}
	}
	return nil
}

// tables makes the value maps of both directions.
func (c *kindCompiler) tables(mr *mapRule) {
	if len(mr.values) == 0 {
		return
	}
	mr.tables = [2]map[string]map[string]any{{}, {}}
	add := func(s Side, scope, key string, v any) {
		t := mr.tables[s][scope]
		if t == nil {
			t = map[string]any{}
			mr.tables[s][scope] = t
		}
		if _, dup := t[key]; !dup {
			t[key] = v
		}
	}
	for _, p := range mr.values {
		add(Right, p.scope, p.left, p.right.value())
		if mr.goesBack(p) {
			add(Left, p.scope, p.right.text, p.left)
		}
	}
	mr.prepare()
}

// prepare fits the values of the map once, where nothing of the record has a
// say in what they become.
func (r *mapRule) prepare() {
	if r.per != nil || len(r.steps) > 0 || r.visibility {
		return
	}
	for s := range r.tables {
		if r.scope[s] != nil {
			continue
		}
		to, from, x := r.fits[s].element(), r.fits[1-s].element(), apply{to: Side(s)}
		r.ready[s], r.readyAs[s] = map[string]any{}, to.typ
		for text, v := range r.tables[s][""] {
			if v != nil {
				var t *trouble
				if v, t = to.value(&x, v, &from, nil, true); t != nil {
					continue
				}
			}
			r.ready[s][text] = v
		}
	}
}

func (c *kindCompiler) setters(rules []setRule, s Side) []setter {
	var out []setter
	for _, r := range rules {
		f, msg := c.resolve(&r.field, s)
		if msg != "" {
			c.p.at(r.at, "unknown-field", "%s", msg)
			continue
		}
		set := setter{field: r.field, where: where(r.at), scope: c.scopeField(f, s)}
		c.names(&set.field, s)
		byID := r.value.kind == nodeMap && r.by == nil
		c.part(&set.field, &f, s, new(bool))
		set.fit = c.fit(f, s, byID)
		switch {
		case r.by != nil:
			by := *r.by
			c.names(&by, s)
			set.by = &by
			set.values = map[string]any{}
			for i, k := range r.values.keys {
				set.values[k.text] = r.values.items[i].value()
			}
		case byID:
			set.value = r.value.get("id").text
		default:
			set.value = r.value.value()
		}
		if set.value != nil && set.scope == nil {
			if v, t := set.fit.value(&apply{to: s}, set.value, &fit{}, nil, true); t == nil {
				set.ready = v
			}
		}
		out = append(out, set)
	}
	return out
}
