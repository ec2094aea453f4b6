package enginetest

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // registers "sqlite"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
	"github.com/psasync/psasync/cache/sqlite"
)

// openFile opens a store on a file with connections of its own.
func openFile(t testing.TB, driver, file string, o *sqlite.Options) *sqlite.Store {
	t.Helper()
	db, err := sql.Open(driver, file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.New(t.Context(), db, o)
	if err != nil {
		db.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	files := map[cache.Store]string{}
	cachetest.Harness{
		Rows: 500,
		Open: func(t *testing.T) cache.Store {
			file := filepath.Join(t.TempDir(), "cache.db")
			s := openFile(t, "sqlite", file, nil)
			files[s] = file
			return s
		},
		Again: func(t *testing.T, s cache.Store) cache.Store {
			return openFile(t, "sqlite", files[s], nil)
		},
	}.Run(t)
}
