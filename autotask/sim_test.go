package autotask_test

import (
	"context"
	"testing"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/internal/adaptertest"
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

// The least number of requests for the whole configuration: where the database
// is and how much of its quota is used, the picklists of three entities, seven
// lists, what ticket categories preset, the items of list fields, and the
// codes of two entities.
const leastRequests = 2 + 3 + 7 + 1 + 1 + 2

// One answer of entityInformation/fields serves all kinds that are in it, and
// no second resync.
func TestConfigurationInFewRequests(t *testing.T) {
	tenant := autotasktest.Medium()
	p, srv := open(t, tenant, nil, nil)
	resync := func() map[psa.Kind]int {
		var trace psa.Trace
		rows := map[psa.Kind]int{}
		for _, kind := range psa.ConfigKinds() {
			if !p.Features().Can(kind, psa.CanList) {
				continue
			}
			for r, err := range p.List(psa.WithTrace(t.Context(), &trace), kind, psa.Query{}) {
				if err != nil || r.Err != nil {
					t.Fatalf("%s: %v %v", kind, err, r.Err)
				}
				rows[kind]++
			}
		}
		return rows
	}
	before := resync()
	if n := len(srv.Requests()); n != leastRequests {
		t.Errorf("%d requests for the whole configuration, want %d", n, leastRequests)
		for _, r := range srv.Requests() {
			t.Log(r.Method, r.Path)
		}
	}
	srv.ClearCounters()
	tenant.AddPicklistValue("Tickets", "queueID", autotasktest.PicklistValue{Label: "New queue"})
	tenant.AddPicklistValue("Tickets", "source", autotasktest.PicklistValue{Label: "New source"})
	tenant.AddPicklistValue("TicketNotes", "noteType", autotasktest.PicklistValue{Label: "New type"})
	after := resync()
	if n := len(srv.Requests()); n != leastRequests-3 { // less discovery, quota and the use of billing codes
		t.Errorf("%d requests for the second time, want %d", n, leastRequests-3)
	}
	for _, kind := range []psa.Kind{psa.KindBoard, psa.KindTicketSource, psa.KindNoteType} {
		if after[kind] != before[kind]+1 {
			t.Errorf("%s: %d rows, then %d: the second resync was served from the first one's answer", kind, before[kind], after[kind])
		}
	}
}

// Without traces, an answer serves each kind once.
func TestListTwice(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	n := len(adaptertest.List(t, p, psa.KindBoard, psa.Query{}))
	adaptertest.List(t, p, psa.KindStatus, psa.Query{})
	tenant.AddPicklistValue("Tickets", "queueID", autotasktest.PicklistValue{Label: "New queue"})
	srv.ClearCounters()
	if got := len(adaptertest.List(t, p, psa.KindBoard, psa.Query{})); got != n+1 {
		t.Errorf("%d queues, want %d", got, n+1)
	}
	adaptertest.List(t, p, psa.KindStatus, psa.Query{})
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
