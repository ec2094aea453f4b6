package psatest

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/psasync/psasync/psa"
)

var _ interface {
	psa.Provider
	psa.Counter
	psa.Checker
	psa.Instancer
	psa.ServerTimer
	psa.Finder
	psa.DeletionLister
	psa.Creator
	psa.Updater
	psa.Deleter
	psa.Canonicaliser
} = (*Provider)(nil)

// Count counts the rows List would yield.
func (p *Provider) Count(ctx context.Context, kind psa.Kind, q psa.Query) (int, error) {
	if err := p.offers(OpCount, kind, q); err != nil {
		return 0, err
	}
	if err := p.call(ctx, OpCount, kind, psa.Ref{}); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	p.table(kind).after(q.After, func(r *row) bool {
		if r.matches(q) {
			n++
		}
		return true
	})
	return n, nil
}

// Check reports which kinds were refused. The error is what was refused for
// all calls.
func (p *Provider) Check(ctx context.Context, kinds ...psa.Kind) (psa.CheckReport, error) {
	if err := p.call(ctx, OpCheck, "", psa.Ref{}); err != nil {
		return psa.CheckReport{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	report := psa.CheckReport{Instance: p.instance}
	for _, k := range kinds {
		a := psa.Access{Kind: k, Err: p.offers(OpList, k, psa.Query{})}
		if err := p.refused[k]; err != nil && a.Err == nil {
			a.Err = p.fail(OpCheck, k, psa.Ref{}, err)
		}
		report.Access = append(report.Access, a)
	}
	return report, nil
}

// Instance returns the account.
func (p *Provider) Instance(ctx context.Context) (psa.Instance, error) {
	if err := p.call(ctx, OpInstance, "", psa.Ref{}); err != nil {
		return psa.Instance{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.instance, nil
}

// ServerTime returns the vendor's clock.
func (p *Provider) ServerTime(ctx context.Context) (time.Time, error) {
	if err := p.call(ctx, OpServerTime, "", psa.Ref{}); err != nil {
		return time.Time{}, err
	}
	return p.Now(), nil
}

// Find yields the rows whose fields have exactly these values; references are
// compared by id.
func (p *Provider) Find(ctx context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		err := p.offers(OpFind, kind, psa.Query{})
		for name := range by {
			if err == nil && !slices.Contains(p.features[kind].Find, name) {
				err = p.fail(OpFind, kind, psa.Ref{}, &psa.Error{Code: psa.ErrUnsupported, Detail: "rows cannot be found by this name"})
			}
		}
		if err != nil {
			yield(psa.Record{}, err)
			return
		}
		l := listing{p: p, op: OpFind, kind: kind, fault: p.fault(OpFind, kind), yield: yield}
		l.pages(ctx, psa.Query{}, func(r *row) bool { return !r.hidden && hasValues(r.shown.Fields, by) })
		l.finish(ctx)
	}
}

func hasValues(f, by psa.Fields) bool {
	for name, want := range by {
		got, ok := f.Lookup(name)
		if ref, isRef := want.(psa.Fields); isRef {
			if ref.String("id") != f.Ref(name).ID {
				return false
			}
			continue
		}
		if want, err := psa.Canonical(want); !ok || err != nil || !psa.ValuesEqual(got, want) {
			return false
		}
	}
	return true
}

// Deletions yields what was removed or merged at or after a time.
func (p *Provider) Deletions(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	return func(yield func(psa.Deletion, error) bool) {
		err := p.offers(OpDeletions, kind, psa.Query{})
		if err == nil {
			err = p.call(ctx, OpDeletions, kind, psa.Ref{})
		}
		if err != nil {
			yield(psa.Deletion{}, err)
			return
		}
		p.mu.Lock()
		deleted := slices.Clone(p.deleted[kind])
		p.mu.Unlock()
		for _, d := range deleted {
			if !d.At.Before(since) && !yield(d, nil) {
				return
			}
		}
	}
}

// Bare returns p with the four methods of psa.Provider only, to test what
// happens without an extra.
func Bare(p psa.Provider) psa.Provider { return bare{p} }

type bare struct{ psa.Provider }
