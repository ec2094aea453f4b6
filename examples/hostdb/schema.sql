-- The help desk's own tables. Nothing here knows of a PSA but external_ref,
-- which holds the id that a sync gives a row it created.
--
-- Time stamps are text such as 2026-03-02T08:00:00.000Z, which sorts by time.
-- Every write sets updated_at and updated_by and adds one to row_version.
-- Rows are never removed: deleted_at hides them, deletions tells.

CREATE TABLE users (
	id          INTEGER PRIMARY KEY,
	login       TEXT NOT NULL UNIQUE,
	first_name  TEXT NOT NULL,
	last_name   TEXT NOT NULL,
	email       TEXT,
	job_title   TEXT,
	is_bot      INTEGER NOT NULL DEFAULT 0,
	hourly_cost TEXT,                               -- nobody else's business
	active      INTEGER NOT NULL DEFAULT 1,
	updated_at  TEXT NOT NULL,
	updated_by  TEXT NOT NULL,
	row_version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE queues (
	id          INTEGER PRIMARY KEY,
	name        TEXT NOT NULL UNIQUE,
	position    INTEGER NOT NULL DEFAULT 0,
	is_default  INTEGER NOT NULL DEFAULT 0,
	active      INTEGER NOT NULL DEFAULT 1,
	updated_at  TEXT NOT NULL,
	updated_by  TEXT NOT NULL,
	row_version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE statuses (
	id          INTEGER PRIMARY KEY,
	name        TEXT NOT NULL UNIQUE,
	position    INTEGER NOT NULL DEFAULT 0,
	is_default  INTEGER NOT NULL DEFAULT 0,
	is_closed   INTEGER NOT NULL DEFAULT 0,
	active      INTEGER NOT NULL DEFAULT 1,
	updated_at  TEXT NOT NULL,
	updated_by  TEXT NOT NULL,
	row_version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE priorities (
	id          INTEGER PRIMARY KEY,
	name        TEXT NOT NULL UNIQUE,
	position    INTEGER NOT NULL DEFAULT 0,
	is_default  INTEGER NOT NULL DEFAULT 0,
	active      INTEGER NOT NULL DEFAULT 1,
	updated_at  TEXT NOT NULL,
	updated_by  TEXT NOT NULL,
	row_version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE channels (
	id          INTEGER PRIMARY KEY,
	name        TEXT NOT NULL UNIQUE,
	position    INTEGER NOT NULL DEFAULT 0,
	active      INTEGER NOT NULL DEFAULT 1,
	updated_at  TEXT NOT NULL,
	updated_by  TEXT NOT NULL,
	row_version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE work_types (
	id          INTEGER PRIMARY KEY,
	name        TEXT NOT NULL UNIQUE,
	billing     TEXT NOT NULL DEFAULT 'billable',   -- billable, free or internal
	is_default  INTEGER NOT NULL DEFAULT 0,
	active      INTEGER NOT NULL DEFAULT 1,
	updated_at  TEXT NOT NULL,
	updated_by  TEXT NOT NULL,
	row_version INTEGER NOT NULL DEFAULT 1
) STRICT;

-- What the host has and a PSA's vocabulary lacks: shown as custom.<id>.
CREATE TABLE extra_fields (
	id          TEXT PRIMARY KEY,
	caption     TEXT NOT NULL,
	owners      TEXT NOT NULL,                      -- kinds of records, parted by commas
	type        TEXT NOT NULL,
	position    INTEGER NOT NULL DEFAULT 0,
	active      INTEGER NOT NULL DEFAULT 1,
	updated_at  TEXT NOT NULL,
	updated_by  TEXT NOT NULL,
	row_version INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
	id             INTEGER PRIMARY KEY,
	name           TEXT NOT NULL,
	code           TEXT,
	phone          TEXT,
	website        TEXT,
	street         TEXT,
	street2        TEXT,
	city           TEXT,
	region         TEXT,
	postcode       TEXT,
	country        TEXT,
	account_number TEXT,
	bank_account   TEXT,                            -- nobody else's business
	external_ref   TEXT,
	active         INTEGER NOT NULL DEFAULT 1,
	created_at     TEXT NOT NULL,
	created_by     TEXT NOT NULL,
	updated_at     TEXT NOT NULL,
	updated_by     TEXT NOT NULL,
	row_version    INTEGER NOT NULL DEFAULT 1,
	deleted_at     TEXT
) STRICT;

CREATE TABLE sites (
	id           INTEGER PRIMARY KEY,
	client_id    INTEGER NOT NULL REFERENCES clients (id) DEFERRABLE INITIALLY DEFERRED,
	name         TEXT NOT NULL,
	site_code    TEXT,
	is_main      INTEGER NOT NULL DEFAULT 0,
	phone        TEXT,
	street       TEXT,
	street2      TEXT,
	city         TEXT,
	region       TEXT,
	postcode     TEXT,
	country      TEXT,
	external_ref TEXT,
	created_at   TEXT NOT NULL,
	created_by   TEXT NOT NULL,
	updated_at   TEXT NOT NULL,
	updated_by   TEXT NOT NULL,
	row_version  INTEGER NOT NULL DEFAULT 1,
	deleted_at   TEXT,
	UNIQUE (client_id, id)
) STRICT;

CREATE TABLE people (
	id           INTEGER PRIMARY KEY,
	client_id    INTEGER NOT NULL REFERENCES clients (id) DEFERRABLE INITIALLY DEFERRED,
	site_id      INTEGER,
	first_name   TEXT NOT NULL,
	last_name    TEXT,
	job_title    TEXT,
	email        TEXT,
	phone        TEXT,
	mobile       TEXT,
	is_mailbox   INTEGER NOT NULL DEFAULT 0,        -- a shared mailbox is no person
	external_ref TEXT,
	active       INTEGER NOT NULL DEFAULT 1,
	created_at   TEXT NOT NULL,
	created_by   TEXT NOT NULL,
	updated_at   TEXT NOT NULL,
	updated_by   TEXT NOT NULL,
	row_version  INTEGER NOT NULL DEFAULT 1,
	deleted_at   TEXT,
	FOREIGN KEY (client_id, site_id) REFERENCES sites (client_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE tickets (
	id               INTEGER PRIMARY KEY,
	client_id        INTEGER NOT NULL REFERENCES clients (id) DEFERRABLE INITIALLY DEFERRED,
	site_id          INTEGER,
	person_id        INTEGER REFERENCES people (id),
	subject          TEXT NOT NULL,
	details          TEXT,
	queue_id         INTEGER NOT NULL DEFAULT 1 REFERENCES queues (id),
	status_id        INTEGER NOT NULL DEFAULT 1 REFERENCES statuses (id),
	priority_id      INTEGER NOT NULL DEFAULT 2 REFERENCES priorities (id),
	channel_id       INTEGER REFERENCES channels (id),
	assignee_id      INTEGER REFERENCES users (id),
	due_at           TEXT,
	resolution       TEXT,
	estimate_minutes INTEGER,
	site_code        TEXT,
	is_task          INTEGER NOT NULL DEFAULT 0,    -- a project's task is no service ticket
	closed_at        TEXT,
	external_ref     TEXT,
	created_at       TEXT NOT NULL,
	created_by       TEXT NOT NULL,
	updated_at       TEXT NOT NULL,
	updated_by       TEXT NOT NULL,
	row_version      INTEGER NOT NULL DEFAULT 1,
	deleted_at       TEXT,
	FOREIGN KEY (client_id, site_id) REFERENCES sites (client_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- A rule of the host: whoever writes the status, closed_at follows.
CREATE TRIGGER tickets_opened AFTER INSERT ON tickets
WHEN (SELECT is_closed FROM statuses WHERE id = NEW.status_id) BEGIN
	UPDATE tickets SET closed_at = NEW.created_at WHERE id = NEW.id;
END;
CREATE TRIGGER tickets_moved AFTER UPDATE OF status_id ON tickets WHEN NEW.status_id <> OLD.status_id BEGIN
	UPDATE tickets SET closed_at = CASE (SELECT is_closed FROM statuses WHERE id = NEW.status_id)
		WHEN 1 THEN coalesce(OLD.closed_at, NEW.updated_at) END
	WHERE id = NEW.id;
END;

CREATE TABLE comments (
	id           INTEGER PRIMARY KEY,
	ticket_id    INTEGER NOT NULL REFERENCES tickets (id),
	user_id      INTEGER REFERENCES users (id),     -- who wrote it, or
	person_id    INTEGER REFERENCES people (id),
	body         TEXT NOT NULL,
	visibility   TEXT NOT NULL DEFAULT 'internal',  -- internal or public
	external_ref TEXT,
	created_at   TEXT NOT NULL,
	created_by   TEXT NOT NULL,
	updated_at   TEXT NOT NULL,
	updated_by   TEXT NOT NULL,
	row_version  INTEGER NOT NULL DEFAULT 1,
	deleted_at   TEXT
) STRICT;

CREATE TABLE worklogs (
	id           INTEGER PRIMARY KEY,
	ticket_id    INTEGER NOT NULL REFERENCES tickets (id),
	user_id      INTEGER NOT NULL REFERENCES users (id),
	started_at   TEXT NOT NULL,
	minutes      INTEGER NOT NULL,
	work_type_id INTEGER NOT NULL DEFAULT 1 REFERENCES work_types (id),
	billing      TEXT NOT NULL DEFAULT 'billable',  -- billable, free or internal
	summary      TEXT,
	remark       TEXT,                              -- for the team
	visibility   TEXT NOT NULL DEFAULT 'internal',  -- of summary
	rate         TEXT,                              -- nobody else's business
	invoiced_at  TEXT,                              -- from here on nobody changes it
	external_ref TEXT,
	created_at   TEXT NOT NULL,
	created_by   TEXT NOT NULL,
	updated_at   TEXT NOT NULL,
	updated_by   TEXT NOT NULL,
	row_version  INTEGER NOT NULL DEFAULT 1,
	deleted_at   TEXT
) STRICT;

-- One row each: this is what makes a create by marker happen once.
CREATE UNIQUE INDEX clients_marker  ON clients  (external_ref) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX sites_marker    ON sites    (external_ref) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX people_marker   ON people   (external_ref) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX tickets_marker  ON tickets  (external_ref) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX comments_marker ON comments (external_ref) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX worklogs_marker ON worklogs (external_ref) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX clients_code    ON clients  (code)         WHERE deleted_at IS NULL;

-- "What has changed since?" is asked every few minutes.
CREATE INDEX clients_changed  ON clients  (updated_at);
CREATE INDEX sites_changed    ON sites    (updated_at);
CREATE INDEX people_changed   ON people   (updated_at);
CREATE INDEX tickets_changed  ON tickets  (updated_at);
CREATE INDEX comments_changed ON comments (updated_at);
CREATE INDEX worklogs_changed ON worklogs (updated_at);
CREATE INDEX comments_ticket  ON comments (ticket_id);
CREATE INDEX worklogs_ticket  ON worklogs (ticket_id);

CREATE TABLE deletions (
	id          INTEGER PRIMARY KEY,
	table_name  TEXT NOT NULL,
	row_id      INTEGER NOT NULL,
	deleted_at  TEXT NOT NULL,
	deleted_by  TEXT NOT NULL,
	merged_into INTEGER                             -- the row that took its place
) STRICT;
CREATE INDEX deletions_since ON deletions (table_name, deleted_at);

-- Mail that the host's own code has queued.
CREATE TABLE outbox (
	id        INTEGER PRIMARY KEY,
	person_id INTEGER NOT NULL REFERENCES people (id),
	body      TEXT NOT NULL,
	queued_at TEXT NOT NULL
) STRICT;

-- One row. Every write takes its stamp here first, which puts writers in line:
-- stamps never go back, and a later commit never has an earlier stamp.
CREATE TABLE clock (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	stamp TEXT NOT NULL
) STRICT;
INSERT INTO clock VALUES (1, '1970-01-01T00:00:00.000Z');

CREATE TABLE instance (
	id TEXT PRIMARY KEY
) STRICT;
INSERT INTO instance VALUES (lower(hex(randomblob(16))));

INSERT INTO queues (id, name, position, is_default, updated_at, updated_by) VALUES
	(1, 'Service desk', 1, 1, '2026-01-05T09:00:00.000Z', 'setup'),
	(2, 'On-site', 2, 0, '2026-01-05T09:00:00.000Z', 'setup');
INSERT INTO statuses (id, name, position, is_default, is_closed, updated_at, updated_by) VALUES
	(1, 'New', 1, 1, 0, '2026-01-05T09:00:00.000Z', 'setup'),
	(2, 'Working', 2, 0, 0, '2026-01-05T09:00:00.000Z', 'setup'),
	(3, 'Waiting', 3, 0, 0, '2026-01-05T09:00:00.000Z', 'setup'),
	(4, 'Resolved', 4, 0, 1, '2026-01-05T09:00:00.000Z', 'setup'),
	(5, 'Closed', 5, 0, 1, '2026-01-05T09:00:00.000Z', 'setup');
INSERT INTO priorities (id, name, position, is_default, updated_at, updated_by) VALUES
	(1, 'Low', 1, 0, '2026-01-05T09:00:00.000Z', 'setup'),
	(2, 'Medium', 2, 1, '2026-01-05T09:00:00.000Z', 'setup'),
	(3, 'High', 3, 0, '2026-01-05T09:00:00.000Z', 'setup'),
	(4, 'Critical', 4, 0, '2026-01-05T09:00:00.000Z', 'setup');
INSERT INTO channels (id, name, position, updated_at, updated_by) VALUES
	(1, 'Portal', 1, '2026-01-05T09:00:00.000Z', 'setup'),
	(2, 'Mail', 2, '2026-01-05T09:00:00.000Z', 'setup'),
	(3, 'Phone', 3, '2026-01-05T09:00:00.000Z', 'setup'),
	(4, 'Monitoring', 4, '2026-01-05T09:00:00.000Z', 'setup');
INSERT INTO work_types (id, name, billing, is_default, updated_at, updated_by) VALUES
	(1, 'Remote', 'billable', 1, '2026-01-05T09:00:00.000Z', 'setup'),
	(2, 'Visit', 'billable', 0, '2026-01-05T09:00:00.000Z', 'setup'),
	(3, 'Warranty', 'free', 0, '2026-01-05T09:00:00.000Z', 'setup'),
	(4, 'Internal', 'internal', 0, '2026-01-05T09:00:00.000Z', 'setup');
INSERT INTO extra_fields (id, caption, owners, type, position, updated_at, updated_by) VALUES
	('estimate_minutes', 'Estimate (minutes)', 'ticket', 'number', 1, '2026-01-05T09:00:00.000Z', 'setup'),
	('site_code', 'Site code', 'ticket,site', 'string', 2, '2026-01-05T09:00:00.000Z', 'setup');
