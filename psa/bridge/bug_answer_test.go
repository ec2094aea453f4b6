package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// takenLeft is a pair in conflict about its summary, for which somebody has just
// taken the left side's.
func takenLeft(t *testing.T) (w *world, l, r psa.Ref) {
	t.Helper()
	w, l, r = deskPair(t, deskWith(t, "summary: summary", "summary: {app: summary, conflict: manual}"))
	w.left.Edit(l, psa.Fields{"summary": "left"})
	w.right.Edit(r, psa.Fields{"summary": "right"})
	w.settle()
	answerAll(w, bridge.TaskConflict, cache.Answer{Action: bridge.AnswerTake, Side: "left", Actor: "kim"})
	return w, l, r
}

// An answer is for what its giver saw, also if another field of the record is
// written before it.
func TestAnswerAfterAnotherWrite(t *testing.T) {
	w, l, r := takenLeft(t)
	w.left.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpGet, Nth: 2, Do: func() { // just before it is used
		w.left.Edit(l, psa.Fields{"po_number": "PO-7"})
		w.right.Edit(r, psa.Fields{"summary": "goes on"})
	}})
	w.settle()
	w.want("right", fieldOf(w, bridge.Right, r, "summary"), "goes on")
	w.want("left", fieldOf(w, bridge.Left, l, "summary"), "left")
	w.want("po_number", fieldOf(w, bridge.Right, r, "po_number"), "PO-7")
	w.want("tasks", w.types(), "conflict")
}

// A conflict of a record that was gone is told again once it is back.
func TestConflictOfARestoredRecord(t *testing.T) {
	w, l, r := deskPair(t, deskWith(t, "summary: summary", "summary: {app: summary, conflict: manual}"))
	w.left.Edit(l, psa.Fields{"summary": "left"})
	w.right.Edit(r, psa.Fields{"summary": "right"})
	w.settle()
	w.want("tasks", w.types(), "conflict")
	rec, _ := w.right.Row(r)
	w.right.Remove(r)
	w.tick(time.Hour)
	w.settle()
	w.want("tasks", w.types(), "deleted")
	w.right.Put(rec)
	w.tick(25 * time.Hour)
	w.settle()
	w.want("tasks", w.types(), "conflict")
	answerAll(w, bridge.TaskConflict, cache.Answer{Action: bridge.AnswerTake, Side: "left", Actor: "kim"})
	w.settle()
	w.want("right", fieldOf(w, bridge.Right, r, "summary"), "left")
}

// An answer is not used up by a write that came too late: what was edited
// meanwhile was not shown to its giver.
func TestAnswerAfterAWriteThatCameTooLate(t *testing.T) {
	w, l, r := takenLeft(t)
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpUpdate, Err: psa.ErrConflict, Do: func() {
		w.right.Edit(r, psa.Fields{"summary": "goes on"})
	}})
	w.settle()
	w.want("right", fieldOf(w, bridge.Right, r, "summary"), "goes on")
	w.want("left", fieldOf(w, bridge.Left, l, "summary"), "left")
	w.want("tasks", w.types(), "conflict")
}

// A ticket counts as closed once, however often the write has to be repeated.
func TestClosedIsCountedOnce(t *testing.T) {
	w, l, _ := deskPair(t, desk)
	w.left.Edit(l, psa.Fields{"status": psatest.RefTo("4", "Closed"), "closed": true})
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpUpdate, Err: psa.ErrConflict})
	w.want("closed", w.once().Closed, 1)
}
