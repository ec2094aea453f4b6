package psatest

import (
	"strconv"
	"time"

	"github.com/psasync/psasync/psa"
)

// read and write are what the seed tenants offer for configuration and for
// records.
const (
	read  = psa.CanList | psa.CanGet | psa.CanSince | psa.CanCount | psa.CanResume
	write = read | psa.CanFind | psa.CanDeletions | psa.CanCreate | psa.CanUpdate
)

// denied are the fields of the seed tenants that hold money or secrets.
var denied = []string{"hourly_cost", "hourly_rate", "rate", "amount", "password"}

// planted is the value planted in a denied field of a kind.
func planted(kind psa.Kind) string { return "canary-" + string(kind) + "-7131.77" }

// A seed collects the features and rows of a tenant. Names are remembered so
// that references carry them.
type seed struct {
	t     Tenant
	names map[psa.Ref]string
}

func newSeed(name string, features psa.Features) *seed {
	for k, f := range features {
		if f.Can == 0 {
			continue
		}
		if f.PageSize == 0 {
			f.PageSize = 25
		}
		if f.Granularity == 0 {
			f.Granularity = time.Second
		}
		features[k] = f
	}
	return &seed{
		t: Tenant{
			Name:     name,
			Instance: psa.Instance{ID: name + ".example/acme", Name: "Acme IT", Version: "2026.1"},
			Features: features,
			Deny:     denied,
			Start:    time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC),
		},
		names: map[psa.Ref]string{},
	}
}

// add adds an active row. Strings that start with "@" are references, e.g.
// "@board/1"; lists of them are lists of references.
func (s *seed) add(kind psa.Kind, id int, name string, fields psa.Fields) {
	s.addID(kind, strconv.Itoa(id), name, fields)
}

func (s *seed) addID(kind psa.Kind, id, name string, fields psa.Fields) {
	f := psa.Fields{}
	for k, v := range fields {
		f[k] = s.value(v)
	}
	if kind != psa.KindTicket && kind != psa.KindNote && kind != psa.KindTimeEntry && name != "" {
		f["name"] = name
	}
	r := Row(kind, id, f)
	r.Active = f["inactive"] != true
	delete(f, "inactive")
	// Each row was last changed a minute after the one before it.
	r.Updated = s.t.Start.AddDate(0, -2, 0).Add(time.Duration(len(s.t.Rows)) * time.Minute)
	s.names[r.Ref] = name
	s.t.Rows = append(s.t.Rows, r)
}

func (s *seed) value(v any) any {
	switch v := v.(type) {
	case string:
		if len(v) > 1 && v[0] == '@' {
			ref, err := psa.ParseRef(v[1:])
			if err != nil {
				panic(err) // a seed with a broken reference
			}
			return RefTo(ref.ID, s.names[ref])
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = s.value(v[i])
		}
		return out
	case psa.Fields:
		out := psa.Fields{}
		for k := range v {
			out[k] = s.value(v[k])
		}
		return out
	default:
		return v
	}
}

// list adds rows 1, 2, ... that have a name and an order only.
func (s *seed) list(kind psa.Kind, names ...string) {
	_, ordered := psa.FieldOf(kind, "order")
	_, defaults := psa.FieldOf(kind, "default")
	for i, n := range names {
		f := psa.Fields{}
		if ordered {
			f["order"] = i + 1
		}
		if defaults {
			f["default"] = i == 0
		}
		s.add(kind, i+1, n, f)
	}
}

// people adds the members, with what must never leave the tenant.
func (s *seed) people(extra psa.Fields) {
	for i, p := range [][4]string{
		{"Ana", "Sousa", "asousa", "ana@acme.example"},
		{"Bram", "Visser", "bvisser", "bram@acme.example"},
		{"Chidi", "Okafor", "cokafor", "chidi@acme.example"},
		{"Api", "Member", "psasync", ""},
	} {
		f := psa.Fields{
			"first_name": p[0], "last_name": p[1], "identifier": p[2], "email": p[3], "api": p[2] == "psasync",
			"hourly_cost": planted(psa.KindMember), "password": "canary-password",
		}
		for k, v := range extra {
			f[k] = v
		}
		s.add(psa.KindMember, i+1, p[0]+" "+p[1], f)
	}
	s.add(psa.KindMember, 5, "Dora Lind", psa.Fields{"first_name": "Dora", "last_name": "Lind", "identifier": "dlind", "email": "dora@acme.example", "inactive": true})
	s.t.Canaries = append(s.t.Canaries, planted(psa.KindMember), "canary-password")
}

// clients adds companies with a site and contacts each.
func (s *seed) clients(company, contact psa.Fields) {
	for i, name := range []string{"Northwind Traders", "Contoso Ltd", "Łódź & Søn – 東京"} {
		id := i + 1
		ref := "@company/" + strconv.Itoa(id)
		f := psa.Fields{
			"identifier": "C" + strconv.Itoa(100+id), "number": strconv.Itoa(id), "phone": "+1 555 010" + strconv.Itoa(id),
			"url":        "https://psa.example/company/" + strconv.Itoa(id),
			"address":    psa.Fields{"line1": strconv.Itoa(id) + " Main St", "city": "Springfield", "country": "United States"},
			"created_at": s.t.Start.AddDate(-3, 0, id),
		}
		for k, v := range company {
			f[k] = v
		}
		s.add(psa.KindCompany, id, name, f)
		s.add(psa.KindSite, id, "Main", psa.Fields{"company": ref, "main": true, "address": f["address"]})
		for j, person := range []string{"Kim Park", "Lee Ortiz"} {
			f := psa.Fields{
				"first_name": person[:3], "last_name": person[4:], "company": ref, "site": "@site/" + strconv.Itoa(id), "main": j == 0,
				"email":  person[:3] + strconv.Itoa(id) + "@client.example",
				"number": strconv.Itoa(10*id + j), "url": "https://psa.example/contact/" + strconv.Itoa(10*id+j),
				"created_at": s.t.Start.AddDate(-2, 0, j),
			}
			for k, v := range contact {
				f[k] = v
			}
			s.add(psa.KindContact, 10*id+j, person, f)
		}
	}
	s.add(psa.KindContact, 40, "Former Person", psa.Fields{"first_name": "Former", "last_name": "Person", "company": "@company/1", "inactive": true})
	s.add(psa.KindContact, 41, "General User", psa.Fields{"company": "@company/1", "hidden": true})
	s.add(psa.KindAgreement, 1, "Managed Services 2026", psa.Fields{"company": "@company/1", "amount": planted(psa.KindAgreement)})
	s.t.Canaries = append(s.t.Canaries, planted(psa.KindAgreement))
}

// work adds tickets, their notes and time. statuses and the like are given by
// the shape; ticket i takes the i-th of each list.
func (s *seed) work(common psa.Fields, statuses []string, closed func(i int) any) {
	for i, summary := range []string{"Printer offline", "New starter: laptop and accounts", "VPN drops every hour", "Mailbox full 📬"} {
		id := 1001 + i
		ref := "@ticket/" + strconv.Itoa(id)
		client := strconv.Itoa(i%3 + 1)
		f := psa.Fields{
			"summary": summary, "number": strconv.Itoa(id), "url": "https://psa.example/ticket/" + strconv.Itoa(id),
			"status": statuses[i%len(statuses)], "company": "@company/" + client, "site": "@site/" + client, "contact": "@contact/" + client + "0",
			"owner": "@member/" + strconv.Itoa(i%3+1), "created_at": s.t.Start.AddDate(0, 0, -10+i), "created_by": "asousa",
			"budget_hours": 1.5, "custom": psa.Fields{"1": "SITE-" + client, "2": i%2 == 0},
		}
		if v := closed(i); v != nil {
			f["closed"] = v
		}
		for k, v := range common {
			f[k] = v
		}
		s.add(psa.KindTicket, id, summary, f)
		s.add(psa.KindNote, 2*i+1, "", psa.Fields{"ticket": ref, "text": "Called the client.", "visibility": "public", "member": "@member/1", "created_at": s.t.Start.AddDate(0, 0, -9+i)})
		s.add(psa.KindNote, 2*i+2, "", psa.Fields{"ticket": ref, "text": "Do not promise a date.", "visibility": "internal", "member": "@member/2", "created_at": s.t.Start.AddDate(0, 0, -8+i)})
		s.add(psa.KindTimeEntry, i+1, "", psa.Fields{
			"ticket": ref, "member": "@member/1", "start_at": s.t.Start.AddDate(0, 0, -9+i), "end_at": s.t.Start.AddDate(0, 0, -9+i).Add(45 * time.Minute),
			"hours": 0.75, "billable": "yes", "notes": "Replaced the cable.", "work_type": "@work_type/1", "rate": planted(psa.KindTimeEntry), "locked": i == 0,
		})
	}
	s.add(psa.KindTicket, 1099, "Office move (project)", psa.Fields{"summary": "Office move (project)", "status": statuses[0], "company": "@company/1", "project": true})
	s.t.Canaries = append(s.t.Canaries, planted(psa.KindTimeEntry))
}

// fields adds the definitions of custom fields.
func (s *seed) fields() {
	s.add(psa.KindCustomField, 1, "Site Code", psa.Fields{"owners": []any{"ticket", "company"}, "type": "string", "order": 1, "length": 20})
	s.add(psa.KindCustomField, 2, "VIP", psa.Fields{"owners": []any{"ticket"}, "type": "bool", "order": 2})
	s.add(psa.KindCustomField, 3, "Region", psa.Fields{"owners": []any{"company"}, "type": "option", "order": 3, "options": []any{
		psa.Fields{"id": "1", "value": "EMEA", "order": 1, "default": true, "active": true},
		psa.Fields{"id": "2", "value": "APAC", "order": 2, "default": false, "active": true},
	}})
}

// billing adds work types, roles and charge rates with what must not be kept.
func (s *seed) billing() {
	for i, w := range [][2]string{{"Remote", "yes"}, {"On-site", "yes"}, {"Warranty", "no_charge"}, {"Internal", "no"}} {
		s.add(psa.KindWorkType, i+1, w[0], psa.Fields{"billable": w[1], "default": i == 0, "rate": planted(psa.KindWorkType)})
	}
	for i, n := range []string{"Engineer", "Consultant"} {
		s.add(psa.KindWorkRole, i+1, n, psa.Fields{"hourly_rate": planted(psa.KindWorkRole)})
	}
	s.t.Canaries = append(s.t.Canaries, planted(psa.KindWorkType), planted(psa.KindWorkRole))
}

// records are the features of the record kinds that the shapes share.
func records(groups ...[]string) psa.Features {
	return psa.Features{
		psa.KindCompany: {Can: write | psa.CanDeactivate, Find: []string{"name", "identifier", "external_ref"}, Marker: "external_ref", Required: []string{"name"}, Mail: psa.MailNever},
		psa.KindSite:    {Can: write | psa.CanDelete, Parent: psa.KindCompany, Find: []string{"name", "company"}, Required: []string{"name", "company"}},
		psa.KindContact: {
			Can: write | psa.CanDeactivate, Parent: psa.KindCompany, Find: []string{"email", "company", "external_ref"}, Marker: "external_ref",
			Required: []string{"first_name"}, Groups: [][]string{{"company", "site"}},
		},
		psa.KindTicket: {
			Can: write | psa.CanDelete, Find: []string{"external_ref", "number", "company"}, Filter: []string{"status", "company"}, Marker: "external_ref",
			Required: []string{"summary", "company"}, Groups: groups, Mail: psa.MailControlled,
		},
		psa.KindNote:      {Can: write | psa.CanDelete, Parent: psa.KindTicket, PerParent: true, Find: []string{"ticket"}, Required: []string{"ticket", "text"}, Mail: psa.MailControlled},
		psa.KindTimeEntry: {Can: write | psa.CanDelete, Parent: psa.KindTicket, Find: []string{"ticket", "member"}, Required: []string{"hours", "start_at", "member"}, Mail: psa.MailControlled},
		psa.KindAgreement: {Can: read, Parent: psa.KindCompany, Missing: map[psa.Ability]string{
			psa.CanCreate: "agreements are read-only references", psa.CanUpdate: "agreements are read-only references", psa.CanDelete: "agreements are read-only references",
		}},
	}
}
