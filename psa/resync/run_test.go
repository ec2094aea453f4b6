package resync_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

func TestFirstRunCopiesTheTenant(t *testing.T) {
	for name, tenant := range shapes() {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tenant, resync.Options{})
			r := b.run()
			b.equal()
			added, changed, removed := r.Changes()
			if want := len(b.truth(psa.Query{})); r.Outcome != resync.Complete || added != want || changed+removed != 0 || r.Version != 1 {
				t.Errorf("%s, version %d: %d added, %d changed, %d removed; want complete, 1: %d, 0, 0", r.Outcome, r.Version, added, changed, removed, want)
			}
			if v, err := b.syncer.Verify(t.Context()); err != nil || v.Verdict() == resync.Fail {
				t.Errorf("verify: %v %+v", err, v)
			}
			snap := b.snapshot()
			if snap.Instance().ID != tenant.Instance.ID || snap.Provider() != tenant.Name {
				t.Errorf("the snapshot is from %q of %q", snap.Instance().ID, snap.Provider())
			}
			if len(snap.Fields(psa.KindTicket)) == 0 {
				t.Error("the snapshot does not know the fields of a ticket")
			}
		})
	}
}

func TestUnchangedRunWritesAndDecodesNoRow(t *testing.T) {
	for name, tenant := range shapes() {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tenant, resync.Options{})
			b.run()
			fresh := b.snapshot().Freshness(psa.KindStatus).Fresh
			b.tenant.decoded.Store(0)
			b.store.puts = 0
			same := b.whole()
			r := b.run()
			same()
			if r.Outcome != resync.Unchanged || b.tenant.decoded.Load() != 0 || b.store.puts != 0 {
				t.Errorf("%s: %d rows decoded, %d written", r.Outcome, b.tenant.decoded.Load(), b.store.puts)
			}
			if b.tenant.counts.Load()+b.tenant.checks.Load() != 0 {
				t.Error("it counted or checked although nothing was missing")
			}
			if len(b.store.commits) != 2 || len(b.store.commits[1].Audit) == 0 {
				t.Error("the run left no audit")
			}
			if !b.snapshot().Freshness(psa.KindStatus).Fresh.After(fresh) {
				t.Error("freshness did not move")
			}
		})
	}
}

// A vendor moves stamps when somebody logs in: other bytes, the same meaning.
func TestOtherBytesOfTheSameMeaning(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	b.tenant.Advance(hour)
	b.tenant.Touch(ref(psa.KindMember, "1"))
	b.tenant.Touch(ref(psa.KindStatus, "2"))
	b.tenant.decoded.Store(0)
	same := b.whole()
	r := b.run()
	same()
	if r.Outcome != resync.Unchanged || b.tenant.decoded.Load() != 2 {
		t.Errorf("%s, %d rows decoded; want unchanged, 2", r.Outcome, b.tenant.decoded.Load())
	}
	b.tenant.decoded.Store(0)
	b.store.puts = 0
	b.run()
	same()
	if b.tenant.decoded.Load() != 0 || b.store.puts != 0 {
		t.Errorf("the next run decoded %d rows and wrote %d; the new bytes were not remembered", b.tenant.decoded.Load(), b.store.puts)
	}
}

// A provider that does not hash costs decoding, nothing else.
func TestWithoutHashes(t *testing.T) {
	for name, tenant := range shapes() {
		parent, _ := anchor(name)
		b := newBench(t, tenant, resync.Options{})
		b.tenant.list = func(kind psa.Kind, q psa.Query) []psa.Record {
			q.Known = nil
			out := b.listed(kind, q)
			for i := range out {
				out[i].Hash = psa.Hash{}
			}
			if out == nil {
				return []psa.Record{}
			}
			return out
		}
		b.run()
		b.equal()
		b.store.puts = 0
		if r := b.run(); r.Outcome != resync.Unchanged || b.store.puts != 0 {
			t.Errorf("%s: %s, %d rows written", name, r.Outcome, b.store.puts)
		}
		b.tenant.SetActive(ref(parent, "2"), false)
		b.tenant.Edit(ref(psa.KindRole, "1"), psa.Fields{"name": "Renamed"})
		if r := b.run(); r.Outcome != resync.Complete || kindOf(t, r, parent).Changed != 1 || kindOf(t, r, psa.KindRole).Changed != 1 {
			t.Errorf("%s: %s", name, r.Outcome)
		}
		b.equal()
	}
}

func TestChangesFieldByField(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	b.tenant.Edit(ref(psa.KindPriority, "2"), psa.Fields{"name": "P2", "color": "red"})
	b.tenant.SetActive(ref(psa.KindUrgency, "3"), false)
	b.tenant.Put(psatest.Row(psa.KindStatus, "99", psa.Fields{"name": "Parked", "board": psatest.RefTo("1", "Managed Services"), "closed": false}))
	b.tenant.Remove(ref(psa.KindTicketSource, "3"))
	r := b.run()
	b.equal()

	type row struct {
		Kind psa.Kind
		resync.RowReport
	}
	var got []row
	for _, k := range r.Kinds {
		for _, list := range [][]resync.RowReport{k.AddedRows, k.ChangedRows, k.RemovedRows} {
			for _, rr := range list {
				got = append(got, row{k.Kind, rr})
			}
		}
	}
	val := func(v any) resync.Value { return resync.Value{Known: true, V: v} }
	want := []row{
		{psa.KindStatus, resync.RowReport{ID: "99", Name: "Parked", Parent: "board/1"}},
		{psa.KindPriority, resync.RowReport{ID: "2", Name: "P2", ChangesCount: 2, Changes: []resync.Change{
			{Field: "color", New: val("red")},
			{Field: "name", Old: val("Priority 2 - High"), New: val("P2")},
		}}},
		{psa.KindUrgency, resync.RowReport{ID: "3", Name: "Low", ChangesCount: 1, Changes: []resync.Change{
			{Field: "(active)", Old: val(true), New: val(false)},
		}}},
		{psa.KindTicketSource, resync.RowReport{ID: "3", Name: "Portal"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("report (-want +got):\n%s", d)
	}
	if r.Outcome != resync.Complete || r.From != 1 || r.Version != 2 {
		t.Errorf("%s, version %d -> %d", r.Outcome, r.From, r.Version)
	}
}

func TestPlanWritesNothing(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	b.tenant.Edit(ref(psa.KindPriority, "2"), psa.Fields{"name": "P2"})
	b.tenant.Remove(ref(psa.KindTicketSource, "3"))
	same := b.whole()
	commits := len(b.store.commits)
	plan, err := b.syncer.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same()
	if len(b.store.commits) != commits {
		t.Error("a plan committed")
	}
	_, changed, removed := plan.Changes()
	if !plan.DryRun || plan.Outcome != resync.Complete || changed != 1 || removed != 1 || plan.Token == "" || plan.Version != 0 {
		t.Errorf("plan: %+v", plan)
	}
	if r := b.run(); r.Token != plan.Token {
		t.Errorf("the run's token is %q, the plan's %q", r.Token, plan.Token)
	}
	b.equal()
}

func TestActiveOnly(t *testing.T) {
	for _, known := range []bool{false, true} {
		b := newBench(t, psatest.Boards(), resync.Options{ActiveOnly: true, Guard: resync.Guard{Share: 0.01, Rows: -1}})
		if known { // the inactive rows are known, and come back without content
			if _, err := b.another(resync.Options{}).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.tenant.list = func(kind psa.Kind, q psa.Query) []psa.Record {
			q.ActiveOnly = false // a vendor that cannot filter
			return b.listed(kind, q)
		}
		b.run()
		for _, rec := range rows(b.snapshot()) {
			if !rec.Active {
				t.Errorf("%s is inactive", rec.Ref)
			}
		}
		if n := b.snapshot().Len(psa.KindBoard); n != 2 {
			t.Errorf("%d boards; want the 2 active ones", n)
		}
		if n := b.snapshot().Len(psa.KindStatus); n != 8 {
			t.Errorf("%d statuses; want 8: those of a dropped board go, too", n)
		}
	}
}

// What the option removes needs no confirmation; what the PSA lost does. The
// rows come back when it is switched off.
func TestActiveOnlySwitchedOnAndOff(t *testing.T) {
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			strict := resync.Guard{Share: 0.01, Rows: -1}
			b := newBench(t, shape, resync.Options{Guard: strict})
			b.run()
			active := b.another(resync.Options{ActiveOnly: true, Guard: strict})
			r, err := active.Run(t.Context())
			if err != nil || r.Outcome != resync.Complete {
				t.Fatalf("switched on: %v", err)
			}
			inactive := 0
			for _, rec := range b.truth(psa.Query{}) {
				if !rec.Active {
					inactive++
				}
			}
			if _, _, removed := r.Changes(); removed < inactive || inactive == 0 {
				t.Errorf("%d rows removed, %d were inactive", removed, inactive)
			}
			again, err := active.Run(t.Context())
			if err != nil || again.Outcome != resync.Unchanged {
				t.Errorf("a second run: %v, %v", again.Outcome, err)
			}
			for rec := range b.snapshot().All(psa.KindPriority) {
				b.tenant.SetActive(rec.Ref, false)
				break
			}
			if _, err := active.Run(t.Context()); !errors.Is(err, resync.ErrTooManyRemovals) {
				t.Errorf("a row that became inactive: %v", err)
			}
			b.run()
			b.equal()
		})
	}
}

func TestInactiveRowsAreKeptByDefault(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	rec, ok := b.snapshot().Get(ref(psa.KindBoard, "3"))
	if !ok || rec.Active {
		t.Errorf("board 3: %v %+v; want it there, inactive", ok, rec)
	}
	for _, o := range b.snapshot().Options(psa.KindBoard, "") {
		if o.ID == "3" {
			t.Error("an inactive board is offered")
		}
	}
}

func TestChosenKindsOnly(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{Kinds: []psa.Kind{psa.KindPriority, psa.KindStatus}})
	b.run()
	if got := b.snapshot().Kinds(); slices.Contains(got, psa.KindBoard) || b.snapshot().Len(psa.KindStatus) != 12 {
		t.Errorf("kinds %v, %d statuses", got, b.snapshot().Len(psa.KindStatus))
	}
	// Another syncer's kinds are left alone.
	other := b.another(resync.Options{Kinds: []psa.Kind{psa.KindBoard}})
	if _, err := other.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.snapshot().Len(psa.KindStatus) != 12 || b.snapshot().Len(psa.KindBoard) != 3 {
		t.Error("a syncer of other kinds changed these")
	}
	// A status that lost its board cannot be found by the second syncer, but the first one's next run drops it.
	b.tenant.Remove(ref(psa.KindStatus, "12"))
	if b.run(); b.snapshot().Len(psa.KindStatus) != 11 {
		t.Errorf("%d statuses", b.snapshot().Len(psa.KindStatus))
	}
}

func TestConstructionErrors(t *testing.T) {
	p, store := psatest.NewProvider(psatest.Types()), cache.NewMemory()
	for name, o := range map[string]resync.Options{
		"kind not offered":  {Kinds: []psa.Kind{psa.KindBoard}},
		"record kind":       {Kinds: []psa.Kind{psa.KindTicket}},
		"kind twice":        {Kinds: []psa.Kind{psa.KindStatus, psa.KindStatus}},
		"no kind":           {Kinds: []psa.Kind{}},
		"bad cron":          {Schedule: resync.Schedule{Cron: "61 * * * *"}},
		"cron never":        {Schedule: resync.Schedule{Cron: "0 0 31 2 *"}},
		"negative jitter":   {Schedule: resync.Schedule{Jitter: -1}},
		"quiet all day":     {Schedule: resync.Schedule{Quiet: []resync.Hours{{0, 13 * hour}, {12 * hour, 24 * hour}}}},
		"quiet nothing":     {Schedule: resync.Schedule{Quiet: []resync.Hours{{5 * hour, 5 * hour}}}},
		"share above one":   {Guard: resync.Guard{Share: 1.5}},
		"negative workers":  {Concurrency: -1},
		"negative interval": {MinInterval: -1},
		"unknown policy":    {Partial: 9},
		"nil impact":        {Impact: []resync.Impact{nil}},
	} {
		if s, err := resync.New(p, store, &o); err == nil || s != nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := resync.New(nil, store, nil); err == nil {
		t.Error("no provider: no error")
	}
	_, err := resync.New(p, store, &resync.Options{Kinds: []psa.Kind{psa.KindBoard}, Concurrency: -1})
	if err == nil || !containsAll(err.Error(), "a team is the queue", "Concurrency") {
		t.Errorf("%v; want every reason, the vendor's included", err)
	}
	if _, err := resync.New(p, store, nil); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

// impactFunc makes a function an Impact.
type impactFunc func(ctx context.Context, old, new psa.Catalog) ([]psa.Finding, error)

func (f impactFunc) Impact(ctx context.Context, old, new psa.Catalog) ([]psa.Finding, error) {
	return f(ctx, old, new)
}

func TestImpact(t *testing.T) {
	needsPortal := impactFunc(func(_ context.Context, _, next psa.Catalog) ([]psa.Finding, error) {
		if _, ok := next.Find(psa.KindTicketSource, "", "Portal"); ok {
			return nil, nil
		}
		return []psa.Finding{
			{Severity: psa.Info, Code: "hint", Message: "less grave"},
			{Severity: psa.Failure, Code: "unknown-value", Where: "map.yaml:3:9", Message: `source "Portal" is gone`},
		}, nil
	})
	broken := impactFunc(func(context.Context, psa.Catalog, psa.Catalog) ([]psa.Finding, error) {
		return nil, errors.New("cannot say")
	})

	b := newBench(t, psatest.Boards(), resync.Options{Impact: []resync.Impact{needsPortal}, RefuseImpact: true})
	if r := b.run(); r.ImpactCount != 0 {
		t.Errorf("impact of the first run: %v", r.Impact)
	}
	b.tenant.Remove(ref(psa.KindTicketSource, "3"))
	same := b.whole()
	r, err := b.syncer.Run(t.Context())
	same()
	if !errors.Is(err, resync.ErrImpact) || r.Outcome != resync.Refused || r.ImpactCount != 2 || r.Impact[0].Code != "unknown-value" || r.Advice == "" {
		t.Errorf("%v, %+v; want a refusal with the gravest finding first", err, r)
	}

	tolerant := b.another(resync.Options{Impact: []resync.Impact{needsPortal, broken}})
	r, err = tolerant.Run(t.Context())
	if err != nil || r.ImpactCount != 3 || r.Outcome != resync.Complete {
		t.Errorf("%v, %+v; want it committed, with the findings", err, r)
	}
	b.equal()
	v, err := tolerant.Verify(t.Context())
	if err != nil || v.Verdict() != resync.Fail {
		t.Errorf("verify: %v, %v; a registered map is broken", err, v)
	}

	refusing := b.another(resync.Options{Impact: []resync.Impact{broken}, RefuseImpact: true})
	if _, err := refusing.Run(t.Context()); !errors.Is(err, resync.ErrImpact) {
		t.Errorf("%v; a map that cannot say refuses", err)
	}
}

func TestVendorUpgradeIsNoticed(t *testing.T) {
	b := newBench(t, psatest.Flat(), resync.Options{})
	b.run()
	b.tenant.SetInstance(psa.Instance{ID: "flat.example/acme", Name: "Acme IT", Version: "2026.2"})
	r := b.run()
	if r.Upgraded != "2026.1" || r.FindingsCount == 0 || r.Findings[len(r.Findings)-1].Code != resync.CodeUpgraded {
		t.Errorf("upgraded from %q, findings %v", r.Upgraded, r.Findings)
	}
	if r := b.run(); r.Upgraded != "" {
		t.Error("told twice")
	}
}

func TestEventsAreOrdered(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{Concurrency: 3})
	r := b.run()
	if b.events[0].Type != resync.Started || b.events[len(b.events)-1].Type != resync.Finished || b.events[len(b.events)-1].Report != r {
		t.Error("a run begins with started and ends with finished and its report")
	}
	var phases []resync.Phase
	read := map[psa.Kind]int{}
	done := 0
	for _, e := range b.events {
		if e.Run != r.Run {
			t.Errorf("an event of run %q", e.Run)
		}
		switch e.Type {
		case resync.Entered:
			phases = append(phases, e.Phase)
		case resync.KindRead:
			read[e.Kind]++
			if e.Rows != kindOf(t, r, e.Kind).Rows {
				t.Errorf("%s: %d rows told, %d in the snapshot", e.Kind, e.Rows, kindOf(t, r, e.Kind).Rows)
			}
		}
		if e.Done > e.Total || e.Phase == resync.Collect && e.Type != resync.Entered && e.Done < done {
			t.Errorf("%d of %d lists after %d", e.Done, e.Total, done)
		}
		done = max(done, e.Done)
	}
	if d := cmp.Diff([]resync.Phase{resync.Prepare, resync.Collect, resync.Process, resync.Update}, phases); d != "" {
		t.Errorf("phases (-want +got):\n%s", d)
	}
	for _, k := range r.Kinds {
		if read[k.Kind] != 1 {
			t.Errorf("%s was told %d times to be read", k.Kind, read[k.Kind])
		}
	}
	if last := b.events[len(b.events)-1]; last.Requests != r.Trace.Requests || r.Trace.Requests != len(b.tenant.Calls()) {
		t.Errorf("%d requests told, %d reported, %d made", last.Requests, r.Trace.Requests, len(b.tenant.Calls()))
	}
}
