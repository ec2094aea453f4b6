package autotask

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/psasync/psasync/psa"
)

// Canonicalise returns what Autotask will hold after it was sent fields; see
// [psa.Canonicaliser]. It makes no request.
//
// Text loses space around it, \r and NUL; lines of a one-line text become one.
// Names, titles and texts are cut to the documented length; an address, a
// number or a marker that is too long is [psa.ErrInvalid], since a part of it
// means something else. "" is nil. Numbers keep four decimals, times whole
// seconds; hours are a whole number of seconds. Where start, end and hours of a
// time entry disagree, hours win: Autotask computes them from start and end. A
// visibility that is unknown is internal; "team" is, where the database has no
// such choice, stored as internal. Values of custom fields are texts.
func (p *Provider) Canonicalise(kind psa.Kind, fields psa.Fields) (psa.Fields, error) {
	out, bad := canonical(kind, fields)
	if len(bad) > 0 {
		return nil, refused("canonicalise "+string(kind), psa.Ref{}, bad)
	}
	return out, nil
}

// refused is the error for fields that cannot be written.
func refused(op string, ref psa.Ref, bad []string) error {
	slices.Sort(bad)
	if ref.ID == "" {
		ref = psa.Ref{}
	}
	return &psa.Error{Provider: name, Op: op, Ref: ref, Code: psa.ErrInvalid, Detail: strings.Join(slices.Compact(bad), "; ")}
}

// canonical returns the fields, nested where their names were dotted, and what
// is wrong with them. What is of another type than the schema says passes: it
// is refused when it is written.
func canonical(kind psa.Kind, fields psa.Fields) (out psa.Fields, bad []string) {
	out = psa.Fields{}
	for _, path := range sorted(fields) {
		v, err := psa.Canonical(fields[path])
		if err != nil {
			bad = append(bad, path+": a value of no known type")
			continue
		}
		head, rest, dotted := strings.Cut(path, ".")
		if !dotted {
			rest = ""
		}
		if whole, ok := v.(psa.Fields); ok && !dotted && isObject(kind, head) {
			for _, part := range sorted(whole) {
				bad = append(bad, put(kind, out, head, part, whole[part])...)
			}
			if len(whole) == 0 {
				out[head] = whole
			}
			continue
		}
		bad = append(bad, put(kind, out, head, rest, v)...)
	}
	if kind == psa.KindTimeEntry {
		agree(out)
	}
	return out, bad
}

func sorted(f psa.Fields) []string {
	names := make([]string, 0, len(f))
	for n := range f {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func isObject(kind psa.Kind, field string) bool {
	f, ok := psa.FieldOf(kind, field)
	return ok && f.Type == psa.TypeObject
}

// put adds one value; part is its name within an object.
func put(kind psa.Kind, out psa.Fields, head, part string, v any) (bad []string) {
	f, _ := psa.FieldOf(kind, head)
	path, typ := head, f.Type
	if part != "" {
		path, typ = head+"."+part, psa.TypeString
	}
	if head == "custom" && part != "" {
		v = customText(v)
	} else {
		v = tidy(typ, v)
	}
	if kind == psa.KindNote && path == "visibility" && v != string(psa.Public) && v != string(psa.TeamOnly) {
		v = string(psa.Internal)
	}
	if text, ok := v.(string); ok {
		if limit := limits(kind)[path]; limit.n > 0 && units(text) > limit.n {
			if !limit.cut {
				bad = []string{fmt.Sprintf("%s: longer than %d", path, limit.n)}
			}
			v = strings.TrimSpace(cut(text, limit.n))
		}
	}
	if part == "" {
		out[head] = v
		return bad
	}
	inner, ok := out[head].(psa.Fields)
	if !ok {
		inner = psa.Fields{}
		out[head] = inner
	}
	inner[part] = v
	return bad
}

// tidy brings a value into the form that it is stored in.
func tidy(typ psa.Type, v any) any {
	switch v := v.(type) {
	case json.Number:
		return rounded(v)
	case string:
		switch typ {
		case psa.TypeTime:
			if at, err := time.Parse(time.RFC3339, v); err == nil {
				return psa.FormatTime(at.Truncate(time.Second))
			}
		case psa.TypeText:
			v = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(v)
		default:
			v = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\x00", "").Replace(v)
		}
		if v = strings.TrimSpace(v); v == "" {
			return nil
		}
		return v
	}
	return v
}

// customText is the text that a user-defined field holds: the API takes and
// tells no other type.
func customText(v any) any {
	switch v := v.(type) {
	case json.Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return tidy(psa.TypeText, v)
}

// rounded keeps four decimals.
func rounded(n json.Number) any {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return n
	}
	return decimal(r)
}

func decimal(r *big.Rat) any {
	v, err := psa.Canonical(json.Number(r.FloatString(4)))
	if err != nil {
		return json.Number("0") // cannot be: a decimal is a number
	}
	return v
}

// wholeSeconds returns a number of hours as a time that starts and ends on a
// second.
func wholeSeconds(n json.Number) (time.Duration, bool) {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return 0, false
	}
	seconds, err := strconv.ParseInt(new(big.Rat).Mul(r, big.NewRat(3600, 1)).FloatString(0), 10, 64)
	if err != nil || seconds > 1<<31 || seconds < -(1<<31) {
		return 0, false // beyond any day
	}
	return time.Duration(seconds) * time.Second, true
}

// hoursOf is the other way round.
func hoursOf(d time.Duration) any { return decimal(big.NewRat(int64(d/time.Second), 3600)) }

// agree makes hours, start and end of a time entry say the same.
func agree(f psa.Fields) {
	n, ok := f["hours"].(json.Number)
	if !ok {
		return
	}
	worked, ok := wholeSeconds(n)
	if !ok {
		return
	}
	f["hours"] = hoursOf(worked)
	start, end := f.Time("start_at"), f.Time("end_at")
	if start.IsZero() || end.IsZero() {
		return
	}
	// Hours with two decimals are good for half a minute.
	if span := end.Sub(start); (span - worked).Abs() > 18*time.Second {
		f["end_at"] = psa.FormatTime(start.Add(worked))
	} else {
		f["hours"] = hoursOf(span)
	}
}

// units counts what a length is measured in.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

// cut keeps at most n units, and no half of a character.
func cut(s string, n int) string {
	for i, r := range s {
		if n -= max(utf16.RuneLen(r), 1); n < 0 {
			return s[:i]
		}
	}
	return s
}

// A limit is the longest text that a field takes (entities of the REST API);
// cut says whether a part of a longer one is of use.
type limit struct {
	n   int
	cut bool
}

func limits(kind psa.Kind) map[string]limit {
	switch kind {
	case psa.KindCompany:
		return map[string]limit{
			"name": {100, true}, "phone": {25, false}, "fax": {25, false}, "website": {255, false}, "address.line1": {128, true}, "address.line2": {128, true},
			"address.city": {30, true}, "address.state": {40, true}, "address.zip": {10, false},
		}
	case psa.KindSite:
		return map[string]limit{
			"name": {150, true}, "phone": {25, false}, "address.line1": {128, true}, "address.line2": {128, true},
			"address.city": {50, true}, "address.state": {50, true}, "address.zip": {20, false},
		}
	case psa.KindContact:
		return map[string]limit{
			"first_name": {50, true}, "last_name": {50, true}, "title": {50, true}, "email": {254, false}, "phone": {25, false}, "mobile": {25, false},
			"external_ref": {50, false},
		}
	case psa.KindTicket:
		return map[string]limit{
			"summary": {255, true}, "description": {8000, true}, "resolution": {32000, true}, "external_ref": {50, false}, "po_number": {50, false},
		}
	case psa.KindNote:
		return map[string]limit{"title": {maxTitle, true}, "text": {32000, true}}
	case psa.KindTimeEntry:
		return map[string]limit{"notes": {32000, true}, "internal_notes": {32000, true}}
	}
	return nil
}

// maxTitle is the longest title of a note.
const maxTitle = 250
