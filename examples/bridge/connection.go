package main

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/resync"
)

//go:embed maps/*.yaml
var files embed.FS

// A connection is a PSA on the left, the help desk's database on the right, and
// the file that remembers what both agreed on.
type connection struct {
	psa    psa.Provider
	host   *hostdb.Provider
	store  *database
	m      *mapping.Map
	source string
	now    func() time.Time
	report func(*resync.Report) // told of every resync; nil: nobody

	hostDB *sql.DB

	mu   sync.Mutex
	cfg  *mapping.Config
	read time.Time // when cfg was made
}

// places are where a connection keeps its things.
type places struct {
	store, host, mapFile, source string // "" is a temporary file, or the default
	now                          func() time.Time
}

// connect opens what a bridge between a PSA and the help desk needs.
func connect(ctx context.Context, p psa.Provider, at places) (c *connection, err error) {
	c = &connection{psa: p, source: cmp.Or(at.source, p.Name()+"/helpdesk"), now: at.now}
	if c.now == nil {
		c.now = time.Now
	}
	if c.m, err = loadMap(p.Name(), at.mapFile); err != nil {
		return nil, err
	}
	if c.store, err = openStore(ctx, at.store, c.now); err != nil {
		return nil, err
	}
	if c.host, err = c.openHost(ctx, cmp.Or(at.host, filepath.Join(c.store.temp, "helpdesk.db"))); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *connection) openHost(ctx context.Context, file string) (*hostdb.Provider, error) {
	var err error
	if c.hostDB, err = sql.Open("sqlite", hostdb.DSN(file)); err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	h, err := hostdb.New(ctx, c.hostDB, &hostdb.Options{Now: c.now})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	return h, nil
}

// Close closes both files.
func (c *connection) Close() error {
	var errs []error
	if c.hostDB != nil {
		errs = append(errs, c.hostDB.Close())
	}
	return errors.Join(append(errs, c.store.Close())...)
}

// loadMap reads a vendor's map of this program, or a file.
func loadMap(vendor, file string) (*mapping.Map, error) {
	var fsys fs.FS = files
	name := "maps/" + vendor + ".yaml"
	if file != "" {
		fsys, name = os.DirFS(filepath.Dir(file)), filepath.Base(file)
	}
	m, err := mapping.Load(fsys, name, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMap, err)
	}
	return m, nil
}

// catalogs copies both systems' configuration into the store, at most once an
// hour, and returns what a map is checked and compiled against.
func (c *connection) catalogs(ctx context.Context) (*mapping.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg != nil && c.now().Sub(c.read) < time.Hour {
		return c.cfg, nil
	}
	var snaps [2]*cache.Snapshot
	for i, p := range []psa.Provider{c.psa, c.host} {
		s, err := resync.New(p, c.store, &resync.Options{Source: c.copyOf(p)})
		if err != nil {
			return nil, err
		}
		report, err := s.Run(ctx)
		if err != nil {
			return nil, fmt.Errorf("the configuration of %s: %w", p.Name(), err)
		}
		if c.report != nil {
			c.report(report)
		}
		if snaps[i], err = c.store.Current(ctx, s.Source()); err != nil {
			return nil, err
		}
	}
	cfg := c.config(snaps)
	if bad := faults(c.m.LintWith(cfg)); len(bad) > 0 {
		return nil, fmt.Errorf("%w: %s", errMap, bad[0])
	}
	c.cfg, c.read = cfg, c.now()
	return cfg, nil
}

// copyOf names the copy of a system's configuration in the store.
func (c *connection) copyOf(p psa.Provider) string { return c.source + "/" + p.Name() }

func (c *connection) config(snaps [2]*cache.Snapshot) *mapping.Config {
	return &mapping.Config{
		Left: snaps[0], Right: snaps[1], LeftFeatures: c.psa.Features(), RightFeatures: c.host.Features(),
		LeftMembers: slices.Collect(snaps[0].All(psa.KindMember)), RightMembers: slices.Collect(snaps[1].All(psa.KindMember)),
	}
}

// stored returns the configuration as the store has it, without asking anybody.
// It is psa.ErrNotFound if there is none yet.
func (c *connection) stored(ctx context.Context) (*mapping.Config, error) {
	var snaps [2]*cache.Snapshot
	for i, p := range []psa.Provider{c.psa, c.host} {
		s, err := c.store.Current(ctx, c.copyOf(p))
		if err != nil {
			return nil, err
		}
		if s.Version() == 0 {
			return nil, psa.ErrNotFound
		}
		snaps[i] = s
	}
	return c.config(snaps), nil
}

// faults are the findings that keep a map from being used.
func faults(found []psa.Finding) (out []string) {
	for _, f := range found {
		if f.Severity == psa.Failure {
			out = append(out, f.Where+": "+f.Message)
		}
	}
	return out
}

// open makes a bridge. It reads nothing yet.
func (c *connection) open(change ...func(*bridge.Options)) (*bridge.Bridge, error) {
	o := bridge.Options{
		Source: c.source, Map: c.m, Catalogs: c.catalogs, Now: c.now,
		Policy: bridge.Phase1(bridge.Left), // until somebody says otherwise: see the command phase
	}
	for _, f := range change {
		f(&o)
	}
	return bridge.New(c.psa, c.host, c.store, o)
}
