package halopsatest

import (
	"cmp"

	"github.com/psasync/psasync/internal/simulator"
)

// client checks a client. A new one gets its first site, and with
// newclient_contactname its first user.
func (w *writer) client() *apiError {
	t := w.c.t
	if blank(w.row["name"]) {
		return refused(w.key("name"), "Please enter a Name")
	}
	if top := integer(w.row["toplevel_id"]); top != 0 || w.creating() {
		if r, ok := t.row(w.tx, "/TopLevel", top); !ok || r.Field("agent_department") == true {
			return refused(w.key("toplevel_id"), "Please select a valid Top Level")
		}
	}
	if m := integer(w.in["main_site_id"]); m > 0 {
		if s, ok := t.row(w.tx, "/Site", m); !ok || integer(s.Field("client_id")) != w.id {
			return refused(w.key("main_site_id"), "Please select a valid Site")
		}
	}
	if !w.creating() {
		return nil
	}
	w.row["datecreated"] = w.now()
	if w.row["inactive"] == nil {
		w.row["inactive"] = false
	}
	w.after = append(w.after, func() {
		site := w.addSite(w.id, cmp.Or(text(w.in["newclient_sitename"]), "Main"), Row{
			"phonenumber": text(w.in["newclient_phonenumber"]), "timezone": text(w.in["newclient_timezone"]),
		})
		row := simulator.CloneObject(w.row)
		row["main_site_id"] = site
		t.keep(w.tx, w.e, w.id, row)
		if name := text(w.in["newclient_contactname"]); name != "" {
			w.add("/Users", Row{
				"name": name, "emailaddress": text(w.in["newclient_contactemail"]), "site_id": site, "client_id": w.id, "inactive": false, "ulastupdate": w.now(),
			})
		}
	})
	return nil
}

// add stores a row that comes with another one.
func (w *writer) add(path string, row Row) int {
	t := w.c.t
	e := t.api.byPath[lower(path)]
	id := t.nextID(w.tx, e, 0)
	t.keep(w.tx, e, id, row)
	return id
}

// addSite stores a site and its General User.
func (w *writer) addSite(client int, name string, more Row) int {
	row := Row{"name": name, "client_id": client, "inactive": false, "sla_id": -1, "slastupdate": w.now()}
	for k, v := range more {
		row[k] = v
	}
	id := w.add("/Site", row)
	w.addGeneralUser(id, client)
	return id
}

func (w *writer) addGeneralUser(site, client int) {
	w.add("/Users", Row{
		"name": "General User", "firstname": "General", "surname": "User", "emailaddress": "", "site_id": site, "client_id": client, "inactive": false, "ulastupdate": w.now(), "$general": true,
	})
}

// site checks a site; a new one gets its General User.
func (w *writer) site() *apiError {
	t := w.c.t
	if blank(w.row["name"]) {
		return refused(w.key("name"), "Please enter a Site Name")
	}
	client := integer(w.row["client_id"])
	if _, ok := t.row(w.tx, "/Client", client); !ok {
		return refused(w.key("client_id"), "Please select a Customer")
	}
	if w.creating() {
		if w.row["inactive"] == nil {
			w.row["inactive"] = false
		}
		w.after = append(w.after, func() { w.addGeneralUser(w.id, client) })
	}
	return nil
}

// user checks a user: a name and a site, one message at a time.
func (w *writer) user() *apiError {
	t := w.c.t
	if blank(w.row["name"]) {
		return refusedText("Username must be entered")
	}
	site := integer(w.row["site_id"])
	s, ok := t.row(w.tx, "/Site", site)
	if !ok {
		return refusedText("A Site must be selected")
	}
	client := integer(s.Field("client_id"))
	if c := integer(w.in["client_id"]); c > 0 && c != client {
		return refused(w.key("site_id"), "The Site does not belong to the Customer")
	}
	w.row["client_id"] = client
	if w.creating() && w.row["inactive"] == nil {
		w.row["inactive"] = false
	}
	return nil
}
