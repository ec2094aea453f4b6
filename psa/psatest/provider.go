package psatest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Provider is a scriptable PSA account in memory with every optional extra
// of package psa. What people do in the PSA is done through methods such as
// [Provider.Put] and [Provider.Edit]; what goes wrong is scripted with
// [Provider.Fail] and [Provider.Refuse]. It reads pages by id, so rows that
// move while a list runs are neither lost nor repeated.
//
// A Provider is safe for concurrent use. It holds no lock while it waits or
// yields, so it works inside a testing/synctest bubble.
type Provider struct {
	name     string
	features psa.Features
	deny     map[string]bool
	lengths  map[string]int

	mu       sync.Mutex
	clock    func() time.Time // nil: the clock stands still
	now      time.Time        // where it stands, or an offset to clock
	offset   time.Duration
	instance psa.Instance
	tables   map[psa.Kind]*table
	deleted  map[psa.Kind][]psa.Deletion
	version  int64
	rules    []Rule
	mails    []Mail
	log      []Call
	faults   []*armed
	refused  map[psa.Kind]error
}

// NewProvider returns a provider of the tenant. It panics if a row has a value
// without canonical form.
func NewProvider(t Tenant) *Provider {
	p := &Provider{
		name:     t.Name,
		features: maps.Clone(t.Features),
		deny:     map[string]bool{},
		lengths:  maps.Clone(t.Lengths),
		clock:    t.Clock,
		now:      t.Start,
		instance: t.Instance,
		tables:   map[psa.Kind]*table{},
		deleted:  map[psa.Kind][]psa.Deletion{},
		refused:  map[psa.Kind]error{},
	}
	if p.name == "" {
		p.name = "memory"
	}
	if p.instance == (psa.Instance{}) {
		p.instance = psa.Instance{ID: p.name}
	}
	if p.now.IsZero() {
		p.now = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)
	}
	for _, name := range t.Deny {
		p.deny[name] = true
	}
	p.Put(t.Rows...)
	return p
}

// Name returns the tenant's name.
func (p *Provider) Name() string { return p.name }

// Features returns the tenant's features.
func (p *Provider) Features() psa.Features { return maps.Clone(p.features) }

// List yields the rows of a kind in the order of their ids, page by page; a
// kind with PerParent in the order of its parents.
func (p *Provider) List(ctx context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		if err := p.offers(OpList, kind, q); err != nil {
			yield(psa.Record{}, err)
			return
		}
		l := listing{p: p, op: OpList, kind: kind, fault: p.fault(OpList, kind), yield: yield}
		if p.features[kind].PerParent && q.Parent.IsZero() {
			l.families(ctx, q)
		} else {
			l.pages(ctx, q, func(r *row) bool { return r.matches(q) })
		}
		l.finish(ctx)
	}
}

// offers returns ErrUnsupported for what the features do not offer.
func (p *Provider) offers(op Op, kind psa.Kind, q psa.Query) error {
	f, ok := p.features[kind]
	detail := ""
	switch {
	case !ok || !f.Can.Has(op.ability()):
		if detail = f.Missing[op.ability()]; detail == "" {
			detail = "no such function"
		}
	case !q.Since.IsZero() && !f.Can.Has(psa.CanSince):
		detail = "rows cannot be listed by time"
	case q.After != "" && (!f.Can.Has(psa.CanResume) || f.PerParent && q.Parent.IsZero()):
		detail = "lists cannot be resumed"
	case !q.Parent.IsZero() && q.Parent.Kind != f.Parent:
		detail = "rows have no such parent"
	}
	for name := range q.Scope {
		if !slices.Contains(f.Filter, name) {
			detail = "rows cannot be filtered by this name"
		}
	}
	if detail == "" {
		return nil
	}
	return &psa.Error{Provider: p.name, Op: string(op) + " " + string(kind), Code: psa.ErrUnsupported, Detail: detail}
}

// Get returns one row.
func (p *Provider) Get(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	if err := p.offers(OpGet, ref.Kind, psa.Query{}); err != nil {
		return psa.Record{}, err
	}
	if err := p.call(ctx, OpGet, ref.Kind, ref); err != nil {
		return psa.Record{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.table(ref.Kind).get(ref.ID); r != nil && !r.hidden {
		return r.shown, nil
	}
	return psa.Record{}, p.fail(OpGet, ref.Kind, ref, psa.ErrNotFound)
}

// table returns the table of a kind; the lock is held.
func (p *Provider) table(kind psa.Kind) *table {
	t := p.tables[kind]
	if t == nil {
		t = newTable()
		p.tables[kind] = t
	}
	return t
}

// fail makes a *psa.Error of a class, an error of this form or a context's.
func (p *Provider) fail(op Op, kind psa.Kind, ref psa.Ref, err error) error {
	e := &psa.Error{Provider: p.name, Op: string(op), Ref: ref}
	if ref.IsZero() && kind != "" {
		e.Op += " " + string(kind)
	}
	var given *psa.Error
	if errors.As(err, &given) {
		e.Code, e.RetryAfter, e.Detail, e.Err = given.Code, given.RetryAfter, given.Detail, given.Err
		return e
	}
	e.Code = psa.ErrorClass(err)
	if e.Code == nil || e.Code.Error() != err.Error() {
		e.Err = err
	}
	return e
}

// listing is one run of a list. Its fault strikes after a number of rows.
type listing struct {
	p     *Provider
	op    Op
	kind  psa.Kind
	fault Fault
	yield func(psa.Record, error) bool
	known psa.Known
	rows  int  // yielded
	done  bool // nothing may be yielded any more
}

// families lists the children of one parent after the other. Reading the
// parents costs requests, too.
func (l *listing) families(ctx context.Context, q psa.Query) {
	parent := l.p.features[l.kind].Parent
	var refs []psa.Ref
	reader := listing{p: l.p, op: OpList, kind: parent, yield: func(r psa.Record, err error) bool {
		if err != nil {
			l.end(err)
			return false
		}
		refs = append(refs, r.Ref)
		return true
	}}
	if l.p.features[parent].PerParent {
		reader.families(ctx, psa.Query{})
	} else {
		reader.pages(ctx, psa.Query{}, func(r *row) bool { return !r.hidden })
	}
	for _, ref := range refs {
		if l.done {
			return
		}
		q.Parent = ref
		l.pages(ctx, q, func(r *row) bool { return r.matches(q) })
	}
}

// pages lists the rows that match, a page at a time.
func (l *listing) pages(ctx context.Context, q psa.Query, match func(*row) bool) {
	l.known = q.Known
	size := l.p.features[l.kind].PageSize
	if size <= 0 {
		size = 100
	}
	for after := q.After; !l.done; {
		if l.strike(ctx); l.done {
			return
		}
		if err := l.p.turn(ctx, l.op, l.kind, l.fault.Delay); err != nil {
			l.end(err)
			return
		}
		page, more := l.p.page(l.kind, after, size, match)
		l.p.answered(ctx, l.op, l.kind, psa.Ref{}, nil, bytesOf(page))
		for _, r := range page {
			l.row(ctx, r.shown)
			if l.done {
				return
			}
		}
		if !more {
			return
		}
		after = page[len(page)-1].shown.ID
	}
}

// page returns up to size rows behind an id, and whether there are more.
func (p *Provider) page(kind psa.Kind, after string, size int, match func(*row) bool) (page []*row, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.table(kind).after(after, func(r *row) bool {
		if !match(r) {
			return true
		}
		if more = len(page) == size; !more {
			page = append(page, r)
		}
		return !more
	})
	return page, more
}

func bytesOf(page []*row) (n int64) {
	for _, r := range page {
		n += int64(len(r.shown.Raw))
	}
	return n
}

// row yields one row, unless the fault strikes first.
func (l *listing) row(ctx context.Context, r psa.Record) {
	if l.strike(ctx); l.done {
		return
	}
	if err := ctx.Err(); err != nil {
		l.end(l.p.fail(l.op, l.kind, psa.Ref{}, err))
		return
	}
	if slices.Contains(l.fault.Bad, r.ID) {
		r = psa.Record{Ref: r.Ref, Parent: r.Parent, Err: l.p.fail(l.op, l.kind, r.Ref,
			&psa.Error{Code: psa.ErrData, Detail: "row cannot be decoded"})}
	} else if l.known != nil && !r.Hash.IsZero() {
		if ref, ok := l.known.Known(r.Hash); ok {
			r = psa.Record{Ref: ref, Parent: r.Parent, Hash: r.Hash, Unchanged: true}
		}
	}
	l.rows++
	if !l.yield(r, nil) {
		l.done = true
	}
}

// strike lets the fault happen when its row is reached.
func (l *listing) strike(ctx context.Context) {
	f := l.fault
	if l.rows < f.After {
		return
	}
	if f.Do != nil {
		l.fault.Do = nil
		f.Do()
	}
	switch {
	case f.Hang:
		<-ctx.Done()
		l.end(l.p.fail(l.op, l.kind, psa.Ref{}, ctx.Err()))
	case f.Err != nil:
		err := l.p.fail(l.op, l.kind, psa.Ref{}, f.Err)
		l.p.answered(ctx, l.op, l.kind, psa.Ref{}, err, 0)
		l.end(err)
	case f.Short:
		l.done = true
	}
}

// finish lets a fault happen whose row was never reached.
func (l *listing) finish(ctx context.Context) {
	if !l.done {
		l.rows = max(l.rows, l.fault.After)
		l.strike(ctx)
	}
}

func (l *listing) end(err error) {
	if !l.done {
		l.done = true
		l.yield(psa.Record{}, err)
	}
}
