package halopsatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDiscovery(t *testing.T) {
	for _, shared := range []bool{false, true} {
		c := newClient(t, Small(), &Options{SharedAuth: shared})
		c.token = ""
		info := c.one("/authinfo")
		if info["tenant_id"] != "summitmsp" || strings.TrimRight(text(info["auth_url"]), "/") != c.srv.AuthURL() {
			t.Errorf("authinfo %v, auth server %s", info, c.srv.AuthURL())
		}
		if strings.HasPrefix(c.srv.AuthURL(), c.srv.URL()) == shared {
			t.Errorf("shared %v: %s", shared, c.srv.AuthURL())
		}
		if v := c.one("/InstanceInfo"); v["app_version"] != "2.250.32" {
			t.Errorf("InstanceInfo %v", v)
		}
	}
	c := newClient(t, Small(), &Options{NoAuthInfo: true})
	if status, _, _ := c.do("GET", "/authinfo", nil); status != 404 {
		t.Errorf("authinfo of an old build: %d", status)
	}
}

func TestToken(t *testing.T) {
	c := newClient(t, Small(), &Options{SharedAuth: true})
	good := c.form()
	status, body := c.askToken("?tenant=summitmsp", good)
	if status != 200 || body["token_type"] != "Bearer" || body["expires_in"] != 3600 || text(body["access_token"]) == "" {
		t.Fatalf("%d %v", status, body)
	}
	for name, x := range map[string]struct {
		query, key, value, want string
	}{
		"secret":    {"?tenant=summitmsp", "client_secret", "wrong", "invalid_client"},
		"client":    {"?tenant=summitmsp", "client_id", "wrong", "invalid_client"},
		"grant":     {"?tenant=summitmsp", "grant_type", "password", "unsupported_grant_type"},
		"scope":     {"?tenant=summitmsp", "scope", "", "invalid_scope"},
		"no tenant": {"", "scope", "all", "invalid_request"},
		"tenant":    {"?tenant=other", "scope", "all", "invalid_request"},
	} {
		form := c.form()
		form.Set(x.key, x.value)
		if status, body := c.askToken(x.query, form); status != 400 || body["error"] != x.want {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	// The shared server is the only one, and it has no API.
	for _, u := range []string{c.srv.URL() + "/auth/token", c.srv.URL() + "/token", c.srv.AuthURL() + "/api/Status"} {
		req, err := http.NewRequest("POST", u, strings.NewReader(good.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if status, _, _ := c.send(req); status != 404 {
			t.Errorf("%s: %d", u, status)
		}
	}
	req, err := http.NewRequest("POST", c.srv.AuthURL()+"/token?tenant=summitmsp", strings.NewReader(`{"grant_type":"client_credentials"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if status, body, _ := c.send(req); status != 400 || !bytes.Contains(body, []byte("invalid_request")) {
		t.Errorf("JSON instead of a form: %d %s", status, body)
	}
}

// Without a good token everything but discovery is 401.
func TestBearer(t *testing.T) {
	c := newClient(t, Small(), nil)
	good := c.token
	for _, tok := range []string{"", "nonsense", good + "x"} {
		c.token = tok
		if status, _, h := c.do("GET", "/Status", nil); status != 401 || h.Get("WWW-Authenticate") == "" {
			t.Errorf("token %q: %d %v", tok, status, h)
		}
	}
	c.token = good
	if me := c.one("/Agent/me"); me["id"] != apiAgent {
		t.Errorf("Agent/me is %v", me)
	}
	k := c.srv.Credentials()
	k.ClientSecret = "rotated"
	c.srv.SetCredentials(k)
	if status, _, _ := c.do("GET", "/Status", nil); status != 401 {
		t.Errorf("a token of the old secret: %d", status)
	}
	c.login()
	c.srv.RevokeTokens()
	if status, _, _ := c.do("GET", "/Status", nil); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
	c.login()
	c.srv.SetTenantID("othermsp")
	if id := c.one("/authinfo")["tenant_id"]; id != "othermsp" || c.srv.TokensIssued() != 3 {
		t.Errorf("tenant %v, %d tokens", id, c.srv.TokensIssued())
	}
}

// A token expires by the vendor's clock, in the middle of a run.
func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, Small(), nil)
		defer c.srv.Close()
		c.srv.SetTokenLife(90 * time.Second)
		c.login()
		for at, want := range []int{200, 200, 401} {
			if status, _, _ := c.do("GET", "/Status", nil); status != want {
				t.Errorf("after %d minutes: %d, want %d", at, status, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, Small(), nil)
		defer c.srv.Close()
		get := func() (int, string, http.Header) {
			status, body, h := c.do("GET", "/Team", nil)
			return status, string(body), h
		}
		for n := 2; n <= 700; n++ { // the token counts too
			if status, body, _ := get(); status != 200 {
				t.Fatalf("request %d: %d %s", n, status, body)
			}
		}
		status, body, h := get()
		if status != 429 || body != "Rate Limit Reached - 700 Requests per rolling 5 minute window." || h.Get("Retry-After") != "" || strings.Contains(h.Get("Content-Type"), "json") {
			t.Errorf("%d %q %v", status, body, h)
		}
		req, err := http.NewRequest("POST", c.srv.AuthURL()+"/token", strings.NewReader(c.form().Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if status, _, _ := c.send(req); status != 429 {
			t.Errorf("token over the limit: %d", status)
		}
		time.Sleep(5 * time.Minute)
		if status, _, _ := get(); status != 200 || c.srv.Violations() != 2 {
			t.Errorf("after the window: %d, %d violations", status, c.srv.Violations())
		}
	})
}

func TestRetryAfterByOption(t *testing.T) {
	c := newClient(t, Small(), &Options{RetryAfter: true, Limit: Limit{Requests: 1, Window: 10 * time.Minute}})
	status, body, h := c.do("GET", "/Team", nil)
	if status != 429 || h.Get("Retry-After") != "600" || !strings.Contains(string(body), "1 Requests per rolling 10 minute") {
		t.Errorf("%d %s %v", status, body, h)
	}
}

func TestRights(t *testing.T) {
	c := newClient(t, Small(), &Options{NoRights: []string{"/Client/*"}})
	if status, _, _ := c.do("GET", "/Client/12", nil); status != 401 {
		t.Errorf("a detail without rights: %d", status)
	}
	if len(c.rows("/Client")) == 0 {
		t.Error("the list is refused too")
	}
	c.srv.Deny("", "/Lookup")
	c.srv.Deny("POST", "/Tickets")
	for path, want := range map[string]int{"/Lookup?lookupid=11": 403, "/lookup?lookupid=11": 403, "/Tickets": 200} {
		if status, _, _ := c.do("GET", path, nil); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _, _ := c.do("POST", "/tickets", []Row{{"summary": "x"}}); status != 403 {
		t.Errorf("POST: %d", status)
	}
	if d := c.srv.Denied(); len(d) != 2 || d[1] != "POST /Tickets" {
		t.Errorf("denied %v", d)
	}
	n := len(c.rows("/Site"))
	c.srv.Hide("/Site", 2)
	if status, _, _ := c.do("GET", "/Site/2", nil); status != 404 || len(c.rows("/Site")) != n-1 {
		t.Errorf("a hidden row: %d, %d rows of %d", status, len(c.rows("/Site")), n)
	}
	c.srv.Hide("/Tickets", 4321)
	if status, _, _ := c.do("GET", "/Actions/1?ticket_id=4321", nil); status != 404 || len(c.rows("/Actions?ticket_id=4321")) != 0 {
		t.Errorf("an action of a hidden ticket: %d", status)
	}
	c.srv.AllowAll()
	if status, _, _ := c.do("GET", "/Lookup?lookupid=11", nil); status != 200 || len(c.rows("/Site")) != n {
		t.Error("AllowAll gives not everything back")
	}
}

func TestRoutes(t *testing.T) {
	c := newClient(t, Small(), nil)
	for path, want := range map[string]int{
		"/Nonsense": 404, "/Status/1": 200, "/status/1": 200, "/Status/999": 404, "/Status/abc": 404, "/Priority/1": 404, "/Lookup/1?lookupid=17": 200, "/Lookup/1": 400, "/Lookup/99?lookupid=17": 404, "/TicketTypeField": 200,
	} {
		if status, body, _ := c.do("GET", path, nil); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, m := range []string{"PUT", "PATCH"} {
		if status, _, _ := c.do(m, "/Status/1", "{}"); status != 405 {
			t.Errorf("%s: %d", m, status)
		}
	}
	p := c.rows("/Priority")[0]
	if got := c.one("/Priority/" + text(p["id"])); got["name"] != p["name"] {
		t.Errorf("by GUID: %v, want %v", got, p)
	}
}

func TestUnfilteredActionsTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, Small(), nil)
		defer c.srv.Close()
		start := time.Now()
		status, _, h := c.do("GET", "/Actions", nil)
		if status != 504 || time.Since(start) != time.Minute || strings.Contains(h.Get("Content-Type"), "json") {
			t.Errorf("%d after %v", status, time.Since(start))
		}
	})
}

func TestFaultsAndLog(t *testing.T) {
	c := newClient(t, Small(), nil)
	c.srv.Fail(Fault{Path: "/Tickets/*", Status: 502}, Fault{Path: "/token", Status: 503, Nth: 2})
	if status, _, _ := c.do("GET", "/tickets/4321", nil); status != 502 {
		t.Errorf("fault: %d", status)
	}
	c.login()
	req, err := http.NewRequest("POST", c.srv.AuthURL()+"/token", strings.NewReader(c.form().Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := c.send(req); status != 503 {
		t.Errorf("second token: %d", status)
	}
	c.srv.Fail(Fault{Path: "/Status", Cut: CutChunk})
	req, err = http.NewRequest("GET", c.srv.URL()+"/api/Status", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut body: %v", err)
	}
	log := c.srv.Requests()
	if last := log[len(log)-1]; last.Path != "/api/Status" || !last.Fault {
		t.Errorf("log ends with %+v", last)
	}
	raw, err := json.Marshal(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{c.token, c.srv.Credentials().ClientSecret} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

func TestStrays(t *testing.T) {
	c := newClient(t, Small(), nil)
	req, err := http.NewRequest("GET", "https://elsewhere.example/api/Status", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if resp, err := c.http.Do(req); err == nil {
		resp.Body.Close()
		t.Error("another host answered")
	}
	if s := c.srv.Strays(); len(s) != 1 || !s[0].Secret {
		t.Errorf("strays %+v", s)
	}
}

// Over a socket: both origins listen, Close ends them.
func TestListens(t *testing.T) {
	srv := NewServer(Small(), &Options{SharedAuth: true, Latency: time.Millisecond})
	defer srv.Close()
	k := srv.Credentials()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {k.ClientID}, "client_secret": {k.ClientSecret}, "scope": {"all"}}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.PostForm(srv.AuthURL()+"/token?tenant="+k.Tenant, form)
	if err != nil {
		t.Fatal(err)
	}
	var tok struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&tok); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	req, err := http.NewRequest("GET", srv.URL()+"/api/Status", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tok.Token)
	if resp, err = client.Do(req); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("%d", resp.StatusCode)
	}
	u := srv.URL()
	srv.Close()
	if resp, err := client.Get(u); err == nil {
		resp.Body.Close()
		t.Error("a closed server answers")
	}
}

func TestControl(t *testing.T) {
	c := newClient(t, Small(), nil)
	h := c.srv.Control(Small)
	call := func(method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		w := &response{header: http.Header{}}
		h.ServeHTTP(w, req)
		return w.status, w.body.String()
	}
	if code, body := call("GET", "/_sim/", ""); code != 200 || !strings.Contains(body, "HaloPSA") {
		t.Errorf("page: %d", code)
	}
	if code, body := call("POST", "/_sim/rows", `{"path":"/Lookup/17","row":{"name":"Typed in"}}`); code != 200 {
		t.Fatalf("rows: %d %s", code, body)
	}
	if !strings.Contains(fmt.Sprint(c.rows("/Lookup?lookupid=17")), "Typed in") {
		t.Error("the edit does not show")
	}
	for body, want := range map[string]int{
		`{"path":"/Status","row":{"nonsense":1}}`: 400, `{"path":"/Nonsense","row":{}}`: 400, `{"path":"/Status","id":1,"row":null}`: 200, `{"path":"/Actions","row":{}}`: 400,
	} {
		if code, got := call("POST", "/_sim/rows", body); code != want {
			t.Errorf("%s: %d %s", body, code, got)
		}
	}
	if code, _ := call("POST", "/_sim/settings", `{"key":"tokens","value":"revoke"}`); code != 200 {
		t.Errorf("settings: %d", code)
	}
	if status, _, _ := c.do("GET", "/Status", nil); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
	for _, kv := range [][2]string{{"tenant", "other"}, {"clientSecret", "new"}, {"clientId", "new"}, {"application", "App"}} {
		if code, _ := call("POST", "/_sim/settings", fmt.Sprintf(`{"key":%q,"value":%q}`, kv[0], kv[1])); code != 200 {
			t.Errorf("%s: %d", kv[0], code)
		}
	}
	if code, _ := call("POST", "/_sim/settings", `{"key":"nonsense","value":"x"}`); code != 400 {
		t.Errorf("an unknown setting: %d", code)
	}
	call("POST", "/_sim/rights", `{"deny":{"method":"","path":"/Site"}}`)
	call("POST", "/_sim/rights", `{"hide":{"path":"/Status","id":2}}`)
	c.login()
	if status, _, _ := c.do("GET", "/Site", nil); status != 403 {
		t.Errorf("denied: %d", status)
	}
	if code, _ := call("POST", "/_sim/reset", `{}`); code != 200 {
		t.Errorf("reset: %d", code)
	}
	if got := fmt.Sprint(c.rows("/Lookup?lookupid=17")); strings.Contains(got, "Typed in") || len(c.rows("/Site")) == 0 {
		t.Error("a reset keeps edits or denials")
	}
}

// response is a http.ResponseWriter that keeps the answer.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(code int) { w.status = code }

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = 200
	}
	return w.body.Write(p)
}
