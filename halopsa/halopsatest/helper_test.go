package halopsatest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/simulator"
)

// client talks to a simulator as a program would.
type client struct {
	t     testing.TB
	srv   *Server
	http  *http.Client
	token string
}

func newClient(t testing.TB, tenant *Tenant, opts *Options) *client {
	t.Helper()
	o := Options{}
	if opts != nil {
		o = *opts
	}
	o.InProcess = true
	srv := NewServer(tenant, &o)
	t.Cleanup(srv.Close)
	c := &client{t: t, srv: srv, http: &http.Client{Transport: srv.Transport()}}
	c.login()
	return c
}

func (c *client) form() url.Values {
	k := c.srv.Credentials()
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {k.ClientID}, "client_secret": {k.ClientSecret}, "scope": {"all"}}
}

// askToken posts a form to the authorisation server.
func (c *client) askToken(query string, form url.Values) (int, Row) {
	c.t.Helper()
	req, err := http.NewRequest("POST", c.srv.AuthURL()+"/token"+query, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body, _ := c.send(req)
	v, err := simulator.Decode(body)
	if err != nil {
		c.t.Fatalf("token: %d %q: %v", status, body, err)
	}
	m, _ := v.(map[string]any)
	return status, m
}

func (c *client) login() {
	c.t.Helper()
	status, body := c.askToken("?tenant="+c.srv.Credentials().Tenant, c.form())
	if status != 200 {
		c.t.Fatalf("token: %d %v", status, body)
	}
	c.token = text(body["access_token"])
}

func (c *client) send(req *http.Request) (int, []byte, http.Header) {
	c.t.Helper()
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, body, resp.Header
}

// do sends a request below /api; a body that is no string is encoded.
func (c *client) do(method, path string, body any) (int, []byte, http.Header) {
	c.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r = strings.NewReader(string(raw))
	}
	req, err := http.NewRequest(method, c.srv.URL()+"/api"+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.send(req)
}

// value sends a request that must succeed and decodes the answer.
func (c *client) value(method, path string, body any) any {
	c.t.Helper()
	status, raw, _ := c.do(method, path, body)
	if status/100 != 2 {
		c.t.Fatalf("%s %s: %d %s", method, path, status, raw)
	}
	v, err := simulator.Decode(raw)
	if err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, raw)
	}
	return v
}

// rows reads a list, wrapped or not.
func (c *client) rows(path string) []Row {
	c.t.Helper()
	v := c.value("GET", path, nil)
	if m, ok := v.(map[string]any); ok {
		v = nil
		for _, e := range m {
			if _, ok := e.([]any); ok {
				v = e
			}
		}
	}
	if v == nil {
		c.t.Fatalf("GET %s: no list", path)
	}
	return objects(v)
}

// one reads one object.
func (c *client) one(path string) Row {
	c.t.Helper()
	m, ok := c.value("GET", path, nil).(map[string]any)
	if !ok {
		c.t.Fatalf("GET %s: no object", path)
	}
	return m
}

// post writes rows; it must succeed.
func (c *client) post(path string, rows ...Row) Row {
	c.t.Helper()
	m, ok := c.value("POST", path, rows).(map[string]any)
	if !ok {
		c.t.Fatalf("POST %s: no object", path)
	}
	return m
}

// refuse writes a row that must be refused with 400 and these words.
func (c *client) refuse(path string, row Row, words string) {
	c.t.Helper()
	status, body, _ := c.do("POST", path, []Row{row})
	if status != 400 || !strings.Contains(string(body), words) {
		c.t.Errorf("POST %s %v: %d %s, want 400 %q", path, row, status, body, words)
	}
}
