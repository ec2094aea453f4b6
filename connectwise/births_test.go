package connectwise

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
)

// What is used stays, and what is kept has a bound, whoever asks meanwhile.
func TestBirthsAreBounded(t *testing.T) {
	var b births
	ticket := func(id int) psa.Ref { return psa.Ref{Kind: psa.KindTicket, ID: strconv.Itoa(id)} }
	at := time.Date(2026, 6, 9, 8, 0, 0, 0, time.UTC)
	b.put(ticket(-1), at)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range birthsKept {
				id := w*birthsKept + i
				b.put(ticket(id), at.Add(time.Duration(id)))
				if got, ok := b.of(ticket(-1)); !ok || !got.Equal(at) {
					t.Errorf("after %d rows the one in use is %v, %v", id, got, ok)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := len(b.now) + len(b.old); n > 2*birthsKept {
		t.Errorf("%d rows are kept, want %d at most", n, 2*birthsKept)
	}
	known := 0
	for id := range 4 * birthsKept {
		got, ok := b.of(ticket(id))
		if ok {
			known++
		}
		if ok && !got.Equal(at.Add(time.Duration(id))) {
			t.Fatalf("row %d: %v", id, got)
		}
	}
	if known == 0 || known >= 4*birthsKept {
		t.Errorf("%d of %d rows are known", known, 4*birthsKept)
	}
	if _, ok := (&births{}).of(ticket(1)); ok {
		t.Error("an empty one knows a row")
	}
}
