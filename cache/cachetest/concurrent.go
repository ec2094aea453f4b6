package cachetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func testWriters(c *tester) {
	s := c.open()
	const writers, commits = 4, 8
	base := c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "base", 1), At: noon})

	// All from one version: one of them wins.
	var won, stale atomic.Int32
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			_, err := s.Commit(c.ctx, source, base.Version(), cache.Batch{Put: rows(psa.KindBoard, fmt.Sprint("writer ", w), 3), At: noon})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, cache.ErrStale):
				stale.Add(1)
			default:
				c.errorf("the error is %v, not %q", err, cache.ErrStale)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || stale.Load() != writers-1 {
		c.errorf("%d of %d commits from one version won, %d were stale", won.Load(), writers, stale.Load())
	}
	if snap := c.refresh(s, source); !uniform(snap) {
		c.errorf("the rows of several commits are mixed")
	}

	// Each retries until it has added its rows: none is lost.
	for w := range writers {
		wg.Go(func() {
			for i := range commits {
				c.retry(s, cache.Batch{Put: []psa.Record{row(psa.KindTeam, fmt.Sprint(w*100+i), "added")}, At: noon})
			}
		})
	}
	wg.Wait()
	if n := c.refresh(s, source).Len(psa.KindTeam); n != writers*commits {
		c.errorf("%d of %d rows are there", n, writers*commits)
	}
}

// retry commits until the version it read is still the present one.
func (c *tester) retry(s cache.Store, b cache.Batch) {
	for range 10_000 {
		snap, err := cache.Refresh(c.ctx, s, source)
		if err == nil {
			_, err = s.Commit(c.ctx, source, snap.Version(), b)
		}
		if err == nil {
			return
		}
		if !errors.Is(err, cache.ErrStale) && !errors.Is(err, cache.ErrBusy) {
			c.errorf("%v", err)
			return
		}
	}
	c.errorf("no commit came through in 10000 attempts")
}

// uniform reports whether all boards have one name.
func uniform(snap *cache.Snapshot) bool {
	names := map[string]bool{}
	for r := range snap.All(psa.KindBoard) {
		names[r.Name()] = true
	}
	return len(names) <= 1
}

func testReaders(c *tester) {
	s := c.open()
	// A fast store needs more commits before readers have met enough of them.
	const readers, size, fewest, met = 2, 20, 15, 20
	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "v0", size), At: noon})
	done := make(chan struct{})
	var committing atomic.Int32 // number of the commit under way; 0: none
	var during atomic.Int32     // commits that a reader read within
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			var last cache.Version
			var seen int32
			for {
				within := committing.Load()
				snap, err := s.Current(c.ctx, source)
				if within > seen && committing.Load() == within {
					seen = within
					during.Add(1)
				}
				switch {
				case err != nil || snap == nil:
					c.errorf("Current: %v", err)
					return
				case snap.Version() < last:
					c.errorf("version %d after %d", snap.Version(), last)
				case snap.Len(psa.KindBoard) != size || !uniform(snap):
					c.errorf("version %d is a mix", snap.Version())
				case len(snap.Options(psa.KindBoard, "")) != size:
					c.errorf("version %d has %d options", snap.Version(), len(snap.Options(psa.KindBoard, "")))
				}
				last = snap.Version()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i, start := 0, time.Now(); i < fewest || during.Load() < met && time.Since(start) < 2*time.Second; i++ {
		b := cache.Batch{Put: rows(psa.KindBoard, fmt.Sprint("v", i+1), size), At: noon}
		from := c.current(s, source).Version()
		committing.Store(int32(i) + 1)
		snap, err := s.Commit(c.ctx, source, from, b)
		committing.Store(0)
		if err != nil {
			c.errorf("Commit: %v", err)
			break
		}
		// Who has committed sees it at once.
		if now := c.current(s, source); now.Version() < snap.Version() {
			c.errorf("version %d is current after the commit of %d", now.Version(), snap.Version())
		}
	}
	close(done)
	wg.Wait()
}
