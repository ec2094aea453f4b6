package hostdb

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/psasync/psasync/psa"
)

// A form leads a value from package psa's vocabulary into the host's and back.
// None of its functions sees nil, which is NULL in every form.
type form struct {
	// tidy returns what show will return once the value is stored: trimmed,
	// rounded. Twice is the same as once. Its errors say what is wrong with the
	// value without showing it.
	tidy func(v any) (any, error)
	// store turns what tidy returned into what SQL holds.
	store func(v any) any
	// show turns what SQL holds into a canonical value.
	show func(v any) (any, error)
}

func same(v any) any { return v }

// Text. An empty text is no text, so that a form's empty box and a PSA's null
// are one.
var (
	line  = form{tidy: tidyText(func(s string) string { return lineEnds.Replace(s) }), store: same, show: showText}
	prose = form{tidy: tidyText(func(s string) string { return plainEnds.Replace(s) }), store: same, show: showText}

	lineEnds  = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")
	plainEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")
)

func tidyText(ends func(string) string) func(any) (any, error) {
	return func(v any) (any, error) {
		s, ok := v.(string)
		switch {
		case !ok:
			return nil, fmt.Errorf("want text, not a %T", v)
		case strings.ContainsRune(s, 0):
			return nil, fmt.Errorf("text with a NUL, which SQL cuts short")
		case !utf8.ValidString(s):
			return nil, fmt.Errorf("text that is no UTF-8")
		}
		if s = strings.TrimSpace(ends(s)); s == "" {
			return nil, nil
		}
		return s, nil
	}
}

func showText(v any) (any, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return nil, fmt.Errorf("a %T where text belongs", v)
}

// words is a list of words that are parted by commas.
var words = form{tidy: func(any) (any, error) { return nil, fmt.Errorf("read only") }, store: same, show: func(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("a %T where text belongs", v)
	}
	return psa.Canonical(strings.Split(s, ","))
}}

// Numbers. The host counts in whole minutes, a PSA in hours.
var (
	number = integer(func(n float64) float64 { return n }, func(n int64) any { return n })
	hours  = integer(func(h float64) float64 { return h * 60 }, func(minutes int64) any {
		return json.Number(fmt.Sprintf("%.4f", float64(minutes)/60)) // a minute is 0.0167 hours
	})
)

// largest is beyond anything a person enters, and far from where a float64
// loses digits.
const largest = 1e12

func integer(in func(float64) float64, out func(int64) any) form {
	show := func(v any) (any, error) {
		n, ok := v.(int64)
		if !ok {
			return nil, fmt.Errorf("a %T where a number belongs", v)
		}
		return psa.Canonical(out(n))
	}
	store := func(v any) any {
		f, _ := v.(json.Number).Float64() // tidy made it
		return int64(math.Round(in(f)))
	}
	tidy := func(v any) (any, error) {
		n, ok := v.(json.Number)
		if !ok {
			return nil, fmt.Errorf("want a number, not a %T", v)
		}
		if f, err := n.Float64(); err != nil || math.Abs(f) > largest {
			return nil, fmt.Errorf("the number is out of range")
		}
		return show(store(n))
	}
	return form{tidy: tidy, store: store, show: show}
}

var yesNo = form{
	tidy: func(v any) (any, error) {
		if _, ok := v.(bool); !ok {
			return nil, fmt.Errorf("want true or false, not a %T", v)
		}
		return v, nil
	},
	store: same,
	show: func(v any) (any, error) {
		if n, ok := v.(int64); ok {
			return n != 0, nil
		}
		return nil, fmt.Errorf("a %T where 0 or 1 belongs", v)
	},
}

// Times, to the millisecond.
const stampLayout = "2006-01-02T15:04:05.000Z"

func formatStamp(t time.Time) string { return t.UTC().Truncate(time.Millisecond).Format(stampLayout) }

func parseStamp(v any) (time.Time, error) {
	s, ok := v.(string)
	t, err := time.Parse(stampLayout, s)
	if !ok || err != nil {
		return time.Time{}, fmt.Errorf("no stamp like %s", stampLayout)
	}
	return t, nil
}

var stamp = form{
	tidy: func(v any) (any, error) {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("want a time, not a %T", v)
		}
		if s == "" {
			return nil, nil
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
			return nil, fmt.Errorf("want a time as in RFC 3339")
		}
		return psa.FormatTime(t.Truncate(time.Millisecond)), nil
	},
	store: func(v any) any {
		t, _ := time.Parse(time.RFC3339Nano, v.(string)) // tidy made it
		return formatStamp(t)
	},
	show: func(v any) (any, error) {
		t, err := parseStamp(v)
		return psa.FormatTime(t), err
	},
}

// A word is what package psa and the host call one choice.
type word struct{ psa, host string }

// choice is one of some words. Where the host has one for several, the first is
// shown; what the host has no word for is shown as unknown.
func choice(unknown string, words ...word) form {
	show := func(v any) (any, error) {
		i := slices.IndexFunc(words, func(w word) bool { return w.host == v })
		if i < 0 {
			return unknown, nil
		}
		return words[i].psa, nil
	}
	own := func(v any) (string, bool) {
		i := slices.IndexFunc(words, func(w word) bool { return w.psa == v })
		if i < 0 {
			return "", false
		}
		return words[i].host, true
	}
	tidy := func(v any) (any, error) {
		host, ok := own(v)
		if !ok {
			return nil, fmt.Errorf("no such choice")
		}
		return show(host)
	}
	store := func(v any) any {
		host, _ := own(v)
		return host
	}
	return form{tidy: tidy, store: store, show: show}
}

// reference is an id in another table, {id, name} in package psa. Whether there
// is such a row is for the write to see; see writer.refer.
var reference = form{
	tidy: func(v any) (any, error) {
		f, ok := v.(psa.Fields)
		if !ok || f.String("id") == "" {
			return nil, fmt.Errorf("want a reference with an id")
		}
		return f, nil
	},
	store: same,
	show:  func(v any) (any, error) { return v, nil },
}
