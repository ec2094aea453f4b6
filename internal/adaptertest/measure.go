package adaptertest

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
)

// An Opener returns a provider on a tenant with that many rows of one kind, or
// a few more.
type Opener func(t testing.TB, rows int) psa.Provider

// BenchLists measures the list of a kind of so many rows, for the first time
// and when every row is known. It fails where the heap passes 100 MB, the
// simulator's tenant and the index of hashes included.
func BenchLists(b *testing.B, kind psa.Kind, rows int, open Opener) {
	b.Run(fmt.Sprintf("first/%d", rows), func(b *testing.B) { benchList(b, open(b, rows), kind, rows, nil) })
	b.Run(fmt.Sprintf("known/%d", rows), func(b *testing.B) { BenchKnown(b, open(b, rows), kind, rows) })
}

// BenchKnown measures the list of a kind of so many rows that are all known.
func BenchKnown(b *testing.B, p psa.Provider, kind psa.Kind, rows int) {
	known := make(index, 0, rows)
	for r, err := range p.List(b.Context(), kind, psa.Query{}) {
		if err != nil {
			b.Fatal(err)
		}
		known = append(known, r.Hash)
	}
	slices.SortFunc(known, compareHashes)
	benchList(b, p, kind, rows, known)
}

// index is a set of hashes that takes 16 bytes for each.
type index []psa.Hash

func compareHashes(a, b psa.Hash) int { return bytes.Compare(a[:], b[:]) }

func (x index) Known(h psa.Hash) (psa.Ref, bool) {
	_, ok := slices.BinarySearchFunc(x, h, compareHashes)
	return psa.Ref{Kind: psa.KindContact, ID: "1"}, ok
}

func benchList(b *testing.B, p psa.Provider, kind psa.Kind, rows int, known index) {
	q := psa.Query{}
	if known != nil {
		q.Known = known
	}
	runtime.GC()
	peak, stop := heapPeak()
	n := 0
	for b.Loop() {
		for r, err := range p.List(b.Context(), kind, q) {
			if err != nil || r.Err != nil || r.Unchanged != (known != nil) {
				b.Fatal(r.Ref, err, r.Err, r.Unchanged)
			}
			n++
		}
	}
	stop()
	if n < b.N*rows {
		b.Fatalf("%d rows, want %d", n, b.N*rows)
	}
	mb := float64(peak.Load()) / 1e6
	if mb > 100 {
		b.Errorf("the heap grew to %.0f MB, want at most 100", mb)
	}
	b.ReportMetric(mb, "MB-heap")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
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

// FlatMemory fails where a list of eight times as many rows takes more memory.
// It wants pages of about a hundred rows and
// a server that itself takes next to nothing.
func FlatMemory(t *testing.T, kind psa.Kind, open Opener) {
	t.Helper()
	const few, many, slack = 500, 4000, 2.0
	short, long := livePeak(t, open(t, few), kind, few), livePeak(t, open(t, many), kind, many)
	if long > short+slack {
		t.Errorf("%.1f MB for %d rows, %.1f MB for %d", short, few, long, many)
	}
}

// livePeak is how many MB more live on the heap while a kind is listed, at most.
func livePeak(t *testing.T, p psa.Provider, kind psa.Kind, rows int) float64 {
	t.Helper()
	for _, err := range p.List(t.Context(), kind, psa.Query{}) { // what stays after the first list
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	live := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / 1e6
	}
	before, most, n := live(), 0.0, 0
	for r, err := range p.List(t.Context(), kind, psa.Query{}) {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		if n++; n%(rows/8) == 0 {
			most = max(most, live())
		}
	}
	if n < rows {
		t.Fatalf("%d rows, want %d", n, rows)
	}
	return most - before
}
