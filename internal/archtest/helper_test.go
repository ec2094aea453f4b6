package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/psasync/psasync"

// pkg is the part of go list's answer that the rules read.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Standard     bool
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// short returns the path within the module, "." for its root.
func (p pkg) short() string {
	if p.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

var root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Dir(filepath.Dir(dir))
})

var packages = sync.OnceValues(func() ([]pkg, error) {
	return list(root(), "./...")
})

func list(dir string, args ...string) ([]pkg, error) {
	out, err := run(dir, nil, "go", append([]string{"list", "-json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs, nil
		case err != nil:
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
}

func run(dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, errors.New(strings.Join(cmd.Args, " ") + ": " + err.Error() + "\n" + stderr.String())
	}
	return out, nil
}

func allPackages(t *testing.T) []pkg {
	t.Helper()
	pkgs, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 5 {
		t.Fatalf("go list found %d packages only", len(pkgs))
	}
	return pkgs
}

// files returns the tracked and the new files of the repository that are not
// ignored, relative to its root; outside a git checkout it walks the tree.
func files(t *testing.T) []string {
	t.Helper()
	if out, err := run(root(), nil, "git", "ls-files", "-co", "--exclude-standard"); err == nil {
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	var names []string
	err := filepath.WalkDir(root(), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(root(), path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
