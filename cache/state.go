package cache

import (
	"context"
	"iter"
	"time"

	"github.com/psasync/psasync/psa"
)

// A State keeps what a bridge between two systems has observed and agreed on.
// Everything is filed under a source, the name a host gives the connection.
// Implementations are safe for concurrent use; the rules are the cases of
// cachetest.RunState.
//
// Values that are handed in or out are shared: nobody modifies their Fields,
// slices and what they point to afterwards. The batch itself is the caller's
// again after Save. Fields, slices and maps that are empty may come back nil,
// and times come back in UTC.
//
// Calls under a cancelled context are its error.
type State interface {
	// Link returns the link of a key; ok is false if there is none.
	Link(ctx context.Context, source, key string) (l Link, ok bool, err error)
	// LinkOf returns the link that a record of one side belongs to.
	LinkOf(ctx context.Context, source string, side Side, ref psa.Ref) (l Link, ok bool, err error)
	// Links yields links by key, bytewise; an error once, last. The loop may
	// save. What is saved meanwhile may or may not be among them; what is there
	// all along comes once, and the loop ends whatever it saves.
	Links(ctx context.Context, source string, q LinkQuery) iter.Seq2[Link, error]

	// Task returns the task of an id; ok is false if there is none.
	Task(ctx context.Context, source, id string) (t Task, ok bool, err error)
	// Tasks yields tasks by Since, then by id; otherwise like Links.
	Tasks(ctx context.Context, source string, q TaskQuery) iter.Seq2[Task, error]

	// Cursor returns how far a kind has been read on one side, the zero Cursor
	// with these names if it never was.
	Cursor(ctx context.Context, source string, side Side, kind psa.Kind) (Cursor, error)
	// Seen returns the hash index of a kind on one side. all asks for the form
	// that is fast for a complete list; otherwise a look-up may cost I/O.
	// Hashes saved later may or may not be in it. A row that cannot be looked
	// up because of an error, or after ctx has ended, is unknown. The index is
	// safe for concurrent use.
	Seen(ctx context.Context, source string, side Side, kind psa.Kind, all bool) (psa.Known, error)
	// Setting returns a value by name, "" if it was never set.
	Setting(ctx context.Context, source, name string) (string, error)
	// Settings returns all values whose name begins with prefix, in a map that
	// is the caller's.
	Settings(ctx context.Context, source, prefix string) (map[string]string, error)
	// Audits yields what was done, newest first.
	Audits(ctx context.Context, source string, q AuditQuery) iter.Seq2[Audit, error]

	// Save makes b durable in one step, or nothing of it. It is [ErrStale] if
	// the Rev of a link or task is not the stored one, [ErrLinked] if a record
	// would belong to two links, [ErrFenced] if b.Token is older than one that
	// was granted or seen, and psa.ErrInvalid for a batch that makes no sense.
	// After an error it may still have happened only if the error is
	// psa.Temporary.
	Save(ctx context.Context, source string, b StateBatch) error
}

// A LinkLister is a State that tells which records are linked without reading
// the links, which a complete comparison of many records asks for.
type LinkLister interface {
	// LinkIDs yields the ids on a side of the live links of a kind, in no
	// certain order; otherwise like Links.
	LinkIDs(ctx context.Context, source string, side Side, kind psa.Kind) iter.Seq2[string, error]
}

// A Side is one of the two systems of a bridge.
type Side uint8

// The sides.
const (
	Left Side = iota
	Right
)

// Other returns the opposite side.
func (s Side) Other() Side { return 1 - s }

// String returns "left" or "right".
func (s Side) String() string {
	if s == Left {
		return "left"
	}
	return "right"
}

// MarshalText returns the form of String.
func (s Side) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the form of String.
func (s *Side) UnmarshalText(b []byte) error {
	switch string(b) {
	case "left":
		*s = Left
	case "right":
		*s = Right
	default:
		return errSide
	}
	return nil
}

// A StateBatch is one step of a bridge: all of it is saved, or nothing.
type StateBatch struct {
	// Links are new or changed. Rev must be the stored one, 0 for a new link;
	// the store counts it up. Records that links of the batch let go, or that
	// belong to dropped ones, may be taken by others of the batch.
	Links     []Link
	DropLinks []string // keys; one that is not there changes nothing
	Tasks     []Task   // likewise
	DropTasks []string
	Cursors   []Cursor
	Seen      []Seen
	Settings  map[string]string // "" removes
	Audits    []Audit           // appended; Seq is given by the store
	Token     int64             // of a [Lease]; 0: none
	// Synced asks for a write that survives a power cut, where the storage can
	// tell the difference: what is written elsewhere next depends on it.
	Synced bool
}

// A Link is a pair of records, one on each side, that are the same thing. It is
// half while one of them is yet to be created.
type Link struct {
	Key  string   `json:"key"` // given once by the bridge; also the marker of records it creates
	Rev  int64    `json:"rev"` // counts the saves; 0 is a link that was never saved
	Kind psa.Kind `json:"kind"`
	// IDs are the record's ids on both sides, "" where there is none yet. A
	// record belongs to one link at most.
	IDs     [2]string     `json:"ids"`
	State   LinkState     `json:"state,omitempty"`
	Reason  string        `json:"reason,omitempty"`  // why it is dormant or gone, for people
	Company string        `json:"company,omitempty"` // key of the link of the company that the record belongs to
	Parent  string        `json:"parent,omitempty"`  // key of the link of the parent, e.g. the ticket of a note
	Since   time.Time     `json:"since"`
	Base    [2]psa.Fields `json:"base"` // what both sides agreed on last, each as that side tells it, by the bridge's name of the rule
	// Parked are groups of fields that are left alone while both sides hold
	// these values.
	Parked []Parked `json:"parked,omitempty"`
	// Pending is a write that was begun and not yet confirmed.
	Pending *Pending `json:"pending,omitempty"`
	// Wrote is the vendor's stamp of the bridge's own last write on each side,
	// Child that of the youngest note or time entry seen there.
	Wrote [2]time.Time `json:"wrote,omitzero"`
	Child [2]time.Time `json:"child,omitzero"`
	// Gone says what became of the records of a link that is gone.
	Gone [2]Fate `json:"gone,omitzero"`
}

// A LinkState says whether a link takes part.
type LinkState string

// The states of a link.
const (
	LinkLive    LinkState = ""        // both sides are kept the same
	LinkHalf    LinkState = "half"    // one record is yet to be created, see Pending
	LinkDormant LinkState = "dormant" // out of scope: neither side is touched
	LinkGone    LinkState = "gone"    // a record was deleted or merged away: a tombstone
)

// A Fate is what became of a deleted record.
type Fate struct {
	At         time.Time `json:"at,omitzero"` // when the bridge learned of it; zero: nothing happened
	MergedInto string    `json:"merged_into,omitempty"`
}

// Parked is a group of fields that the bridge does not touch until one of the
// values changes.
type Parked struct {
	Group string        `json:"group"`
	Is    [2]psa.Fields `json:"is"`             // by the bridge's name of the rule
	Task  string        `json:"task,omitempty"` // the task that tells people, if one does
	Why   string        `json:"why"`            // conflict, ask, refused, held or tolerated
	Side  Side          `json:"side"`           // that was written, of a refusal
}

// Pending is a write whose outcome is not known yet.
type Pending struct {
	Op   string    `json:"op"` // create or update
	Side Side      `json:"side"`
	At   time.Time `json:"at"` // by the written side's clock where it tells one, else the bridge's
	// Base becomes part of Link.Base once the write is confirmed.
	Base [2]psa.Fields `json:"base,omitzero"`
	// Sent is what a create sends, to recognise the row where no marker can.
	Sent  psa.Fields `json:"sent,omitempty"`
	Tries int        `json:"tries,omitempty"`
}

// A Task is something that is still to be done about a record: by the bridge
// once it is due or what it waits for has happened, or by a person.
type Task struct {
	ID     string   `json:"id"` // made of what it is about, so that the same trouble is one task
	Rev    int64    `json:"rev"`
	Type   string   `json:"type"` // see package bridge
	Kind   psa.Kind `json:"kind"`
	Side   Side     `json:"side"`             // of Record
	Record string   `json:"record,omitempty"` // id on that side
	Link   string   `json:"link,omitempty"`   // key
	// Due is when the bridge tries again; zero: it waits for a person, or for
	// WaitsFor.
	Due time.Time `json:"due,omitzero"`
	// WaitsFor names a record that has to be linked first, as "side/kind/id".
	WaitsFor string    `json:"waits_for,omitempty"`
	Since    time.Time `json:"since"`
	Tries    int       `json:"tries,omitempty"`
	Class    string    `json:"class,omitempty"`  // of the error, e.g. "invalid request"
	Reason   string    `json:"reason,omitempty"` // for people; holds no value of a field
	Rule     string    `json:"rule,omitempty"`   // file:line:column of the map's rule

	// Of a conflict: the group, its values, and what a person answered.
	Group  string     `json:"group,omitempty"`
	Base   psa.Fields `json:"base,omitempty"`
	Left   psa.Fields `json:"left,omitempty"`
	Right  psa.Fields `json:"right,omitempty"`
	Answer *Answer    `json:"answer,omitempty"`
	// Candidates are ids on the other side that may be the same record.
	Candidates []string `json:"candidates,omitempty"`
}

// An Answer is what a person decided about a task.
type Answer struct {
	Action string     `json:"action"` // see package bridge
	Side   string     `json:"side,omitempty"`
	Values psa.Fields `json:"values,omitempty"`
	ID     string     `json:"id,omitempty"` // the candidate chosen
	Actor  string     `json:"actor,omitempty"`
	At     time.Time  `json:"at,omitzero"`
}

// A Cursor says how far a kind has been read on one side.
type Cursor struct {
	Side Side     `json:"side"`
	Kind psa.Kind `json:"kind"`
	// Since is where the next incremental list begins, on the vendor's clock:
	// every change before it was dealt with. Zero: the kind was never read.
	Since time.Time `json:"since,omitzero"`
	// Swept is when the last complete list ended.
	Swept time.Time `json:"swept,omitzero"`

	// A list that was interrupted: when it began on the vendor's clock, what it
	// asked for and behind which id it goes on.
	Began time.Time `json:"began,omitzero"`
	From  time.Time `json:"from,omitzero"`
	Full  bool      `json:"full,omitempty"`
	After string    `json:"after,omitempty"`
}

// Seen says which bytes of a row have been dealt with.
type Seen struct {
	Side Side     `json:"side"`
	Kind psa.Kind `json:"kind"`
	ID   string   `json:"id"`
	Hash psa.Hash `json:"hash"` // zero forgets the row
}

// An Audit is one thing the bridge did or decided. Together they tell how every
// link and its base came about.
type Audit struct {
	Seq   int64     `json:"seq"` // rises
	At    time.Time `json:"at"`
	Run   string    `json:"run,omitempty"`
	Actor string    `json:"actor"` // "bridge", or who it was
	Op    string    `json:"op"`    // see package bridge
	Link  string    `json:"link,omitempty"`
	Kind  psa.Kind  `json:"kind,omitempty"`
	IDs   [2]string `json:"ids,omitzero"`
	Side  Side      `json:"side"` // that was written, or concerned

	Before psa.Fields    `json:"before,omitempty"` // of the fields written or decided
	After  psa.Fields    `json:"after,omitempty"`
	Agreed [2]psa.Fields `json:"agreed,omitzero"` // what became part of the link's base
	Rule   string        `json:"rule,omitempty"`  // file:line:column
	By     string        `json:"by,omitempty"`    // the strategy that decided
	Reason string        `json:"reason,omitempty"`
	Notify psa.Notify    `json:"notify,omitempty"`
}

// A LinkQuery narrows Links; the zero value asks for all.
type LinkQuery struct {
	Kind    psa.Kind // "" is all
	States  []LinkState
	Company string
	Parent  string
	Pending bool   // only links with Pending
	After   string // behind this key
}

// A TaskQuery narrows Tasks; the zero value asks for all.
type TaskQuery struct {
	Kind     psa.Kind
	Types    []string
	Due      time.Time // tasks with a Due at or before this; zero: whatever their Due
	WaitsFor string
	Link     string
	Side     *Side  // nil is both
	Record   string // "" is all; with Side and Kind it is found at once
}

// An AuditQuery narrows Audits; the zero value asks for all.
type AuditQuery struct {
	Link  string
	Run   string
	Since time.Time // at or after
	Limit int       // 0: none
}
