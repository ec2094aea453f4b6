package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/resync"
)

// tell plays the story with a simulated PSA and says what happens. The error is
// errStory if something did not come out as it should.
func tell(ctx context.Context, vendor string, at places, out io.Writer) (err error) {
	now := &clock{now: morning()}
	sim, err := simulate(vendor, now)
	if err != nil {
		return err
	}
	defer sim.close()
	at.now = now.Now
	conn, err := connect(ctx, sim.provider, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	s := &stage{ctx: ctx, out: out, now: now, sim: sim, conn: conn}
	s.psa = psaDesk{p: sim.provider, cat: func() psa.Catalog { return conn.cfg.Left }, now: now.Now, cast: sim.cast}
	for i, login := range []string{"ana", "ben"} {
		s.desk[i] = conn.host.Desk(login)
	}
	for _, act := range []func() error{
		s.furnish, s.configuration, s.plan, s.firstMatch, s.approval, s.tickets, s.statuses, s.work,
		s.lastWriteWins, s.sourceOfTruth, s.manual, s.crash, s.phases, s.closing, s.curtain,
	} {
		if err := act(); err != nil {
			return err
		}
	}
	if len(s.wrong) > 0 {
		return fmt.Errorf("%w: %d of its checks failed, the first: %s", errStory, len(s.wrong), s.wrong[0])
	}
	return nil
}

// morning is when the story begins, just after the tenants' last changes.
func morning() time.Time { return time.Date(2026, time.June, 1, 9, 0, 0, 0, time.UTC) }

// furnish gives the help desk what it had before anybody thought of a bridge.
func (s *stage) furnish() error {
	s.step("Before the bridge: %s, and a help desk of its own", s.sim.title)
	setup := s.conn.host.Desk("setup")
	for _, v := range []hostdb.Values{
		{"login": "ana", "first_name": "Ana", "last_name": "Sousa", "email": s.sim.cast.member[0]},
		{"login": "ben", "first_name": "Ben", "last_name": "Okafor", "email": s.sim.cast.member[1]},
		{"login": "eve", "first_name": "Eve", "last_name": "Lind", "email": s.sim.cast.member[2]},
	} {
		if _, err := setup.Add(s.ctx, psa.KindMember, v); err != nil {
			return err
		}
		s.say("  technician %-4s is %s in both", v["login"], v["email"])
	}
	for _, v := range []hostdb.Values{
		{"name": s.sim.cast.certain},
		{"name": s.sim.cast.possible[1]},
		{"name": bakery, "phone": "555-0177", "street": "7 Mill Lane", "city": "Leeds", "region": "WY", "postcode": "LS2 7AA"},
	} {
		client, err := s.desk[0].Add(s.ctx, psa.KindCompany, v)
		if err != nil {
			return err
		}
		if v["name"] != bakery {
			s.say("  client %q, which the PSA has by this or nearly this name", v["name"])
			continue
		}
		site, err := s.desk[0].Add(s.ctx, psa.KindSite, hostdb.Values{"client_id": client.ID, "name": "Bakery", "is_main": true, "street": "7 Mill Lane", "city": "Leeds", "region": "WY", "postcode": "LS2 7AA"})
		if err != nil {
			return err
		}
		nora, err := s.desk[0].Add(s.ctx, psa.KindContact, hostdb.Values{
			"client_id": client.ID, "site_id": site.ID, "first_name": "Nora", "last_name": "Lund", "email": "nora@northwind.example", "phone": "555-0178"})
		if err != nil {
			return err
		}
		if _, err := s.desk[0].AddTicket(s.ctx, hostdb.Ticket{Client: client, Person: nora, Subject: oven, Priority: "High"}); err != nil {
			return err
		}
		s.say("  client %q, which the PSA has not, with Nora Lund and a ticket", bakery)
	}
	return nil
}

const (
	bakery = "Northwind Bakery"
	oven   = "Oven display stays dark"
)

// configuration copies what both systems offer.
func (s *stage) configuration() error {
	s.step("Resync: what both systems offer, for the field map")
	s.conn.report = func(r *resync.Report) {
		rows := 0
		for _, k := range r.Kinds {
			rows += k.Rows
		}
		s.say("  %-12s %s: %d kinds, %d rows", r.Provider, r.Outcome, len(r.Kinds), rows)
		s.check(r.Outcome == resync.Complete || r.Outcome == resync.Unchanged, "the configuration of %s was read completely", r.Provider)
	}
	cfg, err := s.conn.catalogs(s.ctx)
	if err != nil {
		return err
	}
	s.say("  the field map: %v", s.conn.m.Files())
	s.check(len(faults(s.conn.m.LintWith(cfg))) == 0, "the field map fits both")
	return s.reopen()
}

// reopen makes a new bridge on the same files, as a restarted process does.
func (s *stage) reopen() (err error) {
	s.b, err = s.conn.open(func(o *bridge.Options) { o.Observer = s.observe })
	return err
}

// plan looks at what a first run would do.
func (s *stage) plan() error {
	s.step("A dry run: what a first run would do. Nothing is written")
	var was, is [2]int
	var err error
	for side := range bridge.Side(2) {
		if was[side], err = s.count(side, psa.KindCompany, psa.Ref{}); err != nil {
			return err
		}
	}
	p, err := s.b.Plan(s.ctx)
	if err != nil {
		return err
	}
	writePlan(s.out, p)
	for side := range bridge.Side(2) {
		if is[side], err = s.count(side, psa.KindCompany, psa.Ref{}); err != nil {
			return err
		}
	}
	links, err := s.links(psa.KindCompany, cache.LinkLive)
	if err != nil {
		return err
	}
	s.check(is == was && links == 0, "nothing was written: %d companies in the PSA, %d in the help desk, %d links", is[0], is[1], links)
	mails := 0
	for _, item := range p.Items {
		if item.Notify != psa.NotifyNone {
			mails++
		}
	}
	s.check(p.Writes() > 0 && mails == 0, "%d writes are planned, and none of them sends mail", p.Writes())
	s.now.wait(time.Minute)
	before, err := s.mails()
	if err != nil {
		return err
	}
	s.step("The plan is applied: certain matches are linked, what one side lacks is created")
	r, err := s.b.Apply(s.ctx, p)
	if err != nil {
		return err
	}
	s.say("    bridge: %s", summary(r))
	s.check(r.Writes() > 0 && r.Writes() <= p.Writes(), "nothing was written that the plan does not hold")
	after, err := s.mails()
	if err != nil {
		return err
	}
	s.check(before == after, "nobody got mail: %d from the PSA, %d from the help desk", after[0], after[1])
	return nil
}
