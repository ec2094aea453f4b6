package autotask

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// A picklist is the choices of one field, as the vendor sent them.
type picklist []byte // a JSON array

// metadata is what entityInformation/fields says, by the name of a field in
// lower case, since metadata and rows differ in case.
type metadata struct {
	picks  map[string]picklist
	fields map[string]fieldInfo
}

// A fieldInfo says what a field takes.
type fieldInfo struct {
	Type     string // integer, short, long, double, decimal, string, ...
	Length   int    // of a text; 0: not told
	ReadOnly bool
}

// A choice is an element of a picklist.
type choice struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

func (m metadata) choices(field string) ([]choice, error) {
	var all []choice
	if raw, ok := m.picks[strings.ToLower(field)]; !ok || json.Unmarshal(raw, &all) != nil {
		return nil, fmt.Errorf("%w: %s is no picklist", psa.ErrData, field)
	}
	return all, nil
}

// settled is how long the system's own codes are good for.
const settled = time.Hour

// metadata returns what an entity says about its fields; see memo.
func (p *Provider) metadata(ctx context.Context, entity, op, user string, age time.Duration) (metadata, error) {
	return p.memos.fields[entity].Get(ctx, op, user, age, func(ctx context.Context) (metadata, error) {
		resp, err := p.c.do(ctx, rest.Request{
			Path: "/" + entity + "/entityInformation/fields", Endpoint: "/" + entity + "/entityInformation/fields", Op: op,
		})
		if err != nil {
			return metadata{}, err
		}
		var body struct {
			Fields []struct {
				Name   string          `json:"name"`
				Type   string          `json:"dataType"`
				Length int             `json:"length"`
				Locked bool            `json:"isReadOnly"`
				Pick   bool            `json:"isPickList"`
				Values json.RawMessage `json:"picklistValues"`
			} `json:"fields"`
		}
		if json.Unmarshal(resp.Body, &body) != nil || len(body.Fields) == 0 {
			return metadata{}, &psa.Error{Provider: name, Op: op, Code: psa.ErrData, Detail: "the fields of " + entity + " make no sense"}
		}
		m := metadata{picks: map[string]picklist{}, fields: map[string]fieldInfo{}}
		for _, f := range body.Fields {
			m.fields[strings.ToLower(f.Name)] = fieldInfo{Type: strings.ToLower(f.Type), Length: f.Length, ReadOnly: f.Locked}
			switch {
			case !f.Pick:
			case len(f.Values) == 0 || string(f.Values) == "null":
				m.picks[strings.ToLower(f.Name)] = picklist("[]")
			default:
				m.picks[strings.ToLower(f.Name)] = picklist(f.Values)
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
	values, ok := m.picks[strings.ToLower(l.field)]
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
	all, err := p.memos.customs.Get(ctx, op, "", fresh, func(ctx context.Context) ([]definition, error) {
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

// memos are the answers that are shared: one call of entityInformation/fields
// holds the picklists of seven kinds, and the lists of a resync ask for it one
// by one.
type memos struct {
	fields  map[string]*rest.Memo[metadata] // by entity
	customs *rest.Memo[[]definition]
}

func newMemos(lists map[psa.Kind][]*list) *memos {
	m := &memos{fields: map[string]*rest.Memo[metadata]{}, customs: rest.NewMemo[[]definition](name)}
	for _, of := range lists {
		for _, l := range of {
			m.fields[l.entity] = rest.NewMemo[metadata](name)
		}
	}
	return m
}
