package connectwisetest

import (
	"net/url"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// rules is what the server does beyond the schema when a row is written.
type rules struct {
	defaults func(*change) // fills in what was not sent
	check    func(*change) // refuses what does not go together
	after    func(*change) // effects on other rows, mail
	// remove decides about a deletion; done means it was carried out.
	remove func(c *call, tx *simulator.Tx, row simulator.Row) (done bool, err *apiError)
}

func rulesOf(table string) rules {
	switch table {
	case "tickets":
		return rules{defaults: ticketDefaults, check: ticketCheck, after: ticketAfter}
	case "notes":
		return rules{defaults: noteDefaults, check: noteCheck, after: noteAfter, remove: removeNote}
	case "timeEntries":
		return rules{defaults: timeDefaults, check: timeCheck, after: timeAfter, remove: removeTime}
	case "companies":
		return rules{defaults: companyDefaults, check: companyCheck, after: companyAfter, remove: removeCompany}
	case "contacts":
		return rules{defaults: contactDefaults, check: contactCheck, remove: removeContact}
	case "callbacks":
		return rules{defaults: callbackDefaults, check: callbackCheck}
	case "subtypes":
		return rules{defaults: subtypeDefaults}
	case "workRoles":
		return rules{defaults: workRoleDefaults}
	case "slas":
		return rules{check: slaCheck}
	case "userDefinedFields":
		return rules{defaults: userFieldDefaults}
	case "members":
		return rules{defaults: memberDefaults}
	case "sources":
		return rules{defaults: func(w *change) {
			if w.isNew() {
				w.row["enteredBy"], w.row["dateEntered"] = w.c.member, stamp(w.c.now())
			}
		}}
	}
	return rules{defaults: flagDefaults}
}

// byDefault sets keys that are still unset.
func (w *change) byDefault(values Row) {
	for k, v := range values {
		if w.row[k] == nil {
			w.row[k] = v
		}
	}
}

// flagDefaults makes the flags of a new row false: the server never leaves
// them out of an answer.
func flagDefaults(w *change) {
	for _, f := range w.ent.fields {
		if f.typ == "bool" && !f.array && w.row[f.name] == nil && !isSwitch(w.e.table, f.name) && w.isNew() {
			w.row[f.name] = false
		}
	}
}

// unique refuses a second row of the same name in the same scope.
func (w *change) unique() {
	key := ""
	switch w.e.table {
	case "boards", "statuses", "types", "subtypes", "items", "teams", "priorities", "slas", "sources", "serviceLocations", "companyTypes",
		"companyStatuses", "relationships", "contactDepartments", "teamRoles", "noteTypes", "memberTypes", "securityRoles", "departments",
		"locations", "workTypes", "workRoles", "chargeCodes":
		key = "name"
	case "contactTypes", "communicationTypes":
		key = "description"
	case "companies", "members":
		key = "identifier"
	default:
		return
	}
	want, _ := w.row[key].(string)
	if want == "" || !w.changed(key) {
		return
	}
	for r := range w.tx.Table(w.e.table).All(0) {
		have, _ := r.Field(key).(string)
		if r.ID != w.id && strings.EqualFold(have, want) && w.sameParents(r) {
			w.fail(exists(key, "A record with the %s '%s' already exists.", key, want))
			return
		}
	}
}

// sameParents reports whether a row has the parents of the written one.
func (w *change) sameParents(r simulator.Row) bool {
	for _, p := range w.e.parents {
		if stored(r, p) != stored(simulator.NewRow(w.id, w.row), p) {
			return false
		}
	}
	return true
}

// oneDefault clears the default mark of the other rows in the same scope.
func (w *change) oneDefault() {
	if w.row["defaultFlag"] != true || w.ent.byName["defaultFlag"] == nil || w.e.table == "contacts" {
		return
	}
	var flip []simulator.Row
	for r := range w.tx.Table(w.e.table).All(0) {
		if r.ID != w.id && r.Field("defaultFlag") == true && w.sameParents(r) && w.sameKind(r) {
			flip = append(flip, r)
		}
	}
	for _, r := range flip {
		fields := simulator.CloneObject(r.Fields())
		fields["defaultFlag"] = false
		w.tx.Table(w.e.table).Put(r.ID, fields)
	}
}

// sameKind keeps the default e-mail type apart from the default phone type.
func (w *change) sameKind(r simulator.Row) bool {
	return w.e.table != "communicationTypes" || r.Field("emailFlag") == w.row["emailFlag"] && r.Field("faxFlag") == w.row["faxFlag"]
}

// subtypeDefaults gives the add-all and remove-all switches their effect.
func subtypeDefaults(w *change) {
	flagDefaults(w)
	w.byDefault(Row{"typeAssociationIds": []any{}, "addAllTypesFlag": false, "removeAllTypesFlag": false})
	board := refID(w.row["board"])
	if w.switches["addAllTypesFlag"] == true {
		all := []any{}
		for r := range w.tx.Table("types").All(0) {
			if refID(r.Field("board")) == board {
				all = append(all, r.ID)
			}
		}
		w.row["typeAssociationIds"] = all
	}
	if w.switches["removeAllTypesFlag"] == true {
		w.row["typeAssociationIds"] = []any{}
	}
	for _, id := range listOf(w.row["typeAssociationIds"]) {
		n, _ := id.(int)
		if r, ok := w.tx.Table("types").Get(n); !ok || refID(r.Field("board")) != board {
			w.fail(wrong("typeAssociationIds", "The type %v was not found on the board.", id))
		}
	}
}

func workRoleDefaults(w *change) {
	flagDefaults(w)
	w.byDefault(Row{"locationIds": []any{}})
	if w.switches["addAllLocations"] == true {
		all := []any{}
		for r := range w.tx.Table("locations").All(0) {
			all = append(all, r.ID)
		}
		w.row["locationIds"] = all
	}
	if w.switches["removeAllLocations"] == true {
		w.row["locationIds"] = []any{}
	}
}

func slaCheck(w *change) {
	if w.row["basedOn"] == "Custom" && w.row["customCalendar"] == nil {
		w.fail(missing("customCalendar"))
	}
}

// userFieldDefaults gives new options ids and a new definition its GUID.
func userFieldDefaults(w *change) {
	flagDefaults(w)
	delete(w.row, "displayScreenInASIO")
	last := 0
	for r := range w.tx.Table("userDefinedFields").All(0) {
		for _, o := range listOf(r.Field("options")) {
			last = max(last, refID(o))
		}
	}
	options, _ := simulator.Clone(listOf(w.row["options"])).([]any)
	for i, o := range options {
		m, _ := o.(map[string]any)
		if m["id"] == nil {
			last++
			m["id"] = last
		}
		for k, v := range (Row{"defaultFlag": false, "inactiveFlag": false, "sortOrder": i}) {
			if m[k] == nil {
				m[k] = v
			}
		}
	}
	if len(options) > 0 {
		w.row["options"] = options
	}
	if w.isNew() {
		w.row["connectWiseID"] = requestGUID(w)
		w.row["dateCreated"] = stamp(w.c.now())
	}
}

// requestGUID makes a GUID for a new row.
func requestGUID(w *change) string {
	return requestID(w.c.r, w.tx.Table(w.e.table).NextID())
}

func memberDefaults(w *change) {
	flagDefaults(w)
	w.byDefault(Row{"excludedServiceBoardIds": []any{}, "teams": []any{}, "serviceBoardTeamIds": []any{}})
}

// callbackLevels returns the levels of each callback type (ConnectWise
// developer guide, Callbacks: levels and types).
func callbackLevels() map[string][]string {
	return map[string][]string{
		"activity":       {"owner", "status", "type", "company", "activity"},
		"agreement":      {"owner", "type", "company", "agreement"},
		"company":        {"owner", "status", "type", "territory", "company", "integratortag"},
		"contact":        {"owner", "type", "territory", "company", "contact"},
		"configuration":  {"owner", "type", "status", "configuration"},
		"invoice":        {"owner", "status", "company", "invoice"},
		"expense":        {"owner", "chargetotype", "type", "class", "company", "expense"},
		"member":         {"owner", "location", "securityrole", "member"},
		"opportunity":    {"owner", "statusid", "company", "opportunity"},
		"productcatalog": {"owner"},
		"project":        {"owner", "status", "board", "project"},
		"purchaseorder":  {"owner", "status", "vendor", "company", "purchaseorder"},
		"schedule":       {"owner", "status", "type", "location", "member", "schedule"},
		"ticket":         {"owner", "board", "project", "phase", "status", "ticket", "integratortag"},
		"time":           {"owner", "company", "time"},
		"site":           {"owner"},
	}
}

func callbackDefaults(w *change) {
	flagDefaults(w)
	if w.row["objectId"] == 0 {
		w.row["objectId"] = 1 // sent as 0, stored as 1
	}
	if w.isNew() {
		w.byDefault(Row{"payloadVersion": "3.0.0", "memberId": w.c.apiMember(w.tx), "connectWiseID": requestGUID(w)})
	}
}

// apiMember returns the id of the API member, under the store's lock.
func (c *call) apiMember(tx *simulator.Tx) any {
	for r := range tx.Table("members").All(0) {
		if s, _ := r.Field("identifier").(string); strings.EqualFold(s, c.member) {
			return r.ID
		}
	}
	return nil
}

func callbackCheck(w *change) {
	target, _ := w.row["url"].(string)
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		w.fail(wrong("url", "Invalid URL"))
	}
	typ, _ := w.row["type"].(string)
	level, _ := w.row["level"].(string)
	levels := callbackLevels()[strings.ToLower(typ)]
	switch {
	case levels == nil:
		w.fail(wrong("type", "Unrecognized type %s", typ))
	case !slices.Contains(levels, strings.ToLower(level)):
		w.fail(wrong("level", "Unrecognized level for type %s", typ))
	}
	for r := range w.tx.Table("callbacks").All(0) {
		match := r.ID != w.id
		for _, k := range []string{"url", "type", "level", "objectId"} {
			match = match && r.Field(k) == w.row[k]
		}
		if match {
			w.fail(exists("objectId", "A matching callback entry already exists"))
			return
		}
	}
}
