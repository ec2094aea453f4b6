package psatest

import (
	"maps"
	"strconv"

	"github.com/psasync/psasync/psa"
)

// config returns features for configuration kinds that need nothing special.
func config(kinds ...psa.Kind) psa.Features {
	f := psa.Features{}
	for _, k := range kinds {
		f[k] = psa.Feature{Can: read}
	}
	return f
}

func union(all ...psa.Features) psa.Features {
	out := psa.Features{}
	for _, f := range all {
		maps.Copy(out, f)
	}
	return out
}

// Boards is a small tenant in the shape of ConnectWise PSA: statuses, teams
// and classifications belong to a board, are listed board by board, and repeat
// their names on each one; types narrow subtypes narrow items.
func Boards() Tenant {
	byBoard := psa.Scope{Kind: psa.KindBoard}
	s := newSeed("boards", union(
		config(psa.KindLocation, psa.KindDepartment, psa.KindRole, psa.KindWorkRole, psa.KindWorkType, psa.KindMember, psa.KindPriority,
			psa.KindTicketSource, psa.KindServiceLocation, psa.KindSLA, psa.KindCustomField, psa.KindCompanyType, psa.KindCompanyStatus, psa.KindContactType),
		records([]string{"board", "status", "type", "subtype", "item", "team"}, []string{"company", "site", "contact"}),
		psa.Features{
			psa.KindBoard:   {Can: read, Filter: []string{"location"}},
			psa.KindUrgency: {Can: read, Term: "Severity"},
			psa.KindStatus:  {Can: read, Parent: psa.KindBoard, PerParent: true, Scopes: []psa.Scope{byBoard}},
			psa.KindTeam:    {Can: read, Parent: psa.KindBoard, PerParent: true, Scopes: []psa.Scope{byBoard}},
			psa.KindClassification: {
				Can: read, Parent: psa.KindBoard, PerParent: true, Term: "Type, Subtype, Item", NamesRepeat: true,
				Scopes: []psa.Scope{byBoard, {Kind: psa.KindClassification, Via: "parents"}},
			},
			psa.KindClassificationAssociation: {Can: read, Parent: psa.KindBoard, PerParent: true, Scopes: []psa.Scope{byBoard}},
			psa.KindTicketType:                {Missing: map[psa.Ability]string{psa.CanList: "this PSA's ticket types are classifications"}},
		},
	))
	s.list(psa.KindLocation, "Tampa", "Denver")
	s.list(psa.KindDepartment, "Services", "Sales")
	s.list(psa.KindRole, "Admin", "Technician")
	s.billing()
	s.people(psa.Fields{"location": "@location/1", "department": "@department/1", "role": "@role/2", "work_role": "@work_role/1", "work_type": "@work_type/1"})
	s.list(psa.KindPriority, "Priority 1 - Critical", "Priority 2 - High", "Priority 3 - Normal", "Priority 4 - Low")
	s.list(psa.KindUrgency, "High", "Medium", "Low")
	s.list(psa.KindTicketSource, "Phone", "Email", "Portal")
	s.list(psa.KindServiceLocation, "On-Site", "Remote")
	s.add(psa.KindSLA, 1, "Standard SLA", psa.Fields{"default": true, "based_on": "MyCalendar", "respond_hours": 1, "plan_hours": 4, "resolve_hours": 16.5})
	s.fields()
	s.list(psa.KindCompanyType, "Client", "Vendor", "Prospect")
	s.add(psa.KindCompanyStatus, 1, "Active", psa.Fields{"default": true, "blocked": false})
	s.add(psa.KindCompanyStatus, 2, "Not Approved", psa.Fields{"default": false, "blocked": true})
	s.list(psa.KindContactType, "Decision Maker", "End User")
	id := 0
	for b, name := range []string{"Managed Services", "Internal IT", "Retired Board"} {
		board := "@board/" + strconv.Itoa(b+1)
		s.add(psa.KindBoard, b+1, name, psa.Fields{"location": "@location/1", "department": "@department/1", "default": b == 0, "order": b + 1, "project": false, "inactive": b == 2})
		for i, st := range []string{"New", "In Progress", "Waiting on Client", "Closed"} {
			id++
			s.add(psa.KindStatus, id, st, psa.Fields{"board": board, "order": i + 1, "default": i == 0, "closed": st == "Closed", "time_entry_allowed": st != "Closed"})
		}
		s.add(psa.KindTeam, b+1, "Service Team", psa.Fields{"board": board, "leader": "@member/1", "members": []any{"1", "2"}, "default": true})
		for lvl, n := range []string{"Hardware", "Printer", "Toner"} {
			f := psa.Fields{"board": board, "level": lvl + 1}
			if lvl > 0 {
				f["parents"] = []any{strconv.Itoa(lvl) + ":" + strconv.Itoa(b+1)}
			}
			s.addID(psa.KindClassification, strconv.Itoa(lvl+1)+":"+strconv.Itoa(b+1), n, f)
		}
		n := strconv.Itoa(b + 1)
		s.add(psa.KindClassificationAssociation, b+1, "", psa.Fields{"board": board, "type": "@classification/1:" + n, "subtype": "@classification/2:" + n, "item": "@classification/3:" + n})
	}
	s.clients(psa.Fields{"status": "@company_status/1", "types": []any{"@company_type/1"}}, psa.Fields{"types": []any{"@contact_type/2"}})
	s.work(psa.Fields{"board": "@board/1", "priority": "@priority/3", "urgency": "@urgency/2", "type": "@classification/1:1", "source": "@ticket_source/1", "team": "@team/1", "sla": "@sla/1"},
		[]string{"@status/1", "@status/2", "@status/3", "@status/4"}, func(i int) any { return i == 3 })
	return s.t.withLengths()
}

// Flat is a small tenant in the shape of Autotask PSA: one list of statuses
// for the whole tenant, queues without statuses of their own, issue types that
// narrow sub-issue types, ticket categories as forms.
func Flat() Tenant {
	s := newSeed("flat", union(
		config(psa.KindLocation, psa.KindDepartment, psa.KindRole, psa.KindWorkRole, psa.KindMember, psa.KindStatus, psa.KindPriority, psa.KindTicketType,
			psa.KindTicketSource, psa.KindSLA, psa.KindCustomField, psa.KindCompanyType, psa.KindCompanyClassification, psa.KindNoteType),
		records([]string{"owner", "owner_role"}, []string{"company", "site", "contact"}),
		psa.Features{
			psa.KindBoard:    {Can: read, Term: "Queue"},
			psa.KindWorkType: {Can: read, Term: "Billing Code"},
			psa.KindForm:     {Can: read, Term: "Ticket Category"},
			psa.KindClassification: {
				Can: read, Term: "Issue Type, Sub-Issue Type", NamesRepeat: true,
				Scopes: []psa.Scope{{Kind: psa.KindClassification, Via: "parents"}},
			},
			psa.KindTeam: {Missing: map[psa.Ability]string{psa.CanList: "this PSA groups tickets by queue"}},
		},
	))
	s.list(psa.KindLocation, "Albany")
	s.list(psa.KindDepartment, "Support", "Projects")
	s.list(psa.KindRole, "Full Access", "API User")
	s.billing()
	s.people(psa.Fields{"location": "@location/1", "department": "@department/1", "role": "@role/1", "work_role": "@work_role/1"})
	s.list(psa.KindBoard, "Client Portal", "Level I Support", "Level II Support")
	for i, st := range [][2]string{{"1", "New"}, {"5", "Complete"}, {"7", "Waiting Customer"}, {"8", "In Progress"}} {
		s.addID(psa.KindStatus, st[0], st[1], psa.Fields{"order": i + 1, "default": st[0] == "1", "closed": st[0] == "5"})
	}
	s.add(psa.KindStatus, 9, "Customer Note Added (old)", psa.Fields{"order": 9, "closed": false, "inactive": true})
	s.list(psa.KindPriority, "High", "Medium", "Low", "Critical")
	s.list(psa.KindTicketType, "Service Request", "Incident", "Problem", "Change Request")
	s.list(psa.KindTicketSource, "Insourced", "Client Portal", "Phone")
	s.add(psa.KindSLA, 1, "Gold", psa.Fields{"order": 1, "default": true})
	s.fields()
	s.list(psa.KindCompanyType, "Customer", "Lead", "Vendor")
	s.list(psa.KindCompanyClassification, "Delinquent", "Key Account")
	s.add(psa.KindNoteType, 1, "Task Detail", psa.Fields{"order": 1, "default": true})
	s.add(psa.KindForm, 1, "Standard", psa.Fields{"order": 1, "default": true, "required": []any{"priority", "due_at"}, "defaults": psa.Fields{"priority": RefTo("2", "Medium")}})
	s.addID(psa.KindClassification, "1:10", "Computer", psa.Fields{"level": 1, "order": 1})
	s.addID(psa.KindClassification, "1:11", "Email", psa.Fields{"level": 1, "order": 2})
	s.addID(psa.KindClassification, "2:136", "Workstation", psa.Fields{"level": 2, "parents": []any{"1:10"}})
	s.addID(psa.KindClassification, "2:137", "Other", psa.Fields{"level": 2, "parents": []any{"1:10"}})
	s.addID(psa.KindClassification, "2:138", "Other", psa.Fields{"level": 2, "parents": []any{"1:11"}})
	s.clients(psa.Fields{"types": []any{"@company_type/1"}, "classification": "@company_classification/2"}, nil)
	s.work(psa.Fields{"board": "@board/2", "priority": "@priority/2", "ticket_type": "@ticket_type/2", "category_1": "@classification/1:10", "category_2": "@classification/2:136", "form": "@form/1", "source": "@ticket_source/3"},
		[]string{"@status/1", "@status/8", "@status/7", "@status/5"}, func(i int) any { return i == 3 })
	t := s.t.withLengths()
	ticket := t.Features[psa.KindTicket]
	ticket.Mail = psa.MailUncontrolled // workflow rules cannot be switched off
	ticket.Can &^= psa.CanDelete
	ticket.Missing = map[psa.Ability]string{psa.CanDelete: "this PSA deletes no tickets"}
	note := t.Features[psa.KindNote]
	note.Can &^= psa.CanDelete
	note.Missing = map[psa.Ability]string{psa.CanDelete: "this PSA deletes no notes"}
	return t.With(psa.KindTicket, ticket).With(psa.KindNote, note)
}

// Types is a small tenant in the shape of HaloPSA: a ticket type says which
// statuses, classifications and note types it allows, priorities belong to an
// SLA, team names repeat over departments, there are no boards, and no status
// tells whether it closes.
func Types() Tenant {
	byType := func(via string) []psa.Scope {
		return []psa.Scope{{Kind: psa.KindTicketType, Via: via, Reverse: true}}
	}
	s := newSeed("types", union(
		config(psa.KindDepartment, psa.KindRole, psa.KindWorkRole, psa.KindWorkType, psa.KindMember, psa.KindUrgency, psa.KindImpact, psa.KindTicketType,
			psa.KindTicketSource, psa.KindSLA, psa.KindCustomField, psa.KindContactRole),
		records([]string{"sla", "priority"}, []string{"ticket_type", "status", "category_1", "category_2"}, []string{"company", "site", "contact"}, []string{"owner", "team"}),
		psa.Features{
			psa.KindStatus:         {Can: read, Scopes: byType("statuses"), Missing: nil},
			psa.KindClassification: {Can: read, Term: "Category", Scopes: byType("classifications")},
			psa.KindNoteType:       {Can: read, Term: "Outcome", Scopes: byType("note_types")},
			psa.KindPriority:       {Can: read, Parent: psa.KindSLA, PerParent: true, Scopes: []psa.Scope{{Kind: psa.KindSLA}}},
			psa.KindTeam:           {Can: read, NamesRepeat: true},
			psa.KindBoard:          {Missing: map[psa.Ability]string{psa.CanList: "this PSA has no boards: a team is the queue"}},
		},
	))
	s.list(psa.KindDepartment, "1st Line", "2nd Line")
	s.list(psa.KindRole, "Administrator", "Agent")
	s.billing()
	s.people(psa.Fields{"department": "@department/1", "role": "@role/2"})
	s.add(psa.KindTeam, 1, "Desk", psa.Fields{"department": "@department/1", "members": []any{"1", "2"}})
	s.add(psa.KindTeam, 2, "Desk", psa.Fields{"department": "@department/2", "members": []any{"3"}})
	s.list(psa.KindUrgency, "High", "Medium", "Low")
	s.list(psa.KindImpact, "Company Wide", "Multiple Users", "Single User")
	for i, st := range []string{"New", "In Progress", "With User", "Awaiting Approval", "Approved", "Closed"} {
		s.add(psa.KindStatus, i+1, st, psa.Fields{"order": i + 1})
	}
	for i, c := range []string{"Hardware", "Software", "Normal Change", "Emergency Change"} {
		s.addID(psa.KindClassification, "1:"+strconv.Itoa(i+1), c, psa.Fields{"level": 1, "order": i + 1})
	}
	s.add(psa.KindNoteType, 7, "Private Note", psa.Fields{"order": 1, "visibility": "internal", "rate": planted(psa.KindNoteType)})
	s.add(psa.KindNoteType, 8, "Email User", psa.Fields{"order": 2, "visibility": "public"})
	s.t.Canaries = append(s.t.Canaries, planted(psa.KindNoteType))
	s.add(psa.KindTicketType, 1, "Incident", psa.Fields{
		"order": 1, "default": true, "itil": "incident",
		"statuses": []any{"1", "2", "3", "6"}, "classifications": []any{"1:1", "1:2"}, "note_types": []any{"7", "8"}, "teams": []any{"1"},
	})
	s.add(psa.KindTicketType, 2, "Change Request", psa.Fields{
		"order": 2, "itil": "change", "statuses": []any{"1", "4", "5", "6"}, "classifications": []any{"1:3", "1:4"}, "note_types": []any{"7"},
	})
	s.add(psa.KindTicketType, 3, "Service Request", psa.Fields{"order": 3, "itil": "request"}) // allows everything
	s.list(psa.KindTicketSource, "Manual", "Email")
	s.list(psa.KindContactRole, "Manager", "User")
	for i, sla := range []string{"Standard SLA", "Premium SLA"} {
		n := strconv.Itoa(i + 1)
		s.add(psa.KindSLA, i+1, sla, psa.Fields{"order": i + 1, "default": i == 0})
		for j, prio := range []string{"Critical", "High", "Medium", "Low"} {
			s.addID(psa.KindPriority, n+"-"+strconv.Itoa(j+1), prio, psa.Fields{"sla": "@sla/" + n, "order": j + 1, "default": j == 2})
		}
	}
	s.fields()
	s.clients(nil, psa.Fields{"role": "@contact_role/2"})
	s.work(psa.Fields{"ticket_type": "@ticket_type/1", "priority": "@priority/1-3", "sla": "@sla/1", "category_1": "@classification/1:1", "team": "@team/1", "urgency": "@urgency/2", "impact": "@impact/3"},
		[]string{"@status/1", "@status/2", "@status/3", "@status/6"}, func(int) any { return nil })
	return s.t.withLengths()
}

func (t Tenant) withLengths() Tenant {
	t.Lengths = map[string]int{"ticket.summary": 100, "company.name": 50, "contact.first_name": 30, "contact.last_name": 30}
	return t
}
