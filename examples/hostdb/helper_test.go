package hostdb_test

import (
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
)

var morning = time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)

// clock is the time at the host; it moves when it is told to.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// at gives the host a clock that stands.
func at(now time.Time) (*clock, *hostdb.Options) {
	c := &clock{now}
	return c, &hostdb.Options{Now: c.Now, PageSize: 2}
}

func (h *host) create(kind psa.Kind, fields psa.Fields) psa.Record {
	h.t.Helper()
	r, err := h.p.Create(h.t.Context(), kind, fields, psa.NotifyNone)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *host) update(ref psa.Ref, set psa.Fields) psa.Record {
	h.t.Helper()
	r, err := h.p.Update(h.t.Context(), ref, psa.Patch{Set: set})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *host) get(ref psa.Ref) psa.Record {
	h.t.Helper()
	r, err := h.p.Get(h.t.Context(), ref)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *host) list(kind psa.Kind, q psa.Query) []psa.Record {
	h.t.Helper()
	return all(h.t, h.p.List(h.t.Context(), kind, q))
}

func all[T any](t testing.TB, list iter.Seq2[T, error]) (rows []T) {
	t.Helper()
	for r, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// is fails the test unless err is of a class.
func is(t testing.TB, what string, err, class error) {
	t.Helper()
	if !errors.Is(err, class) {
		t.Errorf("%s: %v, want %v", what, err, class)
	}
}

func to(kind psa.Kind, id string) psa.Ref { return psa.Ref{Kind: kind, ID: id} }

func refTo(id string) psa.Fields { return psa.Fields{"id": id} }

// samples make a row of each kind that can be created.
func samples() map[psa.Kind]psa.Fields {
	return map[psa.Kind]psa.Fields{
		psa.KindCompany:   {"name": "Fjord Cycles"},
		psa.KindSite:      {"name": "Depot", "company": refTo("1")},
		psa.KindContact:   {"first_name": "Sam", "company": refTo("1")},
		psa.KindTicket:    {"summary": "Scanner offline", "company": refTo("1")},
		psa.KindNote:      {"ticket": refTo("1"), "text": "On my way."},
		psa.KindTimeEntry: {"ticket": refTo("1"), "member": refTo("1"), "start_at": "2026-03-02T09:00:00Z", "hours": 0.5},
	}
}
