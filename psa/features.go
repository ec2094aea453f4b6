package psa

import (
	"slices"
	"strings"
	"time"
)

// Features says what a provider can do, kind by kind. A kind that is not in it
// is not offered by the provider.
type Features map[Kind]Feature

// A Feature says what a provider can do with one kind.
type Feature struct {
	// Can holds the abilities; Missing gives the reason for one that a reader
	// would expect.
	Can     Ability
	Missing map[Ability]string

	// Term is what the vendor's own users call the kind, e.g. "Severity".
	Term string

	// Parent is the kind of Record.Parent, "" if rows have none. With PerParent
	// the vendor lists the rows of one parent at a time: a list without
	// Query.Parent reads the parents first.
	Parent    Kind
	PerParent bool

	// Scopes says where a row may be used. Names are unique within the first
	// scope only; without scopes, within the kind.
	Scopes []Scope

	// NamesRepeat is set where the vendor lets two rows share a name even
	// within a scope, so that a duplicate is no finding.
	NamesRepeat bool

	PageSize    int           // rows of a full page
	Granularity time.Duration // of Record.Updated; 0 if rows have none

	Filter []string // names Query.Scope takes
	Find   []string // names Find takes

	// Marker is the field that can hold the bridge's marker on create, "" if
	// there is none.
	Marker string
	// Groups are fields that only make sense together: a status goes with its
	// board. They are disjoint.
	Groups [][]string
	// Required are the fields a create cannot do without.
	Required []string
	// Writes are the fields that Create takes, sorted, "custom" standing for
	// all custom fields; Update takes those that are not in CreateOnly. Other
	// fields are ErrInvalid. nil: all that the Schema does not call read-only.
	Writes     []string
	CreateOnly []string
	// Mail says whether a write can be kept from sending mail.
	Mail MailControl
}

// Ability is a set of things a provider can do with a kind.
type Ability uint32

// The abilities.
const (
	CanList       Ability = 1 << iota // list all rows
	CanGet                            // read one row by Ref
	CanSince                          // list rows updated since a time
	CanCount                          // count rows in one request
	CanResume                         // list rows behind an id
	CanFind                           // look rows up by field values
	CanDeletions                      // tell deleted rows
	CanCreate                         // create a row
	CanUpdate                         // change fields of a row
	CanDelete                         // delete a row for good
	CanDeactivate                     // Delete deactivates
)

var abilityNames = []string{
	"list", "get", "since", "count", "resume", "find", "deletions", "create", "update", "delete", "deactivate",
}

// Abilities returns every single ability, in the order of their constants.
func Abilities() []Ability {
	all := make([]Ability, len(abilityNames))
	for i := range all {
		all[i] = 1 << i
	}
	return all
}

// Has reports whether a holds every ability of b.
func (a Ability) Has(b Ability) bool { return a&b == b }

// String returns the names of the abilities, e.g. "list, get".
func (a Ability) String() string {
	var names []string
	for i, n := range abilityNames {
		if a&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// A Scope says which rows of a kind go with one row of another kind.
type Scope struct {
	// Kind is the scoping kind: a ConnectWise status belongs to a board, a Halo
	// status to ticket types.
	Kind Kind
	// Via is where that is written: "" in Record.Parent; otherwise a list of
	// ids in this field of the row itself, or, with Reverse, in this field of
	// the scoping row. An absent or empty list allows every row.
	Via     string
	Reverse bool
}

// MailControl says whether a write can be kept from sending mail.
type MailControl uint8

// The zero MailControl is for kinds whose writes never send mail.
const (
	MailNever        MailControl = iota
	MailControlled               // Notify decides
	MailUncontrolled             // the PSA's own rules may send mail whatever Notify says
)

// Takes reports whether Create (or Update, if create is false) takes a field of
// the kind, which may be dotted below the name that is offered.
func (f Features) Takes(kind Kind, field string, create bool) bool {
	feature := f[kind]
	head, _, _ := strings.Cut(field, ".")
	switch {
	case create && !feature.Can.Has(CanCreate), !create && !feature.Can.Has(CanUpdate):
		return false
	case feature.Writes == nil:
		s, ok := FieldOf(kind, head)
		return ok && !s.ReadOnly && (create || !s.CreateOnly && !slices.Contains(feature.CreateOnly, head))
	case !slices.Contains(feature.Writes, field) && !slices.Contains(feature.Writes, head):
		return false
	}
	return create || !slices.Contains(feature.CreateOnly, field) && !slices.Contains(feature.CreateOnly, head)
}

// Can reports whether the provider has all these abilities for the kind.
func (f Features) Can(kind Kind, a Ability) bool { return f[kind].Can.Has(a) }

// Kinds returns the kinds that can be listed, configuration first, in the
// order of [ConfigKinds] and [RecordKinds].
func (f Features) Kinds() []Kind {
	var kinds []Kind
	for _, k := range slices.Concat(configKinds, recordKinds) {
		if f.Can(k, CanList) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}
