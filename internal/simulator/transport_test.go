package simulator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var payload = strings.Repeat(`{"id":1,"name":"x"},`, 2000)

// echo answers with the size named in the query.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Query().Get("size") {
	case "none":
		w.WriteHeader(http.StatusNoContent)
	case "big":
		_, _ = io.WriteString(w, payload)
	case "body":
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(b)
	default:
		_, _ = io.WriteString(w, `{"ok":true}`)
	}
}

func own(u *url.URL) bool { return u.Host == "sim.invalid" && u.Scheme == "https" }

func newCore(opts Options) (*Core, *http.Client) {
	if opts.Handler == nil {
		opts.Handler = http.HandlerFunc(echo)
	}
	c := New(opts)
	return c, &http.Client{Transport: c.Transport(c, own), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func fetch(t *testing.T, c *http.Client, url string) (*http.Response, []byte, error) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

// The in-process transport and a socket give the same answers.
func TestTransportLikeSocket(t *testing.T) {
	for _, gzip := range []bool{false, true} {
		core, inProcess := newCore(Options{Gzip: gzip})
		l, err := Listen("127.0.0.1:0", core)
		if err != nil {
			t.Fatal(err)
		}
		socket := &http.Client{Transport: &http.Transport{}}
		for _, q := range []string{"", "?size=none", "?size=big"} {
			a, ab, aerr := fetch(t, inProcess, "https://sim.invalid/"+q)
			b, bb, berr := fetch(t, socket, "http://"+l.Addr()+"/"+q)
			if aerr != nil || berr != nil {
				t.Fatalf("%q: %v, %v", q, aerr, berr)
			}
			if !bytes.Equal(ab, bb) || a.StatusCode != b.StatusCode || a.ContentLength != b.ContentLength || a.Uncompressed != b.Uncompressed ||
				a.Header.Get("Content-Type") != b.Header.Get("Content-Type") {
				t.Errorf("gzip %v %q: in process %d %d %v %v, socket %d %d %v %v", gzip, q, a.StatusCode, a.ContentLength, a.Uncompressed, a.Header, b.StatusCode, b.ContentLength, b.Uncompressed, b.Header)
			}
		}
		resp, err := inProcess.Post("https://sim.invalid/?size=body", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(got) != "hello" {
			t.Errorf("posted hello, got %q", got)
		}
		socket.CloseIdleConnections()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Every way of breaking an answer looks the same in process and on a socket.
func TestFaultsOnTheWire(t *testing.T) {
	core, inProcess := newCore(Options{})
	l, err := Listen("127.0.0.1:0", core)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for name, tc := range map[string]struct {
		fault Fault
		big   bool
		check func(resp *http.Response, body []byte, err error) bool
	}{
		"drop": {Fault{Drop: true}, false, func(r *http.Response, _ []byte, err error) bool {
			return r == nil && err != nil && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF))
		}},
		"cut length":       {Truncated(CutLength), false, unexpected(len(`{"ok":true}`) / 2)},
		"cut length, long": {Truncated(CutLength), true, unexpected(len(payload) / 2)},
		"cut chunk":        {Truncated(CutChunk), false, unexpected(len(`{"ok":true}`) / 2)},
		"cut chunk, long":  {Truncated(CutChunk), true, unexpected(len(payload) / 2)},
		"cut valid": {Truncated(CutValid), true, func(r *http.Response, b []byte, err error) bool {
			return err == nil && len(b) == len(payload)/2 && r.ContentLength == int64(len(b))
		}},
		"login page": {LoginPage(), false, func(r *http.Response, b []byte, err error) bool {
			return err == nil && r.StatusCode == 200 && strings.Contains(string(b), "<html>") && strings.HasPrefix(r.Header.Get("Content-Type"), "text/html")
		}},
		"status": {Fault{Status: 503, Header: map[string]string{"Retry-After": "7"}, Body: `{"code":"x"}`}, false, func(r *http.Response, b []byte, err error) bool {
			return err == nil && r.StatusCode == 503 && r.Header.Get("Retry-After") == "7" && string(b) == `{"code":"x"}`
		}},
		"rewrite": {Fault{Rewrite: func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }}, false, func(r *http.Response, b []byte, err error) bool {
			return err == nil && string(b) == "\xef\xbb\xbf{\"ok\":true}"
		}},
		"slow": {Fault{SlowChunk: 3, SlowEvery: time.Millisecond}, false, func(r *http.Response, b []byte, err error) bool {
			return err == nil && string(b) == `{"ok":true}` && r.ContentLength == -1
		}},
	} {
		for _, c := range []struct {
			client *http.Client
			base   string
		}{{inProcess, "https://sim.invalid/"}, {socket, "http://" + l.Addr() + "/"}} {
			url := c.base
			if tc.big {
				url += "?size=big"
			}
			core.Fail(tc.fault)
			resp, err := c.client.Get(url)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !tc.check(resp, body, err) {
				t.Errorf("%s on %s: %v, %d bytes, %v", name, c.base, resp, len(body), err)
			}
			core.Heal()
		}
	}
}

func unexpected(n int) func(*http.Response, []byte, error) bool {
	return func(_ *http.Response, b []byte, err error) bool {
		return errors.Is(err, io.ErrUnexpectedEOF) && len(b) == n
	}
}

func TestFaultSelection(t *testing.T) {
	var hits []string
	core, c := newCore(Options{})
	core.Fail(Fault{Method: "GET", Path: "/a/*", Nth: 2, Count: 2, Status: 500})
	core.Fail(Fault{Path: "/b/**", Count: -1, Status: 502})
	for _, p := range []string{"/a/1", "/a/2", "/a/3", "/a/4", "/a/1/2", "/b", "/b/x/y", "/c"} {
		resp, _, err := fetch(t, c, "https://sim.invalid"+p)
		if err != nil {
			t.Fatal(err)
		}
		hits = append(hits, resp.Status[:3])
	}
	if got, want := strings.Join(hits, " "), "200 500 500 200 200 502 502 200"; got != want {
		t.Fatalf("statuses %s, want %s", got, want)
	}
	if f := core.Faults(); len(f) != 2 || f[0].Seen != 4 || f[0].Hits != 2 || f[1].Hits != 2 {
		t.Fatalf("faults %+v", f)
	}
	core.Heal(1)
	if f := core.Faults(); len(f) != 1 || f[0].ID != 2 {
		t.Fatalf("after Heal(1): %+v", f)
	}
}

// A dropped request takes effect or not, as told.
func TestDropBeforeAndAfterApplying(t *testing.T) {
	applied := 0
	core, c := newCore(Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { applied++ })})
	for i, tc := range []struct {
		fault Fault
		want  int
	}{{Fault{Drop: true}, 0}, {Fault{Drop: true, Apply: true}, 1}, {Fault{Status: 504}, 1}, {Fault{Status: 504, Apply: true}, 2}} {
		core.Fail(tc.fault)
		_, _, err := fetch(t, c, "https://sim.invalid/")
		if (err != nil) != tc.fault.Drop || applied != tc.want {
			t.Errorf("case %d: %v, applied %d times", i, err, applied)
		}
	}
	if log := core.Log.All(); len(log) != 4 || log[0].Status != 0 || log[2].Status != 504 || !log[1].Fault {
		t.Errorf("log %+v", core.Log.All())
	}
}

// Inside a bubble hours pass at once, and contexts end waits.
func TestVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, c := newCore(Options{})
		core.SetLatency(time.Hour)
		core.Fail(Fault{Nth: 1, SlowChunk: 1, SlowEvery: time.Hour})
		start := time.Now()
		if _, b, err := fetch(t, c, "https://sim.invalid/"); err != nil || len(b) != 11 {
			t.Fatal(len(b), err)
		}
		if d := time.Since(start); d != 12*time.Hour {
			t.Fatalf("took %v of virtual time", d)
		}
		if r := core.Log.All()[0]; r.Duration != 12*time.Hour {
			t.Fatalf("logged %v", r.Duration)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://sim.invalid/", nil)
		if _, err := c.Do(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("latency beyond the deadline: %v", err)
		}
		synctest.Wait()
		if g := core.Gauge(); g.InFlight != 0 {
			t.Fatalf("%d requests still in flight", g.InFlight)
		}
	})
}

// A client may cancel or walk away in the middle of a body.
func TestLeavingABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, c := newCore(Options{})
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://sim.invalid/?size=big", nil)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, 100); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("read after cancel: %v", err)
		}
		resp.Body.Close()

		resp, err = c.Get("https://sim.invalid/?size=big")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		synctest.Wait()
		if g := core.Gauge(); g.InFlight != 0 {
			t.Errorf("%d requests still in flight", g.InFlight)
		}
	})
}

func TestStrays(t *testing.T) {
	core, c := newCore(Options{})
	req, _ := http.NewRequest("POST", "http://sim.invalid/x?y=1", strings.NewReader("body"))
	req.SetBasicAuth("user", "secret")
	if _, err := c.Do(req); err == nil {
		t.Fatal("a request to another origin was answered")
	}
	if _, err := c.Get("https://elsewhere.invalid/"); err == nil {
		t.Fatal("a request to another host was answered")
	}
	log := core.Log.All()
	if len(log) != 2 || !log[0].Stray || !log[0].Secret || !log[1].Stray || log[1].Secret || log[0].Host != "http://sim.invalid" {
		t.Fatalf("log %+v", log)
	}
}

func TestDateAndHooks(t *testing.T) {
	clock := &Clock{}
	clock.Set(time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC))
	core, c := newCore(Options{Clock: clock})
	var order []string
	core.Before(func(r *http.Request) { order = append(order, "before "+r.URL.Path) })
	core.After(func(r *http.Request) { order = append(order, "after "+r.URL.Path) })
	resp, _, err := fetch(t, c, "https://sim.invalid/x")
	if err != nil {
		t.Fatal(err)
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err != nil || at.Year() != 2031 {
		t.Errorf("Date %q", resp.Header.Get("Date"))
	}
	if strings.Join(order, ",") != "before /x,after /x" {
		t.Errorf("hooks ran as %v", order)
	}
	core.Mailbox.Add(Mail{To: "contact"})
	core.ClearCounters()
	if len(core.Mailbox.All())+core.Log.Total() != 0 {
		t.Error("ClearCounters left something")
	}
}

func TestTooMany(t *testing.T) {
	core, c := newCore(Options{})
	core.SetLimit(Limit{Requests: 1, Window: time.Hour})
	if _, _, err := fetch(t, c, "https://sim.invalid/"); err != nil {
		t.Fatal(err)
	}
	resp, _, err := fetch(t, c, "https://sim.invalid/")
	if err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("%v %v", resp, err)
	}
	if core.Limit().Requests != 1 || core.Gauge().Violations != 1 {
		t.Fatalf("%+v", core.Gauge())
	}
}

func TestMatchPath(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "/x", true}, {"/**", "/x/y", true}, {"/a", "/a", true}, {"/a", "/a/b", false}, {"/a/*", "/a/b", true}, {"/a/*", "/a", false}, {"/a/*", "/a/b/c", false},
		{"/a/**", "/a", true}, {"/a/**", "/a/b/c", true}, {"/a/*/c", "/a/b/c", true}, {"/a/*/c", "/a/b/d", false}, {"/a/**", "/b", false},
	} {
		if got := MatchPath(tc.pattern, tc.path); got != tc.want {
			t.Errorf("MatchPath(%q, %q) = %v", tc.pattern, tc.path, got)
		}
	}
}

func TestListenLoopbackOnly(t *testing.T) {
	for addr, ok := range map[string]bool{"127.0.0.1:0": true, "localhost:0": true, "[::1]:1": true, "0.0.0.0:0": false, ":8080": false, "192.0.2.1:80": false, "example.com:80": false, "x": false} {
		if err := CheckLoopback(addr); (err == nil) != ok {
			t.Errorf("CheckLoopback(%q) = %v", addr, err)
		}
	}
	if _, err := Listen("0.0.0.0:0", http.NotFoundHandler()); err == nil {
		t.Error("listening on all interfaces was allowed")
	}
}
