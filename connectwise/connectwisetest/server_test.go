package connectwisetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestCompanyInfo(t *testing.T) {
	c := serve(t, Small(), Options{})
	c.base = "/login"
	bare := func(path string) answer {
		resp, err := (&http.Client{Transport: c.srv.Transport()}).Get(c.srv.URL() + "/login/companyinfo/" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return answer{resp.StatusCode, resp.Header, b, err}
	}
	want := `{"CompanyName":"summitmsp","Codebase":"v2025_1/","VersionCode":"v2025.1","VersionNumber":"v4.6.99999","CompanyID":"summitmsp","IsCloud":"True"}`
	if a := bare("summitmsp"); a.status != 200 || string(a.raw) != want {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if a := bare("nobody"); a.status != 200 || string(a.raw) != "null" {
		t.Errorf("unknown company: %d %s", a.status, a.raw)
	}
	c.srv.SetCodebase("v2025_2")
	if a := bare("SummitMSP"); !strings.Contains(string(a.raw), `"v2025_2/"`) {
		t.Errorf("after an upgrade: %s", a.raw)
	}
	c.srv.SetCompany("othermsp")
	if a := bare("summitmsp"); string(a.raw) != "null" {
		t.Errorf("another instance answers %s", a.raw)
	}
	p := serve(t, Small(), Options{OnPremise: true})
	p.base = ""
	if a := p.get("/login/companyinfo/summitmsp"); !strings.Contains(string(a.raw), `"v4_6_release/"`) || !strings.Contains(string(a.raw), `"IsCloud":"False"`) {
		t.Errorf("on premise: %s", a.raw)
	}
}

func TestCodebase(t *testing.T) {
	c := serve(t, Small(), Options{})
	for base, status := range map[string]int{
		"/v4_6_release/apis/3.0": 200, "/v2025_1/apis/3.0": 200, "/v2024_9/apis/3.0": 404, "/v2025_1/v2025_1/apis/3.0": 400, "/apis/3.0": 400, "": 400, "/nonsense/apis/3.0": 400,
	} {
		c.base = base
		a := c.get("/service/boards")
		if a.status != status {
			t.Errorf("%s: %d", base, a.status)
		}
		if status == 400 && (string(a.raw) != "Cannot route. Codebase/company is invalid" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain")) {
			t.Errorf("%s: %s %s", base, a.header.Get("Content-Type"), a.raw)
		}
	}
	c.srv.SetCodebase("v2025_2")
	c.base = "/v2025_1/apis/3.0"
	c.get("/service/boards").fails(t, 404, "The endpoint does not exist.")
	old := serve(t, Small(), Options{StaleCodebase: 400})
	old.base = "/v2024_1/apis/3.0"
	old.get("/service/boards").fails(t, 400, "Cannot route.")
}

func TestAuthentication(t *testing.T) {
	for name, tc := range map[string]struct {
		opts   Options
		change func(*Credentials)
		head   map[string]string
		status int
		part   string
	}{
		"good":             {status: 200},
		"wrong key":        {change: func(c *Credentials) { c.PrivateKey = "x" }, status: 401, part: `"UserNotAuthenticated"`},
		"wrong company":    {change: func(c *Credentials) { c.Company = "x" }, status: 401},
		"wrong client id":  {head: map[string]string{"clientId": "x"}, status: 401},
		"no client id":     {head: map[string]string{"clientId": ""}, status: 403},
		"no client id 401": {opts: Options{NoClientID: 401}, head: map[string]string{"clientId": ""}, status: 401},
		"looks like 404":   {opts: Options{AuthNotFound: true}, change: func(c *Credentials) { c.PublicKey = "x" }, status: 404, part: "The endpoint does not exist."},
		"bearer":           {head: map[string]string{"Authorization": "Bearer x"}, status: 401},
	} {
		c := serve(t, Small(), tc.opts)
		for k, v := range tc.head {
			c.head[k] = v
		}
		if tc.change != nil { // the server rotates, the client keeps the old ones
			k := c.srv.Credentials()
			old := k
			tc.change(&k)
			c.srv.SetCredentials(k)
			req, _ := http.NewRequest("GET", c.srv.URL()+c.base+"/service/boards", nil)
			req.SetBasicAuth(old.Company+"+"+old.PublicKey, old.PrivateKey)
			req.Header.Set("clientId", old.ClientID)
			resp, err := c.srv.Transport().RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			answer{resp.StatusCode, resp.Header, b, nil}.fails(t, tc.status, tc.part)
			continue
		}
		if a := c.get("/service/boards"); a.status != tc.status || !strings.Contains(string(a.raw), tc.part) {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	open := serve(t, Small(), Options{OpenSystemInfo: true})
	open.head["clientId"] = ""
	if v := open.get("/system/info").row(t, 200)["version"]; v != "v2025.1.99999" {
		t.Errorf("version %v", v)
	}
	open.get("/service/boards").fails(t, 403, "")
	open.do("POST", "/system/info", "{}").fails(t, 405, "")
}

// No credential and no body gets into the request log.
func TestLogHoldsNoSecrets(t *testing.T) {
	c := serve(t, Small(), Options{})
	c.get("/service/boards")
	c.do("POST", "/system/members", Row{"password": "hunter2"})
	raw, err := json.Marshal(c.srv.Requests())
	if err != nil {
		t.Fatal(err)
	}
	k := c.srv.Credentials()
	for _, secret := range []string{k.PrivateKey, k.PublicKey, k.ClientID, "hunter2"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if log := c.srv.Requests(); len(log) != 2 || log[0].Status != 200 || log[0].Sent == 0 || log[1].BodySize == 0 {
		t.Errorf("log %+v", log)
	}
}

func TestVersionHeader(t *testing.T) {
	c := serve(t, Small(), Options{})
	for _, tc := range []struct {
		accept, path string
		status       int
	}{
		{"application/vnd.connectwise.com+json; version=2025.1", "/service/boards", 200},
		{"application/vnd.connectwise.com+json; version=2019.5, application/json", "/service/boards", 200},
		{"application/json", "/service/boards", 200},
		{"application/vnd.connectwise.com+json; version=3.0.0", "/service/boards", 400},
		{"application/vnd.connectwise.com+json; version=2019.5", "/company/communicationTypes", 400},
		{"application/vnd.connectwise.com+json; version=2020.4", "/company/communicationTypes", 200},
	} {
		c.head["Accept"] = tc.accept
		a := c.get(tc.path)
		if a.status != tc.status || tc.status == 400 && !strings.Contains(string(a.raw), "does not support the API version '") {
			t.Errorf("%s %s: %d %s", tc.accept, tc.path, a.status, a.raw)
		}
		if a.header.Get("Api-Current-Version") != "2025.1" || a.header.Get("X-Cw-Request-Id") == "" {
			t.Errorf("headers %v", a.header)
		}
	}
}

func TestRightsAndHiddenRows(t *testing.T) {
	c := serve(t, Small(), Options{})
	c.srv.Deny("GET", "/service/boards/*/teams")
	c.srv.Deny("", "/time/**")
	c.get("/service/boards/12/teams").fails(t, 403, `"code":"Security"`)
	c.get("/time/entries/count").fails(t, 403, "")
	c.get("/service/boards/12/statuses").rows(t)
	if got := strings.Join(c.srv.Denied(), ";"); got != "GET /service/boards/*/teams;/time/**" {
		t.Errorf("denied %s", got)
	}
	c.srv.Hide("/service/boards", 13)
	if got := ids(c.get("/service/boards").rows(t)); len(got) != 2 {
		t.Errorf("boards %v", got)
	}
	if n := c.get("/service/boards/count").row(t, 200)["count"]; n != 2 {
		t.Errorf("count %v", n)
	}
	c.get("/service/boards/13").fails(t, 404, "Board 13 not found")
	c.get("/service/boards/13/statuses").fails(t, 404, "")
	c.srv.AllowAll()
	c.get("/service/boards/13").row(t, 200)
	c.get("/service/boards/12/teams").rows(t)
}

func TestErrorsOfPaths(t *testing.T) {
	c := serve(t, Small(), Options{UIHost: "na.invalid", NoAllNotes: true})
	for _, tc := range []struct {
		method, path string
		status       int
		part         string
	}{
		{"GET", "/service/tickets/48999", 404, `{"code":"NotFound","message":"Ticket 48999 not found"}`},
		{"GET", "/company/contacts/57919", 404, `Contact 57919 not found`},
		{"GET", "/service/boards/99/statuses", 404, `Board 99 not found`},
		{"GET", "/service/boards/99/statuses/count", 404, `Board 99 not found`},
		{"GET", "/service/boards/13/statuses/550", 404, `not found`}, // of another board
		{"GET", "/service/statuses", 404, `The endpoint does not exist.`},
		{"GET", "/service/slas", 404, `The endpoint does not exist.`}, // the path has capitals
		{"GET", "/service/boards/x", 404, `The endpoint does not exist.`},
		{"GET", "/service/tickets/48213/allNotes", 404, `The endpoint does not exist.`},
		{"DELETE", "/service/severities/1", 405, `DELETE`}, {"POST", "/service/severities", 405, `POST`},
		{"DELETE", "/system/members/171", 405, `DELETE`}, {"PATCH", "/system/securityroles/61", 405, `PATCH`},
		{"POST", "/service/boards/12/typeSubTypeItemAssociations", 405, ``}, {"POST", "/service/teams", 405, ``},
		{"PUT", "/service/boards", 405, ``}, {"POST", "/service/boards/count", 405, ``}, {"POST", "/service/boards/12/usages", 405, ``},
		{"GET", "/system/members/171/deactivate", 405, ``},
		{"DELETE", "/system/callbacks/1", 404, `The endpoint does not exist.`},
	} {
		c.do(tc.method, tc.path, nil).fails(t, tc.status, tc.part)
	}
	if m := c.get("/system/members/DRuiz").row(t, 200); m["id"] != 171 {
		t.Errorf("member by identifier: %v", m["id"])
	}
	if m := c.get("/system/info/members/druiz").row(t, 200); m["fullName"] != "Dana Ruiz" {
		t.Errorf("info member by identifier: %v", m)
	}
	c.get("/system/members/nobody").fails(t, 404, "not found")
	c.get("/service/boards?conditions="+strings.Repeat("x", 2000)).fails(t, 414, "")
	req, _ := http.NewRequest("GET", c.srv.URL()+c.base+"/service/boards", nil)
	req.Host = "na.invalid"
	resp, err := c.srv.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	if string(b) != `{"code":"Security","errors":null,"message":"SSL is required."}` {
		t.Errorf("UI host: %s", b)
	}
}

// A minute's rate limit: the body and Retry-After of the guide, and a client
// that waits as told gets through, in no real time.
func TestRateLimitInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Small(), Options{Limit: Limit{Requests: 3, Window: time.Hour}, Latency: time.Second})
		for range 3 {
			c.get("/service/boards").rows(t)
		}
		a := c.get("/service/boards")
		if a.status != 429 || a.header.Get("Retry-After") != "3597" || string(a.raw) != `{"error":"ConnectWiseAPI","message":"Too many requests. Please try again in 3597 seconds."}` {
			t.Fatalf("%d %s %s", a.status, a.header.Get("Retry-After"), a.raw)
		}
		time.Sleep(3597 * time.Second)
		c.get("/service/boards").rows(t)
		if g := c.srv.Gauge(); c.srv.Violations() != 1 || g.Early != 0 || g.MaxInFlight != 1 {
			t.Errorf("%+v", g)
		}
	})
}

func TestDefaultLimitIsTheGuides(t *testing.T) {
	c := serve(t, Small(), Options{})
	refused := 0
	for range 1002 {
		if c.get("/system/info").status == 429 {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d of 1002 requests refused", refused)
	}
	c.srv.Limit(Limit{})
	if a := c.get("/system/info"); a.status != 200 {
		t.Errorf("without a limit: %d", a.status)
	}
}

// The clock of the tenant is in the Date header and in stamps.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := Small()
		c := serve(t, tenant, Options{})
		tenant.Advance(365 * 24 * time.Hour)
		a := c.do("PATCH", "/service/boards/12", `[{"op":"replace","path":"name","value":"Renamed"}]`)
		want := time.Now().AddDate(0, 0, 365).UTC()
		if got := at(a.row(t, 200), "_info", "lastUpdated"); got != stamp(want) {
			t.Errorf("stamped %v, want %v", got, stamp(want))
		}
		if d, err := http.ParseTime(a.header.Get("Date")); err != nil || !d.Equal(want.Truncate(time.Second)) {
			t.Errorf("Date %s", a.header.Get("Date"))
		}
		fixed := time.Date(2026, 6, 9, 12, 0, 0, 0, time.UTC)
		tenant.SetClock(func() time.Time { return fixed })
		if !tenant.Now().Equal(fixed) {
			t.Error("SetClock ignored")
		}
	})
}

func TestListFaults(t *testing.T) {
	c := serve(t, manyContacts(400), Options{})
	path := "/company/contacts?pageSize=100&page=2"
	want := ids(c.get(path).rows(t))
	hit := func(f Fault) []int {
		t.Helper()
		f.Path = "/company/contacts"
		c.srv.Fail(f)
		return ids(c.get(path).rows(t))
	}
	if got := hit(Fault{EmptyList: true}); len(got) != 0 {
		t.Errorf("EmptyList: %d rows", len(got))
	}
	if got := hit(Fault{RepeatPage: true}); got[0] != firstContact {
		t.Errorf("RepeatPage starts at %d", got[0])
	}
	if got := hit(Fault{CapPage: 30}); len(got) != 30 || got[0] != want[0] {
		t.Errorf("CapPage: %d rows", len(got))
	}
	if got := hit(Fault{Shift: 2}); got[0] != want[0]+2 {
		t.Errorf("Shift 2 starts at %d, want %d", got[0], want[0]+2)
	}
	if got := hit(Fault{Shift: -1}); got[0] != want[0]-1 {
		t.Errorf("Shift -1 starts at %d", got[0])
	}
	c.srv.Fail(Fault{NextHost: "evil.invalid"})
	if l := c.get(path).header.Get("Link"); !strings.Contains(l, `<https://evil.invalid/v2025_1/apis/3.0/company/contacts?page=3&pageSize=100>; rel="next"`) {
		t.Errorf("NextHost: %s", l)
	}
	c.srv.Fail(Fault{Path: "/company/contacts/count", CountDelta: -3})
	if n := c.get("/company/contacts/count").row(t, 200)["count"]; n != 397 {
		t.Errorf("CountDelta: %v", n)
	}
	// On forward-only lists the cap shows as more pages, and repeats as the first.
	c.head["pagination-type"] = "forward-only"
	c.srv.Fail(Fault{Path: "/company/contacts", CapPage: 10, Count: -1})
	if got, _ := c.walk(t, "/company/contacts?pageSize=200"); len(got) != 400 {
		t.Errorf("a capped walk has %d rows", len(got))
	}
	c.srv.Heal()
	c.srv.Fail(LoginPage(), Fault{})
	if a := c.get(path); a.status != 200 || !strings.Contains(string(a.raw), "<html>") {
		t.Errorf("login page: %d", a.status)
	}
	c.srv.ClearCounters()
	c.srv.Fail(Redirect("http://connectwise.invalid/x"))
	if a := c.get(path); a.status != 307 || a.header.Get("Location") == "" {
		t.Errorf("redirect: %d", a.status)
	}
	c.srv.Fail(Truncated(CutValid))
	if a := c.get(path); a.err != nil || json.Valid(a.raw) {
		t.Errorf("a cut list is valid JSON")
	}
}

// A write whose answer is lost took effect; one that was dropped before did not.
func TestLostAnswers(t *testing.T) {
	c := serve(t, Small(), Options{})
	count := func() any { return c.get("/service/tickets/count").row(t, 200)["count"] }
	before := count()
	body := Row{"summary": "x", "company": ref(250), "board": ref(12)}
	c.srv.Fail(Fault{Method: "POST", Drop: true})
	if a := c.do("POST", "/service/tickets", body); a.err == nil || count() != before {
		t.Errorf("dropped before: %v, %v tickets", a.err, count())
	}
	c.srv.Fail(Fault{Method: "POST", Drop: true, Apply: true})
	if a := c.do("POST", "/service/tickets", body); a.err == nil || count() != before.(int)+1 {
		t.Errorf("dropped after: %v, %v tickets", a.err, count())
	}
}

func TestStraysAndHooks(t *testing.T) {
	tenant := Small()
	c := serve(t, tenant, Options{})
	c.srv.Before(func(r *http.Request) { tenant.Update("/service/boards", 12, Row{"name": "Changed just before"}) })
	c.srv.After(func(r *http.Request) { tenant.Update("/service/boards", 12, Row{"name": "Changed just after"}) })
	if got := c.get("/service/boards/12").row(t, 200)["name"]; got != "Changed just before" {
		t.Errorf("answered %v", got)
	}
	if got := tenant.Get("/service/boards", 12)["name"]; got != "Changed just after" {
		t.Errorf("stored %v", got)
	}
	req, _ := http.NewRequest("GET", "https://na.invalid/x", nil)
	req.Header.Set("clientId", "x")
	if _, err := c.srv.Transport().RoundTrip(req); err == nil {
		t.Error("a foreign host answered")
	}
	if s := c.srv.Strays(); len(s) != 1 || !s[0].Secret {
		t.Errorf("strays %+v", s)
	}
}

// A listening server answers the same through its socket, its transport and
// its handler.
func TestListening(t *testing.T) {
	srv := NewServer(Small(), &Options{Gzip: true})
	defer srv.Close()
	call := func(rt http.RoundTripper) string {
		req, _ := http.NewRequest("GET", srv.URL()+"/v4_6_release/apis/3.0/service/boards?pageSize=1", nil)
		k := srv.Credentials()
		req.SetBasicAuth(k.Company+"+"+k.PublicKey, k.PrivateKey)
		req.Header.Set("clientId", k.ClientID)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(resp.StatusCode, resp.Header.Get("Link"), string(b))
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	a, b := call(tr), call(srv.Transport())
	if a != b || !strings.HasPrefix(a, "200<http://127.0.0.1:") {
		t.Errorf("socket %s\nin process %s", a, b)
	}
	if srv.Handler() == nil || srv.Tenant() == nil {
		t.Error("no handler or tenant")
	}
	srv.Close()
	srv.Close()
	defer func() {
		if recover() == nil {
			t.Error("URL of a closed server did not panic")
		}
	}()
	srv.URL()
}

func TestSetTenantAndControl(t *testing.T) {
	c := serve(t, Small(), Options{})
	c.srv.SetTenant(NewTenant())
	if n := len(c.get("/service/boards").rows(t)); n != 0 {
		t.Errorf("an empty tenant has %d boards", n)
	}
	ctl := &control{s: c.srv, fresh: Small}
	c.srv.Deny("", "/**")
	c.srv.Fail(Fault{Status: 500})
	ctl.Reset()
	if n := len(c.get("/service/boards").rows(t)); n != 3 {
		t.Errorf("after a reset %d boards", n)
	}
	for _, k := range []string{"company", "publicKey", "privateKey", "clientId", "member", "codebase"} {
		if err := ctl.Set(k, "new-"+k); err != nil || ctl.Settings()[k] != "new-"+k {
			t.Errorf("Set(%s): %v %v", k, err, ctl.Settings())
		}
	}
	if ctl.Set("x", "y") == nil || ctl.Set("company", "") == nil || ctl.Hide("/nothing", 1) == nil {
		t.Error("bad settings were taken")
	}
	id, err := ctl.Edit("/service/boards", 0, Row{"name": "By hand"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ctl.Edit("/service/boards", id, nil); err != nil {
		t.Error(err)
	}
	if _, err := ctl.Edit("/service/boards", id, nil); err == nil {
		t.Error("removed twice")
	}
	if _, err := ctl.Edit("/service/boards", 0, Row{"nme": "x"}); err == nil {
		t.Error("a key that does not exist was taken")
	}
	if ctl.Name() == "" || ctl.Core() == nil || ctl.Core().Rights.Denied() != nil || c.srv.Control(nil) == nil {
		t.Error("control is incomplete")
	}
}

// Readers, writers and people at work at once.
func TestConcurrency(t *testing.T) {
	tenant := Small()
	c := serve(t, tenant, Options{Limit: Limit{Requests: -1}})
	var wg sync.WaitGroup
	fail := make(chan string, 100)
	for w := range 6 {
		wg.Go(func() {
			for i := range 20 {
				var a answer
				switch w % 3 {
				case 0:
					a = c.get("/service/tickets?conditions=board/id=12")
				case 1:
					a = c.do("POST", "/service/tickets", Row{"summary": fmt.Sprintf("%d %d", w, i), "company": ref(250), "board": ref(12), "initialDescription": "x"})
				default:
					tenant.Update("/service/boards/12/statuses", 550, Row{"name": fmt.Sprintf("New %d", i)})
					tenant.Update("/service/boards/12/items", 741, Row{"name": fmt.Sprintf("Item %d", i)})
					a = c.get("/service/boards/12/typeSubTypeItemAssociations?pageSize=1000")
				}
				if a.err != nil || a.status >= 400 {
					fail <- fmt.Sprint(a.status, a.err, string(a.raw))
				}
			}
		})
	}
	wg.Wait()
	close(fail)
	for f := range fail {
		t.Error(f)
	}
	if n := c.get("/service/tickets/count").row(t, 200)["count"]; n != 12+40 {
		t.Errorf("%v tickets", n)
	}
}

func TestCancelledRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Small(), Options{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", c.srv.URL()+c.base+"/service/boards", nil)
		if _, err := c.srv.Transport().RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
