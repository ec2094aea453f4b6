package halopsa

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// maxPage is the longest page: /Tickets cuts longer ones down silently, and
// other lists are not documented (measured on live instances).
const maxPage = 100 // rows

// A pager reads the pages of one list.
//
// Lists of configuration take no page parameters and answer everything, mostly
// as a bare array; actions do, too. If one answers an object that counts more
// rows than it holds, it is asked for that number of rows; if that does not
// help, or if it does not count them, it is read in pages after all.
//
// Lists of records have pages by number, ordered by id on request. Rows that
// are deleted meanwhile move all later ones to the front, so that a next page
// may leave rows out that nobody would miss. Therefore pages overlap: each is
// asked for with a size and a number such that it begins before the end of the
// one before (see window), which costs up to a seventh more requests. As long as its first id is not behind the last one
// seen, no row is missing in between; otherwise the pager steps back. Rows
// that were seen are cut off. The list has ended with a page that is short and
// reaches the vendor's record_count, or with one that brings nothing new; if
// the count says more then, the list is not complete.
//
// A server that cuts pages shorter than they were asked for shows by the count
// that there is more: its size is taken over. One that ignores the parameters
// answers more rows than were asked for: these are all. One that ignores the
// order is read with a set of ids, and trusted only if its count stays.
type pager struct {
	c     *client
	path  string // below the API's root
	op    string
	ref   psa.Ref // the parent, for errors
	query url.Values
	rows  string // expected key of the rows
	size  int
	paged bool
	scrub bool     // rows may hold encrypted custom fields
	given [][]byte // rows that were read already; nil: none
	each  func(context.Context, []byte) ([]byte, error)

	first   bool                // a page was read
	at      int                 // rows of the list up to the last one seen
	last    uint64              // highest id seen
	seen    map[string]struct{} // ids, for a list without order; nil: in order
	counted int                 // record_count of the first page; -1: none
}

// page implements rest.Listing.Page.
func (g *pager) page(ctx context.Context, _ string) (rest.Page, error) {
	if g.given != nil {
		return g.deliver(ctx, g.given, false)
	}
	if !g.paged {
		s, err := g.get(ctx, 0, 0)
		if err != nil {
			return rest.Page{}, err
		}
		if !s.bare && s.count > len(s.rows) {
			g.query = maps.Clone(g.query)
			g.query.Set("count", strconv.Itoa(s.count)) // the number of rows, without pages
			if s, err = g.get(ctx, 0, 0); err != nil {
				return rest.Page{}, err
			}
			g.query.Del("count")
		}
		if s.bare || s.count >= 0 && s.count <= len(s.rows) {
			return g.deliver(ctx, s.rows, false)
		}
		g.paged = true
	}
	for back := g.size; ; back *= 2 {
		size, number := window(g.at, g.size)
		s, err := g.get(ctx, size, number)
		if err != nil {
			return rest.Page{}, err
		}
		start := (number - 1) * size
		if len(s.rows) > size { // paging is ignored
			if s.count > len(s.rows) {
				return rest.Page{}, g.broken("the list holds " + strconv.Itoa(len(s.rows)) + " of " + strconv.Itoa(s.count) + " rows and has no pages")
			}
			news, _, err := g.news(s, 0)
			if err != nil {
				return rest.Page{}, err
			}
			return g.deliver(ctx, news, false)
		}
		if start > 0 && start == g.at && g.seen == nil {
			if same, err := g.unmoved(ctx, size, number-1); err != nil {
				return rest.Page{}, err
			} else if !same {
				g.at = max(0, start-back)
				continue
			}
		}
		news, joined, err := g.news(s, start)
		if err != nil {
			return rest.Page{}, err
		}
		if !joined && start > 0 && start < g.at {
			g.at = max(0, start-back)
			continue
		}
		g.at = start + len(s.rows)
		more, err := g.more(s, size, len(news))
		if err != nil {
			return rest.Page{}, err
		}
		return g.deliver(ctx, news, more)
	}
}

// unmoved reports whether the page before one that could not overlap it still
// ends with the last row that was seen: then no row had moved forward over the
// edge when the other one was read.
func (g *pager) unmoved(ctx context.Context, size, number int) (bool, error) {
	s, err := g.get(ctx, size, number)
	if err != nil || len(s.rows) != size {
		return false, err
	}
	last, _, _ := rowID(s.rows[size-1])
	return last == g.last, nil
}

// more decides whether another page has to be asked for.
func (g *pager) more(s sheet, size, news int) (bool, error) {
	if g.seen != nil && s.count != g.counted {
		return false, g.broken("rows came or went while a list without order was read")
	}
	switch {
	case len(s.rows) == size && news > 0:
		return true, nil
	case s.count >= 0 && g.at >= s.count, s.count < 0 && news == 0:
		return false, nil
	case news == 0:
		return false, g.broken("the list ends after " + strconv.Itoa(g.at) + " of " + strconv.Itoa(s.count) + " rows")
	}
	g.size = max(1, min(g.size, len(s.rows))) // cut short, or not counted
	return true, nil
}

// deliver makes the page of new rows.
func (g *pager) deliver(ctx context.Context, rows [][]byte, more bool) (rest.Page, error) {
	var body bytes.Buffer
	body.WriteByte('[')
	for i, row := range rows {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(row)
	}
	body.WriteByte(']')
	page := rest.Page{Body: body.Bytes()}
	if g.each != nil {
		var err error
		if page.Body, err = g.each(ctx, page.Body); err != nil {
			return rest.Page{}, err
		}
	}
	if g.scrub {
		page.Body = withoutSecrets(page.Body)
	}
	if more {
		page.Next = strconv.Itoa(g.at)
	}
	return page, nil
}

// window returns the size and number of the page that begins before row at
// (counted from 0), so that the row before it comes again, and reaches as far
// as possible. Only where a server allows a handful of rows there may be none:
// then the page begins at that row, and the one before is read again.
func window(at, longest int) (size, number int) {
	if at == 0 {
		return longest, 1
	}
	end := at
	for s := longest; s >= 2 && s >= longest/2; s-- {
		n := (at - 1) / s // whole pages before
		if (n+1)*s > end {
			size, number, end = s, n+1, (n+1)*s
		}
	}
	if size > 0 {
		return size, number
	}
	for size = longest; at%size != 0; size-- {
	}
	return size, at/size + 1
}

// news returns the rows that were not seen, and whether they follow on those
// that were without a gap.
func (g *pager) news(s sheet, start int) (rows [][]byte, joined bool, err error) {
	ids, ordered := make([]uint64, len(s.rows)), true
	texts := make([]string, len(s.rows))
	for i, row := range s.rows {
		var ok bool
		if ids[i], texts[i], ok = rowID(row); ok && i > 0 && ids[i-1] != 0 && ids[i] <= ids[i-1] {
			ordered = false
		}
	}
	if !g.first {
		g.first, g.counted = true, s.count
		if !ordered {
			g.seen = map[string]struct{}{}
		}
	}
	if g.seen != nil {
		for i, id := range texts {
			_, dup := g.seen[id]
			joined = joined || i == 0 && dup
			if !dup || id == "" {
				g.seen[id] = struct{}{}
				rows = append(rows, s.rows[i])
			}
		}
		return rows, joined || start == 0, nil
	}
	if !ordered {
		return nil, false, g.broken("rows come in order of their ids on one page and not on the next")
	}
	from := 0 // behind the last row that was seen
	for i, id := range ids {
		if id != 0 && id <= g.last {
			from = i + 1
		}
	}
	if joined = start == 0 || from > 0; !joined && start < g.at {
		return nil, false, nil
	}
	for _, id := range ids {
		g.last = max(g.last, id)
	}
	return s.rows[from:], joined, nil
}

// A sheet is one answer.
type sheet struct {
	rows  [][]byte
	count int  // record_count; -1: there is none
	bare  bool // an array, not an object
}

// get asks for one page; size 0 is for everything.
func (g *pager) get(ctx context.Context, size, number int) (sheet, error) {
	q := maps.Clone(g.query)
	if size > 0 {
		// All three, also for the first page; the misspelling is the vendor's.
		q.Set("pageinate", "true")
		q.Set("page_size", strconv.Itoa(size))
		q.Set("page_no", strconv.Itoa(number))
		q.Set("order", "id")
		q.Set("orderdesc", "false")
	}
	resp, err := g.c.do(ctx, rest.Request{Path: g.path, Endpoint: g.path, Op: g.op, Ref: g.ref, Query: q})
	if err != nil {
		return sheet{}, err
	}
	return g.read(resp.Body)
}

// read takes an answer apart: an array, or an object with the rows under the
// expected key, under "results", or as its only array.
func (g *pager) read(body []byte) (sheet, error) {
	s := sheet{count: -1}
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '{' {
		rows, err := g.wrapped(body)
		if err != nil {
			return s, err
		}
		if raw, ok, err := rest.Member(body, "record_count"); err == nil && ok {
			if n, err := strconv.Atoi(strings.Trim(string(raw), `"`)); err == nil && n >= 0 {
				s.count = n
			}
		}
		body = rows
	} else {
		s.bare = true
	}
	for row, err := range rest.Rows(body, "") {
		if err != nil {
			return s, g.broken("the rows: " + err.Error())
		}
		s.rows = append(s.rows, row)
	}
	return s, nil
}

// wrapped returns the list in an object.
func (g *pager) wrapped(body []byte) ([]byte, error) {
	for _, key := range []string{g.rows, "results"} {
		raw, ok, err := rest.Member(body, key)
		if err != nil {
			return nil, g.broken("the answer: " + err.Error())
		}
		if ok && key != "" && raw[0] == '[' {
			return raw, nil
		}
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(body, &members) != nil {
		return nil, g.broken("the answer is no JSON object")
	}
	found := [][]byte{}
	for _, raw := range members {
		if raw[0] == '[' {
			found = append(found, raw)
		}
	}
	if len(found) != 1 {
		return nil, g.broken("the answer has " + strconv.Itoa(len(found)) + " lists, and none of them is known")
	}
	return found[0], nil
}

// count asks how many rows the list has.
func (g *pager) count(ctx context.Context) (int, error) {
	s, err := g.get(ctx, 1, 1)
	if err != nil {
		return 0, err
	}
	if s.count < 0 {
		return 0, g.broken("the answer has no count")
	}
	return s.count, nil
}

func (g *pager) broken(detail string) error {
	return &psa.Error{Provider: name, Op: g.op, Ref: g.ref, Code: psa.ErrData, Detail: detail}
}

// rowID returns the id of a row, and its number if it is one: some are written
// as 12.0 or "12". 0 stands for none, since ids count from 1.
func rowID(row []byte) (n uint64, text string, ok bool) {
	raw, there, err := rest.Member(row, "id")
	if err != nil || !there {
		return 0, "", false
	}
	text = strings.TrimSuffix(strings.Trim(string(raw), `"`), ".0")
	n, err = strconv.ParseUint(text, 10, 64)
	return n, text, err == nil
}

// encrypted marks custom fields that hold secrets.
var encrypted = regexp.MustCompile(`"isencrypted"\s*:\s*true`)

// withoutSecrets drops the values of encrypted custom fields, which no list of
// denied keys can name, from a page.
func withoutSecrets(body []byte) []byte {
	if !encrypted.Match(body) {
		return body
	}
	return rest.EachRow(body, withoutSecret)
}

func withoutSecret(row []byte) []byte {
	var fields map[string]json.RawMessage
	var custom []map[string]json.RawMessage
	if !encrypted.Match(row) || json.Unmarshal(row, &fields) != nil || json.Unmarshal(fields["customfields"], &custom) != nil {
		return row
	}
	for _, f := range custom {
		if string(f["isencrypted"]) == "true" {
			delete(f, "value")
			delete(f, "display")
		}
	}
	var err error
	if fields["customfields"], err = json.Marshal(custom); err != nil {
		return row[:0] // cannot be: what was decoded can be encoded
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return row[:0]
	}
	return out
}
