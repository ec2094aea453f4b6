package hostdb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

// TestConformance runs the suite on a SQLite file with pages of 30 rows.
func TestConformance(t *testing.T) {
	t.Parallel()
	demoFile(t) // outside of the bubbles
	psatest.Run(t, psatest.Harness{
		Open: func(t testing.TB) *psatest.World { return open(t).world() },
		Known: map[string]string{
			"errors/auth":          "whoever may open the file may read it: there are no credentials",
			"errors/rate-limit":    "a database does not count requests",
			"errors/login-page":    "no proxy stands between a program and its database",
			"paging/repeated-page": "a page is a SELECT behind the last id; the engine does not answer another one",
			"paging/capped-page":   "no engine cuts the LIMIT it is given",
			"paging/wrong-count":   "a list does not count",
		},
	})
}

// host is a database with the demonstration in it.
type host struct {
	t      testing.TB
	p      *hostdb.Provider
	faults *faults
	people *sql.DB // the same file, for what goes on behind the provider's back
}

// demo is a file with the demonstration in it, made once, since making it is
// most of what a test does.
var demo = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "hostdb")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "demo.db")
	db, err := sql.Open("sqlite", hostdb.DSN(file))
	if err != nil {
		return nil, err
	}
	_, o := at(time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC))
	p, err := hostdb.New(context.Background(), db, o)
	if err == nil {
		err = p.Demo(context.Background())
	}
	// Closing the last connection brings the log into the file.
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// demoFile returns a new file with the demonstration in it.
func demoFile(t testing.TB) string {
	t.Helper()
	content, err := demo()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "host.db")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// dsn is hostdb.DSN for tests, which outlive no power cut.
func dsn(file string) string { return hostdb.DSN(file) + "&_pragma=synchronous(0)" }

func open(t testing.TB) *host {
	t.Helper()
	file := demoFile(t)
	h := &host{t: t, faults: &faults{}}
	p, err := hostdb.New(t.Context(), openFaulty(t, dsn(file), h.faults), &hostdb.Options{PageSize: 30})
	if err != nil {
		t.Fatal(err)
	}
	h.p = p
	// Without foreign keys, so that tables can be emptied.
	h.people = openDB(t, strings.Replace(dsn(file), "foreign_keys(1)", "foreign_keys(0)", 1))
	return h
}

// exec is plain SQL of the host's people.
func (h *host) exec(query string, args ...any) {
	h.t.Helper()
	if _, err := h.people.Exec(query, args...); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
}

// inSQL is where a kind is, and what its rows are renamed by.
var inSQL = map[psa.Kind]struct{ table, rename string }{
	psa.KindTicketSource: {"channels", "name = ?"},
	psa.KindContact:      {"people", "first_name = ?, last_name = NULL"},
	psa.KindCompany:      {"clients", "name = ?"},
	psa.KindSite:         {"sites", "name = ?"},
	psa.KindTicket:       {"tickets", "subject = ?"},
	psa.KindNote:         {"comments", "body = ?"},
	psa.KindTimeEntry:    {"worklogs", "summary = ?"},
}

const later = "strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+1 second')"

func (h *host) world() *psatest.World {
	return &psatest.World{
		Provider: h.p,
		Canaries: []string{"61.40", "48.20", "DE02 1203", "120.00"}, // pay, a bank account, a rate
		Fill: map[psa.Kind]func(int){
			psa.KindTicketSource: func(n int) {
				h.fill("channels", n, "name, updated_at, updated_by", "'Channel ' || i, '2026-01-05T09:00:00.000Z', 'ana'")
			},
			psa.KindContact: func(n int) {
				h.fill("people", n, "client_id, first_name, last_name, job_title, created_at, created_by, updated_at, updated_by",
					"1, 'Pat ' || i, 'Doe', 'Engineer', '2026-01-05T09:00:00.000Z', 'ana', '2026-01-05T09:00:00.000Z', 'ana'")
			},
		},
		Rename: func(ref psa.Ref, name string) {
			in := inSQL[ref.Kind]
			h.exec("UPDATE "+in.table+" SET "+in.rename+", row_version = row_version + 1, updated_at = "+later+" WHERE id = ?", name, ref.ID)
		},
		Remove: func(ref psa.Ref) {
			if !ref.Kind.IsRecord() {
				h.exec("DELETE FROM "+inSQL[ref.Kind].table+" WHERE id = ?", ref.ID)
				return
			}
			h.exec("UPDATE "+inSQL[ref.Kind].table+" SET deleted_at = "+later+" WHERE id = ?", ref.ID)
			h.exec("INSERT INTO deletions (table_name, row_id, deleted_at, deleted_by) VALUES (?, ?, '2026-03-02T10:00:00.000Z', 'ana')", inSQL[ref.Kind].table, ref.ID)
		},
		Trouble: h.trouble(),
		Plant: map[psatest.Oddity]func(string){
			psatest.TimedNote: func(token string) {
				if _, err := h.p.Desk("ana").LogWork(h.t.Context(), psa.Ref{Kind: psa.KindTicket, ID: "1"}, time.Unix(1.7e9, 0), 15*time.Minute, token); err != nil {
					h.t.Fatal(err)
				}
			},
			psatest.ProjectTicket: func(token string) {
				task := hostdb.Values{"client_id": 1, "subject": token, "is_task": 1}
				if _, err := h.p.Desk("ana").Add(h.t.Context(), psa.KindTicket, task); err != nil {
					h.t.Fatal(err)
				}
			},
			psatest.HiddenPerson: func(token string) {
				mailbox := hostdb.Values{"client_id": 1, "first_name": token, "is_mailbox": 1}
				if _, err := h.p.Desk("ana").Add(h.t.Context(), psa.KindContact, mailbox); err != nil {
					h.t.Fatal(err)
				}
			},
			psatest.UnclearNote: func(token string) {
				note := hostdb.Values{"ticket_id": 1, "body": token, "visibility": "as it was in 2019"}
				if _, err := h.p.Desk("ana").Add(h.t.Context(), psa.KindNote, note); err != nil {
					h.t.Fatal(err)
				}
			},
		},
		Mails: func() int {
			n, err := h.p.Desk("ana").Mails(h.t.Context())
			if err != nil {
				h.t.Fatal(err)
			}
			return n
		},
	}
}

// fill leaves a table with n rows of some values, in which i counts.
func (h *host) fill(table string, n int, columns, values string) {
	h.exec("DELETE FROM " + table)
	h.exec("WITH RECURSIVE n (i) AS (SELECT 1 WHERE ? > 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "+
		"INSERT INTO "+table+" ("+columns+") SELECT "+values+" FROM n", n, n)
}

func (h *host) trouble() map[psatest.Trouble]func(psa.Kind) {
	// of tells the statements that read rows of a kind, not those that only
	// name them in passing.
	of := func(kind psa.Kind, query string) bool { return strings.Contains(query, "FROM "+inSQL[kind].table+" t") }
	answer := func(err error) func(psa.Kind) {
		return func(kind psa.Kind) {
			h.faults.set(func(f *faults) {
				f.query = func(_ context.Context, query string) error {
					if of(kind, query) {
						return err
					}
					return nil
				}
			})
		}
	}
	return map[psatest.Trouble]func(psa.Kind){
		psatest.RightRemoved: answer(coded(23)), // SQLITE_AUTH
		psatest.ServerError:  answer(coded(10)), // SQLITE_IOERR
		psatest.CutBody: func(kind psa.Kind) {
			h.faults.set(func(f *faults) {
				f.rows = func(query string, read int) error {
					if of(kind, query) && read > 0 {
						return coded(10)
					}
					return nil
				}
			})
		},
		psatest.Hang: func(kind psa.Kind) {
			h.faults.set(func(f *faults) {
				f.query = func(ctx context.Context, query string) error {
					if !of(kind, query) {
						return nil
					}
					<-ctx.Done()
					return fmt.Errorf("interrupted")
				}
			})
		},
		psatest.LostReply: func(psa.Kind) {
			h.faults.set(func(f *faults) { f.commit = func() error { return coded(10) } })
		},
		psatest.BadRow: func(kind psa.Kind) {
			in := inSQL[kind].table
			h.exec("UPDATE " + in + " SET updated_at = 'last week' WHERE id = (SELECT max(id) FROM " + in + ")")
		},
		psatest.MovingRows: func(kind psa.Kind) {
			pages := 0
			h.faults.set(func(f *faults) {
				f.query = func(_ context.Context, query string) error {
					if pages++; of(kind, query) && pages == 2 {
						in := inSQL[kind].table
						h.exec("DELETE FROM " + in + " WHERE id = (SELECT id FROM " + in + " ORDER BY id LIMIT 1 OFFSET 3)")
					}
					return nil
				}
			})
		},
	}
}
