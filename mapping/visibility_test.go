package mapping

import (
	"strings"
	"testing"

	"github.com/psasync/psasync/psa"
)

func TestVisibility(t *testing.T) {
	mp := mustCompile(t, ticketMap)
	note := func(v any) psa.Record {
		return psa.Record{Ref: psa.Ref{Kind: psa.KindNote, ID: "1"}, Fields: psa.Fields{"visibility": v}}
	}
	tests := []struct {
		to      Side
		in      any
		present psa.Fields
		want    any
	}{
		{Right, "public", nil, "public"},
		{Right, "team", nil, "private"},
		{Right, "secret", nil, "private"},
		{Right, nil, nil, "private"},
		{Left, nil, nil, "internal"},
		{Left, "public", nil, "public"},
		{Left, "private", nil, "internal"},
		{Left, "private", psa.Fields{"visibility": "team"}, "team"},
		{Left, "anything", nil, "internal"},
	}
	plain := mustCompile(t, "version: 1\nkinds: {note: {fields: {visibility: {app: visibility, values: {internal: private}, unknown: pass}}}}\n")
	for in, want := range map[string][2]string{"public": {"public", "public"}, "secret": {"private", "internal"}, "team": {"team", "team"}, "private": {"private", "internal"}} {
		for side, w := range map[Side]string{Right: want[0], Left: want[1]} {
			if got, _ := plain.To(side, note(in), nil); got["visibility"] != w {
				t.Errorf("%s passing to %s: got %v, want %s", in, side, got["visibility"], w)
			}
		}
	}
	for _, tt := range tests {
		got, issues := mp.To(tt.to, note(tt.in), &Env{Present: tt.present})
		if got["visibility"] != tt.want || issues != nil {
			t.Errorf("to %s, %v with %v: got %v, want %v (%v)", tt.to, tt.in, tt.present, got["visibility"], tt.want, issues)
		}
	}
}

// What narrows a visibility needs no permission, and does not widen on the way
// back.
func TestNarrowedVisibility(t *testing.T) {
	for _, rule := range []string{
		"{app: visibility, values: {internal: internal, team: internal, public: public}}",
		"{app: visibility, values: {team: internal, internal: internal, public: public}, prefer: {internal: internal}}",
		"{app: visibility, values: {team: internal, internal: internal, public: internal}}",
		"{app: visibility, values: {team: internal, public: internal}, direction: to_right}",
		"{app: visibility, values: {internal: team, public: public}, direction: to_left}",
	} {
		m := mustMap(t, "version: 1\nkinds: {note: {fields: {visibility: "+rule+"}}}\n")
		mp, err := m.Compile(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []string{"internal", "team", "public", "secret"} {
			rec := psa.Record{Ref: psa.Ref{Kind: psa.KindNote, ID: "1"}, Fields: psa.Fields{"visibility": in}}
			was, _ := width(in)
			for _, to := range []Side{Left, Right} {
				got, _ := mp.To(to, rec, nil)
				if is, ok := width(got.String("visibility")); ok && is > max(was, 0) {
					t.Errorf("%s: %s becomes %s on the %s side", rule, in, got["visibility"], to)
				}
			}
		}
		// A record that holds the wider value keeps it while nobody changes it.
		if rec := (psa.Record{Ref: psa.Ref{Kind: psa.KindNote, ID: "1"}, Fields: psa.Fields{"visibility": "internal"}}); !strings.Contains(rule, "direction") {
			if got, _ := mp.To(Left, rec, &Env{Present: psa.Fields{"visibility": "team"}}); got.String("visibility") != "team" {
				t.Errorf("%s: team becomes %v though the right side holds what it became", rule, got["visibility"])
			}
			for _, f := range m.Lint(nil, nil) {
				if f.Severity != psa.Info || f.Code != CodeManyToOne {
					t.Errorf("%s: %v", rule, f)
				}
			}
		}
	}
}
