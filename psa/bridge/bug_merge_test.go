package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// A merge is told once: if the record that takes the place cannot be read just
// then, it takes it nevertheless.
func TestMergeIntoARecordThatCannotBeRead(t *testing.T) {
	w, l, r := pair(t, basic)
	rec, _ := w.right.Row(r)
	rec.ID, rec.Version, rec.Updated, rec.Fields["summary"], rec.Fields["external_ref"] = "", "", time.Time{}, "winner", nil
	winner := w.right.Put(rec)[0]
	w.right.Merge(r, winner)
	w.tick(time.Hour)
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpGet, Err: psa.ErrData})
	w.settle()
	w.tick(time.Hour)
	w.settle()
	w.want("the pair", linkOf(w, bridge.Left, l).IDs[bridge.Right], winner.ID)
	w.want("summary", fieldOf(w, bridge.Left, l, "summary"), "winner")
	w.want("tasks", w.tasks(), "[]")
}
