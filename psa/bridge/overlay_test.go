package bridge

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
	"github.com/psasync/psasync/psa"
)

func TestOverlayIsAState(t *testing.T) {
	cachetest.RunState(t, cachetest.StateHarness{
		Open: func(*testing.T) cache.State { return newOverlay(cache.NewMemory()) },
		Rows: 200,
	})
}

// What is saved over a state that already holds something reads as if all of it
// had been saved to one state, errors included, and what is under it stays.
func TestOverlayReadsThrough(t *testing.T) {
	const source = "s"
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		plain, under := cache.NewMemory(), cache.NewMemory()
		over := newOverlay(under)
		n := rapid.IntRange(0, 8).Draw(rt, "under")
		for i := range n + rapid.IntRange(1, 10).Draw(rt, "over") {
			b := drawBatch(rt, plain, source)
			want := plain.Save(ctx, source, b)
			var got error
			if i < n {
				got = under.Save(ctx, source, b)
			} else {
				got = over.Save(ctx, source, b)
			}
			for _, class := range []error{cache.ErrStale, cache.ErrLinked, psa.ErrInvalid} {
				if errors.Is(want, class) != errors.Is(got, class) {
					rt.Fatalf("save %d: %v, want %v", i, got, want)
				}
			}
			if (want == nil) != (got == nil) {
				rt.Fatalf("save %d: %v, want %v", i, got, want)
			}
			if i+1 == n {
				before := contents(ctx, under, source)
				defer func() {
					if d := cmp.Diff(before, contents(ctx, under, source)); d != "" {
						rt.Fatalf("what is under it was changed:\n%s", d)
					}
				}()
			}
		}
		if d := cmp.Diff(contents(ctx, plain, source), contents(ctx, over, source)); d != "" {
			rt.Fatal(d)
		}
	})
}

var testStart = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)

// drawBatch makes a batch that often fits what st holds.
func drawBatch(rt *rapid.T, st cache.State, source string) cache.StateBatch {
	ctx := context.Background()
	var b cache.StateBatch
	name := func(what string) string { return fmt.Sprint(what, rapid.IntRange(1, 4).Draw(rt, what)) }
	at := func() time.Time { return testStart.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "at")) * time.Hour) }
	off := int64(0)
	if rapid.IntRange(0, 9).Draw(rt, "stale") == 0 {
		off = 1
	}
	used := map[string]bool{}
	for range rapid.IntRange(0, 2).Draw(rt, "links") {
		key := name("l")
		if used[key] {
			continue
		}
		used[key] = true
		if rapid.IntRange(0, 3).Draw(rt, "drop") == 0 {
			b.DropLinks = append(b.DropLinks, key)
			continue
		}
		l, _, _ := st.Link(ctx, source, key)
		l.Key, l.Kind, l.Rev, l.Since = key, psa.KindTicket, l.Rev+off, at()
		l.IDs = [2]string{name("a"), name("b")}
		l.State = rapid.SampledFrom([]cache.LinkState{cache.LinkLive, cache.LinkGone}).Draw(rt, "state")
		l.Pending = nil
		if rapid.Bool().Draw(rt, "pending") {
			l.Pending = &cache.Pending{Op: opUpdate, At: at()}
		}
		b.Links = append(b.Links, l)
	}
	for range rapid.IntRange(0, 2).Draw(rt, "tasks") {
		id := name("t")
		if used[id] {
			continue
		}
		used[id] = true
		if rapid.IntRange(0, 3).Draw(rt, "drop") == 0 {
			b.DropTasks = append(b.DropTasks, id)
			continue
		}
		task, _, _ := st.Task(ctx, source, id)
		task.ID, task.Type, task.Kind, task.Rev = id, TaskHeld, psa.KindTicket, task.Rev+off
		task.Since, task.Link, task.WaitsFor = at(), name("l"), ""
		task.Due = time.Time{}
		if rapid.Bool().Draw(rt, "due") {
			task.Due = at()
		}
		b.Tasks = append(b.Tasks, task)
	}
	if rapid.Bool().Draw(rt, "cursor") {
		b.Cursors = []cache.Cursor{{Side: Left, Kind: psa.KindTicket, Since: at()}}
	}
	if rapid.Bool().Draw(rt, "seen") {
		i := byte(rapid.IntRange(1, 4).Draw(rt, "row")) // no two rows share a hash
		hash := rapid.SampledFrom([]psa.Hash{{}, {i, 1}, {i, 2}}).Draw(rt, "hash")
		b.Seen = []cache.Seen{{Side: Left, Kind: psa.KindTicket, ID: fmt.Sprint("a", i), Hash: hash}}
	}
	if rapid.Bool().Draw(rt, "setting") {
		b.Settings = map[string]string{name("x"): rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "value")}
	}
	if rapid.Bool().Draw(rt, "audit") {
		b.Audits = []cache.Audit{{At: at(), Actor: "a", Op: opState, Link: name("l")}}
	}
	return b
}

// contents is all that a state tells, asked in every way.
func contents(ctx context.Context, st cache.State, source string) []any {
	var out []any
	for _, q := range []cache.LinkQuery{{}, {Pending: true}, {States: []cache.LinkState{cache.LinkGone}}, {After: "l2"}, {Kind: psa.KindNote}} {
		out = append(out, "links")
		for l, err := range st.Links(ctx, source, q) {
			out = append(out, l, err)
		}
	}
	for _, q := range []cache.TaskQuery{{}, {Due: testStart.Add(time.Hour)}, {Link: "l1"}, {Types: []string{TaskRetry}}} {
		out = append(out, "tasks")
		for t, err := range st.Tasks(ctx, source, q) {
			out = append(out, t, err)
		}
	}
	for _, q := range []cache.AuditQuery{{}, {Limit: 2}, {Link: "l1"}} {
		out = append(out, "audits")
		for a, err := range st.Audits(ctx, source, q) {
			out = append(out, a, err)
		}
	}
	cur, err := st.Cursor(ctx, source, Left, psa.KindTicket)
	out = append(out, cur, err)
	settings, err := st.Settings(ctx, source, "")
	out = append(out, settings, err)
	known, err := st.Seen(ctx, source, Left, psa.KindTicket, true)
	out = append(out, err)
	for i := 1; i <= 4; i++ {
		l, ok, err := st.Link(ctx, source, fmt.Sprint("l", i))
		out = append(out, l, ok, err)
		t, ok, err := st.Task(ctx, source, fmt.Sprint("t", i))
		out = append(out, t, ok, err)
		x, err := st.Setting(ctx, source, fmt.Sprint("x", i))
		out = append(out, x, err)
		for s := range Side(2) {
			l, ok, err := st.LinkOf(ctx, source, s, psa.Ref{Kind: psa.KindTicket, ID: fmt.Sprint([]string{"a", "b"}[s], i)})
			out = append(out, l, ok, err)
		}
	}
	for i := range byte(4) {
		for j := range byte(2) {
			ref, ok := known.Known(psa.Hash{i + 1, j + 1})
			out = append(out, ref, ok)
		}
	}
	return out
}
