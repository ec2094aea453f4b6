package halopsa

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"golang.org/x/sync/errgroup"
)

// granularity of stamps: they have up to seven digits of a second, and are cut
// to what the filter by time is known to take.
const granularity = time.Microsecond

// A list is one list of the API behind a kind.
type list struct {
	kind    psa.Kind
	path    string     // below the API's root
	always  url.Values // parameters of every request; unknown ones are ignored by the server
	rows    string     // expected key of the rows, where there is a wrapper
	parent  psa.Kind
	per     bool // rows are listed one parent at a time
	paged   bool
	flag    bool // rows may be inactive
	push    bool // includeinactive leaves them out
	stamped bool // lastupdatefromdate can be filtered by
	counted bool // record_count counts what is listed
	usage   int  // of the custom fields that rows carry; 0: none
	thin    bool // rows lack what is needed: each is read by itself
	pick    bool // a row has no address, or one that its id does not tell: Get looks it up in the list
	guid    bool // ids are GUIDs
	rated   bool // chargerate names a rate here and holds none
	filter  map[string]filter
	find    map[string]finder
	marker  string // field that can hold the marker of a new row; "": none

	layout *mapping.KindLayout
	size   int // rows of a page
}

// configLists are the configuration lists of the API (vendor's OpenAPI
// document v2). Whether rows come that are not in use is decided by another
// parameter in every one.
func configLists() []*list {
	setup := func(kind psa.Kind, path string, params ...string) *list {
		return &list{kind: kind, path: path, always: params2(params)}
	}
	flagged := func(l *list) *list { l.flag = true; return l }
	picked := func(l *list) *list { l.pick = true; return l }
	ranked := func(kind psa.Kind) *list {
		l := picked(flagged(setup(kind, "/Priority")))
		l.parent, l.filter = psa.KindSLA, map[string]filter{"sla": {param: "slaid"}}
		return l
	}
	lookup := func(kind psa.Kind) *list { return picked(flagged(setup(kind, "/Lookup", "showallcodes", "true"))) }
	roles := setup(psa.KindRole, "/Roles", "isconfig", "true")
	roles.guid = true
	types := flagged(setup(psa.KindTicketType, "/TicketType", "showall", "true", "showinactive", "true"))
	types.thin = true
	fields := setup(psa.KindCustomField, "/FieldInfo", "includevalues", "true", "getlookupvalues", "true")
	return []*list{
		setup(psa.KindLocation, "/Organisation"),
		setup(psa.KindDepartment, "/TopLevel", "agent_departments_only", "true", "show_all", "true"),
		roles,
		lookup(psa.KindWorkType),
		flagged(setup(psa.KindMember, "/Agent", "includeenabled", "true", "includedisabled", "true", "includeapiagents", "true", "includeunassigned", "false", "showall", "true")),
		setup(psa.KindStatus, "/Status", "showall", "true"),
		ranked(psa.KindPriority),
		lookup(psa.KindUrgency),
		lookup(psa.KindImpact),
		types,
		setup(psa.KindClassification, "/Category"),
		flagged(setup(psa.KindTeam, "/Team", "showall", "true", "includeenabled", "true", "includedisabled", "true", "includeagents", "true")),
		lookup(psa.KindTicketSource),
		setup(psa.KindSLA, "/SLA", "isconfig", "true"),
		ranked(psa.KindSLATarget),
		flagged(setup(psa.KindTemplate, "/Template", "showall", "true")),
		fields,
		lookup(psa.KindCompanyType),
		flagged(setup(psa.KindNoteType, "/Outcome", "showhidden", "true")),
	}
}

// params2 makes parameters of names and values.
func params2(pairs []string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// prepare looks the layout up.
func (l *list) prepare(layout *mapping.Layout, pageSize int) {
	l.layout = layout.Kind(l.kind)
	l.size = maxPage
	if l.paged {
		l.size = cmp.Or(pageSize, maxPage)
	}
}

// denied are keys that hold money or secrets (vendor's OpenAPI document).
// Lists cannot select keys, so they are cut out of rows before hashing. Of an
// action, chargerate is the number of a charge rate and no money.
func (l *list) denied() []string {
	keys := []string{
		"_getoauthtoken", "_importtoken", "_revoke_tokens", "actionchargeamount", "actionmileageamount", "actionnonchargeamount", "actionprepayamount",
		"actiontravelamount", "actualcost", "api_access_clientsecret", "autotopupbyamount", "autotopupcostperhour", "autotopuptoamount",
		"bank_details_line_1", "bank_details_line_2", "bank_details_line_3", "bank_details_line_4", "bank_details_line_5",
		"billforrecurringprepayamount", "budgets", "chargerates", "contract_balance", "contract_value", "cost", "costprice", "defprepayamount",
		"discountperc", "hourlyrate", "hourlyrate2", "invoicelabouramount", "invoicematerialsamount", "itemsprice", "kashflowpassword",
		"new_access_token", "new_orion_password", "new_password", "new_refresh_token", "new_servicenow_webhooksecret",
		"new_thirdpartynhdapiclientsecret", "oppprofit", "oppvalue", "orion_password", "overriding_rates", "overrideticketcost", "password",
		"pomincostforapproval", "prepay_balance_amount", "prepayasamount", "prepaybalance", "projectmoneyactual", "projectmoneybudget",
		"quotelabouramount", "quotemarginforapproval", "quotematerialsamount", "recaptcha_token", "sql_new_password", "startbalance",
		"teamviewerpassword", "twilio_subaccount_authtoken",
	}
	if !l.rated {
		keys = append(keys, "chargerate")
	}
	if l.kind == psa.KindWorkType { // value2 is the rate, the others depend on it
		keys = append(keys, "value2", "value3", "value4", "value5", "value6", "value7", "value8", "value9", "custom1", "custom2", "valueint1")
	}
	return keys
}

// volatile are keys that change without anybody changing the row.
func volatile() []string {
	return []string{"lastlogindate", "onlinestatus", "ticket_count", "key", "teamphotopath"}
}

// List yields the rows of a kind; see [psa.Provider]. Notes and time entries
// are read one ticket after the other, and a ticket that is deleted meanwhile
// has none.
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
		l := p.lists[kind]
		if !l.per || !q.Parent.IsZero() {
			p.rows(ctx, l, q, yield)
			return
		}
		p.perParent(ctx, l, q, yield)
	}
}

func opList(kind psa.Kind) string { return "list " + string(kind) }

// admit refuses what Features does not offer, before a request is made.
func (p *Provider) admit(kind psa.Kind, q psa.Query) error {
	if err := rest.Admit(name, "Halo", opList(kind), kind, p.offers[kind], q); err != nil {
		return err
	}
	ids := slices.Concat(slices.Collect(maps.Values(q.Scope))...)
	if !q.Parent.IsZero() {
		ids = append(ids, q.Parent.ID)
	}
	if err := numeric(ids...); err != nil {
		return &psa.Error{Provider: name, Op: opList(kind), Ref: q.Parent, Code: psa.ErrInvalid, Err: err}
	}
	return nil
}

// perParent lists the rows of every parent.
func (p *Provider) perParent(ctx context.Context, l *list, q psa.Query, yield func(psa.Record, error) bool) {
	p.rows(ctx, p.lists[l.parent], psa.Query{}, func(parent psa.Record, err error) bool {
		if err == nil {
			err = parent.Err
		}
		if err != nil {
			yield(psa.Record{}, err)
			return false
		}
		q.Parent = parent.Ref
		gone := false
		more := p.rows(ctx, l, q, func(r psa.Record, err error) bool {
			// Only a parent that is gone by now has no rows.
			if errors.Is(err, psa.ErrNotFound) && p.gone(ctx, parent.Ref) {
				gone = true
				return false
			}
			return yield(r, err)
		})
		return more || gone
	})
}

// errSkip marks a row that belongs to no kind, or to another one.
var errSkip = errors.New("skipped")

// rows yields the rows of one list. It reports false when the loop is over: it
// was left, or an error was yielded.
func (p *Provider) rows(ctx context.Context, l *list, q psa.Query, yield func(psa.Record, error) bool) bool {
	b, err := p.behind(ctx, l)
	if err != nil {
		yield(psa.Record{}, named(err, opList(l.kind)))
		return false
	}
	if l.path == "/Priority" && q.Parent.IsZero() && len(q.Scope) == 0 {
		if b.rows, err = p.ranks.Get(ctx, opList(l.kind), string(l.kind), fresh, p.readRanks); err != nil {
			yield(psa.Record{}, named(err, opList(l.kind)))
			return false
		}
	}
	known := q.Known
	if q.ActiveOnly && l.flag || len(q.Scope) > 0 {
		known = nil // a known row does not say whether it is asked for
	}
	parent := psa.Ref{}
	if l.per {
		parent = q.Parent
	}
	for _, g := range p.pagers(l, q, b) {
		listing := rest.Listing{
			Provider: name, Op: g.op, Kind: l.kind, Parent: parent, Page: g.page,
			Shape: p.shape(l, parent, b), Known: known, Decode: p.decoder(l, b),
		}
		for r, err := range rest.Records(ctx, listing) {
			if err != nil {
				yield(psa.Record{}, err)
				return false
			}
			if errors.Is(r.Err, errSkip) || r.Err == nil && !r.Unchanged && !l.asked(r, q) {
				continue
			}
			if !yield(r, nil) {
				return false
			}
		}
	}
	return true
}

// asked reports whether a row is what a query asks for. A server ignores
// parameters that it does not know, and then answers the whole list.
func (l *list) asked(r psa.Record, q psa.Query) bool {
	switch {
	case q.ActiveOnly && l.flag && !r.Active:
		return false
	case !q.Parent.IsZero() && r.Parent != q.Parent:
		return false
	case !q.Since.IsZero() && r.Updated.Before(q.Since.Truncate(granularity)):
		return false
	}
	for field, ids := range q.Scope {
		if len(ids) > 0 && !slices.Contains(ids, r.Fields.Ref(field).ID) {
			return false
		}
	}
	return true
}

// shape cuts and salts the rows of a list.
func (p *Provider) shape(l *list, parent psa.Ref, b behind) *rest.Shape {
	return rest.NewShape(rest.ShapeConfig{
		Deny: l.denied(), Volatile: volatile(), Salt: p.salt + "\x00" + b.salt, Kind: l.kind, Parent: parent,
	})
}

// decoder turns rows into records.
func (p *Provider) decoder(l *list, b behind) func([]byte, psa.Ref) psa.Record {
	return func(row []byte, parent psa.Ref) psa.Record {
		r := l.layout.Decode(row, parent)
		keep, err := l.layout.Keep(row)
		switch {
		case err != nil && r.Err == nil:
			r.Err, r.Fields = err, nil
		case err == nil && !keep:
			return psa.Record{Err: errSkip}
		case r.Err == nil:
			r.Updated = r.Updated.Truncate(granularity)
			return b.complete(l, r, row)
		}
		return r
	}
}

// named gives an error that belongs to no request the name of what was tried.
func named(err error, op string) error {
	var e *psa.Error
	if !errors.As(err, &e) || e.Op != "" {
		return err
	}
	own := *e
	own.Op = op
	return &own
}

// single reads each row of a page by itself, for lists whose rows are too thin:
// which statuses a ticket type allows stands in its details alone.
func (p *Provider) single(l *list) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, body []byte) ([]byte, error) {
		var rows [][]byte
		for row, err := range rest.Rows(body, "") {
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(4)
		for i, row := range rows {
			_, id, ok := rowID(row)
			if !ok {
				continue // yielded as a bad row
			}
			group.Go(func() error {
				one, err := p.raw(ctx, l, psa.Ref{}, id, psa.Ref{Kind: l.kind, ID: id})
				switch {
				case errors.Is(err, psa.ErrNotFound):
					rows[i] = nil // deleted meanwhile
				case err != nil:
					return err
				default:
					rows[i] = one
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		rows = slices.DeleteFunc(rows, func(r []byte) bool { return r == nil })
		return slices.Concat([]byte{'['}, slices.Concat(joined(rows)...), []byte{']'}), nil
	}
}

// joined puts commas between rows.
func joined(rows [][]byte) [][]byte {
	var out [][]byte
	for i, row := range rows {
		if i > 0 {
			out = append(out, []byte{','})
		}
		out = append(out, row)
	}
	return out
}
