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

// The least number of requests for the whole configuration is companyinfo, one
// for each list of the tenant, six for each board, one for each SLA and one row
// of each of four kinds of records. What comes on top is reading the boards
// and SLAs once more for each kind that hangs on them, which a caller that
// passes Query.Parent saves, and settling doubts about pages (see pager). It
// stays within 5 %.
func TestConfigurationInFewRequests(t *testing.T) {
	tenant := connectwisetest.Medium()
	p, srv := open(t, tenant, nil, nil)
	f := p.Features()
	list := func(kind psa.Kind, q psa.Query) (rows []psa.Record) {
		for r, err := range p.List(t.Context(), kind, q) {
			if err != nil || r.Err != nil {
				t.Fatalf("%s: %v %v", kind, err, r.Err)
			}
			rows = append(rows, r)
		}
		return rows
	}
	boards, slas := len(tenant.IDs("/service/boards")), len(tenant.IDs("/service/SLAs"))
	const perBoard, owners = 6, 4 // statuses, types, subtypes, items, associations, teams
	global := 0
	var kinds []psa.Kind
	for _, kind := range psa.ConfigKinds() {
		if f.Can(kind, psa.CanList) {
			kinds = append(kinds, kind)
			if !f[kind].PerParent {
				global++
			}
		}
	}
	least := 1 + global + owners + perBoard*boards + slas
	for _, kind := range kinds {
		list(kind, psa.Query{})
	}
	if n := len(srv.Requests()); n < least || float64(n) > 1.05*float64(least) {
		t.Errorf("%d requests for %d boards and %d SLAs, want %d to %.0f", n, boards, slas, least, 1.05*float64(least))
	}
	// Again with parents passed, as a resync does; the server is known by now.
	srv.ClearCounters()
	parents := map[psa.Kind][]psa.Record{}
	for _, kind := range kinds {
		if !f[kind].PerParent {
			parents[kind] = list(kind, psa.Query{})
			continue
		}
	}
	for _, kind := range kinds {
		if f[kind].PerParent {
			for _, parent := range parents[f[kind].Parent] {
				list(kind, psa.Query{Parent: parent.Ref})
			}
		}
	}
	least-- // companyinfo
	if n := len(srv.Requests()); n < least || float64(n) > 1.03*float64(least) {
		t.Errorf("%d requests with parents passed, want %d to %.0f", n, least, 1.03*float64(least))
	}
}
