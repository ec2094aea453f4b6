package connectwise_test

import (
	"context"
	"strings"
	"testing"

	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
)

// open returns a provider on a simulator; change may alter its Config.
func open(t testing.TB, tenant *connectwisetest.Tenant, opts *connectwisetest.Options, change func(*connectwise.Config)) (*connectwise.Provider, *connectwisetest.Server) {
	t.Helper()
	var o connectwisetest.Options
	if opts != nil {
		o = *opts
	}
	o.InProcess = true
	srv := connectwisetest.NewServer(tenant, &o)
	t.Cleanup(srv.Close)
	cfg := connectwise.Config{
		URL: srv.URL(), Company: srv.Credentials().Company, ClientID: srv.Credentials().ClientID, Transport: srv.Transport(),
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			c := srv.Credentials()
			return connectwise.Credentials{PublicKey: c.PublicKey, PrivateKey: c.PrivateKey}, nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	p, err := connectwise.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, srv
}

func TestConfigurationInFewRequests(t *testing.T) {
	tenant := connectwisetest.Medium()
	p, srv := open(t, tenant, nil, nil)
	rows := 0
	for _, k := range psa.ConfigKinds() {
		if !p.Features().Can(k, psa.CanList) {
			continue
		}
		for r, err := range p.List(t.Context(), k, psa.Query{}) {
			if err != nil || r.Err != nil {
				t.Fatalf("%s: %v %v", k, err, r.Err)
			}
			rows++
		}
	}
	for _, r := range srv.Requests() {
		if strings.Contains(r.Query, "pageId") || strings.HasSuffix(r.Path, "count") {
			t.Log(r.Path, r.Query)
		}
	}
	t.Log(rows, len(srv.Requests()), len(tenant.IDs("/service/boards")), len(tenant.IDs("/service/SLAs")))
}
