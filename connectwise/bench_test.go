package connectwise_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
)

// BenchmarkContacts lists contacts of 2.5 KB from a simulator in the same
// process, for the first time and when every row is known. It fails where the
// heap passes 100 MB, the simulator's tenant (25 MB) and the index of hashes
// included. The server refuses the fields parameter: whole rows are more work
// here, and less for the simulator.
func BenchmarkContacts(b *testing.B) {
	for _, n := range []int{100_000, 400_000} {
		b.Run(fmt.Sprintf("first/%d", n), func(b *testing.B) { benchList(b, large(b, n), n, nil) })
		b.Run(fmt.Sprintf("known/%d", n), func(b *testing.B) {
			p := large(b, n)
			benchList(b, p, n, indexOf(b, p, n))
		})
	}
}

// BenchmarkKnownContacts is the rate at which known rows are skipped, with a
// server that costs nothing but a copy of the page.
func BenchmarkKnownContacts(b *testing.B) {
	const n = 100_000
	p, srv := open(b, connectwisetest.Small(), nil, nil)
	var row []byte
	for r, err := range p.List(b.Context(), psa.KindContact, psa.Query{}) {
		if err != nil {
			b.Fatal(err)
		}
		row = r.Raw
		break
	}
	q, err := connectwise.New(connectwise.Config{
		URL: srv.URL() + "/v4_6_release", Company: "x", ClientID: "x", PageSize: 1000, Transport: newCanned(row, n), Credentials: keys,
		Budget: connectwise.NewBudget(&connectwise.BudgetConfig{Requests: 1 << 30}),
	})
	if err != nil {
		b.Fatal(err)
	}
	benchList(b, q, n, indexOf(b, q, n))
}

// index is a set of hashes that takes 16 bytes for each.
type index []psa.Hash

func compareHashes(a, b psa.Hash) int { return bytes.Compare(a[:], b[:]) }

func indexOf(b *testing.B, p *connectwise.Provider, n int) index {
	known := make(index, 0, n)
	for r, err := range p.List(b.Context(), psa.KindContact, psa.Query{}) {
		if err != nil {
			b.Fatal(err)
		}
		known = append(known, r.Hash)
	}
	slices.SortFunc(known, compareHashes)
	return known
}

func (x index) Known(h psa.Hash) (psa.Ref, bool) {
	_, ok := slices.BinarySearchFunc(x, h, compareHashes)
	return psa.Ref{Kind: psa.KindContact, ID: "1"}, ok
}

func large(b *testing.B, n int) *connectwise.Provider {
	p, _ := open(b, connectwisetest.LargeOf(n, 0), &connectwisetest.Options{
		Limit: connectwisetest.Limit{Requests: -1}, LogSize: 1,
		RefuseFields: map[string][]string{"/company/contacts": {"id"}},
	}, func(c *connectwise.Config) {
		c.Budget = connectwise.NewBudget(&connectwise.BudgetConfig{Requests: 1 << 30})
	})
	return p
}

func benchList(b *testing.B, p *connectwise.Provider, n int, known index) {
	q := psa.Query{}
	if known != nil {
		q.Known = known
	}
	runtime.GC()
	peak, stop := heapPeak()
	rows := 0
	start := time.Now()
	for b.Loop() {
		for r, err := range p.List(b.Context(), psa.KindContact, q) {
			if err != nil || r.Err != nil || r.Unchanged != (known != nil) {
				b.Fatal(r.Ref, err, r.Err, r.Unchanged)
			}
			rows++
		}
	}
	took := time.Since(start)
	stop()
	if rows != b.N*n {
		b.Fatalf("%d rows, want %d", rows, b.N*n)
	}
	mb := float64(peak.Load()) / 1e6
	if mb > 100 {
		b.Errorf("the heap grew to %.0f MB, want at most 100", mb)
	}
	b.ReportMetric(mb, "MB-heap")
	b.ReportMetric(float64(rows)/took.Seconds(), "rows/s")
	b.ReportMetric(0, "ns/op")
}

// heapPeak watches the size of the heap until stop is called.
func heapPeak() (peak *atomic.Uint64, stop func()) {
	peak = new(atomic.Uint64)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	return peak, func() { close(quit); <-done }
}

// canned answers pages of one row with other ids.
type canned struct {
	page []byte
	at   []int // where the ids stand
	n    int
}

const firstID = 1_000_000_000

func newCanned(row []byte, n int) *canned {
	c := &canned{page: []byte{'['}, n: n}
	id := anID.FindIndex(row)
	for i := range 1000 {
		if i > 0 {
			c.page = append(c.page, ',')
		}
		c.page = append(c.page, row[:id[0]]...)
		c.page = append(c.page, `"id":`...)
		c.at = append(c.at, len(c.page))
		c.page = append(c.page, strconv.Itoa(firstID)...)
		c.page = append(c.page, row[id[1]:]...)
	}
	c.page = append(c.page, ']')
	return c
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	last := firstID
	if after := r.URL.Query().Get("pageId"); after != "" {
		last, _ = strconv.Atoi(after)
	}
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	body := []byte("[]")
	if last < firstID+c.n {
		body = bytes.Clone(c.page)
		for _, at := range c.at {
			last++
			copy(body[at:], strconv.Itoa(last))
		}
		resp.Header.Set("Link", fmt.Sprintf(`<https://x/?pageId=%d>; rel="next"`, last))
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, context.Cause(r.Context())
}
