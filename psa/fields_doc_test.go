package psa_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/psa"
)

var update = flag.Bool("update", false, "rewrite FIELDS.md")

// TestFieldsDocument keeps FIELDS.md what the schemas say.
func TestFieldsDocument(t *testing.T) {
	got := fieldsDocument()
	if *update {
		if err := os.WriteFile("FIELDS.md", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("FIELDS.md")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("run go test ./psa -update (-file +schema):\n%s", d)
	}
}

func fieldsDocument() string {
	var b strings.Builder
	b.WriteString("# Canonical fields\n\nGenerated from `psa.Schema`; a vendor may leave fields out, see `Features`.\n" +
		"Times are RFC 3339 in UTC. A reference holds `id` and `name`.\n")
	section := func(title string, kinds []psa.Kind) {
		fmt.Fprintf(&b, "\n## %s\n", title)
		for _, k := range kinds {
			fmt.Fprintf(&b, "\n### %s\n\n| field | type | class | notes |\n| --- | --- | --- | --- |\n", k)
			for _, f := range psa.Schema(k) {
				typ := string(f.Type)
				if f.Kind != "" {
					typ += " to " + string(f.Kind)
				}
				if f.Unit != "" {
					typ += ", " + f.Unit
				}
				var notes []string
				if f.ReadOnly {
					notes = append(notes, "read only")
				}
				if f.CreateOnly {
					notes = append(notes, "written on create only")
				}
				if f.Help != "" {
					notes = append(notes, f.Help)
				}
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, typ, f.Class, strings.Join(notes, "; "))
			}
		}
	}
	section("Configuration", psa.ConfigKinds())
	section("Records", psa.RecordKinds())
	return b.String()
}
