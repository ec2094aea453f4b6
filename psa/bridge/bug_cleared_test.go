package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// A field that is cleared is so, too, where a system leaves it out from then on.
func TestClearedFieldIsLeftOut(t *testing.T) {
	w, l, r := pair(t, basic)
	w.left.Edit(l, psa.Fields{"po_number": "some"})
	w.settle()
	w.right.AddRule(func(wr psatest.Write) error {
		if v, ok := wr.Row.Fields["po_number"]; ok && v == nil {
			delete(wr.Row.Fields, "po_number")
		}
		return nil
	})
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"po_number": nil})
	w.settle()
	w.want("tasks", w.tasks(), "[]")
	w.want("right", fieldOf(w, bridge.Right, r, "po_number"), nil)
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"po_number": "again"})
	w.settle()
	w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "again")
}
