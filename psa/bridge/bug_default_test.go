package bridge_test

import (
	"testing"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// What one side leaves empty is not sent on create, so that what the other
// system fills by itself is its own value, and no refusal of ours.
func TestDefaultsOfANewRecord(t *testing.T) {
	for _, s := range []bridge.Side{bridge.Left, bridge.Right} {
		w := newWorld(t, basic)
		w.settle()
		w.side(s.Other()).AddRule(func(wr psatest.Write) error {
			if wr.Op == psatest.OpCreate && wr.Row.Kind == psa.KindTicket && wr.Row.Fields["po_number"] == nil {
				wr.Row.Fields["po_number"] = "by default"
			}
			return nil
		})
		company := ref(psa.KindCompany, "1")
		if s == bridge.Right {
			company = w.peer(bridge.Left, company).Ref
		}
		made := w.side(s).Put(psa.Record{Ref: psa.Ref{Kind: psa.KindTicket}, Active: true, Fields: psa.Fields{"summary": "without", "po_number": nil, "company": psa.Fields{"id": company.ID}}})[0]
		w.settle()
		w.want("the source", fieldOf(w, s, made, "po_number"), "by default")
		w.want("the new one", fieldOf(w, s.Other(), w.peer(s, made).Ref, "po_number"), "by default")
		w.want("tasks", w.tasks(), "[]")
	}
}

// A plan holds no second write for a field that a create leaves empty.
func TestPlanOfNewRecordsWithEmptyFields(t *testing.T) {
	w := newWorld(t, basic)
	for _, r := range w.left.Refs(psa.KindContact) {
		w.left.Edit(r, psa.Fields{"title": nil})
	}
	p, err := w.b.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range p.Items {
		if item.Op == "update" {
			t.Errorf("the plan holds an update of %s %s: %v", item.Kind, item.Target, item.Fields)
		}
	}
}
