package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```")

// TestCodeInDocumentsCompiles builds every Go block of every document. A block
// is a whole file, so that what a reader copies works.
func TestCodeInDocumentsCompiles(t *testing.T) {
	dir := outsideModule(t)
	var blocks int
	for _, name := range files(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root(), name))
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range goBlock.FindAllSubmatch(b, -1) {
			blocks++
			if !strings.HasPrefix(string(m[1]), "package ") {
				t.Errorf("%s: Go block %d is no whole file: begin with a package clause, or fence it as text", name, i+1)
				continue
			}
			sub := filepath.Join(dir, fmt.Sprintf("block%d", blocks))
			write(t, filepath.Join(sub, "block.go"), string(m[1]))
			t.Logf("block%d is block %d of %s", blocks, i+1, name)
		}
	}
	if blocks == 0 {
		t.Fatal("no Go block found, the README should have one")
	}
	if _, err := run(dir, offline, "go", "vet", "-mod=mod", "./..."); err != nil {
		t.Error(err)
	}
}

var (
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz|Example)\w*)\(`)
	// testName is a test that a document speaks of; "TestBridge…" stands for several.
	testName = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*…?`)
)

// TestTestsInDocumentsExist looks for every test that a document names.
func TestTestsInDocumentsExist(t *testing.T) {
	have := map[string]bool{}
	documents := map[string]string{}
	for _, name := range files(t) {
		doc, code := strings.HasSuffix(name, ".md"), strings.HasSuffix(name, "_test.go")
		if !doc && !code {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root(), name))
		if err != nil {
			t.Fatal(err)
		}
		if doc {
			documents[name] = string(b)
			continue
		}
		for _, m := range testFunc.FindAllSubmatch(b, -1) {
			have[string(m[1])] = true
		}
	}
	for name, text := range documents {
		for _, test := range testName.FindAllString(text, -1) {
			prefix, several := strings.CutSuffix(test, "…")
			found := have[test]
			for other := range have {
				found = found || several && strings.HasPrefix(other, prefix)
			}
			if !found {
				t.Errorf("%s names %s, and there is no such test", name, test)
			}
		}
	}
	if len(documents) == 0 || len(have) == 0 {
		t.Fatalf("%d documents and %d tests found", len(documents), len(have))
	}
}

// TestImporterSeesNoEngine builds a module outside of this one that imports
// the SDK, and looks at what that costs it.
func TestImporterSeesNoEngine(t *testing.T) {
	dir := outsideModule(t)
	var imports strings.Builder
	for _, p := range allPackages(t) {
		name := p.short()
		if strings.Contains(name, "internal") || strings.HasPrefix(name, "examples/") || name == "cache/enginetest" || p.Name == "main" || len(p.GoFiles) == 0 {
			continue
		}
		fmt.Fprintf(&imports, "\t_ %q\n", p.ImportPath)
	}
	write(t, filepath.Join(dir, "main.go"), "package main\n\nimport (\n"+imports.String()+")\n\nfunc main() {}\n")
	if _, err := run(dir, offline, "go", "mod", "tidy"); err != nil {
		t.Fatalf("%v\nIf modules are missing from the module cache, run: go mod tidy", err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, heavy := range []string{"modernc.org/", "progressbar", "mattn/go-sqlite3", "pgx"} {
			if strings.Contains(string(b), heavy) {
				t.Errorf("an importer's %s names %s", name, heavy)
			}
		}
	}
	deps, err := run(dir, offline, "go", "list", "-deps", ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, heavy := range []string{"modernc.org/", "progressbar", "golang.org/x/term"} {
		if strings.Contains(string(deps), heavy) {
			t.Errorf("an importer's build links %s", heavy)
		}
	}
}

// offline keeps these builds on what the module cache holds.
var offline = []string{"GOFLAGS=-mod=mod", "GOPROXY=off", "GONOSUMDB=*", "GOWORK=off"}

// outsideModule makes an empty module that requires this one.
func outsideModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	goVersion, err := run(root(), nil, "go", "list", "-m", "-f", "{{.GoVersion}}")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), fmt.Sprintf(
		"module importer.example/app\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %s => %s\n",
		strings.TrimSpace(string(goVersion)), module, module, root()))
	sum, err := os.ReadFile(filepath.Join(root(), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(sum))
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
