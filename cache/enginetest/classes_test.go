package enginetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
)

// TestClasses: what fails has its class, by the code of the driver or by its
// words, wherever it fails. That of a COMMIT is psa.Temporary whatever it is:
// nobody knows whether it took place.
func TestClasses(t *testing.T) {
	t.Parallel()
	text := func(s string) error { return errors.New("driver: " + s) }
	classes := []error{psa.ErrUnavailable, cache.ErrBusy, cache.ErrReadOnly, cache.ErrFull, cache.ErrCorrupt}
	writes := map[string]func(context.Context, *sqlite.Store) error{
		"save": func(ctx context.Context, s *sqlite.Store) error {
			return s.Save(ctx, "a", cache.StateBatch{Settings: map[string]string{"x": "new"}})
		},
		"commit": func(ctx context.Context, s *sqlite.Store) error {
			return second(s.Commit(ctx, "a", 1, put(board(1, "new"))))
		},
	}
	f := &faults{left: -1}
	file := filepath.Join(t.TempDir(), "cache.db")
	s := openFaulty(t, f, file, &sqlite.Options{MaxAge: -1})
	mustCommit(t, s, "a", put(board(1, "old")))
	mustSave(t, s, cache.StateBatch{Settings: map[string]string{"x": "old"}})
	for _, c := range []struct {
		err  error
		want []error
	}{
		{codedError(5), []error{psa.ErrUnavailable, cache.ErrBusy}},
		{codedError(8), []error{cache.ErrReadOnly}},
		{codedError(1544), []error{cache.ErrReadOnly}}, // a folder that cannot be written
		{codedError(10), []error{psa.ErrUnavailable}},
		{codedError(778), []error{psa.ErrUnavailable}}, // a failed write
		{codedError(11), []error{cache.ErrCorrupt}},
		{codedError(13), []error{cache.ErrFull}},
		{codedError(14), []error{psa.ErrUnavailable}},
		{codedError(1), nil},
		{text("database is locked"), []error{psa.ErrUnavailable, cache.ErrBusy}},
		{text("attempt to write a readonly database"), []error{cache.ErrReadOnly}},
		{text("disk I/O error"), []error{psa.ErrUnavailable}},
		{text("database disk image is malformed"), []error{cache.ErrCorrupt}},
		{text("database or disk is full"), []error{cache.ErrFull}},
		{text("unable to open database file"), []error{psa.ErrUnavailable}},
		{text("out of memory"), nil},
	} {
		f.err = c.err
		for op, write := range writes {
			for _, at := range []string{"BEGIN", "COMMIT"} {
				f.on = at
				err := write(t.Context(), s)
				want := c.want
				if at == "COMMIT" {
					want = append([]error{psa.ErrUnavailable}, want...)
				}
				for _, class := range classes {
					if errors.Is(err, class) != slices.Contains(want, class) {
						t.Errorf("%#v of %s in %s: is %q: %v, in %q", c.err, at, op, class, errors.Is(err, class), err)
					}
				}
				if !errors.Is(err, c.err) || !strings.HasPrefix(err.Error(), fmt.Sprintf("cache/sqlite: %s a: ", op)) ||
					strings.Count(err.Error(), psa.ErrUnavailable.Error()) > 1 {
					t.Errorf("%#v of %s in %s: the error is %q", c.err, at, op, err)
				}
			}
		}
	}
	f.on = ""
	if x, err := s.Setting(t.Context(), "a", "x"); x != "old" || err != nil {
		t.Errorf("after the failures: %q, %v", x, err)
	}
	if snap, err := s.Refresh(t.Context(), "a"); err != nil || snap.Version() != 1 {
		t.Errorf("after the failures: %v, %v", snap, err)
	}
}
