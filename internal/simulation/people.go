package simulation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// person lets somebody do something on one side.
func (w *world) person() {
	w.stats.People++
	s := w.sides[w.tape.IntN(2)]
	k := w.plan.kinds[w.tape.IntN(len(w.plan.kinds))]
	rows := 0
	for _, r := range s.rows[k] {
		if !r.gone && !r.hidden {
			rows++
		}
	}
	if rows == 0 {
		w.enter(s, k, "")
		return
	}
	at := w.tape.IntN(rows)
	var r *row
	for _, o := range s.rows[k] {
		if o.gone || o.hidden {
			continue
		}
		if at--; at < 0 {
			r = o
			break
		}
	}
	switch w.tape.IntN(32) {
	default:
		w.editText(s, r)
	case 18, 19, 20, 21, 22, 23:
		w.editOther(s, r)
	case 24, 25, 26:
		if len(s.rows[k]) < 5 {
			w.enter(s, k, "")
		}
	case 27, 28:
		w.remove(s, r)
	case 29:
		w.undelete(s, k)
	case 30:
		if k != note && k != timeEntry {
			w.act(s, r, "active", !r.active)
			r.active = !r.active
			s.touch(r)
		}
	case 31:
		w.unusual(s, r)
	}
}

func (w *world) act(s *side, r *row, what string, v any) {
	w.note("person: "+what, s.is, specs[r.kind].kind, r.id)
	if w.trace != nil {
		w.trace(fmt.Sprintf("   %s of %s: %v", what, r.birth, v))
	}
}

// text is a value that carries a token, with what a system may take away.
func (w *world) text(n int) string {
	v := "w" + strconv.Itoa(n)
	switch w.tape.IntN(4) {
	case 2:
		v += " "
	case 3:
		v += "-and-a-long-text"
	}
	return v
}

// set lets a person change a field.
func (w *world) set(s *side, r *row, field int, v any, n int) {
	v = s.canon(v)
	w.tokens[n].value = v
	was, ok := r.fields[specs[r.kind].fields[field]]
	if ok && w.equal(s.is, was, s.is, v) {
		return // nobody can tell that from doing nothing
	}
	w.tokens[n].blank = was == nil
	w.act(s, r, specs[r.kind].fields[field], v)
	s.put(r, psa.Fields{specs[r.kind].fields[field]: v})
	r.tokens[field], r.edited[field] = n, r.rev
	w.paired(s, r)
}

func (w *world) editText(s *side, r *row) {
	sp := &specs[r.kind]
	if r.locked {
		return
	}
	f := sp.texts[w.tape.IntN(len(sp.texts))]
	n := w.issue(s.is, r, f)
	if f > 1 && w.tape.IntN(8) == 7 {
		w.set(s, r, f, nil, n)
		return
	}
	w.set(s, r, f, w.text(n), n)
}

func (w *world) editOther(s *side, r *row) {
	if r.locked {
		return
	}
	switch r.kind {
	case ticket:
		w.move(s, r, w.tape.IntN(len(boardNames)), w.tape.IntN(len(statusNames)))
	case note:
		n := w.issue(s.is, r, 2)
		w.set(s, r, 2, pick(w.tape, "internal", "public", "team"), n)
	case timeEntry:
		if w.tape.IntN(4) == 3 {
			w.unusual(s, r)
			return
		}
		n := w.issue(s.is, r, 2)
		w.set(s, r, 2, w.hours(n), n)
	default:
		w.editText(s, r)
	}
}

func (w *world) hours(n int) json.Number {
	return json.Number(strconv.Itoa(n) + pick(w.tape, "", ".5", ".25"))
}

// move sets the board and the status of a ticket.
func (w *world) move(s *side, r *row, board, status int) {
	a, b := w.issue(s.is, r, 4), w.issue(s.is, r, 5)
	w.tokens[a].value, w.tokens[b].value = s.cat.refs[board][len(statusNames)], s.cat.refs[board][status]
	if w.equal(s.is, r.fields["board"], s.is, w.tokens[a].value) && w.equal(s.is, r.fields["status"], s.is, w.tokens[b].value) {
		return
	}
	w.act(s, r, "status", boardNames[board]+statusNames[status])
	s.put(r, psa.Fields{"board": w.tokens[a].value, "status": w.tokens[b].value})
	r.tokens[4], r.edited[4] = a, r.rev
	r.tokens[5], r.edited[5] = b, r.rev
}

// enter lets a person make a record; of is that of the logical record if it is
// an existing one.
func (w *world) enter(s *side, k int, of string) *row {
	sp := &specs[k]
	set := psa.Fields{}
	for _, ref := range sp.refs {
		var target *row
		for _, o := range s.rows[kindIndex(psa.Kind(ref))] {
			if !o.gone && !o.hidden && o.active && (target == nil || w.tape.IntN(2) == 1) {
				target = o
			}
		}
		switch {
		case target != nil:
			set[ref] = psa.Fields{"id": target.id}
		case sp.parent == psa.Kind(ref) && w.uses(kindIndex(sp.parent)):
			return nil // there is nothing to put it under
		}
	}
	r := s.add(k)
	r.birth = of
	n := w.issue(s.is, r, 0)
	if of == "" {
		r.birth = "w" + strconv.Itoa(n)
		w.tokens[n].birth = r.birth
		w.births[r.birth] = &birth{kind: k}
	}
	b := w.births[r.birth]
	b.twins = b.twins || b.by[s.is]
	b.by[s.is] = true
	r.tokens[0], w.tokens[n].value = n, r.birth
	set[sp.fields[0]] = r.birth
	for _, f := range sp.texts {
		n := w.issue(s.is, r, f)
		set[sp.fields[f]] = s.canon(w.text(n))
		r.tokens[f], w.tokens[n].value = n, set[sp.fields[f]]
	}
	w.act(s, r, "create "+r.birth, set)
	s.put(r, set)
	w.paired(s, r)
	switch k {
	case ticket:
		w.move(s, r, w.tape.IntN(2), 0)
	case note:
		n := w.issue(s.is, r, 2)
		w.set(s, r, 2, pick(w.tape, "internal", "public"), n)
	case timeEntry:
		n := w.issue(s.is, r, 2)
		w.set(s, r, 2, w.hours(n), n)
		if w.tape.IntN(4) == 3 { // billed at once
			w.unusual(s, r)
		}
	}
	return r
}

func (w *world) uses(k int) bool {
	for _, x := range w.plan.kinds {
		if x == k {
			return true
		}
	}
	return false
}

// remove deletes a row, and what is below it.
func (w *world) remove(s *side, r *row) {
	w.act(s, r, "delete", "")
	s.touch(r)
	r.gone, r.goneAt = true, s.clock()
	w.births[r.birth].deleted[s.is] = w.knows(s, r)
	r.unfound = r.unfound || r.engine && !w.births[r.birth].deleted[s.is]
	if p := s.find(ticket, r.fields.Ref("ticket").ID); p != nil {
		p.orphaned = true
	}
	for k := range specs {
		if specs[k].parent != specs[r.kind].kind {
			continue
		}
		for _, c := range s.rows[k] {
			if !c.gone && c.fields.Ref(string(specs[r.kind].kind)).ID == r.id {
				w.remove(s, c)
			}
		}
	}
}

// knows reports whether the bridge knows the pair that a row belongs to.
func (w *world) knows(s *side, r *row) bool {
	l := w.state.linkOf(s.is, specs[r.kind].kind, r.id)
	return l != nil && l.IDs[0] != "" && l.IDs[1] != ""
}

func (w *world) undelete(s *side, k int) {
	for _, r := range s.rows[k] {
		if r.gone && r.into == "" {
			if p := specs[k].parent; p != "" {
				if o := s.find(kindIndex(p), r.fields.Ref(string(p)).ID); o == nil || o.gone {
					continue
				}
			}
			w.act(s, r, "undelete", "")
			r.gone = false
			w.births[r.birth].deleted[s.is] = false
			s.touch(r)
			return
		}
	}
}

// unusual does what people do rarely.
func (w *world) unusual(s *side, r *row) {
	switch {
	case r.kind == timeEntry:
		w.act(s, r, "lock", !r.locked)
		r.locked = !r.locked
		s.put(r, psa.Fields{"locked": r.locked})
	case r.kind == ticket:
		if w.tape.IntN(2) == 1 && len(s.rows[ticket]) < 5 { // into one that is new, while somebody goes on with its counterpart
			o := w.enter(s, ticket, "")
			w.merge(s, r, o)
			if w.uses(note) {
				w.enter(w.sides[s.is.Other()], note, "")
			}
			return
		}
		for _, o := range s.rows[ticket] {
			if o != r && !o.gone && !o.hidden {
				w.merge(s, r, o)
				return
			}
		}
	case r.kind == contact && w.tape.IntN(2) == 1: // two people with one address
		if len(s.rows[contact]) < 5 {
			w.enter(s, contact, r.birth)
		}
	default:
		o := w.sides[s.is.Other()]
		if w.peerOf(s, r) == nil && len(o.rows[r.kind]) < 5 {
			w.enter(o, r.kind, r.birth)
		}
	}
}

// merge puts one record in the place of another.
func (w *world) merge(s *side, r, into *row) {
	w.act(s, r, "merge into", into.id)
	w.remove(s, r)
	r.into = into.id
}

// mergeTicket lets somebody merge a ticket that both sides have into a new one,
// and another person write to its counterpart once that has become known.
func (w *world) mergeTicket() {
	for _, s := range w.sides {
		for _, r := range s.rows[ticket] {
			if r.gone || r.hidden || !w.knows(s, r) || len(s.rows[ticket]) > 4 {
				continue
			}
			o := w.peerOf(s, r)
			if o == nil || o.gone || o.hidden {
				continue
			}
			w.merge(s, r, w.enter(s, ticket, ""))
			for range 2 {
				_, _ = w.cycle(0) // its errors are part of the history
				w.now = w.now.Add(confirm)
			}
			w.under(w.sides[s.is.Other()], o)
			return
		}
	}
}

// under lets a person make a note or time entry of a ticket.
func (w *world) under(s *side, r *row) {
	if k := w.plan.kinds[len(w.plan.kinds)-1]; !r.gone && specs[k].parent == psa.KindTicket {
		if c := w.enter(s, k, ""); c != nil {
			s.put(c, psa.Fields{"ticket": psa.Fields{"id": r.id}})
			s.touch(c) // the stamp of the ticket that it is below now
		}
	}
}

// rule is what a system does by itself after a write of a bridge: it fills
// another field, or replaces a value.
func (s *side) rule(r *row, set psa.Fields) {
	sp := &specs[r.kind]
	if len(sp.texts) < 2 {
		return
	}
	f, g := sp.texts[0], sp.texts[1]
	_, first := set[sp.fields[f]]
	_, second := set[sp.fields[g]]
	var field int
	switch {
	case s.rules[0] && first && !second && r.birth != "":
		field = g
	case s.rules[1] && first && number(set[sp.fields[f]])%4 == 3 && r.birth != "":
		field = f
	default:
		return
	}
	n := s.w.issue(s.is, r, field)
	if field == f {
		s.w.tokens[n].prev, s.w.tokens[n].answer = number(set[sp.fields[f]]), true
	}
	s.w.set(s, r, field, "w"+strconv.Itoa(n), n)
	s.w.note("rule", s.is, sp.kind, r.id)
}

// sometime passes time.
func (w *world) sometime() {
	w.now = w.now.Add(pick(w.tape, 2*time.Second, 100*time.Millisecond, time.Minute, 5*time.Minute, 20*time.Minute, 2*time.Hour))
}

// goesOn lets somebody edit on the other side what was just written, before
// anybody knows that it was.
func (w *world) goesOn(s bridge.Side, op string) {
	n := 0
	if op == "update" && w.lastRead[w.depth] != nil {
		n = w.tape.IntN(8)
	}
	if n%2 == 0 {
		return
	}
	o := w.peerOf(w.sides[s], w.lastRead[w.depth])
	switch {
	case o == nil || o.gone || o.hidden:
	case n > 1 && w.sent > 0 && !o.locked && slices.Contains(specs[o.kind].texts, w.sent): // the very field
		n := w.issue(s.Other(), o, w.sent)
		w.set(w.sides[s.Other()], o, w.sent, w.text(n), n)
	default:
		w.editText(w.sides[s.Other()], o)
	}
}
