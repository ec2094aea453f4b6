package autotask

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// A picklist is the choices of one field, as the vendor sent them.
type picklist []byte // a JSON array

// metadata is what entityInformation/fields says: picklists by the name of
// their field in lower case, since metadata and rows differ in case.
type metadata map[string]picklist

// A choice is an element of a picklist.
type choice struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

func (m metadata) choices(field string) ([]choice, error) {
	var all []choice
	if raw, ok := m[strings.ToLower(field)]; !ok || json.Unmarshal(raw, &all) != nil {
		return nil, fmt.Errorf("%w: %s is no picklist", psa.ErrData, field)
	}
	return all, nil
}

// settled is how long the system's own codes are good for.
const settled = time.Hour

// A memo keeps one answer of the vendor for those who ask for the same.
//
// One call of entityInformation/fields holds the picklists of seven kinds, and
// the lists of a resync ask for it one by one. They share an answer where that
// can make none of them older than its own resync: it serves each user once,
// within one set of traces (a resync has a trace of its own), for a minute. So
// whoever lists a kind twice gets two answers, whatever was asked in between.
type memo[T any] struct {
	turn chan struct{} // held by the one caller that reads
	mu   sync.Mutex    // never held across a wait
	v    T
	at   time.Time // of v; zero: none
	of   []*psa.Trace
	used map[string]bool
}

func newMemo[T any]() *memo[T] { return &memo[T]{turn: make(chan struct{}, 1)} }

// get returns the kept value, or reads it. An empty user takes any value of at
// most that age. A caller that is cancelled leaves its turn to the next.
func (m *memo[T]) get(ctx context.Context, op, user string, age time.Duration, read func(context.Context) (T, error)) (v T, err error) {
	if v, ok := m.take(ctx, user, age); ok {
		return v, nil
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return v, &psa.Error{Provider: name, Op: op, Err: ctx.Err()}
	}
	if v, ok := m.take(ctx, user, age); ok {
		return v, nil
	}
	began := time.Now()
	if v, err = read(ctx); err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.v, m.at, m.of, m.used = v, began, psa.TracesOf(ctx), map[string]bool{user: true}
	return v, nil
}

func (m *memo[T]) take(ctx context.Context, user string, age time.Duration) (v T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.at.IsZero() || time.Since(m.at) >= age:
		return v, false
	case user == "":
		return m.v, true
	case m.used[user] || !slices.Equal(m.of, psa.TracesOf(ctx)):
		return v, false
	}
	m.used[user] = true
	return m.v, true
}

// memos are the answers that are shared.
type memos struct {
	fields  map[string]*memo[metadata] // by entity
	customs *memo[[]definition]
}

func newMemos(lists map[psa.Kind][]*list) *memos {
	m := &memos{fields: map[string]*memo[metadata]{}, customs: newMemo[[]definition]()}
	for _, of := range lists {
		for _, l := range of {
			m.fields[l.entity] = newMemo[metadata]()
		}
	}
	return m
}

// metadata returns what an entity says about its fields; see memo.
func (p *Provider) metadata(ctx context.Context, entity, op, user string, age time.Duration) (metadata, error) {
	return p.memos.fields[entity].get(ctx, op, user, age, func(ctx context.Context) (metadata, error) {
		resp, err := p.c.do(ctx, rest.Request{
			Path: "/" + entity + "/entityInformation/fields", Endpoint: "/" + entity + "/entityInformation/fields", Op: op,
		})
		if err != nil {
			return nil, err
		}
		var body struct {
			Fields []struct {
				Name   string          `json:"name"`
				Pick   bool            `json:"isPickList"`
				Values json.RawMessage `json:"picklistValues"`
			} `json:"fields"`
		}
		if json.Unmarshal(resp.Body, &body) != nil || len(body.Fields) == 0 {
			return nil, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Detail: "the fields of " + entity + " make no sense"}
		}
		m := metadata{}
		for _, f := range body.Fields {
			switch {
			case !f.Pick:
			case len(f.Values) == 0 || string(f.Values) == "null":
				m[strings.ToLower(f.Name)] = picklist("[]")
			default:
				m[strings.ToLower(f.Name)] = picklist(f.Values)
			}
		}
		return m, nil
	})
}

// picks yields the choices of a picklist. It reports false when the loop is
// over: it was left, or an error was yielded.
func (p *Provider) picks(ctx context.Context, l *list, op, user string, q psa.Query, yield func(psa.Record, error) bool) bool {
	m, err := p.metadata(ctx, l.entity, op, user, fresh)
	if err != nil {
		yield(psa.Record{}, err)
		return false
	}
	values, ok := m[strings.ToLower(l.field)]
	if !ok {
		yield(psa.Record{}, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Detail: l.entity + " has no picklist " + l.field})
		return false
	}
	return p.hand(ctx, rest.Listing{
		Provider: name, Op: op, Kind: l.kind, Shape: p.shape(l, extra{}), Known: q.Known, Decode: p.decoder(l, extra{finish: parentOf(l)}),
		Page: func(context.Context, string) (rest.Page, error) {
			return rest.Page{Body: bytes.Clone(values)}, nil
		},
	}, l, q, yield)
}

// parentOf fills what a sub-issue type hangs on: one issue type, as a text
// that may be empty.
func parentOf(l *list) func([]byte, *psa.Record) error {
	if l.up == "" {
		return nil
	}
	return func(row []byte, r *psa.Record) error {
		var c struct {
			Parent string `json:"parentValue"`
		}
		if json.Unmarshal(row, &c) != nil {
			return fmt.Errorf("parentValue is no text")
		}
		r.Fields["parents"] = []any{}
		if c.Parent != "" && c.Parent != "0" {
			r.Fields["parents"] = []any{l.up + c.Parent}
		}
		return nil
	}
}

// A definition is what is needed of a user-defined field to find it in rows.
type definition struct {
	ID        json.Number `json:"id"`
	Name      string      `json:"name"`
	Owner     json.Number `json:"udfType"`
	Encrypted bool        `json:"isEncrypted"`
	Active    *bool       `json:"isActive"`
}

const definitions = "UserDefinedFieldDefinitions"

// customs returns the user-defined fields of the records of a kind. Rows call
// them by name, which people may change, so the names are read anew once a
// minute; the owner's code is the system's and stays. Without the right to read
// definitions there are none, and records come without custom fields.
func (p *Provider) customs(ctx context.Context, kind psa.Kind, op string) ([]definition, error) {
	owners, err := p.owners(ctx, op, "", settled)
	if err != nil {
		return nil, err
	}
	all, err := p.memos.customs.get(ctx, op, "", fresh, func(ctx context.Context) ([]definition, error) {
		var all []definition
		err := p.each(ctx, definitions, op, false, []string{"id", "isActive", "isEncrypted", "name", "udfType"}, func(row []byte) error {
			var d definition
			if json.Unmarshal(row, &d) != nil || numeric(d.ID.String()) != nil {
				return fmt.Errorf("%w: a user-defined field makes no sense", psa.ErrData)
			}
			all = append(all, d)
			return nil
		})
		return all, err
	})
	if err != nil {
		return nil, err
	}
	var own []definition
	for _, d := range all {
		if owners[d.Owner.String()] == kind && (d.Active == nil || *d.Active) {
			own = append(own, d)
		}
	}
	return own, nil
}

// owners returns the kinds of records by udfType, whose numbers are documented
// for companies only: the labels of the picklist tell.
func (p *Provider) owners(ctx context.Context, op, user string, age time.Duration) (map[string]psa.Kind, error) {
	m, err := p.metadata(ctx, definitions, op, user, age)
	if err != nil {
		return nil, err
	}
	all, err := m.choices("udfType")
	if err != nil {
		return nil, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Err: err}
	}
	owners := map[string]psa.Kind{}
	for _, c := range all {
		switch strings.ToLower(c.Label) {
		case "company", "companies", "account", "accounts":
			owners[c.Value] = psa.KindCompany
		case "contact", "contacts":
			owners[c.Value] = psa.KindContact
		case "ticket", "tickets", "service ticket":
			owners[c.Value] = psa.KindTicket
		}
	}
	return owners, nil
}

// An extra is what rows depend on besides their list.
type extra struct {
	salt   string // of their hashes
	where  []filter
	fields []string // to ask for besides the layout's
	secret []string // user-defined fields to cut out
	deny   []string // further keys to cut out
	finish func(row []byte, r *psa.Record) error
}

// extra reads what the rows of a list depend on. user is for memo: whoever
// lists the kind.
func (p *Provider) extra(ctx context.Context, l *list, op, user string) (extra, error) {
	switch l.kind {
	case psa.KindCompany, psa.KindContact, psa.KindTicket:
		return p.recordExtra(ctx, l, op)
	case psa.KindNote:
		return p.noteExtra(ctx, op)
	case psa.KindWorkType:
		return p.workExtra(ctx, op)
	case psa.KindForm:
		return p.formExtra(ctx, op)
	case psa.KindCustomField:
		return p.fieldExtra(ctx, op, user)
	}
	return extra{}, nil
}

// recordExtra names user-defined fields by the ids of their definitions, and
// makes links.
func (p *Provider) recordExtra(ctx context.Context, l *list, op string) (x extra, err error) {
	at, err := p.c.here(ctx)
	if err != nil {
		return x, err
	}
	all, err := p.customs(ctx, l.kind, op)
	if err != nil {
		return x, err
	}
	link := linkTo(at.info.WebURL, l.open)
	ids := map[string]string{} // by name in lower case
	for _, d := range all {
		if d.Encrypted {
			x.secret = append(x.secret, d.Name)
			continue
		}
		x.fields = append(x.fields, d.Name)
		ids[strings.ToLower(d.Name)] = d.ID.String()
	}
	slices.Sort(x.fields)
	if len(all) == 0 {
		x.deny = []string{"userDefinedFields"} // nobody says which are encrypted
	}
	x.salt = link("") + fmt.Sprint(ids) // fmt writes maps in the order of their keys
	x.finish = func(row []byte, r *psa.Record) error {
		if url := link(r.ID); url != "" {
			r.Fields["url"] = url
		}
		// Fields may be left out where no row of a page has a value.
		custom := make(psa.Fields, len(ids))
		for _, id := range ids {
			custom[id] = nil
		}
		named, _ := r.Fields["custom"].(psa.Fields)
		for n, v := range named {
			if id, ok := ids[strings.ToLower(n)]; ok {
				custom[id] = v
			}
		}
		r.Fields["custom"] = custom
		if l.kind == psa.KindCompany {
			return companyTypes(row, r)
		}
		return nil
	}
	return x, nil
}

// companyTypes makes a list of the one type that a company has.
func companyTypes(row []byte, r *psa.Record) error {
	var c struct {
		Type *json.Number `json:"companyType"`
	}
	if json.Unmarshal(row, &c) != nil {
		return fmt.Errorf("companyType is no number")
	}
	r.Fields["types"] = []any{}
	if c.Type != nil {
		r.Fields["types"] = []any{psa.Reference{ID: c.Type.String()}.Fields()}
	}
	return nil
}

// noteExtra knows which values of publish show a note to the client's own
// technicians: there are some where co-management is on, and their labels tell.
func (p *Provider) noteExtra(ctx context.Context, op string) (x extra, err error) {
	m, err := p.metadata(ctx, "TicketNotes", op, "", settled)
	if err != nil {
		return x, err
	}
	all, err := m.choices("publish")
	if err != nil {
		return x, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Err: err}
	}
	team := map[string]bool{}
	for _, c := range all {
		label := strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(c.Label))
		if c.Value != "1" && c.Value != "2" && strings.Contains(label, "comanage") {
			team[c.Value] = true
		}
	}
	if len(team) == 0 {
		return x, nil
	}
	x.salt = fmt.Sprint(team)
	x.finish = func(row []byte, r *psa.Record) error {
		var n struct {
			Publish json.Number `json:"publish"`
		}
		if json.Unmarshal(row, &n) != nil {
			return fmt.Errorf("publish is no number")
		}
		if team[n.Publish.String()] {
			r.Fields["visibility"] = string(psa.TeamOnly)
		}
		return nil
	}
	return x, nil
}

// workExtra keeps the billing codes that time on tickets takes. The numbers of
// useType are documented nowhere but for internal time, so its labels tell,
// unless Config.WorkTypeUse does.
func (p *Provider) workExtra(ctx context.Context, op string) (x extra, err error) {
	uses := p.workTypeUse
	if len(uses) == 0 {
		m, err := p.metadata(ctx, "BillingCodes", op, "", settled)
		if err != nil {
			return x, err
		}
		all, err := m.choices("useType")
		if err != nil {
			return x, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Err: err}
		}
		for _, c := range all {
			switch strings.ToLower(c.Label) {
			case "labor", "labour", "work type", "work types", "general", "general allocation code":
				uses = append(uses, c.Value)
			}
		}
	}
	if len(uses) == 0 || numeric(uses...) != nil {
		return x, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Detail: "no use type of billing codes is called labor; name the one of work types in Config.WorkTypeUse"}
	}
	x.where = []filter{in("useType", uses)}
	return x, nil
}

// formExtra adds what each ticket category presets, which stands in a list of
// its own.
func (p *Provider) formExtra(ctx context.Context, op string) (x extra, err error) {
	layout := p.presets.layout
	shape := p.shape(p.presets, extra{})
	presets := map[string]psa.Fields{}
	sum := sha256.New()
	err = p.each(ctx, p.presets.entity, op, true, p.presets.fields, func(row []byte) error {
		row, err := shape.Cut(row)
		if err != nil {
			return err
		}
		sum.Write(row)
		r := layout.Decode(row, psa.Ref{})
		if r.Err != nil {
			return r.Err
		}
		set, _ := r.Fields["defaults"].(psa.Fields)
		for field, v := range set {
			if v == nil || v == "" {
				delete(set, field)
			}
		}
		presets[r.ID] = set
		return nil
	})
	if err != nil {
		return x, err
	}
	x.salt = hex.EncodeToString(sum.Sum(nil))
	x.finish = func(_ []byte, r *psa.Record) error {
		r.Fields["defaults"] = psa.Fields{}
		if set := presets[r.ID]; set != nil {
			r.Fields["defaults"] = set.Clone()
		}
		return nil
	}
	return x, nil
}

// fieldExtra adds owner, type and options to the definitions of user-defined
// fields.
func (p *Provider) fieldExtra(ctx context.Context, op, user string) (x extra, err error) {
	owners, err := p.owners(ctx, op, user, fresh)
	if err != nil {
		return x, err
	}
	m, err := p.metadata(ctx, definitions, op, "", fresh)
	if err != nil {
		return x, err
	}
	all, err := m.choices("dataType")
	if err != nil {
		return x, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Err: err}
	}
	types := map[string]string{}
	for _, c := range all {
		types[c.Value] = fieldType(c.Label)
	}
	options := map[string][]option{}
	err = p.each(ctx, "UserDefinedFieldListItems", op, true, []string{"id", "isActive", "udfFieldId", "valueForDisplay", "valueForExport"}, func(row []byte) error {
		var o option
		if json.Unmarshal(row, &o) != nil || numeric(o.ID.String(), o.Field.String()) != nil {
			return fmt.Errorf("%w: an item of a list field makes no sense", psa.ErrData)
		}
		options[o.Field.String()] = append(options[o.Field.String()], o)
		return nil
	})
	if err != nil {
		return x, err
	}
	x.fields = []string{"dataType", "defaultValue", "udfType"}
	sum := sha256.Sum256(fmt.Append(nil, owners, types, options))
	x.salt = hex.EncodeToString(sum[:])
	x.finish = func(row []byte, r *psa.Record) error {
		var d struct {
			Type    json.Number `json:"dataType"`
			Owner   json.Number `json:"udfType"`
			Default string      `json:"defaultValue"`
		}
		if json.Unmarshal(row, &d) != nil {
			return fmt.Errorf("dataType or udfType is no number")
		}
		r.Fields["owners"] = []any{}
		if kind := owners[d.Owner.String()]; kind != "" {
			r.Fields["owners"] = []any{string(kind)}
		}
		r.Fields["type"] = cmp.Or(types[d.Type.String()], string(psa.TypeString))
		if of := options[r.ID]; len(of) > 0 {
			r.Fields["type"], r.Fields["options"] = string(psa.TypeOption), optionList(of, d.Default)
		} else if r.Fields["type"] == string(psa.TypeOption) {
			r.Fields["type"] = string(psa.TypeString) // a list that nobody filled
		}
		return nil
	}
	return x, nil
}

// An option is an item of a list field. Records hold what is for export,
// people see what is for display.
type option struct {
	ID     json.Number `json:"id"`
	Field  json.Number `json:"udfFieldId"`
	Label  string      `json:"valueForDisplay"`
	Value  string      `json:"valueForExport"`
	Active rawBool     `json:"isActive"`
}

// A rawBool is true unless false is said.
type rawBool string

// UnmarshalJSON keeps the text.
func (b *rawBool) UnmarshalJSON(raw []byte) error {
	*b = rawBool(raw)
	return nil
}

func optionList(of []option, preset string) []any {
	list := make([]any, len(of))
	for i, o := range of {
		list[i] = psa.Fields{
			"id": o.ID.String(), "value": o.Value, "label": o.Label, "order": json.Number(strconv.Itoa(i)),
			"default": o.Value != "" && o.Value == preset, "active": o.Active != "false",
		}
	}
	return list
}

// fieldType reads the label of a dataType, whose numbers are documented
// nowhere.
func fieldType(label string) string {
	label = strings.ToLower(label)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(label, w) })
	}
	switch {
	case has("multi") && !has("select"):
		return string(psa.TypeText)
	case has("list", "select"):
		return string(psa.TypeOption)
	case has("date"):
		return string(psa.TypeDate)
	case has("numb", "numeric", "integer", "decimal", "double"):
		return string(psa.TypeNumber)
	case has("bool", "check"):
		return string(psa.TypeBool)
	}
	return string(psa.TypeString)
}

// each calls f with every row of an entity. With whole, an empty list is
// doubted.
func (p *Provider) each(ctx context.Context, entity, op string, whole bool, fields []string, f func(row []byte) error) error {
	g := &pager{c: p.c, entity: entity, op: op, fields: fields, size: p.size, filter: []filter{behind("")}, whole: whole}
	listing := rest.Listing{
		Provider: name, Op: op, Kind: psa.KindCustomField, Page: g.page, Wrapper: wrapper, Verify: g.verify,
		Decode: func(row []byte, _ psa.Ref) psa.Record {
			return psa.Record{Ref: psa.Ref{Kind: psa.KindCustomField, ID: "row"}, Raw: row}
		},
	}
	for r, err := range rest.Records(ctx, listing) {
		if err == nil {
			err = r.Err
		}
		if err == nil {
			err = f(r.Raw)
		}
		if err != nil {
			return vendorData(op, err)
		}
	}
	return nil
}

// vendorData makes err an error of this package.
func vendorData(op string, err error) error {
	var e *psa.Error
	if errors.As(err, &e) {
		return err
	}
	return &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Err: err}
}

// ExecuteCommand pages open a record in the user interface (ExecuteCommand
// API); user interfaces of zones have addresses of their own.
func linkTo(webURL, command string) func(id string) string {
	return func(id string) string {
		if webURL == "" || command == "" {
			return ""
		}
		return strings.TrimSuffix(webURL, "/") + "/Autotask/AutotaskExtend/ExecuteCommand.aspx?Code=" + command + "=" + id
	}
}
