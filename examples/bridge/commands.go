package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A session is one command of a person.
type session struct {
	settings
	ctx         context.Context
	conn        *connection
	b           *bridge.Bridge
	flags       *flag.FlagSet // of the command
	out, stderr io.Writer
}

// A verb is what a command does. prepare defines its flags and returns what to
// do once they are read.
type verb struct {
	args    int  // at most; below 0: any number
	live    bool // asks the PSA anew what it offers
	prepare func(*session) func(args []string) error
}

func verbs() map[string]verb {
	return map[string]verb{
		"plan":       {0, true, (*session).plan},
		"run":        {0, true, (*session).run},
		"status":     {0, false, (*session).status},
		"conflicts":  {0, false, (*session).conflicts},
		"show":       {1, false, (*session).show},
		"resolve":    {1, false, (*session).resolve},
		"approve":    {2, false, (*session).approve},
		"quarantine": {0, false, (*session).quarantine},
		"phase":      {-1, false, (*session).phase},
		"readiness":  {-1, true, (*session).readiness},
		"pause":      {1, false, (*session).pause},
		"resume":     {0, false, (*session).resume},
		"links":      {0, false, (*session).links},
		"disconnect": {0, true, (*session).disconnect},
	}
}

func commandNames() []string { return slices.Sorted(maps.Keys(verbs())) }

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// command does one command.
func command(ctx context.Context, s settings, args []string, env func(string) string, stdout, stderr io.Writer) (err error) {
	v, ok := verbs()[args[0]]
	if !ok {
		return usage("unknown command %q; there is %s", args[0], strings.Join(commandNames(), ", "))
	}
	s.at.host = cmp.Or(s.at.host, env("HOSTDB"))
	s.actor = cmp.Or(s.actor, env("USER"), "somebody")
	x := &session{settings: s, ctx: ctx, out: stdout, stderr: stderr, flags: flag.NewFlagSet(args[0], flag.ContinueOnError)}
	x.flags.SetOutput(stderr)
	do := v.prepare(x)
	rest, err := x.parse(args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return usage("%v", err)
	case v.args >= 0 && len(rest) > v.args:
		return usage("unexpected argument %q", rest[v.args])
	case s.at.store == "":
		return usage("name the file of the connection: bridge -store bridge.db %s", args[0])
	case s.at.host == "":
		return usage("name the help desk's file: -host helpdesk.db, or HOSTDB in the environment")
	}
	p, err := openPSA(s.provider, env)
	if err != nil {
		return err
	}
	if x.conn, err = connect(ctx, p, s.at); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.conn.Close()) }()
	if x.b, err = x.conn.open(x.configure(v.live), func(o *bridge.Options) { o.Observer = x.observe }); err != nil {
		return err
	}
	return do(rest)
}

// parse reads flags before, between and behind arguments.
func (x *session) parse(args []string) (rest []string, err error) {
	for {
		if err := x.flags.Parse(args); err != nil {
			return nil, err
		}
		if x.flags.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, x.flags.Arg(0)), x.flags.Args()[1:]
	}
}

// configure lets commands that only look at the store do without the PSA: they
// take the copy of its configuration, unless there is none yet.
func (x *session) configure(live bool) func(*bridge.Options) {
	return func(o *bridge.Options) {
		if live {
			return
		}
		if cfg, err := x.conn.stored(x.ctx); err == nil {
			o.Catalogs = nil
			o.LeftCatalog, o.RightCatalog, o.LeftMembers, o.RightMembers = cfg.Left, cfg.Right, cfg.LeftMembers, cfg.RightMembers
		}
	}
}

// observe tells how a run goes on.
func (x *session) observe(e bridge.Event) {
	switch e.Type {
	case bridge.EventList:
		fmt.Fprintf(x.stderr, "reading %s, %s side %s\n", e.Kind, e.Side, e.Message)
	case bridge.EventProgress:
		fmt.Fprintf(x.stderr, "  %s\n", e.Message)
	case bridge.EventTrouble, bridge.EventPause:
		fmt.Fprintf(x.stderr, "  %s %s: %s\n", e.Kind, e.ID, e.Message)
	}
}

// both is what reports of package bridge can do.
type both interface {
	WriteText(io.Writer) error
	WriteJSON(io.Writer) error
}

func (x *session) print(r both) error {
	if x.json {
		return r.WriteJSON(x.out)
	}
	return r.WriteText(x.out)
}

// encode writes any value as JSON.
func (x *session) encode(v any) error {
	enc := json.NewEncoder(x.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (x *session) plan() func([]string) error {
	file := x.flags.String("o", "", "`file` to save the plan in, for run -plan")
	return func([]string) error {
		p, err := x.b.Plan(x.ctx)
		if p == nil {
			return err
		}
		if err := errors.Join(err, x.print(p)); err != nil {
			return err
		}
		if *file != "" {
			b, err := json.Marshal(p)
			if err == nil {
				err = os.WriteFile(*file, b, 0o600) // it holds values of records
			}
			if err != nil {
				return err
			}
		}
		if p.Writes() > 0 {
			return errWrites
		}
		return nil
	}
}

func (x *session) run() func([]string) error {
	every := x.flags.Duration("every", 0, "`pause` between runs; without it one run is made")
	file := x.flags.String("plan", "", "`file` of a plan: do what it holds, and nothing else")
	return func([]string) error {
		if *every > 0 && *file != "" {
			return usage("a plan is applied once: -plan or -every")
		}
		if *file != "" {
			return x.apply(*file)
		}
		for {
			r, err := x.b.Once(x.ctx)
			if r != nil {
				err = errors.Join(err, x.print(r))
			}
			if *every <= 0 || x.ctx.Err() == nil && err != nil && !passes(err) {
				return err
			}
			if err != nil {
				fmt.Fprintln(x.stderr, "bridge:", err)
			}
			t := time.NewTimer(max(*every, psa.RetryAfter(err)))
			select {
			case <-x.ctx.Done():
				t.Stop()
				return nil
			case <-t.C:
			}
		}
	}
}

// passes reports whether a later run may go well without anybody doing
// something here.
func passes(err error) bool {
	return psa.Temporary(err) || slices.ContainsFunc([]error{bridge.ErrPaused, bridge.ErrLimit, bridge.ErrIncomplete, cache.ErrLeased},
		func(target error) bool { return errors.Is(err, target) }) && !errors.Is(err, psa.ErrAuth) && !errors.Is(err, psa.ErrOtherInstance)
}

func (x *session) apply(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return usage("%v", err)
	}
	var p bridge.Plan
	if err := json.Unmarshal(b, &p); err != nil {
		return usage("%s is no plan: %v", file, err)
	}
	r, err := x.b.Apply(x.ctx, &p)
	if errors.Is(err, bridge.ErrStalePlan) {
		return fmt.Errorf("%w; make a new one: plan -o %s", err, file)
	}
	if r != nil {
		err = errors.Join(err, x.print(r))
	}
	return err
}

func (x *session) status() func([]string) error {
	return func([]string) error {
		st, err := x.b.Status(x.ctx)
		if err != nil {
			return err
		}
		return x.print(st)
	}
}

func (x *session) readiness() func([]string) error {
	return func(companies []string) error {
		r, err := x.b.Readiness(x.ctx, companies...)
		if err != nil {
			return x.explain(err)
		}
		if err := x.print(r); err != nil || r.Ready {
			return err
		}
		return errNotReady
	}
}

func (x *session) disconnect() func([]string) error {
	return func([]string) error {
		r, err := x.b.Disconnect(x.ctx)
		if r != nil {
			err = errors.Join(err, x.print(r))
		}
		return err
	}
}

func (x *session) pause() func([]string) error {
	kind := x.flags.String("kind", "", "pause only this `kind` of records")
	return func(reason []string) error {
		return x.said(x.b.Pause(x.ctx, strings.Join(reason, " "), kinds(*kind)...), "Paused. To go on: resume")
	}
}

func (x *session) resume() func([]string) error {
	kind := x.flags.String("kind", "", "resume only this `kind` of records")
	return func([]string) error {
		return x.said(x.b.Resume(x.ctx, kinds(*kind)...), "Resumed.")
	}
}

func kinds(name string) []psa.Kind {
	if name == "" {
		return nil
	}
	return []psa.Kind{psa.Kind(name)}
}

// said prints a sentence where nothing went wrong.
func (x *session) said(err error, format string, args ...any) error {
	if err != nil {
		return x.explain(err)
	}
	if x.json {
		return nil
	}
	_, err = fmt.Fprintf(x.out, format+"\n", args...)
	return err
}

// explain says what to do about what a person asked for in vain.
func (x *session) explain(err error) error {
	switch {
	case errors.Is(err, psa.ErrInvalid):
		return fmt.Errorf("%w: %w", errUsage, err)
	case errors.Is(err, psa.ErrNotFound):
		return fmt.Errorf("%w: %w; conflicts, quarantine and links say what there is", errUsage, err)
	case errors.Is(err, bridge.ErrOutdated):
		return fmt.Errorf("%w: show tells how it is now", err)
	}
	return err
}

func (x *session) phase() func([]string) error {
	return func(args []string) error {
		if len(args) > 0 {
			name, companies := args[0], args[1:]
			if err := x.b.SetPhase(x.ctx, name, companies...); err != nil {
				return x.explain(err)
			}
			if len(companies) == 0 {
				return x.said(nil, "The connection is in phase %q.", name)
			}
			return x.said(nil, "In phase %q: company %s.", name, strings.Join(companies, ", "))
		}
		st, err := x.b.Status(x.ctx)
		if err != nil {
			return err
		}
		if x.json {
			return x.encode(map[string]any{"phase": st.Phase, "companies": st.Companies})
		}
		fmt.Fprintf(x.out, "connection: %s\n", phaseName(st.Phase))
		for _, id := range sorted(st.Companies) {
			fmt.Fprintf(x.out, "company %s: %s\n", id, phaseName(st.Companies[id]))
		}
		return nil
	}
}

func (x *session) links() func([]string) error {
	file := x.flags.String("import", "", "CSV `file` of pairs to take over, as this command writes it")
	return func([]string) error {
		if *file == "" {
			return x.b.WriteLinks(x.ctx, x.out)
		}
		f, err := os.Open(*file)
		if err != nil {
			return usage("%v", err)
		}
		n, err := x.b.ReadLinks(x.ctx, f)
		return x.said(errors.Join(err, f.Close()), "%d pairs taken over.", n)
	}
}
