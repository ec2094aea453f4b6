package mapping

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/psasync/psasync/psa"
)

// times says how a vendor writes times.
type times struct {
	utc         bool // a time without a zone is UTC
	emptyBefore int  // a time before this year means none; 0: every time counts
}

func bad(msg string) error { return &dataError{"", msg} }

// got names the JSON type of a value in errors.
func got(raw []byte) string {
	switch raw[0] {
	case '"':
		return "a text"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a truth value"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

func isNull(raw []byte) bool { return raw[0] == 'n' }

// text decodes a JSON string.
func text(raw []byte) (string, error) {
	in := raw[1 : len(raw)-1]
	if bytes.IndexByte(in, '\\') < 0 && utf8.Valid(in) {
		return string(in), nil
	}
	return unquote(raw)
}

// scalarText returns a scalar as text: numbers in canonical form.
func scalarText(raw []byte) (string, error) {
	switch raw[0] {
	case '"':
		return text(raw)
	case '{', '[', 'n':
		return "", bad("got " + got(raw) + ", want a single value")
	case 't', 'f':
		return string(raw), nil
	default:
		n, err := number(raw)
		return string(n), err
	}
}

// number returns a JSON number in canonical form.
func number(raw []byte) (json.Number, error) {
	if canonicalAlready(raw) {
		return json.Number(raw), nil
	}
	v, err := psa.Canonical(json.Number(raw))
	if err != nil {
		return "", bad("a number out of range")
	}
	return v.(json.Number), nil
}

// canonicalAlready reports whether psa.Canonical would return a JSON number as
// it is: no exponent, no superfluous zero, no negative zero.
func canonicalAlready(raw []byte) bool {
	i := 0
	if raw[0] == '-' {
		i = 1
	}
	i = digits(raw, i)
	if i == len(raw) {
		return len(raw) < 40 && raw[len(raw)-1] != '0' || len(raw) < 40 && raw[0] != '-'
	}
	return len(raw) < 40 && raw[i] == '.' && digits(raw, i+1) == len(raw) && raw[len(raw)-1] != '0'
}

// idText returns an id as text, whether the vendor sends 5, "5" or 5.0.
// An empty text is no id.
func idText(raw []byte) (string, error) {
	switch raw[0] {
	case '"':
		return text(raw)
	case '{', '[', 't', 'f', 'n':
		return "", bad("got " + got(raw) + ", want an id")
	default:
		n, err := number(raw)
		if err == nil && strings.IndexByte(string(n), '.') >= 0 {
			return "", bad("got a fraction, want an id")
		}
		return string(n), err
	}
}

// convert brings a scalar other than null into the canonical form of a type.
func convert(raw []byte, t psa.Type, ts times) (any, error) {
	switch t {
	case psa.TypeString, psa.TypeText, psa.TypeOption:
		if raw[0] == '{' || raw[0] == '[' || raw[0] == 't' || raw[0] == 'f' {
			return nil, bad("got " + got(raw) + ", want a text")
		}
		return scalarText(raw)
	case psa.TypeNumber:
		return toNumber(raw)
	case psa.TypeBool:
		return toBool(raw)
	case psa.TypeTime, psa.TypeDate:
		if raw[0] != '"' {
			return nil, bad("got " + got(raw) + ", want a time")
		}
		s, err := text(raw)
		if err != nil {
			return nil, err
		}
		return toTime(s, t, ts)
	default:
		return anyValue(raw)
	}
}

func toNumber(raw []byte) (any, error) {
	switch raw[0] {
	case '"':
		s, err := text(raw)
		if err != nil {
			return nil, err
		}
		in := scanner{b: []byte(strings.TrimSpace(s))}
		if err := in.number(); err != nil || in.i != len(in.b) {
			return nil, bad("got a text, want a number")
		}
		return number(in.b)
	case '{', '[', 't', 'f':
		return nil, bad("got " + got(raw) + ", want a number")
	default:
		return number(raw)
	}
}

// toBool takes true and false, the texts of them in any case (ConnectWise
// sends them within _info) and the numbers 1 and 0 (Autotask's isActive).
func toBool(raw []byte) (any, error) {
	switch string(raw) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	if raw[0] == '"' {
		switch s := string(raw[1 : len(raw)-1]); {
		case strings.EqualFold(s, "true"), s == "1":
			return true, nil
		case strings.EqualFold(s, "false"), s == "0":
			return false, nil
		}
	}
	return nil, bad("got " + got(raw) + ", want a truth value")
}

// toTime reads RFC 3339 with any number of fractional digits, and without a
// zone or a time of day where the layout says what that means.
func toTime(s string, t psa.Type, ts times) (any, error) {
	if s == "" {
		return nil, nil
	}
	at, msg := parseTime(s, ts.utc)
	switch {
	case msg != "":
		return nil, bad(msg)
	case at.Year() < ts.emptyBefore:
		return nil, nil
	case at.Year() < 0 || at.Year() > 9999:
		return nil, bad("a time out of range")
	case t == psa.TypeDate:
		return at.Format(time.DateOnly), nil
	}
	return psa.FormatTime(at), nil
}

func parseTime(s string, zoneless bool) (time.Time, string) {
	const noTime = "the text is no time"
	c := timeReader{s: s, ok: true}
	year, month, day := c.int(4), c.after('-', 2), c.after('-', 2)
	var hour, minute, sec, nsec int
	date := c.s == ""
	if !date {
		if c.s[0] != 'T' && c.s[0] != 't' && c.s[0] != ' ' {
			return time.Time{}, noTime
		}
		c.s = c.s[1:]
		hour, minute, sec = c.int(2), c.after(':', 2), c.after(':', 2)
		nsec = c.fraction()
	}
	zone, zoned := c.zone()
	if !c.ok || c.s != "" || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || sec > 59 {
		return time.Time{}, noTime
	}
	at := time.Date(year, time.Month(month), day, hour, minute, sec, nsec, time.UTC)
	if at.Day() != day {
		return time.Time{}, noTime
	}
	if !zoned && !zoneless {
		return time.Time{}, "a time without a zone; say \"times: {zone: UTC}\" if the vendor means UTC"
	}
	return at.Add(-zone), ""
}

type timeReader struct {
	s  string
	ok bool
}

func (r *timeReader) int(n int) int {
	if len(r.s) < n {
		r.ok = false
		return 0
	}
	v := 0
	for _, c := range []byte(r.s[:n]) {
		if c < '0' || c > '9' {
			r.ok = false
			return 0
		}
		v = v*10 + int(c-'0')
	}
	r.s = r.s[n:]
	return v
}

func (r *timeReader) after(sep byte, n int) int {
	if r.s == "" || r.s[0] != sep {
		r.ok = false
		return 0
	}
	r.s = r.s[1:]
	return r.int(n)
}

// fraction reads any number of digits and keeps nanoseconds.
func (r *timeReader) fraction() int {
	if r.s == "" || r.s[0] != '.' {
		return 0
	}
	v, unit, i := 0, 100_000_000, 1
	for ; i < len(r.s) && '0' <= r.s[i] && r.s[i] <= '9'; i++ {
		v += int(r.s[i]-'0') * unit
		unit /= 10
	}
	r.ok = r.ok && i > 1
	r.s = r.s[i:]
	return v
}

func (r *timeReader) zone() (offset time.Duration, zoned bool) {
	if r.s == "" {
		return 0, false
	}
	sign := time.Duration(1)
	switch r.s[0] {
	case 'Z', 'z':
		r.s = r.s[1:]
		return 0, true
	case '-':
		sign = -1
	case '+':
	default:
		r.ok = false
		return 0, false
	}
	r.s = r.s[1:]
	h := r.int(2)
	if r.s != "" && r.s[0] == ':' {
		r.s = r.s[1:]
	}
	m := r.int(2)
	r.ok = r.ok && h < 24 && m < 60
	return sign * (time.Duration(h)*time.Hour + time.Duration(m)*time.Minute), true
}

// anyValue decodes a value whose type the layout does not know, such as a
// custom field's.
func anyValue(raw []byte) (any, error) {
	switch raw[0] {
	case '"':
		return text(raw)
	case 't':
		return true, nil
	case 'f':
		return false, nil
	case 'n':
		return nil, nil
	case '{', '[':
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, errSyntax
		}
		c, err := psa.Canonical(v)
		if err != nil {
			return nil, bad("a number out of range")
		}
		return c, nil
	default:
		return number(raw)
	}
}
