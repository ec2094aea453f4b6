package psatest

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
)

// mutant is the in-memory provider with one thing broken. What is nil works.
type mutant struct {
	*Provider
	features     func(psa.Features) psa.Features
	list         func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows
	get          func(ctx context.Context, ref psa.Ref) (psa.Record, error)
	count        func(n int, err error) (int, error)
	find         func(ctx context.Context, kind psa.Kind, by psa.Fields) rows
	deletions    func(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error]
	check        func(psa.CheckReport, error) (psa.CheckReport, error)
	instance     func(psa.Instance) psa.Instance
	clock        func(time.Time) time.Time
	create       func(ctx context.Context, kind psa.Kind, f psa.Fields, n psa.Notify) (psa.Record, error)
	update       func(ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error)
	remove       func(ctx context.Context, ref psa.Ref) error
	canonicalise func(psa.Fields) psa.Fields
}

type (
	rows   = iter.Seq2[psa.Record, error]
	lister = func(ctx context.Context, kind psa.Kind, q psa.Query) rows
)

func (m *mutant) Features() psa.Features {
	if m.features == nil {
		return m.Provider.Features()
	}
	return m.features(m.Provider.Features())
}

func (m *mutant) List(ctx context.Context, kind psa.Kind, q psa.Query) rows {
	if m.list == nil {
		return m.Provider.List(ctx, kind, q)
	}
	return m.list(ctx, kind, q, m.Provider.List)
}

func (m *mutant) Get(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	if m.get == nil {
		return m.Provider.Get(ctx, ref)
	}
	return m.get(ctx, ref)
}

func (m *mutant) Count(ctx context.Context, kind psa.Kind, q psa.Query) (int, error) {
	n, err := m.Provider.Count(ctx, kind, q)
	if m.count != nil {
		return m.count(n, err)
	}
	return n, err
}

func (m *mutant) Find(ctx context.Context, kind psa.Kind, by psa.Fields) rows {
	if m.find == nil {
		return m.Provider.Find(ctx, kind, by)
	}
	return m.find(ctx, kind, by)
}

func (m *mutant) Deletions(ctx context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	if m.deletions == nil {
		return m.Provider.Deletions(ctx, kind, since)
	}
	return m.deletions(ctx, kind, since)
}

func (m *mutant) Check(ctx context.Context, kinds ...psa.Kind) (psa.CheckReport, error) {
	r, err := m.Provider.Check(ctx, kinds...)
	if m.check != nil {
		return m.check(r, err)
	}
	return r, err
}

func (m *mutant) Instance(ctx context.Context) (psa.Instance, error) {
	i, err := m.Provider.Instance(ctx)
	if m.instance != nil && err == nil {
		i = m.instance(i)
	}
	return i, err
}

func (m *mutant) ServerTime(ctx context.Context) (time.Time, error) {
	t, err := m.Provider.ServerTime(ctx)
	if m.clock != nil && err == nil {
		t = m.clock(t)
	}
	return t, err
}

func (m *mutant) Create(ctx context.Context, kind psa.Kind, f psa.Fields, n psa.Notify) (psa.Record, error) {
	if m.create == nil {
		return m.Provider.Create(ctx, kind, f, n)
	}
	return m.create(ctx, kind, f, n)
}

func (m *mutant) Update(ctx context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
	if m.update == nil {
		return m.Provider.Update(ctx, ref, p)
	}
	return m.update(ctx, ref, p)
}

func (m *mutant) Delete(ctx context.Context, ref psa.Ref) error {
	if m.remove == nil {
		return m.Provider.Delete(ctx, ref)
	}
	return m.remove(ctx, ref)
}

func (m *mutant) Canonicalise(kind psa.Kind, f psa.Fields) (psa.Fields, error) {
	c, err := m.Provider.Canonicalise(kind, f)
	if m.canonicalise != nil && err == nil {
		c = m.canonicalise(c)
	}
	return c, err
}

// eachRow changes the rows of every list; f returns false to leave one out.
func eachRow(f func(q psa.Query, r *psa.Record) bool) func(*mutant) {
	return func(m *mutant) {
		m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
			return func(yield func(psa.Record, error) bool) {
				for r, err := range next(ctx, kind, q) {
					if err == nil && !f(q, &r) {
						continue
					}
					if !yield(r, err) {
						return
					}
				}
			}
		}
	}
}

// setField changes a field of every row that has it.
func setField(name string, v any) func(*mutant) {
	return eachRow(func(_ psa.Query, r *psa.Record) bool {
		if _, ok := r.Fields[name]; ok {
			r.Fields = r.Fields.Clone()
			r.Fields[name] = v
		}
		return true
	})
}

// query changes what is asked for.
func query(f func(*psa.Query)) func(*mutant) {
	return func(m *mutant) {
		m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
			f(&q)
			return next(ctx, kind, q)
		}
	}
}

// eachError changes every error of lists and of Get.
func eachError(f func(*psa.Error) error) func(*mutant) {
	change := func(err error) error {
		var e *psa.Error
		if !errors.As(err, &e) {
			return err
		}
		c := *e
		return f(&c)
	}
	return func(m *mutant) {
		m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
			return func(yield func(psa.Record, error) bool) {
				for r, err := range next(ctx, kind, q) {
					if err != nil {
						err = change(err)
					}
					if !yield(r, err) {
						return
					}
				}
			}
		}
		m.get = func(ctx context.Context, ref psa.Ref) (psa.Record, error) {
			r, err := m.Provider.Get(ctx, ref)
			if err != nil {
				err = change(err)
			}
			return r, err
		}
	}
}

// class gives every error another class.
func class(c error) func(*mutant) {
	return eachError(func(e *psa.Error) error {
		e.Code = c
		return e
	})
}

// noErrors lets lists end as if they were complete.
func noErrors(m *mutant) {
	m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
		return func(yield func(psa.Record, error) bool) {
			for r, err := range next(ctx, kind, q) {
				if err != nil || !yield(r, nil) {
					return
				}
			}
		}
	}
}

// feature changes what is said of a kind.
func feature(kind psa.Kind, f func(*psa.Feature)) func(*mutant) {
	return func(m *mutant) {
		m.features = func(all psa.Features) psa.Features {
			one := all[kind]
			f(&one)
			all[kind] = one
			return all
		}
	}
}

// behind changes the tenant before the provider is used.
func behind(f func(*Provider)) func(*mutant) {
	return func(m *mutant) { f(m.Provider) }
}

// observeMutant runs one case against a mutant of the tenant.
func observeMutant(t *testing.T, name string, tenant Tenant, breakIt func(*mutant)) []failure {
	t.Helper()
	for _, c := range cases() {
		if c.name == name {
			return Harness{Open: func(testing.TB) *World {
				w := memory(tenant.WithPageSize(5))
				m := &mutant{Provider: w.Provider.(*Provider)}
				breakIt(m)
				w.Provider = m
				return w
			}}.observe(t, c)
		}
	}
	t.Fatalf("no case %s", name)
	return nil
}
