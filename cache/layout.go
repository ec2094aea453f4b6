package cache

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/psa"
)

// customPrefix is what the names of custom fields begin with.
const customPrefix = "custom."

// A layout is the part of a form that no choice changes. There is one for each
// kind of a snapshot, built on first use.
type layout struct {
	fields []layoutField // canonical fields in form order, then custom fields in theirs
	byName map[string]int
	sorted []psa.Field // by name, for Fields
}

type layoutField struct {
	psa.Field
	level  int         // of a classification, 0 otherwise
	custom *psa.Record // definition of a custom field
	owner  bool        // the custom field is known to be on this kind
	scopes []scopedBy
}

// scopedBy says that another field of the same form narrows this one's options,
// by a scope of their kind or as a classification of a level above.
type scopedBy struct {
	field string
	scope psa.Scope
	level int
}

// layout returns the layout of a kind, nil if the kind is not offered.
func (s *Snapshot) layout(kind psa.Kind) *layout {
	if l, ok := s.layouts.Load(kind); ok {
		return l.(*layout)
	}
	l, _ := s.layouts.LoadOrStore(kind, s.newLayout(kind))
	return l.(*layout)
}

func (s *Snapshot) newLayout(kind psa.Kind) *layout {
	if !s.offered(kind) {
		return nil
	}
	var fields []layoutField
	for _, f := range psa.Schema(kind) {
		if s.hasField(kind, f) {
			fields = append(fields, layoutField{Field: f, level: levelOf(kind, f)})
		}
	}
	fields = append(fields, s.customFields(kind)...)
	required := s.meta.Kinds[kind].Required
	for i, f := range fields {
		fields[i].Required = f.Required || slices.Contains(required, f.Name)
		fields[i].scopes = s.scopesOf(f, fields)
	}
	fields = narrowersFirst(fields)

	l := &layout{fields: fields, byName: make(map[string]int, len(fields))}
	for i, f := range fields {
		l.byName[f.Name] = i
		l.sorted = append(l.sorted, f.Field)
	}
	slices.SortFunc(l.sorted, func(a, b psa.Field) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// offered reports whether the provider has the kind. A snapshot that holds no
// meta data of any record kind says nothing about them: all are offered.
func (s *Snapshot) offered(kind psa.Kind) bool {
	if s.indexes[kind] != nil {
		return true
	}
	if !kind.IsRecord() {
		return false
	}
	for k := range s.indexes {
		if k.IsRecord() {
			return false
		}
	}
	return true
}

// hasField reports whether the provider has a field, as far as can be told.
func (s *Snapshot) hasField(kind psa.Kind, f psa.Field) bool {
	if only := s.meta.Kinds[kind].Fields; only != nil {
		return slices.Contains(only, f.Name)
	}
	if f.Name == "custom" {
		return false // stands for the fields that customFields names one by one
	}
	if f.Kind != "" && !s.offered(f.Kind) {
		return false
	}
	level := levelOf(kind, f)
	if level == 0 {
		return true
	}
	// Boards have types, subtypes and items; without boards the levels are
	// called categories.
	perBoard := slices.ContainsFunc(s.meta.Kinds[psa.KindClassification].Scopes, func(sc psa.Scope) bool { return sc.Kind == psa.KindBoard })
	return perBoard != strings.HasPrefix(f.Name, "category_") && level <= s.levels()
}

// levels returns how many levels of classifications there are; 1 where none is
// known.
func (s *Snapshot) levels() int {
	levels := 1
	for _, r := range s.tables[psa.KindClassification] {
		levels = max(levels, level(r))
	}
	return levels
}

func level(r *psa.Record) int {
	n, _ := r.Fields.Float("level")
	return int(n)
}

// levelOf returns the level of classifications a field takes.
func levelOf(kind psa.Kind, f psa.Field) int {
	if f.Kind != psa.KindClassification || f.Type != psa.TypeRef || kind == psa.KindClassification {
		return 0
	}
	if n, ok := strings.CutPrefix(f.Name, "category_"); ok {
		level, _ := strconv.Atoi(n)
		return level
	}
	return 1 + slices.Index(comboFields[:], f.Name)
}

// customFields returns the active custom fields of a kind in display order,
// with those of unknown owner last.
func (s *Snapshot) customFields(kind psa.Kind) []layoutField {
	var fields []layoutField
	if !kind.IsRecord() {
		return nil
	}
	for _, r := range s.tables[psa.KindCustomField] {
		owners := idList(r.Fields["owners"])
		owned := slices.Contains(owners, string(kind))
		if !r.Active || len(owners) > 0 && !owned {
			continue
		}
		f := psa.Field{
			Name: customPrefix + r.ID, Caption: r.Name(), Type: customType(r), Class: psa.ClassTechnical,
			Required: r.Fields.Bool("required") == psa.Yes && owned,
			ReadOnly: r.Fields.Bool("read_only") == psa.Yes,
			Help:     r.Fields.String("help"),
		}
		if f.Type == psa.TypeOption {
			f.Options, f.Labels = optionValues(r)
		}
		fields = append(fields, layoutField{Field: f, custom: r, owner: owned})
	}
	slices.SortStableFunc(fields, func(a, b layoutField) int {
		if a.owner != b.owner {
			if a.owner {
				return -1
			}
			return 1
		}
		return cmp.Compare(order(a.custom), order(b.custom))
	})
	return fields
}

// optionValues returns the values that may be chosen for a custom field, as a
// record holds them, in display order, and their labels if any is another text.
func optionValues(def *psa.Record) (values, labels []string) {
	same := true
	for _, o := range customOptions(def) {
		values, labels = append(values, o.ID), append(labels, o.Name)
		same = same && o.ID == o.Name
	}
	if same {
		return values, nil
	}
	return values, labels
}

func customType(r *psa.Record) psa.Type {
	switch t := psa.Type(r.Fields.String("type")); t {
	case psa.TypeText, psa.TypeNumber, psa.TypeBool, psa.TypeDate, psa.TypeTime, psa.TypeOption:
		return t
	default:
		return psa.TypeString
	}
}

// scopesOf finds the fields that narrow f: for each scope of the kind f points
// at, the field that points at the scoping kind.
func (s *Snapshot) scopesOf(f layoutField, fields []layoutField) []scopedBy {
	if f.Kind == "" {
		return nil
	}
	var by []scopedBy
	for _, sc := range s.meta.Kinds[f.Kind].Scopes {
		if sc.Kind == psa.KindClassification && f.level > 0 {
			continue // the levels above narrow it anyway
		}
		for _, g := range fields {
			if g.Name != f.Name && g.Kind == sc.Kind && g.Type == psa.TypeRef && g.level <= 1 {
				by = append(by, scopedBy{field: g.Name, scope: sc})
				break
			}
		}
	}
	for _, g := range fields {
		if g.level > 0 && g.level < f.level {
			by = append(by, scopedBy{field: g.Name, level: g.level})
		}
	}
	return by
}

// narrowersFirst keeps the order of fields but for those that are narrowed by
// a later one, which follow it.
func narrowersFirst(fields []layoutField) []layoutField {
	out := make([]layoutField, 0, len(fields))
	placed := make(map[string]bool, len(fields))
	var place func(f layoutField)
	place = func(f layoutField) {
		if placed[f.Name] {
			return
		}
		placed[f.Name] = true
		for _, by := range f.scopes {
			if i := slices.IndexFunc(fields, func(g layoutField) bool { return g.Name == by.field }); i >= 0 {
				place(fields[i])
			}
		}
		out = append(out, f)
	}
	for _, f := range fields {
		place(f)
	}
	return out
}

// Fields returns the fields of a kind sorted by name: those of psa.Schema that
// the provider has, with Required as it declared it, and the active custom
// fields of the kind as "custom.<id>", those of which no owner is known
// included; a list has its active values as Options, and as Labels what people
// call them. It is nil if the kind is not offered.
func (s *Snapshot) Fields(kind psa.Kind) []psa.Field {
	l := s.layout(kind)
	if l == nil {
		return nil
	}
	return slices.Clone(l.sorted)
}

// TicketTypes returns what a ticket's kind is chosen from: the rows of kind
// ticket_type, or, where the vendor has none, the classifications of level 1
// in a scope (ConnectWise's types of a board), "" for all.
func (s *Snapshot) TicketTypes(scope string) psa.Options {
	if s.indexes[psa.KindTicketType] != nil {
		return s.Options(psa.KindTicketType, "")
	}
	return s.ofLevel(s.Options(psa.KindClassification, scope), 1)
}

func (s *Snapshot) ofLevel(options psa.Options, want int) psa.Options {
	return filter(options, func(o psa.Option) bool {
		r := s.row(o.Ref)
		return r != nil && level(r) == want
	})
}

func filter(options psa.Options, keep func(psa.Option) bool) psa.Options {
	out := make(psa.Options, 0, len(options))
	for _, o := range options {
		if keep(o) {
			out = append(out, o)
		}
	}
	return slices.Clip(out)
}
