package halopsatest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// defaultPage is the size of a page if none is asked for.
const defaultPage = 50

// list answers GET of a collection.
func (c *call) list(e *endpoint) *apiError {
	if e.entity == "Action" && c.timesOut() {
		return nil
	}
	if err := c.checkSearch(e); err != nil {
		return err
	}
	ids := c.selected(e)
	total := len(ids)
	from, to, page, size := c.window(e, total)
	if c.fault.EmptyList {
		from, to, total = 0, 0, 0
	}
	s := shape{q: c.q}
	if s.custom, s.asked = c.q.ints("include_custom_fields"); !e.asked && !(e.entity == "User" && c.s.opts.UserCustomFields) {
		s.custom, s.asked = nil, false
	}
	var rows bytes.Buffer
	c.t.store.View(func(tx *simulator.Tx) {
		enc := &encoder{t: c.t, tx: tx, buf: &rows}
		rows.WriteByte('[')
		first := true
		for _, id := range ids[from:to] {
			row, ok := c.t.find(tx, e, parentOf(e, id), number1(e, id))
			if !ok {
				continue // deleted since the ids were collected
			}
			if !first {
				rows.WriteByte(',')
			}
			first = false
			if e.idonly != "" && c.q.flag(e.idonly) {
				c.idRow(enc, e, row)
				continue
			}
			enc.row(e, row, s)
		}
		rows.WriteByte(']')
	})
	c.wrap(e, rows.Bytes(), total+c.fault.CountDelta, page, size)
	return nil
}

func parentOf(e *endpoint, id int) int {
	if e.parent == "" {
		return 0
	}
	return id / perParent
}

// idRow writes a row of an answer with ids only.
func (c *call) idRow(enc *encoder, e *endpoint, row simulator.Row) {
	out := Row{"id": row.ID}
	if e.entity == "Ticket" {
		for _, k := range []string{"sla_id", "status_id", "client_id", "client_name", "lastincomingemail"} {
			out[k] = c.t.view(enc.tx, e, row, k, shape{})
		}
	}
	enc.value("", out)
}

// window returns the rows of the page that is asked for; size is 0 without
// paging.
func (c *call) window(e *endpoint, total int) (from, to, page, size int) {
	paged := e.paging && c.q.flag("pageinate") && !(e.idonly != "" && c.q.flag(e.idonly))
	if !paged {
		// page_size and page_no mean nothing without pageinate.
		n := total
		if count, ok := c.q.int("count"); ok && count > 0 && e.wrapper != "" {
			n = min(n, count)
		} else if e.page > 0 && !(e.idonly != "" && c.q.flag(e.idonly)) {
			n = min(n, e.page)
		}
		return 0, n, 0, 0
	}
	size, _ = c.q.int("page_size")
	if size <= 0 {
		size = defaultPage
	}
	for _, bound := range []int{e.cap, c.pageCap(e), c.fault.CapPage} {
		if bound > 0 {
			size = min(size, bound)
		}
	}
	page, _ = c.q.int("page_no")
	page = max(page, 1)
	n := page
	if c.fault.RepeatPage {
		n = 1
	}
	from = (n - 1) * size
	if n > 1 {
		from += c.fault.Shift
	}
	from = min(max(from, 0), total)
	return from, min(from+size, total), page, size
}

func (c *call) pageCap(e *endpoint) int {
	if e.cap > 0 {
		return 0
	}
	return c.s.opts.PageCap
}

// wrap answers rows in the wrapper of the collection.
func (c *call) wrap(e *endpoint, rows []byte, total, page, size int) {
	key := e.wrapper
	if size > 0 && e.pagedAs != "" {
		key = e.pagedAs
	}
	if w, ok := c.s.opts.Wrappers[e.path]; ok {
		key = w
	}
	if key == "" {
		writeRaw(c.w, http.StatusOK, rows)
		return
	}
	var b bytes.Buffer
	b.WriteByte('{')
	if size > 0 {
		// The size asked for is answered, not the one that is used.
		asked, ok := c.q.int("page_size")
		if !ok || asked <= 0 {
			asked = size
		}
		fmt.Fprintf(&b, `"page_no":%d,"page_size":%d,`, page, asked)
	}
	fmt.Fprintf(&b, `"record_count":%d,`, total)
	if e.entity == "Ticket" {
		b.WriteString(`"include_children":false,`)
	}
	fmt.Fprintf(&b, `%q:`, key)
	b.Write(rows)
	b.WriteByte('}')
	writeRaw(c.w, http.StatusOK, b.Bytes())
}

// listCache keeps the ids of the latest lists, so that paging through a large
// one does not select and sort it again for each page.
type listCache struct {
	mu      sync.Mutex
	entries []cachedList // newest last
}

type cachedList struct {
	key     string
	tenant  *Tenant
	version uint64 // of the tenant
	ids     []int
}

const cachedLists = 4

func (l *listCache) get(key string, tenant *Tenant, version uint64) ([]int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.key == key && e.tenant == tenant && e.version == version {
			return e.ids, true
		}
	}
	return nil, false
}

func (l *listCache) put(e cachedList) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = slices.DeleteFunc(l.entries, func(o cachedList) bool { return o.key == e.key })
	if len(l.entries) == cachedLists {
		l.entries = slices.Delete(l.entries, 0, 1)
	}
	l.entries = append(l.entries, e)
}

// selected returns the ids of the rows that match the query, in its order.
func (c *call) selected(e *endpoint) []int {
	key := c.cacheKey(e)
	hides := c.s.core.Rights.Hides()
	version := c.t.version.Load()
	if ids, ok := c.s.lists.get(key, c.t, version); ok && !hides {
		return ids
	}
	var ids []int
	c.t.store.View(func(tx *simulator.Tx) {
		match := c.filter(tx, e)
		parent := 0
		if e.parent != "" {
			parent, _ = c.q.int(e.parent)
		}
		for row := range c.t.rows(tx, e, parent) {
			if match(row) && !(hides && c.s.core.Rights.Hidden(e.path, row.ID)) {
				ids = append(ids, row.ID)
			}
		}
		c.sort(tx, e, ids)
	})
	if !hides {
		c.s.lists.put(cachedList{key, c.t, version, ids})
	}
	return ids
}

func (c *call) cacheKey(e *endpoint) string {
	var b strings.Builder
	b.WriteString(e.path)
	for _, k := range slices.Sorted(maps.Keys(c.q)) {
		if k != "page_no" && k != "page_size" && k != "pageinate" {
			fmt.Fprintf(&b, "&%s=%s", k, c.q[k])
		}
	}
	return b.String()
}

// sort orders ids by order..order5; unknown names are ignored like unknown
// parameters. Ties are in order of the ids.
func (c *call) sort(tx *simulator.Tx, e *endpoint, ids []int) {
	type by struct {
		key  string
		desc bool
	}
	var order []by
	for _, n := range []string{"", "2", "3", "4", "5"} {
		if f := c.t.api.ent(e).byName[strings.ToLower(c.q["order"+n])]; f != nil {
			order = append(order, by{f.name, c.q.flag("orderdesc" + n)})
		}
	}
	if order == nil && e.order != "" {
		k, desc := strings.CutPrefix(e.order, "-")
		order = []by{{k, desc}}
	}
	if e.entity == "Action" {
		slices.Sort(ids) // those of a virtual ticket come first otherwise
	}
	switch {
	case order == nil || order[0] == by{"id", false}:
		return
	case order[0] == by{"id", true}:
		slices.Reverse(ids)
		return
	}
	keys := make(map[int][]any, len(ids))
	for _, id := range ids {
		row, _ := c.t.find(tx, e, parentOf(e, id), number1(e, id))
		vals := make([]any, len(order))
		for i, o := range order {
			if vals[i] = row.Quick(o.key); vals[i] == nil {
				vals[i] = c.t.view(tx, e, row, o.key, shape{})
			}
		}
		keys[id] = vals
	}
	slices.SortStableFunc(ids, func(a, b int) int {
		for i, o := range order {
			if n := compare(keys[a][i], keys[b][i]); n != 0 {
				if o.desc {
					return -n
				}
				return n
			}
		}
		return cmp.Compare(a, b)
	})
}

// compare orders values: nothing first, then booleans, numbers, strings.
func compare(a, b any) int {
	rank := func(v any) int {
		switch v.(type) {
		case nil:
			return 0
		case bool:
			return 1
		case int, float64:
			return 2
		}
		return 3
	}
	if n := cmp.Compare(rank(a), rank(b)); n != 0 {
		return n
	}
	switch a := a.(type) {
	case bool:
		return cmp.Compare(truth(a), truth(b == true))
	case int, float64:
		return cmp.Compare(number(a), number(b))
	case string:
		return strings.Compare(strings.ToLower(a), strings.ToLower(text(b)))
	}
	return 0
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// gatewayWait is after how long the vendor's gateway gives up on a heavy call.
const gatewayWait = time.Minute

// timesOut answers a list of the actions of a whole tenant: the vendor works on
// it until its gateway gives up. It reports whether it has answered.
func (c *call) timesOut() bool {
	for _, k := range []string{"ticket_id", "startdate", "enddate", "count", "timeentriesonly", "actoutcomenum", "actoutcome"} {
		if c.q[k] != "" {
			return false
		}
	}
	if !c.s.opts.NoGatewayWait {
		t := time.NewTimer(gatewayWait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.r.Context().Done():
			panic(http.ErrAbortHandler) // the client is gone
		}
	}
	c.w.Header().Set("Content-Type", "text/html")
	c.w.WriteHeader(http.StatusGatewayTimeout)
	// Fails only when the client has left.
	_, _ = c.w.Write([]byte("<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>"))
	return true
}
