package halopsa

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

func TestCanonicalise(t *testing.T) {
	p := offline(t)
	id := func(s string) psa.Fields { return psa.Fields{"id": s} }
	for _, tt := range []struct {
		kind psa.Kind
		in   psa.Fields
		want psa.Fields
	}{
		{psa.KindCompany,
			psa.Fields{"name": " a\r\nb  c\x00 ", "website": " \n", "types": nil, "custom.5": " x ", "custom": psa.Fields{"6": "", "7": []any{"1"}}, "nonsense": 5},
			psa.Fields{"name": "a b  c", "website": nil, "types": []any{}, "custom": psa.Fields{"5": "x", "6": nil, "7": []any{"1"}}, "nonsense": json.Number("5")}},
		{psa.KindSite, psa.Fields{"company": id("1"), "address": psa.Fields{"line1": " a ", "zip": ""}}, psa.Fields{"company": nil, "address": psa.Fields{"line1": "a", "zip": nil}}},
		{psa.KindContact, psa.Fields{"site": id("0"), "main": nil, "title": nil}, psa.Fields{"site": nil, "main": false, "title": nil}},
		{psa.KindTicket,
			psa.Fields{
				"description": "a\r\n\tb\r\n", "owner": id("1"), "contact": id("-1"), "source": id("0"), "status": id("1"), "priority": id("1:3"), "budget_hours": nil,
				"due_at": time.Date(2026, 6, 9, 10, 0, 0, 999, time.FixedZone("", 3600)),
			},
			psa.Fields{
				"description": "a\n\tb", "owner": nil, "contact": nil, "source": id("0"), "status": id("1"), "priority": id("1:3"), "budget_hours": json.Number("0"),
				"due_at": "2026-06-09T09:00:00Z",
			}},
		{psa.KindNote, psa.Fields{"visibility": "team", "text": "<b>\xff"}, psa.Fields{"visibility": "internal", "text": "<b>\uFFFD"}},
		{psa.KindNote, psa.Fields{"visibility": nil}, psa.Fields{"visibility": "internal"}},
		{psa.KindNote, psa.Fields{"visibility": "public"}, psa.Fields{"visibility": "public"}},
		{psa.KindTimeEntry,
			psa.Fields{"hours": 1.0 / 3, "billable": "no_charge", "work_type": id("-1"), "member": id("1"), "start_at": "no time"},
			psa.Fields{"hours": json.Number("0.3333"), "billable": "no", "work_type": nil, "member": nil, "start_at": "no time"}},
	} {
		got, err := p.Canonicalise(tt.kind, tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.kind, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.kind, diff)
		}
	}
	if _, err := p.Canonicalise(psa.KindNote, psa.Fields{"text": struct{}{}}); !errors.Is(err, psa.ErrInvalid) {
		t.Error(err)
	}
}

// Canonicalising twice changes nothing, whatever is given.
func TestCanonicaliseTwice(t *testing.T) {
	p := offline(t)
	kinds := []psa.Kind{psa.KindCompany, psa.KindSite, psa.KindContact, psa.KindTicket, psa.KindNote, psa.KindTimeEntry}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		fields := psa.Fields{}
		for _, f := range psa.Schema(kind) {
			switch rapid.IntRange(0, 5).Draw(t, f.Name) {
			case 0:
				fields[f.Name] = nil
			case 1:
				fields[f.Name] = rapid.String().Draw(t, "text")
			case 2:
				fields[f.Name] = rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
			case 3:
				fields[f.Name] = psa.Fields{"id": rapid.SampledFrom([]string{"-1", "0", "1", "2", "1:3"}).Draw(t, "id")}
			}
		}
		once, err := p.Canonicalise(kind, fields)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := p.Canonicalise(kind, once)
		if err != nil || !twice.Equal(once) {
			t.Fatal(cmp.Diff(once, twice), err)
		}
		for name, v := range once {
			if s, ok := v.(string); ok && (strings.Contains(s, "\r") || strings.TrimSpace(s) != s && s != "") && !strings.Contains("visibility billable", name) {
				if f, _ := psa.FieldOf(kind, name); f.Type == psa.TypeString || f.Type == psa.TypeText {
					t.Fatalf("%s: %q", name, s)
				}
			}
		}
	})
}

// What is written of a custom field reads back as it was.
func TestCustomValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]int{0, 1, singleSelection, multipleSelection, dateField, timeField, checkbox, 7, 10}).Draw(t, "type")
		var v any
		at := time.Unix(rapid.Int64Range(400_000_000, 4_000_000_000).Draw(t, "at"), 0).UTC()
		option := rapid.StringMatching(`[1-9][0-9]{0,5}`)
		switch typ {
		case singleSelection:
			v = option.Draw(t, "option")
		case multipleSelection:
			var list []any
			for _, o := range rapid.SliceOfN(option, 1, 4).Draw(t, "options") {
				list = append(list, o)
			}
			v = list
		case dateField:
			v = at.Format(time.DateOnly)
		case timeField:
			v = at.Format("15:04")
		case checkbox:
			v = rapid.Bool().Draw(t, "bool")
		default:
			v = rapid.StringMatching(`[a-z ,]{1,9}`).Draw(t, "text")
		}
		wire, why := definition{typ: typ}.wireValue(v)
		if why != "" {
			t.Fatal(typ, v, why)
		}
		if got := customValue(typ, wire); !psa.ValuesEqual(got, v) {
			t.Fatalf("type %d: %v is written as %v and reads %v", typ, v, wire, got)
		}
		if wire, why := (definition{typ: typ}).wireValue(nil); wire != "" || why != "" || customValue(typ, wire) != nil {
			t.Fatal("cannot be cleared", typ, why)
		}
	})
}

// Forms of values that other builds may have.
func TestCustomValueForms(t *testing.T) {
	row := `{"customfields":[{"id":1,"type":2},{"id":2,"type":3},{"id":3,"type":3},{"id":4,"type":3},{"id":5,"type":4},{"id":6,"type":4},{"id":7,"type":5},{"id":8,"type":6},{"id":9,"type":6},{"id":10,"type":0},{"id":11,"type":3}]}`
	custom := psa.Fields{
		"1": json.Number("3"), "2": "1, 3", "3": []any{json.Number("1"), psa.Fields{"id": json.Number("3")}}, "4": json.Number("2"), "5": "2026-12-01T10:11:12.34", "6": "1900-01-01T00:00:00",
		"7": "1900-01-01T09:30:00", "8": "True", "9": json.Number("0"), "10": "", "11": "", "12": "of no type",
	}
	customValues(psa.Fields{"custom": custom}, []byte(row))
	want := psa.Fields{
		"1": "3", "2": []any{"1", "3"}, "3": []any{"1", "3"}, "4": []any{"2"}, "5": "2026-12-01", "6": nil, "7": "09:30", "8": true, "9": false, "10": nil, "11": nil, "12": "of no type",
	}
	if diff := cmp.Diff(want, custom); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzCustomValue(f *testing.F) {
	for _, s := range []string{"", "1,3", ",", "2026-12-01T00:00:00", "1900-01-01T09:30:00", "true", "\xff"} {
		f.Add(3, s)
	}
	f.Fuzz(func(t *testing.T, typ int, s string) {
		once := customValue(typ, s)
		if again := customValue(typ, once); !psa.ValuesEqual(once, again) {
			t.Errorf("%d %q: %v, then %v", typ, s, once, again)
		}
		if v, ok := once.(string); ok && !utf8.ValidString(v) && utf8.ValidString(s) {
			t.Errorf("%q became %q", s, v)
		}
	})
}
