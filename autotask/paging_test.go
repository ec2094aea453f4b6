package autotask

import (
	stdcmp "cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

// paged is a zone with two lists whose rows are numbered, and the ways it may
// page.
type paged struct {
	ids     []int
	order   func(ids []int) // of all rows; nil: rising
	shuffle bool            // rows within a page
	limit   int             // rows of a page, whatever was asked for; 0: none
	emptyTo bool            // a full last page has a link to an empty one
	link    func(next string) string
	details string // instead of pageDetails
	extra   string // of each row
	log     []string
	bodies  []string
}

func (s *paged) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	_, path, _ := strings.Cut(r.URL.Path, "/V1.0/")
	body := `{}`
	switch {
	case path == "zoneInformation":
		body = `{"url":"https://webservices3.autotask.net/ATServicesRest/","ci":41001}`
	case strings.HasSuffix(path, "/entityInformation"):
		body = `{"info":{"canQuery":true,"userAccessForQuery":1}}`
	case strings.Contains(path, "/query"):
		body = s.answer(r)
	}
	resp.Body = io.NopCloser(strings.NewReader(body))
	return resp, r.Context().Err()
}

func (s *paged) answer(r *http.Request) string {
	var q struct {
		MaxRecords int
		Filter     []struct {
			Op, Field string
			Value     int
		}
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(raw, &q) != nil || r.Method != http.MethodPost {
		return "no query"
	}
	s.log = append(s.log, r.URL.RawQuery)
	s.bodies = append(s.bodies, string(raw))
	all := slices.Clone(s.ids)
	if s.order != nil {
		s.order(all)
	}
	for _, f := range q.Filter {
		if f.Field == "id" {
			all = slices.DeleteFunc(all, func(id int) bool {
				return id < f.Value || f.Op == "gt" && id == f.Value || f.Op == "eq" && id != f.Value
			})
		}
	}
	from := 0
	if at := r.URL.Query().Get("paging"); at != "" {
		from, _ = strconv.Atoi(at)
	}
	size := q.MaxRecords
	if s.limit > 0 {
		size = min(size, s.limit)
	}
	page := slices.Clone(all[min(from, len(all)):min(from+size, len(all))])
	next := "null"
	if from+size < len(all) || s.emptyTo && len(page) == size {
		link := "https://webservices3.autotask.net/atservicesrest/V1.0/Roles/query/next?paging=" + strconv.Itoa(from+size)
		if s.link != nil {
			link = s.link(link)
		}
		next = strconv.Quote(link)
	}
	if s.shuffle {
		slices.Reverse(page)
	}
	rows := []string{}
	for _, id := range page {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"row %d"%s}`, id, id, s.extra))
	}
	details := `,"pageDetails":{"count":1,"requestCount":500,"prevPageUrl":null,"nextPageUrl":` + next + `}`
	if s.details != "" {
		details = s.details
	}
	return `{"items":[` + strings.Join(rows, ",") + `]` + details + `}`
}

func (s *paged) provider(t interface{ Fatal(...any) }, size int) *Provider {
	p, err := New(Config{
		PageSize: size, Transport: s, Retries: -1,
		Credentials: func(context.Context) (Credentials, error) { return Credentials{"a", "b", "c"}, nil },
		Budget:      NewBudget(&BudgetConfig{Requests: 1 << 30}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func listIDs(ctx context.Context, p *Provider, kind psa.Kind, q psa.Query) (ids []int, failed error) {
	for r, err := range p.List(ctx, kind, q) {
		if err == nil {
			err = r.Err
		}
		if err != nil {
			return ids, err
		}
		id, err := strconv.Atoi(r.ID)
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func numbers(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = 3 * i
	}
	return ids
}

func TestPaging(t *testing.T) {
	for _, tt := range []struct {
		name     string
		server   paged
		requests []string // queries of the list's addresses
	}{
		{"none", paged{}, []string{""}},
		{"row 0", paged{ids: []int{0}}, []string{""}},
		{"short", paged{ids: numbers(7)}, []string{""}},
		{"exactly a page", paged{ids: numbers(10)}, []string{""}},
		{"exactly a page, then none", paged{ids: numbers(10), emptyTo: true}, []string{"", "paging=10"}},
		{"three pages", paged{ids: numbers(25)}, []string{"", "paging=10", "paging=20"}},
		{"shorter pages than asked for", paged{ids: numbers(12), limit: 5}, []string{"", "paging=5", "paging=10"}},
		{"without an order within pages", paged{ids: numbers(25), shuffle: true}, []string{"", "paging=10", "paging=20"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.server.provider(t, 10)
			ids, err := listIDs(t.Context(), p, psa.KindSite, psa.Query{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.server.ids, ids); diff != "" && len(tt.server.ids)+len(ids) > 0 {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.requests, tt.server.log); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			for _, b := range tt.server.bodies {
				if b != tt.server.bodies[0] {
					t.Errorf("a page was asked for with another body: %s, not %s", b, tt.server.bodies[0])
				}
			}
			tt.server.log = nil
			ids, err = listIDs(t.Context(), p, psa.KindSite, psa.Query{After: "6"})
			if want := slices.DeleteFunc(slices.Clone(tt.server.ids), func(id int) bool { return id <= 6 }); err != nil || !slices.Equal(ids, want) {
				t.Errorf("behind 6: %v, %v", ids, err)
			}
		})
	}
}

func TestPagingFaults(t *testing.T) {
	falling := func(ids []int) { slices.Reverse(ids) }
	to := func(s string) func(string) string { return func(string) string { return s } }
	for _, tt := range []struct {
		name   string
		server paged
		detail string
	}{
		{"order that resuming relies on", paged{ids: numbers(25), order: falling}, "begins before the end"},
		{"circle", paged{ids: numbers(25), link: to("https://webservices3.autotask.net/atservicesrest/V1.0/Roles/query/next?paging=10")}, "circle"},
		{"the first page again", paged{ids: numbers(25), link: to("https://webservices3.autotask.net/atservicesrest/V1.0/Roles/query/next?paging=0")}, "came again"},
		{"another host", paged{ids: numbers(25), link: to("https://evil.example/atservicesrest/V1.0/Roles/query/next?paging=10")}, "not the host"},
		{"another zone", paged{ids: numbers(25), link: to("https://webservices4.autotask.net/atservicesrest/V1.0/Roles/query/next?paging=10")}, "not the host"},
		{"no encryption", paged{ids: numbers(25), link: to("http://webservices3.autotask.net/atservicesrest/V1.0/Roles/query/next?paging=10")}, "https"},
		{"user name in it", paged{ids: numbers(25), link: to("https://webservices3.autotask.net@evil.example/x")}, "refused"},
		{"path", paged{ids: numbers(25), link: to("/V1.0/Roles/query/next?paging=10")}, "no URL"},
		{"no details", paged{ids: numbers(5), details: " "}, "another one"},
		{"null for details", paged{ids: numbers(5), details: `,"pageDetails":null`}, "another one"},
		{"other details", paged{ids: numbers(5), details: `,"pageDetails":{"nextPageUrl":5}`}, "another one"},
		{"text", paged{ids: numbers(5), details: `} and more {`}, "items"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.server.provider(t, 10)
			ids, err := listIDs(t.Context(), p, psa.KindSite, psa.Query{})
			if !errors.Is(err, psa.ErrData) || !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("%d rows and %v, want ErrData about %q", len(ids), err, tt.detail)
			}
			if strings.Contains(fmt.Sprint(err), "paging=") {
				t.Errorf("%v holds a query", err)
			}
		})
	}
	// Lists that nobody resumes need no order.
	s := &paged{ids: numbers(25), order: falling}
	ids, err := listIDs(t.Context(), s.provider(t, 10), psa.KindWorkRole, psa.Query{})
	slices.Sort(ids)
	if err != nil || !slices.Equal(ids, s.ids) {
		t.Errorf("configuration without an order: %v, %v", ids, err)
	}
}

// Every row comes once, in order, however long pages are.
func TestPagingProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 500), 0, 60, rapid.ID[int]).Draw(t, "ids")
		slices.Sort(ids)
		s := &paged{
			ids: ids, limit: rapid.IntRange(0, 9).Draw(t, "limit"),
			shuffle: rapid.Bool().Draw(t, "shuffle"), emptyTo: rapid.Bool().Draw(t, "emptyTo"),
		}
		p := s.provider(t, rapid.IntRange(1, 12).Draw(t, "size"))
		after := rapid.IntRange(-1, 500).Draw(t, "after")
		q, want := psa.Query{}, ids
		if after >= 0 {
			q.After = strconv.Itoa(after)
			want = slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return id <= after })
		}
		got, err := listIDs(t.Context(), p, psa.KindSite, q)
		if err != nil || len(got)+len(want) > 0 && !slices.Equal(got, want) {
			t.Fatalf("%v, %v, want %v", got, err, want)
		}
	})
}

// A zone that refuses names of fields is asked for all of them, once and for all.
func TestAllFields(t *testing.T) {
	refuses := func(names bool) *http.Response {
		body := `{"items":[],"pageDetails":{"nextPageUrl":null}}`
		if names {
			return &http.Response{StatusCode: 500, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"errors":["Unable to find foo in the Entity."]}`))}
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	}
	inner, asked := &paged{}, 0
	p := inner.provider(t, 10)
	p.c.conf.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(r.URL.Path, "/query") {
			return inner.RoundTrip(r)
		}
		raw, err := io.ReadAll(r.Body)
		asked++
		return refuses(strings.Contains(string(raw), "includeFields")), err
	})
	for want := range 3 {
		if _, err := listIDs(t.Context(), p, psa.KindSite, psa.Query{}); err != nil || asked != 2+want {
			t.Errorf("%d requests, %v", asked, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// User-defined fields that are encrypted are cut out of pages.
func TestWithout(t *testing.T) {
	page := `{"items":[{"id":1,"userDefinedFields":[{"name":"a","value":"kept"},{"name":"Router Password","value":"canary"},{"name":"A & B","value":"canary"}]},7,{"id":2,"userDefinedFields":[{"name":"a","value":"x"}]},{"id":3,"UserDefinedFields":[{"name":"ROUTER \u0070assword","value":"canary"}]}],"pageDetails":{"nextPageUrl":null}}`
	want := `{"items":[{"id":1,"userDefinedFields":[{"name":"a","value":"kept"}]},7,{"id":2,"userDefinedFields":[{"name":"a","value":"x"}]},{"UserDefinedFields":[],"id":3}],"pageDetails":{"nextPageUrl":null}}`
	if got := string(without([]byte(page), []string{"router password", "a & b"})); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(without([]byte(want), []string{"router password"})); got != want {
		t.Errorf("%s was changed to %s", want, got)
	}
	for _, broken := range []string{`{"items":["router password"`, `["router password"]`, `{"items":{"router password":1}}`} {
		if got := string(without([]byte(broken), []string{"router password"})); got != broken {
			t.Errorf("%s became %s", broken, got)
		}
	}
}

// Whatever a page holds, it keeps its rows, in order, and loses what is secret.
func FuzzPage(f *testing.F) {
	for _, s := range []string{
		`{"items":[{"id":2},{"id":1},7,{"id":"x"}],"pageDetails":{}}`, `{"pageDetails":null,"items":[]}`, `{"items":[{"id":1,"userDefinedFields":[{"name":"s","value":"v"}]}]}`,
		`{"items":[{"id":5,"id":3},{"id":4}],"pageDetails":{"nextPageUrl":"x"},"more":[1]}`, `[]`, `{"items":`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 10_000 {
			return
		}
		g := &pager{op: "list x"}
		out, n, err := g.ordered(body)
		if err != nil {
			if !errors.Is(err, psa.ErrData) {
				t.Fatalf("%v, want ErrData", err)
			}
			return
		}
		if _, ok, _ := rest.Member(out, "pageDetails"); !ok {
			return // refused before a row is handed out
		}
		left, before := 0, ""
		for row, err := range rest.Rows(without(out, []string{"s"}), wrapper) {
			if err != nil {
				t.Fatalf("%q became %q: %v", body, out, err)
			}
			id := rowID(row)
			if before != "" && id != "" && less(id, before) {
				t.Fatalf("%q: %s comes behind %s", out, id, before)
			}
			left, before = left+1, stdcmp.Or(id, before)
			if json.Valid(row) {
				if _, cut := withoutFields(row, []string{"s"}); cut {
					t.Fatalf("%q is left", row)
				}
			}
		}
		if left != n {
			t.Fatalf("%d rows of %d", left, n)
		}
	})
}

func TestRowID(t *testing.T) {
	for row, want := range map[string]string{
		`{"id":5,"x":1}`: "5", `{"id":0}`: "0", `{"x":{"id":7},"id":5}`: "5", `{"id":"5"}`: "5", `{"id":5.5}`: "", `{"id":-1}`: "", `{"id":05}`: "",
		`{"id":null}`: "", `7`: "", ``: "", `{"id":5`: "", `{"id":99999999999999999999}`: "",
	} {
		if got := rowID([]byte(row)); got != want {
			t.Errorf("%s: %q, want %q", row, got, want)
		}
	}
}
