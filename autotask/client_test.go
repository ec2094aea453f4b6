package autotask_test

import (
	"context"
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
	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

const (
	zone  = "https://webservices3.autotask.net/ATServicesRest/"
	info  = `{"zoneName":"America East","url":"` + zone + `","webUrl":"https://ww3.autotask.net/","ci":41001}`
	empty = `{"items":[],"pageDetails":{"count":0,"requestCount":500,"prevPageUrl":null,"nextPageUrl":null}}`
)

func keys(context.Context) (autotask.Credentials, error) {
	return autotask.Credentials{IntegrationCode: "code", UserName: "api+user@msp.example", Secret: "s$cret"}, nil
}

var answer = adaptertest.Answer

// mocked returns a provider whose requests go to mock.
func mocked(t testing.TB, change func(*autotask.Config)) (*autotask.Provider, *httpmock.MockTransport) {
	t.Helper()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", "=~/zoneInformation", answer(200, info))
	mock.RegisterResponder("GET", "=~/ThresholdInformation", answer(200, `{"externalRequestThreshold":10000,"requestThresholdTimeframe":60,"currentTimeframeRequestCount":12}`))
	mock.RegisterResponder("GET", "=~/entityInformation$", answer(200, `{"info":{"name":"x","canQuery":true,"userAccessForQuery":"All"}}`))
	cfg := autotask.Config{Credentials: keys, Transport: mock}
	if change != nil {
		change(&cfg)
	}
	p, err := autotask.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, mock
}

// departments lists departments and returns the error.
func departments(ctx context.Context, p psa.Provider) error {
	return adaptertest.ListError(ctx, p, psa.KindDepartment)
}

func TestConfig(t *testing.T) {
	_, err := autotask.New(autotask.Config{URL: "http://webservices.autotask.net", PageSize: 501, WorkTypeUse: []string{"Labor"}, CompanyOwnerID: "me", ImpersonationResourceID: "-1"})
	for _, want := range []string{"Config.CompanyOwnerID", "Config.ImpersonationResourceID", "Config.URL", "https", "Config.Credentials is missing", "Config.PageSize is 501", "Config.WorkTypeUse"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if _, err := autotask.New(autotask.Config{Credentials: keys}); err != nil {
		t.Errorf("nothing but credentials is required: %v", err)
	}
}

func TestURL(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"", "https://webservices.autotask.net"},
		{" WebServices2.autotask.net ", "https://webservices2.autotask.net"},
		{"https://webservices3.autotask.net/atservicesrest/v1.0/", "https://webservices3.autotask.net"},
		{"https://pres.autotask.net/ATServicesRest", "https://pres.autotask.net"},
	} {
		p, mock := mocked(t, func(c *autotask.Config) { c.URL = tt.url })
		got := ""
		mock.RegisterResponder("GET", "=~/zoneInformation", func(r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			return answer(200, info)(r)
		})
		mock.RegisterNoResponder(answer(200, empty))
		want := tt.want + "/ATServicesRest/V1.0/zoneInformation?user=api%2Buser%40msp.example"
		if err := departments(t.Context(), p); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", tt.url, got, err, want)
		}
	}
	for _, bad := range []string{
		"http://webservices.autotask.net", "ftp://webservices.autotask.net", "https://user:pw@webservices.autotask.net",
		"https://webservices.autotask.net/some/path", "https://webservices.autotask.net?x=1", "https://", "https://%zz", "autotask",
		"autotask.net",
	} {
		_, err := autotask.New(autotask.Config{URL: bad, Credentials: keys})
		if err == nil || !strings.Contains(err.Error(), "Config.URL") || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	p, mock := mocked(t, func(c *autotask.Config) { c.UserAgent = "acme-sync/1" })
	var h http.Header
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		h = r.Header.Clone()
		return answer(200, empty)(r)
	})
	mock.RegisterResponder("GET", "=~/zoneInformation", func(r *http.Request) (*http.Response, error) {
		for _, name := range []string{"Apiintegrationcode", "Username", "Secret"} {
			if r.Header.Get(name) != "" {
				t.Errorf("zoneInformation was sent %s", name)
			}
		}
		return answer(200, info)(r)
	})
	if err := departments(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Apiintegrationcode": "code", "Username": "api+user@msp.example", "Secret": "s$cret", "Authorization": "",
		"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "acme-sync/1", "Impersonationresourceid": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	boom := errors.New("the vault is sealed")
	for _, tt := range []struct {
		name  string
		creds func(context.Context) (autotask.Credentials, error)
		want  error
	}{
		{"failing", func(context.Context) (autotask.Credentials, error) { return autotask.Credentials{}, boom }, boom},
		{"empty", func(context.Context) (autotask.Credentials, error) { return autotask.Credentials{UserName: "x"}, nil }, psa.ErrAuth},
	} {
		p, mock := mocked(t, func(c *autotask.Config) { c.Credentials = tt.creds })
		mock.RegisterNoResponder(answer(200, empty))
		if err := departments(t.Context(), p); !errors.Is(err, tt.want) || !errors.Is(err, psa.ErrAuth) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if n := mock.GetTotalCallCount(); n > 0 {
			t.Errorf("%s: %d requests", tt.name, n)
		}
	}
	c := autotask.Credentials{IntegrationCode: "priv", UserName: "priv", Secret: "priv"}
	if got := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(got, "priv") {
		t.Errorf("credentials print as %s", got)
	}
}

// A secret that is rotated is taken up by the next request, and another user is
// looked up in turn.
func TestRotation(t *testing.T) {
	p, srv := open(t, autotasktest.Small(), nil, nil)
	if err := departments(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	c := srv.Credentials()
	c.UserName, c.Secret = "second@summitmsp.example", "another$ecret"
	srv.SetCredentials(c)
	srv.ClearCounters()
	if err := departments(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if r := srv.Requests(); len(r) != 2 || !strings.HasSuffix(r[0].Path, "/zoneInformation") {
		t.Errorf("requests after a change of user: %v", r)
	}
}

// A secret may be exchanged while a request is on its way.
func TestRotationMeanwhile(t *testing.T) {
	old := true
	p, mock := mocked(t, func(c *autotask.Config) {
		c.Credentials = func(ctx context.Context) (autotask.Credentials, error) {
			k, err := keys(ctx)
			if old {
				k.Secret = "old secret"
			}
			return k, err
		}
	})
	mock.RegisterResponder("POST", "=~.", func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Secret") == "old secret" {
			old = false
			return answer(401, "")(r)
		}
		return answer(200, empty)(r)
	})
	if err := departments(t.Context(), p); err != nil {
		t.Error(err)
	}
}

// A failure that may pass is repeated, a refusal is not: both are HTTP 500.
func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for body, want := range map[string]int{`{"Message":"An error has occurred."}`: 3, `{"errors":["Unable to find foo in the Department Entity."]}`: 2} {
			p, mock := mocked(t, nil)
			n := 0
			mock.RegisterResponder("POST", "=~.", func(r *http.Request) (*http.Response, error) {
				if n++; n < 3 {
					return answer(500, body)(r)
				}
				return answer(200, empty)(r)
			})
			err := departments(t.Context(), p)
			// A refusal is tried once more, without the names of fields.
			if n != want || (err == nil) != (want == 3) {
				t.Errorf("%s: %d requests, %v", body, n, err)
			}
		}
	})
}

func TestDiscovery(t *testing.T) {
	for _, tt := range []struct {
		name    string
		respond httpmock.Responder
		base    string // of the first request; "" for an error
		class   error
	}{
		{"zone", answer(200, info), "https://webservices3.autotask.net/ATServicesRest/V1.0/", nil},
		{"without a slash, in lower case", answer(200, `{"url":"https://webservices19.autotask.net/atservicesrest","ci":7}`), "https://webservices19.autotask.net/atservicesrest/V1.0/", nil},
		{"id as a text", answer(200, `{"url":"https://prde.autotask.net/ATServicesRest/","ci":"7"}`), "https://prde.autotask.net/ATServicesRest/V1.0/", nil},
		{"unknown user", answer(500, `{"errors":["The user does not exist or is not associated with a zone."]}`), "", psa.ErrAuth},
		{"page of a web server", answer(404, `<html>`, "Content-Type", "text/html"), "", psa.ErrUnsupported},
		{"login page", answer(200, "<html>", "Content-Type", "text/html"), "", psa.ErrData},
		{"list", answer(200, "[]"), "", psa.ErrData},
		{"null", answer(200, "null"), "", psa.ErrData},
		{"no id", answer(200, `{"url":"https://webservices3.autotask.net/ATServicesRest/"}`), "", psa.ErrData},
		{"another domain", answer(200, `{"url":"https://autotask.net.evil.example/ATServicesRest/","ci":7}`), "", psa.ErrData},
		{"plain http", answer(200, `{"url":"http://webservices3.autotask.net/ATServicesRest/","ci":7}`), "", psa.ErrData},
		{"loopback", answer(200, `{"url":"http://127.0.0.1/ATServicesRest/","ci":7}`), "", psa.ErrData},
		{"user name in it", answer(200, `{"url":"https://a:b@webservices3.autotask.net/ATServicesRest/","ci":7}`), "", psa.ErrData},
		{"redirect", answer(302, "", "Location", "https://evil.example/"), "", psa.ErrData},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mock := mocked(t, nil)
			mock.RegisterResponder("GET", "=~/zoneInformation", tt.respond)
			got := ""
			mock.RegisterResponder("POST", "=~.", func(r *http.Request) (*http.Response, error) {
				got, _, _ = strings.Cut(r.URL.String(), "Departments")
				return answer(200, empty)(r)
			})
			err := departments(t.Context(), p)
			if !errors.Is(psa.ErrorClass(err), tt.class) || got != tt.base {
				t.Errorf("base %q, %v; want %q, %v", got, err, tt.base, tt.class)
			}
			if err != nil && (strings.Contains(err.Error(), "api+user") || errors.Is(err, psa.ErrNotFound)) {
				t.Errorf("%v names the user, or could be taken for a row that is gone", err)
			}
		})
	}
}

// Many callers share one look; a caller that gives up does not take it along.
func TestDiscoveryIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, mock := mocked(t, nil)
		var looks atomic.Int32
		mock.RegisterResponder("GET", "=~/zoneInformation", func(r *http.Request) (*http.Response, error) {
			looks.Add(1)
			select {
			case <-time.After(10 * time.Second):
				return answer(200, info)(r)
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})
		mock.RegisterNoResponder(answer(200, empty))
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := departments(impatient, p); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("impatient: %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() {
				if err := departments(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := looks.Load(); n != 2 {
			t.Errorf("zoneInformation was asked %d times, want 2: by the impatient caller and for all others", n)
		}
	})
}

// The vendor moves databases. The old zone refuses the login, or shows nothing.
func TestZoneMoved(t *testing.T) {
	for _, blank := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, srv := open(t, autotasktest.Small(), &autotasktest.Options{WrongZoneEmpty: blank}, nil)
			n := len(adaptertest.List(t, p, psa.KindDepartment, psa.Query{}))
			before, err := p.Instance(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			srv.MoveZone()
			srv.ClearCounters()
			if got := len(adaptertest.List(t, p, psa.KindDepartment, psa.Query{})); got != n {
				t.Errorf("%d departments after the move, want %d", got, n)
			}
			// Refused or empty (and the quota, after an hour), zoneInformation, sent again.
			if got := len(srv.Requests()); got != 4 {
				t.Errorf("%d requests, want 4", got)
			}
			if after, err := p.Instance(t.Context()); err != nil || after.ID != before.ID {
				t.Errorf("the move made another instance: %+v, then %+v, %v", before, after, err)
			}
			if strays := srv.Strays(); len(strays) > 0 {
				t.Errorf("requests to other hosts: %v", strays)
			}
		})
	}
}

// A list that is read while the database moves does not end as if it were
// complete, and can be read again at once.
func TestZoneMovedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Medium()
		p, srv := open(t, tenant, nil, func(c *autotask.Config) { c.PageSize = 50 })
		n := 0
		var failed error
		for _, err := range p.List(t.Context(), psa.KindContact, psa.Query{}) {
			if failed = err; err != nil {
				break
			}
			if n++; n == 1 {
				time.Sleep(2 * time.Minute)
				srv.MoveZone()
			}
		}
		if !errors.Is(failed, psa.ErrUnavailable) || !psa.Temporary(failed) || n > 100 {
			t.Errorf("%d rows, %v", n, failed)
		}
		if got, want := len(adaptertest.List(t, p, psa.KindContact, psa.Query{})), len(tenant.IDs("Contacts")); got != want {
			t.Errorf("%d contacts afterwards, want %d", got, want)
		}
	})
}

// Credentials that are refused cost one look, not one with each request.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, mock := mocked(t, nil)
		mock.RegisterResponder("POST", "=~.", answer(401, ""))
		for range 3 {
			if err := departments(t.Context(), p); !errors.Is(err, psa.ErrAuth) {
				t.Fatalf("%v, want ErrAuth", err)
			}
		}
		looks := func() int { return mock.GetCallCountInfo()["GET =~/zoneInformation"] }
		if n := looks(); n != 1 {
			t.Errorf("zoneInformation was asked %d times within a minute, want 1", n)
		}
		time.Sleep(2 * time.Minute)
		_ = departments(t.Context(), p)
		if n := looks(); n != 2 {
			t.Errorf("zoneInformation was asked %d times, want 2", n)
		}
	})
}

// A zone is looked up again twice a day.
func TestZoneGrowsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, mock := mocked(t, nil)
		mock.RegisterNoResponder(answer(200, `{"items":[{"id":1,"name":"x"}],"pageDetails":{"nextPageUrl":null}}`))
		for range 4 {
			if err := departments(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Hour)
		}
		if n := mock.GetCallCountInfo()["GET =~/zoneInformation"]; n != 2 {
			t.Errorf("zoneInformation was asked %d times in 20 hours, want 2", n)
		}
	})
}

func TestInstance(t *testing.T) {
	p, mock := mocked(t, nil)
	want := psa.Instance{ID: "41001", Name: "America East", Version: "1.0"}
	for range 2 {
		if got, err := p.Instance(t.Context()); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	if n := mock.GetTotalCallCount(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	if got, err := p.ServerTime(t.Context()); err != nil || !got.Equal(time.Date(2026, 6, 15, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("server time %v, %v", got, err)
	}
	mock.RegisterResponder("GET", "=~/zoneInformation", httpmock.NewStringResponder(200, info))
	if got, err := p.ServerTime(t.Context()); !errors.Is(err, psa.ErrData) {
		t.Errorf("without a Date header: %v, %v", got, err)
	}
}

// Ten users of one connection stay below three requests to one entity, and each
// gets all rows.
func TestThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Medium()
		tenant.SetClock(time.Now)
		p, srv := open(t, tenant, &autotasktest.Options{Latency: 300 * time.Millisecond}, func(c *autotask.Config) { c.PageSize = 50 })
		want := len(tenant.IDs("Contacts"))
		var wg sync.WaitGroup
		var done [10]time.Duration
		start := time.Now()
		for i := range done {
			wg.Go(func() {
				for _, kind := range []psa.Kind{psa.KindContact, psa.KindBoard, psa.KindMember, psa.KindTicket} {
					n := 0
					for r, err := range p.List(t.Context(), kind, psa.Query{}) {
						if err != nil || r.Err != nil {
							t.Error(kind, err, r.Err)
						}
						n++
					}
					if kind == psa.KindContact && n != want {
						t.Errorf("%d contacts, want %d", n, want)
					}
				}
				done[i] = time.Since(start)
			})
		}
		wg.Wait()
		if n := srv.Violations(); n > 0 {
			t.Errorf("%d violations", n)
		}
		for entity, n := range srv.MaxThreads() {
			if n > 3 {
				t.Errorf("%d requests to %s at the same moment", n, entity)
			}
		}
		if n := srv.MaxThreads()["Contacts"]; n != 3 {
			t.Errorf("at most %d requests to Contacts at the same moment: nothing ran side by side", n)
		}
		first, last := done[0], done[0]
		for _, d := range done {
			first, last = min(first, d), max(last, d)
		}
		if last > 2*first {
			t.Errorf("the fastest took %s, the slowest %s", first, last)
		}
	})
}

// Other programs with the same integration code may use up its threads.
func TestThreadLimit(t *testing.T) {
	for _, status := range []int{500, 429, 403} {
		synctest.Test(t, func(t *testing.T) {
			p, srv := open(t, autotasktest.Small(), nil, nil)
			srv.Fail(autotasktest.Fault{
				Path: "/Departments/**", Count: 2, Status: status,
				Body: `{"errors":["Itgenatr005: Thread Threshold Exceeded."]}`,
			})
			start := time.Now()
			if err := departments(t.Context(), p); err != nil {
				t.Errorf("%d: %v", status, err)
			}
			if d := time.Since(start); d < 4*time.Second || d > 10*time.Second {
				t.Errorf("%d: repeated after %s", status, d)
			}
		})
	}
}

// The vendor's own count holds us up before its limit does.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, mock := mocked(t, nil)
		mock.RegisterResponder("GET", "=~/ThresholdInformation", answer(200, `{"externalRequestThreshold":10000,"requestThresholdTimeframe":60,"currentTimeframeRequestCount":9994}`))
		mock.RegisterNoResponder(answer(200, `{"items":[{"id":1,"name":"x"}],"pageDetails":{"nextPageUrl":null}}`))
		start := time.Now()
		for range 4 {
			if err := departments(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d < 50*time.Minute {
			t.Errorf("four requests took %s, although others had used the hour's quota", d)
		}
	})
}

// Without an answer the budget goes on with what it knows.
func TestQuotaIsNotNeeded(t *testing.T) {
	p, mock := mocked(t, nil)
	mock.RegisterResponder("GET", "=~/ThresholdInformation", answer(403, `{"errors":["no"]}`))
	mock.RegisterNoResponder(answer(200, empty))
	if err := departments(t.Context(), p); err != nil {
		t.Error(err)
	}
}

func TestBudgetIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Small()
		tenant.SetClock(time.Now)
		budget := autotask.NewBudget(&autotask.BudgetConfig{Requests: 20, Share: 0.5})
		a, srv := open(t, tenant, nil, func(c *autotask.Config) { c.Budget = budget })
		b, err := autotask.New(autotask.Config{URL: srv.URL(), Transport: srv.Transport(), Credentials: login(srv), Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for i := range 12 { // and two looks and counts: 16 requests, 10 an hour
			if err := departments(t.Context(), []*autotask.Provider{a, b}[i%2]); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d < time.Hour || d > 2*time.Hour {
			t.Errorf("16 requests at 10 an hour took %s", d)
		}
	})
}

func TestRedirectKeepsCredentialsAtHome(t *testing.T) {
	p, mock := mocked(t, nil)
	mock.RegisterNoResponder(answer(307, "", "Location", "https://evil.example/steal"))
	if err := departments(t.Context(), p); !errors.Is(err, psa.ErrData) {
		t.Error(err)
	}
	for call, n := range mock.GetCallCountInfo() {
		if strings.Contains(call, "evil") && n > 0 {
			t.Errorf("followed to %s", call)
		}
	}
}
