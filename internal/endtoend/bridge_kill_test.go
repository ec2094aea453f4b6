package endtoend

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/resync"
)

// bridgeKillEnv holds what a process needs that runs a bridge until it is
// killed, as JSON of a killJob.
const bridgeKillEnv = "PSASYNC_KILL_BRIDGE"

// A killJob is a bridge between a PSA that the parent serves and a host's file.
type killJob struct {
	URL, Host, State string
	Login            connectwisetest.Credentials
}

// open makes the bridge of a job. The state's file holds the configuration,
// too. What the bridge saved is told to out.
func (j killJob) open(ctx context.Context, out io.Writer, o bridge.Options) (*bridge.Bridge, *sqlite.Store, func() error, error) {
	hosts, err := sql.Open("sqlite", hostdb.DSN(j.Host))
	if err != nil {
		return nil, nil, nil, err
	}
	states, err := sql.Open("sqlite", "file:"+j.State)
	if err != nil {
		return nil, nil, nil, err
	}
	fail := func(err error) (*bridge.Bridge, *sqlite.Store, func() error, error) {
		return nil, nil, nil, errors.Join(err, hosts.Close(), states.Close())
	}
	host, err := hostdb.New(ctx, hosts, nil)
	if err != nil {
		return fail(err)
	}
	state, err := sqlite.New(ctx, states, nil)
	if err != nil {
		return fail(err)
	}
	p, err := j.psa()
	if err != nil {
		return fail(err)
	}
	o.Source = bridged
	if o.Map, err = parseMap(connectwiseMap); err != nil {
		return fail(err)
	}
	left, err := state.Current(ctx, "left")
	if err != nil {
		return fail(err)
	}
	right, err := state.Current(ctx, "right")
	if err != nil {
		return fail(err)
	}
	cfg := &mapping.Config{
		Left: left, Right: right, LeftFeatures: p.Features(), RightFeatures: host.Features(),
		LeftMembers: slices.Collect(left.All(psa.KindMember)), RightMembers: slices.Collect(right.All(psa.KindMember)),
	}
	o.Catalogs = func(context.Context) (*mapping.Config, error) { return cfg, nil }
	// The host's clock is the machine's, and a killed process leaves nothing
	// under way at a server that answers at once.
	o.SearchLag, o.Retry, o.ConfirmAfter = time.Nanosecond, time.Nanosecond, time.Nanosecond
	o.Policy = bridge.Phase1(bridge.Left)
	b, err := bridge.New(p, host, acknowledged{state, out}, o)
	if err != nil {
		return fail(err)
	}
	return b, state, func() error { return errors.Join(state.Close(), states.Close(), hosts.Close()) }, nil
}

// acknowledged tells what is saved: "saved KEY REV" for each link and then
// "committed"; "drops KEY" before a link is dropped. It hides that a store
// grants leases: that of a killed process would have to be waited for.
type acknowledged struct {
	cache.State
	out io.Writer
}

func (a acknowledged) Save(ctx context.Context, source string, b cache.StateBatch) error {
	for _, key := range b.DropLinks {
		if _, err := fmt.Fprintln(a.out, "drops", key); err != nil {
			return err
		}
	}
	if err := a.State.Save(ctx, source, b); err != nil {
		return err
	}
	for _, l := range b.Links {
		if _, err := fmt.Fprintln(a.out, "saved", l.Key, l.Rev+1); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(a.out, "committed")
	return err
}

func (j killJob) psa() (*connectwise.Provider, error) {
	return connectwise.New(connectwise.Config{
		URL: j.URL, Company: j.Login.Company, ClientID: j.Login.ClientID,
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			return connectwise.Credentials{PublicKey: j.Login.PublicKey, PrivateKey: j.Login.PrivateKey}, nil
		},
	})
}

// bridgeForEver runs cycles, and resyncs the PSA's configuration into the same
// file beside them. It prints what is acknowledged, "bridge EVENT" at each event
// of the bridge and "bridge ended" after each cycle; "resync PHASE" when a phase
// begins and "version N" after each commit.
func bridgeForEver(text string) error {
	var j killJob
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	ctx := context.Background()
	b, state, _, err := j.open(ctx, os.Stdout, bridge.Options{Observer: func(e bridge.Event) { fmt.Println("bridge", e.Type) }})
	if err != nil {
		return err
	}
	ended := make(chan error)
	go func() {
		for {
			if _, err := b.Once(ctx); err != nil {
				ended <- err
				return
			}
			fmt.Println("bridge ended")
		}
	}()
	go func() { ended <- j.resyncForEver(ctx, state) }()
	return <-ended
}

// resyncForEver waits for a line after each run: the account may change then.
func (j killJob) resyncForEver(ctx context.Context, store cache.Store) error {
	p, err := j.psa()
	if err != nil {
		return err
	}
	syncer, err := resync.New(p, struct{ cache.Store }{store}, &resync.Options{ // without leases, either
		Source: "left", Kinds: slices.Collect(maps.Values(reconfigured)), // a process does not live for long
		Observer: func(e resync.Event) {
			if e.Type == resync.Entered {
				fmt.Println("resync", e.Phase)
			}
		},
	})
	if err != nil {
		return err
	}
	for lines := bufio.NewReader(os.Stdin); ; {
		r, err := syncer.Run(ctx)
		if err != nil {
			return err
		}
		fmt.Println("version", r.Version)
		if _, err := lines.ReadString('\n'); err != nil {
			return err
		}
	}
}

// savedLinks are the links, with the count of their saves.
func savedLinks(ctx context.Context, state cache.State) (map[string]int64, error) {
	out := map[string]int64{}
	for l, err := range state.Links(ctx, bridged, cache.LinkQuery{}) {
		if err != nil {
			return nil, err
		}
		out[l.Key] = l.Rev
	}
	return out, nil
}

// reconfigured are lists that the field map does not speak of. Every row of them
// is renamed while no resync runs, so that a snapshot that mixes two states of
// the account shows.
var reconfigured = map[string]psa.Kind{"/service/sources": psa.KindTicketSource, "/company/teamRoles": psa.KindCompanyTeamRole, "/company/noteTypes": psa.KindNoteType}

// TestBridgeKill kills a process that keeps a PSA and a host the same and
// resyncs the PSA's configuration beside it, wherever it is, while people work
// on both sides. After each kill both files are whole, what the process
// acknowledged is there, the snapshot tells of one state of the account, and
// nothing is made twice. The next process ends what this one began.
func TestBridgeKill(t *testing.T) {
	kills := 200
	if n, err := strconv.Atoi(os.Getenv("PSASYNC_BRIDGE_KILLS")); err == nil {
		kills = n
	}
	rows := connectwisetest.Small()
	rename(rows, reconfigured, 0)
	srv := connectwisetest.NewServer(rows, &connectwisetest.Options{Limit: connectwisetest.Limit{Requests: -1}})
	t.Cleanup(srv.Close)
	j := killJob{URL: srv.URL(), Login: srv.Credentials(), Host: filepath.Join(t.TempDir(), "host.db"), State: filepath.Join(t.TempDir(), "state.db")}
	w := killWorld(t, j, srv, rows)

	// One ticket on each side that people keep working on.
	w.settleNow()
	a, b := w.ticket("a"), w.hostTicket("b")
	w.settleNow()
	hostA, psaB := w.there(psa.KindTicket, itoa(a)), w.here(b)
	notes, hours := map[string]bool{}, []float64{}
	rnd := rand.New(rand.NewPCG(3, 4))
	c := &victims{tandem: w, job: j, rows: rows, rnd: rnd, died: map[string]int{}, saved: map[string]int64{}}
	opened := 0
	for i := range kills {
		switch text := fmt.Sprintf("word %d", i); i % 8 {
		case 0:
			w.ticket(fmt.Sprintf("opened %d", opened))
			opened++
		case 1:
			w.hostTicket(fmt.Sprintf("opened %d", opened))
			opened++
		case 2:
			w.note(a, text, i%16 == 2)
			notes[text] = i%16 == 2
		case 3, 7:
			w.comment(hostA, text, i%16 == 3)
			notes[text] = i%16 == 3
		case 4:
			h := 0.25 * float64(1+i%5)
			start := time.Now().UTC().Add(-time.Duration(i+1) * time.Hour).Truncate(time.Minute)
			_, err := w.desk().LogWork(t.Context(), hostA, start, time.Duration(h*float64(time.Hour)), text)
			w.ok(err)
			hours = append(hours, h)
		case 5:
			w.rename(psaB, text)
		case 6:
			w.ok(w.desk().Edit(t.Context(), hostA, hostdb.Values{"subject": text}))
		}
		c.kill(i%20 == 19)
		c.verify()
		c.twice(a, hostA, len(hours))
	}
	w.settleNow()
	w.ok(readInto(t.Context(), w.state.(cache.Store), "left", w.psa))
	if _, states := reopened(t, j.State, "left", reconfigured); !slices.Equal(states, []string{itoa(c.gen)}) {
		t.Errorf("the configuration tells of %v, not of %d", states, c.gen)
	}
	for i := range opened {
		text := fmt.Sprintf("opened %d", i)
		w.want(text+" here", w.named(w.psa, psa.KindTicket, "summary", text), 1)
		w.want(text+" there", w.named(w.host, psa.KindTicket, "summary", text), 1)
	}
	w.told(a, notes)
	w.balanced(a, hours...)
	w.converged()
	w.paired()
	for _, file := range []string{j.Host, j.State} {
		intact(t, file)
	}
	c.twice(a, hostA, len(hours))
	t.Logf("%d kills, after %v; %d commits of the bridge and %d versions of the configuration acknowledged; lost %d, torn %d, twice %d",
		kills, c.died, c.commits, c.versions, c.lost, c.torn, c.doubled)
	for _, at := range []string{"write", "list", "ended", "prepare", "collect", "process", "update"} {
		if c.died[at] == 0 {
			t.Errorf("the process never died in or after %q: %v", at, c.died)
		}
	}
	if c.commits < kills/4 || c.versions < kills/4 {
		t.Errorf("only %d commits and %d versions were acknowledged", c.commits, c.versions)
	}
}

// killWorld is the parent's view of both sides, after a first run.
func killWorld(t *testing.T, j killJob, srv *connectwisetest.Server, rows *connectwisetest.Tenant) *tandem {
	t.Helper()
	bench := connectwiseBenchOf(t, srv, rows)
	w := &tandem{t: t, bench: bench, file: j.Host}
	w.watched()
	p, err := j.psa()
	w.ok(err)
	w.psa = p
	w.db = openFile(t, j.Host)
	w.watch.files(t, inHost, j.Host)
	w.reopenHost()
	w.hire("tess", "Tess Tech", bench.member)
	state := w.openState(j.State)
	w.ok(readInto(t.Context(), state, "left", w.psa))
	w.ok(readInto(t.Context(), state, "right", w.host))
	b, _, closeAll, err := j.open(t.Context(), io.Discard, bridge.Options{Policy: bridge.Phase1(bridge.Left)})
	w.ok(err)
	t.Cleanup(func() { w.ok(closeAll()) })
	w.state, w.b = state, &watchedBridge{b, w.watch}
	w.opts.Map = w.parse(connectwiseMap)
	w.opts.Catalogs = w.catalogs()
	return w
}

// settleNow runs cycles, without a pause, until one writes nothing.
func (w *tandem) settleNow() {
	w.t.Helper()
	for range 20 {
		rep, err := w.b.Once(w.t.Context())
		w.ok(err)
		if rep.Writes() == 0 && len(w.waiting(bridge.TaskRetry, "close")) == 0 {
			return
		}
	}
	w.t.Fatalf("the bridge does not settle\n%s", strings.Join(w.tasks(), "\n"))
}

// victims are what processes that were killed said, and what of it was found.
type victims struct {
	*tandem
	job  killJob
	rows *connectwisetest.Tenant
	rnd  *rand.Rand

	gen     int              // state of the account's configuration
	saved   map[string]int64 // acknowledged saves of links
	version cache.Version    // acknowledged last ...
	stated  int              // ... and the state that it tells of

	died                map[string]int // by the last words of the bridge and of the resync
	commits, versions   int            // acknowledged
	lost, torn, doubled int
}

// kill runs the child and kills it a moment after a write of the bridge, after
// one of its first words, or in a phase of the resync; or else after a cycle.
func (c *victims) kill(ended bool) {
	c.t.Helper()
	exe, err := os.Executable()
	c.ok(err)
	text, err := json.Marshal(c.job)
	c.ok(err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), bridgeKillEnv+"="+string(text))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	c.ok(err)
	in, err := cmd.StdinPipe()
	c.ok(err)
	c.reconfigure()
	c.ok(cmd.Start())
	words, delay := 1+c.rnd.IntN(12), time.Duration(c.rnd.IntN(3000))*time.Microsecond
	how, phase := c.rnd.IntN(3), []string{"prepare", "collect", "process", "update"}[c.rnd.IntN(4)]
	if how == 2 && phase != "collect" {
		delay /= 10 // the others are short
	}
	last, resyncing := "start", "rest"
	armed, rest := false, 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		c.watch.tell(inOutput, "%s", lines.Text())
		f := strings.Fields(lines.Text())
		due := false
		switch f[0] {
		case "bridge":
			last = f[1]
			words--
			due = ended && last == "ended" || !ended && (how == 0 && last == "write" || how < 2 && words <= 0)
		case "saved":
			rev, err := strconv.ParseInt(f[2], 10, 64)
			c.ok(err)
			c.saved[f[1]] = rev
		case "committed":
			c.commits++
		case "drops":
			delete(c.saved, f[1])
		case "resync":
			resyncing = f[1]
			due = !ended && how == 2 && resyncing == phase
		case "version":
			v, err := strconv.ParseInt(f[1], 10, 64)
			c.ok(err)
			if resyncing = "rest"; cache.Version(v) > c.version {
				c.versions++
			}
			c.version, c.stated, rest = cache.Version(v), c.gen, 4
		}
		if rest--; rest == 0 { // the bridge went on for a while: the next run
			c.reconfigure()
			if _, err := in.Write([]byte("\n")); err != nil && !armed {
				c.t.Fatal(err)
			}
		}
		if due && !armed {
			armed = true
			time.AfterFunc(delay, func() {
				if err := cmd.Process.Kill(); err != nil {
					c.t.Error(err)
				}
			})
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		c.t.Fatalf("the child was not killed: %v\n%s", err, stderr.String())
	}
	c.died[last]++
	c.died[resyncing]++
}

// reconfigure changes the account now and then, while no resync reads it.
func (c *victims) reconfigure() {
	if c.rnd.IntN(2) == 0 {
		c.gen++
		rename(c.rows, reconfigured, c.gen)
	}
}

// verify looks at the files as the next process would.
func (c *victims) verify() {
	c.t.Helper()
	intact(c.t, c.job.Host)
	version, states := reopened(c.t, c.job.State, "left", reconfigured)
	if version < c.version {
		c.lost++
		c.t.Errorf("version %d, but %d was acknowledged", version, c.version)
	}
	if len(states) != 1 {
		c.torn++
		c.t.Errorf("version %d mixes the account's states %v", version, states)
	} else if gen, err := strconv.Atoi(states[0]); err != nil || gen < c.stated || gen > c.gen {
		c.lost++
		c.t.Errorf("version %d tells of state %q, but %d was acknowledged (%v)", version, states[0], c.stated, err)
	}
	links, err := savedLinks(c.t.Context(), c.state)
	c.ok(err)
	for key, rev := range c.saved {
		if links[key] < rev {
			c.lost++
			c.t.Errorf("%s was saved %d times, but %d were acknowledged", key, links[key], rev)
		}
	}
	c.saved = links // what was seen once stays, too
}

// twice looks for what was made twice on either side.
func (c *victims) twice(ticket int, there psa.Ref, hours int) {
	c.t.Helper()
	found := func(what string) {
		c.doubled++
		c.t.Errorf("twice: %s", what)
	}
	opened := [2]map[string]bool{{}, {}}
	for _, id := range c.rows.IDs(c.path) {
		once(opened[bridge.Left], fmt.Sprint(c.rows.Get(c.path, id)["summary"]), true)
	}
	for _, r := range c.list(c.host, psa.KindTicket, psa.Query{}) {
		once(opened[bridge.Right], r.Fields.String("summary"), true)
	}
	for s, notes := range []map[string]bool{c.texts(ticket), c.comments(there)} {
		for _, texts := range []map[string]bool{opened[s], notes} {
			for text := range texts {
				if text, ok := strings.CutSuffix(text, again); ok && (strings.HasPrefix(text, "opened ") || strings.HasPrefix(text, "word ")) {
					found(bridge.Side(s).String() + " " + text)
				}
			}
		}
	}
	if here, there := len(c.worked(ticket)), len(c.hours(there)); here > hours || there > hours {
		found(fmt.Sprintf("%d entries of time here, %d there, of %d", here, there, hours))
	}
}

// intact asks SQLite whether a file is whole.
func intact(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("%s: %s, %v", filepath.Base(file), verdict, err)
	}
}
