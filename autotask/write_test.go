package autotask_test

import (
	"context"
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
				if n == "city" {
					extra = `,"length":10`
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
		{"not of this database", second(p.Update(t.Context(), ref(psa.KindCompany, 5), psa.Patch{Set: psa.Fields{"fax": "1", "website": "x", "types": []any{to(1), to(2)}, "custom.71": "x", "custom.72": "x", "address.city": "Llanfairpwll"}})),
			[]string{"address: longer than 10", "fax: this database has no fax", "website: this database does not", "types: an Autotask company has one", "custom.71: no such", "custom.72: no such"}},
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
		{"echo", answer(500, `{"errors":["The value `+secret+` of field description is refused."]}`), psa.ErrInvalid, `The value "…" of field description is refused`, 1},
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

// What Autotask repeats of a user-defined field is no part of an error either.
func TestEcho(t *testing.T) {
	p, _ := written(t, nil, answer(500, `{"errors":["hunter2 is no value of the list"]}`))
	_, err := p.Update(t.Context(), ref(psa.KindCompany, 55), psa.Patch{Set: psa.Fields{"custom.70": "hunter2"}})
	if !errors.Is(err, psa.ErrInvalid) || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "is no value of the list") {
		t.Error(err)
	}
}

// Without what it depends on nothing is written.
func TestReadsBeforeWritesFail(t *testing.T) {
	note := psa.Fields{"text": "x", "type": to(3), "visibility": "team"}
	entry := psa.Fields{"start_at": "2026-06-09T09:00:00Z", "hours": 1}
	for _, tt := range []struct {
		fails string
		kind  psa.Kind
		set   psa.Fields
		op    string
	}{
		{"/Tickets/entityInformation/fields", psa.KindTicket, psa.Fields{"summary": "x"}, "update ticket"},
		{"/TicketNotes/entityInformation/fields", psa.KindNote, note, "update note"},
		{"/TicketNotes/query", psa.KindNote, note, "update note"},
		{"/Contacts/query", psa.KindContact, psa.Fields{"title": "x"}, "update contact"},
		{"/CompanyLocations/query", psa.KindSite, psa.Fields{"name": "x"}, "update site"},
		{"/TimeEntries/query", psa.KindTimeEntry, entry, "update time_entry"},
		{"/UserDefinedFieldDefinitions/query", psa.KindTicket, psa.Fields{"custom.1": "x"}, "update ticket"},
		{"/Tickets/query", psa.KindTicket, psa.Fields{"owner_role": to(1)}, "update ticket"},
		{"/Tickets/query", psa.KindTicket, psa.Fields{"owner": to(1)}, "update ticket"},
		{"/Tickets/query", psa.KindTicket, psa.Fields{"company": to(1)}, "update ticket"},
		{"/Resources/query", psa.KindTicket, psa.Fields{"owner": to(1)}, "update ticket"},
	} {
		tenant := autotasktest.Small()
		p, srv := open(t, tenant, nil, func(c *autotask.Config) { c.Retries = -1 })
		srv.Fail(autotasktest.Fault{Path: tt.fails, Status: 503, Count: -1})
		collection := map[psa.Kind]string{psa.KindNote: "TicketNotes", psa.KindSite: "CompanyLocations"}[tt.kind]
		if collection == "" {
			collection = entities[tt.kind]
		}
		target := ref(tt.kind, tenant.IDs(collection)[0])
		_, err := p.Update(t.Context(), target, psa.Patch{Set: tt.set})
		var e *psa.Error
		if !errors.Is(err, psa.ErrUnavailable) || !errors.As(err, &e) || e.Op != tt.op {
			t.Errorf("%s fails: %v, want ErrUnavailable of %q", tt.fails, err, tt.op)
		}
		for _, r := range srv.Requests() {
			if r.Method == http.MethodPatch {
				t.Errorf("%s fails: %s was sent", tt.fails, r.Path)
			}
		}
	}
}

// A role without an owner is nobody's.
func TestRoleOfNobody(t *testing.T) {
	tenant := autotasktest.Small()
	p, _ := open(t, tenant, nil, nil)
	id := tenant.IDs("Tickets")[0]
	tenant.Update("Tickets", id, autotasktest.Row{"assignedResourceID": nil, "assignedResourceRoleID": nil})
	_, err := p.Update(t.Context(), ref(psa.KindTicket, id), psa.Patch{Set: psa.Fields{"owner_role": to(tenant.IDs("Roles")[0])}})
	if !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), "owner_role: goes with an owner") {
		t.Error(err)
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
