package mapping

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// Every YAML of the guides parses.
func TestGuides(t *testing.T) {
	heads := map[string]string{
		"    ":     "version: 1\nkinds:\n  ticket:\n",
		"      ":   "version: 1\nkinds:\n  ticket:\n    fields:\n",
		"        ": "version: 1\nkinds:\n  ticket:\n    fields:\n      status:\n        app: state\n",
	}
	base, err := os.ReadFile("../examples/fieldmap/maps/connectwise.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(t, "README.md") {
		indent := b[:len(b)-len(strings.TrimLeft(b, " "))]
		src := heads[indent] + b
		if strings.Contains(b, "visibility: {app") { // a field of notes
			src = strings.Replace(src, "  ticket:", "  note:", 1)
		}
		if indent == "    " && !strings.Contains(b, "    fields:") {
			src += "    fields: {}\n"
		}
		_, err := Load(fstest.MapFS{"map.yaml": {Data: []byte(src)}, "base.yaml": {Data: base}}, "map.yaml", nil)
		if err != nil {
			t.Errorf("%v\n%s", err, src)
		}
	}
	for _, b := range blocks(t, "LAYOUT.md") {
		if !strings.HasPrefix(b, "version:") {
			b = "version: 1\nkinds:\n  note:\n    id: id\n    fields:\n" + "      " + strings.ReplaceAll(strings.TrimSpace(strings.Replace(b, "owner:", "member:", 1)), "\n", "\n      ") + "\n"
		}
		if _, err := ParseLayout("layout", []byte(b)); err != nil {
			t.Errorf("%v\n%s", err, b)
		}
	}
}

func blocks(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	parts := strings.Split(string(text), "```yaml\n")
	for _, p := range parts[1:] {
		b, _, ok := strings.Cut(p, "```")
		if !ok {
			t.Fatal("a block has no end")
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		t.Fatal("no YAML in " + file)
	}
	return all
}
