package endtoend

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa/resync"
)

// TestCancelAnywhere cancels a resync at each of its requests: the old
// snapshot stays whole, and the next run does what this one could not.
func TestCancelAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.srv.Tenant().Add("/service/sources", connectwisetest.Row{"name": "Chat"})

		var stop context.CancelFunc
		n, at := 0, 0
		var last string
		w.srv.Before(func(r *http.Request) {
			last = r.URL.Path
			if n++; n == at {
				stop()
			}
		})
		for at = 1; ; at++ {
			n = 0
			ctx, cancel := context.WithCancel(context.Background())
			stop = cancel
			s, err := resync.New(cwProvider(t, w.cfg), w.store, &resync.Options{Source: source})
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Run(ctx)
			cancel()
			if err == nil { // not cancelled, or too late
				if added, changed, removed := r.Changes(); added != 1 || changed != 0 || removed != 0 {
					t.Errorf("after it all: %d added, %d changed, %d removed", added, changed, removed)
				}
				break
			}
			if at > 200 || !errors.Is(err, context.Canceled) {
				t.Fatalf("cancelled at request %d, %s: %v\n%s", at, last, err, text(r))
			}
			if v := w.snapshot().Version(); v != 1 {
				t.Fatalf("cancelled at request %d: version %d", at, v)
			}
		}
		if at < 20 {
			t.Errorf("%d requests only", at)
		}
	})
}
