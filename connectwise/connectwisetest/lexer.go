package connectwisetest

import (
	"strconv"
	"strings"
)

type tokenKind int

const (
	tokEnd tokenKind = iota
	tokName
	tokString
	tokNumber
	tokTime
	tokOp
	tokOpen
	tokClose
	tokComma
)

type token struct {
	kind tokenKind
	text string // strings without quotes and escapes, times without brackets
	pos  int
}

// lexer cuts a condition into tokens.
type lexer struct {
	text string
	pos  int
}

func (l *lexer) lex() (token, error) {
	for l.pos < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	if start == len(l.text) {
		return token{kind: tokEnd, pos: start}, nil
	}
	one := func(k tokenKind, n int) (token, error) {
		l.pos += n
		return token{kind: k, text: l.text[start:l.pos], pos: start}, nil
	}
	c := l.text[start]
	switch {
	case c == '(':
		return one(tokOpen, 1)
	case c == ')':
		return one(tokClose, 1)
	case c == ',':
		return one(tokComma, 1)
	case c == '=':
		return one(tokOp, 1)
	case c == '!' && strings.HasPrefix(l.text[start:], "!="):
		return one(tokOp, 2)
	case c == '<' || c == '>':
		if strings.HasPrefix(l.text[start+1:], "=") {
			return one(tokOp, 2)
		}
		return one(tokOp, 1)
	case c == '"' || c == '\'':
		return l.quoted(c)
	case c == '[':
		end := strings.IndexByte(l.text[start:], ']')
		if end < 0 {
			return token{}, syntaxError("The datetime at position " + strconv.Itoa(start) + " has no closing bracket.")
		}
		l.pos += end + 1
		return token{kind: tokTime, text: strings.TrimSpace(l.text[start+1 : start+end]), pos: start}, nil
	case digit(c) || c == '-' || c == '.':
		n := 1
		for start+n < len(l.text) && (digit(l.text[start+n]) || l.text[start+n] == '.') {
			n++
		}
		return one(tokNumber, n)
	case letter(c):
		n := 1
		for start+n < len(l.text) && (letter(l.text[start+n]) || digit(l.text[start+n]) || l.text[start+n] == '/') {
			n++
		}
		return one(tokName, n)
	}
	return token{}, syntaxError("Unexpected character at position " + strconv.Itoa(start) + ".")
}

// quoted reads a string. A backslash escapes only the quote: paths such as
// C:\temp need no doubling.
func (l *lexer) quoted(quote byte) (token, error) {
	start := l.pos
	var b strings.Builder
	for i := start + 1; i < len(l.text); i++ {
		c := l.text[i]
		switch {
		case c == quote:
			l.pos = i + 1
			return token{kind: tokString, text: b.String(), pos: start}, nil
		case c == '\\' && i+1 < len(l.text) && l.text[i+1] == quote:
			i++
			b.WriteByte(quote)
		default:
			b.WriteByte(c)
		}
	}
	return token{}, syntaxError("The string at position " + strconv.Itoa(start) + " has no closing quote.")
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
