package endtoend

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
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
// too. The caller closes what it gets, in its order.
func (j killJob) open(ctx context.Context, o bridge.Options) (*bridge.Bridge, *sqlite.Store, func() error, error) {
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
	b, err := bridge.New(p, host, unleased{state}, o)
	if err != nil {
		return fail(err)
	}
	return b, state, func() error { return errors.Join(state.Close(), states.Close(), hosts.Close()) }, nil
}

// unleased hides that a store grants leases: that of a killed process would
// have to be waited for.
type unleased struct{ cache.State }

func (j killJob) psa() (*connectwise.Provider, error) {
	return connectwise.New(connectwise.Config{
		URL: j.URL, Company: j.Login.Company, ClientID: j.Login.ClientID,
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			return connectwise.Credentials{PublicKey: j.Login.PublicKey, PrivateKey: j.Login.PrivateKey}, nil
		},
	})
}

// bridgeForEver runs cycles, prints "write" at each write and "ack LINKS" after
// each cycle.
func bridgeForEver(text string) error {
	var j killJob
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	ctx := context.Background()
	b, state, _, err := j.open(ctx, bridge.Options{Observer: func(e bridge.Event) { fmt.Println(e.Type) }})
	if err != nil {
		return err
	}
	for {
		if _, err := b.Once(ctx); err != nil {
			return err
		}
		n, err := wholeLinks(ctx, state)
		if err != nil {
			return err
		}
		fmt.Println("ack", n)
	}
}

func wholeLinks(ctx context.Context, state cache.State) (n int, err error) {
	for l, err := range state.Links(ctx, bridged, cache.LinkQuery{}) {
		if err != nil {
			return 0, err
		}
		if l.State == cache.LinkLive {
			n++
		}
	}
	return n, nil
}

// TestBridgeKill kills a process that keeps a PSA and a host the same, wherever
// it is, while people work on both sides. What it acknowledged stays, nothing
// is made twice, and the next process ends what this one began.
func TestBridgeKill(t *testing.T) {
	kills := 200
	if n, err := strconv.Atoi(os.Getenv("PSASYNC_BRIDGE_KILLS")); err == nil {
		kills = n
	}
	rows := connectwisetest.Small()
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
	died, acked := map[string]int{}, 0
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
		last, n := w.killed(j, rnd)
		died[last]++
		if n > 0 && n < acked {
			t.Fatalf("%d links, %d were acknowledged", n, acked)
		}
		acked = max(acked, n)
	}
	if n, err := wholeLinks(t.Context(), w.state); err != nil || n < acked {
		t.Fatalf("%d links are left of %d acknowledged (%v)", n, acked, err)
	}
	w.settleNow()
	t.Logf("%d kills, after %v, %d links acknowledged", kills, died, acked)
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
	if died["write"] == 0 || died["list"] == 0 || died["ack"] == 0 {
		t.Errorf("the process never died after a write, in a list, or between two cycles: %v", died)
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
	b, _, closeAll, err := j.open(t.Context(), bridge.Options{Policy: bridge.Phase1(bridge.Left)})
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

// killed runs the child and kills it a moment after a write, or else after one
// of its first words. It returns the last word, and the last acknowledged number.
func (w *tandem) killed(j killJob, rnd *rand.Rand) (last string, acked int) {
	w.t.Helper()
	exe, err := os.Executable()
	w.ok(err)
	text, err := json.Marshal(j)
	w.ok(err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), bridgeKillEnv+"="+string(text))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	w.ok(err)
	w.ok(cmd.Start())
	words, delay := 1+rnd.IntN(16), time.Duration(rnd.IntN(3000))*time.Microsecond
	anywhere := rnd.IntN(2) == 0
	armed := false
	for lines := bufio.NewScanner(out); lines.Scan(); words-- {
		w.watch.tell(inOutput, "%s", lines.Text())
		f := strings.Fields(lines.Text())
		last = f[0]
		if last == "ack" {
			acked, err = strconv.Atoi(f[1])
			w.ok(err)
		}
		if !armed && (last == "write" && !anywhere || words <= 0) {
			armed = true
			time.AfterFunc(delay, func() {
				if err := cmd.Process.Kill(); err != nil {
					w.t.Error(err)
				}
			})
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		w.t.Fatalf("the child was not killed: %v\n%s", err, stderr.String())
	}
	return last, acked
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
