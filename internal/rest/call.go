package rest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/psasync/psasync/psa"
)

// A call is one Do. It is the RoundTripper of its own retrying client: each
// round trip is one attempt, from the wait for the budget to the last byte.
type call struct {
	c        *Client
	req      Request
	method   string
	url      *url.URL
	endpoint string
	op       string
	open     bool // to a discovery origin: no credentials

	attempt int
	idle    time.Time // since when nothing of this call is under way
	renewed bool
	secrets []string // header values of this attempt, never to be shown

	// Outcome of the last attempt.
	resp   *Response
	err    *psa.Error
	repeat bool
	wait   time.Duration // before the repetition
}

func (k *call) prepare() error {
	k.method = cmp.Or(k.req.Method, http.MethodGet)
	u, err := k.c.resolve(k.req.Path, k.req.Query)
	k.endpoint = k.req.Endpoint
	if k.endpoint == "" && u != nil {
		k.endpoint = template(u.Path)
	}
	k.op = cmp.Or(k.req.Op, k.method+" "+k.endpoint)
	if err != nil {
		return err
	}
	k.url, k.open = u, originOf(u) != k.c.origin
	return nil
}

// body is untyped nil for "none", which retryablehttp tells from "empty".
func (k *call) body() any {
	if k.req.Body == nil {
		return nil
	}
	return k.req.Body
}

// dress sets the headers of all attempts.
func (k *call) dress(h http.Header) {
	h.Set("Accept", "application/json")
	if k.req.Body != nil {
		h.Set("Content-Type", "application/json")
	}
	if k.c.cfg.UserAgent != "" {
		h.Set("User-Agent", k.c.cfg.UserAgent)
	}
	for name, values := range k.req.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
}

// reads reports whether repeating the request cannot do harm.
func (k *call) reads() bool {
	return k.req.Safe || k.method == http.MethodGet || k.method == http.MethodHead
}

// fail completes an error for the caller.
func (k *call) fail(err error) error {
	e := asError(err)
	e.Provider = k.c.cfg.Provider
	e.Op = cmp.Or(e.Op, k.op)
	if e.Ref.IsZero() {
		e.Ref = k.req.Ref
	}
	return e
}

// RoundTrip makes one attempt. It returns an in-memory answer, or an error
// that k.err explains better.
func (k *call) RoundTrip(req *http.Request) (*http.Response, error) {
	k.resp, k.err, k.repeat, k.wait = nil, nil, false, 0
	ctx := req.Context()
	status, err := k.try(ctx, req)
	if err != nil {
		k.err = err
		k.decide(ctx)
	}
	if req.Body != nil {
		req.Body.Close()
	}
	k.idle = time.Now()
	if status == 0 {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, // retryablehttp has no say in what a status means
		Header:     http.Header{},
		Body:       http.NoBody,
		Request:    req,
	}, nil
}

// try sends the request once. status is 0 if there was no answer.
func (k *call) try(ctx context.Context, req *http.Request) (status int, fault *psa.Error) {
	out := req.Clone(ctx)
	if err := k.authorize(ctx, out); err != nil {
		return 0, err
	}
	budget := k.c.cfg.Budget
	slot, err := budget.acquire(ctx, k.endpoint, k.c.cfg.Retry.MaxRetryAfter)
	if err != nil {
		return 0, asError(err)
	}
	defer slot.done() // if the transport panics

	ctx, cancel := context.WithTimeout(ctx, k.c.cfg.Timeout)
	defer cancel()
	var asked, connected atomic.Bool // hooks run in other goroutines
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	k.attempt++
	seen := psa.Request{
		Provider: k.c.cfg.Provider,
		Method:   k.method,
		Endpoint: k.endpoint,
		Attempt:  k.attempt,
		Wait:     time.Since(k.idle),
	}
	start := time.Now()
	resp, err := k.c.agent.RoundTrip(out.WithContext(ctx))
	if err != nil {
		unsent := asked.Load() && !connected.Load() || neverSent(err)
		fault = k.network(ctx, req.Context(), err)
		k.repeat = (unsent || k.reads()) && !untrusted(err)
	} else {
		seen.Status = resp.StatusCode
		k.resp, fault = k.read(ctx, resp)
		seen.Bytes = int64(len(k.resp.Body))
		if fault != nil && req.Context().Err() == nil && ctx.Err() != nil {
			fault = k.network(ctx, req.Context(), fault)
		}
	}
	seen.Duration = time.Since(start)
	if fault != nil && fault.Code == psa.ErrRateLimited {
		k.pause(fault)
	}
	slot.done() // observers may take their time
	if fault != nil {
		v := newVeil(k.secrets, &k.req)
		fault.Detail = redact(fault.Detail, v)
		if fault.Err != nil {
			fault.Err = hide(fault.Err, v)
		}
		told := *fault
		seen.Err = k.fail(&told)
	}
	for _, t := range psa.TracesOf(ctx) {
		t.Add(seen)
	}
	return seen.Status, fault
}

// pause holds up all calls of the budget, since one quota of the vendor stands
// behind them; this one repeats in its turn. It comes before the slot is given
// back, so that nobody slips through.
func (k *call) pause(e *psa.Error) {
	if e.RetryAfter <= 0 {
		retry := k.c.cfg.Retry
		e.RetryAfter = min(double(retry.Limited, k.attempt-1), retry.MaxRetryAfter)
	}
	k.c.cfg.Budget.Pause(time.Now().Add(e.RetryAfter))
}

// authorize adds credentials for the origin, and makes sure that the request
// still goes where it was meant to.
func (k *call) authorize(ctx context.Context, out *http.Request) *psa.Error {
	k.secrets = k.secrets[:0]
	if k.open || k.c.cfg.Authorize == nil {
		return asErrorOrNil(k.c.admit(out.URL))
	}
	before := out.Header.Clone()
	if err := k.c.cfg.Authorize(ctx, out); err != nil {
		if ctx.Err() != nil {
			return ended(ctx.Err())
		}
		var e *psa.Error
		if errors.As(err, &e) {
			return asError(err)
		}
		return &psa.Error{Code: psa.ErrAuth, Err: hide(err)}
	}
	k.secrets = secretsOf(before, out.Header)
	if out.Host != "" && out.Host != k.url.Host || originOf(out.URL) != originOf(k.url) {
		return &psa.Error{Code: psa.ErrInvalid, Detail: "the request was turned to another host"}
	}
	return asErrorOrNil(k.c.admit(out.URL))
}

// network classifies an attempt without a complete answer.
func (k *call) network(attempt, caller context.Context, err error) *psa.Error {
	switch {
	case caller.Err() != nil:
		return ended(caller.Err())
	case attempt.Err() != nil:
		return &psa.Error{Code: psa.ErrTimeout, Detail: "no complete answer within " + k.c.cfg.Timeout.String()}
	default:
		return &psa.Error{Code: psa.ErrUnavailable, Err: hide(err)}
	}
}

// decide says whether and when the request is repeated, from the class of the
// failure.
func (k *call) decide(ctx context.Context) {
	retry, e := k.c.cfg.Retry, k.err
	n := max(k.attempt-1, 0)
	switch e.Code {
	case psa.ErrRateLimited:
		if k.resp == nil {
			return // the budget refused: nothing was sent
		}
		k.repeat = e.RetryAfter <= retry.MaxRetryAfter // the budget waits
	case psa.ErrUnavailable, psa.ErrTimeout:
		if k.resp != nil {
			k.repeat = k.reads()
		}
		if e.RetryAfter > 0 {
			k.repeat = k.repeat && e.RetryAfter <= retry.MaxRetryAfter
			k.wait = e.RetryAfter
			break
		}
		wait := min(double(retry.Base, n), retry.Cap)
		k.wait = wait/2 + rand.N(wait/2+1)
	case psa.ErrAuth:
		if k.resp == nil || k.renewed || k.open || k.c.cfg.Renew == nil {
			return
		}
		k.renewed = true
		k.repeat = k.c.cfg.Renew(ctx, k.resp)
		return // not counted: the vendor did nothing
	}
	k.repeat = k.repeat && k.tries() <= retry.Max
}

// tries counts the attempts that retries are limited by.
func (k *call) tries() int {
	if k.renewed {
		return k.attempt - 1
	}
	return k.attempt
}

func double(d time.Duration, n int) time.Duration { return d << min(n, 20) }

// again is the CheckRetry of retryablehttp.
func (k *call) again(ctx context.Context, _ *http.Response, _ error) (bool, error) {
	return k.repeat && ctx.Err() == nil, nil
}

// backoff is the Backoff of retryablehttp.
func (k *call) backoff(time.Duration, time.Duration, int, *http.Response) time.Duration {
	return k.wait
}

// read takes the answer in and judges it. The response is never nil.
func (k *call) read(ctx context.Context, in *http.Response) (*Response, *psa.Error) {
	out := &Response{
		Status: in.StatusCode, Header: in.Header,
		Endpoint: k.endpoint, Op: k.op, Ref: k.req.Ref,
	}
	if t, err := http.ParseTime(in.Header.Get("Date")); err == nil {
		out.Date = t.UTC()
	}
	ok := in.StatusCode >= 200 && in.StatusCode < 300
	limit, expect := k.c.cfg.MaxBody, int64(0)
	if ok {
		expect = k.c.sizes.get(k.endpoint)
	} else {
		limit = min(limit, maxErrorBody)
	}
	body, err := readBody(ctx, in, limit, expect)
	if ok && err == nil {
		k.c.sizes.set(k.endpoint, len(body))
	}
	out.Body = bytes.TrimPrefix(body, bom)
	if headerSize(in.Header) > maxHeader {
		return out, &psa.Error{Code: psa.ErrData, Detail: "the header of the answer is too large"}
	}
	if in.StatusCode >= 300 && in.StatusCode < 400 {
		return out, redirected(k.url, in.Header)
	}
	if ok && err != nil {
		return out, bodyFault(err)
	}
	if !ok { // what a server says of a request may repeat what was in it
		v := newVeil(k.secrets, &k.req)
		out.Body, out.Header = v.body(out.Body), v.header(out.Header)
	}
	fault := k.judge(out, ok)
	if fault != nil && fault.RetryAfter <= 0 {
		if d, ok := retryAfter(in.Header, out.Date); ok {
			switch fault.Code {
			case psa.ErrRateLimited, psa.ErrUnavailable, psa.ErrTimeout:
				fault.RetryAfter = d
			}
		}
	}
	return out, fault
}

// judge lets the vendor's rules speak before the status.
func (k *call) judge(r *Response, ok bool) *psa.Error {
	kind := sniff(r.Body)
	if k.c.cfg.Classify != nil && (!ok || kind == looksText || kind == looksValue) {
		if err := k.c.cfg.Classify(r); err != nil {
			e := asError(err)
			if e.Code == nil && !ok {
				e.Code = byStatus(r.Status)
			}
			if e.Code != nil {
				return e
			}
		}
	}
	switch {
	case !ok:
		return &psa.Error{Code: byStatus(r.Status), Detail: statusDetail(r, kind)}
	case kind == looksText:
		return &psa.Error{Code: psa.ErrData, Detail: "no JSON: " + describe(r)}
	case kind == looksCut:
		k.repeat = k.reads() // a proxy's fault, and gone next time
		return &psa.Error{Code: psa.ErrData, Detail: "the JSON is cut off"}
	default:
		return nil
	}
}
