package benchmarks

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// minutes and hours convert without loss, for those who have no map.
func minutes(hours json.Number) json.Number { return scaled(hours, 60, 1, 6) }

func hours(minutes json.Number) json.Number { return scaled(minutes, 1, 60, 12) }

// scaled is n times num/den, rounded to so many decimals. Integers do where
// they are exact.
func scaled(n json.Number, num, den int64, decimals int) json.Number {
	whole, part, _ := strings.Cut(string(n), ".")
	if m, err := strconv.ParseInt(whole, 10, 32); err == nil && m >= 0 && len(part) <= 3 {
		for i := range 3 {
			m *= 10
			if i < len(part) {
				m += int64(part[i] - '0')
			}
		}
		if m *= num; m*1000%den == 0 {
			var buf [24]byte
			m = m * 1000 / den
			b := append(strconv.AppendInt(buf[:0], m/1_000_000, 10), '.')
			b = append(b, strconv.FormatInt(1_000_000+m%1_000_000, 10)[1:]...)
			return json.Number(strings.TrimRight(strings.TrimRight(string(b), "0"), "."))
		}
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return ""
	}
	s := r.Mul(r, big.NewRat(num, den)).FloatString(decimals)
	return json.Number(strings.TrimRight(strings.TrimRight(s, "0"), "."))
}
