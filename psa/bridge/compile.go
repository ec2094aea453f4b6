package bridge

import (
	"slices"
	"strings"

	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// compiled is a field map ready for use with two systems. It is immutable.
type compiled struct {
	m      *mapping.Map
	mapper *mapping.Mapper
	kinds  map[psa.Kind]*kindRules
	cats   [2]psa.Catalog
	digest string // changes when the map's meaning does
}

// kindRules are the rules of one kind.
type kindRules struct {
	kind   psa.Kind
	units  []unit
	groups []group
	match  []matchKey
	marker [2]string // field that holds the bridge's marker; "" if there is none
	needs  [2][]string
	oneWay [2]bool // some units go to this side only
}

// A unit is what is decided at once about one left field: one rule, or several
// of which the first whose condition holds applies.
type unit struct {
	name   string // in bases, tasks and strategies: the left field
	left   path   // nil where the map alone gives the right value
	right  []path // of each rule
	rule   mapping.Rule
	wheres []string // of each rule
	writes [2]bool  // the sides that take the field on update
	// oneWay units are compared as the written side tells them; what the other
	// side tells is then the mapped value.
	oneWay bool
	to     Side // of a oneWay unit
	group  int
}

// A group is one unit, or several that only make sense together.
type group struct {
	name  string
	units []int
}

// A matchKey is a pair of fields that identifies a record on both sides.
type matchKey struct{ paths [2]path }

// A path leads to a value within fields.
type path []string

func newPath(s string) path {
	if s == "" {
		return nil
	}
	return strings.Split(s, ".")
}

func (p path) String() string { return strings.Join(p, ".") }

// leads reports whether a field is this path, or what it leads into.
func (p path) leads(field string) bool {
	return len(p) > 0 && (p[0] == field || len(p) > 1 && p.String() == field)
}

// get returns the value of a path; absent is not known.
func (p path) get(f psa.Fields) conflict.Value {
	if len(p) == 0 {
		return conflict.Value{}
	}
	for _, seg := range p[:len(p)-1] {
		v, ok := f[seg]
		if !ok {
			return conflict.Value{}
		}
		if v == nil {
			return conflict.Of(nil)
		}
		if f, ok = v.(psa.Fields); !ok {
			return conflict.Value{}
		}
	}
	v, ok := f[p[len(p)-1]]
	if !ok {
		return conflict.Value{}
	}
	return conflict.Of(v)
}

// set writes a value into fields that are the caller's own.
func (p path) set(f psa.Fields, v any) {
	for _, seg := range p[:len(p)-1] {
		next, ok := f[seg].(psa.Fields)
		if !ok {
			next = psa.Fields{}
			f[seg] = next
		}
		f = next
	}
	f[p[len(p)-1]] = v
}

// with returns fields with a value set, sharing what it can.
func (p path) with(f psa.Fields, v any) psa.Fields {
	c := make(psa.Fields, len(f)+1)
	for k, x := range f {
		c[k] = x
	}
	if len(p) == 1 {
		c[p[0]] = v
		return c
	}
	in, _ := f[p[0]].(psa.Fields)
	c[p[0]] = p[1:].with(in, v)
	return c
}

func compile(m *mapping.Map, cfg *mapping.Config, offers [2]psa.Features) (*compiled, error) {
	mapper, err := m.Compile(cfg)
	if err != nil {
		return nil, err
	}
	c := &compiled{m: m, mapper: mapper, kinds: map[psa.Kind]*kindRules{}, cats: [2]psa.Catalog{cfg.Left, cfg.Right}, digest: m.Digest()}
	for _, kind := range m.Kinds() {
		if slices.Contains(bridged, kind) {
			c.kinds[kind] = newKindRules(m, mapper, kind, offers)
		}
	}
	return c, nil
}

func newKindRules(m *mapping.Map, mapper *mapping.Mapper, kind psa.Kind, offers [2]psa.Features) *kindRules {
	rules := mapper.Rules(kind)
	k := &kindRules{kind: kind, units: make([]unit, 0, len(rules))}
	for _, r := range rules {
		if !r.ToLeft && !r.ToRight {
			continue
		}
		if n := len(k.units); r.Left != "" && n > 0 && k.units[n-1].name == r.Left {
			u := &k.units[n-1]
			u.right, u.wheres = append(u.right, newPath(r.Right)), append(u.wheres, r.Where)
			continue
		}
		u := unit{name: r.Left, left: newPath(r.Left), right: []path{newPath(r.Right)}, rule: r, wheres: []string{r.Where}}
		if r.Left == "" {
			u.name = ">" + r.Right
		}
		u.writes[Left] = r.ToLeft && !r.OnCreateLeft && offers[Left].Takes(kind, r.Left, false)
		u.writes[Right] = r.ToRight && !r.OnCreateRight && offers[Right].Takes(kind, r.Right, false)
		if u.oneWay = u.writes[Left] != u.writes[Right]; u.oneWay && u.writes[Right] {
			u.to = Right
		}
		k.units = append(k.units, u)
	}
	k.oneWay[Left] = slices.ContainsFunc(k.units, func(u unit) bool { return u.oneWay && u.to == Left })
	k.oneWay[Right] = slices.ContainsFunc(k.units, func(u unit) bool { return u.oneWay && u.to == Right })
	for s := range 2 {
		f := offers[s][kind]
		k.needs[s] = f.Required
		k.marker[s] = f.Marker
		for _, u := range k.units {
			for _, p := range sidePaths(&u, Side(s)) {
				if p.String() == f.Marker {
					k.marker[s] = "" // the map has a use of its own for it
				}
			}
		}
	}
	for _, pair := range m.Match(kind) {
		k.match = append(k.match, matchKey{[2]path{newPath(pair[0]), newPath(pair[1])}})
	}
	if len(k.match) == 0 {
		k.match = k.defaultMatch()
	}
	k.groupUnits(m.Groups(kind), offers)
	return k
}

func sidePaths(u *unit, s Side) []path {
	if s == Right {
		return u.right
	}
	if u.left == nil {
		return nil
	}
	return []path{u.left}
}

// defaultMatch takes the rules for fields that identify a record.
func (k *kindRules) defaultMatch() []matchKey {
	keys := map[psa.Kind][]string{
		psa.KindCompany: {"identifier", "name"}, psa.KindSite: {"name"}, psa.KindContact: {"email"},
	}[k.kind]
	var out []matchKey
	for _, name := range keys {
		for _, u := range k.units {
			if u.name == name && len(u.right) == 1 && u.right[0] != nil {
				out = append(out, matchKey{[2]path{u.left, u.right[0]}})
			}
		}
	}
	return out
}

// groupUnits joins units that share a group of either system, or of the map.
func (k *kindRules) groupUnits(own [][]string, offers [2]psa.Features) {
	at := make([]int, len(k.units))
	for i := range at {
		at[i] = i
	}
	join := func(s Side, fields []string) {
		first := -1
		for i := range k.units {
			hit := slices.ContainsFunc(sidePaths(&k.units[i], s), func(p path) bool {
				return len(p) > 0 && (slices.Contains(fields, p[0]) || slices.Contains(fields, p.String()))
			})
			if !hit {
				continue
			}
			if first < 0 {
				first = i
				continue
			}
			from, to := at[i], at[first]
			for j := range at {
				if at[j] == from {
					at[j] = to
				}
			}
		}
	}
	for _, g := range own {
		join(Left, g)
	}
	for s := range 2 {
		for _, g := range offers[s][k.kind].Groups {
			join(Side(s), g)
		}
	}
	index := map[int]int{}
	for i := range k.units {
		n, ok := index[at[i]]
		if !ok {
			n = len(k.groups)
			index[at[i]] = n
			k.groups = append(k.groups, group{})
		}
		k.units[i].group = n
		k.groups[n].units = append(k.groups[n].units, i)
	}
	for i := range k.groups {
		var names []string
		for _, u := range k.groups[i].units {
			names = append(names, k.units[u].name)
		}
		k.groups[i].name = strings.Join(names, "+")
	}
}

// fieldOn is where a side keeps what the canonical field of the left side holds.
func (k *kindRules) fieldOn(s Side, field string) path {
	if s == Right {
		for i := range k.units {
			if u := &k.units[i]; u.name == field && len(u.right) > 0 && u.right[0] != nil {
				return u.right[0]
			}
		}
	}
	return path{field}
}

// refID returns the id of the record that a field refers to.
func (k *kindRules) refID(s Side, field string, f psa.Fields) string {
	v, _ := k.fieldOn(s, field).get(f).Get()
	switch v := v.(type) {
	case psa.Fields:
		return v.String("id")
	case string:
		return v
	}
	return ""
}

// own returns what a side tells of a unit, as that side has it.
func (u *unit) own(s Side, f psa.Fields) conflict.Value {
	if s == Left {
		return u.left.get(f)
	}
	if len(u.right) == 1 {
		return u.right[0].get(f)
	}
	values, known := make([]any, len(u.right)), false
	for i, p := range u.right {
		v, ok := p.get(f).Get()
		values[i], known = v, known || ok
	}
	if !known {
		return conflict.Value{}
	}
	return conflict.Of(values)
}
