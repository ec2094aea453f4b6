package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// lostCreate makes a ticket on the left whose creation on the right is not known
// to have happened until the faults are healed.
func lostCreate(t *testing.T, fields psa.Fields, change ...func(*bridge.Options)) (w *world, l, r psa.Ref) {
	t.Helper()
	w, old, _ := deskPair(t, desk, change...)
	rec, _ := w.left.Row(old)
	rec.ID, rec.Version, rec.Updated = "", "", time.Time{}
	for name, v := range fields {
		rec.Fields[name] = v
	}
	l = w.left.Put(rec)[0]
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpCreate, Err: psa.ErrTimeout, Applied: true},
		psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpFind, Short: true, Times: -1},
		psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, Short: true, Times: -1})
	w.once()
	w.want("state", linkOf(w, bridge.Left, l).State, cache.LinkHalf)
	refs := w.right.Refs(psa.KindTicket)
	return w, l, refs[len(refs)-1]
}

// What people put below a ticket whose creation was not known to have happened
// is carried once it is.
func TestChildOfALostCreate(t *testing.T) {
	w, l, r := lostCreate(t, psa.Fields{"summary": "lost"})
	entry := w.right.Put(psatest.Row(psa.KindTimeEntry, "", psa.Fields{"ticket": psatest.RefTo(r.ID, ""), "member": psatest.RefTo("1", ""),
		"hours": 1, "start_at": "2026-03-02T08:00:00Z", "notes": "meanwhile"}))[0]
	w.tick(10 * time.Second)
	if _, err := w.b.Once(t.Context()); err != nil { // reads the entry and passes it over
		t.Fatal(err)
	}
	w.want("state", linkOf(w, bridge.Left, l).State, cache.LinkHalf)
	w.right.Heal()
	w.tick(time.Hour)
	w.settle()
	w.want("the ticket", linkOf(w, bridge.Left, l).IDs[bridge.Right], r.ID)
	w.want("notes", w.peer(bridge.Right, entry).Fields["notes"], "meanwhile")
	w.want("tasks", w.tasks(), "[]")
}

// A closed ticket is created as an open one. Who has moved that before its
// creation is known to have happened, has edited it.
func TestEditOfALostCreate(t *testing.T) {
	w, l, r := lostCreate(t, psa.Fields{"summary": "lost", "status": psatest.RefTo("4", "Closed"), "closed": true},
		func(o *bridge.Options) { o.Policy.Strategy = nil })
	w.want("created as", refOf(w, bridge.Right, r, "status"), "New")
	w.right.Edit(r, psa.Fields{"status": psatest.RefTo("8", "In Progress")})
	w.right.Heal()
	w.tick(time.Hour)
	w.settle()
	w.want("right", refOf(w, bridge.Right, r, "status"), "In Progress")
	w.want("left", refOf(w, bridge.Left, l, "status"), "Closed")
	w.want("tasks", w.types(), "conflict")
}

// A second copy that turns up after the first one was deleted is left to a
// person.
func TestSecondCopyOfADeletedRecord(t *testing.T) {
	w, l, r := lostCreate(t, psa.Fields{"summary": "lost"}, func(o *bridge.Options) { o.Deletes = bridge.KeepDeleted })
	w.right.Heal()
	w.tick(time.Hour)
	w.settle()
	w.want("the counterpart", linkOf(w, bridge.Left, l).IDs[bridge.Right], r.ID)
	twin, _ := w.right.Row(r)
	twin.ID, twin.Version, twin.Updated = "", "", time.Time{}
	w.right.Remove(r)
	for range 2 {
		w.tick(25 * time.Hour)
		w.settle()
	}
	w.want("state", linkOf(w, bridge.Left, l).State, cache.LinkGone)
	w.right.Put(twin)
	w.settle()
	w.want("tasks", w.types(), bridge.TaskMatch)
	tickets := len(w.left.Refs(psa.KindTicket))
	answerAll(w, bridge.TaskMatch, cache.Answer{Action: bridge.AnswerCreate, Actor: "kim"})
	w.settle()
	w.want("tickets on the left", len(w.left.Refs(psa.KindTicket)), tickets+1)
	w.want("tasks", w.types(), "")
}
