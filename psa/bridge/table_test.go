package bridge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// pair is a world with one linked ticket.
func pair(t testing.TB, yaml string, change ...func(*bridge.Options)) (w *world, l, r psa.Ref) {
	t.Helper()
	w = newWorld(t, yaml, change...)
	w.settle()
	l = ref(psa.KindTicket, "1001")
	r = w.peer(bridge.Left, l).Ref
	w.left.ResetCalls()
	w.right.ResetCalls()
	return w, l, r
}

func fieldOf(w *world, s bridge.Side, ref psa.Ref, name string) any {
	rec, ok := w.side(s).Row(ref)
	if !ok {
		return "no record"
	}
	v, _ := rec.Fields.Lookup(name)
	return v
}

func withRule(field, rule string) string {
	return strings.Replace(basic, "      "+field+": "+field+"\n", "      "+field+": {app: "+field+", "+rule+"}\n", 1)
}

// TestTruthTable is the table of the guide: who changed what, and what becomes
// of it.
func TestTruthTable(t *testing.T) {
	edit := func(s bridge.Side, v any) func(w *world, l, r psa.Ref) {
		return func(w *world, l, r psa.Ref) {
			if s == bridge.Left {
				w.left.Edit(l, psa.Fields{"po_number": v})
			} else {
				w.right.Edit(r, psa.Fields{"po_number": v})
			}
		}
	}
	left, right := bridge.Left, bridge.Right
	both := func(a, b any) func(w *world, l, r psa.Ref) {
		return func(w *world, l, r psa.Ref) {
			edit(left, a)(w, l, r)
			w.tick(10 * time.Minute)
			edit(right, b)(w, l, r)
		}
	}
	none := func(*world, psa.Ref, psa.Ref) {}
	tests := []struct {
		name        string
		rule        string
		do          func(w *world, l, r psa.Ref)
		left, right any
		task        string
	}{
		{"nobody changed", "", none, "start", "start", ""},
		{"left changed", "", edit(left, "L"), "L", "L", ""},
		{"right changed", "", edit(right, "R"), "R", "R", ""},
		{"left cleared", "", edit(left, nil), nil, nil, ""},
		{"right cleared", "", edit(right, nil), nil, nil, ""},
		{"both changed to the same", "", both("S", "S"), "S", "S", ""},
		{"both changed", "", both("L", "R"), "L", "R", "conflict"},
		{"both changed, manual", "conflict: manual", both("L", "R"), "L", "R", "conflict"},
		{"both changed, left wins", "conflict: left", both("L", "R"), "L", "L", ""},
		{"both changed, source of truth", "conflict: source_of_truth(right)", both("L", "R"), "R", "R", ""},
		{"both changed, newest", "conflict: newest", both("L", "R"), "R", "R", ""},
		{"left owns, left changed", "owner: left", edit(left, "L"), "L", "L", ""},
		{"left owns, right changed", "owner: left", edit(right, "R"), "start", "start", ""},
		{"left owns, both changed", "owner: left", both("L", "R"), "L", "L", ""},
		{"left owns, right changed, tolerate", "owner: {side: left, on_edit: tolerate}", edit(right, "R"), "start", "R", ""},
		{"left owns, right changed, ask", "owner: {side: left, on_edit: ask}", edit(right, "R"), "start", "R", "ask"},
		{"one way, left changed", "direction: to_app", edit(left, "L"), "L", "L", ""},
		{"one way, right changed", "direction: to_app", edit(right, "R"), "start", "R", ""},
		{"one way, both changed", "direction: to_app", both("L", "R"), "L", "L", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			yaml := basic
			if tt.rule != "" {
				yaml = withRule("po_number", tt.rule)
			}
			w := newWorld(t, yaml)
			l := ref(psa.KindTicket, "1001")
			w.left.Edit(l, psa.Fields{"po_number": "start"})
			w.settle()
			r := w.peer(left, l).Ref
			w.tick(time.Hour)
			tt.do(w, l, r)
			w.settle()
			w.want("left", fieldOf(w, left, l, "po_number"), tt.left)
			w.want("right", fieldOf(w, right, r, "po_number"), tt.right)
			w.want("tasks", w.types(), tt.task)
			w.once()
			w.left.ResetCalls()
			w.right.ResetCalls()
			w.once()
			for _, p := range []*psatest.Provider{w.left, w.right} {
				for _, c := range p.Calls() {
					if c.Op == psatest.OpUpdate || c.Op == psatest.OpCreate || c.Op == psatest.OpGet {
						t.Errorf("a quiet cycle calls %s %s", c.Op, c.Ref)
					}
				}
			}
		})
	}
}

func (w *world) calls(s bridge.Side, ops ...psatest.Op) int {
	n := 0
	for _, c := range w.side(s).Calls() {
		if slices.Contains(ops, c.Op) {
			n++
		}
	}
	return n
}

func TestRequestsOfACycle(t *testing.T) {
	w, l, r := pair(t, basic)
	w.once()
	w.left.ResetCalls()
	w.right.ResetCalls()
	w.once()
	kinds := len(w.b.Kinds())
	for s := range bridge.Side(2) {
		if n := w.calls(s, psatest.OpList); n > kinds {
			t.Errorf("an idle cycle lists %d times on the %s side", n, s)
		}
		if n := w.calls(s, psatest.OpGet, psatest.OpCreate, psatest.OpUpdate, psatest.OpFind); n > 0 {
			t.Errorf("an idle cycle makes %d requests for records on the %s side", n, s)
		}
	}
	w.tick(10 * time.Minute)
	w.left.Edit(l, psa.Fields{"summary": "one change"})
	w.left.ResetCalls()
	w.right.ResetCalls()
	w.once()
	w.want("reads and writes of the right side", fmt.Sprint(w.calls(bridge.Right, psatest.OpGet), w.calls(bridge.Right, psatest.OpUpdate)), "1 1")
	w.want("reads and writes of the left side", fmt.Sprint(w.calls(bridge.Left, psatest.OpGet), w.calls(bridge.Left, psatest.OpUpdate)), "0 0")
	w.tick(10 * time.Minute)
	w.right.Edit(r, psa.Fields{"po_number": "another"})
	w.left.ResetCalls()
	w.right.ResetCalls()
	w.once()
	w.want("reads and writes of the left side", fmt.Sprint(w.calls(bridge.Left, psatest.OpGet), w.calls(bridge.Left, psatest.OpUpdate)), "1 1")
	w.want("reads and writes of the right side", fmt.Sprint(w.calls(bridge.Right, psatest.OpGet), w.calls(bridge.Right, psatest.OpUpdate)), "0 0")
}

func TestLostAnswers(t *testing.T) {
	for _, op := range []psatest.Op{psatest.OpCreate, psatest.OpUpdate} {
		for _, kind := range []psa.Kind{psa.KindCompany, psa.KindContact, psa.KindTicket, psa.KindNote} {
			t.Run(string(op)+" "+string(kind), func(t *testing.T) {
				w := newWorld(t, basic)
				if op == psatest.OpUpdate {
					w.settle()
					for _, r := range w.left.Refs(kind) {
						w.left.Edit(r, psa.Fields{map[psa.Kind]string{psa.KindCompany: "name", psa.KindContact: "title", psa.KindTicket: "summary", psa.KindNote: "text"}[kind]: "changed " + r.ID})
					}
				}
				w.right.Fail(psatest.Fault{Kind: kind, Op: op, Nth: 2, Err: psa.ErrTimeout, Applied: true})
				w.tick(time.Minute)
				if _, err := w.b.Once(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.tick(10 * time.Minute)
				w.open()
				w.settle()
				w.want("tasks", w.tasks(), "[]")
				clean := newWorld(t, basic)
				clean.settle()
				w.want("records", len(w.right.Refs(kind)), len(clean.right.Refs(kind)))
			})
		}
	}
}

func TestConflictIsResolvedByAPerson(t *testing.T) {
	for _, a := range []struct {
		answer      cache.Answer
		left, right any
	}{
		{cache.Answer{Action: bridge.AnswerTake, Side: "left"}, "L", "L"},
		{cache.Answer{Action: bridge.AnswerTake, Side: "right"}, "R", "R"},
		{cache.Answer{Action: bridge.AnswerValues, Values: psa.Fields{"po_number": "both"}}, "both", "both"},
		{cache.Answer{Action: bridge.AnswerStrategy, Values: psa.Fields{"strategy": "source_of_truth(psa)"}}, "L", "L"},
	} {
		w, l, r := pair(t, basic)
		w.left.Edit(l, psa.Fields{"po_number": "L"})
		w.right.Edit(r, psa.Fields{"po_number": "R"})
		w.settle()
		for task, err := range w.state.Tasks(t.Context(), source, cache.TaskQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			task.Answer = &a.answer
			task.Due = w.left.Now()
			if err := w.state.Save(context.Background(), source, cache.StateBatch{Tasks: []cache.Task{task}}); err != nil {
				t.Fatal(err)
			}
			break
		}
		w.settle()
		w.want(a.answer.Action+" left", fieldOf(w, bridge.Left, l, "po_number"), a.left)
		w.want(a.answer.Action+" right", fieldOf(w, bridge.Right, r, "po_number"), a.right)
		w.want("tasks", w.tasks(), "[]")
	}
}

func TestRefusedByARule(t *testing.T) {
	w, l, r := pair(t, basic)
	w.right.AddRule(func(wr psatest.Write) error {
		if wr.Set.String("po_number") == "forbidden" {
			wr.Row.Fields["po_number"] = "replaced"
		}
		return nil
	})
	w.left.Edit(l, psa.Fields{"po_number": "forbidden"})
	w.settle()
	w.want("left", fieldOf(w, bridge.Left, l, "po_number"), "forbidden")
	w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "replaced")
	if tasks := w.tasks(); len(tasks) != 1 || !strings.HasPrefix(tasks[0], "refused/") {
		t.Errorf("tasks: %v", tasks)
	}
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"po_number": "allowed"})
	w.settle()
	w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "allowed")
	w.want("tasks", w.tasks(), "[]")
}

func TestRulesChangeOtherFields(t *testing.T) {
	w, l, r := pair(t, basic)
	w.right.AddRule(func(wr psatest.Write) error {
		if wr.Set.String("summary") != "" {
			wr.Row.Fields["po_number"] = "by a rule"
		}
		return nil
	})
	w.left.Edit(l, psa.Fields{"summary": "changed"})
	w.settle()
	w.want("left", fieldOf(w, bridge.Left, l, "po_number"), "by a rule")
	w.want("right", fieldOf(w, bridge.Right, r, "summary"), "changed")
	w.want("tasks", w.tasks(), "[]")
}

func TestPhases(t *testing.T) {
	phase := func(name string) func(*bridge.Options) {
		return func(o *bridge.Options) { o.Policy = bridge.Phases(bridge.Left)[name] }
	}
	tests := []struct {
		phase string
		side  bridge.Side
		field string
		want  [2]any
	}{
		{"1", bridge.Left, "contact_name", [2]any{"new", "new"}},
		{"1", bridge.Right, "contact_name", [2]any{"old", "old"}},
		{"1", bridge.Right, "po_number", [2]any{"old", "old"}},
		{"1", bridge.Right, "summary", [2]any{"new", "new"}},
		{"2", bridge.Left, "contact_name", [2]any{"old", "old"}},
		{"2", bridge.Right, "contact_name", [2]any{"new", "new"}},
		{"2", bridge.Left, "po_number", [2]any{"old", "old"}},
		{"2", bridge.Left, "summary", [2]any{"new", "new"}},
		{"3", bridge.Left, "summary", [2]any{"old", "old"}},
		{"3", bridge.Right, "summary", [2]any{"new", "new"}},
		{"3", bridge.Left, "po_number", [2]any{"new", "new"}},
		{"3-read-only", bridge.Left, "summary", [2]any{"new", "old"}},
		{"3-read-only", bridge.Right, "summary", [2]any{"old", "new"}},
	}
	for _, tt := range tests {
		t.Run(tt.phase+" "+tt.side.String()+" "+tt.field, func(t *testing.T) {
			w := newWorld(t, basic)
			l := ref(psa.KindTicket, "1001")
			w.left.Edit(l, psa.Fields{"contact_name": "old", "po_number": "old", "summary": "old"})
			w.settle()
			r := w.peer(bridge.Left, l).Ref
			phase(tt.phase)(&w.opts)
			w.open()
			w.tick(time.Hour)
			if tt.side == bridge.Left {
				w.left.Edit(l, psa.Fields{tt.field: "new"})
			} else {
				w.right.Edit(r, psa.Fields{tt.field: "new"})
			}
			w.settle()
			w.want("left", fieldOf(w, bridge.Left, l, tt.field), tt.want[0])
			w.want("right", fieldOf(w, bridge.Right, r, tt.field), tt.want[1])
		})
	}
}

func TestMergeWritesBothSides(t *testing.T) {
	w, l, r := pair(t, withRule("po_number", "conflict: merge_text"))
	w.left.Edit(l, psa.Fields{"po_number": "one\ntwo\nthree"})
	w.settle()
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"po_number": "ONE\ntwo\nthree"})
	w.right.Edit(r, psa.Fields{"po_number": "one\ntwo\nTHREE"})
	w.settle()
	w.want("left", fieldOf(w, bridge.Left, l, "po_number"), "ONE\ntwo\nTHREE")
	w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "ONE\ntwo\nTHREE")
	w.want("tasks", w.tasks(), "[]")
}
