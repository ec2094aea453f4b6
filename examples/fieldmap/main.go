// Command fieldmap shows how a field map is written, checked and looked at.
//
//	go run ./examples/fieldmap
//
// It needs no credentials: the PSA is a simulated account in this process, the
// host an invented platform (host.go). Without a command it tells
// the whole story. The commands are its parts:
//
//	scaffold          write a first map from what both systems offer
//	lint [NAME]       compare a map with what both systems offer at present; bad.yaml and
//	                  unreadable.yaml are maps full of mistakes
//	prove             count the values that come back as they were, rule by rule
//	preview [TICKET]  what a ticket would become, field by field
//	explain FIELD     which file and line each part of a ticket field's rule came from
//	impact            what a change in the PSA breaks: a renamed status, a removed field
//	schema            the JSON Schema of maps, for editors
//
// -vendor NAME simulates another PSA: autotask, connectwise or halopsa. -map FILE
// takes another map than maps/NAME-acme.yaml, which extends maps/NAME.yaml.
//
// The exit code is for scripts:
//
//	0  fine
//	1  failed
//	2  wrong flags, command or argument
//	3  the map cannot be read, or lint found errors
//	4  impact found something
package main

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

//go:embed maps/*.yaml
var files embed.FS

// Exit codes, see the package comment.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
	exitMap    = 3
	exitImpact = 4
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// An exit ends the program with a code; its error may be nil.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return fmt.Sprint(e.err) }

func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdout, stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitFine
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{exitFailed, err}
	}
	if e.err != nil {
		fmt.Fprintln(stderr, "fieldmap:", e.err)
	}
	return e.code
}

// A session is one run of the program.
type session struct {
	*connection
	mapFile, vendor string
	out             io.Writer
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s := &session{out: stdout}
	flags := flag.NewFlagSet("fieldmap", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.vendor, "vendor", "connectwise", "`name` of the simulated PSA: "+strings.Join(vendors(), ", "))
	flags.StringVar(&s.mapFile, "map", "", "`file` of the field map to use (default the vendor's of this program)")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return &exit{exitUsage, nil} // the flag package has said it
	}
	commands := map[string]struct {
		do   func(context.Context, string) error
		args int // at most
	}{
		"":         {func(ctx context.Context, _ string) error { return s.story(ctx) }, 0},
		"scaffold": {func(ctx context.Context, _ string) error { return s.scaffold(ctx) }, 0},
		"lint":     {s.lint, 1},
		"prove":    {func(ctx context.Context, _ string) error { return s.prove(ctx) }, 0},
		"preview":  {s.preview, 1},
		"explain":  {s.explain, 1},
		"impact":   {func(ctx context.Context, _ string) error { return s.impact(ctx) }, 0},
		"schema":   {func(context.Context, string) error { return s.schema() }, 0},
	}
	c, ok := commands[flags.Arg(0)]
	if !ok {
		return usage("unknown command %q; there are scaffold, lint, prove, preview, explain, impact and schema", flags.Arg(0))
	}
	if flags.NArg() > 1+c.args {
		return usage("unexpected argument %q", flags.Arg(1+c.args))
	}
	var err error
	if s.connection, err = connect(ctx, s.vendor); err != nil {
		return err
	}
	defer s.close()
	return c.do(ctx, flags.Arg(1))
}

// load reads a map of this program, or for "" the session's, and what it extends.
func (s *session) load(own string) (*mapping.Map, error) {
	var fsys fs.FS = files
	name := "maps/" + cmp.Or(own, s.vendor+"-acme.yaml")
	switch _, err := fs.Stat(files, name); {
	case err != nil:
		return nil, usage("this program has no map %q; -map takes a file", own)
	case own == "" && s.mapFile != "":
		fsys, name = os.DirFS(filepath.Dir(s.mapFile)), filepath.Base(s.mapFile)
	}
	m, err := mapping.Load(fsys, name, nil)
	if err != nil {
		return nil, &exit{exitMap, err}
	}
	return m, nil
}

func (s *session) scaffold(ctx context.Context) error {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	_, err = s.out.Write(mapping.Scaffold(snap, newHost(), &mapping.ScaffoldOptions{
		LeftName: s.provider.Name(), RightName: "host", Kinds: []psa.Kind{psa.KindContact, psa.KindTicket, psa.KindNote},
		LeftFeatures: s.provider.Features(),
	}))
	return err
}

// lint takes the name of a map of this program, "" for the session's.
func (s *session) lint(ctx context.Context, name string) error {
	m, err := s.load(name)
	if err != nil {
		return err
	}
	cfg, err := s.config(ctx)
	if err != nil {
		return err
	}
	found := m.LintWith(cfg)
	s.print(found)
	var count [3]int
	for _, f := range found {
		count[f.Severity]++
	}
	fmt.Fprintf(s.out, "%s: %d errors, %d warnings, %d notes\n", strings.Join(m.Files(), " + "), count[psa.Failure], count[psa.Warning], count[psa.Info])
	if count[psa.Failure] > 0 {
		return &exit{exitMap, nil}
	}
	return nil
}

// prove prints what became of the values that were sent there and back.
func (s *session) prove(ctx context.Context) error {
	m, err := s.load("")
	if err != nil {
		return err
	}
	cfg, err := s.config(ctx)
	if err != nil {
		return err
	}
	var sum mapping.Proof
	row := func(p mapping.Proof, rule string) {
		fmt.Fprintf(s.out, "%5d %5d %5d %5d %7d %6d %7d  %s\n", p.Live, p.Made, p.Back, p.Held, p.Shared, p.Lossy, p.Broken, rule)
	}
	fmt.Fprintln(s.out, " live  made  back  held  shared  lossy  broken  rule")
	passing := 0
	for _, p := range m.Prove(cfg) {
		if p.Live+p.Made == 0 {
			passing++
			continue
		}
		row(p, fmt.Sprintf("%s: %s -> %s", p.Kind, p.Left, p.Right))
		sum.Live, sum.Made, sum.Back, sum.Held = sum.Live+p.Live, sum.Made+p.Made, sum.Back+p.Back, sum.Held+p.Held
		sum.Shared, sum.Lossy, sum.Broken = sum.Shared+p.Shared, sum.Lossy+p.Lossy, sum.Broken+p.Broken
	}
	row(sum, "all")
	fmt.Fprintf(s.out, "%d more rules pass values as they are, or link records and members.\n", passing)
	if sum.Broken > 0 {
		return &exit{exitMap, nil}
	}
	return nil
}

func (s *session) print(found []psa.Finding) {
	for _, f := range found {
		fmt.Fprintf(s.out, "%s: %s: %s [%s]\n", f.Where, f.Severity, f.Message, f.Code)
	}
}

func (s *session) preview(ctx context.Context, id string) error {
	m, err := s.load("")
	if err != nil {
		return err
	}
	cfg, err := s.config(ctx)
	if err != nil {
		return err
	}
	mapper, err := m.Compile(cfg)
	if err != nil {
		return &exit{exitMap, err}
	}
	rec, err := s.ticket(ctx, id)
	if errors.Is(err, psa.ErrNotFound) {
		return usage("ticket %s: %w", id, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Ticket %s, to be created on the host:\n\n", rec.ID)
	_, err = io.WriteString(s.out, mapping.FormatPreview(mapper.Preview(mapping.Right, rec, nil)))
	return err
}

func (s *session) explain(_ context.Context, field string) error {
	if field == "" {
		return usage("explain needs a field, e.g. explain status")
	}
	m, err := s.load("")
	if err != nil {
		return err
	}
	parts := m.Explain(psa.KindTicket, field)
	if parts == nil {
		return usage("no rule for the ticket field %q", field)
	}
	for _, p := range parts {
		fmt.Fprintf(s.out, "%-26s %-24s %s\n", p.What, p.Is, p.Where)
	}
	return nil
}

// impact lets an administrator change the PSA and shows what a resync would
// say of it.
func (s *session) impact(ctx context.Context) error {
	m, err := s.load("")
	if err != nil {
		return err
	}
	cfg, err := s.config(ctx)
	if err != nil {
		return err
	}
	before := cfg.Left
	if err := s.change(ctx); err != nil {
		return err
	}
	after, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	found, err := mapping.Impact{Map: m, Config: *cfg}.Impact(ctx, before, after)
	if err != nil {
		return err
	}
	s.print(found)
	if len(found) > 0 {
		return &exit{exitImpact, nil}
	}
	fmt.Fprintln(s.out, "The change breaks no rule.")
	return nil
}

func (s *session) schema() error {
	_, err := s.out.Write(mapping.Schema())
	return err
}
