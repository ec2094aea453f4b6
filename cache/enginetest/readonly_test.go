//go:build unix

package enginetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
)

const nobody = 65534

// useReadOnly opens a file without the right to write it, and says whether it
// could be opened; if so, everything is there, and every write is refused.
func useReadOnly(file string) error {
	if os.Geteuid() == 0 { // whom no mode keeps from writing
		if err := syscall.Setuid(nobody); err != nil {
			return err
		}
	}
	ctx := context.Background()
	s, err := openIn(ctx, file, nil)
	if errors.Is(err, cache.ErrReadOnly) || errors.Is(err, psa.ErrUnavailable) {
		fmt.Print("not opened: ", err)
		return nil
	}
	if err != nil {
		return err
	}
	snap, err := s.Current(ctx, "a")
	if err != nil {
		return err
	}
	if n, err := generationOf(snap); err != nil || n != 1 {
		return fmt.Errorf("the snapshot is %d: %w", n, err)
	}
	if task, ok, err := s.Task(ctx, "a", "t"); err != nil || !ok || task.Rev != 1 {
		return fmt.Errorf("the task is %+v: %w", task, err)
	}
	for what, err := range map[string]error{
		"Commit":  second(s.Commit(ctx, "a", snap.Version(), cache.Batch{Put: generation(2)})),
		"Save":    s.Save(ctx, "a", savedBatch(2)),
		"Acquire": second(s.Acquire(ctx, "a", "me", time.Hour)),
	} {
		if !errors.Is(err, cache.ErrReadOnly) || psa.Temporary(err) {
			return fmt.Errorf("the error of %s is %w", what, err)
		}
	}
	fmt.Print("refused")
	return s.Close()
}

// TestModes has a process use a file, or one in a folder, that it may not
// write. Where SQLite can, it reads; and nothing is lost.
func TestModes(t *testing.T) {
	t.Parallel()
	const refused, noFolder = "refused", "not opened: cache/sqlite: open: the storage is read-only: attempt to write a readonly database (1544)"
	for _, c := range []struct {
		name         string
		file, folder os.FileMode
		used         bool // by another process, whose log is there
		want         string
	}{
		{"file", 0o444, 0o777, false, refused},
		{"file in use", 0o444, 0o777, true, refused},
		{"folder", 0o666, 0o555, false, noFolder}, // the log cannot be made
		{"both", 0o444, 0o555, false, noFolder},
		{"both in use", 0o444, 0o555, true, refused},
		{"new file", 0, 0o555, false, "not opened: cache/sqlite: open: service unavailable: unable to open database file (14)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := folderForAll(t)
			file := filepath.Join(folder, "cache.db")
			var s *sqlite.Store
			if c.file != 0 {
				s = openFile(t, "sqlite", file, nil)
				mustCommit(t, s, "a", cache.Batch{Put: generation(1), Run: "1"})
				mustSave(t, s, savedBatch(1))
				if !c.used {
					s.Close()
				}
				chmod(t, file, c.file)
			}
			chmod(t, folder, c.folder)
			out, err := child(t, "read only", file, "").Output()
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != c.want {
				t.Errorf("the process says %q, not %q", out, c.want)
			}
			chmod(t, folder, 0o755)
			if s != nil {
				chmod(t, file, 0o644)
				if inspect(t, file) != 1 || inspectState(t, file) != 1 {
					t.Error("not all is there afterwards")
				}
			}
		})
	}
}

// folderForAll is a folder that a process without root's rights gets into,
// whatever TMPDIR is.
func folderForAll(t *testing.T) string {
	if os.Geteuid() != 0 {
		return t.TempDir()
	}
	folder, err := os.MkdirTemp("/tmp", "psasync")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(path, 0o755) }) // for those who remove it
}
