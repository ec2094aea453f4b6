package halopsatest

import (
	"iter"

	"github.com/psasync/psasync/internal/simulator"
)

// virtualActions yields the actions of a ticket that is made when it is read.
func (t *Tenant) virtualActions(tx *simulator.Tx, ticket int) iter.Seq[simulator.Row] {
	return func(func(simulator.Row) bool) {}
}

func (g *gen) virtual() {}
