package psatest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/psa"
)

func TestDeclaredDeviations(t *testing.T) {
	c := testCase{name: "query/removed", rule: "Rows go."}
	board, status := failure{psa.KindBoard, "stays"}, failure{psa.KindStatus, "stays, too"}
	for _, tt := range []struct {
		name  string
		known map[string]string
		found []failure
		want  []string
	}{
		{name: "passes", known: nil},
		{name: "fails", found: []failure{board}, want: []string{"rule: Rows go.", "board: stays"}},
		{name: "declared", known: map[string]string{"query/removed": "cannot"}, found: []failure{board, status}},
		{name: "declared for one kind", known: map[string]string{"query/removed:board": "cannot"}, found: []failure{board, status},
			want: []string{"rule: Rows go.", "status: stays, too"}},
		{name: "declared and passes", known: map[string]string{"query/removed": "cannot"},
			want: []string{"rule: Rows go.", "Harness.Known says that query/removed fails (cannot), but it does not: remove the entry"}},
		{name: "declared for the wrong kind", known: map[string]string{"query/removed:team": "cannot"}, found: []failure{board},
			want: []string{"rule: Rows go.", "board: stays", "Harness.Known says that query/removed:team fails (cannot), but it does not: remove the entry"}},
		{name: "another case", known: map[string]string{"query/removed-late": "cannot"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Harness{Known: tt.known}.deviations().judge(c, tt.found)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestDeviationsMustBelongToACase(t *testing.T) {
	d := Harness{Known: map[string]string{"query/removed": "", "query/remove": "typo", "query/count": "fine"}}.deviations()
	d.judge(testCase{name: "query/count"}, nil)
	got := d.leftOver()
	if len(got) != 2 || !strings.Contains(got[0], "query/remove was not run") || !strings.Contains(got[1], "query/removed has no reason") {
		t.Errorf("got %q", got)
	}
}

func TestManyFailuresAreCut(t *testing.T) {
	found := make([]failure, 25)
	got := Harness{}.deviations().judge(testCase{rule: "x"}, found)
	if len(got) != maxFailures+2 || got[len(got)-1] != "... and 15 more" {
		t.Errorf("%d lines, the last is %q", len(got), got[len(got)-1])
	}
}

// A harness without a function passes once it says why, and fails otherwise.
func TestMissingFunctions(t *testing.T) {
	lacking := func(testing.TB) *World {
		w := memory(Boards().WithPageSize(5))
		w.Remove, w.Plant, w.Mails = nil, nil, nil
		delete(w.Trouble, LostReply)
		return w
	}
	known := map[string]string{
		"query/removed": "cannot remove", "write/deletions": "cannot remove", "write/mail": "cannot count mail", "write/lost-reply": "cannot lose replies",
		"domain/time-is-no-note": "cannot plant", "domain/service-tickets": "cannot plant", "domain/hidden-people": "cannot plant", "domain/unclear-note": "cannot plant",
	}
	h := Harness{Open: lacking, Known: known}
	d := h.deviations()
	for _, c := range cases() {
		if known[c.name] == "" {
			continue
		}
		found := h.observe(t, c)
		if len(found) != 1 || !strings.Contains(found[0].text, "the harness has no World.") {
			t.Errorf("%s: %v", c.name, found)
		}
		if lines := d.judge(c, found); len(lines) > 0 {
			t.Errorf("%s is declared and fails: %q", c.name, lines)
		}
	}
	if lines := d.leftOver(); len(lines) > 0 {
		t.Error(lines)
	}
}

// A provider that only reads runs no case about writing.
func TestReadOnlyProvider(t *testing.T) {
	tenant := Boards().WithPageSize(5)
	for kind, f := range tenant.Features {
		f.Can &= psa.CanList | psa.CanGet | psa.CanSince | psa.CanResume
		f.Find, f.Marker = nil, ""
		tenant = tenant.With(kind, f)
	}
	open := func(testing.TB) *World {
		w := memory(tenant)
		w.Provider = Bare(w.Provider)
		return w
	}
	Run(t, Harness{Open: open})
	for _, c := range cases() {
		if strings.HasPrefix(c.name, "write/") && c.applies(tenant.Features) {
			t.Errorf("%s runs", c.name)
		}
	}
}

func TestRecorder(t *testing.T) {
	var order []string
	found := record(t, func(r *recorder) {
		r.Cleanup(func() { order = append(order, "first") })
		r.Cleanup(func() {
			order = append(order, "second")
			if r.Context().Err() == nil {
				t.Error("the context is not done when cleaning up")
			}
		})
		r.Errorf("one %d", 1)
		if !r.Failed() {
			t.Error("not failed")
		}
		func() {
			defer r.Error("two", "more")
			r.Skip("no")
		}()
		t.Error("goes on after Skip")
	})
	want := []failure{{"", "one 1"}, {"", "skipped: no"}, {"", "two more"}}
	if d := cmp.Diff(want, found, cmp.AllowUnexported(failure{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]string{"second", "first"}, order); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if found := record(t, func(*recorder) { panic("boom") }); len(found) != 1 || !strings.HasPrefix(found[0].text, "panic: boom") {
		t.Errorf("a panic gives %v", found)
	}
	for name, stop := range map[string]func(*recorder){
		"Fatalf": func(r *recorder) { r.Fatalf("x") }, "FailNow": (*recorder).FailNow, "SkipNow": (*recorder).SkipNow, "Skipf": func(r *recorder) { r.Skipf("x") },
	} {
		if found := record(t, func(r *recorder) { stop(r); t.Errorf("goes on after %s", name) }); len(found) != 1 {
			t.Errorf("%s gives %v", name, found)
		}
	}
}
