package autotask

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

const (
	maxPage = 500     // rows; more is refused
	wrapper = "items" // holds the rows of an answer
)

// A pager reads the pages of one list.
//
// A list is a POST to {Entity}/query. Behind each page but the last one
// pageDetails names the address of the next, which takes a POST with the same
// body (a GET is refused), and which must lead to the zone's own host. There
// is no parameter for an order. Rows come by rising ids, which everybody relies
// on and nobody promises: rows of one page are put into that order here, and a
// list that can be resumed ends with an error where a page begins before the
// end of the one before it.
//
// A list without any row is what a missing right looks like, and a zone that
// the database has left. Before a whole kind is said to be empty both are
// asked for.
type pager struct {
	c      *client
	entity string
	op     string
	filter []filter
	fields []string // to ask for; nil: all
	size   int
	secret []string // user-defined fields to cut out
	strict bool     // rows must come by rising ids
	whole  bool     // every row is asked for, so that none is doubtful

	last string // highest id so far
}

// noFields is what a database may turn out not to take, for quirks.
const noFields = "the names of fields"

// page implements rest.Listing.Page. A cursor is the address of the page.
func (g *pager) page(ctx context.Context, cursor string) (rest.Page, error) {
	for again := false; ; again = true {
		resp, err := g.get(ctx, cursor)
		if err != nil {
			return rest.Page{}, err
		}
		body, rows, err := g.ordered(resp.Body)
		if err != nil {
			return rest.Page{}, err
		}
		if rows == 0 && cursor == "" && g.whole && !again {
			if moved, err := g.c.doubt(ctx, g.entity, g.op); err != nil {
				return rest.Page{}, err
			} else if moved {
				continue
			}
		}
		return rest.Page{Body: without(body, g.secret)}, nil
	}
}

// get asks for one page, with all fields if the server refuses to select.
func (g *pager) get(ctx context.Context, cursor string) (*rest.Response, error) {
	fields := g.fields
	if g.c.quirks.has(noFields, g.entity) {
		fields = nil
	}
	resp, err := g.c.do(ctx, g.request(cursor, fields))
	if err == nil || len(fields) == 0 || cursor != "" || !errors.Is(err, psa.ErrInvalid) {
		return resp, err
	}
	// A refusal may be about anything. It is about a name if the same request
	// passes without them.
	if resp, err2 := g.c.do(ctx, g.request("", nil)); err2 == nil {
		g.c.quirks.learn(noFields, g.entity)
		return resp, nil
	}
	return nil, err
}

func (g *pager) request(cursor string, fields []string) rest.Request {
	r := rest.Request{
		Method: http.MethodPost, Safe: true, Path: "/" + g.entity + "/query", Endpoint: "/" + g.entity + "/query", Op: g.op,
		Body: query{MaxRecords: g.size, IncludeFields: fields, Filter: g.filter}.body(),
	}
	if cursor != "" {
		r.Path, r.Endpoint = cursor, r.Endpoint+"/next"
	}
	return r
}

// ordered puts the rows of a page into the order of their ids, and counts them.
func (g *pager) ordered(body []byte) ([]byte, int, error) {
	var rows [][]byte
	sorted, before := true, ""
	for row, err := range rest.Rows(body, wrapper) {
		if err != nil {
			return nil, 0, g.broken("the page is no list of items")
		}
		if id := rowID(row); id != "" {
			sorted = sorted && (before == "" || less(before, id))
			before = id
		}
		rows = append(rows, row)
	}
	if sorted {
		return body, len(rows), nil
	}
	details, ok, err := rest.Member(body, "pageDetails")
	if err != nil || !ok {
		return nil, 0, g.broken("the page does not say whether there is another one")
	}
	// Rows without an id come first; they are yielded as errors.
	slices.SortStableFunc(rows, func(a, b []byte) int {
		x, y := rowID(a), rowID(b)
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	})
	out := append([]byte(`{"items":[`), bytes.Join(rows, []byte{','})...)
	out = append(out, `],"pageDetails":`...)
	return append(append(out, details...), '}'), len(rows), nil
}

// verify implements rest.Listing.Verify: it finds the next page.
func (g *pager) verify(t *rest.Turn) error {
	var details struct {
		Next *string `json:"nextPageUrl"`
	}
	raw := t.Member("pageDetails")
	if len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &details) != nil {
		return g.broken("the page does not say whether there is another one")
	}
	if first := rowID(t.First); g.strict && first != "" && g.last != "" && !less(g.last, first) {
		return g.broken("a page begins before the end of the one before it")
	}
	g.last = cmp.Or(rowID(t.Last), g.last)
	if details.Next != nil && *details.Next != "" {
		if !strings.Contains(*details.Next, "://") {
			return g.broken("the address of the next page is no URL")
		}
		t.Next = *details.Next
	}
	return nil
}

// count asks how many rows the list has.
func (g *pager) count(ctx context.Context) (int, error) {
	for again := false; ; again = true {
		resp, err := g.c.do(ctx, rest.Request{
			Method: http.MethodPost, Safe: true, Path: "/" + g.entity + "/query/count", Endpoint: "/" + g.entity + "/query/count", Op: g.op,
			Body: query{Filter: g.filter}.body(),
		})
		if err != nil {
			return 0, err
		}
		var body struct {
			Count *int `json:"queryCount"`
		}
		if json.Unmarshal(resp.Body, &body) != nil || body.Count == nil || *body.Count < 0 {
			return 0, g.broken("the count is no count")
		}
		if *body.Count == 0 && g.whole && !again {
			if moved, err := g.c.doubt(ctx, g.entity, g.op); err != nil {
				return 0, err
			} else if moved {
				continue
			}
		}
		return *body.Count, nil
	}
}

func (g *pager) broken(detail string) error {
	return &psa.Error{Provider: name, Op: g.op, Code: psa.ErrData, Detail: detail}
}

// doubt is asked before "no rows" is believed: it reports whether the database
// has moved to another zone, and is psa.ErrDenied without the right to read.
func (c *client) doubt(ctx context.Context, entity, op string) (moved bool, err error) {
	at, err := c.here(ctx)
	if err != nil {
		return false, err
	}
	if _, moved, err = c.moved(ctx, at); err != nil || moved {
		return moved, err
	}
	return false, c.allowed(ctx, entity, op)
}

// allowed asks whether the API user may read an entity. Nothing documents the
// values of userAccessForQuery: only a plain "None" is taken for a refusal.
func (c *client) allowed(ctx context.Context, entity, op string) error {
	resp, err := c.do(ctx, rest.Request{Path: "/" + entity + "/entityInformation", Endpoint: "/" + entity + "/entityInformation", Op: op})
	if err != nil {
		return err
	}
	var body struct {
		Info *struct {
			CanQuery *bool `json:"canQuery"`
			Access   any   `json:"userAccessForQuery"`
		} `json:"info"`
	}
	if json.Unmarshal(resp.Body, &body) != nil || body.Info == nil {
		return &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Detail: "what " + entity + " tells about itself makes no sense"}
	}
	access, _ := body.Info.Access.(string)
	switch {
	case body.Info.CanQuery != nil && !*body.Info.CanQuery:
		return &psa.Error{Provider: name, Op: op, Code: psa.ErrUnsupported, Detail: entity + " cannot be queried in this database"}
	case strings.EqualFold(strings.TrimSpace(access), "none"):
		return &psa.Error{Provider: name, Op: op, Code: psa.ErrDenied, Detail: "the security level of the API user shows nothing of " + entity}
	}
	return nil
}

// rowID returns the id of a row, "" without one. It is the first key of nearly
// every row.
func rowID(row []byte) string {
	const key = `{"id":`
	if bytes.HasPrefix(row, []byte(key)) {
		n := len(key)
		for n < len(row) && row[n] >= '0' && row[n] <= '9' {
			n++
		}
		if id := string(row[len(key):n]); n < len(row) && (row[n] == ',' || row[n] == '}') && numeric(id) == nil {
			return id
		}
	}
	var r struct {
		ID json.Number `json:"id"`
	}
	if len(row) == 0 || json.Unmarshal(row, &r) != nil || numeric(r.ID.String()) != nil {
		return ""
	}
	return r.ID.String()
}

// without drops user-defined fields by name from a page, which no list of
// denied keys can do. They are not asked for; servers send them all the same.
// Rows that are no objects stay: they are never decoded nor kept.
func without(body []byte, names []string) []byte {
	if len(names) == 0 {
		return body
	}
	details, ok, err := rest.Member(body, "pageDetails")
	if err != nil || !ok {
		return body // the listing refuses it
	}
	out, changed := []byte(`{"items":[`), false
	for row, err := range rest.Rows(body, wrapper) {
		if err != nil {
			return body
		}
		if out[len(out)-1] != '[' {
			out = append(out, ',')
		}
		kept, cut := withoutFields(row, names)
		out, changed = append(out, kept...), changed || cut
	}
	if !changed {
		return body
	}
	out = append(out, `],"pageDetails":`...)
	return append(append(out, details...), '}')
}

// withoutFields drops user-defined fields from a row, and reports whether there
// were any.
func withoutFields(row []byte, names []string) (kept []byte, cut bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(row, &fields) != nil {
		return row, false
	}
	for key, raw := range fields {
		if !strings.EqualFold(key, "userDefinedFields") {
			continue
		}
		var custom []map[string]json.RawMessage
		if json.Unmarshal(raw, &custom) != nil {
			delete(fields, key)
			cut = true
			continue
		}
		n := len(custom)
		custom = slices.DeleteFunc(custom, func(f map[string]json.RawMessage) bool {
			var n string
			return json.Unmarshal(f["name"], &n) != nil || slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, n) })
		})
		if len(custom) == n {
			continue
		}
		cut = true
		left, err := json.Marshal(custom)
		if err != nil {
			return []byte("{}"), true // cannot be: what was decoded can be encoded
		}
		fields[key] = left
	}
	if !cut {
		return row, false
	}
	kept, err := json.Marshal(fields)
	if err != nil {
		return []byte("{}"), true
	}
	return kept, true
}
