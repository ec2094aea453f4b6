package mapping

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/psasync/psasync/psa"
)

// Whatever Parse takes compiles or says why, lints, and applies to any record
// both ways without a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(ticketMap))
	f.Add([]byte(thirty))
	f.Add([]byte("version: 1\nkinds: {contact: {fields: {communications: {app: e, each: {value: a, medium: {app: k, values: {a: b}}}}}}}\n"))
	f.Add([]byte("version: 1\nkinds: {ticket: {create: {left: {a: {by: b, values: {x: y}}}}, fields: {a: [{app: b, when: {c: ~}}, {app: d}], x.y: {app: z, nulls: keep}}}}\n"))
	cfg := config()
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := Parse("f", src, nil)
		if err != nil {
			var e *Error
			if m != nil || !errors.As(err, &e) || len(e.Findings) == 0 {
				t.Fatalf("map %v, error %v", m, err)
			}
			return
		}
		m.LintWith(cfg)
		for _, c := range []*Config{nil, cfg} {
			mp, err := m.Compile(c)
			if err != nil {
				continue
			}
			for _, k := range m.Kinds() {
				rec := thirtyRecord()
				rec.Kind = k
				for _, side := range []Side{Left, Right} {
					mp.To(side, rec, nil)
					mp.To(side, rec, &Env{Present: rec.Fields, Link: links})
					mp.Preview(side, rec, nil)
				}
				mp.Differ(k, rec.Fields, rec.Fields)
			}
		}
	})
}

// Any record goes through the map in both directions: what comes out is
// canonical, the source stays as it is, and mapping again changes nothing.
func FuzzApply(f *testing.F) {
	for _, s := range []string{`{"summary":"x","status":{"id":"12","name":"Assigned"},"board":{"id":"1","name":"Help Desk"}}`,
		`{"title":5,"state":["open"],"priority":{"name":{}},"custom":"x","assignee":{"id":"u1"}}`, `{"budget_hours":1e5,"estimate_minutes":"20","due_at":null}`} {
		f.Add([]byte(s))
	}
	mp := mustCompile(f, ticketMap)
	f.Fuzz(func(t *testing.T, src []byte) {
		var in psa.Fields
		if json.Unmarshal(src, &in) != nil {
			return
		}
		before := in.Clone()
		for _, side := range []Side{Left, Right} {
			out, _ := mp.To(side, ticket(in), &Env{Present: psa.Fields{}})
			if c, err := psa.Canonical(out); err != nil || !psa.ValuesEqual(c, out) {
				t.Fatalf("%s: not canonical: %v", side, out)
			}
			again, _ := mp.To(side, ticket(in), &Env{Present: out})
			for name, v := range again {
				if name == "custom" {
					continue
				}
				if was, ok := out[name]; ok && !sameValue(v, was) {
					t.Fatalf("%s: %s was %v and is %v the second time", side, name, was, v)
				}
			}
		}
		if !in.Equal(before) {
			t.Fatal("the source was changed")
		}
	})
}
