package connectwisetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// conforms checks a value against the schema: real keys, types, enumerations
// and lengths; required keys are there; nothing is null but the value of a
// custom field.
func conforms(s schema, where, typ string, v any, top bool) []string {
	var bad []string
	report := func(format string, args ...any) { bad = append(bad, where+": "+fmt.Sprintf(format, args...)) }
	ent := s[typ]
	m, ok := v.(map[string]any)
	if ent == nil || !ok {
		report("%T is not a %s", v, typ)
		return bad
	}
	for k, val := range m {
		f := ent.byName[k]
		if f == nil {
			report("no key %s in %s", k, typ)
			continue
		}
		at := where + "/" + k
		if f.array {
			list, ok := val.([]any)
			if !ok {
				report("%s is %T, not an array", k, val)
			}
			for i, e := range list {
				bad = append(bad, conformsOne(s, fmt.Sprintf("%s/%d", at, i), f, e)...)
			}
			continue
		}
		if val == nil && (typ != "CustomFieldValue" || k != "value") {
			report("%s is null", k)
			continue
		}
		bad = append(bad, conformsOne(s, at, f, val)...)
	}
	for _, f := range ent.fields {
		if f.req && m[f.name] == nil && top {
			report("required %s is missing", f.name)
		}
	}
	if _, ok := m["id"].(int); top && !ok {
		report("no id")
	}
	return bad
}

func conformsOne(s schema, where string, f *field, v any) []string {
	fail := func(format string, args ...any) []string {
		return []string{where + ": " + fmt.Sprintf(format, args...)}
	}
	switch f.typ {
	case "int":
		if _, ok := v.(int); !ok {
			return fail("%T is not an integer", v)
		}
	case "number":
		if _, ok := number(v); !ok {
			return fail("%T is not a number", v)
		}
	case "bool":
		if _, ok := v.(bool); !ok {
			return fail("%T is not a boolean", v)
		}
	case "string", "datetime":
		t, ok := v.(string)
		if !ok {
			return fail("%T is not a string", v)
		}
		if f.max > 0 && len([]rune(t)) > f.max {
			return fail("%q is longer than %d", t, f.max)
		}
		if len(f.enum) > 0 && !slices.Contains(f.enum, t) {
			return fail("%q is not one of %v", t, f.enum)
		}
		if _, err := time.Parse(time.RFC3339, t); f.typ == "datetime" && (err != nil || !strings.HasSuffix(t, "Z")) {
			return fail("%q is not a UTC datetime", t)
		}
	case "map":
		m, ok := v.(map[string]any)
		if !ok {
			return fail("%T is not an object", v)
		}
		for k, e := range m {
			if _, ok := e.(string); !ok {
				return fail("%s is %T: _info is a map of strings", k, e)
			}
		}
	case "any":
	default:
		return conforms(s, where, f.typ, v, false)
	}
	return nil
}

// Every row of every list of every generated tenant fits the REST schema.
func TestRowsFitTheSchema(t *testing.T) {
	for name, tenant := range map[string]*Tenant{"small": Small(), "medium": Medium(), "virtual": smallVirtual(300, 300)} {
		c := serve(t, tenant, Options{Limit: Limit{Requests: -1}})
		rows := 0
		for path, e := range c.lists() {
			list := c.get(with(path, "pageSize", "1000")).rows(t)
			if len(list) == 0 && !slices.Contains([]string{"callbacks", "notes", "allNotes", "timeEntries", "contactTypeAssociations"}, e.table) {
				t.Errorf("%s: %s is empty", name, path)
			}
			for _, r := range list {
				rows++
				for _, b := range conforms(loadAPI().schema, path, e.entity, r, true) {
					t.Errorf("%s: %s", name, b)
				}
				if t.Failed() {
					return
				}
				if _, ok := r["_info"].(map[string]any); !ok {
					t.Fatalf("%s: %s: no _info", name, path)
				}
			}
		}
		t.Logf("%s: %d rows", name, rows)
	}
}

// The traps of the schema: the markers have different names in each list.
func TestSchemaFacts(t *testing.T) {
	s := loadAPI().schema
	for _, tc := range []struct {
		entity, has, hasNot string
	}{
		{"BoardStatus", "inactive", "inactiveFlag"}, {"BoardStatus", "closedStatus", "closedFlag"}, {"BoardStatusInfo", "closedFlag", "closedStatus"}, {"BoardStatusInfo", "inactiveFlag", "inactive"},
		{"ContactType", "description", "name"}, {"CommunicationType", "description", "name"}, {"UserDefinedField", "caption", "name"}, {"Ticket", "externalXRef", "externalXref"},
		{"WorkType", "integrationXRef", "integrationXref"}, {"WorkRole", "integrationXref", "integrationXRef"}, {"Contact", "firstName", "name"}, {"ServiceTemplate", "billComplete_Flag", "billCompleteFlag"},
		{"Member", "employeeIdentifer", "employeeIdentifier"}, {"LocationInfo", "location_flag", "locationFlag"}, {"ServiceNote", "ticketId", "noteType"}, {"CompanySite", "stateReference", "state"},
	} {
		if s[tc.entity].byName[tc.has] == nil || s[tc.entity].byName[tc.hasNot] != nil {
			t.Errorf("%s should have %s and not %s", tc.entity, tc.has, tc.hasNot)
		}
	}
	if f := s["Ticket"].byName["summary"]; !f.req || f.max != 100 {
		t.Errorf("Ticket.summary %+v", f)
	}
}

func TestParseSchemaErrors(t *testing.T) {
	for _, text := range []string{" a int", "E\n a", "E\n a int max=x", "E\n a int odd"} {
		if _, err := parseSchema(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if _, err := newAPI("E\n a int"); err == nil {
		t.Error("an API without entities was taken")
	}
}

func TestTenantsAreDeterministic(t *testing.T) {
	for _, path := range []string{"/service/tickets", "/company/contacts", "/service/boards/13/items", "/system/userDefinedFields", "/system/members"} {
		a := serve(t, Small(), Options{}).get(path)
		b := serve(t, Small(), Options{}).get(path)
		if string(a.raw) != string(b.raw) {
			t.Errorf("%s differs between two Small tenants", path)
		}
	}
}

// Medium is a realistic tenant.
func TestMediumIsRealistic(t *testing.T) {
	m := Medium()
	count := func(path string) int { return len(m.IDs(path)) }
	for path, want := range map[string]int{
		"/service/boards": 40, "/system/members": 61, "/service/priorities": 15, "/system/userDefinedFields": 30, "/service/SLAs": 4, "/service/templates": 12,
		"/company/companies": 81, "/company/contacts": 400, "/service/tickets": 500,
	} {
		if got := count(path); got != want {
			t.Errorf("%s has %d rows, want %d", path, got, want)
		}
	}
	names := map[string]int{}
	for _, b := range m.IDs("/service/boards") {
		base := fmt.Sprintf("/service/boards/%d/", b)
		for list, bounds := range map[string][2]int{"statuses": {8, 15}, "types": {6, 10}, "subtypes": {15, 30}, "items": {10, 40}, "teams": {2, 4}} {
			if n := count(base + list); n < bounds[0] || n > bounds[1] {
				t.Errorf("%s%s has %d rows", base, list, n)
			}
		}
		open, closed := 0, 0
		for _, id := range m.IDs(base + "statuses") {
			s := m.Get(base+"statuses", id)
			names[s["name"].(string)]++
			if s["closedStatus"] == true {
				closed++
			} else {
				open++
			}
		}
		if open == 0 || closed == 0 || count(base+"typeSubTypeItemAssociations") < 20 {
			t.Errorf("board %d: %d open, %d closed statuses, %d associations", b, open, closed, count(base+"typeSubTypeItemAssociations"))
		}
	}
	if names["New"] != 40 {
		t.Errorf("status New is on %d boards", names["New"])
	}
}
