package halopsatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// filter compiles the parameters that choose rows.
func (c *call) filter(tx *simulator.Tx, e *endpoint) func(simulator.Row) bool {
	var tests []func(simulator.Row) bool
	add := func(f func(simulator.Row) bool) { tests = append(tests, f) }
	for _, param := range slices.Sorted(maps.Keys(e.ints)) {
		if want, ok := c.q.ints(param); ok {
			key := e.ints[param]
			add(func(r simulator.Row) bool {
				return slices.ContainsFunc(c.t.keyInts(tx, e, r, key), func(n int) bool { return want[n] })
			})
		}
	}
	for param, key := range e.texts {
		if want := c.q[param]; want != "" {
			add(func(r simulator.Row) bool { return strings.EqualFold(text(c.t.view(tx, e, r, key, shape{})), want) })
		}
	}
	for _, param := range []string{"search", "search_name_only", "search_summary"} {
		if want := strings.ToLower(c.q[param]); want != "" {
			add(func(r simulator.Row) bool { return strings.Contains(strings.ToLower(c.searched(e, r, param)), want) })
		}
	}
	if e.updated != "" {
		c.since(e, add)
	}
	for _, s := range c.search(e) {
		add(func(r simulator.Row) bool {
			v := c.t.view(tx, e, r, s.key, shape{single: true})
			return v != nil && strings.EqualFold(fmt.Sprint(v), s.value)
		})
	}
	switch e.entity {
	case "Ticket":
		c.filterTickets(tx, add)
	case "Action":
		c.filterActions(tx, add)
	case "User":
		c.filterUsers(add)
	}
	c.filterActive(tx, e, add)
	return func(r simulator.Row) bool {
		for _, f := range tests {
			if !f(r) {
				return false
			}
		}
		return true
	}
}

// searched is the text that a search parameter looks at.
func (c *call) searched(e *endpoint, r simulator.Row, param string) string {
	s := text(r.Field(e.label))
	if e.entity == "User" && param == "search" {
		s += "\n" + text(r.Field("emailaddress"))
	}
	return s
}

// keyInts returns the numbers of a row that an id filter compares.
func (t *Tenant) keyInts(tx *simulator.Tx, e *endpoint, r simulator.Row, key string) []int {
	switch key {
	case "id":
		return []int{r.ID}
	case "$toplevel":
		client := r.Field("client_id")
		if e.entity == "User" {
			client = t.viewUser(tx, r, "client_id")
		}
		if row, ok := t.row(tx, "/Client", integer(client)); ok {
			return []int{integer(row.Field("toplevel_id"))}
		}
		return nil
	case "$teams", "$departments":
		var out []int
		for _, m := range objects(r.Field("teams")) {
			team, ok := t.row(tx, "/Team", integer(m["team_id"]))
			if ok && key == "$departments" {
				out = append(out, integer(team.Field("department_id")))
			} else if ok {
				out = append(out, team.ID)
			}
		}
		return out
	}
	if v := r.Quick(key); v != nil {
		return []int{integer(v)}
	}
	return []int{integer(t.view(tx, e, r, key, shape{}))}
}

// since compiles lastupdatefromdate and lastupdatetodate.
func (c *call) since(e *endpoint, add func(func(simulator.Row) bool)) {
	if from, ok := parseTime(c.q["lastupdatefromdate"]); ok {
		add(func(r simulator.Row) bool {
			at := when(r.Field(e.updated))
			return at.After(from) || at.Equal(from) && !c.s.opts.SinceExclusive
		})
	}
	if to, ok := parseTime(c.q["lastupdatetodate"]); ok {
		add(func(r simulator.Row) bool { return !when(r.Field(e.updated)).After(to) })
	}
}

// between compiles startdate and enddate.
func (c *call) between(at func(simulator.Row) time.Time, from, to string, add func(func(simulator.Row) bool)) {
	if t, ok := parseTime(c.q[from]); ok {
		add(func(r simulator.Row) bool { return !at(r).Before(t) })
	}
	if t, ok := parseTime(c.q[to]); ok {
		add(func(r simulator.Row) bool { return !at(r).After(t) })
	}
}

func (c *call) filterTickets(tx *simulator.Tx, add func(func(simulator.Row) bool)) {
	deleted := c.q.flag("deleted")
	add(func(r simulator.Row) bool { return (r.Field("deleted") == true) == deleted })
	closed := func(r simulator.Row) bool { return r.Field("hasbeenclosed") == true }
	if c.q.flag("open_only") {
		add(func(r simulator.Row) bool { return !closed(r) })
	}
	if c.q.flag("closed_only") {
		add(closed)
	}
	// The vendor's text spells the first one with one r.
	if key := map[string]string{"dateoccured": "dateoccurred", "datecleared": "dateclosed"}[strings.ToLower(c.q["datesearch"])]; key != "" {
		add(func(r simulator.Row) bool { return r.Field(key) != nil })
		c.between(func(r simulator.Row) time.Time { return when(r.Field(key)) }, "startdate", "enddate", add)
	}
	// Areas: everything but projects and opportunities, or one of them.
	if want := strings.ToLower(c.q["domain"]); want == "reqs" || want == "opps" || want == "prjs" {
		use := map[string]string{"tickettype": "reqs", "projecttype": "prjs", "opptype": "opps"}
		add(func(r simulator.Row) bool {
			typ, ok := c.t.row(tx, "/TicketType", integer(r.Field("tickettype_id")))
			return ok && use[text(typ.Field("$use"))] == want || !ok && want == "reqs"
		})
	}
}

func (c *call) filterActions(tx *simulator.Tx, add func(func(simulator.Row) bool)) {
	hasTime := func(r simulator.Row) bool {
		return number(r.Field("timetaken")) != 0 || number(r.Field("nonbilltime")) != 0 || number(r.Field("traveltime")) != 0
	}
	if c.q.flag("timeentriesonly") {
		add(hasTime)
	}
	if c.q.flag("excludesys") {
		add(func(r simulator.Row) bool {
			o, ok := c.t.row(tx, "/Outcome", integer(r.Field("outcome_id")))
			return ok && integer(o.Field("systemid")) == 0
		})
	}
	if c.q.flag("excludeprivate") {
		add(func(r simulator.Row) bool { return r.Field("hiddenfromuser") != true })
	}
	if c.q.flag("agentonly") {
		add(func(r simulator.Row) bool { return integer(r.Field("who_type")) == whoAgent })
	}
	if c.q.flag("importantonly") {
		add(func(r simulator.Row) bool { return r.Field("important") == true })
	}
	if c.q.flag("conversationonly") {
		add(func(r simulator.Row) bool {
			return r.Field("hiddenfromuser") != true && r.Field("emaildirection") != nil
		})
	}
	if n, ok := c.q.int("actoutcomenum"); ok {
		add(func(r simulator.Row) bool { return integer(r.Field("outcome_id")) == n })
	}
	c.between(func(r simulator.Row) time.Time { return when(r.Field("datetime")) }, "startdate", "enddate", add)
	// Actions of deleted and hidden tickets are gone with them.
	add(func(r simulator.Row) bool {
		t, ok := c.t.row(tx, "/Tickets", r.ID/perParent)
		return ok && t.Field("deleted") != true && !c.s.core.Rights.Hidden("/Tickets", t.ID)
	})
}

// who_type of an action.
const (
	whoUser  = 0
	whoAgent = 1
)

func (c *call) filterUsers(add func(func(simulator.Row) bool)) {
	if c.q.flag("exclude_generaluser") || c.q.flag("exclude_defaultsiteusers") {
		add(func(r simulator.Row) bool { return r.Quick("$general") != true })
	}
	if c.q.flag("exclude_agents") {
		add(func(r simulator.Row) bool { return integer(r.Field("linked_agent_id")) == 0 })
	}
}

// filterActive compiles the switches about rows that are not in use; they have
// other names in every collection.
func (c *call) filterActive(tx *simulator.Tx, e *endpoint, add func(func(simulator.Row) bool)) {
	unless := func(key string, hidden any) {
		add(func(r simulator.Row) bool { return r.Field(key) != hidden })
	}
	pair := func(on, off, key string) {
		active, inactive := c.q.tristate(on, !c.q.flag(off)), c.q.flag(off)
		if a, b, ok := strings.Cut(strings.ToLower(c.q["activeinactive"]), ","); ok {
			active, inactive = strings.TrimSpace(a) == "true", strings.TrimSpace(b) == "true"
		}
		add(func(r simulator.Row) bool {
			if r.Field(key) == true {
				return inactive
			}
			return active
		})
	}
	switch e.entity {
	case "Client", "Site", "User":
		pair("includeactive", "includeinactive", "inactive")
	case "Team":
		if !c.q.flag("showall") {
			pair("includeenabled", "includedisabled", "inactive")
		}
	case "Agent":
		pair("includeenabled", "includedisabled", "isdisabled")
		if !c.q.tristate("includeunassigned", true) {
			add(func(r simulator.Row) bool { return r.ID != unassignedAgent })
		}
		if !c.q.flag("includeapiagents") && !c.q.flag("showall") {
			unless("isapiagent", true)
		}
	case "TicketType":
		if !c.q.flag("showinactive") {
			unless("visible", false)
		}
	case "Status":
		if c.q.flag("excludeclosed") {
			unless("$closed", true)
		}
		if n, ok := c.q.int("tickettype_id"); ok && n > 0 {
			if typ, ok := c.t.row(tx, "/TicketType", n); ok {
				add(func(r simulator.Row) bool { return integer(r.Field("type")) == 0 && c.t.allows(typ, r.ID) })
			}
		}
	case "Outcome":
		if !c.q.flag("showhidden") {
			unless("hidden", true)
		}
		if c.q.flag("excludesystemactions") {
			add(func(r simulator.Row) bool { return integer(r.Field("systemid")) == 0 })
		}
	case "Workflow":
		if !c.q.flag("includeinactive") {
			unless("active", false)
		}
	case "Template":
		if !c.q.flag("showall") {
			unless("disabled", true)
		}
	case "Lookup":
		if !c.q.flag("showallcodes") {
			unless("inactive", true)
		}
		if c.q.flag("exclude_zero") {
			add(func(r simulator.Row) bool { return r.ID%perParent != 0 })
		}
	case "TopLevel":
		if c.q.flag("agent_departments_only") {
			add(func(r simulator.Row) bool { return r.Field("agent_department") == true })
		}
	}
}
