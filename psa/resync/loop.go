package resync

import (
	"context"
	"errors"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Bounds of the wait after a run that failed for a reason that may pass.
const (
	backoffBase = time.Minute
	backoffCap  = time.Hour
)

// Loop runs on the schedule until ctx ends, and returns the context's error.
//
// The first run is due at the time of the schedule that follows the last
// complete reading, so at once if the source was never read or a run was
// missed. After a failure that may pass by itself the next run comes after one
// minute, then two, four, up to an hour, not before the time the vendor asked
// for, and never later than scheduled; other failures wait for the schedule. A
// source that another process has leased is such a failure, unless that one has
// read it by then.
// What came of each run is told to Options.Observer.
func (s *Syncer) Loop(ctx context.Context) error {
	failures := 0
	var lastGood time.Time // end of the last successful run
	last, err := s.lastRead(ctx)
	known := last // last complete reading before the last run
	for {
		now := time.Now()
		due := s.times.next(last, now)
		if err != nil && (psa.Temporary(err) || errors.Is(err, cache.ErrLeased)) {
			due = s.times.retry(due, now, failures, psa.RetryAfter(err))
			failures++
		} else {
			failures = 0
		}
		if early := lastGood.Add(s.opts.MinInterval); !lastGood.IsZero() && due.Before(early) {
			due = s.times.loud(early.In(s.times.loc))
		}
		if !sleep(ctx, due.Sub(now)) {
			return ctx.Err()
		}
		read, readErr := s.lastRead(ctx)
		if errors.Is(err, cache.ErrLeased) && readErr == nil && read.After(known) {
			last, err = read, nil // who had the lease has done the work
			continue
		}
		last, known = time.Now(), read
		_, err = s.Run(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			lastGood = time.Now()
		}
	}
}

// retry returns when to try again after so many failures before this one.
func (t timetable) retry(due, now time.Time, failures int, asked time.Duration) time.Time {
	wait := backoffCap
	if failures < 6 {
		wait = backoffBase << failures
	}
	again := t.loud(now.Add(max(wait, asked)).In(t.loc))
	if again.Before(due) || asked > due.Sub(now) {
		return again
	}
	return due
}

// lastRead returns when the kind that was read least recently was read, the
// zero time if one never was.
func (s *Syncer) lastRead(ctx context.Context) (time.Time, error) {
	snap, err := cache.Refresh(ctx, s.store, s.opts.Source)
	if err != nil {
		return time.Time{}, err
	}
	var last time.Time
	for i, kind := range s.opts.Kinds {
		fresh := snap.Freshness(kind).Fresh
		if i == 0 || fresh.Before(last) {
			last = fresh
		}
	}
	return last, nil
}

// sleep reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
