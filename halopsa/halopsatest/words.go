package halopsatest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

func lower(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }

// guidOf makes a stable GUID out of anything.
func guidOf(parts ...any) string {
	h := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80
	x := hex.EncodeToString(h[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// emptyDate is how the vendor writes "no date" in keys it does not leave out.
const emptyDate = "1900-01-01T00:00:00"

// stamp formats a time as the vendor does: UTC without a zone, 0 to 7 digits of
// a second.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999") }

// parseTime reads a time as the vendor takes it: without a zone it is UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// when reads a stored date; the zero time if there is none.
func when(v any) time.Time {
	s, _ := v.(string)
	t, _ := parseTime(s)
	return t
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func integer(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case float64:
		return int(v)
	}
	return 0
}

func number(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

func objects(v any) []Row {
	list, _ := v.([]any)
	out := make([]Row, 0, len(list))
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// sortedKeys returns the keys of a row in order, so that the first mistake is
// the same every time.
func sortedKeys(m Row) []string { return slices.Sorted(maps.Keys(m)) }

// blank reports whether a text says nothing.
func blank(v any) bool { return strings.TrimSpace(text(v)) == "" }

// tags finds the tags of HTML text.
var tags = regexp.MustCompile(`<[^>]*>`)

// plain makes text of HTML.
func plain(s string) string {
	for _, b := range []string{"</p>", "<br>", "<br/>", "<br />", "</div>", "</li>"} {
		s = strings.ReplaceAll(s, b, "\n")
	}
	return strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(s, "")))
}

// rich makes HTML of text.
func rich(s string) string {
	return "<p>" + strings.ReplaceAll(html.EscapeString(s), "\n", "<br>") + "</p>"
}
