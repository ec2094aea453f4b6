package resync

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// BenchmarkProcess is the process phase alone, on 100,000 rows of six fields.
func BenchmarkProcess(b *testing.B) {
	const n = 100_000
	kind := psa.KindMember
	row := func(i int, name string) psa.Record {
		id := fmt.Sprint(i)
		return psa.Record{Ref: psa.Ref{Kind: kind, ID: id}, Active: true, Fields: psa.Fields{
			"name": name, "identifier": "m" + id, "first_name": "A", "last_name": "B", "email": id + "@msp.example", "title": "Engineer",
		}}
	}
	var rows []psa.Record
	for i := range n {
		rows = append(rows, row(i, fmt.Sprint("Member ", i)))
	}
	old, err := cache.NewSnapshot(cache.Meta{Source: "s", Version: 1}, slices.Values(rows))
	if err != nil {
		b.Fatal(err)
	}
	features := psa.Features{kind: {Can: psa.CanList}}
	opts := Options{Source: "s", Kinds: []psa.Kind{kind}, Guard: Guard{}.withDefaults(), ReportRows: 100}
	for _, c := range []struct {
		name  string
		every int
	}{{"unchanged", 0}, {"1 % changed", 100}, {"all new", 1}} {
		b.Run(c.name, func(b *testing.B) {
			base := old
			r := &reading{unit: unit{kind: kind}, ids: map[string]int{}, bad: map[string]error{}}
			for i := range n {
				id := fmt.Sprint(i)
				r.ids[id] = asBefore
				if c.every > 0 && i%c.every == 0 {
					r.ids[id] = len(r.rows)
					r.rows = append(r.rows, row(i, fmt.Sprint("Renamed ", i)))
				}
			}
			if c.every == 1 {
				base = cache.Empty("s")
			}
			b.ReportAllocs()
			for b.Loop() {
				p := &processor{features: features, opts: &opts, old: base, poison: map[psa.Ref]error{},
					read: map[psa.Kind]*kindRead{kind: {kind: kind, readings: []*reading{r}}}}
				out, err := p.plan(base, cache.Batch{At: time.Unix(1, 0), Run: "r"})
				if err != nil {
					b.Fatal(err)
				}
				run := &run{Syncer: &Syncer{opts: opts}, report: &Report{}}
				run.describe(out)
				if want := len(r.rows); len(out.changes[kind]) != want {
					b.Fatalf("%d changes, want %d", len(out.changes[kind]), want)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
