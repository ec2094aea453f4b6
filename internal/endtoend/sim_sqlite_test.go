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
	simHistories = flag.Int("sim.histories", 0, "simulated histories of each layer; 0: few")
	simSeed      = flag.Uint64("sim.seed", 1, "seed of the first of them")
)

// onFiles keeps the states of simulated histories in SQLite files. A process
// that dies leaves the file and its log as they are at that moment, and the
// next one opens a copy of both.
type onFiles struct {
	dir     string
	empty   []byte // a file with tables and nothing in them
	n       int
	now     func() time.Time
	file    string
	db      *sql.DB
	store   *sqlite.Store
	crashes int
}

func newOnFiles(t *testing.T) *onFiles {
	t.Helper()
	f := &onFiles{dir: t.TempDir(), file: filepath.Join(t.TempDir(), "empty.db"), now: time.Now}
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.empty, err = os.ReadFile(f.file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *onFiles) open() (err error) {
	if f.db, err = sql.Open("sqlite", "file:"+f.file); err != nil {
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
func (f *onFiles) next() string {
	f.n++
	f.file = filepath.Join(f.dir, strconv.Itoa(f.n)+".db")
	return f.file
}

// Fresh implements simulation.Storage.
func (f *onFiles) Fresh(now func() time.Time) (simulation.Durable, error) {
	old := f.file
	if err := f.close(); err != nil {
		return nil, err
	}
	if f.n > 0 {
		if err := os.Remove(old); err != nil {
			return nil, err
		}
	}
	f.now = now
	if err := os.WriteFile(f.next(), f.empty, 0o600); err != nil {
		return nil, err
	}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f.store, nil
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
	histories := 20
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
