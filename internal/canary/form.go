package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// written is a value as something writes it down.
type written struct {
	name, text string
	digits     bool
}

// formsOf returns all that a text may become on its way into a log, a report, a
// file or an address.
func formsOf(text string) []written {
	number, err := strconv.ParseFloat(text, 64)
	isNumber := err == nil && !math.IsInf(number, 0) && !math.IsNaN(number)
	all := []written{{"as it is", text, isNumber}}
	add := func(name, form string) { all = append(all, written{name: name, text: form}) }
	add("query", url.QueryEscape(text))
	add("path", url.PathEscape(text))
	add("HTML", html.EscapeString(text))
	add("quoted", unquote(strconv.QuoteToASCII(text)))
	for once := range 2 {
		for _, escape := range []bool{true, false} {
			s := jsonText(text, escape)
			if once == 1 {
				s = jsonText(s, escape) // JSON in a string of JSON
			}
			add("JSON", s)
		}
	}
	add("hex", hex.EncodeToString([]byte(text)))
	for _, form := range aligned(text) {
		add("base64", form)
	}
	add("bytes", strings.Trim(fmt.Sprint([]byte(text)), "[]"))
	add("bytes", strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(text)), "[]"), " ", ","))
	add("bytes", strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(text)), "[]byte{"), "}"))
	if isNumber {
		for _, f := range []string{"%v", "%.2f", "%.3f", "%f", "%e", "%g"} {
			all = append(all, written{"number", fmt.Sprintf(f, number), true})
		}
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], math.Float64bits(number)) // as SQLite stores it
		add("float", string(b[:]))
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(number))
		add("float", string(b[:]))
	}
	return all
}

func jsonText(s string, escape bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escape)
	if err := e.Encode(s); err != nil {
		return s // a string always encodes
	}
	return unquote(strings.TrimSuffix(b.String(), "\n"))
}

func unquote(s string) string { return s[1 : len(s)-1] }

// aligned returns what base64 of anything that holds the text must hold: the
// middle, for each place of the text among groups of three bytes.
func aligned(text string) (out []string) {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for shift, lead := range []int{0, 2, 3} {
			b := append(make([]byte, shift), text...)
			whole := len(b) / 3 * 3
			if s := enc.EncodeToString(b[:whole]); len(s) >= lead+8 { // less is in anything
				out = append(out, s[lead:])
			}
		}
	}
	return out
}
