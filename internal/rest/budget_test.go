package rest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

// span is when a request was under way.
type span struct {
	start, end time.Time
	endpoint   string
	user       int
}

// use sends requests of given lengths through a budget and logs them.
type usage struct {
	mu    sync.Mutex
	spans []span
}

func (u *usage) add(s span) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.spans = append(u.spans, s)
}

// request is one pass through a budget.
func (u *usage) request(t *testing.T, b *Budget, user int, endpoint string, took time.Duration) {
	s, err := b.acquire(t.Context(), endpoint, time.Hour)
	if err != nil {
		t.Error(err)
		return
	}
	start := time.Now()
	time.Sleep(took)
	u.add(span{start, time.Now(), endpoint, user})
	s.done()
}

// most is the largest number of spans that a vendor may count in a window: it
// stamps each at any moment between its start and its end, whichever is worst.
func (u *usage) most(per time.Duration) int {
	worst := 0
	for _, s := range u.spans {
		for _, from := range []time.Time{s.start, s.end} {
			n := 0
			for _, o := range u.spans {
				if !o.end.Before(from) && o.start.Before(from.Add(per)) {
					n++
				}
			}
			worst = max(worst, n)
		}
	}
	return worst
}

func (u *usage) flying(endpoint string) int {
	worst := 0
	for _, s := range u.spans {
		n := 0
		for _, o := range u.spans {
			if (endpoint == "" || o.endpoint == endpoint) && !o.start.After(s.start) && o.end.After(s.start) {
				n++
			}
		}
		worst = max(worst, n)
	}
	return worst
}

// TestBudgetHolds: whatever is asked for, no rolling window and no moment ever
// holds more than its limit, and everything asked for comes to an end.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seconds := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(r, name)) * time.Second
		}
		cfg := BudgetConfig{
			InFlight:    rapid.IntRange(0, 4).Draw(r, "in flight"),
			PerEndpoint: rapid.IntRange(0, 3).Draw(r, "per endpoint"),
			MinInterval: seconds("interval", 0, 2),
		}
		for range rapid.IntRange(0, 3).Draw(r, "windows") {
			cfg.Windows = append(cfg.Windows, Window{
				Requests: rapid.IntRange(1, 6).Draw(r, "requests"),
				Per:      seconds("per", 1, 60),
			})
		}
		users := rapid.IntRange(1, 5).Draw(r, "users")
		type step struct {
			endpoint string
			pause    time.Duration
			took     time.Duration
		}
		plan := make([][]step, users)
		for i := range plan {
			for range rapid.IntRange(1, 8).Draw(r, "steps") {
				plan[i] = append(plan[i], step{
					endpoint: rapid.SampledFrom([]string{"/a", "/b"}).Draw(r, "endpoint"),
					pause:    seconds("pause", 0, 20),
					took:     seconds("took", 0, 5),
				})
			}
		}
		var u usage
		synctest.Test(t, func(t *testing.T) {
			b := NewBudget(cfg)
			var all sync.WaitGroup
			for i, steps := range plan {
				all.Go(func() {
					for _, s := range steps {
						time.Sleep(s.pause)
						u.request(t, b, i, s.endpoint, s.took)
					}
				})
			}
			all.Wait()
			if b.inFlight != 0 || len(b.busy) != 0 || len(b.queue) != 0 {
				t.Errorf("left over: %d in flight, %v, %d waiting", b.inFlight, b.busy, len(b.queue))
			}
		})
		want := 0
		for _, steps := range plan {
			want += len(steps)
		}
		if len(u.spans) != want {
			r.Fatalf("%d of %d requests", len(u.spans), want)
		}
		for _, w := range cfg.Windows {
			if n := u.most(w.Per); n > w.Requests {
				r.Fatalf("%d requests within %s, allowed %d", n, w.Per, w.Requests)
			}
		}
		if n := u.flying(""); cfg.InFlight > 0 && n > cfg.InFlight {
			r.Fatalf("%d in flight, allowed %d", n, cfg.InFlight)
		}
		for _, e := range []string{"/a", "/b"} {
			if n := u.flying(e); cfg.PerEndpoint > 0 && n > cfg.PerEndpoint {
				r.Fatalf("%d in flight to %s, allowed %d", n, e, cfg.PerEndpoint)
			}
		}
		starts := make([]time.Time, 0, len(u.spans))
		for _, s := range u.spans {
			starts = append(starts, s.start)
		}
		slices.SortFunc(starts, time.Time.Compare)
		for i := 1; i < len(starts); i++ {
			// rate counts in float64.
			if d := starts[i].Sub(starts[i-1]); d < cfg.MinInterval-time.Microsecond {
				r.Fatalf("%s between two starts, at least %s", d, cfg.MinInterval)
			}
		}
	})
}

// TestBudgetIsSpent: a free budget is a burst, and a full one costs exactly
// the quota's time.
func TestBudgetIsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{Windows: []Window{{Requests: 10, Per: time.Minute}, {Requests: 30, Per: time.Hour}}})
		start := time.Now()
		var at []time.Duration
		for range 41 {
			s, err := b.acquire(t.Context(), "/x", 0)
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(start))
			s.done()
		}
		for i, want := range map[int]time.Duration{0: 0, 9: 0, 10: time.Minute, 20: 2 * time.Minute, 29: 2 * time.Minute, 30: time.Hour, 39: time.Hour, 40: time.Hour + time.Minute} {
			if at[i] != want {
				t.Errorf("request %d came after %s, want %s", i, at[i], want)
			}
		}
	})
}

func TestBudgetShareAndUsed(t *testing.T) {
	free := func(t *testing.T, b *Budget) int {
		n := 0
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			s, err := b.acquire(ctx, "/x", 0)
			cancel()
			if err != nil {
				return n
			}
			s.done()
			n++
		}
	}
	synctest.Test(t, func(t *testing.T) {
		hour := []Window{{Requests: 100, Per: time.Hour, Share: 0.5}}
		if n := free(t, NewBudget(BudgetConfig{Windows: hour})); n != 50 {
			t.Errorf("%d of 100 with half of it reserved", n)
		}
		if n := free(t, NewBudget(BudgetConfig{Windows: []Window{{Requests: 100, Per: time.Hour, Share: 1}}})); n != 1 {
			t.Errorf("%d with everything reserved", n)
		}
		b := NewBudget(BudgetConfig{Windows: hour})
		b.Used(60, time.Hour) // by others
		b.Used(99, time.Minute)
		if n := free(t, b); n != 20 {
			t.Errorf("%d of the half of 40", n)
		}
		b.Used(80, time.Hour) // 20 of them ours
		if n := free(t, b); n != 0 {
			t.Errorf("%d more", n)
		}
		b.Used(40, time.Hour) // others' requests have left the window
		if n := free(t, b); n != 20 {
			t.Errorf("%d more after a better report", n)
		}
		b.Used(1000, time.Hour)
		if n := free(t, b); n != 0 {
			t.Errorf("%d of an overdrawn quota", n)
		}
		time.Sleep(time.Hour) // a report does not hold for ever
		if n := free(t, b); n != 50 {
			t.Errorf("%d in a new window", n)
		}
		// Who waits hears of a report.
		b.Used(1000, time.Hour)
		got := make(chan time.Time)
		go func() {
			s, err := b.acquire(t.Context(), "/x", 0)
			if err != nil {
				t.Error(err)
			}
			got <- time.Now()
			s.done()
		}()
		time.Sleep(5 * time.Minute)
		start := time.Now()
		b.Used(50, time.Hour)
		time.Sleep(55 * time.Minute) // until our own have left the window too
		b.Used(0, time.Hour)
		if at := <-got; at.Sub(start) > 55*time.Minute {
			t.Errorf("waited %s", at.Sub(start))
		}
	})
}

// TestBudgetFair: one that asks for little is not held up by those that ask
// for much, neither at a full window nor at a busy endpoint.
func TestBudgetFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var u usage
		b := NewBudget(BudgetConfig{InFlight: 4, Windows: []Window{{Requests: 60, Per: time.Minute}}})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 30 {
					u.request(t, b, 1, "/greedy", time.Second)
				}
			})
		}
		var waits []time.Duration
		all.Go(func() {
			for range 10 {
				time.Sleep(time.Second)
				start := time.Now()
				u.request(t, b, 2, "/modest", time.Second)
				waits = append(waits, time.Since(start))
			}
		})
		all.Wait()
		for _, w := range waits {
			// 20 stand before it, 4 at a time, and one window in between.
			if w > 7*time.Second+time.Minute {
				t.Errorf("waited %s", w)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerEndpoint: 3, Bucket: func(e string) string {
			first, _, _ := strings.Cut(strings.TrimPrefix(e, "/"), "/")
			return first
		}})
		var all sync.WaitGroup
		var u usage
		for range 9 {
			all.Go(func() { u.request(t, b, 1, fmt.Sprintf("/Tickets/%d", rand.IntN(9)), time.Minute) })
		}
		synctest.Wait()
		start := time.Now()
		u.request(t, b, 2, "/Companies/query", time.Second)
		if d := time.Since(start); d != time.Second {
			t.Errorf("another endpoint waited %s", d)
		}
		all.Wait()
		if d := time.Since(start); d != 3*time.Minute {
			t.Errorf("9 requests of a minute, three at a time, took %s", d)
		}
	})
}

// TestBudgetOrder: those who wait go in the order in which they came.
func TestBudgetOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{InFlight: 1})
		first, err := b.acquire(t.Context(), "/x", 0)
		if err != nil {
			t.Fatal(err)
		}
		order := make(chan int, 100)
		for i := range cap(order) {
			go func() {
				s, err := b.acquire(t.Context(), "/x", 0)
				if err != nil {
					t.Error(err)
					return
				}
				order <- i
				s.done()
			}()
			synctest.Wait()
		}
		first.done()
		first.done() // does nothing
		for i := range cap(order) {
			if got := <-order; got != i {
				t.Fatalf("%d went as number %d", got, i)
			}
		}
	})
}

// TestBudgetCancel: who gives up leaves nothing behind, not even when its turn
// comes at the same moment.
func TestBudgetCancel(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			b := NewBudget(BudgetConfig{InFlight: 2, PerEndpoint: 2, Windows: []Window{{Requests: 3, Per: time.Minute}}})
			var all sync.WaitGroup
			for i := range 30 {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*10*time.Second)
					defer cancel()
					s, err := b.acquire(ctx, "/x", 0)
					if err != nil {
						if !errors.Is(err, psa.ErrTimeout) || s != nil {
							t.Error(err)
						}
						return
					}
					time.Sleep(10 * time.Second)
					s.done()
				})
			}
			all.Wait()
			if b.inFlight != 0 || len(b.busy) != 0 || len(b.queue) != 0 {
				t.Errorf("left over: %d in flight, %v, %d waiting", b.inFlight, b.busy, len(b.queue))
			}
		})
	}
}

// lateCtx is over, but does not say so when first asked.
type lateCtx struct {
	context.Context
	asked bool
}

func (c *lateCtx) Err() error {
	if !c.asked {
		c.asked = true
		return nil
	}
	return c.Context.Err()
}

// TestBudgetCancelRace: a turn that comes together with the end of the context
// is either used or given back.
func TestBudgetCancelRace(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	b := NewBudget(BudgetConfig{InFlight: 1, Windows: []Window{{Requests: 1000, Per: time.Hour}}})
	used := 0
	for range 200 {
		s, err := b.acquire(&lateCtx{Context: over}, "/x", 0)
		if err == nil {
			used++
			s.done()
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if b.inFlight != 0 || len(b.busy) != 0 {
			t.Fatal("the slot was lost")
		}
	}
	if n := b.windows[0].log.len(); n != used {
		t.Errorf("%d requests counted, %d sent", n, used)
	}
}

func TestBudgetRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring
		var model []time.Duration
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			if len(model) > 0 && rapid.Bool().Draw(t, "pop") {
				if r.first() != model[0] {
					t.Fatalf("first is %d, want %d", r.first(), model[0])
				}
				r.pop()
				model = model[1:]
			} else {
				d := time.Duration(rapid.IntRange(0, 1000).Draw(t, "time"))
				r.push(d)
				model = append(model, d)
			}
			if r.len() != len(model) {
				t.Fatalf("length %d, want %d", r.len(), len(model))
			}
		}
	})
}
