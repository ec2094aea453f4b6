package resync

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// Codes of findings about the configuration itself. They are stable.
const (
	CodeDuplicateName     = "duplicate-name"     // two active rows of one scope share a name, so that a name leads nowhere
	CodeNoName            = "no-name"            // an active row has an empty name
	CodeDanglingParent    = "dangling-parent"    // a row's parent is not there
	CodeDanglingReference = "dangling-reference" // a field points at a row that is not there
	CodeInactiveReference = "inactive-reference" // an active template or form presets an inactive row
	CodeNoStatus          = "no-status"          // a scope has no active status at all
	CodeNoOpenStatus      = "no-open-status"     // a ticket could not be opened or reopened there
	CodeNoClosedStatus    = "no-closed-status"   // a ticket could not be closed there
	CodeNoOptions         = "no-options"         // a custom field to choose from offers nothing
	CodeNoDefault         = "no-default"         // no active row of a scope is the default
	CodeManyDefaults      = "many-defaults"      // several active rows of a scope are the default
	CodeInactiveDefault   = "inactive-default"   // the default is an inactive row
	CodeNotOffered        = "kind-not-offered"   // the provider had a kind once, whose rows are still there
	CodeUpgraded          = "vendor-upgraded"    // the vendor's version changed since the last run
	CodeImpactFailed      = "impact-failed"      // a registered map could not say what the change breaks
)

// inspector looks for what a person should mend in the PSA.
type inspector struct {
	snap  *cache.Snapshot
	stale map[psa.Kind]bool
	found []psa.Finding
}

// inspect returns findings about some kinds of a snapshot, the gravest first.
func inspect(snap *cache.Snapshot, kinds []psa.Kind) []psa.Finding {
	in := &inspector{snap: snap, stale: map[psa.Kind]bool{}}
	for _, kind := range kinds {
		in.stale[kind] = snap.Freshness(kind).Stale != ""
	}
	for _, kind := range kinds {
		in.names(kind)
		in.references(kind)
		in.defaults(kind)
	}
	if slices.Contains(kinds, psa.KindStatus) {
		in.statuses()
	}
	if slices.Contains(kinds, psa.KindCustomField) {
		in.customFields()
	}
	slices.SortStableFunc(in.found, func(a, b psa.Finding) int {
		return cmp.Compare(b.Severity, a.Severity)
	})
	return in.found
}

func (in *inspector) add(s psa.Severity, code string, ref psa.Ref, format string, args ...any) {
	in.found = append(in.found, psa.Finding{Severity: s, Code: code, Kind: ref.Kind, ID: ref.ID, Message: fmt.Sprintf(format, args...)})
}

// scopes returns the ids of the active rows that rows of a kind are chosen
// under, or "" alone where there are none to choose.
func scopes(snap *cache.Snapshot, kind psa.Kind) []string {
	declared := snap.Scopes(kind)
	if len(declared) == 0 {
		return []string{""}
	}
	var ids []string
	for rec := range snap.All(declared[0].Kind) {
		if rec.Active && rec.Fields.Bool("project") != psa.Yes { // project boards are out of scope
			ids = append(ids, rec.ID)
		}
	}
	return ids
}

// within names a scope for people: ` in board "Service" #1`, or nothing.
func (in *inspector) within(kind psa.Kind, scope string) string {
	if scope == "" {
		return ""
	}
	ref := psa.Ref{Kind: in.snap.Scopes(kind)[0].Kind, ID: scope}
	rec, _ := in.snap.Get(ref)
	return fmt.Sprintf(" in %s %s", ref.Kind, formatRef(ref.ID, rec.Name()))
}

func (in *inspector) names(kind psa.Kind) {
	if _, named := psa.FieldOf(kind, "name"); !named {
		return
	}
	for rec := range in.snap.All(kind) {
		if rec.Active && strings.TrimSpace(rec.Name()) == "" {
			in.add(psa.Warning, CodeNoName, rec.Ref, "the row has no name; name it in the PSA, or people cannot choose it")
		}
	}
	if in.snap.Freshness(kind).NamesRepeat {
		return
	}
	told := map[string]bool{} // a pair that shares several scopes is told once
	for _, scope := range scopes(in.snap, kind) {
		first := map[string]psa.Option{}
		for _, o := range in.snap.Options(kind, scope) {
			name := fold(o.Name)
			key := in.part(o.Ref) + " " + name
			f, twice := first[key]
			if !twice {
				first[key] = o
				continue
			}
			if pair := f.ID + "\x00" + o.ID; name != "" && !told[pair] {
				told[pair] = true
				in.add(psa.Warning, CodeDuplicateName, o.Ref, "%s is the name of #%s and #%s%s; rename one, or a name does not tell them apart",
					text.Quote(o.Name), text.Clip(f.ID), text.Clip(o.ID), in.within(kind, scope))
			}
		}
	}
}

// part tells the rows of a kind apart that are chosen separately although they
// share a scope: each level of classifications, and phones from addresses.
func (in *inspector) part(ref psa.Ref) string {
	var by []string
	switch ref.Kind {
	case psa.KindClassification:
		by = []string{"level"}
	case psa.KindCommunicationType:
		by = []string{"phone", "fax", "email"}
	default:
		return ""
	}
	rec, _ := in.snap.Get(ref)
	var part strings.Builder
	for _, field := range by {
		fmt.Fprint(&part, rec.Fields[field], " ")
	}
	return part.String()
}

func fold(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// presets are the kinds whose references are proposals for new tickets, which
// must not lead to inactive rows.
func presets(kind psa.Kind) bool { return kind == psa.KindTemplate || kind == psa.KindForm }

func (in *inspector) references(kind psa.Kind) {
	var fields []psa.Field
	for _, f := range psa.Schema(kind) {
		if f.Kind != "" {
			fields = append(fields, f)
		}
	}
	for rec := range in.snap.All(kind) {
		if !rec.Parent.IsZero() && in.holdsKind(rec.Parent.Kind) {
			if _, ok := in.snap.Get(rec.Parent); !ok {
				in.dangling(CodeDanglingParent, rec, "its parent", rec.Parent)
			}
		}
		for _, f := range fields {
			for _, id := range targets(rec.Fields[f.Name]) {
				in.reference(rec, f.Name, psa.Ref{Kind: f.Kind, ID: id})
			}
		}
		if defaults, ok := rec.Fields["defaults"].(psa.Fields); ok { // what a form presets on a ticket
			for _, f := range psa.Schema(psa.KindTicket) {
				if f.Kind == "" {
					continue
				}
				for _, id := range targets(defaults[f.Name]) {
					in.reference(rec, "defaults."+f.Name, psa.Ref{Kind: f.Kind, ID: id})
				}
			}
		}
	}
}

func (in *inspector) holdsKind(kind psa.Kind) bool {
	return kind.IsConfig() && !in.snap.Freshness(kind).Fresh.IsZero()
}

func (in *inspector) reference(rec psa.Record, field string, ref psa.Ref) {
	if !in.holdsKind(ref.Kind) || ref == rec.Parent {
		return
	}
	target, ok := in.snap.Get(ref)
	switch {
	case !ok:
		in.dangling(CodeDanglingReference, rec, field, ref)
	case !target.Active && rec.Active && presets(rec.Kind):
		in.add(psa.Warning, CodeInactiveReference, rec.Ref, "%s of %s is the inactive %s %s; choose an active one",
			field, formatRef(rec.ID, rec.Name()), ref.Kind, formatRef(ref.ID, target.Name()))
	}
}

// dangling rows are old news where the target's kind is stale: it may be there.
func (in *inspector) dangling(code string, rec psa.Record, field string, ref psa.Ref) {
	severity, hint := psa.Warning, "mend it in the PSA, or check the rights of the API user"
	if !rec.Active || in.stale[ref.Kind] {
		severity = psa.Info
	}
	if in.stale[ref.Kind] {
		hint = string(ref.Kind) + " is stale and may have it"
	}
	in.add(severity, code, rec.Ref, "%s of %s is %s, which is not there; %s", field, formatRef(rec.ID, rec.Name()), text.Clip(ref.String()), hint)
}

// targets returns the ids in a field of type ref, refs or ids.
func targets(v any) []string {
	switch v := v.(type) {
	case psa.Fields:
		if id := v.String("id"); id != "" {
			return []string{id}
		}
	case string:
		if v != "" {
			return []string{v}
		}
	case []any:
		var ids []string
		for _, e := range v {
			ids = append(ids, targets(e)...)
		}
		return ids
	}
	return nil
}

// defaults looks at kinds whose rows say whether they are the default.
func (in *inspector) defaults(kind psa.Kind) {
	if _, ok := psa.FieldOf(kind, "default"); !ok {
		return
	}
	tells := false
	for rec := range in.snap.All(kind) {
		if _, ok := rec.Fields["default"]; ok {
			tells = true
		}
		if !rec.Active && rec.Fields.Bool("default") == psa.Yes {
			in.add(psa.Warning, CodeInactiveDefault, rec.Ref, "%s is the default but inactive; choose another default", formatRef(rec.ID, rec.Name()))
		}
	}
	if !tells {
		return
	}
	for _, scope := range scopes(in.snap, kind) {
		in.defaultsWithin(kind, scope)
	}
}

func (in *inspector) defaultsWithin(kind psa.Kind, scope string) {
	options := in.snap.Options(kind, scope)
	parts := map[string][]psa.Option{}
	for _, o := range options {
		if o.Default {
			part := in.part(o.Ref)
			parts[part] = append(parts[part], o)
		}
	}
	if len(options) > 0 && len(parts) == 0 {
		in.add(psa.Info, CodeNoDefault, psa.Ref{Kind: kind}, "no active row%s is the default; a form cannot preset one", in.within(kind, scope))
	}
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		if chosen := parts[part]; len(chosen) > 1 {
			var names []string
			for _, o := range chosen[:min(3, len(chosen))] {
				names = append(names, formatRef(o.ID, o.Name))
			}
			in.add(psa.Warning, CodeManyDefaults, chosen[1].Ref, "%d active rows%s are the default (%s); keep one",
				len(chosen), in.within(kind, scope), strings.Join(names, ", "))
		}
	}
}

func (in *inspector) statuses() {
	if in.stale[psa.KindStatus] {
		return // the missing one may be among those that were not read
	}
	for _, scope := range scopes(in.snap, psa.KindStatus) {
		options := in.snap.Options(psa.KindStatus, scope)
		open, closed, unknown := 0, 0, 0
		for _, o := range options {
			switch o.Closed {
			case psa.Yes:
				closed++
			case psa.No:
				open++
			default:
				unknown++
			}
		}
		ref, where := psa.Ref{Kind: psa.KindStatus}, in.within(psa.KindStatus, scope)
		if scope != "" {
			ref = psa.Ref{Kind: in.snap.Scopes(psa.KindStatus)[0].Kind, ID: scope}
		}
		switch {
		case len(options) == 0:
			in.add(psa.Warning, CodeNoStatus, ref, "there is no active status%s; tickets cannot be handled there", where)
		case unknown > 0:
		case open == 0:
			in.add(psa.Warning, CodeNoOpenStatus, ref, "every active status%s closes the ticket; add an open one", where)
		case closed == 0:
			in.add(psa.Warning, CodeNoClosedStatus, ref, "no active status%s closes a ticket; add one", where)
		}
	}
}

func (in *inspector) customFields() {
	for rec := range in.snap.All(psa.KindCustomField) {
		if rec.Active && rec.Fields.String("type") == string(psa.TypeOption) && len(activeOptions(rec)) == 0 {
			in.add(psa.Warning, CodeNoOptions, rec.Ref, "custom field %s is a list without an active option; add one", formatRef(rec.ID, rec.Name()))
		}
	}
}

// activeOptions returns the values that may be chosen for a custom field.
func activeOptions(rec psa.Record) (values []string) {
	list, _ := rec.Fields["options"].([]any)
	for _, e := range list {
		if o, ok := e.(psa.Fields); ok && o.Bool("active") != psa.No {
			values = append(values, o.String("value"))
		}
	}
	return values
}
