package bridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// withMap goes on with another field map.
func (w *world) withMap(yaml string) {
	w.t.Helper()
	m, err := mapping.Parse("map.yaml", []byte(yaml), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.opts.Map = m
	w.open()
}

// A map that comes back before everything was compared under the next one finds
// what was linked without it meanwhile.
func TestMapChangedBackHalfWay(t *testing.T) {
	without := strings.Replace(basic, "      po_number: po_number\n", "", 1)
	w := newWorld(t, basic)
	w.settle()
	w.withMap(without)
	company, _ := w.left.Row(ref(psa.KindCompany, "1"))
	made := w.left.Put(psa.Record{Ref: psa.Ref{Kind: psa.KindTicket}, Active: true,
		Fields: psa.Fields{"summary": "made meanwhile", "po_number": "PO-7", "company": psa.Fields{"id": company.ID}}})[0]
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, Times: -1, Err: psa.ErrUnavailable})
	w.tick(time.Hour)
	if _, err := w.b.Once(t.Context()); err == nil {
		t.Fatal("the cycle was not cut")
	}
	w.want("po_number meanwhile", w.peer(bridge.Left, made).Fields["po_number"], nil)
	w.right.Heal()
	w.withMap(basic)
	w.settle()
	w.want("po_number", w.peer(bridge.Left, made).Fields["po_number"], "PO-7")
	if st, err := w.b.Status(t.Context()); err != nil || st.MapChanged {
		t.Errorf("status %+v, %v", st, err)
	}
}

// A kind that was paused while the map was changed is compared under the new map
// once it goes on.
func TestMapChangedWhileAKindIsPaused(t *testing.T) {
	without := strings.Replace(basic, "      po_number: po_number\n", "", 1)
	w := newWorld(t, without)
	w.settle()
	old := ref(psa.KindTicket, "1002")
	w.left.Edit(old, psa.Fields{"po_number": "PO-7"})
	w.settle()
	if err := w.b.Pause(t.Context(), "a person said so", psa.KindTicket); err != nil {
		t.Fatal(err)
	}
	w.withMap(basic)
	w.settle()
	w.want("po_number meanwhile", w.peer(bridge.Left, old).Fields["po_number"], nil)
	for _, list := range w.once().Lists {
		if list.Full {
			t.Errorf("all of %s is read again while another kind is paused", list.Kind)
		}
	}
	if err := w.b.Resume(t.Context(), psa.KindTicket); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.want("po_number", w.peer(bridge.Left, old).Fields["po_number"], "PO-7")
	w.settle()
	if st, err := w.b.Status(t.Context()); err != nil || st.MapChanged {
		t.Errorf("status %+v, %v", st, err)
	}
}
