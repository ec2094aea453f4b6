package mapping

import (
	"slices"

	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

// A Side is one of the two systems of a map.
type Side uint8

// The sides. In files, psa is another word for left and app for right.
const (
	Left Side = iota
	Right
)

// String returns "left" or "right".
func (s Side) String() string { return [...]string{"left", "right"}[s] }

// Other returns the opposite side.
func (s Side) Other() Side { return 1 - s }

// A Map is a field map as written, checked for what needs no catalog. It is
// immutable and safe for concurrent use. [Map.Compile] makes it applicable.
type Map struct {
	names [2]string // of the systems, e.g. "connectwise"
	files []string
	root  *node
	kinds []*kindMap
	opts  Options
}

// Options tell Parse what the host adds to the language. The zero value, and
// nil, add nothing.
type Options struct {
	// Transforms are the host's own, by name. A name of a built-in one is
	// refused.
	Transforms map[string]Transform
	// Strategies are the host's own for conflicts, by name. A name that package
	// conflict uses is refused.
	Strategies map[string]conflict.Strategy
}

// kindMap is the part of a map that concerns one kind.
type kindMap struct {
	kind      psa.Kind
	at        *node
	scope     []scopeRule
	match     []matchRule
	groups    [][]string
	create    [2][]setRule // filled on create where no rule gave a value
	constants [2][]setRule // always written
	rules     []*fieldRule // in the order of the file
}

// A scopeRule lets records in.
type scopeRule struct {
	field string
	at    *node
	value *node // a text, or a list of texts
}

// A matchRule pairs fields that identify the same record on both sides.
type matchRule struct {
	fields [2]fieldPath
	at     *node
}

// A setRule gives a field of one side a value of the map.
type setRule struct {
	field  fieldPath
	at     *node
	value  *node
	by     *fieldPath // the value depends on this field of the same side
	values *node
}

type direction uint8

const (
	both direction = iota
	toLeft
	toRight
)

func (d direction) allows(to Side) bool {
	return d == both || d == toLeft && to == Left || d == toRight && to == Right
}

func (d direction) String() string { return [...]string{"both", "to_left", "to_right"}[d] }

type unknownPolicy uint8

const (
	unknownHold unknownPolicy = iota
	unknownError
	unknownPass
	unknownDefault
)

// A fieldRule maps one field.
type fieldRule struct {
	kind       psa.Kind
	key, at    *node // at is the key, or the rule within the key's list
	fields     [2]fieldPath
	types      [2]psa.Type // as declared; "" where the catalog knows
	direction  direction
	when       [2][]whenRule // conditions on fields of each side
	by         [2]bool       // compare references by id
	values     []valuePair
	per        *fieldPath // values stand by this left field, the scope
	prefer     map[string]string
	preferAt   map[string]*node // what the map itself prefers, by right value
	unknown    unknownPolicy
	defaults   [2]*node
	steps      []Transform
	stepAt     []*node
	template   *template
	each       []*fieldRule // of the elements of a list
	member     *memberRule
	owner      string // "left", "right" or ""
	onEdit     string // restore, tolerate, ask
	class      psa.Class
	strategy   conflict.Strategy // nil: none
	conflict   string            // strategy as written
	keepNulls  bool              // a null does not clear the other side
	widen      bool
	visibility bool
}

// conditional reports whether the rule applies to some records only.
func (r *fieldRule) conditional() bool { return len(r.when[Left]) > 0 || len(r.when[Right]) > 0 }

type whenRule struct {
	field fieldPath
	at    *node
	is    []*node
	not   bool
}

type valuePair struct {
	scope string // name of the row of per, "*" for all others; "" without per
	left  string
	right *node
	at    *node // of the key
}

type memberRule struct {
	byEmail   bool
	list      map[string]string // left name, identifier or e-mail by right e-mail
	unmatched string            // hold, drop or fallback
	fallback  string
	at        *node
}

// A Rule describes one rule of a map for those who decide conflicts and
// ownership.
type Rule struct {
	Kind        psa.Kind
	Left, Right string    // fields as written
	Where       string    // file:line:column
	Direction   string    // both, to_left or to_right
	Owner       string    // left, right or "" if nobody owns the field
	OnEdit      string    // restore, tolerate or ask: what becomes of an edit by the other side
	Class       psa.Class // as declared; "" leaves it to the field's schema

	// ToLeft and ToRight tell whether values go there: the direction allows it,
	// and the catalog does not say that the field is read-only. OnCreate tells
	// for each that a value goes there on create only. [Mapper.Rules] sets them.
	ToLeft, ToRight             bool
	OnCreateLeft, OnCreateRight bool

	// Strategy decides when both sides changed the field. Conflict is how the
	// file spells it; a list is first(...). nil and "" leave it to the policy.
	Strategy conflict.Strategy
	Conflict string
}

// Kinds returns the kinds of the map, in the order of psa.ConfigKinds and
// psa.RecordKinds.
func (m *Map) Kinds() []psa.Kind {
	kinds := make([]psa.Kind, len(m.kinds))
	for i, k := range m.kinds {
		kinds[i] = k.kind
	}
	return kinds
}

// Name returns the name of the system on a side, "" if the file does not tell.
func (m *Map) Name(s Side) string { return m.names[s] }

// Files returns the files the map was made of, the base first.
func (m *Map) Files() []string { return slices.Clone(m.files) }

func (m *Map) kind(k psa.Kind) *kindMap {
	i := slices.IndexFunc(m.kinds, func(km *kindMap) bool { return km.kind == k })
	if i < 0 {
		return nil
	}
	return m.kinds[i]
}

// Rules returns the rules of a kind in the order of the file.
func (m *Map) Rules(kind psa.Kind) []Rule {
	km := m.kind(kind)
	if km == nil {
		return nil
	}
	rules := make([]Rule, len(km.rules))
	for i, r := range km.rules {
		rules[i] = r.public()
	}
	return rules
}

func (r *fieldRule) public() Rule {
	return Rule{Kind: r.kind, Left: r.fields[Left].text, Right: r.fields[Right].text, Where: where(r.at), Direction: r.direction.String(),
		Owner: r.owner, OnEdit: r.onEdit, Class: r.class, Strategy: r.strategy, Conflict: r.conflict}
}

// Groups returns the groups of left fields that the map adds for a kind.
func (m *Map) Groups(kind psa.Kind) [][]string {
	km := m.kind(kind)
	if km == nil {
		return nil
	}
	groups := make([][]string, len(km.groups))
	for i := range groups {
		groups[i] = slices.Clone(km.groups[i])
	}
	return groups
}

// Scope returns the left fields that let records in, with the values that do:
// names of rows, or a state and age such as "30d" for closed.
func (m *Map) Scope(kind psa.Kind) map[string][]string {
	km := m.kind(kind)
	if km == nil || len(km.scope) == 0 {
		return nil
	}
	scope := make(map[string][]string, len(km.scope))
	for _, s := range km.scope {
		if s.value.kind != nodeSeq {
			scope[s.field] = []string{s.value.text}
			continue
		}
		values := make([]string, len(s.value.items))
		for i, it := range s.value.items {
			values[i] = it.text
		}
		scope[s.field] = values
	}
	return scope
}

// Match returns the pairs of fields, left and right, that identify the same
// record on both sides, the surest first.
func (m *Map) Match(kind psa.Kind) [][2]string {
	km := m.kind(kind)
	if km == nil {
		return nil
	}
	pairs := make([][2]string, len(km.match))
	for i, p := range km.match {
		pairs[i] = [2]string{p.fields[Left].text, p.fields[Right].text}
	}
	return pairs
}
