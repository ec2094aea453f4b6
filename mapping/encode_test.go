package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

func TestEncode(t *testing.T) {
	tests := []struct {
		vendor string
		kind   psa.Kind
		in     psa.Fields
		want   string // the JSON body, or the error's detail
	}{
		{"connectwise", "ticket", psa.Fields{"summary": "x", "board": ref("1", "Help Desk"), "type": ref("1:5", ""), "owner": ref("7", "zed"), "urgency": ref("Low", "Low"), "budget_hours": json.Number("1.5"), "due_at": "2026-03-01T08:00:00Z"},
			`{"board":{"id":1},"budgetHours":1.5,"owner":{"id":7},"requiredDate":"2026-03-01T08:00:00Z","severity":"Low","summary":"x","type":{"id":5}}`},
		{"connectwise", "ticket", psa.Fields{"owner": nil, "site": nil, "due_at": nil, "custom": psa.Fields{"16": "a", "17": nil, "18": true}},
			`{"customFields":[{"id":16,"value":"a"},{"id":17,"value":null},{"id":18,"value":true}],"owner":null,"requiredDate":null,"site":null}`},
		{"connectwise", "work_type", psa.Fields{"billable": "no_charge"}, `{"billTime":"NoCharge"}`},
		{"connectwise", "note", psa.Fields{"text": "x", "visibility": "internal"}, `{"detailDescriptionFlag":false,"internalAnalysisFlag":true,"text":"x"}`},
		{"connectwise", "company", psa.Fields{"address": psa.Fields{"line1": "a", "country": "Norway"}, "types": []any{ref("1", "Customer")}}, `{"addressLine1":"a","country":{"name":"Norway"},"types":[{"id":1}]}`},
		{"connectwise", "classification/subtype", psa.Fields{"parents": []any{"1:5", "1:6"}}, `{"typeAssociationIds":[5,6]}`},
		{"autotask", "ticket", psa.Fields{"board": ref("8", ""), "category_1": ref("1:10", ""), "owner": nil, "custom": psa.Fields{"Rank": "Gold"}},
			`{"assignedResourceID":null,"issueType":10,"queueID":8,"userDefinedFields":[{"name":"Rank","value":"Gold"}]}`},
		{"halopsa", "ticket", psa.Fields{"owner": nil, "team": ref("", "1st Line"), "status": ref("9", "")}, `{"agent_id":1,"status_id":9,"team":"1st Line"}`},
		{"halopsa", "note", psa.Fields{"visibility": "team"}, `{"hiddenfromuser":true}`},
		{"connectwise", "ticket", psa.Fields{"nope": 1, "status": ref("", "New"), "budget_hours": "many", "type": ref("5", "")},
			`budget_hours: got a text, want a number; nope: cannot be written; status: the reference has no id; type: the value lacks the prefix "1:"`},
		{"connectwise", "contact", psa.Fields{"email": "a@b.example", "name": "Jo"}, `email: cannot be written; name: cannot be written`},
		{"connectwise", "work_type", psa.Fields{"billable": "sometimes"}, `billable: a value that the vendor has no word for`},
		{"connectwise", "note", psa.Fields{"visibility": "team"}, `visibility: a value that write does not list`},
		{"connectwise", "ticket", psa.Fields{"urgency": "Low", "custom": "x"}, `custom: got a text, want an object; urgency: got a text, want a reference`},
	}
	for _, tt := range tests {
		changes, err := mustLayout(t, tt.vendor).Kind(tt.kind).Encode(tt.in)
		var got string
		var e *psa.Error
		switch {
		case errors.As(err, &e) && errors.Is(err, psa.ErrInvalid):
			got = e.Detail
		case err != nil:
			t.Error(err)
		default:
			b, err := json.Marshal(Body(changes))
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		if got != tt.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", tt.vendor, tt.kind, got, tt.want)
		}
	}
}

func TestWritable(t *testing.T) {
	got := mustLayout(t, "connectwise").Kind("contact").Writable()
	if diff := cmp.Diff([]string{"communications", "company", "custom", "first_name", "last_name"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What is written reads back as what was meant.
func TestDecodeReversesEncode(t *testing.T) {
	text := rapid.StringMatching(`[A-Za-z]([A-Za-z ]{0,10}[a-z])?`)
	id := rapid.Map(rapid.IntRange(2, 1e6), func(i int) string { return fmt.Sprint(i) })
	values := func(f psa.Field, prefix string) *rapid.Generator[any] {
		r := rapid.Map(id, func(s string) any { return psa.Reference{ID: prefix + s}.Fields() })
		switch f.Type {
		case psa.TypeRef:
			return r
		case psa.TypeRefs:
			return rapid.Map(rapid.SliceOfN(r, 0, 3), func(l []any) any { return l })
		case psa.TypeNumber:
			return rapid.Map(rapid.IntRange(0, 1e6), func(i int) any { return json.Number(fmt.Sprint(i)) })
		case psa.TypeBool:
			return rapid.Map(rapid.Bool(), func(b bool) any { return b })
		case psa.TypeTime:
			return rapid.Map(rapid.Int64Range(1e9, 2e9), func(s int64) any {
				return psa.FormatTime(at("2020-01-01T00:00:00Z").Add(time.Duration(s) * time.Second))
			})
		case psa.TypeObject:
			return rapid.Map(rapid.MapOfN(id, text, 0, 3), func(m map[string]string) any {
				f := psa.Fields{}
				for k, v := range m {
					f[k] = v
				}
				return f
			})
		}
		return rapid.Map(text, func(s string) any { return s })
	}
	for _, c := range []struct {
		vendor string
		kind   psa.Kind
		skip   string
		prefix map[string]string
	}{
		{"connectwise", "ticket", "", map[string]string{"type": "1:", "subtype": "2:", "item": "3:"}},
		{"autotask", "ticket", "", map[string]string{"category_1": "1:"}},
		{"autotask", "contact", "", nil},
		{"halopsa", "ticket", "team", nil},
	} {
		k := mustLayout(t, c.vendor).Kind(c.kind)
		rapid.Check(t, func(t *rapid.T) {
			fields := psa.Fields{}
			for _, name := range k.Writable() {
				f, ok := psa.FieldOf(k.Kind(), name)
				if ok && rapid.Bool().Draw(t, name) && !strings.Contains(c.skip, name) {
					fields[name] = values(f, c.prefix[name]).Draw(t, name)
				}
			}
			changes, err := k.Encode(fields)
			if err != nil {
				t.Fatal(err)
			}
			body := Body(changes)
			maps.Copy(body, map[string]any{"id": 1})
			row, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			rec := k.Decode(row, psa.Ref{})
			if rec.Err != nil {
				t.Fatal(rec.Err)
			}
			for name, want := range fields {
				got := rec.Fields[name]
				if r, ok := got.(psa.Fields); ok && name != "custom" {
					delete(r, "name") // urgency is its own name
				}
				if !psa.ValuesEqual(want, got) {
					t.Fatalf("%s: wrote %v, read %v from %s", name, want, got, row)
				}
			}
		})
	}
}
