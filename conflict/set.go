package conflict

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DefaultMaxItems is the longest list that [MergeSet] merges if none is set.
const DefaultMaxItems = 10_000

// SetOptions configures [MergeSet].
type SetOptions struct {
	// Key names what identifies an element of a list of objects, e.g. "id", or
	// "type.id" and "value". Without it an element is identified by its whole
	// value, and a changed element is one removed and one added.
	Key []string
	// AtMostOne names a flag that at most one element may carry, e.g. "default";
	// Per names what it is unique within, e.g. "medium" (one default address
	// and one default number). A merge that would break this overlaps.
	AtMostOne, Per string
	// MaxItems bounds each list. 0 means DefaultMaxItems.
	MaxItems int
	// Hold leaves lists that cannot be merged to a person instead of to the next
	// strategy.
	Hold bool
}

// MergeSet merges lists whose order means nothing: what a side added is added,
// what a side removed is removed. With a key, an element that one side changed
// is changed; both sides changing it, or one changing and one removing it,
// overlap. Without a base nothing is known to be removed, so that the union is
// taken. Null is the empty list.
//
// If the merged set is what one side has, that side's list is returned as it is,
// else its elements stand in the base's order with additions after them, sorted
// by key. It has no opinion about groups, overlaps, values that are no list,
// elements without a key, a key that a list has twice, and lists too long. A nil
// o means defaults.
func MergeSet(o *SetOptions) Strategy {
	var opt SetOptions
	if o != nil {
		opt = *o
		opt.Key = slices.Clone(o.Key)
	}
	if opt.MaxItems <= 0 {
		opt.MaxItems = DefaultMaxItems
	}
	return func(_ context.Context, c Conflict) (Decision, error) {
		merged, why := opt.merge(c)
		return mergeDecision(c, "merge_set", merged, why, opt.Hold)
	}
}

func (o SetOptions) merge(c Conflict) (merged any, why string) {
	if len(c.Fields) != 1 {
		return nil, "a group is not merged"
	}
	f := c.Fields[0]
	var sets [3]set
	for i, v := range []Value{f.Base, f.Left, f.Right} {
		if v.Absent() && i > 0 {
			return nil, "a side does not tell the list"
		}
		if sets[i], why = o.set(v); why != "" {
			return nil, why
		}
	}
	base, left, right := sets[0], sets[1], sets[2]
	if f.Left.Equal(f.Right) || f.Right.Equal(f.Base) {
		return f.Left.v, ""
	}
	if f.Left.Equal(f.Base) {
		return f.Right.v, ""
	}

	keys := base.keys
	added := make(map[string]bool)
	for _, k := range slices.Concat(left.keys, right.keys) {
		if _, ok := base.at[k]; !ok {
			added[k] = true
		}
	}
	keys = slices.Concat(keys, slices.Sorted(maps.Keys(added)))

	list := []any{}
	result := set{at: make(map[string]any)}
	for _, k := range keys {
		v, keep, clean := element(At(base.at, k), At(left.at, k), At(right.at, k))
		if !clean {
			return nil, "both sides changed the same element"
		}
		if keep {
			list = append(list, v)
			result.at[k] = v
		}
	}
	if !o.unique(list) {
		return nil, fmt.Sprintf("two elements would be %q", o.AtMostOne)
	}

	isLeft, isRight := result.equal(left), result.equal(right)
	switch {
	case isLeft && isRight:
		// The same set in another order: any choice does, if it does not depend
		// on which side is called left.
		l, _ := identify(nil, f.Left.v)
		r, _ := identify(nil, f.Right.v)
		if string(l) <= string(r) {
			return f.Left.v, ""
		}
		return f.Right.v, ""
	case isLeft:
		return f.Left.v, ""
	case isRight:
		return f.Right.v, ""
	default:
		return list, ""
	}
}

// element merges one element. Here absent means that a list does not have it.
func element(base, left, right Value) (v any, keep, clean bool) {
	winner := right
	switch {
	case left.Equal(right), right.Equal(base):
		winner = left
	case !left.Equal(base):
		return nil, false, false
	}
	v, keep = winner.Get()
	return v, keep, true
}

// A set is a list by the identity of its elements.
type set struct {
	keys []string // in the order of the list
	at   map[string]any
}

func (s set) equal(t set) bool { return maps.EqualFunc(s.at, t.at, Equal) }

func (o SetOptions) set(v Value) (s set, why string) {
	list, isList := v.v.([]any)
	if v.v != nil && !isList {
		return s, "a value is no list"
	}
	if len(list) > o.MaxItems {
		return s, fmt.Sprintf("a list has more than %d elements", o.MaxItems)
	}
	s.at = make(map[string]any, len(list))
	for _, e := range list {
		key, ok := o.identity(e)
		if !ok {
			return s, "an element has no key"
		}
		if _, twice := s.at[key]; !twice {
			s.keys = append(s.keys, key)
		} else if len(o.Key) > 0 {
			return s, "two elements of a list have the same key"
		}
		s.at[key] = e
	}
	return s, ""
}

// identity returns the key of an element; ok is false if a part of it is missing
// or null.
func (o SetOptions) identity(e any) (key string, ok bool) {
	if len(o.Key) == 0 {
		b, ok := identify(nil, e)
		return string(b), ok
	}
	var b []byte
	for _, name := range o.Key {
		v := lookup(e, name)
		if v == nil {
			return "", false
		}
		if b, ok = identify(b, v); !ok {
			return "", false
		}
		b = append(b, ',')
	}
	return string(b), true
}

// unique reports whether the flag of AtMostOne stands at most once.
func (o SetOptions) unique(list []any) bool {
	if o.AtMostOne == "" {
		return true
	}
	seen := make(map[string]bool)
	for _, e := range list {
		if lookup(e, o.AtMostOne) != true {
			continue
		}
		var within []byte
		if o.Per != "" {
			within, _ = identify(nil, lookup(e, o.Per))
		}
		if seen[string(within)] {
			return false
		}
		seen[string(within)] = true
	}
	return true
}

// lookup returns the value at a dotted path, nil if there is none.
func lookup(v any, path string) any {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, ".")
		m, ok := asMap(v)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}
