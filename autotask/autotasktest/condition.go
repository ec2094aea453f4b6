package autotasktest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// predicate tests a row. It must be called under the lock it was made under.
type predicate func(simulator.Row) bool

// bindAll compiles conditions that must all hold.
func (c *call) bindAll(tx *simulator.Tx, e *entity, list []*filter) (predicate, *apiError) {
	tests, err := c.bindEach(tx, e, list)
	if err != nil {
		return nil, err
	}
	if len(tests) == 1 {
		return tests[0], nil
	}
	return func(r simulator.Row) bool {
		for _, t := range tests {
			if !t(r) {
				return false
			}
		}
		return true
	}, nil
}

func (c *call) bindEach(tx *simulator.Tx, e *entity, list []*filter) ([]predicate, *apiError) {
	out := make([]predicate, len(list))
	for i, f := range list {
		var err *apiError
		if out[i], err = c.bind(tx, e, f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *call) bind(tx *simulator.Tx, e *entity, f *filter) (predicate, *apiError) {
	switch f.op {
	case "and":
		return c.bindAll(tx, e, f.items)
	case "or":
		tests, err := c.bindEach(tx, e, f.items)
		return func(r simulator.Row) bool {
			return slices.ContainsFunc(tests, func(t predicate) bool { return t(r) })
		}, err
	}
	get, fd, err := c.subject(tx, e, f)
	if err != nil {
		return nil, err
	}
	switch f.op {
	case "exist":
		return func(r simulator.Row) bool { return get(r) != nil }, nil
	case "notexist":
		return func(r simulator.Row) bool { return get(r) == nil }, nil
	case "in", "notin":
		return membership(get, fd, f)
	}
	test, err := comparison(fd, f.op, f.value)
	if err != nil {
		return nil, err
	}
	return func(r simulator.Row) bool {
		v := get(r)
		return v != nil && test(v) // null compares with nothing, not even as unequal
	}, nil
}

// subject finds what a condition is about.
func (c *call) subject(tx *simulator.Tx, e *entity, f *filter) (func(simulator.Row) any, *field, *apiError) {
	if f.udf {
		d, ok := c.t.definition(tx, e, f.field)
		if !ok {
			return nil, nil, failf("Unable to find user-defined field %s in the %s Entity.", f.field, e.name)
		}
		key := strconv.Itoa(d.ID)
		fd := &field{name: f.field, typ: "string"}
		switch d.Field("dataType") {
		case udfDate:
			fd.typ = "datetime"
		case udfNumber:
			fd.typ = "double"
		}
		return func(r simulator.Row) any {
			values, _ := r.Quick(udfKey).(map[string]any)
			return udfNative(fd, values[key])
		}, fd, nil
	}
	fd := e.field(f.field)
	if fd == nil {
		return nil, nil, failf("Unable to find %s in the %s Entity.", f.field, e.name)
	}
	if fd.noQuery {
		return nil, nil, failf("The field %s of the %s Entity is not queryable.", fd.name, e.name)
	}
	if fd.name == "id" {
		return func(r simulator.Row) any { return r.ID }, fd, nil
	}
	return func(r simulator.Row) any { return r.Field(fd.name) }, fd, nil
}

// udfNative reads the text of a user-defined field as its type.
func udfNative(fd *field, v any) any {
	s, ok := v.(string)
	if ok && fd.typ == "double" {
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return n
		}
		return nil
	}
	return v
}

func membership(get func(simulator.Row) any, fd *field, f *filter) (predicate, *apiError) {
	values, _ := f.value.([]any)
	tests := make([]func(any) bool, len(values))
	for i, v := range values {
		var err *apiError
		if tests[i], err = comparison(fd, "eq", v); err != nil {
			return nil, err
		}
	}
	ints := map[int]bool{}
	for _, v := range values {
		if n, ok := v.(int); ok && fd.number() {
			ints[n] = true
		}
	}
	return func(r simulator.Row) bool {
		v := get(r)
		if v == nil {
			return false
		}
		n, isInt := v.(int)
		found := isInt && ints[n] || (!isInt || len(ints) < len(tests)) && slices.ContainsFunc(tests, func(t func(any) bool) bool { return t(v) })
		return found == (f.op == "in")
	}, nil
}

// comparison compiles "field op value" for a value that is not null.
func comparison(fd *field, op string, value any) (func(any) bool, *apiError) {
	switch op {
	case "beginswith", "endswith", "contains":
		want, ok := value.(string)
		if fd.typ != "string" || !ok {
			return nil, failf("Invalid query syntax. The operator '%s' is not valid for the field %s.", op, fd.name)
		}
		return textTest(op, strings.ToLower(want)), nil
	}
	switch {
	case fd.typ == "boolean":
		want, ok := value.(bool)
		if !ok || op != "eq" && op != "noteq" {
			return nil, failf("Invalid value for the field %s: a boolean must be true or false.", fd.name)
		}
		return func(v any) bool { return (v == want) == (op == "eq") }, nil
	case fd.typ == "datetime":
		at, ok := parseTime(text(value))
		if !ok {
			return nil, failf("Conversion failed when converting date and/or time from character string: %v.", value)
		}
		return func(v any) bool { return holds(op, timeOf(v).Compare(at)) }, nil
	case fd.number():
		return numberTest(fd, op, value)
	}
	var want string
	switch v := value.(type) {
	case string:
		want = strings.ToLower(v)
	case int:
		want = strconv.Itoa(v)
	case float64:
		want = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return nil, failf("Invalid value for the field %s.", fd.name)
	}
	return func(v any) bool { return holds(op, strings.Compare(strings.ToLower(text(v)), want)) }, nil
}

func numberTest(fd *field, op string, value any) (func(any) bool, *apiError) {
	switch v := value.(type) {
	case bool:
		// Contacts.isActive is an integer that takes true all the same.
		if fd.name != "isActive" {
			return nil, failf("Invalid value for the field %s: a number is expected.", fd.name)
		}
		n := 0.0
		if v {
			n = 1
		}
		return func(x any) bool { return holds(op, cmp.Compare(float(x), n)) }, nil
	case string:
		if _, err := strconv.ParseFloat(v, 64); err != nil && fd.pick != "" {
			return nil, failf("Conversion failed when converting the varchar value '%s' to data type int.", v)
		}
		return func(any) bool { return false }, nil // a text never equals a number: no rows, no error
	}
	want, ok := value.(float64)
	if n, isInt := value.(int); isInt {
		want, ok = float64(n), true
	}
	if !ok {
		return nil, failf("Invalid value for the field %s.", fd.name)
	}
	return func(x any) bool { return holds(op, cmp.Compare(float(x), want)) }, nil
}

// textTest compares texts without case, as SQL Server does.
func textTest(op, want string) func(any) bool {
	return func(v any) bool {
		have := strings.ToLower(text(v))
		switch op {
		case "beginswith":
			return strings.HasPrefix(have, want)
		case "endswith":
			return strings.HasSuffix(have, want)
		}
		return strings.Contains(have, want)
	}
}

// holds reports whether an order fits an operator.
func holds(op string, order int) bool {
	switch op {
	case "eq":
		return order == 0
	case "noteq":
		return order != 0
	case "gt":
		return order > 0
	case "gte":
		return order >= 0
	case "lt":
		return order < 0
	}
	return order <= 0
}

func float(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

func timeOf(v any) time.Time {
	t, _ := parseTime(text(v))
	return t
}
