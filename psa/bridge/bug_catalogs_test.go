package bridge_test

import (
	"context"
	"testing"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A bridge that is given its catalogs run by run can be asked before the first
// run how it stands, and tasks can be answered.
func TestQuestionsBeforeTheFirstRun(t *testing.T) {
	w, l, r := pair(t, withRule("po_number", "conflict: manual"))
	w.left.Edit(l, psa.Fields{"po_number": "L"})
	w.right.Edit(r, psa.Fields{"po_number": "R"})
	w.settle()
	cfg := &mapping.Config{Left: w.opts.LeftCatalog, Right: w.opts.RightCatalog}
	w.opts.LeftCatalog, w.opts.RightCatalog = nil, nil
	w.opts.Catalogs = func(context.Context) (*mapping.Config, error) { return cfg, nil }
	w.open()
	st, err := w.b.Status(t.Context())
	if err != nil || st.MapChanged || st.Tasks[bridge.TaskConflict] != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	for task, err := range w.b.Tasks(t.Context(), bridge.TaskFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(task.Fields) != 1 || task.Fields[0] != (bridge.TaskField{Field: "po_number", Left: "L", Right: "R"}) {
			t.Errorf("%+v", task.Fields)
		}
		if err := w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerValues, Values: psa.Fields{"po_number": "M"}, Actor: "ana"}); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	w.want("left", fieldOf(w, bridge.Left, l, "po_number"), "M")
	w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "M")
}
