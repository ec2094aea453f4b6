package main

import (
	"context"
	"slices"
	"time"

	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

const minute = time.Minute

// crash ends the bridge between the write and its answer.
func (s *stage) crash() error {
	const summary = "Coffee machine reports error 9"
	s.step("The process dies while a ticket is created: the PSA makes it, nobody hears of it")
	_, people, err := s.contact()
	if err != nil {
		return err
	}
	ticket, err := s.desk[0].AddTicket(s.ctx, hostdb.Ticket{Client: s.company[1], Person: people[1], Subject: summary})
	if err != nil {
		return err
	}
	s.sim.loseAnswer()
	ctx, die := context.WithCancel(s.ctx)
	defer die()
	s.now.wait(2 * minute)
	// The process ends when the first thing goes wrong.
	dying, err := s.conn.open(func(o *bridge.Options) {
		o.Observer = func(e bridge.Event) {
			if e.Type == bridge.EventTrouble {
				die()
			}
		}
	})
	if err != nil {
		return err
	}
	_, err = dying.Once(ctx)
	s.check(err != nil, "the run did not end well: %v", err)
	if _, err := s.peer(bridge.Right, ticket); err == nil {
		s.check(false, "the bridge does not know the ticket")
	}
	s.say("    A new process opens the same files, finds the write it had begun, and looks for the ticket by its marker:")
	if err := s.reopen(); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	p, err := s.peer(bridge.Right, ticket)
	if err != nil {
		return err
	}
	s.say("    help desk #%s = PSA #%s", p[1].ID, p[0].ID)
	return s.once(summary)
}

// comment is the host's own code for a public answer. It mails the client's
// people only where the help desk talks to the client.
func (s *stage) comment(ticket psa.Ref, text string, mail bool) error {
	if mail {
		_, err := s.desk[0].Comment(s.ctx, ticket, text, true)
		return err
	}
	_, err := s.desk[0].Add(s.ctx, psa.KindNote, hostdb.Values{"ticket_id": ticket.ID, "user_id": "1", "body": text, "visibility": "public"})
	return err
}

// phases moves the pilot company to the next phase of a migration.
func (s *stage) phases() error {
	s.step("Who mails the client? In phase 1 the PSA, in phase 2 the help desk")
	answer := func(text string, mail bool) ([2]int, error) {
		before, err := s.mails()
		if err != nil {
			return before, err
		}
		if err := s.comment(s.fromDesk[1], text, mail); err != nil {
			return before, err
		}
		if err := s.settle(); err != nil {
			return before, err
		}
		after, err := s.mails()
		return [2]int{after[0] - before[0], after[1] - before[1]}, err
	}
	sends := s.sim.cast.answers
	if sends == 0 {
		s.say("  This PSA mails by its own workflow rules alone, of which this tenant has none.")
	}
	n, err := answer("We have ordered a new reader.", false)
	if err != nil {
		return err
	}
	s.check(n == [2]int{sends, 0}, "phase 1: a public answer makes %d mail from the PSA, %d from the help desk", n[0], n[1])

	ready, err := s.b.Readiness(s.ctx, s.company[0].ID)
	if err != nil {
		return err
	}
	s.say("    Is the pilot company ready for phase 2?")
	s.say("%s", indent(ready.String()))
	s.check(ready.Ready, "the pilot company is ready")
	s.say("    phase 2 #%s", s.company[0].ID)
	if err := s.b.SetPhase(s.ctx, "2", s.company[0].ID); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	for _, c := range []struct{ id, want string }{{s.company[0].ID, "2"}, {"", ""}} {
		phase, err := s.b.PhaseOf(s.ctx, c.id)
		if err != nil {
			return err
		}
		s.check(phase == c.want, "%s is in %s", map[bool]string{true: "every other company", false: "the pilot"}[c.id == ""], phaseName(phase))
	}
	if n, err = answer("The reader is here; we come at three.", true); err != nil {
		return err
	}
	s.check(n == [2]int{0, 1}, "phase 2: a public answer makes %d mail from the PSA, %d from the help desk", n[0], n[1])
	for side := range bridge.Side(2) {
		notes, err := s.children(side, psa.KindNote, s.fromDesk[side])
		if err != nil {
			return err
		}
		public := len(slices.DeleteFunc(notes, func(r psa.Record) bool { return r.Fields.String("visibility") != string(psa.Public) }))
		s.check(public == 2, "the client can read both answers in the %s", s.name(side))
	}
	return nil
}

// phaseName says what a phase is called; the program starts with the first.
func phaseName(phase string) string {
	if phase == "" {
		return "phase 1, where the program starts"
	}
	return "phase " + phase
}

// closing closes a ticket in the same minute as the last note is written.
func (s *stage) closing() error {
	s.step("The ticket is closed together with its last note and hours")
	p := s.fromDesk
	err := s.watch(p, []field{same("status"), same("closed")}, func() error {
		if err := s.desk[0].SetStatus(s.ctx, p[1], "Resolved"); err != nil {
			return err
		}
		if _, err := s.desk[0].Comment(s.ctx, p[1], "Replaced the reader, all badges tested.", false); err != nil {
			return err
		}
		_, err := s.desk[1].LogWork(s.ctx, p[1], s.now.Now().Add(-30*minute), 30*minute, "Replaced the reader.")
		return err
	})
	if err != nil {
		return err
	}
	for side := range bridge.Side(2) {
		if err := s.is(side, p[side], "closed", "true"); err != nil {
			return err
		}
		notes, err := s.children(side, psa.KindNote, p[side])
		if err != nil {
			return err
		}
		hours, err := s.children(side, psa.KindTimeEntry, p[side])
		if err != nil {
			return err
		}
		s.check(len(notes) == 5 && len(hours) == 2, "the %s has %d notes and %d time entries", s.name(side), len(notes), len(hours))
	}
	s.check(slices.IndexFunc(s.wrote, isTicket) > slices.IndexFunc(s.wrote, isNote), "the PSA got the last note before it was told to close")
	return nil
}

// curtain looks at the whole once more.
func (s *stage) curtain() error {
	s.step("In the end")
	st, err := s.b.Status(s.ctx)
	if err != nil {
		return err
	}
	s.say("%s", indent(st.String()))
	open, err := s.open()
	if err != nil {
		return err
	}
	s.check(len(open) == 0, "nothing waits for a person")
	r, err := s.cycle()
	if err != nil {
		return err
	}
	s.check(r.Writes() == 0, "both sides are the same: a further run has nothing to do")
	return nil
}
