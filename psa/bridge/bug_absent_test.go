package bridge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// Two records that were never compared: a field that one side does not tell
// and the other holds as empty is no difference.
func TestAbsentAgainstNull(t *testing.T) {
	for _, tt := range []struct {
		name        string
		left, right psa.Fields // of the phone
		want        [2]any     // of the phones
		writes      int
	}{
		{"absent and null", psa.Fields{}, psa.Fields{"phone": nil}, [2]any{"absent", nil}, 0},
		{"null and absent", psa.Fields{"phone": nil}, psa.Fields{}, [2]any{nil, "absent"}, 0},
		{"null and null", psa.Fields{"phone": nil}, psa.Fields{"phone": nil}, [2]any{nil, nil}, 0},
		{"absent and a value", psa.Fields{}, psa.Fields{"phone": "+1 555 0100"}, [2]any{"+1 555 0100", "+1 555 0100"}, 1},
		{"null and a value", psa.Fields{"phone": nil}, psa.Fields{"phone": "+1 555 0100"}, [2]any{"+1 555 0100", "+1 555 0100"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			left, right := psatest.Boards(), psatest.Flat()
			right.Rows = slices.DeleteFunc(slices.Clone(right.Rows), func(r psa.Record) bool { return r.Kind.IsRecord() })
			common := psa.Fields{"name": "Contoso", "identifier": "C7"}
			row := func(id string, more psa.Fields) psa.Record {
				f := common.Clone()
				for name, v := range more {
					f[name] = v
				}
				return psatest.Row(psa.KindCompany, id, f)
			}
			left.Rows = append(slices.DeleteFunc(slices.Clone(left.Rows), func(r psa.Record) bool { return r.Kind.IsRecord() }), row("71", tt.left))
			right.Rows = append(right.Rows, row("81", tt.right))
			w := worldOf(t, left, right, basic[:strings.Index(basic, "  contact:")])
			phone := func(s bridge.Side, id string) any {
				rec, _ := w.side(s).Row(ref(psa.KindCompany, id))
				v, ok := rec.Fields["phone"]
				if !ok {
					return "absent"
				}
				return v
			}
			rep := w.once()
			w.want("linked", w.peer(bridge.Left, ref(psa.KindCompany, "71")).ID, "81")
			w.want("writes", rep.Writes(), tt.writes)
			w.settle()
			w.want("phones", [2]any{phone(bridge.Left, "71"), phone(bridge.Right, "81")}, tt.want)
			w.want("tasks", w.tasks(), "[]")

			// From then on an edit is one, also one that empties the field again.
			w.right.Edit(ref(psa.KindCompany, "81"), psa.Fields{"phone": "+1 555 0200"})
			w.settle()
			w.want("edited", phone(bridge.Left, "71"), "+1 555 0200")
			w.right.Edit(ref(psa.KindCompany, "81"), psa.Fields{"phone": nil})
			w.settle()
			w.want("emptied", phone(bridge.Left, "71"), nil)
		})
	}
}

// Who reads why somebody else than the owner won, or why nobody did, reads
// which rules had no opinion.
func TestReasonsOfNoOpinion(t *testing.T) {
	w, l, r := pair(t, strings.Replace(basic, "po_number: po_number", `po_number: {app: po_number, conflict: "first(source_of_truth(psa, summary), newest)"}`, 1))
	w.left.Edit(l, psa.Fields{"po_number": "PO-1"})
	w.right.Edit(r, psa.Fields{"po_number": "PO-2"})
	w.once()
	task := w.onlyTask(bridge.TaskConflict)
	for _, want := range []string{"source_of_truth: po_number is none of the fields that the left side decides; ", "newest: the "} {
		if !strings.Contains(task.Reason, want) {
			t.Errorf("reason %q, want %q in it", task.Reason, want)
		}
	}
}

func TestReasonOfAnOwnerWhoDoesNotTell(t *testing.T) {
	left, right := psatest.Boards(), psatest.Flat()
	records := func(r psa.Record) bool { return r.Kind.IsRecord() }
	left.Rows, right.Rows = slices.DeleteFunc(slices.Clone(left.Rows), records), slices.DeleteFunc(slices.Clone(right.Rows), records)
	left.Rows = append(left.Rows, psatest.Row(psa.KindCompany, "71", psa.Fields{"name": "Contoso", "identifier": "C7"}))
	right.Rows = append(right.Rows, psatest.Row(psa.KindCompany, "81", psa.Fields{"name": "Contoso", "identifier": "C7", "phone": "+1 555 0100"}))
	w := worldOf(t, left, right, strings.Replace(basic[:strings.Index(basic, "  contact:")], "phone: phone", "phone: {app: phone, owner: {side: psa, on_edit: ask}}", 1))
	w.once()
	task := w.onlyTask(bridge.TaskAsk)
	w.want("reason", task.Reason, "the left side owns the field, and the other side changed it; the owner's side does not tell it")
}
