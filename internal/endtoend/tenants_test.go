package endtoend

import (
	"context"
	"iter"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// filed is a state that several connections share, each under its own source.
type filed struct {
	cache.State
	under string
}

func (f filed) Link(ctx context.Context, _, key string) (cache.Link, bool, error) {
	return f.State.Link(ctx, f.under, key)
}

func (f filed) LinkOf(ctx context.Context, _ string, side cache.Side, ref psa.Ref) (cache.Link, bool, error) {
	return f.State.LinkOf(ctx, f.under, side, ref)
}

func (f filed) Links(ctx context.Context, _ string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
	return f.State.Links(ctx, f.under, q)
}

func (f filed) Task(ctx context.Context, _, id string) (cache.Task, bool, error) {
	return f.State.Task(ctx, f.under, id)
}

func (f filed) Tasks(ctx context.Context, _ string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
	return f.State.Tasks(ctx, f.under, q)
}

func (f filed) Cursor(ctx context.Context, _ string, side cache.Side, kind psa.Kind) (cache.Cursor, error) {
	return f.State.Cursor(ctx, f.under, side, kind)
}

func (f filed) Seen(ctx context.Context, _ string, side cache.Side, kind psa.Kind, all bool) (psa.Known, error) {
	return f.State.Seen(ctx, f.under, side, kind, all)
}

func (f filed) Setting(ctx context.Context, _, name string) (string, error) {
	return f.State.Setting(ctx, f.under, name)
}

func (f filed) Settings(ctx context.Context, _, prefix string) (map[string]string, error) {
	return f.State.Settings(ctx, f.under, prefix)
}

func (f filed) Audits(ctx context.Context, _ string, q cache.AuditQuery) iter.Seq2[cache.Audit, error] {
	return f.State.Audits(ctx, f.under, q)
}

func (f filed) Save(ctx context.Context, _ string, b cache.StateBatch) error {
	return f.State.Save(ctx, f.under, b)
}

// foreign are all words of an account, as what must not be anywhere near
// another one.
func foreign(word string, b *bench) []canary.Value {
	out := []canary.Value{{What: "a text of the other account", Text: word}}
	for _, v := range valuesOf(b.sim) {
		if v.Text == connectwisetest.DefaultCredentials().ClientID {
			continue // it names the program, not the account
		}
		v.What, v.Class, v.Owner = "the other account's "+v.What, canary.Secret, "the other account"
		out = append(out, v)
	}
	return out
}

// TestTenantsStayApart synchronises two accounts of one vendor at the same time,
// in one process and over one state, while things go wrong at both. Nothing of
// one reaches requests, rows, logs, errors, tasks or audits of the other.
func TestTenantsStayApart(t *testing.T) {
	words := [2]string{"alphatenant", "omegatenant"}
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(summer))
				var at [2]*tandem
				for i, word := range words {
					at[i] = newTandemOf(t, v.make(t, word), func(o *bridge.Options) { o.Policy.Strategy = nil })
				}
				both := newWatch(t)
				both.plant(append(valuesOf(at[0].sim), valuesOf(at[1].sim)...)...)
				shared := openState(t, filepath.Join(t.TempDir(), "shared.db"), both)
				for i, w := range at {
					w.watch.plant(foreign(words[1-i], at[1-i].bench)...)
					at[1-i].sim.Before(func(r *http.Request) { // tokens, too
						for _, sent := range canary.Sent(r.Header) {
							if sent.Text != connectwisetest.DefaultCredentials().ClientID {
								sent.What, sent.Class, sent.Owner = "the other account's "+sent.What, canary.Secret, "the other account"
								w.watch.plant(sent)
							}
						}
					})
					w.state = filed{shared, words[i]}
					w.restart()
				}
				cycles := func(n int) {
					for range n {
						var group sync.WaitGroup
						for _, w := range at {
							group.Go(func() { _, _ = w.cycle() }) // errors are looked at as what they say
						}
						group.Wait()
					}
				}
				cycles(4)
				var tickets [2]int
				for i, w := range at {
					tickets[i] = w.ticket("Opened by " + words[i])
					w.hostTicket("Opened for " + words[i])
				}
				cycles(3)
				for i, w := range at {
					there := w.there(psa.KindTicket, itoa(tickets[i]))
					w.note(tickets[i], "For colleagues of "+words[i], false)
					w.comment(there, privately+" says "+words[i], false)
					w.rename(tickets[i], "Renamed by "+words[i])
					w.ok(w.desk().Edit(t.Context(), there, hostdb.Values{"subject": "Renamed for " + words[i]}))
					w.work(tickets[i], 0.5, "Worked for "+words[i])
				}
				for _, f := range []fault{{Drop: true, Apply: true}, {Status: http.StatusBadRequest, Body: `{"code":"InvalidObject","message":"bad"}`}, {Status: http.StatusUnauthorized}, {Status: http.StatusTooManyRequests}} {
					at[0].sim.Fail(with(f, func(f *fault) { f.Count = 3 }))
					cycles(1)
					at[1].sim.Fail(with(f, func(f *fault) { f.Nth, f.Count = 4, 2 }))
					cycles(1)
				}
				for _, w := range at {
					w.sim.Heal()
				}
				for range 4 {
					time.Sleep(20 * time.Minute)
					cycles(1)
				}
				ctx := context.WithoutCancel(t.Context())
				for i, w := range at {
					w.b.everything(ctx)
					w.ok(w.watch.state(ctx, shared, words[i]))
					if n := w.named(w.host, psa.KindTicket, "summary", "Opened for "+words[i]); n != 1 {
						t.Errorf("%s: %d tickets at its host, want 1", words[i], n)
					}
					if len(w.waiting(bridge.TaskConflict)) == 0 {
						t.Errorf("%s: no conflict", words[i])
					}
					if in := w.watch.held(inState); !strings.Contains(in, words[i]) {
						t.Errorf("%s: the search is blind: its own words are not in its state", words[i])
					}
				}
			})
		})
	}
}
