package simulation

import (
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// What a strategy has to answer is worked out here once more, in other words
// than those of the engine: from what both sides told, the base, the stamps, the
// owner and the phase. Every decision that is stored is compared with it.

// told is a row as a process was told of it last.
type told struct {
	life    int // of the process
	fields  psa.Fields
	rev     int
	older   bool // it was told something else before, which it may still go by
	updated time.Time
	entered time.Time // true time of the last change by people
}

// tell remembers what the running process is told of a row.
func (w *world) tell(r *row, rec psa.Record) {
	if rec.Err != nil || rec.Unchanged {
		return
	}
	now := told{life: w.life, fields: rec.Fields, rev: r.rev, updated: rec.Updated, entered: r.entered}
	if was := &r.told[w.depth]; was.life == w.life {
		now.older = was.older || was.rev != r.rev
	}
	r.told[w.depth] = now
}

// A verdict is what becomes of a group of fields that both sides changed, or
// that one changed which does not own it.
type verdict uint8

const (
	unsure verdict = iota // the checker cannot tell
	leftWins
	rightWins
	nobodyWins // a person decides, or both stay as they are
)

func wins(s bridge.Side) verdict { return leftWins + verdict(s) }

// A dispute is one group of fields as both sides tell it.
type dispute struct {
	w      *world
	link   *cache.Link
	rows   [2]*row
	sides  [2]told
	group  []int // indexes into fields of the spec
	first  bool  // they never agreed
	change [2]bool
}

// decided judges the decisions of a batch.
func (w *world) decided(b *cache.StateBatch) {
	for i := range b.Audits {
		a := &b.Audits[i]
		if a.Op != "decide" || a.By == "" || !w.whole(b, a) {
			continue
		}
		for name := range a.After {
			d, ok := w.disputeOf(b, a.Link, name)
			if !ok || !w.equal(a.Side, a.Before[name], a.Side, d.sides[a.Side].fields[name]) {
				continue // about what another process saw, or what is in no world
			}
			source := a.Side.Other()
			v, by := d.verdict(a.By)
			w.stats.Decisions++
			if d.change[0] && d.change[1] && !d.first && d.known(name) {
				w.stats.FalseConflicts++
			}
			switch {
			case v == unsure:
				w.stats.Decisions--
			case v != wins(source):
				w.violated("I15", "%s: %s of the %s side is overwritten by %s, which %s does not say (%v, %v, base %v)", a.Link, name, a.Side, a.By, by,
					d.sides[0].fields[name], d.sides[1].fields[name], d.link.Base)
			case !w.equal(a.Side, a.After[name], source, d.sides[source].fields[name]) && !d.asLeft(a, name) && !discreet(a.Kind, name):
				w.violated("I15", "%s: %s becomes %v, which the %s side does not hold", a.Link, name, a.After[name], source)
			case by == "newest" && d.olderWins(source):
				w.violated("I15", "%s: the older change of %s wins: %v and %v, told as %v and %v", a.Link, name, d.sides[0].entered.Format(clockTime), d.sides[1].entered.Format(clockTime), d.sides[0].updated.Format(clockTime), d.sides[1].updated.Format(clockTime))
			}
		}
	}
	for i := range b.Tasks {
		t := &b.Tasks[i]
		if t.Type != bridge.TaskConflict || t.Answer != nil {
			continue
		}
		for name := range t.Left {
			d, ok := w.disputeOf(b, t.Link, name)
			if !ok || !w.equal(0, t.Left[name], 0, d.sides[0].fields[name]) || !w.equal(1, t.Right[name], 1, d.sides[1].fields[name]) {
				continue
			}
			if v, by := d.verdict(""); v == leftWins || v == rightWins {
				w.violated("I15", "%s: a person is asked about %s, which %s decides", t.Link, name, by)
			}
		}
	}
}

// whole reports whether an audit was stored with the write that it tells of.
func (w *world) whole(b *cache.StateBatch, a *cache.Audit) bool {
	return len(b.Links) == 1 && b.Links[0].Key == a.Link && b.Links[0].Pending != nil
}

// disputeOf is the dispute about a field; ok is false where the running process
// was not told of both sides.
func (w *world) disputeOf(b *cache.StateBatch, key, field string) (d dispute, ok bool) {
	at := slices.IndexFunc(b.Links, func(l cache.Link) bool { return l.Key == key })
	if at < 0 {
		return d, false
	}
	d.w, d.link = w, &b.Links[at]
	k := kindIndex(d.link.Kind)
	index := specs[k].index(field)
	if index < 0 || w.stale {
		return d, false
	}
	for s := range bridge.Side(2) {
		r := w.sides[s].find(k, d.link.IDs[s])
		if r == nil || r.told[w.depth].life != w.life {
			return d, false
		}
		d.rows[s], d.sides[s] = r, r.told[w.depth]
		if d.sides[s].older {
			return d, false
		}
	}
	group, known := 0, false
	for _, f := range w.plan.fields[w.shape.edited][k] {
		if f.index == index {
			group, known = f.group, f.to[0] && f.to[1]
		}
	}
	if !known {
		return d, false
	}
	for _, f := range w.plan.fields[w.shape.edited][k] {
		if f.group != group {
			continue
		}
		d.group = append(d.group, f.index)
		name := specs[k].fields[f.index]
		if p := parkedFor(d.link, name); p != nil && p.Why == "refused" {
			return d, false // what the written side answered stands for the base
		}
		if _, ok := d.link.Base[bridge.Left][name]; !ok {
			d.first = true
		}
		for s := range bridge.Side(2) {
			is, tells := d.sides[s].fields[name]
			was, agreed := d.link.Base[s][name]
			d.change[s] = d.change[s] || tells && (!agreed || !w.equal(s, is, s, was))
		}
	}
	return d, true
}

// verdict says which side wins, and by which rule.
func (d *dispute) verdict(by string) (verdict, string) {
	w, k := d.w, kindIndex(d.link.Kind)
	if strings.Contains(by, somebody) {
		return d.answer()
	}
	if left, right := d.sides[0].fields.Bool("locked"), d.sides[1].fields.Bool("locked"); left != right && (left == psa.Yes || right == psa.Yes) {
		if left == psa.Yes {
			return leftWins, "the lock"
		}
		return rightWins, "the lock"
	}
	policy := w.ruled[w.depth] // a phase that is set meanwhile counts from the next run on
	switch owner, edit := d.owner(policy); {
	case owner == torn:
		return nobodyWins, "no owner of all"
	case owner == ownedBy(bridge.Left) || owner == ownedBy(bridge.Right):
		if edit != "" {
			return nobodyWins, "an owner who is asked"
		}
		return wins(bridge.Side(owner - ownedBy(bridge.Left))), "the owner"
	}
	if !d.change[0] || !d.change[1] || d.alike() {
		return unsure, "" // there is nothing to decide
	}
	if k == note && specs[k].fields[d.group[0]] == "visibility" {
		if width(d.sides[1].fields.String("visibility")) < width(d.sides[0].fields.String("visibility")) {
			return rightWins, "what fewer people see"
		}
		return leftWins, "what fewer people see"
	}
	return d.strategies(policy)
}

// strategies asks what the map and the policy name, in that order.
func (d *dispute) strategies(policy string) (verdict, string) {
	var names []string
	if d.w.plan.name == "strategies" {
		for _, f := range d.group {
			switch specs[ticket].fields[f] {
			case "summary":
				names = append(names, "newest")
			case "po_number":
				names = append(names, "a person")
			case "contact_name":
				names = append(names, "right")
			}
		}
	}
	if d.first {
		if policy == "right" {
			names = append(names, "right")
		} else {
			names = append([]string{"filled"}, names...)
		}
	}
	names = append(names, map[string][]string{
		"left": {"left"}, "right": {"right"}, "newest": {"newest", "left"}, "owner": {"right"},
		"1": {"newest", "left"}, "2": {"newest", "right"}, "3": {"right"},
	}[policy]...)
	for _, name := range names {
		switch name {
		case "a person":
			return nobodyWins, name
		case "left":
			return leftWins, name
		case "right":
			return rightWins, name
		case "filled":
			if v := d.filled(); v != unsure {
				return v, name
			}
		case "newest":
			if v := d.newest(); v != unsure {
				return v, name
			}
		}
	}
	return nobodyWins, "no strategy"
}

// filled is the side that alone has a value.
func (d *dispute) filled() verdict {
	var full [2]bool
	for s := range bridge.Side(2) {
		for _, f := range d.group {
			v := d.sides[s].fields[specs[kindIndex(d.link.Kind)].fields[f]]
			full[s] = full[s] || v != nil && v != ""
		}
	}
	switch {
	case full[0] && !full[1]:
		return leftWins
	case full[1] && !full[0]:
		return rightWins
	}
	return unsure
}

// skewBound is how far clocks may be apart for the newest change to be known.
const skewBound = time.Minute

// newest is the side whose stamp is later by more than clocks and stamps can be
// wrong, if both stamps tell of an edit.
func (d *dispute) newest() verdict {
	window := skewBound
	for s := range bridge.Side(2) {
		grain, at := d.w.sides[s].does.grain, d.sides[s].updated
		switch {
		case at.IsZero(), !at.After(d.link.Wrote[s].Add(grain)):
			return unsure // no stamp, or that of a write of the bridge
		case !d.link.Child[s].IsZero() && at.Sub(d.link.Child[s]).Abs() <= max(grain, time.Second):
			return unsure // a note moved it
		}
		window = max(window, skewBound+grain)
	}
	switch ahead := d.sides[0].updated.Sub(d.sides[1].updated); {
	case ahead > window:
		return leftWins
	case -ahead > window:
		return rightWins
	}
	return unsure
}

// olderWins reports whether the record of the other side was changed later in
// truth, where the clocks are as good as they have to be.
func (d *dispute) olderWins(winner bridge.Side) bool {
	w := d.w
	if !w.calm() || w.stepped || w.sides[0].wakes || w.sides[1].wakes || (w.sides[0].skew-w.sides[1].skew).Abs() > skewBound || d.rows[winner].orphaned {
		return false
	}
	return d.sides[winner].entered.Before(d.sides[winner.Other()].entered)
}

// known reports whether who entered one of the two values knew the other one.
func (d *dispute) known(field string) bool {
	i := specs[kindIndex(d.link.Kind)].index(field)
	a, b := d.rows[0].tokens[i], d.rows[1].tokens[i]
	return a > 0 && b > 0 && (d.w.descends(a, b) || d.w.descends(b, a))
}

// discreet reports whether an audit does not keep what a field becomes.
func discreet(kind psa.Kind, field string) bool {
	return kind == psa.KindNote && field == "text" || kind == psa.KindTimeEntry && field == "internal_notes"
}

// asLeft reports whether the owner's value is written as it was left, agreed on or
// parked: a record that was not read for its own sake is taken to be like that.
func (d *dispute) asLeft(a *cache.Audit, name string) bool {
	source := a.Side.Other()
	if p := parkedFor(d.link, name); p != nil && d.w.equal(a.Side, a.After[name], source, p.Is[source][name]) {
		return true
	}
	return d.w.equal(a.Side, a.After[name], source, d.link.Base[source][name])
}

// alike reports whether both sides mean the same.
func (d *dispute) alike() bool {
	k := kindIndex(d.link.Kind)
	for _, f := range d.group {
		name := specs[k].fields[f]
		if !d.w.equal(0, d.sides[0].fields[name], 1, d.sides[1].fields[name]) {
			return false
		}
	}
	return true
}

// answer is what somebody answered.
func (d *dispute) answer() (verdict, string) {
	k := kindIndex(d.link.Kind)
	for _, t := range d.w.state.tasks {
		if t.Link == d.link.Key && t.Answer != nil && t.Group != "" {
			for _, f := range d.group {
				if !slices.Contains(strings.Split(t.Group, "+"), specs[k].fields[f]) {
					return unsure, ""
				}
			}
			if t.Answer.Side == "left" {
				return leftWins, somebody
			}
			return rightWins, somebody
		}
	}
	return unsure, ""
}

// An ownership says who owns a group.
type ownership uint8

const (
	nobody ownership = iota
	torn             // both own something of it
	byLeft           // and byLeft + 1 the right side
)

func ownedBy(s bridge.Side) ownership { return byLeft + ownership(s) }

// owner says who owns what changed of the group, and what becomes of others'
// edits: "" undoes them.
func (d *dispute) owner(policy string) (ownership, string) {
	k := kindIndex(d.link.Kind)
	owner, edit := nobody, ""
	for _, f := range d.group {
		name := specs[k].fields[f]
		changed := false
		for s := range bridge.Side(2) {
			is, tells := d.sides[s].fields[name]
			was, agreed := d.link.Base[s][name]
			changed = changed || tells && (!agreed || !d.w.equal(s, is, s, was))
		}
		if !changed {
			continue
		}
		o, e := d.w.ownerOf(policy, k, name)
		switch {
		case o == nobody:
		case owner != nobody && owner != o:
			return torn, ""
		default:
			owner, edit = o, e
		}
	}
	return owner, edit
}

// ownerOf says who owns a field under a policy.
func (w *world) ownerOf(policy string, k int, name string) (ownership, string) {
	if w.plan.name == "owned" {
		switch name {
		case "name":
			return ownedBy(bridge.Left), ""
		case "phone":
			return ownedBy(bridge.Right), "ask"
		}
	}
	class := classOf(k, name)
	switch policy {
	case "owner":
		if class == "client" {
			return ownedBy(bridge.Left), ""
		}
	case "tolerant":
		if class == "technical" {
			return ownedBy(bridge.Right), "tolerate"
		}
	case "1", "2":
		switch {
		case k == ticket && name == "status", k == note:
			return nobody, ""
		case policy == "2" && k == timeEntry:
			return ownedBy(bridge.Right), ""
		case class == "client" || class == "billing":
			if policy == "1" {
				return ownedBy(bridge.Left), ""
			}
			return ownedBy(bridge.Right), ""
		}
	case "3":
		if class == "billing" {
			return nobody, ""
		}
		return ownedBy(bridge.Right), ""
	}
	return nobody, ""
}

// classOf is the class of a field of the worlds.
func classOf(k int, name string) string {
	switch {
	case k == contact, k == company && name != "identifier", k == ticket && (name == "status" || name == "contact_name"), k == note && name == "visibility":
		return "client"
	case k == ticket && name == "po_number":
		return "billing"
	}
	return "technical"
}
