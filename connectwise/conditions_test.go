package connectwise

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

func TestQuote(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"Acme", `"Acme"`},
		{"", `""`},
		{`say "hi"`, `"say \"hi\""`},
		{`" or 1 = 1 or "" = "`, `"\" or 1 = 1 or \"\" = \""`},
		{"O'Brien & Söhne %20+", `"O'Brien & Söhne %20+"`},
		{"[EXT-1] a[b]c", `"[[]EXT-1] a[[]b]c"`},
		{`C:\temp`, `"C:\temp"`},
	} {
		if got, err := quote(tt.in); got != tt.want || err != nil {
			t.Errorf("quote(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	for _, bad := range []string{"a\nb", "a\x00", "\x7f", `ends with \`, `\" or id > 0`, `\\"`, "\xea\x9e"} {
		if got, err := quote(bad); !errors.Is(err, psa.ErrInvalid) {
			t.Errorf("quote(%q) = %s, %v, want ErrInvalid", bad, got, err)
		}
	}
}

// literal reads a string literal at the beginning of s as the developer guide
// has it: a backslash escapes a quote.
func literal(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
			b.WriteByte('"')
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

func checkQuote(t interface{ Fatalf(string, ...any) }, s string) {
	q, err := quote(s)
	if err != nil {
		if !errors.Is(err, psa.ErrInvalid) {
			t.Fatalf("quote(%q): %v", s, err)
		}
		return
	}
	value, rest, ok := literal(q)
	if !ok || rest != "" {
		t.Fatalf("quote(%q) = %s, which leaves %q behind", s, q, rest)
	}
	if got := strings.ReplaceAll(value, "[[]", "["); got != s {
		t.Fatalf("quote(%q) reads as %q", s, got)
	}
}

func TestQuoteHoldsAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkQuote(t, rapid.StringOf(rapid.SampledFrom([]rune(`ab"'\[]()*%=ü `+"\n"))).Draw(t, "value"))
	})
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", `"`, `\`, `\"`, "[x]", "a\"b\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkQuote(t, s) })
}

func TestConditions(t *testing.T) {
	at := time.Date(2026, 8, 20, 20, 4, 26, 900e6, time.FixedZone("", 2*3600))
	for _, tt := range []struct{ name, got, want string }{
		{"nothing", all("", ""), ""},
		{"one", all("", "a = 1", ""), "a = 1"},
		{"one with or", all("a = 1 or a = 2"), "a = 1 or a = 2"},
		{"two", all("a = 1", "", "b = 2"), "a = 1 and b = 2"},
		{"or inside and", all("a = 1 or a = 2", "b = 2"), "(a = 1 or a = 2) and b = 2"},
		{"one id", in("board/id", []string{"12"}), "board/id = 12"},
		{"more ids", in("board/id", []string{"12", "13"}), "board/id in (12,13)"},
		{"always", since(time.Time{}), ""},
		{"a granule early, in whole seconds of UTC", since(at), "lastUpdated > [2026-08-20T18:04:25Z]"},
		{"active", isActive("inactiveFlag"), "inactiveFlag = false or inactiveFlag = null"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func TestNumeric(t *testing.T) {
	if err := numeric("0", "12", "2147483648"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "-1", "1)", "1 or 1=1", "0x1", "1.0", "Ⅷ", strings.Repeat("9", 30)} {
		if err := numeric("1", bad); !errors.Is(err, psa.ErrInvalid) {
			t.Errorf("numeric(%q): %v, want ErrInvalid", bad, err)
		}
	}
}

func TestSplit(t *testing.T) {
	ids := []string{"1", "22", "333", "4444", "5"}
	for _, tt := range []struct {
		limit int
		want  [][]string
	}{
		{1000, [][]string{ids}},
		{0, [][]string{{"1"}, {"22"}, {"333"}, {"4444"}, {"5"}}},
		{8, [][]string{{"1"}, {"22"}, {"333"}, {"4444"}, {"5"}}},
		{9, [][]string{{"1", "22"}, {"333"}, {"4444"}, {"5"}}},
		{11, [][]string{{"1", "22"}, {"333"}, {"4444", "5"}}},
	} {
		if diff := cmp.Diff(tt.want, split(ids, tt.limit)); diff != "" {
			t.Errorf("split at %d (-want +got):\n%s", tt.limit, diff)
		}
	}
}
