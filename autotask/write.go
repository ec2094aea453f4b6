package autotask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// Create creates a row and returns it as Get does; see [psa.Creator]. Children
// are created below their parent, which is a field: the company of a site or
// contact, the ticket of a note.
//
// What is given is sent as [Provider.Canonicalise] says. Derived where it is
// missing: the title of a note from the first line of its text; the role of an
// owner and of a time entry from the resource's default service desk role; the
// end of a time entry from start and hours. notify is not heard: no call of the
// API sends mail, and none keeps workflow rules from it.
//
// The error is [psa.ErrInvalid] and names every field that cannot be written,
// before anything is sent; or it has Autotask's own words. A temporary error
// may mean that the row was made, unless it is [psa.ErrRateLimited]: look for
// its marker. If the row was made and cannot be read back, the record has its
// Ref beside the error.
func (p *Provider) Create(ctx context.Context, kind psa.Kind, fields psa.Fields, _ psa.Notify) (psa.Record, error) {
	d := &draft{p: p, op: "create " + string(kind), ref: psa.Ref{Kind: kind}, create: true}
	if err := d.admit(ctx, psa.CanCreate); err != nil {
		return psa.Record{}, err
	}
	if err := d.fill(ctx, fields); err != nil {
		return psa.Record{}, err
	}
	resp, err := d.send(ctx, http.MethodPost, d.path(""), d.body)
	if err != nil {
		return psa.Record{}, d.lost(err)
	}
	var made struct {
		ID json.RawMessage `json:"itemId"`
	}
	id := ""
	if json.Unmarshal(resp.Body, &made) == nil {
		id = strings.Trim(string(made.ID), `"`) // a number, but the schema does not say so
	}
	if numeric(id) != nil {
		return psa.Record{}, d.lost(d.fail(psa.ErrData, "the answer names no id", nil))
	}
	return d.readBack(ctx, psa.Ref{Kind: kind, ID: id})
}

// Update changes the fields of a patch and no others, and returns the row as
// Get does; see [psa.Updater]. Autotask has no versions: IfVersion is not
// looked at, and a change by somebody else to the same field is overwritten.
//
// A ticket that moves to another company loses contact and location first, in a
// request of its own, since Autotask refuses it otherwise; they are put back if
// the second request is refused. Start, end and hours of a time entry are
// written together. Approved time, and time on a submitted timesheet, is
// [psa.ErrConflict]. Errors are those of Create.
func (p *Provider) Update(ctx context.Context, ref psa.Ref, patch psa.Patch) (psa.Record, error) {
	d := &draft{p: p, op: "update " + string(ref.Kind), ref: ref}
	if err := d.admit(ctx, psa.CanUpdate); err != nil {
		return psa.Record{}, err
	}
	if err := d.fill(ctx, patch.Set); err != nil {
		return psa.Record{}, err
	}
	if len(d.body) == 0 {
		return p.Get(ctx, ref)
	}
	if err := d.patch(ctx); err != nil {
		return psa.Record{}, err
	}
	return d.readBack(ctx, ref)
}

// Delete deletes a time entry and deactivates a company, site or contact, which
// old tickets point at; see [psa.Deleter]. The tenant's own company, company 0,
// stays. Locked time is [psa.ErrConflict]. Tickets and notes cannot be deleted.
func (p *Provider) Delete(ctx context.Context, ref psa.Ref) error {
	d := &draft{p: p, op: "delete " + string(ref.Kind), ref: ref}
	if err := d.admit(ctx, psa.CanDelete, psa.CanDeactivate); err != nil {
		return err
	}
	if ref == (psa.Ref{Kind: psa.KindCompany, ID: "0"}) {
		return d.fail(psa.ErrInvalid, "company 0 is the tenant's own", nil)
	}
	if ref.Kind != psa.KindCompany {
		if err := d.know(ctx); err != nil {
			return err
		}
	}
	switch ref.Kind {
	case psa.KindTimeEntry:
		if err := d.unlocked(); err != nil {
			return err
		}
		_, err := d.send(ctx, http.MethodDelete, d.path(ref.ID), nil)
		return d.gone(ctx, err)
	case psa.KindContact:
		d.body = map[string]any{"isActive": 0} // a number here
	default:
		d.body = map[string]any{"isActive": false}
	}
	return d.patch(ctx)
}

// A draft is one write on its way.
type draft struct {
	p      *Provider
	op     string
	ref    psa.Ref // without an id while it is created
	create bool

	set  psa.Fields        // what is written, in canonical form
	body map[string]any    // the same in the vendor's words
	from map[string]string // canonical fields by the vendor's
	bad  []string          // what is wrong

	now    psa.Record // the row before the write; see know
	unlink []string   // fields to clear in a request of their own, before
}

func (d *draft) fail(code error, detail string, cause error) error {
	ref := d.ref
	if d.create {
		ref = psa.Ref{}
	}
	return &psa.Error{Provider: name, Op: d.op, Ref: ref, Code: code, Detail: detail, Err: cause}
}

// admit refuses what Features does not offer and what is no row, before a
// request is made.
func (d *draft) admit(ctx context.Context, anyOf ...psa.Ability) error {
	f := d.p.offers[d.ref.Kind]
	if !slices.ContainsFunc(anyOf, f.Can.Has) {
		why := f.Missing[anyOf[0]]
		if why == "" {
			why = f.Missing[psa.CanList]
		}
		return d.fail(psa.ErrUnsupported, why, nil)
	}
	if err := ctx.Err(); err != nil {
		return d.fail(nil, "", err)
	}
	if !d.create && numeric(d.ref.ID) != nil {
		return d.fail(psa.ErrInvalid, "no Autotask id", nil)
	}
	return nil
}

// know reads the row as it is before the write, once.
func (d *draft) know(ctx context.Context) error {
	if d.create || d.now.ID != "" {
		return nil
	}
	r, err := d.p.Get(ctx, d.ref)
	if err != nil {
		return d.own(err)
	}
	d.now = r
	return nil
}

// own tells an error of another call as one of this write.
func (d *draft) own(err error) error {
	var e *psa.Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Op, told.Ref = d.op, d.ref
	if d.create {
		told.Ref = psa.Ref{}
	}
	return &told
}

// unlocked refuses time that was approved: that is a state of the row and no
// failure, and another try changes nothing.
func (d *draft) unlocked() error {
	if locked, _ := d.now.Fields["locked"].(bool); locked {
		return d.fail(psa.ErrConflict, "the time entry was approved for billing and is locked", nil)
	}
	return nil
}

// path is where a row is written: children below their parent only.
func (d *draft) path(id string) string {
	path := "/" + d.p.lists[d.ref.Kind][0].entity
	if route, below := childRoutes(d.ref.Kind); below {
		parent := d.now.Parent.ID
		if d.create {
			parent = d.set.Ref(string(d.p.offers[d.ref.Kind].Parent)).ID
		}
		path = fmt.Sprintf(route, parent)
	}
	if id != "" {
		path += "/" + id
	}
	return path
}

func childRoutes(kind psa.Kind) (route string, ok bool) {
	switch kind {
	case psa.KindSite:
		return "/Companies/%s/Locations", true
	case psa.KindContact:
		return "/Companies/%s/Contacts", true
	case psa.KindNote:
		return "/Tickets/%s/Notes", true
	}
	return "", false
}

// patch sends the body. The id travels in it: there is no PATCH of a row's own
// address.
func (d *draft) patch(ctx context.Context) error {
	send := func(body map[string]any) error {
		body["id"] = json.Number(d.ref.ID)
		_, err := d.send(ctx, http.MethodPatch, d.path(""), body)
		return d.gone(ctx, err)
	}
	back := map[string]any{}
	if len(d.unlink) > 0 {
		clear := map[string]any{}
		for _, field := range d.unlink {
			key := map[string]string{"contact": "contactID", "site": "companyLocationID"}[field]
			clear[key], back[key] = nil, json.Number(d.now.Fields.Ref(field).ID)
		}
		if err := send(clear); err != nil {
			return err
		}
	}
	err := send(d.body)
	if err == nil || len(back) == 0 || psa.Temporary(err) && !errors.Is(err, psa.ErrRateLimited) || psa.ErrorClass(err) == nil {
		return err // written, or nobody knows
	}
	if undo := send(back); undo != nil {
		return d.fail(psa.ErrorClass(err), strings.Join(d.unlink, " and ")+" were cleared for the new company, which was refused, and could not be put back", errors.Join(err, undo))
	}
	return err
}

// send makes one request. It is repeated only where the server said that it
// did nothing, or never got it; see package rest.
func (d *draft) send(ctx context.Context, method, path string, body map[string]any) (*rest.Response, error) {
	r := rest.Request{Method: method, Path: path, Endpoint: template(path), Op: d.op, Header: d.p.writeHeader(d.ref.Kind)}
	if !d.create {
		r.Ref = d.ref
	}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, d.fail(psa.ErrInvalid, "", err)
		}
		r.Body = raw
	}
	resp, err := d.p.c.do(ctx, r)
	return resp, d.explain(err)
}

// template is a path without ids.
func template(path string) string {
	parts := strings.Split(path, "/")
	for i, s := range parts {
		if numeric(s) == nil {
			parts[i] = "{id}"
		}
	}
	return strings.Join(parts, "/")
}

// writeHeader names the resource that a write is by, for the entities that
// know of it (REST API, Impersonation).
func (p *Provider) writeHeader(kind psa.Kind) http.Header {
	if p.as == "" || kind == psa.KindSite {
		return nil
	}
	return http.Header{"Impersonationresourceid": {p.as}}
}

// explain puts canonical names to the fields that Autotask complains of, and
// tells what is locked.
func (d *draft) explain(err error) error {
	var e *psa.Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	low := strings.ToLower(told.Detail)
	locked := d.ref.Kind == psa.KindTimeEntry && slices.ContainsFunc([]string{"timesheet", "been approved", "been posted"}, func(s string) bool { return strings.Contains(low, s) })
	switch {
	case errors.Is(err, psa.ErrNotFound) && d.create:
		// There is no row yet that could be missing.
		told.Code = psa.ErrInvalid
		told.Detail = strings.Trim(string(d.p.offers[d.ref.Kind].Parent)+": "+told.Detail, ": ")
	case errors.Is(err, psa.ErrInvalid) && locked:
		told.Code = psa.ErrConflict
	case errors.Is(err, psa.ErrInvalid):
		if fields := d.named(told.Detail); len(fields) > 0 {
			told.Detail = strings.Join(fields, ", ") + ": " + told.Detail
		}
	}
	return &told
}

// named returns the canonical fields that the vendor's words are about.
func (d *draft) named(said string) (fields []string) {
	words := strings.FieldsFunc(said, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for key, field := range d.from {
		if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, key) }) {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// lost says what an answer that cannot be read means for a create: nobody
// knows whether there is a row.
func (d *draft) lost(err error) error {
	var e *psa.Error
	if !errors.Is(err, psa.ErrData) || !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Code, told.Detail = psa.ErrUnavailable, "the row may have been created: "+e.Detail
	return &told
}

// gone finds out whether a row that was not to be written is there at all:
// Autotask says the same of a row that is missing and of one that the user may
// not change.
func (d *draft) gone(ctx context.Context, err error) error {
	var e *psa.Error
	if !errors.Is(err, psa.ErrDenied) || !errors.As(err, &e) || !strings.Contains(strings.ToLower(e.Detail), "no matching records") {
		return err
	}
	if _, got := d.p.Get(ctx, d.ref); !errors.Is(got, psa.ErrNotFound) {
		return err
	}
	return d.fail(psa.ErrNotFound, e.Detail, e.Err)
}

// readBack returns the row that was written.
func (d *draft) readBack(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	r, err := d.p.Get(ctx, ref)
	if err == nil {
		return r, nil
	}
	code := psa.ErrorClass(err)
	if errors.Is(err, psa.ErrNotFound) {
		code, err = psa.ErrDenied, nil // it was there a moment ago
	}
	return psa.Record{Ref: ref}, &psa.Error{Provider: name, Op: d.op, Ref: ref, Code: code, Detail: "written, but not to be read back", Err: err}
}
