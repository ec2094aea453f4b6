package psa

import (
	"context"
	"sync"
	"time"
)

// A Trace adds up the requests made under one context. The zero value is
// ready; a Trace is safe for concurrent use.
type Trace struct {
	// OnRequest, if set before use, is called after every request, from the
	// goroutine that made it.
	OnRequest func(Request)

	mu  sync.Mutex
	sum TraceSum
}

// A TraceSum is what a [Trace] has counted so far.
type TraceSum struct {
	Requests int           `json:"requests"` // sent, repetitions included
	Retries  int           `json:"retries"`  // of these, repetitions
	Limited  int           `json:"limited"`  // answered "too many requests"
	Bytes    int64         `json:"bytes"`    // of bodies received, decoded
	Wait     time.Duration `json:"wait_ns"`  // spent waiting for budgets and Retry-After, over all goroutines
}

// A Request is one HTTP exchange, for observers. Endpoint is a path without
// ids and query, e.g. "/service/boards/{id}/statuses".
type Request struct {
	Provider string
	Method   string
	Endpoint string
	Status   int // 0 if there was no answer
	Attempt  int // 1 for the first
	Duration time.Duration
	Wait     time.Duration // before it was sent
	Bytes    int64
	Err      error
}

// Add counts a request and tells OnRequest.
func (t *Trace) Add(r Request) {
	t.mu.Lock()
	t.sum.Requests++
	if r.Attempt > 1 {
		t.sum.Retries++
	}
	if r.Status == 429 {
		t.sum.Limited++
	}
	t.sum.Bytes += r.Bytes
	t.sum.Wait += r.Wait
	t.mu.Unlock()
	if t.OnRequest != nil {
		t.OnRequest(r)
	}
}

// Sum returns what was counted so far.
func (t *Trace) Sum() TraceSum {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sum
}

type traceKey struct{}

// WithTrace returns a context whose requests are counted by t, and by a trace
// that ctx had already.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, append(TracesOf(ctx), t))
}

// TracesOf returns the traces of a context, for providers to report to.
func TracesOf(ctx context.Context) []*Trace {
	ts, _ := ctx.Value(traceKey{}).([]*Trace)
	return ts[:len(ts):len(ts)]
}
