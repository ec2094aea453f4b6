package mapping

import (
	"encoding/json"
	"strconv"
)

// scaleQuickly returns n times num/den where integers hold it exactly in so
// many decimals: the numbers that time entries have. ok is false for others,
// which need package big.
func scaleQuickly(n string, num, den int64, digits int) (out json.Number, ok bool) {
	const maxFactor, maxMantissa = 10_000, 1_000_000_000
	mantissa, decimals, ok := parseDecimal(n)
	if !ok || den <= 0 || den > maxFactor || num > maxFactor || num < -maxFactor || mantissa > maxMantissa || mantissa < -maxMantissa || decimals > digits {
		return "", false
	}
	mantissa *= num // at most 1e13
	for mantissa%den != 0 && decimals < digits {
		if mantissa > 1<<59 || mantissa < -1<<59 {
			return "", false
		}
		mantissa, decimals = mantissa*10, decimals+1
	}
	if mantissa%den != 0 {
		return "", false
	}
	return formatDecimal(mantissa/den, decimals), true
}

// parseDecimal reads "-12.50" as -1250 and 2; exponents and what is long are
// not for it.
func parseDecimal(s string) (mantissa int64, decimals int, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	point := -1
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && point < 0 && i > 0:
			point = i
		case c >= '0' && c <= '9':
			mantissa = mantissa*10 + int64(c-'0')
		default:
			return 0, 0, false
		}
	}
	if point >= 0 {
		decimals = len(s) - 1 - point
	}
	if neg {
		mantissa = -mantissa
	}
	return mantissa, decimals, len(s) > 0 && len(s) < 18 && s[len(s)-1] != '.'
}

// formatDecimal writes a number in canonical form.
func formatDecimal(mantissa int64, decimals int) json.Number {
	for decimals > 0 && mantissa%10 == 0 {
		mantissa, decimals = mantissa/10, decimals-1
	}
	var buf [32]byte
	b := buf[:0]
	if mantissa < 0 {
		b, mantissa = append(b, '-'), -mantissa
	}
	digits := strconv.AppendInt(make([]byte, 0, 20), mantissa, 10)
	whole := len(digits) - decimals
	if whole > 0 {
		b = append(b, digits[:whole]...)
	} else {
		b = append(b, '0')
	}
	if decimals > 0 {
		b = append(b, '.')
		for ; whole < 0; whole++ {
			b = append(b, '0')
		}
		b = append(b, digits[max(len(digits)-decimals, 0):]...)
	}
	return json.Number(b)
}
