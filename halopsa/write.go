package halopsa

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// A write is one row on its way to Halo. Its methods note what is wrong with
// it, so that everything is told at once.
type write struct {
	p      *Provider
	l      *list
	kind   psa.Kind
	op     string
	ref    psa.Ref // zero: a new row
	notify psa.Notify
	old    psa.Record // zero: a new row

	all   psa.Fields // canonical, as given
	set   psa.Fields // less what the row holds already
	wrong []string
}

func (w *write) creating() bool { return w.ref.IsZero() }

func (w *write) refuse(field, why string) { w.wrong = append(w.wrong, field+": "+why) }

// verdict is ErrInvalid with everything that was refused.
func (w *write) verdict() error {
	if len(w.wrong) == 0 {
		return nil
	}
	slices.Sort(w.wrong)
	return w.fail(psa.ErrInvalid, strings.Join(w.wrong, "; "), nil)
}

func (w *write) fail(code error, detail string, cause error) error {
	return &psa.Error{Provider: name, Op: w.op, Ref: w.ref, Code: code, Detail: detail, Err: cause}
}

// Create makes a row and returns it as Get does; see [psa.Creator]. It takes
// three requests at most: what the row refers to, the write, the row. A write
// is repeated only if Halo did not get it or refused it unread (401, 429). If
// the row was made but cannot be read back, the error names it in its Ref.
//
// Everything that is wrong with fields is [psa.ErrInvalid], before the write;
// so is what Halo refuses. With [psa.NotifyContact] a new ticket is acknowledged
// and an action mailed; for [psa.NotifyResources] Halo has no switch. With
// [Config.SkipRules] a write with [psa.NotifyNone] makes no mail, otherwise the
// instance's own rules may.
func (p *Provider) Create(ctx context.Context, kind psa.Kind, fields psa.Fields, notify psa.Notify) (psa.Record, error) {
	w, err := p.begin(ctx, psa.CanCreate, psa.Ref{Kind: kind}, fields, notify)
	if err != nil {
		return psa.Record{}, err
	}
	row, err := w.row(ctx)
	if err != nil {
		return psa.Record{}, w.missing(err)
	}
	id, err := w.send(ctx, row)
	if err != nil {
		return psa.Record{}, w.missing(err)
	}
	if id == "" {
		return psa.Record{}, w.fail(psa.ErrData, "Halo took the row and does not say which id it has", nil)
	}
	ref, parent := psa.Ref{Kind: kind, ID: id}, psa.Ref{}
	if w.l.per {
		parent = psa.Ref{Kind: w.l.parent, ID: w.set.Ref(string(w.l.parent)).ID}
		ref.ID = parent.ID + "/" + id
	}
	return w.readBack(ctx, parent, id, ref)
}

// missing makes a reference to a row that is not there the caller's fault.
func (w *write) missing(err error) error {
	if !errors.Is(err, psa.ErrNotFound) && !gone(err) {
		return err
	}
	var e *psa.Error
	if !errors.As(err, &e) {
		return err
	}
	return w.fail(psa.ErrInvalid, cmp.Or(e.Detail, "a reference leads to no row"), e.Err) // of one class
}

// gone reports whether Halo answered 404 to a new row, which has no address
// that could be wrong.
func gone(err error) bool {
	var e *psa.Error
	var api *APIError
	return errors.As(err, &e) && strings.HasPrefix(e.Op, "create ") && errors.As(err, &api) && api.Status == http.StatusNotFound
}

// Update changes the fields of a patch and returns the row as Get does; see
// [psa.Updater]. The row is read first: what it holds already is not sent
// again, and a patch that changes nothing is no write. Fields that Halo only
// takes together are completed from the row. Halo has no versions, so that
// IfVersion is not checked, and the last write wins. Time that was invoiced or
// approved is [psa.ErrConflict]; other errors are those of Create.
func (p *Provider) Update(ctx context.Context, ref psa.Ref, patch psa.Patch) (psa.Record, error) {
	w, err := p.begin(ctx, psa.CanUpdate, ref, patch.Set, patch.Notify)
	if err != nil {
		return psa.Record{}, err
	}
	parent, id, err := w.present(ctx)
	if err != nil {
		return psa.Record{}, err
	}
	dropHeld(w.old.Fields, w.set)
	if len(w.set) == 0 {
		return w.old, nil
	}
	row, err := w.row(ctx)
	if err != nil {
		return psa.Record{}, w.missing(err)
	}
	row["id"] = json.Number(id)
	if w.l.per {
		row["ticket_id"] = json.Number(parent.ID) // ids of actions count in each ticket
	}
	got, err := w.send(ctx, row)
	switch {
	case err != nil:
		return psa.Record{}, err
	case got != "" && got != id:
		return psa.Record{}, w.fail(psa.ErrData, "another row was answered", nil)
	}
	return w.readBack(ctx, parent, id, ref)
}

// Delete deletes tickets, notes and time entries, and deactivates companies,
// sites and contacts, which deleting would take out of their tickets; see
// [psa.Deleter]. Rows that are out of scope are not found, and invoiced or
// approved time is [psa.ErrConflict]. A deleted ticket can be recovered in
// Halo.
func (p *Provider) Delete(ctx context.Context, ref psa.Ref) error {
	can := psa.CanDelete
	if p.offers.Can(ref.Kind, psa.CanDeactivate) {
		can = psa.CanDeactivate
	}
	w, err := p.begin(ctx, can, ref, nil, psa.NotifyNone)
	if err != nil {
		return err
	}
	parent, id, err := w.present(ctx)
	if err != nil {
		return err
	}
	if can == psa.CanDeactivate {
		if !w.old.Active {
			return nil
		}
		_, err = w.send(ctx, map[string]any{"id": json.Number(id), "inactive": true})
		return err
	}
	q := url.Values{}
	if w.l.per {
		q.Set("ticket_id", parent.ID)
	}
	_, err = p.c.do(ctx, rest.Request{
		Method: http.MethodDelete, Path: w.l.path + "/" + url.PathEscape(id), Endpoint: w.l.path + "/{id}", Op: w.op, Ref: ref, Query: q,
	})
	return err
}

// begin checks what can be checked without a request. A ref without an id is
// for a new row.
func (p *Provider) begin(ctx context.Context, can psa.Ability, ref psa.Ref, fields psa.Fields, notify psa.Notify) (*write, error) {
	w := &write{p: p, l: p.lists[ref.Kind], kind: ref.Kind, ref: ref, notify: notify}
	w.op = map[psa.Ability]string{psa.CanCreate: "create ", psa.CanUpdate: "update "}[can] + string(ref.Kind)
	switch can {
	case psa.CanCreate:
		w.ref = psa.Ref{}
	case psa.CanDelete, psa.CanDeactivate:
		w.op = "delete " + string(ref.Kind)
	}
	f := p.offers[ref.Kind]
	if !f.Can.Has(can) {
		return nil, w.fail(psa.ErrUnsupported, cmp.Or(f.Missing[can], f.Missing[psa.CanList]), nil)
	}
	if !w.creating() {
		if _, _, err := w.l.address(ref); err != nil {
			return nil, w.fail(psa.ErrInvalid, "", err)
		}
	}
	set, err := p.Canonicalise(ref.Kind, fields)
	if err != nil {
		return nil, named(err, w.op)
	}
	w.all, w.set = set, set.Clone()
	if w.check(f); len(w.wrong) > 0 {
		return nil, w.verdict()
	}
	if err := ctx.Err(); err != nil {
		return nil, w.fail(nil, "", err)
	}
	return w, nil
}

// present reads the row that is to change. It must be one of the kind: the
// API would change a General User or a project as well.
func (w *write) present(ctx context.Context) (parent psa.Ref, id string, err error) {
	if parent, id, err = w.l.address(w.ref); err != nil {
		return parent, id, w.fail(psa.ErrInvalid, "", err)
	}
	if w.old, err = w.p.one(ctx, w.l, parent, id, w.ref); err != nil {
		return parent, id, err
	}
	switch {
	case w.old.Ref != w.ref:
		err = w.fail(psa.ErrData, "another row was answered", nil)
	case w.old.Fields["locked"] == true:
		err = w.fail(psa.ErrConflict, "the time was invoiced or approved and takes no change", nil)
	}
	return parent, id, err
}

// dropHeld takes out of set what a row has already: of custom fields and
// addresses part by part.
func dropHeld(have, set psa.Fields) {
	for field, v := range set {
		inner, ok := v.(psa.Fields)
		if ok && (field == "custom" || field == "address") {
			h, _ := have[field].(psa.Fields)
			if dropHeld(h, inner); len(inner) > 0 {
				continue
			}
		} else if !holds(have[field], v) {
			continue
		}
		delete(set, field)
	}
}

// holds compares values, references by their ids if they have one.
func holds(have, want any) bool {
	w, ok := want.(psa.Fields)
	h, both := have.(psa.Fields)
	if !ok || !both {
		return psa.ValuesEqual(have, want)
	}
	if id := w.String("id"); id != "" {
		return h.String("id") == id
	}
	return h.String("name") == w.String("name")
}

// send posts one row and returns the id that the answer names, "" if there is
// none. Halo takes arrays only, and answers an object or an array of one.
func (w *write) send(ctx context.Context, row map[string]any) (id string, err error) {
	body, err := json.Marshal([]any{row})
	if err != nil {
		return "", w.fail(psa.ErrInvalid, "a value cannot be sent", nil) // the error would quote it
	}
	resp, err := w.p.c.do(ctx, rest.Request{
		Method: http.MethodPost, Path: w.l.path, Endpoint: w.l.path, Op: w.op, Ref: w.ref, Body: body,
	})
	if err != nil {
		return "", err
	}
	answer := bytes.TrimSpace(resp.Body)
	if len(answer) > 0 && answer[0] == '[' {
		var rows []json.RawMessage
		if json.Unmarshal(answer, &rows) != nil || len(rows) != 1 {
			return "", w.fail(psa.ErrData, "the answer to one row is not one row", nil)
		}
		answer = rows[0]
	}
	if len(answer) > 0 {
		_, id, _ = rowID(answer)
	}
	if numeric(id) != nil {
		id = ""
	}
	return id, nil
}

// readBack returns a row after its write: answers to a POST lack keys, and
// spell others differently.
func (w *write) readBack(ctx context.Context, parent psa.Ref, id string, ref psa.Ref) (psa.Record, error) {
	rec, err := w.p.one(ctx, w.l, parent, id, ref)
	if err == nil && rec.Ref != ref {
		err = &psa.Error{Provider: name, Code: psa.ErrData, Detail: "another row was answered"}
	}
	if err == nil {
		return rec, nil
	}
	var e *psa.Error
	if !errors.As(err, &e) {
		return psa.Record{}, err
	}
	own := *e
	own.Op, own.Ref = w.op+", written, read back", ref
	return psa.Record{}, &own
}
