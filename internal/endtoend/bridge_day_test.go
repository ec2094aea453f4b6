package endtoend

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A day is what people on both sides do while something is broken: tickets,
// edits, notes and hours, each with words of its own.
type day struct {
	*tandem
	a     int     // a ticket that the PSA opened before
	b     psa.Ref // one that the host opened
	hostA psa.Ref
	psaB  int
	idle  []string // tasks that were open before
}

func newDay(w *tandem) *day {
	w.t.Helper()
	w.settle()
	d := &day{tandem: w, a: w.ticket("a"), b: w.hostTicket("b")}
	w.settle()
	d.hostA, d.psaB = w.there(psa.KindTicket, itoa(d.a)), w.here(d.b)
	d.idle = w.taskIDs()
	return d
}

func (w *tandem) taskIDs() (ids []string) {
	for _, t := range w.waiting() {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	return ids
}

// work is done by people, between two cycles.
func (d *day) work() {
	d.t.Helper()
	ctx := d.t.Context()
	d.ticket("opened here")
	d.hostTicket("opened there")
	d.ok(d.desk().Edit(ctx, d.hostA, hostdb.Values{"subject": "a, edited there"}))
	d.rename(d.psaB, "b, edited here")
	d.note(d.a, "Written here", true)
	d.note(d.psaB, "Written here, for us", false)
	d.comment(d.hostA, "Written there", false)
	d.comment(d.b, "Written there, for all", true)
	d.tandem.work(d.psaB, 1.5, "Worked here")
	d.logged(d.hostA, 45*time.Minute, "Worked there")
}

// heal lets cycles pass until nothing is left to be tried again.
func (d *day) heal() {
	d.t.Helper()
	for range 12 {
		time.Sleep(13 * time.Minute)
		if rep := d.once(); rep.Writes() == 0 && len(d.waiting(bridge.TaskRetry)) == 0 {
			return
		}
	}
	d.t.Fatalf("the bridge does not come to rest\n%s", strings.Join(d.tasks(), "\n"))
}

// arrived looks for everything that people did, on both sides, once.
func (d *day) arrived() {
	d.t.Helper()
	for _, summary := range []string{"opened here", "opened there", "a, edited there", "b, edited here"} {
		d.want(summary+", here", d.named(d.psa, psa.KindTicket, "summary", summary), 1)
		d.want(summary+", there", d.named(d.host, psa.KindTicket, "summary", summary), 1)
	}
	d.told(d.a, map[string]bool{"Written here": true, "Written there": false})
	d.told(d.psaB, map[string]bool{"Written here, for us": false, "Written there, for all": true})
	d.balanced(d.a, 0.75)
	d.balanced(d.psaB, 1.5)
	d.lawful()
}

// resting wants the tasks that were there before, and no others.
func (d *day) resting() {
	d.t.Helper()
	if now := d.taskIDs(); !slices.Equal(now, d.idle) {
		d.t.Errorf("tasks are left:\n%s", strings.Join(d.tasks(), "\n"))
	}
}

// route cuts "METHOD path" and makes a fault of it.
func route(s string, f fault) fault {
	f.Method, f.Path, _ = strings.Cut(s, " ")
	return f
}

func everywhere(f fault) fault { f.Count = -1; return f }

// TestBridgeHeals breaks the vendor or the way to it while people work. When it
// is whole again, everything arrives, once, and nobody has to do anything.
func TestBridgeHeals(t *testing.T) {
	lost := fault{Drop: true, Apply: true}
	before := fault{Drop: true}
	cut := connectwisetest.Truncated
	cases := []struct {
		name string
		on   string // a write of the bench; "" is the list of tickets, "*" everything
		f    fault
		// class is that of the first cycle's error; nil: it may be what it is.
		class error
		// rest: the first cycle synchronises the other records.
		rest bool
		// sweep: what an incremental list missed is found by the daily sweep.
		sweep bool
		// all: at each vendor; otherwise they take turns.
		all bool
	}{
		{name: "reply to create lost", all: true, on: "create", f: lost, rest: true},
		{name: "create lost", on: "create", f: before, rest: true},
		{name: "reply to update lost", all: true, on: "update", f: lost},
		{name: "update lost", on: "update", f: before},
		{name: "reply to note lost", all: true, on: "note", f: lost, rest: true},
		{name: "reply to another note lost", on: "note", f: with(lost, func(f *fault) { f.Nth = 2 }), rest: true},
		{name: "note lost", on: "note", f: before, rest: true},
		{name: "reply to note is a login page", on: "note", f: with(connectwisetest.LoginPage(), func(f *fault) { f.Apply = true })},
		{name: "reply to create is a login page", on: "create", f: with(connectwisetest.LoginPage(), func(f *fault) { f.Apply = true })},
		{name: "reply to create cut", on: "create", f: cut(connectwisetest.CutLength)},
		{name: "reply to create cut, valid length", on: "create", f: cut(connectwisetest.CutValid)},
		{name: "503 to create", on: "create", f: fault{Status: 503, Count: 2}, rest: true},
		{name: "500 to create, done", on: "create", f: fault{Status: 500, Apply: true, Body: "oops"}},
		{name: "504 to note, done", on: "note", f: fault{Status: 504, Apply: true}},
		{name: "429 to create", on: "create", f: fault{Status: 429, Count: 2, Header: map[string]string{"Retry-After": "75"}}},
		{name: "429 everywhere", on: "*", f: fault{Status: 429, Count: 5, Header: map[string]string{"Retry-After": "600"}}},
		{name: "503 everywhere", on: "*", f: everywhere(fault{Status: 503}), class: psa.ErrUnavailable},
		{name: "connections dropped", on: "*", f: everywhere(before), class: psa.ErrUnavailable},
		{name: "401 half-way", on: "*", f: everywhere(fault{Status: 401, Nth: 6}), class: psa.ErrAuth},
		{name: "login page on a list", f: everywhere(connectwisetest.LoginPage()), class: bridge.ErrIncomplete},
		{name: "500 on a list", f: everywhere(fault{Status: 500}), class: psa.ErrUnavailable},
		{name: "403 on a list", f: everywhere(fault{Status: 403, Body: `{"message":"denied"}`}), class: bridge.ErrIncomplete},
		{name: "list cut, length", f: everywhere(cut(connectwisetest.CutLength))},
		{name: "list cut, chunk", f: everywhere(cut(connectwisetest.CutChunk))},
		{name: "list cut, valid length", f: everywhere(cut(connectwisetest.CutValid)), class: bridge.ErrIncomplete},
		{name: "a list is suddenly empty", f: everywhere(fault{EmptyList: true}), sweep: true},
	}
	for n, v := range psaVendors() {
		for i, c := range cases {
			if !c.all && i%3 != n {
				continue
			}
			t.Run(v.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newTandem(t, v)
					d := newDay(w)
					d.work()
					on := w.listed
					switch c.on {
					case "":
					case "*":
						on = " "
					default:
						on = w.writes[c.on]
					}
					w.sim.Fail(route(on, c.f))
					_, err := w.cycle()
					if c.class != nil && !errors.Is(err, c.class) {
						t.Errorf("first cycle: %v, want %v", err, c.class)
					}
					if c.rest {
						w.want("edits of the others", w.get(w.host, d.b).Fields.String("summary"), "b, edited here")
						w.want("new ones of the others", w.named(w.host, psa.KindTicket, "summary", "opened here"), 1)
					}
					if _, err := w.cycle(); err != nil && c.rest {
						t.Logf("second cycle: %v", err)
					}
					if !slices.ContainsFunc(w.sim.Requests(), func(r request) bool { return r.Fault }) {
						t.Fatalf("nothing was hit: %s", on)
					}
					w.sim.Heal()
					if c.sweep {
						time.Sleep(25 * time.Hour)
					}
					d.heal()
					d.arrived()
					d.resting()
				})
			})
		}
	}
}
