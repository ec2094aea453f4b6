package adaptertest

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

var update = flag.Bool("update", false, "write testdata/rows.golden.json")

// Fixtures are testdata/rows.json: for each list rows with the vendor's keys
// and invented values, and what becomes of them.
type Fixtures struct {
	t    *testing.T
	skip error
	rows map[string][]json.RawMessage
	got  map[string][]*psa.Record
}

// OpenFixtures reads the rows. A record with the error skip is left out by the
// adapter.
func OpenFixtures(t *testing.T, skip error) *Fixtures {
	t.Helper()
	f := &Fixtures{t: t, skip: skip, got: map[string][]*psa.Record{}}
	src, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(src, &f.rows); err != nil {
		t.Fatal(err)
	}
	return f
}

// Decode makes records of one list's rows. cut returns what is kept of a row,
// decode what it becomes. There must be a row, no error, no field that is not
// in the schema, and nothing left of the money and secrets that rows hold.
func (f *Fixtures) Decode(list string, kind psa.Kind, cut func(row []byte) ([]byte, error), decode func(raw []byte) psa.Record) {
	f.t.Helper()
	if len(f.rows[list]) == 0 {
		f.t.Errorf("testdata/rows.json has no %s", list)
	}
	for _, row := range f.rows[list] {
		raw, err := cut(row)
		if err != nil {
			f.t.Fatal(err)
		}
		r := decode(raw)
		if errors.Is(r.Err, f.skip) {
			f.got[list] = append(f.got[list], nil)
			continue
		}
		if r.Err != nil {
			f.t.Errorf("%s: %v", list, r.Err)
		}
		for name := range r.Fields {
			if _, ok := psa.FieldOf(kind, name); !ok {
				f.t.Errorf("%s: %q is no field", list, name)
			}
		}
		for _, canary := range []string{"canary", "9123"} {
			if strings.Contains(string(raw), canary) {
				f.t.Errorf("%s: money or a secret stays in Raw: %s", list, raw)
			}
		}
		f.got[list] = append(f.got[list], &r)
	}
}

// Compare compares all records with testdata/rows.golden.json, where rows that
// are left out are null. With the flag -update it writes that file.
func (f *Fixtures) Compare() {
	f.t.Helper()
	got, err := json.MarshalIndent(f.got, "", "  ")
	if err != nil {
		f.t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/rows.golden.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		f.t.Errorf("canonical rows differ; look at them, then run go test -run %s -update (-want +got):\n%s", f.t.Name(), diff)
	}
}

// Spoken checks that something is said about every kind: a term where it is
// listed, a reason where it is not.
func Spoken(t *testing.T, f psa.Features) {
	t.Helper()
	for _, kind := range slices.Concat(psa.ConfigKinds(), psa.RecordKinds()) {
		switch feature, ok := f[kind]; {
		case !ok:
			t.Errorf("nothing is said about %s", kind)
		case f.Can(kind, psa.CanList) && feature.Term == "":
			t.Errorf("%s has no term", kind)
		case !f.Can(kind, psa.CanList) && feature.Missing[psa.CanList] == "":
			t.Errorf("%s: no reason why it is not listed", kind)
		}
	}
}
