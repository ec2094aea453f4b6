package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// hide takes all rows of a kind out of sight, as a right does that is taken
// away. Put brings them back as they were.
func (w *world) hide(s bridge.Side, kind psa.Kind) (rows []psa.Record) {
	for _, ref := range w.side(s).Refs(kind) {
		rec, _ := w.side(s).Row(ref)
		rows = append(rows, rec)
	}
	w.side(s).Clear(kind)
	return rows
}

// A pair of which both records were gone takes part again once both are back,
// and so does what was put below one of them meanwhile.
func TestBothRecordsComeBack(t *testing.T) {
	w, l, r := deskPair(t, desk)
	rec, _ := w.right.Row(r)
	hidden := w.hide(bridge.Left, psa.KindTicket)
	w.right.Remove(r)
	for range 2 {
		w.tick(25 * time.Hour)
		w.settle()
	}
	w.want("state", linkOf(w, bridge.Left, l).State, cache.LinkGone)
	w.right.Put(rec)
	w.tick(25 * time.Hour)
	w.settle()
	entry := w.right.Put(psatest.Row(psa.KindTimeEntry, "", psa.Fields{"ticket": psatest.RefTo(r.ID, ""), "member": psatest.RefTo("1", ""),
		"hours": 1, "start_at": "2026-03-02T08:00:00Z", "notes": "meanwhile"}))[0]
	w.tick(time.Hour)
	w.settle()
	w.want("state with one", linkOf(w, bridge.Left, l).State, cache.LinkGone)
	w.left.Put(hidden...)
	w.tick(25 * time.Hour)
	w.settle()
	w.want("state with both", linkOf(w, bridge.Left, l).State, cache.LinkLive)
	w.want("tasks", w.tasks(), "[]")
	w.want("the entry", w.peer(bridge.Right, entry).Fields["notes"], "meanwhile")
	w.right.Edit(r, psa.Fields{"summary": "goes on"})
	w.settle()
	w.want("summary", fieldOf(w, bridge.Left, l, "summary"), "goes on")
}

// A record that is out of sight while its creation on the other side is repeated
// is created once it is back, though it is as it was.
func TestHiddenWhileItsCreateIsRepeated(t *testing.T) {
	w, _, _ := deskPair(t, desk)
	rec, _ := w.left.Row(ref(psa.KindTicket, "1001"))
	rec.ID, rec.Version, rec.Updated, rec.Fields["summary"] = "", "", time.Time{}, "only once"
	made := w.left.Put(rec)[0]
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpCreate, Err: psa.ErrTimeout})
	w.once()
	hidden := w.hide(bridge.Left, psa.KindTicket)
	w.tick(time.Hour)
	w.once()
	w.left.Put(hidden...)
	w.tick(25 * time.Hour)
	w.settle()
	w.want("the copy", w.peer(bridge.Left, made).Fields["summary"], "only once")
	w.want("tasks", w.tasks(), "[]")
}
