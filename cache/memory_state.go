package cache

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/psasync/psasync/psa"
)

// memoryState is the State of one source. Links and tasks have entries that
// stay where they are while their content changes, so that an index moves only
// with the value it is about.
type memoryState struct {
	mu    sync.RWMutex // of everything below; taken before memorySource.fence
	saves uint64       // counts Save

	links    linkTable
	tasks    taskTable
	cursors  map[stream]Cursor
	seen     map[stream]*seenTable
	settings map[string]string
	audits   auditLog
}

// A stream is the rows of a kind on one side.
type stream struct {
	Side Side
	Kind psa.Kind
}

// A recordKey is a record of one side.
type recordKey struct {
	Side Side
	Kind psa.Kind
	ID   string
}

// seenTable finds both ways, so that the old hash of a row can leave.
type seenTable struct {
	hashes map[string]psa.Hash
	ids    map[psa.Hash]string
}

// state returns what there is of a source, for reading.
func (m *Memory) state(source string) *memoryState {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if src := m.sources[source]; src != nil {
		return &src.state
	}
	return &memoryState{}
}

// Save takes the next step; see [State].
func (m *Memory) Save(ctx context.Context, source string, b StateBatch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.Check(); err != nil {
		return err
	}
	src := m.source(source)
	st := &src.state
	st.mu.Lock()
	defer st.mu.Unlock()
	src.fence.Lock()
	defer src.fence.Unlock() // nobody acquires the lease in the middle of this
	if err := src.admit(source, b.Token); err != nil {
		return err
	}
	if err := st.tasks.admit(&b); err != nil {
		return fmt.Errorf("cache: %s: %w", source, err)
	}
	if err := st.links.admit(&b); err != nil { // last: what is stale is not linked, as in other states
		return fmt.Errorf("cache: %s: %w", source, err)
	}
	src.token = max(src.token, b.Token)
	st.saves++
	st.links.save(&b, st.saves)
	st.tasks.save(&b, st.saves)
	st.audits.add(b.Audits)
	for _, c := range b.Cursors {
		if st.cursors == nil {
			st.cursors = map[stream]Cursor{}
		}
		st.cursors[stream{c.Side, c.Kind}] = c.Normal()
	}
	for i := range b.Seen {
		st.see(&b.Seen[i])
	}
	for name, value := range b.Settings {
		if value == "" {
			delete(st.settings, name)
			continue
		}
		if st.settings == nil {
			st.settings = map[string]string{}
		}
		st.settings[name] = value
	}
	return nil
}

func (st *memoryState) see(s *Seen) {
	key := stream{s.Side, s.Kind}
	table := st.seen[key]
	if table == nil {
		if s.Hash.IsZero() {
			return
		}
		if st.seen == nil {
			st.seen = map[stream]*seenTable{}
		}
		table = &seenTable{map[string]psa.Hash{}, map[psa.Hash]string{}}
		st.seen[key] = table
	}
	old, ok := table.hashes[s.ID]
	if ok && old == s.Hash {
		return
	}
	if ok && table.ids[old] == s.ID {
		delete(table.ids, old)
	}
	if s.Hash.IsZero() {
		delete(table.hashes, s.ID)
		return
	}
	table.hashes[s.ID] = s.Hash
	table.ids[s.Hash] = s.ID
}

// Cursor returns how far a kind was read; see [State].
func (m *Memory) Cursor(ctx context.Context, source string, side Side, kind psa.Kind) (Cursor, error) {
	if err := ctx.Err(); err != nil {
		return Cursor{}, err
	}
	st := m.state(source)
	st.mu.RLock()
	defer st.mu.RUnlock()
	if c, ok := st.cursors[stream{side, kind}]; ok {
		return c, nil
	}
	return Cursor{Side: side, Kind: kind}, nil
}

// Seen returns the hash index of a kind, which goes with what is saved; see
// [State].
func (m *Memory) Seen(ctx context.Context, source string, side Side, kind psa.Kind, _ bool) (psa.Known, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st, key := m.state(source), stream{side, kind}
	return psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) {
		st.mu.RLock()
		defer st.mu.RUnlock()
		if table := st.seen[key]; table != nil {
			if id, ok := table.ids[h]; ok {
				return psa.Ref{Kind: kind, ID: id}, true
			}
		}
		return psa.Ref{}, false
	}), nil
}

// Setting returns a value by name; see [State].
func (m *Memory) Setting(ctx context.Context, source, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	st := m.state(source)
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.settings[name], nil
}

// Settings returns the values whose names begin with prefix; see [State].
func (m *Memory) Settings(ctx context.Context, source, prefix string) (map[string]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st := m.state(source)
	st.mu.RLock()
	defer st.mu.RUnlock()
	all := map[string]string{}
	maps.Copy(all, st.settings)
	maps.DeleteFunc(all, func(name, _ string) bool { return !strings.HasPrefix(name, prefix) })
	return all, nil
}
