package transform

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/marker"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/strikethrough"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	nethtml "golang.org/x/net/html"
)

// notes converts rich text. It is safe for concurrent use.
type notes struct {
	toMarkdown *converter.Converter
	toHTML     goldmark.Markdown
	safe       *bluemonday.Policy
}

func newNotes() *notes {
	n := &notes{
		toMarkdown: converter.NewConverter(converter.WithPlugins(
			base.NewBasePlugin(),
			commonmark.NewCommonmarkPlugin(commonmark.WithListEndComment(false), commonmark.WithHorizontalRule("***")),
			strikethrough.NewStrikethroughPlugin(),
			// Padding to the width of a column would cost its width in every row.
			table.NewTablePlugin(table.WithCellPaddingBehavior(table.CellPaddingBehaviorMinimal)),
		)),
		toHTML: newMarkdown(),
		safe:   newPolicy(),
	}
	n.toMarkdown.Register.RendererFor("blockquote", converter.TagTypeBlock, quote, converter.PriorityEarly)
	return n
}

var emptyLines = regexp.MustCompile(`\n{3,}`)

// quote writes a quote. The library's own leaves the lines of code in it
// unmarked.
func quote(ctx converter.Context, w converter.Writer, n *nethtml.Node) converter.RenderStatus {
	var b bytes.Buffer
	ctx.RenderChildNodes(ctx, &b, n)
	content := emptyLines.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte("\n\n"))
	if len(content) == 0 {
		return converter.RenderSuccess
	}
	content = bytes.ReplaceAll(content, marker.BytesMarkerCodeBlockNewline, append(slices.Clone(marker.BytesMarkerCodeBlockNewline), "> "...))
	_, _ = w.WriteString("\n\n> ") // to memory
	_, _ = w.Write(bytes.ReplaceAll(content, []byte("\n"), []byte("\n> ")))
	_, _ = w.WriteString("\n\n")
	return converter.RenderSuccess
}

// newMarkdown reads CommonMark with tables and strike-through, less HTML: what
// looks like a tag, such as <server>, is text. A line ends where its author
// ended it, as in the vendors' own notes.
func newMarkdown() goldmark.Markdown {
	turns := func(p parser.InlineParser) few { return few{p, parser.NewContextKey()} }
	return goldmark.New(
		goldmark.WithParser(parser.NewParser(
			parser.WithBlockParsers(
				util.Prioritized(parser.NewSetextHeadingParser(), 100),
				util.Prioritized(parser.NewThematicBreakParser(), 200),
				util.Prioritized(shallow{parser.NewListParser()}, 300),
				util.Prioritized(parser.NewListItemParser(), 400),
				util.Prioritized(parser.NewCodeBlockParser(), 500),
				util.Prioritized(parser.NewATXHeadingParser(), 600),
				util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
				util.Prioritized(shallow{parser.NewBlockquoteParser()}, 800),
				util.Prioritized(parser.NewParagraphParser(), 1000),
			),
			parser.WithInlineParsers(
				util.Prioritized(turns(parser.NewCodeSpanParser()), 100),
				util.Prioritized(turns(parser.NewLinkParser()), 200),
				util.Prioritized(turns(parser.NewAutoLinkParser()), 300),
				util.Prioritized(turns(parser.NewEmphasisParser()), 500),
				util.Prioritized(turns(extension.NewStrikethroughParser()), 500),
			),
			parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(), util.Prioritized(newTables(), 200))...),
			parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0)),
		)),
		goldmark.WithRendererOptions(html.WithHardWraps(), renderer.WithNodeRenderers(
			util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), 500),
			util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500),
		)),
	)
}

// newPolicy lets through what Markdown can say and nothing that runs.
func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"table", "thead", "tbody", "tr", "th", "td")
	p.AllowURLSchemes("http", "https", "mailto", "tel")
	p.RequireParseableURLs(true)
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt").OnElements("img")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(?:left|right|center)$`)).OnElements("th", "td")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[A-Za-z0-9+#_-]{1,30}$`)).OnElements("code")
	return p
}

// html makes sanitised HTML of Markdown.
func (n *notes) html(md string) (string, error) {
	if len(md) > MaxMarkdown {
		return "", ErrTooLarge
	}
	src := []byte(strings.Map(visible, strings.ReplaceAll(strings.ToValidUTF8(md, "\uFFFD"), "\r\n", "\n")))
	doc := n.toHTML.Parser().Parse(text.NewReader(src))
	if deep(doc) {
		return "", ErrTooDeep
	}
	var b bytes.Buffer
	if err := n.toHTML.Renderer().Render(&b, src, doc); err != nil {
		return "", errors.New("the Markdown cannot be rendered")
	}
	return strings.TrimSpace(n.safe.SanitizeReader(&b).String()), nil
}

// markdown makes canonical Markdown of HTML: what it makes, html and markdown
// make again.
func (n *notes) markdown(src string) (string, error) {
	md, err := n.draft(src)
	for range 8 {
		if err != nil {
			return "", err
		}
		again, err := n.html(md)
		if err != nil {
			return "", err
		}
		if again, err = n.draft(again); err != nil {
			return "", err
		}
		if again == md {
			return md, nil
		}
		md = again
	}
	return "", errUnsettled
}

// draft makes Markdown of HTML. What the libraries write and read may differ in
// white space and escapes.
func (n *notes) draft(src string) (string, error) {
	doc, err := clean(src)
	if err != nil {
		return "", err
	}
	flank(doc)
	(&escaper{fresh: true}).node(doc)
	md, err := n.toMarkdown.ConvertNode(doc)
	if err != nil {
		return "", errors.New("the HTML cannot be written as Markdown")
	}
	out := restored(string(md))
	if len(out) > MaxMarkdown {
		return "", ErrTooLarge
	}
	return out, nil
}

var errUnsettled = errors.New("the HTML has no canonical Markdown")
