package rest

import (
	"crypto/sha256"
	"hash"
	"strconv"
	"sync"

	"github.com/psasync/psasync/psa"
)

// ShapeConfig says what of a row is kept and what its hash stands for.
type ShapeConfig struct {
	// Deny names the keys that are cut out of every row, at any depth and
	// whatever the case of their ASCII letters: money, passwords, tokens.
	Deny []string
	// Volatile names keys that stay in the row but not in its hash, such as
	// the time of a last login.
	Volatile []string
	// Salt, Kind and Parent go into the hash: a row read by another field map,
	// as another kind or under another parent is another row.
	Salt   string
	Kind   psa.Kind
	Parent psa.Ref
}

// A Shape cuts and hashes the rows of one list. It is immutable and safe for
// concurrent use.
type Shape struct {
	keys *keySet
	salt [sha256.Size]byte
	pool *sync.Pool // of *hasher
}

// NewShape returns a shape.
func NewShape(cfg ShapeConfig) *Shape {
	s := &Shape{keys: newKeySet(), pool: &sync.Pool{New: func() any { return newHasher() }}}
	for _, k := range cfg.Volatile {
		s.keys.add(k, volatile)
	}
	for _, k := range cfg.Deny {
		s.keys.add(k, denied)
	}
	// The lengths keep neighbours apart.
	var prefix []byte
	for _, part := range []string{cfg.Salt, string(cfg.Kind), cfg.Parent.String()} {
		prefix = strconv.AppendInt(prefix, int64(len(part)), 10)
		prefix = append(prefix, ':')
		prefix = append(prefix, part...)
	}
	s.salt = sha256.Sum256(prefix)
	return s
}

// Cut returns row without the denied keys: row itself if it has none,
// otherwise a new slice. It fails with psa.ErrData if a row is too malformed
// to tell.
func (s *Shape) Cut(row []byte) ([]byte, error) {
	_, found, err := scanValue(row, space(row, 0), s.keys)
	if err == nil {
		row, err = s.keys.cut(nil, row, found, denied)
	}
	if err != nil {
		return nil, dataError(err)
	}
	return row, nil
}

// Hash hashes a row that Cut returned: its bytes as they are, less volatile
// keys, salted. The hash of a malformed row is zero.
func (s *Shape) Hash(row []byte) psa.Hash {
	_, found, err := scanValue(row, space(row, 0), s.keys)
	if err != nil {
		return psa.Hash{}
	}
	h := s.pool.Get().(*hasher)
	defer s.pool.Put(h)
	sum, err := h.hash(s, row, found)
	if err != nil {
		return psa.Hash{}
	}
	return sum
}

// A hasher is the memory that hashing needs.
type hasher struct {
	sha hash.Hash
	sum [sha256.Size]byte
	buf []byte
}

func newHasher() *hasher { return &hasher{sha: sha256.New()} }

// hash hashes a row of which only volatile keys have to be left out.
func (h *hasher) hash(s *Shape, row []byte, found mark) (psa.Hash, error) {
	if found&volatile != 0 {
		var err error
		if h.buf, err = s.keys.cut(h.buf[:0], row, found, volatile); err != nil {
			return psa.Hash{}, err
		}
		row = h.buf
	}
	h.sha.Reset()
	h.sha.Write(s.salt[:])
	h.sha.Write(row)
	h.sha.Sum(h.sum[:0])
	return psa.Hash(h.sum[:len(psa.Hash{})]), nil
}
