package hostdb

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// offered returns the table of a kind that has an ability.
func (p *Provider) offered(op string, ref psa.Ref, can psa.Ability) (*table, error) {
	f := p.features[ref.Kind]
	if f.Can&can == 0 {
		return nil, p.fail(context.Background(), op, ref, &psa.Error{Code: psa.ErrUnsupported, Detail: f.Missing[can]})
	}
	return tableOf(ref.Kind), nil
}

// A condition is SQL about the row t, and its arguments. Values are arguments,
// always.
type condition struct {
	sql  string
	args []any
}

func (c *condition) and(sql string, args ...any) {
	c.sql += " AND " + sql
	c.args = append(c.args, args...)
}

// condition makes SQL of a query.
func (t *table) condition(q psa.Query) (c condition, err error) {
	if !q.Since.IsZero() {
		c.and("t.updated_at >= ?", formatStamp(q.Since))
	}
	if q.ActiveOnly {
		c.and(t.isActive("t"))
	}
	if q.After != "" {
		id, err := t.id(q.After)
		if err != nil {
			return c, &psa.Error{Code: psa.ErrInvalid, Detail: "After is no id"}
		}
		c.and("t.id > ?", id)
	}
	if !q.Parent.IsZero() {
		parent, _ := t.column(t.parent)
		if parent.to != q.Parent.Kind {
			return c, &psa.Error{Code: psa.ErrUnsupported, Detail: "rows have no such parent"}
		}
		c.in(parent, q.Parent.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Scope)) {
		by, _ := t.column(name)
		if by.to == "" {
			return c, &psa.Error{Code: psa.ErrUnsupported, Detail: "rows cannot be filtered by this name"}
		}
		c.in(by, q.Scope[name]...)
	}
	return c, nil
}

// in keeps rows whose reference has one of some ids; of none, it keeps no row.
// What is no id is nobody's.
func (c *condition) in(by column, ids ...string) {
	var args []any
	for _, text := range ids {
		if id, err := tableOf(by.to).id(text); err == nil {
			args = append(args, id)
		}
	}
	c.and(by.expr("t")+" IN ("+strings.TrimSuffix(strings.Repeat("?,", len(args)), ",")+")", args...)
}

// is keeps rows that have a value.
func (c *condition) is(by column, v any) error {
	v, err := by.tidy(v)
	switch {
	case err != nil:
		return invalid(by.field, err)
	case v == nil:
		c.and(by.expr("t") + " IS NULL")
	case by.to != "":
		c.in(by, v.(psa.Fields).String("id"))
	default:
		c.and(by.expr("t")+" = ?", by.form.store(v))
	}
	return nil
}

// rows reads up to limit rows, in the order of their ids.
func (s *store) rows(ctx context.Context, from source, t *table, c condition, limit int) ([]psa.Record, error) {
	rows, err := s.read(ctx, from, t, t.selects()+c.sql+" ORDER BY t.id LIMIT ?", append(slices.Clone(c.args), limit)...)
	records := make([]psa.Record, len(rows))
	for i, row := range rows {
		records[i] = t.record(row)
		records[i].Err = s.fail(ctx, "read", records[i].Ref, records[i].Err)
	}
	return records, err
}

// one reads one row that is there.
func (s *store) one(ctx context.Context, from source, t *table, id string) (psa.Record, error) {
	key, err := t.id(id)
	if err != nil {
		return psa.Record{}, err
	}
	found, err := s.rows(ctx, from, t, condition{" AND t.id = ?", []any{key}}, 1)
	switch {
	case err != nil:
		return psa.Record{}, err
	case len(found) == 0:
		return psa.Record{}, &psa.Error{Code: psa.ErrNotFound}
	}
	return found[0], found[0].Err
}

// List yields the rows of a kind by id, a page at a time. Between two pages it
// holds nothing, so its caller may write while it ranges.
func (p *Provider) List(ctx context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		t, err := p.offered("list", psa.Ref{Kind: kind}, psa.CanList)
		var c condition
		if err == nil {
			c, err = t.condition(q)
		}
		p.pages(ctx, "list", kind, c, err, yield)
	}
}

// pages yields all rows that meet a condition, unless there was an error.
func (p *Provider) pages(ctx context.Context, op string, kind psa.Kind, c condition, err error, yield func(psa.Record, error) bool) {
	t := tableOf(kind)
	for next := c; ; {
		var page []psa.Record
		if err == nil {
			page, err = p.rows(ctx, p.db, t, next, p.pageSize)
		}
		if err != nil {
			yield(psa.Record{}, p.fail(ctx, op, psa.Ref{Kind: kind}, err))
			return
		}
		for _, r := range page {
			if !yield(r, nil) {
				return
			}
		}
		if len(page) < p.pageSize {
			return
		}
		var last any
		last, err = t.id(page[len(page)-1].ID)
		next = condition{c.sql, slices.Clone(c.args)}
		next.and("t.id > ?", last)
	}
}

// Get returns one row.
func (p *Provider) Get(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	t, err := p.offered("get", ref, psa.CanGet)
	if err != nil {
		return psa.Record{}, err
	}
	r, err := p.one(ctx, p.db, t, ref.ID)
	if err != nil {
		return psa.Record{}, p.fail(ctx, "get", ref, err)
	}
	return r, nil
}

// Count counts the rows that List would yield.
func (p *Provider) Count(ctx context.Context, kind psa.Kind, q psa.Query) (int, error) {
	ref := psa.Ref{Kind: kind}
	t, err := p.offered("count", ref, psa.CanCount)
	if err != nil {
		return 0, err
	}
	c, err := t.condition(q)
	if err != nil {
		return 0, p.fail(ctx, "count", ref, err)
	}
	rows, err := p.read(ctx, p.db, t, "SELECT count(*) FROM "+t.name+" t WHERE "+t.present("t")+c.sql, c.args...)
	if err != nil {
		return 0, p.fail(ctx, "count", ref, err)
	}
	return int(rows[0][0].(int64)), nil
}

// Find yields the rows that have all these values. References are compared by
// id, text as the host would hold it.
func (p *Provider) Find(ctx context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		t, err := p.offered("find", psa.Ref{Kind: kind}, psa.CanFind)
		var c condition
		for _, name := range slices.Sorted(maps.Keys(by)) {
			if err != nil {
				break
			}
			col, _ := t.column(name)
			if !col.has(find) {
				err = &psa.Error{Code: psa.ErrUnsupported, Detail: "rows cannot be found by this name"}
				break
			}
			err = c.is(col, by[name])
		}
		p.pages(ctx, "find", kind, c, err, yield)
	}
}

// Deletions yields what was deleted or merged at or after a time, in the order
// in which it happened.
func (p *Provider) Deletions(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	return func(yield func(psa.Deletion, error) bool) {
		ref := psa.Ref{Kind: kind}
		t, err := p.offered("deletions", ref, psa.CanDeletions)
		for last := int64(0); ; {
			var page [][]any
			if err == nil {
				page, err = p.read(ctx, p.db, t, "SELECT id, row_id, deleted_at, merged_into FROM deletions "+
					"WHERE table_name = ? AND deleted_at >= ? AND id > ? ORDER BY id LIMIT ?", t.name, formatStamp(since), last, p.pageSize)
			}
			for i := 0; err == nil && i < len(page); i++ {
				var d psa.Deletion
				if d, err = deletion(kind, page[i]); err == nil && !yield(d, nil) {
					return
				}
			}
			if err != nil {
				yield(psa.Deletion{}, p.fail(ctx, "deletions", ref, err))
				return
			}
			if len(page) < p.pageSize {
				return
			}
			last = page[len(page)-1][0].(int64)
		}
	}
}

func deletion(kind psa.Kind, row []any) (psa.Deletion, error) {
	d := psa.Deletion{Ref: psa.Ref{Kind: kind, ID: idText(row[1])}}
	if row[3] != nil {
		d.MergedInto = psa.Ref{Kind: kind, ID: idText(row[3])}
	}
	at, err := parseStamp(row[2])
	if err != nil {
		return psa.Deletion{}, &psa.Error{Code: psa.ErrData, Detail: "deleted_at", Err: err}
	}
	d.At = at
	return d, nil
}
