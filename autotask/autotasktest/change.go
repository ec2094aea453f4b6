package autotasktest

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/psasync/psasync/internal/simulator"
)

// change is one write while it is checked: nothing is stored before it is
// found valid. It lives under the store's write lock.
type change struct {
	c  *call
	tx *simulator.Tx
	e  *entity

	id     int
	old    Row  // nil: a new row
	row    Row  // the row as it will be stored
	fields bool // a field other than user-defined ones was sent
	errs   []string
	udfs   bool // user-defined fields were sent
}

func (c *call) begin(tx *simulator.Tx, e *entity, id int, old Row) *change {
	w := &change{c: c, tx: tx, e: e, id: id, row: Row{}}
	if old != nil {
		w.old = old
		w.row = stored(simulator.NewRow(id, old))
	}
	return w
}

func (w *change) fail(format string, args ...any) {
	w.errs = append(w.errs, fmt.Sprintf(format, args...))
}

// isNew reports whether the write makes a row.
func (w *change) isNew() bool { return w.old == nil }

// changed reports whether a key gets another value.
func (w *change) changed(key string) bool { return w.isNew() || w.old[key] != w.row[key] }

// int returns a number, 0 if the key has none.
func (w *change) int(key string) int {
	n, _ := w.row[key].(int)
	return n
}

// missing reports a required key without a value.
func (w *change) missing(key string) { w.fail("Missing Required Field: %s", key) }

// writable reports whether a key can be set now.
func (w *change) writable(f *field) bool {
	return f.name != "id" && !f.ro && (!f.once || w.isNew())
}

// take reads the body. Keys it does not know and read-only ones are silently
// ignored, as the vendor does.
func (w *change) take(body Row) {
	for _, f := range w.e.fields {
		v, ok := member(body, f.name)
		if !ok || !w.writable(f) {
			continue
		}
		w.fields = true
		w.set(f, v)
	}
	if v, ok := member(body, "userDefinedFields"); ok && w.e.udf {
		w.setUDFs(v)
	}
}

// clear empties what a PUT does not send.
func (w *change) clear(body Row) {
	for _, f := range w.e.fields {
		if _, sent := member(body, f.name); !sent && w.writable(f) {
			delete(w.row, f.name)
		}
	}
	if _, sent := member(body, "userDefinedFields"); !sent {
		delete(w.row, udfKey)
	}
	w.fields = true
}

// set takes one key of the body.
func (w *change) set(f *field, v any) {
	if v == nil {
		delete(w.row, f.name)
		return
	}
	val, err := f.value(v)
	if err != nil {
		w.fail("Error converting value %v to type '%s'. Path '%s'.", v, f.typ, f.name)
		return
	}
	if s, ok := val.(string); ok && f.max > 0 && len([]rune(s)) > f.max {
		w.fail("The length of %s exceeds the maximum of %d.", f.name, f.max)
		return
	}
	old := w.row[f.name]
	w.row[f.name] = val
	if n, ok := val.(int); ok && (w.isNew() || old != val) {
		w.valid(f, n)
	}
}

// valid checks a new number against its picklist or the rows it refers to. A
// value that a row already has stays valid.
func (w *change) valid(f *field, n int) {
	if f.pick != "" {
		if v, ok := w.c.t.choice(w.tx, f.pick, n); !ok || v.Inactive {
			w.fail("Picklist value [%d] does not exist for %s.", n, f.name)
		}
		return
	}
	to := w.c.t.schema.byName[f.ref]
	if to == nil {
		return // of a collection that this simulator does not have
	}
	r, ok := w.tx.Table(to.path).Get(n)
	if ok = ok && !w.c.hidden(to, r); ok {
		switch to.path {
		case "Contacts":
			ok = r.Field("isActive") != 0
		case "Resources", "Roles", "BillingCodes":
			ok = r.Field("isActive") != false
		}
	}
	if !ok {
		w.badReference(f)
	}
}

func (w *change) badReference(f *field) {
	w.fail("Reference value on field: %s of type: %s does not exist or is invalid.", f.name, f.ref)
}

// setUDFs takes [{"name","value"}]: fields that are not named keep theirs, and
// unknown names are ignored like unknown keys.
func (w *change) setUDFs(v any) {
	list, ok := v.([]any)
	if !ok && v != nil {
		w.fail("Error converting value to type 'UserDefinedField[]'. Path 'userDefinedFields'.")
		return
	}
	values := map[string]any{}
	for _, x := range list {
		m, _ := x.(map[string]any)
		name, _ := member(m, "name")
		d, found := w.c.t.definition(w.tx, w.e, text(name))
		if !found {
			continue
		}
		value, _ := member(m, "value")
		if msg := w.udfError(d, value); msg != "" {
			w.fail("The value of the user-defined field %s is not valid: %s.", text(name), msg)
			continue
		}
		if value == "" {
			value = nil
		}
		values[strconv.Itoa(d.ID)] = value
	}
	mergeUDF(w.row, values)
	w.udfs = true
}

// udfError says what is wrong with a value of a user-defined field. Those that
// the UI requires are not required here.
func (w *change) udfError(d simulator.Row, v any) string {
	if v == nil || v == "" {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		return "a string is expected"
	}
	switch d.Field("dataType") {
	case udfNumber:
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "a number is expected"
		}
	case udfDate:
		if _, ok := parseTime(s); !ok {
			return "a date is expected"
		}
	case udfList:
		for _, item := range w.c.t.listItems(w.tx, d.ID) {
			if text(item.Field("valueForExport")) == s && item.Field("isActive") != false {
				return ""
			}
		}
		return "the picklist value does not exist"
	}
	return ""
}

// commit checks the row, stores it and lets its effects happen.
func (w *change) commit() *apiError {
	if !w.isNew() && !w.fields && !w.udfs {
		return nil // nothing that could be changed was sent
	}
	r := rulesOf(w.e.path)
	if r.defaults != nil && len(w.errs) == 0 {
		r.defaults(w)
	}
	for _, f := range w.e.fields {
		if f.req && w.row[f.name] == nil {
			w.missing(f.name)
		}
		if f.req && f.typ == "string" && w.row[f.name] == "" {
			w.missing(f.name)
		}
	}
	w.parents()
	if r.check != nil && len(w.errs) == 0 {
		r.check(w)
	}
	if len(w.errs) > 0 {
		return &apiError{status: http.StatusInternalServerError, errors: w.errs}
	}
	w.stamp()
	if w.isNew() {
		w.id = w.tx.Table(w.e.path).NextID()
	}
	w.tx.Table(w.e.path).Put(w.id, compact(w.row))
	if r.after != nil {
		r.after(w)
	}
	w.c.workflow(w)
	return nil
}

// parents checks that choices fit the choice in their parent field.
func (w *change) parents() {
	for _, f := range w.e.fields {
		n, ok := w.row[f.name].(int)
		up := w.e.field(f.parent)
		if f.parent == "" || up == nil || !ok || !w.changed(f.name) && !w.changed(up.name) {
			continue
		}
		if v, _ := w.c.t.choice(w.tx, f.pick, n); v.Parent != 0 && w.row[up.name] != v.Parent {
			w.fail("Picklist value [%d] does not exist for %s.", n, f.name)
		}
	}
}

// stamp moves the row's times and names the author.
func (w *change) stamp() {
	t, o := w.c.t, &w.c.s.opts
	if w.isNew() {
		t.stampNew(w.e, w.row)
	} else {
		tracked := w.row["lastTrackedModificationDateTime"]
		t.stampChange(w.e, w.row)
		if !w.fields && o.UDFKeepsTracked && w.e.path == "Tickets" {
			w.row["lastTrackedModificationDateTime"] = tracked
		}
	}
	user := w.c.s.Credentials().ResourceID
	author := func(keys ...string) {
		for _, k := range keys {
			if w.e.field(k) != nil {
				w.row[k] = w.c.author()
			}
		}
	}
	behind := func(key string) {
		if w.c.as != 0 && w.e.field(key) != nil {
			w.row[key] = user
		}
	}
	if w.isNew() {
		author("creatorResourceID", "creatorUserID", "createdByResourceID")
		behind("impersonatorCreatorResourceID")
	} else {
		behind("impersonatorUpdaterResourceID")
	}
	author("lastModifiedUserID", "lastActivityResourceID")
}
