package autotasktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// fits checks a row as it is answered against the schema: exactly its keys in
// its order, types, lengths, required values, choices and references.
func fits(tx *simulator.Tx, tenant *Tenant, e *entity, raw json.RawMessage, checkKeys bool) []string {
	var bad []string
	report := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	v, err := simulator.Decode(raw)
	m, ok := v.(map[string]any)
	if err != nil || !ok {
		return []string{fmt.Sprintf("%v %s", err, raw)}
	}
	var want []string
	for _, f := range e.fields {
		want = append(want, f.name)
		val, ok := m[f.name]
		if !ok {
			continue
		}
		if val == nil {
			if f.req {
				report("required %s is null", f.name)
			}
			continue
		}
		if msg := typeError(f, val); msg != "" {
			report("%s: %s", f.name, msg)
		}
		n, isInt := val.(int)
		if f.pick != "" && isInt {
			if _, ok := tenant.choice(tx, f.pick, n); !ok {
				report("%s: %d is not a choice", f.name, n)
			}
		}
		if to := tenant.schema.byName[f.ref]; to != nil && isInt {
			if _, ok := tx.Table(to.path).Get(n); !ok {
				report("%s: there is no %s %d", f.name, f.ref, n)
			}
		}
		if up := e.field(f.parent); f.parent != "" && up != nil {
			if c, _ := tenant.choice(tx, f.pick, n); c.Parent != m[up.name] {
				report("%s: %d is not below %v", f.name, n, m[up.name])
			}
		}
	}
	if e.udf {
		want = append(want, "userDefinedFields")
		bad = append(bad, udfErrors(tx, tenant, e, m["userDefinedFields"])...)
	}
	if !checkKeys {
		return bad
	}
	if got := keys(raw); !slices.Equal(got, want) {
		report("keys %v, want %v", got, want)
	}
	return bad
}

func typeError(f *field, v any) string {
	var ok bool
	switch f.typ {
	case "boolean":
		_, ok = v.(bool)
	case "double":
		_, ok = v.(float64)
	case "string", "datetime":
		var s string
		s, ok = v.(string)
		if f.max > 0 && len([]rune(s)) > f.max {
			return fmt.Sprintf("%q is longer than %d", s, f.max)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.999Z", s); f.typ == "datetime" && err != nil {
			return fmt.Sprintf("%q is not a UTC datetime", s)
		}
	default:
		_, ok = v.(int)
	}
	if !ok {
		return fmt.Sprintf("%T is not %s", v, f.typ)
	}
	return ""
}

func udfErrors(tx *simulator.Tx, tenant *Tenant, e *entity, v any) []string {
	list, ok := v.([]any)
	if !ok {
		return []string{fmt.Sprintf("userDefinedFields is %T", v)}
	}
	var bad []string
	if len(list) != len(tenant.definitions(tx, e)) {
		bad = append(bad, fmt.Sprintf("%d of %d user-defined fields", len(list), len(tenant.definitions(tx, e))))
	}
	for _, x := range list {
		m := x.(map[string]any)
		if _, isText := m["value"].(string); len(m) != 2 || m["name"] == "" || m["value"] != nil && !isText {
			bad = append(bad, fmt.Sprintf("user-defined field %v", m))
		}
	}
	return bad
}

// keys returns the top-level keys of an object in order.
func keys(raw json.RawMessage) []string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	var out []string
	depth, isKey := 0, false
	for {
		tok, err := dec.Token()
		if err != nil {
			return out
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
			isKey = tok == json.Delim('{')
			continue
		case json.Delim('}'), json.Delim(']'):
			depth--
			isKey = true
			continue
		}
		if depth == 1 {
			if isKey {
				out = append(out, tok.(string))
			}
			isKey = !isKey
		}
	}
}

// Every row of every collection of every generated tenant fits the schema.
func TestRowsFitTheSchema(t *testing.T) {
	for name, tenant := range map[string]*Tenant{"small": Small(), "medium": Medium(), "large": LargeOf(600, 600)} {
		c := serve(t, tenant, Options{Limit: Limit{Requests: -1}})
		rows := 0
		for _, e := range loadSchema().list {
			path := "/" + e.path + "/query"
			for path != "" {
				a := c.do("POST", path, Row{"filter": all(nil)})
				var page struct {
					Items       []json.RawMessage
					PageDetails struct{ NextPageURL string }
				}
				if err := json.Unmarshal(a.raw, &page); err != nil || a.status != 200 {
					t.Fatalf("%s: %s: %d %v", name, e.path, a.status, err)
				}
				rows += len(page.Items)
				tenant.store.View(func(tx *simulator.Tx) {
					for i, raw := range page.Items {
						for _, b := range fits(tx, tenant, e, raw, i < 20) {
							t.Errorf("%s: %s: %s in %s", name, e.path, b, raw)
						}
					}
				})
				if t.Failed() {
					return
				}
				path = page.PageDetails.NextPageURL
			}
		}
		if rows < 100 {
			t.Errorf("%s has %d rows", name, rows)
		}
	}
}

// The traps of the wire names.
func TestSchemaFacts(t *testing.T) {
	s := loadSchema()
	for _, tc := range []struct{ entity, has, hasNot string }{
		{"Ticket", "problemTicketId", "problemTicketID"}, {"Ticket", "rmmAlertID", "rMMAlertID"}, {"Company", "lastTrackedModifiedDateTime", "lastTrackedModificationDateTime"},
		{"Ticket", "lastTrackedModificationDateTime", "lastTrackedModifiedDateTime"}, {"TicketCategory", "displayColorRGB", "displayColorRgb"}, {"ContactGroupContact", "contactGroupId", "contactGroupID"},
		{"UserDefinedFieldListItem", "udfFieldId", "udfFieldID"}, {"TimeEntry", "creatorUserID", "creatorResourceID"}, {"TicketNote", "createDateTime", "createDate"},
	} {
		if f := s.byName[tc.entity].field(tc.has); f == nil || f.name != tc.has {
			t.Errorf("%s should have %s", tc.entity, tc.has)
		}
		if f := s.byName[tc.entity].field(tc.hasNot); f != nil && f.name == tc.hasNot {
			t.Errorf("%s should not have %s", tc.entity, tc.hasNot)
		}
	}
	if f := s.byName["Contact"].field("isActive"); f.typ != "integer" {
		t.Errorf("Contact.isActive is %s", f.typ)
	}
	for _, e := range s.list { // what has a user-defined field or a parent must exist
		if e.child != nil && e.field(e.child.key) == nil {
			t.Errorf("%s has no key %s", e.path, e.child.key)
		}
		if e.fields[0].name != "id" {
			t.Errorf("%s does not begin with its id", e.path)
		}
	}
}

func TestParseSchemaErrors(t *testing.T) {
	for _, text := range []string{" a integer", "E F ops=L\n a", "E F ops=L\n a integer max=x", "E F ops=L\n a integer odd", "E F ops=L\n a float", "E F", "E F odd", "E F child=x"} {
		if _, err := parseSchema(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestTenantsAreDeterministic(t *testing.T) {
	for _, e := range loadSchema().list {
		a, b := serve(t, Small(), Options{}).query(e.path), serve(t, Small(), Options{}).query(e.path)
		if !bytes.Equal(a.raw, b.raw) {
			t.Errorf("%s differs between two tenants", e.path)
		}
	}
}

// The sizes that the documentation promises.
func TestSizes(t *testing.T) {
	m := Medium()
	for _, tc := range []struct {
		what string
		n    int
		want int
	}{
		{"queues", len(m.Picklist("Tickets", "queueID")), 20}, {"statuses", len(m.Picklist("Tickets", "status")), 25}, {"issue types", len(m.Picklist("Tickets", "issueType")), 15},
		{"sub-issue types", len(m.Picklist("Tickets", "subIssueType")), 120}, {"resources", len(m.IDs("Resources")), 60}, {"companies", len(m.IDs("Companies")), 81},
		{"contacts", len(m.IDs("Contacts")), 400}, {"tickets", len(m.IDs("Tickets")), 500}, {"user-defined fields", len(m.IDs("UserDefinedFieldDefinitions")), 41},
	} {
		if tc.n != tc.want {
			t.Errorf("%d %s, want %d", tc.n, tc.what, tc.want)
		}
	}
	if s, _ := func() (PicklistValue, bool) {
		for _, v := range m.Picklist("Tickets", "status") {
			if v.Value == StatusComplete {
				return v, true
			}
		}
		return PicklistValue{}, false
	}(); s.Label != "Complete" || !s.System {
		t.Errorf("status 5 is %+v", s)
	}
	if own := m.Get("Companies", 0); own["companyName"] != "Summit MSP" {
		t.Errorf("company 0 is %v", own["companyName"])
	}
	l := Large()
	c := serve(t, l, Options{})
	for _, collection := range []string{"Contacts", "Tickets"} {
		if n := c.do("POST", "/"+collection+"/query/count", Row{"filter": all(nil)}).object(t)["queryCount"]; n != 100_000 {
			t.Errorf("%v %s", n, collection)
		}
	}
	last := firstTicket + 99_999
	rows := c.query("Tickets", cond("gt", "id", last-1)).rows(t)
	if len(rows) != 1 || rows[0]["id"] != last {
		t.Errorf("last ticket %v", ids(rows))
	}
	c.do("PATCH", "/Tickets", Row{"id": last, "title": "Changed"}).saved(t)
	if got := c.get(fmt.Sprintf("/Tickets/%d", last)).item(t); got["title"] != "Changed" || got["ticketNumber"] != rows[0]["ticketNumber"] {
		t.Errorf("changed %v", got)
	}
}

// Every canary is answered somewhere, and only where it was planted.
func TestCanaries(t *testing.T) {
	for name, tenant := range map[string]*Tenant{"small": Small(), "large": LargeOf(10, 10)} {
		c := serve(t, tenant, Options{})
		pages := map[string]string{}
		for _, e := range loadSchema().list {
			pages[e.path] = string(c.query(e.path).raw)
		}
		list := Canaries()
		if len(list) < 15 {
			t.Errorf("only %d canaries", len(list))
		}
		for i, k := range list {
			for path, text := range pages {
				if strings.Contains(text, k.Value) != (path == k.Entity) {
					t.Errorf("%s: %s of %s is in %s, or not", name, k.Field, k.Entity, path)
				}
			}
			for _, o := range list[i+1:] {
				if strings.Contains(k.Value, o.Value) || strings.Contains(o.Value, k.Value) {
					t.Errorf("%s and %s overlap", k.Value, o.Value)
				}
			}
		}
	}
}

// A mistake of a test's author is told at once.
func TestTenantRefusesMistakes(t *testing.T) {
	tenant := Small()
	for name, f := range map[string]func(){
		"unknown collection": func() { tenant.Add("Ticket", Row{}) },
		"unknown key":        func() { tenant.Add("Tickets", Row{"Title": "x"}) },
		"wrong type":         func() { tenant.Add("Tickets", Row{"status": "5"}) },
		"not a time":         func() { tenant.Add("Tickets", Row{"dueDateTime": "tomorrow"}) },
		"unknown UDF":        func() { tenant.Update("Tickets", firstTicket, Row{"userDefinedFields": UDF("Nope", "x")}) },
		"UDF not an array":   func() { tenant.Update("Tickets", firstTicket, Row{"userDefinedFields": 1}) },
		"UDF not a text": func() {
			tenant.Update("Tickets", firstTicket, Row{"userDefinedFields": []any{Row{"name": "Asset Tag", "value": 1}}})
		},
		"no such row":      func() { tenant.Update("Tickets", 1, Row{}) },
		"other parent":     func() { tenant.Update("Companies/0/Contacts", firstContact, Row{}) },
		"not a picklist":   func() { tenant.AddPicklistValue("Tickets", "title", PicklistValue{Label: "x"}) },
		"derived picklist": func() { tenant.AddPicklistValue("Tickets", "ticketCategory", PicklistValue{Label: "x"}) },
		"value taken":      func() { tenant.AddPicklistValue("Tickets", "status", PicklistValue{Value: 5, Label: "x"}) },
		"no such value":    func() { tenant.UpdatePicklistValue("Tickets", "status", 999, func(*PicklistValue) {}) },
		"picklist of what": func() { tenant.Picklist("Tickets", "title") },
		"removing what":    func() { tenant.Remove("Nope", 1) },
		"deleting what":    func() { tenant.Delete("Nope", 1, 1) },
		"getting what":     func() { tenant.Get("Nope", 1) },
		"listing what":     func() { tenant.IDs("Nope") },
		"odd sheet":        func() { tenant.SetTimesheet(1, time.Now(), "Odd") },
		"odd demand":       func() { tenant.Require(3, "nope", false) },
		"rule on what":     func() { tenant.AddWorkflowRule(WorkflowRule{Collection: "Companies"}) },
		"rule sets what":   func() { tenant.AddWorkflowRule(WorkflowRule{Collection: "Tickets", Set: Row{"nope": 1}}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("was taken")
				}
			}()
			f()
		})
	}
}

// The builder's ways: ids, parents, values of user-defined fields.
func TestTenantEdits(t *testing.T) {
	tenant := NewTenant()
	if id := tenant.Add("Companies", Row{"id": 0, "companyName": "Own"}); id != 0 {
		t.Errorf("own company has id %d", id)
	}
	company := tenant.Add("Companies", Row{"companyName": "Acme", "isActive": true})
	contact := tenant.Add(fmt.Sprintf("Companies/%d/Contacts", company), Row{"firstName": "A", "lastName": "B", "isActive": 1})
	if got := tenant.Get("Contacts", contact)["companyID"]; got != company {
		t.Errorf("contact of company %v", got)
	}
	if got := tenant.IDs(fmt.Sprintf("/Companies/%d/Contacts", company)); !slices.Equal(got, []int{contact}) {
		t.Errorf("children %v", got)
	}
	def := tenant.Add("UserDefinedFieldDefinitions", Row{"name": "Colour", "udfType": udfContact, "dataType": udfText, "isActive": true})
	tenant.Update("Contacts", contact, Row{"userDefinedFields": UDF("colour", "red")})
	tenant.Update("UserDefinedFieldDefinitions", def, Row{"name": "Shade"})
	if got := at(tenant.Get("Contacts", contact), "userDefinedFields", 0); at(got, "name") != "Shade" || at(got, "value") != "red" {
		t.Errorf("after a renaming %v", got)
	}
	tenant.Update("Contacts", contact, Row{"firstName": nil})
	if _, ok := tenant.Get("Contacts", contact)["firstName"]; ok {
		t.Error("nil does not clear")
	}
	if tenant.Get("Contacts", 999) != nil || tenant.Remove("Contacts", 999) || !tenant.Remove("Contacts", contact) {
		t.Error("missing rows are there")
	}
}
