package conflict

// A Change says who changed a field since the base.
type Change string

// The changes.
const (
	Same      Change = "same"       // nobody
	LeftOnly  Change = "left only"  // the left side
	RightOnly Change = "right only" // the right side
	BothSame  Change = "both same"  // both, to the same value, or they are found equal without a base
	Clash     Change = "clash"      // both, to different values: a true conflict
)

// Classify compares both sides with the base, as the table in the package
// comment has it. A side that does not tell a value (absent) changed nothing:
// absence is no evidence. A caller that writes because of a RightOnly must
// therefore have read the left record in full.
func Classify(base, left, right Value) Change {
	l := left.known && !left.Equal(base)
	r := right.known && !right.Equal(base)
	switch {
	case l && r && left.Equal(right):
		return BothSame
	case l && r:
		return Clash
	case l:
		return LeftOnly
	case r:
		return RightOnly
	default:
		return Same
	}
}

// Change returns the change of a field, or of a group as a whole. A side whose
// values contain all changes of the other one is the only one that changed;
// where each side changed something that the other did not, the group is a
// Clash, though no single field of it may be.
func (c Conflict) Change() Change {
	var left, right, both bool
	for _, f := range c.Fields {
		switch Classify(f.Base, f.Left, f.Right) {
		case LeftOnly:
			left = true
		case RightOnly:
			right = true
		case BothSame:
			both = true
		case Clash:
			return Clash
		}
	}
	switch {
	case left && right:
		return Clash
	case left:
		return LeftOnly
	case right:
		return RightOnly
	case both:
		return BothSame
	default:
		return Same
	}
}

// A Policy says what becomes of a change by a side that does not own the field.
type Policy string

// The policies. The zero value is Restore.
const (
	Restore  Policy = "restore"  // the owner's value is written back
	Tolerate Policy = "tolerate" // the sides are left to differ
	Ask      Policy = "ask"      // it waits for a person
)

// An Effect says what a change leads to.
type Effect string

// The effects.
const (
	Nothing   Effect = "nothing"    // nobody changed anything
	Adopt     Effect = "adopt"      // the sides agree: the value becomes the base, nothing is written
	Propagate Effect = "propagate"  // the changed value is written to the other side
	WriteBack Effect = "write back" // the owner's value is written over the other side's change, which goes to the audit
	Differ    Effect = "differ"     // both sides and the base stay as they are
	Wait      Effect = "wait"       // likewise, and a person decides
	Contend   Effect = "contend"    // a true conflict: ask a Strategy
)

// Own says what a change leads to, given who owns the field; an empty owner
// stands for nobody. to is the side that is written, empty if none is. See the
// table in the package comment.
//
// Under Tolerate, and under Ask, a change by the owner is not written over the
// other side's own change; it is as soon as that one is undone. A WriteBack of
// a value that the owner does not tell has nothing to write. A group is only
// to be written from a side that is [Conflict.Complete].
//
// An unknown owner, policy or change waits for a person, so that a misspelt
// policy overwrites nothing.
func Own(owner Side, policy Policy, change Change) (effect Effect, to Side) {
	switch change {
	case Same:
		return Nothing, ""
	case BothSame:
		return Adopt, ""
	case LeftOnly, RightOnly, Clash:
	default:
		return Wait, ""
	}
	switch owner {
	case "":
		switch change {
		case LeftOnly:
			return Propagate, Right
		case RightOnly:
			return Propagate, Left
		default:
			return Contend, ""
		}
	case Left, Right:
	default:
		return Wait, ""
	}
	if change == LeftOnly && owner == Left || change == RightOnly && owner == Right {
		return Propagate, owner.Other()
	}
	switch policy {
	case "", Restore:
		return WriteBack, owner.Other()
	case Tolerate:
		return Differ, ""
	default:
		return Wait, ""
	}
}
