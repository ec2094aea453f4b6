package text_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/psasync/psasync/internal/text"
	"pgregory.net/rapid"
)

func TestValue(t *testing.T) {
	for want, v := range map[string]any{
		"(none)": nil, "yes": true, "no": false, `"a\nb"`: "a\nb", "1.50": json.Number("1.50"), `{"id":"7"}`: map[string]any{"id": "7"},
		`["\u001b[31m"]`: []any{"\x1b[31m"}, "(unreadable)": func() {},
	} {
		if got := text.Value(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	if got := text.Plural(1, "reply") + text.Plural(2, "reply") + text.Plural(0, "row"); got != "1 reply2 replies0 rows" {
		t.Error(got)
	}
	if got := text.Stamp(time.Time{}) + text.Stamp(time.Date(2026, 6, 1, 10, 0, 0, 0, time.FixedZone("", 3600))); got != "never2026-06-01 09:00:00 UTC" {
		t.Error(got)
	}
}

// Whatever a PSA holds, a value is one printable line of a bounded length.
func TestPropertyOneLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s") + strings.Repeat("x", rapid.IntRange(0, 100).Draw(t, "more"))
		for _, got := range []string{text.Value(s), text.Quote(s), text.Clip(s), text.Value([]any{s})} {
			if n := utf8.RuneCountInString(got); n > 10*83+2 || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("%q of %q", got, s)
			}
		}
		if cut := text.Cut(s, 80); utf8.RuneCountInString(s) <= 80 && cut != s || utf8.RuneCountInString(cut) > 83 {
			t.Fatalf("%q of %q", cut, s)
		}
	})
}
