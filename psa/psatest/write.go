package psatest

import (
	"cmp"
	"context"
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A Write is one create or update on its way into the tenant.
type Write struct {
	Op     Op
	Old    psa.Record  // zero on create
	Row    *psa.Record // what will be stored; a rule may change its Fields and Active
	Set    psa.Fields  // what the caller sent
	Notify psa.Notify
}

// A Rule is a workflow rule of the PSA: it runs on every write through the
// provider, changes other fields or replaces a value. An error refuses the
// write; without a class it is psa.ErrInvalid. A rule must not call the
// provider, which waits for it.
type Rule func(w Write) error

// AddRule adds workflow rules; they run in order.
func (p *Provider) AddRule(rules ...Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, rules...)
}

// Mail is one mail the PSA would have sent. To is zero where a rule of the PSA
// sends it whatever the caller says.
type Mail struct {
	Op  Op
	Ref psa.Ref
	To  psa.Notify
}

// Mails returns the mail sent so far.
func (p *Provider) Mails() []Mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.mails)
}

// Create adds a row. Values are canonicalised, required fields and references
// checked, rules run, mail counted.
func (p *Provider) Create(ctx context.Context, kind psa.Kind, fields psa.Fields, notify psa.Notify) (psa.Record, error) {
	return p.write(ctx, OpCreate, psa.Ref{Kind: kind}, func() (psa.Record, error) {
		row := psa.Record{Ref: psa.Ref{Kind: kind}, Active: true, Fields: psa.Fields{}}
		set, err := p.accept(kind, fields, OpCreate)
		if err != nil {
			return psa.Record{}, err
		}
		for _, name := range p.features[kind].Required {
			if v, ok := set.Lookup(name); !ok || v == nil || v == "" {
				return psa.Record{}, invalid("required: " + name)
			}
		}
		row.ID = p.table(kind).nextID()
		merge(row.Fields, set)
		p.stamp(&row)
		return p.store(Write{Op: OpCreate, Row: &row, Set: set, Notify: notify})
	})
}

// stamp sets the read-only fields of a new row.
func (p *Provider) stamp(r *psa.Record) {
	for _, f := range psa.Schema(r.Kind) {
		switch f.Name {
		case "number":
			r.Fields["number"] = r.ID
		case "created_at":
			r.Fields["created_at"] = psa.FormatTime(p.time())
		}
	}
}

// Update changes the fields of the patch.
func (p *Provider) Update(ctx context.Context, ref psa.Ref, patch psa.Patch) (psa.Record, error) {
	return p.write(ctx, OpUpdate, ref, func() (psa.Record, error) {
		old := p.table(ref.Kind).get(ref.ID)
		if old == nil || old.hidden {
			return psa.Record{}, psa.ErrNotFound
		}
		if patch.IfVersion != "" && patch.IfVersion != old.shown.Version {
			return psa.Record{}, psa.ErrConflict
		}
		set, err := p.accept(ref.Kind, patch.Set, OpUpdate)
		if err != nil {
			return psa.Record{}, err
		}
		for _, name := range p.features[ref.Kind].Required {
			if v, ok := set[name]; ok && (v == nil || v == "") {
				return psa.Record{}, invalid("required: " + name)
			}
		}
		row := old.shown
		row.Fields = old.all.Clone()
		merge(row.Fields, set)
		before := old.shown
		before.Fields = old.all.Clone()
		return p.store(Write{Op: OpUpdate, Old: before, Row: &row, Set: set, Notify: patch.Notify})
	})
}

// Delete removes a row, or deactivates it where that is what the features
// offer.
func (p *Provider) Delete(ctx context.Context, ref psa.Ref) error {
	_, err := p.write(ctx, OpDelete, ref, func() (psa.Record, error) {
		old := p.table(ref.Kind).get(ref.ID)
		if old == nil || old.hidden {
			return psa.Record{}, psa.ErrNotFound
		}
		if p.features[ref.Kind].Can.Has(psa.CanDelete) {
			p.remove(ref, psa.Ref{})
			return psa.Record{}, nil
		}
		row := old.shown
		row.Fields, row.Active = old.all.Clone(), false
		return p.store(Write{Op: OpDelete, Old: old.shown, Row: &row})
	})
	return err
}

// write is one request that changes the tenant in apply, which runs under the
// lock.
func (p *Provider) write(ctx context.Context, op Op, ref psa.Ref, apply func() (psa.Record, error)) (psa.Record, error) {
	offered := p.features[ref.Kind].Can.Has(op.ability())
	if op == OpDelete {
		offered = p.features[ref.Kind].Can&(psa.CanDelete|psa.CanDeactivate) != 0
	}
	shown := ref
	if ref.ID == "" {
		shown = psa.Ref{}
	}
	if !offered {
		return psa.Record{}, p.fail(op, ref.Kind, shown, psa.ErrUnsupported)
	}
	f := p.fault(op, ref.Kind)
	lost := f.Hang && f.Applied // the answer never comes, but the write is done
	f.Hang = f.Hang && !lost
	if err := p.before(ctx, op, ref.Kind, f); err != nil {
		return psa.Record{}, err
	}
	var r psa.Record
	err := f.Err
	if err == nil || f.Applied {
		applied, refused := p.locked(apply)
		switch {
		case refused != nil:
			err = refused
		case lost:
			<-ctx.Done()
			err = ctx.Err()
		case err == nil:
			r = applied
		}
	}
	if err != nil {
		err = p.fail(op, ref.Kind, shown, err)
	}
	p.answered(ctx, op, ref.Kind, shown, err, int64(len(r.Raw)))
	return r, err
}

func (p *Provider) locked(apply func() (psa.Record, error)) (psa.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return apply()
}

func invalid(detail string) error { return &psa.Error{Code: psa.ErrInvalid, Detail: detail} }

// store runs the rules, files the row and counts mail.
func (p *Provider) store(w Write) (psa.Record, error) {
	for _, rule := range p.rules {
		if err := rule(w); err != nil {
			if psa.ErrorClass(err) == nil {
				err = &psa.Error{Code: psa.ErrInvalid, Err: err}
			}
			return psa.Record{}, err
		}
	}
	row := *w.Row
	row.Updated = p.time()
	if parent := p.features[row.Kind].Parent; parent != "" && row.Fields.Ref(string(parent)).ID != "" {
		row.Parent = psa.Ref{}
	}
	ref := p.put(row)
	switch p.features[ref.Kind].Mail {
	case psa.MailControlled:
		if w.Notify != psa.NotifyNone {
			p.mails = append(p.mails, Mail{Op: w.Op, Ref: ref, To: w.Notify})
		}
	case psa.MailUncontrolled:
		p.mails = append(p.mails, Mail{Op: w.Op, Ref: ref, To: w.Notify})
	}
	return p.table(ref.Kind).get(ref.ID).shown, nil
}

// accept canonicalises what was sent and refuses what the vendor would.
func (p *Provider) accept(kind psa.Kind, fields psa.Fields, op Op) (psa.Fields, error) {
	set, err := p.Canonicalise(kind, fields)
	if err != nil {
		return nil, err
	}
	out := psa.Fields{}
	for name, v := range set {
		if id, ok := strings.CutPrefix(name, "custom."); ok {
			merge(out, psa.Fields{"custom": psa.Fields{id: v}})
			continue
		}
		f, ok := psa.FieldOf(kind, name)
		switch {
		case !ok:
			return nil, invalid("unknown field " + name)
		case f.ReadOnly, f.CreateOnly && op != OpCreate:
			return nil, invalid("read-only field " + name)
		}
		if v, err = p.resolve(f, v); err != nil {
			return nil, err
		}
		merge(out, psa.Fields{name: v})
	}
	return out, nil
}

// resolve refuses references to rows that are not there, and names the others.
func (p *Provider) resolve(f psa.Field, v any) (any, error) {
	if f.Kind == "" || v == nil || !p.features.Can(f.Kind, psa.CanList) {
		return v, nil
	}
	if l, ok := v.([]any); ok {
		out := make([]any, len(l))
		for i := range l {
			var err error
			if out[i], err = p.resolve(f, l[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	for _, id := range refIDs(v) {
		r := p.table(f.Kind).get(id)
		if r == nil || r.hidden {
			return nil, invalid(f.Name + " points at no " + string(f.Kind))
		}
		if _, isRef := v.(psa.Fields); isRef {
			v = psa.Reference{ID: id, Name: cmp.Or(r.shown.Name(), r.shown.Fields.String("summary"))}.Fields()
		}
	}
	return v, nil
}

// Canonicalise returns what the tenant will hold: text without space around it
// and with plain line ends, numbers to two decimals, and values cut to the
// tenant's Lengths. An unknown type of value is ErrInvalid.
func (p *Provider) Canonicalise(kind psa.Kind, fields psa.Fields) (psa.Fields, error) {
	c, err := psa.Canonical(fields)
	if err != nil {
		return nil, p.fail("canonicalise", kind, psa.Ref{}, &psa.Error{Code: psa.ErrInvalid, Err: err})
	}
	out := c.(psa.Fields)
	for name, v := range out {
		v = tidy(v)
		if text, ok := v.(string); ok {
			if n := p.lengths[string(kind)+"."+name]; n > 0 {
				v = strings.TrimSpace(cutRunes(text, n))
			}
		}
		out[name] = v
	}
	return out, nil
}

// tidy trims text and rounds numbers of a canonical value, at any depth.
func tidy(v any) any {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
	case json.Number:
		if r, ok := new(big.Rat).SetString(string(v)); ok {
			if rounded, err := psa.Canonical(json.Number(r.FloatString(2))); err == nil {
				return rounded
			}
		}
	case psa.Fields:
		for k := range v {
			v[k] = tidy(v[k])
		}
	case []any:
		for i := range v {
			v[i] = tidy(v[i])
		}
	}
	return v
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
