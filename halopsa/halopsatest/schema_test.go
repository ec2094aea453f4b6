package halopsatest

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// Every list and every object answers only keys the schema has, in its types.
func TestAnswersFollowSchema(t *testing.T) {
	c := newClient(t, Small(), &Options{UserCustomFields: true})
	ids := "152,153,154,155,156,157,158,159,160,161,162,163"
	all := "?includeinactive=true&includeactive=true&includedisabled=true&includeenabled=true&includeapiagents=true&showall=true&showallcodes=true&showhidden=true&showinactive=true&" +
		"showpriorities=true&includevalues=true&includeagents=true&showholidays=true&includehtmlnote=true&startdate=2020-01-01&count=100000&include_custom_fields=" + ids
	for _, e := range c.srv.Tenant().api.byPath {
		rows := c.rows(e.path + all)
		if len(rows) == 0 {
			t.Errorf("%s is empty", e.path)
		}
		for _, row := range rows {
			checkRow(t, c.srv.Tenant().api.ent(e), row)
			if !e.does("G") || e.parent != "" {
				continue
			}
		}
		if e.does("G") && e.parent == "" {
			id := rows[0]["id"]
			if id == unassignedAgent || id == unknownClient {
				id = rows[len(rows)-1]["id"]
			}
			path := e.path + "/" + strings.TrimSuffix(strings.TrimSpace(textOf(id)), ".0") + "?includedetails=true"
			checkRow(t, c.srv.Tenant().api.ent(e), c.one(path))
		}
	}
}

func textOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return strconv.Itoa(integer(v))
}

func checkRow(t *testing.T, ent *entity, row Row) {
	t.Helper()
	for k, v := range row {
		f := ent.byName[k]
		if f == nil || f.write {
			t.Errorf("%s has no key %q", ent.name, k)
			continue
		}
		ok := false
		switch f.typ {
		case "int":
			_, ok = v.(int)
		case "double":
			_, ok = v.(float64)
		case "bool":
			_, ok = v.(bool)
		case "string":
			_, ok = v.(string)
		case "guid":
			s := text(v)
			ok = len(s) == 36 && strings.Count(s, "-") == 4
		case "date":
			s, isText := v.(string)
			_, err := time.Parse("2006-01-02T15:04:05", s)
			ok = isText && err == nil && !strings.HasSuffix(s, "Z")
		case "list":
			_, ok = v.([]any)
		case "object":
			_, ok = v.(map[string]any)
		}
		if !ok {
			t.Errorf("%s.%s is %#v, want %s", ent.name, k, v, f.typ)
		}
	}
}
