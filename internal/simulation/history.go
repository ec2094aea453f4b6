package simulation

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A Simulator runs histories, one after the other.
type Simulator struct {
	rig    *rig
	tokens []token // of the last history, to be used again
	audits []cache.Audit
}

// New returns a simulator. It is for one goroutine.
func New() *Simulator { return &Simulator{rig: newRig()} }

// A Result is what became of one history.
type Result struct {
	Stats     Stats
	Log       uint64     // hash of every request, in order
	Violation *Violation // nil: every invariant held
}

// Run runs the history that a tape tells. trace, if not nil, is told all that
// happens.
func (s *Simulator) Run(t *Tape, trace func(string)) Result {
	return s.run(t, trace, func(w *world) {
		w.draw()
		w.play()
		if w.failure == nil {
			w.settle()
		}
	})
}

// bridge hashes what the bridge of the history of a tape is made for.
func (s *Simulator) bridge(t *Tape) uint64 {
	w := &world{tape: t, rig: s.rig, state: &state{}, log: fnvOffset}
	w.draw()
	for _, n := range []uint8{w.shape.plan, w.shape.setup, w.shape.makes[0], w.shape.makes[1]} {
		w.hash(string(rune(n)))
	}
	return w.log
}

// run runs a history, and says what became of it.
func (s *Simulator) run(t *Tape, trace func(string), history func(*world)) (res Result) {
	w := &world{
		tape: t, rig: s.rig, trace: trace, births: make(map[string]*birth, 8), tokens: append(s.tokens[:0], token{}), log: fnvOffset,
		now: time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC), state: &state{audits: s.audits[:0]},
	}
	s.rig.w = w
	defer func() {
		if e := recover(); e != nil {
			if _, ok := e.(tooMuch); ok {
				w.violated("I25", "the history does not end")
			} else {
				w.failure = &Violation{"panic", fmt.Sprintf("%v\n%s", e, debug.Stack())}
			}
		}
		w.stats.Histories, w.stats.IOs, w.stats.Bytes = 1, w.ios, len(t.Bytes())
		res = Result{w.stats, w.log, w.failure}
		s.tokens, s.audits = w.tokens, w.state.audits
	}()
	history(w)
	return res
}

// draw chooses what is the case in this history.
func (w *world) draw() {
	t := w.tape
	at := t.IntN(32)
	switch { // small maps are more frequent
	case at >= 2*len(w.rig.plans):
		at = (at - 2*len(w.rig.plans)) % 4
	default:
		at /= 2
	}
	w.shape.plan = uint8(at)
	w.plan = w.rig.plans[at]
	w.shape.setup = uint8(t.IntN(len(setups)))
	w.policy = policyNames[t.IntN(len(policyNames))]
	w.state.set("phase", w.policy)
	for i := range w.sides {
		mk := t.IntN(len(systems))
		if i == 1 { // a bridge is compiled for each pair, so there are few
			mk = (int(w.shape.makes[0])*3 + mk%2) % len(systems)
		}
		w.shape.makes[i] = uint8(mk)
		s := &side{w: w, is: bridge.Side(i), does: systems[mk], cat: w.rig.catalogs[i], hashes: true}
		w.sides[i] = s
		bits := t.IntN(256)
		s.trims, s.rounds, s.cas = bits&1 != 0, bits&2 != 0, bits&4 != 0
		s.hashes = bits&8 == 0
		if bits&16 != 0 {
			s.cuts = 8
		}
		if bits&0x60 == 0x60 {
			s.lag = 100 * time.Second
		}
		if i == 1 && bits&128 != 0 {
			s.next = 40 // ids of the two systems differ
		}
	}
	r := &w.faults
	r.people = pick(t, 0, 0, 4, 30)
	r.crash = pick(t, 0, 0, 0, 2, 6)
	r.fail = pick(t, 0, 0, 0, 3, 12)
	r.lost = pick(t, 0, 0, 0, 3, 12)
	r.worker = pick(t, 0, 0, 0, 0, 6)
	r.special = pick(t, 0, 100, 200)
	r.stale = pick(t, 0, 0, 0, 0, 0, 0, 0, 80)
	r.staleFor = 20 * time.Second
	if setups[w.shape.setup].sweep < 0 {
		r.stale = 0 // what an old read undid is found by a sweep only
	}
	n := t.IntN(64)
	switch k := n / 4; {
	case k >= 14 && !systems[w.shape.makes[k-14]].perParent:
		w.sides[k-14].still = true
	case k == 13:
		w.sides[n%2].wakes = true
	}
	if n%4 == 3 {
		w.sides[0].skew = pick(t, 7*time.Minute, -9*time.Minute, 50*time.Second)
		w.skew = pick(t, 0, 4*time.Minute, -4*time.Minute)
		w.sides[1].skew = pick(t, 0, -5*time.Minute, 8*time.Minute)
	}
	n = t.IntN(32)
	if n/4 >= 4 {
		w.sides[n/4%2].order = order(n/4/2 - 1)
	}
	if n%4 == 3 {
		w.sides[t.IntN(2)].rules[t.IntN(2)] = true
	}
}

// play is what happens before everything calms down.
func (w *world) play() {
	t := w.tape
	n := t.IntN(32)
	w.merges = n/4 == 7
	for range n % 4 {
		w.now = w.now.Add(10 * time.Second)
		w.beginning()
	}
	steps := 2 + t.IntN(6)
	for range steps {
		w.stats.Steps++
		switch t.IntN(4) {
		default:
			_, _ = w.cycle(0) // its errors are part of the history
			w.now = w.now.Add(pick(t, 5*time.Second, time.Second, time.Minute))
		case 1, 2:
			if !w.answer() {
				w.person()
			}
		case 3:
			w.sometime()
			if w.merges && w.uses(ticket) {
				w.merges = false
				w.mergeTicket()
			}
			if w.faults.special > 0 && t.Chance(w.faults.special) {
				w.special()
			}
		}
		if w.failure != nil {
			return
		}
	}
}

// beginning makes a record that is there before the first cycle, perhaps on
// both sides.
func (w *world) beginning() {
	k := w.plan.kinds[w.tape.IntN(len(w.plan.kinds))]
	both := w.tape.IntN(8) == 7
	s := w.sides[w.tape.IntN(2)]
	r := w.enter(s, k, "")
	if r != nil && (k == note || k == timeEntry) && w.tape.IntN(4) == 3 {
		if p := s.find(ticket, r.fields.Ref("ticket").ID); p != nil {
			w.move(s, p, 0, closedStatus)
		}
	}
	if r != nil && both {
		if w.enter(w.sides[s.is.Other()], k, r.birth) != nil {
			w.births[r.birth].early = true
		}
	}
}

// special is what happens to a whole connection.
func (w *world) special() {
	t := w.tape
	what := t.IntN(10)
	w.upset = true
	w.note("special", onState, "", "")
	if w.trace != nil {
		w.trace(fmt.Sprintf("   special %d", what))
	}
	switch what {
	case 0:
		w.old = w.state.backup()
	case 1:
		if w.old == nil {
			w.old = w.state.backup()
		} else {
			token := w.state.token
			w.state = w.old.backup()
			w.state.token = token
			w.restored = true
			w.stats.Restores++
			w.over = nil // the log that tells went with it
			for _, s := range w.sides {
				if w.state.setting("instance:"+s.is.String()) == "" { // which account it was nobody knows then
					s.other = false
				}
			}
		}
	case 2:
		w.policy = policyNames[t.IntN(len(policyNames))]
		w.state.set("phase", w.policy)
		w.phased = true
	case 3:
		w.shape.edited = 1 - w.shape.edited
		w.edited = true
	case 4:
		w.state.set("pause", "a person said so")
	case 5:
		w.state.set("pause", "")
	case 6:
		if s := w.sides[t.IntN(2)]; w.state.setting("instance:"+s.is.String()) != "" {
			s.other = !s.other
		}
	case 7:
		s := w.sides[t.IntN(2)]
		if setups[w.shape.setup].sweep > 0 { // only a sweep finds what was written in a past that was read
			w.stepped = true
			s.skew += pick(t, 30*time.Second, -30*time.Second, -3*time.Minute)
		}
	case 8: // a right was taken away, or given back
		s := w.sides[t.IntN(2)]
		k := w.plan.kinds[t.IntN(len(w.plan.kinds))]
		for _, r := range s.rows[k] {
			r.hidden, r.veiled = !r.hidden, true
			w.shown(s, r)
		}
	case 9:
		s := w.sides[t.IntN(2)]
		k := w.plan.kinds[t.IntN(len(w.plan.kinds))]
		if n := len(s.rows[k]); n > 0 {
			r := s.rows[k][t.IntN(n)]
			r.bad = !r.bad
		}
	}
}

// shown touches a row that can be seen again, or cannot any more, where no sweep
// would ever find that out.
func (w *world) shown(s *side, r *row) {
	if setups[w.shape.setup].sweep < 0 || s.does.perParent && (r.kind == note || r.kind == timeEntry) {
		s.touch(r)
	}
}

// maxCycles is within how many cycles everything is settled once nothing goes
// wrong any more.
const maxCycles = 16

// settle lets cycles run without faults until nothing is left to do, and checks
// what is there then.
func (w *world) settle() {
	if w.trace != nil {
		w.trace("settle")
	}
	w.quiet = true
	for _, s := range w.sides {
		s.other, s.lag = false, 0
		for k := range s.rows {
			for _, r := range s.rows[k] {
				if r.hidden || r.bad {
					r.hidden, r.bad = false, false
					w.shown(s, r)
				}
				r.prev = nil
			}
		}
	}
	w.now = w.now.Add(time.Hour) // leases are over, sweeps are due
	calm := 0
	var last error
	for n := 0; calm < 2; n++ {
		if n == maxCycles {
			w.violated("I25", "not settled after %d cycles: %v", n, last)
			return
		}
		if w.state.setting("pause") != "" {
			w.state.set("pause", "")
		}
		writes, was := w.writes, *w.state
		_, last = w.cycle(0)
		w.now = w.now.Add(12 * time.Minute)
		if w.failure != nil {
			return
		}
		if last != nil {
			calm = 0
			if !errors.Is(last, bridge.ErrPaused) && !errors.Is(last, bridge.ErrLimit) && n > 1 {
				w.violated("I25", "a cycle without faults fails: %v", last)
				return
			}
			continue
		}
		if w.writes != writes || w.busy() {
			calm = 0
			continue
		}
		if calm++; calm == 2 {
			w.quiescent(&was)
		} else if w.log%8 != 0 && w.moved(&was) == "" {
			break // what has changed nothing does so again
		}
	}
	w.check()
}

// busy reports whether the bridge has something left to do by itself.
func (w *world) busy() bool {
	for _, l := range w.state.links {
		if l.Pending != nil {
			return true
		}
	}
	for _, t := range w.state.tasks {
		switch t.Type {
		case bridge.TaskRetry, "children", "close", "missing":
			if !t.Due.IsZero() {
				return true
			}
		case "paired":
			if !w.asked(t) {
				return true
			}
		}
	}
	return false
}

// asked reports whether a person is asked about a record in the task of another
// one.
func (w *world) asked(t *cache.Task) bool {
	return slices.ContainsFunc(w.state.tasks, func(by *cache.Task) bool {
		return by.Type == bridge.TaskMatch && by.Kind == t.Kind && by.Side != t.Side &&
			slices.Contains(t.Candidates, by.Record) && slices.Contains(by.Candidates, t.Record)
	})
}

// check compares what the sides hold.
func (w *world) check() {
	for _, o := range w.over {
		if w.failure == nil && !w.accounted(o) {
			if w.tookPlace(o) {
				w.stats.Places++
				continue
			}
			if o.back {
				w.stats.Windows++
				continue
			}
			w.violated("I3", "%s %s %s: w%d was overwritten with w%d by somebody who did not know it, and nothing tells", o.side, o.link, o.field, o.lost, o.took)
		}
	}
	for _, l := range w.state.links {
		w.checkLink(l)
	}
	for _, s := range w.sides {
		for _, k := range w.plan.kinds {
			for _, r := range s.rows[k] {
				if !r.gone {
					w.checkRow(s, r)
				}
			}
		}
	}
	for _, t := range w.state.tasks {
		if t.Link == "" {
			continue
		}
		if _, ok := w.state.link(t.Link); !ok {
			w.violated("I5", "task %s is about a link that is not there", t.ID)
		}
	}
}

// accounted reports whether a lost value is shown to a person, or still there.
func (w *world) accounted(o overwrite) bool {
	for i := range w.state.audits {
		a := &w.state.audits[i]
		if a.By == "" || a.By == somebody && !w.knew(o) || a.Link != o.link || a.Side != o.side {
			continue
		}
		if v, ok := a.Before[o.field]; ok && w.equal(o.side, v, o.side, w.tokens[o.lost].value) {
			w.stats.Losers++
			return true
		}
	}
	for _, t := range w.state.tasks {
		if t.Link == o.link && (number(t.Left[o.field]) == o.lost || number(t.Right[o.field]) == o.lost) {
			return true
		}
	}
	for _, s := range w.sides {
		for _, rows := range s.rows {
			for _, r := range rows {
				if r.birth != w.tokens[o.lost].birth {
					continue
				}
				if r.gone && s.is == o.side || r.into != "" { // a person let another record take its place
					return true
				}
				// It came back, or somebody who knew it has entered something else.
				if w.descends(r.tokens[w.tokens[o.lost].field], o.lost) {
					return true
				}
			}
		}
	}
	return false
}

// checkLink judges one link.
func (w *world) checkLink(l *cache.Link) {
	k := kindIndex(l.Kind)
	var rows [2]*row
	for i, s := range w.sides {
		rows[i] = s.find(k, l.IDs[i])
		if rows[i] == nil && l.IDs[i] != "" {
			w.violated("I5", "link %s names %s %s, which is not there", l.Key, s.is, l.IDs[i])
			return
		}
	}
	if l.State == cache.LinkHalf {
		if !w.waits(l.Key) {
			w.violated("I5", "link %s is still half", l.Key)
		}
		return
	}
	a, b := rows[0], rows[1]
	if a == nil || b == nil {
		return
	}
	if a.birth != b.birth && a.into == "" && b.into == "" && !w.merged(k) {
		w.violated("I6", "link %s joins %s and %s", l.Key, a.birth, b.birth)
		return
	}
	if a.gone || b.gone || !a.active || !b.active {
		return
	}
	switch l.State {
	case cache.LinkGone:
		if l.Gone[0].MergedInto == "" && l.Gone[1].MergedInto == "" {
			w.violated("I8", "link %s is gone (%s), and both records are there", l.Key, l.Reason)
		}
		return
	case cache.LinkDormant:
		return
	}
	if w.plan.name == "scope" {
		if place, _ := w.sides[0].cat.place(a.fields.Ref("board").ID, ""); place > 1 {
			return
		}
	}
	w.related(l, rows)
	w.together(l, rows)
	for _, f := range w.plan.fields[w.shape.edited][k] {
		name := specs[k].fields[f.index]
		if w.same(a.fields[name], b.fields[name]) {
			continue
		}
		if p := parkedFor(l, name); p != nil {
			if p.Why != "tolerated" && w.state.task(p.Task) < 0 {
				w.violated("I13", "link %s: %s is parked (%s), and no task tells", l.Key, name, p.Why)
			}
			continue
		}
		if !f.to[0] || !f.to[1] {
			continue
		}
		if w.unswept(0, a) || w.unswept(1, b) {
			w.stats.StaleWrites++
			continue
		}
		w.violated("I1", "link %s: %s is %v and %v (base %v), policy %s, map %s", l.Key, name, a.fields[name], b.fields[name], l.Base, w.policy, w.plan.name)
	}
}

// unswept reports whether the last read of a row was an old one that nothing
// corrects: children that a system lists by parent only are in no sweep, and the
// list that told of the edit has done so.
func (w *world) unswept(s bridge.Side, r *row) bool {
	return r.stale && w.sides[s].does.perParent && (r.kind == note || r.kind == timeEntry)
}

// tookPlace reports whether a value stood in a record that took the place of
// one merged into it. What was agreed on with that one holds for it, too, and
// where it holds the same by itself nobody can tell that a person put it there.
func (w *world) tookPlace(o overwrite) bool {
	for _, rows := range w.sides[o.side].rows {
		for _, r := range rows {
			if r.into == o.id {
				return true
			}
		}
	}
	return false
}

// merged reports whether rows of a kind were merged, so that winners took places.
func (w *world) merged(k int) bool {
	for _, s := range w.sides {
		for _, r := range s.rows[k] {
			if r.into != "" {
				return true
			}
		}
	}
	return false
}

func parkedFor(l *cache.Link, field string) *cache.Parked {
	for i := range l.Parked {
		for at := 0; at <= len(l.Parked[i].Group); {
			g := l.Parked[i].Group[at:]
			end := len(g)
			for j := range g {
				if g[j] == '+' {
					end = j
					break
				}
			}
			if g[:end] == field {
				return &l.Parked[i]
			}
			at += end + 1
		}
	}
	return nil
}

// same compares what both sides hold after each has done its worst to it.
func (w *world) same(a, b any) bool {
	if n := number(a); n > 0 {
		return n == number(b)
	}
	return w.plainly(bridge.Left, a) == w.plainly(bridge.Right, b)
}

// waits reports whether a task is about a link.
func (w *world) waits(key string) bool {
	for _, t := range w.state.tasks {
		if t.Link == key {
			return true
		}
	}
	return false
}

// forgotten reports whether a state that was restored knows nothing of a row that
// holds no marker, so that another one was made in its place.
func (w *world) forgotten(s *side, r *row) bool {
	return r.fields["external_ref"] == nil && slices.ContainsFunc(s.rows[r.kind], func(o *row) bool {
		return o != r && o.birth == r.birth && w.state.linkOf(s.is, specs[r.kind].kind, o.id) != nil
	})
}

// checkRow judges that a record is on both sides, or that somebody is told why
// it is not.
func (w *world) checkRow(s *side, r *row) {
	sp := &specs[r.kind]
	if w.state.linkOf(s.is, sp.kind, r.id) != nil || !r.active && r.kind < ticket || !sameBothWays(w.policy) {
		return
	}
	if w.plan.name == "scope" {
		if b, _ := s.cat.place(r.fields.Ref("board").ID, ""); b > 1 {
			return
		}
	}
	if w.shape.edited == 1 && w.edited || w.phased {
		// What was passed over under another policy is looked at when it changes.
		return
	}
	for _, t := range w.state.tasks {
		if t.Kind == sp.kind && t.Side == s.is && t.Record == r.id {
			return
		}
	}
	for _, ref := range sp.refs {
		pk := kindIndex(psa.Kind(ref))
		if !w.uses(pk) || r.fields.Ref(ref).ID == "" || ref == "contact" {
			continue
		}
		l := w.state.linkOf(s.is, psa.Kind(ref), r.fields.Ref(ref).ID)
		if l == nil || l.State != cache.LinkLive {
			return
		}
		if p := w.sides[s.is.Other()].find(pk, l.IDs[s.is.Other()]); p == nil || p.gone {
			return
		}
	}
	if r.engine && w.restored && w.forgotten(s, r) {
		w.stats.Duplicates++
		return
	}
	if r.engine && (r.of == nil || r.of.gone || w.births[r.birth].by[0] && w.births[r.birth].by[1]) {
		return // a copy of what is gone
	}
	w.violated("I1", "%s %s %s (%s) is on one side only, and no task tells; policy %s, map %s", s.is, sp.kind, r.id, r.birth, w.policy, w.plan.name)
}
