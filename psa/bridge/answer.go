package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// What a person may answer to a task.
const (
	AnswerTake     = "take"     // a side's values, of a conflict, ask, held or refused task
	AnswerValues   = "values"   // these values, by left field, in left terms
	AnswerStrategy = "strategy" // what a strategy decides, as a field map spells it
	AnswerRetry    = "retry"    // try again now
	AnswerLink     = "link"     // of a match: the candidate is the same record
	AnswerCreate   = "create"   // of a match: none is; create one
	AnswerDelete   = "delete"   // of a deletion: delete the counterpart, too
	AnswerKeep     = "keep"     // of a deletion: leave the counterpart as it is
	AnswerRestore  = "restore"  // of a deletion: create the deleted record again
)

// answered does what a person said about a task. What no longer fits is put
// back into the queue with the values of now.
func (r *run) answered(t cache.Task) error {
	err := r.answer(t)
	if err == nil || errors.Is(err, errSkipped) {
		return nil
	}
	return r.trouble(t.Kind, t.Side, t.Record, t.Link, err, how{}, nil)
}

func (r *run) answer(t cache.Task) error {
	switch t.Type {
	case TaskMatch:
		return r.answerMatch(t)
	case TaskDeleted:
		return r.answerDeleted(t)
	}
	if t.Link == "" { // a record that could not be created
		return r.again(t, how{retry: &t})
	}
	l, ok, err := r.st.Link(r.ctx, r.source, t.Link)
	if err != nil {
		return &stateErr{err}
	}
	if ok && l.State == cache.LinkDormant { // its groups are as they were
		return r.unanswer(t, "the record does not take part at present")
	}
	if !ok || l.State != cache.LinkLive {
		return r.drop(t)
	}
	h := how{both: true, again: func(p cache.Parked) bool { return p.Task == t.ID }}
	if t.Answer.Action != AnswerRetry {
		decide, err := r.b.decision(*t.Answer)
		if err != nil {
			return r.unanswer(t, err.Error())
		}
		h.answers = map[string]answer{t.Group: {decide: decide, by: cmp.Or(t.Answer.Actor, "person"), shown: [2]psa.Fields{t.Left, t.Right}}}
		fits, err := r.unchanged(l, t)
		if err != nil {
			return err
		}
		if !fits { // it is compared anew, and the task tells of that
			h.answers = nil
		}
	}
	rec, err := r.get(Left, psa.Ref{Kind: l.Kind, ID: l.IDs[Left]})
	if errors.Is(err, psa.ErrNotFound) {
		return r.vanished(l, Left)
	}
	if err != nil {
		return err
	}
	h.late = true
	if _, err = r.reconcile(l, Left, rec, h); err != nil {
		return err
	}
	now, ok, err := r.st.Task(r.ctx, r.source, t.ID)
	if err != nil {
		return &stateErr{err}
	}
	if ok && now.Answer != nil { // it is still there, so that the next run would use it again
		return r.unanswer(t, now.Reason)
	}
	return nil
}

func notUsed(why string) string { return "the answer was not used: " + why }

// unanswer puts a task back into the queue.
func (r *run) unanswer(t cache.Task, why string) error {
	now, ok, err := r.st.Task(r.ctx, r.source, t.ID)
	if err != nil {
		return &stateErr{err}
	}
	if !ok {
		return nil
	}
	now.Answer, now.Due = nil, zeroTime
	now.Reason = notUsed(why)
	return r.save(cache.StateBatch{Tasks: []cache.Task{now}})
}

// unchanged reports whether both records still hold what the task shows.
func (r *run) unchanged(l cache.Link, t cache.Task) (bool, error) {
	k := r.c.kinds[l.Kind]
	var own [2]psa.Fields
	in := r.input(&l, how{})
	for s := range Side(2) {
		rec, err := r.get(s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
		if errors.Is(err, psa.ErrNotFound) {
			return false, nil // whoever compares them finds that, too
		}
		if err != nil {
			return false, err
		}
		in.view[s] = r.view(&l, s, rec)
	}
	m := &merging{ctx: r.ctx, c: r.c, k: k, in: in, out: &outcome{}, units: make([]state, len(k.units))}
	for i := range k.units {
		m.look(i)
	}
	for g := range k.groups {
		if k.groups[g].name != t.Group {
			continue
		}
		for _, i := range k.groups[g].units {
			for s := range Side(2) {
				if v, ok := m.units[i].own[s].Get(); ok {
					if own[s] == nil {
						own[s] = psa.Fields{}
					}
					own[s][k.units[i].name] = v
				}
			}
		}
	}
	return same(orEmpty(own[Left]), orEmpty(t.Left)) && same(orEmpty(own[Right]), orEmpty(t.Right)), nil
}

func orEmpty(f psa.Fields) psa.Fields {
	if f == nil {
		return psa.Fields{}
	}
	return f
}

// decision makes a strategy of an answer.
func (b *Bridge) decision(a cache.Answer) (conflict.Strategy, error) {
	switch a.Action {
	case AnswerTake:
		switch a.Side {
		case "left":
			return conflict.PreferLeft, nil
		case "right":
			return conflict.PreferRight, nil
		}
		return nil, fmt.Errorf("side %q; it is left or right", a.Side)
	case AnswerValues:
		values := conflict.Values{}
		for name, v := range a.Values {
			values[name] = v
		}
		return func(context.Context, conflict.Conflict) (conflict.Decision, error) {
			return conflict.Decision{Action: conflict.Merge, Values: values, By: "person"}, nil
		}, nil
	case AnswerStrategy:
		names := conflict.Names{Sides: map[string]conflict.Side{
			b.opts.Map.Name(mapping.Left): conflict.Left, b.opts.Map.Name(mapping.Right): conflict.Right,
			"psa": conflictSide(b.opts.PSA), "app": conflictSide(b.opts.PSA.Other()),
		}}
		delete(names.Sides, "")
		return names.Parse(a.Values.String("strategy"))
	}
	return nil, fmt.Errorf("unknown answer %q", a.Action)
}

// answerMatch links a record with the candidate that a person chose, or creates
// its counterpart.
func (r *run) answerMatch(t cache.Task) error {
	k, to := r.c.kinds[t.Kind], t.Side.Other()
	rec, err := r.get(t.Side, psa.Ref{Kind: t.Kind, ID: t.Record})
	if errors.Is(err, psa.ErrNotFound) {
		return r.forget(t)
	}
	if err != nil {
		return err
	}
	if _, linked, err := r.st.LinkOf(r.ctx, r.source, t.Side, rec.Ref); err != nil {
		return &stateErr{err}
	} else if linked && t.Link == "" {
		return r.drop(t)
	}
	switch t.Answer.Action {
	case AnswerLink:
		other, err := r.get(to, psa.Ref{Kind: t.Kind, ID: t.Answer.ID})
		if errors.Is(err, psa.ErrNotFound) {
			return r.unanswer(t, "the candidate does not exist")
		}
		if err != nil {
			return err
		}
		if l, ok, err := r.st.LinkOf(r.ctx, r.source, to, other.Ref); err != nil {
			return &stateErr{err}
		} else if ok {
			return r.unanswer(t, "the candidate is linked to "+l.IDs[t.Side])
		}
		parent, out, err := r.parent(t.Kind, t.Side, rec)
		if err != nil {
			return err
		}
		if out != "" {
			return r.unanswer(t, out)
		}
		if l, ok := r.half[keyOf(t.Side, rec.Ref)]; ok { // it was created for it
			return r.adopt(k, l, to, other, how{retry: &t})
		}
		return r.join(k, t.Side, rec, to, other, parent, "a person said so", how{retry: &t})
	case AnswerCreate:
		out, err := r.unlinked(t.Kind, t.Side, rec, how{create: true, retry: &t})
		if out != "" && err == nil {
			return r.unanswer(t, out)
		}
		return err
	}
	return r.unanswer(t, fmt.Sprintf("%q is no answer to a match", t.Answer.Action))
}

// answerDeleted deletes the counterpart of a deleted record, leaves it, or
// creates the deleted one again.
func (r *run) answerDeleted(t cache.Task) error {
	l, ok, err := r.st.Link(r.ctx, r.source, t.Link)
	if err != nil {
		return &stateErr{err}
	}
	if !ok || l.State != cache.LinkGone {
		return r.drop(t)
	}
	s := t.Side
	b := cache.StateBatch{DropTasks: []string{t.ID}}
	switch t.Answer.Action {
	case AnswerKeep:
		b.Audits = []cache.Audit{{Actor: t.Answer.Actor, Op: opGone, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: "kept"}}
		return r.save(b)
	case AnswerDelete:
		f := r.sides[s].offers[l.Kind]
		if !f.Can.Has(psa.CanDeactivate) && !(f.Can.Has(psa.CanDelete) && r.b.opts.HardDelete[s]) {
			return r.unanswer(t, "the "+s.String()+" side cannot delete it, or Options.HardDelete forbids it")
		}
		item := &Item{Op: opDelete, Side: s, Kind: l.Kind, Source: l.IDs[s.Other()], Target: l.IDs[s]}
		if !r.gate.allow(r, item) {
			r.rep.Skipped++
			return errSkipped
		}
		if back, rec, err := r.isBack(l, s.Other()); err != nil {
			return err
		} else if back { // restored since: what was to be deleted for it stays
			if err := r.drop(t); err != nil {
				return err
			}
			return r.returned(l, s.Other(), rec)
		}
		ctx, done, err := r.writing()
		if err != nil {
			return err
		}
		defer done()
		err = psa.Delete(ctx, r.sides[s].Provider, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
		if err != nil && !errors.Is(err, psa.ErrNotFound) {
			return err
		}
		r.rep.Deleted[s]++
		r.event(EventWrite, s, l.Kind, l.IDs[s], "deleted")
		l.Gone[s] = cache.Fate{At: r.now()}
		b.Links = []cache.Link{l}
		b.Audits = []cache.Audit{{Actor: t.Answer.Actor, Op: opDelete, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: l.Reason}}
		return r.save(b)
	case AnswerRestore:
		rec, err := r.get(s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
		if err != nil {
			return err
		}
		// The tombstone gives way, so that the record is a new one to the bridge.
		b.DropLinks = []string{l.Key}
		b.Audits = []cache.Audit{{Actor: t.Answer.Actor, Op: opState, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: "to be created again"}}
		if err := r.save(b); err != nil {
			return err
		}
		_, err = r.unlinked(l.Kind, s, rec, how{create: true})
		if errors.Is(err, errSkipped) { // the task is gone; the next run needs another one
			return r.saveTasks(cache.StateBatch{Tasks: []cache.Task{{ID: taskID(TaskRetry, s, l.Kind, rec.ID), Type: TaskRetry, Kind: l.Kind, Side: s,
				Record: rec.ID, Due: r.now(), Reason: "to be created again"}}})
		}
		return err
	}
	return r.unanswer(t, fmt.Sprintf("%q is no answer to a deletion", t.Answer.Action))
}

// isBack asks once more for a record that was deleted, at once before its
// counterpart is deleted, too.
func (r *run) isBack(l cache.Link, s Side) (bool, psa.Record, error) {
	if l.Gone[s].MergedInto != "" || l.IDs[s] == "" {
		return false, psa.Record{}, nil
	}
	rec, err := r.get(s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
	switch {
	case errors.Is(err, psa.ErrNotFound):
		return false, rec, nil
	case err != nil:
		return false, rec, err
	}
	return r.outside(s, rec) == "", rec, nil
}
