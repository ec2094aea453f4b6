package bridge

import (
	"errors"
	"slices"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

// errSkipped: the plan that is applied does not hold this write.
var errSkipped = errors.New("not part of the plan")

// linked deals with a row that belongs to a link. echo tells that there was
// nothing to do about it.
func (r *run) linked(l cache.Link, s Side, rec psa.Record, h how) (echo bool, err error) {
	switch l.State {
	case cache.LinkGone:
		return false, r.returned(l, s, rec)
	case cache.LinkDormant:
		// A side is only asked about what it said itself.
		if r.outside(s, rec) != "" || inactiveReason(l, s.Other()) || s == Right && !inactiveReason(l, s) {
			return true, r.done(s, rec)
		}
		return false, r.wake(l, s, rec, h)
	}
	if out := r.outside(s, rec); out != "" {
		return false, r.sleep(l, s, rec, out)
	}
	return r.reconcile(l, s, rec, h)
}

// outside says why a record does not take part; "" if it does.
func (r *run) outside(s Side, rec psa.Record) string {
	if !rec.Active && rec.Kind != psa.KindTicket && rec.Kind != psa.KindTimeEntry && rec.Kind != psa.KindNote {
		return "inactive on the " + s.String() + " side"
	}
	if s == Left {
		if ok, why := r.c.mapper.InScope(rec, r.now()); !ok {
			return why
		}
	}
	return ""
}

// inactiveReason tells whether a side's own inactivity made a link dormant.
func inactiveReason(l cache.Link, s Side) bool {
	return l.Reason == "inactive on the "+s.String()+" side"
}

// sleep leaves both records alone from now on, and drops tasks that are done.
func (r *run) sleep(l cache.Link, s Side, rec psa.Record, why string, done ...string) error {
	l.State, l.Reason = cache.LinkDormant, why
	r.rep.Dormant++
	return r.save(cache.StateBatch{Links: []cache.Link{l}, Seen: r.seenOf(s, rec), DropTasks: done,
		Audits: []cache.Audit{{Op: opState, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: "dormant: " + why}}})
}

// stop ends a comparison of records of which one turns out to take no part.
func (r *run) stop(k *kindRules, l cache.Link, in *input, s Side, why string) error {
	done := confirmed(k, &l, in)
	l.Pending = nil
	return r.sleep(l, s, in.view[s].rec, why, done...)
}

// wake takes a link up again that was out of scope, if its other record takes
// part, too.
func (r *run) wake(l cache.Link, s Side, rec psa.Record, h how) error {
	other, err := r.get(s.Other(), psa.Ref{Kind: l.Kind, ID: l.IDs[s.Other()]})
	switch {
	case errors.Is(err, psa.ErrNotFound):
		return r.vanished(l, s.Other())
	case err != nil:
		return err
	}
	if out := r.outside(s.Other(), other); out != "" {
		return r.sleep(l, s.Other(), other, out)
	}
	l.State, l.Reason = cache.LinkLive, ""
	b := cache.StateBatch{Links: []cache.Link{l}, Audits: []cache.Audit{{Op: opState, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: "in scope again"}}}
	if b.Tasks, err = r.family(&l); err != nil {
		return err
	}
	h.retry, h.live = r.follow(&l, s), false
	b.Tasks = append(b.Tasks, *h.retry)
	if err := r.saveTasks(b); err != nil {
		return err
	}
	l.Rev++
	return r.settled(l, s, rec, other, h)
}

// family has everything looked at again that was passed over while a link did
// not take part, or while one of its records had no link: children, and records
// that refer to it.
func (r *run) family(l *cache.Link) ([]cache.Task, error) {
	out, err := r.wakeTasks(l)
	if err != nil {
		return nil, err
	}
	for s := range Side(2) {
		tasks, err := r.childTasks(*l, s, visitAll, true)
		if err != nil {
			return nil, err
		}
		out = append(out, tasks...)
	}
	return out, nil
}

// view is a record that was read, with what its stamp proves.
func (r *run) view(l *cache.Link, s Side, rec psa.Record) view {
	f := r.sides[s].offers[rec.Kind]
	v := view{rec: rec, known: true, locked: rec.Fields.Bool("locked") == psa.Yes}
	v.stamp = conflict.Stamp{At: rec.Updated, Granularity: f.Granularity}
	switch {
	case rec.Updated.IsZero():
	case !rec.Updated.After(l.Wrote[s].Add(f.Granularity)):
		v.stamp.ExplainedBy = byBridge
	case !l.Child[s].IsZero() && rec.Updated.Sub(l.Child[s]).Abs() <= max(f.Granularity, time.Second):
		v.stamp.ExplainedBy = "a note or time entry"
	}
	return v
}

// saw takes note of a record that was read.
func (in *input) saw(s Side, v view) {
	in.view[s] = v
	if v.stamp.ExplainedBy != byBridge {
		in.edited[s] = v.rec.Updated
	}
}

// byBridge explains a stamp.
const byBridge = "a write of the bridge"

func (r *run) input(l *cache.Link, h how) *input {
	in := &input{link: l, policy: r.policy(l.Company), again: h.again, answers: h.answers, canon: r.canon, peer: r.peers}
	if r.anewOf(l.Kind) && in.again == nil {
		in.again = func(cache.Parked) bool { return true }
	}
	return in
}

// canonical is what a side holds after it was sent fields, as far as it tells.
func (r *run) canonical(s Side, kind psa.Kind, fields psa.Fields) psa.Fields {
	canon, err := psa.Canonicalise(r.sides[s].Provider, kind, fields)
	if err != nil {
		return fields // then only the very value counts
	}
	return canon
}

// peer finds the counterpart on a side of a record of the other one.
func (r *run) peer(s Side, kind psa.Kind, id string) (string, bool) {
	l, ok, err := r.st.LinkOf(r.ctx, r.source, s.Other(), psa.Ref{Kind: kind, ID: id})
	r.fails(err)
	if err != nil || !ok || l.IDs[s] == "" || l.State == cache.LinkGone {
		return "", false
	}
	if kind == psa.KindContact && l.State == cache.LinkDormant && inactiveReason(l, s) {
		return "", false // a system may refuse the whole record for it
	}
	return l.IDs[s], true
}

// reconcile brings the two records of a link together, given that one of them
// was read: compare, store the intent, read the record that is to be written,
// compare again, write, compare the answer.
func (r *run) reconcile(l cache.Link, s Side, rec psa.Record, h how) (echo bool, err error) {
	k := r.c.kinds[l.Kind]
	in := r.input(&l, h)
	in.saw(s, r.view(&l, s, rec))
	seen := r.seenOf(s, rec)
	if h.both || l.Pending != nil {
		if ok, err := r.reread(&l, in, s.Other()); !ok {
			return false, err
		}
		if why := r.outside(s.Other(), in.view[s.Other()].rec); why != "" {
			return false, r.stop(k, l, in, s.Other(), why)
		}
	}
	var fresh [2]bool         // read since the intent was stored
	var intended [2][]written // what the intent says
	wrote, proved := false, false
	for round := 0; ; round++ {
		out, err := r.c.merge(r.ctx, k, in)
		if err != nil {
			return false, err
		}
		if out.unread != [2]bool{} {
			for side, is := range out.unread {
				if !is {
					continue
				}
				if ok, err := r.reread(&l, in, Side(side)); !ok {
					return false, err
				}
			}
			fresh = [2]bool{}
			continue
		}
		if k.kind == psa.KindTicket && h.answers == nil && !proved && out.contended(&l) {
			proved = true
			if err := r.evidence(&l, in); err != nil {
				return false, err
			}
			fresh = [2]bool{} // that took a while
			continue
		}
		if out.fatal != "" {
			return false, r.commit(k, &l, in, out, s, h, &cache.Task{Type: taskHeld, Reason: out.fatal, Rule: out.where})
		}
		to, any := pick(out, fresh)
		if any && round > 6 {
			return false, errors.New("the record does not come to rest: one side changes every value it is sent")
		}
		if !any {
			if l.Pending == nil && !wrote && out.quiet(&l) {
				return true, r.echo(l, s, rec, h)
			}
			return false, r.commit(k, &l, in, out, s, h, nil)
		}
		if !h.late && r.closesTicket(k, to, in, out) {
			return false, r.closeLater(k, &l, in, out, s, seen, h)
		}
		if !fresh[to] || !slices.EqualFunc(intended[to], out.wrote[to], sameWrite) {
			if err := r.intend(k, &l, in, out, to); err != nil {
				return false, err
			}
			fresh, intended[to] = [2]bool{}, out.wrote[to]
			if ok, err := r.reread(&l, in, to); !ok {
				return false, err
			}
			fresh[to] = true
			if why := r.outside(to, in.view[to].rec); why != "" {
				return false, r.stop(k, l, in, to, why)
			}
			continue
		}
		item := r.itemOf(k, &l, in, out, to, h)
		if !r.gate.allow(r, item) {
			r.rep.Skipped++
			return false, r.unintend(&l)
		}
		became, err := r.write(k, &l, in, out, to, item, h)
		if err != nil || became == goneNow {
			return false, err
		}
		fresh = [2]bool{} // each write has its own intent
		if became == tooLate {
			continue
		}
		for _, w := range out.wrote[to] { // the rest of an answer holds for what it has made of the record
			u := &k.units[w.unit]
			a, ok := in.answers[k.groups[u.group].name]
			if x, is := u.own(to, in.view[to].rec.Fields).Get(); ok && is && w.by != nil && w.by.by == a.by {
				a.shown[to] = overlaid(a.shown[to], psa.Fields{u.name: x})
				in.answers[k.groups[u.group].name] = a
			}
		}
		in.again = nil // what the system made of it is known now
		wrote = true
	}
}

// pick chooses the side to write: one that was just read, if there is one.
func pick(out *outcome, fresh [2]bool) (Side, bool) {
	for s := range Side(2) {
		if fresh[s] && out.patch[s] != nil {
			return s, true
		}
	}
	for _, s := range []Side{Right, Left} {
		if out.patch[s] != nil {
			return s, true
		}
	}
	return 0, false
}

// quiet reports whether an outcome changes nothing.
func (o *outcome) quiet(l *cache.Link) bool {
	return o.unread == [2]bool{} && o.agree[Left] == nil && o.agree[Right] == nil && len(o.parks) == 0 && len(o.parked) == len(l.Parked)
}

// echo ends what was no change, or one that means nothing to the other side.
func (r *run) echo(l cache.Link, s Side, rec psa.Record, h how) error {
	tasks, err := r.childTasks(l, s, liveClass(h), false)
	if err != nil || len(tasks) == 0 && h.retry == nil {
		return errors.Join(err, r.done(s, rec))
	}
	b := cache.StateBatch{Tasks: tasks, Seen: r.seenOf(s, rec)}
	if h.retry != nil {
		b.DropTasks = []string{h.retry.ID}
	}
	return r.save(b)
}

// commit saves what was found out about a link without a further write.
func (r *run) commit(k *kindRules, l *cache.Link, in *input, out *outcome, s Side, h how, extra *cache.Task) error {
	b := cache.StateBatch{}
	for side := range Side(2) { // as they were compared, which may be older than what a list told
		if in.view[side].known {
			b.Seen = append(b.Seen, r.seenOf(side, in.view[side].rec)...)
		}
	}
	old := l.Parked
	confirmed(k, l, in)
	l.Pending = nil
	l.Parked = slices.Clone(out.parked)
	for i := range out.parks {
		p := &out.parks[i]
		parked := cache.Parked{Group: k.groups[p.group].name, Is: p.is, Why: p.why, Side: p.to}
		if p.why != whyTolerated {
			t := r.parkTask(k, l, p)
			parked.Task = t.ID
			b.Tasks = append(b.Tasks, t)
			if p.why == whyConflict {
				r.opened++
				r.event(EventConflict, s, l.Kind, l.IDs[s], parked.Group)
			}
		} else {
			if r.rep.Left == nil {
				r.rep.Left = map[string]int{}
			}
			r.rep.Left[parked.Group]++
		}
		l.Parked = append(l.Parked, parked)
	}
	for _, p := range old {
		if p.Task != "" && !slices.ContainsFunc(l.Parked, func(q cache.Parked) bool { return q.Task == p.Task }) {
			b.DropTasks = append(b.DropTasks, p.Task)
		}
	}
	if extra != nil {
		extra.ID, extra.Kind, extra.Side, extra.Record, extra.Link = taskID(extra.Type, s, l.Kind, l.IDs[s]), l.Kind, s, l.IDs[s], l.Key
		b.Tasks = append(b.Tasks, *extra)
	}
	if h.retry != nil {
		b.DropTasks = append(b.DropTasks, h.retry.ID)
	}
	b.DropTasks = append(b.DropTasks, taskID(TaskRetry, s, l.Kind, l.IDs[s]))
	if out.agree[Left] != nil || out.agree[Right] != nil {
		l.Base = [2]psa.Fields{overlaid(l.Base[Left], out.agree[Left]), overlaid(l.Base[Right], out.agree[Right])}
		b.Audits = append(b.Audits, cache.Audit{Op: opAgree, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Agreed: out.agree})
		r.rep.Agreed++
	}
	if in.view[Left].known {
		if c, ok := r.company(Left, in.view[Left].rec); ok {
			l.Company = c
		}
	}
	for side := range Side(2) {
		if in.view[side].known {
			tasks, err := r.childTasks(*l, side, liveClass(h), false)
			if err != nil {
				return err
			}
			b.Tasks = append(b.Tasks, tasks...)
		}
	}
	b.Links = []cache.Link{*l}
	if err := r.saveTasks(b); err != nil {
		return err
	}
	l.Rev++
	return r.limit(r.opened, r.b.opts.Limits.Conflicts, "conflicts")
}

// closeLater leaves a ticket open until its notes and time entries are there.
func (r *run) closeLater(k *kindRules, l *cache.Link, in *input, out *outcome, s Side, seen []cache.Seen, h how) error {
	t := cache.Task{ID: taskID(taskClose, s, l.Kind, l.IDs[s]), Type: taskClose, Kind: l.Kind, Side: s, Record: l.IDs[s], Link: l.Key,
		Due: r.now(), Since: r.now(), Reason: "is closed after its notes and time entries", Class: liveClass(h)}
	tasks, err := r.childTasks(*l, s, liveClass(h), false)
	if err != nil {
		return err
	}
	b := cache.StateBatch{Tasks: append(tasks, t), Seen: seen}
	if h.retry != nil && h.retry.ID != t.ID {
		b.DropTasks = append(b.DropTasks, h.retry.ID)
	}
	return r.saveTasks(b)
}

// closesTicket reports whether a patch closes a ticket that is open.
func (r *run) closesTicket(k *kindRules, to Side, in *input, out *outcome) bool {
	if k.kind != psa.KindTicket || out.patch[to] == nil {
		return false
	}
	is, known := r.closedStatus(k, to, out.patch[to])
	if !known || is != psa.Yes {
		return false
	}
	return in.view[to].rec.Fields.Bool("closed") != psa.Yes
}

// closedStatus says whether the status in fields closes a ticket.
func (r *run) closedStatus(k *kindRules, s Side, fields psa.Fields) (psa.Tri, bool) {
	v, _ := k.fieldOn(s, "status").get(fields).Get()
	name, _ := v.(string)
	ref, _ := v.(psa.Fields)
	status := psa.Reference{ID: ref.String("id"), Name: ref.String("name")}
	cat := r.c.cats[s]
	if cat == nil || status.ID == "" && status.Name == "" && name == "" {
		return psa.Unknown, false
	}
	for _, o := range cat.Options(psa.KindStatus, "") {
		if status.ID != "" && o.ID == status.ID || status.ID == "" && (o.Name == status.Name && status.Name != "" || o.Name == name && name != "") {
			return o.Closed, true
		}
	}
	return psa.Unknown, false
}
