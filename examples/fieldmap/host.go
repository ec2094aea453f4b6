package main

import (
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// host describes the tables of an invented platform as a psa.Catalog: what any
// host writes to have its maps checked.
type host struct {
	fields  map[psa.Kind][]psa.Field
	options map[psa.Kind]psa.Options
}

func newHost() *host {
	options := func(kind psa.Kind, names ...string) psa.Options {
		var all psa.Options
		for _, n := range names {
			all = append(all, psa.Option{Ref: psa.Ref{Kind: kind, ID: strings.ToLower(n)}, Name: n})
		}
		return all
	}
	return &host{
		fields: map[psa.Kind][]psa.Field{
			psa.KindTicket: {
				{Name: "account", Type: psa.TypeRef, Kind: psa.KindCompany, Required: true},
				{Name: "assignee", Type: psa.TypeString},
				{Name: "body", Type: psa.TypeText},
				{Name: "contract", Type: psa.TypeString},
				{Name: "due_date", Type: psa.TypeTime},
				{Name: "estimate_minutes", Type: psa.TypeNumber, Unit: "minutes"},
				{Name: "id", Type: psa.TypeString, ReadOnly: true},
				{Name: "impact", Type: psa.TypeOption, Options: []string{"Low", "Medium", "High"}},
				{Name: "link", Type: psa.TypeString},
				{Name: "origin", Type: psa.TypeString},
				{Name: "priority", Type: psa.TypeRef, Kind: psa.KindPriority},
				{Name: "queue", Type: psa.TypeString},
				{Name: "requester", Type: psa.TypeRef, Kind: psa.KindContact},
				{Name: "site_code", Type: psa.TypeString},
				{Name: "state", Type: psa.TypeRef, Kind: psa.KindStatus, Required: true},
				{Name: "title", Type: psa.TypeString, Required: true},
			},
			psa.KindContact: {
				{Name: "account", Type: psa.TypeRef, Kind: psa.KindCompany},
				{Name: "family_name", Type: psa.TypeString},
				{Name: "given_name", Type: psa.TypeString, Required: true},
				{Name: "mail", Type: psa.TypeString},
				{Name: "telephone", Type: psa.TypeString},
			},
			psa.KindNote: {
				{Name: "audience", Type: psa.TypeString, Required: true},
				{Name: "body", Type: psa.TypeText, Required: true},
				{Name: "ticket", Type: psa.TypeRef, Kind: psa.KindTicket, Required: true},
			},
		},
		options: map[psa.Kind]psa.Options{
			psa.KindStatus:   options(psa.KindStatus, "Open", "Working", "Waiting", "Solved"),
			psa.KindPriority: options(psa.KindPriority, "Critical", "High", "Medium", "Low"),
		},
	}
}

// Fields implements psa.Catalog.
func (h *host) Fields(kind psa.Kind) []psa.Field { return h.fields[kind] }

// Scopes implements psa.Catalog: nothing of this host depends on anything.
func (h *host) Scopes(psa.Kind) []psa.Scope { return nil }

// Options implements psa.Catalog.
func (h *host) Options(kind psa.Kind, _ string) psa.Options { return h.options[kind] }

// Find implements psa.Catalog.
func (h *host) Find(kind psa.Kind, _, name string) (psa.Ref, bool) {
	i := slices.IndexFunc(h.options[kind], func(o psa.Option) bool { return strings.EqualFold(o.Name, strings.TrimSpace(name)) })
	if i < 0 {
		return psa.Ref{}, false
	}
	return h.options[kind][i].Ref, true
}
