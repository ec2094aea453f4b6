// Command bridge keeps a PSA and a help desk's database in step.
//
//	go run ./examples/bridge
//
// Without a command it needs no credentials: it starts a simulated ConnectWise
// tenant and a small help desk (examples/hostdb) in this process and tells the
// whole story: a dry run, the first match, tickets, notes and time that flow
// both ways, conflicts under each strategy, a crash, a pilot in the next phase
// of a migration. Each step checks what came out of it. -simulate autotask and
// -simulate halopsa tell it of the other vendors.
//
// With a command it works on an account and on two files:
//
//	go run ./examples/bridge -store bridge.db -host helpdesk.db plan
//
//	plan [-o FILE]                   what a run would do; nothing is written
//	run [-every 1m] [-plan FILE]     one run, or a run every so often; or what a saved plan holds
//	status                           how the connection stands
//	conflicts [-type T] [-company N] what waits for a person
//	show TASK                        one of these
//	resolve TASK ...                 decide about it: -take SIDE, -values JSON, -strategy NAME or -answer WORD
//	approve TASK [ID]                of a possible match: it is this record; -none if it is none
//	quarantine [-retry]              records that failed, and are tried again
//	phase [NAME [COMPANY ...]]       tell or set the phase of the migration
//	readiness [COMPANY ...]          what stands in the way of the next phase
//	pause [REASON], resume           stop and go on
//	links [-import FILE]             the pairs of records as CSV
//	disconnect                       one last run, and no more
//
// Companies are told by their ids in the PSA. -json makes the output one for
// programs. The account comes from the environment (addresses are https, or http
// on loopback, where examples/simulator listens):
//
//	connectwise  CW_URL, CW_COMPANY, CW_PUBLIC_KEY, CW_PRIVATE_KEY, CW_CLIENT_ID
//	autotask     AT_INTEGRATION_CODE, AT_USERNAME, AT_SECRET, AT_URL if it is no zone of the vendor,
//	             and AT_COMPANY_OWNER, a resource's id, to create companies
//	halopsa      HALO_URL, HALO_CLIENT_ID, HALO_CLIENT_SECRET; to write notes, time and clients also the ids
//	             HALO_OUTCOME_INTERNAL, HALO_OUTCOME_PUBLIC, HALO_OUTCOME_TIME and HALO_TOP_LEVEL
//	help desk    HOSTDB, the SQLite file, unless -host names it; it is made if it is not there
//
// The exit code says how it ended:
//
//	0  fine
//	1  failed
//	2  wrong flags, arguments, environment or field map
//	3  a run was incomplete: something could not be read, the next run goes on
//	4  the connection is paused
//	5  the credentials are refused, or lead to another account
//	6  a plan holds writes
//	7  readiness: not ready
package main

import (
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
	"github.com/psasync/psasync/psa/bridge"
)

// Exit codes, see the package comment.
const (
	exitFine        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitIncomplete  = 3
	exitPaused      = 4
	exitCredentials = 5
	exitWrites      = 6
	exitNotReady    = 7
)

var (
	errUsage    = errors.New("wrong usage")
	errMap      = errors.New("the field map cannot be used")
	errWrites   = errors.New("the plan holds writes") // said by the exit code alone
	errNotReady = errors.New("not ready")             // likewise
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are what the flags before the command say.
type settings struct {
	simulate, provider, actor string
	at                        places
	json                      bool
}

func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	var s settings
	flags := flag.NewFlagSet("bridge", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.simulate, "simulate", "connectwise", "vendor of the story: "+simulated())
	flags.StringVar(&s.provider, "provider", "", "the PSA: "+strings.Join(names(), ", ")+" (default the one that the environment has variables of)")
	flags.StringVar(&s.at.store, "store", "", "SQLite `file` of the connection; commands need it")
	flags.StringVar(&s.at.host, "host", "", "SQLite `file` of the help desk (default $HOSTDB)")
	flags.StringVar(&s.at.mapFile, "map", "", "`file` of the field map (default the vendor's of this program)")
	flags.StringVar(&s.at.source, "source", "", "`name` of the connection within the file (default the vendor's)")
	flags.StringVar(&s.actor, "actor", "", "`who` decides, for the audit (default $USER)")
	flags.BoolVar(&s.json, "json", false, "print JSON")
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: bridge [flags]                      tell the story with a simulated PSA\n       bridge -store FILE [flags] COMMAND   %s\n", strings.Join(commandNames(), ", "))
		flags.PrintDefaults()
		fmt.Fprint(stderr, exits)
	}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitFine
	case err != nil:
		return exitUsage // the flag package has said it
	case flags.NArg() == 0:
		err = tell(ctx, s.simulate, s.at, stdout)
	default:
		err = command(ctx, s, flags.Args(), env, stdout, stderr)
	}
	code := codeOf(err)
	if err != nil && code != exitWrites && code != exitNotReady {
		fmt.Fprintln(stderr, "bridge:", err)
		if advice := psa.Advice(err); advice != "" {
			fmt.Fprintln(stderr, advice)
		}
	}
	return code
}

const exits = `exit codes:
  0  fine
  1  failed
  2  wrong flags, arguments, environment or field map
  3  a run was incomplete: something could not be read, the next run goes on
  4  the connection is paused
  5  the credentials are refused, or lead to another account
  6  a plan holds writes
  7  readiness: not ready
`

func codeOf(err error) int {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case err == nil, is(flag.ErrHelp):
		return exitFine
	case is(errUsage, errMap):
		return exitUsage
	case is(errWrites):
		return exitWrites
	case is(errNotReady):
		return exitNotReady
	case is(psa.ErrAuth, psa.ErrOtherInstance):
		return exitCredentials
	case is(bridge.ErrPaused, bridge.ErrLimit):
		return exitPaused
	case is(bridge.ErrIncomplete):
		return exitIncomplete
	}
	return exitFailed
}
