package halopsa_test

import (
	"context"
	"strings"
	"testing"

	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

// credentials of a simulator, as they are at the moment of asking.
func credentials(srv *halopsatest.Server) func(context.Context) (halopsa.Credentials, error) {
	return func(context.Context) (halopsa.Credentials, error) {
		c := srv.Credentials()
		return halopsa.Credentials{ClientID: c.ClientID, ClientSecret: c.ClientSecret}, nil
	}
}

// open returns a provider on a simulator; change may alter its Config.
func open(t testing.TB, tenant *halopsatest.Tenant, opts *halopsatest.Options, change func(*halopsa.Config)) (*halopsa.Provider, *halopsatest.Server) {
	t.Helper()
	var o halopsatest.Options
	if opts != nil {
		o = *opts
	}
	o.InProcess = true
	srv := halopsatest.NewServer(tenant, &o)
	t.Cleanup(srv.Close)
	cfg := halopsa.Config{URL: srv.URL(), Transport: srv.Transport(), Credentials: credentials(srv)}
	if change != nil {
		change(&cfg)
	}
	p, err := halopsa.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, srv
}

// The least number of requests for the whole configuration is authinfo, a
// token, one for each list (priorities and SLA targets stand in one), one for
// the numbers of the lookup lists, one for
// the statuses that are open, one for the teams that templates name, and one
// for each ticket type. Nothing comes on top, and no list is read in pages.
func TestConfigurationInFewRequests(t *testing.T) {
	tenant := halopsatest.Medium()
	p, srv := open(t, tenant, nil, nil)
	var kinds []psa.Kind
	for _, kind := range p.Features().Kinds() {
		if kind.IsConfig() {
			kinds = append(kinds, kind)
		}
	}
	types := len(tenant.IDs("/TicketType"))
	least := 2 + len(kinds) + 2 + types
	for _, kind := range kinds {
		if len(adaptertest.List(t, p, kind, psa.Query{})) == 0 {
			t.Errorf("%s has no rows", kind)
		}
	}
	if n := len(srv.Requests()); n != least {
		t.Errorf("%d requests for %d kinds and %d ticket types, want %d", n, len(kinds), types, least)
	}
	for _, r := range srv.Requests() {
		if strings.HasPrefix(r.Path, "/api/Tickets") || strings.HasPrefix(r.Path, "/api/Client") || strings.HasPrefix(r.Path, "/api/Users") {
			t.Errorf("%s holds no configuration", r.Path)
		}
	}
}

// Records cost a request for each page of a hundred rows, less what pages
// overlap.
func TestRecordsInFewRequests(t *testing.T) {
	tenant := halopsatest.Medium()
	p, srv := open(t, tenant, nil, nil)
	if err := slas(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	srv.ClearCounters()
	rows := len(adaptertest.List(t, p, psa.KindContact, psa.Query{}))
	least := 1 + rows/100 // and the custom fields
	if n := len(srv.Requests()); n < least || n > least+2 {
		t.Errorf("%d requests for %d rows, want %d to %d", n, rows, least, least+2)
	}
}
