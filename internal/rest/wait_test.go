package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/psa"
)

// TestBodyClosedAtTimeout is about a body whose Read only ends with Close.
func TestBodyClosedAtTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr, _ := io.Pipe()
		c := newTestClient(t, Config{Timeout: time.Minute, Retry: Retry{Max: -1}, Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: pr, ContentLength: -1}, nil
		})})
		start := time.Now()
		_, err := c.Do(t.Context(), Request{Path: "/x"})
		if !errors.Is(err, psa.ErrTimeout) || time.Since(start) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestCancel(t *testing.T) {
	for _, tc := range []struct {
		name    string
		replies []reply
		budget  BudgetConfig
		prepare func(*Client)
	}{
		{name: "before the header", replies: []reply{{status: 200, delay: time.Hour}}},
		{name: "in the body", replies: []reply{{status: 200, reader: trickle}}},
		{name: "in the back-off", replies: []reply{{status: 503, header: map[string]string{"Retry-After": "200"}}}},
		{name: "in the pause", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "200"}}}},
		{name: "in the pause of another", prepare: func(c *Client) { c.cfg.Budget.Pause(time.Now().Add(4 * time.Minute)) }},
		{name: "for the quota", replies: []reply{{status: 200, body: "[]"}}, budget: BudgetConfig{Windows: []Window{{Requests: 1, Per: time.Hour}}},
			prepare: func(c *Client) {
				if _, err := c.Do(context.Background(), Request{Path: "/first"}); err != nil {
					panic(err)
				}
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{t: t, replies: tc.replies}
				c := newTestClient(t, Config{Transport: s, Budget: NewBudget(tc.budget)})
				if tc.prepare != nil {
					tc.prepare(c)
				}
				before := len(s.sent)
				ctx, cancel := context.WithCancel(t.Context())
				start := time.Now()
				time.AfterFunc(90*time.Second, cancel)
				_, err := c.Do(ctx, Request{Path: "/x"})
				var e *psa.Error
				if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || psa.ErrorClass(err) != nil {
					t.Errorf("error %v", err)
				}
				if d := time.Since(start); d != 90*time.Second {
					t.Errorf("returned after %s", d)
				}
				sent := len(s.sent)
				time.Sleep(time.Hour)
				if len(s.sent) != sent || len(s.sent) > before+1 {
					t.Errorf("%d requests after the end", len(s.sent)-sent)
				}

				// A deadline is a timeout.
				late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
				defer cancel()
				if _, err := c.Do(late, Request{Path: "/x"}); !errors.Is(err, psa.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				if len(s.sent) != sent {
					t.Error("sent after the deadline")
				}
			})
		})
	}
}

// TestPauseHoldsEverybody is invariant I24 of a connection: after a 429
// nothing is sent before its time, by whomever.
func TestPauseHoldsEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(BudgetConfig{})
		limited := &script{t: t, replies: []reply{{status: 429, header: map[string]string{"Retry-After": "3600"}}}}
		other := &script{t: t, replies: []reply{{status: 200, body: "[]"}}}
		a := newTestClient(t, Config{Transport: limited, Budget: budget})
		b := newTestClient(t, Config{Transport: other, Budget: budget})
		if _, err := a.Do(t.Context(), Request{Path: "/x"}); !errors.Is(err, psa.ErrRateLimited) || psa.RetryAfter(err) != time.Hour {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		_, err := b.Do(t.Context(), Request{Path: "/x", Op: "list board"})
		if !errors.Is(err, psa.ErrRateLimited) || psa.RetryAfter(err) != 50*time.Minute || !strings.Contains(err.Error(), "vendor: list board: ") {
			t.Fatal(err)
		}
		if len(other.sent) != 0 {
			t.Fatal("sent in the pause")
		}
		time.Sleep(47 * time.Minute) // the rest is short enough to wait for
		start := time.Now()
		if _, err := b.Do(t.Context(), Request{Path: "/x"}); err != nil || time.Since(start) != 3*time.Minute {
			t.Fatal(err, time.Since(start))
		}

		budget.Pause(time.Now().Add(100 * 365 * 24 * time.Hour))
		if _, err := b.Do(t.Context(), Request{Path: "/x"}); !errors.Is(err, psa.ErrRateLimited) {
			t.Fatal(err)
		}
		budget.Resume()
		if _, err := b.Do(t.Context(), Request{Path: "/x"}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestPauseReachesWaiters is about those who wait already when the 429 comes.
func TestPauseReachesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(BudgetConfig{InFlight: 1})
		s := &script{t: t, replies: []reply{{status: 429, header: map[string]string{"Retry-After": "3600"}, delay: time.Second}}}
		c := newTestClient(t, Config{Transport: s, Budget: budget})
		results := make(chan error, 5)
		for range cap(results) {
			go func() {
				_, err := c.Do(t.Context(), Request{Path: "/x"})
				results <- err
			}()
		}
		start := time.Now()
		for range cap(results) {
			if err := <-results; !errors.Is(err, psa.ErrRateLimited) {
				t.Error(err)
			}
		}
		if len(s.sent) != 1 || time.Since(start) != time.Second {
			t.Errorf("%d requests in %s", len(s.sent), time.Since(start))
		}
	})
}

// TestPauseBeyondDeadline: who cannot wait for the end of a pause hears so at
// once.
func TestPauseBeyondDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, replies: []reply{{status: 429, header: map[string]string{"Retry-After": "60"}}, {status: 200, body: "[]"}}}
		c := newTestClient(t, Config{Transport: s})
		start := time.Now()
		short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.Do(short, Request{Path: "/x"})
		if !errors.Is(err, psa.ErrRateLimited) || psa.RetryAfter(err) != time.Minute || time.Since(start) > 0 || len(s.sent) != 1 {
			t.Errorf("%v after %s and %d requests", err, time.Since(start), len(s.sent))
		}
		long, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if _, err := c.Do(long, Request{Path: "/x"}); err != nil || time.Since(start) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// TestObserverMayAsk: an observer that sends a request itself does not wait
// for the slot of the one that it hears of.
func TestObserverMayAsk(t *testing.T) {
	s := &script{t: t, replies: []reply{{status: 200, body: "[]"}}}
	c := newTestClient(t, Config{Transport: s, Budget: NewBudget(BudgetConfig{InFlight: 1})})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var inner error
	trace := psa.Trace{OnRequest: func(psa.Request) { _, inner = c.Do(ctx, Request{Path: "/inner"}) }}
	if _, err := c.Do(psa.WithTrace(ctx, &trace), Request{Path: "/outer"}); err != nil || inner != nil || len(s.sent) != 2 {
		t.Error(err, inner, len(s.sent))
	}
}

func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, works := range []bool{true, false} {
			token, renewals := "stale-token", 0
			var sent []string
			c := newTestClient(t, Config{
				Authorize: func(_ context.Context, r *http.Request) error {
					r.Header.Set("Authorization", "Bearer "+token)
					return nil
				},
				Renew: func(_ context.Context, r *Response) bool {
					renewals++
					if works {
						token = "fresh-token"
					}
					return r.Status == 401
				},
				Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					sent = append(sent, r.Header.Get("Authorization"))
					if r.Header.Get("Authorization") == "Bearer fresh-token" {
						return httpmock.NewStringResponse(200, `{"id":1}`), nil
					}
					return httpmock.NewStringResponse(401, `stale-token is not good`), nil
				}),
			})
			_, err := c.Do(t.Context(), Request{Method: "POST", Path: "/x", Body: []byte("{}")})
			if works != (err == nil) || !works && !errors.Is(err, psa.ErrAuth) || renewals != 1 || len(sent) != 2 {
				t.Errorf("%v after %d renewals and %q", err, renewals, sent)
			}
			if err != nil && strings.Contains(err.Error(), "stale-token") {
				t.Errorf("the token is in %v", err)
			}
		}
	})
}

// TestTrace is about what observers are told.
func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, replies: []reply{
			{status: 429, header: map[string]string{"Retry-After": "5"}, delay: time.Second},
			{err: errReset, delay: 2 * time.Second},
			{status: 200, body: `[{"id":1}]`, delay: 3 * time.Second},
		}}
		var got []psa.Request
		trace := psa.Trace{OnRequest: func(r psa.Request) { got = append(got, r) }}
		var outer psa.Trace
		ctx := psa.WithTrace(psa.WithTrace(t.Context(), &outer), &trace)
		c := newTestClient(t, Config{Transport: s})
		if _, err := c.Do(ctx, Request{Path: "/service/boards/17/statuses", Query: url.Values{"page": {"secret"}}}); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if i == 2 {
				if w := got[i].Wait; w < 500*time.Millisecond || w > time.Second {
					t.Errorf("waited %s", w)
				}
				got[i].Wait = 0
			}
			if got[i].Err != nil {
				got[i].Err = psa.ErrorClass(got[i].Err)
			}
		}
		end := "/api/service/boards/{id}/statuses"
		want := []psa.Request{
			{Provider: "vendor", Method: "GET", Endpoint: end, Status: 429, Attempt: 1, Duration: time.Second, Err: psa.ErrRateLimited},
			{Provider: "vendor", Method: "GET", Endpoint: end, Attempt: 2, Duration: 2 * time.Second, Wait: 5 * time.Second, Err: psa.ErrUnavailable},
			{Provider: "vendor", Method: "GET", Endpoint: end, Status: 200, Attempt: 3, Duration: 3 * time.Second, Bytes: 10},
		}
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); d != "" {
			t.Error(d)
		}
		if sum := outer.Sum(); sum.Requests != 3 || sum.Retries != 2 || sum.Limited != 1 || sum.Bytes != 10 || sum.Wait < 5*time.Second {
			t.Errorf("%+v", sum)
		}
	})
}
