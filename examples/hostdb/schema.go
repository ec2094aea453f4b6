package hostdb

import (
	"context"
	"database/sql"
	_ "embed" // schema.sql and demo.sql
	"fmt"
	"net/url"

	"github.com/psasync/psasync/psa"
)

//go:embed schema.sql
var schemaSQL string

//go:embed demo.sql
var demoSQL string

// migrations lead from one form of the tables to the next. Entries are only
// ever added.
var migrations = []string{schemaSQL}

// DSN names a SQLite file for the driver modernc.org/sqlite, set up as this
// package needs it: a log beside the file, so that readers and the writer do
// not wait for each other; foreign keys, which SQLite leaves off; and writers
// that take their place in line at BEGIN, since one that reads first and writes
// later would be refused. The timeout is for what waits beside writes.
func DSN(file string) string {
	return "file:" + (&url.URL{Path: file}).EscapedPath() +
		"?_txlock=immediate&_pragma=busy_timeout(50)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)"
}

// migrate brings the tables into the present form, in one transaction: of two
// processes that open a new file together, the second finds it whole.
func (s *store) migrate(ctx context.Context) error {
	return s.patiently(ctx, func() error {
		var foreignKeys bool
		if err := s.db.QueryRowContext(ctx, `PRAGMA foreign_keys`).Scan(&foreignKeys); err != nil {
			return err
		}
		if !foreignKeys {
			return &psa.Error{Code: psa.ErrInvalid, Detail: "foreign keys are off; open the database as DSN says"}
		}
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := migrate(ctx, tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

func migrate(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT`); err != nil {
		return err
	}
	var have int
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_version`).Scan(&have); err != nil {
		return err
	}
	if have > len(migrations) {
		return &psa.Error{Code: psa.ErrUnsupported, Detail: fmt.Sprintf("the tables have form %d, this release knows %d", have, len(migrations))}
	}
	for i, statements := range migrations[have:] {
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schema_version VALUES (?)`, have+i+1); err != nil {
			return err
		}
	}
	return nil
}

// Demo fills a new database with a few users, clients and tickets. On one that
// has any it is ErrConflict.
func (p *Provider) Demo(ctx context.Context) error {
	return p.fail(ctx, "demo", psa.Ref{}, p.write(ctx, p.login, func(w *writer) error {
		_, err := w.tx.ExecContext(w.ctx, demoSQL)
		return err
	}))
}
