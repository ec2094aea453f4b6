// Package text writes values of records for people: bounded, on one line, and
// without characters that a terminal or a page would act on.
package text

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxShown bounds the runes of one value.
const maxShown = 80

// Value writes a canonical value.
func Value(v any) string {
	switch x := v.(type) {
	case nil:
		return "(none)"
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case string:
		return Quote(x)
	case json.Number:
		return x.String()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "(unreadable)"
	}
	return Clip(string(b))
}

// Quote writes s in quotes.
func Quote(s string) string { return strconv.Quote(Cut(s, maxShown)) }

// Clip bounds s as a value and writes what is not printable as an escape.
func Clip(s string) string { return ClipTo(s, maxShown) }

// ClipTo is Clip with another bound.
func ClipTo(s string, most int) string {
	var b strings.Builder
	for _, r := range Cut(s, most) {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// Cut bounds the runes of s; dots stand for the others.
func Cut(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "..."
		}
		n++
	}
	return s
}

// Plural counts what, an English noun in the singular.
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "y") {
		return fmt.Sprintf("%d %sies", n, what[:len(what)-1])
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Stamp writes t to the second.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// WriteJSON writes v indented.
func WriteJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// Of returns what write writes.
func Of(write func(io.Writer) error) string {
	var b strings.Builder
	_ = write(&b) // a Builder never fails
	return b.String()
}
