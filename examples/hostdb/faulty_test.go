package hostdb_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"testing"

	_ "modernc.org/sqlite" // registers "sqlite"
)

// faults are what goes wrong with the statements of a database; nil fields are
// for nothing.
type faults struct {
	mu     sync.Mutex
	query  func(ctx context.Context, sql string) error
	commit func() error                     // told after a commit was done
	rows   func(sql string, read int) error // told before the next row
}

func (f *faults) set(change func(*faults)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *faults) onQuery(ctx context.Context, sql string) error {
	f.mu.Lock()
	hook := f.query
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, sql)
}

func (f *faults) onCommit() error {
	f.mu.Lock()
	hook := f.commit
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook()
}

func (f *faults) onRow(sql string, read int) error {
	f.mu.Lock()
	hook := f.rows
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(sql, read)
}

// coded is an error as an SQLite driver tells it.
type coded int

func (coded) Error() string { return "refused by the test" }
func (c coded) Code() int   { return int(c) }

// openFaulty opens a database whose statements pass through f.
func openFaulty(t testing.TB, dsn string, f *faults) *sql.DB {
	t.Helper()
	plain, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector{plain.Driver(), dsn, f})
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := plain.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

type connector struct {
	driver driver.Driver
	dsn    string
	f      *faults
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	inner, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &conn{inner, c.f}, nil
}

type conn struct {
	driver.Conn
	f *faults
}

func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	inner, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return &tx{inner, c.f}, err
}

func (c *conn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.f.onQuery(ctx, q); err != nil {
		return nil, err
	}
	inner, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
	if err != nil {
		return nil, err
	}
	return &rows{Rows: inner, sql: q, f: c.f}, nil
}

func (c *conn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.f.onQuery(ctx, q); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}

type tx struct {
	driver.Tx
	f *faults
}

func (t *tx) Commit() error {
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.f.onCommit()
}

type rows struct {
	driver.Rows
	sql  string
	read int
	f    *faults
}

func (r *rows) Next(dest []driver.Value) error {
	if err := r.f.onRow(r.sql, r.read); err != nil {
		return err
	}
	r.read++
	return r.Rows.Next(dest)
}
