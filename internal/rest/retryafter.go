package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longest stands for every Retry-After beyond it.
const longest = 100 * 365 * 24 * time.Hour

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3): seconds or an HTTP
// date, which is compared with the vendor's own clock where that is known. ok
// is false if it is missing, malformed, zero, negative or past.
func retryAfter(h http.Header, clock time.Time) (d time.Duration, ok bool) {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0, false
	}
	if seconds, fraction, _ := strings.Cut(s, "."); digits(seconds) && (fraction == "" || digits(fraction)) {
		n, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil || n > int64(longest/time.Second) {
			return longest, true
		}
		if strings.Trim(fraction, "0") != "" {
			n++
		}
		return time.Duration(n) * time.Second, n > 0
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0, false
	}
	if clock.IsZero() {
		clock = time.Now()
	}
	d = min(at.Sub(clock), longest)
	return d, d > 0
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
