package halopsatest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
)

// Programs write and read while people work; no action is lost and none gets
// another one's number.
func TestConcurrentUse(t *testing.T) {
	tenant := Small()
	c := newClient(t, tenant, nil)
	id := integer(c.post("/Tickets", Row{"summary": "busy", "tickettype_id": 2})["id"])
	const workers, each = 6, 8
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() {
			for i := range each {
				if status, body, _ := c.do("POST", "/Actions", []Row{{"ticket_id": id, "outcome_id": 7, "note": fmt.Sprintf("%d/%d", n, i)}}); status != 201 {
					t.Errorf("%d %s", status, body)
				}
				c.do("GET", "/Tickets?order=summary", nil)
				tenant.Update("/Status", 2, Row{"name": fmt.Sprintf("In Progress %d", n)})
				c.srv.Requests()
			}
		})
	}
	wg.Wait()
	want := make([]int, 1+workers*each)
	for i := range want {
		want[i] = i + 1
	}
	if got := tenant.IDs(fmt.Sprintf("/Tickets/%d/Actions", id)); !slices.Equal(got, want) {
		t.Errorf("actions %v", got)
	}
	if g := c.srv.Gauge(); g.InFlight != 0 || g.Counted != len(c.srv.Requests()) {
		t.Errorf("gauge %+v", g)
	}
}

// A person works between the arrival of a request and its effect, and after it.
func TestHooks(t *testing.T) {
	tenant := Small()
	c := newClient(t, tenant, nil)
	c.srv.Before(func(r *http.Request) {
		if r.Method == "POST" {
			tenant.Update("/Tickets", 4321, Row{"summary": "by a person", "impact": 1})
		}
	})
	after := 0
	c.srv.After(func(*http.Request) { after++ })
	c.post("/Tickets", Row{"id": 4321, "summary": "by the program"}) // the last write wins
	if got := tenant.Get("/Tickets", 4321); got["summary"] != "by the program" || got["impact"] != 1 || after != 1 {
		t.Errorf("%v, %d", got, after)
	}
}
