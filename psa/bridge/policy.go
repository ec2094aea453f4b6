package bridge

import (
	"fmt"
	"maps"
	"slices"

	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// A Policy says who owns what, who wins a conflict, which way records flow and
// who is told. What a rule of the field map says goes first. The zero Policy
// has no owners, lets everything flow both ways, tells nobody and leaves every
// conflict to a person.
type Policy struct {
	Name string
	// Owners say which side owns fields; the first that fits a field holds.
	Owners []Owner
	// Strategy decides true conflicts of fields whose rule names none; nil: a
	// person decides.
	Strategy conflict.Strategy
	// First decides where two records that were matched differ, before they
	// ever agreed. nil: the side that has a value, then the owner, then
	// Strategy.
	First conflict.Strategy
	// Flow says which way the records of a kind go; a kind that is not in it
	// goes both ways.
	Flow map[psa.Kind]Flow
	// Notify says who is told by mail about a change of a record while it is
	// young, see Options.LiveWindow; nil: nobody.
	Notify func(Change) psa.Notify
}

// An Owner says that one side owns a field.
type Owner struct {
	Kind   psa.Kind        // "" is every kind
	Field  string          // a left field, or "class:billing"; "" is every field
	Side   Side            // the owner
	Nobody bool            // both sides may change it, whatever comes after
	OnEdit conflict.Policy // what becomes of the other side's edits; "" restores the owner's value
}

// A Flow says which way records go.
type Flow string

// The flows.
const (
	BothWays Flow = ""
	ToLeft   Flow = "to left"
	ToRight  Flow = "to right"
	NoFlow   Flow = "none"
)

func (f Flow) to(s Side) bool {
	return f == BothWays || f == ToLeft && s == Left || f == ToRight && s == Right
}

// towards returns the flow to one side only.
func towards(s Side) Flow {
	if s == Left {
		return ToLeft
	}
	return ToRight
}

// A Change is a write that is about to be made, for [Policy.Notify].
type Change struct {
	Side   Side // that is written
	Kind   psa.Kind
	Op     string     // "create" or "update"
	Fields psa.Fields // what is written, in the written side's fields
	Source psa.Record // what it is made from; its Fields may be nil
}

func (p *Policy) check(name string) []error {
	var errs []error
	for i, o := range p.Owners {
		switch o.OnEdit {
		case "", conflict.Restore, conflict.Tolerate, conflict.Ask:
		default:
			errs = append(errs, fmt.Errorf("%s: Owners[%d].OnEdit is %q; it is restore, tolerate or ask", name, i, o.OnEdit))
		}
		if o.Kind != "" && !slices.Contains(bridged, o.Kind) {
			errs = append(errs, fmt.Errorf("%s: Owners[%d].Kind is %q, which is not synchronised", name, i, o.Kind))
		}
		if o.Side > Right {
			errs = append(errs, fmt.Errorf("%s: Owners[%d].Side is neither Left nor Right", name, i))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(p.Flow)) {
		switch p.Flow[k] {
		case BothWays, ToLeft, ToRight, NoFlow:
		default:
			errs = append(errs, fmt.Errorf("%s: Flow[%s] is %q; it is empty, %q, %q or %q", name, k, p.Flow[k], ToLeft, ToRight, NoFlow))
		}
	}
	return errs
}

// owner returns who owns a field of a kind; nobody is "".
func (p *Policy) owner(kind psa.Kind, field string, class psa.Class) (conflict.Side, conflict.Policy) {
	for _, o := range p.Owners {
		if o.Kind != "" && o.Kind != kind || o.Field != "" && o.Field != field && o.Field != "class:"+string(class) {
			continue
		}
		if o.Nobody {
			return "", ""
		}
		return conflictSide(o.Side), o.OnEdit
	}
	return "", ""
}

func conflictSide(s Side) conflict.Side {
	if s == Left {
		return conflict.Left
	}
	return conflict.Right
}

func sideOf(s conflict.Side) Side {
	if s == conflict.Left {
		return Left
	}
	return Right
}

func mapSide(s Side) mapping.Side { return mapping.Side(s) }

// Phases returns the shipped policies of a migration by name, given which side
// is the PSA: "1", "2", "3" and "3-read-only".
func Phases(system Side) map[string]Policy {
	return map[string]Policy{"1": Phase1(system), "2": Phase2(system), "3": Phase3(system), "3-read-only": PSAReadOnly(system)}
}

// Phase1 is the policy while the PSA stays the system of record and a team
// tries the new platform beside it. Both sides create and change records. The
// PSA owns the classes billing and client: an edit of such a field on the
// platform is undone. The status of a ticket moves both ways, and so does what
// goes with it; where both sides changed the same, the later change wins, and
// the PSA where the stamps prove nothing. The PSA tells the contact about public
// notes.
func Phase1(system Side) Policy {
	return Policy{
		Name: "1",
		Owners: []Owner{
			{Kind: psa.KindTicket, Field: "status", Nobody: true},
			{Kind: psa.KindNote, Nobody: true},
			{Kind: psa.KindTimeEntry, Field: "visibility", Nobody: true},
			{Field: "class:billing", Side: system},
			{Field: "class:client", Side: system},
		},
		Strategy: conflict.First(conflict.Newest(nil), conflict.SourceOfTruth(conflictSide(system))),
		Notify:   publicNotes(system),
	}
}

// Phase2 is the policy once the platform talks to clients: it owns the classes
// client and billing and all time entries. The PSA never mails a client; the
// platform tells the contact about public notes that come from the PSA.
func Phase2(system Side) Policy {
	app := system.Other()
	return Policy{
		Name: "2",
		Owners: []Owner{
			{Kind: psa.KindTicket, Field: "status", Nobody: true},
			{Kind: psa.KindTimeEntry, Side: app},
			{Kind: psa.KindNote, Nobody: true},
			{Field: "class:billing", Side: app},
			{Field: "class:client", Side: app},
		},
		Strategy: conflict.First(conflict.Newest(nil), conflict.SourceOfTruth(conflictSide(app))),
		Notify:   publicNotes(app),
	}
}

// Phase3 is the policy once the PSA only bills: the platform owns every field,
// what billing needs (companies, sites, contacts, tickets, time entries) goes
// to the PSA, and notes stay on the platform. Nothing goes back but the class
// billing of tickets and time entries, which the PSA's own rules fill.
func Phase3(system Side) Policy {
	app := system.Other()
	return Policy{
		Name: "3",
		Owners: []Owner{
			{Kind: psa.KindTicket, Field: "class:billing", Nobody: true},
			{Kind: psa.KindTimeEntry, Field: "class:billing", Nobody: true},
			{Side: app},
		},
		Strategy: conflict.SourceOfTruth(conflictSide(app)),
		Flow: map[psa.Kind]Flow{
			psa.KindCompany: towards(system), psa.KindSite: towards(system), psa.KindContact: towards(system),
			psa.KindNote: NoFlow,
		},
		Notify: publicNotes(app),
	}
}

// PSAReadOnly is the policy at the end: nothing is written to the PSA any more,
// and what is still changed there does not reach the platform.
func PSAReadOnly(system Side) Policy {
	flow := map[psa.Kind]Flow{}
	for _, k := range bridged {
		flow[k] = NoFlow
	}
	return Policy{Name: "3-read-only", Owners: []Owner{{Side: system.Other(), OnEdit: conflict.Tolerate}}, Flow: flow}
}

// publicNotes tells the contact about notes that become public on one side.
func publicNotes(to Side) func(Change) psa.Notify {
	return func(c Change) psa.Notify {
		if c.Side == to && c.Kind == psa.KindNote && c.Op == "create" && c.Fields.String("visibility") == string(psa.Public) {
			return psa.NotifyContact
		}
		return psa.NotifyNone
	}
}
