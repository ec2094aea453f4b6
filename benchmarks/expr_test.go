package benchmarks

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/psasync/psasync/psa"
)

// An exprSource is a rule of fieldMap in the expression language, one way: the
// field of rec that it reads, the field that it sets and the expression. now is
// the target as it is.
type exprSource struct{ from, to, expr string }

// chain translates a text. A chain of comparisons is quicker than a map
// literal, which each run would build again.
func chain(of string, pairs []pair, back bool, leaf string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "let n = %s; ", of)
	seen := map[string]bool{}
	for _, p := range pairs {
		if back {
			p = pair{p.right, p.left}
		}
		if seen[p.left] {
			continue
		}
		seen[p.left] = true
		fmt.Fprintf(&b, "n == %q ? %s : ", p.left, fmt.Sprintf(leaf, p.right))
	}
	return b.String() + "unmapped()"
}

func nullOr(field, expr string) string { return "rec." + field + " == nil ? nil : (" + expr + ")" }

func exprRight() []exprSource {
	var all []exprSource
	for _, f := range handPlain {
		all = append(all, exprSource{f[0], f[1], "rec." + f[0]})
	}
	all = append(all, exprSource{"contact_email", "requester_mail",
		nullOr("contact_email", "now.requester_mail == rec.contact_email ? rec.contact_email : lower(rec.contact_email)")})
	for _, f := range [][2]string{{"budget_hours", "estimate"}, {"worked_hours", "worked"}} {
		all = append(all, exprSource{f[0], f[1],
			nullOr(f[0], fmt.Sprintf("now.%[2]s != nil && hours(now.%[2]s) == rec.%[1]s ? now.%[2]s : minutes(rec.%[1]s)", f[0], f[1]))})
	}
	for _, f := range handLinks {
		all = append(all, exprSource{f.left, f.right, nullOr(f.left, fmt.Sprintf("link(%q, rec.%s)", f.kind, f.left))})
	}
	for _, f := range handRefs {
		all = append(all, exprSource{f.left, f.right, nullOr(f.left, fmt.Sprintf("hostRow(%q, rec.%s.name)", f.kind, f.left))})
	}
	return append(all,
		exprSource{"source", "channel", nullOr("source", chain("rec.source.name", sources, false, "%q"))},
		exprSource{"impact", "severity", nullOr("impact", chain("rec.impact.name", impacts, false, "%q"))},
		exprSource{"priority", "priority", nullOr("priority", chain("rec.priority.name", priorities, false, `hostRow("priority", %q)`))},
		exprSource{"status", "state", nullOr("status", chain("rec.status.name", statuses, false, "%q"))},
		exprSource{"owner", "assignee", nullOr("owner", "hostMember(rec.owner)")},
		exprSource{"custom", "site_code", nullOr("custom", `"16" in rec.custom ? rec.custom["16"] : absent()`)},
		exprSource{"custom", "vip", nullOr("custom", `"17" in rec.custom ? (let v = rec.custom["17"]; v == nil ? nil : v ? "Yes" : "No") : absent()`)},
		exprSource{"custom", "region", nullOr("custom", `"20" in rec.custom ? (rec.custom["20"] == nil ? nil : (`+chain(`rec.custom["20"]`, regions, false, "%q")+`)) : absent()`)})
}

func exprLeft() []exprSource {
	var all []exprSource
	for _, f := range handPlain[:handBoth] {
		all = append(all, exprSource{f[1], f[0], "rec." + f[1]})
	}
	for _, f := range handLinks {
		all = append(all, exprSource{f.right, f.left, nullOr(f.right, fmt.Sprintf("link(%q, rec.%s)", f.kind, f.right))})
	}
	for _, f := range handRefs {
		all = append(all, exprSource{f.right, f.left, nullOr(f.right, fmt.Sprintf("psaRow(%q, rec.%s.name)", f.kind, f.right))})
	}
	keep := "now.status != nil && (" + strings.Replace(chain("now.status.name", statuses, false, "%q"), "unmapped()", "nil", 1) + ") == rec.state ? now.status : "
	return append(all,
		exprSource{"requester_mail", "contact_email",
			nullOr("requester_mail", "now.contact_email != nil && lower(now.contact_email) == rec.requester_mail ? now.contact_email : rec.requester_mail")},
		exprSource{"estimate", "budget_hours",
			nullOr("estimate", "now.budget_hours != nil && minutes(now.budget_hours) == rec.estimate ? now.budget_hours : hours(rec.estimate)")},
		exprSource{"channel", "source", nullOr("channel", chain("rec.channel", sources, true, `psaRow("ticket_source", %q)`))},
		exprSource{"severity", "impact", nullOr("severity", chain("rec.severity", impacts, true, `psaRow("impact", %q)`))},
		exprSource{"priority", "priority", nullOr("priority", chain("rec.priority.name", priorities, true, `psaRow("priority", %q)`))},
		exprSource{"state", "status", nullOr("state", keep+"("+chain("rec.state", statuses, true, `psaRow("status", %q)`)+")")},
		exprSource{"assignee", "owner", nullOr("assignee", "psaMember(rec.assignee)")},
		exprSource{"site_code", "custom.16", "rec.site_code"},
		exprSource{"vip", "custom.17", nullOr("vip", `rec.vip == "Yes" ? true : rec.vip == "No" ? false : refused()`)},
		exprSource{"region", "custom.20", nullOr("region", chain("rec.region", regions, true, "%q"))})
}

// A verdict is what an expression returns instead of a value: the code of an
// issue, or absent.
type verdict string

const absent verdict = "absent"

type exprRule struct {
	from     string
	to, id   string // custom.<id>
	field    string // in issues
	program  *vm.Program
	presence bool // the expression leaves it to Go whether its field is there
}

// An exprMapper holds a compiled program for each rule and direction, and the
// machine that runs them all, so that a run allocates no stack. It is for one
// goroutine.
type exprMapper struct {
	rules   [2][]exprRule // to the left and to the right
	machine vm.VM
	fresh   bool // a new machine for each program, as expr.Run makes it
	env     map[string]any
}

// newExprMapper compiles the rules. With presence, Go asks whether a field is
// there, else the expression does.
func newExprMapper(tb testing.TB, w *world, presence bool) *exprMapper {
	tb.Helper()
	h := newHand(w)
	m := &exprMapper{env: map[string]any{"rec": map[string]any{}, "now": map[string]any{}}}
	say := func(v verdict) func(...any) (any, error) {
		var result any = v
		return func(...any) (any, error) { return result, nil }
	}
	row := func(c *catalog) func(...any) (any, error) {
		none := any(verdict("no-such-option"))
		return func(args ...any) (any, error) {
			if r, ok := c.rows[psa.Kind(args[0].(string))][args[1].(string)]; ok {
				return r, nil
			}
			return none, nil
		}
	}
	member := func(right bool) func(...any) (any, error) {
		none := any(verdict("member"))
		return func(args ...any) (any, error) {
			if m, ok := h.members[right][h.mails[text(args[0], "id")]]; ok {
				return m, nil
			}
			return none, nil
		}
	}
	unlinked := any(verdict("unlinked"))
	opts := []expr.Option{
		expr.Env(m.env),
		expr.Function("absent", say(absent)),
		expr.Function("unmapped", say("unmapped-value")),
		expr.Function("refused", say("transform")),
		expr.Function("hostRow", row(w.right)),
		expr.Function("psaRow", row(w.left)),
		expr.Function("hostMember", member(true)),
		expr.Function("psaMember", member(false)),
		expr.Function("minutes", func(args ...any) (any, error) { return minutes(args[0].(json.Number)), nil }),
		expr.Function("hours", func(args ...any) (any, error) { return hours(args[0].(json.Number)), nil }),
		expr.Function("link", func(args ...any) (any, error) {
			id, ok := link(psa.Kind(args[0].(string)), text(args[1], "id"))
			if !ok {
				return unlinked, nil
			}
			return psa.Fields{"id": id, "name": text(args[1], "name")}, nil
		}),
	}
	for side, sources := range [][]exprSource{exprLeft(), exprRight()} {
		for _, s := range sources {
			src := s.expr
			if !presence {
				src = fmt.Sprintf("%q in rec ? (%s) : absent()", s.from, s.expr)
			}
			program, err := expr.Compile(src, opts...)
			if err != nil {
				tb.Fatalf("%s: %v", s.to, err)
			}
			r := exprRule{from: s.from, to: s.to, field: s.to, program: program, presence: presence}
			if id, ok := strings.CutPrefix(s.to, "custom."); ok {
				r.to, r.id = "custom", id
				r.field = map[string]string{"16": `custom["Site Code"]`, "17": `custom["VIP"]`, "20": `custom["Region"]`}[id]
			}
			m.rules[side] = append(m.rules[side], r)
		}
	}
	return m
}

// text reads a text of an object, however the record holds objects.
func text(v any, name string) string {
	switch v := v.(type) {
	case psa.Fields:
		return v.String(name)
	case map[string]any:
		s, _ := v[name].(string)
		return s
	}
	return ""
}

// to maps like a hand.
func (m *exprMapper) to(side int, in, now map[string]any) (out psa.Fields, open []held, err error) {
	out = make(psa.Fields, [...]int{leftFields, rules}[side])
	m.env["rec"], m.env["now"] = in, now
	var env any = m.env
	for i := range m.rules[side] {
		r := &m.rules[side][i]
		if r.presence {
			if _, ok := in[r.from]; !ok {
				continue
			}
		}
		var v any
		if m.fresh {
			v, err = expr.Run(r.program, env)
		} else {
			v, err = m.machine.Run(r.program, env)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", r.field, err)
		}
		if code, ok := v.(verdict); ok {
			if code != absent {
				open = append(open, held{r.field, string(code)})
			}
			continue
		}
		if r.id == "" {
			out[r.to] = v
			continue
		}
		c, ok := out[r.to].(psa.Fields)
		if !ok {
			c = psa.Fields{}
			out[r.to] = c
		}
		c[r.id] = v
	}
	return out, open, nil
}

// plain returns fields with plain maps for objects, which expr reads quicker:
// psa.Fields is a type with methods, and expr looks for those first.
func plain(f psa.Fields) map[string]any {
	m := make(map[string]any, len(f))
	for k, v := range f {
		if o, ok := v.(psa.Fields); ok {
			v = plain(o)
		}
		m[k] = v
	}
	return m
}
