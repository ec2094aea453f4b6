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
}, {
	// Tokens of commits count for saves too.
	`UPDATE psasync_source SET token = max(token, coalesce(json_extract(meta, '$.token'), 0))`,
	`CREATE TABLE psasync_state (
		source INTEGER PRIMARY KEY REFERENCES psasync_source (id),
		saves  INTEGER NOT NULL             -- that wrote links or tasks
	)`,
	`CREATE TABLE psasync_link (
		source   INTEGER NOT NULL REFERENCES psasync_source (id),
		key      TEXT NOT NULL,
		rev      INTEGER NOT NULL,
		born     INTEGER NOT NULL,          -- psasync_state.saves that brought it
		kind     TEXT NOT NULL,
		left_id  TEXT NOT NULL,             -- '': none yet
		right_id TEXT NOT NULL,
		state    TEXT NOT NULL,
		company  TEXT NOT NULL,
		parent   TEXT NOT NULL,
		pending  INTEGER NOT NULL,          -- whether it has one
		data     TEXT NOT NULL              -- the rest, see linkData
	)`,
	`CREATE UNIQUE INDEX psasync_link_key ON psasync_link (source, key)`,
	`CREATE UNIQUE INDEX psasync_link_left ON psasync_link (source, kind, left_id) WHERE left_id <> ''`,
	`CREATE UNIQUE INDEX psasync_link_right ON psasync_link (source, kind, right_id) WHERE right_id <> ''`,
	`CREATE INDEX psasync_link_kind ON psasync_link (source, kind, key)`,
	`CREATE INDEX psasync_link_state ON psasync_link (source, state, key) WHERE state <> ''`,
	`CREATE INDEX psasync_link_company ON psasync_link (source, company, key) WHERE company <> ''`,
	`CREATE INDEX psasync_link_parent ON psasync_link (source, parent, key) WHERE parent <> ''`,
	`CREATE INDEX psasync_link_pending ON psasync_link (source, key) WHERE pending = 1`,
	// Times that are searched or sorted are text of one length, '' for none.
	`CREATE TABLE psasync_task (
		source    INTEGER NOT NULL REFERENCES psasync_source (id),
		id        TEXT NOT NULL,
		rev       INTEGER NOT NULL,
		placed    INTEGER NOT NULL,         -- psasync_state.saves that gave it its since
		type      TEXT NOT NULL,
		kind      TEXT NOT NULL,
		side      INTEGER NOT NULL,
		record    TEXT NOT NULL,
		link      TEXT NOT NULL,
		due       TEXT NOT NULL,
		waits_for TEXT NOT NULL,
		since     TEXT NOT NULL,
		data      TEXT NOT NULL             -- the rest, see taskData
	)`,
	`CREATE UNIQUE INDEX psasync_task_id ON psasync_task (source, id)`,
	`CREATE INDEX psasync_task_since ON psasync_task (source, since, id, due)`,
	`CREATE INDEX psasync_task_waits_for ON psasync_task (source, waits_for, since, id) WHERE waits_for <> ''`,
	`CREATE INDEX psasync_task_link ON psasync_task (source, link, since, id) WHERE link <> ''`,
	`CREATE INDEX psasync_task_record ON psasync_task (source, record, since, id) WHERE record <> ''`,
	`CREATE TABLE psasync_cursor (
		source INTEGER NOT NULL REFERENCES psasync_source (id),
		side   INTEGER NOT NULL,
		kind   TEXT NOT NULL,
		data   TEXT NOT NULL,               -- cache.Cursor
		PRIMARY KEY (source, side, kind)
	) WITHOUT ROWID`,
	`CREATE TABLE psasync_seen (
		source INTEGER NOT NULL REFERENCES psasync_source (id),
		side   INTEGER NOT NULL,
		kind   TEXT NOT NULL,
		id     TEXT NOT NULL,
		hash   BLOB NOT NULL,
		PRIMARY KEY (source, side, kind, id)
	) WITHOUT ROWID`,
	`CREATE INDEX psasync_seen_hash ON psasync_seen (source, side, kind, hash)`,
	`CREATE TABLE psasync_setting (
		source INTEGER NOT NULL REFERENCES psasync_source (id),
		name   TEXT NOT NULL,
		value  TEXT NOT NULL,
		PRIMARY KEY (source, name)
	) WITHOUT ROWID`,
	`CREATE TABLE psasync_audit (
		seq    INTEGER PRIMARY KEY,
		source INTEGER NOT NULL REFERENCES psasync_source (id),
		at     TEXT NOT NULL,
		run    TEXT NOT NULL,
		link   TEXT NOT NULL,
		data   TEXT NOT NULL                -- the rest, see auditData
	)`,
	`CREATE INDEX psasync_audit_at ON psasync_audit (source, seq, at)`,
	`CREATE INDEX psasync_audit_run ON psasync_audit (source, run, seq) WHERE run <> ''`,
	`CREATE INDEX psasync_audit_link ON psasync_audit (source, link, seq) WHERE link <> ''`,
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
