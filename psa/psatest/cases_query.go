package psatest

import (
	"errors"
	"slices"
	"time"

	"github.com/psasync/psasync/psa"
)

func queryCases() []testCase {
	return []testCase{
		{name: "query/parent", run: queryParent,
			rule: "A list of one parent's children is what the full list holds of them; another kind of parent is ErrUnsupported."},
		{name: "query/active", run: queryActive,
			rule: "Inactive rows are kept and marked; ActiveOnly leaves out exactly those."},
		{name: "query/since", can: psa.CanSince, run: querySince,
			rule: "Since keeps every row changed at or after that time, the edge included, and drops those changed more than a granule before; where it is not offered it is ErrUnsupported."},
		{name: "query/scope", run: queryScope,
			rule: "Query.Scope keeps the rows whose field has one of the ids; a name without ids keeps none; a name that is not in Feature.Filter is ErrUnsupported."},
		{name: "query/resume", can: psa.CanResume, run: queryResume,
			rule: "After resumes a list behind an id; where it is not offered it is ErrUnsupported."},
		{name: "query/count", can: psa.CanCount, run: queryCount,
			rule: "Count tells how many rows List yields for the same query."},
		{name: "query/find", can: psa.CanFind, run: queryFind,
			rule: "Find yields the rows that have exactly the value, none for a value nobody has, and ErrUnsupported for a name that is not in Feature.Find."},
		{name: "query/removed", run: queryRemoved,
			rule: "A row that was removed is in no list any more, and Get of it is ErrNotFound."},
	}
}

// unsupported lists and expects ErrUnsupported.
func (e *env) unsupported(kind psa.Kind, what string, q psa.Query) {
	ctx, trace := e.traced()
	if rows, err := e.collect(ctx, kind, q); !errors.Is(err, psa.ErrUnsupported) {
		e.at(kind, "%s: %d rows and %v, want ErrUnsupported", what, len(rows), err)
	}
	if n := trace.Sum().Requests; n > 0 {
		e.at(kind, "%s: %s before it was refused", what, plural(n, "requests"))
	}
}

func queryParent(e *env) {
	for _, kind := range e.f.Kinds() {
		parent := e.f[kind].Parent
		wrong := psa.Ref{Kind: psa.KindTicket, ID: "1"}
		if parent == wrong.Kind {
			wrong.Kind = psa.KindCompany
		}
		e.unsupported(kind, "children of a "+string(wrong.Kind), psa.Query{Parent: wrong})
		if parent == "" {
			continue
		}
		all := e.list(kind, psa.Query{})
		for _, p := range e.list(parent, psa.Query{}) {
			got := e.list(kind, psa.Query{Parent: p.Ref})
			e.same(kind, "children of "+p.String(), got, filter(all, func(r psa.Record) bool { return r.Parent == p.Ref }))
		}
	}
}

func queryActive(e *env) {
	inactive := false
	for _, kind := range e.f.Kinds() {
		all := e.list(kind, psa.Query{})
		active := filter(all, func(r psa.Record) bool { return r.Active })
		inactive = inactive || len(active) < len(all)
		got := e.list(kind, psa.Query{ActiveOnly: true})
		e.same(kind, "ActiveOnly", got, active)
	}
	if !inactive {
		e.Errorf("the tenant has no inactive row to test with")
	}
}

func querySince(e *env) {
	varied := false
	for _, kind := range e.f.Kinds() {
		all := e.list(kind, psa.Query{})
		if !e.f.Can(kind, psa.CanSince) {
			e.unsupported(kind, "Since", psa.Query{Since: time.Unix(1, 0)})
			continue
		}
		times := timesOf(all)
		varied = varied || len(times) > 1
		for _, since := range times {
			got := e.list(kind, psa.Query{Since: since})
			granule := e.f[kind].Granularity
			for _, r := range got {
				if r.Updated.Before(since.Add(-granule)) {
					e.at(kind, "since %s: %s was updated %s", since, r.Ref, r.Updated)
				}
			}
			seen := refsOf(got)
			for _, r := range all {
				if !r.Updated.Before(since) && !slices.Contains(seen, r.Ref) {
					e.at(kind, "since %s: %s is missing, updated %s", since, r.Ref, r.Updated)
				}
			}
		}
		if len(times) > 0 {
			late := times[len(times)-1].Add(48 * time.Hour)
			if got := e.list(kind, psa.Query{Since: late}); len(got) > 0 {
				e.at(kind, "since %s: %d rows, the last was updated %s", late, len(got), times[len(times)-1])
			}
			// The same moment in another zone is the same moment.
			zone := time.FixedZone("", -5*3600)
			e.same(kind, "Since in another zone", e.list(kind, psa.Query{Since: times[0].In(zone)}), e.list(kind, psa.Query{Since: times[0]}))
		}
	}
	if !varied {
		e.Errorf("no kind has rows that were changed at different times, to test with")
	}
}

// timesOf returns some of the times rows were updated: first, last and between.
func timesOf(rows []psa.Record) []time.Time {
	var times []time.Time
	for _, r := range rows {
		if !r.Updated.IsZero() {
			times = append(times, r.Updated)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	if n := len(times); n > 3 {
		times = []time.Time{times[0], times[n/2], times[n-1]}
	}
	return times
}

func queryScope(e *env) {
	for _, kind := range e.f.Kinds() {
		e.unsupported(kind, "a scope without name", psa.Query{Scope: map[string][]string{"no such field": {"1"}}})
		if len(e.f[kind].Filter) == 0 {
			continue
		}
		all := e.list(kind, psa.Query{})
		for _, name := range e.f[kind].Filter {
			in := func(ids ...string) func(psa.Record) bool {
				return func(r psa.Record) bool {
					return slices.ContainsFunc(refIDs(r.Fields[name]), func(id string) bool { return slices.Contains(ids, id) })
				}
			}
			var ids []string
			for _, r := range all {
				ids = append(ids, refIDs(r.Fields[name])...)
			}
			slices.Sort(ids)
			ids = slices.Compact(ids)
			for _, id := range ids[:min(3, len(ids))] {
				e.same(kind, name+" of none", e.list(kind, psa.Query{Scope: map[string][]string{name: {}}}), nil)
				e.same(kind, name+" "+id, e.list(kind, psa.Query{Scope: map[string][]string{name: {id}}}), filter(all, in(id)))
			}
			if len(ids) > 1 {
				e.same(kind, name+" of two", e.list(kind, psa.Query{Scope: map[string][]string{name: ids[:2]}}), filter(all, in(ids[:2]...)))
			}
		}
	}
}

func queryResume(e *env) {
	for _, kind := range e.f.Kinds() {
		if !e.f.Can(kind, psa.CanResume) {
			e.unsupported(kind, "After", psa.Query{After: "1"})
			continue
		}
		q := psa.Query{}
		all := e.list(kind, q)
		if len(all) == 0 {
			continue
		}
		if e.f[kind].PerParent {
			q.Parent = all[0].Parent
			all = filter(all, func(r psa.Record) bool { return r.Parent == q.Parent })
		}
		for _, i := range []int{0, len(all) / 2, len(all) - 1} {
			q.After = all[i].ID
			e.same(kind, "after "+q.After, e.list(kind, q), all[i+1:])
		}
	}
}

func queryCount(e *env) {
	for _, kind := range e.kinds(psa.CanCount) {
		all := e.list(kind, psa.Query{})
		queries := map[string]psa.Query{"all": {}, "active": {ActiveOnly: true}}
		if len(all) > 0 && !all[0].Parent.IsZero() {
			queries["children"] = psa.Query{Parent: all[0].Parent}
		}
		if times := timesOf(all); len(times) > 1 && e.f.Can(kind, psa.CanSince) {
			queries["changed"] = psa.Query{Since: times[1]}
		}
		for what, q := range queries {
			n, err := psa.Count(e.ctx, e.p, kind, q)
			if want := len(e.list(kind, q)); err != nil || n != want {
				e.at(kind, "count of %s: %d, %v; the list has %d", what, n, err, want)
			}
		}
	}
}

func queryFind(e *env) {
	for _, kind := range e.kinds(psa.CanFind) {
		if err := firstError(psa.Find(e.ctx, e.p, kind, psa.Fields{"no such field": "x"})); !errors.Is(err, psa.ErrUnsupported) {
			e.at(kind, "find by a name that is not offered: %v, want ErrUnsupported", err)
		}
		all := e.list(kind, psa.Query{})
		for _, name := range e.f[kind].Find {
			for _, r := range all {
				v, ok := r.Fields.Lookup(name)
				if !ok || v == nil || v == "" {
					continue
				}
				want := filter(all, func(o psa.Record) bool { return hasValues(o.Fields, psa.Fields{name: v}) })
				e.same(kind, "find by "+name, e.find(kind, psa.Fields{name: v}), want)
				break
			}
			f, _ := fieldOf(kind, name)
			if f.Type != psa.TypeString && f.Type != "" {
				continue
			}
			for _, odd := range []string{"nobody has this", `"quoted" 'twice' \ % * _ & | ; -- )`, "ünï – 東京"} {
				if got := e.find(kind, psa.Fields{name: odd}); len(got) > 0 {
					e.at(kind, "find %s %q yields %s", name, odd, got[0].Ref)
				}
			}
		}
	}
}

func (e *env) find(kind psa.Kind, by psa.Fields) []psa.Record {
	var rows []psa.Record
	for r, err := range psa.Find(e.ctx, e.p, kind, by) {
		if err != nil {
			e.at(kind, "find: %v", err)
			break
		}
		rows = append(rows, r)
	}
	return rows
}

func queryRemoved(e *env) {
	e.need(e.Remove != nil, "Remove")
	for _, kind := range e.fillable() {
		e.Fill[kind](4)
		rows := e.list(kind, psa.Query{})
		if len(rows) != 4 {
			e.at(kind, "%d rows instead of 4", len(rows))
			continue
		}
		ref := rows[1].Ref
		e.Remove(ref)
		e.same(kind, "after a row was removed", e.list(kind, psa.Query{Known: index(rows)}), filter(rows, func(r psa.Record) bool { return r.Ref != ref }))
		if e.f.Can(kind, psa.CanGet) {
			if _, err := e.p.Get(e.ctx, ref); !errors.Is(err, psa.ErrNotFound) {
				e.at(kind, "get of a removed row: %v, want ErrNotFound", err)
			}
		}
	}
}
