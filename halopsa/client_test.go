package halopsa_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

const bearer = `{"access_token":"tok-1","token_type":"Bearer","expires_in":3600,"scope":"all"}`

func keys(context.Context) (halopsa.Credentials, error) {
	return halopsa.Credentials{ClientID: "app-guid", ClientSecret: "app-secret"}, nil
}

var answer = adaptertest.Answer

// mocked returns a provider whose requests go to mock.
func mocked(t testing.TB, change func(*halopsa.Config)) (*halopsa.Provider, *httpmock.MockTransport) {
	t.Helper()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", "=~/AuthInfo$", answer(200, `{"auth_url":"https://acme.halopsa.com/auth/","tenant_id":"acme"}`))
	mock.RegisterResponder("GET", "=~/InstanceInfo$", answer(200, `{"app_version":"2.250.32","app_name":"HaloPSA"}`))
	mock.RegisterResponder("POST", "=~/token$", answer(200, bearer))
	cfg := halopsa.Config{URL: "acme.halopsa.com", Credentials: keys, Transport: mock, Retries: -1}
	if change != nil {
		change(&cfg)
	}
	p, err := halopsa.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, mock
}

// slas lists SLAs and returns the error.
func slas(ctx context.Context, p psa.Provider) error {
	return adaptertest.ListError(ctx, p, psa.KindSLA)
}

func TestConfigProblemsAtOnce(t *testing.T) {
	_, err := halopsa.New(halopsa.Config{
		URL: "http://halo.msp.example", AuthURL: "ftp://x", Tenant: "a/b", Scopes: []string{"a b"}, PageSize: 500, TopLevel: -1, Outcomes: halopsa.Outcomes{Time: -7},
		Markers: map[psa.Kind]int{psa.KindTicket: 5, psa.KindSite: 0},
		Lookups: map[psa.Kind]int{psa.KindTeam: 3, psa.KindImpact: -1},
	})
	for _, want := range []string{
		"Config.URL: is not https", "Config.AuthURL", "Config.Credentials is missing", "Config.Tenant", "Config.Scopes",
		`"team" is read from no list`, "-1 is no number", "Config.PageSize is 500", "Config.TopLevel is -1", "Config.Outcomes.Time is -7",
		`Config.Markers: "ticket" cannot`, "Config.Markers: 0 is no number",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	_, err = halopsa.New(halopsa.Config{})
	if n := strings.Count(fmt.Sprint(err), "\n") + 1; n != 2 {
		t.Errorf("%d problems of an empty Config, want 2:\n%v", n, err)
	}
}

func TestURL(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"acme.halopsa.com", "https://acme.halopsa.com/api/SLA"},
		{" https://ACME.halopsa.com/ ", "https://acme.halopsa.com/api/SLA"},
		{"https://acme.haloitsm.com/api/", "https://acme.haloitsm.com/api/SLA"},
		{"https://help.msp.example:8443/halo/API", "https://help.msp.example:8443/halo/api/SLA"},
		{"http://127.0.0.1:8081", "http://127.0.0.1:8081/api/SLA"},
		{"http://[::1]:8081", "http://[::1]:8081/api/SLA"},
	} {
		p, mock := mocked(t, func(c *halopsa.Config) { c.URL = tt.url })
		got := ""
		mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
			got, _, _ = strings.Cut(r.URL.String(), "?")
			return answer(200, "[]")(r)
		})
		if err := slas(t.Context(), p); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.url, got, err, tt.want)
		}
	}
	for _, bad := range []string{
		"", "http://acme.halopsa.com", "ftp://halo.msp.example", "https://user:pw@halo.msp.example", "https://halo.msp.example?x=1", "https://", "https://%zz",
	} {
		_, err := halopsa.New(halopsa.Config{URL: bad, Credentials: keys})
		if err == nil || !strings.Contains(err.Error(), "Config.URL") || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// What authinfo says decides where the secret goes.
func TestDiscovery(t *testing.T) {
	for _, tt := range []struct {
		name    string
		respond httpmock.Responder
		change  func(*halopsa.Config)
		token   string // address; "" for an error
		class   error
	}{
		{"own server", answer(200, `{"auth_url":"https://acme.halopsa.com/auth/","tenant_id":"acme"}`), nil, "https://acme.halopsa.com/auth/token?tenant=acme", nil},
		{"shared server", answer(200, `{"auth_url":"https://auth.haloservicedesk.com","tenant_id":"acme"}`), nil, "https://auth.haloservicedesk.com/token?tenant=acme", nil},
		{"no tenant", answer(200, `{"auth_url":"https://halo.msp.example/auth"}`), nil, "https://halo.msp.example/auth/token", nil},
		{"null tenant", answer(200, `{"auth_url":null,"tenant_id":null}`), nil, "https://acme.halopsa.com/auth/token", nil},
		{"numeric tenant", answer(200, `{"tenant_id":17}`), nil, "https://acme.halopsa.com/auth/token?tenant=17", nil},
		{"old build", answer(404, ``), nil, "https://acme.halopsa.com/auth/token", nil},
		{"pinned", answer(200, `{"auth_url":"https://elsewhere.example","tenant_id":"acme"}`), func(c *halopsa.Config) {
			c.AuthURL, c.Tenant = "auth.msp.example/", "other"
		}, "https://auth.msp.example/token?tenant=other", nil},
		{"not https", answer(200, `{"auth_url":"http://acme.halopsa.com/auth"}`), nil, "", psa.ErrData},
		{"no address", answer(200, `{"auth_url":"https://a b/auth"}`), nil, "", psa.ErrData},
		{"strange tenant", answer(200, `{"tenant_id":"a&b=c"}`), nil, "", psa.ErrData},
		{"login page", answer(200, "<html>", "Content-Type", "text/html"), nil, "", psa.ErrData},
		{"list", answer(200, "[]"), nil, "", psa.ErrData},
		{"down", answer(503, ""), nil, "", psa.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mock := mocked(t, tt.change)
			token := ""
			mock.RegisterResponder("GET", "=~/AuthInfo$", tt.respond)
			mock.RegisterNoResponder(answer(200, "[]"))
			mock.RegisterResponder("POST", "=~/token$", func(r *http.Request) (*http.Response, error) {
				token = r.URL.String()
				return answer(200, bearer)(r)
			})
			err := slas(t.Context(), p)
			if tt.class != nil {
				if !errors.Is(err, tt.class) || token != "" {
					t.Errorf("%v with a token from %q, want %v", err, token, tt.class)
				}
				return
			}
			if err != nil || token != tt.token {
				t.Errorf("%v, a token from %s, want %s", err, token, tt.token)
			}
		})
	}
}

// The form of the token request and of the header that carries it; neither the
// secret nor the token goes anywhere else.
func TestTokenRequest(t *testing.T) {
	p, mock := mocked(t, func(c *halopsa.Config) { c.UserAgent, c.Scopes = "acme-sync/1", []string{"read:tickets", "admin"} })
	mock.RegisterResponder("GET", "=~/AuthInfo$", answer(200, `{"auth_url":"https://auth.haloservicedesk.com","tenant_id":"acme"}`))
	mock.RegisterResponder("POST", "=~/token$", func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		want := url.Values{"grant_type": {"client_credentials"}, "client_id": {"app-guid"}, "client_secret": {"app-secret"}, "scope": {"read:tickets admin"}}
		if err != nil || form.Encode() != want.Encode() {
			t.Errorf("form %s", form.Encode())
		}
		if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("Authorization") != "" || r.Header.Get("User-Agent") != "acme-sync/1" {
			t.Errorf("headers %v", r.Header)
		}
		return answer(200, bearer)(r)
	})
	asked := 0
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		asked++
		if r.URL.Host != "acme.halopsa.com" || r.Header.Get("Authorization") != "Bearer tok-1" || r.Header.Get("User-Agent") != "acme-sync/1" {
			t.Errorf("%s with %v", r.URL, r.Header)
		}
		return answer(200, "[]")(r)
	})
	if err := slas(t.Context(), p); err != nil || asked != 1 {
		t.Errorf("%v, %d requests", err, asked)
	}
}

// The answer to a token request, and what becomes of it. No error tells the
// secret, a token or the answer.
func TestTokenAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer httpmock.Responder
		class  error
		says   string
	}{
		{"refused", answer(400, `{"error":"invalid_client","error_description":"The specified client credentials are invalid."}`), psa.ErrAuth, "invalid_client"},
		{"refused inside", answer(401, `{"error":{"error_description":"no such application app-secret"}}`), psa.ErrAuth, "no such application"},
		{"refused with 200", answer(200, `{"error":"invalid_scope"}`), psa.ErrAuth, "invalid_scope"},
		{"text", answer(400, `Tenant not found`, "Content-Type", "text/plain"), psa.ErrAuth, "Tenant not found"},
		{"no such path", answer(404, ``), psa.ErrData, "404"},
		{"rate limit", answer(429, ``, "Retry-After", "7200"), psa.ErrRateLimited, ""},
		{"down", answer(502, ``), psa.ErrUnavailable, ""},
		{"no token", answer(200, `{"token_type":"Bearer"}`), psa.ErrData, "no token"},
		{"another type", answer(200, `{"access_token":"tok-1","token_type":"mac"}`), psa.ErrData, "no bearer token"},
		{"page", answer(200, `<html>tok-1`, "Content-Type", "text/html"), psa.ErrData, ""},
		{"other shape", answer(200, `["tok-1"]`), psa.ErrData, "no token"},
		{"redirect", answer(302, ``, "Location", "https://evil.example/token"), psa.ErrData, "redirect"},
	} {
		p, mock := mocked(t, nil)
		mock.RegisterResponder("POST", "=~/token$", tt.answer)
		mock.RegisterNoResponder(answer(200, "[]"))
		err := slas(t.Context(), p)
		if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %v that says %q", tt.name, err, tt.class, tt.says)
		}
		for _, secret := range []string{"tok-1", "app-secret"} {
			if strings.Contains(fmt.Sprint(err), secret) {
				t.Errorf("%s: the error tells %s: %v", tt.name, secret, err)
			}
		}
		if n := mock.GetCallCountInfo()["GET =~/SLA"]; n > 0 {
			t.Errorf("%s: a request without a token", tt.name)
		}
	}
}

func TestCredentials(t *testing.T) {
	boom := errors.New("the vault is sealed")
	for _, tt := range []struct {
		name  string
		creds func(context.Context) (halopsa.Credentials, error)
		want  error
	}{
		{"failing", func(context.Context) (halopsa.Credentials, error) { return halopsa.Credentials{}, boom }, boom},
		{"empty", func(context.Context) (halopsa.Credentials, error) { return halopsa.Credentials{}, nil }, psa.ErrAuth},
	} {
		p, mock := mocked(t, func(c *halopsa.Config) { c.Credentials = tt.creds })
		mock.RegisterNoResponder(answer(200, "[]"))
		if err := slas(t.Context(), p); !errors.Is(err, tt.want) || !errors.Is(err, psa.ErrAuth) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	secret := halopsa.Credentials{ClientSecret: "app-secret"}
	if got := fmt.Sprintf("%v %+v %#v", secret, secret, secret); strings.Contains(got, "app-secret") {
		t.Errorf("credentials print as %s", got)
	}
}

// A secret that is rotated is taken up by the next request.
func TestRotation(t *testing.T) {
	p, srv := open(t, halopsatest.Small(), nil, nil)
	if err := slas(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	c := srv.Credentials()
	c.ClientSecret = "a-new-secret-0001"
	srv.SetCredentials(c)
	if err := slas(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if n := srv.TokensIssued(); n != 2 {
		t.Errorf("%d tokens, want 2", n)
	}
}

// Twenty users at once ask for the place and for a token once.
func TestLoginIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, srv := open(t, halopsatest.Small(), &halopsatest.Options{Latency: time.Second, Limit: halopsatest.Limit{Requests: -1}, SharedAuth: true}, nil)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := slas(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		counts := count(srv)
		if counts["/api/AuthInfo"] != 1 || counts["/token"] != 1 || counts["/api/SLA"] != 20 {
			t.Errorf("%v", counts)
		}
		if strays := srv.Strays(); len(strays) > 0 {
			t.Errorf("strays: %v", strays)
		}
	})
}

// count counts the requests of each path.
func count(srv *halopsatest.Server) map[string]int {
	counts := map[string]int{}
	for _, r := range srv.Requests() {
		counts[r.Path]++
	}
	return counts
}

// A user who gives up while logging in leaves the turn to the next.
func TestLoginIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := open(t, halopsatest.Small(), &halopsatest.Options{Latency: 10 * time.Second}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // in the middle of the token
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := slas(ctx, p); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, psa.ErrTimeout) {
				t.Errorf("the first: %v", err)
			}
		})
		wg.Go(func() {
			if err := slas(t.Context(), p); err != nil {
				t.Errorf("the second: %v", err)
			}
		})
		wg.Wait()
	})
}

// A token is replaced a minute before its end, half-way through a list, and no
// request is refused.
func TestTokenEndsHalfWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := halopsatest.Medium()
		tenant.SetClock(time.Now)
		p, srv := open(t, tenant, &halopsatest.Options{TokenLife: 3 * time.Minute, Limit: halopsatest.Limit{Requests: -1}}, func(c *halopsa.Config) { c.PageSize = 20 })
		rows := 0
		for _, err := range p.List(t.Context(), psa.KindContact, psa.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; rows%40 == 0 {
				time.Sleep(time.Minute) // of the bubble
			}
		}
		for _, r := range srv.Requests() {
			if r.Status == http.StatusUnauthorized {
				t.Errorf("%s was refused", r.Path)
			}
		}
		if n := srv.TokensIssued(); n < 4 || n > 7 {
			t.Errorf("%d tokens for %d rows in %d minutes", n, rows, rows/40)
		}
	})
}

// A token is good until a minute before its end, or for half of a short life.
func TestTokenIsReplacedEarly(t *testing.T) {
	for _, tt := range []struct{ life, until time.Duration }{{10 * time.Minute, 9 * time.Minute}, {time.Minute, 30 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			tenant := halopsatest.Small()
			tenant.SetClock(time.Now)
			p, srv := open(t, tenant, &halopsatest.Options{TokenLife: tt.life}, nil)
			for i, wait := range []time.Duration{0, tt.until - time.Second, 2 * time.Second} {
				time.Sleep(wait)
				if err := slas(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				if n, want := srv.TokensIssued(), 1+i/2; n != want {
					t.Errorf("life %v: %d tokens at request %d, want %d", tt.life, n, i+1, want)
				}
			}
		})
	}
}

// A token that ends sooner than it said is replaced once, for everybody.
func TestTokenRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, srv := open(t, halopsatest.Small(), &halopsatest.Options{Latency: time.Second, Limit: halopsatest.Limit{Requests: -1}}, nil)
		if err := slas(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		srv.RevokeTokens()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := slas(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := srv.TokensIssued(); n != 2 {
			t.Errorf("%d tokens, want 2", n)
		}
	})
}

// The other meaning of 401: the token is replaced once, and the request
// repeated once; then it is a missing right, and what follows within a minute
// costs no more tokens.
func TestRightsAre401(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, srv := open(t, halopsatest.Small(), &halopsatest.Options{NoRights: []string{"/SLA"}}, nil)
		if err := slas(t.Context(), p); !errors.Is(err, psa.ErrDenied) || errors.Is(err, psa.ErrAuth) {
			t.Fatalf("%v, want %v", err, psa.ErrDenied)
		}
		counts := count(srv)
		if counts["/api/SLA"] != 2 || counts["/auth/token"] != 2 || counts["/api/Agent/me"] != 1 {
			t.Errorf("%v", counts)
		}
		srv.ClearCounters()
		for range 5 {
			if err := slas(t.Context(), p); !errors.Is(err, psa.ErrDenied) {
				t.Fatalf("again: %v", err)
			}
		}
		if n := len(srv.Requests()); n != 5 {
			t.Errorf("%d requests for the next five", n)
		}
		for _, err := range p.List(t.Context(), psa.KindTeam, psa.Query{}) {
			if err != nil {
				t.Fatalf("teams: %v", err)
			}
		}
		report, err := p.Check(t.Context(), psa.KindSLA, psa.KindTeam)
		if err != nil || !errors.Is(report.Access[0].Err, psa.ErrDenied) || report.Access[1].Err != nil {
			t.Errorf("Check: %+v, %v", report, err)
		}
	})
}

// An application that is withdrawn is refused credentials, whatever its tokens
// were good for, and the error says what the authorisation server says.
func TestApplicationWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := halopsatest.Small()
		tenant.SetClock(time.Now)
		var creds halopsa.Credentials
		p, srv := open(t, tenant, &halopsatest.Options{TokenLife: 24 * time.Hour}, func(c *halopsa.Config) {
			c.Credentials = func(context.Context) (halopsa.Credentials, error) { return creds, nil }
		})
		creds = halopsa.Credentials{ClientID: srv.Credentials().ClientID, ClientSecret: srv.Credentials().ClientSecret}
		if err := slas(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		srv.RevokeTokens() // so that the present token replaced a refused one
		if err := slas(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		gone := srv.Credentials()
		gone.ClientSecret = "of-somebody-else"
		srv.SetCredentials(gone)
		for range 2 {
			err := slas(t.Context(), p)
			if !errors.Is(err, psa.ErrAuth) || errors.Is(err, psa.ErrDenied) || !strings.Contains(err.Error(), "invalid_client") {
				t.Fatalf("%v, want %v with invalid_client", err, psa.ErrAuth)
			}
		}
	})
}

// A server that refuses every token refuses the connection.
func TestEveryTokenRefused(t *testing.T) {
	p, mock := mocked(t, nil)
	var tokens atomic.Int64
	mock.RegisterResponder("POST", "=~/token$", func(r *http.Request) (*http.Response, error) {
		return answer(200, strings.Replace(bearer, "tok-1", fmt.Sprint("tok-", tokens.Add(1)), 1))(r)
	})
	mock.RegisterNoResponder(answer(401, ""))
	err := slas(t.Context(), p)
	if !errors.Is(err, psa.ErrAuth) || errors.Is(err, psa.ErrDenied) || tokens.Load() != 2 {
		t.Errorf("%v after %d tokens", err, tokens.Load())
	}
	if _, err := p.Check(t.Context(), psa.KindTeam); !errors.Is(err, psa.ErrAuth) {
		t.Errorf("Check: %v", err)
	}
}

func TestInstance(t *testing.T) {
	p, mock := mocked(t, nil)
	i, err := p.Instance(t.Context())
	if want := (psa.Instance{ID: "acme/acme.halopsa.com", Name: "acme", Version: "2.250.32"}); err != nil || i != want {
		t.Errorf("%+v, %v", i, err)
	}
	if now, err := p.ServerTime(t.Context()); err != nil || !now.Equal(time.Date(2026, 6, 15, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", now, err)
	}
	if mock.GetCallCountInfo()["POST =~/token$"] > 0 {
		t.Error("a token was asked for")
	}
	p, mock = mocked(t, nil)
	mock.RegisterResponder("GET", "=~/AuthInfo$", answer(404, ""))
	mock.RegisterResponder("GET", "=~/InstanceInfo$", answer(401, ""))
	if i, err := p.Instance(t.Context()); err != nil || i.ID != "acme.halopsa.com" || i.Version != "" {
		t.Errorf("old build: %+v, %v", i, err)
	}
}

// Ten users of one connection never make the vendor say no, and all come to
// their end.
func TestTenUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := halopsatest.Small()
		tenant.SetClock(time.Now)
		p, srv := open(t, tenant, &halopsatest.Options{Latency: 100 * time.Millisecond, Limit: halopsatest.Limit{Requests: 200}}, func(c *halopsa.Config) {
			c.Budget = halopsa.NewBudget(&halopsa.BudgetConfig{Requests: 200, Share: 0.9})
		})
		kinds := []psa.Kind{psa.KindTicket, psa.KindStatus, psa.KindNote, psa.KindContact, psa.KindTicketType}
		var wg sync.WaitGroup
		var ended [10]time.Time
		for user := range 10 {
			wg.Go(func() {
				for i := range 10 {
					for _, err := range p.List(t.Context(), kinds[(user+i)%len(kinds)], psa.Query{}) {
						if err != nil {
							t.Error(err)
							return
						}
					}
				}
				ended[user] = time.Now()
			})
		}
		start := time.Now()
		wg.Wait()
		first, last := ended[0].Sub(start), ended[0].Sub(start)
		for _, at := range ended {
			first, last = min(first, at.Sub(start)), max(last, at.Sub(start))
		}
		if n := srv.Violations(); n > 0 {
			t.Errorf("%d violations of the vendor's limit", n)
		}
		if first*2 < last {
			t.Errorf("one user was through after %v, another after %v", first, last)
		}
	})
}
