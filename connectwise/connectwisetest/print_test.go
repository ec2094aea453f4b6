package connectwisetest

import (
	"strconv"
	"strings"
)

// Precedence of the operators, for printing parentheses only where needed.
const (
	precOr = iota
	precAnd
	precNot
)

// printExpr writes a condition so that it parses to the same.
func printExpr(e expr) string {
	var b strings.Builder
	writeExpr(&b, e, precOr)
	return b.String()
}

func writeExpr(b *strings.Builder, e expr, inner int) {
	switch e := e.(type) {
	case *binary:
		prec, word := precAnd, " and "
		if e.or {
			prec, word = precOr, " or "
		}
		if prec < inner {
			b.WriteByte('(')
			defer b.WriteByte(')')
		}
		writeExpr(b, e.l, prec)
		b.WriteString(word)
		writeExpr(b, e.r, prec+1) // left-associative: a right operand of the same kind keeps its parentheses
	case *negation:
		b.WriteString("not ")
		writeExpr(b, e.x, precNot+1)
	case *compare:
		writeCompare(b, e)
	}
}

func writeCompare(b *strings.Builder, e *compare) {
	b.WriteString(e.path)
	b.WriteByte(' ')
	if e.neg {
		b.WriteString("not ")
	}
	b.WriteString(e.op)
	b.WriteByte(' ')
	if e.op != "in" {
		writeValue(b, e.values[0])
		return
	}
	b.WriteByte('(')
	for i, v := range e.values {
		if i > 0 {
			b.WriteByte(',')
		}
		writeValue(b, v)
	}
	b.WriteByte(')')
}

func writeValue(b *strings.Builder, v value) {
	switch v.kind {
	case nullValue:
		b.WriteString("null")
	case stringValue:
		b.WriteString(`"` + strings.ReplaceAll(v.text, `"`, `\"`) + `"`)
	case numberValue:
		b.WriteString(strconv.FormatFloat(v.num, 'f', -1, 64))
	case boolValue:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v.b])
	case timeValue:
		b.WriteString("[" + v.text + "]")
	}
}
