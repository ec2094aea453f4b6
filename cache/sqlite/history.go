package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// changesPerRead is how many commits Versions holds, so that a slow reader of
// them keeps nobody from the connection.
const changesPerRead = 64

// Versions yields the commits of a source that Retain keeps, newest first; see
// cache.Historian.
func (s *Store) Versions(ctx context.Context, name string) iter.Seq2[cache.Change, error] {
	return func(yield func(cache.Change, error) bool) {
		before := int64(math.MaxInt64)
		for {
			changes, last, err := s.changes(ctx, name, before)
			if err != nil {
				yield(cache.Change{}, s.fail("read history of", name, err))
				return
			}
			for _, ch := range changes {
				if !yield(ch, nil) {
					return
				}
			}
			if len(changes) < changesPerRead {
				return
			}
			before = last
		}
	}
}

func (s *Store) changes(ctx context.Context, name string, before int64) (changes []cache.Change, last int64, err error) {
	if _, err := s.source(name); err != nil {
		return nil, 0, err
	}
	err = s.read.transaction(ctx, "BEGIN", func(c *sql.Conn) error {
		rows, err := c.QueryContext(ctx, `SELECT c.id, c.version, c.at, c.run, c.added, c.changed, c.removed, c.audit
			FROM psasync_commit c JOIN psasync_source s ON s.id = c.source
			WHERE s.name = ? AND c.id < ? ORDER BY c.id DESC LIMIT ?`, name, before, changesPerRead)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var ch cache.Change
			var at string
			if err := rows.Scan(&last, &ch.Version, &at, &ch.Run, &ch.Added, &ch.Changed, &ch.Removed, &ch.Audit); err != nil {
				return err
			}
			if ch.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
				return fmt.Errorf("commit %d: %w: %w", last, cache.ErrCorrupt, err)
			}
			if len(ch.Audit) == 0 {
				ch.Audit = nil
			}
			changes = append(changes, ch)
		}
		return rows.Err()
	})
	return changes, last, err
}

// At reads a former snapshot; see cache.Historian. Rows are kept with the bytes
// they last had, so that Raw, Hash, Updated and Version of a row may be later
// than the version asked for.
func (s *Store) At(ctx context.Context, name string, v cache.Version) (*cache.Snapshot, error) {
	src, err := s.source(name)
	if err != nil {
		return nil, err
	}
	if st := src.present.Load(); st != nil && v > 0 && st.snap.Version() == v {
		return st.snap, nil
	}
	var snap *cache.Snapshot
	err = s.read.transaction(ctx, "BEGIN", func(c *sql.Conn) error {
		var id int64
		var raw []byte
		err := c.QueryRowContext(ctx, `SELECT s.id, c.meta FROM psasync_commit c JOIN psasync_source s ON s.id = c.source
			WHERE s.name = ? AND c.version = ? AND c.meta IS NOT NULL`, name, int64(v)).Scan(&id, &raw)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("version %d: %w", v, psa.ErrNotFound)
		}
		if err != nil {
			return err
		}
		meta, err := decodeMeta(raw)
		if err != nil {
			return err
		}
		snap, err = readRows(ctx, c, meta, `source = ? AND began <= ? AND (ended IS NULL OR ended > ?)`, id, int64(v), int64(v))
		return err
	})
	if err != nil {
		return nil, s.fail("read history of", name, err)
	}
	return snap, nil
}

// Diff returns what changed between two versions; see cache.Historian.
func (s *Store) Diff(ctx context.Context, name string, from, to cache.Version) ([]cache.RowChange, error) {
	return cache.DiffAt(ctx, s, name, from, to)
}
