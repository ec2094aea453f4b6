package bridge

import (
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// presence remembers which rows a complete list held, at 16 bytes a row or so.
type presence struct {
	seed maphash.Seed
	ids  map[uint64]struct{}
}

func newPresence() *presence {
	return &presence{seed: maphash.MakeSeed(), ids: map[uint64]struct{}{}}
}

func (p *presence) add(id string) {
	if p != nil {
		p.ids[maphash.String(p.seed, id)] = struct{}{}
	}
}

func (p *presence) has(id string) bool {
	_, ok := p.ids[maphash.String(p.seed, id)]
	return ok
}

// absent looks at links whose row a complete list lacked. Absence proves
// nothing: the row is asked for, and asked for again later.
func (r *run) absent(kind psa.Kind, s Side, p *presence) error {
	var suspects []string
	for id, err := range r.linkedIDs(kind, s) {
		if err != nil {
			return &stateErr{err}
		}
		if !p.has(id) {
			suspects = append(suspects, id)
			if most := r.b.opts.Limits.Missing; most >= 0 && len(suspects) > most {
				why := fmt.Sprintf("a complete list of %s on the %s side lacks more than %d linked records", kind, s, most)
				if r.dry {
					r.rep.Failures = append(r.rep.Failures, Failure{Side: s, Kind: kind, Error: why})
					return nil
				}
				return r.pause(why)
			}
		}
	}
	for _, id := range suspects {
		l, ok, err := r.st.LinkOf(r.ctx, r.source, s, psa.Ref{Kind: kind, ID: id})
		if err != nil {
			return &stateErr{err}
		}
		if !ok || l.State != cache.LinkLive {
			continue
		}
		if err := r.suspect(l, s); err != nil {
			if err := r.trouble(kind, s, l.IDs[s], l.Key, err, how{}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkedIDs yields the ids of the rows of live links.
func (r *run) linkedIDs(kind psa.Kind, s Side) iter.Seq2[string, error] {
	if lister, ok := r.st.(cache.LinkLister); ok {
		return lister.LinkIDs(r.ctx, r.source, s, kind)
	}
	return func(yield func(string, error) bool) {
		for l, err := range r.st.Links(r.ctx, r.source, cache.LinkQuery{Kind: kind, States: []cache.LinkState{cache.LinkLive}}) {
			if (err != nil || l.IDs[s] != "") && !yield(l.IDs[s], err) {
				return
			}
		}
	}
}

// suspect asks for a row that seems to be gone.
func (r *run) suspect(l cache.Link, s Side) error {
	rec, err := r.get(s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
	if errors.Is(err, psa.ErrNotFound) {
		return r.vanished(l, s)
	}
	if err != nil {
		return err
	}
	_, err = r.linked(l, s, rec, how{})
	return err
}

// vanished notes that a row was not found, to ask once more after a while.
func (r *run) vanished(l cache.Link, s Side) error {
	if l.State == cache.LinkGone {
		return nil
	}
	id := taskID(taskMissing, s, l.Kind, l.IDs[s])
	_, ok, err := r.st.Task(r.ctx, r.source, id)
	if err != nil {
		return &stateErr{err}
	}
	if ok {
		return nil
	}
	return r.save(cache.StateBatch{Tasks: []cache.Task{{ID: id, Type: taskMissing, Kind: l.Kind, Side: s, Record: l.IDs[s], Link: l.Key,
		Since: r.now(), Due: r.now().Add(r.b.opts.ConfirmAfter), Reason: "not found on the " + s.String() + " side"}}})
}

// missed asks a second time for a row that was not found.
func (r *run) missed(t cache.Task) error {
	l, ok, err := r.st.Link(r.ctx, r.source, t.Link)
	if err != nil {
		return &stateErr{err}
	}
	if !ok || l.State == cache.LinkGone || l.IDs[t.Side] != t.Record {
		return r.drop(t)
	}
	rec, err := r.get(t.Side, psa.Ref{Kind: t.Kind, ID: t.Record})
	switch {
	case err == nil: // what could not be carried to it has to be compared now
		next := r.follow(&l, t.Side)
		if err := r.saveTasks(cache.StateBatch{Tasks: []cache.Task{*next}, DropTasks: []string{t.ID}}); err != nil {
			return err
		}
		if _, err := r.linked(l, t.Side, rec, how{both: true, retry: next}); err != nil {
			return r.trouble(t.Kind, t.Side, t.Record, l.Key, err, how{}, nil)
		}
		return nil
	case !errors.Is(err, psa.ErrNotFound):
		if err := r.postpone(t, err); err != nil {
			return err
		}
		return r.side(t.Side, t.Kind, err)
	}
	if err := r.buried(l, t.Side, psa.Deletion{Ref: psa.Ref{Kind: t.Kind, ID: t.Record}}, &t); err != nil {
		return r.trouble(t.Kind, t.Side, t.Record, l.Key, err, how{}, nil)
	}
	return nil
}

// deletions reads which rows a system says are gone, once in a while.
func (r *run) deletions(kind psa.Kind, s Side) error {
	if !r.sides[s].offers.Can(kind, psa.CanDeletions) || r.server[s].IsZero() {
		return nil
	}
	name := setDeleted + s.String() + ":" + string(kind)
	text, err := r.st.Setting(r.ctx, r.source, name)
	if err != nil {
		return &stateErr{err}
	}
	read := func() error {
		return r.save(cache.StateBatch{Settings: map[string]string{name: psa.FormatTime(r.server[s].Add(-r.b.opts.Overlap))}})
	}
	since, err := time.Parse(time.RFC3339Nano, text)
	if err != nil { // the first time: there are no links yet
		return read()
	}
	if r.server[s].Sub(since) < r.b.opts.ConfirmAfter {
		return nil
	}
	skipped := r.rep.Skipped
	for d, err := range psa.Deletions(r.ctx, r.sides[s].Provider, kind, since) {
		if err != nil {
			return r.side(s, kind, err)
		}
		l, ok, err := r.st.LinkOf(r.ctx, r.source, s, d.Ref)
		if err != nil {
			return &stateErr{err}
		}
		if ok && l.State == cache.LinkGone && l.Gone[s].At.IsZero() {
			if err := r.alsoGone(l, s); err != nil {
				return err
			}
			continue
		}
		if !ok || l.State == cache.LinkGone || l.State == cache.LinkHalf {
			continue
		}
		if err := r.buried(l, s, d, nil); err != nil {
			if err := r.trouble(kind, s, d.ID, l.Key, err, how{}, nil); err != nil {
				return err
			}
		}
	}
	if r.rep.Skipped > skipped { // the next run reads again what is left
		return nil
	}
	return read()
}

// alsoGone notes that the counterpart of a deleted record is gone, too.
func (r *run) alsoGone(l cache.Link, s Side) error {
	l.Gone[s] = cache.Fate{At: r.now()}
	return r.save(cache.StateBatch{Links: []cache.Link{l}, DropTasks: []string{taskID(TaskDeleted, s, l.Kind, l.IDs[s])}, Seen: []cache.Seen{forgotten(l, s)}})
}

// forgotten lets a row that is gone be looked at once it comes back, though it
// is as it was.
func forgotten(l cache.Link, s Side) cache.Seen {
	return cache.Seen{Side: s, Kind: l.Kind, ID: l.IDs[s]}
}

// buried makes a tombstone of a link, one of whose records is gone for sure.
func (r *run) buried(l cache.Link, s Side, d psa.Deletion, t *cache.Task) error {
	to := s.Other()
	if d.MergedInto.ID != "" {
		_, linked, err := r.st.LinkOf(r.ctx, r.source, s, d.MergedInto)
		if err != nil {
			return &stateErr{err}
		}
		if !linked && l.State == cache.LinkLive { // the winner takes the place
			return r.moved(l, s, d.MergedInto, t)
		}
	}
	l.State, l.Pending = cache.LinkGone, nil
	l.Gone[s] = cache.Fate{At: r.now(), MergedInto: d.MergedInto.ID}
	l.Reason = "deleted on the " + s.String() + " side"
	if d.MergedInto.ID != "" {
		l.Reason = "merged into " + d.MergedInto.ID + " on the " + s.String() + " side"
	}
	r.rep.Gone++
	parked := l.Parked
	l.Parked = nil // decided anew if it comes back
	b := cache.StateBatch{Links: []cache.Link{l}, Audits: []cache.Audit{{Op: opGone, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: l.Reason}},
		Seen: []cache.Seen{forgotten(l, s)}}
	if t != nil {
		b.DropTasks = append(b.DropTasks, t.ID)
	}
	for _, p := range parked {
		if p.Task != "" {
			b.DropTasks = append(b.DropTasks, p.Task)
		}
	}
	ask := cache.Task{ID: taskID(TaskDeleted, to, l.Kind, l.IDs[to]), Type: TaskDeleted, Kind: l.Kind, Side: to, Record: l.IDs[to], Link: l.Key, Reason: l.Reason}
	policy := r.b.opts.Deletes
	switch {
	case policy == KeepDeleted && d.MergedInto.ID == "", !l.Gone[to].At.IsZero():
		return r.saveTasks(b)
	}
	changed, err := r.edited(l, to)
	if errors.Is(err, psa.ErrNotFound) {
		l.Gone[to] = cache.Fate{At: r.now()}
		b.Links[0] = l
		b.Seen = append(b.Seen, forgotten(l, to))
		return r.saveTasks(b)
	}
	if err != nil {
		return err
	}
	if policy == PropagateDelete && d.MergedInto.ID == "" {
		f := r.sides[to].offers[l.Kind]
		can := f.Can.Has(psa.CanDeactivate) || f.Can.Has(psa.CanDelete) && r.b.opts.HardDelete[to]
		proven := t == nil
		if !proven { // nobody says that it was deleted: it was not found
			if proven, err = r.proven(l, s, t.Since); err != nil {
				return err
			}
		}
		switch {
		case !proven:
			ask.Reason = "not found on the " + s.String() + " side, and nothing proves that it is not just hidden"
		case changed:
			ask.Reason += "; the " + to.String() + " side was edited since"
		case !can:
			ask.Reason += "; the " + to.String() + " side cannot delete it"
		default:
			return r.deleteOther(l, to, b)
		}
	}
	b.Tasks = append(b.Tasks, ask)
	return r.saveTasks(b)
}

// canaries is how many other records are asked for before a missing one is
// taken to be hidden, and not deleted.
const canaries = 10

// proven reports whether a row that is not found must have been deleted. Where
// the system tells deletions, it would have told this one; elsewhere another row
// that the bridge knew before it went missing has to be there still: otherwise a
// right was perhaps taken away.
func (r *run) proven(l cache.Link, s Side, missed time.Time) (bool, error) {
	if r.sides[s].offers.Can(l.Kind, psa.CanDeletions) {
		return false, nil
	}
	var others []string
	for o, err := range r.st.Links(r.ctx, r.source, cache.LinkQuery{Kind: l.Kind, States: []cache.LinkState{cache.LinkLive}}) {
		if err != nil {
			return false, &stateErr{err}
		}
		if o.Key == l.Key || o.IDs[s] == "" || o.Since.After(missed) {
			continue
		}
		if others = append(others, o.IDs[s]); len(others) == canaries {
			break
		}
	}
	for _, id := range others {
		_, err := r.get(s, psa.Ref{Kind: l.Kind, ID: id})
		if !errors.Is(err, psa.ErrNotFound) {
			return err == nil, err
		}
	}
	return false, nil
}

// edited reports whether a side was changed since both agreed.
func (r *run) edited(l cache.Link, s Side) (bool, error) {
	rec, err := r.get(s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
	if err != nil {
		return false, err
	}
	k := r.c.kinds[l.Kind]
	live := l
	live.State, live.Parked = cache.LinkLive, nil
	in := r.input(&live, how{})
	in.view[s] = r.view(&live, s, rec)
	out, err := r.c.merge(r.ctx, k, in)
	if err != nil {
		return false, err
	}
	return !out.quiet(&live) || out.patch[Left] != nil || out.patch[Right] != nil, nil
}

// deleteOther deletes or deactivates what is left of a pair. The tombstone is
// stored first: if the process ends in between, the record stays and is never
// created again on the side where it was deleted.
func (r *run) deleteOther(l cache.Link, to Side, b cache.StateBatch) error {
	item := &Item{Op: opDelete, Side: to, Kind: l.Kind, Source: l.IDs[to.Other()], Target: l.IDs[to]}
	if !r.gate.allow(r, item) {
		r.rep.Skipped++
		return errSkipped
	}
	if err := r.limit(r.rep.Deleted[to]+1, r.b.opts.Limits.Deletes, "records deleted on the "+to.String()+" side"); err != nil {
		return err
	}
	// A task of the bridge's own sees the deletion through.
	b.Tasks = append(b.Tasks, cache.Task{ID: taskID(TaskDeleted, to, l.Kind, l.IDs[to]), Type: TaskDeleted, Kind: l.Kind, Side: to, Record: l.IDs[to],
		Link: l.Key, Reason: l.Reason, Due: r.now(), Answer: &cache.Answer{Action: AnswerDelete, Actor: "policy", At: r.now()}})
	if err := r.saveTasks(b); err != nil {
		return err
	}
	t, _, err := r.st.Task(r.ctx, r.source, taskID(TaskDeleted, to, l.Kind, l.IDs[to]))
	if err != nil {
		return &stateErr{err}
	}
	return r.answered(t)
}

// moved lets the record that another one was merged into take its place.
func (r *run) moved(l cache.Link, s Side, winner psa.Ref, t *cache.Task) error {
	was := l.IDs[s]
	rec, unread := r.get(s, winner)
	if errors.Is(unread, psa.ErrNotFound) {
		return unread
	}
	l.IDs[s] = winner.ID
	if l.Pending != nil && l.Pending.Side == s {
		l.Pending = nil // what was sent, was sent to the other record
	}
	b := cache.StateBatch{Links: []cache.Link{l}, Seen: []cache.Seen{{Side: s, Kind: l.Kind, ID: was}},
		Audits: []cache.Audit{{Op: opLink, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: "merged from " + was}}}
	if t != nil {
		b.DropTasks = append(b.DropTasks, t.ID)
	}
	var err error
	if b.Tasks, err = r.family(&l); err != nil {
		return err
	}
	next := r.follow(&l, s)
	b.Tasks = append(b.Tasks, *next)
	if err := r.saveTasks(b); err != nil {
		return err
	}
	l.Rev++
	if unread != nil { // no list of deletions tells of the merge again
		return r.trouble(l.Kind, s, winner.ID, l.Key, unread, how{}, nil)
	}
	_, err = r.reconcile(l, s, rec, how{both: true, retry: next})
	return err
}

// returned deals with a row of a link that is gone. One that was restored takes
// part again; the counterpart of a deleted one waits for what a person says.
func (r *run) returned(l cache.Link, s Side, rec psa.Record) error {
	if l.Gone[s].At.IsZero() || l.Gone[s].MergedInto != "" || r.outside(s, rec) != "" || !rec.Active && r.sides[s].offers.Can(l.Kind, psa.CanDeactivate) {
		return r.done(s, rec)
	}
	l.Gone[s] = cache.Fate{}
	if !l.Gone[s.Other()].At.IsZero() {
		// Its counterpart was deleted, too: only a person may want it back there.
		l.Reason = "deleted on the " + s.Other().String() + " side"
		return r.saveTasks(cache.StateBatch{Links: []cache.Link{l}, Seen: r.seenOf(s, rec), Tasks: []cache.Task{{ID: taskID(TaskDeleted, s, l.Kind, rec.ID), Type: TaskDeleted, Kind: l.Kind,
			Side: s, Record: rec.ID, Link: l.Key, Reason: "restored on the " + s.String() + " side; its counterpart is deleted"}}})
	}
	l.State, l.Reason = cache.LinkLive, ""
	b := cache.StateBatch{Links: []cache.Link{l}, DropTasks: []string{taskID(TaskDeleted, s.Other(), l.Kind, l.IDs[s.Other()])},
		Audits: []cache.Audit{{Op: opState, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: "restored on the " + s.String() + " side"}}}
	var err error
	if b.Tasks, err = r.family(&l); err != nil {
		return err
	}
	next := r.follow(&l, s)
	b.Tasks = append(b.Tasks, *next)
	if err := r.saveTasks(b); err != nil {
		return err
	}
	l.Rev++
	_, err = r.reconcile(l, s, rec, how{both: true, retry: next})
	return err
}
