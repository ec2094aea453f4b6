package simulator

import (
	"sync"
	"time"
)

// Clock is the vendor's clock: the machine's (or the synctest bubble's) clock
// plus an offset. The zero value tells the machine's time. It is safe for
// concurrent use.
type Clock struct {
	mu     sync.Mutex
	base   func() time.Time
	offset time.Duration
}

// Now returns the vendor's time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.base == nil {
		return time.Now().Add(c.offset).UTC()
	}
	return c.base().Add(c.offset).UTC()
}

// Set moves the clock to t; it runs on from there.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += t.Sub(c.now())
}

// Advance moves the clock by d, backwards if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// Use replaces the source of time; nil means the machine's clock. An offset
// set before is dropped.
func (c *Clock) Use(now func() time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.offset = now, 0
}

// Offset returns how far the clock is ahead of its source.
func (c *Clock) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}
