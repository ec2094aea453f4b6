package simulation_test

import (
	"testing"

	"github.com/psasync/psasync/internal/simulation"
)

// TestOrder makes edits of different fields and records in two orders, which
// must come to the same.
func TestOrder(t *testing.T) {
	sim := simulation.New()
	var stats simulation.Stats
	for seed := range uint64(3000) {
		res := sim.Order(simulation.NewTape(seed), nil)
		stats.Add(&res.Stats)
		if res.Violation != nil {
			t.Errorf("seed %d: %v", seed, res.Violation)
		}
	}
	t.Log(stats.String())
}
