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
	}{
		"40 boards, 8 workers":       {forty(40), 8},
		"150 boards, 8 workers":      {forty(150), 8},
		"40 boards, 3 workers":       {forty(40), 3},
		"40 boards, small pages":     {forty(40).WithPageSize(7), 8},
		"a long list among short":    {long(forty(40)), 8},
		"two levels of parents":      {nested(forty(40)), 8},
		"three boards and 16 others": {psatest.Boards(), 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.tenant, resync.Options{Concurrency: c.workers})
				b.tenant.Fail(psatest.Fault{Times: -1, Delay: latency})
				for range 2 { // the second run knows which lists are long
					b.tenant.ResetCalls()
					began := time.Now()
					b.run()
					took, requests := time.Since(began), len(b.tenant.Calls())
					ideal := time.Duration(requests) * latency / time.Duration(c.workers)
					t.Logf("%d requests in %s, ideal %s", requests, took, ideal)
					if took > ideal*115/100 {
						t.Errorf("%d requests took %s; ideal is %s", requests, took, ideal)
					}
				}
				b.equal()
			})
		})
	}
}

// long adds a list that takes a fifth of the time.
func long(t psatest.Tenant) psatest.Tenant {
	for i := range 1000 {
		t.Rows = append(t.Rows, psatest.Row(psa.KindMember, fmt.Sprint(1000+i), psa.Fields{"name": fmt.Sprint("Member ", i)}))
	}
	f := t.Features[psa.KindMember]
	f.PageSize = 100
	return t.With(psa.KindMember, f)
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
