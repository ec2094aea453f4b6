package bridge

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Types of tasks. Those that wait for a person stay until somebody answers or
// the records become equal; the others the bridge does by itself.
const (
	TaskConflict = "conflict" // both sides changed the same, and no strategy decides
	TaskAsk      = "ask"      // a side changed what it does not own, or made something public
	TaskHeld     = "held"     // a value cannot be mapped, or a required field has none
	TaskRefused  = "refused"  // a system does not take a value, or replaces it
	TaskMatch    = "match"    // records that may be the same
	TaskDeleted  = "deleted"  // a record was deleted; its counterpart is still there
	TaskRetry    = "retry"    // a record failed and is tried again: the quarantine

	taskChildren = "children" // the notes of a ticket are to be read
	taskClose    = "close"    // a ticket is closed after its notes and time entries
	taskMissing  = "missing"  // a complete list lacks a row
	taskPaired   = "paired"   // the match tasks of other records ask about this one
)

const (
	taskHeld  = TaskHeld
	taskRetry = TaskRetry
)

var zeroTime time.Time

// taskID names what a task is about, so that the same trouble is one task.
func taskID(typ string, s Side, kind psa.Kind, id string) string {
	return typ + "/" + s.String() + "/" + string(kind) + "/" + id
}

// saveTasks saves a batch whose tasks may be there already: they keep their
// age, and the answer if what it is about has not changed.
func (r *run) saveTasks(b cache.StateBatch) error {
	kept := b.Tasks[:0:0]
	for _, t := range b.Tasks {
		was, ok, err := r.st.Task(r.ctx, r.source, t.ID)
		if err != nil {
			return &stateErr{err}
		}
		if t.Since.IsZero() {
			t.Since = r.now()
		}
		if ok {
			t.Rev, t.Since = was.Rev, was.Since
			switch {
			case was.Answer == nil:
			case same(was.Left, t.Left) && same(was.Right, t.Right):
				t.Answer, t.Due = was.Answer, was.Due
			default:
				t.Reason = notUsed(ErrOutdated.Error()) + "; " + t.Reason
			}
		} else if t.Type != taskRetry { // these are no trouble yet
			r.opens(t.Type)
		}
		kept = append(kept, t)
	}
	b.Tasks = kept
	slices.Sort(b.DropTasks)
	b.DropTasks = slices.DeleteFunc(slices.Compact(b.DropTasks), func(id string) bool {
		return slices.ContainsFunc(b.Tasks, func(t cache.Task) bool { return t.ID == id })
	})
	return r.save(b)
}

func (r *run) opens(typ string) {
	switch typ {
	case taskChildren, taskClose, taskMissing, taskPaired:
		return
	}
	if r.rep.Tasks == nil {
		r.rep.Tasks = map[string]int{}
	}
	r.rep.Tasks[typ]++
}

// parkTask is what tells people about a parked group.
func (r *run) parkTask(k *kindRules, l *cache.Link, p *park) cache.Task {
	typ := p.why // conflict, ask, held and refused are the same words
	t := cache.Task{
		ID: typ + "/" + l.Key + "/" + k.groups[p.group].name, Type: typ, Kind: l.Kind, Record: l.IDs[Left], Link: l.Key,
		Reason: p.reason, Rule: p.where, Group: k.groups[p.group].name, Base: p.base, Left: p.is[Left], Right: p.is[Right],
	}
	if len(p.waits) > 0 {
		t.WaitsFor = p.of.String() + "/" + p.waits[0].String()
	}
	return t
}

// trouble makes a task of what went wrong with one record, so that the others
// go on; what concerns the connection or the state goes up.
func (r *run) trouble(kind psa.Kind, s Side, id, link string, cause error, h how, rec *psa.Record) error {
	var stop errStop
	switch {
	case errors.Is(cause, errSkipped):
		return nil // the next run does it
	case errors.As(cause, &stop), r.ctx.Err() != nil, stateError(cause):
		return cause
	case errors.Is(cause, psa.ErrAuth), errors.Is(cause, psa.ErrOtherInstance):
		return r.side(s, "", cause)
	}
	if id == "" { // a row without an id cannot be asked for again
		r.rep.Failures = append(r.rep.Failures, Failure{Side: s, Kind: kind, Class: className(cause), Error: cause.Error()})
		return nil
	}
	t := cache.Task{ID: taskID(taskRetry, s, kind, id), Type: taskRetry, Kind: kind, Side: s, Record: id, Link: link, Since: r.now()}
	if was, ok, err := r.st.Task(r.ctx, r.source, t.ID); err != nil {
		return &stateErr{err}
	} else if ok {
		t = was
	} else {
		r.opens(taskRetry)
	}
	t.Tries++
	t.Class, t.Reason = className(cause), cause.Error()
	t.Due = r.now().Add(max(backoff(r.b.opts.Retry, r.b.opts.RetryCap, t.Tries), psa.RetryAfter(cause)))
	if t.Tries >= r.b.opts.MaxTries {
		t.Due = time.Time{} // a person looks at it
	}
	b := cache.StateBatch{Tasks: []cache.Task{t}}
	if rec != nil {
		b.Seen = r.seenOf(s, *rec)
	}
	if h.retry != nil && h.retry.ID != t.ID {
		b.DropTasks = []string{h.retry.ID}
	}
	r.event(EventTrouble, s, kind, id, cause.Error())
	if err := r.save(b); err != nil {
		return err
	}
	if psa.Temporary(cause) {
		if r.failing[s]++; r.failing[s] >= 5 {
			return r.side(s, "", cause)
		}
	}
	return nil
}

func className(err error) string {
	if c := psa.ErrorClass(err); c != nil {
		return c.Error()
	}
	return ""
}

// backoff doubles with each try.
func backoff(first, most time.Duration, tries int) time.Duration {
	for range min(tries-1, 30) {
		if first >= most {
			break
		}
		first *= 2
	}
	return min(first, most)
}

func (r *run) drop(t cache.Task) error { return r.save(cache.StateBatch{DropTasks: []string{t.ID}}) }

// forget drops a task about a row that was not found. If the row comes back it is
// looked at, though it is as it was.
func (r *run) forget(t cache.Task) error {
	return r.save(cache.StateBatch{DropTasks: []string{t.ID}, Seen: []cache.Seen{{Side: t.Side, Kind: t.Kind, ID: t.Record}}})
}

// postpone tries a task of the bridge's own again later.
func (r *run) postpone(t cache.Task, cause error) error {
	t.Tries++
	t.Reason = cause.Error()
	t.Due = r.now().Add(max(backoff(r.b.opts.Retry, r.b.opts.RetryCap, t.Tries), psa.RetryAfter(cause)))
	return r.save(cache.StateBatch{Tasks: []cache.Task{t}})
}

// Classes of children tasks: what a visit lists comes from a moment ago, or all
// of it is compared anew.
const (
	visitLive = "live" // what changed a moment ago
	visitNew  = "new"  // all of it, a moment after the parent was created
	visitAll  = ""     // all of it
)

func liveClass(h how) string {
	if h.live {
		return visitLive
	}
	return visitAll
}

// childTasks are the visits that follow from a change of a parent on a side.
// all asks for every kind of child, otherwise only those that cannot be listed
// by what changed.
func (r *run) childTasks(l cache.Link, s Side, class string, all bool) ([]cache.Task, error) {
	if l.IDs[s] == "" {
		return nil, nil
	}
	var out []cache.Task
	for _, kind := range r.b.kinds {
		if parentOf(kind) != l.Kind && !(all && kind == psa.KindTicket && l.Kind == psa.KindCompany) {
			continue
		}
		f := r.sides[s].offers[kind]
		if !f.Can.Has(psa.CanList) || !all && !f.PerParent {
			continue
		}
		t := cache.Task{ID: taskID(taskChildren, s, kind, l.IDs[s]), Type: taskChildren, Kind: kind, Side: s, Record: l.IDs[s],
			Link: l.Key, Due: r.now(), Since: r.now(), Class: class}
		was, ok, err := r.st.Task(r.ctx, r.source, t.ID)
		if err != nil {
			return nil, &stateErr{err}
		}
		if ok && (was.Class == class || was.Class != visitLive) && !was.Due.After(t.Due) {
			continue
		}
		if ok {
			t.Rev, t.Since = was.Rev, was.Since
		}
		out = append(out, t)
	}
	return out, nil
}

// dueTypes are the types of tasks that [run.due] looks at.
var dueTypes = []string{taskChildren, TaskRetry, taskMissing, TaskConflict, TaskAsk, TaskHeld, TaskRefused, TaskMatch, TaskDeleted, taskPaired}

// due looks at the tasks of a kind whose time has come.
func (r *run) due(kind psa.Kind) error {
	for t, err := range r.st.Tasks(r.ctx, r.source, cache.TaskQuery{Kind: kind, Types: dueTypes, Due: r.now()}) {
		if err != nil {
			return &stateErr{err}
		}
		if err := r.task(t); err != nil && !errors.Is(err, errSkipped) {
			return err
		}
	}
	if r.anew && !r.anewOf(kind) {
		for t, err := range r.st.Tasks(r.ctx, r.source, cache.TaskQuery{Kind: kind, Types: []string{TaskHeld}}) {
			if err != nil {
				return &stateErr{err}
			}
			if t.Answer == nil && t.Due.IsZero() {
				if err := r.task(t); err != nil && !errors.Is(err, errSkipped) {
					return err
				}
			}
		}
	}
	return r.flush()
}

// task does one task that is due.
func (r *run) task(t cache.Task) error {
	switch t.Type {
	case taskChildren:
		return r.visit(t)
	case taskMissing:
		return r.missed(t)
	case taskPaired:
		return r.paired(t)
	case TaskRetry, taskClose: // what is to be carried may come from the other side
		return r.again(t, how{both: true, late: t.Type == taskClose, live: t.Type == taskClose && t.Class == visitLive, retry: &t})
	}
	if t.Answer != nil {
		return r.answered(t)
	}
	return r.again(t, how{both: true, again: func(p cache.Parked) bool { return p.Task == t.ID }})
}

// again reads a record and deals with it as if it had just changed.
func (r *run) again(t cache.Task, h how) error {
	s, id := t.Side, t.Record
	rec, err := r.get(s, psa.Ref{Kind: t.Kind, ID: id})
	switch {
	case errors.Is(err, psa.ErrNotFound):
		l, ok, err := r.st.LinkOf(r.ctx, r.source, s, psa.Ref{Kind: t.Kind, ID: id})
		if err != nil {
			return &stateErr{err}
		}
		if ok {
			if err := r.vanished(l, s); err != nil {
				return err
			}
		}
		return r.forget(t)
	case err != nil:
		return r.trouble(t.Kind, s, id, t.Link, err, h, nil)
	}
	l, ok, err := r.st.LinkOf(r.ctx, r.source, s, rec.Ref)
	switch {
	case err != nil:
		return &stateErr{err}
	case !ok:
		if _, err = r.unlinked(t.Kind, s, rec, h); err == nil {
			err = r.gone(t)
		}
	case l.State == cache.LinkHalf:
		err = r.gone(t) // its creation is looked at by recover
	default:
		if _, err = r.linked(l, s, rec, h); err == nil {
			err = r.gone(t)
		}
	}
	if err != nil {
		return r.trouble(t.Kind, s, id, t.Link, err, h, nil)
	}
	return nil
}

// follow is a task that sees to it that the records of a link that is about to
// be saved are compared, whatever happens in between.
func (r *run) follow(l *cache.Link, s Side) *cache.Task {
	return &cache.Task{ID: taskID(taskRetry, s, l.Kind, l.IDs[s]), Type: taskRetry, Kind: l.Kind, Side: s, Record: l.IDs[s], Link: l.Key,
		Due: r.now(), Reason: "is yet to be compared with its counterpart"}
}

// later looks at a row once more when a search would find every row.
func (r *run) later(kind psa.Kind, s Side, rec psa.Record) error {
	return r.saveTasks(cache.StateBatch{Tasks: []cache.Task{{ID: taskID(taskRetry, s, kind, rec.ID), Type: taskRetry, Kind: kind, Side: s, Record: rec.ID,
		Due: r.now().Add(r.b.opts.SearchLag), Reason: "may be the row of a create whose answer was lost"}}})
}

// gone drops a task of the bridge's own that was done; those that tell of a
// parked group go with the group.
func (r *run) gone(t cache.Task) error {
	if t.Type != TaskRetry && t.Type != taskClose && t.Type != taskPaired {
		return nil
	}
	// It may have been put off once more.
	now, ok, err := r.st.Task(r.ctx, r.source, t.ID)
	if err != nil {
		return &stateErr{err}
	}
	if !ok || now.Rev != t.Rev {
		return nil
	}
	return r.drop(t)
}

// late closes the tickets whose closing was put off.
func (r *run) late() error {
	for t, err := range r.st.Tasks(r.ctx, r.source, cache.TaskQuery{Types: []string{taskClose}, Due: r.now()}) {
		if err != nil {
			return &stateErr{err}
		}
		if r.paused[t.Kind] {
			continue
		}
		wait, err := r.unfinished(t)
		if err != nil {
			return err
		}
		if wait && r.now().Sub(t.Since) < closeWait {
			continue
		}
		if err := r.task(t); err != nil && !errors.Is(err, errSkipped) {
			return err
		}
	}
	return r.flush()
}

// closeWait is how long a ticket stays open for a note or time entry that does
// not get through.
const closeWait = time.Hour

// unfinished reports whether notes or time entries of a ticket failed or are
// yet to be read.
func (r *run) unfinished(t cache.Task) (bool, error) {
	for _, kind := range []psa.Kind{psa.KindNote, psa.KindTimeEntry} {
		for c, err := range r.st.Tasks(r.ctx, r.source, cache.TaskQuery{Kind: kind, Types: []string{taskChildren, TaskRetry}}) {
			if err != nil {
				return false, &stateErr{err}
			}
			if c.Type == taskChildren && c.Link == t.Link || c.Type == TaskRetry && c.Link != "" && strings.HasPrefix(c.Link, t.Link+">") {
				return true, nil
			}
		}
	}
	return false, nil
}

// wakeTasks makes those due that waited for a record to be linked.
func (r *run) wakeTasks(l *cache.Link) ([]cache.Task, error) {
	var out []cache.Task
	for s := range Side(2) {
		if l.IDs[s] == "" {
			continue
		}
		q := cache.TaskQuery{WaitsFor: s.String() + "/" + psa.Ref{Kind: l.Kind, ID: l.IDs[s]}.String()}
		for t, err := range r.st.Tasks(r.ctx, r.source, q) {
			if err != nil {
				return nil, &stateErr{err}
			}
			t.WaitsFor, t.Due = "", r.now()
			out = append(out, t)
		}
	}
	return out, nil
}
