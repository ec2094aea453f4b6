package connectwisetest

import (
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// change is one write while it is checked: nothing is stored before it is
// found valid. It lives under the store's write lock.
type change struct {
	c   *call
	tx  *simulator.Tx
	e   *endpoint
	ent *entity

	id       int
	old      Row             // nil: a new row
	row      Row             // the row as it will be stored
	sent     map[string]bool // keys the request names
	switches Row             // keys that are taken but not stored
	errs     []fieldError
	put      bool
}

func (w *change) fail(e fieldError) { w.errs = append(w.errs, e) }

// isNew reports whether the write makes a row.
func (w *change) isNew() bool { return w.old == nil }

// changed reports whether a key gets another value.
func (w *change) changed(key string) bool { return w.isNew() || !same(w.old[key], w.row[key]) }

// same compares two stored values; references by id.
func same(a, b any) bool {
	if x, ok := a.(map[string]any); ok {
		y, ok := b.(map[string]any)
		return ok && x["id"] == y["id"]
	}
	if x, ok := a.([]any); ok {
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	}
	if _, ok := b.(map[string]any); ok {
		return false
	}
	if _, ok := b.([]any); ok {
		return false
	}
	return a == b
}

// set takes one key of the request.
func (w *change) set(key string, v any) {
	f := w.ent.byName[key]
	switch {
	case f == nil:
		w.fail(wrong(key, "%s is not a field of %s.", key, w.e.name()))
		return
	case key == "id" || key == "_info" || serverOnly(w.e.table, key, w.isNew()):
		return // silently ignored, as the vendor does
	}
	w.sent[key] = true
	if key == "customFields" {
		w.setCustomFields(v)
		return
	}
	if v == nil {
		delete(w.row, key)
		return
	}
	val, err := w.normal(f, v)
	switch {
	case err != nil:
		w.fail(*err)
	case isSwitch(w.e.table, key):
		w.switches[key] = val
	default:
		w.row[key] = val
	}
}

// normal checks a value against the schema and returns it as it is stored.
func (w *change) normal(f *field, v any) (any, *fieldError) {
	if f.array {
		list, ok := v.([]any)
		if !ok {
			return nil, typeError(f, "an array")
		}
		out := make([]any, len(list))
		for i, e := range list {
			one, err := w.single(f, e)
			if err != nil {
				return nil, err
			}
			out[i] = one
		}
		return out, nil
	}
	return w.single(f, v)
}

func typeError(f *field, want string) *fieldError {
	e := wrong(f.name, "The value of %s must be %s.", f.name, want)
	return &e
}

func (w *change) single(f *field, v any) (any, *fieldError) {
	switch f.typ {
	case "int":
		if _, ok := v.(int); !ok {
			return nil, typeError(f, "an integer")
		}
	case "number":
		if n, ok := v.(int); ok {
			return float64(n), nil
		}
		if _, ok := v.(float64); !ok {
			return nil, typeError(f, "a number")
		}
	case "bool":
		if _, ok := v.(bool); !ok {
			return nil, typeError(f, "a boolean")
		}
	case "datetime":
		s, ok := v.(string)
		t, good := parseTime(s, time.Time{})
		if !ok || !good {
			return nil, typeError(f, "a datetime")
		}
		return stamp(t), nil
	case "string":
		s, ok := v.(string)
		if !ok {
			return nil, typeError(f, "a string")
		}
		return w.text(f, s)
	case "map":
		return nil, typeError(f, "left out")
	case "any":
	default:
		m, ok := v.(map[string]any)
		if !ok {
			return nil, typeError(f, "an object")
		}
		if isRef(f.typ) {
			return w.reference(f, m)
		}
		return w.nested(f, m)
	}
	return v, nil
}

func (w *change) text(f *field, s string) (any, *fieldError) {
	if f.max > 0 && len([]rune(s)) > f.max {
		e := wrong(f.name, "The field %s must be a string with a maximum length of %d.", f.name, f.max)
		return nil, &e
	}
	if len(f.enum) == 0 {
		return s, nil
	}
	for _, x := range f.enum {
		if strings.EqualFold(x, s) {
			return x, nil
		}
	}
	e := wrong(f.name, "The value '%s' is not valid for %s.", s, f.name)
	return nil, &e
}

// nested checks an object that is not a reference, such as an option of a
// custom field or a communication item.
func (w *change) nested(f *field, m map[string]any) (any, *fieldError) {
	ent := w.c.t.api.schema[f.typ]
	out := Row{}
	for k, v := range m {
		in := ent.byName[k]
		if in == nil {
			e := wrong(f.name, "%s is not a field of %s.", k, f.name)
			return nil, &e
		}
		if v == nil || k == "_info" {
			continue
		}
		n, err := w.normal(in, v)
		if err != nil {
			err.Field = f.name + "/" + err.Field
			return nil, err
		}
		out[k] = n
	}
	return out, nil
}

// reference finds the row that {"id"}, {"identifier"} or {"name"} means. Of
// tables that belong to a board only the rows of the record's board are looked
// at for a name.
func (w *change) reference(f *field, m map[string]any) (any, *fieldError) {
	to, known := targetOf(f.typ)
	if !known {
		return simulator.CloneObject(m), nil
	}
	if w.e.table == "companies" && f.name == "site" && w.isNew() && m["id"] == nil {
		return Row{"name": m["name"]}, nil // the main site is made with the company
	}
	tab := w.tx.Table(to.table)
	if id, ok := m["id"].(int); ok {
		if _, ok := tab.Get(id); ok && !w.c.s.core.Rights.Hidden(to.table, id) {
			return ref(id), nil
		}
		e := wrong(f.name, "The %s with id %d was not found.", f.name, id)
		return nil, &e
	}
	board := refID(w.row["board"])
	for _, key := range []string{"identifier", "name"} {
		want, ok := m[key].(string)
		if !ok {
			continue
		}
		for r := range tab.All(0) {
			have, _ := refField(to.table, r, key).(string)
			onBoard := r.Field("board") == nil || board == 0 || refID(r.Field("board")) == board
			if strings.EqualFold(have, want) && onBoard {
				return ref(r.ID), nil
			}
		}
		e := wrong(f.name, "The %s '%s' was not found.", f.name, want)
		return nil, &e
	}
	return nil, typeError(f, "an object with id, identifier or name")
}

// setCustomFields takes an array of {"id","value"}: fields that are not named
// keep their value, so that an empty array changes nothing.
func (w *change) setCustomFields(v any) {
	list, ok := v.([]any)
	if !ok {
		w.fail(wrong("customFields", "The value of customFields must be an array."))
		return
	}
	have, _ := w.row["customFields"].([]any)
	have, _ = simulator.Clone(have).([]any)
	for _, el := range list {
		m, _ := el.(map[string]any)
		id, ok := m["id"].(int)
		def, found := w.tx.Table("userDefinedFields").Get(id)
		screen, _ := fieldOf(def, found, "screenId").(string)
		if !ok || !found || w.c.t.screenOwner(screen) != w.ent.name {
			w.fail(wrong("customFields", "There is no custom field %v on %s.", m["id"], w.ent.name))
			continue
		}
		if msg := customValueError(def, m["value"]); msg != "" {
			w.fail(wrong("customFields", "%v: %s", def.Field("caption"), msg))
			continue
		}
		at := slices.IndexFunc(have, func(x any) bool { return refID(x) == id })
		if at < 0 {
			have = append(have, Row{"id": id})
			at = len(have) - 1
		}
		one, _ := have[at].(map[string]any)
		one["value"] = m["value"]
	}
	w.row["customFields"] = have
}

func fieldOf(r simulator.Row, ok bool, key string) any {
	if !ok {
		return nil
	}
	return r.Field(key)
}

// customValueError says what is wrong with a value of a custom field.
func customValueError(def simulator.Row, v any) string {
	if v == nil {
		if def.Field("requiredFlag") == true {
			return "a value is required."
		}
		return ""
	}
	switch def.Field("fieldTypeIdentifier") {
	case "Number", "Currency", "Percent":
		if _, ok := number(v); !ok {
			return "a number is expected."
		}
		return ""
	case "Checkbox":
		if _, ok := v.(bool); !ok {
			return "a boolean is expected."
		}
		return ""
	case "Date":
		s, _ := v.(string)
		if _, ok := parseTime(s, time.Time{}); !ok {
			return "a date is expected."
		}
		return ""
	}
	s, ok := v.(string)
	if !ok {
		return "a string is expected."
	}
	options, _ := def.Field("options").([]any)
	if len(options) == 0 {
		return ""
	}
	for _, o := range options {
		m, _ := o.(map[string]any)
		if m["optionValue"] == s && m["inactiveFlag"] != true {
			return ""
		}
	}
	return "'" + s + "' is not one of the options."
}

// isSwitch reports whether a key steers the write and is not stored.
func isSwitch(table, key string) bool {
	switch key {
	case "addAllTypesFlag", "removeAllTypesFlag", "addAllSubTypesFlag", "removeAllSubTypesFlag", "addAllLocations", "removeAllLocations",
		"addAllAgreementExclusions", "addAllBusinessUnits", "removeAllBusinessUnits", "copyPodLayouts", "copySharedDefaultViews",
		"copyColumnLayoutsAndFilters", "fromMemberRecId", "fromMemberTemplateRecId":
		return true
	case "emailResourceFlag", "emailContactFlag", "emailCcFlag":
		return table == "timeEntries" // action flags: they act once
	}
	return writeOnly(table, key)
}

// serverOnly reports whether a key is set by the server only.
func serverOnly(table, key string, isNew bool) bool {
	var keys []string
	switch table {
	case "tickets":
		keys = []string{
			"closedFlag", "closedDate", "closedBy", "actualHours", "resources", "dateResolved", "dateResplan", "dateResponded", "resolveMinutes", "resPlanMinutes",
			"respondMinutes", "isInSla", "slaStatus", "hasChildTicket", "hasMergedChildTicketFlag", "mergedParentTicket", "mobileGuid", "escalationStartDateUTC",
			"escalationLevel", "minutesBeforeWaiting", "respondedSkippedMinutes", "resplanSkippedMinutes", "respondedHours", "respondedBy", "resplanHours", "resplanBy",
			"resolutionHours", "resolvedBy", "minutesWaiting", "agreementType",
		}
	case "notes":
		keys = []string{"ticketId", "dateCreated", "createdBy", "internalFlag", "externalFlag", "sentimentScore"}
	case "timeEntries":
		keys = []string{
			"status", "enteredBy", "dateEntered", "hourlyCost", "invoice", "invoiceHours", "hoursBilled", "mobileGuid", "timeSheet", "ticket", "ticketBoard", "ticketStatus",
			"ticketType", "ticketSubType", "extendedInvoiceAmount", "companyType", "locationName", "location", "department", "invoiceReady", "agreementType",
		}
	case "companies":
		keys = []string{"mobileGuid", "deletedBy", "dateDeleted"}
		if !isNew { // types only on POST, later through typeAssociations
			keys = append(keys, "types")
		}
	case "contacts":
		keys = []string{"mobileGuid", "defaultPhoneType", "defaultPhoneNbr", "defaultPhoneExtension"}
		if !isNew {
			keys = append(keys, "types")
		}
	case "members":
		keys = []string{"lastLogin", "token"}
	case "statuses", "types", "subtypes", "items":
		keys = []string{"board"}
	case "teams":
		keys = []string{"boardId"}
	case "sites":
		keys = []string{"company", "mobileGuid"}
	case "slaPriorities":
		keys = []string{"sla"}
	case "userDefinedFields":
		keys = []string{"connectWiseID", "dateCreated"}
	case "callbacks":
		keys = []string{"connectWiseID"}
	case "communications":
		keys = []string{"contactId", "mobileGuid"}
	case "sources":
		keys = []string{"enteredBy", "dateEntered"}
	}
	return slices.Contains(keys, key)
}
