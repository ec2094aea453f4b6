package cachetest

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func cancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx, cancel
}

func withCancel(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func second[T any](_ T, err error) error { return err }

func third[T any](_ T, _ bool, err error) error { return err }

func firstError[T any](rows iter.Seq2[T, error]) error {
	for _, err := range rows {
		return err
	}
	return nil
}

func stateOrder(c *stateTester) {
	s := c.open()
	keys := []string{"", "0", "1", "10", "2", "A", "B", "a", "a\x00b", "ab", "ä", "雪"}
	since := []time.Time{{}, noon.Add(-time.Hour), noon, noon.Add(1), noon.Add(10), noon.Add(time.Second)}
	type place struct {
		since time.Time
		id    string
	}
	var links []string
	var tasks []place
	for i := range keys {
		i := i * 7 % len(keys) // neither order
		for j := range since {
			j := j * 5 % len(since)
			id := "t" + keys[i]
			if j != i%len(since) {
				id += fmt.Sprint(" ", j)
			}
			t := task(id)
			t.Since = since[j]
			c.save(s, source, cache.StateBatch{Tasks: []cache.Task{t}})
			tasks = append(tasks, place{since[j], t.ID})
		}
		c.saveLinks(s, link("k"+keys[i], fmt.Sprint(i)))
		links = append(links, "k"+keys[i])
		c.save(s, source, cache.StateBatch{Audits: []cache.Audit{audit("k", fmt.Sprint(i)), audit("k", "then")}})
	}
	slices.Sort(links)
	slices.SortFunc(tasks, func(a, b place) int {
		if d := a.since.Compare(b.since); d != 0 {
			return d
		}
		return strings.Compare(a.id, b.id)
	})
	d := c.dump(s, source)
	var gotLinks []string
	var gotTasks []place
	for _, l := range d.Links {
		gotLinks = append(gotLinks, l.Key)
	}
	for _, t := range d.Tasks {
		gotTasks = append(gotTasks, place{t.Since, t.ID})
	}
	if !slices.Equal(gotLinks, links) {
		c.errorf("the links are %q, not %q", gotLinks, links)
	}
	if !slices.EqualFunc(gotTasks, tasks, func(a, b place) bool { return a.since.Equal(b.since) && a.id == b.id }) {
		c.errorf("the tasks are %v, not %v", gotTasks, tasks)
	}
	if len(d.Audits) != 2*len(keys) || d.Audits[0].Op != "then" || d.Audits[1].Op != fmt.Sprint((len(keys)-1)*7%len(keys)) {
		c.errorf("the audit entries begin with %+v", d.Audits[:min(2, len(d.Audits))])
	}
	for i := 1; i < len(d.Audits); i++ {
		if d.Audits[i].Seq >= d.Audits[i-1].Seq {
			c.errorf("Seq %d comes behind %d", d.Audits[i].Seq, d.Audits[i-1].Seq)
		}
	}
}

// manyLinks saves more links than one page of any index.
func manyLinks(c *stateTester, s cache.State) {
	var b cache.StateBatch
	for i := range 500 {
		l := link(fmt.Sprintf("k%03d", i*7%500), fmt.Sprint(i))
		l.Kind = []psa.Kind{psa.KindTicket, psa.KindTicket, psa.KindNote}[i%3]
		l.Company = []string{"", "c1", "c2", "c2"}[i%4]
		l.Parent = []string{"", "p1", "p2", "p1", "p1"}[i%5]
		l.State = []cache.LinkState{cache.LinkLive, cache.LinkLive, cache.LinkHalf, cache.LinkDormant, cache.LinkLive, cache.LinkGone, cache.LinkLive}[i%7]
		if i%11 < 4 {
			l.Pending = &cache.Pending{Op: "update", At: noon}
		}
		b.Links = append(b.Links, l)
	}
	c.save(s, source, b)
}

func stateLinkQuery(c *stateTester) {
	s := c.open()
	manyLinks(c, s)
	c.saveLinks(s, func() []cache.Link { // so that what is indexed has changed once
		l := c.link(s, "k003")
		l.State, l.Parent, l.Company, l.Pending = cache.LinkHalf, "p2", "c1", &cache.Pending{Op: "update"}
		return []cache.Link{l}
	}()...)
	links := all(c, s.Links(c.ctx, source, cache.LinkQuery{}))
	if len(links) != 500 {
		c.fatalf("there are %d links", len(links))
	}
	states := [][]cache.LinkState{nil, {cache.LinkLive}, {cache.LinkHalf}, {cache.LinkGone}, {cache.LinkGone, cache.LinkHalf}, {cache.LinkLive, cache.LinkDormant}, {"lost"}}
	for n := 0; n < 2*3*3*3*len(states)*2; n += 5 { // combinations enough that every value meets every other
		n := n
		next := func(of int) int { i := n % of; n /= of; return i }
		q := cache.LinkQuery{
			Pending: next(2) == 1, Kind: []psa.Kind{"", psa.KindTicket, psa.KindNote}[next(3)], Company: []string{"", "c1", "c9"}[next(3)],
			Parent: []string{"", "p1", "p9"}[next(3)], States: states[next(len(states))], After: []string{"", "k200"}[next(2)],
		}
		var want []cache.Link
		for _, l := range links {
			if (q.Kind == "" || l.Kind == q.Kind) && (q.Company == "" || l.Company == q.Company) && (q.Parent == "" || l.Parent == q.Parent) &&
				(!q.Pending || l.Pending != nil) && (len(q.States) == 0 || slices.Contains(q.States, l.State)) && l.Key > q.After {
				want = append(want, l)
			}
		}
		if d := unlike(all(c, s.Links(c.ctx, source, q)), want); d != "" {
			c.fatalf("%+v: %s", q, d)
		}
	}
}

func stateTaskQuery(c *stateTester) {
	s := c.open()
	var b cache.StateBatch
	for i := range 300 {
		t := task(fmt.Sprintf("t%03d", i*7%300))
		t.Since = noon.Add(time.Duration(i*11%300) / 2)
		t.Type = []string{"retry", "wait", "ask"}[i%3]
		t.Kind = []psa.Kind{psa.KindTicket, psa.KindNote}[i%2]
		t.Side = bothSides[i/2%2]
		t.Record = []string{"", "1", "2"}[i%5%3]
		t.Link = []string{"", "k1", "k2", "k1"}[i%4]
		if i%3 == 1 {
			t.WaitsFor = fmt.Sprint("left/ticket/", i%6)
		}
		if i%7 > 2 {
			t.Due = noon.Add(time.Duration(i%13) * time.Minute)
		}
		b.Tasks = append(b.Tasks, t)
	}
	c.save(s, source, b)
	tasks := all(c, s.Tasks(c.ctx, source, cache.TaskQuery{}))
	if len(tasks) != 300 {
		c.fatalf("there are %d tasks", len(tasks))
	}
	sides := []*cache.Side{nil, &bothSides[0], &bothSides[1]}
	for n := 0; n < 3*4*4*3*2*3*2; n += 7 {
		n := n
		next := func(of int) int { i := n % of; n /= of; return i }
		q := cache.TaskQuery{
			Kind: []psa.Kind{"", psa.KindTicket, psa.KindNote}[next(3)], Types: [][]string{nil, {"retry"}, {"ask", "wait"}, {"never"}}[next(4)],
			Due:      []time.Time{{}, noon, noon.Add(5 * time.Minute), noon.Add(-time.Hour)}[next(4)],
			WaitsFor: []string{"", "left/ticket/1", "left/ticket/99"}[next(3)], Link: []string{"", "k1"}[next(2)], Side: sides[next(3)], Record: []string{"", "1"}[next(2)],
		}
		var want []cache.Task
		for _, t := range tasks {
			if (q.Kind == "" || t.Kind == q.Kind) && (len(q.Types) == 0 || slices.Contains(q.Types, t.Type)) && (q.WaitsFor == "" || t.WaitsFor == q.WaitsFor) &&
				(q.Due.IsZero() || !t.Due.IsZero() && !t.Due.After(q.Due)) && (q.Link == "" || t.Link == q.Link) &&
				(q.Side == nil || t.Side == *q.Side) && (q.Record == "" || t.Record == q.Record) {
				want = append(want, t)
			}
		}
		if d := unlike(all(c, s.Tasks(c.ctx, source, q)), want); d != "" {
			c.fatalf("%+v: %s", q, d)
		}
	}
}

func stateAuditQuery(c *stateTester) {
	s := c.open()
	for i := range 300 {
		a := audit([]string{"", "k1", "k2"}[i%3], fmt.Sprint(i))
		a.Run, a.At = fmt.Sprint("r", i/50), noon.Add(time.Duration(i*7%300)*time.Minute) // the clock may go back
		c.save(s, source, cache.StateBatch{Audits: []cache.Audit{a}})
	}
	audits := all(c, s.Audits(c.ctx, source, cache.AuditQuery{}))
	if len(audits) != 300 {
		c.fatalf("there are %d audit entries", len(audits))
	}
	for n := range 3 * 3 * 3 * 4 {
		next := func(of int) int { i := n % of; n /= of; return i }
		q := cache.AuditQuery{
			Link: []string{"", "k1", "k9"}[next(3)], Run: []string{"", "r3", "r9"}[next(3)], Since: []time.Time{{}, noon.Add(150 * time.Minute), noon.Add(time.Hour * 99)}[next(3)],
			Limit: []int{0, 1, 16, 1000}[next(4)],
		}
		var want []cache.Audit
		for _, a := range audits {
			if (q.Link == "" || a.Link == q.Link) && (q.Run == "" || a.Run == q.Run) && !a.At.Before(q.Since) && (q.Limit == 0 || len(want) < q.Limit) {
				want = append(want, a)
			}
		}
		if d := unlike(all(c, s.Audits(c.ctx, source, q)), want); d != "" {
			c.fatalf("%+v: %s", q, d)
		}
	}
}

func stateMoved(c *stateTester) {
	s := c.open()
	l, t := link("a", "1"), task("t")
	// Each step sets all that is indexed to something else, and at last to nothing.
	for step, set := range []string{"x", "y", ""} {
		l.Company, l.Parent, l.State, l.Pending = set, set, cache.LinkLive, nil
		t.Link, t.WaitsFor, t.Record, t.Due = set, set, set, time.Time{}
		t.Since = noon.Add(-time.Duration(step) * time.Hour)
		if set != "" {
			l.State = map[string]cache.LinkState{"x": cache.LinkHalf, "y": cache.LinkGone}[set]
			t.Due = map[string]time.Time{"x": noon, "y": noon.Add(time.Hour)}[set]
		}
		if set == "x" {
			l.Pending = &cache.Pending{Op: "create", At: noon}
		}
		l.Rev, t.Rev = int64(step), int64(step)
		c.save(s, source, cache.StateBatch{Links: []cache.Link{l}, Tasks: []cache.Task{t}})
		for _, now := range []string{"x", "y"} {
			want := 0
			if now == set {
				want = 1
			}
			due := map[string]time.Time{"x": noon, "y": noon.Add(time.Hour)}[now]
			for what, got := range map[string]int{
				"by company":   len(all(c, s.Links(c.ctx, source, cache.LinkQuery{Company: now}))),
				"by parent":    len(all(c, s.Links(c.ctx, source, cache.LinkQuery{Parent: now}))),
				"by state":     len(all(c, s.Links(c.ctx, source, cache.LinkQuery{States: []cache.LinkState{map[string]cache.LinkState{"x": cache.LinkHalf, "y": cache.LinkGone}[now]}}))),
				"by task link": len(all(c, s.Tasks(c.ctx, source, cache.TaskQuery{Link: now}))),
				"by waits for": len(all(c, s.Tasks(c.ctx, source, cache.TaskQuery{WaitsFor: now}))),
				"by record":    len(all(c, s.Tasks(c.ctx, source, cache.TaskQuery{Record: now, Side: &bothSides[0], Kind: psa.KindTicket}))),
			} {
				if got != want {
					c.errorf("set to %q: %s %q finds %d, not %d", set, what, now, got, want)
				}
			}
			wantDue := 0
			if !t.Due.IsZero() && !t.Due.After(due) {
				wantDue = 1
			}
			if got := len(all(c, s.Tasks(c.ctx, source, cache.TaskQuery{Due: due}))); got != wantDue {
				c.errorf("due %v: %d tasks are due at %v, not %d", t.Due, got, due, wantDue)
			}
		}
		wantPending := 0
		if l.Pending != nil {
			wantPending = 1
		}
		if got := len(all(c, s.Links(c.ctx, source, cache.LinkQuery{Pending: true}))); got != wantPending {
			c.errorf("set to %q: %d links are pending, not %d", set, got, wantPending)
		}
		if got := all(c, s.Tasks(c.ctx, source, cache.TaskQuery{})); len(got) != 1 || !got[0].Since.Equal(t.Since) {
			c.errorf("after Since changed: %+v", got)
		}
	}
}

func stateSeen(c *stateTester) {
	s := c.open()
	rows := func(pairs ...int) (seen []cache.Seen) {
		for i := 0; i < len(pairs); i += 2 {
			row := cache.Seen{Kind: psa.KindTicket, ID: fmt.Sprint(pairs[i])}
			if n := pairs[i+1]; n > 0 {
				row.Hash = hash(n)
			}
			seen = append(seen, row)
		}
		return seen
	}
	check := func(what string, s cache.State, want map[int]string) {
		for _, whole := range []bool{true, false} {
			for side, kind := range map[cache.Side]psa.Kind{cache.Left: psa.KindTicket, cache.Right: psa.KindTicket} {
				known := c.known(s, source, side, kind, whole)
				for n := range hashes {
					ref, ok := known.Known(hash(n))
					id, there := want[n], want[n] != "" && side == cache.Left
					if ok != there || ok && ref != (psa.Ref{Kind: kind, ID: id}) {
						c.errorf("%s: hash %d on the %s leads to %v, %v, not to %q (all: %v)", what, n, side, ref, ok, id, whole)
					}
				}
				if ref, ok := known.Known(psa.Hash{}); ok {
					c.errorf("%s: the zero hash leads to %v", what, ref)
				}
			}
		}
	}
	c.save(s, source, cache.StateBatch{Seen: rows(1, 1, 2, 2, 3, 3)})
	check("first", s, map[int]string{1: "1", 2: "2", 3: "3"})
	c.save(s, source, cache.StateBatch{Seen: rows(1, 11, 2, 0, 3, 3, 4, 0)})
	check("replaced and forgotten", s, map[int]string{11: "1", 3: "3"})
	c.save(s, source, cache.StateBatch{Seen: rows(2, 1, 1, 12)})
	check("a hash of another row before", s, map[int]string{12: "1", 1: "2", 3: "3"})
	// Two rows of one hash are a vendor's mistake; what is known is still true.
	c.save(s, source, cache.StateBatch{Seen: rows(5, 5)})
	c.save(s, source, cache.StateBatch{Seen: rows(6, 5)})
	c.save(s, source, cache.StateBatch{Seen: rows(5, 6, 6, 7)})
	check("a hash that two rows had", s, map[int]string{12: "1", 1: "2", 3: "3", 6: "5", 7: "6"})
	other := rows(1, 1)
	other[0].Kind = psa.KindNote
	c.save(s, source, cache.StateBatch{Seen: append(rows(1, 0, 2, 0, 3, 0, 5, 0, 6, 0), other...)})
	check("all forgotten", s, nil)
	if ref, ok := c.known(s, source, cache.Left, psa.KindNote, true).Known(hash(1)); !ok || ref != (psa.Ref{Kind: psa.KindNote, ID: "1"}) {
		c.errorf("the row of another kind is %v, %v", ref, ok)
	}
}

func stateCursor(c *stateTester) {
	s := c.open()
	want := map[cache.Side]map[psa.Kind]cache.Cursor{}
	check := func() {
		for _, side := range bothSides {
			for _, kind := range kinds {
				w, ok := want[side][kind]
				if !ok {
					w = cache.Cursor{Side: side, Kind: kind}
				}
				c.same(fmt.Sprintf("the cursor of %s on the %s", kind, side), c.cursor(s, source, side, kind), w)
			}
		}
	}
	check()
	for i := range 3 {
		for _, side := range bothSides {
			for j, kind := range kinds {
				cursor := cache.Cursor{Side: side, Kind: kind, Since: noon.Add(time.Duration(i*10 + j)), Full: i == 1}
				if i == 0 {
					cursor.After, cursor.Began = "99", noon
				}
				c.save(s, source, cache.StateBatch{Cursors: []cache.Cursor{cursor}})
				if want[side] == nil {
					want[side] = map[psa.Kind]cache.Cursor{}
				}
				want[side][kind] = cursor
				check()
			}
		}
	}
}

func stateSetting(c *stateTester) {
	s := c.open()
	names := map[string]string{"a": "1", "a/b": "2", "a/c": "3", "A/b": "4", "a%": "5", "a_x": "6", "ab": "7", "ä": "8", "a\x00b": "9", "z\U0010FFFFz": "10"}
	c.save(s, source, cache.StateBatch{Settings: names})
	for _, prefix := range []string{"", "a", "a/", "A", "a%", "a_", "ä", "a\x00", "z\U0010FFFF", "none", "b"} {
		want := maps.Clone(names)
		maps.DeleteFunc(want, func(name, _ string) bool { return !strings.HasPrefix(name, prefix) })
		got, err := s.Settings(c.ctx, source, prefix)
		if err != nil || !maps.Equal(got, want) {
			c.errorf("Settings(%q) is %q, %v, not %q", prefix, got, err, want)
		}
		got["added"] = "by the caller, whose map it is"
	}
	c.save(s, source, cache.StateBatch{Settings: map[string]string{"a": "new", "a/b": "", "none": ""}})
	want := maps.Clone(names)
	want["a"] = "new"
	delete(want, "a/b")
	got, err := s.Settings(c.ctx, source, "")
	if err != nil || !maps.Equal(got, want) {
		c.errorf("after a change: %q, %v", got, err)
	}
	for name, value := range map[string]string{"a": "new", "a/b": "", "ab": "7"} {
		if got, err := s.Setting(c.ctx, source, name); got != value || err != nil {
			c.errorf("Setting(%q) is %q, %v, not %q", name, got, err, value)
		}
	}
}

func stateAudit(c *stateTester) {
	s := c.open()
	a := audit("k", "one")
	a.Seq = 99
	c.save(s, source, cache.StateBatch{Audits: []cache.Audit{a, audit("k", "two")}})
	first := all(c, s.Audits(c.ctx, source, cache.AuditQuery{}))
	c.save(s, "other", cache.StateBatch{Audits: []cache.Audit{audit("k", "foreign")}})
	c.save(s, source, cache.StateBatch{Audits: []cache.Audit{audit("k", "three")}})
	now := all(c, s.Audits(c.ctx, source, cache.AuditQuery{Link: "k"}))
	if len(first) != 2 || len(now) != 3 {
		c.fatalf("there are %d, then %d entries", len(first), len(now))
	}
	c.same("the former entries", now[1:], first)
	if now[0].Op != "three" || now[1].Op != "two" || now[2].Op != "one" || now[0].Seq <= now[1].Seq || now[1].Seq <= now[2].Seq || now[2].Seq <= 0 {
		c.errorf("the entries are %+v", now)
	}
}
