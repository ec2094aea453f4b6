package psatest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

func domainCases() []testCase {
	return []testCase{
		{name: "domain/canaries", run: domainCanaries,
			rule: "Money, passwords and the connection's secrets never leave the adapter: not in Fields, Raw or errors, not when the provider is printed."},
		{name: "domain/names", run: domainNames,
			rule: "Names of active rows are unique within the first scope that Features declares, unless it says that names repeat."},
		{name: "domain/custom-fields", kinds: []psa.Kind{psa.KindCustomField}, run: domainCustomFields,
			rule: "A custom field names the kinds of records that own it, or none if that is unknown, and has options if it is of type option; records carry values under ids of definitions that they own."},
		{name: "domain/time-is-no-note", kinds: []psa.Kind{psa.KindNote, psa.KindTimeEntry}, run: domainTimedNote,
			rule: "A row with worked time is one time entry and no note; its text is the entry's notes."},
		{name: "domain/service-tickets", kinds: []psa.Kind{psa.KindTicket}, run: domainServiceTickets,
			rule: "Tickets are service tickets; those of projects, tasks and opportunities are out of scope, by List and by Get."},
		{name: "domain/hidden-people", kinds: []psa.Kind{psa.KindContact}, run: domainHiddenPeople,
			rule: "General users, agents' own user rows and sentinels are no contacts and no members."},
		{name: "domain/unclear-note", kinds: []psa.Kind{psa.KindNote}, run: domainUnclearNote,
			rule: "A note whose visibility is not known is internal."},
		{name: "domain/visibility", kinds: []psa.Kind{psa.KindNote}, run: domainVisibility,
			rule: "Every note is internal, team or public, and one that the client sees as resolution is public."},
		{name: "domain/billable", kinds: []psa.Kind{psa.KindTimeEntry}, run: domainBillable,
			rule: "Billable is yes, no_charge or no, worked hours are told, and a row of worked time is no note."},
	}
}

func domainCanaries(e *env) {
	e.need(len(e.Canaries) > 0, "Canaries")
	e.rows(func(r psa.Record) {
		b, err := json.Marshal(r.Fields)
		if err != nil {
			e.at(r.Kind, "%s: %v", r.Ref, err)
		}
		e.clean(r.Kind, r.String()+": Fields", string(b))
		e.clean(r.Kind, r.String()+": Raw", string(r.Raw))
	})
	for _, kind := range e.kinds(psa.CanGet) {
		rows := e.list(kind, psa.Query{})
		if len(rows) == 0 {
			continue
		}
		r, err := e.p.Get(e.ctx, rows[0].Ref)
		if err != nil {
			e.at(kind, "get: %v", err)
		}
		b, err := json.Marshal(r)
		if err != nil {
			e.at(kind, "%v", err)
		}
		e.clean(kind, "what Get returns", string(b))
		_, err = e.p.Get(e.ctx, psa.Ref{Kind: kind, ID: missingID(r.ID)})
		e.clean(kind, "error", fmt.Sprint(err))
	}
	for _, format := range []string{"%v", "%+v", "%#v"} {
		e.clean("", "the provider printed with "+format, fmt.Sprintf(format, e.p))
	}
}

func domainNames(e *env) {
	all := map[psa.Kind][]psa.Record{}
	e.rows(func(r psa.Record) { all[r.Kind] = append(all[r.Kind], r) })
	for _, kind := range e.f.Kinds() {
		if _, named := psa.FieldOf(kind, "name"); !named || !kind.IsConfig() || e.f[kind].NamesRepeat {
			continue
		}
		type place struct{ scope, name string }
		seen := map[place]psa.Ref{}
		for _, r := range all[kind] {
			if !r.Active || r.Name() == "" {
				continue
			}
			for _, scope := range scopesOf(e.f[kind], r, all) {
				at := place{scope, r.Name()}
				if other, ok := seen[at]; ok {
					e.at(kind, "%s and %s have one name (%q) in scope %q", other, r.Ref, r.Name(), scope)
				}
				seen[at] = r.Ref
			}
		}
	}
}

// scopesOf returns the ids of the rows of the kind's first scope that a row
// may be used with; "" stands for all.
func scopesOf(f psa.Feature, r psa.Record, all map[psa.Kind][]psa.Record) []string {
	if len(f.Scopes) == 0 {
		return []string{""}
	}
	s := f.Scopes[0]
	var ids []string
	switch {
	case s.Reverse:
		for _, holder := range all[s.Kind] {
			allowed := refIDs(holder.Fields[s.Via])
			if len(allowed) == 0 || slices.Contains(allowed, r.ID) {
				ids = append(ids, holder.ID)
			}
		}
	case s.Via != "":
		ids = refIDs(r.Fields[s.Via])
	default:
		ids = []string{r.Parent.ID}
	}
	if len(ids) == 0 {
		return []string{""}
	}
	return ids
}

func domainCustomFields(e *env) {
	owners := map[string][]string{}
	types := []string{"string", "text", "number", "bool", "date", "time", "option"}
	for _, r := range e.list(psa.KindCustomField, psa.Query{}) {
		f, err := psa.As[psa.CustomField](r)
		if err != nil {
			e.at(r.Kind, "%v", err)
			continue
		}
		owners[f.ID] = f.Owners
		for _, o := range f.Owners {
			if !psa.Kind(o).IsRecord() {
				e.at(r.Kind, "%s: owner %q is no kind of record", r.Ref, o)
			}
		}
		switch {
		case f.Name == "":
			e.at(r.Kind, "%s has no caption", r.Ref)
		case !slices.Contains(types, f.Type):
			e.at(r.Kind, "%s: type %q is none of %s", r.Ref, f.Type, strings.Join(types, ", "))
		case f.Type == string(psa.TypeOption) && len(f.Options) == 0:
			e.at(r.Kind, "%s is of type option and has none", r.Ref)
		case f.Type != string(psa.TypeOption) && len(f.Options) > 0:
			e.at(r.Kind, "%s is of type %s and has options", r.Ref, f.Type)
		}
	}
	e.rows(func(r psa.Record) {
		custom, _ := r.Fields["custom"].(psa.Fields)
		for id := range custom {
			if kinds, ok := owners[id]; !ok {
				e.at(r.Kind, "%s has a value for custom field %q, which is not defined", r.Ref, id)
			} else if len(kinds) > 0 && !slices.Contains(kinds, string(r.Kind)) {
				e.at(r.Kind, "%s has a value for custom field %q, which belongs to %v", r.Ref, id, kinds)
			}
		}
	})
}

// plant adds an oddity and returns the rows of each kind that show its token.
func (e *env) plant(what Oddity, token string) map[psa.Kind][]psa.Record {
	add := e.Plant[what]
	e.need(add != nil, fmt.Sprintf("Plant[%q]", what))
	add(token)
	found := map[psa.Kind][]psa.Record{}
	e.rows(func(r psa.Record) {
		b, err := json.Marshal(r)
		if err != nil {
			e.at(r.Kind, "%s: %v", r.Ref, err)
		}
		if strings.Contains(string(b), token) {
			found[r.Kind] = append(found[r.Kind], r)
		}
	})
	return found
}

func domainTimedNote(e *env) {
	const token = "worked-quarter-hour-5519"
	found := e.plant(TimedNote, token)
	for _, r := range found[psa.KindNote] {
		e.at(psa.KindNote, "%s is worked time", r.Ref)
	}
	entries := found[psa.KindTimeEntry]
	if len(entries) != 1 {
		e.at(psa.KindTimeEntry, "%d entries show the text, want 1", len(entries))
		return
	}
	f := entries[0].Fields
	if hours, _ := f.Float("hours"); hours != 0.25 {
		e.at(psa.KindTimeEntry, "hours is %v, want 0.25", f["hours"])
	}
	if !strings.Contains(f.String("notes")+f.String("internal_notes"), token) {
		e.at(psa.KindTimeEntry, "the text is not in its notes")
	}
	if f.Ref("ticket").ID == "" {
		e.at(psa.KindTimeEntry, "it has no ticket")
	}
}

func domainServiceTickets(e *env) {
	for kind, rows := range e.plant(ProjectTicket, "project-ticket-5519") {
		if kind == psa.KindTicket {
			e.at(kind, "%s is no service ticket", rows[0].Ref)
		}
	}
}

func domainHiddenPeople(e *env) {
	for kind, rows := range e.plant(HiddenPerson, "hidden-person-5519") {
		if kind == psa.KindContact || kind == psa.KindMember {
			e.at(kind, "%s is no person", rows[0].Ref)
		}
	}
}

func domainUnclearNote(e *env) {
	notes := e.plant(UnclearNote, "unclear-note-5519")[psa.KindNote]
	if len(notes) != 1 {
		e.at(psa.KindNote, "%d notes show the text, want 1", len(notes))
	}
	for _, r := range notes {
		if v := r.Fields.String("visibility"); v != string(psa.Internal) {
			e.at(psa.KindNote, "its visibility is %q, want internal", v)
		}
	}
}

func domainVisibility(e *env) {
	for _, r := range e.list(psa.KindNote, psa.Query{}) {
		v := psa.Visibility(r.Fields.String("visibility"))
		if !slices.Contains([]psa.Visibility{psa.Internal, psa.TeamOnly, psa.Public}, v) {
			e.at(r.Kind, "%s: visibility is %q", r.Ref, v)
		}
		if r.Fields.Bool("resolution") == psa.Yes && v != psa.Public {
			e.at(r.Kind, "%s is a resolution and %s", r.Ref, v)
		}
	}
}

func domainBillable(e *env) {
	for _, r := range e.list(psa.KindTimeEntry, psa.Query{}) {
		if b, ok := r.Fields["billable"]; ok && b != nil && b != "yes" && b != "no_charge" && b != "no" {
			e.at(r.Kind, "%s: billable is %v", r.Ref, b)
		}
		if _, ok := r.Fields.Float("hours"); !ok {
			e.at(r.Kind, "%s has no hours", r.Ref)
		}
	}
	if e.f.Can(psa.KindNote, psa.CanList) {
		for _, r := range e.list(psa.KindNote, psa.Query{}) {
			if _, worked := r.Fields["hours"]; worked {
				e.at(r.Kind, "%s has hours", r.Ref)
			}
		}
	}
}
