package autotask

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// recordLists are the lists of records.
func recordLists() []*list {
	field := func(name string) scope { return scope{field: name} }
	return []*list{
		{
			// Company 0 is the tenant's own.
			kind: psa.KindCompany, entity: "Companies", flag: "isActive", on: true, push: true, stamp: "lastActivityDate", open: "OpenAccount&AccountID",
			filter: map[string]scope{"types": field("companyType"), "classification": field("classification"), "parent_company": field("parentCompanyID")},
			find:   map[string]finder{"name": {field: "companyName"}, "number": {field: "companyNumber"}},
		},
		{
			kind: psa.KindSite, entity: "CompanyLocations", parent: psa.KindCompany, flag: "isActive", on: true, push: true,
			filter: map[string]scope{"company": field("companyID")},
		},
		{
			kind: psa.KindContact, entity: "Contacts", parent: psa.KindCompany, flag: "isActive", on: 1, push: true, // a number here
			stamp: "lastModifiedDate", created: "createDate", open: "OpenContact&ContactID",
			filter: map[string]scope{"company": field("companyID"), "site": field("companyLocationID")},
			find:   map[string]finder{"email": {field: "emailAddress", fold: true}, "external_ref": {field: "externalID"}},
		},
		{
			kind: psa.KindTicket, entity: "Tickets", stamp: "lastActivityDate", open: "OpenTicketDetail&TicketID",
			filter: map[string]scope{
				"board": field("queueID"), "status": field("status"), "priority": field("priority"), "ticket_type": field("ticketType"),
				"category_1": {field: "issueType", prefix: "1:"}, "category_2": {field: "subIssueType", prefix: "2:"},
				"form": field("ticketCategory"), "source": field("source"), "sla": field("serviceLevelAgreementID"),
				"company": field("companyID"), "contact": field("contactID"), "owner": field("assignedResourceID"),
			},
			find: map[string]finder{"number": {field: "ticketNumber"}, "external_ref": {field: "externalID"}},
		},
		{
			kind: psa.KindNote, entity: "TicketNotes", parent: psa.KindTicket, stamp: "lastActivityDate", created: "createDateTime",
			where:  []filter{is("noteq", "noteType", 13)},
			filter: map[string]scope{"ticket": field("ticketID"), "type": field("noteType"), "member": field("creatorResourceID")},
		},
		{
			kind: psa.KindTimeEntry, entity: "TimeEntries", parent: psa.KindTicket, stamp: "lastModifiedDateTime", created: "createDateTime",
			where: []filter{is("exist", "ticketID", nil)},
			filter: map[string]scope{
				"ticket": field("ticketID"), "member": field("resourceID"), "work_type": field("billingCodeID"), "work_role": field("roleID"),
			},
		},
	}
}

// Get returns one row; see [psa.Provider]. It is asked for as a list of one, so
// that it has the bytes and the hash that List sees. A choice of a picklist
// comes out of the whole picklist.
func (p *Provider) Get(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	f, op := p.offers[ref.Kind], "get "+string(ref.Kind)
	fail := func(code error, detail string, cause error) (psa.Record, error) {
		return psa.Record{}, &psa.Error{Provider: name, Op: op, Ref: ref, Code: code, Detail: detail, Err: cause}
	}
	if !f.Can.Has(psa.CanGet) {
		return fail(psa.ErrUnsupported, f.Missing[psa.CanList], nil)
	}
	if err := ctx.Err(); err != nil {
		return fail(nil, "", err)
	}
	l, id, err := p.address(ref)
	if err != nil {
		return fail(psa.ErrInvalid, "", err)
	}
	var found psa.Record
	take := func(r psa.Record, e error) bool {
		if e != nil || r.Ref == ref {
			found, err = r, e
			return false
		}
		return true
	}
	if f.Can.Has(psa.CanUpdate) {
		// Who reads the row may write to it next, and then goes by it at once,
		// without a request for this. That it failed is of no concern before.
		_, _ = p.metadata(ctx, l.entity, op, "", settled)
	}
	if l.field != "" {
		p.picks(ctx, l, op, "get "+l.entry(), psa.Query{}, take)
	} else {
		found, err = p.one(ctx, l, op, id)
	}
	var e *psa.Error
	switch {
	case errors.As(err, &e):
		own := *e
		own.Ref = ref
		return psa.Record{}, &own
	case found.Err != nil:
		return psa.Record{}, found.Err
	case found.ID == "":
		return fail(psa.ErrNotFound, "", nil)
	case found.Ref != ref:
		return fail(psa.ErrData, "another row was answered", nil)
	}
	return found, nil
}

// address returns the list that a row is in, and the vendor's id.
func (p *Provider) address(ref psa.Ref) (l *list, id string, err error) {
	l, id = p.lists[ref.Kind][0], ref.ID
	if ref.Kind == psa.KindClassification {
		level, rest, _ := strings.Cut(ref.ID, ":")
		if id = rest; level == "2" {
			l = p.lists[ref.Kind][1]
		} else if level != "1" {
			id = ref.ID // not numeric
			if numeric(id) == nil {
				return l, id, errors.New("an id of a classification begins with its level")
			}
		}
	}
	return l, id, numeric(id)
}

// one lists the row with an id. A row that is not there is what a missing right
// looks like.
func (p *Provider) one(ctx context.Context, l *list, op, id string) (psa.Record, error) {
	x, err := p.extra(ctx, l, op, "get "+l.entry())
	if err != nil {
		return psa.Record{}, err
	}
	g := &pager{
		c: p.c, entity: l.entity, op: op, size: 1, secret: x.secret, fields: slices.Concat(l.fields, x.fields), whole: true,
		filter: slices.Concat([]filter{in("id", []string{id})}, l.where, x.where),
	}
	for r, err := range rest.Records(ctx, p.listing(l, g, x, nil)) {
		if err != nil || !errors.Is(r.Err, errSkip) {
			return r, err
		}
	}
	return psa.Record{}, nil
}

// Find yields the rows whose fields have exactly these values; see
// [psa.Finder]. An e-mail address has no case.
func (p *Provider) Find(ctx context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		g, err := p.search(kind, by)
		if err != nil {
			yield(psa.Record{}, err)
			return
		}
		l := p.lists[kind][0]
		x, err := p.extra(ctx, l, g.op, l.entry())
		if err != nil {
			yield(psa.Record{}, err)
			return
		}
		g.secret, g.fields = x.secret, slices.Concat(l.fields, x.fields)
		for r, err := range rest.Records(ctx, p.listing(l, g, x, nil)) {
			// The server matches without case and without space at the end.
			if err == nil && (errors.Is(r.Err, errSkip) || r.Err == nil && !l.matches(r.Fields, by)) {
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
	g := &pager{c: p.c, entity: l.entity, op: op, size: l.size, strict: true, filter: slices.Clone(l.where)}
	for _, field := range slices.Sorted(maps.Keys(by)) {
		f, ok := l.find[field]
		if !ok {
			return fail(psa.ErrUnsupported, "rows cannot be looked up by "+field)
		}
		value, ok := by[field].(string)
		if !ok || value == "" || !utf8.ValidString(value) {
			return fail(psa.ErrInvalid, field+" is no text to look for")
		}
		g.filter = append(g.filter, is("eq", f.field, value))
	}
	return g, nil
}

func (l *list) matches(have, by psa.Fields) bool {
	return rest.Matches(have, by, func(field string) bool { return l.find[field].fold })
}

// Deletions yields the tickets that people deleted, from the log that Autotask
// keeps of them; see [psa.DeletionLister]. The log of deleted notes and time
// entries does not name them, and other records leave no trace: only a complete
// list shows it. Merged tickets are not marked.
func (p *Provider) Deletions(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	return func(yield func(psa.Deletion, error) bool) {
		op := "deletions " + string(kind)
		if f := p.offers[kind]; !f.Can.Has(psa.CanDeletions) {
			yield(psa.Deletion{}, &psa.Error{Provider: name, Op: op, Code: psa.ErrUnsupported, Detail: f.Missing[psa.CanDeletions]})
			return
		}
		g := &pager{
			c: p.c, entity: "DeletedTicketLogs", op: op, size: p.size, fields: []string{"deletedDateTime", "id", "ticketID"},
			filter: []filter{behind("")}, whole: since.IsZero(),
		}
		if !since.IsZero() {
			g.filter = append(g.filter, deletedSince(since))
		}
		listing := rest.Listing{
			Provider: name, Op: op, Kind: kind, Page: g.page, Wrapper: wrapper, Verify: g.verify,
			Decode: func(row []byte, _ psa.Ref) psa.Record { return deletedRow(kind, row) }, Duplicates: rest.DuplicatesDrop,
		}
		for r, err := range rest.Records(ctx, listing) {
			if err == nil {
				err = r.Err
			}
			if err != nil {
				yield(psa.Deletion{}, err)
				return
			}
			if !yield(psa.Deletion{Ref: r.Ref, At: r.Updated}, nil) {
				return
			}
		}
	}
}

func deletedSince(t time.Time) filter { return since(t, "deletedDateTime", "") }

// deletedRow reads the id of a deleted row, and in Updated when that was.
func deletedRow(kind psa.Kind, row []byte) psa.Record {
	var d struct {
		ID json.Number `json:"ticketID"`
		At string      `json:"deletedDateTime"`
	}
	if json.Unmarshal(row, &d) != nil || numeric(d.ID.String()) != nil {
		return psa.Record{Ref: psa.Ref{Kind: kind}, Err: &psa.Error{Provider: name, Op: "deletions " + string(kind), Code: psa.ErrData, Detail: "a row has no id"}}
	}
	at, err := time.Parse("2006-01-02T15:04:05.999999999", strings.TrimSuffix(d.At, "Z")) // always UTC
	if err != nil {
		at = time.Time{} // no date, or none that can be compared
	}
	return psa.Record{Ref: psa.Ref{Kind: kind, ID: d.ID.String()}, Updated: at}
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
	if q.MatchesNothing() {
		return 0, nil
	}
	if q.After != "" {
		return fail(psa.ErrUnsupported, "rows behind another row are not counted")
	}
	l := p.lists[kind][0]
	var x extra
	if kind == psa.KindWorkType { // the others filter nothing
		var err error
		if x, err = p.workExtra(ctx, op); err != nil {
			return 0, err
		}
	}
	pagers, err := p.pagers(l, q, x, op, true) // nobody can drop rows from a count
	if err != nil {
		return 0, err
	}
	total := 0
	for _, g := range pagers {
		n, err := g.count(ctx)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
