package bridge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Settings of the state.
const (
	setPause    = "pause"     // why the whole connection is paused
	setPauseOf  = "pause:"    // and a kind
	setPhase    = "phase"     // of the connection
	setPhaseOf  = "phase:"    // and of a company, by the key of its link
	setInstance = "instance:" // the account on a side
	setMatched  = "matched:"  // a kind whose first comparison is done
	setMap      = "map"       // the digest of the field map, and setAnew, of the last run that compared everything, or unfinished
	setAnew     = "anew"      // counts what makes the next run compare everything
	setBehind   = "behind:"   // a kind that was paused when everything else was compared
	setDeleted  = "deleted:"  // how far a side's deletions were read
)

// unfinished is no digest: not everything was compared under one map.
const unfinished = "unfinished"

// Operations, in audits and Pending.
const (
	opCreate = "create"
	opUpdate = "update"
	opDelete = "delete"
	opLink   = "link"
	opAgree  = "agree"
	opDecide = "decide"
	opPark   = "park"
	opGone   = "gone"
	opState  = "state"
	opPause  = "pause"
)

// A run is one cycle. It starts no goroutine, and no timer but that of a write.
type run struct {
	b      *Bridge
	ctx    context.Context
	id     string
	source string
	c      *compiled
	st     cache.State
	sides  [2]system
	rep    *Report
	gate   gate
	dry    bool
	lease  cache.Lease
	renew  time.Time
	began  time.Time

	phases   map[string]string  // by company
	policies map[string]*Policy // by phase, as far as they were needed
	paused   map[psa.Kind]bool
	anew     bool              // what the systems offer may have changed: values that were held may fit
	remap    bool              // the field map or a phase changed: everything is compared anew
	mark     string            // for setMap
	behind   map[psa.Kind]bool // compared anew alone
	server   [2]time.Time
	failing  [2]int // failures in a row
	opened   int    // conflicts
	half     map[string]cache.Link
	broken   error                     // what the state failed with, see fails
	since    map[psa.Kind][2]time.Time // by the systems' clocks, when a kind was first compared
	seen     []cache.Seen              // rows dealt with, not yet saved
	first    *firstRun
	near     neighbours

	// See input.
	peers [2]func(kind psa.Kind, id string) (string, bool)
	canon func(s Side, kind psa.Kind, fields psa.Fields) psa.Fields
}

// errStop ends a run early without being a failure of its own.
type errStop struct{ error }

func (e errStop) Unwrap() error { return e.error }

// leaseTime is how long a lease lasts without being renewed.
const leaseTime = 2 * time.Minute

func holder() string {
	host, _ := os.Hostname() // "" is as good: the process id and the random part tell holders apart
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), hex.EncodeToString(b[:]))
}

// Once is one cycle: it reads what changed on both sides since the last one and
// writes what follows from it. The report says what was done, also beside an
// error. A record that fails is no error: it becomes a task and is tried again.
//
// The error is [ErrPaused], [ErrLimit], psa.ErrOtherInstance if a side is
// another account than before, cache.ErrLeased if another process runs this
// connection, [ErrIncomplete] if a list could not be read to its end, or what
// the state or the context failed with.
func (b *Bridge) Once(ctx context.Context) (*Report, error) {
	return b.cycle(ctx, b.state, liveGate{}, false, (*run).all)
}

// cycle is one run that does what do says, with what every run begins with.
func (b *Bridge) cycle(ctx context.Context, st cache.State, g gate, dry bool, do func(*run) error) (*Report, error) {
	select {
	case b.running <- struct{}{}:
		defer func() { <-b.running }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := b.refresh(ctx); err != nil {
		return nil, err
	}
	r, err := b.begin(ctx, st, g, dry)
	if err != nil {
		return nil, err
	}
	defer r.release()
	if err := g.open(r); err != nil {
		return nil, fmt.Errorf("bridge: %s: %w", r.source, err)
	}
	return r.finish(do(r))
}

// refresh compiles the map anew if what the systems offer has changed.
func (b *Bridge) refresh(ctx context.Context) error {
	if b.opts.Catalogs == nil {
		return nil
	}
	cfg, err := b.opts.Catalogs(ctx)
	if err != nil {
		return fmt.Errorf("bridge: catalogs: %w", err)
	}
	if err := b.configure(cfg); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	return nil
}

// begin prepares a run, with the lease where the state grants them.
func (b *Bridge) begin(ctx context.Context, st cache.State, g gate, dry bool) (*run, error) {
	now := b.opts.Now()
	r := &run{
		b: b, ctx: ctx, source: b.opts.Source, st: st, sides: b.sides, gate: g, dry: dry, began: now,
		phases: map[string]string{}, policies: map[string]*Policy{}, paused: map[psa.Kind]bool{}, behind: map[psa.Kind]bool{}, half: map[string]cache.Link{}, since: map[psa.Kind][2]time.Time{},
	}
	for s := range Side(2) {
		r.peers[s] = func(kind psa.Kind, id string) (string, bool) { return r.peer(s, kind, id) }
	}
	r.canon = r.canonical
	r.c = b.current()
	r.anew = b.firstUse(dry)
	r.id = strconv.FormatInt(now.UnixNano(), 36)
	r.rep = &Report{Source: r.source, Run: r.id, DryRun: dry, Started: now}
	if dry {
		for s := range r.sides {
			r.sides[s].Provider = newPretender(r.sides[s].Provider)
		}
		return r, nil
	}
	if l, ok := st.(cache.Leaser); ok {
		lease, err := l.Acquire(ctx, r.source, b.opts.Holder, leaseTime)
		if err != nil {
			return nil, fmt.Errorf("bridge: %w", err)
		}
		r.lease, r.renew = lease, now.Add(leaseTime/2)
	}
	return r, nil
}

func (r *run) release() {
	if r.lease != nil {
		// The lease ends by itself if this fails; the context may be done already.
		_ = r.lease.Release(context.WithoutCancel(r.ctx))
	}
}

func (r *run) finish(err error) (*Report, error) {
	r.rep.Took = r.now().Sub(r.began)
	var stop errStop
	if errors.As(err, &stop) {
		err = stop.error
	}
	if err == nil && len(r.rep.Failures) > 0 {
		f := r.rep.Failures[0]
		err = fmt.Errorf("%w: %s on the %s side: %s", ErrIncomplete, f.Kind, f.Side, f.Error)
	}
	r.event(EventDone, 0, "", "", "")
	if err != nil {
		return r.rep, fmt.Errorf("bridge: %s: %w", r.source, err)
	}
	return r.rep, nil
}

func (r *run) now() time.Time { return r.b.opts.Now() }

func (r *run) event(t EventType, s Side, kind psa.Kind, id, msg string) {
	if r.b.opts.Observer != nil {
		r.b.opts.Observer(Event{At: r.now(), Run: r.id, Type: t, Side: s, Kind: kind, ID: id, Message: msg})
	}
}

// held makes sure that no other process has taken over while this one was slow.
func (r *run) held() error {
	now := r.now()
	if r.lease == nil || !now.After(r.renew) {
		return nil
	}
	if err := r.lease.Renew(r.ctx, leaseTime); err != nil {
		return errStop{err}
	}
	r.renew = now.Add(leaseTime / 2)
	return nil
}

// writing begins a write to a system. It is given up before the lease ends: one
// that arrives later would meet what another process does meanwhile.
func (r *run) writing() (context.Context, context.CancelFunc, error) {
	if err := r.held(); err != nil {
		return nil, nil, err
	}
	if r.lease == nil {
		return r.ctx, func() {}, nil
	}
	ctx, done := context.WithTimeout(r.ctx, leaseTime/2)
	return ctx, done, nil
}

// fails remembers an error of the state where it cannot be returned. Nothing is
// saved any more then, and so nothing is written.
func (r *run) fails(err error) {
	if err != nil && r.broken == nil {
		r.broken = &stateErr{err}
	}
}

// save is every write to the state.
func (r *run) save(b cache.StateBatch) error {
	if r.broken != nil {
		return r.broken
	}
	if err := r.held(); err != nil {
		return err
	}
	if r.lease != nil {
		b.Token = r.lease.Token()
	}
	for i := range b.Audits {
		a := &b.Audits[i]
		a.At, a.Run = r.now(), r.id
		if a.Actor == "" {
			a.Actor = "bridge"
		}
		discreet(a)
	}
	err := r.st.Save(r.ctx, r.source, b)
	if err == nil || errors.Is(err, cache.ErrStale) || errors.Is(err, cache.ErrLinked) {
		return err // somebody else was at this record: it is looked at again
	}
	return &stateErr{err}
}

// look reads what people have set and asks both systems who they are.
func (r *run) look() error {
	if err := r.settings(); err != nil {
		return err
	}
	if err := r.instances(); err != nil {
		return err
	}
	for s := range Side(2) {
		t, err := psa.ServerTime(r.ctx, r.sides[s].Provider)
		if err != nil && !errors.Is(err, psa.ErrUnsupported) {
			return r.side(s, "", err)
		}
		r.server[s] = t // zero: the rows tell
	}
	return nil
}

// all is the cycle itself.
func (r *run) all() error {
	if err := r.look(); err != nil {
		return err
	}
	if err := r.recover(); err != nil {
		return err
	}
	for _, kind := range r.b.kinds {
		if r.paused[kind] {
			continue
		}
		if err := r.kind(kind); err != nil {
			return err
		}
	}
	if err := r.late(); err != nil {
		return err
	}
	return r.compared()
}

// compared notes that everything was compared that had to be.
func (r *run) compared() error {
	if !r.remap && len(r.behind) == 0 || len(r.rep.Failures) > 0 || r.rep.Skipped > 0 {
		return nil
	}
	set := map[string]string{}
	if r.remap {
		set[setMap] = r.mark
	}
	for _, kind := range r.b.kinds {
		switch {
		case r.remap && r.paused[kind]:
			set[setBehind+string(kind)] = "1"
		case r.behind[kind] && !r.paused[kind]:
			set[setBehind+string(kind)] = ""
		}
	}
	if len(set) == 0 {
		return nil
	}
	return r.save(cache.StateBatch{Settings: set})
}

// anewOf reports whether all records of a kind are compared, whatever is known
// of them.
func (r *run) anewOf(kind psa.Kind) bool { return r.remap || r.behind[kind] }

// kind reads one kind on both sides, and looks at what is due.
func (r *run) kind(kind psa.Kind) error {
	if err := r.match(kind); err != nil {
		if r.first == nil {
			return err // the state's
		}
		if err := r.side(r.first.side, kind, err); err != nil {
			return err
		}
		return nil // without the comparison nothing may be created
	}
	complete, skipped := true, r.rep.Skipped
	for s := range Side(2) {
		if err := r.deletions(kind, s); err != nil {
			return err
		}
		ok, err := r.pull(kind, s)
		if err != nil {
			return err
		}
		complete = complete && ok
	}
	if r.first != nil && complete && r.rep.Skipped == skipped {
		if err := r.save(cache.StateBatch{Settings: map[string]string{setMatched + string(kind): r.start()}}); err != nil {
			return err
		}
	}
	r.first = nil
	return r.due(kind)
}

// side judges an error of a system: what concerns the connection ends the run,
// the rest is told and the run goes on.
func (r *run) side(s Side, kind psa.Kind, err error) error {
	if err == nil {
		return nil
	}
	var stop errStop
	if errors.As(err, &stop) || r.ctx.Err() != nil || stateError(err) {
		return err
	}
	class := ""
	if c := psa.ErrorClass(err); c != nil {
		class = c.Error()
	}
	r.rep.Failures = append(r.rep.Failures, Failure{Side: s, Kind: kind, Class: class, Error: err.Error()})
	r.event(EventTrouble, s, kind, "", err.Error())
	switch {
	case kind == "", errors.Is(err, psa.ErrAuth), errors.Is(err, psa.ErrOtherInstance), errors.Is(err, psa.ErrRateLimited),
		errors.Is(err, psa.ErrUnavailable), errors.Is(err, psa.ErrTimeout):
		return errStop{fmt.Errorf("%w: the %s side: %w", ErrIncomplete, s, err)}
	}
	return nil
}

// stateError reports whether an error came from the state, which the run cannot
// do without.
func stateError(err error) bool {
	for _, e := range []error{cache.ErrFenced, cache.ErrBusy, cache.ErrFull, cache.ErrReadOnly, cache.ErrCorrupt, cache.ErrNewer, cache.ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	var s *stateErr
	return errors.As(err, &s)
}

// stateErr marks what the state failed with.
type stateErr struct{ err error }

func (e *stateErr) Error() string { return e.err.Error() }
func (e *stateErr) Unwrap() error { return e.err }

// instances refuses to run against another account than before.
func (r *run) instances() error {
	set := map[string]string{}
	for s := range Side(2) {
		in, err := psa.InstanceOf(r.ctx, r.sides[s].Provider)
		if errors.Is(err, psa.ErrUnsupported) {
			continue
		}
		if err != nil {
			return r.side(s, "", err)
		}
		name := setInstance + s.String()
		was, err := r.st.Setting(r.ctx, r.source, name)
		switch {
		case err != nil:
			return err
		case was == "":
			set[name] = in.ID
		case was != in.ID:
			return &psa.Error{Provider: r.sides[s].Name(), Op: "instance", Code: psa.ErrOtherInstance,
				Detail: fmt.Sprintf("the %s side of %s was another account", s, r.source)}
		}
	}
	if len(set) == 0 {
		return nil
	}
	return r.save(cache.StateBatch{Settings: set})
}

// settings reads what people have set, and whether the map has changed.
func (r *run) settings() error {
	all, err := r.st.Settings(r.ctx, r.source, "")
	if err != nil {
		return err
	}
	if why := all[setPause]; why != "" {
		r.rep.Paused = why
		if !r.dry { // a plan may be looked at
			return errStop{fmt.Errorf("%w: %s", ErrPaused, why)}
		}
	}
	for name, value := range all {
		if kind, ok := cutPrefix(name, setPauseOf); ok {
			r.paused[psa.Kind(kind)] = true
		}
		if company, ok := cutPrefix(name, setPhaseOf); ok {
			r.phases[company] = value
		}
		if kind, ok := cutPrefix(name, setBehind); ok {
			r.behind[psa.Kind(kind)] = true
		}
	}
	r.phases[""] = all[setPhase]
	r.mark = r.c.digest + all[setAnew]
	was, next := all[setMap], ""
	switch {
	case was == "": // nothing was compared yet: a first run that is cut goes on where it was
		next = r.mark
	case was != r.mark:
		// Until this is finished there is no map that everything was compared
		// under, also if the last one comes back.
		r.remap, next = true, unfinished
	}
	if next == "" || next == was || r.dry {
		return nil
	}
	return r.save(cache.StateBatch{Settings: map[string]string{setMap: next}})
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return "", false
	}
	return s[len(prefix):], true
}

// policy returns what holds for the records of a company.
func (r *run) policy(company string) *Policy {
	name := r.phases[company]
	if name == "" {
		name = r.phases[""]
	}
	if p := r.policies[name]; p != nil {
		return p
	}
	p, ok := r.b.opts.Phases[name]
	if !ok || name == "" {
		p = r.b.opts.Policy
	}
	r.policies[name] = &p
	return &p
}

// pause stops the connection until somebody resumes it.
func (r *run) pause(why string) error {
	r.rep.Paused = why
	r.event(EventPause, 0, "", "", why)
	if !r.dry {
		if err := r.save(cache.StateBatch{
			Settings: map[string]string{setPause: why}, Audits: []cache.Audit{{Op: opPause, Reason: why}},
		}); err != nil {
			return err
		}
	}
	return errStop{fmt.Errorf("%w: %s", ErrLimit, why)}
}

// limit counts something and stops the run when it is more than plausible.
func (r *run) limit(n, most int, what string) error {
	if most < 0 || n <= most || r.dry || r.gate.seen() {
		return nil
	}
	return r.pause(fmt.Sprintf("more than %d %s in one run", most, what))
}

// Run polls until ctx is done: one cycle, a pause of Options.Interval, and so
// on. A cycle that fails for a reason that may pass is followed by the next one,
// after the pause a vendor asked for if that is longer. It returns when ctx is
// done (the context's error), or with an error that needs somebody: refused
// credentials, another account, a store that cannot be written. A paused
// connection is asked again each time, so that it goes on once it is resumed.
func (b *Bridge) Run(ctx context.Context) error {
	for {
		_, err := b.Once(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil && !passes(err) {
			return err
		}
		wait := max(b.opts.Interval, psa.RetryAfter(err))
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

func passes(err error) bool {
	if errors.Is(err, psa.ErrAuth) || errors.Is(err, psa.ErrOtherInstance) {
		return false
	}
	return psa.Temporary(err) || slices.ContainsFunc([]error{ErrPaused, ErrLimit, ErrIncomplete, cache.ErrLeased, cache.ErrStale, cache.ErrFenced},
		func(target error) bool { return errors.Is(err, target) })
}
