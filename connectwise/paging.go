package connectwise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

const (
	defaultPage = 25   // rows, for requests that name no pageSize
	maxPage     = 1000 // rows; more is cut down silently, or refused by old servers
	maxURL      = 1900 // characters; the guide says 2000, proxies on the way less
)

// A pager reads the pages of one list.
//
// It asks for forward-only paging (developer guide, Pagination): rows come
// ordered by id, pageId=N means "behind N", and no row can move between pages.
// A list that does not know it is read in the navigable mode, ordered by id
// and with the condition "id > N" in place of a page number, which rows that
// are deleted meanwhile would shift.
//
// The Link header names a next page behind every page that has rows, so a
// first page with fewer rows than asked for is the end. Two doubts remain, and
// are settled by asking behind the last row, which costs one request:
//
//   - A first page may have been cut short, see quirks.doubtful. On one server
//     that is asked for a few lists, until a page was seen that is longer.
//   - The last page of several, unless it is a forward-only one without a link.
//
// All other lists cost no request but the one for their rows. Counts are not
// asked for: one that agrees proves less, since rows come and go between the
// page and the count.
type pager struct {
	c      *client
	path   string // below the API's root
	at     string // the same with {id} for ids
	op     string
	fields string
	conds  string
	child  string // childConditions
	size   int
	search bool // conditions go into the body of a POST to path/search
	scrub  bool // rows may hold custom fields of type Password

	navigable bool
	first     int  // rows of the first page
	ordered   bool // rows of the last page came in the order of their ids
	link      pageLink
}

// A pageLink is what a Link header says about the next page.
type pageLink struct {
	next  bool
	after string // pageId; "" in the navigable form
}

// What a server may turn out not to have, for quirks.
const (
	noForward = "forward-only paging"
	noFields  = "the fields parameter"
	noActive  = "the inactive flag in conditions"
	noNotes   = "allNotes"
	tellsEnd  = "a next link on last pages"
)

// page implements rest.Listing.Page. A cursor is the id that the page is
// behind.
func (g *pager) page(ctx context.Context, cursor string) (rest.Page, error) {
	g.navigable = g.navigable || g.c.quirks.has(noForward, g.at)
	for {
		resp, err := g.get(ctx, cursor)
		if err != nil {
			return rest.Page{}, err
		}
		again, err := g.unfit(cursor, resp)
		if err != nil {
			return rest.Page{}, err
		}
		if again {
			g.navigable = true
			continue
		}
		if g.navigable {
			_, g.ordered = inOrder(resp.Body)
		}
		if g.scrub {
			return rest.Page{Body: withoutPasswords(resp.Body)}, nil
		}
		return rest.Page{Body: resp.Body}, nil
	}
}

// get asks for one page, without fields if the server refuses them.
func (g *pager) get(ctx context.Context, cursor string) (*rest.Response, error) {
	fields := g.fields
	if g.c.quirks.has(noFields, g.at) {
		fields = ""
	}
	resp, err := g.c.do(ctx, g.request(cursor, fields))
	if err == nil || fields == "" || !errors.Is(err, psa.ErrInvalid) {
		return resp, err
	}
	// A 400 may be about any name. It is about fields if the same request
	// passes without them.
	resp, again := g.c.do(ctx, g.request(cursor, ""))
	if again != nil {
		return nil, err
	}
	g.c.quirks.learn(noFields, g.at)
	return resp, nil
}

func (g *pager) request(cursor, fields string) rest.Request {
	q := url.Values{"pageSize": {strconv.Itoa(g.size)}}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	r := rest.Request{Path: g.path, Endpoint: g.at, Op: g.op, Query: q, Header: http.Header{}}
	conds, order := g.conds, ""
	if g.navigable {
		order = "id asc"
		if cursor != "" {
			conds = all(conds, "id > "+cursor)
		}
		q.Set("page", "1")
	} else {
		r.Header.Set("pagination-type", "forward-only")
		set("pageId", cursor)
	}
	set("fields", fields)
	if !g.search {
		set("conditions", conds)
		set("childConditions", g.child)
		set("orderBy", order)
		return r
	}
	r.Method, r.Safe = http.MethodPost, true
	r.Path, r.Endpoint = g.path+"/search", g.at+"/search"
	r.Body = searchBody(conds, g.child, order)
	return r
}

// searchBody makes the body of a search. Two keys of the vendor's FilterValues
// are all lower case.
func searchBody(conds, child, order string) []byte {
	body := map[string]string{"conditions": conds}
	if child != "" {
		body["childconditions"] = child
	}
	if order != "" {
		body["orderBy"] = order
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // texts always marshal
	}
	return b
}

// unfit reads the Link header, and reports whether the list does not know
// forward-only paging and has to be read in the navigable mode.
func (g *pager) unfit(cursor string, resp *rest.Response) (again bool, err error) {
	if g.link, err = readLink(resp.Header); err != nil {
		return false, g.broken("the Link header is malformed")
	}
	switch {
	case g.navigable || g.link.after != "":
		return false, nil
	case g.link.next: // a page number
		again = true
	case cursor != "":
		// Behind a page number or without a link, the first page comes again.
		first, ok := firstID(resp.Body)
		again = ok && !less(cursor, first)
	default:
		again = g.capped(resp.Body)
	}
	if again {
		g.c.quirks.learn(noForward, g.at)
	}
	return again, nil
}

// capped reports whether a first page without a link may be neither all there
// is nor in order. One that is long and in order can be gone on from.
func (g *pager) capped(body []byte) (again bool) {
	n, ordered := inOrder(body)
	if n < g.size && !g.c.quirks.doubtful(n) {
		return false
	}
	if ordered && n >= defaultPage {
		g.navigable = true
		return false
	}
	return true
}

// inOrder counts the rows of a page, and reports whether they come in the order
// of their ids. What is wrong with a page is said by the listing.
func inOrder(body []byte) (n int, ordered bool) {
	last := "0"
	ordered = true
	for row, err := range rest.Rows(body, "") {
		if err != nil {
			return 0, false
		}
		n++
		if id, ok := rowID(row); ok { // the others are bad rows
			ordered = ordered && less(last, id)
			last = id
		}
	}
	return n, ordered
}

// verify implements rest.Listing.Verify: it decides what comes behind a page.
func (g *pager) verify(t *rest.Turn) error {
	last, ok := rowID(t.Last)
	if first, isID := rowID(t.First); isID && t.Cursor != "" && !less(t.Cursor, first) {
		return g.broken("page " + strconv.Itoa(t.Number) + " begins before the end of the page before it")
	}
	g.learn(t)
	switch {
	case t.Rows == 0:
	case !g.navigable:
		return g.forward(t, last)
	case t.Number > 1, t.Rows >= g.size, g.link.next, g.c.quirks.doubtful(t.Rows):
		if !ok {
			return g.broken("the last row has no id to go on from")
		}
		if !g.ordered {
			return g.broken("page " + strconv.Itoa(t.Number) + " is not in the order of ids that was asked for, so that nothing tells what follows")
		}
		t.Next = last
	}
	return nil
}

// learn notes what a page says about the length of pages.
func (g *pager) learn(t *rest.Turn) {
	switch {
	case t.Number == 1:
		g.first = t.Rows
		g.c.quirks.proven(t.Rows-1, true)
	case t.Number == 2 && g.first < g.size:
		g.c.quirks.proven(g.first, t.Rows == 0)
	}
}

// forward goes on in the forward-only mode.
func (g *pager) forward(t *rest.Turn, last string) error {
	after := g.link.after
	switch {
	case after == "":
		if t.Number > 1 {
			g.c.quirks.learn(tellsEnd, "") // so a link means that there is more
		}
		return nil
	case t.Number == 1 && t.Rows < g.size && !g.c.quirks.doubtful(t.Rows) && !g.c.quirks.has(tellsEnd, ""):
		return nil // there is a link behind every page
	case t.Cursor != "" && !less(t.Cursor, after), last != "" && less(after, last):
		return g.broken("the next link goes back")
	}
	t.Next = after
	return nil
}

// count asks how many rows the list has.
func (g *pager) count(ctx context.Context) (int, error) {
	q := url.Values{}
	if g.conds != "" {
		q.Set("conditions", g.conds)
	}
	if g.child != "" {
		q.Set("childConditions", g.child)
	}
	resp, err := g.c.do(ctx, rest.Request{Path: g.path + "/count", Endpoint: g.at + "/count", Op: g.op, Query: q})
	if err != nil {
		return 0, err
	}
	var body struct {
		Count *int `json:"count"`
	}
	if json.Unmarshal(resp.Body, &body) != nil || body.Count == nil || *body.Count < 0 {
		return 0, g.broken("the count is no count")
	}
	return *body.Count, nil
}

func (g *pager) broken(detail string) error {
	return &psa.Error{Provider: name, Op: g.op, Code: psa.ErrData, Detail: detail}
}

// tooLong reports whether the address of a page is longer than servers take.
func (g *pager) tooLong() bool { return g.length() > maxURL }

func (g *pager) length() int {
	r := g.request("2147483647", g.fields)
	return len("https://") + len(g.c.host) + len("/v4_6_release/apis/3.0") + len(r.Path) + 1 + len(r.Query.Encode())
}

// readLink reads the next page from a Link header. Only its query counts: the
// host and the codebase in it may be others.
func readLink(h http.Header) (pageLink, error) {
	target, err := rest.NextLink(h, "next")
	if err != nil || target == "" {
		return pageLink{}, err
	}
	_, query, _ := strings.Cut(target, "?")
	query, _, _ = strings.Cut(query, "#")
	link := pageLink{next: true}
	for part := range strings.SplitSeq(query, "&") {
		// Only the one key is looked at: conditions in a link need not be
		// encoded well.
		key, value, _ := strings.Cut(part, "=")
		if strings.EqualFold(key, "pageId") {
			if numeric(value) != nil {
				return pageLink{}, errors.New("pageId is no number")
			}
			link.after = value
		}
	}
	return link, nil
}

// rowID returns the id of a row.
func rowID(row []byte) (string, bool) {
	var r struct {
		ID json.Number `json:"id"`
	}
	if len(row) == 0 || json.Unmarshal(row, &r) != nil || numeric(r.ID.String()) != nil {
		return "", false
	}
	return r.ID.String(), true
}

func firstID(body []byte) (string, bool) {
	for row, err := range rest.Rows(body, "") {
		if err != nil {
			break
		}
		return rowID(row)
	}
	return "", false
}

// less compares two ids, which are numbers without a sign.
func less(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// withoutPasswords drops the values of custom fields of type Password, which
// no list of denied keys can name, from a page. Rows that are no objects stay:
// they are never decoded nor kept.
func withoutPasswords(body []byte) []byte {
	if !bytes.Contains(body, password) {
		return body
	}
	return rest.EachRow(body, withoutPassword)
}

var password = []byte(`"Password"`)

func withoutPassword(row []byte) []byte {
	var fields map[string]json.RawMessage
	var custom []map[string]json.RawMessage
	if !bytes.Contains(row, password) || json.Unmarshal(row, &fields) != nil || json.Unmarshal(fields["customFields"], &custom) != nil {
		return row
	}
	for _, f := range custom {
		if bytes.Equal(f["type"], password) {
			delete(f, "value")
		}
	}
	var err error
	if fields["customFields"], err = json.Marshal(custom); err != nil {
		return row[:0] // cannot be: what was decoded can be encoded
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return row[:0]
	}
	return out
}
