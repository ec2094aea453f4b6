package resync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// A Syncer copies the configuration of one provider into one source of a
// store. It is safe for concurrent use; nothing needs to be closed.
type Syncer struct {
	provider psa.Provider
	features psa.Features
	store    cache.Store
	opts     Options
	times    timetable

	mu     sync.Mutex // of what follows; never held while something waits
	flight *flight
	last   *Report // of the last successful run
	lastAt time.Time
}

// New returns a Syncer. The error holds every reason why the options cannot
// work: kinds the provider does not offer, a schedule that makes no sense. nil
// Options are the defaults.
func New(provider psa.Provider, store cache.Store, options *Options) (*Syncer, error) {
	if provider == nil || store == nil {
		return nil, errors.New("resync: New needs a provider and a store")
	}
	opts, err := options.withDefaults(provider)
	times, errTimes := opts.Schedule.parse(opts.Source)
	if err = errors.Join(err, errTimes); err != nil {
		return nil, err
	}
	return &Syncer{provider: provider, features: provider.Features(), store: store, opts: opts, times: times}, nil
}

func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}

// Source returns the name of the connection.
func (s *Syncer) Source() string { return s.opts.Source }

// Plan reads everything and says what Run would do, without writing anything
// or taking a lease. Its report has the token that [Accept] takes. The report
// is never nil; the error is that of Run, so [ErrTooManyRemovals] where the
// guard would stop the commit.
func (s *Syncer) Plan(ctx context.Context) (*Report, error) {
	r := s.newRun("")
	r.report.DryRun = true
	return r.do(ctx)
}

// Run copies the configuration once.
//
// Calls that come while a run is under way share it, and so its report; it is
// cancelled only when every caller has left. A caller that leaves gets its
// context's error and a nil report unless it was the last; otherwise the report
// is never nil. A caller within Options.MinInterval of a successful run gets
// that report, marked as repeated. A call with Accept joins only runs that
// accept the same.
//
// A run that could not read everything is partial and no error. Errors are, by
// errors.Is: [ErrTooManyRemovals], [ErrPartial], [ErrImpact];
// psa.ErrOtherInstance and psa.ErrAuth; cache.ErrLeased, cache.ErrFenced and
// cache.ErrStale where another syncer is at work; the context's; any error of
// the store; and, when nothing at all could be read, the first error of the
// provider. After every one of them the old snapshot is whole.
func (s *Syncer) Run(ctx context.Context, options ...RunOption) (*Report, error) {
	token := ""
	for _, o := range options {
		if o.token != "" {
			token = o.token
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, joined := s.board(ctx, token)
		if f == nil {
			return s.repeated(), nil
		}
		if joined {
			return s.ride(ctx, f)
		}
		select { // a run that this call must not join
		case <-f.done:
		case <-ctx.Done():
		}
	}
}

// A flight is one run and everybody who waits for it.
type flight struct {
	token   string
	callers int
	left    bool // every caller left: it is being cancelled
	cancel  context.CancelCauseFunc
	done    chan struct{}
	report  *Report // set before done is closed
	err     error
}

// board joins the present run or begins one; joined is false if the present
// run has to end first. The flight is nil if the last report will do.
func (s *Syncer) board(ctx context.Context, token string) (f *flight, joined bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.flight; f != nil {
		if f.left || f.token != token {
			return f, false
		}
		f.callers++
		return f, true
	}
	if token == "" && s.last != nil && s.opts.MinInterval > 0 && time.Since(s.lastAt) < s.opts.MinInterval {
		return nil, true
	}
	f = &flight{token: token, callers: 1, done: make(chan struct{})}
	ctx, f.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	s.flight = f
	go s.fly(ctx, f)
	return f, true
}

func (s *Syncer) fly(ctx context.Context, f *flight) {
	f.report, f.err = s.newRun(f.token).do(ctx)
	f.cancel(nil)
	s.mu.Lock()
	s.flight = nil
	if f.err == nil {
		s.last, s.lastAt = f.report, time.Now()
	}
	s.mu.Unlock()
	close(f.done)
}

// ride waits for a run, or leaves it. The last to leave waits until it has
// stopped, so that nothing goes on behind its back.
func (s *Syncer) ride(ctx context.Context, f *flight) (*Report, error) {
	select {
	case <-f.done:
		return f.report, f.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	f.callers--
	f.left = f.left || f.callers == 0
	last := f.callers == 0
	s.mu.Unlock()
	if !last {
		return nil, ctx.Err()
	}
	f.cancel(context.Cause(ctx))
	<-f.done
	return f.report, f.err
}

func (s *Syncer) repeated() *Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := *s.last
	r.Repeated = true
	return &r
}
