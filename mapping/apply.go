package mapping

import (
	"strings"

	"github.com/psasync/psasync/psa"
)

// An Env is what a mapping needs to know besides the record. The zero Env, and
// nil, are for a record to be created.
type Env struct {
	// Present holds the fields of the target as it is; nil where it is to be
	// created. A present value that means the same as the source's is kept: of
	// several left values that share a right one, the one that is there stays.
	Present psa.Fields
	// Link finds the counterpart on the target's side of a linked record. Without
	// it, references to records pass as they are.
	Link func(kind psa.Kind, id string) (string, bool)
}

// An Issue is a value that could not be mapped. It is never dropped or
// guessed: the field is left as it is on the target, or holds what the rule
// says, see Instead.
type Issue struct {
	Ref     psa.Ref // the source record
	Field   string  // of the target
	Where   string  // file:line:column of the rule
	Code    string  // unmapped-value, no-such-option, unlinked, member, type or transform
	Message string
	Fatal   bool // the rule says unknown: error; write nothing of this record
	// Instead is the member that stands in for one without a counterpart, as the
	// rule's fallback; "" where the field was left alone. The text of a note or
	// time entry should then name its real author.
	Instead string
	// Err is what a transform returned, for errors.Is and errors.As; nil for
	// other codes.
	Err error `json:"-"`
}

// String returns "file:line:column: ref: field: message".
func (i Issue) String() string {
	return i.Where + ": " + strings.TrimPrefix(i.Ref.String()+": ", ": ") + i.Field + ": " + i.Message
}

// apply is one application of a map to a record.
type apply struct {
	to      Side
	ref     psa.Ref
	src     psa.Fields // of the source
	dst     psa.Fields // of the target, as it grows
	present psa.Fields
	link    func(psa.Kind, string) (string, bool)
	issues  []Issue
	silent  bool // a trial: no issues
}

// To maps a record to the canonical fields that a side should hold. Absent
// fields of the source are absent in the result, null stays null; a note that is
// created without a visibility becomes internal. Defaults of create come with a
// record to be created only, constants always. A kind that the map lacks gives
// nothing. Values may be shared with the record, with Env.Present and among
// results: do not modify them.
func (mp *Mapper) To(side Side, rec psa.Record, env *Env) (psa.Fields, []Issue) {
	k := mp.kinds[rec.Kind]
	if k == nil {
		return nil, nil
	}
	x := apply{to: side, ref: rec.Ref, src: rec.Fields}
	if env != nil {
		x.present, x.link = env.Present, env.Link
	}
	x.dst = make(psa.Fields, k.size[side])
	k.apply(&x)
	return x.dst, x.issues
}

func (k *kindMapper) apply(x *apply) {
	for _, g := range k.groups[:k.scoped] {
		g.apply(x)
	}
	if len(k.sets[x.to]) > 0 || len(k.create[x.to]) > 0 {
		k.give(x, false, func(s *setter, _ string) { s.apply(x) })
	}
	for _, g := range k.groups[k.scoped:] {
		g.apply(x)
	}
	if len(k.create[x.to]) > 0 {
		k.give(x, true, func(s *setter, _ string) { s.apply(x) })
	}
}

// give calls yield for the values that the map itself gives: constants, and on
// create the defaults of fields that got no value. Those that other rows depend
// on, such as the board of a status, come before the rules for these (late is
// false), the rest after all rules.
func (k *kindMapper) give(x *apply, late bool, yield func(s *setter, note string)) {
	if !late {
		for i := range k.sets[x.to] {
			yield(&k.sets[x.to][i], "constant")
		}
	}
	if x.present != nil {
		return
	}
	for i := range k.create[x.to] {
		s := &k.create[x.to][i]
		if s.leave || !late && (s.scope != nil || s.by != nil) {
			continue
		}
		if v, ok := s.field.get(x.dst); !ok || v == nil {
			yield(s, "default on create")
		}
	}
}

func (g *ruleGroup) apply(x *apply) {
	for _, r := range g.rules {
		if r.conditional() && !x.holds(r) {
			continue
		}
		r.apply(x)
		return
	}
}

// state returns the fields a side has: the source, or the target with what is
// new over what is present.
func (x *apply) state(s Side, f *fieldPath) (any, bool) {
	if s != x.to {
		return f.get(x.src)
	}
	if v, ok := f.get(x.dst); ok {
		return v, true
	}
	return f.get(x.present)
}

// scopeID returns the id of the row that scopes a reference of the target, ""
// where it is not known.
func (x *apply) scopeID(f *fieldPath) string {
	v, _ := x.state(x.to, f)
	r, _ := v.(psa.Fields)
	return r.String("id")
}

func (x *apply) holds(r *mapRule) bool {
	for s := range r.when {
		for i := range r.when[s] {
			w := &r.when[s][i]
			v, _ := x.state(Side(s), &w.field)
			if w.fits(v) == w.not {
				return false
			}
		}
	}
	return true
}

func (w *whenRule) fits(v any) bool {
	for _, is := range w.is {
		if is.kind == nodeNull {
			if v == nil {
				return true
			}
			continue
		}
		for _, byID := range []bool{false, true} {
			if s, ok := valueText(v, byID); ok && s == is.text {
				return true
			}
		}
	}
	return false
}

func (x *apply) issue(r *mapRule, t *trouble) {
	if x.silent {
		return
	}
	x.issues = append(x.issues, Issue{
		Ref: x.ref, Field: r.fields[x.to].text, Where: r.where, Code: t.code, Message: t.msg, Instead: t.instead, Err: t.err,
		Fatal: t.code == "unmapped-value" && r.unknown == unknownError,
	})
}

func (r *mapRule) apply(x *apply) {
	to := x.to
	if r.skip[to] || r.create[to] && x.present != nil {
		return
	}
	from := &r.fields[1-to]
	if r.plain {
		v, ok := from.get(x.src)
		switch {
		case !ok || v == nil && r.keepNulls:
		case !r.fits[to].accepts(v):
			x.issue(r, r.fits[to].mismatch(v))
		default:
			r.fields[to].set(x.dst, v)
		}
		return
	}
	if r.template != nil {
		if s, ok := r.template.expand(x.src); ok {
			r.fields[to].set(x.dst, s)
		}
		return
	}
	v, ok := from.get(x.src)
	if !ok && r.visibility && x.present == nil {
		v, ok = nil, true // a new note is not left to what the target takes for granted
	}
	if !ok || v == nil && r.keepNulls {
		return
	}
	if (r.lossy || r.asks) && x.present != nil && v != nil {
		if was, ok := r.fields[to].get(x.present); ok && was != nil && r.agrees(x, v, was) {
			r.fields[to].set(x.dst, was)
			return
		}
	}
	out, ok, t := r.convert(x, v)
	switch {
	case t != nil:
		x.issue(r, t)
	case ok:
		if r.unordered && x.present != nil {
			if was, there := r.fields[to].get(x.present); there && r.same(out, was) {
				out = was
			}
		}
		r.fields[to].set(x.dst, out)
	}
}

// agrees reports whether the target's value, mapped the other way, is the
// source's.
func (r *mapRule) agrees(x *apply, v, was any) bool {
	if x.to == Left && r.alike(was, v) || x.to == Right && r.alike(v, was) {
		return true
	}
	back := apply{to: 1 - x.to, src: x.present, dst: x.src, present: x.src, silent: true}
	for s := range r.steps {
		if r.steps[s].Inverse == nil {
			return false
		}
	}
	w, ok, t := r.convert(&back, was)
	return ok && t == nil && r.same(w, v)
}

// alike asks the transforms whether a left and a right value mean the same:
// each sees what those before it make of the left value, and those behind it of
// the right one.
func (r *mapRule) alike(left, right any) bool {
	if !r.asks || left == nil || right == nil {
		return false
	}
	for i := range r.steps {
		if r.steps[i].Same == nil {
			continue
		}
		l, lok := r.through(left, &r.fits[Left], r.steps[:i], Right)
		w, wok := r.through(right, &r.fits[Right], r.steps[i+1:], Left)
		if lok && wok && r.steps[i].Same(l, w) {
			return true
		}
	}
	return false
}

// through applies some of the transforms.
func (r *mapRule) through(v any, from *fit, steps []Transform, to Side) (any, bool) {
	if ref, isRef := v.(psa.Fields); isRef && from.typ == psa.TypeRef {
		v, _ = valueText(ref, from.byID)
	}
	var err error
	for i := range steps {
		do := steps[i].Forward
		if to == Left {
			do = steps[len(steps)-1-i].Inverse
		}
		if do == nil {
			return nil, false
		}
		if v, err = do(v); err != nil {
			return nil, false
		}
	}
	return v, true
}

// same compares a mapped value with one that is there. Lists of references and
// of options have no order.
func (r *mapRule) same(a, b any) bool {
	la, aok := a.([]any)
	lb, bok := b.([]any)
	if !r.unordered || !aok || !bok {
		return sameValue(a, b)
	}
	if len(la) != len(lb) {
		return false
	}
	found := make([]bool, len(lb))
	for _, v := range la {
		i := 0
		for i < len(lb) && (found[i] || !sameValue(v, lb[i])) {
			i++
		}
		if i == len(lb) {
			return false
		}
		found[i] = true
	}
	return true
}

// sameValue compares a mapped value with one that is there: references by id
// if both have one, else by name.
func sameValue(a, b any) bool {
	ra, aok := a.(psa.Fields)
	rb, bok := b.(psa.Fields)
	if aok && bok {
		if ra.String("id") != "" && rb.String("id") != "" {
			return ra.String("id") == rb.String("id")
		}
		return ra.String("name") == rb.String("name")
	}
	return psa.ValuesEqual(a, b)
}

// convert maps one value. ok is false where the rule says to leave the field
// alone.
func (r *mapRule) convert(x *apply, v any) (out any, ok bool, t *trouble) {
	if v == nil && r.visibility {
		v = string(psa.Internal) // nobody said who may read it
		if x.to == Left {
			return v, true, nil
		}
	}
	if v == nil {
		return nil, true, nil
	}
	if list, isList := v.([]any); isList && (r.inside != nil || len(r.values) > 0) {
		return r.convertList(x, list)
	}
	return r.convertOne(x, v, &r.fits[1-x.to], &r.fits[x.to])
}

func (r *mapRule) convertOne(x *apply, v any, from, to *fit) (out any, ok bool, t *trouble) {
	if r.members != nil {
		m, drop, t := r.members.convert(x.to, v, to.typ == psa.TypeRef)
		if t != nil && t.instead != "" {
			x.issue(r, t)
			t = nil
		}
		return m, t == nil && !drop, t
	}
	if r.visibility && x.to == Right {
		v = narrow(v)
	}
	if ready := r.ready[x.to]; ready != nil && to.typ == r.readyAs[x.to] {
		if text, ok := valueText(v, r.by[1-x.to]); ok {
			if out, ok := ready[text]; ok {
				return out, true, nil
			}
		}
	}
	// Values come before transforms on the way to the right, and so after them
	// on the way back.
	if x.to == Left {
		if v, t = r.step(x.to, v, from); t != nil {
			return nil, false, t
		}
	}
	fresh := false
	if len(r.values) > 0 {
		mapped, keep, t := r.translate(x, v)
		if t != nil || mapped == nil {
			return mapped, t == nil, t
		}
		fresh = !keep
		v = mapped
	}
	if x.to == Right {
		if v, t = r.step(x.to, v, from); t != nil {
			return nil, false, t
		}
	}
	if r.visibility && x.to == Left {
		v = narrow(v)
	}
	if out, t = to.value(x, v, from, r.scope[x.to], fresh); t != nil {
		return nil, false, t
	}
	return out, true, nil
}

// narrow makes a visibility that is no visibility internal.
func narrow(v any) any {
	if s, ok := v.(string); ok {
		if _, known := width(s); known {
			return s
		}
	}
	return string(psa.Internal)
}

// step applies the transforms, on the way back from the last to the first.
func (r *mapRule) step(to Side, v any, from *fit) (any, *trouble) {
	if len(r.steps) == 0 {
		return v, nil
	}
	if ref, isRef := v.(psa.Fields); isRef && from.typ == psa.TypeRef {
		v, _ = valueText(ref, from.byID) // transforms know no references
	}
	var err error
	for i := range r.steps {
		n := i
		do := r.steps[n].Forward
		if to == Left {
			n = len(r.steps) - 1 - i
			do = r.steps[n].Inverse
		}
		if v, err = do(v); err != nil {
			return nil, &trouble{code: "transform", msg: r.stepAt[n].text + ": " + err.Error(), err: err}
		}
	}
	return v, nil
}

// translate applies the value map. keep is set for values that pass as they
// are.
func (r *mapRule) translate(x *apply, v any) (out any, keep bool, t *trouble) {
	text, ok := valueText(v, r.by[1-x.to])
	scope := ""
	if r.per != nil {
		s, _ := x.state(Left, r.per)
		scope, _ = valueText(s, false)
	}
	if ok {
		if out, ok = r.tables[x.to][scope][text]; ok {
			return out, false, nil
		}
		if r.per != nil {
			if out, ok = r.tables[x.to]["*"][text]; ok {
				return out, false, nil
			}
		}
	}
	switch r.unknown {
	case unknownPass:
		return v, true, nil
	case unknownDefault:
		if r.defaults[x.to] != nil {
			return r.other[x.to], false, nil
		}
	case unknownHold:
		if r.visibility {
			if out, ok = r.tables[x.to][scope][string(psa.Internal)]; ok {
				return out, false, nil
			}
			return string(psa.Internal), false, nil
		}
	}
	msg := "no rule for " + r.fits[1-x.to].option(text)
	if scope != "" {
		msg += " on " + quote(scope)
	}
	return nil, false, &trouble{code: "unmapped-value", msg: msg + "; the field is held"}
}

// convertList maps a list element by element.
func (r *mapRule) convertList(x *apply, list []any) (any, bool, *trouble) {
	out := make([]any, 0, len(list))
	from, to := r.fits[1-x.to].element(), r.fits[x.to].element()
	for _, el := range list {
		if r.inside == nil {
			v, ok, t := r.convertOne(x, el, &from, &to)
			if t != nil {
				return nil, false, t
			}
			if ok && v != nil {
				out = append(out, r.fits[x.to].pack(v))
			}
			continue
		}
		f, ok := el.(psa.Fields)
		if !ok {
			return nil, false, &trouble{code: "type", msg: "an element is " + typeName(el) + ", and the rule maps objects"}
		}
		in := apply{to: x.to, ref: x.ref, src: f, dst: psa.Fields{}, link: x.link, silent: x.silent}
		r.inside.apply(&in)
		if len(in.issues) > 0 {
			return nil, false, &trouble{code: in.issues[0].Code, msg: in.issues[0].Message, err: in.issues[0].Err}
		}
		out = append(out, in.dst)
	}
	return out, true, nil
}

func (s *setter) apply(x *apply) {
	if s.ready != nil {
		s.field.set(x.dst, s.ready)
		return
	}
	v := s.value
	if s.by != nil {
		of, _ := x.state(x.to, s.by)
		text, _ := valueText(of, false)
		var ok bool
		if v, ok = s.values[text]; !ok {
			return
		}
	}
	if v == nil {
		s.field.set(x.dst, nil)
		return
	}
	out, t := s.fit.value(x, v, &fit{}, s.scope, true)
	if t != nil {
		x.issues = append(x.issues, Issue{Ref: x.ref, Field: s.field.text, Where: s.where, Code: t.code, Message: t.msg})
		return
	}
	s.field.set(x.dst, out)
}

// Differ returns the left fields, as written, of the rules whose two sides do
// not mean the same, by the same measure by which [Mapper.To] keeps what is
// present. Fields that are absent on a side are left out: absent is not known.
func (mp *Mapper) Differ(kind psa.Kind, left, right psa.Fields) []string {
	k := mp.kinds[kind]
	if k == nil {
		return nil
	}
	var names []string
	for _, g := range k.groups {
		for _, r := range g.rules {
			x := apply{to: Right, src: left, dst: right, present: right, silent: true}
			if r.conditional() && !x.holds(r) {
				continue
			}
			if r.differs(&x, left, right) {
				names = append(names, r.fields[Left].text)
			}
			break
		}
	}
	return names
}

func (r *mapRule) differs(x *apply, left, right psa.Fields) bool {
	l, lok := r.fields[Left].get(left)
	v, rok := r.fields[Right].get(right)
	if !lok || !rok || l == nil && v == nil || r.template != nil {
		return false
	}
	if l == nil || v == nil {
		return !r.visibility
	}
	if r.alike(l, v) {
		return false
	}
	if r.direction.allows(Right) {
		w, ok, t := r.convert(x, l)
		if ok && t == nil && r.same(w, v) {
			return false
		}
	}
	if r.direction.allows(Left) {
		back := apply{to: Left, src: right, dst: left, present: left, silent: true}
		w, ok, t := r.convert(&back, v)
		return !ok || t != nil || !r.same(w, l)
	}
	return true
}
