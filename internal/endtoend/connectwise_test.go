package endtoend

import (
	"context"
	"testing"

	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
)

// cwServer serves a tenant in process.
func cwServer(t testing.TB, tenant *connectwisetest.Tenant, opts connectwisetest.Options) *connectwisetest.Server {
	opts.InProcess = true
	srv := connectwisetest.NewServer(tenant, &opts)
	t.Cleanup(srv.Close)
	return srv
}

// cwConfig is a working configuration for a server, with the keys it has at
// the moment of each request.
func cwConfig(srv *connectwisetest.Server) connectwise.Config {
	creds := srv.Credentials()
	return connectwise.Config{
		URL: srv.URL(), Company: creds.Company, ClientID: creds.ClientID, Transport: srv.Transport(),
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			c := srv.Credentials()
			return connectwise.Credentials{PublicKey: c.PublicKey, PrivateKey: c.PrivateKey}, nil
		},
	}
}

func newProvider(srv *connectwisetest.Server) (*connectwise.Provider, error) {
	return connectwise.New(cwConfig(srv))
}

func cwProvider(t testing.TB, cfg connectwise.Config) *connectwise.Provider {
	p, err := connectwise.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
