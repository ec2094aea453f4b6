package rest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/psa"
)

// Users of one trace share an answer once each; another trace, a second use
// and an old answer read again.
func TestMemoUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemo[int]("vendor")
		reads := 0
		get := func(ctx context.Context, user string, age time.Duration) int {
			v, err := m.Get(ctx, "list", user, age, func(context.Context) (int, error) { reads++; return reads, nil })
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		first := psa.WithTrace(t.Context(), new(psa.Trace))
		second := psa.WithTrace(t.Context(), new(psa.Trace))
		for i, c := range []struct {
			ctx  context.Context
			user string
			age  time.Duration
			wait time.Duration
			want int
		}{
			{ctx: first, user: "a", age: time.Minute, want: 1},
			{ctx: first, user: "b", age: time.Minute, want: 1},
			{ctx: first, user: "a", age: time.Minute, want: 2},
			{ctx: second, user: "b", age: time.Minute, want: 3},
			{ctx: first, age: time.Minute, want: 3},
			{ctx: first, wait: time.Hour, want: 3},
			{ctx: first, age: time.Minute, want: 4},
		} {
			time.Sleep(c.wait)
			if got := get(c.ctx, c.user, c.age); got != c.want {
				t.Errorf("call %d: answer %d, want %d", i, got, c.want)
			}
		}
	})
}

// Callers that wait take over what the first one found; one that is cancelled
// does not spoil it for the others, and a failure is not kept.
func TestMemoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemo[string]("vendor")
		reads := 0
		read := func(ctx context.Context) (string, error) {
			reads++
			select {
			case <-time.After(time.Second):
				return "x", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 5 {
			ctx := t.Context()
			if i < 2 {
				ctx = gone // one that reads, one that waits, or two that wait
			}
			wg.Go(func() {
				v, err := m.Get(ctx, "list", "", 0, read)
				switch {
				case ctx == gone && !errors.Is(err, context.Canceled):
					t.Errorf("cancelled: %v", err)
				case ctx != gone && (err != nil || v != "x"):
					t.Errorf("%q, %v", v, err)
				}
			})
		}
		time.Sleep(time.Second / 2)
		cancel()
		wg.Wait()
		if reads > 2 {
			t.Errorf("%d reads", reads)
		}
	})
}
