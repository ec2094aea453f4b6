package bridge

import (
	"slices"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

func (m *merging) isAnswered(g int) bool {
	_, ok := m.in.answers[m.k.groups[g].name]
	return ok
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
	if answered && !m.shows(grp, ans) {
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
	if effect == conflict.Contend && !answered && !(m.in.view[Left].known && m.in.view[Right].known) {
		// What a side was parked with may be old, and has no stamp to go by.
		for s := range Side(2) {
			m.out.unread[s] = !m.in.view[s].known
		}
		return nil
	}
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
		if owner != "" && !slices.ContainsFunc(c.Fields, func(f conflict.Field) bool { return !f.Of(owner).Absent() }) {
			reason += "; the owner's side does not tell it"
		}
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
	case !m.in.view[from].known && slices.ContainsFunc(grp.units, func(i int) bool { return m.k.units[i].oneWay }):
		m.out.unread[from] = true // the base has only what the other side made of its value
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
		if st.common[from].Absent() || !st.changed[from] && !st.changed[to] && !st.refused {
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
