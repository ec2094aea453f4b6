package halopsatest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// shapeOf tells how a list is wrapped: "" is a bare array.
func (c *client) shapeOf(path string) string {
	c.t.Helper()
	switch v := c.value("GET", path, nil).(type) {
	case []any:
		return ""
	case map[string]any:
		for k, e := range v {
			if _, ok := e.([]any); ok {
				if _, ok := v["record_count"].(int); !ok {
					c.t.Errorf("%s has no record_count", path)
				}
				return k
			}
		}
	}
	return "nothing"
}

func TestWrappers(t *testing.T) {
	c := newClient(t, Small(), nil)
	for path, want := range map[string]string{
		"/Tickets": "tickets", "/Actions?ticket_id=4321": "actions", "/Client": "clients", "/Site": "sites", "/Users": "users", "/Agent": "", "/Agent?pageinate=true": "results",
		"/Status": "", "/Priority": "", "/TicketType": "", "/Team": "", "/Outcome": "", "/Lookup?lookupid=17": "", "/SLA": "", "/Category": "", "/FieldInfo": "", "/Workflow": "", "/Template": "",
		"/TopLevel": "", "/Organisation": "", "/Roles": "", "/Workday": "", "/TimesheetEvent": "",
	} {
		if got := c.shapeOf(path); got != want {
			t.Errorf("%s is wrapped in %q, want %q", path, got, want)
		}
	}
	c = newClient(t, Small(), &Options{Wrappers: map[string]string{"/SLA": "slas", "/Client": "", "/Agent": "agents"}})
	for path, want := range map[string]string{"/SLA": "slas", "/Client": "", "/Agent": "agents", "/Agent?pageinate=true": "agents", "/Site": "sites"} {
		if got := c.shapeOf(path); got != want {
			t.Errorf("%s is wrapped in %q, want %q", path, got, want)
		}
	}
}

func (c *client) count(path string) int {
	c.t.Helper()
	return len(c.rows(path))
}

// The switches about rows not in use have other names in every collection.
func TestActiveSwitches(t *testing.T) {
	tenant := Medium()
	c := newClient(t, tenant, nil)
	for _, x := range []struct{ path, key, on, off string }{
		{"/Client", "inactive", "includeactive", "includeinactive"}, {"/Site", "inactive", "includeactive", "includeinactive"}, {"/Users", "inactive", "includeactive", "includeinactive"},
		{"/Agent", "isdisabled", "includeenabled", "includedisabled"}, {"/Team", "inactive", "includeenabled", "includedisabled"},
	} {
		var used, unused int
		for _, id := range tenant.IDs(x.path) {
			row := tenant.Get(x.path, id)
			switch {
			case row["isapiagent"] == true:
			case row[x.key] == true:
				unused++
			default:
				used++
			}
		}
		if unused == 0 {
			t.Errorf("%s has no rows out of use", x.path)
		}
		for q, want := range map[string]int{
			"": used, x.on + "=true": used, x.off + "=true": unused, x.on + "=true&" + x.off + "=true": used + unused, x.on + "=1&" + x.off + "=1": used,
			"activeinactive=true,true": used + unused, "activeinactive=false,true": unused,
		} {
			if got := c.count(x.path + "?" + q); got != want {
				t.Errorf("%s?%s: %d rows, want %d", x.path, q, got, want)
			}
		}
	}
	for _, x := range []struct{ path, more string }{
		{"/TicketType", "showinactive=true"}, {"/Outcome", "showhidden=true"}, {"/Workflow", "includeinactive=true"}, {"/Template", "showall=true"}, {"/Lookup?lookupid=17", "showallcodes=true"},
		{"/Agent", "includeapiagents=true"},
	} {
		sep := "?"
		if strings.Contains(x.path, "?") {
			sep = "&"
		}
		if few, all := c.count(x.path), c.count(x.path+sep+x.more); few >= all {
			t.Errorf("%s: %d rows, with %s %d", x.path, few, x.more, all)
		}
	}
	if a, b := c.count("/Agent"), c.count("/Agent?includeunassigned=false"); a != b+1 {
		t.Errorf("agents %d, without the unassigned one %d", a, b)
	}
	if a, b := c.count("/Lookup?lookupid=17"), c.count("/Lookup?lookupid=17&exclude_zero=true"); a != b+1 {
		t.Errorf("charge rates %d, without zero %d", a, b)
	}
}

// Which statuses are closed is in no key; the difference of two lists tells.
func TestClosedStatuses(t *testing.T) {
	tenant := Small()
	c := newClient(t, tenant, nil)
	parked, done := tenant.AddStatus("Parked", false), tenant.AddStatus("Done", true)
	all, open := map[int]bool{}, map[int]bool{}
	other := 0
	for _, s := range c.rows("/Status?showall=true&type=0") { // the filter by type does not work
		all[integer(s["id"])] = true
		if s["type"] != 0 {
			other++
		}
		for k := range s {
			if strings.Contains(k, "closed") || strings.HasPrefix(k, "$") {
				t.Errorf("a status tells %q", k)
			}
		}
	}
	for _, s := range c.rows("/Status?excludeclosed=true") {
		open[integer(s["id"])] = true
	}
	if !open[parked] || open[done] || !all[done] || open[9] || !open[1] || other == 0 {
		t.Errorf("all %v, open %v", all, open)
	}
	typ := c.one("/TicketType/1?includedetails=true")
	if got, want := c.count("/Status?tickettype_id=1"), len(objects(typ["allowed_status"])); got != want || want == 0 {
		t.Errorf("statuses of a type: %d, want %d", got, want)
	}
}

// Rows of lists are thin; what is missing must be asked for.
func TestThinRows(t *testing.T) {
	c := newClient(t, Small(), nil)
	has := func(path, key string) bool {
		t.Helper()
		for _, r := range c.rows(path) {
			if _, ok := r[key]; ok {
				return true
			}
		}
		return false
	}
	for _, x := range []struct{ path, key, with string }{
		{"/Tickets", "agent_name", "includeagent=true"}, {"/Tickets", "status_name", "includestatus=true"}, {"/Tickets", "tickettype_name", "includetickettype=true"},
		{"/Tickets", "customfields", "include_custom_fields=152"}, {"/Client", "customfields", "include_custom_fields=154"}, {"/SLA", "priorities", "showpriorities=true"},
		{"/FieldInfo", "values", "includevalues=true"}, {"/Team", "agents", "includeagents=true"}, {"/Workday", "holidays", "showholidays=true"}, {"/Agent", "roles", "includeroles=true"},
		{"/Site", "delivery_address_line1", "includeaddress=true"}, {"/Actions?ticket_id=4321", "note_html", "includehtmlnote=true"},
	} {
		sep := "?"
		if strings.Contains(x.path, "?") {
			sep = "&"
		}
		if has(x.path, x.key) || has(x.path+sep+strings.Replace(x.with, "=true", "=1", 1), x.key) && strings.Contains(x.with, "true") || !has(x.path+sep+x.with, x.key) {
			t.Errorf("%s: %s without or not with %s", x.path, x.key, x.with)
		}
	}
	if has("/Users?include_custom_fields=156", "customfields") || has("/TicketType", "allowed_status") || has("/Agent", "costprice") || has("/Tickets", "datecreated") {
		t.Error("a list tells what only single objects do")
	}
	plain, full := c.one("/TicketType/1"), c.one("/TicketType/1?includedetails=true")
	if plain["allowed_status"] != nil || full["allowed_status"] == nil || full["fields"] == nil {
		t.Error("details of a ticket type")
	}
	for _, a := range objects(full["allowed_status"]) {
		if a["ticketype_id"] != 1 || text(a["status_name"]) == "" {
			t.Errorf("allowed status %v", a)
		}
	}
	ticket := c.one("/Tickets/4321?includedetails=true")
	p, _ := ticket["priority"].(map[string]any)
	if p["priorityid"] != ticket["priority_id"] || p["slaid"] != ticket["sla_id"] || ticket["targetdate"] != emptyDate {
		t.Errorf("ticket %v", ticket)
	}
}

func TestSince(t *testing.T) {
	tenant := Small()
	now := time.Date(2026, 9, 1, 9, 15, 0, 380_000_000, time.UTC)
	tenant.SetClock(func() time.Time { return now })
	for path, key := range map[string]string{"/Tickets": "summary", "/Client": "name", "/Site": "name", "/Users": "name"} {
		c := newClient(t, tenant, nil)
		strict := newClient(t, tenant, &Options{SinceExclusive: true})
		id := tenant.IDs(path)[2]
		tenant.Update(path, id, Row{key: "changed now"})
		for from, want := range map[string]int{
			"2026-09-01T09:15:00.380000Z": 1, "2026-09-01T09:15:00.38": 1, "2026-09-01T09:15:00.38Z": 1, "2026-09-01T10:15:00.38+01:00": 1, "2026-09-01T09:15:00.3800001": 0, "2026-09-02": 0,
		} {
			q := "?lastupdatefromdate=" + url.QueryEscape(from)
			if got := c.count(path + q); got != want {
				t.Errorf("%s since %s: %d, want %d", path, from, got, want)
			}
		}
		if strict.count(path+"?lastupdatefromdate=2026-09-01T09:15:00.38Z") != 0 || c.count(path+"?lastupdatefromdate=2026-01-01&lastupdatetodate=2026-01-01") != 0 {
			t.Errorf("%s: bounds", path)
		}
		// The misspelt parameter is ignored.
		if got := c.count(path + "?lastupdatedfromdate=2030-01-01"); got == 0 {
			t.Errorf("%s: a misspelt parameter filters", path)
		}
	}
}

func TestFilters(t *testing.T) {
	tenant := Medium()
	c := newClient(t, tenant, nil)
	tickets := c.rows("/Tickets?count=1000")
	only := func(param string, keep func(Row) bool) {
		t.Helper()
		want := 0
		for _, r := range tickets {
			want += truth(keep(r))
		}
		got := c.rows("/Tickets?count=1000&" + param)
		for _, r := range got {
			if !keep(r) {
				t.Errorf("%s lets through %v", param, r)
			}
		}
		if len(got) != want || want == 0 || want == len(tickets) {
			t.Errorf("%s: %d rows, want %d of %d", param, len(got), want, len(tickets))
		}
	}
	is := func(key string, ids ...int) func(Row) bool {
		return func(r Row) bool { return slices.Contains(ids, integer(r[key])) }
	}
	only("open_only=true", func(r Row) bool { return r["hasbeenclosed"] == nil })
	only("closed_only=true", func(r Row) bool { return r["hasbeenclosed"] == true })
	only("status=1,2", is("status_id", 1, 2))
	only("requesttype=1,3", is("tickettype_id", 1, 3))
	only("client_id=12", is("client_id", 12))
	only("agent_id=1", is("agent_id", 1))
	only("ticketids=4321,4400,1", is("id", 4321, 4400))
	only("search_id=4330", is("id", 4330))
	only("itil_requesttype=22", is("itil_requesttype_id", 22))
	only("parent_id=4325", is("parent_id", 4325))
	only("team=2nd%20Line%20Support", func(r Row) bool { return r["team"] == "2nd Line Support" })
	only("search=wi-fi", func(r Row) bool { return strings.HasPrefix(text(r["summary"]), "Wi-Fi") })
	only("domain=reqs", func(r Row) bool { return !slices.Contains([]int{20, 22, 23}, integer(r["itil_requesttype_id"])) })
	only("domain=prjs", is("itil_requesttype_id", 22, 23))
	only("domain=opps", is("itil_requesttype_id", 20))
	only("datesearch=dateoccured&startdate=2026-01-01", func(r Row) bool { return text(r["dateoccurred"]) >= "2026-01-01" })
	only("datesearch=datecleared&enddate=2026-01-01T00:00:00Z", func(r Row) bool { return r["dateclosed"] != nil && text(r["dateclosed"]) <= "2026-01-01" })
	for path, want := range map[string]bool{
		"/Site?client_id=12": true, "/Users?client_id=12&exclude_agents=true": true, "/Users?site_id=2": true, "/Client?toplevel_id=2": true, "/Site?toplevel_id=2": true, "/Users?toplevel_id=2": true,
		"/Agent?team_id=1": true, "/Agent?department_id=3": true, "/Priority?slaid=2": true, "/Category?type_id=3": true, "/FieldInfo?typeid=2": true, "/TopLevel?agent_departments_only=true": true,
		"/TicketTypeField?tickettype_id=2": true, "/Outcome?excludesystemactions=true&showhidden=true": true, "/Status?sla=9": false, "/Client?search=bluebird": true,
		"/Users?search_name_only=dana": true, "/Users?search=client14.example": true,
	} {
		base, _, _ := strings.Cut(path, "?")
		if strings.Contains(path, "showhidden") {
			base += "?showhidden=true"
		}
		few, all := c.count(path), c.count(base)
		if few == 0 || (few < all) != want {
			t.Errorf("%s: %d of %d", path, few, all)
		}
	}
	if ids := c.rows("/Client?idonly=true&includeinactive=true&includeactive=true&pageinate=true&page_size=5"); len(ids) != 81 || len(ids[0]) != 1 {
		t.Errorf("idonly: %d rows, %v", len(ids), ids[0])
	}
	if ids := c.rows("/Tickets?ticketidonly=true"); len(ids[0]) < 4 || ids[0]["summary"] != nil {
		t.Errorf("ticketidonly: %v", ids[0])
	}
	actions := c.rows("/Actions?startdate=2020-01-01")
	if few := c.count("/Actions?startdate=2026-01-01&enddate=2026-03-01"); few == 0 || few >= len(actions) {
		t.Errorf("actions by date: %d of %d", few, len(actions))
	}
	for param, keep := range map[string]func(Row) bool{
		"excludeprivate=true": func(r Row) bool { return r["hiddenfromuser"] == false }, "agentonly=true": is("who_type", whoAgent), "actoutcomenum=7": is("outcome_id", 7),
		"timeentriesonly=true": func(r Row) bool { return number(r["timetaken"]) > 0 }, "excludesys=true": func(r Row) bool { return !is("outcome_id", 1, 2)(r) },
	} {
		want := 0
		for _, r := range actions {
			want += truth(keep(r))
		}
		if got := c.count("/Actions?startdate=2020-01-01&" + param); got != want || want == 0 || want == len(actions) {
			t.Errorf("%s: %d, want %d of %d", param, got, want, len(actions))
		}
	}
}

func TestAdvancedSearch(t *testing.T) {
	tenant := Small()
	c := newClient(t, tenant, nil)
	mail := text(tenant.Get("/Users", c.someUser(12))["emailaddress"])
	path := func(s string) string { return "/Users?advanced_search=" + url.QueryEscape(s) }
	if rows := c.rows(path(fmt.Sprintf(`[{"filter_name":"emailaddress","filter_type":2,"filter_value":%q}]`, strings.ToUpper(mail)))); len(rows) != 1 || rows[0]["emailaddress"] != mail {
		t.Errorf("%v", rows)
	}
	for _, s := range []string{`[{"filter_name":"nonsense","filter_type":2,"filter_value":"x"}]`, `[{"filter_name":"name","filter_type":7,"filter_value":"x"}]`, `nonsense`} {
		if status, body, _ := c.do("GET", path(s), nil); status != 400 || !strings.Contains(string(body), "Invalid advanced search parameter") {
			t.Errorf("%s: %d %s", s, status, body)
		}
	}
}

// The traps of the vendor's data are all in a generated tenant.
func TestTraps(t *testing.T) {
	tenant := Medium()
	c := newClient(t, tenant, nil)
	names := map[string]map[int]bool{}
	for _, r := range c.rows("/Team?showall=true") {
		n := text(r["name"])
		if names[n] == nil {
			names[n] = map[int]bool{}
		}
		names[n][integer(r["department_id"])] = true
	}
	if len(names["1st Line Support"]) != 2 || len(names) == 8 {
		t.Errorf("teams %v", names)
	}
	priorities := map[int]map[string]bool{}
	for _, p := range c.rows("/Priority") {
		if len(text(p["id"])) != 36 {
			t.Errorf("priority id %v", p["id"])
		}
		n := integer(p["priorityid"])
		if priorities[n] == nil {
			priorities[n] = map[string]bool{}
		}
		priorities[n][text(p["name"])] = true
	}
	if len(priorities) != 5 || len(priorities[1]) < 2 {
		t.Errorf("priorities %v", priorities)
	}
	digits := map[int]bool{}
	for _, r := range c.rows("/Tickets?count=1000") {
		_, frac, _ := strings.Cut(text(r["last_update"]), ".")
		digits[len(frac)] = true
	}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 7} {
		if !digits[n] {
			t.Errorf("no stamp has %d digits of a second", n)
		}
	}
	general, linked := 0, 0
	for _, u := range c.rows("/Users") {
		general += truth(u["name"] == "General User")
		linked += truth(integer(u["linked_agent_id"]) > 0)
		if _, ok := u["site_id"].(float64); !ok {
			t.Fatalf("site_id is %T", u["site_id"])
		}
	}
	if general < 80 || linked < 50 || c.count("/Users?exclude_generaluser=true&exclude_agents=true") != c.count("/Users")-general-linked {
		t.Errorf("%d General Users, %d agents", general, linked)
	}
	itil := map[int]bool{}
	for _, r := range c.rows("/Tickets?count=1000") {
		itil[integer(r["itil_requesttype_id"])] = true
	}
	for _, n := range []int{1, 2, 3, 4, 20, 21, 22, 23} {
		if !itil[n] {
			t.Errorf("no ticket of ITIL type %d", n)
		}
	}
	types := map[string]int{}
	for _, r := range c.rows("/Lookup?lookupid=11") {
		types[text(r["name"])] = integer(r["id"])
	}
	for _, n := range []string{lookupSources, lookupCustomer, lookupRelationship, lookupImpact, lookupUrgency} {
		if types[n] == 0 || c.count(fmt.Sprintf("/Lookup?lookupid=%d", types[n])) == 0 {
			t.Errorf("list %q is not named in list 11 or empty", n)
		}
	}
	if types["Charge Rates"] != 17 || c.one("/Lookup/1?lookupid=17")["name"] != "Standard Rate" {
		t.Errorf("charge rates are list %d", types["Charge Rates"])
	}
	levels := map[int]int{}
	for _, r := range c.rows("/Category?type_id=1") {
		levels[strings.Count(text(r["value"]), ">")]++
	}
	if levels[0] == 0 || levels[1] == 0 || levels[2] == 0 {
		t.Errorf("levels of categories %v", levels)
	}
}

// Generated tenants are the same every time.
func TestDeterministic(t *testing.T) {
	list := func() string {
		c := newClient(t, Small(), nil)
		var b strings.Builder
		for _, path := range []string{"/Tickets?count=100&includeagent=true", "/Users", "/FieldInfo?includevalues=true", "/Agent", "/Actions?ticket_id=4322", "/SLA?showpriorities=true"} {
			_, body, _ := c.do("GET", path, nil)
			b.Write(body)
		}
		return b.String()
	}
	if one, two := list(), list(); one != two {
		t.Error("two tenants differ")
	}
}

func TestCanaries(t *testing.T) {
	tenant := Small()
	c := newClient(t, tenant, nil)
	var b strings.Builder
	for _, path := range []string{"/Agent/5", "/Client/12", "/Category", "/Outcome", "/TicketType/1", "/Lookup?lookupid=17", "/Actions?ticket_id=4321"} {
		_, body, _ := c.do("GET", path+"", nil)
		b.Write(body)
	}
	seen := map[string]bool{}
	for _, k := range Canaries() {
		if seen[k.Value] {
			t.Errorf("%s twice", k.Value)
		}
		seen[k.Value] = true
		if !strings.Contains(b.String(), k.Value) && k.Field != "actionnonchargeamount" && k.Field != "actionchargeamount" {
			t.Errorf("%s.%s is not answered", k.Entity, k.Field)
		}
		if loadSchema()[k.Entity].byName[k.Field] == nil {
			t.Errorf("%s has no key %s", k.Entity, k.Field)
		}
	}
	if len(seen) < 12 {
		t.Errorf("%d canaries", len(seen))
	}
}

// What a tenant refuses is a mistake of the test that uses it.
func TestTenantRefuses(t *testing.T) {
	tenant := Small()
	for name, f := range map[string]func(){
		"key": func() { tenant.Add("/Status", Row{"nome": "x"}) }, "path": func() { tenant.Add("/Nonsense", Row{}) }, "parent": func() { tenant.Add("/Actions", Row{"note": "x"}) },
		"row": func() { tenant.Update("/Status", 999, Row{"name": "x"}) }, "item": func() { tenant.IDs("/Status/1") }, "number": func() { tenant.Add("/Lookup/x", Row{"name": "x"}) },
		"post": func() { tenant.Update("/Tickets", 4321, Row{"lastupdate": "x"}) }, "zero": func() { tenant.Update("/Status", 0, Row{"name": "x"}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "halopsatest") {
					t.Errorf("no panic, or %v", p)
				}
			}()
			f()
		})
	}
	if tenant.Remove("/Status", 999) || !tenant.Remove("/Status", 3) || tenant.Get("/Status", 3) != nil {
		t.Error("Remove")
	}
	if id := tenant.Add("/Status", Row{"name": "next"}); id <= 105 {
		t.Errorf("an id was given twice: %d", id)
	}
}

func TestBuilders(t *testing.T) {
	tenant := NewTenant()
	c := newClient(t, tenant, nil)
	a, b := tenant.AddTeam("Desk", "Service"), tenant.AddTeam("Desk", "Cloud")
	if c.count("/Team") != 2 || c.count("/TopLevel?agent_departments_only=true") != 2 || tenant.AddTeam("Back office", "Cloud") == a || a == b || c.count("/TopLevel") != 2 {
		t.Error("teams")
	}
	client, site := tenant.AddClient("Acme")
	if got := c.one(fmt.Sprintf("/Client/%d", client)); got["main_site_id"] != site || c.count(fmt.Sprintf("/Users?site_id=%d", site)) != 1 {
		t.Errorf("client %v", got)
	}
	tenant.AddStatus("New", false)
	got := c.post("/Tickets", Row{"summary": "in a nearly empty tenant", "client_id": client})
	if got["status_id"] != 1 || got["site_id"] != site {
		t.Errorf("%v", got)
	}
	tenant.DeleteTicket(integer(got["id"]))
	if c.count("/Tickets") != 0 || c.count("/Tickets?deleted=true") != 1 {
		t.Error("a deleted ticket is listed")
	}
	if tenant.Now().IsZero() {
		t.Error("no clock")
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("/Tickets?pageinate=true&page_size=-1&page_no=99999999999999999999&order=id&count=-3")
	f.Add("/Users?advanced_search=[{}]&include_custom_fields=,,1&activeinactive=,")
	f.Add("/Lookup?lookupid=-5")
	f.Add("/Actions?ticket_id=99999999999&startdate=x")
	tenant := Small()
	c := newClient(f, tenant, &Options{Limit: Limit{Requests: -1}, NoGatewayWait: true})
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.Parse("/api" + path)
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		c.t = t
		status, body, _ := c.do("GET", strings.TrimPrefix(u.EscapedPath(), "/api")+"?"+u.RawQuery, nil)
		if status == 200 {
			if _, err := simulator.Decode(body); err != nil {
				t.Errorf("%s: %v in %s", path, err, body)
			}
		}
	})
}
