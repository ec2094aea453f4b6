package bridge

import (
	"time"

	"github.com/psasync/psasync/psa"
)

// An Event tells an observer what happens while it happens.
type Event struct {
	At   time.Time `json:"at"`
	Run  string    `json:"run"`
	Type EventType `json:"type"`
	Side Side      `json:"side"`
	Kind psa.Kind  `json:"kind,omitempty"`
	ID   string    `json:"id,omitempty"` // of the record on Side
	Done int       `json:"done,omitempty"`
	// Message is for people; it holds no value of a field.
	Message string `json:"message,omitempty"`
}

// An EventType says what an [Event] is about.
type EventType string

// The events.
const (
	EventList     EventType = "list"     // a list begins
	EventProgress EventType = "progress" // every thousand rows
	EventWrite    EventType = "write"    // a record was created, updated or deleted
	EventLink     EventType = "link"     // two records were linked
	EventConflict EventType = "conflict" // a conflict waits for a person
	EventTrouble  EventType = "trouble"  // a record or list failed
	EventPause    EventType = "pause"    // the connection paused itself
	EventDone     EventType = "done"     // the run ended
)

// A Report says what one run did. It holds no value of a field.
type Report struct {
	Source   string         `json:"source"`
	Run      string         `json:"run"`
	DryRun   bool           `json:"dry_run,omitempty"`
	Started  time.Time      `json:"started"`
	Took     time.Duration  `json:"took"`
	Lists    []ListReport   `json:"lists"`
	Created  [2]int         `json:"created"` // records, by the side they were created on
	Updated  [2]int         `json:"updated"`
	Deleted  [2]int         `json:"deleted"`
	Linked   int            `json:"linked"`             // pairs found and linked, without those created
	Agreed   int            `json:"agreed"`             // pairs found equal, or equal again, without a write
	Restored int            `json:"restored"`           // edits by a side that does not own the field, undone
	Closed   int            `json:"closed"`             // tickets closed by a write
	Dormant  int            `json:"dormant"`            // links that left the scope
	Gone     int            `json:"gone"`               // links whose record is gone
	Tasks    map[string]int `json:"tasks,omitempty"`    // opened in this run, by type
	Decided  map[string]int `json:"decided,omitempty"`  // conflicts decided by a strategy, by its name
	Left     map[string]int `json:"left,omitempty"`     // edits left to differ, by reason
	Skipped  int            `json:"skipped,omitempty"`  // writes that an applied plan does not hold
	Failures []Failure      `json:"failures,omitempty"` // lists that could not be read completely
	Paused   string         `json:"paused,omitempty"`
}

// A ListReport says what a list of one side brought.
type ListReport struct {
	Side      Side           `json:"side"`
	Kind      psa.Kind       `json:"kind"`
	Full      bool           `json:"full,omitempty"` // everything, not what changed
	Rows      int            `json:"rows"`
	Unchanged int            `json:"unchanged"`     // known by hash
	Echoes    int            `json:"echoes"`        // decoded, and equal to what both sides agreed on
	Bad       int            `json:"bad,omitempty"` // could not be decoded
	Out       map[string]int `json:"out,omitempty"` // out of scope, by reason
	New       int            `json:"new"`           // without a link
}

// A Failure is a list that could not be read completely. What it brought
// before was dealt with; the rest is read by the next run.
type Failure struct {
	Side  Side     `json:"side"`
	Kind  psa.Kind `json:"kind"`
	Class string   `json:"class,omitempty"`
	Error string   `json:"error"`
}

// Writes counts what was written to both systems.
func (r *Report) Writes() int {
	n := 0
	for s := range 2 {
		n += r.Created[s] + r.Updated[s] + r.Deleted[s]
	}
	return n
}

// A Plan is what a run would do now. It was made by reading both systems and
// writing nothing. [Bridge.Apply] takes it.
type Plan struct {
	Source string   `json:"source"`
	Token  string   `json:"token"` // of the state it was made from
	Items  []Item   `json:"items"`
	Report Report   `json:"report"`          // what the run would report
	Notes  []string `json:"notes,omitempty"` // what a person should know before the first write
}

// An Item is one write or link of a plan.
type Item struct {
	Op     string        `json:"op"`   // create, update, delete or link
	Side   Side          `json:"side"` // that is written
	Kind   psa.Kind      `json:"kind"`
	Source string        `json:"source,omitempty"` // id on the other side
	Target string        `json:"target,omitempty"` // id on Side; "" on create
	Title  string        `json:"title,omitempty"`  // for people
	Fields []FieldChange `json:"fields,omitempty"`
	Notify psa.Notify    `json:"notify,omitempty"`
	Closes bool          `json:"closes,omitempty"` // the ticket
}

// A FieldChange is one field of an [Item], as the written side calls it.
type FieldChange struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
	Rule   string `json:"rule,omitempty"` // file:line:column
	By     string `json:"by,omitempty"`   // the strategy or ownership that decided; "" where only one side changed
}
