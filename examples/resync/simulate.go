package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/psa"
)

// A simulation is a vendor's account within this process.
type simulation struct {
	title, source string
	provider      psa.Provider
	// administrate is an administrator at work in the PSA; it says what was done.
	administrate func() (did []string)
}

// latency makes the progress visible.
const latency = 20 * time.Millisecond

// simulations are the values of -simulate. None limits the number of requests,
// which three runs on end would meet.
func simulations() map[string]func(size string) (simulation, error) {
	return map[string]func(string) (simulation, error){
		"connectwise": simulateConnectWise, "autotask": simulateAutotask, "halopsa": simulateHalo,
	}
}

func simulated() string { return strings.Join(slices.Sorted(maps.Keys(simulations())), ", ") }

func simulate(s settings) (simulation, error) {
	start, ok := simulations()[s.simulate]
	if !ok {
		return simulation{}, fmt.Errorf("%w: nothing simulates %q; there is %s", errUsage, s.simulate, simulated())
	}
	return start(s.tenant)
}

// sized picks the tenant of a size.
func sized[T any](size string, small, medium func() T) (tenant T, err error) {
	switch size {
	case "small":
		return small(), nil
	case "medium":
		return medium(), nil
	}
	return tenant, fmt.Errorf("%w: unknown tenant %q; there is small and medium", errUsage, size)
}

func simulateConnectWise(size string) (simulation, error) {
	t, err := sized(size, connectwisetest.Small, connectwisetest.Medium)
	if err != nil {
		return simulation{}, err
	}
	srv := connectwisetest.NewServer(t, &connectwisetest.Options{
		InProcess: true, Latency: latency, Limit: connectwisetest.Limit{Requests: -1},
	})
	keys := srv.Credentials()
	p, err := connectwise.New(connectwise.Config{
		URL: srv.URL(), Company: keys.Company, ClientID: keys.ClientID, Transport: srv.Transport(),
		Budget: connectwise.NewBudget(&connectwise.BudgetConfig{Requests: 1_000_000}),
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			return connectwise.Credentials{PublicKey: keys.PublicKey, PrivateKey: keys.PrivateKey}, nil
		},
	})
	return simulation{"a simulated ConnectWise tenant", "summit/connectwise", p, func() []string { return administrateConnectWise(t) }}, err
}

func administrateConnectWise(t *connectwisetest.Tenant) (did []string) {
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

func simulateAutotask(size string) (simulation, error) {
	t, err := sized(size, autotasktest.Small, autotasktest.Medium)
	if err != nil {
		return simulation{}, err
	}
	srv := autotasktest.NewServer(t, &autotasktest.Options{
		InProcess: true, Latency: latency, Limit: autotasktest.Limit{Requests: -1},
	})
	login := srv.Credentials()
	p, err := autotask.New(autotask.Config{
		URL: srv.URL(), Transport: srv.Transport(),
		Credentials: func(context.Context) (autotask.Credentials, error) {
			return autotask.Credentials{IntegrationCode: login.IntegrationCode, UserName: login.UserName, Secret: login.Secret}, nil
		},
	})
	return simulation{"a simulated Autotask database", "summit/autotask", p, func() []string { return administrateAutotask(t) }}, err
}

func administrateAutotask(t *autotasktest.Tenant) (did []string) {
	t.AddStatus("Parked")
	did = append(did, fmt.Sprintf("adds the status %q", "Parked"))

	priority := t.Picklist("Tickets", "priority")[0]
	did = append(did, fmt.Sprintf("renames the priority %q", priority.Label))
	t.UpdatePicklistValue("Tickets", "priority", priority.Value, func(v *autotasktest.PicklistValue) { v.Label = "P1 - Drop everything" })

	types := t.Picklist("Tickets", "issueType")
	last := types[len(types)-1]
	did = append(did, fmt.Sprintf("deactivates the issue type %q", last.Label))
	t.UpdatePicklistValue("Tickets", "issueType", last.Value, func(v *autotasktest.PicklistValue) { v.Inactive = true })

	sources := t.Picklist("Tickets", "source")
	source := sources[len(sources)-1]
	did = append(did, fmt.Sprintf("deletes the ticket source %q", source.Label))
	t.RemovePicklistValue("Tickets", "source", source.Value)
	return did
}

func simulateHalo(size string) (simulation, error) {
	t, err := sized(size, halopsatest.Small, halopsatest.Medium)
	if err != nil {
		return simulation{}, err
	}
	srv := halopsatest.NewServer(t, &halopsatest.Options{
		InProcess: true, Latency: latency, Limit: halopsatest.Limit{Requests: -1},
	})
	app := srv.Credentials()
	p, err := halopsa.New(halopsa.Config{
		URL: srv.URL(), Transport: srv.Transport(),
		Credentials: func(context.Context) (halopsa.Credentials, error) {
			return halopsa.Credentials{ClientID: app.ClientID, ClientSecret: app.ClientSecret}, nil
		},
	})
	return simulation{"a simulated HaloPSA instance", "summit/halopsa", p, func() []string { return administrateHalo(t) }}, err
}

func administrateHalo(t *halopsatest.Tenant) (did []string) {
	type row = halopsatest.Row
	t.AddStatus("Parked", false)
	did = append(did, fmt.Sprintf("adds the status %q", "Parked"))

	priority := t.IDs("/Priority")[0]
	did = append(did, fmt.Sprintf("renames the priority %q", t.Get("/Priority", priority)["name"]))
	t.Update("/Priority", priority, row{"name": "P1 - Drop everything"})

	teams := t.IDs("/Team")
	team := teams[len(teams)-1]
	did = append(did, fmt.Sprintf("deactivates the team %q", t.Get("/Team", team)["name"]))
	t.Update("/Team", team, row{"inactive": true})

	outcomes := t.IDs("/Outcome")
	outcome := outcomes[len(outcomes)-1]
	did = append(did, fmt.Sprintf("deletes the outcome %q", t.Get("/Outcome", outcome)["outcome"]))
	t.Remove("/Outcome", outcome)
	return did
}
