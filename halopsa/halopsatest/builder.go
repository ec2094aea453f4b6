package halopsatest

import (
	"fmt"

	"github.com/psasync/psasync/internal/simulator"
)

// AddStatus adds a ticket status and returns its id. Whether a status is closed
// is in no key of the API ("$closed" here): it shows in excludeclosed and on
// the tickets that get it.
func (t *Tenant) AddStatus(name string, closed bool) int {
	n := len(t.IDs("/Status"))
	return t.Add("/Status", Row{"name": name, "shortname": name, "type": 0, "sequence": 10 * (n + 1), "colour": "#888888", "$closed": closed})
}

// AddTeam adds a team in a department, which is made if there is none of that
// name, and returns its id.
func (t *Tenant) AddTeam(name, department string) int {
	dept := 0
	for _, id := range t.IDs("/TopLevel") {
		if r := t.Get("/TopLevel", id); r["name"] == department && r["agent_department"] == true {
			dept = id
		}
	}
	if dept == 0 {
		dept = t.Add("/TopLevel", Row{"name": department, "long_name": department, "type": 1, "agent_department": true})
	}
	return t.Add("/Team", Row{"name": name, "department_id": dept, "sequence": len(t.IDs("/Team")) + 1, "forrequests": true, "foropps": false, "forprojects": false, "inactive": false})
}

// AddClient adds a client with a site "Main" and that site's hidden General
// User, as the API does, and returns the ids of client and site.
func (t *Tenant) AddClient(name string) (client, site int) {
	client = t.Add("/Client", Row{"name": name, "inactive": false})
	site = t.Add("/Site", Row{"name": "Main", "client_id": client, "inactive": false, "sla_id": -1})
	t.Add("/Users", Row{"name": "General User", "firstname": "General", "surname": "User", "emailaddress": "", "site_id": site, "client_id": client, "inactive": false, "$general": true})
	t.Update("/Client", client, Row{"main_site_id": site})
	return client, site
}

// MergeTicket merges a ticket into another one like a person: it gets the first
// closed status and merged_into_id, and its actions stay.
func (t *Tenant) MergeTicket(from, into int) {
	for _, path := range []int{from, into} {
		if t.Get("/Tickets", path) == nil {
			panic(fmt.Sprintf("halopsatest: no ticket %d", path))
		}
	}
	change := Row{"merged_into_id": into, "hasbeenclosed": true, "dateclosed": stamp(t.Now())}
	t.store.View(func(tx *simulator.Tx) {
		for s := range tx.Table("/Status").All(-1) {
			if s.Field("$closed") == true {
				change["status_id"] = s.ID
				break
			}
		}
	})
	t.Update("/Tickets", from, change)
}

// DeleteTicket deletes a ticket like a person; it can be recovered.
func (t *Tenant) DeleteTicket(id int) { t.Update("/Tickets", id, Row{"deleted": true}) }
