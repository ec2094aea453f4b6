package endtoend

import "github.com/psasync/psasync/connectwise/connectwisetest"

// leastRequests counts what ConnectWise's API needs for one full read of the
// configuration: the codebase once, one request for every list whose rows fit
// a page of 1,000, six lists for every board, one for every SLA, and one row
// of each of the five record kinds for the owners of custom fields.
func leastRequests(tenant *connectwisetest.Tenant) int {
	boards := len(tenant.IDs("/service/boards"))
	slas := len(tenant.IDs("/service/SLAs"))
	const (
		discovery = 1
		owners    = 5 // company, site, contact, ticket, time entry
		global    = 25
	)
	return discovery + global + owners + 6*boards + slas
}
