package resync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// acquire takes the source's lease where the store has leases, and renews it
// until released. When it is lost the returned context is cancelled with
// cache.ErrFenced; the store would refuse the commit anyway.
func (r *run) acquire(ctx context.Context) (context.Context, func(), error) {
	ttl := r.opts.LeaseTTL
	lease, err := cache.Acquire(ctx, r.store, r.opts.Source, r.opts.Holder, ttl)
	if errors.Is(err, psa.ErrUnsupported) {
		return ctx, func() {}, nil
	}
	if err != nil {
		return ctx, nil, err
	}
	r.lease = lease
	held, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := keep(held, lease, ttl); err != nil {
			cancel(fmt.Errorf("resync: lease of %q: %w", r.opts.Source, err))
		}
	}()
	return held, func() {
		cancel(nil)
		<-stopped
		// A lease that cannot be released ends by itself; waiting for a store
		// that does not answer would only hold up the caller.
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), ttl/4)
		defer stop()
		_ = lease.Release(ctx)
	}, nil
}

// keep renews a lease until ctx ends, or returns why it was lost: another
// holder has it, or it ran out because the store did not answer.
func keep(ctx context.Context, lease cache.Lease, ttl time.Duration) error {
	until := time.Now().Add(ttl)
	ticker := time.NewTicker(ttl / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		asked := time.Now()
		renewal, stop := context.WithDeadline(ctx, until)
		err := lease.Renew(renewal, ttl)
		stop()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			until = asked.Add(ttl)
		case errors.Is(err, cache.ErrFenced) || !time.Now().Before(until):
			return errors.Join(cache.ErrFenced, err)
		}
	}
}
