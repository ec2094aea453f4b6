package transform

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// style returns a property of an element's style attribute in lower case.
func style(n *html.Node, property string) string {
	value := ""
	for part := range strings.SplitSeq(attr(n, "style"), ";") {
		if k, v, ok := strings.Cut(part, ":"); ok && strings.EqualFold(strings.TrimSpace(k), property) {
			value = strings.ToLower(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "!important")))
		}
	}
	return value
}

// hidden reports whether a mail program shows nothing of an element.
func hidden(n *html.Node) bool {
	if has(n, "hidden") {
		return true
	}
	return has(n, "style") && (style(n, "display") == "none" || style(n, "visibility") == "hidden" || style(n, "mso-hide") == "all")
}

var length = regexp.MustCompile(`^\s*(\d{1,9}(?:\.\d{1,9})?)\s*(?:px|pt)?\s*$`)

// tiny reports whether a length is no more than a pixel.
func tiny(s string) bool {
	m := length.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	f, err := strconv.ParseFloat(m[1], 64)
	return err == nil && f <= 1
}

// span reports whether a cell takes more than its place.
func span(n *html.Node, key string) bool {
	v := strings.TrimSpace(attr(n, key))
	return v != "" && v != "1"
}

// address returns a URL with one of these schemes in the form that all writers
// of this package agree on.
func address(s string, schemes ...string) (string, bool) {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return visible(r)
	}, strings.TrimFunc(s, unicode.IsSpace))
	for _, scheme := range schemes {
		if len(s) > len(scheme) && len(s) < 8<<10 && strings.EqualFold(s[:len(scheme)], scheme) {
			if u, err := url.Parse(s); err == nil {
				return u.String(), true
			}
		}
	}
	return "", false
}

// walk visits a node and what it holds, top down, until visit says not to go
// deeper.
func walk(n *html.Node, visit func(*html.Node) bool) {
	if !visit(n) {
		return
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		walk(child, visit)
	}
}

// join makes one text of those that follow each other.
func join(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.TextNode {
			join(c)
			continue
		}
		var b strings.Builder
		b.WriteString(c.Data)
		for c.NextSibling != nil && c.NextSibling.Type == html.TextNode {
			b.WriteString(c.NextSibling.Data)
			n.RemoveChild(c.NextSibling)
		}
		c.Data = b.String()
	}
}

// blank reports whether a node shows nothing.
func blank(n *html.Node) bool {
	shows := false
	walk(n, func(e *html.Node) bool {
		shows = shows || e.DataAtom == atom.Img || e.DataAtom == atom.Hr || e.Type == html.TextNode && strings.TrimFunc(e.Data, unicode.IsSpace) != ""
		return !shows
	})
	return !shows
}

// content returns the text of a node with its line breaks.
func content(n *html.Node) string {
	var b strings.Builder
	walk(n, func(e *html.Node) bool {
		switch {
		case dropped[e.DataAtom] || hidden(e):
			return false
		case e.Type == html.TextNode:
			b.WriteString(e.Data)
		case e.DataAtom == atom.Br, e != n && blocks[e.DataAtom] && b.Len() > 0:
			b.WriteByte('\n')
		}
		return true
	})
	return strings.ReplaceAll(b.String(), "\r", "")
}

func first(n *html.Node) *html.Node {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode {
			return c
		}
	}
	return nil
}

func count(n *html.Node) int {
	k := 0
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		k++
	}
	return k
}
