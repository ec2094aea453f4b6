package mapping

import (
	"maps"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A fieldPath names a value within a record's fields: "summary",
// "board.name", "custom.16" by the definition's id, or custom["Site Code"] by
// its caption, which is looked up in a catalog.
type fieldPath struct {
	text    string   // as written
	segs    []string // nil while the caption is not resolved
	caption string
	rows    *rowTable // tells the names of references; nil where they are as they are
	shared  bool      // another rule writes the whole object that this path leads into
}

func parseFieldPath(s string) (f fieldPath, hint string) {
	f.text = s
	if rest, ok := strings.CutPrefix(s, "custom["); ok {
		cap, ok := strings.CutSuffix(rest, "]")
		if ok && len(cap) > 1 && (cap[0] == '"' || cap[0] == '\'') && cap[len(cap)-1] == cap[0] {
			cap = cap[1 : len(cap)-1]
		}
		if f.caption = strings.TrimSpace(cap); !ok || f.caption == "" {
			return f, `write custom["Caption"]`
		}
		return f, ""
	}
	f.segs = strings.Split(s, ".")
	for _, seg := range f.segs {
		if seg == "" || strings.ContainsAny(seg, " []\"'") {
			return f, `write a field name such as status, board.name, custom.16 or custom["Caption"]`
		}
	}
	return f, ""
}

// top is the name of the field that the path starts in.
func (f fieldPath) top() string {
	if f.caption != "" {
		return "custom"
	}
	return f.segs[0]
}

// get reads the value; ok is false where it is absent.
func (f *fieldPath) get(from psa.Fields) (v any, ok bool) {
	v, ok = from[f.segs[0]]
	if f.rows != nil {
		v = f.rows.name(v)
	}
	for _, seg := range f.segs[1:] {
		if !ok || v == nil {
			return nil, ok // the name of no board is null
		}
		in, isObject := v.(psa.Fields)
		if !isObject {
			return nil, false
		}
		v, ok = in[seg]
	}
	return v, ok
}

// set writes the value and makes the objects on the way.
func (f *fieldPath) set(to psa.Fields, v any) {
	last := len(f.segs) - 1
	for _, seg := range f.segs[:last] {
		next, ok := to[seg].(psa.Fields)
		switch {
		case !ok:
			next = psa.Fields{}
			to[seg] = next
		case f.shared:
			next = maps.Clone(next)
			to[seg] = next
		}
		to = next
	}
	to[f.segs[last]] = v
}

// valueText returns the text that value maps and conditions compare: the name
// of a reference, or its id.
func valueText(v any, byID bool) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case psa.Fields:
		_, text = refText(v, byID)
		return text, text != ""
	default:
		return plainText(v)
	}
}

// refText returns the name of a reference, or its id where there is no name or
// ids are asked for; once as the reference holds it.
func refText(r psa.Fields, byID bool) (v any, text string) {
	if !byID {
		v = r["name"]
		if text, _ = v.(string); text != "" {
			return v, text
		}
	}
	v = r["id"]
	text, _ = v.(string)
	return v, text
}
