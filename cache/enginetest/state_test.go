package enginetest

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
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

// TestMemoryDatabaseState runs the cases that share a connection over the only
// one that a database in memory can have.
func TestMemoryDatabaseState(t *testing.T) {
	t.Parallel()
	for _, only := range []string{"Content", "Atomic", "Seen", "Loop", "Cancelled", "Savers", "Readers"} {
		cachetest.RunState(t, cachetest.StateHarness{
			Only: only,
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
}

// emptyFile returns a file that has its tables: to make them takes longer than
// all that is done with them here.
func emptyFile(t *testing.T) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "empty.db")
	db := openDB(t, file)
	s, err := sqlite.New(t.Context(), db, nil)
	if err == nil {
		err = errors.Join(s.Close(), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSaveFailures is TestFailures for Save.
func TestSaveFailures(t *testing.T) {
	t.Parallel()
	empty := emptyFile(t)
	for _, mode := range []struct {
		name        string
		after, dead bool
	}{{"before", false, false}, {"after", true, false}, {"gone before", false, true}, {"gone after", true, true}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			byState := map[cache.State]*faults{}
			files := map[cache.State]string{}
			commits := 0
			h := cachetest.StateHarness{
				Only: "Failure",
				Open: func(t *testing.T) cache.State {
					f := &faults{left: -1, after: mode.after, dead: mode.dead}
					file := filepath.Join(t.TempDir(), "state.db")
					if err := os.WriteFile(file, empty, 0o600); err != nil {
						t.Fatal(err)
					}
					s := openFaulty(t, f, file, &sqlite.Options{MaxAge: -1})
					byState[s], files[s] = f, file
					return s
				},
				Fail: func(s cache.State, step int) func() bool {
					f := byState[s]
					end := f.arm(step)
					return func() bool {
						reached := end()
						if n := len(f.log); reached && n > 0 && strings.HasPrefix(f.log[n-1], "COMMIT") {
							commits++
						}
						return reached
					}
				},
			}
			if mode.dead { // otherwise what the state reads is what is there
				h.Again = func(t *testing.T, s cache.State) cache.State { return openFile(t, "sqlite", files[s], nil) }
			}
			cachetest.RunState(t, h)
			if commits == 0 {
				t.Error("no COMMIT was made to fail")
			}
		})
	}
}

func oneLink(key, reason string) cache.StateBatch {
	return cache.StateBatch{Links: []cache.Link{{Key: key, Kind: psa.KindTicket, IDs: [2]string{key, key}, Reason: reason}}}
}

func mustSave(t *testing.T, s cache.State, b cache.StateBatch) {
	t.Helper()
	if err := s.Save(t.Context(), "a", b); err != nil {
		t.Fatal(err)
	}
}

func TestSaveFull(t *testing.T) {
	s := openFile(t, "sqlite", filepath.Join(t.TempDir(), "state.db")+"?_pragma=max_page_count(80)", nil)
	mustSave(t, s, oneLink("k", "small"))
	big := oneLink("big", strings.Repeat("x", 1<<20))
	big.Links = append(oneLink("other", "small").Links, big.Links...)
	if err := s.Save(t.Context(), "a", big); !errors.Is(err, cache.ErrFull) {
		t.Errorf("the error is %v", err)
	}
	for _, key := range []string{"big", "other"} {
		if _, ok, err := s.Link(t.Context(), "a", key); ok || err != nil {
			t.Errorf("link %s is there after the refusal: %v, %v", key, ok, err)
		}
	}
	mustSave(t, s, oneLink("fits", "small"))
}

func TestSaveReadOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	mustSave(t, openFile(t, "sqlite", file, nil), oneLink("k", "x"))
	s := openFile(t, "sqlite", "file:"+file+"?mode=ro", nil)
	if err := s.Save(t.Context(), "a", oneLink("l", "y")); !errors.Is(err, cache.ErrReadOnly) {
		t.Errorf("the error is %v", err)
	}
	if l, ok, err := s.Link(t.Context(), "a", "k"); !ok || err != nil || l.Reason != "x" {
		t.Errorf("%+v, %v, %v", l, ok, err)
	}
}

func TestSaveLocked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	s := openFile(t, "sqlite", file, &sqlite.Options{BusyTimeout: 20 * time.Millisecond})
	mustSave(t, s, oneLink("k", "x"))
	other, err := openDB(t, file).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), "a", oneLink("l", "y")); !errors.Is(err, cache.ErrBusy) || !psa.Temporary(err) {
		t.Errorf("the error is %v", err)
	}
	if _, ok, err := s.Link(t.Context(), "a", "k"); !ok || err != nil {
		t.Errorf("reading while another writes: %v, %v", ok, err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	mustSave(t, s, oneLink("l", "y"))
}

// TestReadWhileSaving stops a save half-way and reads everything.
func TestReadWhileSaving(t *testing.T) {
	f := &faults{left: -1}
	s := openFaulty(t, f, filepath.Join(t.TempDir(), "state.db"), &sqlite.Options{MaxAge: -1})
	mustSave(t, s, savedBatchOf("1"))
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
	b := savedBatchOf("2")
	b.Links[0].Rev = 1
	go func() { done <- s.Save(t.Context(), "a", b) }()
	<-inside
	l, _, err := s.Link(t.Context(), "a", "k")
	if err != nil || l.Reason != "1" {
		t.Errorf("Link: %+v, %v", l, err)
	}
	for l, err := range s.Links(t.Context(), "a", cache.LinkQuery{}) {
		if err != nil || l.Reason != "1" {
			t.Errorf("Links: %+v, %v", l, err)
		}
	}
	for _, whole := range []bool{true, false} {
		if known, err := s.Seen(t.Context(), "a", cache.Left, psa.KindTicket, whole); err != nil {
			t.Error(err)
		} else if _, ok := known.Known(psa.Hash{1}); !ok {
			t.Error("the row is not known")
		}
	}
	goOn <- true
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if l, _, err := s.Link(t.Context(), "a", "k"); err != nil || l.Reason != "2" {
		t.Errorf("Link: %+v, %v", l, err)
	}
}

func savedBatchOf(reason string) cache.StateBatch {
	b := oneLink("k", reason)
	b.Seen = []cache.Seen{{Kind: psa.KindTicket, ID: "1", Hash: psa.Hash{1}}}
	return b
}

// TestSynced: a synced save, and none but that, is committed at the level that
// survives a power cut.
func TestSynced(t *testing.T) {
	for _, full := range []bool{false, true} {
		f := &faults{left: -1}
		s := openFaulty(t, f, filepath.Join(t.TempDir(), "state.db"), &sqlite.Options{MaxAge: -1, Full: full})
		level := map[bool]string{false: "NORMAL", true: "FULL"}[full] // as New leaves it
		f.hook = func(query string, done bool) {
			if l, ok := strings.CutPrefix(query, "PRAGMA synchronous = "); ok && done {
				level = l
			}
		}
		for _, synced := range []bool{false, true, true, false} {
			b := cache.StateBatch{Settings: map[string]string{"x": "y"}, Synced: synced}
			mustSave(t, s, b)
			if want := map[bool]string{false: "NORMAL", true: "FULL"}[synced || full]; level != want {
				t.Errorf("full %v, synced %v: the level is %s", full, synced, level)
			}
		}
		mustCommit(t, s, "a", put(board(1, "x")))
		if want := map[bool]string{false: "NORMAL", true: "FULL"}[full]; level != want {
			t.Errorf("full %v: a commit was at level %s", full, level)
		}
	}
}

func TestCorruptState(t *testing.T) {
	t.Parallel()
	for what, damage := range map[string]string{
		"link":      `UPDATE psasync_link SET data = '{'`,
		"number":    `UPDATE psasync_link SET data = '{"base":[{"n":1e999999999},null]}'`,
		"key":       `UPDATE psasync_link SET kind = ''`,
		"pending":   `UPDATE psasync_link SET pending = 1`,
		"task":      `UPDATE psasync_task SET data = '['`,
		"task time": `UPDATE psasync_task SET since = 'yesterday'`,
		"due":       `UPDATE psasync_task SET due = 'soon'`,
		"task side": `UPDATE psasync_task SET side = 7`,
		"audit":     `UPDATE psasync_audit SET data = ''`,
		"audit at":  `UPDATE psasync_audit SET at = '1'`,
		"cursor":    `UPDATE psasync_cursor SET data = '{"since":1}'`,
		"hash":      `UPDATE psasync_seen SET hash = x'00'`,
	} {
		file := filepath.Join(t.TempDir(), "state.db")
		s := openFile(t, "sqlite", file, nil)
		b := savedBatchOf("x")
		b.Tasks = []cache.Task{{ID: "t", Type: "retry"}}
		b.Cursors = []cache.Cursor{{Kind: psa.KindTicket}}
		b.Audits = []cache.Audit{{Op: "x"}}
		mustSave(t, s, b)
		read := func() (errs []error) {
			for _, err := range s.Links(t.Context(), "a", cache.LinkQuery{}) {
				errs = append(errs, err)
			}
			for _, err := range s.Tasks(t.Context(), "a", cache.TaskQuery{}) {
				errs = append(errs, err)
			}
			for _, err := range s.Audits(t.Context(), "a", cache.AuditQuery{}) {
				errs = append(errs, err)
			}
			_, err := s.Cursor(t.Context(), "a", cache.Left, psa.KindTicket)
			errs = append(errs, err)
			_, err = s.Seen(t.Context(), "a", cache.Left, psa.KindTicket, true)
			return append(errs, err)
		}
		if err := errors.Join(read()...); err != nil {
			t.Fatal(err)
		}
		if _, err := openDB(t, file).ExecContext(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(read()...); !errors.Is(err, cache.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestMigrate opens a file of the first release, which kept no state.
func TestMigrate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.db")
	s := openFile(t, "sqlite", file, nil)
	mustCommit(t, s, "a", cache.Batch{Put: generation(1), Token: 7})
	db := openDB(t, file)
	for _, statement := range []string{
		`UPDATE psasync_source SET token = 3`, `DROP TABLE psasync_state`, `DROP TABLE psasync_link`, `DROP TABLE psasync_task`, `DROP TABLE psasync_cursor`,
		`DROP TABLE psasync_seen`, `DROP TABLE psasync_setting`, `DROP TABLE psasync_audit`, `DELETE FROM psasync_schema WHERE version = 2`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	s = openFile(t, "sqlite", file, nil)
	if snap, err := s.Current(t.Context(), "a"); err != nil || snap.Version() != 1 {
		t.Errorf("the snapshot is %v, %v", snap, err)
	}
	b := oneLink("k", "x")
	b.Token = 6
	if err := s.Save(t.Context(), "a", b); !errors.Is(err, cache.ErrFenced) {
		t.Errorf("a token older than a former commit's: %v", err)
	}
	b.Token = 7
	mustSave(t, s, b)
}

// TestStateQueryPlans: no question that a bridge asks while it works reads
// tables from end to end or sorts.
func TestStateQueryPlans(t *testing.T) {
	f := &faults{left: -1}
	file := filepath.Join(t.TempDir(), "state.db")
	s := openFaulty(t, f, file, &sqlite.Options{MaxAge: -1})
	mustSave(t, s, oneLink("k", "x"))
	db := openDB(t, file)
	side := cache.Left
	links := func(q cache.LinkQuery) func() {
		return func() { ask(t, s.Links(t.Context(), "a", q)) }
	}
	tasks := func(q cache.TaskQuery) func() {
		return func() { ask(t, s.Tasks(t.Context(), "a", q)) }
	}
	audits := func(q cache.AuditQuery) func() {
		return func() { ask(t, s.Audits(t.Context(), "a", q)) }
	}
	for index, question := range map[string]func(){
		"psasync_link_key":       links(cache.LinkQuery{}),
		"psasync_link_kind":      links(cache.LinkQuery{Kind: psa.KindTicket}),
		"psasync_link_parent":    links(cache.LinkQuery{Parent: "p", Kind: psa.KindNote}),
		"psasync_link_company":   links(cache.LinkQuery{Company: "c"}),
		"psasync_link_state":     links(cache.LinkQuery{States: []cache.LinkState{cache.LinkHalf}}),
		"psasync_link_pending":   links(cache.LinkQuery{Pending: true}),
		"psasync_link_left":      func() { _, _, _ = s.LinkOf(t.Context(), "a", cache.Left, psa.Ref{Kind: "k", ID: "1"}) },
		"psasync_link_right":     func() { _, _, _ = s.LinkOf(t.Context(), "a", cache.Right, psa.Ref{Kind: "k", ID: "1"}) },
		"psasync_task_since":     tasks(cache.TaskQuery{Due: time.Now()}),
		"psasync_task_waits_for": tasks(cache.TaskQuery{WaitsFor: "w"}),
		"psasync_task_link":      tasks(cache.TaskQuery{Link: "l"}),
		"psasync_task_record":    tasks(cache.TaskQuery{Record: "1", Side: &side, Kind: psa.KindTicket}),
		"psasync_audit_at":       audits(cache.AuditQuery{Since: time.Now()}),
		"psasync_audit_run":      audits(cache.AuditQuery{Run: "r"}),
		"psasync_audit_link":     audits(cache.AuditQuery{Link: "l"}),
		"psasync_seen_hash": func() {
			if known, err := s.Seen(t.Context(), "a", cache.Left, psa.KindTicket, false); err == nil {
				known.Known(psa.Hash{1})
			}
		},
	} {
		query := ""
		f.mu.Lock()
		f.hook = func(q string, _ bool) {
			if strings.HasPrefix(q, "SELECT") && !strings.Contains(q, "saves FROM") {
				query = q
			}
		}
		f.mu.Unlock()
		question()
		args := make([]any, strings.Count(query, "?"))
		for i := range args {
			args[i] = "1"
		}
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var plan []string
		for rows.Next() {
			var id, parent, other int
			var detail string
			if err := rows.Scan(&id, &parent, &other, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if all := strings.Join(plan, "; "); !strings.Contains(all, index+" ") || strings.Contains(all, "SCAN") || strings.Contains(all, "TEMP B-TREE") {
			t.Errorf("%s: %s\n%s", index, all, query)
		}
	}
}

// ask begins a loop.
func ask[V any](t *testing.T, rows iter.Seq2[V, error]) {
	for _, err := range rows {
		if err != nil {
			t.Error(err)
		}
		return
	}
}
