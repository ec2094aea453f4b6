package autotask

import (
	"context"
	"errors"
	"iter"
	"maps"
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
	entity  string // "Tickets" of /Tickets/query
	field   string // whose picklist holds the rows; "": rows of the entity
	up      string // prefix of the ids of parents within the kind
	parent  psa.Kind
	where   []filter // that always holds
	flag    string   // says whether a row is active; "": nothing
	on      any      // its value for active rows
	push    bool     // leave inactive rows to the server, since they may be many
	stamp   string   // when a row was changed; "": nothing tells
	created string   // stands for stamp in rows that were never changed
	custom  bool     // rows carry user-defined fields
	open    string   // command that opens a record, up to its id; "": no url
	filter  map[string]scope
	find    map[string]finder

	layout *mapping.KindLayout
	fields []string // to ask for
	size   int      // rows of a page
}

// A scope is a name of Query.Scope.
type scope struct {
	field  string
	prefix string // of the ids
}

// A finder is a name of Find.
type finder struct {
	field string
	fold  bool // the value has no case
}

// configLists are the configuration lists of the API. Most of it are picklists:
// there is no entity for queues, statuses, priorities or issue types.
func configLists() []*list {
	pick := func(kind psa.Kind, entity, field string) *list {
		return &list{kind: kind, entity: entity, field: field, flag: "isActive", on: true}
	}
	rows := func(kind psa.Kind, entity, flag string) *list {
		return &list{kind: kind, entity: entity, flag: flag, on: true}
	}
	sub := pick(psa.KindClassification, "Tickets", "subIssueType")
	sub.variant, sub.up = "sub", "1:"
	return []*list{
		rows(psa.KindLocation, "InternalLocations", ""),
		rows(psa.KindDepartment, "Departments", ""),
		rows(psa.KindWorkRole, "Roles", "isActive"),
		rows(psa.KindWorkType, "BillingCodes", "isActive"),
		rows(psa.KindMember, "Resources", "isActive"),
		pick(psa.KindBoard, "Tickets", "queueID"),
		pick(psa.KindStatus, "Tickets", "status"),
		pick(psa.KindPriority, "Tickets", "priority"),
		pick(psa.KindTicketType, "Tickets", "ticketType"),
		pick(psa.KindClassification, "Tickets", "issueType"),
		sub,
		rows(psa.KindForm, "TicketCategories", "isActive"),
		pick(psa.KindTicketSource, "Tickets", "source"),
		pick(psa.KindSLA, "Tickets", "serviceLevelAgreementID"),
		rows(psa.KindCustomField, definitions, "isActive"),
		pick(psa.KindCompanyType, "Companies", "companyType"),
		pick(psa.KindCompanyClassification, "Companies", "classification"),
		pick(psa.KindNoteType, "TicketNotes", "noteType"),
	}
}

// prepare looks the layout up, and selects the fields that it reads.
func (l *list) prepare(layout *mapping.Layout, size int) {
	entry := string(l.kind)
	if l.variant != "" {
		entry += "/" + l.variant
	}
	l.layout, l.size = layout.Kind(psa.Kind(entry)), size
	l.fields = []string{"id"}
	for _, s := range l.layout.Sources() {
		if top, _, _ := strings.Cut(s, "."); top != "userDefinedFields" {
			l.fields = append(l.fields, top)
		} else {
			l.custom = true // its fields are asked for by name
		}
	}
	if l.kind == psa.KindCompany {
		l.fields = append(l.fields, "companyType")
	}
	slices.Sort(l.fields)
	l.fields = slices.Compact(l.fields)
}

// denied are keys that hold money or secrets (keys of the REST schema). They
// are never asked for; they are cut out of rows all the same, before hashing,
// for servers that do not select.
func denied() []string {
	return []string{
		"accountingReferenceID", "assetValue", "hourlyFactor", "hourlyRate", "internalCost", "markupRate", "password",
		"payrollType", "secret", "secretKey", "taxID", "unitCost", "unitPrice",
	}
}

// List yields the rows of a kind; see [psa.Provider].
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
		for _, l := range p.lists[kind] {
			if l.field != "" {
				if !p.picks(ctx, l, opList(kind), l.entry(), q, yield) {
					return
				}
				continue
			}
			if !p.rows(ctx, l, q, yield) {
				return
			}
		}
	}
}

func opList(kind psa.Kind) string { return "list " + string(kind) }

// entry names a list among those of its kind.
func (l *list) entry() string { return string(l.kind) + "/" + l.variant }

// admit refuses what Features does not offer, before a request is made.
func (p *Provider) admit(kind psa.Kind, q psa.Query) error {
	if err := rest.Admit(name, "Autotask", opList(kind), kind, p.offers[kind], q); err != nil {
		return err
	}
	for field, ids := range q.Scope {
		if _, err := p.lists[kind][0].scoped(field, ids); err != nil {
			return &psa.Error{Provider: name, Op: opList(kind), Code: psa.ErrInvalid, Err: err}
		}
	}
	if q.After != "" && numeric(q.After) != nil || !q.Parent.IsZero() && numeric(q.Parent.ID) != nil {
		return &psa.Error{Provider: name, Op: opList(kind), Ref: q.Parent, Code: psa.ErrInvalid, Detail: "no Autotask id"}
	}
	return nil
}

// scoped returns the vendor's ids of a filter.
func (l *list) scoped(field string, ids []string) ([]string, error) {
	var own []string
	for _, id := range ids {
		own = append(own, strings.TrimPrefix(id, l.filter[field].prefix))
	}
	return distinct(own), numeric(own...)
}

// errSkip marks a row that belongs to no kind, or to another one.
var errSkip = errors.New("skipped")

// rows yields the rows of one list. It reports false when the loop is over: it
// was left, or an error was yielded.
func (p *Provider) rows(ctx context.Context, l *list, q psa.Query, yield func(psa.Record, error) bool) bool {
	op := opList(l.kind)
	x, err := p.extra(ctx, l, op, l.entry())
	if err != nil {
		yield(psa.Record{}, err)
		return false
	}
	pagers, err := p.pagers(l, q, x, op, l.push)
	if err != nil {
		yield(psa.Record{}, err)
		return false
	}
	for _, g := range pagers {
		if !p.hand(ctx, p.listing(l, g, x, q.Known), l, q, yield) {
			return false
		}
	}
	return true
}

// listing reads the pages of a list.
func (p *Provider) listing(l *list, g *pager, x extra, known psa.Known) rest.Listing {
	return rest.Listing{
		Provider: name, Op: g.op, Kind: l.kind, Page: g.page, Wrapper: wrapper, Verify: g.verify,
		Shape: p.shape(l, x), Known: known, Decode: p.decoder(l, x), Duplicates: duplicates(g),
	}
}

// duplicates says what a row means that comes twice: where pages need not come
// in order, rows may have moved.
func duplicates(g *pager) rest.Duplicates {
	if g.strict {
		return rest.DuplicatesPass
	}
	return rest.DuplicatesDrop
}

// hand yields the rows of a listing that the query asks for.
func (p *Provider) hand(ctx context.Context, listing rest.Listing, l *list, q psa.Query, yield func(psa.Record, error) bool) bool {
	drop := q.ActiveOnly && l.flag != ""
	if drop {
		listing.Known = nil // a known row does not say whether it is active
	}
	for r, err := range rest.Records(ctx, listing) {
		if err != nil {
			yield(psa.Record{}, err)
			return false
		}
		if errors.Is(r.Err, errSkip) || drop && r.Err == nil && !r.Active {
			continue
		}
		if !yield(r, nil) {
			return false
		}
	}
	return true
}

// shape cuts and salts the rows of a list.
func (p *Provider) shape(l *list, x extra) *rest.Shape {
	return rest.NewShape(rest.ShapeConfig{Deny: append(denied(), x.deny...), Salt: p.salt + "\x00" + l.variant + "\x00" + x.salt, Kind: l.kind})
}

// decoder turns rows into records.
func (p *Provider) decoder(l *list, x extra) func([]byte, psa.Ref) psa.Record {
	return func(row []byte, parent psa.Ref) psa.Record {
		r := l.layout.Decode(row, parent)
		keep, err := l.layout.Keep(row)
		switch {
		case err != nil && r.Err == nil:
			r.Err = err
		case err == nil && !keep:
			return psa.Record{Err: errSkip}
		case r.Err == nil && x.finish != nil:
			if err := x.finish(row, &r); err != nil {
				r.Err = &psa.Error{Provider: name, Op: "decode", Ref: r.Ref, Code: psa.ErrData, Err: err}
			}
		}
		if r.Err != nil {
			r.Fields = nil
		}
		return r
	}
}

// pagers returns the requests that answer a query, one after the other: more
// than one if a filter has too many ids for one.
func (p *Provider) pagers(l *list, q psa.Query, x extra, op string, push bool) ([]*pager, error) {
	fail := func(code error, detail string) ([]*pager, error) {
		return nil, &psa.Error{Provider: name, Op: op, Code: code, Detail: detail}
	}
	conds := slices.Concat([]filter{behind(q.After)}, l.where, x.where)
	if !q.Since.IsZero() {
		conds = append(conds, since(q.Since, l.stamp, l.created))
	}
	if !q.Parent.IsZero() {
		conds = append(conds, in(l.filter[string(l.parent)].field, []string{q.Parent.ID}))
	}
	if q.ActiveOnly && push && l.flag != "" {
		conds = append(conds, isActive(l.flag, l.on))
	}
	long, ids := "", map[string][]string{} // long: the filter with the most ids
	for _, field := range slices.Sorted(maps.Keys(q.Scope)) {
		var err error
		if ids[field], err = l.scoped(field, q.Scope[field]); err != nil {
			return nil, &psa.Error{Provider: name, Op: op, Code: psa.ErrInvalid, Err: err}
		}
		if len(ids[field]) > len(ids[long]) {
			long = field
		}
	}
	for _, field := range slices.Sorted(maps.Keys(ids)) {
		if field != long {
			conds = append(conds, in(l.filter[field].field, ids[field]))
		}
	}
	g := pager{
		c: p.c, entity: l.entity, op: op, filter: conds, size: l.size, secret: x.secret, strict: l.kind.IsRecord(),
		fields: slices.Concat(l.fields, x.fields),
		whole:  q.After == "" && q.Since.IsZero() && q.Parent.IsZero() && len(ids) == 0,
	}
	if long == "" {
		return []*pager{&g}, nil
	}
	room := maxOr - alternatives(conds)
	switch {
	case room < 1:
		return fail(psa.ErrInvalid, "the filters have too many ids for one request")
	case room < len(ids[long]) && q.After != "":
		return fail(psa.ErrUnsupported, "a list with a filter this long cannot be resumed")
	}
	var pagers []*pager
	for part := range slices.Chunk(ids[long], room) {
		own := g
		own.filter = append(slices.Clone(conds), in(l.filter[long].field, part))
		pagers = append(pagers, &own)
	}
	return pagers, nil
}
