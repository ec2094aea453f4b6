package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/psasync/psasync/psa"
)

// Errors of stores, to be tested with errors.Is, beside psa.ErrOtherInstance,
// psa.ErrInvalid and psa.ErrNotFound.
var (
	// ErrStale: another commit came first. Read Current again and decide anew.
	ErrStale = errors.New("the source has changed since it was read")
	// ErrFenced: another holder has the lease by now. Stop writing.
	ErrFenced = errors.New("the lease was lost to another holder")
	// ErrLeased: another holder has the lease; a [*LeasedError] says who.
	ErrLeased = errors.New("another holder has the lease")

	// ErrLinked: a record would belong to two links.
	ErrLinked = errors.New("the record belongs to another link")

	// ErrBusy: others kept the storage locked for too long. It is also
	// psa.ErrUnavailable, that is, psa.Temporary.
	ErrBusy = fmt.Errorf("the storage is locked: %w", psa.ErrUnavailable)
	// ErrFull: there is no room left for the commit.
	ErrFull = errors.New("the storage is full")
	// ErrReadOnly: the storage, or its folder, cannot be written.
	ErrReadOnly = errors.New("the storage is read-only")
	// ErrCorrupt: what is stored cannot be understood.
	ErrCorrupt = errors.New("the storage is damaged")
	// ErrNewer: a newer release of this module has changed the storage's form.
	ErrNewer = errors.New("the storage was written by a newer release")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
)

var errSide = errors.New("cache: a side is left or right")

// A LeasedError says who holds a lease. It is [ErrLeased].
type LeasedError struct {
	Source string
	Holder string
	Until  time.Time // when it expires unless it is renewed
}

// Error says who holds the lease and until when.
func (e *LeasedError) Error() string {
	return fmt.Sprintf("cache: %s: %v: %s until %s", e.Source, ErrLeased, e.Holder, e.Until.UTC().Format(time.RFC3339))
}

// Unwrap returns ErrLeased.
func (e *LeasedError) Unwrap() error { return ErrLeased }
