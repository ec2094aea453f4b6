package connectwise_test

import (
	"context"
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

func TestExplore(t *testing.T) {
	p, srv := open(t, connectwisetest.Small(), nil, nil)
	for _, k := range p.Features().Kinds() {
		n, bad := 0, 0
		before := len(srv.Requests())
		for r, err := range p.List(t.Context(), k, psa.Query{}) {
			if err != nil {
				t.Errorf("%s: %v", k, err)
				break
			}
			n++
			if r.Err != nil {
				bad++
				t.Errorf("%s: %v", k, r.Err)
			}
		}
		t.Logf("%-28s %5d rows %3d requests", k, n, len(srv.Requests())-before)
	}
}
