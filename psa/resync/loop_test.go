package resync_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// looped runs a Loop for a time and returns when its runs began, counted from
// the start of the loop.
func (b *bench) looped(ctx context.Context, d time.Duration) (starts []time.Duration) {
	b.t.Helper()
	began := time.Now()
	b.events = nil
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if err := b.syncer.Loop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		b.t.Errorf("loop ended with %v", err)
	}
	for _, e := range b.events {
		if e.Type == resync.Started {
			starts = append(starts, e.Time.Sub(began))
		}
	}
	return starts
}

// leased has another process hold the lease.
func (b *bench) leased(ttl time.Duration) cache.Lease {
	b.t.Helper()
	lease, err := b.store.Acquire(b.t.Context(), source, "another process", ttl)
	if err != nil {
		b.t.Fatal(err)
	}
	return lease
}

func minutes(list ...float64) (out []time.Duration) {
	for _, m := range list {
		out = append(out, time.Duration(m*float64(time.Minute)))
	}
	return out
}

// A bubble's clock begins at midnight UTC.
func TestLoopFollowsTheSchedule(t *testing.T) {
	for name, c := range map[string]struct {
		options resync.Options
		arrange func(*bench)
		lasts   time.Duration
		want    []time.Duration
	}{
		"default is every hour, the first at once": {
			lasts: 150 * time.Minute, want: minutes(0, 60, 120),
		},
		"cron": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "15,45 * * * *"}},
			lasts:   110 * time.Minute, want: minutes(0, 15, 45, 75, 105),
		},
		"a run that was not missed": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "0 * * * *"}},
			arrange: func(b *bench) { b.run(); wait(10 * time.Minute) },
			lasts:   120 * time.Minute, want: minutes(50, 110),
		},
		"a run that was missed": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "0 * * * *"}},
			arrange: func(b *bench) { b.run(); wait(70 * time.Minute) },
			lasts:   60 * time.Minute, want: minutes(0, 50),
		},
		"minimum interval": {
			options: resync.Options{MinInterval: 25 * time.Minute, Schedule: resync.Schedule{Cron: "*/10 * * * *"}},
			lasts:   80 * time.Minute, want: minutes(0, 25, 50, 75),
		},
		"minimum interval is no matter of failures": {
			options: resync.Options{MinInterval: 3 * time.Hour, Schedule: resync.Schedule{Cron: "0 * * * *"}},
			arrange: func(b *bench) {
				b.tenant.Fail(psatest.Fault{Op: psatest.OpInstance, Times: 2, Err: psa.ErrUnavailable})
			},
			lasts: 300 * time.Minute, want: minutes(0, 1, 3, 183),
		},
		"whoever has the lease has died": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "@daily"}},
			arrange: func(b *bench) { b.leased(90 * time.Second) },
			lasts:   23 * time.Hour, want: minutes(0, 1, 3),
		},
		"whoever has the lease does the work": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "0 * * * *"}},
			arrange: func(b *bench) {
				lease := b.leased(time.Hour)
				time.AfterFunc(30*time.Second, func() {
					kinds := map[psa.Kind]cache.KindMeta{}
					for _, k := range b.tenant.Features().Kinds() {
						kinds[k] = cache.KindMeta{Fresh: time.Now()}
					}
					_, err := b.store.Memory.Commit(b.t.Context(), source, 0, cache.Batch{Kinds: kinds, Token: lease.Token()})
					if err = errors.Join(err, lease.Release(b.t.Context())); err != nil {
						b.t.Error(err)
					}
				})
			},
			lasts: 130 * time.Minute, want: minutes(0, 60, 120),
		},
		"quiet hours": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "0 * * * *", Quiet: []resync.Hours{{22 * time.Hour, 30 * time.Minute}, {2 * time.Hour, 4*time.Hour + 10*time.Minute}}}},
			lasts:   350 * time.Minute, want: minutes(30, 60, 250, 300),
		},
		"quiet hours by another clock": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "@every 1h", Location: time.FixedZone("EST", -5*3600), Quiet: []resync.Hours{{19 * time.Hour, 21 * time.Hour}}}},
			lasts:   230 * time.Minute, want: minutes(120, 180),
		},
		"back-off while the vendor is down": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "0 */6 * * *"}},
			arrange: func(b *bench) { b.tenant.Refuse("", psa.ErrUnavailable) },
			lasts:   4*time.Hour + 30*time.Minute, want: minutes(0, 1, 3, 7, 15, 31, 63, 123, 183, 243),
		},
		"back-off ends at the schedule": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "*/5 * * * *"}},
			arrange: func(b *bench) { b.tenant.Refuse("", psa.ErrTimeout) },
			lasts:   12 * time.Minute, want: minutes(0, 1, 3, 5, 10),
		},
		"the vendor asks for more": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "*/5 * * * *"}},
			arrange: func(b *bench) {
				b.tenant.Refuse("", &psa.Error{Code: psa.ErrRateLimited, RetryAfter: 7 * time.Minute})
			},
			lasts: 15 * time.Minute, want: minutes(0, 7, 14),
		},
		"what nobody mends waits for the schedule": {
			options: resync.Options{Schedule: resync.Schedule{Cron: "*/30 * * * *"}},
			arrange: func(b *bench) { b.tenant.Refuse("", psa.ErrAuth) },
			lasts:   70 * time.Minute, want: minutes(0, 30, 60),
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, psatest.Boards(), c.options)
				if c.arrange != nil {
					c.arrange(b)
				}
				if d := cmp.Diff(c.want, b.looped(t.Context(), c.lasts)); d != "" {
					t.Errorf("runs (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestLoopRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, psatest.Boards(), resync.Options{})
		b.tenant.Fail(psatest.Fault{Op: psatest.OpInstance, Times: 2, Err: psa.ErrUnavailable})
		starts := b.looped(t.Context(), 70*time.Minute)
		if d := cmp.Diff(minutes(0, 1, 3, 63), starts); d != "" {
			t.Errorf("runs (-want +got):\n%s", d)
		}
		b.equal()
		finished, failed := 0, 0
		for _, e := range b.events {
			if e.Type == resync.Finished {
				finished++
				if e.Err != nil {
					failed++
				}
			}
		}
		if finished != 4 || failed != 2 {
			t.Errorf("%d runs told, %d failed", finished, failed)
		}
	})
}

func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, psatest.Boards(), resync.Options{Schedule: resync.Schedule{Cron: "0 * * * *", Jitter: 10 * time.Minute}})
		starts := b.looped(t.Context(), 48*time.Hour+15*time.Minute)
		if len(starts) < 48 || len(starts) > 50 {
			t.Fatalf("%d runs", len(starts))
		}
		different := map[time.Duration]bool{}
		for _, s := range starts {
			over := s % time.Hour
			different[over] = true
			if over >= 10*time.Minute {
				t.Errorf("a run %s after the hour", over)
			}
		}
		if len(different) < 5 {
			t.Errorf("only %d different delays", len(different))
		}
	})
}

// H spreads sources over the hour, each always at its own minute.
func TestHashedCron(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		minutes := map[time.Duration]bool{}
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			b := newBench(t, psatest.Boards(), resync.Options{})
			var starts []time.Time
			s, err := resync.New(b.tenant, b.store, &resync.Options{Source: name, Schedule: resync.Schedule{Cron: "H * * * *"},
				Observer: func(e resync.Event) {
					if e.Type == resync.Started {
						starts = append(starts, e.Time)
					}
				}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
			_ = s.Loop(ctx) // ends with the deadline
			cancel()
			if len(starts) < 3 || starts[1].Minute() != starts[2].Minute() {
				t.Fatalf("%s: runs at %v", name, starts)
			}
			minutes[time.Duration(starts[1].Minute())] = true
		}
		if len(minutes) < 3 {
			t.Errorf("6 sources share %d minutes", len(minutes))
		}
	})
}

// Days of 23 and 25 hours have their quiet hours by the clock on the wall.
func TestQuietHoursOverATimeChange(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ at, want string }{
		{"2026-03-29 01:30", "2026-03-29 06:00"}, // the night in which 02:00 is 03:00
		{"2026-10-25 01:30", "2026-10-25 06:00"}, // the night in which 03:00 is 02:00
		{"2026-10-25 06:00", "2026-10-25 06:00"},
		{"2026-10-25 22:59", "2026-10-25 22:59"},
		{"2026-10-25 23:00", "2026-10-26 06:00"},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		got := resync.Loud(t, resync.Schedule{Location: zone, Quiet: []resync.Hours{{23 * time.Hour, 6 * time.Hour}}}, at)
		if s := got.Format("2006-01-02 15:04"); s != c.want {
			t.Errorf("%s waits until %s; want %s", c.at, s, c.want)
		}
	}
}
