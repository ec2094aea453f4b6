package autotasktest

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/psasync/psasync/internal/simulator"
)

// queryModel is the body of a query (QueryModel of the REST schema).
type queryModel struct {
	size    int      // maxRecords
	include []string // includeFields; nil: all
	filter  []*filter
}

// filter is one condition, or a group of them.
type filter struct {
	op    string // lower case
	field string
	value any
	udf   bool
	items []*filter
}

// The limits of a query.
const (
	maxRecords    = 500
	maxConditions = 500
)

const tooManyOr = "Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions."

// needs says what an operator needs: a value, a list, items, or nothing.
func needs(op string) (what string, known bool) {
	switch op {
	case "eq", "noteq", "gt", "gte", "lt", "lte", "beginswith", "endswith", "contains":
		return "value", true
	case "in", "notin":
		return "list", true
	case "and", "or":
		return "items", true
	case "exist", "notexist":
		return "", true
	}
	return "", false
}

// member returns a key of an object in any case.
func member(m map[string]any, key string) (any, bool) {
	if v, ok := m[key]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return nil, false
}

// parseQuery reads a query in JSON.
func parseQuery(raw []byte) (*queryModel, *apiError) {
	if !utf8.Valid(raw) {
		return nil, failf("The request body is not valid UTF-8.")
	}
	v, err := simulator.Decode(raw)
	m, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, failf("The query is missing or is not a JSON object.")
	}
	q := &queryModel{size: maxRecords}
	if n, ok := member(m, "maxRecords"); ok && n != nil {
		size, ok := n.(int)
		if !ok || size < 1 || size > maxRecords {
			return nil, failf("maxCountOfRecordsToReturn must be between 1 and 500")
		}
		q.size = size
	}
	if x, ok := member(m, "includeFields"); ok && x != nil {
		list, ok := x.([]any)
		for _, n := range list {
			name, isText := n.(string)
			ok = ok && isText
			q.include = append(q.include, name)
		}
		if !ok {
			return nil, failf("IncludeFields must be an array of strings.")
		}
	}
	x, _ := member(m, "filter")
	list, ok := x.([]any)
	if !ok || len(list) == 0 {
		return nil, failf("Invalid query syntax. A filter is required.")
	}
	var aerr *apiError
	if q.filter, aerr = parseFilters(list, 0); aerr != nil {
		return nil, aerr
	}
	if alternatives(q.filter) > maxConditions {
		return nil, failf(tooManyOr)
	}
	if udfConditions(q.filter) > 1 {
		return nil, failf("Invalid query syntax. Only one user-defined field can be queried at a time.")
	}
	return q, nil
}

func parseFilters(list []any, depth int) ([]*filter, *apiError) {
	if depth > 20 {
		return nil, failf("Invalid query syntax. Groups are nested too deeply.")
	}
	out := make([]*filter, len(list))
	for i, x := range list {
		m, ok := x.(map[string]any)
		if !ok {
			return nil, failf("Invalid query syntax. A filter must be an object.")
		}
		f, err := parseFilter(m, depth)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}

func parseFilter(m map[string]any, depth int) (*filter, *apiError) {
	op, _ := member(m, "op")
	f := &filter{op: strings.ToLower(text(op))}
	want, known := needs(f.op)
	if !known {
		return nil, failf("Invalid query syntax. The operator '%v' is not supported.", op)
	}
	if want == "items" {
		x, _ := member(m, "items")
		items, ok := x.([]any)
		if !ok || len(items) == 0 {
			return nil, failf("Invalid query syntax. The operator '%s' needs items.", f.op)
		}
		var err *apiError
		f.items, err = parseFilters(items, depth+1)
		return f, err
	}
	name, _ := member(m, "field")
	if f.field = text(name); f.field == "" {
		return nil, failf("Invalid query syntax. The operator '%s' needs a field.", f.op)
	}
	if x, ok := member(m, "udf"); ok && x != nil {
		if f.udf, ok = x.(bool); !ok {
			return nil, failf("Invalid query syntax. udf must be true or false.")
		}
	}
	f.value, _ = member(m, "value")
	list, isList := f.value.([]any)
	switch _, isObject := f.value.(map[string]any); {
	case want == "value" && (f.value == nil || isList || isObject):
		return nil, failf("Invalid query syntax. The operator '%s' needs a value.", f.op)
	case want == "list" && (!isList || len(list) == 0):
		return nil, failf("Invalid query syntax. The operator '%s' needs an array of values.", f.op)
	case want == "":
		f.value = nil
	}
	return f, nil
}

// alternatives counts OR conditions: members of or-groups and of in-lists.
func alternatives(list []*filter) int {
	n := 0
	for _, f := range list {
		switch f.op {
		case "or":
			n += len(f.items)
		case "in", "notin":
			values, _ := f.value.([]any)
			n += len(values)
		}
		n += alternatives(f.items)
	}
	return n
}

func udfConditions(list []*filter) int {
	n := 0
	for _, f := range list {
		if f.udf {
			n++
		}
		n += udfConditions(f.items)
	}
	return n
}

// idFloor returns an id that every matching row is above, -1 if none: paging by
// "id gt n" need not look at the rows before.
func idFloor(list []*filter) int {
	floor := -1
	for _, f := range list {
		n, ok := f.value.(int)
		if !ok || f.udf || !strings.EqualFold(f.field, "id") {
			continue
		}
		switch f.op {
		case "gt":
			floor = max(floor, n)
		case "gte", "eq":
			floor = max(floor, n-1)
		}
	}
	return floor
}

// sameName reports whether names has name in any case.
func sameName(names []string, name string) bool {
	return slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, name) })
}
