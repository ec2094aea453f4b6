package psatest

import (
	"github.com/psasync/psasync/psa"
)

func knownCases() []testCase {
	return []testCase{
		{name: "known/hash", run: knownHash,
			rule: "A provider that hashes gives every row a hash, the same each time, and no two rows the same."},
		{name: "known/unchanged", run: knownUnchanged,
			rule: "Rows whose hash is known come back as Unchanged with Ref, Hash and nothing else but Parent, which is always there where the vendor lists the rows of one parent at a time. A row has one hash, whatever the query."},
		{name: "known/edited", run: knownEdited,
			rule: "A row that was changed has another hash and is decoded; the others stay Unchanged."},
		{name: "known/hint", run: knownHint,
			rule: "Known is a hint: it never changes which rows are listed nor their order."},
	}
}

// index remembers hashes.
func index(rows []psa.Record) psa.KnownFunc {
	m := map[psa.Hash]psa.Ref{}
	for _, r := range rows {
		if !r.Hash.IsZero() {
			m[r.Hash] = r.Ref
		}
	}
	return func(h psa.Hash) (psa.Ref, bool) {
		ref, ok := m[h]
		return ref, ok
	}
}

func knownHash(e *env) {
	for _, kind := range e.f.Kinds() {
		first, second := e.list(kind, psa.Query{}), e.list(kind, psa.Query{})
		by := map[psa.Hash]psa.Ref{}
		hashed := 0
		for i, r := range first {
			if i < len(second) && second[i].Hash != r.Hash {
				e.at(kind, "%s has another hash the second time", r.Ref)
			}
			if r.Hash.IsZero() {
				continue
			}
			hashed++
			if other, ok := by[r.Hash]; ok {
				e.at(kind, "%s and %s have the same hash", other, r.Ref)
			}
			by[r.Hash] = r.Ref
		}
		if hashed > 0 && hashed < len(first) {
			e.at(kind, "%d of %d rows have a hash", hashed, len(first))
		}
	}
}

func knownUnchanged(e *env) {
	for _, kind := range e.f.Kinds() {
		first := e.list(kind, psa.Query{})
		second := e.list(kind, psa.Query{Known: index(first)})
		e.same(kind, "with Known", second, first)
		for i := range min(len(first), len(second)) {
			a, b := first[i], second[i]
			switch {
			case a.Hash.IsZero():
				if b.Unchanged {
					e.at(kind, "%s is Unchanged without a hash", b.Ref)
				}
			case !b.Unchanged:
				e.at(kind, "%s is decoded although it is known", b.Ref)
			case b.Fields != nil || b.Raw != nil || b.Hash != a.Hash || b.Err != nil:
				e.at(kind, "%s is Unchanged and has more or less than Ref, Parent and Hash", b.Ref)
			case b.Parent != a.Parent && (e.f[kind].PerParent || !b.Parent.IsZero()):
				e.at(kind, "%s is Unchanged and has parent %q instead of %q", b.Ref, b.Parent, a.Parent)
			}
		}
		if len(first) == 0 || first[0].Parent.IsZero() || first[0].Hash.IsZero() {
			continue
		}
		q := psa.Query{Parent: first[0].Parent, Known: index(first)}
		for _, r := range e.list(kind, q) {
			if !r.Unchanged {
				e.at(kind, "%s has another hash when the children of %s are listed", r.Ref, q.Parent)
			}
		}
	}
}

func knownEdited(e *env) {
	e.need(e.Rename != nil, "Rename")
	for _, kind := range e.fillable() {
		e.Fill[kind](5)
		first := e.list(kind, psa.Query{})
		if len(first) != 5 {
			e.at(kind, "%d rows instead of 5", len(first))
			continue
		}
		ref := first[2].Ref
		e.Rename(ref, "Renamed behind the back")
		second := e.list(kind, psa.Query{Known: index(first)})
		e.same(kind, "after a change", second, first)
		for i, r := range second {
			switch {
			case r.Ref != ref:
				if !r.Unchanged && !r.Hash.IsZero() {
					e.at(kind, "%s is decoded, but only %s was changed", r.Ref, ref)
				}
			case r.Unchanged:
				e.at(kind, "%s was changed and is Unchanged", ref)
			case r.Hash == first[i].Hash && !r.Hash.IsZero():
				e.at(kind, "%s was changed and has the same hash", ref)
			case nameOf(r) != "Renamed behind the back":
				e.at(kind, "%s was renamed and has the name %q", ref, nameOf(r))
			}
		}
	}
}

// nameOf returns what people call a row.
func nameOf(r psa.Record) string {
	if _, ok := psa.FieldOf(r.Kind, "name"); ok {
		return r.Name()
	}
	return r.Fields.String(nameField(r.Kind))
}

// nameField is the field of a kind that World.Rename changes.
func nameField(kind psa.Kind) string {
	switch kind {
	case psa.KindTicket:
		return "summary"
	case psa.KindNote:
		return "text"
	case psa.KindTimeEntry:
		return "notes"
	case psa.KindContact:
		return "first_name"
	default:
		return "name"
	}
}

func knownHint(e *env) {
	for _, kind := range e.f.Kinds() {
		all := e.list(kind, psa.Query{})
		half := index(all[:len(all)/2])
		asked := 0
		for what, known := range map[string]psa.Known{
			"nothing": psa.KnownFunc(func(psa.Hash) (psa.Ref, bool) { asked++; return psa.Ref{}, false }),
			"half":    half,
		} {
			got := e.list(kind, psa.Query{Known: known})
			e.same(kind, "knowing "+what, got, all)
			for i, r := range got {
				if i < len(all) && !r.Unchanged && !r.Fields.Equal(all[i].Fields) {
					e.at(kind, "knowing %s changes the fields of %s", what, r.Ref)
				}
			}
		}
		if asked == 0 && len(all) > 0 && !all[0].Hash.IsZero() {
			e.at(kind, "rows have hashes, but Known is never asked")
		}
	}
}
