package autotask_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

func offline(t testing.TB) *autotask.Provider {
	t.Helper()
	p, err := autotask.New(autotask.Config{Credentials: keys})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCanonicalise(t *testing.T) {
	p := offline(t)
	n := func(s string) json.Number { return json.Number(s) }
	for _, tt := range []struct {
		name     string
		kind     psa.Kind
		in, want psa.Fields
	}{
		{"one line", psa.KindTicket, psa.Fields{"summary": " a\r\nb\x00 "}, psa.Fields{"summary": "a b"}},
		{"many lines", psa.KindTicket, psa.Fields{"description": " a\r\n\rb\x00\n"}, psa.Fields{"description": "a\n\nb"}},
		{"empty is none", psa.KindTicket, psa.Fields{"summary": "\r\n ", "contact": nil}, psa.Fields{"summary": nil, "contact": nil}},
		{"cut to length", psa.KindTicket, psa.Fields{"summary": strings.Repeat("x", 254) + " y"}, psa.Fields{"summary": strings.Repeat("x", 254)}},
		{"not within a character", psa.KindContact, psa.Fields{"first_name": strings.Repeat("x", 49) + "😀"}, psa.Fields{"first_name": strings.Repeat("x", 49)}},
		{"dotted names", psa.KindCompany, psa.Fields{"address.city": " Salem", "address.zip": "", "custom.70": 5, "custom.71": true},
			psa.Fields{"address": psa.Fields{"city": "Salem", "zip": nil}, "custom": psa.Fields{"70": "5", "71": "true"}}},
		{"objects", psa.KindCompany, psa.Fields{"address": psa.Fields{"city": strings.Repeat("y", 40)}, "custom": psa.Fields{}}, psa.Fields{"address": psa.Fields{"city": strings.Repeat("y", 30)}, "custom": psa.Fields{}}},
		{"whole object cleared", psa.KindCompany, psa.Fields{"address": nil}, psa.Fields{"address": nil}},
		{"times", psa.KindTicket, psa.Fields{"due_at": "2026-06-09T23:59:49.9+02:00"}, psa.Fields{"due_at": "2026-06-09T21:59:49Z"}},
		{"no time", psa.KindTicket, psa.Fields{"due_at": "soon"}, psa.Fields{"due_at": "soon"}},
		{"numbers", psa.KindTicket, psa.Fields{"budget_hours": 1.00004999}, psa.Fields{"budget_hours": n("1")}},
		{"references pass", psa.KindTicket, psa.Fields{"board": to(8)}, psa.Fields{"board": to(8)}},
		{"visibility", psa.KindNote, psa.Fields{"visibility": "Public"}, psa.Fields{"visibility": "internal"}},
		{"visibility of nothing", psa.KindNote, psa.Fields{"visibility": nil}, psa.Fields{"visibility": "internal"}},
		{"known visibility", psa.KindNote, psa.Fields{"visibility": "team"}, psa.Fields{"visibility": "team"}},
		{"hours of whole seconds", psa.KindTimeEntry, psa.Fields{"hours": 0.123456789}, psa.Fields{"hours": n("0.1236")}},
		{"hours win", psa.KindTimeEntry, psa.Fields{"start_at": "2026-03-01T09:00:00Z", "end_at": "2026-03-01T12:00:00Z", "hours": 2}, psa.Fields{"start_at": "2026-03-01T09:00:00Z", "end_at": "2026-03-01T11:00:00Z", "hours": n("2")}},
		{"twenty minutes", psa.KindTimeEntry, psa.Fields{"start_at": "2026-03-01T09:00:00Z", "end_at": "2026-03-01T09:20:00Z", "hours": 0.33}, psa.Fields{"start_at": "2026-03-01T09:00:00Z", "end_at": "2026-03-01T09:20:00Z", "hours": n("0.3333")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.Canonicalise(tt.kind, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A part of an address, a number or a marker would mean something else.
func TestNotCut(t *testing.T) {
	_, err := offline(t).Canonicalise(psa.KindContact, psa.Fields{
		"email": strings.Repeat("x", 250) + "@acme.example", "phone": strings.Repeat("1", 26), "external_ref": strings.Repeat("m", 51), "mobile": strings.Repeat("1", 25), "title": struct{}{},
	})
	if !errors.Is(err, psa.ErrInvalid) {
		t.Fatalf("%v, want ErrInvalid", err)
	}
	for _, want := range []string{"email: longer than 254", "phone: longer than 25", "external_ref: longer than 50", "title: a value of no known type"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "mobile") || strings.Contains(err.Error(), "xxx") {
		t.Errorf("%v", err)
	}
}

// Twice is once, and nothing is longer than it may be.
func TestCanonicaliseTwice(t *testing.T) {
	p := offline(t)
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \r\n\x00a😀ß]{0,300}`))
	value := func(f psa.Field) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			switch rapid.IntRange(0, 9).Draw(t, "none") {
			case 0:
				return nil
			case 1:
				return text.Draw(t, "text")
			}
			switch f.Type {
			case psa.TypeNumber:
				return rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
			case psa.TypeBool:
				return rapid.Bool().Draw(t, "bool")
			case psa.TypeTime:
				return time.Unix(0, rapid.Int64Range(0, 4e18).Draw(t, "time"))
			case psa.TypeObject:
				part := rapid.SampledFrom([]string{"line1", "city", "zip", "7"})
				return psa.Fields(rapid.MapOf(part, rapid.OneOf(text.AsAny(), rapid.Just[any](nil), rapid.Float64Range(0, 9).AsAny())).Draw(t, "object"))
			}
			return text.Draw(t, "text")
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]psa.Kind{psa.KindCompany, psa.KindSite, psa.KindContact, psa.KindTicket, psa.KindNote, psa.KindTimeEntry}).Draw(t, "kind")
		in := psa.Fields{}
		for _, f := range psa.Schema(kind) {
			if rapid.Bool().Draw(t, f.Name) {
				in[f.Name] = value(f).Draw(t, "value")
			}
		}
		once, err := p.Canonicalise(kind, in)
		if errors.Is(err, psa.ErrInvalid) {
			return // too long to be cut
		}
		twice, err := p.Canonicalise(kind, once)
		if err != nil || !twice.Equal(once) {
			t.Errorf("%v\n%s", err, cmp.Diff(once, twice))
		}
		if n := len(utf16.Encode([]rune(once.String("summary")))); n > 255 {
			t.Errorf("a title of %d", n)
		}
		if start, end := once.Time("start_at"), once.Time("end_at"); !start.IsZero() && !end.IsZero() {
			if h, ok := once.Float("hours"); ok && h > 0 && h < 24 {
				if off := end.Sub(start).Hours() - h; off > 0.0001 || off < -0.0001 {
					t.Errorf("%v hours from %v to %v", h, start, end)
				}
			}
		}
	})
}
