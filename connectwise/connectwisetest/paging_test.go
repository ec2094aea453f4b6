package connectwisetest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// next returns the path and query of the link with that relation.
func next(t interface{ Fatalf(string, ...any) }, a answer, rel string) (string, bool) {
	for part := range strings.SplitSeq(a.header.Get("Link"), ", ") {
		target, r, _ := strings.Cut(part, ">; rel=")
		if r != `"`+rel+`"` {
			continue
		}
		u, err := url.Parse(strings.TrimPrefix(target, "<"))
		if err != nil {
			t.Fatalf("link %q: %v", part, err)
		}
		_, path, ok := strings.Cut(u.Path, "/apis/3.0")
		if !ok {
			t.Fatalf("link %q is not below the API's root", part)
		}
		return path + "?" + u.RawQuery, true
	}
	return "", false
}

// walk follows next links from path and returns all ids and the page sizes.
func (c *client) walk(t *testing.T, path string) (all []int, pages []int) {
	t.Helper()
	for {
		a := c.get(path)
		got := ids(a.rows(t))
		all, pages = append(all, got...), append(pages, len(got))
		var ok bool
		if path, ok = next(t, a, "next"); !ok {
			return all, pages
		}
	}
}

// The pages of both styles together are the list, whatever the page size,
// filter and options.
func TestPagingProperty(t *testing.T) {
	tenant := Small()
	plain := serve(t, tenant, Options{Limit: Limit{Requests: -1}})
	var paths []string
	for p := range plain.lists() {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	rapid.Check(t, func(rt *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(rt, "path")
		size := rapid.IntRange(1, 9).Draw(rt, "size")
		c := serve(t, tenant, Options{Limit: Limit{Requests: -1}, ForwardNextOnlyMore: rapid.Bool().Draw(rt, "onlyMore"), NoForwardOnly: []string{}})
		var kv []string
		if rapid.Bool().Draw(rt, "filter") {
			kv = append(kv, "conditions", fmt.Sprintf("id > %d", rapid.IntRange(0, 600).Draw(rt, "above")))
		}
		want := ids(c.get(with(path, append(kv, "pageSize", "1000")...)).rows(t))
		kv = append(kv, "pageSize", fmt.Sprint(size))
		if rapid.Bool().Draw(rt, "forward") {
			c.head["pagination-type"] = "forward-only"
		} else if rapid.Bool().Draw(rt, "desc") {
			kv = append(kv, "orderBy", "id desc")
			if !strings.HasSuffix(path, "/allNotes") { // note and time entry ids are of two series
				slices.Reverse(want)
			} else {
				kv = kv[:len(kv)-2]
			}
		}
		if strings.HasSuffix(path, "/allNotes") {
			return // ids repeat there: not a list by id
		}
		got, pages := c.walk(t, with(path, kv...))
		if !slices.Equal(got, want) {
			rt.Fatalf("%v walked %v, want %v", kv, got, want)
		}
		for i, n := range pages {
			if n > size || n < size && i < len(pages)-2 {
				rt.Fatalf("pages of %v with size %d", pages, size)
			}
		}
	})
}

func TestNavigablePaging(t *testing.T) {
	c := serve(t, manyContacts(400), Options{})
	a := c.get("/company/contacts")
	if n := len(a.rows(t)); n != 25 {
		t.Errorf("default page has %d rows", n)
	}
	if n := len(c.get("/company/contacts?pageSize=5000").rows(t)); n != 400 {
		t.Errorf("too large a page size gives %d rows", n)
	}
	first := c.get("/company/contacts?pageSize=100&conditions=inactiveFlag=false")
	if l := first.header.Get("Link"); strings.Contains(l, "first") || strings.Contains(l, "prev") || !strings.Contains(l, `page=4&pageSize=100>; rel="last"`) || !strings.Contains(l, "/v2025_1/apis/3.0/company/contacts?conditions=inactiveFlag%3Dfalse&page=2") {
		t.Errorf("first page links %s", l)
	}
	mid := c.get("/company/contacts?pageSize=100&page=2")
	for _, rel := range []string{"first", "prev", "next", "last"} {
		if _, ok := next(t, mid, rel); !ok {
			t.Errorf("middle page has no %s", rel)
		}
	}
	last := c.get("/company/contacts?pageSize=100&page=4")
	if _, ok := next(t, last, "next"); ok || len(last.rows(t)) != 100 {
		t.Error("last page has a next")
	}
	past := c.get("/company/contacts?pageSize=100&page=9")
	if len(past.rows(t)) != 0 || string(past.raw) != "[]" {
		t.Errorf("past the end: %s", past.raw)
	}
	if l := c.get("/company/contacts?pageSize=1000").header.Get("Link"); l != "" {
		t.Errorf("a single page has the links %s", l)
	}
	for _, bad := range []string{"pageSize=x", "page=-1", "pageId=x"} {
		c.get("/company/contacts?"+bad).fails(t, 400, "InvalidField")
	}
}

func TestForwardOnly(t *testing.T) {
	c := serve(t, manyContacts(400), Options{LinkHost: "other.invalid"})
	c.head["Pagination-Type"] = "forward-only"
	a := c.get("/company/contacts?pageSize=150&page=7") // page is ignored
	rows := a.rows(t)
	if rows[0]["id"] != firstContact {
		t.Errorf("starts at %v", rows[0]["id"])
	}
	if l := a.header.Get("Link"); l != fmt.Sprintf(`<https://other.invalid/v2025_1/apis/3.0/company/contacts?pageId=%d&pageSize=150>; rel="next"`, firstContact+149) {
		t.Errorf("link %s", l)
	}
	c.get("/company/contacts?orderBy=id").fails(t, 400, "orderBy")
	tail := c.get(fmt.Sprintf("/company/contacts?pageSize=150&pageId=%d", firstContact+299))
	if _, ok := next(t, tail, "next"); len(tail.rows(t)) != 100 || !ok {
		t.Error("the guide says the link is always present: missing after the last rows")
	}
	end := c.get(fmt.Sprintf("/company/contacts?pageId=%d", firstContact+399))
	if end.header.Get("Link") != "" || string(end.raw) != "[]" {
		t.Errorf("after the end: %s %s", end.header.Get("Link"), end.raw)
	}
	// Rows that come and go do not disturb a walk.
	if got := c.get(fmt.Sprintf("/company/contacts?pageId=%d&pageSize=1", 5)).rows(t)[0]["id"]; got != firstContact {
		t.Errorf("pageId below the first id starts at %v", got)
	}
	// A list that has no forward-only paging ignores it and sends no Link.
	a = c.get("/service/boards/12/items/741/associations?pageSize=1&pageId=99999")
	if len(a.rows(t)) != 1 || a.header.Get("Link") != "" {
		t.Errorf("associations: %d rows, link %s", len(a.rows(t)), a.header.Get("Link"))
	}
}

func TestPageSizeErrorOption(t *testing.T) {
	c := serve(t, Small(), Options{PageSizeError: true})
	c.get("/service/boards?pageSize=1001").fails(t, 400, `"OutOfRange"`)
	c.get("/service/boards?pageSize=1000").rows(t)
}

func TestFields(t *testing.T) {
	c := serve(t, Small(), Options{RefuseFields: map[string][]string{"/company/companies/*/sites": {"stateReference"}}})
	keys := func(m map[string]any) string {
		var out []string
		for k := range m {
			out = append(out, k)
		}
		slices.Sort(out)
		return strings.Join(out, ",")
	}
	row := c.get(with("/service/tickets/48213", "fields", "id,summary,company/id,status/name,_info")).row(t, 200)
	if keys(row) != "_info,company,id,status,summary" || keys(row["company"].(map[string]any)) != "id" || keys(row["status"].(map[string]any)) != "name" {
		t.Errorf("selected %v", row)
	}
	row = c.get(with("/service/tickets/48213", "fields", "id,board")).row(t, 200)
	if keys(row) != "board,id" || keys(row["board"].(map[string]any)) != "_info,id,name" {
		t.Errorf("_info is dropped from the record only: %v", row)
	}
	row = c.get(with("/company/contacts/31045", "fields", "communicationItems/value,customFields/id")).row(t, 200)
	if keys(row) != "communicationItems,customFields" || keys(at(row, "communicationItems", 0).(map[string]any)) != "value" || keys(at(row, "customFields", 0).(map[string]any)) != "id" {
		t.Errorf("nested in arrays: %v", row)
	}
	c.get("/company/companies/250/sites?fields=stateReference").fails(t, 400, "stateReference")
	c.get("/company/companies/250/sites?fields=name").rows(t)
	c.get("/service/tickets/48213?fields=nothing").fails(t, 400, "nothing is not a recognized name.")
}

// Nothing is sent as null except the value of a custom field, and a record
// shows all definitions of its kind.
func TestNulls(t *testing.T) {
	c := serve(t, Small(), Options{})
	for _, path := range []string{"/service/tickets", "/company/contacts", "/company/companies", "/service/boards/12/statuses", "/system/userDefinedFields"} {
		a := c.get(path)
		if s := strings.ReplaceAll(string(a.raw), `"value":null`, ""); strings.Contains(s, ":null") {
			t.Errorf("%s sends a null: %s", path, s)
		}
	}
	if a := c.get("/service/tickets?fields=customFields"); !strings.Contains(string(a.raw), `"value":null`) {
		t.Error("no custom field without a value")
	}
	var want []int
	for _, d := range c.get("/system/userDefinedFields").rows(t) {
		if d["screenId"] == "sr100" {
			want = append(want, d["id"].(int))
		}
	}
	for _, r := range c.get("/service/tickets?fields=customFields").rows(t) {
		var got []int
		for _, f := range r["customFields"].([]any) {
			got = append(got, f.(map[string]any)["id"].(int))
		}
		if !slices.Equal(got, want) {
			t.Errorf("a ticket shows the fields %v, want %v", got, want)
		}
	}
}
