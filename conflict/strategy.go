package conflict

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// PreferLeft takes the left side.
func PreferLeft(context.Context, Conflict) (Decision, error) {
	return Decision{Action: Take, Side: Left, By: "left"}, nil
}

// PreferRight takes the right side.
func PreferRight(context.Context, Conflict) (Decision, error) {
	return Decision{Action: Take, Side: Right, By: "right"}, nil
}

// PreferFilled takes the side that has a value where the other has none: null,
// an empty text, an empty list. Of a group, all fields have to be empty. It has
// no opinion where both or neither are. Meant for the first comparison of two
// systems; later it undoes what people cleared.
func PreferFilled(_ context.Context, c Conflict) (Decision, error) {
	left, right := filled(c, Left), filled(c, Right)
	switch {
	case left && !right:
		return Decision{Action: Take, Side: Left, By: "filled", Reason: "the right side is empty"}, nil
	case right && !left:
		return Decision{Action: Take, Side: Right, By: "filled", Reason: "the left side is empty"}, nil
	case left:
		return pass("filled: both sides have a value")
	default:
		return pass("filled: neither side has a value")
	}
}

func filled(c Conflict, s Side) bool {
	return slices.ContainsFunc(c.Fields, func(f Field) bool { return !empty(f.Of(s)) })
}

// Manual leaves the conflict to a person.
func Manual(_ context.Context, c Conflict) (Decision, error) {
	return Decision{Action: Hold, By: "manual", Reason: "the rule for " + c.names() + " asks for a person"}, nil
}

// DefaultSkew is the skew that [Newest] allows for if none is set.
const DefaultSkew = time.Minute

// NewestOptions configures [Newest].
type NewestOptions struct {
	// Skew bounds how far the clocks behind the two sides' stamps may be apart.
	// 0 means DefaultSkew, a negative value means not at all.
	Skew time.Duration
}

// Newest takes the side that changed last. No PSA tells when a field changed,
// only when the record did, so that a stamp is evidence and no proof: Newest
// has no opinion where a stamp is missing, where something else explains one
// ([Stamp.ExplainedBy]), and where the stamps are no further apart than the skew
// and the coarser granularity together. With clocks within the skew it never
// takes the older change. A nil o means defaults.
func Newest(o *NewestOptions) Strategy {
	skew := DefaultSkew
	if o != nil && o.Skew != 0 {
		skew = max(o.Skew, 0)
	}
	return func(_ context.Context, c Conflict) (Decision, error) {
		for _, s := range []struct {
			side Side
			at   Stamp
		}{{Left, c.LeftAt}, {Right, c.RightAt}} {
			if s.at.At.IsZero() {
				return pass("newest: the %s side has no stamp", s.side)
			}
			if s.at.ExplainedBy != "" {
				return pass("newest: the %s side's stamp is explained by %s", s.side, s.at.ExplainedBy)
			}
		}
		window := skew + max(0, c.LeftAt.Granularity, c.RightAt.Granularity)
		if window < skew { // too large to be told
			window = math.MaxInt64
		}
		ahead := c.LeftAt.At.Sub(c.RightAt.At)
		winner := Left
		if ahead < 0 {
			winner, ahead = Right, c.RightAt.At.Sub(c.LeftAt.At)
		}
		if ahead <= window {
			return pass("newest: the stamps are %s apart, within %s", ahead, window)
		}
		return Decision{Action: Take, Side: winner, By: "newest", Reason: fmt.Sprintf("changed %s later", ahead)}, nil
	}
}

// pass is no opinion, with the reason.
func pass(format string, args ...any) (Decision, error) {
	return Decision{Reason: fmt.Sprintf(format, args...)}, nil
}

// SourceOfTruth takes a side for the fields named, by name or by class
// ("class:billing"), and has no opinion about others. Without names it takes
// that side always. A group that has one of the fields is taken as a whole.
func SourceOfTruth(side Side, fields ...string) Strategy {
	fields = slices.Clone(fields)
	return func(_ context.Context, c Conflict) (Decision, error) {
		d := Decision{Action: Take, Side: side, By: "source_of_truth"}
		if len(fields) == 0 {
			return d, nil
		}
		for _, f := range c.Fields {
			for _, want := range fields {
				if f.is(want) {
					d.By += "[" + want + "]"
					return d, nil
				}
			}
		}
		return pass("source_of_truth: %s is none of the fields that the %s side decides", c.names(), side)
	}
}

const classPrefix = "class:"

// is reports whether the selector, a name or "class:" and a class, means f.
func (f Field) is(selector string) bool {
	if class, ok := strings.CutPrefix(selector, classPrefix); ok {
		return f.Class != "" && f.Class == class
	}
	return f.Name == selector
}
