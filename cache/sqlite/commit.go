package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Commit takes the next step; see cache.Store. If it fails while SQLite is
// committing, the outcome is what the next read shows: the old snapshot, or the
// whole new one; and the error is psa.Temporary.
func (s *Store) Commit(ctx context.Context, name string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
	src, err := s.source(name)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, s.fail("commit", name, err)
	}
	if b.At.IsZero() {
		b.At = s.now()
	}
	var found, next *state
	err = s.write.transaction(ctx, "BEGIN IMMEDIATE", func(c *sql.Conn) error {
		var err error
		if found, err = readState(ctx, c, name, src.present.Load()); err != nil {
			return err
		}
		next, err = s.commit(ctx, c, found, name, from, b)
		return err
	})
	switch unsettled := (*unsettledError)(nil); {
	case err == nil:
		src.present.Store(next)
		src.unsure.Store(false)
		s.saw(src)
		return next.snap, nil
	case errors.As(err, &unsettled):
		src.unsure.Store(true)
	case found != nil:
		// What another process committed is what the caller has to see now.
		if have := src.present.Load(); have == nil || have.rev < found.rev {
			src.present.CompareAndSwap(have, found)
		}
	}
	return nil, s.fail("commit", name, err)
}

// commit writes the step that leads on from found.
func (s *Store) commit(ctx context.Context, c *sql.Conn, found *state, name string, from cache.Version, b cache.Batch) (*state, error) {
	if err := checkToken(ctx, c, found, b.Token); err != nil {
		return nil, err
	}
	snap, delta, err := found.snap.Apply(from, b)
	if err != nil {
		return nil, err
	}
	meta, err := json.Marshal(snap.Meta())
	if err != nil {
		return nil, err
	}
	next := &state{snap: snap, id: found.id, rev: found.rev + 1}
	if next.id == 0 {
		if next.id, err = addSource(ctx, c, name); err != nil {
			return nil, err
		}
	}
	if err := writeRows(ctx, c, next, delta); err != nil {
		return nil, err
	}
	if _, err := c.ExecContext(ctx, `UPDATE psasync_source SET version = ?, rev = ?, meta = ?, token = max(token, ?) WHERE id = ?`,
		snap.Version(), next.rev, string(meta), b.Token, next.id); err != nil {
		return nil, err
	}
	change := cache.ChangeOf(snap, delta, b)
	var made any
	if delta.Changes() {
		made = string(meta)
	}
	if _, err := c.ExecContext(ctx, `INSERT INTO psasync_commit (source, version, at, unix, run, added, changed, removed, meta, audit)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		next.id, change.Version, psa.FormatTime(change.At), s.now().Unix(), change.Run, change.Added, change.Changed, change.Removed, made, change.Audit); err != nil {
		return nil, err
	}
	return next, s.prune(ctx, c, next)
}

func checkToken(ctx context.Context, c *sql.Conn, st *state, token int64) error {
	if token == 0 || st.id == 0 {
		return nil
	}
	var granted int64
	if err := c.QueryRowContext(ctx, `SELECT token FROM psasync_source WHERE id = ?`, st.id).Scan(&granted); err != nil {
		return err
	}
	if token < granted {
		return fmt.Errorf("token %d is older than %d: %w", token, granted, cache.ErrFenced)
	}
	return nil
}

// addSource adds the row of a source that has none and returns its id.
func addSource(ctx context.Context, c *sql.Conn, name string) (int64, error) {
	meta, err := json.Marshal(cache.Meta{Source: name})
	if err != nil {
		return 0, err
	}
	var id int64
	err = c.QueryRowContext(ctx, `INSERT INTO psasync_source (name, version, rev, pruned, meta, token, holder, until)
		VALUES (?, 0, 0, 0, ?, 0, '', 0) RETURNING id`, name, string(meta)).Scan(&id)
	return id, err
}

// writeRows writes a delta. Each statement is prepared at most once.
func writeRows(ctx context.Context, c *sql.Conn, next *state, d cache.Delta) error {
	version := int64(next.snap.Version())
	var end, insert, refresh statement
	defer end.close()
	defer insert.close()
	defer refresh.close()
	endRow := func(ref psa.Ref) error {
		return end.exec(ctx, c, `UPDATE psasync_row SET ended = ?, rev = ? WHERE source = ? AND kind = ? AND id = ? AND ended IS NULL`,
			version, next.rev, next.id, string(ref.Kind), ref.ID)
	}
	for _, ref := range d.End {
		if err := endRow(ref); err != nil {
			return err
		}
	}
	for i := range d.Put {
		r := &d.Put[i]
		if d.Added < len(d.Put) { // where all are new there is nothing to end
			if err := endRow(r.Ref); err != nil {
				return err
			}
		}
		fields, err := encodeFields(r.Fields)
		if err != nil {
			return err
		}
		if err := insert.exec(ctx, c, `INSERT INTO psasync_row (source, kind, id, began, rev, parent_kind, parent_id, active, updated, token, hash, fields, raw)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			next.id, string(r.Kind), r.ID, version, next.rev, string(r.Parent.Kind), r.Parent.ID, r.Active,
			formatUpdated(r.Updated), r.Version, hashBytes(r.Hash), fields, []byte(r.Raw)); err != nil {
			return err
		}
	}
	for i := range d.Refresh {
		r := &d.Refresh[i]
		if err := refresh.exec(ctx, c, `UPDATE psasync_row SET rev = ?, updated = ?, token = ?, hash = ?, raw = ?
			WHERE source = ? AND kind = ? AND id = ? AND ended IS NULL`,
			next.rev, formatUpdated(r.Updated), r.Version, hashBytes(r.Hash), []byte(r.Raw), next.id, string(r.Kind), r.ID); err != nil {
			return err
		}
	}
	return nil
}

// A statement is prepared when it is first needed.
type statement struct{ stmt *sql.Stmt }

func (s *statement) exec(ctx context.Context, c *sql.Conn, query string, args ...any) (err error) {
	if s.stmt == nil {
		if s.stmt, err = c.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	_, err = s.stmt.ExecContext(ctx, args...)
	return err
}

func (s *statement) close() {
	if s.stmt != nil {
		s.stmt.Close()
	}
}

func encodeFields(f psa.Fields) (string, error) {
	if f == nil {
		return "null", nil
	}
	b, err := f.MarshalJSON()
	return string(b), err
}

func formatUpdated(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return psa.FormatTime(t)
}

func hashBytes(h psa.Hash) []byte {
	if h.IsZero() {
		return nil
	}
	return h[:]
}

// prune deletes versions and commits that Retain lets go. The version that was
// present when Retain began stays.
func (s *Store) prune(ctx context.Context, c *sql.Conn, next *state) error {
	if s.retain < 0 {
		return nil
	}
	cutoff := s.now().Add(-s.retain).Unix()
	var keep, oldest sql.NullInt64
	err := c.QueryRowContext(ctx, `SELECT max(version), min(version) FROM psasync_commit WHERE source = ? AND unix <= ? AND meta IS NOT NULL`,
		next.id, cutoff).Scan(&keep, &oldest)
	if err != nil || !keep.Valid {
		return err
	}
	if oldest.Int64 < keep.Int64 {
		if _, err := c.ExecContext(ctx, `DELETE FROM psasync_row WHERE source = ? AND ended <= ?`, next.id, keep.Int64); err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `UPDATE psasync_source SET pruned = ? WHERE id = ?`, next.rev, next.id); err != nil {
			return err
		}
	}
	_, err = c.ExecContext(ctx, `DELETE FROM psasync_commit WHERE source = ? AND unix <= ? AND (version < ? OR meta IS NULL)`,
		next.id, cutoff, keep.Int64)
	return err
}
