package resync

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/netresearch/go-cron"
)

// A Schedule is when [Syncer.Loop] runs. The zero Schedule runs every hour.
type Schedule struct {
	// Cron is a cron expression of five fields, or a descriptor such as
	// "@daily" or "@every 15m". "H" stands for a value of its field that is
	// always the same for one source and differs between sources, so that many
	// connections do not run at the same minute. Defaults to "@every 1h".
	Cron string
	// Location is whose clock Cron and Quiet mean. Defaults to UTC.
	Location *time.Location
	// Jitter delays each run by a random time up to this. 0 is none.
	Jitter time.Duration
	// Quiet are the times of day in which Loop starts no run; what falls into
	// one waits for its end. Run is not held off.
	Quiet []Hours
}

// Hours are a part of every day, from From until before To, e.g. 22h to 6h;
// past midnight if To is not after From.
type Hours struct {
	From, To time.Duration // since midnight by the clock on the wall
}

func (h Hours) check() error {
	for _, d := range []time.Duration{h.From, h.To} {
		if d < 0 || d > 24*time.Hour {
			return fmt.Errorf("resync: quiet hours from %s to %s are no part of a day", h.From, h.To)
		}
	}
	if h.From%(24*time.Hour) == h.To%(24*time.Hour) {
		return fmt.Errorf("resync: quiet hours from %s to %s are a whole day or nothing", h.From, h.To)
	}
	return nil
}

// end returns when the quiet hours that t lies in end; ok is false if t lies
// in none.
func (h Hours) end(t time.Time) (end time.Time, ok bool) {
	y, m, d := t.Date()
	at := func(day int, since time.Duration) time.Time {
		// By the clock on the wall, so that a day of 23 hours is right, too.
		return time.Date(y, m, d+day, 0, int(since/time.Minute), int(since%time.Minute/time.Second), 0, t.Location())
	}
	over := 0
	if h.To <= h.From {
		over = 1
	}
	for _, day := range []int{-1, 0} {
		if from, to := at(day, h.From), at(day+over, h.To); !t.Before(from) && t.Before(to) {
			return to, true
		}
	}
	return t, false
}

// timetable is a parsed Schedule.
type timetable struct {
	cron   cron.Schedule
	loc    *time.Location
	jitter time.Duration
	quiet  []Hours
}

func (s Schedule) parse(source string) (timetable, error) {
	t := timetable{loc: s.Location, jitter: s.Jitter, quiet: s.Quiet}
	if t.loc == nil {
		t.loc = time.UTC
	}
	if t.jitter < 0 {
		return t, fmt.Errorf("resync: Schedule.Jitter is %s", t.jitter)
	}
	for _, h := range s.Quiet {
		if err := h.check(); err != nil {
			return t, err
		}
	}
	parser, err := cron.TryNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor | cron.Hash)
	if err != nil {
		return t, fmt.Errorf("resync: cron parser: %w", err)
	}
	if t.cron, err = parser.ParseWithHashKey(defaulted(s.Cron, "@every 1h"), source); err != nil {
		return t, fmt.Errorf("resync: Schedule.Cron %q: %w", s.Cron, err)
	}
	now := time.Now().In(t.loc)
	if t.cron.Next(now).IsZero() {
		return t, fmt.Errorf("resync: Schedule.Cron %q never comes", s.Cron)
	}
	if t.loud(now).IsZero() {
		return t, fmt.Errorf("resync: the quiet hours leave no time to run")
	}
	return t, nil
}

// next returns when to run after a run at last: at a time of the cron
// expression, later by the jitter, and in no quiet hours. The zero last stands
// for a source that was never read, which is due at once.
func (t timetable) next(last, now time.Time) time.Time {
	due := now
	if !last.IsZero() {
		if due = t.cron.Next(last.In(t.loc)); due.IsZero() || due.Before(now) {
			due = now // a run was missed
		}
	}
	if t.jitter > 0 {
		due = due.Add(rand.N(t.jitter))
	}
	return t.loud(due.In(t.loc))
}

// loud moves a time out of the quiet hours, or returns the zero time if they
// cover every hour.
func (t timetable) loud(due time.Time) time.Time {
	for range 2*len(t.quiet) + 2 {
		before := due
		for _, h := range t.quiet {
			if end, ok := h.end(due); ok {
				due = end
			}
		}
		if due.Equal(before) {
			return due
		}
	}
	return time.Time{}
}
