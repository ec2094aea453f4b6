package resync_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// TestAnyHistory: after any edits in the PSA, a run that meets no fault makes
// the snapshot equal to the tenant, and its report counts the true difference.
// A run that meets one never removes a row without proof and never half-applies
// anything.
func TestAnyHistory(t *testing.T) {
	for name, tenant := range shapes() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				b := newBench(t, few(name, tenant).WithPageSize(rapid.IntRange(1, 5).Draw(rt, "page")), resync.Options{
					Guard:       resync.Guard{Share: 1},
					Concurrency: rapid.IntRange(1, 4).Draw(rt, "workers"),
				})
				for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
					b.edits(rt)
					if rapid.IntRange(0, 3).Draw(rt, "fault") == 0 {
						b.faulty(rt)
					} else {
						b.clean(rt)
					}
				}
				b.clean(rt)
			})
		})
	}
}

// clean runs and compares with the truth.
func (b *bench) clean(rt *rapid.T) {
	before, want := rows(b.snapshot()), b.truth(psa.Query{})
	version := b.snapshot().Version()
	r, err := b.syncer.Run(b.t.Context())
	if err != nil {
		rt.Fatal(err)
	}
	if d := difference(want, rows(b.snapshot())); d != "" {
		rt.Fatalf("(-tenant +snapshot):\n%s", d)
	}
	type counts struct{ added, changed, removed, unchanged int }
	truth := map[psa.Kind]counts{}
	add := func(k psa.Kind, f func(*counts)) { c := truth[k]; f(&c); truth[k] = c }
	for ref, rec := range want {
		old, had := before[ref]
		switch {
		case !had:
			add(ref.Kind, func(c *counts) { c.added++ })
		case !same(old, rec):
			add(ref.Kind, func(c *counts) { c.changed++ })
		default:
			add(ref.Kind, func(c *counts) { c.unchanged++ })
		}
	}
	for ref := range before {
		if _, there := want[ref]; !there {
			add(ref.Kind, func(c *counts) { c.removed++ })
		}
	}
	differs := false
	for _, k := range r.Kinds {
		c := truth[k.Kind]
		if got := (counts{k.Added, k.Changed, k.Removed, k.Unchanged}); got != c {
			rt.Fatalf("%s: reported %+v, true %+v", k.Kind, got, c)
		}
		if k.Rows != c.added+c.changed+c.unchanged {
			rt.Fatalf("%s: %d rows reported", k.Kind, k.Rows)
		}
		differs = differs || c.added+c.changed+c.removed > 0
	}
	if differs != (r.Outcome == resync.Complete) || differs != (b.snapshot().Version() > version) && version > 0 {
		rt.Fatalf("%s, version %d -> %d, differs %v", r.Outcome, version, b.snapshot().Version(), differs)
	}
}

// faulty runs with a fault and expects every row to be as before or as in the
// tenant.
func (b *bench) faulty(rt *rapid.T) {
	kinds := tenantKinds(psatest.Tenant{Features: b.tenant.Features()})
	kind := rapid.SampledFrom(kinds).Draw(rt, "faulty kind")
	fault := psatest.Fault{Kind: kind, Op: psatest.OpList, Times: -1, Nth: rapid.IntRange(1, 2).Draw(rt, "nth"), After: rapid.IntRange(0, 3).Draw(rt, "after")}
	switch rapid.IntRange(0, 4).Draw(rt, "which") {
	case 0:
		fault.Err = psa.ErrDenied
	case 1:
		fault.Err = psa.ErrAuth
	case 2:
		fault.Short = true
	case 3:
		fault.Bad = []string{"1", "2"}
	case 4:
		fault.Err = psa.ErrUnavailable
	}
	before, truth := rows(b.snapshot()), b.truth(psa.Query{})
	first := b.snapshot().Version() == 0
	b.tenant.Fail(fault)
	r, err := b.syncer.Run(b.t.Context())
	b.tenant.Heal()
	now := rows(b.snapshot())
	if errors.Is(err, psa.ErrAuth) {
		if d := difference(before, now); d != "" {
			rt.Fatalf("the old snapshot is not whole:\n%s", d)
		}
		return
	}
	for ref, rec := range now {
		if !same(rec, truth[ref]) && !same(rec, before[ref]) {
			rt.Fatalf("%s is neither old nor new: %+v", ref, rec)
		}
	}
	for ref := range before {
		_, there := truth[ref]
		if old := before[ref].Parent; !old.IsZero() && truth[old].ID == "" {
			continue // it went with its parent; where it moved to may be what was not read
		}
		if _, kept := now[ref]; there && !kept {
			rt.Fatalf("%s was removed although it is there (%s, stale %v)", ref, r.Outcome, r.StaleKinds())
		}
	}
	if first {
		return // a short first list cannot be told from a whole one
	}
	for ref, rec := range truth {
		if !slices.Contains(r.StaleKinds(), ref.Kind) && !same(rec, now[ref]) && !fault.Short {
			rt.Fatalf("%s is not as in the tenant although its kind is fresh", ref)
		}
	}
}

// edits changes the tenant the way people do.
func (b *bench) edits(rt *rapid.T) {
	features := b.tenant.Features()
	kinds := tenantKinds(psatest.Tenant{Features: features})
	for range rapid.IntRange(0, 6).Draw(rt, "edits") {
		kind := rapid.SampledFrom(kinds).Draw(rt, "kind")
		refs := b.tenant.Refs(kind)
		pick := func() psa.Ref { return rapid.SampledFrom(refs).Draw(rt, "row") }
		n := rapid.IntRange(0, 999).Draw(rt, "n")
		switch what := rapid.IntRange(0, 6).Draw(rt, "what"); {
		case what == 0 || len(refs) == 0:
			rec := psatest.Row(kind, fmt.Sprint(1000+n), psa.Fields{"name": fmt.Sprint("Row ", n%7)})
			if parent := features[kind].Parent; parent != "" {
				parents := b.tenant.Refs(parent)
				if len(parents) == 0 {
					continue
				}
				p := rapid.SampledFrom(parents).Draw(rt, "parent")
				rec.Fields[string(parent)] = psatest.RefTo(p.ID, "")
			}
			b.tenant.Put(rec)
		case what == 1:
			b.tenant.Remove(pick())
		case what == 2:
			b.tenant.Edit(pick(), psa.Fields{"name": fmt.Sprint("Name ", n%7)})
		case what == 3:
			b.tenant.Edit(pick(), psa.Fields{"order": n % 5, "default": n%2 == 0})
		case what == 4:
			b.tenant.SetActive(pick(), n%2 == 0)
		case what == 5:
			b.tenant.Advance(hour)
			b.tenant.Touch(pick())
		case what == 6 && features[kind].Parent != "": // moves to another parent
			if parents := b.tenant.Refs(features[kind].Parent); len(parents) > 0 {
				p := rapid.SampledFrom(parents).Draw(rt, "parent")
				b.tenant.Edit(pick(), psa.Fields{string(features[kind].Parent): psatest.RefTo(p.ID, "")})
			}
		}
	}
}
