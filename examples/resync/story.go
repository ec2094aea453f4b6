package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa/resync"
)

// tell shows what a resync does: a first run, one that finds nothing, and one
// after an administrator was at work.
func tell(ctx context.Context, s settings, stdout, stderr io.Writer) (err error) {
	sim, err := simulate(s)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	syncer, err := resync.New(sim.provider, store, &resync.Options{Source: sim.source, Observer: newProgress(stderr).observe, ReportRows: 3})
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

	step("First run: %s into %s", sim.title, store.name)
	if err := resyncOnce(); err != nil {
		return err
	}
	step("Second run: nothing changed, so no row is decoded and none is written")
	if err := resyncOnce(); err != nil {
		return err
	}
	step("An administrator changes the PSA")
	for _, what := range sim.administrate() {
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
