package transform

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plain makes plain text of HTML: paragraphs apart by an empty line, items
// behind a dash or a number, cells apart by a bar, addresses behind the text of
// their links.
func plain(src string) (string, error) {
	doc, err := clean(src)
	if err != nil {
		return "", err
	}
	w := textWriter{}
	w.children(doc)
	if len(w.b.String()) > MaxText {
		return "", ErrTooLarge
	}
	return canonicalText(w.b.String()), nil
}

// escaped makes HTML of plain text, which plain makes the same text of.
func escaped(s string) (string, error) {
	if len(s) > MaxText {
		return "", ErrTooLarge
	}
	s = html.EscapeString(canonicalText(s))
	if s == "" {
		return "", nil
	}
	var b strings.Builder
	b.WriteString("<p>")
	start := true // of a line, or behind a space
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("<br>\n")
		case r == ' ' && start:
			b.WriteString("&nbsp;")
		default:
			b.WriteRune(r)
		}
		start = r == '\n' || r == ' '
	}
	b.WriteString("</p>")
	return b.String(), nil
}

// canonicalText returns a text without control characters, with plain spaces,
// none of them at the end of a line, and no empty line around it.
func canonicalText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", "\n", "\u0085", "\n", "\t", "    ", "\u00a0", " ").Replace(s)
	lines := strings.Split(strings.Map(visible, s), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	s = strings.Join(lines, "\n")
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return strings.Trim(s, "\n")
}

// textWriter writes a clean tree.
type textWriter struct {
	b      strings.Builder
	begun  bool
	breaks int    // line breaks owed before the next text
	space  bool   // a space owed before the next text of the line
	indent string // of lines
	marker string // instead of indent, of the next line
}

func (w *textWriter) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c)
	}
}

// apart owes so many line breaks, unless as many are owed already.
func (w *textWriter) apart(breaks int) {
	if w.begun {
		w.breaks = max(w.breaks, breaks)
	}
	w.space = false
}

// put writes text that stays in its line.
func (w *textWriter) put(s string) {
	if s == "" {
		return
	}
	switch {
	case !w.begun || w.breaks > 0:
		w.b.WriteString(strings.Repeat("\n", w.breaks))
		if w.marker != "" {
			w.b.WriteString(w.marker)
		} else {
			w.b.WriteString(w.indent)
		}
	case w.space:
		w.b.WriteByte(' ')
	}
	w.b.WriteString(s)
	w.begun, w.breaks, w.space, w.marker = true, 0, false, ""
}

func isSpace(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' }

// flow writes text whose white space is one space, or none at the start of a
// line.
func (w *textWriter) flow(s string) {
	for s != "" {
		i := strings.IndexFunc(s, isSpace)
		switch {
		case i < 0:
			w.put(s)
			return
		case i == 0:
			w.space = w.begun && w.breaks == 0
			s = strings.TrimLeftFunc(s, isSpace)
		default:
			w.put(s[:i])
			s = s[i:]
		}
	}
}

func (w *textWriter) node(n *html.Node) {
	if n.Type == html.TextNode {
		w.flow(n.Data)
		return
	}
	switch n.DataAtom {
	case atom.Br:
		if w.begun {
			w.breaks++
		}
		w.space = false
	case atom.Img:
		w.flow(attr(n, "alt"))
	case atom.A:
		w.link(n)
	case atom.Ul, atom.Ol:
		w.apart(1)
		w.list(n)
		w.apart(1)
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Hr, atom.Pre, atom.Blockquote, atom.Table:
		w.apart(2)
		w.paragraph(n)
		w.apart(2)
	case atom.Div:
		w.apart(1)
		w.children(n)
		w.apart(1)
	default:
		w.children(n)
	}
}

func (w *textWriter) paragraph(n *html.Node) {
	switch n.DataAtom {
	case atom.Hr:
		w.put("---")
	case atom.Pre:
		for line := range strings.SplitSeq(content(n), "\n") {
			w.put(line)
			w.breaks++
		}
		w.breaks--
	case atom.Blockquote:
		was := w.indent
		w.indent += "> "
		w.children(n)
		w.indent = was
	case atom.Table:
		walk(n, func(e *html.Node) bool {
			if e.DataAtom == atom.Tr {
				w.row(e)
			}
			return e.DataAtom != atom.Tr
		})
	default:
		w.children(n)
	}
}

func (w *textWriter) row(tr *html.Node) {
	w.apart(1)
	for cell := tr.FirstChild; cell != nil; cell = cell.NextSibling {
		if cell != tr.FirstChild {
			w.space = true
			w.put("|")
			w.space = true
		}
		w.children(cell)
	}
}

func (w *textWriter) list(n *html.Node) {
	number, err := strconv.Atoi(attr(n, "start"))
	if err != nil {
		number = 1
	}
	for li := n.FirstChild; li != nil; li = li.NextSibling {
		marker := "- "
		if n.DataAtom == atom.Ol {
			marker = strconv.Itoa(number) + ". "
			number++
		}
		was := w.indent
		w.apart(1)
		w.marker, w.indent = was+marker, was+strings.Repeat(" ", len(marker))
		w.children(li)
		w.marker, w.indent = "", was
	}
}

// link writes the text of a link, and where it leads unless the text says so.
func (w *textWriter) link(n *html.Node) {
	w.children(n)
	href := attr(n, "href")
	label := strings.Join(strings.Fields(content(n)), " ")
	for _, told := range []string{href, strings.TrimPrefix(href, "mailto:"), strings.TrimPrefix(href, "tel:"), strings.TrimSuffix(href, "/"),
		strings.TrimPrefix(href, "https://"), strings.TrimPrefix(href, "http://")} {
		if label == told {
			return
		}
	}
	w.space = label != ""
	w.put("<" + href + ">")
}
