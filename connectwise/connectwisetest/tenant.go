package connectwisetest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Tenant is the data of one ConnectWise PSA instance. It is safe for
// concurrent use, also while servers answer from it.
//
// Its methods stand for people working in PSA: they are not bound by the
// rights, required fields and rules of the API, but take only keys of the REST
// schema, so that a typing error does not become a test that proves nothing.
// Methods without an error result panic on such mistakes.
type Tenant struct {
	api   *api
	store *simulator.Store
	clock *simulator.Clock

	mu      sync.Mutex
	word    string            // of Taint
	screens map[string]string // screenId of a custom field -> entity that carries it
	dirty   map[int]bool      // boards whose type associations must be made anew
}

// Row is a JSON object with the vendor's keys. Values are those of
// encoding/json, with int for whole numbers; references are written
// map[string]any{"id": 12}.
type Row = map[string]any

// NewTenant returns a tenant without any data.
func NewTenant() *Tenant {
	return &Tenant{
		api: loadAPI(), store: simulator.NewStore(), clock: &simulator.Clock{},
		dirty: map[int]bool{},
		screens: map[string]string{
			"ct300": "Contact", // seen on live servers; the others are this simulator's choice
			"sr100": "Ticket",
			"co300": "Company",
			"te300": "TimeEntry",
			"mb300": "Member",
			"st300": "CompanySite",
		},
	}
}

// SetClock makes the tenant tell the time by now, which may be a virtual
// clock; nil means the machine's clock. Stamps and the Date header come from it.
func (t *Tenant) SetClock(now func() time.Time) { t.clock.Use(now) }

// Now returns the tenant's time.
func (t *Tenant) Now() time.Time { return t.clock.Now() }

// Advance moves the tenant's clock.
func (t *Tenant) Advance(d time.Duration) { t.clock.Advance(d) }

// Screen says that custom fields with this screenId are carried by an entity
// (Ticket, Company, Contact, TimeEntry, Member, CompanySite).
func (t *Tenant) Screen(screenID, entity string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.screens[screenID] = entity
}

// Add stores a row in the list at path, such as /service/boards/12/statuses,
// and returns its id: the row's own "id" or the next one. References to the
// parents in the path are filled in, and _info.lastUpdated and updatedBy unless
// given.
func (t *Tenant) Add(path string, row Row) int {
	id, err := t.put(path, 0, row)
	if err != nil {
		panic(err)
	}
	return id
}

// Update changes keys of the row with that id and moves its lastUpdated; a nil
// value removes the key.
func (t *Tenant) Update(path string, id int, changes Row) {
	if _, err := t.put(path, id, changes); err != nil {
		panic(err)
	}
}

// Remove deletes the row and reports whether it was there. References to it
// stay and show only the id.
func (t *Tenant) Remove(path string, id int) bool {
	ok, err := t.remove(path, id)
	if err != nil {
		panic(err)
	}
	return ok
}

// Get returns a copy of a row as it is stored: references are {"id": n}. It
// returns nil if there is no such row.
func (t *Tenant) Get(path string, id int) Row {
	e, parents, err := t.list(path)
	if err != nil {
		panic(err)
	}
	var out Row
	t.store.View(func(tx *simulator.Tx) {
		if row, ok := t.find(tx, e, parents, id); ok {
			out = simulator.CloneObject(row.Fields())
			out["id"] = id
		}
	})
	return out
}

// IDs returns the ids of all rows of the list at path in order.
func (t *Tenant) IDs(path string) []int {
	e, parents, err := t.list(path)
	if err != nil {
		panic(err)
	}
	t.flush(e, parents)
	var ids []int
	t.store.View(func(tx *simulator.Tx) {
		for row := range t.rows(tx, e, parents, 0) {
			ids = append(ids, row.ID)
		}
	})
	return ids
}

// list finds the list at path.
func (t *Tenant) list(path string) (*endpoint, []int, error) {
	r, ids := t.api.match(strings.TrimSuffix(path, "/"))
	if r == nil || r.kind != routeList {
		return nil, nil, fmt.Errorf("connectwisetest: %q is not a list of the API", path)
	}
	parents := make([]int, len(ids))
	for i, s := range ids {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, nil, fmt.Errorf("connectwisetest: %q: %q is not an id", path, s)
		}
		parents[i] = n
	}
	return r.ep, parents, nil
}

// put adds (id 0) or changes a row as a person would.
func (t *Tenant) put(path string, id int, row Row) (int, error) {
	e, parents, err := t.list(path)
	if err != nil {
		return 0, err
	}
	changes, _ := simulator.Normalise(row).(map[string]any)
	ent := t.api.schema[t.api.byTable[e.table].entity]
	for k := range changes {
		if ent.byName[k] == nil && !strings.HasPrefix(k, "$") {
			return 0, fmt.Errorf("connectwisetest: %s: %s has no key %q", path, ent.name, k)
		}
	}
	if isDerived(e.table) {
		return t.putDerived(e, parents, id, changes)
	}
	err = t.store.Change(func(tx *simulator.Tx) error {
		id, err = t.putStored(tx, e, parents, id, changes)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("connectwisetest: %s: %w", path, err)
	}
	return id, nil
}

func (t *Tenant) putStored(tx *simulator.Tx, e *endpoint, parents []int, id int, changes Row) (int, error) {
	tab := tx.Table(e.table)
	fields := Row{}
	if id != 0 {
		old, ok := t.find(tx, e, parents, id)
		if !ok {
			return 0, fmt.Errorf("no row %d", id)
		}
		fields = simulator.CloneObject(old.Fields())
	} else {
		id, _ = changes["id"].(int)
		if id == 0 {
			id = tab.NextID()
		}
	}
	info, stamped := changes["_info"].(map[string]any)
	for k, v := range changes {
		switch {
		case k == "_info" || k == "id":
		case v == nil:
			delete(fields, k)
		default:
			fields[k] = v
		}
	}
	for i, p := range e.parents {
		setPath(fields, p, parents[i])
	}
	own, _ := fields["_info"].(map[string]any)
	if own == nil {
		own = Row{}
	}
	if !stamped || info["lastUpdated"] == nil {
		own["lastUpdated"], own["updatedBy"] = stamp(t.clock.Now()), person
	}
	for k, v := range info {
		own[k] = v
	}
	fields["_info"] = own
	t.store1(tx, e.table, id, fields)
	return id, nil
}

// person is who works in PSA when a test changes something without saying who.
const person = "zAdmin"

// store1 stores a row and keeps what hangs on it in step.
func (t *Tenant) store1(tx *simulator.Tx, table string, id int, fields Row) {
	tx.Table(table).Put(id, fields)
	t.touched(tx, table, id, fields)
}

func (t *Tenant) remove(path string, id int) (bool, error) {
	e, parents, err := t.list(path)
	if err != nil {
		return false, err
	}
	if isDerived(e.table) {
		return t.removeDerived(e, parents, id)
	}
	found := false
	err = t.store.Change(func(tx *simulator.Tx) error {
		row, ok := t.find(tx, e, parents, id)
		if !ok {
			return nil
		}
		found = true
		t.delete(tx, e.table, row)
		return nil
	})
	return found, err
}

func (t *Tenant) delete(tx *simulator.Tx, table string, row simulator.Row) {
	tx.Table(table).Delete(row.ID)
	t.touched(tx, table, row.ID, row.Fields())
}

// setPath sets a key, or the id of a reference, inside a row.
func setPath(fields Row, path string, id int) {
	head, _, nested := strings.Cut(path, "/")
	if nested {
		fields[head] = ref(id)
		return
	}
	fields[head] = id
}

// stamp formats a time as the vendor does: UTC, whole seconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

var errDerived = errors.New("connectwisetest: rows of this list cannot be written")

// putDerived changes a list that is computed from other rows.
func (t *Tenant) putDerived(e *endpoint, parents []int, id int, changes Row) (int, error) {
	var out int
	err := t.store.Change(func(tx *simulator.Tx) error {
		var err error
		out, err = t.writeDerived(tx, e, parents, id, changes)
		return err
	})
	return out, err
}

func (t *Tenant) removeDerived(e *endpoint, parents []int, id int) (bool, error) {
	found := false
	err := t.store.Change(func(tx *simulator.Tx) error {
		if e.table != "communications" {
			return errDerived
		}
		var aerr *apiError
		found, aerr = t.dropCommunication(tx, parents[0], id)
		if aerr != nil && aerr.status != http.StatusNotFound {
			return aerr
		}
		return nil
	})
	return found, err
}
