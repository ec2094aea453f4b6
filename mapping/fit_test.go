package mapping

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

func TestFit(t *testing.T) {
	cat := psaCatalog()
	num := json.Number("5")
	tests := []struct {
		fit   fit
		from  fit
		in    any
		fresh bool
		want  any
		code  string
	}{
		{fit{typ: psa.TypeString}, fit{}, "a", false, "a", ""},
		{fit{typ: psa.TypeString}, fit{typ: psa.TypeRef}, ref("1", "A"), false, "A", ""},
		{fit{typ: psa.TypeString, byID: true}, fit{typ: psa.TypeRef}, ref("1", "A"), false, "1", ""},
		{fit{typ: psa.TypeString}, fit{typ: psa.TypeRef}, ref("1", ""), false, "1", ""},
		{fit{typ: psa.TypeString}, fit{}, num, true, "5", ""},
		{fit{typ: psa.TypeString}, fit{}, num, false, nil, "type"},
		{fit{typ: psa.TypeString}, fit{typ: psa.TypeObject}, psa.Fields{"line1": "x"}, false, nil, "type"},
		{fit{typ: psa.TypeNumber}, fit{}, num, false, num, ""},
		{fit{typ: psa.TypeNumber}, fit{}, "5", false, nil, "type"},
		{fit{typ: psa.TypeBool}, fit{}, true, false, true, ""},
		{fit{typ: psa.TypeBool}, fit{}, "true", false, nil, "type"},
		{fit{typ: psa.TypeTime}, fit{}, "2026-03-01T08:00:00Z", false, "2026-03-01T08:00:00Z", ""},
		{fit{typ: psa.TypeTime}, fit{}, "2026-03-01T08:00:00+02:00", false, "2026-03-01T06:00:00Z", ""},
		{fit{typ: psa.TypeTime}, fit{}, "2026-03-01T08:00:00", false, nil, "type"},
		{fit{typ: psa.TypeTime}, fit{}, "soon", false, nil, "type"},
		{fit{typ: psa.TypeTime}, fit{}, num, false, nil, "type"},
		{fit{typ: psa.TypeDate}, fit{}, "2026-03-01", false, "2026-03-01", ""},
		{fit{typ: psa.TypeDate}, fit{}, "2026-03-01T23:00:00Z", false, "2026-03-01", ""},
		{fit{typ: psa.TypeDate}, fit{}, "2026-13-01", false, nil, "type"},
		{fit{typ: psa.TypeList}, fit{}, []any{num}, false, []any{num}, ""},
		{fit{typ: psa.TypeList}, fit{}, "a", false, nil, "type"},
		{fit{typ: psa.TypeObject}, fit{}, psa.Fields{"a": "b"}, false, psa.Fields{"a": "b"}, ""},
		{fit{typ: psa.TypeObject}, fit{}, "a", false, nil, "type"},
		{fit{}, fit{typ: psa.TypeRef}, ref("1", "A"), false, "A", ""},
		{fit{}, fit{}, psa.Fields{"a": "b"}, false, psa.Fields{"a": "b"}, ""},
		{fit{typ: psa.TypeRef, kind: psa.KindBoard, cat: cat}, fit{}, "Help Desk", false, ref("1", "Help Desk"), ""},
		{fit{typ: psa.TypeRef, kind: psa.KindBoard, cat: cat}, fit{typ: psa.TypeRef}, ref("77", "Projects"), false, ref("2", "Projects"), ""},
		{fit{typ: psa.TypeRef, kind: psa.KindBoard, cat: cat}, fit{}, "Nope", false, nil, "no-such-option"},
		{fit{typ: psa.TypeRef, kind: psa.KindBoard, cat: cat}, fit{}, []any{}, false, nil, "type"},
		{fit{typ: psa.TypeRef, kind: psa.KindBoard, cat: cat, byID: true}, fit{}, "2", false, ref("2", "Projects"), ""},
		{fit{typ: psa.TypeRef, kind: psa.KindBoard, cat: cat, byID: true}, fit{}, "9", false, nil, "no-such-option"},
		{fit{typ: psa.TypeRef, kind: psa.KindBoard, byID: true}, fit{}, "9", false, ref("9", ""), ""},
		{fit{typ: psa.TypeRef, kind: psa.KindBoard}, fit{typ: psa.TypeRef, kind: psa.KindBoard}, ref("1", "A"), false, ref("", "A"), ""},
		{fit{typ: psa.TypeRef}, fit{}, num, true, ref("", "5"), ""},
		{fit{typ: psa.TypeRef, kind: psa.KindCompany}, fit{}, ref("99", "Acme"), false, ref("c99", "Acme"), ""},
		{fit{typ: psa.TypeRef, kind: psa.KindCompany}, fit{}, ref("5", "New"), false, nil, "unlinked"},
		{fit{typ: psa.TypeRefs, kind: psa.KindBoard, cat: cat}, fit{typ: psa.TypeRefs}, []any{ref("7", "Help Desk"), "Projects"}, false, []any{ref("1", "Help Desk"), ref("2", "Projects")}, ""},
		{fit{typ: psa.TypeIDs, kind: psa.KindBoard, cat: cat}, fit{typ: psa.TypeRefs}, []any{ref("7", "Help Desk")}, false, []any{"1"}, ""},
		{fit{typ: psa.TypeIDs}, fit{typ: psa.TypeRefs}, []any{ref("7", "Help Desk"), "x"}, false, []any{"Help Desk", "x"}, ""},
		{fit{typ: psa.TypeRefs, kind: psa.KindBoard, cat: cat}, fit{}, []any{"Nope"}, false, nil, "no-such-option"},
		{fit{typ: psa.TypeRefs}, fit{}, "x", false, nil, "type"},
	}
	for i, tt := range tests {
		x := apply{to: Left, src: psa.Fields{}, dst: psa.Fields{}, link: links}
		tt.fit.rows = (&rowTables{cat: tt.fit.cat, byKind: map[psa.Kind]*rowTable{}}).of(tt.fit.kind)
		tt.fit.rec = tt.fit.kind.IsRecord()
		got, trouble := tt.fit.value(&x, tt.in, &tt.from, nil, tt.fresh)
		code := ""
		if trouble != nil {
			code, got = trouble.code, nil
			if trouble.msg == "" {
				t.Errorf("%d: no message", i)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || code != tt.code {
			t.Errorf("%d: %v as %s: code %q, want %q, -want +got:\n%s", i, tt.in, tt.fit.typ, code, tt.code, diff)
		}
	}
}

// What the vendors' files do not use is tested with a layout of its own.
func TestLayoutForms(t *testing.T) {
	l, err := ParseLayout("f", []byte(`version: 1
times: {zone: UTC}
kinds:
  sla:
    id: {first: [guid, {join: [a, b], with: "-"}]}
    parent: {kind: location, path: loc, prefix: "L", none: ["0"]}
    version: rev
    fields:
      name: {first: [{when: {"!kind": [x, ~]}, then: {const: special}}, title]}
      based_on: {path: base, default: none}
      order: {const: 3}
      default: {const: true}
      respond_hours: {path: respond, absent: 4}
      plan_hours: {path: plan, none: ["-1"]}
      matrix: {fields: {high_high: {path: m.hh, type: ref}, low_low: {path: m.ll, type: any}, since: {path: m.since, type: date}}}
  note:
    id: [$parent, id]
    fields:
      created_at: {const: "2026-03-01T00:00:00Z"}
      author: $parent
      type: {path: type_id, clear: 0, default: ~}
  contact:
    id: id
    absent: ~
    fields:
      types: {path: groups, each: {id: gid, name: {path: label, trim: true}}}
      communications:
        path: items
        where: {"!kind": fax}
        each: {value: v, medium: {path: kind}, type: {id: t}}
  ticket_type:
    id: id
    fields:
      statuses: {path: allowed, where: {ok: true}, take: {path: sid, none: ["0"]}}
      teams: {path: teams, none: ["9"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		kind   psa.Kind
		row    string
		parent psa.Ref
		want   psa.Record
	}{
		{"sla", `{"guid":null,"a":1.0,"b":"x","loc":7,"rev":12,"kind":"y","title":"T","plan":-1,"m":{"hh":{"id":1,"name":"P1"},"ll":{"a":[1.0]},"since":"2026-03-01T10:00:00"}}`, psa.Ref{},
			psa.Record{Ref: psa.Ref{Kind: "sla", ID: "1-x"}, Parent: psa.Ref{Kind: "location", ID: "L7"}, Version: "12", Active: true, Fields: psa.Fields{
				"name": "special", "based_on": "none", "order": json.Number("3"), "default": true, "respond_hours": json.Number("4"), "plan_hours": nil,
				"matrix": psa.Fields{"high_high": ref("1", "P1"), "low_low": psa.Fields{"a": []any{json.Number("1")}}, "since": "2026-03-01"}}}},
		{"sla", `{"guid":"g","loc":0,"kind":"x","title":"T","base":null,"respond":null}`, psa.Ref{Kind: "location", ID: "3"},
			psa.Record{Ref: psa.Ref{Kind: "sla", ID: "g"}, Parent: psa.Ref{Kind: "location", ID: "3"}, Active: true, Fields: psa.Fields{
				"name": "T", "based_on": "none", "order": json.Number("3"), "default": true, "respond_hours": nil}}},
		{"note", `{"id":2}`, psa.Ref{Kind: "ticket", ID: "9"},
			psa.Record{Ref: psa.Ref{Kind: "note", ID: "9/2"}, Parent: psa.Ref{Kind: "ticket", ID: "9"}, Active: true, Fields: psa.Fields{"created_at": "2026-03-01T00:00:00Z", "author": "9", "type": nil}}},
		{"contact", `{"id":1,"groups":[{"gid":1,"label":" A "},{"gid":2}],"items":[{"v":"1","kind":"fax"},{"v":"2","kind":"email","t":5}]}`, psa.Ref{},
			psa.Record{Ref: psa.Ref{Kind: "contact", ID: "1"}, Active: true, Fields: psa.Fields{
				"types":          []any{ref("1", "A"), ref("2", "")},
				"communications": []any{psa.Fields{"value": "2", "medium": "email", "type": ref("5", "")}}}}},
		{"contact", `{"id":1}`, psa.Ref{}, psa.Record{Ref: psa.Ref{Kind: "contact", ID: "1"}, Active: true, Fields: psa.Fields{"types": nil, "communications": nil}}},
		{"ticket_type", `{"id":1,"allowed":[{"sid":1,"ok":true},{"sid":2,"ok":false},{"sid":0,"ok":true}],"teams":[1,"2",9]}`, psa.Ref{},
			psa.Record{Ref: psa.Ref{Kind: "ticket_type", ID: "1"}, Active: true, Fields: psa.Fields{"statuses": []any{"1"}, "teams": []any{"1", "2"}}}},
	}
	for _, tt := range tests {
		got := l.Kind(tt.kind).Decode([]byte(tt.row), tt.parent)
		if diff := cmp.Diff(tt.want, got); diff != "" || got.Err != nil {
			t.Errorf("%s: %v -want +got:\n%s", tt.row, got.Err, diff)
		}
	}
	for kind, row := range map[psa.Kind]string{
		"note":        `{"id":2}`,                          // without its parent it has no id
		"contact":     `{"id":1,"groups":["a"]}`,           // an element that is no object
		"ticket_type": `{"id":1,"teams":[null]}`,           // null in a list of ids
		"sla":         `{"guid":"g","m":{"since":"soon"}}`, // a time deep within
	} {
		if got := l.Kind(kind).Decode([]byte(row), psa.Ref{}); got.Err == nil {
			t.Errorf("%s: %v, want an error", row, got.Fields)
		}
	}
	changes, err := l.Kind("contact").Encode(psa.Fields{"types": []any{ref("3", "C")}})
	b, _ := json.Marshal(Body(changes))
	if err != nil || string(b) != `{"groups":[{"gid":3}]}` {
		t.Errorf("%s, %v", b, err)
	}
	if _, err := l.Kind("note").Encode(psa.Fields{"type": nil}); err != nil {
		t.Error(err)
	}
	for _, bad := range []psa.Fields{{"types": "x"}, {"types": []any{"x"}}, {"communications": []any{psa.Fields{}}}} {
		if c, err := l.Kind("contact").Encode(bad); err == nil {
			t.Errorf("%v was written as %v", bad, c)
		}
	}
}
