package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFormsAreFound writes values down in every way that programs know.
func TestFormsAreFound(t *testing.T) {
	type row struct {
		Name string
		Raw  []byte
	}
	ways := map[string]func(string) string{
		"as it is":         func(s string) string { return s },
		"upper case":       func(s string) string { return strings.Map(upper, s) },
		"query":            func(s string) string { return url.Values{"q": {s}}.Encode() },
		"path":             func(s string) string { return (&url.URL{Path: "/a/" + s}).EscapedPath() },
		"JSON":             func(s string) string { return marshal(row{Name: s}) },
		"JSON in JSON":     func(s string) string { return marshal(marshal(row{Name: s})) },
		"bytes in JSON":    func(s string) string { return marshal(row{Raw: []byte("x" + s + "yz")}) },
		"base64":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 of a pair": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("acme+public:" + s)) },
		"base64 in a URL":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("??" + s + "~~")) },
		"hex":              func(s string) string { return hex.EncodeToString([]byte(s)) },
		"quoted":           strconv.Quote,
		"ASCII":            strconv.QuoteToASCII,
		"%+v":              func(s string) string { return fmt.Sprintf("%+v", row{Raw: []byte(s)}) },
		"%#v":              func(s string) string { return fmt.Sprintf("%#v", row{Raw: []byte(s)}) },
		"error":            func(s string) string { return fmt.Sprintf("%+v", errors.New("no "+s)) },
		"XML": func(s string) string {
			var b bytes.Buffer
			if err := xml.EscapeText(&b, []byte(s)); err != nil {
				panic(err)
			}
			return b.String()
		},
	}
	for _, secret := range []string{"simPrivateKey001", "sim$ecret#0001 & <more>", "höhe-des-lohns", "acme+pub:priv", `with "quotes" and \`} {
		s := scanner(t, secret)
		for name, write := range ways {
			text := "before " + write(secret) + " after"
			if len(s.Scan([]byte(text))) == 0 {
				t.Errorf("%q is not found as %s: %s", secret, name, text)
			}
		}
		if hits := s.Scan([]byte("before simPrivateKey000 and acme+pub:prix after" + strings.Repeat("x", 99))); len(hits) > 0 {
			t.Errorf("%q: %v", secret, hits)
		}
	}
}

func upper(r rune) rune {
	if r >= 'a' && r <= 'z' {
		r -= 'a' - 'A'
	}
	return r
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func scanner(t *testing.T, texts ...string) *Scanner {
	t.Helper()
	var values []Value
	for i, text := range texts {
		values = append(values, Value{What: fmt.Sprint("value ", i), Text: text})
	}
	s, err := New(values...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNumbersAreFound writes somebody's pay down.
func TestNumbersAreFound(t *testing.T) {
	s := scanner(t, "61730.1901")
	for _, text := range []string{"61730.1901", "61730.19", "x=61730.190100", fmt.Sprintf("%e", 61730.1901), "\x40\xee\x24\x46\x15\x4c\x98\x5f", `{"cost":61730.1901}`} {
		if len(s.Scan([]byte(text))) == 0 {
			t.Errorf("not found in %q", text)
		}
	}
	for _, text := range []string{"161730.1901", "61730.19015", "61730", "6173.01901"} {
		if hits := s.Scan([]byte(text)); len(hits) > 0 {
			t.Errorf("found in %q: %v", text, hits)
		}
	}
}

// TestShortValues are refused: they are in anything.
func TestShortValues(t *testing.T) {
	if _, err := New(Value{What: "a code", Text: "7xq"}); err == nil || strings.Contains(err.Error(), "7xq") {
		t.Error(err)
	}
}

func TestFindAllows(t *testing.T) {
	s, err := New(Value{What: "key", Text: "key-1234"}, Value{What: "note", Text: "they pay late", Class: Private})
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("key-1234: they pay late")
	hits := s.Find(text, func(h Hit) bool { return h.Class == Private })
	if len(hits) != 1 || hits[0].What != "key" || hits[0].At != 0 || strings.Contains(hits[0].String(), "1234") {
		t.Error(hits)
	}
	if n := len(s.Find(text, nil)); n != 2 {
		t.Errorf("%d hits, want 2", n)
	}
}

// TestSent takes the credentials out of the headers of the three vendors.
func TestSent(t *testing.T) {
	sent := func(set func(http.Header)) *Scanner {
		h := http.Header{"Accept": {"application/json"}}
		set(h)
		s, err := New(Sent(h)...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	basic := sent(func(h http.Header) {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("acme+public:private")))
		h.Set("clientId", "client-id")
	})
	three := sent(func(h http.Header) {
		h.Set("ApiIntegrationCode", "INTEGRATION1")
		h.Set("UserName", "api@msp.example")
		h.Set("Secret", "s$cret")
	})
	bearer := sent(func(h http.Header) { h.Set("Authorization", "Bearer abc.def.ghi") })
	for text, s := range map[string]*Scanner{
		"acme+public": basic, "acme%2Bpublic": basic, " public ": basic, "private": basic, "YWNtZStwdWJsaWM6cHJpdmF0ZQ==": basic, "client-id": basic,
		"integration1": three, "api%40msp.example": three, "s$cret": three, "abc.def.ghi": bearer,
	} {
		if len(s.Scan([]byte(text))) == 0 {
			t.Errorf("%s is not found", text)
		}
	}
	if hits := basic.Scan([]byte("acme application/json Basic")); len(hits) > 0 {
		t.Error(hits)
	}
	if hits := three.Scan([]byte("api@msp.example")); len(hits) == 0 || hits[0].Class != Login {
		t.Error(hits)
	}
}

// TestScanAnywhere puts any value anywhere, among others that begin like it.
func TestScanAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[a-z]{4}[ -~äß]{4,40}`).Draw(t, "secret")
		before, after := rapid.String().Draw(t, "before"), rapid.String().Draw(t, "after")
		s, err := New(Value{What: "secret", Text: secret}, Value{What: "twin", Text: secret[:4] + "-another-one"})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			before + secret + after, before + secret[:3] + secret + after,
			base64.StdEncoding.EncodeToString([]byte(before + secret + after)), marshal(before + secret + after), url.QueryEscape(before + secret + after),
		} {
			if len(s.Scan([]byte(text))) == 0 {
				t.Errorf("not found in %q", text)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	var values []Value
	for i := range 60 {
		values = append(values, Value{What: "v", Text: fmt.Sprintf("canary-value-%d", i*7919)})
	}
	s, err := New(values...)
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(strings.Repeat(`{"id":48213,"summary":"Wi-Fi drops on floor 3","recordType":"ServiceTicket"},`, 10_000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if len(s.Scan(text)) > 0 {
			b.Fatal("found")
		}
	}
}
