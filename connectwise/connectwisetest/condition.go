package connectwisetest

import (
	"strconv"
	"strings"
	"time"
)

// The condition language (ConnectWise developer guide, Conditions):
//
//	summary contains "net" and (board/id in (1,2) or not closedFlag = true)
//	lastUpdated > [2026-08-20T18:04:26Z] and parentTicketId = null

// expr is a parsed condition: *binary, *negation or *compare.
type expr interface{ isExpr() }

func (*binary) isExpr()   {}
func (*negation) isExpr() {}
func (*compare) isExpr()  {}

// binary is "and" or "or".
type binary struct {
	or   bool
	l, r expr
}

// negation is "not" in front of a condition.
type negation struct{ x expr }

// compare is "path op value".
type compare struct {
	path   string
	op     string // = != < <= > >= like contains in
	neg    bool   // not like, not contains, not in
	values []value
}

type valueKind int

const (
	nullValue valueKind = iota
	stringValue
	numberValue
	boolValue
	timeValue
)

func (k valueKind) String() string {
	return [...]string{"null", "string", "numeric", "boolean", "datetime"}[k]
}

// value is a literal.
type value struct {
	kind valueKind
	text string // stringValue: without quotes; timeValue: without brackets
	num  float64
	b    bool
	t    time.Time
}

// maxDepth bounds parentheses and "not": deeper conditions are refused.
const maxDepth = 100

// syntaxError is a condition that does not parse.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

// parseConditions parses a conditions parameter. now gives [today] a meaning.
func parseConditions(text string, now time.Time) (expr, error) {
	p := &parser{lexer: lexer{text: text}, now: now}
	p.next()
	e := p.or(0)
	if p.err == nil && p.tok.kind != tokEnd {
		p.unexpected()
	}
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

type parser struct {
	lexer
	tok token
	now time.Time
	err error
}

func (p *parser) next() {
	if p.err != nil {
		p.tok = token{kind: tokEnd}
		return
	}
	t, err := p.lex()
	if err != nil {
		p.err, t = err, token{kind: tokEnd}
	}
	p.tok = t
}

func (p *parser) unexpected() {
	if p.err != nil {
		return
	}
	if p.tok.kind == tokEnd {
		p.err = syntaxError("The condition ends too early.")
		return
	}
	p.err = syntaxError("Unexpected '" + p.tok.text + "' at position " + strconv.Itoa(p.tok.pos) + ".")
}

// keyword reports whether the token is the word, in any case.
func (p *parser) keyword(word string) bool {
	return p.tok.kind == tokName && strings.EqualFold(p.tok.text, word)
}

func (p *parser) or(depth int) expr {
	l := p.and(depth)
	for p.err == nil && p.keyword("or") {
		p.next()
		l = &binary{or: true, l: l, r: p.and(depth)}
	}
	return l
}

func (p *parser) and(depth int) expr {
	l := p.unary(depth)
	for p.err == nil && p.keyword("and") {
		p.next()
		l = &binary{l: l, r: p.unary(depth)}
	}
	return l
}

func (p *parser) unary(depth int) expr {
	if depth > maxDepth {
		p.err = syntaxError("The condition is nested too deeply.")
		return nil
	}
	switch {
	case p.keyword("not"):
		p.next()
		return &negation{x: p.unary(depth + 1)}
	case p.tok.kind == tokOpen:
		p.next()
		e := p.or(depth + 1)
		if p.tok.kind != tokClose {
			p.unexpected()
			return nil
		}
		p.next()
		return e
	case p.tok.kind == tokName && !reserved(p.tok.text):
		return p.compare()
	}
	p.unexpected()
	return nil
}

func (p *parser) compare() expr {
	c := &compare{path: p.tok.text}
	p.next()
	if p.keyword("not") {
		c.neg = true
		p.next()
	}
	switch {
	case p.tok.kind == tokOp && !c.neg:
		c.op = p.tok.text
	case p.keyword("like"), p.keyword("contains"), p.keyword("in"):
		c.op = strings.ToLower(p.tok.text)
	default:
		p.unexpected()
		return nil
	}
	p.next()
	if c.op != "in" {
		c.values = []value{p.value()}
		return c
	}
	if p.tok.kind != tokOpen {
		p.unexpected()
		return nil
	}
	for {
		p.next()
		c.values = append(c.values, p.value())
		if p.err != nil || p.tok.kind != tokComma {
			break
		}
	}
	if p.tok.kind != tokClose {
		p.unexpected()
		return nil
	}
	p.next()
	return c
}

func (p *parser) value() value {
	t := p.tok
	var v value
	switch {
	case t.kind == tokString:
		v = value{kind: stringValue, text: t.text}
	case t.kind == tokNumber:
		n, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			p.unexpected()
			return v
		}
		v = value{kind: numberValue, num: n}
	case t.kind == tokTime:
		at, ok := parseTime(t.text, p.now)
		if !ok {
			p.err = syntaxError("'" + t.text + "' is not a valid datetime.")
			return v
		}
		v = value{kind: timeValue, text: t.text, t: at}
	case p.keyword("true"), p.keyword("false"):
		v = value{kind: boolValue, b: p.keyword("true")}
	case p.keyword("null"):
		v = value{kind: nullValue}
	default:
		p.unexpected()
		return v
	}
	p.next()
	return v
}

func reserved(word string) bool {
	switch strings.ToLower(word) {
	case "and", "or", "not", "in", "like", "contains", "null", "true", "false":
		return true
	}
	return false
}

// parseTime reads the forms clients send between brackets. Stamps without a
// zone are taken as UTC.
func parseTime(s string, now time.Time) (time.Time, bool) {
	switch strings.ToLower(s) {
	case "today":
		return now.UTC().Truncate(24 * time.Hour), true
	case "yesterday":
		return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1), true
	case "tomorrow":
		return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
