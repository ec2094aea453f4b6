package bridge

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// An overlayState is a State that keeps to itself what is saved, over one that is
// only read. It serves one source and costs memory for what is saved.
type overlayState struct {
	under cache.State
	mem   *cache.Memory // what was saved

	saving sync.Mutex // one save at a time, from what it is checked against on
	mu     sync.RWMutex
	saves  uint64
	links  map[string]touched // by key: mem tells of these, not under
	tasks  map[string]touched
	rows   map[rowKey]bool   // that were seen
	off    map[string]string // settings that were removed: ""
}

// touched is a link or task that was saved or dropped.
type touched struct {
	rev  int64  // what mem's Rev has to be raised by
	from uint64 // the first save about it
}

type rowKey struct {
	side Side
	kind psa.Kind
	id   string
}

func newOverlay(under cache.State) *overlayState {
	return &overlayState{under: under, mem: cache.NewMemory(),
		links: map[string]touched{}, tasks: map[string]touched{}, rows: map[rowKey]bool{}, off: map[string]string{}}
}

var _ cache.State = (*overlayState)(nil)

func (o *overlayState) touchedLink(key string) (touched, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	t, ok := o.links[key]
	return t, ok
}

func (o *overlayState) touchedTask(id string) (touched, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	t, ok := o.tasks[id]
	return t, ok
}

// raised gives a link of mem the Rev that follows from the one under it.
func (o *overlayState) raised(l cache.Link) cache.Link {
	t, _ := o.touchedLink(l.Key)
	l.Rev += t.rev
	return l
}

func (o *overlayState) raisedTask(t cache.Task) cache.Task {
	was, _ := o.touchedTask(t.ID)
	t.Rev += was.rev
	return t
}

// Link returns the link of a key.
func (o *overlayState) Link(ctx context.Context, source, key string) (cache.Link, bool, error) {
	if _, ok := o.touchedLink(key); !ok {
		return o.under.Link(ctx, source, key)
	}
	l, ok, err := o.mem.Link(ctx, source, key)
	if !ok || err != nil {
		return cache.Link{}, false, err
	}
	return o.raised(l), true, nil
}

// LinkOf returns the link of a record.
func (o *overlayState) LinkOf(ctx context.Context, source string, side Side, ref psa.Ref) (cache.Link, bool, error) {
	l, ok, err := o.mem.LinkOf(ctx, source, side, ref)
	if err != nil || ok {
		return o.raised(l), ok, err
	}
	if l, ok, err = o.under.LinkOf(ctx, source, side, ref); err != nil || !ok {
		return cache.Link{}, false, err
	}
	if _, changed := o.touchedLink(l.Key); changed {
		return cache.Link{}, false, nil // it has let the record go
	}
	return l, true, nil
}

// Links yields links by key.
func (o *overlayState) Links(ctx context.Context, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
	return func(yield func(cache.Link, error) bool) {
		o.mu.RLock()
		began := o.saves
		o.mu.RUnlock()
		merged(o.under.Links(ctx, source, q), o.mem.Links(ctx, source, q), func(a, b cache.Link) int { return strings.Compare(a.Key, b.Key) },
			func(l cache.Link) (cache.Link, bool, error) {
				t, ok := o.touchedLink(l.Key)
				if !ok {
					return l, true, nil
				}
				if t.from <= began {
					return l, false, nil // mem yields it
				}
				l, ok, err := o.Link(ctx, source, l.Key)
				return l, ok && linkMatches(&q, &l), err
			}, o.raised, yield)
	}
}

// merged yields the entries of two sorted lists in order. now says what became
// of one of the first list meanwhile, up brings one of the second into form.
func merged[T any](under, over iter.Seq2[T, error], compare func(a, b T) int, now func(T) (T, bool, error), up func(T) T, yield func(T, error) bool) {
	next, stop := iter.Pull2(over)
	defer stop()
	b, err, more := next()
	var zero T
	for a, failed := range under {
		for more && err == nil && failed == nil && compare(b, a) < 0 {
			if !yield(up(b), nil) {
				return
			}
			b, err, more = next()
		}
		if failed == nil {
			failed = err
		}
		if failed != nil {
			yield(zero, failed)
			return
		}
		switch a, ok, err := now(a); {
		case err != nil:
			yield(zero, err)
			return
		case ok && !yield(a, nil):
			return
		}
	}
	for ; more; b, err, more = next() {
		if err != nil {
			yield(zero, err)
			return
		}
		if !yield(up(b), nil) {
			return
		}
	}
}

func linkMatches(q *cache.LinkQuery, l *cache.Link) bool {
	return (q.Kind == "" || q.Kind == l.Kind) &&
		(q.Parent == "" || q.Parent == l.Parent) &&
		(q.Company == "" || q.Company == l.Company) &&
		(!q.Pending || l.Pending != nil) &&
		(len(q.States) == 0 || slices.Contains(q.States, l.State))
}

func taskMatches(q *cache.TaskQuery, t *cache.Task) bool {
	return (q.Kind == "" || q.Kind == t.Kind) &&
		(q.WaitsFor == "" || q.WaitsFor == t.WaitsFor) &&
		(q.Link == "" || q.Link == t.Link) &&
		(q.Record == "" || q.Record == t.Record) &&
		(q.Side == nil || *q.Side == t.Side) &&
		(q.Due.IsZero() || !t.Due.IsZero() && !t.Due.After(q.Due)) &&
		(len(q.Types) == 0 || slices.Contains(q.Types, t.Type))
}

// Task returns the task of an id.
func (o *overlayState) Task(ctx context.Context, source, id string) (cache.Task, bool, error) {
	if _, ok := o.touchedTask(id); !ok {
		return o.under.Task(ctx, source, id)
	}
	t, ok, err := o.mem.Task(ctx, source, id)
	if !ok || err != nil {
		return cache.Task{}, false, err
	}
	return o.raisedTask(t), true, nil
}

// Tasks yields tasks by Since, then by id.
func (o *overlayState) Tasks(ctx context.Context, source string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
	return func(yield func(cache.Task, error) bool) {
		o.mu.RLock()
		began := o.saves
		o.mu.RUnlock()
		merged(o.under.Tasks(ctx, source, q), o.mem.Tasks(ctx, source, q), func(a, b cache.Task) int {
			return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
		}, func(t cache.Task) (cache.Task, bool, error) {
			was, ok := o.touchedTask(t.ID)
			if !ok {
				return t, true, nil
			}
			if was.from <= began {
				return t, false, nil // mem yields it
			}
			since := t.Since
			t, ok, err := o.Task(ctx, source, t.ID)
			return t, ok && t.Since.Equal(since) && taskMatches(&q, &t), err
		}, o.raisedTask, yield)
	}
}

// Cursor returns how far a kind was read.
func (o *overlayState) Cursor(ctx context.Context, source string, side Side, kind psa.Kind) (cache.Cursor, error) {
	o.mu.RLock()
	saved := o.rows[rowKey{side, kind, ""}]
	o.mu.RUnlock()
	if saved {
		return o.mem.Cursor(ctx, source, side, kind)
	}
	return o.under.Cursor(ctx, source, side, kind)
}

// Seen returns the hash index of a kind.
func (o *overlayState) Seen(ctx context.Context, source string, side Side, kind psa.Kind, all bool) (psa.Known, error) {
	over, err := o.mem.Seen(ctx, source, side, kind, all)
	if err != nil {
		return nil, err
	}
	under, err := o.under.Seen(ctx, source, side, kind, all)
	if err != nil {
		return nil, err
	}
	return psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) {
		if ref, ok := over.Known(h); ok {
			return ref, true
		}
		ref, ok := under.Known(h)
		o.mu.RLock()
		defer o.mu.RUnlock()
		if !ok || o.rows[rowKey{side, kind, ref.ID}] {
			return psa.Ref{}, false
		}
		return ref, true
	}), nil
}

// Setting returns a value by name.
func (o *overlayState) Setting(ctx context.Context, source, name string) (string, error) {
	all, err := o.Settings(ctx, source, name)
	return all[name], err
}

// Settings returns the values whose names begin with prefix.
func (o *overlayState) Settings(ctx context.Context, source, prefix string) (map[string]string, error) {
	under, err := o.under.Settings(ctx, source, prefix)
	if err != nil {
		return nil, err
	}
	over, err := o.mem.Settings(ctx, source, prefix)
	if err != nil {
		return nil, err
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	all := maps.Clone(under)
	if all == nil {
		all = map[string]string{}
	}
	maps.DeleteFunc(all, func(name, _ string) bool { _, ok := o.off[name]; return ok })
	maps.Copy(all, over)
	return all, nil
}

// Audits yields what was done, newest first.
func (o *overlayState) Audits(ctx context.Context, source string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
	return func(yield func(cache.Audit, error) bool) {
		last, err := lastAudit(ctx, o.under, source)
		if err != nil {
			yield(cache.Audit{}, err)
			return
		}
		n := 0
		for a, err := range o.mem.Audits(ctx, source, q) {
			a.Seq += last
			if n++; !yield(a, err) || err != nil {
				return
			}
		}
		if q.Limit > 0 {
			if q.Limit -= n; q.Limit <= 0 {
				return
			}
		}
		for a, err := range o.under.Audits(ctx, source, q) {
			if !yield(a, err) {
				return
			}
		}
	}
}

// lastAudit returns the Seq of the newest audit entry, 0 if there is none.
func lastAudit(ctx context.Context, st cache.State, source string) (int64, error) {
	for a, err := range st.Audits(ctx, source, cache.AuditQuery{Limit: 1}) {
		return a.Seq, err
	}
	return 0, nil
}

// Save keeps b in memory.
func (o *overlayState) Save(ctx context.Context, source string, b cache.StateBatch) error {
	if err := b.Check(); err != nil {
		return err
	}
	o.saving.Lock()
	defer o.saving.Unlock()
	links, err := o.admitLinks(ctx, source, &b)
	if err != nil {
		return err
	}
	tasks, err := o.admitTasks(ctx, source, &b)
	if err != nil {
		return err
	}
	kept := b
	kept.Links, kept.Tasks = slices.Clone(b.Links), slices.Clone(b.Tasks)
	for i := range kept.Links {
		kept.Links[i].Rev -= links[kept.Links[i].Key].rev
	}
	for i := range kept.Tasks {
		kept.Tasks[i].Rev -= tasks[kept.Tasks[i].ID].rev
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.mem.Save(ctx, source, kept); err != nil {
		return err
	}
	o.saves++
	touch(o.links, links, o.saves)
	touch(o.tasks, tasks, o.saves)
	for _, c := range b.Cursors {
		o.rows[rowKey{c.Side, c.Kind, ""}] = true // a row has an id
	}
	for _, s := range b.Seen {
		o.rows[rowKey{s.Side, s.Kind, s.ID}] = true
	}
	for name := range b.Settings {
		o.off[name] = ""
	}
	return nil
}

// touch takes over what a save is about.
func touch(all, now map[string]touched, save uint64) {
	for key, t := range now {
		t.from = save
		if was, ok := all[key]; ok {
			t.from = was.from
		}
		all[key] = t
	}
}

// admitLinks checks the links of a batch against what is under them, and says
// what is touched.
func (o *overlayState) admitLinks(ctx context.Context, source string, b *cache.StateBatch) (map[string]touched, error) {
	out := make(map[string]touched, len(b.Links)+len(b.DropLinks))
	for _, key := range b.DropLinks {
		out[key] = touched{}
	}
	for i := range b.Links {
		l := &b.Links[i]
		stored, ok, err := o.Link(ctx, source, l.Key)
		if err != nil {
			return nil, err
		}
		if !ok {
			stored.Rev = 0
		}
		if stored.Rev != l.Rev {
			return nil, cache.Stale("link", l.Key, l.Rev, stored.Rev)
		}
		t, changed := o.touchedLink(l.Key)
		switch {
		case !changed:
			t.rev = l.Rev
		case !ok:
			t.rev = 0
		}
		out[l.Key] = t
	}
	for i := range b.Links {
		l := &b.Links[i]
		for side, id := range l.IDs {
			if id == "" {
				continue
			}
			ref := psa.Ref{Kind: l.Kind, ID: id}
			owner, ok, err := o.LinkOf(ctx, source, Side(side), ref)
			if err != nil {
				return nil, err
			}
			if _, lets := out[owner.Key]; ok && !lets {
				return nil, cache.Linked(Side(side), ref, owner.Key, l.Key)
			}
		}
	}
	return out, nil
}

func (o *overlayState) admitTasks(ctx context.Context, source string, b *cache.StateBatch) (map[string]touched, error) {
	out := make(map[string]touched, len(b.Tasks)+len(b.DropTasks))
	for _, id := range b.DropTasks {
		out[id] = touched{}
	}
	for i := range b.Tasks {
		task := &b.Tasks[i]
		stored, ok, err := o.Task(ctx, source, task.ID)
		if err != nil {
			return nil, err
		}
		if !ok {
			stored.Rev = 0
		}
		if stored.Rev != task.Rev {
			return nil, cache.Stale("task", task.ID, task.Rev, stored.Rev)
		}
		t, changed := o.touchedTask(task.ID)
		switch {
		case !changed:
			t.rev = task.Rev
		case !ok:
			t.rev = 0
		}
		out[task.ID] = t
	}
	return out, nil
}
