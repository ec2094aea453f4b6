package resync_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// forty is a ConnectWise-like tenant with boards, each with four lists of its
// own.
func forty(boards int) psatest.Tenant {
	t := psatest.Boards()
	for b := 10; b < 10+boards; b++ {
		board := psatest.RefTo(fmt.Sprint(b), fmt.Sprint("Board ", b))
		t.Rows = append(t.Rows, psatest.Row(psa.KindBoard, fmt.Sprint(b), psa.Fields{"name": fmt.Sprint("Board ", b)}))
		for i, name := range []string{"New", "Work", "Done"} {
			t.Rows = append(t.Rows, psatest.Row(psa.KindStatus, fmt.Sprint(100*b+i), psa.Fields{"name": name, "board": board, "closed": i == 2}))
		}
		t.Rows = append(t.Rows, psatest.Row(psa.KindTeam, fmt.Sprint(100*b), psa.Fields{"name": "Team", "board": board}))
	}
	return t.WithPageSize(250)
}

// TestRequestsStayInFlight: with a fixed latency a run takes hardly longer than
// its requests need when all workers are busy all the time.
func TestRequestsStayInFlight(t *testing.T) {
	const latency = 300 * time.Millisecond
	for name, c := range map[string]struct {
		tenant  psatest.Tenant
		workers int
		most    int // per cent of the ideal
	}{
		"40 boards, 8 workers":   {forty(40), 8, 107},
		"150 boards, 8 workers":  {forty(150), 8, 103},
		"40 boards, 3 workers":   {forty(40), 3, 103},
		"40 boards, small pages": {forty(40).WithPageSize(7), 8, 109},
		"two levels of parents":  {nested(forty(40)), 8, 106},
		"3 boards, 4 workers":    {psatest.Boards(), 4, 115},
		// Which list is long is known from the run before.
		"the last list is long": {long(forty(40)), 8, 106},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.tenant, resync.Options{Concurrency: c.workers})
				b.tenant.Fail(psatest.Fault{Times: -1, Delay: latency})
				b.run()
				b.tenant.ResetCalls()
				began := time.Now()
				b.run()
				took, requests := time.Since(began), len(b.tenant.Calls())
				ideal := time.Duration(requests) * latency / time.Duration(c.workers)
				if took > ideal*time.Duration(c.most)/100 {
					t.Errorf("%d requests took %s, %d %% of the ideal %s", requests, took, took*100/ideal, ideal)
				}
				b.equal()
			})
		})
	}
}

// long gives the last board a list of eleven pages, a third of the time of all.
func long(t psatest.Tenant) psatest.Tenant {
	for i := range 1000 {
		t.Rows = append(t.Rows, psatest.Row(psa.KindTeam, fmt.Sprint(10_000+i), psa.Fields{"name": fmt.Sprint("Team ", i), "board": psatest.RefTo("49", "")}))
	}
	f := t.Features[psa.KindTeam]
	f.PageSize = 100
	return t.With(psa.KindTeam, f)
}

// nested hangs a kind on one that hangs on boards.
func nested(t psatest.Tenant) psatest.Tenant {
	f := t.Features[psa.KindLocation]
	f.Parent, f.PerParent = psa.KindTeam, true
	return t.With(psa.KindLocation, f)
}

// TestRequestsAreBounded: never more lists at a time than asked for.
func TestRequestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forty(40), resync.Options{Concurrency: 3})
		b.always(psatest.Fault{Delay: time.Second})
		b.run()
		b.tenant.ResetCalls()
		began := time.Now()
		b.run()
		if took, least := time.Since(began), time.Duration(len(b.tenant.Calls())-1)*time.Second/3; took < least {
			t.Errorf("%d requests took %s; three at a time take %s", len(b.tenant.Calls()), took, least)
		}
	})
}
