package psa

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Classes of errors, to be tested with errors.Is. [Advice] turns one into a
// sentence for an administrator.
var (
	ErrAuth          = errors.New("credentials refused")
	ErrDenied        = errors.New("permission denied")
	ErrNotFound      = errors.New("not found")
	ErrInvalid       = errors.New("invalid request")
	ErrConflict      = errors.New("conflict with another change")
	ErrRateLimited   = errors.New("rate limited")
	ErrTimeout       = errors.New("timed out")
	ErrUnavailable   = errors.New("service unavailable")
	ErrUnsupported   = errors.New("not supported")
	ErrOtherInstance = errors.New("another instance answered")
	ErrData          = errors.New("unexpected answer")
)

var classes = []error{
	ErrAuth, ErrDenied, ErrNotFound, ErrInvalid, ErrConflict, ErrRateLimited,
	ErrTimeout, ErrUnavailable, ErrUnsupported, ErrOtherInstance, ErrData,
}

// Error is what a provider returns. Its text never holds a secret, a payload
// or a query string.
type Error struct {
	Provider   string        // e.g. "connectwise"
	Op         string        // what was tried, e.g. "list status" or "GET /service/boards"
	Ref        Ref           // the row concerned; zero if none
	Code       error         // one of the Err classes of this package
	RetryAfter time.Duration // what the vendor asked for with ErrRateLimited or ErrUnavailable; 0 if nothing
	Detail     string        // the vendor's own words, already redacted and bounded; may be ""
	Err        error         // the cause; may be nil
}

// Error returns "provider: op ref: class: detail: cause".
func (e *Error) Error() string {
	var b strings.Builder
	part := func(s string) {
		if s == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(s)
	}
	part(e.Provider)
	part(strings.TrimSpace(e.Op + " " + e.Ref.String()))
	if e.Code != nil {
		part(e.Code.Error())
	}
	part(e.Detail)
	if e.Err != nil {
		part(e.Err.Error())
	}
	if e.RetryAfter > 0 {
		part(fmt.Sprintf("retry after %s", e.RetryAfter))
	}
	return b.String()
}

// Unwrap returns the class and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Code != nil {
		errs = append(errs, e.Code)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// ErrorClass returns the Err class of this package that err belongs to, or nil.
// [ErrTimeout] stands for an expired deadline too; a cancelled context has no
// class.
func ErrorClass(err error) error {
	for _, c := range classes {
		if errors.Is(err, c) {
			return c
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrTimeout
	}
	return nil
}

// Temporary reports whether the same call may succeed later without anybody
// changing anything.
func Temporary(err error) bool {
	switch ErrorClass(err) {
	case ErrRateLimited, ErrTimeout, ErrUnavailable:
		return true
	}
	return false
}

// RetryAfter returns how long the vendor asked to wait, or 0.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// Advice returns one sentence that tells an administrator what to check, or ""
// if err has no class.
func Advice(err error) string {
	switch ErrorClass(err) {
	case ErrAuth:
		return "Check the API credentials of this connection: they are wrong, expired or were revoked in the PSA."
	case ErrDenied:
		return "Give the API user of this connection the missing right in the PSA's security role; the setup guide lists the rights kind by kind."
	case ErrNotFound:
		return "The row does not exist in the PSA (any more); if every call says so, check the host and the company or tenant name."
	case ErrInvalid:
		return "The PSA refused the values sent; compare them with the PSA's required fields and options, then run a resync."
	case ErrConflict:
		return "The row was changed by somebody else or is still in use; read it again and repeat the change."
	case ErrRateLimited:
		return "The PSA is limiting requests; wait, or lower the share of the request budget that this and other integrations use."
	case ErrTimeout:
		return "The PSA did not answer in time; try again later, and check the network if it persists."
	case ErrUnavailable:
		return "The PSA cannot be reached or is failing; check its status page, the host name and the network."
	case ErrUnsupported:
		return "This PSA has no such function; the table of supported features says why."
	case ErrOtherInstance:
		return "The credentials lead to another PSA account than the one this store was filled from; correct them, or use a new source name."
	case ErrData:
		return "The PSA answered something that makes no sense; check that the host is the PSA's API and that no proxy or login page is in between."
	}
	return ""
}
