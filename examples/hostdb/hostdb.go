// Package hostdb shows a host's own SQL tables as a [psa.Provider], so that a
// bridge can keep them and a PSA in step. It is written to be copied: the
// tables of this help desk are described once, in tables.go, and the rest of
// the package derives every statement from that description.
//
// The package takes a *sql.DB that the caller opened; see [DSN] for SQLite. It
// holds no connection between two calls, nor while a list is ranged over.
package hostdb

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"time"

	"github.com/psasync/psasync/psa"
)

// Options change how a [Provider] works. The zero value is good.
type Options struct {
	// Name is the provider's short name. Defaults to "helpdesk".
	Name string
	// Login is stamped on rows that the provider writes, which tells them from
	// what people do. Defaults to "psasync".
	Login string
	// PageSize is how many rows a list reads at a time. Defaults to 500.
	PageSize int
	// BusyTimeout is how long a write waits for other writers before it is
	// psa.ErrUnavailable. Defaults to five seconds.
	BusyTimeout time.Duration
	// Now is the clock that stamps writes; it is called by many goroutines.
	// Defaults to time.Now.
	Now func() time.Time
}

// Provider is the help desk's database as a psa.Provider with every extra of
// package psa. It is safe for concurrent use, also by several processes on one
// database.
//
// Errors are *psa.Error: ErrInvalid for what the tables refuse, ErrConflict for
// an old version, a value that must be unique and a row still in use,
// ErrNotFound, ErrUnsupported, ErrDenied for a database that may not be
// written, ErrData for one that makes no sense, and ErrUnavailable for one that
// is busy or failing: after that of a write, nobody knows whether it was done.
type Provider struct {
	store
	login    string
	features psa.Features
}

var _ interface {
	psa.Provider
	psa.Counter
	psa.Checker
	psa.Instancer
	psa.ServerTimer
	psa.Finder
	psa.DeletionLister
	psa.Creator
	psa.Updater
	psa.Deleter
	psa.Canonicaliser
} = (*Provider)(nil)

// New returns the provider of a database, and creates its tables if they are
// not there. A database made by a newer release is ErrUnsupported. The caller
// closes db when the provider is not used any more.
func New(ctx context.Context, db *sql.DB, o *Options) (*Provider, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	p := &Provider{
		store: store{
			db:          db,
			name:        cmp.Or(opts.Name, "helpdesk"),
			pageSize:    cmp.Or(max(opts.PageSize, 0), 500),
			busyTimeout: cmp.Or(opts.BusyTimeout, 5*time.Second),
			now:         opts.Now,
		},
		login: cmp.Or(opts.Login, "psasync"),
	}
	if p.now == nil {
		p.now = time.Now
	}
	p.features = features(p.pageSize)
	if err := p.migrate(ctx); err != nil {
		return nil, p.fail(ctx, "open", psa.Ref{}, err)
	}
	return p, nil
}

// Name returns Options.Name.
func (p *Provider) Name() string { return p.name }

// Features says what the tables offer.
func (p *Provider) Features() psa.Features { return maps.Clone(p.features) }

// Instance identifies the database by an id that was drawn when its tables were
// created: a copy of it is the same instance, a new one is another.
func (p *Provider) Instance(ctx context.Context) (psa.Instance, error) {
	var id string
	err := p.db.QueryRowContext(ctx, `SELECT id FROM instance`).Scan(&id)
	if err != nil {
		return psa.Instance{}, p.fail(ctx, "instance", psa.Ref{}, err)
	}
	return psa.Instance{ID: p.name + ":" + id, Name: p.name}, nil
}

// ServerTime returns a stamp that no later write will go below, and that every
// row written with an earlier one is visible at. A clock alone would not do: a
// write that was stamped just before may be committed only after.
func (p *Provider) ServerTime(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := p.write(ctx, p.login, func(w *writer) (err error) {
		now, err = parseStamp(w.stamp)
		return err
	})
	return now, p.fail(ctx, "server time", psa.Ref{}, err)
}

// Check reads a row of each kind. The error is for a database that cannot be
// read at all.
func (p *Provider) Check(ctx context.Context, kinds ...psa.Kind) (psa.CheckReport, error) {
	instance, err := p.Instance(ctx)
	if err != nil {
		return psa.CheckReport{}, err
	}
	report := psa.CheckReport{Instance: instance}
	for _, kind := range kinds {
		t, err := p.offered("check", psa.Ref{Kind: kind}, psa.CanList)
		if err == nil {
			_, err = p.rows(ctx, p.db, t, condition{}, 1)
			err = p.fail(ctx, "check", psa.Ref{Kind: kind}, err)
		}
		if ctx.Err() != nil {
			return psa.CheckReport{}, err
		}
		report.Access = append(report.Access, psa.Access{Kind: kind, Err: err})
	}
	return report, nil
}
