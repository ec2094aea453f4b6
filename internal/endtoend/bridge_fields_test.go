package endtoend

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// TestBridgeUnmatchedTechnicians: who has no counterpart is carried to nobody,
// and that nobody comes back for him as an edit that takes the ticket away.
func TestBridgeUnmatchedTechnicians(t *testing.T) {
	for n, v := range psaVendors() {
		for i, s := range []struct {
			name string
			by   conflict.Strategy
		}{{"psa", conflict.PreferLeft}, {"host", conflict.PreferRight}, {"person", nil}} {
			if (i+1)%3 == n {
				continue // the others have shown it
			}
			t.Run(v.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newTandem(t, v, func(o *bridge.Options) { o.Policy.Strategy = s.by })
					owners := map[string]string{}
					for _, r := range w.list(w.psa, psa.KindTicket, psa.Query{}) {
						owners[r.ID] = r.Fields.Ref("owner").ID
					}
					w.settle()
					w.hire("ivan", "Ivan Intern", "ivan@nowhere.example")
					b := w.hostTicket("Scanner beeps")
					w.ok(w.desk().Assign(t.Context(), b, "ivan"))
					w.settle()
					for id, owner := range owners {
						w.want("owner of "+id, w.get(w.psa, psa.Ref{Kind: psa.KindTicket, ID: id}).Fields.Ref("owner").ID, owner)
					}
					w.want("owner at the host", w.get(w.host, b).Fields.Ref("owner").Name, "Ivan Intern")
					w.want("conflicts", len(w.waiting(bridge.TaskConflict)), 0)
					// From nobody to somebody that both know.
					w.ok(w.desk().Edit(t.Context(), b, hostdb.Values{"assignee_id": w.tess()}))
					w.settle()
					w.want("owner here", w.psaTicket(w.here(b)).Fields.Ref("owner").ID != "", true)
					w.lawful()
				})
			})
		}
	}
}

// tess is the id of the technician that both sides know.
func (w *tandem) tess() string {
	w.t.Helper()
	for _, r := range w.list(w.host, psa.KindMember, psa.Query{}) {
		if r.Fields.String("identifier") == "tess" {
			return r.ID
		}
	}
	w.t.Fatal("no tess")
	return ""
}

// TestBridgeDefaultIsNotAgreed: a default that stands in for a value without a
// rule is no agreement; people are told.
func TestBridgeDefaultIsNotAgreed(t *testing.T) {
	at(t, "halopsa", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		w.opts.Map = w.parse(strings.NewReplacer("{2nd Line Support: Service desk, Projects: On-site}", "{Projects: On-site}",
			"sla: Standard SLA,", "sla: Standard SLA, team: 2nd Line Support,").Replace(w.yaml))
		w.restart()
		w.settle()
		b := w.hostTicket("b")
		w.settle()
		w.here(b)
		link, _, err := w.state.LinkOf(t.Context(), bridged, bridge.Right, b)
		w.ok(err)
		w.want("groups of b that are left alone", len(link.Parked), 1)
		held := 0
		for _, task := range w.waiting(bridge.TaskHeld) {
			if task.Link == link.Key && task.Reason != "" {
				held++
			}
		}
		w.want("tasks about b", held, 1)
		w.quiet()
	})
}
