package halopsatest

import (
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// view returns one key of a row as it is answered: what is stored, or what
// follows from other rows. nil is left out.
func (t *Tenant) view(tx *simulator.Tx, e *endpoint, row simulator.Row, key string, s shape) any {
	switch {
	case key == "id" && t.api.guidKeyed(e), key == "guid":
		return t.guid(e, row)
	case key == "id":
		return number1(e, row.ID)
	case key == "customfields" && e.custom > 0:
		return t.customFields(tx, e, row, s)
	}
	switch e.entity {
	case "Ticket":
		return t.viewTicket(tx, row, key)
	case "Action":
		return t.viewAction(tx, row, key)
	case "Client":
		return t.viewClient(tx, row, key)
	case "Site":
		return t.viewSite(tx, row, key)
	case "User":
		return t.viewUser(tx, row, key)
	}
	return t.viewConfig(tx, e, row, key)
}

func (t *Tenant) viewTicket(tx *simulator.Tx, row simulator.Row, key string) any {
	named := func(path, ref string) any { return t.name(tx, path, row.Field(ref)) }
	switch key {
	case "client_name":
		return named("/Client", "client_id")
	case "site_name":
		return named("/Site", "site_id")
	case "user_name":
		return named("/Users", "user_id")
	case "agent_name":
		return named("/Agent", "agent_id")
	case "status_name":
		return named("/Status", "status_id")
	case "tickettype_name":
		return named("/TicketType", "tickettype_id")
	case "user_email", "useremail":
		if u, ok := t.row(tx, "/Users", integer(row.Field("user_id"))); ok {
			return u.Field("emailaddress")
		}
		return nil
	case "team_id":
		return t.teamID(tx, text(row.Field("team")), integer(row.Field("department_id")))
	case "lastupdate":
		return row.Field("last_update")
	case "category1", "category2", "category3", "category4":
		return row.Field("category_" + strings.TrimPrefix(key, "category"))
	case "categoryid_1", "categoryid_2", "categoryid_3", "categoryid_4":
		return t.categoryID(tx, int(key[len(key)-1]-'0'), text(row.Field("category_"+key[len(key)-1:])))
	case "excludefromslas":
		return row.Field("excludefromsla")
	case "targetdate":
		if v := row.Field(key); v != nil {
			return v
		}
		return emptyDate // what nearly all tickets have
	case "datecreated":
		return nil // always null on tickets; see dateoccurred
	case "itil_requesttype_id":
		if r, ok := t.row(tx, "/TicketType", integer(row.Field("tickettype_id"))); ok {
			return r.Field("itilrequesttype")
		}
		return nil
	case "priority", "user", "tickettype":
		return t.embedded(tx, row, key)
	case "attachments", "extra_actions":
		return []any{}
	case "use":
		return "ticket"
	}
	return row.Field(key)
}

// embedded makes the objects inside a single ticket that the vendor's document
// does not declare.
func (t *Tenant) embedded(tx *simulator.Tx, row simulator.Row, key string) any {
	switch key {
	case "priority":
		p, ok := t.priority(tx, integer(row.Field("sla_id")), integer(row.Field("priority_id")))
		if !ok {
			return nil
		}
		return Row{"id": t.guid(t.api.byPath["/priority"], p), "slaid": p.Field("slaid"), "priorityid": p.Field("priorityid"), "name": p.Field("name")}
	case "user":
		id := integer(row.Field("user_id"))
		if n := t.name(tx, "/Users", id); n != nil {
			return Row{"id": id, "name": n}
		}
	case "tickettype":
		id := integer(row.Field("tickettype_id"))
		if n := t.name(tx, "/TicketType", id); n != nil {
			return Row{"id": id, "name": n}
		}
	}
	return nil
}

// priority finds a priority by its natural key.
func (t *Tenant) priority(tx *simulator.Tx, sla, id int) (simulator.Row, bool) {
	for p := range tx.Table("/Priority").All(-1) {
		if integer(p.Field("slaid")) == sla && integer(p.Field("priorityid")) == id {
			return p, true
		}
	}
	return simulator.Row{}, false
}

// teamID finds a team by name, in a department if names repeat. nil if there
// is none.
func (t *Tenant) teamID(tx *simulator.Tx, name string, department int) any {
	var found any
	for r := range tx.Table("/Team").All(-1) {
		if text(r.Field("name")) != name {
			continue
		}
		if integer(r.Field("department_id")) == department {
			return r.ID
		}
		if found == nil {
			found = r.ID
		}
	}
	return found
}

// categoryID finds a category by its full path. nil if there is none.
func (t *Tenant) categoryID(tx *simulator.Tx, typ int, value string) any {
	if value == "" {
		return nil
	}
	for r := range tx.Table("/Category").All(-1) {
		if integer(r.Field("type_id")) == typ && text(r.Field("value")) == value {
			return r.ID
		}
	}
	return nil
}

func (t *Tenant) viewAction(tx *simulator.Tx, row simulator.Row, key string) any {
	switch key {
	case "outcome":
		if n := t.name(tx, "/Outcome", row.Field("outcome_id")); n != nil {
			return n
		}
	case "new_status_name":
		if id := integer(row.Field("new_status")); id > 0 {
			return t.name(tx, "/Status", id)
		}
		return nil
	case "who":
		if id := integer(row.Field("who_agentid")); id > 0 {
			if n := t.name(tx, "/Agent", id); n != nil {
				return n
			}
		}
	case "attachment_count":
		return 0
	}
	return row.Field(key)
}

func (t *Tenant) viewClient(tx *simulator.Tx, row simulator.Row, key string) any {
	switch key {
	case "toplevel_name":
		return t.name(tx, "/TopLevel", row.Field("toplevel_id"))
	case "main_site_name":
		return t.name(tx, "/Site", row.Field("main_site_id"))
	case "accountmanagertech_name":
		return t.name(tx, "/Agent", row.Field("accountmanagertech"))
	case "customer_relationship":
		out := []any{}
		for _, r := range objects(row.Field(key)) {
			id := integer(r["id"])
			out = append(out, Row{"id": r["id"], "name": t.lookupName(tx, t.lookupType(tx, lookupRelationship), id)})
		}
		return out
	case "use":
		return "client"
	}
	return row.Field(key)
}

func (t *Tenant) viewSite(tx *simulator.Tx, row simulator.Row, key string) any {
	switch key {
	case "client_name":
		return t.name(tx, "/Client", row.Field("client_id"))
	case "clientsite_name":
		return text(t.name(tx, "/Client", row.Field("client_id"))) + "/" + text(row.Field("name"))
	case "maincontact_name":
		return t.name(tx, "/Users", row.Field("maincontact_id"))
	case "use":
		return "site"
	}
	if n, ok := strings.CutPrefix(key, "delivery_address_line"); ok {
		a, _ := row.Field("delivery_address").(map[string]any)
		if n == "5" {
			return a["postcode"]
		}
		return a["line"+n]
	}
	return row.Field(key)
}

func (t *Tenant) viewUser(tx *simulator.Tx, row simulator.Row, key string) any {
	site := func(k string) any {
		if s, ok := t.row(tx, "/Site", integer(row.Field("site_id"))); ok {
			return s.Field(k)
		}
		return nil
	}
	switch key {
	case "site_id_int":
		return row.Field("site_id")
	case "site_name":
		return site("name")
	case "client_id":
		if id := site("client_id"); id != nil {
			return id
		}
	case "client_name":
		return t.name(tx, "/Client", site("client_id"))
	case "linked_agent_id":
		return integer(row.Field(key))
	case "use":
		return "user"
	}
	return row.Field(key)
}
