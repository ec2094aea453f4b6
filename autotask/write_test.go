package autotask_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/psa"
)

func ref(kind psa.Kind, id any) psa.Ref { return psa.Ref{Kind: kind, ID: fmt.Sprint(id)} }

func to(id any) psa.Fields { return psa.Reference{ID: fmt.Sprint(id)}.Fields() }

// takes are the fields of entities, as far as they are written; types are those
// of the REST schema.
var takes = map[string]string{
	"Companies":        "companyName:string companyType:short ownerResourceID:integer phone:string isActive:boolean city:string address1:string webAddress:string parentCompanyID:integer",
	"CompanyLocations": "name:string companyID:integer isActive:boolean isPrimary:boolean city:string",
	"Contacts":         "companyID:integer firstName:string lastName:string isActive:integer emailAddress:string companyLocationID:integer externalID:string phone:string",
	"Tickets":          "companyID:integer companyLocationID:integer contactID:integer title:string description:string priority:integer status:integer queueID:integer dueDateTime:datetime assignedResourceID:integer assignedResourceRoleID:integer issueType:integer subIssueType:integer estimatedHours:double externalID:string",
	"TicketNotes":      "ticketID:integer title:string description:string noteType:integer publish:integer",
	"TimeEntries":      "ticketID:integer resourceID:integer roleID:integer dateWorked:datetime startDateTime:datetime endDateTime:datetime hoursWorked:double isNonBillable:boolean showOnInvoice:boolean summaryNotes:string billingCodeID:integer",
	"BillingCodes":     "useType:integer",
}

// choices are those of the picklist publish where co-management is on.
const choices = `[{"value":"1","label":"All Autotask Users"},{"value":"2","label":"Internal"},{"value":"4","label":"Internal & Co-managed"}]`

// rows are what the entities hold, by any id.
var rows = map[string]string{
	"Companies":        `{"id":%s,"companyName":"Acme","isActive":true,"companyType":1}`,
	"CompanyLocations": `{"id":%s,"name":"Main","companyID":214,"isActive":true}`,
	"Contacts":         `{"id":%s,"firstName":"Ola","lastName":"Berg","companyID":0,"isActive":1}`,
	"Tickets":          `{"id":%s,"title":"Scanner","companyID":214,"contactID":30,"companyLocationID":61,"assignedResourceID":290,"assignedResourceRoleID":83,"status":1}`,
	"TicketNotes":      `{"id":%s,"ticketID":70211,"title":"Cable","description":"Swapped the cable\nand left","noteType":3,"publish":1}`,
	"TimeEntries":      `{"id":%s,"ticketID":70211,"resourceID":290,"startDateTime":"2026-03-01T09:00:00Z","endDateTime":"2026-03-01T09:30:00Z","hoursWorked":0.5,"isNonBillable":false,"showOnInvoice":true}`,
	"Resources":        `{"id":%s,"firstName":"Mira","lastName":"Voss","isActive":true,"defaultServiceDeskRoleID":81}`,
}

var idAsked = regexp.MustCompile(`"field":"id","value":(\d+)`)

// written answers reads from rows and writes with write, and logs the writes.
func written(t *testing.T, change func(*autotask.Config), write httpmock.Responder) (*autotask.Provider, *[]string) {
	p, mock := mocked(t, change)
	log := &[]string{}
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		l := line(r)
		_, path, _ := strings.Cut(l, " /")
		entity, _, _ := strings.Cut(path, "/")
		reply := func(format string, args ...any) (*http.Response, error) {
			return answer(200, fmt.Sprintf(format, args...))(r)
		}
		switch {
		case entity == "UserDefinedFieldDefinitions" && r.Method == "POST":
			return reply("%s", udfs)
		case strings.HasSuffix(r.URL.Path, "/entityInformation/fields"):
			if codes[entity] != "" && entity == "UserDefinedFieldDefinitions" {
				return reply("%s", codes[entity])
			}
			var fields []string
			for f := range strings.FieldsSeq(takes[entity]) {
				n, typ, _ := strings.Cut(f, ":")
				extra := ""
				if n == "publish" {
					extra = `,"isPickList":true,"picklistValues":` + choices
				}
				fields = append(fields, fmt.Sprintf(`{"name":%q,"dataType":%q,"isReadOnly":%v%s}`, n, typ, n == "webAddress", extra))
			}
			return reply(`{"fields":[%s]}`, strings.Join(fields, ","))
		case strings.HasSuffix(r.URL.Path, "/query"):
			m := idAsked.FindStringSubmatch(l)
			if m == nil || rows[entity] == "" {
				return nil, fmt.Errorf("unexpected %s", l)
			}
			return reply(`{"items":[`+rows[entity]+`],"pageDetails":{"count":1,"requestCount":1,"prevPageUrl":null,"nextPageUrl":null}}`, m[1])
		}
		if as := r.Header.Get("ImpersonationResourceId"); as != "" {
			l += " as " + as
		}
		*log = append(*log, l)
		return write(r)
	})
	return p, log
}

func TestWriteRequests(t *testing.T) {
	create := func(kind psa.Kind, f psa.Fields) func(context.Context, *autotask.Provider) error {
		return func(ctx context.Context, p *autotask.Provider) error {
			r, err := p.Create(ctx, kind, f, psa.NotifyContact)
			if err == nil && r.Ref != ref(kind, 901) {
				return fmt.Errorf("created %s", r.Ref)
			}
			return err
		}
	}
	update := func(kind psa.Kind, set psa.Fields) func(context.Context, *autotask.Provider) error {
		return func(ctx context.Context, p *autotask.Provider) error {
			_, err := p.Update(ctx, ref(kind, 55), psa.Patch{Set: set})
			return err
		}
	}
	remove := func(kind psa.Kind) func(context.Context, *autotask.Provider) error {
		return func(ctx context.Context, p *autotask.Provider) error { return p.Delete(ctx, ref(kind, 55)) }
	}
	ticket := psa.Fields{"company": to(0), "summary": " A\nB ", "status": to(1), "priority": to(2), "due_at": "2026-06-10T12:00:00+02:00"}
	with := func(f psa.Fields, more psa.Fields) psa.Fields {
		f = f.Clone()
		for k, v := range more {
			f[k] = v
		}
		return f
	}
	entry := psa.Fields{"ticket": to(70211), "member": to(290), "start_at": "2026-03-01T23:30:00Z", "hours": 0.5}
	for i, tt := range []struct {
		name string
		call func(context.Context, *autotask.Provider) error
		want []string
	}{
		{"company", create(psa.KindCompany, psa.Fields{"name": "Acme", "phone": "1", "types": []any{to(1)}, "address.city": "Salem", "custom.70": "Gold"}), []string{
			`POST /Companies {"city":"Salem","companyName":"Acme","companyType":1,"isActive":true,"ownerResourceID":290,"phone":"1","userDefinedFields":[{"name":"CustomerRanking","value":"Gold"}]}`}},
		{"company cleared", update(psa.KindCompany, psa.Fields{"address": psa.Fields{"city": nil, "line1": ""}, "parent_company": nil, "custom": psa.Fields{"70": nil}}), []string{
			`PATCH /Companies {"address1":null,"city":null,"id":55,"parentCompanyID":null,"userDefinedFields":[{"name":"CustomerRanking","value":null}]}`}},
		{"company deactivated", remove(psa.KindCompany), []string{`PATCH /Companies {"id":55,"isActive":false}`}},
		{"site", create(psa.KindSite, psa.Fields{"company": to(214), "name": "Dock", "main": false}), []string{
			`POST /Companies/214/Locations {"companyID":214,"isActive":true,"isPrimary":false,"name":"Dock"}`}},
		{"site changed", update(psa.KindSite, psa.Fields{"name": "Pier"}), []string{`PATCH /Companies/214/Locations {"id":55,"name":"Pier"}`}},
		{"site deactivated", remove(psa.KindSite), []string{`PATCH /Companies/214/Locations {"id":55,"isActive":false}`}},
		{"contact of company 0", create(psa.KindContact, psa.Fields{"company": to(0), "first_name": "Ola", "last_name": "Berg", "external_ref": "x-1", "custom.73": 44}), []string{
			`POST /Companies/0/Contacts {"companyID":0,"externalID":"x-1","firstName":"Ola","isActive":1,"lastName":"Berg","userDefinedFields":[{"name":"Shoe Size","value":"44"}]}`}},
		{"contact changed", update(psa.KindContact, psa.Fields{"email": "o@x.example", "site": nil}), []string{
			`PATCH /Companies/0/Contacts {"companyLocationID":null,"emailAddress":"o@x.example","id":55}`}},
		{"contact deactivated", remove(psa.KindContact), []string{`PATCH /Companies/0/Contacts {"id":55,"isActive":0}`}},
		{"ticket in a queue", create(psa.KindTicket, with(ticket, psa.Fields{"board": to(8), "category_1": to("1:10"), "category_2": to("2:136"), "budget_hours": 1.23456})), []string{
			`POST /Tickets {"companyID":0,"dueDateTime":"2026-06-10T10:00:00Z","estimatedHours":1.2346,"issueType":10,"priority":2,"queueID":8,"status":1,"subIssueType":136,"title":"A B"}`}},
		{"ticket of an owner, in the default role", create(psa.KindTicket, with(ticket, psa.Fields{"owner": to(290)})), []string{
			`POST /Tickets {"assignedResourceID":290,"assignedResourceRoleID":81,"companyID":0,"dueDateTime":"2026-06-10T10:00:00Z","priority":2,"status":1,"title":"A B"}`}},
		{"owner in a role", update(psa.KindTicket, psa.Fields{"owner": to(291), "owner_role": to(82)}), []string{
			`PATCH /Tickets {"assignedResourceID":291,"assignedResourceRoleID":82,"id":55}`}},
		{"another owner", update(psa.KindTicket, psa.Fields{"owner": to(291)}), []string{`PATCH /Tickets {"assignedResourceID":291,"assignedResourceRoleID":81,"id":55}`}},
		{"the same owner, who keeps the role", update(psa.KindTicket, psa.Fields{"owner": to(290), "owner_role": nil}), []string{`PATCH /Tickets {"assignedResourceID":290,"assignedResourceRoleID":83,"id":55}`}},
		{"role alone", update(psa.KindTicket, psa.Fields{"owner_role": to(82)}), []string{`PATCH /Tickets {"assignedResourceID":290,"assignedResourceRoleID":82,"id":55}`}},
		{"nobody", update(psa.KindTicket, psa.Fields{"owner": nil}), []string{`PATCH /Tickets {"assignedResourceID":null,"assignedResourceRoleID":null,"id":55}`}},
		{"another company", update(psa.KindTicket, psa.Fields{"company": to(9), "contact": to(31), "summary": "x"}), []string{
			`PATCH /Tickets {"companyLocationID":null,"contactID":null,"id":55}`,
			`PATCH /Tickets {"companyID":9,"contactID":31,"id":55,"title":"x"}`}},
		{"the same company", update(psa.KindTicket, psa.Fields{"company": to(214), "contact": to(31)}), []string{`PATCH /Tickets {"companyID":214,"contactID":31,"id":55}`}},
		{"nothing", update(psa.KindTicket, psa.Fields{}), nil},
		{"note", create(psa.KindNote, psa.Fields{"ticket": to(70211), "text": " Swapped it \r\nand left", "type": to(3), "visibility": "public"}), []string{
			`POST /Tickets/70211/Notes {"description":"Swapped it \nand left","noteType":3,"publish":1,"ticketID":70211,"title":"Swapped it"}`}},
		{"note of no visibility", create(psa.KindNote, psa.Fields{"ticket": to(70211), "title": "T", "text": "t", "type": to(3)}), []string{
			`POST /Tickets/70211/Notes {"description":"t","noteType":3,"publish":2,"ticketID":70211,"title":"T"}`}},
		{"note of unknown visibility", update(psa.KindNote, psa.Fields{"visibility": "everybody"}), []string{`PATCH /Tickets/70211/Notes {"id":55,"publish":2}`}},
		{"note of no visibility any more", update(psa.KindNote, psa.Fields{"visibility": nil}), []string{`PATCH /Tickets/70211/Notes {"id":55,"publish":2}`}},
		{"note for the client's technicians", update(psa.KindNote, psa.Fields{"visibility": "team"}), []string{`PATCH /Tickets/70211/Notes {"id":55,"publish":4}`}},
		{"note without a title any more", update(psa.KindNote, psa.Fields{"title": nil}), []string{`PATCH /Tickets/70211/Notes {"id":55,"title":"Swapped the cable"}`}},
		{"text alone leaves the visibility", update(psa.KindNote, psa.Fields{"text": "x"}), []string{`PATCH /Tickets/70211/Notes {"description":"x","id":55}`}},
		{"time over midnight", create(psa.KindTimeEntry, with(entry, psa.Fields{"hours": 1.5, "billable": "no_charge"})), []string{
			`POST /TimeEntries {"dateWorked":"2026-03-01T00:00:00Z","endDateTime":"2026-03-02T01:00:00Z","hoursWorked":1.5,"isNonBillable":true,"resourceID":290,"roleID":81,"showOnInvoice":true,"startDateTime":"2026-03-01T23:30:00Z","ticketID":70211}`}},
		{"time in a role", create(psa.KindTimeEntry, with(entry, psa.Fields{"work_role": to(82), "billable": "no", "end_at": "2026-03-02T05:00:00Z"})), []string{
			`POST /TimeEntries {"dateWorked":"2026-03-01T00:00:00Z","endDateTime":"2026-03-02T00:00:00Z","hoursWorked":0.5,"isNonBillable":true,"resourceID":290,"roleID":82,"showOnInvoice":false,"startDateTime":"2026-03-01T23:30:00Z","ticketID":70211}`}},
		{"more hours", update(psa.KindTimeEntry, psa.Fields{"hours": 2, "billable": "yes"}), []string{
			`PATCH /TimeEntries {"dateWorked":"2026-03-01T00:00:00Z","endDateTime":"2026-03-01T11:00:00Z","hoursWorked":2,"id":55,"isNonBillable":false,"showOnInvoice":true,"startDateTime":"2026-03-01T09:00:00Z"}`}},
		{"another start", update(psa.KindTimeEntry, psa.Fields{"start_at": "2026-03-04T08:00:00Z"}), []string{
			`PATCH /TimeEntries {"dateWorked":"2026-03-04T00:00:00Z","endDateTime":"2026-03-04T08:30:00Z","hoursWorked":0.5,"id":55,"startDateTime":"2026-03-04T08:00:00Z"}`}},
		{"another end", update(psa.KindTimeEntry, psa.Fields{"end_at": "2026-03-01T09:20:00Z"}), []string{
			`PATCH /TimeEntries {"dateWorked":"2026-03-01T00:00:00Z","endDateTime":"2026-03-01T09:20:00Z","hoursWorked":0.3333,"id":55,"startDateTime":"2026-03-01T09:00:00Z"}`}},
		{"notes of time", update(psa.KindTimeEntry, psa.Fields{"notes": "done"}), []string{`PATCH /TimeEntries {"id":55,"summaryNotes":"done"}`}},
		{"time deleted", remove(psa.KindTimeEntry), []string{`DELETE /TimeEntries/55`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := []string{`901`, `"901"`}[i%2] // the schema leaves the type open
			p, log := written(t, func(c *autotask.Config) { c.CompanyOwnerID = "290" }, answer(200, `{"itemId":`+id+`}`))
			if err := tt.call(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(*log, tt.want) {
				t.Error(cmp.Diff(tt.want, *log))
			}
		})
	}
}

// The header goes with writes of entities that know of it, and with no read.
func TestImpersonation(t *testing.T) {
	p, log := written(t, func(c *autotask.Config) { c.ImpersonationResourceID = "77" }, answer(200, `{"itemId":901}`))
	for _, err := range []error{
		second(p.Update(t.Context(), ref(psa.KindNote, 5), psa.Patch{Set: psa.Fields{"title": "x"}})),
		second(p.Update(t.Context(), ref(psa.KindSite, 5), psa.Patch{Set: psa.Fields{"name": "x"}})),
		p.Delete(t.Context(), ref(psa.KindTimeEntry, 5)),
		second(p.Create(t.Context(), psa.KindCompany, psa.Fields{"name": "A", "phone": "1", "types": []any{to(1)}}, 0)),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{
		`PATCH /Tickets/70211/Notes {"id":5,"title":"x"} as 77`, `PATCH /Companies/214/Locations {"id":5,"name":"x"}`, `DELETE /TimeEntries/5 as 77`,
		`POST /Companies {"companyName":"A","companyType":1,"isActive":true,"ownerResourceID":77,"phone":"1"} as 77`,
	}
	if diff := cmp.Diff(want, *log); diff != "" {
		t.Error(diff)
	}
	tenant := autotasktest.Small()
	as := tenant.IDs("Resources")[2]
	real, srv := open(t, tenant, nil, func(c *autotask.Config) { c.ImpersonationResourceID = fmt.Sprint(as) })
	headers := 0
	srv.Before(func(r *http.Request) {
		if r.Header.Get("ImpersonationResourceId") != "" {
			headers++
		}
	})
	r, err := real.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": to(tenant.IDs("Tickets")[0]), "text": "by another", "type": to(3)}, 0)
	if err != nil || r.Fields.Ref("member").ID != fmt.Sprint(as) || headers != 1 {
		t.Errorf("a note by %q, %d requests with the header, %v", r.Fields.Ref("member").ID, headers, err)
	}
}

func second[T any](_ T, err error) error { return err }

// What cannot be written is told at once, by name, before anything is sent.
func TestRefusedFields(t *testing.T) {
	p, log := written(t, nil, answer(200, `{"itemId":901}`))
	for _, tt := range []struct {
		name string
		err  error
		want []string
	}{
		{"ticket", second(p.Create(t.Context(), psa.KindTicket, psa.Fields{
			"company": to("x"), "number": "T1", "nonsense": 1, "status": to("1 or 1"), "category_1": to("2:10"), "board": to("-1"), "sla": psa.Fields{"name": "Gold"},
			"due_at": "tomorrow", "external_ref": strings.Repeat("x", 51), "budget_hours": "many", "custom.999": "x",
		}, 0)), []string{"company: no ref", "number: cannot", "nonsense: no such", "status: no ref", "category_1: no ref", "board: no ref", "sla: no ref", "due_at: dueDateTime is not",
			"external_ref: longer than 50", "budget_hours: got", "custom.999: no such", "priority: required", "summary: required"}},
		{"neither queue nor owner", second(p.Create(t.Context(), psa.KindTicket, psa.Fields{"company": to(1), "summary": "x", "status": to(1), "priority": to(1), "due_at": time.Now(), "owner_role": to(1)}, 0)),
			[]string{"board: required, or owner", "owner_role: goes with"}},
		{"patch", second(p.Update(t.Context(), ref(psa.KindTicket, 5), psa.Patch{Set: psa.Fields{"url": "x", "closed": true, "summary": nil, "status": nil, "owner_role": nil}})),
			[]string{"url: cannot", "closed: cannot", "summary: required", "status: required", "owner_role: an owner"}},
		{"moved", second(p.Update(t.Context(), ref(psa.KindContact, 5), psa.Patch{Set: psa.Fields{"company": to(1), "main": "yes"}})), []string{"company: can be set on create only", "main: got"}},
		{"not of this database", second(p.Update(t.Context(), ref(psa.KindCompany, 5), psa.Patch{Set: psa.Fields{"fax": "1", "website": "x", "types": []any{to(1), to(2)}, "custom.71": "x", "custom.72": "x"}})),
			[]string{"fax: this database has no fax", "website: this database does not", "types: an Autotask company has one", "custom.71: no such", "custom.72: no such"}},
		{"note", second(p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": to(1), "type": to(13), "member": to(1)}, 0)), []string{"type: notes of type 13", "member: cannot", "text: required"}},
		{"time", second(p.Create(t.Context(), psa.KindTimeEntry, psa.Fields{"ticket": to(1), "member": to(1), "start_at": time.Now(), "hours": 24.01, "billable": "maybe"}, 0)),
			[]string{"hours: not above 0 and at most 24", "billable: a value"}},
		{"no time", second(p.Update(t.Context(), ref(psa.KindTimeEntry, 5), psa.Patch{Set: psa.Fields{"hours": 0}})), []string{"hours: not above 0"}},
		{"end before start", second(p.Update(t.Context(), ref(psa.KindTimeEntry, 5), psa.Patch{Set: psa.Fields{"end_at": "2026-03-01T08:00:00Z"}})), []string{"hours: not above 0"}},
		{"a value of no kind", second(p.Update(t.Context(), ref(psa.KindTicket, 5), psa.Patch{Set: psa.Fields{"summary": struct{}{}}})), []string{"summary: a value of no known type"}},
		{"no id", second(p.Update(t.Context(), ref(psa.KindTicket, "5/Notes"), psa.Patch{Set: psa.Fields{"summary": "x"}})), []string{"no Autotask id"}},
		{"own company", p.Delete(t.Context(), ref(psa.KindCompany, 0)), []string{"the tenant's own"}},
	} {
		if !errors.Is(tt.err, psa.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", tt.name, tt.err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(tt.err.Error(), want) {
				t.Errorf("%s: %v\nlacks %q", tt.name, tt.err, want)
			}
		}
	}
	for _, kind := range []psa.Kind{psa.KindTicket, psa.KindNote} {
		if err := p.Delete(t.Context(), ref(kind, 5)); !errors.Is(err, psa.ErrUnsupported) || !strings.Contains(err.Error(), "the API cannot delete") {
			t.Error(err)
		}
	}
	if err := second(p.Create(t.Context(), psa.KindCompany, psa.Fields{"name": "x"}, 0)); !errors.Is(err, psa.ErrUnsupported) || !strings.Contains(err.Error(), "Config.CompanyOwnerID") {
		t.Error(err)
	}
	if len(*log) > 0 {
		t.Errorf("writes: %v", *log)
	}
}

// What the vendor answers to a write, how often it was sent, and what becomes
// of it.
func TestWriteAnswers(t *testing.T) {
	const secret = "Dear Mr Berg, your password is hunter2 and so on"
	for _, tt := range []struct {
		name   string
		answer httpmock.Responder
		want   error
		says   string
		sent   int
	}{
		{"validation", answer(500, `{"errors":["Picklist value [99] does not exist for priority."]}`), psa.ErrInvalid, `priority: Picklist value "…" does not exist`, 1},
		{"inactive", answer(500, `{"errors":["Reference value on field: contactID of type: Contact does not exist or is invalid."]}`), psa.ErrInvalid, "contact: Reference value on field: contactID", 1},
		{"echo", answer(500, `{"errors":["The value `+secret+` of field description is refused."]}`), psa.ErrInvalid, "The value …", 1},
		{"no right", answer(500, `{"errors":["The logged in Resource does not have the adequate permissions to create this entity type."]}`), psa.ErrDenied, "adequate permissions", 1},
		{"failure", answer(500, `{"Message":"An error has occurred."}`), psa.ErrUnavailable, "", 1},
		{"gateway", answer(502, `<html>bad gateway</html>`, "Content-Type", "text/html"), psa.ErrUnavailable, "", 1},
		{"timeout", answer(500, `{"errors":["Timeout expired."]}`), psa.ErrTimeout, "", 1},
		{"login page", answer(200, `<html>log in</html>`, "Content-Type", "text/html"), psa.ErrUnavailable, "may have been created", 1},
		{"cut", answer(200, `{"itemId":9`), psa.ErrUnavailable, "may have been created", 1},
		{"no id", answer(200, `{}`), psa.ErrUnavailable, "may have been created", 1},
		{"reset", httpmock.NewErrorResponder(io.ErrUnexpectedEOF), psa.ErrUnavailable, "", 1},
		{"no such parent", answer(404, `{"errors":["not found"]}`), psa.ErrInvalid, "not found", 1},
		{"too many", answer(429, `{"errors":["The number of external requests exceeds the threshold"]}`, "Retry-After", "1"), psa.ErrRateLimited, "", 5},
		{"threads", answer(500, `{"errors":["Itgenatr005: Thread Threshold Exceeded."]}`), psa.ErrRateLimited, "", 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, log := written(t, nil, tt.answer)
				_, err := p.Create(t.Context(), psa.KindTicket, psa.Fields{
					"company": to(1), "summary": "x", "description": secret, "contact": to(4), "status": to(1), "priority": to(99), "board": to(8), "due_at": "2026-06-10T12:00:00Z",
				}, 0)
				if !errors.Is(psa.ErrorClass(err), tt.want) || !strings.Contains(err.Error(), tt.says) || len(*log) != tt.sent {
					t.Errorf("%v after %d requests, want %v after %d", err, len(*log), tt.want, tt.sent)
				}
				var api *autotask.APIError
				if strings.Contains(fmt.Sprint(err), "hunter2") || errors.As(err, &api) && strings.Contains(fmt.Sprint(api.Messages), "hunter2") {
					t.Errorf("what was written is in the error: %v", err)
				}
			})
		})
	}
}

// The second request of a move to another company is refused: contact and site
// are put back.
func TestMovedInVain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer httpmock.Responder
		sent   int
	}{
		{"refused", answer(500, `{"errors":["Reference value on field: companyID of type: Company does not exist or is invalid."]}`), 3},
		{"unknown", answer(500, ``), 2}, // it may have been moved
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, log := written(t, nil, func(r *http.Request) (*http.Response, error) {
				if strings.Contains(line(r), `"companyID"`) {
					return tt.answer(r)
				}
				return answer(200, `{"itemId":55}`)(r)
			})
			_, err := p.Update(t.Context(), ref(psa.KindTicket, 55), psa.Patch{Set: psa.Fields{"company": to(9)}})
			if err == nil || len(*log) != tt.sent {
				t.Fatalf("%v after %q", err, *log)
			}
			if tt.sent == 3 && (*log)[2] != `PATCH /Tickets {"companyLocationID":61,"contactID":30,"id":55}` {
				t.Error((*log)[2])
			}
		})
	}
	p, log := written(t, nil, func(r *http.Request) (*http.Response, error) {
		if strings.Contains(line(r), `null`) {
			return answer(200, `{"itemId":55}`)(r)
		}
		return answer(500, `{"errors":["no"]}`)(r)
	})
	_, err := p.Update(t.Context(), ref(psa.KindTicket, 55), psa.Patch{Set: psa.Fields{"company": to(9)}})
	if !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), "contact and site were cleared") || len(*log) != 3 {
		t.Errorf("%v after %q", err, *log)
	}
}

// A ticket moves in a tenant that refuses a contact of another company.
func TestMoved(t *testing.T) {
	tenant := autotasktest.Small()
	p, _ := open(t, tenant, nil, nil)
	companies, id := tenant.IDs("Companies"), tenant.IDs("Tickets")[0]
	from := tenant.Get("Tickets", id)["companyID"].(int)
	other := companies[slices.IndexFunc(companies, func(c int) bool { return c != 0 && c != from })]
	r, err := p.Update(t.Context(), ref(psa.KindTicket, id), psa.Patch{Set: psa.Fields{"company": to(other), "summary": "Moved"}})
	if err != nil || r.Fields.Ref("company").ID != fmt.Sprint(other) || r.Fields["contact"] != nil || r.Fields["site"] != nil || r.Fields.String("summary") != "Moved" {
		t.Errorf("%v, %v", r.Fields, err)
	}
}

// Approved time, and time on a sheet that was handed in, is locked; that is no
// failure that another try helps.
func TestLockedTime(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	ids := tenant.IDs("TimeEntries")
	tenant.Update("TimeEntries", ids[0], autotasktest.Row{"billingApprovalDateTime": "2026-06-01T00:00:00Z"})
	row := tenant.Get("TimeEntries", ids[1])
	day, err := time.Parse(time.RFC3339, row["dateWorked"].(string))
	if err != nil {
		t.Fatal(err)
	}
	tenant.SetTimesheet(row["resourceID"].(int), day, autotasktest.SheetSubmitted)
	for i, id := range ids[:2] {
		srv.ClearCounters()
		_, err := p.Update(t.Context(), ref(psa.KindTimeEntry, id), psa.Patch{Set: psa.Fields{"notes": "x"}})
		gone := p.Delete(t.Context(), ref(psa.KindTimeEntry, id))
		for _, err := range []error{err, gone} {
			var e *psa.Error
			if !errors.Is(err, psa.ErrConflict) || psa.Temporary(err) || !errors.As(err, &e) || e.Detail == "" {
				t.Errorf("time entry %d: %v, want ErrConflict that says why", i, err)
			}
		}
		for _, r := range srv.Requests() {
			if i == 0 && (r.Method == "PATCH" || r.Method == "DELETE") {
				t.Errorf("%s of an approved entry was sent", r.Method)
			}
		}
	}
}

// Without a default role, a resource works in none.
func TestNoDefaultRole(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	who, tickets := tenant.IDs("Resources")[1], tenant.IDs("Tickets")
	ticket := tickets[slices.IndexFunc(tickets, func(id int) bool { return tenant.Get("Tickets", id)["assignedResourceID"] != who })]
	tenant.Update("Resources", who, autotasktest.Row{"defaultServiceDeskRoleID": nil})
	entry := psa.Fields{"ticket": to(ticket), "member": to(who), "start_at": "2026-06-09T09:00:00Z", "hours": 1}
	before := len(srv.Requests())
	for field, err := range map[string]error{
		"work_role":  second(p.Create(t.Context(), psa.KindTimeEntry, entry, 0)),
		"owner_role": second(p.Update(t.Context(), ref(psa.KindTicket, ticket), psa.Patch{Set: psa.Fields{"owner": to(who)}})),
	} {
		if !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), field+": required") {
			t.Errorf("%v, want ErrInvalid that names %s", err, field)
		}
	}
	for _, r := range srv.Requests()[before:] {
		if r.Method == "PATCH" || r.Method == "POST" && !strings.HasSuffix(r.Path, "/query") {
			t.Errorf("%s %s was sent", r.Method, r.Path)
		}
	}
}

// An hours-only entry has no time of day to keep in step.
func TestHoursOnly(t *testing.T) {
	tenant := autotasktest.Small()
	p, _ := open(t, tenant, nil, nil)
	id := tenant.IDs("TimeEntries")[0]
	tenant.Update("TimeEntries", id, autotasktest.Row{"startDateTime": nil, "endDateTime": nil})
	r, err := p.Update(t.Context(), ref(psa.KindTimeEntry, id), psa.Patch{Set: psa.Fields{"hours": 3}})
	if err != nil || r.Fields["hours"] != json.Number("3") || r.Fields["end_at"] != nil {
		t.Errorf("%v, %v", r.Fields, err)
	}
}

// A missing right and a missing row sound the same on a write.
func TestRightOrRow(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	id := tenant.IDs("Tickets")[0]
	set := psa.Patch{Set: psa.Fields{"summary": "x"}}
	if _, err := p.Update(t.Context(), ref(psa.KindTicket, 987654321), set); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	fault := srv.Fail(autotasktest.Fault{Method: "PATCH", Path: "/Tickets", Count: 1, Status: 500,
		Body: `{"errors":["No matching records found. The logged in Resource may not have the required permissions to update the data."]}`})
	if _, err := p.Update(t.Context(), ref(psa.KindTicket, id), set); !errors.Is(err, psa.ErrDenied) {
		t.Errorf("%v, want ErrDenied: the row is there", err)
	}
	srv.Heal(fault...)
	srv.Deny("PATCH", "/Tickets")
	if _, err := p.Update(t.Context(), ref(psa.KindTicket, id), set); !errors.Is(err, psa.ErrDenied) {
		t.Errorf("%v, want ErrDenied", err)
	}
}

// A row that cannot be read back was written all the same.
func TestReadBackFails(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, func(c *autotask.Config) { c.Retries = -1 })
	srv.After(func(r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/TimeEntries") {
			srv.Fail(autotasktest.Fault{Path: "/TimeEntries/query", Status: 503, Count: -1})
		}
	})
	who, before := tenant.IDs("Resources")[1], len(tenant.IDs("TimeEntries"))
	r, err := p.Create(t.Context(), psa.KindTimeEntry, psa.Fields{"ticket": to(tenant.IDs("Tickets")[0]), "member": to(who), "start_at": "2026-06-09T09:00:00Z", "hours": 1}, 0)
	ids := tenant.IDs("TimeEntries")
	if len(ids) != before+1 || !errors.Is(err, psa.ErrUnavailable) || r.Ref != ref(psa.KindTimeEntry, ids[len(ids)-1]) {
		t.Errorf("%s of %d rows, %v", r.Ref, len(ids), err)
	}
}

// Workflow rules run whatever is asked for, and what they change is read back.
func TestWorkflowRules(t *testing.T) {
	tenant := autotasktest.Small()
	p, srv := open(t, tenant, nil, nil)
	tenant.AddWorkflowRule(autotasktest.WorkflowRule{Collection: "Tickets", MailTo: "contact", Set: autotasktest.Row{"priority": 3}})
	r, err := p.Update(t.Context(), ref(psa.KindTicket, tenant.IDs("Tickets")[0]), psa.Patch{Set: psa.Fields{"summary": "x", "priority": to(1)}})
	if err != nil || r.Fields.Ref("priority").ID != "3" || srv.MailSent() != 1 {
		t.Errorf("priority %v, %d mails, %v", r.Fields["priority"], srv.MailSent(), err)
	}
	for kind, f := range p.Features() {
		want := psa.MailNever
		if kind == psa.KindTicket || kind == psa.KindNote || kind == psa.KindTimeEntry {
			want = psa.MailUncontrolled
		}
		if f.Mail != want {
			t.Errorf("%s: mail control %d, want %d", kind, f.Mail, want)
		}
	}
}

// A note for the client's technicians is never shown to more people than that.
func TestTeamNotes(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		labels     []string
	}{
		{"not co-managed", "internal", nil},
		{"co-managed", "team", []string{"Internal & Co-Managed"}},
		{"wider", "internal", []string{"All users & Co-managed"}},
		{"narrowest of two", "team", []string{"All users & Co-managed", "Internal and co-managed"}},
		{"one of several", "internal", []string{"Internal & Co-managed A", "Internal & Co-managed B"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tenant := autotasktest.Small()
			for _, label := range tt.labels {
				tenant.AddPicklistValue("TicketNotes", "publish", autotasktest.PicklistValue{Label: label})
			}
			p, _ := open(t, tenant, nil, nil)
			r, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": to(tenant.IDs("Tickets")[0]), "text": "x", "type": to(3), "visibility": "team"}, 0)
			if err != nil || r.Fields.String("visibility") != tt.want {
				t.Errorf("%q, %v, want %q", r.Fields.String("visibility"), err, tt.want)
			}
		})
	}
}

// Custom fields that are not named keep their values.
func TestCustomFieldsKept(t *testing.T) {
	tenant := autotasktest.Small()
	p, _ := open(t, tenant, nil, nil)
	id := tenant.IDs("Tickets")[0]
	before, err := p.Get(t.Context(), ref(psa.KindTicket, id))
	if err != nil {
		t.Fatal(err)
	}
	custom, _ := before.Fields["custom"].(psa.Fields)
	var name string
	for _, row := range list(t, p, psa.KindCustomField, psa.Query{}) {
		if _, ours := custom[row.ID]; ours && row.Fields.String("name") == "Asset Tag" {
			name = row.ID
		}
	}
	if name == "" {
		t.Fatal("tickets have no field Asset Tag")
	}
	for _, v := range []any{"BC-1", nil, "BC-2"} {
		after, err := p.Update(t.Context(), ref(psa.KindTicket, id), psa.Patch{Set: psa.Fields{"custom." + name: v}})
		if err != nil {
			t.Fatal(err)
		}
		want := custom.Clone()
		want[name] = v
		if diff := cmp.Diff(want, after.Fields["custom"]); diff != "" {
			t.Error(diff)
		}
	}
}

// A database that moved takes a write once, where it is now.
func TestWriteAfterMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Small()
		p, srv := open(t, tenant, nil, nil)
		who, ticket, before := tenant.IDs("Resources")[1], tenant.IDs("Tickets")[0], len(tenant.IDs("TimeEntries"))
		entry := psa.Fields{"ticket": to(ticket), "member": to(who), "start_at": "2026-06-09T09:00:00Z", "hours": 1}
		for i := range 2 {
			if _, err := p.Create(t.Context(), psa.KindTimeEntry, entry, 0); err != nil || len(tenant.IDs("TimeEntries")) != before+i+1 {
				t.Errorf("%d rows more, %v", len(tenant.IDs("TimeEntries"))-before, err)
			}
			time.Sleep(2 * time.Minute)
			srv.MoveZone()
		}
		if strays := srv.Strays(); len(strays) > 0 {
			t.Errorf("requests to other hosts: %v", strays)
		}
	})
}

// Writes wait for the same three threads of an entity as reads.
func TestWritesKeepToThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Small()
		p, srv := open(t, tenant, &autotasktest.Options{Latency: time.Second}, nil)
		company := tenant.IDs("Companies")[1]
		done := make(chan error)
		for i := range 12 {
			go func() {
				_, err := p.Create(t.Context(), psa.KindContact, psa.Fields{"company": to(company), "first_name": "Pat", "last_name": fmt.Sprint("Doe ", i)}, 0)
				done <- err
			}()
		}
		for range 12 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for entity, n := range srv.MaxThreads() {
			if n > 3 {
				t.Errorf("%d requests at %s at the same moment", n, entity)
			}
		}
		if srv.MaxThreads()["Companies"] != 3 {
			t.Errorf("creates ran one after the other: %v", srv.MaxThreads())
		}
	})
}

// A spent quota holds writes up, or refuses them, before they are sent.
func TestWritesKeepToQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := autotasktest.Small()
		p, srv := open(t, tenant, nil, func(c *autotask.Config) {
			c.Budget = autotask.NewBudget(&autotask.BudgetConfig{Requests: 24, Share: 0.5})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var err error
		for err == nil {
			_, err = p.Update(ctx, ref(psa.KindTicket, tenant.IDs("Tickets")[0]), psa.Patch{Set: psa.Fields{"summary": "x"}})
		}
		if !errors.Is(err, psa.ErrRateLimited) && !errors.Is(err, psa.ErrTimeout) {
			t.Errorf("%v, want a spent quota", err)
		}
		if n := len(srv.Requests()); n > 13 {
			t.Errorf("%d requests of 12", n)
		}
	})
}
