package autotask_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/psa"
)

// BenchmarkContacts lists contacts from a simulator in the same process, for
// the first time and when every row is known. It fails where the heap passes
// 100 MB, the simulator's tenant and the index of hashes included.
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
	p := cannedProvider(b, n)
	benchList(b, p, n, indexOf(b, p, n))
}

// Memory does not grow with the number of rows.
func TestFlatMemory(t *testing.T) {
	const n = 20_000
	p := cannedProvider(t, n)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	peak, stop := heapPeak()
	rows := 0
	for r, err := range p.List(t.Context(), psa.KindContact, psa.Query{}) {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		rows++
	}
	stop()
	if rows != n {
		t.Fatalf("%d rows, want %d", rows, n)
	}
	if grown := int64(peak.Load()) - int64(before.HeapAlloc); grown > 25<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

// index is a set of hashes that takes 16 bytes for each.
type index []psa.Hash

func compareHashes(a, b psa.Hash) int { return bytes.Compare(a[:], b[:]) }

func indexOf(b *testing.B, p *autotask.Provider, n int) index {
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

func large(b *testing.B, n int) *autotask.Provider {
	p, _ := open(b, autotasktest.LargeOf(n, 0), &autotasktest.Options{Limit: autotasktest.Limit{Requests: -1}, LogSize: 1}, func(c *autotask.Config) {
		c.Budget = autotask.NewBudget(&autotask.BudgetConfig{Requests: 1 << 30})
	})
	return p
}

func benchList(b *testing.B, p *autotask.Provider, n int, known index) {
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
		tick := time.NewTicker(20 * time.Millisecond)
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

// cannedProvider lists n contacts that are alike but for their ids.
func cannedProvider(t testing.TB, n int) *autotask.Provider {
	t.Helper()
	p, _ := open(t, autotasktest.Small(), nil, nil)
	var row []byte
	for r, err := range p.List(t.Context(), psa.KindContact, psa.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		row = r.Raw
		break
	}
	q, mock := mocked(t, func(c *autotask.Config) { c.Budget = autotask.NewBudget(&autotask.BudgetConfig{Requests: 1 << 30}) })
	mock.RegisterResponder("GET", "=~/entityInformation/fields$", answer(200, codes["UserDefinedFieldDefinitions"]))
	mock.RegisterResponder("POST", "=~/UserDefinedFieldDefinitions/query$", answer(200, empty))
	mock.RegisterResponder("POST", "=~/Contacts/query", newCanned(row, n).answer)
	return q
}

// canned answers pages of one row with other ids.
type canned struct {
	rows []byte
	at   []int // where the ids stand
	n    int
}

const firstID = 1_000_000_000

func newCanned(row []byte, n int) *canned {
	c := &canned{rows: []byte(`{"items":[`), n: n}
	id := anID.FindIndex(row)
	for i := range 500 {
		if i > 0 {
			c.rows = append(c.rows, ',')
		}
		c.rows = append(c.rows, row[:id[0]]...)
		c.rows = append(c.rows, `"id":`...)
		c.at = append(c.at, len(c.rows))
		c.rows = append(c.rows, strconv.Itoa(firstID)...)
		c.rows = append(c.rows, row[id[1]:]...)
	}
	return c
}

func (c *canned) answer(r *http.Request) (*http.Response, error) {
	last := firstID
	if after := r.URL.Query().Get("paging"); after != "" {
		var err error
		if last, err = strconv.Atoi(after); err != nil {
			return nil, err
		}
	}
	body := append(make([]byte, 0, len(c.rows)+200), c.rows...)
	for _, at := range c.at {
		last++
		copy(body[at:], strconv.Itoa(last))
	}
	next := "null"
	if last < firstID+c.n {
		next = fmt.Sprintf(`"%sV1.0/Contacts/query/next?paging=%d"`, zone, last)
	}
	body = append(body, `],"pageDetails":{"nextPageUrl":`+next+`}}`...)
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, r.Context().Err()
}
