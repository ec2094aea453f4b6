package resync_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// shapes are the tenants that stand for the three vendors.
func shapes() map[string]psatest.Tenant {
	return map[string]psatest.Tenant{"boards": psatest.Boards(), "flat": psatest.Flat(), "types": psatest.Types()}
}

// account is the tenant as the syncer sees it, with a hook before every call
// and every row, and counts of what it had to decode.
type account struct {
	*psatest.Provider
	step    func(what string)                          // before every call and every row
	list    func(psa.Kind, psa.Query) []psa.Record     // replaces the rows of a list if it returns any
	count   func(psa.Kind, psa.Query) (int, bool)      // replaces a count
	check   func(...psa.Kind) (psa.CheckReport, error) // replaces Check
	decoded atomic.Int64
	lists   atomic.Int64
	counts  atomic.Int64
	checks  atomic.Int64
}

func (a *account) at(what string) {
	if a.step != nil {
		a.step(what)
	}
}

func (a *account) List(ctx context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		a.lists.Add(1)
		a.at("list " + string(kind))
		if a.list != nil {
			if rows := a.list(kind, q); rows != nil {
				for _, rec := range rows {
					if !yield(rec, nil) {
						return
					}
				}
				return
			}
		}
		for rec, err := range a.Provider.List(ctx, kind, q) {
			if err == nil {
				a.at("row " + rec.String())
				if !rec.Unchanged && rec.Err == nil {
					a.decoded.Add(1)
				}
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func (a *account) Count(ctx context.Context, kind psa.Kind, q psa.Query) (int, error) {
	a.counts.Add(1)
	a.at("count")
	if a.count != nil {
		if n, ok := a.count(kind, q); ok {
			return n, nil
		}
	}
	return a.Provider.Count(ctx, kind, q)
}

func (a *account) Check(ctx context.Context, kinds ...psa.Kind) (psa.CheckReport, error) {
	a.checks.Add(1)
	a.at("check")
	if a.check != nil {
		return a.check(kinds...)
	}
	return a.Provider.Check(ctx, kinds...)
}

func (a *account) Instance(ctx context.Context) (psa.Instance, error) {
	a.at("instance")
	return a.Provider.Instance(ctx)
}

// ledger is a memory store that notes every batch, with hooks.
type ledger struct {
	*cache.Memory
	step    func(what string)
	before  func(cache.Batch) error // a commit does not happen if it fails
	commits []cache.Batch
	puts    int
}

func (l *ledger) at(what string) {
	if l.step != nil {
		l.step(what)
	}
}

func (l *ledger) Current(ctx context.Context, source string) (*cache.Snapshot, error) {
	l.at("current")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.Memory.Current(ctx, source)
}

func (l *ledger) Commit(ctx context.Context, source string, from cache.Version, b cache.Batch) (*cache.Snapshot, error) {
	l.at("commit")
	if l.before != nil {
		if err := l.before(b); err != nil {
			return nil, err
		}
	}
	snap, err := l.Memory.Commit(ctx, source, from, b)
	if err == nil {
		l.commits = append(l.commits, b)
		l.puts += len(b.Put) + len(b.End)
	}
	l.at("committed")
	return snap, err
}

// bench is one tenant, one store and one syncer between them.
type bench struct {
	t       *testing.T
	tenant  *account
	store   *ledger
	options resync.Options
	syncer  *resync.Syncer
	events  []resync.Event
}

const source = "acme/psa"

func newBench(t *testing.T, tenant psatest.Tenant, options resync.Options) *bench {
	t.Helper()
	b := &bench{t: t, tenant: &account{Provider: psatest.NewProvider(tenant)}, store: &ledger{Memory: cache.NewMemory()}}
	options.Source = source
	if options.Observer == nil {
		options.Observer = func(e resync.Event) { b.events = append(b.events, e) }
	}
	b.options = options
	b.syncer = b.another(options)
	return b
}

// another returns a second syncer between the same two.
func (b *bench) another(options resync.Options) *resync.Syncer {
	b.t.Helper()
	options.Source = source
	s, err := resync.New(b.tenant, b.store, &options)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// run runs and expects no error.
func (b *bench) run(options ...resync.RunOption) *resync.Report {
	b.t.Helper()
	r, err := b.syncer.Run(b.t.Context(), options...)
	if err != nil {
		b.t.Fatalf("run: %v", err)
	}
	return r
}

func (b *bench) snapshot() *cache.Snapshot {
	b.t.Helper()
	snap, err := b.store.Memory.Current(b.t.Context(), source)
	if err != nil {
		b.t.Fatal(err)
	}
	return snap
}

// rows returns all rows of a snapshot, without what does not count.
func rows(snap *cache.Snapshot) map[psa.Ref]psa.Record {
	out := map[psa.Ref]psa.Record{}
	for _, kind := range psa.ConfigKinds() {
		for rec := range snap.All(kind) {
			out[rec.Ref] = meaning(rec)
		}
	}
	return out
}

func meaning(rec psa.Record) psa.Record {
	return psa.Record{Ref: rec.Ref, Parent: rec.Parent, Active: rec.Active, Fields: rec.Fields}
}

// difference is cmp.Diff, but fast where there is none.
func difference(a, b map[psa.Ref]psa.Record) string {
	if len(a) == len(b) && maps.EqualFunc(a, b, same) {
		return ""
	}
	return cmp.Diff(a, b)
}

func same(a, b psa.Record) bool {
	return a.Ref == b.Ref && a.Parent == b.Parent && a.Active == b.Active && a.Fields.Equal(b.Fields)
}

// truth returns what the tenant shows.
func (b *bench) truth(q psa.Query) map[psa.Ref]psa.Record {
	b.t.Helper()
	out := map[psa.Ref]psa.Record{}
	features := b.tenant.Features()
	for _, kind := range features.Kinds() {
		if !kind.IsConfig() {
			continue
		}
		for rec, err := range b.tenant.Provider.List(b.t.Context(), kind, q) {
			if err != nil {
				b.t.Fatal(err)
			}
			out[rec.Ref] = meaning(rec)
		}
	}
	return out
}

// equal expects the snapshot to hold exactly what the tenant shows.
func (b *bench) equal() {
	b.t.Helper()
	if d := difference(b.truth(psa.Query{}), rows(b.snapshot())); d != "" {
		b.t.Errorf("the snapshot is not the tenant (-tenant +snapshot):\n%s", d)
	}
}

// whole returns a function that expects the snapshot to be as it is now.
func (b *bench) whole() func() {
	b.t.Helper()
	before := b.snapshot()
	want := rows(before)
	commits := len(b.store.commits)
	return func() {
		b.t.Helper()
		now := b.snapshot()
		if now.Version() != before.Version() {
			b.t.Errorf("version is %d, was %d", now.Version(), before.Version())
		}
		if d := difference(want, rows(now)); d != "" {
			b.t.Errorf("the old snapshot is not whole (-before +now):\n%s", d)
		}
		if d := cmp.Diff(before.Meta(), now.Meta()); d != "" && len(b.store.commits) == commits {
			b.t.Errorf("meta data moved without a commit (-before +now):\n%s", d)
		}
	}
}

func kindOf(t *testing.T, r *resync.Report, kind psa.Kind) resync.KindReport {
	t.Helper()
	i := slices.IndexFunc(r.Kinds, func(k resync.KindReport) bool { return k.Kind == kind })
	if i < 0 {
		t.Fatalf("the report has no %s", kind)
	}
	return r.Kinds[i]
}

func ref(kind psa.Kind, id string) psa.Ref { return psa.Ref{Kind: kind, ID: id} }

const hour = time.Hour

func containsAll(s string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
}

// wait lets virtual time pass inside a synctest bubble.
func wait(d time.Duration) { <-time.After(d) }
