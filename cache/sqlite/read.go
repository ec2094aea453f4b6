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

// reload reads what the file holds for a source now and makes it present.
func (s *Store) reload(ctx context.Context, src *source) (*state, error) {
	var st *state
	unsure := src.unsure.Load()
	err := s.read.transaction(ctx, "BEGIN", func(c *sql.Conn) error {
		have := src.present.Load()
		var err error
		if st, err = readState(ctx, c, src.name, have); err != nil {
			return err
		}
		// A commit of this process that ended meanwhile knows better.
		if st != have && !src.present.CompareAndSwap(have, st) {
			st = src.present.Load()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if unsure {
		src.unsure.Store(false)
	}
	s.saw(src)
	return st, nil
}

// readState reads a source in the transaction of c. What have holds already is
// not read again; have may be nil.
func readState(ctx context.Context, c *sql.Conn, name string, have *state) (*state, error) {
	var id, rev, pruned int64
	var raw []byte
	err := c.QueryRowContext(ctx, `SELECT id, rev, pruned, meta FROM psasync_source WHERE name = ?`, name).Scan(&id, &rev, &pruned, &raw)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if have != nil && have.id == 0 {
			return have, nil
		}
		return &state{snap: cache.Empty(name)}, nil
	case err != nil:
		return nil, err
	case have != nil && have.id == id && have.rev == rev:
		return have, nil
	}
	meta, err := decodeMeta(raw)
	if err != nil {
		return nil, err
	}
	st := &state{id: id, rev: rev}
	if have != nil && have.id == id && have.rev >= pruned && have.rev < rev {
		st.snap, err = readNews(ctx, c, id, have, meta)
	} else {
		st.snap, err = readRows(ctx, c, meta, `source = ? AND ended IS NULL`, id)
	}
	return st, err
}

func decodeMeta(raw []byte) (cache.Meta, error) {
	var meta cache.Meta
	if err := json.Unmarshal(raw, &meta); err != nil {
		return meta, fmt.Errorf("meta data: %w: %w", cache.ErrCorrupt, err)
	}
	return meta, nil
}

// readNews reads what was written since have.
func readNews(ctx context.Context, c *sql.Conn, id int64, have *state, meta cache.Meta) (*cache.Snapshot, error) {
	var put []psa.Record
	ended := map[psa.Ref]bool{}
	for row, err := range scanRows(ctx, c, `source = ? AND rev > ?`, id, have.rev) {
		if err != nil {
			return nil, err
		}
		if row.ended {
			ended[row.record.Ref] = true
		} else {
			put = append(put, row.record)
		}
	}
	for i := range put {
		delete(ended, put[i].Ref) // replaced, not gone
	}
	end := make([]psa.Ref, 0, len(ended))
	for ref := range ended {
		end = append(end, ref)
	}
	return have.snap.Advance(meta, put, end)
}

func readRows(ctx context.Context, c *sql.Conn, meta cache.Meta, where string, args ...any) (*cache.Snapshot, error) {
	var failed error
	snap, err := cache.NewSnapshot(meta, func(yield func(psa.Record) bool) {
		for row, err := range scanRows(ctx, c, where, args...) {
			if failed = err; err != nil || !yield(row.record) {
				return
			}
		}
	})
	return snap, errors.Join(failed, err)
}

type storedRow struct {
	record psa.Record
	ended  bool
}

// scanRows yields stored rows; an error is yielded once, last.
func scanRows(ctx context.Context, c *sql.Conn, where string, args ...any) func(func(storedRow, error) bool) {
	return func(yield func(storedRow, error) bool) {
		rows, err := c.QueryContext(ctx, `SELECT kind, id, ended, parent_kind, parent_id, active, updated, token, hash, fields, raw
			FROM psasync_row WHERE `+where, args...)
		if err != nil {
			yield(storedRow{}, err)
			return
		}
		defer rows.Close()
		kinds := map[string]psa.Kind{} // one string for each kind, not for each row
		for rows.Next() {
			row, err := scanRow(rows, kinds)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(storedRow{}, err)
		}
	}
}

func scanRow(rows *sql.Rows, kinds map[string]psa.Kind) (storedRow, error) {
	var (
		row                       storedRow
		r                         = &row.record
		kind, parentKind, updated string
		ended                     sql.NullInt64
		hash                      []byte
		fields                    sql.RawBytes
	)
	err := rows.Scan(&kind, &r.ID, &ended, &parentKind, &r.Parent.ID, &r.Active, &updated, &r.Version, &hash, &fields, (*[]byte)(&r.Raw))
	if err != nil {
		return row, err
	}
	r.Kind, r.Parent.Kind = intern(kinds, kind), intern(kinds, parentKind)
	row.ended = ended.Valid
	if len(r.Raw) == 0 {
		r.Raw = nil
	}
	switch {
	case len(hash) == len(r.Hash):
		copy(r.Hash[:], hash)
	case len(hash) > 0:
		return row, fmt.Errorf("%v: a hash of %d bytes: %w", r.Ref, len(hash), cache.ErrCorrupt)
	}
	if updated != "" {
		if r.Updated, err = time.Parse(time.RFC3339Nano, updated); err != nil {
			return row, fmt.Errorf("%v: %w: %w", r.Ref, cache.ErrCorrupt, err)
		}
	}
	if err := r.Fields.UnmarshalJSON(fields); err != nil {
		return row, fmt.Errorf("%v: fields: %w: %w", r.Ref, cache.ErrCorrupt, err)
	}
	return row, nil
}

func intern(kinds map[string]psa.Kind, s string) psa.Kind {
	k, ok := kinds[s]
	if !ok {
		k = psa.Kind(s)
		kinds[s] = k
	}
	return k
}
