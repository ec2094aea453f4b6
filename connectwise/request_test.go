package connectwise_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
	"golang.org/x/sync/errgroup"
)

const (
	contactFields = "_info,communicationItems,company,customFields,defaultFlag,defaultPhoneNbr,department,firstName,id,inactiveFlag,lastName,relationship,site,title,types"
	timeFields    = "_info,actualHours,addToDetailDescriptionFlag,addToResolutionFlag,agreement,billableOption,chargeToId,chargeToType,company,customFields,dateEntered,hoursDeduct,id,internalNotes,member,notes,status,ticket,timeEnd,timeStart,workRole,workType"
	companyFields = "_info,accountNumber,addressLine1,addressLine2,city,country,customFields,defaultContact,deletedFlag,faxNumber,id,identifier,name,parentCompany,phoneNumber,site,state,status,territory,types,website,zip"
)

// line writes a request as one line: method, path below the API's root, decoded
// query in order, body.
func line(r *http.Request) string {
	_, path, _ := strings.Cut(r.URL.Path, "/apis/3.0")
	s := r.Method + " " + path
	q := r.URL.Query()
	for _, k := range slices.Sorted(maps.Keys(q)) {
		s += " " + k + "=" + q.Get(k)
	}
	if r.Body != nil {
		if b, err := io.ReadAll(r.Body); err == nil && len(b) > 0 {
			s += " " + string(b)
		}
	}
	return s
}

func TestRequests(t *testing.T) {
	since := time.Date(2026, 6, 9, 21, 59, 49, 0, time.UTC)
	ref := func(kind psa.Kind, id string) psa.Ref { return psa.Ref{Kind: kind, ID: id} }
	list := func(kind psa.Kind, q psa.Query) func(*testing.T, *connectwise.Provider) {
		return func(t *testing.T, p *connectwise.Provider) {
			for _, err := range p.List(t.Context(), kind, q) {
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
	get := func(kind psa.Kind, id string) func(*testing.T, *connectwise.Provider) {
		return func(t *testing.T, p *connectwise.Provider) { _, _ = p.Get(t.Context(), ref(kind, id)) }
	}
	count := func(kind psa.Kind, q psa.Query) func(*testing.T, *connectwise.Provider) {
		return func(t *testing.T, p *connectwise.Provider) { _, _ = p.Count(t.Context(), kind, q) }
	}
	find := func(kind psa.Kind, by psa.Fields) func(*testing.T, *connectwise.Provider) {
		return func(t *testing.T, p *connectwise.Provider) {
			for _, err := range p.Find(t.Context(), kind, by) {
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
	for _, tt := range []struct {
		name string
		call func(*testing.T, *connectwise.Provider)
		want []string
	}{
		{"configuration", list(psa.KindContactRole, psa.Query{}), []string{
			"GET /company/contacts/relationships fields=_info,id,name pageSize=1000"}},
		{"capitals in a path", list(psa.KindSLATarget, psa.Query{Parent: ref(psa.KindSLA, "3")}), []string{
			"GET /service/SLAs/3/priorities fields=_info,id,planWithin,planWithinPercent,priority,resolutionHours,resolutionPercent,respondHours,respondPercent,sla pageSize=1000"}},
		{"one board", list(psa.KindClassification, psa.Query{Parent: ref(psa.KindBoard, "12")}), []string{
			"GET /service/boards/12/types fields=_info,board,category,defaultFlag,id,inactiveFlag,name pageSize=1000",
			"GET /service/boards/12/subtypes fields=_info,board,id,inactiveFlag,name,typeAssociationIds pageSize=1000",
			"GET /service/boards/12/items fields=_info,board,id,inactiveFlag,name pageSize=1000"}},
		{"boards of a scope", list(psa.KindClassificationAssociation, psa.Query{Scope: map[string][]string{"board": {"9", "12"}}}), []string{
			"GET /service/boards/12/typeSubTypeItemAssociations fields=board,id,item,subType,type pageSize=1000",
			"GET /service/boards/9/typeSubTypeItemAssociations fields=board,id,item,subType,type pageSize=1000"}},
		{"custom fields and their owners", list(psa.KindCustomField, psa.Query{}), []string{
			"GET /company/companies fields=customFields pageSize=1",
			"GET /company/contacts fields=customFields pageSize=1",
			"GET /service/tickets fields=customFields pageSize=1",
			"GET /time/entries fields=customFields pageSize=1",
			"GET /system/userDefinedFields fields=caption,entryTypeIdentifier,fieldTypeIdentifier,helpText,id,numberDecimals,options,readOnlyFlag,requiredFlag,sequenceNumber pageSize=1000"}},
		{"members without money", list(psa.KindMember, psa.Query{}), []string{
			"GET /system/members fields=_info,defaultDepartment,defaultLocation,firstName,id,identifier,inactiveFlag,lastName,licenseClass,officeEmail,primaryEmail,securityRole,serviceBoardTeamIds,title,type,workRole,workType pageSize=1000"}},
		{"contacts of a company that changed", list(psa.KindContact, psa.Query{Parent: ref(psa.KindCompany, "250"), Since: since, ActiveOnly: true}), []string{
			"GET /company/contacts conditions=lastUpdated > [2026-06-09T21:59:48Z] and company/id = 250 and (inactiveFlag = false or inactiveFlag = null) fields=(contact) pageSize=500"}},
		{"resumed", list(psa.KindContact, psa.Query{After: "31045"}), []string{
			"GET /company/contacts fields=(contact) pageId=31045 pageSize=500"}},
		{"time of a ticket", list(psa.KindTimeEntry, psa.Query{Parent: ref(psa.KindTicket, "48213")}), []string{
			`GET /time/entries conditions=chargeToType = "ServiceTicket" and chargeToId = 48213 fields=(time) pageSize=500`}},
		{"companies of two types", list(psa.KindCompany, psa.Query{Scope: map[string][]string{"types": {"5", "6"}, "status": {"1"}}}), []string{
			"GET /company/companies childConditions=types/id in (5,6) conditions=status/id = 1 fields=(company) pageSize=500"}},
		{"parents first", list(psa.KindSite, psa.Query{}), []string{"GET /company/companies fields=id pageSize=500"}},
		{"one row", get(psa.KindContact, "31045"), []string{"GET /company/contacts/31045 fields=(contact)"}},
		{"row below another", get(psa.KindSite, "250/28"), []string{
			"GET /company/companies/250/sites/28 fields=_info,addressLine1,addressLine2,city,company,country,customFields,id,inactiveFlag,name,phoneNumber,primaryAddressFlag,stateReference,zip"}},
		{"count", count(psa.KindTicket, psa.Query{Scope: map[string][]string{"type": {"1:301"}, "board": {"12", "13"}}}), []string{
			`GET /service/tickets/count conditions=recordType = "ServiceTicket" and type/id = 301 and board/id in (12,13)`}},
		{"by mail", find(psa.KindContact, psa.Fields{"email": `a"b@acme.example`}), []string{
			`GET /company/contacts childConditions=communicationItems/value = "a\"b@acme.example" and communicationItems/communicationType = "Email" fields=(contact) pageSize=500`}},
		{"by name and identifier", find(psa.KindCompany, psa.Fields{"name": "A [B]", "identifier": "AB"}), []string{
			`GET /company/companies conditions=identifier = "AB" and name = "A [[]B]" fields=(company) pageSize=500`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mock := mocked(t, nil)
			var got []string
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				got = append(got, line(r))
				return answer(200, "[]")(r)
			})
			tt.call(t, p)
			want := slices.Clone(tt.want)
			for i := range want {
				want[i] = strings.NewReplacer("(contact)", contactFields, "(time)", timeFields, "(company)", companyFields).Replace(want[i])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What a value holds stays in its literal, and its literal in its parameter.
func TestEscapes(t *testing.T) {
	p, mock := mocked(t, nil)
	raw := ""
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		raw = r.URL.RawQuery
		return answer(200, "[]")(r)
	})
	for _, err := range p.Find(t.Context(), psa.KindTicket, psa.Fields{"external_ref": `&pageSize=1 "x" 100% + 'y' *#`}) {
		t.Fatal(err)
	}
	for _, c := range `&"'*#` {
		enc := fmt.Sprintf("%%%02X", c)
		if !strings.Contains(raw, enc) {
			t.Errorf("%q is not encoded as %s in %s", c, enc, raw)
		}
	}
	if strings.Count(raw, "pageSize=") != 1 || strings.ContainsAny(raw, `"' #*`) {
		t.Errorf("a value left its parameter: %s", raw)
	}
	for _, bad := range []psa.Fields{{"external_ref": "a\nb"}, {"external_ref": ""}, {"external_ref": nil}, {}} {
		for _, err := range p.Find(t.Context(), psa.KindTicket, bad) {
			if !errors.Is(err, psa.ErrInvalid) {
				t.Errorf("%v: %v, want ErrInvalid", bad, err)
			}
		}
	}
}

// A filter with many ids does not make an address longer than servers take.
func TestLongFilters(t *testing.T) {
	ids := make([]string, 900)
	for i := range ids {
		ids[i] = fmt.Sprint(100_000 + i)
	}
	run := func(t *testing.T, kind psa.Kind, q psa.Query) (requests []*http.Request, bodies []string, failed error) {
		p, mock := mocked(t, nil)
		mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
			if n := len(r.URL.String()); n > 1900 {
				t.Errorf("an address of %d characters", n)
			}
			requests = append(requests, r)
			if r.Body != nil {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				bodies = append(bodies, string(b))
			}
			return answer(200, "[]")(r)
		})
		for _, err := range p.List(t.Context(), kind, q) {
			failed = err
		}
		return requests, bodies, failed
	}
	t.Run("divided", func(t *testing.T) {
		twice := slices.Concat(ids, ids[:50])
		requests, _, err := run(t, psa.KindContact, psa.Query{Scope: map[string][]string{"company": twice}})
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		for _, r := range requests {
			cond := r.URL.Query().Get("conditions")
			in, ok := strings.CutPrefix(strings.TrimSuffix(cond, ")"), "company/id in (")
			if !ok {
				t.Fatalf("condition %q", cond)
			}
			seen = append(seen, strings.Split(in, ",")...)
		}
		if !slices.Equal(seen, ids) {
			t.Errorf("%d ids in %d requests, want every one once", len(seen), len(requests))
		}
		if least := len(ids) * len("100000%2C") / 1900; len(requests) > least+2 {
			t.Errorf("%d requests, at least %d are needed", len(requests), least)
		}
	})
	t.Run("searched", func(t *testing.T) {
		requests, bodies, err := run(t, psa.KindTicket, psa.Query{After: "7", Scope: map[string][]string{"company": ids, "board": {"12"}}})
		if err != nil || len(requests) != 1 || len(bodies) != 1 {
			t.Fatalf("%d requests, %v", len(requests), err)
		}
		if r := requests[0]; r.Method != "POST" || !strings.HasSuffix(r.URL.Path, "/service/tickets/search") || r.URL.Query().Get("pageId") != "7" || r.URL.Query().Get("conditions") != "" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if want := `{"conditions":"recordType = \"ServiceTicket\" and board/id = 12 and company/id in (100000,`; !strings.HasPrefix(bodies[0], want) {
			t.Errorf("body %.120s, want %s...", bodies[0], want)
		}
	})
	t.Run("counted", func(t *testing.T) {
		p, mock := mocked(t, nil)
		mock.RegisterNoResponder(answer(200, `{"count":3}`))
		n, err := p.Count(t.Context(), psa.KindTicket, psa.Query{Scope: map[string][]string{"company": ids}})
		if calls := mock.GetTotalCallCount() - 1; err != nil || n != 3*calls || calls < 2 {
			t.Errorf("%d in %d requests, %v", n, calls, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for name, tt := range map[string]struct {
			kind  psa.Kind
			q     psa.Query
			class error
		}{
			"divided and resumed": {psa.KindContact, psa.Query{After: "7", Scope: map[string][]string{"company": ids}}, psa.ErrUnsupported},
			"child condition":     {psa.KindCompany, psa.Query{Scope: map[string][]string{"types": ids}}, psa.ErrInvalid},
			"no id":               {psa.KindContact, psa.Query{Scope: map[string][]string{"company": {"1) or (id > 0"}}}, psa.ErrInvalid},
			"no id to resume at":  {psa.KindContact, psa.Query{After: "1 or 1=1"}, psa.ErrInvalid},
			"no id of a parent":   {psa.KindContact, psa.Query{Parent: psa.Ref{Kind: psa.KindCompany, ID: "../1"}}, psa.ErrInvalid},
		} {
			requests, _, err := run(t, tt.kind, tt.q)
			if !errors.Is(err, tt.class) || len(requests) > 0 {
				t.Errorf("%s: %v after %d requests, want %v", name, err, len(requests), tt.class)
			}
		}
	})
}

// Some servers refuse names in fields or in conditions that they return.
// Lists of one endpoint that are refused at the same moment all go on without
// the condition.
func TestRefusedAtTheSameMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := open(t, connectwisetest.Small(), &connectwisetest.Options{
			Latency: time.Second, RefuseNames: map[string][]string{"/company/contacts": {"inactiveFlag"}},
		}, nil)
		var group errgroup.Group
		for company := range 4 {
			group.Go(func() error {
				q := psa.Query{ActiveOnly: true, Parent: psa.Ref{Kind: psa.KindCompany, ID: fmt.Sprint(company + 2)}}
				for _, err := range p.List(t.Context(), psa.KindContact, q) {
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// A row that is known by its hash says nothing of its being active, and is left
// out all the same.
func TestKnownRowsMayBeInactive(t *testing.T) {
	tenant := connectwisetest.Small()
	p, _ := open(t, tenant, nil, nil)
	id := tenant.IDs("/system/members")[0]
	tenant.Update("/system/members", id, connectwisetest.Row{"inactiveFlag": true})
	seen := map[psa.Hash]psa.Ref{}
	for r, err := range p.List(t.Context(), psa.KindMember, psa.Query{}) {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		seen[r.Hash] = r.Ref
	}
	known := psa.KnownFunc(func(h psa.Hash) (psa.Ref, bool) { ref, ok := seen[h]; return ref, ok })
	n := 0
	for r, err := range p.List(t.Context(), psa.KindMember, psa.Query{ActiveOnly: true, Known: known}) {
		if err != nil || r.ID == fmt.Sprint(id) {
			t.Errorf("%s of the active members, %v", r.Ref, err)
		}
		n++
	}
	if n == 0 || n >= len(seen) {
		t.Errorf("%d active members of %d", n, len(seen))
	}
}

// A filter without ids keeps nothing, and asks nobody.
func TestEmptyFilter(t *testing.T) {
	p, srv := open(t, connectwisetest.Small(), nil, nil)
	for _, tt := range []struct {
		kind  psa.Kind
		field string
	}{{psa.KindContact, "company"}, {psa.KindCompany, "types"}, {psa.KindStatus, "board"}} {
		q := psa.Query{Scope: map[string][]string{tt.field: {}}}
		for r, err := range p.List(t.Context(), tt.kind, q) {
			t.Fatalf("%s of no %s: %s, %v", tt.kind, tt.field, r.Ref, err)
		}
		if tt.kind == psa.KindStatus {
			continue // is not counted
		}
		if n, err := p.Count(t.Context(), tt.kind, q); n != 0 || err != nil {
			t.Errorf("%d %s of no %s, %v", n, tt.kind, tt.field, err)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestRefusedNames(t *testing.T) {
	p, mock := mocked(t, nil)
	refuse := func(param, text string) httpmock.Responder {
		return func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Query().Get(param), text) {
				return answer(400, `{"code":"ApiFindCondition","message":"`+text+` is not a recognized name."}`)(r)
			}
			return answer(200, `[{"id":7,"name":"x","firstName":"Pat","inactiveFlag":true},{"id":8,"name":"y","firstName":"Jo"}]`)(r)
		}
	}
	list := func(kind psa.Kind, q psa.Query) (ids []string) {
		for r, err := range p.List(t.Context(), kind, q) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			ids = append(ids, r.ID)
		}
		return ids
	}
	mock.RegisterNoResponder(refuse("fields", "defaultFlag"))
	for i, want := range []int{3, 1} { // companyinfo, refused, without; later without at once
		before := mock.GetTotalCallCount()
		if ids := list(psa.KindTicketSource, psa.Query{}); !slices.Equal(ids, []string{"7", "8"}) {
			t.Errorf("rows %v", ids)
		}
		if n := mock.GetTotalCallCount() - before; n != want {
			t.Errorf("list %d took %d requests, want %d", i+1, n, want)
		}
	}
	mock.RegisterNoResponder(refuse("conditions", "inactiveFlag"))
	for i, want := range []int{3, 1} { // refused with and without fields, without the condition
		before := mock.GetTotalCallCount()
		if ids := list(psa.KindContact, psa.Query{ActiveOnly: true}); !slices.Equal(ids, []string{"8"}) {
			t.Errorf("active rows %v", ids)
		}
		if n := mock.GetTotalCallCount() - before; n != want {
			t.Errorf("list %d took %d requests, want %d", i+1, n, want)
		}
	}
	if _, err := p.Count(t.Context(), psa.KindContact, psa.Query{ActiveOnly: true}); !errors.Is(err, psa.ErrUnsupported) {
		t.Errorf("a count that cannot leave inactive rows out: %v", err)
	}
}
