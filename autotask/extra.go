package autotask

import (
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

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

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
	case psa.KindTimeEntry:
		return extra{salt: "hours", finish: evenHours}, nil
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
		return nil
	}
	return x, nil
}

// noteExtra knows which values of publish show a note to the client's own
// technicians.
func (p *Provider) noteExtra(ctx context.Context, op string) (x extra, err error) {
	team, err := p.teamChoices(ctx, op)
	if err != nil || len(team) == 0 {
		return x, err
	}
	values := map[string]bool{}
	for _, c := range team {
		values[c.Value] = true
	}
	x.salt = fmt.Sprint(values)
	x.finish = func(row []byte, r *psa.Record) error {
		var n struct {
			Publish json.Number `json:"publish"`
		}
		if json.Unmarshal(row, &n) != nil {
			return fmt.Errorf("publish is no number")
		}
		if values[n.Publish.String()] {
			r.Fields["visibility"] = string(psa.TeamOnly)
		}
		return nil
	}
	return x, nil
}

// teamChoices returns the choices of publish that show a note to the client's
// own technicians: there are some where co-management is on, and their labels
// tell.
func (p *Provider) teamChoices(ctx context.Context, op string) ([]choice, error) {
	m, err := p.metadata(ctx, "TicketNotes", op, "", settled)
	if err != nil {
		return nil, err
	}
	all, err := m.choices("publish")
	if err != nil {
		return nil, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Err: err}
	}
	var team []choice
	for _, c := range all {
		label := strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(c.Label))
		if c.Value != "1" && c.Value != "2" && strings.Contains(label, "comanage") {
			team = append(team, c)
		}
	}
	return team, nil
}

// evenHours keeps four decimals of hours, which is less than a second: some are
// computed from start and end.
func evenHours(_ []byte, r *psa.Record) error {
	if n, ok := r.Fields["hours"].(json.Number); ok {
		r.Fields["hours"] = rounded(n)
	}
	return nil
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
