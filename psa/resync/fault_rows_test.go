package resync_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// A stale parent leaves its children stale: they were not read.
func TestChildrenOfAStaleParentAreStale(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	before := rows(b.snapshot())
	b.tenant.Refuse(psa.KindBoard, psa.ErrDenied)
	b.tenant.Edit(ref(psa.KindStatus, "1"), psa.Fields{"name": "Renamed"})
	r := b.run()
	b.stale(r, before, psa.KindBoard, psa.KindStatus, psa.KindTeam, psa.KindClassification, psa.KindClassificationAssociation)
	if k := kindOf(t, r, psa.KindStatus); !strings.Contains(k.Stale, "not read") || k.Advice != psa.Advice(psa.ErrDenied) {
		t.Errorf("%q, %q", k.Stale, k.Advice)
	}
}

// One board that fails leaves only its own statuses as they were.
func TestOneParentFails(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	board2 := ref(psa.KindBoard, "2")
	for _, id := range []string{"1", "5"} { // on boards 1 and 2
		b.tenant.Edit(ref(psa.KindStatus, id), psa.Fields{"name": "Renamed"})
	}
	b.tenant.Remove(ref(psa.KindStatus, "2"))
	b.tenant.list = func(k psa.Kind, q psa.Query) []psa.Record {
		if k == psa.KindStatus && q.Parent == board2 {
			return []psa.Record{{Ref: ref(psa.KindTicket, "1")}}
		}
		return nil
	}
	r := b.run()
	snap := b.snapshot()
	one, _ := snap.Get(ref(psa.KindStatus, "1"))
	five, _ := snap.Get(ref(psa.KindStatus, "5"))
	_, gone := snap.Get(ref(psa.KindStatus, "2"))
	if one.Name() != "Renamed" || five.Name() == "Renamed" || !gone {
		t.Errorf("%q, %q, %v; want the read board's change, the other's old row, and no removal while a list is missing", one.Name(), five.Name(), gone)
	}
	if d := cmp.Diff([]psa.Kind{psa.KindStatus}, r.StaleKinds()); d != "" {
		t.Error(d)
	}
}

// A parent that is gone for certain takes its children along, even if another
// list of theirs failed: nothing points at what is not there.
func TestChildrenGoWithTheirParent(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{Guard: resync.Guard{Share: 1}})
	b.run()
	b.tenant.Remove(ref(psa.KindBoard, "3"))
	b.tenant.list = func(k psa.Kind, q psa.Query) []psa.Record {
		if k == psa.KindStatus && q.Parent.ID == "2" {
			return []psa.Record{{Ref: ref(psa.KindTicket, "1")}}
		}
		return nil
	}
	r := b.run()
	for rec := range b.snapshot().All(psa.KindStatus) {
		if rec.Parent.ID == "3" {
			t.Errorf("%s outlived its board", rec.Ref)
		}
	}
	if k := kindOf(t, r, psa.KindStatus); k.Removed != 4 || k.Stale == "" || k.Rows != 8 {
		t.Errorf("%+v", k)
	}
}

// A row under a parent that is stale and not known yet has to wait: a snapshot
// never points at a row that it failed to read.
func TestNewChildOfAStaleParentWaits(t *testing.T) {
	tenant := psatest.Boards()
	status := tenant.Features[psa.KindStatus]
	status.PerParent = false // listed at once, as Autotask does
	b := newBench(t, tenant.With(psa.KindStatus, status), resync.Options{})
	b.run()
	before := rows(b.snapshot())
	b.tenant.Put(psatest.Row(psa.KindBoard, "9", psa.Fields{"name": "New"}),
		psatest.Row(psa.KindStatus, "99", psa.Fields{"name": "New", "board": psatest.RefTo("9", "New")}))
	b.tenant.Refuse(psa.KindBoard, psa.ErrUnavailable)
	b.tenant.Refuse(psa.KindTeam, psa.ErrUnavailable)
	r := b.run()
	b.stale(r, before, psa.KindBoard, psa.KindStatus, psa.KindTeam, psa.KindClassification, psa.KindClassificationAssociation)
	b.tenant.Heal()
	b.run()
	b.equal()
}

func TestShortListThatIsWholeTheSecondTime(t *testing.T) {
	for name, tenant := range shapes() {
		parent, _ := anchor(name)
		b := newBench(t, tenant, resync.Options{})
		b.run()
		same := b.whole()
		b.tenant.Fail(psatest.Fault{Kind: parent, Op: psatest.OpList, After: 1, Short: true})
		r := b.run()
		same()
		if r.Outcome != resync.Unchanged || b.tenant.counts.Load() != 1 {
			t.Errorf("%s: %s after %d counts", name, r.Outcome, b.tenant.counts.Load())
		}
	}
}

func TestRowsThatMovedAreReadAgain(t *testing.T) {
	for name, tenant := range shapes() {
		parent, _ := anchor(name)
		for _, can := range []bool{true, false} {
			tenant := tenant
			if !can { // the repeated id alone must make it doubtful
				f := tenant.Features[parent]
				f.Can &^= psa.CanCount
				tenant = tenant.With(parent, f)
			}
			b := newBench(t, tenant, resync.Options{})
			b.run()
			same := b.whole()
			moved := b.repeated(parent)
			var reads atomic.Int64
			b.tenant.list = func(k psa.Kind, q psa.Query) []psa.Record {
				out := moved(k, q)
				if out == nil || reads.Add(1) > 1 { // the second time it stands still
					return nil
				}
				return slices.Delete(out, 1, 2)
			}
			r := b.run()
			same()
			if r.Outcome != resync.Unchanged {
				t.Errorf("%s, count %v: %s", name, can, r.Outcome)
			}
		}
	}
}

// A page that shifted may hide a new row, although none is missing.
func TestRepeatedIDHidesANewRow(t *testing.T) {
	b := newBench(t, psatest.Flat(), resync.Options{})
	b.run()
	b.tenant.Put(psatest.Row(psa.KindPriority, "50", psa.Fields{"name": "New"}))
	repeated := b.repeated(psa.KindPriority)
	var reads atomic.Int64
	b.tenant.list = func(k psa.Kind, q psa.Query) []psa.Record {
		out := repeated(k, q)
		if out == nil || reads.Add(1) > 1 {
			return nil
		}
		return slices.DeleteFunc(out, func(rec psa.Record) bool { return rec.ID == "50" })
	}
	if r := b.run(); r.Outcome != resync.Complete {
		t.Errorf("%s", r.Outcome)
	}
	b.equal()
}

func TestBadRows(t *testing.T) {
	for name, tenant := range shapes() {
		parent, _ := anchor(name)
		b := newBench(t, tenant, resync.Options{})
		b.run()
		b.tenant.Edit(ref(parent, "1"), psa.Fields{"name": "Broken"})
		b.tenant.Edit(ref(parent, "2"), psa.Fields{"name": "Good"})
		b.tenant.Put(psatest.Row(parent, "98", psa.Fields{"name": "New"}))
		b.tenant.Fail(psatest.Fault{Kind: parent, Op: psatest.OpList, Bad: []string{"1", "98"}})
		old, _ := b.snapshot().Get(ref(parent, "1"))
		r := b.run()
		k := kindOf(t, r, parent)
		if r.Outcome != resync.Partial || k.WarningsCount != 2 || k.Stale == "" || k.Changed != 1 || k.Added+k.Removed != 0 {
			t.Errorf("%s: %s %+v", name, r.Outcome, k)
		}
		now, _ := b.snapshot().Get(ref(parent, "1"))
		if d := cmp.Diff(meaning(old), meaning(now)); d != "" {
			t.Errorf("%s: the bad row is not as it was:\n%s", name, d)
		}
		if _, ok := b.snapshot().Get(ref(parent, "98")); ok {
			t.Errorf("%s: a bad row came in", name)
		}
		if r := b.run(); r.Outcome != resync.Complete {
			t.Errorf("%s: %s after the rows were mended", name, r.Outcome)
		}
		b.equal()
	}
}

// A row without a readable id may be any row that is missing.
func TestRowWithoutID(t *testing.T) {
	b := newBench(t, psatest.Flat(), resync.Options{})
	b.run()
	before := rows(b.snapshot())
	b.tenant.Remove(ref(psa.KindPriority, "3"))
	b.tenant.list = func(k psa.Kind, q psa.Query) []psa.Record {
		if k != psa.KindPriority {
			return nil
		}
		return append(b.listed(k, q), psa.Record{Err: &psa.Error{Code: psa.ErrData}})
	}
	b.tenant.count = func(k psa.Kind, _ psa.Query) (int, bool) { return 4, true }
	b.stale(b.run(), before, psa.KindPriority)
}

// One row that no store takes must not keep the others out.
func TestPoisonedRow(t *testing.T) {
	b := newBench(t, psatest.Flat(), resync.Options{})
	b.run()
	b.tenant.Put(psatest.Row(psa.KindPriority, "50", psa.Fields{"name": "Good"}))
	b.tenant.list = func(k psa.Kind, q psa.Query) []psa.Record {
		if k != psa.KindPriority {
			return nil
		}
		return append(b.listed(k, q),
			psa.Record{Ref: ref(k, "60"), Active: true, Fields: psa.Fields{"name": "\xff"}},
			psa.Record{Ref: ref(k, "61"), Active: true, Fields: psa.Fields{"order": 1.5}})
	}
	r := b.run()
	k := kindOf(t, r, psa.KindPriority)
	if r.Outcome != resync.Partial || k.Added != 1 || k.WarningsCount != 2 {
		t.Errorf("%s %+v", r.Outcome, k)
	}
	b.equal()
}
