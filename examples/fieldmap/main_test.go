package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/canary/accounts"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// A map's impact is what a resync asks for.
var _ resync.Impact = mapping.Impact{}

func runIt(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	hits, err := accounts.Leaks(append(out.Bytes(), errs.Bytes()...))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits { // what the simulators plant
		t.Errorf("the output holds %s", h)
	}
	return code, out.String(), errs.String()
}

func write(t *testing.T, src string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "map.yaml")
	if err := os.WriteFile(name, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestStory(t *testing.T) {
	code, out, errs := runIt(t)
	if code != exitFine || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	for _, want := range []string{
		"custom[\"Device colour\"]", // by its caption
		"maps/connectwise.yaml + maps/connectwise-acme.yaml: 0 errors, 0 warnings",
		`value "Scheduled"          Waiting                  maps/connectwise-acme.yaml:`,
		`status                   state             "New" -> "Open"`,
		`error: the left side has no custom field "Device colour" on ticket [unknown-field]`,
		`no rule for the left side's "On the calendar" on "Service Desk"`,
		`error: the left side has no active status "Scheduled" [no-such-option]`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the story lacks %q:\n%s", want, out)
		}
	}
}

// The first map is one that can be used, whatever the vendor.
func TestScaffoldIsClean(t *testing.T) {
	for _, v := range vendors() {
		code, out, errs := runIt(t, "-vendor", v, "scaffold")
		if code != exitFine || !strings.Contains(out, "status:") || !strings.Contains(out, "priority:") {
			t.Fatalf("%s: exit %d, %s\n%s", v, code, errs, out)
		}
		if code, found, errs := runIt(t, "-vendor", v, "-map", write(t, out), "lint"); code != exitFine || !strings.Contains(found, " 0 errors") {
			t.Errorf("%s: exit %d:\n%s%s", v, code, found, errs)
		}
	}
}

// The example maps of every vendor fit its simulated account, go back, and
// break where the account changes.
func TestVendorMaps(t *testing.T) {
	for _, v := range vendors() {
		code, out, errs := runIt(t, "-vendor", v, "lint")
		if want := "maps/" + v + ".yaml + maps/" + v + "-acme.yaml: 0 errors, 0 warnings"; code != exitFine || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d, no %q:\n%s%s", v, code, want, out, errs)
		}
		code, out, _ = runIt(t, "-vendor", v, "prove")
		if code != exitFine || !strings.Contains(out, `custom["`) || !strings.Contains(out, "22    22     0       0      0       0  ticket: budget_hours -> estimate_minutes") {
			t.Errorf("%s: exit %d:\n%s", v, code, out)
		}
		code, out, _ = runIt(t, "-vendor", v, "impact")
		for _, want := range []string{"error: the left side has no custom field", "error: the left side has no active status", "warning: status: no rule for"} {
			if code != exitImpact || !strings.Contains(out, want) {
				t.Errorf("%s: exit %d, no %q:\n%s", v, code, want, out)
			}
		}
	}
}

// What is wrong with a bad map is said all at once, each with its place.
func TestBadMaps(t *testing.T) {
	for name, wants := range map[string][]string{
		"bad.yaml": {
			`10:21: error: the left side has no active board "Servce Desk"; did you mean "Service Desk"?`,
			`11:20: error: the left side has no ticket_source "Fax"`,
			`13:7: error: the left side has no field "summry" on ticket; did you mean "summary"?`,
			`14:7: error: the right side has no field "quue" on ticket; did you mean "queue"?`,
			`15:7: error: budget_hours is a number and due_date is a time`,
			`16:7: warning: number is read-only on the left side`,
			`17:49: error: transform "hours_to_minutes" takes a number, and contact_name is a string`,
			`did you mean "Priority 1 - Critical"?`, `no active priority "Hihg"; did you mean "High"?`,
			`has no custom field "Device color" on ticket; did you mean "Device colour"?`,
			`has no active option "Bleu"; did you mean "Blue"?`, `has no active option "Lwo"; did you mean "Low"?`,
			`no rule for the left side's "Blue", "Black", which is held`,
			"[required]", "[incomplete-group]", "[uncovered-value]",
		},
		"unreadable.yaml": {
			`6:3: "tiket" is no kind; did you mean "ticket"?`,
			`9:29: the rule has no key "confict"; did you mean "conflict"?`,
			`10:61: conflict: unknown strategy "manul", did you mean "manual"?`,
			`11:48: "New" and "Re-opened" map to "Open"; say which one it goes back to`,
			`12:42: there is no transform "to_date"`,
			`15:44: internal notes would become public`,
		},
	} {
		code, out, errs := runIt(t, "lint", name)
		for _, want := range wants {
			if code != exitMap || !strings.Contains(out+errs, want) {
				t.Errorf("%s: exit %d, no %q:\n%s%s", name, code, want, out, errs)
			}
		}
	}
}

func TestExitCodes(t *testing.T) {
	broken := write(t, "version: 1\nkinds:\n  ticket:\n    fields:\n      summry: title\n      status: {app: state, confict: newest}\n")
	wrong := write(t, "version: 1\nkinds:\n  ticket:\n    fields:\n      summry: title\n")
	tests := []struct {
		args []string
		code int
		want string // in either output
	}{
		{[]string{"lint"}, exitFine, " 0 errors"},
		{[]string{"preview", "48213"}, exitFine, "Ticket 48213"},
		{[]string{"explain", "summary"}, exitFine, "maps/connectwise.yaml:"},
		{[]string{"impact"}, exitImpact, "On the calendar"},
		{[]string{"schema"}, exitFine, "$schema"},
		{[]string{"-h"}, exitFine, "-map"},
		{[]string{"lnit"}, exitUsage, `unknown command "lnit"`},
		{[]string{"lint", "x"}, exitUsage, `has no map "x"`},
		{[]string{"prove", "x"}, exitUsage, `unexpected argument "x"`},
		{[]string{"-vendor", "kaseya", "lint"}, exitUsage, `unknown vendor "kaseya"; there are autotask, connectwise, halopsa`},
		{[]string{"explain"}, exitUsage, "explain needs a field"},
		{[]string{"explain", "nope"}, exitUsage, `no rule for the ticket field "nope"`},
		{[]string{"preview", "999999999"}, exitUsage, "not found"},
		{[]string{"-nope"}, exitUsage, "not defined"},
		{[]string{"-map", broken, "lint"}, exitMap, `map.yaml:6:28: the rule has no key "confict"; did you mean "conflict"?`},
		{[]string{"-map", wrong, "lint"}, exitMap, `map.yaml:5:7: error: the left side has no field "summry" on ticket; did you mean "summary"?`},
		{[]string{"-map", "/no/such/file.yaml", "lint"}, exitMap, "file.yaml"},
	}
	for _, tt := range tests {
		code, out, errs := runIt(t, tt.args...)
		if code != tt.code || !strings.Contains(out+errs, tt.want) {
			t.Errorf("%v: exit %d, want %d and %q:\n%s%s", tt.args, code, tt.code, tt.want, out, errs)
		}
	}
}

func TestSchemaIsJSON(t *testing.T) {
	_, out, _ := runIt(t, "schema")
	if !json.Valid([]byte(out)) {
		t.Error(out)
	}
}

// A ticket of the simulated PSA goes to the host and back, and is the same.
func TestThereAndBack(t *testing.T) {
	for _, v := range vendors() {
		t.Run(v, func(t *testing.T) { thereAndBack(t, v) })
	}
}

func thereAndBack(t *testing.T, vendor string) {
	ctx := context.Background()
	c, err := connect(ctx, vendor)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	m, err := mapping.Load(files, "maps/"+vendor+"-acme.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.config(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := m.Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rec, err := range c.provider.List(ctx, psa.KindTicket, psa.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		there, issues := mapper.To(mapping.Right, rec, nil)
		for _, i := range issues {
			if i.Code != "member" { // the simulated PSA has members without an address
				t.Errorf("%s", i)
			}
		}
		back, issues := mapper.To(mapping.Left, psa.Record{Ref: rec.Ref, Fields: there}, &mapping.Env{Present: rec.Fields})
		for _, i := range issues {
			t.Errorf("%s: %s", rec.Ref, i)
		}
		for name, v := range back {
			was := rec.Fields[name]
			if r, ok := v.(psa.Fields); ok && name != "custom" {
				if w, _ := was.(psa.Fields); r.String("id") != w.String("id") {
					t.Errorf("%s: %s was %v and is %v", rec.Ref, name, was, v)
				}
			} else if !ok && !psa.ValuesEqual(v, was) {
				t.Errorf("%s: %s was %v and is %v", rec.Ref, name, was, v)
			}
		}
		if d := mapper.Differ(psa.KindTicket, rec.Fields, there); len(d) > 0 {
			t.Errorf("%s: %v differ", rec.Ref, d)
		}
		n++
	}
	if n == 0 {
		t.Error("no ticket")
	}
}

// What records hold are codes with Autotask and HaloPSA, and what people see
// with ConnectWise.
func TestLabelsOfOptions(t *testing.T) {
	coded := map[string]bool{"connectwise": false, "autotask": true, "halopsa": true}
	for _, v := range vendors() {
		c, err := connect(context.Background(), v)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		snap, err := c.snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		lists := 0
		for _, kind := range psa.RecordKinds() {
			for _, f := range snap.Fields(kind) {
				if f.Type != psa.TypeOption {
					continue
				}
				lists++
				if (f.Labels != nil) != coded[v] || f.Labels != nil && len(f.Labels) != len(f.Options) {
					t.Errorf("%s: %s of %s has options %q and labels %q", v, f.Name, kind, f.Options, f.Labels)
				}
			}
		}
		if lists == 0 {
			t.Errorf("%s: no lists", v)
		}
	}
}
