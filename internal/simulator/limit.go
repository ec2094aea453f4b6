package simulator

import (
	"sync"
	"time"
)

// Limit is a rolling rate limit. The zero value is no limit.
type Limit struct {
	Requests int           // allowed in each Window; 0: no limit
	Window   time.Duration // 0: a minute
	Hard     bool          // refused requests count too: hammering never recovers
	InFlight int           // requests allowed at the same moment; 0: no limit
}

// limiter enforces a Limit by the machine's (or bubble's) clock: moving the
// vendor's clock does not give quota back.
type limiter struct {
	mu         sync.Mutex
	limit      Limit
	times      []time.Time // of the requests that count, oldest first
	retryAt    time.Time   // promised by the last 429
	inFlight   int
	maxFlight  int
	violations int
	early      int
}

func (l *limiter) set(limit Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit.Window <= 0 {
		limit.Window = time.Minute
	}
	l.limit, l.times, l.retryAt = limit, nil, time.Time{}
}

// enter counts a request in. A refused one gets how long to wait.
func (l *limiter) enter() (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight++
	l.maxFlight = max(l.maxFlight, l.inFlight)
	now := time.Now()
	if now.Before(l.retryAt) {
		l.early++
	}
	if l.limit.InFlight > 0 && l.inFlight > l.limit.InFlight {
		l.violations++
		return time.Second, false
	}
	if l.limit.Requests <= 0 {
		return 0, true
	}
	l.forget(now)
	if len(l.times) < l.limit.Requests {
		l.times = append(l.times, now)
		return 0, true
	}
	l.violations++
	if l.limit.Hard {
		l.times = append(l.times[1:], now)
	}
	wait = l.times[0].Add(l.limit.Window).Sub(now)
	l.retryAt = now.Add(wait)
	return wait, false
}

// forget drops what has left the window.
func (l *limiter) forget(now time.Time) {
	from := now.Add(-l.limit.Window)
	i := 0
	for i < len(l.times) && !l.times[i].After(from) {
		i++
	}
	l.times = l.times[i:]
}

func (l *limiter) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
}

// Gauge is what the rate limiter has seen.
type Gauge struct {
	InFlight    int // requests being answered now
	MaxInFlight int // most at one moment
	Violations  int // requests refused with 429 by the limit
	Early       int // requests that came before the Retry-After of the last 429 was over
	Counted     int // requests that count against the limit now; 0 without a limit
}

func (l *limiter) gauge() Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(time.Now())
	return Gauge{InFlight: l.inFlight, MaxInFlight: l.maxFlight, Violations: l.violations, Early: l.early, Counted: len(l.times)}
}

func (l *limiter) get() Limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit
}

func (l *limiter) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times, l.retryAt, l.maxFlight, l.violations, l.early = nil, time.Time{}, 0, 0, 0
}
