package halopsatest

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Virtual users and tickets are made when they are read.

const (
	firstUser   = 100_001
	firstTicket = 4321
)

// isVirtual is a key that only virtual rows have.
const isVirtual = "$virtual"

// goneActions is the table of actions that were deleted.
const goneActions = "$gone/Actions"

// virtual backs users and tickets by generators.
func (g *gen) virtual() {
	m := &maker{rows: g.size, clients: g.made["/Client"], staff: g.staff, first: simulator.FirstNames(), last: simulator.LastNames(), summaries: simulator.Summaries()}
	for _, c := range m.clients {
		m.sites = append(m.sites, g.sites[c][0])
	}
	for _, id := range g.made["/Team"] {
		r := g.Get("/Team", id)
		m.teams = append(m.teams, team{text(r["name"]), integer(r["department_id"])})
	}
	for _, id := range g.made["/TicketType"] {
		m.types = append(m.types, id)
		m.info = append(m.info, g.typeN[id])
	}
	for _, id := range g.made["/Category"] {
		if r := g.Get("/Category", id); integer(r["type_id"]) == 1 {
			m.categories = append(m.categories, text(r["value"]))
		}
	}
	g.virtualMaker = m
	// The closure never fails.
	_ = g.change(func(tx *simulator.Tx) error {
		tx.Table("/Users").SetVirtual(&simulator.Virtual{First: firstUser, N: g.virtualUsers, JSON: encoded(m.user), Field: m.userField})
		tx.Table("/Tickets").SetVirtual(&simulator.Virtual{First: firstTicket, N: g.virtualTickets, JSON: encoded(m.ticket), Field: m.ticketField})
		return nil
	})
}

type team struct {
	name       string
	department int
}

// maker makes rows as they are stored.
type maker struct {
	rows                         size
	clients, sites, staff, types []int
	info                         []typeInfo
	teams                        []team
	categories                   []string
	first, last, summaries       []string
}

// virtualTime spreads stamps over two years before [epoch].
func virtualTime(i int) time.Time { return agoAt(i*7919%(700*24*3600), i%8) }

func (m *maker) userName(i int) (first, last string) {
	return m.first[i%len(m.first)], m.last[i/len(m.first)%len(m.last)]
}

func (m *maker) userField(i int, key string) (any, bool) {
	first, last := m.userName(i)
	switch key {
	case "name":
		return first + " " + last, true
	case "emailaddress":
		return m.mail(i), true
	case "inactive":
		return i%20 == 19, true
	case "site_id":
		return m.sites[i%len(m.sites)], true
	case "client_id":
		return m.clients[i%len(m.clients)], true
	case "linked_agent_id":
		return 0, true
	case "ulastupdate":
		return stamp(virtualTime(i)), true
	case isVirtual:
		return true, true
	case "$general", "deleted", "customfields", "guid":
		return nil, true
	}
	return nil, false
}

func (m *maker) mail(i int) string {
	first, last := m.userName(i)
	return fmt.Sprintf("%s.%s%d@client%d.example", lower(first), lower(last), i, m.clients[i%len(m.clients)])
}

// user makes user i as it is stored.
func (m *maker) user(i int) Row {
	first, last := m.userName(i)
	k := i % len(m.clients)
	return Row{
		"name": first + " " + last, "firstname": first, "surname": last, "initials": first[:1] + last[:1], "title": "", "emailaddress": m.mail(i),
		"phonenumber": fmt.Sprintf("0113 %07d", i), "phonenumber_preferred": fmt.Sprintf("0113 %07d", i), "mobilenumber": fmt.Sprintf("07700 %06d", i), "site_id": m.sites[k], "client_id": m.clients[k],
		"login": "", "inactive": i%20 == 19, "isimportantcontact": i%8 == 0, "isserviceaccount": false, "neversendemails": false, "linked_agent_id": 0, "notes": "", "ulastupdate": stamp(virtualTime(i)),
	}
}

// parts picks what ticket i is made of. Four of five are closed.
func (m *maker) parts(i int) (typ, status int, closed bool, user int) {
	k := i % len(m.types)
	n := i / len(m.types)
	if closed = n%5 != 0; closed {
		status = m.info[k].closed[n%len(m.info[k].closed)]
	} else {
		status = m.info[k].open[n/5%len(m.info[k].open)]
	}
	return m.types[k], status, closed, i * 7 % max(m.rows.virtualUsers, 1)
}

func (m *maker) ticketField(i int, key string) (any, bool) {
	typ, status, closed, user := m.parts(i)
	switch key {
	case "summary":
		return m.summary(i), true
	case "status_id":
		return status, true
	case "tickettype_id":
		return typ, true
	case "hasbeenclosed":
		if closed {
			return true, true
		}
		return nil, true
	case "client_id":
		return m.clients[user%len(m.clients)], true
	case "site_id":
		return m.sites[user%len(m.sites)], true
	case "user_id":
		return firstUser + user, true
	case "agent_id":
		return m.staff[i%len(m.staff)], true
	case "team":
		return m.teams[i%len(m.teams)].name, true
	case "priority_id":
		return 1 + i%m.rows.priorities, true
	case "sla_id":
		return 1 + i%m.rows.slas, true
	case "last_update", "lastactiondate":
		return stamp(virtualTime(i)), true
	case "dateoccurred":
		return stamp(m.opened(i)), true
	case isVirtual:
		return true, true
	case "deleted", "customfields", "guid", "merged_into_id":
		return nil, true
	case "parent_id":
		return 0, true
	}
	return nil, false
}

func (m *maker) opened(i int) time.Time { return virtualTime(i).Add(-3 * time.Hour) }

func (m *maker) summary(i int) string {
	return fmt.Sprintf("%s #%d", m.summaries[i%len(m.summaries)], firstTicket+i)
}

// ticket makes ticket i as it is stored.
func (m *maker) ticket(i int) Row {
	typ, status, closed, user := m.parts(i)
	opened, at := m.opened(i), stamp(virtualTime(i))
	t := m.teams[i%len(m.teams)]
	row := Row{
		"dateoccurred": stamp(opened), "summary": m.summary(i), "details": "It started this morning.", "details_html": "<p>It started this morning.</p>", "status_id": status, "tickettype_id": typ,
		"sla_id": 1 + i%m.rows.slas, "priority_id": 1 + i%m.rows.priorities, "client_id": m.clients[user%len(m.clients)], "site_id": m.sites[user%len(m.sites)], "user_id": firstUser + user,
		"team": t.name, "department_id": t.department, "agent_id": m.staff[i%len(m.staff)], "category_1": m.categories[i%len(m.categories)], "estimate": 0.0, "onhold": false,
		"respondbydate": stamp(opened.Add(2 * time.Hour)), "fixbydate": stamp(opened.Add(24 * time.Hour)), "deadlinedate": emptyDate, "lastactiondate": at, "last_update": at,
		"excludefromsla": false, "slaholdtime": 0.0, "flagged": false, "read": true, "inactive": false, "impact": 1 + i%3, "urgency": 1 + i%3, "source": i % 6, "parent_id": 0, "child_count": 0,
		"workflow_id": 0, "workflow_step": 0, "changeseq": 1,
	}
	if closed {
		row["dateclosed"], row["hasbeenclosed"] = at, true
	}
	return row
}

// encoded makes rows as JSON.
func encoded(row func(int) Row) func(int) []byte {
	return func(i int) []byte {
		raw, err := json.Marshal(row(i))
		if err != nil {
			panic(fmt.Sprintf("halopsatest: virtual row %d: %v", i, err)) // rows hold JSON values only
		}
		return raw
	}
}

// made returns a virtual row with all its fields, without a detour through
// JSON.
func (t *Tenant) made(e *endpoint, row simulator.Row) simulator.Row {
	switch e.entity {
	case "User":
		return simulator.NewRow(row.ID, t.virtualMaker.user(row.ID-firstUser))
	case "Ticket":
		return simulator.NewRow(row.ID, t.virtualMaker.ticket(row.ID-firstTicket))
	}
	return row
}

// virtualActions yields the actions of a ticket that is made when it is read:
// the opening text and, for every third, a time entry. They are in lists of
// their ticket only.
func (t *Tenant) virtualActions(tx *simulator.Tx, ticket int) iter.Seq[simulator.Row] {
	return func(yield func(simulator.Row) bool) {
		v := t.virtualMaker
		if i := ticket - firstTicket; v == nil || i < 0 || i >= v.rows.virtualTickets {
			return
		}
		gone := tx.Table(goneActions)
		i := ticket - firstTicket
		opened := stamp(v.opened(i))
		for n, row := range []Row{
			{
				"ticket_id": ticket, "outcome_id": outcomeOpened, "who_type": whoUser, "who_agentid": 0, "who": "Client", "datetime": opened, "actiondatecreated": opened, "last_updated": opened,
				"note": "It started this morning.", "note_html": "<p>It started this morning.</p>", "hiddenfromuser": false, "timetaken": 0.0,
			},
			plant("Action", Row{
				"ticket_id": ticket, "outcome_id": 8, "who_type": whoAgent, "who_agentid": v.staff[i%len(v.staff)], "datetime": stamp(virtualTime(i)), "actiondatecreated": stamp(virtualTime(i)), "last_updated": stamp(virtualTime(i)),
				"note": "Replaced the part.", "note_html": "<p>Replaced the part.</p>", "hiddenfromuser": true, "timetaken": 0.25, "chargerate": 1, "actionarrivaldate": opened, "actioncompletiondate": stamp(virtualTime(i)),
			}),
		} {
			if n == 1 && i%3 != 0 {
				return
			}
			id := ticket*perParent + n + 1
			if _, ok := gone.Get(id); !ok && !yield(simulator.NewRow(id, row)) {
				return
			}
		}
	}
}
