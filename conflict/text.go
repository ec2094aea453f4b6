package conflict

import (
	"context"
	"fmt"
	"strings"
)

// Bounds of [MergeText]. Past them it has no opinion.
const (
	// DefaultMaxText is the largest text in bytes if none is set.
	DefaultMaxText = 256 << 10

	maxLines = 20_000
	maxEdits = 1_000 // lines added and removed between the base and a side
)

// TextOptions configures [MergeText].
type TextOptions struct {
	// MaxBytes bounds each of the three texts. 0 means DefaultMaxText.
	MaxBytes int
	// Hold leaves texts that cannot be merged to a person instead of to the next
	// strategy.
	Hold bool
}

// MergeText merges the changes of both sides to a text line by line, as diff3
// and git do. It has an opinion only about a clean merge: changes of both sides
// that touch, without an unchanged line between them, overlap unless they are
// the same. What it returns holds no conflict markers.
//
// A final newline, and whether lines end with CRLF, is merged like one more
// line; a text that has both kinds of line end counts as LF. A null base is the
// empty text. It has no opinion about groups, about values that are no text,
// without a base, and about texts too large or too different to compare. A nil o
// means defaults.
func MergeText(o *TextOptions) Strategy {
	limit, hold := DefaultMaxText, false
	if o != nil {
		hold = o.Hold
		if o.MaxBytes > 0 {
			limit = o.MaxBytes
		}
	}
	return func(_ context.Context, c Conflict) (Decision, error) {
		merged, why := mergeTextField(c, limit)
		return mergeDecision(c, "merge_text", merged, why, hold)
	}
}

// mergeDecision makes a decision of a merged value, or of why there is none.
func mergeDecision(c Conflict, by string, merged any, why string, hold bool) (Decision, error) {
	switch {
	case why == "":
		return Decision{Action: Merge, Values: Values{c.Fields[0].Name: merged}, By: by}, nil
	case hold:
		return Decision{Action: Hold, By: by, Reason: by + ": " + why}, nil
	default:
		return pass("%s: %s", by, why)
	}
}

func mergeTextField(c Conflict, limit int) (merged any, why string) {
	if len(c.Fields) != 1 {
		return nil, "a group is not merged"
	}
	f := c.Fields[0]
	var texts [3]string
	for i, v := range []Value{f.Base, f.Left, f.Right} {
		s, isText := v.v.(string)
		nullBase := i == 0 && v.known && v.v == nil
		switch {
		case i == 0 && v.Absent():
			return nil, "there is no base"
		case !isText && !nullBase:
			return nil, fmt.Sprintf("%s is no text", [...]string{"the base", "the left value", "the right value"}[i])
		case len(s) > limit:
			return nil, fmt.Sprintf("a text has more than %d bytes", limit)
		}
		texts[i] = s
	}
	m, why := mergeText(texts[0], texts[1], texts[2])
	return m, why
}

// mergeText merges three texts; why is empty if that is clean.
func mergeText(base, left, right string) (merged, why string) {
	switch {
	case left == right, right == base:
		return left, ""
	case left == base:
		return right, ""
	}
	var t [3]text
	ids := make(map[string]int)
	for i, s := range []string{base, left, right} {
		t[i] = split(s)
		if len(t[i].lines) > maxLines {
			return "", fmt.Sprintf("a text has more than %d lines", maxLines)
		}
		t[i].number(ids)
	}
	toLeft, ok1 := diff(t[0].ids, t[1].ids, maxEdits)
	toRight, ok2 := diff(t[0].ids, t[2].ids, maxEdits)
	if !ok1 || !ok2 {
		return "", fmt.Sprintf("a side has more than %d changed lines", maxEdits)
	}
	lines, ok := merge3(t, toLeft, toRight)
	if !ok {
		return "", "both sides changed the same lines"
	}

	// Two sides that differ from a base of two states agree, so that only an
	// unknown base leaves something to choose.
	end := "\n"
	if pick(t[0].crlf, t[1].crlf, t[2].crlf) == Of(true) {
		end = "\r\n"
	}
	closed := pick(t[0].closed, t[1].closed, t[2].closed) == Of(true)
	var b strings.Builder
	b.Grow(len(left) + len(right))
	for i, l := range lines {
		if end == "\r\n" {
			l = strings.TrimSuffix(l, "\r") // of a text with both kinds of line end
		}
		b.WriteString(l)
		if closed || i < len(lines)-1 {
			b.WriteString(end)
		}
	}
	return b.String(), ""
}

// pick merges a bool that may be unknown; absent where that leads nowhere.
func pick(base, left, right Value) Value {
	switch Classify(base, left, right) {
	case LeftOnly, BothSame:
		return left
	case RightOnly:
		return right
	case Clash:
		return Value{}
	default:
		return base
	}
}

// A text is taken apart into lines without their ends.
type text struct {
	lines  []string
	ids    []int // equal for equal lines of all three texts
	crlf   Value // bool: all lines end with CRLF; absent without a line end
	closed Value // bool: the last line has an end; absent for the empty text
}

func split(s string) (t text) {
	if s == "" {
		return t
	}
	t.closed = Of(strings.HasSuffix(s, "\n"))
	t.lines = strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	ended := len(t.lines) // lines that have an end
	if t.closed == Of(false) {
		ended--
	}
	if ended == 0 {
		return t
	}
	for _, l := range t.lines[:ended] {
		if !strings.HasSuffix(l, "\r") {
			t.crlf = Of(false)
			return t
		}
	}
	t.crlf = Of(true)
	for i := range ended {
		t.lines[i] = strings.TrimSuffix(t.lines[i], "\r")
	}
	return t
}

func (t *text) number(ids map[string]int) {
	t.ids = make([]int, len(t.lines))
	for i, l := range t.lines {
		id, ok := ids[l]
		if !ok {
			id = len(ids)
			ids[l] = id
		}
		t.ids[i] = id
	}
}
