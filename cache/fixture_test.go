package cache_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func ref(id, name string) psa.Fields { return psa.Reference{ID: id, Name: name}.Fields() }

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// rec returns an active row; pairs are names and values of further fields.
func rec(kind psa.Kind, id, name string, pairs ...any) psa.Record {
	f := psa.Fields{"name": name}
	for i := 0; i < len(pairs); i += 2 {
		v, err := psa.Canonical(pairs[i+1])
		if err != nil {
			panic(err)
		}
		f[pairs[i].(string)] = v
	}
	return psa.Record{Ref: psa.Ref{Kind: kind, ID: id}, Active: true, Fields: f}
}

func off(r psa.Record) psa.Record { r.Active = false; return r }

func on(board string, r psa.Record) psa.Record {
	r.Parent = psa.Ref{Kind: psa.KindBoard, ID: board}
	return r
}

func snapshot(t testing.TB, m cache.Meta, rows ...psa.Record) *cache.Snapshot {
	t.Helper()
	m.Source = "acme"
	if m.Version == 0 {
		m.Version = 1
	}
	s, err := cache.NewSnapshot(m, slices.Values(rows))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fresh returns meta data of kinds read completely at noon.
func fresh(kinds map[psa.Kind]cache.KindMeta) map[psa.Kind]cache.KindMeta {
	for k, m := range kinds {
		if k.IsConfig() && m.Fresh.IsZero() && m.Stale == "" {
			m.Fresh = noon
			kinds[k] = m
		}
	}
	return kinds
}

// connectWise is an account whose statuses, classifications and teams belong to
// boards.
func connectWise(t testing.TB) *cache.Snapshot {
	board := []psa.Scope{{Kind: psa.KindBoard}}
	assoc := func(id, board, typ, subtype, item string) psa.Record {
		f := psa.Fields{"board": ref(board, ""), "type": ref(typ, "")}
		if subtype != "" {
			f["subtype"] = ref(subtype, "")
		}
		if item != "" {
			f["item"] = ref(item, "")
		}
		return on(board, psa.Record{Ref: psa.Ref{Kind: psa.KindClassificationAssociation, ID: id}, Active: true, Fields: f})
	}
	return snapshot(t, cache.Meta{Provider: "connectwise", Kinds: fresh(map[psa.Kind]cache.KindMeta{
		psa.KindBoard:                     {Term: "Service Board"},
		psa.KindStatus:                    {Scopes: board},
		psa.KindTeam:                      {Scopes: board},
		psa.KindClassification:            {Scopes: board},
		psa.KindClassificationAssociation: {Scopes: board},
		psa.KindPriority:                  {},
		psa.KindMember:                    {Stale: "permission denied", StaleSince: noon},
		psa.KindCustomField:               {},
		psa.KindTicket:                    {Required: []string{"summary", "board", "company"}},
		psa.KindCompany:                   {},
	})},
		rec(psa.KindBoard, "1", "Managed Services", "order", 2, "default", true),
		rec(psa.KindBoard, "2", "Internal IT", "order", 1),
		off(rec(psa.KindBoard, "3", "Old Board")),
		on("1", rec(psa.KindStatus, "10", "New", "order", 1, "default", true, "closed", false)),
		on("1", rec(psa.KindStatus, "11", "Closed", "order", 9, "closed", true)),
		on("1", rec(psa.KindStatus, "12", "In Progress", "order", 2)),
		on("1", off(rec(psa.KindStatus, "13", "Waiting"))),
		on("2", rec(psa.KindStatus, "20", "New", "order", 1, "default", true)),
		on("2", rec(psa.KindStatus, "21", "Triage", "order", 0)),
		on("1", rec(psa.KindTeam, "5", "Service Team", "default", true)),
		on("2", rec(psa.KindTeam, "6", "IT Team")),
		on("1", rec(psa.KindClassification, "301", "Incident", "level", 1)),
		on("1", rec(psa.KindClassification, "302", "Request", "level", 1)),
		on("1", rec(psa.KindClassification, "401", "Network", "level", 2, "parents", []string{"301"})),
		on("1", rec(psa.KindClassification, "402", "Any", "level", 2)),
		on("1", rec(psa.KindClassification, "501", "Wi-Fi", "level", 3)),
		on("1", rec(psa.KindClassification, "502", "Cable", "level", 3)),
		on("2", rec(psa.KindClassification, "311", "Incident", "level", 1)),
		assoc("1", "1", "301", "401", "501"), assoc("2", "1", "301", "402", "502"),
		assoc("3", "1", "302", "402", ""), assoc("4", "2", "311", "", ""),
		rec(psa.KindPriority, "1", "Priority 1 - Critical", "order", 1),
		rec(psa.KindPriority, "4", "Priority 4 - Low", "order", 4, "default", true),
		rec(psa.KindMember, "7", "Ada"),
		rec(psa.KindCustomField, "16", "Site Code", "owners", []string{"ticket"}, "type", "string", "length", 5, "required", true, "order", 2),
		rec(psa.KindCustomField, "17", "Severity", "owners", []string{"ticket", "company"}, "type", "option", "order", 1, "options", []any{
			psa.Fields{"id": "1", "value": "hi", "label": "High", "order": number(2), "active": true, "default": true},
			psa.Fields{"id": "2", "value": "lo", "label": "Low", "order": number(1), "active": true},
			psa.Fields{"id": "3", "value": "old", "active": false},
		}),
		rec(psa.KindCustomField, "18", "Hours", "owners", []string{"ticket"}, "type", "number", "decimals", 2, "order", 3),
		rec(psa.KindCustomField, "19", "Region", "owners", []string{"company"}, "type", "string"),
		rec(psa.KindCustomField, "20", "Somewhere", "type", "bool"),
		off(rec(psa.KindCustomField, "21", "Gone", "owners", []string{"ticket"}, "type", "string")),
		rec(psa.KindCustomField, "22", "Computed", "owners", []string{"ticket"}, "type", "date", "read_only", true, "order", 4),
	)
}

// halo is an account whose ticket types list their statuses and whose
// priorities belong to SLAs.
func halo(t testing.TB) *cache.Snapshot {
	byType := func(via string) []psa.Scope {
		return []psa.Scope{{Kind: psa.KindTicketType, Via: via, Reverse: true}}
	}
	return snapshot(t, cache.Meta{Provider: "halopsa", Kinds: fresh(map[psa.Kind]cache.KindMeta{
		psa.KindTicketType:     {},
		psa.KindStatus:         {Scopes: byType("statuses")},
		psa.KindTeam:           {Scopes: byType("teams")},
		psa.KindSLA:            {},
		psa.KindPriority:       {Scopes: []psa.Scope{{Kind: psa.KindSLA, Via: "sla"}}},
		psa.KindClassification: {Scopes: []psa.Scope{{Kind: psa.KindTicketType, Via: "classifications", Reverse: true}}},
	})},
		rec(psa.KindTicketType, "1", "Incident", "statuses", []string{"1", "9"}, "teams", []string{"2"}, "classifications", []string{"100", "101", "110"}),
		rec(psa.KindTicketType, "2", "Change", "statuses", []string{}),
		rec(psa.KindStatus, "1", "New", "order", 1), rec(psa.KindStatus, "2", "With CAB", "order", 2), rec(psa.KindStatus, "9", "Closed", "order", 3),
		rec(psa.KindTeam, "1", "1st Line"), rec(psa.KindTeam, "2", "2nd Line"),
		rec(psa.KindSLA, "1", "Gold"), rec(psa.KindSLA, "2", "Silver"),
		rec(psa.KindPriority, "1-1", "High", "sla", ref("1", "Gold"), "order", 1),
		rec(psa.KindPriority, "2-1", "High", "sla", ref("2", "Silver"), "order", 1),
		rec(psa.KindPriority, "2-2", "Low", "sla", ref("2", "Silver"), "order", 2),
		rec(psa.KindClassification, "100", "Hardware", "level", 1), rec(psa.KindClassification, "101", "Software", "level", 1),
		rec(psa.KindClassification, "102", "Change only", "level", 1),
		rec(psa.KindClassification, "110", "Laptop", "level", 2, "parents", []string{"100"}),
	)
}

// autotask is an account with queues, forms, and issue types by category.
func autotask(t testing.TB) *cache.Snapshot {
	return snapshot(t, cache.Meta{Provider: "autotask", Kinds: fresh(map[psa.Kind]cache.KindMeta{
		psa.KindBoard: {Term: "Queue"}, psa.KindStatus: {}, psa.KindTicketType: {}, psa.KindForm: {Term: "Ticket Category"},
		psa.KindClassification: {Scopes: []psa.Scope{{Kind: psa.KindClassification, Via: "parents"}}},
	})},
		rec(psa.KindBoard, "29683", "Level I Support"),
		rec(psa.KindStatus, "1", "New"), rec(psa.KindStatus, "5", "Complete", "closed", true),
		rec(psa.KindTicketType, "1", "Service Request"), rec(psa.KindTicketType, "2", "Incident"),
		rec(psa.KindForm, "3", "Standard", "default", true),
		rec(psa.KindForm, "4", "RMA", "required", []string{"category_1", "due_at"}, "defaults", psa.Fields{"ticket_type": ref("2", "Incident"), "po_number": "RMA"}),
		rec(psa.KindClassification, "1:10", "Hardware", "level", 1), rec(psa.KindClassification, "1:11", "Software", "level", 1),
		rec(psa.KindClassification, "2:20", "Laptop", "level", 2, "parents", []string{"1:10"}),
		rec(psa.KindClassification, "2:21", "Office", "level", 2, "parents", []string{"1:11"}),
	)
}

func names(options psa.Options) []string {
	out := []string{}
	for _, o := range options {
		out = append(out, o.Name)
	}
	return out
}

func optionIDs(options psa.Options) string {
	ids := []string{}
	for _, o := range options {
		ids = append(ids, o.ID)
	}
	return fmt.Sprint(ids)
}
