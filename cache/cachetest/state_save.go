package cachetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func stateEmpty(c *stateTester) {
	s := c.open()
	c.same("a source never seen", c.dump(s, "never seen"), emptyContent())
	if _, ok, err := s.Link(c.ctx, source, "k"); ok || err != nil {
		c.errorf("Link: %v, %v", ok, err)
	}
	if _, ok, err := s.Task(c.ctx, source, "t"); ok || err != nil {
		c.errorf("Task: %v, %v", ok, err)
	}
	c.linkOf(s, cache.Left, psa.KindTicket, "1", "")
	c.linkOf(s, cache.Left, psa.KindTicket, "", "")
	if v, err := s.Setting(c.ctx, source, "name"); v != "" || err != nil {
		c.errorf("Setting: %q, %v", v, err)
	}
	c.save(s, source, cache.StateBatch{})
	c.same("after an empty batch", c.dump(s, source), emptyContent())
}

func emptyContent() (d content) {
	for _, side := range bothSides {
		for _, kind := range kinds {
			d.Cursors = append(d.Cursors, cache.Cursor{Side: side, Kind: kind})
		}
	}
	return d
}

func stateLink(c *stateTester) {
	s := c.open()
	want := link("k1", "1")
	want.IDs = [2]string{"l", "r"}
	half := link("k2", "2")
	half.IDs, half.State, half.Pending = [2]string{"l2", ""}, cache.LinkHalf, &cache.Pending{Op: "create", Side: cache.Right, At: noon}
	c.saveLinks(s, want, half)
	for rev := range int64(4) {
		want.Rev, half.Rev = rev+1, rev+1
		c.same("the link", c.link(s, "k1"), want)
		c.same("the half link", c.link(s, "k2"), half)
		c.linkOf(s, cache.Left, psa.KindTicket, "l", "k1")
		c.linkOf(s, cache.Right, psa.KindTicket, "r", "k1")
		c.linkOf(s, cache.Left, psa.KindTicket, "l2", "k2")
		c.linkOf(s, cache.Right, psa.KindTicket, "", "")
		c.linkOf(s, cache.Right, psa.KindTicket, "l", "")
		c.linkOf(s, cache.Left, psa.KindNote, "l", "")
		want.Reason, half.Pending = fmt.Sprint("reason ", rev), &cache.Pending{Op: "create", Side: cache.Right, At: noon, Tries: int(rev)}
		c.saveLinks(s, want, half)
	}
	half.Rev++
	half.IDs[1], half.State, half.Pending = "r2", cache.LinkLive, nil
	c.saveLinks(s, half)
	c.linkOf(s, cache.Right, psa.KindTicket, "r2", "k2")
	half.Rev++
	c.same("the completed link", c.link(s, "k2"), half)
}

// values are every kind of value a field may have.
func values() psa.Fields {
	f := psa.Fields{
		"null": nil, "yes": true, "no": false, "empty": "", "list": []any{}, "object": psa.Fields{},
		"text":   "ä 雪 😀 \u202e\u2028 a\x00b \"quotes\" \\ <b>&amp;</b>\r\n\t",
		"nested": psa.Fields{"a": []any{nil, psa.Fields{"b": json.Number("0.10000000000000000000000000001")}, "x"}},
		"long":   strings.Repeat("long ", 1<<14),
	}
	for _, n := range []string{"0", "-1", "0.1", "9007199254740993", "123456789012345678901234567890.123456789", "-0.000000000000000000001"} {
		f[n] = json.Number(n)
	}
	return f
}

func stateContent(c *stateTester) {
	s := c.open()
	const text = "ä 雪 a\x00b '; -- <&>\n"
	zoned := noon.In(time.FixedZone("", 5*3600+1800))
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * 1_000_000_001) }
	full := cache.Link{
		Key: "k" + text, Kind: "kind" + text, IDs: [2]string{"l" + text, "r" + text}, State: cache.LinkDormant, Reason: text,
		Company: "c" + text, Parent: "p" + text, Since: zoned, Base: [2]psa.Fields{values(), {"absent on the other": "x", "null": nil}},
		Parked:  []cache.Parked{{Group: "g" + text, Is: [2]psa.Fields{values(), nil}, Task: "t" + text, Why: "ask"}, {Group: "two", Why: "held"}},
		Pending: &cache.Pending{Op: "update" + text, Side: cache.Right, At: zoned.Add(1), Base: [2]psa.Fields{{"null": nil}, values()}, Sent: values(), Tries: 3},
		Wrote:   [2]time.Time{at(1), zoned}, Child: [2]time.Time{zoned.Add(2), at(2)},
		Gone: [2]cache.Fate{{At: at(3), MergedInto: "m" + text}, {At: zoned.Add(time.Hour)}},
	}
	bare := cache.Link{Key: "bare", Kind: psa.KindNote, IDs: [2]string{"", "1"}}
	fullTask := cache.Task{
		ID: "t" + text, Type: "type" + text, Kind: "kind" + text, Side: cache.Right, Record: "r" + text, Link: "k" + text, Due: zoned, WaitsFor: "w" + text,
		Since: zoned.Add(1), Tries: 4, Class: text, Reason: text, Rule: "map.yaml:1:2" + text, Group: "g" + text,
		Base: values(), Left: psa.Fields{"null": nil}, Right: values(), Candidates: []string{"1", text},
		Answer: &cache.Answer{Action: "a" + text, Side: "left", Values: values(), ID: text, Actor: text, At: zoned},
	}
	bareTask := cache.Task{ID: "bare", Type: "x"}
	fullAudit := cache.Audit{
		At: zoned, Run: "run" + text, Actor: "who" + text, Op: "op" + text, Link: "k" + text, Kind: "kind" + text, IDs: [2]string{"l" + text, "r" + text}, Side: cache.Right,
		Before: values(), After: psa.Fields{"null": nil}, Agreed: [2]psa.Fields{nil, values()}, Rule: text, By: text, Reason: text, Notify: 1,
	}
	fullCursor := cache.Cursor{Side: cache.Right, Kind: psa.KindNote, Since: zoned, Swept: at(1), Began: at(2), From: at(3), Full: true, After: text}
	c.save(s, source, cache.StateBatch{
		Links: []cache.Link{full, bare}, Tasks: []cache.Task{fullTask, bareTask}, Cursors: []cache.Cursor{fullCursor},
		Audits: []cache.Audit{{}, fullAudit}, Settings: map[string]string{"s" + text: text, "long": strings.Repeat("x", 1<<16)},
	})
	full.Rev, bare.Rev, fullTask.Rev, bareTask.Rev = 1, 1, 1, 1
	states := []cache.State{s}
	if c.h.Again != nil {
		states = append(states, c.h.Again(c.t, s))
	}
	for _, s := range states {
		c.same("the full link", c.link(s, full.Key), full)
		c.same("the bare link", c.link(s, "bare"), bare)
		c.same("the full task", c.task(s, fullTask.ID), fullTask)
		c.same("the bare task", c.task(s, "bare"), bareTask)
		d := c.dump(s, source)
		c.same("Links", d.Links, []cache.Link{bare, full})
		c.same("Tasks", d.Tasks, []cache.Task{bareTask, fullTask})
		c.same("the cursor", c.cursor(s, source, cache.Right, psa.KindNote), fullCursor)
		c.same("the settings", d.Settings, map[string]string{"s" + text: text, "long": strings.Repeat("x", 1<<16)})
		if len(d.Audits) != 2 {
			c.fatalf("there are %d audit entries", len(d.Audits))
		}
		wantFull, wantBare := fullAudit, cache.Audit{}
		wantFull.Seq, wantBare.Seq = d.Audits[0].Seq, d.Audits[1].Seq
		c.same("Audits", d.Audits, []cache.Audit{wantFull, wantBare})
		l, ok, err := s.LinkOf(c.ctx, source, cache.Left, psa.Ref{Kind: full.Kind, ID: full.IDs[0]})
		if err != nil || !ok {
			c.fatalf("LinkOf: %v, %v", ok, err)
		}
		c.same("LinkOf", l, full)
	}
}

func stateRev(c *stateTester) {
	s := c.open()
	c.save(s, source, cache.StateBatch{Links: []cache.Link{link("a", "1"), link("b", "2")}, Tasks: []cache.Task{task("t"), task("u")}})
	c.save(s, source, cache.StateBatch{Links: []cache.Link{c.link(s, "a")}, Tasks: []cache.Task{c.task(s, "t")}})
	for _, rev := range []int64{0, 1, 3, 99} { // the stored one is 2
		l, t := link("a", "1"), task("t")
		l.Rev, t.Rev = rev, rev
		c.refused(fmt.Sprint("a link of Rev ", rev), s, cache.StateBatch{Links: []cache.Link{l}}, cache.ErrStale)
		c.refused(fmt.Sprint("a task of Rev ", rev), s, cache.StateBatch{Tasks: []cache.Task{t}}, cache.ErrStale)
	}
	l, t := link("new", "9"), task("new")
	l.Rev, t.Rev = 1, 1
	c.refused("a link that is not there", s, cache.StateBatch{Links: []cache.Link{l}}, cache.ErrStale)
	c.refused("a task that is not there", s, cache.StateBatch{Tasks: []cache.Task{t}}, cache.ErrStale)
	c.save(s, source, cache.StateBatch{DropLinks: []string{"b"}, DropTasks: []string{"u"}})
	l, t = link("b", "2"), task("u")
	l.Rev, t.Rev = 1, 1
	c.refused("a link that was dropped", s, cache.StateBatch{Links: []cache.Link{l}}, cache.ErrStale)
	c.refused("a task that was dropped", s, cache.StateBatch{Tasks: []cache.Task{t}}, cache.ErrStale)
	c.save(s, source, cache.StateBatch{Links: []cache.Link{c.link(s, "a")}, Tasks: []cache.Task{c.task(s, "t")}})
	if a, t := c.link(s, "a").Rev, c.task(s, "t").Rev; a != 3 || t != 3 {
		c.errorf("after three saves Rev is %d and %d", a, t)
	}
}

func stateLinked(c *stateTester) {
	s := c.open()
	with := func(key, left, right string) cache.Link {
		l := link(key, "")
		l.IDs = [2]string{left, right}
		return l
	}
	gone := with("gone", "7", "7")
	gone.State = cache.LinkGone
	c.saveLinks(s, with("a", "1", "1"), with("b", "2", "2"), gone)
	for what, l := range map[string]cache.Link{"left": with("c", "1", "3"), "right": with("c", "3", "2"), "of a tombstone": with("c", "7", "3"), "of a half link": with("c", "", "1")} {
		c.refused("a record "+what, s, cache.StateBatch{Links: []cache.Link{l}}, cache.ErrLinked)
	}
	moved := c.link(s, "b")
	moved.IDs[1] = "1"
	c.refused("a link that changes", s, cache.StateBatch{Links: []cache.Link{moved}}, cache.ErrLinked)
	c.refused("two links of one batch", s, cache.StateBatch{Links: []cache.Link{with("c", "5", "5"), with("d", "5", "6")}}, cache.ErrLinked)
	stays := c.link(s, "a")
	stays.Reason = "changed"
	c.refused("one that stays in the batch", s, cache.StateBatch{Links: []cache.Link{stays, with("c", "1", "3")}}, cache.ErrLinked)
	c.refused("one that stays while another is dropped", s, cache.StateBatch{DropLinks: []string{"b"}, Links: []cache.Link{with("c", "1", "3")}}, cache.ErrLinked)

	other := with("note", "1", "1")
	other.Kind = psa.KindNote
	c.saveLinks(s, other, with("crossed", "3", ""), with("crossed2", "", "3")) // of another kind, and the same ids on the other side

	c.save(s, source, cache.StateBatch{DropLinks: []string{"a"}, Links: []cache.Link{with("c", "1", "1")}})
	c.linkOf(s, cache.Left, psa.KindTicket, "1", "c")
	c.linkOf(s, cache.Right, psa.KindTicket, "1", "c")

	b, cc := c.link(s, "b"), c.link(s, "c")
	b.IDs, cc.IDs = cc.IDs, b.IDs
	c.saveLinks(s, b, cc) // swap
	c.linkOf(s, cache.Left, psa.KindTicket, "1", "b")
	c.linkOf(s, cache.Right, psa.KindTicket, "2", "c")

	b = c.link(s, "b")
	b.IDs[0] = "8"
	c.saveLinks(s, with("d", "1", "9"), b) // taken before it is let go
	c.linkOf(s, cache.Left, psa.KindTicket, "1", "d")
	c.linkOf(s, cache.Left, psa.KindTicket, "8", "b")
	c.linkOf(s, cache.Left, psa.KindNote, "1", "note")
	renamed := c.link(s, "note")
	renamed.Kind = psa.KindTimeEntry
	c.saveLinks(s, renamed)
	c.linkOf(s, cache.Left, psa.KindNote, "1", "")
	c.linkOf(s, cache.Left, psa.KindTimeEntry, "1", "note")
}

func stateDrop(c *stateTester) {
	s := c.open()
	c.save(s, source, cache.StateBatch{Links: []cache.Link{link("a", "1"), link("b", "2")}, Tasks: []cache.Task{task("t"), task("u")}})
	before := c.dump(s, source)
	c.save(s, source, cache.StateBatch{DropLinks: []string{"x", "y"}, DropTasks: []string{"x"}})
	c.same("after dropping what is not there", c.dump(s, source), before)
	c.save(s, source, cache.StateBatch{DropLinks: []string{"a"}, DropTasks: []string{"t"}})
	c.linkOf(s, cache.Left, psa.KindTicket, "1", "")
	c.linkOf(s, cache.Right, psa.KindTicket, "1", "")
	if _, ok, err := s.Link(c.ctx, source, "a"); ok || err != nil {
		c.errorf("the dropped link: %v, %v", ok, err)
	}
	if _, ok, err := s.Task(c.ctx, source, "t"); ok || err != nil {
		c.errorf("the dropped task: %v, %v", ok, err)
	}
	if d := c.dump(s, source); len(d.Links) != 1 || len(d.Tasks) != 1 {
		c.errorf("there are %d links and %d tasks", len(d.Links), len(d.Tasks))
	}
	c.save(s, source, cache.StateBatch{Links: []cache.Link{link("a", "1")}, Tasks: []cache.Task{task("t")}})
	if l, t := c.link(s, "a"), c.task(s, "t"); l.Rev != 1 || t.Rev != 1 {
		c.errorf("what came back has Rev %d and %d", l.Rev, t.Rev)
	}
	c.same("what came back", c.dump(s, source), before)
}

func stateInvalid(c *stateTester) {
	s := c.open()
	c.saveLinks(s, link("a", "1"))
	badLink := func(change func(*cache.Link)) cache.StateBatch {
		l := link("bad", "2")
		change(&l)
		return cache.StateBatch{Links: []cache.Link{link("good", "3"), l}}
	}
	badTask := func(change func(*cache.Task)) cache.StateBatch {
		t := task("bad")
		change(&t)
		return cache.StateBatch{Tasks: []cache.Task{task("good"), t}}
	}
	badAudit := func(change func(*cache.Audit)) cache.StateBatch {
		a := audit("k", "x")
		change(&a)
		return cache.StateBatch{Audits: []cache.Audit{a}}
	}
	seen := func(rows ...cache.Seen) cache.StateBatch { return cache.StateBatch{Seen: rows} }
	farOff := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	bad := psa.Fields{"n": 1}
	for what, b := range map[string]cache.StateBatch{
		"a link without key":      badLink(func(l *cache.Link) { l.Key = "" }),
		"a link without kind":     badLink(func(l *cache.Link) { l.Kind = "" }),
		"a link without record":   badLink(func(l *cache.Link) { l.IDs = [2]string{} }),
		"a link of another state": badLink(func(l *cache.Link) { l.State = "lost" }),
		"a link of Rev -1":        badLink(func(l *cache.Link) { l.Rev = -1 }),
		"a broken key":            badLink(func(l *cache.Link) { l.Key = "\xff" }),
		"a broken id":             badLink(func(l *cache.Link) { l.IDs[1] = "\xff" }),
		"a time far off":          badLink(func(l *cache.Link) { l.Since = farOff }),
		"an int in a base":        badLink(func(l *cache.Link) { l.Base[1] = bad }),
		"an int in what is parked": badLink(func(l *cache.Link) {
			l.Parked = []cache.Parked{{Group: "g", Is: [2]psa.Fields{nil, bad}}}
		}),
		"an int in what was sent": badLink(func(l *cache.Link) { l.Pending = &cache.Pending{Sent: bad} }),
		"a write on a third side": badLink(func(l *cache.Link) { l.Pending = &cache.Pending{Side: 2} }),
		"a number not reduced":    badLink(func(l *cache.Link) { l.Base[0] = psa.Fields{"n": json.Number("1.0")} }),
		"a link twice":            badLink(func(l *cache.Link) { l.Key = "good" }),
		"a link put and dropped":  {Links: []cache.Link{link("good", "3")}, DropLinks: []string{"good"}},
		"a link dropped twice":    {DropLinks: []string{"a", "a"}},
		"a drop without key":      {DropLinks: []string{"a", ""}},
		"a task without id":       badTask(func(t *cache.Task) { t.ID = "" }),
		"a task without type":     badTask(func(t *cache.Task) { t.Type = "" }),
		"a record without kind":   badTask(func(t *cache.Task) { t.Kind, t.Record = "", "1" }),
		"a task of a third side":  badTask(func(t *cache.Task) { t.Side = 2 }),
		"a due time far off":      badTask(func(t *cache.Task) { t.Due = farOff }),
		"an int in an answer":     badTask(func(t *cache.Task) { t.Answer = &cache.Answer{Values: bad} }),
		"an int in a task":        badTask(func(t *cache.Task) { t.Right = bad }),
		"a task twice":            badTask(func(t *cache.Task) { t.ID = "good" }),
		"a task put and dropped":  {Tasks: []cache.Task{task("good")}, DropTasks: []string{"good"}},
		"a task dropped as \"\"":  {DropTasks: []string{""}},
		"a cursor without kind":   {Cursors: []cache.Cursor{{}}},
		"a cursor's third side":   {Cursors: []cache.Cursor{{Side: 2, Kind: psa.KindTicket}}},
		"a cursor twice":          {Cursors: []cache.Cursor{{Kind: psa.KindTicket}, {Kind: psa.KindNote}, {Kind: psa.KindTicket}}},
		"a row without id":        seen(cache.Seen{Kind: psa.KindTicket, Hash: hash(1)}),
		"a row without kind":      seen(cache.Seen{ID: "1", Hash: hash(1)}),
		"a row on a third side":   seen(cache.Seen{Side: 2, Kind: psa.KindTicket, ID: "1", Hash: hash(1)}),
		"a row twice": seen(cache.Seen{Kind: psa.KindTicket, ID: "1", Hash: hash(1)}, cache.Seen{Side: cache.Right, Kind: psa.KindTicket, ID: "1", Hash: hash(1)},
			cache.Seen{Kind: psa.KindTicket, ID: "1"}),
		"a setting without name": {Settings: map[string]string{"": "x"}},
		"a broken setting":       {Settings: map[string]string{"x": "\xff"}},
		"an int in an audit":     badAudit(func(a *cache.Audit) { a.After = bad }),
		"an audit's third side":  badAudit(func(a *cache.Audit) { a.Side = 2 }),
		"a broken audit":         badAudit(func(a *cache.Audit) { a.Reason = "\xff" }),
		"an audit far off":       badAudit(func(a *cache.Audit) { a.At = farOff }),
	} {
		b.Settings = mapWith(b.Settings, "with", what)
		c.refused(what, s, b, psa.ErrInvalid)
	}
	big := cache.StateBatch{}
	for i := range 50 { // long batches may be looked at another way
		big.Links = append(big.Links, link(fmt.Sprint("k", i), fmt.Sprint(i+100)))
	}
	big.Links = append(big.Links, link("k7", "99"))
	c.refused("a link twice among many", s, big, psa.ErrInvalid)
	big.Links[50] = link("k99", "107")
	c.refused("a record twice among many", s, big, cache.ErrLinked)
}

func mapWith(m map[string]string, k, v string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	return m
}

// whole returns a batch with something of everything, which follows from what
// seed saved.
func whole(c *stateTester, s cache.State) cache.StateBatch {
	a, t := c.link(s, "a"), c.task(s, "t")
	a.Reason, a.IDs[0], a.Parent = "changed", "moved", "p"
	t.Reason, t.WaitsFor = "changed", "left/ticket/9"
	return cache.StateBatch{
		Links: []cache.Link{a, link("new", "50")}, DropLinks: []string{"b"},
		Tasks: []cache.Task{t, task("new")}, DropTasks: []string{"u"},
		Cursors: []cache.Cursor{{Kind: psa.KindTicket, Since: noon.Add(time.Hour)}, {Side: cache.Right, Kind: psa.KindNote, Since: noon}},
		Seen: []cache.Seen{{Kind: psa.KindTicket, ID: "1", Hash: hash(11)}, {Kind: psa.KindTicket, ID: "2"},
			{Kind: psa.KindTicket, ID: "3", Hash: hash(3)}},
		Settings: map[string]string{"kept": "changed", "gone": "", "new": "new"},
		Audits:   []cache.Audit{audit("a", "changed"), audit("new", "linked")},
	}
}

func seed(c *stateTester, s cache.State) {
	c.save(s, source, cache.StateBatch{
		Links: []cache.Link{link("a", "1"), link("b", "2")}, Tasks: []cache.Task{task("t"), task("u")},
		Cursors:  []cache.Cursor{{Kind: psa.KindTicket, Since: noon}},
		Seen:     []cache.Seen{{Kind: psa.KindTicket, ID: "1", Hash: hash(1)}, {Kind: psa.KindTicket, ID: "2", Hash: hash(2)}},
		Settings: map[string]string{"kept": "old", "gone": "old"}, Audits: []cache.Audit{audit("a", "linked")}, Token: 5,
	})
}

func stateAtomic(c *stateTester) {
	s := c.open()
	seed(c, s)
	stale, linked := link("b2", "60"), link("c", "2")
	stale.Rev = 4
	staleTask := task("v")
	staleTask.Rev = 4
	for what, bad := range map[string]struct {
		edit  func(*cache.StateBatch)
		class error
	}{
		"a stale link":       {func(b *cache.StateBatch) { b.Links = append(b.Links, stale) }, cache.ErrStale},
		"a stale task":       {func(b *cache.StateBatch) { b.Tasks = append(b.Tasks, staleTask) }, cache.ErrStale},
		"a record of others": {func(b *cache.StateBatch) { b.DropLinks = nil; b.Links = append(b.Links, linked) }, cache.ErrLinked},
		"an invalid setting": {func(b *cache.StateBatch) { b.Settings[""] = "x" }, psa.ErrInvalid},
		"an invalid audit":   {func(b *cache.StateBatch) { b.Audits[1].Side = 9 }, psa.ErrInvalid},
		"an old token":       {func(b *cache.StateBatch) { b.Token = 4 }, cache.ErrFenced},
	} {
		b := whole(c, s)
		bad.edit(&b)
		c.refused(what, s, b, bad.class)
	}
	c.save(s, source, whole(c, s))
	d := c.dump(s, source)
	keys := func() (k []string) {
		for _, l := range d.Links {
			k = append(k, l.Key)
		}
		for _, t := range d.Tasks {
			k = append(k, t.ID)
		}
		return k
	}()
	if !slices.Equal(keys, []string{"a", "new", "new", "t"}) || len(d.Audits) != 3 || d.Settings["kept"] != "changed" || len(d.Settings) != 2 {
		c.errorf("after the good batch there are %q, %d audit entries and %v", keys, len(d.Audits), d.Settings)
	}
}

func stateCancelled(c *stateTester) {
	s := c.open()
	seed(c, s)
	before := c.dump(s, source)
	ctx, cancel := cancelled(c.ctx)
	b := whole(c, s)
	for i := range 20 {
		b.Tasks = append(b.Tasks, task(fmt.Sprint("more ", i)))
	}
	for what, err := range map[string]error{
		"Save":     s.Save(ctx, source, b),
		"Link":     third(s.Link(ctx, source, "a")),
		"LinkOf":   third(s.LinkOf(ctx, source, cache.Left, psa.Ref{Kind: psa.KindTicket, ID: "1"})),
		"Task":     third(s.Task(ctx, source, "t")),
		"Links":    firstError(s.Links(ctx, source, cache.LinkQuery{})),
		"Tasks":    firstError(s.Tasks(ctx, source, cache.TaskQuery{})),
		"Audits":   firstError(s.Audits(ctx, source, cache.AuditQuery{})),
		"Cursor":   second(s.Cursor(ctx, source, cache.Left, psa.KindTicket)),
		"Seen":     second(s.Seen(ctx, source, cache.Left, psa.KindTicket, true)),
		"Setting":  second(s.Setting(ctx, source, "kept")),
		"Settings": second(s.Settings(ctx, source, "")),
	} {
		if !errors.Is(err, ctx.Err()) {
			c.errorf("%s: the error is %v", what, err)
		}
	}
	cancel()
	c.same("after a cancelled save", c.dump(s, source), before)
	ctx, cancel = withCancel(c.ctx)
	defer cancel()
	n := 0
	for _, err := range s.Links(ctx, source, cache.LinkQuery{}) {
		if n++; err != nil {
			if n != 2 || !errors.Is(err, ctx.Err()) {
				c.errorf("the loop yields %v in place of link %d", err, n)
			}
			return
		}
		cancel()
	}
	c.errorf("the loop went on after it was cancelled")
}
