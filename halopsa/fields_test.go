package halopsa

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

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
	p, fixtures := offline(t), adaptertest.OpenFixtures(t, errSkip)
	for kind, l := range p.lists {
		parent := psa.Ref{}
		if l.per {
			parent = psa.Ref{Kind: l.parent, ID: "90001"}
		}
		decode, shape := p.decoder(l, lore()), p.shape(l, parent, lore())
		fixtures.Decode(string(kind), kind, func(row []byte) ([]byte, error) {
			if l.usage != 0 {
				row = withoutSecret(row)
			}
			return shape.Cut(row)
		}, func(raw []byte) psa.Record { return decode(raw, parent) })
	}
	fixtures.Compare()
}

// Everything the layout names is read by a list, and every list has a layout.
func TestLayoutIsUsed(t *testing.T) {
	p := offline(t)
	for kind, l := range p.lists {
		if l.layout == nil {
			t.Errorf("%s has no layout", kind)
		}
	}
	adaptertest.Spoken(t, p.Features())
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
