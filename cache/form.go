package cache

import (
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Form is what a host shows to create a row: its fields in order, with what
// can be chosen in each.
type Form struct {
	Kind   psa.Kind
	Fields []FormField
}

// Field returns a field of the form by name, e.g. "board" or "custom.16".
func (f Form) Field(name string) (FormField, bool) {
	i := slices.IndexFunc(f.Fields, func(f FormField) bool { return f.Name == name })
	if i < 0 {
		return FormField{}, false
	}
	return f.Fields[i], true
}

// A FormField is one field of a form. Required takes the chosen ticket form (an
// Autotask ticket category) into account.
type FormField struct {
	psa.Field
	Term string // what the vendor's users call the kind of row it takes; "" if unknown

	// Options are the choices left by what was chosen so far, if Listed: the
	// value must be one of them. The ID of an option of a custom field is the
	// value a record holds.
	Options psa.Options
	Listed  bool
	// Default is the canonical value the PSA or the chosen ticket form presets;
	// nil if there is none, or several.
	Default any

	NarrowedBy []string // fields whose choice narrows Options
	Waiting    []string // those of them that have no choice yet
	Narrows    []string // fields whose Options depend on this one

	Length   int // longest value in characters; 0: not known
	Decimals int // of a number; -1: not known

	Stale      string // why Options may be out of date; "" if they are not
	StaleSince time.Time
}

// Form returns the form of a record kind, psa.KindTicket for one, with the
// choices that those made so far leave: a board narrows its statuses, types and
// teams, a type its subtypes, and these the items, by the lists the rows carry
// and by the association rows; a Halo ticket type narrows statuses. Scopes
// decide, as the provider declared them.
//
// chosen holds canonical fields as a record would; a reference may tell an id,
// a name that is unique in its scope, or be the id as a string. Fields come in
// the order of psa.Schema, save that a field follows those that narrow it, and
// custom fields last, in their own order; read-only fields and custom fields
// whose owner is not known are left out. The form of a kind that is not offered
// has no fields.
func (s *Snapshot) Form(kind psa.Kind, chosen psa.Fields) Form {
	form := Form{Kind: kind}
	l := s.layout(kind)
	if l == nil {
		return form
	}
	picked := s.picked(l, chosen)
	preset := s.preset(l, picked)
	for _, f := range l.fields {
		if f.ReadOnly || f.custom != nil && !f.owner {
			continue
		}
		form.Fields = append(form.Fields, s.formField(f, l, picked, preset))
	}
	return form
}

// preset returns the fields of the chosen ticket form, nil if there is none.
func (s *Snapshot) preset(l *layout, picked map[string]string) psa.Fields {
	for _, f := range l.fields {
		if f.Kind == psa.KindForm && f.Type == psa.TypeRef {
			if r := s.row(psa.Ref{Kind: psa.KindForm, ID: picked[f.Name]}); r != nil {
				return r.Fields
			}
		}
	}
	return nil
}

// required reports whether a create needs the field, by itself or by the
// chosen ticket form.
func required(f layoutField, preset psa.Fields) bool {
	return !f.ReadOnly && (f.Required || slices.Contains(idList(preset["required"]), f.Name))
}

func (s *Snapshot) formField(f layoutField, l *layout, picked map[string]string, preset psa.Fields) FormField {
	meta := s.meta.Kinds[f.Kind]
	out := FormField{Field: f.Field, Term: meta.Term, Decimals: -1, Stale: meta.Stale, StaleSince: meta.StaleSince}
	switch {
	case f.custom != nil:
		out.Length = intField(f.custom.Fields, "length", 0)
		out.Decimals = intField(f.custom.Fields, "decimals", -1)
		if f.Type == psa.TypeOption {
			out.Listed, out.Options = true, customOptions(f.custom)
		}
	case s.listed(f):
		out.Listed, out.Options = true, s.narrowed(f, picked)
	}
	for _, by := range f.scopes {
		if slices.Contains(out.NarrowedBy, by.field) {
			continue
		}
		out.NarrowedBy = append(out.NarrowedBy, by.field)
		if picked[by.field] == "" {
			out.Waiting = append(out.Waiting, by.field)
		}
	}
	for _, g := range l.fields {
		if !g.ReadOnly && slices.ContainsFunc(g.scopes, func(by scopedBy) bool { return by.field == f.Name }) {
			out.Narrows = append(out.Narrows, g.Name)
		}
	}
	out.Default = defaultOf(out)
	out.Required = required(f, preset)
	if v, ok := asFields(preset["defaults"]).Lookup(f.Name); ok {
		out.Default = v
	}
	return out
}

func asFields(v any) psa.Fields {
	f, _ := v.(psa.Fields)
	return f
}

func intField(f psa.Fields, name string, otherwise int) int {
	if n, ok := f.Float(name); ok {
		return int(n)
	}
	return otherwise
}

func defaultOf(f FormField) any {
	var found *psa.Option
	for i := range f.Options {
		if f.Options[i].Default {
			if found != nil {
				return nil
			}
			found = &f.Options[i]
		}
	}
	switch {
	case found == nil:
		return nil
	case f.Type == psa.TypeOption:
		return found.ID
	case f.Type == psa.TypeRef:
		return psa.Reference{ID: found.ID, Name: found.Name}.Fields()
	}
	return nil
}

// customOptions returns the active options of a custom field in display order.
func customOptions(def *psa.Record) psa.Options {
	list, _ := def.Fields["options"].([]any)
	var rows []shown
	for _, v := range list {
		o, ok := v.(psa.Fields)
		if !ok || o.Bool("active") == psa.No {
			continue
		}
		r := psa.Record{Ref: psa.Ref{Kind: def.Kind, ID: o.String("value")}, Active: true, Fields: o}
		rows = append(rows, shown{&r, order(&r), ""}) // equal order: as listed
	}
	slices.SortStableFunc(rows, func(a, b shown) int {
		switch {
		case a.order < b.order:
			return -1
		case a.order > b.order:
			return 1
		}
		return 0
	})
	options := make(psa.Options, len(rows))
	for i, r := range rows {
		options[i] = psa.Option{Ref: r.Ref, Name: optionLabel(r.Fields), Default: r.Fields.Bool("default") == psa.Yes}
	}
	return options
}

func optionLabel(o psa.Fields) string {
	if label := o.String("label"); label != "" {
		return label
	}
	return o.String("value")
}

// listed reports whether the snapshot holds what the field can be.
func (s *Snapshot) listed(f layoutField) bool {
	switch f.Type {
	case psa.TypeRef, psa.TypeRefs, psa.TypeIDs:
		return f.Kind.IsConfig()
	}
	return false
}

// picked returns the id of the row chosen in each field of type ref.
func (s *Snapshot) picked(l *layout, chosen psa.Fields) map[string]string {
	picked := map[string]string{}
	for _, f := range l.fields { // narrowing fields come first
		if v, ok := chosen[f.Name]; ok && f.Type == psa.TypeRef {
			if id := s.pickedID(f, v, picked); id != "" {
				picked[f.Name] = id
			}
		}
	}
	return picked
}

func (s *Snapshot) pickedID(f layoutField, v any, picked map[string]string) string {
	switch v := v.(type) {
	case string:
		return v
	case psa.Fields:
		if id := v.String("id"); id != "" {
			return id
		}
		if rows := s.named(f, v.String("name"), picked); len(rows) == 1 {
			return rows[0].ID
		}
	}
	return ""
}

// narrowed returns the options of a field that the choices leave.
func (s *Snapshot) narrowed(f layoutField, picked map[string]string) psa.Options {
	scope, rest := s.firstScope(f, picked)
	options := s.Options(f.Kind, scope)
	if f.level == 0 && !rest {
		return options // as indexed
	}
	return filter(options, func(o psa.Option) bool {
		by, _ := s.refuses(f, s.row(o.Ref), picked)
		return by == ""
	})
}

// firstScope returns the choice for the kind's first scope, and whether other
// choices are left to narrow by.
func (s *Snapshot) firstScope(f layoutField, picked map[string]string) (scope string, rest bool) {
	scopes := s.meta.Kinds[f.Kind].Scopes
	for _, by := range f.scopes {
		if by.level == 0 && by.scope == scopes[0] {
			scope = picked[by.field]
		} else {
			rest = true
		}
	}
	return scope, rest
}

// refuses returns the field whose choice does not allow a row, and the choice;
// "" if all do. A row of another level is refused by the field itself.
func (s *Snapshot) refuses(f layoutField, r *psa.Record, picked map[string]string) (by, choice string) {
	if f.level > 0 && level(r) != f.level {
		return f.Name, ""
	}
	for _, by := range f.scopes {
		if id := picked[by.field]; id != "" && by.level == 0 && !s.inScope(r, by.scope, id) {
			return by.field, id
		}
	}
	if f.level < 2 {
		return "", ""
	}
	above := make([]string, f.level-1)
	last := ""
	for _, by := range f.scopes {
		if by.level > 0 && picked[by.field] != "" {
			above[by.level-1] = picked[by.field]
			last = by.field
		}
	}
	if last != "" && (!allowsParents(r, above[f.level-2]) || !s.combos().allows(comboBoard(r), r.ID, above)) {
		return last, picked[last]
	}
	return "", ""
}

func (s *Snapshot) inScope(r *psa.Record, sc psa.Scope, id string) bool {
	ids := scopeIDs(r, sc)
	member := id
	if sc.Reverse {
		scoper := s.row(psa.Ref{Kind: sc.Kind, ID: id})
		if scoper == nil {
			return false
		}
		ids, member = idList(scoper.Fields[sc.Via]), r.ID
	}
	return len(ids) == 0 || slices.Contains(ids, member)
}

// named returns the rows of a name that the choices allow: the active ones, or
// else the inactive ones; exact matches, or else folded ones.
func (s *Snapshot) named(f layoutField, name string, picked map[string]string) []*psa.Record {
	var found [4][]*psa.Record // exact active, exact inactive, folded active, folded inactive
	folded := fold(name)
	if strings.TrimSpace(name) == "" {
		return nil
	}
	for _, r := range s.tables[f.Kind] {
		i := 0
		switch n := r.Name(); {
		case n == name:
		case fold(n) == folded:
			i = 2
		default:
			continue
		}
		if !r.Active {
			i++
		}
		if by, _ := s.refuses(f, r, picked); by == "" {
			found[i] = append(found[i], r)
		}
	}
	for _, rows := range found {
		if len(rows) > 0 {
			return rows
		}
	}
	return nil
}
