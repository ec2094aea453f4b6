package mapping

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

const singleLayout = `version: 1
references: id
kinds:
  company:
    id: id
    fields:
      types: {path: companyType, single: true, none: ["0"], clear: 0}
  ticket_type:
    id: id
    fields:
      statuses: {path: state, single: true, none: ["-1"], clear: -1}
`

// One value of a vendor is a list of one, both ways.
func TestSingle(t *testing.T) {
	l, err := ParseLayout("f", []byte(singleLayout))
	if err != nil {
		t.Fatal(err)
	}
	one := func(id string) []any { return []any{psa.Reference{ID: id}.Fields()} }
	for _, tt := range []struct {
		kind  psa.Kind
		row   string
		field string
		want  any // nil: absent
		wire  any
	}{
		{psa.KindCompany, `{"id": 1, "companyType": 3}`, "types", one("3"), json.Number("3")},
		{psa.KindCompany, `{"id": 1, "companyType": {"id": 3, "name": "Client"}}`, "types", []any{psa.Reference{ID: "3", Name: "Client"}.Fields()}, json.Number("3")},
		{psa.KindCompany, `{"id": 1, "companyType": 0}`, "types", []any{}, json.Number("0")},
		{psa.KindCompany, `{"id": 1, "companyType": null}`, "types", []any{}, json.Number("0")},
		{psa.KindCompany, `{"id": 1}`, "types", nil, nil},
		{psa.KindTicketType, `{"id": 1, "state": 7}`, "statuses", []any{"7"}, json.Number("7")},
		{psa.KindTicketType, `{"id": 1, "state": -1}`, "statuses", []any{}, json.Number("-1")},
	} {
		k := l.Kind(tt.kind)
		rec := k.Decode([]byte(tt.row), psa.Ref{})
		got, ok := rec.Fields[tt.field]
		if d := cmp.Diff(tt.want, got); d != "" || rec.Err != nil || ok != (tt.want != nil) {
			t.Errorf("%s: %v\n%s", tt.row, rec.Err, d)
		}
		if !ok {
			continue
		}
		changes, err := k.Encode(psa.Fields{tt.field: got})
		if err != nil || len(changes) != 1 || !cmp.Equal(wire(changes[0].Value), tt.wire) {
			t.Errorf("%s: wrote %v, %v", tt.row, changes, err)
		}
	}
	k := l.Kind(psa.KindCompany)
	if d := cmp.Diff([]string{"types"}, k.Writable()) + cmp.Diff([]string{"companyType"}, k.Sources()[:1]); d != "" {
		t.Error(d)
	}
	if _, err := k.Encode(psa.Fields{"types": append(one("1"), one("2")...)}); !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), "room for one value") {
		t.Errorf("two values: %v", err)
	}
	if _, err := k.Encode(psa.Fields{"types": "1"}); !errors.Is(err, psa.ErrInvalid) {
		t.Errorf("a text: %v", err)
	}
	if rec := k.Decode([]byte(`{"id": 1, "companyType": [3]}`), psa.Ref{}); !errors.Is(rec.Err, psa.ErrData) {
		t.Errorf("a list: %v", rec)
	}
	for src, want := range map[string]string{
		"types: {path: t, single: false}":          `single is false; write true`,
		"types: {path: t, single: \"true\"}":       `single is "true"; write true`,
		"name: {path: n, single: true}":            `name has no key "single"`,
		"types: {path: t, single: true, take: id}": `has no key "single"`,
	} {
		_, err := ParseLayout("f", []byte("version: 1\nkinds:\n  company:\n    id: id\n    fields:\n      "+src+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}
