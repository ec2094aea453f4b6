package autotask_test

import (
	"context"
	"testing"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/psa"
)

// login returns what a simulator accepts at that moment.
func login(srv *autotasktest.Server) func(context.Context) (autotask.Credentials, error) {
	return func(context.Context) (autotask.Credentials, error) {
		c := srv.Credentials()
		return autotask.Credentials{IntegrationCode: c.IntegrationCode, UserName: c.UserName, Secret: c.Secret}, nil
	}
}

// open returns a provider on a simulator; change may alter its Config.
func open(t testing.TB, tenant *autotasktest.Tenant, opts *autotasktest.Options, change func(*autotask.Config)) (*autotask.Provider, *autotasktest.Server) {
	t.Helper()
	var o autotasktest.Options
	if opts != nil {
		o = *opts
	}
	o.InProcess = true
	srv := autotasktest.NewServer(tenant, &o)
	t.Cleanup(srv.Close)
	cfg := autotask.Config{URL: srv.URL(), Transport: srv.Transport(), Credentials: login(srv)}
	if change != nil {
		change(&cfg)
	}
	p, err := autotask.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, srv
}

// list returns all rows of a kind.
func list(t testing.TB, p psa.Provider, kind psa.Kind, q psa.Query) (rows []psa.Record) {
	t.Helper()
	for r, err := range p.List(t.Context(), kind, q) {
		if err != nil || r.Err != nil {
			t.Fatalf("%s: %v %v", kind, err, r.Err)
		}
		rows = append(rows, r)
	}
	return rows
}
