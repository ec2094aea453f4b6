package hostdb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// openDB opens a database until the test ends.
func openDB(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openFile(t testing.TB, file string, o *hostdb.Options) *hostdb.Provider {
	t.Helper()
	p, err := hostdb.New(t.Context(), openDB(t, dsn(file)), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNew(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "odd name?#%20.db")
	var wg sync.WaitGroup
	for range 6 { // processes that open a new file together
		wg.Go(func() {
			if _, err := hostdb.New(ctx, openDB(t, hostdb.DSN(file)), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	p := openFile(t, file, nil)
	one, err := p.Instance(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := openFile(t, file, nil).Instance(ctx); err != nil || two != one {
		t.Errorf("the same file is %v, then %v, %v", one, two, err)
	}
	if other, err := openFile(t, filepath.Join(t.TempDir(), "other.db"), nil).Instance(ctx); err != nil || other.ID == one.ID {
		t.Errorf("another file is %v, %v", other, err)
	}
	if err := p.Demo(ctx); err != nil {
		t.Fatal(err)
	}
	is(t, "a second demonstration", p.Demo(ctx), psa.ErrConflict)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	newer, garbage, plain := filepath.Join(dir, "newer.db"), filepath.Join(dir, "garbage.db"), filepath.Join(dir, "plain.db")
	openFile(t, newer, nil)
	if _, err := openDB(t, hostdb.DSN(newer)).Exec(`INSERT INTO schema_version VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database at all\n", 400)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, dsn string
		want      error
	}{
		{"a newer form", hostdb.DSN(newer), psa.ErrUnsupported},
		{"no database", hostdb.DSN(garbage), psa.ErrData},
		{"no foreign keys", plain, psa.ErrInvalid},
	} {
		_, err := hostdb.New(ctx, openDB(t, c.dsn), nil)
		is(t, c.what, err, c.want)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	db := openDB(t, hostdb.DSN(":memory:"))
	db.SetMaxOpenConns(1)
	p, err := hostdb.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, p.List(t.Context(), psa.KindTicket, psa.Query{}))); n != 3 {
		t.Errorf("%d tickets, want 3", n)
	}
}

// A database that another process writes to is unavailable for the moment.
func TestBusy(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "host.db")
	openFile(t, file, nil)
	p := openFile(t, file, &hostdb.Options{BusyTimeout: time.Millisecond})
	tx, err := openDB(t, hostdb.DSN(file)).BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Create(ctx, psa.KindCompany, psa.Fields{"name": "Acme"}, psa.NotifyNone)
	is(t, "a write beside another one", err, psa.ErrUnavailable)
	if _, err := p.Count(ctx, psa.KindCompany, psa.Query{}); err != nil {
		t.Errorf("a read beside a write: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err = p.Create(ctx, psa.KindCompany, psa.Fields{"name": "Acme"}, psa.NotifyNone); err != nil {
		t.Error(err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "host.db")
	openFile(t, file, nil)
	p, err := hostdb.New(t.Context(), openDB(t, hostdb.DSN(file)+"&_pragma=query_only(1)"), nil)
	is(t, "a database that may not be written", err, psa.ErrDenied)
	if p != nil {
		t.Error("New returns a provider and an error")
	}
}

// Stamps are as fine as announced, and never go back.
func TestStamps(t *testing.T) {
	t.Parallel()
	c, o := at(morning.Add(1234567 * time.Nanosecond))
	p := openFile(t, filepath.Join(t.TempDir(), "host.db"), o)
	ctx := t.Context()
	create := func(name string) psa.Record {
		t.Helper()
		r, err := p.Create(ctx, psa.KindCompany, psa.Fields{"name": name}, psa.NotifyNone)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one := create("one")
	if want := morning.Add(time.Millisecond); !one.Updated.Equal(want) {
		t.Errorf("updated %v, want %v", one.Updated, want)
	}
	c.now = c.now.Add(-time.Hour)
	two := create("two")
	if two.Updated.Before(one.Updated) {
		t.Errorf("the clock was set back, and with it the stamp: %v, then %v", one.Updated, two.Updated)
	}
	c.now = morning.Add(time.Second)
	between, err := p.ServerTime(ctx)
	if err != nil || !between.Equal(c.now) {
		t.Fatalf("ServerTime is %v, %v", between, err)
	}
	three := create("three")
	for _, q := range []struct {
		since time.Time
		want  int
	}{{one.Updated, 3}, {one.Updated.Add(time.Nanosecond), 3}, {one.Updated.Add(time.Millisecond), 1}, {between, 1}, {three.Updated.Add(time.Millisecond), 0}} {
		if n := len(all(t, p.List(ctx, psa.KindCompany, psa.Query{Since: q.since}))); n != q.want {
			t.Errorf("since %v: %d rows, want %d", q.since, n, q.want)
		}
	}
}

// ServerTime waits for a write that was stamped before and is not committed.
func TestServerTimeWaitsForWriters(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "host.db")
	p := openFile(t, file, nil)
	tx, err := openDB(t, hostdb.DSN(file)).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if now, err := p.ServerTime(ctx); err == nil {
		t.Errorf("ServerTime is %v while a write is under way", now)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ServerTime(t.Context()); err != nil {
		t.Error(err)
	}
}

// The host's own configuration goes through a resync like a PSA's, which gives
// a field map something to be checked against.
func TestResync(t *testing.T) {
	t.Parallel()
	h := open(t)
	store := cache.NewMemory()
	s, err := resync.New(h.p, store, &resync.Options{Source: "helpdesk"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	snapshot, err := store.Current(t.Context(), "helpdesk")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range snapshot.Options(psa.KindStatus, "") {
		names = append(names, o.Name)
	}
	if got := strings.Join(names, " "); got != "New Working Waiting Resolved Closed" {
		t.Errorf("statuses are %s", got)
	}
	fields := map[string]psa.Type{}
	for _, f := range snapshot.Fields(psa.KindTicket) {
		fields[f.Name] = f.Type
	}
	if fields["custom.estimate_minutes"] != psa.TypeNumber || fields["custom.site_code"] != psa.TypeString {
		t.Errorf("custom fields are %q and %q", fields["custom.estimate_minutes"], fields["custom.site_code"])
	}
}

// What is out of scope is out of it where other rows refer to it, too.
func TestScope(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exec("INSERT INTO comments (ticket_id, body, created_at, created_by, updated_at, updated_by) VALUES (4, 'On a task', ?1, 'ana', ?1, 'ana')", "2026-03-02T09:00:00.000Z")
	if n := len(h.list(psa.KindNote, psa.Query{})); n != 3 {
		t.Errorf("%d notes, want 3 without that on a project's task", n)
	}
	ticket := to(psa.KindTicket, "1")
	if got := h.get(ticket).Fields.Ref("contact"); got != (psa.Reference{ID: "1", Name: "Alex Morgan"}) {
		t.Errorf("contact is %v", got)
	}
	for _, change := range []string{
		"UPDATE people SET is_mailbox = 1 WHERE id = 1",
		"UPDATE people SET is_mailbox = 0, deleted_at = updated_at WHERE id = 1",
	} {
		h.exec(change)
		if got, ok := h.get(ticket).Fields["contact"]; got != nil || !ok {
			t.Errorf("after %s contact is %v", change, got)
		}
	}
}

// Engines repeat a row's values in their errors; the provider does not.
func TestErrorsHoldNoValues(t *testing.T) {
	t.Parallel()
	h := open(t)
	cause := errors.New("duplicate key (email)=(alex@acme.example)")
	h.faults.set(func(f *faults) { f.query = func(context.Context, string) error { return cause } })
	_, err := h.p.Get(t.Context(), to(psa.KindContact, "1"))
	is(t, "an unknown failure", err, psa.ErrUnavailable)
	is(t, "its cause", err, cause)
	if strings.Contains(err.Error(), "alex") {
		t.Errorf("the error shows a value: %v", err)
	}
}
