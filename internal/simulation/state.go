package simulation

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A state is a cache.State of few records, made for speed: sorted slices whose
// elements are never changed in place, so that a backup is a copy of slices.
type state struct {
	links    []*cache.Link // by key
	tasks    []*cache.Task // by Since, then id
	cursors  []cache.Cursor
	seen     []cache.Seen
	settings []setting // by name
	audits   []cache.Audit
	token    int64
	holder   string
	until    time.Time
}

type setting struct{ name, value string }

// backup returns a copy. Leases belong to the processes, not to what they keep.
// Links, tasks and settings are never changed in place.
func (s *state) backup() *state {
	return &state{
		links: s.links, tasks: s.tasks, cursors: slices.Clone(s.cursors), seen: slices.Clone(s.seen),
		settings: s.settings, audits: slices.Clone(s.audits),
	}
}

func (s *state) link(key string) (int, bool) {
	return slices.BinarySearchFunc(s.links, key, func(l *cache.Link, k string) int { return strings.Compare(l.Key, k) })
}

func (s *state) linkOf(side bridge.Side, kind psa.Kind, id string) *cache.Link {
	if id == "" {
		return nil
	}
	for _, l := range s.links {
		if l.IDs[side] == id && l.Kind == kind {
			return l
		}
	}
	return nil
}

func (s *state) task(id string) int {
	return slices.IndexFunc(s.tasks, func(t *cache.Task) bool { return t.ID == id })
}

func (s *state) setting(name string) string {
	for i := range s.settings {
		if s.settings[i].name == name {
			return s.settings[i].value
		}
	}
	return ""
}

func (s *state) set(name, value string) {
	i := slices.IndexFunc(s.settings, func(x setting) bool { return x.name == name })
	switch {
	case i >= 0 && value == "":
		s.settings = slices.Delete(slices.Clone(s.settings), i, i+1)
	case i >= 0:
		s.settings = slices.Clone(s.settings)
		s.settings[i].value = value
	case value != "":
		s.settings = append(slices.Clone(s.settings), setting{name, value})
	}
}

// save is State.Save without faults.
func (s *state) save(b *cache.StateBatch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if b.Token != 0 && b.Token < s.token {
		return cache.ErrFenced
	}
	for i := range b.Links {
		l := &b.Links[i]
		rev := int64(0)
		if at, ok := s.link(l.Key); ok {
			rev = s.links[at].Rev
		}
		if rev != l.Rev {
			return cache.Stale("link", l.Key, l.Rev, rev)
		}
		for side := range bridge.Side(2) {
			o := s.linkOf(side, l.Kind, l.IDs[side])
			if o != nil && o.Key != l.Key && !slices.Contains(b.DropLinks, o.Key) && !slices.ContainsFunc(b.Links, func(x cache.Link) bool { return x.Key == o.Key }) {
				return cache.Linked(side, psa.Ref{Kind: l.Kind, ID: l.IDs[side]}, o.Key, l.Key)
			}
		}
	}
	for i := range b.Tasks {
		rev := int64(0)
		if at := s.task(b.Tasks[i].ID); at >= 0 {
			rev = s.tasks[at].Rev
		}
		if rev != b.Tasks[i].Rev {
			return cache.Stale("task", b.Tasks[i].ID, b.Tasks[i].Rev, rev)
		}
	}
	s.token = max(s.token, b.Token)
	for _, key := range b.DropLinks {
		if at, ok := s.link(key); ok {
			s.links = slices.Delete(slices.Clone(s.links), at, at+1)
		}
	}
	for i := range b.Links {
		l := b.Links[i]
		l.Rev++
		if at, ok := s.link(l.Key); ok {
			s.links = slices.Clone(s.links)
			s.links[at] = &l
		} else {
			s.links = inserted(s.links, at, &l)
		}
	}
	for _, id := range b.DropTasks {
		if at := s.task(id); at >= 0 {
			s.tasks = slices.Delete(slices.Clone(s.tasks), at, at+1)
		}
	}
	for i := range b.Tasks {
		t := b.Tasks[i]
		t.Rev++
		if at := s.task(t.ID); at >= 0 {
			s.tasks = slices.Delete(slices.Clone(s.tasks), at, at+1)
		}
		at, _ := slices.BinarySearchFunc(s.tasks, &t, compareTasks)
		s.tasks = inserted(s.tasks, at, &t)
	}
	for _, c := range b.Cursors {
		if at := slices.IndexFunc(s.cursors, func(o cache.Cursor) bool { return o.Side == c.Side && o.Kind == c.Kind }); at >= 0 {
			s.cursors[at] = c
		} else {
			s.cursors = append(s.cursors, c)
		}
	}
	for _, x := range b.Seen {
		at := slices.IndexFunc(s.seen, func(o cache.Seen) bool { return o.Side == x.Side && o.Kind == x.Kind && o.ID == x.ID })
		switch {
		case at >= 0 && x.Hash.IsZero():
			s.seen = slices.Delete(s.seen, at, at+1)
		case at >= 0:
			s.seen[at] = x
		case !x.Hash.IsZero():
			s.seen = append(s.seen, x)
		}
	}
	for name, value := range b.Settings {
		s.set(name, value)
	}
	for _, a := range b.Audits {
		a.Seq = int64(len(s.audits) + 1)
		s.audits = append(s.audits, a)
	}
	return nil
}

// inserted is a copy of s with x at a position.
func inserted[T any](s []T, at int, x T) []T {
	return slices.Insert(append(make([]T, 0, len(s)+1), s...), at, x)
}

func compareTasks(a, b *cache.Task) int {
	if c := a.Since.Compare(b.Since); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// A stateSocket is the state as a bridge sees it, with faults.
type stateSocket struct{ r *rig }

func (s *stateSocket) in(op string) (*state, error) {
	err := s.r.w.before(onState, op, "", "")
	return s.r.w.state, err
}

// Link implements cache.State.
func (s *stateSocket) Link(_ context.Context, _, key string) (cache.Link, bool, error) {
	st, err := s.in("link")
	if err != nil {
		return cache.Link{}, false, err
	}
	if at, ok := st.link(key); ok {
		return *st.links[at], true, nil
	}
	return cache.Link{}, false, nil
}

// LinkOf implements cache.State.
func (s *stateSocket) LinkOf(_ context.Context, _ string, side cache.Side, ref psa.Ref) (cache.Link, bool, error) {
	st, err := s.in("link of")
	if err != nil {
		return cache.Link{}, false, err
	}
	if l := st.linkOf(side, ref.Kind, ref.ID); l != nil {
		return *l, true, nil
	}
	return cache.Link{}, false, nil
}

// Links implements cache.State.
func (s *stateSocket) Links(_ context.Context, _ string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
	return func(yield func(cache.Link, error) bool) {
		st, err := s.in("links")
		if err != nil {
			yield(cache.Link{}, err)
			return
		}
		for _, l := range st.links {
			if l.Key <= q.After || q.Kind != "" && l.Kind != q.Kind || q.Parent != "" && l.Parent != q.Parent || q.Company != "" && l.Company != q.Company ||
				q.Pending && l.Pending == nil || len(q.States) > 0 && !slices.Contains(q.States, l.State) {
				continue
			}
			if !yield(*l, nil) {
				return
			}
		}
	}
}

// Task implements cache.State.
func (s *stateSocket) Task(_ context.Context, _, id string) (cache.Task, bool, error) {
	st, err := s.in("task")
	if err != nil {
		return cache.Task{}, false, err
	}
	if at := st.task(id); at >= 0 {
		return *st.tasks[at], true, nil
	}
	return cache.Task{}, false, nil
}

// Tasks implements cache.State.
func (s *stateSocket) Tasks(_ context.Context, _ string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
	return func(yield func(cache.Task, error) bool) {
		st, err := s.in("tasks")
		if err != nil {
			yield(cache.Task{}, err)
			return
		}
		for _, t := range st.tasks {
			if q.Kind != "" && t.Kind != q.Kind || q.Link != "" && t.Link != q.Link || q.WaitsFor != "" && t.WaitsFor != q.WaitsFor ||
				q.Record != "" && t.Record != q.Record || q.Side != nil && t.Side != *q.Side || len(q.Types) > 0 && !slices.Contains(q.Types, t.Type) ||
				!q.Due.IsZero() && (t.Due.IsZero() || t.Due.After(q.Due)) {
				continue
			}
			at := s.r.w.state.task(t.ID)
			if at < 0 || s.r.w.state.tasks[at].Since != t.Since { // dropped meanwhile
				continue
			}
			now := s.r.w.state.tasks[at]
			if !q.Due.IsZero() && (now.Due.IsZero() || now.Due.After(q.Due)) {
				continue
			}
			if !yield(*now, nil) {
				return
			}
		}
	}
}

// Cursor implements cache.State.
func (s *stateSocket) Cursor(_ context.Context, _ string, side cache.Side, kind psa.Kind) (cache.Cursor, error) {
	st, err := s.in("cursor")
	if err != nil {
		return cache.Cursor{}, err
	}
	for _, c := range st.cursors {
		if c.Side == side && c.Kind == kind {
			return c, nil
		}
	}
	return cache.Cursor{Side: side, Kind: kind}, nil
}

// Seen implements cache.State.
func (s *stateSocket) Seen(_ context.Context, _ string, side cache.Side, kind psa.Kind, _ bool) (psa.Known, error) {
	if _, err := s.in("seen"); err != nil {
		return nil, err
	}
	return psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) {
		for _, x := range s.r.w.state.seen {
			if x.Hash == h && x.Side == side && x.Kind == kind {
				return psa.Ref{Kind: kind, ID: x.ID}, true
			}
		}
		return psa.Ref{}, false
	}), nil
}

// Setting implements cache.State.
func (s *stateSocket) Setting(_ context.Context, _, name string) (string, error) {
	st, err := s.in("setting")
	if err != nil {
		return "", err
	}
	return st.setting(name), nil
}

// Settings implements cache.State.
func (s *stateSocket) Settings(_ context.Context, _, prefix string) (map[string]string, error) {
	st, err := s.in("settings")
	if err != nil {
		return nil, err
	}
	s.r.w.ruled[s.r.w.depth] = st.setting("phase")
	all := map[string]string{}
	for _, x := range st.settings {
		if strings.HasPrefix(x.name, prefix) {
			all[x.name] = x.value
		}
	}
	return all, nil
}

// Audits implements cache.State.
func (s *stateSocket) Audits(_ context.Context, _ string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
	return func(yield func(cache.Audit, error) bool) {
		st, err := s.in("audits")
		if err != nil {
			yield(cache.Audit{}, err)
			return
		}
		n := 0
		for _, a := range slices.Backward(st.audits) {
			if q.Link != "" && a.Link != q.Link || q.Run != "" && a.Run != q.Run || a.At.Before(q.Since) {
				continue
			}
			if n++; q.Limit > 0 && n > q.Limit || !yield(a, nil) {
				return
			}
		}
	}
}

// Save implements cache.State. A save that is lost may have happened.
func (s *stateSocket) Save(_ context.Context, _ string, b cache.StateBatch) error {
	w := s.r.w
	if err := w.before(onState, "save", "", ""); err != nil {
		return err
	}
	before := w.state
	w.outdated(&b)
	if err := w.state.save(&b); err != nil {
		w.note("save refused", onState, "", err.Error())
		return err
	}
	w.saved(before, &b)
	return w.after(onState, "save")
}

// Acquire implements cache.Leaser.
func (s *stateSocket) Acquire(_ context.Context, _, holder string, ttl time.Duration) (cache.Lease, error) {
	w := s.r.w
	st, err := s.in("acquire")
	if err != nil {
		return nil, err
	}
	if st.holder != "" && w.now.Before(st.until) {
		return nil, &cache.LeasedError{Source: source, Holder: st.holder, Until: st.until}
	}
	st.token++
	st.holder, st.until = holder, w.now.Add(ttl)
	return &lease{w, st.token, w.life}, nil
}

// A lease is the right to save.
type lease struct {
	w     *world
	token int64
	life  int // of the process that has it
}

// Token implements cache.Lease.
func (l *lease) Token() int64 { return l.token }

// Renew implements cache.Lease.
func (l *lease) Renew(_ context.Context, ttl time.Duration) error {
	if err := l.w.before(onState, "renew", "", ""); err != nil {
		return err
	}
	st := l.w.state
	if st.token != l.token {
		return cache.ErrFenced
	}
	st.until = l.w.now.Add(ttl)
	return nil
}

// Release implements cache.Lease. A process that was killed releases nothing.
func (l *lease) Release(context.Context) error {
	if l.w.dead != 0 && l.w.dead == l.life {
		return nil
	}
	if st := l.w.state; st.token == l.token {
		st.until = time.Time{}
	}
	return nil
}
