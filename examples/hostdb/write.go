package hostdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// Create adds a row. It is safe to repeat if fields holds a marker: where a row
// has it already, that row is returned as it is, and none is added. Mail is the
// business of the host's own code, so notify is ignored and nobody gets any.
func (p *Provider) Create(ctx context.Context, kind psa.Kind, fields psa.Fields, _ psa.Notify) (r psa.Record, err error) {
	ref := psa.Ref{Kind: kind}
	t, err := p.offered("create", ref, psa.CanCreate)
	if err != nil {
		return r, err
	}
	set, err := t.accept(fields, true)
	if err == nil {
		err = p.write(ctx, p.login, func(w *writer) (err error) {
			r, err = w.create(t, set)
			return err
		})
	}
	if err != nil {
		return psa.Record{}, p.fail(ctx, "create", ref, err)
	}
	return r, nil
}

// Update changes the fields of a patch. Where the row holds them already it is
// left alone, stamps and all, so that nothing echoes between two sides. A
// locked row is ErrInvalid.
func (p *Provider) Update(ctx context.Context, ref psa.Ref, patch psa.Patch) (r psa.Record, err error) {
	t, err := p.offered("update", ref, psa.CanUpdate)
	if err != nil {
		return r, err
	}
	set, err := t.accept(patch.Set, false)
	if err == nil {
		err = p.write(ctx, p.login, func(w *writer) (err error) {
			r, err = w.patch(t, ref.ID, set, patch.IfVersion)
			return err
		})
	}
	if err != nil {
		return psa.Record{}, p.fail(ctx, "update", ref, err)
	}
	return r, nil
}

// Delete hides a row and what belongs to it (the comments of a ticket), or
// deactivates it where Features says so. A row that others refer to is
// ErrConflict.
func (p *Provider) Delete(ctx context.Context, ref psa.Ref) error {
	t, err := p.offered("delete", ref, psa.CanDelete|psa.CanDeactivate)
	if err != nil {
		return err
	}
	return p.fail(ctx, "delete", ref, p.write(ctx, p.login, func(w *writer) error {
		id, err := t.id(ref.ID)
		if err != nil {
			return err
		}
		if p.features.Can(ref.Kind, psa.CanDelete) {
			return w.remove(t, id, nil)
		}
		n, err := w.update(t, Values{"active": 0}, t.byID(), id)
		if err == nil && n == 0 {
			err = &psa.Error{Code: psa.ErrNotFound}
		}
		return err
	}))
}

// Canonicalise returns what the host will hold. An address is one value: a line
// of it that is not named is none.
func (p *Provider) Canonicalise(kind psa.Kind, fields psa.Fields) (psa.Fields, error) {
	ctx, ref := context.Background(), psa.Ref{Kind: kind}
	t, err := p.offered("canonicalise", ref, psa.CanList)
	if err != nil {
		return nil, err
	}
	tidy, err := t.tidy("", fields, func(column, any) error { return nil })
	return tidy, p.fail(ctx, "canonicalise", ref, err)
}

// An assignment is a value for a column, as form.tidy returned it.
type assignment struct {
	column
	v any
}

// accept checks fields and returns what they set.
func (t *table) accept(fields psa.Fields, create bool) (set []assignment, err error) {
	_, err = t.tidy("", fields, func(c column, v any) error {
		switch {
		case c.has(shown):
			return fmt.Errorf("read only")
		case c.has(once) && !create:
			return fmt.Errorf("set on create only")
		case c.has(required|filled) && v == nil:
			return fmt.Errorf("cannot be empty")
		}
		set = append(set, assignment{c, v})
		return nil
	})
	if err != nil || !create {
		return set, err
	}
	for _, c := range t.columns {
		if c.has(required) && !slices.ContainsFunc(set, func(a assignment) bool { return a.field == c.field }) {
			return nil, invalid(c.field, fmt.Errorf("required"))
		}
	}
	return set, nil
}

// tidy returns fields as the host will hold them and tells each column to
// visit. Fields below another, such as an address's, may stand in an object or
// under a dotted name.
func (t *table) tidy(prefix string, fields psa.Fields, visit func(column, any) error) (psa.Fields, error) {
	out := psa.Fields{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field, v := prefix+name, fields[name]
		if c, ok := t.column(field); ok {
			held, err := c.tidy(v)
			if err == nil {
				err = visit(c, held)
			}
			if err != nil {
				return nil, invalid(field, err)
			}
			out[name] = held
			continue
		}
		below, err := t.object(field, v)
		if err == nil {
			out[name], err = t.tidy(field+".", below, visit)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// object returns the fields below a field. Of an address it returns all, so
// that the rest of an old one never stays behind; custom fields are apart.
func (t *table) object(field string, v any) (psa.Fields, error) {
	all := psa.Fields{}
	for _, c := range t.columns {
		if rest, ok := strings.CutPrefix(c.field, field+"."); ok {
			all[rest] = nil
		}
	}
	v, err := psa.Canonical(v)
	given, ok := v.(psa.Fields)
	switch {
	case err != nil, len(all) == 0:
		return nil, invalid(field, fmt.Errorf("no such field"))
	case v == nil:
		return all, nil
	case !ok:
		return nil, invalid(field, fmt.Errorf("want an object"))
	case field == "custom":
		return given, nil
	}
	maps.Copy(all, given)
	return all, nil
}

// tidy returns a value as the host will hold it; nil for none.
func (c column) tidy(v any) (any, error) {
	v, err := psa.Canonical(v)
	if err != nil || v == nil || c.to != "" && v == "" {
		return nil, err
	}
	return c.form.tidy(v)
}

// sql returns the value for the column: of a reference, the id of a row that is
// there.
func (w *writer) sql(a assignment) (any, error) {
	switch {
	case a.v == nil:
		return nil, nil
	case a.to == "":
		return a.form.store(a.v), nil
	}
	to := tableOf(a.to)
	missing := invalid(a.field, fmt.Errorf("there is no such %s", a.to))
	id, err := to.id(a.v.(psa.Fields).String("id"))
	if err != nil {
		return nil, missing
	}
	found, err := w.read(w.ctx, w.tx, to, "SELECT 1 FROM "+to.name+" t WHERE "+to.byID(), id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, missing
	}
	return id, nil
}

// values returns what an INSERT or UPDATE sets.
func (w *writer) values(set []assignment) (Values, error) {
	v := Values{}
	for _, a := range set {
		var err error
		if v[a.column.sql], err = w.sql(a); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (w *writer) create(t *table, set []assignment) (psa.Record, error) {
	i := slices.IndexFunc(set, func(a assignment) bool { return a.has(marker) && a.v != nil })
	if i >= 0 {
		found, err := w.rows(w.ctx, w.tx, t, condition{" AND t." + set[i].column.sql + " = ?", []any{set[i].v}}, 1)
		if err != nil {
			return psa.Record{}, err
		}
		if len(found) > 0 {
			return found[0], found[0].Err
		}
	}
	v, err := w.values(set)
	if err != nil {
		return psa.Record{}, err
	}
	id, err := w.insert(t, v)
	if err != nil {
		return psa.Record{}, err
	}
	return w.one(w.ctx, w.tx, t, idText(id))
}

func (w *writer) patch(t *table, id string, set []assignment, ifVersion string) (psa.Record, error) {
	before, err := w.one(w.ctx, w.tx, t, id)
	if err != nil {
		return psa.Record{}, err
	}
	if ifVersion != "" && ifVersion != before.Version {
		return psa.Record{}, &psa.Error{Code: psa.ErrConflict, Detail: "the row has version " + before.Version}
	}
	set = slices.DeleteFunc(set, func(a assignment) bool {
		held, _ := before.Fields.Lookup(a.field)
		return a.holds(held)
	})
	if len(set) == 0 {
		return before, nil
	}
	if c, ok := t.with(locks); ok && before.Fields.Bool(c.field) == psa.Yes {
		return psa.Record{}, errLocked()
	}
	v, err := w.values(set)
	if err != nil {
		return psa.Record{}, err
	}
	key, err := t.id(id)
	if err != nil {
		return psa.Record{}, err
	}
	// Writers are in line here, so the version still holds. Where they are not,
	// this condition is what makes the update a compare-and-set.
	n, err := w.update(t, v, t.byID()+" AND t.row_version = ?", key, before.Version)
	if err == nil && n == 0 {
		err = &psa.Error{Code: psa.ErrConflict}
	}
	if err != nil {
		return psa.Record{}, err
	}
	return w.one(w.ctx, w.tx, t, id)
}

// holds reports whether a field has the value already.
func (a assignment) holds(held any) bool {
	if a.to == "" || a.v == nil || held == nil {
		return psa.ValuesEqual(held, a.v)
	}
	f, ok := held.(psa.Fields)
	return ok && f.String("id") == a.v.(psa.Fields).String("id")
}
