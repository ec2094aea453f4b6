package bridge

import (
	"maps"
	"slices"

	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

type mappedTo struct {
	fields psa.Fields
	issues []mapping.Issue
	waits  []psa.Ref
}

// writeTo says where a unit is written.
type writeTo struct {
	to    [2]bool
	value conflict.Value // of a merge, in left terms
	by    *decided
}

// to maps the other side's record to what a side should hold.
func (m *merging) to(s Side) *mappedTo {
	if m.mapped[s] == nil {
		m.mapped[s] = m.c.mapTo(s, m.record(s.Other()), m.record(s).Fields, m.in.peer[s])
	}
	return m.mapped[s]
}

// mapTo maps a record of the other side to what a side should hold; present is
// nil for a record to be created.
func (c *compiled) mapTo(s Side, rec psa.Record, present psa.Fields, peer func(psa.Kind, string) (string, bool)) *mappedTo {
	out := &mappedTo{}
	env := mapping.Env{Present: present, Link: func(kind psa.Kind, id string) (string, bool) {
		to, ok := peer(kind, id)
		if !ok {
			out.waits = append(out.waits, psa.Ref{Kind: kind, ID: id})
		}
		return to, ok
	}}
	out.fields, out.issues = c.mapper.To(mapSide(s), rec, &env)
	return out
}

func (t *mappedTo) issue(u *unit) *mapping.Issue {
	for i := range t.issues {
		if slices.Contains(u.wheres, t.issues[i].Where) {
			return &t.issues[i]
		}
	}
	return nil
}

// record returns a side's record, made from the base where it was not read.
func (m *merging) record(s Side) psa.Record {
	v := &m.in.view[s]
	if v.known {
		return v.rec
	}
	if m.made[s].Fields != nil {
		return m.made[s]
	}
	fields := psa.Fields{}
	for i := range m.k.units {
		u := &m.k.units[i]
		if u.oneWay && u.to != s {
			continue
		}
		value := conflict.At(m.in.link.Base[s], u.name)
		if p := m.parkedOf(u.group); p != nil { // it was left alone as it is, not as the base has it
			if is := conflict.At(p.Is[s], u.name); !is.Absent() {
				value = is
			}
		}
		if x, ok := value.Get(); ok {
			u.put(s, fields, x)
		}
	}
	m.made[s] = psa.Record{Ref: psa.Ref{Kind: m.k.kind, ID: m.in.link.IDs[s]}, Fields: fields}
	return m.made[s]
}

// put is the other direction of own.
func (u *unit) put(s Side, f psa.Fields, x any) {
	if s == Left {
		u.left.set(f, x)
		return
	}
	if len(u.right) == 1 {
		u.right[0].set(f, x)
		return
	}
	values, _ := x.([]any)
	for i, p := range u.right {
		if i < len(values) {
			p.set(f, values[i])
		}
	}
}

func (m *merging) at(i int) *writeTo {
	if m.write == nil {
		m.write = make([]writeTo, len(m.k.units))
	}
	return &m.write[i]
}

// render turns decisions into patches.
func (m *merging) render() {
	if m.write == nil {
		return
	}
	var both [2]bool
	merged := false
	for i := range m.write {
		both[Left], both[Right] = both[Left] || m.write[i].to[Left], both[Right] || m.write[i].to[Right]
		merged = merged || !m.write[i].value.Absent()
	}
	mixed := both[Left] && both[Right] || merged
	bad := map[int]bool{}
	for s := range Side(2) {
		if !both[s] {
			continue
		}
		mapped := m.to(s)
		if mixed {
			mapped = m.c.mapTo(s, m.decidedRecord(s.Other()), m.record(s).Fields, m.in.peer[s])
		}
		for i := range m.write {
			if !m.write[i].to[s] || bad[m.k.units[i].group] {
				continue
			}
			if is := mapped.issue(&m.k.units[i]); is != nil && is.Instead == "" && !(s == Left && !m.write[i].value.Absent()) {
				bad[m.k.units[i].group] = true
				m.mapped[s] = mapped
				m.hold(m.k.units[i].group, is, s.Other())
			}
		}
		for i := range m.write {
			if m.write[i].to[s] && !bad[m.k.units[i].group] {
				m.patch(i, s, mapped)
			}
		}
	}
	for g := range bad { // nothing of a group is written if a part of it cannot be
		for s := range Side(2) {
			m.out.wrote[s] = slices.DeleteFunc(m.out.wrote[s], func(w written) bool { return m.k.units[w.unit].group == g })
		}
	}
	for s := range Side(2) {
		for _, w := range m.out.wrote[s] {
			if m.out.patch[s] == nil {
				m.out.patch[s] = psa.Fields{}
			}
			m.k.units[w.unit].put(s, m.out.patch[s], w.want)
		}
	}
}

// decidedRecord is a side's record with what the decisions make of it.
func (m *merging) decidedRecord(s Side) psa.Record {
	r := m.record(s)
	mapped := m.to(s)
	for i := range m.write {
		u, w := &m.k.units[i], &m.write[i]
		if !w.to[s] {
			continue
		}
		v := u.own(s, mapped.fields)
		if s == Left && !w.value.Absent() {
			v = w.value
		}
		if x, ok := v.Get(); ok {
			switch {
			case s == Left && u.left != nil:
				r.Fields = u.left.with(r.Fields, x)
			case s == Right && len(u.right) == 1:
				r.Fields = u.right[0].with(r.Fields, x)
			}
		}
	}
	return r
}

// patch adds one unit to what is written to a side, unless it is there already.
func (m *merging) patch(i int, s Side, mapped *mappedTo) {
	u, st, w := &m.k.units[i], &m.units[i], &m.write[i]
	want := u.own(s, mapped.fields)
	if s == Left && !w.value.Absent() {
		want = w.value
	}
	source := st.own[s.Other()]
	if len(u.right) > 1 && s == Right { // what no rule gives stays
		want = overlay(want, st.own[s])
	}
	x, ok := want.Get()
	switch {
	case !ok || !u.writes[s]:
		// The map carries nothing here: what is there is as good as agreed on.
		m.agree(i, st.own)
	case sameValue(want, st.own[s]):
		if w.value.Absent() {
			m.agree(i, st.own)
		}
	default:
		from, _ := source.Get()
		m.out.wrote[s] = append(m.out.wrote[s], written{unit: i, from: from, want: x, was: st.own[s], by: w.by, both: !w.value.Absent()})
	}
}

func overlay(want, was conflict.Value) conflict.Value {
	w, ok := want.Get()
	if !ok {
		return want
	}
	values := slices.Clone(w.([]any))
	old, _ := was.Get()
	for i, v := range values {
		if list, ok := old.([]any); ok && v == nil && i < len(list) {
			values[i] = list[i]
		}
	}
	return conflict.Of(values)
}

// sameValue compares two values: references by their ids, where both have one.
func sameValue(a, b conflict.Value) bool {
	x, ok := a.Get()
	y, known := b.Get()
	return ok == known && same(x, y)
}

func same(a, b any) bool {
	switch x := a.(type) {
	case psa.Fields:
		y, ok := b.(psa.Fields)
		if !ok {
			return false
		}
		if id := x.String("id"); id != "" && y.String("id") != "" && refLike(x) && refLike(y) {
			return id == y.String("id")
		}
		return maps.EqualFunc(x, y, same)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	case string, bool, nil:
		return a == b
	}
	return psa.ValuesEqual(a, b)
}

// refLike reports whether fields are a reference, and no object that happens to
// have an id.
func refLike(f psa.Fields) bool {
	for name := range f {
		if name != "id" && name != "name" {
			return false
		}
	}
	return true
}
