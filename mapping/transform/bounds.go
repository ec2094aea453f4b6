package transform

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// maxNesting is how deep the elements of Markdown may nest.
const maxNesting = 100

// maxMarks is how many brackets and marks of emphasis mean something in one
// paragraph. Pairing them takes the square of their number.
const maxMarks = 2000

// shallow keeps quotes and lists from nesting beyond maxQuotes: each line of a
// text costs the time of all that are open. Deeper markers are text.
type shallow struct{ parser.BlockParser }

func (s shallow) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	open := 0
	for n := parent; n != nil; n = n.Parent() {
		if n.Kind() == ast.KindBlockquote || n.Kind() == ast.KindList {
			open++
		}
	}
	if open >= maxQuotes {
		return nil, parser.NoChildren
	}
	return s.BlockParser.Open(parent, reader, pc)
}

// few lets an inline parser have maxMarks turns in each block.
type few struct {
	parser.InlineParser
	turns parser.ContextKey
}

// turns are those that a block has had.
type turns struct {
	block ast.Node
	n     int
}

func (f few) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	t, _ := pc.Get(f.turns).(*turns)
	if t == nil {
		t = &turns{}
		pc.Set(f.turns, t)
	}
	if t.block != parent {
		*t = turns{block: parent}
	}
	if t.n++; t.n > maxMarks {
		return nil
	}
	return f.InlineParser.Parse(parent, block, pc)
}

func (f few) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	if c, ok := f.InlineParser.(parser.CloseBlocker); ok {
		c.CloseBlock(parent, block, pc)
	}
}

// tables makes tables of up to maxCells. All rows are filled up to the widest.
type tables struct{ parser.ParagraphTransformer }

func newTables() tables { return tables{extension.NewTableParagraphTransformer()} }

func (t tables) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	columns, lines := 0, node.Lines()
	for i := range lines.Len() {
		line := lines.At(i)
		columns = max(columns, bytes.Count(line.Value(reader.Source()), []byte("|"))+1)
	}
	if columns*lines.Len() <= maxCells {
		t.ParagraphTransformer.Transform(node, reader, pc)
	}
}

// deep reports whether a document nests too deeply. It walks without recursion,
// which is what such a tree would break.
func deep(doc ast.Node) bool {
	depth := 0
	for n := doc; ; n = n.NextSibling() {
		for c := n.FirstChild(); c != nil; c = n.FirstChild() {
			if depth++; depth > maxNesting {
				return true
			}
			n = c
		}
		for n != doc && n.NextSibling() == nil {
			n = n.Parent()
			depth--
		}
		if n == doc {
			return false
		}
	}
}
