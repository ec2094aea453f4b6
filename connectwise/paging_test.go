package connectwise

import (
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
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

// paged is a server with one list whose rows are numbered, and the ways it may
// page.
type paged struct {
	ids       []int
	onlyMore  bool   // no next link on the last page
	noLinks   bool   // knows no forward-only paging, and sends no Link
	navigable bool   // knows no forward-only paging, and links page numbers
	unordered bool   // the newest first, whatever was asked for
	limit     int    // rows of a page, whatever was asked for; 0: none
	linkTo    string // what a next link names; "": the truth
	before    func(n int)
	log       []string
}

func (s *paged) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	body := s.answer(r, resp.Header)
	resp.Body = io.NopCloser(strings.NewReader(body))
	return resp, r.Context().Err()
}

func (s *paged) answer(r *http.Request, h http.Header) string {
	q := r.URL.Query()
	s.log = append(s.log, strings.TrimPrefix(r.URL.Path, "/v4_6_release/apis/3.0/service/sources"))
	if s.before != nil {
		s.before(len(s.log))
	}
	after := 0
	if _, id, ok := strings.Cut(q.Get("conditions"), "id > "); ok {
		after, _ = strconv.Atoi(id)
	}
	forward := r.Header.Get("pagination-type") == "forward-only" && !s.noLinks && !s.navigable
	if forward {
		after, _ = strconv.Atoi(q.Get("pageId"))
	}
	all := slices.DeleteFunc(slices.Clone(s.ids), func(id int) bool { return id <= after })
	if (q.Get("orderBy") != "id asc" || s.unordered) && !forward {
		slices.Reverse(all) // no order was asked for
	}
	size, _ := strconv.Atoi(q.Get("pageSize"))
	if s.limit > 0 {
		size = min(size, s.limit)
	}
	page := all[:min(size, len(all))]
	more := len(all) > len(page)
	link := ""
	switch {
	case s.noLinks:
	case forward && len(page) > 0 && (more || !s.onlyMore):
		link = "pageId=" + strconv.Itoa(page[len(page)-1])
	case !forward && more:
		link = "page=2"
	}
	if link != "" {
		if s.linkTo != "" {
			link = s.linkTo
		}
		h.Set("Link", `<https://evil.example/v1/apis/3.0/service/sources?pageSize=1&`+link+`>; rel="next", <https://x/?page=9>; rel="last"`)
	}
	var rows []string
	for _, id := range page {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"row %d"}`, id, id))
	}
	return "[" + strings.Join(rows, ",") + "]"
}

func (s *paged) provider(t interface{ Fatal(...any) }, size int) *Provider {
	p, err := New(Config{
		URL: "https://connect.msp.example/v4_6_release", Company: "acme", ClientID: "x", PageSize: size, Transport: s, Retries: -1,
		Credentials: func(context.Context) (Credentials, error) { return Credentials{"a", "b"}, nil },
		Budget:      NewBudget(&BudgetConfig{Requests: 1 << 30}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func listIDs(ctx context.Context, p *Provider, q psa.Query) (ids []int, failed error) {
	for r, err := range p.List(ctx, psa.KindTicketSource, q) {
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
		ids[i] = 3 * (i + 1)
	}
	return ids
}

func TestPaging(t *testing.T) {
	for _, tt := range []struct {
		name     string
		server   paged
		size     int
		requests []string // below the list
	}{
		{"none", paged{}, 10, []string{""}},
		{"short", paged{ids: numbers(7)}, 10, []string{""}},
		{"exactly a page", paged{ids: numbers(10)}, 10, []string{"", ""}},
		{"three pages", paged{ids: numbers(25)}, 10, []string{"", "", "", ""}},
		{"links only where more is", paged{ids: numbers(25), onlyMore: true}, 10, []string{"", "", ""}},
		{"exactly a page, links only where more is", paged{ids: numbers(10), onlyMore: true}, 10, []string{"", "", ""}},
		{"a length that servers cap at", paged{ids: numbers(50)}, 1000, []string{"", ""}},
		{"that length without a link", paged{ids: numbers(50), onlyMore: true}, 1000, []string{"", ""}},
		{"longer than any list before", paged{ids: numbers(33)}, 1000, []string{"", ""}},
		{"capped", paged{ids: numbers(120), limit: 50}, 1000, []string{"", "", "", ""}},
		{"capped at an odd length", paged{ids: numbers(120), limit: 70, onlyMore: true}, 1000, []string{"", ""}},
		{"page numbers", paged{ids: numbers(25), navigable: true}, 10, []string{"", "", "", "", ""}},
		{"no links", paged{ids: numbers(25), noLinks: true}, 10, []string{"", "", "", "", ""}},
		{"no links and short", paged{ids: numbers(7), noLinks: true}, 10, []string{""}},
		{"no links and capped", paged{ids: numbers(120), noLinks: true, limit: 50}, 1000, []string{"", "", "", "", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := listIDs(t.Context(), tt.server.provider(t, tt.size), psa.Query{})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.server.ids, got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.requests, tt.server.log); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// Doubts are settled once for a server, not once for each list.
func TestPagingLearns(t *testing.T) {
	s := &paged{ids: numbers(80)}
	p := s.provider(t, 1000)
	for i, want := range []int{2, 1, 1} {
		s.log = nil
		if _, err := listIDs(t.Context(), p, psa.Query{}); err != nil || len(s.log) != want {
			t.Errorf("list %d: %d requests, %v, want %d", i+1, len(s.log), err, want)
		}
	}
	s.ids, s.log = numbers(60), nil
	if _, err := listIDs(t.Context(), p, psa.Query{}); err != nil || len(s.log) != 1 {
		t.Errorf("a shorter list: %d requests, %v, want 1", len(s.log), err)
	}
	s = &paged{ids: numbers(25), navigable: true}
	p = s.provider(t, 10)
	for i, want := range []int{5, 4} { // the first one tries forward-only
		s.log = nil
		if _, err := listIDs(t.Context(), p, psa.Query{}); err != nil || len(s.log) != want {
			t.Errorf("navigable list %d: %v, %v, want %d requests", i+1, s.log, err, want)
		}
	}
}

func TestPagingFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server *paged
	}{
		{"link to the same page", &paged{ids: numbers(50), linkTo: "pageId=0"}},
		{"link back", &paged{ids: numbers(50), linkTo: "pageId=5"}},
		{"no order", &paged{ids: numbers(50), noLinks: true, unordered: true}},
		{"link that is no number", &paged{ids: numbers(50), linkTo: "pageId=1%20or%201"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := listIDs(t.Context(), tt.server.provider(t, 10), psa.Query{})
			if !errors.Is(err, psa.ErrData) {
				t.Errorf("%d of %d rows and %v, want ErrData", len(got), len(tt.server.ids), err)
			}
			if err != nil && strings.Contains(err.Error(), "evil") {
				t.Errorf("%v repeats the link", err)
			}
		})
	}
}

// Rows that are deleted while a list is read do not hide others, in either
// mode, and a page that lost rows is not missed.
func TestPagingUnderChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "rows")
		s := &paged{
			ids: numbers(n), navigable: rapid.Bool().Draw(t, "navigable"), noLinks: rapid.Bool().Draw(t, "noLinks"),
			onlyMore: rapid.Bool().Draw(t, "onlyMore"),
		}
		gone := map[int]bool{}
		// Drawn here, since requests are made by another goroutine: at which
		// request which row goes, if any.
		deletions := rapid.SliceOfN(rapid.IntRange(-60, 59), 0, 40).Draw(t, "deletions")
		s.before = func(n int) {
			if n > len(deletions) || deletions[n-1] < 0 || len(s.ids) == 0 {
				return
			}
			i := deletions[n-1] % len(s.ids)
			gone[s.ids[i]] = true
			s.ids = slices.Delete(s.ids, i, i+1)
		}
		got, err := listIDs(t.Context(), s.provider(t, rapid.IntRange(1, 12).Draw(t, "size")), psa.Query{})
		if err != nil {
			if !errors.Is(err, psa.ErrData) {
				t.Fatal(err)
			}
			return
		}
		seen := map[int]bool{}
		for _, id := range got {
			if seen[id] {
				t.Fatalf("%d comes twice", id)
			}
			seen[id] = true
		}
		for _, id := range numbers(n) {
			if !seen[id] && !gone[id] {
				t.Fatalf("%d was there all the time and is missing", id)
			}
		}
	})
}

func TestLess(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"9", "10", true}, {"10", "9", false}, {"10", "10", false}, {"0009", "10", true}, {"", "1", true}, {"99999999999999999998", "99999999999999999999", true}} {
		if got := less(tt.a, tt.b); got != tt.want {
			t.Errorf("less(%s, %s) = %v", tt.a, tt.b, got)
		}
	}
}

func FuzzReadLink(f *testing.F) {
	f.Add(`<https://x/y?pageId=12>; rel="next"`)
	f.Add(`<?page=2&conditions=a, b>; rel=next, <>; rel="last"`)
	f.Fuzz(func(t *testing.T, s string) {
		link, err := readLink(http.Header{"Link": {s}})
		if err != nil {
			return
		}
		if link.after != "" && numeric(link.after) != nil {
			t.Errorf("%q gives the cursor %q", s, link.after)
		}
	})
}

func TestPasswordsAreDropped(t *testing.T) {
	row := `{"id":1,"summary":"say \"Password\"","customFields":[{"id":1,"type":"Text","value":"keep"},{"id":2,"type":"Password","value":"hunter2"}]}`
	for _, tt := range []struct{ in, want string }{
		{`[]`, `[]`},
		{`[{"id":1,"type":"Text"}]`, `[{"id":1,"type":"Text"}]`},
		{`[{"id":2},` + row + `]`, `[{"id":2},{"customFields":[{"id":1,"type":"Text","value":"keep"},{"id":2,"type":"Password"}],"id":1,"summary":"say \"Password\""}]`},
		{`["Password",` + row + `,{"customFields":"Password"}]`, `["Password",{"customFields":[{"id":1,"type":"Text","value":"keep"},{"id":2,"type":"Password"}],"id":1,"summary":"say \"Password\""},{"customFields":"Password"}]`},
	} {
		got := string(withoutPasswords([]byte(tt.in)))
		if got != tt.want || !json.Valid([]byte(got)) {
			t.Errorf("%s\nbecomes %s\nwant    %s", tt.in, got, tt.want)
		}
	}
	cut := `[{"type":"Password"`
	if got := string(withoutPasswords([]byte(cut))); got != cut {
		t.Errorf("a page that is cut off becomes %s: the listing would not see it", got)
	}
}
