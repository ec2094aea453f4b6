package halopsatest

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Tenant is the data of one HaloPSA instance. It is safe for concurrent use,
// also while servers answer from it.
//
// Its methods stand for people working in Halo: they are not bound by the
// rights and rules of the API, but take only keys the API has, so that a typing
// error does not become a test that proves nothing. Methods without an error
// result panic on such mistakes.
//
// Paths are those of the API, such as /Status. Rows that are numbered per
// parent are below it: /Tickets/4321/Actions and /Lookup/17. Rows with a GUID
// as id (/Priority, /Roles, /Holiday) are known by a number here; their "id" is
// the GUID.
type Tenant struct {
	api          *api
	store        *simulator.Store
	clock        *simulator.Clock
	version      atomic.Uint64          // moves with every change
	word         atomic.Pointer[string] // of Taint
	virtualMaker *maker                 // of a large tenant

	undo *[]func() // how to take back what a POST stored so far; guarded by the store's lock
}

// Row is a JSON object with the vendor's keys. Values are those of
// encoding/json, with int for whole numbers. Keys that start with "$" are the
// simulator's own: see [Tenant.AddStatus].
type Row = map[string]any

// NewTenant returns a tenant without any data but agent 1 and client 1, which
// mean "unassigned" and "unknown".
func NewTenant() *Tenant {
	t := &Tenant{api: loadAPI(), store: simulator.NewStore(), clock: &simulator.Clock{}}
	t.Add("/Agent", Row{"id": unassignedAgent, "name": "Unassigned", "initials": "", "email": "", "isdisabled": false, "is_agent": true, "isapiagent": false})
	t.Add("/Client", Row{"id": unknownClient, "name": "Unknown", "inactive": false})
	return t
}

const (
	unassignedAgent = 1
	unknownClient   = 1
)

// SetClock makes the tenant tell the time by now, which may be a virtual
// clock; nil means the machine's clock. Stamps, tokens and the Date header come
// from it.
func (t *Tenant) SetClock(now func() time.Time) { t.clock.Use(now) }

// Now returns the tenant's time.
func (t *Tenant) Now() time.Time { return t.clock.Now() }

// Advance moves the tenant's clock.
func (t *Tenant) Advance(d time.Duration) { t.clock.Advance(d) }

// Add stores a row in the collection at path and returns its id: the row's own
// "id" or the next one. A stamp of the last update is filled in unless given.
func (t *Tenant) Add(path string, row Row) int {
	id, err := t.put(path, 0, row)
	if err != nil {
		panic(err)
	}
	return id
}

// Update changes keys of the row with that id and moves its last update; a nil
// value removes the key. Custom fields that are not named keep their values.
func (t *Tenant) Update(path string, id int, changes Row) {
	if id == 0 {
		panic("halopsatest: Update needs an id")
	}
	if _, err := t.put(path, id, changes); err != nil {
		panic(err)
	}
}

// Remove makes the row vanish and reports whether it was there. References to
// it stay. A ticket deleted through the API can be recovered, this one cannot.
func (t *Tenant) Remove(path string, id int) bool {
	ok, err := t.remove(path, id)
	if err != nil {
		panic(err)
	}
	return ok
}

// Get returns a copy of a row as it is stored, without what the API computes.
// It returns nil if there is no such row.
func (t *Tenant) Get(path string, id int) Row {
	e, parent, err := t.collection(path)
	if err != nil {
		panic(err)
	}
	var out Row
	t.store.View(func(tx *simulator.Tx) {
		if row, ok := t.find(tx, e, parent, id); ok {
			out = simulator.CloneObject(row.Fields())
			if t.api.guidKeyed(e) {
				out["id"] = t.guid(e, row)
			} else {
				out["id"] = id
			}
		}
	})
	return out
}

// IDs returns the ids of all rows of the collection at path in order.
func (t *Tenant) IDs(path string) []int {
	e, parent, err := t.collection(path)
	if err != nil {
		panic(err)
	}
	var ids []int
	t.store.View(func(tx *simulator.Tx) {
		for row := range t.rows(tx, e, parent) {
			ids = append(ids, number1(e, row.ID))
		}
	})
	return ids
}

// collection finds the rows a path of a Tenant method means.
func (t *Tenant) collection(path string) (*endpoint, int, error) {
	bad := func(why string) (*endpoint, int, error) {
		return nil, 0, fmt.Errorf("halopsatest: %q %s", path, why)
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	name := parts[0]
	if len(parts) == 3 {
		name = parts[2]
	}
	e := t.api.byPath["/"+strings.ToLower(name)]
	switch {
	case e == nil:
		return bad("is not a collection of the API")
	case e.parent == "" && len(parts) == 1:
		return e, 0, nil
	case e.parent == "":
		return bad("is a row, not a collection")
	case len(parts) == 1 || len(parts) == 2 && e.home != e.path || len(parts) == 3 && !strings.EqualFold("/"+parts[0], e.home):
		return bad("needs the parent: " + e.home + "/{id}" + strings.TrimPrefix(e.path, e.home))
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n <= 0 {
		return bad("has no number for the parent")
	}
	return e, n, nil
}

// perParent is how many rows a parent can have.
const perParent = 1 << 20

// rowID is the id of a row in its table.
func rowID(e *endpoint, parent, id int) int {
	if e.parent == "" {
		return id
	}
	return parent*perParent + id
}

// number1 is the id of a row as the API tells it.
func number1(e *endpoint, id int) int {
	if e.parent == "" {
		return id
	}
	return id % perParent
}

func (t *Tenant) find(tx *simulator.Tx, e *endpoint, parent, id int) (simulator.Row, bool) {
	if e.parent != "" && (id < 0 || id >= perParent) {
		return simulator.Row{}, false
	}
	row, ok := tx.Table(e.path).Get(rowID(e, parent, id))
	if !ok && e.entity == "Action" {
		for row := range t.virtualActions(tx, parent) {
			if row.ID == rowID(e, parent, id) {
				return row, true
			}
		}
	}
	return row, ok
}

// rows yields the rows of a collection in order, of one parent if it has any.
func (t *Tenant) rows(tx *simulator.Tx, e *endpoint, parent int) iter.Seq[simulator.Row] {
	if e.parent == "" || parent == 0 {
		return tx.Table(e.path).All(-1)
	}
	return func(yield func(simulator.Row) bool) {
		if e.entity == "Action" {
			for row := range t.virtualActions(tx, parent) {
				if _, stored := tx.Table(e.path).Get(row.ID); !stored && !yield(row) {
					return
				}
			}
		}
		for row := range tx.Table(e.path).All(rowID(e, parent, 0) - 1) {
			if row.ID >= rowID(e, parent+1, 0) || !yield(row) {
				return
			}
		}
	}
}

// put adds (id 0) or changes a row as a person would.
func (t *Tenant) put(path string, id int, row Row) (int, error) {
	e, parent, err := t.collection(path)
	if err != nil {
		return 0, err
	}
	changes, _ := simulator.Normalise(row).(map[string]any)
	ent := t.api.ent(e)
	for k := range changes {
		if f := ent.byName[k]; (f == nil || f.post) && !strings.HasPrefix(k, "$") {
			return 0, fmt.Errorf("halopsatest: %s: %s has no key %q", path, ent.name, k)
		}
	}
	err = t.change(func(tx *simulator.Tx) error {
		id, err = t.putStored(tx, e, parent, id, changes)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("halopsatest: %s: %w", path, err)
	}
	return id, nil
}

// change runs f under the write lock and notes that something changed.
func (t *Tenant) change(f func(*simulator.Tx) error) error {
	defer t.version.Add(1)
	return t.store.Change(f)
}

func (t *Tenant) putStored(tx *simulator.Tx, e *endpoint, parent, id int, changes Row) (int, error) {
	fields := Row{}
	switch {
	case id != 0:
		old, ok := t.find(tx, e, parent, id)
		if !ok {
			return 0, fmt.Errorf("no row %d", id)
		}
		fields = simulator.CloneObject(old.Fields())
	default:
		id, _ = changes["id"].(int)
		if given, ok := changes["id"]; !ok || t.api.guidKeyed(e) || given == nil {
			id = t.nextID(tx, e, parent)
		}
	}
	for k, v := range changes {
		switch {
		case k == "id" && !t.api.guidKeyed(e):
		case v == nil:
			delete(fields, k)
		case k == "customfields":
			fields[k] = mergeCustom(fields[k], v)
		default:
			fields[k] = v
		}
	}
	if e.parent != "" {
		fields[e.parent] = parent
	}
	t.normalise(e, fields)
	if e.updated != "" && changes[e.updated] == nil {
		fields[e.updated] = stamp(t.clock.Now())
	}
	t.keep(tx, e, rowID(e, parent, id), fields)
	return id, nil
}

// normalise writes ids that the schema has as doubles as whole numbers.
func (t *Tenant) normalise(e *endpoint, fields Row) {
	for _, k := range []string{"client_id", "site_id"} {
		if f, ok := fields[k].(float64); ok {
			fields[k] = int(f)
		}
	}
	if e.entity == "User" {
		delete(fields, "site_id_int")
	}
}

// keep stores a row.
func (t *Tenant) keep(tx *simulator.Tx, e *endpoint, id int, fields Row) {
	if t.undo != nil {
		tab := tx.Table(e.path)
		old, there := tab.Get(id)
		*t.undo = append(*t.undo, func() {
			if there {
				tab.Put(id, old.Fields())
			} else {
				tab.Delete(id)
			}
		})
	}
	tx.Table(e.path).Put(id, fields)
	if e.parent != "" {
		parent, n := id/perParent, id%perParent
		seq := tx.Table("$last" + e.path)
		if old, _ := seq.Get(parent); old.ID == 0 || integer(old.Field("n")) < n {
			seq.Put(parent, Row{"n": n})
		}
	}
}

// nextID is the id the next row gets; ids are not given twice.
func (t *Tenant) nextID(tx *simulator.Tx, e *endpoint, parent int) int {
	if e.parent == "" {
		return tx.Table(e.path).NextID()
	}
	last := 0
	if row, ok := tx.Table("$last" + e.path).Get(parent); ok {
		last = integer(row.Field("n"))
	}
	if e.entity == "Action" {
		for row := range t.virtualActions(tx, parent) {
			last = max(last, row.ID%perParent)
		}
	}
	return last + 1
}

// mergeCustom replaces the values of the custom fields that changes names.
func mergeCustom(old, changes any) any {
	have := objects(old)
	for _, c := range objects(changes) {
		id := integer(c["id"])
		found := false
		for i, h := range have {
			if integer(h["id"]) == id {
				have[i], found = Row{"id": id, "value": c["value"]}, true
			}
		}
		if !found {
			have = append(have, Row{"id": id, "value": c["value"]})
		}
	}
	out := []any{}
	for _, h := range have {
		if h["value"] != nil && h["value"] != "" {
			out = append(out, h)
		}
	}
	return out
}

var errNoRow = errors.New("no such row")

func (t *Tenant) remove(path string, id int) (bool, error) {
	e, parent, err := t.collection(path)
	if err != nil {
		return false, err
	}
	err = t.change(func(tx *simulator.Tx) error {
		if !t.drop(tx, e, rowID(e, parent, id)) {
			return errNoRow
		}
		return nil
	})
	return err == nil, nil
}

// drop deletes a row and reports whether it was there.
func (t *Tenant) drop(tx *simulator.Tx, e *endpoint, id int) bool {
	_, there := t.find(tx, e, parentOf(e, id), number1(e, id))
	tx.Table(e.path).Delete(id)
	if there && e.entity == "Action" {
		tx.Table(goneActions).Put(id, Row{}) // it may be one of a virtual ticket
	}
	return there
}

// guid returns the GUID of a row: what it was given, or a stable one.
func (t *Tenant) guid(e *endpoint, row simulator.Row) string {
	key := "guid"
	if t.api.guidKeyed(e) {
		key = "id"
	}
	if g := text(row.Quick(key)); g != "" {
		return g
	}
	return guidOf(e.path, row.ID)
}

// byGUID finds a row by its GUID.
func (t *Tenant) byGUID(tx *simulator.Tx, e *endpoint, guid string) (simulator.Row, bool) {
	for row := range tx.Table(e.path).All(-1) {
		if strings.EqualFold(t.guid(e, row), guid) {
			return row, true
		}
	}
	return simulator.Row{}, false
}

// row returns a row of another collection.
func (t *Tenant) row(tx *simulator.Tx, path string, id int) (simulator.Row, bool) {
	return tx.Table(path).Get(id)
}

// name returns the name of a row of another collection, nil if it is unknown.
func (t *Tenant) name(tx *simulator.Tx, path string, id any) any {
	row, ok := tx.Table(path).Get(integer(id))
	if !ok {
		return nil
	}
	return row.Field(t.api.byPath[strings.ToLower(path)].label)
}
