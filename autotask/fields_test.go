package autotask

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

var update = flag.Bool("update", false, "write testdata/rows.golden.json")

// tables answers what rows depend on besides their list.
type tables struct{}

func (tables) RoundTrip(r *http.Request) (*http.Response, error) {
	body := map[string]string{
		"zoneInformation":      `{"zoneName":"z","url":"https://webservices3.autotask.net/ATServicesRest/","webUrl":"https://ww3.autotask.net/","ci":41001}`,
		"ThresholdInformation": `{}`,
		"BillingCodes":         `{"fields":[{"name":"useType","isPickList":true,"picklistValues":[{"value":"1","label":"Labor"}]}]}`,
		"TicketNotes":          `{"fields":[{"name":"publish","isPickList":true,"picklistValues":[{"value":"1","label":"All"},{"value":"2","label":"Internal"},{"value":"4","label":"Internal & Co-managed"},{"value":"6","label":"Someone"}]}]}`,
		"UserDefinedFieldDefinitions": `{"fields":[{"name":"UDFType","isPickList":true,"picklistValues":[{"value":"1","label":"Company"},{"value":"2","label":"Contact"},{"value":"4","label":"Project"},{"value":"5","label":"Ticket"}]},
			{"name":"dataType","isPickList":true,"picklistValues":[{"value":"3","label":"List"},{"value":"5","label":"Numeric"}]}]}`,
		"UserDefinedFieldDefinitions/query": `{"items":[{"id":1,"name":"CustomerRanking","udfType":1,"isActive":true},{"id":2,"name":"Router password","udfType":1,"isEncrypted":true},{"id":3,"name":"Seats","udfType":1},
			{"id":4,"name":"Shoe Size","udfType":2},{"id":29682851,"name":"Impact Level","udfType":5}],"pageDetails":{"nextPageUrl":null}}`,
		"UserDefinedFieldListItems/query":   `{"items":[{"id":310,"isActive":false,"udfFieldId":29682851,"valueForDisplay":"User","valueForExport":"1"},{"id":311,"isActive":true,"udfFieldId":29682851,"valueForDisplay":"Site","valueForExport":"2"}],"pageDetails":{"nextPageUrl":null}}`,
		"TicketCategoryFieldDefaults/query": `{"items":[{"id":9,"ticketCategoryID":3,"title":"","queueID":8,"issueTypeID":10,"subIssueTypeID":136,"estimatedHours":1.50,"priority":null,"workTypeID":29682801}],"pageDetails":{"nextPageUrl":null}}`,
	}
	_, path, _ := strings.Cut(r.URL.Path, "/V1.0/")
	path = strings.TrimSuffix(path, "/entityInformation/fields")
	if body[path] == "" {
		return nil, errors.New("no answer to " + path)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body[path]))}, nil
}

func offline(t testing.TB) *Provider {
	t.Helper()
	p, err := New(Config{
		Transport:   tables{},
		Credentials: func(context.Context) (Credentials, error) { return Credentials{"a", "b", "c"}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
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
			entry := strings.TrimSuffix(l.entry(), "/")
			if len(rows[entry]) == 0 {
				t.Errorf("testdata/rows.json has no %s", entry)
			}
			x := extra{finish: parentOf(l)}
			if l.field == "" {
				if x, err = p.extra(t.Context(), l, "test", entry); err != nil {
					t.Fatal(err)
				}
			}
			decode, shape := p.decoder(l, x), p.shape(l, x)
			for _, row := range rows[entry] {
				if len(x.secret) > 0 {
					row, _ = withoutFields(row, x.secret)
				}
				raw, err := shape.Cut(row)
				if err != nil {
					t.Fatal(err)
				}
				r := decode(raw, psa.Ref{})
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
			for _, path := range l.layout.Sources() {
				if top, _, _ := strings.Cut(path, "."); !slices.Contains(l.fields, top) && top != "userDefinedFields" {
					t.Errorf("%s reads %s, which is not asked for", kind, path)
				}
				if slices.ContainsFunc(denied(), func(d string) bool { return strings.EqualFold(d, path) }) {
					t.Errorf("%s reads %s, which is denied", kind, path)
				}
			}
			for _, stamp := range []string{l.stamp, l.created} {
				if stamp != "" && !slices.Contains(l.fields, stamp) {
					t.Errorf("%s filters by %s and does not ask for it", kind, stamp)
				}
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
	for kind := range maps.Keys(absent()) {
		if f[kind].Can != 0 || f[kind].Missing[psa.CanList] == "" {
			t.Errorf("%s: %+v", kind, f[kind])
		}
	}
}
