package bridge_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// Nothing is deleted for a record that may just be hidden: where no other one is
// there any more, and where the system tells deletions and does not tell this
// one. A person is asked.
func TestHiddenRecordsAreNotDeleted(t *testing.T) {
	tests := []struct {
		name    string
		all     bool // are missing, not only one
		tells   bool // deletions
		deleted bool
	}{
		{"all are missing", true, false, false},
		{"one is missing", false, false, true},
		{"one is missing and was not deleted", false, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			right := psatest.Flat()
			right.Rows = slices.DeleteFunc(slices.Clone(right.Rows), func(r psa.Record) bool { return r.Kind.IsRecord() })
			if !tt.tells {
				right.Features = maps.Clone(right.Features)
				f := right.Features[psa.KindTicket]
				f.Can &^= psa.CanDeletions
				right.Features[psa.KindTicket] = f
			}
			w := worldOf(t, psatest.Boards(), right, basic, func(o *bridge.Options) {
				o.Deletes, o.HardDelete = bridge.PropagateDelete, [2]bool{true, true}
			})
			w.settle()
			l := ref(psa.KindTicket, "1001")
			r := w.peer(bridge.Left, l).Ref
			before := len(w.left.Refs(psa.KindTicket))
			hidden := w.hide(bridge.Right, psa.KindTicket)
			if !tt.all {
				for _, row := range hidden {
					if row.Ref != r {
						w.right.Put(row)
					}
				}
			}
			for range 2 {
				w.tick(25 * time.Hour)
				w.settle()
			}
			if tt.deleted {
				w.want("left tickets", len(w.left.Refs(psa.KindTicket)), before-1)
				w.want("the missing one", fieldOf(w, bridge.Left, l, "summary"), "no record")
				return
			}
			w.want("left tickets", len(w.left.Refs(psa.KindTicket)), before)
			w.want("asked", len(w.tasks()) > 0, true)
			w.right.Put(hidden...)
			w.tick(25 * time.Hour)
			w.settle()
			w.want("tasks", w.tasks(), "[]")
			w.left.Edit(l, psa.Fields{"po_number": "goes on"})
			w.settle()
			w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "goes on")
		})
	}
}

// A record that was restored while the deletion of its counterpart was under way
// keeps it.
func TestRestoredBeforeItsCounterpartIsDeleted(t *testing.T) {
	w, l, r := pair(t, basic, func(o *bridge.Options) {
		o.Deletes, o.HardDelete = bridge.PropagateDelete, [2]bool{true, true}
	})
	rec, _ := w.right.Row(r)
	w.right.Remove(r)
	w.tick(time.Hour)
	w.left.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpGet, Do: func() { w.right.Put(rec) }})
	w.settle()
	w.want("left", fieldOf(w, bridge.Left, l, "summary"), rec.Fields["summary"])
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"po_number": "goes on"})
	w.settle()
	w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "goes on")
	w.want("tasks", w.tasks(), "[]")
}

// A create whose answer was lost is not repeated while a row that cannot be read
// may be what it made.
func TestLostCreateAmongUnreadableRows(t *testing.T) {
	w, _, made, notes := lostNote(t)
	w.right.Fail(psatest.Fault{Kind: psa.KindNote, Op: psatest.OpList, Times: -1, Bad: []string{find(w, bridge.Right, psa.KindNote, "text", "only once")[0].ID}})
	for range 5 {
		w.tick(time.Hour)
		w.once()
	}
	w.want("notes while the row cannot be read", notes(), 1)
	w.right.Heal()
	w.tick(3 * time.Hour)
	w.settle()
	w.want("notes", notes(), 1)
	w.want("the copy", w.peer(bridge.Left, made).Fields["text"], "only once")
	w.want("notes on the left", len(find(w, bridge.Left, psa.KindNote, "text", "only once")), 1)
	w.want("tasks", w.tasks(), "[]")
}

// While the first comparison of a kind is not finished, nobody is told of
// anything: what it left to do may have been there before.
func TestNoMailBeforeTheFirstComparisonEnds(t *testing.T) {
	w := newWorld(t, basic, func(o *bridge.Options) {
		o.Policy.Notify = func(bridge.Change) psa.Notify { return psa.NotifyContact }
	})
	old := ref(psa.KindTicket, "1001")
	w.left.Touch(old)
	w.left.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, Bad: []string{old.ID}})
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, Times: -1, Err: psa.ErrUnavailable})
	w.tick(time.Minute)
	if _, err := w.b.Once(t.Context()); err == nil {
		t.Fatal("the first run was not cut")
	}
	w.right.Heal()
	w.tick(time.Minute)
	w.left.Touch(old)
	w.settle()
	w.tick(time.Hour)
	w.settle()
	w.peer(bridge.Left, old)
	for _, m := range append(w.left.Mails(), w.right.Mails()...) {
		if m.To != psa.NotifyNone {
			t.Errorf("mail about %s", m.Ref)
		}
	}
	fresh := w.left.Put(psatest.Row(psa.KindTicket, "", psa.Fields{"summary": "new", "company": psatest.RefTo("1", "")}))[0]
	w.settle()
	told := false
	for _, m := range w.right.Mails() {
		told = told || m.Ref == w.peer(bridge.Left, fresh).Ref && m.To != psa.NotifyNone
	}
	w.want("people are told of a new one", told, true)
}

// Nor is anybody told later of what the first comparison could not read, also
// where a system tells no time.
func TestNoMailOfWhatTheFirstComparisonMissed(t *testing.T) {
	w := newWorld(t, basic, func(o *bridge.Options) {
		o.Policy.Notify = func(bridge.Change) psa.Notify { return psa.NotifyContact }
	})
	w.left.Fail(psatest.Fault{Op: psatest.OpServerTime, Times: -1, Err: psa.ErrUnsupported})
	old := ref(psa.KindTicket, "1001")
	w.left.Touch(old)
	w.left.Touch(ref(psa.KindTicket, "1002"))
	w.left.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, Bad: []string{old.ID}})
	w.tick(10 * time.Second)
	for range 2 {
		if _, err := w.b.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.tick(time.Second)
	}
	w.peer(bridge.Left, old)
	for _, m := range w.right.Mails() {
		if m.To != psa.NotifyNone {
			t.Errorf("mail about %s", m.Ref)
		}
	}
}

// lostNote has a note whose copy under the ticket r was made, though the answer
// was lost, and the search for it cut. notes counts the copies.
func lostNote(t *testing.T) (w *world, r, made psa.Ref, notes func() int) {
	t.Helper()
	w, l, r := pair(t, basic)
	made = w.left.Put(psatest.Row(psa.KindNote, "", psa.Fields{"ticket": psatest.RefTo(l.ID, ""), "text": "only once", "visibility": "internal"}))[0]
	w.left.Touch(l)
	w.right.Fail(psatest.Fault{Kind: psa.KindNote, Op: psatest.OpCreate, Err: psa.ErrTimeout, Applied: true},
		psatest.Fault{Kind: psa.KindNote, Op: psatest.OpList, Times: 1, Err: psa.ErrUnavailable})
	w.tick(2 * time.Minute)
	_, _ = w.b.Once(t.Context()) // cut by the list
	notes = func() int { return len(find(w, bridge.Right, psa.KindNote, "text", "only once")) }
	w.want("notes", notes(), 1)
	w.right.Heal()
	return w, r, made, notes
}
