package halopsa

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// Parameters of lists (vendor's OpenAPI document v2). A name that the server
// does not know is ignored without a word, so each is tested.

// A filter is a name of Query.Scope.
type filter struct {
	param string
	many  bool // takes several ids, with commas between; otherwise one list is read for each
}

// A finder makes the parameters that Find needs for a value.
type finder struct {
	params func(value string) url.Values
	fold   bool // the value has no case
	inner  bool // rows of the list may lack the value: single ones hold it
}

// search looks for a part of a name.
func search(param string) func(string) url.Values {
	return func(value string) url.Values { return url.Values{param: {value}} }
}

// advanced is advanced_search for equality, which not every key is allowed in.
func advanced(key string) func(string) url.Values {
	return func(value string) url.Values {
		const equals = 2
		b, err := json.Marshal([]struct {
			Name  string `json:"filter_name"`
			Type  int    `json:"filter_type"`
			Value string `json:"filter_value"`
		}{{key, equals, value}})
		if err != nil {
			panic(err) // texts always marshal
		}
		return url.Values{"advanced_search": {string(b)}}
	}
}

// stamp returns a time as filters take it: UTC, microseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// since keeps rows updated at or after t. Whether the server's comparison has
// the edge is not documented, so the filter begins a granule earlier.
func since(t time.Time) string { return stamp(t.Truncate(granularity).Add(-granularity)) }

// numeric checks that ids are numbers.
func numeric(ids ...string) error {
	for _, id := range ids {
		if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 0 || strconv.FormatInt(n, 10) != id {
			return fmt.Errorf("%w: %q is no Halo id", psa.ErrInvalid, id)
		}
	}
	return nil
}

// pagers returns the requests that answer a query, one after the other: more
// than one if a parameter takes a single id.
func (p *Provider) pagers(l *list, q psa.Query, b behind) []*pager {
	params := maps.Clone(l.always)
	if b.lookup != 0 {
		params.Set("lookupid", strconv.Itoa(b.lookup))
	}
	if b.fields != "" {
		params.Set("include_custom_fields", b.fields)
	}
	if !q.Since.IsZero() {
		params.Set("lastupdatefromdate", since(q.Since))
	}
	if q.ActiveOnly && l.push {
		params.Set("includeinactive", "false")
	}
	all := []url.Values{params}
	by := func(f filter, ids []string) {
		ids = slices.Clone(ids)
		slices.Sort(ids)
		ids = slices.Compact(ids)
		if f.many {
			ids = []string{strings.Join(ids, ",")}
		}
		var next []url.Values
		for _, v := range all {
			for _, id := range ids {
				own := maps.Clone(v)
				own.Set(f.param, id)
				next = append(next, own)
			}
		}
		all = next
	}
	scope := maps.Clone(q.Scope)
	if !q.Parent.IsZero() && l.parent != "" {
		if l.per {
			params.Set("ticket_id", q.Parent.ID)
		} else {
			f := string(l.parent)
			delete(scope, f) // rows of others are dropped anyway
			by(l.filter[f], []string{q.Parent.ID})
		}
	}
	for _, field := range slices.Sorted(maps.Keys(scope)) {
		by(l.filter[field], scope[field])
	}
	var pagers []*pager
	for _, v := range all {
		g := &pager{
			c: p.c, path: l.path, op: opList(l.kind), query: v, rows: l.rows,
			size: l.size, paged: l.paged, scrub: l.usage != 0, given: b.rows,
		}
		if l.per {
			g.ref = q.Parent
		}
		if l.thin {
			g.each = p.single(l)
		}
		pagers = append(pagers, g)
	}
	return pagers
}
