package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
	"github.com/psasync/psasync/psa"
)

func open(t *testing.T, file string) *FileStore {
	t.Helper()
	s, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFileStore(t *testing.T) {
	files := map[cache.Store]string{}
	cachetest.Harness{
		Open: func(t *testing.T) cache.Store {
			file := filepath.Join(t.TempDir(), "cache.json")
			s := open(t, file)
			files[s] = file
			return s
		},
		// The folder is gone, then there again.
		Fail: func(s cache.Store, step int) func() bool {
			dir := filepath.Dir(files[s])
			if step > 0 {
				return func() bool { return false }
			}
			if err := os.Rename(dir, dir+".away"); err != nil {
				t.Fatal(err)
			}
			return func() bool {
				if err := os.Rename(dir+".away", dir); err != nil {
					t.Fatal(err)
				}
				return true
			}
		},
	}.Run(t)
}

func TestFileStoreKeeps(t *testing.T) {
	cachetest.Harness{
		Only: "Reopen",
		Open: func(t *testing.T) cache.Store { return open(t, filepath.Join(t.TempDir(), "cache.json")) },
		Again: func(t *testing.T, s cache.Store) cache.Store {
			return open(t, s.(*FileStore).path)
		},
	}.Run(t)
}

func TestDamagedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.json")
	for _, content := range []string{"", "{", `{"a":{"Rows":[{"id":"1"}]}}`} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(file); !errors.Is(err, cache.ErrCorrupt) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestNoFileIsLeftBehind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.json")
	s := open(t, file)
	for i := range 3 {
		b := cache.Batch{Put: []psa.Record{{Ref: psa.Ref{Kind: psa.KindBoard, ID: "1"}, Fields: psa.Fields{"name": strings.Repeat("x", i)}}}}
		if _, err := s.Commit(t.Context(), "a", cache.Version(i), b); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), &out, filepath.Join(t.TempDir(), "cache.json")); err != nil {
		t.Fatal(err)
	}
	const want = "acme/connectwise, version 1\n2  Internal IT\n1  Managed Services\n"
	if out.String() != want {
		t.Errorf("it prints %q, not %q", out.String(), want)
	}
}
