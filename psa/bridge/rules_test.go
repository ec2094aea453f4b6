package bridge_test

import (
	"errors"
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

func (w *world) types() string {
	var types []string
	for task, err := range w.state.Tasks(w.t.Context(), source, cache.TaskQuery{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		types = append(types, task.Type)
	}
	return strings.Join(types, " ")
}

func TestFirstMatch(t *testing.T) {
	right := psatest.Flat()
	right.Rows = slices.DeleteFunc(slices.Clone(right.Rows), func(r psa.Record) bool { return r.Kind.IsRecord() })
	left := psatest.Boards()
	w := worldOf(t, left, right, strings.Replace(basic, "    match: [{psa: identifier, app: identifier}]\n", "    match: [{psa: identifier, app: identifier}, {psa: name, app: name}]\n", 1))
	for _, r := range w.left.Refs(psa.KindCompany) {
		rec, _ := w.left.Row(r)
		t.Log(r, rec.Fields["name"], rec.Fields["identifier"], rec.Active)
	}
	for _, r := range w.left.Refs(psa.KindContact) {
		rec, _ := w.left.Row(r)
		t.Log(r, rec.Fields["email"], rec.Active)
	}
}

func scoped(kind, scope string) string {
	return strings.Replace(basic, "  "+kind+":\n", "  "+kind+":\n    scope: "+scope+"\n", 1)
}

func TestLeavingTheScope(t *testing.T) {
	home, _ := psatest.NewProvider(psatest.Boards()).Row(ref(psa.KindTicket, "1001"))
	w := newWorld(t, scoped("ticket", fmt.Sprintf("{board: [%q]}", home.Fields.Ref("board").Name)))
	w.settle()
	l := ref(psa.KindTicket, "1001")
	r := w.peer(bridge.Left, l).Ref
	rows := len(w.right.Refs(psa.KindTicket))
	was, _ := w.left.Row(l)
	w.tick(time.Hour)
	other := psa.Fields{}
	for _, b := range w.left.Refs(psa.KindBoard) {
		rec, _ := w.left.Row(b)
		if rec.ID != home.Fields.Ref("board").ID {
			other = psa.Fields{"id": b.ID, "name": rec.Name()}
		}
	}
	w.left.Edit(l, psa.Fields{"board": other, "summary": "outside"})
	w.settle()
	w.right.Edit(r, psa.Fields{"po_number": "edited while dormant"})
	w.settle()
	link, _, _ := w.state.LinkOf(t.Context(), source, bridge.Left, l)
	w.want("state", link.State, cache.LinkDormant)
	w.want("right summary", fieldOf(w, bridge.Right, r, "summary") != "outside", true)
	w.want("left po_number", fieldOf(w, bridge.Left, l, "po_number") == "edited while dormant", false)
	w.want("rows", len(w.right.Refs(psa.KindTicket)), rows)
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"board": was.Fields["board"]})
	w.settle()
	w.want("right summary", fieldOf(w, bridge.Right, r, "summary"), "outside")
	w.want("left po_number", fieldOf(w, bridge.Left, l, "po_number"), "edited while dormant")
	w.want("rows", len(w.right.Refs(psa.KindTicket)), rows)
	w.want("tasks", w.types(), "")
}

func TestDeletes(t *testing.T) {
	hard := func(o *bridge.Options) { o.HardDelete = [2]bool{true, true} }
	tests := []struct {
		name   string
		change []func(*bridge.Options)
		do     func(w *world, l, r psa.Ref)
		left   bool
		right  bool
		tasks  string
	}{
		{"left deleted", nil, func(w *world, l, r psa.Ref) { w.left.Remove(l) }, false, true, "deleted"},
		{"right deleted", nil, func(w *world, l, r psa.Ref) { w.right.Remove(r) }, true, false, "deleted"},
		{"kept", []func(*bridge.Options){func(o *bridge.Options) { o.Deletes = bridge.KeepDeleted }}, func(w *world, l, r psa.Ref) { w.left.Remove(l) }, false, true, ""},
		{"propagated", []func(*bridge.Options){hard, func(o *bridge.Options) { o.Deletes = bridge.PropagateDelete }}, func(w *world, l, r psa.Ref) { w.right.Remove(r) }, false, false, ""},
		{"not allowed", []func(*bridge.Options){func(o *bridge.Options) { o.Deletes = bridge.PropagateDelete }}, func(w *world, l, r psa.Ref) { w.left.Remove(l) }, false, true, "deleted"},
		{"delete against edit", []func(*bridge.Options){hard, func(o *bridge.Options) { o.Deletes = bridge.PropagateDelete }}, func(w *world, l, r psa.Ref) {
			w.left.Edit(l, psa.Fields{"po_number": "new"})
			w.right.Remove(r)
		}, true, false, "deleted"},
		{"both deleted", nil, func(w *world, l, r psa.Ref) { w.left.Remove(l); w.right.Remove(r) }, false, false, ""},
		{"index lost", nil, func(w *world, l, r psa.Ref) {
			w.right.Refuse(psa.KindTicket, psa.ErrUnavailable)
			w.tick(time.Minute)
			_, _ = w.b.Once(w.t.Context())
			w.right.Heal()
		}, true, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, l, r := pair(t, basic, tt.change...)
			w.tick(time.Hour)
			tt.do(w, l, r)
			w.settle()
			w.tick(time.Hour)
			w.settle()
			w.tick(time.Hour)
			w.settle()
			_, okL := w.left.Row(l)
			_, okR := w.right.Row(r)
			w.want("left", okL, tt.left)
			w.want("right", okR, tt.right)
			w.want("tasks", w.types(), tt.tasks)
			n := len(w.left.Refs(psa.KindTicket))
			w.tick(25 * time.Hour)
			w.settle()
			w.want("left tickets", len(w.left.Refs(psa.KindTicket)), n)
		})
	}
}

func TestVanishedWithoutTrace(t *testing.T) {
	w, l, r := pair(t, basic)
	rec, _ := w.right.Row(r)
	w.right.Clear(psa.KindTicket)
	w.tick(25 * time.Hour)
	w.settle()
	w.want("left", fmt.Sprint(len(w.left.Refs(psa.KindTicket))), "5")
	w.right.Put(rec)
	w.tick(time.Hour)
	w.settle()
	w.tick(25 * time.Hour)
	w.settle()
	link, _, _ := w.state.LinkOf(t.Context(), source, bridge.Left, l)
	w.want("state of the one that came back", link.State, cache.LinkLive)
}

func TestLimits(t *testing.T) {
	w := newWorld(t, basic, func(o *bridge.Options) { o.Limits.Creates = 2 })
	w.tick(time.Minute)
	rep, err := w.b.Once(t.Context())
	if !errors.Is(err, bridge.ErrLimit) || rep.Paused == "" {
		t.Fatalf("%v, paused %q", err, rep.Paused)
	}
	w.want("created", len(w.right.Refs(psa.KindCompany)), 2)
	if _, err := w.b.Once(t.Context()); !errors.Is(err, bridge.ErrPaused) {
		t.Errorf("the next run: %v", err)
	}
}

func TestOtherInstance(t *testing.T) {
	w, _, _ := pair(t, basic)
	w.right.SetInstance(psa.Instance{ID: "another"})
	n := len(w.right.Refs(psa.KindTicket))
	if _, err := w.b.Once(t.Context()); !errors.Is(err, psa.ErrOtherInstance) {
		t.Errorf("%v", err)
	}
	w.want("tickets", len(w.right.Refs(psa.KindTicket)), n)
}

func TestVisibilityNeverWidens(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	for _, n := range w.left.Refs(psa.KindNote) {
		l, _ := w.left.Row(n)
		if l.Fields.Ref("ticket").ID == "" {
			continue
		}
		link, ok, _ := w.state.LinkOf(t.Context(), source, bridge.Left, n)
		if !ok {
			continue
		}
		r, _ := w.right.Row(ref(psa.KindNote, link.IDs[bridge.Right]))
		lv, rv := l.Fields.String("visibility"), r.Fields.String("visibility")
		if lv == "" {
			lv = "internal"
		}
		if lv != rv {
			t.Errorf("%s is %q on the left and %q on the right", n, lv, rv)
		}
		if lv == "internal" {
			w.left.Edit(n, psa.Fields{"visibility": "public"})
			w.left.Touch(ref(psa.KindTicket, l.Fields.Ref("ticket").ID))
		}
	}
	w.settle()
	if !strings.Contains(w.types(), "ask") {
		t.Errorf("tasks: %s", w.types())
	}
}

func TestMailFollowsThePhase(t *testing.T) {
	mails := func(w *world, s bridge.Side) int {
		n := 0
		for _, m := range w.side(s).Mails() {
			if m.To&psa.NotifyContact != 0 {
				n++
			}
		}
		return n
	}
	for phase, want := range map[string][2]int{"1": {1, 0}, "2": {0, 1}} {
		w, l, r := pair(t, basic, func(o *bridge.Options) { o.Policy = bridge.Phases(bridge.Left)[phase] })
		if n := mails(w, bridge.Left) + mails(w, bridge.Right); n > 0 {
			t.Errorf("phase %s: the first run sends %d mails", phase, n)
		}
		w.tick(time.Minute)
		w.left.Put(psatest.Row(psa.KindNote, "", psa.Fields{"text": "from the PSA", "ticket": psatest.RefTo(l.ID, ""), "visibility": "public"}))
		w.left.Touch(l)
		w.right.Put(psatest.Row(psa.KindNote, "", psa.Fields{"text": "from the host", "ticket": psatest.RefTo(r.ID, ""), "visibility": "public"}))
		w.right.Put(psatest.Row(psa.KindNote, "", psa.Fields{"text": "internal", "ticket": psatest.RefTo(r.ID, ""), "visibility": "internal"}))
		w.right.Touch(r)
		w.settle()
		w.want("phase "+phase, [2]int{mails(w, bridge.Left), mails(w, bridge.Right)}, want)
	}
}

func TestHeldWithoutRule(t *testing.T) {
	yaml := strings.Replace(basic, "      po_number: po_number\n", "      po_number: {app: po_number, values: {A: a, B: b}}\n", 1)
	w, l, r := pair(t, yaml)
	before := w.types()
	w.left.Edit(l, psa.Fields{"po_number": "C", "summary": "goes on"})
	w.settle()
	w.want("summary", fieldOf(w, bridge.Right, r, "summary"), "goes on")
	if n := strings.Count(w.types(), "held") - strings.Count(before, "held"); n != 1 {
		t.Errorf("%d tasks: %v", n, w.tasks())
	}
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"po_number": "B"})
	w.settle()
	w.want("po_number", fieldOf(w, bridge.Right, r, "po_number"), "b")
	w.want("tasks", w.types(), before)
}

// A default that stands in for a value that cannot be mapped is not what both
// sides agreed on.
func TestDefaultIsNotAgreed(t *testing.T) {
	yaml := strings.Replace(basic, "      po_number: po_number\n", "      po_number: {app: po_number, values: {A: a, B: b}}\n", 1)
	yaml = strings.Replace(yaml, "create: {app: {status: New}", "create: {app: {status: New, po_number: a}", 1)
	w := newWorld(t, yaml)
	l := ref(psa.KindTicket, "1001")
	w.left.Edit(l, psa.Fields{"po_number": "C"})
	w.settle()
	w.want("right", w.peer(bridge.Left, l).Fields["po_number"], "a")
	if !strings.Contains(w.types(), "held") {
		t.Errorf("tasks: %v", w.tasks())
	}
	w.left.Edit(l, psa.Fields{"po_number": "B"})
	w.settle()
	w.want("right", w.peer(bridge.Left, l).Fields["po_number"], "b")
}
