package simulator

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Options says how a vendor's skin plugs into a Core.
type Options struct {
	Handler http.Handler               // the vendor's API; required
	Path    func(*http.Request) string // path below the API's root, for faults; nil: the whole path
	// TooMany writes the vendor's answer to a request over the rate limit;
	// nil: a bare 429 with Retry-After.
	TooMany func(w http.ResponseWriter, r *http.Request, wait time.Duration)
	Clock   *Clock // the vendor's clock; nil: the machine's
	Gzip    bool   // compress answers for clients that accept it
	LogSize int    // requests kept in the log; 0: DefaultLogSize
}

// Core answers requests through a vendor's handler and adds what all fakes
// share. It is safe for concurrent use.
type Core struct {
	Clock   *Clock
	Log     Log
	Mailbox Mailbox
	Rights  Rights

	opts    Options
	faults  faults
	limiter limiter

	mu      sync.Mutex
	latency time.Duration
	before  []func(*http.Request)
	after   []func(*http.Request)
}

// New returns a Core around the vendor's handler.
func New(opts Options) *Core {
	c := &Core{opts: opts, Clock: opts.Clock}
	if c.Clock == nil {
		c.Clock = &Clock{}
	}
	c.Log.size = opts.LogSize
	return c
}

// Fail arms faults and returns their ids for [Core.Heal].
func (c *Core) Fail(f ...Fault) []int { return c.faults.add(f...) }

// Heal removes the faults with these ids, or all without ids.
func (c *Core) Heal(ids ...int) { c.faults.remove(ids...) }

// Faults lists the armed faults.
func (c *Core) Faults() []ArmedFault { return c.faults.list() }

// SetLatency delays every answer by d.
func (c *Core) SetLatency(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latency = d
}

// Latency returns the delay of every answer.
func (c *Core) Latency() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latency
}

// SetLimit replaces the rate limit and forgets what was counted against it.
func (c *Core) SetLimit(l Limit) { c.limiter.set(l) }

// Limit returns the rate limit.
func (c *Core) Limit() Limit { return c.limiter.get() }

// Gauge returns what the rate limiter has seen.
func (c *Core) Gauge() Gauge { return c.limiter.gauge() }

// Before registers f to run when a request has arrived, before it takes
// effect, and After when its answer is complete; a test may act on the tenant
// there like a person at work. They run on the request's goroutine.
func (c *Core) Before(f func(*http.Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = append(c.before, f)
}

// After is described at [Core.Before].
func (c *Core) After(f func(*http.Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = append(c.after, f)
}

// ClearCounters empties the log, the mailbox and the gauge, and removes all
// faults.
func (c *Core) ClearCounters() {
	c.Log.Clear()
	c.Mailbox.Clear()
	c.limiter.clear()
	c.faults.remove()
}

// ServeHTTP answers one request.
func (c *Core) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	entry := Request{Time: c.Clock.Now(), Host: r.Host, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	body := &countingBody{ReadCloser: r.Body}
	r.Body = body
	rw := &recorder{ResponseWriter: w, date: c.Clock.Now().Format(http.TimeFormat)}
	wait, ok := c.limiter.enter()
	defer func() {
		c.limiter.leave()
		entry.Status, entry.Sent, entry.BodySize, entry.Duration = rw.status, rw.sent, body.n, time.Since(start)
		c.Log.Add(entry)
	}()
	if !ok {
		c.tooMany(rw, r, wait)
		return
	}
	path := r.URL.Path
	if c.opts.Path != nil {
		path = c.opts.Path(r)
	}
	f := c.faults.match(r.Method, path)
	delay := c.Latency()
	if f != nil {
		entry.Fault = true
		delay += f.Latency
		r = r.WithContext(context.WithValue(r.Context(), faultKey{}, f))
	} else {
		f = &Fault{}
	}
	if !sleep(r.Context(), delay) {
		panic(http.ErrAbortHandler) // the client is gone
	}
	c.run(rw, r, f)
}

func (c *Core) tooMany(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	if c.opts.TooMany != nil {
		c.opts.TooMany(w, r, wait)
		return
	}
	w.Header().Set("Retry-After", RetryAfter(wait))
	w.WriteHeader(http.StatusTooManyRequests)
}

// run lets the vendor's code answer under fault f.
func (c *Core) run(rw *recorder, r *http.Request, f *Fault) {
	if (f.Status != 0 || f.Drop) && !f.Apply {
		answerFault(rw, f)
		return
	}
	c.mu.Lock()
	before, after := c.before, c.after
	c.mu.Unlock()
	for _, h := range before {
		h(r)
	}
	defer func() {
		for _, h := range after {
			h(r)
		}
	}()
	if f.Status == 0 && !f.Drop && f.Cut == "" && f.Rewrite == nil && f.SlowChunk == 0 {
		c.serve(rw, r)
		return
	}
	held := &buffer{header: rw.Header()}
	c.opts.Handler.ServeHTTP(held, r)
	if f.Status != 0 || f.Drop {
		clear(rw.Header())
		answerFault(rw, f)
		return
	}
	sendFaulty(rw, r, held, f)
}

// serve answers without a fault.
func (c *Core) serve(rw *recorder, r *http.Request) {
	if c.opts.Gzip && acceptsGzip(r) {
		gz := newGzipWriter(rw)
		defer gz.close()
		c.opts.Handler.ServeHTTP(gz, r)
		return
	}
	c.opts.Handler.ServeHTTP(rw, r)
}

// sleep waits for d or until ctx is done; it reports whether d passed.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// countingBody counts what the vendor's code read of the request.
type countingBody struct {
	io.ReadCloser
	n int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}
