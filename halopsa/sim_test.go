package halopsa_test

import (
	"context"
	"testing"

	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
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
