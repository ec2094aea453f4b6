package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

func FuzzParseLayout(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("version: 1\nkinds: {team: {id: [a, $parent], fields: {name: {first: [{when: {a: ~}, then: b}]}}}}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		l, err := ParseLayout("f", src)
		var e *Error
		switch {
		case err == nil:
			for _, k := range l.kinds {
				// What parsed decodes anything without a panic.
				k.Decode([]byte(`{"id":1,"value":"x","a":{"b":[1,{}]}}`), psa.Ref{})
				k.Sources()
			}
		case l != nil, !errors.As(err, &e), len(e.Findings) == 0, len(e.Findings) > maxProblems:
			t.Fatalf("layout %v, error %v", l, err)
		default:
			for _, f := range e.Findings {
				if !strings.HasPrefix(f.Where, "f:") || f.Message == "" || f.Code == "" {
					t.Fatalf("finding %+v", f)
				}
			}
		}
	})
}

// probe reads one path of each type, so that Decode can be compared with
// encoding/json.
const probe = `version: 1
times: {zone: UTC}
kinds:
  ticket:
    id: id
    fields:
      summary: s
      budget_hours: n
      closed: b
      due_at: t
      custom.any: {path: a, type: any}
      custom.deep: {path: o.p.q, type: any}
      board: r
`

// slow is Decode of the probe, written with encoding/json.
func slow(row []byte) (psa.Fields, bool) {
	var m map[string]any
	d := json.NewDecoder(strings.NewReader(string(row)))
	d.UseNumber()
	if !json.Valid(row) || d.Decode(&m) != nil || m == nil {
		return nil, false
	}
	switch id := m["id"].(type) {
	case string:
		if id == "" {
			return nil, false
		}
	case json.Number:
		n, err := psa.Canonical(id)
		if err != nil || strings.Contains(string(n.(json.Number)), ".") {
			return nil, false
		}
	default:
		return nil, false
	}
	want := psa.Fields{}
	switch v := m["s"].(type) {
	case nil, string:
		want["summary"] = v
	case json.Number:
		c, err := psa.Canonical(v)
		if err != nil {
			return nil, false
		}
		want["summary"] = string(c.(json.Number))
	default:
		return nil, false
	}
	switch v := m["n"].(type) {
	case nil:
		want["budget_hours"] = nil
	case json.Number:
		c, err := psa.Canonical(v)
		if err != nil {
			return nil, false
		}
		want["budget_hours"] = c
	default:
		return nil, false
	}
	switch v := m["b"].(type) {
	case nil, bool:
		want["closed"] = v
	default:
		return nil, false
	}
	a, err := psa.Canonical(m["a"])
	if err != nil {
		return nil, false
	}
	custom := psa.Fields{"any": a}
	want["custom"] = custom
	o, _ := m["o"].(map[string]any)
	_, oThere := m["o"]
	p, _ := o["p"].(map[string]any)
	_, pThere := o["p"]
	if m["o"] != nil && o == nil || o["p"] != nil && p == nil {
		return nil, false
	}
	q, qThere := p["q"]
	c, err := psa.Canonical(q)
	if err != nil {
		return nil, false
	}
	custom["deep"] = c
	for _, name := range []string{"s", "n", "b", "a"} {
		if _, there := m[name]; !there {
			delete(want, map[string]string{"s": "summary", "n": "budget_hours", "b": "closed"}[name])
			if name == "a" {
				delete(custom, "any")
			}
		}
	}
	if null := oThere && m["o"] == nil || pThere && o["p"] == nil; !qThere && !null {
		delete(custom, "deep")
	}
	if len(custom) == 0 {
		delete(want, "custom")
	}
	return want, true
}

func probeKind(t testing.TB) *KindLayout {
	l, err := ParseLayout("probe", []byte(probe))
	if err != nil {
		t.Fatal(err)
	}
	return l.Kind("ticket")
}

// stricter reports whether Decode may refuse a row that encoding/json takes: a key
// stands twice in it, or it is nested deeper than ours may be.
func stricter(row []byte, err error) bool {
	if err == nil || !json.Valid(row) {
		return false
	}
	return keyTwice(json.NewDecoder(bytes.NewReader(row))) || strings.Contains(err.Error(), "nested too deep")
}

// keyTwice reports whether an object in the next value of valid JSON has a key twice.
func keyTwice(d *json.Decoder) bool {
	next := func() json.Token {
		t, _ := d.Token() // it is valid
		return t
	}
	open, nested := next().(json.Delim)
	if !nested {
		return false
	}
	keys := map[json.Token]bool{}
	for d.More() {
		if open == '{' {
			key := next()
			if keys[key] {
				return true
			}
			keys[key] = true
		}
		if keyTwice(d) {
			return true
		}
	}
	next()
	return false
}

func compare(t interface {
	Helper()
	Fatalf(string, ...any)
}, k *KindLayout, row []byte) {
	t.Helper()
	got := k.Decode(row, psa.Ref{})
	if got.Err != nil && (!errors.Is(got.Err, psa.ErrData) || got.Fields != nil) {
		t.Fatalf("%s: %v", row, got.Err)
	}
	want, ok := slow(row)
	switch {
	case stricter(row, got.Err):
	case ok != (got.Err == nil):
		t.Fatalf("%s: Decode says %v, encoding/json says %v", row, got.Err, ok)
	case ok:
		have := maps.Clone(got.Fields)
		delete(have, "board")
		delete(have, "due_at")
		if !have.Equal(want) {
			t.Fatalf("%s: -want +got:\n%s", row, cmp.Diff(want, have))
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, row := range []string{
		`{"id":5,"s":"x","n":1.50,"b":true,"a":[1,{"k":null}],"o":{"p":{"q":"z"}}}`,
		`{"id":"5","s":null,"o":null,"n":-0}`, `{"id":5e0,"s":"\ud83d\ude00\u00e9\ud800","a":1E2}`,
		`{"id":5,"o":{"p":5}}`, `{"id":1,"o":1,"o":{"":{}}}`, ` {"id" : 5 , "a" : [ ] } `, `{"\u0069d":1}`, "{\"id\":1,\"s\":\"\xff\"}", `{"id":1,"o":{"p":{}}}`,
	} {
		f.Add([]byte(row))
	}
	k := probeKind(f)
	f.Fuzz(func(t *testing.T, row []byte) {
		if s := string(row); strings.Contains(s, `"r"`) || strings.Contains(s, `"t"`) || strings.Contains(s, `\`) && strings.Contains(s, "00") {
			k.Decode(row, psa.Ref{})
			return
		}
		// encoding/json folds nothing into a map, but "n" and "b" in texts are
		// ours alone: skip rows that need the lenient conversions.
		got := k.Decode(row, psa.Ref{})
		if v, ok := got.Fields["budget_hours"]; ok && v != nil {
			var m map[string]any
			if json.Unmarshal(row, &m) == nil {
				if _, text := m["n"].(string); text {
					return
				}
			}
		}
		if v, ok := got.Fields["closed"]; ok && v != nil {
			var m map[string]any
			if json.Unmarshal(row, &m) == nil {
				if _, plain := m["b"].(bool); !plain {
					return
				}
			}
		}
		compare(t, k, row)
	})
}

// Generated rows decode to what encoding/json reads, in whatever order and
// spacing the keys come.
func TestDecodeAgreesWithEncodingJSON(t *testing.T) {
	k := probeKind(t)
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(x float64) any { return x }),
		rapid.Map(rapid.IntRange(-1000, 1000), func(x int) any { return x }),
		rapid.Map(rapid.StringN(0, 12, -1), func(s string) any { return "x" + s }), // no text reads as number or flag
	)
	key := rapid.SampledFrom([]string{"id", "s", "n", "b", "a", "o", "p", "q", "x"})
	value := rapid.Deferred(func() *rapid.Generator[any] { return rapid.OneOf(scalar, scalar) })
	for range 3 {
		inner := value
		value = rapid.OneOf(scalar,
			rapid.Map(rapid.MapOfN(key, inner, 0, 5), func(m map[string]any) any { return m }),
			rapid.Map(rapid.SliceOfN(inner, 0, 3), func(l []any) any { return l }))
	}
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOfN(key, value, 0, 9).Draw(t, "row")
		if rapid.Bool().Draw(t, "good") {
			m["id"] = rapid.IntRange(1, 9).Draw(t, "id")
			m["b"] = rapid.Bool().Draw(t, "b")
			m["n"] = rapid.Float64Range(-100, 100).Draw(t, "n")
			m["s"] = rapid.String().Draw(t, "s")
		}
		switch n := m["b"].(type) { // 0 and 1 are flags to Decode only
		case int, float64:
			m["b"] = n == 0
		}
		row, err := json.MarshalIndent(m, "", rapid.SampledFrom([]string{"", " "}).Draw(t, "indent"))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, k, row)
	})
}

// The grammar is checked where nobody looks, too.
func TestScanAgreesWithJSONValid(t *testing.T) {
	p := newPlan(false)
	p.slot("a.b", true)
	k := rapid.SampledFrom([]string{`{`, `}`, `[`, `]`, `,`, `:`, `"a"`, `"b"`, `"\u00e9"`, `"\x"`, `1`, `-`, `0`, `.5`, `1e3`, `1e`, `true`, `nul`, `null`, ` `, "\n", "\x01"})
	rapid.Check(t, func(t *rapid.T) {
		row := `{"x":` + strings.Join(rapid.SliceOfN(k, 1, 8).Draw(t, "tokens"), "") + `}`
		err := p.scan([]byte(row), make([]span, len(p.paths)))
		if err != nil && strings.HasPrefix(err.Error(), "a") {
			return // a wanted path, of the wrong type or twice, in what may well be JSON
		}
		if valid := json.Valid([]byte(row)); valid != (err == nil) {
			t.Fatalf("%s: scan says %v, json.Valid says %v", row, err, valid)
		}
	})
}
