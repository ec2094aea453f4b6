package bridge_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// clash is a world with one conflict, about the summary of a ticket.
func clash(t *testing.T) (w *world, left, right psa.Ref, task bridge.TaskView) {
	t.Helper()
	w = newWorld(t, basic)
	w.settle()
	left = ref(psa.KindTicket, "1001")
	right = w.peer(bridge.Left, left).Ref
	w.tick(2 * time.Minute)
	w.left.Edit(left, psa.Fields{"summary": "from the left"})
	w.right.Edit(right, psa.Fields{"summary": "from the right"})
	w.once()
	return w, left, right, w.onlyTask(bridge.TaskConflict)
}

func (w *world) summaries(left, right psa.Ref) [2]string {
	l, _ := w.left.Row(left)
	r, _ := w.right.Row(right)
	return [2]string{l.Fields.String("summary"), r.Fields.String("summary")}
}

func TestShowConflict(t *testing.T) {
	w, left, right, task := clash(t)
	v, err := w.b.Show(t.Context(), task.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.want("ids", v.IDs, [2]string{left.ID, right.ID})
	w.want("fields", v.Fields, []bridge.TaskField{{Field: "summary", Base: "Printer offline", Left: "from the left", Right: "from the right"}})
	w.want("rule", v.Rule, "map.yaml:15:7")
	w.want("since", v.Since, w.left.Now())
	w.want("answers", v.Answers, []string{"take", "values", "strategy", "retry"})
}

func TestResolveConflict(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer bridge.Answer
		want   string
	}{
		{"left", bridge.Answer{Action: bridge.AnswerTake, Side: "left"}, "from the left"},
		{"right", bridge.Answer{Action: bridge.AnswerTake, Side: "right"}, "from the right"},
		{"psa", bridge.Answer{Action: bridge.AnswerTake, Side: "psa"}, "from the left"},
		{"name of a side", bridge.Answer{Action: bridge.AnswerTake, Side: "flat"}, "from the right"},
		{"values", bridge.Answer{Action: bridge.AnswerValues, Values: psa.Fields{"summary": "something else"}}, "something else"},
		{"strategy", bridge.Answer{Action: bridge.AnswerStrategy, Strategy: "right"}, "from the right"},
	} {
		for _, now := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				w, left, right, task := clash(t)
				c.answer.Actor = "kim"
				if now {
					if _, err := w.b.ResolveNow(t.Context(), task.ID, c.answer); err != nil {
						t.Fatal(err)
					}
				} else {
					w.must(w.b.Resolve(t.Context(), task.ID, c.answer))
					if v, err := w.b.Show(t.Context(), task.ID); err != nil || v.Answer == nil || v.Answer.Actor != "kim" {
						t.Fatalf("%+v, %v", v, err)
					}
					w.once()
				}
				w.want("summaries", w.summaries(left, right), [2]string{c.want, c.want})
				if _, err := w.b.Show(t.Context(), task.ID); !errors.Is(err, psa.ErrNotFound) {
					t.Errorf("the task is still there (%v)", err)
				}
				w.settle()
				w.want("summaries", w.summaries(left, right), [2]string{c.want, c.want})
				actors := map[string]bool{}
				for a, err := range w.state.Audits(t.Context(), source, cache.AuditQuery{}) {
					w.must(err)
					actors[a.Op+" by "+a.Actor] = true
				}
				w.want("audit", actors["answer by kim"], true)
			})
		}
	}
}

// An answer to what is not there any more is not used, and the task says so.
func TestOutdatedAnswer(t *testing.T) {
	w, left, right, task := clash(t)
	w.must(w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerTake, Side: "left", Actor: "kim"}))
	w.right.Edit(right, psa.Fields{"summary": "newer"})
	w.once()
	w.want("summaries", w.summaries(left, right), [2]string{"from the left", "newer"})
	v, err := w.b.Show(t.Context(), task.ID)
	if err != nil {
		t.Fatal(err)
	}
	if v.Answer != nil || !strings.Contains(v.Reason, bridge.ErrOutdated.Error()) || v.Fields[0].Right != "newer" {
		t.Fatalf("%+v", v)
	}
	// Who answers to what was shown before is told at once.
	err = w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerTake, Side: "left", Actor: "kim", Rev: task.Rev})
	if !errors.Is(err, bridge.ErrOutdated) {
		t.Fatalf("error %v", err)
	}
	w.must(w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerTake, Side: "left", Actor: "kim", Rev: v.Rev}))
	w.once()
	w.want("summaries", w.summaries(left, right), [2]string{"from the left", "from the left"})
}

// Somebody made both sides the same meanwhile: there is nothing to decide.
func TestAnswerToWhatWasSettled(t *testing.T) {
	for _, now := range []bool{false, true} {
		w, left, right, task := clash(t)
		w.right.Edit(right, psa.Fields{"summary": "agreed"})
		w.left.Edit(left, psa.Fields{"summary": "agreed"})
		answer := bridge.Answer{Action: bridge.AnswerTake, Side: "left", Actor: "kim"}
		if now { // the task is done before the edits are listed
			if _, err := w.b.ResolveNow(t.Context(), task.ID, answer); err != nil {
				t.Fatal(err)
			}
		} else {
			w.must(w.b.Resolve(t.Context(), task.ID, answer))
		}
		w.once()
		w.once()
		w.want("tasks", len(w.tasks()), 0)
	}
}

// An answer that decides nothing is not asked again and again.
func TestAnswerThatDecidesNothing(t *testing.T) {
	for _, a := range []bridge.Answer{{Action: bridge.AnswerRetry}, {Action: bridge.AnswerStrategy, Strategy: "manual"}} {
		w, left, right, task := clash(t)
		a.Actor = "kim"
		w.must(w.b.Resolve(t.Context(), task.ID, a))
		w.once()
		v, err := w.b.Show(t.Context(), task.ID)
		if err != nil {
			t.Fatal(err)
		}
		if v.Answer != nil || !v.Due.IsZero() {
			t.Errorf("%s: the answer is still there: %+v", a.Action, v)
		}
		w.want("summaries", w.summaries(left, right), [2]string{"from the left", "from the right"})
	}
}

func TestResolveRefuses(t *testing.T) {
	w, _, _, task := clash(t)
	for _, c := range []struct {
		name, id string
		answer   bridge.Answer
		class    error
		text     string
	}{
		{"unknown task", "conflict/l/ticket/7/summary", bridge.Answer{Action: bridge.AnswerTake, Side: "left", Actor: "kim"}, psa.ErrNotFound, "conflict/l/ticket/7/summary"},
		{"nobody", task.ID, bridge.Answer{Action: bridge.AnswerTake, Side: "left"}, psa.ErrInvalid, "Actor"},
		{"no action", task.ID, bridge.Answer{Actor: "kim"}, psa.ErrInvalid, "it takes take, values, strategy, retry"},
		{"does not fit", task.ID, bridge.Answer{Action: bridge.AnswerDelete, Actor: "kim"}, psa.ErrInvalid, "it takes take, values, strategy, retry"},
		{"side", task.ID, bridge.Answer{Action: bridge.AnswerTake, Side: "up", Actor: "kim"}, psa.ErrInvalid, "it is one of app, boards, flat, left, psa, right"},
		{"unknown field", task.ID, bridge.Answer{Action: bridge.AnswerValues, Values: psa.Fields{"summaries": "x"}, Actor: "kim"}, psa.ErrInvalid, `"summaries"`},
		{"missing field", task.ID, bridge.Answer{Action: bridge.AnswerValues, Actor: "kim"}, psa.ErrInvalid, `"summary" has no value`},
		{"no value", task.ID, bridge.Answer{Action: bridge.AnswerValues, Values: psa.Fields{"summary": struct{}{}}, Actor: "kim"}, psa.ErrInvalid, ""},
		{"strategy", task.ID, bridge.Answer{Action: bridge.AnswerStrategy, Strategy: "newest(", Actor: "kim"}, psa.ErrInvalid, "newest("},
		{"no strategy", task.ID, bridge.Answer{Action: bridge.AnswerStrategy, Actor: "kim"}, psa.ErrInvalid, "strategy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.dump()
			err := w.b.Resolve(t.Context(), c.id, c.answer)
			if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v", err)
			}
			if w.dump() != before {
				t.Error("something was stored")
			}
		})
	}
}

func TestResolveAll(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	w.tick(2 * time.Minute)
	for _, id := range []string{"1001", "1002", "1003"} {
		l := ref(psa.KindTicket, id)
		r := w.peer(bridge.Left, l).Ref
		w.left.Edit(l, psa.Fields{"summary": "left", "po_number": "left"})
		w.right.Edit(r, psa.Fields{"summary": "right", "po_number": "right"})
	}
	w.once()
	count := func(f bridge.TaskFilter) (n int) {
		for _, err := range w.b.Tasks(t.Context(), f) {
			w.must(err)
			n++
		}
		return n
	}
	w.want("all", count(bridge.TaskFilter{}), 6)
	w.want("of a group", count(bridge.TaskFilter{Group: "summary"}), 3)
	w.want("of a company", count(bridge.TaskFilter{Companies: []string{"2"}}), 2)
	w.want("of a kind", count(bridge.TaskFilter{Kinds: []psa.Kind{psa.KindNote}}), 0)
	take := bridge.Answer{Action: bridge.AnswerTake, Side: "right", Actor: "kim"}
	if _, err := w.b.ResolveAll(t.Context(), bridge.TaskFilter{}, bridge.Answer{Action: bridge.AnswerKeep, Actor: "kim"}); !errors.Is(err, psa.ErrInvalid) {
		t.Fatalf("error %v", err)
	}
	for _, err := range w.b.Tasks(t.Context(), bridge.TaskFilter{Companies: []string{"77"}}) {
		if !errors.Is(err, psa.ErrNotFound) {
			t.Fatalf("error %v", err)
		}
	}
	n, err := w.b.ResolveAll(t.Context(), bridge.TaskFilter{Group: "summary"}, take)
	w.must(err)
	w.want("resolved", n, 3)
	w.want("open", count(bridge.TaskFilter{Open: true}), 3)
	w.once()
	w.want("left over", count(bridge.TaskFilter{}), 3)
	row, _ := w.left.Row(ref(psa.KindTicket, "1003"))
	w.want("summary", row.Fields.String("summary"), "right")
	w.want("po_number", row.Fields.String("po_number"), "left")
}

func TestQuarantine(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	a := ref(psa.KindCompany, "1")
	w.right.Fail(psatest.Fault{Kind: psa.KindCompany, Op: psatest.OpUpdate, Times: -1, Err: psa.ErrUnavailable})
	w.left.Edit(a, psa.Fields{"phone": "1"})
	w.once()
	task := w.onlyTask(bridge.TaskRetry)
	w.want("class", task.Class, psa.ErrUnavailable.Error())
	w.want("ids", task.IDs[bridge.Left], "1")
	listed := 0
	for v, err := range w.b.Quarantine(t.Context()) {
		w.must(err)
		w.want("id", v.ID, task.ID)
		listed++
	}
	w.want("listed", listed, 1)

	w.right.Heal()
	rep, err := w.b.ResolveNow(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerRetry, Actor: "kim"})
	w.must(err)
	w.want("updated", rep.Updated, [2]int{0, 1})
	w.want("lists", len(rep.Lists), 0)
	w.want("tasks", len(w.tasks()), 0)

	w.right.Fail(psatest.Fault{Kind: psa.KindCompany, Op: psatest.OpUpdate, Times: -1, Err: psa.ErrUnavailable})
	w.left.Edit(a, psa.Fields{"phone": "2"})
	w.once()
	if _, err := w.b.ResolveAll(t.Context(), bridge.TaskFilter{Types: []string{bridge.TaskRetry}}, bridge.Answer{Action: bridge.AnswerDrop, Actor: "kim"}); err != nil {
		t.Fatal(err)
	}
	w.want("tasks", len(w.tasks()), 0)
}

func TestResolveMatch(t *testing.T) {
	for _, c := range []struct {
		answer bridge.Answer
		err    error
	}{
		{bridge.Answer{Action: bridge.AnswerLink, ID: "1"}, nil},
		{bridge.Answer{Action: bridge.AnswerLink, ID: "77"}, psa.ErrInvalid},
		{bridge.Answer{Action: bridge.AnswerCreate}, nil},
		{bridge.Answer{Action: bridge.AnswerTake, Side: "left"}, psa.ErrInvalid},
	} {
		t.Run(c.answer.Action+c.answer.ID, func(t *testing.T) {
			right := psatest.Flat()
			right.Rows = slices.DeleteFunc(slices.Clone(right.Rows), func(r psa.Record) bool { return r.Kind.IsRecord() })
			for _, id := range []string{"1", "2"} {
				right.Rows = append(right.Rows, psatest.Row(psa.KindCompany, id, psa.Fields{"name": "Northwind " + id, "identifier": "C101"}))
			}
			w := worldOf(t, psatest.Boards(), right, basic)
			w.once()
			var task bridge.TaskView
			for v, err := range w.b.Tasks(t.Context(), bridge.TaskFilter{Types: []string{bridge.TaskMatch}}) {
				w.must(err)
				if v.Side == bridge.Left {
					task = v
				}
			}
			if task.ID == "" {
				t.Fatalf("no match: %v", w.tasks())
			}
			c.answer.Actor = "kim"
			if err := w.b.Resolve(t.Context(), task.ID, c.answer); !errors.Is(err, c.err) {
				t.Fatalf("error %v", err)
			}
			if c.err != nil {
				return
			}
			w.once()
			name := w.peer(bridge.Left, ref(psa.KindCompany, "1")).ID
			if c.answer.Action == bridge.AnswerLink {
				w.want("linked with", name, "1")
			} else if name == "1" || name == "2" {
				t.Errorf("linked with %s", name)
			}
		})
	}
}

func TestResolveDeleted(t *testing.T) {
	for _, action := range []string{bridge.AnswerDelete, bridge.AnswerKeep, bridge.AnswerRestore} {
		t.Run(action, func(t *testing.T) {
			w := newWorld(t, basic, func(o *bridge.Options) { o.ConfirmAfter, o.HardDelete = time.Minute, [2]bool{true, true} })
			w.settle()
			l := ref(psa.KindTicket, "1003")
			r := w.peer(bridge.Left, l).Ref
			w.right.Remove(r)
			w.once()
			w.once()
			task := w.onlyTask(bridge.TaskDeleted)
			w.must(w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: action, Actor: "kim"}))
			w.once()
			w.once()
			_, there := w.left.Row(l)
			w.want("left", there, action != bridge.AnswerDelete)
			if action == bridge.AnswerRestore {
				w.want("right again", w.peer(bridge.Left, l).Fields.String("summary"), "VPN drops every hour")
			} else if _, back := w.right.Row(r); back {
				t.Error("it came back")
			}
			for v, err := range w.b.Tasks(t.Context(), bridge.TaskFilter{Types: []string{bridge.TaskDeleted}}) {
				t.Errorf("still there: %v %v", v, err)
			}
		})
	}
}

// The answer to a write that follows from a person's decision is lost, and the
// source is edited again: the bridge's own write is no edit.
func TestLostAnswerOfADecision(t *testing.T) {
	w, left, right, task := clash(t)
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpUpdate, Applied: true, Err: psa.ErrTimeout})
	w.must(w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerTake, Side: "left", Actor: "kim"}))
	w.once()
	w.left.Edit(left, psa.Fields{"summary": "once more"})
	w.settle()
	w.want("summaries", w.summaries(left, right), [2]string{"once more", "once more"})
}
