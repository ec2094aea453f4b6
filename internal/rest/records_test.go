package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

// decodeID is the Decode of tests: strict JSON with an id and a name.
func decodeID(row []byte, _ psa.Ref) psa.Record {
	var v struct {
		ID   json.Number
		Name string
	}
	if err := json.Unmarshal(row, &v); err != nil {
		return psa.Record{Err: &psa.Error{Code: psa.ErrData, Detail: "bad row"}}
	}
	return psa.Record{Ref: psa.Ref{ID: string(v.ID)}, Active: true, Fields: psa.Fields{"name": v.Name}}
}

// vendor serves pages under the cursors "", "1", "2", ...
type vendor struct {
	pages []string
	next  map[int]string // instead of the next number
	took  time.Duration
	asked []string
	ended int // calls that returned
}

func (v *vendor) page(ctx context.Context, cursor string) (Page, error) {
	v.asked = append(v.asked, cursor)
	defer func() { v.ended++ }()
	if v.took > 0 {
		select {
		case <-time.After(v.took):
		case <-ctx.Done():
			return Page{}, ctx.Err()
		}
	}
	n := 0
	if cursor != "" {
		var err error
		if n, err = strconv.Atoi(cursor); err != nil {
			return Page{}, err
		}
	}
	p := Page{Body: []byte(v.pages[n%len(v.pages)])}
	if next, ok := v.next[n]; ok {
		p.Next = next
	} else if n+1 < len(v.pages) {
		p.Next = strconv.Itoa(n + 1)
	}
	return p, nil
}

func listing(page func(context.Context, string) (Page, error)) Listing {
	return Listing{
		Provider: "vendor", Op: "list board", Kind: psa.KindBoard, Page: page, Decode: decodeID,
		Shape: NewShape(ShapeConfig{Deny: []string{"cost"}, Volatile: []string{"seen"}}),
	}
}

// collect returns one line a row, and the error at the end.
func collect(ctx context.Context, t *testing.T, l Listing) (lines []string, last error) {
	t.Helper()
	for rec, err := range Records(ctx, l) {
		if last != nil {
			t.Fatal("the list went on after its error")
		}
		if err != nil {
			if rec.Ref != (psa.Ref{}) || rec.Raw != nil {
				t.Error("a record beside the error")
			}
			last = err
			continue
		}
		line := rec.Ref.String()
		switch {
		case rec.Err != nil:
			if !errors.Is(rec.Err, psa.ErrData) || !rec.Hash.IsZero() || rec.Raw != nil || rec.Kind != l.Kind {
				t.Errorf("bad row: %+v", rec)
			}
			line += " bad"
		case rec.Unchanged:
			if rec.Raw != nil || rec.Fields != nil || rec.Hash.IsZero() {
				t.Errorf("known row: %+v", rec)
			}
			line += " known"
		default:
			line += " " + string(rec.Raw)
			if rec.Hash.IsZero() != (l.Shape == nil) {
				t.Errorf("hash of %s: %v", line, rec.Hash)
			}
		}
		lines = append(lines, line)
	}
	return lines, last
}

func TestRecords(t *testing.T) {
	pages := func(p ...string) []string { return p }
	many := make([]string, 200)
	for i := range many {
		many[i] = `[]`
	}
	for _, tc := range []struct {
		name   string
		pages  []string
		next   map[int]string
		change func(*Listing)
		want   []string
		fault  string // of psa.ErrData; "": none
	}{
		{name: "nothing", pages: pages(`[]`)},
		{name: "one page", pages: pages(`[{"id":1},{"id":2}]`), want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`)},
		{name: "three pages", pages: pages(`[{"id":1}]`, ` [ {"id":2} , {"id":3} ] `, `[{"id":4}]`),
			want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`, `board/3 {"id":3}`, `board/4 {"id":4}`)},
		{name: "empty pages in between", pages: pages(`[{"id":1}]`, `[]`, `[]`, `[{"id":2}]`), want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`)},
		{name: "denied keys", pages: pages(`[{"id":1,"cost":7},{"id":2},{"x":{"c\u006fst":1},"id":3}]`),
			want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`, `board/3 {"x":{},"id":3}`)},
		{name: "without a shape", pages: pages(`[{"id":1,"cost":7}]`), change: func(l *Listing) { l.Shape = nil }, want: pages(`board/1 {"id":1,"cost":7}`)},
		{name: "bad rows", pages: pages(`[{"id":1},{"id":{}},7,"x",null,[1],{"id" 3},{"cost":1,},{"name":"no id"},{"id":2}]`),
			want: pages(`board/1 {"id":1}`, `board/ bad`, `board/ bad`, `board/ bad`, `board/ bad`, `board/ bad`, `board/ bad`, `board/ bad`, `board/ bad`, `board/2 {"id":2}`)},
		{name: "wrapper", pages: pages(`{"items":[{"id":1}]}`), change: func(l *Listing) { l.Wrapper = "items" }, want: pages(`board/1 {"id":1}`)},
		{name: "wrong wrapper", pages: pages(`{"rows":[{"id":1}]}`), change: func(l *Listing) { l.Wrapper = "items" }, fault: "page 1: the JSON has another shape"},
		{name: "cut page shows none of its rows", pages: pages(`[{"id":1}]`, `[{"id":2},{"id":3}`), want: pages(`board/1 {"id":1}`), fault: "page 2: the JSON is cut off"},
		{name: "error object", pages: pages(`{"message":"no"}`), fault: "page 1: the JSON has another shape"},

		{name: "next is itself", pages: pages(`[{"id":1}]`, `[{"id":2}]`), next: map[int]string{1: "1"}, want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`), fault: "its cursor came before"},
		{name: "circle", pages: pages(`[{"id":1}]`, `[{"id":2}]`, `[{"id":3}]`), next: map[int]string{2: "1"}, want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`, `board/3 {"id":3}`), fault: "page 4: its cursor came before"},
		{name: "cursor ignored", pages: pages(`[{"id":1},{"id":2}]`, `[{"id":1},{"id":2}]`), want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`), fault: "page 2: page 1 came again"},
		{name: "cursor ignored with changes within", pages: pages(`[{"id":1},{"id":2},{"id":3}]`, `[{"id":1},{"id":2,"name":"x"},{"id":3}]`),
			want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`, `board/3 {"id":3}`), fault: "page 1 came again"},
		{name: "cursor ignored with volatile changes", pages: pages(`[{"id":1,"seen":1}]`, `[{"id":1,"seen":2}]`),
			want: pages(`board/1 {"id":1,"seen":1}`), fault: "page 1 came again"},
		{name: "empty pages for ever", pages: many, fault: "page 101: the list does not end"},
		{name: "too many pages", pages: pages(`[{"id":1}]`, `[{"id":2}]`, `[{"id":3}]`), change: func(l *Listing) { l.MaxPages = 2 },
			want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`), fault: "page 3: the list does not end"},
		{name: "as many pages as allowed", pages: pages(`[{"id":1}]`, `[{"id":2}]`), change: func(l *Listing) { l.MaxPages = 2 }, want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`)},

		{name: "duplicates pass", pages: pages(`[{"id":1},{"id":2}]`, `[{"id":2},{"id":3}]`), want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`, `board/2 {"id":2}`, `board/3 {"id":3}`)},
		{name: "duplicates dropped", pages: pages(`[{"id":1},{"id":2}]`, `[{"id":2,"name":"b"},{"id":3}]`), change: func(l *Listing) { l.Duplicates = DuplicatesDrop },
			want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`, `board/3 {"id":3}`)},
		{name: "duplicates refused", pages: pages(`[{"id":1},{"id":2}]`, `[{"id":2},{"id":3}]`), change: func(l *Listing) { l.Duplicates = DuplicatesError },
			want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`), fault: "board/2: unexpected answer: the row came twice"},
		{name: "known duplicates dropped", pages: pages(`[{"id":1},{"id":2}]`, `[{"id":2},{"id":3}]`),
			change: func(l *Listing) { l.Duplicates, l.Known = DuplicatesDrop, knowing(l.Shape, `{"id":2}`, "2") },
			want:   pages(`board/1 {"id":1}`, `board/2 known`, `board/3 {"id":3}`)},

		{name: "known rows", pages: pages(`[{"id":1,"cost":1},{"id":2,"cost":2}]`, `[{"id":3}]`),
			change: func(l *Listing) { l.Known = knowing(l.Shape, `{"id":2}`, "2") },
			want:   pages(`board/1 {"id":1}`, `board/2 known`, `board/3 {"id":3}`)},
		{name: "known but for volatile keys", pages: pages(`[{"id":2,"seen":"today"},{"id":3,"seen":"today"}]`),
			change: func(l *Listing) { l.Known = knowing(l.Shape, `{"id":2,"seen":"before"}`, "2") },
			want:   pages(`board/2 known`, `board/3 {"id":3,"seen":"today"}`)},

		{name: "verify ends the list", pages: pages(`[{"id":1}]`, `[{"id":2}]`), change: func(l *Listing) {
			l.Verify = func(turn *Turn) error { turn.Next = ""; return nil }
		}, want: pages(`board/1 {"id":1}`)},
		{name: "verify goes on", pages: pages(`{"n":2,"items":[{"id":1}]}`, `{"items":[{"id":2}],"n":2}`), next: map[int]string{0: ""}, change: func(l *Listing) {
			l.Wrapper = "items"
			l.Verify = func(turn *Turn) error {
				if turn.Context().Err() != nil {
					return turn.Context().Err()
				}
				if n, err := strconv.Atoi(string(turn.Member("n"))); err != nil || turn.Member("items") != nil {
					return errors.New("no count")
				} else if turn.Total < n {
					turn.Next = strconv.Itoa(turn.Number)
				}
				return nil
			}
		}, want: pages(`board/1 {"id":1}`, `board/2 {"id":2}`)},
		{name: "verify refuses", pages: pages(`[{"id":1}]`, `[{"id":2},{"id":3}]`), change: func(l *Listing) {
			l.Verify = func(turn *Turn) error {
				if turn.Rows == 2 && turn.Total == 3 && turn.Cursor == "1" && string(turn.First) == `{"id":2}` && string(turn.Last) == `{"id":3}` {
					return &psa.Error{Code: psa.ErrData, Detail: "too many"}
				}
				return nil
			}
		}, want: pages(`board/1 {"id":1}`), fault: "too many"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vendor{pages: tc.pages, next: tc.next}
				l := listing(v.page)
				if tc.change != nil {
					tc.change(&l)
				}
				for range 2 { // ranging again starts over
					got, err := collect(t.Context(), t, l)
					if d := cmp.Diff(tc.want, got); d != "" {
						t.Error(d)
					}
					switch {
					case tc.fault == "" && err != nil:
						t.Error(err)
					case tc.fault != "" && (!errors.Is(err, psa.ErrData) || !strings.HasPrefix(err.Error(), "vendor: list board") || !strings.Contains(err.Error(), tc.fault)):
						t.Errorf("error %v, want %q", err, tc.fault)
					}
				}
			})
		})
	}
}

func knowing(s *Shape, row, id string) psa.Known {
	want := s.Hash([]byte(row))
	return psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) { return psa.Ref{Kind: psa.KindBoard, ID: id}, h == want })
}

// TestRecordsFields: a record carries what the listing knows of all rows.
func TestRecordsFields(t *testing.T) {
	l := listing((&vendor{pages: []string{`[{"id":1}]`}}).page)
	l.Parent = psa.Ref{Kind: psa.KindLocation, ID: "9"}
	for rec, err := range Records(t.Context(), l) {
		if err != nil || rec.Parent != l.Parent || rec.Kind != psa.KindBoard || !rec.Active {
			t.Error(rec, err)
		}
	}
	other := psa.Ref{Kind: psa.KindCompany, ID: "3"}
	l.Decode = func(_ []byte, parent psa.Ref) psa.Record {
		if parent != l.Parent {
			t.Error(parent)
		}
		return psa.Record{Ref: psa.Ref{Kind: psa.KindContact, ID: "5"}, Parent: other}
	}
	for rec, err := range Records(t.Context(), l) {
		if err != nil || rec.Parent != other || rec.Ref.String() != "contact/5" {
			t.Error(rec, err)
		}
	}
}

// TestRecordsBreak: a break ends requests at once and leaves no goroutine,
// wherever it comes. A bubble does not end while a goroutine is left.
func TestRecordsBreak(t *testing.T) {
	for stop, asked := range map[int]int{1: 1, 2: 2, 3: 2, 4: 2, 5: 3, 7: 3} { // rows taken -> pages asked for
		synctest.Test(t, func(t *testing.T) {
			v := &vendor{pages: []string{`[{"id":1},{"id":2},{"id":3}]`, `[{"id":4},{"id":5},{"id":6}]`, `[{"id":7}]`, `[{"id":8}]`}, took: time.Minute}
			n := 0
			var at time.Time
			for _, err := range Records(t.Context(), listing(v.page)) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == stop {
					synctest.Wait()
					at = time.Now()
					break
				}
			}
			if !time.Now().Equal(at) {
				t.Errorf("row %d: the break took %s", stop, time.Since(at))
			}
			if len(v.asked) != asked || v.ended != asked {
				t.Errorf("row %d: %d pages asked for, %d calls ended, want %d", stop, len(v.asked), v.ended, asked)
			}
			time.Sleep(time.Hour)
			if len(v.asked) != asked {
				t.Errorf("row %d: went on after the break", stop)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{pages: []string{`[{"id":1},{"id":2}]`, `[{"id":3}]`}, took: time.Minute}
		defer func() {
			if recover() == nil || v.ended != 2 {
				t.Errorf("%d calls ended", v.ended)
			}
		}()
		for rec, err := range Records(t.Context(), listing(v.page)) {
			if err != nil {
				t.Error(err)
			}
			if rec.ID == "2" {
				synctest.Wait()
				panic("in the loop")
			}
		}
	})
}

func TestRecordsCancel(t *testing.T) {
	for _, after := range []time.Duration{0, 30 * time.Second, 61 * time.Second, 90 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			v := &vendor{pages: []string{`[{"id":1},{"id":2},{"id":3}]`, `[{"id":4}]`}, took: time.Minute}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(after, cancel)
			synctest.Wait()
			var last error
			var at time.Duration
			start := time.Now()
			rows := 0
			for _, err := range Records(ctx, listing(v.page)) {
				if last = err; err != nil {
					at = time.Since(start)
					continue
				}
				rows++
				time.Sleep(20 * time.Second)
			}
			if !errors.Is(last, context.Canceled) || psa.ErrorClass(last) != nil || !strings.HasPrefix(last.Error(), "vendor: list board") {
				t.Errorf("%s: %v", after, last)
			}
			if at < after || at > after+20*time.Second { // while the loop is at work
				t.Errorf("%s: noticed after %s", after, at)
			}
			if after < time.Minute && rows > 0 || rows > 2 {
				t.Errorf("%s: %d rows", after, rows)
			}
		})
	}
}

// TestRecordsReadAhead: the next page is on its way while the loop works, and
// never more than that.
func TestRecordsReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{took: 10 * time.Second}
		for i := range 6 {
			v.pages = append(v.pages, fmt.Sprintf(`[{"id":%d},{"id":%d}]`, 2*i+1, 2*i+2))
		}
		start := time.Now()
		page := 0
		for rec, err := range Records(t.Context(), listing(v.page)) {
			if err != nil {
				t.Fatal(err)
			}
			if id, err := strconv.Atoi(rec.ID); err != nil || id%2 == 1 {
				page++
				continue
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if ahead := len(v.asked) - page; ahead > 1 || ahead < 1 && page < 6 {
				t.Errorf("%d pages ahead of page %d", ahead, page)
			}
		}
		if d := time.Since(start); d != 70*time.Second {
			t.Errorf("6 pages, each 10 s to read and 10 s to work on, took %s", d)
		}
	})
}

// TestRecordsTwoPages: when a page is made, only the one before is reachable,
// whatever records were kept and whatever was cut out of their rows.
func TestRecordsTwoPages(t *testing.T) {
	var pages []weak.Pointer[[1 << 16]byte]
	page := func(_ context.Context, cursor string) (Page, error) {
		runtime.GC()
		for i, p := range pages[:max(0, len(pages)-1)] {
			if p.Value() != nil {
				t.Errorf("page %d is held while page %d is made", i+1, len(pages)+1)
			}
		}
		n := len(pages)
		mem := new([1 << 16]byte)
		pages = append(pages, weak.Make(mem))
		body := append(mem[:0], '[')
		for i := range 100 {
			if i > 0 {
				body = append(body, ',')
			}
			// Of some rows nothing is cut.
			body = fmt.Appendf(body, `{"id":%d,"%s":%d,"name":"row"}`, n*100+i+1, [2]string{"cost", "rank"}[i%2], i)
		}
		p := Page{Body: append(body, ']')}
		if n < 20 {
			p.Next = strconv.Itoa(n + 1)
		}
		return p, nil
	}
	var kept []psa.Record
	for rec, err := range Records(t.Context(), listing(page)) {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, rec)
	}
	if len(kept) != 2100 || len(pages) != 21 {
		t.Errorf("%d rows of %d pages", len(kept), len(pages))
	}
	runtime.KeepAlive(kept)
}

// TestRecordsKnownMemory: skipping known rows needs no memory for them, cut
// rows and volatile keys included.
func TestRecordsKnownMemory(t *testing.T) {
	const rows, size = 200, 2000
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, `,{"id":%d,"text":"%s","cost":1,"seen":2}`, i+1, strings.Repeat("x", size))
	}
	var pages []string
	for i := range 10 {
		pages = append(pages, fmt.Sprintf(`[{"id":%d}`, i)+b.String()+`]`)
	}
	bodies := map[string]Page{}
	for i, p := range pages {
		bodies[fmt.Sprint(i)] = Page{Body: []byte(p), Next: [2]string{"", fmt.Sprint(i + 1)}[min(1, len(pages)-1-i)]}
	}
	l := listing(func(_ context.Context, cursor string) (Page, error) { return bodies[cursor], nil })
	l.First = "0"
	ref := psa.Ref{Kind: psa.KindBoard, ID: "1"}
	l.Known = psa.KnownFunc(func(psa.Hash) (psa.Ref, bool) { return ref, true })
	l.Decode = func([]byte, psa.Ref) psa.Record {
		t.Error("decoded a known row")
		return psa.Record{}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for rec, err := range Records(t.Context(), l) {
		if err != nil || !rec.Unchanged {
			t.Fatal(rec, err)
		}
		n++
	}
	runtime.ReadMemStats(&after)
	got, limit := after.TotalAlloc-before.TotalAlloc, uint64(10*rows*200)
	if n != 10*(rows+1) || got > limit {
		t.Errorf("%d bytes for %d known rows of %d bytes, at most %d", got, n, size, limit)
	}
}

// TestRecordsOverClient runs the whole path: links, faults and a cut page.
func TestRecordsOverClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		c := newTestClient(t, Config{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			calls++
			s := &script{t: t, replies: []reply{{status: 200, body: `[{"id":3}]`}}}
			switch {
			case r.URL.Query().Get("pageId") == "":
				s.replies[0] = reply{status: 200, body: `[{"id":1},{"id":2}]`, header: map[string]string{"Link": `<https://elsewhere.example.test/api/boards?pageId=2>; rel="next"`}}
			case calls == 2:
				s.replies[0].body = `[{"id":3}`
			case calls == 3:
				s.replies[0].status = 503
			}
			return s.RoundTrip(r)
		})})
		l := listing(func(ctx context.Context, cursor string) (Page, error) {
			resp, err := c.Do(ctx, Request{Path: "/boards", Query: map[string][]string{"pageId": {cursor}}})
			if err != nil {
				return Page{}, err
			}
			link, err := NextLink(resp.Header, "next")
			_, id, _ := strings.Cut(link, "pageId=")
			return Page{Body: resp.Body, Next: id}, err
		})
		got, err := collect(t.Context(), t, l)
		if d := cmp.Diff([]string{`board/1 {"id":1}`, `board/2 {"id":2}`, `board/3 {"id":3}`}, got); d != "" || err != nil || calls != 4 {
			t.Error(d, err, calls)
		}
	})
}

func TestIDs(t *testing.T) {
	s := newIDs(DuplicatesDrop)
	for _, id := range []string{"1", "01", "001", "+1", "1.0", "-1", "0", "00", "18446744073709551615", "18446744073709551616", "abc", "A1"} {
		if !s.add(id) {
			t.Errorf("%q is taken for another", id)
		}
		if s.add(id) {
			t.Errorf("%q is forgotten", id)
		}
	}
	s = newIDs(DuplicatesPass)
	for range 2 {
		if !s.add("1") {
			t.Error("duplicates do not pass")
		}
	}
}
