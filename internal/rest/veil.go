package rest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A veil hides from what a server says what the request held: its credentials,
// in every form that a server may repeat them in, and the texts that it wrote.
// Both are nobody's business who reads an error.
type veil struct {
	words []string        // the longest first, so that no half of one remains
	short []string        // hidden where they stand alone
	runs  map[string]bool // all parts of a text of so many bytes
}

const (
	shortest = 4  // bytes of what is hidden at all
	run      = 12 // bytes in a row that are hidden wherever in a text they stand
)

// newVeil takes what to hide from the header values that Authorize added, and
// from the body. A read sends names and conditions, which may be told.
func newVeil(secrets []string, r *Request) *veil {
	v := &veil{runs: map[string]bool{}}
	for _, s := range secrets {
		v.secret(s)
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(r.Body)); err == nil {
			for _, values := range form {
				for _, s := range values {
					v.secret(s)
				}
			}
		}
	} else if !r.Safe && len(r.Body) > 0 {
		v.written(r.Body)
	}
	slices.SortFunc(v.words, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	v.words = slices.Compact(v.words)
	return v
}

func (v *veil) secret(s string) {
	if len(s) < shortest {
		return
	}
	v.words = append(v.words, s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s),
		base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))))
}

// written takes the texts of a body in.
func (v *veil) written(body []byte) {
	var x any
	if json.Unmarshal(body, &x) == nil {
		v.texts(x)
	}
}

func (v *veil) texts(x any) {
	switch x := x.(type) {
	case map[string]any:
		if value, ok := x["value"]; ok { // what stands beside it names a field
			v.texts(value)
			return
		}
		for _, e := range x {
			v.texts(e)
		}
	case []any:
		for _, e := range x {
			v.texts(e)
		}
	case string:
		for _, s := range []string{x, html.EscapeString(x), strings.Join(strings.Fields(x), " ")} {
			v.text(s)
		}
	}
}

func (v *veil) text(s string) {
	if len(s) >= shortest && len(s) < run {
		v.short = append(v.short, s)
	}
	for i := range s {
		if i+run <= len(s) {
			v.runs[s[i:i+run]] = true
		}
	}
}

// hide returns s without what the veil hides.
func (v *veil) hide(s string) string {
	for _, w := range v.words {
		s = strings.ReplaceAll(s, w, gone)
	}
	for _, w := range v.short {
		s = replaceWord(s, w)
	}
	if len(v.runs) == 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		end := i
		for j := i; j <= end && j+run <= len(s); j++ {
			if v.runs[s[j:j+run]] {
				end = j + run
			}
		}
		if end == i {
			_, n := utf8.DecodeRuneInString(s[i:])
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		for end < len(s) && !utf8.RuneStart(s[end]) {
			end++
		}
		b.WriteString(gone)
		i = end
	}
	return b.String()
}

// replaceWord hides w where no letter or digit goes on before or behind it.
func replaceWord(s, w string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, w)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+len(w):])
		b.WriteString(s[:i])
		if unicode.In(before, unicode.L, unicode.N) || unicode.In(after, unicode.L, unicode.N) {
			b.WriteString(w)
		} else {
			b.WriteString(gone)
		}
		s = s[i+len(w):]
	}
}

// body hides the same in an answer, also where JSON writes it in another way.
func (v *veil) body(raw []byte) []byte {
	var x any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&x) != nil || d.More() {
		return []byte(v.hide(string(raw)))
	}
	changed := false
	x = v.value(x, &changed)
	if !changed {
		return raw
	}
	out, err := json.Marshal(x)
	if err != nil {
		return nil // what was decoded always encodes
	}
	return out
}

func (v *veil) value(x any, changed *bool) any {
	switch x := x.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = v.value(e, changed)
			if clean := v.hide(k); clean != k {
				x[clean], *changed = x[k], true
				delete(x, k)
			}
		}
	case []any:
		for i, e := range x {
			x[i] = v.value(e, changed)
		}
	case string:
		clean := v.hide(x)
		*changed = *changed || clean != x
		return clean
	}
	return x
}

// header hides the same in what an answer's header says.
func (v *veil) header(h http.Header) http.Header {
	out := h.Clone()
	for _, values := range out {
		for i, s := range values {
			values[i] = v.hide(s)
		}
	}
	return out
}
