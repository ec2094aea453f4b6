package autotasktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// discover calls zone discovery without credentials.
func (c *client) discover(host, user string) answer {
	req, err := http.NewRequest("GET", host+"/atservicesrest/v1.0/zoneInformation?user="+url.QueryEscape(user), nil)
	if err != nil {
		return answer{err: err}
	}
	resp, err := c.srv.Transport().RoundTrip(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, raw, err}
}

// Zone discovery, a query by POST over pages, and metadata: what a program
// does first.
func TestEndToEnd(t *testing.T) {
	c := serve(t, Small(), Options{})
	z := c.discover(c.srv.URL(), c.srv.Credentials().UserName).object(t)
	if len(z) != 4 || z["url"] != "https://webservices1.autotask.invalid/ATServicesRest/" || z["ci"] != 41001 || z["zoneName"] != "America East" || !strings.HasSuffix(z["webUrl"].(string), "/") {
		t.Fatalf("zone %v", z)
	}
	c.base = z["url"].(string) + "V1.0"
	pages := c.walk(t, "Tickets", Row{"MaxRecords": 5, "filter": []any{cond("gte", "id", 0)}})
	if len(pages) != 3 || len(pages[0]) != 5 || len(pages[2]) != 2 || pages[0][0] != firstTicket {
		t.Errorf("pages %v", pages)
	}
	status := byName(c.get("/Tickets/entityInformation/fields").object(t)["fields"], "name", "status")
	if v := byName(status["picklistValues"], "value", "5"); v["label"] != "Complete" || v["isSystem"] != true {
		t.Errorf("status 5 is %v", v)
	}
	for _, e := range loadSchema().list {
		if n := len(c.query(e.path).rows(t)); n == 0 {
			t.Errorf("%s is empty", e.path)
		}
	}
	if c.srv.Violations() != 0 || len(c.srv.Strays()) != 0 || c.srv.MailSent() != 0 {
		t.Error("a clean run left traces")
	}
}

func TestDiscovery(t *testing.T) {
	c := serve(t, Small(), Options{ZoneName: "UK", Instance: 7, WebURL: "https://ww4.autotask.invalid/"})
	user := c.srv.Credentials().UserName
	for _, who := range []string{"nobody@summitmsp.example", ""} {
		c.discover(c.srv.URL(), who).fails(t, 500, `{"errors":["`)
	}
	// Any zone host answers, whatever the case of the name.
	if z := c.discover("https://"+zoneHost(0), strings.ToUpper(user)).object(t); z["zoneName"] != "UK" || z["ci"] != 7 || z["webUrl"] != "https://ww4.autotask.invalid/" {
		t.Errorf("zone %v", z)
	}
	if v := c.get(c.srv.URL() + "/atservicesrest/versioninformation").object(t); at(v, "apiVersions", 0) != "1.0" {
		t.Errorf("versions %v", v)
	}
	c.do("POST", c.srv.URL()+"/atservicesrest/v1.0/zoneInformation?user="+user, Row{}).fails(t, 405, "POST")
	c.srv.SetInstance(8)
	if z := c.discover(c.srv.URL(), user).object(t); z["ci"] != 8 {
		t.Errorf("another database is %v", z["ci"])
	}
}

// A database that moves: the old zone refuses, discovery names the new one.
func TestZoneMoves(t *testing.T) {
	c := serve(t, Small(), Options{})
	old := c.base
	c.srv.MoveZone()
	c.query("Tickets").fails(t, 401, "")
	z := c.discover(c.srv.URL(), c.srv.Credentials().UserName).object(t)
	if z["url"] != "https://webservices2.autotask.invalid/ATServicesRest/" {
		t.Errorf("new zone %v", z["url"])
	}
	c.base = z["url"].(string) + "v1.0"
	c.query("Tickets").rows(t)
	// Some zones answer for databases of others with nothing instead.
	c = serve(t, Small(), Options{WrongZoneEmpty: true})
	c.srv.MoveZone()
	c.base = old
	if n := len(c.query("Tickets").rows(t)); n != 0 {
		t.Errorf("%d rows in the wrong zone", n)
	}
	// The discovery host is no zone.
	c = serve(t, Small(), Options{})
	c.base = c.srv.URL() + "/atservicesrest/v1.0"
	c.query("Tickets").fails(t, 401, "")
}

func TestAuthentication(t *testing.T) {
	c := serve(t, Small(), Options{})
	for _, h := range []string{"ApiIntegrationCode", "UserName", "Secret"} {
		c.head = map[string]string{h: "wrong"}
		if a := c.query("Tickets"); a.status != 401 || len(a.raw) != 0 {
			t.Errorf("wrong %s: %d %s", h, a.status, a.raw)
		}
	}
	c.head = map[string]string{"APIIntegrationcode": c.srv.Credentials().IntegrationCode, "USERNAME": "SYNCAPI@summitmsp.example"}
	c.query("Tickets").rows(t)
	k := c.srv.Credentials()
	c.srv.SetCredentials(Credentials{Secret: "new"})
	c.head = map[string]string{"Secret": k.Secret}
	c.query("Tickets").fails(t, 401, "")
	c.head = map[string]string{}
	c.query("Tickets").rows(t)
	if got := c.srv.Credentials(); got.UserName != k.UserName || got.ResourceID != firstResource {
		t.Errorf("defaults %+v", got)
	}
}

func TestRoutes(t *testing.T) {
	c := serve(t, Small(), Options{})
	for _, tc := range []struct {
		method, path string
		status       int
		part         string
	}{
		{"GET", "/Nothing/query", 404, "<html"}, {"GET", "/Tickets/x", 404, "<html"}, {"GET", "/Tickets/1/Nothing", 404, "<html"}, {"GET", "/Companies/x/Contacts", 404, "<html"},
		{"GET", "/Tickets/70211/Notes/x", 404, "<html"}, {"POST", "/Tickets/70211/TimeEntries", 404, "<html"},
		{"GET", c.srv.URL() + "/other", 404, "<html"}, {"GET", "https://" + zoneHost(0) + "/ATServicesRest/V2.0/Tickets/query", 404, "<html"},
		{"POST", "/Contacts", 404, "<html"}, {"PATCH", "/Contacts", 404, "<html"}, {"POST", "/TicketNotes", 404, "<html"}, {"POST", "/BillingCodes", 404, "<html"}, // children and read-only lists have no such route
		{"PUT", "/Contacts/30684471", 405, `{"Message":"The requested resource does not support http method 'PUT'."}`},
		{"PATCH", "/Tickets/70211", 405, `{"Message":"The requested resource does not support http method 'PATCH'."}`},
		{"DELETE", "/Tickets/70211", 405, "DELETE"}, {"DELETE", "/Tickets/70211/Notes/98011", 405, "DELETE"}, {"GET", "/Tickets", 405, "GET"}, {"DELETE", "/Companies/214", 405, "DELETE"},
		{"POST", "/Resources", 405, "POST"}, {"POST", "/TicketCategories/3/FieldDefaults", 405, "POST"}, {"DELETE", "/Tickets/70211/Notes", 405, "DELETE"},
		{"GET", "/Tickets/1", 404, ""}, {"GET", "/Tickets/70211/Notes/1", 404, ""},
	} {
		c.do(tc.method, tc.path, nil).fails(t, tc.status, tc.part)
	}
	if got := c.get("/tickets/70211").item(t)["id"]; got != 70211 {
		t.Errorf("one ticket %v", got)
	}
	if a := serve(t, Small(), Options{NullItem: true}).get("/Tickets/1"); a.status != 200 || string(a.raw) != `{"item":null}` {
		t.Errorf("a missing item: %d %s", a.status, a.raw)
	}
}

// Three requests at once per endpoint; a fourth is refused and counted.
func TestThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Small(), Options{Latency: time.Second})
		status := func(paths ...string) map[int]int {
			var mu sync.Mutex
			var wg sync.WaitGroup
			out := map[int]int{}
			for _, p := range paths {
				wg.Go(func() {
					a := c.get(p)
					mu.Lock()
					defer mu.Unlock()
					out[a.status]++
					if a.status != 200 && !strings.Contains(string(a.raw), "Thread Threshold Exceeded") {
						t.Errorf("%s: %s", p, a.raw)
					}
				})
			}
			wg.Wait()
			return out
		}
		if got := status("/Tickets/70211", "/tickets/entityInformation", "/Tickets/70211/Notes", "/Contacts/30684471"); got[200] != 4 || c.srv.Violations() != 0 {
			t.Errorf("three and one: %v", got)
		}
		if got := status("/Tickets/70211", "/Tickets/70212", "/Tickets/70213", "/Tickets/70214", "/Tickets/70215"); got[500] != 2 || c.srv.Violations() != 2 || c.srv.Gauge().Violations != 2 {
			t.Errorf("five: %v, %d violations", got, c.srv.Violations())
		}
		if m := c.srv.MaxThreads(); m["Tickets"] != 5 || m["Contacts"] != 1 {
			t.Errorf("most %v", m)
		}
		c.srv.ClearCounters()
		if len(c.srv.MaxThreads()) != 0 || c.srv.Violations() != 0 {
			t.Error("counters stay")
		}
	})
}

// The hour's limit: slower above a half, slower still above three quarters,
// then refused until the oldest requests are an hour old.
func TestThresholds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Small(), Options{Limit: Limit{Requests: 20}})
		var took []time.Duration
		for range 20 {
			start := time.Now()
			c.get("/ThresholdInformation").object(t)
			took = append(took, time.Since(start))
		}
		if took[9] != 0 || took[10] != 500*time.Millisecond || took[14] != 500*time.Millisecond || took[15] != time.Second || took[19] != time.Second {
			t.Errorf("delays %v", took)
		}
		a := c.get("/Tickets/70211")
		a.fails(t, 429, "errors")
		if a.header.Get("Retry-After") == "" || c.srv.Violations() != 1 {
			t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
		}
		time.Sleep(time.Hour)
		got := c.get("/ThresholdInformation").object(t)
		if len(got) != 3 || got["externalRequestThreshold"] != 20 || got["requestThresholdTimeframe"] != 60 || got["currentTimeframeRequestCount"] != 1 {
			t.Errorf("threshold %v", got)
		}
		if d := serve(t, Small(), Options{}).get("/ThresholdInformation").object(t)["externalRequestThreshold"]; d != 10_000 {
			t.Errorf("default threshold %v", d)
		}
	})
}

// Missing rights show as nothing at all, or as 403.
func TestRights(t *testing.T) {
	c := serve(t, Small(), Options{Forbid: []string{"/Contracts/**"}})
	c.query("Contracts").fails(t, 403, "permissions")
	c.srv.Deny("", "/Contacts/**")
	c.srv.Deny("POST", "/Tickets")
	c.srv.Hide("Tickets", firstTicket)
	if got := c.srv.Denied(); len(got) != 2 || got[1] != "POST /Tickets" {
		t.Errorf("denied %v", got)
	}
	if n := len(c.query("Contacts").rows(t)) + len(c.get("/Companies/214/Contacts").rows(t)); n != 0 {
		t.Errorf("%d contacts without the right", n)
	}
	if n := c.do("POST", "/Contacts/query/count", Row{"filter": all(nil)}).object(t)["queryCount"]; n != 0 {
		t.Errorf("count %v", n)
	}
	c.get("/Contacts/30684471").fails(t, 404, "")
	if info := c.get("/Contacts/entityInformation").object(t)["info"]; at(info, "userAccessForQuery") != "None" || at(info, "canQuery") != true {
		t.Errorf("info %v", info)
	}
	c.do("POST", "/Tickets", Row{}).fails(t, 500, "does not have the adequate permissions to create")
	if got := ids(c.query("Tickets").rows(t)); len(got) != 11 || got[0] == firstTicket {
		t.Errorf("tickets %v", got)
	}
	c.get("/Tickets/70211").fails(t, 404, "")
	c.do("PATCH", "/Tickets", Row{"id": firstTicket, "title": "x"}).fails(t, 500, "No matching records found")
	c.srv.Forbid("", "/Contacts/**")
	c.get("/Companies/214/Contacts").fails(t, 403, "permissions")
	c.srv.AllowAll()
	if len(c.query("Contacts").rows(t)) == 0 || len(c.query("Tickets").rows(t)) != 12 {
		t.Error("rights are not back")
	}
	c.query("Contracts").fails(t, 403, "permissions")
	c.srv.Deny("", "/**")
	c.do("DELETE", "/TimeEntries/55010", nil).fails(t, 500, "permissions to delete")
	c.do("PATCH", "/Companies", Row{"id": 0}).fails(t, 500, "permissions to update")
}

func TestFaults(t *testing.T) {
	c := serve(t, Small(), Options{})
	id := c.srv.Fail(Fault{Path: "/Tickets/*", Status: 502, Count: -1})
	if a := c.get("/Tickets/70211"); a.status != 502 {
		t.Errorf("fault: %d", a.status)
	}
	c.srv.Heal(id...)
	c.srv.Fail(LoginPage())
	if a := c.query("Tickets"); a.status != 200 || !strings.Contains(string(a.raw), "<html>") {
		t.Errorf("login page: %d", a.status)
	}
	c.srv.Fail(Redirect("https://evil.invalid/"))
	if a := c.query("Tickets"); a.status != 307 {
		t.Errorf("redirect: %d", a.status)
	}
	for _, cut := range []Cut{CutLength, CutChunk} {
		c.srv.Fail(Truncated(cut))
		if a := c.query("Tickets"); a.err == nil {
			t.Errorf("%s: no error", cut)
		}
	}
	c.srv.Fail(Truncated(CutValid))
	if a := c.query("Tickets"); a.err != nil || json.Valid(a.raw) {
		t.Error("a cut list is valid JSON")
	}
	// A write whose answer is lost took effect; one that was dropped before did not.
	count := func() int { return len(c.srv.Tenant().IDs("Tickets")) }
	body := Row{"companyID": 214, "title": "x", "status": 1, "priority": 2, "queueID": firstQueue}
	c.srv.Fail(Fault{Method: "POST", Drop: true})
	if a := c.do("POST", "/Tickets", body); a.err == nil || count() != 12 {
		t.Errorf("dropped before: %v, %d tickets", a.err, count())
	}
	c.srv.Fail(Fault{Method: "POST", Drop: true, Apply: true})
	if a := c.do("POST", "/Tickets", body); a.err == nil || count() != 13 {
		t.Errorf("dropped after: %v, %d tickets", a.err, count())
	}
	c.srv.SetLatency(0)
	c.srv.Before(func(r *http.Request) { c.srv.Tenant().Update("Tickets", firstTicket, Row{"title": "just before"}) })
	c.srv.After(func(r *http.Request) { c.srv.Tenant().Update("Tickets", firstTicket, Row{"title": "just after"}) })
	if got := c.get("/Tickets/70211").item(t)["title"]; got != "just before" || c.srv.Tenant().Get("Tickets", firstTicket)["title"] != "just after" {
		t.Errorf("hooks: %v", got)
	}
	if r := c.srv.Requests(); len(r) == 0 || r[0].Path != "/ATServicesRest/V1.0/Tickets/70211" || !r[0].Fault {
		t.Errorf("first request %+v", r[0])
	}
}

// The clock of the tenant is in the Date header and in stamps.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := Small()
		c := serve(t, tenant, Options{})
		tenant.Advance(365 * 24 * time.Hour)
		want := time.Now().AddDate(0, 0, 365).UTC()
		if d, err := http.ParseTime(c.query("Tickets").header.Get("Date")); err != nil || !d.Equal(want.Truncate(time.Second)) {
			t.Errorf("Date %v, want %v", d, want)
		}
		tenant.SetClock(func() time.Time { return epoch() })
		if !tenant.Now().Equal(epoch()) {
			t.Error("SetClock ignored")
		}
		c.do("PATCH", "/Tickets", Row{"id": firstTicket, "title": "x"}).saved(t)
		if got := c.get("/Tickets/70211").item(t); got["lastActivityDate"] != "2026-03-01T09:02:44.917Z" {
			t.Errorf("stamp %v", got["lastActivityDate"])
		}
	})
}

// Options about how rows are shown.
func TestShapes(t *testing.T) {
	c := serve(t, Small(), Options{ZonelessTimes: true, NoUDFKey: true, HideNonBillable: true})
	if got := c.get("/Tickets/70211").item(t)["createDate"].(string); strings.HasSuffix(got, "Z") || got == "" {
		t.Errorf("time %q", got)
	}
	if r := c.query("Tickets", cond("eq", "id", firstTicket+2)).rows(t)[0]; r["userDefinedFields"] != nil {
		t.Errorf("no value at all: %v", r["userDefinedFields"])
	}
	if r := c.query("Tickets").rows(t)[2]; at(r, "userDefinedFields", 0, "value") != nil || len(r["userDefinedFields"].([]any)) != 3 {
		t.Errorf("no value on this row: %v", r["userDefinedFields"])
	}
	c.do("PATCH", "/Tickets", Row{"id": firstTicket, "userDefinedFields": []any{Row{"name": "Asset Tag", "value": nil}, Row{"name": "Impact Level", "value": ""}}}).saved(t)
	if r := c.query("Tickets", cond("eq", "id", firstTicket)).rows(t)[0]; r["userDefinedFields"] != nil {
		t.Errorf("cleared values: %v", r["userDefinedFields"])
	}
	tenant := Small()
	tenant.Update("TimeEntries", 55010, Row{"isNonBillable": true})
	open, hidden := serve(t, tenant, Options{}), serve(t, tenant, Options{HideNonBillable: true})
	if a, b := len(open.query("TimeEntries").rows(t)), len(hidden.query("TimeEntries").rows(t)); b >= a {
		t.Errorf("%d of %d time entries", b, a)
	}
	if got := ids(serve(t, Small(), Options{Unordered: true}).query("Tickets").rows(t)); got[0] != firstTicket+11 {
		t.Errorf("unordered: %v", got)
	}
	odd := "a\x00b \"q\" \\ <&> é\t"
	tenant.Update("Tickets", firstTicket, Row{"description": odd})
	if got := open.get("/Tickets/70211").item(t)["description"]; got != odd {
		t.Errorf("text %q, want %q", got, odd)
	}
	var fractions int
	for _, r := range open.query("Tickets").rows(t) {
		s := r["createDate"].(string)
		if i := strings.IndexByte(s, '.'); i > 0 && len(s)-i < 5 {
			fractions++
		}
	}
	if fractions == 0 {
		t.Error("no fraction of fewer than three digits")
	}
	if raw := string(open.query("Tickets").raw); !strings.Contains(raw, `"hoursToBeScheduled":0.0,`) {
		t.Error("doubles without a fraction")
	}
	// Resource roles show active links only.
	resource := open.query("ResourceRoles").rows(t)[0]["id"].(int)
	tenant.Update("ResourceRoles", resource, Row{"isActive": false})
	open.get(fmt.Sprintf("/ResourceRoles/%d", resource)).fails(t, 404, "")
}

// A listening server answers through its socket, its transport and its
// handler; a move opens another port.
func TestListening(t *testing.T) {
	srv := NewServer(Small(), &Options{Gzip: true})
	defer srv.Close()
	k := srv.Credentials()
	call := func(rt http.RoundTripper, method, u, body string) (int, string) {
		req, err := http.NewRequest(method, u, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("ApiIntegrationCode", k.IntegrationCode)
		req.Header.Set("UserName", k.UserName)
		req.Header.Set("Secret", k.Secret)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	zone := func() string {
		_, body := call(tr, "GET", srv.URL()+"/ATServicesRest/v1.0/zoneInformation?user="+url.QueryEscape(k.UserName), "")
		var z struct{ URL string }
		if err := json.Unmarshal([]byte(body), &z); err != nil {
			t.Fatal(err)
		}
		return z.URL
	}
	query := `{"maxRecords":2,"filter":[{"op":"gte","field":"id","value":0}]}`
	first := zone()
	if first != srv.URL()+"/ATServicesRest/" {
		t.Errorf("zone %s", first)
	}
	s1, b1 := call(tr, "POST", first+"V1.0/Tickets/query", query)
	s2, b2 := call(srv.Transport(), "POST", first+"V1.0/Tickets/query", query)
	if s1 != 200 || s2 != 200 || b1 != b2 || !strings.Contains(b1, "http://127.0.0.1:") {
		t.Errorf("socket %d %s\nin process %d %s", s1, b1, s2, b2)
	}
	moved := srv.MoveZone()
	if s, _ := call(tr, "POST", first+"V1.0/Tickets/query", query); s != 401 {
		t.Errorf("old zone: %d", s)
	}
	if z := zone(); z != moved+"/ATServicesRest/" || z == first {
		t.Errorf("new zone %s", z)
	} else if s, _ := call(tr, "POST", z+"V1.0/Tickets/query", query); s != 200 {
		t.Errorf("new zone: %d", s)
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
	if n := len(c.query("Tickets").rows(t)); n != 0 {
		t.Errorf("an empty tenant has %d tickets", n)
	}
	ctl := &control{s: c.srv, fresh: Small}
	ctl.Core().Rights.Deny("", "/**")
	c.srv.Fail(Fault{Status: 500})
	ctl.Reset()
	if n := len(c.query("Tickets").rows(t)); n != 12 || len(ctl.Core().Rights.Denied()) != 0 {
		t.Errorf("after a reset %d tickets", n)
	}
	for k, v := range map[string]string{"integrationCode": "I", "userName": "u@x.example", "secret": "s", "resourceID": "5", "instance": "6"} {
		if err := ctl.Set(k, v); err != nil || ctl.Settings()[k] != v {
			t.Errorf("Set(%s): %v %v", k, err, ctl.Settings())
		}
	}
	if ctl.Set("x", "y") == nil || ctl.Set("secret", "") == nil || ctl.Set("instance", "x") == nil || ctl.Hide("/nothing", 1) == nil {
		t.Error("bad settings were taken")
	}
	id, err := ctl.Edit("/Tags", 0, Row{"label": "By hand"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ctl.Edit("/Tags", id, Row{"label": "Changed"}); err != nil || c.srv.Tenant().Get("Tags", id)["label"] != "Changed" {
		t.Errorf("change: %v", err)
	}
	if _, err := ctl.Edit("/Tags", id, nil); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		path string
		id   int
		row  Row
	}{
		{"/Tags", id, nil}, {"/Tags", id, Row{"label": "x"}}, {"/Tags", 0, Row{"nme": "x"}}, {"/Nope", 0, Row{}}, {"/_picklists/Tickets/title", 0, Row{"label": "x"}}, {"/_picklists/Tickets/queueID", 5, nil},
		{"/_picklists/Tickets/queueID", 0, Row{}}, {"/_picklists/Tickets/queueID", 0, Row{"label": "x", "odd": 1}},
	} {
		if _, err := ctl.Edit(tc.path, tc.id, tc.row); err == nil {
			t.Errorf("%+v was taken", tc)
		}
	}
	// Picklists have no call in the API: people edit them, here by the page.
	q, err := ctl.Edit("/_picklists/Tickets/queueID", 0, Row{"label": "Night shift", "order": 3})
	if err != nil || q != firstQueue+4 {
		t.Fatalf("%d %v", q, err)
	}
	if _, err := ctl.Edit("/_picklists/Tickets/queueID", q, Row{"label": "Nights", "inactive": true}); err != nil {
		t.Error(err)
	}
	if v := c.srv.Tenant().Picklist("Tickets", "queueID")[4]; v.Label != "Nights" || !v.Inactive || v.Order != 3 {
		t.Errorf("picklist value %+v", v)
	}
	if _, err := ctl.Edit("/_picklists/Tickets/queueID", q, nil); err != nil || len(c.srv.Tenant().Picklist("Tickets", "queueID")) != 4 {
		t.Errorf("removed: %v", err)
	}
	if ctl.Name() == "" || ctl.Core() == nil || c.srv.Control(nil) == nil || c.srv.Handler() == nil {
		t.Error("control is incomplete")
	}
}

// Readers, writers and people at work at once.
func TestConcurrency(t *testing.T) {
	tenant := Small()
	c := serve(t, tenant, Options{Limit: Limit{Requests: -1}, Threads: -1})
	var wg sync.WaitGroup
	fail := make(chan string, 200)
	for w := range 6 {
		wg.Go(func() {
			for i := range 20 {
				var a answer
				switch w % 3 {
				case 0:
					a = c.query("Tickets", cond("eq", "queueID", firstQueue))
				case 1:
					a = c.do("POST", "/Tickets", Row{"companyID": 214, "title": "x", "status": 1, "priority": 2, "queueID": firstQueue})
				default:
					tenant.Update("Tickets", firstTicket, Row{"title": fmt.Sprint(i)})
					tenant.UpdatePicklistValue("Tickets", "queueID", firstQueue, func(v *PicklistValue) { v.Label = fmt.Sprint(i) })
					a = c.get("/Tickets/entityInformation/fields")
				}
				if a.err != nil || a.status != 200 {
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
	if n := len(tenant.IDs("Tickets")); n != 12+40 {
		t.Errorf("%d tickets", n)
	}
}

// A client that gives up ends the wait, that of the thresholds too.
func TestCancelledRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, o := range []Options{{Latency: time.Hour}, {Limit: Limit{Requests: 1}}} {
			c := serve(t, Small(), o)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			k := c.srv.Credentials()
			req, err := http.NewRequestWithContext(ctx, "GET", c.base+"/Tickets/70211", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = http.Header{"Apiintegrationcode": {k.IntegrationCode}, "Username": {k.UserName}, "Secret": {k.Secret}}
			if _, err := c.srv.Transport().RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
	})
}
