package connectwise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// recordLists are the lists of records.
func recordLists() []*list {
	ref := func(path string) filter { return filter{path: path + "/id"} }
	return []*list{
		{
			kind: psa.KindCompany, path: "/company/companies", flag: "deletedFlag", push: true, stamped: true, record: "CompanyFv",
			filter: map[string]filter{
				"status": ref("status"), "territory": ref("territory"),
				"types": {path: "types/id", child: true}, // an array: refused in conditions
			},
			find: map[string]finder{"identifier": {format: "identifier = %s"}, "name": {format: "name = %s"}},
		},
		{
			kind: psa.KindSite, path: "/company/companies/{id}/sites", parent: psa.KindCompany, per: true, flag: "inactiveFlag", stamped: true,
		},
		{
			kind: psa.KindContact, path: "/company/contacts", parent: psa.KindCompany, flag: "inactiveFlag", push: true, stamped: true, record: "ContactFv",
			filter: map[string]filter{"company": ref("company")},
			find: map[string]finder{
				"email": {format: `communicationItems/value = %s and communicationItems/communicationType = "Email"`, child: true, fold: true},
			},
		},
		{
			// The list is said to hold service tickets alone; project boards
			// live beside service boards, and callbacks come for both.
			kind: psa.KindTicket, path: "/service/tickets", where: `recordType = "ServiceTicket"`, stamped: true, search: true, record: "ServiceFv",
			filter: map[string]filter{
				"board": ref("board"), "status": ref("status"), "priority": ref("priority"), "company": ref("company"),
				"contact": ref("contact"), "team": ref("team"), "owner": ref("owner"), "source": ref("source"),
				"type": {path: "type/id", prefix: "1:"}, "subtype": {path: "subType/id", prefix: "2:"}, "item": {path: "item/id", prefix: "3:"},
			},
			find: map[string]finder{"external_ref": {format: "externalXRef = %s"}},
		},
		{kind: psa.KindNote, path: "/service/tickets/{id}/allNotes", parent: psa.KindTicket, per: true, every: true},
		{kind: psa.KindNote, variant: "plain", path: "/service/tickets/{id}/notes", parent: psa.KindTicket, per: true},
		{
			kind: psa.KindTimeEntry, path: "/time/entries", parent: psa.KindTicket, where: `chargeToType = "ServiceTicket"`, stamped: true,
			filter: map[string]filter{
				"ticket": {path: "chargeToId"}, "member": ref("member"), "company": ref("company"), "work_type": ref("workType"),
			},
		},
	}
}

// Get returns one row; see [psa.Provider]. A ticket comes with its
// description, which List leaves out: it is the note made with it. A project ticket,
// and time that is charged to anything but a service ticket, is not found.
func (p *Provider) Get(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	f, op := p.offers[ref.Kind], "get "+string(ref.Kind)
	fail := func(code error, detail string, cause error) (psa.Record, error) {
		return psa.Record{}, &psa.Error{Provider: name, Op: op, Ref: ref, Code: code, Detail: detail, Err: cause}
	}
	if !f.Can.Has(psa.CanGet) {
		return fail(psa.ErrUnsupported, f.Missing[psa.CanGet], nil)
	}
	if err := ctx.Err(); err != nil {
		return fail(nil, "", err)
	}
	parent, id, err := p.address(ref)
	if err != nil {
		return fail(psa.ErrInvalid, "", err)
	}
	var rec psa.Record
	switch ref.Kind {
	case psa.KindNote:
		rec, err = p.getNote(ctx, parent, ref)
	case psa.KindTicket:
		rec, err = p.getTicket(ctx, ref)
	case psa.KindCustomField:
		var owners map[string][]any
		if owners, err = p.owners(ctx); err == nil {
			rec, err = p.one(ctx, p.lists[ref.Kind][0], parent, id, ownersSalt(owners))
			rec = withOwners(rec, owners)
		}
	default:
		rec, err = p.one(ctx, p.lists[ref.Kind][0], parent, id, "")
	}
	if err != nil {
		return psa.Record{}, err
	}
	if rec.Ref != ref {
		return fail(psa.ErrData, "another row was answered", nil)
	}
	return rec, nil
}

// address takes an id apart: "parent/id" for rows that have no address of
// their own.
func (p *Provider) address(ref psa.Ref) (parent psa.Ref, id string, err error) {
	id = ref.ID
	if l := p.lists[ref.Kind][0]; l.per {
		var up string
		up, id, _ = strings.Cut(ref.ID, "/")
		parent = psa.Ref{Kind: l.parent, ID: up}
		if err := numeric(up); err != nil {
			return parent, id, err
		}
	}
	return parent, id, numeric(id)
}

// one reads one row of a list.
func (p *Provider) one(ctx context.Context, l *list, parent psa.Ref, id, salt string) (psa.Record, error) {
	ref := psa.Ref{Kind: l.kind, ID: id}
	if !parent.IsZero() {
		ref.ID = parent.ID + "/" + id
	}
	body, err := p.raw(ctx, l, parent, id, l.fields, ref)
	if err != nil {
		return psa.Record{}, err
	}
	fail := func(code, cause error) (psa.Record, error) {
		return psa.Record{}, &psa.Error{Provider: name, Op: "get " + string(l.kind), Ref: ref, Code: code, Err: cause}
	}
	if l.custom {
		body = withoutPassword(body)
	}
	shape := p.shape(l, parent, salt)
	if body, err = shape.Cut(body); err != nil {
		return fail(psa.ErrData, err)
	}
	rec := p.decoder(l)(body, parent)
	switch {
	case skipped(rec):
		return fail(psa.ErrNotFound, errors.New("the row is out of scope: no service ticket's"))
	case rec.Err != nil:
		return psa.Record{}, rec.Err
	}
	rec.Raw, rec.Hash = body, shape.Hash(body)
	return rec, nil
}

// raw reads the bytes of one row, without fields if the server refuses them.
func (p *Provider) raw(ctx context.Context, l *list, parent psa.Ref, id, fields string, ref psa.Ref) (json.RawMessage, error) {
	if p.c.quirks.has(noFields, l.path) {
		fields = ""
	}
	for {
		r := rest.Request{
			Path:     strings.Replace(l.path, "{id}", url.PathEscape(parent.ID), 1) + "/" + url.PathEscape(id),
			Endpoint: l.path + "/{id}", Op: "get " + string(l.kind), Ref: ref, Query: url.Values{},
		}
		if fields != "" {
			r.Query.Set("fields", fields)
		}
		resp, err := p.c.do(ctx, r)
		if err == nil {
			return resp.Body, nil
		}
		if fields == "" || !errors.Is(err, psa.ErrInvalid) {
			return nil, err
		}
		fields = ""
	}
}

// gone reports whether a row is certainly not there.
func (p *Provider) gone(ctx context.Context, ref psa.Ref) bool {
	parent, id, err := p.address(ref)
	if err != nil {
		return false
	}
	_, err = p.raw(ctx, p.lists[ref.Kind][0], parent, id, "id", ref)
	return errors.Is(err, psa.ErrNotFound)
}

// getNote reads one note out of all those of its ticket. The one that is the
// ticket's description is found too, although no list has it: it may have been
// written as a note, right behind a ticket that had none.
func (p *Provider) getNote(ctx context.Context, ticket, ref psa.Ref) (psa.Record, error) {
	fail := func(code, cause error) (psa.Record, error) {
		return psa.Record{}, &psa.Error{Provider: name, Op: "get note", Ref: ref, Code: code, Err: cause}
	}
	t, err := p.thread(ctx, ticket)
	if err != nil {
		return psa.Record{}, err
	}
	for r, err := range p.notesOf(ctx, t, psa.Query{Parent: ticket}) {
		if err != nil {
			return fail(nil, err)
		}
		if r.Ref == ref {
			return r, r.Err
		}
	}
	return fail(psa.ErrNotFound, nil)
}

// A thread is all notes of one ticket.
type thread struct {
	list        *list
	rows        []byte // a JSON array
	opening     string // id of the note that is the ticket's description; "" if there is none
	description string
	first       []byte // the row of opening
}

// candidates reads the notes of a ticket. allNotes marks what was merged, bundled
// or copied from a parent ticket, but has neither a count nor an order, so
// that nothing proves a second page: what does not fit into one is read from
// notes, as on servers without allNotes.
func (p *Provider) candidates(ctx context.Context, ticket psa.Ref) (*thread, error) {
	every, plain := p.lists[psa.KindNote][0], p.lists[psa.KindNote][1]
	t := &thread{list: every}
	ok, old := false, p.c.quirks.has(noNotes, "")
	var err error
	if !old {
		t.rows, ok, err = p.allNotes(ctx, ticket)
		if old = errors.Is(err, psa.ErrUnsupported); err != nil && !old {
			return nil, err
		}
	}
	if !ok {
		t.list = plain
		if t.rows, err = p.plainNotes(ctx, ticket); err != nil {
			return nil, err
		}
	}
	if old {
		p.c.quirks.learn(noNotes, "") // one list is there, so the address of the other was good
	}
	// The issue or discussion note with the lowest id may be what the ticket was
	// opened with; ConnectWise tickets have no other description.
	for row, err := range rest.Rows(t.rows, "") {
		if err != nil {
			return nil, err
		}
		var n noteHead
		if keep, err := t.list.layout.Keep(row); err != nil || !keep || json.Unmarshal(row, &n) != nil || numeric(n.ID.String()) != nil {
			continue // yielded as a bad row, or none of this ticket's notes
		}
		if (n.Issue || n.Discussion) && (t.opening == "" || less(n.ID.String(), t.opening)) {
			t.opening, t.description, t.first = n.ID.String(), n.Text, row
		}
	}
	return t, nil
}

// allNotes reads the one page that is trusted; ok is false if there may be
// more. A server without the list is psa.ErrUnsupported.
func (p *Provider) allNotes(ctx context.Context, ticket psa.Ref) (rows []byte, ok bool, err error) {
	l := p.lists[psa.KindNote][0]
	path := strings.Replace(l.path, "{id}", url.PathEscape(ticket.ID), 1)
	request := func(page, size int) rest.Request {
		return rest.Request{
			Path: path, Endpoint: l.path, Op: opList(psa.KindNote), Ref: ticket,
			Query: url.Values{"page": {strconv.Itoa(page)}, "pageSize": {strconv.Itoa(size)}},
		}
	}
	resp, err := p.c.do(ctx, request(1, maxPage))
	if err != nil {
		return nil, false, err
	}
	link, err := readLink(resp.Header)
	n := 0
	for _, bad := range rest.Rows(resp.Body, "") {
		if bad != nil {
			return nil, false, bad
		}
		n++
	}
	if err != nil || link.next || n >= maxPage {
		return nil, false, nil
	}
	if p.c.quirks.doubtful(n) {
		more, err := p.c.do(ctx, request(2, n)) // what comes behind these rows
		if err != nil {
			return nil, false, err
		}
		if strings.TrimSpace(string(more.Body)) != "[]" {
			return nil, false, nil
		}
		p.c.quirks.proven(n, true)
	}
	return resp.Body, true, nil
}

// plainNotes reads all pages of a ticket's notes.
func (p *Provider) plainNotes(ctx context.Context, ticket psa.Ref) ([]byte, error) {
	l := p.lists[psa.KindNote][1]
	pagers, _, err := p.pagers(l, psa.Query{Parent: ticket})
	if err != nil {
		return nil, err
	}
	pagers[0].fields += ",issueFlag"
	rows := []byte{'['}
	listing := rest.Listing{
		Provider: name, Op: pagers[0].op, Kind: l.kind, Page: pagers[0].page, Verify: pagers[0].verify,
		Decode: func(row []byte, _ psa.Ref) psa.Record {
			return psa.Record{Ref: psa.Ref{Kind: l.kind, ID: "row"}, Raw: row}
		},
	}
	for r, err := range rest.Records(ctx, listing) {
		if err != nil {
			return nil, err
		}
		if len(rows) > 1 {
			rows = append(rows, ',')
		}
		rows = append(rows, r.Raw...)
	}
	return append(rows, ']'), nil
}

// notes yields the notes of one ticket, less the one that is its description.
func (p *Provider) notes(ctx context.Context, q psa.Query, yield func(psa.Record, error) bool) bool {
	t, err := p.thread(ctx, q.Parent)
	if err != nil {
		yield(psa.Record{}, err)
		return false
	}
	opening := psa.Ref{Kind: psa.KindNote, ID: q.Parent.ID + "/" + t.opening}
	for r, err := range p.notesOf(ctx, t, q) {
		if err != nil {
			yield(psa.Record{}, err)
			return false
		}
		if r.Ref != opening && !yield(r, nil) {
			return false
		}
	}
	return true
}

// notesOf yields all notes of a thread.
func (p *Provider) notesOf(ctx context.Context, t *thread, q psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		listing := rest.Listing{
			Provider: name, Op: opList(psa.KindNote), Kind: psa.KindNote, Parent: q.Parent,
			Page:   func(context.Context, string) (rest.Page, error) { return rest.Page{Body: t.rows}, nil },
			Shape:  p.shape(t.list, q.Parent, t.opening),
			Known:  q.Known,
			Decode: p.decoder(t.list),
		}
		for r, err := range rest.Records(ctx, listing) {
			if err == nil && skipped(r) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Find yields the rows whose fields have exactly the values of by; see
// [psa.Finder]. Mail addresses are compared without case.
func (p *Provider) Find(ctx context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		g, err := p.search(kind, by)
		if err != nil {
			yield(psa.Record{}, err)
			return
		}
		l := p.lists[kind][0]
		listing := rest.Listing{
			Provider: name, Op: g.op, Kind: kind, Page: g.page, Verify: g.verify,
			Shape: p.shape(l, psa.Ref{}, ""), Decode: p.decoder(l),
		}
		for r, err := range rest.Records(ctx, listing) {
			// The server matches without case and takes "*" for a wildcard.
			if err == nil && (skipped(r) || r.Err == nil && !l.matches(r.Fields, by)) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// search makes the request of Find.
func (p *Provider) search(kind psa.Kind, by psa.Fields) (*pager, error) {
	op := "find " + string(kind)
	fail := func(code error, detail string) (*pager, error) {
		return nil, &psa.Error{Provider: name, Op: op, Code: code, Detail: detail}
	}
	if !p.offers.Can(kind, psa.CanFind) {
		return fail(psa.ErrUnsupported, "rows of this kind cannot be looked up")
	}
	if len(by) == 0 {
		return fail(psa.ErrInvalid, "nothing to look for")
	}
	l := p.lists[kind][0]
	g := &pager{c: p.c, path: l.path, at: l.path, op: op, fields: l.fields, size: l.size, scrub: l.custom, conds: l.where}
	for _, field := range slices.Sorted(maps.Keys(by)) {
		f, ok := l.find[field]
		if !ok {
			return fail(psa.ErrUnsupported, "rows cannot be looked up by "+field)
		}
		value, ok := by[field].(string)
		if !ok || value == "" {
			return fail(psa.ErrInvalid, field+" is no text to look for")
		}
		literal, err := quote(value)
		if err != nil {
			return nil, &psa.Error{Provider: name, Op: op, Code: psa.ErrInvalid, Err: err}
		}
		if cond := fmt.Sprintf(f.format, literal); f.child {
			g.child = all(g.child, cond)
		} else {
			g.conds = all(g.conds, cond)
		}
	}
	if g.tooLong() {
		if !l.search {
			return fail(psa.ErrInvalid, "the value is too long to look for")
		}
		g.search = true
	}
	return g, nil
}

func (l *list) matches(have, by psa.Fields) bool {
	return rest.Matches(have, by, func(field string) bool { return l.find[field].fold })
}

// Deletions yields the companies that are marked as deleted, which is what a
// merge leaves behind as well; see [psa.DeletionLister]. A merge does not move
// lastUpdated, and may leave no date of deletion: such a company is yielded
// whatever since says. What was deleted for good, and records of other kinds,
// leave no trace: only a complete list shows it.
func (p *Provider) Deletions(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	return func(yield func(psa.Deletion, error) bool) {
		op := "deletions " + string(kind)
		if !p.offers.Can(kind, psa.CanDeletions) {
			yield(psa.Deletion{}, &psa.Error{Provider: name, Op: op, Code: psa.ErrUnsupported, Detail: "ConnectWise keeps no trace of deleted rows of this kind"})
			return
		}
		l := p.lists[kind][0]
		g := &pager{c: p.c, path: l.path, at: l.path, op: op, fields: "dateDeleted,deletedFlag,id", size: l.size, conds: "deletedFlag = true"}
		listing := rest.Listing{
			Provider: name, Op: op, Kind: kind, Page: g.page, Verify: g.verify,
			Decode: func(row []byte, _ psa.Ref) psa.Record { return deletedRow(kind, row) },
		}
		for r, err := range rest.Records(ctx, listing) {
			if err == nil {
				err = r.Err
			}
			if err != nil {
				yield(psa.Deletion{}, err)
				return
			}
			if !r.Updated.IsZero() && r.Updated.Before(since.Truncate(time.Second)) {
				continue
			}
			if !yield(psa.Deletion{Ref: r.Ref, At: r.Updated}, nil) {
				return
			}
		}
	}
}

// deletedRow reads the id of a deleted row, and in Updated when that was.
func deletedRow(kind psa.Kind, row []byte) psa.Record {
	var d struct {
		ID          json.Number `json:"id"`
		DateDeleted string      `json:"dateDeleted"`
	}
	if json.Unmarshal(row, &d) != nil || numeric(d.ID.String()) != nil {
		return psa.Record{Ref: psa.Ref{Kind: kind}, Err: &psa.Error{Provider: name, Op: "deletions " + string(kind), Code: psa.ErrData, Detail: "a row has no id"}}
	}
	at, err := time.Parse(time.RFC3339, d.DateDeleted)
	if err != nil {
		at = time.Time{} // no date, or none that can be compared
	}
	return psa.Record{Ref: psa.Ref{Kind: kind, ID: d.ID.String()}, Updated: at.UTC()}
}

// Count returns how many rows List yields; see [psa.Counter].
func (p *Provider) Count(ctx context.Context, kind psa.Kind, q psa.Query) (int, error) {
	op := "count " + string(kind)
	fail := func(code error, detail string) (int, error) {
		return 0, &psa.Error{Provider: name, Op: op, Code: code, Detail: detail}
	}
	if f := p.offers[kind]; !f.Can.Has(psa.CanCount) {
		return fail(psa.ErrUnsupported, f.Missing[psa.CanCount])
	}
	if err := p.admit(kind, q); err != nil {
		return 0, err
	}
	if q.After != "" {
		return fail(psa.ErrUnsupported, "rows behind another row are not counted")
	}
	if q.MatchesNothing() {
		return 0, nil
	}
	l := *p.lists[kind][0]
	l.search = false      // a search has no count
	l.push = l.flag != "" // nobody can drop rows from a count
	if q.ActiveOnly && l.flag != "" && p.c.quirks.has(noActive, l.path) {
		return fail(psa.ErrUnsupported, "the server takes no condition on "+l.flag)
	}
	pagers, _, err := p.pagers(&l, q)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, g := range pagers {
		g.op = op
		n, err := g.count(ctx)
		if q.ActiveOnly && l.flag != "" && errors.Is(err, errCondition) {
			p.c.quirks.learn(noActive, l.path)
			return fail(psa.ErrUnsupported, "the server takes no condition on "+l.flag)
		}
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
