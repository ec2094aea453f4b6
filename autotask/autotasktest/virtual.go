package autotasktest

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Virtual contacts and tickets are computed when they are read. Small tenants
// store rows made by the same code.

// virtual backs contacts and tickets by generators.
func (g *gen) virtual() {
	contacts := g.contactMaker()
	tickets := g.ticketMaker(g.virtualContacts)
	table := func(name string, first, n int, field func(int, string) (any, bool)) (string, *simulator.Virtual) {
		e := g.schema.byName[name]
		return e.path, &simulator.Virtual{First: first, N: n, Field: field, JSON: func(i int) []byte { return rowJSON(e, i, field) }}
	}
	// The closure never fails.
	_ = g.store.Change(func(tx *simulator.Tx) error {
		path, v := table("Contact", firstContact, g.virtualContacts, contacts.field)
		tx.Table(path).SetVirtual(v)
		path, v = table("Ticket", firstTicket, g.virtualTickets, tickets.field)
		tx.Table(path).SetVirtual(v)
		return nil
	})
}

// rowJSON writes the keys of a computed row that have a value.
func rowJSON(e *entity, i int, field func(int, string) (any, bool)) []byte {
	var buf bytes.Buffer
	buf.WriteByte('{')
	first := true
	for _, f := range e.fields {
		v, _ := field(i, f.name)
		if v == nil || f.name == "id" {
			continue
		}
		if !first {
			buf.WriteByte(',')
		}
		first = false
		buf.WriteString(strconv.Quote(f.name) + ":")
		writeValue(&buf, f, v, false)
	}
	buf.WriteByte('}')
	return buf.Bytes()
}

type contactMaker struct {
	companies     []int
	sites         map[int]int
	firsts, lasts []string
}

func (g *gen) contactMaker() *contactMaker {
	return &contactMaker{companies: g.made["Companies"][1:], sites: g.sitesOf, firsts: firstNames(), lasts: lastNames()}
}

// field answers every key of contact i, nil where it has no value.
func (m *contactMaker) field(i int, key string) (any, bool) {
	first, last := nth(m.firsts, i), nth(m.lasts, i/len(m.firsts)+i)
	company := nth(m.companies, i)
	switch key {
	case "companyID":
		return company, true
	case "companyLocationID":
		return m.sites[company], true
	case "firstName":
		return first, true
	case "lastName":
		return last, true
	case "emailAddress":
		return fmt.Sprintf("%s.%s%d@client%d.example", lower(first), lower(last), i, company), true
	case "phone":
		return fmt.Sprintf("555-%07d", i), true
	case "title":
		return nth([]string{"Office manager", "Director", "Accountant", "Nurse"}, i), true
	case "isActive":
		if i%10 == 9 {
			return 0, true
		}
		return 1, true
	case "primaryContact":
		return i < len(m.companies), true
	case "billingContact", "isOptedOutFromBulkEmail", "solicitationOptOut", "surveyOptOut":
		return false, true
	case "receivesEmailNotifications":
		return true, true
	case "emailAddress2", "emailAddress3", "extension", "mobilePhone", "alternatePhone", "externalID", "note", "addressLine", "addressLine1", "city", "state", "zipCode", "faxNumber", "middleInitial", "roomNumber":
		return "", true
	case "createDate":
		return earlier(i, 300*24*time.Hour), true
	case "lastActivityDate":
		return past(i), true
	case "lastModifiedDate":
		return earlier(i, 90*time.Minute), true
	}
	return nil, true
}

type ticketMaker struct {
	companies, queues, open, issues, people []int
	subs                                    map[int][]int
	sites, roles                            map[int]int
	titles                                  []string
	priorities, sources, contacts           int
}

func (g *gen) ticketMaker(contacts int) *ticketMaker {
	queues := g.queues
	if len(queues) > 19 {
		queues = queues[:19] // the last one is inactive
	}
	return &ticketMaker{
		companies: g.made["Companies"][1:], queues: queues, open: g.open, issues: g.issues, people: g.people, subs: g.subs, sites: g.sitesOf, roles: g.roleOf, titles: titles(),
		priorities: 4, sources: min(g.sources, 9), contacts: max(contacts, 1),
	}
}

// field answers every key of ticket i, nil where it has no value.
func (m *ticketMaker) field(i int, key string) (any, bool) {
	contact := i * 7 % m.contacts
	company := nth(m.companies, contact)
	complete := i%5 != 0
	who := nth(m.people, i)
	issue := nth(m.issues, i)
	switch key {
	case "title":
		return nth(m.titles, i) + " #" + strconv.Itoa(firstTicket+i), true
	case "description":
		return "It started this morning, three people see it.", true
	case "ticketNumber":
		created, _ := parseTime(earlier(i, 36*time.Hour))
		return fmt.Sprintf("T%s.%04d", created.Format("20060102"), i%10000+1), true
	case "companyID":
		return company, true
	case "companyLocationID":
		return m.sites[company], true
	case "contactID":
		return firstContact + contact, true
	case "status":
		if complete {
			return StatusComplete, true
		}
		return nth(m.open, i/5), true
	case "completedDate", "resolvedDateTime":
		if complete {
			return past(i), true
		}
		return nil, true
	case "completedByResourceID":
		if complete {
			return who, true
		}
		return nil, true
	case "resolution":
		if complete {
			return "Replaced the cable.", true
		}
		return "", true
	case "queueID":
		return nth(m.queues, i), true
	case "priority":
		return 1 + i%m.priorities, true
	case "source":
		return 1 + i%m.sources, true
	case "issueType":
		return issue, true
	case "subIssueType":
		return nth(m.subs[issue], i), true
	case "ticketType":
		return 1 + i%5, true
	case "ticketCategory":
		return 3 + i%2, true
	case "serviceLevelAgreementID":
		return 1 + i%2, true
	case "assignedResourceID", "creatorResourceID", "lastActivityResourceID":
		return who, true
	case "assignedResourceRoleID":
		return m.roles[who], true
	case "billingCodeID":
		return firstCode, true
	case "creatorType", "lastActivityPersonType":
		return 1, true
	case "estimatedHours":
		return 1.5, true
	case "hoursToBeScheduled":
		return 0.0, true
	case "externalID":
		if i%4 == 0 {
			return fmt.Sprintf("RMM-%d", i), true
		}
		return "", true
	case "purchaseOrderNumber":
		return "", true
	case "isAssignedToComanaged", "isVisibleToComanaged":
		return false, true
	case "createDate":
		return earlier(i, 36*time.Hour), true
	case "dueDateTime":
		created, _ := parseTime(earlier(i, 36*time.Hour))
		return stamp(created.Add(48 * time.Hour).Truncate(time.Hour)), true
	case "lastActivityDate":
		return past(i), true
	case "lastTrackedModificationDateTime":
		return earlier(i, 2*time.Hour), true
	}
	return nil, true
}
