package bridge

import (
	"errors"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// ours deals with a row that carries this connection's marker but has no link:
// it was created and the answer, or the state, was lost.
func (r *run) ours(k *kindRules, s Side, rec psa.Record, source string, h how) error {
	from := s.Other()
	l, ok, err := r.st.LinkOf(r.ctx, r.source, from, psa.Ref{Kind: k.kind, ID: source})
	if err != nil {
		return &stateErr{err}
	}
	if ok && l.IDs[s] != "" {
		why := "a second copy of a record that is linked already; delete one of them by hand"
		if l.State == cache.LinkGone {
			why = "a second copy of a record that was deleted on one side; delete it by hand, too, or create a counterpart of its own"
		}
		return r.saveTasks(cache.StateBatch{Seen: r.seenOf(s, rec), Tasks: []cache.Task{{
			ID: taskID(TaskMatch, s, k.kind, rec.ID), Type: TaskMatch, Kind: k.kind, Side: s, Record: rec.ID, Link: l.Key, Candidates: []string{source},
			Reason: why,
		}}})
	}
	if ok && l.State == cache.LinkGone {
		return nil
	}
	if ok {
		return r.adopt(k, l, s, rec, h)
	}
	origin, err := r.get(from, psa.Ref{Kind: k.kind, ID: source})
	if errors.Is(err, psa.ErrNotFound) {
		return nil // the record it was made from is gone
	}
	if err != nil {
		return err
	}
	parent, out, err := r.parent(k.kind, s, rec)
	if out != "" || err != nil {
		return err
	}
	return r.join(k, from, origin, s, rec, parent, "found by its marker", h)
}

// adopt makes a whole link of a half one whose row was found.
func (r *run) adopt(k *kindRules, l cache.Link, s Side, rec psa.Record, h how) error {
	from := s.Other()
	if l.Pending == nil || l.IDs[from] == "" {
		return nil
	}
	origin, err := r.get(from, psa.Ref{Kind: k.kind, ID: l.IDs[from]})
	if errors.Is(err, psa.ErrNotFound) {
		l.IDs[s], l.State, l.Pending = rec.ID, cache.LinkLive, nil
		if err := r.save(cache.StateBatch{Links: []cache.Link{l}}); err != nil {
			return err
		}
		l.Rev++
		delete(r.half, l.Key)
		return r.vanished(l, from)
	}
	if err != nil {
		return err
	}
	h.live = false
	return r.complete(k, &l, s, rec, origin, true, h)
}

// join links two records that were found to be the same.
func (r *run) join(k *kindRules, s Side, rec psa.Record, t Side, other psa.Record, parent *cache.Link, why string, h how) error {
	l := cache.Link{Key: keyOf(s, rec.Ref), Kind: k.kind, Since: r.now()}
	l.IDs[s], l.IDs[t] = rec.ID, other.ID
	if parent != nil {
		l.Parent, l.Company = parent.Key, parent.Company
	}
	if c, ok := r.company(s, rec); ok && l.Company == "" {
		l.Company = c
	}
	if k.kind == psa.KindCompany {
		l.Company = l.Key
	}
	if err := r.rekey(&l, s); err != nil {
		return err
	}
	item := &Item{Op: opLink, Side: t, Kind: k.kind, Source: rec.ID, Target: other.ID, Title: titleOf(rec)}
	if !r.gate.allow(r, item) {
		r.rep.Skipped++
		return errSkipped
	}
	b := cache.StateBatch{
		Audits: []cache.Audit{{Op: opLink, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: t, Reason: why}},
		DropTasks: []string{
			taskID(TaskMatch, s, k.kind, rec.ID), taskID(TaskMatch, t, k.kind, other.ID),
			taskID(taskPaired, s, k.kind, rec.ID), taskID(taskPaired, t, k.kind, other.ID),
			taskID(TaskHeld, s, k.kind, rec.ID), taskID(TaskHeld, t, k.kind, other.ID),
		},
	}
	var next *cache.Task
	if h.retry != nil { // no list will tell of the row again
		b.DropTasks = append(b.DropTasks, h.retry.ID)
		next = r.follow(&l, s)
		b.Tasks = append(b.Tasks, *next)
	}
	woken, err := r.wakeTasks(&l)
	if err != nil {
		return err
	}
	b.Tasks = append(b.Tasks, woken...)
	for side := range Side(2) {
		visits, err := r.newParent(l, side, false, how{})
		if err != nil {
			return err
		}
		b.Tasks = append(b.Tasks, visits...)
	}
	b.Links = []cache.Link{l}
	if err := r.saveTasks(b); err != nil {
		return err
	}
	l.Rev++
	r.rep.Linked++
	r.event(EventLink, s, k.kind, rec.ID, why)
	h.retry, h.again, h.answers, h.create, h.live = next, nil, nil, false, false
	return r.settled(l, s, rec, other, h)
}
