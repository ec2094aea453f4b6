package enginetest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
)

func board(id int, name string) psa.Record {
	return psa.Record{Ref: psa.Ref{Kind: psa.KindBoard, ID: fmt.Sprint(id)}, Active: true, Fields: psa.Fields{"name": name}}
}

// generation returns the rows of one commit: all of them say which it was, so
// that a mix shows.
func generation(n int64) []psa.Record {
	var rows []psa.Record
	for _, kind := range []psa.Kind{psa.KindBoard, psa.KindStatus, psa.KindTeam} {
		for i := range 5 {
			rows = append(rows, psa.Record{Ref: psa.Ref{Kind: kind, ID: strconv.Itoa(i)}, Active: true,
				Fields: psa.Fields{"name": strings.Repeat("x", 100), "generation": json.Number(strconv.FormatInt(n, 10))}})
		}
	}
	return rows
}

func put(rows ...psa.Record) cache.Batch { return cache.Batch{Put: rows} }

func mustCommit(t *testing.T, s cache.Store, source string, b cache.Batch) *cache.Snapshot {
	t.Helper()
	snap, err := s.Current(t.Context(), source)
	if err == nil {
		snap, err = s.Commit(t.Context(), source, snap.Version(), b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func openDB(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func queryInt(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMemoryDatabase runs the suite over the one connection that a database in
// memory can have.
func TestMemoryDatabase(t *testing.T) {
	t.Parallel()
	cachetest.Harness{
		Rows: 200,
		Open: func(t *testing.T) cache.Store {
			db := openDB(t, ":memory:")
			db.SetMaxOpenConns(1)
			s, err := sqlite.New(t.Context(), db, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		},
	}.Run(t)
}

func TestPooledMemoryIsRefused(t *testing.T) {
	for _, name := range []string{":memory:", "", "file::memory:"} {
		db := openDB(t, name)
		if _, err := sqlite.New(t.Context(), db, nil); !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), "SetMaxOpenConns(1)") {
			t.Errorf("%q: %v", name, err)
		}
		if n := db.Stats().InUse; n != 0 {
			t.Errorf("%q: %d connections are still in use", name, n)
		}
	}
}

// TestOneConnection: a pool limited to one connection works on files as well.
func TestOneConnection(t *testing.T) {
	db := openDB(t, filepath.Join(t.TempDir(), "cache.db"))
	db.SetMaxOpenConns(1)
	s, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustCommit(t, s, "a", put(board(1, "x")))
	if snap, err := s.Refresh(t.Context(), "a"); err != nil || snap.Len(psa.KindBoard) != 1 {
		t.Errorf("%v, %v", snap, err)
	}
}

func TestFull(t *testing.T) {
	s := openFile(t, "sqlite", filepath.Join(t.TempDir(), "cache.db")+"?_pragma=max_page_count(40)", nil)
	before := mustCommit(t, s, "a", put(board(1, "x")))
	big := board(2, strings.Repeat("x", 1<<20))
	if _, err := s.Commit(t.Context(), "a", 1, put(board(1, "y"), big)); !errors.Is(err, cache.ErrFull) {
		t.Errorf("the error is %v", err)
	}
	if now, err := s.Refresh(t.Context(), "a"); err != nil || now != before {
		t.Errorf("the old snapshot is not there any more: %v", err)
	}
	mustCommit(t, s, "a", put(board(1, "fits")))
}

func TestReadOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.db")
	mustCommit(t, openFile(t, "sqlite", file, nil), "a", put(board(1, "x")))
	s := openFile(t, "sqlite", "file:"+file+"?mode=ro", nil)
	snap, err := s.Current(t.Context(), "a")
	if err != nil || snap.Len(psa.KindBoard) != 1 {
		t.Fatalf("%v, %v", snap, err)
	}
	if _, err := s.Commit(t.Context(), "a", 1, put(board(1, "y"))); !errors.Is(err, cache.ErrReadOnly) {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.Acquire(t.Context(), "a", "me", time.Hour); !errors.Is(err, cache.ErrReadOnly) {
		t.Errorf("the error is %v", err)
	}
	db := openDB(t, "file:"+filepath.Join(t.TempDir(), "none.db")+"?mode=ro")
	if _, err := sqlite.New(t.Context(), db, nil); err == nil {
		t.Error("a database that is not there was opened read-only")
	}
}

func TestLocked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.db")
	s := openFile(t, "sqlite", file, &sqlite.Options{BusyTimeout: 20 * time.Millisecond})
	before := mustCommit(t, s, "a", put(board(1, "x")))
	other, err := openDB(t, file).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Commit(t.Context(), "a", before.Version(), put(board(1, "y")))
	if !errors.Is(err, cache.ErrBusy) || !psa.Temporary(err) {
		t.Errorf("the error is %v", err)
	}
	if now, err := s.Refresh(t.Context(), "a"); err != nil || now != before {
		t.Errorf("reading while another writes: %v", err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, "a", put(board(1, "y")))
}

func TestCorrupt(t *testing.T) {
	t.Parallel()
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("not a database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.New(t.Context(), openDB(t, garbage), nil); !errors.Is(err, cache.ErrCorrupt) {
		t.Errorf("a file of garbage: %v", err)
	}
	for what, damage := range map[string]string{
		"meta":    `UPDATE psasync_source SET meta = '{'`,
		"fields":  `UPDATE psasync_row SET fields = '{'`,
		"number":  `UPDATE psasync_row SET fields = '{"n":1e999999999}'`,
		"hash":    `UPDATE psasync_row SET hash = x'00'`,
		"updated": `UPDATE psasync_row SET updated = 'yesterday'`,
		"id":      `UPDATE psasync_row SET id = ''`,
	} {
		file := filepath.Join(t.TempDir(), "cache.db")
		s := openFile(t, "sqlite", file, nil)
		whole := mustCommit(t, s, "a", put(board(1, "x")))
		if _, err := openDB(t, file).ExecContext(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		if now, err := s.Current(t.Context(), "a"); err != nil || now != whole {
			t.Errorf("%s: what was read before is gone: %v", what, err)
		}
		damaged := openFile(t, "sqlite", file, nil)
		if _, err := damaged.Current(t.Context(), "a"); !errors.Is(err, cache.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := damaged.Commit(t.Context(), "a", 1, put(board(1, "y"))); !errors.Is(err, cache.ErrCorrupt) {
			t.Errorf("%s: Commit: %v", what, err)
		}
	}
}

func TestNewerSchema(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.db")
	openFile(t, "sqlite", file, nil)
	db := openDB(t, file)
	if n := queryInt(t, db, `SELECT max(version) FROM psasync_schema`); n != 2 {
		t.Fatalf("the schema is %d", n)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO psasync_schema VALUES (99, '')`); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.New(t.Context(), db, nil); !errors.Is(err, cache.ErrNewer) || !strings.Contains(err.Error(), "schema 99") {
		t.Errorf("the error is %v", err)
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections are still in use", n)
	}
}

// TestUnchangedWritesNoRow: a run that finds nothing new costs freshness and an
// audit entry.
func TestUnchangedWritesNoRow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.db")
	s := openFile(t, "sqlite", file, nil)
	rows := generation(1)
	mustCommit(t, s, "a", put(rows...))
	db := openDB(t, file)
	count := func() [3]int {
		return [3]int{
			queryInt(t, db, `SELECT count(*) FROM psasync_row`),
			queryInt(t, db, `SELECT max(rev) FROM psasync_row`),
			queryInt(t, db, `SELECT count(*) FROM psasync_commit`),
		}
	}
	before := count()
	for range 3 {
		mustCommit(t, s, "a", put(rows...))
		mustCommit(t, s, "a", cache.Batch{})
	}
	want := before
	want[2] += 6
	if after := count(); after != want {
		t.Errorf("rows, last write and commits are %v, not %v", after, want)
	}
	mustCommit(t, s, "a", put(board(1, "other")))
	want = [3]int{before[0] + 1, 8, want[2] + 1}
	if after := count(); after != want {
		t.Errorf("after one change, rows, last write and commits are %v, not %v", after, want)
	}
}

// TestOtherProcess: Current sees what another store committed, soon and without
// being told.
func TestOtherProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.db")
	reader := openFile(t, "sqlite", file, &sqlite.Options{MaxAge: time.Millisecond})
	never := openFile(t, "sqlite", file, &sqlite.Options{MaxAge: -1})
	writer := openFile(t, "sqlite", file, nil)
	for _, s := range []*sqlite.Store{reader, never} {
		if snap, err := s.Current(t.Context(), "a"); err != nil || snap.Version() != 0 {
			t.Fatalf("%v, %v", snap, err)
		}
	}
	for i := range 3 {
		want := mustCommit(t, writer, "a", put(board(i, "x")))
		for start := time.Now(); ; {
			snap, err := reader.Current(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if snap.Version() == want.Version() {
				break
			}
			if time.Since(start) > 10*time.Second {
				t.Fatalf("version %d was never seen", want.Version())
			}
		}
	}
	if snap, err := never.Current(t.Context(), "a"); err != nil || snap.Version() != 0 {
		t.Errorf("a store that never looks saw version %d, %v", snap.Version(), err)
	}
	if snap, err := never.Refresh(t.Context(), "a"); err != nil || snap.Version() != 3 {
		t.Errorf("Refresh: version %d, %v", snap.Version(), err)
	}
}

// TestLookFailure: a file that cannot be read any more is said, and readers
// keep what they have.
func TestLookFailure(t *testing.T) {
	var mu sync.Mutex
	var said bytes.Buffer
	logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &said}, nil))
	f := &faults{left: -1}
	s := openFaulty(t, f, filepath.Join(t.TempDir(), "cache.db"), &sqlite.Options{MaxAge: time.Nanosecond, Logger: logger})
	snap := mustCommit(t, s, "a", put(board(1, "x")))
	f.arm(0)
	for start := time.Now(); time.Since(start) < 10*time.Second; {
		if now, err := s.Current(t.Context(), "a"); err != nil || now != snap {
			t.Fatalf("%v, %v", now, err)
		}
		mu.Lock()
		done := said.Len() > 0
		mu.Unlock()
		if done {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(said.String(), "injected failure") || !strings.Contains(said.String(), "source=a") {
		t.Errorf("the log says %q", said.String())
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// TestUnknownOutcome: the answer to a COMMIT is lost, and readers learn without
// being told what became of it, whatever MaxAge is.
func TestUnknownOutcome(t *testing.T) {
	for _, after := range []bool{false, true} {
		f := &faults{left: -1, after: after}
		s := openFaulty(t, f, filepath.Join(t.TempDir(), "cache.db"), &sqlite.Options{MaxAge: -1})
		mustCommit(t, s, "a", put(board(1, "x")))
		end := f.arm(1 << 20)
		before := mustCommit(t, s, "a", put(board(1, "y")))
		end()
		f.arm(slices.Index(f.log, "COMMIT"))
		if snap, err := s.Commit(t.Context(), "a", before.Version(), put(board(1, "z"))); err == nil {
			t.Fatalf("no COMMIT failed, version %d", snap.Version())
		}
		want := before.Version()
		if after {
			want++
		}
		now := before
		for start := time.Now(); now.Version() != want && time.Since(start) < 10*time.Second; {
			var err error
			if now, err = s.Current(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		if now.Version() != want {
			t.Errorf("after %v: version %d is stored, readers see %d", after, want, now.Version())
		}
	}
}

// TestReadWhileCommitting stops a commit half-way and reads, from memory and
// from the file.
func TestReadWhileCommitting(t *testing.T) {
	f := &faults{left: -1}
	s := openFaulty(t, f, filepath.Join(t.TempDir(), "cache.db"), &sqlite.Options{MaxAge: -1})
	before := mustCommit(t, s, "a", put(board(1, "x")))
	mustCommit(t, s, "b", put(board(1, "x")))
	inside, goOn := make(chan bool), make(chan bool)
	f.mu.Lock()
	f.hook = func(query string, done bool) {
		if query == "COMMIT" && !done {
			f.mu.Lock()
			f.hook = nil
			f.mu.Unlock()
			inside <- true
			<-goOn
		}
	}
	f.mu.Unlock()
	done := make(chan error)
	go func() {
		_, err := s.Commit(t.Context(), "a", before.Version(), put(board(1, "y")))
		done <- err
	}()
	<-inside
	if now, err := s.Current(t.Context(), "a"); err != nil || now != before {
		t.Errorf("Current: %v, %v", now, err)
	}
	for _, source := range []string{"a", "b", "new"} {
		if now, err := s.Refresh(t.Context(), source); err != nil || now.Version() > 1 {
			t.Errorf("Refresh of %s: %v", source, err)
		}
	}
	goOn <- true
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if now, err := s.Current(t.Context(), "a"); err != nil || now.Version() != before.Version()+1 {
		t.Errorf("Current: %v, %v", now, err)
	}
}

// TestCancelAnywhere cancels a commit before and after each of its statements.
func TestCancelAnywhere(t *testing.T) {
	f := &faults{left: -1}
	s := openFaulty(t, f, filepath.Join(t.TempDir(), "cache.db"), &sqlite.Options{MaxAge: -1})
	mustCommit(t, s, "a", put(generation(1)...))
	for step, committed := 0, false; !committed; step++ {
		before, err := s.Refresh(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		n, last, late := 0, "", false
		f.mu.Lock()
		f.hook = func(query string, done bool) {
			if n == step {
				cancel()
				last, late = query, done
			}
			n++
		}
		f.mu.Unlock()
		_, err = s.Commit(ctx, "a", before.Version(), put(board(1, fmt.Sprint(step)), board(2, "x")))
		cancel()
		f.mu.Lock()
		f.hook = nil
		f.mu.Unlock()
		now, readErr := s.Refresh(t.Context(), "a")
		if readErr != nil {
			t.Fatal(readErr)
		}
		switch {
		case err == nil:
			committed = n <= step
			if n > step && last != "COMMIT" {
				t.Errorf("a commit cancelled at %q (done: %v) came through", last, late)
			}
		case !errors.Is(err, context.Canceled):
			t.Errorf("cancelled at %q: %v", last, err)
		case now != before:
			t.Errorf("cancelled at %q, something was written", last)
		}
	}
}

func TestRetain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cache.db")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := &sqlite.Options{Retain: 10 * 24 * time.Hour, Now: func() time.Time { return now }, MaxAge: -1}
	s := openFile(t, "sqlite", file, o)
	idle := openFile(t, "sqlite", file, o) // another process, which has the first version and sleeps
	for day := range 30 {
		now = time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC)
		b := put(board(1, fmt.Sprint("day ", day)), board(100+day, "added"))
		if day > 0 {
			b.End = []psa.Ref{{Kind: psa.KindBoard, ID: fmt.Sprint(100 + day - 1)}}
		}
		if day%3 == 0 {
			b.At = now.AddDate(5-10*(day%2), 0, 0) // a caller's clock that is wrong neither deletes nor keeps
		}
		mustCommit(t, s, "a", b)
		mustCommit(t, s, "a", cache.Batch{})
		if day == 0 {
			if _, err := idle.Refresh(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
	}
	var kept []cache.Version
	for c, err := range s.Versions(t.Context(), "a") {
		if err != nil {
			t.Fatal(err)
		}
		if c.Added > 0 {
			kept = append(kept, c.Version)
		}
	}
	// Day 19 is ten days before day 29; its version is the one that began then.
	if len(kept) != 11 || kept[0] != 30 || kept[10] != 20 {
		t.Errorf("versions %v are kept", kept)
	}
	for _, v := range kept {
		snap, err := s.At(t.Context(), "a", v)
		if err != nil {
			t.Fatal(err)
		}
		if r, _ := snap.Get(psa.Ref{Kind: psa.KindBoard, ID: "1"}); snap.Len(psa.KindBoard) != 2 || r.Name() != fmt.Sprint("day ", v-1) {
			t.Errorf("version %d has %d rows and %q", v, snap.Len(psa.KindBoard), r.Name())
		}
	}
	if _, err := s.At(t.Context(), "a", 19); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("a version that is not kept: %v", err)
	}
	if n := queryInt(t, openDB(t, file), `SELECT count(*) FROM psasync_row WHERE ended <= 20`); n != 0 {
		t.Errorf("%d rows that nobody can ask for are kept", n)
	}
	fresh, err := s.Refresh(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if woken, err := idle.Refresh(t.Context(), "a"); err != nil || woken.Version() != fresh.Version() || len(cache.Diff(woken, fresh)) > 0 {
		t.Errorf("a process that slept through it: %v, %v", cache.Diff(woken, fresh), err)
	}
}

func TestClose(t *testing.T) {
	db := openDB(t, filepath.Join(t.TempDir(), "cache.db"))
	s, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap := mustCommit(t, s, "a", put(board(1, "x")))
	lease, err := s.Acquire(t.Context(), "a", "me", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if n := db.Stats().InUse; n != 2 {
		t.Errorf("%d connections are in use", n)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := db.Stats().OpenConnections; n != 0 {
		t.Errorf("%d connections with the store's settings went back to the pool", n)
	}
	for what, err := range map[string]error{
		"Current": second(s.Current(t.Context(), "a")),
		"Refresh": second(s.Refresh(t.Context(), "a")),
		"Commit":  second(s.Commit(t.Context(), "a", 1, cache.Batch{})),
		"At":      second(s.At(t.Context(), "a", 1)),
		"Acquire": second(s.Acquire(t.Context(), "a", "me", time.Hour)),
		"Renew":   lease.Renew(t.Context(), time.Hour),
	} {
		if !errors.Is(err, cache.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, err := range s.Versions(t.Context(), "a") {
		if !errors.Is(err, cache.ErrClosed) {
			t.Errorf("Versions: %v", err)
		}
	}
	if len(snap.Options(psa.KindBoard, "")) != 1 {
		t.Error("the snapshot did not outlive the store")
	}
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("the database was closed: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestSharedFile: the host's own tables and transactions in the same file go
// on as before.
func TestSharedFile(t *testing.T) {
	db := openDB(t, filepath.Join(t.TempDir(), "cache.db"))
	s, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE host (x)`); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, "a", put(board(1, "x")))
	if _, err := db.ExecContext(t.Context(), `INSERT INTO host VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	if n := queryInt(t, db, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'psasync_%' AND name <> 'host'`); n != 0 {
		t.Errorf("%d tables have names that may be the host's", n)
	}
	mustCommit(t, s, "a", put(board(1, "y")))
}
