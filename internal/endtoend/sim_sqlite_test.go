package endtoend

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/internal/simulation"
)

var (
	simHistories = flag.Int("sim.histories", 0, "simulated histories of each layer; 0: as many as a minute allows")
	simSeed      = flag.Uint64("sim.seed", 1, "seed of the first of them")
)

// onFiles keeps the states of simulated histories in a SQLite file, one after
// the other. A process that dies leaves the file and its log as they are at that
// moment, and the next one opens a copy of both.
type onFiles struct {
	dir     string
	tables  []string // of a state, those first that refer to others
	n       int
	now     func() time.Time
	file    string
	db      *sql.DB
	store   *sqlite.Store
	crashes int
}

func newOnFiles(t *testing.T) *onFiles {
	t.Helper()
	f := &onFiles{dir: t.TempDir(), now: time.Now}
	f.next()
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	rows, err := f.db.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'psasync_schema' ORDER BY name = 'psasync_source'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		f.tables = append(f.tables, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *onFiles) open() (err error) {
	// Not of the store's connections, which say themselves when they sync.
	if f.db, err = sql.Open("sqlite", "file:"+f.file+"?_pragma=synchronous(off)"); err != nil {
		return err
	}
	f.store, err = sqlite.New(context.Background(), f.db, &sqlite.Options{Now: func() time.Time { return f.now() }, MaxAge: -1, Retain: -1})
	return err
}

func (f *onFiles) close() error {
	if f.store == nil {
		return nil
	}
	err := errors.Join(f.store.Close(), f.db.Close())
	f.store = nil
	return err
}

// next moves on to a new file.
func (f *onFiles) next() {
	f.n++
	f.file = filepath.Join(f.dir, strconv.Itoa(f.n)+".db")
}

// Fresh implements simulation.Storage. It empties the file behind the back of
// the store, which goes on: to open one costs more than most histories.
func (f *onFiles) Fresh(now func() time.Time) (simulation.Durable, error) {
	f.now = now
	tx, err := f.db.BeginTx(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	for _, name := range f.tables {
		if _, err := tx.Exec("DELETE FROM " + name); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	_, err = f.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)") // so that a crash has less to copy
	return f.store, err
}

// Crash implements simulation.Storage.
func (f *onFiles) Crash(simulation.Durable) (simulation.Durable, error) {
	f.crashes++
	old := f.file
	f.next()
	for _, part := range []string{"", "-wal"} {
		b, err := os.ReadFile(old + part)
		if errors.Is(err, os.ErrNotExist) && part != "" {
			continue
		}
		if err == nil {
			err = os.WriteFile(f.file+part, b, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := f.close(); err != nil {
		return nil, fmt.Errorf("what the dead process left open: %w", err)
	}
	if err := os.Remove(old); err != nil {
		return nil, err
	}
	if err := f.open(); err != nil {
		return nil, err
	}
	var verdict string
	if err := f.db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		return nil, fmt.Errorf("integrity_check: %s, %w", verdict, err)
	}
	return f.store, nil
}

// TestSimulationOnSQLite runs simulated histories whose bridges keep their
// state in a file, which every crash opens anew.
func TestSimulationOnSQLite(t *testing.T) {
	t.Parallel()
	histories := 2000
	if *simHistories > 0 {
		histories = *simHistories
	}
	const parts = 2
	var mu sync.Mutex
	var stats simulation.Stats
	crashes := 0
	t.Run("group", func(t *testing.T) {
		for part := range parts {
			t.Run(strconv.Itoa(part), func(t *testing.T) {
				t.Parallel()
				files := newOnFiles(t)
				layer := simulation.NewLayer(files)
				for n := part; n < histories && !t.Failed(); n += parts {
					seed := *simSeed + uint64(n)
					res := layer.Run(simulation.NewTape(seed), nil)
					if res.Violation != nil {
						t.Errorf("-sim.seed=%d: %v", seed, res.Violation)
					}
					mu.Lock()
					stats.Add(&res.Stats)
					mu.Unlock()
				}
				mu.Lock()
				crashes += files.crashes
				mu.Unlock()
			})
		}
	})
	t.Logf("%d files opened after a crash; %s", crashes, stats.String())
	if stats.Writes < stats.Histories || stats.Histories >= 20 && crashes == 0 {
		t.Errorf("too little happens")
	}
}
