package connectwisetest

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// create answers POST on a list: 201, the whole record and its path.
func (c *call) create(e *endpoint) *apiError {
	proj, err := c.projection(e, c.r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	body, err := c.object()
	if err != nil {
		return err
	}
	var row simulator.Row
	err = c.change(e, func(tx *simulator.Tx) *apiError {
		if isDerived(e.table) {
			var err *apiError
			row, err = c.createDerived(tx, e, body)
			return err
		}
		w := c.begin(tx, e, 0, nil)
		for i, p := range e.parents {
			setPath(w.row, p, c.ids[i])
		}
		for _, f := range w.ent.fields { // the schema's order: board before status
			if v, ok := body[f.name]; ok {
				w.set(f.name, v)
			}
		}
		w.unknownKeys(body)
		if err := w.commit(); err != nil {
			return err
		}
		row, _ = tx.Table(e.table).Get(w.id)
		return nil
	})
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", c.base+apiPath(c.r)+"/"+itoa(row.ID))
	c.answer(http.StatusCreated, e, row, proj)
	return nil
}

// unknownKeys refuses keys that the schema does not have.
func (w *change) unknownKeys(body Row) {
	var bad []string
	for k := range body {
		if w.ent.byName[k] == nil {
			bad = append(bad, k)
		}
	}
	slices.Sort(bad)
	for _, k := range bad {
		w.set(k, nil)
	}
}

// replace answers PUT: keys that are not sent go to their default or null.
func (c *call) replace(e *endpoint) *apiError {
	body, err := c.object()
	if err != nil {
		return err
	}
	return c.update(e, func(w *change) *apiError {
		w.put = true
		for _, f := range w.ent.fields {
			switch v, sent := body[f.name]; {
			case sent:
				w.set(f.name, v)
			case f.name == "_info" || f.name == "customFields" || serverOnly(w.e.table, f.name, false) || f.name == "communicationItems":
			case f.typ == "bool" && !f.array && w.row[f.name] != nil:
				w.row[f.name] = false
			default:
				delete(w.row, f.name)
			}
		}
		for i, p := range e.parents {
			setPath(w.row, p, c.ids[i])
		}
		w.unknownKeys(body)
		if e.table == "contacts" && body["communicationItems"] != nil {
			// PUT on contacts fails when communicationItems are sent.
			w.fail(wrong("communicationItems", "The communicationItems field is invalid."))
		}
		return nil
	})
}

// patch answers PATCH with a JSON Patch document.
func (c *call) patch(e *endpoint) *apiError {
	body, err := c.body()
	if err != nil {
		return err
	}
	ops, err := parsePatch(body)
	if err != nil {
		return err
	}
	return c.update(e, func(w *change) *apiError {
		for _, op := range ops {
			if err := w.apply(op); err != nil {
				return err
			}
		}
		if o := w.c.s.opts; o.PatchNeedsCustomField && !w.sent["customFields"] && len(listOf(c.t.customFields(w.tx, e.table, nil))) > 0 {
			w.fail(missing("customFields"))
		}
		return nil
	})
}

func listOf(v any) []any {
	list, _ := v.([]any)
	return list
}

// update changes one row and answers 200 with the whole record.
func (c *call) update(e *endpoint, edit func(*change) *apiError) *apiError {
	proj, err := c.projection(e, c.r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	var out simulator.Row
	err = c.change(e, func(tx *simulator.Tx) *apiError {
		parents, id := c.ids[:len(e.parents)], c.ids[len(e.parents)]
		old, ok := c.t.find(tx, e, parents, id)
		if !ok || c.s.core.Rights.Hidden(e.table, id) {
			return notFound(e.name(), id)
		}
		w := c.begin(tx, e, id, old.Fields())
		if err := edit(w); err != nil {
			return err
		}
		if isDerived(e.table) {
			var err *apiError
			out, err = c.updateDerived(tx, w)
			return err
		}
		if err := w.commit(); err != nil {
			return err
		}
		out, _ = tx.Table(e.table).Get(id)
		return nil
	})
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, e, out, proj)
	return nil
}

// change runs a write under the store's lock.
func (c *call) change(e *endpoint, f func(*simulator.Tx) *apiError) *apiError {
	var err *apiError
	// The closure reports through err: Change itself never fails.
	_ = c.t.store.Change(func(tx *simulator.Tx) error {
		if err = c.parentsExist(tx, e, c.ids[:len(e.parents)]); err == nil {
			err = f(tx)
		}
		return nil
	})
	return err
}

func (c *call) begin(tx *simulator.Tx, e *endpoint, id int, old Row) *change {
	w := &change{c: c, tx: tx, e: e, ent: c.t.api.schema[e.entity], id: id, sent: map[string]bool{}, switches: Row{}, row: Row{}}
	if old != nil {
		w.old = old
		w.row = simulator.CloneObject(old)
	}
	return w
}

// commit checks the row, stores it and lets its effects happen.
func (w *change) commit() *apiError {
	r := rulesOf(w.e.table)
	if r.defaults != nil {
		r.defaults(w)
	}
	for _, f := range w.ent.fields {
		if f.req && w.row[f.name] == nil && f.name != "id" {
			w.fail(missing(f.name))
		}
	}
	w.unique()
	if r.check != nil && len(w.errs) == 0 {
		r.check(w)
	}
	if len(w.errs) > 0 {
		return invalid(lowerFirst(w.e.name()), w.errs...)
	}
	if w.isNew() {
		w.id = w.tx.Table(w.e.table).NextID()
	}
	w.stamp()
	w.oneDefault()
	w.c.t.store1(w.tx, w.e.table, w.id, w.row)
	if r.after != nil {
		r.after(w)
	}
	return nil
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// stamp moves lastUpdated and names the API member as the author.
func (w *change) stamp() {
	if bareInfo(w.e.table) {
		w.row["_info"] = Row{}
		return
	}
	info, _ := w.row["_info"].(map[string]any)
	info, _ = simulator.Clone(info).(map[string]any)
	if info == nil {
		info = Row{}
	}
	info["lastUpdated"], info["updatedBy"] = stamp(w.c.now()), w.c.member
	if w.isNew() && (w.e.table == "tickets" || w.e.table == "companies") {
		info["dateEntered"], info["enteredBy"] = info["lastUpdated"], w.c.member
	}
	w.row["_info"] = info
}

// remove answers DELETE: 204, or 409 while something points at the row.
func (c *call) remove(e *endpoint) *apiError {
	c.t.flush(e, c.ids[:len(e.parents)])
	err := c.change(e, func(tx *simulator.Tx) *apiError {
		parents, id := c.ids[:len(e.parents)], c.ids[len(e.parents)]
		row, ok := c.t.find(tx, e, parents, id)
		if !ok || c.s.core.Rights.Hidden(e.table, id) {
			if e.table == "callbacks" {
				return noEndpoint() // a missing callback answers like a wrong path
			}
			return notFound(e.name(), id)
		}
		if e.table == "communications" {
			_, err := c.t.dropCommunication(tx, parents[0], id)
			return err
		}
		if r := rulesOf(e.table); r.remove != nil {
			done, err := r.remove(c, tx, row)
			if err != nil || done {
				return err
			}
		}
		if uses := c.usesOf(tx, e.table, id); len(uses) > 0 {
			return failf(http.StatusConflict, "ConnectWiseApi", "%s %d is in use and cannot be deleted.", e.name(), id)
		}
		c.cascade(tx, e.table, id)
		c.t.delete(tx, e.table, row)
		return nil
	})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// createDerived adds a communication to a contact.
func (c *call) createDerived(tx *simulator.Tx, e *endpoint, body Row) (simulator.Row, *apiError) {
	w := c.begin(tx, e, 0, nil)
	for k, v := range body {
		w.set(k, v)
	}
	for _, k := range []string{"type", "value"} {
		if w.row[k] == nil {
			w.fail(missing(k))
		}
	}
	return c.storeDerived(tx, w, 0)
}

func (c *call) updateDerived(tx *simulator.Tx, w *change) (simulator.Row, *apiError) {
	return c.storeDerived(tx, w, w.id)
}

func (c *call) storeDerived(tx *simulator.Tx, w *change, id int) (simulator.Row, *apiError) {
	if len(w.errs) > 0 {
		return simulator.Row{}, invalid(lowerFirst(w.e.name()), w.errs...)
	}
	for k, v := range w.switches {
		w.row[k] = v
	}
	parents := c.ids[:len(w.e.parents)]
	id, err := c.t.writeDerived(tx, w.e, parents, id, w.row)
	if err != nil {
		return simulator.Row{}, asAPIError(err)
	}
	if w.e.table == "communications" {
		c.restamp(tx, "contacts", parents[0])
	}
	row, ok := c.t.find(tx, w.e, parents, id)
	if !ok {
		return row, notFound(w.e.name(), id)
	}
	return row, nil
}

// restamp moves lastUpdated of a row whose children changed.
func (c *call) restamp(tx *simulator.Tx, table string, id int) {
	row, ok := tx.Table(table).Get(id)
	if !ok {
		return
	}
	fields := simulator.CloneObject(row.Fields())
	info, _ := fields["_info"].(map[string]any)
	if info == nil {
		info = Row{}
	}
	info["lastUpdated"], info["updatedBy"] = stamp(c.now()), c.member
	fields["_info"] = info
	tx.Table(table).Put(id, fields)
}

// deactivate answers POST /system/members/{id}/deactivate; members cannot be
// deleted.
func (c *call) deactivate() *apiError {
	body, err := c.object()
	if err != nil {
		return err
	}
	id := c.ids[0]
	_ = c.t.store.Change(func(tx *simulator.Tx) error { // reports through err
		row, ok := tx.Table("members").Get(id)
		if !ok {
			err = notFound("Member", id)
			return nil
		}
		fields := simulator.CloneObject(row.Fields())
		fields["inactiveFlag"], fields["inactiveDate"] = true, stamp(c.now())
		tx.Table("members").Put(id, fields)
		c.restamp(tx, "members", id)
		return nil
	})
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	ent := c.t.api.schema["MemberDeactivation"]
	c.t.store.View(func(tx *simulator.Tx) {
		enc := &encoder{api: c.t.api, t: c.t, tx: tx, buf: &buf}
		enc.object(ent, func(k string) any { return body[k] }, nil, nil)
	})
	c.w.Header().Set("Content-Type", jsonType)
	c.w.WriteHeader(http.StatusOK)
	c.send(&buf)
	return nil
}
