package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

func TestProve(t *testing.T) {
	left, right := chooser()
	m := mustMap(t, `version: 1
kinds:
  ticket:
    fields:
      board: queue
      summary: title
      status: {app: state, values: {New: open, Assigned: working, Scheduled: working, Closed: closed}, prefer: {working: Assigned}}
      custom.20: {app: region, values: {North: north, South: south}}
      budget_hours: {app: estimate_minutes, transform: hours_to_minutes}
      contact_name: {app: label, transform: upper}
      priority: {app: priority, direction: to_right, values: {"Priority 2 - High": High}}
`)
	got := m.Prove(&Config{Left: left, Right: right})
	want := []Proof{
		{Left: "board", Right: "queue", Live: 2, Back: 2},
		{Left: "summary", Right: "title"},
		{Left: "custom.20", Right: "region", Live: 6, Back: 4, Held: 2},
		{Left: "budget_hours", Right: "estimate_minutes", Made: 22, Back: 22},
		{Left: "contact_name", Right: "label", Made: 20, Lossy: 14, Back: 6},
		// Scoped rules come last. Done has no rule, and open does not tell which
		// board's New it is; Scheduled comes back as Assigned.
		{Left: "status", Right: "state", Live: 6, Made: 4, Back: 7, Shared: 1, Held: 2},
	}
	for i := range want {
		want[i].Kind = psa.KindTicket
	}
	for i := range got {
		if got[i].Where == "" || got[i].Live+got[i].Made != got[i].Back+got[i].Held+got[i].Shared+got[i].Lossy+got[i].Broken {
			t.Errorf("does not add up: %+v", got[i])
		}
		got[i].Where = ""
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
