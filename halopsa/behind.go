package halopsa

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// behind is what the rows of a list depend on besides their own bytes. It is
// part of their hashes.
type behind struct {
	salt   string
	teams  teamNames       // tickets and templates name their team
	open   map[string]bool // statuses that do not close a ticket; nil: not known
	rows   [][]byte        // the list itself, where it had to be read
	lookup int             // number of the lookup list
	fields string          // ids of custom fields to ask for
}

// behind reads what a list needs to know.
func (p *Provider) behind(ctx context.Context, l *list) (b behind, err error) {
	switch l.kind {
	case psa.KindTicket, psa.KindTemplate:
		if b.teams, err = p.teams.Get(ctx, opList(l.kind), "", fresh, p.readTeams); err != nil {
			return b, err
		}
		b.salt = fmt.Sprint(b.teams) // fmt writes maps in the order of their keys
	case psa.KindStatus:
		if b.rows, b.open, err = p.readStatuses(ctx); err != nil {
			return b, err
		}
		b.salt = fmt.Sprint(b.open)
	}
	if l.path == "/Lookup" {
		if b.lookup, err = p.lookup(ctx, l.kind); err != nil {
			return b, err
		}
	}
	if l.usage != 0 && l.paged {
		fields, err := p.custom.Get(ctx, opList(l.kind), "", fresh, p.definitions)
		if err != nil && !errors.Is(err, psa.ErrDenied) {
			return b, err // without the right there are no custom fields
		}
		var ids []string
		for _, id := range slices.Sorted(maps.Keys(fields)) {
			if fields[id].kind == usageOf(l.usage) {
				ids = append(ids, strconv.Itoa(id))
			}
		}
		b.fields = strings.Join(ids, ",")
	}
	return b, nil
}

// complete adds what a layout cannot: it does not stand in the row alone.
func (b behind) complete(l *list, r psa.Record, row []byte) psa.Record {
	customValues(r.Fields, row)
	switch l.kind {
	case psa.KindTicket, psa.KindTemplate:
		var d struct {
			Department json.Number `json:"department_id"`
		}
		if team := r.Fields.Ref("team").Name; team != "" {
			_ = json.Unmarshal(row, &d) // a ticket without a department is one of any
			if id := b.teams.id(team, strings.TrimSuffix(d.Department.String(), ".0")); id != "" {
				r.Fields["team"] = psa.Reference{ID: id, Name: team}.Fields()
			}
		}
	case psa.KindStatus:
		if b.open != nil {
			r.Fields["closed"] = !b.open[r.ID]
		}
	case psa.KindCompany:
		r.Fields["types"] = customerTypes(row)
	case psa.KindCustomField:
		r.Fields["owners"] = owners(row)
		if options, _ := r.Fields["options"].([]any); r.Fields["type"] == string(psa.TypeOption) && len(options) == 0 {
			r.Fields["type"] = string(psa.TypeString) // its list is not told
		} else if r.Fields["type"] != string(psa.TypeOption) {
			delete(r.Fields, "options")
		}
	case psa.KindTimeEntry:
		if r.Fields["hours"] == nil {
			return psa.Record{Err: errSkip} // a note
		}
	}
	return r
}

// customerTypes reads the one type of a client, which is a number.
func customerTypes(row []byte) []any {
	var c struct {
		Type json.Number `json:"customertype"`
	}
	if json.Unmarshal(row, &c) != nil || c.Type == "" || c.Type == "0" || strings.HasPrefix(c.Type.String(), "-") {
		return []any{}
	}
	return []any{psa.Reference{ID: strings.TrimSuffix(c.Type.String(), ".0")}.Fields()}
}

func owners(row []byte) []any {
	var f struct {
		Usage int `json:"usage"`
	}
	if json.Unmarshal(row, &f) == nil && usageOf(f.Usage) != "" {
		return []any{string(usageOf(f.Usage))}
	}
	return []any{}
}

// teamNames are the ids of teams by name and department, which is "" for any.
// Names repeat over departments.
type teamNames map[[2]string][]string

func (t teamNames) id(name, department string) string {
	for _, key := range [][2]string{{name, ""}, {name, department}} {
		if ids := t[key]; len(ids) == 1 {
			return ids[0]
		}
	}
	return ""
}

func (p *Provider) readTeams(ctx context.Context) (teamNames, error) {
	names := teamNames{}
	l := p.lists[psa.KindTeam]
	g := &pager{c: p.c, path: l.path, op: opList(psa.KindTeam), query: l.always, size: maxPage}
	return names, g.scan(ctx, func(row []byte) error {
		r := l.layout.Decode(row, psa.Ref{})
		if r.Err != nil {
			return nil // the list of teams says so
		}
		for _, department := range []string{"", cmp.Or(r.Fields.Ref("department").ID, "0")} {
			key := [2]string{r.Name(), department}
			names[key] = append(names[key], r.ID)
		}
		return nil
	})
}

// readStatuses reads the list of statuses, and which of them leave a ticket
// open: those that it still has with excludeclosed. A status does not say it
// itself. A server that does not know the parameter answers all of them: then
// nothing is known, and open is nil.
func (p *Provider) readStatuses(ctx context.Context) (rows [][]byte, open map[string]bool, err error) {
	l := p.lists[psa.KindStatus]
	read := func(params url.Values) (rows [][]byte, ids map[string]bool, err error) {
		rows, ids = [][]byte{}, map[string]bool{}
		g := &pager{c: p.c, path: l.path, op: opList(psa.KindStatus), query: params, size: maxPage}
		err = g.scan(ctx, func(row []byte) error {
			rows = append(rows, row)
			if keep, err := l.layout.Keep(row); err == nil && keep {
				_, id, _ := rowID(row)
				ids[id] = true
			}
			return nil
		})
		return rows, ids, err
	}
	params := maps.Clone(l.always)
	params.Set("excludeclosed", "true")
	if _, open, err = read(params); err != nil {
		return nil, nil, err
	}
	rows, all, err := read(l.always)
	if err != nil {
		return nil, nil, err
	}
	for id := range all {
		if !open[id] {
			return rows, open, nil
		}
	}
	return rows, nil, nil
}

// readRanks reads the priorities, which are the targets of SLAs as well.
func (p *Provider) readRanks(ctx context.Context) ([][]byte, error) {
	rows := [][]byte{}
	l := p.lists[psa.KindPriority]
	g := &pager{c: p.c, path: l.path, op: opList(l.kind), query: l.always, size: maxPage}
	err := g.scan(ctx, func(row []byte) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// lookupNames are the names of the list of a kind in lookup list 11.
func lookupNames(kind psa.Kind) []string {
	return map[psa.Kind][]string{
		psa.KindTicketSource: {"request source", "ticket source", "source"},
		psa.KindImpact:       {"impact", "impacts", "ticket impact"},
		psa.KindUrgency:      {"urgency", "urgencies", "ticket urgency"},
		psa.KindCompanyType:  {"customer type", "customer types", "client type"},
	}[kind]
}

// The numbers of lookup lists that are the same everywhere.
const (
	lookupLists = 11 // the lists themselves
	lookupRates = 17 // charge rates
)

// lookup returns the number of the list of a kind.
func (p *Provider) lookup(ctx context.Context, kind psa.Kind) (int, error) {
	if kind == psa.KindWorkType {
		return lookupRates, nil
	}
	if n := p.number[kind]; n != 0 {
		return n, nil
	}
	lists, err := p.lookups.Get(ctx, opList(kind), "", fresh, p.readLookups)
	if err != nil {
		return 0, err
	}
	for _, n := range lookupNames(kind) {
		if id := lists[n]; id != 0 {
			return id, nil
		}
	}
	return 0, &psa.Error{Provider: name, Code: psa.ErrUnsupported, Detail: fmt.Sprintf("no lookup list is named %q: set Config.Lookups", lookupNames(kind)[0])}
}

func (p *Provider) readLookups(ctx context.Context) (map[string]int, error) {
	lists := map[string]int{}
	g := &pager{c: p.c, path: "/Lookup", op: "list lookups", query: params2([]string{"lookupid", strconv.Itoa(lookupLists), "showallcodes", "true"}), size: maxPage}
	return lists, g.scan(ctx, func(row []byte) error {
		var v struct {
			ID   int    `json:"id"`
			Name string `json:"name"`
		}
		if err := json.Unmarshal(row, &v); err != nil {
			return err
		}
		lists[strings.ToLower(strings.TrimSpace(v.Name))] = v.ID
		return nil
	})
}

// scan reads a whole list for what it tells about others.
func (g *pager) scan(ctx context.Context, row func([]byte) error) error {
	listing := rest.Listing{
		Provider: name, Op: g.op, Page: g.page,
		Decode: func(raw []byte, _ psa.Ref) psa.Record {
			return psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: "row"}, Err: row(raw)}
		},
	}
	for r, err := range rest.Records(ctx, listing) {
		if err = cmp.Or(err, r.Err); err != nil {
			var e *psa.Error
			if errors.As(err, &e) {
				return err
			}
			return g.broken("a row has another form")
		}
	}
	return nil
}
