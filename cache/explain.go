package cache

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Presence says what became of a name that somebody misses in a dropdown.
type Presence string

// The states of an [Explanation].
const (
	StatePresent    Presence = "present"      // it is offered
	StateInactive   Presence = "inactive"     // the PSA has it, switched off
	StateAmbiguous  Presence = "ambiguous"    // several active rows of the scope share the name
	StateOutOfScope Presence = "out-of-scope" // it is offered elsewhere
	StateStale      Presence = "stale"        // not found, but the kind could not be read of late
	StateUnknown    Presence = "unknown"      // the PSA does not have it
	StateNotOffered Presence = "not-offered"  // the PSA has no such kind, or it was never collected
)

// An Explanation answers "why is it missing?".
type Explanation struct {
	State      Presence  `json:"state"`
	Ref        psa.Ref   `json:"ref,omitzero"`      // the row, if there is one of that name
	Scopes     []psa.Ref `json:"scopes,omitempty"`  // of StateOutOfScope: where it is offered
	Nearest    []string  `json:"nearest,omitempty"` // names it may have meant
	Fresh      time.Time `json:"fresh,omitzero"`    // when the kind was last read completely
	Stale      string    `json:"stale,omitempty"`   // why reading it fails since StaleSince
	StaleSince time.Time `json:"stale_since,omitzero"`
	Message    string    `json:"message"` // one sentence for a person
}

// Explain says whether a name of a kind is offered within a scope, see
// [Snapshot.Options], and if not, why.
func (s *Snapshot) Explain(kind psa.Kind, scope, name string) Explanation {
	meta := s.meta.Kinds[kind]
	e := Explanation{Fresh: meta.Fresh, Stale: meta.Stale, StaleSince: meta.StaleSince}
	c := s.choices(kind, scope)
	if c == nil {
		e.State = StateNotOffered
		e.Message = fmt.Sprintf("The PSA of this connection has no %s, or it was never collected.", kind)
		return e
	}
	h, ok := c.find(name)
	switch {
	case ok && h.active == 1:
		e.State, e.Ref = StatePresent, h.ref
		e.Message = fmt.Sprintf("%q is offered%s.", name, s.in(kind, scope))
	case ok && h.active > 1:
		e.State, e.Ref = StateAmbiguous, h.ref
		e.Message = fmt.Sprintf("%d rows%s are called %q; name the scope or use the id.", h.active, s.in(kind, scope), name)
	case ok:
		e.State, e.Ref = StateInactive, h.ref
		e.Message = fmt.Sprintf("%q is inactive in the PSA.", name)
	default:
		s.explainMissing(&e, kind, scope, name, c)
	}
	if e.Stale != "" {
		e.Message += fmt.Sprintf(" The list could not be read since %s: %s.", e.StaleSince.Format(time.RFC3339), strings.TrimSuffix(e.Stale, "."))
	}
	return e
}

func (s *Snapshot) explainMissing(e *Explanation, kind psa.Kind, scope, name string, c *choices) {
	ix := s.indexes[kind]
	if h, ok := ix.all.find(name); ok && h.active > 0 && ix.byScope != nil {
		e.State, e.Ref = StateOutOfScope, h.ref
		for id, other := range ix.byScope {
			if o, ok := other.find(name); ok && o.active > 0 {
				e.Scopes = append(e.Scopes, psa.Ref{Kind: ix.scope.Kind, ID: id})
			}
		}
		slices.SortFunc(e.Scopes, compareRefs)
		e.Message = fmt.Sprintf("%q is not offered%s.", name, s.in(kind, scope))
		if len(e.Scopes) > 0 {
			e.Message = fmt.Sprintf("%q is not offered%s, but for %s %s.", name, s.in(kind, scope), ix.scope.Kind, quotedList(s.refNames(e.Scopes)))
		}
		return
	}
	e.Nearest = nearest(name, s.names(c.options))
	e.State = StateUnknown
	e.Message = fmt.Sprintf("There is no %s called %q%s.", kind, name, s.in(kind, scope))
	if len(e.Nearest) > 0 {
		e.Message += " Did you mean " + quoted(e.Nearest) + "?"
	}
	if e.Stale != "" {
		e.State = StateStale
	}
}

// in says which scope a sentence is about.
func (s *Snapshot) in(kind psa.Kind, scope string) string {
	ix := s.indexes[kind]
	if scope == "" || ix.byScope == nil {
		return ""
	}
	return fmt.Sprintf(" for %s %q", ix.scope.Kind, s.refNames([]psa.Ref{{Kind: ix.scope.Kind, ID: scope}})[0])
}

// refNames returns the names of rows, or the ids of those without one.
func (s *Snapshot) refNames(refs []psa.Ref) []string {
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.ID
		if r := s.row(ref); r != nil && r.Name() != "" {
			names[i] = r.Name()
		}
	}
	return names
}

// quotedList names up to five things.
func quotedList(names []string) string {
	more := ""
	if len(names) > 5 {
		more = fmt.Sprintf(" and %d more", len(names)-5)
		names = names[:5]
	}
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(q, ", ") + more
}
