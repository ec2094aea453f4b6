package simulation

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A crew is several processes, each with a bridge of its own that polls the
// same two systems on the same state, while people work and somebody kills,
// stalls, cancels, pauses and resumes. All of them are goroutines in a bubble of
// virtual time. One request at a time is served, so that the world stays as it
// is; but requests and answers travel, and meanwhile the others go on.
type crew struct {
	w *world
	m *mirror
	r *rig

	mu      sync.Mutex // of all that follows, of w and of m; never held while time passes
	cancels [maxWorkers]context.CancelFunc
	killed  [maxWorkers + 1]bool // its next request is its last
	stalled [maxWorkers + 1]time.Duration
	stats   crewStats
}

const maxWorkers = 2

type crewStats struct{ lives, kills, cancels, stalls, pauses int }

// Who waits in virtual time, besides the workers, which are 0 and 1.
const (
	someone  = maxWorkers + iota // people
	mischief                     // see trouble
	theEnd
	lanes = 8
)

// trip is how long something travels, after a while. Everybody goes on at
// moments of a lane of their own, in nanoseconds, so that no two do so at the
// same moment and the order of things follows from the tape. All other pauses
// are whole multiples of the lanes.
func (c *crew) trip(who int, after time.Duration) time.Duration {
	now := time.Now()
	end := now.Add(after + time.Duration(1+c.w.tape.IntN(40))*5*time.Millisecond)
	end = end.Add(time.Duration(who) - time.Duration(end.UnixNano()%lanes))
	return end.Sub(now)
}

// A worker is one process.
type worker struct {
	*crew
	n    int
	lane int
	life int
	dead bool
}

// travel lets time pass until a request has arrived, or an answer.
func (k *worker) travel(ctx context.Context) error {
	k.mu.Lock()
	d := k.trip(k.lane, k.stalled[k.n])
	k.stalled[k.n] = 0
	k.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// enter begins to serve a request of the worker, until leave.
func (k *worker) enter() {
	k.mu.Lock()
	if k.dead { // a process that was killed asks nothing
		k.mu.Unlock()
		panic(crashed{k.life})
	}
	if now := time.Now(); now.After(k.w.now) {
		k.w.now = now
	}
	k.w.depth, k.w.life = k.n, k.life
	if k.killed[k.n] {
		k.killed[k.n] = false
		k.stats.kills++
		defer k.leave()
		k.w.die()
	}
}

func (k *worker) leave() {
	k.dead = k.dead || k.w.dead == k.life
	k.mu.Unlock()
}

// step serves one request. An error is that of the context: the request did not
// arrive, or its answer did not.
func (k *worker) step(ctx context.Context, f func()) error {
	if err := k.travel(ctx); err != nil {
		return err
	}
	func() {
		k.enter()
		defer k.leave()
		f()
	}()
	return k.travel(ctx)
}

// steps serves a list, of which every page is a request.
func steps[T any](ctx context.Context, k *worker, page int, list iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := k.travel(ctx); err != nil {
			yield(none, err)
			return
		}
		k.enter()
		serving := true
		defer func() {
			if serving {
				k.leave()
			}
		}()
		n := 0
		for v, err := range list {
			serving = false
			k.leave()
			if n%page == 0 {
				if lost := k.travel(ctx); lost != nil {
					yield(none, lost)
					return
				}
			}
			n++
			if !yield(v, err) {
				return
			}
			k.enter()
			serving = true
		}
	}
}

// A crewSocket is a side as a worker sees it.
type crewSocket struct {
	socket
	k *worker
}

func (p *crewSocket) List(ctx context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	return steps(ctx, p.k, 2, p.socket.List(ctx, kind, q))
}

func (p *crewSocket) Find(ctx context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return steps(ctx, p.k, 100, p.socket.Find(ctx, kind, by))
}

func (p *crewSocket) Deletions(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	return steps(ctx, p.k, 100, p.socket.Deletions(ctx, kind, since))
}

func (p *crewSocket) Get(ctx context.Context, ref psa.Ref) (rec psa.Record, err error) {
	if lost := p.k.step(ctx, func() { rec, err = p.socket.Get(ctx, ref) }); lost != nil {
		return psa.Record{}, lost
	}
	return rec, err
}

func (p *crewSocket) Create(ctx context.Context, kind psa.Kind, fields psa.Fields, notify psa.Notify) (rec psa.Record, err error) {
	if lost := p.k.step(ctx, func() { rec, err = p.socket.Create(ctx, kind, fields, notify) }); lost != nil {
		return psa.Record{}, lost
	}
	return rec, err
}

func (p *crewSocket) Update(ctx context.Context, ref psa.Ref, patch psa.Patch) (rec psa.Record, err error) {
	if lost := p.k.step(ctx, func() { rec, err = p.socket.Update(ctx, ref, patch) }); lost != nil {
		return psa.Record{}, lost
	}
	return rec, err
}

func (p *crewSocket) Delete(ctx context.Context, ref psa.Ref) (err error) {
	if lost := p.k.step(ctx, func() { err = p.socket.Delete(ctx, ref) }); lost != nil {
		return lost
	}
	return err
}

func (p *crewSocket) ServerTime(ctx context.Context) (at time.Time, err error) {
	if !p.side().does.timer {
		return time.Time{}, failed("server time", psa.ErrUnsupported)
	}
	if lost := p.k.step(ctx, func() { at, err = p.socket.ServerTime(ctx) }); lost != nil {
		return time.Time{}, lost
	}
	return at, err
}

func (p *crewSocket) Instance(ctx context.Context) (in psa.Instance, err error) {
	if lost := p.k.step(ctx, func() { in, err = p.socket.Instance(ctx) }); lost != nil {
		return psa.Instance{}, lost
	}
	return in, err
}

// A crewState is the state as a worker sees it. Reads of a store in the same
// process are served at once; what is written, and leases, travel.
type crewState struct {
	m *mirror
	k *worker
}

func (s *crewState) now(f func()) {
	s.k.enter()
	defer s.k.leave()
	f()
}

func (s *crewState) Link(ctx context.Context, src, key string) (l cache.Link, ok bool, err error) {
	s.now(func() { l, ok, err = s.m.Link(ctx, src, key) })
	return l, ok, err
}

func (s *crewState) LinkOf(ctx context.Context, src string, side cache.Side, ref psa.Ref) (l cache.Link, ok bool, err error) {
	s.now(func() { l, ok, err = s.m.LinkOf(ctx, src, side, ref) })
	return l, ok, err
}

func (s *crewState) Links(ctx context.Context, src string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
	return steps(ctx, s.k, 100, s.m.Links(ctx, src, q))
}

func (s *crewState) Task(ctx context.Context, src, id string) (t cache.Task, ok bool, err error) {
	s.now(func() { t, ok, err = s.m.Task(ctx, src, id) })
	return t, ok, err
}

func (s *crewState) Tasks(ctx context.Context, src string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
	return steps(ctx, s.k, 100, s.m.Tasks(ctx, src, q))
}

func (s *crewState) Audits(ctx context.Context, src string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
	return steps(ctx, s.k, 100, s.m.Audits(ctx, src, q))
}

func (s *crewState) Cursor(ctx context.Context, src string, side cache.Side, kind psa.Kind) (c cache.Cursor, err error) {
	s.now(func() { c, err = s.m.Cursor(ctx, src, side, kind) })
	return c, err
}

func (s *crewState) Seen(ctx context.Context, src string, side cache.Side, kind psa.Kind, all bool) (known psa.Known, err error) {
	s.now(func() { known, err = s.m.Seen(ctx, src, side, kind, all) })
	return known, err
}

func (s *crewState) Setting(ctx context.Context, src, name string) (v string, err error) {
	s.now(func() { v, err = s.m.Setting(ctx, src, name) })
	return v, err
}

func (s *crewState) Settings(ctx context.Context, src, prefix string) (all map[string]string, err error) {
	s.now(func() { all, err = s.m.Settings(ctx, src, prefix) })
	return all, err
}

func (s *crewState) Save(ctx context.Context, src string, b cache.StateBatch) (err error) {
	if lost := s.k.step(ctx, func() { err = s.m.Save(ctx, src, b) }); lost != nil {
		return lost
	}
	return err
}

func (s *crewState) Acquire(ctx context.Context, src, holder string, ttl time.Duration) (l cache.Lease, err error) {
	s.now(func() { l, err = s.m.Acquire(ctx, src, holder, ttl) })
	if err != nil {
		return nil, err
	}
	return &crewLease{l, s.k, s.k.life}, nil
}

type crewLease struct {
	cache.Lease
	k    *worker
	life int
}

func (l *crewLease) Renew(ctx context.Context, ttl time.Duration) (err error) {
	if lost := l.k.step(ctx, func() { err = l.Lease.Renew(ctx, ttl) }); lost != nil {
		return lost
	}
	return err
}

func (l *crewLease) Release(ctx context.Context) (err error) {
	l.k.mu.Lock()
	defer l.k.mu.Unlock()
	if l.k.dead {
		return nil
	}
	return l.Lease.Release(ctx)
}

// work is what a process does: it runs a bridge, dies, is restarted.
func (k *worker) work(ctx context.Context) {
	pause(ctx, time.Duration(k.lane))
	for ctx.Err() == nil {
		k.live(ctx)
		k.mu.Lock()
		d := k.trip(k.lane, 10*time.Second)
		k.mu.Unlock()
		pause(ctx, d)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (k *worker) live(ctx context.Context) {
	k.mu.Lock()
	k.w.stats.Cycles++
	k.stats.lives++
	k.w.began = true
	if k.w.first.IsZero() {
		k.w.first = time.Now()
	}
	k.life, k.dead = k.w.stats.Cycles, false
	ctx, cancel := context.WithCancel(ctx)
	k.cancels[k.n] = cancel
	o := k.r.options(k.w.shape)
	k.mu.Unlock()
	defer cancel()
	defer func() {
		if e := recover(); e != nil {
			k.mu.Lock()
			defer k.mu.Unlock()
			switch e := e.(type) {
			case crashed:
			case tooMuch:
				k.w.violated("I25", "the history does not end")
			default:
				k.w.violated("panic", "%v\n%s", e, debug.Stack())
			}
		}
	}()
	skew := k.w.skew
	o.Now = func() time.Time { return time.Now().Add(skew) }
	o.Holder, o.Observer, o.Interval = fmt.Sprint("worker ", k.n), nil, 20*time.Second
	_ = k.bridge(o).Run(ctx) // it ends by the context, or by a fault that needs a person, who starts it again
}

// bridge is the bridge of the worker's present life.
func (k *worker) bridge(o bridge.Options) *bridge.Bridge {
	side := func(s bridge.Side) *crewSocket {
		return &crewSocket{socket{k.r, s, k.r.features[k.w.shape.makes[s]]}, k}
	}
	b, err := bridge.New(side(bridge.Left), side(bridge.Right), &crewState{k.m, k}, o)
	if err != nil {
		panic(err)
	}
	return b
}

// people work on both sides.
func (c *crew) people(ctx context.Context) {
	for ctx.Err() == nil {
		c.mu.Lock()
		d := c.trip(someone, time.Duration(1+c.w.tape.IntN(60))*time.Second)
		c.mu.Unlock()
		pause(ctx, d)
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		if now := time.Now(); now.After(c.w.now) {
			c.w.now = now
		}
		c.w.person()
		c.mu.Unlock()
	}
}

// trouble is what happens to processes and to the connection.
func (c *crew) trouble(ctx context.Context) {
	for d := c.lull(); ; d = c.lull() {
		if pause(ctx, d); ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		n := c.w.tape.IntN(maxWorkers)
		what := c.w.tape.IntN(7)
		switch what {
		case 1:
			c.killed[n] = true
		case 2:
			if c.cancels[n] != nil {
				c.stats.cancels++
				c.cancels[n]()
			}
		case 3: // longer than a lease
			c.stats.stalls++
			c.stalled[n] = 3 * time.Minute
		case 6:
			edited, once := c.w.shape.edited, c.w.edited
			c.w.special()
			c.w.shape.edited, c.w.edited, c.w.old = edited, once, nil
		}
		c.mu.Unlock()
		switch what {
		case 4:
			c.stats.pauses++
			c.hand(func(b *bridge.Bridge) { _ = b.Pause(ctx, "somebody said so") })
		case 5:
			c.hand(func(b *bridge.Bridge) { _ = b.Resume(ctx) })
		}
		pause(ctx, time.Second) // who was cancelled goes on first
	}
}

// lull is how long nothing happens.
func (c *crew) lull() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trip(mischief, time.Duration(5+c.w.tape.IntN(90))*time.Second)
}

// hand does what a person does, in a process of its own that may die meanwhile.
// Errors are those of its requests.
func (c *crew) hand(f func(*bridge.Bridge)) {
	defer func() {
		if e := recover(); e != nil {
			if _, ok := e.(crashed); !ok {
				panic(e)
			}
		}
	}()
	c.mu.Lock()
	c.w.stats.Cycles++
	k := &worker{crew: c, n: maxWorkers, lane: mischief, life: c.w.stats.Cycles}
	o := c.r.options(c.w.shape)
	c.mu.Unlock()
	skew := c.w.skew
	o.Now, o.Observer = func() time.Time { return time.Now().Add(skew) }, nil
	f(k.bridge(o))
}
