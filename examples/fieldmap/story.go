package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/psasync/psasync/psa/resync"
)

// story runs every command, with the sentence that says what it is for.
func (s *session) story(ctx context.Context) error {
	say := func(text string) { fmt.Fprintf(s.out, "\n== %s\n\n", text) }
	say("Start: a first map is written from what both systems offer (scaffold)")
	if err := s.scaffold(ctx); err != nil {
		return err
	}
	say("The map that came of it, with Acme's own lines, is compared with both systems (lint)")
	if err := s.lint(ctx, ""); err != nil {
		return err
	}
	say("What goes there comes back (prove)")
	if err := s.prove(ctx); err != nil {
		return err
	}
	say("Where a rule comes from (explain status)")
	if err := s.explain(ctx, "status"); err != nil {
		return err
	}
	say("What it makes of a ticket (preview)")
	if err := s.preview(ctx, ""); err != nil {
		return err
	}
	say("An administrator renames a status and removes a custom field (impact)")
	err := s.impact(ctx)
	var e *exit
	if errors.As(err, &e) && e.code == exitImpact {
		return nil // which is what the story is about
	}
	return err
}

// change lets the administrator loose and copies the PSA anew.
func (s *session) change(ctx context.Context) error {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	s.simulation.change(snap)
	report, err := s.syncer.Plan(ctx)
	if err != nil {
		return err
	}
	_, err = s.syncer.Run(ctx, resync.Accept(report.Token))
	return err
}
