package simulation

import (
	"context"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/cache"
)

// inMemory keeps states in cache.Memory.
type inMemory struct{}

func (inMemory) Fresh(func() time.Time) (Durable, error) { return cache.NewMemory(), nil }

// Crash: what a process has left in the memory of the machine is all there.
func (inMemory) Crash(d Durable) (Durable, error) { return d, nil }

// together runs one history of a crew, inside a bubble.
func together(l *Layer, t *Tape, trace func(string)) (res Result, told crewStats) {
	w := &world{
		tape: t, rig: l.sim.rig, trace: trace, births: make(map[string]*birth, 8), tokens: make([]token, 1, 32), log: fnvOffset,
		now: time.Now(), state: &state{},
	}
	l.sim.rig.w = w
	clear(l.sim.rig.bridges) // they belong to the bubble they were made in
	defer func() {
		if e := recover(); e != nil {
			w.violated("panic", "%v", e)
		}
		w.stats.Histories, w.stats.IOs, w.stats.Bytes = 1, w.ios, len(t.Bytes())
		res = Result{w.stats, w.log, w.failure}
	}()
	w.draw()
	w.faults.worker = 0 // they are there
	for range t.IntN(4) {
		w.now = w.now.Add(10 * time.Second)
		w.beginning()
	}
	time.Sleep(time.Until(w.now)) // that took a while
	lasts := time.Duration(2+t.IntN(6))*time.Minute + theEnd
	c := &crew{w: w, m: l.m, r: l.sim.rig}
	var wg sync.WaitGroup
	var stops []func()
	begin := func(f func(context.Context)) {
		ctx, stop := context.WithCancel(context.Background())
		stops = append(stops, stop)
		wg.Go(func() { f(ctx) })
		synctest.Wait() // one after the other, as the tape says
	}
	for n := range maxWorkers {
		begin((&worker{crew: c, n: n, lane: n}).work)
	}
	begin(c.people)
	begin(c.trouble)
	time.Sleep(lasts)
	for _, stop := range stops {
		stop()
		synctest.Wait()
	}
	wg.Wait()
	w.stats.Steps = 1
	w.depth, w.life = 0, 0
	told = c.stats
	if w.failure != nil {
		return res, told
	}
	time.Sleep(time.Hour) // every lease is over
	w.now = time.Now()
	w.settle()
	if w.failure == nil {
		l.m.compare()
	}
	return res, told
}

// Flags of TestTogether, which TestTogetherInFull also sets.
var (
	layerHistories = flag.Int("layer.histories", 200, "histories of several processes in virtual time")
	layerSeed      = flag.Uint64("layer.seed", 1, "seed of the first of them")
	layerTrace     = flag.Bool("layer.trace", false, "tell what happens in them")
)

// mostFailures is after how many a part of TestTogether gives up.
const mostFailures = 10

// TestTogether runs histories of several bridges on one state, as goroutines in
// virtual time: leases, Run with its pauses, retries, cancelled contexts, and
// processes that die while others take over.
func TestTogether(t *testing.T) {
	const parts = 2
	var mu sync.Mutex
	var stats Stats
	var told crewStats
	t.Run("group", func(t *testing.T) {
		for part := range parts {
			t.Run(strconv.Itoa(part), func(t *testing.T) {
				t.Parallel()
				l := NewLayer(inMemory{})
				failed := 0
				for n := part; n < *layerHistories; n += parts {
					seed := *layerSeed + uint64(n)
					var trace func(string)
					if *layerTrace {
						trace = func(s string) { fmt.Println(s) }
					}
					var res, again Result
					var more crewStats
					synctest.Test(t, func(*testing.T) { res, more = together(l, NewTape(seed), trace) })
					if n%100 < parts && trace == nil { // what is traced tells more
						synctest.Test(t, func(*testing.T) { again, _ = together(l, NewTape(seed), nil) })
						if again.Log != res.Log {
							t.Errorf("-layer.seed=%d: I26: two runs of one tape differ", seed)
						}
					}
					mu.Lock()
					stats.Add(&res.Stats)
					told.lives += more.lives
					told.kills += more.kills
					told.cancels += more.cancels
					told.stalls += more.stalls
					told.pauses += more.pauses
					mu.Unlock()
					if res.Violation == nil {
						continue
					}
					t.Errorf("-layer.seed=%d: %v", seed, res.Violation)
					if failed++; failed == mostFailures {
						return
					}
				}
			})
		}
	})
	t.Logf("%+v; %s", told, stats.String())
	if n := stats.Histories; n >= 100 && (told.kills == 0 || told.cancels == 0 || told.stalls == 0 || told.pauses == 0 || stats.Writes < n || told.lives < 2*n) {
		t.Errorf("too little happens: %+v", told)
	}
}

// inFull is how many histories TestTogetherInFull runs.
const inFull = 10000

// TestTogetherInFull runs many more of them, in a process without the race
// detector, which would take most of the time.
func TestTogetherInFull(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "layers.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-race=false", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), binary, "-test.run=^TestTogether$", "-test.v", "-layer.histories="+strconv.Itoa(inFull)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), strconv.Itoa(inFull)+" histories") {
		t.Errorf("it did not run:\n%s", out)
	}
}
