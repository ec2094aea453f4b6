package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
)

func TestAuthorizeFails(t *testing.T) {
	s := &script{t: t, replies: []reply{{status: 200, body: "{}"}}}
	fault := errors.New("no key in the vault at https://vault.example.test/x?token=hunter2")
	c := newTestClient(t, Config{Transport: s, Authorize: func(context.Context, *http.Request) error { return fault }})
	_, err := c.Do(t.Context(), Request{Path: "/x"})
	if !errors.Is(err, psa.ErrAuth) || !errors.Is(err, fault) || strings.Contains(err.Error(), "hunter2") || len(s.sent) > 0 {
		t.Error(err)
	}
	c = newTestClient(t, Config{Transport: s, Authorize: func(context.Context, *http.Request) error {
		return &psa.Error{Code: psa.ErrUnavailable, Op: "token"}
	}})
	if _, err := c.Do(t.Context(), Request{Path: "/x"}); !errors.Is(err, psa.ErrUnavailable) || !strings.Contains(err.Error(), "vendor: token") {
		t.Error(err)
	}
}

// TestSecretsStayOut: whatever the vendor, the transport or Classify quote of
// the credentials, no error shows it.
func TestSecretsStayOut(t *testing.T) {
	authorize := func(_ context.Context, r *http.Request) error {
		r.SetBasicAuth("acme+pubkey77", "privkey88")
		r.Header.Set("clientId", "client-99")
		return nil
	}
	secrets := []string{"pubkey77", "privkey88", "client-99", "YWNtZStwdWJrZXk3Nzpwcml2a2V5ODg="}
	quote := "bad: " + strings.Join(secrets, " | ")
	for name, cfg := range map[string]Config{
		"answer":    {Transport: &script{t: t, replies: []reply{{status: 400, body: quote}}}},
		"page":      {Transport: &script{t: t, replies: []reply{{status: 200, body: "<title>" + quote + "</title>"}}}},
		"transport": {Transport: &script{t: t, replies: []reply{{err: errors.New(quote)}}}},
		"redirect":  {Transport: &script{t: t, replies: []reply{{status: 302, header: map[string]string{"Location": "https://privkey88.test/x"}}}}},
		"classify": {Transport: &script{t: t, replies: []reply{{status: 400}}}, Classify: func(*Response) error {
			return &psa.Error{Code: psa.ErrInvalid, Detail: quote, Err: errors.New(quote)}
		}},
		"foreign error of classify": {Transport: &script{t: t, replies: []reply{{status: 400}}}, Classify: func(*Response) error { return errors.New(quote) }},
	} {
		cfg.Authorize, cfg.Retry.Max = authorize, -1
		var seen error
		trace := psa.Trace{OnRequest: func(r psa.Request) { seen = r.Err }}
		_, err := newTestClient(t, cfg).Do(psa.WithTrace(t.Context(), &trace), Request{Path: "/x"})
		if err == nil || seen == nil || psa.ErrorClass(err) == nil {
			t.Errorf("%s: %v, observed %v", name, err, seen)
			continue
		}
		for _, text := range []string{err.Error(), seen.Error(), fmt.Sprintf("%+v", err)} {
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %q in %s", name, secret, text)
				}
			}
		}
	}
}

// TestOrigin is about where requests and credentials may go.
func TestOrigin(t *testing.T) {
	s := &script{t: t, replies: []reply{{status: 200, body: "{}"}}}
	c := newTestClient(t, Config{
		Transport: s, Discovery: []string{"https://login.example.test"},
		Authorize: func(_ context.Context, r *http.Request) error {
			r.Header.Set("clientId", "hunter2hunter2")
			return nil
		},
	})
	for _, tc := range []struct {
		path  string
		sent  string // "": refused
		creds bool
		class error
	}{
		{path: "/boards", sent: "https://psa.example.test/api/boards?q=1", creds: true},
		{path: "/boards/a%2Fb", sent: "https://psa.example.test/api/boards/a%2Fb?q=1", creds: true},
		{path: "", sent: "https://psa.example.test/api?q=1", creds: true},
		{path: "https://psa.example.test/other?page=2", sent: "https://psa.example.test/other?page=2&q=1", creds: true},
		{path: "https://PSA.example.test:443/other#x", sent: "https://PSA.example.test:443/other?q=1", creds: true},
		{path: "https://login.example.test/zone", sent: "https://login.example.test/zone?q=1"},
		{path: "https://evil.example.test/x?secret=1", class: psa.ErrData},
		{path: "http://psa.example.test/x", class: psa.ErrData},
		{path: "https://psa.example.test:8443/x", class: psa.ErrData},
		{path: "https://user:pw@psa.example.test/x", class: psa.ErrData},
		{path: "https://psa.example.test.evil.test/x", class: psa.ErrData},
		{path: "https://psa.example.test@evil.test/x", class: psa.ErrData},
		{path: "file:///etc/passwd", class: psa.ErrData},
		{path: "//evil.example.test/x", sent: "https://psa.example.test/api//evil.example.test/x?q=1", creds: true},
		{path: "boards", class: psa.ErrInvalid},
		{path: "/boards/../../secret", class: psa.ErrInvalid},
		{path: "/boards/%2e%2e/secret", class: psa.ErrInvalid},
		{path: "/boards?x=1", class: psa.ErrInvalid},
		{path: "/boards#x", class: psa.ErrInvalid},
		{path: "/boards\r\nX: y", class: psa.ErrInvalid},
	} {
		s.sent = nil
		_, err := c.Do(t.Context(), Request{Path: tc.path, Query: url.Values{"q": {"1"}}})
		if tc.class != nil {
			if !errors.Is(err, tc.class) || len(s.sent) > 0 {
				t.Errorf("%s: %v, %d sent", tc.path, err, len(s.sent))
			}
			if strings.Contains(err.Error(), "secret=1") || strings.Contains(err.Error(), "pw") {
				t.Errorf("%s: %v", tc.path, err)
			}
			continue
		}
		if err != nil || len(s.sent) != 1 {
			t.Errorf("%s: %v", tc.path, err)
			continue
		}
		if got := s.sent[0].URL.String(); got != tc.sent {
			t.Errorf("%s: went to %s", tc.path, got)
		}
		if got := s.sent[0].Header.Get("clientId") != ""; got != tc.creds {
			t.Errorf("%s: credentials %v", tc.path, got)
		}
	}
}

// TestAuthorizeCannotRedirect is the second check, right before sending.
func TestAuthorizeCannotRedirect(t *testing.T) {
	for name, turn := range map[string]func(*http.Request){
		"host":   func(r *http.Request) { r.Host = "evil.example.test" },
		"url":    func(r *http.Request) { r.URL.Host = "evil.example.test" },
		"scheme": func(r *http.Request) { r.URL.Scheme = "http" },
	} {
		s := &script{t: t, replies: []reply{{status: 200, body: "{}"}}}
		c := newTestClient(t, Config{Transport: s, Authorize: func(_ context.Context, r *http.Request) error { turn(r); return nil }})
		if _, err := c.Do(t.Context(), Request{Path: "/x"}); err == nil || len(s.sent) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNew(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://psa.example.test":            true,
		"https://psa.example.test:8443/a/b/":  true,
		"http://localhost:8080":               true,
		"http://127.0.0.1:1/x":                true,
		"http://[::1]:1":                      true,
		"http://psa.example.test":             false,
		"http://127.0.0.1.example.test":       false,
		"http://10.0.0.1":                     false,
		"https://user:hunter2@psa.test":       false,
		"https://psa.example.test?key=hunter": false,
		"https://psa.example.test#x":          false,
		"https://":                            false,
		"mailto:x":                            false,
		"":                                    false,
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(Config{Base: u})
		if (err == nil) != ok || !ok && !errors.Is(err, psa.ErrInvalid) {
			t.Errorf("%s: %v", base, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", base, err)
		}
	}
	if _, err := New(Config{}); !errors.Is(err, psa.ErrInvalid) {
		t.Error(err)
	}
	u, _ := url.Parse(testBase)
	for _, d := range []string{"http://x.test", "x", "https://a:b@c.test", "https://\x7f"} {
		if _, err := New(Config{Base: u, Discovery: []string{d}}); !errors.Is(err, psa.ErrInvalid) {
			t.Errorf("%q: %v", d, err)
		}
	}
}

// server is a vendor on a real socket.
func server(t *testing.T, h http.HandlerFunc) *url.URL {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestSockets runs the faults that only net/http itself can make.
func TestSockets(t *testing.T) {
	var stolen, hits atomic.Int64
	evil := server(t, func(http.ResponseWriter, *http.Request) { stolen.Add(1) })
	base := server(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, evil.String()+"/x?secret=1", http.StatusFound)
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `[{"id":1}]`)
		case "/chunk":
			_, _ = io.WriteString(w, `[{"id":1}`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/drop":
			panic(http.ErrAbortHandler)
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.Copy(w, bomb(8<<20))
		case "/gzip":
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				http.Error(w, "not asked", 400)
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, zipped(`{"id":1}`))
		case "/header":
			w.Header().Set("X-Big", strings.Repeat("x", 2*maxHeader))
			_, _ = io.WriteString(w, "[]")
		}
	})
	c := newTestClient(t, Config{
		Base: base, MaxBody: 1 << 20, Retry: Retry{Base: time.Millisecond, Cap: 2 * time.Millisecond},
		Authorize: func(_ context.Context, r *http.Request) error { r.Header.Set("clientId", "hunter2"); return nil },
	})
	defer c.CloseIdleConnections()
	for _, tc := range []struct {
		path, method string
		hits         int64
		class        error
	}{
		{"/redirect", "GET", 1, psa.ErrData},
		{"/redirect", "POST", 1, psa.ErrData},
		{"/short", "GET", 5, psa.ErrUnavailable},
		{"/short", "POST", 1, psa.ErrUnavailable},
		{"/chunk", "GET", 5, psa.ErrUnavailable},
		{"/drop", "GET", 5, psa.ErrUnavailable},
		{"/drop", "POST", 1, psa.ErrUnavailable},
		{"/bomb", "GET", 1, psa.ErrData},
		{"/gzip", "GET", 1, nil},
		{"/header", "GET", 5, psa.ErrUnavailable},
	} {
		hits.Store(0)
		c.CloseIdleConnections() // net/http repeats a GET by itself on a stale connection
		_, err := c.Do(t.Context(), Request{Method: tc.method, Path: tc.path})
		if !errors.Is(err, tc.class) || tc.class == nil && err != nil || hits.Load() != tc.hits {
			t.Errorf("%s %s: %v after %d requests", tc.method, tc.path, err, hits.Load())
		}
	}
	if stolen.Load() > 0 {
		t.Error("the redirect was followed")
	}
}

// TestUnsent is about writes whose error proves that the server saw nothing:
// the connection could not be made, which net/http's hooks tell.
func TestUnsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	var trace psa.Trace
	c := newTestClient(t, Config{Base: base, Retry: Retry{Max: 2, Base: time.Millisecond}})
	_, err = c.Do(psa.WithTrace(t.Context(), &trace), Request{Method: "POST", Path: "/x", Body: []byte("{}")})
	if !errors.Is(err, psa.ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) || trace.Sum().Requests != 3 {
		t.Error(err, trace.Sum())
	}

	// A handshake that fails half-way: a server without TLS.
	plain := server(t, func(http.ResponseWriter, *http.Request) { t.Error("got a request") })
	plain.Scheme = "https"
	trace = psa.Trace{}
	c = newTestClient(t, Config{Base: plain, Retry: Retry{Max: 2, Base: time.Millisecond}})
	_, err = c.Do(psa.WithTrace(t.Context(), &trace), Request{Method: "POST", Path: "/x", Body: []byte("{}")})
	if !errors.Is(err, psa.ErrUnavailable) || trace.Sum().Requests != 3 {
		t.Error(err, trace.Sum())
	}

	// A certificate that is not to be trusted stays so.
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("got a request") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	self, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	trace = psa.Trace{}
	c = newTestClient(t, Config{Base: self, Retry: Retry{Max: 2, Base: time.Millisecond}})
	_, err = c.Do(psa.WithTrace(t.Context(), &trace), Request{Path: "/x"})
	if !errors.Is(err, psa.ErrUnavailable) || trace.Sum().Requests != 1 {
		t.Error(err, trace.Sum())
	}
}
