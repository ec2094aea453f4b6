package mapping

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

func mustLayout(t testing.TB, vendor string) *Layout {
	t.Helper()
	src, err := os.ReadFile("testdata/" + vendor + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	l, err := ParseLayout(vendor+".yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func ref(id, name string) psa.Fields {
	return psa.Reference{ID: id, Name: name}.Fields()
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// Rows as the vendors send them, see their documentation.
func TestDecode(t *testing.T) {
	tests := []struct {
		name, vendor string
		kind         psa.Kind
		row          string
		parent       psa.Ref
		want         psa.Record
	}{
		{
			name: "status", vendor: "connectwise", kind: "status",
			row: `{"id":16,"name":"New","board":{"id":1,"name":"Help Desk","_info":{"board_href":"https://x"}},"sortOrder":10.0,
				"inactive":false,"closedStatus":true,"timeEntryNotAllowed":true,"defaultFlag":false,"escalationStatus":"Resolved",
				"_info":{"lastUpdated":"2026-03-01T08:14:05Z","updatedBy":"zed"}}`,
			want: psa.Record{
				Ref: psa.Ref{Kind: "status", ID: "16"}, Parent: psa.Ref{Kind: "board", ID: "1"}, Active: true, Updated: at("2026-03-01T08:14:05Z"),
				Fields: psa.Fields{"name": "New", "board": ref("1", "Help Desk"), "order": json.Number("10"), "default": false,
					"closed": true, "time_entry_allowed": false, "escalation": "Resolved"},
			},
		},
		{
			name: "inactive, parent from the list", vendor: "connectwise", kind: "status", parent: psa.Ref{Kind: "board", ID: "7"},
			row: `{"id":"16","inactive":true,"board":null}`,
			want: psa.Record{
				Ref: psa.Ref{Kind: "status", ID: "16"}, Parent: psa.Ref{Kind: "board", ID: "7"},
				Fields: psa.Fields{"board": nil},
			},
		},
		{
			name: "subtype", vendor: "connectwise", kind: "classification/subtype",
			row: `{"id":3,"name":"Printer","typeAssociationIds":[5,6.0,"7"],"board":{"id":1}}`,
			want: psa.Record{
				Ref: psa.Ref{Kind: "classification", ID: "2:3"}, Parent: psa.Ref{Kind: "board", ID: "1"}, Active: true,
				Fields: psa.Fields{"name": "Printer", "level": json.Number("2"), "board": ref("1", ""), "parents": []any{"1:5", "1:6", "1:7"}},
			},
		},
		{
			name: "enum outside the list", vendor: "connectwise", kind: "work_type", row: `{"id":3,"name":"Remote","billTime":"NoDefault"}`,
			want: psa.Record{Ref: psa.Ref{Kind: "work_type", ID: "3"}, Active: true, Fields: psa.Fields{"name": "Remote", "billable": nil}},
		},
		{
			name: "options", vendor: "connectwise", kind: "custom_field",
			row: `{"id":9,"caption":"Site \u0041","requiredFlag":"True","options":[{"id":1,"optionValue":"A","defaultFlag":true,"sortOrder":1},{"id":2,"optionValue":"B","inactiveFlag":true}]}`,
			want: psa.Record{Ref: psa.Ref{Kind: "custom_field", ID: "9"}, Active: true, Fields: psa.Fields{
				"name": "Site A", "required": true, "options": []any{
					psa.Fields{"id": "1", "value": "A", "default": true, "active": true, "order": json.Number("1")},
					psa.Fields{"id": "2", "value": "B", "active": false},
				}}},
		},
		{
			name: "company", vendor: "connectwise", kind: "company",
			row: `{"id":2,"name":"Acme","types":[{"id":1,"name":"Customer","_info":{}}],"addressLine1":"1 High St","country":{"id":1,"name":"Norway"},"deletedFlag":false}`,
			want: psa.Record{Ref: psa.Ref{Kind: "company", ID: "2"}, Active: true, Fields: psa.Fields{
				"name": "Acme", "types": []any{ref("1", "Customer")}, "address": psa.Fields{"line1": "1 High St", "country": "Norway"}}},
		},
		{
			name: "contact", vendor: "connectwise", kind: "contact",
			row: `{"id":5,"firstName":"Jo","company":{"id":2,"identifier":"acme","name":"Acme"},"communicationItems":[
				{"id":1,"type":{"id":2,"name":"Direct"},"value":"555","defaultFlag":true,"communicationType":"Phone"},
				{"id":2,"type":{"id":1,"name":"Email"},"value":"old@x.example","defaultFlag":false,"communicationType":"Email"},
				{"id":3,"type":{"id":1,"name":"Email"},"value":"jo@x.example","defaultFlag":true,"communicationType":"Email"}],
				"customFields":[{"id":16,"caption":"VIP","type":"Checkbox","value":true},{"id":17,"value":null},{"id":18,"value":1.50},{"id":19,"value":"a b"}]}`,
			want: psa.Record{Ref: psa.Ref{Kind: "contact", ID: "5"}, Parent: psa.Ref{Kind: "company", ID: "2"}, Active: true, Fields: psa.Fields{
				"name": "Jo", "first_name": "Jo", "company": ref("2", "Acme"), "email": "jo@x.example",
				"communications": []any{
					psa.Fields{"id": "1", "type": ref("2", "Direct"), "medium": "phone", "value": "555", "default": true},
					psa.Fields{"id": "2", "type": ref("1", "Email"), "medium": "email", "value": "old@x.example", "default": false},
					psa.Fields{"id": "3", "type": ref("1", "Email"), "medium": "email", "value": "jo@x.example", "default": true},
				},
				"custom": psa.Fields{"16": true, "17": nil, "18": json.Number("1.5"), "19": "a b"}}},
		},
		{
			name: "no default e-mail", vendor: "connectwise", kind: "contact", row: `{"id":5,"communicationItems":[],"customFields":[]}`,
			want: psa.Record{Ref: psa.Ref{Kind: "contact", ID: "5"}, Active: true, Fields: psa.Fields{
				"email": nil, "communications": []any{}, "custom": psa.Fields{}}},
		},
		{
			name: "note", vendor: "connectwise", kind: "note", parent: psa.Ref{Kind: "ticket", ID: "9"},
			row: `{"id":1,"text":"a\nb","resolutionFlag":false,"detailDescriptionFlag":true,"contact":{"id":4,"name":"Ola"}}`,
			want: psa.Record{Ref: psa.Ref{Kind: "note", ID: "1"}, Parent: psa.Ref{Kind: "ticket", ID: "9"}, Active: true, Fields: psa.Fields{
				"ticket": ref("9", ""), "text": "a\nb", "resolution": false, "visibility": "public", "author": "Ola"}},
		},
		{
			name: "note without flags is internal", vendor: "connectwise", kind: "note",
			row: `{"id":1,"ticket":{"id":8},"member":{"id":3,"identifier":"zed","name":"Zed Z"}}`,
			want: psa.Record{Ref: psa.Ref{Kind: "note", ID: "1"}, Parent: psa.Ref{Kind: "ticket", ID: "8"}, Active: true, Fields: psa.Fields{
				"ticket": ref("8", ""), "visibility": "internal", "member": ref("3", "zed"), "author": "Zed Z"}},
		},
		{
			name: "picklist, keys of any case", vendor: "autotask", kind: "status",
			row: `{"Value":"5","LABEL":"Complete","isDefaultValue":false,"sortOrder":3,"isActive":1,"parentValue":""}`,
			want: psa.Record{Ref: psa.Ref{Kind: "status", ID: "5"}, Active: true, Fields: psa.Fields{
				"name": "Complete", "order": json.Number("3"), "default": false, "closed": true}},
		},
		{
			name: "shape with a field removed", vendor: "autotask", kind: "classification/sub_issue",
			row: `{"value":"136","label":"Scanner","isDefaultValue":false,"sortOrder":1,"isActive":false,"parentValue":null}`,
			want: psa.Record{Ref: psa.Ref{Kind: "classification", ID: "2:136"}, Fields: psa.Fields{
				"name": "Scanner", "order": json.Number("1"), "level": json.Number("2"), "parents": []any{}}},
		},
		{
			name: "sentinel id, integer flag, time without zone", vendor: "autotask", kind: "contact",
			row: `{"id":7,"companyID":0,"companyLocationID":null,"firstName":"Ola","lastName":"Berg","emailAddress":"","isActive":1,
				"primaryContact":true,"lastActivityDate":"2030-03-21T00:00:00","userDefinedFields":[{"name":"Rank","value":"Gold"},{"name":"X","value":null}]}`,
			want: psa.Record{Ref: psa.Ref{Kind: "contact", ID: "7"}, Active: true, Updated: at("2030-03-21T00:00:00Z"), Fields: psa.Fields{
				"name": "Ola Berg", "first_name": "Ola", "last_name": "Berg", "company": nil, "site": nil, "email": nil, "main": true,
				"custom": psa.Fields{"Rank": "Gold", "X": nil}}},
		},
		{
			name: "bare references", vendor: "autotask", kind: "ticket",
			row: `{"id":70211,"companyID":214,"title":"Scanner","queueID":29682833,"assignedResourceID":null,"issueType":10,"estimatedHours":1.50,"dueDateTime":"2018-01-23T11:00:00.00Z"}`,
			want: psa.Record{Ref: psa.Ref{Kind: "ticket", ID: "70211"}, Parent: psa.Ref{Kind: "company", ID: "214"}, Active: true, Fields: psa.Fields{
				"summary": "Scanner", "board": ref("29682833", ""), "owner": nil, "category_1": ref("1:10", ""),
				"budget_hours": json.Number("1.5"), "due_at": "2018-01-23T11:00:00Z"}},
		},
		{
			name: "conditions", vendor: "autotask", kind: "time_entry",
			row: `{"id":1,"hoursWorked":0.5,"isNonBillable":true,"showOnInvoice":true,"startDateTime":"2015-06-10T13:22:29.877+02:00"}`,
			want: psa.Record{Ref: psa.Ref{Kind: "time_entry", ID: "1"}, Active: true, Fields: psa.Fields{
				"hours": json.Number("0.5"), "billable": "no_charge", "start_at": "2015-06-10T11:22:29.877Z"}},
		},
		{
			name: "units", vendor: "halopsa", kind: "sla_target",
			row:  `{"id":"c183eb27","slaid":1,"priorityid":3,"responsetime":1.5,"responseunits":"D"}`,
			want: psa.Record{Ref: psa.Ref{Kind: "sla_target", ID: "1/3"}, Active: true, Fields: psa.Fields{"respond_hours": json.Number("36")}},
		},
		{
			name: "a third of an hour", vendor: "halopsa", kind: "sla_target",
			row:  `{"slaid":1,"priorityid":3,"responsetime":20,"responseunits":"M"}`,
			want: psa.Record{Ref: psa.Ref{Kind: "sla_target", ID: "1/3"}, Active: true, Fields: psa.Fields{"respond_hours": json.Number("0.333333333")}},
		},
		{
			name: "ids taken from objects", vendor: "halopsa", kind: "ticket_type",
			row:  `{"id":1,"name":"Incident","allowall_status":false,"allowed_status":[{"ticketype_id":1,"status_id":1.0},{"status_id":9}]}`,
			want: psa.Record{Ref: psa.Ref{Kind: "ticket_type", ID: "1"}, Active: true, Fields: psa.Fields{"name": "Incident", "statuses": []any{"1", "9"}}},
		},
		{
			name: "double ids", vendor: "halopsa", kind: "contact",
			row: `{"id":77,"name":"Jo","site_id":18.0,"site_name":"Main","client_id":12,"client_name":"Acme","emailaddress":"jo@acme.example"}`,
			want: psa.Record{Ref: psa.Ref{Kind: "contact", ID: "77"}, Parent: psa.Ref{Kind: "company", ID: "12"}, Active: true, Fields: psa.Fields{
				"name": "Jo", "company": ref("12", "Acme"), "site": ref("18", "Main"), "email": "jo@acme.example"}},
		},
		{
			name: "empty dates, second spellings", vendor: "halopsa", kind: "ticket",
			row: `{"id":4321,"summary":"Printer","details":"  Level 2\u0000","agent_id":1,"team":"1st Line","categoryid_1":16,"category1":"Hardware>Printer",
				"targetdate":"1900-01-01T00:00:00","dateoccurred":"2026-09-01T08:00:00.1234567","lastupdate":"2026-09-01T09:15:00.38"}`,
			want: psa.Record{Ref: psa.Ref{Kind: "ticket", ID: "4321"}, Active: true, Updated: at("2026-09-01T09:15:00.38Z"), Fields: psa.Fields{
				"summary": "Printer", "description": "Level 2", "owner": nil, "team": ref("", "1st Line"), "category_1": ref("16", "Hardware>Printer"),
				"due_at": nil, "created_at": "2026-09-01T08:00:00.1234567Z"}},
		},
		{
			name: "id of two parts", vendor: "halopsa", kind: "note",
			row: `{"ticket_id":4321,"id":2,"who":"Ann","who_agentid":5,"datetime":"2026-09-01T09:15:00","note":"x","hiddenfromuser":true}`,
			want: psa.Record{Ref: psa.Ref{Kind: "note", ID: "4321/2"}, Parent: psa.Ref{Kind: "ticket", ID: "4321"}, Active: true, Updated: at("2026-09-01T09:15:00Z"), Fields: psa.Fields{
				"ticket": ref("4321", ""), "text": "x", "visibility": "internal", "member": ref("5", "Ann")}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.vendor+" "+tt.name, func(t *testing.T) {
			k := mustLayout(t, tt.vendor).Kind(tt.kind)
			got := k.Decode([]byte(tt.row), tt.parent)
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDecodeBadRows(t *testing.T) {
	cw := mustLayout(t, "connectwise")
	tests := []struct {
		name string
		kind psa.Kind
		row  string
		id   string
		want string
	}{
		{"no row", "status", ``, "", "not a JSON object"},
		{"no object", "status", `[1]`, "", "not a JSON object"},
		{"cut", "status", `{"id":5,"name":"Ne`, "5", "not JSON"},
		{"trailing", "status", `{"id":5} x`, "5", "not JSON"},
		{"bad number", "status", `{"id":5,"sortOrder":01}`, "5", "not JSON"},
		{"bad escape in a key nobody reads", "status", `{"id":5,"foo":{"x":["\q"]}}`, "5", "not JSON"},
		{"no id", "status", `{"name":"New"}`, "", "id: the row has none"},
		{"null id", "status", `{"id":null}`, "", "id: the row has none"},
		{"fraction", "status", `{"id":5.5}`, "", "id: id: got a fraction, want an id"},
		{"id twice", "status", `{"id":5,"id":6}`, "5", "id: the key stands twice"},
		{"nested key twice", "status", `{"id":5,"_info":{"lastUpdated":"2026-03-01T08:14:05Z","lastUpdated":"2026-03-01T08:14:06Z"}}`, "5", "_info.lastUpdated: the key stands twice"},
		{"object as text", "status", `{"id":5,"name":{}}`, "5", "name: name: got an object, want a text"},
		{"text as flag", "status", `{"id":5,"closedStatus":"perhaps"}`, "5", "closed: closedStatus: got a text, want a truth value"},
		{"text as object", "status", `{"id":5,"_info":"x"}`, "5", "_info: want an object"},
		{"no time", "status", `{"id":5,"_info":{"lastUpdated":"2026-02-30T00:00:00Z"}}`, "5", "updated: _info.lastUpdated: the text is no time"},
		{"too deep", "status", `{"id":5,"x":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, "5", "JSON nested too deep"},
		{"huge number", "status", `{"id":5,"sortOrder":1e999999999}`, "5", "order: sortOrder: a number out of range"},
		{"list expected", "contact", `{"id":5,"customFields":{}}`, "5", "custom: customFields: got an object, want a list"},
		{"element", "contact", `{"id":5,"communicationItems":[{"communicationType":"Pager"}]}`, "5", "communications: communicationItems.0.communicationType: a value the layout does not list"},
		{"key missing in element", "contact", `{"id":5,"customFields":[{"id":1,"value":1},{"value":2}]}`, "5", "custom: customFields.1: the element has no key"},
		{"custom field twice", "contact", `{"id":5,"customFields":[{"id":1,"value":1},{"id":1.0,"value":2}]}`, "5", "custom: customFields.1: two elements have one key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := cw.Kind(tt.kind).Decode([]byte(tt.row), psa.Ref{})
			var e *psa.Error
			if !errors.As(got.Err, &e) || !errors.Is(got.Err, psa.ErrData) {
				t.Fatalf("error %v, want one of class ErrData", got.Err)
			}
			if e.Detail != tt.want || e.Provider != "connectwise" {
				t.Errorf("got %q of %q, want %q", e.Detail, e.Provider, tt.want)
			}
			if got.ID != tt.id || got.Fields != nil {
				t.Errorf("got id %q and fields %v, want %q and none", got.ID, got.Fields, tt.id)
			}
		})
	}
}

func TestKindLayout(t *testing.T) {
	l := mustLayout(t, "connectwise")
	if diff := cmp.Diff([]psa.Kind{"work_type", "status", "classification", "custom_field", "company", "contact", "ticket", "note"}, l.Kinds()); diff != "" {
		t.Errorf("kinds: -want +got:\n%s", diff)
	}
	if l.Kind("classification") != nil || l.Kind("board") != nil {
		t.Error("a kind that the file does not describe is not nil")
	}
	k := l.Kind("classification/subtype")
	if k.Kind() != psa.KindClassification || k.Variant() != "subtype" {
		t.Errorf("got %s and %s", k.Kind(), k.Variant())
	}
	if diff := cmp.Diff([]string{"_info.lastUpdated", "board", "closedStatus", "defaultFlag", "escalationStatus", "id", "inactive", "name", "sortOrder", "timeEntryNotAllowed"},
		l.Kind("status").Sources()); diff != "" {
		t.Errorf("sources: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"address.city", "address.country", "address.line1", "name", "types"}, l.Kind("company").Fields()); diff != "" {
		t.Errorf("fields: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"client_id", "client_name", "emailaddress", "id", "inactive", "linked_agent_id", "name", "site_id", "site_name"},
		mustLayout(t, "halopsa").Kind("contact").Sources()); diff != "" {
		t.Errorf("sources with where: -want +got:\n%s", diff)
	}
}

func TestID(t *testing.T) {
	l := mustLayout(t, "connectwise")
	for row, want := range map[string]string{`{"id":5}`: "5", `{"id":"5"}`: "5", `{"x":[1,{"id":3}],"id":5.0}`: "5", `{"id":5e0}`: "5"} {
		if got, err := l.Kind("status").ID([]byte(row)); got != want || err != nil {
			t.Errorf("%s: got %q, %v", row, got, err)
		}
	}
	for _, row := range []string{`{}`, `{"id":true}`, `{"id":""}`, `{"id":5`} {
		if got, err := l.Kind("status").ID([]byte(row)); !errors.Is(err, psa.ErrData) || got != "" {
			t.Errorf("%s: got %q, %v, want ErrData", row, got, err)
		}
	}
}

func TestKeep(t *testing.T) {
	cw, halo := mustLayout(t, "connectwise"), mustLayout(t, "halopsa")
	tests := []struct {
		k    *KindLayout
		row  string
		want bool
	}{
		{cw.Kind("ticket"), `{"recordType":"ServiceTicket"}`, true},
		{cw.Kind("ticket"), `{"recordType":"ProjectTicket"}`, false},
		{cw.Kind("ticket"), `{}`, true},
		{cw.Kind("status"), `{"whatever":1}`, true},
		{halo.Kind("status"), `{"type":0}`, true},
		{halo.Kind("status"), `{"type":0.0}`, true},
		{halo.Kind("status"), `{"type":"0"}`, true},
		{halo.Kind("status"), `{"type":1}`, false},
		{halo.Kind("status"), `{}`, false},
		{halo.Kind("note"), `{"timetaken":0.25}`, false},
		{halo.Kind("note"), `{"timetaken":null}`, true},
	}
	for _, tt := range tests {
		if got, err := tt.k.Keep([]byte(tt.row)); got != tt.want || err != nil {
			t.Errorf("%s %s: got %v, %v", tt.k.Kind(), tt.row, got, err)
		}
	}
	for _, row := range []string{`{"type":{}}`, `{"type":0`, ``} {
		if _, err := halo.Kind("status").Keep([]byte(row)); !errors.Is(err, psa.ErrData) {
			t.Errorf("%s: %v, want ErrData", row, err)
		}
	}
}

func TestSalt(t *testing.T) {
	salt := func(src string) string {
		l, err := ParseLayout("x.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		return l.Salt()
	}
	base := salt("version: 1\nkinds:\n  team: {id: id, fields: {name: name}}\n")
	for _, same := range []string{
		"# a comment\nversion: 1\nkinds:\n  team:\n    fields: {\"name\": 'name'}\n    id: id\n",
		"kinds:\n  team: {id: id, fields: {name: name}}\nversion: 1\n",
	} {
		if salt(same) != base {
			t.Errorf("the salt moved though the meaning is the same: %s", same)
		}
	}
	for _, other := range []string{
		"version: 1\nkinds:\n  team: {id: key, fields: {name: name}}\n",
		"version: 1\nkinds:\n  team: {id: id, fields: {name: {const: name}}}\n",
		"version: 1\nkinds:\n  team: {id: id, fields: {name: name, default: {const: true}}}\n",
	} {
		if salt(other) == base {
			t.Errorf("the salt did not move: %s", other)
		}
	}
}
