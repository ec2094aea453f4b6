package autotasktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// listing is one list that was asked for.
type listing struct {
	e      *entity
	parent int // below this row only; -1: all
	filter []*filter
	size   int
	after  int // ids above; -1: from the start
	before int // ids below, for a previous page; 0: not
	later  bool
	fields *projection
}

// pageToken is the paging parameter of a link. The ids are those around the
// page, so that a list that changes meanwhile neither skips nor repeats rows.
type pageToken struct {
	Size     int      `json:"pageSize"`
	Previous []int    `json:"previousIds,omitempty"`
	Next     []int    `json:"nextIds,omitempty"`
	Include  []string `json:"includeFields,omitempty"`
}

// query answers query, query/count and the links of both directions.
func (c *call) query(e *entity, which string) *apiError {
	if !e.does("L") {
		return noRoute()
	}
	raw, err := c.search(which)
	if err != nil {
		return err
	}
	q, err := parseQuery(raw)
	if err != nil {
		return err
	}
	if which == "count" {
		return c.count(e, q)
	}
	l := listing{e: e, parent: -1, filter: q.filter, size: q.size, after: -1}
	include := q.include
	if which != "query" {
		token, err := c.token(which)
		if err != nil {
			return err
		}
		l.follow(token)
		include = token.Include // the body need not repeat it
	}
	return c.list(l, include)
}

// search returns the query in JSON: the body of a POST, the parameter of a GET.
func (c *call) search(which string) ([]byte, *apiError) {
	if c.r.Method == http.MethodPost {
		return c.body()
	}
	s := c.r.URL.Query().Get("search")
	if s == "" && (which == "next" || which == "previous") {
		return nil, noMethod(http.MethodGet) // a link of a POST query must be POSTed
	}
	return []byte(s), nil
}

func (c *call) token(which string) (pageToken, *apiError) {
	var t pageToken
	err := json.Unmarshal([]byte(c.r.URL.Query().Get("paging")), &t)
	ids := t.Next
	if which == "previous" {
		ids = t.Previous
	}
	if err != nil || len(ids) != 1 || t.Size < 1 || t.Size > maxRecords {
		return t, failf("The paging parameter is not valid.")
	}
	if which == "previous" {
		t.Next = nil
	} else {
		t.Previous = nil
	}
	return t, nil
}

// follow goes to the page a link leads to.
func (l *listing) follow(t pageToken) {
	l.size, l.later = t.Size, true
	if len(t.Next) > 0 {
		l.after = t.Next[0]
	}
	if len(t.Previous) > 0 {
		l.before = t.Previous[0]
	}
}

// children answers GET {Parent}/{id}/{Child}.
func (c *call) children(e *entity, parent int) *apiError {
	l := listing{e: e, parent: parent, size: maxRecords, after: -1}
	if c.r.URL.Query().Has("paging") {
		t, err := c.token("next")
		if err != nil {
			return err
		}
		l.follow(t)
	}
	return c.list(l, nil)
}

// page is the rows of one answer.
type page struct {
	rows       []simulator.Row
	prev, more bool
}

// list answers one page.
func (c *call) list(l listing, include []string) *apiError {
	if c.fault.RepeatPage {
		l.after, l.before, l.later = -1, 0, false
	}
	var p page
	var err *apiError
	c.t.store.View(func(tx *simulator.Tx) {
		if l.fields, err = c.projection(tx, l.e, include); err == nil {
			p, err = c.page(tx, l)
		}
	})
	if err != nil {
		return err
	}
	if c.fault.EmptyList || c.empty {
		p = page{}
	}
	c.w.Header().Set("Content-Type", jsonType)
	c.w.WriteHeader(http.StatusOK)
	c.stream(l, p, include)
	return nil
}

// page selects the rows.
func (c *call) page(tx *simulator.Tx, l listing) (p page, err *apiError) {
	keep, err := c.keep(tx, l)
	if err != nil {
		return p, err
	}
	if l.fields.lacksID() {
		n := 0
		for r := range tx.Table(l.e.path).All(-1) {
			if keep(r) {
				n++
			}
		}
		if n > maxRecords {
			return p, failf("IncludeFields must contain id when the query matches more than 500 rows.")
		}
	}
	size := l.size
	if n := c.fault.CapPage; n > 0 {
		size = min(size, n)
	}
	if l.before > 0 {
		return c.pageBefore(tx, l, keep, size), nil
	}
	skip := 0
	if l.later && c.fault.Shift != 0 {
		skip = c.fault.Shift
		if skip < 0 { // rows repeated
			l.after = c.back(tx, l, keep, -skip)
			skip = 0
		}
	}
	p.prev = l.later
	for r := range tx.Table(l.e.path).All(max(l.after, idFloor(l.filter))) {
		switch {
		case !keep(r):
		case skip > 0:
			skip--
		case len(p.rows) == size:
			p.more = true
			return p, nil
		default:
			p.rows = append(p.rows, r)
		}
	}
	p.more = c.s.opts.EmptyLastPage && len(p.rows) == size
	return p, nil
}

// pageBefore selects the rows in front of a page.
func (c *call) pageBefore(tx *simulator.Tx, l listing, keep predicate, size int) page {
	p := page{more: true}
	for r := range tx.Table(l.e.path).All(idFloor(l.filter)) {
		if r.ID >= l.before {
			break
		}
		if !keep(r) {
			continue
		}
		if p.rows = append(p.rows, r); len(p.rows) > size {
			p.rows, p.prev = p.rows[1:], true
		}
	}
	return p
}

// back returns an id n rows in front of the page.
func (c *call) back(tx *simulator.Tx, l listing, keep predicate, n int) int {
	ids := []int{-1}
	for r := range tx.Table(l.e.path).All(-1) {
		if r.ID > l.after {
			break
		}
		if keep(r) {
			ids = append(ids, r.ID)
		}
	}
	return ids[max(0, len(ids)-1-n)]
}

// keep compiles what rows a listing has.
func (c *call) keep(tx *simulator.Tx, l listing) (predicate, *apiError) {
	match, err := c.bindAll(tx, l.e, l.filter)
	if err != nil {
		return nil, err
	}
	return func(r simulator.Row) bool {
		return !c.hidden(l.e, r) && (l.parent < 0 || r.Field(l.e.child.key) == l.parent) && match(r)
	}, nil
}

// hidden reports whether the API user does not see a row.
func (c *call) hidden(e *entity, r simulator.Row) bool {
	switch {
	case c.s.core.Rights.Hidden(e.path, r.ID):
		return true
	case e.path == "TimeEntries" && c.s.opts.HideNonBillable:
		return r.Field("isNonBillable") == true
	case e.path == "ResourceRoles": // shows active links only
		return r.Field("isActive") == false
	}
	return false
}

// chunk is how many bytes of a page are put together before they are sent.
const chunk = 64 << 10

// stream writes a page in pieces so that no lock is held while the client
// reads.
func (c *call) stream(l listing, p page, include []string) {
	order := slices.Clone(p.rows)
	if c.s.opts.Unordered {
		slices.Reverse(order)
	}
	omit := c.s.opts.NoUDFKey && !c.anyUDF(l.e, order)
	buf := bytes.NewBufferString(`{"items":[`)
	for i, r := range order {
		if i > 0 {
			buf.WriteByte(',')
		}
		c.t.store.View(func(tx *simulator.Tx) { c.encode(tx, buf, l.e, r, l.fields, omit) })
		if buf.Len() >= chunk && !c.send(buf) {
			return
		}
	}
	next, prev := c.links(l, p, include)
	fmt.Fprintf(buf, `],"pageDetails":{"count":%d,"requestCount":%d,"prevPageUrl":%s,"nextPageUrl":%s}}`, len(p.rows), l.size, link(prev), link(next))
	c.send(buf)
}

// send writes and empties buf; it reports false when the client has left.
func (c *call) send(buf *bytes.Buffer) bool {
	_, err := io.Copy(c.w, bytes.NewReader(buf.Bytes()))
	buf.Reset()
	return err == nil
}

func link(u string) string {
	if u == "" {
		return "null"
	}
	raw, err := json.Marshal(u)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(raw)
}

// links makes the URLs of the pages around this one.
func (c *call) links(l listing, p page, include []string) (next, prev string) {
	if len(p.rows) == 0 {
		return "", ""
	}
	if p.more {
		next = c.link(l, "next", pageToken{Size: l.size, Next: []int{p.rows[len(p.rows)-1].ID}, Include: include})
	}
	if p.prev && l.parent < 0 {
		prev = c.link(l, "previous", pageToken{Size: l.size, Previous: []int{p.rows[0].ID}, Include: include})
	}
	return next, prev
}

func (c *call) link(l listing, which string, t pageToken) string {
	raw, err := json.Marshal(t)
	if err != nil {
		panic(err) // numbers and strings always have a JSON form
	}
	host := c.r.Host
	if h := c.s.opts.LinkHost; h != "" {
		host = h
	}
	if h := c.fault.NextHost; h != "" && which == "next" {
		host = h
	}
	path := l.e.path + "/query/"
	if l.parent >= 0 {
		path = fmt.Sprintf("%s/%d/%s/", l.e.child.parent, l.parent, l.e.child.name)
	}
	// The root of links is in lower case, whatever zone discovery says.
	out := strings.Replace(c.base(host), apiRoot, strings.ToLower(apiRoot), 1) + strings.ToLower(apiVersion) + "/" + path + which + "?paging=" + url.QueryEscape(string(raw))
	if c.s.opts.CasePath {
		out = c.base(host) + apiVersion + "/" + path + which + "?paging=" + url.QueryEscape(string(raw))
	}
	if s := c.r.URL.Query().Get("search"); s != "" && c.r.Method == http.MethodGet {
		out += "&search=" + url.QueryEscape(s)
	}
	return out
}

// count answers query/count.
func (c *call) count(e *entity, q *queryModel) *apiError {
	n := 0
	var err *apiError
	c.t.store.View(func(tx *simulator.Tx) {
		l := listing{e: e, parent: -1, filter: q.filter}
		var keep predicate
		if keep, err = c.keep(tx, l); err != nil {
			return
		}
		for r := range tx.Table(e.path).All(idFloor(q.filter)) {
			if keep(r) {
				n++
			}
		}
	})
	if err != nil {
		return err
	}
	if c.empty {
		n = 0
	}
	writeJSON(c.w, http.StatusOK, map[string]int{"queryCount": n + c.fault.CountDelta})
	return nil
}

// get answers one row.
func (c *call) get(e *entity, parent, id int) *apiError {
	var buf bytes.Buffer
	found := false
	c.t.store.View(func(tx *simulator.Tx) {
		row, ok := tx.Table(e.path).Get(id)
		if !ok || c.empty || c.hidden(e, row) || parent >= 0 && row.Field(e.child.key) != parent {
			return
		}
		found = true
		buf.WriteString(`{"item":`)
		c.encode(tx, &buf, e, row, nil, false)
		buf.WriteByte('}')
	})
	if !found {
		if c.s.opts.NullItem {
			writeJSON(c.w, http.StatusOK, map[string]any{"item": nil})
			return nil
		}
		return &apiError{status: http.StatusNotFound}
	}
	c.w.Header().Set("Content-Type", jsonType)
	c.w.WriteHeader(http.StatusOK)
	c.send(&buf)
	return nil
}
