package simulation

import (
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// widened judges that an update makes nothing visible to more people than
// before, unless somebody said so.
func (w *world) widened(s *side, r *row, l *cache.Link, set psa.Fields) {
	to, ok := set["visibility"].(string)
	if !ok || w.restored || w.phased || r.stale || w.stale || !sameBothWays(w.policy) || width(to) <= width(r.fields.String("visibility")) {
		return
	}
	switch {
	case r.edited[2] > r.readRev:
		w.stats.Windows++
	case l == nil || !w.allowed(l.Key, "visibility"):
		w.violated("I28", "%s %s of %s became %s by itself", s.is, specs[r.kind].kind, r.birth, to)
	}
}

// locked judges a write to a locked row: nobody has to try it who has read that
// it is locked.
func (w *world) locked(s *side, r *row) {
	if r.readRev == r.rev && !r.stale {
		w.violated("I28", "%s %s %s was read as locked, and was written", s.is, specs[r.kind].kind, r.id)
	}
}

// placed judges that what a bridge wrote to a ticket fits together: its status
// is one of its board.
func (w *world) placed(s *side, r *row, set psa.Fields) {
	if r.kind != ticket || r.stale || w.stale || r.edited[4] > r.readRev || r.edited[5] > r.readRev {
		return
	}
	if set["board"] == nil && set["status"] == nil {
		return
	}
	board, _ := s.cat.place(r.fields.Ref("board").ID, "")
	_, status := s.cat.place("", r.fields.Ref("status").ID)
	if board >= 0 && status >= 0 && status/len(statusNames) != board {
		w.violated("I16", "%s ticket %s: a bridge gave it a status of another board", s.is, r.id)
	}
}

// pairOf is what a row of the map "group" holds in its group.
func (w *world) pairOf(s *side, r *row) [2]string {
	return [2]string{w.plainly(s.is, r.fields["summary"]), w.plainly(s.is, r.fields["po_number"])}
}

// paired remembers values that stood together where a person or a rule left them.
func (w *world) paired(s *side, r *row) {
	if w.plan.name == "group" {
		w.pairs = append(w.pairs, w.pairOf(s, r))
	}
}

// together judges that both values of a group come from one place.
func (w *world) together(l *cache.Link, rows [2]*row) {
	if w.plan.name != "group" || len(l.Parked) > 0 || w.stale || w.split || w.stats.Windows > 0 || w.merged(ticket) {
		return
	}
	for i, r := range rows {
		p := w.pairOf(w.sides[i], r)
		found := false
		for _, q := range w.pairs {
			found = found || p == q
		}
		if !found {
			w.violated("I16", "link %s: %v never stood together", l.Key, p)
		}
	}
}

// related judges that the parents of a pair are a pair.
func (w *world) related(l *cache.Link, rows [2]*row) {
	sp := &specs[rows[0].kind]
	if sp.parent == "" || !w.uses(kindIndex(sp.parent)) {
		return
	}
	left, right := rows[0].fields.Ref(string(sp.parent)).ID, rows[1].fields.Ref(string(sp.parent)).ID
	p := w.state.linkOf(bridge.Left, sp.parent, left)
	if p != nil && p.State == cache.LinkLive && p.IDs[bridge.Right] != right {
		w.violated("I5", "link %s: %s %s and %s %s, which do not belong together", l.Key, sp.parent, left, sp.parent, right)
	}
}

// refers judges a reference that a bridge wants to write.
func (w *world) refers(s *side, kind int, id string) {
	if r := s.find(kind, id); r != nil && r.into != "" && w.state.linkOf(s.is, specs[kind].kind, id) == nil {
		w.violated("I5", "%s: a bridge refers to %s %s, which was merged and is not linked any more", s.is, specs[kind].kind, id)
	}
}

// calm reports whether nothing went wrong in this history, and nobody changed
// how the bridge works.
func (w *world) calm() bool {
	return w.stats.Crashes+w.stats.Errors+w.stats.Workers == 0 && !w.upset && !w.stale
}

// closes notes that a bridge closed a ticket.
func (w *world) closes(s *side, r *row, was bool) {
	if r.kind == ticket && !was && r.fields.Bool("closed") == psa.Yes {
		r.closedIn = w.started
	}
}

// late judges a note or time entry that a bridge made under a ticket that it had
// closed: it was there before.
func (w *world) late(s *side, r *row) {
	if !w.calm() || r.of == nil || r.of.engine {
		return
	}
	p := s.find(ticket, r.fields.Ref("ticket").ID)
	if p != nil && !p.closedIn.IsZero() && p.fields.Bool("closed") == psa.Yes && r.of.made.Before(p.closedIn) && r.of.made.Equal(r.of.touched) {
		w.violated("I28", "%s ticket %s was closed before %s %s, which was there", s.is, p.id, specs[r.kind].kind, r.birth)
	}
}

// quiescent judges that a cycle with nothing to do leaves what is known of
// links and tasks alone. Without hashes every row is looked at in every cycle, and
// where reading moves stamps each row that the one before has read.
func (w *world) quiescent(was *state) {
	for _, s := range w.sides {
		if !s.hashes || s.wakes {
			return
		}
	}
	if what := w.moved(was); what != "" {
		w.violated("I2", "a cycle with nothing to do %s", what)
	}
}

// moved tells what is not as it was in the links, tasks and audits; "" if all is.
func (w *world) moved(was *state) string {
	switch now := w.state; {
	case len(now.audits) != len(was.audits):
		return "tells that it did " + now.audits[len(now.audits)-1].Op
	case !slices.Equal(now.links, was.links):
		return "saves links"
	case !slices.Equal(now.tasks, was.tasks):
		return "saves tasks"
	}
	return ""
}

// cameBack judges a task that tells that somebody restored a record: where records
// are deactivated, one that is inactive was, and nobody has changed that.
func (w *world) cameBack(t *cache.Task) {
	if t.Type != bridge.TaskDeleted || !strings.HasPrefix(t.Reason, "restored on") || !w.rig.features[w.shape.makes[t.Side]].Can(t.Kind, psa.CanDeactivate) {
		return
	}
	if r := w.sides[t.Side].find(kindIndex(t.Kind), t.Record); r != nil && !r.active && r.touched.Before(w.started) {
		w.violated("I7", "%s %s %s is told to be restored, and is not active", t.Side, t.Kind, t.Record)
	}
}

// tell is the policy for mail: everybody, if it is young.
func tell(bridge.Change) psa.Notify { return psa.NotifyContact }

// mailed judges that people are not told of what is old, and not of records
// that the first cycle found.
func (w *world) mailed(s *side, r *row, notify psa.Notify, made bool) {
	if notify == psa.NotifyNone || w.stepped || w.sides[0].wakes || w.sides[1].wakes {
		return
	}
	var changed time.Time
	if o := w.linkedWith(s, r); o != nil {
		changed = o.touched // one that a merge put in the place of the first
	}
	for _, o := range w.sides[s.is.Other()].rows[r.kind] { // people may have made several of one
		if o.birth == r.birth && o.touched.After(changed) {
			changed = o.touched
		}
	}
	if changed.IsZero() {
		return
	}
	if made && changed.Before(w.first) || w.now.Sub(changed) > 2*time.Hour {
		w.violated("I31", "%s: people were told of %s %s, which was there before", s.is, specs[r.kind].kind, r.birth)
	}
}

// undone reports whether a bridge writes a value over one of somebody who knew
// it: it took what it wrote itself for an edit.
func (w *world) undone(was, now int) bool {
	return now > 0 && w.descends(was, now) && !w.phased && !w.restored && len(w.answered) == 0 && sameBothWays(w.policy) &&
		w.plan.name != "owned" && w.plan.name != "strategies"
}
