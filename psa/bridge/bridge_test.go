package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

func TestFirstRunCreates(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	rec := w.peer(bridge.Left, ref(psa.KindTicket, "1001"))
	l, _ := w.left.Row(ref(psa.KindTicket, "1001"))
	w.want("summary", rec.Fields.String("summary"), l.Fields.String("summary"))
	w.want("number", rec.Fields.String("external_ref"), l.Fields.String("number"))
	for _, id := range w.tasks() {
		t.Log(id)
	}
	for _, k := range []psa.Kind{psa.KindCompany, psa.KindContact, psa.KindTicket, psa.KindNote} {
		t.Log(k, len(w.left.Refs(k)), len(w.right.Refs(k)))
	}
}

func TestEditsFlow(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	l := ref(psa.KindTicket, "1001")
	r := w.peer(bridge.Left, l).Ref
	w.tick(time.Minute)
	w.left.Edit(l, psa.Fields{"summary": "from the left"})
	w.right.Edit(r, psa.Fields{"po_number": "from the right"})
	w.settle()
	w.want("summary", w.peer(bridge.Left, l).Fields.String("summary"), "from the left")
	w.want("po_number", w.peer(bridge.Right, r).Fields.String("po_number"), "from the right")
	w.want("tasks", len(w.tasks()), 0)
}
