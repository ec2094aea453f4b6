package autotasktest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/simulator"
)

// client calls a server in process.
type client struct {
	t    *testing.T
	srv  *Server
	base string // of the zone, with version
	head map[string]string
}

// answer is one response.
type answer struct {
	status int
	header http.Header
	raw    []byte
	err    error
}

func serve(t *testing.T, tenant *Tenant, opts Options) *client {
	t.Helper()
	opts.InProcess = true
	return &client{t: t, srv: NewServer(tenant, &opts), base: "https://" + zoneHost(0) + apiRoot + "/" + apiVersion, head: map[string]string{}}
}

// do sends a request; body may be nil, a string of JSON or a value. A path
// that is a URL is taken as it is.
func (c *client) do(method, path string, body any) answer {
	var rd io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		rd = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return answer{err: err}
		}
		rd = bytes.NewReader(raw)
	}
	if !strings.HasPrefix(path, "https://") {
		path = c.base + path
	}
	req, err := http.NewRequest(method, path, rd)
	if err != nil {
		return answer{err: err}
	}
	k := c.srv.Credentials()
	req.Header.Set("ApiIntegrationCode", k.IntegrationCode)
	req.Header.Set("UserName", k.UserName)
	req.Header.Set("Secret", k.Secret)
	req.Header.Set("Content-Type", "application/json")
	for h, v := range c.head {
		req.Header.Set(h, v)
	}
	resp, err := c.srv.Transport().RoundTrip(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, raw, err}
}

func (c *client) get(path string) answer { return c.do("GET", path, nil) }

// query POSTs a query with these conditions; none means every row.
func (c *client) query(collection string, conditions ...any) answer {
	return c.do("POST", "/"+collection+"/query", Row{"filter": all(conditions)})
}

// all returns the conditions, or one that every row fits.
func all(conditions []any) []any {
	if len(conditions) == 0 {
		return []any{cond("gte", "id", 0)}
	}
	return conditions
}

// cond makes a condition; a value may be left out.
func cond(op, field string, value ...any) Row {
	f := Row{"op": op, "field": field}
	if len(value) > 0 {
		f["value"] = value[0]
	}
	return f
}

// object decodes an answer.
func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	if a.err != nil || a.status != 200 {
		t.Fatalf("status %d, %v: %s", a.status, a.err, a.raw)
	}
	v, err := simulator.Decode(a.raw)
	if err != nil {
		t.Fatalf("%v: %s", err, a.raw)
	}
	return v.(map[string]any)
}

// rows decodes the items of a page.
func (a answer) rows(t *testing.T) []map[string]any {
	t.Helper()
	out := []map[string]any{}
	for _, e := range a.object(t)["items"].([]any) {
		out = append(out, e.(map[string]any))
	}
	return out
}

// item decodes one row.
func (a answer) item(t *testing.T) map[string]any {
	t.Helper()
	m, ok := a.object(t)["item"].(map[string]any)
	if !ok {
		t.Fatalf("no item: %s", a.raw)
	}
	return m
}

// saved returns the id that a write answers.
func (a answer) saved(t *testing.T) int {
	t.Helper()
	id, ok := a.object(t)["itemId"].(int)
	if !ok {
		t.Fatalf("no itemId: %s", a.raw)
	}
	return id
}

// fails checks an error answer: status and a part of the body.
func (a answer) fails(t *testing.T, status int, part string) {
	t.Helper()
	if a.err != nil || a.status != status || !strings.Contains(string(a.raw), part) {
		t.Errorf("status %d %s (%v), want %d with %q", a.status, a.raw, a.err, status, part)
	}
}

// at returns a value inside nested objects and arrays.
func at(v any, path ...any) any {
	for _, p := range path {
		switch k := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func ids(rows []map[string]any) []int {
	out := make([]int, len(rows))
	for i, r := range rows {
		out[i], _ = r["id"].(int)
	}
	return out
}

// walk follows the links of a POST query to the end.
func (c *client) walk(t *testing.T, collection string, query Row) [][]int {
	t.Helper()
	var pages [][]int
	a := c.do("POST", "/"+collection+"/query", query)
	for {
		pages = append(pages, ids(a.rows(t)))
		next, _ := at(a.object(t), "pageDetails", "nextPageUrl").(string)
		if next == "" {
			return pages
		}
		if len(pages) > 10_000 {
			t.Fatal("paging does not end")
		}
		a = c.do("POST", next, Row{"filter": query["filter"]})
	}
}

// searchURL is a GET query.
func searchURL(collection string, query Row) string {
	raw, err := json.Marshal(query)
	if err != nil {
		panic(err)
	}
	return "/" + collection + "/query?search=" + url.QueryEscape(string(raw))
}
