package cache

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Version counts the changes of a source. It rises with every commit that
// changed a row; 0 means that no row was ever committed.
type Version int64

// A Store keeps snapshots by source. Implementations are safe for concurrent
// use; the rules are the cases of package cachetest.
type Store interface {
	// Current returns the present snapshot of a source, one of version 0
	// without rows if the source is unknown; it is nil only beside an error.
	// It never waits for a Commit.
	Current(ctx context.Context, source string) (*Snapshot, error)

	// Commit makes b durable in one step and returns what is present after it.
	// It is [ErrStale] if the present version is not from, [ErrFenced] if
	// b.Token is older than one that was granted or seen, psa.ErrOtherInstance
	// if the source was filled from another account, and psa.ErrInvalid for a
	// batch that makes no sense. After any error, and when ctx was cancelled,
	// readers still see the old snapshot.
	//
	// A batch that changes no row leaves the version as it is and moves only
	// the meta data.
	Commit(ctx context.Context, source string, from Version, b Batch) (*Snapshot, error)
}

// A Batch is the difference between two snapshots. The store keeps the records'
// Fields and Raw, but none of the batch's slices and maps.
type Batch struct {
	// Put holds new and changed rows. A row whose Parent, Active and Fields are
	// those of the present row changes nothing: the store takes over its other
	// parts (Raw, Hash, Updated, Version) without a new version.
	Put []psa.Record
	// End names rows that are gone. One that is not there changes nothing.
	End []psa.Ref
	// Kinds replaces the meta data of these kinds, see [KindMeta].
	Kinds map[psa.Kind]KindMeta

	Provider string       // name of the provider; "" leaves it
	Instance psa.Instance // account of the provider; the zero Instance leaves it
	At       time.Time    // when the run was, by the caller's clock; zero: now
	Run      string       // id of the run, for the audit
	Token    int64        // of a [Lease]; 0: none
	Audit    []byte       // the run's report in JSON, kept by a Historian; may be nil
}

// A Historian is a Store that keeps former versions.
type Historian interface {
	// Versions yields the commits of a source, newest first, one that changed
	// nothing included. An error is yielded once, last.
	Versions(ctx context.Context, source string) iter.Seq2[Change, error]
	// At returns a former snapshot. The error is psa.ErrNotFound if there was
	// none of this version or if it is not kept any more.
	At(ctx context.Context, source string, v Version) (*Snapshot, error)
	// Diff returns what changed between two versions, ordered by kind and id,
	// with the errors of At.
	Diff(ctx context.Context, source string, from, to Version) ([]RowChange, error)
}

// A Change is one commit as a [Historian] keeps it.
type Change struct {
	Version Version   `json:"version"` // present after it; that of the commit before if no row changed
	At      time.Time `json:"at"`
	Run     string    `json:"run,omitempty"`
	Added   int       `json:"added"`
	Changed int       `json:"changed"`
	Removed int       `json:"removed"`
	Audit   []byte    `json:"audit,omitempty"`
}

// A Leaser is a Store that grants one holder at a time the right to write a
// source, across processes.
type Leaser interface {
	// Acquire takes the lease of a source for ttl, or returns a [*LeasedError]
	// at once. Each lease has a greater token than all before it.
	Acquire(ctx context.Context, source, holder string, ttl time.Duration) (Lease, error)
}

// A Lease is the right to write a source until it expires or is released. From
// the moment another holder has acquired it, a commit with the old token is
// [ErrFenced].
type Lease interface {
	// Token goes into Batch.Token.
	Token() int64
	// Renew extends the lease to ttl from now, or is ErrFenced if it was lost.
	Renew(ctx context.Context, ttl time.Duration) error
	// Release ends the lease. Releasing one that was lost is no error.
	Release(ctx context.Context) error
}

// A Refresher is a Store that other processes write, and that can look at once
// what they did.
type Refresher interface {
	// Refresh is Current, but reads what is stored now.
	Refresh(ctx context.Context, source string) (*Snapshot, error)
}

// Versions yields the commits of a source if s is a [Historian]; otherwise it
// yields psa.ErrUnsupported.
func Versions(ctx context.Context, s Store, source string) iter.Seq2[Change, error] {
	if h, ok := s.(Historian); ok {
		return h.Versions(ctx, source)
	}
	return func(yield func(Change, error) bool) { yield(Change{}, unsupported(s, "history")) }
}

// At returns a former snapshot if s is a [Historian], and is
// psa.ErrUnsupported otherwise.
func At(ctx context.Context, s Store, source string, v Version) (*Snapshot, error) {
	if h, ok := s.(Historian); ok {
		return h.At(ctx, source, v)
	}
	return nil, unsupported(s, "history")
}

// DiffVersions returns what changed between two versions if s is a
// [Historian], and is psa.ErrUnsupported otherwise.
func DiffVersions(ctx context.Context, s Store, source string, from, to Version) ([]RowChange, error) {
	if h, ok := s.(Historian); ok {
		return h.Diff(ctx, source, from, to)
	}
	return nil, unsupported(s, "history")
}

// Acquire takes a lease if s is a [Leaser], and is psa.ErrUnsupported
// otherwise.
func Acquire(ctx context.Context, s Store, source, holder string, ttl time.Duration) (Lease, error) {
	if l, ok := s.(Leaser); ok {
		return l.Acquire(ctx, source, holder, ttl)
	}
	return nil, unsupported(s, "leases")
}

// Refresh reads what is stored now if s is a [Refresher], and is Current
// otherwise.
func Refresh(ctx context.Context, s Store, source string) (*Snapshot, error) {
	if r, ok := s.(Refresher); ok {
		return r.Refresh(ctx, source)
	}
	return s.Current(ctx, source)
}

func unsupported(s Store, what string) error {
	return fmt.Errorf("cache: %T has no %s: %w", s, what, psa.ErrUnsupported)
}
