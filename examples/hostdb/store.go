package hostdb

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// store is the database.
type store struct {
	db          *sql.DB
	name        string
	pageSize    int
	busyTimeout time.Duration
	now         func() time.Time
}

// A source is what rows are read from: the database or a transaction.
type source interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// read returns all rows of a SELECT, so that nothing stays open.
func (s *store) read(ctx context.Context, from source, t *table, query string, args ...any) (all [][]any, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err // what was never sent is in no trace
	}
	defer s.trace(ctx, "SELECT", t, time.Now(), &err)
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, at := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			at[i] = &row[i]
		}
		if err := rows.Scan(at...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// trace tells the traces of a context, such as those of a resync, about one
// statement.
func (s *store) trace(ctx context.Context, verb string, t *table, began time.Time, err *error) {
	for _, trace := range psa.TracesOf(ctx) {
		trace.Add(psa.Request{Provider: s.name, Method: verb, Endpoint: "/" + t.name, Attempt: 1, Duration: time.Since(began), Err: *err})
	}
}

// A writer is one transaction that changes rows, and what it stamps them with.
type writer struct {
	*store
	ctx   context.Context
	tx    *sql.Tx
	login string
	stamp string
}

// write calls f in a transaction, which ends with f's error or is committed.
func (s *store) write(ctx context.Context, login string, f func(*writer) error) error {
	var w *writer
	err := s.patiently(ctx, func() (err error) {
		w, err = s.begin(ctx, login)
		return err
	})
	if err != nil {
		return err
	}
	defer w.tx.Rollback()
	if err := f(w); err != nil {
		return err
	}
	return w.tx.Commit()
}

// patiently calls f until it is not refused because of other writers, in this
// process or in others. The engine could wait by itself, but would not look at
// ctx meanwhile.
func (s *store) patiently(ctx context.Context, f func() error) error {
	const pause = 5 * time.Millisecond
	for deadline := time.Now().Add(s.busyTimeout); ; {
		err := f()
		if codeOf(err)&0xff != codeBusy || time.Now().After(deadline) {
			return err
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
}

// begin starts a transaction. Its first statement takes the stamp, and with
// it the right to write: whoever comes next waits until this one is over.
func (s *store) begin(ctx context.Context, login string) (*writer, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	w := &writer{store: s, ctx: ctx, tx: tx, login: login}
	const next = `UPDATE clock SET stamp = max(stamp, ?) RETURNING stamp`
	if err := tx.QueryRowContext(ctx, next, formatStamp(s.now())).Scan(&w.stamp); err != nil {
		tx.Rollback()
		return nil, err
	}
	return w, nil
}

// Values are the values of a row's columns by name, as SQL holds them.
type Values map[string]any

// insert adds a row and returns its id.
func (w *writer) insert(t *table, v Values) (id int64, err error) {
	v = maps.Clone(v)
	v["updated_at"], v["updated_by"] = w.stamp, w.login
	if t.kind.IsRecord() {
		v["created_at"], v["created_by"] = w.stamp, w.login
	}
	names, args := v.split()
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(args)), ", ")
	defer w.trace(w.ctx, "INSERT", t, time.Now(), &err)
	res, err := w.tx.ExecContext(w.ctx, "INSERT INTO "+t.name+" ("+strings.Join(names, ", ")+") VALUES ("+marks+")", args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// update changes columns of the rows t that meet a condition and returns how
// many there were.
func (w *writer) update(t *table, v Values, where string, args ...any) (n int64, err error) {
	v = maps.Clone(v)
	v["updated_at"], v["updated_by"] = w.stamp, w.login
	names, set := v.split()
	defer w.trace(w.ctx, "UPDATE", t, time.Now(), &err)
	res, err := w.tx.ExecContext(w.ctx, "UPDATE "+t.name+" AS t SET "+strings.Join(names, " = ?, ")+" = ?, row_version = row_version + 1 WHERE "+where, append(set, args...)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// split returns quoted names and their values, in one order.
func (v Values) split() (names []string, args []any) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		names = append(names, `"`+strings.ReplaceAll(name, `"`, `""`)+`"`)
		args = append(args, v[name])
	}
	return names, args
}

// remove hides a row and what belongs to it, and logs that. A row that others
// refer to is ErrConflict.
func (w *writer) remove(t *table, id, mergedInto any) error {
	if c, ok := t.with(locks); ok {
		locked, err := w.read(w.ctx, w.tx, t, "SELECT 1 FROM "+t.name+" t WHERE t.id = ? AND "+c.expr("t"), id)
		if err != nil {
			return err
		}
		if len(locked) > 0 {
			return errLocked()
		}
	}
	for i := range tables {
		child := &tables[i]
		for _, c := range child.columns {
			if c.to != t.kind {
				continue
			}
			ids, err := w.read(w.ctx, w.tx, child, "SELECT t.id FROM "+child.name+" t WHERE "+child.present("t")+" AND "+c.expr("t")+" = ?", id)
			if err != nil {
				return err
			}
			if len(ids) > 0 && !c.has(owned) {
				return &psa.Error{Code: psa.ErrConflict, Detail: fmt.Sprintf("%d rows of %s refer to it", len(ids), child.name)}
			}
			for _, row := range ids {
				if err := w.remove(child, row[0], nil); err != nil {
					return err
				}
			}
		}
	}
	if n, err := w.update(t, Values{"deleted_at": w.stamp}, t.byID(), id); err != nil {
		return err
	} else if n == 0 {
		return &psa.Error{Code: psa.ErrNotFound}
	}
	_, err := w.tx.ExecContext(w.ctx, `INSERT INTO deletions (table_name, row_id, deleted_at, deleted_by, merged_into) VALUES (?, ?, ?, ?, ?)`,
		t.name, id, w.stamp, w.login, mergedInto)
	return err
}
