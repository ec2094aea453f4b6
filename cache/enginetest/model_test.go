package enginetest

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
)

// TestStoresOnOneFileAgainstMemory commits at random through three stores on one
// file, as three processes would, each of which reads what the others did as a
// difference to what it has; rows go, come back, change and are refreshed, and
// old versions are pruned meanwhile. All of them must show what a store in
// memory shows, and so must one that reads the file from the start.
func TestStoresOnOneFileAgainstMemory(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	options := &sqlite.Options{MaxAge: -1, Retain: 2 * time.Hour, Now: func() time.Time { return now }}
	file := filepath.Join(t.TempDir(), "cache.db")
	model := cache.NewMemory()
	stores := make([]*sqlite.Store, 3)
	for i := range stores {
		stores[i] = openFile(t, "sqlite", file, options)
	}
	ctx := t.Context()
	present := func(s cache.Store) *cache.Snapshot {
		snap, err := cache.Refresh(ctx, s, "a")
		if err != nil {
			t.Fatal(err)
		}
		return snap
	}
	for step := range 60 {
		now = now.Add(time.Duration(rnd.IntN(120)) * time.Minute)
		b := cache.Batch{At: now, Run: fmt.Sprint(step), Kinds: map[psa.Kind]cache.KindMeta{psa.KindBoard: {Fresh: now}}}
		for id := range 12 {
			ref := psa.Ref{Kind: []psa.Kind{psa.KindBoard, psa.KindTeam}[id%2], ID: fmt.Sprint(id / 2)}
			r := psa.Record{Ref: ref, Active: rnd.IntN(4) > 0, Fields: psa.Fields{"name": fmt.Sprint(rnd.IntN(3))}, Updated: now}
			switch rnd.IntN(4) {
			case 0:
				b.Put = append(b.Put, r)
			case 1:
				b.End = append(b.End, ref)
			}
		}
		s := stores[rnd.IntN(len(stores))]
		want, err := model.Commit(ctx, "a", present(model).Version(), b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(ctx, "a", present(s).Version(), b); err != nil {
			t.Fatal(err)
		}
		for i, s := range append(stores, openFile(t, "sqlite", file, options)) {
			if i < len(stores) && rnd.IntN(4) > 0 {
				continue // it will have more to catch up with
			}
			if d := cmp.Diff(contents(want), contents(present(s))); d != "" {
				t.Fatalf("step %d, store %d (-memory +sqlite):\n%s", step, i, d)
			}
		}
	}
	versions := 0
	for c, err := range stores[0].Versions(ctx, "a") {
		if err != nil {
			t.Fatal(err)
		}
		versions++
		was, err := stores[0].At(ctx, "a", c.Version)
		if err != nil {
			t.Fatal(err)
		}
		want, err := model.At(ctx, "a", c.Version)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(contents(want).Rows, contents(was).Rows, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Updated" }, cmp.Ignore())); d != "" {
			t.Fatalf("version %d (-memory +sqlite):\n%s", c.Version, d)
		}
	}
	if versions < 1 || versions > 30 {
		t.Errorf("%d commits are kept", versions)
	}
}

type content struct {
	Meta cache.Meta
	Rows []psa.Record
}

func contents(s *cache.Snapshot) content {
	c := content{Meta: s.Meta()}
	for _, kind := range s.Kinds() {
		for r := range s.All(kind) {
			c.Rows = append(c.Rows, r)
		}
	}
	return c
}
