package resync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/psasync/psasync/psa"
)

// kindRead is what was read of one kind.
type kindRead struct {
	kind      psa.Kind
	perParent psa.Kind   // kind of the parents it was listed by; "" if in one list
	readings  []*reading // in the order they ended
	rows      int        // that arrived, for progress
	open      int        // units that have not ended
	done      bool       // no unit is open and none can come any more
}

// stale returns the first reason why the kind was not read completely, or nil.
func (k *kindRead) stale() error {
	for _, r := range k.readings {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

// collector reads all kinds. Workers only read; everything here belongs to the
// goroutine that calls run, which also tells the observer.
type collector struct {
	lister
	workers int
	emit    func(Event)

	kinds  map[psa.Kind]*kindRead
	order  []psa.Kind
	queue  []job // best first
	queued map[unit]bool
	ended  int
	misses int // temporary failures since something was read
	last   error
}

type job struct {
	unit
	weight int
}

// word is what a worker tells.
type word struct {
	unit
	rows int
	refs []psa.Ref // of rows that arrived, if children are listed by them
	end  *reading  // the unit ended
}

func newCollector(l lister, o *Options, emit func(Event)) *collector {
	c := &collector{lister: l, workers: o.Concurrency, emit: emit,
		kinds: map[psa.Kind]*kindRead{}, order: o.Kinds, queued: map[unit]bool{}}
	c.parents = map[psa.Kind]bool{}
	for _, kind := range o.Kinds {
		k := &kindRead{kind: kind}
		// Without its parents here the provider reads them itself.
		if f := l.features[kind]; f.PerParent && slices.Contains(o.Kinds, f.Parent) {
			k.perParent = f.Parent
			c.parents[f.Parent] = true
		}
		c.kinds[kind] = k
	}
	c.before = map[unit][]string{}
	for _, kind := range o.Kinds {
		for rec := range l.old.All(kind) {
			u := unit{kind: kind}
			if c.kinds[kind].perParent != "" {
				u.parent = rec.Parent
			}
			c.before[u] = append(c.before[u], rec.ID)
		}
	}
	return c
}

// children returns the kinds that are listed by parents of a kind.
func (c *collector) children(kind psa.Kind) (kinds []psa.Kind) {
	for _, k := range c.order {
		if c.kinds[k].perParent == kind {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// depth is how many kinds wait for this one, each for the one before it.
func (c *collector) depth(kind psa.Kind) int {
	d := 0
	for _, k := range c.children(kind) {
		d = max(d, 1+c.depth(k))
	}
	return d
}

// add queues a unit. What others wait for comes first, then what took the most
// pages last time, so that a long list does not begin when the short ones have
// ended and leave the other workers idle.
func (c *collector) add(u unit) {
	if c.queued[u] {
		return
	}
	c.queued[u] = true
	c.kinds[u.kind].open++
	pages := 1
	if size := c.features[u.kind].PageSize; size > 0 {
		pages += len(c.before[u]) / size
	}
	const longest = 1 << 20 // pages
	j := job{u, c.depth(u.kind)*longest + min(pages, longest-1)}
	i, _ := slices.BinarySearchFunc(c.queue, j, func(a, b job) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), -1) // behind its equals
	})
	c.queue = slices.Insert(c.queue, i, j)
}

// run reads everything. Its error is one that ends the run; what else went
// wrong stands in the readings.
func (c *collector) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := make(chan unit)
	words := make(chan word)
	var workers sync.WaitGroup
	for range c.workers {
		workers.Go(func() { c.work(ctx, jobs, words) })
	}
	defer workers.Wait()
	defer close(jobs)

	for _, kind := range c.order {
		if c.kinds[kind].perParent == "" {
			c.add(unit{kind: kind})
		}
	}
	var failed error
	for busy := 0; busy > 0 || failed == nil && len(c.queue) > 0; {
		// Workers are always listened to, so that none can block.
		var out chan<- unit
		var next unit
		if failed == nil && len(c.queue) > 0 {
			out, next = jobs, c.queue[0].unit
		}
		select {
		case out <- next:
			c.queue = c.queue[1:]
			busy++
		case w := <-words:
			if w.end == nil {
				c.progress(w)
				continue
			}
			busy--
			if failed != nil {
				continue
			}
			if w.end.err != nil && fatal(ctx, w.end.err) {
				failed = w.end.err
				cancel()
				continue
			}
			c.end(w.end)
		}
	}
	if failed != nil {
		return failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.checkEmptied(ctx)
}

func (c *collector) work(ctx context.Context, jobs <-chan unit, words chan<- word) {
	for u := range jobs {
		tell := func(rows int, refs []psa.Ref) { words <- word{unit: u, rows: rows, refs: refs} }
		words <- word{unit: u, end: c.read(ctx, u, tell)}
	}
}

// progress queues the children of what arrived.
func (c *collector) progress(w word) {
	for _, kind := range c.children(w.kind) {
		for _, ref := range w.refs {
			c.add(unit{kind: kind, parent: ref})
		}
	}
	k := c.kinds[w.kind]
	k.rows += w.rows
	c.tell(Event{Type: Progress, Kind: w.kind, Rows: k.rows})
}

func (c *collector) tell(e Event) {
	e.Phase, e.Done, e.Total = Collect, c.ended, len(c.queued)
	c.emit(e)
}

// end files a reading and gives up when nothing answers any more.
func (c *collector) end(r *reading) {
	c.ended++
	k := c.kinds[r.kind]
	k.readings = append(k.readings, r)
	k.open--
	switch {
	case r.err == nil:
		c.misses = 0
	case psa.Temporary(r.err):
		c.misses++
		c.last = r.err
	}
	if c.misses >= 2*c.workers {
		c.giveUp()
	}
	c.close(k)
}

// giveUp marks what is still queued as unread: so many lists in a row failed
// that the vendor is down, and asking on would take hours.
func (c *collector) giveUp() {
	for _, j := range c.queue {
		k := c.kinds[j.kind]
		k.open--
		c.ended++
		k.readings = append(k.readings, &reading{unit: j.unit,
			err: fmt.Errorf("not tried after %d failures in a row: %w", c.misses, c.last)})
	}
	queue := c.queue
	c.queue = nil
	for _, j := range queue {
		c.close(c.kinds[j.kind])
	}
}

// close tells that a kind ended, once neither a unit of it is open nor a
// parent can come that would bring one.
func (c *collector) close(k *kindRead) {
	if k.done || k.open > 0 || k.perParent != "" && !c.kinds[k.perParent].done {
		return
	}
	k.done = true
	stale := ""
	if err := k.stale(); err != nil {
		stale = reason(err)
	}
	c.tell(Event{Type: KindRead, Kind: k.kind, Rows: k.rows, Stale: stale})
	for _, child := range c.children(k.kind) {
		c.close(c.kinds[child])
	}
}

// checkEmptied asks for the right to read what became empty: some vendors
// answer a missing right with an empty list and a count of zero. One request
// for all of it.
func (c *collector) checkEmptied(ctx context.Context) error {
	var emptied []*reading
	var kinds []psa.Kind
	for _, kind := range c.order {
		for _, r := range c.kinds[kind].readings {
			if r.err == nil && r.emptied {
				emptied = append(emptied, r)
				if !slices.Contains(kinds, kind) {
					kinds = append(kinds, kind)
				}
			}
		}
	}
	if len(emptied) == 0 {
		return nil
	}
	report, err := psa.Check(ctx, c.provider, kinds...)
	if err != nil && fatal(ctx, err) {
		return err
	}
	access := map[psa.Kind]error{}
	for _, a := range report.Access {
		access[a.Kind] = a.Err
	}
	for _, r := range emptied {
		switch denied, checked := access[r.kind]; {
		case errors.Is(err, psa.ErrUnsupported):
			if !r.counted {
				r.err = c.nonsense(r.unit, psa.Ref{}, "it became empty, and neither a count nor a check confirms that")
			}
		case err != nil:
			r.err = fmt.Errorf("it became empty, and the right to read it could not be checked: %w", err)
		case denied != nil:
			r.err = denied
		case !checked:
			r.err = c.nonsense(r.unit, psa.Ref{}, "it became empty, and the check does not tell of it")
		}
	}
	return nil
}
