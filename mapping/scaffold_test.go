package mapping

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

func lintsClean(t interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
}, src []byte, left, right psa.Catalog) {
	t.Helper()
	m, err := Parse("scaffold", src, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	for _, f := range m.Lint(left, right) {
		if f.Severity == psa.Failure {
			t.Errorf("%s: %s\n%s", f.Where, f.Message, src)
		}
	}
}

func TestScaffold(t *testing.T) {
	left, right := psaCatalog(), hostCatalog()
	got := Scaffold(left, right, &ScaffoldOptions{LeftName: "connectwise", RightName: "host"})
	lintsClean(t, got, left, right)
	const golden = "testdata/scaffold.golden.yaml"
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, got)
	}
}

func TestScaffoldOfGroups(t *testing.T) {
	left, right := psaCatalog(), hostCatalog()
	features := psa.Features{psa.KindTicket: {Groups: [][]string{{"board", "status", "type", "team"}, {"sla", "impact"}}}}
	src := Scaffold(left, right, &ScaffoldOptions{LeftFeatures: features})
	m, err := Parse("scaffold", src, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.LintWith(&Config{Left: left, Right: right, LeftFeatures: features}) {
		if f.Severity == psa.Failure {
			t.Errorf("%s: %s\n%s", f.Where, f.Message, src)
		}
	}
	if !strings.Contains(string(src), "team: ~") || strings.Contains(string(src), "impact: ~") {
		t.Errorf("%s", src)
	}
}

func TestScaffoldOfNothing(t *testing.T) {
	empty := &catalog{}
	lintsClean(t, Scaffold(empty, empty, nil), empty, empty)
}

// Whatever names an account has, the scaffold parses and lints without errors.
func TestScaffoldOfStrangeNames(t *testing.T) {
	name := rapid.OneOf(rapid.SampledFrom([]string{"yes", "No", "017", "1_000", "a: b", "x #1", "~", "null", "'", `"`, "Über", " pad ", "{a}", "true", "2026-01-02", "- x", "", "*", "a\tb"}), rapid.StringN(0, 10, -1))
	rapid.Check(t, func(t *rapid.T) {
		left, right := psaCatalog(), hostCatalog()
		for i, n := range rapid.SliceOfN(name, 0, 6).Draw(t, "priorities") {
			left.option(psa.KindPriority, fmt.Sprint("l", i), strings.ToValidUTF8(n, "?"), "")
		}
		for i, n := range rapid.SliceOfN(name, 0, 6).Draw(t, "statuses") {
			left.option(psa.KindStatus, fmt.Sprint("s", i), strings.ToValidUTF8(n, "?"), "1")
		}
		for i, n := range rapid.SliceOfN(name, 0, 6).Draw(t, "host") {
			right.option(psa.KindPriority, fmt.Sprint("r", i), strings.ToValidUTF8(n, "?"), "")
		}
		for i, n := range rapid.SliceOfN(name, 0, 4).Draw(t, "captions") {
			left.fields[psa.KindTicket] = append(left.fields[psa.KindTicket], psa.Field{Name: fmt.Sprint("custom.", 30+i), Caption: strings.ToValidUTF8(n, "?"), Type: psa.TypeString, Required: rapid.Bool().Draw(t, "required")})
		}
		lintsClean(t, Scaffold(left, right, &ScaffoldOptions{Kinds: []psa.Kind{psa.KindTicket}}), left, right)
	})
}
