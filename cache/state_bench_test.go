package cache_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

var began = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func hashOf(n int) (h psa.Hash) {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	copy(h[:], sum[:])
	return h
}

// benchFields are of an ordinary ticket.
func benchFields(n int) psa.Fields {
	return psa.Fields{
		"summary": "The printer is on fire", "status": "In Progress", "priority": "3", "board": "Service", "closed": false,
		"contact": fmt.Sprint(n), "estimate": json.Number("1.5"), "owner": nil, "type": "Incident", "due": "2026-03-05T12:00:00Z",
	}
}

// benchBatch is what a bridge saves after it has dealt with one record.
func benchBatch(n int) cache.StateBatch {
	key, id := fmt.Sprint("k", n), fmt.Sprint(n)
	f := benchFields(n)
	return cache.StateBatch{
		Links: []cache.Link{{Key: key, Kind: psa.KindTicket, IDs: [2]string{id, "r" + id}, Since: began, Base: [2]psa.Fields{f, f}, Company: "c1"}},
		Tasks: []cache.Task{{ID: "t" + key, Type: "retry", Kind: psa.KindTicket, Record: id, Link: key, Since: began, Due: began.Add(time.Duration(n))}},
		Seen:  []cache.Seen{{Kind: psa.KindTicket, ID: id, Hash: hashOf(n)}},
		Audits: []cache.Audit{{At: began, Run: "run", Actor: "bridge", Op: "update", Link: key, Kind: psa.KindTicket,
			Before: psa.Fields{"status": "New"}, After: psa.Fields{"status": "In Progress"}}},
	}
}

// BenchmarkMemorySave saves one link, task, hash and audit entry at a time.
func BenchmarkMemorySave(b *testing.B) {
	const records = 500
	batches := make([]cache.StateBatch, records)
	for i := range batches {
		batches[i] = benchBatch(i * 7919 % records)
	}
	for _, known := range []bool{false, true} {
		b.Run(map[bool]string{false: "new", true: "again"}[known], func(b *testing.B) {
			m := cache.NewMemory()
			n, rev := 0, int64(0)
			save := func() {
				batch := &batches[n%records]
				batch.Links[0].Rev, batch.Tasks[0].Rev = rev, rev
				batch.Seen[0].Hash[0]++
				if err := m.Save(b.Context(), "a", *batch); err != nil {
					b.Fatal(err)
				}
				if n++; n%records == 0 {
					rev++
				}
			}
			for known && n < records {
				save()
			}
			b.ReportAllocs()
			for b.Loop() {
				if !known && n == records {
					b.StopTimer()
					m, n, rev = cache.NewMemory(), 0, 0
					b.StartTimer()
				}
				save()
			}
		})
	}
	b.Run("first", func(b *testing.B) {
		batch := benchBatch(1)
		b.ReportAllocs()
		for b.Loop() {
			if err := cache.NewMemory().Save(b.Context(), "a", batch); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMemoryTasks asks for the few of many tasks that are due, or that
// wait for a record.
func BenchmarkMemoryTasks(b *testing.B) {
	m := cache.NewMemory()
	for i := range 10_000 {
		batch := cache.StateBatch{Tasks: benchBatch(i).Tasks}
		batch.Tasks[0].WaitsFor = fmt.Sprint("left/ticket/", i/3)
		if err := m.Save(b.Context(), "a", batch); err != nil {
			b.Fatal(err)
		}
	}
	for name, q := range map[string]cache.TaskQuery{"due": {Due: began.Add(2)}, "waits": {WaitsFor: "left/ticket/77"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range m.Tasks(b.Context(), "a", q) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != 3 {
					b.Fatal(n)
				}
			}
		})
	}
}

// BenchmarkMemorySweep looks 100,000 known hashes up, as a complete list does.
func BenchmarkMemorySweep(b *testing.B) {
	const rows = 100_000
	batch := cache.StateBatch{Seen: make([]cache.Seen, rows)}
	for i := range batch.Seen {
		batch.Seen[i] = cache.Seen{Kind: psa.KindTicket, ID: fmt.Sprint(i), Hash: hashOf(i)}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m := cache.NewMemory()
	if err := m.Save(b.Context(), "a", batch); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	known, err := m.Seen(b.Context(), "a", cache.Left, psa.KindTicket, true)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for i := range batch.Seen {
			if _, ok := known.Known(batch.Seen[i].Hash); !ok {
				b.Fatal(i)
			}
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/rows, "B/row")
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
