package autotasktest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Tenant is the data of one Autotask database. It is safe for concurrent use,
// also while servers answer from it.
//
// Its methods stand for people working in Autotask: they are not bound by the
// rights, required fields and rules of the API, but take only keys of the REST
// schema, so that a typing error does not become a test that proves nothing.
// Methods without an error result panic on such mistakes.
type Tenant struct {
	schema *schema
	store  *simulator.Store
	clock  *simulator.Clock

	mu      sync.Mutex
	word    string // of Taint
	picks   map[string][]PicklistValue
	rules   []WorkflowRule
	sheets  map[sheetKey]string
	modules map[int]bool
	demands map[demandKey]bool
	numbers int // tickets numbered so far
}

// Row is a JSON object with the vendor's keys. Values are those of
// encoding/json, with int for whole numbers. Values of user-defined fields are
// written as the vendor does, in "userDefinedFields": see [UDF].
type Row = map[string]any

// UDF makes the value of "userDefinedFields" from pairs of name and value.
func UDF(pairs ...string) []any {
	out := []any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, Row{"name": pairs[i], "value": pairs[i+1]})
	}
	return out
}

// NewTenant returns a tenant with the system's own picklist values and without
// any other data.
func NewTenant() *Tenant {
	return &Tenant{
		schema: loadSchema(), store: simulator.NewStore(), clock: &simulator.Clock{},
		picks: systemPicklists(), sheets: map[sheetKey]string{}, modules: map[int]bool{}, demands: map[demandKey]bool{},
	}
}

// SetClock makes the tenant tell the time by now, which may be a virtual
// clock; nil means the machine's clock. Stamps and the Date header come from it.
func (t *Tenant) SetClock(now func() time.Time) { t.clock.Use(now) }

// Now returns the tenant's time.
func (t *Tenant) Now() time.Time { return t.clock.Now() }

// Advance moves the tenant's clock.
func (t *Tenant) Advance(d time.Duration) { t.clock.Advance(d) }

// Add stores a row in a collection, such as Tickets or Companies/214/Contacts,
// and returns its id: the row's own "id" or the next one. The reference to the
// parent in the path is filled in, and the stamps unless given. Only Companies
// takes id 0, the tenant's own company. A note or time entry moves
// lastActivityDate of its ticket.
func (t *Tenant) Add(path string, row Row) int {
	id, err := t.add(path, row)
	if err != nil {
		panic(err)
	}
	return id
}

// Update changes keys of the row with that id and moves its stamps; a nil
// value clears the key. User-defined fields that are not named keep theirs. A
// ticket that becomes Complete gets its completedDate.
func (t *Tenant) Update(path string, id int, changes Row) {
	if err := t.update(path, id, changes); err != nil {
		panic(err)
	}
}

// Remove makes the row vanish without a trace and reports whether it was
// there; [Tenant.Delete] deletes like a person, which Autotask logs.
func (t *Tenant) Remove(path string, id int) bool {
	ok, err := t.remove(path, id)
	if err != nil {
		panic(err)
	}
	return ok
}

// Get returns a copy of a row with all keys that have a value. It returns nil
// if there is no such row.
func (t *Tenant) Get(path string, id int) Row {
	e, _, err := t.collection(path)
	if err != nil {
		panic(err)
	}
	var out Row
	t.store.View(func(tx *simulator.Tx) {
		row, ok := tx.Table(e.path).Get(id)
		if !ok {
			return
		}
		out = simulator.CloneObject(row.Fields())
		delete(out, udfKey)
		out["id"] = id
		if e.udf {
			out["userDefinedFields"] = t.udfValues(tx, e, row)
		}
	})
	return out
}

// IDs returns the ids of all rows of the collection in order.
func (t *Tenant) IDs(path string) []int {
	e, parent, err := t.collection(path)
	if err != nil {
		panic(err)
	}
	var ids []int
	t.store.View(func(tx *simulator.Tx) {
		for row := range tx.Table(e.path).All(-1) {
			if parent < 0 || row.Field(e.child.key) == parent {
				ids = append(ids, row.ID)
			}
		}
	})
	return ids
}

// collection finds the entity that a path means, and the parent's id if the
// path has one, else -1.
func (t *Tenant) collection(path string) (*entity, int, error) {
	seg := strings.Split(strings.Trim(path, "/"), "/")
	switch len(seg) {
	case 1:
		if e := t.schema.byPath[strings.ToLower(seg[0])]; e != nil {
			return e, -1, nil
		}
	case 3:
		e := t.schema.kids[strings.ToLower(seg[0]+"/"+seg[2])]
		if n, err := strconv.Atoi(seg[1]); e != nil && err == nil {
			return e, n, nil
		}
	}
	return nil, 0, fmt.Errorf("autotasktest: %q is not a collection of the API", path)
}

// fields checks and normalises the keys of a row that a person writes.
func (t *Tenant) fields(tx *simulator.Tx, e *entity, row Row) (Row, error) {
	changes, _ := simulator.Normalise(row).(map[string]any)
	out := Row{}
	for k, v := range changes {
		f := e.field(k)
		switch {
		case k == "userDefinedFields" && e.udf:
			values, err := t.udfIDs(tx, e, v)
			if err != nil {
				return nil, err
			}
			out[udfKey] = values
		case f == nil || f.name != k:
			return nil, fmt.Errorf("%s has no key %q", e.name, k)
		case v == nil:
			out[k] = nil
		default:
			n, err := f.value(v)
			if err != nil {
				return nil, err
			}
			out[k] = n
		}
	}
	return out, nil
}

// value checks a value's type and returns it as it is stored.
func (f *field) value(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		if f.typ == "boolean" {
			return v, nil
		}
	case int:
		switch {
		case f.typ == "double":
			return float64(v), nil
		case f.number():
			return v, nil
		}
	case float64:
		if f.typ == "double" {
			return v, nil
		}
	case string:
		if f.typ == "datetime" {
			at, ok := parseTime(v)
			if !ok {
				return nil, fmt.Errorf("%s: %q is not a time", f.name, v)
			}
			return stamp(at), nil
		}
		if f.typ == "string" {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%s is %s, not %T", f.name, f.typ, v)
}

func (t *Tenant) add(path string, row Row) (id int, err error) {
	e, parent, err := t.collection(path)
	if err != nil {
		return 0, err
	}
	err = t.store.Change(func(tx *simulator.Tx) error {
		fields, err := t.fields(tx, e, row)
		if err != nil {
			return err
		}
		var given bool
		id, given = fields["id"].(int)
		if !given || id == 0 && e.path != "Companies" {
			id = tx.Table(e.path).NextID()
		}
		delete(fields, "id")
		if parent >= 0 {
			fields[e.child.key] = parent
		}
		t.stampNew(e, fields)
		tx.Table(e.path).Put(id, compact(fields))
		t.touch(tx, e, fields)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("autotasktest: %s: %w", path, err)
	}
	return id, nil
}

func (t *Tenant) update(path string, id int, row Row) error {
	e, parent, err := t.collection(path)
	if err != nil {
		return err
	}
	err = t.store.Change(func(tx *simulator.Tx) error {
		old, ok := tx.Table(e.path).Get(id)
		if !ok || parent >= 0 && old.Field(e.child.key) != parent {
			return fmt.Errorf("no row %d", id)
		}
		changes, err := t.fields(tx, e, row)
		if err != nil {
			return err
		}
		delete(changes, "id")
		fields := stored(old)
		t.stampChange(e, fields)
		for k, v := range changes {
			if k == udfKey {
				mergeUDF(fields, v)
				continue
			}
			fields[k] = v
		}
		if _, given := changes["completedDate"]; e.path == "Tickets" && !given && old.Field("status") != fields["status"] {
			complete(fields, stamp(t.clock.Now()))
		}
		tx.Table(e.path).Put(id, compact(fields))
		t.touch(tx, e, fields)
		return nil
	})
	if err != nil {
		return fmt.Errorf("autotasktest: %s: %w", path, err)
	}
	return nil
}

func (t *Tenant) remove(path string, id int) (found bool, err error) {
	e, _, err := t.collection(path)
	if err != nil {
		return false, err
	}
	err = t.store.Change(func(tx *simulator.Tx) error {
		found = tx.Table(e.path).Delete(id)
		return nil
	})
	return found, err
}

// stored returns a changeable copy of a row as it is kept in a table.
func stored(row simulator.Row) Row {
	fields := simulator.CloneObject(row.Fields())
	delete(fields, "id")
	delete(fields, "userDefinedFields") // virtual rows come in the wire's form, without values
	return compact(fields)
}

// compact drops keys without a value: an absent key is answered as null.
func compact(fields Row) Row {
	for k, v := range fields {
		if v == nil {
			delete(fields, k)
		}
	}
	return fields
}
