package bridge_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/psasync/psasync/mapping"
)

// testNames returns the tests of this package with the texts within each, among
// which are the names of its cases.
func testNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			texts := map[string]bool{}
			ast.Inspect(fn, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil {
						texts[s] = true
					}
				}
				return true
			})
			tests[fn.Name.Name] = texts
		}
	}
	return tests
}

// TestGuideTable: each row of the guide's truth table names a test that is
// there, and each case of TestTruthTable has its row.
func TestGuideTable(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "## The truth table\n")
	if !ok {
		t.Fatal("the guide has no truth table")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	tests := testNames(t)
	cell := regexp.MustCompile("^`(Test[A-Za-z]+)(?:/(.*))?`$")
	rows, shown := 0, map[string]bool{}
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| what happened") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		m := cell.FindStringSubmatch(strings.TrimSpace(cells[len(cells)-1]))
		switch {
		case len(cells) != 3 || m == nil:
			t.Errorf("no test shows this row: %s", line)
			continue
		case tests[m[1]] == nil:
			t.Errorf("there is no test %s: %s", m[1], line)
		case m[2] != "" && !tests[m[1]][m[2]]:
			t.Errorf("%s has no case %q: %s", m[1], m[2], line)
		}
		if shown[m[0]] {
			t.Errorf("two rows are shown by %s", m[0])
		}
		shown[m[0]] = true
	}
	if rows < 40 {
		t.Errorf("%d rows", rows)
	}
	for name := range tests["TestTruthTable"] {
		if by, _, _ := strings.Cut(name, " "); (by == "left" || by == "right" || by == "both" || by == "nobody" || by == "one") && strings.Contains(name, " ") && !shown["`TestTruthTable/"+name+"`"] {
			t.Errorf("the guide has no row for TestTruthTable/%s", name)
		}
	}
}

// TestGuideMap: the guide's field map can be read.
func TestGuideMap(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, yaml, _ := strings.Cut(string(text), "```yaml\n")
	yaml, _, ok := strings.Cut(yaml, "```\n")
	if !ok {
		t.Fatal("the guide has no field map")
	}
	m, err := mapping.Parse("acme.yaml", []byte(yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Kinds()) != 5 {
		t.Errorf("kinds: %v", m.Kinds())
	}
}
