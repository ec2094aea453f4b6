package halopsa

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

var update = flag.Bool("update", false, "write testdata/rows.golden.json")

func offline(t testing.TB) *Provider {
	t.Helper()
	p, err := New(Config{
		URL:         "acme.halopsa.com",
		Credentials: func(context.Context) (Credentials, error) { return Credentials{}, errors.New("offline") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lore is what the fixtures depend on besides their rows. There are two teams
// called Sales.
func lore() behind {
	return behind{
		teams: teamNames{
			{"1st Line", ""}: {"4"}, {"1st Line", "3"}: {"4"},
			{"Sales", ""}: {"6", "7"}, {"Sales", "3"}: {"6"}, {"Sales", "4"}: {"7"},
		},
		open: map[string]bool{"1": true},
	}
}

// The layout of every list: rows with the vendor's keys and invented values,
// and what becomes of them. Rows that are left out are null.
func TestFields(t *testing.T) {
	src, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[psa.Kind][]json.RawMessage{}
	if err := json.Unmarshal(src, &rows); err != nil {
		t.Fatal(err)
	}
	p := offline(t)
	got := map[psa.Kind][]*psa.Record{}
	for kind, l := range p.lists {
		if len(rows[kind]) == 0 {
			t.Errorf("testdata/rows.json has no %s", kind)
		}
		parent := psa.Ref{}
		if l.per {
			parent = psa.Ref{Kind: l.parent, ID: "90001"}
		}
		decode, shape := p.decoder(l, lore()), p.shape(l, parent, lore())
		for _, row := range rows[kind] {
			if l.usage != 0 {
				row = withoutSecret(row)
			}
			raw, err := shape.Cut(row)
			if err != nil {
				t.Fatal(err)
			}
			r := decode(raw, parent)
			if errors.Is(r.Err, errSkip) {
				got[kind] = append(got[kind], nil)
				continue
			}
			if r.Err != nil {
				t.Errorf("%s: %v", kind, r.Err)
			}
			for name := range r.Fields {
				if _, ok := psa.FieldOf(kind, name); !ok {
					t.Errorf("%s: %q is no field", kind, name)
				}
			}
			got[kind] = append(got[kind], &r)
			for _, canary := range []string{"canary", "9123"} {
				if strings.Contains(string(raw), canary) {
					t.Errorf("%s: money or a secret stays in Raw: %s", kind, raw)
				}
			}
		}
	}
	out, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, '\n')
	if *update {
		if err := os.WriteFile("testdata/rows.golden.json", out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/rows.golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(out)); diff != "" {
		t.Errorf("rows differ from testdata/rows.golden.json (-want +got); go test -update writes it:\n%s", diff)
	}
}

// Everything the layout names is read by a list, and every list has a layout.
func TestLayoutIsUsed(t *testing.T) {
	p := offline(t)
	for kind, l := range p.lists {
		if l.layout == nil {
			t.Errorf("%s has no layout", kind)
		}
	}
	for kind, f := range p.Features() {
		if f.Can.Has(psa.CanList) && f.Term == "" {
			t.Errorf("%s has no term", kind)
		}
		if !f.Can.Has(psa.CanList) && f.Missing[psa.CanList] == "" {
			t.Errorf("%s: no reason", kind)
		}
	}
	for _, kind := range append(psa.ConfigKinds(), psa.RecordKinds()...) {
		if _, ok := p.Features()[kind]; !ok {
			t.Errorf("nothing is said about %s", kind)
		}
	}
}

// What a page of rows loses before anything else sees it.
func TestEncryptedFields(t *testing.T) {
	in := `[{"id":1,"customfields":[{"id":2,"isencrypted" : true,"value":"s3cret","display":"s3cret"},{"id":3,"isencrypted":false,"value":"kept"}]},{"id":2,"note":"no fields"}]`
	out := string(withoutSecrets([]byte(in)))
	if strings.Contains(out, "s3cret") || !strings.Contains(out, "kept") || !json.Valid([]byte(out)) {
		t.Error(out)
	}
	if plain := `[{"id":1}]`; string(withoutSecrets([]byte(plain))) != plain {
		t.Error("a page without secrets was changed")
	}
}
