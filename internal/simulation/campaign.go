package simulation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Campaign is many histories with consecutive seeds.
type Campaign struct {
	Seed      uint64
	Histories int
	Workers   int
	Failures  int           // stop after so many; 0: one
	Shrinks   int           // candidates that are tried to shrink one; 0: none
	Time      time.Duration // stop after so long; 0: never
	Order     bool          // make edits in two orders instead, see [Simulator.Order]
	Twice     int           // every so many-th history is run twice and compared; 0: every 100th
	// Grouped runs those that use the same bridge one after the other, which is
	// faster: the bridge stays in the processor's cache, and is made once.
	Grouped bool
}

// An Outcome is what came out of a campaign.
type Outcome struct {
	Stats    Stats         `json:"stats"`
	Took     time.Duration `json:"took"`
	Failures []Failure     `json:"failures,omitempty"` // by seed
}

// A Failure is a history in which an invariant did not hold.
type Failure struct {
	Seed      uint64 `json:"seed"`
	After     int    `json:"after"` // histories that were run before
	Invariant string `json:"invariant"`
	Text      string `json:"text"`
	Tape      []byte `json:"tape"`
}

// Line is the failure in one line, with all that is needed to see it again.
func (f *Failure) Line() string {
	return fmt.Sprintf("seed=%d commit=%s invariant=%s %q choices=%d", f.Seed, commit(), f.Invariant, f.Text, len(f.Tape))
}

// Save writes the tape of a failure to a folder and returns its path, or why
// there is none.
func (f *Failure) Save(dir string) string {
	sum := sha256.Sum256(f.Tape)
	name := filepath.Join(dir, f.Invariant+"-"+hex.EncodeToString(sum[:4])+".bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err.Error()
	}
	if err := os.WriteFile(name, f.Tape, 0o644); err != nil {
		return err.Error()
	}
	return name
}

// commit is the commit the program was built from, where that is known.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return "unknown"
}

// Run runs the histories.
func (c Campaign) Run() *Outcome {
	c.Workers, c.Failures, c.Twice = max(c.Workers, 1), max(c.Failures, 1), cmp.Or(c.Twice, 100)
	out := &Outcome{}
	var stop time.Time
	if c.Time > 0 {
		stop = time.Now().Add(c.Time)
	}
	for first := 0; first < c.Histories && len(out.Failures) < c.Failures && (stop.IsZero() || time.Now().Before(stop)); first += block {
		c.run(out, first, c.places(first, min(block, c.Histories-first)), stop)
	}
	slices.SortFunc(out.Failures, func(a, b Failure) int { return cmp.Compare(a.Seed, b.Seed) })
	return out
}

// block is how many histories are put in order at a time.
const block = 1 << 19

// A place is a history in the order of a campaign.
type place struct{ bridge, seed uint64 }

// places are the histories from the first one. Where they are grouped, bridges
// come in no particular order, so that a part is a fair sample of all.
func (c *Campaign) places(first, n int) []place {
	places := make([]place, n)
	var wg sync.WaitGroup
	for w := range c.Workers {
		wg.Go(func() {
			sim := New()
			for i := w; i < n; i += c.Workers {
				places[i].seed = c.Seed + uint64(first+i)
				if c.Grouped {
					places[i].bridge = sim.bridge(NewTape(places[i].seed))
				}
			}
		})
	}
	wg.Wait()
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.bridge, b.bridge), cmp.Compare(a.seed, b.seed)) })
	return places
}

// run runs the histories of a block, the first of which is known.
func (c *Campaign) run(out *Outcome, first int, places []place, stop time.Time) {
	var next, failed atomic.Int64
	failed.Store(int64(len(out.Failures)))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range c.Workers {
		wg.Go(func() {
			sim := New()
			history := sim.Run
			if c.Order {
				history = sim.Order
			}
			var stats Stats
			for failed.Load() < int64(c.Failures) {
				n := int(next.Add(1) - 1)
				if n >= len(places) || n%64 == 0 && !stop.IsZero() && time.Now().After(stop) {
					break
				}
				tape := NewTape(places[n].seed)
				res := history(tape, nil)
				if res.Violation == nil && n%c.Twice == 0 {
					if again := history(Replay(tape.Bytes()), nil); again.Log != res.Log {
						res.Violation = &Violation{"I26", "two runs of one tape differ"}
					}
				}
				stats.Add(&res.Stats)
				if res.Violation == nil {
					continue
				}
				failed.Add(1)
				f := Failure{Seed: places[n].seed, After: first + n, Invariant: res.Violation.Invariant, Text: res.Violation.Text, Tape: tape.Bytes()}
				if c.Shrinks > 0 && f.Invariant != "I26" {
					f.shrink(history, c.Shrinks)
				}
				mu.Lock()
				out.Failures = append(out.Failures, f)
				mu.Unlock()
			}
			mu.Lock()
			out.Stats.Add(&stats)
			mu.Unlock()
		})
	}
	wg.Wait()
}

// shrink makes the tape of a failure as short as it can within so many tries.
func (f *Failure) shrink(history func(*Tape, func(string)) Result, tries int) {
	f.Tape = Shrink(f.Tape, tries, func(b []byte) bool {
		v := history(Replay(b), nil).Violation
		return v != nil && v.Invariant == f.Invariant
	})
	f.Text = history(Replay(f.Tape), nil).Violation.Text
}

// String tells the counts, and the rates of what cannot be avoided.
func (s Stats) String() string {
	per := func(n int) string {
		if s.Histories == 0 {
			return "-"
		}
		return fmt.Sprintf("%.4f", float64(n)/float64(s.Histories))
	}
	return fmt.Sprintf("%d histories: per history %s cycles, %s I/O, %s writes, %s edits by people, %s crashes, %s errors, %s takeovers, %s restores; "+
		"conflicts %s, of them false %s, decisions that were worked out once more %s, values lost in the window %s, losers told %s, after stale reads %s, copies of what was restored or changed %s, resurrections after restores %s",
		s.Histories, per(s.Cycles), per(s.IOs), per(s.Writes), per(s.People), per(s.Crashes), per(s.Errors), per(s.Workers), per(s.Restores),
		per(s.Conflicts), per(s.FalseConflicts), per(s.Decisions), per(s.Windows), per(s.Losers), per(s.StaleWrites), per(s.Duplicates), per(s.Resurrections))
}
