package endtoend

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// besides is what a cycle asks beside one list per kind: which account it is and
// what time it is there; Autotask's definitions of fields and, now and then, what
// is left of its quota; Halo's definitions of fields and the departments of teams.
func besides(vendor string) int {
	return map[string]int{"connectwise": 2, "autotask": 4, "halopsa": 4}[vendor]
}

// TestBridgeRequests counts what a bridge asks of the PSA: a cycle without
// changes costs as much in an account of many tickets as in a small one, and a changed
// record one read and one write beside its list.
func TestBridgeRequests(t *testing.T) {
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			idle := map[string]int{}
			for size, more := range map[string]int{"small": 0, "grown": 50} {
				synctest.Test(t, func(t *testing.T) {
					// Notes and hours of tickets are asked for only where a ticket has
					// changed, so the account needs none of the many.
					w := newTandem(t, v, func(o *bridge.Options) {
						o.SweepEvery, o.Limits = -1, bridge.Limits{Creates: -1, Updates: -1, Closes: -1}
					})
					for i := range more {
						w.note(w.ticket(fmt.Sprintf("more %d", i)), "a note", false)
					}
					w.settle()
					for range 9 { // past the first look at deletions
						w.once()
					}
					cycle := func() (n, kinds int) {
						before := len(w.sim.Requests())
						rep := w.once()
						seen := map[psa.Kind]bool{}
						for _, l := range rep.Lists {
							if l.Side == bridge.Left {
								if seen[l.Kind] {
									t.Errorf("%s was listed twice", l.Kind)
								}
								seen[l.Kind] = true
							}
						}
						return len(w.sim.Requests()) - before, len(seen)
					}
					n, kinds := cycle()
					for range 4 { // some also ask for deletions, or for the quota
						next, _ := cycle()
						n = min(n, next)
					}
					idle[size] = n
					if n > kinds+besides(v.name) {
						t.Errorf("%s: %d requests for %d kinds where nothing happened", size, n, kinds)
					}
					if size == "small" {
						w.costs(n)
					}
				})
			}
			t.Logf("%-12s idle cycle: %d requests (small), %d (50 tickets more)", v.name, idle["small"], idle["grown"])
			if idle["small"] != idle["grown"] {
				t.Errorf("an idle cycle costs %d requests in a small account and %d in one of 50 more tickets", idle["small"], idle["grown"])
			}
		})
	}
}

// costs prints and bounds what changes cost beyond an idle cycle.
func (w *tandem) costs(idle int) {
	w.t.Helper()
	a := w.ticket("a")
	b := w.hostTicket("b")
	w.settle()
	there := w.there(psa.KindTicket, itoa(a))
	// A changed ticket makes its notes be read, and its hours where they are
	// listed ticket by ticket.
	visits := 0
	for _, k := range []psa.Kind{psa.KindNote, psa.KindTimeEntry} {
		if w.psa.Features()[k].PerParent {
			visits++
		}
	}
	for _, c := range []struct {
		what        string
		do          func()
		most, write int
	}{
		{"ticket renamed here", func() { w.rename(a, "renamed here") }, visits, 0},
		{"ticket renamed there", func() { w.subject(b, "renamed there") }, 3 + 2*visits, 1}, // read, write, read back; its stamp moved
		{"note written there", func() { w.comment(there, "note", false) }, 3 + 2*visits, 1}, // look, write, read back; its ticket's stamp moved
		{"ticket opened there", func() { w.hostTicket("new") }, 4 + 3*visits, 1},            // look for the marker, references, write, read back
		{"hours logged there", func() { w.logged(there, 15*time.Minute, "work") }, 5 + 2*visits, 1},
		{"ticket opened here", func() { w.ticket("opened here") }, 1 + visits, 0}, // a look for a marker that its list leaves out
	} {
		w.drain()
		c.do()
		sent, writes := 0, 0
		for range 2 { // the cycle that carries it, and the one that sees the echo
			before := len(w.sim.Requests())
			w.once()
			made := w.sim.Requests()[before:]
			sent, writes = sent+len(made)-idle, writes+writesOf(made)
		}
		w.t.Logf("%-12s %-22s %2d requests more in two cycles, %d of them writes", w.name, c.what+":", sent, writes)
		if sent > c.most+w.slack() || writes > c.write {
			w.t.Errorf("%s: %d requests and %d writes, want at most %d and %d", c.what, sent, writes, c.most, c.write)
		}
	}
}

// TestBridgeWindow looks at what stands between the read that a write goes by and
// the write, where what a person enters here may be lost: nothing, also in a
// process that knows nothing of the record yet.
func TestBridgeWindow(t *testing.T) {
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTandem(t, v)
				w.settle()
				opened, taken := w.hostTicket("opened there"), w.ticket("opened here")
				w.settle()
				for _, ticket := range []psa.Ref{opened, w.there(psa.KindTicket, itoa(taken))} {
					w.psa = w.bench.open()
					w.restart()
					w.subject(ticket, "renamed")
					before := len(w.sim.Requests())
					w.once()
					made := w.sim.Requests()[before:]
					at := slices.IndexFunc(made, isWrite)
					if at < 1 {
						t.Fatalf("nothing was written: %v", made)
					}
					if r := made[at-1]; !reads(r, w.here(ticket)) {
						t.Errorf("before %s %s there is %s %s", made[at].Method, made[at].Path, r.Method, r.Path)
					}
				}
			})
		})
	}
}

// reads tells whether a request asks for one ticket.
func reads(r request, ticket int) bool {
	return r.Method == http.MethodGet && path.Base(r.Path) == itoa(ticket) || r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/Tickets/query")
}

// slack are the lists of deletions, and Autotask's looks at its quota, that may
// fall into two cycles.
func (w *tandem) slack() (n int) {
	if w.name == "autotask" {
		n = 2
	}
	for _, k := range w.b.Kinds() {
		if w.psa.Features().Can(k, psa.CanDeletions) {
			n += 2
		}
	}
	return n
}

// drain runs cycles until nothing moves.
func (w *tandem) drain() {
	w.t.Helper()
	w.settle()
	w.once()
}

func (w *tandem) subject(ticket psa.Ref, text string) {
	w.t.Helper()
	w.ok(w.desk().Edit(w.t.Context(), ticket, map[string]any{"subject": text}))
}
