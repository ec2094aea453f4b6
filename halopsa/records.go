package halopsa

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// recordLists are the lists of records.
func recordLists() []*list {
	both := func(params ...string) url.Values {
		return params2(append(params, "includeactive", "true", "includeinactive", "true"))
	}
	client := map[string]filter{"company": {param: "client_id"}}
	actions := func(kind psa.Kind, params ...string) *list {
		return &list{
			kind: kind, path: "/Actions", always: params2(params), rows: "actions",
			parent: psa.KindTicket, per: true, usage: -1, rated: true,
		}
	}
	return []*list{
		{
			kind: psa.KindCompany, path: "/Client", always: both(), rows: "clients", paged: true, flag: true, push: true, stamped: true, usage: 2,
			find: map[string]finder{"name": {params: search("search")}},
		},
		{
			kind: psa.KindSite, path: "/Site", always: both("includeaddress", "true"), rows: "sites", parent: psa.KindCompany,
			paged: true, flag: true, push: true, stamped: true, usage: 3, filter: client,
		},
		{
			// Every agent has a user of its own, and every site one that stands
			// for nobody.
			kind: psa.KindContact, path: "/Users", always: both("exclude_generaluser", "true", "exclude_defaultsiteusers", "true", "exclude_agents", "true"),
			rows: "users", parent: psa.KindCompany, paged: true, flag: true, push: true, stamped: true, counted: true, usage: 4,
			filter: map[string]filter{"company": {param: "client_id"}, "site": {param: "site_id"}},
			find:   map[string]finder{"email": {params: advanced("emailaddress"), fold: true}},
		},
		{
			// The list holds projects, tasks and opportunities as well.
			kind: psa.KindTicket, path: "/Tickets", always: params2([]string{"itil_requesttype", "1,2,3,4,21"}), rows: "tickets",
			paged: true, flag: true, stamped: true, usage: 1,
			filter: map[string]filter{
				"status": {param: "status", many: true}, "ticket_type": {param: "requesttype", many: true},
				"company": {param: "client_ids", many: true}, "owner": {param: "agent", many: true},
			},
			marker: "external_ref", find: map[string]finder{"external_ref": {params: advanced("third_party_id_string"), inner: true}},
		},
		actions(psa.KindNote, "excludesys", "true"),
		actions(psa.KindTimeEntry),
	}
}

// Get returns one row; see [psa.Provider]. It may hold more fields than a row
// of a list, and has no hash, since its bytes are others. Projects, tasks and
// opportunities, people who are none, and rows that stand for "none" are not
// found.
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
	l := p.lists[ref.Kind]
	parent, id, err := l.address(ref)
	if err != nil {
		return fail(psa.ErrInvalid, "", err)
	}
	var rec psa.Record
	if l.pick {
		rec, err = p.picked(ctx, l, parent, ref)
	} else {
		rec, err = p.one(ctx, l, parent, id, ref)
	}
	if err != nil {
		return psa.Record{}, named(err, op)
	}
	if rec.Ref != ref {
		return fail(psa.ErrData, "another row was answered", nil)
	}
	return rec, nil
}

var guidForm = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// address takes an id apart: "ticket/action" for actions, "SLA:priority" for
// priorities.
func (l *list) address(ref psa.Ref) (parent psa.Ref, id string, err error) {
	id = ref.ID
	sep := ""
	switch {
	case l.per:
		sep = "/"
	case l.parent == psa.KindSLA:
		sep = ":"
	case l.guid:
		if !guidForm.MatchString(id) {
			return parent, id, errors.New("no GUID")
		}
		return parent, id, nil
	}
	if sep != "" {
		var up string
		up, id, _ = strings.Cut(ref.ID, sep)
		parent = psa.Ref{Kind: l.parent, ID: up}
		if err := numeric(up); err != nil {
			return parent, id, err
		}
	}
	return parent, id, numeric(id)
}

// picked finds one row in its list. Priorities are addressed by a GUID that
// nothing refers to, and the numbers of lookups repeat in every list.
func (p *Provider) picked(ctx context.Context, l *list, parent, ref psa.Ref) (rec psa.Record, err error) {
	rec.Err = &psa.Error{Provider: name, Op: "get " + string(l.kind), Ref: ref, Code: psa.ErrNotFound}
	p.rows(ctx, l, psa.Query{Parent: parent}, func(r psa.Record, e error) bool {
		switch {
		case e != nil:
			err = e
		case r.Ref == ref:
			rec = r
			rec.Hash = psa.Hash{}
			return false
		}
		return true
	})
	if err == nil {
		err = rec.Err
	}
	return rec, err
}

// one reads one row of a list.
func (p *Provider) one(ctx context.Context, l *list, parent psa.Ref, id string, ref psa.Ref) (psa.Record, error) {
	b, err := p.behind(ctx, l)
	if err != nil {
		return psa.Record{}, err
	}
	body, err := p.raw(ctx, l, parent, id, ref)
	if err != nil {
		return psa.Record{}, err
	}
	fail := func(code, cause error) (psa.Record, error) {
		return psa.Record{}, &psa.Error{Provider: name, Op: "get " + string(l.kind), Ref: ref, Code: code, Err: cause}
	}
	if l.usage != 0 {
		body = withoutSecret(body)
	}
	if body, err = p.shape(l, parent, b).Cut(body); err != nil {
		return fail(psa.ErrData, err)
	}
	rec := p.decoder(l, b)(body, parent)
	switch {
	case errors.Is(rec.Err, errSkip):
		return fail(psa.ErrNotFound, errors.New("the row is out of scope"))
	case rec.Err != nil:
		return psa.Record{}, rec.Err
	}
	rec.Raw = body
	return rec, nil
}

// raw reads the bytes of one row.
func (p *Provider) raw(ctx context.Context, l *list, parent psa.Ref, id string, ref psa.Ref) (json.RawMessage, error) {
	q := maps.Clone(l.always)
	q.Set("includedetails", "true")
	if !parent.IsZero() {
		q.Set("ticket_id", parent.ID)
	}
	resp, err := p.c.do(ctx, rest.Request{
		Path: l.path + "/" + url.PathEscape(id), Endpoint: l.path + "/{id}", Op: "get " + string(l.kind), Ref: ref, Query: q,
	})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// gone reports whether a ticket is certainly not there.
func (p *Provider) gone(ctx context.Context, ref psa.Ref) bool {
	_, err := p.raw(ctx, p.lists[ref.Kind], psa.Ref{}, ref.ID, ref)
	return errors.Is(err, psa.ErrNotFound)
}

// Find yields the rows whose fields have exactly the values of by; see
// [psa.Finder]. Mail addresses are compared without case. It looks among
// inactive rows too.
func (p *Provider) Find(ctx context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		op := "find " + string(kind)
		params, err := p.search(kind, by)
		if err != nil {
			yield(psa.Record{}, err)
			return
		}
		l := p.lists[kind]
		b, err := p.behind(ctx, l)
		if err != nil {
			yield(psa.Record{}, named(err, op))
			return
		}
		g := p.pagers(l, psa.Query{}, b)[0]
		g.op = op
		maps.Copy(g.query, params)
		listing := rest.Listing{
			Provider: name, Op: op, Kind: kind, Page: g.page,
			Shape: p.shape(l, psa.Ref{}, b), Decode: p.decoder(l, b),
		}
		singles := 0
		for r, err := range rest.Records(ctx, listing) {
			if err == nil && r.Err == nil && l.hides(r.Fields, by) {
				if singles++; singles > maxSingles {
					yield(psa.Record{}, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Detail: "too many rows are answered: the search is ignored"})
					return
				}
				one, failed := p.Get(ctx, r.Ref)
				switch {
				case errors.Is(failed, psa.ErrNotFound):
					continue // deleted meanwhile
				case failed != nil:
					yield(psa.Record{}, failed)
					return
				}
				r = one
			}
			// A search finds parts of a name, and parameters may be ignored.
			if err == nil && (errors.Is(r.Err, errSkip) || r.Err == nil && !l.matches(r.Fields, by)) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// maxSingles bounds how many rows Find reads one by one, in case the server
// ignores what it was asked for.
const maxSingles = 25

// hides reports whether a row lacks a field that is looked for. Where it tells
// custom fields at all, those without a value may be left out.
func (l *list) hides(have, by psa.Fields) bool {
	for field := range by {
		head, _, _ := strings.Cut(field, ".")
		if _, ok := have[head]; !ok && l.find[field].inner {
			return true
		}
	}
	return false
}

// search makes the parameters of Find.
func (p *Provider) search(kind psa.Kind, by psa.Fields) (url.Values, error) {
	op := "find " + string(kind)
	fail := func(code error, detail string) (url.Values, error) {
		return nil, &psa.Error{Provider: name, Op: op, Code: code, Detail: detail}
	}
	if !p.offers.Can(kind, psa.CanFind) {
		return fail(psa.ErrUnsupported, "rows of this kind cannot be looked up")
	}
	if len(by) == 0 {
		return fail(psa.ErrInvalid, "nothing to look for")
	}
	params := url.Values{}
	for _, field := range slices.Sorted(maps.Keys(by)) {
		f, ok := p.lists[kind].find[field]
		if !ok {
			return fail(psa.ErrUnsupported, "rows cannot be looked up by "+field)
		}
		value, ok := by[field].(string)
		if !ok || value == "" {
			return fail(psa.ErrInvalid, field+" is no text to look for")
		}
		if len(value) > maxSearch {
			return fail(psa.ErrInvalid, "the value is too long to look for")
		}
		if f.params != nil {
			maps.Copy(params, f.params(value))
		}
	}
	return params, nil
}

// maxSearch keeps addresses short enough for proxies on the way.
const maxSearch = 500 // bytes

func (l *list) matches(have, by psa.Fields) bool {
	return rest.Matches(have, by, func(field string) bool { return l.find[field].fold })
}

// Deletions yields deleted tickets; see [psa.DeletionLister]. The moment is
// that of the last update, which a deletion is. A ticket that was merged names
// the one it went into. Records of other kinds leave no trace: only a complete
// list shows it.
func (p *Provider) Deletions(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	return func(yield func(psa.Deletion, error) bool) {
		op := "deletions " + string(kind)
		if !p.offers.Can(kind, psa.CanDeletions) {
			yield(psa.Deletion{}, &psa.Error{Provider: name, Op: op, Code: psa.ErrUnsupported, Detail: "Halo tells deleted tickets only"})
			return
		}
		l := p.lists[kind]
		g := p.pagers(l, psa.Query{}, behind{})[0]
		g.op = op
		g.query.Set("deleted", "true")
		listing := rest.Listing{
			Provider: name, Op: op, Kind: kind, Page: g.page, Shape: p.shape(l, psa.Ref{}, behind{}), Decode: p.decoder(l, behind{}),
		}
		for r, err := range rest.Records(ctx, listing) {
			if err == nil && errors.Is(r.Err, errSkip) {
				continue
			}
			if err == nil {
				err = r.Err
			}
			if err != nil {
				yield(psa.Deletion{}, err)
				return
			}
			if !r.Updated.IsZero() && r.Updated.Before(since.Truncate(granularity)) {
				continue
			}
			d := psa.Deletion{Ref: r.Ref, At: r.Updated}
			if into := r.Fields.Ref("merged_into").ID; into != "" {
				d.MergedInto = psa.Ref{Kind: kind, ID: into}
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// Count returns how many rows List yields; see [psa.Counter].
func (p *Provider) Count(ctx context.Context, kind psa.Kind, q psa.Query) (int, error) {
	op := "count " + string(kind)
	if f := p.offers[kind]; !f.Can.Has(psa.CanCount) {
		return 0, &psa.Error{Provider: name, Op: op, Code: psa.ErrUnsupported, Detail: f.Missing[psa.CanCount]}
	}
	if err := p.admit(kind, q); err != nil {
		return 0, err
	}
	if q.MatchesNothing() {
		return 0, nil
	}
	total := 0
	for _, g := range p.pagers(p.lists[kind], q, behind{}) {
		g.op = op
		n, err := g.count(ctx)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
