package cachetest

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

type stateBug struct {
	name, caught string
	breaks       func(*stateToy)
}

var stateBugs = []stateBug{
	{"a cursor out of nothing", "Empty", func(t *stateToy) {
		t.cursor = func(*cache.Memory, string, cache.Side, psa.Kind) (cache.Cursor, error) { return cache.Cursor{}, nil }
	}},
	{"not found is an error", "Empty", func(t *stateToy) {
		t.link = func(m *cache.Memory, source, key string) (cache.Link, bool, error) {
			l, ok, err := m.Link(bg(), source, key)
			if !ok {
				err = psa.ErrNotFound
			}
			return l, ok, err
		}
	}},
	{"both sides are one", "Link", func(t *stateToy) {
		t.linkOf = func(m *cache.Memory, source string, side cache.Side, ref psa.Ref) (cache.Link, bool, error) {
			l, ok, err := m.LinkOf(bg(), source, side, ref)
			if !ok && ref.ID != "" {
				l, ok, err = m.LinkOf(bg(), source, side.Other(), ref)
			}
			return l, ok, err
		}
	}},
	{"Rev stays", "Link", func(t *stateToy) {
		t.link = func(m *cache.Memory, source, key string) (cache.Link, bool, error) {
			l, ok, err := m.Link(bg(), source, key)
			l.Rev = min(l.Rev, 1)
			return l, ok, err
		}
	}},
	{"numbers as floats", "Content", editLinks(func(l *cache.Link) {
		l.Base[0] = editFields(l.Base[0], func(_ string, v any) (any, bool) {
			if n, ok := v.(json.Number); ok {
				f, _ := n.Float64()
				v, _ = psa.Canonical(f)
			}
			return v, true
		})
	})},
	{"null is absent", "Content", editLinks(func(l *cache.Link) {
		for side := range l.Base {
			l.Base[side] = editFields(l.Base[side], func(_ string, v any) (any, bool) { return v, v != nil })
		}
	})},
	{"null is absent in tasks", "Content", editTasks(func(t *cache.Task) {
		t.Left = editFields(t.Left, func(_ string, v any) (any, bool) { return v, v != nil })
	})},
	{"null is absent in what is parked", "Content", editLinks(func(l *cache.Link) {
		l.Parked = slices.Clone(l.Parked)
		for i := range l.Parked {
			l.Parked[i].Is[0] = editFields(l.Parked[i].Is[0], func(_ string, v any) (any, bool) { return v, v != nil })
		}
	})},
	{"seconds only", "Content", editLinks(func(l *cache.Link) { l.Child[1] = l.Child[1].Truncate(time.Second) })},
	{"text cut at NUL", "Content", editTasks(func(t *cache.Task) { t.Reason, _, _ = strings.Cut(t.Reason, "\x00") })},
	{"what was sent is forgotten", "Content", editLinks(func(l *cache.Link) {
		if l.Pending != nil {
			p := *l.Pending
			p.Sent, l.Pending = nil, &p
		}
	})},
	{"no tombstones", "Content", editLinks(func(l *cache.Link) { l.Gone = [2]cache.Fate{} })},
	{"no answers", "Content", editTasks(func(t *cache.Task) { t.Answer = nil })},
	{"an audit without what was agreed", "Content", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
		for i := range b.Audits {
			b.Audits[i].Agreed = [2]psa.Fields{}
		}
	})},
	{"zones are kept", "Content", func(t *stateToy) {
		t.cursor = func(m *cache.Memory, source string, side cache.Side, kind psa.Kind) (cache.Cursor, error) {
			c, err := m.Cursor(bg(), source, side, kind)
			c.Since = c.Since.In(time.FixedZone("", 3600))
			return c, err
		}
	}},
	{"the last link wins", "Rev", editBatch(func(m *cache.Memory, source string, b *cache.StateBatch) { freshRevs(m, source, b, true, false) })},
	{"the last task wins", "Rev", editBatch(func(m *cache.Memory, source string, b *cache.StateBatch) { freshRevs(m, source, b, false, true) })},
	{"the last record wins", "Linked", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			err := m.Save(ctx, source, b)
			if errors.Is(err, cache.ErrLinked) {
				return nil
			}
			return err
		}
	}},
	{"no swap", "Linked", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			for _, l := range b.Links {
				for side, id := range l.IDs {
					owner, ok, _ := m.LinkOf(ctx, source, cache.Side(side), psa.Ref{Kind: l.Kind, ID: id})
					if ok && owner.Key != l.Key && !slices.Contains(b.DropLinks, owner.Key) {
						return cache.ErrLinked
					}
				}
			}
			return m.Save(ctx, source, b)
		}
	}},
	{"nothing is dropped", "Drop", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) { b.DropLinks = nil })},
	{"no task is dropped", "Drop", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) { b.DropTasks = nil })},
	{"dropping nothing fails", "Drop", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			for _, key := range b.DropLinks {
				if _, ok, _ := m.Link(ctx, source, key); !ok {
					return psa.ErrNotFound
				}
			}
			return m.Save(ctx, source, b)
		}
	}},
	{"repairs numbers", "Invalid", editLinks(func(l *cache.Link) {
		for side := range l.Base {
			if f, err := psa.Canonical(l.Base[side]); err == nil && l.Base[side] != nil {
				l.Base[side] = f.(psa.Fields)
			}
		}
	})},
	{"takes a key twice", "Invalid", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
		b.Cursors = slices.CompactFunc(b.Cursors, func(a, c cache.Cursor) bool { return false })
		if len(b.Cursors) == 3 {
			b.Cursors = b.Cursors[1:]
		}
	})},
	{"no step back", "Atomic", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			err := m.Save(ctx, source, b)
			if errors.Is(err, cache.ErrStale) {
				_ = m.Save(ctx, source, cache.StateBatch{Seen: b.Seen, Cursors: b.Cursors})
			}
			return err
		}
	}},
	{"the audit of what was refused", "Atomic", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			err := m.Save(ctx, source, b)
			if errors.Is(err, cache.ErrLinked) {
				_ = m.Save(ctx, source, cache.StateBatch{Audits: b.Audits})
			}
			return err
		}
	}},
	{"links in the order of creation", "Order", func(t *stateToy) {
		t.links = func(ctx context.Context, m *cache.Memory, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
			return sortedAnew(m.Links(ctx, source, q), slices.Reverse)
		}
	}},
	{"keys without case", "Order", func(t *stateToy) {
		t.links = func(ctx context.Context, m *cache.Memory, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
			return sortedAnew(m.Links(ctx, source, q), func(l []cache.Link) {
				slices.SortStableFunc(l, func(a, b cache.Link) int { return strings.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key)) })
			})
		}
	}},
	{"times as text of any length", "Order", func(t *stateToy) {
		t.tasks = func(ctx context.Context, m *cache.Memory, source string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
			return sortedAnew(m.Tasks(ctx, source, q), func(l []cache.Task) {
				slices.SortStableFunc(l, func(a, b cache.Task) int { return strings.Compare(psa.FormatTime(a.Since), psa.FormatTime(b.Since)) })
			})
		}
	}},
	{"oldest first", "Order", func(t *stateToy) {
		t.audits = func(m *cache.Memory, source string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
			return sortedAnew(m.Audits(bg(), source, q), slices.Reverse)
		}
	}},
	{"any company", "LinkQuery", queried(func(q *cache.LinkQuery) { q.Company = "" }, nil, nil)},
	{"any parent", "LinkQuery", queried(func(q *cache.LinkQuery) { q.Parent = "" }, nil, nil)},
	{"any kind of link", "LinkQuery", queried(func(q *cache.LinkQuery) { q.Kind = "" }, nil, nil)},
	{"any state", "LinkQuery", queried(func(q *cache.LinkQuery) { q.States = nil }, nil, nil)},
	{"the first state only", "LinkQuery", queried(func(q *cache.LinkQuery) { q.States = q.States[:min(1, len(q.States))] }, nil, nil)},
	{"pending or not", "LinkQuery", queried(func(q *cache.LinkQuery) { q.Pending = false }, nil, nil)},
	{"always from the start", "LinkQuery", queried(func(q *cache.LinkQuery) { q.After = "" }, nil, nil)},
	{"any type", "TaskQuery", queried(nil, func(q *cache.TaskQuery) { q.Types = nil }, nil)},
	{"any kind of task", "TaskQuery", queried(nil, func(q *cache.TaskQuery) { q.Kind = "" }, nil)},
	{"due or not", "TaskQuery", queried(nil, func(q *cache.TaskQuery) { q.Due = time.Time{} }, nil)},
	{"due before, not at", "TaskQuery", queried(nil, func(q *cache.TaskQuery) {
		if !q.Due.IsZero() {
			q.Due = q.Due.Add(-1)
		}
	}, nil)},
	{"whatever it waits for", "TaskQuery", queried(nil, func(q *cache.TaskQuery) { q.WaitsFor = "" }, nil)},
	{"any link", "TaskQuery", queried(nil, func(q *cache.TaskQuery) { q.Link = "" }, nil)},
	{"either side", "TaskQuery", queried(nil, func(q *cache.TaskQuery) { q.Side = nil }, nil)},
	{"any record", "TaskQuery", queried(nil, func(q *cache.TaskQuery) { q.Record = "" }, nil)},
	{"audits of any link", "AuditQuery", queried(nil, nil, func(q *cache.AuditQuery) { q.Link = "" })},
	{"audits of any run", "AuditQuery", queried(nil, nil, func(q *cache.AuditQuery) { q.Run = "" })},
	{"audits of any time", "AuditQuery", queried(nil, nil, func(q *cache.AuditQuery) { q.Since = time.Time{} })},
	{"audits without limit", "AuditQuery", queried(nil, nil, func(q *cache.AuditQuery) { q.Limit = 0 })},
	{"the first company stays", "Moved", func(t *stateToy) {
		companies := map[string]string{}
		editLinks(func(l *cache.Link) {
			if c, ok := companies[l.Key]; ok {
				l.Company = c
			}
			companies[l.Key] = l.Company
		})(t)
	}},
	{"former hashes stay", "Seen", func(t *stateToy) {
		former := map[psa.Hash]string{}
		editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
			for _, s := range b.Seen {
				former[s.Hash] = s.ID
			}
		})(t)
		t.seen = func(m *cache.Memory, source string, side cache.Side, kind psa.Kind) (psa.Known, error) {
			return psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) {
				id, ok := former[h]
				return psa.Ref{Kind: kind, ID: id}, ok && side == cache.Left && !h.IsZero()
			}), nil
		}
	}},
	{"nothing is forgotten", "Seen", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
		b.Seen = slices.DeleteFunc(b.Seen, func(s cache.Seen) bool { return s.Hash.IsZero() })
	})},
	{"hashes of both sides", "Seen", func(t *stateToy) {
		t.seen = func(m *cache.Memory, source string, _ cache.Side, kind psa.Kind) (psa.Known, error) {
			return m.Seen(bg(), source, cache.Left, kind, true)
		}
	}},
	{"one cursor for both sides", "Cursor", func(t *stateToy) {
		editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
			for i := range b.Cursors {
				b.Cursors[i].Side = cache.Left
			}
		})(t)
		t.cursor = func(m *cache.Memory, source string, side cache.Side, kind psa.Kind) (cache.Cursor, error) {
			c, err := m.Cursor(bg(), source, cache.Left, kind)
			c.Side = side
			return c, err
		}
	}},
	{"cursors are merged", "Cursor", editBatch(func(m *cache.Memory, source string, b *cache.StateBatch) {
		for i := range b.Cursors {
			c := &b.Cursors[i]
			if old, _ := m.Cursor(bg(), source, c.Side, c.Kind); c.After == "" {
				c.After = old.After
			}
		}
	})},
	{"settings are not removed", "Setting", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
		maps.DeleteFunc(b.Settings, func(_, v string) bool { return v == "" })
	})},
	{"% is everything", "Setting", func(t *stateToy) {
		t.settings = func(m *cache.Memory, source, prefix string) (map[string]string, error) {
			return m.Settings(bg(), source, strings.TrimSuffix(prefix, "%"))
		}
	}},
	{"audits are rewritten", "Audit", func(t *stateToy) {
		t.audits = func(m *cache.Memory, source string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
			return sortedAnew(m.Audits(bg(), source, q), func(a []cache.Audit) {
				for i := range a {
					a[i].Seq = int64(len(a) - i + 10*len(a))
				}
			})
		}
	}},
	{"sources without case", "Sources", renameState(strings.ToLower)},
	{"sources cut at NUL", "Sources", renameState(func(s string) string { s, _, _ = strings.Cut(s, "\x00"); return s })},
	{"sources of 255 characters", "Sources", renameState(func(s string) string { return s[:min(255, len(s))] })},
	{"writes into what it handed out", "Immutable", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			for _, l := range b.Links {
				if old, ok, _ := m.Link(ctx, source, l.Key); ok && l.Base[0] != nil {
					maps.Copy(old.Base[0], l.Base[0])
				}
			}
			return m.Save(ctx, source, b)
		}
	}},
	{"keeps the batch's map", "Immutable", func(t *stateToy) {
		var kept map[string]string
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			kept = b.Settings
			return m.Save(ctx, source, b)
		}
		t.settings = func(*cache.Memory, string, string) (map[string]string, error) { return maps.Clone(kept), nil }
	}},
	{"loops over what comes", "Loop", func(t *stateToy) {
		t.links = func(ctx context.Context, m *cache.Memory, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
			return func(yield func(cache.Link, error) bool) {
				for found := true; found; {
					found = false
					for l, err := range m.Links(ctx, source, q) {
						if found = true; !yield(l, err) {
							return
						}
						q.After = l.Key
						break
					}
				}
			}
		}
	}},
	{"one page only", "Loop", func(t *stateToy) {
		t.tasks = func(ctx context.Context, m *cache.Memory, source string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
			return func(yield func(cache.Task, error) bool) {
				n := 0
				for t, err := range m.Tasks(ctx, source, q) {
					if n++; n > 256 || !yield(t, err) {
						return
					}
				}
			}
		}
	}},
	{"does not look at the context", "Cancelled", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			return m.Save(context.WithoutCancel(ctx), source, b)
		}
	}},
	{"loops on", "Cancelled", func(t *stateToy) {
		t.links = func(ctx context.Context, m *cache.Memory, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
			if ctx.Err() == nil {
				ctx = context.WithoutCancel(ctx)
			}
			return m.Links(ctx, source, q)
		}
	}},
	{"a hundred links at most", "Big", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) { b.Links = b.Links[:min(100, len(b.Links))] })},
	{"the last saver wins", "Savers", func(t *stateToy) {
		var mu sync.Mutex
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			mu.Lock()
			defer mu.Unlock()
			b.Links, b.Tasks = slices.Clone(b.Links), slices.Clone(b.Tasks)
			freshRevs(m, source, &b, true, true)
			return m.Save(ctx, source, b)
		}
	}},
	{"saves link by link", "Readers", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			for i := range b.Links {
				half := b.Links[i]
				half.Base[1] = nil
				if err := m.Save(ctx, source, cache.StateBatch{Links: []cache.Link{half}}); err != nil {
					return err
				}
				half.Base, half.Rev = b.Links[i].Base, half.Rev+1
				if err := m.Save(ctx, source, cache.StateBatch{Links: []cache.Link{half}}); err != nil {
					return err
				}
			}
			return nil
		}
	}},
	{"no fencing", "Token", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) { b.Token = 0 })},
	{"fences those that have no token", "Token", editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
		if b.Token == 0 {
			b.Token = 1
		}
	})},
	{"a save makes a version", "Store", func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			if snap, err := m.Current(ctx, source); err == nil {
				_, _ = m.Commit(ctx, source, snap.Version(), cache.Batch{Put: rows(psa.KindTeam, "t", 1), At: noon})
			}
			return m.Save(ctx, source, b)
		}
	}},
	{"half of it is there after a failure", "Failure", func(t *stateToy) {
		t.failing = func(m *cache.Memory, source string, b cache.StateBatch) {
			_ = m.Save(bg(), source, cache.StateBatch{Links: b.Links, DropLinks: b.DropLinks})
		}
	}},
	{"it happened, and the error says never", "Failure", func(t *stateToy) {
		t.fails = errDisk
		t.failing = func(m *cache.Memory, source string, b cache.StateBatch) { _ = m.Save(bg(), source, b) }
	}},
	{"stuck after a failure", "Failure", func(t *stateToy) {
		stuck := false
		t.failing = func(*cache.Memory, string, cache.StateBatch) { stuck = true }
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			if stuck {
				return errDisk
			}
			return m.Save(ctx, source, b)
		}
	}},
}

func findState(t *testing.T, name string) stateGuarantee {
	i := slices.IndexFunc(stateGuarantees, func(g stateGuarantee) bool { return g.name == name })
	if i < 0 {
		t.Fatalf("there is no case %s", name)
	}
	return stateGuarantees[i]
}

// TestStateBugs proves that the suite notices.
func TestStateBugs(t *testing.T) {
	for _, b := range stateBugs {
		t.Run(b.name, func(t *testing.T) {
			if failures := findState(t, b.caught).check(t, stateHarness(b.breaks)); len(failures) == 0 {
				t.Errorf("case %s passes", b.caught)
			}
		})
	}
}

// TestStateAgainBugs is TestStateBugs for what only shows when data is opened
// again.
func TestStateAgainBugs(t *testing.T) {
	for _, caught := range []string{"Reopen", "Two"} {
		h := stateHarness(func(*stateToy) {})
		h.Again = func(*testing.T, cache.State) cache.State { return newStateToy() }
		if failures := findState(t, caught).check(t, h); len(failures) == 0 {
			t.Errorf("case %s passes a state that keeps nothing", caught)
		}
	}
}

// TestStateCorrect proves that the toys fail for their bugs alone, and that
// every case has a bug to catch.
func TestStateCorrect(t *testing.T) {
	RunState(t, stateHarness(func(t *stateToy) {
		t.failing = func(m *cache.Memory, source string, b cache.StateBatch) { _ = m.Save(bg(), source, b) } // as when an answer is lost
	}))
	for _, g := range stateGuarantees {
		caught := slices.ContainsFunc(stateBugs, func(b stateBug) bool { return b.caught == g.name })
		if !caught && g.name != "Reopen" && g.name != "Two" {
			t.Errorf("no bug for case %s", g.name)
		}
	}
	RunState(t, StateHarness{Open: func(*testing.T) cache.State { return struct{ cache.State }{cache.NewMemory()} }, Only: "Token"})
}
