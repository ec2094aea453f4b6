package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// An edit is one of a block of changes that have nothing to do with each other.
type edit struct {
	side  bridge.Side
	birth string
	kind  int
	what  string // "text", "status", "visibility", "hours", "delete" or "active"
	field int
	value any
	token int
	place [2]int // of a status
}

// Order runs the history that a tape tells: records that come to rest, and then
// edits of different fields and records, with cycles between them. It does so
// twice, the second time with the edits in another order, and compares what both
// come to.
func (s *Simulator) Order(t *Tape, trace func(string)) Result {
	one, first := s.block(t, trace, false)
	if one.Violation != nil {
		return one
	}
	if trace != nil {
		trace("the same in another order")
	}
	two, second := s.block(Replay(t.Bytes()), trace, true)
	two.Stats.Add(&one.Stats)
	if two.Violation == nil {
		for i := range max(len(first), len(second)) {
			a, b := lineOf(first, i), lineOf(second, i)
			if a != b {
				two.Violation = &Violation{"I10", fmt.Sprintf("the order of edits matters: %q, or %q", a, b)}
				break
			}
		}
	}
	return two
}

func lineOf(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// block runs the history once and returns what is there in the end.
func (s *Simulator) block(t *Tape, trace func(string), permuted bool) (res Result, lines []string) {
	res = s.run(t, trace, func(w *world) {
		w.draw()
		w.faults = faults{}
		for _, side := range w.sides {
			side.rules, side.lag = [2]bool{}, 0
		}
		w.quiet = true
		for range 2 + t.IntN(4) {
			w.now = w.now.Add(10 * time.Second)
			w.beginning()
		}
		if !w.rest() {
			return
		}
		edits := w.edits()
		after := make([]int, len(edits))
		for i := range after {
			after[i] = t.IntN(4)
		}
		order := w.permutation(len(edits))
		for i, e := range edits {
			if permuted {
				e = edits[order[i]]
			}
			w.do(e)
			w.now = w.now.Add(time.Second)
			switch after[i] {
			case 1:
				w.now = w.now.Add(5 * time.Minute)
			case 2, 3:
				_, _ = w.cycle(0) // the last ones must not fail
				w.now = w.now.Add(time.Minute)
			}
		}
		w.now = w.now.Add(time.Hour)
		if w.rest() {
			w.check()
			lines = w.lines()
		}
	})
	return res, lines
}

// rest runs cycles until there is nothing left to do.
func (w *world) rest() bool {
	for n, calm := 0, 0; calm < 2; n++ {
		if n == maxCycles {
			w.violated("I25", "not settled after %d cycles", n)
		}
		writes := w.writes
		if _, err := w.cycle(0); err != nil {
			w.violated("I25", "a cycle without faults fails: %v", err)
		}
		w.now = w.now.Add(12 * time.Minute)
		if w.failure != nil {
			return false
		}
		if calm++; w.writes != writes || w.busy() {
			calm = 0
		}
	}
	return true
}

// permutation chooses an order that is not the first one, where there are others.
func (w *world) permutation(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := w.tape.IntN(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	if slices.IsSorted(order) {
		slices.Reverse(order)
	}
	return order
}

// edits chooses changes, no two of which are about the same thing.
func (w *world) edits() []edit {
	var out []edit
	taken := map[string]bool{}
	take := func(birth string, cells ...string) bool {
		for _, c := range append(cells, "") {
			if taken[birth+" "+c] {
				return false
			}
		}
		for _, c := range append(cells, "any") {
			taken[birth+" "+c] = true
		}
		return true
	}
	whole := func(birth string) bool { // nothing else about the record
		if taken[birth+" any"] || taken[birth+" "] {
			return false
		}
		taken[birth+" "] = true
		return true
	}
	for range 2 + w.tape.IntN(4) {
		k := w.plan.kinds[w.tape.IntN(len(w.plan.kinds))]
		s := w.sides[w.tape.IntN(2)]
		var rows []*row
		for _, r := range s.rows[k] {
			if !r.gone && !r.locked && r.active {
				rows = append(rows, r)
			}
		}
		if len(rows) == 0 {
			continue
		}
		r := rows[w.tape.IntN(len(rows))]
		e := edit{side: s.is, birth: r.birth, kind: k}
		if b := w.births[r.birth]; b.twins || b.by[0] && b.by[1] {
			continue // which of them is meant?
		}
		choice, sp := w.tape.IntN(12), &specs[k]
		switch {
		case choice == 11 && k < note && !w.needed(s, r):
			e.what = "active"
			if !whole(r.birth) {
				continue
			}
		case choice == 10 && !w.needed(s, r):
			e.what = "delete"
			if !whole(r.birth) {
				continue
			}
		case choice > 6 && k == ticket:
			e.what, e.place = "status", [2]int{w.tape.IntN(len(boardNames)), w.tape.IntN(len(statusNames))}
			if w.plan.name == "scope" && !whole(r.birth) || w.plan.name != "scope" && !take(r.birth, "status") {
				continue
			}
		case choice > 6 && k >= note:
			if !take(r.birth, sp.fields[2]) {
				continue
			}
			e.what, e.field, e.token = "text", 2, w.issue(s.is, r, 2)
			e.value = any(pick(w.tape, "internal", "public", "team"))
			if k == timeEntry {
				e.value = w.hours(e.token)
			}
		default:
			f := sp.texts[w.tape.IntN(len(sp.texts))]
			cell := sp.fields[f]
			if w.plan.name == "group" && (cell == "summary" || cell == "po_number") {
				cell = "group"
			}
			if !take(r.birth, cell) {
				continue
			}
			e.what, e.field, e.token = "text", f, w.issue(s.is, r, f)
			if e.value = any(w.text(e.token)); f > 1 && choice == 6 {
				e.value = nil
			}
		}
		out = append(out, e)
	}
	return out
}

// needed reports whether other records name a row.
func (w *world) needed(s *side, r *row) bool {
	for k := range specs {
		for _, ref := range specs[k].refs {
			if ref != string(specs[r.kind].kind) {
				continue
			}
			for _, o := range s.rows[k] {
				if o.fields.Ref(ref).ID == r.id {
					return true
				}
			}
		}
	}
	return false
}

// do makes an edit.
func (w *world) do(e edit) {
	s := w.sides[e.side]
	var r *row
	for _, o := range s.rows[e.kind] {
		if o.birth == e.birth && !o.gone {
			r = o
		}
	}
	if r == nil {
		w.violated("I10", "%s of %s: the record is not there any more", e.what, e.birth)
		return
	}
	switch e.what {
	case "delete":
		w.remove(s, r)
	case "active":
		w.act(s, r, "active", false)
		r.active = false
		s.touch(r)
	case "status":
		w.move(s, r, e.place[0], e.place[1])
	default:
		w.set(s, r, e.field, e.value, e.token)
	}
}

// lines are what there is, in terms that do not tell when or under which id it
// came to be.
func (w *world) lines() []string {
	var out []string
	name := func(s bridge.Side, k int, id string) string {
		if r := w.sides[s].find(k, id); r != nil {
			return r.birth
		}
		return "-"
	}
	for _, s := range w.sides {
		for k := range specs {
			for _, r := range s.rows[k] {
				line := fmt.Sprintf("%s %s %s gone=%v active=%v", s.is, specs[k].kind, r.birth, r.gone, r.active)
				for _, f := range specs[k].fields {
					line += " " + f + "=" + w.plainly(s.is, r.fields[f])
				}
				for _, ref := range specs[k].refs {
					line += " " + ref + "=" + name(s.is, kindIndex(psa.Kind(ref)), r.fields.Ref(ref).ID)
				}
				out = append(out, line)
			}
		}
	}
	for _, l := range w.state.links {
		k := kindIndex(l.Kind)
		state := string(l.State)
		if r := w.sides[0].find(k, l.IDs[0]); r != nil && w.plan.name == "scope" {
			if board, _ := w.sides[0].cat.place(r.fields.Ref("board").ID, ""); board > 1 {
				state = "out of scope" // whether a sweep has told so already
			}
		}
		line := fmt.Sprintf("link %s %s and %s %s gone=%v,%v", l.Kind, name(0, k, l.IDs[0]), name(1, k, l.IDs[1]), state, l.Gone[0].At.IsZero(), l.Gone[1].At.IsZero())
		for _, f := range specs[k].fields {
			line += " " + f + "=" + w.plainly(0, l.Base[0][f]) + "/" + w.plainly(1, l.Base[1][f])
		}
		var parked []string
		for _, p := range l.Parked {
			parked = append(parked, p.Group+" "+p.Why)
		}
		slices.Sort(parked)
		out = append(out, line+" "+strings.Join(parked, ", "))
	}
	for _, t := range w.state.tasks {
		out = append(out, fmt.Sprintf("task %s %s %s %s", t.Type, t.Side, name(t.Side, kindIndex(t.Kind), t.Record), t.Group))
	}
	slices.Sort(out)
	return out
}
