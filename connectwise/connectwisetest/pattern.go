package connectwisetest

import (
	"strings"
	"unicode/utf8"
)

// pattern is a string value of a condition: literal text with wildcards.
// "*" stands for any text, in "like" also "%"; "[abc]" is one of the
// characters, so that a literal "[x]" is written "[[]x]" (ConnectWise
// developer guide, Conditions).
type pattern []part

type part struct {
	any  bool   // any text
	one  bool   // one of set
	set  string // for one
	text string // literal
}

func compilePattern(s string, like bool) pattern {
	var out pattern
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			out = append(out, part{text: lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '*' || like && c == '%' {
			flush()
			if n := len(out); n == 0 || !out[n-1].any {
				out = append(out, part{any: true})
			}
			continue
		}
		if c == '[' {
			if end := strings.IndexByte(s[i+1:], ']'); end > 0 {
				flush()
				out = append(out, part{one: true, set: s[i+1 : i+1+end]})
				i += end + 1
				continue
			}
		}
		lit.WriteByte(c)
	}
	flush()
	return out
}

// match reports whether the whole of s fits. Backtracking goes back to the
// latest "any" only, so that the time is at most len(s) times len(p).
func (p pattern) match(s string) bool {
	pi, si := 0, 0
	star, from := -1, 0
	for {
		if pi < len(p) && p[pi].any {
			star, from = pi, si
			pi++
			continue
		}
		if pi < len(p) {
			if n, ok := p[pi].prefix(s[si:]); ok {
				pi, si = pi+1, si+n
				continue
			}
		} else if si == len(s) {
			return true
		}
		if star < 0 || from >= len(s) {
			return false
		}
		from++
		pi, si = star+1, from
	}
}

// prefix returns how many bytes of s the part covers.
func (p part) prefix(s string) (int, bool) {
	if p.one {
		r, n := utf8.DecodeRuneInString(s)
		return n, n > 0 && strings.ContainsRune(p.set, r)
	}
	return len(p.text), strings.HasPrefix(s, p.text)
}
