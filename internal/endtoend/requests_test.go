package endtoend

import (
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa/halopsatest"
)

// leastConnectWise counts what ConnectWise's API needs for one full read of the
// configuration: the codebase once, one request for every list whose rows fit
// a page of 1,000, six lists for every board, one for every SLA, and one row
// of each of four record kinds for the owners of custom fields.
func leastConnectWise(tenant *connectwisetest.Tenant) int {
	boards := len(tenant.IDs("/service/boards"))
	slas := len(tenant.IDs("/service/SLAs"))
	const (
		discovery = 1
		owners    = 4 // company, contact, ticket, time entry
		global    = 25
	)
	return discovery + global + owners + 6*boards + slas
}

// leastAutotask: where the database is and how much of its quota is used, the
// picklists of tickets, ticket notes and companies, seven lists, what ticket
// categories preset, the items of list fields, and two lists of codes.
const leastAutotask = 2 + 3 + 7 + 1 + 1 + 2

// leastHalo: authinfo, a token, the version, each list once, the lookup of
// lookups, and the details of each ticket type, which alone name its statuses.
func leastHalo(tenant *halopsatest.Tenant) int {
	const (
		login = 3
		lists = 20
	)
	return login + lists + len(tenant.IDs("/TicketType"))
}
