package resync

import (
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// An Outcome is how a run ended.
type Outcome string

// The outcomes. Of a dry run they say what a run would have done.
const (
	Complete  Outcome = "complete"  // everything was read; the changes are in the snapshot
	Unchanged Outcome = "unchanged" // everything was read; nothing differed
	Partial   Outcome = "partial"   // some kinds are stale; what was read completely is in the snapshot
	Refused   Outcome = "refused"   // a guard or policy stopped the commit; Error says which
	Failed    Outcome = "failed"    // Error says why; the old snapshot is whole
)

// A Report says what a run found and did. Its JSON form is stable: names are
// never changed, new ones may be added. Lists are bounded by
// [Options.ReportRows]; the counts beside them are exact. It holds no secret
// and no payload.
type Report struct {
	Run      string  `json:"run"` // id of the run
	Source   string  `json:"source"`
	Provider string  `json:"provider"`
	Outcome  Outcome `json:"outcome"`
	// Repeated marks the report of an earlier run, handed to a caller that came
	// within Options.MinInterval.
	Repeated bool `json:"repeated,omitempty"`
	DryRun   bool `json:"dry_run,omitempty"` // nothing was written

	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration_ns"`
	Slow     bool          `json:"slow,omitempty"` // took longer than Options.SlowAfter
	Phases   []PhaseTime   `json:"phases"`
	Trace    psa.TraceSum  `json:"trace"` // requests of this run, and time spent waiting for the vendor's limits

	Instance psa.Instance `json:"instance,omitzero"`
	// Upgraded is the vendor's version before, if it changed.
	Upgraded string `json:"upgraded_from,omitempty"`

	From    cache.Version `json:"from_version"`      // of the snapshot before the run
	Version cache.Version `json:"version,omitempty"` // after the commit; 0 if there was none

	// Token confirms exactly the removals of this run, see Accept; "" if there
	// are none.
	Token string `json:"token,omitempty"`
	// Guarded are the kinds that lose more rows than Options.Guard allows.
	Guarded []Removal `json:"guarded,omitempty"`

	Kinds []KindReport `json:"kinds"`

	Findings      []psa.Finding `json:"findings,omitempty"` // what to mend in the PSA
	FindingsCount int           `json:"findings_count"`
	Impact        []psa.Finding `json:"impact,omitempty"` // what the change breaks
	ImpactCount   int           `json:"impact_count"`

	Error  string `json:"error,omitempty"`
	Advice string `json:"advice,omitempty"` // what an administrator can do about Error
}

// PhaseTime is how long a phase took.
type PhaseTime struct {
	Phase    Phase         `json:"phase"`
	Duration time.Duration `json:"duration_ns"`
}

// A KindReport says what became of one kind.
type KindReport struct {
	Kind psa.Kind `json:"kind"`
	Term string   `json:"term,omitempty"` // what the vendor's users call it
	Rows int      `json:"rows"`           // in the snapshot after the run

	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Removed   int `json:"removed"`
	Unchanged int `json:"unchanged"`

	AddedRows   []RowReport `json:"added_rows,omitempty"`
	ChangedRows []RowReport `json:"changed_rows,omitempty"`
	RemovedRows []RowReport `json:"removed_rows,omitempty"`

	// Stale says why the kind could not be read completely, "" if it was. Rows
	// that were not read are as they were.
	Stale      string    `json:"stale,omitempty"`
	StaleSince time.Time `json:"stale_since,omitzero"`
	Advice     string    `json:"advice,omitempty"`

	Warnings      []string `json:"warnings,omitempty"`
	WarningsCount int      `json:"warnings_count,omitempty"`
}

// A RowReport names a row and, if it changed, how.
type RowReport struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Parent string `json:"parent,omitempty"` // "board/12"
	// Changes are the fields that differ. Long strings in them are cut, and a
	// long list or object is the beginning of its JSON as a string.
	Changes      []Change `json:"changes,omitempty"`
	ChangesCount int      `json:"changes_count,omitempty"`
}

// Changes adds up the rows that were added, changed and removed.
func (r *Report) Changes() (added, changed, removed int) {
	for _, k := range r.Kinds {
		added += k.Added
		changed += k.Changed
		removed += k.Removed
	}
	return added, changed, removed
}

// StaleKinds returns the kinds that could not be read completely.
func (r *Report) StaleKinds() []psa.Kind {
	var kinds []psa.Kind
	for _, k := range r.Kinds {
		if k.Stale != "" {
			kinds = append(kinds, k.Kind)
		}
	}
	return kinds
}
