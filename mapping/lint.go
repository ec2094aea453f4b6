package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// Codes of the findings of [Map.Lint]; they are stable.
const (
	CodeUnknownField = "unknown-field"     // the side has no such field
	CodeUnknownKind  = "unknown-kind"      // the side does not offer the kind
	CodeNoSuchOption = "no-such-option"    // the side does not offer this value there
	CodeUncovered    = "uncovered-value"   // no rule for a value that the side offers
	CodeRequired     = "required"          // nobody fills a required field on create
	CodeGroup        = "incomplete-group"  // a field that goes with others is not mapped
	CodeCustomLost   = "custom-field-lost" // no rule for a custom field
	CodeReadOnly     = "read-only"         // the rule writes what cannot be written
	CodeType         = "type"              // the types of the two fields do not fit
	CodeLossy        = "lossy"             // what comes back may be another value, as declared
	CodeManyToOne    = "many-to-one"       // several values become one
	CodeRoundTrip    = "round-trip"        // what comes back is another value
	CodeMember       = "member"            // a member the map names is not there
)

// Lint compares a map with what the two systems offer at present and returns
// everything it finds, in the order of the files. A catalog that is nil is
// not compared with. A map without findings of severity psa.Failure compiles,
// loses nothing silently and can go back wherever it says so.
func (m *Map) Lint(left, right psa.Catalog) []psa.Finding {
	return m.LintWith(&Config{Left: left, Right: right})
}

// LintWith is Lint with everything that Config tells.
func (m *Map) LintWith(cfg *Config) []psa.Finding {
	if cfg == nil {
		cfg = &Config{}
	}
	return m.lint(cfg, nil)
}

// lint adds to proofs what the round trips came to, unless it is nil.
func (m *Map) lint(cfg *Config, proofs *[]Proof) []psa.Finding {
	var p problems
	mp := m.compile(cfg, &p)
	for _, km := range m.kinds {
		p.kind = km.kind
		l := linter{cfg: cfg, p: &p, km: km, mp: mp, k: mp.kinds[km.kind], proofs: proofs}
		l.c = kindCompiler{cfg: cfg, p: &problems{}, kind: km.kind}
		l.c.schema(cfg)
		l.kind()
	}
	return p.findings()
}

type linter struct {
	cfg *Config
	p   *problems
	km  *kindMap
	mp  *Mapper
	k   *kindMapper
	c   kindCompiler

	proofs *[]Proof
}

func (l *linter) add(n *node, s psa.Severity, code, format string, args ...any) {
	l.p.add(n, s, code, fmt.Sprintf(format, args...))
}

func (l *linter) kind() {
	for s := range l.c.fields {
		if cat := l.cfg.catalog(Side(s)); cat != nil && l.c.fields[s] == nil {
			l.add(l.km.at, psa.Failure, CodeUnknownKind, "the %s side does not offer the kind %s", Side(s), l.km.kind)
			return
		}
	}
	for _, g := range l.k.groups {
		for _, r := range g.rules {
			l.rule(r)
		}
	}
	for s := range l.km.create {
		l.sets(l.km.create[s], l.k.create[s], Side(s))
		l.sets(l.km.constants[s], l.k.sets[s], Side(s))
		l.required(Side(s))
		l.groups(Side(s))
	}
	for _, m := range l.km.match {
		for s := range m.fields {
			f := m.fields[s]
			l.exists(&f, Side(s), m.at)
		}
	}
	l.scope()
	l.custom()
}

// exists reports a field that its side does not have.
func (l *linter) exists(f *fieldPath, s Side, at *node) bool {
	if !l.c.known[s] {
		return true
	}
	if f.caption != "" {
		if f.segs != nil {
			return true // compile resolved it
		}
		if _, msg := l.c.resolve(f, s); msg != "" {
			l.add(at, psa.Failure, CodeUnknownField, "%s", msg)
			return false
		}
		return true
	}
	if f.segs[0] == "id" {
		return true
	}
	name := f.segs[0]
	if name == "custom" && len(f.segs) > 1 {
		name = "custom." + f.segs[1]
		if l.cfg.catalog(s) == nil {
			return true
		}
	}
	if _, ok := findField(l.c.fields[s], name); ok {
		return true
	}
	l.add(at, psa.Failure, CodeUnknownField, "the %s side has no field %s on %s%s", s, quote(name), l.km.kind, didYouMean(name, fieldNames(l.c.fields[s])))
	return false
}

func (l *linter) rule(r *mapRule) {
	ok := true
	for s := range r.fields {
		ok = l.exists(&r.fields[s], Side(s), r.at) && ok
		for i := range r.when[s] {
			l.exists(&r.when[s][i].field, Side(s), r.when[s][i].at)
		}
	}
	if !ok {
		return
	}
	for s := range r.fields {
		side := Side(s)
		if r.direction.allows(side) && r.skip[s] {
			sev := psa.Warning
			if r.direction != both {
				sev = psa.Failure
			}
			l.add(r.at, sev, CodeReadOnly, "%s is read-only on the %s side and never written; write direction: to_%s", r.fields[s].text, side, side.Other())
		}
	}
	l.types(r)
	l.keys(r)
	l.preferred(r)
	l.uncovered(r)
	l.member(r)
	if l.applies(r) {
		l.roundTrip(r)
	}
}

// types compares the types along a rule.
func (l *linter) types(r *mapRule) {
	left, right := r.fits[Left].typ, r.fits[Right].typ
	if len(r.values) > 0 || r.member != nil || r.each != nil || r.template != nil {
		return
	}
	if len(r.steps) == 0 {
		if !compatible(left, right) {
			l.add(r.at, psa.Failure, CodeType, "%s is a %s and %s is a %s; add a transform or values", r.fields[Left].text, left, r.fields[Right].text, right)
		}
		return
	}
	if in := r.steps[0].In; in != "" && left != "" && !compatible(left, in) {
		l.add(r.stepAt[0], psa.Failure, CodeType, "transform %s takes a %s, and %s is a %s", quote(r.stepAt[0].text), in, r.fields[Left].text, left)
	}
	last := len(r.steps) - 1
	if out := r.steps[last].Out; out != "" && right != "" && !compatible(out, right) {
		l.add(r.stepAt[last], psa.Failure, CodeType, "transform %s makes a %s, and %s is a %s", quote(r.stepAt[last].text), out, r.fields[Right].text, right)
	}
}

// compatible reports whether values pass between two types without a
// transform: references to configuration go by their names.
func compatible(a, b psa.Type) bool {
	if a == "" || b == "" || sameType(a, b) {
		return true
	}
	group := func(t psa.Type) int {
		switch t {
		case psa.TypeString, psa.TypeText, psa.TypeOption, psa.TypeRef:
			return 1
		case psa.TypeRefs, psa.TypeIDs:
			return 2
		}
		return 0
	}
	return group(a) != 0 && group(a) == group(b)
}

// scopesOf returns the scopes that options of a reference are to be looked at
// in: the boards of the kind's scope rule, or all that there are. One empty
// scope stands for options that have none.
func (l *linter) scopesOf(r *mapRule, s Side) psa.Options {
	cat := l.cfg.catalog(s)
	if r.scope[s] == nil {
		return psa.Options{{}}
	}
	of := cat.Scopes(r.fits[s].kind)[0].Kind
	all := cat.Options(of, "")
	if s == Right {
		return all
	}
	i := slices.IndexFunc(l.km.scope, func(sr scopeRule) bool { return sr.field == r.scope[s].text })
	if i < 0 {
		return all
	}
	in := l.km.scope[i].value
	return slices.DeleteFunc(slices.Clone(all), func(o psa.Option) bool {
		if in.kind != nodeSeq {
			return in.text != o.Name && in.text != o.ID
		}
		return !slices.ContainsFunc(in.items, func(n *node) bool { return n.text == o.Name || n.text == o.ID })
	})
}

// live reports whether a field refers to configuration that a catalog lists.
func (l *linter) live(r *mapRule, s Side) bool {
	f := &r.fits[s]
	return f.cat != nil && f.kind != "" && !f.kind.IsRecord() && (f.typ == psa.TypeRef || f.typ == psa.TypeRefs || f.typ == psa.TypeIDs)
}

// chooses reports whether a side offers values to choose from: rows of
// configuration, or the options of a custom field.
func (l *linter) chooses(r *mapRule, s Side) bool { return l.live(r, s) || r.fits[s].options != nil }

// offered returns what a side offers at present within a scope.
func (l *linter) offered(r *mapRule, s Side, scope string) psa.Options {
	f := &r.fits[s]
	if f.options != nil {
		return customOptions(f.options)
	}
	return f.cat.Options(f.kind, scope)
}

// customOptions returns the options of a custom field as if they were rows.
func customOptions(values []string) psa.Options {
	opts := make(psa.Options, len(values))
	for i, v := range values {
		opts[i] = psa.Option{Ref: psa.Ref{Kind: psa.KindCustomField, ID: v}, Name: v}
	}
	return opts
}

// held returns an option as a record holds it.
func (l *linter) held(r *mapRule, s Side, o psa.Option) any {
	if r.fits[s].options != nil {
		return o.ID
	}
	return psa.Reference{ID: o.ID, Name: o.Name}.Fields()
}

func optionText(o psa.Option, byID bool) string {
	if byID {
		return o.ID
	}
	return o.Name
}

func optionTexts(opts psa.Options, byID bool) []string {
	texts := make([]string, len(opts))
	for i, o := range opts {
		texts[i] = optionText(o, byID)
	}
	return texts
}

// keys finds values in a value map that a side does not offer.
func (l *linter) keys(r *mapRule) {
	if len(r.values) == 0 {
		return
	}
	if r.per != nil {
		l.perScopes(r)
	}
	for s := range r.fields {
		side := Side(s)
		if !l.chooses(r, side) || side == Right && r.fits[s].options != nil && len(r.steps) > 0 {
			continue // transforms come between the values and the right field
		}
		cat, f := l.cfg.catalog(side), &r.fits[s]
		for _, p := range r.values {
			text, at := p.left, p.at
			if side == Right {
				if p.right.kind == nodeNull {
					continue
				}
				text, at = p.right.text, p.right
			}
			if f.options != nil {
				if !slices.Contains(f.options, text) {
					l.add(at, psa.Failure, CodeNoSuchOption, "%s", f.notOffered(text))
				}
				continue
			}
			scope, in := "", ""
			if p.scope != "" && p.scope != "*" && side == Left && r.scope[Left] != nil {
				ref, ok := cat.Find(cat.Scopes(f.kind)[0].Kind, "", p.scope)
				if !ok {
					continue // reported by perScopes
				}
				scope, in = ref.ID, " on "+quote(p.scope)
			}
			opts := cat.Options(f.kind, scope)
			if !slices.ContainsFunc(opts, func(o psa.Option) bool { return optionText(o, f.byID) == text }) {
				l.add(at, psa.Failure, CodeNoSuchOption, "the %s side has no active %s %s%s%s", side, f.kind, quote(text), in, didYouMean(text, optionTexts(opts, f.byID)))
			}
		}
	}
}

// perScopes checks the names that values stand under.
func (l *linter) perScopes(r *mapRule) {
	per, ok := findField(l.c.fields[Left], r.per.segs[0])
	if !ok {
		l.exists(r.per, Left, r.at)
		return
	}
	if l.cfg.Left == nil || per.Kind == "" {
		return
	}
	seen := map[string]bool{}
	for _, p := range r.values {
		if p.scope == "*" || seen[p.scope] {
			continue
		}
		seen[p.scope] = true
		if _, ok := l.cfg.Left.Find(per.Kind, "", p.scope); !ok {
			l.add(p.at, psa.Failure, CodeNoSuchOption, "the left side has no %s %s, under which this value stands%s", per.Kind, quote(p.scope),
				didYouMean(p.scope, optionTexts(l.cfg.Left.Options(per.Kind, ""), false)))
		}
	}
}

// uncovered finds live values without a rule.
func (l *linter) uncovered(r *mapRule) {
	if r.member != nil || r.template != nil || r.each != nil || len(r.steps) > 0 || r.unknown == unknownPass && len(r.values) > 0 {
		return
	}
	for s := range r.fields {
		from := Side(s)
		to := from.Other()
		if !r.direction.allows(to) || !l.chooses(r, from) || r.skip[to] {
			continue
		}
		if len(r.values) == 0 && !l.chooses(r, to) {
			continue // names pass as texts
		}
		l.uncoveredFrom(r, from)
	}
}

func (l *linter) uncoveredFrom(r *mapRule, from Side) {
	sev, what := psa.Warning, "is held"
	switch r.unknown {
	case unknownError:
		what = "stops its record"
	case unknownDefault:
		if r.defaults[from.Other()] != nil {
			sev, what = psa.Info, "becomes the default "+quote(r.defaults[from.Other()].text)
		}
	}
	f := &r.fits[from]
	for _, scope := range l.scopesOf(r, from) {
		var missing []string
		for _, o := range l.offered(r, from, scope.ID) {
			x := l.trial(r, from, o, scope)
			v, _ := r.fields[from].get(x.src)
			if r.fits[from].typ == psa.TypeRefs {
				v = []any{psa.Reference{ID: o.ID, Name: o.Name}.Fields()}
			}
			if _, _, t := r.convert(&x, v); t != nil && (t.code == "unmapped-value" || t.code == "no-such-option" && len(r.values) == 0) {
				missing = append(missing, f.option(optionText(o, f.byID)))
			} else if sev == psa.Info && !l.listed(r, from, o, scope) {
				missing = append(missing, f.option(optionText(o, f.byID)))
			}
		}
		if len(missing) == 0 {
			continue
		}
		in := ""
		if scope.ID != "" {
			in = " on " + quote(scope.Name)
		}
		l.add(r.at, sev, CodeUncovered, "%s: no rule for the %s side's %s%s, which %s; add %s to values", r.fields[from].text, from, strings.Join(missing, ", "), in, what,
			map[bool]string{true: "it", false: "them"}[len(missing) == 1])
	}
}

// listed reports whether the value map has an entry for an option.
func (l *linter) listed(r *mapRule, from Side, o psa.Option, scope psa.Option) bool {
	t := r.tables[from.Other()]
	for _, s := range []string{"", scope.Name, "*"} {
		if _, ok := t[s][optionText(o, r.by[from])]; ok {
			return true
		}
	}
	return false
}

// trial prepares the mapping of one option as if a record held it.
func (l *linter) trial(r *mapRule, from Side, o, scope psa.Option) apply {
	src := psa.Fields{}
	r.fields[from].set(src, l.held(r, from, o))
	x := apply{to: from.Other(), src: src, dst: psa.Fields{}, present: psa.Fields{}, silent: true}
	if r.scope[from] != nil && scope.ID != "" {
		r.scope[from].set(src, psa.Reference{ID: scope.ID, Name: scope.Name}.Fields())
	}
	return x
}

func (l *linter) member(r *mapRule) {
	if r.member == nil {
		return
	}
	for s, people := range r.members.people {
		if len(people) > 0 && r.member.unmatched == "fallback" && r.members.fallback[s] == nil && r.direction.allows(Side(s)) && Side(s) == Left {
			l.add(r.member.at, psa.Failure, CodeMember, "the %s side has no active member %s to fall back to", Side(s), quote(r.member.fallback))
		}
	}
	if len(r.members.people[Left]) == 0 {
		return
	}
	for right, left := range r.member.list {
		if r.members.named(Left, left) < 0 {
			l.add(r.member.at, psa.Failure, CodeMember, "the left side has no active member %s, who is listed for %s", quote(left), right)
		}
	}
}

// sets checks the values that the map itself gives.
func (l *linter) sets(rules []setRule, compiled []setter, s Side) {
	for i := range rules {
		f := rules[i].field
		if !l.exists(&f, s, rules[i].at) {
			continue
		}
		j := slices.IndexFunc(compiled, func(c setter) bool { return c.field.text == f.text })
		if j < 0 {
			continue
		}
		set := &compiled[j]
		values := []any{set.value}
		if set.by != nil {
			l.exists(set.by, s, rules[i].at)
			values = nil
			for _, v := range set.values {
				values = append(values, v)
			}
		}
		for _, v := range values {
			if v == nil {
				continue
			}
			x := apply{to: s, src: psa.Fields{}, dst: l.created(compiled, s), silent: true}
			if _, t := set.fit.value(&x, v, &fit{}, set.scope, true); t != nil {
				l.add(rules[i].at, psa.Failure, t.code, "%s", t.msg)
			}
		}
	}
}

// created returns the fields that a side's setters give, so that a status is
// looked up on the board that goes with it.
func (l *linter) created(compiled []setter, s Side) psa.Fields {
	x := apply{to: s, src: psa.Fields{}, dst: psa.Fields{}, silent: true}
	for i := range compiled {
		if compiled[i].scope == nil && compiled[i].by == nil {
			compiled[i].apply(&x)
		}
	}
	return x.dst
}

// filled returns the fields that are written on a side when a record is
// created there.
func (l *linter) filled(s Side) map[string]bool {
	filled := map[string]bool{}
	for _, g := range l.k.groups {
		for _, r := range g.rules {
			if r.direction.allows(s) {
				filled[r.fields[s].text] = true
				if r.fields[s].segs != nil {
					filled[strings.Join(r.fields[s].segs, ".")] = true
					filled[r.fields[s].segs[0]] = true
				}
			}
		}
	}
	for _, sets := range [][]setter{l.k.create[s], l.k.sets[s]} {
		for i := range sets {
			filled[strings.Join(sets[i].field.segs, ".")] = true
			filled[sets[i].field.segs[0]] = true
		}
	}
	return filled
}

// required finds required fields that nobody fills on create. A side that no
// rule writes to gets no new records.
func (l *linter) required(s Side) {
	filled := l.filled(s)
	if len(filled) == 0 || l.cfg.catalog(s) == nil {
		return
	}
	for _, f := range l.c.fields[s] {
		if f.Required && !f.ReadOnly && !filled[f.Name] {
			name := f.Name
			if f.Caption != "" {
				name = fmt.Sprintf("custom[%q]", f.Caption)
			}
			l.add(l.km.at, psa.Failure, CodeRequired, "the %s side requires %s on %s, and no rule or default fills it; add a rule, or create: {%s: {%s: ...}}",
				s, name, l.km.kind, s, name)
		}
	}
}

// groups finds fields that are mapped without those they go with.
func (l *linter) groups(s Side) {
	features := l.cfg.LeftFeatures
	if s == Right {
		features = l.cfg.RightFeatures
	}
	groups := slices.Clone(features[l.km.kind].Groups)
	if s == Left {
		groups = append(groups, l.km.groups...)
	}
	filled := l.filled(s)
	for _, g := range groups {
		var have, lack []string
		for _, f := range g {
			if filled[f] {
				have = append(have, f)
			} else {
				lack = append(lack, f)
			}
		}
		if len(have) > 0 && len(lack) > 0 {
			l.add(l.km.at, psa.Failure, CodeGroup, "%s %s together with %s on the %s side, and no rule or default fills %s; add one, or create: {%s: {%s: ~}} to leave it to that side",
				strings.Join(have, ", "), map[bool]string{true: "goes", false: "go"}[len(have) == 1], strings.Join(lack, ", "), s, strings.Join(lack, ", "), s, lack[0])
		}
	}
}

// scope checks the rules that let records in.
func (l *linter) scope() {
	for _, sr := range l.km.scope {
		if sr.field == "changed" || sr.field == "sample" {
			continue
		}
		f, ok := findField(l.c.fields[Left], sr.field)
		if !ok {
			l.add(sr.at, psa.Failure, CodeUnknownField, "the left side has no field %s on %s%s", quote(sr.field), l.km.kind, didYouMean(sr.field, fieldNames(l.c.fields[Left])))
			continue
		}
		if l.cfg.Left == nil || f.Kind == "" || f.Kind.IsRecord() {
			continue
		}
		items := []*node{sr.value}
		if sr.value.kind == nodeSeq {
			items = sr.value.items
		}
		opts := l.cfg.Left.Options(f.Kind, "")
		for _, it := range items {
			if !slices.ContainsFunc(opts, func(o psa.Option) bool { return o.Name == it.text || o.ID == it.text }) {
				l.add(it, psa.Failure, CodeNoSuchOption, "the left side has no active %s %s%s", f.Kind, quote(it.text), didYouMean(it.text, optionTexts(opts, false)))
			}
		}
	}
}

// custom finds custom fields of the left side that the map leaves behind.
func (l *linter) custom() {
	if l.cfg.Left == nil {
		return
	}
	read := map[string]bool{}
	for _, g := range l.k.groups {
		for _, r := range g.rules {
			read[strings.Join(r.fields[Left].segs, ".")] = true
		}
	}
	for _, f := range l.c.fields[Left] {
		if strings.HasPrefix(f.Name, "custom.") && !read[f.Name] && !read["custom"] {
			l.add(l.km.at, psa.Info, CodeCustomLost, "custom field %s (%s) of %s has no rule and stays behind", quote(f.Caption), f.Name, l.km.kind)
		}
	}
}
