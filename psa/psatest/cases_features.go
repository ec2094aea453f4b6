package psatest

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
)

func featureCases() []testCase {
	return []testCase{
		{name: "features/stable", run: featuresStable,
			rule: "Name is a short lower-case word, and Name and Features always return the same, whatever a caller does to the map."},
		{name: "features/interfaces", run: featuresInterfaces,
			rule: "An ability is offered exactly if the provider implements its interface: CanCount Counter, CanFind Finder, CanDeletions DeletionLister, CanCreate Creator, CanUpdate Updater, CanDelete or CanDeactivate Deleter. A kind is deleted or deactivated, not both."},
		{name: "features/schema", run: featuresSchema,
			rule: "Every kind that can be listed is a kind of package psa with a page size; its parent can be listed; the names in Filter, Find, Marker and Required are fields of its schema; a marker can be written and found; a list by time needs a granularity."},
		{name: "features/scopes", run: featuresScopes,
			rule: "A scope names a kind that can be listed, and a field that holds ids: of the scoping kind in the row itself, of the row's kind in the scoping row (Reverse), or none for Record.Parent."},
		{name: "features/groups", run: featuresGroups,
			rule: "Groups hold two or more writable fields of the schema and share none."},
		{name: "features/reasons", run: featuresReasons,
			rule: "What a reader would expect and does not find has a reason in Missing: list for any kind named in Features, get for listed kinds, since for records, and create, update, delete for records where the provider writes any. Missing never names an ability that is there."},
	}
}

func featuresStable(e *env) {
	name := e.p.Name()
	if name == "" || strings.ToLower(name) != name || strings.ContainsAny(name, " \t\n/:") {
		e.Errorf("Name() = %q", name)
	}
	first := e.p.Features()
	spoilt := e.p.Features()
	clear(spoilt)
	if second := e.p.Features(); !reflect.DeepEqual(first, second) {
		e.Errorf("Features changed between two calls")
	}
	if again := e.p.Name(); again != name {
		e.Errorf("Name() = %q, then %q", name, again)
	}
	if len(first.Kinds()) == 0 {
		e.Errorf("no kind can be listed")
	}
}

func featuresInterfaces(e *env) {
	_, counts := e.p.(psa.Counter)
	_, finds := e.p.(psa.Finder)
	_, deletions := e.p.(psa.DeletionLister)
	_, creates := e.p.(psa.Creator)
	_, updates := e.p.(psa.Updater)
	_, deletes := e.p.(psa.Deleter)
	for _, x := range []struct {
		name string
		can  psa.Ability
		has  bool
	}{
		{"Counter", psa.CanCount, counts}, {"Finder", psa.CanFind, finds}, {"DeletionLister", psa.CanDeletions, deletions},
		{"Creator", psa.CanCreate, creates}, {"Updater", psa.CanUpdate, updates}, {"Deleter", psa.CanDelete | psa.CanDeactivate, deletes},
	} {
		offered := false
		for kind, f := range e.f {
			if f.Can&x.can == 0 {
				continue
			}
			offered = true
			if !x.has {
				e.at(kind, "offers %s, but the provider is no psa.%s", f.Can&x.can, x.name)
			}
		}
		if x.has && !offered {
			e.Errorf("the provider is a psa.%s, but no kind offers %s", x.name, x.can)
		}
	}
	for kind, f := range e.f {
		if f.Can.Has(psa.CanDelete | psa.CanDeactivate) {
			e.at(kind, "offers both delete and deactivate")
		}
		if !f.Can.Has(psa.CanList) && f.Can != 0 {
			e.at(kind, "offers %s without list", f.Can)
		}
	}
}

func featuresSchema(e *env) {
	for kind := range e.f {
		if !kind.Valid() || len(psa.Schema(kind)) == 0 {
			e.at(kind, "is no kind of package psa")
		}
	}
	for _, kind := range e.f.Kinds() {
		f := e.f[kind]
		if f.PageSize < 1 {
			e.at(kind, "PageSize is %d", f.PageSize)
		}
		if f.Parent != "" && !e.f.Can(f.Parent, psa.CanList) {
			e.at(kind, "its parent %s cannot be listed", f.Parent)
		}
		if f.PerParent && f.Parent == "" {
			e.at(kind, "PerParent without Parent")
		}
		if f.Can.Has(psa.CanSince) && f.Granularity <= 0 {
			e.at(kind, "can be listed by time, but has no Granularity")
		}
		if f.Granularity > 24*time.Hour {
			e.at(kind, "a Granularity of %v is no use", f.Granularity)
		}
		if f.Can.Has(psa.CanFind) != (len(f.Find) > 0) {
			e.at(kind, "Find lists %d names, CanFind is %v", len(f.Find), f.Can.Has(psa.CanFind))
		}
		for what, names := range map[string][]string{"Filter": f.Filter, "Find": f.Find, "Required": f.Required} {
			for _, name := range names {
				if _, ok := fieldOf(kind, name); !ok {
					e.at(kind, "%s names %q, which is no field of its schema", what, name)
				}
			}
		}
		if f.Marker == "" {
			continue
		}
		if m, ok := fieldOf(kind, f.Marker); !ok || m.ReadOnly {
			e.at(kind, "Marker %q is no field that can be written", f.Marker)
		}
		if !slices.Contains(f.Find, f.Marker) {
			e.at(kind, "Marker %q is not in Find: what cannot be found again marks nothing", f.Marker)
		}
	}
}

// fieldOf is psa.FieldOf that knows custom fields.
func fieldOf(kind psa.Kind, name string) (psa.Field, bool) {
	if id, ok := strings.CutPrefix(name, "custom."); ok && id != "" {
		f, ok := psa.FieldOf(kind, "custom")
		return psa.Field{Name: name, Class: f.Class}, ok
	}
	return psa.FieldOf(kind, name)
}

func featuresScopes(e *env) {
	for _, kind := range e.f.Kinds() {
		for _, s := range e.f[kind].Scopes {
			if !e.f.Can(s.Kind, psa.CanList) {
				e.at(kind, "scope %s cannot be listed", s.Kind)
				continue
			}
			if s.Via == "" {
				if e.f[kind].Parent != s.Kind || s.Reverse {
					e.at(kind, "scope %s is in Record.Parent, but the parent is %q", s.Kind, e.f[kind].Parent)
				}
				continue
			}
			holder, holds := kind, s.Kind
			if s.Reverse {
				holder, holds = s.Kind, kind
			}
			f, ok := psa.FieldOf(holder, s.Via)
			if !ok || f.Kind != holds || f.Type != psa.TypeIDs && f.Type != psa.TypeRef && f.Type != psa.TypeRefs {
				e.at(kind, "scope %s: field %s.%s holds no ids of %s", s.Kind, holder, s.Via, holds)
			}
		}
	}
}

func featuresGroups(e *env) {
	for kind, f := range e.f {
		seen := map[string]bool{}
		for _, g := range f.Groups {
			if len(g) < 2 {
				e.at(kind, "group %v has fewer than two fields", g)
			}
			for _, name := range g {
				if field, ok := fieldOf(kind, name); !ok || field.ReadOnly {
					e.at(kind, "group %v: %q is no field that can be written", g, name)
				}
				if seen[name] {
					e.at(kind, "%q is in two groups", name)
				}
				seen[name] = true
			}
		}
	}
}

func featuresReasons(e *env) {
	_, creates := e.p.(psa.Creator)
	_, updates := e.p.(psa.Updater)
	_, deletes := e.p.(psa.Deleter)
	for kind, f := range e.f {
		for can, reason := range f.Missing {
			if f.Can&can != 0 {
				e.at(kind, "%s is offered and missing", f.Can&can)
			}
			if strings.TrimSpace(reason) == "" {
				e.at(kind, "%s has an empty reason", can)
			}
		}
		expect := []psa.Ability{psa.CanList}
		if f.Can.Has(psa.CanList) {
			expect = append(expect, psa.CanGet)
			if kind.IsRecord() {
				expect = append(expect, psa.CanSince)
			}
		}
		if f.Can.Has(psa.CanList) && kind.IsRecord() {
			if creates {
				expect = append(expect, psa.CanCreate)
			}
			if updates {
				expect = append(expect, psa.CanUpdate)
			}
			if deletes && !f.Can.Has(psa.CanDeactivate) {
				expect = append(expect, psa.CanDelete)
			}
		}
		for _, can := range expect {
			if !f.Can.Has(can) && f.Missing[can] == "" {
				e.at(kind, "no %s, and no reason", can)
			}
		}
	}
}

func connectionCases() []testCase {
	return []testCase{
		{name: "connection/instance", run: connectionInstance,
			rule: "An Instancer tells the same non-empty ID every time, and Check tells it too."},
		{name: "connection/check", run: connectionCheck,
			rule: "A Checker answers for each kind asked for, in that order, without an error where it can be read and with ErrUnsupported where it is not offered, and in fewer requests than a resync."},
		{name: "connection/server-time", run: connectionServerTime,
			rule: "A ServerTimer tells the vendor's clock in UTC."},
		{name: "connection/traces", run: connectionTraces,
			rule: "Requests are told to the traces of the context, with the provider's name, the method and a path that holds neither ids nor a query."},
		{name: "connection/plain", run: connectionPlain,
			rule: "Calling an extra for a kind that does not offer it is ErrUnsupported and sends nothing."},
	}
}

func connectionInstance(e *env) {
	i, ok := e.p.(psa.Instancer)
	if !ok {
		return
	}
	a, err := i.Instance(e.ctx)
	if err != nil {
		e.Fatalf("Instance: %v", err)
	}
	b, err := i.Instance(e.ctx)
	if err != nil || a != b || a.ID == "" {
		e.Errorf("Instance() = %+v, then %+v, %v", a, b, err)
	}
	if c, ok := e.p.(psa.Checker); ok {
		report, err := c.Check(e.ctx)
		if err != nil || report.Instance.ID != a.ID {
			e.Errorf("Check tells instance %q, Instance %q (%v)", report.Instance.ID, a.ID, err)
		}
	}
}

func connectionCheck(e *env) {
	c, ok := e.p.(psa.Checker)
	if !ok {
		return
	}
	kinds := e.f.Kinds()
	slices.Reverse(kinds)
	if without := e.notOffered(); without != "" {
		kinds = append(kinds, without)
	}
	ctx, trace := e.traced()
	report, err := c.Check(ctx, kinds...)
	if err != nil {
		e.Fatalf("Check: %v", err)
	}
	if len(report.Access) != len(kinds) {
		e.Fatalf("Check answers for %d kinds, not %d", len(report.Access), len(kinds))
	}
	for i, a := range report.Access {
		switch offered := e.f.Can(kinds[i], psa.CanList); {
		case a.Kind != kinds[i]:
			e.Errorf("answer %d is for %s, not %s", i+1, a.Kind, kinds[i])
		case offered && a.Err != nil:
			e.at(a.Kind, "Check: %v", a.Err)
		case !offered && !errors.Is(a.Err, psa.ErrUnsupported):
			e.at(a.Kind, "Check: %v, want ErrUnsupported", a.Err)
		}
	}
	if n := trace.Sum().Requests; n > 3*len(kinds)+3 {
		e.Errorf("Check took %d requests for %d kinds", n, len(kinds))
	}
}

func connectionServerTime(e *env) {
	s, ok := e.p.(psa.ServerTimer)
	if !ok {
		return
	}
	now, err := s.ServerTime(e.ctx)
	if err != nil || now.IsZero() || now.Location() != time.UTC {
		e.Errorf("ServerTime() = %v, %v", now, err)
	}
}

func connectionTraces(e *env) {
	for _, kind := range e.f.Kinds() {
		var mu sync.Mutex
		told := map[psa.Request]bool{}
		trace := &psa.Trace{OnRequest: func(r psa.Request) {
			mu.Lock()
			defer mu.Unlock()
			told[psa.Request{Provider: r.Provider, Method: r.Method, Endpoint: r.Endpoint, Attempt: r.Attempt}] = true
		}}
		ctx := psa.WithTrace(e.ctx, trace)
		rows, err := e.collect(ctx, kind, psa.Query{})
		if err != nil {
			e.at(kind, "list: %v", err)
		}
		if e.f.Can(kind, psa.CanGet) && len(rows) > 0 {
			if _, err := e.p.Get(ctx, rows[0].Ref); err != nil {
				e.at(kind, "get: %v", err)
			}
		}
		for r := range told {
			if r.Provider != e.p.Name() || r.Method == "" || r.Attempt < 1 || !strings.HasPrefix(r.Endpoint, "/") ||
				strings.ContainsAny(r.Endpoint, "?#&=") || slices.ContainsFunc(strings.Split(r.Endpoint, "/"), isNumber) {
				e.at(kind, "a request is told as %q %s %s, attempt %d", r.Provider, r.Method, r.Endpoint, r.Attempt)
			}
			e.clean(kind, "a request", r.Endpoint)
		}
	}
}

// notOffered returns a kind that cannot be listed, or "".
func (e *env) notOffered() psa.Kind {
	for _, k := range slices.Concat(psa.ConfigKinds(), psa.RecordKinds()) {
		if !e.f.Can(k, psa.CanList) {
			return k
		}
	}
	return ""
}

func connectionPlain(e *env) {
	ctx, trace := e.traced()
	for _, kind := range slices.Concat(psa.ConfigKinds(), psa.RecordKinds()) {
		can := e.f[kind].Can
		refused := func(what string, err error) {
			if !errors.Is(err, psa.ErrUnsupported) {
				e.at(kind, "%s: %v, want ErrUnsupported", what, err)
			}
		}
		ref := psa.Ref{Kind: kind, ID: "1"}
		if !can.Has(psa.CanList) {
			_, err := e.collect(ctx, kind, psa.Query{})
			refused("list", err)
		}
		if !can.Has(psa.CanGet) {
			_, err := e.p.Get(ctx, ref)
			refused("get", err)
		}
		if !can.Has(psa.CanCount) {
			_, err := psa.Count(ctx, e.p, kind, psa.Query{})
			refused("count", err)
		}
		if !can.Has(psa.CanFind) {
			refused("find", firstError(psa.Find(ctx, e.p, kind, psa.Fields{"name": "x"})))
		}
		if !can.Has(psa.CanDeletions) {
			refused("deletions", firstError(psa.Deletions(ctx, e.p, kind, time.Time{})))
		}
		if !can.Has(psa.CanCreate) {
			_, err := psa.Create(ctx, e.p, kind, psa.Fields{"name": "x"}, psa.NotifyNone)
			refused("create", err)
		}
		if !can.Has(psa.CanUpdate) {
			_, err := psa.Update(ctx, e.p, ref, psa.Patch{Set: psa.Fields{"name": "x"}})
			refused("update", err)
		}
		if can&(psa.CanDelete|psa.CanDeactivate) == 0 {
			refused("delete", psa.Delete(ctx, e.p, ref))
		}
	}
	if n := trace.Sum().Requests; n > 0 {
		e.Errorf("%d requests were sent for what is not offered", n)
	}
}
