package connectwise

import (
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/psasync/psasync/psa"
)

// Canonicalise returns what ConnectWise will hold; see [psa.Canonicaliser].
// Texts lose the space around them and control characters, those of one line
// their line breaks (all texts with [Config.FlattenText]), and names and
// summaries what goes beyond the vendor's length: other texts that are too
// long are refused when they are written. An empty text is none. Hours have
// two decimals, times whole seconds. Of urgencies and impacts only the name is
// kept, of communications what makes them equal: they have no id. The
// visibility team is internal, since ConnectWise has nothing in between; so is
// none at all. A value without a canonical form is [psa.ErrInvalid].
func (p *Provider) Canonicalise(kind psa.Kind, fields psa.Fields) (psa.Fields, error) {
	c, err := psa.Canonical(fields)
	if err != nil {
		return nil, &psa.Error{Provider: name, Op: "canonicalise " + string(kind), Code: psa.ErrInvalid, Err: err}
	}
	out, _ := c.(psa.Fields)
	for field, v := range out {
		out[field] = p.canonical(kind, field, v)
	}
	return out, nil
}

// canonical returns a value of a field, which may be dotted.
func (p *Provider) canonical(kind psa.Kind, field string, v any) any {
	head, sub, dotted := strings.Cut(field, ".")
	f, _ := psa.FieldOf(kind, head)
	if s, ok := v.(string); field == "visibility" && (ok || v == nil) {
		if s = flat(tidy(s)); s == "" || s == string(psa.TeamOnly) {
			s = string(psa.Internal)
		}
		return s
	}
	if dotted && f.Type == psa.TypeObject {
		f.Type = psa.TypeString
		if head == "custom" {
			f.Type = psa.TypeText
		}
	} else if dotted {
		return v
	}
	switch v := v.(type) {
	case nil:
		if f.Type == psa.TypeBool {
			return false
		}
	case string:
		switch f.Type {
		case psa.TypeString:
			return textOrNone(p.oneLine(kind, field, v))
		case psa.TypeText:
			return textOrNone(p.lines(v))
		case psa.TypeTime:
			return seconds(v)
		}
	case json.Number:
		if f.Unit == "hours" {
			return rounded(v)
		}
	case psa.Fields:
		return p.canonicalObject(kind, f, sub, v)
	case []any:
		if f.Type == psa.TypeList {
			return p.canonicalItems(v)
		}
	}
	return v
}

func (p *Provider) canonicalObject(kind psa.Kind, f psa.Field, sub string, v psa.Fields) any {
	switch {
	case f.Type == psa.TypeRef && len(v) == 0:
		return nil
	case enumerated(f.Kind):
		if name := v.String("name"); name != "" {
			return psa.Fields{"name": name}
		}
	case f.Type == psa.TypeObject && sub == "":
		for in, w := range v {
			v[in] = p.canonical(kind, f.Name+"."+in, w)
		}
	}
	return v
}

func textOrNone(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// oneLine makes a text of one line that is no longer than the field.
func (p *Provider) oneLine(kind psa.Kind, field, s string) string {
	s = flat(tidy(s))
	if l := limitOf(kind, field); l.cut {
		s = strings.TrimSpace(cut(s, l.max))
	}
	return s
}

// lines makes a text of many lines.
func (p *Provider) lines(s string) string {
	if s = tidy(s); p.flatten {
		s = flat(s)
	}
	return s
}

// tidy drops space around a text, control characters other than line breaks and
// tabs, and what is no UTF-8.
func tidy(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

func flat(s string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(s) }

// cut returns the beginning of a text that fits into the vendor's column.
func cut(s string, max int) string {
	for i, r := range s {
		if max -= utf16.RuneLen(r); max < 0 {
			return s[:i]
		}
	}
	return s
}

// seconds drops fractions of a time; a text that is none stays.
func seconds(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return s
	}
	return psa.FormatTime(t.Truncate(time.Second))
}

// rounded returns a number with two decimals at most.
func rounded(n json.Number) any {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return n
	}
	c, err := psa.Canonical(json.Number(r.FloatString(2)))
	if err != nil {
		return n
	}
	return c
}

// A limit is how long a text may be: a name is cut, since its beginning still
// is a name; of what is looked up or dialled every character counts.
type limit struct {
	max int // 0: no limit is known
	cut bool
}

// limitOf returns the length of a field (maxLength of the REST schemas).
func limitOf(kind psa.Kind, field string) limit {
	switch string(kind) + "." + field {
	case "company.name", "site.name",
		"company.address.line1", "company.address.line2", "company.address.city",
		"site.address.line1", "site.address.line2", "site.address.city":
		return limit{50, true}
	case "ticket.contact_name":
		return limit{62, true}
	case "ticket.summary":
		return limit{100, true}
	case "company.address.zip", "site.address.zip":
		return limit{12, false}
	case "ticket.contact_phone":
		return limit{20, false}
	case "company.identifier", "company.phone", "company.fax", "site.phone":
		return limit{30, false}
	case "company.address.state", "ticket.po_number":
		return limit{50, false}
	case "ticket.external_ref":
		return limit{100, false}
	case "contact.email", "contact.phone", "contact.mobile", "ticket.contact_email":
		return limit{250, false}
	case "company.website":
		return limit{255, false}
	}
	return limit{}
}

// unfold writes dotted names, such as custom.16, into the objects they name.
func unfold(kind psa.Kind, fields psa.Fields) psa.Fields {
	out := maps.Clone(fields)
	for field, v := range fields {
		head, sub, dotted := strings.Cut(field, ".")
		if f, _ := psa.FieldOf(kind, head); !dotted || sub == "" || f.Type != psa.TypeObject {
			continue
		}
		object, _ := out[head].(psa.Fields)
		object = maps.Clone(object)
		if object == nil {
			object = psa.Fields{}
		}
		object[sub] = v
		out[head] = object
		delete(out, field)
	}
	return out
}

// noneForEmpty turns empty texts of a row into nil: servers show a text that
// was cleared, or never set, in either way.
func noneForEmpty(fields psa.Fields) {
	for field, v := range fields {
		if v == "" {
			fields[field] = nil
		}
	}
	for _, field := range []string{"address", "custom"} {
		if in, ok := fields[field].(psa.Fields); ok {
			noneForEmpty(in)
		}
	}
}
