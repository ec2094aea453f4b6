package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Result codes of SQLite, see https://www.sqlite.org/rescode.html.
const (
	codeBusy     = 5
	codeLocked   = 6
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

// texts are SQLite's own words for the codes, which every driver passes on, for
// those that do not tell the code by a method.
var texts = []struct {
	text string
	code int
}{
	{"database is locked", codeBusy},
	{"database table is locked", codeLocked},
	{"attempt to write a readonly database", codeReadOnly},
	{"disk I/O error", codeIO},
	{"database disk image is malformed", codeCorrupt},
	{"database or disk is full", codeFull},
	{"unable to open database file", codeCantOpen},
	{"file is not a database", codeNotADB},
}

// classify gives an error of a driver its class.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	for _, class := range []error{psa.ErrUnavailable, cache.ErrReadOnly, cache.ErrFull, cache.ErrCorrupt} {
		if errors.Is(err, class) {
			return err
		}
	}
	var class error
	switch codeOf(err) {
	case codeBusy, codeLocked:
		class = cache.ErrBusy
	case codeReadOnly:
		class = cache.ErrReadOnly
	case codeIO, codeCantOpen:
		class = psa.ErrUnavailable
	case codeCorrupt, codeNotADB:
		class = cache.ErrCorrupt
	case codeFull:
		class = cache.ErrFull
	default:
		// A driver may say "interrupted" instead of what interrupted it.
		if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
			return fmt.Errorf("%w: %w", cause, err)
		}
		return err
	}
	return fmt.Errorf("%w: %w", class, err)
}

func codeOf(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code() & 0xff // the rest refines it
	}
	for _, t := range texts {
		if strings.Contains(err.Error(), t.text) {
			return t.code
		}
	}
	return 0
}
