package connectwise

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/psasync/psasync/psa"
)

// The query language of lists (ConnectWise developer guide, Conditions). What
// comes from outside enters a condition only through quote, in and stamp.

// all joins conditions with "and", leaving empty ones out.
func all(conds ...string) string {
	var kept []string
	for _, c := range conds {
		if c != "" {
			kept = append(kept, c)
		}
	}
	if len(kept) < 2 {
		return strings.Join(kept, "")
	}
	for i, c := range kept {
		if strings.Contains(c, " or ") {
			kept[i] = "(" + c + ")"
		}
	}
	return strings.Join(kept, " and ")
}

// quote returns s as a string literal. A literal "[" is written "[[]", since
// brackets are patterns, and a quote is escaped. The guide knows no escape for
// "*", which stays a wildcard (exact matches are checked once more against the
// rows that come back), none for control characters, and none for a backslash
// where it would escape the next quote: such values are refused, as is what is
// no UTF-8, so that no value can end the literal.
func quote(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: a value that is no UTF-8 cannot be searched for", psa.ErrInvalid)
	}
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r < ' ' || r == 0x7f:
			return "", fmt.Errorf("%w: a value with the control character %U cannot be searched for", psa.ErrInvalid, r)
		case r == '\\' && (i == len(s)-1 || s[i+1] == '"' || s[i+1] == '\\'):
			return "", fmt.Errorf("%w: a value with a backslash before a quote, a backslash or its end cannot be searched for", psa.ErrInvalid)
		case r == '"':
			b.WriteString(`\"`)
		case r == '[':
			b.WriteString("[[]")
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String(), nil
}

// stamp returns a date literal: UTC, whole seconds.
func stamp(t time.Time) string { return "[" + t.UTC().Format("2006-01-02T15:04:05Z") + "]" }

// since keeps rows updated at or after t. The vendor's stamps have whole
// seconds and its comparison is not to be trusted at equality, so the filter
// begins one second earlier. lastUpdated can be filtered by on every list,
// although answers hold it in _info only.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "lastUpdated > " + stamp(t.Truncate(time.Second).Add(-time.Second))
}

// isActive keeps rows whose inactive flag is not set. Flags may be null, which
// a comparison with false would drop.
func isActive(flag string) string { return flag + " = false or " + flag + " = null" }

// numeric checks that ids are what every id of the API is, a number.
func numeric(ids ...string) error {
	for _, id := range ids {
		if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 0 {
			return fmt.Errorf("%w: %q is no ConnectWise id", psa.ErrInvalid, id)
		}
	}
	return nil
}

// in keeps rows whose path has one of the ids, which are numeric.
func in(path string, ids []string) string {
	if len(ids) == 1 {
		return path + " = " + ids[0]
	}
	return path + " in (" + strings.Join(ids, ",") + ")"
}

// split divides ids so that no list of one part is longer than limit, encoded
// in an address: a comma takes three characters there.
func split(ids []string, limit int) [][]string {
	var parts [][]string
	size, from := 0, 0
	for i, id := range ids {
		if size += len(id) + len("%2C"); size > limit && i > from {
			parts = append(parts, ids[from:i])
			from, size = i, len(id)+len("%2C")
		}
	}
	return append(parts, ids[from:])
}
