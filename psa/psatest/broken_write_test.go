package psatest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/psasync/psasync/psa"
)

func brokenWriters() map[string][]broken {
	creating := func(f func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error)) func(*mutant) {
		return func(m *mutant) {
			m.create = func(ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
				return f(m, ctx, kind, fields, n)
			}
		}
	}
	updating := func(f func(m *mutant, ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error)) func(*mutant) {
		return func(m *mutant) {
			m.update = func(ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) { return f(m, ctx, ref, p) }
		}
	}
	lenient := creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
		r, err := m.Provider.Create(ctx, kind, fields, n)
		if errors.Is(err, psa.ErrInvalid) {
			ref := m.Put(Row(kind, "", fields))[0]
			return m.Provider.Get(ctx, ref)
		}
		return r, err
	})
	return map[string][]broken{
		"write/create": {
			{what: "creates two", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
				if _, err := m.Provider.Create(ctx, kind, fields, n); err != nil {
					return psa.Record{}, err
				}
				return m.Provider.Create(ctx, kind, fields, n)
			})},
			{what: "creates none", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
				r, err := m.Provider.Create(ctx, kind, fields, n)
				m.Remove(r.Ref)
				return r, err
			})},
			{what: "returns what was sent", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
				r, err := m.Provider.Create(ctx, kind, fields, n)
				r.Fields = fields
				return r, err
			})},
			{what: "loses a field", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
				fields = fields.Clone()
				delete(fields, "site")
				delete(fields, "visibility")
				return m.Provider.Create(ctx, kind, fields, n)
			})},
		},
		"write/required": {{what: "lets it through", by: lenient}},
		"write/invalid": {
			{what: "lets it through", by: lenient},
			{what: "updates what it refuses", by: updating(func(m *mutant, ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
				r, err := m.Provider.Update(ctx, ref, p)
				if errors.Is(err, psa.ErrInvalid) {
					m.Edit(ref, psa.Fields{nameField(ref.Kind): "changed"})
				}
				return r, err
			})},
		},
		"write/marker": {{what: "drops it", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
			fields = fields.Clone()
			delete(fields, "external_ref")
			return m.Provider.Create(ctx, kind, fields, n)
		})}},
		"write/lost-reply": {
			{what: "repeats the call", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
				r, err := m.Provider.Create(ctx, kind, fields, n)
				if psa.Temporary(err) {
					return m.Provider.Create(ctx, kind, fields, n)
				}
				return r, err
			})},
			{what: "calls it invalid", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
				r, err := m.Provider.Create(ctx, kind, fields, n)
				if err != nil {
					err = m.fail(OpCreate, kind, psa.Ref{}, psa.ErrInvalid)
				}
				return r, err
			})},
		},
		"write/concurrency": {{what: "one for all", by: func(m *mutant) {
			var mu sync.Mutex
			var only psa.Record
			m.create = func(ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (r psa.Record, err error) {
				mu.Lock()
				defer mu.Unlock()
				if only.ID == "" {
					only, err = m.Provider.Create(ctx, kind, fields, n)
				}
				return only, err
			}
		}}},
		"write/patch": {
			{what: "writes the whole record", by: func(m *mutant) {
				seen := map[psa.Ref]psa.Fields{}
				m.update = func(ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
					whole := psa.Fields{}
					for name, v := range seen[ref] {
						if f, ok := psa.FieldOf(ref.Kind, name); ok && !f.ReadOnly {
							whole[name] = v
						}
					}
					merge(whole, p.Set)
					p.Set = whole
					r, err := m.Provider.Update(ctx, ref, p)
					seen[ref] = r.Fields
					return r, err
				}
			}},
			{what: "drops what is not named", by: updating(func(m *mutant, ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
				p.Set = p.Set.Clone()
				p.Set["external_ref"], p.Set["phone"], p.Set["owner"] = nil, nil, nil
				for name := range p.Set {
					if _, ok := psa.FieldOf(ref.Kind, name); !ok {
						delete(p.Set, name)
					}
				}
				return m.Provider.Update(ctx, ref, p)
			})},
			{what: "writes nothing", by: updating(func(m *mutant, ctx context.Context, ref psa.Ref, _ psa.Patch) (psa.Record, error) {
				return m.Provider.Get(ctx, ref)
			})},
		},
		"write/clear": {{what: "takes nil for absent", by: updating(func(m *mutant, ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
			set := psa.Fields{}
			for name, v := range p.Set {
				if v != nil {
					set[name] = v
				}
			}
			p.Set = set
			return m.Provider.Update(ctx, ref, p)
		})}},
		"write/version": {{what: "ignores it", by: updating(func(m *mutant, ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
			p.IfVersion = ""
			return m.Provider.Update(ctx, ref, p)
		})}},
		"write/missing": {{what: "deletes what is not there", by: func(m *mutant) {
			m.remove = func(ctx context.Context, ref psa.Ref) error {
				if err := m.Provider.Delete(ctx, ref); !errors.Is(err, psa.ErrNotFound) {
					return err
				}
				return nil
			}
		}}, {what: "creates what it updates", by: updating(func(m *mutant, ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
			r, err := m.Provider.Update(ctx, ref, p)
			if errors.Is(err, psa.ErrNotFound) {
				return m.Provider.Create(ctx, ref.Kind, p.Set, p.Notify)
			}
			return r, err
		})}},
		"write/delete": {
			{what: "does nothing", by: func(m *mutant) { m.remove = func(context.Context, psa.Ref) error { return nil } }},
			{what: "deletes instead of deactivating", by: func(m *mutant) {
				m.remove = func(_ context.Context, ref psa.Ref) error {
					m.Remove(ref)
					return nil
				}
			}},
		},
		"write/deletions": {{what: "tells none", by: func(m *mutant) { m.deletions = noDeletions }}},
		"write/canonical": {
			{what: "never at rest", by: func(m *mutant) {
				m.canonicalise = func(f psa.Fields) psa.Fields {
					for name, v := range f {
						if s, ok := v.(string); ok {
							f[name] = s + "."
						}
					}
					return f
				}
			}},
			{what: "tells what was sent", by: func(m *mutant) {
				m.canonicalise = func(f psa.Fields) psa.Fields {
					for name := range f {
						if name == "summary" || name == "name" {
							f[name] = "something else"
						}
					}
					return f
				}
			}},
		},
		"write/cancelled": {
			{what: "creates anyway", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, n psa.Notify) (psa.Record, error) {
				r, err := m.Provider.Create(context.WithoutCancel(ctx), kind, fields, n)
				if err == nil {
					err = ctx.Err()
				}
				return r, err
			})},
			{what: "updates anyway", by: updating(func(m *mutant, ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
				return m.Provider.Update(context.WithoutCancel(ctx), ref, p)
			})},
		},
		"write/mail": {
			{what: "tells the contact", by: creating(func(m *mutant, ctx context.Context, kind psa.Kind, fields psa.Fields, _ psa.Notify) (psa.Record, error) {
				return m.Provider.Create(ctx, kind, fields, psa.NotifyContact)
			})},
			{what: "claims to control it", shape: Flat, by: feature(psa.KindTicket, func(f *psa.Feature) { f.Mail = psa.MailControlled })},
		},
	}
}

// Every case fails for each provider that breaks its rule.
func TestBrokenProvidersFail(t *testing.T) {
	all := brokenReaders()
	for _, more := range []map[string][]broken{brokenRows(), brokenWriters()} {
		for name, list := range more {
			all[name] = append(all[name], list...)
		}
	}
	for _, c := range cases() {
		list := all[c.name]
		if len(list) == 0 {
			t.Errorf("%s: no broken provider fails it", c.name)
		}
		delete(all, c.name)
		for _, b := range list {
			t.Run(c.name+"/"+b.what, func(t *testing.T) {
				shape := b.shape
				if shape == nil {
					shape = Boards
				}
				found := observeMutant(t, c.name, shape(), b.by)
				if len(found) == 0 {
					t.Error("the case passes")
				}
				for _, f := range found {
					if strings.HasPrefix(f.text, "panic:") {
						t.Error(f)
					}
				}
			})
		}
	}
	for name := range all {
		t.Errorf("there is no case %s", name)
	}
}
