package endtoend

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/psasync/psasync/connectwise/connectwisetest"
)

// TestCancelAnywhere cancels a resync at each of its requests: the old
// snapshot stays whole, and the next run does what this one could not.
func TestCancelAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.srv.Tenant().Add("/service/sources", connectwisetest.Row{"name": "Chat"})

		var stop context.CancelFunc
		var mu sync.Mutex // requests come from several goroutines
		var left int
		w.srv.Before(func(*http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if left--; left == 0 {
				stop()
			}
		})
		at := 1
		for ; ; at++ {
			ctx, cancel := context.WithCancel(context.Background())
			mu.Lock()
			left, stop = at, cancel
			mu.Unlock()
			r, err := w.runIn(ctx)
			cancel()
			if err == nil { // not cancelled, or too late
				if added, changed, removed := r.Changes(); added != 1 || changed != 0 || removed != 0 {
					t.Errorf("after it all: %d added, %d changed, %d removed", added, changed, removed)
				}
				break
			}
			if at > 200 || !errors.Is(err, context.Canceled) {
				t.Fatalf("cancelled at request %d: %v\n%s", at, err, text(r))
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
