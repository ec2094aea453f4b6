package simulation_test

import "github.com/psasync/psasync/internal/simulation"

// A bug is a change of the engine that the simulation has to notice.
type bug struct {
	name   string
	edits  []edit
	within int      // histories
	passed int      // histories before those, which do not find it and need not be run again
	by     []string // invariants that may tell
	order  bool     // only edits in two orders show it
	// rate, for a bug that breaks no invariant, counts what it makes more frequent.
	rate func(simulation.Stats) int
}

// An edit replaces a text that a file of psa/bridge, or one with a path from the
// root, has exactly once.
type edit struct{ file, old, new string }

var bugs = []bug{
	{
		name: "no intent before create", within: 100, by: []string{"I30"},
		edits: []edit{{"create.go", "	if err := r.save(cache.StateBatch{Links: []cache.Link{l}, Synced: true}); err != nil {\n		return \"\", err\n	}\n	l.Rev++\n", ""}},
	},
	{
		name: "blind retry of a create", within: 20000, by: []string{"I4"},
		edits: []edit{
			{"recover.go", "	found, several, err := r.trace(k, &l)\n", "	var found *psa.Record\n	several, err := false, error(nil)\n"},
			{"create.go", "		if ok {\n			// A first try", "		if ok && false {\n			// A first try"},
		},
	},
	{
		name: "absence is a delete", within: 20000, by: []string{"I8"},
		edits: []edit{{"deletes.go", "		if err := r.suspect(l, s); err != nil {", "		if err := r.buried(l, s, psa.Deletion{Ref: psa.Ref{Kind: kind, ID: id}}, nil); err != nil {"}},
	},
	{
		name: "no merge base", within: 500, by: []string{"I1", "I3", "I22", "I25"},
		edits: []edit{{"merge.go", "		st.base[s] = conflict.At(m.in.link.Base[s], u.name)\n	}\n	if p :=", "		st.base[s] = conflict.Value{}\n	}\n	if p :="}},
	},
	{
		name: "cursor from the local clock", within: 20000, by: []string{"I1"},
		edits: []edit{{"pull.go", "	l.cur.Began = r.server[s]\n", "	l.cur.Began = r.now()\n"}},
	},
	{
		name: "base committed before the write", within: 20000, by: []string{"I1", "I3", "I25"},
		edits: []edit{{"write.go", "	l.Pending = p\n	b := ", "	l.Pending = p\n	l.Base = [2]psa.Fields{overlaid(l.Base[Left], p.Base[Left]), overlaid(l.Base[Right], p.Base[Right])}\n	b := "}},
	},
	{
		name: "no tombstone", within: 1000, by: []string{"I5", "I7"},
		edits: []edit{
			{"deletes.go", "	b := cache.StateBatch{Links: []cache.Link{l}, Audits: []cache.Audit{{Op: opGone,", "	b := cache.StateBatch{DropLinks: []string{l.Key}, Audits: []cache.Audit{{Op: opGone,"},
			{"deletes.go", "		b.Links[0] = l\n", ""},
		},
	},
	{
		name: "manual conflict dropped", within: 20000, by: []string{"I1"},
		edits: []edit{{"decide.go", "			m.park(g, park{why: whyConflict, reason: decision.Reason, where: m.k.units[grp.units[0]].rule.Where})\n", "			m.settle(grp)\n"}},
	},
	{
		name: "the whole record is written", within: 1000, by: []string{"I22"},
		edits: []edit{
			{"write.go", "	patch := psa.Patch{Set: out.patch[to],", "	whole := psa.Fields{}\n	for i := range k.units {\n		if v, ok := k.units[i].own(to, before.Fields).Get(); ok && k.units[i].writes[to] {\n			k.units[i].put(to, whole, v)\n		}\n	}\n	patch := psa.Patch{Set: layered(whole, out.patch[to]),"},
		},
	},
	{
		name: "cursor saved before its rows", within: 20000, by: []string{"I1"},
		edits: []edit{{"pull.go", "	for rec, err := range r.sides[s].List(r.ctx, kind, q) {\n", "	if early := cur; !l.cur.Began.IsZero() {\n		early.Since = l.cur.Began.Add(-f.Granularity - r.b.opts.Overlap)\n		if err := r.checkpoint(early); err != nil {\n			return false, err\n		}\n	}\n	for rec, err := range r.sides[s].List(r.ctx, kind, q) {\n"}},
	},
	{
		name: "cursor moved past a failed list", within: 20000, by: []string{"I1"},
		edits: []edit{{"pull.go", "		if err := r.flush(); err != nil {\n			return false, err\n		}\n		return false, r.side(s, kind, l.err)\n", "		if err := r.side(s, kind, l.err); err != nil {\n			return false, err\n		}\n"}},
	},
	{
		name: "base taken from the record after a crash", within: 20000, by: []string{"I1", "I3"},
		edits: []edit{{"recover.go", "	_, err = r.reconcile(l, s, rec, how{both: true})\n", "	to := s.Other()\n	now, err := r.sides[to].Get(r.ctx, psa.Ref{Kind: l.Kind, ID: l.IDs[to]})\n	if err != nil {\n		return err\n	}\n	for name := range l.Pending.Base[to] {\n		if u := r.unitFor(r.c.kinds[l.Kind], to, name); u != nil {\n			if v, ok := u.own(to, now.Fields).Get(); ok {\n				l.Base[to] = overlaid(l.Base[to], psa.Fields{name: v})\n			}\n		}\n	}\n	l.Pending = nil\n	_, err = r.reconcile(l, s, rec, how{both: true})\n"}},
	},
	{
		name: "cursor leaves out its own second", within: 20000, by: []string{"I1"},
		edits: []edit{{"pull.go", "		cur.Since = began.Add(-f.Granularity - r.b.opts.Overlap)\n", "		cur.Since = began.Truncate(f.Granularity).Add(f.Granularity)\n"}},
	},
	{
		name: "cursor beyond the beginning of the list", within: 20000, by: []string{"I1"},
		edits: []edit{
			{"pull.go", "	if began.IsZero() { // this system", "	if t, err := psa.ServerTime(r.ctx, r.sides[l.side].Provider); err == nil {\n		began = t\n	}\n	if began.IsZero() { // this system"},
			{"pull.go", "		cur.Since = began.Add(-f.Granularity - r.b.opts.Overlap)\n", "		cur.Since = began.Add(0 * f.Granularity)\n"},
		},
	},
	{
		name: "own writes are not remembered", rate: func(s simulation.Stats) int { return s.FalseConflicts },
		edits: []edit{{"write.go", "				agreed[to][u.name], agreed[to.Other()][u.name] = x, w.from\n", "				_ = x\n"}},
	},
	{
		name: "leaving the scope is a delete", within: 20000, by: []string{"I8"},
		edits: []edit{{"reconcile.go", "		return false, r.sleep(l, s, rec, out)\n", "		return false, r.buried(l, s, psa.Deletion{Ref: rec.Ref}, nil)\n"}},
	},
	{
		name: "groups are split", within: 20000, by: []string{"I16"},
		edits: []edit{{"compile.go", "					at[j] = to\n", "					at[j] = from\n					_ = to\n"}},
	},
	{
		name: "a foreign change becomes the base", within: 20000, by: []string{"I1", "I3"},
		edits: []edit{{"write.go", "ok && (same(x, w.want) || sameValue(stored, u.own(to, canon))) {", "ok && (same(x, w.want) || sameValue(stored, u.own(to, canon)) || true) {"}},
	},
	{
		name: "closed before the last note", within: 20000, by: []string{"I28"},
		edits: []edit{
			{"reconcile.go", "		if !h.late && r.closesTicket(k, to, in, out) {\n", "		if false {\n"},
			{"create.go", "	open := r.isClosing(k, to, fields)\n", "	open := false\n"},
		},
	},
	{
		name: "a note is made visible to more people", within: 20000, by: []string{"I28"},
		edits: []edit{{"decide.go", "	case m.widens(grp, from) && d.by == \"\":\n", "	case m.widens(grp, from) && false:\n"}},
	},
	{
		name: "a locked time entry is written", within: 20000, by: []string{"I28"},
		edits: []edit{{"reconcile.go", "locked: rec.Fields.Bool(\"locked\") == psa.Yes}", "locked: false}"}},
	},
	{
		name: "a row that failed gets no task", within: 20000, by: []string{"I1"},
		edits: []edit{{"tasks.go", "	b := cache.StateBatch{Tasks: []cache.Task{t}}\n	if rec != nil {\n", "	b := cache.StateBatch{}\n	if rec != nil {\n"}},
	},
	{
		name: "markers are not looked for", within: 20000, by: []string{"I4"},
		edits: []edit{{"marker.go", "	if !r.searchable(k, on) {\n		return rec, false, nil\n", "	if true {\n		return rec, false, nil\n"}},
	},
	{
		name: "an answer to outdated values is used", within: 20000, by: []string{"I3"},
		edits: []edit{
			{"answer.go", "		if !fits { // it", "		if !fits && false { // it"},
			{"decide.go", "	if answered && !m.shows(grp, ans) {", "	if false {"},
			{"tasks.go", "			case same(was.Left, t.Left) && same(was.Right, t.Right):\n", "			case true:\n"},
		},
	},
	{
		name: "an answer to what is not shown any more is taken", within: 20000, by: []string{"I3"},
		edits: []edit{{"queue.go", "	case a.Rev != 0 && a.Rev != t.Rev:\n", "	case false:\n"}},
	},
	{
		name: "a hash is kept before the row was dealt with", within: 20000, by: []string{"I1"},
		edits: []edit{{"pull.go", "	l, ok, err := r.st.LinkOf(r.ctx, r.source, s, rec.Ref)\n	if err != nil {\n		return &stateErr{err}\n	}\n	switch {\n", "	if err := r.save(cache.StateBatch{Seen: r.seenOf(s, rec)}); err != nil {\n		return err\n	}\n	l, ok, err := r.st.LinkOf(r.ctx, r.source, s, rec.Ref)\n	if err != nil {\n		return &stateErr{err}\n	}\n	switch {\n"}},
	},
	{
		name: "a stamp that is not over is taken for the last one", within: 20000, by: []string{"I1"},
		edits: []edit{{"pull.go", "	if r.touchable(s, rec) {\n", "	if false {\n"}},
	},
	{
		name: "markers that lists leave out are not read", within: 20000, by: []string{"I4", "I25"},
		edits: []edit{{"marker.go", "told || marker == nil {", "told || true {"}},
	},
	{
		name: "a parked conflict is forgotten", within: 20000, by: []string{"I1", "I13", "I25"},
		edits: []edit{{"reconcile.go", "	l.Parked = slices.Clone(out.parked)\n", "	l.Parked = nil\n"}},
	},
	{
		name: "a lost lease is ignored", within: 20000, by: []string{"I3", "I4", "I7", "I30"},
		edits: []edit{
			{"run.go", "	if r.lease == nil || !now.After(r.renew) {\n", "	if true {\n"},
			{"run.go", "		b.Token = r.lease.Token()\n", "		b.Token = 0\n"},
		},
	},
	{
		name: "people are told of what is old", within: 20000, by: []string{"I31"},
		edits: []edit{
			{"act.go", "	if !h.live || p.Notify == nil {\n", "	if p.Notify == nil {\n"},
			{"act.go", "now.Sub(edited) > r.b.opts.LiveWindow {", "false {"},
		},
	},
	{
		name: "the newest change by the local clock", within: 20000, by: []string{"I15"},
		edits: []edit{{"reconcile.go", "	v.stamp = conflict.Stamp{At: rec.Updated, Granularity: f.Granularity}\n", "	v.stamp = conflict.Stamp{At: rec.Updated, Granularity: f.Granularity}\n	if s == Right {\n		v.stamp.At = r.now()\n	}\n"}},
	},
	{
		name: "the newest change by stamps that are too close", within: 20000, by: []string{"I15"},
		edits: []edit{{"conflict/strategy.go", "		if ahead <= window {\n", "		if ahead == 0 {\n"}},
	},
	{
		name: "a stamp of the bridge's own counts as an edit", within: 20000, by: []string{"I15"},
		edits: []edit{{"reconcile.go", "	case !rec.Updated.After(l.Wrote[s].Add(f.Granularity)):\n", "	case false:\n"}},
	},
	{
		name: "a note counts as an edit of its ticket", within: 20000, by: []string{"I15"},
		edits: []edit{{"reconcile.go", "	case !l.Child[s].IsZero() && rec", "	case false && rec"}},
	},
	{
		name: "wrong tie-break", within: 20000, by: []string{"I15"},
		edits: []edit{{"decide.go", "	default:\n		s = conflict.First(s, m.in.policy.Strategy)\n", "	default:\n		s = conflict.First(s, conflict.Newest(nil), conflict.PreferRight)\n"}},
	},
	{
		name: "the policy goes before the rule", within: 20000, by: []string{"I15"},
		edits: []edit{{"decide.go", "	default:\n		s = conflict.First(s, m.in.policy.Strategy)\n", "	default:\n		s = conflict.First(m.in.policy.Strategy, s)\n"}},
	},
	{
		name: "the first comparison clears what one side has", within: 20000, by: []string{"I15"},
		edits: []edit{{"decide.go", "		s = conflict.First(conflict.PreferFilled, s, m.in.policy.Strategy)\n", "		s = conflict.First(s, m.in.policy.Strategy)\n"}},
	},
	{
		name: "the loser is not in the audit", within: 20000, by: []string{"I3", "I15"},
		edits: []edit{{"write.go", "			if v, ok := w.was.Get(); ok {\n				a.Before[name] = v\n			}\n", ""}},
	},
	{
		name: "writes whose answer was lost are not remembered", rate: func(s simulation.Stats) int { return s.FalseConflicts },
		edits: []edit{
			{"write.go", "	if p == nil || p.Op != opUpdate || !in.view[p.Side].known {\n", "	if true {\n"},
			{"merge.go", "	if p := m.in.link.Pending; p != nil && p.Op == opUpdate && m.in.view[p.Side].known {\n", "	if p := m.in.link.Pending; p != nil && false {\n"},
		},
	},
	{
		name: "children of a merged record go to the wrong parent", within: 20000, by: []string{"I5"},
		edits: []edit{{"reconcile.go", "	return l.IDs[s], true\n", "	if head := keyOf(s, psa.Ref{Kind: kind}); len(l.Key) > len(head) && l.Key[:len(head)] == head {\n		return l.Key[len(head):], true\n	}\n	return l.IDs[s], true\n"}},
	},
	{
		name: "what was deactivated counts as restored", within: 20000, by: []string{"I7"},
		edits: []edit{{"deletes.go", " || !rec.Active && r.sides[s].offers.Can(l.Kind, psa.CanDeactivate) {\n", " {\n"}},
	},
	{
		name: "one side takes a link up again by itself", within: 20000, by: []string{"I10"}, order: true,
		edits: []edit{
			{"reconcile.go", "		if r.outside(s, rec) != \"\" || inactiveReason(l, s.Other()) || s", "		if r.outside(s, rec) != \"\" || s"},
			{"reconcile.go", "	if out := r.outside(s.Other(), other); out != \"\" {\n		return r.sleep(l, s.Other(), other, out)\n	}\n", ""},
		},
	},
	{
		name: "an owner's one-way field is not written back", within: 20000, by: []string{"I10"}, order: true,
		edits: []edit{{"decide.go", "	case !m.in.view[from].known && slices.ContainsFunc(", "	case false && slices.ContainsFunc("}},
	},
	{
		name: "pages by offset, not knowing what moved", passed: 60000, within: 20000, by: []string{"I1"},
		edits: []edit{{"internal/simulation/paging.go", "			return nil, false, false\n", "			l.at = min(l.at, len(rows))\n"}},
	},
	{
		name: "rows of one second at the edge of a page are passed over", within: 20000, by: []string{"I1"},
		edits: []edit{{"internal/simulation/paging.go", "at.Equal(l.stamp) && r.n <= l.after\n", "at.Equal(l.stamp)\n"}},
	},
	{
		name: "a deleted record is created again", within: 20000, by: []string{"I5", "I7"},
		edits: []edit{{"deletes.go", "	if l.Gone[s].At.IsZero() || l.Gone[s].MergedInto", "	if l.Gone[s].At.IsZero() {\n		if err := r.save(cache.StateBatch{DropLinks: []string{l.Key}}); err != nil {\n			return err\n		}\n		_, err := r.unlinked(l.Kind, s, rec, how{})\n		return err\n	}\n	if l.Gone[s].MergedInto"}},
	},
}
