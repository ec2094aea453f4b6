package connectwise

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

var update = flag.Bool("update", false, "write testdata/rows.golden.json")

func offline(t testing.TB) *Provider {
	t.Helper()
	p, err := New(Config{
		URL: "na.myconnectwise.net", Company: "acme", ClientID: "x",
		Credentials: func(context.Context) (Credentials, error) { return Credentials{}, errors.New("offline") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// parentOf is what rows that do not name their parent are listed under.
func parentOf(kind psa.Kind) psa.Ref {
	switch kind {
	case psa.KindSite:
		return psa.Ref{Kind: psa.KindCompany, ID: "500"}
	case psa.KindNote:
		return psa.Ref{Kind: psa.KindTicket, ID: "90001"}
	}
	return psa.Ref{}
}

// The layout of every list: rows with the vendor's keys and invented values,
// and what becomes of them. Rows that are left out are null.
func TestFields(t *testing.T) {
	src, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]json.RawMessage{}
	if err := json.Unmarshal(src, &rows); err != nil {
		t.Fatal(err)
	}
	p := offline(t)
	got := map[string][]*psa.Record{}
	for _, lists := range p.lists {
		for _, l := range lists {
			entry := string(l.kind)
			if l.variant != "" {
				entry += "/" + l.variant
			}
			if len(rows[entry]) == 0 {
				t.Errorf("testdata/rows.json has no %s", entry)
			}
			decode, shape := p.decoder(l), p.shape(l, parentOf(l.kind), "")
			for _, row := range rows[entry] {
				if l.custom {
					row = withoutPassword(row)
				}
				raw, err := shape.Cut(row)
				if err != nil {
					t.Fatal(err)
				}
				r := decode(raw, parentOf(l.kind))
				if errors.Is(r.Err, errSkip) {
					got[entry] = append(got[entry], nil)
					continue
				}
				if r.Err != nil {
					t.Errorf("%s: %v", entry, r.Err)
				}
				for name := range r.Fields {
					if _, ok := psa.FieldOf(l.kind, name); !ok {
						t.Errorf("%s: %q is no field", entry, name)
					}
				}
				got[entry] = append(got[entry], &r)
				for _, canary := range []string{"canary", "9123"} {
					if strings.Contains(string(raw), canary) {
						t.Errorf("%s: money or a secret stays in Raw: %s", entry, raw)
					}
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
		t.Errorf("canonical rows differ; look at them, then run go test -run TestFields -update (-want +got):\n%s", diff)
	}
}

// What is read is asked for, and what is denied is neither.
func TestSelection(t *testing.T) {
	p := offline(t)
	if len(p.lists) != len(p.Features().Kinds()) {
		t.Errorf("%d kinds have lists, %d are offered", len(p.lists), len(p.Features().Kinds()))
	}
	for kind, lists := range p.lists {
		for _, l := range lists {
			asked := strings.Split(l.fields, ",")
			for _, path := range l.layout.Sources() {
				if top, _, _ := strings.Cut(path, "."); !slices.Contains(asked, top) {
					t.Errorf("%s reads %s, which is not asked for", kind, path)
				}
				for key := range strings.SplitSeq(path, ".") {
					if slices.ContainsFunc(denied(), func(d string) bool { return strings.EqualFold(d, key) }) {
						t.Errorf("%s reads %s, which is denied", kind, path)
					}
				}
			}
			if l.stamped && !slices.Contains(asked, "_info") {
				t.Errorf("%s says it has stamps and does not ask for them", kind)
			}
		}
	}
	if d := denied(); !slices.IsSorted(d) {
		t.Error("denied is not in order")
	}
}

func TestFeatures(t *testing.T) {
	f := offline(t).Features()
	for _, kind := range slices.Concat(psa.ConfigKinds(), psa.RecordKinds()) {
		if _, ok := f[kind]; !ok {
			t.Errorf("nothing is said about %s", kind)
		}
		if f[kind].Term == "" && f.Can(kind, psa.CanList) {
			t.Errorf("%s has no term", kind)
		}
	}
	missing := slices.Sorted(maps.Keys(absent()))
	for _, kind := range missing {
		if f[kind].Can != 0 || f[kind].Missing[psa.CanList] == "" {
			t.Errorf("%s: %+v", kind, f[kind])
		}
	}
	if want := []psa.Kind{psa.KindAgreement, psa.KindCompanyClassification, psa.KindForm, psa.KindTicketType}; !slices.Equal(missing, want) {
		t.Errorf("absent kinds %v, want %v", missing, want)
	}
}
