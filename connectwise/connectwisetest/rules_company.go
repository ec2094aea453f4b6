package connectwisetest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

func companyDefaults(w *change) {
	flagDefaults(w)
	if !w.isNew() {
		return
	}
	w.byDefault(Row{
		"status": w.firstWhere("companyStatuses", anyRow, true), "dateAcquired": stamp(w.c.now()), "mobileGuid": requestGUID(w),
		"annualRevenue": 0.0, "customFields": []any{}, "types": []any{},
	})
	for k, v := range w.row {
		if v == nil {
			delete(w.row, k)
		}
	}
}

func companyCheck(w *change) {
	if !w.isNew() {
		return
	}
	for _, k := range []string{"addressLine1", "addressLine2", "city", "state", "zip", "country", "site"} {
		if w.row[k] != nil {
			return
		}
	}
	w.fail(wrong("addressLine1", "At least one address field is required."))
}

// companyAfter makes the main site of a new company.
func companyAfter(w *change) {
	if !w.isNew() || refID(w.row["site"]) != 0 {
		return
	}
	site := Row{
		"name": "Main", "company": ref(w.id), "primaryAddressFlag": true, "defaultShippingFlag": true, "defaultBillingFlag": true, "defaultMailingFlag": true,
		"inactiveFlag": false, "billSeparateFlag": false, "_info": w.row["_info"],
	}
	for _, k := range []string{"addressLine1", "addressLine2", "city", "zip", "country", "phoneNumber"} {
		if v := w.row[k]; v != nil {
			site[k] = v
		}
	}
	if named, _ := w.row["site"].(map[string]any); named["name"] != nil {
		site["name"] = named["name"]
	}
	tab := w.tx.Table("sites")
	id := tab.NextID()
	tab.Put(id, site)
	fields := simulator.CloneObject(w.row)
	fields["site"], fields["billingSite"], fields["billToCompany"] = ref(id), ref(id), ref(w.id)
	w.tx.Table("companies").Put(w.id, fields)
}

// removeCompany marks the company as deleted: the row stays in the list with
// deletedFlag.
func removeCompany(c *call, tx *simulator.Tx, row simulator.Row) (bool, *apiError) {
	for _, u := range c.usesOf(tx, "companies", row.ID) {
		return false, failf(http.StatusConflict, "ConnectWiseApi", "Company %d is in use by %s and cannot be deleted.", row.ID, c.t.api.byTable[u.table].name())
	}
	fields := simulator.CloneObject(row.Fields())
	fields["deletedFlag"], fields["dateDeleted"], fields["deletedBy"] = true, stamp(c.now()), c.member
	tx.Table("companies").Put(row.ID, fields)
	c.restamp(tx, "companies", row.ID)
	return true, nil
}

func contactDefaults(w *change) {
	flagDefaults(w)
	list := listOf(w.row["communicationItems"])
	if w.isNew() {
		delete(w.row, "ignoreDuplicates")
		w.byDefault(Row{"communicationItems": []any{}, "types": []any{}, "customFields": []any{}, "mobileGuid": requestGUID(w)})
		for i, it := range list {
			w.finishItem(list, i, it)
		}
		for _, id := range listOf(w.switches["typeIds"]) {
			n, _ := id.(int)
			if _, ok := w.tx.Table("contactTypes").Get(n); !ok {
				w.fail(wrong("typeIds", "The type %v was not found.", id))
				continue
			}
			w.row["types"] = append(listOf(w.row["types"]), ref(n))
		}
		if co, ok := w.on("company", "companies"); ok {
			w.byDefault(Row{"site": co.Field("site")})
		}
		for k, v := range w.row {
			if v == nil {
				delete(w.row, k)
			}
		}
	}
	mirrorPhone(w.tx, w.row)
}

// contactCheck refuses a second person of the same name at a company unless
// ignoreDuplicates is sent, and a site of another company.
func contactCheck(w *change) {
	if s, ok := w.on("site", "sites"); ok && w.row["company"] != nil && refID(s.Field("company")) != refID(w.row["company"]) && (w.changed("site") || w.changed("company")) {
		w.fail(wrong("site", "The site %d does not belong to the company.", s.ID))
	}
	if w.switches["ignoreDuplicates"] == true || !w.changed("firstName") && !w.changed("lastName") && !w.changed("company") {
		return
	}
	for r := range w.tx.Table("contacts").All(0) {
		if r.ID != w.id && equalText(r.Quick("firstName"), w.row["firstName"]) && equalText(r.Quick("lastName"), w.row["lastName"]) &&
			refID(r.Quick("company")) == refID(w.row["company"]) {
			w.fail(exists("lastName", "A contact with this name already exists at the company. Set ignoreDuplicates to save it all the same."))
			return
		}
	}
}

func equalText(a, b any) bool { return strings.EqualFold(text(a), text(b)) }

// removeContact moves the records of the contact to another one when the call
// names it (transferContactId).
func removeContact(c *call, tx *simulator.Tx, row simulator.Row) (bool, *apiError) {
	arg := c.r.URL.Query().Get("transferContactId")
	if arg == "" {
		return false, nil
	}
	to, err := strconv.Atoi(arg)
	if _, ok := tx.Table("contacts").Get(to); err != nil || !ok || to == row.ID {
		return false, notFound("Contact", arg)
	}
	for _, u := range c.usesOf(tx, "contacts", row.ID) {
		fields := simulator.CloneObject(u.row.Fields())
		for _, k := range c.pointers(c.t.api.byTable[u.table], "contacts") {
			if refID(fields[k]) == row.ID {
				fields[k] = ref(to)
			}
		}
		if slices.Contains([]string{"tickets", "notes"}, u.table) {
			fields["contact"] = ref(to)
		}
		tx.Table(u.table).Put(u.row.ID, fields)
	}
	return false, nil
}
