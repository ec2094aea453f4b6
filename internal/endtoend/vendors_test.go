package endtoend

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// latency of every answer in the measurements.
const latency = 300 * time.Millisecond

// An account is a simulated Medium account under the vendor's own limits.
type account struct {
	provider psa.Provider
	sent     func() int // requests so far
	broken   func() int // of the vendor's limits
	clear    func()
	watch    *watch
}

// A measured vendor. least is how few requests a full read of the
// configuration can do with, login how many of them nothing else can run
// beside, chain the longest row of requests of which each needs the answer of
// the one before.
type measured struct {
	name   string
	flight int // requests that its budget has under way by default
	open   func(t *testing.T, inFlight int) account
	least  func() int
	login  int
	chain  int
	window time.Duration
	quota  int
}

func measuredVendors() []measured {
	return []measured{
		{
			name: "connectwise", flight: 8, login: 1, chain: 3, // companyinfo, boards, statuses
			quota: 1000, window: time.Minute,
			least: func() int { return leastConnectWise(connectwisetest.Medium()) },
			open: func(t *testing.T, inFlight int) account {
				srv := cwServer(t, connectwisetest.Medium(), connectwisetest.Options{
					Latency: latency, Limit: connectwisetest.Limit{Requests: 1000, Window: time.Minute, Hard: true},
				})
				cfg := cwConfig(srv)
				cfg.Budget = connectwise.NewBudget(&connectwise.BudgetConfig{InFlight: inFlight})
				return account{cwProvider(t, cfg), func() int { return len(srv.Requests()) }, srv.Violations, srv.ClearCounters, watchOver(t, srv)}
			},
		},
		{
			name: "autotask", flight: 8, login: 1, chain: 4, // the zone, data types, list items, definitions
			quota: 10_000, window: time.Hour,
			least: func() int { return leastAutotask },
			open: func(t *testing.T, inFlight int) account {
				srv := autotasktest.NewServer(autotasktest.Medium(), &autotasktest.Options{InProcess: true, Latency: latency})
				t.Cleanup(srv.Close)
				login := srv.Credentials()
				p, err := autotask.New(autotask.Config{
					URL: srv.URL(), Transport: srv.Transport(), Budget: autotask.NewBudget(&autotask.BudgetConfig{InFlight: inFlight}),
					Credentials: func(context.Context) (autotask.Credentials, error) {
						return autotask.Credentials{IntegrationCode: login.IntegrationCode, UserName: login.UserName, Secret: login.Secret}, nil
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				return account{p, func() int { return len(srv.Requests()) }, srv.Violations, srv.ClearCounters, watchOver(t, srv)}
			},
		},
		{
			name: "halopsa", flight: 4, login: 2, chain: 4, // authinfo, a token, ticket types, their details
			quota: 700, window: 5 * time.Minute,
			least: func() int { return leastHalo(halopsatest.Medium()) },
			open: func(t *testing.T, inFlight int) account {
				srv := halopsatest.NewServer(halopsatest.Medium(), &halopsatest.Options{InProcess: true, Latency: latency})
				t.Cleanup(srv.Close)
				app := srv.Credentials()
				p, err := halopsa.New(halopsa.Config{
					URL: srv.URL(), Transport: srv.Transport(), Budget: halopsa.NewBudget(&halopsa.BudgetConfig{InFlight: inFlight}),
					Credentials: func(context.Context) (halopsa.Credentials, error) {
						return halopsa.Credentials{ClientID: app.ClientID, ClientSecret: app.ClientSecret}, nil
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				return account{p, func() int { return len(srv.Requests()) }, srv.Violations, srv.ClearCounters, watchOver(t, srv)}
			},
		},
	}
}

// TestTimeOfAResync holds the time of a first resync against what the vendor's
// limits allow at best: the quota, or the login and then full rounds of as many
// requests as may be in flight, or the chain. Time is virtual, so that the ratio is exact.
func TestTimeOfAResync(t *testing.T) {
	for _, v := range measuredVendors() {
		t.Run(v.name, func(t *testing.T) {
			took, n := v.measure(t, v.flight)
			one, _ := v.measure(t, 1)
			rounds := max(v.chain, v.login+(n-v.login+v.flight-1)/v.flight)
			model := max(time.Duration((n-1)/v.quota)*v.window, time.Duration(rounds)*latency)
			least := v.least()
			t.Logf("%d requests (least %d), %s, model %s: %.2fx; one at a time %s: %.1fx",
				n, least, took, model, float64(took)/float64(model), one, float64(one)/float64(took))
			// One round more, for a request that happens to queue behind others
			// although the next one waits for it.
			if took > model*115/100+latency {
				t.Errorf("took %s, more than 1.15 x %s and a round", took, model)
			}
			if v.name == "connectwise" && one < 4*took {
				t.Errorf("one request at a time took %s, less than four times %s", one, took)
			}
			if n > least*105/100 {
				t.Errorf("%d requests, more than 5 %% over %d", n, least)
			}
		})
	}
}

func (v measured) measure(t *testing.T, inFlight int) (took time.Duration, requests int) {
	synctest.Test(t, func(t *testing.T) {
		a := v.open(t, inFlight)
		s, err := resync.New(a.provider, cache.NewMemory(), &resync.Options{Concurrency: 2 * inFlight}) // some lists wait for what another one asks
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r, err := s.Run(a.watch.trace(context.Background()))
		if err != nil {
			t.Fatal(err)
		}
		a.watch.result(inReport, r, err)
		took, requests = time.Since(start), a.sent()
		if r.Outcome != resync.Complete {
			t.Errorf("outcome %s\n%s", r.Outcome, text(r))
		}
		if n := a.broken(); n != 0 {
			t.Errorf("%d violations of the vendor's limits", n)
		}
		if len(r.Kinds) < 15 {
			t.Errorf("%d kinds only", len(r.Kinds))
		}
	})
	return took, requests
}
