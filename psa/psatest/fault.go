package psatest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/psasync/psasync/psa"
)

// An Op is one of the calls a provider takes.
type Op string

// The calls.
const (
	OpList       Op = "list"
	OpGet        Op = "get"
	OpCount      Op = "count"
	OpFind       Op = "find"
	OpDeletions  Op = "deletions"
	OpCreate     Op = "create"
	OpUpdate     Op = "update"
	OpDelete     Op = "delete"
	OpCheck      Op = "check"
	OpInstance   Op = "instance"
	OpServerTime Op = "server time"
)

func (op Op) ability() psa.Ability {
	switch op {
	case OpList:
		return psa.CanList
	case OpGet:
		return psa.CanGet
	case OpCount:
		return psa.CanCount
	case OpFind:
		return psa.CanFind
	case OpDeletions:
		return psa.CanDeletions
	case OpCreate:
		return psa.CanCreate
	case OpUpdate:
		return psa.CanUpdate
	default:
		return 0
	}
}

func (op Op) method() string {
	switch op {
	case OpCreate:
		return http.MethodPost
	case OpUpdate:
		return http.MethodPatch
	case OpDelete:
		return http.MethodDelete
	default:
		return http.MethodGet
	}
}

// A Fault is something that goes wrong with some calls. What happens is one
// of Err, Hang and Short; Delay, Bad and Do go with any of them or alone.
type Fault struct {
	Kind  psa.Kind // "" matches every kind
	Op    Op       // "" matches every call
	Nth   int      // first matching call that is hit, from 1; 0 means 1
	Times int      // how many are hit; 0 means 1, below 0 all

	After   int           // lists: rows yielded before it happens; in a shorter list, at its end
	Err     error         // a class such as psa.ErrUnavailable, or a *psa.Error with RetryAfter
	Applied bool          // writes: take effect before Err, as when the answer gets lost
	Hang    bool          // no answer until the context is done
	Short   bool          // the list ends here without an error, although there are more rows
	Delay   time.Duration // before every answer; the context ends it early
	Bad     []string      // ids of rows that arrive undecodable
	Do      func()        // runs once when it happens, e.g. a person at work
}

type armed struct {
	Fault
	seen, hits int
}

// Fail arms faults. Every fault that matches counts the call; the first one
// that is due happens.
func (p *Provider) Fail(faults ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range faults {
		p.faults = append(p.faults, &armed{Fault: f})
	}
}

// Refuse lets every call for a kind fail with an error of a class, as when a
// right is removed; kind "" stands for all calls, err nil ends it. Check tells
// of a refused kind in its report.
func (p *Provider) Refuse(kind psa.Kind, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		delete(p.refused, kind)
	} else {
		p.refused[kind] = err
	}
}

// Heal ends all faults and refusals.
func (p *Provider) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
	clear(p.refused)
}

// fault returns what goes wrong with this call, if anything.
func (p *Provider) fault(op Op, kind psa.Kind) (hit Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, found := 0, false; i < len(p.faults); i++ {
		a := p.faults[i]
		if a.Op != "" && a.Op != op || a.Kind != "" && a.Kind != kind {
			continue
		}
		a.seen++
		if found || a.seen < max(a.Nth, 1) || a.Times >= 0 && a.hits >= max(a.Times, 1) {
			continue
		}
		a.hits++
		hit, found = a.Fault, true
	}
	return hit
}

// turn waits as a request does, and returns what keeps it from being answered.
func (p *Provider) turn(ctx context.Context, op Op, kind psa.Kind, delay time.Duration) error {
	if delay > 0 && ctx.Err() == nil {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return p.fail(op, kind, psa.Ref{}, err)
	}
	p.mu.Lock()
	err := p.refused[""]
	if err == nil {
		err = p.refused[kind]
	}
	p.mu.Unlock()
	if err == nil {
		return nil
	}
	err = p.fail(op, kind, psa.Ref{}, err)
	p.answered(ctx, op, kind, psa.Ref{}, err, 0)
	return err
}

// call is one request that is answered at once. Writes use write instead.
func (p *Provider) call(ctx context.Context, op Op, kind psa.Kind, ref psa.Ref) error {
	f := p.fault(op, kind)
	if err := p.before(ctx, op, kind, f); err != nil {
		return err
	}
	if f.Err != nil {
		err := p.fail(op, kind, ref, f.Err)
		p.answered(ctx, op, kind, ref, err, 0)
		return err
	}
	p.answered(ctx, op, kind, ref, nil, 0)
	return nil
}

// before does what comes before an answer: waiting, hanging, people at work.
func (p *Provider) before(ctx context.Context, op Op, kind psa.Kind, f Fault) error {
	if f.Do != nil {
		f.Do()
	}
	if f.Hang {
		<-ctx.Done()
	}
	return p.turn(ctx, op, kind, f.Delay)
}

// A Call is one request that was answered.
type Call struct {
	Op   Op
	Kind psa.Kind
	Ref  psa.Ref // zero for lists
	Err  error   // nil if it succeeded
}

// Calls returns the requests answered so far, oldest first: one for each page
// of a list.
func (p *Provider) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// ResetCalls empties the log of requests and mail.
func (p *Provider) ResetCalls() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log, p.mails = nil, nil
}

// answered logs a request and counts it in the traces of ctx.
func (p *Provider) answered(ctx context.Context, op Op, kind psa.Kind, ref psa.Ref, err error, n int64) {
	p.mu.Lock()
	p.log = append(p.log, Call{Op: op, Kind: kind, Ref: ref, Err: err})
	p.mu.Unlock()
	endpoint := "/" + string(kind)
	if op == OpCheck || op == OpInstance || op == OpServerTime {
		endpoint = "/system"
	}
	if !ref.IsZero() {
		endpoint += "/{id}"
	}
	for _, t := range psa.TracesOf(ctx) {
		t.Add(psa.Request{Provider: p.name, Method: op.method(), Endpoint: endpoint, Status: statusOf(err), Attempt: 1, Bytes: n, Err: err})
	}
}

func statusOf(err error) int {
	for _, s := range []struct {
		class  error
		status int
	}{
		{psa.ErrAuth, 401}, {psa.ErrDenied, 403}, {psa.ErrNotFound, 404}, {psa.ErrInvalid, 400},
		{psa.ErrConflict, 409}, {psa.ErrRateLimited, 429}, {psa.ErrUnavailable, 503}, {psa.ErrTimeout, 0},
	} {
		if errors.Is(err, s.class) {
			return s.status
		}
	}
	return http.StatusOK
}
