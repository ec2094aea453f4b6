package connectwisetest

import "fmt"

// AddBoard adds an active service board and returns its id. A location and a
// department are added first if the tenant has none.
func (t *Tenant) AddBoard(name string) int {
	first := func(path string, row Row) Row {
		if ids := t.IDs(path); len(ids) > 0 {
			return ref(ids[0])
		}
		return ref(t.Add(path, row))
	}
	return t.Add("/service/boards", Row{
		"name": name, "inactiveFlag": false, "projectFlag": false,
		"location":   first("/system/locations", Row{"name": "Office", "structureLevel": Row{"id": 2, "name": "Location"}, "locationFlag": true, "clientFlag": false}),
		"department": first("/system/departments", Row{"identifier": "Services", "name": "Services"}),
	})
}

// AddStatus adds an active status to a board and returns its id. The first
// status of a board is its default.
func (t *Tenant) AddStatus(board int, name string, closed bool) int {
	path := fmt.Sprintf("/service/boards/%d/statuses", board)
	n := len(t.IDs(path))
	return t.Add(path, Row{
		"name": name, "closedStatus": closed, "inactive": false, "displayOnBoard": !closed, "defaultFlag": n == 0, "sortOrder": 10 * (n + 1), "timeEntryNotAllowed": false,
	})
}
