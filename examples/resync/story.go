package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// simulate starts a simulated ConnectWise tenant within this process.
func simulate(size string) (*connectwisetest.Server, psa.Provider, error) {
	fresh, ok := map[string]func() *connectwisetest.Tenant{"small": connectwisetest.Small, "medium": connectwisetest.Medium}[size]
	if !ok {
		return nil, nil, fmt.Errorf("%w: unknown tenant %q; there is small and medium", errUsage, size)
	}
	// Some latency, so that there is a progress to see; and no limit of requests
	// a minute, which three runs on end would meet.
	srv := connectwisetest.NewServer(fresh(), &connectwisetest.Options{
		InProcess: true, Latency: 20 * time.Millisecond, Limit: connectwisetest.Limit{Requests: -1},
	})
	keys := srv.Credentials()
	p, err := connectwise.New(connectwise.Config{
		URL: srv.URL(), Company: keys.Company, ClientID: keys.ClientID, Transport: srv.Transport(),
		Budget: connectwise.NewBudget(&connectwise.BudgetConfig{Requests: 1_000_000}),
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			return connectwise.Credentials{PublicKey: keys.PublicKey, PrivateKey: keys.PrivateKey}, nil
		},
	})
	return srv, p, err
}

// tell shows what a resync does: a first run, one that finds nothing, and one
// after an administrator was at work.
func tell(ctx context.Context, s settings, stdout, stderr io.Writer) (err error) {
	srv, provider, err := simulate(s.tenant)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	syncer, err := resync.New(provider, store, &resync.Options{Source: "summit/connectwise", Observer: newProgress(stderr).observe, ReportRows: 3})
	if err != nil {
		return err
	}
	step := func(format string, args ...any) { fmt.Fprintf(stdout, "\n== "+format+"\n\n", args...) }
	resyncOnce := func() error {
		report, err := syncer.Run(ctx)
		if report != nil {
			fmt.Fprint(stdout, report)
		}
		return err
	}

	step("First run: a simulated ConnectWise tenant into %s", store.name)
	if err := resyncOnce(); err != nil {
		return err
	}
	step("Second run: nothing changed, so no row is decoded and none is written")
	if err := resyncOnce(); err != nil {
		return err
	}
	step("An administrator changes the PSA")
	for _, what := range administrate(srv.Tenant()) {
		fmt.Fprintln(stdout, "-", what)
	}
	step("Third run: what changed, field by field")
	if err := resyncOnce(); err != nil {
		return err
	}
	step("What people check after a sync")
	v, err := syncer.Verify(ctx)
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, v)
	step("What the file remembers")
	for c, err := range cache.Versions(ctx, store, syncer.Source()) {
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "version %d  %s  %d added, %d changed, %d removed\n", c.Version, c.At.UTC().Format(time.DateTime), c.Added, c.Changed, c.Removed)
	}
	return nil
}

// administrate is an administrator at work in the PSA; it says what was done.
func administrate(t *connectwisetest.Tenant) (did []string) {
	type row = connectwisetest.Row
	name := func(path string, id int) any { return t.Get(path, id)["name"] }
	board := t.IDs("/service/boards")[0]

	statuses := fmt.Sprintf("/service/boards/%d/statuses", board)
	t.Add(statuses, row{"name": "Parked", "sortOrder": 55, "closedStatus": false})
	did = append(did, fmt.Sprintf("adds the status %q to the board %q", "Parked", name("/service/boards", board)))

	priority := t.IDs("/service/priorities")[0]
	did = append(did, fmt.Sprintf("renames the priority %q", name("/service/priorities", priority)))
	t.Update("/service/priorities", priority, row{"name": "P1 - Drop everything"})

	types := fmt.Sprintf("/service/boards/%d/types", board)
	last := t.IDs(types)[len(t.IDs(types))-1]
	did = append(did, fmt.Sprintf("deactivates the type %q of that board", name(types, last)))
	t.Update(types, last, row{"inactiveFlag": true})

	sources := t.IDs("/service/sources")
	source := sources[len(sources)-1]
	did = append(did, fmt.Sprintf("deletes the ticket source %q", name("/service/sources", source)))
	t.Remove("/service/sources", source)
	return did
}
