package hostdb

import "github.com/psasync/psasync/psa"

// The host's own words for what package psa has words for.
var (
	visibilities = choice("internal",
		word{"internal", "internal"}, word{"public", "public"},
		word{"team", "internal"}) // the host has nothing between its own people and the client
	billings = choice("no",
		word{"yes", "billable"}, word{"no_charge", "free"}, word{"no", "internal"})
)

// tables describes the whole database. Columns that are not named here, such
// as pay and bank accounts, are never read.
var tables = []table{
	{
		kind: psa.KindWorkType, name: "work_types", term: "Work type", label: "$.name", active: "$.active",
		columns: []column{
			{"name", "$.name", line, shown | find, ""},
			{"billable", "$.billing", billings, shown, ""},
			{"default", "$.is_default", yesNo, shown, ""},
		},
	},
	{
		kind: psa.KindMember, name: "users", term: "Technician", label: "$.first_name || ' ' || $.last_name", active: "$.active",
		columns: []column{
			{"name", "$.first_name || ' ' || $.last_name", line, shown | find, ""},
			{"identifier", "$.login", line, shown | find, ""},
			{"first_name", "$.first_name", line, shown, ""},
			{"last_name", "$.last_name", line, shown, ""},
			{"email", "$.email", line, shown | find, ""},
			{"title", "$.job_title", line, shown, ""},
			{"api", "$.is_bot", yesNo, shown, ""},
		},
	},
	{
		kind: psa.KindBoard, name: "queues", term: "Queue", label: "$.name", active: "$.active",
		columns: []column{
			{"name", "$.name", line, shown | find, ""},
			{"order", "$.position", number, shown, ""},
			{"default", "$.is_default", yesNo, shown, ""},
		},
	},
	{
		kind: psa.KindStatus, name: "statuses", term: "Status", label: "$.name", active: "$.active",
		columns: []column{
			{"name", "$.name", line, shown | find, ""},
			{"order", "$.position", number, shown, ""},
			{"default", "$.is_default", yesNo, shown, ""},
			{"closed", "$.is_closed", yesNo, shown, ""},
		},
	},
	{
		kind: psa.KindPriority, name: "priorities", term: "Priority", label: "$.name", active: "$.active",
		columns: []column{
			{"name", "$.name", line, shown | find, ""},
			{"order", "$.position", number, shown, ""},
			{"default", "$.is_default", yesNo, shown, ""},
		},
	},
	{
		kind: psa.KindTicketSource, name: "channels", term: "Channel", label: "$.name", active: "$.active",
		columns: []column{
			{"name", "$.name", line, shown | find, ""},
			{"order", "$.position", number, shown, ""},
		},
	},
	{
		kind: psa.KindCustomField, name: "extra_fields", term: "Extra field", label: "$.caption", active: "$.active", textID: true,
		columns: []column{
			{"name", "$.caption", line, shown | find, ""},
			{"owners", "$.owners", words, shown, ""},
			{"type", "$.type", line, shown, ""},
			{"order", "$.position", number, shown, ""},
		},
	},
	{
		kind: psa.KindCompany, name: "clients", term: "Client", label: "$.name", active: "$.active",
		columns: []column{
			{"name", "name", line, required | find, ""},
			{"identifier", "code", line, find, ""},
			{"phone", "phone", line, 0, ""},
			{"website", "website", line, 0, ""},
			{"address.line1", "street", line, 0, ""},
			{"address.line2", "street2", line, 0, ""},
			{"address.city", "city", line, 0, ""},
			{"address.state", "region", line, 0, ""},
			{"address.zip", "postcode", line, 0, ""},
			{"address.country", "country", line, 0, ""},
			{"account_number", "account_number", line, 0, ""},
			{"external_ref", "external_ref", line, marker | find, ""},
			{"created_at", "$.created_at", stamp, shown, ""},
		},
	},
	{
		kind: psa.KindSite, name: "sites", term: "Site", label: "$.name", parent: "company",
		columns: []column{
			{"name", "name", line, required | find, ""},
			{"company", "client_id", reference, required | find, psa.KindCompany},
			{"main", "is_main", yesNo, filled, ""},
			{"phone", "phone", line, 0, ""},
			{"address.line1", "street", line, 0, ""},
			{"address.line2", "street2", line, 0, ""},
			{"address.city", "city", line, 0, ""},
			{"address.state", "region", line, 0, ""},
			{"address.zip", "postcode", line, 0, ""},
			{"address.country", "country", line, 0, ""},
			{"external_ref", "external_ref", line, marker | find, ""},
			{"custom.site_code", "site_code", line, 0, ""},
		},
	},
	{
		kind: psa.KindContact, name: "people", term: "Person", parent: "company", active: "$.active",
		label: "$.first_name || coalesce(' ' || $.last_name, '')",
		where: "$.is_mailbox = 0", groups: [][]string{{"company", "site"}},
		columns: []column{
			{"name", "$.first_name || coalesce(' ' || $.last_name, '')", line, shown, ""},
			{"first_name", "first_name", line, required, ""},
			{"last_name", "last_name", line, 0, ""},
			{"title", "job_title", line, 0, ""},
			{"company", "client_id", reference, required | find, psa.KindCompany},
			{"site", "site_id", reference, 0, psa.KindSite},
			{"email", "email", line, find, ""},
			{"phone", "phone", line, 0, ""},
			{"mobile", "mobile", line, 0, ""},
			{"external_ref", "external_ref", line, marker | find, ""},
			{"created_at", "$.created_at", stamp, shown, ""},
		},
	},
	{
		kind: psa.KindTicket, name: "tickets", term: "Ticket", label: "$.subject",
		where: "$.is_task = 0", groups: [][]string{{"company", "site"}},
		columns: []column{
			{"summary", "subject", line, required, ""},
			{"description", "details", prose, 0, ""},
			{"number", "'HD-' || $.id", line, shown | find, ""},
			{"board", "queue_id", reference, filled, psa.KindBoard},
			{"status", "status_id", reference, filled, psa.KindStatus},
			{"closed", "(SELECT s.is_closed FROM statuses s WHERE s.id = $.status_id)", yesNo, shown, ""},
			{"priority", "priority_id", reference, filled, psa.KindPriority},
			{"source", "channel_id", reference, 0, psa.KindTicketSource},
			{"company", "client_id", reference, required | find, psa.KindCompany},
			{"site", "site_id", reference, 0, psa.KindSite},
			{"contact", "person_id", reference, 0, psa.KindContact},
			{"owner", "assignee_id", reference, 0, psa.KindMember},
			{"due_at", "due_at", stamp, 0, ""},
			{"resolution", "resolution", prose, 0, ""},
			{"external_ref", "external_ref", line, marker | find, ""},
			{"created_at", "$.created_at", stamp, shown, ""},
			{"created_by", "$.created_by", line, shown, ""},
			{"updated_by", "$.updated_by", line, shown, ""},
			{"closed_at", "$.closed_at", stamp, shown, ""},
			{"custom.estimate_minutes", "estimate_minutes", number, 0, ""},
			{"custom.site_code", "site_code", line, 0, ""},
		},
	},
	{
		kind: psa.KindNote, name: "comments", term: "Comment", label: "$.body", parent: "ticket", where: ofServiceTicket,
		columns: []column{
			{"ticket", "ticket_id", reference, required | once | find | owned, psa.KindTicket},
			{"text", "body", prose, required, ""},
			{"visibility", "visibility", visibilities, filled, ""},
			{"member", "$.user_id", reference, shown, psa.KindMember},
			{"contact", "$.person_id", reference, shown, psa.KindContact},
			{"author", "coalesce((SELECT u.first_name || ' ' || u.last_name FROM users u WHERE u.id = $.user_id), " +
				"(SELECT h.first_name || coalesce(' ' || h.last_name, '') FROM people h WHERE h.id = $.person_id), $.created_by)", line, shown, ""},
			{"external_ref", "external_ref", line, marker | find, ""},
			{"created_at", "$.created_at", stamp, shown, ""},
			{"updated_by", "$.updated_by", line, shown, ""},
		},
	},
	{
		kind: psa.KindTimeEntry, name: "worklogs", term: "Work log", label: "$.started_at", parent: "ticket", where: ofServiceTicket,
		columns: []column{
			{"ticket", "ticket_id", reference, required | once | find | owned, psa.KindTicket},
			{"member", "user_id", reference, required | find, psa.KindMember},
			{"start_at", "started_at", stamp, required, ""},
			{"hours", "minutes", hours, required, ""},
			{"billable", "billing", billings, filled, ""},
			{"work_type", "work_type_id", reference, filled, psa.KindWorkType},
			{"notes", "summary", prose, 0, ""},
			{"internal_notes", "remark", prose, 0, ""},
			{"visibility", "visibility", visibilities, filled, ""},
			{"locked", "$.invoiced_at IS NOT NULL", yesNo, shown | locks, ""},
			{"external_ref", "external_ref", line, marker | find, ""},
			{"created_at", "$.created_at", stamp, shown, ""},
			{"updated_by", "$.updated_by", line, shown, ""},
		},
	},
}

// ofServiceTicket leaves out what was written on a project's task.
const ofServiceTicket = "EXISTS (SELECT 1 FROM tickets k WHERE k.id = $.ticket_id AND k.is_task = 0)"
