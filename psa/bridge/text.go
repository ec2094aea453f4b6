package bridge

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// maxShown bounds the runes of one value in a text, maxReason those of a
// sentence.
const (
	maxShown  = 80
	maxReason = 400
)

// format writes a value for people: bounded, on one line, and without
// characters that a terminal or a page would act on.
func format(v any) string {
	switch x := v.(type) {
	case nil:
		return "(none)"
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case string:
		return quote(x)
	case json.Number:
		return x.String()
	case psa.Fields:
		if refLike(x) && len(x) > 0 {
			return formatRef(x.String("id"), x.String("name"))
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "(unreadable)"
	}
	return clip(string(b))
}

func formatRef(id, name string) string {
	switch {
	case name == "":
		return formatID(id)
	case id == "":
		return quote(name)
	}
	return quote(name) + " " + formatID(id)
}

// formatID writes an id; one that a plan would create is told by its source.
func formatID(id string) string {
	if source, ok := strings.CutPrefix(id, dryID); ok {
		return "(new, from #" + clip(source) + ")"
	}
	return "#" + clip(id)
}

func quote(s string) string { return strconv.Quote(cut(s, maxShown)) }

// clip bounds s and writes what is not printable as an escape.
func clip(s string) string { return clipTo(s, maxShown) }

func clipTo(s string, most int) string {
	var b strings.Builder
	for _, r := range cut(s, most) {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

func cut(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "..."
		}
		n++
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "y") {
		return fmt.Sprintf("%d %sies", n, what[:len(what)-1])
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
