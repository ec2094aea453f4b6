package resync_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// anchor returns a kind with rows in every shape, and one that hangs on a
// parent where the shape has such a kind.
func anchor(shape string) (parent, child psa.Kind) {
	switch shape {
	case "boards":
		return psa.KindBoard, psa.KindStatus
	case "types":
		return psa.KindSLA, psa.KindPriority
	default:
		return psa.KindPriority, ""
	}
}

func TestErrorsThatEndTheRun(t *testing.T) {
	for name, tenant := range shapes() {
		parent, _ := anchor(name)
		for fault, c := range map[string]struct {
			arrange func(*bench)
			want    error
		}{
			"wrong credentials": {func(b *bench) { b.tenant.Refuse("", psa.ErrAuth) }, psa.ErrAuth},
			"credentials revoked half-way": {func(b *bench) {
				b.tenant.Fail(psatest.Fault{Op: psatest.OpList, Nth: 5, Times: -1, Err: psa.ErrAuth})
			}, psa.ErrAuth},
			"other instance": {func(b *bench) {
				b.tenant.SetInstance(psa.Instance{ID: "sandbox", Version: "2026.1"})
			}, psa.ErrOtherInstance},
			"other instance half-way": {func(b *bench) {
				b.tenant.Fail(psatest.Fault{Kind: parent, Op: psatest.OpList, After: 1, Err: psa.ErrOtherInstance})
			}, psa.ErrOtherInstance},
			"instance cannot be asked": {func(b *bench) {
				b.tenant.Fail(psatest.Fault{Op: psatest.OpInstance, Err: psa.ErrUnavailable})
			}, psa.ErrUnavailable},
			"store cannot be read": {func(b *bench) {
				b.store.step = func(what string) {
					if what == "current" {
						b.store.step = nil
						b.store.before = func(cache.Batch) error { return cache.ErrFull }
					}
				}
				b.tenant.Edit(ref(parent, "1"), psa.Fields{"name": "x"})
			}, cache.ErrFull},
		} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				b := newBench(t, tenant, resync.Options{})
				b.run()
				b.tenant.Put(psatest.Row(psa.KindRole, "77", psa.Fields{"name": "New role"}))
				same := b.whole()
				commits := len(b.store.commits)
				c.arrange(b)
				r, err := b.syncer.Run(t.Context())
				same()
				if !errors.Is(err, c.want) || r.Outcome != resync.Failed || r.Error == "" {
					t.Errorf("%v, %s %q; want %v", err, r.Outcome, r.Error, c.want)
				}
				if r.From != b.snapshot().Version() || r.Version != 0 {
					t.Errorf("version %d -> %d", r.From, r.Version)
				}
				if psa.Advice(c.want) != r.Advice {
					t.Errorf("advice %q", r.Advice)
				}
				if len(b.store.commits) != commits {
					t.Error("something was committed")
				}
				// The same syncer works on once the fault is mended, as after a
				// rotated key.
				b.tenant.Heal()
				b.tenant.SetInstance(tenant.Instance)
				b.store.before = nil
				b.run()
				b.equal()
			})
		}
	}
}

func TestWrongCredentialsCostOneRequest(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.tenant.Refuse("", psa.ErrAuth)
	if _, err := b.syncer.Run(t.Context()); !errors.Is(err, psa.ErrAuth) {
		t.Fatal(err)
	}
	if n := len(b.tenant.Calls()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestOtherInstanceCostsOneRequest(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	b.tenant.ResetCalls()
	b.tenant.SetInstance(psa.Instance{ID: "sandbox"})
	if _, err := b.syncer.Run(t.Context()); !errors.Is(err, psa.ErrOtherInstance) {
		t.Fatal(err)
	}
	if n := len(b.tenant.Calls()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestOtherProviderIsRefusedBeforeAnyRequest(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	same := b.whole()
	flat := psatest.NewProvider(psatest.Flat())
	s, err := resync.New(flat, b.store, &resync.Options{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Run(t.Context())
	same()
	if !errors.Is(err, psa.ErrOtherInstance) || len(flat.Calls()) != 0 {
		t.Errorf("%v after %d requests", err, len(flat.Calls()))
	}
}

// stale expects a kind to be stale with all its rows as they were.
func (b *bench) stale(r *resync.Report, before map[psa.Ref]psa.Record, kinds ...psa.Kind) {
	b.t.Helper()
	if r.Outcome != resync.Partial {
		b.t.Errorf("outcome is %s", r.Outcome)
	}
	got := r.StaleKinds()
	slices.Sort(got)
	slices.Sort(kinds)
	if d := cmp.Diff(kinds, got); d != "" {
		b.t.Errorf("stale kinds (-want +got):\n%s", d)
	}
	now := rows(b.snapshot())
	for ref, rec := range before {
		if slices.Contains(kinds, ref.Kind) {
			if d := cmp.Diff(rec, now[ref]); d != "" {
				b.t.Errorf("%s (-before +now):\n%s", ref, d)
			}
		}
	}
	for ref := range now {
		if _, had := before[ref]; !had && slices.Contains(kinds, ref.Kind) {
			b.t.Errorf("%s came although its kind is stale", ref)
		}
	}
	for _, k := range kinds {
		meta := b.snapshot().Freshness(k)
		if meta.Stale == "" || meta.StaleSince.IsZero() || kindOf(b.t, r, k).Stale == "" {
			b.t.Errorf("%s does not say that it is stale", k)
		}
	}
}

func TestKindsThatCannotBeReadAreStaleNeverEmpty(t *testing.T) {
	for name, tenant := range shapes() {
		parent, child := anchor(name)
		for fault, c := range map[string]struct {
			arrange func(*bench)
			parents bool // the parent kind is hit, and so are its children
		}{
			"missing right":         {func(b *bench) { b.tenant.Refuse(parent, psa.ErrDenied) }, true},
			"timeout":               {func(b *bench) { b.always(psatest.Fault{Kind: parent, Err: psa.ErrTimeout}) }, true},
			"unavailable half-way":  {func(b *bench) { b.always(psatest.Fault{Kind: parent, After: 1, Err: psa.ErrUnavailable}) }, true},
			"nonsense":              {func(b *bench) { b.always(psatest.Fault{Kind: parent, After: 1, Err: psa.ErrData}) }, true},
			"an unclassified error": {func(b *bench) { b.always(psatest.Fault{Kind: parent, Err: errors.New("odd")}) }, true},
			"short list":            {func(b *bench) { b.always(psatest.Fault{Kind: parent, After: 1, Short: true}) }, true},
			"a count that disagrees": {func(b *bench) {
				b.tenant.Remove(ref(parent, "2"))
				b.tenant.count = func(k psa.Kind, _ psa.Query) (int, bool) { return 717, k == parent }
			}, true},
			"a count that fails": {func(b *bench) {
				b.tenant.Remove(ref(parent, "2"))
				b.tenant.Fail(psatest.Fault{Kind: parent, Op: psatest.OpCount, Times: -1, Err: psa.ErrUnavailable})
			}, true},
			"suddenly empty, count disagrees": {func(b *bench) {
				b.always(psatest.Fault{Kind: parent, Short: true})
			}, true},
			"suddenly empty, right missing": {func(b *bench) {
				b.tenant.Clear(parent)
				b.tenant.check = func(kinds ...psa.Kind) (psa.CheckReport, error) {
					var r psa.CheckReport
					for _, k := range kinds {
						r.Access = append(r.Access, psa.Access{Kind: k, Err: &psa.Error{Code: psa.ErrDenied}})
					}
					return r, nil
				}
			}, true},
			"suddenly empty, check fails": {func(b *bench) {
				b.tenant.Clear(parent)
				b.tenant.Fail(psatest.Fault{Op: psatest.OpCheck, Err: psa.ErrTimeout})
			}, true},
			"suddenly empty, check does not tell": {func(b *bench) {
				b.tenant.Clear(parent)
				b.tenant.check = func(...psa.Kind) (psa.CheckReport, error) { return psa.CheckReport{}, nil }
			}, true},
			"a row of another kind": {func(b *bench) {
				b.tenant.list = func(k psa.Kind, _ psa.Query) []psa.Record {
					if k != parent {
						return nil
					}
					return []psa.Record{{Ref: ref(psa.KindTicket, "1")}}
				}
			}, true},
			"a row said to be known that nobody knows": {func(b *bench) {
				b.tenant.list = func(k psa.Kind, _ psa.Query) []psa.Record {
					if k != parent {
						return nil
					}
					return []psa.Record{{Ref: ref(parent, "4711"), Unchanged: true}}
				}
			}, true},
			"rows that keep moving": {func(b *bench) {
				b.tenant.Remove(ref(parent, "2"))
				b.tenant.list = b.repeated(parent)
				b.tenant.count = func(k psa.Kind, _ psa.Query) (int, bool) { return 5, k == parent }
			}, true},
			"children refused": {func(b *bench) { b.tenant.Refuse(child, psa.ErrDenied) }, false},
		} {
			if child == "" && !c.parents {
				continue
			}
			t.Run(name+"/"+fault, func(t *testing.T) {
				b := newBench(t, tenant, resync.Options{Guard: resync.Guard{Share: 1}})
				b.run()
				before := rows(b.snapshot())
				b.tenant.Put(psatest.Row(psa.KindRole, "77", psa.Fields{"name": "New role"}))
				fresh := b.snapshot().Freshness(parent).Fresh
				c.arrange(b)
				r := b.run()
				want := []psa.Kind{child}
				if c.parents {
					want = []psa.Kind{parent}
					for k, f := range tenant.Features {
						if f.PerParent && f.Parent == parent && b.incomplete(r, parent) {
							want = append(want, k)
						}
					}
				}
				b.stale(r, before, want...)
				if c.parents && !b.snapshot().Freshness(parent).Fresh.Equal(fresh) {
					t.Error("a stale kind got fresher")
				}
				if _, ok := b.snapshot().Get(ref(psa.KindRole, "77")); !ok {
					t.Error("what was read completely was not committed")
				}
				// The next good run heals.
				b.tenant.Heal()
				b.tenant.count, b.tenant.list, b.tenant.check = nil, nil, nil
				b.run()
				b.equal()
				if s := b.snapshot().Freshness(parent); s.Stale != "" || !s.StaleSince.IsZero() {
					t.Errorf("still stale: %q", s.Stale)
				}
			})
		}
	}
}

// incomplete reports whether some parent's children were not read in the last
// run.
func (b *bench) incomplete(r *resync.Report, parent psa.Kind) bool {
	for _, k := range r.Kinds {
		if f := b.tenant.Features()[k.Kind]; f.PerParent && f.Parent == parent && k.Stale != "" {
			return true
		}
	}
	return false
}

func (b *bench) always(f psatest.Fault) {
	f.Op, f.Times = psatest.OpList, -1
	b.tenant.Fail(f)
}

// repeated returns a list of a kind whose first row comes twice.
func (b *bench) repeated(kind psa.Kind) func(psa.Kind, psa.Query) []psa.Record {
	return func(k psa.Kind, q psa.Query) []psa.Record {
		if k != kind {
			return nil
		}
		out := b.listed(k, q)
		return append(out, out[0])
	}
}

// listed returns the rows of a list.
func (b *bench) listed(kind psa.Kind, q psa.Query) (out []psa.Record) {
	for rec, err := range b.tenant.Provider.List(b.t.Context(), kind, q) {
		if err != nil {
			b.t.Error(err)
		}
		out = append(out, rec)
	}
	return out
}

// Failures here and there are no outage.
func TestScatteredFailures(t *testing.T) {
	b := newBench(t, psatest.Flat(), resync.Options{Concurrency: 1})
	b.run()
	before := rows(b.snapshot())
	failing := []psa.Kind{psa.KindDepartment, psa.KindWorkRole, psa.KindMember, psa.KindPriority}
	for _, k := range failing {
		b.tenant.Refuse(k, psa.ErrUnavailable)
	}
	b.stale(b.run(), before, failing...)
}

// Where nothing can confirm it, an empty list is not believed.
func TestEmptyWithoutProof(t *testing.T) {
	tenant := psatest.Flat()
	f := tenant.Features[psa.KindPriority]
	f.Can &^= psa.CanCount
	b := newBench(t, tenant.With(psa.KindPriority, f), resync.Options{Guard: resync.Guard{Share: 1}})
	b.run()
	before := rows(b.snapshot())
	b.tenant.Clear(psa.KindPriority)
	b.tenant.check = func(...psa.Kind) (psa.CheckReport, error) {
		return psa.CheckReport{}, &psa.Error{Code: psa.ErrUnsupported}
	}
	b.stale(b.run(), before, psa.KindPriority)
	b.tenant.check = nil // now the right is confirmed
	b.run()
	b.equal()
}

func TestPartialCanBeRefused(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{Partial: resync.RefusePartial})
	b.run()
	same := b.whole()
	commits := len(b.store.commits)
	b.tenant.Put(psatest.Row(psa.KindRole, "77", psa.Fields{"name": "New role"}))
	b.tenant.Refuse(psa.KindPriority, psa.ErrDenied)
	r, err := b.syncer.Run(t.Context())
	same()
	if !errors.Is(err, resync.ErrPartial) || !errors.Is(err, psa.ErrDenied) || r.Outcome != resync.Refused || len(b.store.commits) != commits {
		t.Errorf("%v, %s", err, r.Outcome)
	}
}

// When nothing answers, the run fails, and readers are told that all is stale.
func TestNothingAnswers(t *testing.T) {
	for name, tenant := range shapes() {
		b := newBench(t, tenant, resync.Options{Concurrency: 2})
		b.run()
		same := b.whole()
		b.tenant.ResetCalls()
		b.always(psatest.Fault{Err: psa.ErrUnavailable})
		r, err := b.syncer.Run(t.Context())
		same()
		if !errors.Is(err, psa.ErrUnavailable) || r.Outcome != resync.Failed || len(r.StaleKinds()) != len(r.Kinds) {
			t.Errorf("%s: %v, %s, %d of %d stale", name, err, r.Outcome, len(r.StaleKinds()), len(r.Kinds))
		}
		if b.snapshot().Freshness(psa.KindStatus).Stale == "" {
			t.Errorf("%s: the snapshot does not say that it is stale", name)
		}
		if n := len(b.tenant.Calls()); n > 1+4+2 {
			t.Errorf("%s: %d requests to a vendor that is down", name, n)
		}
	}
}

// A storm of 429 makes the run slow and some kinds stale; nothing is lost.
func TestStorm(t *testing.T) {
	for name, tenant := range shapes() {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, tenant, resync.Options{SlowAfter: time.Minute})
			b.run()
			parent, _ := anchor(name)
			before := rows(b.snapshot())
			b.tenant.Fail(
				psatest.Fault{Kind: parent, Op: psatest.OpList, Times: -1, Delay: 40 * time.Second, Err: &psa.Error{Code: psa.ErrRateLimited, RetryAfter: time.Minute}, After: 1},
				psatest.Fault{Op: psatest.OpList, Times: -1, Delay: 40 * time.Second})
			b.events = nil
			r := b.run()
			if !r.Slow || r.Outcome != resync.Partial || !slices.Contains(r.StaleKinds(), parent) {
				t.Errorf("%s: slow %v, %s, stale %v", name, r.Slow, r.Outcome, r.StaleKinds())
			}
			slow := 0
			for _, e := range b.events {
				if e.Type == resync.Slow {
					slow++
					if d := e.Time.Sub(r.Started); d != time.Minute {
						t.Errorf("%s: told after %s", name, d)
					}
				}
			}
			if slow != 1 {
				t.Errorf("%s: told %d times that it is slow", name, slow)
			}
			if d := difference(before, rows(b.snapshot())); d != "" {
				t.Errorf("%s (-before +now):\n%s", name, d)
			}
		})
	}
}

// A list that never answers is ended by the caller's deadline.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, psatest.Boards(), resync.Options{})
		b.run()
		same := b.whole()
		b.tenant.Fail(psatest.Fault{Kind: psa.KindPriority, Op: psatest.OpList, Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := b.syncer.Run(ctx)
		same()
		if !errors.Is(err, context.DeadlineExceeded) || r.Outcome != resync.Failed {
			t.Errorf("%v, %s", err, r.Outcome)
		}
	})
}

// A kind that the provider had once keeps its rows and says that it is stale;
// it heals when the kind is back.
func TestKindThatIsNotOfferedAnyMore(t *testing.T) {
	b := newBench(t, psatest.Flat(), resync.Options{})
	b.run()
	without := psatest.Flat()
	delete(without.Features, psa.KindTicketSource)
	less, err := resync.New(psatest.NewProvider(without), b.store, &resync.Options{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := less.Run(t.Context())
		if err != nil || r.Outcome != resync.Unchanged {
			t.Fatalf("%v, %v", r.Outcome, err)
		}
		told := slices.ContainsFunc(r.Findings, func(f psa.Finding) bool {
			return f.Code == resync.CodeNotOffered && f.Kind == psa.KindTicketSource
		})
		meta := b.snapshot().Freshness(psa.KindTicketSource)
		if !told || meta.Stale == "" || meta.StaleSince.IsZero() || b.snapshot().Len(psa.KindTicketSource) == 0 {
			t.Errorf("told %t, %+v, %d rows", told, meta, b.snapshot().Len(psa.KindTicketSource))
		}
	}
	b.run()
	if meta := b.snapshot().Freshness(psa.KindTicketSource); meta.Stale != "" {
		t.Errorf("it is back, but stale: %s", meta.Stale)
	}
}
