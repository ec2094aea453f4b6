package mapping

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/psasync/psasync/conflict"
)

// strategyExamples are offered by editors; any strategy that package conflict
// reads may stand in a map.
var strategyExamples = []string{
	"newest", "newest(5m)", "psa", "app", "left", "right", "filled", "manual", "merge_text", "merge_set", "merge_set(type.id, value)",
	"first(newest, manual)", "source_of_truth(psa, class:billing)", "note(psa)",
}

// strategyNames are what a strategy in a map may refer to.
func (o *Options) strategyNames() conflict.Names {
	return conflict.Names{Sides: map[string]conflict.Side{"psa": conflict.Left, "app": conflict.Right}, Custom: o.Strategies}
}

// strategy reads the value of conflict: a strategy as [conflict.Names.Parse]
// takes it, or a list of them, which is first of its items.
func (c mapReader) strategy(n *node) (conflict.Strategy, string) {
	items := []*node{n}
	if n.kind == nodeSeq {
		items = n.items
	}
	if len(items) == 0 {
		c.p.at(n, "missing", "conflict is an empty list; write a strategy, or remove it")
		return nil, ""
	}
	names := c.opts.strategyNames()
	var exprs []string
	var strategy conflict.Strategy
	for _, it := range items {
		expr, ok := c.text(it, "conflict")
		if !ok {
			continue
		}
		s, err := names.Parse(expr)
		if err != nil {
			c.badStrategy(it, err, 0)
			continue
		}
		strategy = s
		exprs = append(exprs, expr)
	}
	if len(exprs) < len(items) {
		return nil, ""
	}
	if len(items) == 1 {
		return strategy, exprs[0]
	}
	// Each item is fine by itself; together, one may hide those after it.
	const open, between = "first(", ", "
	all := open + strings.Join(exprs, between) + ")"
	strategy, err := names.Parse(all)
	var syntax *conflict.SyntaxError
	if errors.As(err, &syntax) {
		at, start := items[0], len(open)
		for i, pos := 0, len(open); i < len(items) && pos < syntax.Column; i++ {
			at, start = items[i], pos
			pos += utf8.RuneCountInString(exprs[i]) + len(between)
		}
		c.badStrategy(at, err, start)
		return nil, ""
	}
	return strategy, all
}

// badStrategy reports an error of package conflict at its character; skip is
// what stood before the node's text in the strategy that was read.
func (c mapReader) badStrategy(n *node, err error, skip int) {
	at, msg := *n, err.Error()
	var syntax *conflict.SyntaxError
	if errors.As(err, &syntax) {
		msg = syntax.Msg
		if n.inset >= 0 && !slices.Contains([]byte(n.text), '\n') {
			at.col += n.inset + syntax.Column - 1 - skip
		}
	}
	if n.inset == 0 && strings.Count(n.text, "(") > strings.Count(n.text, ")") {
		msg += "; within { } and [ ], a strategy with commas needs quotes"
	}
	c.p.at(&at, "strategy", "conflict: %s", msg)
}
