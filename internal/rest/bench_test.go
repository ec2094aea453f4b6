package rest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
)

// ticketJSON is a row of about 5 KB with the structure of a vendor's ticket:
// references with _info, custom fields, a long text with escapes.
func ticketJSON(id int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"id":%d,"summary":"Printer %d on floor \"2\" is offline","recordType":"ServiceTicket"`, id, id)
	for _, ref := range []string{"board", "status", "workRole", "workType", "company", "site", "country", "contact", "team", "owner", "priority", "serviceLocation", "source", "agreement", "severity", "impact", "department", "location"} {
		fmt.Fprintf(&b, `,"%s":{"id":%d,"name":"%s of %d","_info":{"%s_href":"https://api-na.example.test/v4_6_release/apis/3.0/service/%s/%d"}}`, ref, id%97, ref, id, ref, ref, id%97)
	}
	for i := range 20 {
		fmt.Fprintf(&b, `,"flag%d":%v,"count%d":%d`, i, i%2 == 0, i, i*id)
	}
	b.WriteString(`,"customFields":[`)
	for i := range 5 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"caption":"Field %d","type":"Text","entryMethod":"EntryField","numberOfDecimals":0,"value":"value %d"}`, i, i, id)
	}
	b.WriteString(`],"initialDescription":"`)
	for b.Len() < 4850 {
		b.WriteString(`The user says that it printed yesterday.\n`)
	}
	fmt.Fprintf(&b, `","_info":{"lastUpdated":"2026-02-01T10:%02d:00Z","updatedBy":"DRuiz"}}`, id%60)
	return b.Bytes()
}

const (
	pageRows = 1000
	tickets  = 20 // pages of a benchmark
)

var denyList = []string{"hourlyRate", "hourlyCost", "billingAmount", "password", "rate", "costMultiplier"}

func ticketPages() [][]byte {
	pages := make([][]byte, tickets)
	for p := range pages {
		var b bytes.Buffer
		b.WriteByte('[')
		for i := range pageRows {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(ticketJSON(p*pageRows + i + 1))
		}
		b.WriteByte(']')
		pages[p] = b.Bytes()
	}
	return pages
}

func benchListing(pages [][]byte) Listing {
	return Listing{
		Kind:  psa.KindTicket,
		Shape: NewShape(ShapeConfig{Deny: denyList, Salt: "v1", Kind: psa.KindTicket}),
		Page: func(_ context.Context, cursor string) (Page, error) {
			n, _ := strconv.Atoi(cursor)
			page := Page{Body: pages[n]}
			if n+1 < len(pages) {
				page.Next = strconv.Itoa(n + 1)
			}
			return page, nil
		},
		Decode: decodeID,
	}
}

// knownOf is an index over every row that a listing has now.
func knownOf(tb testing.TB, l Listing) psa.Known {
	tb.Helper()
	index := map[psa.Hash]psa.Ref{}
	for rec, err := range Records(context.Background(), l) {
		if err != nil {
			tb.Fatal(err)
		}
		index[rec.Hash] = rec.Ref
	}
	return psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) {
		ref, ok := index[h]
		return ref, ok
	})
}

func rowsPerSecond(b *testing.B, rows int, before runtime.MemStats) {
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	n := float64(rows) * float64(b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/row")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkKnown skips unchanged rows of 5 KB.
func BenchmarkKnown(b *testing.B) {
	pages := ticketPages()
	l := benchListing(pages)
	l.Known = knownOf(b, l)
	run := func(b *testing.B, l Listing) {
		b.SetBytes(int64(len(pages) * len(pages[0])))
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		for b.Loop() {
			n := 0
			for rec, err := range Records(b.Context(), l) {
				if err != nil || !rec.Unchanged {
					b.Fatal(err, rec.Ref)
				}
				n++
			}
			if n != tickets*pageRows {
				b.Fatal(n)
			}
		}
		rowsPerSecond(b, tickets*pageRows, before)
	}
	b.Run("pump", func(b *testing.B) { run(b, l) })
	b.Run("client", func(b *testing.B) {
		c := newTestClient(b, Config{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			n, _ := strconv.Atoi(r.URL.Query().Get("page"))
			h := http.Header{}
			if n+1 < len(pages) {
				h.Set("Link", fmt.Sprintf(`<https://psa.example.test/tickets?page=%d>; rel="next"`, n+1))
			}
			return &http.Response{StatusCode: 200, Header: h, ContentLength: int64(len(pages[n])), Body: io.NopCloser(bytes.NewReader(pages[n]))}, nil
		})})
		l := l
		l.Page = func(ctx context.Context, cursor string) (Page, error) {
			resp, err := c.Do(ctx, Request{Path: "/tickets", Query: url.Values{"page": {cursor}}})
			if err != nil {
				return Page{}, err
			}
			link, err := NextLink(resp.Header, "next")
			if err != nil || link == "" {
				return Page{Body: resp.Body}, err
			}
			u, err := url.Parse(link)
			if err != nil {
				return Page{}, err
			}
			return Page{Body: resp.Body, Next: u.Query().Get("page")}, nil
		}
		run(b, l)
	})
	// The floor: nothing but finding the rows and hashing them.
	b.Run("split+hash", func(b *testing.B) {
		b.SetBytes(int64(len(pages) * len(pages[0])))
		shape, h := l.Shape, newHasher()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		for b.Loop() {
			n := 0
			for _, page := range pages {
				s := splitter{keys: shape.keys, row: func(raw []byte, found mark) bool {
					if sum, err := h.hash(shape, raw, found); err != nil || sum.IsZero() {
						b.Fatal(err)
					}
					n++
					return true
				}}
				if err := s.split(page, ""); err != nil {
					b.Fatal(err)
				}
			}
			if n != tickets*pageRows {
				b.Fatal(n)
			}
		}
		rowsPerSecond(b, tickets*pageRows, before)
	})
	b.Run("split", func(b *testing.B) {
		b.SetBytes(int64(len(pages) * len(pages[0])))
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		for b.Loop() {
			n := 0
			for _, page := range pages {
				for _, err := range Rows(page, "") {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
			if n != tickets*pageRows {
				b.Fatal(n)
			}
		}
		rowsPerSecond(b, tickets*pageRows, before)
	})
}

// BenchmarkDecoded reads rows of 5 KB of which none is known.
func BenchmarkDecoded(b *testing.B) {
	l := benchListing(ticketPages())
	l.Decode = func(row []byte, _ psa.Ref) psa.Record {
		return psa.Record{Ref: psa.Ref{ID: strconv.Itoa(len(row))}}
	}
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		for rec, err := range Records(b.Context(), l) {
			if err != nil || rec.Raw == nil {
				b.Fatal(err)
			}
		}
	}
	rowsPerSecond(b, tickets*pageRows, before)
}

// BenchmarkHeap lists rows of 5 KB from a source that makes them on the way
// and reports the largest heap, which must not depend on their number.
func BenchmarkHeap(b *testing.B) {
	const first = 1_000_000_000 // ids of ten digits, written over in place
	page := []byte{'['}
	var ids []int
	for i := range pageRows {
		if i > 0 {
			page = append(page, ',')
		}
		ids = append(ids, len(page)+len(`{"id":`))
		page = append(page, ticketJSON(first+i)...)
	}
	page = append(page, ']')
	for _, all := range []bool{true, false} {
		for _, rows := range []int{100_000, 400_000} {
			b.Run(fmt.Sprintf("known=%v/rows=%d", all, rows), func(b *testing.B) {
				c := newTestClient(b, Config{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					n, err := strconv.Atoi(r.URL.Query().Get("page"))
					for i, at := range ids {
						strconv.AppendInt(page[:at], int64(first+n*pageRows+i), 10)
					}
					return &http.Response{StatusCode: 200, ContentLength: -1, Body: io.NopCloser(bytes.NewReader(page))}, err
				})})
				l := benchListing(nil)
				l.First = "0"
				l.Page = func(ctx context.Context, cursor string) (Page, error) {
					resp, err := c.Do(ctx, Request{Path: "/tickets", Query: url.Values{"page": {cursor}}})
					if err != nil {
						return Page{}, err
					}
					n, err := strconv.Atoi(cursor)
					p := Page{Body: resp.Body}
					if n+1 < rows/pageRows {
						p.Next = strconv.Itoa(n + 1)
					}
					return p, err
				}
				l.Known = psa.KnownFunc(func(psa.Hash) (psa.Ref, bool) { return psa.Ref{Kind: psa.KindTicket, ID: "1"}, all })
				l.Decode = func(row []byte, _ psa.Ref) psa.Record { return psa.Record{Ref: psa.Ref{ID: "1"}} }
				peak, stop := peakHeap()
				for b.Loop() {
					n := 0
					for rec, err := range Records(b.Context(), l) {
						if err != nil || rec.Unchanged != all {
							b.Fatal(err)
						}
						n++
					}
					if n != rows {
						b.Fatal(n)
					}
				}
				close(stop)
				b.ReportMetric(float64(<-peak)/(1<<20), "MB-peak")
				b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// peakHeap watches the heap, garbage included, until stop is closed.
func peakHeap() (peak <-chan uint64, stop chan struct{}) {
	runtime.GC()
	out := make(chan uint64, 1)
	stop = make(chan struct{})
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		most := uint64(0)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-tick.C:
			case <-stop:
				out <- most
				return
			}
		}
	}()
	return out, stop
}
