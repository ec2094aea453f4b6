package benchmarks

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// TestSameResult proves that the ways compared do the same work.
func TestSameResult(t *testing.T) {
	mp, ex := mapper(t), newExprMapper(t)
	for name, test := range map[string]struct {
		rec    psa.Record
		fields int
		held   []string
	}{
		"full":            {rec: full(), fields: rules},
		"empty":           {rec: ticket(psa.Fields{})},
		"some absent":     {rec: ticket(psa.Fields{"summary": "x", "board": ref("1", "Help Desk"), "custom": psa.Fields{"17": true}}), fields: 2},
		"null references": {rec: changed(psa.Fields{"board": nil, "company": nil, "priority": nil, "status": nil}), fields: rules},
		"null values":     {rec: changed(psa.Fields{"summary": nil, "budget_hours": nil, "custom": psa.Fields{"16": nil}}), fields: rules},
		"another value":   {rec: changed(psa.Fields{"priority": ref("13", "P4"), "status": ref("12", "Closed"), "budget_hours": json.Number("0.1")}), fields: rules},
		"no rule":         {rec: changed(psa.Fields{"priority": ref("14", "P9"), "status": ref("15", "Parked")}), fields: rules - 2, held: []string{"priority", "state"}},
	} {
		t.Run(name, func(t *testing.T) {
			want, held := byHand(test.rec.Fields)
			if len(want) != test.fields || !slices.Equal(held, test.held) {
				t.Fatalf("by hand: %d fields, held %v: %v", len(want), held, want)
			}
			got, issues := mp.To(mapping.Right, test.rec, &mapping.Env{Present: psa.Fields{}})
			var open []string
			for _, i := range issues {
				open = append(open, i.Field)
			}
			if diff := cmp.Diff(want, got) + cmp.Diff(held, open); diff != "" {
				t.Errorf("the map differs from what is written by hand:\n%s", diff)
			}
			for _, fresh := range []bool{false, true} {
				ex.fresh = fresh
				got, open, err := ex.to(test.rec.Fields)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got) + cmp.Diff(held, open); diff != "" {
					t.Errorf("expr (fresh %v) differs from what is written by hand:\n%s", fresh, diff)
				}
			}
		})
	}
}

// TestStructHoldsAll proves that the struct loses nothing of the record.
func TestStructHoldsAll(t *testing.T) {
	in := full().Fields
	back, err := byStruct(in)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// A way is one way to map a record.
type way struct {
	name string
	run  func() error
}

// The places of ways in what ways returns.
const (
	wayMap = iota
	wayHand
	wayExpr
	wayExprRun
	wayStruct
)

// ways returns all ways, on the same record.
func ways(tb testing.TB) []way {
	mp, ex, run, rec := mapper(tb), newExprMapper(tb), newExprMapper(tb), full()
	run.fresh = true
	env := &mapping.Env{Present: psa.Fields{}}
	return []way{
		wayMap:     {"map", func() error { mp.To(mapping.Right, rec, env); return nil }},
		wayHand:    {"by-hand", func() error { byHand(rec.Fields); return nil }},
		wayExpr:    {"expr", func() error { _, _, err := ex.to(rec.Fields); return err }},
		wayExprRun: {"expr-run", func() error { _, _, err := run.to(rec.Fields); return err }},
		wayStruct:  {"mapstructure", func() error { _, err := byStruct(rec.Fields); return err }},
	}
}

// BenchmarkMap measures one record of 30 fields each way.
func BenchmarkMap(b *testing.B) {
	for _, w := range ways(b) {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := w.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRatio runs the ways in turns, so that what else the machine does
// falls on all of them. An iteration takes the shortest of several turns of each
// way; what is reported is the median of the iterations' ratios, which one lucky
// turn does not move.
func BenchmarkRatio(b *testing.B) {
	const (
		turns   = 5  // of each way in one iteration
		records = 30 // in a turn
	)
	ratios := []struct {
		of, to int
		unit   string
		found  []float64
	}{
		{of: wayMap, to: wayHand, unit: "map/hand"},
		{of: wayExpr, to: wayHand, unit: "expr/hand"},
		{of: wayExpr, to: wayMap, unit: "expr/map"},
		{of: wayExprRun, to: wayMap, unit: "expr-run/map"},
		{of: wayStruct, to: wayMap, unit: "mapstructure/map"},
	}
	all := ways(b)
	best := make([]float64, len(all))
	for b.Loop() {
		for i := range best {
			best[i] = math.Inf(1)
		}
		for range turns {
			for i, w := range all {
				start := time.Now()
				for range records {
					if err := w.run(); err != nil {
						b.Fatal(err)
					}
				}
				best[i] = min(best[i], float64(time.Since(start)))
			}
		}
		for i := range ratios {
			r := &ratios[i]
			r.found = append(r.found, best[r.of]/best[r.to])
		}
	}
	for _, r := range ratios {
		slices.Sort(r.found)
		b.ReportMetric(r.found[len(r.found)/2], r.unit)
	}
	b.ReportMetric(0, "ns/op") // an iteration is no record
}
