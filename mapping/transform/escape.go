package transform

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// The Markdown library escapes what it deems necessary, which is too little at
// the start of lines in quotes and beside emphasis, and too much in words and
// paths; and it writes < and > as entities, which a PSA that shows Markdown as
// text shows as such. So these private characters stand for what this package
// escapes itself while the library writes. Texts never contain them, see
// visible.
const (
	standGreater    = '\uF000'
	standUnderscore = '\uF001' // in a word, where it means nothing
	_               = '\uF002' // the library's own
	standBackslash  = '\uF003' // before a letter or digit, where it means nothing
	standBracket    = '\uF004' // whose other one is escaped where it must be
	standEscaped    = '\uF080' // and the ASCII character behind a backslash
	standEnd        = standEscaped + 0x80
)

// visible drops control characters and those that stand for others.
func visible(r rune) rune {
	if r >= standGreater && r <= standBracket || r >= standEscaped && r < standEnd ||
		unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' && r != '\f' {
		return -1
	}
	return r
}

var (
	entity = regexp.MustCompile(`^&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)
	// opening is what makes more of a line than text; its last character is the
	// one to escape.
	opening = regexp.MustCompile(`^[\s\x{a0}]*(?:#+(?:[\s\x{a0}]|$)|[-+](?:[\s\x{a0}]|$)|--|:-|=|~~~|\||[0-9]{1,9}[.)](?:[\s\x{a0}]|$))`)
)

// escaper goes over the texts of a clean tree, but for code.
type escaper struct {
	fresh      bool // at the start of a line
	beforeLink bool // the text may be followed by a bracket
	inLink     bool // brackets end it
}

func (e *escaper) node(n *html.Node) {
	switch {
	case n.DataAtom == atom.Code:
		e.fresh = false
		return
	case n.Type == html.TextNode:
		e.beforeLink = n.NextSibling != nil && n.NextSibling.Type == html.ElementNode
		n.Data = e.text(n.Data)
		return
	}
	line := n.DataAtom == atom.Br || blocks[n.DataAtom]
	e.fresh = e.fresh || line
	e.inLink = e.inLink || n.DataAtom == atom.A
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		e.node(c)
	}
	e.inLink = e.inLink && n.DataAtom != atom.A
	e.fresh = line || e.fresh && n.DataAtom != atom.Img
}

func (e *escaper) text(s string) string {
	first := -1 // the place of what opens a line
	if e.fresh {
		if at := opening.FindString(s); at != "" {
			first = len(strings.TrimRightFunc(at, unicode.IsSpace)) - 1
			if strings.ContainsAny(at, "#-=~|") {
				first = strings.IndexAny(s, "#-=~|")
			}
		}
	}
	var b strings.Builder
	b.Grow(len(s))
	inWord := func(r rune) bool { return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	before := ' '
	for i, r := range s {
		next := ' '
		for _, next = range s[i+len(string(r)):] {
			break
		}
		out := r
		switch {
		case r == '\u00a0':
			out = ' '
		case r == '>':
			out = standGreater
		case r == '_' && inWord(before) && inWord(next):
			out = standUnderscore
		case r == '\\' && inWord(next):
			out = standBackslash
		case r == '[' && !e.inLink:
			out = standBracket
		case i == first, e.inLink && (r == '[' || r == ']'), r == '!' && e.beforeLink && i == len(s)-1, r == '<', r == '*', r == '_', r == '`', r == ']' && (next == '(' || next == '[' || next == ':'),
			r == '&' && entity.MatchString(s[i:min(len(s), i+40)]):
			out = standEscaped + r
		}
		b.WriteRune(out)
		e.fresh = e.fresh && unicode.IsSpace(r)
		before = r
	}
	return b.String()
}

// markers is what may stand in front of a quote.
var markers = regexp.MustCompile(`^[\s>*+.)\d~-]*$`)

// restored puts the characters back, and leaves no space at the end of a line:
// vendors trim it, and a line ends without it.
func restored(md string) string {
	var b strings.Builder
	b.Grow(len(md))
	for line := range strings.SplitSeq(md, "\n") {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		line = strings.TrimRight(line, " ")
		fresh := true // nothing but markers so far
		for i, r := range line {
			switch {
			case r == standUnderscore:
				b.WriteByte('_')
			case r == standBackslash:
				b.WriteByte('\\')
			case r == standBracket:
				b.WriteByte('[')
			case r == standGreater:
				if fresh = fresh && i < 200 && markers.MatchString(line[:i]); fresh {
					b.WriteByte('\\')
				}
				b.WriteByte('>')
			case r >= standEscaped && r < standEnd:
				b.WriteByte('\\')
				b.WriteByte(byte(r - standEscaped))
			default:
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}
