package bridge

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// recover ends writes that were begun by an earlier run.
func (r *run) recover() error {
	var all []cache.Link
	for l, err := range r.st.Links(r.ctx, r.source, cache.LinkQuery{Pending: true}) {
		if err != nil {
			return &stateErr{err}
		}
		all = append(all, l)
		if l.State == cache.LinkHalf {
			r.half[l.Key] = l
		}
	}
	for _, l := range all {
		if l.State == cache.LinkDormant || l.State == cache.LinkGone {
			l.Pending = nil
			if err := r.save(cache.StateBatch{Links: []cache.Link{l}}); err != nil && !errors.Is(err, cache.ErrStale) {
				return err
			}
			continue
		}
		if r.c.kinds[l.Kind] == nil || r.paused[l.Kind] {
			continue
		}
		s := l.Pending.Side.Other()
		var err error
		if l.State == cache.LinkHalf {
			err = r.finishCreate(l)
		} else {
			err = r.finishUpdate(l)
		}
		if err != nil {
			if err := r.trouble(l.Kind, s, l.IDs[s], l.Key, err, how{}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// finishUpdate compares the records of a write that may or may not have
// happened.
func (r *run) finishUpdate(l cache.Link) error {
	s := l.Pending.Side.Other()
	rec, err := r.get(s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
	if errors.Is(err, psa.ErrNotFound) {
		return r.vanished(l, s)
	}
	if err != nil {
		return err
	}
	_, err = r.reconcile(l, s, rec, how{both: true})
	return err
}

// finishCreate looks whether a create has happened, and repeats it once a
// search would have found it.
func (r *run) finishCreate(l cache.Link) error {
	k, to := r.c.kinds[l.Kind], l.Pending.Side
	s := to.Other()
	found, several, err := r.trace(k, &l)
	hidden := errors.Is(err, psa.ErrNotFound) // the parent is, and with it what may have been created
	if err != nil && !hidden {
		return err
	}
	if several {
		return r.saveTasks(cache.StateBatch{Tasks: []cache.Task{{ID: taskID(TaskMatch, s, l.Kind, l.IDs[s]), Type: TaskMatch, Kind: l.Kind, Side: s,
			Record: l.IDs[s], Link: l.Key, Reason: "several rows may be what was created for it"}}})
	}
	if found != nil {
		return r.adopt(k, l, to, *found, how{})
	}
	if wait, err := r.unsearched(&l); wait || err != nil {
		return err
	}
	rec, err := r.get(s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]})
	switch {
	case errors.Is(err, psa.ErrNotFound):
		delete(r.half, l.Key)
		return r.save(cache.StateBatch{DropLinks: []string{l.Key}, Seen: []cache.Seen{forgotten(l, s)},
			Audits: []cache.Audit{{Op: opGone, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: s, Reason: "deleted before its counterpart was created"}}})
	case err != nil:
		return err
	}
	parent, out, err := r.parent(l.Kind, s, rec)
	if err != nil {
		return err
	}
	if out == "" {
		out = r.outside(s, rec)
	}
	switch {
	case out != "":
	case hidden && parent != nil:
		return r.vanished(*parent, to)
	default:
		out, err = r.create(k, s, rec, parent, l.Company, how{})
	}
	if out != "" && err == nil {
		delete(r.half, l.Key)
		return r.save(cache.StateBatch{DropLinks: []string{l.Key}})
	}
	return err
}

// unsearched reports whether a search may not find yet what a create made. Both
// the system's clock and the bridge's own have to say so; one that was set back
// tells nothing.
func (r *run) unsearched(l *cache.Link) (bool, error) {
	now := r.server[l.Pending.Side]
	if now.IsZero() {
		now = r.now()
	}
	there, here := now.Sub(l.Pending.At), r.now().Sub(l.Since)
	if there < 0 && here < 0 { // it is counted anew
		p := *l.Pending
		p.At = now
		l.Pending, l.Since = &p, r.now()
		return true, r.save(cache.StateBatch{Links: []cache.Link{*l}})
	}
	lag := r.b.opts.SearchLag
	return there >= 0 && there < lag || here >= 0 && here < lag, nil
}

// trace looks for the row that a create may have made. The error is that of a
// row that cannot be read and may be it.
func (r *run) trace(k *kindRules, l *cache.Link) (rec *psa.Record, several bool, err error) {
	to := l.Pending.Side
	if r.searchable(k, to) {
		found, ok, err := r.lookUp(k, to, l.IDs[to.Other()])
		if err != nil || !ok {
			return nil, false, err
		}
		return &found, false, nil
	}
	f := r.sides[to].offers[k.kind]
	q := psa.Query{}
	switch {
	case l.Parent != "" && f.Parent == parentOf(k.kind):
		parent, ok, err := r.st.Link(r.ctx, r.source, l.Parent)
		if err != nil {
			return nil, false, &stateErr{err}
		}
		if !ok || parent.IDs[to] == "" {
			return nil, false, nil
		}
		q.Parent = psa.Ref{Kind: f.Parent, ID: parent.IDs[to]}
	case f.Can.Has(psa.CanSince):
		q.Since = l.Pending.At.Add(-r.b.opts.Overlap)
	}
	like := r.likeness(k, to, l.Pending.Sent)
	if marker := newPath(k.marker[to]); marker != nil {
		like = func(f psa.Fields) bool { return marker.text(f) == r.b.marker(to.Other(), l.IDs[to.Other()]) }
	}
	var unread error
	for row, err := range r.sides[to].List(r.ctx, k.kind, q) {
		if err != nil {
			return nil, false, err
		}
		// A row that cannot be read may be the one.
		mayBe := row.Err != nil && (row.Updated.IsZero() || !row.Updated.Before(l.Pending.At.Add(-r.b.opts.Overlap)))
		if !mayBe && (row.Err != nil || !like(row.Fields)) {
			continue
		}
		_, taken, err := r.st.LinkOf(r.ctx, r.source, to, row.Ref)
		if err != nil {
			return nil, false, &stateErr{err}
		}
		switch {
		case taken:
		case mayBe:
			unread = row.Err
		case rec != nil:
			return nil, true, nil
		default:
			rec = &row
		}
	}
	if rec == nil && unread != nil {
		return nil, false, unread
	}
	return rec, false, nil
}

// psaText spells a value for a fingerprint.
func psaText(x any) string {
	switch x := x.(type) {
	case psa.Fields:
		return x.String("id") + " " + x.String("name")
	case []any:
		var parts []string
		for _, v := range x {
			parts = append(parts, psaText(v))
		}
		return strings.Join(parts, ",")
	case interface{ String() string }: // json.Number
		return x.String()
	}
	return ""
}
