package connectwise

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// A list is one list of the API behind a kind.
type list struct {
	kind    psa.Kind
	variant string // of the layout
	path    string // below the API's root; {id} is the parent
	parent  psa.Kind
	per     bool   // rows are listed one parent at a time
	where   string // condition that always holds
	flag    string // what marks inactive rows; "": nothing
	push    bool   // leave inactive rows to the server, since they may be many
	stamped bool   // lastUpdated can be filtered by
	search  bool   // long conditions can be posted to path/search
	every   bool   // the list of notes that old servers lack
	custom  bool   // rows carry custom fields
	record  string // type of record in links; "": no url
	filter  map[string]filter
	find    map[string]finder

	layout *mapping.KindLayout
	fields string // value of the fields parameter
	size   int    // rows of a page
}

// A filter is a name of Query.Scope.
type filter struct {
	path   string // in conditions
	prefix string // of the ids
	child  bool   // path leads into an array: childConditions
}

// A finder makes the condition that Find needs for a value in quotes.
type finder struct {
	format string // with %s for the value
	child  bool
	fold   bool // the value has no case
}

// configLists are the configuration lists of the API (reference: REST schemas
// of 2025.1, paths of 2025.16). No right to setup tables is needed to read
// them: "setup table endpoints give inquiry access" (developer guide).
//
// Inactive rows are marked in three ways: inactiveFlag, inactive (statuses
// alone), or not at all.
func configLists() []*list {
	const flag = "inactiveFlag"
	board := func(kind psa.Kind, variant, path, flag string) *list {
		return &list{kind: kind, variant: variant, path: "/service/boards/{id}/" + path, parent: psa.KindBoard, per: true, flag: flag, stamped: true}
	}
	setup := func(kind psa.Kind, path, flag string) *list {
		return &list{kind: kind, path: path, flag: flag, stamped: true}
	}
	associations := board(psa.KindClassificationAssociation, "", "typeSubTypeItemAssociations", "")
	associations.stamped = false
	fields := setup(psa.KindCustomField, "/system/userDefinedFields", "")
	fields.stamped = false
	return []*list{
		setup(psa.KindLocation, "/system/locations", ""),
		setup(psa.KindDepartment, "/system/departments", ""),
		setup(psa.KindMemberType, "/system/members/types", flag),
		setup(psa.KindRole, "/system/securityroles", flag),
		setup(psa.KindWorkRole, "/time/workRoles", flag),
		setup(psa.KindWorkType, "/time/workTypes", flag),
		setup(psa.KindMember, "/system/members", flag),
		setup(psa.KindBoard, "/service/boards", flag),
		board(psa.KindStatus, "", "statuses", "inactive"),
		setup(psa.KindPriority, "/service/priorities", ""),
		setup(psa.KindUrgency, "/service/severities", ""),
		setup(psa.KindImpact, "/service/impacts", ""),
		board(psa.KindClassification, "", "types", flag),
		board(psa.KindClassification, "subtype", "subtypes", flag),
		board(psa.KindClassification, "item", "items", flag),
		associations,
		board(psa.KindTeam, "", "teams", ""),
		setup(psa.KindTicketSource, "/service/sources", ""),
		setup(psa.KindServiceLocation, "/service/locations", ""),
		setup(psa.KindSLA, "/service/SLAs", ""),
		{kind: psa.KindSLATarget, path: "/service/SLAs/{id}/priorities", parent: psa.KindSLA, per: true, stamped: true},
		setup(psa.KindTemplate, "/service/templates", ""),
		fields,
		setup(psa.KindCompanyType, "/company/companies/types", ""),
		setup(psa.KindCompanyStatus, "/company/companies/statuses", flag),
		setup(psa.KindCompanyTeamRole, "/company/teamRoles", ""),
		setup(psa.KindContactType, "/company/contacts/types", ""),
		setup(psa.KindContactRole, "/company/contacts/relationships", ""),
		setup(psa.KindContactDepartment, "/company/contacts/departments", ""),
		setup(psa.KindCommunicationType, "/company/communicationTypes", ""),
		setup(psa.KindChargeCode, "/time/chargeCodes", ""),
		setup(psa.KindNoteType, "/company/noteTypes", ""),
	}
}

// prepare looks the layout up, and selects the fields that it reads. Only
// top-level names are asked for: nested ones are refused by some endpoints,
// and references hold little else.
func (l *list) prepare(layout *mapping.Layout, pageSize int) {
	entry := string(l.kind)
	if l.variant != "" {
		entry += "/" + l.variant
	}
	l.layout = layout.Kind(psa.Kind(entry))
	l.size = maxPage
	if l.kind.IsRecord() {
		l.size = 500 // custom fields and communications make rows heavy
	}
	l.size = cmp.Or(pageSize, l.size)
	l.custom = slices.Contains(l.layout.Sources(), "customFields") || slices.Contains(l.layout.Sources(), "customFields.id")
	l.fields = selection(l.layout.Sources())
	if l.per && l.kind.IsConfig() {
		l.filter = map[string]filter{string(l.parent): {}} // picks the parents
	}
}

// selection returns the value of the fields parameter for the layout's paths.
func selection(sources []string) string {
	names := []string{"id"}
	for _, s := range sources {
		top, _, _ := strings.Cut(s, ".")
		names = append(names, top)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// denied are keys that hold money or secrets (ConnectWise REST schemas). They
// are never asked for; they are cut out of rows all the same, before hashing,
// for servers that do not know the fields parameter.
func denied() []string {
	return []string{
		"adjustment", "agreementAdjustment", "agreementAmount", "annualRevenue", "billAmount", "billableForecast",
		"billingAmount", "clientId", "compHourlyRate", "compLimitAmount", "costMultiplier", "estimatedExpenseCost",
		"estimatedExpenseRevenue", "estimatedProductCost", "estimatedProductRevenue", "estimatedTimeCost",
		"estimatedTimeRevenue", "expenseReimbursement", "extendedInvoiceAmount", "hourlyCost", "hourlyRate",
		"invoiceAmount", "ldapConfiguration", "office365", "overageRate", "password", "portalPassword", "privateKey",
		"publicKey", "rate", "securityIdentifier", "ssoSettings", "stsUserAdminUrl", "subBillingAmount", "taxIdentifier",
		"token",
	}
}

// List yields the rows of a kind; see [psa.Provider]. A kind with
// Feature.PerParent is read one parent after the other, and a parent that is
// deleted meanwhile has no rows.
func (p *Provider) List(ctx context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		if err := p.admit(kind, q); err != nil {
			yield(psa.Record{}, err)
			return
		}
		if q.MatchesNothing() {
			return
		}
		if err := ctx.Err(); err != nil {
			yield(psa.Record{}, &psa.Error{Provider: name, Op: opList(kind), Err: err})
			return
		}
		switch kind {
		case psa.KindCustomField:
			p.listCustomFields(ctx, q, yield)
			return
		case psa.KindNote:
			p.perParent(ctx, kind, q, p.notes, yield)
			return
		}
		l := p.lists[kind][0]
		if !l.per {
			p.rows(ctx, l, q, "", yield)
			return
		}
		p.perParent(ctx, kind, q, func(ctx context.Context, q psa.Query, yield func(psa.Record, error) bool) bool {
			for _, l := range p.lists[kind] {
				if !p.rows(ctx, l, q, "", yield) {
					return false
				}
			}
			return true
		}, yield)
	}
}

func opList(kind psa.Kind) string { return "list " + string(kind) }

// admit refuses what Features does not offer, before a request is made.
func (p *Provider) admit(kind psa.Kind, q psa.Query) error {
	if err := rest.Admit(name, "ConnectWise", opList(kind), kind, p.offers[kind], q); err != nil {
		return err
	}
	for field, ids := range q.Scope {
		if _, err := p.lists[kind][0].scoped(field, ids); err != nil {
			return &psa.Error{Provider: name, Op: opList(kind), Code: psa.ErrInvalid, Err: err}
		}
	}
	if q.After != "" && numeric(q.After) != nil || !q.Parent.IsZero() && numeric(q.Parent.ID) != nil {
		return &psa.Error{Provider: name, Op: opList(kind), Ref: q.Parent, Code: psa.ErrInvalid, Detail: "no ConnectWise id"}
	}
	return nil
}

// scoped returns the vendor's ids of a filter, each once.
func (l *list) scoped(field string, ids []string) ([]string, error) {
	var own []string
	for _, id := range ids {
		own = append(own, strings.TrimPrefix(id, l.filter[field].prefix))
	}
	slices.Sort(own) // an id that is given twice must not come in two requests
	own = slices.Compact(own)
	return own, numeric(own...)
}

// perParent calls rows for every parent of the query. Without one, the parents
// are listed first.
func (p *Provider) perParent(ctx context.Context, kind psa.Kind, q psa.Query,
	rows func(context.Context, psa.Query, func(psa.Record, error) bool) bool, yield func(psa.Record, error) bool) {
	parent := p.offers[kind].Parent
	if !q.Parent.IsZero() {
		rows(ctx, q, yield)
		return
	}
	for ref, err := range p.parents(ctx, parent, q.Scope[string(parent)]) {
		if err != nil {
			yield(psa.Record{}, err)
			return
		}
		q.Parent = ref
		gone := false
		more := rows(ctx, q, func(r psa.Record, err error) bool {
			if err != nil && errors.Is(err, psa.ErrNotFound) {
				// Only a parent that is gone by now has no rows.
				if p.gone(ctx, ref) {
					gone = true
					return false
				}
			}
			return yield(r, err)
		})
		if !more && !gone {
			return
		}
	}
}

// parents yields the refs of a kind, with nothing but ids asked for.
func (p *Provider) parents(ctx context.Context, kind psa.Kind, only []string) iter.Seq2[psa.Ref, error] {
	return func(yield func(psa.Ref, error) bool) {
		if len(only) > 0 {
			ids := slices.Clone(only)
			slices.Sort(ids)
			for _, id := range slices.Compact(ids) {
				if !yield(psa.Ref{Kind: kind, ID: id}, nil) {
					return
				}
			}
			return
		}
		l := *p.lists[kind][0]
		l.fields = "id"
		if l.kind == psa.KindTicket {
			l.fields = "id,recordType"
		}
		p.rows(ctx, &l, psa.Query{}, "", func(r psa.Record, err error) bool {
			if err == nil {
				err = r.Err
			}
			return yield(r.Ref, err) && err == nil
		})
	}
}

// errSkip marks a row that belongs to no kind, or to another one.
var errSkip = errors.New("skipped")

func skipped(r psa.Record) bool { return errors.Is(r.Err, errSkip) }

// rows yields the rows of one list. It reports false when the loop is over: it
// was left, or an error was yielded. salt is what rows depend on besides the
// list.
func (p *Provider) rows(ctx context.Context, l *list, q psa.Query, salt string, yield func(psa.Record, error) bool) bool {
	pagers, local, err := p.pagers(l, q)
	if err != nil {
		yield(psa.Record{}, err)
		return false
	}
	known := q.Known
	if q.ActiveOnly && l.flag != "" {
		known = nil // a known row does not say whether it is active
	}
	parent := psa.Ref{}
	if l.per {
		parent = q.Parent
	}
	begun := false
	for _, g := range pagers {
		listing := rest.Listing{
			Provider: name, Op: g.op, Kind: l.kind, Parent: parent,
			First: q.After, Page: g.page, Verify: g.verify,
			Shape: p.shape(l, parent, salt), Known: known, Decode: p.decoder(l),
		}
		for r, err := range rest.Records(ctx, listing) {
			if err != nil {
				if q.ActiveOnly && !local && !begun && errors.Is(err, errCondition) {
					// Some endpoints return the flag and refuse it in conditions.
					p.c.quirks.learn(noActive, l.path)
					return p.rows(ctx, l, q, salt, yield)
				}
				yield(psa.Record{}, err)
				return false
			}
			begun = true
			if l.kind == psa.KindTicket {
				p.remember(r)
			}
			if skipped(r) || q.ActiveOnly && l.flag != "" && r.Err == nil && !r.Unchanged && !r.Active {
				continue
			}
			if !yield(r, nil) {
				return false
			}
		}
	}
	return true
}

// shape cuts and salts the rows of a list.
func (p *Provider) shape(l *list, parent psa.Ref, salt string) *rest.Shape {
	return rest.NewShape(rest.ShapeConfig{Deny: denied(), Salt: p.salt + "\x00" + l.variant + "\x00" + salt, Kind: l.kind, Parent: parent})
}

// decoder turns rows into records.
func (p *Provider) decoder(l *list) func([]byte, psa.Ref) psa.Record {
	return func(row []byte, parent psa.Ref) psa.Record {
		r := l.layout.Decode(row, parent)
		keep, err := l.layout.Keep(row)
		switch {
		case err != nil && r.Err == nil:
			r.Err, r.Fields = err, nil
		case err == nil && !keep:
			return psa.Record{Err: errSkip}
		case r.Err == nil && l.kind.IsRecord():
			noneForEmpty(r.Fields)
			if l.record != "" {
				r.Fields["url"] = p.link(l.record, r.ID)
			}
		}
		return r
	}
}

// pagers returns the requests that answer a query, one after the other: more
// than one if a filter does not fit into one address. local is set if inactive
// rows have to be dropped here.
func (p *Provider) pagers(l *list, q psa.Query) (pagers []*pager, local bool, err error) {
	g := &pager{
		c: p.c, path: strings.Replace(l.path, "{id}", url.PathEscape(q.Parent.ID), 1), at: l.path,
		op: opList(l.kind), fields: l.fields, size: l.size, scrub: l.custom,
	}
	conds := []string{l.where, since(q.Since)}
	if !q.Parent.IsZero() && !l.per {
		conds = append(conds, l.filter[string(l.parent)].path+" = "+q.Parent.ID)
	}
	local = !q.ActiveOnly || !l.push || p.c.quirks.has(noActive, l.path)
	if !local {
		conds = append(conds, isActive(l.flag))
	}
	long := "" // the filter with the most ids, which may have to be divided
	ids := map[string][]string{}
	for _, field := range slices.Sorted(maps.Keys(q.Scope)) {
		if l.filter[field].path == "" {
			continue // picks parents
		}
		if ids[field], err = l.scoped(field, q.Scope[field]); err != nil {
			return nil, false, &psa.Error{Provider: name, Op: g.op, Code: psa.ErrInvalid, Err: err}
		}
		if !l.filter[field].child && len(ids[field]) > len(ids[long]) {
			long = field
		}
	}
	for _, field := range slices.Sorted(maps.Keys(ids)) {
		switch f := l.filter[field]; {
		case f.child:
			g.child = all(g.child, in(f.path, ids[field]))
		case field != long:
			conds = append(conds, in(f.path, ids[field]))
		}
	}
	g.conds = all(conds...)
	if long == "" {
		return []*pager{g}, local, p.fits(g)
	}
	path, rest := l.filter[long].path, g.conds
	if g.conds = all(rest, in(path, ids[long])); !g.tooLong() {
		return []*pager{g}, local, nil
	}
	if l.search {
		g.search = true
		return []*pager{g}, local, nil
	}
	if q.After != "" {
		return nil, false, &psa.Error{Provider: name, Op: g.op, Code: psa.ErrUnsupported, Detail: "a list with a filter this long cannot be resumed"}
	}
	g.conds = all(rest, in(path, []string{"0", "0"}))
	room := maxURL - g.length()
	if room < 50 {
		return nil, false, p.fits(g)
	}
	for _, part := range split(ids[long], room) {
		own := *g
		own.conds = all(rest, in(path, part))
		pagers = append(pagers, &own)
	}
	return pagers, local, nil
}

func (p *Provider) fits(g *pager) error {
	if g.tooLong() {
		return &psa.Error{Provider: name, Op: g.op, Code: psa.ErrInvalid, Detail: "the filter is too long for one request"}
	}
	return nil
}

// listCustomFields adds to each definition the kinds of records that carry it.
func (p *Provider) listCustomFields(ctx context.Context, q psa.Query, yield func(psa.Record, error) bool) {
	owners, err := p.owners(ctx)
	if err != nil {
		yield(psa.Record{}, err)
		return
	}
	p.rows(ctx, p.lists[psa.KindCustomField][0], q, ownersSalt(owners), func(r psa.Record, err error) bool {
		return yield(withOwners(r, owners), err)
	})
}

func withOwners(r psa.Record, owners map[string][]any) psa.Record {
	if r.Fields != nil {
		r.Fields["owners"] = append([]any{}, owners[r.ID]...)
	}
	return r
}

// ownersSalt is part of a definition's hash: it changes with its owners, which
// do not stand in the row.
func ownersSalt(owners map[string][]any) string {
	return fmt.Sprint(owners) // fmt writes maps in the order of their keys
}

// owners tells which kinds of records carry a custom field. A definition names
// none: its screen and pod ids are documented nowhere. So one row of each kind
// is read, with nothing but its custom fields, of which the ids are taken and
// the values never looked at. A kind without rows, or one that may not be
// read, leaves its fields without an owner: unknown. Fields of sites belong to
// no list of their own and stay unknown too.
func (p *Provider) owners(ctx context.Context) (map[string][]any, error) {
	owners := map[string][]any{}
	for _, kind := range []psa.Kind{psa.KindCompany, psa.KindContact, psa.KindTicket, psa.KindTimeEntry} {
		resp, err := p.c.do(ctx, rest.Request{
			Path: p.lists[kind][0].path, Endpoint: p.lists[kind][0].path, Op: opList(psa.KindCustomField),
			Query: url.Values{"pageSize": {"1"}, "fields": {"customFields"}},
		})
		// Any other failure may pass, and must not look like a change.
		if errors.Is(err, psa.ErrDenied) || errors.Is(err, psa.ErrInvalid) || errors.Is(err, psa.ErrUnsupported) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var rows []struct {
			CustomFields []struct {
				ID json.Number `json:"id"`
			} `json:"customFields"`
		}
		if json.Unmarshal(resp.Body, &rows) != nil {
			return nil, &psa.Error{Provider: name, Op: opList(psa.KindCustomField), Code: psa.ErrData, Detail: "the custom fields of a " + string(kind) + " make no sense"}
		}
		for _, row := range rows {
			for _, f := range row.CustomFields {
				owners[f.ID.String()] = append(owners[f.ID.String()], string(kind))
			}
		}
	}
	return owners, nil
}
