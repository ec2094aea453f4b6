package psatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
)

func writeCases() []testCase {
	return []testCase{
		{name: "write/create", can: psa.CanCreate, run: writeCreate,
			rule: "Create adds exactly one row, holding what was sent as Canonicalise says, and returns it as Get does."},
		{name: "write/required", can: psa.CanCreate, run: writeRequired,
			rule: "Without a required field Create is ErrInvalid and adds nothing."},
		{name: "write/invalid", can: psa.CanCreate, run: writeInvalid,
			rule: "A field that is unknown or read-only, and a reference to a row that does not exist, are ErrInvalid; nothing is written."},
		{name: "write/marker", can: psa.CanCreate, run: writeMarker,
			rule: "A row that was created with a marker is found by it, alone."},
		{name: "write/lost-reply", can: psa.CanCreate, run: writeLostReply,
			rule: "When the answer to a create gets lost the error is temporary, the call is not repeated, and the row is found by its marker."},
		{name: "write/concurrency", can: psa.CanCreate, run: writeConcurrency,
			rule: "Creates at the same time make one row each."},
		{name: "write/patch", can: psa.CanUpdate, run: writePatch,
			rule: "Update changes the fields of the patch and no others, not even those that changed behind the provider's back, and returns the row as Get does."},
		{name: "write/clear", can: psa.CanUpdate, run: writeClear,
			rule: "nil in a patch clears a field; an absent name leaves it alone."},
		{name: "write/version", can: psa.CanUpdate, run: writeVersion,
			rule: "Where rows have a Version, Update with another IfVersion is ErrConflict and changes nothing."},
		{name: "write/missing", can: psa.CanUpdate | psa.CanDelete | psa.CanDeactivate, run: writeMissing,
			rule: "Update and Delete of a row that does not exist are ErrNotFound."},
		{name: "write/delete", can: psa.CanDelete | psa.CanDeactivate, run: writeDelete,
			rule: "Delete removes a row where CanDelete is offered, and keeps it as inactive where CanDeactivate is."},
		{name: "write/deletions", can: psa.CanDeletions, run: writeDeletions,
			rule: "Deletions tells a removed row, once and not from before it happened."},
		{name: "write/canonical", can: psa.CanCreate | psa.CanUpdate, run: writeCanonical,
			rule: "Canonicalise tells what will be held: doing it twice changes nothing, and what was sent reads back as it says."},
		{name: "write/cancelled", can: psa.CanCreate | psa.CanUpdate, run: writeCancelled,
			rule: "With a context that is done nothing is written and the error is the context's."},
	}
}

func mailCases() []testCase {
	return []testCase{{name: "write/mail", can: psa.CanCreate | psa.CanUpdate, run: writeMail,
		rule: "With NotifyNone no mail is sent, unless Features says that the PSA's rules cannot be kept from it."}}
}

// sample returns fields of a valid row whose name is text.
func (e *env) sample(kind psa.Kind, text string) psa.Fields {
	fields := e.Sample[kind].Clone()
	if fields == nil {
		fields = psa.Fields{}
		var like psa.Record
		if rows := e.list(kind, psa.Query{ActiveOnly: true}); len(rows) > 0 {
			like = rows[0]
		}
		for name, v := range like.Fields {
			f, ok := psa.FieldOf(kind, name)
			if ok && !f.ReadOnly && !slices.Contains(unique, name) && name != e.f[kind].Marker {
				fields[name] = v
			}
		}
	}
	fields[nameField(kind)] = text
	return fields
}

// unique are fields that two rows cannot share, or that belong to one tenant.
var unique = []string{"identifier", "external_ref", "custom", "communications", "main", "default"}

func (e *env) create(kind psa.Kind, fields psa.Fields) (psa.Record, bool) {
	r, err := psa.Create(e.ctx, e.p, kind, fields, psa.NotifyNone)
	if err != nil {
		e.at(kind, "create: %v", err)
	}
	return r, err == nil
}

// holds compares the fields of a row with what was sent.
func (e *env) holds(r psa.Record, sent psa.Fields) {
	want, err := psa.Canonicalise(e.p, r.Kind, sent)
	if err != nil {
		e.at(r.Kind, "canonicalise: %v", err)
		return
	}
	for name, w := range want {
		got, _ := r.Fields.Lookup(name)
		if ids := refIDs(w); isRefs(w) && slices.Equal(ids, refIDs(got)) {
			continue
		}
		if c, err := psa.Canonical(w); err != nil || !psa.ValuesEqual(got, c) {
			e.at(r.Kind, "%s: %s was sent and does not read back as Canonicalise says", r.Ref, name)
		}
	}
}

// isRefs reports whether a value is a reference or a list of them.
func isRefs(v any) bool {
	switch v := v.(type) {
	case psa.Fields:
		return v.String("id") != ""
	case []any:
		return len(v) > 0 && isRefs(v[0])
	}
	return false
}

// asGet compares a returned row with what Get says.
func (e *env) asGet(r psa.Record) {
	if !e.f.Can(r.Kind, psa.CanGet) {
		return
	}
	got, err := e.p.Get(e.ctx, r.Ref)
	if err != nil {
		e.at(r.Kind, "get %s: %v", r.Ref, err)
	} else if !got.Fields.Equal(r.Fields) || got.Active != r.Active || got.Parent != r.Parent || got.Version != r.Version {
		e.at(r.Kind, "%s: what the write returned is not what Get returns", r.Ref)
	}
}

func writeCreate(e *env) {
	for _, kind := range e.kinds(psa.CanCreate) {
		before := refsOf(e.list(kind, psa.Query{}))
		sent := e.sample(kind, "psatest created")
		if slices.Contains(e.f[kind].Required, "custom") {
			e.at(kind, "custom cannot be required as a whole")
		}
		r, ok := e.create(kind, sent)
		if !ok {
			continue
		}
		if r.Kind != kind || r.ID == "" || !r.Active || slices.Contains(before, r.Ref) {
			e.at(kind, "create returns %q, active %v", r.Ref, r.Active)
		}
		e.holds(r, sent)
		e.asGet(r)
		after := filter(e.list(kind, psa.Query{}), func(r psa.Record) bool { return !slices.Contains(before, r.Ref) })
		e.same(kind, "new rows", after, []psa.Record{r})
		if parent := e.f[kind].Parent; parent != "" && r.Parent != (psa.Ref{Kind: parent, ID: sent.Ref(string(parent)).ID}) {
			e.at(kind, "%s has parent %q", r.Ref, r.Parent)
		}
	}
}

// refusals are creates of one kind that must fail and leave no row.
type refusals struct {
	*env
	kind psa.Kind
	like psa.Fields // makes a valid row
	rows int
}

func (e *env) refusals(kind psa.Kind) *refusals {
	return &refusals{env: e, kind: kind, like: e.sample(kind, "psatest refused"), rows: len(e.list(kind, psa.Query{}))}
}

// create tries a row like a valid one with one field changed, or without it if
// v is nil, and counts rows.
func (r *refusals) create(what, name string, v any) {
	fields := r.like.Clone()
	if fields[name] = v; v == nil {
		delete(fields, name)
	}
	_, err := psa.Create(r.ctx, r.p, r.kind, fields, psa.NotifyNone)
	r.invalid(r.kind, "create "+what, err)
	after := len(r.list(r.kind, psa.Query{}))
	if after != r.rows {
		r.at(r.kind, "create %s: %d rows, %d before", what, after, r.rows)
	}
	r.rows = after
}

func (e *env) invalid(kind psa.Kind, what string, err error) {
	if !errors.Is(err, psa.ErrInvalid) {
		e.at(kind, "%s: %v, want ErrInvalid", what, err)
		return
	}
	e.checkError(kind, err, psa.ErrInvalid)
}

func writeRequired(e *env) {
	for _, kind := range e.kinds(psa.CanCreate) {
		r := e.refusals(kind)
		for _, name := range e.f[kind].Required {
			if _, ok := r.like.Lookup(name); !ok {
				e.at(kind, "the sample has no %s, which is required", name)
				continue
			}
			r.create("without "+name, name, nil)
		}
	}
}

func writeInvalid(e *env) {
	for _, kind := range e.kinds(psa.CanCreate) {
		r := e.refusals(kind)
		r.create("with an unknown field", "no_such_field", "x")
		for _, f := range psa.Schema(kind) {
			switch {
			case f.ReadOnly && f.Type == psa.TypeString:
				r.create("with read-only "+f.Name, f.Name, "x")
			case f.Type == psa.TypeRef && slices.Contains(e.f[kind].Required, f.Name) && e.f.Can(f.Kind, psa.CanList):
				r.create("with "+f.Name+" of no row", f.Name, psa.Reference{ID: "987654321"}.Fields())
			}
		}
	}
	for _, kind := range e.kinds(psa.CanUpdate) {
		rows := e.list(kind, psa.Query{})
		if len(rows) == 0 {
			continue
		}
		for _, name := range []string{"no_such_field", "url", "created_by"} {
			if f, ok := psa.FieldOf(kind, name); ok && !f.ReadOnly {
				continue
			}
			_, err := psa.Update(e.ctx, e.p, rows[0].Ref, psa.Patch{Set: psa.Fields{name: "x"}})
			e.invalid(kind, "update of "+name, err)
		}
		after := e.list(kind, psa.Query{})
		if len(after) == 0 || !after[0].Fields.Equal(rows[0].Fields) {
			e.at(kind, "%s was changed by a refused update", rows[0].Ref)
		}
	}
}

// marked returns the kinds that can be created with a marker.
func (e *env) marked() []psa.Kind {
	return slices.DeleteFunc(e.kinds(psa.CanCreate|psa.CanFind), func(k psa.Kind) bool { return e.f[k].Marker == "" })
}

func writeMarker(e *env) {
	for _, kind := range e.marked() {
		marker := e.f[kind].Marker
		var want psa.Record
		for i := range 2 {
			fields := e.sample(kind, fmt.Sprintf("psatest marked %d", i))
			fields[marker] = fmt.Sprintf("psatest-marker-%d", i)
			r, ok := e.create(kind, fields)
			if !ok {
				return
			}
			want = r
		}
		e.same(kind, "find by marker", e.find(kind, psa.Fields{marker: "psatest-marker-1"}), []psa.Record{want})
	}
}

func writeLostReply(e *env) {
	kinds := e.marked()
	if len(kinds) == 0 {
		return
	}
	kind := kinds[0]
	fields := e.sample(kind, "psatest lost")
	fields[e.f[kind].Marker] = "psatest-lost"
	e.trouble(LostReply, kind)
	ctx, cancel := context.WithTimeout(e.ctx, time.Minute)
	defer cancel()
	_, err := psa.Create(ctx, e.p, kind, fields, psa.NotifyNone)
	if !psa.Temporary(err) {
		e.at(kind, "%v, want a temporary error", err)
	}
	if got := e.find(kind, psa.Fields{e.f[kind].Marker: "psatest-lost"}); len(got) != 1 {
		e.at(kind, "%d rows have the marker, want 1", len(got))
	}
}

func writeConcurrency(e *env) {
	kind := e.kinds(psa.CanCreate)[0]
	before := len(e.list(kind, psa.Query{}))
	var samples []psa.Fields
	for i := range 10 {
		samples = append(samples, e.sample(kind, fmt.Sprintf("psatest concurrent %d", i)))
	}
	refs := make([]psa.Ref, len(samples))
	var wg sync.WaitGroup
	for i, fields := range samples {
		wg.Go(func() {
			if r, ok := e.create(kind, fields); ok {
				refs[i] = r.Ref
			}
		})
	}
	wg.Wait()
	slices.SortFunc(refs, compareRefs)
	if n := len(slices.Compact(refs)); n != len(samples) {
		e.at(kind, "%d creates return %d rows", len(samples), n)
	}
	if n := len(e.list(kind, psa.Query{})) - before; n != len(samples) {
		e.at(kind, "%d creates make %d rows", len(samples), n)
	}
}

// untouched reports fields that differ besides those named and those that the
// vendor sets itself.
func (e *env) untouched(before, after psa.Record, named ...string) {
	for name, v := range before.Fields {
		f, _ := psa.FieldOf(before.Kind, name)
		if got := after.Fields[name]; !f.ReadOnly && !slices.Contains(named, name) && !psa.ValuesEqual(got, v) {
			e.at(before.Kind, "%s: %s was changed, the patch names %s", before.Ref, name, strings.Join(named, ", "))
		}
	}
	for name := range after.Fields {
		f, _ := psa.FieldOf(before.Kind, name)
		if _, had := before.Fields[name]; !had && !f.ReadOnly && !slices.Contains(named, name) && after.Fields[name] != nil {
			e.at(before.Kind, "%s: %s appeared, the patch names %s", before.Ref, name, strings.Join(named, ", "))
		}
	}
}

// first returns a row that can be updated, as Get or List tells it.
func (e *env) first(kind psa.Kind) (psa.Record, bool) {
	rows := e.list(kind, psa.Query{ActiveOnly: true})
	if len(rows) == 0 {
		return psa.Record{}, false
	}
	if e.f.Can(kind, psa.CanGet) {
		if r, err := e.p.Get(e.ctx, rows[len(rows)-1].Ref); err == nil {
			return r, true
		}
	}
	return rows[len(rows)-1], true
}

func writePatch(e *env) {
	for _, kind := range e.kinds(psa.CanUpdate) {
		before, ok := e.first(kind)
		if !ok {
			continue
		}
		name := nameField(kind)
		sent := psa.Fields{name: "psatest patched"}
		after, err := psa.Update(e.ctx, e.p, before.Ref, psa.Patch{Set: sent})
		if err != nil {
			e.at(kind, "update: %v", err)
			continue
		}
		if after.Ref != before.Ref || after.Parent != before.Parent || after.Active != before.Active {
			e.at(kind, "update returns %q of %q", after.Ref, after.Parent)
		}
		e.holds(after, sent)
		e.untouched(before, after, name)
		e.asGet(after)
		other := freeText(e.list(kind, psa.Query{}))
		if e.Rename == nil || e.Fill[kind] == nil || other == "" {
			continue
		}
		e.Rename(before.Ref, "Renamed meanwhile")
		after, err = psa.Update(e.ctx, e.p, before.Ref, psa.Patch{Set: psa.Fields{other: "psatest"}})
		if err != nil || nameOf(after) != "Renamed meanwhile" {
			e.at(kind, "an update of %s overwrites a name that was changed meanwhile (%v)", other, err)
		}
	}
}

// freeText returns a field with text that rows of a kind have, can do without
// and that means nothing to the PSA; "" if there is none.
func freeText(rows []psa.Record) string {
	for _, name := range []string{"external_ref", "title", "phone", "account_number", "po_number", "contact_name", "internal_notes", "website", "mobile", "last_name"} {
		for _, r := range rows {
			if r.Fields.String(name) != "" {
				return name
			}
		}
	}
	return ""
}

func writeClear(e *env) {
	tested := false
	for _, kind := range e.kinds(psa.CanUpdate) {
		rows := e.list(kind, psa.Query{})
		name := freeText(rows)
		if name == "" || slices.Contains(e.f[kind].Required, name) {
			continue
		}
		tested = true
		before := rows[slices.IndexFunc(rows, func(r psa.Record) bool { return r.Fields.String(name) != "" })]
		if got, err := e.p.Get(e.ctx, before.Ref); err == nil {
			before = got // which may tell more than a list
		}
		after, err := psa.Update(e.ctx, e.p, before.Ref, psa.Patch{Set: psa.Fields{name: nil}})
		if err != nil {
			e.at(kind, "update %s to nil: %v", name, err)
			continue
		}
		if v := after.Fields[name]; v != nil && v != "" {
			e.at(kind, "%s: %s was cleared and is %q", after.Ref, name, v)
		}
		e.untouched(before, after, name)
		e.asGet(after)
	}
	if !tested {
		e.Errorf("no kind that can be updated has an optional text to clear")
	}
}

func writeVersion(e *env) {
	for _, kind := range e.kinds(psa.CanUpdate) {
		before, ok := e.first(kind)
		if !ok || before.Version == "" {
			continue
		}
		patch := psa.Patch{Set: psa.Fields{nameField(kind): "psatest versioned"}, IfVersion: before.Version}
		after, err := psa.Update(e.ctx, e.p, before.Ref, patch)
		if err != nil || after.Version == before.Version {
			e.at(kind, "update of version %q gives version %q, %v", before.Version, after.Version, err)
			continue
		}
		patch.Set = psa.Fields{nameField(kind): "psatest stale"}
		if _, err := psa.Update(e.ctx, e.p, before.Ref, patch); !errors.Is(err, psa.ErrConflict) {
			e.at(kind, "update of an old version: %v, want ErrConflict", err)
		}
		if now, _ := e.first(kind); nameOf(now) == "psatest stale" {
			e.at(kind, "update of an old version was written")
		}
	}
}

func writeMissing(e *env) {
	for _, kind := range e.f.Kinds() {
		r, ok := e.first(kind)
		if !ok {
			continue
		}
		ref := psa.Ref{Kind: kind, ID: missingID(r.ID)}
		if e.f.Can(kind, psa.CanUpdate) {
			_, err := psa.Update(e.ctx, e.p, ref, psa.Patch{Set: psa.Fields{nameField(kind): "x"}})
			e.checkError(kind, err, psa.ErrNotFound)
		}
		if e.f[kind].Can&(psa.CanDelete|psa.CanDeactivate) != 0 {
			e.checkError(kind, psa.Delete(e.ctx, e.p, ref), psa.ErrNotFound)
		}
	}
}

func writeDelete(e *env) {
	for _, kind := range e.f.Kinds() {
		can := e.f[kind].Can
		if can&(psa.CanDelete|psa.CanDeactivate) == 0 {
			continue
		}
		r, ok := e.first(kind)
		if can.Has(psa.CanCreate) {
			r, ok = e.create(kind, e.sample(kind, "psatest deleted"))
		}
		if !ok {
			continue
		}
		before := e.list(kind, psa.Query{})
		if err := psa.Delete(e.ctx, e.p, r.Ref); err != nil {
			e.at(kind, "delete: %v", err)
			continue
		}
		after := e.list(kind, psa.Query{})
		if can.Has(psa.CanDelete) {
			e.same(kind, "after a delete", after, filter(before, func(o psa.Record) bool { return o.Ref != r.Ref }))
			continue
		}
		e.same(kind, "after a deactivation", after, before)
		for _, o := range after {
			if o.Ref == r.Ref && o.Active {
				e.at(kind, "%s was deactivated and is active", r.Ref)
			}
		}
	}
}

func writeDeletions(e *env) {
	e.need(e.Remove != nil, "Remove")
	for _, kind := range e.kinds(psa.CanDeletions) {
		r, ok := e.first(kind)
		if !ok {
			continue
		}
		e.Remove(r.Ref)
		var at time.Time
		n := 0
		for d, err := range psa.Deletions(e.ctx, e.p, kind, time.Time{}) {
			if err != nil {
				e.at(kind, "deletions: %v", err)
				break
			}
			if d.Ref == r.Ref {
				n, at = n+1, d.At
			}
		}
		if n != 1 {
			e.at(kind, "%s was removed and is told %d times", r.Ref, n)
		}
		if at.IsZero() {
			continue
		}
		for d, err := range psa.Deletions(e.ctx, e.p, kind, at.Add(time.Hour)) {
			if err != nil || d.Ref == r.Ref {
				e.at(kind, "%s was removed at %s and is told since an hour later (%v)", r.Ref, at, err)
			}
		}
	}
}

func writeCanonical(e *env) {
	c, ok := e.p.(psa.Canonicaliser)
	if !ok {
		return
	}
	for _, kind := range e.kinds(psa.CanCreate) {
		for what, text := range map[string]string{
			"space around it": "  psatest  space ", "line ends": "psatest\r\nlines\r\n", "much text": strings.Repeat("psatest – ß ", 40), "markup": "psatest <b>&amp;</b>",
		} {
			sent := e.sample(kind, text)
			for name := range sent {
				if f, _ := psa.FieldOf(kind, name); f.Type == psa.TypeNumber {
					if v, err := psa.Canonical(0.123456789); err == nil {
						sent[name] = v
					}
				}
			}
			once, err := c.Canonicalise(kind, sent)
			if err != nil {
				e.at(kind, "canonicalise: %v", err)
				continue
			}
			twice, err := c.Canonicalise(kind, once)
			if err != nil || !twice.Equal(once) {
				e.at(kind, "text with %s: canonicalising twice is not canonicalising once (%v)", what, err)
			}
			if r, ok := e.create(kind, sent); ok {
				e.holds(r, sent)
			}
		}
	}
}

func writeCancelled(e *env) {
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	for _, kind := range e.kinds(psa.CanCreate) {
		before := len(e.list(kind, psa.Query{}))
		if _, err := psa.Create(ctx, e.p, kind, e.sample(kind, "psatest cancelled"), psa.NotifyNone); !errors.Is(err, context.Canceled) {
			e.at(kind, "create: %v, want context.Canceled", err)
		}
		if after := len(e.list(kind, psa.Query{})); after != before {
			e.at(kind, "%d rows, %d before a cancelled create", after, before)
		}
	}
	for _, kind := range e.kinds(psa.CanUpdate) {
		before, ok := e.first(kind)
		if !ok {
			continue
		}
		if _, err := psa.Update(ctx, e.p, before.Ref, psa.Patch{Set: psa.Fields{nameField(kind): "psatest cancelled"}}); !errors.Is(err, context.Canceled) {
			e.at(kind, "update: %v, want context.Canceled", err)
		}
		if after, _ := e.first(kind); !after.Fields.Equal(before.Fields) {
			e.at(kind, "%s was changed by a cancelled update", before.Ref)
		}
	}
}

func writeMail(e *env) {
	e.need(e.Mails != nil, "Mails")
	for _, kind := range e.f.Kinds() {
		if e.f[kind].Mail == psa.MailUncontrolled {
			continue
		}
		before := e.Mails()
		r, ok := e.first(kind)
		if e.f.Can(kind, psa.CanCreate) {
			r, ok = e.create(kind, e.sample(kind, "psatest without mail"))
		}
		if ok && e.f.Can(kind, psa.CanUpdate) {
			if _, err := psa.Update(e.ctx, e.p, r.Ref, psa.Patch{Set: psa.Fields{nameField(kind): "psatest without any mail"}}); err != nil {
				e.at(kind, "update: %v", err)
			}
		}
		if n := e.Mails() - before; n != 0 {
			e.at(kind, "%d mails were sent", n)
		}
	}
}
