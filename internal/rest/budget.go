package rest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
	"golang.org/x/time/rate"
)

// BudgetConfig describes a vendor's limits. The zero value limits nothing.
type BudgetConfig struct {
	Windows     []Window // all hold at the same time
	InFlight    int      // requests under way; 0: no limit
	PerEndpoint int      // requests under way to one endpoint; 0: no limit
	// Bucket names what counts as one endpoint for PerEndpoint. nil: the
	// template itself.
	Bucket func(endpoint string) string
	// MinInterval is the least time between the starts of two requests. It
	// smooths bursts on top of the windows, which may be spent at once.
	MinInterval time.Duration
}

// A Window is a quota over a rolling window of time.
type Window struct {
	Requests int
	Per      time.Duration
	// Share of what others have left over that is not spent, from 0 to 1, for
	// the account's other integrations. At least one request remains.
	Share float64
}

// A Budget hands out the requests of one vendor account to everything in this
// process that uses it, in the order of asking: nobody starves, and a request
// to a busy endpoint does not hold up those to others. A window is a budget,
// spent as fast as there is something to do. It is safe for concurrent use.
type Budget struct {
	cfg     BudgetConfig
	born    time.Time
	smooth  *rate.Limiter
	windows []*window

	mu       sync.Mutex // never held across a wait
	queue    []*waiter  // in order of arrival
	inFlight int
	busy     map[string]int
	paused   time.Duration // since born
	alarm    *time.Timer
}

type waiter struct {
	bucket   string
	patience time.Duration
	ready    chan error // of one
}

// NewBudget returns a budget. Windows without Requests or Per are left out.
func NewBudget(cfg BudgetConfig) *Budget {
	b := &Budget{cfg: cfg, born: time.Now(), busy: map[string]int{}}
	for _, w := range cfg.Windows {
		if w.Requests > 0 && w.Per > 0 {
			b.windows = append(b.windows, &window{Window: w})
		}
	}
	if cfg.MinInterval > 0 {
		b.smooth = rate.NewLimiter(rate.Every(cfg.MinInterval), 1)
	}
	return b
}

// Pause holds up every request until t. An earlier t than that of a pause
// under way changes nothing.
func (b *Budget) Pause(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused = max(b.paused, t.Sub(b.born))
	b.dispatch()
}

// Resume ends a pause, for a person who knows better than the vendor's
// Retry-After.
func (b *Budget) Resume() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused = 0
	b.dispatch()
}

// Used reports how many requests of all integrations, this one included, the
// vendor has counted in the last per. What is not ours stays taken from the
// window of that length until the next report, or until per has passed.
// Without such a window the report is not needed and ignored.
func (b *Budget) Used(n int, per time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.born)
	for _, w := range b.windows {
		if w.Per == per {
			w.trim(now)
			w.others = max(0, n-w.log.len()-b.inFlight)
			w.reported = now
		}
	}
	b.dispatch()
}

// A slot is the permission to send one request, for one goroutine.
type slot struct {
	b      *Budget
	bucket string
}

// acquire waits for its turn. A pause that is to last longer than patience, or
// than the context, fails at once with psa.ErrRateLimited.
func (b *Budget) acquire(ctx context.Context, endpoint string, patience time.Duration) (*slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, ended(err)
	}
	if d, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(d))
	}
	w := &waiter{bucket: endpoint, patience: patience, ready: make(chan error, 1)}
	if b.cfg.Bucket != nil {
		w.bucket = b.cfg.Bucket(endpoint)
	}
	b.mu.Lock()
	b.queue = append(b.queue, w)
	b.dispatch()
	b.mu.Unlock()
	s := &slot{b: b, bucket: w.bucket}
	select {
	case err := <-w.ready:
		if err != nil {
			return nil, err
		}
		return s, nil
	case <-ctx.Done():
		b.mu.Lock()
		i := slices.Index(b.queue, w)
		if i >= 0 {
			b.queue = slices.Delete(b.queue, i, i+1)
		}
		b.mu.Unlock()
		if i < 0 && <-w.ready == nil { // its turn came at the same moment
			s.free(false)
		}
		return nil, ended(ctx.Err())
	}
}

// done ends a request that was sent. A second call does nothing.
func (s *slot) done() { s.free(true) }

// free ends a request. The vendor counts it at some moment between start and
// end, so it stays in the window for a full length behind its end.
func (s *slot) free(sent bool) {
	b := s.b
	if b == nil {
		return
	}
	s.b = nil
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	if b.busy[s.bucket]--; b.busy[s.bucket] == 0 {
		delete(b.busy, s.bucket)
	}
	if sent {
		now := time.Since(b.born)
		for _, w := range b.windows {
			w.log.push(now)
		}
	}
	b.dispatch()
}

// dispatch lets in whoever may go and sets the alarm for the next one. The
// caller holds mu.
func (b *Budget) dispatch() {
	if b.alarm != nil {
		b.alarm.Stop()
		b.alarm = nil
	}
	for len(b.queue) > 0 {
		at := time.Now()
		now := at.Sub(b.born)
		wait, ok := b.closed(now)
		if wait == 0 && ok {
			i := slices.IndexFunc(b.queue, b.free)
			if i < 0 {
				return // done wakes us
			}
			if b.smooth != nil && !b.smooth.AllowN(at, 1) {
				wait = max(time.Duration((1-b.smooth.TokensAt(at))*float64(b.cfg.MinInterval)), 1)
			} else {
				w := b.queue[i]
				b.queue = slices.Delete(b.queue, i, i+1)
				b.inFlight++
				b.busy[w.bucket]++
				w.ready <- nil
				continue
			}
		}
		if ok && len(b.queue) > 0 {
			b.alarm = time.AfterFunc(wait, func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.dispatch()
			})
		}
		return
	}
}

// free reports whether a waiter's endpoint has room.
func (b *Budget) free(w *waiter) bool {
	return b.cfg.PerEndpoint <= 0 || b.busy[w.bucket] < b.cfg.PerEndpoint
}

// closed says how long nobody may go; ok is false if that ends with a request
// under way and not with time.
func (b *Budget) closed(now time.Duration) (wait time.Duration, ok bool) {
	if left := b.paused - now; left > 0 {
		b.queue = slices.DeleteFunc(b.queue, func(w *waiter) bool {
			if w.patience >= left {
				return false
			}
			w.ready <- &psa.Error{
				Code: psa.ErrRateLimited, RetryAfter: left,
				Detail: fmt.Sprintf("not sent, the vendor asked for a pause of another %s", left.Round(time.Second)),
			}
			return true
		})
		return left, true
	}
	if b.cfg.InFlight > 0 && b.inFlight >= b.cfg.InFlight {
		return 0, false
	}
	for _, w := range b.windows {
		d, timed := w.closed(now, b.inFlight)
		if d == 0 && timed {
			continue
		}
		if !timed {
			return 0, false
		}
		wait = max(wait, d)
	}
	return wait, true
}
