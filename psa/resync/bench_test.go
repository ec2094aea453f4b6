package resync_test

import (
	"fmt"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// Figures are for a whole run, with the in-memory provider and store. That
// provider makes its rows as they are read, which is most of the time; the
// benchmarks of the parts are in process_test.go.
func BenchmarkRun(b *testing.B) {
	const n = 100_000
	for _, c := range []struct {
		name    string
		changed int // each how many-th row changes from run to run; 0: none
	}{{"unchanged", 0}, {"1 % changed", 100}} {
		b.Run(c.name, func(b *testing.B) {
			tenant := psatest.Flat().Only(psa.KindTicketSource).WithPageSize(1000)
			tenant.Rows = nil
			for i := range n {
				tenant.Rows = append(tenant.Rows, psatest.Row(psa.KindTicketSource, fmt.Sprint(i+1), psa.Fields{"name": fmt.Sprint("Row ", i+1), "order": i}))
			}
			p := psatest.NewProvider(tenant)
			s, err := resync.New(p, cache.NewMemory(), nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			round := 0
			for b.Loop() {
				round++
				if c.changed > 0 {
					b.StopTimer()
					for i := 1; i <= n; i += c.changed {
						p.Edit(psa.Ref{Kind: psa.KindTicketSource, ID: fmt.Sprint(i)}, psa.Fields{"name": fmt.Sprint("Round ", round, " row ", i)})
					}
					b.StartTimer()
				}
				if _, err := s.Run(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
