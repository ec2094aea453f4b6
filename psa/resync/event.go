package resync

import (
	"time"

	"github.com/psasync/psasync/psa"
)

// A Phase is a part of a run.
type Phase string

// The phases in their order. Prepare takes the lease and asks which account
// answers; it belongs to no phase a person cares for.
const (
	Prepare Phase = "prepare"
	Collect Phase = "collect"
	Process Phase = "process"
	Update  Phase = "update"
)

// An EventType says what an [Event] tells.
type EventType string

// The types of events, in the order of a run.
const (
	Started  EventType = "started"  // a run began
	Entered  EventType = "phase"    // a phase began
	Progress EventType = "progress" // rows of a kind arrived
	KindRead EventType = "kind"     // the last list of a kind ended
	Slow     EventType = "slow"     // the run takes longer than Options.SlowAfter
	Finished EventType = "finished" // the run ended; Report and Err are set
)

// An Event tells an observer how a run goes on.
type Event struct {
	Type  EventType
	Time  time.Time
	Run   string // id of the run
	Phase Phase

	Kind  psa.Kind // of Progress and KindRead
	Rows  int      // rows of the kind that arrived so far
	Stale string   // of KindRead: why the kind could not be read completely

	Done, Total int // lists that ended, and lists known so far: parents bring more
	Requests    int // sent so far, repetitions included

	Report *Report // of Finished; do not modify
	Err    error   // of Finished: what Run returns
}
