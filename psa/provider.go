package psa

import (
	"context"
	"iter"
	"time"
)

// A Provider is one PSA account, or one host database, seen as collections of
// rows. Implementations are safe for concurrent use.
//
// List yields the rows of a kind, ordered by id where the vendor can. A row
// that cannot be decoded is yielded with Record.Err set and the list goes on;
// any other error is yielded once, last, with the zero Record. A list that
// ends without an error was complete; a provider that cannot prove that ends
// with [ErrData]. Breaking out of the loop stops requests at once, ranging
// again starts over, no goroutine outlives the loop, and at most two pages are
// held in memory.
//
// Get returns one row, or an error that is [ErrNotFound].
//
// A kind or a query that [Features] does not offer is [ErrUnsupported].
type Provider interface {
	// Name returns the vendor's short name, e.g. "connectwise".
	Name() string
	// Features says what this provider can do, kind by kind. It makes no
	// request and always returns the same.
	Features() Features
	List(ctx context.Context, kind Kind, q Query) iter.Seq2[Record, error]
	Get(ctx context.Context, ref Ref) (Record, error)
}

// A Query narrows a List. The zero Query lists every row of the kind.
type Query struct {
	// Since keeps rows updated at or after this time of the vendor's clock.
	Since time.Time
	// Parent keeps the children of one row. For a kind with Feature.PerParent
	// it is the cheap form: one list instead of one for each parent.
	Parent Ref
	// Known tells rows seen before, which come back as Record.Unchanged and are
	// never decoded. It is a hint that a provider may ignore. It is called from
	// one goroutine of the loop at a time.
	Known Known
	// ActiveOnly leaves inactive rows out, in the vendor's query where that can
	// filter and by dropping them otherwise.
	ActiveOnly bool
	// Scope keeps rows whose reference field has one of these ids, e.g.
	// {"board": ["1", "2"]}; names and use are listed in Feature.Filter. Other
	// names are ErrUnsupported. A name without ids keeps no row.
	Scope map[string][]string
	// After resumes a list behind this id, for kinds with CanResume.
	After string
}

// MatchesNothing reports whether a name of Scope stands without an id, so that
// no row has one of them.
func (q Query) MatchesNothing() bool {
	for _, ids := range q.Scope {
		if len(ids) == 0 {
			return true
		}
	}
	return false
}

// Known finds the row that a hash was seen for.
type Known interface {
	Known(Hash) (Ref, bool)
}

// KnownFunc makes a function a [Known].
type KnownFunc func(Hash) (Ref, bool)

// Known calls f.
func (f KnownFunc) Known(h Hash) (Ref, bool) { return f(h) }

// A Counter counts the rows List would yield, in one request.
type Counter interface {
	Count(ctx context.Context, kind Kind, q Query) (int, error)
}

// A Checker tests the credentials and the right to read each of the kinds,
// cheaply. The error is for the connection as a whole; a missing right stands
// in the report.
type Checker interface {
	Check(ctx context.Context, kinds ...Kind) (CheckReport, error)
}

// A CheckReport says what the credentials can read.
type CheckReport struct {
	Instance Instance
	Access   []Access // one for each kind asked for, in that order
}

// Access is the answer for one kind; Err is nil where it can be read.
type Access struct {
	Kind Kind
	Err  error
}

// An Instancer tells which account a provider talks to, so that a store filled
// from one account is never overwritten from another.
type Instancer interface {
	Instance(ctx context.Context) (Instance, error)
}

// An Instance identifies a vendor account. Two instances are the same when
// their IDs are equal.
type Instance struct {
	ID      string `json:"id"`                // stable, e.g. company and host
	Name    string `json:"name,omitempty"`    // for people
	Version string `json:"version,omitempty"` // the vendor's software version; may change any day
}

// A ServerTimer tells the vendor's clock, from the answer to a cheap request.
type ServerTimer interface {
	ServerTime(ctx context.Context) (time.Time, error)
}

// A Finder looks rows up by exact field values, such as a marker or an e-mail
// address. Names other than those in Feature.Find are ErrUnsupported.
type Finder interface {
	Find(ctx context.Context, kind Kind, by Fields) iter.Seq2[Record, error]
}

// A DeletionLister tells which rows are gone since a time of the vendor's
// clock. A kind without CanDeletions is ErrUnsupported.
type DeletionLister interface {
	Deletions(ctx context.Context, kind Kind, since time.Time) iter.Seq2[Deletion, error]
}

// A Deletion says that a row is gone.
type Deletion struct {
	Ref
	At         time.Time // the vendor's clock; zero if it does not tell
	MergedInto Ref       // the row that took its place; zero if it was deleted
}

// A Creator creates a row and returns it as the vendor stored it. The parent
// is a reference field ("ticket" of a note, "company" of a contact).
type Creator interface {
	Create(ctx context.Context, kind Kind, fields Fields, notify Notify) (Record, error)
}

// An Updater changes the fields of a patch and no others, and returns the row
// as the vendor stored it.
type Updater interface {
	Update(ctx context.Context, ref Ref, patch Patch) (Record, error)
}

// A Patch is a change to one row.
type Patch struct {
	Set       Fields // nil clears a field; an absent name leaves it alone
	Notify    Notify
	IfVersion string // refuse with ErrConflict if Record.Version differs; "" or a vendor without versions: no check
}

// A Deleter deletes a row, or deactivates it where that is all the vendor
// offers; Features tells which.
type Deleter interface {
	Delete(ctx context.Context, ref Ref) error
}

// A Canonicaliser says what this side will hold after it was sent fields:
// trimmed, rounded, cut to length. Canonicalising twice changes nothing.
type Canonicaliser interface {
	Canonicalise(kind Kind, fields Fields) (Fields, error)
}
