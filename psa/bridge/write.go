package bridge

import (
	"errors"
	"maps"
	"slices"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

// reread reads one side. ok is false where the link cannot go on.
func (r *run) reread(l *cache.Link, in *input, s Side) (ok bool, err error) {
	rec, err := r.get(s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
	switch {
	case errors.Is(err, psa.ErrNotFound):
		return false, r.vanished(*l, s)
	case err != nil:
		return false, err
	}
	in.saw(s, r.view(l, s, rec))
	return true, nil
}

// sameWrite reports whether a write is the one that was intended, over the same
// value.
func sameWrite(a, b written) bool {
	return a.unit == b.unit && same(a.want, b.want) && sameValue(a.was, b.was)
}

// intend stores what is about to be written before anything is read again, so
// that nothing slow happens between the read and the write.
func (r *run) intend(k *kindRules, l *cache.Link, in *input, out *outcome, to Side) error {
	done := confirmed(k, l, in)
	p := &cache.Pending{Op: opUpdate, Side: to, At: r.now()}
	// What a decision overwrites is told before it is lost.
	a := cache.Audit{Op: opDecide, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: to, Before: psa.Fields{}, After: psa.Fields{}}
	for _, w := range out.wrote[to] {
		name := k.units[w.unit].name
		if w.by != nil {
			a.By, a.Reason, a.Rule, a.After[name] = decidedBy(a.By, w.by.by), w.by.reason, k.units[w.unit].rule.Where, w.want
			if v, ok := w.was.Get(); ok {
				a.Before[name] = v
			}
		}
		if w.both {
			continue
		}
		for s := range Side(2) {
			if p.Base[s] == nil {
				p.Base[s] = psa.Fields{}
			}
		}
		p.Base[to][name], p.Base[to.Other()][name] = w.want, w.from
	}
	l.Pending = p
	b := cache.StateBatch{Links: []cache.Link{*l}, DropTasks: done, Synced: true}
	if len(a.After) > 0 {
		b.Audits = []cache.Audit{a}
	}
	if err := r.save(b); err != nil {
		return err
	}
	l.Rev++
	return nil
}

// unintend forgets a write that is not made after all.
func (r *run) unintend(l *cache.Link) error {
	if l.Pending != nil {
		l.Pending = nil
		if err := r.save(cache.StateBatch{Links: []cache.Link{*l}}); err != nil {
			return err
		}
	}
	return errSkipped
}

// confirmed makes what an earlier intent sent part of the base, where it is
// there: that write happened, though its answer was lost. It returns the tasks
// about what the write was to settle.
func confirmed(k *kindRules, l *cache.Link, in *input) (done []string) {
	p := l.Pending
	if p == nil || p.Op != opUpdate || !in.view[p.Side].known {
		return nil
	}
	agreed := [2]psa.Fields{{}, {}}
	var wrote []written
	for i := range k.units {
		if base, ok := in.arrived(&k.units[i], p); ok {
			wrote = append(wrote, written{unit: i})
			for s := range Side(2) {
				if v, ok := base[s].Get(); ok {
					agreed[s][k.units[i].name] = v
				}
			}
		}
	}
	l.Base = [2]psa.Fields{overlaid(l.Base[Left], agreed[Left]), overlaid(l.Base[Right], agreed[Right])}
	return dropParked(k, l, wrote)
}

// A fate is what became of a patch that was sent.
type fate uint8

const (
	told    fate = iota // the system took it, or has said that it does not
	tooLate             // somebody else was faster: nothing was written
	goneNow             // there is nothing to write to any more
)

// write sends a patch and makes what was confirmed part of the base.
func (r *run) write(k *kindRules, l *cache.Link, in *input, out *outcome, to Side, item *Item, h how) (fate, error) {
	if err := r.limit(r.rep.Updated[to]+1, r.b.opts.Limits.Updates, "records changed on the "+to.String()+" side"); err != nil {
		return told, err
	}
	if item.Closes {
		if err := r.limit(r.rep.Closed+1, r.b.opts.Limits.Closes, "tickets closed"); err != nil {
			return told, err
		}
	}
	ref := psa.Ref{Kind: l.Kind, ID: l.IDs[to]}
	before := in.view[to].rec
	patch := psa.Patch{Set: out.patch[to], Notify: item.Notify, IfVersion: before.Version}
	rec, err := r.update(to, ref, patch, before)
	switch {
	case errors.Is(err, psa.ErrConflict) && patch.IfVersion != "":
		return tooLate, nil // it is read once more
	case errors.Is(err, psa.ErrConflict), errors.Is(err, psa.ErrInvalid), errors.Is(err, psa.ErrDenied):
		return told, r.refused(k, l, in, out, to, err, h)
	case errors.Is(err, psa.ErrNotFound):
		return goneNow, r.vanished(*l, to)
	case err != nil:
		return told, err
	}
	r.rep.Updated[to]++
	if item.Closes {
		r.rep.Closed++
	}
	r.event(EventWrite, to, l.Kind, ref.ID, "updated")
	in.view[to] = r.view(l, to, rec)
	in.view[to].stamp.ExplainedBy = byBridge
	l.Wrote[to] = rec.Updated
	l.Pending = nil
	unparked := dropParked(k, l, out.wrote[to])
	b := r.confirm(k, l, out.wrote[to], to, rec)
	b.Audits = append(b.Audits, auditWrite(k, l, out, to, item))
	for _, id := range unparked {
		if !slices.ContainsFunc(b.Tasks, func(t cache.Task) bool { return t.ID == id }) {
			b.DropTasks = append(b.DropTasks, id)
		}
	}
	b.Links = []cache.Link{*l}
	for s := range in.view { // whoever goes on after a crash looks at both again
		if in.view[s].known && !in.view[s].rec.Hash.IsZero() {
			b.Seen = append(b.Seen, forgotten(*l, Side(s)))
		}
	}
	if err := r.saveTasks(b); err != nil {
		return told, err
	}
	l.Rev++
	for _, w := range out.wrote[to] {
		if w.by != nil {
			r.decided(w.by)
			if w.by.note {
				if err := r.tellLoser(k, l, to, out); err != nil {
					return told, err
				}
				break
			}
		}
	}
	return told, nil
}

func (r *run) decided(d *decided) {
	if d.effect == conflict.WriteBack {
		r.rep.Restored++
		return
	}
	if r.rep.Decided == nil {
		r.rep.Decided = map[string]int{}
	}
	r.rep.Decided[d.by]++
}

// confirm compares what a system holds after a write with what it was sent.
// What is the same becomes the base; what it replaced is left alone and told.
func (r *run) confirm(k *kindRules, l *cache.Link, wrote []written, to Side, rec psa.Record) cache.StateBatch {
	var b cache.StateBatch
	agreed := [2]psa.Fields{{}, {}}
	refused := map[int]bool{}
	sent := psa.Fields{}
	for _, w := range wrote {
		k.units[w.unit].put(to, sent, w.want)
	}
	canon := r.canonical(to, k.kind, sent)
	for _, w := range wrote {
		u := &k.units[w.unit]
		stored := u.own(to, rec.Fields)
		if stored.Absent() && w.want == nil { // some systems do not tell of what is empty
			stored = conflict.Of(nil)
		}
		if x, ok := stored.Get(); ok && (same(x, w.want) || sameValue(stored, u.own(to, canon))) {
			if !w.both {
				agreed[to][u.name], agreed[to.Other()][u.name] = x, w.from
			}
			continue
		}
		refused[u.group] = true
	}
	for _, w := range wrote {
		u := &k.units[w.unit]
		if !refused[u.group] {
			continue
		}
		delete(agreed[Left], u.name)
		delete(agreed[Right], u.name)
	}
	l.Base = [2]psa.Fields{overlaid(l.Base[Left], agreed[Left]), overlaid(l.Base[Right], agreed[Right])}
	for _, g := range slices.Sorted(maps.Keys(refused)) {
		p := park{group: g, why: whyRefused, to: to, reason: "the " + to.String() + " side holds another value than it was sent"}
		for _, w := range wrote {
			u := &k.units[w.unit]
			if u.group != g {
				continue
			}
			p.where = u.rule.Where
			for s := range Side(2) {
				if p.is[s] == nil {
					p.is[s] = psa.Fields{}
				}
			}
			p.is[to.Other()][u.name] = w.from
			if x, ok := u.own(to, rec.Fields).Get(); ok {
				p.is[to][u.name] = x
			}
		}
		r.fillPark(k, l, &p)
		t := r.parkTask(k, l, &p)
		l.Parked = append(slices.Clone(l.Parked), cache.Parked{Group: k.groups[g].name, Is: p.is, Task: t.ID, Why: p.why, Side: to})
		b.Tasks = append(b.Tasks, t)
	}
	b.Audits = append(b.Audits, cache.Audit{Op: opAgree, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: to, Agreed: agreed})
	return b
}

// fillPark adds the group's other units, as the base has them.
func (r *run) fillPark(k *kindRules, l *cache.Link, p *park) {
	for _, i := range k.groups[p.group].units {
		u := &k.units[i]
		for s := range Side(2) {
			if _, ok := p.is[s][u.name]; ok {
				continue
			}
			if v, ok := l.Base[s][u.name]; ok {
				if p.is[s] == nil {
					p.is[s] = psa.Fields{}
				}
				p.is[s][u.name] = v
			}
		}
	}
}

// overlaid returns base with more values; neither is changed.
func overlaid(base, more psa.Fields) psa.Fields {
	if len(more) == 0 {
		return base
	}
	out := make(psa.Fields, len(base)+len(more))
	maps.Copy(out, base)
	maps.Copy(out, more)
	return out
}

// dropParked forgets that groups were parked that are written now, and returns
// the tasks that told of it.
func dropParked(k *kindRules, l *cache.Link, wrote []written) (tasks []string) {
	l.Parked = slices.DeleteFunc(slices.Clone(l.Parked), func(p cache.Parked) bool {
		ok := slices.ContainsFunc(wrote, func(w written) bool { return k.groups[k.units[w.unit].group].name == p.Group })
		if ok && p.Task != "" {
			tasks = append(tasks, p.Task)
		}
		return ok
	})
	return tasks
}

// refused notes that a system does not take what it was sent, so that it is not
// sent again and again.
func (r *run) refused(k *kindRules, l *cache.Link, in *input, out *outcome, to Side, cause error, h how) error {
	groups := map[int]bool{}
	for _, w := range out.wrote[to] {
		groups[k.units[w.unit].group] = true
	}
	m := &merging{ctx: r.ctx, c: r.c, k: k, in: in, out: &outcome{}, units: make([]state, len(k.units))}
	for i := range k.units {
		m.look(i)
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		m.park(g, park{why: whyRefused, to: to, reason: cause.Error(), where: k.units[k.groups[g].units[0]].rule.Where})
	}
	out.parks = append(out.parks, m.out.parks...)
	out.patch = [2]psa.Fields{}
	return r.commit(k, l, in, out, to.Other(), h, nil)
}
