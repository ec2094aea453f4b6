package endtoend

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/halopsa/halopsatest"
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

// secretsOf are credentials, money and secrets at a vendor, by what they are.
func secretsOf(b *bench) map[string]string {
	out := map[string]string{"pay at the host": pay}
	add := func(list []connectwisetest.Canary) {
		for _, c := range list {
			out[c.Entity+"."+c.Field] = c.Value
		}
	}
	switch s := b.sim.(type) {
	case *connectwisetest.Server:
		add(connectwisetest.Canaries())
		out["private key"], out["public key"] = s.Credentials().PrivateKey, s.Credentials().PublicKey
	case *autotasktest.Server:
		add(autotasktest.Canaries())
		out["secret"], out["integration code"] = s.Credentials().Secret, s.Credentials().IntegrationCode
	case *halopsatest.Server:
		add(halopsatest.Canaries())
		out["secret"] = s.Credentials().ClientSecret
	}
	return out
}

// TestBridgeTellsNoSecrets looks for credentials, pay and what was written for
// colleagues in all that a bridge says, stores and sends, while all goes well
// and while much goes wrong.
func TestBridgeTellsNoSecrets(t *testing.T) {
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told bytes.Buffer // to people who run the bridge
				w := newTandem(t, v, func(o *bridge.Options) {
					o.Policy.Strategy = nil // conflicts become tasks
					o.Observer = func(e bridge.Event) { fmt.Fprintf(&told, "%+v\n", e) }
				})
				state := w.onFile()
				say := func(v any, err error) {
					b, jerr := json.Marshal(v)
					w.ok(jerr)
					fmt.Fprintf(&told, "%s %+v %v %+v\n", b, v, err, err)
				}
				cycle := func() {
					rep, err := w.cycle()
					say(rep, err)
				}
				_, err := w.host.Desk("setup").Add(t.Context(), psa.KindMember, hostdb.Values{"login": "rich", "first_name": "Rich", "last_name": "Tech", "hourly_cost": pay})
				w.ok(err)
				d := newDay(w)
				d.work()
				w.note(d.a, privately, false)
				w.comment(d.b, privately+" there", false)
				w.rename(d.a, "a conflict, here")
				plan, err := w.b.Plan(t.Context())
				if err == nil {
					plan.Items = nil // a plan shows values to the person who asked for it
				}
				say(plan, err)
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
				for task, err := range w.b.Tasks(t.Context(), bridge.TaskFilter{}) {
					w.ok(err)
					fmt.Fprintln(&told, task.ID, task.Reason)
				}
				status, err := w.b.Status(t.Context())
				say(status, err)
				w.arrivedPrivately(d)

				for what, secret := range secretsOf(w.bench) {
					for form, text := range map[string]string{"": secret, "escaped ": url.QueryEscape(secret), "base64 ": base64.StdEncoding.EncodeToString([]byte(secret))} {
						if len(text) < 4 {
							continue
						}
						if strings.Contains(told.String(), text) {
							t.Errorf("%s was told %s", what, form)
						}
						for _, file := range []string{state, w.file} {
							if at := holds(t, file, text); at != "" && (what != "pay at the host" || file == state) {
								t.Errorf("%s is %sin %s", what, form, at)
							}
						}
					}
				}
				if strings.Contains(told.String(), "canary-private") {
					t.Error("what was written for colleagues was told")
				}
				if holds(t, state, "edited there") == "" {
					t.Error("the search is blind: the state does not even hold a summary")
				}
				if !strings.Contains(told.String(), string(bridge.EventTrouble)) {
					t.Error("nothing went wrong")
				}
				for a, err := range w.state.Audits(t.Context(), bridged, cache.AuditQuery{}) {
					w.ok(err)
					if strings.Contains(a.Reason, "canary-private") {
						t.Errorf("an audit's reason tells: %s", a.Op)
					}
				}
				for _, r := range w.sim.Requests() {
					if strings.Contains(r.Query, "canary") {
						t.Errorf("%s %s: a query string tells", r.Method, r.Path)
					}
				}
				if n := len(w.sim.Strays()); n > 0 {
					t.Errorf("%d requests to other hosts", n)
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
			if strings.Contains(text, "canary-private") {
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

// holds names the file, or its log, that has a text among its bytes.
func holds(t *testing.T, file, text string) string {
	t.Helper()
	for _, name := range []string{file, file + "-wal", file + "-journal"} {
		b, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return filepath.Base(name)
		}
	}
	return ""
}
