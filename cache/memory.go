package cache

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
)

// memoryKeep is how many commits Memory remembers for each source.
const memoryKeep = 100

// Memory is a Store and a State that holds everything in memory, with the last
// 100 commits of each source as history, all its audit entries, and leases
// within the process. The zero value is ready. Nothing needs to be closed.
type Memory struct {
	mu      sync.RWMutex // of sources and their snapshots; never held while a batch is worked on
	sources map[string]*memorySource
}

type memorySource struct {
	write   sync.Mutex // of one commit at a time; taken before fence
	current *Snapshot
	former  []*Snapshot // by version, rising; without current
	commits []Change    // oldest first

	fence sync.Mutex  // of token and lease; taken before Memory.mu
	token int64       // the last one granted or seen
	lease LeasedError // Holder is "" where nobody holds it

	state memoryState
}

var (
	_ Store     = (*Memory)(nil)
	_ State     = (*Memory)(nil)
	_ Historian = (*Memory)(nil)
	_ Leaser    = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{} }

// Current returns the present snapshot; see [Store].
func (m *Memory) Current(_ context.Context, source string) (*Snapshot, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if src := m.sources[source]; src != nil {
		return src.current, nil
	}
	return Empty(source), nil
}

// source returns a source to write to.
func (m *Memory) source(name string) *memorySource {
	m.mu.RLock()
	src := m.sources[name]
	m.mu.RUnlock()
	if src != nil {
		return src
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	src = m.sources[name]
	if src == nil {
		src = &memorySource{current: Empty(name)}
		if m.sources == nil {
			m.sources = map[string]*memorySource{}
		}
		m.sources[name] = src
	}
	return src
}

// Commit takes the next step; see [Store].
func (m *Memory) Commit(ctx context.Context, source string, from Version, b Batch) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	src := m.source(source)
	src.write.Lock()
	defer src.write.Unlock()
	next, d, err := src.current.Apply(from, b) // only a holder of src.write changes current
	if err != nil {
		return nil, err
	}
	src.fence.Lock()
	defer src.fence.Unlock()
	if err := src.admit(source, b.Token); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	src.token = max(src.token, b.Token)
	if d.Changes() && src.current.Version() > 0 {
		src.former = append(src.former, src.current)
	}
	src.current = next
	src.commits = append(src.commits, ChangeOf(next, d, b))
	if len(src.commits) > memoryKeep {
		src.commits = slices.Delete(src.commits, 0, 1)
		oldest := src.commits[0].Version
		src.former = slices.DeleteFunc(src.former, func(s *Snapshot) bool { return s.Version() < oldest })
	}
	return next, nil
}

// ChangeOf returns the entry that a [Historian] keeps of a commit: of the
// snapshot it led to, what it wrote, and its batch.
func ChangeOf(next *Snapshot, d Delta, b Batch) Change {
	return Change{
		Version: next.meta.Version, At: next.meta.At, Run: b.Run, Audit: slices.Clone(b.Audit),
		Added: d.Added, Changed: len(d.Put) - d.Added, Removed: len(d.End),
	}
}

// admit refuses a token that is older than one granted or seen. The caller
// holds fence.
func (src *memorySource) admit(source string, token int64) error {
	if token != 0 && token < src.token {
		return fenced(source, token, src.token)
	}
	return nil
}

func fenced(source string, token, last int64) error {
	return fmt.Errorf("cache: %s: token %d is older than %d: %w", source, token, last, ErrFenced)
}

// Versions yields the last 100 commits; see [Historian].
func (m *Memory) Versions(_ context.Context, source string) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		m.mu.RLock()
		var commits []Change
		if src := m.sources[source]; src != nil {
			commits = slices.Clone(src.commits)
		}
		m.mu.RUnlock()
		for _, c := range slices.Backward(commits) {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// At returns a former snapshot; see [Historian].
func (m *Memory) At(_ context.Context, source string, v Version) (*Snapshot, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if src := m.sources[source]; src != nil && v > 0 {
		if src.current.Version() == v {
			return src.current, nil
		}
		for _, s := range src.former {
			if s.Version() == v {
				return s, nil
			}
		}
	}
	return nil, fmt.Errorf("cache: %s: version %d: %w", source, v, psa.ErrNotFound)
}

// Diff returns what changed between two versions; see [Historian].
func (m *Memory) Diff(ctx context.Context, source string, from, to Version) ([]RowChange, error) {
	return DiffAt(ctx, m, source, from, to)
}

// DiffAt is Historian.Diff in terms of Historian.At. Version 0 is the empty
// snapshot.
func DiffAt(ctx context.Context, h Historian, source string, from, to Version) ([]RowChange, error) {
	at := func(v Version) (*Snapshot, error) {
		if v == 0 {
			return Empty(source), nil
		}
		return h.At(ctx, source, v)
	}
	a, err := at(from)
	if err != nil {
		return nil, err
	}
	b, err := at(to)
	if err != nil {
		return nil, err
	}
	return Diff(a, b), nil
}

// Acquire takes the lease of a source; see [Leaser].
func (m *Memory) Acquire(ctx context.Context, source, holder string, ttl time.Duration) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if holder == "" || ttl <= 0 {
		return nil, fmt.Errorf("cache: a lease needs a holder and a time to live: %w", psa.ErrInvalid)
	}
	src := m.source(source)
	src.fence.Lock()
	defer src.fence.Unlock()
	now := time.Now()
	if src.lease.Holder != "" && now.Before(src.lease.Until) {
		held := src.lease
		return nil, &held
	}
	src.token++
	src.lease = LeasedError{Source: source, Holder: holder, Until: now.Add(ttl)}
	return &memoryLease{src, source, src.token}, nil
}

type memoryLease struct {
	src    *memorySource
	source string
	token  int64
}

func (l *memoryLease) Token() int64 { return l.token }

func (l *memoryLease) Renew(ctx context.Context, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.src.fence.Lock()
	defer l.src.fence.Unlock()
	if l.src.token != l.token || l.src.lease.Holder == "" {
		return fenced(l.source, l.token, l.src.token)
	}
	l.src.lease.Until = time.Now().Add(ttl)
	return nil
}

func (l *memoryLease) Release(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.src.fence.Lock()
	defer l.src.fence.Unlock()
	if l.src.token == l.token {
		l.src.lease = LeasedError{}
	}
	return nil
}
