package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
)

// TestStateAgainstMemory does the same at random with a state in memory and
// with one file that two stores have open: saves that are right, stale, linked,
// fenced or senseless, leases, and every question. The answers and the classes
// of the errors are the same.
func TestStateAgainstMemory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(file, emptyFile(t), 0o600); err != nil {
		t.Fatal(err)
	}
	both := [2]*sqlite.Store{openFile(t, "sqlite", file, nil), openFile(t, "sqlite", file, nil)}
	memory := cache.NewMemory()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++ // all in one file: what is of another source is not seen
		p := &pair{T: r, ctx: t.Context(), source: fmt.Sprint("source ", n), memory: memory, sqlite: both}
		for range rapid.IntRange(4, 16).Draw(r, "steps") {
			switch pick(r, "step", "lease", "ask", "ask", "ask", "save", "save", "save", "save") {
			case "lease":
				p.lease()
			case "ask":
				p.ask()
			default:
				p.save()
			}
		}
		p.dump()
	})
}

// A pair is the two states that are compared.
type pair struct {
	*rapid.T
	ctx    context.Context
	source string
	memory *cache.Memory
	sqlite [2]*sqlite.Store
	leases [][2]cache.Lease
}

// store returns one of the stores on the file.
func (p *pair) store() *sqlite.Store { return pick(p.T, "store", p.sqlite[:]...) }

func pick[V any](r *rapid.T, what string, from ...V) V {
	return rapid.SampledFrom(from).Draw(r, what)
}

// some draws a few values.
func some[V any](r *rapid.T, what string, most int, draw func() V) (all []V) {
	for range max(0, rapid.IntRange(-most, most).Draw(r, what)) {
		all = append(all, draw())
	}
	return all
}

// chances has its 1 where it is drawn seldom: the first and the last of what
// there is to draw come often.
var chances = [300]int{201: 1}

// rarely is for what is refused mostly, or seldom of interest.
func rarely(r *rapid.T, what string) bool { return rapid.SampledFrom(chances[:]).Draw(r, what) == 1 }

var errorClasses = []error{
	cache.ErrStale, cache.ErrLinked, cache.ErrFenced, cache.ErrLeased, cache.ErrBusy, cache.ErrFull, cache.ErrReadOnly,
	cache.ErrCorrupt, cache.ErrClosed, psa.ErrInvalid, psa.ErrUnavailable, context.Canceled,
}

func classesOf(err error) (names []string) {
	for _, class := range errorClasses {
		if errors.Is(err, class) {
			names = append(names, class.Error())
		}
	}
	if err != nil && names == nil {
		names = []string{"no class: " + err.Error()}
	}
	return names
}

// same compares two answers. Times are the same if they print the same, which
// is in UTC.
func (p *pair) same(what string, inMemory, inSQLite any, memoryErr, sqliteErr error) {
	p.Helper()
	if d := cmp.Diff(classesOf(memoryErr), classesOf(sqliteErr)); d != "" {
		p.Fatalf("%s: the errors are %v and %v (-memory +sqlite):\n%s", what, memoryErr, sqliteErr, d)
	}
	exact := cmp.Comparer(func(a, b time.Time) bool { return a == b }) //nolint:revive // the zone is compared, too
	if d := cmp.Diff(inMemory, inSQLite, exact, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(cache.Audit{}, "Seq")); d != "" {
		p.Fatalf("%s (-memory +sqlite):\n%s", what, d)
	}
}

// context returns one that may be over.
func (p *pair) context() context.Context {
	ctx, cancel := context.WithCancel(p.ctx)
	p.Cleanup(cancel)
	if rarely(p.T, "cancelled") {
		cancel()
	}
	return ctx
}

// Values are few, so that they meet; and some are such that text may go wrong.

func (p *pair) key() string {
	if rarely(p.T, "bad key") {
		return pick(p.T, "which", "", "\xff")
	}
	return pick(p.T, "key", "a", "b", "B", "é", "a\x00", "\uffff", "😀", "a b'\"%_")
}

func (p *pair) id() string {
	if rarely(p.T, "bad id") {
		return "\xff"
	}
	return pick(p.T, "id", "", "1", "2", "01", "1\x00", "A", "a")
}

func (p *pair) kind() psa.Kind {
	if rarely(p.T, "no kind") {
		return pick[psa.Kind](p.T, "which", "", "\xff")
	}
	return pick(p.T, "kind", psa.KindTicket, psa.KindNote)
}

func (p *pair) side() cache.Side {
	if rarely(p.T, "no side") {
		return 2
	}
	return cache.Side(rapid.IntRange(0, 1).Draw(p.T, "side"))
}

func (p *pair) text() string {
	return pick(p.T, "text", "", "x", "y", "z\x00z", "<&>\u2028 ü", `"\`)
}

func (p *pair) time() time.Time {
	zone := pick(p.T, "zone", time.UTC, time.FixedZone("", 5*3600+1800), time.FixedZone("", -8*3600))
	if rarely(p.T, "odd time") {
		return pick(p.T, "which", time.Date(10000, 1, 1, 0, 0, 0, 0, zone), time.Date(0, 1, 1, 0, 0, 0, 0, zone),
			time.Time{}.Add(1), time.Date(9999, 12, 31, 23, 0, 0, 999999999, zone), time.Date(1, 1, 1, 0, 0, 0, 0, zone), time.Now())
	}
	if rapid.Bool().Draw(p.T, "zero time") {
		return time.Time{}.In(zone)
	}
	at := time.Date(2026, 3, 2, rapid.IntRange(0, 3).Draw(p.T, "hour"), 0, 0, 0, time.UTC)
	return at.Add(pick[time.Duration](p.T, "fraction", 0, 1, 100*time.Millisecond)).In(zone)
}

func (p *pair) fields() psa.Fields {
	if rarely(p.T, "bad fields") {
		return psa.Fields{"a": pick[any](p.T, "which", 1, "\xff", []any{json.Number("x")}, psa.Fields{"\xff": true}, time.Time{})}
	}
	return pick(p.T, "fields", nil, psa.Fields{}, psa.Fields{"a": nil}, psa.Fields{"a": "x", "b": json.Number("1.5")},
		psa.Fields{"a": []any{}, "c": psa.Fields{}}, psa.Fields{"a": []any{true, "é<>\u2028", psa.Fields{"d": json.Number("-12345678901234567890")}}})
}

func (p *pair) twoFields() [2]psa.Fields { return [2]psa.Fields{p.fields(), p.fields()} }

func (p *pair) link() cache.Link {
	l := cache.Link{
		Key: p.key(), Kind: p.kind(), IDs: [2]string{p.id(), p.id()}, State: pick(p.T, "state", cache.LinkLive, cache.LinkHalf, cache.LinkDormant, cache.LinkGone),
		Reason: p.text(), Company: p.id(), Parent: p.id(), Since: p.time(), Base: p.twoFields(),
	}
	if l.IDs == [2]string{} && !rarely(p.T, "no record") {
		l.IDs[1] = pick(p.T, "id", rows...)
	}
	if rarely(p.T, "no state") {
		l.State = "none"
	}
	if rapid.Bool().Draw(p.T, "pending") {
		l.Pending = &cache.Pending{Op: "create", Side: p.side(), At: p.time(), Base: p.twoFields(), Sent: p.fields(), Tries: 1}
	}
	if rapid.Bool().Draw(p.T, "more") {
		l.Parked = []cache.Parked{{Group: p.text(), Is: p.twoFields(), Task: p.text(), Why: p.text(), Side: cache.Right}}
		l.Wrote, l.Child = [2]time.Time{p.time()}, [2]time.Time{1: p.time()}
		l.Gone = [2]cache.Fate{{At: p.time()}, {MergedInto: p.id()}}
	}
	if now, ok, err := p.memory.Link(p.ctx, p.source, l.Key); ok && err == nil {
		l.Rev = now.Rev
	}
	l.Rev += p.wrongRev()
	return l
}

func (p *pair) wrongRev() int64 {
	return pick[int64](p.T, "wrong rev", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 1)
}

func (p *pair) task() cache.Task {
	t := cache.Task{
		ID: p.key(), Type: pick(p.T, "type", "retry", "conflict"), Kind: p.kind(), Side: p.side(), Record: p.id(), Link: p.id(),
		Due: p.time(), WaitsFor: p.id(), Since: p.time(), Tries: 1, Class: p.text(), Reason: p.text(), Group: p.text(),
	}
	if t.Kind == "" && !rarely(p.T, "record without kind") {
		t.Record = ""
	}
	if rapid.Bool().Draw(p.T, "conflict") {
		t.Base, t.Left, t.Right = p.fields(), p.fields(), p.fields()
		t.Answer = &cache.Answer{Action: p.text(), Side: "left", Values: p.fields(), ID: p.id(), Actor: p.text(), At: p.time()}
		t.Candidates = some(p.T, "candidates", 2, p.id)
	}
	if now, ok, err := p.memory.Task(p.ctx, p.source, t.ID); ok && err == nil {
		t.Rev = now.Rev
	}
	t.Rev += p.wrongRev()
	return t
}

func (p *pair) cursor() cache.Cursor {
	return cache.Cursor{
		Side: p.side(), Kind: p.kind(), Since: p.time(), Swept: p.time(), Began: p.time(), From: p.time(),
		Full: rapid.Bool().Draw(p.T, "full"), After: p.id(),
	}
}

// hashOf is of one row only; version 0 has none.
func hashOf(id string, n int) (h psa.Hash) {
	if n > 0 {
		copy(h[:], fmt.Sprintf("%d %-12s", n, id))
	}
	return h
}

// rows are those that may be seen.
var rows = []string{"1", "2", "01", "1\x00", "A", "a"}

const versions = 4 // of a row that may have been seen; 0: none

func (p *pair) seen() cache.Seen {
	s := cache.Seen{Side: p.side(), Kind: p.kind(), ID: pick(p.T, "id", rows...)}
	s.Hash = hashOf(s.ID, rapid.IntRange(0, versions-1).Draw(p.T, "version"))
	return s
}

func (p *pair) audit() cache.Audit {
	return cache.Audit{
		At: p.time(), Run: p.id(), Actor: "bridge", Op: p.text(), Link: p.id(), Kind: p.kind(), IDs: [2]string{p.id()}, Side: p.side(),
		Before: p.fields(), After: p.fields(), Agreed: p.twoFields(), Rule: p.text(), Reason: p.text(),
	}
}

func (p *pair) batch() cache.StateBatch {
	b := cache.StateBatch{
		Links: some(p.T, "links", 3, p.link), DropLinks: some(p.T, "links dropped", 2, p.key),
		Tasks: some(p.T, "tasks", 3, p.task), DropTasks: some(p.T, "tasks dropped", 2, p.key),
		Cursors: some(p.T, "cursors", 1, p.cursor), Seen: some(p.T, "seen", 3, p.seen), Audits: some(p.T, "audits", 2, p.audit),
	}
	if !rarely(p.T, "twice") { // or most batches make no sense
		links, tasks := map[string]bool{}, map[string]bool{}
		b.Links = distinct(links, b.Links, func(l cache.Link) string { return l.Key })
		b.DropLinks = distinct(links, b.DropLinks, func(key string) string { return key })
		b.Tasks = distinct(tasks, b.Tasks, func(t cache.Task) string { return t.ID })
		b.DropTasks = distinct(tasks, b.DropTasks, func(id string) string { return id })
		b.Seen = distinct(map[string]bool{}, b.Seen, func(s cache.Seen) string { return fmt.Sprint(s.Side, s.Kind, s.ID) })
	}
	for _, name := range some(p.T, "settings", 2, p.key) {
		if b.Settings == nil {
			b.Settings = map[string]string{}
		}
		b.Settings[name] = p.text()
	}
	if len(p.leases) > 0 && rapid.Bool().Draw(p.T, "token") {
		b.Token = pick(p.T, "lease", p.leases...)[0].Token() + pick[int64](p.T, "later", 0, 0, 0, 1)
	}
	return b
}

// distinct returns what has a key that was not used.
func distinct[V any](used map[string]bool, all []V, key func(V) string) []V {
	return slices.DeleteFunc(all, func(v V) bool {
		k := key(v)
		had := used[k]
		used[k] = true
		return had
	})
}

func (p *pair) save() {
	b, ctx := p.batch(), p.context()
	p.same("Save", nil, nil, p.memory.Save(ctx, p.source, b), p.store().Save(ctx, p.source, b))
}

func (p *pair) lease() {
	ctx := p.context()
	ttl := pick(p.T, "time to live", time.Hour, time.Hour, time.Nanosecond, 0)
	if len(p.leases) == 0 || rapid.Bool().Draw(p.T, "acquire") {
		holder := pick(p.T, "holder", "me", "you", "me", "you", "")
		m, memoryErr := p.memory.Acquire(ctx, p.source, holder, ttl)
		s, sqliteErr := p.store().Acquire(ctx, p.source, holder, ttl)
		var owners [2]string
		for i, err := range []error{memoryErr, sqliteErr} {
			if held := (*cache.LeasedError)(nil); errors.As(err, &held) {
				owners[i] = held.Holder
			}
		}
		p.same("Acquire", owners[0], owners[1], memoryErr, sqliteErr)
		if memoryErr == nil {
			p.leases = append(p.leases, [2]cache.Lease{m, s})
			p.same("Token", m.Token(), s.Token(), nil, nil)
		}
		return
	}
	l := pick(p.T, "lease", p.leases...)
	if rapid.Bool().Draw(p.T, "renew") {
		p.same("Renew", nil, nil, l[0].Renew(ctx, ttl), l[1].Renew(ctx, ttl))
	} else {
		p.same("Release", nil, nil, l[0].Release(ctx), l[1].Release(ctx))
	}
}

// ask compares the answers to a question.
func (p *pair) ask() {
	ctx := p.context()
	switch pick(p.T, "question", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) {
	case 0:
		key := p.key()
		m, mok, merr := p.memory.Link(ctx, p.source, key)
		s, sok, serr := p.store().Link(ctx, p.source, key)
		p.same("Link", []any{m, mok}, []any{s, sok}, merr, serr)
	case 1:
		side, ref := p.side(), psa.Ref{Kind: p.kind(), ID: p.id()}
		m, mok, merr := p.memory.LinkOf(ctx, p.source, side, ref)
		s, sok, serr := p.store().LinkOf(ctx, p.source, side, ref)
		p.same("LinkOf", []any{m, mok}, []any{s, sok}, merr, serr)
	case 2:
		key := p.key()
		m, mok, merr := p.memory.Task(ctx, p.source, key)
		s, sok, serr := p.store().Task(ctx, p.source, key)
		p.same("Task", []any{m, mok}, []any{s, sok}, merr, serr)
	case 3, 4:
		q := p.linkQuery()
		p.links(ctx, q)
	case 5, 6:
		q := p.taskQuery()
		m, merr := collect(p.memory.Tasks(ctx, p.source, q))
		s, serr := collect(p.store().Tasks(ctx, p.source, q))
		p.same(fmt.Sprintf("Tasks of %+v", q), m, s, merr, serr)
	case 7:
		q := cache.AuditQuery{Link: p.id(), Run: p.id(), Since: p.time(), Limit: rapid.IntRange(-1, 3).Draw(p.T, "limit")}
		p.audits(ctx, q)
	case 8:
		p.known(ctx, p.side(), p.kind(), rapid.Bool().Draw(p.T, "all"))
	case 9:
		prefix := pick(p.T, "prefix", "", "a", "a\x00", "é", "b%", "\xff")
		m, merr := p.memory.Settings(ctx, p.source, prefix)
		s, serr := p.store().Settings(ctx, p.source, prefix)
		p.same(fmt.Sprintf("Settings of %q", prefix), m, s, merr, serr)
		one, merr := p.memory.Setting(ctx, p.source, prefix)
		same, serr := p.store().Setting(ctx, p.source, prefix)
		p.same(fmt.Sprintf("Setting %q", prefix), one, same, merr, serr)
	default:
		side, kind := p.side(), p.kind()
		m, merr := p.memory.Cursor(ctx, p.source, side, kind)
		s, serr := p.store().Cursor(ctx, p.source, side, kind)
		if merr == nil {
			p.same("Cursor", m, s, merr, serr)
		} else {
			p.same("Cursor", nil, nil, merr, serr)
		}
	}
}

func (p *pair) linkQuery() (q cache.LinkQuery) {
	maybe := func(what string) bool { return pick(p.T, what, 0, 0, 0, 1) == 1 }
	if maybe("by kind") {
		q.Kind = p.kind()
	}
	if maybe("by states") {
		q.States = some(p.T, "states", 3, func() cache.LinkState {
			return pick(p.T, "state", cache.LinkLive, cache.LinkHalf, cache.LinkDormant, cache.LinkGone, "none")
		})
	}
	if maybe("by company") {
		q.Company = p.id()
	}
	if maybe("by parent") {
		q.Parent = p.id()
	}
	if maybe("after") {
		q.After = p.key()
	}
	q.Pending = maybe("only pending")
	return q
}

func (p *pair) taskQuery() (q cache.TaskQuery) {
	maybe := func(what string) bool { return pick(p.T, what, 0, 0, 0, 1) == 1 }
	if maybe("by kind") {
		q.Kind = p.kind()
	}
	if maybe("by types") {
		q.Types = some(p.T, "types", 2, func() string { return pick(p.T, "type", "retry", "conflict", "", "none") })
	}
	if maybe("by due") {
		q.Due = p.time()
	}
	if maybe("by what it waits for") {
		q.WaitsFor = p.id()
	}
	if maybe("by link") {
		q.Link = p.id()
	}
	if maybe("by side") {
		side := p.side()
		q.Side = &side
	}
	if maybe("by record") {
		q.Record = p.id()
	}
	return q
}

func (p *pair) links(ctx context.Context, q cache.LinkQuery) {
	m, merr := collect(p.memory.Links(ctx, p.source, q))
	s, serr := collect(p.store().Links(ctx, p.source, q))
	p.same(fmt.Sprintf("Links of %+v", q), m, s, merr, serr)
}

// audits compares the entries; their numbers are each store's own, and fall.
func (p *pair) audits(ctx context.Context, q cache.AuditQuery) {
	m, merr := collect(p.memory.Audits(ctx, p.source, q))
	s, serr := collect(p.store().Audits(ctx, p.source, q))
	p.same(fmt.Sprintf("Audits of %+v", q), m, s, merr, serr)
	for i := 1; i < len(s); i++ {
		if s[i].Seq >= s[i-1].Seq || m[i].Seq >= m[i-1].Seq {
			p.Fatalf("Audits of %+v: entry %d is not older than the one before: %d, %d", q, i, m[i].Seq, s[i].Seq)
		}
	}
}

// known compares what is known of every hash that a row may have had.
func (p *pair) known(ctx context.Context, side cache.Side, kind psa.Kind, all bool) {
	m, merr := p.memory.Seen(ctx, p.source, side, kind, all)
	s, serr := p.store().Seen(ctx, p.source, side, kind, all)
	var found [2][]psa.Ref
	for i, known := range []psa.Known{m, s} {
		if merr != nil || serr != nil {
			break
		}
		for _, id := range rows {
			for n := range versions {
				ref, _ := known.Known(hashOf(id, n))
				found[i] = append(found[i], ref)
			}
		}
	}
	p.same("Seen", found[0], found[1], merr, serr)
}

// dump compares all that there is.
func (p *pair) dump() {
	p.links(p.ctx, cache.LinkQuery{})
	mt, merr := collect(p.memory.Tasks(p.ctx, p.source, cache.TaskQuery{}))
	st, serr := collect(p.store().Tasks(p.ctx, p.source, cache.TaskQuery{}))
	p.same("Tasks", mt, st, merr, serr)
	p.audits(p.ctx, cache.AuditQuery{})
	for side := range cache.Side(2) {
		p.known(p.ctx, side, psa.KindTicket, true)
	}
	m, merr := p.memory.Settings(p.ctx, p.source, "")
	s, serr := p.store().Settings(p.ctx, p.source, "")
	p.same("Settings", m, s, merr, serr)
}

func collect[V any](rows iter.Seq2[V, error]) (all []V, err error) {
	for v, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
