//go:build unix

package enginetest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
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

// linksPerSave is how many links one save changes; all of them, and all else
// in the batch, say which save it was.
const linksPerSave = 5

func savedBatch(n int64) cache.StateBatch {
	text := strconv.FormatInt(n, 10)
	f := psa.Fields{"n": json.Number(text)}
	b := cache.StateBatch{
		Tasks:    []cache.Task{{ID: "t", Rev: n - 1, Type: "retry", Since: time.Unix(n, 0), Tries: int(n)}},
		Cursors:  []cache.Cursor{{Kind: psa.KindTicket, After: text}},
		Seen:     []cache.Seen{{Kind: psa.KindTicket, ID: "1", Hash: psa.Hash{1, byte(n), byte(n >> 8), byte(n >> 16)}}},
		Settings: map[string]string{"n": text},
		Audits:   []cache.Audit{{Op: "save", Link: "k0", Run: text}},
		Synced:   n%2 == 0,
	}
	for i := range linksPerSave {
		b.Links = append(b.Links, cache.Link{Key: fmt.Sprint("k", i), Rev: n - 1, Kind: psa.KindTicket, IDs: [2]string{fmt.Sprint(i), fmt.Sprint(i, "/", n)}, Base: [2]psa.Fields{f, f}, Reason: text})
	}
	return b
}

// saveForever saves one batch after the other and prints each once it is
// acknowledged, until it is killed.
func saveForever(file string) error {
	ctx := context.Background()
	s, err := openIn(ctx, file, nil)
	if err != nil {
		return err
	}
	t, _, err := s.Task(ctx, "a", "t")
	if err != nil {
		return err
	}
	for n := t.Rev + 1; ; n++ {
		if err := s.Save(ctx, "a", savedBatch(n)); err != nil {
			return err
		}
		if _, err := fmt.Println(n); err != nil {
			return err
		}
	}
}

// fillState saves under a limit of the file size until that fails, and then
// checks that the last save is whole.
func fillState(file string) error {
	signal.Ignore(syscall.SIGXFSZ) // which would end the process instead of the write
	ctx := context.Background()
	s, err := openIn(ctx, file, nil)
	if err != nil {
		return err
	}
	limit := syscall.Rlimit{Cur: 400 << 10, Max: 400 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for n := int64(1); ; n++ {
		failed := s.Save(ctx, "a", savedBatch(n))
		if failed == nil && n < 100_000 {
			continue
		}
		t, _, err := s.Task(ctx, "a", "t")
		if err != nil {
			return err
		}
		fmt.Println(t.Rev, n-1)
		fmt.Println(psa.ErrorClass(failed))
		fmt.Println(failed)
		return s.Close()
	}
}

// TestSaveTooLarge lets a process run into RLIMIT_FSIZE while it saves.
func TestSaveTooLarge(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	out, err := child(t, "fill state", file, "").Output()
	if err != nil {
		t.Fatal(err)
	}
	said, failure, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	class, message, _ := strings.Cut(failure, "\n")
	stored := inspectState(t, file) // and it opens without the limit
	if want := fmt.Sprint(stored, stored); said != want || stored == 0 {
		t.Errorf("the process stored %q, and %d saves are there", said, stored)
	}
	if class != psa.ErrUnavailable.Error() || !strings.HasPrefix(message, "cache/sqlite: save a: ") {
		t.Errorf("the error is %q, its class %q", message, class)
	}
	t.Log(message)
}

// TestKillSave kills a process that saves, over and over: every acknowledged
// save is there, and none in part.
func TestKillSave(t *testing.T) {
	t.Parallel()
	const kills = 20
	file := filepath.Join(t.TempDir(), "state.db")
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	acked, last := int64(0), int64(0)
	for range kills {
		acked = max(acked, killOne(t, "save", file, 1+rnd.IntN(4), time.Duration(rnd.IntN(2000))*time.Microsecond))
		if last = inspectState(t, file); last < acked {
			t.Fatalf("save %d was acknowledged, and %d is the last one stored", acked, last)
		}
	}
	if acked < kills {
		t.Errorf("%d kills saw only %d saves", kills, acked)
	}
	t.Logf("%d kills, %d saves acknowledged, %d stored", kills, acked, last)
}

// inspectState checks all of what a killed process left, and returns the last
// save.
func inspectState(t *testing.T, file string) int64 {
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
	task, _, err := s.Task(t.Context(), "a", "t")
	if err != nil {
		t.Fatal(err)
	}
	n := task.Rev
	want := savedBatch(n)
	links := 0
	for l, err := range s.Links(t.Context(), "a", cache.LinkQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		w := want.Links[links]
		if links++; l.Rev != n || l.IDs != w.IDs || l.Reason != w.Reason || !l.Base[0].Equal(w.Base[0]) || !l.Base[1].Equal(w.Base[1]) {
			t.Fatalf("save %d holds link %+v", n, l)
		}
	}
	entries := int64(0)
	for a, err := range s.Audits(t.Context(), "a", cache.AuditQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if a.Run != strconv.FormatInt(n-entries, 10) {
			t.Fatalf("audit entry %d of save %d is of %s", entries, n, a.Run)
		}
		entries++
	}
	cursor, err := s.Cursor(t.Context(), "a", cache.Left, psa.KindTicket)
	if err != nil {
		t.Fatal(err)
	}
	setting, err := s.Setting(t.Context(), "a", "n")
	if err != nil {
		t.Fatal(err)
	}
	known, err := s.Seen(t.Context(), "a", cache.Left, psa.KindTicket, true)
	if err != nil {
		t.Fatal(err)
	}
	_, seen := known.Known(want.Seen[0].Hash)
	if n > 0 && (links != linksPerSave || entries != n || task.Tries != int(n) || cursor.After != setting || setting != strconv.FormatInt(n, 10) || !seen) {
		t.Fatalf("save %d: %d links, %d audit entries, task %d, cursor %q, setting %q, hash %v", n, links, entries, task.Tries, cursor.After, setting, seen)
	}
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity_check: %s, %v", verdict, err)
	}
	return n
}
