package endtoend

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/psa"
)

// FuzzVendorRow answers a read of one ticket with any bytes, at each vendor.
// What comes out is a record or psa.ErrData and its like; what is a record
// keeps its id and survives the adapter's own canonical form.
func FuzzVendorRow(f *testing.F) {
	for _, s := range []string{
		`{"id":7,"summary":"x","board":{"id":12,"name":"Service Desk"},"status":{"id":550},"_info":{"lastUpdated":"2026-03-02T08:00:00Z"},"customFields":[{"id":1,"value":null}]}`,
		`{"item":{"id":7,"title":"x","ticketNumber":"T20260302.0001","status":1,"lastActivityDate":"2026-03-02T08:00:00.123Z","userDefinedFields":[{"name":"n","value":"v"}]}}`,
		`{"id":7,"summary":"x","status_id":1,"tickettype_id":1,"dateoccurred":"2026-03-02T08:00:00","lastactiondate":"1900-01-01T00:00:00","customfields":[{"id":1,"type":2,"value":"1,3"}]}`,
		`{"id":"7"}`, `{"id":7.5}`, `{"id":7,"id":8}`, `{"item":null}`, `{"items":[]}`, `[]`, `null`, `{}`, `""`, `<html>`, "\ufeff{\"id\":7}", `{"id":7,"board":[]}`, `{"id":7`,
	} {
		f.Add([]byte(s))
	}
	type desk struct {
		*bench
		find *canary.Scanner
	}
	var desks []desk
	for _, v := range psaVendors() {
		b := v.open(f)
		find, err := canary.New(valuesOf(b.sim)...)
		if err != nil {
			f.Fatal(err)
		}
		desks = append(desks, desk{b, find})
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range desks {
			// The time of a bubble costs nothing: budgets and repetitions wait.
			synctest.Test(t, func(t *testing.T) { readsAnything(t, d.bench, d.find, body) })
		}
	})
}

func readsAnything(t *testing.T, d *bench, find *canary.Scanner, body []byte) {
	d.sim.Heal()
	d.sim.ClearCounters()
	p := d.open()
	if _, err := p.Get(t.Context(), psa.Ref{Kind: psa.KindTicket, ID: "7"}); !errors.Is(err, psa.ErrNotFound) {
		t.Fatal(err) // of a provider that has asked by now what it asks first
	}
	d.sim.Fail(fault{Count: -1, Status: http.StatusOK, Body: string(body), Header: map[string]string{"Content-Type": "application/json"}})
	r, err := p.Get(t.Context(), psa.Ref{Kind: psa.KindTicket, ID: "7"})
	if hits := find.Scan(fmt.Appendf(nil, "%v %+v %v %v", r, r.Fields, r.Err, err)); len(hits) > 0 && len(find.Scan(body)) == 0 {
		t.Errorf("%s: %v", d.name, hits)
	}
	if err != nil {
		if psa.ErrorClass(err) == nil || errors.Is(err, psa.ErrAuth) {
			t.Errorf("%s: %v", d.name, err)
		}
		if s := err.Error(); len(s) > 4096 || strings.Contains(s, "\n\n\n") {
			t.Errorf("%s: a long error: %.200s", d.name, s)
		}
		return
	}
	if r.Err != nil {
		return
	}
	if r.ID != "7" || r.Kind != psa.KindTicket || r.Fields == nil {
		t.Errorf("%s: %+v", d.name, r.Ref)
	}
	once, err := psa.Canonicalise(p, r.Kind, r.Fields)
	if err != nil {
		return // a value that the vendor would not take
	}
	if twice, err := psa.Canonicalise(p, r.Kind, once); err != nil || !twice.Equal(once) {
		t.Errorf("%s: canonical form of %v: %v (%v)", d.name, once, twice, err)
	}
}
