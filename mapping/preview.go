package mapping

import (
	"fmt"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A Step is what one rule did with a record.
type Step struct {
	From, To string // fields; From is "" for a value of the map
	Was, Is  any    // the source's value, and what the target would hold
	Set      bool   // the rule gave a value; Is may be nil, which clears the field
	Where    string // file:line:column of the rule
	Note     string // why nothing was set, or what is special about it
}

// Preview maps a record like [Mapper.To] and tells field by field what would
// go where and why, in the order in which the rules apply.
func (mp *Mapper) Preview(side Side, rec psa.Record, env *Env) []Step {
	k := mp.kinds[rec.Kind]
	if k == nil {
		return nil
	}
	x := apply{to: side, ref: rec.Ref, src: rec.Fields, dst: psa.Fields{}}
	if env != nil {
		x.present, x.link = env.Present, env.Link
	}
	var steps []Step
	give := func(s *setter, note string) {
		steps = append(steps, x.step(Step{To: s.field.text, Where: s.where, Note: note}, s.field, func() { s.apply(&x) }))
	}
	for i, g := range k.groups {
		if i == k.scoped {
			k.give(&x, false, give)
		}
		steps = append(steps, g.preview(&x))
	}
	if k.scoped == len(k.groups) {
		k.give(&x, false, give)
	}
	k.give(&x, true, give)
	return steps
}

func (g *ruleGroup) preview(x *apply) Step {
	r := g.rules[0]
	i := 0
	for ; i < len(g.rules); i++ {
		if r = g.rules[i]; !r.conditional() || x.holds(r) {
			break
		}
	}
	from, to := r.fields[1-x.to], r.fields[x.to]
	s := Step{From: from.text, To: to.text, Where: r.where}
	v, there := from.get(x.src)
	s.Was = v
	switch {
	case i == len(g.rules):
		s.Note = "the condition does not hold"
	case !r.direction.allows(x.to):
		s.Note = "the rule goes " + strings.TrimPrefix(r.direction.String(), "to_") + " only"
	case r.skip[x.to]:
		s.Note = "read-only"
	case r.create[x.to] && x.present != nil:
		s.Note = "written on create only"
	case !there && r.template == nil:
		s.Note = "absent"
	default:
		return x.step(s, to, func() { r.apply(x) })
	}
	return s
}

// step runs one rule and records what it did to a field.
func (x *apply) step(s Step, f fieldPath, run func()) Step {
	before := len(x.issues)
	run()
	if len(x.issues) > before {
		i := x.issues[before]
		if i.Instead == "" {
			s.Note = "held: " + i.Message
			return s
		}
		s.Note = i.Instead + " stands in: " + i.Message
	}
	if s.Is, s.Set = f.get(x.dst); s.Set && x.present != nil {
		if was, ok := f.get(x.present); ok && sameValue(was, s.Is) {
			s.Note = strings.TrimPrefix(s.Note+", unchanged", ", ")
		}
	}
	return s
}

// FormatPreview writes steps as a table for people, one line a rule.
func FormatPreview(steps []Step) string {
	var b strings.Builder
	rows := [][4]string{{"FROM", "TO", "VALUE", "RULE"}}
	for _, s := range steps {
		value := s.Note
		if s.Set {
			value = show(s.Is)
			if was := show(s.Was); s.From != "" && was != value {
				value = was + " -> " + value
			}
			if s.Note != "" {
				value += " (" + s.Note + ")"
			}
		} else if value != "" {
			value = "- (" + value + ")"
		}
		rows = append(rows, [4]string{s.From, s.To, value, s.Where})
	}
	var widths [3]int
	for _, r := range rows {
		for i := range widths {
			widths[i] = max(widths[i], len([]rune(r[i])))
		}
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s  %-*s  %-*s  %s\n", widths[0], r[0], widths[1], r[1], widths[2], r[2], r[3])
	}
	return b.String()
}

// A Part is one part of a rule and where it was written.
type Part struct {
	What  string // "rule", an option such as "conflict", or `value "New"`
	Is    string // as written
	Where string // file:line:column
}

// Explain tells which file and line each part of a field's rules came from,
// over all layers of the map; nil if the map has no rule for that left field.
func (m *Map) Explain(kind psa.Kind, field string) []Part {
	n := m.root.get("kinds")
	for _, key := range []string{string(kind), "fields"} {
		if n == nil {
			return nil
		}
		n = n.get(key)
	}
	if n == nil {
		return nil
	}
	want, _ := parseFieldPath(field)
	var parts []Part
	for i, k := range n.keys {
		at, _ := parseFieldPath(k.text)
		v := n.items[i]
		if v.kind == nodeMap {
			if l := (mapReader{reader: reader{&problems{}}}).side(v, Left); l != nil {
				at, _ = parseFieldPath(l.text)
			}
		}
		if at.text == want.text || want.caption != "" && at.caption == want.caption {
			parts = append(parts, explain(k, v)...)
		}
	}
	return parts
}

func explain(key, v *node) []Part {
	parts := []Part{{What: "rule", Is: key.text, Where: where(key)}}
	switch v.kind {
	case nodeSeq:
		for _, it := range v.items {
			parts = append(parts, explain(key, it)[1:]...)
		}
	case nodeMap:
		for i, k := range v.keys {
			parts = append(parts, explainOption(k, v.items[i])...)
		}
	default:
		parts = append(parts, Part{What: "right", Is: v.text, Where: where(v)})
	}
	return parts
}

func explainOption(k, v *node) []Part {
	if k.text != "values" || v.kind != nodeMap {
		var b strings.Builder
		v.write(&b)
		return []Part{{What: k.text, Is: b.String(), Where: where(k)}}
	}
	var parts []Part
	for i, vk := range v.keys {
		if in := v.items[i]; in.kind == nodeMap {
			for j, ik := range in.keys {
				parts = append(parts, Part{What: "value " + quote(ik.text) + " of " + quote(vk.text), Is: in.items[j].text, Where: where(ik)})
			}
			continue
		}
		parts = append(parts, Part{What: "value " + quote(vk.text), Is: v.items[i].text, Where: where(vk)})
	}
	return parts
}
