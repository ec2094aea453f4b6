package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// A connection is a simulated ConnectWise tenant and the copy of its
// configuration. For a real account, replace the simulator's URL, credentials
// and transport.
type connection struct {
	server   *connectwisetest.Server
	provider psa.Provider
	store    cache.Store
	syncer   *resync.Syncer
}

func connect(ctx context.Context) (*connection, error) {
	c := &connection{store: cache.NewMemory()}
	c.server = connectwisetest.NewServer(connectwisetest.Small(), &connectwisetest.Options{InProcess: true})
	creds := c.server.Credentials()
	p, err := connectwise.New(connectwise.Config{
		URL: c.server.URL(), Company: creds.Company, ClientID: creds.ClientID, Transport: c.server.Transport(),
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			return connectwise.Credentials{PublicKey: creds.PublicKey, PrivateKey: creds.PrivateKey}, nil
		},
	})
	if err == nil {
		c.provider = p
		c.syncer, err = resync.New(p, c.store, nil)
	}
	if err == nil {
		_, err = c.syncer.Run(ctx)
	}
	if err != nil {
		c.server.Close()
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
