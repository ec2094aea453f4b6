package halopsa_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

// A shelf is a list of clients as one server may page it.
type shelf struct {
	ids      []int
	cap      int            // longest page; 0: none
	ignore   bool           // pages are ignored
	unsorted bool           // order is ignored
	bare     bool           // arrays without a count
	key      string         // of the rows; "": clients
	delta    int            // the count is off
	between  func(page int) // runs before each page but the first

	pages []string // "number*size"
}

func (s *shelf) answer(q url.Values) string {
	size, _ := strconv.Atoi(q.Get("page_size"))
	number, _ := strconv.Atoi(q.Get("page_no"))
	if len(s.pages) > 0 && s.between != nil {
		s.between(len(s.pages))
	}
	s.pages = append(s.pages, fmt.Sprintf("%d*%d", number, size))
	ids := slices.Clone(s.ids)
	if !s.unsorted {
		slices.Sort(ids)
	}
	total := len(ids) + s.delta
	if !s.ignore {
		if s.cap > 0 {
			size = min(size, s.cap)
		}
		from := min((number-1)*size, len(ids))
		ids = ids[from:min(from+size, len(ids))]
	}
	var b bytes.Buffer
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"Client %d","inactive":false}`, id, id)
	}
	if s.bare {
		return "[" + b.String() + "]"
	}
	key := s.key
	if key == "" {
		key = "clients"
	}
	return fmt.Sprintf(`{"page_no":%d,"record_count":%d,"columns":null,%q:[%s]}`, number, total, key, b.String())
}

// read lists the clients of a shelf.
func (s *shelf) read(t testing.TB, size int) ([]int, error) {
	return reader(t, size)(s)
}

// reader returns a function that lists the clients of shelves.
func reader(t testing.TB, size int) func(*shelf) ([]int, error) {
	t.Helper()
	var s *shelf
	p, mock := mocked(t, func(c *halopsa.Config) {
		c.PageSize = size
		c.Budget = halopsa.NewBudget(&halopsa.BudgetConfig{Requests: 1 << 30})
	})
	mock.RegisterResponder("GET", "=~/FieldInfo", answer(200, "[]"))
	mock.RegisterResponder("GET", "=~/Client", func(r *http.Request) (*http.Response, error) {
		return answer(200, s.answer(r.URL.Query()))(r)
	})
	return func(now *shelf) (got []int, err error) {
		s = now
		for r, err := range p.List(t.Context(), psa.KindCompany, psa.Query{}) {
			if err != nil {
				return got, err
			}
			n, _ := strconv.Atoi(r.ID)
			got = append(got, n)
		}
		return got, nil
	}
}

func upTo(n int) []int {
	var ids []int
	for i := range n {
		ids = append(ids, i+2) // client 1 is nobody
	}
	return ids
}

func TestPages(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shelf shelf
		pages string // asked for; "": any
		class error
	}{
		{"none", shelf{}, "1*10", nil},
		{"one", shelf{ids: upTo(1)}, "1*10", nil},
		{"full page", shelf{ids: upTo(10)}, "1*10 2*9", nil}, // a count alone proves nothing
		{"two pages", shelf{ids: upTo(15)}, "1*10 2*9", nil},
		{"many", shelf{ids: upTo(200)}, "", nil},
		{"cut short", shelf{ids: upTo(40), cap: 7}, "", nil},
		{"cut very short", shelf{ids: upTo(9), cap: 2}, "", nil},
		{"one row at a time", shelf{ids: upTo(5), cap: 1}, "", nil},
		{"count too low", shelf{ids: upTo(35), delta: -12}, "", nil},
		{"count too high", shelf{ids: upTo(35), delta: 3}, "", psa.ErrData},
		{"count too high, empty", shelf{delta: 3}, "", psa.ErrData},
		{"results", shelf{ids: upTo(15), key: "results"}, "", nil},
		{"other key", shelf{ids: upTo(15), key: "customers"}, "", nil},
		{"array", shelf{ids: upTo(35), bare: true}, "", nil},
		{"array, full page", shelf{ids: upTo(10), bare: true}, "", nil},
		{"array, short", shelf{ids: upTo(4), bare: true}, "", nil},
		{"array, cut short", shelf{ids: upTo(35), bare: true, cap: 6}, "", nil},
		{"pages ignored", shelf{ids: upTo(35), ignore: true}, "1*10", nil},
		{"pages ignored, array", shelf{ids: upTo(35), ignore: true, bare: true}, "1*10", nil},
		{"pages ignored, as many as asked for", shelf{ids: upTo(10), ignore: true}, "1*10 2*9", nil},
		{"pages ignored, few", shelf{ids: upTo(4), ignore: true, bare: true}, "", nil},
		{"pages ignored, count says more", shelf{ids: upTo(35), ignore: true, delta: 1}, "", psa.ErrData},
		{"no order", shelf{ids: shuffled(95), unsorted: true}, "", nil},
		{"no order, count too high", shelf{ids: shuffled(95), unsorted: true, delta: 2}, "", psa.ErrData},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.shelf.read(t, 10)
			if tt.class != nil {
				if !errors.Is(err, tt.class) {
					t.Fatalf("%d rows and %v, want %v", len(got), err, tt.class)
				}
				return
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(tt.shelf.ids))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%d rows %v and %v, want %d", len(got), got, err, len(want))
			}
			if pages := strings.Join(tt.shelf.pages, " "); tt.pages != "" && pages != tt.pages {
				t.Errorf("asked for %s, want %s", pages, tt.pages)
			}
		})
	}
}

func shuffled(n int) []int {
	ids := upTo(n)
	for i := range ids {
		j := (i*37 + 11) % n
		ids[i], ids[j] = ids[j], ids[i]
	}
	return ids
}

// Whatever comes and goes while a list is read: it is in order, has no row
// twice, and none is missing that was there all the time.
func TestRowsComeAndGo(t *testing.T) {
	read := reader(t, 20)
	rapid.Check(t, func(rt *rapid.T) {
		s := &shelf{ids: upTo(rapid.IntRange(0, 150).Draw(rt, "rows")), cap: rapid.SampledFrom([]int{0, 0, 3, 13}).Draw(rt, "cap")}
		stayed := map[int]bool{}
		for _, id := range s.ids {
			stayed[id] = true
		}
		next := len(s.ids) + 2
		s.between = func(page int) {
			if page > 40 {
				return
			}
			for range rapid.IntRange(0, 6).Draw(rt, "gone") {
				if len(s.ids) > 0 {
					i := rapid.IntRange(0, len(s.ids)-1).Draw(rt, "which")
					delete(stayed, s.ids[i])
					s.ids = slices.Delete(s.ids, i, i+1)
				}
			}
			for range rapid.IntRange(0, 3).Draw(rt, "come") {
				s.ids = append(s.ids, next)
				next++
			}
		}
		got, err := read(s)
		if err != nil {
			if !errors.Is(err, psa.ErrData) {
				rt.Fatalf("%v, want %v", err, psa.ErrData)
			}
			return
		}
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			rt.Fatalf("out of order or twice: %v", got)
		}
		for id := range stayed {
			if _, ok := slices.BinarySearch(got, id); !ok {
				rt.Fatalf("%d was there all the time and is missing from %v (pages %v)", id, got, s.pages)
			}
		}
	})
}

// A list without order is trusted only if nothing came or went.
func TestNoOrderAndMovingRows(t *testing.T) {
	s := &shelf{ids: shuffled(60), unsorted: true}
	s.between = func(page int) {
		if page == 2 {
			s.ids = slices.Delete(s.ids, 3, 4)
		}
	}
	if got, err := s.read(t, 10); !errors.Is(err, psa.ErrData) {
		t.Errorf("%d rows and %v, want %v", len(got), err, psa.ErrData)
	}
}

// Answers that are no list.
func TestNoList(t *testing.T) {
	for _, body := range []string{
		`{}`, `{"record_count":0}`, `{"a":[],"b":[]}`, `{"clients":[{"id":2}`, `"clients"`, `null`, `[{"id":2}] x`, `{"clients":[{"id":2}],"record_count":1}}`,
	} {
		p, mock := mocked(t, nil)
		mock.RegisterResponder("GET", "=~/FieldInfo", answer(200, "[]"))
		mock.RegisterResponder("GET", "=~/Client", answer(200, body))
		mock.RegisterResponder("GET", "=~/SLA", answer(200, body))
		for _, kind := range []psa.Kind{psa.KindCompany, psa.KindSLA} {
			n := 0
			var failed error
			for _, err := range p.List(t.Context(), kind, psa.Query{}) {
				if failed = err; err == nil {
					n++
				}
			}
			if n > 0 || !errors.Is(failed, psa.ErrData) {
				t.Errorf("%s of %s: %d rows, %v", kind, body, n, failed)
			}
		}
	}
}

// A list of configuration that is wrapped is whole if it says so, and is read
// in pages otherwise.
func TestWrappedConfiguration(t *testing.T) {
	rows := func(from, to int) string {
		var parts []string
		for i := from; i < to; i++ {
			parts = append(parts, fmt.Sprintf(`{"id":%d,"name":"SLA %d"}`, i+1, i+1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	const n = 120
	for _, tt := range []struct {
		name     string
		whole    string
		requests int
	}{
		{"array", rows(0, n), 1},
		{"by number", "by number", 2},
		{"counted", fmt.Sprintf(`{"record_count":%d,"slas":%s}`, n, rows(0, n)), 1},
		{"first page only", fmt.Sprintf(`{"record_count":%d,"slas":%s}`, n, rows(0, 50)), 4},
		{"not counted", fmt.Sprintf(`{"slas":%s}`, rows(0, 50)), 3},
	} {
		p, mock := mocked(t, nil)
		requests := 0
		mock.RegisterResponder("GET", "=~/SLA", func(r *http.Request) (*http.Response, error) {
			requests++
			if tt.whole == "by number" { // the first 50, or as many as asked for
				most, err := strconv.Atoi(r.URL.Query().Get("count"))
				if err != nil {
					most = 50
				}
				return answer(200, fmt.Sprintf(`{"record_count":%d,"slas":%s}`, n, rows(0, min(most, n))))(r)
			}
			size, err := strconv.Atoi(r.URL.Query().Get("page_size"))
			if err != nil {
				return answer(200, tt.whole)(r)
			}
			number, _ := strconv.Atoi(r.URL.Query().Get("page_no"))
			from := min((number-1)*size, n)
			return answer(200, fmt.Sprintf(`{"record_count":%d,"results":%s}`, n, rows(from, min(from+size, n))))(r)
		})
		got := 0
		for _, err := range p.List(t.Context(), psa.KindSLA, psa.Query{}) {
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			got++
		}
		if got != n || requests != tt.requests {
			t.Errorf("%s: %d rows in %d requests, want %d in %d", tt.name, got, requests, n, tt.requests)
		}
	}
}
