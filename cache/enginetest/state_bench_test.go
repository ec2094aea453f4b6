package enginetest

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// manySeen returns the hashes of rows.
func manySeen(n int) []cache.Seen {
	seen := make([]cache.Seen, n)
	for i, r := range manyRows(n) {
		seen[i] = cache.Seen{Kind: psa.KindTicket, ID: fmt.Sprint(1_000_000 + i), Hash: r.Hash}
	}
	return seen
}

// BenchmarkSave saves what a bridge does after it has dealt with one record: a
// link, a task, a hash and an audit entry, all of which are there already but
// for the entry.
func BenchmarkSave(b *testing.B) {
	for _, synced := range []bool{false, true} {
		b.Run(map[bool]string{false: "normal", true: "synced"}[synced], func(b *testing.B) {
			s := openFile(b, "sqlite", filepath.Join(b.TempDir(), "state.db"), nil)
			const records = 1000
			seen := manySeen(records)
			f := psa.Fields{"summary": "The printer is on fire", "status": "In Progress", "priority": "3", "board": "Service", "closed": false,
				"estimate": json.Number("1.5"), "owner": nil, "type": "Incident", "due": "2026-03-05T12:00:00Z"}
			n := 0
			save := func() {
				i, rev := n%records, int64(n/records)
				n++
				key, id := fmt.Sprint("k", i), fmt.Sprint(i)
				seen[i].Hash[0]++
				if err := s.Save(b.Context(), "a", cache.StateBatch{
					Links:  []cache.Link{{Key: key, Rev: rev, Kind: psa.KindTicket, IDs: [2]string{id, id}, Since: time.Unix(0, 0), Base: [2]psa.Fields{f, f}}},
					Tasks:  []cache.Task{{ID: key, Rev: rev, Type: "retry", Kind: psa.KindTicket, Record: id, Link: key, Due: time.Unix(int64(n), 0)}},
					Seen:   seen[i : i+1],
					Audits: []cache.Audit{{Run: "r", Actor: "bridge", Op: "update", Link: key, Before: psa.Fields{"status": "New"}, After: psa.Fields{"status": "In Progress"}}},
					Synced: synced,
				}); err != nil {
					b.Fatal(err)
				}
			}
			for !synced && n < records {
				save()
			}
			b.ReportAllocs()
			for b.Loop() {
				save()
			}
		})
	}
}

// BenchmarkSeen reads the hashes of 100,000 rows, looks all of them up in the
// index, and some of them in the file.
func BenchmarkSeen(b *testing.B) {
	s := openFile(b, "sqlite", filepath.Join(b.TempDir(), "state.db"), nil)
	seen := manySeen(many)
	if err := s.Save(b.Context(), "a", cache.StateBatch{Seen: seen}); err != nil {
		b.Fatal(err)
	}
	index := func(all bool) psa.Known {
		known, err := s.Seen(b.Context(), "a", cache.Left, psa.KindTicket, all)
		if err != nil {
			b.Fatal(err)
		}
		return known
	}
	sweep := func(b *testing.B, known psa.Known, rows []cache.Seen) {
		for i := range rows {
			if ref, ok := known.Known(rows[i].Hash); !ok || ref.ID != rows[i].ID {
				b.Fatal(ref, ok)
			}
		}
	}
	b.Run("load", func(b *testing.B) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		known := index(true)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(known)
		b.ReportAllocs()
		for b.Loop() {
			index(true)
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "B/row")
		perRow(b, many)
	})
	b.Run("sweep", func(b *testing.B) {
		known := index(true)
		for b.Loop() {
			sweep(b, known, seen)
		}
		perRow(b, many)
	})
	b.Run("look up", func(b *testing.B) {
		known := index(false)
		for b.Loop() {
			sweep(b, known, seen[:1000])
		}
		perRow(b, 1000)
	})
}

// BenchmarkSaveSeen saves 1,000 hashes at a time, as a first list does.
func BenchmarkSaveSeen(b *testing.B) {
	s := openFile(b, "sqlite", filepath.Join(b.TempDir(), "state.db"), nil)
	seen := manySeen(many)
	n := 0
	for b.Loop() {
		if err := s.Save(b.Context(), "a", cache.StateBatch{Seen: seen[n : n+1000]}); err != nil {
			b.Fatal(err)
		}
		n = (n + 1000) % many
	}
	perRow(b, 1000)
}
