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
	workers := max(c.Workers, 1)
	most := max(c.Failures, 1)
	twice := cmp.Or(c.Twice, 100)
	began := time.Now()
	var next, failed atomic.Int64
	var mu sync.Mutex
	out := &Outcome{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			sim := New()
			history := sim.Run
			if c.Order {
				history = sim.Order
			}
			var stats Stats
			for failed.Load() < int64(most) {
				n := next.Add(1) - 1
				if n >= int64(c.Histories) || c.Time > 0 && n%64 == 0 && time.Since(began) > c.Time {
					break
				}
				seed := c.Seed + uint64(n)
				tape := NewTape(seed)
				res := history(tape, nil)
				if res.Violation == nil && n%int64(twice) == 0 {
					if again := history(Replay(tape.Bytes()), nil); again.Log != res.Log {
						res.Violation = &Violation{"I26", "two runs of one tape differ"}
					}
				}
				stats.Add(&res.Stats)
				if res.Violation == nil {
					continue
				}
				failed.Add(1)
				f := Failure{Seed: seed, After: int(n), Invariant: res.Violation.Invariant, Text: res.Violation.Text, Tape: tape.Bytes()}
				if c.Shrinks > 0 && f.Invariant != "I26" {
					f.Tape = Shrink(f.Tape, c.Shrinks, func(b []byte) bool {
						v := history(Replay(b), nil).Violation
						return v != nil && v.Invariant == f.Invariant
					})
					f.Text = history(Replay(f.Tape), nil).Violation.Text
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
	slices.SortFunc(out.Failures, func(a, b Failure) int { return cmp.Compare(a.Seed, b.Seed) })
	return out
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
