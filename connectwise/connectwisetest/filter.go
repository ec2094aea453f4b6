package connectwisetest

import (
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// truth is SQL's: a comparison with an absent value is neither true nor false,
// and only true rows are returned.
type truth int8

const (
	unknown truth = iota
	no
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// env is what a condition is asked about: a row, and for childConditions and
// customFieldConditions one element of each array that the condition names.
type env struct {
	row   simulator.Row
	elems map[string]map[string]any
}

type predicate func(*env) truth

// name is a recognised name of a condition.
type name struct {
	typ  string
	enum []string
	get  func(*env) any
}

// scope resolves the names of a condition.
type scope func(path string) (name, *apiError)

// bind checks a condition against the names of a list and makes it callable.
func bind(e expr, names scope, fold bool) (predicate, *apiError) {
	switch e := e.(type) {
	case *binary:
		l, err := bind(e.l, names, fold)
		if err != nil {
			return nil, err
		}
		r, err := bind(e.r, names, fold)
		if err != nil {
			return nil, err
		}
		if e.or {
			return func(v *env) truth { return either(l(v), func() truth { return r(v) }) }, nil
		}
		return func(v *env) truth { return both(l(v), func() truth { return r(v) }) }, nil
	case *negation:
		x, err := bind(e.x, names, fold)
		if err != nil {
			return nil, err
		}
		return func(v *env) truth { return not(x(v)) }, nil
	case *compare:
		return bindCompare(e, names, fold)
	}
	return nil, badCondition("The condition is empty.")
}

func both(l truth, r func() truth) truth {
	if l == no {
		return no
	}
	switch x := r(); {
	case x == no || l == yes:
		return x
	default:
		return unknown
	}
}

func either(l truth, r func() truth) truth {
	if l == yes {
		return yes
	}
	switch x := r(); {
	case x == yes || l == no:
		return x
	default:
		return unknown
	}
}

func not(t truth) truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

func bindCompare(c *compare, names scope, fold bool) (predicate, *apiError) {
	n, err := names(c.path)
	if err != nil {
		return nil, err
	}
	for _, v := range c.values {
		if err := checkLiteral(c, n, v); err != nil {
			return nil, err
		}
	}
	var tests []predicate
	for _, v := range c.values {
		tests = append(tests, testOf(c.op, n, v, fold))
	}
	p := tests[0]
	if c.op == "in" {
		p = func(e *env) truth {
			out := no
			for _, t := range tests {
				out = either(out, func() truth { return t(e) })
			}
			return out
		}
	}
	if c.neg {
		q := p
		p = func(e *env) truth { return not(q(e)) }
	}
	return p, nil
}

// checkLiteral refuses a literal of the wrong type in the vendor's words.
func checkLiteral(c *compare, n name, v value) *apiError {
	if v.kind == nullValue {
		if c.op == "=" || c.op == "!=" {
			return nil
		}
		return badCondition("Null can only be compared with = and !=.")
	}
	want := stringValue
	switch n.typ {
	case "int", "number":
		want = numberValue
	case "bool":
		want = boolValue
	case "datetime":
		want = timeValue
	case "string":
		if v.kind == timeValue { // closedDate and others are dates that the schema calls strings
			return nil
		}
	case "any":
		return nil
	default: // a reference: only its keys can be compared
		return unknownName(c.path)
	}
	if v.kind != want {
		return badCondition("Expected a %s value, not a %s. Check the value compared with %s.", want, v.kind, c.path)
	}
	switch c.op {
	case "like", "contains":
		if want != stringValue {
			return badCondition("%s needs a string; %s is not one.", c.op, c.path)
		}
	case "<", "<=", ">", ">=":
		if want == boolValue {
			return badCondition("%s cannot be used with a boolean.", c.op)
		}
	case "=", "!=", "in":
		if len(n.enum) > 0 && !slices.ContainsFunc(n.enum, func(s string) bool { return strings.EqualFold(s, v.text) }) {
			return badCondition("Enum value supplied was invalid")
		}
	}
	return nil
}

// testOf compares one name with one literal.
func testOf(op string, n name, v value, fold bool) predicate {
	if v.kind == nullValue {
		return func(e *env) truth { return truthOf((n.get(e) == nil) == (op == "=")) }
	}
	ordered := func(cmp func(have any) (int, bool)) predicate {
		return func(e *env) truth {
			have := n.get(e)
			if have == nil {
				return unknown
			}
			d, ok := cmp(have)
			if !ok {
				return unknown
			}
			switch op {
			case "!=":
				return truthOf(d != 0)
			case "<":
				return truthOf(d < 0)
			case "<=":
				return truthOf(d <= 0)
			case ">":
				return truthOf(d > 0)
			case ">=":
				return truthOf(d >= 0)
			}
			return truthOf(d == 0)
		}
	}
	switch v.kind {
	case numberValue:
		return ordered(func(have any) (int, bool) {
			f, ok := number(have)
			return sign(f - v.num), ok
		})
	case boolValue:
		return ordered(func(have any) (int, bool) {
			b, ok := have.(bool)
			return boolDiff(b, v.b), ok
		})
	case timeValue:
		return ordered(func(have any) (int, bool) {
			s, ok := have.(string)
			if !ok {
				return 0, false
			}
			t, ok := parseTime(s, time.Time{})
			return t.Compare(v.t), ok
		})
	}
	return testString(op, n, v.text, fold, ordered)
}

func testString(op string, n name, want string, fold bool, ordered func(func(any) (int, bool)) predicate) predicate {
	if fold {
		want = strings.ToLower(want)
	}
	text := func(have any) (string, bool) {
		s, ok := have.(string)
		if ok && fold {
			s = strings.ToLower(s)
		}
		return s, ok
	}
	var match func(string) bool
	switch op {
	case "contains":
		pat := compilePattern(want, false)
		pat = append(append(pattern{{any: true}}, pat...), part{any: true})
		match = pat.match
	case "like":
		match = compilePattern(want, true).match
	case "=", "!=", "in":
		match = compilePattern(want, false).match
	default:
		return ordered(func(have any) (int, bool) {
			s, ok := text(have)
			return strings.Compare(s, want), ok
		})
	}
	return func(e *env) truth {
		s, ok := text(n.get(e))
		if !ok {
			return unknown
		}
		return truthOf(match(s) == (op != "!="))
	}
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func sign(f float64) int {
	switch {
	case f < 0:
		return -1
	case f > 0:
		return 1
	}
	return 0
}

func boolDiff(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
