package cachetest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// A stateToy is cache.Memory with a bug: the functions that are set stand in
// for its methods.
type stateToy struct {
	*cache.Memory
	fail *bool // the next save fails

	save     func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error
	failing  func(m *cache.Memory, source string, b cache.StateBatch) // before it fails
	fails    error
	link     func(m *cache.Memory, source, key string) (cache.Link, bool, error)
	linkOf   func(m *cache.Memory, source string, side cache.Side, ref psa.Ref) (cache.Link, bool, error)
	links    func(ctx context.Context, m *cache.Memory, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error]
	tasks    func(ctx context.Context, m *cache.Memory, source string, q cache.TaskQuery) iter.Seq2[cache.Task, error]
	audits   func(m *cache.Memory, source string, q cache.AuditQuery) iter.Seq2[cache.Audit, error]
	cursor   func(m *cache.Memory, source string, side cache.Side, kind psa.Kind) (cache.Cursor, error)
	seen     func(m *cache.Memory, source string, side cache.Side, kind psa.Kind) (psa.Known, error)
	settings func(m *cache.Memory, source, prefix string) (map[string]string, error)
}

func newStateToy() *stateToy {
	return &stateToy{Memory: cache.NewMemory(), fail: new(bool), fails: psa.ErrUnavailable}
}

func (t *stateToy) Save(ctx context.Context, source string, b cache.StateBatch) error {
	if *t.fail {
		*t.fail = false
		if t.failing != nil {
			t.failing(t.Memory, source, b)
		}
		return t.fails
	}
	if t.save != nil {
		return t.save(ctx, t.Memory, source, b)
	}
	return t.Memory.Save(ctx, source, b)
}

func (t *stateToy) Link(ctx context.Context, source, key string) (cache.Link, bool, error) {
	if t.link != nil && ctx.Err() == nil {
		return t.link(t.Memory, source, key)
	}
	return t.Memory.Link(ctx, source, key)
}

func (t *stateToy) LinkOf(ctx context.Context, source string, side cache.Side, ref psa.Ref) (cache.Link, bool, error) {
	if t.linkOf != nil {
		return t.linkOf(t.Memory, source, side, ref)
	}
	return t.Memory.LinkOf(ctx, source, side, ref)
}

func (t *stateToy) Links(ctx context.Context, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
	if t.links != nil {
		return t.links(ctx, t.Memory, source, q)
	}
	return t.Memory.Links(ctx, source, q)
}

func (t *stateToy) Tasks(ctx context.Context, source string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
	if t.tasks != nil {
		return t.tasks(ctx, t.Memory, source, q)
	}
	return t.Memory.Tasks(ctx, source, q)
}

func (t *stateToy) Audits(ctx context.Context, source string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
	if t.audits != nil {
		return t.audits(t.Memory, source, q)
	}
	return t.Memory.Audits(ctx, source, q)
}

func (t *stateToy) Cursor(ctx context.Context, source string, side cache.Side, kind psa.Kind) (cache.Cursor, error) {
	if t.cursor != nil {
		return t.cursor(t.Memory, source, side, kind)
	}
	return t.Memory.Cursor(ctx, source, side, kind)
}

func (t *stateToy) Seen(ctx context.Context, source string, side cache.Side, kind psa.Kind, all bool) (psa.Known, error) {
	if t.seen != nil {
		return t.seen(t.Memory, source, side, kind)
	}
	return t.Memory.Seen(ctx, source, side, kind, all)
}

func (t *stateToy) Settings(ctx context.Context, source, prefix string) (map[string]string, error) {
	if t.settings != nil {
		return t.settings(t.Memory, source, prefix)
	}
	return t.Memory.Settings(ctx, source, prefix)
}

// stateHarness returns one for toys that break changes, with every hook.
func stateHarness(breaks func(*stateToy)) StateHarness {
	return StateHarness{
		Open: func(*testing.T) cache.State {
			s := newStateToy()
			breaks(s)
			return s
		},
		Again: func(_ *testing.T, s cache.State) cache.State {
			again := *s.(*stateToy)
			return &again
		},
		Fail: func(s cache.State, step int) func() bool {
			fail := s.(*stateToy).fail
			armed := step == 0 // its saves have one step
			*fail = armed
			return func() bool {
				reached := armed && !*fail
				*fail = false
				return reached
			}
		},
		Rows: 200,
	}
}

// editBatch saves another batch than it was given.
func editBatch(change func(m *cache.Memory, source string, b *cache.StateBatch)) func(*stateToy) {
	return func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			b.Links, b.Tasks, b.Audits, b.Cursors = slices.Clone(b.Links), slices.Clone(b.Tasks), slices.Clone(b.Audits), slices.Clone(b.Cursors)
			b.Seen, b.Settings = slices.Clone(b.Seen), maps.Clone(b.Settings)
			change(m, source, &b)
			return m.Save(ctx, source, b)
		}
	}
}

func editLinks(change func(*cache.Link)) func(*stateToy) {
	return editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
		for i := range b.Links {
			change(&b.Links[i])
		}
	})
}

func editFields(f psa.Fields, change func(k string, v any) (any, bool)) psa.Fields {
	if f == nil {
		return nil
	}
	c := psa.Fields{}
	for k, v := range f {
		if v, ok := change(k, v); ok {
			c[k] = v
		}
	}
	return c
}

func editTasks(change func(*cache.Task)) func(*stateToy) {
	return editBatch(func(_ *cache.Memory, _ string, b *cache.StateBatch) {
		for i := range b.Tasks {
			change(&b.Tasks[i])
		}
	})
}

// queried changes what is asked for.
func queried(link func(*cache.LinkQuery), task func(*cache.TaskQuery), audit func(*cache.AuditQuery)) func(*stateToy) {
	return func(t *stateToy) {
		if link != nil {
			t.links = func(ctx context.Context, m *cache.Memory, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
				link(&q)
				return m.Links(ctx, source, q)
			}
		}
		if task != nil {
			t.tasks = func(ctx context.Context, m *cache.Memory, source string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
				task(&q)
				return m.Tasks(ctx, source, q)
			}
		}
		if audit != nil {
			t.audits = func(m *cache.Memory, source string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
				audit(&q)
				return m.Audits(bg(), source, q)
			}
		}
	}
}

// sortedAnew yields rows in another order.
func sortedAnew[V any](rows iter.Seq2[V, error], sort func([]V)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var all []V
		for v, err := range rows {
			if err != nil {
				yield(v, err)
				return
			}
			all = append(all, v)
		}
		sort(all)
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func renameState(f func(string) string) func(*stateToy) {
	return func(t *stateToy) {
		t.save = func(ctx context.Context, m *cache.Memory, source string, b cache.StateBatch) error {
			return m.Save(ctx, f(source), b)
		}
		t.links = func(ctx context.Context, m *cache.Memory, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
			return m.Links(ctx, f(source), q)
		}
	}
}

// freshRevs gives links and tasks the Rev that is stored.
func freshRevs(m *cache.Memory, source string, b *cache.StateBatch, links, tasks bool) {
	for i := range b.Links {
		if l, ok, _ := m.Link(bg(), source, b.Links[i].Key); links && b.Links[i].Rev >= 0 {
			b.Links[i].Rev = 0
			if ok {
				b.Links[i].Rev = l.Rev
			}
		}
	}
	for i := range b.Tasks {
		if t, ok, _ := m.Task(bg(), source, b.Tasks[i].ID); tasks && b.Tasks[i].Rev >= 0 {
			b.Tasks[i].Rev = 0
			if ok {
				b.Tasks[i].Rev = t.Rev
			}
		}
	}
}
