package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
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
