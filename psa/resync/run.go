package resync

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// run is one run. Its fields belong to the goroutine of do.
type run struct {
	*Syncer
	token  string // given with Accept
	report *Report
	trace  psa.Trace
	turn   chan struct{} // held while the observer is told
	phase  Phase
	since  time.Time // when phase began
	lease  cache.Lease
}

func (s *Syncer) newRun(token string) *run {
	now := time.Now().UTC()
	return &run{Syncer: s, token: token, turn: make(chan struct{}, 1), report: &Report{
		Run:      now.Format("20060102T150405Z-") + rand.Text()[:6],
		Source:   s.opts.Source,
		Provider: s.provider.Name(),
		Started:  now,
	}}
}

// emit tells the observer, one event after the other.
func (r *run) emit(e Event) {
	if r.opts.Observer == nil {
		return
	}
	e.Run, e.Time, e.Requests = r.report.Run, time.Now().UTC(), r.trace.Sum().Requests
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.opts.Observer(e)
}

// enter begins a phase.
func (r *run) enter(p Phase) {
	r.leave()
	r.phase, r.since = p, time.Now()
	r.emit(Event{Type: Entered, Phase: p})
}

// leave notes how long the phase took, all times it was entered together.
func (r *run) leave() {
	if r.phase == "" {
		return
	}
	i := slices.IndexFunc(r.report.Phases, func(p PhaseTime) bool { return p.Phase == r.phase })
	if i < 0 {
		i = len(r.report.Phases)
		r.report.Phases = append(r.report.Phases, PhaseTime{Phase: r.phase})
	}
	r.report.Phases[i].Duration += time.Since(r.since)
	r.phase = ""
}

// do runs all phases and completes the report.
func (r *run) do(ctx context.Context) (*Report, error) {
	r.emit(Event{Type: Started})
	slow := make(chan struct{})
	if r.opts.SlowAfter > 0 {
		timer := time.AfterFunc(r.opts.SlowAfter, func() {
			defer close(slow)
			r.emit(Event{Type: Slow})
		})
		defer func() {
			if !timer.Stop() {
				<-slow // it is being told right now
			}
		}()
	}
	err := r.phases(psa.WithTrace(ctx, &r.trace))
	r.leave()
	r.finish(err)
	r.emit(Event{Type: Finished, Report: r.report, Err: err})
	return r.report, err
}

// finish says in the report how the run ended.
func (r *run) finish(err error) {
	rep := r.report
	r.measure()
	if err == nil {
		return
	}
	rep.Error = reason(err)
	rep.Advice = advice(err)
	rep.Outcome = Failed
	if errors.Is(err, ErrTooManyRemovals) || errors.Is(err, ErrPartial) || errors.Is(err, ErrImpact) {
		rep.Outcome = Refused
	}
}

func (r *run) measure() {
	rep := r.report
	rep.Duration = time.Since(rep.Started)
	rep.Slow = r.opts.SlowAfter > 0 && rep.Duration > r.opts.SlowAfter
	rep.Trace = r.trace.Sum()
}

// phases is the run. An error leaves the old snapshot whole.
func (r *run) phases(ctx context.Context) (err error) {
	r.enter(Prepare)
	if !r.report.DryRun {
		var release func()
		if ctx, release, err = r.acquire(ctx); err != nil {
			return err
		}
		defer release()
	}
	old, err := cache.Refresh(ctx, r.store, r.opts.Source)
	if err != nil {
		return lost(ctx, err)
	}
	r.report.From = old.Version()
	instance, err := r.instance(ctx, old)
	if err != nil {
		return lost(ctx, err)
	}
	for again := false; ; again = true {
		started := time.Now()
		collected, err := r.collect(ctx, old)
		if err != nil {
			return lost(ctx, err)
		}
		head := cache.Batch{Instance: instance, Provider: r.provider.Name(), At: started, Run: r.report.Run}
		if r.lease != nil {
			head.Token = r.lease.Token()
		}
		base := old
		for range 2 {
			if err = r.settle(ctx, base, head, collected); !errors.Is(err, cache.ErrStale) {
				return lost(ctx, err)
			}
			if base, err = r.overtaken(ctx, err); err != nil {
				return lost(ctx, err)
			}
			if r.newer(base, started) {
				break
			}
		}
		if again {
			return fmt.Errorf("resync: another syncer keeps committing to %q: %w", r.opts.Source, cache.ErrStale)
		}
		old = base // read by somebody at the same time: what was collected here may be the older truth
	}
}

// overtaken reads what somebody committed while this run was under way.
func (r *run) overtaken(ctx context.Context, stale error) (*cache.Snapshot, error) {
	base, err := cache.Refresh(ctx, r.store, r.opts.Source)
	if err != nil {
		return nil, errors.Join(stale, err)
	}
	return base, nil
}

// newer reports whether somebody else read any of the kinds after this run
// began to read them. If not, what was collected holds against the newer
// snapshot as well.
func (r *run) newer(base *cache.Snapshot, started time.Time) bool {
	return slices.ContainsFunc(r.opts.Kinds, func(k psa.Kind) bool { return !base.Freshness(k).Fresh.Before(started) })
}

// lost returns the cause of a cancelled context, such as a lost lease, instead
// of what came of it.
func lost(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(err, cause) {
			return cause
		}
	}
	return err
}

// instance asks which account answers and refuses another one than before. It
// is the first request of a run and made alone, so that wrong credentials cost
// one where the vendor does not tell the account to everybody.
func (r *run) instance(ctx context.Context, old *cache.Snapshot) (psa.Instance, error) {
	if before := old.Provider(); before != "" && before != r.provider.Name() {
		return psa.Instance{}, r.otherInstance(fmt.Sprintf("source %q was filled by %s", r.opts.Source, before))
	}
	instance, err := psa.InstanceOf(ctx, r.provider)
	if errors.Is(err, psa.ErrUnsupported) {
		return psa.Instance{}, nil
	}
	if err != nil {
		return psa.Instance{}, err
	}
	before := old.Instance()
	if before.ID != "" && before.ID != instance.ID {
		return psa.Instance{}, r.otherInstance(fmt.Sprintf("source %q was filled from %q, not %q", r.opts.Source, before.ID, instance.ID))
	}
	r.report.Instance = instance
	if before.Version != "" && instance.Version != "" && before.Version != instance.Version {
		r.report.Upgraded = before.Version
	}
	return instance, nil
}

func (r *run) otherInstance(detail string) error {
	return &psa.Error{Provider: r.provider.Name(), Op: "resync", Code: psa.ErrOtherInstance, Detail: detail}
}

// collect is the first phase. What could not be read stands in the result; an
// error ends the run.
func (r *run) collect(ctx context.Context, old *cache.Snapshot) (*processor, error) {
	r.enter(Collect)
	c := newCollector(lister{
		provider: r.provider, features: r.features, activeOnly: r.opts.ActiveOnly, old: old, known: old.Known(),
	}, &r.opts, r.emit)
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	return &processor{features: r.features, opts: &r.opts, old: old, read: c.kinds, poison: map[psa.Ref]error{}}, nil
}

// settle is the second and third phase: compare with base and commit.
func (r *run) settle(ctx context.Context, base *cache.Snapshot, head cache.Batch, p *processor) error {
	r.enter(Process)
	plan, err := p.plan(base, head)
	if err != nil {
		return err
	}
	r.describe(plan)
	if err := r.impact(ctx, plan); err != nil {
		return err
	}
	if err := r.judge(plan); err != nil {
		return err
	}
	if r.report.DryRun {
		return p.nothingRead()
	}
	r.enter(Update)
	if err := ctx.Err(); err != nil {
		return err
	}
	r.measure()
	if plan.batch.Audit, err = json.Marshal(r.report); err != nil {
		return fmt.Errorf("resync: audit: %w", err)
	}
	snap, err := r.store.Commit(ctx, r.opts.Source, base.Version(), plan.batch)
	if err != nil {
		return err
	}
	r.report.Version = snap.Version()
	return p.nothingRead()
}

// judge stops a commit that the guard or a policy objects to.
func (r *run) judge(p *plan) error {
	if len(p.guarded) > 0 && r.token != p.token {
		return &RemovalError{Kinds: p.guarded, Token: p.token, Refused: r.token != ""}
	}
	if r.opts.Partial == RefusePartial && p.partial() {
		return fmt.Errorf("resync: %w: %w", ErrPartial, p.firstStale())
	}
	if r.opts.RefuseImpact && slices.ContainsFunc(r.report.Impact, func(f psa.Finding) bool { return f.Severity >= psa.Failure }) {
		return fmt.Errorf("resync: %w", ErrImpact)
	}
	return nil
}

// impact asks the registered maps what the change breaks.
func (r *run) impact(ctx context.Context, p *plan) error {
	var found []psa.Finding
	for _, m := range r.opts.Impact {
		more, err := m.Impact(ctx, p.base, p.next)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			more = append(more, psa.Finding{Severity: psa.Failure, Code: CodeImpactFailed, Message: reason(err)})
		}
		found = append(found, more...)
	}
	slices.SortStableFunc(found, func(a, b psa.Finding) int { return int(b.Severity) - int(a.Severity) })
	r.report.Impact, r.report.ImpactCount = bounded(found, r.opts.ReportRows), len(found)
	return nil
}

func bounded[T any](list []T, most int) []T { return list[:min(len(list), most)] }
