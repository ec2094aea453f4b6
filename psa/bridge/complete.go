package bridge

import (
	"errors"
	"slices"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

// rekey takes over the link that a record had before, and avoids the key of one
// that another record has taken over.
func (r *run) rekey(l *cache.Link, s Side) error {
	for {
		was, ok, err := r.st.Link(r.ctx, r.source, l.Key)
		switch {
		case err != nil:
			return &stateErr{err}
		case !ok:
			return nil
		case was.IDs[s] == l.IDs[s]:
			l.Rev = was.Rev
			if l.Pending != nil && was.Pending != nil {
				l.Pending.Tries = was.Pending.Tries + 1
			}
			return nil
		}
		l.Key += "+"
	}
}

// pendingBase notes what both sides will have agreed on once a create succeeds.
func (r *run) pendingBase(k *kindRules, l *cache.Link, s Side, rec psa.Record, sent psa.Fields, mapped *mappedTo) {
	to := s.Other()
	l.Pending.Base = [2]psa.Fields{{}, {}}
	for i := range k.units {
		u := &k.units[i]
		w, ok := u.own(to, sent).Get()
		if !ok {
			continue
		}
		if is := mapped.issue(u); is != nil && is.Instead == "" {
			l.Pending.Base[to][u.name] = w // a default stands in for a value that could not be mapped
			continue
		}
		from, ok := u.own(s, rec.Fields).Get()
		if u.oneWay && u.to == to {
			from, ok = w, true
		}
		if ok {
			l.Pending.Base[to][u.name], l.Pending.Base[s][u.name] = w, from
		}
	}
}

// complete makes a whole link of a half one and goes on with what the system
// made of the record.
func (r *run) complete(k *kindRules, l *cache.Link, to Side, made, rec psa.Record, found bool, h how) error {
	s, late := to.Other(), found // people may have been at it since it was made
	l.IDs[to] = made.ID
	l.State = cache.LinkLive
	l.Wrote[to] = made.Updated
	sent := l.Pending.Sent
	var wrote []written
	for i := range k.units {
		u := &k.units[i]
		w, ok := u.own(to, sent).Get()
		from, known := conflict.At(l.Pending.Base[s], u.name).Get()
		if ok && known {
			wrote = append(wrote, written{unit: i, from: from, want: w})
		}
	}
	canon := r.canonical(to, k.kind, sent)
	tried := found && l.Pending.Tries > 0
	asSent := func(u *unit) bool {
		is := u.own(to, made.Fields)
		return sameValue(is, u.own(to, sent)) || sameValue(is, u.own(to, canon))
	}
	if tried {
		// Several tries sent different values, and any of them may have made
		// the row: only what it holds as it was sent last is agreed on.
		found = false
		wrote = slices.DeleteFunc(wrote, func(w written) bool { return !asSent(&k.units[w.unit]) })
	}
	pending := l.Pending.Base
	later := conflict.At(pending[s], "status")
	_, given := pending[to]["status"]
	l.Pending = nil
	answer := made
	if found { // what it holds now may be what somebody made of it since
		answer.Fields = layered(made.Fields, canon)
	}
	b := r.confirm(k, l, wrote, to, answer)
	for i := range k.units {
		u := &k.units[i]
		_, sentOne := pending[to][u.name]
		_, told := pending[s][u.name]
		if v, ok := u.own(to, answer.Fields).Get(); ok && sentOne && !told {
			l.Base[to] = overlaid(l.Base[to], psa.Fields{u.name: v}) // nobody's edit
		}
	}
	if x, known := later.Get(); known && !given {
		// It was created open: closing it is a change of the source's.
		if u := r.unitFor(k, to, k.fieldOn(to, "status").String()); u != nil {
			if v, ok := u.own(to, answer.Fields).Get(); ok && !(tried && !asSent(u)) {
				l.Base[s], l.Base[to] = overlaid(l.Base[s], psa.Fields{u.name: x}), overlaid(l.Base[to], psa.Fields{u.name: v})
			}
		}
	}
	b.Audits = append(b.Audits, cache.Audit{Op: opCreate, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: to, After: sent})
	woken, err := r.wakeTasks(l)
	if err != nil {
		return err
	}
	b.Tasks = append(b.Tasks, woken...)
	for side := range Side(2) {
		visits, err := r.newParent(*l, side, side == to && !late, h)
		if err != nil {
			return err
		}
		b.Tasks = append(b.Tasks, visits...)
	}
	if h.retry != nil {
		b.DropTasks = append(b.DropTasks, h.retry.ID)
	}
	h.retry, h.again, h.answers, h.both = nil, nil, nil, false
	in := r.input(l, h)
	in.view[s], in.view[to] = r.view(l, s, rec), r.view(l, to, made)
	out, err := r.c.merge(r.ctx, k, in)
	if err != nil {
		return err
	}
	if !out.quiet(l) || out.patch[Left] != nil || out.patch[Right] != nil {
		h.retry = r.follow(l, s)
		b.Tasks = append(b.Tasks, *h.retry)
	}
	b.DropTasks = append(b.DropTasks, taskID(TaskHeld, s, l.Kind, rec.ID))
	b.Links = []cache.Link{*l}
	if err := r.saveTasks(b); err != nil {
		return err
	}
	l.Rev++
	delete(r.half, l.Key)
	return r.settled(*l, s, rec, made, h)
}

// settled goes on with a pair of which both records were just read.
func (r *run) settled(l cache.Link, s Side, rec, other psa.Record, h how) error {
	k := r.c.kinds[l.Kind]
	in := r.input(&l, h)
	in.view[s], in.view[s.Other()] = r.view(&l, s, rec), r.view(&l, s.Other(), other)
	out, err := r.c.merge(r.ctx, k, in)
	if err != nil {
		return err
	}
	if _, any := pick(out, [2]bool{}); !any && out.fatal == "" {
		if out.quiet(&l) {
			// As they were compared: what a list told of the other one may be newer.
			if h.retry != nil {
				return r.save(cache.StateBatch{Seen: append(r.seenOf(s, rec), r.seenOf(s.Other(), other)...), DropTasks: []string{h.retry.ID}})
			}
			return errors.Join(r.done(s, rec), r.done(s.Other(), other))
		}
		return r.commit(k, &l, in, out, s, h, nil)
	}
	h.both = true
	_, err = r.reconcile(l, s, rec, h)
	return err
}

// newParent are the visits of a side's children after a record was linked: they
// may have been read before, and passed over since it had no link. made: it was
// created there just now, and nobody has read what is below it.
func (r *run) newParent(l cache.Link, s Side, made bool, h how) ([]cache.Task, error) {
	if made && l.Kind != psa.KindTicket {
		return nil, nil // it has no children yet
	}
	tasks, err := r.childTasks(l, s, visitAll, true)
	if err != nil {
		return nil, err
	}
	var out []cache.Task
	for _, t := range tasks {
		cur, err := r.st.Cursor(r.ctx, r.source, s, t.Kind)
		if err != nil {
			return nil, &stateErr{err}
		}
		f := r.sides[s].offers[t.Kind]
		if made && !f.PerParent {
			continue
		}
		if cur.Swept.IsZero() && !f.PerParent {
			continue // its first list is still to come
		}
		if h.live {
			t.Class = visitNew
		}
		out = append(out, t)
	}
	return out, nil
}
