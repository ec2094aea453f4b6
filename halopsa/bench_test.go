package halopsa_test

import (
	"bytes"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/psa"
)

// BenchmarkContacts lists users from a simulator in the same process, for the
// first time and when every row is known. It fails where the heap passes 100
// MB, the simulator's tenant and the index of hashes included.
func BenchmarkContacts(b *testing.B) {
	const n = 100_000
	b.Run("first", func(b *testing.B) { benchList(b, large(b, n), n, nil) })
	b.Run("known", func(b *testing.B) {
		p := large(b, n)
		benchList(b, p, n, indexOf(b, p, n))
	})
}

// A list takes no more memory when it is eight times as long.
func TestFlatMemory(t *testing.T) {
	peak := func(n int) float64 {
		p := large(t, n)
		if err := slas(t.Context(), p); err != nil { // logged in
			t.Fatal(err)
		}
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		rows, most := 0, uint64(0)
		for r, err := range p.List(t.Context(), psa.KindContact, psa.Query{}) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			if rows++; rows%(n/8) == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}
		if rows < n*9/10 {
			t.Fatalf("%d rows of %d", rows, n)
		}
		return (float64(most) - float64(before.HeapAlloc)) / 1e6
	}
	short, long := peak(500), peak(4_000)
	if long > short+2 {
		t.Errorf("%.1f MB for 500 rows, %.1f MB for 4,000", short, long)
	}
}

// index is a set of hashes that takes 16 bytes for each.
type index []psa.Hash

func compareHashes(a, b psa.Hash) int { return bytes.Compare(a[:], b[:]) }

func indexOf(b *testing.B, p *halopsa.Provider, n int) index {
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

func large(t testing.TB, n int) *halopsa.Provider {
	p, _ := open(t, halopsatest.LargeOf(n, 0), &halopsatest.Options{Limit: halopsatest.Limit{Requests: -1}, LogSize: 1}, func(c *halopsa.Config) {
		c.Budget = halopsa.NewBudget(&halopsa.BudgetConfig{Requests: 1 << 30})
	})
	return p
}

func benchList(b *testing.B, p *halopsa.Provider, n int, known index) {
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
	if rows < b.N*n {
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
