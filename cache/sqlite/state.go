package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Save takes the next step; see cache.State. With b.Synced it returns once the
// batch is on the disk, and all saves and commits before it; without, a power
// cut may undo the last ones, each as a whole. Other processes keep it waiting
// for Options.BusyTimeout at most. If it fails while SQLite is committing, the
// outcome is not known, and the error is psa.Temporary.
func (s *Store) Save(ctx context.Context, name string, b cache.StateBatch) error {
	if _, err := s.source(name); err != nil {
		return err
	}
	err := ctx.Err()
	if err == nil {
		err = b.Check()
	}
	if err == nil {
		err = s.write.transactionAt(ctx, s.write.full || b.Synced, "BEGIN IMMEDIATE", func(*sql.Conn) error {
			return (&saving{stateConn{ctx, s.write}, &b, 0, 0}).save(name)
		})
	}
	if err != nil {
		return s.fail("save", name, err)
	}
	return nil
}

// A stateConn runs prepared statements on a connection that the caller holds.
type stateConn struct {
	ctx context.Context
	pin *pin
}

func (c stateConn) exec(query string, args ...any) error {
	stmt, err := c.pin.prepare(c.ctx, query) //nolint:sqlclosecheck // the pin keeps it
	if err == nil {
		_, err = stmt.ExecContext(c.ctx, args...)
	}
	return err
}

// scan reads the one row of a query; ok is false if there is none.
func (c stateConn) scan(query string, args []any, to ...any) (ok bool, err error) {
	stmt, err := c.pin.prepare(c.ctx, query) //nolint:sqlclosecheck // the pin keeps it
	if err == nil {
		err = stmt.QueryRowContext(c.ctx, args...).Scan(to...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each calls f with every row of a query.
func (c stateConn) each(query string, args []any, f func(*sql.Rows) error) error {
	stmt, err := c.pin.prepare(c.ctx, query) //nolint:sqlclosecheck // the pin keeps it
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(c.ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// A saving is one batch in its transaction.
type saving struct {
	stateConn
	b      *cache.StateBatch
	source int64
	now    int64 // psasync_state.saves
}

func (w *saving) save(name string) error {
	if err := w.begin(name); err != nil {
		return err
	}
	links, err := w.linksBefore()
	if err != nil {
		return err
	}
	tasks, err := w.tasksBefore()
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return w.links(links) },
		func() error { return w.tasks(tasks) },
		w.cursors, w.seen, w.settings, w.audits,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// begin finds the source, adds it if need be, and looks at the token.
func (w *saving) begin(name string) error {
	var token int64
	ok, err := w.scan(`SELECT id, token FROM psasync_source WHERE name = ?`, []any{name}, &w.source, &token)
	if err == nil && !ok {
		w.source, err = addSource(w.ctx, w.pin.conn, name)
	}
	switch {
	case err != nil:
		return err
	case w.b.Token != 0 && w.b.Token < token:
		return fmt.Errorf("token %d is older than %d: %w", w.b.Token, token, cache.ErrFenced)
	case w.b.Token > token:
		err = w.exec(`UPDATE psasync_source SET token = ? WHERE id = ?`, w.b.Token, w.source)
	}
	if err == nil && len(w.b.Links)+len(w.b.Tasks) > 0 {
		_, err = w.scan(`INSERT INTO psasync_state (source, saves) VALUES (?, 1)
			ON CONFLICT (source) DO UPDATE SET saves = saves + 1 RETURNING saves`, []any{w.source}, &w.now)
	}
	return err
}

// A linkPlace is what the indexes know of a stored link.
type linkPlace struct {
	rev                    int64 // 0: it is not stored
	kind                   psa.Kind
	ids                    [2]string
	state, company, parent string
	pending                bool
}

func placeOf(l *cache.Link) linkPlace {
	return linkPlace{l.Rev, l.Kind, l.IDs, string(l.State), l.Company, l.Parent, l.Pending != nil}
}

// linksBefore returns the places of the batch's links as they are stored, once
// their Rev is the batch's.
func (w *saving) linksBefore() ([]linkPlace, error) {
	before := make([]linkPlace, len(w.b.Links))
	for i := range w.b.Links {
		l, at := &w.b.Links[i], &before[i]
		_, err := w.scan(`SELECT rev, kind, left_id, right_id, state, company, parent, pending FROM psasync_link WHERE source = ? AND key = ?`,
			[]any{w.source, l.Key}, &at.rev, &at.kind, &at.ids[0], &at.ids[1], &at.state, &at.company, &at.parent, &at.pending)
		if err != nil {
			return nil, err
		}
		if at.rev != l.Rev {
			return nil, cache.Stale("link", l.Key, l.Rev, at.rev)
		}
	}
	return before, nil
}

func (w *saving) links(before []linkPlace) error {
	for _, key := range w.b.DropLinks {
		if err := w.exec(`DELETE FROM psasync_link WHERE source = ? AND key = ?`, w.source, key); err != nil {
			return err
		}
	}
	// All records are let go before any is taken: links may swap theirs.
	for i := range w.b.Links {
		l, at := &w.b.Links[i], &before[i]
		if at.rev > 0 && (at.ids != l.IDs || at.kind != l.Kind) {
			if err := w.exec(`UPDATE psasync_link SET left_id = '', right_id = '' WHERE source = ? AND key = ?`, w.source, l.Key); err != nil {
				return err
			}
		}
	}
	for i := range w.b.Links {
		if err := w.link(&w.b.Links[i], before[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *saving) link(l *cache.Link, before linkPlace) error {
	data, err := encodeLink(l)
	if err != nil {
		return err
	}
	at := placeOf(l)
	if at == before {
		return w.exec(`UPDATE psasync_link SET rev = rev + 1, data = ? WHERE source = ? AND key = ?`, data, w.source, l.Key)
	}
	if at.kind != before.kind || at.ids != before.ids {
		for side, column := range columns {
			if l.IDs[side] == "" {
				continue
			}
			var owner string
			ok, err := w.scan(`SELECT key FROM psasync_link WHERE source = ? AND kind = ? AND `+column+` = ? AND `+column+` <> ''`,
				[]any{w.source, string(l.Kind), l.IDs[side]}, &owner)
			if err != nil {
				return err
			}
			if ok {
				return cache.Linked(cache.Side(side), psa.Ref{Kind: l.Kind, ID: l.IDs[side]}, owner, l.Key)
			}
		}
	}
	if before.rev == 0 {
		return w.exec(`INSERT INTO psasync_link (source, key, rev, born, kind, left_id, right_id, state, company, parent, pending, data)
			VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			w.source, l.Key, w.now, string(at.kind), at.ids[0], at.ids[1], at.state, at.company, at.parent, at.pending, data)
	}
	return w.exec(`UPDATE psasync_link SET rev = rev + 1, kind = ?, left_id = ?, right_id = ?, state = ?, company = ?, parent = ?, pending = ?, data = ?
		WHERE source = ? AND key = ?`,
		string(at.kind), at.ids[0], at.ids[1], at.state, at.company, at.parent, at.pending, data, w.source, l.Key)
}

// columns hold the ids of a link's records, by side.
var columns = [2]string{"left_id", "right_id"}

// A taskPlace is what is to be known of a stored task.
type taskPlace struct {
	rev, placed int64
	since       string
}

func (w *saving) tasksBefore() ([]taskPlace, error) {
	before := make([]taskPlace, len(w.b.Tasks))
	for i := range w.b.Tasks {
		t, at := &w.b.Tasks[i], &before[i]
		if _, err := w.scan(`SELECT rev, placed, since FROM psasync_task WHERE source = ? AND id = ?`,
			[]any{w.source, t.ID}, &at.rev, &at.placed, &at.since); err != nil {
			return nil, err
		}
		if at.rev != t.Rev {
			return nil, cache.Stale("task", t.ID, t.Rev, at.rev)
		}
	}
	return before, nil
}

func (w *saving) tasks(before []taskPlace) error {
	for _, id := range w.b.DropTasks {
		if err := w.exec(`DELETE FROM psasync_task WHERE source = ? AND id = ?`, w.source, id); err != nil {
			return err
		}
	}
	for i := range w.b.Tasks {
		t := &w.b.Tasks[i]
		data, err := encodeTask(t)
		if err != nil {
			return err
		}
		since, placed := sortable(t.Since), before[i].placed
		if placed == 0 || since != before[i].since {
			placed = w.now
		}
		if err := w.exec(`INSERT INTO psasync_task (source, id, rev, placed, type, kind, side, record, link, due, waits_for, since, data)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (source, id) DO UPDATE SET rev = excluded.rev, placed = excluded.placed, type = excluded.type, kind = excluded.kind,
				side = excluded.side, record = excluded.record, link = excluded.link, due = excluded.due,
				waits_for = excluded.waits_for, since = excluded.since, data = excluded.data`,
			w.source, t.ID, t.Rev+1, placed, t.Type, string(t.Kind), int64(t.Side), t.Record, t.Link, sortable(t.Due), t.WaitsFor, since, data); err != nil {
			return err
		}
	}
	return nil
}

func (w *saving) cursors() error {
	for _, c := range w.b.Cursors {
		data, err := encode(c.Normal())
		if err != nil {
			return err
		}
		if err := w.exec(`INSERT INTO psasync_cursor (source, side, kind, data) VALUES (?, ?, ?, ?)
			ON CONFLICT (source, side, kind) DO UPDATE SET data = excluded.data`, w.source, int64(c.Side), string(c.Kind), data); err != nil {
			return err
		}
	}
	return nil
}

func (w *saving) seen() error {
	for i := range w.b.Seen {
		s := &w.b.Seen[i]
		var err error
		if s.Hash.IsZero() {
			err = w.exec(`DELETE FROM psasync_seen WHERE source = ? AND side = ? AND kind = ? AND id = ?`, w.source, int64(s.Side), string(s.Kind), s.ID)
		} else {
			err = w.exec(`INSERT INTO psasync_seen (source, side, kind, id, hash) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (source, side, kind, id) DO UPDATE SET hash = excluded.hash WHERE hash <> excluded.hash`,
				w.source, int64(s.Side), string(s.Kind), s.ID, s.Hash[:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *saving) settings() error {
	for name, value := range w.b.Settings {
		var err error
		if value == "" {
			err = w.exec(`DELETE FROM psasync_setting WHERE source = ? AND name = ?`, w.source, name)
		} else {
			err = w.exec(`INSERT INTO psasync_setting (source, name, value) VALUES (?, ?, ?)
				ON CONFLICT (source, name) DO UPDATE SET value = excluded.value`, w.source, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *saving) audits() error {
	for i := range w.b.Audits {
		a := &w.b.Audits[i]
		data, err := encodeAudit(a)
		if err != nil {
			return err
		}
		if err := w.exec(`INSERT INTO psasync_audit (source, at, run, link, data) VALUES (?, ?, ?, ?, ?)`,
			w.source, sortable(a.At), a.Run, a.Link, data); err != nil {
			return err
		}
	}
	return nil
}
