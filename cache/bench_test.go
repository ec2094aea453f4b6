package cache_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// large returns rows of an account with that many statuses, 50 for each board.
func large(statuses int) (cache.Meta, []psa.Record) {
	m := cache.Meta{Source: "acme", Version: 1, Kinds: map[psa.Kind]cache.KindMeta{
		psa.KindBoard: {}, psa.KindStatus: {Scopes: []psa.Scope{{Kind: psa.KindBoard}}},
	}}
	var rows []psa.Record
	for b := range max(1, statuses/50) {
		rows = append(rows, rec(psa.KindBoard, fmt.Sprint(b), fmt.Sprint("Board ", b)))
	}
	for i := range statuses {
		r := on(fmt.Sprint(i/50), rec(psa.KindStatus, fmt.Sprint(i), fmt.Sprint("Status ", i%50), "order", i%50))
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
		copy(r.Hash[:], sum[:])
		rows = append(rows, r)
	}
	return m, rows
}

func largeSnapshot(tb testing.TB, statuses int) *cache.Snapshot {
	tb.Helper()
	m, rows := large(statuses)
	s, err := cache.NewSnapshot(m, slices.Values(rows))
	if err != nil {
		tb.Fatal(err)
	}
	s.Options(psa.KindStatus, "")
	return s
}

// TestLookupsDoNotAllocate: what a host calls for every field of every form.
func TestLookupsDoNotAllocate(t *testing.T) {
	s := largeSnapshot(t, 2000)
	_, rows := large(1)
	known := s.Known()
	for what, f := range map[string]func() bool{
		"Options":     func() bool { return len(s.Options(psa.KindStatus, "7")) == 50 },
		"Find":        func() bool { _, ok := s.Find(psa.KindStatus, "7", "Status 3"); return ok },
		"Find folded": func() bool { _, ok := s.Find(psa.KindStatus, "7", " STATUS  3"); return ok },
		"Find none":   func() bool { _, ok := s.Find(psa.KindStatus, "7", "Status x"); return !ok },
		"Get":         func() bool { _, ok := s.Get(psa.Ref{Kind: psa.KindStatus, ID: "777"}); return ok },
		"Known":       func() bool { _, ok := known.Known(rows[1].Hash); return ok },
	} {
		if !f() {
			t.Errorf("%s: the answer is wrong", what)
		}
		if n := testing.AllocsPerRun(100, func() { f() }); n != 0 {
			t.Errorf("%s allocates %v times", what, n)
		}
	}
}

func BenchmarkOptions(b *testing.B) {
	s := largeSnapshot(b, 5000)
	b.ReportAllocs()
	for b.Loop() {
		if len(s.Options(psa.KindStatus, "7")) != 50 {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkFind(b *testing.B) {
	s := largeSnapshot(b, 5000)
	for _, name := range []string{"Status 33", "status 33"} {
		b.Run(name[:1], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := s.Find(psa.KindStatus, "7", name); !ok {
					b.Fatal("wrong")
				}
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	s := largeSnapshot(b, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Get(psa.Ref{Kind: psa.KindStatus, ID: "77777"}); !ok {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkKnown(b *testing.B) {
	s := largeSnapshot(b, 100_000)
	var hashes []psa.Hash
	for r := range s.All(psa.KindStatus) {
		hashes = append(hashes, r.Hash)
	}
	known := s.Known()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := known.Known(hashes[i%len(hashes)]); !ok {
			b.Fatal("wrong")
		}
		i++
	}
}

func BenchmarkForm(b *testing.B) {
	s := connectWise(b)
	chosen := psa.Fields{"board": ref("1", ""), "type": ref("301", "")}
	b.ReportAllocs()
	for b.Loop() {
		if len(s.Form(psa.KindTicket, chosen).Fields) == 0 {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	s := connectWise(b)
	f := psa.Fields{"summary": "Wi-Fi", "board": ref("1", ""), "company": ref("250", ""), "status": ref("10", ""), "custom": psa.Fields{"16": "A1"}}
	b.ReportAllocs()
	for b.Loop() {
		if len(s.Check(psa.KindTicket, f)) > 0 {
			b.Fatal("wrong")
		}
	}
}

// BenchmarkApply changes one row of a kind with 100,000.
func BenchmarkApply(b *testing.B) {
	s := largeSnapshot(b, 100_000)
	batches := []cache.Batch{
		{Put: []psa.Record{on("7", rec(psa.KindStatus, "777", "changed"))}},
		{Put: []psa.Record{rec(psa.KindBoard, "7", "changed")}},
		{},
	}
	for i, what := range []string{"big kind", "small kind", "nothing"} {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Apply(1, batches[i]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIndex builds everything that lookups need, for 100,000 rows.
func BenchmarkIndex(b *testing.B) {
	m, rows := large(100_000)
	b.ReportAllocs()
	for b.Loop() {
		s, err := cache.NewSnapshot(m, slices.Values(rows))
		if err != nil {
			b.Fatal(err)
		}
		s.Options(psa.KindStatus, "7")
		s.Known()
	}
}
