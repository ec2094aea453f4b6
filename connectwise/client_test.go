package connectwise_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

const info = `{"CompanyName":"Acme MSP","Codebase":"v2025_1/","VersionCode":"v2025.1","VersionNumber":"v4.6.99999","CompanyID":"AcmeMSP","IsCloud":%s}`

func keys(context.Context) (connectwise.Credentials, error) {
	return connectwise.Credentials{PublicKey: "pub", PrivateKey: "priv"}, nil
}

var answer = adaptertest.Answer

// mocked returns a provider whose requests go to mock.
func mocked(t testing.TB, change func(*connectwise.Config)) (*connectwise.Provider, *httpmock.MockTransport) {
	t.Helper()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", "=~/login/companyinfo/", answer(200, fmt.Sprintf(info, `"True"`)))
	cfg := connectwise.Config{
		URL: "na.myconnectwise.net", Company: "acmemsp", Credentials: keys, ClientID: "client-guid", Transport: mock,
	}
	if change != nil {
		change(&cfg)
	}
	p, err := connectwise.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, mock
}

// boards lists boards and returns the error.
func boards(ctx context.Context, p psa.Provider) error {
	return adaptertest.ListError(ctx, p, psa.KindBoard)
}

func TestConfigProblemsAtOnce(t *testing.T) {
	_, err := connectwise.New(connectwise.Config{
		URL: "http://connect.msp.example", Company: "a/b", Codebase: "../x", APIVersion: "latest", PageSize: 5000,
		APIVersions: map[string]string{"boards": "1"}, ClientID: "a b",
	})
	for _, want := range []string{
		"Config.URL", "https", "Config.Company", "Config.Credentials is missing", "Config.ClientID", "Config.Codebase",
		"Config.APIVersion \"latest\"", "\"boards\" is no path", "Config.PageSize is 5000",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	_, err = connectwise.New(connectwise.Config{})
	if n := strings.Count(fmt.Sprint(err), "\n") + 1; n != 4 {
		t.Errorf("%d problems of an empty Config, want 4:\n%v", n, err)
	}
}

func TestURL(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"na.myconnectwise.net", "https://api-na.myconnectwise.net/v2025_1"},
		{" https://EU.myconnectwise.net/ ", "https://api-eu.myconnectwise.net/v2025_1"},
		{"https://aus.myconnectwise.net", "https://api-aus.myconnectwise.net/v2025_1"},
		{"staging.connectwisedev.com", "https://api-staging.connectwisedev.com/v2025_1"},
		{"api-na.myconnectwise.net", "https://api-na.myconnectwise.net/v2025_1"},
		{"sandbox-na.myconnectwise.net", "https://sandbox-na.myconnectwise.net/v2025_1"},
		{"connect.msp.example", "https://connect.msp.example/v2025_1"},
		{"https://connect.msp.example:8443/v4_6_release/apis/3.0/", "https://connect.msp.example:8443/v4_6_release"},
		{"https://api-na.myconnectwise.net/v2024_9/apis/3.0", "https://api-na.myconnectwise.net/v2024_9"},
		{"https://api-na.myconnectwise.net/v4_6_release/", "https://api-na.myconnectwise.net/v4_6_release"},
		{"https://na.myconnectwise.net:443", "https://api-na.myconnectwise.net/v2025_1"},
		{"http://127.0.0.1:8081", "http://127.0.0.1:8081/v2025_1"},
		{"http://localhost:8081", "http://localhost:8081/v2025_1"},
		{"http://[::1]:8081", "http://[::1]:8081/v2025_1"},
	} {
		p, mock := mocked(t, func(c *connectwise.Config) { c.URL = tt.url })
		got := ""
		mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
			got, _, _ = strings.Cut(r.URL.String(), "/apis/3.0")
			return answer(200, "[]")(r)
		})
		if err := boards(t.Context(), p); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.url, got, err, tt.want)
		}
	}
	for _, bad := range []string{
		"", "http://na.myconnectwise.net", "ftp://connect.msp.example", "https://user:pw@connect.msp.example",
		"https://connect.msp.example/some/path", "https://connect.msp.example?x=1", "https://", "https://%zz",
	} {
		_, err := connectwise.New(connectwise.Config{URL: bad, Company: "acmemsp", Credentials: keys, ClientID: "x"})
		if err == nil || !strings.Contains(err.Error(), "Config.URL") || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	p, mock := mocked(t, func(c *connectwise.Config) {
		c.APIVersion = "2025.1"
		c.APIVersions = map[string]string{"/company/communicationTypes": "2020.4", "/service/boards/{id}/statuses": ""}
		c.UserAgent = "acme-sync/1"
	})
	seen := map[string]http.Header{}
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		_, path, _ := strings.Cut(r.URL.Path, "/apis/3.0")
		seen[path] = r.Header.Clone()
		return answer(200, "[]")(r)
	})
	mock.RegisterResponder("GET", "=~/login/companyinfo/", func(r *http.Request) (*http.Response, error) {
		for _, h := range []string{"Authorization", "Clientid"} {
			if r.Header.Get(h) != "" {
				t.Errorf("companyinfo was sent %s", h)
			}
		}
		return answer(200, fmt.Sprintf(info, "true"))(r)
	})
	for _, kind := range []psa.Kind{psa.KindPriority, psa.KindCommunicationType} {
		for _, err := range p.List(t.Context(), kind, psa.Query{}) {
			t.Fatal(err)
		}
	}
	for _, err := range p.List(t.Context(), psa.KindStatus, psa.Query{Parent: psa.Ref{Kind: psa.KindBoard, ID: "12"}}) {
		t.Fatal(err)
	}
	h := seen["/service/priorities"]
	for name, want := range map[string]string{
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("acmemsp+pub:priv")),
		"Clientid":      "client-guid", "User-Agent": "acme-sync/1", "Pagination-Type": "forward-only",
		"Accept": "application/vnd.connectwise.com+json; version=2025.1, application/json",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := seen["/company/communicationTypes"].Get("Accept"); !strings.Contains(got, "version=2020.4") {
		t.Errorf("pinned endpoint: Accept %q", got)
	}
	if got := seen["/service/boards/12/statuses"].Get("Accept"); got != "application/json" {
		t.Errorf("endpoint pinned to the newest: Accept %q", got)
	}
}

func TestCredentials(t *testing.T) {
	boom := errors.New("the vault is sealed")
	for _, tt := range []struct {
		name  string
		creds func(context.Context) (connectwise.Credentials, error)
		want  error
	}{
		{"failing", func(context.Context) (connectwise.Credentials, error) { return connectwise.Credentials{}, boom }, boom},
		{"empty", func(context.Context) (connectwise.Credentials, error) { return connectwise.Credentials{}, nil }, psa.ErrAuth},
	} {
		p, mock := mocked(t, func(c *connectwise.Config) { c.Credentials = tt.creds })
		mock.RegisterNoResponder(answer(200, "[]"))
		if err := boards(t.Context(), p); !errors.Is(err, tt.want) || !errors.Is(err, psa.ErrAuth) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", connectwise.Credentials{PrivateKey: "priv"}, connectwise.Credentials{PrivateKey: "priv"}, connectwise.Credentials{PrivateKey: "priv"}); strings.Contains(got, "priv") {
		t.Errorf("credentials print as %s", got)
	}
}

// A key that is rotated is taken up by the next request.
func TestRotation(t *testing.T) {
	p, srv := open(t, connectwisetest.Small(), nil, nil)
	if err := boards(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	c := srv.Credentials()
	c.PublicKey, c.PrivateKey = "newPublicKey0001", "newPrivateKey001"
	srv.SetCredentials(c)
	if err := boards(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func TestDiscovery(t *testing.T) {
	for _, tt := range []struct {
		name     string
		respond  httpmock.Responder
		codebase string // in the first request; "" for an error
		class    error
	}{
		{"cloud", answer(200, fmt.Sprintf(info, `"True"`)), "v2025_1", nil},
		{"boolean", answer(200, fmt.Sprintf(info, `true`)), "v2025_1", nil},
		{"number, of all things", answer(200, fmt.Sprintf(info, `1`)), "v2025_1", nil},
		{"on premise", answer(200, `{"CompanyName":"a","Codebase":"v4_6_release/","IsCloud":"False"}`), "v4_6_release", nil},
		{"without a codebase", answer(200, `{"CompanyName":"a"}`), "v4_6_release", nil},
		{"old server", answer(404, `<html>`, "Content-Type", "text/html"), "v4_6_release", nil},
		{"unknown company", answer(200, "null"), "", psa.ErrAuth},
		{"login page", answer(200, "<html>", "Content-Type", "text/html"), "", psa.ErrData},
		{"list", answer(200, "[]"), "", psa.ErrData},
		{"codebase that leads elsewhere", answer(200, `{"Codebase":"../../evil.example/"}`), "", psa.ErrData},
		{"redirect", answer(302, "", "Location", "https://evil.example/"), "", psa.ErrData},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mock := mocked(t, nil)
			mock.RegisterResponder("GET", "=~/login/companyinfo/", tt.respond)
			got := ""
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				got = strings.Split(r.URL.Path, "/")[1]
				return answer(200, "[]")(r)
			})
			err := boards(t.Context(), p)
			if !errors.Is(psa.ErrorClass(err), tt.class) || got != tt.codebase {
				t.Errorf("codebase %q, %v; want %q, %v", got, err, tt.codebase, tt.class)
			}
			if errors.Is(err, psa.ErrNotFound) {
				t.Errorf("%v could be taken for a row that is gone", err)
			}
		})
	}
}

// The cloud moves to another codebase with each release.
func TestStaleCodebase(t *testing.T) {
	for _, status := range []int{404, 400} {
		synctest.Test(t, func(t *testing.T) {
			p, srv := open(t, connectwisetest.Small(), &connectwisetest.Options{StaleCodebase: status}, nil)
			if err := boards(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			srv.SetCodebase("v2025_2")
			srv.ClearCounters()
			if err := boards(t.Context(), p); err != nil {
				t.Fatalf("after an upgrade: %v", err)
			}
			// Refused once, companyinfo, sent again.
			if n := len(srv.Requests()); n != 3 {
				t.Errorf("%d: %d requests, want 3", status, n)
			}
		})
	}
}

// An address that is really missing costs one look, not one with each request.
func TestMissingEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, mock := mocked(t, nil)
		mock.RegisterNoResponder(answer(404, `{"code":"ConnectWiseApi","message":"The endpoint does not exist."}`))
		for range 3 {
			if err := boards(t.Context(), p); !errors.Is(err, psa.ErrUnsupported) {
				t.Fatalf("%v, want ErrUnsupported", err)
			}
		}
		if n := mock.GetCallCountInfo()["GET =~/login/companyinfo/"]; n != 1 {
			t.Errorf("companyinfo was asked %d times within a minute, want 1", n)
		}
		time.Sleep(2 * time.Minute)
		_ = boards(t.Context(), p)
		if n := mock.GetCallCountInfo()["GET =~/login/companyinfo/"]; n != 2 {
			t.Errorf("companyinfo was asked %d times, want 2", n)
		}
	})
}

func TestFixedCodebaseIsNeverLookedUp(t *testing.T) {
	p, mock := mocked(t, func(c *connectwise.Config) { c.Codebase = "v4_6_release/" })
	mock.RegisterNoResponder(answer(404, `{"code":"ConnectWiseApi","message":"The endpoint does not exist."}`))
	if err := boards(t.Context(), p); !errors.Is(err, psa.ErrUnsupported) {
		t.Fatal(err)
	}
	if n := mock.GetTotalCallCount(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// Many callers share one look; a caller that gives up does not take it along.
func TestDiscoveryIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, mock := mocked(t, nil)
		var looks atomic.Int32
		mock.RegisterResponder("GET", "=~/login/companyinfo/", func(r *http.Request) (*http.Response, error) {
			looks.Add(1)
			select {
			case <-time.After(10 * time.Second):
				return answer(200, fmt.Sprintf(info, "true"))(r)
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})
		mock.RegisterNoResponder(answer(200, "[]"))
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := boards(impatient, p); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("impatient: %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() {
				if err := boards(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		wg.Go(func() { // waits for its turn behind the others, and gives up
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if err := boards(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("waiting: %v", err)
			}
		})
		wg.Wait()
		if n := looks.Load(); n != 2 {
			t.Errorf("companyinfo was asked %d times, want 2: by the impatient caller and for all others", n)
		}
	})
}

func TestWrongPlaces(t *testing.T) {
	t.Run("host of the user interface", func(t *testing.T) {
		p, mock := mocked(t, nil)
		mock.RegisterNoResponder(answer(403, `{"code":"Security","message":"SSL is required.","errors":null}`))
		if err := boards(t.Context(), p); err == nil || !strings.Contains(err.Error(), "SSL is required") {
			t.Error(err)
		}
	})
	t.Run("redirect keeps credentials at home", func(t *testing.T) {
		p, mock := mocked(t, nil)
		mock.RegisterNoResponder(answer(307, "", "Location", "https://evil.example/steal"))
		if err := boards(t.Context(), p); !errors.Is(err, psa.ErrData) {
			t.Error(err)
		}
		for call, n := range mock.GetCallCountInfo() {
			if strings.Contains(call, "evil") && n > 0 {
				t.Errorf("followed to %s", call)
			}
		}
	})
}

func TestInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, mock := mocked(t, nil)
		want := psa.Instance{ID: "acmemsp@api-na.myconnectwise.net", Name: "Acme MSP", Version: "v2025.1"}
		for range 2 {
			if got, err := p.Instance(t.Context()); err != nil || got != want {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		mock.RegisterResponder("GET", "=~/login/companyinfo/", answer(200, strings.Replace(fmt.Sprintf(info, "true"), "v2025.1", "v2025.2", 1)))
		time.Sleep(2 * time.Minute)
		if got, err := p.Instance(t.Context()); err != nil || got.Version != "v2025.2" || got.ID != want.ID {
			t.Errorf("after an upgrade: %+v, %v", got, err)
		}
		if got, err := p.ServerTime(t.Context()); err != nil || !got.Equal(time.Date(2026, 6, 15, 10, 0, 0, 0, time.UTC)) {
			t.Errorf("server time %v, %v", got, err)
		}
		mock.RegisterResponder("GET", "=~/login/companyinfo/", httpmock.NewStringResponder(200, fmt.Sprintf(info, "true")))
		if got, err := p.ServerTime(t.Context()); !errors.Is(err, psa.ErrData) {
			t.Errorf("without a Date header: %v, %v", got, err)
		}
	})
}

func TestBudgetIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := connectwise.NewBudget(&connectwise.BudgetConfig{Requests: 10, Share: 0.5, InFlight: 2})
		tenant := connectwisetest.Small()
		use := func(c *connectwise.Config) { c.Budget = budget }
		a, srv := open(t, tenant, nil, use)
		var b *connectwise.Provider
		b, err := connectwise.New(connectwise.Config{
			URL: srv.URL(), Company: srv.Credentials().Company, ClientID: srv.Credentials().ClientID, Transport: srv.Transport(), Budget: budget,
			Credentials: func(context.Context) (connectwise.Credentials, error) {
				c := srv.Credentials()
				return connectwise.Credentials{PublicKey: c.PublicKey, PrivateKey: c.PrivateKey}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for i := range 10 { // and two looks: 12 requests, 5 a minute
			p := []*connectwise.Provider{a, b}[i%2]
			if err := boards(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d < 2*time.Minute || d > 3*time.Minute {
			t.Errorf("12 requests at 5 a minute took %s", d)
		}
	})
}
