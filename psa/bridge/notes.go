package bridge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// notCarried is what records have that no kind of this package holds.
const notCarried = "Not carried at all: attachments, checklists, secondary resources, child and merged notes, expenses and products."

// notes tell what a person should know before the first write.
func (b *Bridge) notes(p *Plan) []string {
	c := b.current()
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if p.Report.Paused != "" {
		add("The connection is paused (%s): resume it before the plan is applied.", p.Report.Paused)
	}
	out = append(out, b.limitNotes(&p.Report)...)
	for s := range Side(2) {
		if c.cats[s] == nil {
			add("There is no catalog of the %s side: what refers to other records is written there by name, without an id.", s)
		}
		if kinds := b.kindsWhere(func(k psa.Kind) bool {
			return b.sides[s].offers[k].Mail == psa.MailUncontrolled && b.sides[s].offers[k].Can&(psa.CanCreate|psa.CanUpdate) != 0
		}); len(kinds) > 0 {
			add("The %s side may send mail by its own rules when a %s is written, and cannot be kept from it; %s of this plan concern that.",
				s, strings.Join(kinds, " or "), plural(p.writesTo(s, kinds), "write"))
		}
	}
	for s := range Side(2) {
		for _, k := range b.kinds {
			f := b.sides[s].offers[k]
			for _, a := range []struct {
				can  psa.Ability
				verb string
			}{{psa.CanList, "listed"}, {psa.CanCreate, "created"}, {psa.CanUpdate, "changed"}} {
				if !f.Can.Has(a.can) {
					add("On the %s side, no %s can be %s%s.", s, k, a.verb, because(f.Missing[a.can]))
				}
			}
			if fields := b.unwritten(c, k, s); len(fields) > 0 {
				add("On the %s side, these fields of a %s are never written: %s.", s, k, strings.Join(fields, ", "))
			}
		}
		if kinds := b.kindsWhere(func(k psa.Kind) bool {
			return b.sides[s].offers.Can(k, psa.CanCreate) && c.kinds[k].marker[s] == ""
		}); len(kinds) > 0 {
			add("On the %s side, a %s has no field for a marker: one whose creation was not answered is recognised by what it says.", s, strings.Join(kinds, " or "))
		}
	}
	for _, t := range b.unmatched(c) {
		add("%s", t.String())
	}
	for _, f := range b.findings(psa.Info) {
		if f.Code == mapping.CodeCustomLost {
			add("%s: %s.", f.Where, f.Message)
		}
	}
	for _, k := range bridged {
		if c.kinds[k] == nil && b.sides[Left].offers.Can(k, psa.CanList) && b.sides[Right].offers.Can(k, psa.CanList) {
			add("Both sides have the kind %s, and the field map does not: none is carried.", k)
		}
	}
	return append(out, notCarried)
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

func (b *Bridge) kindsWhere(ok func(psa.Kind) bool) []string {
	var out []string
	for _, k := range b.kinds {
		if ok(k) {
			out = append(out, string(k))
		}
	}
	return out
}

func (p *Plan) writesTo(s Side, kinds []string) (n int) {
	for i := range p.Items {
		item := &p.Items[i]
		if item.Op != opLink && item.Side == s && slices.Contains(kinds, string(item.Kind)) {
			n++
		}
	}
	return n
}

// limitNotes tell which limits a run without a plan would stop at.
func (b *Bridge) limitNotes(rep *Report) []string {
	var out []string
	most := b.opts.Limits
	check := func(n, most int, what string) {
		if most >= 0 && n > most {
			out = append(out, fmt.Sprintf("A run of its own accord would stop and pause the connection: more than %d %s. Applying this plan does not.", most, what))
		}
	}
	for s := range Side(2) {
		check(rep.Created[s], most.Creates, "records created on the "+s.String()+" side")
		check(rep.Updated[s], most.Updates, "records changed on the "+s.String()+" side")
		check(rep.Deleted[s], most.Deletes, "records deleted on the "+s.String()+" side")
	}
	check(rep.Closed, most.Closes, "tickets closed")
	check(rep.Tasks[TaskConflict], most.Conflicts, "conflicts")
	return out
}

// unwritten are the fields that the map would send to a side and that the side
// takes neither on create nor on update.
func (b *Bridge) unwritten(c *compiled, kind psa.Kind, s Side) []string {
	var out []string
	offers := b.sides[s].offers
	if offers[kind].Can&(psa.CanCreate|psa.CanUpdate) == 0 {
		return nil
	}
	for _, r := range c.m.Rules(kind) {
		field, way := r.Left, "to_left"
		if s == Right {
			field, way = r.Right, "to_right"
		}
		if field == "" || r.Direction != "both" && r.Direction != way {
			continue
		}
		if !offers.Takes(kind, field, true) && !offers.Takes(kind, field, false) && !slices.Contains(out, field) {
			out = append(out, field)
		}
	}
	return out
}

// findings is what Lint says at this severity or above.
func (b *Bridge) findings(least psa.Severity) []psa.Finding {
	b.mu.Lock()
	cfg := b.cfg
	b.mu.Unlock()
	return slices.DeleteFunc(b.opts.Map.LintWith(cfg), func(f psa.Finding) bool { return f.Severity < least })
}

// unmatchedMembers are the people of one side whom a rule finds nobody for on
// the other side.
type unmatchedMembers struct {
	side    Side
	kind    psa.Kind
	field   string // left
	instead string // who stands in for them; "" if nobody
	where   string
	names   []string
}

func (u unmatchedMembers) String() string {
	then := "the field is held or left alone, as the rule says"
	if u.instead != "" {
		then = clip(u.instead) + " stands in"
	}
	names := u.names
	more := ""
	if len(names) > 10 {
		names, more = names[:10], fmt.Sprintf(" and %d more", len(u.names)-10)
	}
	return fmt.Sprintf("%s: %s of the %s side without a counterpart for %s.%s: %s%s; %s.",
		u.where, plural(len(u.names), "member"), u.side, u.kind, u.field, strings.Join(names, ", "), more, then)
}

// unmatched tries every active member with every rule about members.
func (b *Bridge) unmatched(c *compiled) []unmatchedMembers {
	b.mu.Lock()
	cfg := b.cfg
	b.mu.Unlock()
	if cfg == nil {
		return nil
	}
	people := [2][]psa.Record{cfg.LeftMembers, cfg.RightMembers}
	var out []unmatchedMembers
	for _, kind := range b.kinds {
		for _, r := range c.mapper.Rules(kind) {
			for s := range Side(2) {
				field, goes := r.Left, r.ToRight
				if s == Right {
					field, goes = r.Right, r.ToLeft
				}
				if field == "" || !goes {
					continue
				}
				u := unmatchedMembers{side: s, kind: kind, field: r.Left, where: r.Where}
				for _, p := range people[s] {
					if !p.Active {
						continue
					}
					rec := psa.Record{Ref: psa.Ref{Kind: kind}, Active: true,
						Fields: newPath(field).with(psa.Fields{}, psa.Reference{ID: p.ID, Name: p.Name()}.Fields())}
					_, issues := c.mapper.To(mapSide(s.Other()), rec, &mapping.Env{Present: psa.Fields{}})
					for _, is := range issues {
						if is.Code == mapping.CodeMember && is.Where == r.Where {
							u.names, u.instead = append(u.names, clip(p.Name())), is.Instead
						}
					}
				}
				if len(u.names) > 0 {
					out = append(out, u)
				}
			}
		}
	}
	return out
}
