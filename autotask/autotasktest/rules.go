package autotasktest

import (
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// rules are what the vendor checks and does beyond the schema.
type rules struct {
	defaults func(*change) // before required fields are checked
	check    func(*change)
	after    func(*change) // when the row is stored
}

func rulesOf(path string) rules {
	switch path {
	case "Tickets":
		return rules{ticketDefaults, ticketCheck, nil}
	case "TicketNotes":
		return rules{nil, noteCheck, noteAfter}
	case "TimeEntries":
		return rules{timeDefaults, timeCheck, timeAfter}
	case "Companies":
		return rules{companyDefaults, nil, nil}
	case "Contacts":
		return rules{nil, contactCheck, nil}
	case "CompanyLocations", "UserDefinedFieldDefinitions":
		return rules{activeDefault, uniqueName, nil}
	case "UserDefinedFieldListItems":
		return rules{activeDefault, uniqueValues, nil}
	case "ContactGroups":
		return rules{nil, uniqueName, nil}
	case "ContactGroupContacts":
		return rules{nil, oncePerGroup, nil}
	case "Tags":
		return rules{activeDefault, nil, nil}
	}
	return rules{}
}

func activeDefault(w *change) {
	if w.isNew() && w.row["isActive"] == nil {
		w.row["isActive"] = true
	}
}

// others yields the rows of the collection but the one that is written.
func (w *change) others(yield func(simulator.Row) bool) {
	for r := range w.tx.Table(w.e.path).All(-1) {
		if (w.isNew() || r.ID != w.id) && !yield(r) {
			return
		}
	}
}

// uniqueName refuses a name that a sibling has.
func uniqueName(w *change) {
	scope := map[string]string{"CompanyLocations": "companyID", "UserDefinedFieldDefinitions": "udfType"}[w.e.path]
	for r := range w.others {
		if strings.EqualFold(text(r.Field("name")), text(w.row["name"])) && (scope == "" || r.Field(scope) == w.row[scope]) {
			w.fail("A %s already exists with Name [%s]", w.e.name, text(w.row["name"]))
			return
		}
	}
}

// uniqueValues refuses a list item whose texts another item of the list has.
func uniqueValues(w *change) {
	for r := range w.others {
		if r.Field("udfFieldId") != w.row["udfFieldId"] {
			continue
		}
		for _, k := range []string{"valueForDisplay", "valueForExport"} {
			if strings.EqualFold(text(r.Field(k)), text(w.row[k])) {
				w.fail("A %s already exists with %s [%s]", w.e.name, k, text(w.row[k]))
			}
		}
	}
}

func oncePerGroup(w *change) {
	for r := range w.others {
		if r.Field("contactGroupId") == w.row["contactGroupId"] && r.Field("contactId") == w.row["contactId"] {
			w.fail("The contact is already in the contact group.")
		}
	}
}

func companyDefaults(w *change) {
	activeDefault(w)
	if w.isNew() && w.row["billToAddressToUse"] == nil {
		w.row["billToAddressToUse"] = 1
	}
}

func contactCheck(w *change) {
	if n := w.int("isActive"); n != 0 && n != 1 {
		w.fail("The value of isActive must be 0 or 1.")
	}
	w.sameCompany("companyLocationID", "CompanyLocations")
}

// sameCompany checks that a row that is referred to is of the same company.
func (w *change) sameCompany(key, table string) {
	id, ok := w.row[key].(int)
	if !ok || !w.changed(key) && !w.changed("companyID") {
		return
	}
	if r, found := w.tx.Table(table).Get(id); !found || r.Field("companyID") != w.row["companyID"] {
		w.badReference(w.e.field(key))
	}
}

// removable says why a row cannot be deleted.
func (c *call) removable(tx *simulator.Tx, e *entity, row simulator.Row) *apiError {
	used := func(table, key string) bool {
		for r := range tx.Table(table).All(-1) {
			if r.Field(key) == row.ID {
				return true
			}
		}
		return false
	}
	inUse := failf("The %s cannot be deleted because other records refer to it.", e.name)
	switch e.path {
	case "TimeEntries":
		if msg := c.t.sheetError(row.Field("resourceID"), row.Field("dateWorked")); msg != "" {
			return failf("%s", msg)
		}
	case "Contacts":
		if row.Field("primaryContact") == true || used("Tickets", "contactID") || used("Contracts", "contactID") || used("TicketNotes", "createdByContactID") {
			return inUse
		}
	case "CompanyLocations":
		if row.Field("isPrimary") == true || used("Tickets", "companyLocationID") || used("Contacts", "companyLocationID") {
			return inUse
		}
	case "Tags":
		if row.Field("isSystem") == true {
			return inUse
		}
	case "ContactGroups":
		if used("ContactGroupContacts", "contactGroupId") {
			return inUse
		}
	}
	return nil
}
