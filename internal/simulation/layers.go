package simulation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// A Durable is a state that also grants leases.
type Durable interface {
	cache.State
	cache.Leaser
}

// A Storage is where real states are kept.
type Storage interface {
	// Fresh returns an empty state, whose leases go by this clock. It is done
	// with the one before.
	Fresh(now func() time.Time) (Durable, error)
	// Crash returns the state as the next process finds it after the one that
	// had it open was killed.
	Crash(Durable) (Durable, error)
}

// A Layer runs histories whose bridges keep their state in a Storage. The model
// of the state goes along, so that every difference between the two is a
// violation as well. A Layer is for one goroutine.
type Layer struct {
	sim *Simulator
	m   *mirror
}

// NewLayer returns a layer on a storage.
func NewLayer(on Storage) *Layer {
	l := &Layer{sim: New(), m: &mirror{on: on}}
	l.m.r = l.sim.rig
	l.sim.rig.state = l.m
	return l
}

// Run runs the history that a tape tells; see [Simulator.Run].
func (l *Layer) Run(t *Tape, trace func(string)) Result {
	res := l.sim.Run(t, trace)
	if res.Violation == nil && l.m.w == l.sim.rig.w {
		l.m.compare()
		res.Violation = l.m.w.failure
	}
	return res
}

// A mirror is a Durable with the faults of a history. What it saves it also
// saves in the model of the history that runs, which tells what people and the
// world did to the state, and what the real one must hold.
type mirror struct {
	r    *rig
	on   Storage
	real Durable

	w     *world // whose state real holds
	model *state // as of the last look
	known []setting
	dead  int // the last process that was known to have died
}

// broken is a violation of the state itself.
func (m *mirror) broken(format string, args ...any) { m.r.w.violated("state", format, args...) }

// in is called at the begin of every access.
func (m *mirror) in(op string) error {
	if err := m.r.w.before(onState, op, "", ""); err != nil {
		return err
	}
	return m.look()
}

// look makes the real state follow what happened to the model: a new history, a
// restored backup, settings that people changed, the death of the only process.
func (m *mirror) look() error {
	w := m.r.w
	switch {
	case m.w != w:
		real, err := m.on.Fresh(func() time.Time { return w.now })
		if err != nil {
			return err
		}
		m.w, m.real, m.model, m.known, m.dead = w, real, &state{}, nil, 0
		if err := m.restore(); err != nil {
			return err
		}
	case m.model != w.state:
		real, err := m.on.Fresh(func() time.Time { return w.now })
		if err != nil {
			return err
		}
		m.real = real
		if err := m.restore(); err != nil {
			return err
		}
	}
	return m.settings()
}

// restore fills an empty real state with what the model holds.
func (m *mirror) restore() error {
	st := m.r.w.state
	var b cache.StateBatch
	// What is saved for the first time counts from 1 again.
	for i, l := range st.links {
		c := *l
		c.Rev = 0
		b.Links = append(b.Links, c)
		c.Rev = 1
		st.links[i] = &c
	}
	for i, t := range st.tasks {
		c := *t
		c.Rev = 0
		b.Tasks = append(b.Tasks, c)
		c.Rev = 1
		st.tasks[i] = &c
	}
	b.Cursors, b.Seen, b.Audits, b.Settings = st.cursors, st.seen, st.audits, map[string]string{}
	for _, s := range st.settings {
		b.Settings[s.name] = s.value
	}
	m.model, m.known = st, st.settings
	return m.real.Save(context.Background(), source, b)
}

// settings saves what people set.
func (m *mirror) settings() error {
	now := m.model.settings
	same := len(now) == len(m.known)
	for i := 0; same && i < len(now); i++ {
		same = now[i] == m.known[i]
	}
	if same {
		return nil
	}
	set := map[string]string{}
	for _, s := range m.known {
		set[s.name] = ""
	}
	for _, s := range now {
		set[s.name] = s.value
	}
	m.known = now
	return m.real.Save(context.Background(), source, cache.StateBatch{Settings: set})
}

// unexpected judges an error of a read.
func (m *mirror) unexpected(op string, err error) error {
	if err != nil && !ended(err) {
		m.broken("%s: %v", op, err)
	}
	return err
}

// ended reports whether an error is that of a context.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Link implements cache.State.
func (m *mirror) Link(ctx context.Context, src, key string) (cache.Link, bool, error) {
	if err := m.in("link"); err != nil {
		return cache.Link{}, false, err
	}
	l, ok, err := m.real.Link(ctx, src, key)
	at, there := m.model.link(key)
	if err == nil && (ok != there || ok && !sameLink(&l, m.model.links[at])) {
		m.broken("link %s is %+v", key, l)
	}
	return l, ok, m.unexpected("link", err)
}

// LinkOf implements cache.State.
func (m *mirror) LinkOf(ctx context.Context, src string, side cache.Side, ref psa.Ref) (cache.Link, bool, error) {
	if err := m.in("link of"); err != nil {
		return cache.Link{}, false, err
	}
	l, ok, err := m.real.LinkOf(ctx, src, side, ref)
	if is := m.model.linkOf(side, ref.Kind, ref.ID); err == nil && (ok != (is != nil) || ok && !sameLink(&l, is)) {
		m.broken("the link of %s %s is %+v", side, ref, l)
	}
	return l, ok, m.unexpected("link of", err)
}

// Links implements cache.State.
func (m *mirror) Links(ctx context.Context, src string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
	return all(m, "links", func() iter.Seq2[cache.Link, error] { return m.real.Links(ctx, src, q) })
}

// Task implements cache.State.
func (m *mirror) Task(ctx context.Context, src, id string) (cache.Task, bool, error) {
	if err := m.in("task"); err != nil {
		return cache.Task{}, false, err
	}
	t, ok, err := m.real.Task(ctx, src, id)
	at := m.model.task(id)
	if err == nil && (ok != (at >= 0) || ok && !sameTask(&t, m.model.tasks[at])) {
		m.broken("task %s is %+v", id, t)
	}
	return t, ok, m.unexpected("task", err)
}

// Tasks implements cache.State.
func (m *mirror) Tasks(ctx context.Context, src string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
	return all(m, "tasks", func() iter.Seq2[cache.Task, error] { return m.real.Tasks(ctx, src, q) })
}

// Audits implements cache.State.
func (m *mirror) Audits(ctx context.Context, src string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
	return all(m, "audits", func() iter.Seq2[cache.Audit, error] { return m.real.Audits(ctx, src, q) })
}

func all[T any](m *mirror, op string, read func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := m.in(op); err != nil {
			var none T
			yield(none, err)
			return
		}
		for v, err := range read() {
			if !yield(v, m.unexpected(op, err)) {
				return
			}
		}
	}
}

// Cursor implements cache.State.
func (m *mirror) Cursor(ctx context.Context, src string, side cache.Side, kind psa.Kind) (cache.Cursor, error) {
	if err := m.in("cursor"); err != nil {
		return cache.Cursor{}, err
	}
	c, err := m.real.Cursor(ctx, src, side, kind)
	return c, m.unexpected("cursor", err)
}

// Seen implements cache.State.
func (m *mirror) Seen(ctx context.Context, src string, side cache.Side, kind psa.Kind, all bool) (psa.Known, error) {
	if err := m.in("seen"); err != nil {
		return nil, err
	}
	k, err := m.real.Seen(ctx, src, side, kind, all)
	return k, m.unexpected("seen", err)
}

// Setting implements cache.State.
func (m *mirror) Setting(ctx context.Context, src, name string) (string, error) {
	if err := m.in("setting"); err != nil {
		return "", err
	}
	v, err := m.real.Setting(ctx, src, name)
	if is := m.model.setting(name); err == nil && v != is {
		m.broken("setting %s is %q, not %q", name, v, is)
	}
	return v, m.unexpected("setting", err)
}

// Settings implements cache.State.
func (m *mirror) Settings(ctx context.Context, src, prefix string) (map[string]string, error) {
	if err := m.in("settings"); err != nil {
		return nil, err
	}
	m.r.w.ruled[m.r.w.depth] = m.model.setting("phase")
	all, err := m.real.Settings(ctx, src, prefix)
	return all, m.unexpected("settings", err)
}

// Save implements cache.State.
func (m *mirror) Save(ctx context.Context, src string, b cache.StateBatch) error {
	w := m.r.w
	if err := m.in("save"); err != nil {
		return err
	}
	err := m.real.Save(ctx, src, b)
	if errors.Is(err, cache.ErrFenced) || ended(err) {
		return err
	}
	c := b
	c.Token = 0 // the real state judges tokens
	modelled := m.model.save(&c)
	if (err == nil) != (modelled == nil) || err != nil && !errors.Is(err, cache.ErrStale) && !errors.Is(err, cache.ErrLinked) {
		m.broken("a save: %v; the model: %v", err, modelled)
	}
	m.known = m.model.settings
	if err != nil {
		w.note("save refused", onState, "", err.Error())
		return err
	}
	w.saved(m.model, &b)
	return w.after(onState, "save")
}

// Acquire implements cache.Leaser. It is the first access of a process, which
// finds what the one before left.
func (m *mirror) Acquire(ctx context.Context, src, holder string, ttl time.Duration) (cache.Lease, error) {
	w := m.r.w
	if err := m.in("acquire"); err != nil {
		return nil, err
	}
	if w.depth == 1 && w.dead != m.dead {
		m.dead = w.dead
		real, err := m.on.Crash(m.real)
		if err != nil {
			m.broken("opened after a crash: %v", err)
			return nil, err
		}
		m.real = real
	}
	l, err := m.real.Acquire(ctx, src, holder, ttl)
	if err != nil {
		if !errors.Is(err, cache.ErrLeased) {
			return nil, m.unexpected("acquire", err)
		}
		return nil, err
	}
	return &mirrorLease{m, l, w.life}, nil
}

type mirrorLease struct {
	m    *mirror
	real cache.Lease
	life int
}

// Token implements cache.Lease.
func (l *mirrorLease) Token() int64 { return l.real.Token() }

// Renew implements cache.Lease.
func (l *mirrorLease) Renew(ctx context.Context, ttl time.Duration) error {
	if err := l.m.in("renew"); err != nil {
		return err
	}
	return l.real.Renew(ctx, ttl)
}

// Release implements cache.Lease. A process that was killed releases nothing.
func (l *mirrorLease) Release(ctx context.Context) error {
	if l.m.r.w.dead == l.life {
		return nil
	}
	return l.real.Release(ctx)
}

// compare holds all of the real state against the model.
func (m *mirror) compare() {
	ctx, n := context.Background(), 0
	for l, err := range m.real.Links(ctx, source, cache.LinkQuery{}) {
		if err != nil || n >= len(m.model.links) || !sameLink(&l, m.model.links[n]) {
			m.broken("link %d is %+v, %v", n, l, err)
			return
		}
		n++
	}
	if n != len(m.model.links) {
		m.broken("%d links, not %d", n, len(m.model.links))
	}
	n = 0
	for t, err := range m.real.Tasks(ctx, source, cache.TaskQuery{}) {
		if err != nil || n >= len(m.model.tasks) || !sameTask(&t, m.model.tasks[n]) {
			m.broken("task %d is %+v, %v", n, t, err)
			return
		}
		n++
	}
	if n != len(m.model.tasks) {
		m.broken("%d tasks, not %d", n, len(m.model.tasks))
	}
	n = len(m.model.audits)
	for a, err := range m.real.Audits(ctx, source, cache.AuditQuery{}) {
		if n--; err != nil || n < 0 || a.Op != m.model.audits[n].Op || a.Link != m.model.audits[n].Link || !a.Before.Equal(m.model.audits[n].Before) || !a.After.Equal(m.model.audits[n].After) {
			m.broken("audit entry %d is %+v, %v", n, a, err)
			return
		}
	}
	if n != 0 {
		m.broken("%d audit entries are missing", n)
	}
	set, err := m.real.Settings(ctx, source, "")
	want := map[string]string{}
	for _, s := range m.model.settings {
		want[s.name] = s.value
	}
	if err != nil || !maps.Equal(set, want) {
		m.broken("settings are %v, not %v (%v)", set, want, err)
	}
	for _, c := range m.model.cursors {
		is, err := m.real.Cursor(ctx, source, c.Side, c.Kind)
		if err != nil || !is.Since.Equal(c.Since) || !is.Swept.Equal(c.Swept) || is.After != c.After || is.Full != c.Full {
			m.broken("cursor %+v, not %+v (%v)", is, c, err)
		}
	}
	for _, x := range m.model.seen {
		k, err := m.real.Seen(ctx, source, x.Side, x.Kind, false)
		if err != nil {
			m.broken("seen: %v", err)
			return
		}
		if ref, ok := k.Known(x.Hash); !ok || ref.ID != x.ID {
			m.broken("the hash of %s %s %s is unknown: %v", x.Side, x.Kind, x.ID, ref)
		}
	}
}

func sameLink(a, b *cache.Link) bool {
	same := a.Key == b.Key && a.Rev == b.Rev && a.Kind == b.Kind && a.IDs == b.IDs && a.State == b.State && a.Reason == b.Reason &&
		a.Company == b.Company && a.Parent == b.Parent && a.Since.Equal(b.Since) && a.Base[0].Equal(b.Base[0]) && a.Base[1].Equal(b.Base[1]) &&
		len(a.Parked) == len(b.Parked) && (a.Pending == nil) == (b.Pending == nil)
	if same && a.Pending != nil {
		same = a.Pending.Op == b.Pending.Op && a.Pending.Side == b.Pending.Side && a.Pending.At.Equal(b.Pending.At) && a.Pending.Sent.Equal(b.Pending.Sent)
	}
	for i := 0; same && i < len(a.Parked); i++ {
		x, y := &a.Parked[i], &b.Parked[i]
		same = x.Group == y.Group && x.Task == y.Task && x.Why == y.Why && x.Is[0].Equal(y.Is[0]) && x.Is[1].Equal(y.Is[1])
	}
	for s := range 2 {
		same = same && a.Wrote[s].Equal(b.Wrote[s]) && a.Child[s].Equal(b.Child[s]) && a.Gone[s].At.Equal(b.Gone[s].At) && a.Gone[s].MergedInto == b.Gone[s].MergedInto
	}
	return same
}

func sameTask(a, b *cache.Task) bool {
	return a.ID == b.ID && a.Rev == b.Rev && a.Type == b.Type && a.Kind == b.Kind && a.Side == b.Side && a.Record == b.Record && a.Link == b.Link &&
		a.Due.Equal(b.Due) && a.WaitsFor == b.WaitsFor && a.Since.Equal(b.Since) && a.Tries == b.Tries && a.Reason == b.Reason && a.Group == b.Group &&
		a.Base.Equal(b.Base) && a.Left.Equal(b.Left) && a.Right.Equal(b.Right) && fmt.Sprint(a.Candidates) == fmt.Sprint(b.Candidates)
}
