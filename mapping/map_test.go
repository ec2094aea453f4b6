package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

const ticketMap = `version: 1
psa: connectwise
app: host
kinds:
  ticket:
    scope: {board: [Help Desk], closed: 30d}
    match: [{psa: external_ref, app: id}]
    groups: [[board, status]]
    create:
      psa: {board: Help Desk, source: Phone, company: {id: "99"}}
      app: {origin: psa}
    fields:
      summary: title
      description: body
      board: queue
      status:
        app: state
        per: board
        values:
          Help Desk: {New: open, Assigned: working, Scheduled: working, Closed: done}
          Projects: {New: open, Done: done}
        prefer: {working: Assigned}
        conflict: newest
      priority:
        app: priority
        values: {"Priority 1 - Critical": Critical, "Priority 2 - High": High, "Priority 3 - Normal": Medium}
        unknown: hold
      custom["Site Code"]: site_code
      custom.17: {app: vip, transform: {bool: {true: "Yes", false: "No"}}}
      budget_hours: {app: estimate_minutes, transform: hours_to_minutes}
      company: {app: client, owner: psa, direction: to_app}
      owner: {app: assignee, member: {by: email, list: {bo@home.example: bo}, unmatched: {fallback: Dispatch}}}
      due_at: due
      number: {app: label, transform: {template: "#{number} {summary}"}, direction: to_app}
  note:
    fields:
      text: text
      visibility: {app: visibility, values: {internal: private, team: private, public: public}}
`

func mustMap(t testing.TB, src string) *Map {
	t.Helper()
	m, err := Parse("map.yaml", []byte(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func config() *Config {
	return &Config{Left: psaCatalog(), Right: hostCatalog(), LeftMembers: members(Left), RightMembers: members(Right)}
}

func mustCompile(t testing.TB, src string) *Mapper {
	t.Helper()
	mp, err := mustMap(t, src).Compile(config())
	if err != nil {
		t.Fatal(err)
	}
	return mp
}

func ticket(f psa.Fields) psa.Record {
	return psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: "7"}, Active: true, Fields: f}
}

func links(kind psa.Kind, id string) (string, bool) {
	other, ok := map[string]string{"99": "c99", "c99": "99"}[id]
	return other, ok
}

func TestMapper(t *testing.T) {
	num := func(s string) json.Number { return json.Number(s) }
	tests := []struct {
		name    string
		to      Side
		in      psa.Fields
		present psa.Fields
		want    psa.Fields
		issues  []string
	}{
		{
			name: "to the host", to: Right, present: psa.Fields{},
			in: psa.Fields{"summary": "Disk full", "number": "7", "description": "C: 99%", "board": ref("1", "Help Desk"), "status": ref("12", "Assigned"),
				"priority": ref("2", "Priority 2 - High"), "custom": psa.Fields{"16": "N1", "17": true}, "budget_hours": num("1.5"),
				"company": ref("99", "Acme"), "owner": ref("1", "Ann Agent"), "due_at": "2026-03-01T08:00:00Z"},
			want: psa.Fields{"title": "Disk full", "body": "C: 99%", "queue": "Help Desk", "state": "working", "priority": ref("P2", "High"),
				"site_code": "N1", "vip": "Yes", "estimate_minutes": num("90"), "client": ref("c99", "Acme"), "assignee": ref("u1", "Ann A."),
				"due": "2026-03-01T08:00:00Z", "label": "#7 Disk full"},
		},
		{
			name: "to the PSA, created", to: Left,
			in: psa.Fields{"title": "Disk full", "state": "working", "queue": "Help Desk", "priority": ref("P1", "Critical"), "vip": "No",
				"site_code": "N1", "estimate_minutes": num("20"), "assignee": ref("u4", "Bo"), "client": ref("c99", "Acme"), "label": "x"},
			want: psa.Fields{"summary": "Disk full", "board": ref("1", "Help Desk"), "status": ref("12", "Assigned"), "priority": ref("1", "Priority 1 - Critical"),
				"custom": psa.Fields{"16": "N1", "17": false}, "budget_hours": num("0.333333333333"), "owner": ref("4", "Bo Busy"),
				"source": ref("4", "Phone"), "company": psa.Fields{"id": "99"}},
		},
		{
			name: "create defaults only where nothing came", to: Left,
			in:   psa.Fields{"title": "x", "queue": "Projects", "state": "open"},
			want: psa.Fields{"summary": "x", "board": ref("2", "Projects"), "status": ref("21", "New"), "source": ref("4", "Phone"), "company": psa.Fields{"id": "99"}},
		},
		{
			name: "the status goes with the default board", to: Left,
			in:   psa.Fields{"title": "x", "state": "open"},
			want: psa.Fields{"summary": "x", "board": ref("1", "Help Desk"), "status": ref("11", "New"), "source": ref("4", "Phone"), "company": psa.Fields{"id": "99"}},
		},
		{
			name: "create defaults of the host", to: Right, in: psa.Fields{"summary": "x"}, want: psa.Fields{"title": "x", "label": "# x", "origin": "psa"},
		},
		{
			name: "several left values for one: the present one stays", to: Left, present: psa.Fields{"board": ref("1", "Help Desk"), "status": ref("13", "Scheduled"), "budget_hours": num("0.3333333333")},
			in:   psa.Fields{"state": "working", "estimate_minutes": num("20")},
			want: psa.Fields{"status": ref("13", "Scheduled"), "budget_hours": num("0.3333333333")},
		},
		{
			name: "a real change takes the preferred one", to: Left, present: psa.Fields{"board": ref("1", "Help Desk"), "status": ref("11", "New")},
			in:   psa.Fields{"state": "working"},
			want: psa.Fields{"status": ref("12", "Assigned")},
		},
		{
			name: "null clears, absent leaves alone", to: Right, present: psa.Fields{"title": "x", "due": "2026-03-01T08:00:00Z"},
			in:   psa.Fields{"due_at": nil, "priority": nil, "budget_hours": nil, "owner": nil, "custom": psa.Fields{"16": nil}},
			want: psa.Fields{"due": nil, "priority": nil, "estimate_minutes": nil, "assignee": nil, "site_code": nil},
		},
		{
			name: "unmapped values are held", to: Right, present: psa.Fields{},
			in:   psa.Fields{"summary": "x", "priority": ref("9", "Whenever"), "board": ref("1", "Help Desk"), "status": ref("19", "Parked")},
			want: psa.Fields{"title": "x", "queue": "Help Desk", "label": "# x"},
			issues: []string{
				`map.yaml:24:7: ticket/7: priority: no rule for "Whenever"; the field is held`,
				`map.yaml:16:7: ticket/7: state: no rule for "Parked" on "Help Desk"; the field is held`,
			},
		},
		{
			name: "a board the PSA does not have", to: Left, present: psa.Fields{}, in: psa.Fields{"queue": "Help Dsk", "client": ref("nobody", "")},
			want:   psa.Fields{},
			issues: []string{`map.yaml:15:7: ticket/7: board: the left side has no board "Help Dsk"; did you mean "Help Desk"?`},
		},
		{
			name: "not linked", to: Right, present: psa.Fields{}, in: psa.Fields{"company": ref("5", "New Co")}, want: psa.Fields{},
			issues: []string{`map.yaml:31:7: ticket/7: client: the company 5 has no counterpart on the right side yet`},
		},
		{
			name: "wrong types", to: Left, present: psa.Fields{}, in: psa.Fields{"title": num("5"), "estimate_minutes": "many", "vip": "perhaps", "due": "soon"},
			want: psa.Fields{"due_at": "soon"},
			issues: []string{
				`map.yaml:13:7: ticket/7: summary: the value is a number, and the left field takes a string`,
				`map.yaml:29:7: ticket/7: custom.17: bool: neither No nor Yes`,
				`map.yaml:30:7: ticket/7: budget_hours: hours_to_minutes: got a text, want a number`,
			},
		},
		{
			name: "members: fallback for the unmatched and the inactive", to: Left, present: psa.Fields{}, in: psa.Fields{"assignee": ref("u3", "Zed")},
			want:   psa.Fields{"owner": ref("2", "Dispatch")},
			issues: []string{`map.yaml:32:7: ticket/7: owner: no active member on the left side has the e-mail address of this one; add them, or list the pair under member: list`},
		},
		{
			name: "create-only fields are not changed", to: Left, present: psa.Fields{"summary": "x"}, in: psa.Fields{"body": "new"}, want: psa.Fields{},
		},
	}
	mp := mustCompile(t, ticketMap)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := tt.in.Clone()
			got, issues := mp.To(tt.to, ticket(tt.in), &Env{Present: tt.present, Link: links})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var texts []string
			for _, i := range issues {
				texts = append(texts, i.String())
			}
			if diff := cmp.Diff(tt.issues, texts); diff != "" {
				t.Errorf("issues: -want +got:\n%s", diff)
			}
			if !in.Equal(tt.in) {
				t.Error("the source was changed")
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	rules := func(s string) *Mapper {
		return mustCompile(t, "version: 1\nkinds:\n  ticket:\n    fields:\n      "+s+"\n")
	}
	one := func(mp *Mapper, to Side, in, present psa.Fields) string {
		got, issues := mp.To(to, ticket(in), &Env{Present: present})
		for _, i := range issues {
			return fmt.Sprintf("%s fatal=%v", i.Code, i.Fatal)
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	here := psa.Fields{}
	tests := []struct {
		rule    string
		to      Side
		in      psa.Fields
		present psa.Fields
		want    string
	}{
		{`contact_name: {app: origin, values: {A: x}, unknown: error}`, Right, psa.Fields{"contact_name": "B"}, here, "unmapped-value fatal=true"},
		{`contact_name: {app: origin, values: {A: x}, unknown: pass}`, Right, psa.Fields{"contact_name": "B"}, here, `{"origin":"B"}`},
		{`contact_name: {app: origin, values: {A: x}, unknown: {default: y}}`, Right, psa.Fields{"contact_name": "B"}, here, `{"origin":"y"}`},
		{`contact_name: {app: origin, values: {A: x}, unknown: {default: {psa: A, app: y}}}`, Left, psa.Fields{"origin": "z"}, here, `{"contact_name":"A"}`},
		{`contact_name: {app: origin, values: {A: ~}}`, Right, psa.Fields{"contact_name": "A"}, here, `{"origin":null}`},
		{`contact_name: {app: origin, nulls: keep}`, Right, psa.Fields{"contact_name": nil}, here, `{}`},
		{`priority: {app: origin, by: id, values: {1: urgent, 2: high}}`, Right, psa.Fields{"priority": ref("1", "whatever")}, here, `{"origin":"urgent"}`},
		{`priority: {app: origin, by: id, values: {1: urgent, 2: high}}`, Left, psa.Fields{"origin": "high"}, here, `{"priority":{"id":"2","name":"Priority 2 - High"}}`},
		{`priority: {app: origin, by: id, values: {1: urgent, 8: high}}`, Left, psa.Fields{"origin": "high"}, here, "no-such-option fatal=false"},
		{`board.name: queue`, Right, psa.Fields{"board": ref("1", "Help Desk")}, here, `{"queue":"Help Desk"}`},
		{`board.name: queue`, Right, psa.Fields{"board": nil}, here, `{"queue":null}`},
		{`board.name: queue`, Left, psa.Fields{"queue": "Help Desk"}, here, `{"board":{"id":"1","name":"Help Desk"}}`},
		{`board.id: queue`, Right, psa.Fields{"board": ref("1", "Help Desk")}, here, `{"queue":"1"}`},
		{`board.id: queue`, Left, psa.Fields{"queue": "2"}, here, `{"board":{"id":"2","name":"Projects"}}`},
		{`company.id: origin`, Right, psa.Fields{"company": ref("99", "Acme")}, here, `{"origin":"99"}`},
		{`company.id: unknown_field`, Right, psa.Fields{"company": ref("99", "Acme")}, here, `{"unknown_field":"99"}`},
		{`company.id: origin`, Left, psa.Fields{"origin": "99"}, here, `{"company":{"id":"99"}}`},
		{`board: {app: origin, transform: upper}`, Right, psa.Fields{"board": ref("1", "Help Desk")}, here, `{"origin":"HELP DESK"}`},
		{`board: {app: origin, transform: {prefix: "B "}}`, Left, psa.Fields{"origin": "B Projects"}, here, `{"board":{"id":"2","name":"Projects"}}`},
		{`contact_name: {app: origin, when: {board: Projects}}`, Right, psa.Fields{"contact_name": "Jo", "board": ref("1", "Help Desk")}, here, `{}`},
		{`contact_name: {app: origin, when: {board: Projects}}`, Right, psa.Fields{"contact_name": "Jo", "board": ref("2", "Projects")}, here, `{"origin":"Jo"}`},
		{`contact_name: {app: origin, when: {board: [Projects, ~]}}`, Left, psa.Fields{"origin": "Jo"}, psa.Fields{"board": ref("1", "Help Desk")}, `{}`},
		{`contact_name: {app: origin, when: {"!board": Projects}}`, Left, psa.Fields{"origin": "Jo"}, psa.Fields{"board": ref("1", "Help Desk")}, `{"contact_name":"Jo"}`},
		{`contact_name: [{app: origin, when: {right: {queue: A}}}, {app: label}]`, Left, psa.Fields{"origin": "o", "label": "l", "queue": "A"}, here, `{"contact_name":"o"}`},
		{`contact_name: [{app: origin, when: {right: {queue: A}}}, {app: label}]`, Left, psa.Fields{"origin": "o", "label": "l", "queue": "B"}, here, `{"contact_name":"l"}`},
		{`contact_name: {app: origin, transform: [trim, {prefix: "CW "}]}`, Right, psa.Fields{"contact_name": " Jo "}, here, `{"origin":"CW Jo"}`},
		{`contact_name: {app: origin, transform: [trim, {prefix: "CW "}]}`, Left, psa.Fields{"origin": "CW Jo"}, psa.Fields{"contact_name": " Jo "}, `{"contact_name":" Jo "}`},
		{`contact_name: {app: origin, transform: {prefix: "CW "}}`, Left, psa.Fields{"origin": "Jo"}, here, `transform fatal=false`},
	}
	for _, tt := range tests {
		if got := one(rules(tt.rule), tt.to, tt.in, tt.present); got != tt.want {
			t.Errorf("%s to %s with %v: got %s, want %s", tt.rule, tt.to, tt.in, got, tt.want)
		}
	}
}

// Members are matched by list and e-mail, never by name; who has no counterpart
// is held, dropped or replaced, and that is said.
func TestMembers(t *testing.T) {
	tests := []struct {
		member string
		to     Side
		in     any
		want   any // nil: the field is left alone
		issue  string
	}{
		{`{}`, Right, ref("1", "Ann Agent"), ref("u1", "Ann A."), ""},
		{`{}`, Left, ref("u1", ""), ref("1", "Ann Agent"), ""},
		{`{}`, Left, ref("u3", "Zed"), nil, "member"}, // inactive in the PSA
		{`{}`, Left, ref("u4", "Bo"), nil, "member"},  // another address
		{`{list: {bo@home.example: bo}}`, Left, ref("u4", "Bo"), ref("4", "Bo Busy"), ""},
		{`{list: {bo@home.example: bo}}`, Right, ref("4", "Bo Busy"), ref("u4", "Bo"), ""},
		{`{by: list, list: {bo@home.example: bo}}`, Left, ref("u1", ""), nil, "member"},
		{`{unmatched: drop}`, Left, ref("u3", "Zed"), nil, ""},
		{`{unmatched: {fallback: Dispatch}}`, Left, ref("u3", "Zed"), ref("2", "Dispatch"), "member instead Dispatch"},
		{`{unmatched: {fallback: Nobody}}`, Left, ref("u3", "Zed"), nil, "member"},
		{`{}`, Left, "ANN@msp.example", ref("1", "Ann Agent"), ""},
		{`{}`, Left, "Ann Agent", nil, "member"},
		{`{}`, Left, ref("nobody", "Ann Agent"), nil, "member"},
	}
	for _, tt := range tests {
		mp := mustCompile(t, "version: 1\nkinds: {ticket: {fields: {owner: {app: assignee, member: "+tt.member+"}}}}\n")
		fields := [2]string{"owner", "assignee"}
		got, issues := mp.To(tt.to, ticket(psa.Fields{fields[1-tt.to]: tt.in}), nil)
		issue := ""
		for _, i := range issues {
			if issue = i.Code; i.Instead != "" {
				issue += " instead " + i.Instead
			}
		}
		if diff := cmp.Diff(tt.want, got[fields[tt.to]]); diff != "" || issue != tt.issue {
			t.Errorf("%s to %s, %v: issue %q, want %q, -want +got:\n%s", tt.member, tt.to, tt.in, issue, tt.issue, diff)
		}
	}
	// A host that keeps addresses gets addresses.
	cfg := config()
	cfg.RightMembers = nil
	mp, err := mustMap(t, "version: 1\nkinds: {ticket: {fields: {owner: {app: title, member: {unmatched: {fallback: bo}}}}}}\n").Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := mp.To(Right, ticket(psa.Fields{"owner": ref("1", "Ann")}), nil); got["title"] != "ann@msp.example" {
		t.Errorf("got %v", got)
	}
	if got, _ := mp.To(Left, ticket(psa.Fields{"title": "ann@msp.example"}), nil); got.Ref("owner").ID != "1" {
		t.Errorf("got %v", got)
	}
	// A field that refers to members of a host that has none yet gets nothing.
	mp, err = mustMap(t, "version: 1\nkinds: {ticket: {fields: {owner: {app: assignee, member: {by: email, unmatched: drop}}}}}\n").Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got, issues := mp.To(Right, ticket(psa.Fields{"owner": ref("1", "Ann")}), nil); len(got) > 0 || len(issues) > 0 {
		t.Errorf("got %v, %v", got, issues)
	}
}

func TestLists(t *testing.T) {
	src := `version: 1
kinds:
  contact:
    fields:
      types: {app: tags, right_type: ids, values: {Approver: approver, Billing: billing}}
      communications:
        app: emails
        right_type: list
        each: {value: address, medium: {app: kind, values: {email: e, phone: p}}, default: main}
`
	mp, err := mustMap(t, src).Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	left := psa.Fields{
		"types": []any{ref("1", "Approver"), ref("2", "Billing")},
		"communications": []any{
			psa.Fields{"value": "a@b.example", "medium": "email", "default": true},
			psa.Fields{"value": "555", "medium": "phone"}},
	}
	right := psa.Fields{
		"tags":   []any{"approver", "billing"},
		"emails": []any{psa.Fields{"address": "a@b.example", "kind": "e", "main": true}, psa.Fields{"address": "555", "kind": "p"}},
	}
	got, issues := mp.To(Right, psa.Record{Ref: psa.Ref{Kind: "contact", ID: "1"}, Fields: left}, nil)
	if diff := cmp.Diff(right, got); diff != "" || issues != nil {
		t.Errorf("to right: -want +got:\n%s%v", diff, issues)
	}
	back, issues := mp.To(Left, psa.Record{Ref: psa.Ref{Kind: "contact", ID: "1"}, Fields: right}, nil)
	left["types"] = []any{ref("", "Approver"), ref("", "Billing")}
	if diff := cmp.Diff(left, back); diff != "" || issues != nil {
		t.Errorf("to left: -want +got:\n%s%v", diff, issues)
	}
}

func TestDiffer(t *testing.T) {
	mp := mustCompile(t, ticketMap)
	left := psa.Fields{"summary": "x", "board": ref("1", "Help Desk"), "status": ref("13", "Scheduled"), "budget_hours": json.Number("0.333333333"), "priority": nil}
	right := psa.Fields{"title": "x", "queue": "Help Desk", "state": "working", "estimate_minutes": json.Number("20"), "priority": nil}
	if d := mp.Differ(psa.KindTicket, left, right); d != nil {
		t.Errorf("differ: %v, want nothing: Scheduled is working", d)
	}
	right["state"], right["title"], right["priority"] = "done", "y", ref("P1", "Critical")
	if diff := cmp.Diff([]string{"summary", "priority", "status"}, mp.Differ(psa.KindTicket, left, right)); diff != "" {
		t.Error(diff)
	}
}

func TestMapAccessors(t *testing.T) {
	m := mustMap(t, ticketMap)
	if m.Name(Left) != "connectwise" || m.Name(Right) != "host" {
		t.Errorf("names %q and %q", m.Name(Left), m.Name(Right))
	}
	if diff := cmp.Diff([]psa.Kind{"ticket", "note"}, m.Kinds()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{"board": {"Help Desk"}, "closed": {"30d"}}, m.Scope(psa.KindTicket)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][2]string{{"external_ref", "id"}}, m.Match(psa.KindTicket)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]string{{"board", "status"}}, m.Groups(psa.KindTicket)); diff != "" {
		t.Error(diff)
	}
	for _, r := range m.Rules(psa.KindTicket) {
		if r.Left == "company" {
			want := Rule{Kind: "ticket", Left: "company", Right: "client", Where: "map.yaml:31:7", Direction: "to_right", Owner: "left", OnEdit: "restore"}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestMapErrors(t *testing.T) {
	head := "version: 1\nkinds:\n  ticket:\n    fields:\n"
	tests := []struct{ name, src, want string }{
		{"no kinds", "version: 1\n", "f:1:1: kinds is missing"},
		{"extends", "version: 1\nextends: b.yaml\nkinds: {}\n", "f:2:10: extends needs the other file; read this one with Load"},
		{"both words", "version: 1\npsa: a\nleft: b\nkinds: {}\n", "f:2:6: left and psa are two words for one side; remove one"},
		{"unknown kind", "version: 1\nkinds: {tiket: {fields: {}}}\n", `f:2:9: "tiket" is no kind; did you mean "ticket"?`},
		{"no right field", head + "      status: {conflict: newest}\n", `f:5:15: the rule for status names no right field; add right: ...`},
		{"unknown key", head + "      status: {app: s, confict: newest}\n", `f:5:24: the rule has no key "confict"; did you mean "conflict"?`},
		{"strategy", head + "      status: {app: s, conflict: newst}\n", `f:5:34: conflict: unknown strategy "newst", did you mean "newest"?`},
		{"transform", head + "      status: {app: s, transform: hour_to_minutes}\n", `f:5:35: there is no transform "hour_to_minutes"; did you mean "hours_to_minutes"?`},
		{"argument", head + "      status: {app: s, transform: {zone: Mars/Base}}\n", `f:5:36: zone knows no zone "Mars/Base"`},
		{"duplicate inverse", head + "      status: {app: s, values: {A: x, B: y, C: x}}\n", `f:5:45: "A" and "C" map to "x"; say which one it goes back to: prefer: {x: A}`},
		{"prefer", head + "      status: {app: s, values: {A: x, C: x}, prefer: {x: D}}\n", `f:5:55: prefer "x": "D" is no pair of values`},
		{"one-way template", head + "      status: {app: s, transform: {template: \"{a}\"}}\n", `f:5:35: a template cannot go back; add direction: to_right`},
		{"chain", head + "      status: {app: s, transform: [hours_to_minutes, trim]}\n", `f:5:54: transform "trim" takes a string, and "hours_to_minutes" makes a number`},
		{"target twice", head + "      status: s\n      board: s\n", `f:6:7: right field "s" is written at f:5:7 too; give one of them a direction or a when`},
		{"unreachable", head + "      status: [{app: s}, {app: t}]\n", `f:5:16: this rule has no when, so those after it never apply; put it last`},
		{"caption", head + "      custom[Site #1]: x\n", `f:5:7: fields is a text; write a mapping; a key that holds " #" or ": " needs quotes, e.g. 'custom["Site #1"]'`},
		{"path", head + "      a..b: x\n", `f:5:7: "a..b" is no field; write a field name such as status, board.name, custom.16 or custom["Caption"]`},
		{"widening", "version: 1\nkinds: {note: {fields: {visibility: {app: v, values: {internal: public}}}}}\n", `f:2:55: internal notes would become public; add widen: true if that is meant`},
		{"shared with public", "version: 1\nkinds: {note: {fields: {visibility: {app: v, values: {internal: seen, public: seen}}}}}\n", `f:2:55: internal notes would become "seen", as public ones do; add widen: true if that is meant`},
		{"narrow there, wide back", "version: 1\nkinds: {note: {fields: {visibility: {app: v, values: {team: internal, public: public}}}}}\n",
			`f:2:55: internal notes would come back team; add internal: internal, which they then go back to, or direction: to_right, or widen: true if that is meant`},
		{"wide back by preference", "version: 1\nkinds: {note: {fields: {visibility: {app: v, values: {internal: internal, team: internal}, prefer: {internal: team}}}}}\n",
			`f:2:75: internal notes would come back team; add internal: internal, which`},
		{"wide default", "version: 1\nkinds: {note: {fields: {visibility: {app: v, values: {internal: staff, public: all}, unknown: {default: all}}}}}\n", `f:2:105: what is unknown would become "all"; add widen: true if that is meant`},
		{"group", "version: 1\nkinds: {ticket: {groups: [[a]], fields: {}}}\n", `f:2:27: a group is a list of two fields or more, e.g. [board, status]`},
		{"owner", head + "      status: {app: s, owner: {side: psa, on_edit: fix}}\n", `f:5:52: on_edit is "fix"; write restore or tolerate or ask`},
		{"mixed conditions", head + "      status: {app: s, when: {board: x, right: {y: 1}}}\n", `f:5:31: when of two sides has no key "board"`},
		{"silent", head + "      status: {app: s, values: {017: a, New: no}}\n", `f:5:33: 017 is another number`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.src), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got:\n%v\nwant:\n%s", err, tt.want)
			}
		})
	}
}

func TestHostTransforms(t *testing.T) {
	shout := Transform{In: psa.TypeString, Out: psa.TypeString, Forward: func(v any) (any, error) { return v.(string) + "!", nil }}
	src := "version: 1\nkinds:\n  ticket:\n    fields:\n      summary: {app: title, transform: shout, conflict: ours%s}\n"
	opts := &Options{Transforms: map[string]Transform{"shout": shout}, Strategies: map[string]conflict.Strategy{"ours": conflict.PreferRight}}
	if _, err := Parse("f", fmt.Appendf(nil, src, ""), opts); err == nil || !strings.Contains(err.Error(), `f:5:40: transform "shout" cannot go back; add direction: to_right`) {
		t.Errorf("a one-way transform both ways: %v", err)
	}
	m, err := Parse("f", fmt.Appendf(nil, src, ", direction: to_right"), opts)
	if err != nil {
		t.Fatal(err)
	}
	mp, err := m.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := mp.To(Right, ticket(psa.Fields{"summary": "x"}), nil); got["title"] != "x!" {
		t.Errorf("got %v", got)
	}
	if got, _ := mp.To(Left, ticket(psa.Fields{"title": "x"}), nil); len(got) != 0 {
		t.Errorf("went back: %v", got)
	}
	_, err = Parse("f", []byte("version: 1\nkinds: {}\n"), nil)
	if err != nil {
		t.Error(err)
	}
}

// Merge does what extends does, with maps that are parsed already.
func TestMerge(t *testing.T) {
	base := mustMap(t, "version: 1\npsa: a\nkinds:\n  ticket:\n    create: {psa: {board: A, source: B}}\n    fields:\n      summary: title\n      status: {app: state, values: {New: open, Done: closed}, unknown: pass}\n  note:\n    fields: {text: text}\n")
	m, err := Merge(base, Source{"over.yaml", []byte("version: 1\nkinds:\n  ticket:\n    create: {source: ~, team: C}\n    fields:\n      status: {right: stage, values: {Done: finished}}\n      summary: {left: summary, owner: psa, app: subject}\n  note: ~\n  site:\n    fields: {name: name}\n")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]psa.Kind{"site", "ticket"}, m.Kinds()); diff != "" {
		t.Error(diff)
	}
	mp, err := m.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := mp.To(Right, ticket(psa.Fields{"summary": "x", "status": ref("1", "New")}), nil)
	if diff := cmp.Diff(psa.Fields{"subject": "x", "stage": "open"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, issues := mp.To(Right, ticket(psa.Fields{"status": ref("1", "Other")}), nil)
	if len(issues) != 1 {
		t.Errorf("the replaced rule kept unknown: pass: %v", issues)
	}
	got, _ = mp.To(Left, ticket(psa.Fields{"subject": "x"}), nil)
	if diff := cmp.Diff(psa.Fields{"summary": "x", "board": ref("", "A"), "team": ref("", "C")}, got); diff != "" {
		t.Errorf("create: -want +got:\n%s", diff)
	}
	if m.Name(Left) != "a" || base.kind(psa.KindNote) == nil {
		t.Error("the base was changed, or its name lost")
	}
	_, err = Merge(m, Source{"bad.yaml", []byte("version: 1\nkinds: {ticket: {fields: {due_at: stage}}}\n")})
	if err == nil || !strings.Contains(err.Error(), `bad.yaml:2:27: right field "stage" is written at over.yaml:6:7 too`) {
		t.Errorf("a clash: %v", err)
	}
	_, err = Merge(m, Source{"a.yaml", []byte("[]")}, Source{"b.yaml", []byte("version: 1\nextends: x\nkinds: {}\n")}, Source{"c.yaml", []byte("a: [")})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all errors at once: %v", err)
	}
}

func TestLayers(t *testing.T) {
	fsys := fstest.MapFS{
		"maps/base.yaml": {Data: []byte(ticketMap)},
		"maps/acme/acme.yaml": {Data: []byte(`version: 1
extends: ../base.yaml
kinds:
  ticket:
    scope: {board: [Projects]}
    create: {psa: {source: Portal}}
    fields:
      summary: {app: title, owner: app}
      description: ~
      status: {values: {Projects: {Done: closed}}}
      priority: {conflict: [newest, psa], values: {"Priority 3 - Normal": ~}}
      custom.17: {transform: ~, type: bool, right_type: string}
      location: origin
`)},
	}
	m, err := Load(fsys, "maps/acme/acme.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"maps/base.yaml", "maps/acme/acme.yaml"}, m.Files()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{"board": {"Projects"}, "closed": {"30d"}}, m.Scope(psa.KindTicket)); diff != "" {
		t.Error(diff)
	}
	rules := map[string]Rule{}
	for _, r := range m.Rules(psa.KindTicket) {
		rules[r.Left] = r
	}
	if _, ok := rules["description"]; ok {
		t.Error("~ did not remove the rule")
	}
	if r := rules["summary"]; r.Where != "maps/acme/acme.yaml:8:7" || r.Owner != "right" {
		t.Errorf("summary: %+v", r)
	}
	if diff := cmp.Diff("first(newest, psa)", rules["priority"].Conflict); diff != "" {
		t.Error(diff)
	}
	mp, err := m.Compile(config())
	if err != nil {
		t.Fatal(err)
	}
	got, _ := mp.To(Right, ticket(psa.Fields{"board": ref("2", "Projects"), "status": ref("24", "Done"), "priority": ref("1", "Priority 1 - Critical")}), &Env{Present: psa.Fields{}})
	if diff := cmp.Diff(psa.Fields{"queue": "Projects", "state": "closed", "priority": ref("P1", "Critical"), "label": "# "}, got); diff != "" && !strings.Contains(diff, "label") {
		t.Errorf("values merge by key: -want +got:\n%s", diff)
	}
	if _, issues := mp.To(Right, ticket(psa.Fields{"priority": ref("3", "Priority 3 - Normal")}), nil); len(issues) != 1 {
		t.Errorf("~ did not remove the value: %v", issues)
	}
	for name, want := range map[string]string{
		"version: 1\nextends: x.yaml\nkinds: {}\n":  "f.yaml:2:10: extends: x.yaml",
		"version: 1\nextends: f.yaml\nkinds: {}\n":  "f.yaml:2:10: f.yaml extends itself",
		"version: 1\nextends: ../../x\nkinds: {}\n": `f.yaml:2:10: extends is "../../x"; write a path relative to this file, e.g. base.yaml`,
		"version: 1\nextends: 5\nkinds: {}\n":       `f.yaml:2:10: extends is 5; write a path relative to this file, e.g. base.yaml`,
		"version: 1\nextends: [a]\nkinds: {}\n":     `f.yaml:2:10: extends is a list; write a path relative to this file, e.g. base.yaml`,
	} {
		_, err := Load(fstest.MapFS{"f.yaml": {Data: []byte(name)}}, "f.yaml", nil)
		if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
