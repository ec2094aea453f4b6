package cachetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func testEmpty(c *tester) {
	s := c.open()
	snap := c.current(s, "never seen")
	if snap.Version() != 0 || snap.Source() != "never seen" || len(snap.Kinds()) != 0 {
		c.errorf("source %q, version %d, kinds %v", snap.Source(), snap.Version(), snap.Kinds())
	}
	if o := snap.Options(psa.KindBoard, ""); len(o) != 0 {
		c.errorf("options %v", o)
	}
}

func testCommit(c *tester) {
	s := c.open()
	boards := rows(psa.KindBoard, "board", 3)
	first := c.commit(s, source, cache.Batch{Put: boards, At: noon, Run: "r1", Provider: "connectwise"})
	if first.Version() <= 0 {
		c.errorf("the first version is %d", first.Version())
	}
	c.has(first, psa.KindBoard, boards...)
	c.same("Current", c.current(s, source), first)
	if m := first.Meta(); m.Source != source || m.Run != "r1" || m.Provider != "connectwise" || !m.At.Equal(noon) {
		c.errorf("meta data is %+v", m)
	}

	status := row(psa.KindStatus, "1", "New")
	second := c.commit(s, source, cache.Batch{Put: []psa.Record{status}, At: noon})
	if second.Version() <= first.Version() {
		c.errorf("version %d follows %d", second.Version(), first.Version())
	}
	c.has(second, psa.KindBoard, boards...)
	c.has(second, psa.KindStatus, status)
	c.same("Current", c.current(s, source), second)
}

func testContent(c *tester) {
	s := c.open()
	number := func(n string) json.Number { return json.Number(n) }
	texts := []string{
		"", " ", "ä 雪 😀 \u202e\u2028", "a\x00b", "\x00", `"quotes" \ and /`, "line\nline\r\n\ttab", "<b>&amp;</b>", "NULL", "'; --",
		strings.Repeat("long ", 1<<16), "\uFFFD", "e\u0301", "é",
	}
	numbers := []string{"0", "-1", "0.1", "9007199254740993", "123456789012345678901234567890.123456789", "-0.000000000000000000001"}
	var all []psa.Record
	for i, text := range texts {
		r := row(psa.KindCustomField, fmt.Sprint(i+1), text)
		r.Version = text
		r.Fields["nested"] = psa.Fields{text: []any{text, nil, psa.Fields{}}}
		all = append(all, r)
	}
	values := row(psa.KindCustomField, "100", "values")
	values.Fields["none"] = nil
	values.Fields["yes"], values.Fields["no"] = true, false
	values.Fields["list"], values.Fields["empty"], values.Fields["object"] = []any{}, "", psa.Fields{}
	raw := []string{}
	for _, n := range numbers {
		values.Fields[n] = number(n)
		raw = append(raw, n)
	}
	values.Raw = json.RawMessage(`{"numbers":[` + strings.Join(raw, ",") + `,1.0,1E5,1e400],"html":"<&>","unknown":null}`)
	bare := psa.Record{Ref: psa.Ref{Kind: psa.KindCustomField, ID: "101"}}
	zoned := row(psa.KindCustomField, "102", "zoned")
	zoned.Updated = noon.In(time.FixedZone("", 5*3600+1800))
	zoned.Parent = psa.Ref{Kind: psa.KindBoard, ID: "7"}
	all = append(all, rehash(values), bare, zoned)
	for _, id := range []string{"1:9", "a/b", "a b", "x\x00y", "ü", "%", "-"} {
		all = append(all, row(psa.KindCustomField, id, "id "+id))
	}
	want := slices.Clone(all)
	want[len(texts)+2].Updated = noon
	slices.SortFunc(want[len(texts)+3:], func(a, b psa.Record) int { return strings.Compare(a.ID, b.ID) })

	snap := c.commit(s, source, cache.Batch{Put: all, At: noon})
	c.has(snap, psa.KindCustomField, want...)
	c.has(c.refresh(s, source), psa.KindCustomField, want...)
	if c.h.Again != nil {
		c.has(c.current(c.h.Again(c.t, s), source), psa.KindCustomField, want...)
	}
	for _, r := range want {
		if got, ok := snap.Get(r.Ref); !ok || difference(got, r) != "" {
			c.errorf("Get(%q) is %v, %s", r.Ref, ok, difference(got, r))
		}
	}
}

func testOrder(c *tester) {
	s := c.open()
	want := []string{"-10", "-9", "0", "1", "2", "9", "10", "010", "11", "100", "99999999999999999999", "1:10", "1:9", "A", "B", "a", "b", "ä"}
	slices.SortFunc(want[6:8], strings.Compare) // "010" and "10" are one number
	shuffled := slices.Clone(want)
	slices.Reverse(shuffled)
	shuffled[0], shuffled[5] = shuffled[5], shuffled[0]
	for _, id := range shuffled { // one by one, so that a store cannot keep the order of a batch
		c.commit(s, source, cache.Batch{Put: []psa.Record{row(psa.KindTeam, id, id)}, At: noon})
	}
	var got []string
	for r := range c.refresh(s, source).All(psa.KindTeam) {
		got = append(got, r.ID)
	}
	if !slices.Equal(got, want) {
		c.errorf("the order is %q, not %q", got, want)
	}
}

func testReplace(c *tester) {
	s := c.open()
	old := rows(psa.KindBoard, "old", 4)
	c.commit(s, source, cache.Batch{Put: old, At: noon})
	renamed, added := row(psa.KindBoard, "2", "new"), row(psa.KindBoard, "5", "added")
	snap := c.commit(s, source, cache.Batch{Put: []psa.Record{added, renamed}, End: []psa.Ref{old[3].Ref}, At: noon})
	c.has(snap, psa.KindBoard, old[0], renamed, old[2], added)
	c.same("Current", c.current(s, source), snap)

	back := c.commit(s, source, cache.Batch{Put: []psa.Record{old[3]}, At: noon})
	c.has(back, psa.KindBoard, old[0], renamed, old[2], old[3], added)

	moved := added
	moved.Parent = psa.Ref{Kind: psa.KindLocation, ID: "1"}
	after := c.commit(s, source, cache.Batch{Put: []psa.Record{moved}, At: noon})
	if after.Version() <= back.Version() {
		c.errorf("a row got another parent, and the version stayed %d", after.Version())
	}
	c.has(c.refresh(s, source), psa.KindBoard, old[0], renamed, old[2], old[3], moved)
}

func testInactive(c *tester) {
	s := c.open()
	on, off := row(psa.KindBoard, "1", "On"), row(psa.KindBoard, "2", "Off")
	off.Active = false
	c.commit(s, source, cache.Batch{Put: []psa.Record{on, off}, At: noon})
	snap := c.refresh(s, source)
	c.has(snap, psa.KindBoard, on, off)
	if o := snap.Options(psa.KindBoard, ""); len(o) != 1 || o[0].ID != "1" {
		c.errorf("options are %v", o)
	}
	if ref, ok := snap.Find(psa.KindBoard, "", "Off"); !ok || ref != off.Ref {
		c.errorf("Find returned %v, %v", ref, ok)
	}
	off.Active = true
	if v := c.commit(s, source, cache.Batch{Put: []psa.Record{off}, At: noon}).Version(); v <= snap.Version() {
		c.errorf("a row became active, and the version stayed %d", v)
	}
}

// refused commits a batch that must fail and leave everything as it is.
func (c *tester) refused(s cache.Store, from cache.Version, b cache.Batch, class error) {
	before := c.current(s, source)
	snap, err := s.Commit(c.ctx, source, from, b)
	if !errors.Is(err, class) {
		c.errorf("the error is %v, not %q", err, class)
	}
	if snap != nil {
		c.errorf("a snapshot came with the error")
	}
	c.same("Current after the refusal", c.current(s, source), before)
	c.same("what is stored after the refusal", c.refresh(s, source), before)
}

func testCompare(c *tester) {
	s := c.open()
	first := c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "a", 1), At: noon})
	second := c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "b", 1), At: noon})
	late := cache.Batch{Put: rows(psa.KindBoard, "c", 2), At: noon, Run: "late"}
	for _, from := range []cache.Version{0, first.Version(), second.Version() + 1, -1} {
		c.refused(s, from, late, cache.ErrStale)
	}
	c.refused(s, first.Version(), cache.Batch{At: noon, Run: "late"}, cache.ErrStale)
	if _, err := s.Commit(c.ctx, "other", 1, late); !errors.Is(err, cache.ErrStale) {
		c.errorf("the error for a source of version 0 is %v", err)
	}
	c.commit(s, source, late)
}

func testUnchanged(c *tester) {
	s := c.open()
	boards := rows(psa.KindBoard, "board", 2)
	before := c.commit(s, source, cache.Batch{Put: boards, At: noon, Run: "r1",
		Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Fresh: noon}}})
	later := noon.Add(time.Hour)
	after := c.commit(s, source, cache.Batch{At: later, Run: "r2", Instance: psa.Instance{ID: "acme", Version: "2026.1"},
		Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Fresh: later}}})
	if after.Version() != before.Version() {
		c.errorf("the version moved from %d to %d", before.Version(), after.Version())
	}
	c.has(after, psa.KindBoard, boards...)
	now := c.refresh(s, source)
	c.same("what is stored", now, after)
	if m := now.Meta(); !m.At.Equal(later) || m.Run != "r2" || m.Instance.Version != "2026.1" {
		c.errorf("meta data is %+v", m)
	}
	if f := now.Freshness(psa.KindBoard).Fresh; !f.Equal(later) {
		c.errorf("the kind is fresh of %v, not %v", f, later)
	}
	if f := before.Freshness(psa.KindBoard).Fresh; !f.Equal(noon) {
		c.errorf("the former snapshot changed with it")
	}
}

func testSameRows(c *tester) {
	s := c.open()
	boards := rows(psa.KindBoard, "board", 3)
	before := c.commit(s, source, cache.Batch{Put: boards, At: noon})
	same := rows(psa.KindBoard, "board", 3)
	gone := []psa.Ref{{Kind: psa.KindBoard, ID: "99"}, {Kind: psa.KindTeam, ID: "1"}}
	after := c.commit(s, source, cache.Batch{Put: same, End: gone, At: noon})
	if after.Version() != before.Version() {
		c.errorf("the version moved from %d to %d", before.Version(), after.Version())
	}
	c.has(c.refresh(s, source), psa.KindBoard, boards...)
}

func testRefresh(c *tester) {
	s := c.open()
	old := row(psa.KindMember, "1", "Ada")
	before := c.commit(s, source, cache.Batch{Put: []psa.Record{old, row(psa.KindMember, "2", "Bob")}, At: noon})
	fresh := old
	fresh.Raw = json.RawMessage(`{"id":"1","name":"Ada","lastLogin":"today"}`)
	fresh.Updated, fresh.Version = noon.Add(time.Hour), "v2"
	fresh = rehash(fresh)
	after := c.commit(s, source, cache.Batch{Put: []psa.Record{fresh}, At: noon})
	if after.Version() != before.Version() {
		c.errorf("the version moved from %d to %d", before.Version(), after.Version())
	}
	now := c.refresh(s, source)
	if got, _ := now.Get(old.Ref); difference(got, fresh) != "" {
		c.errorf("the row was not taken over: %s", difference(got, fresh))
	}
	if ref, ok := now.Known().Known(fresh.Hash); !ok || ref != old.Ref {
		c.errorf("the new hash leads to %v, %v", ref, ok)
	}
	if _, ok := now.Known().Known(old.Hash); ok {
		c.errorf("the old hash is still known")
	}
	if c.h.Again != nil {
		c.same("opened again", c.current(c.h.Again(c.t, s), source), now)
	}
}

func testMeta(c *tester) {
	s := c.open()
	scopes := []psa.Scope{{Kind: psa.KindBoard}, {Kind: psa.KindTicketType, Via: "statuses", Reverse: true}}
	status := cache.KindMeta{Term: "Status", Parent: psa.KindBoard, Scopes: scopes, NamesRepeat: true, Required: []string{"name"}, Fields: []string{"name"}, Fresh: noon}
	c.commit(s, source, cache.Batch{Put: rows(psa.KindStatus, "s", 1), At: noon, Kinds: map[psa.Kind]cache.KindMeta{
		psa.KindStatus: status, psa.KindBoard: {Term: "Queue", Fresh: noon},
	}})
	failed := cache.KindMeta{Term: "Board", Stale: "permission denied"}
	c.commit(s, source, cache.Batch{At: noon.Add(time.Hour), Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: failed}})
	c.commit(s, source, cache.Batch{At: noon.Add(2 * time.Hour), Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: failed}})
	now := c.refresh(s, source)
	got := now.Freshness(psa.KindStatus)
	if got.Term != "Status" || got.Parent != psa.KindBoard || !slices.Equal(got.Scopes, scopes) || !got.NamesRepeat ||
		!slices.Equal(got.Required, []string{"name"}) || !slices.Equal(got.Fields, []string{"name"}) || !got.Fresh.Equal(noon) {
		c.errorf("the kind that no later batch named is %+v", got)
	}
	got = now.Freshness(psa.KindBoard)
	if got.Term != "Board" || got.Stale != "permission denied" || !got.Fresh.Equal(noon) || !got.StaleSince.Equal(noon.Add(time.Hour)) {
		c.errorf("the stale kind is %+v", got)
	}
	c.commit(s, source, cache.Batch{At: noon, Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Fresh: noon.Add(3 * time.Hour)}}})
	got = c.refresh(s, source).Freshness(psa.KindBoard)
	if got.Stale != "" || !got.StaleSince.IsZero() || !got.Fresh.Equal(noon.Add(3*time.Hour)) {
		c.errorf("the kind that was read again is %+v", got)
	}
}

func testInvalid(c *tester) {
	s := c.open()
	good := row(psa.KindBoard, "1", "good")
	before := c.commit(s, source, cache.Batch{Put: []psa.Record{good}, At: noon})
	bad := func(change func(*psa.Record)) []psa.Record {
		r := row(psa.KindBoard, "2", "bad")
		change(&r)
		return []psa.Record{row(psa.KindBoard, "1", "other"), r}
	}
	for what, b := range map[string]cache.Batch{
		"no id":                {Put: bad(func(r *psa.Record) { r.ID = "" })},
		"no kind":              {Put: bad(func(r *psa.Record) { r.Kind = "" })},
		"an undecodable row":   {Put: bad(func(r *psa.Record) { r.Err = psa.ErrData })},
		"an unchanged row":     {Put: bad(func(r *psa.Record) { r.Unchanged = true })},
		"an int":               {Put: bad(func(r *psa.Record) { r.Fields["n"] = 1 })},
		"a number not reduced": {Put: bad(func(r *psa.Record) { r.Fields["n"] = json.Number("1.0") })},
		"a plain map":          {Put: bad(func(r *psa.Record) { r.Fields["m"] = []any{map[string]any{}} })},
		"broken text":          {Put: bad(func(r *psa.Record) { r.Fields["name"] = "\xff" })},
		"a broken id":          {Put: bad(func(r *psa.Record) { r.ID = "\xff" })},
		"broken raw":           {Put: bad(func(r *psa.Record) { r.Raw = json.RawMessage("{") })},
		"a row twice":          {Put: []psa.Record{row(psa.KindBoard, "2", "a"), row(psa.KindBoard, "2", "b")}},
		"put and end":          {Put: []psa.Record{row(psa.KindBoard, "1", "other")}, End: []psa.Ref{good.Ref}},
	} {
		b.At = noon
		if snap, err := s.Commit(c.ctx, source, before.Version(), b); !errors.Is(err, psa.ErrInvalid) || snap != nil {
			c.errorf("%s: the error is %v", what, err)
		}
		c.same(what, c.refresh(s, source), before)
	}
}

func testInstance(c *tester) {
	s := c.open()
	live := psa.Instance{ID: "acme@na.example", Name: "Acme"}
	first := c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "b", 1), Instance: live, Provider: "connectwise", At: noon})
	if first.Instance() != live {
		c.errorf("the instance is %+v", first.Instance())
	}
	put := rows(psa.KindBoard, "sandbox", 2)
	c.refused(s, first.Version(), cache.Batch{Put: put, Instance: psa.Instance{ID: "acme@staging.example"}, At: noon}, psa.ErrOtherInstance)
	c.refused(s, first.Version(), cache.Batch{Instance: psa.Instance{ID: "acme@staging.example"}, At: noon}, psa.ErrOtherInstance)
	c.refused(s, first.Version(), cache.Batch{Put: put, Provider: "halopsa", At: noon}, psa.ErrOtherInstance)
	renamed := psa.Instance{ID: live.ID, Name: "Acme Inc", Version: "2"}
	c.commit(s, source, cache.Batch{Put: put, Instance: renamed, At: noon})
	c.commit(s, source, cache.Batch{At: noon})
	if got := c.refresh(s, source); got.Instance() != renamed || got.Provider() != "connectwise" {
		c.errorf("the instance is %+v of %q", got.Instance(), got.Provider())
	}
}

func testSources(c *tester) {
	s := c.open()
	names := []string{"a", "A", "a/b", "a%", "a_", "a ", "ä", "a\x00b", "", "../a", strings.Repeat("n", 300)}
	for i, name := range names {
		c.commit(s, name, cache.Batch{Put: rows(psa.KindBoard, "of "+name, i+1), At: noon, Instance: psa.Instance{ID: fmt.Sprint(i + 1)}})
	}
	c.commit(s, "a", cache.Batch{End: []psa.Ref{{Kind: psa.KindBoard, ID: "1"}}, At: noon})
	for i, name := range names {
		snap := c.refresh(s, name)
		want := rows(psa.KindBoard, "of "+name, i+1)
		if name == "a" {
			want = want[1:]
		}
		c.has(snap, psa.KindBoard, want...)
		if snap.Source() != name || snap.Instance().ID != fmt.Sprint(i+1) {
			c.errorf("%q: source %q, instance %q", name, snap.Source(), snap.Instance().ID)
		}
	}
}

func testImmutable(c *tester) {
	s := c.open()
	put := rows(psa.KindBoard, "kept", 3)
	want := slices.Clone(put)
	kinds := map[psa.Kind]cache.KindMeta{psa.KindBoard: {Term: "kept", Required: []string{"kept"}}}
	first := c.commit(s, source, cache.Batch{Put: put, Kinds: kinds, At: noon})
	options := slices.Clone(first.Options(psa.KindBoard, ""))

	// The caller uses its slices and maps again.
	put[0] = row(psa.KindBoard, "77", "reused")
	put[1].Active = false
	kinds[psa.KindBoard].Required[0] = "reused"
	kinds[psa.KindTeam] = cache.KindMeta{}
	meta := first.Meta()
	meta.Kinds[psa.KindBoard] = cache.KindMeta{Term: "reused"}

	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "later", 2), End: []psa.Ref{{Kind: psa.KindBoard, ID: "3"}}, At: noon,
		Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Term: "later"}}})
	c.has(first, psa.KindBoard, want...)
	if k := first.Freshness(psa.KindBoard); k.Term != "kept" || !slices.Equal(k.Required, []string{"kept"}) {
		c.errorf("the meta data of the former snapshot is %+v", k)
	}
	if got := first.Options(psa.KindBoard, ""); !slices.Equal(got, options) {
		c.errorf("the options of the former snapshot are %v, not %v", got, options)
	}
	if kinds := c.current(s, source).Kinds(); !slices.Equal(kinds, []psa.Kind{psa.KindBoard}) {
		c.errorf("the kinds are %v", kinds)
	}
}

func testCancelled(c *tester) {
	s := c.open()
	before := c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "b", 1), At: noon})
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	snap, err := s.Commit(ctx, source, before.Version(), cache.Batch{Put: rows(psa.KindBoard, "c", 2), At: noon})
	if !errors.Is(err, context.Canceled) || snap != nil {
		c.errorf("the error is %v", err)
	}
	c.same("Current", c.current(s, source), before)
	c.same("what is stored", c.refresh(s, source), before)
	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "c", 2), At: noon})
}

func testBig(c *tester) {
	s := c.open()
	n := c.h.Rows
	if n == 0 {
		n = 2000
	}
	statuses := rows(psa.KindStatus, "status", n)
	for i := range statuses {
		statuses[i].Parent = psa.Ref{Kind: psa.KindBoard, ID: fmt.Sprint(i % 10)}
	}
	c.commit(s, source, cache.Batch{Put: statuses, At: noon})
	c.has(c.refresh(s, source), psa.KindStatus, statuses...)

	var end []psa.Ref
	for _, r := range statuses[:n/2] {
		end = append(end, r.Ref)
	}
	changed := rows(psa.KindStatus, "changed", n)[n/2:]
	c.commit(s, source, cache.Batch{Put: changed, End: end, At: noon})
	c.has(c.refresh(s, source), psa.KindStatus, changed...)
}

func testKnown(c *tester) {
	s := c.open()
	old := rows(psa.KindBoard, "board", 100)
	c.commit(s, source, cache.Batch{Put: old, At: noon})
	renamed := row(psa.KindBoard, "1", "renamed")
	unhashed := row(psa.KindTeam, "1", "no hash")
	unhashed.Hash = psa.Hash{}
	c.commit(s, source, cache.Batch{Put: []psa.Record{renamed, unhashed}, End: []psa.Ref{old[1].Ref}, At: noon})
	known := c.refresh(s, source).Known()
	for _, r := range append(slices.Clone(old[2:]), renamed) {
		if ref, ok := known.Known(r.Hash); !ok || ref != r.Ref {
			c.errorf("the hash of %v leads to %v, %v", r.Ref, ref, ok)
		}
	}
	for _, h := range []psa.Hash{old[0].Hash, old[1].Hash, {}} {
		if ref, ok := known.Known(h); ok {
			c.errorf("a hash of no present row leads to %v", ref)
		}
	}
}

func testToken(c *tester) {
	s := c.open()
	first := c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "a", 1), Token: 7, At: noon})
	second := c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "b", 1), At: noon})
	for _, b := range []cache.Batch{{Put: rows(psa.KindBoard, "c", 1), Token: 6, At: noon}, {Token: 1, At: noon}} {
		c.refused(s, second.Version(), b, cache.ErrFenced)
		c.refused(s, first.Version(), b, cache.ErrFenced)
	}
	c.commit(s, source, cache.Batch{Put: rows(psa.KindBoard, "d", 1), Token: 7, At: noon})
	c.commit(s, source, cache.Batch{Token: 8, At: noon})
	c.refused(s, c.current(s, source).Version(), cache.Batch{Token: 7, At: noon}, cache.ErrFenced)
	if _, err := s.Commit(c.ctx, "other", 0, cache.Batch{Put: rows(psa.KindBoard, "e", 1), Token: 1, At: noon}); err != nil {
		c.errorf("another source has tokens of its own, but: %v", err)
	}
}
