package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/psa"
)

// reply is an answer of a fake vendor.
type reply struct {
	status int
	header map[string]string
	body   string
	err    error
	length int64 // declared; 0: not
	delay  time.Duration
	reader func(context.Context) io.Reader // instead of body
}

// script answers with one reply after the other, and the last one for ever.
type script struct {
	t       *testing.T
	replies []reply
	sent    []*http.Request
	times   []time.Time
	bodies  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	s.sent = append(s.sent, r)
	s.times = append(s.times, time.Now())
	s.bodies = append(s.bodies, body)
	a := s.replies[min(len(s.sent), len(s.replies))-1]
	if a.delay > 0 {
		select {
		case <-time.After(a.delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	resp := &http.Response{StatusCode: a.status, Header: http.Header{}, ContentLength: -1, Request: r}
	for k, v := range a.header {
		resp.Header.Set(k, v)
	}
	if a.length != 0 {
		resp.ContentLength = a.length
	}
	resp.Body = io.NopCloser(strings.NewReader(a.body))
	if a.reader != nil {
		body := a.reader(r.Context())
		c, ok := body.(io.ReadCloser)
		if !ok {
			c = io.NopCloser(body)
		}
		resp.Body = c
	}
	return resp, nil
}

var dialError = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// autotaskLike takes a 500 with errors for a validation failure.
func autotaskLike(r *Response) error {
	var v struct{ Errors []string }
	if r.Status == 500 && json.Unmarshal(r.Body, &v) == nil && len(v.Errors) > 0 {
		if strings.Contains(v.Errors[0], "Thread Threshold") {
			return &psa.Error{Code: psa.ErrRateLimited, RetryAfter: 2 * time.Second, Detail: v.Errors[0]}
		}
		return &psa.Error{Code: psa.ErrInvalid, Detail: v.Errors[0]}
	}
	if r.Status == 200 && bytes.HasPrefix(r.Body, []byte(`{"load_error"`)) {
		return &psa.Error{Code: psa.ErrUnavailable, Detail: "the report failed"}
	}
	return nil
}

func TestDo(t *testing.T) {
	ok := reply{status: 200, body: `{"id":1}`}
	status := func(n int) reply { return reply{status: n, body: "gateway trouble"} }
	for _, tc := range []struct {
		name     string
		method   string
		safe     bool
		retry    Retry
		replies  []reply
		attempts int
		class    error // nil: success
		after    time.Duration
		detail   string // part of the error text
		min, max time.Duration
	}{
		{name: "plain", replies: []reply{ok}, attempts: 1},
		{name: "created", method: "POST", replies: []reply{{status: 201, body: `{"id":5}`}}, attempts: 1},
		{name: "deleted", method: "DELETE", replies: []reply{{status: 204}}, attempts: 1},
		{name: "number", replies: []reply{{status: 200, body: ` 12 `}}, attempts: 1},
		{name: "byte order mark", replies: []reply{{status: 200, body: "\xEF\xBB\xBF[]"}}, attempts: 1},

		{name: "500 then fine", replies: []reply{status(500), ok}, attempts: 2, min: 250 * time.Millisecond, max: 500 * time.Millisecond},
		{name: "502 503 504", replies: []reply{status(502), status(503), status(504), ok}, attempts: 4, min: 1750 * time.Millisecond, max: 3500 * time.Millisecond},
		{name: "500 for ever", replies: []reply{status(500)}, attempts: 5, class: psa.ErrUnavailable, detail: "gateway trouble"},
		{name: "504 for ever", replies: []reply{status(504)}, attempts: 5, class: psa.ErrTimeout},
		{name: "cloudflare", replies: []reply{status(524)}, attempts: 5, class: psa.ErrTimeout},
		{name: "no repetitions", retry: Retry{Max: -1}, replies: []reply{status(500)}, attempts: 1, class: psa.ErrUnavailable},
		{name: "post 500", method: "POST", replies: []reply{status(500)}, attempts: 1, class: psa.ErrUnavailable},
		{name: "post 502", method: "POST", replies: []reply{status(502)}, attempts: 1, class: psa.ErrUnavailable},
		{name: "put 503 with retry-after", method: "PUT", replies: []reply{{status: 503, header: map[string]string{"Retry-After": "1"}}}, attempts: 1, class: psa.ErrUnavailable, after: time.Second},
		{name: "delete 504", method: "DELETE", replies: []reply{status(504)}, attempts: 1, class: psa.ErrTimeout},
		{name: "safe post 502", method: "POST", safe: true, replies: []reply{status(502), ok}, attempts: 2},

		{name: "400", replies: []reply{status(400)}, attempts: 1, class: psa.ErrInvalid},
		{name: "401", replies: []reply{status(401)}, attempts: 1, class: psa.ErrAuth},
		{name: "403", replies: []reply{status(403)}, attempts: 1, class: psa.ErrDenied},
		{name: "404", replies: []reply{status(404)}, attempts: 1, class: psa.ErrNotFound},
		{name: "405", replies: []reply{status(405)}, attempts: 1, class: psa.ErrUnsupported},
		{name: "408", replies: []reply{status(408), ok}, attempts: 2},
		{name: "409", replies: []reply{status(409)}, attempts: 1, class: psa.ErrConflict},
		{name: "412", replies: []reply{status(412)}, attempts: 1, class: psa.ErrConflict},
		{name: "423", replies: []reply{status(423)}, attempts: 1, class: psa.ErrConflict},
		{name: "414", replies: []reply{status(414)}, attempts: 1, class: psa.ErrInvalid},
		{name: "410", replies: []reply{status(410)}, attempts: 1, class: psa.ErrNotFound},

		{name: "429 seconds", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "7"}}, ok}, attempts: 2, min: 7 * time.Second, max: 7 * time.Second},
		{name: "429 post", method: "POST", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "7"}}, ok}, attempts: 2, min: 7 * time.Second, max: 7 * time.Second},
		{name: "429 date", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "Tue, 01 Jan 2030 00:01:30 GMT", "Date": "Tue, 01 Jan 2030 00:01:00 GMT"}}, ok}, attempts: 2, min: 30 * time.Second, max: 30 * time.Second},
		{name: "429 missing", replies: []reply{{status: 429}, {status: 429}, ok}, attempts: 3, min: 90 * time.Second, max: 90 * time.Second},
		{name: "429 negative", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "-5"}}, ok}, attempts: 2, min: 30 * time.Second, max: 30 * time.Second},
		{name: "429 nonsense", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "soon"}}, ok}, attempts: 2, min: 30 * time.Second, max: 30 * time.Second},
		{name: "429 absurd", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "315360000"}}}, attempts: 1, class: psa.ErrRateLimited, after: 315360000 * time.Second},
		{name: "429 overflow", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "99999999999999999999999"}}}, attempts: 1, class: psa.ErrRateLimited, after: longest},
		{name: "429 for ever", replies: []reply{{status: 429, header: map[string]string{"Retry-After": "3"}}}, attempts: 5, class: psa.ErrRateLimited, after: 3 * time.Second, min: 12 * time.Second, max: 12 * time.Second},
		{name: "503 retry-after", replies: []reply{{status: 503, header: map[string]string{"Retry-After": "9"}}, ok}, attempts: 2, min: 9 * time.Second, max: 9 * time.Second},
		{name: "503 beyond the cap", replies: []reply{{status: 503, header: map[string]string{"Retry-After": "9000"}}}, attempts: 1, class: psa.ErrUnavailable, after: 9000 * time.Second},

		{name: "validation with 500", replies: []reply{{status: 500, body: `{"errors":["Picklist value does not exist"]}`}}, attempts: 1, class: psa.ErrInvalid, detail: "Picklist value does not exist"},
		{name: "thread limit with 500", method: "POST", replies: []reply{{status: 500, body: `{"errors":["Thread Threshold Exceeded"]}`}, ok}, attempts: 2, min: 2 * time.Second, max: 2 * time.Second},
		{name: "failure with 200", replies: []reply{{status: 200, body: `{"load_error":"x"}`}, ok}, attempts: 2},

		{name: "reset", replies: []reply{{err: errReset}, ok}, attempts: 2},
		{name: "post reset", method: "POST", replies: []reply{{err: errReset}}, attempts: 1, class: psa.ErrUnavailable},
		{name: "refused", replies: []reply{{err: dialError}}, attempts: 5, class: psa.ErrUnavailable},
		{name: "post refused", method: "POST", replies: []reply{{err: dialError}, ok}, attempts: 2},
		{name: "post no such host", method: "POST", replies: []reply{{err: &net.DNSError{Err: "no such host", Name: "psa.example.test"}}, ok}, attempts: 2},
		{name: "post eof", method: "POST", replies: []reply{{err: io.ErrUnexpectedEOF}}, attempts: 1, class: psa.ErrUnavailable},

		{name: "redirect", replies: []reply{{status: 302, header: map[string]string{"Location": "http://login.example.test/sso?ticket=abc#x"}}}, attempts: 1, class: psa.ErrData, detail: "a redirect to http://login.example.test, which is never followed"},
		{name: "relative redirect", method: "POST", replies: []reply{{status: 301, header: map[string]string{"Location": "/other?x=1"}}}, attempts: 1, class: psa.ErrData, detail: "a redirect to https://psa.example.test, "},
		{name: "redirect to nowhere", replies: []reply{{status: 307}}, attempts: 1, class: psa.ErrData, detail: "a redirect, which"},
		{name: "redirect to nonsense", replies: []reply{{status: 308, header: map[string]string{"Location": "http://a b:\x7f/"}}}, attempts: 1, class: psa.ErrData, detail: "a redirect, which"},

		{name: "login page", replies: []reply{{status: 200, body: "<!DOCTYPE html><html><head><title>Sign\n in</title></head><form value=hunter2>"}}, attempts: 1, class: psa.ErrData, detail: `a page titled "Sign in"`},
		{name: "text", replies: []reply{{status: 200, body: "Service is busy"}}, attempts: 1, class: psa.ErrData, detail: "text: Service is busy"},
		{name: "error page", replies: []reply{{status: 404, body: "<html>IIS"}}, attempts: 1, class: psa.ErrNotFound, detail: "a page of HTML"},
		{name: "json error body stays out", replies: []reply{{status: 400, body: `{"summary":"my payload"}`}}, attempts: 1, class: psa.ErrInvalid, detail: "invalid request: HTTP 400"},

		{name: "short content-length", replies: []reply{{status: 200, body: `[{"id":1}]`, length: 50}, ok}, attempts: 2},
		{name: "short content-length for ever", replies: []reply{{status: 200, body: `[{"id":1}]`, length: 50}}, attempts: 5, class: psa.ErrUnavailable, detail: "the answer broke off"},
		{name: "broken chunk", replies: []reply{{status: 200, reader: func(context.Context) io.Reader {
			return io.MultiReader(strings.NewReader(`[{"id":1},`), errReader{io.ErrUnexpectedEOF})
		}}}, attempts: 5, class: psa.ErrUnavailable, detail: "the answer broke off"},
		{name: "post broken chunk", method: "POST", replies: []reply{{status: 200, reader: func(context.Context) io.Reader {
			return io.MultiReader(strings.NewReader(`{"id":1`), errReader{io.ErrUnexpectedEOF})
		}}}, attempts: 1, class: psa.ErrUnavailable},
		{name: "cut with a correct length", replies: []reply{{status: 200, body: `[{"id":1},{"id":2`, length: 17}, ok}, attempts: 2},
		{name: "cut for ever", replies: []reply{{status: 200, body: `[{"id":1},{"id":2`, length: 17}}, attempts: 5, class: psa.ErrData, detail: "cut off"},
		{name: "post cut", method: "POST", replies: []reply{{status: 200, body: `{"id":1`}}, attempts: 1, class: psa.ErrData, detail: "cut off"},

		{name: "too large", replies: []reply{{status: 200, reader: func(context.Context) io.Reader { return endless("[1,") }}}, attempts: 1, class: psa.ErrData, detail: "too large"},
		{name: "gzip bomb", replies: []reply{{status: 200, header: map[string]string{"Content-Encoding": "gzip"}, reader: func(context.Context) io.Reader { return bomb(8 << 20) }}}, attempts: 1, class: psa.ErrData, detail: "too large"},
		{name: "gzip unasked", replies: []reply{{status: 200, header: map[string]string{"Content-Encoding": "gzip"}, body: zipped(`{"id":1}`)}}, attempts: 1},
		{name: "unknown encoding", replies: []reply{{status: 200, header: map[string]string{"Content-Encoding": "br"}, body: "\x0b\x02"}}, attempts: 1, class: psa.ErrData, detail: "compressed"},
		{name: "header too large", replies: []reply{{status: 200, header: map[string]string{"X-Big": strings.Repeat("x", maxHeader)}, body: "[]"}}, attempts: 1, class: psa.ErrData, detail: "header"},
		{name: "large error page", replies: []reply{{status: 500, reader: func(context.Context) io.Reader { return endless("error ") }}}, attempts: 5, class: psa.ErrUnavailable},

		{name: "slow header", replies: []reply{{status: 200, body: "[]", delay: time.Hour}, ok}, attempts: 2, min: 2*time.Minute + 250*time.Millisecond, max: 2*time.Minute + 500*time.Millisecond},
		{name: "slow body", replies: []reply{{status: 200, reader: trickle}, ok}, attempts: 2, min: 2*time.Minute + 250*time.Millisecond, max: 2*time.Minute + 500*time.Millisecond},
		{name: "slow body for ever", method: "POST", replies: []reply{{status: 200, reader: trickle}}, attempts: 1, class: psa.ErrTimeout, detail: "no complete answer within 2m0s", min: 2 * time.Minute, max: 2 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{t: t, replies: tc.replies}
				c := newTestClient(t, Config{Transport: s, Classify: autotaskLike, MaxBody: 1 << 20, Retry: tc.retry})
				var trace psa.Trace
				ctx := psa.WithTrace(t.Context(), &trace)
				start := time.Now()
				method, body := tc.method, []byte(nil)
				if method != "" && method != "DELETE" {
					body = []byte(`{"name":"x"}`)
				}
				resp, err := c.Do(ctx, Request{
					Method: method, Path: "/service/boards/7", Query: url.Values{"conditions": {"secretword"}},
					Endpoint: "/service/boards/{id}", Body: body, Safe: tc.safe, Op: "get board", Ref: psa.Ref{Kind: psa.KindBoard, ID: "7"},
				})
				took := time.Since(start)
				time.Sleep(2 * time.Second) // trickle ends
				if len(s.sent) != tc.attempts {
					t.Errorf("%d attempts, want %d", len(s.sent), tc.attempts)
				}
				for _, b := range s.bodies {
					if b != string(body) {
						t.Errorf("body %q", b)
					}
				}
				if took < tc.min || tc.max > 0 && took > tc.max {
					t.Errorf("took %s, want %s to %s", took, tc.min, tc.max)
				}
				sum := trace.Sum()
				if sum.Requests != tc.attempts || sum.Retries != tc.attempts-1 {
					t.Errorf("traced %+v", sum)
				}
				if tc.class == nil {
					if err != nil {
						t.Fatal(err)
					}
					last := tc.replies[len(tc.replies)-1]
					if resp.Status != last.status || resp.Endpoint != "/service/boards/{id}" || resp.Op != "get board" || resp.Ref.ID != "7" {
						t.Errorf("%+v", resp)
					}
					return
				}
				var e *psa.Error
				if !errors.As(err, &e) || !errors.Is(err, tc.class) || resp != nil {
					t.Fatalf("error %v, want %v", err, tc.class)
				}
				if e.Provider != "vendor" || e.Op != "get board" || e.Ref.ID != "7" {
					t.Errorf("%#v", e)
				}
				if e.RetryAfter != tc.after {
					t.Errorf("retry after %s, want %s", e.RetryAfter, tc.after)
				}
				if !strings.Contains(err.Error(), tc.detail) {
					t.Errorf("%q lacks %q", err, tc.detail)
				}
				for _, secret := range []string{"secretword", "payload", "hunter2", "ticket=", "conditions"} {
					if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
						t.Errorf("%q in %v", secret, err)
					}
				}
				if len(err.Error()) > 600 {
					t.Errorf("an error of %d bytes", len(err.Error()))
				}
			})
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

type endless string

func (s endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = s[i%len(s)]
	}
	return len(p), nil
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

func bomb(n int) io.Reader {
	return strings.NewReader(zipped(strings.Repeat(" ", n)))
}

// trickle sends one byte a second, and never looks at the context itself.
func trickle(ctx context.Context) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		for {
			time.Sleep(time.Second)
			if ctx.Err() != nil {
				pw.CloseWithError(ctx.Err())
				return
			}
			if _, err := pw.Write([]byte(" ")); err != nil {
				return
			}
		}
	}()
	return pr
}

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

func TestAuthorizeFails(t *testing.T) {
	s := &script{t: t, replies: []reply{{status: 200, body: "{}"}}}
	fault := errors.New("no key in the vault at https://vault.example.test/x?token=hunter2")
	c := newTestClient(t, Config{Transport: s, Authorize: func(context.Context, *http.Request) error { return fault }})
	_, err := c.Do(t.Context(), Request{Path: "/x"})
	if !errors.Is(err, psa.ErrAuth) || !errors.Is(err, fault) || strings.Contains(err.Error(), "hunter2") || len(s.sent) > 0 {
		t.Error(err)
	}
	c = newTestClient(t, Config{Transport: s, Authorize: func(context.Context, *http.Request) error {
		return &psa.Error{Code: psa.ErrUnavailable, Op: "token"}
	}})
	if _, err := c.Do(t.Context(), Request{Path: "/x"}); !errors.Is(err, psa.ErrUnavailable) || !strings.Contains(err.Error(), "vendor: token") {
		t.Error(err)
	}
}

// TestSecretsStayOut: whatever the vendor, the transport or Classify quote of
// the credentials, no error shows it.
func TestSecretsStayOut(t *testing.T) {
	authorize := func(_ context.Context, r *http.Request) error {
		r.SetBasicAuth("acme+pubkey77", "privkey88")
		r.Header.Set("clientId", "client-99")
		return nil
	}
	secrets := []string{"pubkey77", "privkey88", "client-99", "YWNtZStwdWJrZXk3Nzpwcml2a2V5ODg="}
	quote := "bad: " + strings.Join(secrets, " | ")
	for name, cfg := range map[string]Config{
		"answer":    {Transport: &script{t: t, replies: []reply{{status: 400, body: quote}}}},
		"page":      {Transport: &script{t: t, replies: []reply{{status: 200, body: "<title>" + quote + "</title>"}}}},
		"transport": {Transport: &script{t: t, replies: []reply{{err: errors.New(quote)}}}},
		"redirect":  {Transport: &script{t: t, replies: []reply{{status: 302, header: map[string]string{"Location": "https://privkey88.test/x"}}}}},
		"classify": {Transport: &script{t: t, replies: []reply{{status: 400}}}, Classify: func(*Response) error {
			return &psa.Error{Code: psa.ErrInvalid, Detail: quote, Err: errors.New(quote)}
		}},
		"foreign error of classify": {Transport: &script{t: t, replies: []reply{{status: 400}}}, Classify: func(*Response) error { return errors.New(quote) }},
	} {
		cfg.Authorize, cfg.Retry.Max = authorize, -1
		var seen error
		trace := psa.Trace{OnRequest: func(r psa.Request) { seen = r.Err }}
		_, err := newTestClient(t, cfg).Do(psa.WithTrace(t.Context(), &trace), Request{Path: "/x"})
		if err == nil || seen == nil || psa.ErrorClass(err) == nil {
			t.Errorf("%s: %v, observed %v", name, err, seen)
			continue
		}
		for _, text := range []string{err.Error(), seen.Error(), fmt.Sprintf("%+v", err)} {
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %q in %s", name, secret, text)
				}
			}
		}
	}
}

// TestOrigin is about where requests and credentials may go.
func TestOrigin(t *testing.T) {
	s := &script{t: t, replies: []reply{{status: 200, body: "{}"}}}
	c := newTestClient(t, Config{
		Transport: s, Discovery: []string{"https://login.example.test"},
		Authorize: func(_ context.Context, r *http.Request) error {
			r.Header.Set("clientId", "hunter2hunter2")
			return nil
		},
	})
	for _, tc := range []struct {
		path  string
		sent  string // "": refused
		creds bool
		class error
	}{
		{path: "/boards", sent: "https://psa.example.test/api/boards?q=1", creds: true},
		{path: "/boards/a%2Fb", sent: "https://psa.example.test/api/boards/a%2Fb?q=1", creds: true},
		{path: "", sent: "https://psa.example.test/api?q=1", creds: true},
		{path: "https://psa.example.test/other?page=2", sent: "https://psa.example.test/other?page=2&q=1", creds: true},
		{path: "https://PSA.example.test:443/other#x", sent: "https://PSA.example.test:443/other?q=1", creds: true},
		{path: "https://login.example.test/zone", sent: "https://login.example.test/zone?q=1"},
		{path: "https://evil.example.test/x?secret=1", class: psa.ErrData},
		{path: "http://psa.example.test/x", class: psa.ErrData},
		{path: "https://psa.example.test:8443/x", class: psa.ErrData},
		{path: "https://user:pw@psa.example.test/x", class: psa.ErrData},
		{path: "https://psa.example.test.evil.test/x", class: psa.ErrData},
		{path: "https://psa.example.test@evil.test/x", class: psa.ErrData},
		{path: "file:///etc/passwd", class: psa.ErrData},
		{path: "//evil.example.test/x", sent: "https://psa.example.test/api//evil.example.test/x?q=1", creds: true},
		{path: "boards", class: psa.ErrInvalid},
		{path: "/boards/../../secret", class: psa.ErrInvalid},
		{path: "/boards/%2e%2e/secret", class: psa.ErrInvalid},
		{path: "/boards?x=1", class: psa.ErrInvalid},
		{path: "/boards#x", class: psa.ErrInvalid},
		{path: "/boards\r\nX: y", class: psa.ErrInvalid},
	} {
		s.sent = nil
		_, err := c.Do(t.Context(), Request{Path: tc.path, Query: url.Values{"q": {"1"}}})
		if tc.class != nil {
			if !errors.Is(err, tc.class) || len(s.sent) > 0 {
				t.Errorf("%s: %v, %d sent", tc.path, err, len(s.sent))
			}
			if strings.Contains(err.Error(), "secret=1") || strings.Contains(err.Error(), "pw") {
				t.Errorf("%s: %v", tc.path, err)
			}
			continue
		}
		if err != nil || len(s.sent) != 1 {
			t.Errorf("%s: %v", tc.path, err)
			continue
		}
		if got := s.sent[0].URL.String(); got != tc.sent {
			t.Errorf("%s: went to %s", tc.path, got)
		}
		if got := s.sent[0].Header.Get("clientId") != ""; got != tc.creds {
			t.Errorf("%s: credentials %v", tc.path, got)
		}
	}
}

// TestAuthorizeCannotRedirect is the second check, right before sending.
func TestAuthorizeCannotRedirect(t *testing.T) {
	for name, turn := range map[string]func(*http.Request){
		"host":   func(r *http.Request) { r.Host = "evil.example.test" },
		"url":    func(r *http.Request) { r.URL.Host = "evil.example.test" },
		"scheme": func(r *http.Request) { r.URL.Scheme = "http" },
	} {
		s := &script{t: t, replies: []reply{{status: 200, body: "{}"}}}
		c := newTestClient(t, Config{Transport: s, Authorize: func(_ context.Context, r *http.Request) error { turn(r); return nil }})
		if _, err := c.Do(t.Context(), Request{Path: "/x"}); err == nil || len(s.sent) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNew(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://psa.example.test":            true,
		"https://psa.example.test:8443/a/b/":  true,
		"http://localhost:8080":               true,
		"http://127.0.0.1:1/x":                true,
		"http://[::1]:1":                      true,
		"http://psa.example.test":             false,
		"http://127.0.0.1.example.test":       false,
		"http://10.0.0.1":                     false,
		"https://user:hunter2@psa.test":       false,
		"https://psa.example.test?key=hunter": false,
		"https://psa.example.test#x":          false,
		"https://":                            false,
		"mailto:x":                            false,
		"":                                    false,
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(Config{Base: u})
		if (err == nil) != ok || !ok && !errors.Is(err, psa.ErrInvalid) {
			t.Errorf("%s: %v", base, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", base, err)
		}
	}
	if _, err := New(Config{}); !errors.Is(err, psa.ErrInvalid) {
		t.Error(err)
	}
	u, _ := url.Parse(testBase)
	for _, d := range []string{"http://x.test", "x", "https://a:b@c.test", "https://\x7f"} {
		if _, err := New(Config{Base: u, Discovery: []string{d}}); !errors.Is(err, psa.ErrInvalid) {
			t.Errorf("%q: %v", d, err)
		}
	}
}

// TestExactRequest is what goes over the wire.
func TestExactRequest(t *testing.T) {
	mock := httpmock.NewMockTransport()
	var got []string
	mock.RegisterResponderWithQuery("POST", testBase+"/Tickets/query", map[string]string{"page": "2"}, func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		got = append(got, r.Header.Get("Accept"), r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.Header.Get("Pagination-Type"), r.Header.Get("Secret"), fmt.Sprint(r.ContentLength), string(b))
		resp := httpmock.NewStringResponse(200, `{"id":1}`)
		resp.Header.Set("Date", "Tue, 01 Jan 2030 00:01:00 GMT")
		return resp, nil
	})
	c := newTestClient(t, Config{Transport: mock, UserAgent: "psasync/1", Authorize: func(_ context.Context, r *http.Request) error {
		r.Header.Set("Secret", "s3cret")
		return nil
	}})
	header := http.Header{"pagination-type": {"forward-only"}}
	var into struct{ ID int }
	resp, err := c.JSON(t.Context(), Request{Method: "POST", Path: "/Tickets/query", Query: url.Values{"page": {"2"}}, Header: header, Body: []byte(`{"a":1}`)}, &into)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"application/json", "application/json", "psasync/1", "forward-only", "s3cret", "7", `{"a":1}`}, got); d != "" {
		t.Error(d)
	}
	if into.ID != 1 || !resp.Date.Equal(time.Date(2030, 1, 1, 0, 1, 0, 0, time.UTC)) || len(header) != 1 {
		t.Errorf("%+v %+v", into, resp)
	}
	if resp.Endpoint != "/api/Tickets/query" || resp.Op != "POST /api/Tickets/query" {
		t.Errorf("%q %q", resp.Endpoint, resp.Op)
	}
}

func TestJSON(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	for body, want := range map[string]string{
		`{"id":1,"name":"a"}`:      "",
		` {"id":2} `:               "",
		``:                         "an empty answer where a body is expected",
		`null`:                     "null where a value is expected",
		`[]`:                       "JSON of another shape: array",
		`"x"`:                      "JSON of another shape: string",
		`{"id":"payload"}`:         "JSON of another shape: string in id",
		`{"id":12345678901234567}`: "",
		`{"id":1.5}`:               "JSON of another shape: number in id",
		`{"id":1}{"id":2}`:         "something follows the JSON",
		`{"id" 1}`:                 "malformed JSON at byte 7",
		`{"id":[}`:                 "malformed JSON",
		`{"a":` + deep + `}`:       "the JSON is nested too deeply",
		`{"id":NaN}`:               "malformed JSON at byte 7",
	} {
		s := &script{t: t, replies: []reply{{status: 200, body: body}}}
		c := newTestClient(t, Config{Transport: s})
		var into struct {
			ID   int `json:"id"`
			Name string
		}
		_, err := c.JSON(t.Context(), Request{Path: "/x", Op: "get board"}, &into)
		switch {
		case want == "" && err != nil:
			t.Errorf("%.40s: %v", body, err)
		case want != "" && (!errors.Is(err, psa.ErrData) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "payload")):
			t.Errorf("%.40s: %v, want %s", body, err, want)
		}
	}
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

// server is a vendor on a real socket.
func server(t *testing.T, h http.HandlerFunc) *url.URL {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestSockets runs the faults that only net/http itself can make.
func TestSockets(t *testing.T) {
	var stolen, hits atomic.Int64
	evil := server(t, func(http.ResponseWriter, *http.Request) { stolen.Add(1) })
	base := server(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, evil.String()+"/x?secret=1", http.StatusFound)
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `[{"id":1}]`)
		case "/chunk":
			_, _ = io.WriteString(w, `[{"id":1}`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/drop":
			panic(http.ErrAbortHandler)
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.Copy(w, bomb(8<<20))
		case "/gzip":
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				http.Error(w, "not asked", 400)
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, zipped(`{"id":1}`))
		case "/header":
			w.Header().Set("X-Big", strings.Repeat("x", 2*maxHeader))
			_, _ = io.WriteString(w, "[]")
		}
	})
	c := newTestClient(t, Config{
		Base: base, MaxBody: 1 << 20, Retry: Retry{Base: time.Millisecond, Cap: 2 * time.Millisecond},
		Authorize: func(_ context.Context, r *http.Request) error { r.Header.Set("clientId", "hunter2"); return nil },
	})
	defer c.CloseIdleConnections()
	for _, tc := range []struct {
		path, method string
		hits         int64
		class        error
	}{
		{"/redirect", "GET", 1, psa.ErrData},
		{"/redirect", "POST", 1, psa.ErrData},
		{"/short", "GET", 5, psa.ErrUnavailable},
		{"/short", "POST", 1, psa.ErrUnavailable},
		{"/chunk", "GET", 5, psa.ErrUnavailable},
		{"/drop", "GET", 5, psa.ErrUnavailable},
		{"/drop", "POST", 1, psa.ErrUnavailable},
		{"/bomb", "GET", 1, psa.ErrData},
		{"/gzip", "GET", 1, nil},
		{"/header", "GET", 5, psa.ErrUnavailable},
	} {
		hits.Store(0)
		c.CloseIdleConnections() // net/http repeats a GET by itself on a stale connection
		_, err := c.Do(t.Context(), Request{Method: tc.method, Path: tc.path})
		if !errors.Is(err, tc.class) || tc.class == nil && err != nil || hits.Load() != tc.hits {
			t.Errorf("%s %s: %v after %d requests", tc.method, tc.path, err, hits.Load())
		}
	}
	if stolen.Load() > 0 {
		t.Error("the redirect was followed")
	}
}

// TestUnsent is about writes whose error proves that the server saw nothing:
// the connection could not be made, which net/http's hooks tell.
func TestUnsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	var trace psa.Trace
	c := newTestClient(t, Config{Base: base, Retry: Retry{Max: 2, Base: time.Millisecond}})
	_, err = c.Do(psa.WithTrace(t.Context(), &trace), Request{Method: "POST", Path: "/x", Body: []byte("{}")})
	if !errors.Is(err, psa.ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) || trace.Sum().Requests != 3 {
		t.Error(err, trace.Sum())
	}

	// A handshake that fails half-way: a server without TLS.
	plain := server(t, func(http.ResponseWriter, *http.Request) { t.Error("got a request") })
	plain.Scheme = "https"
	trace = psa.Trace{}
	c = newTestClient(t, Config{Base: plain, Retry: Retry{Max: 2, Base: time.Millisecond}})
	_, err = c.Do(psa.WithTrace(t.Context(), &trace), Request{Method: "POST", Path: "/x", Body: []byte("{}")})
	if !errors.Is(err, psa.ErrUnavailable) || trace.Sum().Requests != 3 {
		t.Error(err, trace.Sum())
	}

	// A certificate that is not to be trusted stays so.
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("got a request") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	self, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	trace = psa.Trace{}
	c = newTestClient(t, Config{Base: self, Retry: Retry{Max: 2, Base: time.Millisecond}})
	_, err = c.Do(psa.WithTrace(t.Context(), &trace), Request{Path: "/x"})
	if !errors.Is(err, psa.ErrUnavailable) || trace.Sum().Requests != 1 {
		t.Error(err, trace.Sum())
	}
}
