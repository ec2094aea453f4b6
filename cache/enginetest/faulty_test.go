package enginetest

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"modernc.org/sqlite"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
	sqlitestore "github.com/psasync/psasync/cache/sqlite"
)

// faults makes the statements of every connection of a faulty driver fail.
type faults struct {
	mu    sync.Mutex
	left  int    // statements until the failure; -1: none is due
	on    string // statements that begin like this fail, too; "": none
	err   error  // of the failure; nil: errInjected
	after bool   // fail once the statement has been carried out, as when its answer is lost
	dead  bool   // every statement from then on fails too, as when the connection is gone
	log   []string
	hook  func(query string, done bool) // called before and after each statement; may be nil
}

var errInjected = errors.New("injected failure")

// arm makes the step-th statement from now on fail.
func (f *faults) arm(step int) (end func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.log = step, nil
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		reached := f.left < 0
		f.left = -1
		return reached
	}
}

// step runs a statement, or fails before or after it.
func (f *faults) step(c *faultyConn, query string, run func() error) error {
	if c.dead {
		return errInjected
	}
	f.mu.Lock()
	due, hook := f.left == 0 || f.on != "" && strings.HasPrefix(query, f.on), f.hook
	if f.left >= 0 {
		f.left--
		f.log = append(f.log, query)
	}
	f.mu.Unlock()
	if hook != nil {
		hook(query, false)
		defer hook(query, true)
	}
	if !due {
		return run()
	}
	c.dead = f.dead
	if f.after {
		if err := run(); err != nil {
			return err
		}
	}
	return cmp.Or(f.err, errInjected)
}

// A codedError is what drivers return that tell SQLite's code.
type codedError int

func (e codedError) Error() string { return "what the driver says" }
func (e codedError) Code() int     { return int(e) }

// A faultyDriver is modernc's with failures injected.
type faultyDriver struct {
	sqlite.Driver
	faults *faults
}

func (d *faultyDriver) Open(name string) (driver.Conn, error) {
	c, err := d.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return &faultyConn{c.(engineConn), d.faults, false}, nil
}

type engineConn interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
}

type faultyConn struct {
	engineConn
	faults *faults
	dead   bool
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (res driver.Result, err error) {
	err = c.faults.step(c, query, func() (err error) { res, err = c.engineConn.ExecContext(ctx, query, args); return err })
	return res, err
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = c.faults.step(c, query, func() (err error) { rows, err = c.engineConn.QueryContext(ctx, query, args); return err })
	if err != nil && rows != nil {
		rows.Close()
		rows = nil
	}
	return rows, err
}

func (c *faultyConn) PrepareContext(ctx context.Context, query string) (stmt driver.Stmt, err error) {
	err = c.faults.step(c, "prepare "+query, func() (err error) { stmt, err = c.engineConn.PrepareContext(ctx, query); return err })
	if err != nil {
		if stmt != nil {
			stmt.Close()
		}
		return nil, err
	}
	return &faultyStmt{stmt.(engineStmt), c, query}, nil
}

type engineStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type faultyStmt struct {
	engineStmt
	conn  *faultyConn
	query string
}

func (s *faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (res driver.Result, err error) {
	err = s.conn.faults.step(s.conn, s.query, func() (err error) { res, err = s.engineStmt.ExecContext(ctx, args); return err })
	return res, err
}

func (s *faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = s.conn.faults.step(s.conn, s.query, func() (err error) { rows, err = s.engineStmt.QueryContext(ctx, args); return err })
	if err != nil && rows != nil {
		rows.Close()
		rows = nil
	}
	return rows, err
}

// openFaulty opens a store on a file whose statements f watches.
func openFaulty(t *testing.T, f *faults, file string, o *sqlitestore.Options) *sqlitestore.Store {
	t.Helper()
	db := sql.OpenDB(connector{&faultyDriver{faults: f}, file})
	s, err := sqlitestore.New(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); db.Close() })
	return s
}

// A connector opens connections of one driver without registering it.
type connector struct {
	driver driver.Driver
	name   string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.name) }
func (c connector) Driver() driver.Driver                        { return c.driver }

// TestFailures makes each statement of a commit fail in turn: before it is
// carried out, after it was, and with the connection gone from there on.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, mode := range []struct {
		name        string
		after, dead bool
	}{{"before", false, false}, {"after", true, false}, {"gone before", false, true}, {"gone after", true, true}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			byStore := map[cache.Store]*faults{}
			files := map[cache.Store]string{}
			commits := 0
			cachetest.Harness{
				Only: "Failure",
				Open: func(t *testing.T) cache.Store {
					f := &faults{left: -1, after: mode.after, dead: mode.dead}
					file := filepath.Join(t.TempDir(), "cache.db")
					s := openFaulty(t, f, file, &sqlitestore.Options{MaxAge: -1})
					byStore[s], files[s] = f, file
					return s
				},
				Again: func(t *testing.T, s cache.Store) cache.Store { return openFile(t, "sqlite", files[s], nil) },
				Fail: func(s cache.Store, step int) func() bool {
					f := byStore[s]
					end := f.arm(step)
					return func() bool {
						reached := end()
						if n := len(f.log); reached && n > 0 && strings.HasPrefix(f.log[n-1], "COMMIT") {
							commits++
						}
						return reached
					}
				},
			}.Run(t)
			if commits == 0 {
				t.Error("no COMMIT was made to fail")
			}
		})
	}
}
