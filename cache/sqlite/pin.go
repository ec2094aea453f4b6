package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// A pin holds one connection of the pool, set up once, for one user at a time.
// BeginTx would start a deferred transaction, which fails with SQLITE_BUSY
// when it turns into a writer; and PRAGMAs are of one connection only.
type pin struct {
	db     *sql.DB
	busy   time.Duration
	full   bool
	lock   chan struct{} // holds one token; a channel, so that waiting ends with the context
	conn   *sql.Conn     // nil until first used and after a failure
	stmts  map[string]*sql.Stmt
	level  string // of PRAGMA synchronous; "" if it is not known
	memory bool   // the database is in memory, or temporary, and dies with the connection
	closed bool
}

func newPin(db *sql.DB, busy time.Duration, full bool) *pin {
	return &pin{db: db, busy: busy, full: full, lock: make(chan struct{}, 1)}
}

// do calls f with the connection. The error is classified.
func (p *pin) do(ctx context.Context, f func(*sql.Conn) error) error {
	select {
	case p.lock <- struct{}{}:
		defer func() { <-p.lock }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.closed {
		return cache.ErrClosed
	}
	if p.conn == nil {
		if err := p.open(ctx); err != nil {
			p.drop()
			return classify(ctx, err)
		}
	}
	err := f(p.conn)
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		p.drop()
	}
	return classify(ctx, err)
}

func (p *pin) open(ctx context.Context) (err error) {
	if p.conn, err = p.db.Conn(ctx); err != nil {
		return err
	}
	if _, err := p.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", p.busy.Milliseconds())); err != nil {
		return err
	}
	file, err := mainFile(ctx, p.conn)
	if err != nil {
		return err
	}
	p.memory = file == ""
	if !p.memory {
		if err := wal(ctx, p.conn, p.busy); err != nil {
			return err
		}
	}
	p.stmts, p.level = map[string]*sql.Stmt{}, ""
	if err := p.synchronous(ctx, p.full); err != nil {
		return err
	}
	// A first load writes much more than the default of 1000 pages; copying
	// them once costs less than copying them four times.
	for _, pragma := range []string{"wal_autocheckpoint = 4000", "foreign_keys = ON"} {
		if _, err := p.conn.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return err
		}
	}
	return nil
}

// synchronous says whether the transactions that follow are synced to the disk.
// With NORMAL a COMMIT leaves that to the next checkpoint; with FULL it returns
// once the log is on the disk, which includes all commits before it.
func (p *pin) synchronous(ctx context.Context, full bool) error {
	level := "NORMAL"
	if full {
		level = "FULL"
	}
	if p.level == level {
		return nil
	}
	p.level = ""
	_, err := p.conn.ExecContext(ctx, "PRAGMA synchronous = "+level)
	if err == nil {
		p.level = level
	}
	return err
}

// prepare returns a statement of the connection, which keeps it.
func (p *pin) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt := p.stmts[query]
	if stmt == nil {
		var err error
		if stmt, err = p.conn.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		p.stmts[query] = stmt
	}
	return stmt, nil
}

// mainFile returns the path of the database, "" if it is in memory.
func mainFile(ctx context.Context, c *sql.Conn) (string, error) {
	var file sql.NullString
	err := c.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file)
	return file.String, err
}

// wal switches the file to write-ahead logging, where readers and the writer
// do not wait for each other. SQLite does not wait for the lock this takes, so
// processes that open a new file together have to take turns here.
func wal(ctx context.Context, c *sql.Conn, busy time.Duration) error {
	return patiently(ctx, busy, func() error {
		var mode string
		if err := c.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil || mode == "wal" {
			return err
		}
		if err := c.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
			return err
		}
		if mode != "wal" {
			return fmt.Errorf("the file system keeps the journal mode at %q, WAL is needed", mode)
		}
		return nil
	})
}

// patiently calls f until it is not refused by a lock, for at most busy.
func patiently(ctx context.Context, busy time.Duration, f func() error) error {
	deadline := time.Now().Add(busy)
	for {
		err := classify(ctx, f())
		if !errors.Is(err, cache.ErrBusy) || time.Now().After(deadline) {
			return err
		}
		wait := time.NewTimer(10 * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
}

// transaction calls f in a transaction of the connection, which ends with f's
// error or is committed. Cancelling ctx ends it before COMMIT, never during:
// the outcome of a COMMIT that was cut off would be unknown.
func (p *pin) transaction(ctx context.Context, begin string, f func(*sql.Conn) error) error {
	return p.transactionAt(ctx, p.full, begin, f)
}

// transactionAt is transaction, synced to the disk or not. SQLite does not
// change that within a transaction.
func (p *pin) transactionAt(ctx context.Context, full bool, begin string, f func(*sql.Conn) error) error {
	return p.do(ctx, func(c *sql.Conn) error {
		if err := p.synchronous(ctx, full); err != nil {
			p.drop()
			return err
		}
		if _, err := c.ExecContext(ctx, begin); err != nil {
			if err = classify(ctx, err); !errors.Is(err, cache.ErrBusy) {
				p.rollback(c) // it may have begun all the same
			}
			return err
		}
		err := f(c)
		if err == nil {
			err = ctx.Err()
		}
		end := context.WithoutCancel(ctx)
		if err == nil {
			if _, err = c.ExecContext(end, "COMMIT"); err == nil {
				return nil
			}
			if err = classify(end, err); !psa.Temporary(err) {
				err = fmt.Errorf("%w: %w", psa.ErrUnavailable, err)
			}
			err = &unsettledError{err}
		}
		p.rollback(c)
		return err
	})
}

// rollback ends the transaction. SQLite has done so itself after some errors,
// and then says that there is none; a new connection is in a known state either
// way. A database in memory must do with this one.
func (p *pin) rollback(c *sql.Conn) {
	if _, err := c.ExecContext(context.Background(), "ROLLBACK"); err != nil && !p.memory {
		p.drop()
	}
}

// An unsettledError is the failure of a COMMIT, after which it is not known
// whether the transaction is in the file until that is read. It is
// psa.Temporary, whatever else it is.
type unsettledError struct{ err error }

func (e *unsettledError) Error() string { return e.err.Error() }
func (e *unsettledError) Unwrap() error { return e.err }

// drop gives the connection up and has the pool close it, so that its PRAGMAs
// and locks do not reach others.
func (p *pin) drop() {
	if p.conn == nil || p.memory && !p.closed { // its data would go with it
		return
	}
	// The pool does not know of these, and SQLite keeps a connection that has
	// statements, with its locks.
	for _, stmt := range p.stmts {
		_ = stmt.Close()
	}
	// Raw passes ErrBadConn on, which is what makes the pool forget it.
	_ = p.conn.Raw(func(any) error { return driver.ErrBadConn })
	p.conn, p.stmts = nil, nil
}

func (p *pin) close() {
	p.lock <- struct{}{}
	defer func() { <-p.lock }()
	p.closed = true
	p.drop()
}
