package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Acquire takes the lease of a source, for all processes that use the file; see
// cache.Leaser.
func (s *Store) Acquire(ctx context.Context, name, holder string, ttl time.Duration) (cache.Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.fail("lease", name, err)
	}
	if holder == "" || ttl <= 0 {
		return nil, s.fail("lease", name, fmt.Errorf("a lease needs a holder and a time to live: %w", psa.ErrInvalid))
	}
	if _, err := s.source(name); err != nil {
		return nil, err
	}
	l := &lease{store: s, name: name}
	err := s.write.transaction(ctx, "BEGIN IMMEDIATE", func(c *sql.Conn) error {
		var until int64
		var present string
		err := c.QueryRowContext(ctx, `SELECT id, token, holder, until FROM psasync_source WHERE name = ?`, name).Scan(&l.source, &l.token, &present, &until)
		if errors.Is(err, sql.ErrNoRows) {
			l.source, err = addSource(ctx, c, name)
		}
		if err != nil {
			return err
		}
		now := s.now()
		if end := time.Unix(0, until); present != "" && now.Before(end) {
			return &cache.LeasedError{Source: name, Holder: present, Until: end}
		}
		return c.QueryRowContext(ctx, `UPDATE psasync_source SET holder = ?, until = ?, token = 1 + token WHERE id = ? RETURNING token`, holder, now.Add(ttl).UnixNano(), l.source).Scan(&l.token)
	})
	if err != nil {
		return nil, s.fail("lease", name, err)
	}
	return l, nil
}

type lease struct {
	store  *Store
	name   string
	source int64
	token  int64
}

func (l *lease) Token() int64 { return l.token }

func (l *lease) Renew(ctx context.Context, ttl time.Duration) error {
	var n int64
	err := l.store.write.transaction(ctx, "BEGIN IMMEDIATE", func(c *sql.Conn) error {
		res, err := c.ExecContext(ctx, `UPDATE psasync_source SET until = ? WHERE id = ? AND token = ? AND holder <> ''`,
			l.store.now().Add(ttl).UnixNano(), l.source, l.token)
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	if err == nil && n == 0 {
		err = cache.ErrFenced
	}
	if err != nil {
		return l.store.fail("renew the lease of", l.name, err)
	}
	return nil
}

func (l *lease) Release(ctx context.Context) error {
	err := l.store.write.transaction(ctx, "BEGIN IMMEDIATE", func(c *sql.Conn) error {
		_, err := c.ExecContext(ctx, `UPDATE psasync_source SET holder = '', until = 0 WHERE id = ? AND token = ?`, l.source, l.token)
		return err
	})
	if err != nil {
		return l.store.fail("release the lease of", l.name, err)
	}
	return nil
}
