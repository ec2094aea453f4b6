package connectwise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// Create adds a row; see [psa.Creator]. Values are sent as Canonicalise says.
// A company without an identifier gets one that is made of its name. What only
// the server knows, such as whether a status belongs to the board, is left to
// it: its refusal is [psa.ErrInvalid], or [psa.ErrConflict] if such a row is
// there already. The request is repeated only if the server certainly did not
// take it. After an error that is temporary, and after [psa.ErrData], which is
// for an answer that makes no sense, the row may be there.
func (p *Provider) Create(ctx context.Context, kind psa.Kind, fields psa.Fields, notify psa.Notify) (psa.Record, error) {
	w, err := p.writer(ctx, "create", psa.Ref{Kind: kind}, psa.CanCreate)
	if err != nil {
		return psa.Record{}, err
	}
	set, changes, err := p.accept(w.writing, fields, true)
	if err != nil {
		return psa.Record{}, w.failed(err)
	}
	if kind == psa.KindContact {
		items, err := p.itemsOf(ctx, set, nil)
		if err != nil {
			return psa.Record{}, w.failed(err)
		}
		changes = append(changes, newItems(items)...)
	}
	changes = append(changes, w.mails(notify, set.String("visibility"))...)
	body, err := json.Marshal(mapping.Body(given(changes)))
	if err != nil {
		return psa.Record{}, w.fail(psa.ErrInvalid, "", err)
	}
	var parent psa.Ref
	if w.list.per {
		parent = psa.Ref{Kind: w.list.parent, ID: set.Ref(string(w.list.parent)).ID}
	}
	resp, err := p.c.do(ctx, rest.Request{
		Method: http.MethodPost, Path: w.path(parent, ""), Endpoint: w.list.path, Op: w.op, Body: body,
	})
	if w.list.per && errors.Is(err, psa.ErrNotFound) {
		return psa.Record{}, w.fail(psa.ErrInvalid, string(w.list.parent)+": there is no such row", nil)
	}
	if err != nil {
		return psa.Record{}, err
	}
	return p.stored(ctx, w, parent, resp)
}

// Update changes the fields of a patch; see [psa.Updater]. Custom fields are
// sent with the others of the row, read just before; time that was submitted,
// approved or billed is [psa.ErrConflict]. ConnectWise has no versions:
// Patch.IfVersion is not looked at.
func (p *Provider) Update(ctx context.Context, ref psa.Ref, patch psa.Patch) (psa.Record, error) {
	w, err := p.writer(ctx, "update", ref, psa.CanUpdate)
	if err != nil {
		return psa.Record{}, err
	}
	set, changes, err := p.accept(w.writing, patch.Set, false)
	if err != nil {
		return psa.Record{}, w.failed(err)
	}
	if len(set) == 0 {
		return p.Get(ctx, ref)
	}
	now, err := p.present(ctx, w, w.needs(set, patch.Notify, p.c.quirks.has(needCustom, w.list.path)))
	if err != nil {
		return psa.Record{}, err
	}
	visibility := set.String("visibility")
	if visibility == "" {
		visibility = now.record.Fields.String("visibility")
	}
	if set.Bool("resolution") == psa.Yes && visibility != string(psa.Public) {
		return psa.Record{}, w.fail(psa.ErrInvalid, "resolution: the client reads a resolution, and this note is internal; write its visibility as well", nil)
	}
	if _, named := set["resolution"]; named && visibility == string(psa.Public) {
		// A note that is no resolution any more is shown elsewhere, or the
		// server refuses it.
		changes = append(changes, mapping.Change{Path: "detailDescriptionFlag", Value: true})
	}
	ops := patchOps(changes)
	if w.kind == psa.KindContact {
		items, err := p.itemsOf(ctx, set, now.items)
		if err != nil {
			return psa.Record{}, w.failed(err)
		}
		ops = append(ops, itemOps(now.items, items)...)
	}
	custom, _ := set["custom"].(psa.Fields)
	if len(ops) == 0 && len(custom) == 0 {
		return p.Get(ctx, ref)
	}
	ops = append(ops, patchOps(w.mails(patch.Notify, visibility))...)
	resp, err := p.patch(ctx, w, ops, custom, now)
	if err != nil {
		return psa.Record{}, err
	}
	if len(bytes.TrimSpace(resp.Body)) == 0 {
		return p.Get(ctx, ref)
	}
	return p.stored(ctx, w, w.parent, resp)
}

// Delete deletes a ticket, note or time entry for good, and deactivates a
// company, site or contact; see [psa.Deleter]. A row that others point at is
// [psa.ErrConflict], and so is time that was submitted, approved or billed.
func (p *Provider) Delete(ctx context.Context, ref psa.Ref) error {
	w, err := p.writer(ctx, "delete", ref, 0)
	if err != nil {
		return err
	}
	now, err := p.present(ctx, w, w.needs(nil, psa.NotifyNone, w.off != "" && p.c.quirks.has(needCustom, w.list.path)))
	if err != nil {
		return err
	}
	if w.off == "" {
		_, err := p.c.do(ctx, w.request(http.MethodDelete, nil))
		return err
	}
	resp, err := p.patch(ctx, w, patchOps([]mapping.Change{{Path: w.off, Value: true}}), nil, now)
	if err != nil {
		return err
	}
	if rec, err := p.record(w, w.parent, resp.Body); err != nil || rec.Active {
		return w.fail(psa.ErrData, "the server does not confirm that the row is inactive now", err)
	}
	return nil
}

// A writer is one write to rows of a kind.
type writer struct {
	*writing
	op     string
	ref    psa.Ref // zero on create
	parent psa.Ref // of ref, for rows below another
	id     string  // of ref, below its parent
}

// writer admits a write, before a request is made. can is 0 for a deletion.
func (p *Provider) writer(ctx context.Context, verb string, ref psa.Ref, can psa.Ability) (*writer, error) {
	w := &writer{writing: p.writes[ref.Kind], op: verb + " " + string(ref.Kind)}
	if can != psa.CanCreate {
		w.ref = ref
	}
	f := p.offers[ref.Kind]
	if can == 0 {
		can = f.Can & (psa.CanDelete | psa.CanDeactivate)
	}
	if w.writing == nil || can == 0 || !f.Can.Has(can) {
		return nil, w.fail(psa.ErrUnsupported, "rows of this kind are only read", nil)
	}
	if err := ctx.Err(); err != nil {
		return nil, w.fail(nil, "", err)
	}
	if can != psa.CanCreate {
		var err error
		if w.parent, w.id, err = p.address(ref); err != nil {
			return nil, w.fail(psa.ErrInvalid, "", err)
		}
	}
	return w, nil
}

func (w *writer) fail(code error, detail string, cause error) error {
	return &psa.Error{Provider: name, Op: w.op, Ref: w.ref, Code: code, Detail: detail, Err: cause}
}

// failed is an error of a step before the write: of a request, or of values
// that cannot be written.
func (w *writer) failed(err error) error {
	var told *psa.Error
	if errors.As(err, &told) {
		return err
	}
	return w.fail(psa.ErrInvalid, "", err)
}

func (w *writer) path(parent psa.Ref, id string) string {
	path := strings.Replace(w.list.path, "{id}", url.PathEscape(parent.ID), 1)
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return path
}

func (w *writer) request(method string, body []byte) rest.Request {
	return rest.Request{
		Method: method, Path: w.path(w.parent, w.id), Endpoint: w.list.path + "/{id}", Op: w.op, Ref: w.ref, Body: body,
	}
}

// needCustom is the quirk of servers that refuse a patch of a row with custom
// fields unless it names them.
const needCustom = "needs customFields"

// patch sends a JSON Patch. The named custom fields go out in the whole array
// of the row ("pass the whole array", developer guide, PATCH), which has just
// been read: a server may take what is missing for cleared. Some servers want
// the array in every patch; a refusal proves that nothing was written, so the
// patch is sent once more with it.
func (p *Provider) patch(ctx context.Context, w *writer, ops []patchOp, custom psa.Fields, now *present) (*rest.Response, error) {
	whole := len(custom) > 0 || p.c.quirks.has(needCustom, w.list.path)
	if whole {
		ops = append(ops, patchOp{Op: "replace", Path: "/customFields", Value: now.customWith(custom)})
	}
	resp, err := p.sendPatch(ctx, w, ops)
	if whole || !w.list.custom || !errors.Is(err, psa.ErrInvalid) || !aboutCustomFields(err) {
		return resp, err
	}
	now, readErr := p.present(ctx, w, []string{"customFields"})
	if readErr != nil {
		return nil, err // the first error says more
	}
	ops = append(ops, patchOp{Op: "replace", Path: "/customFields", Value: now.customWith(nil)})
	resp, again := p.sendPatch(ctx, w, ops)
	if again != nil {
		if errors.Is(again, psa.ErrInvalid) {
			return nil, err
		}
		return nil, again // it may have been written
	}
	p.c.quirks.learn(needCustom, w.list.path)
	return resp, nil
}

func (p *Provider) sendPatch(ctx context.Context, w *writer, ops []patchOp) (*rest.Response, error) {
	body, err := json.Marshal(ops)
	if err != nil {
		return nil, w.fail(psa.ErrInvalid, "", err)
	}
	return p.c.do(ctx, w.request(http.MethodPatch, body))
}

// aboutCustomFields reports whether a refusal may be about custom fields that
// were not sent: the vendor documents no text for it.
func aboutCustomFields(err error) bool {
	var api *APIError
	if !errors.As(err, &api) {
		return false
	}
	return len(api.Fields) == 0 || slices.ContainsFunc(api.Fields, func(f FieldError) bool {
		return strings.HasPrefix(strings.ToLower(f.Field), "customfield")
	})
}

// A present is what a row holds right before it is written, as far as the
// write depends on it.
type present struct {
	record psa.Record
	custom []customValue
	items  []item
}

// present reads some fields of the row that is written; none: no request. A
// row out of scope is [psa.ErrNotFound], one that is locked [psa.ErrConflict].
func (p *Provider) present(ctx context.Context, w *writer, fields []string) (*present, error) {
	now := &present{}
	if len(fields) == 0 {
		return now, nil
	}
	body, err := p.raw(ctx, w.list, w.parent, w.id, strings.Join(append(fields, "id"), ","), w.ref)
	if err != nil {
		return nil, err
	}
	var row struct {
		CustomFields       []customValue `json:"customFields"`
		CommunicationItems []item        `json:"communicationItems"`
	}
	if json.Unmarshal(body, &row) != nil {
		return nil, w.fail(psa.ErrData, "the row to be changed makes no sense", nil)
	}
	now.custom, now.items = row.CustomFields, row.CommunicationItems
	now.record = p.decoder(w.list)(body, w.parent)
	switch {
	case skipped(now.record):
		return nil, w.fail(psa.ErrNotFound, "the row is out of scope: no service ticket's", nil)
	case now.record.Err != nil:
		return nil, w.fail(psa.ErrData, "", now.record.Err)
	case now.record.Fields.Bool("locked") == psa.Yes:
		return nil, w.fail(psa.ErrConflict, "the time entry is locked: its status is "+clean(now.record.Fields.String("status"), 40), nil)
	}
	return now, nil
}

// A customValue is an element of customFields.
type customValue struct {
	ID    json.Number     `json:"id"`
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// customWith returns the whole array with other values for the named fields.
// Fields without a value have nothing to lose, and passwords may be shown
// masked: neither is sent.
func (n *present) customWith(named psa.Fields) []map[string]any {
	out := []map[string]any{}
	for _, c := range n.custom {
		_, own := named[c.ID.String()]
		if !own && c.Type != "Password" && len(c.Value) > 0 && string(c.Value) != "null" {
			out = append(out, map[string]any{"id": c.ID, "value": c.Value})
		}
	}
	for id, v := range named {
		out = append(out, map[string]any{"id": json.Number(id), "value": v})
	}
	slices.SortFunc(out, func(a, b map[string]any) int {
		return compareNumbers(a["id"].(json.Number), b["id"].(json.Number))
	})
	return out
}

// record decodes the answer of a write, of which no more is kept than what
// reading asks for. It has no hash: the bytes are not those of a list.
func (p *Provider) record(w *writer, parent psa.Ref, body []byte) (psa.Record, error) {
	var row map[string]json.RawMessage
	if w.list.custom {
		body = withoutPassword(body)
	}
	if json.Unmarshal(body, &row) != nil {
		return psa.Record{}, w.fail(psa.ErrData, "the server took the row and answered something else", nil)
	}
	asked := strings.Split(w.list.fields, ",")
	for key := range row {
		if !slices.Contains(asked, key) {
			delete(row, key)
		}
	}
	body, err := json.Marshal(row)
	if err == nil {
		body, err = p.shape(w.list, parent, "").Cut(body)
	}
	if err != nil {
		return psa.Record{}, w.fail(psa.ErrData, "", err)
	}
	rec := p.decoder(w.list)(body, parent)
	switch {
	case skipped(rec):
		return psa.Record{}, w.fail(psa.ErrData, "the row was written and is out of scope: no service ticket's", nil)
	case rec.Err != nil:
		return psa.Record{}, w.fail(psa.ErrData, "the row was written and its answer makes no sense", rec.Err)
	case !w.ref.IsZero() && rec.Ref != w.ref:
		return psa.Record{}, w.fail(psa.ErrData, "another row was answered", nil)
	}
	rec.Raw = body
	return rec, nil
}

// stored returns the row of an answer as Get does. What Get reads from
// elsewhere is read here too; if that fails the row was written all the same,
// so it is returned with what the answer holds.
func (p *Provider) stored(ctx context.Context, w *writer, parent psa.Ref, resp *rest.Response) (psa.Record, error) {
	if len(bytes.TrimSpace(resp.Body)) == 0 {
		return psa.Record{}, w.fail(psa.ErrData, "the server took the row and does not tell its id", nil)
	}
	rec, err := p.record(w, parent, resp.Body)
	if err != nil {
		return psa.Record{}, err
	}
	switch w.kind {
	case psa.KindTicket:
		if whole, err := p.withDescription(ctx, rec); err == nil {
			return whole, nil
		}
	case psa.KindNote:
		p.remember(rec)
		// Notes are read from another list, which tells other things of them.
		if note, err := p.getNote(ctx, parent, rec.Ref); err == nil {
			return note, nil
		}
	}
	return rec, nil
}
