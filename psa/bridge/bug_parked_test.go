package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A conflict that waits for a person is decided by what both sides hold now and
// by both stamps once a strategy is set, though only one side was edited again.
func TestStrategyForWhatIsParked(t *testing.T) {
	for _, last := range []bridge.Side{bridge.Left, bridge.Right} {
		for _, both := range []bool{false, true} {
			w, l, r := pair(t, basic, func(o *bridge.Options) { o.Policy = bridge.Policy{Name: "manual"} })
			refs := [2]psa.Ref{l, r}
			edit := func(s bridge.Side, v string) { w.side(s).Edit(refs[s], psa.Fields{"po_number": v}) }
			edit(bridge.Left, "left")
			edit(bridge.Right, "right")
			w.settle()
			w.want("tasks", w.types(), "conflict")
			if both { // this one is not known when the other side is read, which is read first
				edit(last.Other(), "before")
			}
			w.tick(time.Hour)
			edit(last, "newest")
			w.opts.Policy = bridge.Policy{Name: "newest", Strategy: conflict.First(conflict.Newest(nil), prefer(last.Other()))}
			w.open()
			w.settle()
			for s := range bridge.Side(2) {
				w.want(s.String(), fieldOf(w, s, refs[s], "po_number"), "newest")
			}
			w.want("tasks", w.types(), "")
		}
	}
}

func prefer(s bridge.Side) conflict.Strategy {
	if s == bridge.Left {
		return conflict.PreferLeft
	}
	return conflict.PreferRight
}
