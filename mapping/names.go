package mapping

import (
	"slices"
	"sync"

	"github.com/psasync/psasync/psa"
)

// A rowTable holds the rows of one kind of configuration as records refer to
// them. References that come out of it are shared by all records.
type rowTable struct {
	cat    psa.Catalog
	kind   psa.Kind
	byID   func() map[string]psa.Fields
	all    func() map[string]psa.Fields // by name, in any scope
	mu     sync.RWMutex
	within map[string]map[string]psa.Fields // by scope and name
}

func newRowTable(cat psa.Catalog, kind psa.Kind) *rowTable {
	t := &rowTable{cat: cat, kind: kind, within: map[string]map[string]psa.Fields{}}
	t.byID = sync.OnceValue(func() map[string]psa.Fields {
		rows := map[string]psa.Fields{}
		for _, o := range cat.Options(kind, "") {
			rows[o.ID] = psa.Reference{ID: o.ID, Name: o.Name}.Fields()
		}
		return rows
	})
	t.all = sync.OnceValue(func() map[string]psa.Fields { return t.named(cat.Options(kind, "")) })
	return t
}

// named leaves out what several rows are called: only the catalog knows which
// one is meant.
func (t *rowTable) named(opts psa.Options) map[string]psa.Fields {
	rows := make(map[string]psa.Fields, len(opts))
	for _, o := range opts {
		if _, dup := rows[o.Name]; dup {
			rows[o.Name] = nil
			continue
		}
		rows[o.Name] = psa.Fields{"id": o.ID, "name": o.Name}
	}
	return rows
}

// find is [psa.Catalog.Find], as a reference with the name asked for.
func (t *rowTable) find(scope, name string) (psa.Fields, bool) {
	if r := t.scope(scope)[name]; r != nil {
		return r, true
	}
	ref, ok := t.cat.Find(t.kind, scope, name)
	if !ok {
		return nil, false
	}
	return psa.Fields{"id": ref.ID, "name": name}, true
}

func (t *rowTable) scope(scope string) map[string]psa.Fields {
	if scope == "" {
		return t.all()
	}
	t.mu.RLock()
	rows, ok := t.within[scope]
	t.mu.RUnlock()
	if ok {
		return rows
	}
	opts := t.cat.Options(t.kind, scope)
	if len(opts) == 0 {
		return nil // not kept: records may name any scope
	}
	rows = t.named(opts)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.within[scope] = rows
	return rows
}

// name returns a reference that came without a name as one with it: Autotask
// and HaloPSA send ids alone, and maps speak of names. What is inactive, or not
// read yet, goes by its id.
func (t *rowTable) name(v any) any {
	if list, ok := v.([]any); ok {
		out := make([]any, len(list))
		for i, el := range list {
			out[i] = t.name(el)
		}
		return out
	}
	r, ok := v.(psa.Fields)
	if !ok || r.String("name") != "" {
		return v
	}
	if row, ok := t.byID()[r.String("id")]; ok {
		return row
	}
	return v
}

// rowTables returns the tables of one side, each made once.
type rowTables struct {
	cat    psa.Catalog
	byKind map[psa.Kind]*rowTable
}

// of returns nil for what is no configuration that a catalog tells.
func (t *rowTables) of(kind psa.Kind) *rowTable {
	if t == nil || t.cat == nil || kind == "" || kind.IsRecord() {
		return nil
	}
	if t.byKind[kind] == nil {
		t.byKind[kind] = newRowTable(t.cat, kind)
	}
	return t.byKind[kind]
}

// names makes a path tell the names of references, if it leads to one.
func (c *kindCompiler) names(f *fieldPath, s Side) {
	if len(f.segs) == 0 {
		return
	}
	i := slices.IndexFunc(c.fields[s], func(field psa.Field) bool { return field.Name == f.segs[0] && field.Type == psa.TypeRef })
	if i >= 0 {
		f.rows = c.rows[s].of(c.fields[s][i].Kind)
	}
}
