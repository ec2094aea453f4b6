package bridge

import (
	"context"
	"maps"
	"slices"

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
	// shown is what the person saw, by side and the name of the rule. It counts
	// until the first write, which changes one side.
	shown [2]psa.Fields
	begun bool
}

// outcome is what is to be done about one linked record.
type outcome struct {
	patch   [2]psa.Fields // by the side to write; nil if nothing
	wrote   [2][]written  // what the patch is made of
	agree   [2]psa.Fields // becomes part of the base without a write
	parked  []cache.Parked
	parks   []park // groups parked now
	decided []decided
	fatal   string // a rule says that nothing of this record may be written
	where   string // of that rule
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

type mappedTo struct {
	fields psa.Fields
	issues []mapping.Issue
	waits  []psa.Ref
}

// writeTo says where a unit is written.
type writeTo struct {
	to    [2]bool
	value conflict.Value // of a merge, in left terms
	by    *decided
}

// merge decides about one linked record. It is pure: the same input gives the
// same outcome, and nothing of the input is changed.
func (c *compiled) merge(ctx context.Context, k *kindRules, in *input) (*outcome, error) {
	m := &merging{ctx: ctx, c: c, k: k, in: in, out: &outcome{}, units: make([]state, len(k.units))}
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
	for s := range Side(2) {
		st.base[s] = conflict.At(m.in.link.Base[s], u.name)
	}
	if p := m.in.link.Pending; p != nil && p.Op == opUpdate && m.in.view[p.Side].known {
		if base, ok := m.in.arrived(u, p); ok {
			st.base = base
		}
	}
	parked := m.parkedOf(u.group)
	if parked != nil && parked.Why == whyRefused && !m.isAnswered(u.group) && (m.in.again == nil || !m.in.again(*parked)) {
		// The written system has said what it makes of the value: what stands
		// there is its answer, what comes now is new. The other side's edit was
		// carried nowhere yet, and stays one.
		if is := conflict.At(parked.Is[parked.Side], u.name); !is.Absent() {
			st.base[parked.Side] = is
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
	m.compare(u, st)
}

func (m *merging) isAnswered(g int) bool {
	_, ok := m.in.answers[m.k.groups[g].name]
	return ok
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

// to maps the other side's record to what a side should hold.
func (m *merging) to(s Side) *mappedTo {
	if m.mapped[s] == nil {
		m.mapped[s] = m.c.mapTo(s, m.record(s.Other()), m.record(s).Fields, m.in.peer[s])
	}
	return m.mapped[s]
}

// mapTo maps a record of the other side to what a side should hold; present is
// nil for a record to be created.
func (c *compiled) mapTo(s Side, rec psa.Record, present psa.Fields, peer func(psa.Kind, string) (string, bool)) *mappedTo {
	out := &mappedTo{}
	env := mapping.Env{Present: present, Link: func(kind psa.Kind, id string) (string, bool) {
		to, ok := peer(kind, id)
		if !ok {
			out.waits = append(out.waits, psa.Ref{Kind: kind, ID: id})
		}
		return to, ok
	}}
	out.fields, out.issues = c.mapper.To(mapSide(s), rec, &env)
	return out
}

func (t *mappedTo) issue(u *unit) *mapping.Issue {
	for i := range t.issues {
		if slices.Contains(u.wheres, t.issues[i].Where) {
			return &t.issues[i]
		}
	}
	return nil
}

// record returns a side's record, made from the base where it was not read.
func (m *merging) record(s Side) psa.Record {
	v := &m.in.view[s]
	if v.known {
		return v.rec
	}
	if m.made[s].Fields != nil {
		return m.made[s]
	}
	fields := psa.Fields{}
	for i := range m.k.units {
		u := &m.k.units[i]
		if u.oneWay && u.to != s {
			continue
		}
		value := conflict.At(m.in.link.Base[s], u.name)
		if p := m.parkedOf(u.group); p != nil { // it was left alone as it is, not as the base has it
			if is := conflict.At(p.Is[s], u.name); !is.Absent() {
				value = is
			}
		}
		if x, ok := value.Get(); ok {
			u.put(s, fields, x)
		}
	}
	m.made[s] = psa.Record{Ref: psa.Ref{Kind: m.k.kind, ID: m.in.link.IDs[s]}, Fields: fields}
	return m.made[s]
}

// put is the other direction of own.
func (u *unit) put(s Side, f psa.Fields, x any) {
	if s == Left {
		u.left.set(f, x)
		return
	}
	if len(u.right) == 1 {
		u.right[0].set(f, x)
		return
	}
	values, _ := x.([]any)
	for i, p := range u.right {
		if i < len(values) {
			p.set(f, values[i])
		}
	}
}

func (m *merging) parkedOf(g int) *cache.Parked {
	for i := range m.in.link.Parked {
		if m.in.link.Parked[i].Group == m.k.groups[g].name {
			return &m.in.link.Parked[i]
		}
	}
	return nil
}

// decide says what becomes of one group.
func (m *merging) decide(g int) error {
	grp := &m.k.groups[g]
	var moved, troubled bool
	for _, i := range grp.units {
		st := &m.units[i]
		moved = moved || st.changed[Left] || st.changed[Right]
		troubled = troubled || st.trouble != nil
	}
	ans, answered := m.in.answers[grp.name]
	if answered && !ans.begun && !m.shows(grp, ans) {
		answered = false // somebody was faster
	}
	if p := m.parkedOf(g); p != nil && !answered && m.stays(grp, p) && (m.in.again == nil || !m.in.again(*p)) {
		m.out.parked = append(m.out.parked, *p)
		return nil
	}
	if !moved && !troubled {
		return nil
	}
	for _, i := range grp.units {
		if is := m.units[i].trouble; is != nil {
			m.hold(g, is, m.units[i].from)
			return nil
		}
	}
	c := m.conflict(grp)
	change := c.Change()
	owner, policy, where, torn := m.owner(grp)
	effect, to := conflict.Own(owner, policy, change)
	by := ""
	switch {
	case change == conflict.Same:
		m.settle(grp)
		return nil
	case torn:
		effect = conflict.Wait
	case effect == conflict.WriteBack:
		by = "owner"
	}
	if one, side := m.oneDirection(grp); one && owner == "" && effect != conflict.Adopt {
		// Nobody said that the other side's edits have to be undone.
		if m.changed(grp, side.Other()) {
			effect, to = conflict.Propagate, conflictSide(side)
		} else {
			effect = conflict.Differ
		}
	}
	d := decided{group: g, effect: effect, by: by, where: where}
	if answered && effect != conflict.Adopt {
		effect = conflict.Contend
	}
	var values conflict.Values
	if effect == conflict.Contend {
		if change != conflict.Clash { // a person may also decide what only one side changed
			c = contested(c)
		}
		decision, err := m.ask(c, grp, ans, answered)
		if err != nil {
			return err
		}
		d.by, d.reason, d.note = decision.By, decision.Reason, decision.Loser == conflict.LoserNote
		switch decision.Action {
		case conflict.Take:
			effect, to = conflict.Propagate, decision.Side.Other()
		case conflict.Merge:
			values = decision.Values
		default:
			m.park(g, park{why: whyConflict, reason: decision.Reason, where: m.k.units[grp.units[0]].rule.Where})
			return nil
		}
	}
	switch {
	case values != nil:
		d.effect = conflict.Contend
		m.out.decided = append(m.out.decided, d)
		for _, i := range grp.units {
			w := m.at(i)
			w.to, w.value, w.by = [2]bool{true, true}, conflict.At(values, m.k.units[i].name), &m.out.decided[len(m.out.decided)-1]
		}
	case effect == conflict.Adopt:
		m.settle(grp)
	case effect == conflict.Differ:
		m.park(g, park{why: whyTolerated})
	case effect == conflict.Wait:
		reason := "the " + string(owner) + " side owns the field, and the other side changed it"
		if torn {
			reason = "the fields of this group have different owners"
		}
		m.park(g, park{why: whyAsk, reason: reason, where: where})
	default:
		m.carry(g, c, d, sideOf(to))
	}
	return nil
}

// contested makes a conflict of a difference that is none by itself, for a
// person's decision: neither side agreed on what it shows.
func contested(c conflict.Conflict) conflict.Conflict {
	c.Fields = slices.Clone(c.Fields)
	for i := range c.Fields {
		c.Fields[i].Base = conflict.Value{}
	}
	return c
}

// carry writes the values of one side to the other one.
func (m *merging) carry(g int, c conflict.Conflict, d decided, to Side) {
	grp := &m.k.groups[g]
	from := to.Other()
	switch {
	case !m.in.policy.Flow[m.k.kind].to(to):
		m.park(g, park{why: whyTolerated})
		return
	case m.in.view[to].locked:
		m.park(g, park{why: whyRefused, to: to, reason: "the record is locked on the " + to.String() + " side", where: m.k.units[grp.units[0]].rule.Where})
		return
	case len(grp.units) > 1 && !c.Complete(conflictSide(from)):
		m.park(g, park{why: whyHeld, reason: "the " + from.String() + " side does not tell every field of " + grp.name})
		return
	case m.widens(grp, from) && d.by == "":
		m.park(g, park{why: whyAsk, reason: "the " + from.String() + " side made it visible to more people", where: m.k.units[grp.units[0]].rule.Where})
		return
	}
	if m.silent(grp, from, to) {
		m.park(g, park{why: whyTolerated}) // there is nothing to write until that side tells
		return
	}
	d.to = to
	at := -1
	if d.by != "" || d.effect == conflict.WriteBack {
		m.out.decided = append(m.out.decided, d)
		at = len(m.out.decided) - 1
	}
	for _, i := range grp.units {
		st := &m.units[i]
		if st.common[from].Absent() || !st.changed[from] && !st.changed[to] {
			continue
		}
		w := m.at(i)
		w.to[to] = true
		if at >= 0 {
			w.by = &m.out.decided[at]
		}
	}
}

// silent reports whether a side would be written from one that does
// not tell a value of the group any more.
func (m *merging) silent(grp *group, from, to Side) bool {
	return slices.ContainsFunc(grp.units, func(i int) bool {
		st := &m.units[i]
		return m.in.view[from].known && st.own[from].Absent() && st.changed[to] && !st.base[from].Absent()
	})
}

func (m *merging) at(i int) *writeTo {
	if m.write == nil {
		m.write = make([]writeTo, len(m.k.units))
	}
	return &m.write[i]
}

// widens reports whether a person made something visible to more people, which
// is not carried by itself.
func (m *merging) widens(grp *group, from Side) bool {
	if m.k.kind != psa.KindNote && m.k.kind != psa.KindTimeEntry {
		return false
	}
	for _, i := range grp.units {
		u, st := &m.k.units[i], &m.units[i]
		if u.name != "visibility" || st.cbase.Absent() {
			continue
		}
		now, was := st.common[from], st.cbase
		if u.oneWay {
			now, was = u.left.get(m.record(Left).Fields), conflict.Of(string(psa.Internal))
		}
		if width(now) > width(was) {
			return true
		}
	}
	return false
}

func width(v conflict.Value) int {
	x, _ := v.Get()
	switch x {
	case string(psa.Public):
		return 2
	case string(psa.TeamOnly):
		return 1
	}
	return 0
}

// shows reports whether both sides hold what a person saw.
func (m *merging) shows(grp *group, ans answer) bool {
	for _, i := range grp.units {
		for s := range Side(2) {
			if m.in.view[s].known && !sameValue(m.units[i].own[s], conflict.At(ans.shown[s], m.k.units[i].name)) {
				return false
			}
		}
	}
	return true
}

// stays reports whether both sides hold what the group was parked with.
func (m *merging) stays(grp *group, p *cache.Parked) bool {
	for _, i := range grp.units {
		u, st := &m.k.units[i], &m.units[i]
		for s := range Side(2) {
			if !sameValue(st.own[s], conflict.At(p.Is[s], u.name)) {
				return false
			}
		}
	}
	return true
}

func (m *merging) changed(grp *group, s Side) bool {
	return slices.ContainsFunc(grp.units, func(i int) bool { return m.units[i].changed[s] })
}

// oneDirection reports whether all that changed in a group goes to one side only.
func (m *merging) oneDirection(grp *group) (ok bool, to Side) {
	for n, i := range grp.units {
		u := &m.k.units[i]
		if !u.oneWay || n > 0 && u.to != to {
			return false, 0
		}
		to = u.to
	}
	return true, to
}

// owner says who owns what changed in a group. torn: several do.
func (m *merging) owner(grp *group) (owner conflict.Side, policy conflict.Policy, where string, torn bool) {
	locked := [2]bool{m.in.view[Left].locked, m.in.view[Right].locked}
	if locked[Left] != locked[Right] {
		if locked[Left] {
			return conflict.Left, conflict.Restore, "", false
		}
		return conflict.Right, conflict.Restore, "", false
	}
	for _, i := range grp.units {
		u, st := &m.k.units[i], &m.units[i]
		if !st.changed[Left] && !st.changed[Right] {
			continue
		}
		var o conflict.Side
		var p conflict.Policy
		if u.rule.Owner != "" {
			o, p = conflict.Side(u.rule.Owner), conflict.Policy(u.rule.OnEdit)
		} else {
			o, p = m.in.policy.owner(m.k.kind, u.name, u.rule.Class)
		}
		switch {
		case o == "":
		case owner == "":
			owner, policy, where = o, p, u.rule.Where
		case owner != o:
			return owner, policy, where, true
		case p == conflict.Ask || p == conflict.Tolerate && policy != conflict.Ask:
			policy = p // the more careful one
		}
	}
	return owner, policy, where, false
}

// conflict describes a group for a strategy.
func (m *merging) conflict(grp *group) conflict.Conflict {
	l := m.in.link
	c := conflict.Conflict{
		Kind: string(m.k.kind), LeftID: l.IDs[Left], RightID: l.IDs[Right], Company: l.Company, Phase: m.in.policy.Name,
		Fields: make([]conflict.Field, len(grp.units)), LeftAt: m.in.view[Left].stamp, RightAt: m.in.view[Right].stamp,
	}
	for n, i := range grp.units {
		u, st := &m.k.units[i], &m.units[i]
		c.Fields[n] = conflict.Field{Name: u.name, Class: string(u.rule.Class), Base: st.cbase, Left: st.common[Left], Right: st.common[Right]}
	}
	return c
}

// ask decides a true conflict.
func (m *merging) ask(c conflict.Conflict, grp *group, ans answer, answered bool) (conflict.Decision, error) {
	if answered {
		d, err := conflict.Decide(m.ctx, ans.decide, c)
		d.By = ans.by
		return d, err
	}
	var rules []conflict.Strategy
	for _, i := range grp.units {
		if s := m.k.units[i].rule.Strategy; s != nil {
			rules = append(rules, s)
		}
	}
	var s conflict.Strategy
	if len(rules) > 0 {
		per := map[string]conflict.Strategy{}
		for _, i := range grp.units {
			if u := &m.k.units[i]; u.rule.Strategy != nil {
				per[u.name] = u.rule.Strategy
			}
		}
		s = conflict.PerField(per)
	}
	first := slices.ContainsFunc(grp.units, func(i int) bool { return m.units[i].cbase.Absent() })
	switch {
	case m.visible(grp):
		return m.narrower(c)
	case first && m.in.policy.First != nil:
		s = conflict.First(s, m.in.policy.First, m.in.policy.Strategy)
	case first:
		s = conflict.First(conflict.PreferFilled, s, m.in.policy.Strategy)
	default:
		s = conflict.First(s, m.in.policy.Strategy)
	}
	return conflict.Decide(m.ctx, s, c)
}

func (m *merging) visible(grp *group) bool {
	return len(grp.units) == 1 && m.k.units[grp.units[0]].name == "visibility" && !m.k.units[grp.units[0]].oneWay &&
		(m.k.kind == psa.KindNote || m.k.kind == psa.KindTimeEntry)
}

// narrower takes the visibility that fewer people have, whatever the strategy.
func (m *merging) narrower(c conflict.Conflict) (conflict.Decision, error) {
	side := conflict.Left
	if width(c.Fields[0].Right) < width(c.Fields[0].Left) {
		side = conflict.Right
	}
	return conflict.Decision{Action: conflict.Take, Side: side, By: "narrower", Loser: conflict.LoserAudit}, nil
}

// settle makes what both sides tell the base of a group.
func (m *merging) settle(grp *group) {
	for _, i := range grp.units {
		st := &m.units[i]
		if st.changed[Left] || st.changed[Right] {
			m.agree(i, st.own)
		}
	}
}

func (m *merging) agree(i int, own [2]conflict.Value) {
	for s := range Side(2) {
		if v, ok := own[s].Get(); ok {
			if m.out.agree[s] == nil {
				m.out.agree[s] = psa.Fields{}
			}
			m.out.agree[s][m.k.units[i].name] = v
		}
	}
}

// hold parks a group whose value cannot be mapped.
func (m *merging) hold(g int, is *mapping.Issue, from Side) {
	p := park{why: whyHeld, reason: is.Message, where: is.Where, code: is.Code, of: from}
	if is.Code == "unlinked" {
		p.waits = m.to(from.Other()).waits
	}
	if is.Fatal && m.out.fatal == "" {
		m.out.fatal, m.out.where = is.Message, is.Where
	}
	m.park(g, p)
}

// park leaves a group alone until one of its values changes.
func (m *merging) park(g int, p park) {
	grp := &m.k.groups[g]
	p.group, p.base = g, psa.Fields{}
	for _, i := range grp.units {
		u, st := &m.k.units[i], &m.units[i]
		if v, ok := st.cbase.Get(); ok {
			p.base[u.name] = v
		}
		for s := range Side(2) {
			if v, ok := st.own[s].Get(); ok {
				if p.is[s] == nil {
					p.is[s] = psa.Fields{}
				}
				p.is[s][u.name] = v
			}
		}
	}
	m.out.parks = append(m.out.parks, p)
}

// render turns decisions into patches.
func (m *merging) render() {
	if m.write == nil {
		return
	}
	var both [2]bool
	merged := false
	for i := range m.write {
		both[Left], both[Right] = both[Left] || m.write[i].to[Left], both[Right] || m.write[i].to[Right]
		merged = merged || !m.write[i].value.Absent()
	}
	mixed := both[Left] && both[Right] || merged
	bad := map[int]bool{}
	for s := range Side(2) {
		if !both[s] {
			continue
		}
		mapped := m.to(s)
		if mixed {
			mapped = m.c.mapTo(s, m.decidedRecord(s.Other()), m.record(s).Fields, m.in.peer[s])
		}
		for i := range m.write {
			if !m.write[i].to[s] || bad[m.k.units[i].group] {
				continue
			}
			if is := mapped.issue(&m.k.units[i]); is != nil && is.Instead == "" && !(s == Left && !m.write[i].value.Absent()) {
				bad[m.k.units[i].group] = true
				m.mapped[s] = mapped
				m.hold(m.k.units[i].group, is, s.Other())
			}
		}
		for i := range m.write {
			if m.write[i].to[s] && !bad[m.k.units[i].group] {
				m.patch(i, s, mapped)
			}
		}
	}
	for g := range bad { // nothing of a group is written if a part of it cannot be
		for s := range Side(2) {
			m.out.wrote[s] = slices.DeleteFunc(m.out.wrote[s], func(w written) bool { return m.k.units[w.unit].group == g })
		}
	}
	for s := range Side(2) {
		for _, w := range m.out.wrote[s] {
			if m.out.patch[s] == nil {
				m.out.patch[s] = psa.Fields{}
			}
			m.k.units[w.unit].put(s, m.out.patch[s], w.want)
		}
	}
}

// decidedRecord is a side's record with what the decisions make of it.
func (m *merging) decidedRecord(s Side) psa.Record {
	r := m.record(s)
	mapped := m.to(s)
	for i := range m.write {
		u, w := &m.k.units[i], &m.write[i]
		if !w.to[s] {
			continue
		}
		v := u.own(s, mapped.fields)
		if s == Left && !w.value.Absent() {
			v = w.value
		}
		if x, ok := v.Get(); ok {
			switch {
			case s == Left && u.left != nil:
				r.Fields = u.left.with(r.Fields, x)
			case s == Right && len(u.right) == 1:
				r.Fields = u.right[0].with(r.Fields, x)
			}
		}
	}
	return r
}

// patch adds one unit to what is written to a side, unless it is there already.
func (m *merging) patch(i int, s Side, mapped *mappedTo) {
	u, st, w := &m.k.units[i], &m.units[i], &m.write[i]
	want := u.own(s, mapped.fields)
	if s == Left && !w.value.Absent() {
		want = w.value
	}
	source := st.own[s.Other()]
	if len(u.right) > 1 && s == Right { // what no rule gives stays
		want = overlay(want, st.own[s])
	}
	x, ok := want.Get()
	switch {
	case !ok || !u.writes[s]:
		// The map carries nothing here: what is there is as good as agreed on.
		m.agree(i, st.own)
	case sameValue(want, st.own[s]):
		if w.value.Absent() {
			m.agree(i, st.own)
		}
	default:
		from, _ := source.Get()
		m.out.wrote[s] = append(m.out.wrote[s], written{unit: i, from: from, want: x, was: st.own[s], by: w.by, both: !w.value.Absent()})
	}
}

func overlay(want, was conflict.Value) conflict.Value {
	w, ok := want.Get()
	if !ok {
		return want
	}
	values := slices.Clone(w.([]any))
	old, _ := was.Get()
	for i, v := range values {
		if list, ok := old.([]any); ok && v == nil && i < len(list) {
			values[i] = list[i]
		}
	}
	return conflict.Of(values)
}

// sameValue compares two values: references by their ids, where both have one.
func sameValue(a, b conflict.Value) bool {
	x, ok := a.Get()
	y, known := b.Get()
	return ok == known && same(x, y)
}

func same(a, b any) bool {
	switch x := a.(type) {
	case psa.Fields:
		y, ok := b.(psa.Fields)
		if !ok {
			return false
		}
		if id := x.String("id"); id != "" && y.String("id") != "" && refLike(x) && refLike(y) {
			return id == y.String("id")
		}
		return maps.EqualFunc(x, y, same)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	case string, bool, nil:
		return a == b
	}
	return psa.ValuesEqual(a, b)
}

// refLike reports whether fields are a reference, and no object that happens to
// have an id.
func refLike(f psa.Fields) bool {
	for name := range f {
		if name != "id" && name != "name" {
			return false
		}
	}
	return true
}
