package mapping

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

// The short cuts of number and parseTime say what the long way says.
func TestNumbersAreCanonical(t *testing.T) {
	gen := rapid.OneOf(rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?`),
		rapid.SampledFrom([]string{"0", "-0", "-0.0", "10", "-10", "1.0", "0.10", "-0.5", "1e2", "100.001", "0.000"}))
	rapid.Check(t, func(t *rapid.T) {
		raw := gen.Draw(t, "number")
		got, err := number([]byte(raw))
		want, wantErr := psa.Canonical(json.Number(raw))
		if (err == nil) != (wantErr == nil) || err == nil && got != want {
			t.Fatalf("%s: got %s, %v; want %v, %v", raw, got, err, want, wantErr)
		}
	})
}

func TestTimesAgreeWithTime(t *testing.T) {
	gen := rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`)
	rapid.Check(t, func(t *rapid.T) {
		s := gen.Draw(t, "time")
		got, msg := parseTime(s, false)
		want, err := time.Parse(time.RFC3339Nano, s)
		if (msg == "") != (err == nil) || err == nil && !got.Equal(want) {
			t.Fatalf("%s: got %s, %q; want %s, %v", s, got, msg, want, err)
		}
	})
}

func TestTimesOfVendors(t *testing.T) {
	for in, want := range map[string]string{
		"2012-10-24T05:00:00.000Z": "2012-10-24T05:00:00Z", "2018-01-23T11:00:00.00Z": "2018-01-23T11:00:00Z",
		"2030-03-21T00:00:00": "2030-03-21T00:00:00Z", "2026-10-03T00:12:10.797": "2026-10-03T00:12:10.797Z",
		"2026-10-03T06:03:44.3812345678": "2026-10-03T06:03:44.381234567Z", "2026-03-01": "2026-03-01T00:00:00Z",
		"2026-03-01 08:00:00": "2026-03-01T08:00:00Z", "2026-03-01T08:00:00+0530": "2026-03-01T02:30:00Z", "1980-12-31T23:59:59": "none", "": "none",
		"1981-01-01T00:00:00": "1981-01-01T00:00:00Z",
	} {
		got, err := toTime(in, psa.TypeTime, times{utc: true, emptyBefore: 1981})
		if got == nil {
			got = "none"
		}
		if err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"2026-03-01T08:00:00", "2026-03-01"} {
		if _, err := toTime(in, psa.TypeTime, times{}); err == nil {
			t.Errorf("%q has no zone", in)
		}
	}
	for _, in := range []string{"2026-02-29", "2026-3-1", "26-03-01", "2026-03-01T24:00:00Z", "2026-03-01T08:00:00.Z", "2026-03-01T08:00:00 Z", "soon", "2026-03-01T08:00Z", "9999-12-31T23:59:59-01:00"} {
		if v, err := toTime(in, psa.TypeTime, times{utc: true}); err == nil {
			t.Errorf("%q is %v", in, v)
		}
	}
}
