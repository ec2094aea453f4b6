package autotasktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/simulator"
	"pgregory.net/rapid"
)

// Every operator on every type of field. Ticket 70211 + i is as the generator
// made it: see ticketMaker.
func TestOperators(t *testing.T) {
	tenant := Small()
	tenant.Update("Tickets", firstTicket+3, Row{"queueID": nil, "lastTrackedModificationDateTime": "2026-01-01T00:00:00.5Z"})
	tenant.Update("Tickets", firstTicket+4, Row{"title": "Odd TITLE", "estimatedHours": 2.25, "isVisibleToComanaged": true})
	c := serve(t, tenant, Options{})
	every := ids(c.query("Tickets").rows(t))
	but := func(skip ...int) []int {
		return slices.DeleteFunc(slices.Clone(every), func(n int) bool { return slices.Contains(skip, n-firstTicket) })
	}
	only := func(keep ...int) []int {
		out := []int{}
		for _, k := range keep {
			out = append(out, firstTicket+k)
		}
		return out
	}
	for _, tc := range []struct {
		filter Row
		want   []int
	}{
		{cond("eq", "id", firstTicket+2), only(2)},
		{cond("EQ", "ID", firstTicket+2), only(2)},
		{cond("noteq", "id", firstTicket+2), but(2)},
		{cond("gt", "id", firstTicket+9), only(10, 11)},
		{cond("gte", "id", firstTicket+9), only(9, 10, 11)},
		{cond("lt", "id", firstTicket+2), only(0, 1)},
		{cond("lte", "id", firstTicket+2), only(0, 1, 2)},
		{cond("eq", "title", "odd title"), only(4)},
		{cond("beginsWith", "title", "odd"), only(4)},
		{cond("endsWith", "title", "title"), only(4)},
		{cond("contains", "Title", "D T"), only(4)},
		{cond("gt", "title", "zzz"), only()},
		{cond("eq", "estimatedHours", 2.25), only(4)},
		{cond("gt", "estimatedHours", 2), only(4)},
		{cond("eq", "isVisibleToComanaged", true), only(4)},
		{cond("noteq", "isVisibleToComanaged", true), but(4)},
		{cond("notExist", "queueID"), only(3)},
		{cond("exist", "queueID"), but(3)},
		{cond("noteq", "queueID", 1), but(3)}, // null is not unequal
		{cond("in", "id", []int{firstTicket, firstTicket + 5, 1}), only(0, 5)},
		{cond("notIn", "id", []int{firstTicket, firstTicket + 5}), but(0, 5)},
		{cond("in", "title", []string{"ODD TITLE", "x"}), only(4)},
		{cond("eq", "lastTrackedModificationDateTime", "2026-01-01T00:00:00.500Z"), only(3)},
		{cond("eq", "lastTrackedModificationDateTime", "2026-01-01T00:00:00.5"), only(3)}, // no zone is UTC
		{cond("eq", "lastTrackedModificationDateTime", "2026-01-01T01:00:00.5+01:00"), only(3)},
		{cond("eq", "id", strconv.Itoa(firstTicket)), only()}, // text never equals a number
		{cond("eq", "status", "5"), only()},
		{cond("in", "id", []string{strconv.Itoa(firstTicket)}), only()},
		{Row{"op": "and", "items": []any{cond("gt", "id", firstTicket+2), cond("lt", "id", firstTicket+5)}}, only(3, 4)},
		{Row{"op": "or", "items": []any{cond("eq", "id", firstTicket), cond("notExist", "queueID")}}, only(0, 3)},
		{Row{"op": "or", "items": []any{Row{"op": "and", "items": []any{cond("gt", "id", firstTicket+9), cond("lt", "id", firstTicket+11)}}, cond("eq", "id", firstTicket)}}, only(0, 10)},
		{Row{"op": "eq", "field": "asset tag", "value": "BC-0004", "udf": true}, only(4)},
		{Row{"op": "notExist", "field": "Asset Tag", "udf": true}, only(2, 5, 8, 11)},
		{Row{"Op": "eq", "Field": "id", "Value": firstTicket, "Udf": false}, only(0)},
	} {
		if got := ids(c.query("Tickets", tc.filter).rows(t)); !slices.Equal(got, tc.want) {
			t.Errorf("%v: %v, want %v", tc.filter, got, tc.want)
		}
	}
	// An integer that takes true, as the vendor's own sample shows.
	if got := len(c.query("Contacts", cond("eq", "isActive", true)).rows(t)); got != 10 {
		t.Errorf("%d active contacts", got)
	}
	// Conditions side by side must all hold.
	if got := ids(c.query("Tickets", cond("gt", "id", firstTicket+1), cond("lt", "id", firstTicket+3)).rows(t)); !slices.Equal(got, only(2)) {
		t.Errorf("AND of the top level: %v", got)
	}
	// Company 0 is the MSP itself: gt 0 misses it.
	if a, b := len(c.query("Companies", cond("gt", "id", 0)).rows(t)), len(c.query("Companies", cond("gte", "id", 0)).rows(t)); b != a+1 {
		t.Errorf("%d and %d companies", a, b)
	}
}

// Bad queries are HTTP 500 with errors.
func TestQueryErrors(t *testing.T) {
	c := serve(t, Small(), Options{})
	many := make([]int, 501)
	ors := make([]any, 501)
	for i := range many {
		many[i], ors[i] = i, cond("eq", "id", i)
	}
	udf := Row{"op": "eq", "field": "Asset Tag", "value": "x", "udf": true}
	for _, tc := range []struct {
		body any
		part string
	}{
		{"", "JSON object"}, {"[]", "JSON object"}, {`{"filter":`, "JSON object"}, {"\xff", "UTF-8"},
		{Row{}, "filter is required"}, {Row{"filter": []any{}}, "filter is required"}, {Row{"filter": []any{1}}, "must be an object"},
		{Row{"filter": all(nil), "maxRecords": 0}, "maxCountOfRecordsToReturn must be between 1 and 500"},
		{Row{"filter": all(nil), "MAXRECORDS": 501}, "maxCountOfRecordsToReturn must be between 1 and 500"},
		{Row{"filter": all(nil), "maxRecords": "5"}, "maxCountOfRecordsToReturn"},
		{Row{"filter": all(nil), "includeFields": "id"}, "array of strings"}, {Row{"filter": all(nil), "includeFields": []any{1}}, "array of strings"},
		{Row{"filter": all(nil), "includeFields": []string{"nope"}}, "Unable to find nope in the Ticket Entity."},
		{Row{"filter": []any{cond("like", "id", 1)}}, "operator 'like' is not supported"},
		{Row{"filter": []any{cond("eq", "", 1)}}, "needs a field"}, {Row{"filter": []any{cond("eq", "id")}}, "needs a value"}, {Row{"filter": []any{cond("eq", "id", []int{1})}}, "needs a value"},
		{Row{"filter": []any{cond("in", "id", 1)}}, "needs an array"}, {Row{"filter": []any{cond("in", "id", []int{})}}, "needs an array"},
		{Row{"filter": []any{Row{"op": "or"}}}, "needs items"},
		{Row{"filter": []any{cond("eq", "nope", 1)}}, "Unable to find nope in the Ticket Entity."},
		{Row{"filter": []any{cond("eq", "creatorType", 1)}}, "not queryable"}, {Row{"filter": []any{cond("exist", "lastActivityPersonType")}}, "not queryable"},
		{Row{"filter": []any{cond("eq", "isVisibleToComanaged", "true")}}, "true or false"}, {Row{"filter": []any{cond("eq", "isVisibleToComanaged", 1)}}, "true or false"},
		{Row{"filter": []any{cond("eq", "status", "New")}}, "Conversion failed when converting"}, {Row{"filter": []any{cond("eq", "status", true)}}, "number is expected"},
		{Row{"filter": []any{cond("gt", "createDate", "yesterday")}}, "Conversion failed"}, {Row{"filter": []any{cond("contains", "id", "1")}}, "not valid for the field id"},
		{Row{"filter": []any{cond("in", "id", many)}}, "500 or fewer 'OR' conditions"}, {Row{"filter": []any{Row{"op": "or", "items": ors}}}, "500 or fewer 'OR' conditions"},
		{Row{"filter": []any{udf, udf}}, "Only one user-defined field"}, {Row{"filter": []any{Row{"op": "eq", "field": "Nope", "value": "x", "udf": true}}}, "Unable to find user-defined field"},
		{Row{"filter": []any{Row{"op": "eq", "field": "id", "value": 1, "udf": "true"}}}, "udf must be"},
	} {
		a := c.do("POST", "/Tickets/query", tc.body)
		a.fails(t, 500, tc.part)
		if errs, _ := at(decode(t, a.raw), "errors").([]any); len(errs) != 1 {
			t.Errorf("%v: %s", tc.body, a.raw)
		}
	}
	if a := c.do("POST", "/Tickets/query", Row{"filter": []any{cond("in", "id", many[:500])}}); a.status != 200 {
		t.Errorf("500 ids: %s", a.raw)
	}
	c.query("Contacts", cond("eq", "solicitationOptOut", true)).fails(t, 500, "not queryable")
}

func decode(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

// tree is a random filter with the set of rows it must keep.
type tree struct {
	filter Row
	keep   func(row map[string]any) bool
}

// trees draws conditions on integers and texts, in groups up to three deep.
func trees(depth int) *rapid.Generator[tree] {
	leaf := rapid.Custom(func(t *rapid.T) tree {
		field := rapid.SampledFrom([]string{"id", "status", "queueID", "estimatedHours", "externalID"}).Draw(t, "field")
		op := rapid.SampledFrom([]string{"eq", "noteq", "gt", "gte", "lt", "lte", "exist", "notExist", "in", "notIn"}).Draw(t, "op")
		number := func() int {
			return rapid.SampledFrom([]int{firstTicket + rapid.IntRange(-1, 12).Draw(t, "row"), rapid.IntRange(0, 14).Draw(t, "small"), firstQueue + rapid.IntRange(0, 4).Draw(t, "queue")}).Draw(t, "n")
		}
		var value any
		var list []any
		one := func() any {
			if field == "externalID" {
				return rapid.SampledFrom([]string{"RMM-0", "RMM-4", "RMM-5", ""}).Draw(t, "text")
			}
			return number()
		}
		switch op {
		case "exist":
			return tree{cond(op, field), func(r map[string]any) bool { return r[field] != nil }}
		case "notExist":
			return tree{cond(op, field), func(r map[string]any) bool { return r[field] == nil }}
		case "in", "notIn":
			for range rapid.IntRange(1, 4).Draw(t, "len") {
				list = append(list, one())
			}
			return tree{cond(op, field, list), func(r map[string]any) bool {
				if r[field] == nil {
					return false
				}
				found := slices.ContainsFunc(list, func(v any) bool { return order(r[field], v) == 0 })
				return found == (op == "in")
			}}
		}
		value = one()
		return tree{cond(op, field, value), func(r map[string]any) bool {
			if r[field] == nil {
				return false
			}
			switch d := order(r[field], value); op {
			case "eq":
				return d == 0
			case "noteq":
				return d != 0
			case "gt":
				return d > 0
			case "gte":
				return d >= 0
			case "lt":
				return d < 0
			default:
				return d <= 0
			}
		}}
	})
	if depth == 0 {
		return leaf
	}
	group := rapid.Custom(func(t *rapid.T) tree {
		op := rapid.SampledFrom([]string{"and", "or"}).Draw(t, "group")
		parts := rapid.SliceOfN(trees(depth-1), 1, 3).Draw(t, "items")
		items := []any{}
		for _, p := range parts {
			items = append(items, p.filter)
		}
		return tree{Row{"op": op, "items": items}, func(r map[string]any) bool {
			for _, p := range parts {
				if p.keep(r) == (op == "or") {
					return op == "or"
				}
			}
			return op == "and"
		}}
	})
	return rapid.OneOf(leaf, group)
}

// order compares two values as the test understands them.
func order(a, b any) int {
	if s, ok := a.(string); ok {
		return strings.Compare(strings.ToLower(s), strings.ToLower(b.(string)))
	}
	x, y := float(a), float(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// Any filter tree keeps the rows that a plain evaluation keeps, and the count
// is that of the rows.
func TestFilterTrees(t *testing.T) {
	tenant := Small()
	tenant.Update("Tickets", firstTicket+3, Row{"queueID": nil, "externalID": nil})
	c := serve(t, tenant, Options{Limit: Limit{Requests: -1}})
	every := c.query("Tickets").rows(t)
	rapid.Check(t, func(rt *rapid.T) {
		f := trees(3).Draw(rt, "filter")
		want := []int{}
		for _, r := range every {
			if f.keep(r) {
				want = append(want, r["id"].(int))
			}
		}
		a := c.query("Tickets", f.filter)
		if a.status != 200 {
			rt.Fatalf("%s: %s", fmt.Sprint(f.filter), a.raw)
		}
		if got := ids(a.rows(t)); !slices.Equal(got, want) {
			rt.Fatalf("%v: %v, want %v", f.filter, got, want)
		}
		n := c.do("POST", "/Tickets/query/count", Row{"filter": []any{f.filter}}).object(t)["queryCount"]
		if n != len(want) {
			rt.Fatalf("%v: count %v, want %d", f.filter, n, len(want))
		}
	})
}

// No body crashes the parser, and what it takes is within the limits.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{
		`{"MaxRecords":500,"IncludeFields":[],"filter":[{"op":"gt","field":"lastActivityDate","value":"2026-03-01T00:00:00Z"},{"op":"or","items":[{"op":"in","field":"queueID","value":[8,29682833]},{"op":"notExist","field":"queueID"}]}]}`,
		`{"filter":[{"op":"eq","field":"Asset Tag","udf":true,"value":"x"}]}`, `{"filter":[{"op":"and","items":[{"op":"and","items":[]}]}]}`, `null`, `{"filter":{}}`, `{"maxRecords":1e9,"filter":[{}]}`,
	} {
		f.Add(s)
	}
	c := &call{s: NewServer(Small(), &Options{InProcess: true})}
	c.t = c.s.Tenant()
	e := c.t.schema.byName["Ticket"]
	f.Fuzz(func(t *testing.T, s string) {
		q, err := parseQuery([]byte(s))
		if err != nil {
			if len(err.errors) != 1 || err.status != 500 {
				t.Fatalf("%q: %+v", s, err)
			}
			return
		}
		if q.size < 1 || q.size > maxRecords || len(q.filter) == 0 || alternatives(q.filter) > maxConditions || udfConditions(q.filter) > 1 {
			t.Fatalf("%q was taken as %+v", s, q)
		}
		c.t.store.View(func(tx *simulator.Tx) {
			keep, err := c.bindAll(tx, e, q.filter)
			if err != nil {
				return
			}
			for r := range tx.Table("Tickets").All(-1) {
				keep(r)
			}
		})
	})
}
