package endtoend

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// secretive is an error that shows what it knows to %#v only.
type secretive struct{ key string }

func (s *secretive) Error() string { return "refused" }

// loose is a report that tells too much in one of its forms.
type loose struct{ text, json, markdown string }

func (l loose) WriteText(w io.Writer) error     { return write(w, l.text) }
func (l loose) WriteJSON(w io.Writer) error     { return write(w, l.json) }
func (l loose) WriteMarkdown(w io.Writer) error { return write(w, l.markdown) }
func (l loose) String() string                  { return "a report" }
func (l loose) GoString() string                { return "a report" }
func (l loose) Format(f fmt.State, _ rune)      { _ = write(f, "a report") }

func write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}

// TestWatchSees lets everything that a test's world writes to tell a secret, and
// wants to hear of each place: a search that sees nothing proves nothing.
func TestWatchSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTandem(t, psaVendors()[0], func(o *bridge.Options) { o.Policy.Strategy = nil })
		seen := map[place]bool{}
		w.watch.leaked = func(in place, _ canary.Hit) { seen[in] = true }
		sim := w.sim.(*connectwisetest.Server)
		key := sim.Credentials().PrivateKey
		file := w.onFile()
		ctx := t.Context()
		// in looks at what was written since the last look.
		in := func(what string, places ...place) {
			t.Helper()
			w.b.everything(ctx)
			w.ok(w.watch.state(ctx, w.state, bridged))
			w.ok(w.watch.look())
			for _, p := range places {
				if !seen[p] {
					t.Errorf("%s: the watch does not see it in %s, only in %v", what, p, slices.Collect(maps.Keys(seen)))
				}
			}
			clear(seen)
		}
		in("nothing")

		w.watch.logger().Debug("signed in", "key", key)
		in("a log", inLog)
		w.watch.failed(fmt.Errorf("a cycle: %w", &psa.Error{Detail: "no " + key}))
		in("a detail", inError)
		w.watch.failed(fmt.Errorf("a cycle: %w", &psa.Error{Err: &secretive{key}}))
		in("a field of a cause", inError)
		for what, l := range map[string]loose{"a text": {text: key}, "JSON": {json: key}, "Markdown": {markdown: key}} {
			w.watch.result(inReport, l, nil)
			in(what, inReport)
		}

		// A secret that people write in a ticket goes wherever tickets go.
		d := newDay(w)
		w.rename(d.a, "the key is "+key)
		plan, err := w.b.Plan(ctx)
		w.ok(err)
		if plan.Writes() == 0 {
			t.Error("nothing is planned")
		}
		in("a planned change", inPlan)
		w.once()
		w.ok(w.watch.file(ctx, inState, file))
		w.ok(w.watch.file(ctx, inHost, w.file))
		in("a change", inAudit, inState, inHost)
		w.rename(d.a, "here it is "+key)
		w.ok(w.desk().Edit(ctx, d.hostA, hostdb.Values{"subject": "there it is not"}))
		w.once()
		in("a conflict", inTask)

		// A host whose errors tell too much.
		w.psa = &indiscreet{w.psa.(*connectwise.Provider), key}
		w.restart()
		w.hostTicket("one more")
		w.once()
		w.ok(w.watch.file(ctx, inState, file))
		in("an error of a write", inTask, inState)
		w.opts.Observer = func(bridge.Event) { panic("at " + key) }
		w.restart()
		func() {
			defer func() { _ = recover() }()
			_, _ = w.cycle()
		}()
		in("a panic", inPanic)
		w.opts.Observer = nil
		w.restart()
		w.ok(w.b.Pause(ctx, "changed the key to "+key))
		in("a pause", inStatus)
		w.watch.value(inEvent, bridge.Event{Message: key})
		in("an event", inEvent)
		tr := psa.TracesOf(w.watch.trace(ctx))[0]
		tr.Add(psa.Request{Endpoint: "/tickets/" + key})
		in("a trace", inTrace)
		w.watch.tell(inOutput, "%s", key)
		in("output", inOutput)

		// Requests: the watch over a simulator tells of them at its end.
		inner := newWatch(t)
		inner.leaked = w.watch.leaked
		for _, at := range []string{sim.URL() + "/x?key=" + key, "https://elsewhere.example/?key=" + key} {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
			w.ok(err)
			if resp, err := sim.Transport().RoundTrip(req); err == nil {
				resp.Body.Close()
			}
		}
		inner.plant(valuesOf(sim)...)
		inner.requests(sim)
		w.ok(inner.look())
		in("requests", inRequest, elsewhere)
		sim.ClearCounters()

		// A configuration's rows.
		store := cache.NewMemory()
		w.rows.Update("/service/boards", 12, row{"name": "Board " + key})
		w.ok(readInto(ctx, store, "x", w.bench.open()))
		w.ok(w.watch.store(ctx, store, "x"))
		in("a board", inRows)
	})
}

// indiscreet is a provider whose refusals tell the credentials.
type indiscreet struct {
	*connectwise.Provider
	key string
}

func (p *indiscreet) Create(context.Context, psa.Kind, psa.Fields, psa.Notify) (psa.Record, error) {
	return psa.Record{}, &psa.Error{Provider: p.Name(), Op: "create", Code: psa.ErrInvalid, Detail: "signed in as " + p.key}
}

// TestWatchedProcess logs past all options, by slog and by log, which is found
// when all tests have run.
func TestWatchedProcess(t *testing.T) {
	key := connectwisetest.DefaultCredentials().PrivateKey
	for what, say := range map[string]func(){
		"slog":    func() { slog.Debug("signed in", "key", key) },
		"log":     func() { log.Print("signed in with ", key) },
		"nothing": func() {},
	} {
		var out strings.Builder
		code := watched(all(), &out, func() int { say(); return 0 })
		if (code == 0) != (what == "nothing") || (out.Len() == 0) != (what == "nothing") || strings.Contains(out.String(), key) {
			t.Errorf("%s: exit code %d\n%s", what, code, out.String())
		}
	}
	if code := watched(all(), io.Discard, func() int { return 3 }); code != 3 {
		t.Errorf("exit code %d, want that of the tests", code)
	}
}
