package mapping

import (
	"encoding/json"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A Proof counts what became of the values that Lint sent there and back by
// one rule: all that a side offers at present, else those that the map lists,
// else made ones of the field's type.
type Proof struct {
	Kind        psa.Kind
	Left, Right string // fields as written
	Where       string // file:line:column
	Live, Made  int    // values tried: offered at present, and listed or made
	Back        int    // came back as they were
	Held        int    // have no rule: they stay where they are
	Shared      int    // came back as the preferred one of several; a record that holds them keeps them
	Lossy       int    // came back as other values, as a transform declares
	Broken      int    // came back as other values: the rule is wrong, and Lint says so
}

// Prove returns what the round trips of Lint come to, for each rule that goes
// both ways, by kind in the order of application. A rule that passes values of
// one type as they are, or refers to records or members, tries none.
func (m *Map) Prove(cfg *Config) []Proof {
	if cfg == nil {
		cfg = &Config{}
	}
	var proofs []Proof
	m.lint(cfg, &proofs)
	return proofs
}

// roundTrip maps every live value, or made ones, there and back, and reports
// the first of each kind of loss. A target that holds the original must keep it
// in any case.
func (l *linter) roundTrip(r *mapRule) {
	if r.direction != both {
		return
	}
	p := Proof{Kind: l.km.kind, Left: r.fieldRule.fields[Left].text, Right: r.fieldRule.fields[Right].text, Where: where(r.at)}
	defer func() {
		if l.proofs != nil {
			*l.proofs = append(*l.proofs, p)
		}
	}()
	if r.member != nil || r.each != nil || r.template != nil || r.skip[Left] || r.skip[Right] || r.fits[Left].kind.IsRecord() || r.fits[Right].kind.IsRecord() {
		return
	}
	seen := map[string]bool{}
	for s := range r.fields {
		from := Side(s)
		tried := &p.Made
		if l.chooses(r, from) {
			tried = &p.Live
		}
		for _, scope := range l.scopes(r, from) {
			for _, v := range l.samples(r, from, scope) {
				loss := l.thereAndBack(r, from, scope, v)
				*tried++
				p.count(loss.code)
				if loss.msg != "" && !seen[loss.code] {
					l.add(r.at, loss.severity, loss.code, "%s", loss.msg)
					seen[loss.code] = true
				}
			}
		}
	}
}

func (p *Proof) count(code string) {
	switch code {
	case "":
		p.Back++
	case CodeUncovered:
		p.Held++
	case CodeManyToOne:
		p.Shared++
	case CodeLossy:
		p.Lossy++
	default:
		p.Broken++
	}
}

func (l *linter) scopes(r *mapRule, s Side) psa.Options {
	if r.scope[s] != nil {
		return l.scopesOf(r, s)
	}
	return psa.Options{{}}
}

// A loss is how a value comes back as another one.
type loss struct {
	code     string // of the finding; "" if nothing is lost
	severity psa.Severity
	msg      string
}

func (l *linter) thereAndBack(r *mapRule, from Side, scope psa.Option, v any) loss {
	src := psa.Fields{}
	r.fields[from].set(src, v)
	if r.scope[from] != nil && scope.ID != "" {
		r.scope[from].set(src, psa.Reference{ID: scope.ID, Name: scope.Name}.Fields())
	}
	there := apply{to: from.Other(), src: src, dst: psa.Fields{}, present: psa.Fields{}, silent: true}
	w, ok, t := r.convert(&there, v)
	if !ok || t != nil {
		return loss{code: CodeUncovered} // held, which uncovered reports
	}
	other := psa.Fields{}
	r.fields[from.Other()].set(other, w)
	back := apply{to: from, src: other, dst: scopeOnly(src, r.scope[from]), present: psa.Fields{}, silent: true}
	u, ok, t := r.convert(&back, w)
	if ok && t == nil && sameValue(u, v) {
		return loss{}
	}
	how := "is refused on the way back"
	if t == nil {
		how = "comes back as " + show(u)
	}
	kept := apply{to: from, src: other, dst: psa.Fields{}, present: src, silent: true}
	keeps := (r.lossy || t == nil) && r.agrees(&kept, w, v)
	says := show(v) + " becomes " + show(w) + " and " + how
	switch {
	case r.lossy && len(r.prefer) > 0 && keeps:
		return loss{CodeManyToOne, psa.Info, says + " where it is new; a " + from.String() + " record that holds it keeps it"}
	case r.lossy && (keeps || r.declaredLossy() != ""):
		return loss{CodeLossy, psa.Warning, says + "; lost: " + r.declaredLossy()}
	default:
		return loss{CodeRoundTrip, psa.Failure, says + "; add direction: to_" + from.Other().String() + ", or make the rule go back"}
	}
}

// applies finds listed values that the rest of the rule cannot take: a text
// for a number, or for a transform of numbers.
func (l *linter) applies(r *mapRule) bool {
	ok := true
	for s := range r.fields {
		from := Side(s)
		if !r.direction.allows(from.Other()) || r.skip[from.Other()] {
			continue
		}
		for _, p := range r.values {
			var v any = p.left
			if from == Right {
				if v = p.right.value(); v == nil {
					continue
				}
			}
			x := apply{to: from.Other(), src: psa.Fields{}, dst: psa.Fields{}, present: psa.Fields{}, silent: true}
			if r.per != nil {
				r.per.set(x.present, p.scope)
				r.per.set(x.src, p.scope)
			}
			if r.fits[from].typ == psa.TypeRef {
				text, _ := plainText(v)
				v = psa.Fields{"id": text, "name": text}
			}
			from, to := r.fits[from].element(), r.fits[from.Other()].element()
			if _, _, t := r.convertOne(&x, v, &from, &to); t != nil && (t.code == "type" || t.code == "transform") {
				l.add(p.at, psa.Failure, CodeType, "value %s: %s", quote(p.left), t.msg)
				ok = false
				break
			}
		}
	}
	return ok
}

// scopeOnly returns the scope field of a record alone.
func scopeOnly(f psa.Fields, scope *fieldPath) psa.Fields {
	out := psa.Fields{}
	if scope != nil {
		if v, ok := scope.get(f); ok {
			scope.set(out, v)
		}
	}
	return out
}

func (r *mapRule) declaredLossy() string {
	var lost []string
	for _, s := range r.steps {
		if s.Lossy != "" {
			lost = append(lost, s.Lossy)
		}
	}
	return strings.Join(lost, ", ")
}

func show(v any) string {
	if f, ok := v.(psa.Fields); ok {
		if s, ok := valueText(f, false); ok {
			return quote(s)
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return typeName(v)
	}
	if len(b) > 80 {
		return strings.ToValidUTF8(string(b[:80]), "") + "..."
	}
	return string(b)
}

// samples returns the values to prove a rule with: what the side offers, what
// the value map lists, else what its type can hold.
func (l *linter) samples(r *mapRule, s Side, scope psa.Option) []any {
	if l.chooses(r, s) {
		if typ := r.fits[s].typ; typ != psa.TypeRef && typ != psa.TypeOption {
			return nil
		}
		var all []any
		for _, o := range l.offered(r, s, scope.ID) {
			all = append(all, l.held(r, s, o))
		}
		return all
	}
	if len(r.values) > 0 {
		var all []any
		for _, p := range r.values {
			switch {
			case p.scope != "" && p.scope != "*" && scope.Name != "" && p.scope != scope.Name:
			case s == Right && p.right.kind != nodeNull:
				all = append(all, p.right.value())
			case s == Left && r.fits[Left].typ == psa.TypeRef:
				all = append(all, psa.Fields{"id": p.left, "name": p.left})
			case s == Left && r.per == nil:
				all = append(all, p.left)
			}
		}
		return all
	}
	if len(r.steps) == 0 {
		return nil // equal types pass as they are
	}
	typ := r.fits[s].typ
	if typ == "" {
		typ = r.steps[0].In
		if s == Right {
			typ = r.steps[len(r.steps)-1].Out
		}
	}
	return generated(typ)
}

// generated returns values that a type can hold, the plain ones first.
func generated(t psa.Type) []any {
	switch t {
	case psa.TypeNumber:
		var all []any
		for _, s := range []string{"1", "0", "20", "0.25", "1.5", "-3", "7.333333", "1000000", "0.1", "45", "1.000001"} {
			all = append(all, json.Number(s))
		}
		return all
	case psa.TypeBool:
		return []any{true, false}
	case psa.TypeTime:
		return []any{"2026-03-01T08:14:05Z", "2026-03-29T01:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2024-02-29T23:59:59Z", "2026-03-01T08:14:05.25Z"}
	case psa.TypeDate:
		return []any{"2026-03-01", "2024-02-29"}
	case psa.TypeIDs, psa.TypeRefs, psa.TypeList:
		return []any{[]any{"a", "b"}, []any{}, []any{"a b"}}
	default:
		return []any{"a", "Some Text", "", " padded ", "a,b;c", "Zoë, 漢字", "two\nlines", strings.Repeat("long ", 60), "5", "1.50"}
	}
}
