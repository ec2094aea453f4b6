package halopsa

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/psasync/psasync/psa"
)

// generalUser is the user of a ticket that has no contact.
const generalUser = -1

// ticket fills in what a ticket holds as names, in pairs, or together.
func (w *write) ticket(ctx context.Context, row map[string]any) error {
	if v, ok := w.set["description"]; ok {
		row["details_html"] = ""
		if v != nil {
			row["details_html"] = rich(v)
		}
	}
	if v, ok := w.set["priority"]; ok {
		sla, priority, err := rank(v)
		if err != nil {
			return w.fail(psa.ErrInvalid, "", err)
		}
		if other := w.all.Ref("sla").ID; other != "" && other != sla {
			w.refuse("priority", "is one of another SLA")
		}
		row["sla_id"], row["priority_id"] = json.Number(sla), json.Number(priority)
	}
	if w.creating() {
		row["sendack"] = w.notify&psa.NotifyContact != 0
	}
	w.silent(row)
	for _, fill := range []func(context.Context, map[string]any) error{w.team, w.categories, w.people} {
		if err := fill(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// team writes the name of a team, and its department where names repeat.
func (w *write) team(ctx context.Context, row map[string]any) error {
	if w.set["team"] == nil {
		return nil
	}
	teams, err := w.p.teams.Get(ctx, w.op, "", fresh, w.p.readTeams)
	if err != nil {
		return err
	}
	ref := w.set.Ref("team")
	if ref.ID == "" {
		if ref.ID = teams.id(ref.Name, ""); ref.ID == "" {
			w.refuse("team", "no team, or several, have the name")
			return nil
		}
	}
	for key, ids := range teams {
		if key[1] == "" || !slices.Contains(ids, ref.ID) {
			continue
		}
		if len(ids) > 1 {
			w.refuse("team", "another one has the same name in the same department, and tickets hold the name")
		}
		row["team"] = key[0]
		if len(teams[[2]string{key[0], ""}]) > 1 {
			row["department_id"] = json.Number(key[1])
		}
		return nil
	}
	w.refuse("team", "leads to no team")
	return nil
}

// categories writes the values of categories, which is what tickets take.
func (w *write) categories(ctx context.Context, row map[string]any) error {
	for level := 1; level <= 4; level++ {
		field := fmt.Sprintf("category_%d", level)
		v, ok := w.set[field]
		if !ok {
			continue
		}
		ref := w.set.Ref(field)
		if v == nil || ref.ID == "" {
			row[field] = ref.Name
			continue
		}
		values, err := w.p.classes.Get(ctx, w.op, "", fresh, w.p.readCategories)
		if err != nil {
			return err
		}
		value, ok := values[categoryKey{level, ref.ID}]
		if !ok {
			w.refuse(field, "leads to no category of this level")
		}
		row[field] = value
	}
	return nil
}

// A categoryKey is the id of a category and which of a ticket's four it is
// for.
type categoryKey struct {
	level int
	id    string
}

func (p *Provider) readCategories(ctx context.Context) (map[categoryKey]string, error) {
	values := map[categoryKey]string{}
	l := p.lists[psa.KindClassification]
	g := &pager{c: p.c, path: l.path, op: opList(l.kind), query: url.Values{}, size: maxPage}
	return values, g.scan(ctx, func(row []byte) error {
		r := l.layout.Decode(row, psa.Ref{})
		if r.Err != nil {
			return nil // the list of categories says so
		}
		level, _ := r.Fields.Float("level")
		values[categoryKey{int(level), r.ID}] = r.Name()
		return nil
	})
}

// people writes client, site and user, which Halo takes together: a user only
// with its site, and a site only with its client. Without a site it is the
// contact's, or else the client's main one; without a contact the user is the
// General User, which reads as none. Another client's contact cannot stay.
func (w *write) people(ctx context.Context, row map[string]any) error {
	_, newCompany := w.set["company"]
	_, newSite := w.set["site"]
	_, newContact := w.set["contact"]
	if !newCompany && !newSite && !newContact {
		return nil
	}
	given := func(field string) string {
		if v, ok := w.all[field]; ok && v != nil {
			return w.all.Ref(field).ID
		}
		return ""
	}
	company, site, contact := given("company"), given("site"), given("contact")
	if company == "" {
		company = w.old.Fields.Ref("company").ID
	}
	if contact != "" {
		if site == "" || given("company") == "" {
			at, err := w.home(ctx, contact)
			if err != nil {
				return err
			}
			if site == "" {
				site = at.Ref("site").ID
			}
			if given("company") == "" {
				company = at.Ref("company").ID
			}
		}
		row["user_id"] = json.Number(contact)
	} else if w.creating() || newContact || newCompany {
		row["user_id"] = generalUser
	}
	if site == "" && !newCompany {
		site = w.old.Fields.Ref("site").ID
	}
	if company == "" {
		w.refuse("company", "is required with a site or a contact")
		return nil
	}
	if site == "" {
		var err error
		if site, err = w.mainSite(ctx, company); err != nil {
			return err
		}
	}
	row["client_id"], row["site_id"] = json.Number(company), json.Number(site)
	return nil
}

// home returns the fields of a contact, for its company and site.
func (w *write) home(ctx context.Context, contact string) (psa.Fields, error) {
	ref := psa.Ref{Kind: psa.KindContact, ID: contact}
	r, err := w.p.one(ctx, w.p.lists[ref.Kind], psa.Ref{}, contact, ref)
	if err != nil {
		return nil, err
	}
	return r.Fields, nil
}
