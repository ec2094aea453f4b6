package transform

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// flank makes formatted parts such that Markdown can mark them: what it puts
// around them means something only where a word begins or ends. Punctuation at
// the edge of a part that stands in a word is moved out of it, as the colon of
// <b>Host:</b>srv1; where that does not help, the format is left out.
func flank(n *html.Node) {
	join(n)
	for c := n.FirstChild; c != nil; {
		flank(c)
		if isFormat(c) && (c.Data == "del" && strings.Contains(content(c), "~") || !edge(c, false) || !edge(c, true)) {
			c = unwrap(c)
			continue // with what was in it
		}
		c = c.NextSibling
	}
	join(n)
}

func isFormat(n *html.Node) bool {
	return n.Type == html.ElementNode && (n.Data == "strong" || n.Data == "em" || n.Data == "del")
}

// edge reports whether the start or the end of a formatted part can be marked,
// once its punctuation has been moved out.
func edge(n *html.Node, end bool) bool {
	around, last := n.PrevSibling, n.FirstChild
	if end {
		around, last = n.NextSibling, n.LastChild
	}
	for around != nil && around.Type == html.TextNode && around.Data == "" {
		if end {
			around = around.NextSibling
		} else {
			around = around.PrevSibling
		}
	}
	if around == nil {
		return true
	}
	if around.Type != html.TextNode {
		return around.Data == "br" || blocks[around.DataAtom]
	}
	r, _ := utf8.DecodeRuneInString(around.Data)
	if !end {
		r, _ = utf8.DecodeLastRuneInString(around.Data)
	}
	if r == '~' && n.Data == "del" {
		return false
	}
	if unicode.IsSpace(r) || isPunct(r) {
		return true
	}
	for isFormat(last) {
		if (last.Data == "del") != (n.Data == "del") {
			return false // their marks are punctuation to each other
		}
		if last = last.FirstChild; end && last != nil {
			last = last.Parent.LastChild
		}
		if last == nil {
			return false
		}
	}
	if last.Type != html.TextNode {
		return false
	}
	var rest string
	if end {
		rest = strings.TrimRightFunc(last.Data, isPunct)
		around.Data = last.Data[len(rest):] + around.Data
	} else {
		rest = strings.TrimLeftFunc(last.Data, isPunct)
		around.Data += last.Data[:len(last.Data)-len(rest)]
	}
	last.Data = rest
	return !blank(last) && !blank(n)
}

func isPunct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// unwrap replaces a node by its children and returns the first of these, or
// else the node that follows.
func unwrap(n *html.Node) *html.Node {
	next := n.NextSibling
	if n.FirstChild != nil {
		next = n.FirstChild
	}
	for c := n.FirstChild; c != nil; c = n.FirstChild {
		n.RemoveChild(c)
		n.Parent.InsertBefore(c, n)
	}
	n.Parent.RemoveChild(n)
	return next
}
