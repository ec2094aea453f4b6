package autotasktest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Pages are complete and without repeats, whatever their size, and rows that
// come and go behind or before the cursor move no others.
func TestPagingProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tenant := Small()
		c := serve(t, tenant, Options{
			Limit: Limit{Requests: -1}, Unordered: rapid.Bool().Draw(rt, "unordered"), EmptyLastPage: rapid.Bool().Draw(rt, "empty last page"),
		})
		var gone, born []int
		first := true
		c.srv.Before(drift(rt, tenant, &first, &gone, &born))
		size := rapid.IntRange(1, 14).Draw(rt, "size")
		pages := c.walk(t, "Contacts", Row{"maxRecords": size, "filter": []any{cond("gte", "id", 0)}})
		var seen []int
		for _, p := range pages {
			if len(p) > size {
				rt.Fatalf("%d rows on a page of %d", len(p), size)
			}
			seen = append(seen, p...)
		}
		slices.Sort(seen)
		if d := slices.Compact(slices.Clone(seen)); len(d) != len(seen) {
			rt.Fatalf("repeated rows: %v", seen)
		}
		for i := range 11 {
			if id := firstContact + i; !slices.Contains(seen, id) && !slices.Contains(gone, id) {
				rt.Fatalf("row %d was skipped; gone %v, pages %v", id, gone, pages)
			}
		}
	})
}

// drift adds and removes contacts between the pages.
func drift(rt *rapid.T, tenant *Tenant, first *bool, gone, born *[]int) func(*http.Request) {
	return func(*http.Request) {
		if *first {
			*first = false
			return
		}
		if rapid.Bool().Draw(rt, "remove") {
			id := firstContact + rapid.IntRange(0, 10).Draw(rt, "which")
			if tenant.Remove("Contacts", id) {
				*gone = append(*gone, id)
			}
		}
		if len(*born) < 3 && rapid.Bool().Draw(rt, "add") {
			*born = append(*born, tenant.Add(fmt.Sprintf("Companies/%d/Contacts", firstCompany), Row{"firstName": "N", "lastName": "N", "isActive": 1}))
		}
	}
}

// The links: how they look, and which method follows them.
func TestPageLinks(t *testing.T) {
	c := serve(t, Small(), Options{})
	filter := []any{cond("gte", "id", 0)}
	query := Row{"maxRecords": 4, "includeFields": []string{"ID", "Title"}, "filter": filter}
	a := c.do("POST", "/tickets/QUERY", query).object(t)
	next := at(a, "pageDetails", "nextPageUrl").(string)
	if !strings.HasPrefix(next, "https://webservices1.autotask.invalid/atservicesrest/v1.0/Tickets/query/next?paging=%7B") {
		t.Errorf("next %s", next)
	}
	if d := a["pageDetails"].(map[string]any); len(d) != 4 || d["count"] != 4 || d["requestCount"] != 4 || d["prevPageUrl"] != nil {
		t.Errorf("pageDetails %v", d)
	}
	if got := at(a, "items", 0).(map[string]any); len(got) != 3 || got["title"] == nil || len(got["userDefinedFields"].([]any)) != 0 {
		t.Errorf("selected %v", got)
	}
	c.get(next).fails(t, 405, `{"Message":"The requested resource does not support http method 'GET'."}`)
	c.do("POST", next, "").fails(t, 500, "errors")
	second := c.do("POST", next, Row{"filter": filter})
	if got := ids(second.rows(t)); !slices.Equal(got, []int{firstTicket + 4, firstTicket + 5, firstTicket + 6, firstTicket + 7}) {
		t.Errorf("second page %v", got)
	}
	if got := at(second.object(t), "items", 0).(map[string]any); len(got) != 3 {
		t.Errorf("the selection is not in the link: %v", got)
	}
	prev := at(second.object(t), "pageDetails", "prevPageUrl").(string)
	if got := ids(c.do("POST", prev, Row{"filter": filter}).rows(t)); !slices.Equal(got, []int{firstTicket, firstTicket + 1, firstTicket + 2, firstTicket + 3}) {
		t.Errorf("previous page %v", got)
	}
	third := c.do("POST", at(second.object(t), "pageDetails", "nextPageUrl").(string), Row{"filter": filter}).object(t)
	back := c.do("POST", at(third, "pageDetails", "prevPageUrl").(string), Row{"filter": filter})
	if got := ids(back.rows(t)); !slices.Equal(got, ids(second.rows(t))) || at(back.object(t), "pageDetails", "nextPageUrl") == nil || at(back.object(t), "pageDetails", "prevPageUrl") == nil {
		t.Errorf("back from the third page: %v", got)
	}
	for _, bad := range []string{"x", "{}", `{"pageSize":0,"nextIds":[1]}`, `{"pageSize":5,"nextIds":[1,2]}`} {
		c.do("POST", "/Tickets/query/next?paging="+url.QueryEscape(bad), Row{"filter": filter}).fails(t, 500, "paging")
	}
	// A GET query is followed with GET.
	g := c.get(searchURL("Tickets", Row{"maxRecords": 10, "filter": filter}))
	if n := len(g.rows(t)); n != 10 {
		t.Errorf("%d rows by GET", n)
	}
	if got := ids(c.get(at(g.object(t), "pageDetails", "nextPageUrl").(string)).rows(t)); !slices.Equal(got, []int{firstTicket + 10, firstTicket + 11}) {
		t.Errorf("second page by GET %v", got)
	}
	if n := c.get(strings.Replace(searchURL("Tickets", Row{"filter": filter}), "/query", "/query/count", 1)).object(t)["queryCount"]; n != 12 {
		t.Errorf("count by GET %v", n)
	}
	// A URL that is too long is 404, in HTML.
	ids := slices.Repeat([]int{firstTicket}, 400)
	c.get(searchURL("Tickets", Row{"filter": []any{cond("in", "id", ids)}})).fails(t, 404, "<html")
	c.do("PATCH", "/Tickets/query", Row{}).fails(t, 405, "PATCH")
}

func TestLinkHosts(t *testing.T) {
	query := Row{"maxRecords": 5, "filter": []any{cond("gte", "id", 0)}}
	c := serve(t, Small(), Options{LinkHost: "webservices7.autotask.invalid"})
	link := func() string {
		next, _ := at(c.do("POST", "/Tickets/query", query).object(t), "pageDetails", "nextPageUrl").(string)
		return next
	}
	if n := link(); !strings.HasPrefix(n, "https://webservices7.autotask.invalid/") {
		t.Errorf("link %s", n)
	}
	if a := c.do("POST", link(), query); a.err == nil || len(c.srv.Strays()) != 1 || !c.srv.Strays()[0].Secret {
		t.Errorf("another host answered: %v, strays %v", a.status, c.srv.Strays())
	}
	c.srv.Fail(Fault{Path: "/Tickets/query", NextHost: "evil.invalid"})
	if n := link(); !strings.HasPrefix(n, "https://evil.invalid/") {
		t.Errorf("faulty link %s", n)
	}
	c = serve(t, Small(), Options{CasePath: true})
	if n := link(); !strings.Contains(n, "/ATServicesRest/V1.0/Tickets/") || c.do("POST", n, query).status != 200 {
		t.Errorf("link %s", n)
	}
	c.base = strings.ToLower(c.base)
	c.query("Tickets").fails(t, 404, "<html")
}

// More than 500 rows cannot be selected without their id.
func TestIncludeFieldsNeedsID(t *testing.T) {
	c := serve(t, LargeOf(501, 500), Options{})
	q := Row{"includeFields": []string{"firstName"}, "filter": all(nil)}
	c.do("POST", "/Contacts/query", q).fails(t, 500, "must contain id")
	q["filter"] = []any{cond("gt", "id", firstContact)}
	if r := c.do("POST", "/Contacts/query", q).rows(t); len(r) != 500 || r[0]["id"] != nil || r[0]["firstName"] == nil {
		t.Errorf("%d rows, first %v", len(r), r[0])
	}
	q = Row{"includeFields": []string{"id", "impact level"}, "filter": all(nil), "maxRecords": 1}
	c = serve(t, Small(), Options{})
	if r := c.do("POST", "/Tickets/query", q).rows(t)[0]; len(r) != 2 || len(r["userDefinedFields"].([]any)) != 1 || at(r, "userDefinedFields", 0, "value") != "1" {
		t.Errorf("a selected user-defined field: %v", r)
	}
}

// Rows below a parent: readable there and at the root.
func TestChildren(t *testing.T) {
	c := serve(t, Medium(), Options{})
	path := fmt.Sprintf("/Companies/%d/Contacts", firstCompany)
	below := ids(c.get(path).rows(t))
	root := ids(c.query("Contacts", cond("eq", "companyID", firstCompany)).rows(t))
	if len(below) != 5 || !slices.Equal(below, root) {
		t.Errorf("%v below, %v at the root", below, root)
	}
	if got := c.get(fmt.Sprintf("%s/%d", path, below[1])).item(t)["id"]; got != below[1] {
		t.Errorf("one child %v", got)
	}
	c.get(fmt.Sprintf("/Companies/0/Contacts/%d", below[1])).fails(t, 404, "")
	c.get(path+"/query").fails(t, 404, "<html")
	c.srv.Fail(Fault{CapPage: 2})
	a := c.get(path).object(t)
	if next := at(a, "pageDetails", "nextPageUrl"); next == nil || len(c.get(next.(string)).rows(t)) != 3 {
		t.Errorf("a link below a parent: %v", next)
	}
	if n := len(c.get("/UserDefinedFields/29682851/ListItems").rows(t)); n != 4 {
		t.Errorf("%d list items", n)
	}
	if got := c.get("/TicketCategories/3/FieldDefaults").rows(t); len(got) != 1 || got[0]["ticketCategoryID"] != 3 {
		t.Errorf("field defaults %v", got)
	}
}

// What happens to a list on demand.
func TestListFaults(t *testing.T) {
	c := serve(t, Small(), Options{})
	query := Row{"maxRecords": 4, "filter": []any{cond("gte", "id", 0)}}
	next := at(c.do("POST", "/Tickets/query", query).object(t), "pageDetails", "nextPageUrl").(string)
	hit := func(f Fault) []int {
		t.Helper()
		f.Path = "/Tickets/query/next"
		c.srv.Fail(f)
		return ids(c.do("POST", next, query).rows(t))
	}
	for _, tc := range []struct {
		fault Fault
		want  []int // of the second page, as offsets
	}{
		{Fault{EmptyList: true}, []int{}}, {Fault{RepeatPage: true}, []int{0, 1, 2, 3}}, {Fault{CapPage: 3}, []int{4, 5, 6}},
		{Fault{Shift: 2}, []int{6, 7, 8, 9}}, {Fault{Shift: -1}, []int{3, 4, 5, 6}},
	} {
		want := []int{}
		for _, n := range tc.want {
			want = append(want, firstTicket+n)
		}
		if got := hit(tc.fault); !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", tc.fault, got, want)
		}
	}
	c.srv.Fail(Fault{Path: "/Tickets/query/count", CountDelta: -3})
	if n := c.do("POST", "/Tickets/query/count", query).object(t)["queryCount"]; n != 9 {
		t.Errorf("CountDelta: %v", n)
	}
}
