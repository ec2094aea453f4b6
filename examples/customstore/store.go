package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// FileStore is a cache.Store over one JSON file, for one process at a time. It
// is the pattern for a store over a host's own tables: read what was kept into
// snapshots, let Snapshot.Apply judge a batch, make the result durable, and
// only then show it.
type FileStore struct {
	path    string
	writing sync.Mutex   // one commit at a time
	mu      sync.RWMutex // of snaps; never held while the file is written
	snaps   map[string]*cache.Snapshot
}

// kept is what the file holds of a source; its JSON form loses nothing.
type kept struct {
	Meta cache.Meta
	Rows []psa.Record
}

// Open reads the store of a file, which need not exist yet.
func Open(path string) (*FileStore, error) {
	s := &FileStore{path: path, snaps: map[string]*cache.Snapshot{}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	var sources map[string]kept
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &sources); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, cache.ErrCorrupt, err)
	}
	for name, k := range sources {
		if s.snaps[name], err = cache.NewSnapshot(k.Meta, slices.Values(k.Rows)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Current returns the present snapshot.
func (s *FileStore) Current(_ context.Context, source string) (*cache.Snapshot, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if snap := s.snaps[source]; snap != nil {
		return snap, nil
	}
	return cache.Empty(source), nil
}

// Commit takes the next step.
func (s *FileStore) Commit(ctx context.Context, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	now, err := s.Current(ctx, source)
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return nil, err
	}
	next, _, err := now.Apply(from, b) // a store that keeps rows one by one writes the Delta
	if err != nil {
		return nil, err
	}
	if err := s.save(next); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.snaps[source] = next
	s.mu.Unlock()
	return next, nil
}

// save writes the file with next in the place of its source. A rename is one
// step: after a crash the file is the old one or the new one.
func (s *FileStore) save(next *cache.Snapshot) error {
	sources := map[string]kept{next.Source(): keep(next)}
	for name, snap := range s.snaps { // only Commit changes it, and it holds s.writing
		if name != next.Source() {
			sources[name] = keep(snap)
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone once it was renamed
	err = json.NewEncoder(tmp).Encode(sources)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), s.path)
}

func keep(snap *cache.Snapshot) kept {
	k := kept{Meta: snap.Meta()}
	for _, kind := range snap.Kinds() {
		k.Rows = slices.AppendSeq(k.Rows, snap.All(kind))
	}
	return k
}
