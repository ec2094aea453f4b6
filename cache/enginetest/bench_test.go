package enginetest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
)

const many = 100_000

// manyRows returns rows of about a kilobyte each.
func manyRows(n int) []psa.Record {
	rows := make([]psa.Record, n)
	for i := range rows {
		raw := json.RawMessage(fmt.Sprintf(`{"id":%d,"name":"Status %d","filler":"%0900d"}`, i, i, i))
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
		rows[i] = psa.Record{
			Ref: psa.Ref{Kind: psa.KindStatus, ID: fmt.Sprint(i)}, Parent: psa.Ref{Kind: psa.KindBoard, ID: fmt.Sprint(i / 50)}, Active: true,
			Fields: psa.Fields{"name": fmt.Sprint("Status ", i), "order": json.Number(fmt.Sprint(i % 50)), "closed": i%50 == 49, "default": i%50 == 0,
				"board": psa.Reference{ID: fmt.Sprint(i / 50), Name: "Board"}.Fields()},
			Raw: raw,
		}
		copy(rows[i].Hash[:], sum[:])
	}
	return rows
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkFirstLoad commits 100,000 rows to an empty file.
func BenchmarkFirstLoad(b *testing.B) {
	rows := manyRows(many)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s := openFile(b, "sqlite", filepath.Join(b.TempDir(), "cache.db"), nil)
		b.StartTimer()
		if _, err := s.Commit(b.Context(), "a", 0, cache.Batch{Put: rows}); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, many)
}

// BenchmarkCommit commits to a source of 100,000 rows: what a syncer that knows
// all rows by hash commits, and what one that knows none does.
func BenchmarkCommit(b *testing.B) {
	rows := manyRows(many)
	s := openFile(b, "sqlite", filepath.Join(b.TempDir(), "cache.db"), nil)
	snap, err := s.Commit(b.Context(), "a", 0, cache.Batch{Put: rows})
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		rows []psa.Record
	}{{"unchanged known", nil}, {"unchanged put", rows}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Commit(b.Context(), "a", snap.Version(), cache.Batch{Put: bench.rows}); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, many)
		})
	}
	b.Run("one percent", func(b *testing.B) {
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			n++
			changed := manyRows(many / 100)
			for i := range changed {
				changed[i].Fields["name"] = fmt.Sprint("Changed ", n)
			}
			if snap, err = s.Commit(b.Context(), "a", snap.Version(), cache.Batch{Put: changed}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOpen reads 100,000 rows into a snapshot.
func BenchmarkOpen(b *testing.B) {
	file := filepath.Join(b.TempDir(), "cache.db")
	if _, err := openFile(b, "sqlite", file, nil).Commit(b.Context(), "a", 0, cache.Batch{Put: manyRows(many)}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s := openFile(b, "sqlite", file, nil)
		b.StartTimer()
		if snap, err := s.Current(b.Context(), "a"); err != nil || snap.Len(psa.KindStatus) != many {
			b.Fatal(err)
		}
	}
	perRow(b, many)
}

// BenchmarkCurrent reads what is in memory, as a request handler does.
func BenchmarkCurrent(b *testing.B) {
	s := openFile(b, "sqlite", filepath.Join(b.TempDir(), "cache.db"), &sqlite.Options{})
	if _, err := s.Commit(b.Context(), "a", 0, cache.Batch{Put: manyRows(1000)}); err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Current(ctx, "a"); err != nil {
				b.Error(err)
			}
		}
	})
}
