package mapping

import (
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// catalog is a psa.Catalog made of tables.
type catalog struct {
	fields  map[psa.Kind][]psa.Field
	scopes  map[psa.Kind][]psa.Scope
	options map[psa.Kind]psa.Options
}

func (c *catalog) Fields(k psa.Kind) []psa.Field { return c.fields[k] }
func (c *catalog) Scopes(k psa.Kind) []psa.Scope { return c.scopes[k] }

func (c *catalog) Options(k psa.Kind, scope string) psa.Options {
	var out psa.Options
	for _, o := range c.options[k] {
		if scope == "" || o.Scope == scope || o.Scope == "" {
			out = append(out, o)
		}
	}
	return out
}

func (c *catalog) Find(k psa.Kind, scope, name string) (psa.Ref, bool) {
	for _, fold := range []bool{false, true} {
		var found []psa.Ref
		for _, o := range c.Options(k, scope) {
			if o.Name == name || fold && strings.EqualFold(strings.TrimSpace(o.Name), strings.TrimSpace(name)) {
				found = append(found, o.Ref)
			}
		}
		if len(found) > 0 {
			return found[0], len(found) == 1
		}
	}
	return psa.Ref{}, false
}

func (c *catalog) option(k psa.Kind, id, name, scope string) {
	c.options[k] = append(c.options[k], psa.Option{Ref: psa.Ref{Kind: k, ID: id}, Name: name, Scope: scope})
}

func (c *catalog) without(k psa.Kind, name string) *catalog {
	d := &catalog{fields: c.fields, scopes: c.scopes, options: map[psa.Kind]psa.Options{}}
	for kind, opts := range c.options {
		d.options[kind] = slices.Clone(opts)
	}
	d.options[k] = slices.DeleteFunc(d.options[k], func(o psa.Option) bool { return o.Name == name })
	return d
}

// psaCatalog is a small ConnectWise account: two boards that both have a
// status New, three priorities, two custom fields on tickets.
func psaCatalog() *catalog {
	c := &catalog{fields: map[psa.Kind][]psa.Field{}, scopes: map[psa.Kind][]psa.Scope{}, options: map[psa.Kind]psa.Options{}}
	for _, k := range psa.RecordKinds() {
		c.fields[k] = slices.Clone(psa.Schema(k))
	}
	for i, f := range c.fields[psa.KindTicket] {
		f.Required = f.Name == "summary" || f.Name == "company" || f.Name == "board"
		f.CreateOnly = f.CreateOnly || f.Name == "description"
		c.fields[psa.KindTicket][i] = f
	}
	c.fields[psa.KindTicket] = append(c.fields[psa.KindTicket],
		psa.Field{Name: "custom.16", Caption: "Site Code", Type: psa.TypeString},
		psa.Field{Name: "custom.17", Caption: "VIP", Type: psa.TypeBool})
	c.scopes[psa.KindStatus] = []psa.Scope{{Kind: psa.KindBoard}}
	c.option(psa.KindBoard, "1", "Help Desk", "")
	c.option(psa.KindBoard, "2", "Projects", "")
	c.option(psa.KindStatus, "11", "New", "1")
	c.option(psa.KindStatus, "12", "Assigned", "1")
	c.option(psa.KindStatus, "13", "Scheduled", "1")
	c.option(psa.KindStatus, "14", "Closed", "1")
	c.option(psa.KindStatus, "21", "New", "2")
	c.option(psa.KindStatus, "24", "Done", "2")
	c.option(psa.KindPriority, "1", "Priority 1 - Critical", "")
	c.option(psa.KindPriority, "2", "Priority 2 - High", "")
	c.option(psa.KindPriority, "3", "Priority 3 - Normal", "")
	c.option(psa.KindTicketSource, "4", "Phone", "")
	c.option(psa.KindTicketSource, "5", "Portal", "")
	return c
}

// hostCatalog is a host with names of its own.
func hostCatalog() *catalog {
	c := &catalog{fields: map[psa.Kind][]psa.Field{}, scopes: map[psa.Kind][]psa.Scope{}, options: map[psa.Kind]psa.Options{}}
	c.fields[psa.KindTicket] = []psa.Field{
		{Name: "id", Type: psa.TypeString, ReadOnly: true},
		{Name: "title", Type: psa.TypeString, Required: true},
		{Name: "body", Type: psa.TypeText},
		{Name: "queue", Type: psa.TypeString},
		{Name: "state", Type: psa.TypeString},
		{Name: "priority", Type: psa.TypeRef, Kind: psa.KindPriority},
		{Name: "estimate_minutes", Type: psa.TypeNumber},
		{Name: "site_code", Type: psa.TypeString},
		{Name: "vip", Type: psa.TypeString},
		{Name: "assignee", Type: psa.TypeRef, Kind: psa.KindMember},
		{Name: "client", Type: psa.TypeRef, Kind: psa.KindCompany},
		{Name: "due", Type: psa.TypeTime},
		{Name: "origin", Type: psa.TypeString},
		{Name: "label", Type: psa.TypeString},
	}
	c.fields[psa.KindNote] = []psa.Field{
		{Name: "text", Type: psa.TypeText, Required: true},
		{Name: "visibility", Type: psa.TypeString},
	}
	c.option(psa.KindPriority, "P1", "Critical", "")
	c.option(psa.KindPriority, "P2", "High", "")
	c.option(psa.KindPriority, "P3", "Medium", "")
	return c
}

func members(side Side) []psa.Record {
	m := func(id, name, login, mail string, active bool) psa.Record {
		return psa.Record{Ref: psa.Ref{Kind: psa.KindMember, ID: id}, Active: active,
			Fields: psa.Fields{"name": name, "identifier": login, "email": mail}}
	}
	if side == Left {
		return []psa.Record{m("1", "Ann Agent", "aagent", "ann@msp.example", true), m("2", "Dispatch", "dispatch", "", true),
			m("3", "Zed Gone", "zed", "zed@msp.example", false), m("4", "Bo Busy", "bo", "bo@msp.example", true)}
	}
	return []psa.Record{m("u1", "Ann A.", "", "Ann@MSP.example", true), m("u3", "Zed", "", "zed@msp.example", true), m("u4", "Bo", "", "bo@home.example", true)}
}
