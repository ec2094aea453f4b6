// Command resync copies a PSA's configuration into a SQLite file and says what
// changed.
//
//	go run ./examples/resync
//
// Without flags it needs no credentials: it starts a simulated ConnectWise
// tenant in this process and tells the whole story with a temporary file: a
// first run, a second one that finds nothing to do, an administrator who
// changes the PSA, and a third run that says what that was. -simulate autotask
// and -simulate halopsa tell it of the other vendors.
//
// Any flag but -simulate and -tenant makes it one run instead:
//
//	-db FILE        keep the copy in this file; run it again to see what changed
//	-provider NAME  read a real account, or a running simulator: autotask, connectwise or halopsa
//	-source NAME    name of the connection within the file
//	-simulate NAME  vendor of the simulation: autotask, connectwise or halopsa
//	-tenant SIZE    of the simulation: small or medium
//	-dry-run        look and say what would be done, write nothing
//	-accept TOKEN   confirm the removals that a dry run or a refused run named
//	-verify         check the copy afterwards: dropdowns, boards, statuses, custom fields
//	-json           print the report as JSON
//
// -provider takes the account from the environment (addresses are https, or
// http on loopback):
//
//	connectwise  CW_URL, CW_COMPANY, CW_PUBLIC_KEY, CW_PRIVATE_KEY, CW_CLIENT_ID
//	autotask     AT_INTEGRATION_CODE, AT_USERNAME, AT_SECRET, and AT_URL if it is no zone of the vendor
//	halopsa      HALO_URL, HALO_CLIENT_ID, HALO_CLIENT_SECRET
//
// Progress goes to standard error: a bar on a terminal, lines otherwise. The
// exit code says how it ended:
//
//	0  complete, whether something changed or not
//	1  failed; the copy is as it was
//	2  wrong flags or environment
//	3  partial: some kinds could not be read, and are as they were
//	4  refused: too many rows would be removed; look, then use -accept
//	5  the credentials are refused, or lead to another account
//	6  a dry run found changes
//	7  -verify found something that people will notice
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// Exit codes, see the package comment.
const (
	exitComplete    = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitGuard       = 4
	exitCredentials = 5
	exitChanges     = 6
	exitVerify      = 7
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are what the flags say.
type settings struct {
	provider, source, simulate, tenant, db, accept string
	dryRun, verify, json                           bool
}

// story reports whether no flag asks for anything but the story.
func (s settings) story() bool {
	return s == settings{simulate: s.simulate, tenant: s.tenant}
}

func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitComplete
	}
	if err == nil && s.story() {
		err = tell(ctx, s, stdout, stderr)
	} else if err == nil {
		return once(ctx, s, env, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "resync:", err)
	}
	return codeOf(err)
}

// errUsage marks what the user has to correct on the command line.
var errUsage = errors.New("wrong usage")

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("resync", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.db, "db", "", "SQLite `file` to keep the copy in (default a temporary one)")
	flags.StringVar(&s.provider, "provider", "", "read a real account: "+strings.Join(names(), ", ")+" (default a simulated tenant)")
	flags.StringVar(&s.source, "source", "", "`name` of the connection within the file (default the provider's)")
	flags.StringVar(&s.simulate, "simulate", "connectwise", "vendor of the simulation: "+simulated())
	flags.StringVar(&s.tenant, "tenant", "small", "`size` of the simulated tenant: small or medium")
	flags.BoolVar(&s.dryRun, "dry-run", false, "look and say what would be done, write nothing")
	flags.StringVar(&s.accept, "accept", "", "confirm the removals that this `token` names")
	flags.BoolVar(&s.verify, "verify", false, "check the copy afterwards")
	flags.BoolVar(&s.json, "json", false, "print the report as JSON")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: resync [flags]")
		flags.PrintDefaults()
		fmt.Fprint(stderr, `exit codes:
  0  complete, whether something changed or not
  1  failed; the copy is as it was
  2  wrong flags or environment
  3  partial: some kinds could not be read, and are as they were
  4  refused: too many rows would be removed; look, then use -accept
  5  the credentials are refused, or lead to another account
  6  a dry run found changes
  7  -verify found something that people will notice
`)
	}
	if err := flags.Parse(args); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			err = fmt.Errorf("%w: %w", errUsage, err)
		}
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	}
	if s.dryRun && s.accept != "" {
		return s, fmt.Errorf("%w: -dry-run writes nothing that -accept could confirm", errUsage)
	}
	return s, nil
}

// once is one run, or one dry run.
func once(ctx context.Context, s settings, env func(string) string, stdout, stderr io.Writer) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "resync:", err)
		return codeOf(err)
	}
	provider, err := open(s, env)
	if err != nil {
		return fail(err)
	}
	store, err := openStore(ctx, s.db)
	if err != nil {
		return fail(err)
	}
	defer func() {
		if err := store.Close(); err != nil && code == exitComplete {
			code = fail(err)
		}
	}()
	progress := newProgress(stderr)
	syncer, err := resync.New(provider, store, &resync.Options{Source: s.source, Observer: progress.observe, ReportRows: rowsShown(s)})
	if err != nil {
		return fail(fmt.Errorf("%w: %w", errUsage, err))
	}
	fmt.Fprintf(stderr, "Reading %s into %s\n", provider.Name(), store.name)

	var report *resync.Report
	if s.dryRun {
		report, err = syncer.Plan(ctx)
	} else {
		report, err = syncer.Run(ctx, resync.Accept(s.accept))
	}
	if report == nil { // interrupted before it began
		return fail(err)
	}
	write := report.WriteText
	if s.json {
		write = report.WriteJSON
	}
	if err := write(stdout); err != nil {
		return fail(err)
	}
	code = codeOfReport(report, err)
	if s.verify && err == nil {
		// What the run itself has to say comes first.
		code = cmp.Or(code, verify(ctx, syncer, s, stdout, fail))
	}
	return code
}

func verify(ctx context.Context, syncer *resync.Syncer, s settings, stdout io.Writer, fail func(error) int) int {
	v, err := syncer.Verify(ctx)
	if err != nil {
		return fail(err)
	}
	write := v.WriteText
	if s.json {
		write = v.WriteJSON
	}
	if err := write(stdout); err != nil {
		return fail(err)
	}
	if v.Verdict() == resync.Fail {
		return exitVerify
	}
	return exitComplete
}

// rowsShown keeps text short; JSON is for programs.
func rowsShown(s settings) int {
	if s.json {
		return 1000
	}
	return 5
}

func codeOfReport(r *resync.Report, err error) int {
	added, changed, removed := r.Changes()
	switch {
	case err != nil:
		return codeOf(err)
	case r.Outcome == resync.Partial:
		return exitPartial
	case r.DryRun && added+changed+removed > 0:
		return exitChanges
	}
	return exitComplete
}

func codeOf(err error) int {
	switch {
	case err == nil:
		return exitComplete
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, resync.ErrTooManyRemovals):
		return exitGuard
	case errors.Is(err, psa.ErrAuth), errors.Is(err, psa.ErrOtherInstance):
		return exitCredentials
	}
	return exitFailed
}
