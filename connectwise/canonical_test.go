package connectwise_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"pgregory.net/rapid"
)

func TestCanonicalise(t *testing.T) {
	to := psatest.RefTo
	long := strings.Repeat("abcdefghi ", 12)
	for _, tt := range []struct {
		what     string
		kind     psa.Kind
		in, want psa.Fields
	}{
		{"one line", psa.KindTicket, psa.Fields{"summary": " It\r\nhums\t\x07 \n"}, psa.Fields{"summary": "It hums"}},
		{"cut", psa.KindTicket, psa.Fields{"summary": long}, psa.Fields{"summary": strings.TrimSpace(long[:100])}},
		{"cut as the database counts", psa.KindCompany, psa.Fields{"name": strings.Repeat("a", 49) + "📬"}, psa.Fields{"name": strings.Repeat("a", 49)}},
		{"cut in an object", psa.KindCompany, psa.Fields{"address": psa.Fields{"line1": long, "zip": long}}, psa.Fields{"address": psa.Fields{"line1": long[:49], "zip": strings.TrimSpace(long)}}},
		{"dotted", psa.KindCompany, psa.Fields{"address.line1": long, "custom.31": " x ", "custom.32": ""}, psa.Fields{"address.line1": long[:49], "custom.31": "x", "custom.32": nil}},
		{"never cut", psa.KindTicket, psa.Fields{"external_ref": long, "description": long}, psa.Fields{"external_ref": strings.TrimSpace(long), "description": strings.TrimSpace(long)}},
		{"many lines", psa.KindNote, psa.Fields{"text": "\r\na\r\n\r\n\tb\rc \n", "title": ""}, psa.Fields{"text": "a\n\n\tb\nc", "title": nil}},
		{"no UTF-8", psa.KindNote, psa.Fields{"text": "a\xffb"}, psa.Fields{"text": "a\uFFFDb"}},
		{"hours", psa.KindTimeEntry, psa.Fields{"hours": 0.125, "deducted_hours": json.Number("-0.001")}, psa.Fields{"hours": json.Number("0.13"), "deducted_hours": json.Number("0")}},
		{"times", psa.KindTimeEntry, psa.Fields{"start_at": "2026-06-09T11:00:00.9+02:00", "end_at": "soon"}, psa.Fields{"start_at": "2026-06-09T09:00:00Z", "end_at": "soon"}},
		{"visibility", psa.KindNote, psa.Fields{"visibility": "team", "resolution": nil}, psa.Fields{"visibility": "internal", "resolution": false}},
		{"no visibility", psa.KindTimeEntry, psa.Fields{"visibility": nil}, psa.Fields{"visibility": "internal"}},
		{"public", psa.KindTimeEntry, psa.Fields{"visibility": "public"}, psa.Fields{"visibility": "public"}},
		{"references", psa.KindTicket, psa.Fields{"urgency": to("1", "High"), "board": to("12", "Desk"), "owner": psa.Fields{}, "team": nil}, psa.Fields{"urgency": psa.Fields{"name": "High"}, "board": to("12", "Desk"), "owner": nil, "team": nil}},
		{"communications", psa.KindContact, psa.Fields{"communications": []any{psa.Fields{"id": "7", "type": to("2", "Direct"), "medium": "phone", "value": " 1\n2 ", "extension": ""}}},
			psa.Fields{"communications": []any{psa.Fields{"type": to("2", ""), "value": "1 2", "extension": nil, "default": false}}}},
		{"custom", psa.KindTicket, psa.Fields{"custom": psa.Fields{"16": " a ", "17": 2.50, "18": true, "19": ""}}, psa.Fields{"custom": psa.Fields{"16": "a", "17": json.Number("2.5"), "18": true, "19": nil}}},
		{"unknown", psa.KindTicket, psa.Fields{"nope": " x ", "board.name": " x "}, psa.Fields{"nope": " x ", "board.name": " x "}},
		{"nothing", psa.KindTicket, nil, psa.Fields{}},
	} {
		p, _ := mocked(t, nil)
		before, _ := json.Marshal(tt.in) // fails for none of these
		got, err := p.Canonicalise(tt.kind, tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.what, diff)
		}
		if after, _ := json.Marshal(tt.in); string(after) != string(before) {
			t.Errorf("%s: the caller's fields were %s and are %s", tt.what, before, after)
		}
	}
	p, _ := mocked(t, func(c *connectwise.Config) { c.FlattenText = true })
	if got, err := p.Canonicalise(psa.KindNote, psa.Fields{"text": "a\r\n\tb"}); err != nil || got["text"] != "a  b" {
		t.Errorf("%q, %v", got["text"], err)
	}
	if _, err := p.Canonicalise(psa.KindNote, psa.Fields{"text": make(chan int)}); !errors.Is(err, psa.ErrInvalid) {
		t.Errorf("a channel: %v", err)
	}
}

// Whatever the fields hold: canonicalising twice is canonicalising once, no
// text is longer than its column, and visibility is never wider.
func TestCanonicaliseIsIdempotent(t *testing.T) {
	p, _ := mocked(t, nil)
	flat, _ := mocked(t, func(c *connectwise.Config) { c.FlattenText = true })
	kinds := slices.DeleteFunc(psa.RecordKinds(), func(k psa.Kind) bool { return !p.Features().Can(k, psa.CanCreate) })
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ a\r\n\t\x00ßé📬]{0,120}`), rapid.SampledFrom([]string{"public", "team", "2026-06-09T11:00:00.9+02:00", "a\xff"}))
	value := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Float64Range(-1e6, 1e6), func(f float64) any { return f }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"id", "name", "line1", "zip", "16"}), text, 0, 3), func(m map[string]string) any {
			f := psa.Fields{}
			for k, v := range m {
				f[k] = v
			}
			return f
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		in := psa.Fields{}
		for _, f := range psa.Schema(kind) {
			if rapid.Bool().Draw(t, f.Name) {
				in[f.Name] = value.Draw(t, f.Name+" value")
			}
		}
		provider := rapid.SampledFrom([]*connectwise.Provider{p, flat}).Draw(t, "provider")
		once, err := provider.Canonicalise(kind, in)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := provider.Canonicalise(kind, once)
		if err != nil || !twice.Equal(once) {
			t.Fatalf("%v\n%s", err, cmp.Diff(once, twice))
		}
		if kind == psa.KindTicket && len(utf16.Encode([]rune(once.String("summary")))) > 100 {
			t.Fatalf("summary %q", once["summary"])
		}
		if v, there := once["visibility"]; there && v == "public" && strings.TrimSpace(in.String("visibility")) != "public" {
			t.Fatalf("visibility %v became public", in["visibility"])
		}
	})
}

func FuzzCanonicalise(f *testing.F) {
	f.Add("ticket", []byte(`{"summary":" a\r\n","custom":{"16":" "},"urgency":{"id":"1"},"due_at":"2026-06-09T11:00:00.9+02:00"}`))
	f.Add("contact", []byte(`{"communications":[{"type":{"id":"2"},"value":1},3],"address.line1":"x","custom":[]}`))
	f.Add("time_entry", []byte(`{"hours":1e300,"visibility":7,"notes":"\u0000\ud800"}`))
	f.Fuzz(func(t *testing.T, kind string, src []byte) {
		var in psa.Fields
		if json.Unmarshal(src, &in) != nil {
			return
		}
		p, mock := mocked(t, nil)
		once, err := p.Canonicalise(psa.Kind(kind), in)
		if err != nil {
			t.Fatal(err) // decoded Fields are canonical
		}
		twice, err := p.Canonicalise(psa.Kind(kind), once)
		if err != nil || !twice.Equal(once) {
			t.Fatalf("%v\n%s", err, cmp.Diff(once, twice))
		}
		// Checking what is to be written takes anything, too.
		mock.RegisterNoResponder(answer(400, `{"code":"InvalidObject","message":"no"}`))
		if _, err := p.Create(t.Context(), psa.Kind(kind), in, psa.NotifyNone); psa.ErrorClass(err) == nil {
			t.Fatalf("created: %v", err)
		}
	})
}
