package connectwise

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

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
	p, fixtures := offline(t), adaptertest.OpenFixtures(t, errSkip)
	for _, lists := range p.lists {
		for _, l := range lists {
			entry, parent := string(l.kind), parentOf(l.kind)
			if l.variant != "" {
				entry += "/" + l.variant
			}
			decode, shape := p.decoder(l), p.shape(l, parent, "")
			fixtures.Decode(entry, l.kind, func(row []byte) ([]byte, error) {
				if l.custom {
					row = withoutPassword(row)
				}
				return shape.Cut(row)
			}, func(raw []byte) psa.Record { return decode(raw, parent) })
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
	adaptertest.Spoken(t, f)
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
