package endtoend

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

const (
	// privately is written internally on both sides; it goes to the other side
	// and to no client, and into nothing that is told about the bridge.
	privately   = privateMark + " the client is insolvent"
	privateMark = "canary-private-8e0b"
	// pay is what the host keeps of its people and does not show.
	pay = "canary-pay-61.40-pq7"
)

// quoting are refusals that repeat texts, in each form of them.
func quoting(texts []string) (out []fault) {
	for _, write := range []func(string) string{
		func(s string) string { return s },
		url.QueryEscape,
		html.EscapeString,
		func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		func(s string) string { return fmt.Sprintf("%x", s) },
	} {
		for _, text := range texts {
			out = append(out, refusals(write(text))...)
		}
	}
	return out
}

// refusals say what they do in all shapes in which a vendor, or something
// before it, says no.
func refusals(text string) (out []fault) {
	text = "refused: " + text
	inJSON, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	for _, body := range []string{
		text, "<title>" + text + "</title>", string(inJSON), fmt.Sprintf(`{"code":"InvalidObject","message":%s}`, inJSON),
		fmt.Sprintf(`{"code":%[1]s,"errors":[{"code":%[1]s,"field":%[1]s,"message":%[1]s}]}`, inJSON),
		fmt.Sprintf(`{"errors":[%s]}`, inJSON), fmt.Sprintf(`{"error":%[1]s,"error_description":%[1]s}`, inJSON), fmt.Sprintf(`{%s:["wrong"]}`, inJSON),
	} {
		for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusInternalServerError} {
			out = append(out, fault{Status: status, Body: body, Header: map[string]string{"Content-Type": "application/json", "X-Cw-Request-Id": text}})
		}
	}
	return out
}

// TestBridgeTellsNoSecrets works through a day with credentials, pay and what
// was written for colleagues, while all goes well and while much goes wrong; the
// world looks for them in all that is said, stored and sent.
func TestBridgeTellsNoSecrets(t *testing.T) {
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTandem(t, v, func(o *bridge.Options) {
					o.Policy.Strategy = nil // conflicts become tasks
				})
				w.onFile()
				w.watch.plant(canary.Value{What: "an internal note", Text: privateMark, Class: canary.Private})
				d := newDay(w)
				d.work()
				w.note(d.a, privately, false)
				w.comment(d.b, privately+" there", false)
				w.rename(d.a, "a conflict, here")
				if _, err := w.b.Plan(t.Context()); err != nil {
					t.Error(err)
				}
				cycle := func() { _, _ = w.cycle() } // errors are looked at as what they say
				cycle()
				for _, f := range []fault{
					{Status: http.StatusBadRequest, Body: `{"code":"InvalidObject","message":"bad"}`}, connectwisetest.LoginPage(), connectwisetest.Truncated(connectwisetest.CutValid),
					{Status: http.StatusUnauthorized}, {Drop: true}, {Status: http.StatusInternalServerError, Body: `{"errors":["bad"]}`},
				} {
					w.note(d.a, privately+" "+time.Now().Format(time.RFC3339), false)
					w.comment(d.b, privately+" "+time.Now().Format(time.RFC3339), false)
					w.sim.Fail(everywhere(f))
					cycle()
					w.sim.Heal()
					w.sim.Fail(everywhere(route(w.writes["note"], f)))
					cycle()
					w.sim.Heal()
				}
				for range 6 {
					time.Sleep(15 * time.Minute)
					cycle()
				}
				if _, err := w.b.Readiness(t.Context()); err != nil {
					t.Error(err)
				}
				w.arrivedPrivately(d)
				w.b.everything(t.Context())
				for what, words := range map[place]string{inEvent: string(bridge.EventTrouble), inTask: string(bridge.TaskConflict), inReport: "created", inStatus: "links", inError: "refused", inPlan: "Written here"} {
					if !strings.Contains(w.watch.held(what), words) {
						t.Errorf("the search is blind: %s does not even hold %q", what, words)
					}
				}
				if _, err := w.b.Disconnect(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestBridgeIsToldSecrets lets servers repeat in their refusals what they were
// sent: credentials, and what was written for colleagues.
func TestBridgeIsToldSecrets(t *testing.T) {
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTandem(t, v)
				w.watch.plant(canary.Value{What: "an internal comment of the host", Text: privateMark, Class: canary.Private})
				var mu sync.Mutex
				var sent []canary.Value
				w.sim.Before(func(r *http.Request) {
					mu.Lock()
					defer mu.Unlock()
					sent = canary.Sent(r.Header)
				})
				d := newDay(w)
				ctx := w.watch.trace(t.Context())
				read := func(what string, p psa.Provider) {
					t.Helper()
					_, err := p.Get(ctx, psa.Ref{Kind: psa.KindTicket, ID: itoa(d.a)})
					if err == nil {
						t.Fatalf("%s: no error", what)
					}
					w.watch.failed(err)
				}

				// A request that signs in with what it is.
				mu.Lock()
				var texts []string
				for _, s := range sent {
					if !strings.EqualFold(s.Text, "basic") {
						texts = append(texts, s.Text)
					}
				}
				mu.Unlock()
				for _, f := range quoting(texts) {
					w.sim.Fail(everywhere(route("GET "+w.path+"/*", f)), everywhere(route(w.listed, f)))
					read("a ticket", w.psa)
					w.sim.Heal()
				}

				// A request that asks for a token.
				if s, ok := w.sim.(*halopsatest.Server); ok {
					c := s.Credentials()
					for _, f := range quoting([]string{c.ClientSecret, c.ClientID}) {
						w.sim.Fail(everywhere(route("POST /token", f)), everywhere(route("POST /auth/token", f)))
						read("a token", w.bench.open())
						w.sim.Heal()
					}
				}

				// A request that writes for colleagues.
				for i, f := range refusals(html.EscapeString(privately) + ", " + privately + " & more") {
					w.comment(d.b, privately+" & more", false)
					f = everywhere(route(w.writes["note"], f))
					w.sim.Fail(f)
					if _, err := w.cycle(); i == 0 && err != nil {
						t.Error(err)
					}
					w.sim.Heal()
				}
				w.b.everything(t.Context())
				for in, words := range map[place]string{inError: "refused", inTask: "refused"} {
					if !strings.Contains(w.watch.held(in), words) {
						t.Errorf("the search is blind: %s does not even hold %q", in, words)
					}
				}
			})
		})
	}
}

// arrivedPrivately looks for the private texts on both sides, where no client
// reads them.
func (w *tandem) arrivedPrivately(d *day) {
	w.t.Helper()
	found := 0
	for side, texts := range []map[string]bool{w.texts(d.a), w.texts(d.psaB), w.comments(d.hostA), w.comments(d.b)} {
		for text, public := range texts {
			if strings.Contains(text, privateMark) {
				found++
				if public {
					w.t.Errorf("%d: the client reads %q", side, text)
				}
			}
		}
	}
	for _, task := range w.waiting(bridge.TaskHeld) { // refused, until somebody says that it is to be tried again
		if task.Kind == psa.KindNote {
			found++
		}
	}
	w.want("private notes", found, 28) // 14 on two sides
}
