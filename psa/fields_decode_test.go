package psa

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// slowFields is what Fields.UnmarshalJSON does without its short cut.
func slowFields(b []byte) (Fields, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil || m == nil {
		return nil, err
	}
	v, err := Canonical(m)
	if err != nil {
		return nil, err
	}
	return v.(Fields), nil
}

// FuzzDecodeFields compares the short cut with encoding/json and Canonical:
// what it takes it reads alike, and it takes all that MarshalJSON writes.
func FuzzDecodeFields(f *testing.F) {
	for _, s := range []string{
		`{}`, `null`, `{"a":null,"b":true,"c":false,"d":"","e":[],"f":{},"g":[1,[{}],"x"]}`,
		`{"n":0,"m":-1,"o":12.5,"p":-0.25}`, `{"n":-0}`, `{"n":1.0}`, `{"n":01}`, `{"n":1e3}`, `{"n":.5}`, `{"n":5.}`, `{"n":--1}`, `{"n":1-2}`, `{"n":-}`,
		`{"a":1,"a":2}`, `{"a":{"x":1},"a":{"y":2}}`, ` {"a": 1 }`, `{"a":1} x`, `{"a":1,}`, `{"a"}`, `{"a":`, `[1]`, `{"a":[1,]}`, `{"a":tru}`, `{"a":nullx}`,
		`{"a":"R\u0026D \"q\" \\ \/ \ud83d\ude00"}`, `{"\u0061":1}`, `{"a":"\ud800"}`, `{"a":"\x"}`, `{"a":"\`, `{"a":"\"`, "{\"a\":\"\xff\"}", "{\"a\":\"\n\"}", "{\"a\":\"\x7f\u2028\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, err := slowFields(b)
		got, ok := decodeFields(b)
		if ok && err != nil {
			t.Fatalf("%q is taken, encoding/json says %v", b, err)
		}
		if diff := cmp.Diff(want, got); ok && diff != "" {
			t.Fatalf("%q (-encoding/json +short cut):\n%s", b, diff)
		}
		if err != nil || want == nil {
			return
		}
		written, err := want.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, ok := decodeFields(written)
		if diff := cmp.Diff(want, again); !ok && depth(want) < maxFast || ok && diff != "" {
			t.Fatalf("%q is not read back: %t\n%s", written, ok, diff)
		}
		var through Fields
		if err := json.Unmarshal(written, &through); err != nil || !through.Equal(want) {
			t.Fatalf("%q is read as %v, %v", written, through, err)
		}
	})
}

func depth(v any) (deepest int) {
	switch v := v.(type) {
	case Fields:
		for _, e := range v {
			deepest = max(deepest, 1+depth(e))
		}
	case []any:
		for _, e := range v {
			deepest = max(deepest, 1+depth(e))
		}
	}
	return deepest
}

// Opening a store decodes all of its rows, so what a row costs counts.
func TestDecodeFieldsAllocatesLittle(t *testing.T) {
	row := []byte(`{"board":{"id":"12","name":"Service Desk"},"closed":false,"default":false,"name":"New","order":1,"time_entry_allowed":true}`)
	var f Fields
	if n := testing.AllocsPerRun(100, func() {
		if err := f.UnmarshalJSON(row); err != nil {
			t.Fatal(err)
		}
	}); n > 12 {
		t.Errorf("%v allocations for a row, want at most 12", n)
	}
}

func BenchmarkFieldsUnmarshal(b *testing.B) {
	row := []byte(`{"board":{"id":"12","name":"Service Desk"},"closed":false,"default":false,"name":"New","order":1,"time_entry_allowed":true}`)
	b.Run("short cut", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := decodeFields(row); !ok {
				b.Fatal("not taken")
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := slowFields(row); err != nil {
				b.Fatal(err)
			}
		}
	})
}
