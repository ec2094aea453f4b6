package simulator

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// The rolling window lets through what a list of all times allows.
func TestLimitRollingWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit, window := rapid.IntRange(1, 5).Draw(rt, "limit"), 10*time.Second
		gaps := rapid.SliceOfN(rapid.IntRange(0, 6), 1, 40).Draw(rt, "gaps")
		synctest.Test(t, func(t *testing.T) {
			var l limiter
			l.set(Limit{Requests: limit, Window: window})
			var passed []time.Time
			for _, g := range gaps {
				time.Sleep(time.Duration(g) * time.Second)
				now := time.Now()
				n := 0
				for _, p := range passed {
					if p.After(now.Add(-window)) {
						n++
					}
				}
				wait, ok := l.enter()
				l.leave()
				if ok != (n < limit) {
					t.Fatalf("%d of %d in the window, let through: %v", n, limit, ok)
				}
				if ok {
					passed = append(passed, now)
				} else if free := passed[len(passed)-limit].Add(window); !free.Equal(now.Add(wait)) {
					t.Fatalf("told to wait until %v, free at %v", now.Add(wait), free)
				}
			}
		})
	})
}

func TestLimitHardAndEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		try := func() bool {
			_, ok := l.enter()
			l.leave()
			return ok
		}
		l.set(Limit{Requests: 1, Window: time.Minute, Hard: true})
		try()
		for range 10 { // hammering: never let in again
			time.Sleep(30 * time.Second)
			if try() {
				t.Fatal("hard limit let a hammering client in")
			}
		}
		if g := l.gauge(); g.Violations != 10 || g.Early != 9 {
			t.Fatalf("gauge %+v", g)
		}
		time.Sleep(time.Minute)
		if !try() {
			t.Fatal("a client that waited is refused")
		}
	})
}

func TestLimitInFlight(t *testing.T) {
	var l limiter
	l.set(Limit{InFlight: 2})
	_, a := l.enter()
	_, b := l.enter()
	_, c := l.enter()
	if !a || !b || c {
		t.Fatalf("let in %v %v %v", a, b, c)
	}
	l.leave()
	l.leave()
	l.leave()
	if g := l.gauge(); g.MaxInFlight != 3 || g.InFlight != 0 || g.Violations != 1 {
		t.Fatalf("gauge %+v", g)
	}
}

func TestRetryAfterRoundsUp(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "1", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Hour: "3600"} {
		if got := RetryAfter(d); got != want {
			t.Errorf("RetryAfter(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		if !c.Now().Equal(time.Now()) {
			t.Fatal("zero clock differs from the machine's")
		}
		at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		c.Set(at)
		time.Sleep(time.Hour)
		if got := c.Now(); !got.Equal(at.Add(time.Hour)) {
			t.Fatalf("an hour after Set it is %v", got)
		}
		c.Advance(-2 * time.Hour)
		if got := c.Now(); !got.Equal(at.Add(-time.Hour)) {
			t.Fatalf("after Advance back it is %v", got)
		}
		c.Use(func() time.Time { return at })
		if !c.Now().Equal(at) || c.Offset() != 0 {
			t.Fatal("Use keeps the offset")
		}
	})
}
