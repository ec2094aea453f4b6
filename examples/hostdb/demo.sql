-- Three clients and a morning's work, for demonstrations and tests.
INSERT INTO users (id, login, first_name, last_name, email, job_title, is_bot, active, hourly_cost, updated_at, updated_by) VALUES
	(1, 'ana', 'Ana', 'Sousa', 'ana@msp.example', 'Engineer', 0, 1, '61.40', '2026-02-02T09:00:00.000Z', 'setup'),
	(2, 'ben', 'Ben', 'Okafor', 'ben@msp.example', 'Technician', 0, 1, '48.20', '2026-02-03T09:00:00.000Z', 'setup'),
	(3, 'carla', 'Carla', 'Weiss', 'carla@msp.example', NULL, 0, 0, NULL, '2026-02-04T09:00:00.000Z', 'ana'),
	(4, 'psasync', 'PSA', 'Sync', NULL, NULL, 1, 1, NULL, '2026-02-04T09:00:00.000Z', 'ana');

INSERT INTO clients (id, name, code, phone, website, street, city, postcode, country, account_number, bank_account, active, created_at, created_by, updated_at, updated_by) VALUES
	(1, 'Acme Widgets', 'ACME', '555-0100', 'acme.example', '1 Park Row', 'Leeds', 'LS1 5AB', 'United Kingdom', 'A-1001', 'DE02 1203 0000 0000 2020 51', 1, '2026-02-05T10:00:00.000Z', 'ana', '2026-02-05T10:00:00.000Z', 'ana'),
	(2, 'Harbor Foods', 'HARBOR', '555-0200', NULL, '9 Quay Street', 'Bergen', '5003', 'Norway', NULL, NULL, 1, '2026-02-06T10:00:00.000Z', 'ana', '2026-02-09T10:00:00.000Z', 'ben'),
	(3, 'Old Mill', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-02-06T11:00:00.000Z', 'ana', '2026-02-06T11:00:00.000Z', 'ana');

INSERT INTO sites (id, client_id, name, site_code, is_main, phone, street, city, postcode, country, created_at, created_by, updated_at, updated_by) VALUES
	(1, 1, 'Head office', 'LDS', 1, '555-0101', '1 Park Row', 'Leeds', 'LS1 5AB', 'United Kingdom', '2026-02-05T10:05:00.000Z', 'ana', '2026-02-05T10:05:00.000Z', 'ana'),
	(2, 1, 'Warehouse', 'LDS-2', 0, NULL, '4 Canal Wharf', 'Leeds', 'LS11 5PS', 'United Kingdom', '2026-02-05T10:06:00.000Z', 'ana', '2026-02-10T08:00:00.000Z', 'ana'),
	(3, 2, 'Quay', 'BGO', 1, NULL, '9 Quay Street', 'Bergen', '5003', 'Norway', '2026-02-06T10:05:00.000Z', 'ana', '2026-02-06T10:05:00.000Z', 'ana');

INSERT INTO people (id, client_id, site_id, first_name, last_name, job_title, email, phone, is_mailbox, active, created_at, created_by, updated_at, updated_by) VALUES
	(1, 1, 1, 'Alex', 'Morgan', 'Office manager', 'alex@acme.example', '555-0111', 0, 1, '2026-02-05T10:10:00.000Z', 'ana', '2026-02-05T10:10:00.000Z', 'ana'),
	(2, 1, 2, 'Kim', 'Park', NULL, 'kim@acme.example', NULL, 0, 1, '2026-02-05T10:11:00.000Z', 'ana', '2026-02-11T09:30:00.000Z', 'ben'),
	(3, 2, 3, 'Ola', 'Berg', 'Owner', 'ola@harbor.example', '555-0201', 0, 1, '2026-02-06T10:10:00.000Z', 'ana', '2026-02-06T10:10:00.000Z', 'ana'),
	(4, 2, NULL, 'Tove', NULL, NULL, NULL, NULL, 0, 0, '2026-02-06T10:11:00.000Z', 'ana', '2026-02-12T10:11:00.000Z', 'ana'),
	(5, 2, NULL, 'Orders', NULL, NULL, 'orders@harbor.example', NULL, 1, 1, '2026-02-06T10:12:00.000Z', 'ana', '2026-02-06T10:12:00.000Z', 'ana');

INSERT INTO tickets (id, client_id, site_id, person_id, subject, details, queue_id, status_id, priority_id, channel_id, assignee_id, due_at, resolution, estimate_minutes, site_code, is_task, created_at, created_by, updated_at, updated_by) VALUES
	(1, 1, 1, 1, 'Printer offline', 'The one on floor 2 📠 says "offline".', 1, 2, 2, 1, 1, '2026-03-04T17:00:00.000Z', NULL, 45, 'LDS', 0, '2026-03-02T08:00:00.000Z', 'alex', '2026-03-02T08:30:00.000Z', 'ana'),
	(2, 1, 2, 2, 'New starter: laptop and accounts', NULL, 2, 1, 1, 2, 2, NULL, NULL, 180, 'LDS-2', 0, '2026-03-02T08:10:00.000Z', 'kim', '2026-03-02T08:10:00.000Z', 'kim'),
	(3, 2, 3, 3, 'VPN drops every hour', 'Since Monday.', 1, 4, 4, 3, 1, NULL, 'Updated the client.', NULL, NULL, 0, '2026-03-01T12:00:00.000Z', 'ben', '2026-03-02T09:15:00.125Z', 'ben'),
	(4, 2, NULL, NULL, 'Move the server room', NULL, 2, 1, 2, NULL, NULL, NULL, NULL, NULL, NULL, 1, '2026-03-01T13:00:00.000Z', 'ben', '2026-03-01T13:00:00.000Z', 'ben');

INSERT INTO comments (id, ticket_id, user_id, person_id, body, visibility, created_at, created_by, updated_at, updated_by) VALUES
	(1, 1, NULL, 1, 'It also beeps.', 'public', '2026-03-02T08:20:00.000Z', 'alex', '2026-03-02T08:20:00.000Z', 'alex'),
	(2, 1, 1, NULL, 'Do not promise a date.', 'internal', '2026-03-02T08:25:00.000Z', 'ana', '2026-03-02T08:25:00.000Z', 'ana'),
	(3, 3, 2, NULL, 'Please try again, Ola.', 'public', '2026-03-02T09:00:00.000Z', 'ben', '2026-03-02T09:00:00.000Z', 'ben');

INSERT INTO worklogs (id, ticket_id, user_id, started_at, minutes, work_type_id, billing, summary, remark, visibility, rate, invoiced_at, created_at, created_by, updated_at, updated_by) VALUES
	(1, 3, 2, '2026-03-01T14:00:00.000Z', 50, 1, 'billable', 'Looked at the logs.', NULL, 'public', '120.00', '2026-03-01T20:00:00.000Z', '2026-03-01T15:00:00.000Z', 'ben', '2026-03-01T20:00:00.000Z', 'ben'),
	(2, 3, 2, '2026-03-02T08:45:00.000Z', 20, 3, 'free', 'Updated the client.', 'Second time this month.', 'public', NULL, NULL, '2026-03-02T09:10:00.000Z', 'ben', '2026-03-02T09:10:00.000Z', 'ben'),
	(3, 1, 1, '2026-03-02T08:20:00.000Z', 15, 1, 'billable', 'Called the client.', NULL, 'internal', '120.00', NULL, '2026-03-02T08:30:00.000Z', 'ana', '2026-03-02T08:30:00.000Z', 'ana');

UPDATE clock SET stamp = max(stamp, '2026-03-02T09:15:00.125Z');
