package cachetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func stateSources(c *stateTester) {
	s := c.open()
	names := []string{"a", "A", "a/b", "a%", "a_", "a ", "ä", "a\x00b", "", "../a", strings.Repeat("n", 300)}
	want := map[string]content{}
	for i, name := range names {
		c.save(s, name, cache.StateBatch{
			Links: []cache.Link{link("k", fmt.Sprint(i))}, Tasks: []cache.Task{task("t")}, Audits: []cache.Audit{audit("k", fmt.Sprint(i))},
			Cursors: []cache.Cursor{{Kind: psa.KindTicket, After: fmt.Sprint(i)}}, Settings: map[string]string{"name": "of " + name},
			Seen: []cache.Seen{{Kind: psa.KindTicket, ID: fmt.Sprint(i), Hash: hash(1)}}, Token: int64(i + 1),
		})
		want[name] = c.dump(s, name)
	}
	c.save(s, "a", cache.StateBatch{DropLinks: []string{"k"}, DropTasks: []string{"t"}, Settings: map[string]string{"name": ""}})
	for i, name := range names {
		got := c.dump(s, name)
		if name == "a" {
			if len(got.Links)+len(got.Tasks)+len(got.Settings) != 0 {
				c.errorf("what was dropped is there: %+v", got)
			}
			continue
		}
		c.same(fmt.Sprintf("source %.20q", name), got, want[name])
		if len(got.Links) != 1 || got.Links[0].IDs[0] != fmt.Sprint(i) || len(got.Audits) != 1 || got.Settings["name"] != "of "+name ||
			got.Seen["left ticket 1 true"].ID != fmt.Sprint(i) {
			c.errorf("source %.20q holds %+v", name, got)
		}
	}
}

func stateImmutable(c *stateTester) {
	s := c.open()
	b := cache.StateBatch{Links: []cache.Link{link("a", "1"), link("b", "2")}, Tasks: []cache.Task{task("t")}, Audits: []cache.Audit{audit("a", "one")},
		Cursors: []cache.Cursor{{Kind: psa.KindTicket, After: "1"}}, Seen: []cache.Seen{{Kind: psa.KindTicket, ID: "1", Hash: hash(1)}}, Settings: map[string]string{"s": "1"}}
	b.Links[0].Pending = &cache.Pending{Op: "update", At: noon, Base: [2]psa.Fields{{"n": json.Number("1")}}}
	c.save(s, source, b)
	before := c.dump(s, source)
	text := fmt.Sprintf("%+v %+v", before.Links, *before.Links[0].Pending)
	b.Links[0], b.Links[1], b.Tasks[0], b.Audits[0], b.Cursors[0], b.Seen[0] = cache.Link{}, cache.Link{}, cache.Task{}, cache.Audit{}, cache.Cursor{}, cache.Seen{}
	clear(b.Settings)
	c.same("after the batch was used again", c.dump(s, source), before)

	changed := c.link(s, "a")
	changed.Pending, changed.Reason = nil, "later"
	changed.Base = [2]psa.Fields{{"summary": "later"}, {"summary": "later"}}
	t := c.task(s, "t")
	t.Reason = "later"
	c.save(s, source, cache.StateBatch{Links: []cache.Link{changed}, DropLinks: []string{"b"}, Tasks: []cache.Task{t}})
	if now := fmt.Sprintf("%+v %+v", before.Links, *before.Links[0].Pending); now != text {
		c.errorf("values changed after they were handed out: %s, not %s", now, text)
	}
	if got := c.link(s, "a"); got.Pending != nil || got.Reason != "later" {
		c.errorf("the later save is missing: %+v", got)
	}
}

func stateLoop(c *stateTester) {
	s := c.open()
	const n = 300
	var b cache.StateBatch
	for i := range n {
		l, t := link(fmt.Sprintf("k%04d", i), fmt.Sprint(i)), task(fmt.Sprintf("t%04d", i))
		t.Due, l.Parent = noon, "p"
		b.Links, b.Tasks, b.Audits = append(b.Links, l), append(b.Tasks, t), append(b.Audits, audit(l.Key, "made"))
	}
	c.save(s, source, b)
	for _, q := range []cache.LinkQuery{{}, {Parent: "p"}} {
		seen := map[string]int{}
		for l, err := range s.Links(c.ctx, source, q) {
			if err != nil {
				c.fatalf("Links: %v", err)
			}
			if seen[l.Key]++; len(seen) > 3*n {
				c.fatalf("the loop over links does not end")
			}
			more := link(fmt.Sprint(l.Key, " more ", q.Parent), fmt.Sprint(l.IDs[0], q.Parent, "x", len(seen)))
			more.Parent = "p"
			c.save(s, source, cache.StateBatch{Links: []cache.Link{l, more}})
		}
		for i := range n {
			if key := fmt.Sprintf("k%04d", i); seen[key] != 1 {
				c.fatalf("link %s came %d times", key, seen[key])
			}
		}
	}
	for _, q := range []cache.TaskQuery{{}, {Due: noon}} {
		seen := map[string]int{}
		for t, err := range s.Tasks(c.ctx, source, q) {
			if err != nil {
				c.fatalf("Tasks: %v", err)
			}
			if seen[t.ID]++; len(seen) > 3*n {
				c.fatalf("the loop over tasks does not end")
			}
			more := task(t.ID + " more")
			more.Since, more.Due = noon.Add(time.Hour), noon
			batch := cache.StateBatch{Tasks: []cache.Task{t}}
			if !strings.Contains(t.ID, "more") && q.Due.IsZero() {
				batch.Tasks = append(batch.Tasks, more)
			}
			c.save(s, source, batch)
		}
		for i := range n {
			if id := fmt.Sprintf("t%04d", i); seen[id] != 1 {
				c.fatalf("task %s came %d times", id, seen[id])
			}
		}
	}
	// A task that is put off again and again comes again at most once.
	turns := 0
	for t, err := range s.Tasks(c.ctx, source, cache.TaskQuery{}) {
		if err != nil {
			c.fatalf("Tasks: %v", err)
		}
		if turns++; turns > 4*n {
			c.fatalf("the loop over tasks that move does not end")
		}
		t = c.task(s, t.ID)
		t.Since = noon.Add(24*time.Hour + time.Duration(turns))
		c.save(s, source, cache.StateBatch{Tasks: []cache.Task{t}})
	}
	entries := 0
	for _, err := range s.Audits(c.ctx, source, cache.AuditQuery{}) {
		if err != nil {
			c.fatalf("Audits: %v", err)
		}
		entries++
		c.save(s, source, cache.StateBatch{Audits: []cache.Audit{audit("k", "more")}})
	}
	if entries != n {
		c.errorf("%d audit entries came, not %d", entries, n)
	}
	if err := firstError(s.Links(c.ctx, source, cache.LinkQuery{})); err != nil { // stops without harm
		c.errorf("Links: %v", err)
	}
	c.save(s, source, cache.StateBatch{Settings: map[string]string{"after": "break"}})
}

func stateBig(c *stateTester) {
	s := c.open()
	n := cmp.Or(c.h.Rows, 2000)
	var b cache.StateBatch
	for i := range n {
		b.Links = append(b.Links, link(fmt.Sprintf("k%06d", i), fmt.Sprint(i)))
		b.Tasks = append(b.Tasks, task(fmt.Sprintf("t%06d", i)))
		b.Seen = append(b.Seen, cache.Seen{Kind: psa.KindTicket, ID: fmt.Sprint(i), Hash: hash(i)})
		b.Audits = append(b.Audits, audit(b.Links[i].Key, "made"))
	}
	c.save(s, source, b)
	links, tasks := all(c, s.Links(c.ctx, source, cache.LinkQuery{})), all(c, s.Tasks(c.ctx, source, cache.TaskQuery{}))
	if len(links) != n || len(tasks) != n || len(all(c, s.Audits(c.ctx, source, cache.AuditQuery{}))) != n {
		c.fatalf("%d links and %d tasks of %d are there", len(links), len(tasks), n)
	}
	known := c.known(s, source, cache.Left, psa.KindTicket, true)
	for i := range n {
		if ref, ok := known.Known(hash(i)); !ok || ref.ID != fmt.Sprint(i) {
			c.fatalf("hash %d leads to %v, %v", i, ref, ok)
		}
	}
	for i := range links { // every record moves to its neighbour
		links[i].IDs[0], links[i].IDs[1] = fmt.Sprint((i+1)%n), fmt.Sprint((i+1)%n)
	}
	c.saveLinks(s, links...)
	c.linkOf(s, cache.Left, psa.KindTicket, "0", fmt.Sprintf("k%06d", n-1))
	c.linkOf(s, cache.Right, psa.KindTicket, "1", "k000000")
	var drop []string
	for i := range links {
		drop = append(drop, links[i].Key)
	}
	c.save(s, source, cache.StateBatch{DropLinks: drop})
	c.linkOf(s, cache.Left, psa.KindTicket, "0", "")
}

func stateSavers(c *stateTester) {
	s := c.open()
	const savers, saves = 4, 10
	c.save(s, source, cache.StateBatch{Links: []cache.Link{link("a", "1")}, Tasks: []cache.Task{task("t")}})
	var won, stale atomic.Int32
	var wg sync.WaitGroup
	l := c.link(s, "a")
	for w := range savers {
		wg.Go(func() {
			mine := l
			mine.Reason = fmt.Sprint("saver ", w)
			err := s.Save(c.ctx, source, cache.StateBatch{Links: []cache.Link{mine}, Audits: []cache.Audit{audit("a", mine.Reason)}})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, cache.ErrStale):
				stale.Add(1)
			default:
				c.errorf("the error is %v, not %q", err, cache.ErrStale)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || stale.Load() != savers-1 {
		c.errorf("%d of %d saves of one Rev won, %d were stale", won.Load(), savers, stale.Load())
	}
	audits := all(c, s.Audits(c.ctx, source, cache.AuditQuery{}))
	if now := c.link(s, "a"); len(audits) != 1 || audits[0].Op != now.Reason || now.Rev != 2 {
		c.errorf("the link is of %q, Rev %d, and %d audit entries tell", now.Reason, now.Rev, len(audits))
	}
	for w := range savers {
		wg.Go(func() {
			for range saves {
				c.count(s, fmt.Sprint("saver ", w))
			}
		})
	}
	wg.Wait()
	if t := c.task(s, "t"); t.Tries != savers*saves || t.Rev != savers*saves+1 {
		c.errorf("%d of %d additions are there, Rev %d", t.Tries, savers*saves, t.Rev)
	}
}

// count adds one to the tries of task t, however often that is stale.
func (c *stateTester) count(s cache.State, who string) {
	for range 10_000 {
		t, ok, err := s.Task(c.ctx, source, "t")
		if err == nil && ok {
			t.Tries++
			t.Reason = who
			err = s.Save(c.ctx, source, cache.StateBatch{Tasks: []cache.Task{t}})
		}
		if err == nil {
			return
		}
		if !errors.Is(err, cache.ErrStale) && !errors.Is(err, cache.ErrBusy) {
			c.errorf("%v", err)
			return
		}
	}
	c.errorf("no save came through in 10000 attempts")
}

func stateReaders(c *stateTester) {
	s := c.open()
	const saves = 60
	stamp := func(l cache.Link, n int) cache.Link {
		f := psa.Fields{"n": json.Number(fmt.Sprint(n))}
		l.Base, l.Reason = [2]psa.Fields{f, f}, fmt.Sprint(n)
		return l
	}
	c.saveLinks(s, stamp(link("a", "1"), 0), stamp(link("b", "2"), 0))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			last := int64(0)
			for {
				a, ok, err := s.Link(c.ctx, source, "a")
				if err != nil || !ok {
					c.errorf("Link: %v, %v", ok, err)
					return
				}
				if n, _ := a.Base[0]["n"].(json.Number); n.String() != a.Reason || !a.Base[1].Equal(a.Base[0]) || fmt.Sprint(a.Rev-1) != a.Reason {
					c.errorf("Rev %d is a mix: %v, %q", a.Rev, a.Base, a.Reason)
				}
				if a.Rev < last {
					c.errorf("Rev %d after %d", a.Rev, last)
				}
				last = a.Rev
				// b was saved with a, so what is read of it after a is as new.
				if b, ok, err := s.Link(c.ctx, source, "b"); err != nil || !ok || b.Rev < a.Rev {
					c.errorf("Rev %d beside %d: %v, %v", b.Rev, a.Rev, ok, err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range saves {
		c.saveLinks(s, stamp(c.link(s, "a"), n+1), stamp(c.link(s, "b"), n+1))
	}
	close(done)
	wg.Wait()
}

func stateToken(c *stateTester) {
	s := c.open()
	seed(c, s) // with token 5
	old := func(token int64) cache.StateBatch {
		return cache.StateBatch{Settings: map[string]string{"x": "zombie"}, Token: token}
	}
	c.refused("an old token", s, old(4), cache.ErrFenced)
	c.refused("an old token for nothing", s, cache.StateBatch{Token: 4}, cache.ErrFenced)
	for _, token := range []int64{5, 0, 6} {
		c.save(s, source, cache.StateBatch{Settings: map[string]string{"x": "fine"}, Token: token})
	}
	c.refused("the last token", s, old(5), cache.ErrFenced)
	c.save(s, "other", old(1))
	leaser, isLeaser := s.(cache.Leaser)
	if isLeaser {
		lease, err := leaser.Acquire(c.ctx, source, "me", time.Hour)
		if err != nil {
			c.fatalf("Acquire: %v", err)
		}
		if lease.Token() <= 6 {
			c.errorf("token %d was granted after 6 was seen", lease.Token())
		}
		c.refused("a token from before the lease", s, old(6), cache.ErrFenced)
		c.save(s, source, cache.StateBatch{Token: lease.Token()})
		if err := lease.Renew(c.ctx, time.Hour); err != nil {
			c.errorf("Renew: %v", err)
		}
	}
	store, ok := s.(cache.Store)
	if !ok {
		return
	}
	snap, err := store.Current(c.ctx, source)
	if err != nil {
		c.fatalf("Current: %v", err)
	}
	if _, err := store.Commit(c.ctx, source, snap.Version(), cache.Batch{Token: 3, At: noon}); !errors.Is(err, cache.ErrFenced) {
		c.errorf("a commit with a token older than one that a save had: %v", err)
	}
	if _, err := store.Commit(c.ctx, source, snap.Version(), cache.Batch{Token: 1000, At: noon}); err != nil {
		c.errorf("Commit: %v", err)
	}
	c.refused("a token older than one that a commit had", s, old(999), cache.ErrFenced)
}

func stateStore(c *stateTester) {
	s := c.open()
	store, ok := s.(cache.Store)
	if !ok {
		return
	}
	current := func(want cache.Version) {
		if snap, err := cache.Refresh(c.ctx, store, source); err != nil || snap.Version() != want || snap.Len(psa.KindBoard) != int(want) {
			c.errorf("the snapshot is %v, %v, not of version %d", snap, err, want)
		}
	}
	seed(c, s)
	current(0)
	if _, err := store.Commit(c.ctx, source, 0, cache.Batch{Put: rows(psa.KindBoard, "b", 1), At: noon}); err != nil {
		c.fatalf("Commit: %v", err)
	}
	before := c.dump(s, source)
	c.save(s, source, whole(c, s))
	current(1)
	if d := unlike(c.dump(s, source), before); d == "" {
		c.errorf("the save is missing")
	}
}

func stateReopen(c *stateTester) {
	s := c.open()
	seed(c, s)
	c.save(s, source, whole(c, s))
	c.save(s, "other", cache.StateBatch{Settings: map[string]string{"of": "other"}, Synced: true})
	want := c.dump(s, source)
	again := c.h.Again(c.t, s)
	c.same("opened again", c.dump(again, source), want)
	c.same("the other source", c.dump(again, "other"), c.dump(s, "other"))
	c.refused("a stale link", again, cache.StateBatch{Links: []cache.Link{link("a", "1")}}, cache.ErrStale)
	c.refused("an old token", again, cache.StateBatch{Token: 4}, cache.ErrFenced)
	c.save(again, source, cache.StateBatch{Links: []cache.Link{c.link(again, "a")}, Audits: []cache.Audit{audit("a", "again")}})
	if now := all(c, again.Audits(c.ctx, source, cache.AuditQuery{})); len(now) != len(want.Audits)+1 || now[0].Seq <= now[1].Seq {
		c.errorf("the audit goes on with %+v", now[0])
	}
}

func stateTwo(c *stateTester) {
	a := c.open()
	seed(c, a)
	b := c.h.Again(c.t, a)
	stale := c.link(a, "a")
	batch := whole(c, b)
	c.save(b, source, batch)
	c.same("what the first sees", c.dump(a, source), c.dump(b, source))
	stale.Reason = "lost"
	c.refused("the save of another", a, cache.StateBatch{Links: []cache.Link{stale}}, cache.ErrStale)
	c.save(a, source, cache.StateBatch{Links: []cache.Link{c.link(a, "a")}, Token: 9})
	c.refused("a token older than the other's", b, cache.StateBatch{Token: 8}, cache.ErrFenced)
	c.refused("a record of the other's link", b, cache.StateBatch{Links: []cache.Link{link("z", "50")}}, cache.ErrLinked)
	for i := range 20 {
		c.count([]cache.State{a, b}[i%2], "two")
	}
	if t := c.task(a, "t"); t.Tries != 20 {
		c.errorf("%d of 20 additions are there", t.Tries)
	}
}

func stateFailure(c *stateTester) {
	const most = 1000
	reached := true
	for step := 0; reached; step++ {
		if step == most {
			c.fatalf("a small save takes more than %d steps", most)
		}
		s := c.open()
		seed(c, s)
		before := c.dump(s, source)
		b := whole(c, s)
		b.Token, b.Synced = 6, step%2 == 0
		end := c.h.Fail(s, step)
		err := s.Save(c.ctx, source, b)
		reached = end()
		what := fmt.Sprintf("after failure at step %d", step)
		now := c.dump(s, source)
		kept := unlike(now, before) == ""
		switch {
		case err != nil && !reached:
			c.fatalf("no failure was injected, and Save returned: %v", err)
		case err == nil && kept:
			c.errorf("%s: Save returned no error, and nothing is there", what)
		case !kept && err != nil && !psa.Temporary(err):
			c.errorf("%s: it happened, and the error is not temporary: %v", what, err)
		}
		if !kept {
			if len(now.Links) != 2 || now.Links[0].Reason != "changed" || len(now.Tasks) != 2 || len(now.Audits) != 3 || now.Settings["new"] != "new" ||
				len(now.Settings) != 2 || !now.Cursors[0].Since.Equal(noon.Add(time.Hour)) || len(now.Seen) != 4 {
				c.errorf("%s: a part of the batch is there: %+v", what, now)
			}
		}
		if c.h.Again != nil {
			c.same(what+", opened again", c.dump(c.h.Again(c.t, s), source), now)
		}
		c.save(s, source, cache.StateBatch{Links: []cache.Link{link("works again", "77")}})
		c.linkOf(s, cache.Left, psa.KindTicket, "77", "works again")
	}
}
