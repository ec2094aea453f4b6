package endtoend

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
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

	_ "modernc.org/sqlite" // the engine of these tests

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// killEnv names the database that this process resyncs until it is killed.
const killEnv = "PSASYNC_KILL_DB"

func TestMain(m *testing.M) {
	if file := os.Getenv(killEnv); file != "" {
		if err := resyncForEver(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if job := os.Getenv(bridgeKillEnv); job != "" {
		if err := bridgeForEver(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(watched(all(), os.Stdout, m.Run))
}

// Every row of these lists is renamed between two runs, so that a snapshot
// that mixes two states of the account shows.
var renamed = map[string]psa.Kind{"/service/priorities": psa.KindPriority, "/service/sources": psa.KindTicketSource, "/company/companies/types": psa.KindCompanyType}

// resyncForEver prints "phase NAME" when a phase begins and "ack VERSION"
// after each commit.
func resyncForEver(file string) error {
	ctx := context.Background()
	store, err := openStore(ctx, file)
	if err != nil {
		return err
	}
	tenant := connectwisetest.Small()
	srv := connectwisetest.NewServer(tenant, &connectwisetest.Options{InProcess: true, Limit: connectwisetest.Limit{Requests: -1}, Latency: time.Millisecond})
	p, err := newProvider(srv)
	if err != nil {
		return err
	}
	syncer, err := resync.New(p, store, &resync.Options{
		Source: source, LeaseTTL: 200 * time.Millisecond, // a killed holder shall not be waited for
		Observer: func(e resync.Event) {
			if e.Type == resync.Entered {
				fmt.Println("phase", e.Phase)
			}
		},
	})
	if err != nil {
		return err
	}
	snap, err := store.Current(ctx, source)
	if err != nil {
		return err
	}
	for gen := int(snap.Version()) + 1; ; gen++ {
		rename(tenant, renamed, gen)
		r, err := syncer.Run(ctx)
		if errors.Is(err, cache.ErrLeased) || errors.Is(err, cache.ErrFenced) {
			gen-- // of the one before, which runs out in a moment; or on a slow machine, too late renewed
			continue
		}
		if err != nil {
			return err
		}
		fmt.Println("ack", r.Version)
	}
}

func openStore(ctx context.Context, file string) (*sqlite.Store, error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	return sqlite.New(ctx, db, &sqlite.Options{Full: true})
}

// TestKill kills a process that resyncs, in every phase. What it acknowledged
// is there, and a snapshot never mixes two states of the account.
func TestKill(t *testing.T) {
	kills := 24
	if n, err := strconv.Atoi(os.Getenv("PSASYNC_KILLS")); err == nil {
		kills = n
	}
	file := filepath.Join(t.TempDir(), "kill.db")
	watch := newWatch(t)
	srv := cwServer(t, connectwisetest.Small(), connectwisetest.Options{}) // as the child has it
	watch.plant(valuesOf(srv)...)
	rnd := rand.New(rand.NewPCG(1, 2))
	died := map[string]int{}
	acked := cache.Version(0)
	phases := []string{"prepare", "collect", "process", "update"}
	for i := range kills {
		// Die a moment after this phase has begun, in this or a later run.
		phase := phases[i%len(phases)]
		delay := time.Duration(rnd.IntN(4000)) * time.Microsecond
		if phase == "process" {
			delay /= 10 // it is short
		}
		version, at := killed(t, watch, file, phase, 1+rnd.IntN(3), delay)
		died[at]++
		acked = max(acked, version)
		if err := watch.file(t.Context(), inRows, file); err != nil {
			t.Fatal(err)
		}
		check(t, file, acked)
	}
	t.Logf("%d kills, %v, version %d acknowledged", kills, died, acked)
	for _, p := range phases {
		if died[p] == 0 {
			t.Errorf("never killed in phase %s: %v", p, died)
		}
	}
	if acked < 2 {
		t.Errorf("only version %d was acknowledged", acked)
	}
}

// killed runs the child, kills it and returns what it said.
func killed(t *testing.T, watch *watch, file, phase string, nth int, delay time.Duration) (version cache.Version, at string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), killEnv+"="+file)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		watch.tell(inOutput, "%s", lines.Text())
		f := strings.Fields(lines.Text())
		switch f[0] {
		case "ack":
			v, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			version = cache.Version(v)
		case "phase":
			if at = f[1]; at != phase {
				continue
			}
			if nth--; nth == 0 {
				time.AfterFunc(delay, func() {
					if err := cmd.Process.Kill(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child was not killed: %v\n%s", err, stderr.String())
	}
	return version, at
}

// check looks at the file as the next process would.
func check(t *testing.T, file string, acked cache.Version) {
	t.Helper()
	version, states := reopened(t, file, source, renamed)
	if version < acked {
		t.Fatalf("version %d, but %d was acknowledged", version, acked)
	}
	if len(states) > 1 {
		t.Fatalf("version %d mixes the account's states %v", version, states)
	}
	if version > 0 && len(states) == 0 {
		t.Fatalf("version %d has no rows", version)
	}
}

// reopened opens the file like the next process would. It returns the version
// of a source, and which states of the account its rows of these kinds tell of.
func reopened(t *testing.T, file, source string, kinds map[string]psa.Kind) (cache.Version, []string) {
	t.Helper()
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity: %s, %v", verdict, err)
	}
	store, err := sqlite.New(ctx, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	snap, err := store.Current(ctx, source)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, kind := range kinds {
		for rec := range snap.All(kind) {
			_, g, _ := strings.Cut(rec.Name(), " of ")
			seen[g] = true
		}
	}
	return snap.Version(), slices.Sorted(maps.Keys(seen))
}

// rename gives every row of these lists a name that tells of the state gen.
func rename(tenant *connectwisetest.Tenant, kinds map[string]psa.Kind, gen int) {
	for path := range kinds {
		for _, id := range tenant.IDs(path) {
			tenant.Update(path, id, connectwisetest.Row{"name": fmt.Sprintf("%d of %d", id, gen)})
		}
	}
}
