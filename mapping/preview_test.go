package mapping

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

func TestPreview(t *testing.T) {
	mp := mustCompile(t, ticketMap)
	rec := ticket(psa.Fields{"summary": "Disk", "number": "7", "board": ref("1", "Help Desk"), "status": ref("19", "Parked"),
		"priority": ref("2", "Priority 2 - High"), "due_at": nil})
	got := FormatPreview(mp.Preview(Right, rec, &Env{Present: psa.Fields{"title": "Disk"}}))
	want := `FROM                 TO                VALUE                                                             RULE
summary              title             "Disk" (unchanged)                                                map.yaml:13:7
description          body              - (absent)                                                        map.yaml:14:7
board                queue             "Help Desk"                                                       map.yaml:15:7
priority             priority          "Priority 2 - High" -> "High"                                     map.yaml:24:7
custom["Site Code"]  site_code         - (absent)                                                        map.yaml:28:7
custom.17            vip               - (absent)                                                        map.yaml:29:7
budget_hours         estimate_minutes  - (absent)                                                        map.yaml:30:7
company              client            - (absent)                                                        map.yaml:31:7
owner                assignee          - (absent)                                                        map.yaml:32:7
due_at               due               null                                                              map.yaml:33:7
number               label             "7" -> "#7 Disk"                                                  map.yaml:34:7
status               state             - (held: no rule for "Parked" on "Help Desk"; the field is held)  map.yaml:16:7
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Preview and To say the same.
func TestPreviewIsWhatToDoes(t *testing.T) {
	mp := mustCompile(t, ticketMap)
	records := []psa.Fields{
		{"title": "x", "state": "open", "priority": ref("P9", "No such"), "label": "l"},
		{"title": "x", "state": "open", "queue": "Projects", "assignee": ref("u1", ""), "estimate_minutes": "bad"},
		{"summary": "x", "board": ref("1", "Help Desk"), "status": ref("11", "New"), "custom": psa.Fields{"16": "a", "17": nil}, "number": "1"},
	}
	for _, f := range records {
		for _, side := range []Side{Left, Right} {
			for _, present := range []psa.Fields{nil, {"board": ref("2", "Projects")}} {
				env := &Env{Present: present}
				want, issues := mp.To(side, ticket(f), env)
				got, held := psa.Fields{}, 0
				for _, s := range mp.Preview(side, ticket(f), env) {
					if s.Set {
						path, _ := parseFieldPath(s.To)
						if path.caption != "" {
							path.segs = []string{"custom", "16"}
						}
						path.set(got, s.Is)
					}
					if strings.HasPrefix(s.Note, "held: ") {
						held++
					}
				}
				if !got.Equal(want) || held != len(issues) {
					t.Errorf("%v to %s: -To +Preview:\n%s(%d issues, %d held)", f, side, cmp.Diff(want, got), len(issues), held)
				}
			}
		}
	}
}

func TestExplain(t *testing.T) {
	m, err := Load(fstest.MapFS{
		"base.yaml": {Data: []byte("version: 1\nkinds:\n  ticket:\n    fields:\n      status: {app: state, conflict: newest, values: {New: open, Done: closed}}\n      summary: title\n")},
		"acme.yaml": {Data: []byte("version: 1\nextends: base.yaml\nkinds:\n  ticket:\n    fields:\n      status:\n        conflict: manual\n        values: {Parked: waiting, Done: ~}\n")},
	}, "acme.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Part{
		{"rule", "status", "acme.yaml:6:7"},
		{"right", "state", "base.yaml:5:16"},
		{"conflict", "manual", "acme.yaml:7:9"},
		{`value "New"`, "open", "base.yaml:5:55"},
		{`value "Parked"`, "waiting", "acme.yaml:8:18"},
	}
	if diff := cmp.Diff(want, m.Explain(psa.KindTicket, "status")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]Part{{"rule", "summary", "base.yaml:6:7"}, {"right", "title", "base.yaml:6:16"}}, m.Explain(psa.KindTicket, "summary")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if p := m.Explain(psa.KindTicket, "owner"); p != nil {
		t.Errorf("owner has no rule: %v", p)
	}
	if p := m.Explain(psa.KindNote, "text"); p != nil {
		t.Errorf("note has no rule: %v", p)
	}
}

func TestImpact(t *testing.T) {
	old := psaCatalog()
	i := Impact{Map: mustMap(t, ticketMap), Config: Config{Right: hostCatalog(), LeftMembers: members(Left)}}
	impact := func(new psa.Catalog) []string {
		fs, err := i.Impact(context.Background(), old, new)
		if err != nil {
			t.Fatal(err)
		}
		return findings(fs)
	}
	if got := impact(old); got != nil {
		t.Errorf("nothing changed: %v", got)
	}
	renamed := old.without(psa.KindStatus, "Scheduled")
	renamed.option(psa.KindStatus, "13", "On site", "1")
	want := []string{
		`16:7 warning uncovered-value status: no rule for the left side's "On site" on "Help Desk", which is held; add it to values`,
		`20:53 error no-such-option the left side has no active status "Scheduled" on "Help Desk"`,
	}
	if diff := cmp.Diff(want, impact(renamed)); diff != "" {
		t.Errorf("a renamed status: -want +got:\n%s", diff)
	}
	recaptioned := psaCatalog()
	for j, f := range recaptioned.fields[psa.KindTicket] {
		if f.Caption == "Site Code" {
			recaptioned.fields[psa.KindTicket][j].Caption = "Site Number"
		}
	}
	got := impact(recaptioned)
	if len(got) != 2 || !strings.Contains(strings.Join(got, "\n"), `28:7 error unknown-field the left side has no custom field "Site Code" on ticket`) {
		t.Errorf("a renamed custom field: %v", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := i.Impact(ctx, old, old); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if fs, err := i.Impact(context.Background(), nil, renamed); err != nil || len(fs) != 2 {
		t.Errorf("without an old catalog everything counts: %v %v", fs, err)
	}
}
