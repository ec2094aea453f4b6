package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fakeTarget records what the control page does.
type fakeTarget struct {
	core *Core
	did  []string
}

func (f *fakeTarget) Name() string                { return "Fake" }
func (f *fakeTarget) Core() *Core                 { return f.core }
func (f *fakeTarget) Settings() map[string]string { return map[string]string{"key": "<b>value</b>"} }
func (f *fakeTarget) Set(k, v string) error {
	if k != "key" {
		return errors.New("no such setting")
	}
	f.did = append(f.did, "set "+v)
	return nil
}
func (f *fakeTarget) AllowAll() { f.core.Rights.AllowAll() }
func (f *fakeTarget) Hide(p string, id int) error {
	f.did = append(f.did, "hide "+p)
	return nil
}
func (f *fakeTarget) Edit(path string, id int, row map[string]any) (int, error) {
	if path == "" {
		return 0, errors.New("no path")
	}
	if row == nil {
		f.did = append(f.did, "remove")
		return id, nil
	}
	f.did = append(f.did, "edit")
	return 7, nil
}
func (f *fakeTarget) Reset() { f.did = append(f.did, "reset") }

func newControl(t *testing.T) (*fakeTarget, func(method, path, body string, header ...string) (int, string)) {
	f := &fakeTarget{core: New(Options{Handler: http.HandlerFunc(echo)})}
	h := Guard(Control(f))
	return f, func(method, path, body string, header ...string) (int, string) {
		r := httptest.NewRequest(method, "http://127.0.0.1:8081"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				r.Host = header[i+1]
			} else {
				r.Header.Set(header[i], header[i+1])
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		b, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, string(b)
	}
}

func TestControlCalls(t *testing.T) {
	f, call := newControl(t)
	for _, tc := range []struct {
		path, body string
		status     int
	}{
		{"clock", `{"set":"2030-01-01T00:00:00Z"}`, 200}, {"clock", `{"advance":"1h"}`, 200}, {"clock", `{"advance":"soon"}`, 400}, {"clock", `{"later":1}`, 400},
		{"latency", `{"latency":"250ms"}`, 200}, {"latency", `{"latency":"x"}`, 400},
		{"limit", `{"requests":5,"window":"10s","hard":true}`, 200}, {"limit", `{"window":"x"}`, 400},
		{"rights", `{"deny":{"method":"GET","path":"/x/*"}}`, 200}, {"rights", `{"deny":{"method":"GET"}}`, 400}, {"rights", `{"hide":{"path":"/x","id":3}}`, 200},
		{"faults", `{"path":"/x","status":500,"count":3,"latency":"1s"}`, 200}, {"faults", `{"loginPage":true}`, 200}, {"faults", `{"redirect":"http://x.invalid/"}`, 200},
		{"faults", `{"slowChunk":1,"slowEvery":"1s","cut":"valid"}`, 200}, {"faults", `{"cut":"half"}`, 400}, {"faults", `{"status":99}`, 400}, {"faults", `{"latency":"x"}`, 400}, {"faults", `nonsense`, 400},
		{"faults/clear", `{"id":1}`, 200},
		{"rows", `{"path":"/x","row":{"a":1}}`, 200}, {"rows", `{"path":"/x","id":3,"row":null}`, 200}, {"rows", `{"row":{}}`, 400}, {"rows", `{"path":"/x","row":[1]}`, 400},
		{"settings", `{"key":"key","value":"v"}`, 200}, {"settings", `{"key":"other"}`, 400},
		{"reset", `{}`, 200}, {"rights", `{"allowAll":true}`, 200}, {"rights", `{"deny":{"path":"/y"}}`, 200},
	} {
		if code, body := call("POST", "/_sim/"+tc.path, tc.body); code != tc.status {
			t.Errorf("%s %s: %d %s", tc.path, tc.body, code, body)
		}
	}
	code, body := call("GET", "/_sim/state", "")
	var s struct {
		Clock   time.Time
		Latency string
		Limit   struct{ Requests int }
		Denied  []string
		Faults  []struct {
			ID        int
			Status    int
			SlowEvery string
		}
	}
	if err := json.Unmarshal([]byte(body), &s); code != 200 || err != nil {
		t.Fatalf("%d %v %s", code, err, body)
	}
	if s.Clock.Year() != 2030 || s.Latency != "250ms" || s.Limit.Requests != 5 || len(s.Denied) != 1 || len(s.Faults) != 3 || s.Faults[2].SlowEvery != "1s" {
		t.Errorf("state %s", body)
	}
	if got := strings.Join(f.did, ","); got != "hide /x,edit,remove,set v,reset" {
		t.Errorf("target did %s", got)
	}
	if code, _ := call("POST", "/_sim/faults/clear", "{}"); code != 200 || len(f.core.Faults()) != 0 {
		t.Error("faults left")
	}
}

func TestControlPage(t *testing.T) {
	f, call := newControl(t)
	f.core.Log.Add(Request{Method: "GET", Path: "/x", Query: "<script>", Status: 404})
	f.core.Mailbox.Add(Mail{To: "contact", Reason: "because", Record: "/x/1"})
	f.core.Fail(Fault{Path: "/y"})
	code, body := call("GET", "/_sim/", "")
	if code != 200 || !strings.Contains(body, "Fake simulator") || !strings.Contains(body, "because") || strings.Contains(body, "<script>\"") || strings.Contains(body, "?<script>") || strings.Contains(body, "<b>value") {
		t.Fatalf("%d %s", code, body)
	}
	for _, p := range []string{"clock", "latency", "limit", "rights", "faults", "faults/clear", "rows", "settings", "reset", "requests", "mail", "state"} {
		if !strings.Contains(body, "/_sim/"+p) {
			t.Errorf("the page does not document %s", p)
		}
	}
	for path, want := range map[string]string{"/_sim/requests?last=1": "404", "/_sim/mail": "because"} {
		if code, body := call("GET", path, ""); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, _ := call("GET", "/_sim/requests?last=x", ""); code != 400 {
		t.Error("bad last was taken")
	}
}

func TestGuard(t *testing.T) {
	_, call := newControl(t)
	for _, tc := range []struct {
		method string
		header []string
		status int
	}{
		{"GET", []string{"Host", "evil.example"}, 403},
		{"GET", []string{"Host", "localhost:8081"}, 200},
		{"GET", []string{"Host", "[::1]:8081"}, 200},
		{"POST", []string{"Origin", "http://evil.example"}, 403},
		{"POST", []string{"Origin", "null"}, 403},
		{"POST", []string{"Origin", "http://127.0.0.1:8081"}, 200},
		{"POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"POST", []string{"Content-Type", "text/plain"}, 415},
		{"POST", nil, 200},
	} {
		path, body := "/_sim/state", ""
		if tc.method == "POST" {
			path, body = "/_sim/reset", "{}"
		}
		if code, _ := call(tc.method, path, body, tc.header...); code != tc.status {
			t.Errorf("%s %v: %d, want %d", tc.method, tc.header, code, tc.status)
		}
	}
}
