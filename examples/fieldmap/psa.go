package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// A simulation is a vendor's account within this process. For a real account,
// replace the simulator's address, credentials and transport.
type simulation struct {
	provider psa.Provider
	close    func()
	// change is a day in the PSA: a status is renamed, and a custom field is gone.
	change func(*cache.Snapshot)
}

// simulations are the values of -vendor.
func simulations() map[string]func() (simulation, error) {
	return map[string]func() (simulation, error){
		"connectwise": simulateConnectWise, "autotask": simulateAutotask, "halopsa": simulateHalo,
	}
}

func vendors() []string { return slices.Sorted(maps.Keys(simulations())) }

func simulateConnectWise() (simulation, error) {
	srv := connectwisetest.NewServer(connectwisetest.Small(), &connectwisetest.Options{InProcess: true})
	keys := srv.Credentials()
	p, err := connectwise.New(connectwise.Config{
		URL: srv.URL(), Company: keys.Company, ClientID: keys.ClientID, Transport: srv.Transport(),
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			return connectwise.Credentials{PublicKey: keys.PublicKey, PrivateKey: keys.PrivateKey}, nil
		},
	})
	return simulation{p, srv.Close, func(snap *cache.Snapshot) {
		for _, o := range named(snap, psa.KindStatus, "Scheduled") {
			srv.Tenant().Update("/service/boards/"+o.Scope+"/statuses", number(o.ID), connectwisetest.Row{"name": "On the calendar"})
		}
		for _, o := range named(snap, psa.KindCustomField, "Device colour") {
			srv.Tenant().Remove("/system/userDefinedFields", number(o.ID))
		}
	}}, err
}

func simulateAutotask() (simulation, error) {
	srv := autotasktest.NewServer(autotasktest.Small(), &autotasktest.Options{InProcess: true})
	login := srv.Credentials()
	p, err := autotask.New(autotask.Config{
		URL: srv.URL(), Transport: srv.Transport(),
		Credentials: func(context.Context) (autotask.Credentials, error) {
			return autotask.Credentials{IntegrationCode: login.IntegrationCode, UserName: login.UserName, Secret: login.Secret}, nil
		},
	})
	return simulation{p, srv.Close, func(snap *cache.Snapshot) {
		for _, o := range named(snap, psa.KindStatus, "Dispatched") {
			srv.Tenant().UpdatePicklistValue("Tickets", "status", number(o.ID), func(v *autotasktest.PicklistValue) { v.Label = "On the road" })
		}
		for _, o := range named(snap, psa.KindCustomField, "Asset Tag") {
			srv.Tenant().Update("UserDefinedFieldDefinitions", number(o.ID), autotasktest.Row{"isActive": false})
		}
	}}, err
}

func simulateHalo() (simulation, error) {
	srv := halopsatest.NewServer(halopsatest.Small(), &halopsatest.Options{InProcess: true})
	app := srv.Credentials()
	p, err := halopsa.New(halopsa.Config{
		URL: srv.URL(), Transport: srv.Transport(),
		Credentials: func(context.Context) (halopsa.Credentials, error) {
			return halopsa.Credentials{ClientID: app.ClientID, ClientSecret: app.ClientSecret}, nil
		},
	})
	return simulation{p, srv.Close, func(snap *cache.Snapshot) {
		for _, o := range named(snap, psa.KindStatus, "Scheduled") {
			srv.Tenant().Update("/Status", number(o.ID), halopsatest.Row{"name": "On the calendar"})
		}
		for _, o := range named(snap, psa.KindCustomField, "External ref") {
			srv.Tenant().Remove("/FieldInfo", number(o.ID))
		}
	}}, err
}

// named returns the rows of a name.
func named(snap *cache.Snapshot, kind psa.Kind, name string) psa.Options {
	return slices.DeleteFunc(slices.Clone(snap.Options(kind, "")), func(o psa.Option) bool { return o.Name != name })
}

// number reads an id that the simulator made.
func number(id string) int {
	n := 0
	for _, d := range id {
		n = n*10 + int(d-'0')
	}
	return n
}

// A connection is a simulated account and the copy of its configuration.
type connection struct {
	simulation
	store  cache.Store
	syncer *resync.Syncer
}

func connect(ctx context.Context, vendor string) (*connection, error) {
	start, ok := simulations()[vendor]
	if !ok {
		return nil, usage("unknown vendor %q; there are %s", vendor, strings.Join(vendors(), ", "))
	}
	sim, err := start()
	c := &connection{simulation: sim, store: cache.NewMemory()}
	if err == nil {
		c.syncer, err = resync.New(c.provider, c.store, nil)
	}
	if err == nil {
		_, err = c.syncer.Run(ctx)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// snapshot returns the copy as it is now.
func (c *connection) snapshot(ctx context.Context) (*cache.Snapshot, error) {
	return c.store.Current(ctx, c.provider.Name())
}

// config puts together what lint and compile want to know.
func (c *connection) config(ctx context.Context) (*mapping.Config, error) {
	snap, err := c.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &mapping.Config{
		Left: snap, Right: newHost(), LeftFeatures: c.provider.Features(),
		LeftMembers: slices.Collect(snap.All(psa.KindMember)),
	}, nil
}

// ticket returns a ticket by its number; "" is the first that the PSA lists.
func (c *connection) ticket(ctx context.Context, id string) (psa.Record, error) {
	if id != "" {
		return c.provider.Get(ctx, psa.Ref{Kind: psa.KindTicket, ID: id})
	}
	for rec, err := range c.provider.List(ctx, psa.KindTicket, psa.Query{}) {
		if err == nil {
			err = rec.Err
		}
		return rec, err
	}
	return psa.Record{}, fmt.Errorf("the PSA has no ticket: %w", psa.ErrNotFound)
}
