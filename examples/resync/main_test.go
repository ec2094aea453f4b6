package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/internal/canary/accounts"
	"github.com/psasync/psasync/psa/resync"
)

// shell runs the program against one simulated server and one file.
type shell struct {
	t   *testing.T
	srv *connectwisetest.Server
	env map[string]string
	db  string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	srv := connectwisetest.NewServer(connectwisetest.Small(), nil)
	t.Cleanup(srv.Close)
	keys := srv.Credentials()
	return &shell{t: t, srv: srv, db: filepath.Join(t.TempDir(), "psa.db"), env: map[string]string{
		"CW_URL": srv.URL(), "CW_COMPANY": keys.Company, "CW_CLIENT_ID": keys.ClientID,
		"CW_PUBLIC_KEY": keys.PublicKey, "CW_PRIVATE_KEY": keys.PrivateKey,
	}}
}

func (s *shell) getenv(name string) string { return s.env[name] }

// call runs the program and expects an exit code.
func (s *shell) call(want int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	if got := run(s.t.Context(), args, s.getenv, &out, &errs); got != want {
		s.t.Fatalf("resync %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, want, out.String(), errs.String())
	}
	discreet(s.t, strings.Join(args, " "), append(out.Bytes(), errs.Bytes()...))
	for _, name := range []string{s.db, s.db + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			s.t.Fatal(err)
		}
		discreet(s.t, filepath.Base(name), b)
	}
	return out.String(), errs.String()
}

// real calls it for the simulated server as if it were an account.
func (s *shell) real(want int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	return s.call(want, append([]string{"-provider", "connectwise", "-db", s.db}, args...)...)
}

// discreet looks in what the program wrote for what the simulators plant.
func discreet(t *testing.T, what string, text []byte) {
	t.Helper()
	hits, err := accounts.Leaks(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		t.Errorf("%s holds %s", what, h)
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("missing %q in:\n%s", p, text)
		}
	}
}

func TestStory(t *testing.T) {
	out, progress := newShell(t).call(exitComplete)
	contains(t, out,
		"First run", ": complete", "Second run", ": unchanged", "0 added, 0 changed, 0 removed",
		"Third run", `+ "Parked"`, `-> "P1 - Drop everything"`, "(active): yes -> no", "\n  - ",
		"Verification", "pass  custom-fields", "version 2")
	contains(t, progress, "collect ...", "status", "process ...", "update ...")
	if strings.Contains(out, "STALE") || strings.Contains(out, "fail ") {
		t.Errorf("something is wrong in the simulation:\n%s", out)
	}
}

func TestMediumTenant(t *testing.T) {
	out, _ := newShell(t).call(exitChanges, "-tenant", "medium", "-dry-run")
	contains(t, out, "board (Service Board): 40 rows", ": complete (dry run")
}

func TestFilePersists(t *testing.T) {
	s := newShell(t)
	out, _ := s.call(exitComplete, "-db", s.db)
	contains(t, out, ": complete", "Version 0 -> 1")
	out, _ = s.call(exitComplete, "-db", s.db)
	contains(t, out, ": unchanged", "Version 1")
}

func TestExitCodes(t *testing.T) {
	s := newShell(t)
	tenant := s.srv.Tenant()

	// complete, changed and not
	out, _ := s.real(exitComplete)
	contains(t, out, ": complete")
	out, _ = s.real(exitComplete)
	contains(t, out, ": unchanged")
	s.real(exitComplete, "-dry-run")

	// a dry run that finds changes, and writes nothing
	tenant.Update("/service/priorities", 6, connectwisetest.Row{"name": "P1"})
	out, _ = s.real(exitChanges, "-dry-run")
	contains(t, out, "dry run", `-> "P1"`)
	out, _ = s.real(exitChanges, "-dry-run", "-json")
	var r resync.Report
	decode(t, out, &r)
	if !r.DryRun || r.Version != 0 {
		t.Errorf("%+v", r)
	}
	s.real(exitComplete)

	// partial
	s.srv.Deny("GET", "/service/priorities")
	out, progress := s.real(exitPartial)
	contains(t, out, ": partial", "STALE", "permission denied", "Give the API user")
	contains(t, progress, "could not be read completely")
	out, _ = s.real(exitPartial, "-verify")
	contains(t, out, "Verification", "priority is stale")
	s.srv.AllowAll()

	// guard, accepted with the token of the report
	board := tenant.IDs("/service/boards")[0]
	statuses := fmt.Sprintf("/service/boards/%d/statuses", board)
	for _, id := range tenant.IDs(statuses)[1:7] {
		tenant.Remove(statuses, id)
	}
	out, _ = s.real(exitGuard, "-json")
	decode(t, out, &r)
	if r.Outcome != resync.Refused || r.Token == "" || len(r.Guarded) != 1 {
		t.Errorf("%+v", r)
	}
	s.real(exitGuard, "-accept", "0123456789abcdef")
	out, _ = s.real(exitGuard, "-dry-run")
	contains(t, out, r.Token, "6 of ")
	out, _ = s.real(exitComplete, "-accept", r.Token)
	contains(t, out, ": complete", "6 removed")

	// verification
	out, _ = s.real(exitComplete, "-verify")
	contains(t, out, "Verification")
	tenant.Add("/service/boards", connectwisetest.Row{"name": "Empty board", "location": map[string]any{"id": tenant.IDs("/system/locations")[0]}})
	out, _ = s.real(exitVerify, "-verify")
	contains(t, out, "fail  boards", "Empty board")
	out, _ = s.real(exitVerify, "-verify", "-json")
	if !strings.Contains(out, `"check": "boards"`) {
		t.Errorf("no verification in:\n%s", out)
	}

	// credentials
	right := s.env["CW_PRIVATE_KEY"]
	s.env["CW_PRIVATE_KEY"] = "wrong-key-canary"
	out, progress = s.real(exitCredentials)
	contains(t, out, "credentials refused", "Check the API credentials")
	if strings.Contains(out+progress, "wrong-key-canary") || strings.Contains(out+progress, s.env["CW_PUBLIC_KEY"]) {
		t.Error("a key was printed")
	}
	s.env["CW_PRIVATE_KEY"] = right
	s.call(exitCredentials, "-db", s.db, "-source", "connectwise") // the simulation is another account
	s.real(exitComplete)

	// failed
	_, progress = s.call(exitFailed, "-provider", "connectwise", "-db", filepath.Join(s.t.TempDir(), "missing", "psa.db"))
	contains(t, progress, "psa.db")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(ctx, []string{"-provider", "connectwise", "-db", s.db}, s.getenv, &bytes.Buffer{}, &bytes.Buffer{}); code != exitFailed {
		t.Errorf("cancelled: exit code %d", code)
	}
	ctx, cancel = context.WithCancel(t.Context())
	early := writerFunc(func(b []byte) (int, error) { cancel(); return len(b), nil })
	if code := run(ctx, []string{"-provider", "connectwise", "-db", s.db}, s.getenv, &bytes.Buffer{}, early); code != exitFailed {
		t.Errorf("cancelled before the run: exit code %d", code)
	}
	s.real(exitComplete) // and the copy is whole
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func decode(t *testing.T, out string, r *resync.Report) {
	t.Helper()
	*r = resync.Report{}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(out), &raw); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	for key, into := range map[string]any{"dry_run": &r.DryRun, "version": &r.Version, "outcome": &r.Outcome, "token": &r.Token, "guarded": &r.Guarded} {
		if raw[key] == nil {
			continue
		}
		if err := json.Unmarshal(raw[key], into); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
	}
}

func TestUsage(t *testing.T) {
	s := newShell(t)
	_, help := s.call(exitComplete, "-h")
	for _, code := range []string{"0  ", "1  ", "2  ", "3  ", "4  ", "5  ", "6  ", "7  "} {
		contains(t, help, "\n  "+code)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-unknown"}, "-unknown"},
		{[]string{"now"}, `"now"`},
		{[]string{"-provider", "other"}, "connectwise"},
		{[]string{"-tenant", "huge"}, "medium"},
		{[]string{"-tenant", "huge", "-db", s.db}, "medium"},
		{[]string{"-dry-run", "-accept", "x"}, "-accept"},
	} {
		_, says := s.call(exitUsage, c.args...)
		contains(t, says, c.says)
	}
	delete(s.env, "CW_CLIENT_ID")
	s.env["CW_COMPANY"] = ""
	_, says := s.real(exitUsage)
	contains(t, says, "CW_COMPANY, CW_CLIENT_ID")
	s.env["CW_COMPANY"], s.env["CW_CLIENT_ID"], s.env["CW_URL"] = "c", "i", "http://psa.msp.example"
	s.real(exitUsage) // plain http is for loopback
}

// TestProgram builds the program and runs it the way a newcomer does.
func TestProgram(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "resync")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), bin).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	discreet(t, "the story", out)
	contains(t, string(out), "First run", "Third run")
	err = exec.CommandContext(t.Context(), bin, "-unknown").Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
		t.Errorf("%v; want exit code %d", err, exitUsage)
	}
}

// On a terminal there is one bar, which is gone when the lists are read.
func TestBar(t *testing.T) {
	sim, err := simulate(settings{simulate: "connectwise", tenant: "small"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p := &progress{w: &out, terminal: true}
	s, err := resync.New(sim.provider, cache.NewMemory(), &resync.Options{Observer: p.observe})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "collect ...", " rows ", "|", "process ...", "update ...")
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines beside the bar; want one for each phase", n)
	}
	if p.bar != nil {
		t.Error("the bar is still there")
	}
}

// Every vendor's simulation tells the same story.
func TestStories(t *testing.T) {
	for name := range simulations() {
		t.Run(name, func(t *testing.T) {
			var out, progress bytes.Buffer
			if code := run(t.Context(), []string{"-simulate", name}, noEnv, &out, &progress); code != exitComplete {
				t.Fatalf("exit code %d\n%s\n%s", code, progress.String(), out.String())
			}
			contains(t, out.String(),
				"complete\n"+name+" account", "unchanged\n"+name+" account",
				`"Parked"`, `-> "P1 - Drop everything"`, "(active): yes -> no",
				"Version 1 -> 2: 1 added,", " 1 removed", ": pass\n")
		})
	}
}

func noEnv(string) string { return "" }
