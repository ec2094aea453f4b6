package simulation

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzHistory takes the input for the choices of a history. The seed corpus is
// some seeds and every tape that has ever failed.
func FuzzHistory(f *testing.F) {
	sim := New()
	for seed := range uint64(20) {
		t := NewTape(seed + 1)
		sim.Run(t, nil)
		f.Add(t.Bytes())
	}
	tapes, err := filepath.Glob("testdata/tapes/*.bin")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range tapes {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		if v := sim.Run(Replay(choices), nil).Violation; v != nil {
			t.Error(v)
		}
	})
}
