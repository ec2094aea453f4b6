package connectwisetest

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Virtual contacts and tickets are assembled from fragments when they are read.

const (
	firstContact = 31045
	firstTicket  = 48213
)

// virtual backs contacts and tickets by generators.
func (g *gen) virtual() {
	// The closure never fails.
	_ = g.store.Change(func(tx *simulator.Tx) error {
		contacts := g.contactMaker(tx)
		tickets := g.ticketMaker(tx, contacts)
		tx.Table("contacts").SetVirtual(&simulator.Virtual{First: firstContact, N: g.virtualContacts, JSON: contacts.json, Field: contacts.field})
		tx.Table("tickets").SetVirtual(&simulator.Virtual{First: firstTicket, N: g.virtualTickets, JSON: tickets.json, Field: tickets.field})
		return nil
	})
}

// fragment is a reference as it appears in answers, and its id.
type fragment struct {
	id   int
	json []byte
}

// fragments encodes references once.
func (g *gen) fragments(tx *simulator.Tx, typ string, ids []int) []fragment {
	out := make([]fragment, len(ids))
	for i, id := range ids {
		var buf bytes.Buffer
		(&encoder{api: g.api, t: g.Tenant, tx: tx, buf: &buf}).single(typ, ref(id), nil)
		out[i] = fragment{id, buf.Bytes()}
	}
	return out
}

// customFragment encodes the custom fields of a kind of record, without values.
func (g *gen) customFragment(tx *simulator.Tx, table string) []byte {
	var buf bytes.Buffer
	f := &field{typ: "CustomFieldValue", array: true}
	(&encoder{api: g.api, t: g.Tenant, tx: tx, buf: &buf}).value(f, g.customFields(tx, table, nil), nil)
	return buf.Bytes()
}

// virtualStamp spreads the rows' lastUpdated over two years before [epoch].
func virtualStamp(i int) string {
	return stamp(epoch().Add(-time.Duration(i*7919%(700*24*3600)) * time.Second))
}

type contactMaker struct {
	companies, sites, relationships []fragment
	first, last                     []string
	email, phone                    []byte // the type of a communication item
	custom                          []byte
	password                        string
}

func (g *gen) contactMaker(tx *simulator.Tx) *contactMaker {
	m := &contactMaker{
		companies:     g.fragments(tx, "CompanyReference", g.made["/company/companies"]),
		relationships: g.fragments(tx, "RelationshipReference", g.made["/company/contacts/relationships"]),
		email:         g.fragments(tx, "CommunicationTypeReference", []int{13})[0].json,
		phone:         g.fragments(tx, "CommunicationTypeReference", []int{2})[0].json,
		custom:        g.customFragment(tx, "contacts"),
		first:         simulator.FirstNames(), last: simulator.LastNames(),
		password: fmt.Sprint(plant("Contact", Row{})["portalPassword"]),
	}
	for _, c := range m.companies {
		m.sites = append(m.sites, g.fragments(tx, "SiteReference", []int{28 + (c.id-ownCompany)*2})[0])
	}
	return m
}

func (m *contactMaker) names(i int) (first, last string) {
	return m.first[i%len(m.first)], m.last[i/len(m.first)%len(m.last)]
}

func (m *contactMaker) field(i int, key string) (any, bool) {
	first, last := m.names(i)
	k := i % len(m.companies)
	switch key {
	case "firstName":
		return first, true
	case "lastName":
		return last, true
	case "company":
		return ref(m.companies[k].id), true
	case "site":
		return ref(m.sites[k].id), true
	case "inactiveFlag":
		return i%20 == 19, true
	case "_info":
		return Row{"lastUpdated": virtualStamp(i), "updatedBy": person}, true
	case "defaultPhoneNbr":
		return phoneNumber(i), true
	case "department", "managerContact", "assistantContact", "country", "photo", "name", "identifier":
		return nil, true
	}
	return nil, false
}

func phoneNumber(i int) string { return fmt.Sprintf("07%09d", i) }

func (m *contactMaker) json(i int) []byte {
	first, last := m.names(i)
	k := i % len(m.companies)
	id := firstContact + i
	b := make([]byte, 0, 4096)
	b = fmt.Appendf(b, `{"id":%d,"firstName":%q,"lastName":%q,"company":%s,"site":%s,"relationship":%s,"inactiveFlag":%t,`,
		id, first, last, m.companies[k].json, m.sites[k].json, m.relationships[i%len(m.relationships)].json, i%20 == 19)
	b = fmt.Appendf(b, `"title":"Operations Manager","marriedFlag":false,"childrenFlag":false,"portalPassword":%q,"portalSecurityLevel":6,"disablePortalLoginFlag":true,"unsubscribeFlag":false,`, m.password)
	b = fmt.Appendf(b, `"mobileGuid":"%08x-0000-4000-8000-%012x","defaultPhoneType":"Direct","defaultPhoneNbr":%q,"defaultPhoneExtension":"%d","defaultBillingFlag":false,"defaultFlag":%t,`,
		id, id, phoneNumber(i), 400+i%100, i < len(m.companies))
	b = fmt.Appendf(b, `"companyLocation":{"id":2,"name":"Leeds Office","_info":{"location_href":"%s/system/locations/2"}},`, hrefBase)
	b = fmt.Appendf(b, `"communicationItems":[{"id":%d,"type":%s,"value":"%s.%s%d@%d.example","defaultFlag":true,"domain":"@%d.example","communicationType":"Email"},`,
		99820+2*i, m.email, lower(first), lower(last), i, m.companies[k].id, m.companies[k].id)
	b = fmt.Appendf(b, `{"id":%d,"type":%s,"value":%q,"extension":"%d","defaultFlag":true,"communicationType":"Phone"}],`, 99821+2*i, m.phone, phoneNumber(i), 400+i%100)
	b = fmt.Appendf(b, `"types":[],"customFields":%s,`, m.custom)
	b = fmt.Appendf(b, `"_info":{"communications_href":"%s/company/contacts/%d/communications","lastUpdated":%q,"updatedBy":%q}}`, hrefBase, id, virtualStamp(i), person)
	return b
}

// boardMaker is the fragments of one board.
type boardMaker struct {
	board, team, owner, location, department fragment
	open, closed, types                      []fragment
	login, kind                              string
}

type ticketMaker struct {
	contacts             *contactMaker
	boards               []boardMaker
	priorities, sources  []fragment
	sla, serviceLocation fragment
	custom               []byte
	summaries            []string
	money                Row
	contactCount         int
}

func (g *gen) ticketMaker(tx *simulator.Tx, contacts *contactMaker) *ticketMaker {
	m := &ticketMaker{
		contacts: contacts, priorities: g.fragments(tx, "PriorityReference", g.made["/service/priorities"]),
		sources: g.fragments(tx, "ServiceSourceReference", g.made["/service/sources"]), sla: g.fragments(tx, "SLAReference", []int{3})[0],
		serviceLocation: g.fragments(tx, "ServiceLocationReference", []int{2})[0], custom: g.customFragment(tx, "tickets"),
		summaries: simulator.Summaries(), money: plant("Ticket", Row{}), contactCount: max(g.virtualContacts, 1),
	}
	for _, id := range g.made["/service/boards"] {
		p := g.boardN[id]
		leader, _ := tx.Table("members").Get(p.leader)
		kind := "ServiceTicket"
		if p.project {
			kind = "ProjectTicket"
		}
		one := func(typ string, id int) fragment { return g.fragments(tx, typ, []int{id})[0] }
		m.boards = append(m.boards, boardMaker{
			board: one("BoardReference", id), team: one("ServiceTeamReference", p.teams[0]), owner: one("MemberReference", p.leader),
			location: one("SystemLocationReference", p.location), department: one("SystemDepartmentReference", p.department),
			open: g.fragments(tx, "ServiceStatusReference", p.open), closed: g.fragments(tx, "ServiceStatusReference", p.closed),
			types: g.fragments(tx, "ServiceTypeReference", p.types), login: text(leader.Field("identifier")), kind: kind,
		})
	}
	return m
}

// parts picks what ticket i is made of. Four of five are closed.
func (m *ticketMaker) parts(i int) (b *boardMaker, status fragment, closed bool, contact int) {
	b = &m.boards[i%len(m.boards)]
	n := i / len(m.boards)
	if closed = n%5 != 0; closed {
		status = b.closed[n%len(b.closed)]
	} else {
		status = b.open[n/5%len(b.open)]
	}
	return b, status, closed, i * 7 % m.contactCount
}

func (m *ticketMaker) field(i int, key string) (any, bool) {
	b, status, closed, contact := m.parts(i)
	company := contact % len(m.contacts.companies)
	switch key {
	case "board":
		return ref(b.board.id), true
	case "status":
		return ref(status.id), true
	case "closedFlag":
		return closed, true
	case "recordType":
		return b.kind, true
	case "summary":
		return m.summary(i), true
	case "company":
		return ref(m.contacts.companies[company].id), true
	case "site":
		return ref(m.contacts.sites[company].id), true
	case "contact":
		return ref(firstContact + contact), true
	case "type":
		return ref(b.types[i%len(b.types)].id), true
	case "team":
		return ref(b.team.id), true
	case "owner":
		return ref(b.owner.id), true
	case "priority":
		return ref(m.priorities[i%len(m.priorities)].id), true
	case "source":
		return ref(m.sources[i%len(m.sources)].id), true
	case "serviceLocation":
		return ref(m.serviceLocation.id), true
	case "location":
		return ref(b.location.id), true
	case "department":
		return ref(b.department.id), true
	case "sla":
		return ref(m.sla.id), true
	case "_info":
		return Row{"lastUpdated": virtualStamp(i), "updatedBy": b.login, "dateEntered": virtualStamp(i), "enteredBy": b.login}, true
	case "subType", "item", "workType", "workRole", "mergedParentTicket", "parentTicketId", "externalXRef", "name", "description", "identifier":
		return nil, true
	}
	return nil, false
}

func (m *ticketMaker) summary(i int) string {
	return m.summaries[i%len(m.summaries)] + " #" + strconv.Itoa(firstTicket+i)
}

func (m *ticketMaker) json(i int) []byte {
	b, status, closed, contact := m.parts(i)
	company := contact % len(m.contacts.companies)
	first, last := m.contacts.names(contact)
	id, at := firstTicket+i, virtualStamp(i)
	out := make([]byte, 0, 8192)
	out = fmt.Appendf(out, `{"id":%d,"summary":%q,"recordType":%q,"board":%s,"status":%s,"company":%s,"site":%s,"siteName":"Main","addressLine1":"%d Park Row","city":"Leeds","stateIdentifier":"WYK","zip":"LS1 5AB",`,
		id, m.summary(i), b.kind, b.board.json, status.json, m.contacts.companies[company].json, m.contacts.sites[company].json, company)
	out = fmt.Appendf(out, `"contact":{"id":%d,"name":"%s %s","_info":{"contact_href":"%s/company/contacts/%d"}},"contactName":"%s %s","contactPhoneNumber":%q,`,
		firstContact+contact, first, last, hrefBase, firstContact+contact, first, last, phoneNumber(contact))
	out = fmt.Appendf(out, `"type":%s,"team":%s,"owner":%s,"priority":%s,"serviceLocation":%s,"source":%s,"requiredDate":%q,"severity":"Medium","impact":"Medium",`,
		b.types[i%len(b.types)].json, b.team.json, b.owner.json, m.priorities[i%len(m.priorities)].json, m.serviceLocation.json, m.sources[i%len(m.sources)].json, at)
	out = fmt.Appendf(out, `"allowAllClientsPortalView":false,"customerUpdatedFlag":false,"automaticEmailContactFlag":false,"automaticEmailResourceFlag":false,"automaticEmailCcFlag":false,`)
	if closed {
		out = fmt.Appendf(out, `"closedDate":%q,"closedBy":%q,`, at, b.login)
	}
	out = fmt.Appendf(out, `"closedFlag":%t,"actualHours":0.5,"approved":true,"estimatedTimeCost":%v,"estimatedTimeRevenue":%v,"billingMethod":"ActualRates","billingAmount":%v,"hourlyRate":%v,"subBillingMethod":"ActualRates","subBillingAmount":%v,`,
		closed, m.money["estimatedTimeCost"], m.money["estimatedTimeRevenue"], m.money["billingAmount"], m.money["hourlyRate"], m.money["subBillingAmount"])
	out = fmt.Appendf(out, `"resolveMinutes":0,"resPlanMinutes":0,"respondMinutes":0,"isInSla":true,"resources":%q,"hasChildTicket":false,"hasMergedChildTicketFlag":false,"billTime":"Billable","billExpenses":"Billable","billProducts":"Billable",`, b.login)
	out = fmt.Appendf(out, `"location":%s,"department":%s,"mobileGuid":"%08x-0000-4000-9000-%012x","sla":%s,"slaStatus":"Respond by Wed 06/10 10:00 AM UTC+00","requestForChangeFlag":false,`,
		b.location.json, b.department.json, id, id, m.sla.json)
	out = fmt.Appendf(out, `"escalationStartDateUTC":%q,"escalationLevel":0,"minutesBeforeWaiting":0,"respondedSkippedMinutes":0,"resplanSkippedMinutes":0,"respondedHours":0.0,"resplanHours":0.0,"resolutionHours":0.0,"minutesWaiting":0,"customFields":%s,`, at, m.custom)
	out = fmt.Appendf(out, `"_info":{"dateEntered":%q,"enteredBy":%q,"lastUpdated":%q,"notes_href":"%s/service/tickets/%d/notes","updatedBy":%q}}`, at, b.login, at, hrefBase, id, b.login)
	return out
}
