package benchmarks

import (
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

func sorted(open []held) []held {
	slices.SortFunc(open, func(a, b held) int { return cmp.Compare(a.Field, b.Field) })
	return open
}

func byMap(w *world, side mapping.Side, in, now psa.Fields) (psa.Fields, []held) {
	out, issues := w.mapper.To(side, ticket(in), &mapping.Env{Present: now, Link: link})
	var open []held
	for _, i := range issues {
		open = append(open, held{i.Field, i.Code})
	}
	return out, open
}

// TestSameResult proves that the ways compared do the same work, over records
// in which fields are absent, null, known and without a rule, and over targets
// that hold what means the same.
func TestSameResult(t *testing.T) {
	w := newWorld(t)
	h, asks, helped := newHand(w), newExprMapper(t, w, false), newExprMapper(t, w, true)
	r := rand.New(rand.NewPCG(1, 2))
	codes, kept := map[string]int{}, 0
	for range 3000 {
		left, right := w.someLeft(r), w.someRight(r)
		if r.IntN(2) == 0 { // the two go together
			right, _ = byMap(w, mapping.Right, left, psa.Fields{})
		}
		for side, by := range []func(in, now psa.Fields) (psa.Fields, []held){h.left, h.right} {
			in, now := left, right
			if mapping.Side(side) == mapping.Left {
				in, now = right, left
			}
			want, open := by(in, now)
			got, issues := byMap(w, mapping.Side(side), in, now)
			if diff := gocmp.Diff(want, got) + gocmp.Diff(sorted(open), sorted(issues)); diff != "" {
				t.Fatalf("the map differs from what is written by hand:\n%s\n%v\n%v", diff, in, now)
			}
			for _, ex := range []*exprMapper{asks, helped} {
				ex.fresh = r.IntN(2) == 0
				in, now := map[string]any(in), map[string]any(now)
				if ex == helped {
					in, now = plain(in), plain(now)
				}
				out, issues, err := ex.to(side, in, now)
				if err != nil {
					t.Fatal(err)
				}
				got, err := psa.Canonical(out)
				if err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(want, got) + gocmp.Diff(sorted(open), sorted(issues)); diff != "" {
					t.Fatalf("expr differs from what is written by hand:\n%s\n%v\n%v", diff, in, now)
				}
			}
			for _, o := range open {
				codes[o.Code]++
			}
			if s, ok := want["status"].(psa.Fields); ok && side == 0 && s.String("name") == "Scheduled" {
				kept++
			}
		}
	}
	for _, c := range []string{"unmapped-value", "no-such-option", "unlinked", "member", "transform"} {
		if codes[c] < 50 {
			t.Errorf("%d records with %s prove nothing", codes[c], c)
		}
	}
	if kept < 50 {
		t.Errorf("%d kept values prove nothing", kept)
	}
}

// TestFull proves that the record that is measured has a value for each rule.
func TestFull(t *testing.T) {
	w := newWorld(t)
	left := full(w.left)
	right, open := byMap(w, mapping.Right, left, psa.Fields{})
	if len(right) != rules || len(open) > 0 || len(w.mapper.Rules(psa.KindTicket)) != rules {
		t.Errorf("%d of %d fields, %v", len(right), rules, open)
	}
	back, open := byMap(w, mapping.Left, right, left)
	if len(back) != leftFields || len(open) > 0 || gocmp.Equal(back["status"], w.left.rows[psa.KindStatus]["In Progress"]) {
		t.Errorf("%d of %d fields, %v, %v", len(back), leftFields, back["status"], open)
	}
	want, err := json.Marshal(left)
	if err != nil {
		t.Fatal(err)
	}
	round, err := byStruct(left)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(round)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the struct loses something: %s", diff)
	}
}

// A way is one way to map a record there and back.
type way struct {
	name string
	run  func() error
}

// The places of ways in what ways returns.
const (
	wayMap = iota
	wayHand
	wayExpr
	wayExprHelped
	wayExprRun
	wayStruct
)

// ways returns all ways, on the same record.
func ways(tb testing.TB) []way {
	w := newWorld(tb)
	h := newHand(w)
	left := full(w.left)
	right, _ := byMap(w, mapping.Right, left, psa.Fields{})
	leftEnv, rightEnv := &mapping.Env{Present: left, Link: link}, &mapping.Env{Present: right, Link: link}
	leftRec, rightRec := ticket(left), ticket(right)
	exprs := func(presence, fresh bool, left, right map[string]any) func() error {
		ex := newExprMapper(tb, w, presence)
		ex.fresh = fresh
		return func() error {
			if _, _, err := ex.to(1, left, right); err != nil {
				return err
			}
			_, _, err := ex.to(0, right, left)
			return err
		}
	}
	return []way{
		wayMap: {"map", func() error {
			w.mapper.To(mapping.Right, leftRec, rightEnv)
			w.mapper.To(mapping.Left, rightRec, leftEnv)
			return nil
		}},
		wayHand:       {"by-hand", func() error { h.right(left, right); h.left(right, left); return nil }},
		wayExpr:       {"expr", exprs(false, false, left, right)},
		wayExprHelped: {"expr-helped", exprs(true, false, plain(left), plain(right))},
		wayExprRun:    {"expr-run", exprs(false, true, left, right)},
		wayStruct:     {"mapstructure", func() error { _, err := byStruct(left); return err }},
	}
}

// BenchmarkMap measures one record of 30 fields there and back each way.
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
		{of: wayExpr, to: wayMap, unit: "expr/map"},
		{of: wayExprHelped, to: wayMap, unit: "expr-helped/map"},
		{of: wayExprRun, to: wayMap, unit: "expr-run/map"},
		{of: wayExpr, to: wayHand, unit: "expr/hand"},
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
