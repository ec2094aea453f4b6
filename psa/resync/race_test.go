package resync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// TestCancelAtEveryStep cancels a run before its first call, before its second
// and so on, through all phases, until one comes through untouched. The
// snapshot is the old one or the new one, never anything else.
func TestCancelAtEveryStep(t *testing.T) {
	for name, tenant := range shapes() {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			for n := 1; ; n++ {
				what := cancelAt(t, name, tenant, 1, n)
				if what == "" {
					break
				}
				seen[strings.Fields(what)[0]] = true
			}
			for _, want := range []string{"instance", "list", "row", "count", "current", "commit", "committed"} {
				if !seen[want] {
					t.Errorf("never cancelled at %q", want)
				}
			}
			// Many at a time, in whatever order they come.
			for n := 1; cancelAt(t, name, tenant, 4, n) != ""; n += 3 {
				continue
			}
		})
	}
}

// cancelAt cancels a run at its nth step and says which that was, "" if the
// run has fewer.
func cancelAt(t *testing.T, name string, tenant psatest.Tenant, workers, n int) string {
	t.Helper()
	parent, _ := anchor(name)
	b := newBench(t, few(name, tenant), resync.Options{Concurrency: workers})
	b.run()
	before := rows(b.snapshot())
	b.tenant.Edit(ref(parent, "1"), psa.Fields{"name": "Renamed"})
	b.tenant.Remove(ref(psa.KindTicketSource, "1"))
	b.tenant.Put(psatest.Row(psa.KindRole, "77", psa.Fields{"name": "New"}))
	after := b.truth(psa.Query{})

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var steps atomic.Int64
	var where atomic.Value
	step := func(what string) {
		if steps.Add(1) == int64(n) {
			where.Store(what)
			cancel()
		}
	}
	b.tenant.step, b.store.step = step, step
	r, err := b.syncer.Run(ctx)
	b.tenant.step, b.store.step = nil, nil
	now := rows(b.snapshot())
	what, cancelled := where.Load().(string)
	switch {
	case err == nil:
		if d := difference(after, now); d != "" {
			t.Fatalf("step %d, %s: no error, but not the new snapshot:\n%s", n, what, d)
		}
	case !cancelled:
		t.Fatal(err)
	case !errors.Is(err, context.Canceled) || r == nil || r.Outcome != resync.Failed:
		t.Fatalf("step %d, %s: %v", n, what, err)
	case difference(before, now) != "" && what != "committed":
		t.Fatalf("step %d, %s: the old snapshot is not whole:\n%s", n, what, difference(before, now))
	case difference(before, now) != "" && difference(after, now) != "":
		t.Fatalf("step %d, %s: neither old nor new", n, what)
	}
	b.run()
	b.equal()
	return what
}

// few returns a tenant with fewer kinds, for tests that repeat it often.
func few(shape string, t psatest.Tenant) psatest.Tenant {
	kinds := []psa.Kind{psa.KindRole, psa.KindTicketSource, psa.KindCustomField, psa.KindDepartment}
	switch shape {
	case "boards":
		kinds = append(kinds, psa.KindBoard, psa.KindStatus, psa.KindTeam)
	case "types":
		kinds = append(kinds, psa.KindSLA, psa.KindPriority, psa.KindTicketType, psa.KindStatus)
	default:
		kinds = append(kinds, psa.KindPriority, psa.KindStatus, psa.KindMember)
	}
	return t.Only(kinds...)
}

// behind commits a change of its own before the next commits of a store.
func (b *bench) behind(times int, batch func(i int) cache.Batch) {
	i := 0
	b.store.before = func(cache.Batch) error {
		if i++; i > times {
			return nil
		}
		snap := b.snapshot()
		if _, err := b.store.Memory.Commit(b.t.Context(), source, snap.Version(), batch(i)); err != nil {
			b.t.Error(err)
		}
		return nil
	}
}

func roleRow(id string) psa.Record {
	return psa.Record{Ref: ref(psa.KindRole, id), Active: true, Fields: psa.Fields{"name": "Role " + id}}
}

func TestCommittedBehindOurBack(t *testing.T) {
	for name, tenant := range shapes() {
		parent, _ := anchor(name)
		lists := func(b *bench) int64 { return b.tenant.lists.Load() }

		// Of other kinds: what was collected still holds.
		kinds := tenantKinds(tenant)
		b := newBench(t, tenant, resync.Options{Kinds: without(kinds, psa.KindRole)})
		b.run()
		b.tenant.lists.Store(0)
		b.run()
		once := lists(b)
		b.tenant.lists.Store(0)
		b.tenant.Edit(ref(parent, "1"), psa.Fields{"name": "Renamed"})
		b.tenant.Remove(ref(psa.KindTicketSource, "1"))
		b.behind(1, func(int) cache.Batch { // and rows of ours that were as before
			stray := psatest.Row(psa.KindPriority, "1", psa.Fields{"name": "Stray"})
			return cache.Batch{Put: []psa.Record{roleRow("r"), stray}, End: []psa.Ref{ref(psa.KindMember, "1")}}
		})
		r := b.run()
		if lists(b) != once {
			t.Errorf("%s: collected again: %d lists, not %d", name, lists(b), once)
		}
		if _, ok := b.snapshot().Get(ref(psa.KindRole, "r")); !ok || r.Version != b.snapshot().Version() {
			t.Errorf("%s: the other commit is lost", name)
		}
		got := rows(b.snapshot())
		delete(got, ref(psa.KindRole, "r"))
		want := b.truth(psa.Query{})
		for ref := range want {
			if ref.Kind == psa.KindRole {
				delete(want, ref)
			}
		}
		if d := difference(want, got); d != "" {
			t.Errorf("%s (-tenant +snapshot):\n%s", name, d)
		}

		// Of our kinds, read since we began: our reading may be the older.
		b = newBench(t, tenant, resync.Options{})
		b.run()
		b.tenant.lists.Store(0)
		b.tenant.Edit(ref(parent, "1"), psa.Fields{"name": "Renamed"})
		b.behind(1, func(int) cache.Batch {
			return cache.Batch{Put: []psa.Record{roleRow("r")},
				Kinds: map[psa.Kind]cache.KindMeta{psa.KindRole: {Fresh: time.Now()}}}
		})
		b.run()
		if lists(b) < 2*once {
			t.Errorf("%s: %d lists; want everything collected again", name, lists(b))
		}
		b.equal() // and the stray row is gone again

		// Again and again: give up, with the last one's snapshot whole.
		b = newBench(t, tenant, resync.Options{})
		b.run()
		b.tenant.Edit(ref(parent, "1"), psa.Fields{"name": "Renamed"})
		b.behind(99, func(i int) cache.Batch {
			return cache.Batch{Put: []psa.Record{roleRow(fmt.Sprint("r", i))}}
		})
		r, err := b.syncer.Run(t.Context())
		if !errors.Is(err, cache.ErrStale) || r.Outcome != resync.Failed || r.Advice == "" {
			t.Errorf("%s: %v", name, err)
		}
		if rec, _ := b.snapshot().Get(ref(parent, "1")); rec.Name() == "Renamed" {
			t.Errorf("%s: the run left something behind", name)
		}
	}
}

func tenantKinds(tenant psatest.Tenant) []psa.Kind {
	return without(tenant.Features.Kinds(), psa.RecordKinds()...)
}

func without(kinds []psa.Kind, drop ...psa.Kind) (out []psa.Kind) {
	for _, k := range kinds {
		keep := true
		for _, d := range drop {
			keep = keep && k != d
		}
		if keep {
			out = append(out, k)
		}
	}
	return out
}

// plain hides what a store can do beyond its two methods.
type plain struct{ cache.Store }

func TestTwoSyncersWithLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, psatest.Boards(), resync.Options{})
		b.always(psatest.Fault{Delay: time.Second})
		other := b.another(resync.Options{Holder: "the other"})
		done := make(chan error)
		go func() {
			_, err := other.Run(t.Context())
			done <- err
		}()
		synctest.Wait()
		r, err := b.syncer.Run(t.Context())
		var leased *cache.LeasedError
		if !errors.As(err, &leased) || leased.Holder != "the other" || r.Advice == "" || r.Trace.Requests != 0 {
			t.Errorf("%v after %d requests; want to hear who is at work", err, r.Trace.Requests)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.run() // the lease was released
		b.equal()
	})
}

func TestTwoSyncersWithoutLeases(t *testing.T) {
	for name, tenant := range shapes() {
		b := newBench(t, tenant, resync.Options{})
		var syncers []*resync.Syncer
		for range 3 {
			s, err := resync.New(b.tenant, plain{b.store.Memory}, &resync.Options{Source: source})
			if err != nil {
				t.Fatal(err)
			}
			syncers = append(syncers, s)
		}
		for round := range 10 {
			parent, _ := anchor(name)
			b.tenant.Edit(ref(parent, "1"), psa.Fields{"name": fmt.Sprint("Round ", round)})
			errs := make(chan error)
			for _, s := range syncers {
				go func() {
					_, err := s.Run(t.Context())
					errs <- err
				}()
			}
			good := 0
			for range syncers {
				switch err := <-errs; {
				case err == nil:
					good++
				case !errors.Is(err, cache.ErrStale):
					t.Errorf("%s: %v", name, err)
				}
			}
			if good == 0 {
				t.Errorf("%s: nobody came through", name)
			}
			b.equal()
		}
	}
}

// thief is a store whose leases get lost.
type thief struct {
	*ledger
	renew func(ctx context.Context) error
}

type stolen struct {
	cache.Lease
	renew func(ctx context.Context) error
}

func (t thief) Acquire(ctx context.Context, source, holder string, ttl time.Duration) (cache.Lease, error) {
	l, err := t.Memory.Acquire(ctx, source, holder, ttl)
	return stolen{l, t.renew}, err
}

func (s stolen) Renew(ctx context.Context, ttl time.Duration) error {
	if err := s.renew(ctx); err != nil {
		return err
	}
	return s.Lease.Renew(ctx, ttl)
}

func TestLeaseLost(t *testing.T) {
	for name, c := range map[string]struct {
		renew func(context.Context) error
		after time.Duration
	}{
		"taken":                   {func(context.Context) error { return cache.ErrFenced }, 15 * time.Second},
		"the store does not care": {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, time.Minute},
		"the store is locked":     {func(context.Context) error { return cache.ErrBusy }, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, psatest.Boards(), resync.Options{})
				b.run()
				same := b.whole()
				b.tenant.Edit(ref(psa.KindPriority, "1"), psa.Fields{"name": "Renamed"})
				b.tenant.Fail(psatest.Fault{Kind: psa.KindPriority, Op: psatest.OpList, Hang: true})
				s, err := resync.New(b.tenant, thief{b.store, c.renew}, &resync.Options{Source: source})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				r, err := s.Run(t.Context())
				same()
				if !errors.Is(err, cache.ErrFenced) || r.Outcome != resync.Failed || time.Since(began) != c.after {
					t.Errorf("%v after %s", err, time.Since(began))
				}
			})
		})
	}
}

// A lease that is kept outlives a run that is longer than its time to live.
func TestLeaseIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, psatest.Boards(), resync.Options{LeaseTTL: 10 * time.Second})
		b.always(psatest.Fault{Delay: time.Minute})
		other := b.another(resync.Options{Holder: "the other"})
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.run()
		}()
		for range 5 {
			wait(20 * time.Second)
			if _, err := other.Run(t.Context()); !errors.Is(err, cache.ErrLeased) {
				t.Errorf("%v; want the lease held", err)
			}
		}
		<-done
		b.equal()
	})
}

// A holder whose process stood still for too long cannot commit: somebody else
// had the lease meanwhile.
func TestTokenFencesTheCommit(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	before := rows(b.snapshot())
	b.tenant.Edit(ref(psa.KindPriority, "1"), psa.Fields{"name": "Renamed"})
	b.store.before = func(batch cache.Batch) error {
		if batch.Token == 0 {
			t.Error("the batch has no token")
		}
		_, err := b.store.Memory.Commit(t.Context(), source, b.snapshot().Version(), cache.Batch{Token: batch.Token + 1})
		return err
	}
	if _, err := b.syncer.Run(t.Context()); !errors.Is(err, cache.ErrFenced) {
		t.Errorf("%v", err)
	}
	if d := difference(before, rows(b.snapshot())); d != "" {
		t.Errorf("(-before +now):\n%s", d)
	}
}

// Fenced at the commit: the store knows of a greater token.
func TestFencedCommit(t *testing.T) {
	b := newBench(t, psatest.Boards(), resync.Options{})
	b.run()
	same := b.whole()
	b.tenant.Edit(ref(psa.KindPriority, "1"), psa.Fields{"name": "Renamed"})
	b.store.before = func(cache.Batch) error { return cache.ErrFenced }
	r, err := b.syncer.Run(t.Context())
	same()
	if !errors.Is(err, cache.ErrFenced) || r.Outcome != resync.Failed {
		t.Errorf("%v", err)
	}
}

func TestCallersShareARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, psatest.Boards(), resync.Options{})
		b.always(psatest.Fault{Delay: time.Second})
		type answer struct {
			r   *resync.Report
			err error
		}
		call := func(ctx context.Context, options ...resync.RunOption) chan answer {
			c := make(chan answer, 1)
			go func() {
				r, err := b.syncer.Run(ctx, options...)
				c <- answer{r, err}
			}()
			synctest.Wait()
			return c
		}
		leaving, leave := context.WithCancel(t.Context())
		first := call(leaving)
		second := call(t.Context())
		third := call(t.Context())
		accepting := call(t.Context(), resync.Accept("x")) // has to wait for a run of its own
		leave()
		if a := <-first; !errors.Is(a.err, context.Canceled) || a.r != nil {
			t.Errorf("the one that left got %v, %v", a.r, a.err)
		}
		two, three := <-second, <-third
		if two.err != nil || three.err != nil || two.r != three.r {
			t.Errorf("%v, %v: one caller's leaving hurt the others", two.err, three.err)
		}
		if four := <-accepting; four.err != nil || four.r.Run == two.r.Run {
			t.Errorf("%v: a run that accepts joined one that does not", four.err)
		}
		if n := len(b.store.commits); n != 2 {
			t.Errorf("%d commits; want 2", n)
		}
		b.equal()

		// Everybody left: the run ends, and the next caller gets one of its own.
		same := b.whole()
		ctx, cancel := context.WithCancel(t.Context())
		lone, pair := call(ctx), call(ctx)
		cancel()
		if a := <-lone; !errors.Is(a.err, context.Canceled) {
			t.Error(a.err)
		}
		if a := <-pair; !errors.Is(a.err, context.Canceled) {
			t.Error(a.err)
		}
		same()
		b.run()
	})
}

// Who comes while an abandoned run is still ending gets a run of its own.
func TestAbandonedRunIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, psatest.Boards(), resync.Options{Concurrency: 1})
		release := make(chan struct{})
		var stuck atomic.Bool
		b.tenant.step = func(string) {
			if stuck.CompareAndSwap(false, true) {
				<-release // a call that does not heed its context
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error)
		go func() {
			_, err := b.syncer.Run(ctx)
			first <- err
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		second := make(chan error)
		go func() {
			_, err := b.syncer.Run(t.Context())
			second <- err
		}()
		synctest.Wait()
		close(release)
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := <-second; err != nil {
			t.Error(err)
		}
		b.equal()
	})
}

func TestMinInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, psatest.Boards(), resync.Options{MinInterval: time.Minute})
		first := b.run()
		calls := len(b.tenant.Calls())
		wait(59 * time.Second)
		again := b.run()
		if !again.Repeated || again.Run != first.Run || first.Repeated || len(b.tenant.Calls()) != calls {
			t.Errorf("repeated %v, %d requests", again.Repeated, len(b.tenant.Calls())-calls)
		}
		wait(time.Second)
		if r := b.run(); r.Repeated || r.Run == first.Run {
			t.Error("no run after the interval")
		}

		// A failed run holds nobody off.
		wait(time.Minute)
		b.tenant.Refuse("", psa.ErrAuth)
		if _, err := b.syncer.Run(t.Context()); !errors.Is(err, psa.ErrAuth) {
			t.Error(err)
		}
		b.tenant.Heal()
		if r := b.run(); r.Repeated {
			t.Error("held off after a failure")
		}
	})
}
