package bridge_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// FuzzReadLinks reads files that people have edited: either all of one is
// taken, and can be written and read again, or nothing of it.
func FuzzReadLinks(f *testing.F) {
	const head = "left_id,right_id,kind,since,state\n"
	for _, s := range []string{
		"", head, head + "77,78,ticket,2026-03-02T08:00:00Z,live\n", "\ufeff" + head + "'=1,\"2\n3\",note,2026-03-02T08:00:00.5+02:00,gone\n",
		head + "1,2\n", head + "\"1,2\n", head + "77,78,ticket,2026-03-02T08:00:00Z,live\n77,79,ticket,2026-03-02T08:00:00Z,dormant\n",
	} {
		f.Add(s)
	}
	w := newWorld(f, basic)
	f.Fuzz(func(t *testing.T, file string) {
		open := func() *bridge.Bridge {
			b, err := bridge.New(w.left, w.right, cache.NewMemory(), w.opts)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		write := func(b *bridge.Bridge) string {
			var out bytes.Buffer
			if err := b.WriteLinks(t.Context(), &out); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		first := open()
		n, err := first.ReadLinks(t.Context(), strings.NewReader(file))
		written := write(first)
		if err != nil {
			if !errors.Is(err, psa.ErrInvalid) || n != 0 || written != head {
				t.Fatalf("%d links of a refused file: %v\n%s", n, err, written)
			}
			return
		}
		second := open()
		if m, err := second.ReadLinks(t.Context(), strings.NewReader(written)); err != nil || m != n || write(second) != written {
			t.Fatalf("%d links, and %d the second time: %v\n%s", n, m, err, written)
		}
	})
}

// FuzzAnswer gives answers to a conflict, as a host's API gets them. What is
// refused changes nothing, and what is taken is used by the next cycles, which
// settle.
func FuzzAnswer(f *testing.F) {
	f.Add("take", "left", "", "", "")
	f.Add("take", "psa", "", "", "")
	f.Add("take", "nowhere", "", "", "")
	f.Add("values", "", "", "both", "")
	f.Add("strategy", "", "newest | left", "", "")
	f.Add("strategy", "", "field(summary", "", "")
	f.Add("link", "", "", "", "1")
	f.Add("drop", "", "", "", "")
	f.Fuzz(func(t *testing.T, action, side, strategy, value, id string) {
		w := newWorld(t, basic)
		w.settle()
		l := ref(psa.KindTicket, "1001")
		r := w.peer(bridge.Left, l).Ref
		w.tick(time.Minute)
		w.left.Edit(l, psa.Fields{"summary": "left"})
		w.right.Edit(r, psa.Fields{"summary": "right"})
		w.settle()
		task := ""
		for v, err := range w.b.Tasks(t.Context(), bridge.TaskFilter{Types: []string{bridge.TaskConflict}}) {
			if err != nil {
				t.Fatal(err)
			}
			task = v.ID
		}
		if task == "" {
			t.Fatal("there is no conflict")
		}
		a := bridge.Answer{Action: action, Side: side, Strategy: strategy, ID: id, Actor: "kim"}
		if value != "" {
			a.Values = psa.Fields{"summary": value}
		}
		before := w.dump()
		if err := w.b.Resolve(t.Context(), task, a); err != nil {
			if w.dump() != before {
				t.Fatalf("refused (%v), and something was stored", err)
			}
			return
		}
		w.settle()
	})
}

// FuzzSettings runs on settings that somebody has spoilt. A run may refuse to
// begin; it neither panics nor loses a link.
func FuzzSettings(f *testing.F) {
	f.Add("phase", "1")
	f.Add("phase", "none such")
	f.Add("pause:ticket", "why")
	f.Add("matched:ticket", "\x00")
	f.Add("deleted:left:ticket", "yesterday")
	f.Add("map", "x")
	f.Add("anew", "9999999999999999999999")
	f.Add("instance:left", "another")
	f.Fuzz(func(t *testing.T, name, value string) {
		w := newWorld(t, basic)
		w.settle()
		if err := w.state.Save(t.Context(), source, cache.StateBatch{Settings: map[string]string{name: value}}); err != nil {
			return
		}
		for range 2 {
			w.tick(2 * time.Minute)
			_, err := w.b.Once(t.Context())
			if known := errors.Is(err, bridge.ErrPaused) || errors.Is(err, psa.ErrOtherInstance) || errors.Is(err, psa.ErrData) || errors.Is(err, psa.ErrInvalid); err != nil && !known {
				t.Errorf("%q = %q: %v", name, value, err)
			}
		}
		w.peer(bridge.Left, ref(psa.KindTicket, "1001"))
	})
}

// FuzzCursor runs on a cursor that somebody has spoilt, and finds what changed
// at the latest by a sweep.
func FuzzCursor(f *testing.F) {
	f.Add("", int64(0), int64(0), false)
	f.Add("7", int64(1), int64(1<<40), true)
	f.Add("not an id", int64(-1), int64(-1<<40), false)
	f.Fuzz(func(t *testing.T, after string, since, began int64, full bool) {
		w := newWorld(t, basic)
		w.settle()
		at := func(n int64) time.Time { return time.Unix(n%(1<<33), 0).UTC() }
		if err := w.state.Save(t.Context(), source, cache.StateBatch{Cursors: []cache.Cursor{{
			Side: bridge.Left, Kind: psa.KindTicket, After: after, Since: at(since), Began: at(began), From: at(since), Full: full,
		}}}); err != nil {
			return // it cannot be stored
		}
		l := ref(psa.KindTicket, "1001")
		w.left.Edit(l, psa.Fields{"summary": "news"})
		for range 3 {
			w.tick(25 * time.Hour)
			_, _ = w.b.Once(t.Context()) // a list that goes on nowhere may fail
		}
		w.settle()
		if got := w.peer(bridge.Left, l).Fields.String("summary"); got != "news" {
			t.Errorf("the edit did not arrive: %q", got)
		}
	})
}
