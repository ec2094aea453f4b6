package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

var _ cache.State = (*Store)(nil)

// ofSource begins the condition of every query; its argument is the name.
const ofSource = `source = (SELECT id FROM psasync_source WHERE name = ?)`

// reads calls f with the connection for reading, on which nobody waits for a
// Save.
func (s *Store) reads(ctx context.Context, name string, f func(stateConn) error) error {
	if _, err := s.source(name); err != nil {
		return err
	}
	err := ctx.Err()
	if err == nil {
		err = s.read.do(ctx, func(*sql.Conn) error {
			err := f(stateConn{ctx, s.read})
			if err != nil {
				s.read.drop() // it may be gone, a new one is not
			}
			return err
		})
	}
	if err != nil {
		return s.fail("read", name, err)
	}
	return nil
}

// usable returns the error of a question whose answer is known.
func (s *Store) usable(ctx context.Context, name string) error {
	return s.reads(ctx, name, func(stateConn) error { return nil })
}

// first returns the first row of a query.
func first[V any](ctx context.Context, s *Store, name, query string, args []any, scan func(scanner) (V, error)) (v V, ok bool, err error) {
	err = s.reads(ctx, name, func(c stateConn) error {
		return c.each(query, args, func(rows *sql.Rows) (err error) {
			v, err = scan(rows)
			ok = err == nil
			return err
		})
	})
	if err != nil {
		var zero V
		return zero, false, err
	}
	return v, ok, nil
}

// Link returns the link of a key; see cache.State.
func (s *Store) Link(ctx context.Context, name, key string) (cache.Link, bool, error) {
	return first(ctx, s, name, `SELECT `+linkColumns+` FROM psasync_link WHERE `+ofSource+` AND key = ?`, []any{name, key}, scanLink)
}

// LinkOf returns the link of a record; see cache.State.
func (s *Store) LinkOf(ctx context.Context, name string, side cache.Side, ref psa.Ref) (cache.Link, bool, error) {
	if side > cache.Right {
		return cache.Link{}, false, s.usable(ctx, name)
	}
	column := columns[side]
	return first(ctx, s, name, `SELECT `+linkColumns+` FROM psasync_link WHERE `+ofSource+` AND kind = ? AND `+column+` = ? AND `+column+` <> ''`,
		[]any{name, string(ref.Kind), ref.ID}, scanLink)
}

// Task returns the task of an id; see cache.State.
func (s *Store) Task(ctx context.Context, name, id string) (cache.Task, bool, error) {
	return first(ctx, s, name, `SELECT `+taskColumns+` FROM psasync_task WHERE `+ofSource+` AND id = ?`, []any{name, id}, scanTask)
}

// A filter is a condition that is built step by step.
type filter struct {
	where strings.Builder
	args  []any
}

func newFilter(name string) *filter {
	f := &filter{args: []any{name}}
	f.where.WriteString(ofSource)
	return f
}

func (f *filter) and(condition string, args ...any) {
	f.where.WriteString(" AND ")
	f.where.WriteString(condition)
	f.args = append(f.args, args...)
}

// is adds column = value unless value is "". The second condition leads to
// indexes that leave "" out.
func (f *filter) is(column, value string) {
	if value != "" {
		f.and(column+" = ? AND "+column+" <> ''", value)
	}
}

func in[S ~string](f *filter, column string, values []S) {
	switch {
	case len(values) == 1 && values[0] != "":
		f.is(column, string(values[0]))
	case len(values) > 0:
		args := make([]any, len(values))
		for i, v := range values {
			args[i] = string(v)
		}
		f.and(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
	}
}

// Pages are short at first, for callers that want to know whether there is
// anything.
const (
	firstPage = 16
	laterPage = 256
)

// pages yields the rows of a query page by page, so that a slow loop keeps
// nobody from the connection, and may save. next adds the condition for what
// comes behind a row, nil for the first page.
func pages[V any](ctx context.Context, s *Store, name string, query func(last *V) (*filter, string), scan func(scanner) (V, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var last *V
		var page []V
		for size := firstPage; ; size = laterPage {
			f, text := query(last)
			page = page[:0]
			if err := s.reads(ctx, name, func(c stateConn) error {
				return c.each(fmt.Sprintf(text, f.where.String()), append(f.args, size), scanInto(&page, scan))
			}); err != nil {
				var zero V
				yield(zero, err)
				return
			}
			for i := range page {
				if err := ctx.Err(); err != nil {
					var zero V
					yield(zero, s.fail("read", name, err))
					return
				}
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
			end := page[len(page)-1]
			last = &end
		}
	}
}

func scanInto[V any](page *[]V, scan func(scanner) (V, error)) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		v, err := scan(rows)
		*page = append(*page, v)
		return err
	}
}

// saves returns how many saves there were. What they did not bring is left out
// of a loop: one that adds links or tasks has to end.
func (s *Store) saves(ctx context.Context, name string) (int64, error) {
	n, _, err := first(ctx, s, name, `SELECT saves FROM psasync_state WHERE `+ofSource, []any{name}, func(row scanner) (n int64, err error) {
		err = row.Scan(&n)
		return n, err
	})
	return n, err
}

// bounded yields the rows of what was stored when the loop begins.
func bounded[V any](ctx context.Context, s *Store, name string, rows func(began int64) iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		began, err := s.saves(ctx, name)
		if err != nil {
			var zero V
			yield(zero, err)
			return
		}
		rows(began)(yield)
	}
}

// Links yields links by key; see cache.State.
func (s *Store) Links(ctx context.Context, name string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
	return bounded(ctx, s, name, func(began int64) iter.Seq2[cache.Link, error] {
		return pages(ctx, s, name, func(last *cache.Link) (*filter, string) {
			after := q.After
			if last != nil {
				after = last.Key
			}
			f := newFilter(name)
			f.and("key > ? AND born <= ?", after, began)
			f.is("kind", string(q.Kind))
			f.is("company", q.Company)
			f.is("parent", q.Parent)
			in(f, "state", q.States)
			if q.Pending {
				f.and("pending = 1")
			}
			return f, `SELECT ` + linkColumns + ` FROM psasync_link WHERE %s ORDER BY key LIMIT ?`
		}, scanLink)
	})
}

// Tasks yields tasks by Since, then by id; see cache.State.
func (s *Store) Tasks(ctx context.Context, name string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
	return bounded(ctx, s, name, func(began int64) iter.Seq2[cache.Task, error] {
		return pages(ctx, s, name, func(last *cache.Task) (*filter, string) {
			var after cache.Task
			if last != nil {
				after = *last
			}
			f := newFilter(name)
			f.and("(since, id) > (?, ?) AND placed <= ?", sortable(after.Since), after.ID, began)
			f.is("kind", string(q.Kind))
			f.is("waits_for", q.WaitsFor)
			f.is("link", q.Link)
			f.is("record", q.Record)
			in(f, "type", q.Types)
			if q.Side != nil {
				f.and("side = ?", int64(*q.Side))
			}
			if !q.Due.IsZero() {
				f.and("due <> '' AND due <= ?", sortable(q.Due))
			}
			return f, `SELECT ` + taskColumns + ` FROM psasync_task WHERE %s ORDER BY since, id LIMIT ?`
		}, scanTask)
	})
}

// Audits yields what was done, newest first; see cache.State.
func (s *Store) Audits(ctx context.Context, name string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
	all := pages(ctx, s, name, func(last *cache.Audit) (*filter, string) {
		before := int64(math.MaxInt64)
		if last != nil {
			before = last.Seq
		}
		f := newFilter(name)
		f.and("seq < ?", before)
		f.is("link", q.Link)
		f.is("run", q.Run)
		if !q.Since.IsZero() {
			f.and("at >= ?", sortable(q.Since))
		}
		return f, `SELECT ` + auditColumns + ` FROM psasync_audit WHERE %s ORDER BY seq DESC LIMIT ?`
	}, scanAudit)
	if q.Limit <= 0 {
		return all
	}
	return func(yield func(cache.Audit, error) bool) {
		n := 0
		for a, err := range all {
			if n++; !yield(a, err) || n == q.Limit {
				return
			}
		}
	}
}

// Cursor returns how far a kind was read; see cache.State.
func (s *Store) Cursor(ctx context.Context, name string, side cache.Side, kind psa.Kind) (cache.Cursor, error) {
	cursor, ok, err := first(ctx, s, name, `SELECT data FROM psasync_cursor WHERE `+ofSource+` AND side = ? AND kind = ?`,
		[]any{name, int64(side), string(kind)}, func(row scanner) (c cache.Cursor, err error) {
			var raw []byte
			if err = row.Scan(&raw); err == nil {
				err = decode("cursor", fmt.Sprintf("%s %s", side, kind), raw, &c)
			}
			return c, err
		})
	if !ok {
		return cache.Cursor{Side: side, Kind: kind}, err
	}
	return cursor, nil
}

// Setting returns a value by name; see cache.State.
func (s *Store) Setting(ctx context.Context, name, setting string) (string, error) {
	value, _, err := first(ctx, s, name, `SELECT value FROM psasync_setting WHERE `+ofSource+` AND name = ?`, []any{name, setting},
		func(row scanner) (value string, err error) {
			err = row.Scan(&value)
			return value, err
		})
	return value, err
}

// Settings returns the values whose names begin with prefix; see cache.State.
func (s *Store) Settings(ctx context.Context, name, prefix string) (map[string]string, error) {
	all := map[string]string{}
	err := s.reads(ctx, name, func(c stateConn) error {
		return c.each(`SELECT name, value FROM psasync_setting WHERE `+ofSource+` AND name >= ? ORDER BY name`, []any{name, prefix}, func(rows *sql.Rows) error {
			var k, v string
			err := rows.Scan(&k, &v)
			if strings.HasPrefix(k, prefix) {
				all[k] = v
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
