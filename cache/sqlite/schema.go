package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// migrations lead from one form of the tables to the next. Entries are never
// changed, only added; psasync_schema has a row for each that was made.
var migrations = [][]string{{
	`CREATE TABLE psasync_source (
		id      INTEGER PRIMARY KEY,
		name    TEXT NOT NULL UNIQUE,
		version INTEGER NOT NULL,           -- of the snapshot
		rev     INTEGER NOT NULL,           -- counts commits, those without a new version too
		pruned  INTEGER NOT NULL,           -- rev at which ended rows were last deleted
		meta    TEXT NOT NULL,              -- cache.Meta
		token   INTEGER NOT NULL,           -- the last fencing token granted
		holder  TEXT NOT NULL,              -- of the lease; '' if it is free
		until   INTEGER NOT NULL            -- end of the lease, Unix nanoseconds
	)`,
	`CREATE TABLE psasync_row (
		source      INTEGER NOT NULL REFERENCES psasync_source (id),
		kind        TEXT NOT NULL,
		id          TEXT NOT NULL,
		began       INTEGER NOT NULL,       -- version that brought the row
		ended       INTEGER,                -- version that ended it; NULL: present
		rev         INTEGER NOT NULL,       -- when it was last written
		parent_kind TEXT NOT NULL,
		parent_id   TEXT NOT NULL,
		active      INTEGER NOT NULL,
		updated     TEXT NOT NULL,          -- RFC 3339; '' if unknown
		token       TEXT NOT NULL,          -- psa.Record.Version
		hash        BLOB,
		fields      TEXT NOT NULL,          -- canonical JSON
		raw         BLOB
	)`,
	`CREATE UNIQUE INDEX psasync_row_present ON psasync_row (source, kind, id) WHERE ended IS NULL`,
	`CREATE INDEX psasync_row_rev ON psasync_row (source, rev)`,
	`CREATE TABLE psasync_commit (
		id      INTEGER PRIMARY KEY,
		source  INTEGER NOT NULL REFERENCES psasync_source (id),
		version INTEGER NOT NULL,
		at      TEXT NOT NULL,              -- RFC 3339, by the caller's clock
		unix    INTEGER NOT NULL,           -- when it was made, by the store's clock; for Retain
		run     TEXT NOT NULL,
		added   INTEGER NOT NULL,
		changed INTEGER NOT NULL,
		removed INTEGER NOT NULL,
		meta    TEXT,                       -- cache.Meta, where this commit made the version
		audit   BLOB
	)`,
	`CREATE INDEX psasync_commit_version ON psasync_commit (source, version)`,
}}

// migrate brings the tables into the present form. A database that has it is
// only read.
func migrate(ctx context.Context, c *sql.Conn, busy time.Duration, now time.Time) error {
	have, err := schemaVersion(ctx, c)
	if err != nil || have == len(migrations) {
		return err
	}
	return patiently(ctx, busy, func() error {
		if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		err := applyMigrations(ctx, c, now)
		end := "COMMIT"
		if err != nil {
			end = "ROLLBACK"
		}
		if _, endErr := c.ExecContext(context.WithoutCancel(ctx), end); err == nil {
			err = endErr
		}
		return err
	})
}

func applyMigrations(ctx context.Context, c *sql.Conn, now time.Time) error {
	have, err := schemaVersion(ctx, c) // again: another process may have been first
	if err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS psasync_schema (version INTEGER PRIMARY KEY, at TEXT NOT NULL)`); err != nil {
		return err
	}
	for i := have; i < len(migrations); i++ {
		for _, statement := range migrations[i] {
			if _, err := c.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("schema %d: %w", i+1, err)
			}
		}
		if _, err := c.ExecContext(ctx, `INSERT INTO psasync_schema (version, at) VALUES (?, ?)`, i+1, psa.FormatTime(now)); err != nil {
			return err
		}
	}
	return nil
}

// schemaVersion returns the form of the tables, 0 if there are none.
func schemaVersion(ctx context.Context, c *sql.Conn) (int, error) {
	var tables int
	if err := c.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'psasync_schema'`).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	var version int
	if err := c.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM psasync_schema`).Scan(&version); err != nil {
		return 0, err
	}
	if version > len(migrations) {
		return 0, fmt.Errorf("schema %d, this release knows %d: %w", version, len(migrations), cache.ErrNewer)
	}
	return version, nil
}
