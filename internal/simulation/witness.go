package simulation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A token is one value that a person or a rule of a system entered.
type token struct {
	prev   int // what it replaced, as the writer saw it
	birth  string
	field  int
	side   bridge.Side
	value  any
	answer bool // a rule made it of what a bridge sent
	blank  bool // who entered it saw an empty field
}

// A birth is one logical record.
type birth struct {
	kind    int
	by      [2]bool // created by people on this side
	twins   bool    // people made several on one side
	deleted [2]bool // by a person, while it was linked
	early   bool    // on both sides before the first cycle
}

// An overwrite is a value that a bridge wrote over without descending from it.
type overwrite struct {
	link       string
	side       bridge.Side
	id         string
	field      string
	lost, took int
	back       bool // see putBack
}

// number returns the token that a value carries; 0 if it carries none.
func number(v any) int {
	switch v := v.(type) {
	case string:
		if len(v) < 2 || v[0] != 'w' {
			return 0
		}
		n := 0
		for i := 1; i < len(v) && v[i] >= '0' && v[i] <= '9'; i++ {
			n = n*10 + int(v[i]-'0')
		}
		return n
	case json.Number:
		n, err := strconv.Atoi(strings.SplitN(string(v), ".", 2)[0])
		if err != nil {
			return 0
		}
		return n
	}
	return 0
}

// issue makes a token for what somebody is about to enter.
func (w *world) issue(s bridge.Side, r *row, field int) int {
	w.tokens = append(w.tokens, token{prev: r.tokens[field], birth: r.birth, field: field, side: s})
	return len(w.tokens) - 1
}

// descends reports whether a value was entered by somebody who knew another one,
// directly or not.
func (w *world) descends(from, to int) bool {
	t := &w.tokens[to]
	for n := from; n > 0; n = w.tokens[n].prev {
		// Two values without a number of their own that are the same cannot be
		// told from each other.
		if o := &w.tokens[n]; n == to || o.birth == t.birth && o.field == t.field && number(t.value) == 0 &&
			(w.equal(o.side, o.value, t.side, t.value) || o.blank && t.value == nil) {
			return true
		}
	}
	return false
}

// tokenOf finds what token a bridge writes: the one the value carries, or the
// last one on the other side with this value.
func (w *world) tokenOf(s *side, r *row, field int, v any) int {
	if n := number(v); n > 0 && n < len(w.tokens) {
		return n
	}
	if o := w.linkedWith(s, r); o != nil {
		if n := o.tokens[field]; n > 0 && w.equal(s.is.Other(), o.fields[specs[r.kind].fields[field]], s.is, v) {
			return n
		}
	}
	for n := len(w.tokens) - 1; n > 0; n-- {
		t := &w.tokens[n]
		if t.birth == r.birth && t.field == field && t.side != s.is && w.equal(t.side, t.value, s.is, v) {
			return n
		}
	}
	return 0
}

// equal reports whether two values mean the same.
func (w *world) equal(s bridge.Side, a any, t bridge.Side, b any) bool {
	return w.plainly(s, a) == w.plainly(t, b)
}

// plainly is a value in terms that both sides share.
func (w *world) plainly(s bridge.Side, v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		if n := number(v); n > 0 {
			return "w" + strconv.Itoa(n)
		}
		return v
	case json.Number:
		return "n" + strconv.Itoa(number(v))
	case bool:
		return strconv.FormatBool(v)
	case psa.Fields:
		if b, st := w.sides[s].cat.place(v.String("id"), v.String("id")); b >= 0 {
			return boardNames[b]
		} else if st >= 0 {
			return boardNames[st/len(statusNames)] + statusNames[st%len(statusNames)]
		}
		return v.String("id")
	}
	return fmt.Sprint(v)
}

// linkedWith is the row on the other side that a row is linked with.
func (w *world) linkedWith(s *side, r *row) *row {
	l := w.state.linkOf(s.is, specs[r.kind].kind, r.id)
	if l == nil {
		return nil
	}
	return w.sides[s.is.Other()].find(r.kind, l.IDs[s.is.Other()])
}

// peerOf is the row on the other side that a row of one side is, by its birth.
func (w *world) peerOf(s *side, r *row) *row {
	var gone *row
	for _, o := range w.sides[s.is.Other()].rows[r.kind] {
		if o.birth == r.birth {
			if !o.gone {
				return o
			}
			gone = o
		}
	}
	return gone
}

// created judges a create of a bridge.
func (w *world) created(s *side, r *row, fields psa.Fields) {
	w.writes++
	w.stats.Writes++
	sp := &specs[r.kind]
	r.birth = "w" + strconv.Itoa(number(fields[sp.fields[0]]))
	b := w.births[r.birth]
	if b == nil || b.kind != r.kind {
		w.violated("I6", "%s %s %s was created from nothing (%s)", s.is, sp.kind, r.id, r.birth)
		return
	}
	for i, name := range sp.fields {
		if v, ok := r.fields[name]; ok {
			r.tokens[i] = w.tokenOf(s, r, i, v)
		}
	}
	if w.trace != nil {
		w.trace(fmt.Sprintf("   created %s %s/%s of %s: %v", s.is, sp.kind, r.id, r.birth, fields))
	}
	var intent *cache.Link
	for _, l := range w.state.links {
		p := l.Pending
		if l.State == cache.LinkHalf && l.Kind == sp.kind && p != nil && p.Op == "create" && p.Side == s.is &&
			number(p.Sent[sp.fields[0]]) == number(fields[sp.fields[0]]) && (intent == nil || p.At.After(intent.Pending.At)) {
			intent = l
		}
	}
	if intent != nil {
		r.of = w.sides[s.is.Other()].find(r.kind, intent.IDs[s.is.Other()])
	} else {
		r.of = w.peerOf(s, r)
		w.violated("I30", "%s %s %s was created without a stored intent", s.is, sp.kind, r.id)
	}
	w.firstCopy(s, r, b)
	if fields.String("visibility") != "" {
		w.narrow(s, r, intent, fields)
	}
}

// firstCopy judges whether a create made a second record of one.
func (w *world) firstCopy(s *side, r *row, b *birth) {
	sp := &specs[r.kind]
	if b.deleted[s.is] && !b.twins && !(b.by[0] && b.by[1]) {
		switch {
		case w.restored:
			w.stats.Resurrections++
		case w.copied(w.sides[s.is.Other()], r):
			w.stats.Duplicates++
		default:
			w.violated("I7", "%s %s %s was deleted by a person and created again as %s", s.is, sp.kind, r.birth, r.id)
		}
	}
	if b.twins || b.by[0] && b.by[1] {
		return
	}
	for _, o := range s.rows[r.kind] {
		if o == r || o.birth != r.birth || o.gone || o.hidden {
			continue
		}
		marked := r.fields["external_ref"] != nil && s.does.find
		switch {
		case o.engine && o.of != nil && r.of != nil && o.of != r.of:
			w.stats.Duplicates++ // each is the counterpart of another copy
		case o.veiled || r.of != nil && (r.of.veiled || r.of.unfound):
			w.stats.Duplicates++ // what cannot be seen cannot be found
		case !o.engine && r.of != nil && r.of.engine && r.of.fields["external_ref"] == nil && (w.restored || r.of.changed()):
			w.stats.Duplicates++ // a copy that nothing told from a person's own
		case !o.engine:
			w.violated("I4", "%s %s %s, made by a person as %s, was created once more as %s", s.is, sp.kind, r.birth, o.id, r.id)
		case marked && w.restored && w.now.Sub(o.made) < s.lag:
			w.stats.Duplicates++ // the state forgot it, and no search finds it yet
		case marked:
			w.violated("I4", "%s %s %s was created twice: %s and %s", s.is, sp.kind, r.birth, o.id, r.id)
		case w.restored || o.changed() || w.changedSince(s, o):
			// No field holds a marker, and the row is not what was sent any more.
			w.stats.Duplicates++
		default:
			w.violated("I4", "%s %s %s was created twice, without a marker: %s and %s", s.is, sp.kind, r.birth, o.id, r.id)
		}
	}
}

// copied reports whether a side had several rows of a record that nobody entered
// twice. Where that could not be helped, each is a record of its own since:
// what happens to one's counterpart says nothing about the other's.
func (w *world) copied(s *side, of *row) bool {
	n := 0
	for _, r := range s.rows[of.kind] {
		if r.birth == of.birth {
			n++
		}
	}
	return n > 1
}

// changed reports whether somebody edited the row.
func (r *row) changed() bool {
	for _, rev := range r.edited {
		if rev > 0 {
			return true
		}
	}
	return !r.active
}

// changedSince reports whether the source of a row was edited after the row was made.
func (w *world) changedSince(s *side, r *row) bool { return r.bad }

// narrow judges that nothing becomes visible to more people. The link tells which
// counterpart it is, where several records are of one birth.
func (w *world) narrow(s *side, r *row, l *cache.Link, set psa.Fields) {
	o := w.peerOf(s, r)
	if l != nil {
		o = w.sides[s.is.Other()].find(r.kind, l.IDs[s.is.Other()])
	}
	if o == nil || width(set.String("visibility")) <= width(o.fields.String("visibility")) {
		return
	}
	if o.edited[2] > o.readRev {
		w.stats.Windows++
		return
	}
	w.violated("I28", "%s %s of %s became %s, while its counterpart is %s", s.is, specs[r.kind].kind, r.birth, set.String("visibility"), o.fields.String("visibility"))
}

func width(v string) int { return slices.Index([]string{"internal", "team", "public"}, v) }

// updating judges an update of a bridge before it is done.
func (w *world) updating(s *side, r *row, patch psa.Patch) {
	w.writes++
	w.stats.Writes++
	sp := &specs[r.kind]
	if w.trace != nil {
		w.trace(fmt.Sprintf("   update %s %s/%s of %s: %v over %v", s.is, sp.kind, r.id, r.birth, patch.Set, r.fields))
	}
	l := w.state.linkOf(s.is, sp.kind, r.id)
	switch {
	case l == nil:
		w.violated("I30", "%s %s %s was changed without a link", s.is, sp.kind, r.id)
	case l.Pending == nil || l.Pending.Op != "update" || l.Pending.Side != s.is:
		w.violated("I30", "%s %s %s was changed without a stored intent", s.is, sp.kind, r.id)
	case l.State != cache.LinkLive:
		w.violated("I7", "%s %s %s was changed while its link is %s", s.is, sp.kind, r.id, l.State)
	}
	if w.lastRead[w.depth] != r {
		w.violated("I3", "%s %s %s was written without being read at once before", s.is, sp.kind, r.id)
	}
	if r.locked {
		w.violated("I28", "%s %s %s is locked and was written", s.is, sp.kind, r.id)
	}
	cas := s.cas && patch.IfVersion != ""
	w.sent = 0
	for i, name := range sp.fields {
		v, ok := patch.Set[name]
		if !ok {
			continue
		}
		if w.sent == 0 {
			w.sent = i
		}
		was, now := r.tokens[i], w.tokenOf(s, r, i, v)
		window := r.edited[i] > r.readRev
		if was == now && (was > 0 || fmt.Sprint(r.fields[name]) == fmt.Sprint(v)) {
			if !window && !r.stale && fmt.Sprint(s.canon(v)) == fmt.Sprint(r.fields[name]) {
				w.violated("I22", "%s %s %s: %s was sent though it is the same", s.is, sp.kind, r.id, name)
			}
			continue
		}
		r.tokens[i] = now
		if w.tokens[was].answer {
			continue // what the system made of a value; nobody entered it
		}
		if b := w.births[r.birth]; b == nil || b.by[0] && b.by[1] && number(r.fields[name]) == 0 {
			continue // several pairs of records share these values
		}
		if was == 0 || w.descends(now, was) || w.oneWay(r.kind, i) {
			continue
		}
		if w.undone(was, now) && !window && !r.stale {
			w.stats.FalseConflicts++
		}
		switch {
		case window && !cas:
			w.stats.Windows++
		case r.veiled || w.peerOf(s, r) != nil && w.peerOf(s, r).veiled:
			w.stats.StaleWrites++ // what a bridge may not see it cannot compare
		case r.stale || w.stale:
			w.stats.StaleWrites++
		default:
			key := ""
			if l != nil {
				key = l.Key
			}
			w.over = append(w.over, overwrite{key, s.is, r.id, name, was, now, w.putBack(l, s, r, i, was, now)})
		}
	}
	if _, ok := patch.Set["visibility"]; ok {
		w.narrow(s, r, l, patch.Set)
		w.widened(s, r, l, patch.Set)
	}
}

// putBack reports whether a person has put back the very value that was agreed on:
// after a write that the bridge never learned the outcome of, or after another
// value that it never saw. Nothing tells that from a record that nobody touched.
func (w *world) putBack(l *cache.Link, s *side, r *row, field, was, now int) bool {
	if l == nil {
		return false
	}
	name := specs[r.kind].fields[field]
	if base, agreed := l.Base[s.is][name]; !agreed || !w.equal(s.is, base, s.is, r.fields[name]) {
		return false
	}
	// One that carries no number may also have been put back over another one.
	return w.tokens[was].prev == now || number(r.fields[name]) == 0 && r.engine
}

// oneWay reports whether the map carries a field to one side only.
func (w *world) oneWay(k, field int) bool {
	for _, f := range w.plan.fields[w.shape.edited][k] {
		if f.index == field {
			return !f.to[0] || !f.to[1]
		}
	}
	return false
}

// deleting judges a delete of a bridge.
func (w *world) deleting(s *side, r *row) {
	w.writes++
	w.stats.Writes++
	if w.trace != nil {
		w.trace(fmt.Sprintf("   delete %s %s/%s of %s", s.is, specs[r.kind].kind, r.id, r.birth))
	}
	o := w.peerOf(s, r)
	if l := w.linkedWith(s, r); l != nil {
		o = l
	}
	if setups[w.shape.setup].deletes != bridge.PropagateDelete {
		w.violated("I8", "%s %s %s was deleted though the policy does not say so", s.is, specs[r.kind].kind, r.id)
	}
	switch {
	case o != nil && o.gone:
	case o != nil && o.touched.After(o.missed) && !o.missed.Before(w.started):
		w.stats.Windows++ // restored since it was asked for, at once before
	case o != nil && o.hidden && !w.sides[s.is.Other()].does.deletions && w.showsOthers(w.sides[s.is.Other()], o):
		w.stats.Hidden++ // nothing tells it from one that was deleted
	default:
		w.violated("I8", "%s %s %s was deleted though nobody deleted its counterpart", s.is, specs[r.kind].kind, r.id)
	}
}

// showsOthers reports whether a side shows a linked row beside one of its kind.
func (w *world) showsOthers(s *side, r *row) bool {
	return slices.ContainsFunc(s.rows[r.kind], func(o *row) bool { return o != r && !o.gone && !o.hidden && w.knows(s, o) })
}

// saved looks at what a bridge stored.
func (w *world) saved(before *state, b *cache.StateBatch) {
	for i := range b.Links {
		l := &b.Links[i]
		w.hash(l.Key)
		if l.IDs[0] != "" && l.IDs[1] != "" && l.State != cache.LinkHalf {
			for s := range bridge.Side(2) {
				if r := w.sides[s].find(kindIndex(l.Kind), l.IDs[s]); r != nil {
					r.linked = true
				}
			}
		}
		if w.trace != nil {
			w.trace(fmt.Sprintf("   link %s %v %s pending=%v parked=%v base=%v", l.Key, l.IDs, l.State, l.Pending != nil, l.Parked, l.Base))
		}
	}
	for i := range b.Tasks {
		t := &b.Tasks[i]
		w.hash(t.ID)
		if w.trace != nil {
			w.trace(fmt.Sprintf("   task %s due=%v %s", t.ID, t.Due.Format("15:04:05"), t.Reason))
		}
		w.cameBack(t)
		if t.Type == bridge.TaskConflict && t.Rev == 0 {
			w.stats.Conflicts++
			w.sound(t)
		}
	}
	for i := range b.Audits {
		a := &b.Audits[i]
		w.hash(a.Op)
	}
	w.decided(b)
	for _, key := range b.DropLinks {
		w.hash(key)
	}
	for _, id := range b.DropTasks {
		w.hash(id)
	}
}

// sound counts a conflict that is none, since who entered one value knew the
// other.
func (w *world) sound(t *cache.Task) {
	k := kindIndex(t.Kind)
	sp := &specs[k]
	l, r := w.sides[0].find(k, w.linkID(t.Link, 0)), w.sides[1].find(k, w.linkID(t.Link, 1))
	if l == nil || r == nil {
		return
	}
	clash := false
	for i, name := range sp.fields {
		if _, ok := t.Left[name]; !ok {
			continue
		}
		a, b := l.tokens[i], r.tokens[i]
		clash = clash || a != b && !w.descends(a, b) && !w.descends(b, a)
	}
	if !clash {
		w.stats.FalseConflicts++
	}
}

func (w *world) linkID(key string, s int) string {
	if at, ok := w.state.link(key); ok {
		return w.state.links[at].IDs[s]
	}
	return ""
}
