package endtoend

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// TestTimeOfAResync holds the time of a first resync against what the vendor's
// limits allow at best. Time is virtual, so that the ratio is exact.
func TestTimeOfAResync(t *testing.T) {
	const latency = 300 * time.Millisecond
	measure := func(t *testing.T, inFlight int) (took time.Duration, requests int) {
		synctest.Test(t, func(t *testing.T) {
			srv := cwServer(t, connectwisetest.Medium(), connectwisetest.Options{
				Latency: latency, Limit: connectwisetest.Limit{Requests: 1000, Window: time.Minute, Hard: true},
			})
			cfg := cwConfig(srv)
			cfg.Budget = connectwise.NewBudget(&connectwise.BudgetConfig{InFlight: inFlight})
			p := cwProvider(t, cfg)
			s, err := resync.New(p, cache.NewMemory(), &resync.Options{Concurrency: inFlight})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			r, err := s.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			took = time.Since(start)
			requests = len(srv.Requests())
			if r.Outcome != resync.Complete {
				t.Errorf("outcome %s", r.Outcome)
			}
			if g := srv.Gauge(); g.Violations != 0 {
				t.Errorf("%d violations of the vendor's limit", g.Violations)
			}
		})
		return took, requests
	}
	took, n := measure(t, 8)
	model := max(time.Duration((n-1)/1000)*time.Minute, time.Duration(n)*latency/8)
	one, _ := measure(t, 1)
	t.Logf("%d requests, %s at 8 in flight, model %s: %.2fx; one at a time %s: %.1fx", n, took, model, float64(took)/float64(model), one, float64(one)/float64(took))
	if limit := model * 115 / 100; took > limit {
		t.Errorf("took %s, more than 1.15 x %s", took, model)
	}
	if one < 4*took {
		t.Errorf("one request at a time took %s, less than four times %s", one, took)
	}
	least := leastRequests(connectwisetest.Medium())
	t.Logf("least requests %d", least)
	if n > least*105/100 {
		t.Errorf("%d requests, more than 5 %% over %d", n, least)
	}
}

var _ = psa.KindBoard
