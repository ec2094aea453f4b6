package psa_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/psasync/psasync/psa"
)

func TestEveryKindHasASchema(t *testing.T) {
	for _, k := range append(psa.ConfigKinds(), psa.RecordKinds()...) {
		fields := psa.Schema(k)
		if len(fields) == 0 {
			t.Errorf("%s: no schema", k)
		}
		seen := map[string]bool{}
		for _, f := range fields {
			if seen[f.Name] {
				t.Errorf("%s: field %s twice", k, f.Name)
			}
			seen[f.Name] = true
			if f.Kind != "" && !f.Kind.Valid() {
				t.Errorf("%s.%s points at unknown kind %q", k, f.Name, f.Kind)
			}
			if (f.Type == psa.TypeRef || f.Type == psa.TypeRefs) && f.Kind == "" {
				t.Errorf("%s.%s is a reference to no kind", k, f.Name)
			}
		}
	}
}

func TestBillingClassHoldsWhatPhasesShift(t *testing.T) {
	want := map[psa.Kind][]string{
		psa.KindTicket:    {"agreement", "work_type", "work_role", "po_number"},
		psa.KindTimeEntry: {"billable", "work_type", "work_role", "agreement"},
		psa.KindCompany:   {"account_number"},
	}
	for kind, names := range want {
		var got []string
		for _, f := range psa.Schema(kind) {
			if f.Class == psa.ClassBilling {
				got = append(got, f.Name)
			}
		}
		if d := cmp.Diff(names, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", kind, d)
		}
	}
}

func TestCanonicalNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1", "1.0": "1", "-0": "0", "0.50": "0.5", "1e3": "1000", "1.5e-3": "0.0015", "-12.250": "-12.25", "0": "0",
	} {
		got, err := psa.Canonical(json.Number(in))
		if err != nil || got != json.Number(want) {
			t.Errorf("Canonical(%s) = %v, %v; want %s", in, got, err, want)
		}
	}
	for _, bad := range []any{json.Number("1e999999999"), json.Number("NaN"), json.Number(""), json.Number("1/3"), json.Number("0x1p-2"), math.NaN(), math.Inf(1), struct{}{}} {
		if got, err := psa.Canonical(bad); err == nil {
			t.Errorf("Canonical(%v) = %v, want an error", bad, got)
		}
	}
}

// Fields survive a store: what goes through JSON comes back equal, and
// canonical form is a fixed point.
func TestFieldsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fieldsGen(3).Draw(t, "fields")
		c, err := psa.Canonical(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back psa.Fields
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if !back.Equal(c.(psa.Fields)) {
			t.Fatalf("after a store: %s", cmp.Diff(c, back))
		}
		again, err := psa.Canonical(back)
		if err != nil || !psa.ValuesEqual(again, back) {
			t.Fatalf("canonical twice differs: %v", err)
		}
		if clone := back.Clone(); !clone.Equal(back) {
			t.Fatal("clone differs")
		}
	})
}

func fieldsGen(depth int) *rapid.Generator[psa.Fields] {
	return rapid.Custom(func(t *rapid.T) psa.Fields {
		f := psa.Fields{}
		for i := range rapid.IntRange(0, 4).Draw(t, "n") {
			f[fmt.Sprintf("f%d", i)] = valueGen(depth).Draw(t, "v")
		}
		return f
	})
}

func valueGen(depth int) *rapid.Generator[any] {
	gens := []*rapid.Generator[any]{
		rapid.Just(any(nil)),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.String(), func(s string) any { return string([]rune(s)) }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(n float64) any { return n }),
	}
	if depth > 0 {
		gens = append(gens,
			rapid.Map(fieldsGen(depth-1), func(f psa.Fields) any { return f }),
			rapid.Map(rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return valueGen(depth - 1) }), 0, 3), func(l []any) any { return l }))
	}
	return rapid.OneOf(gens...)
}

func TestLookup(t *testing.T) {
	f := psa.Fields{"a": psa.Fields{"b": nil, "c": "x"}, "n": nil}
	for path, want := range map[string]struct {
		v  any
		ok bool
	}{"a.c": {"x", true}, "a.b": {nil, true}, "a.z": {nil, false}, "n": {nil, true}, "n.x": {nil, false}, "a.c.d": {nil, false}} {
		if v, ok := f.Lookup(path); v != want.v || ok != want.ok {
			t.Errorf("Lookup(%q) = %v, %v", path, v, ok)
		}
	}
}

func TestAs(t *testing.T) {
	r := psa.Record{
		Ref:    psa.Ref{Kind: psa.KindTimeEntry, ID: "9"},
		Active: true,
		Fields: psa.Fields{
			"ticket":   psa.Reference{ID: "48", Name: "Wi-Fi"}.Fields(),
			"start_at": "2026-06-09T09:00:00Z",
			"hours":    json.Number("0.5"),
			"locked":   true,
			"custom":   psa.Fields{"16": "Blue"},
			"billable": nil,
		},
	}
	got, err := psa.As[psa.TimeEntry](r)
	if err != nil {
		t.Fatal(err)
	}
	half := 0.5
	want := psa.TimeEntry{
		Row:    psa.Row{Ref: r.Ref, Active: true},
		Ticket: psa.Reference{ID: "48", Name: "Wi-Fi"},
		Start:  time.Date(2026, 6, 9, 9, 0, 0, 0, time.UTC),
		Hours:  &half, Locked: true,
		Custom: psa.Fields{"16": "Blue"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if _, err := psa.As[psa.Ticket](r); !errors.Is(err, psa.ErrData) {
		t.Errorf("wrong view: %v", err)
	}
	r.Fields = psa.Fields{"hours": "half"}
	if _, err := psa.As[psa.TimeEntry](r); !errors.Is(err, psa.ErrData) {
		t.Errorf("wrong type: %v", err)
	}
}

func TestRefRoundTrip(t *testing.T) {
	for _, r := range []psa.Ref{{}, {Kind: psa.KindBoard, ID: "12"}, {Kind: psa.KindSite, ID: "250/28"}} {
		got, err := psa.ParseRef(r.String())
		if err != nil || got != r {
			t.Errorf("ParseRef(%q) = %v, %v", r, got, err)
		}
	}
	for _, bad := range []string{"board", "board/", "nothing/1", "/1"} {
		if _, err := psa.ParseRef(bad); err == nil {
			t.Errorf("ParseRef(%q): no error", bad)
		}
	}
}

func TestErrorClassesHaveAdvice(t *testing.T) {
	for _, c := range []error{
		psa.ErrAuth, psa.ErrDenied, psa.ErrNotFound, psa.ErrInvalid, psa.ErrConflict, psa.ErrRateLimited,
		psa.ErrTimeout, psa.ErrUnavailable, psa.ErrUnsupported, psa.ErrOtherInstance, psa.ErrData,
	} {
		err := fmt.Errorf("wrapped: %w", &psa.Error{Provider: "x", Op: "list", Code: c, RetryAfter: time.Minute})
		if psa.ErrorClass(err) != c {
			t.Errorf("%v: class %v", c, psa.ErrorClass(err))
		}
		if psa.Advice(err) == "" {
			t.Errorf("%v: no advice", c)
		}
		if psa.RetryAfter(err) != time.Minute {
			t.Errorf("%v: RetryAfter lost", c)
		}
	}
}
