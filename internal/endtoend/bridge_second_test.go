package endtoend

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/psasync/psasync/psa"
)

// TestBridgeSameSecond writes notes in the very second in which a cycle saw, or
// wrote, their ticket: the ticket's row does not look any different afterwards,
// and the vendor lists its notes ticket by ticket.
func TestBridgeSameSecond(t *testing.T) {
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTandem(t, v)
				w.settle()
				a, b := w.ticket("a"), w.hostTicket("b")
				w.settle()
				renamed := false
				method, path, _ := strings.Cut(w.listed, " ")
				w.sim.Before(func(r *http.Request) {
					if !renamed && r.Method == method && strings.HasSuffix(r.URL.Path, path) {
						renamed = true
						w.rename(a, "a, edited")
					}
				})
				w.subject(b, "b, edited")
				w.once()
				w.want("the edit there", w.get(w.host, w.there(psa.KindTicket, itoa(a))).Fields.String("summary"), "a, edited")
				w.note(a, "Read a moment before", true)
				w.note(w.here(b), "Written a moment before", false)
				w.settle()
				w.told(a, map[string]bool{"Read a moment before": true})
				w.told(w.here(b), map[string]bool{"Written a moment before": false})
				w.lawful()
			})
		})
	}
}
