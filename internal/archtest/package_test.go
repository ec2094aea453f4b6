package archtest

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPackageIsDocumentedOnce looks for exactly one package comment that
// begins as godoc expects.
func TestEveryPackageIsDocumentedOnce(t *testing.T) {
	for _, p := range allPackages(t) {
		var found []string
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc == nil {
				continue
			}
			found = append(found, f)
			want := "Package " + p.Name + " "
			if p.Name == "main" {
				want = "Command " + filepath.Base(p.Dir) + " "
			}
			if !strings.HasPrefix(file.Doc.Text(), want) {
				t.Errorf("%s: %s: the package comment should begin with %q", p.short(), f, want)
			}
		}
		if len(found) != 1 && len(p.GoFiles) > 0 {
			t.Errorf("%s: want one package comment, found %d %v", p.short(), len(found), found)
		}
	}
}

// TestNoReplace keeps go.mod usable by importers.
func TestNoReplace(t *testing.T) {
	out, err := run(root(), nil, "go", "mod", "edit", "-json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), `"Replace": [`) {
		t.Error("go.mod has a replace directive, which importers do not see")
	}
}
