package conflict

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Strategy decides a true conflict. It must not modify c. A strategy that is
// used by a planner has to answer the same question the same way each time. An
// error means that it could not decide at all; nothing is written then. The nil
// Strategy has no opinion.
type Strategy func(ctx context.Context, c Conflict) (Decision, error)

// A Side is one of the two sides of a bridge; the zero value is neither.
type Side string

// The sides.
const (
	Left  Side = "left"
	Right Side = "right"
)

// Other returns the opposite side; neither for neither.
func (s Side) Other() Side {
	switch s {
	case Left:
		return Right
	case Right:
		return Left
	default:
		return ""
	}
}

// A Conflict is one field of a linked record, or a group of fields that have to
// be decided together (a status is only valid on its board), with what the base
// and both sides tell of each.
type Conflict struct {
	Kind    string `json:"kind,omitempty"`     // e.g. "ticket"
	LeftID  string `json:"left_id,omitempty"`  // the record's id on the left side
	RightID string `json:"right_id,omitempty"` // and on the right side
	Company string `json:"company,omitempty"`  // the company that the record belongs to, as the caller names it
	Phase   string `json:"phase,omitempty"`    // the migration phase that holds for the record

	Fields []Field `json:"fields"` // one, or the members of a group; at least one

	LeftAt  Stamp `json:"left_at,omitzero"`  // when the left record changed last
	RightAt Stamp `json:"right_at,omitzero"` // when the right record changed last
}

// A Field is what the base and both sides tell of one field.
type Field struct {
	Name  string `json:"name"`
	Class string `json:"class,omitempty"` // e.g. "billing"
	Base  Value  `json:"base,omitzero"`   // absent: the sides have never agreed
	Left  Value  `json:"left,omitzero"`
	Right Value  `json:"right,omitzero"`
}

// Of returns what a side tells of the field; absent for neither side.
func (f Field) Of(s Side) Value {
	switch s {
	case Left:
		return f.Left
	case Right:
		return f.Right
	default:
		return Value{}
	}
}

// A Stamp is the time of a record's last change, with the evidence for it.
type Stamp struct {
	// At is the vendor's stamp; zero if there is none.
	At time.Time `json:"at,omitzero"`
	// Granularity is the unit that the vendor cuts or rounds stamps to.
	Granularity time.Duration `json:"granularity,omitempty"`
	// ExplainedBy says what else moved the stamp at that moment: a write of our
	// own, a note, a time entry. A stamp that is explained is no evidence for a
	// change of the fields in question. Empty: nothing else explains it.
	ExplainedBy string `json:"explained_by,omitempty"`
}

// An Action is what a Decision does.
type Action string

// The actions.
const (
	NoOpinion Action = ""      // somebody else may decide
	Take      Action = "take"  // both sides get the values of Decision.Side
	Merge     Action = "merge" // both sides get Decision.Values
	Hold      Action = "hold"  // a person decides; nobody further is asked
)

// A Loser says what becomes of the value that a decision overwrites.
type Loser string

// What becomes of the overwritten value. It is always kept in the audit.
const (
	LoserAudit Loser = "audit" // nothing else
	LoserNote  Loser = "note"  // it is also written as an internal note
)

// A Decision is the answer of a [Strategy]. The zero Decision is no opinion.
type Decision struct {
	Action Action `json:"action,omitempty"`
	Side   Side   `json:"side,omitempty"`   // of a Take: who wins
	Values Values `json:"values,omitempty"` // of a Merge: a value for each field of the conflict; nil clears a field
	By     string `json:"by,omitempty"`     // the rule that decided, with its path through the composition: "field[status]/newest"
	Loser  Loser  `json:"loser,omitempty"`  // of a Take or Merge; empty is LoserAudit
	Reason string `json:"reason,omitempty"` // why, for people; holds no field values. A Hold has one always
}

// ErrInvalid is the class of errors of [Decide] for a conflict that is none and
// for a decision that breaks the rules. Such an error is a programming mistake.
var ErrInvalid = errors.New("invalid")

// Decide asks a strategy about a true conflict and checks the answer:
//
//   - a Take names a side, a Hold a reason;
//   - a Merge has a value for every field of the conflict, and for no other, so
//     that a group is never decided in part;
//   - only a Take has a side, only a Merge has values.
//
// A Take of a side that does not tell every field of a group becomes a Hold,
// since the group would end up mixed. Decide fills what a strategy may leave
// out: By ("custom"), Loser, and the Reason of a decision nobody took.
//
// Errors are of class [ErrInvalid], or those of the strategy. Panics pass.
func Decide(ctx context.Context, s Strategy, c Conflict) (Decision, error) {
	if err := c.check(); err != nil {
		return Decision{}, fmt.Errorf("conflict: %w conflict about %s: %w", ErrInvalid, c.names(), err)
	}
	d, err := ask(ctx, s, c)
	if err != nil {
		return Decision{}, fmt.Errorf("conflict: about %s: %w", c.names(), err)
	}
	if err := d.check(c); err != nil {
		return Decision{}, fmt.Errorf("conflict: %w decision by %q about %s: %w", ErrInvalid, d.By, c.names(), err)
	}
	if d.Action == NoOpinion {
		if d.Reason == "" {
			d.Reason = "no rule decides " + c.names()
		}
		return d, nil
	}
	if d.Action == Take && !c.Complete(d.Side) {
		d = Decision{Action: Hold, By: d.By, Reason: join(d.Reason,
			fmt.Sprintf("the %s side does not tell every field of the group %s", d.Side, c.names()))}
	}
	if d.By == "" {
		d.By = "custom"
	}
	if d.Loser == "" && d.Action != Hold {
		d.Loser = LoserAudit
	}
	return d, nil
}

// Complete reports whether a side tells every field that the other side tells.
// A group must only be taken from a side that does.
func (c Conflict) Complete(s Side) bool {
	for _, f := range c.Fields {
		if f.Of(s).Absent() && !f.Of(s.Other()).Absent() {
			return false
		}
	}
	return true
}

// Agreed returns the values that both sides shall hold after a decision that
// [Decide] has returned, nil if nothing was decided. A field that the chosen
// side does not tell is left out and stays as it is.
func (c Conflict) Agreed(d Decision) Values {
	agreed := make(Values, len(c.Fields))
	for _, f := range c.Fields {
		switch d.Action {
		case Take:
			if v, ok := f.Of(d.Side).Get(); ok {
				agreed[f.Name] = v
			}
		case Merge:
			agreed[f.Name] = d.Values[f.Name]
		default:
			return nil
		}
	}
	return agreed
}

// names returns "status" or "board+status".
func (c Conflict) names() string {
	names := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		names[i] = f.Name
	}
	return strings.Join(names, "+")
}

func (c Conflict) check() error {
	if len(c.Fields) == 0 {
		return errors.New("no fields")
	}
	seen := make(map[string]bool, len(c.Fields))
	for _, f := range c.Fields {
		if f.Name == "" {
			return errors.New("a field without a name")
		}
		if seen[f.Name] {
			return fmt.Errorf("field %q twice", f.Name)
		}
		seen[f.Name] = true
	}
	if ch := c.Change(); ch != Clash {
		return fmt.Errorf("nothing to decide, the change is %q", ch)
	}
	return nil
}

func (d Decision) check(c Conflict) error {
	switch d.Action {
	case NoOpinion, Merge:
	case Take:
		if d.Side != Left && d.Side != Right {
			return fmt.Errorf("take of side %q", d.Side)
		}
	case Hold:
		if d.Reason == "" {
			return errors.New("hold without a reason")
		}
	default:
		return fmt.Errorf("unknown action %q", d.Action)
	}
	if d.Side != "" && d.Action != Take {
		return fmt.Errorf("action %q with a side", d.Action)
	}
	switch d.Loser {
	case "", LoserAudit, LoserNote:
	default:
		return fmt.Errorf("unknown loser %q", d.Loser)
	}
	if d.Loser != "" && d.Action != Take && d.Action != Merge {
		return fmt.Errorf("action %q with a loser", d.Action)
	}
	if d.Action != Merge {
		if len(d.Values) > 0 {
			return fmt.Errorf("action %q with values", d.Action)
		}
		return nil
	}
	for _, f := range c.Fields {
		v, ok := d.Values[f.Name]
		if !ok {
			return fmt.Errorf("merge without a value for %q", f.Name)
		}
		if _, ok := identify(nil, v); !ok {
			return fmt.Errorf("merge with a %T for %q", v, f.Name)
		}
	}
	if len(d.Values) != len(c.Fields) {
		return errors.New("merge with a value for a field that is not part of the conflict")
	}
	return nil
}

// ask calls s; nil has no opinion.
func ask(ctx context.Context, s Strategy, c Conflict) (Decision, error) {
	if s == nil {
		return Decision{}, nil
	}
	return s(ctx, c)
}

// join adds one reason to another.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
