package halopsatest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// page reads one page; count is -1 if the answer has no record_count.
func (c *client) page(path string, q url.Values) (rows []Row, count int) {
	c.t.Helper()
	v := c.value("GET", path+"?"+q.Encode(), nil)
	count = -1
	if m, ok := v.(map[string]any); ok {
		if n, ok := m["record_count"].(int); ok {
			count = n
		}
		for _, e := range m {
			if l, ok := e.([]any); ok {
				v = l
			}
		}
	}
	return objects(v), count
}

// collect pages through a list by the rule that survives all of the vendor's
// quirks: until as many rows as record_count, an empty page, one shorter than
// the first was, or the first row again.
func (c *client) collect(path string, q url.Values, size int) map[int]int {
	c.t.Helper()
	seen := map[int]int{}
	q = maps.Clone(q)
	q.Set("pageinate", "true")
	q.Set("page_size", fmt.Sprint(size))
	first, last := 0, 0
	for n := 1; ; n++ {
		q.Set("page_no", fmt.Sprint(n))
		rows, count := c.page(path, q)
		if n == 1 {
			first = len(rows)
		}
		if len(rows) == 0 || n > 1 && integer(rows[0]["id"]) == last {
			return seen
		}
		last = integer(rows[0]["id"])
		for _, r := range rows {
			seen[integer(r["id"])]++
		}
		if count >= 0 && len(seen) >= count || len(rows) < first {
			return seen
		}
	}
}

func TestSafePagingGetsEveryRow(t *testing.T) {
	tenant := Medium()
	c := newClient(t, tenant, &Options{Limit: Limit{Requests: -1}, PageCap: 70})
	paths := []string{"/Tickets", "/Client", "/Site", "/Users", "/Agent", "/Status", "/Category"}
	rapid.Check(t, func(rt *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(rt, "path")
		q := url.Values{"order": {"id"}, "includeactive": {"true"}, "includeinactive": {"true"}, "includeenabled": {"true"}, "includedisabled": {"true"}, "includeapiagents": {"true"}}
		if rapid.Bool().Draw(rt, "descending") {
			q.Set("orderdesc", "true")
		}
		got := c.collect(path, q, rapid.IntRange(60, 1500).Draw(rt, "size"))
		want := tenant.IDs(path)
		if len(got) != len(want) {
			rt.Fatalf("%s: %d rows of %d", path, len(got), len(want))
		}
		for _, id := range want {
			if got[id] != 1 {
				rt.Fatalf("%s: row %d came %d times", path, id, got[id])
			}
		}
	})
}

// A client that computes pages from the size it asked for loses rows.
func TestTrustingThePageSizeLosesRows(t *testing.T) {
	tenant := Medium()
	c := newClient(t, tenant, nil)
	q := url.Values{"pageinate": {"true"}, "page_size": {"400"}, "order": {"id"}}
	seen := map[int]bool{}
	_, count := c.page("/Tickets", q)
	for n := range (count + 399) / 400 {
		q.Set("page_no", fmt.Sprint(n+1))
		rows, _ := c.page("/Tickets", q)
		if len(rows) != 100 {
			t.Fatalf("page %d has %d rows", n+1, len(rows))
		}
		for _, r := range rows {
			seen[integer(r["id"])] = true
		}
	}
	if count != 500 || len(seen) != 200 {
		t.Errorf("record_count %d, rows %d: want 500 and 200", count, len(seen))
	}
}

func TestPaging(t *testing.T) {
	c := newClient(t, Medium(), nil)
	for path, want := range map[string]int{
		"/Tickets":                                              50,
		"/Tickets?page_size=100&page_no=2":                      50,
		"/Tickets?pageinate=1&page_size=100":                    50,
		"/Tickets?pageinate=true":                               50,
		"/Tickets?pageinate=TRUE&page_size=1000&page_no=1":      100,
		"/Tickets?pageinate=true&page_size=100&page_no=6":       0,
		"/Tickets?count=7":                                      7,
		"/Tickets?count=600":                                    500,
		"/Tickets?ticketidonly=true":                            500,
		"/Tickets?ticketidonly=true&pageinate=true&page_size=5": 500,
		"/Client?pageinate=true&page_size=999":                  75,
		"/Status?pageinate=true&page_size=5&page_no=1":          30,
		"/Status?pageinate=true&page_size=5&page_no=9":          30,
		"/Agent?pageinate=true&page_size=5":                     5,
		"/tickets?count=3":                                      3,
		"/Tickets?colour=red&nonsense=1":                        50,
	} {
		if got := len(c.rows(path)); got != want {
			t.Errorf("%s: %d rows, want %d", path, got, want)
		}
	}
	// Newest first unless told otherwise; 1 is not true.
	ids := func(path string) []int {
		var out []int
		for _, r := range c.rows(path) {
			out = append(out, integer(r["id"]))
		}
		return out
	}
	for _, q := range []string{"", "&order=id&orderdesc=true", "&order=nonsense"} {
		if got := ids("/Tickets?count=2" + q); !slices.Equal(got, []int{4820, 4819}) {
			t.Errorf("%s: %v", q, got)
		}
	}
	for _, q := range []string{"&order=id", "&order=ID&orderdesc=1"} {
		if got := ids("/Tickets?count=2" + q); !slices.Equal(got, []int{4321, 4322}) {
			t.Errorf("%s: %v", q, got)
		}
	}
	var last string
	for _, r := range c.rows("/Client?order=name") {
		if n := strings.ToLower(text(r["name"])); n < last {
			t.Errorf("%q after %q", n, last)
		} else {
			last = n
		}
	}
	two := c.rows("/Tickets?count=500&order=status_id&orderdesc=true&order2=id")
	for i := range two[1:] {
		a, b := two[i], two[i+1]
		if n := compare(a["status_id"], b["status_id"]); n < 0 || n == 0 && integer(a["id"]) > integer(b["id"]) {
			t.Fatalf("%v before %v", a, b)
		}
	}
}

func TestListFaults(t *testing.T) {
	c := newClient(t, Medium(), nil)
	q := url.Values{"pageinate": {"true"}, "page_size": {"50"}, "page_no": {"2"}, "order": {"id"}}
	firstID := func() (int, int, int) {
		rows, count := c.page("/Tickets", q)
		if len(rows) == 0 {
			return 0, 0, count
		}
		return integer(rows[0]["id"]), len(rows), count
	}
	for _, x := range []struct {
		f               Fault
		id, rows, count int
	}{
		{Fault{}, 4371, 50, 500},
		{Fault{EmptyList: true}, 0, 0, 0},
		{Fault{RepeatPage: true}, 4321, 50, 500},
		{Fault{CapPage: 20}, 4341, 20, 500},
		{Fault{Shift: 3}, 4374, 50, 500},
		{Fault{Shift: -3}, 4368, 50, 500},
		{Fault{CountDelta: -5}, 4371, 50, 495},
	} {
		x.f.Path = "/Tickets"
		c.srv.Fail(x.f)
		if id, rows, count := firstID(); id != x.id || rows != x.rows || count != x.count {
			t.Errorf("%+v: %d, %d rows of %d", x.f, id, rows, count)
		}
		c.srv.Heal()
	}
}

// Rows that appear while a client pages make it see rows twice or not at all,
// and the cached order of a list does not hide that.
func TestPagingIsNoSnapshot(t *testing.T) {
	tenant := Medium()
	c := newClient(t, tenant, nil)
	q := url.Values{"pageinate": {"true"}, "page_size": {"50"}, "page_no": {"1"}}
	one, _ := c.page("/Tickets", q)
	tenant.Add("/Tickets", Row{"summary": "new", "client_id": 12, "status_id": 1})
	q.Set("page_no", "2")
	two, count := c.page("/Tickets", q)
	if count != 501 || integer(one[49]["id"]) != integer(two[0]["id"]) {
		t.Errorf("count %d, %v then %v", count, one[49]["id"], two[0]["id"])
	}
}
