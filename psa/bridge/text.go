package bridge

import (
	"strings"
	"time"

	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// maxReason bounds the runes of a sentence in a text.
const maxReason = 400

// format writes a value for people.
func format(v any) string {
	if f, ok := v.(psa.Fields); ok && refLike(f) && len(f) > 0 {
		return formatRef(f.String("id"), f.String("name"))
	}
	return text.Value(v)
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

func quote(s string) string { return text.Quote(s) }

func clip(s string) string { return text.Clip(s) }

func clipTo(s string, most int) string { return text.ClipTo(s, most) }

func plural(n int, what string) string { return text.Plural(n, what) }

func stamp(t time.Time) string { return text.Stamp(t) }
