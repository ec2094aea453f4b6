package bridge

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// A pretender is a system as a dry run sees it: what the run would have written
// is there, and nothing reaches the system itself but questions.
type pretender struct {
	psa.Provider
	rows map[psa.Ref]psa.Record // as they would be
	gone map[psa.Ref]bool       // would be deleted
}

func newPretender(p psa.Provider) *pretender {
	return &pretender{p, map[psa.Ref]psa.Record{}, map[psa.Ref]bool{}}
}

// pretend notes what a side would hold after a write of a dry run.
func (r *run) pretend(s Side, rec psa.Record) {
	rec.Raw, rec.Hash, rec.Version = nil, psa.Hash{}, ""
	r.sides[s].Provider.(*pretender).rows[rec.Ref] = rec
}

// made reports whether an id is one of a record that a dry run would create.
func made(id string) bool { return strings.HasPrefix(id, dryID) }

func (p *pretender) missing(op string, ref psa.Ref) error {
	return &psa.Error{Provider: p.Name(), Op: op, Ref: ref, Code: psa.ErrNotFound}
}

func (p *pretender) Get(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	if rec, ok := p.rows[ref]; ok {
		return rec, nil
	}
	if p.gone[ref] || made(ref.ID) {
		return psa.Record{}, p.missing("get", ref)
	}
	return p.Provider.Get(ctx, ref)
}

// List yields what is there, as it would be: with the rows that would have
// changed a moment ago. Those that would be created are left out, since nobody
// knows what the system would add to them; a run knows their links.
func (p *pretender) List(ctx context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	if made(q.Parent.ID) {
		return func(func(psa.Record, error) bool) {}
	}
	return func(yield func(psa.Record, error) bool) {
		told := map[string]bool{}
		for rec, err := range p.shown(p.Provider.List(ctx, kind, q)) {
			told[rec.ID] = told[rec.ID] || p.changed(rec.Ref)
			if !yield(rec, err) || err != nil {
				return
			}
		}
		for _, rec := range p.late(kind, q, told) {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func (p *pretender) changed(ref psa.Ref) bool { _, ok := p.rows[ref]; return ok }

// late are the rows that a list by time lacks, and would hold.
func (p *pretender) late(kind psa.Kind, q psa.Query, told map[string]bool) []psa.Record {
	var out []psa.Record
	for ref, rec := range p.rows {
		if ref.Kind != kind || made(ref.ID) || told[ref.ID] || !q.Parent.IsZero() && rec.Parent != q.Parent {
			continue
		}
		in := true
		for field, ids := range q.Scope {
			in = in && slices.Contains(ids, rec.Fields.Ref(field).ID)
		}
		if in {
			out = append(out, rec)
		}
	}
	slices.SortFunc(out, func(a, b psa.Record) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func (p *pretender) shown(list iter.Seq2[psa.Record, error]) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		for rec, err := range list {
			if p.gone[rec.Ref] {
				continue
			}
			if now, ok := p.rows[rec.Ref]; ok {
				rec = now
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func (p *pretender) Find(ctx context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	for _, v := range by {
		if f, ok := v.(psa.Fields); ok && made(f.String("id")) {
			return func(func(psa.Record, error) bool) {}
		}
	}
	return p.shown(psa.Find(ctx, p.Provider, kind, by))
}

func (p *pretender) Delete(_ context.Context, ref psa.Ref) error {
	if p.gone[ref] {
		return p.missing("delete", ref)
	}
	p.gone[ref] = true
	delete(p.rows, ref)
	return nil
}

func (p *pretender) Deletions(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	return psa.Deletions(ctx, p.Provider, kind, since)
}

func (p *pretender) Instance(ctx context.Context) (psa.Instance, error) {
	return psa.InstanceOf(ctx, p.Provider)
}

func (p *pretender) ServerTime(ctx context.Context) (time.Time, error) {
	return psa.ServerTime(ctx, p.Provider)
}

func (p *pretender) Canonicalise(kind psa.Kind, fields psa.Fields) (psa.Fields, error) {
	return psa.Canonicalise(p.Provider, kind, fields)
}
