package psatest

import (
	"maps"
	"slices"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Tenant is what a [Provider] starts from. [Boards], [Flat] and [Types]
// return small realistic ones; change the value before [NewProvider] to get
// another shape.
type Tenant struct {
	Name     string       // of the provider; "" is "memory"
	Instance psa.Instance // the account; zero is {ID: Name}
	Features psa.Features
	Rows     []psa.Record

	// Deny names fields, at any depth, that never leave the tenant, and
	// Canaries the values planted there.
	Deny     []string
	Canaries []string

	// Lengths is how many characters a field holds, by "kind.field"; longer
	// text is cut. 0 is no limit.
	Lengths map[string]int

	// Start is the vendor's clock at first. The clock stands still but for
	// [Provider.Advance]. Zero is 2026-03-02 08:00 UTC.
	Start time.Time
	// Clock, if set, is asked for the time instead, e.g. time.Now in a
	// testing/synctest bubble.
	Clock func() time.Time
}

// WithPageSize returns the tenant with pages of n rows for every kind.
func (t Tenant) WithPageSize(n int) Tenant {
	t.Features = maps.Clone(t.Features)
	for k, f := range t.Features {
		f.PageSize = n
		t.Features[k] = f
	}
	return t
}

// With returns the tenant with another Feature for a kind.
func (t Tenant) With(kind psa.Kind, f psa.Feature) Tenant {
	t.Features = maps.Clone(t.Features)
	if t.Features == nil {
		t.Features = psa.Features{}
	}
	t.Features[kind] = f
	return t
}

// Only returns the tenant with the features and rows of these kinds.
func (t Tenant) Only(kinds ...psa.Kind) Tenant {
	t.Features = maps.Clone(t.Features)
	maps.DeleteFunc(t.Features, func(k psa.Kind, _ psa.Feature) bool { return !slices.Contains(kinds, k) })
	t.Rows = slices.DeleteFunc(slices.Clone(t.Rows), func(r psa.Record) bool { return !slices.Contains(kinds, r.Kind) })
	return t
}

// Empty returns the tenant without rows.
func (t Tenant) Empty() Tenant {
	t.Rows = nil
	return t
}

// Row returns an active row. Values are brought into canonical form by
// [Provider.Put]; the parent is taken from the field named like the parent's
// kind.
func Row(kind psa.Kind, id string, fields psa.Fields) psa.Record {
	return psa.Record{Ref: psa.Ref{Kind: kind, ID: id}, Active: true, Fields: fields}
}

// Inactive is [Row] for an inactive row.
func Inactive(kind psa.Kind, id string, fields psa.Fields) psa.Record {
	r := Row(kind, id, fields)
	r.Active = false
	return r
}

// RefTo returns a reference as it stands in Fields.
func RefTo(id, name string) psa.Fields { return psa.Reference{ID: id, Name: name}.Fields() }
