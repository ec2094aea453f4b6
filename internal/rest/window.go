package rest

import "time"

// A window is the sliding log of one quota: the ends of the requests that
// still count. Times are since the budget's birth.
type window struct {
	Window
	log      ring
	others   int // requests that are not ours, by the vendor's last report
	reported time.Duration
}

// trim forgets what has left the window.
func (w *window) trim(now time.Duration) {
	for w.log.len() > 0 && now-w.log.first() >= w.Per {
		w.log.pop()
	}
	if w.others > 0 && now-w.reported >= w.Per {
		w.others = 0
	}
}

// limit is how many requests we may have in the window.
func (w *window) limit() int {
	left := w.Requests - w.others
	if left <= 0 {
		return 0
	}
	return max(1, int(float64(left)*(1-min(max(w.Share, 0), 1))))
}

// closed says how long the window is full; ok is false if only the end of a
// request under way can tell.
func (w *window) closed(now time.Duration, inFlight int) (wait time.Duration, ok bool) {
	w.trim(now)
	limit := w.limit()
	if w.log.len()+inFlight < limit {
		return 0, true
	}
	until := time.Duration(-1)
	if w.log.len() > 0 {
		until = w.log.first() + w.Per
	}
	if w.others > 0 && (until < 0 || w.reported+w.Per < until) {
		until = w.reported + w.Per
	}
	if until < 0 {
		return 0, false
	}
	return max(until-now, 1), true
}

// A ring is a queue of times that keeps its memory.
type ring struct {
	buf  []time.Duration
	head int
	n    int
}

func (r *ring) len() int { return r.n }

func (r *ring) first() time.Duration { return r.buf[r.head] }

func (r *ring) pop() {
	r.head = (r.head + 1) % len(r.buf)
	r.n--
}

func (r *ring) push(t time.Duration) {
	if r.n == len(r.buf) {
		grown := make([]time.Duration, max(16, 2*r.n))
		for i := range r.n {
			grown[i] = r.buf[(r.head+i)%len(r.buf)]
		}
		r.buf, r.head = grown, 0
	}
	r.buf[(r.head+r.n)%len(r.buf)] = t
	r.n++
}
