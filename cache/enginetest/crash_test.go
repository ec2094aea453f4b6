//go:build unix

package enginetest

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
)

// The test binary runs itself as a child with childEnv set to what to do.
const (
	childEnv = "PSASYNC_ENGINETEST_CHILD" // role
	fileEnv  = "PSASYNC_ENGINETEST_FILE"  // database
	nameEnv  = "PSASYNC_ENGINETEST_NAME"  // of the child
	killsEnv = "PSASYNC_ENGINETEST_KILLS" // how often TestKill kills; default 30
)

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(childEnv); role {
	case "":
		os.Exit(m.Run())
	case "commit":
		err = commitForever(os.Getenv(fileEnv))
	case "add":
		err = addRows(os.Getenv(fileEnv), os.Getenv(nameEnv))
	case "save":
		err = saveForever(os.Getenv(fileEnv))
	case "fill":
		err = fillDisk(os.Getenv(fileEnv))
	case "fill state":
		err = fillState(os.Getenv(fileEnv))
	case "read only":
		err = useReadOnly(os.Getenv(fileEnv))
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child prepares the test binary as a child process.
func child(t *testing.T, role, file, name string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+role, fileEnv+"="+file, nameEnv+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

func openIn(ctx context.Context, file string, o *sqlite.Options) (*sqlite.Store, error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	return sqlite.New(ctx, db, o)
}

// generationOf returns the commit that a snapshot shows, and fails on a mix.
func generationOf(s *cache.Snapshot) (int64, error) {
	if s.Version() == 0 {
		return 0, nil
	}
	want := strconv.FormatInt(int64(s.Version()), 10)
	n := 0
	for _, kind := range s.Kinds() {
		for r := range s.All(kind) {
			n++
			if got, _ := r.Fields["generation"].(json.Number); got.String() != want {
				return 0, fmt.Errorf("version %s holds a row of %s", want, got)
			}
		}
	}
	if n != 15 {
		return 0, fmt.Errorf("version %s has %d rows", want, n)
	}
	if run := s.Meta().Run; run != want {
		return 0, fmt.Errorf("version %s has the meta data of run %s", want, run)
	}
	return int64(s.Version()), nil
}

// commitForever commits generation after generation and prints each once it is
// acknowledged, until it is killed.
func commitForever(file string) error {
	ctx := context.Background()
	s, err := openIn(ctx, file, nil)
	if err != nil {
		return err
	}
	for {
		snap, err := s.Current(ctx, "a")
		if err != nil {
			return err
		}
		n := int64(snap.Version()) + 1
		if snap, err = s.Commit(ctx, "a", snap.Version(), cache.Batch{Put: generation(n), Run: strconv.FormatInt(n, 10), Audit: []byte(`{}`)}); err != nil {
			return err
		}
		if _, err := fmt.Println(snap.Version()); err != nil {
			return err
		}
	}
}

// TestKill kills a process that commits, over and over, and looks at what is
// left: every acknowledged commit is there, none in part, and the tables agree
// with each other.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 30
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		kills = n
	}
	file := filepath.Join(t.TempDir(), "cache.db")
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	acked, last := int64(0), int64(0)
	for range kills {
		acked = max(acked, killOne(t, "commit", file, 1+rnd.IntN(4), time.Duration(rnd.IntN(2000))*time.Microsecond))
		last = inspect(t, file)
		if last < acked {
			t.Fatalf("commit %d was acknowledged, and %d is the last one stored", acked, last)
		}
	}
	if acked < int64(kills) {
		t.Errorf("%d kills saw only %d commits", kills, acked)
	}
	t.Logf("%d kills, %d commits acknowledged, %d stored", kills, acked, last)
}

// killOne runs a child, kills it some time after its commits-th commit, and
// returns the last one that it acknowledged.
func killOne(t *testing.T, role, file string, commits int, wait time.Duration) int64 {
	t.Helper()
	cmd := child(t, role, file, "")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	acked := int64(0)
	ack := func() bool {
		line, err := lines.ReadString('\n')
		if err != nil {
			return false // a line cut short was not acknowledged
		}
		if acked, err = strconv.ParseInt(strings.TrimSpace(line), 10, 64); err != nil {
			t.Fatal(err)
		}
		return true
	}
	for range commits {
		if !ack() {
			t.Fatal("the child ended by itself")
		}
	}
	<-time.After(wait) // the point of it: anywhere in a commit
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for ack() { //nolint:revive // what was in the pipe still
	}
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return acked
}

// inspect opens what a killed process left and checks all of it.
func inspect(t *testing.T, file string) int64 {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	snap, err := s.Current(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	n, err := generationOf(snap)
	if err != nil {
		t.Fatal(err)
	}
	want := snap.Version()
	for change, err := range s.Versions(t.Context(), "a") {
		if err != nil {
			t.Fatal(err)
		}
		if change.Version != want {
			t.Fatalf("the commit of version %d is missing, there is %d", want, change.Version)
		}
		want--
	}
	if want != 0 {
		t.Fatalf("the commit of version %d is missing", want)
	}
	if n > 1 {
		former, err := s.At(t.Context(), "a", snap.Version()-1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := generationOf(former); err != nil {
			t.Fatal(err)
		}
	}
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity_check: %s, %v", verdict, err)
	}
	for what, query := range map[string]string{
		"rows of no source":                                  `SELECT count(*) FROM psasync_row WHERE source NOT IN (SELECT id FROM psasync_source)`,
		"rows of a later version":                            `SELECT count(*) FROM psasync_row r JOIN psasync_source s ON s.id = r.source WHERE r.began > s.version OR r.ended > s.version OR r.rev > s.rev`,
		"rows that end before they begin":                    `SELECT count(*) FROM psasync_row WHERE ended <= began`,
		"versions in the meta data that are not the table's": `SELECT count(*) FROM psasync_source WHERE json_extract(meta, '$.version') <> version`,
	} {
		var bad int
		if err := db.QueryRowContext(t.Context(), query).Scan(&bad); err != nil || bad > 0 {
			t.Fatalf("%s: %d, %v", what, bad, err)
		}
	}
	return n
}

// addRows adds rows of its own name in commits that race with those of others.
func addRows(file, name string) error {
	ctx := context.Background()
	s, err := openIn(ctx, file, &sqlite.Options{BusyTimeout: 30 * time.Second})
	if err != nil {
		return err
	}
	stale := 0
	for i := range rowsPerAdder {
		for {
			snap, err := s.Current(ctx, "a")
			if err != nil {
				return err
			}
			r := psa.Record{Ref: psa.Ref{Kind: psa.KindTeam, ID: fmt.Sprintf("%s/%d", name, i)}, Active: true, Fields: psa.Fields{"name": name}}
			_, err = s.Commit(ctx, "a", snap.Version(), cache.Batch{Put: []psa.Record{r}})
			if errors.Is(err, cache.ErrStale) {
				stale++
				continue // Current knows the other's commit by now
			}
			if err != nil {
				return err
			}
			break
		}
	}
	fmt.Println(stale)
	return s.Close()
}

const rowsPerAdder = 40

// TestTwoProcesses has processes commit to one source of one file, new at the
// start, while this one reads.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cache.db")
	type result struct {
		out string
		err error
	}
	names := []string{"one", "two", "three"}
	results := make(chan result, len(names))
	for _, name := range names {
		cmd := child(t, "add", file, name)
		go func() {
			out, err := cmd.Output()
			results <- result{string(out), err}
		}()
	}
	s := openFile(t, "sqlite", file, &sqlite.Options{MaxAge: time.Millisecond, BusyTimeout: 30 * time.Second})
	running, last := len(names), cache.Version(0)
	for running > 0 {
		snap, err := s.Current(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if snap.Version() < last || int(snap.Version()) != snap.Len(psa.KindTeam) {
			t.Fatalf("version %d with %d rows after version %d", snap.Version(), snap.Len(psa.KindTeam), last)
		}
		last = snap.Version()
		select {
		case r := <-results:
			if r.err != nil {
				t.Fatal(r.err)
			}
			t.Logf("%s commits were stale", strings.TrimSpace(r.out))
			running--
		default:
		}
	}
	snap, err := s.Refresh(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if n := snap.Len(psa.KindTeam); n != len(names)*rowsPerAdder {
		t.Errorf("%d of %d rows are there", n, len(names)*rowsPerAdder)
	}
}

// fillDisk commits under a limit of the file size until the commit fails, and
// then checks that the old state is whole.
func fillDisk(file string) error {
	// Without this the limit ends the process instead of the write.
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	s, err := openIn(ctx, file, nil)
	if err != nil {
		return err
	}
	limit := syscall.Rlimit{Cur: 200 << 10, Max: 200 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for {
		snap, err := s.Current(ctx, "a")
		if err != nil {
			return err
		}
		n := int64(snap.Version()) + 1
		_, err = s.Commit(ctx, "a", snap.Version(), cache.Batch{Put: generation(n), Run: strconv.FormatInt(n, 10)})
		now, readErr := s.Refresh(ctx, "a")
		if readErr != nil {
			return readErr
		}
		stored, mix := generationOf(now)
		switch {
		case mix != nil:
			return mix
		case err == nil && n > 100_000:
			return errors.New("the limit was never reached")
		case err != nil && stored != n-1:
			return fmt.Errorf("version %d is stored after a failed commit of %d", stored, n)
		case err != nil:
			fmt.Println(stored)
			fmt.Println(psa.ErrorClass(err))
			fmt.Println(err)
			return s.Close()
		}
	}
}

// TestFileTooLarge lets a process run into RLIMIT_FSIZE while it commits.
func TestFileTooLarge(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cache.db")
	out, err := child(t, "fill", file, "").Output()
	if err != nil {
		t.Fatal(err)
	}
	said, failure, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	class, message, _ := strings.Cut(failure, "\n")
	stored := inspect(t, file) // and it opens without the limit
	if said != strconv.FormatInt(stored, 10) || stored == 0 {
		t.Errorf("the process stored %s versions, and %d are there", said, stored)
	}
	if class != psa.ErrUnavailable.Error() || !strings.HasPrefix(message, "cache/sqlite: commit a: ") {
		t.Errorf("the error is %q, its class %q", message, class)
	}
	t.Log(message)
}
