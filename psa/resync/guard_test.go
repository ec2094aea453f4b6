package resync_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// many returns a tenant with n ticket sources.
func many(n int) psatest.Tenant {
	t := psatest.Flat().Only(psa.KindTicketSource, psa.KindPriority)
	t.Rows = nil
	for i := range n {
		t.Rows = append(t.Rows, psatest.Row(psa.KindTicketSource, strconv.Itoa(i+1), psa.Fields{"name": "Source " + strconv.Itoa(i+1)}))
	}
	return t
}

func (b *bench) removeSources(from, to int) {
	for i := from; i <= to; i++ {
		b.tenant.Remove(ref(psa.KindTicketSource, strconv.Itoa(i)))
	}
}

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		name         string
		guard        resync.Guard
		rows, remove int
		stops        bool
	}{
		{"a few of many", resync.Guard{}, 100, 20, false},
		{"more than a fifth", resync.Guard{}, 100, 21, true},
		{"one of three", resync.Guard{}, 3, 1, false},
		{"all of four", resync.Guard{}, 4, 4, false},
		{"all of five", resync.Guard{}, 5, 5, true},
		{"86 per cent", resync.Guard{}, 717, 617, true},
		{"share", resync.Guard{Share: 0.5}, 100, 50, false},
		{"over the share", resync.Guard{Share: 0.5}, 100, 51, true},
		{"share of one", resync.Guard{Share: 1}, 100, 100, false},
		{"no rows may go", resync.Guard{Share: 0.01, Rows: -1}, 50, 1, true},
		{"rows", resync.Guard{Rows: 30}, 100, 30, false},
		{"over the rows", resync.Guard{Rows: 30}, 100, 31, true},
		{"most", resync.Guard{Most: 5}, 1000, 5, false},
		{"over the most", resync.Guard{Most: 5}, 1000, 6, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, many(c.rows), resync.Options{Guard: c.guard})
			b.run()
			b.removeSources(1, c.remove)
			same := b.whole()
			r, err := b.syncer.Run(t.Context())
			if errors.Is(err, resync.ErrTooManyRemovals) != c.stops {
				t.Fatalf("%v; want stopped: %v", err, c.stops)
			}
			if !c.stops {
				b.equal()
				return
			}
			same()
			var removal *resync.RemovalError
			if !errors.As(err, &removal) || removal.Token != r.Token || removal.Refused || len(removal.Kinds) != 1 ||
				removal.Kinds[0] != (resync.Removal{Kind: psa.KindTicketSource, Removed: c.remove, Before: c.rows}) {
				t.Errorf("%#v", err)
			}
			if r.Outcome != resync.Refused || r.Advice == "" || len(r.Guarded) != 1 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestAccept(t *testing.T) {
	b := newBench(t, many(100), resync.Options{MinInterval: hour})
	b.run()
	b.removeSources(1, 50)
	plan, err := b.syncer.Plan(t.Context())
	if !errors.Is(err, resync.ErrTooManyRemovals) || plan.Token == "" || plan.Outcome != resync.Refused {
		t.Fatalf("%v, %+v", err, plan)
	}
	same := b.whole()

	// One more row goes before somebody confirms: that is another plan.
	b.removeSources(51, 51)
	var removal *resync.RemovalError
	r, err := b.syncer.Run(t.Context(), resync.Accept(plan.Token))
	same()
	if !errors.As(err, &removal) || !removal.Refused || removal.Token == plan.Token || r.Token != removal.Token {
		t.Fatalf("%v; want the changed plan refused", err)
	}
	if _, err := b.syncer.Run(t.Context(), resync.Accept("0123456789abcdef")); !errors.Is(err, resync.ErrTooManyRemovals) {
		t.Fatalf("%v; want a made-up token refused", err)
	}
	same()

	// What else changed meanwhile does not matter.
	b.tenant.Edit(ref(psa.KindTicketSource, "99"), psa.Fields{"name": "Renamed"})
	if r := b.run(resync.Accept(removal.Token)); r.Outcome != resync.Complete || r.Repeated {
		t.Errorf("%s", r.Outcome)
	}
	b.equal()

	// A token has no use later, and does no harm where the guard has no objection.
	b.removeSources(52, 52)
	b.run(resync.Accept(removal.Token))
	b.equal()
}

func TestTokenIsBoundToTheSource(t *testing.T) {
	tokens := map[string]bool{}
	for _, name := range []string{"a", "b"} {
		b := newBench(t, many(10), resync.Options{})
		s, err := resync.New(b.tenant, b.store, &resync.Options{Source: name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.removeSources(1, 8)
		r, _ := s.Plan(t.Context())
		tokens[r.Token] = true
	}
	if len(tokens) != 2 || tokens[""] {
		t.Errorf("tokens %v", tokens)
	}
}

// The guard looks at what is proven only: a kind that cannot be read is stale
// and needs no confirmation.
func TestSuddenlyEmptyAndConfirmed(t *testing.T) {
	b := newBench(t, many(10), resync.Options{})
	b.run()
	same := b.whole()
	b.tenant.Clear(psa.KindTicketSource)
	_, err := b.syncer.Run(t.Context())
	same()
	var removal *resync.RemovalError
	if !errors.As(err, &removal) {
		t.Fatal(err)
	}
	if b.tenant.counts.Load() != 1 || b.tenant.checks.Load() != 1 {
		t.Errorf("%d counts, %d checks; want one each", b.tenant.counts.Load(), b.tenant.checks.Load())
	}
	b.run(resync.Accept(removal.Token))
	b.equal()
}
