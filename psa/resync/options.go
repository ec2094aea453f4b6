package resync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/psasync/psasync/psa"
)

// Options of a [Syncer]. The zero Options are the documented defaults.
type Options struct {
	// Source is the name of this connection, e.g. "acme/connectwise"; every
	// stored row is filed under it. Defaults to the provider's name.
	Source string
	// Kinds to copy. Defaults to every configuration kind the provider lists.
	// Kinds of the snapshot that are not named here are left as they are; one
	// that the provider does not list any more is stale from then on.
	Kinds []psa.Kind
	// ActiveOnly drops inactive rows. They are kept and marked by default.
	// Switched on or off between runs, the next one removes or adds them; the
	// guard does not count rows that were inactive before.
	ActiveOnly bool
	// Concurrency is how many lists are read at a time. Defaults to 8.
	Concurrency int
	// Guard says how many rows a kind may lose without confirmation.
	Guard Guard
	// Partial says what happens when some kinds could not be read completely.
	// Defaults to CommitComplete.
	Partial PartialPolicy
	// Impact is asked, in this order, what a change breaks; field maps are one.
	Impact []Impact
	// RefuseImpact stops the commit with ErrImpact when an Impact finds a
	// psa.Failure or cannot answer.
	RefuseImpact bool
	// MinInterval is how soon after a successful run another one starts. A
	// caller that comes earlier gets the last report, marked as repeated. 0 is
	// no limit. A run with Accept is never held off.
	MinInterval time.Duration
	// SlowAfter is how long a run may take before an event and the report say
	// that it is slow. 0 is no limit.
	SlowAfter time.Duration
	// Schedule is when Loop runs.
	Schedule Schedule
	// Holder names this process to others that find the source leased.
	// Defaults to the host name and process id.
	Holder string
	// LeaseTTL is how long a lease outlives a process that died, where the store
	// has leases. Defaults to one minute.
	LeaseTTL time.Duration
	// ReportRows bounds every list of rows and findings in a report; counts are
	// exact. Defaults to 100.
	ReportRows int
	// Observer is told how runs go on, in order and never concurrently for one
	// run. It must return soon, since the run waits for it, and must not call
	// the Syncer. nil: nobody is told.
	Observer func(Event)
}

// A PartialPolicy says what becomes of a run that could not read everything.
type PartialPolicy uint8

// The policies.
const (
	// CommitComplete commits what was read completely; the rest stays as it
	// was and says that it is stale.
	CommitComplete PartialPolicy = iota
	// RefusePartial commits no row and returns ErrPartial.
	RefusePartial
)

// Errors of a run that stops before its commit; see also [ErrTooManyRemovals].
var (
	// ErrPartial says that some kinds could not be read and Options.Partial
	// refuses to commit the others.
	ErrPartial = errors.New("not everything could be read")
	// ErrImpact says that the change breaks a registered map and
	// Options.RefuseImpact refuses to commit it.
	ErrImpact = errors.New("the change breaks a registered map")
)

// An Impact is asked what a change of the configuration breaks. old and new
// are immutable; old is empty before the first commit. Findings describe new;
// an error means that nothing could be said.
type Impact interface {
	Impact(ctx context.Context, old, new psa.Catalog) ([]psa.Finding, error)
}

// A RunOption changes one call of [Syncer.Run].
type RunOption struct{ token string }

// Accept confirms the removals that token names, see [Report.Token] and
// [RemovalError]. If the run would remove anything else and the guard objects,
// it is refused again.
func Accept(token string) RunOption { return RunOption{token: token} }

// withDefaults returns options that need no further look, or every reason why
// these cannot work with the provider.
func (o *Options) withDefaults(p psa.Provider) (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("resync: "+format, args...)) }

	if out.Source == "" {
		out.Source = p.Name()
	}
	if out.Source == "" {
		bad("Options.Source is empty and the provider has no name")
	}
	out.Kinds = slices.Clone(out.Kinds)
	if out.Kinds == nil {
		out.Kinds = slices.DeleteFunc(p.Features().Kinds(), func(k psa.Kind) bool { return !k.IsConfig() })
	}
	if len(out.Kinds) == 0 {
		bad("no kind to copy")
	}
	errs = append(errs, checkKinds(p, out.Kinds)...)
	if err := out.Guard.check(); err != nil {
		errs = append(errs, err)
	}
	for name, v := range map[string]int{"Concurrency": out.Concurrency, "ReportRows": out.ReportRows} {
		if v < 0 {
			bad("Options.%s is %d", name, v)
		}
	}
	for name, d := range map[string]time.Duration{"MinInterval": out.MinInterval, "SlowAfter": out.SlowAfter, "LeaseTTL": out.LeaseTTL} {
		if d < 0 {
			bad("Options.%s is %s", name, d)
		}
	}
	if out.Partial > RefusePartial {
		bad("Options.Partial is %d", out.Partial)
	}
	if slices.Contains(out.Impact, nil) {
		bad("Options.Impact holds a nil")
	}
	out.Guard = out.Guard.withDefaults()
	out.Concurrency = defaulted(out.Concurrency, 8)
	out.ReportRows = defaulted(out.ReportRows, 100)
	out.LeaseTTL = defaulted(out.LeaseTTL, time.Minute)
	if out.Holder == "" {
		out.Holder = holder()
	}
	return out, errors.Join(errs...)
}

func defaulted[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func checkKinds(p psa.Provider, kinds []psa.Kind) (errs []error) {
	features := p.Features()
	seen := map[psa.Kind]bool{}
	for _, k := range kinds {
		up := k
		for range kinds {
			if up = features[up].Parent; up == k && features[k].PerParent {
				errs = append(errs, fmt.Errorf("resync: kind %q is listed by parents that are listed by it", k))
				break
			}
		}
	}
	for _, k := range kinds {
		reason := ""
		switch {
		case !k.IsConfig():
			reason = "it is no configuration kind"
		case seen[k]:
			reason = "it is named twice"
		case !features.Can(k, psa.CanList):
			if reason = features[k].Missing[psa.CanList]; reason == "" {
				reason = p.Name() + " does not offer it"
			}
		}
		seen[k] = true
		if reason != "" {
			errs = append(errs, fmt.Errorf("resync: kind %q cannot be copied: %s", k, reason))
		}
	}
	return errs
}
