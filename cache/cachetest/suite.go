// Package cachetest states what every cache.Store and cache.State guarantees,
// as test cases.
//
//	func TestStore(t *testing.T) {
//		cachetest.Run(t, func(t *testing.T) cache.Store { return mystore.New(t.TempDir()) })
//	}
//
// Each case is a named rule, which is printed when a store breaks it. Cases for
// cache.Historian and cache.Leaser run where the store implements them. A
// [Harness] adds those that need to open the same data twice or to make the
// storage fail. [RunState] and [StateHarness] are the same for a cache.State.
package cachetest

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
)

// Run runs the cases that need nothing but a fresh, empty store. open registers
// what closes it with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) cache.Store) { Harness{Open: open}.Run(t) }

// A Harness says how to handle the store under test. Open is required.
type Harness struct {
	// Open returns a fresh, empty store that t.Cleanup closes.
	Open func(t *testing.T) cache.Store

	// Again opens the data of s once more, as another process would; s stays
	// in use. Nil: the store keeps nothing that another could open.
	Again func(t *testing.T, s cache.Store) cache.Store

	// Fail makes the storage under s fail once, at the step-th access from now
	// on, counted from 0. The function it returns ends that and reports
	// whether the step was reached. Nil: failures cannot be injected.
	Fail func(s cache.Store, step int) (end func() (reached bool))

	// Rows is the size of the big batch. Defaults to 2000.
	Rows int

	// Only names the one case to run, for a second run in other circumstances;
	// "" runs all.
	Only string

	patience time.Duration // for a lease of 10 ms to expire; 0: ten seconds
}

// Run runs all cases that the harness allows, each as a subtest.
func (h Harness) Run(t *testing.T) {
	t.Helper()
	for _, g := range guarantees {
		if g.needs != nil && !g.needs(h) || h.Only != "" && g.name != h.Only {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			for _, failure := range g.check(t, h) {
				t.Errorf("%s\nrule: %s", failure, g.rule)
			}
		})
	}
}

// A guarantee is one rule and the case that checks it.
type guarantee struct {
	name  string // also the name of the subtest
	rule  string
	needs func(Harness) bool // nil: runs for every store
	run   func(*tester)
}

// check runs the case and returns what it found. It reports nothing to t, so
// that the suite's own test can run stores that must fail.
func (g guarantee) check(t *testing.T, h Harness) []string {
	c := &tester{findings: findings{t: t, ctx: t.Context()}, h: h}
	return c.collect(func() { g.run(c) })
}

// A tester runs one case on a Store.
type tester struct {
	findings
	h Harness
}

// findings collect what one case finds. Its methods may be called from several
// goroutines, fatalf only from that of the case.
type findings struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	failures []string
}

type stopped struct{}

// collect runs a case and returns what it found.
func (c *findings) collect(run func()) []string {
	func() {
		defer func() {
			switch p := recover(); p {
			case nil, stopped{}:
			default:
				c.errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		run()
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures
}

func (c *findings) errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) < 10 {
		c.failures = append(c.failures, strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}

func (c *findings) fatalf(format string, args ...any) {
	c.errorf(format, args...)
	panic(stopped{})
}

func (c *tester) open() cache.Store { return c.h.Open(c.t) }

// current returns the present snapshot.
func (c *tester) current(s cache.Store, source string) *cache.Snapshot {
	snap, err := s.Current(c.ctx, source)
	if err != nil {
		c.fatalf("Current(%q): %v", source, err)
	}
	if snap == nil {
		c.fatalf("Current(%q) returned nil", source)
	}
	return snap
}

// refresh returns what is stored now.
func (c *tester) refresh(s cache.Store, source string) *cache.Snapshot {
	snap, err := cache.Refresh(c.ctx, s, source)
	if err != nil {
		c.fatalf("Refresh(%q): %v", source, err)
	}
	return snap
}

// commit commits to the present version and checks what comes back.
func (c *tester) commit(s cache.Store, source string, b cache.Batch) *cache.Snapshot {
	snap, err := s.Commit(c.ctx, source, c.current(s, source).Version(), b)
	if err != nil {
		c.fatalf("Commit(%q): %v", source, err)
	}
	if snap == nil {
		c.fatalf("Commit(%q) returned nil", source)
	}
	return snap
}
