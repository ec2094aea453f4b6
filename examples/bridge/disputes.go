package main

import (
	"encoding/json"

	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// both changes a field of one ticket on both sides, the help desk ten
// minutes later.
func (s *stage) both(p pair, f field, inPSA any, inDesk func() error) error {
	return s.watch(p, []field{f}, func() error {
		if err := s.psa.edit(s.ctx, p[0], psa.Fields{f[0]: inPSA}); err != nil {
			return err
		}
		s.now.wait(10 * minute)
		return inDesk()
	})
}

// lastWriteWins is the first of the three basic strategies.
func (s *stage) lastWriteWins() error {
	s.step("Both sides change the summary. The map says newest: the last write wins")
	p := s.fromDesk
	err := s.both(p, same("summary"), "Badge reader beeps (PSA)", func() error {
		return s.desk[0].Edit(s.ctx, p[1], hostdb.Values{"subject": "Badge reader beeps (help desk)"})
	})
	if err != nil {
		return err
	}
	for side := range bridge.Side(2) {
		if err := s.is(side, p[side], "summary", "Badge reader beeps (help desk)"); err != nil {
			return err
		}
	}
	return nil
}

// sourceOfTruth is the second one.
func (s *stage) sourceOfTruth() error {
	s.step("Both sides change the priority. The map says source_of_truth(psa)")
	p := s.fromDesk
	err := s.both(p, same("priority"), s.sim.cast.priority["Critical"], func() error {
		return s.desk[0].SetPriority(s.ctx, p[1], "Low")
	})
	if err != nil {
		return err
	}
	if err := s.is(bridge.Left, p[0], "priority", s.sim.cast.priority["Critical"]); err != nil {
		return err
	}
	return s.is(bridge.Right, p[1], "priority", "Critical")
}

// manual is the third one: a person merges.
func (s *stage) manual() error {
	s.step("Both sides change the estimate. The map says manual: a person decides")
	p, estimate := s.fromDesk, field{"budget_hours", "custom.estimate_minutes"}
	err := s.both(p, estimate, json.Number("2"), func() error {
		return s.desk[0].Edit(s.ctx, p[1], hostdb.Values{"estimate_minutes": 240})
	})
	if err != nil {
		return err
	}
	t, err := s.first(bridge.TaskConflict)
	if err != nil {
		return err
	}
	s.say("    resolve %s -values '{\"budget_hours\": 3}'", t.ID)
	err = s.watch(p, []field{estimate}, func() error {
		return s.b.Resolve(s.ctx, t.ID, bridge.Answer{
			Action: bridge.AnswerValues, Values: psa.Fields{"budget_hours": json.Number("3")}, Actor: "ana", Rev: t.Rev,
		})
	})
	if err != nil {
		return err
	}
	if err := s.is(bridge.Left, p[0], "budget_hours", "3"); err != nil {
		return err
	}
	return s.is(bridge.Right, p[1], "custom.estimate_minutes", "180")
}
