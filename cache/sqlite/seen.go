package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Seen returns the hash index of a kind; see cache.State. With all it is read
// into memory, some 40 bytes a row, and does not change any more; without, each
// look-up asks the file, until ctx ends.
func (s *Store) Seen(ctx context.Context, name string, side cache.Side, kind psa.Kind, all bool) (psa.Known, error) {
	if !all {
		if err := s.usable(ctx, name); err != nil {
			return nil, err
		}
		return psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) {
			id, ok, err := first(ctx, s, name, `SELECT id FROM psasync_seen WHERE `+ofSource+` AND side = ? AND kind = ? AND hash = ? ORDER BY id LIMIT 1`,
				[]any{name, int64(side), string(kind), h[:]}, func(row scanner) (id string, err error) {
					err = row.Scan(&id)
					return id, err
				})
			if err != nil || !ok {
				return psa.Ref{}, false
			}
			return psa.Ref{Kind: kind, ID: id}, true
		}), nil
	}
	ix := &hashIndex{kind: kind}
	err := s.reads(ctx, name, func(c stateConn) error {
		return c.each(`SELECT id, hash FROM psasync_seen WHERE `+ofSource+` AND side = ? AND kind = ? ORDER BY id`,
			[]any{name, int64(side), string(kind)}, func(rows *sql.Rows) error {
				var id, hash sql.RawBytes
				if err := rows.Scan(&id, &hash); err != nil {
					return err
				}
				if len(hash) != len(psa.Hash{}) {
					return fmt.Errorf("%s %s %q: a hash of %d bytes: %w", side, kind, id, len(hash), cache.ErrCorrupt)
				}
				ix.add(id, psa.Hash(hash))
				return nil
			})
	})
	if err != nil {
		return nil, err
	}
	ix.build()
	return ix, nil
}

// A hashIndex finds ids by hash. It holds all ids in one text.
type hashIndex struct {
	kind   psa.Kind
	text   []byte // until build
	ids    string
	ends   []uint32 // of the ids in the text
	hashes []psa.Hash
	slots  []uint32 // 1 + position, 0 where empty; length a power of two
}

func (ix *hashIndex) add(id []byte, h psa.Hash) {
	ix.text = append(ix.text, id...)
	ix.ends = append(ix.ends, uint32(len(ix.text)))
	ix.hashes = append(ix.hashes, h)
}

func (ix *hashIndex) build() {
	ix.ids, ix.text = string(ix.text), nil
	size := 4
	for size < len(ix.hashes)*4/3 {
		size *= 2
	}
	ix.slots = make([]uint32, size)
	for i, h := range ix.hashes {
		slot := ix.slot(h)
		for ix.slots[slot] != 0 {
			slot = (slot + 1) & uint64(size-1)
		}
		ix.slots[slot] = uint32(i) + 1
	}
}

func (ix *hashIndex) slot(h psa.Hash) uint64 {
	return binary.LittleEndian.Uint64(h[:]) & uint64(len(ix.slots)-1)
}

// Known returns the row that has this hash.
func (ix *hashIndex) Known(h psa.Hash) (psa.Ref, bool) {
	for slot := ix.slot(h); ix.slots[slot] != 0; slot = (slot + 1) & uint64(len(ix.slots)-1) {
		i := ix.slots[slot] - 1
		if ix.hashes[i] != h {
			continue
		}
		begin := uint32(0)
		if i > 0 {
			begin = ix.ends[i-1]
		}
		return psa.Ref{Kind: ix.kind, ID: ix.ids[begin:ix.ends[i]]}, true
	}
	return psa.Ref{}, false
}
