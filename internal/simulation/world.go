package simulation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// onState stands for the state where a side is expected.
const onState bridge.Side = 2

// faults say how often in 256 what goes wrong, in one history.
type faults struct {
	crash    int // the process dies before or after an I/O
	fail     int // a request or a save fails
	lost     int // the answer to a request that was done is lost
	stale    int // a read tells what was before
	staleFor time.Duration
	people   int // somebody does something before or after a request
	worker   int // another process runs a cycle meanwhile
	special  int // what happens between cycles: restores, phases, maps, ...
}

// A world is one history: two systems, a state, and what happens.
type world struct {
	tape   *Tape
	rig    *rig
	plan   *plan
	shape  shape
	sides  [2]*side
	state  *state
	old    *state // a backup
	now    time.Time
	skew   time.Duration // of the bridge's clock
	faults faults
	policy string

	quiet    bool // nothing goes wrong any more
	depth    int  // processes running, one inside the other
	life     int  // of the process running now
	dead     int  // the process that died
	ios      int
	log      uint64
	trace    func(string)
	sent     int       // the first field that a bridge wrote last
	lastRead [3]*row   // by depth: what was read last, with nothing slow after it
	ruled    [3]string // by depth: the phase that the process read, under which it decides

	tokens   []token
	births   map[string]*birth
	over     []overwrite // values that were overwritten and have to be accounted for
	stepped  bool        // a clock was set
	restored bool        // an old backup was restored
	stale    bool
	edited   bool // the map was edited
	phased   bool // the policy was changed
	merges   bool // a ticket is merged once
	split    bool // a group was edited between a read and the write that followed
	began    bool // the first cycle
	upset    bool // something special happened to the connection

	writes   int
	started  time.Time     // the cycle that runs, or the last one
	first    time.Time     // the first cycle
	looked   *cache.Task   // that a person has looked at
	answered []*cache.Task // as they were when people answered
	pairs    [][2]string   // see paired
	stats    Stats
	failure  *Violation
}

// A Violation is an invariant that did not hold.
type Violation struct {
	Invariant string
	Text      string
}

func (v *Violation) Error() string { return v.Invariant + ": " + v.Text }

// Stats count what happened in histories.
type Stats struct {
	Histories, Cycles, Steps, IOs, Crashes, Errors, People, Workers, Restores int
	Writes, Windows, FalseConflicts, Conflicts, Losers, StaleWrites           int
	Duplicates, Resurrections, Hidden                                         int // that cannot be avoided
	Places                                                                    int // values of a record that took a merged one's place
	Decisions                                                                 int // that were worked out once more
	Bytes                                                                     int
}

// Add sums two counts up.
func (s *Stats) Add(o *Stats) {
	s.Histories += o.Histories
	s.Cycles += o.Cycles
	s.Steps += o.Steps
	s.IOs += o.IOs
	s.Crashes += o.Crashes
	s.Errors += o.Errors
	s.People += o.People
	s.Workers += o.Workers
	s.Restores += o.Restores
	s.Writes += o.Writes
	s.Places += o.Places
	s.Windows += o.Windows
	s.FalseConflicts += o.FalseConflicts
	s.Conflicts += o.Conflicts
	s.Losers += o.Losers
	s.StaleWrites += o.StaleWrites
	s.Duplicates += o.Duplicates
	s.Resurrections += o.Resurrections
	s.Decisions += o.Decisions
	s.Hidden += o.Hidden
	s.Bytes += o.Bytes
}

type crashed struct{ life int }

// tooMuch ends a history that never ends.
type tooMuch struct{}

func (w *world) clock() time.Time { return w.now.Add(w.skew) }

func (w *world) faulty() bool { return !w.quiet }

func (w *world) violated(invariant, format string, args ...any) {
	if w.failure == nil {
		w.failure = &Violation{invariant, fmt.Sprintf(format, args...)}
	}
	if w.trace != nil {
		w.trace("VIOLATION " + invariant + ": " + fmt.Sprintf(format, args...))
	}
}

// clockTime is how traces spell times.
const clockTime = "15:04:05.000"

// Of FNV-1a, which hashes the log of requests.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func (w *world) hash(s string) {
	for i := range len(s) {
		w.log = (w.log ^ uint64(s[i])) * fnvPrime
	}
	w.log = (w.log ^ 0xff) * fnvPrime
}

// note adds to the log of requests.
func (w *world) note(op string, s bridge.Side, kind psa.Kind, id string) {
	w.hash(op)
	w.log = (w.log ^ uint64(s)) * fnvPrime
	w.hash(string(kind))
	w.hash(id)
	if w.trace != nil {
		name := "state"
		if s != onState {
			name = s.String()
		}
		w.trace(fmt.Sprintf("%s %*s%s %s %s %s", w.now.Format(clockTime), 2*w.depth, "", name, op, kind, id))
	}
}

func (w *world) observe(e bridge.Event) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("   event %s %s %s/%s %s", e.Type, e.Side, e.Kind, e.ID, e.Message))
	}
}

// before is called before every request and every access to the state.
func (w *world) before(s bridge.Side, op string, kind psa.Kind, id string) error {
	w.now = w.now.Add(37 * time.Millisecond)
	w.ios++
	if w.ios > 30000 {
		panic(tooMuch{})
	}
	if w.trace != nil || s != onState || op == "save" {
		w.note(op, s, kind, id)
	}
	if op != "update" && (s != onState || op == "save") {
		w.lastRead[w.depth] = nil
	}
	if w.quiet {
		return nil
	}
	f := &w.faults
	if s != onState {
		if f.people > 0 && w.tape.Chance(f.people) {
			w.person()
		}
		if f.worker > 0 && w.depth == 1 && w.tape.Chance(f.worker) {
			w.meanwhile(s, op)
		}
	}
	if f.crash > 0 && w.tape.Chance(f.crash) {
		w.die()
	}
	if f.fail > 0 && w.tape.Chance(f.fail) {
		w.stats.Errors++
		if w.trace != nil {
			w.trace("   fails")
		}
		if s == onState {
			return cache.ErrBusy
		}
		switch w.tape.IntN(8) {
		default:
			return failed(op, psa.ErrUnavailable)
		case 1, 2:
			return failed(op, psa.ErrTimeout)
		case 3:
			return &psa.Error{Provider: "simulated", Op: op, Code: psa.ErrRateLimited, RetryAfter: 30 * time.Second}
		case 4:
			return failed(op, psa.ErrDenied)
		case 5:
			return failed(op, psa.ErrAuth)
		case 6:
			return failed(op, psa.ErrData)
		}
	}
	return nil
}

// after is called after every request and save, before the answer is told.
func (w *world) after(s bridge.Side, op string) error {
	if w.quiet {
		return nil
	}
	f := &w.faults
	if s != onState && f.people > 0 && w.tape.Chance(f.people) {
		w.person()
	}
	if f.crash > 0 && w.tape.Chance(f.crash) {
		w.die()
	}
	lost := f.lost
	if op == "update" {
		lost *= 8 // what nobody knows the outcome of is worth seeing often
	}
	if lost > 0 && w.tape.Chance(lost) {
		w.stats.Errors++
		w.goesOn(s, op)
		if w.trace != nil {
			w.trace("   the answer is lost")
		}
		if s == onState {
			return cache.ErrBusy
		}
		return failed(op, psa.ErrTimeout)
	}
	return nil
}

func (w *world) die() {
	w.stats.Crashes++
	if w.trace != nil {
		w.trace("   CRASH")
	}
	w.dead = w.life
	panic(crashed{w.life})
}

// read remembers what was read last.
func (w *world) read(_ bridge.Side, r *row) { w.lastRead[w.depth] = r }

// cycle runs one cycle of a process.
func (w *world) cycle(holder uint8) (rep *bridge.Report, err error) {
	was := w.life
	w.depth++
	w.stats.Cycles++
	life := w.stats.Cycles
	w.life = life
	defer func() {
		w.depth--
		w.life = was
		if e := recover(); e != nil {
			if c, ok := e.(crashed); !ok || c.life != life {
				panic(e)
			}
			rep, err = nil, errCrashed
		}
	}()
	w.began, w.started = true, w.now
	if w.first.IsZero() {
		w.first = w.now
	}
	sh := w.shape
	sh.holder = holder
	rep, err = w.rig.bridge(sh).Once(context.Background())
	if w.trace != nil {
		w.trace(fmt.Sprintf("cycle: %v", err))
	}
	return rep, err
}

var errCrashed = errors.New("crashed")

// meanwhile lets another process run while a request of the first takes long,
// so long that its lease is over. Requests that write have time-outs that are
// shorter than a lease.
func (w *world) meanwhile(s bridge.Side, op string) {
	if op == "create" || op == "update" || op == "delete" {
		return
	}
	w.stats.Workers++
	if w.trace != nil {
		w.trace("   another process takes over")
	}
	w.now = w.now.Add(3 * time.Minute)
	_, _ = w.cycle(1) // its errors are its own
	w.note("goes on", s, "", "")
}
