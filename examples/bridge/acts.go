package main

import (
	"fmt"
	"time"

	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// find returns a record by its name.
func (s *stage) find(side bridge.Side, kind psa.Kind, field, value string) (psa.Record, error) {
	for r, err := range s.side(side).List(s.ctx, kind, psa.Query{}) {
		if err != nil {
			return r, err
		}
		if r.Err == nil && r.Fields.String(field) == value {
			return s.side(side).Get(s.ctx, r.Ref)
		}
	}
	return psa.Record{}, fmt.Errorf("%w: the %s has no %s whose %s is %q", errStory, s.name(side), kind, field, value)
}

// firstMatch looks at what the first run has made of what was there.
func (s *stage) firstMatch() error {
	same, err := s.find(bridge.Left, psa.KindCompany, "name", s.sim.cast.certain)
	if err != nil {
		return err
	}
	p, err := s.peer(bridge.Left, same.Ref)
	if err != nil {
		return err
	}
	s.say("    %-34q PSA #%s = help desk #%s, by its name", s.sim.cast.certain, p[0].ID, p[1].ID)
	made, err := s.find(bridge.Left, psa.KindCompany, "name", bakery)
	if err != nil {
		return err
	}
	if p, err = s.peer(bridge.Left, made.Ref); err != nil {
		return err
	}
	s.say("    %-34q PSA #%s was created from help desk #%s", bakery, p[0].ID, p[1].ID)
	ticket, err := s.find(bridge.Left, psa.KindTicket, "summary", oven)
	if err != nil {
		return err
	}
	if p, err = s.peer(bridge.Left, ticket.Ref); err != nil {
		return err
	}
	s.say("    %-34q PSA #%s was created from help desk #%s", oven, p[0].ID, p[1].ID)
	s.check(ticket.Fields.Ref("contact").ID != "", "the PSA's ticket is Nora's")
	s.say("  The runs after it do what came up meanwhile, such as a main site that a PSA gives a new company:")
	return s.settle()
}

// approval lets a person decide about a possible match.
func (s *stage) approval() error {
	names := s.sim.cast.possible
	s.step("%q and %q may be the same: a person decides", names[0], names[1])
	t, err := s.first(bridge.TaskMatch)
	if err != nil {
		return err
	}
	if len(t.Candidates) != 1 {
		return fmt.Errorf("%w: %d candidates", errStory, len(t.Candidates))
	}
	other, err := s.find(bridge.Right, psa.KindCompany, "name", names[1])
	if err != nil {
		return err
	}
	s.say("    approve %s %s", t.ID, t.Candidates[0])
	if err := s.b.Resolve(s.ctx, t.ID, bridge.Answer{Action: bridge.AnswerLink, ID: t.Candidates[0], Actor: "ana", Rev: t.Rev}); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	p, err := s.peer(bridge.Right, other.Ref)
	if err != nil {
		return err
	}
	name, err := s.value(bridge.Right, p[1], "name")
	if err != nil {
		return err
	}
	s.say("    help desk #%-8s name                     %s -> %s", p[1].ID, names[1], name)
	s.check(name == names[0], "the client is called as in the PSA, which owns what clients see")
	open, err := s.open()
	s.check(len(open) == 0, "nothing waits for a person any more")
	return err
}

// contactOf returns a contact of the pilot company on a side.
func (s *stage) contact() (psa.Record, pair, error) {
	company, err := s.find(bridge.Left, psa.KindCompany, "name", s.sim.cast.certain)
	if err != nil {
		return company, pair{}, err
	}
	for r, err := range s.sim.provider.List(s.ctx, psa.KindContact, psa.Query{}) {
		if err != nil {
			return r, pair{}, err
		}
		if r.Err != nil || r.Fields.Ref("company").ID != company.ID || r.Fields.String("email") == "" || !r.Active {
			continue
		}
		p, err := s.peer(bridge.Left, r.Ref)
		return r, p, err
	}
	return psa.Record{}, pair{}, fmt.Errorf("%w: %s has no contact", errStory, s.sim.cast.certain)
}

// tickets are opened on either side.
func (s *stage) tickets() error {
	s.step("A ticket is opened in the PSA, another one in the help desk")
	contact, people, err := s.contact()
	if err != nil {
		return err
	}
	company, err := s.peer(bridge.Left, psa.Ref{Kind: psa.KindCompany, ID: contact.Fields.Ref("company").ID})
	if err != nil {
		return err
	}
	s.company = company
	left, err := s.psa.addTicket(s.ctx, contact, "Scanner is slow")
	if err != nil {
		return err
	}
	right, err := s.desk[0].AddTicket(s.ctx, hostdb.Ticket{Client: company[1], Person: people[1], Subject: "Badge reader beeps", Details: "All day.", Priority: "High"})
	if err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	if s.fromPSA, err = s.peer(bridge.Left, left); err != nil {
		return err
	}
	if s.fromDesk, err = s.peer(bridge.Right, right); err != nil {
		return err
	}
	for _, t := range []struct {
		p       pair
		from    bridge.Side
		summary string
	}{{s.fromPSA, bridge.Left, "Scanner is slow"}, {s.fromDesk, bridge.Right, "Badge reader beeps"}} {
		to := t.from.Other()
		s.say("    %q: %s #%s -> %s #%s", t.summary, s.name(t.from), t.p[t.from].ID, s.name(to), t.p[to].ID)
		if err := s.once(t.summary); err != nil {
			return err
		}
	}
	return s.is(bridge.Left, s.fromDesk[0], "priority", s.sim.cast.priority["High"])
}

// once checks that a ticket is there once on each side.
func (s *stage) once(summary string) error {
	var n [2]int
	for side := range bridge.Side(2) {
		for r, err := range s.side(side).List(s.ctx, psa.KindTicket, psa.Query{}) {
			if err != nil {
				return err
			}
			if r.Fields.String("summary") == summary {
				n[side]++
			}
		}
	}
	s.check(n == [2]int{1, 1}, "%q is in the PSA once and in the help desk once", summary)
	return nil
}

// statuses flow both ways.
func (s *stage) statuses() error {
	s.step("A status is changed in the PSA, then in the help desk")
	status := []field{same("status")}
	err := s.watch(s.fromDesk, status, func() error {
		return s.psa.edit(s.ctx, s.fromDesk[0], psa.Fields{"status": s.sim.cast.status["Working"]})
	})
	if err != nil {
		return err
	}
	if err := s.is(bridge.Right, s.fromDesk[1], "status", "Working"); err != nil {
		return err
	}
	err = s.watch(s.fromDesk, status, func() error { return s.desk[0].SetStatus(s.ctx, s.fromDesk[1], "Waiting") })
	if err != nil {
		return err
	}
	return s.is(bridge.Left, s.fromDesk[0], "status", s.sim.cast.status["Waiting"])
}

// work is notes and hours, written on either side.
func (s *stage) work() error {
	s.step("Notes and time follow; what is internal stays internal")
	t := s.fromDesk
	before, err := s.mails()
	if err != nil {
		return err
	}
	if _, err := s.desk[0].Comment(s.ctx, t[1], "The client owes us money.", false); err != nil {
		return err
	}
	if err := s.psa.note(s.ctx, t[0], "Ask Priya before you touch it.", psa.Internal); err != nil {
		return err
	}
	if _, err := s.desk[1].LogWork(s.ctx, t[1], s.now.Now().Add(-time.Hour), 45*time.Minute, "Looked at the cabling."); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	for side := range bridge.Side(2) {
		rows, err := s.children(side, psa.KindNote, t[side])
		if err != nil {
			return err
		}
		open := 0
		for _, r := range rows {
			s.say("    %-10s note  %-8s %s", s.name(side), r.Fields.String("visibility"), shown(r.Fields.String("text")))
			if r.Fields.String("visibility") != string(psa.Internal) {
				open++
			}
		}
		s.check(len(rows) == 2 && open == 0, "the %s has both notes, and clients see neither", s.name(side))
	}
	for side := range bridge.Side(2) {
		rows, err := s.children(side, psa.KindTimeEntry, t[side])
		if err != nil {
			return err
		}
		var hours float64
		for _, r := range rows {
			h, _ := r.Fields.Float("hours")
			hours += h
			s.say("    %-10s time  %.2f h by %s: %s", s.name(side), h, s.label(side, psa.KindTimeEntry, "member", psa.Fields{"id": r.Fields.Ref("member").ID, "name": r.Fields.Ref("member").Name}), shown(r.Fields.String("notes")))
		}
		s.check(len(rows) == 1 && hours == 0.75, "the %s has 0.75 hours, once", s.name(side))
	}
	after, err := s.mails()
	s.check(before == after, "nobody got mail")
	return err
}

// children lists the children of a ticket.
func (s *stage) children(side bridge.Side, kind psa.Kind, ticket psa.Ref) (rows []psa.Record, err error) {
	for r, err := range s.side(side).List(s.ctx, kind, psa.Query{Parent: ticket}) {
		if err != nil {
			return nil, err
		}
		if r.Err != nil {
			return nil, r.Err
		}
		rows = append(rows, r)
	}
	return rows, nil
}
