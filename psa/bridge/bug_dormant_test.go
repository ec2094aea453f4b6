package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// TestDormantUntilBothTakePart: a record that is inactive on one side is left
// alone whatever the other side's lists tell, until both are active again.
func TestDormantUntilBothTakePart(t *testing.T) {
	for _, first := range []bridge.Side{bridge.Left, bridge.Right} {
		t.Run(first.String(), func(t *testing.T) {
			w, l, _ := deskPair(t, desk)
			home, _ := w.left.Row(l)
			left := ref(psa.KindContact, home.Fields.Ref("contact").ID)
			refs := [2]psa.Ref{left, w.peer(bridge.Left, left).Ref}
			state := func() cache.LinkState {
				w.tick(2 * time.Hour) // a sweep reads every row
				w.settle()
				link, ok, err := w.state.LinkOf(t.Context(), source, bridge.Left, left)
				if err != nil || !ok {
					t.Fatalf("no link: %v", err)
				}
				return link.State
			}
			other := first.Other()
			w.want("at first", state(), cache.LinkLive)
			w.side(first).SetActive(refs[first], false)
			w.want("one is inactive", state(), cache.LinkDormant)
			w.side(other).SetActive(refs[other], false)
			w.side(other).SetActive(refs[other], true)
			w.want("the other one was touched", state(), cache.LinkDormant)
			w.side(other).SetActive(refs[other], false)
			w.want("both are inactive", state(), cache.LinkDormant)
			w.side(first).SetActive(refs[first], true)
			w.want("the other one is inactive", state(), cache.LinkDormant)
			w.side(other).SetActive(refs[other], true)
			w.want("both are active", state(), cache.LinkLive)
		})
	}
}
