package simulation_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/psasync/psasync/internal/simulation"
)

// The histories begin with the same seed as those of TestHistories and TestOrder,
// so that what fails in one of them fails because of the bug.
const plantedSeed = 1

// most is how many histories a planted bug may need to be run.
const most = 20000

// rated is how many histories a rate is taken over.
const rated = 6000

// TestPlanted proves that the simulation is not blind: each bug of the table is
// put into a copy of the engine, and has to be found.
func TestPlanted(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	lines := make([]string, len(bugs))
	t.Run("found", func(t *testing.T) {
		for i, b := range bugs {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				line := find(t, root, b)
				mu.Lock()
				defer mu.Unlock()
				lines[i] = line
			})
		}
	})
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for i, b := range bugs {
		if lines[i] != "" {
			fmt.Fprintf(w, "%s\t%s\n", b.name, lines[i])
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("planted bugs:\n%s", table.String())
}

// find runs histories of an engine with a bug, and returns how it was found.
func find(t *testing.T, root string, b bug) string {
	t.Helper()
	if b.rate != nil {
		was, is := simulate(t, root, nil, rated, rated), simulate(t, root, b.edits, rated, rated)
		before, after := b.rate(was.Stats), b.rate(is.Stats)
		if after < 10 || after < 3*before {
			t.Errorf("not found: %d against %d without the bug in %d histories", after, before, rated)
		}
		return fmt.Sprintf("%d against %d in %d histories", after, before, rated)
	}
	more := []string{"-seed", strconv.Itoa(plantedSeed + b.passed)}
	if b.order {
		more = append(more, "-order")
	}
	out := simulate(t, root, b.edits, min(b.within, most), 1, more...)
	if len(out.Failures) == 0 {
		t.Errorf("not found in %d histories: the simulation is blind to it", out.Stats.Histories)
		return ""
	}
	f := out.Failures[0]
	if !slices.Contains(b.by, f.Invariant) {
		t.Errorf("found as %s (%s), and not as one of %s", f.Invariant, f.Text, strings.Join(b.by, ", "))
	}
	return fmt.Sprintf("%s after %d histories: %s", f.Invariant, b.passed+f.After+1, f.Text)
}

// simulate runs histories of an engine with other texts.
func simulate(t *testing.T, root string, edits []edit, histories, failures int, more ...string) simulation.Outcome {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "simulate")
	// Without optimisation both are compiled in half the time, and run hardly slower.
	build := exec.Command("go", "build", "-overlay", overlay(t, root, dir, edits), "-gcflags=./psa/bridge=-N -l", "-gcflags=./internal/simulation/...=-N -l", "-ldflags=-s -w", "-o", program, "./internal/simulation/simulate")
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the mutation does not compile any more, update it: %v\n%s", err, text)
	}
	args := append([]string{"-seed", strconv.Itoa(plantedSeed), "-n", strconv.Itoa(histories), "-failures", strconv.Itoa(failures), "-shrink", "0", "-workers", "1", "-json"}, more...)
	run := exec.Command(program, args...)
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

// overlay writes the changed files and what tells the compiler to use them.
func overlay(t *testing.T, root, dir string, edits []edit) string {
	t.Helper()
	texts, replace := map[string]string{}, map[string]string{}
	for _, e := range edits {
		name := filepath.Join(root, "psa", "bridge", e.file)
		if strings.Contains(e.file, "/") {
			name = filepath.Join(root, e.file)
		}
		text, ok := texts[name]
		if !ok {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			t.Fatalf("%s has the text of a mutation %d times, not once: the code has changed, update the mutation\n%s", name, n, e.old)
		}
		texts[name] = strings.Replace(text, e.old, e.new, 1)
	}
	for name, text := range texts {
		to := filepath.Join(dir, filepath.Base(name))
		write(t, to, []byte(text))
		replace[name] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	write(t, name, b)
	return name
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
