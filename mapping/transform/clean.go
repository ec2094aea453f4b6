package transform

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxQuotes is how deep quotes and lists nest; the text of deeper ones stands
// at this depth. Each level costs room in every line of the Markdown.
const maxQuotes = 16

// maxWork bounds the bytes of text times the elements around each, which is
// what converting costs: a text of 10 MB may stand in 32 elements.
const maxWork = 32 * MaxHTML

// maxNodes bounds the elements and pieces of text, of which the Markdown
// library takes the square of the time.
const maxNodes = 40_000

// maxCells bounds what a data table is padded to.
const maxCells = 20_000

// clean parses HTML and copies what a reader sees of it to a tree of few
// elements: p, div, h1 to h6, ul, ol, li, blockquote, pre, code, strong, em,
// del, a, img, br, hr and tables. Parsing needs no valid HTML.
func clean(src string) (*html.Node, error) {
	if len(src) > MaxHTML {
		return nil, ErrTooLarge
	}
	doc, err := html.ParseWithOptions(strings.NewReader(strings.ToValidUTF8(src, "\uFFFD")), html.ParseOptionEnableScripting(false))
	if err != nil {
		return nil, ErrTooDeep // all that the parser refuses
	}
	c := cleaner{}
	root := &html.Node{Type: html.DocumentNode}
	body := element("div")
	root.AppendChild(body)
	c.children(body, doc, context{})
	if c.full() {
		return nil, ErrTooLarge
	}
	join(root)
	return root, nil
}

// context is what stands around a node of the source.
type context struct {
	depth  int  // elements around it
	quotes int  // quotes and lists around it
	inline bool // in a heading, a link or a cell: blocks become spaces
	format [3]bool
	list   *html.Node // the list whose child the node is
}

type cleaner struct {
	work  int // see maxWork
	nodes int
}

// dropped are elements whose content no reader sees as text.
var dropped = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Template: true, atom.Noscript: true, atom.Iframe: true, atom.Object: true, atom.Embed: true,
	atom.Svg: true, atom.Math: true, atom.Input: true, atom.Textarea: true, atom.Select: true, atom.Audio: true, atom.Video: true,
	atom.Canvas: true, atom.Map: true, atom.Link: true, atom.Meta: true, atom.Base: true, atom.Title: true, atom.Noframes: true,
}

// blocks begin and end a line.
var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Header: true, atom.Footer: true, atom.Main: true, atom.Aside: true,
	atom.Nav: true, atom.Figure: true, atom.Figcaption: true, atom.Address: true, atom.Center: true, atom.Fieldset: true, atom.Legend: true,
	atom.Details: true, atom.Summary: true, atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Form: true, atom.Li: true, atom.Hgroup: true,
	atom.Table: true, atom.Tr: true, atom.Td: true, atom.Th: true, atom.Caption: true, atom.Ul: true, atom.Ol: true, atom.Menu: true, atom.Dir: true,
	atom.Blockquote: true, atom.Pre: true, atom.Hr: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
	atom.Listing: true, atom.Xmp: true, atom.Plaintext: true,
}

// formats are inline elements with the place each has in context.format.
var formats = map[atom.Atom]struct {
	name string
	at   int
}{
	atom.B: {"strong", 0}, atom.Strong: {"strong", 0}, atom.I: {"em", 1}, atom.Em: {"em", 1},
	atom.S: {"del", 2}, atom.Strike: {"del", 2}, atom.Del: {"del", 2},
}

func element(name string, attrs ...string) *html.Node {
	n := &html.Node{Type: html.ElementNode, Data: name, DataAtom: atom.Lookup([]byte(name))}
	for i := 0; i < len(attrs); i += 2 {
		n.Attr = append(n.Attr, html.Attribute{Key: attrs[i], Val: attrs[i+1]})
	}
	return n
}

func (c *cleaner) full() bool { return c.work > maxWork || c.nodes > maxNodes }

func (c *cleaner) children(dst, src *html.Node, in context) {
	in.depth++
	for n := src.FirstChild; n != nil && !c.full(); n = n.NextSibling {
		c.node(dst, n, in)
	}
}

func (c *cleaner) node(dst, n *html.Node, in context) {
	c.nodes++
	switch n.Type {
	case html.TextNode:
		if in.list == nil || strings.TrimFunc(n.Data, unicode.IsSpace) != "" {
			c.text(item(dst, in), n.Data, in)
		}
		return
	case html.DocumentNode:
		c.children(dst, n, in)
		return
	case html.ElementNode:
	default:
		return
	}
	if dropped[n.DataAtom] || n.Namespace != "" || hidden(n) {
		return
	}
	if in.list != nil && n.DataAtom != atom.Li && n.DataAtom != atom.Br {
		dst = item(dst, in)
		in.list = nil
	}
	f, formatted := formats[n.DataAtom]
	switch {
	case formatted:
		c.formatted(dst, n, f.name, f.at, in)
	case n.DataAtom == atom.Br:
		if in.list == nil {
			c.lineBreak(dst, in)
		}
	case n.DataAtom == atom.Img:
		c.image(dst, n, in)
	case n.DataAtom == atom.A:
		c.link(dst, n, in)
	case n.DataAtom == atom.Code || n.DataAtom == atom.Kbd || n.DataAtom == atom.Samp || n.DataAtom == atom.Tt || n.DataAtom == atom.Var:
		c.code(dst, n, in)
	case blocks[n.DataAtom] && in.inline:
		c.text(dst, " ", in)
		c.children(dst, n, in)
		c.text(dst, " ", in)
	case blocks[n.DataAtom]:
		c.block(dst, n, in)
	default:
		c.children(dst, n, in)
	}
}

// item returns the node that takes what stands in a list outside of its items:
// the last item.
func item(dst *html.Node, in context) *html.Node {
	if in.list == nil {
		return dst
	}
	if dst.LastChild == nil {
		dst.AppendChild(element("li"))
	}
	return dst.LastChild
}

func (c *cleaner) text(dst *html.Node, s string, in context) {
	c.work += (len(s) + 8*in.quotes) * in.depth
	dst.AppendChild(&html.Node{Type: html.TextNode, Data: strings.Map(visible, s)})
}

func (c *cleaner) lineBreak(dst *html.Node, in context) {
	if in.inline {
		c.text(dst, " ", in)
		return
	}
	c.work += (8 + 8*in.quotes) * in.depth
	dst.AppendChild(element("br"))
}

// formatted copies a formatted part. Formats that hold blocks, hold nothing, or
// repeat the one around them are left out.
func (c *cleaner) formatted(dst, n *html.Node, name string, at int, in context) {
	if in.format[at] || c.holdsBlock(n) {
		c.children(dst, n, in)
		return
	}
	in.format[at] = true
	to := element(name)
	c.children(to, n, in)
	if blank(to) {
		c.text(dst, " ", in)
		return
	}
	dst.AppendChild(to)
}

func (c *cleaner) holdsBlock(n *html.Node) bool {
	found := false
	walk(n, func(e *html.Node) bool {
		c.work++
		found = found || e != n && blocks[e.DataAtom]
		return !found
	})
	return found
}

// link copies a link. Where it leads nowhere that a reader may go, its text
// alone is left.
func (c *cleaner) link(dst, n *html.Node, in context) {
	href, ok := address(attr(n, "href"), "http:", "https:", "mailto:", "tel:")
	if !ok {
		c.children(dst, n, in)
		return
	}
	in.inline = true
	to := element("a", "href", href)
	c.children(to, n, in)
	if blank(to) {
		c.text(dst, " ", in)
		return
	}
	dst.AppendChild(to)
}

// image copies an image that a reader can see. One that is embedded or attached
// leaves its alternative text.
func (c *cleaner) image(dst, n *html.Node, in context) {
	if tiny(attr(n, "width")) || tiny(attr(n, "height")) || tiny(style(n, "width")) || tiny(style(n, "height")) {
		return // to see who reads
	}
	alt := strings.Join(strings.Fields(attr(n, "alt")), " ")
	src, ok := address(attr(n, "src"), "http:", "https:")
	if !ok {
		c.text(dst, alt, in)
		return
	}
	c.work += (len(alt) + len(src)) * in.depth
	dst.AppendChild(element("img", "src", src, "alt", strings.Map(visible, alt)))
}

func (c *cleaner) code(dst, n *html.Node, in context) {
	s := strings.Join(strings.Fields(content(n)), " ")
	if s == "" {
		c.text(dst, " ", in)
		return
	}
	to := element("code")
	c.text(to, s, in)
	dst.AppendChild(to)
}

var language = regexp.MustCompile(`(?:^|\s)(?:lang|language)-([A-Za-z0-9+#_-]{1,30})(?:\s|$)`)

// pre copies a block of code, whose lines and spaces stay.
func (c *cleaner) pre(dst, n *html.Node, in context) {
	s := strings.Trim(content(n), "\n")
	if strings.TrimFunc(s, unicode.IsSpace) == "" {
		return
	}
	c.work += (len(s) + 8*in.quotes*strings.Count(s, "\n")) * in.depth
	pre, code := element("pre"), element("code")
	for _, of := range []*html.Node{n, first(n)} {
		if of == nil {
			continue
		}
		if m := language.FindStringSubmatch(attr(of, "class")); m != nil {
			code.Attr = []html.Attribute{{Key: "class", Val: "language-" + m[1]}}
		}
	}
	code.AppendChild(&html.Node{Type: html.TextNode, Data: strings.Map(visible, s)})
	pre.AppendChild(code)
	dst.AppendChild(pre)
}

func (c *cleaner) block(dst, n *html.Node, in context) {
	var to *html.Node
	inside := in
	inside.list = nil
	switch n.DataAtom {
	case atom.Hr:
		dst.AppendChild(element("hr"))
		return
	case atom.Pre, atom.Listing, atom.Xmp, atom.Plaintext:
		c.pre(dst, n, in)
		return
	case atom.Table:
		if t, ok := c.table(n, in); ok {
			if t != nil {
				dst.AppendChild(t)
			}
			return
		}
		to = element("div")
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		to, inside.inline = element(n.Data), true
	case atom.P:
		to = element("p")
	case atom.Li:
		to = element("div")
		if in.list != nil {
			to = element("li")
		}
	case atom.Ul, atom.Ol, atom.Menu, atom.Dir, atom.Blockquote:
		to = c.quote(n, &inside)
	default:
		to = element("div")
	}
	c.children(to, n, inside)
	if !blank(to) {
		dst.AppendChild(to)
	}
}

func (c *cleaner) quote(n *html.Node, inside *context) *html.Node {
	if inside.quotes == maxQuotes {
		return element("div")
	}
	inside.quotes++
	switch n.DataAtom {
	case atom.Blockquote:
		return element("blockquote")
	case atom.Ol:
		to := element("ol")
		if start, err := strconv.Atoi(attr(n, "start")); err == nil && start >= 0 && start < 1e6 {
			to.Attr = []html.Attribute{{Key: "start", Val: strconv.Itoa(start)}}
		}
		inside.list = to
		return to
	}
	to := element("ul")
	inside.list = to
	return to
}

// table copies a table of data. ok is false for one that makes the layout of a
// mail, whose cells are blocks of their own.
func (c *cleaner) table(n *html.Node, in context) (t *html.Node, ok bool) {
	var rows []*html.Node
	columns, layout := 0, attr(n, "role") == "presentation"
	walk(n, func(e *html.Node) bool {
		switch e.DataAtom {
		case atom.Table:
			layout = layout || e != n
		case atom.Ul, atom.Ol, atom.Pre, atom.Blockquote, atom.Hr, atom.Caption:
			layout = true
		case atom.Tr:
			if hidden(e) {
				return false
			}
			rows = append(rows, e)
			count := 0
			for cell := e.FirstChild; cell != nil; cell = cell.NextSibling {
				if cell.DataAtom == atom.Td || cell.DataAtom == atom.Th {
					count++
					layout = layout || span(cell, "colspan") || span(cell, "rowspan")
				}
			}
			columns = max(columns, count)
		}
		return !layout
	})
	if layout || len(rows) < 2 || columns < 2 || len(rows)*columns > maxCells {
		return nil, false
	}
	in.inline, in.depth = true, in.depth+3
	t = element("table")
	head, body := element("thead"), element("tbody")
	for i, row := range rows {
		name, part := "td", body
		if i == 0 {
			name, part = "th", head
		}
		tr := element("tr")
		for cell := row.FirstChild; cell != nil; cell = cell.NextSibling {
			if cell.DataAtom != atom.Td && cell.DataAtom != atom.Th {
				continue
			}
			to := element(name)
			if a := strings.ToLower(attr(cell, "align")); i == 0 && (a == "left" || a == "right" || a == "center") {
				to.Attr = []html.Attribute{{Key: "align", Val: a}}
			}
			if !hidden(cell) {
				c.children(to, cell, in)
			}
			tr.AppendChild(to)
		}
		for range columns - count(tr) {
			tr.AppendChild(element(name))
		}
		part.AppendChild(tr)
	}
	t.AppendChild(head)
	t.AppendChild(body)
	if blank(t) {
		return nil, true
	}
	return t, true
}
