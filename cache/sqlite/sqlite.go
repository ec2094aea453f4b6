// Package sqlite keeps snapshots in a SQLite file, with history and leases. It
// imports no engine: it takes a *sql.DB that the caller opened with the driver
// of its choice.
//
// Several processes may use one file, and one file holds any number of
// sources. Commits go through one connection that the store takes out of the
// pool and sets up itself (WAL, busy timeout, BEGIN IMMEDIATE); another one
// reads. The rest of the pool, and other tables of the file, stay the
// caller's.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Options change how a [Store] works. The zero value is good.
type Options struct {
	// MaxAge is how long Current goes without looking whether another process
	// has committed. The look happens beside the caller, who gets what is
	// known; a later call sees the news. Defaults to one second; negative:
	// never look.
	MaxAge time.Duration
	// Retain is how long former versions and the audit of commits are kept.
	// Defaults to 365 days; negative: for ever.
	Retain time.Duration
	// BusyTimeout is how long a commit waits for other processes before it is
	// cache.ErrBusy. Defaults to five seconds.
	BusyTimeout time.Duration
	// Full syncs the disk at every commit. Without it a power cut may undo the
	// last commits, each as a whole; a crash of the process never does.
	Full bool
	// Now is the clock of leases, of Retain, and of batches that tell no time.
	// All processes that share a file must agree on it. Defaults to time.Now.
	Now func() time.Time
	// Logger hears of failed looks for other processes' commits. Defaults to
	// none.
	Logger *slog.Logger
}

// Store is a cache.Store, Historian, Leaser and Refresher on SQLite. It is safe
// for concurrent use.
type Store struct {
	maxAge, retain time.Duration
	now            func() time.Time
	log            *slog.Logger
	opened         time.Time

	write, read *pin // the same one where the pool has a single connection

	mu      sync.Mutex // of what follows
	sources map[string]*source
	closed  bool
	looks   sync.WaitGroup // goroutines of look
	ctx     context.Context
	stop    context.CancelFunc
}

// A source is what the store holds of one source in memory.
type source struct {
	name    string
	present atomic.Pointer[state] // nil before the first read
	looked  atomic.Int64          // when present was last known to be so, in nanoseconds after Store.opened
	looking atomic.Bool
	unsure  atomic.Bool // a COMMIT failed, and the file was not read since
}

// A state is what the file held for a source after commit rev.
type state struct {
	snap *cache.Snapshot
	id   int64 // of the source's row; 0 if it has none
	rev  int64
}

var (
	_ cache.Store     = (*Store)(nil)
	_ cache.Historian = (*Store)(nil)
	_ cache.Leaser    = (*Store)(nil)
	_ cache.Refresher = (*Store)(nil)
)

// New opens the store in a database, and creates its tables if they are not
// there. It holds two connections of the pool until Close; leave more to other
// uses of db. If the pool is limited to one, it holds that, and a read of the
// file waits for a commit. A database in memory must be limited to one
// (db.SetMaxOpenConns(1)), since each connection would have its own. The errors
// are those of package cache: ErrBusy, ErrReadOnly, ErrFull, ErrCorrupt, and
// ErrNewer; and psa.ErrUnavailable for a file that cannot be opened, read or
// written.
//
// The caller closes the store first, then db.
func New(ctx context.Context, db *sql.DB, o *Options) (*Store, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	s := &Store{
		maxAge:  cmp.Or(opts.MaxAge, time.Second),
		retain:  cmp.Or(opts.Retain, 365*24*time.Hour),
		now:     opts.Now,
		log:     cmp.Or(opts.Logger, slog.New(slog.DiscardHandler)),
		opened:  time.Now(),
		sources: map[string]*source{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	busy := cmp.Or(opts.BusyTimeout, 5*time.Second)
	s.write = newPin(db, busy, opts.Full)
	s.read = s.write
	err := s.write.do(ctx, func(c *sql.Conn) error { return migrate(ctx, c, busy, s.now()) })
	if err == nil && db.Stats().MaxOpenConnections != 1 {
		if s.write.memory {
			err = fmt.Errorf("a database in memory needs db.SetMaxOpenConns(1), or each connection has its own: %w", psa.ErrInvalid)
		} else {
			s.read = newPin(db, busy, false)
			err = s.read.do(ctx, func(*sql.Conn) error { return nil })
		}
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("cache/sqlite: open: %w", err)
	}
	return s, nil
}

// Close waits for calls under way and gives the store's connections back. It
// does not close the database. Snapshots stay usable; calls of the store are
// cache.ErrClosed from then on. Closing twice is no error.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.stop()
	s.looks.Wait()
	s.write.close()
	if s.read != s.write {
		s.read.close()
	}
	return nil
}

// source returns the state of a source.
func (s *Store) source(name string) (*source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, s.fail("open", name, cache.ErrClosed)
	}
	src := s.sources[name]
	if src == nil {
		src = &source{name: name}
		s.sources[name] = src
	}
	return src, nil
}

func (s *Store) fail(op, source string, err error) error {
	return fmt.Errorf("cache/sqlite: %s %s: %w", op, source, err)
}

// Current returns the present snapshot; see cache.Store. It reads the file on
// the first call for a source only; see Options.MaxAge.
func (s *Store) Current(ctx context.Context, name string) (*cache.Snapshot, error) {
	src, err := s.source(name)
	if err != nil {
		return nil, err
	}
	if st := src.present.Load(); st != nil {
		s.look(src)
		return st.snap, nil
	}
	st, err := s.reload(ctx, src)
	if err != nil {
		return nil, s.fail("read", name, err)
	}
	return st.snap, nil
}

// Refresh returns what is stored now, other processes' commits included.
func (s *Store) Refresh(ctx context.Context, name string) (*cache.Snapshot, error) {
	src, err := s.source(name)
	if err != nil {
		return nil, err
	}
	st, err := s.reload(ctx, src)
	if err != nil {
		return nil, s.fail("read", name, err)
	}
	return st.snap, nil
}

// look starts a read of the source unless there was one within MaxAge or one is
// under way.
func (s *Store) look(src *source) {
	due := s.maxAge >= 0 && time.Since(s.opened)-time.Duration(src.looked.Load()) >= s.maxAge
	if !due && !src.unsure.Load() || !src.looking.CompareAndSwap(false, true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		src.looking.Store(false)
		return
	}
	s.looks.Go(func() {
		defer src.looking.Store(false)
		if _, err := s.reload(s.ctx, src); err != nil && s.ctx.Err() == nil {
			s.log.Warn("cache/sqlite: could not look for commits of other processes", "source", src.name, "error", err)
			s.saw(src) // try again after MaxAge, not at every call
		}
	})
}

// saw notes that the source was read just now.
func (s *Store) saw(src *source) { src.looked.Store(int64(time.Since(s.opened))) }
