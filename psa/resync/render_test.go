package resync_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

func known(v any) resync.Value { return resync.Value{Known: true, V: v} }

// hostile is what somebody may type into a PSA to act on a terminal or a page.
const hostile = "\x1b[31m<script>alert(1)</script> | [x](http://msp.example) *b* `c` \u202e\n# h"

func reports() map[string]*resync.Report {
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	base := resync.Report{
		Run: "20260302T080000Z-ABCDEF", Source: "acme/connectwise", Provider: "connectwise",
		Started: at, Duration: 8412 * time.Millisecond,
		Phases: []resync.PhaseTime{
			{Phase: resync.Prepare, Duration: 301 * time.Millisecond}, {Phase: resync.Collect, Duration: 8 * time.Second},
			{Phase: resync.Process, Duration: 100 * time.Millisecond}, {Phase: resync.Update, Duration: 11 * time.Millisecond},
		},
		Trace:    psa.TraceSum{Requests: 221, Bytes: 1_200_000},
		Instance: psa.Instance{ID: "acme@na.myconnectwise.net", Name: "Acme IT", Version: "v2026.1"},
		From:     4,
	}
	unchanged := base
	unchanged.Outcome, unchanged.Version, unchanged.Repeated = resync.Unchanged, 4, true
	unchanged.Kinds = []resync.KindReport{{Kind: psa.KindBoard, Rows: 40, Unchanged: 40}, {Kind: psa.KindUrgency, Term: "Severity", Rows: 1, Unchanged: 1}}

	full := base
	full.Outcome, full.Version, full.Upgraded, full.Slow = resync.Partial, 5, "v2025.9", true
	full.Trace.Retries, full.Trace.Limited, full.Trace.Wait = 2, 1, 3*time.Second
	full.Kinds = []resync.KindReport{
		{Kind: psa.KindBoard, Rows: 41, Added: 1, Changed: 1, Unchanged: 39,
			AddedRows: []resync.RowReport{{ID: "9", Name: hostile}},
			ChangedRows: []resync.RowReport{{ID: "3", Name: "Help Desk", ChangesCount: 4, Changes: []resync.Change{
				{Field: "(active)", Old: known(true), New: known(false)},
				{Field: "location", Old: known(psa.Fields{"id": "1", "name": "Tampa"}), New: known(nil)},
				{Field: "name", Old: known("Helpdesk"), New: known(hostile)},
			}}}},
		{Kind: psa.KindStatus, Rows: 12, Removed: 3, Unchanged: 12,
			RemovedRows:   []resync.RowReport{{ID: "12", Name: "Old", Parent: "board/3"}},
			WarningsCount: 3, Warnings: []string{"row 7 is kept as it was: connectwise: unexpected answer"}},
		{Kind: psa.KindUrgency, Term: "Severity", Rows: 3, Unchanged: 3, Stale: "connectwise: list urgency: permission denied",
			StaleSince: at.Add(-time.Hour), Advice: psa.Advice(psa.ErrDenied)},
		{Kind: psa.KindCustomField, Rows: 1, Changed: 1, ChangedRows: []resync.RowReport{{ID: "16", Name: "Region", ChangesCount: 2, Changes: []resync.Change{
			{Field: "options.3", New: known(psa.Fields{"value": "West", "order": json.Number("3")})},
			{Field: "length", Old: known(json.Number("10"))},
		}}}},
		{Kind: psa.KindImpact, Rows: 3, Unchanged: 3},
	}
	full.FindingsCount = 2
	full.Findings = []psa.Finding{{Severity: psa.Warning, Code: resync.CodeDuplicateName, Kind: psa.KindStatus, ID: "12", Message: hostile}}
	full.ImpactCount = 1
	full.Impact = []psa.Finding{{Severity: psa.Failure, Code: "unknown-value", Where: "map.yaml:3:9", Message: "the map names a status that is gone"}}

	refused := base
	refused.Outcome, refused.DryRun, refused.Token = resync.Refused, true, "0123456789abcdef"
	refused.Guarded = []resync.Removal{{Kind: psa.KindStatus, Removed: 40, Before: 50}}
	err := &resync.RemovalError{Kinds: refused.Guarded, Token: refused.Token, Refused: true}
	refused.Error, refused.Advice = err.Error(), "Look at the rows that would go."
	refused.Kinds = []resync.KindReport{{Kind: psa.KindStatus, Rows: 10, Removed: 40, Unchanged: 10, RemovedRows: []resync.RowReport{{ID: "1", Name: "New"}}}}
	first := base
	first.Outcome, first.From, first.Version = resync.Partial, 0, 1
	first.Kinds = []resync.KindReport{
		{Kind: psa.KindBoard, Rows: 2, Added: 2, AddedRows: []resync.RowReport{{ID: "1", Name: "Service"}}},
		{Kind: psa.KindUrgency, Term: "Severity", Rows: 1, Added: 1, AddedRows: []resync.RowReport{{ID: "1", Name: "High"}}},
		{Kind: psa.KindImpact, Stale: "connectwise: list impact: permission denied", StaleSince: at, Advice: "Give the right."},
	}
	return map[string]*resync.Report{"first": &first, "unchanged": &unchanged, "full": &full, "refused": &refused}
}

func TestGolden(t *testing.T) {
	for name, r := range reports() {
		golden(t, name+".txt", r.WriteText)
		golden(t, name+".md", r.WriteMarkdown)
		golden(t, name+".json", r.WriteJSON)
	}
	v := &resync.Verification{Source: "acme/connectwise", Version: 5, At: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Items: []resync.Item{
		{Check: resync.CheckDropdowns, Verdict: resync.Pass, Kind: psa.KindBoard, Message: "board offers 40 options"},
		{Check: resync.CheckStatuses, Verdict: resync.Warn, Kind: psa.KindBoard, ID: "3", Message: hostile},
		{Check: resync.CheckCustomFields, Verdict: resync.Fail, Kind: psa.KindCustomField, ID: "16", Message: "it is a list without an active option"},
	}}
	for _, s := range []fmt.Stringer{reports()["full"], v} {
		if text := s.String(); !strings.HasPrefix(text, "Resync of") && !strings.HasPrefix(text, "Verification of") {
			t.Errorf("%q", text)
		}
	}
	golden(t, "verification.txt", v.WriteText)
	golden(t, "verification.md", v.WriteMarkdown)
	golden(t, "verification.json", v.WriteJSON)
}

// What goes to a terminal or a page cannot act on it.
func TestRenderingIsNeutral(t *testing.T) {
	for name, r := range reports() {
		var text, page bytes.Buffer
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if err := r.WriteMarkdown(&page); err != nil {
			t.Fatal(err)
		}
		for _, out := range []string{text.String(), page.String()} {
			if strings.ContainsAny(out, "\x1b\u202e") {
				t.Errorf("%s: a control character came through", name)
			}
		}
		if s := page.String(); strings.Contains(s, "<script>") || strings.Contains(s, "\n# h") || strings.Contains(s, "[x](") {
			t.Errorf("%s: markup came through", name)
		}
	}
}

// The JSON form is read back as it was written.
func TestReportJSONRoundTrip(t *testing.T) {
	for name, r := range reports() {
		var b bytes.Buffer
		if err := r.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		var back struct {
			Kinds []resync.KindReport `json:"kinds"`
		}
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r.Kinds, back.Kinds); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRenderersReturnWriteErrors(t *testing.T) {
	r, v := reports()["full"], &resync.Verification{}
	for i, write := range []func(io.Writer) error{r.WriteText, r.WriteMarkdown, r.WriteJSON, v.WriteText, v.WriteMarkdown, v.WriteJSON} {
		if err := write(failing{}); err == nil {
			t.Errorf("renderer %d swallowed the error", i)
		}
	}
}

// Lists are bounded, their counts are not.
func TestReportIsBounded(t *testing.T) {
	b := newBench(t, many(1000), resync.Options{ReportRows: 7})
	r := b.run()
	k := kindOf(t, r, psa.KindTicketSource)
	if k.Added != 1000 || len(k.AddedRows) != 7 {
		t.Errorf("%d added, %d listed", k.Added, len(k.AddedRows))
	}
	var text bytes.Buffer
	if err := r.WriteMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "... and 993 more") {
		t.Errorf("the text does not say that there are more:\n%s", text.String())
	}
}

// Whatever a vendor sends, an audit of a few rows stays small.
func TestLongValuesAreCut(t *testing.T) {
	b := newBench(t, psatest.Flat(), resync.Options{})
	b.run()
	long := strings.Repeat("é", 1<<20)
	list := make([]any, 100_000)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	b.tenant.Edit(ref(psa.KindPriority, "1"), psa.Fields{"name": long, "custom": psa.Fields{"7": list, "8": psa.Fields{"id": "1", "name": long}}})
	r := b.run()
	if n := len(b.store.commits[1].Audit); n > 50_000 {
		t.Errorf("the audit has %d bytes", n)
	}
	row := kindOf(t, r, psa.KindPriority).ChangedRows[0]
	if len(row.Changes) != 2 || len(row.Name) > 3000 {
		t.Errorf("%d changes of %.20q", len(row.Changes), row.Name)
	}
}

// Nothing that is denied appears in a report, an audit or a snapshot.
func TestNoCanaryAnywhere(t *testing.T) {
	for name, tenant := range shapes() {
		b := newBench(t, tenant, resync.Options{ReportRows: 10_000})
		r := b.run()
		var out bytes.Buffer
		for _, write := range []func(io.Writer) error{r.WriteText, r.WriteMarkdown, r.WriteJSON} {
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range b.store.commits {
			out.Write(c.Audit)
			for _, rec := range c.Put {
				raw, err := json.Marshal(rec)
				if err != nil {
					t.Fatal(err)
				}
				out.Write(raw)
			}
		}
		for _, canary := range tenant.Canaries {
			if strings.Contains(out.String(), canary) {
				t.Errorf("%s: %s came through", name, canary)
			}
		}
		if len(tenant.Canaries) == 0 {
			t.Errorf("%s has no canary", name)
		}
	}
}

func TestDiff(t *testing.T) {
	row := func(f psa.Fields) psa.Record { return psatest.Row(psa.KindCustomField, "1", f) }
	options := func(list ...any) psa.Fields { return psa.Fields{"options": list} }
	opt := func(id, value string) psa.Fields { return psa.Fields{"id": id, "value": value} }
	for name, c := range map[string]struct {
		old, new psa.Fields
		want     []resync.Change
	}{
		"equal":           {psa.Fields{"a": "x"}, psa.Fields{"a": "x"}, nil},
		"value":           {psa.Fields{"a": "x"}, psa.Fields{"a": "y"}, []resync.Change{{Field: "a", Old: known("x"), New: known("y")}}},
		"null":            {psa.Fields{"a": "x"}, psa.Fields{"a": nil}, []resync.Change{{Field: "a", Old: known("x"), New: known(nil)}}},
		"absent":          {psa.Fields{"a": nil}, psa.Fields{}, []resync.Change{{Field: "a", Old: known(nil)}}},
		"came":            {psa.Fields{}, psa.Fields{"a": nil}, []resync.Change{{Field: "a", New: known(nil)}}},
		"object":          {psa.Fields{"custom": psa.Fields{"16": "x", "17": "y"}}, psa.Fields{"custom": psa.Fields{"16": "z", "17": "y"}}, []resync.Change{{Field: "custom.16", Old: known("x"), New: known("z")}}},
		"reference":       {psa.Fields{"r": psa.Fields{"id": "1"}}, psa.Fields{"r": psa.Fields{"id": "2"}}, []resync.Change{{Field: "r", Old: known(psa.Fields{"id": "1"}), New: known(psa.Fields{"id": "2"})}}},
		"list":            {psa.Fields{"l": []any{"1"}}, psa.Fields{"l": []any{"1", "2"}}, []resync.Change{{Field: "l", Old: known([]any{"1"}), New: known([]any{"1", "2"})}}},
		"option renamed":  {options(opt("1", "A"), opt("2", "B")), options(opt("1", "A"), opt("2", "C")), []resync.Change{{Field: "options.2.value", Old: known("B"), New: known("C")}}},
		"option added":    {options(opt("1", "A")), options(opt("1", "A"), opt("2", "B")), []resync.Change{{Field: "options.2", New: known(psa.Fields{"value": "B"})}}},
		"options ordered": {options(opt("1", "A"), opt("2", "B")), options(opt("2", "B"), opt("1", "A")), []resync.Change{{Field: "options", Old: known([]any{"1", "2"}), New: known([]any{"2", "1"})}}},
		"ids repeat":      {options(opt("1", "A"), opt("1", "B")), options(opt("1", "A")), []resync.Change{{Field: "options", Old: known([]any{opt("1", "A"), opt("1", "B")}), New: known([]any{opt("1", "A")})}}},
		"all options go":  {options(opt("1", "A")), options(), []resync.Change{{Field: "options", Old: known([]any{opt("1", "A")}), New: known([]any(nil))}}},
	} {
		if d := cmp.Diff(c.want, resync.Diff(row(c.old), row(c.new))); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
