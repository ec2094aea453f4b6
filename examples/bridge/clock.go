package main

import (
	"sync"
	"time"
)

// A clock is the time of the story, the same for both systems and the bridge.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time; it stands still until somebody waits.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// wait lets time pass.
func (c *clock) wait(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
