package simulation_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/psasync/psasync/internal/simulation"
)

var (
	long  = flag.Int("histories", 500000, "histories of TestHistories")
	first = flag.Uint64("first", 1, "seed of the first history of TestHistories")
)

// TestHistories runs many histories in a program of their own, since the race
// detector would make them five times slower. A failure is a line with all that
// is needed to see it again; the shrunk tape goes to a folder of the system's
// for temporary files, and belongs into testdata/tapes once it is understood.
func TestHistories(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	out := campaign(t, root, simulation.Campaign{Seed: *first, Histories: *long, Workers: 2, Failures: 3, Shrinks: 3000, Grouped: true})
	t.Log(out.Stats.String())
	for _, f := range out.Failures {
		dir, err := os.MkdirTemp("", "tape")
		if err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s tape=%s", f.Line(), f.Save(dir))
	}
	if out.Stats.Histories < *long && len(out.Failures) == 0 {
		t.Errorf("%d histories were run, not %d", out.Stats.Histories, *long)
	}
	// A simulation in which nothing goes wrong proves nothing.
	s := out.Stats
	for name, n := range map[string]int{
		"crashes": s.Crashes, "errors": s.Errors, "takeovers": s.Workers, "restores": s.Restores, "edits by people": s.People,
		"conflicts": s.Conflicts, "losers": s.Losers, "writes": s.Writes,
	} {
		if n == 0 && len(out.Failures) == 0 {
			t.Errorf("the histories had no %s", name)
		}
	}
}

// campaign builds the program without the race detector and runs it.
func campaign(t *testing.T, root string, c simulation.Campaign) simulation.Outcome {
	t.Helper()
	program := filepath.Join(t.TempDir(), "simulate")
	build := exec.Command("go", "build", "-o", program, "./internal/simulation/simulate")
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	run := exec.Command(program, "-seed", strconv.FormatUint(c.Seed, 10), "-n", strconv.Itoa(c.Histories), "-workers", strconv.Itoa(c.Workers),
		"-failures", strconv.Itoa(c.Failures), "-shrink", strconv.Itoa(c.Shrinks), "-grouped="+strconv.FormatBool(c.Grouped), "-json")
	var stdout, stderr bytes.Buffer
	run.Stdout, run.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := run.Run(); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var out simulation.Outcome
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatalf("%v: %s\n%s", err, stdout.Bytes(), stderr.Bytes())
	}
	return out
}

// TestTapes replays what has ever failed, and with the race detector on.
func TestTapes(t *testing.T) {
	names, err := filepath.Glob("testdata/tapes/*.bin")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatal("testdata/tapes is empty")
	}
	sim := simulation.New()
	for _, name := range names {
		tape, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if v := sim.Run(simulation.Replay(tape), nil).Violation; v != nil {
			t.Errorf("%s: %v", name, v)
		}
	}
}

// TestSame runs histories twice, the second time in a new simulator, and
// compares every request.
func TestSame(t *testing.T) {
	one, two := simulation.New(), simulation.New()
	for seed := range uint64(200) {
		tape := simulation.NewTape(seed)
		a := one.Run(tape, nil)
		if b := two.Run(simulation.Replay(tape.Bytes()), nil); a.Log != b.Log {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}

func TestTape(t *testing.T) {
	rec := simulation.NewTape(7)
	var want []int
	for n := range 100 {
		want = append(want, rec.IntN(n+1))
	}
	again := simulation.Replay(rec.Bytes())
	for n := range 100 {
		if got := again.IntN(n + 1); got != want[n] {
			t.Fatalf("choice %d is %d, not %d", n, got, want[n])
		}
	}
	if again.IntN(100) != 0 || again.Chance(255) {
		t.Error("a tape that is used up does not make the dull choice")
	}
}

func TestShrink(t *testing.T) {
	tape := make([]byte, 500)
	for i := range tape {
		tape[i] = byte(i*7 + 1)
	}
	tape[137], tape[402] = 250, 251
	got := simulation.Shrink(tape, 5000, func(b []byte) bool {
		at := bytes.IndexByte(b, 250)
		return at >= 0 && bytes.IndexByte(b[at:], 251) > 0
	})
	if !bytes.Equal(got, []byte{250, 251}) {
		t.Errorf("shrunk to %v", got)
	}
}
