package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// matches are the open match tasks, as "side record: candidates".
func (w *world) matches() string {
	w.t.Helper()
	var out []string
	for v, err := range w.b.Tasks(w.t.Context(), bridge.TaskFilter{Types: []string{bridge.TaskMatch}}) {
		w.must(err)
		out = append(out, v.Side.String()+" "+v.IDs[v.Side]+": "+strings.Join(v.Candidates, " "))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// twins is a world whose left company 1 may be any of some companies of the
// right side.
func twins(t *testing.T, ids ...string) *world {
	t.Helper()
	right := psatest.Flat()
	right.Rows = slices.DeleteFunc(slices.Clone(right.Rows), func(r psa.Record) bool { return r.Kind.IsRecord() })
	for _, id := range ids {
		right.Rows = append(right.Rows, psatest.Row(psa.KindCompany, id, psa.Fields{"name": "Northwind Traders Ltd", "identifier": "C101"}))
	}
	return worldOf(t, psatest.Boards(), right, basic)
}

// A possible match of two records is one question, and its answer is one for
// both.
func TestOneTaskPerPair(t *testing.T) {
	left := ref(psa.KindCompany, "1")
	of := func(w *world, id string) string {
		l, ok, err := w.state.LinkOf(t.Context(), source, bridge.Right, ref(psa.KindCompany, id))
		w.must(err)
		if !ok {
			return ""
		}
		return l.IDs[bridge.Left]
	}
	for _, tt := range []struct {
		name   string
		ids    []string
		answer bridge.Answer
		check  func(w *world)
	}{
		{"linked", []string{"501", "502"}, bridge.Answer{Action: bridge.AnswerLink, ID: "501"}, func(w *world) {
			w.want("501", of(w, "501"), "1")
			if got := of(w, "502"); got == "" || got == "1" {
				t.Errorf("502 is linked with %q, want a record of its own", got)
			}
		}},
		{"created", []string{"501", "502"}, bridge.Answer{Action: bridge.AnswerCreate}, func(w *world) {
			made := w.peer(bridge.Left, left).ID
			for _, id := range []string{"501", "502"} {
				if got := of(w, id); made == id || got == "" || got == "1" {
					t.Errorf("%s is linked with %q, want a record of its own", id, got)
				}
			}
		}},
		{"forgotten", []string{"501", "502"}, bridge.Answer{Action: bridge.AnswerDrop}, func(w *world) {
			w.want("501", of(w, "501"), "")
			w.want("502", of(w, "502"), "")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := twins(t, tt.ids...)
			w.once()
			w.want("asked", w.matches(), "left 1: "+strings.Join(tt.ids, " "))
			st, err := w.b.Status(t.Context())
			w.must(err)
			w.want("status", st.Tasks[bridge.TaskMatch], 1)
			rep, err := w.b.Readiness(t.Context())
			w.must(err)
			n := 0
			for _, c := range rep.Companies {
				n += c.Tasks[bridge.TaskMatch]
			}
			w.want("readiness", n, 1)

			// Neither an edit nor a complete list makes a record of what waits.
			companies := len(w.left.Refs(psa.KindCompany))
			w.right.Edit(ref(psa.KindCompany, "502"), psa.Fields{"phone": "+1 555 0199"})
			w.once()
			w.tick(25 * time.Hour)
			w.once()
			w.want("asked after an edit and a sweep", w.matches(), "left 1: "+strings.Join(tt.ids, " "))
			w.want("left companies", len(w.left.Refs(psa.KindCompany)), companies)

			task := w.onlyTask(bridge.TaskMatch)
			tt.answer.Actor = "kim"
			w.must(w.b.Resolve(t.Context(), task.ID, tt.answer))
			w.settle()
			w.want("asked after the answer", w.matches(), "")
			if got := w.types(); strings.Contains(got, "paired") {
				t.Errorf("tasks after the answer: %s", got)
			}
			tt.check(w)
		})
	}
}

// Two records of each side that may be each other's are two questions.
func TestTasksOfSeveralPairs(t *testing.T) {
	w := twins(t, "501", "502")
	w.left.Edit(ref(psa.KindCompany, "2"), psa.Fields{"identifier": "C101", "name": "Northwind Traders Ltd"})
	w.once()
	w.want("asked", w.matches(), "left 1: 501 502; left 2: 501 502")
	answer := func(id string, a bridge.Answer) {
		a.Actor = "kim"
		w.must(w.b.Resolve(t.Context(), "match/left/company/"+id, a))
	}
	answer("1", bridge.Answer{Action: bridge.AnswerCreate})
	w.settle()
	w.want("asked after one answer", w.matches(), "left 2: 501 502")
	answer("2", bridge.Answer{Action: bridge.AnswerLink, ID: "502"})
	w.settle()
	w.want("tasks", w.tasks(), "[]")
	w.want("502", w.peer(bridge.Right, ref(psa.KindCompany, "502")).ID, "2")
	w.peer(bridge.Right, ref(psa.KindCompany, "501"))
}
