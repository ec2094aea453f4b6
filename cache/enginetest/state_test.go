package enginetest

import (
	"path/filepath"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
	"github.com/psasync/psasync/cache/sqlite"
)

func TestSQLiteState(t *testing.T) {
	t.Parallel()
	files := map[cache.State]string{}
	cachetest.RunState(t, cachetest.StateHarness{
		Rows: 500,
		Open: func(t *testing.T) cache.State {
			file := filepath.Join(t.TempDir(), "state.db")
			s := openFile(t, "sqlite", file, nil)
			files[s] = file
			return s
		},
		Again: func(t *testing.T, s cache.State) cache.State {
			return openFile(t, "sqlite", files[s], nil)
		},
	})
}

// TestMemoryDatabaseState runs the suite over the one connection that a
// database in memory can have.
func TestMemoryDatabaseState(t *testing.T) {
	t.Parallel()
	cachetest.RunState(t, cachetest.StateHarness{
		Rows: 200,
		Open: func(t *testing.T) cache.State {
			db := openDB(t, ":memory:")
			db.SetMaxOpenConns(1)
			s, err := sqlite.New(t.Context(), db, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		},
	})
}
