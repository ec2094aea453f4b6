package cache

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/psasync/psasync/psa"
)

// An index answers Options and Find for one kind. It depends on the rows of
// the kind and, where the scoping row lists what it allows, on that kind's.
type index struct {
	rows   table
	scope  psa.Scope // the first; zero if the kind has none
	scoper table     // rows of scope.Kind where scope.Reverse

	once    sync.Once
	all     *choices            // rows of all scopes
	free    *choices            // rows that every scope allows
	byScope map[string]*choices // by id of the scoping row

	children func() map[psa.Ref]table
}

// choices are the rows that one scope allows.
type choices struct {
	options psa.Options
	exact   map[string]hit
	folded  map[string]hit
}

// A hit is what a name leads to: the first active row by id, or else the first
// row at all, and how many active ones share the name.
type hit struct {
	ref    psa.Ref
	active int
}

// build makes the lookup structures, or takes over those of old whose rows are
// the same.
func (s *Snapshot) build(old *Snapshot) {
	s.indexes = make(map[psa.Kind]*index, len(s.tables)+len(s.meta.Kinds))
	for kind := range s.tables {
		s.indexes[kind] = s.newIndex(kind, old)
	}
	for kind := range s.meta.Kinds {
		if s.indexes[kind] == nil {
			s.indexes[kind] = s.newIndex(kind, old)
		}
	}
	assoc := s.tables[psa.KindClassificationAssociation]
	switch {
	case old != nil && sameTable(assoc, old.tables[psa.KindClassificationAssociation]):
		s.combos = old.combos
	default:
		s.combos = sync.OnceValue(func() *combos { return newCombos(assoc) })
	}
	switch {
	case old != nil && s.sameTables(old):
		s.hashes = old.hashes
	default:
		s.hashes = sync.OnceValue(func() hashIndex { return newHashIndex(s.tables) })
	}
}

func (s *Snapshot) sameTables(o *Snapshot) bool {
	if len(s.tables) != len(o.tables) {
		return false
	}
	for kind, t := range s.tables {
		if ot, ok := o.tables[kind]; !ok || !sameTable(t, ot) {
			return false
		}
	}
	return true
}

func (s *Snapshot) newIndex(kind psa.Kind, old *Snapshot) *index {
	ix := &index{rows: s.tables[kind]}
	if scopes := s.meta.Kinds[kind].Scopes; len(scopes) > 0 {
		ix.scope = scopes[0]
		if ix.scope.Reverse {
			ix.scoper = s.tables[ix.scope.Kind]
		}
	}
	if old != nil {
		if o := old.indexes[kind]; o != nil && o.scope == ix.scope && sameTable(o.rows, ix.rows) && sameTable(o.scoper, ix.scoper) {
			return o
		}
	}
	rows := ix.rows
	ix.children = sync.OnceValue(func() map[psa.Ref]table {
		by := map[psa.Ref]table{}
		for _, r := range rows {
			if !r.Parent.IsZero() {
				by[r.Parent] = append(by[r.Parent], r)
			}
		}
		return by
	})
	return ix
}

// A shown row is one with its sort keys.
type shown struct {
	*psa.Record
	order  float64
	folded string
}

func (ix *index) fill() {
	sorted := make([]shown, len(ix.rows))
	for i, r := range ix.rows {
		sorted[i] = shown{r, order(r), fold(r.Name())}
	}
	slices.SortFunc(sorted, compareShown)

	ix.all = newChoices(sorted, ix)
	switch {
	case ix.scope.Kind == "":
	case ix.scope.Reverse:
		ix.fillReverse(sorted)
	default:
		ix.fillForward(sorted)
	}
}

// fillForward is for scopes where a row says where it may be used.
func (ix *index) fillForward(sorted []shown) {
	var free []shown
	by := map[string][]shown{}
	for _, r := range sorted {
		ids := scopeIDs(r.Record, ix.scope)
		if len(ids) == 0 {
			free = append(free, r)
		}
		for i, id := range ids {
			if !slices.Contains(ids[:i], id) {
				by[id] = append(by[id], r)
			}
		}
	}
	ix.free = newChoices(free, ix)
	ix.byScope = make(map[string]*choices, len(by))
	for id, rows := range by {
		if len(free) > 0 {
			rows = append(rows, free...)
			slices.SortFunc(rows, compareShown)
		}
		ix.byScope[id] = newChoices(rows, ix)
	}
}

// fillReverse is for scopes where the scoping row lists what it allows.
func (ix *index) fillReverse(sorted []shown) {
	ix.free = newChoices(nil, ix)
	ix.byScope = make(map[string]*choices, len(ix.scoper))
	for _, scoper := range ix.scoper {
		ids := idList(scoper.Fields[ix.scope.Via])
		if len(ids) == 0 {
			ix.byScope[scoper.ID] = ix.all
			continue
		}
		allowed := make(map[string]bool, len(ids))
		for _, id := range ids {
			allowed[id] = true
		}
		var rows []shown
		for _, r := range sorted {
			if allowed[r.ID] {
				rows = append(rows, r)
			}
		}
		ix.byScope[scoper.ID] = newChoices(rows, ix)
	}
}

// newChoices indexes rows that are in display order.
func newChoices(rows []shown, ix *index) *choices {
	c := &choices{exact: make(map[string]hit, len(rows)), folded: make(map[string]hit, len(rows))}
	active := 0
	for _, r := range rows {
		if r.Active {
			active++
		}
	}
	c.options = make(psa.Options, 0, active)
	for _, r := range rows {
		name := r.Name()
		c.exact[name] = c.exact[name].add(r.Record)
		c.folded[r.folded] = c.folded[r.folded].add(r.Record)
		if r.Active {
			c.options = append(c.options, ix.option(r.Record))
		}
	}
	return c
}

func (h hit) add(r *psa.Record) hit {
	first := h.ref.IsZero() || compareIDs(r.ID, h.ref.ID) < 0
	switch {
	case r.Active && (h.active == 0 || first):
		h.ref = r.Ref
	case !r.Active && h.active == 0 && first:
		h.ref = r.Ref
	}
	if r.Active {
		h.active++
	}
	return h
}

func (ix *index) option(r *psa.Record) psa.Option {
	o := psa.Option{Ref: r.Ref, Name: r.Name(), Default: r.Fields.Bool("default") == psa.Yes, Closed: r.Fields.Bool("closed")}
	if ids := scopeIDs(r, ix.scope); len(ids) == 1 {
		o.Scope = ids[0]
	}
	return o
}

// scopeIDs returns the scoping rows that a row names itself.
func scopeIDs(r *psa.Record, sc psa.Scope) []string {
	switch {
	case sc.Kind == "" || sc.Reverse:
		return nil
	case sc.Via != "":
		return idList(r.Fields[sc.Via])
	case r.Parent.Kind == sc.Kind:
		return []string{r.Parent.ID}
	}
	return nil
}

// idList reads the ids of a field of type ids, refs or ref.
func idList(v any) []string {
	switch v := v.(type) {
	case string:
		if v != "" {
			return []string{v}
		}
	case json.Number:
		return []string{v.String()}
	case psa.Fields:
		return idList(v["id"])
	case []any:
		ids := make([]string, 0, len(v))
		for _, e := range v {
			ids = append(ids, idList(e)...)
		}
		return ids
	}
	return nil
}

// compareShown is the display order of options.
func compareShown(a, b shown) int {
	return cmp.Or(
		cmp.Compare(a.order, b.order),
		strings.Compare(a.folded, b.folded),
		compareIDs(a.ID, b.ID),
	)
}

// order puts rows without the field behind those with it.
func order(r *psa.Record) float64 {
	if n, ok := r.Fields.Float("order"); ok {
		return n
	}
	return math.Inf(1)
}

// Options returns the active rows of a kind in display order: by field "order",
// rows without one last, then by name without regard to case, then by id. A
// default option is marked, not moved.
//
// scope is the id of a row of the kind's first scope; rows that name no scoping
// row are allowed in each. "" returns the rows of all scopes, and so does any
// scope for a kind that has none. A scope that no row knows of has the rows
// allowed in each. Option.Scope is set for rows that name exactly one scoping
// row.
func (s *Snapshot) Options(kind psa.Kind, scope string) psa.Options {
	if c := s.choices(kind, scope); c != nil {
		return c.options
	}
	return nil
}

func (s *Snapshot) choices(kind psa.Kind, scope string) *choices {
	ix := s.indexes[kind]
	if ix == nil {
		return nil
	}
	ix.once.Do(ix.fill)
	if scope == "" || ix.byScope == nil {
		return ix.all
	}
	if c := ix.byScope[scope]; c != nil {
		return c
	}
	return ix.free
}

// Find returns the row of a name within a scope, see Options; inactive rows are
// found too, where no active one has the name. Without an exact match it folds
// case and space. ok is false if there is none or if several active rows match.
func (s *Snapshot) Find(kind psa.Kind, scope, name string) (ref psa.Ref, ok bool) {
	c := s.choices(kind, scope)
	if c == nil {
		return psa.Ref{}, false
	}
	h, found := c.find(name)
	if !found || h.active > 1 {
		return psa.Ref{}, false
	}
	return h.ref, true
}

func (c *choices) find(name string) (hit, bool) {
	if h, ok := c.exact[name]; ok {
		return h, true
	}
	var buf [64]byte
	if b, ok := foldASCII(buf[:0], name); ok {
		h, ok := c.folded[string(b)]
		return h, ok
	}
	h, ok := c.folded[fold(name)]
	return h, ok
}

// Scopes returns where rows of a kind may be used, as its provider declared.
func (s *Snapshot) Scopes(kind psa.Kind) []psa.Scope { return slices.Clone(s.meta.Kinds[kind].Scopes) }
