package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/simulator"
	"github.com/psasync/psasync/psa"
)

// A simulation is a vendor's account within this process.
type simulation struct {
	title    string
	provider psa.Provider
	close    func()
	mails    func() int // that the PSA has sent
	// loseAnswer lets the next ticket be created without an answer.
	loseAnswer func()
	cast       cast
}

// cast are those of the tenant that the story is about.
type cast struct {
	certain  string            // a company that the help desk has by the same name
	possible [2]string         // one that both have by nearly the same name: in the PSA, and in the help desk
	member   [3]string         // technicians, by e-mail address
	status   map[string]string // what the PSA calls a status of the help desk
	priority map[string]string // and a priority
	form     map[string]string // what a new ticket is given, by name
	noteType map[psa.Visibility]string
	answers  int // mails that the PSA sends for a public note, if it is told to
}

// simulations are the values of -simulate. None limits the number of requests,
// which a story of many days would meet.
func simulations() map[string]func(c *clock) (simulation, error) {
	return map[string]func(*clock) (simulation, error){
		"connectwise": simulateConnectWise, "autotask": simulateAutotask, "halopsa": simulateHalo,
	}
}

func simulated() string { return strings.Join(slices.Sorted(maps.Keys(simulations())), ", ") }

func simulate(vendor string, c *clock) (simulation, error) {
	start, ok := simulations()[vendor]
	if !ok {
		return simulation{}, fmt.Errorf("%w: nothing simulates %q; there is %s", errUsage, vendor, simulated())
	}
	return start(c)
}

func lost(path string) simulator.Fault {
	return simulator.Fault{Method: "POST", Path: path, Drop: true, Apply: true}
}

func simulateConnectWise(c *clock) (simulation, error) {
	t := connectwisetest.Small()
	t.SetClock(c.Now)
	srv := connectwisetest.NewServer(t, &connectwisetest.Options{InProcess: true, Limit: connectwisetest.Limit{Requests: -1}})
	keys := srv.Credentials()
	p, err := connectwise.New(connectwise.Config{
		URL: srv.URL(), Company: keys.Company, ClientID: keys.ClientID, Transport: srv.Transport(),
		Budget: connectwise.NewBudget(&connectwise.BudgetConfig{Requests: 1_000_000}),
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			return connectwise.Credentials{PublicKey: keys.PublicKey, PrivateKey: keys.PrivateKey}, nil
		},
	})
	return simulation{
		title: "a simulated ConnectWise tenant", provider: p, close: srv.Close, mails: srv.MailSent,
		loseAnswer: func() { srv.Fail(lost("/service/tickets")) },
		cast: cast{
			answers: 1,
			certain: "Bluebird Dental Ltd", possible: [2]string{"Acme Widgets Ltd", "Acme Widgets"},
			member:   [3]string{"dana.ruiz@msp.example", "priya.patel@msp.example", "maya.norris@msp.example"},
			status:   map[string]string{"New": "New", "Working": "In Progress", "Waiting": "Waiting on Client", "Resolved": "Completed"},
			priority: map[string]string{"Critical": "Priority 1 - Critical", "High": "Priority 2 - High", "Low": "Priority 4 - Low"},
			form:     map[string]string{"board": "Service Desk", "status": "New", "priority": "Priority 3 - Normal", "source": "Call"},
		},
	}, err
}

func simulateAutotask(c *clock) (simulation, error) {
	t := autotasktest.Small()
	t.SetClock(c.Now)
	srv := autotasktest.NewServer(t, &autotasktest.Options{InProcess: true, Limit: autotasktest.Limit{Requests: -1}})
	login := srv.Credentials()
	p, err := autotask.New(autotask.Config{
		URL: srv.URL(), Transport: srv.Transport(), CompanyOwnerID: "29682886",
		Credentials: func(context.Context) (autotask.Credentials, error) {
			return autotask.Credentials{IntegrationCode: login.IntegrationCode, UserName: login.UserName, Secret: login.Secret}, nil
		},
	})
	return simulation{
		title: "a simulated Autotask database", provider: p, close: srv.Close, mails: srv.MailSent,
		loseAnswer: func() { srv.Fail(lost("/Tickets")) },
		cast: cast{
			certain: "Harbor Dental", possible: [2]string{"Orchard Law", "Orchard Law LLP"},
			member:   [3]string{"jonas.keller1@summitmsp.example", "piotr.farouk3@summitmsp.example", "helen.hartley4@summitmsp.example"},
			status:   map[string]string{"New": "New", "Working": "In Progress", "Waiting": "Waiting Customer", "Resolved": "Complete"},
			form:     map[string]string{"board": "Triage", "status": "New", "priority": "Medium", "source": "Other", "ticket_type": "Incident"},
			noteType: map[psa.Visibility]string{psa.Internal: "Task Notes", psa.Public: "Task Notes"},
			priority: map[string]string{"Critical": "Critical", "High": "High", "Low": "Low"},
		},
	}, err
}

func simulateHalo(c *clock) (simulation, error) {
	t := halopsatest.Small()
	t.SetClock(c.Now)
	srv := halopsatest.NewServer(t, &halopsatest.Options{InProcess: true, Limit: halopsatest.Limit{Requests: -1}})
	app := srv.Credentials()
	p, err := halopsa.New(halopsa.Config{
		URL: srv.URL(), Transport: srv.Transport(), TopLevel: 1, Outcomes: halopsa.Outcomes{Internal: 7, Public: 3, Time: 8},
		Credentials: func(context.Context) (halopsa.Credentials, error) {
			return halopsa.Credentials{ClientID: app.ClientID, ClientSecret: app.ClientSecret}, nil
		},
	})
	return simulation{
		title: "a simulated HaloPSA instance", provider: p, close: srv.Close, mails: srv.MailSent,
		loseAnswer: func() { srv.Fail(lost("/Tickets")) },
		cast: cast{
			answers: 1,
			certain: "Bluebird Dental", possible: [2]string{"Acme Widgets", "Acme Widgets Ltd"},
			member:   [3]string{"dana.ruiz@summitmsp.example", "priya.patel@summitmsp.example", "maya.norris@summitmsp.example"},
			status:   map[string]string{"New": "New", "Working": "In Progress", "Waiting": "Awaiting User", "Resolved": "Resolved"},
			form:     map[string]string{"ticket_type": "Service Request", "status": "New", "sla": "Standard SLA", "priority": "Medium"},
			noteType: map[psa.Visibility]string{psa.Internal: "Internal Note", psa.Public: "Public Note"},
			priority: map[string]string{"Critical": "Critical", "High": "High", "Low": "Low"},
		},
	}, err
}
