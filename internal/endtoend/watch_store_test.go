package endtoend

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/psa"
)

// state takes in all that a state holds under a source.
func (w *watch) state(ctx context.Context, s cache.State, source string) error {
	var failed error
	keep := func(in place, v any, err error) {
		failed = errors.Join(failed, err)
		w.value(in, v)
	}
	for l, err := range s.Links(ctx, source, cache.LinkQuery{}) {
		keep(inState, l, err)
	}
	for t, err := range s.Tasks(ctx, source, cache.TaskQuery{}) {
		keep(inTask, t, err)
	}
	for a, err := range s.Audits(ctx, source, cache.AuditQuery{}) {
		keep(inAudit, a, err)
	}
	settings, err := s.Settings(ctx, source, "")
	keep(inStatus, settings, err)
	for _, side := range []cache.Side{cache.Left, cache.Right} {
		for _, k := range psa.RecordKinds() {
			c, err := s.Cursor(ctx, source, side, k)
			keep(inState, c, err)
		}
	}
	return failed
}

// store takes in all snapshots that a store holds of a source.
func (w *watch) store(ctx context.Context, s cache.Store, source string) error {
	snap, err := s.Current(ctx, source)
	if err != nil {
		return err
	}
	w.value(inRows, snap.Meta())
	for _, k := range psa.ConfigKinds() {
		w.value(inStatus, snap.Freshness(k))
		for rec := range snap.All(k) {
			w.value(inRows, rec)
			w.tell(inRows, "%s", rec.Raw)
		}
	}
	for c, err := range cache.Versions(ctx, s, source) {
		if err != nil {
			return err
		}
		w.value(inAudit, c)
		w.tell(inAudit, "%s", c.Audit)
	}
	return nil
}

// file searches all bytes of a SQLite file and of what stands beside it, and
// all values that its tables hold, which may lie in pieces in the file.
func (w *watch) file(ctx context.Context, in place, name string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		b, err := os.ReadFile(name + suffix)
		if errors.Is(err, os.ErrNotExist) && suffix != "" {
			continue
		}
		if err != nil {
			return err
		}
		if err := w.scan(in, b); err != nil {
			return err
		}
	}
	db, err := sql.Open("sqlite", "file:"+name+"?mode=ro&_pragma=busy_timeout(2000)")
	if err != nil {
		return err
	}
	defer db.Close()
	return eachRow(ctx, db, func(table string, row map[string]any) {
		b, err := json.Marshal(row)
		w.tell(in, "%s %+v %s %v", table, row, b, err)
	})
}

// eachRow calls f with all rows of all tables.
func eachRow(ctx context.Context, db *sql.DB, f func(table string, row map[string]any)) error {
	var names []string
	tables, err := db.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		return err
	}
	defer tables.Close()
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			return err
		}
		names = append(names, name)
	}
	if err := tables.Err(); err != nil {
		return err
	}
	for _, name := range names {
		if err := rowsOf(ctx, db, name, f); err != nil {
			return err
		}
	}
	return nil
}

func rowsOf(ctx context.Context, db *sql.DB, table string, f func(string, map[string]any)) error {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT * FROM %q", table))
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		row := map[string]any{}
		for i, c := range columns {
			if b, ok := values[i].([]byte); ok {
				values[i] = string(b)
			}
			row[c] = values[i]
		}
		f(table, row)
	}
	return rows.Err()
}

// keptInternal looks at who reads what colleagues wrote for one another: at the
// host it is in internal comments and in no other row.
func (w *watch) keptInternal(t testing.TB, name string) error {
	w.mu.Lock()
	var private []canary.Value
	for v := range w.values {
		if v.Class == canary.Private {
			private = append(private, v)
		}
	}
	w.mu.Unlock()
	s, err := canary.New(private...)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+name+"?mode=ro&_pragma=busy_timeout(2000)")
	if err != nil {
		return err
	}
	defer db.Close()
	return eachRow(context.Background(), db, func(table string, row map[string]any) {
		if table == "comments" && row["visibility"] == "internal" {
			return
		}
		for _, h := range s.Scan(fmt.Append(nil, row)) {
			t.Errorf("the host's %s %v, which is no internal comment, holds %s", table, row["id"], h)
		}
	})
}

// files watches the files of a test's databases; it is called after what closes
// them was arranged.
func (w *watch) files(t testing.TB, in place, names ...string) {
	t.Helper()
	t.Cleanup(func() {
		for _, name := range names {
			if err := w.file(context.Background(), in, name); err != nil {
				t.Error(err)
			}
			if in == inHost {
				if err := w.keptInternal(t, name); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
