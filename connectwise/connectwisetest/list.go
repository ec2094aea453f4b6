package connectwisetest

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// query is the parameters of a list.
type query struct {
	conditions, childConditions, customFieldConditions string
	orderBy, fields                                    string
	page, pageSize, pageID                             string
}

func fromURL(v url.Values) query {
	return query{
		conditions: v.Get("conditions"), childConditions: v.Get("childConditions"), customFieldConditions: v.Get("customFieldConditions"),
		orderBy: v.Get("orderBy"), fields: v.Get("fields"),
		page: v.Get("page"), pageSize: v.Get("pageSize"), pageID: v.Get("pageId"),
	}
}

const (
	defaultPageSize = 25
	maxPageSize     = 1000
)

// paging is the part of a list that was asked for.
type paging struct {
	size    int
	page    int // navigable: from 1
	after   int // forward-only: rows with ids above
	forward bool
	mute    bool // forward-only was asked of a list that has none: no Link
}

func (c *call) paging(e *endpoint, q query) (paging, *apiError) {
	p := paging{size: defaultPageSize, page: 1}
	num := func(name, text string, into *int) *apiError {
		if text == "" {
			return nil
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return invalid(e.name(), wrong(name, "The value '%s' is not valid for %s.", text, name))
		}
		*into = n
		return nil
	}
	for _, err := range []*apiError{num("pageSize", q.pageSize, &p.size), num("page", q.page, &p.page), num("pageId", q.pageID, &p.after)} {
		if err != nil {
			return p, err
		}
	}
	if p.size > maxPageSize {
		if c.s.opts.PageSizeError {
			return p, invalid(e.name(), fieldError{Code: "OutOfRange", Message: "The pageSize must be between 1 and 1000.", Field: "pageSize"})
		}
		p.size = maxPageSize
	}
	if p.size == 0 {
		p.size = defaultPageSize
	}
	p.page = max(p.page, 1)
	if strings.EqualFold(c.r.Header.Get("Pagination-Type"), "forward-only") {
		p.forward = !c.matches(c.s.opts.NoForwardOnly)
		p.mute = !p.forward
	}
	if !p.forward {
		p.after = 0
	}
	if p.forward && q.orderBy != "" {
		return p, failf(http.StatusBadRequest, "InvalidObject", "orderBy is not allowed with forward-only pagination: results are ordered by id.")
	}
	return p, nil
}

// matches reports whether the call's path fits one of the patterns.
func (c *call) matches(patterns []string) bool {
	path := apiPath(c.r)
	return slices.ContainsFunc(patterns, func(p string) bool { return simulator.MatchPath(p, path) })
}

// list answers a list, from the URL's parameters or those of a search.
func (c *call) list(e *endpoint, q query) *apiError {
	p, err := c.paging(e, q)
	if err != nil {
		return err
	}
	proj, err := c.projection(e, q.fields)
	if err != nil {
		return err
	}
	if f := c.fault; f.RepeatPage {
		p.page, p.after = 1, 0
	}
	rows, more, total, err := c.rows(e, q, p)
	if err != nil {
		return err
	}
	if c.fault.EmptyList {
		rows, more, total = nil, false, 0
	}
	c.links(p, rows, more, total)
	c.w.Header().Set("Content-Type", jsonType)
	c.w.WriteHeader(http.StatusOK)
	c.stream(e, rows, proj)
	return nil
}

// rows selects the rows of one page, whether there are more, and (navigable
// only) how many there are in all.
func (c *call) rows(e *endpoint, q query, p paging) (page []simulator.Row, more bool, total int, err *apiError) {
	size := p.size
	if f := c.fault; f.CapPage > 0 {
		size = min(size, f.CapPage)
	}
	parents := c.ids[:len(e.parents)]
	c.t.flush(e, parents)
	c.t.store.View(func(tx *simulator.Tx) {
		if err = c.parentsExist(tx, e, parents); err != nil {
			return
		}
		var keep *selection
		if keep, err = c.filter(tx, e, q); err != nil {
			return
		}
		var order []sortKey
		if order, err = c.order(tx, e, q.orderBy); err != nil {
			return
		}
		if p.forward {
			for r := range c.t.rows(tx, e, parents, max(p.after, keep.above())) {
				if c.s.core.Rights.Hidden(e.table, r.ID) || !keep.match(r) {
					continue
				}
				if len(page) == size {
					more = true
					return
				}
				page = append(page, r)
			}
			return
		}
		skip := (p.page - 1) * p.size
		if p.page > 1 {
			skip = max(0, skip+c.fault.Shift)
		}
		page, total = c.window(tx, e, parents, keep, order, skip, size)
		more = skip+p.size < total
	})
	return page, more, total, err
}

// window returns size rows from position skip, and the number of all.
func (c *call) window(tx *simulator.Tx, e *endpoint, parents []int, keep *selection, order []sortKey, skip, size int) ([]simulator.Row, int) {
	if v, plain := tx.Table(e.table).Plain(); plain && keep == nil && order == nil && e.where == nil && len(parents) == 0 && !c.s.core.Rights.Hides() {
		var page []simulator.Row
		for r := range tx.Table(e.table).All(v.First + skip - 1) {
			if len(page) == size {
				break
			}
			page = append(page, r)
		}
		return page, v.N
	}
	var page, all []simulator.Row
	n := 0
	for r := range c.t.rows(tx, e, parents, keep.above()) {
		if c.s.core.Rights.Hidden(e.table, r.ID) || !keep.match(r) {
			continue
		}
		n++
		switch {
		case order != nil:
			all = append(all, r)
		case n > skip && len(page) < size:
			page = append(page, r)
		}
	}
	if order != nil {
		slices.SortStableFunc(all, func(a, b simulator.Row) int { return compareRows(order, a, b) })
		if skip < len(all) {
			page = all[skip:min(skip+size, len(all))]
		}
	}
	return page, n
}

// parentsExist answers 404 for a list below a row that is not there.
func (c *call) parentsExist(tx *simulator.Tx, e *endpoint, parents []int) *apiError {
	for i, p := range e.parents {
		table := parentTable(e, p)
		noun := table
		if up := c.t.api.byTable[table]; up != nil {
			noun = up.name()
		}
		if _, ok := tx.Table(table).Get(parents[i]); !ok || c.s.core.Rights.Hidden(table, parents[i]) {
			return notFound(noun, parents[i])
		}
	}
	return nil
}

// parentTable returns the table that a parent's id is of.
func parentTable(e *endpoint, path string) string {
	switch path {
	case "board/id", "boardId":
		return "boards"
	case "item/id":
		return "items"
	case "sla/id":
		return "slas"
	case "ticketId", "ticket/id":
		return "tickets"
	case "company/id":
		return "companies"
	case "contactId", "contact/id":
		return "contacts"
	case "department/id":
		return "departments"
	case "location/id":
		return "locations"
	case "workRole/id":
		return "workRoles"
	}
	return "securityRoles" // $role
}

// sortKey is one column of orderBy.
type sortKey struct {
	get  func(*env) any
	desc bool
}

// order parses "name asc, id desc".
func (c *call) order(tx *simulator.Tx, e *endpoint, text string) ([]sortKey, *apiError) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	names := c.names(tx, e)
	var out []sortKey
	for part := range strings.SplitSeq(text, ",") {
		w := strings.Fields(part)
		if len(w) == 0 || len(w) > 2 || len(w) == 2 && !strings.EqualFold(w[1], "asc") && !strings.EqualFold(w[1], "desc") {
			return nil, badCondition("'%s' is not a valid orderBy.", strings.TrimSpace(part))
		}
		n, err := names(w[0])
		if err != nil {
			return nil, err
		}
		out = append(out, sortKey{get: n.get, desc: len(w) == 2 && strings.EqualFold(w[1], "desc")})
	}
	return out, nil
}

func compareRows(keys []sortKey, a, b simulator.Row) int {
	for _, k := range keys {
		d := compareValues(k.get(&env{row: a}), k.get(&env{row: b}))
		if k.desc {
			d = -d
		}
		if d != 0 {
			return d
		}
	}
	return 0
}

// compareValues orders nulls first, as SQL Server does.
func compareValues(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	if x, ok := number(a); ok {
		y, _ := number(b)
		return sign(x - y)
	}
	switch x := a.(type) {
	case bool:
		y, _ := b.(bool)
		return boolDiff(x, y)
	case string:
		y, _ := b.(string)
		return cmp.Compare(strings.ToLower(x), strings.ToLower(y))
	}
	return 0
}

// links writes the Link header (ConnectWise developer guide, Pagination).
func (c *call) links(p paging, rows []simulator.Row, more bool, total int) {
	if p.mute {
		return
	}
	var out []string
	link := func(rel, key string, n int) {
		v := c.r.URL.Query()
		v.Set("pageSize", strconv.Itoa(p.size))
		v.Del("page")
		v.Del("pageId")
		v.Set(key, strconv.Itoa(n))
		base := c.base
		if h := c.fault.NextHost; h != "" && rel == "next" {
			if u, err := url.Parse(base); err == nil {
				u.Host = h
				base = u.String()
			}
		}
		out = append(out, "<"+base+apiPath(c.r)+"?"+v.Encode()+`>; rel="`+rel+`"`)
	}
	switch {
	case p.forward:
		if len(rows) > 0 && (more || !c.s.opts.ForwardNextOnlyMore) {
			link("next", "pageId", rows[len(rows)-1].ID)
		}
	default:
		if p.page > 1 {
			link("first", "page", 1)
			link("prev", "page", p.page-1)
		}
		if more {
			link("next", "page", p.page+1)
			link("last", "page", (total+p.size-1)/p.size)
		}
	}
	if len(out) > 0 {
		c.w.Header().Set("Link", strings.Join(out, ", "))
	}
}

// chunk is how much of a list is made before it is sent.
const chunk = 32 << 10

// stream sends rows, making them in pieces so that a long page needs little
// memory and no lock is held while the client reads.
func (c *call) stream(e *endpoint, rows []simulator.Row, proj projection) {
	buf := &bytes.Buffer{}
	buf.WriteByte('[')
	for i, r := range rows {
		if i > 0 {
			buf.WriteByte(',')
		}
		c.encode(buf, e, r, proj)
		if buf.Len() >= chunk {
			if !c.send(buf) {
				return
			}
		}
	}
	buf.WriteByte(']')
	c.send(buf)
}

// send writes and empties buf; it reports false when the client has left.
func (c *call) send(buf *bytes.Buffer) bool {
	_, err := io.Copy(c.w, bytes.NewReader(buf.Bytes()))
	buf.Reset()
	return err == nil
}

// encode writes one row.
func (c *call) encode(buf *bytes.Buffer, e *endpoint, r simulator.Row, proj projection) {
	if proj == nil && e == c.t.api.byTable[e.table] {
		if raw, ok := r.Virtual(); ok {
			buf.Write(raw)
			return
		}
	}
	c.t.store.View(func(tx *simulator.Tx) {
		(&encoder{api: c.t.api, t: c.t, tx: tx, buf: buf}).row(e, r, proj)
	})
}

// count answers {list}/count.
func (c *call) count(e *endpoint) *apiError {
	q := fromURL(c.r.URL.Query())
	parents := c.ids[:len(e.parents)]
	c.t.flush(e, parents)
	n := 0
	var err *apiError
	c.t.store.View(func(tx *simulator.Tx) {
		if err = c.parentsExist(tx, e, parents); err != nil {
			return
		}
		var keep *selection
		if keep, err = c.filter(tx, e, q); err != nil {
			return
		}
		_, n = c.window(tx, e, parents, keep, nil, 0, 0)
	})
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, map[string]int{"count": n + c.fault.CountDelta})
	return nil
}

// get answers one row.
func (c *call) get(e *endpoint) *apiError {
	proj, err := c.projection(e, c.r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	var row simulator.Row
	row, err = c.row(e)
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, e, row, proj)
	return nil
}

// row finds the row that the path names.
func (c *call) row(e *endpoint) (row simulator.Row, err *apiError) {
	parents, id := c.ids[:len(e.parents)], c.ids[len(e.parents)]
	c.t.flush(e, parents)
	c.t.store.View(func(tx *simulator.Tx) {
		if err = c.parentsExist(tx, e, parents); err != nil {
			return
		}
		var ok bool
		if row, ok = c.t.find(tx, e, parents, id); !ok || c.s.core.Rights.Hidden(e.table, id) {
			err = notFound(e.name(), id)
		}
	})
	return row, err
}

// answer sends one row.
func (c *call) answer(status int, e *endpoint, row simulator.Row, proj projection) {
	var buf bytes.Buffer
	c.encode(&buf, e, row, proj)
	c.w.Header().Set("Content-Type", jsonType)
	c.w.WriteHeader(status)
	c.send(&buf)
}

// now is the vendor's time.
func (c *call) now() time.Time { return c.s.core.Clock.Now() }
