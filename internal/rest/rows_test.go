package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

func rowsOf(body []byte, wrapper string) (rows []string, err error) {
	for row, e := range Rows(body, wrapper) {
		if e != nil {
			return rows, e
		}
		rows = append(rows, string(row))
	}
	return rows, nil
}

func TestRows(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	for _, tc := range []struct {
		name, body, wrapper string
		want                []string
		fault               string // "": none
	}{
		{name: "empty list", body: `[]`},
		{name: "empty list with space", body: " [ \n ] \r\n"},
		{name: "objects", body: `[{"id":1},{"id":2}]`, want: []string{`{"id":1}`, `{"id":2}`}},
		{name: "space", body: " [ {\"id\" : 1 }\n,\t{} ] ", want: []string{`{"id" : 1 }`, `{}`}},
		{name: "byte order mark", body: "\xEF\xBB\xBF[{}]", want: []string{`{}`}},
		{name: "strings with brackets", body: `[{"a":"}]\"\\"},{"b":"[{"}]`, want: []string{`{"a":"}]\"\\"}`, `{"b":"[{"}`}},
		{name: "scalars", body: `[1,-2.5e3,"a,b",true,null]`, want: []string{`1`, `-2.5e3`, `"a,b"`, `true`, `null`}},
		{name: "nested", body: `[[1,[2]],{"a":[{}]}]`, want: []string{`[1,[2]]`, `{"a":[{}]}`}},
		{name: "as deep as allowed", body: `[` + nested(maxDepth) + `]`, want: []string{nested(maxDepth)}},
		{name: "too deep", body: `[` + nested(maxDepth+1) + `]`, fault: "nested too deeply"},
		{name: "far too deep", body: strings.Repeat(`[`, 1_000_000), fault: "nested too deeply"},

		{name: "wrapper", body: `{"items":[{"id":1}],"pageDetails":{"next":null}}`, wrapper: "items", want: []string{`{"id":1}`}},
		{name: "wrapper last", body: `{"record_count":1, "x":[1], "tickets" : [ {"id":1} ] }`, wrapper: "tickets", want: []string{`{"id":1}`}},
		{name: "wrapper escaped", body: `{"item\u0073":[{}]}`, wrapper: "items", want: []string{`{}`}},
		{name: "wrapper of another name", body: `{"rows":[{"id":1}]}`, wrapper: "items", fault: "another shape"},
		{name: "wrapper empty", body: `{}`, wrapper: "items", fault: "another shape"},
		{name: "wrapper null", body: `{"items":null}`, wrapper: "items", fault: "another shape"},
		{name: "wrapper object", body: `{"items":{"id":1}}`, wrapper: "items", fault: "another shape"},
		{name: "wrapper twice", body: `{"items":[],"items":[{}]}`, wrapper: "items", fault: "another shape"},
		{name: "wrapper nested", body: `{"a":{"items":[]}}`, wrapper: "items", fault: "another shape"},
		{name: "list instead of wrapper", body: `[{"id":1}]`, wrapper: "items", fault: "another shape"},
		{name: "wrapper instead of list", body: `{"items":[]}`, fault: "another shape"},
		{name: "single object", body: `{"id":1}`, fault: "another shape"},
		{name: "null", body: `null`, fault: "another shape"},
		{name: "nothing", body: ` `, fault: "cut off"},
		{name: "html", body: `<html>`, fault: "another shape"},

		{name: "cut between rows", body: `[{"id":1},`, want: []string{`{"id":1}`}, fault: "cut off"},
		{name: "cut behind a row", body: `[{"id":1}`, want: []string{`{"id":1}`}, fault: "cut off"},
		{name: "cut in a row", body: `[{"id":1},{"id`, want: []string{`{"id":1}`}, fault: "cut off"},
		{name: "cut in an escape", body: `[{"a":"\`, fault: "cut off"},
		{name: "cut in a scalar", body: `[tru`, fault: "cut off"},
		{name: "cut behind the wrapped list", body: `{"items":[{"id":1}]`, wrapper: "items", want: []string{`{"id":1}`}, fault: "cut off"},
		{name: "cut in the wrapper", body: `{"items"`, wrapper: "items", fault: "cut off"},
		{name: "second list", body: `[{"id":1}][{"id":2}]`, want: []string{`{"id":1}`}, fault: "something follows"},
		{name: "text behind", body: `{"items":[]} <!-- -->`, wrapper: "items", fault: "something follows"},
		{name: "crossed brackets", body: `[{"a":[}]]`, fault: "malformed"},
		{name: "wrong bracket", body: `[{]`, fault: "malformed"},
		{name: "no comma", body: `[{} {}]`, want: []string{`{}`}, fault: "malformed"},
		{name: "comma at the end", body: `[{},]`, want: []string{`{}`}, fault: "malformed"},
		{name: "only a comma", body: `[,]`, fault: "malformed"},
		{name: "bad scalar", body: `[tru,1]`, fault: "malformed"},
		{name: "NaN", body: `[NaN]`, fault: "malformed"},
		{name: "wrapper without colon", body: `{"items" []}`, wrapper: "items", fault: "malformed"},
		{name: "wrapper without comma", body: `{"items":[] "x":1}`, wrapper: "items", fault: "malformed"},
		{name: "wrapper without name", body: `{items:[]}`, wrapper: "items", fault: "malformed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := rowsOf([]byte(tc.body), tc.wrapper)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if tc.fault == "" && err != nil || tc.fault != "" && (!errors.Is(err, psa.ErrData) || !strings.Contains(err.Error(), tc.fault)) {
				t.Errorf("error %v, want %q", err, tc.fault)
			}
		})
	}
	for row, err := range Rows([]byte(`[1,2]`), "") {
		if err != nil || string(row) != "1" {
			t.Errorf("%s %v", row, err)
		}
		break
	}
}

func TestMember(t *testing.T) {
	body := []byte(` {"record_count": 717, "tickets":[{"record_count":1}], "pageDetails":{"nextPageUrl":null}} `)
	for name, want := range map[string]string{"record_count": "717", "pageDetails": `{"nextPageUrl":null}`, "tickets": `[{"record_count":1}]`, "next": ""} {
		raw, ok, err := Member(body, name)
		if err != nil || string(raw) != want || ok != (want != "") {
			t.Errorf("%s: %s %v %v", name, raw, ok, err)
		}
	}
	for _, bad := range []string{``, `[]`, `{"a":1`, `{"a":1}x`, `null`} {
		if _, _, err := Member([]byte(bad), "a"); !errors.Is(err, psa.ErrData) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzRows compares with encoding/json: whatever that takes for an array is
// split the same way, and whatever is accepted and valid row by row is an
// array to it.
func FuzzRows(f *testing.F) {
	for _, s := range []string{`[]`, `[{"id":1},{"id":2}]`, ` [ "a\"]" , [1,{"b":"\\"}] ] `, `[{"id":1},`, `{"items":[{}],"x":1}`, `[1 2]`, `[}`, "[\"\xff\"]", `[{"a":1}]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, wrapper := range []string{"", "items"} {
			rows, err := rowsOf(body, wrapper)
			var want []json.RawMessage
			var jsonErr error
			plain := bytes.TrimPrefix(body, bom)
			if wrapper == "" {
				jsonErr = json.Unmarshal(plain, &want)
				if want == nil {
					jsonErr = errors.New("null")
				}
			} else {
				var members map[string]json.RawMessage
				if jsonErr = json.Unmarshal(plain, &members); jsonErr == nil {
					if err != nil {
						continue // strict where a map is not: twice, null
					}
					jsonErr = json.Unmarshal(members[wrapper], &want)
				}
			}
			valid := err == nil
			for _, row := range rows {
				valid = valid && json.Valid([]byte(row))
			}
			if jsonErr == nil && err != nil && !strings.Contains(err.Error(), "too deeply") {
				t.Fatalf("%q: %v", body, err)
			}
			if valid && jsonErr != nil && wrapper == "" {
				t.Fatalf("%q: accepted, %v", body, jsonErr)
			}
			if err == nil && jsonErr == nil {
				if len(rows) != len(want) {
					t.Fatalf("%q: %d rows, want %d", body, len(rows), len(want))
				}
				for i := range rows {
					if rows[i] != string(want[i]) {
						t.Fatalf("%q: row %q, want %q", body, rows[i], want[i])
					}
				}
			}
		}
		_, _, err := Member(body, "items")
		var members map[string]json.RawMessage
		if e := json.Unmarshal(bytes.TrimPrefix(body, bom), &members); e == nil && members != nil && err != nil && !strings.Contains(err.Error(), "too deeply") {
			t.Fatalf("%q: %v", body, err)
		}
	})
}

var denyTest = []string{"hourlyCost", "x", "a.b", `q"uote`, "größe"}

// without is the model of Cut: a decoded value less denied keys.
func without(v any, deny []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if !denies(k, deny) {
				out[k] = without(e, deny)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = without(e, deny)
		}
		return out
	default:
		return v
	}
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func denies(key string, deny []string) bool {
	for _, d := range deny {
		if asciiLower(d) == asciiLower(key) {
			return true
		}
	}
	return false
}

func TestCut(t *testing.T) {
	s := NewShape(ShapeConfig{Deny: denyTest})
	for row, want := range map[string]string{
		`{"id":1,"name":"a"}`:                            `{"id":1,"name":"a"}`,
		`{"id":1,"hourlyCost":5,"name":"a"}`:             `{"id":1,"name":"a"}`,
		`{"hourlyCost":5,"id":1}`:                        `{"id":1}`,
		`{"id":1,"hourlyCost":5}`:                        `{"id":1}`,
		`{"hourlyCost":5}`:                               `{}`,
		`{"hourlyCost":5,"hourlyCost":{"x":[1,"}"]}}`:    `{}`,
		`{"hourly\u0043ost":5,"id":1}`:                   `{"id":1}`,
		`{"\u0068ourlyCost":5,"id":1}`:                   `{"id":1}`,
		`{"HourlyCOST":5,"id":1}`:                        `{"id":1}`,
		`{ "hourlyCost" : 5 , "id" : 1 }`:                `{"id":1}`,
		"{\n\t\"id\" : 1 ,\r\n \"hourlyCost\"\n:5 }":     `{"id":1}`,
		`{"a":{"b":[{"hourlyCost":1,"c":2},{"x":0}]}}`:   `{"a":{"b":[{"c":2},{}]}}`,
		`[{"hourlyCost":5},[{"x":1}],"x"]`:               `[{},[{}],"x"]`,
		`{"name":"hourlyCost","v":"\"hourlyCost\":5"}`:   `{"name":"hourlyCost","v":"\"hourlyCost\":5"}`,
		`{"name":"hourlyCost","x":1}`:                    `{"name":"hourlyCost"}`,
		`{"q\"uote":1,"größe":2,"gr\u00f6\u00dfe":3}`:    `{}`,
		`{"a.b":1,"a":{"b":2}}`:                          `{"a":{"b":2}}`,
		`{"hourlyCosts":1,"ourlyCost":2,"hourlyCos":3}`:  `{"hourlyCosts":1,"ourlyCost":2,"hourlyCos":3}`,
		`{"x":"long string with \\\" inside","id":"\\"}`: `{"id":"\\"}`,
		`{"x":{},"y":[],"z":[ ]}`:                        `{"y":[],"z":[]}`,
		`7`:                                              `7`,
	} {
		got, err := s.Cut([]byte(row))
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s %v\nwant %s", row, got, err, want)
		}
	}
	for _, bad := range []string{``, `{`, `{"x":1`, `{"x":1,}`, `{"x":1 "y":2}`, `{"x":1}{}`, `{"x":,"y":1}`, `{"x":1]`, `{"y":1,"x":`, `{{"x":1}}`, `{"x":[1}`} {
		if got, err := s.Cut([]byte(bad)); !errors.Is(err, psa.ErrData) {
			t.Errorf("%s: %s, %v", bad, got, err)
		}
	}
	row := []byte(`{"id":1}`)
	if got, err := s.Cut(row); err != nil || &got[0] != &row[0] {
		t.Error("copied where nothing is denied")
	}
}

func TestHash(t *testing.T) {
	base := ShapeConfig{Salt: "v1", Kind: psa.KindStatus, Parent: psa.Ref{Kind: psa.KindBoard, ID: "1"}, Volatile: []string{"lastLogin"}}
	row := []byte(`{"id":1,"name":"a"}`)
	h := NewShape(base).Hash(row)
	if h.IsZero() || h != NewShape(base).Hash(row) {
		t.Fatal("no hash, or another one each time")
	}
	for name, change := range map[string]func(*ShapeConfig){
		"salt":            func(c *ShapeConfig) { c.Salt = "v2" },
		"kind":            func(c *ShapeConfig) { c.Kind = psa.KindBoard },
		"parent":          func(c *ShapeConfig) { c.Parent.ID = "2" },
		"shifted borders": func(c *ShapeConfig) { c.Salt, c.Kind = "v1s", "tatus" },
	} {
		cfg := base
		change(&cfg)
		if NewShape(cfg).Hash(row) == h {
			t.Errorf("the hash ignores the %s", name)
		}
	}
	s := NewShape(base)
	for text, same := range map[string]bool{
		`{"id":1,"name":"a","lastLogin":"today"}`:     true,
		`{"id":1,"lastLogin":"tomorrow","name":"a"}`:  true,
		`{"id":1,"name":"b"}`:                         false,
		`{"name":"a","id":1}`:                         false, // other bytes: costs a decode, no more
		`{"id":1,"name":"a","x":{"lastLogin":"now"}}`: false,
	} {
		if (s.Hash([]byte(text)) == h) != same {
			t.Errorf("%s: same %v", text, !same)
		}
	}
	for _, bad := range []string{``, `{`, `{"lastLogin":1,}`} {
		if !s.Hash([]byte(bad)).IsZero() {
			t.Errorf("a hash for %q", bad)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		cut, err := s.Cut(row)
		if err != nil || s.Hash(cut).IsZero() {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations where nothing is denied", n)
	}
}

// FuzzCut compares with encoding/json: the cut row decodes to the same value
// less denied keys.
func FuzzCut(f *testing.F) {
	for _, s := range []string{
		`{"id":1,"hourlyCost":5,"name":"a"}`, `{"hourly\u0043ost":5}`, `{"HOURLYcost":{"x":[1,2,{"y":"}"}]},"b":[{"x":1}]}`,
		`{ "x" :1, "x":2 , "y":3}`, `{"a":"\"x\":1"}`, `[{"x":1},{}]`, `{"\ud800":1,"x":2}`, "{\"\xff\":1,\"x\":2}", `{"x":1`, `{"x" 1}`,
	} {
		f.Add([]byte(s))
	}
	s := NewShape(ShapeConfig{Deny: denyTest})
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		cut, err := s.Cut(text)
		if !bytes.Equal(text, before) {
			t.Fatal("the row was changed")
		}
		var v any
		if jsonErr := json.Unmarshal(text, &v); jsonErr != nil {
			return
		}
		if err != nil {
			if strings.Contains(err.Error(), "too deeply") {
				return
			}
			t.Fatalf("%q: %v", text, err)
		}
		var got any
		if err := json.Unmarshal(cut, &got); err != nil {
			t.Fatalf("%q became %q: %v", text, cut, err)
		}
		if want := without(v, denyTest); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q became %q:\n got %v\nwant %v", text, cut, got, want)
		}
		r := &row{raw: bytes.Clone(text)}
		if _, r.found, err = scanValue(r.raw, space(r.raw, 0), s.keys); err != nil {
			t.Fatal(err)
		}
		place := r.raw
		if r.found != 0 {
			r.cut(s)
		}
		if r.err != nil || !bytes.Equal(r.raw, cut) || !bytes.Equal(bytes.TrimRight(place, " "), bytes.TrimRight(cut, " ")) {
			t.Fatalf("%q cut in place: %q in %q, %v", text, r.raw, place, r.err)
		}
		again, err := s.Cut(cut)
		if err != nil || !bytes.Equal(again, cut) {
			t.Fatalf("%q cut twice: %q, %v", cut, again, err)
		}
		if s.Hash(cut).IsZero() {
			t.Fatalf("no hash for %q", cut)
		}
	})
}
