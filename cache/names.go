package cache

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold brings a name into the form that lookups without an exact match
// compare: lower case, one space for each run of spaces, none at the ends.
func fold(name string) string {
	var buf [64]byte
	if b, ok := foldASCII(buf[:0], name); ok {
		if string(b) == name {
			return name
		}
		return string(b)
	}
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), unicode.IsSpace), " ")
}

// foldASCII appends the folded name to b; ok is false if it is not plain ASCII
// or does not fit.
func foldASCII(b []byte, name string) (_ []byte, ok bool) {
	if len(name) > cap(b) {
		return nil, false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= utf8.RuneSelf:
			return nil, false
		case c == ' ' || c >= '\t' && c <= '\r':
			if len(b) > 0 && b[len(b)-1] != ' ' {
				b = append(b, ' ')
			}
		case c >= 'A' && c <= 'Z':
			b = append(b, c+'a'-'A')
		default:
			b = append(b, c)
		}
	}
	if n := len(b); n > 0 && b[n-1] == ' ' {
		b = b[:n-1]
	}
	return b, true
}

// nearest returns up to three of the names that look like name, the most alike
// first.
func nearest(name string, names []string) []string {
	type guess struct {
		name string
		dist int
	}
	want := fold(name)
	limit := max(2, utf8.RuneCountInString(want)/3)
	var guesses []guess
	for _, n := range names {
		have := fold(n)
		d := distance(want, have, limit)
		if d > limit && len(want) >= 3 && (strings.Contains(have, want) || len(have) >= 3 && strings.Contains(want, have)) {
			d = limit + 1
		} else if d > limit {
			continue
		}
		guesses = append(guesses, guess{n, d})
	}
	slices.SortFunc(guesses, func(a, b guess) int {
		return cmp.Or(cmp.Compare(a.dist, b.dist), strings.Compare(a.name, b.name))
	})
	guesses = slices.Compact(guesses)
	var out []string
	for _, g := range guesses[:min(3, len(guesses))] {
		out = append(out, g.name)
	}
	return out
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours between a and b, or more than limit.
func distance(a, b string, limit int) int {
	ra, rb := []rune(a), []rune(b)
	if d := len(ra) - len(rb); d > limit || -d > limit {
		return limit + 1
	}
	before, prev, cur := make([]int, len(rb)+1), make([]int, len(rb)+1), make([]int, len(rb)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range ra {
		cur[0] = i + 1
		least := cur[0]
		for j := range rb {
			cost := 1
			if ra[i] == rb[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j]+cost, prev[j+1]+1, cur[j]+1)
			if i > 0 && j > 0 && ra[i] == rb[j-1] && ra[i-1] == rb[j] {
				cur[j+1] = min(cur[j+1], before[j-1]+1)
			}
			least = min(least, cur[j+1])
		}
		if least > limit+1 {
			return limit + 1
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(rb)]
}
