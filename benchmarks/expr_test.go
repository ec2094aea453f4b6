package benchmarks

import (
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/psasync/psasync/psa"
)

// exprSource is fieldMap in the expression language: the field that must be
// there, the field that is set, and the expression. A chain of comparisons is
// quicker than a map literal, which each run would build again.
var exprSource = [rules][3]string{
	{"summary", "title", `summary`},
	{"description", "body", `description`},
	{"number", "number", `number`},
	{"url", "link", `url`},
	{"contact_name", "requester", `contact_name`},
	{"contact_email", "requester_mail", `contact_email`},
	{"contact_phone", "requester_phone", `contact_phone`},
	{"po_number", "po", `po_number`},
	{"worked_hours", "worked", `worked_hours`},
	{"due_at", "due", `due_at`},
	{"resolution", "resolution", `resolution`},
	{"external_ref", "external", `external_ref`},
	{"created_at", "created", `created_at`},
	{"created_by", "creator", `created_by`},
	{"updated_by", "updater", `updated_by`},
	{"closed_at", "closed_time", `closed_at`},
	{"closed", "is_closed", `closed`},
	{"board", "queue", `board?.name`},
	{"company", "company", `company?.id`},
	{"contact", "contact", `contact?.id`},
	{"site", "site", `site?.id`},
	{"agreement", "contract", `agreement?.id`},
	{"team", "team", `team?.name`},
	{"source", "channel", `source?.name`},
	{"type", "category", `type?.name`},
	{"subtype", "subcategory", `subtype?.name`},
	{"priority", "priority", `priority == nil ? nil : let n = priority.name; n == "P1" ? "Critical" : n == "P2" ? "High" : n == "P3" ? "Medium" : n == "P4" ? "Low" : held()`},
	{"status", "state", `status == nil ? nil : let n = status.name; n == "New" ? "open" : n == "Assigned" ? "working" : n == "Waiting" ? "pending" : n == "Closed" ? "done" : held()`},
	{"budget_hours", "estimate", `budget_hours == nil ? nil : minutes(budget_hours)`},
	{"custom", "site_code", `"16" in custom ? custom["16"] : absent()`},
}

// A verdict is what an expression returns instead of a value.
type verdict string

const (
	isHeld   verdict = "held"   // there is no rule for the value
	isAbsent verdict = "absent" // the source is not known
)

type exprRule struct {
	from, to string
	program  *vm.Program
}

// An exprMapper holds a compiled program for each rule and the machine that runs
// them all, so that a run allocates no stack. It is for one goroutine.
type exprMapper struct {
	rules   []exprRule
	machine vm.VM
	fresh   bool // a new machine for each program, as expr.Run makes it
}

func newExprMapper(tb testing.TB) *exprMapper {
	tb.Helper()
	say := func(v verdict) func(...any) (any, error) {
		var result any = v
		return func(...any) (any, error) { return result, nil }
	}
	opts := []expr.Option{
		expr.Env(map[string]any{}),
		expr.AllowUndefinedVariables(),
		expr.DisableBuiltin("type"), // a field of tickets
		expr.Function("held", say(isHeld)),
		expr.Function("absent", say(isAbsent)),
		expr.Function("minutes", func(args ...any) (any, error) {
			if n, ok := minutes(args[0]); ok {
				return n, nil
			}
			return isHeld, nil
		}),
	}
	m := &exprMapper{}
	for _, s := range exprSource {
		program, err := expr.Compile(s[2], opts...)
		if err != nil {
			tb.Fatalf("%s: %v", s[1], err)
		}
		m.rules = append(m.rules, exprRule{from: s[0], to: s[1], program: program})
	}
	return m
}

// to maps like byHand.
func (m *exprMapper) to(in psa.Fields) (out psa.Fields, held []string, err error) {
	out = make(psa.Fields, rules)
	var env any = map[string]any(in)
	for i := range m.rules {
		r := &m.rules[i]
		if _, ok := in[r.from]; !ok {
			continue
		}
		var v any
		if m.fresh {
			v, err = expr.Run(r.program, env)
		} else {
			v, err = m.machine.Run(r.program, env)
		}
		if err != nil {
			return nil, nil, err
		}
		switch v {
		case isHeld:
			held = append(held, r.to)
		case isAbsent:
		default:
			out[r.to] = v
		}
	}
	return out, held, nil
}
