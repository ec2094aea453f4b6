package halopsatest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/internal/simulator"
)

// A virtual row tells the same through its quick fields as when it is made.
func TestVirtualFieldsAgree(t *testing.T) {
	tenant := LargeOf(700, 700)
	for _, path := range []string{"/Users", "/Tickets"} {
		ent := tenant.api.ent(tenant.api.byPath[lower(path)])
		first := map[string]int{"/Users": firstUser, "/Tickets": firstTicket}[path]
		tenant.store.View(func(tx *simulator.Tx) {
			for i := 0; i < 700; i += 97 {
				row, ok := tx.Table(path).Get(first + i)
				if !ok {
					t.Fatalf("%s has no row %d", path, first+i)
				}
				made := row.Fields()
				for k := range made {
					if ent.byName[k] == nil {
						t.Fatalf("%s has no key %q", path, k)
					}
				}
				for _, k := range append(slices.Collect(maps.Keys(ent.byName)), "$general") {
					if k == "id" {
						continue
					}
					if got := row.Field(k); !cmp.Equal(got, made[k]) {
						t.Fatalf("%s %d: %s is %v, made %v", path, i, k, got, made[k])
					}
				}
			}
		})
	}
}

// Virtual rows are listed, read, changed and deleted like stored ones.
func TestVirtualRows(t *testing.T) {
	tenant := LargeOf(900, 950)
	c := newClient(t, tenant, &Options{Limit: Limit{Requests: -1}})
	for path, n := range map[string]int{"/Tickets": 950, "/Users": len(tenant.IDs("/Users"))} {
		q := url.Values{"order": {"id"}, "includeactive": {"true"}, "includeinactive": {"true"}}
		if got := c.collect(path, q, 100); len(got) != n {
			t.Errorf("%s: %d rows of %d", path, len(got), n)
		}
		for _, row := range c.rows(path + "?count=300&includeactive=true&includeinactive=true") {
			checkRow(t, tenant.api.ent(tenant.api.byPath[lower(path)]), row)
		}
	}
	open, closed := len(c.rows("/Tickets?open_only=true&count=1000")), len(c.rows("/Tickets?closed_only=true&count=1000"))
	if open == 0 || closed <= open || open+closed != 950 {
		t.Errorf("%d open, %d closed", open, closed)
	}
	id := firstTicket + 3
	ticket := c.one(fmt.Sprintf("/Tickets/%d?includedetails=true", id))
	if ticket["user_name"] == nil || ticket["client_name"] == nil || ticket["category_1"] == nil {
		t.Errorf("%v", ticket)
	}
	c.post("/Tickets", Row{"id": id, "summary": "changed"})
	if got := c.one(fmt.Sprintf("/Tickets/%d", id)); got["summary"] != "changed" || got["client_id"] != ticket["client_id"] {
		t.Errorf("%v", got)
	}
	actions := fmt.Sprintf("/Actions?ticket_id=%d", id)
	ids := func() (out []int) {
		for _, a := range c.rows(actions + "&order=id") {
			out = append(out, integer(a["id"]))
		}
		return out
	}
	if got := ids(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("actions %v", got)
	}
	if a := c.post("/Actions", Row{"ticket_id": id, "outcome_id": 7, "note": "third"}); a["id"] != 3 {
		t.Errorf("next action is %v", a["id"])
	}
	c.post("/Actions", Row{"ticket_id": id, "id": 1, "note": "first, changed"})
	if got := ids(); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("actions %v", got)
	}
	for _, n := range []int{1, 2} {
		if status, _, _ := c.do("DELETE", fmt.Sprintf("/Actions/%d?ticket_id=%d", n, id), nil); status != 200 {
			t.Errorf("DELETE of action %d: %d", n, status)
		}
	}
	if got := ids(); !slices.Equal(got, []int{3}) {
		t.Errorf("actions %v", got)
	}
	if !tenant.Remove("/Tickets", id+1) || tenant.Get("/Tickets", id+1) != nil || len(c.rows("/Tickets?count=1000")) != 949 {
		t.Error("a removed virtual ticket is there")
	}
}

func BenchmarkLargePages(b *testing.B) {
	tenant := Large()
	c := newClient(b, tenant, &Options{Limit: Limit{Requests: -1}})
	for _, path := range []string{"/Tickets", "/Users"} {
		b.Run(path[1:], func(b *testing.B) {
			n := 0
			for b.Loop() {
				n++
				status, body, _ := c.do("GET", fmt.Sprintf("%s?pageinate=true&page_size=100&page_no=%d&order=id", path, n%1000+1), nil)
				if status != 200 || len(body) < 10_000 {
					b.Fatalf("%d, %d bytes", status, len(body))
				}
			}
			b.ReportMetric(float64(b.N*100)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
