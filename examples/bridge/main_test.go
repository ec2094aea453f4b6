package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/internal/canary/accounts"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("missing %q in:\n%s", p, text)
		}
	}
}

// discreet looks in what the program wrote for what the simulators plant. A plan
// shows to the person who asked for it what would be written, internal notes too.
func discreet(t *testing.T, what string, text []byte, plan bool) {
	t.Helper()
	hits, err := accounts.Leaks(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		if !plan || h.Class != canary.Private {
			t.Errorf("%s holds %s", what, h)
		}
	}
}

func noEnv(string) string { return "" }

// tells checks what each story says.
func tells(t *testing.T, out string) {
	t.Helper()
	discreet(t, "the story", []byte(out), false)
	contains(t, out,
		"nothing was written: ", "none of them sends mail", "nobody got mail: 0 from the PSA, 0 from the help desk",
		`"Northwind Bakery"`, "approve match/left/company/", "-> Working", "both notes, and clients see neither",
		"0.75 hours, once", "Badge reader beeps -> Badge reader beeps (help desk)", "decided by ana", "240 -> 180",
		`"Coffee machine reports error 9" is in the PSA once and in the help desk once`,
		"the pilot is in phase 2", "phase 2: a public answer makes 0 mail from the PSA, 1 from the help desk",
		"the PSA got the last note before it was told to close", "nothing waits for a person", "a further run has nothing to do")
	if strings.Contains(out, "WRONG") {
		t.Error(out)
	}
}

// TestProgram builds the program and runs it the way a newcomer does: it tells
// the same story of every vendor, and nothing of it is wrong.
func TestProgram(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "bridge")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name := range simulations() {
		t.Run(name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), bin, "-simulate", name).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			tells(t, string(out))
		})
	}
	err := exec.CommandContext(t.Context(), bin, "-unknown").Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
		t.Errorf("%v; want exit code %d", err, exitUsage)
	}
}

// One story within this process, for the race detector.
func TestStory(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-simulate", "autotask"}, noEnv, &out, &errs); code != exitFine {
		t.Fatalf("exit code %d\n%s%s", code, errs.String(), out.String())
	}
	tells(t, out.String())
}

// A check that fails ends the program with an error.
func TestStoryThatDoesNotHold(t *testing.T) {
	var out bytes.Buffer
	s := &stage{out: &out}
	s.check(true, "fine")
	s.check(false, "%d is not %d", 1, 2)
	contains(t, out.String(), "ok     fine", "WRONG  1 is not 2")
	if len(s.wrong) != 1 {
		t.Errorf("%d checks failed, want 1", len(s.wrong))
	}
}

// The maps fit what the simulators and the help desk offer.
func TestMaps(t *testing.T) {
	for name := range simulations() {
		t.Run(name, func(t *testing.T) {
			c := &clock{now: morning()}
			sim, err := simulate(name, c)
			if err != nil {
				t.Fatal(err)
			}
			defer sim.close()
			conn, err := connect(t.Context(), sim.provider, places{now: c.Now})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			}()
			cfg, err := conn.catalogs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range conn.m.LintWith(cfg) {
				if f.Severity >= psa.Warning {
					t.Errorf("%s: %s", f.Where, f.Message)
				}
			}
			for _, kind := range []psa.Kind{psa.KindCompany, psa.KindSite, psa.KindContact, psa.KindTicket, psa.KindNote, psa.KindTimeEntry} {
				if !slices.Contains(conn.m.Kinds(), kind) {
					t.Errorf("no rules for %s", kind)
				}
			}
		})
	}
}

// shell runs the program's commands against one simulated server and one store.
type shell struct {
	t    *testing.T
	srv  *connectwisetest.Server
	env  map[string]string
	dir  string
	host *hostdb.Provider
}

func newShell(t *testing.T) *shell {
	t.Helper()
	srv := connectwisetest.NewServer(connectwisetest.Small(), nil)
	t.Cleanup(srv.Close)
	keys := srv.Credentials()
	s := &shell{t: t, srv: srv, dir: t.TempDir()}
	s.env = map[string]string{
		"CW_URL": srv.URL(), "CW_COMPANY": keys.Company, "CW_CLIENT_ID": keys.ClientID,
		"CW_PUBLIC_KEY": keys.PublicKey, "CW_PRIVATE_KEY": keys.PrivateKey,
		"HOSTDB": s.path("helpdesk.db"), "USER": "ana",
	}
	db, err := sql.Open("sqlite", hostdb.DSN(s.env["HOSTDB"]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.host, err = hostdb.New(t.Context(), db, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shell) path(name string) string { return filepath.Join(s.dir, name) }

// call runs the program and expects an exit code.
func (s *shell) call(want int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	getenv := func(name string) string { return s.env[name] }
	if got := run(s.t.Context(), args, getenv, &out, &errs); got != want {
		s.t.Fatalf("bridge %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, want, out.String(), errs.String())
	}
	discreet(s.t, strings.Join(args, " "), append(out.Bytes(), errs.Bytes()...), slices.Contains(args, "plan"))
	return out.String(), errs.String()
}

// on runs a command on the store.
func (s *shell) on(want int, args ...string) string {
	s.t.Helper()
	out, _ := s.call(want, append([]string{"-store", s.path("bridge.db")}, args...)...)
	return out
}

func (s *shell) add(kind psa.Kind, v hostdb.Values) psa.Ref {
	s.t.Helper()
	ref, err := s.host.Desk("setup").Add(s.t.Context(), kind, v)
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

// tasks returns what waits for a person.
func (s *shell) tasks(args ...string) (all []bridge.TaskView) {
	s.t.Helper()
	out := s.on(exitFine, append([]string{"-json", "conflicts"}, args...)...)
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		s.t.Fatalf("%v in:\n%s", err, out)
	}
	return all
}

// TestCommands is a connection's life from the first plan to the end.
func TestCommands(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	for _, e := range []string{"dana.ruiz@msp.example", "priya.patel@msp.example"} {
		s.add(psa.KindMember, hostdb.Values{"login": e, "first_name": "A", "last_name": "B", "email": e})
	}
	s.add(psa.KindCompany, hostdb.Values{"name": "Bluebird Dental Ltd"})
	s.add(psa.KindCompany, hostdb.Values{"name": "Acme Widgets"})

	// before anything has run
	contains(t, s.on(exitFine, "status"), "connectwise/helpdesk: running", "company: no links")
	contains(t, s.on(exitFine, "conflicts"), "Nothing waits")

	// look, then do what was seen
	plan := s.path("plan.json")
	contains(t, s.on(exitWrites, "plan", "-o", plan), "Plan for connectwise/helpdesk", "nothing was written", "Mail: the plan asks for none")
	contains(t, s.on(exitFine, "links"), "left") // a head and no pairs
	s.on(exitFine, "run", "-plan", plan)
	_, says := s.call(exitFailed, "-store", s.path("bridge.db"), "run", "-plan", plan)
	contains(t, says, "out of date", "make a new one")
	s.on(exitFine, "run")
	var rep bridge.Report
	if err := json.Unmarshal([]byte(s.on(exitFine, "-json", "run")), &rep); err != nil || rep.Writes() != 0 {
		t.Fatalf("a run with nothing to do: %v, %d writes", err, rep.Writes())
	}

	// a possible match
	match := s.tasks("-type", "match")
	i := slices.IndexFunc(match, func(t bridge.TaskView) bool { return t.Side == bridge.Left })
	if i < 0 {
		t.Fatalf("no match waits: %v", match)
	}
	id := match[i].ID
	contains(t, s.on(exitFine, "show", id), id, "candidates: ", "answers: link, create, drop")
	s.on(exitUsage, "approve", id, "4711")
	s.on(exitUsage, "resolve", id, "-take", "psa")
	contains(t, s.on(exitFine, "approve", id), "Decided by ana.")
	_, says = s.call(exitUsage, "-store", s.path("bridge.db"), "show", id)
	contains(t, says, "settled", "conflicts")
	s.on(exitFine, "run")

	// a conflict
	ticket := s.link("ticket")
	s.srv.Tenant().Update("/service/tickets", atoi(t, ticket[0]), connectwisetest.Row{"budgetHours": 2.0})
	if err := s.host.Desk("ben").Edit(t.Context(), psa.Ref{Kind: psa.KindTicket, ID: ticket[1]}, hostdb.Values{"estimate_minutes": 240}); err != nil {
		t.Fatal(err)
	}
	s.on(exitFine, "run")
	open := s.tasks("-type", "conflict")
	if len(open) != 1 || open[0].Group != "budget_hours" {
		t.Fatalf("open: %+v", open)
	}
	s.on(exitUsage, "resolve", open[0].ID)
	s.on(exitUsage, "resolve", open[0].ID, "-values", "{")
	s.on(exitUsage, "resolve", open[0].ID, "-values", `{"summary": "x"}`)
	contains(t, s.on(exitFine, "resolve", open[0].ID, "-values", `{"budget_hours": 3}`, "-later"), "The next run does it.")
	contains(t, s.on(exitFine, "show", open[0].ID), "answered by ana: values")
	s.on(exitFine, "run")
	if len(s.tasks("-type", "conflict")) != 0 {
		t.Error("the conflict is still there")
	}
	if got := s.srv.Tenant().Get("/service/tickets", atoi(t, ticket[0]))["budgetHours"]; got != 3.0 && got != 3 {
		t.Errorf("the PSA's estimate is %v", got)
	}

	// phases
	company := s.link("company")[0]
	contains(t, s.on(exitFine, "phase", "2", company), "company "+company)
	contains(t, s.on(exitFine, "phase"), "connection: phase 1", "company "+company+": phase 2")
	contains(t, s.on(exitFine, "-json", "phase"), `"`+company+`": "2"`)
	s.on(exitUsage, "phase", "7")
	s.on(exitUsage, "phase", "2", "4711")
	s.on(exitFine, "run")
	contains(t, s.on(exitFine, "readiness", company), "ready for the next phase")

	// stop and go on
	contains(t, s.on(exitFine, "pause", "month end"), "resume")
	contains(t, s.on(exitFine, "status"), "PAUSED: month end")
	_, says = s.call(exitPaused, "-store", s.path("bridge.db"), "run")
	contains(t, says, "month end")
	s.on(exitFine, "resume")
	s.on(exitFine, "pause", "-kind", "note")
	s.on(exitUsage, "pause", "-kind", "tickets")
	contains(t, s.on(exitFine, "status"), "note: ", "PAUSED: paused by a person")
	s.on(exitFine, "resume", "-kind", "note")

	// what fails is told, and tried again
	contains(t, s.on(exitFine, "quarantine"), "No record failed.")
	contains(t, s.on(exitFine, "quarantine", "-retry"), "0 records")
	s.srv.Deny("GET", "/service/tickets")
	s.on(exitIncomplete, "run")
	s.srv.AllowAll()
	s.on(exitFine, "run")

	// the end, and a new beginning
	pairs := s.on(exitFine, "links")
	contains(t, pairs, company)
	contains(t, s.on(exitFine, "disconnect"), "disconnect")
	s.on(exitPaused, "run")
	_, says = s.call(exitPaused, "-store", s.path("bridge.db"), "resume")
	contains(t, says, "disconnected")
	if err := os.WriteFile(s.path("links.csv"), []byte(pairs), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := s.call(exitFine, "-store", s.path("new.db"), "-source", "again", "links", "-import", s.path("links.csv"))
	contains(t, out, "pairs taken over")
	out, _ = s.call(exitFine, "-store", s.path("new.db"), "-source", "again", "links")
	if got, want := strings.Count(out, "\n"), strings.Count(pairs, "\n"); got != want {
		t.Errorf("%d lines of links, want %d", got, want)
	}
}

// link returns the ids of the first live pair of a kind.
func (s *shell) link(kind string) [2]string {
	s.t.Helper()
	for _, line := range strings.Split(s.on(exitFine, "links"), "\n") {
		if f := strings.Split(line, ","); len(f) > 3 && f[2] == kind {
			return [2]string{f[0], f[1]}
		}
	}
	s.t.Fatalf("no link of kind %s", kind)
	return [2]string{}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A run every so often goes on until it is told to stop.
func TestRunEvery(t *testing.T) {
	s := newShell(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	runs := 0
	out := writerFunc(func(b []byte) (int, error) {
		if runs++; runs == 3 {
			stop()
		}
		return len(b), nil
	})
	var errs bytes.Buffer
	getenv := func(name string) string { return s.env[name] }
	if code := run(ctx, []string{"-store", s.path("bridge.db"), "run", "-every", "1ms"}, getenv, out, &errs); code != exitFine || runs < 3 {
		t.Errorf("exit code %d after %d reports\n%s", code, runs, errs.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestUsage(t *testing.T) {
	s := newShell(t)
	_, help := s.call(exitFine, "-h")
	for _, code := range []string{"0  ", "1  ", "2  ", "3  ", "4  ", "5  ", "6  ", "7  "} {
		contains(t, help, "\n  "+code)
	}
	contains(t, help, "plan", "quarantine", "-simulate")
	store := []string{"-store", s.path("bridge.db")}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-unknown"}, "-unknown"},
		{[]string{"-simulate", "jira"}, "jira"},
		{[]string{"now"}, `"now"`},
		{[]string{"plan"}, "-store bridge.db"},
		{append(store, "plan", "x"), `"x"`},
		{append(store, "plan", "-x"), "-x"},
		{append(store, "-provider", "jira", "plan"), "jira"},
		{append(store, "-provider", "halopsa", "plan"), "HALO_URL, HALO_CLIENT_ID, HALO_CLIENT_SECRET"},
		{append(store, "show"), "which task"},
		{append(store, "show", "conflict/x"), "conflict/x"},
		{append(store, "run", "-plan", s.path("none.json")), "none.json"},
		{append(store, "run", "-plan", "x", "-every", "1m"), "-plan or -every"},
		{append(store, "-map", s.path("none.yaml"), "plan"), "none.yaml"},
	} {
		_, says := s.call(exitUsage, c.args...)
		contains(t, says, c.says)
	}
	delete(s.env, "HOSTDB")
	_, says := s.call(exitUsage, append(store, "plan")...)
	contains(t, says, "HOSTDB")
	s.env["HOSTDB"] = s.path("helpdesk.db")
	right := s.env["CW_PRIVATE_KEY"]
	s.env["CW_PRIVATE_KEY"] = "wrong-key-canary"
	out, says := s.call(exitCredentials, append(store, "plan")...)
	if strings.Contains(out+says, "wrong-key-canary") {
		t.Error("a key was printed")
	}
	s.env["CW_PRIVATE_KEY"] = right
	delete(s.env, "CW_URL")
	_, says = s.call(exitUsage, append(store, "plan")...)
	contains(t, says, "-provider", "examples/simulator")
}
