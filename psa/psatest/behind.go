package psatest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/psasync/psasync/psa"
)

// Now returns the vendor's clock.
func (p *Provider) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.time()
}

// Advance moves the vendor's clock, backwards if d is negative.
func (p *Provider) Advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offset += d
}

func (p *Provider) time() time.Time {
	now := p.now
	if p.clock != nil {
		now = p.clock()
	}
	return now.Add(p.offset).UTC()
}

// SetInstance makes the provider answer as another account or version.
func (p *Provider) SetInstance(i psa.Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instance = i
}

// Put adds rows, or replaces those of the same Ref, and returns their Refs. A
// row without id gets the next number, one without Updated the vendor's time.
// A note with hours is worked time and becomes a time entry; a ticket with
// "project": true and people with "hidden": true are kept but never shown. It
// panics if a value has no canonical form.
func (p *Provider) Put(rows ...psa.Record) []psa.Ref {
	p.mu.Lock()
	defer p.mu.Unlock()
	refs := make([]psa.Ref, len(rows))
	for i, r := range rows {
		refs[i] = p.put(r)
	}
	return refs
}

func (p *Provider) put(r psa.Record) psa.Ref {
	c, err := psa.Canonical(r.Fields)
	if err != nil {
		panic(fmt.Sprintf("psatest: %s: %v", r.Ref, err))
	}
	r.Fields = c.(psa.Fields)
	if _, worked := r.Fields.Float("hours"); worked && r.Kind == psa.KindNote {
		r.Kind = psa.KindTimeEntry
		r.Fields["notes"] = r.Fields["text"]
		delete(r.Fields, "text")
		r.Parent = psa.Ref{}
	}
	t := p.table(r.Kind)
	if r.ID == "" {
		r.ID = t.nextID()
	}
	if r.Updated.IsZero() {
		r.Updated = p.time()
	}
	p.version++
	r.Version = strconv.FormatInt(p.version, 10)
	t.put(p.build(r))
	return r.Ref
}

// build makes what is shown of a row whose fields are canonical.
func (p *Provider) build(r psa.Record) *row {
	f := p.features[r.Kind]
	if r.Parent.IsZero() && f.Parent != "" {
		if ref := r.Fields.Ref(string(f.Parent)); ref.ID != "" {
			r.Parent = psa.Ref{Kind: f.Parent, ID: ref.ID}
		}
	}
	if f.Granularity > 0 {
		r.Updated = r.Updated.UTC().Truncate(f.Granularity)
	} else {
		r.Updated = time.Time{}
	}
	out := &row{all: r.Fields}
	switch r.Kind {
	case psa.KindTicket:
		out.hidden = r.Fields.Bool("project") == psa.Yes
	case psa.KindContact, psa.KindMember:
		out.hidden = r.Fields.Bool("hidden") == psa.Yes
	}
	r.Fields = p.cut(r.Fields)
	switch r.Kind {
	case psa.KindNote:
		switch v := psa.Visibility(r.Fields.String("visibility")); v {
		case psa.Internal, psa.TeamOnly, psa.Public:
		default:
			r.Fields["visibility"] = string(psa.Internal)
		}
	case psa.KindTicket:
		delete(r.Fields, "project")
	case psa.KindContact, psa.KindMember:
		delete(r.Fields, "hidden")
	}
	r.Raw, r.Hash = encode(r)
	out.shown = r
	return out
}

// cut copies fields without those that are denied.
func (p *Provider) cut(f psa.Fields) psa.Fields {
	out := make(psa.Fields, len(f))
	for k, v := range f {
		if !p.deny[k] {
			out[k] = p.cutValue(v)
		}
	}
	return out
}

func (p *Provider) cutValue(v any) any {
	switch v := v.(type) {
	case psa.Fields:
		return p.cut(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = p.cutValue(v[i])
		}
		return out
	default:
		return v
	}
}

// encode returns the payload a vendor would have sent, and its hash.
func encode(r psa.Record) (json.RawMessage, psa.Hash) {
	payload := struct {
		ID      string     `json:"id"`
		Active  bool       `json:"active"`
		Updated time.Time  `json:"updated,omitzero"`
		Fields  psa.Fields `json:"fields"`
	}{r.ID, r.Active, r.Updated, r.Fields}
	raw, err := json.Marshal(payload)
	if err != nil {
		panic(fmt.Sprintf("psatest: %s: %v", r.Ref, err)) // canonical fields always encode
	}
	h := sha256.New()
	fmt.Fprintf(h, "psatest\x00%s\x00%s\x00", r.Kind, r.Parent)
	h.Write(raw)
	return raw, psa.Hash(h.Sum(nil)[:len(psa.Hash{})])
}

// Edit changes fields of a row the way a person does in the PSA: no rule runs,
// no mail is sent, Updated moves. nil clears a field, "custom" is merged. It
// panics if there is no such row.
func (p *Provider) Edit(ref psa.Ref, fields psa.Fields) {
	p.change(ref, func(r *psa.Record) { merge(r.Fields, fields) })
}

// Touch moves Updated and nothing else.
func (p *Provider) Touch(ref psa.Ref) { p.change(ref, func(*psa.Record) {}) }

// SetActive activates or deactivates a row. It panics if there is none.
func (p *Provider) SetActive(ref psa.Ref, active bool) {
	p.change(ref, func(r *psa.Record) { r.Active = active })
}

func (p *Provider) change(ref psa.Ref, f func(*psa.Record)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.table(ref.Kind).get(ref.ID)
	if old == nil {
		panic(fmt.Sprintf("psatest: no row %s", ref))
	}
	r := old.shown
	r.Fields, r.Updated, r.Parent = old.all.Clone(), time.Time{}, psa.Ref{}
	f(&r)
	if p.features[ref.Kind].Parent == "" || r.Fields.Ref(string(p.features[ref.Kind].Parent)).ID == "" {
		r.Parent = old.shown.Parent
	}
	p.put(r)
}

// merge writes the fields of a patch over those of a row.
func merge(row, patch psa.Fields) {
	for k, v := range patch {
		if custom, ok := v.(psa.Fields); ok && k == "custom" {
			old, _ := row[k].(psa.Fields)
			next := psa.Fields{}
			if old != nil {
				next = old.Clone()
			}
			merge(next, custom)
			v = next
		}
		row[k] = v
	}
}

// Remove deletes rows the way a person does in the PSA; DeletionLister tells.
func (p *Provider) Remove(refs ...psa.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ref := range refs {
		p.remove(ref, psa.Ref{})
	}
}

// Merge deletes a row as merged into another one.
func (p *Provider) Merge(loser, winner psa.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(loser, winner)
}

func (p *Provider) remove(ref, into psa.Ref) {
	if p.table(ref.Kind).remove(ref.ID) {
		p.deleted[ref.Kind] = append(p.deleted[ref.Kind], psa.Deletion{Ref: ref, At: p.time(), MergedInto: into})
	}
}

// Clear removes all rows of a kind at once, as a broken index does: nothing is
// recorded as deleted.
func (p *Provider) Clear(kind psa.Kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tables, kind)
}

// Virtual fills a kind with rows 1 to n that are made when they are read, so
// that a large table costs no memory. fields must return the same for the same
// i, and may be called at any time from any goroutine.
func (p *Provider) Virtual(kind psa.Kind, n int, fields func(i int) psa.Fields) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.time()
	t := newTable()
	t.virtual, t.last, t.gone = n, n, map[string]bool{}
	t.make = func(i int) *row {
		c, err := psa.Canonical(fields(i))
		if err != nil {
			panic(fmt.Sprintf("psatest: %s/%d: %v", kind, i, err))
		}
		return p.build(psa.Record{Ref: psa.Ref{Kind: kind, ID: strconv.Itoa(i)}, Active: true, Updated: now, Version: "1", Fields: c.(psa.Fields)})
	}
	p.tables[kind] = t
}

// Row returns a row as the PSA itself holds it, with denied fields. ok is
// false if there is none.
func (p *Provider) Row(ref psa.Ref) (r psa.Record, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.table(ref.Kind).get(ref.ID)
	if found == nil {
		return psa.Record{}, false
	}
	r = found.shown
	r.Fields = found.all.Clone()
	return r, true
}

// Refs returns the rows of a kind in order, hidden ones too.
func (p *Provider) Refs(kind psa.Kind) []psa.Ref {
	p.mu.Lock()
	defer p.mu.Unlock()
	var refs []psa.Ref
	p.table(kind).after("", func(r *row) bool {
		refs = append(refs, r.shown.Ref)
		return true
	})
	return refs
}
