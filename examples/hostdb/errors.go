package hostdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/psasync/psasync/psa"
)

// Result codes of SQLite, see https://www.sqlite.org/rescode.html.
const (
	codeError      = 1
	codePerm       = 3
	codeBusy       = 5
	codeReadOnly   = 8
	codeCorrupt    = 11
	codeTooBig     = 18
	codeConstraint = 19
	codeAuth       = 23
	codeNotADB     = 26

	codePrimaryKey = codeConstraint | 6<<8
	codeUnique     = codeConstraint | 8<<8
)

func codeOf(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return 0
}

// classOf returns the class of a driver's error. What is not known may pass:
// a busy database, a full disk, a lost connection.
func classOf(err error) error {
	switch code := codeOf(err); {
	case code == codeUnique, code == codePrimaryKey:
		return psa.ErrConflict
	case code&0xff == codeConstraint, code&0xff == codeTooBig:
		return psa.ErrInvalid
	case code&0xff == codeReadOnly, code&0xff == codeAuth, code&0xff == codePerm:
		return psa.ErrDenied
	case code&0xff == codeError, code&0xff == codeCorrupt, code&0xff == codeNotADB:
		return psa.ErrData
	default:
		return psa.ErrUnavailable
	}
}

// A databaseError is a driver's error that does not show its text, in which
// some engines repeat the values of a row.
type databaseError struct{ err error }

func (e *databaseError) Error() string {
	if code := codeOf(e.err); code != 0 {
		return fmt.Sprintf("the database answered code %d", code)
	}
	return "the database failed"
}

func (e *databaseError) Unwrap() error { return e.err }

// fail makes a *psa.Error of what went wrong; nil stays nil.
func (s *store) fail(ctx context.Context, op string, ref psa.Ref, err error) error {
	if err == nil {
		return nil
	}
	e := &psa.Error{Provider: s.name, Op: op, Ref: ref}
	if ref.ID == "" && ref.Kind != "" {
		e.Op, e.Ref = op+" "+string(ref.Kind), psa.Ref{}
	}
	var told *psa.Error
	switch cause := ctx.Err(); {
	case errors.As(err, &told):
		e.Code, e.Detail, e.Err = told.Code, told.Detail, told.Err
	case cause != nil: // a driver may say "interrupted" instead of what interrupted it
		e.Code, e.Err = psa.ErrorClass(cause), cause
	default:
		e.Code, e.Err = classOf(err), &databaseError{err}
	}
	return e
}

func invalid(field string, err error) error {
	var told *psa.Error
	if errors.As(err, &told) {
		return err
	}
	return &psa.Error{Code: psa.ErrInvalid, Detail: field + ": " + err.Error()}
}

func errLocked() error {
	return &psa.Error{Code: psa.ErrInvalid, Detail: "the row is locked: it was invoiced"}
}
