package mapping

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A node is one node of a checked YAML document. Scalars have one meaning
// only: what YAML could read in two ways never gets here.
type node struct {
	kind      nodeKind
	text      string // of a scalar, as written and without quotes
	file      string
	line, col int
	inset     int     // of a scalar's text behind col: 1 for a quote; -1: it starts elsewhere
	keys      []*node // of a mapping, in the order of the file
	items     []*node // values of a mapping, elements of a sequence
}

type nodeKind uint8

const (
	nodeMap nodeKind = iota
	nodeSeq
	nodeString
	nodeNumber
	nodeBool
	nodeNull
)

func (k nodeKind) String() string {
	return [...]string{"a mapping", "a list", "a text", "a number", "a truth value", "null (~)"}[k]
}

func (n *node) scalar() bool { return n.kind >= nodeString }

// get returns the value at key, or nil.
func (n *node) get(key string) *node {
	for i, k := range n.keys {
		if k.text == key {
			return n.items[i]
		}
	}
	return nil
}

// dump writes the meaning of n: no comments, no style, mappings sorted.
func (n *node) dump(b *strings.Builder) {
	switch n.kind {
	case nodeMap:
		order := make([]int, len(n.keys))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int { return strings.Compare(n.keys[i].text, n.keys[j].text) })
		b.WriteByte('{')
		for _, i := range order {
			n.keys[i].dump(b)
			n.items[i].dump(b)
		}
		b.WriteByte('}')
	case nodeSeq:
		b.WriteByte('[')
		for _, it := range n.items {
			it.dump(b)
		}
		b.WriteByte(']')
	default:
		b.WriteByte("s#?~"[n.kind-nodeString])
		b.WriteString(quote(n.text))
	}
}

// value returns a node as a canonical value.
func (n *node) value() any {
	switch n.kind {
	case nodeString:
		return n.text
	case nodeNumber:
		return json.Number(n.text)
	case nodeBool:
		return n.text == "true"
	case nodeSeq:
		list := make([]any, len(n.items))
		for i, it := range n.items {
			list[i] = it.value()
		}
		return list
	case nodeMap:
		f := make(psa.Fields, len(n.keys))
		for i, k := range n.keys {
			f[k.text] = n.items[i].value()
		}
		return f
	}
	return nil
}

// plainText returns a scalar value as text.
func plainText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return string(v), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// write writes n as flow YAML, for people.
func (n *node) write(b *strings.Builder) {
	comma := func(i int) {
		if i > 0 {
			b.WriteString(", ")
		}
	}
	switch n.kind {
	case nodeMap:
		b.WriteByte('{')
		for i, k := range n.keys {
			comma(i)
			b.WriteString(k.text + ": ")
			n.items[i].write(b)
		}
		b.WriteByte('}')
	case nodeSeq:
		b.WriteByte('[')
		for i, it := range n.items {
			comma(i)
			it.write(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(n.text)
	}
}
