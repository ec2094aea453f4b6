package bridge

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// A view is one record as a decision sees it.
type view struct {
	rec    psa.Record
	known  bool // it was read; otherwise it is taken to be as it was left
	locked bool // the system takes no change
	stamp  conflict.Stamp
}

// input is all that the decision about one linked record depends on.
type input struct {
	link   *cache.Link
	view   [2]view
	edited [2]time.Time // when somebody else changed a record, as its stamp told before a write of the bridge
	policy *Policy
	// peer finds the counterpart on a side of a record of the other one.
	peer [2]func(kind psa.Kind, id string) (string, bool)
	// canon is what a side holds after it was sent fields; nil: just these.
	canon func(s Side, kind psa.Kind, fields psa.Fields) psa.Fields
	// again looks anew at groups that are parked for this reason; nil: at none.
	again func(cache.Parked) bool
	// answers are what people decided, by group.
	answers map[string]answer
}

// An answer is a person's decision, checked and ready to use.
type answer struct {
	decide conflict.Strategy
	by     string
	// shown is what the person saw, by side and the name of the rule, and then what
	// the first write of the answer has made of it.
	shown [2]psa.Fields
}

// outcome is what is to be done about one linked record.
type outcome struct {
	patch   [2]psa.Fields // by the side to write; nil if nothing
	wrote   [2][]written  // what the patch is made of
	agree   [2]psa.Fields // becomes part of the base without a write
	parked  []cache.Parked
	parks   []park // groups parked now
	decided []decided
	unread  [2]bool // sides whose record has to be read before this can be decided
	fatal   string  // a rule says that nothing of this record may be written
	where   string  // of that rule
}

// written is one unit of a patch.
type written struct {
	unit int
	from any // what the source tells
	want any // what the written side shall hold
	was  conflict.Value
	by   *decided
	both bool // the other side gets a new value, too: they agree once both are written
}

// decided is a choice between the two sides, for the audit.
type decided struct {
	group  int
	effect conflict.Effect
	to     Side
	by     string
	where  string
	reason string
	note   bool // the overwritten value is also to be told in a note
}

// A park is a group that has to be left alone.
type park struct {
	group  int
	why    string
	reason string
	where  string
	code   string
	to     Side      // that was written, of a refusal
	waits  []psa.Ref // unlinked records that it needs, of side of
	of     Side
	base   psa.Fields
	is     [2]psa.Fields
}

// Why a group is parked.
const (
	whyConflict  = "conflict"
	whyAsk       = "ask"
	whyHeld      = "held"
	whyRefused   = "refused"
	whyTolerated = "tolerated"
)

// state is one unit in a decision.
type state struct {
	base, own [2]conflict.Value
	changed   [2]bool
	// In the terms that both sides are compared in.
	common  [2]conflict.Value
	cbase   conflict.Value
	trouble *mapping.Issue
	from    Side // of trouble
	refused bool // base is what a system made of a value, and not agreed on
}

type merging struct {
	ctx   context.Context
	c     *compiled
	k     *kindRules
	in    *input
	out   *outcome
	units []state

	mapped [2]*mappedTo
	made   [2]psa.Record // stand-ins for records that were not read
	write  []writeTo     // by unit
}

// mergings are reused: a bridge merges each record that changed several times.
var mergings = sync.Pool{New: func() any { return new(merging) }}

// merge decides about one linked record. It is pure: the same input gives the
// same outcome, and nothing of the input is changed.
func (c *compiled) merge(ctx context.Context, k *kindRules, in *input) (*outcome, error) {
	m := mergings.Get().(*merging)
	*m = merging{ctx: ctx, c: c, k: k, in: in, out: &outcome{}, units: slices.Grow(m.units, len(k.units))[:len(k.units)]}
	defer func() {
		clear(m.units) // a pool holds nobody's values
		*m = merging{units: m.units[:0]}
		mergings.Put(m)
	}()
	for i := range k.units {
		m.look(i)
	}
	for g := range k.groups {
		if err := m.decide(g); err != nil {
			return nil, err
		}
	}
	m.render()
	return m.out, nil
}

// arrived reports whether what a pending write sent for a unit is there. Then it
// was ours, and both sides agreed on it.
func (in *input) arrived(u *unit, p *cache.Pending) (base [2]conflict.Value, ok bool) {
	rec := &in.view[p.Side].rec
	sent, is := conflict.At(p.Base[p.Side], u.name), u.own(p.Side, rec.Fields)
	if sent.Absent() || is.Absent() {
		return base, false
	}
	if !sameValue(sent, is) {
		if in.canon == nil {
			return base, false
		}
		fields := psa.Fields{}
		x, _ := sent.Get()
		u.put(p.Side, fields, x)
		if !sameValue(u.own(p.Side, in.canon(p.Side, rec.Kind, fields)), is) {
			return base, false
		}
	}
	base[p.Side], base[p.Side.Other()] = is, conflict.At(p.Base[p.Side.Other()], u.name)
	return base, true
}

// look finds out what both sides and the base tell of a unit.
func (m *merging) look(i int) {
	u, st := &m.k.units[i], &m.units[i]
	settled := false // what was sent last has arrived
	for s := range Side(2) {
		st.base[s] = conflict.At(m.in.link.Base[s], u.name)
	}
	if p := m.in.link.Pending; p != nil && p.Op == opUpdate && m.in.view[p.Side].known {
		if base, ok := m.in.arrived(u, p); ok {
			st.base, settled = base, true
		}
	}
	parked := m.parkedOf(u.group)
	if parked != nil && parked.Why == whyRefused && !settled && !m.isAnswered(u.group) && (m.in.again == nil || !m.in.again(*parked)) {
		// The written system has said what it makes of the value: what stands
		// there is its answer, what comes now is new. The other side's edit was
		// carried nowhere yet, and stays one.
		if is := conflict.At(parked.Is[parked.Side], u.name); !is.Absent() {
			st.base[parked.Side], st.refused = is, true
		}
	}
	for s := range Side(2) {
		v := &m.in.view[s]
		switch {
		case !v.known:
			st.own[s] = st.base[s]
			if parked != nil {
				if is := conflict.At(parked.Is[s], u.name); !is.Absent() {
					st.own[s] = is
				}
			}
			st.changed[s] = !st.own[s].Absent() && (st.base[s].Absent() || !sameValue(st.own[s], st.base[s]))
			continue
		case u.oneWay && u.to != s:
			mapped := m.to(u.to)
			if is := mapped.issue(u); is != nil && is.Instead == "" {
				st.trouble, st.from = is, s
				st.own[s] = st.base[s]
				continue
			}
			st.own[s] = u.own(u.to, mapped.fields)
		default:
			st.own[s] = u.own(s, v.rec.Fields)
		}
		st.changed[s] = !st.own[s].Absent() && (st.base[s].Absent() || !sameValue(st.own[s], st.base[s]))
	}
	for s := range Side(2) {
		if x, told := st.own[s].Get(); told && x == nil && m.neverTold(st, s.Other()) {
			st.changed[s] = false
		}
	}
	m.compare(u, st)
}

// neverTold reports whether a side does not tell a unit that was never
// compared: that the other side has it empty is no difference then.
func (m *merging) neverTold(st *state, s Side) bool {
	return m.in.view[s].known && st.own[s].Absent() && st.base[Left].Absent() && st.base[Right].Absent()
}

// compare brings both sides into the same terms: those of the left side, or of
// the written side of a rule that goes one way. A value that means the same as
// another one is the same value.
func (m *merging) compare(u *unit, st *state) {
	terms := Left
	if u.oneWay {
		terms = u.to
	}
	st.cbase = st.base[terms]
	for s := range Side(2) {
		st.common[s] = st.cbase
		if !st.changed[s] {
			continue
		}
		st.common[s] = st.own[s]
		if !u.oneWay && s == Right {
			mapped := m.to(Left)
			st.common[s] = u.left.get(mapped.fields)
			if is := mapped.issue(u); is != nil && is.Instead == "" {
				st.trouble, st.from, st.common[s] = is, Right, st.cbase
			} else if st.common[s].Absent() {
				st.common[s] = st.cbase
			}
		}
		if sameValue(st.common[s], st.cbase) {
			st.common[s] = st.cbase
		}
	}
	if !st.changed[Left] || !st.changed[Right] {
		return
	}
	if m.untold(u, st, Left) || m.untold(u, st, Right) || !st.common[Left].Absent() && !st.common[Right].Absent() && m.alike(u, st) {
		st.common[Right] = st.common[Left]
		return
	}
	if is := m.to(Right).issue(u); st.cbase.Absent() && !u.oneWay && st.trouble == nil && is != nil && is.Instead == "" {
		// The right side never heard of the value: what it holds instead, its
		// own default perhaps, is no opinion about it.
		st.trouble, st.from = is, Left
	}
}

// untold reports whether a side holds nothing because the map carries nothing
// of the other side's value: a technician without a counterpart, say. That is no
// opinion of the side.
func (m *merging) untold(u *unit, st *state, s Side) bool {
	if x, ok := st.own[s].Get(); !ok || x != nil || u.oneWay {
		return false
	}
	to := m.to(s)
	return to.issue(u) == nil && u.own(s, to.fields).Absent()
}

// alike reports whether both sides mean the same.
func (m *merging) alike(u *unit, st *state) bool {
	if sameValue(st.common[Left], st.common[Right]) {
		return true
	}
	if u.oneWay {
		return false
	}
	to := m.to(Right)
	is := to.issue(u)
	return (is == nil || is.Instead != "") && sameValue(u.own(Right, to.fields), st.own[Right])
}
