package mapping

import (
	"sync"
	"testing"

	"github.com/psasync/psasync/psa"
)

// Layouts, maps and mappers are shared by goroutines; the race detector looks.
func TestConcurrentUse(t *testing.T) {
	k := mustLayout(t, "autotask").Kind(psa.KindTicket)
	m := mustMap(t, ticketMap)
	mp := mustCompile(t, ticketMap)
	row := []byte(`{"ID":7,"companyid":2,"Title":"x","userDefinedFields":[{"name":"a","value":"b"}]}`)
	want, _ := mp.To(Right, thirtyRecord(), nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				rec := k.Decode(row, psa.Ref{})
				if rec.ID != "7" || rec.Fields.String("summary") != "x" {
					t.Errorf("decoded %+v", rec)
				}
				if _, err := k.Encode(rec.Fields); err != nil {
					t.Error(err)
				}
				if got, _ := mp.To(Right, thirtyRecord(), nil); !got.Equal(want) {
					t.Errorf("got %v, want %v", got, want)
				}
				mp.Preview(Left, thirtyRecord(), nil)
			}
			m.LintWith(config())
			if _, err := m.Compile(config()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
