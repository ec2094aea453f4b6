package hostdb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// A table says how one kind lies in the host's tables. In its pieces of SQL, $
// stands for the row.
type table struct {
	kind    psa.Kind
	name    string // in SQL
	term    string // what the host's people call a row
	label   string // SQL: what a reference to a row shows
	where   string // SQL: which rows are of this kind; "" for all
	active  string // SQL: Record.Active; "" for always
	parent  string // the field that is Record.Parent
	groups  [][]string
	textID  bool // ids are words, not numbers
	columns []column
}

// A column says where one field is.
type column struct {
	field string // canonical, dotted below "address" and "custom"
	sql   string // name of the column; where it is only shown, any SQL
	form  form
	is    trait
	to    psa.Kind // what it refers to
}

// trait is what is special about a column.
type trait uint16

const (
	required trait = 1 << iota // a create cannot do without it
	filled                     // it is never empty: the table has a default
	shown                      // people and rules of the host set it, a provider never does
	once                       // it is set on create only
	find                       // rows are looked up by it
	marker                     // it holds the bridge's marker
	owned                      // a row goes when the row it refers to is deleted
	locks                      // rows where it is set take no change
)

func (c column) has(t trait) bool { return c.is&t != 0 }

// on puts the row's alias into a piece of SQL.
func on(alias, sql string) string { return strings.ReplaceAll(sql, "$", alias) }

// expr is the column as SQL of the row.
func (c column) expr(alias string) string {
	if c.has(shown) {
		return on(alias, c.sql)
	}
	return alias + "." + c.sql
}

func tableOf(kind psa.Kind) *table {
	i := slices.IndexFunc(tables, func(t table) bool { return t.kind == kind })
	if i < 0 {
		return nil
	}
	return &tables[i]
}

func (t *table) column(field string) (column, bool) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.field == field })
	if i < 0 {
		return column{}, false
	}
	return t.columns[i], true
}

// with returns the first column that has a trait.
func (t *table) with(is trait) (column, bool) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.has(is) })
	if i < 0 {
		return column{}, false
	}
	return t.columns[i], true
}

// present is the SQL condition for rows that are there.
func (t *table) present(alias string) string {
	cond := "1"
	if t.kind.IsRecord() {
		cond = alias + ".deleted_at IS NULL"
	}
	if t.where != "" {
		cond += " AND " + on(alias, t.where)
	}
	return cond
}

// byID is the SQL condition for one row t that is there.
func (t *table) byID() string { return t.present("t") + " AND t.id = ?" }

// isActive is the SQL for Record.Active.
func (t *table) isActive(alias string) string {
	if t.active == "" {
		return "1"
	}
	return on(alias, t.active)
}

// selects is the SELECT for rows that are there, up to its condition: id,
// version, stamp, active, then the columns; a reference is an id and a name,
// both NULL where the row referred to is not there for us.
func (t *table) selects() string {
	list := []string{"t.id", "t.row_version", "t.updated_at", t.isActive("t")}
	for _, c := range t.columns {
		list = append(list, c.expr("t"))
		if c.to != "" {
			to := tableOf(c.to)
			list = append(list, fmt.Sprintf("(SELECT %s FROM %s r WHERE r.id = %s AND %s)", on("r", to.label), to.name, c.expr("t"), to.present("r")))
		}
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM " + t.name + " t WHERE " + t.present("t")
}

// record makes a record of a row of selects.
func (t *table) record(row []any) psa.Record {
	r := psa.Record{Ref: psa.Ref{Kind: t.kind, ID: idText(row[0])}, Active: true, Fields: psa.Fields{}}
	bad := func(what string, err error) psa.Record {
		return psa.Record{Ref: r.Ref, Err: &psa.Error{Code: psa.ErrData, Detail: what, Err: err}}
	}
	var err error
	r.Version = idText(row[1])
	if r.Updated, err = parseStamp(row[2]); err != nil {
		return bad("updated_at", err)
	}
	r.Active = row[3] != int64(0)
	row = row[4:]
	for _, c := range t.columns {
		var v any
		switch {
		case c.to != "":
			if row[0] != nil && row[1] != nil {
				v = psa.Reference{ID: idText(row[0]), Name: fmt.Sprint(row[1])}.Fields()
			}
			row = row[1:]
		case row[0] != nil:
			if v, err = c.form.show(row[0]); err != nil {
				return bad(c.field, err)
			}
		}
		row = row[1:]
		put(r.Fields, c.field, v)
	}
	if t.parent != "" {
		if parent := r.Fields.Ref(t.parent); parent.ID != "" {
			c, _ := t.column(t.parent)
			r.Parent = psa.Ref{Kind: c.to, ID: parent.ID}
		}
	}
	return r
}

// put sets a dotted field.
func put(f psa.Fields, field string, v any) {
	head, rest, below := strings.Cut(field, ".")
	if !below {
		f[head] = v
		return
	}
	if _, ok := f[head].(psa.Fields); !ok {
		f[head] = psa.Fields{}
	}
	put(f[head].(psa.Fields), rest, v)
}

func idText(v any) string {
	if n, ok := v.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprint(v)
}

// id makes an id what SQL holds. Only the form that idText writes is one: "007"
// and "7 or 1=1" are nobody's.
func (t *table) id(text string) (any, error) {
	if t.textID {
		return text, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || idText(n) != text {
		return nil, &psa.Error{Code: psa.ErrNotFound, Detail: "an id is a number"}
	}
	return n, nil
}

const (
	readable = psa.CanList | psa.CanGet | psa.CanSince | psa.CanCount | psa.CanResume | psa.CanFind
	writable = psa.CanCreate | psa.CanUpdate | psa.CanDeletions
)

// features derives what can be done from the tables.
func features(pageSize int) psa.Features {
	all := psa.Features{}
	for _, t := range tables {
		f := psa.Feature{Can: readable, Term: t.term, PageSize: pageSize, Granularity: time.Millisecond, Groups: t.groups}
		if c, ok := t.column(t.parent); ok {
			f.Parent = c.to
		}
		for _, c := range t.columns {
			if c.has(find) {
				f.Find = append(f.Find, c.field)
			}
			if c.to != "" {
				f.Filter = append(f.Filter, c.field)
			}
		}
		if t.kind.IsRecord() {
			t.describeWrites(&f)
		} else {
			const reason = "the host's administrators keep this list"
			f.Missing = map[psa.Ability]string{psa.CanCreate: reason, psa.CanUpdate: reason, psa.CanDelete: reason}
		}
		all[t.kind] = f
	}
	return all
}

func (t *table) describeWrites(f *psa.Feature) {
	f.Can |= writable | psa.CanDelete
	if t.active != "" {
		f.Can = f.Can&^psa.CanDelete | psa.CanDeactivate
	}
	for _, c := range t.columns {
		head, _, _ := strings.Cut(c.field, ".")
		if !c.has(shown) && !slices.Contains(f.Writes, head) {
			f.Writes = append(f.Writes, head)
		}
		if c.has(required) {
			f.Required = append(f.Required, c.field)
		}
		if c.has(once) {
			f.CreateOnly = append(f.CreateOnly, c.field)
		}
		if c.has(marker) {
			f.Marker = c.field
		}
	}
	slices.Sort(f.Writes)
}
