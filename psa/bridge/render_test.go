package bridge_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var b strings.Builder
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("%s:\n%s", name, d)
	}
}

var renderStart = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)

func renderReport() bridge.Report {
	return bridge.Report{
		Source: "acme/bridge", Run: "abc", Started: renderStart, Took: 1234567 * time.Microsecond,
		Lists: []bridge.ListReport{
			{Side: bridge.Left, Kind: psa.KindTicket, Full: true, Rows: 120, Unchanged: 60, Echoes: 5, Bad: 1, New: 30,
				Out: map[string]int{"board Projects is not in scope": 20, "closed before 30 days": 4}},
			{Side: bridge.Left, Kind: psa.KindNote, Rows: 2, New: 1},
			{Side: bridge.Left, Kind: psa.KindNote, Rows: 3, Out: map[string]int{"its ticket is not linked": 1}},
			{Side: bridge.Right, Kind: psa.KindTicket},
		},
		Created: [2]int{1, 30}, Updated: [2]int{2, 0}, Deleted: [2]int{0, 1},
		Linked: 1, Agreed: 2, Restored: 3, Closed: 4, Dormant: 5, Gone: 6, Skipped: 7,
		Tasks: map[string]int{"conflict": 2, "match": 1}, Decided: map[string]int{"newest": 3}, Left: map[string]int{"status": 1},
		Failures: []bridge.Failure{{Side: bridge.Right, Kind: psa.KindSite, Class: "permission denied", Error: "flat: list site: permission denied"}},
		Paused:   "more than 30 records created on the right side in one run",
	}
}

func TestRenderReport(t *testing.T) {
	r := renderReport()
	golden(t, "report.txt", r.WriteText)
	golden(t, "report.json", r.WriteJSON)
	empty := bridge.Report{Source: "acme/bridge", Run: "abd", Started: renderStart}
	golden(t, "empty-report.txt", empty.WriteText)
	if r.String() == "" || empty.Writes() != 0 || r.Writes() != 34 {
		t.Errorf("%d writes", r.Writes())
	}
}

// Values come from strangers: none of them may act on a terminal.
func TestRenderPlan(t *testing.T) {
	rep := renderReport()
	rep.DryRun, rep.Skipped, rep.Paused = true, 0, ""
	p := bridge.Plan{
		Source: "acme/bridge", Token: "0123456789abcdef", Report: rep,
		Notes: []string{"The right side may send mail.", strings.Repeat("long ", 200)},
		Items: []bridge.Item{
			{Op: "link", Side: bridge.Right, Kind: psa.KindCompany, Source: "1", Target: "501", Title: "Northwind"},
			{Op: "create", Side: bridge.Right, Kind: psa.KindTicket, Source: "1001", Title: "Printer \x1b[31moffline", Notify: psa.NotifyContact, Closes: true,
				Fields: []bridge.FieldChange{
					{Field: "company", After: psa.Fields{"id": "new:1", "name": "Northwind"}, Rule: "map.yaml:9:5"},
					{Field: "summary", After: "Printer \x1b[31moffline\nsecond line", Rule: "map.yaml:8:5"},
					{Field: "text", After: strings.Repeat("é", 200)},
				}},
			{Op: "update", Side: bridge.Left, Kind: psa.KindTicket, Source: "17", Target: "1002", Title: "VPN", Notify: psa.NotifyContact | psa.NotifyResources,
				Fields: []bridge.FieldChange{
					{Field: "priority", Before: nil, After: psa.Fields{"name": "High"}, By: "newest", Rule: "map.yaml:10:5"},
					{Field: "vip", Before: true, After: false, By: "owner"},
					{Field: "tags", Before: []any{"a"}, After: []any{}},
				}},
			{Op: "delete", Side: bridge.Right, Kind: psa.KindNote, Source: "3", Target: "4"},
		},
	}
	golden(t, "plan.txt", p.WriteText)
	golden(t, "plan.json", p.WriteJSON)
	if text := p.String(); strings.ContainsRune(text, '\x1b') {
		t.Error("an escape sequence got through")
	}
	many := bridge.Plan{Source: "acme/bridge"}
	for range 250 {
		many.Items = append(many.Items, p.Items[3])
	}
	if text := many.String(); !strings.Contains(text, "... and 50 more") || strings.Count(text, "note #4") != 200 {
		t.Errorf("a long plan:\n%s", text)
	}
}

// A whole plan of two real systems.
func TestRenderFirstPlan(t *testing.T) {
	w := newWorld(t, `
version: 1
psa: boards
app: flat
kinds:
  company:
    fields: {name: name, identifier: identifier}
  ticket:
    scope: {company: [Contoso Ltd]}
    create: {app: {status: New}}
    fields: {summary: summary, company: company}
`)
	p := w.plan()
	p.Token = "0123456789abcdef"
	golden(t, "first-plan.txt", p.WriteText)
	w.settle()
	w.left.Edit(ref(psa.KindTicket, "1002"), psa.Fields{"summary": "New starter: two laptops"})
	p = w.plan()
	p.Token = "0123456789abcdef"
	golden(t, "next-plan.txt", p.WriteText)
}

func TestMailIsTold(t *testing.T) {
	w := newWorld(t, basic, func(o *bridge.Options) { o.Policy = bridge.Phase1(bridge.Right) })
	w.settle()
	w.tick(2 * time.Minute)
	w.left.Put(psatest.Row(psa.KindNote, "", psa.Fields{"ticket": psatest.RefTo("1001", ""), "text": "We are on it.", "visibility": "public"}))
	w.left.Touch(ref(psa.KindTicket, "1001"))
	text := w.plan().String()
	for _, want := range []string{"Mail: the left side is asked to send 0 mails, the right side 1 mail\n", ", tells the contact\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
