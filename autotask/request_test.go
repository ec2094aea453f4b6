package autotask_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/psa"
)

const (
	contactFields = `"includeFields":["companyID","companyLocationID","createDate","emailAddress","externalID","firstName","id","isActive","lastModifiedDate","lastName","mobilePhone","phone","primaryContact","title","Shoe Size"]`
	companyFields = `"includeFields":["address1","address2","city","classification","companyName","companyNumber","companyType","createDate","fax","id","isActive","lastActivityDate","parentCompanyID","phone","postalCode","state","webAddress","CustomerRanking"]`
	timeFields    = `"includeFields":["billingApprovalDateTime","billingCodeID","contractID","createDateTime","dateWorked","endDateTime","hoursWorked","id","internalNotes","isNonBillable","lastModifiedDateTime","resourceID","roleID","showOnInvoice","startDateTime","summaryNotes","ticketID"]`
	noteFields    = `"includeFields":["createDateTime","createdByContactID","creatorResourceID","description","id","lastActivityDate","noteType","publish","ticketID","title"]`
)

// line writes a request as one line: method, path below the API's root, query
// and body.
func line(r *http.Request) string {
	_, path, _ := strings.Cut(r.URL.Path, "/V1.0")
	s := r.Method + " " + path
	if r.URL.RawQuery != "" {
		s += "?" + r.URL.RawQuery
	}
	if r.Body != nil {
		if b, err := io.ReadAll(r.Body); err == nil && len(b) > 0 {
			r.Body = io.NopCloser(bytes.NewReader(b))
			s += " " + string(b)
		}
	}
	return s
}

// codes answers what entities tell about their fields.
var codes = map[string]string{
	"Tickets":                     pick("queueID", `{"value":"8","label":"Triage","isDefaultValue":false,"sortOrder":1,"parentValue":"","isActive":true,"isSystem":false}`),
	"TicketNotes":                 pick("publish", `{"value":"1","label":"All Autotask Users"},{"value":"2","label":"Internal"},{"value":"4","label":"Internal & Co-managed"}`),
	"BillingCodes":                pick("useType", `{"value":"1","label":"Labor"},{"value":"3","label":"Internal Time"}`),
	"UserDefinedFieldDefinitions": `{"fields":[{"name":"udfType","isPickList":true,"picklistValues":[{"value":"1","label":"Company"},{"value":"2","label":"Contact"},{"value":"9","label":"Project"}]},{"name":"dataType","isPickList":true,"picklistValues":[{"value":"3","label":"List"},{"value":"4","label":"Text (Multi Line)"}]}]}`,
}

func pick(field, values string) string {
	return `{"fields":[{"name":"` + field + `","isPickList":true,"picklistValues":[` + values + `]}]}`
}

const udfs = `{"items":[
	{"id":70,"isActive":true,"isEncrypted":false,"name":"CustomerRanking","udfType":1},
	{"id":71,"isActive":true,"isEncrypted":true,"name":"Router password","udfType":1},
	{"id":72,"isActive":false,"isEncrypted":false,"name":"Gone","udfType":1},
	{"id":73,"isActive":true,"isEncrypted":false,"name":"Shoe Size","udfType":2},
	{"id":74,"isActive":true,"isEncrypted":false,"name":"Budget","udfType":9}],"pageDetails":{"nextPageUrl":null}}`

// served answers metadata and definitions, and logs all requests.
func served(t *testing.T, log *[]string) (*autotask.Provider, *httpmock.MockTransport) {
	p, mock := mocked(t, nil)
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		l := line(r)
		*log = append(*log, l)
		entity, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(l, r.Method), " /"), "/")
		switch {
		case strings.HasSuffix(r.URL.Path, "/entityInformation/fields"):
			return answer(200, codes[entity])(r)
		case strings.HasSuffix(r.URL.Path, "/UserDefinedFieldDefinitions/query"):
			return answer(200, udfs)(r)
		case strings.HasSuffix(r.URL.Path, "/query/count"):
			return answer(200, `{"queryCount":3}`)(r)
		}
		return answer(200, `{"items":[],"pageDetails":{"count":0,"requestCount":500,"prevPageUrl":null,"nextPageUrl":null}}`)(r)
	})
	return p, mock
}

func TestRequests(t *testing.T) {
	since := time.Date(2026, 6, 9, 23, 59, 49, 917_500_000, time.FixedZone("", 7200))
	ref := func(kind psa.Kind, id string) psa.Ref { return psa.Ref{Kind: kind, ID: id} }
	list := func(kind psa.Kind, q psa.Query) func(*testing.T, *autotask.Provider) {
		return func(t *testing.T, p *autotask.Provider) {
			for _, err := range p.List(t.Context(), kind, q) {
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
	count := func(kind psa.Kind, q psa.Query) func(*testing.T, *autotask.Provider) {
		return func(t *testing.T, p *autotask.Provider) {
			if n, err := p.Count(t.Context(), kind, q); err != nil || n != 3 {
				t.Error(n, err)
			}
		}
	}
	find := func(kind psa.Kind, by psa.Fields) func(*testing.T, *autotask.Provider) {
		return func(t *testing.T, p *autotask.Provider) {
			for _, err := range p.Find(t.Context(), kind, by) {
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
	definitions := []string{
		"GET /UserDefinedFieldDefinitions/entityInformation/fields",
		`POST /UserDefinedFieldDefinitions/query {"maxRecords":500,"includeFields":["id","isActive","isEncrypted","name","udfType"],"filter":[{"op":"gte","field":"id","value":0}]}`,
	}
	publish := "GET /TicketNotes/entityInformation/fields"
	for _, tt := range []struct {
		name   string
		doubts int
		call   func(*testing.T, *autotask.Provider)
		want   []string
	}{
		{"picklist", 0, list(psa.KindBoard, psa.Query{}), []string{"GET /Tickets/entityInformation/fields"}},
		{"entity, and a doubt because it is empty", 1, list(psa.KindDepartment, psa.Query{}), []string{
			`POST /Departments/query {"maxRecords":500,"includeFields":["id","name","number"],"filter":[{"op":"gte","field":"id","value":0}]}`}},
		{"resources without money", 1, list(psa.KindMember, psa.Query{}), []string{
			`POST /Resources/query {"maxRecords":500,"includeFields":["defaultServiceDeskRoleID","email","firstName","id","isActive","lastName","locationID","title","userName"],"filter":[{"op":"gte","field":"id","value":0}]}`}},
		{"work types", 1, list(psa.KindWorkType, psa.Query{}), []string{
			"GET /BillingCodes/entityInformation/fields",
			`POST /BillingCodes/query {"maxRecords":500,"includeFields":["billingCodeType","id","isActive","name"],"filter":[{"op":"gte","field":"id","value":0},{"op":"eq","field":"useType","value":1}]}`}},
		{"forms", 2, list(psa.KindForm, psa.Query{}), []string{
			`POST /TicketCategoryFieldDefaults/query {"maxRecords":500,"includeFields":["description","estimatedHours","id","issueTypeID","priority","purchaseOrderNumber","queueID","resolution","serviceLevelAgreementID","sourceID","status","subIssueTypeID","ticketCategoryID","ticketTypeID","title","workTypeID"],"filter":[{"op":"gte","field":"id","value":0}]}`,
			`POST /TicketCategories/query {"maxRecords":500,"includeFields":["id","isActive","isGlobalDefault","name"],"filter":[{"op":"gte","field":"id","value":0}]}`}},
		{"custom fields", 1, list(psa.KindCustomField, psa.Query{}), []string{
			"GET /UserDefinedFieldDefinitions/entityInformation/fields",
			`POST /UserDefinedFieldListItems/query {"maxRecords":500,"includeFields":["id","isActive","udfFieldId","valueForDisplay","valueForExport"],"filter":[{"op":"gte","field":"id","value":0}]}`,
			`POST /UserDefinedFieldDefinitions/query {"maxRecords":500,"includeFields":["description","id","isActive","isRequired","name","numberOfDecimalPlaces","sortOrder","dataType","defaultValue","udfType"],"filter":[{"op":"gte","field":"id","value":0}]}`}},
		{"contacts of a company that changed", 0, list(psa.KindContact, psa.Query{Parent: ref(psa.KindCompany, "0"), Since: since, ActiveOnly: true}), append(slices.Clone(definitions),
			`POST /Contacts/query {"maxRecords":500,(contact),"filter":[{"op":"gte","field":"id","value":0},{"op":"or","items":[{"op":"gte","field":"lastModifiedDate","value":"2026-06-09T21:59:49.917Z"},{"op":"and","items":[{"op":"notExist","field":"lastModifiedDate"},{"op":"gte","field":"createDate","value":"2026-06-09T21:59:49.917Z"}]}]},{"op":"eq","field":"companyID","value":0},{"op":"or","items":[{"op":"eq","field":"isActive","value":1},{"op":"notExist","field":"isActive"}]}]}`)},
		{"resumed", 0, list(psa.KindContact, psa.Query{After: "31045"}), append(slices.Clone(definitions),
			`POST /Contacts/query {"maxRecords":500,(contact),"filter":[{"op":"gt","field":"id","value":31045}]}`)},
		{"companies of two types", 0, list(psa.KindCompany, psa.Query{Scope: map[string][]string{"types": {"10", "2", "10"}, "classification": {"7"}}, ActiveOnly: true}), append(slices.Clone(definitions),
			`POST /Companies/query {"maxRecords":500,(company),"filter":[{"op":"gte","field":"id","value":0},{"op":"or","items":[{"op":"eq","field":"isActive","value":true},{"op":"notExist","field":"isActive"}]},{"op":"eq","field":"classification","value":7},{"op":"in","field":"companyType","value":[2,10]}]}`)},
		{"notes of a ticket", 0, list(psa.KindNote, psa.Query{Parent: ref(psa.KindTicket, "70211")}), []string{publish,
			`POST /TicketNotes/query {"maxRecords":500,(note),"filter":[{"op":"gte","field":"id","value":0},{"op":"noteq","field":"noteType","value":13},{"op":"eq","field":"ticketID","value":70211}]}`}},
		{"time that changed", 0, list(psa.KindTimeEntry, psa.Query{Since: since}), []string{
			`POST /TimeEntries/query {"maxRecords":500,(time),"filter":[{"op":"gte","field":"id","value":0},{"op":"exist","field":"ticketID"},{"op":"or","items":[{"op":"gte","field":"lastModifiedDateTime","value":"2026-06-09T21:59:49.917Z"},{"op":"and","items":[{"op":"notExist","field":"lastModifiedDateTime"},{"op":"gte","field":"createDateTime","value":"2026-06-09T21:59:49.917Z"}]}]}]}`}},
		{"count", 0, count(psa.KindTicket, psa.Query{Scope: map[string][]string{"category_2": {"2:136"}, "board": {"8", "29682833"}}}), []string{
			`POST /Tickets/query/count {"filter":[{"op":"gte","field":"id","value":0},{"op":"eq","field":"subIssueType","value":136},{"op":"in","field":"queueID","value":[8,29682833]}]}`}},
		{"by mail", 0, find(psa.KindContact, psa.Fields{"email": `a"b@acme.example`}), append(slices.Clone(definitions),
			`POST /Contacts/query {"maxRecords":500,(contact),"filter":[{"op":"eq","field":"emailAddress","value":"a\"b@acme.example"}]}`)},
		{"by name and number", 0, find(psa.KindCompany, psa.Fields{"name": "A [B]", "number": "7"}), append(slices.Clone(definitions),
			`POST /Companies/query {"maxRecords":500,(company),"filter":[{"op":"eq","field":"companyName","value":"A [B]"},{"op":"eq","field":"companyNumber","value":"7"}]}`)},
		{"one row", 1, func(t *testing.T, p *autotask.Provider) {
			if _, err := p.Get(t.Context(), ref(psa.KindCompany, "0")); !errors.Is(err, psa.ErrNotFound) {
				t.Error(err)
			}
		}, append([]string{"GET /Companies/entityInformation/fields"}, append(slices.Clone(definitions), `POST /Companies/query {"maxRecords":1,(company),"filter":[{"op":"eq","field":"id","value":0}]}`)...)},
		{"one note", 1, func(t *testing.T, p *autotask.Provider) {
			if _, err := p.Get(t.Context(), ref(psa.KindNote, "9")); !errors.Is(err, psa.ErrNotFound) {
				t.Error(err)
			}
		}, []string{publish, `POST /TicketNotes/query {"maxRecords":1,(note),"filter":[{"op":"eq","field":"id","value":9},{"op":"noteq","field":"noteType","value":13}]}`}},
		{"deletions", 0, func(t *testing.T, p *autotask.Provider) {
			for _, err := range p.Deletions(t.Context(), psa.KindTicket, since) {
				t.Error(err)
			}
		}, []string{`POST /DeletedTicketLogs/query {"maxRecords":500,"includeFields":["deletedDateTime","id","ticketID"],"filter":[{"op":"gte","field":"id","value":0},{"op":"gte","field":"deletedDateTime","value":"2026-06-09T21:59:49.917Z"}]}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			p, mock := served(t, &got)
			tt.call(t, p)
			want := slices.Clone(tt.want)
			for i := range want {
				want[i] = strings.NewReplacer("(contact)", contactFields, "(time)", timeFields, "(company)", companyFields, "(note)", noteFields).Replace(want[i])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// Only where a whole list is empty is there a doubt.
			if n := mock.GetCallCountInfo()["GET =~/entityInformation$"]; n != tt.doubts {
				t.Errorf("%d doubts, want %d", n, tt.doubts)
			}
		})
	}
}

// More ids than a query takes are divided; other names and ids are refused
// before a request is made.
func TestLongFilter(t *testing.T) {
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	var log []string
	p, _ := served(t, &log)
	scope := map[string][]string{"company": ids, "board": ids[:50]}
	n, err := p.Count(t.Context(), psa.KindTicket, psa.Query{Scope: scope})
	if err != nil || n != 9 || len(log) != 3 {
		t.Errorf("%d in %d requests, %v", n, len(log), err)
	}
	seen := 0
	for _, l := range log {
		if alternatives := strings.Count(l, ","); alternatives > 500 {
			t.Errorf("about %d alternatives in one request", alternatives)
		}
		_, list, _ := strings.Cut(l, `"companyID","value":[`)
		seen += strings.Count(list, ",") + 1
	}
	if seen != len(ids) {
		t.Errorf("%d ids were asked for, want %d", seen, len(ids))
	}
	log = nil
	for _, tt := range []struct {
		q    psa.Query
		want error
	}{
		{psa.Query{Scope: map[string][]string{"company": {"7 or 1=1"}}}, psa.ErrInvalid},
		{psa.Query{Scope: map[string][]string{"category_1": {"2:10"}}}, psa.ErrInvalid},
		{psa.Query{Scope: map[string][]string{"company": {"-1"}}}, psa.ErrInvalid},
		{psa.Query{Scope: map[string][]string{"company": {"07"}}}, psa.ErrInvalid},
		{psa.Query{Scope: map[string][]string{"queueID": {"7"}}}, psa.ErrUnsupported},
		{psa.Query{Scope: map[string][]string{"company": ids, "contact": ids, "owner": ids}}, psa.ErrInvalid},
		{psa.Query{Scope: scope, After: "5"}, psa.ErrUnsupported},
		{psa.Query{After: "x"}, psa.ErrInvalid},
		{psa.Query{Parent: psa.Ref{Kind: psa.KindCompany, ID: "1"}}, psa.ErrUnsupported},
	} {
		for _, err := range p.List(t.Context(), psa.KindTicket, tt.q) {
			if !errors.Is(err, tt.want) {
				t.Errorf("%.60v: %v, want %v", fmt.Sprint(tt.q), err, tt.want)
			}
		}
	}
	for _, l := range log {
		if strings.Contains(l, "/Tickets/") {
			t.Errorf("a request was made: %.100s", l)
		}
	}
}
