package mapping

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const (
	maxSource = 1 << 20 // bytes of a file; a map of 500 rules has 50,000
	maxDepth  = 32      // levels of nesting; the language needs 9
)

// parseYAML reads the one document of src. It never expands anything, so that
// its cost is linear in the size of src, which is bounded.
func parseYAML(name string, src []byte, p *problems) *node {
	if n, code, msg := checkBytes(name, src); n != nil {
		p.at(n, code, "%s", msg)
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		p.at(&node{file: name, line: 1, col: 1}, "empty", "the file is empty; start with \"version: 1\"")
		return nil
	case err != nil:
		p.syntax(name, err)
		return nil
	}
	switch err := d.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		p.syntax(name, err)
		return nil
	default:
		p.at(&node{file: name, line: second.Line, col: second.Column}, "documents",
			"a second document starts here; write one document per file")
		return nil
	}
	c := converter{file: name, p: p}
	return c.node(doc.Content[0], 0)
}

// checkBytes finds what makes a file no text of ours: too big, another
// encoding, a byte order mark, tabs.
func checkBytes(name string, src []byte) (at *node, code, msg string) {
	at = &node{file: name, line: 1, col: 1}
	switch {
	case len(src) > maxSource:
		return at, "too-big", "the file has " + strconv.Itoa(len(src)) + " bytes, more than the " + strconv.Itoa(maxSource) + " allowed; split it with extends"
	case bytes.HasPrefix(src, []byte("\xef\xbb\xbf")):
		return at, "encoding", "the file starts with a byte order mark; save it as UTF-8 without one"
	case bytes.HasPrefix(src, []byte("\xff\xfe")), bytes.HasPrefix(src, []byte("\xfe\xff")):
		return at, "encoding", "the file is UTF-16; save it as UTF-8"
	}
	line := 0
	for l := range bytes.Lines(src) {
		line++
		col := 0
		for len(l) > 0 {
			col++
			r, n := utf8.DecodeRune(l)
			here := &node{file: name, line: line, col: col}
			switch {
			case r == utf8.RuneError && n == 1:
				return here, "encoding", "this byte is not UTF-8; save the file as UTF-8"
			case r == '\t':
				return here, "tab", `a tab; indent with spaces, and write "\t" in double quotes where a value needs one`
			case r < ' ' && r != '\n' && r != '\r', r == 0x7f, r == 0x85, r == 0x2028, r == 0x2029, r == 0xfeff:
				return here, "encoding", "control character U+" + strings.ToUpper(strconv.FormatInt(int64(r)+0x10000, 16)[1:]) + "; remove it"
			}
			l = l[n:]
		}
	}
	return nil, "", ""
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

// syntax reports an error of the YAML parser, which tells a line at most.
func (p *problems) syntax(name string, err error) {
	n := &node{file: name, line: 1}
	msg := err.Error()
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = m[2]
		if m[1] != "" {
			n.line, _ = strconv.Atoi(m[1]) // digits by the expression; a longer number than int has stays 0
		}
	}
	p.at(n, "syntax", "not YAML: %s", msg)
}

type converter struct {
	file string
	p    *problems
}

// node checks y and returns it, or nil if it was refused.
func (c *converter) node(y *yaml.Node, depth int) *node {
	n := &node{file: c.file, line: y.Line, col: y.Column}
	switch {
	case depth > maxDepth:
		c.p.at(n, "depth", "nested deeper than %d levels", maxDepth)
		return nil
	case y.Kind == yaml.AliasNode:
		c.p.at(n, "alias", "an alias (*%s); write the value out, or use shapes or extends", y.Value)
		return nil
	case y.Anchor != "":
		c.p.at(n, "alias", "an anchor (&%s); anchors and aliases are not allowed", y.Anchor)
		return nil
	case y.Style&yaml.TaggedStyle != 0:
		c.p.at(n, "tag", "a tag (%s); put the value in quotes if the \"!\" belongs to it", y.Tag)
		return nil
	}
	switch y.Kind {
	case yaml.MappingNode:
		return c.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = nodeSeq
		for _, it := range y.Content {
			if v := c.node(it, depth+1); v != nil {
				n.items = append(n.items, v)
			}
		}
		return n
	default:
		return c.scalar(n, y)
	}
}

func (c *converter) mapping(n *node, y *yaml.Node, depth int) *node {
	n.kind = nodeMap
	seen := make(map[string]int, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		if k := y.Content[i]; k.Tag == "!!merge" && k.Style == 0 {
			c.p.at(&node{file: c.file, line: k.Line, col: k.Column}, "alias", "a merge key (<<); write the keys out, or use shapes or extends")
			continue
		}
		k := c.node(y.Content[i], depth+1)
		v := c.node(y.Content[i+1], depth+1)
		switch {
		case k == nil:
			continue
		case !k.scalar():
			c.p.at(k, "key", "%s as a key; a key is a text", k.kind)
			continue
		case k.kind == nodeNull:
			c.p.at(k, "key", "an empty key; put it in quotes")
			continue
		}
		if line, dup := seen[k.text]; dup {
			c.p.at(k, "duplicate-key", "%s stands here and in line %d; remove one", quote(k.text), line)
			continue
		}
		seen[k.text] = k.line
		if v == nil {
			continue
		}
		n.keys = append(n.keys, k)
		n.items = append(n.items, v)
	}
	return n
}

var (
	plainInt   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	plainFloat = regexp.MustCompile(`^-?(0|[1-9][0-9]*)\.[0-9]*[1-9]$`)
	yesNo      = regexp.MustCompile(`(?i)^(yes|no|on|off)$`)
)

func (c *converter) scalar(n *node, y *yaml.Node) *node {
	n.text = y.Value
	n.kind = nodeString
	switch {
	case y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		n.inset = 1
		return n
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		n.inset = -1
		return n
	}
	refuse := func(reads, write string) *node {
		c.p.at(n, "ambiguous", "%s is %s to some readers of YAML and a text to others; %s", y.Value, reads, write)
		return nil
	}
	quoted := "write '" + y.Value + "' in quotes if you mean the text"
	switch y.Tag {
	case "!!null":
		n.kind = nodeNull
		switch y.Value {
		case "~", "null":
			return n
		case "":
			c.p.at(n, "empty-value", `no value; write ~ for "none", or '' for the empty text`)
			return nil
		}
		return refuse("null", "write ~, or quote the text")
	case "!!bool":
		n.kind = nodeBool
		if y.Value == "true" || y.Value == "false" {
			return n
		}
		return refuse("a truth value", "write true or false, or quote the text")
	case "!!int":
		n.kind = nodeNumber
		if plainInt.MatchString(y.Value) && y.Value != "-0" {
			return n
		}
		return refuse("another number", quoted+", or a plain decimal number")
	case "!!float":
		n.kind = nodeNumber
		if plainInt.MatchString(y.Value) || plainFloat.MatchString(y.Value) {
			return n
		}
		return refuse("another number", quoted+", or a plain decimal number")
	case "!!timestamp":
		return refuse("a time", quoted)
	}
	if yesNo.MatchString(y.Value) {
		return refuse("a truth value", "write true or false, or "+quoted)
	}
	return n
}
