package connectwisetest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// selection is what a query keeps of a list; nil keeps all rows.
type selection struct {
	tests []func(simulator.Row) bool
	floor int // rows with ids up to here cannot match
}

func (s *selection) match(r simulator.Row) bool {
	if s == nil {
		return true
	}
	for _, t := range s.tests {
		if !t(r) {
			return false
		}
	}
	return true
}

func (s *selection) above() int {
	if s == nil {
		return 0
	}
	return s.floor
}

// filter compiles the three condition parameters.
func (c *call) filter(tx *simulator.Tx, e *endpoint, q query) (*selection, *apiError) {
	out := &selection{}
	for _, part := range []struct {
		text  string
		names func(arrays *[]string) scope
	}{
		{q.conditions, func(*[]string) scope { return c.names(tx, e) }},
		{q.childConditions, func(arrays *[]string) scope { return c.childNames(tx, e, arrays) }},
		{q.customFieldConditions, func(arrays *[]string) scope { return c.customNames(e, arrays) }},
	} {
		if strings.TrimSpace(part.text) == "" {
			continue
		}
		x, err := parseConditions(part.text, c.now())
		if err != nil {
			return nil, badCondition("%s", err)
		}
		var arrays []string
		p, aerr := bind(x, part.names(&arrays), !c.s.opts.CaseSensitive)
		if aerr != nil {
			return nil, aerr
		}
		out.tests = append(out.tests, func(r simulator.Row) bool {
			return c.someElement(tx, e, r, arrays, map[string]map[string]any{}, p)
		})
		out.floor = max(out.floor, idFloor(x))
	}
	if len(out.tests) == 0 {
		return nil, nil
	}
	return out, nil
}

// someElement reports whether the condition holds for some choice of one
// element of each array it names; all names of one array mean one element.
func (c *call) someElement(tx *simulator.Tx, e *endpoint, r simulator.Row, arrays []string, chosen map[string]map[string]any, p predicate) bool {
	if len(arrays) == 0 {
		return p(&env{row: r, elems: chosen}) == yes
	}
	list, _ := c.t.view(tx, e, r, arrays[0]).([]any)
	for _, el := range list {
		m, _ := el.(map[string]any)
		chosen[arrays[0]] = m
		if c.someElement(tx, e, r, arrays[1:], chosen, p) {
			return true
		}
	}
	return false
}

// idFloor returns an id that every matching row is above: a condition such as
// "id > 70000 and ..." need not look at the rows before.
func idFloor(x expr) int {
	switch x := x.(type) {
	case *binary:
		if l, r := idFloor(x.l), idFloor(x.r); !x.or {
			return max(l, r)
		} else {
			return min(l, r)
		}
	case *compare:
		if x.path != "id" || x.neg || x.values[0].kind != numberValue {
			return 0
		}
		switch n := int(x.values[0].num); x.op {
		case ">":
			return max(n, 0)
		case ">=", "=":
			return max(n-1, 0)
		}
	}
	return 0
}

// names resolves the names of conditions and orderBy.
func (c *call) names(tx *simulator.Tx, e *endpoint) scope {
	ent := c.t.api.schema[e.entity]
	return func(path string) (name, *apiError) {
		head, sub, nested := strings.Cut(path, "/")
		if slices.Contains(c.refused(c.s.opts.RefuseNames), path) || e.table == "allNotes" && path == "noteType" {
			return name{}, unknownName(path)
		}
		f := ent.byName[head]
		if head == "lastUpdated" && f == nil && !nested && !bareInfo(e.table) {
			// Filterable everywhere although it is only in _info (ConnectWise
			// developer guide, Conditions), except where _info is empty.
			return name{typ: "datetime", get: func(v *env) any {
				info, _ := v.row.Field("_info").(map[string]any)
				return info["lastUpdated"]
			}}, nil
		}
		if f == nil || f.array || f.typ == "map" || writeOnly(e.table, head) {
			return name{}, unknownName(path)
		}
		if !nested {
			n := name{typ: f.typ, enum: f.enum, get: func(v *env) any { return c.t.view(tx, e, v.row, head) }}
			return n, nil
		}
		in := c.t.api.schema[f.typ]
		if in == nil || in.byName[sub] == nil || sub == "_info" {
			return name{}, unknownName(path)
		}
		return name{typ: in.byName[sub].typ, get: func(v *env) any {
			m, _ := c.t.view(tx, e, v.row, head).(map[string]any)
			return c.inRef(tx, f.typ, m, sub)
		}}, nil
	}
}

// inRef returns a key of the row that a reference points to.
func (c *call) inRef(tx *simulator.Tx, typ string, m map[string]any, key string) any {
	if m == nil || key == "id" {
		return m["id"]
	}
	to, ok := targetOf(typ)
	if !ok {
		return m[key]
	}
	row, ok := tx.Table(to.table).Get(refID(m))
	if !ok {
		return m[key]
	}
	return refField(to.table, row, key)
}

// childNames resolves the names of childConditions: array/key or
// array/reference/key.
func (c *call) childNames(tx *simulator.Tx, e *endpoint, arrays *[]string) scope {
	ent := c.t.api.schema[e.entity]
	return func(path string) (name, *apiError) {
		head, rest, nested := strings.Cut(path, "/")
		f := ent.byName[head]
		if f == nil || !f.array || !nested || c.t.api.schema[f.typ] == nil {
			return name{}, unknownName(path)
		}
		key, sub, deeper := strings.Cut(rest, "/")
		in := c.t.api.schema[f.typ].byName[key]
		if in == nil || in.typ == "map" || in.array {
			return name{}, unknownName(path)
		}
		if !slices.Contains(*arrays, head) {
			*arrays = append(*arrays, head)
		}
		if !deeper {
			return name{typ: in.typ, enum: in.enum, get: func(v *env) any {
				if isRef(f.typ) {
					return c.inRef(tx, f.typ, v.elems[head], key)
				}
				return v.elems[head][key]
			}}, nil
		}
		ref := c.t.api.schema[in.typ]
		if ref == nil || ref.byName[sub] == nil || sub == "_info" {
			return name{}, unknownName(path)
		}
		return name{typ: ref.byName[sub].typ, get: func(v *env) any {
			m, _ := v.elems[head][key].(map[string]any)
			return c.inRef(tx, in.typ, m, sub)
		}}, nil
	}
}

// customNames resolves the names of customFieldConditions: the keys of one
// element of customFields.
func (c *call) customNames(e *endpoint, arrays *[]string) scope {
	has := c.t.api.schema[e.entity].byName["customFields"] != nil
	return func(path string) (name, *apiError) {
		f := c.t.api.schema["CustomFieldValue"].byName[path]
		if !has || f == nil {
			return name{}, unknownName(path)
		}
		*arrays = []string{"customFields"}
		return name{typ: f.typ, enum: f.enum, get: func(v *env) any { return v.elems["customFields"][path] }}, nil
	}
}

// refused returns the names that an option refuses for the call's path.
func (c *call) refused(by map[string][]string) []string {
	path := strings.TrimSuffix(apiPath(c.r), "/count")
	var out []string
	for pattern, names := range by {
		if simulator.MatchPath(pattern, path) {
			out = append(out, names...)
		}
	}
	return out
}

// writeOnly reports whether a key of the schema is taken but never returned.
func writeOnly(table, key string) bool {
	switch key {
	case "initialDescription", "initialInternalAnalysis", "initialResolution", "initialDescriptionFrom",
		"contactEmailLookup", "processNotifications", "skipCallback":
		return table == "tickets" || table == "notes"
	case "typeIds", "ignoreDuplicates":
		return table == "contacts"
	}
	return false
}

// projection parses the fields parameter: names separated by commas, nested
// with "/". Unknown names are refused.
func (c *call) projection(e *endpoint, text string) (projection, *apiError) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	out := projection{}
	refused := c.refused(c.s.opts.RefuseFields)
	for path := range strings.SplitSeq(text, ",") {
		path = strings.TrimSpace(path)
		if slices.Contains(refused, path) || !c.known(e.entity, path) {
			return nil, unknownName(path)
		}
		at := out
		for seg := range strings.SplitSeq(path, "/") {
			if at[seg] == nil {
				at[seg] = projection{}
			}
			at = at[seg]
		}
	}
	return out, nil
}

// known reports whether a path leads to a key of an entity.
func (c *call) known(ent, path string) bool {
	head, sub, nested := strings.Cut(path, "/")
	f := c.t.api.schema[ent].byName[head]
	switch {
	case f == nil:
		return false
	case !nested || f.typ == "map":
		return true
	}
	return c.t.api.schema[f.typ] != nil && c.known(f.typ, sub)
}

// search answers POST /service/tickets/search: the filters of a list in the
// body, paging and fields in the URL.
func (c *call) search() *apiError {
	body, err := c.object()
	if err != nil {
		return err
	}
	q := fromURL(c.r.URL.Query())
	for k, into := range map[string]*string{
		"conditions": &q.conditions, "orderBy": &q.orderBy,
		// All lower case in the schema's FilterValues.
		"childconditions": &q.childConditions, "customfieldconditions": &q.customFieldConditions,
	} {
		v, ok := body[k]
		if !ok || v == nil {
			continue
		}
		s, ok := v.(string)
		if !ok {
			return failf(http.StatusBadRequest, "InvalidObject", "%s must be a string.", k)
		}
		*into = s
	}
	return c.list(c.route.ep, q)
}
