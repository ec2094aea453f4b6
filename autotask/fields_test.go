package autotask

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

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
	p, fixtures := offline(t), adaptertest.OpenFixtures(t, errSkip)
	for _, lists := range p.lists {
		for _, l := range lists {
			entry := strings.TrimSuffix(l.entry(), "/")
			x := extra{finish: parentOf(l)}
			if l.field == "" {
				var err error
				if x, err = p.extra(t.Context(), l, "test", entry); err != nil {
					t.Fatal(err)
				}
			}
			decode, shape := p.decoder(l, x), p.shape(l, x)
			fixtures.Decode(entry, l.kind, func(row []byte) ([]byte, error) {
				if len(x.secret) > 0 {
					row, _ = withoutFields(row, x.secret)
				}
				return shape.Cut(row)
			}, func(raw []byte) psa.Record { return decode(raw, psa.Ref{}) })
		}
	}
	fixtures.Compare()
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
	adaptertest.Spoken(t, f)
	for kind := range maps.Keys(absent()) {
		if f[kind].Can != 0 || f[kind].Missing[psa.CanList] == "" {
			t.Errorf("%s: %+v", kind, f[kind])
		}
	}
}
