package cachetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func testReopen(c *tester) {
	s := c.open()
	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "b", 5), Token: 3, At: noon, Run: "r1", Provider: "p", Instance: psa.Instance{ID: "i"},
		Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Term: "Board", Fresh: noon}}})
	c.commit(s, "other", cache.Batch{Put: rows(psa.KindBoard, "o", 2), At: noon})
	snap := c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "c", 2), End: []psa.Ref{{Kind: psa.KindBoard, ID: "5"}}, At: noon})
	other := c.h.Again(c.t, s)
	c.same("opened again", c.current(other, source), snap)
	c.same("opened again", c.current(other, "other"), c.current(s, "other"))
	if _, err := other.Commit(c.ctx, source, snap.Version(), cache.Batch{Token: 2, At: noon}); !errors.Is(err, cache.ErrFenced) {
		c.errorf("the fencing token was forgotten: %v", err)
	}
	c.commit(other, source, cache.Batch{Put: rows(psa.KindTeam, "t", 1), At: noon})
}

func testTwo(c *tester) {
	a := c.open()
	first := c.commit(a, source, cache.Batch{Put: rows(psa.KindBoard, "a", 3), At: noon})
	b := c.h.Again(c.t, a)
	c.same("the second store", c.current(b, source), first)

	second := c.commit(b, source, cache.Batch{Put: rows(psa.KindBoard, "b", 2), End: []psa.Ref{{Kind: psa.KindBoard, ID: "3"}}, At: noon})
	if _, err := a.Commit(c.ctx, source, first.Version(), cache.Batch{Put: rows(psa.KindBoard, "lost", 1), At: noon}); !errors.Is(err, cache.ErrStale) {
		c.errorf("the commit of another store was overwritten: %v", err)
	}
	c.same("what the first store sees after ErrStale", c.current(a, source), second)

	// Every way rows change reaches a store that holds a former snapshot.
	fresh := row(psa.KindBoard, "1", "b")
	fresh.Raw = []byte(`{"other":"bytes"}`)
	fresh = rehash(fresh)
	c.commit(a, source, cache.Batch{Put: []psa.Record{fresh}, At: noon})
	c.same("a refreshed row", c.refresh(b, source), c.current(a, source))
	c.commit(a, source, cache.Batch{Put: rows(psa.KindTeam, "t", 2), At: noon})
	c.commit(a, source, cache.Batch{Put: rows(psa.KindTeam, "u", 3), End: []psa.Ref{{Kind: psa.KindBoard, ID: "2"}}, At: noon})
	c.commit(a, source, cache.Batch{Put: []psa.Record{row(psa.KindBoard, "2", "back")}, End: []psa.Ref{{Kind: psa.KindTeam, ID: "3"}}, At: noon})
	c.commit(a, source, cache.Batch{At: noon.Add(time.Minute), Kinds: map[psa.Kind]cache.KindMeta{psa.KindTeam: {Stale: "denied"}}})
	c.same("several commits", c.refresh(b, source), c.current(a, source))

	b = c.h.Again(c.t, a)
	c.refresh(b, source)
	for i := range 20 {
		s := []cache.Store{a, b}[i%2]
		c.retry(s, cache.Batch{Put: []psa.Record{row(psa.KindRole, fmt.Sprint(i), "role")}, At: noon})
	}
	if n := c.refresh(a, source).Len(psa.KindRole); n != 20 {
		c.errorf("%d of 20 rows are there", n)
	}
}

func testFailure(c *tester) {
	const most = 1000
	reached := true
	for step := 0; reached; step++ {
		if step == most {
			c.fatalf("a small commit takes more than %d steps", most)
		}
		s := c.open()
		old := c.commit(s, source, cache.Batch{Put: append(rows(psa.KindBoard, "old", 4), rows(psa.KindTeam, "old", 2)...), At: noon,
			Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Fresh: noon}}})
		fresh := old.Meta().At.Add(time.Hour)
		refreshed := row(psa.KindTeam, "1", "old")
		refreshed.Raw = []byte(`{"other":"bytes"}`)
		b := cache.Batch{Put: append(rows(psa.KindBoard, "new", 3), row(psa.KindBoard, "9", "new"), rehash(refreshed)),
			End: []psa.Ref{{Kind: psa.KindBoard, ID: "4"}}, At: fresh, Run: "new",
			Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Fresh: fresh}}}
		whole, _, err := old.Apply(old.Version(), b)
		if err != nil {
			c.fatalf("%v", err)
		}

		end := c.h.Fail(s, step)
		got, err := s.Commit(c.ctx, source, old.Version(), b)
		seen := c.current(s, source)
		reached = end()
		what := fmt.Sprintf("after failure at step %d", step)
		switch {
		case err == nil:
			c.same(what, got, whole)
		case !reached:
			c.fatalf("no failure was injected, and Commit returned: %v", err)
		case seen.Version() == old.Version():
			c.same(what, seen, old)
		default:
			c.same(what, seen, whole)
		}
		now := c.refresh(s, source)
		if err == nil || now.Version() != old.Version() {
			c.same(what, now, whole)
		} else {
			c.same(what, now, old)
		}
		if c.h.Again != nil {
			c.same(what+", opened again", c.current(c.h.Again(c.t, s), source), now)
		}
		c.commit(s, source, cache.Batch{Put: rows(psa.KindRole, "works again", 1), At: noon})
		if c.refresh(s, source).Len(psa.KindRole) != 1 {
			c.errorf("%s: the next commit is missing", what)
		}
	}
}

func testHistory(c *tester, s cache.Store, h cache.Historian) {
	audit := []byte(`{"report":"<1>"}`)
	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "a", 3), At: noon, Run: "r1", Audit: audit})
	c.commit(s, "other", cache.Batch{Put: rows(psa.KindBoard, "a", 3), At: noon, Run: "foreign"})
	c.commit(s, source, cache.Batch{At: noon.Add(time.Hour), Run: "r2"})
	c.commit(s, source, cache.Batch{Put: append(rows(psa.KindBoard, "b", 1), row(psa.KindTeam, "1", "t")),
		End: []psa.Ref{{Kind: psa.KindBoard, ID: "2"}, {Kind: psa.KindBoard, ID: "3"}}, At: noon.Add(2 * time.Hour), Run: "r3"})
	_, err := s.Commit(c.ctx, source, 99, cache.Batch{At: noon, Run: "refused"})
	if !errors.Is(err, cache.ErrStale) {
		c.errorf("%v", err)
	}
	v3 := c.current(s, source).Version()
	want := []cache.Change{
		{Version: v3, At: noon.Add(2 * time.Hour), Run: "r3", Added: 1, Changed: 1, Removed: 2},
		{Version: v3 - 1, At: noon.Add(time.Hour), Run: "r2"},
		{Version: v3 - 1, At: noon, Run: "r1", Added: 3, Audit: audit},
	}
	i := 0
	for got, err := range h.Versions(c.ctx, source) {
		if err != nil {
			c.fatalf("Versions: %v", err)
		}
		if i == len(want) {
			c.fatalf("there are more than %d commits: %+v", len(want), got)
		}
		w := want[i]
		if got.Version != w.Version || !got.At.Equal(w.At) || got.Run != w.Run || got.Added != w.Added ||
			got.Changed != w.Changed || got.Removed != w.Removed || !bytes.Equal(got.Audit, w.Audit) {
			c.errorf("commit %d is %+v, not %+v", i, got, w)
		}
		i++
	}
	if i != len(want) {
		c.errorf("there are %d commits, not %d", i, len(want))
	}
	for _, err := range h.Versions(c.ctx, source) {
		if err != nil {
			c.errorf("Versions: %v", err)
		}
		break // stops without harm
	}
	for got, err := range h.Versions(c.ctx, "never seen") {
		c.errorf("a source without commits has %+v, %v", got, err)
	}
}

func testAt(c *tester, s cache.Store, h cache.Historian) {
	var want []*cache.Snapshot
	boards := rows(psa.KindBoard, "v", 5)
	want = append(want, c.commit(s, source, cache.Batch{Put: boards, At: noon, Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Term: "first"}}}))
	for i, r := range boards {
		b := cache.Batch{End: []psa.Ref{r.Ref}, At: noon.Add(time.Duration(i+1) * time.Minute)}
		if i%2 == 0 {
			b = cache.Batch{Put: []psa.Record{row(psa.KindBoard, r.ID, fmt.Sprint("changed ", i)), row(psa.KindTeam, r.ID, "t")}, At: b.At}
		}
		want = append(want, c.commit(s, source, b))
	}
	last := c.commit(s, source, cache.Batch{Put: boards, At: noon.Add(time.Hour), Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Term: "last"}}})
	stores := []cache.Historian{h}
	if c.h.Again != nil {
		stores = append(stores, c.h.Again(c.t, s).(cache.Historian))
	}
	for _, h := range stores {
		for _, w := range append(want, last) {
			got, err := h.At(c.ctx, source, w.Version())
			if err != nil {
				c.errorf("At(%d): %v", w.Version(), err)
				continue
			}
			c.same(fmt.Sprintf("At(%d)", w.Version()), got, w)
		}
		for _, v := range []cache.Version{-1, 0, last.Version() + 1} {
			if _, err := h.At(c.ctx, source, v); !errors.Is(err, psa.ErrNotFound) {
				c.errorf("At(%d): %v", v, err)
			}
		}
		if _, err := h.At(c.ctx, "never seen", 1); !errors.Is(err, psa.ErrNotFound) {
			c.errorf("At of a source without commits: %v", err)
		}
	}
}

func testDiff(c *tester, s cache.Store, h cache.Historian) {
	old := rows(psa.KindBoard, "old", 4)
	a := c.commit(s, source, cache.Batch{Put: append(old, row(psa.KindTeam, "1", "t")), At: noon})
	renamed, added := row(psa.KindBoard, "2", "new"), row(psa.KindBoard, "11", "new")
	c.commit(s, source, cache.Batch{Put: []psa.Record{renamed, added}, At: noon})
	b := c.commit(s, source, cache.Batch{End: []psa.Ref{old[2].Ref}, At: noon})
	check := func(from, to cache.Version, want ...cache.RowChange) {
		got, err := h.Diff(c.ctx, source, from, to)
		if err != nil {
			c.errorf("Diff(%d, %d): %v", from, to, err)
			return
		}
		if len(got) != len(want) {
			c.errorf("Diff(%d, %d) has %d rows, not %d", from, to, len(got), len(want))
			return
		}
		for i, w := range want {
			if got[i].Ref != w.Ref || !sameRow(got[i].Before, w.Before) || !sameRow(got[i].After, w.After) {
				c.errorf("Diff(%d, %d)[%d] is of %v: %v -> %v", from, to, i, got[i].Ref, got[i].Before, got[i].After)
			}
		}
	}
	check(a.Version(), b.Version(),
		cache.RowChange{Ref: renamed.Ref, Before: &old[1], After: &renamed},
		cache.RowChange{Ref: old[2].Ref, Before: &old[2]},
		cache.RowChange{Ref: added.Ref, After: &added})
	check(b.Version(), a.Version(),
		cache.RowChange{Ref: renamed.Ref, Before: &renamed, After: &old[1]},
		cache.RowChange{Ref: old[2].Ref, After: &old[2]},
		cache.RowChange{Ref: added.Ref, Before: &added})
	check(a.Version(), a.Version())
	team := row(psa.KindTeam, "1", "t")
	check(0, a.Version(),
		cache.RowChange{Ref: old[0].Ref, After: &old[0]}, cache.RowChange{Ref: old[1].Ref, After: &old[1]},
		cache.RowChange{Ref: old[2].Ref, After: &old[2]}, cache.RowChange{Ref: old[3].Ref, After: &old[3]},
		cache.RowChange{Ref: team.Ref, After: &team})
	if _, err := h.Diff(c.ctx, source, a.Version(), 99); !errors.Is(err, psa.ErrNotFound) {
		c.errorf("Diff to a version that is not there: %v", err)
	}
}

func sameRow(got, want *psa.Record) bool {
	if got == nil || want == nil {
		return got == want
	}
	return difference(*got, *want) == ""
}

func testLease(c *tester, s cache.Store, l cache.Leaser) {
	held, err := l.Acquire(c.ctx, source, "one", time.Hour)
	if err != nil {
		c.fatalf("Acquire: %v", err)
	}
	for _, holder := range []string{"two", "one"} {
		_, err = l.Acquire(c.ctx, source, holder, time.Hour)
		var leased *cache.LeasedError
		if !errors.Is(err, cache.ErrLeased) || !errors.As(err, &leased) || leased.Holder != "one" || leased.Source != source || leased.Until.IsZero() {
			c.errorf("Acquire by %q while it is held: %v", holder, err)
		}
	}
	if other, err := l.Acquire(c.ctx, "other", "two", time.Hour); err != nil {
		c.errorf("the lease of another source: %v", err)
	} else if err := other.Release(c.ctx); err != nil {
		c.errorf("Release: %v", err)
	}
	if c.current(s, source).Version() != 0 {
		c.errorf("a lease made a version")
	}
	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "b", 1), Token: held.Token(), At: noon})
	if err := held.Renew(c.ctx, time.Hour); err != nil {
		c.errorf("Renew: %v", err)
	}
	if err := held.Release(c.ctx); err != nil {
		c.errorf("Release: %v", err)
	}
	next, err := l.Acquire(c.ctx, source, "two", time.Hour)
	if err != nil {
		c.fatalf("Acquire after Release: %v", err)
	}
	if next.Token() <= held.Token() {
		c.errorf("token %d follows %d", next.Token(), held.Token())
	}
	if err := held.Release(c.ctx); err != nil {
		c.errorf("releasing a lost lease: %v", err)
	}
	if _, err := l.Acquire(c.ctx, source, "three", time.Hour); !errors.Is(err, cache.ErrLeased) {
		c.errorf("releasing a lost lease took that of its successor: %v", err)
	}
	for what, f := range map[string]func() error{
		"no holder": func() error { _, err := l.Acquire(c.ctx, "new", "", time.Hour); return err },
		"no time":   func() error { _, err := l.Acquire(c.ctx, "new", "one", 0); return err },
	} {
		if err := f(); !errors.Is(err, psa.ErrInvalid) {
			c.errorf("%s: %v", what, err)
		}
	}
}

// acquire takes a lease as soon as the present one expires.
func (c *tester) acquire(l cache.Leaser, holder string, ttl time.Duration) cache.Lease {
	for start := time.Now(); ; {
		lease, err := l.Acquire(c.ctx, source, holder, ttl)
		switch {
		case err == nil:
			return lease
		case !errors.Is(err, cache.ErrLeased):
			c.fatalf("Acquire: %v", err)
		case time.Since(start) > cmp.Or(c.h.patience, 10*time.Second):
			c.fatalf("the lease has not expired")
		}
	}
}

func testExpiry(c *tester, s cache.Store, l cache.Leaser) {
	last := int64(0)
	for i := range 4 {
		lease := c.acquire(l, fmt.Sprint("holder ", i), 10*time.Millisecond)
		if lease.Token() <= last {
			c.errorf("token %d follows %d", lease.Token(), last)
		}
		last = lease.Token()
	}
	// One that expired, but that nobody else took, is still good.
	if _, err := s.Commit(c.ctx, source, 0, cache.Batch{Put: rows(psa.KindBoard, "b", 1), Token: last, At: noon}); err != nil {
		c.errorf("Commit: %v", err)
	}
	// A token from elsewhere does not come again.
	c.commit(s, source, cache.Batch{Token: last + 100, At: noon})
	if lease := c.acquire(l, "next", time.Hour); lease.Token() <= last+100 {
		c.errorf("token %d was granted after %d was seen", lease.Token(), last+100)
	}
}

func testFencing(c *tester, s cache.Store, l cache.Leaser) {
	old := c.acquire(l, "old", 10*time.Millisecond)
	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "a", 1), Token: old.Token(), At: noon})
	next := c.acquire(l, "new", time.Hour)
	before := c.current(s, source)
	c.refused(s, before.Version(), cache.Batch{Put: rows(psa.KindBoard, "zombie", 2), Token: old.Token(), At: noon}, cache.ErrFenced)
	c.refused(s, before.Version(), cache.Batch{Token: old.Token(), At: noon}, cache.ErrFenced)
	if err := old.Renew(c.ctx, time.Hour); !errors.Is(err, cache.ErrFenced) {
		c.errorf("the old holder renewed: %v", err)
	}
	if c.h.Again != nil {
		other := c.h.Again(c.t, s)
		if _, err := other.Commit(c.ctx, source, before.Version(), cache.Batch{Token: old.Token(), At: noon}); !errors.Is(err, cache.ErrFenced) {
			c.errorf("another store took the old token: %v", err)
		}
		if _, err := other.(cache.Leaser).Acquire(c.ctx, source, "third", time.Hour); !errors.Is(err, cache.ErrLeased) {
			c.errorf("another store granted a held lease: %v", err)
		}
	}
	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "c", 1), Token: next.Token(), At: noon})
	if err := next.Renew(c.ctx, time.Hour); err != nil {
		c.errorf("Renew: %v", err)
	}
}
