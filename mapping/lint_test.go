package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/psasync/psasync/psa"
)

func findings(fs []psa.Finding) []string {
	var out []string
	for _, f := range fs {
		out = append(out, fmt.Sprintf("%s %s %s %s", strings.TrimPrefix(f.Where, "map.yaml:"), f.Severity, f.Code, f.Message))
	}
	return out
}

func TestLintOfAGoodMap(t *testing.T) {
	cfg := config()
	got := findings(mustMap(t, ticketMap).LintWith(cfg))
	for _, g := range got {
		if strings.Contains(g, " error ") {
			t.Errorf("%s", g)
		}
	}
	if diff := cmp.Diff([]string{
		`16:7 info many-to-one "Scheduled" becomes "working" and comes back as "Assigned" where it is new; a left record that holds it keeps it`,
		`38:7 info many-to-one "team" becomes "private" and comes back as "internal" where it is new; a left record that holds it keeps it`,
	}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLint(t *testing.T) {
	tests := []struct {
		name, body string
		want       []string
	}{
		{"unknown fields", "summry: titel\n", []string{
			`5:7 error unknown-field the left side has no field "summry" on ticket; did you mean "summary"?`,
			`5:7 error unknown-field the right side has no field "titel" on ticket; did you mean "title"?`}},
		{"captions", "custom[\"Site Cod\"]: site_code\n      custom[\"vip\"]: {app: vip, transform: {bool: {true: \"Y\", false: \"N\"}}}\n", []string{
			`5:7 error unknown-field the left side has no custom field "Site Cod" on ticket; did you mean "Site Code"?`}},
		{"values not offered", "priority: {app: priority, values: {\"Priority 1 - Critcal\": Critical, \"Priority 2 - High\": Hihg}}\n", []string{
			`5:7 warning uncovered-value priority: no rule for the left side's "Priority 1 - Critical", "Priority 3 - Normal", which is held; add them to values`,
			`5:7 warning uncovered-value priority: no rule for the right side's "High", "Medium", which is held; add them to values`,
			`5:42 error no-such-option the left side has no active priority "Priority 1 - Critcal"; did you mean "Priority 1 - Critical"?`,
			`5:97 error no-such-option the right side has no active priority "Hihg"; did you mean "High"?`}},
		{"values by scope", "board: queue\n      status: {app: state, per: board, values: {Help Desk: {New: open, Done: done}, Project: {New: open}}}\n", []string{
			`6:7 warning uncovered-value status: no rule for the left side's "Assigned", "Scheduled", "Closed" on "Help Desk", which is held; add them to values`,
			`6:7 warning uncovered-value status: no rule for the left side's "New", "Done" on "Projects", which is held; add them to values`,
			`6:72 error no-such-option the left side has no active status "Done" on "Help Desk"`,
			`6:95 error no-such-option the left side has no board "Project", under which this value stands; did you mean "Projects"?`}},
		{"names that match", "priority: priority\n", []string{
			`5:7 warning uncovered-value priority: no rule for the left side's "Priority 1 - Critical", "Priority 2 - High", "Priority 3 - Normal", which is held; add them to values`,
			`5:7 warning uncovered-value priority: no rule for the right side's "Critical", "High", "Medium", which is held; add them to values`}},
		{"types", "budget_hours: title\n", []string{
			`5:7 error type budget_hours is a number and title is a string; add a transform or values`}},
		{"values of the wrong type", "contact_name: {app: estimate_minutes, values: {A: 5, B: many}}\n      po_number: {app: title, values: {A: x}, transform: hours_to_minutes, direction: to_right}\n", []string{
			`5:60 error type value "B": the value is a text, and the right field takes a number`,
			`6:40 error type value "A": hours_to_minutes: got a text, want a number`}},
		{"a time is no date", "due_at: {app: due, right_type: date}\n", []string{
			`5:7 error type due_at is a time and due is a date; add a transform or values`}},
		{"transform of the wrong type", "summary: {app: title, transform: hours_to_minutes}\n", []string{
			`5:40 error type transform "hours_to_minutes" takes a number, and summary is a string`,
			`5:40 error type transform "hours_to_minutes" makes a number, and title is a string`}},
		{"lossy", "summary: {app: title, transform: upper}\n", []string{
			`5:7 warning lossy "a" becomes "A" and comes back as "A"; lost: lower case`}},
		{"does not go back", "summary: {app: title, transform: bad}\n", []string{
			`5:7 error round-trip "a" becomes "b" and comes back as "b"; add direction: to_right, or make the rule go back`}},
		{"read-only", "number: label\n", []string{
			`5:7 warning read-only number is read-only on the left side and never written; write direction: to_right`}},
		{"read-only target", "number: {app: label, direction: to_left}\n", []string{
			`5:7 error read-only number is read-only on the left side and never written; write direction: to_right`}},
		{"conditions", "summary: {app: title, when: {left: {bord: x}, right: {x: 1}}}\n", []string{
			`5:43 error unknown-field the left side has no field "bord" on ticket; did you mean "board"?`,
			`5:61 error unknown-field the right side has no field "x" on ticket`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := Transform{Forward: func(any) (any, error) { return "b", nil }, Inverse: func(v any) (any, error) { return v, nil }}
			m, err := Parse("map.yaml", []byte("version: 1\nkinds:\n  ticket:\n    fields:\n      "+tt.body), &Options{Transforms: map[string]Transform{"bad": bad}})
			if err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(findings(m.LintWith(config())), func(s string) bool {
				return strings.Contains(s, " required ") || strings.Contains(s, " custom-field-lost ")
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLintOfAKind(t *testing.T) {
	src := `version: 1
kinds:
  ticket:
    scope: {board: [Help Dsk], colour: red}
    match: [{psa: externl_ref, app: id}]
    groups: [[type, subtype, item]]
    create: {board: Help Desk, status: Done, source: Fax}
    constants: {app: {orign: x}}
    fields:
      board: queue
      type: label
      owner: {app: assignee, member: {list: {x@host.example: nobody}, unmatched: {fallback: Nobody}}}
      custom.16: {app: site_code, direction: to_left}
  site:
    fields: {name: name}
`
	cfg := config()
	cfg.LeftFeatures = psa.Features{psa.KindTicket: {Groups: [][]string{{"board", "status", "team"}}}}
	want := []string{
		`3:3 error required the left side requires summary on ticket, and no rule or default fills it; add a rule, or create: {left: {summary: ...}}`,
		`3:3 error required the left side requires company on ticket, and no rule or default fills it; add a rule, or create: {left: {company: ...}}`,
		`3:3 error incomplete-group board, status go together with team on the left side, and no rule or default fills team; add one, or create: {left: {team: ~}} to leave it to that side`,
		`3:3 error incomplete-group type goes together with subtype, item on the left side, and no rule or default fills subtype, item; add one, or create: {left: {subtype: ~}} to leave it to that side`,
		`3:3 error required the right side requires title on ticket, and no rule or default fills it; add a rule, or create: {right: {title: ...}}`,
		`3:3 info custom-field-lost custom field "VIP" (custom.17) of ticket has no rule and stays behind`,
		`4:21 error no-such-option the left side has no active board "Help Dsk"; did you mean "Help Desk"?`,
		`4:32 error unknown-field the left side has no field "colour" on ticket`,
		`5:13 error unknown-field the left side has no field "externl_ref" on ticket; did you mean "external_ref"?`,
		`7:32 error no-such-option the left side has no status "Done" within board "Help Desk"`,
		`7:46 error no-such-option the left side has no ticket_source "Fax"`,
		`8:23 error unknown-field the right side has no field "orign" on ticket; did you mean "origin"?`,
		`12:38 error member the left side has no active member "Nobody" to fall back to`,
		`12:38 error member the left side has no active member "nobody", who is listed for x@host.example`,
		`14:3 error unknown-kind the right side does not offer the kind site`,
	}
	got := findings(mustMap(t, src).LintWith(cfg))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// create: ~ says that a field of a group is left to the system.
func TestGroupsMayBeLeft(t *testing.T) {
	src := "version: 1\nkinds:\n  ticket:\n    groups: [[type, subtype]]\n    create: {left: {subtype: ~}}\n    fields:\n      type: label\n"
	m := mustMap(t, src)
	for _, f := range m.Lint(nil, nil) {
		t.Errorf("%+v", f)
	}
	mp, err := m.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := mp.To(Left, ticket(psa.Fields{"label": "Incident"}), nil); len(got) != 1 {
		t.Errorf("~ was written: %v", got)
	}
}

func TestCaptionsAreUnique(t *testing.T) {
	left := psaCatalog()
	left.fields[psa.KindTicket] = append(left.fields[psa.KindTicket],
		psa.Field{Name: "custom.18", Caption: "site  code", Type: psa.TypeString}, psa.Field{Name: "custom.19", Caption: "VIP", Type: psa.TypeBool})
	for caption, want := range map[string]string{
		"Site Code": "custom.16", "site  code": "custom.18", "SITE CODE": "several custom fields", "VIP": "several custom fields", "vip": "several custom fields",
	} {
		m := mustMap(t, "version: 1\nkinds: {ticket: {fields: {'custom[\""+caption+"\"]': {app: x, direction: to_right}}}}\n")
		mp, err := m.Compile(&Config{Left: left})
		if strings.HasPrefix(want, "custom.") {
			if got := strings.Join(mp.kinds[psa.KindTicket].groups[0].rules[0].fields[Left].segs, "."); err != nil || got != want {
				t.Errorf("%s: %s, %v", caption, got, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", caption, err)
		}
	}
}

func TestLintWithoutCatalogs(t *testing.T) {
	got := findings(mustMap(t, "version: 1\nkinds:\n  ticket:\n    fields:\n      summry: title\n      custom.5: x\n      custom[\"A\"]: y\n").Lint(nil, nil))
	want := []string{
		`5:7 error unknown-field the left side has no field "summry" on ticket; did you mean "summary"?`,
		`7:7 error unknown-field custom fields by caption need the catalog of the left side; without one, write custom.<id>`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A new record gets the board that create gives it, and has to be able to take
// the status that the map prefers.
func TestLintOfPreferred(t *testing.T) {
	const head = "version: 1\nkinds:\n  ticket:\n"
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"on the board", "    create: {psa: {board: Help Desk}}\n    fields:\n      status: {app: state, values: {Assigned: working, Scheduled: working}, prefer: {working: Assigned}}\n", nil},
		{"on another board", "    create: {psa: {board: Projects}}\n    fields:\n      status: {app: state, values: {Assigned: working, Scheduled: working}, prefer: {working: Assigned}}\n", []string{
			`6:95 error no-such-option create puts new records into board "Projects", which has no status "Assigned" to go back to for "working"`}},
		{"by id", "    create: {psa: {board: {id: \"2\"}}}\n    fields:\n      status: {app: state, values: {Assigned: working, Scheduled: working}, prefer: {working: Assigned}}\n", []string{
			`6:95 error no-such-option create puts new records into board "Projects", which has no status "Assigned" to go back to for "working"`}},
		{"one of several boards", "    create: {psa: {board: {by: type, values: {Incident: Help Desk, Change: Projects}}}}\n    fields:\n      type: label\n      status: {app: state, values: {Assigned: working, Scheduled: working}, prefer: {working: Assigned}}\n", []string{
			`7:95 error no-such-option create puts new records into board "Projects", which has no status "Assigned" to go back to for "working"`}},
		{"a constant", "    constants: {psa: {board: Projects}}\n    fields:\n      status: {app: state, values: {Assigned: working, Scheduled: working}, prefer: {working: Scheduled}}\n", []string{
			`6:95 error no-such-option create puts new records into board "Projects", which has no status "Scheduled" to go back to for "working"`}},
		{"the board is mapped", "    create: {psa: {board: Projects}}\n    fields:\n      board: queue\n      status: {app: state, values: {Assigned: working, Scheduled: working}, prefer: {working: Assigned}}\n", nil},
		{"only to the right", "    create: {psa: {board: Projects}}\n    fields:\n      status: {app: state, values: {Assigned: working, Scheduled: working}, prefer: {working: Assigned}, direction: to_right}\n", nil},
		{"by board", "    create: {psa: {board: Projects}}\n    fields:\n      status: {app: state, per: board, values: {Help Desk: {Assigned: working, Scheduled: working}, Projects: {New: working}}, prefer: {working: Assigned}}\n", nil},
		{"no default", "    fields:\n      status: {app: state, values: {Assigned: working, Scheduled: working}, prefer: {working: Assigned}}\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.DeleteFunc(findings(mustMap(t, head+tt.body).LintWith(config())), func(s string) bool {
				return !strings.Contains(s, "create puts")
			})
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A preference counts where the scope has the value; elsewhere a value goes back
// to the only one there is.
func TestPreferWithinAScope(t *testing.T) {
	const values = "version: 1\nkinds:\n  ticket:\n    fields:\n      board: queue\n      status: {app: state, per: board, prefer: {working: Assigned}, values: {Help Desk: {Assigned: working, Scheduled: working}, Projects: {New: working%s}}}\n"
	mp, err := mustMap(t, fmt.Sprintf(values, "")).Compile(config())
	if err != nil {
		t.Fatal(err)
	}
	for board, want := range map[string]string{"Help Desk": "Assigned", "Projects": "New"} {
		got, issues := mp.To(Left, ticket(psa.Fields{"queue": board, "state": "working"}), nil)
		if got.Ref("status").Name != want || len(issues) > 0 {
			t.Errorf("%s: %v %v, want %s", board, got["status"], issues, want)
		}
	}
	if _, err := Parse("map.yaml", []byte(fmt.Sprintf(values, ", Done: working")), nil); err == nil || !strings.Contains(err.Error(), `"New" and "Done" map to "working"`) {
		t.Errorf("two values of a board that none is preferred of: %v", err)
	}
}
