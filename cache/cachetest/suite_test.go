package cachetest

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// A toy is cache.Memory with a bug: the functions that are set stand in for
// its methods.
type toy struct {
	*cache.Memory
	fail *bool // the next commit fails

	current func(m *cache.Memory, source string) (*cache.Snapshot, error)
	commit  func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error)
	failing func(m *cache.Memory, source string, from cache.Version, b cache.Batch) // before it fails
	changes func([]cache.Change) []cache.Change
	at      func(m *cache.Memory, source string, v cache.Version) (*cache.Snapshot, error)
	diff    func([]cache.RowChange) []cache.RowChange
	acquire func(m *cache.Memory, source, holder string, ttl time.Duration) (cache.Lease, error)
}

func newToy() *toy {
	return &toy{Memory: cache.NewMemory(), fail: new(bool)}
}

func (t *toy) Current(ctx context.Context, source string) (*cache.Snapshot, error) {
	if t.current != nil {
		return t.current(t.Memory, source)
	}
	return t.Memory.Current(ctx, source)
}

func (t *toy) Commit(ctx context.Context, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
	if *t.fail {
		*t.fail = false
		if t.failing != nil {
			t.failing(t.Memory, source, from, b)
		}
		return nil, errDisk
	}
	if t.commit != nil {
		return t.commit(ctx, t.Memory, source, from, b)
	}
	return t.Memory.Commit(ctx, source, from, b)
}

var errDisk = errors.New("disk on fire")

func (t *toy) Versions(ctx context.Context, source string) iter.Seq2[cache.Change, error] {
	if t.changes == nil {
		return t.Memory.Versions(ctx, source)
	}
	return func(yield func(cache.Change, error) bool) {
		var all []cache.Change
		for c, err := range t.Memory.Versions(ctx, source) {
			if err != nil {
				yield(c, err)
				return
			}
			all = append(all, c)
		}
		for _, c := range t.changes(all) {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func (t *toy) At(ctx context.Context, source string, v cache.Version) (*cache.Snapshot, error) {
	if t.at != nil {
		return t.at(t.Memory, source, v)
	}
	return t.Memory.At(ctx, source, v)
}

func (t *toy) Diff(ctx context.Context, source string, from, to cache.Version) ([]cache.RowChange, error) {
	d, err := t.Memory.Diff(ctx, source, from, to)
	if t.diff != nil {
		d = t.diff(d)
	}
	return d, err
}

func (t *toy) Acquire(ctx context.Context, source, holder string, ttl time.Duration) (cache.Lease, error) {
	if t.acquire != nil {
		return t.acquire(t.Memory, source, holder, ttl)
	}
	return t.Memory.Acquire(ctx, source, holder, ttl)
}

// harness returns one for toys that break changes, with every hook.
func harness(breaks func(*toy)) Harness {
	return Harness{
		Open: func(*testing.T) cache.Store {
			s := newToy()
			breaks(s)
			return s
		},
		Again: func(_ *testing.T, s cache.Store) cache.Store {
			again := *s.(*toy)
			return &again
		},
		Fail: func(s cache.Store, step int) func() bool {
			fail := s.(*toy).fail
			armed := step == 0 // its commits have one step
			*fail = armed
			return func() bool {
				reached := armed && !*fail
				*fail = false
				return reached
			}
		},
		Rows:     200,
		patience: 50 * time.Millisecond,
	}
}

func bg() context.Context { return context.Background() }

func edit(change func(m *cache.Memory, source string, from *cache.Version, b *cache.Batch)) func(*toy) {
	return func(t *toy) {
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			b.Put, b.End = slices.Clone(b.Put), slices.Clone(b.End)
			change(m, source, &from, &b)
			return m.Commit(ctx, source, from, b)
		}
	}
}

// editRows stores other rows than it was given.
func editRows(change func(*psa.Record)) func(*toy) {
	return edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) {
		for i := range b.Put {
			b.Put[i].Fields = b.Put[i].Fields.Clone()
			change(&b.Put[i])
		}
	})
}

func rename(f func(string) string) func(*toy) {
	return func(t *toy) {
		t.current = func(m *cache.Memory, source string) (*cache.Snapshot, error) { return m.Current(bg(), f(source)) }
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			return m.Commit(ctx, f(source), from, b)
		}
	}
}

// A bug is a way to get a store wrong, and the case that has to notice.
type bug struct {
	name   string
	caught string
	breaks func(*toy)
}

var bugs = []bug{
	{"nil for an unknown source", "Empty", func(t *toy) {
		t.current = func(m *cache.Memory, source string) (*cache.Snapshot, error) {
			if s, err := m.Current(bg(), source); err != nil || s.Version() > 0 {
				return s, err
			}
			return nil, nil
		}
	}},
	{"returns what was before", "Commit", func(t *toy) {
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			before, _ := m.Current(ctx, source)
			if _, err := m.Commit(ctx, source, from, b); err != nil {
				return nil, err
			}
			return before, nil
		}
	}},
	{"shows the version before the last", "Commit", func(t *toy) {
		t.current = func(m *cache.Memory, source string) (*cache.Snapshot, error) {
			s, err := m.Current(bg(), source)
			if err == nil && s.Version() > 1 {
				return m.At(bg(), source, s.Version()-1)
			}
			return s, err
		}
	}},
	{"numbers as floats", "Content", editRows(func(r *psa.Record) {
		for k, v := range r.Fields {
			if n, ok := v.(json.Number); ok {
				f, _ := n.Float64()
				r.Fields[k], _ = psa.Canonical(f)
			}
		}
	})},
	{"cuts text at NUL", "Content", editRows(func(r *psa.Record) {
		for k, v := range r.Fields {
			if s, ok := v.(string); ok {
				r.Fields[k], _, _ = strings.Cut(s, "\x00")
			}
		}
	})},
	{"nil values are left out", "Content", editRows(func(r *psa.Record) {
		for k, v := range r.Fields {
			if v == nil {
				delete(r.Fields, k)
			}
		}
	})},
	{"trims names", "Content", editRows(func(r *psa.Record) {
		if name, ok := r.Fields["name"].(string); ok {
			r.Fields["name"] = strings.TrimSpace(name)
		}
	})},
	{"long text is cut", "Content", editRows(func(r *psa.Record) {
		if name := r.Name(); len(name) > 1<<16 {
			r.Fields["name"] = name[:1<<16]
		}
	})},
	{"seconds only", "Content", editRows(func(r *psa.Record) { r.Updated = r.Updated.Truncate(time.Second) })},
	{"no payload", "Content", editRows(func(r *psa.Record) { r.Raw = nil })},
	{"no parent", "Content", editRows(func(r *psa.Record) { r.Parent = psa.Ref{} })},
	{"no token of the vendor", "Content", editRows(func(r *psa.Record) { r.Version = "" })},
	{"no hash", "Known", editRows(func(r *psa.Record) { r.Hash = psa.Hash{} })},
	{"everything is active", "Inactive", editRows(func(r *psa.Record) { r.Active = true })},
	{"drops inactive rows", "Inactive", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) {
		b.Put = slices.DeleteFunc(b.Put, func(r psa.Record) bool { return !r.Active })
	})},
	{"nothing ends", "Replace", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) { b.End = nil })},
	{"a batch is everything", "Replace", edit(func(m *cache.Memory, source string, _ *cache.Version, b *cache.Batch) {
		s, _ := m.Current(bg(), source)
		for r := range s.All(psa.KindBoard) {
			if !slices.ContainsFunc(b.Put, func(p psa.Record) bool { return p.Ref == r.Ref }) && !slices.Contains(b.End, r.Ref) {
				b.End = append(b.End, r.Ref)
			}
		}
	})},
	{"does not compare versions", "Compare", edit(func(m *cache.Memory, source string, from *cache.Version, _ *cache.Batch) {
		s, _ := m.Current(bg(), source)
		*from = s.Version()
	})},
	{"takes a former version for a batch without rows", "Compare", edit(func(m *cache.Memory, source string, from *cache.Version, b *cache.Batch) {
		if s, _ := m.Current(bg(), source); len(b.Put)+len(b.End) == 0 {
			*from = s.Version()
		}
	})},
	{"a version for nothing", "Unchanged", func(t *toy) {
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			s, err := m.Commit(ctx, source, from, b)
			if err == nil && s.Version() == from {
				tick := row(psa.KindRole, "tick", "tick")
				if s, err = m.Commit(ctx, source, from, cache.Batch{Put: []psa.Record{tick}, At: b.At, Run: b.Run}); err == nil {
					s, err = m.Commit(ctx, source, s.Version(), cache.Batch{End: []psa.Ref{tick.Ref}, At: b.At, Run: b.Run})
				}
			}
			return s, err
		}
	}},
	{"a version for rows that are the same", "SameRows", func(t *toy) {
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			s, err := m.Commit(ctx, source, from, b)
			if err == nil && s.Version() == from && len(b.Put) > 0 {
				tick := row(psa.KindRole, "tick", "tick")
				s, err = m.Commit(ctx, source, from, cache.Batch{Put: []psa.Record{tick}, At: b.At, Run: b.Run})
			}
			return s, err
		}
	}},
	{"keeps the former bytes", "Refresh", edit(func(m *cache.Memory, source string, _ *cache.Version, b *cache.Batch) {
		s, _ := m.Current(bg(), source)
		b.Put = slices.DeleteFunc(b.Put, func(r psa.Record) bool {
			old, ok := s.Get(r.Ref)
			return ok && old.Active == r.Active && old.Fields.Equal(r.Fields)
		})
	})},
	{"forgets meta data", "Meta", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) { b.Kinds = nil })},
	{"forgets when it failed", "Meta", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) {
		kinds := map[psa.Kind]cache.KindMeta{}
		for k, m := range b.Kinds {
			m.StaleSince = b.At
			kinds[k] = m
		}
		b.Kinds = kinds
	})},
	{"stores what it can of a bad batch", "Invalid", func(t *toy) {
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			s, err := m.Commit(ctx, source, from, b)
			if errors.Is(err, psa.ErrInvalid) {
				_, _ = m.Commit(ctx, source, from, cache.Batch{Put: b.Put[:1], At: b.At})
			}
			return s, err
		}
	}},
	{"repairs numbers", "Invalid", editRows(func(r *psa.Record) {
		if f, err := psa.Canonical(r.Fields); err == nil {
			r.Fields = f.(psa.Fields)
		}
	})},
	{"takes any instance", "Instance", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) { b.Instance.ID = "" })},
	{"takes any provider", "Instance", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) { b.Provider = "" })},
	{"sources without case", "Sources", rename(strings.ToLower)},
	{"sources without spaces", "Sources", rename(strings.TrimSpace)},
	{"sources cut at NUL", "Sources", rename(func(s string) string { s, _, _ = strings.Cut(s, "\x00"); return s })},
	{"sources of 255 characters", "Sources", rename(func(s string) string { return s[:min(255, len(s))] })},
	{"commits later", "Immutable", func(t *toy) {
		var mu sync.Mutex
		var due []func()
		flush := func() {
			for _, f := range due {
				f()
			}
			due = nil
		}
		t.current = func(m *cache.Memory, source string) (*cache.Snapshot, error) {
			mu.Lock()
			defer mu.Unlock()
			flush()
			return m.Current(bg(), source)
		}
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			mu.Lock()
			defer mu.Unlock()
			flush()
			s, err := m.Current(ctx, source)
			if err == nil {
				s, _, err = s.Apply(from, b)
			}
			if err == nil {
				due = append(due, func() { _, _ = m.Commit(bg(), source, from, b) })
			}
			return s, err
		}
	}},
	{"does not look at the context", "Cancelled", func(t *toy) {
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			return m.Commit(context.WithoutCancel(ctx), source, from, b)
		}
	}},
	{"says cancelled and writes", "Cancelled", func(t *toy) {
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			s, err := m.Commit(context.WithoutCancel(ctx), source, from, b)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return s, err
		}
	}},
	{"a hundred rows at most", "Big", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) {
		b.Put = b.Put[:min(100, len(b.Put))]
	})},
	{"no fencing", "Token", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) { b.Token = 0 })},
	{"fences those that have no token", "Token", edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) {
		if b.Token == 0 {
			b.Token = 1
		}
	})},
	{"the last writer wins", "Writers", func(t *toy) {
		var mu sync.Mutex
		t.commit = func(ctx context.Context, m *cache.Memory, source string, _ cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			mu.Lock()
			defer mu.Unlock()
			s, err := m.Current(ctx, source)
			if err != nil {
				return nil, err
			}
			return m.Commit(ctx, source, s.Version(), b)
		}
	}},
	{"commits row by row", "Readers", func(t *toy) {
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (s *cache.Snapshot, err error) {
			for i := range b.Put {
				if s, err = m.Commit(ctx, source, from, cache.Batch{Put: b.Put[i : i+1]}); err != nil {
					return nil, err
				}
				from = s.Version()
			}
			b.Put = nil
			return m.Commit(ctx, source, from, b)
		}
	}},
	{"goes back at times", "Readers", func(t *toy) {
		var mu sync.Mutex
		n := 0
		t.current = func(m *cache.Memory, source string) (*cache.Snapshot, error) {
			mu.Lock()
			defer mu.Unlock()
			n++
			s, err := m.Current(bg(), source)
			if n%3 == 0 && s.Version() > 1 {
				return m.At(bg(), source, s.Version()-1)
			}
			return s, err
		}
	}},
	{"oldest first", "History", func(t *toy) {
		t.changes = func(c []cache.Change) []cache.Change { slices.Reverse(c); return c }
	}},
	{"unchanged runs are not kept", "History", func(t *toy) {
		t.changes = func(c []cache.Change) []cache.Change {
			return slices.DeleteFunc(c, func(c cache.Change) bool { return c.Added+c.Changed+c.Removed == 0 })
		}
	}},
	{"no audit", "History", func(t *toy) {
		t.changes = func(c []cache.Change) []cache.Change { c[len(c)-1].Audit = nil; return c }
	}},
	{"every version is the last", "At", func(t *toy) {
		t.at = func(m *cache.Memory, source string, _ cache.Version) (*cache.Snapshot, error) {
			return m.Current(bg(), source)
		}
	}},
	{"version 0 is one", "At", func(t *toy) {
		t.at = func(m *cache.Memory, source string, v cache.Version) (*cache.Snapshot, error) {
			if v == 0 {
				return cache.Empty(source), nil
			}
			return m.At(bg(), source, v)
		}
	}},
	{"removed rows are not told", "Diff", func(t *toy) {
		t.diff = func(d []cache.RowChange) []cache.RowChange {
			return slices.DeleteFunc(d, func(c cache.RowChange) bool { return c.After == nil })
		}
	}},
	{"one lease for all", "Lease", func(t *toy) {
		t.acquire = func(m *cache.Memory, source, holder string, ttl time.Duration) (cache.Lease, error) {
			return m.Acquire(bg(), source+holder, holder, ttl)
		}
	}},
	{"does not say who holds it", "Lease", func(t *toy) {
		t.acquire = func(m *cache.Memory, source, holder string, ttl time.Duration) (cache.Lease, error) {
			l, err := m.Acquire(bg(), source, holder, ttl)
			if errors.Is(err, cache.ErrLeased) {
				return nil, cache.ErrLeased
			}
			return l, err
		}
	}},
	{"a lost lease is released all the same", "Lease", func(t *toy) {
		var last cache.Lease
		t.acquire = func(m *cache.Memory, source, holder string, ttl time.Duration) (cache.Lease, error) {
			l, err := m.Acquire(bg(), source, holder, ttl)
			if err == nil && source != "other" {
				last = l
				l = looseLease{l, &last}
			}
			return l, err
		}
	}},
	{"leases never expire", "Expiry", func(t *toy) {
		t.acquire = func(m *cache.Memory, source, holder string, _ time.Duration) (cache.Lease, error) {
			return m.Acquire(bg(), source, holder, time.Hour)
		}
	}},
	{"one token for all", "Expiry", func(t *toy) {
		t.acquire = func(m *cache.Memory, source, holder string, ttl time.Duration) (cache.Lease, error) {
			l, err := m.Acquire(bg(), source, holder, ttl)
			if err == nil {
				l = tokenLease{l, 1}
			}
			return l, err
		}
	}},
	{"fences only once the new holder has written", "Fencing", func(t *toy) {
		var mu sync.Mutex
		seen := int64(0)
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			mu.Lock()
			defer mu.Unlock()
			token := b.Token
			if token >= seen {
				b.Token = 0
			}
			s, err := m.Commit(ctx, source, from, b)
			if err == nil {
				seen = max(seen, token)
			}
			return s, err
		}
	}},
	{"half of it is there after a failure", "Failure", func(t *toy) {
		t.failing = func(m *cache.Memory, source string, from cache.Version, b cache.Batch) {
			_, _ = m.Commit(bg(), source, from, cache.Batch{Put: b.Put[:1], At: b.At})
		}
	}},
	{"the freshness is there after a failure", "Failure", func(t *toy) {
		t.failing = func(m *cache.Memory, source string, from cache.Version, b cache.Batch) {
			_, _ = m.Commit(bg(), source, from, cache.Batch{Kinds: b.Kinds, At: b.At})
		}
	}},
	{"stuck after a failure", "Failure", func(t *toy) {
		stuck := false
		t.failing = func(*cache.Memory, string, cache.Version, cache.Batch) { stuck = true }
		t.commit = func(ctx context.Context, m *cache.Memory, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
			if stuck {
				return nil, errDisk
			}
			return m.Commit(ctx, source, from, b)
		}
	}},
}

// A looseLease releases whatever lease there is.
type looseLease struct {
	cache.Lease
	last *cache.Lease
}

func (l looseLease) Release(ctx context.Context) error { return (*l.last).Release(ctx) }

type tokenLease struct {
	cache.Lease
	token int64
}

func (l tokenLease) Token() int64 { return l.token }

func find(t *testing.T, name string) guarantee {
	i := slices.IndexFunc(guarantees, func(g guarantee) bool { return g.name == name })
	if i < 0 {
		t.Fatalf("there is no case %s", name)
	}
	return guarantees[i]
}

// TestBugs proves that the suite notices: a bug that no case catches is one
// that a store may have.
func TestBugs(t *testing.T) {
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			if failures := find(t, b.caught).check(t, harness(b.breaks)); len(failures) == 0 {
				t.Errorf("case %s passes", b.caught)
			}
		})
	}
}

// TestAgainBugs is TestBugs for what only shows when data is opened again.
func TestAgainBugs(t *testing.T) {
	for _, b := range []struct {
		name, caught string
		again        func(*testing.T, cache.Store) cache.Store
	}{
		{"nothing is kept", "Reopen", func(*testing.T, cache.Store) cache.Store { return newToy() }},
		{"tokens are forgotten", "Reopen", func(_ *testing.T, s cache.Store) cache.Store {
			again := *s.(*toy)
			edit(func(_ *cache.Memory, _ string, _ *cache.Version, b *cache.Batch) { b.Token = 0 })(&again)
			return &again
		}},
		{"each holds its own", "Two", func(_ *testing.T, s cache.Store) cache.Store {
			snap, err := s.Current(bg(), source)
			if err != nil {
				return s
			}
			var put []psa.Record
			for r := range snap.All(psa.KindBoard) {
				put = append(put, r)
			}
			again := newToy()
			if _, err := again.Memory.Commit(bg(), source, 0, cache.Batch{Put: put, At: snap.Meta().At}); err != nil {
				return s
			}
			return again
		}},
	} {
		t.Run(b.name, func(t *testing.T) {
			h := harness(func(*toy) {})
			h.Again = b.again
			if failures := find(t, b.caught).check(t, h); len(failures) == 0 {
				t.Errorf("case %s passes", b.caught)
			}
		})
	}
}

// TestCorrect proves that the toys fail for their bugs alone, and that every
// case has a bug to catch.
func TestCorrect(t *testing.T) {
	h := harness(func(*toy) {})
	h.patience = 0
	h.Run(t)
	for _, g := range guarantees {
		caught := slices.ContainsFunc(bugs, func(b bug) bool { return b.caught == g.name })
		if !caught && !slices.Contains([]string{"Reopen", "Two", "Order"}, g.name) { // Snapshot orders, stores cannot get it wrong
			t.Errorf("no bug for case %s", g.name)
		}
	}
}

// TestOptionalExtras proves that a store without extras passes.
func TestOptionalExtras(t *testing.T) {
	Run(t, func(*testing.T) cache.Store { return struct{ cache.Store }{cache.NewMemory()} })
}
