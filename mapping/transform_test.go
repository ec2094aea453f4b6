package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

// step builds a transform as a map would.
func step(t testing.TB, src string) Transform {
	t.Helper()
	m, err := Parse("t", []byte("version: 1\nkinds: {ticket: {fields: {summary: {app: x, transform: "+src+"}}}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m.kinds[0].rules[0].steps[0]
}

func number6() *rapid.Generator[any] {
	return rapid.Map(rapid.Int64Range(-1e12, 1e12), func(n int64) any {
		v, _ := psa.Canonical(json.Number(fmt.Sprintf("%d.%06d", n/1e6, max(n, -n)%1e6)))
		return v
	})
}

func anyTime() *rapid.Generator[any] {
	return rapid.Map(rapid.Int64Range(-2e9, 4e9), func(s int64) any { return psa.FormatTime(time.Unix(s, s%1e9&^0xff)) })
}

func wholeSeconds() *rapid.Generator[any] {
	return rapid.Map(rapid.Int64Range(-2e9, 4e9), func(s int64) any { return psa.FormatTime(time.Unix(s, 0)) })
}

// There and back is the identity, on the whole domain where nothing is lost and
// on the rest of it where something is.
func TestTransformsGoBack(t *testing.T) {
	texts := rapid.Map(rapid.String(), func(s string) any { return s })
	tests := []struct {
		src    string
		left   *rapid.Generator[any]
		domain string
	}{
		{"hours_to_minutes", number6(), "up to 6 decimals"},
		{"minutes_to_hours", number6(), "up to 6 decimals"},
		{"hours_to_seconds", number6(), "up to 6 decimals"},
		{"seconds_to_hours", number6(), "up to 6 decimals"},
		{"{scale: 0.5}", number6(), "up to 6 decimals"},
		{"not", rapid.Map(rapid.Bool(), func(b bool) any { return b }), ""},
		{"{bool: {true: \"Yes\", false: \"No\"}}", rapid.Map(rapid.Bool(), func(b bool) any { return b }), ""},
		{"{bool: {true: 1, false: 0}}", rapid.Map(rapid.Bool(), func(b bool) any { return b }), ""},
		{"number_to_text", number6(), ""},
		{"text_to_number", rapid.Map(number6(), func(v any) any { return string(v.(json.Number)) }), "canonical numbers"},
		{"{zone: Europe/Berlin}", anyTime(), ""},
		{"{zone: Australia/Lord_Howe}", anyTime(), ""},
		{"epoch_seconds", wholeSeconds(), "whole seconds"},
		{"epoch_millis", wholeSeconds(), "whole milliseconds"},
		{"date", rapid.Map(rapid.Int64Range(0, 40000), func(d int64) any { return psa.FormatTime(time.Unix(d*86400, 0)) }), "midnights"},
		{"{prefix: \"CW-\"}", texts, ""},
		{"{join: \"; \"}", rapid.Map(rapid.SliceOf(rapid.StringMatching(`[a-z]{1,5}( [a-z]{1,5})?`)), func(l []string) any { v, _ := psa.Canonical(l); return v }), "elements without the separator"},
		{"{split: \",\"}", rapid.Map(rapid.SliceOf(rapid.StringMatching(`[a-z]{1,5}`)), func(l []string) any { return strings.Join(l, ",") }), "no space, no empty element"},
		{"trim", rapid.Map(rapid.String(), func(s string) any { return strings.TrimSpace(s) }), "trimmed"},
		{"lower", rapid.Map(rapid.StringMatching(`[a-z0-9 ]*`), func(s string) any { return s }), "lower case"},
		{"upper", rapid.Map(rapid.StringMatching(`[A-Z0-9 ]*`), func(s string) any { return s }), "upper case"},
		{"{truncate: 20}", rapid.Map(rapid.StringN(0, 20, -1), func(s string) any { return s }), "short texts"},
	}
	covered := []string{"template"}
	for _, tt := range tests {
		covered = append(covered, strings.Trim(strings.SplitN(tt.src, ":", 2)[0], "{}"))
		t.Run(tt.src, func(t *testing.T) {
			s := step(t, tt.src)
			if (tt.domain == "") != (s.Lossy == "") {
				t.Errorf("declared lossy: %q, tested on: %q", s.Lossy, tt.domain)
			}
			rapid.Check(t, func(t *rapid.T) {
				v := tt.left.Draw(t, "left")
				w, err := s.Forward(v)
				if err != nil {
					t.Fatalf("forward %v: %v", v, err)
				}
				if c, err := psa.Canonical(w); err != nil || !psa.ValuesEqual(c, w) {
					t.Fatalf("%v became %v, which is not canonical", v, w)
				}
				back, err := s.Inverse(w)
				if err != nil || !psa.ValuesEqual(back, v) {
					t.Fatalf("%v became %v and came back %v (%v)", v, w, back, err)
				}
			})
		})
	}
	slices.Sort(covered)
	for _, n := range TransformNames() {
		if !slices.Contains(covered, n) {
			t.Errorf("%s has no test", n)
		}
	}
}

// No transform panics on what it does not take, either way.
func TestTransformsTakeAnything(t *testing.T) {
	anything := rapid.SampledFrom([]any{true, "", "x", "2026-13-45", json.Number("1e5"), json.Number("1"), json.Number("99999999999999999999"), []any{}, []any{"a", json.Number("1")}, []any{"a,b"}, psa.Fields{}, "2026-03-01"})
	for _, src := range []string{"hours_to_minutes", "{scale: 3}", "trim", "lower", "not", "{bool: {true: a, false: b}}", "number_to_text", "text_to_number", "date", "{zone: Asia/Tokyo}",
		"epoch_seconds", "epoch_millis", "{split: \",\"}", "{join: \",\"}", "{prefix: a}", "{truncate: 3}"} {
		s := step(t, src)
		rapid.Check(t, func(t *rapid.T) {
			v := anything.Draw(t, "value")
			for _, do := range []func(any) (any, error){s.Forward, s.Inverse} {
				if w, err := do(v); err == nil && w == nil {
					t.Fatalf("%s of %v is nil without an error", src, v)
				}
			}
		})
	}
}

func TestTransformArguments(t *testing.T) {
	for src, want := range map[string]string{
		"{trim: 5}": "takes no argument", "scale": "needs a number", "{scale: 0}": "other than 0", "{bool: {true: a}}": "needs both values",
		"{bool: {true: a, false: a}}": "two different", "{zone: Local}": "knows no zone", "{split: \"\"}": "needs a separator", "{join: 5}": "needs a separator",
		"{prefix: \"\"}": "needs a text", "{truncate: 0}": "needs a length", "{truncate: 1.5}": "needs a length", "{template: x}": "names no field",
		"{template: \"{a\"}": "encloses no field", "5": "write its name", "[]": "",
	} {
		_, err := Parse("t", []byte("version: 1\nkinds: {ticket: {fields: {summary: {app: x, direction: to_right, transform: "+src+"}}}}\n"), nil)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", src, err, want)
		}
	}
}
