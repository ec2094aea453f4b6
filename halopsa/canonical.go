package halopsa

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/psasync/psasync/psa"
)

// decimals is how many digits of an hour are sent, which keeps a minute.
const decimals = 4

// Canonicalise returns what Halo holds after it was sent fields; see
// [psa.Canonicaliser]. Text is trimmed and has plain line ends, one line stays
// one line, empty text is nil, hours have four decimals, times full seconds;
// ids that stand for "none" are nil; a visibility that Halo lacks becomes
// internal, and no_charge becomes no. Custom fields are trimmed only: what else
// becomes of them depends on their types. It makes no request. The error is
// [psa.ErrInvalid].
func (p *Provider) Canonicalise(kind psa.Kind, fields psa.Fields) (psa.Fields, error) {
	v, err := psa.Canonical(fields)
	if err != nil {
		return nil, &psa.Error{Provider: name, Op: "canonicalise " + string(kind), Code: psa.ErrInvalid, Err: err}
	}
	out := nested(v.(psa.Fields))
	for field, v := range out {
		out[field] = tidy(kind, field, v)
	}
	return out, nil
}

// nested puts "custom.152" and "address.city" below their heads.
func nested(fields psa.Fields) psa.Fields {
	out := psa.Fields{}
	for field, v := range fields {
		if !strings.Contains(field, ".") {
			out[field] = v
		}
	}
	for field, v := range fields {
		head, rest, dotted := strings.Cut(field, ".")
		if !dotted {
			continue
		}
		inner, _ := out[head].(psa.Fields)
		if inner == nil {
			inner = psa.Fields{}
		}
		inner[rest] = v
		out[head] = inner
	}
	return out
}

// tidy returns the form of a value that Halo keeps. What has the wrong type
// stays as it is, to be refused.
func tidy(kind psa.Kind, field string, v any) any {
	switch field {
	case "visibility":
		if v == nil || v == string(psa.TeamOnly) {
			return string(psa.Internal)
		}
		return v
	case "billable":
		if v == noCharge {
			return notBillable
		}
		return v
	case "custom", "address":
		inner, ok := v.(psa.Fields)
		if !ok {
			return v
		}
		for k := range inner {
			inner[k] = tidyText(inner[k], field == "custom")
		}
		return inner
	}
	f, _ := psa.FieldOf(kind, field)
	switch f.Type {
	case psa.TypeString, psa.TypeText:
		return tidyText(v, f.Type == psa.TypeText)
	case psa.TypeNumber:
		if v == nil && field == "budget_hours" {
			return json.Number("0")
		}
		return rounded(v)
	case psa.TypeBool:
		if v == nil && field == "main" {
			return false
		}
	case psa.TypeTime:
		if at, err := time.Parse(time.RFC3339Nano, text(v)); err == nil {
			return psa.FormatTime(at.Truncate(time.Second))
		}
	case psa.TypeRef:
		if r, ok := v.(psa.Fields); ok && slices.Contains(nobody(field), r.String("id")) {
			return nil
		}
	case psa.TypeRefs:
		if v == nil {
			return []any{}
		}
	}
	return v
}

// nobody are the ids that stand for "none" in a reference: agent 1 is
// "Unassigned", client 1 "Unknown", user -1 the General User.
func nobody(field string) []string {
	switch field {
	case "company", "owner", "member":
		return []string{"0", "1", "-1"}
	case "source", "work_type":
		return []string{"-1"}
	}
	return []string{"0", "-1"}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// tidyText trims a text; an empty one is nil.
func tidyText(v any, lines bool) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s))
	if s == "" {
		return nil
	}
	return s
}

func rounded(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return v
	}
	out, err := psa.Canonical(json.Number(r.FloatString(decimals)))
	if err != nil {
		return v
	}
	return out
}
