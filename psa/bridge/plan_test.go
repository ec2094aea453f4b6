package bridge_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// foreseen is basic without what a system fills by itself when a record is
// created there, which no plan can know.
var foreseen = strings.ReplaceAll(basic, "number: {app: external_ref}", "")

// dump is all that a state holds of the bridge.
func (w *world) dump() string {
	w.t.Helper()
	var out []any
	ctx := w.t.Context()
	for l, err := range w.state.Links(ctx, source, cache.LinkQuery{}) {
		out = append(out, l, err)
	}
	for t, err := range w.state.Tasks(ctx, source, cache.TaskQuery{}) {
		out = append(out, t, err)
	}
	for a, err := range w.state.Audits(ctx, source, cache.AuditQuery{}) {
		out = append(out, a, err)
	}
	settings, err := w.state.Settings(ctx, source, "")
	out = append(out, settings, err)
	for _, k := range w.b.Kinds() {
		for s := range bridge.Side(2) {
			c, err := w.state.Cursor(ctx, source, s, k)
			out = append(out, c, err)
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// writes are the requests that changed something, with what they changed.
func writes(p *psatest.Provider) (out []string) {
	for _, c := range p.Calls() {
		switch c.Op {
		case psatest.OpCreate, psatest.OpUpdate, psatest.OpDelete:
			out = append(out, fmt.Sprintf("%s %s %v", c.Op, c.Ref, c.Err))
		}
	}
	return out
}

// plan makes a plan and proves that it changed nothing.
func (w *world) plan() *bridge.Plan {
	w.t.Helper()
	w.left.ResetCalls()
	w.right.ResetCalls()
	before := w.dump()
	p, err := w.b.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if got := slices.Concat(writes(w.left), writes(w.right)); len(got) > 0 {
		w.t.Fatalf("planning wrote: %v", got)
	}
	if after := w.dump(); after != before {
		w.t.Fatalf("planning changed the state:\n%s", diff.Diff(before, after))
	}
	return p
}

// counters are the parts of a report that a plan foresees.
func counters(r bridge.Report) string {
	return fmt.Sprintf("created %v updated %v deleted %v linked %d restored %d closed %d dormant %d gone %d tasks %v decided %v left %v skipped %d",
		r.Created, r.Updated, r.Deleted, r.Linked, r.Restored, r.Closed, r.Dormant, r.Gone, r.Tasks, r.Decided, r.Left, r.Skipped)
}

// apply applies a plan and proves that exactly it was done.
func (w *world) apply(p *bridge.Plan) {
	w.t.Helper()
	if wrong := w.applied(p); wrong != "" {
		w.t.Errorf("%s\n%s", wrong, p)
	}
}

// applied applies a plan and says what was done otherwise.
func (w *world) applied(p *bridge.Plan) string {
	w.left.ResetCalls()
	w.right.ResetCalls()
	rep, err := w.b.Apply(w.t.Context(), p)
	if err != nil {
		return err.Error()
	}
	var wrong []string
	if got, want := counters(*rep), counters(p.Report); got != want {
		wrong = append(wrong, fmt.Sprintf("applied:\n%s\nplanned:\n%s", got, want))
	}
	for s := range bridge.Side(2) {
		planned := map[string]int{}
		for _, item := range p.Items {
			if item.Side == s && item.Op != "link" {
				planned[item.Op+" "+string(item.Kind)]++
			}
		}
		done := map[string]int{}
		for _, c := range w.side(s).Calls() {
			switch c.Op {
			case psatest.OpCreate, psatest.OpUpdate, psatest.OpDelete:
				done[string(c.Op)+" "+string(cmp.Or(c.Ref.Kind, c.Kind))]++
			}
		}
		if !maps.Equal(planned, done) {
			wrong = append(wrong, fmt.Sprintf("on the %s side %v was done, %v planned", s, done, planned))
		}
	}
	return strings.Join(wrong, "\n")
}

func TestPlanFirstRun(t *testing.T) {
	w := newWorld(t, basic)
	p := w.plan()
	if p.Writes() == 0 {
		t.Fatal("an empty plan")
	}
	w.apply(p)
	if p := w.plan(); p.Writes() != 0 {
		t.Errorf("after the plan was applied there is more to do:\n%s", p)
	}
}

func TestPlanMatchesExistingRecords(t *testing.T) {
	right := psatest.Flat()
	w := worldOf(t, psatest.Boards(), right, foreseen)
	w.right.Edit(ref(psa.KindCompany, "1"), psa.Fields{"phone": "+1 555 9999"})
	p := w.plan()
	w.apply(p)
}

// A plan that went through a file is the same plan.
func TestPlanSurvivesJSON(t *testing.T) {
	w := newWorld(t, basic)
	p := w.plan()
	var b bytes.Buffer
	if err := p.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var q bridge.Plan
	if err := json.Unmarshal(b.Bytes(), &q); err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(p, &q); d != "" {
		t.Fatal(d)
	}
	w.apply(&q)
}

func TestApplyStalePlan(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(w *world)
		fits bool
	}{
		{"nothing happened", func(*world) {}, true},
		{"a run", func(w *world) { w.once() }, false},
		{"a run that found nothing", func(w *world) { w.settle(); w.once() }, false},
		{"a kind was paused", func(w *world) { w.must(w.b.Pause(t.Context(), "why", psa.KindNote)) }, false},
		{"paused and resumed", func(w *world) {
			w.must(w.b.Pause(t.Context(), "why"))
			w.must(w.b.Resume(t.Context()))
		}, true},
		{"a phase", func(w *world) { w.must(w.b.SetPhase(t.Context(), "2")) }, false},
		{"a record was edited", func(w *world) { w.left.Edit(ref(psa.KindCompany, "1"), psa.Fields{"phone": "1"}) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, basic)
			p := w.plan()
			c.do(w)
			w.right.ResetCalls()
			_, err := w.b.Apply(t.Context(), p)
			if c.fits != (err == nil) || !c.fits && !errors.Is(err, bridge.ErrStalePlan) {
				t.Fatalf("error %v", err)
			}
			if !c.fits && len(writes(w.right)) > 0 {
				t.Errorf("a stale plan wrote %v", writes(w.right))
			}
		})
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestApplyOfAnotherConnection(t *testing.T) {
	w := newWorld(t, basic)
	p := w.plan()
	p.Source = "other"
	for _, p := range []*bridge.Plan{p, nil} {
		if _, err := w.b.Apply(t.Context(), p); !errors.Is(err, bridge.ErrStalePlan) {
			t.Errorf("error %v", err)
		}
	}
}

// What changed since the plan is left out, counted, and done by the next run.
func TestApplyLeavesOutWhatChanged(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	a, b := ref(psa.KindTicket, "1001"), ref(psa.KindTicket, "1002")
	w.tick(2 * time.Minute)
	w.left.Edit(a, psa.Fields{"summary": "planned"})
	w.left.Edit(b, psa.Fields{"summary": "planned, too"})
	p := w.plan()
	w.want("items", len(p.Items), 2)
	w.left.Edit(b, psa.Fields{"summary": "somebody was faster"})
	made := w.left.Put(psatest.Row(psa.KindCompany, "", psa.Fields{"name": "New Ltd", "identifier": "new"}))[0]
	rep, err := w.b.Apply(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	w.want("skipped", rep.Skipped, 2)
	w.want("a", w.peer(bridge.Left, a).Fields.String("summary"), "planned")
	if got := w.peer(bridge.Left, b).Fields.String("summary"); got == "somebody was faster" {
		t.Error("a value that nobody saw was written")
	}
	if l, ok, _ := w.state.LinkOf(t.Context(), source, bridge.Left, made); ok {
		t.Errorf("a record that nobody saw was created: %v", l)
	}
	w.settle()
	w.want("b", w.peer(bridge.Left, b).Fields.String("summary"), "somebody was faster")
	w.want("new", w.peer(bridge.Left, made).Fields.String("name"), "New Ltd")
	w.want("tasks", len(w.tasks()), 0)
}

// The counterpart of a planned write changed: its value was not seen either.
func TestApplyLooksAtBothSides(t *testing.T) {
	w := newWorld(t, basic, func(o *bridge.Options) { o.Policy = bridge.Phase1(bridge.Left) })
	w.settle()
	a := ref(psa.KindTicket, "1001")
	r := w.peer(bridge.Left, a).Ref
	w.tick(2 * time.Minute)
	w.left.Edit(a, psa.Fields{"summary": "left"})
	p := w.plan()
	w.right.Edit(r, psa.Fields{"summary": "right"})
	rep, err := w.b.Apply(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	w.want("skipped", rep.Skipped > 0, true)
	row, _ := w.right.Row(r)
	w.want("right", row.Fields.String("summary"), "right")
	for l, err := range w.state.Links(t.Context(), source, cache.LinkQuery{Pending: true}) {
		t.Errorf("%v is pending (%v)", l.Key, err)
	}
}

func TestApplyPassesLimits(t *testing.T) {
	w := newWorld(t, basic, func(o *bridge.Options) { o.Limits.Creates = 2 })
	p := w.plan()
	w.want("notes", strings.Contains(strings.Join(p.Notes, "\n"), "more than 2 records created on the right side"), true)
	if _, err := w.b.Once(t.Context()); !errors.Is(err, bridge.ErrLimit) {
		t.Fatalf("error %v", err)
	}
	if _, err := w.b.Apply(t.Context(), w.plan()); !errors.Is(err, bridge.ErrPaused) {
		t.Fatalf("error %v", err)
	}
	p = w.plan()
	w.want("paused", strings.Contains(p.Notes[0], "paused"), true)
	w.must(w.b.Resume(t.Context()))
	w.apply(p)
}

// A plan with what people answered.
func TestPlanWithAnswers(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	a := ref(psa.KindTicket, "1001")
	r := w.peer(bridge.Left, a).Ref
	w.tick(2 * time.Minute)
	w.left.Edit(a, psa.Fields{"summary": "left"})
	w.right.Edit(r, psa.Fields{"summary": "right"})
	w.once()
	id := w.onlyTask(bridge.TaskConflict).ID
	w.must(w.b.Resolve(t.Context(), id, bridge.Answer{Action: bridge.AnswerTake, Side: "right", Actor: "kim"}))
	p := w.plan()
	w.want("items", len(p.Items), 1)
	w.want("by", p.Items[0].Fields[0].By, "kim")
	w.apply(p)
	row, _ := w.left.Row(a)
	w.want("left", row.Fields.String("summary"), "right")
	w.want("tasks", len(w.tasks()), 0)
}

// An unchanged world does exactly what the plan shows, whatever happened before.
func TestPropertyPlanIsDone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		policies := []bridge.Policy{{}, bridge.Phase1(bridge.Left), bridge.Phase2(bridge.Left), bridge.Phase3(bridge.Left)}
		policy := policies[rapid.IntRange(0, len(policies)-1).Draw(rt, "policy")]
		deletes := rapid.SampledFrom([]bridge.DeletePolicy{bridge.AskDelete, bridge.KeepDeleted, bridge.PropagateDelete}).Draw(rt, "deletes")
		change := func(o *bridge.Options) {
			o.Policy, o.Deletes, o.HardDelete = policy, deletes, [2]bool{true, true}
			o.ConfirmAfter = time.Minute
		}
		var w *world
		if rapid.Bool().Draw(rt, "matched") {
			w = worldOf(t, psatest.Boards(), psatest.Flat(), foreseen, change)
		} else {
			w = newWorld(t, foreseen, change)
		}
		n := 0
		for range rapid.IntRange(0, 2).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 5).Draw(rt, "edits") {
				n++
				w.mess(rt, n)
			}
			w.tick(2 * time.Minute)
			if rapid.Bool().Draw(rt, "plan") {
				w.done(rt)
			} else if _, err := w.b.Once(t.Context()); err != nil {
				rt.Fatal(err)
			}
		}
		w.tick(2 * time.Minute)
		w.done(rt)
	})
}

func (w *world) done(rt *rapid.T) {
	p, err := w.b.Plan(w.t.Context())
	if err != nil {
		rt.Fatal(err)
	}
	if wrong := w.applied(p); wrong != "" {
		rt.Fatalf("%s\n%s", wrong, p)
	}
}

// mess is what people do to records.
func (w *world) mess(rt *rapid.T, n int) {
	s := bridge.Side(rapid.IntRange(0, 1).Draw(rt, "side"))
	p := w.side(s)
	kind := rapid.SampledFrom([]psa.Kind{psa.KindCompany, psa.KindContact, psa.KindTicket, psa.KindNote}).Draw(rt, "kind")
	refs := p.Refs(kind)
	what := rapid.SampledFrom([]string{"edit", "edit", "edit", "create", "remove", "off"}).Draw(rt, "what")
	field := map[psa.Kind]string{psa.KindCompany: "phone", psa.KindContact: "title", psa.KindTicket: "summary", psa.KindNote: "text"}[kind]
	if len(refs) == 0 {
		what = "create"
	}
	value := fmt.Sprintf("value %d", rapid.IntRange(n, n+2).Draw(rt, "value"))
	pick := func(refs []psa.Ref) psa.Ref {
		return refs[rapid.IntRange(0, len(refs)-1).Draw(rt, "which")]
	}
	switch what {
	case "edit":
		p.Edit(pick(refs), psa.Fields{field: value})
	case "create":
		fields := psa.Fields{field: value}
		switch kind {
		case psa.KindCompany:
			fields["name"], fields["identifier"] = fmt.Sprint("Company ", n), fmt.Sprint("n", n)
		case psa.KindContact, psa.KindTicket:
			companies := p.Refs(psa.KindCompany)
			if len(companies) == 0 {
				return
			}
			fields["company"] = psatest.RefTo(pick(companies).ID, "")
			fields["first_name"] = fmt.Sprint("Person ", n)
			if kind == psa.KindTicket {
				delete(fields, "first_name")
				fields["summary"] = value
			}
		case psa.KindNote:
			tickets := p.Refs(psa.KindTicket)
			if len(tickets) == 0 {
				return
			}
			fields["ticket"], fields["visibility"] = psatest.RefTo(pick(tickets).ID, ""), "internal"
		}
		p.Put(psatest.Row(kind, "", fields))
	case "remove":
		p.Remove(pick(refs))
	case "off":
		if kind == psa.KindCompany || kind == psa.KindContact {
			p.SetActive(pick(refs), rapid.Bool().Draw(rt, "active"))
		}
	}
}

// onlyTask is the one task of a type.
func (w *world) onlyTask(typ string) bridge.TaskView {
	w.t.Helper()
	var all []bridge.TaskView
	for v, err := range w.b.Tasks(w.t.Context(), bridge.TaskFilter{Types: []string{typ}}) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) != 1 {
		w.t.Fatalf("%d tasks %s:\n%s", len(all), typ, strings.Join(w.tasks(), "\n"))
	}
	return all[0]
}

// What could be read is planned, and the error says what could not.
func TestPlanOfWhatCouldBeRead(t *testing.T) {
	w := newWorld(t, basic)
	w.right.Refuse(psa.KindContact, psa.ErrDenied)
	p, err := w.b.Plan(t.Context())
	if !errors.Is(err, bridge.ErrIncomplete) || p == nil {
		t.Fatalf("%v, %v", p, err)
	}
	w.want("items", p.Writes() > 0, true)
	w.want("told", strings.Contains(p.String(), "contact on the right side: "), true)
	w.left.Refuse("", psa.ErrAuth)
	if _, err := w.b.Plan(t.Context()); !errors.Is(err, psa.ErrAuth) {
		t.Errorf("error %v", err)
	}
}
