package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// A ticket is found long after the answer to its create was lost, and somebody
// has worked on it since: the list that told of the time entry had passed it
// over.
func TestChildrenOfATicketFoundLate(t *testing.T) {
	w, l, _ := deskPair(t, desk)
	w.settle()
	home, _ := w.left.Row(l)
	home.ID, home.Version, home.Updated, home.Fields["summary"] = "", "", time.Time{}, "the printer hums"
	made := w.left.Put(home)[0]
	const id = "5"
	w.right.Fail(psatest.Fault{Op: psatest.OpCreate, Kind: psa.KindTicket, Applied: true, Err: psa.ErrTimeout},
		psatest.Fault{Op: psatest.OpFind, Kind: psa.KindTicket, Nth: 2, Times: -1, Err: psa.ErrData},
		psatest.Fault{Op: psatest.OpList, Kind: psa.KindTicket, Times: -1, Bad: []string{id}},
		psatest.Fault{Op: psatest.OpGet, Kind: psa.KindTicket, Times: -1, Err: psa.ErrData})
	w.once()
	w.want("created", find(w, bridge.Right, psa.KindTicket, "summary", "the printer hums")[0].ID, id)
	entry := w.right.Put(psatest.Row(psa.KindTimeEntry, "", psa.Fields{"ticket": psatest.RefTo(id, ""), "member": psatest.RefTo("1", ""), "hours": 1,
		"start_at": "2026-03-02T08:00:00Z", "notes": "Listened to it.", "billable": "yes"}))[0]
	w.once()
	w.tick(2 * time.Hour)
	w.once()
	w.right.Heal()
	w.tick(2 * time.Hour)
	w.settle()
	w.want("linked", w.peer(bridge.Left, made).ID, id)
	w.want("time", w.peer(bridge.Right, entry).Fields.String("notes"), "Listened to it.")
}
