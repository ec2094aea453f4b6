package connectwisetest

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	base string // codebase and root
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
	return &client{t: t, srv: NewServer(tenant, &opts), base: "/v4_6_release/apis/3.0", head: map[string]string{}}
}

// do sends a request; body may be nil, a string of JSON or a value.
func (c *client) do(method, path string, body any) answer {
	c.t.Helper()
	var rd io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		rd = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		rd = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, c.srv.URL()+c.base+path, rd)
	if err != nil {
		c.t.Fatal(err)
	}
	k := c.srv.Credentials()
	req.SetBasicAuth(k.Company+"+"+k.PublicKey, k.PrivateKey)
	req.Header.Set("clientId", k.ClientID)
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

func (c *client) get(path string) answer { c.t.Helper(); return c.do("GET", path, nil) }

// with adds parameters to a path.
func with(path string, kv ...string) string {
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
	}
	return path + "?" + v.Encode()
}

// rows decodes a list.
func (a answer) rows(t *testing.T) []map[string]any {
	t.Helper()
	if a.err != nil || a.status != 200 {
		t.Fatalf("status %d, %v: %s", a.status, a.err, a.raw)
	}
	v, err := simulator.Decode(a.raw)
	if err != nil {
		t.Fatalf("%v: %s", err, a.raw)
	}
	out := []map[string]any{}
	for _, e := range v.([]any) {
		out = append(out, e.(map[string]any))
	}
	return out
}

// row decodes an object.
func (a answer) row(t *testing.T, status int) map[string]any {
	t.Helper()
	if a.err != nil || a.status != status {
		t.Fatalf("status %d, want %d, %v: %s", a.status, status, a.err, a.raw)
	}
	v, err := simulator.Decode(a.raw)
	if err != nil {
		t.Fatalf("%v: %s", err, a.raw)
	}
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("not an object: %s", a.raw)
	}
	return m
}

// fails checks an error answer: status and a part of the body.
func (a answer) fails(t *testing.T, status int, part string) {
	t.Helper()
	if a.err != nil || a.status != status || !strings.Contains(string(a.raw), part) {
		t.Errorf("status %d %s (%v), want %d with %q", a.status, a.raw, a.err, status, part)
	}
}

// at returns a value inside nested objects and arrays: at(m, "board", "id").
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

// lists returns the path of every list that can be read, with the parents'
// ids of the tenant filled in: up to three of each.
func (c *client) lists() map[string]*endpoint {
	out := map[string]*endpoint{}
	for _, e := range loadAPI().lists {
		if !e.does("L") {
			continue
		}
		paths := []string{e.path}
		for _, p := range e.parents {
			up := loadAPI().byTable[parentTable(e, p)]
			var next []string
			for _, path := range paths {
				before, after, _ := strings.Cut(path, "{}")
				list := up.path
				if strings.Contains(list, "{}") { // items of the board already in the path
					list = strings.TrimSuffix(before, "/")
				}
				ids := c.srv.Tenant().IDs(list)
				for _, id := range ids[:min(3, len(ids))] {
					next = append(next, fmt.Sprintf("%s%d%s", before, id, after))
				}
			}
			paths = next
		}
		for _, p := range paths {
			out[p] = e
		}
	}
	return out
}

// manyContacts returns a small tenant with n contacts.
func manyContacts(n int) *Tenant {
	s := small()
	s.contacts = n
	return generate(s)
}

// smallVirtual returns a small tenant with virtual contacts and tickets.
func smallVirtual(contacts, tickets int) *Tenant {
	s := small()
	s.virtualContacts, s.virtualTickets = contacts, tickets
	return generate(s)
}
