package mapping

import (
	"encoding/json"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// The quick way and package big agree, wherever there is a quick way.
func TestScaleQuickly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.StringMatching(`-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,14})?`).Draw(t, "n")
		num := rapid.Int64Range(-12_000, 12_000).Draw(t, "num")
		den := rapid.Int64Range(1, 12_000).Draw(t, "den")
		digits := rapid.SampledFrom([]int{6, 12}).Draw(t, "digits")
		got, ok := scaleQuickly(n, num, den, digits)
		if !ok {
			return
		}
		r, _ := new(big.Rat).SetString(n)
		if want := decimal(r.Mul(r, big.NewRat(num, den)), digits); got != want {
			t.Fatalf("%s * %d / %d in %d decimals: %s, want %s", n, num, den, digits, got, want)
		}
	})
	for _, tt := range []struct {
		n        string
		num, den int64
		want     json.Number
	}{
		{"1.5", 60, 1, "90"}, {"0.25", 3600, 1, "900"}, {"90", 1, 60, "1.5"}, {"15", 1, 60, "0.25"}, {"-3", 1, 60, "-0.05"}, {"-0.0", 60, 1, "0"},
	} {
		if got, ok := scaleQuickly(tt.n, tt.num, tt.den, 6); !ok || got != tt.want {
			t.Errorf("%s * %d / %d: %q %v, want %s", tt.n, tt.num, tt.den, got, ok, tt.want)
		}
	}
	for _, n := range []string{"", "-", ".", "1.", ".5", "1e3", "20", "12345678901234567890", "0x10", "1_0"} {
		if got, ok := scaleQuickly(n, 1, 60, 12); ok {
			t.Errorf("%q: %s, want no quick way", n, got)
		}
	}
}
