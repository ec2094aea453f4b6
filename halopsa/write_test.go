package halopsa_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/psa"
)

// rows are what GET answers about single rows, and the lists that writes need.
func vendorRows() map[string]string {
	return map[string]string{
		"/Client/12": `{"id":12,"name":"Acme","main_site_id":18,"ref":"ACM","inactive":false,"customertype":1,"customfields":[{"id":153,"type":0,"value":"old"},{"id":154,"type":0,"value":"same"}]}`,
		"/Client/13": `{"id":13,"name":"No Site","inactive":false}`,
		"/Client/1":  `{"id":1,"name":"Unknown"}`,
		"/Site/18": `{"id":18,"name":"Main","client_id":12.0,"inactive":false,
			"delivery_address":{"id":900,"line1":"1 High St","line2":"","line3":"London","line4":"","postcode":"N1 1AA","lat":51.5}}`,
		"/Users/77": `{"id":77,"name":"Jo Bloggs","firstname":"Jo","surname":"Bloggs","client_id":12,"site_id":18.0,"inactive":false}`,
		"/Users/78": `{"id":78,"name":"Front desk","firstname":"Ann","surname":"Other","client_id":12,"site_id":19.0,"inactive":true}`,
		"/Users/80": `{"id":80,"name":"General User","client_id":12,"site_id":18.0}`,
		"/Tickets/4321": `{"id":4321,"summary":"Printer offline","details":"It is off.","itil_requesttype_id":1,"tickettype_id":1,"status_id":2,"sla_id":1,"priority_id":3,
			"team":"1st Line","department_id":3,"agent_id":5,"client_id":12,"site_id":18,"user_id":77,"user_name":"Jo Bloggs","impact":2,"category_1":"Hardware>Printer","categoryid_1":16,
			"customfields":[{"id":152,"type":0,"value":"a"},{"id":160,"type":2,"value":3},{"id":161,"type":3,"value":"1,3"},{"id":162,"type":4,"value":"2026-12-01T00:00:00"},{"id":163,"type":5,"value":"09:30"},{"id":164,"type":6,"value":true}]}`,
		"/Tickets/4399": `{"id":4399,"summary":"A project","itil_requesttype_id":22}`,
		"/Actions/3":    `{"id":3,"ticket_id":4321,"note":"Rebooted","outcome_id":7,"hiddenfromuser":true}`,
		"/Actions/4":    `{"id":4,"ticket_id":4321,"note":"Worked","timetaken":0.5,"actisbillable":true,"chargerate":1,"hiddenfromuser":true,"who_agentid":5}`,
		"/Actions/5":    `{"id":5,"ticket_id":4321,"note":"For free","timetaken":0.0,"nonbilltime":1.5,"hiddenfromuser":true}`,
		"/Actions/6":    `{"id":6,"ticket_id":4321,"note":"Billed","timetaken":2.0,"actioninvoicenumber":"INV-7"}`,
		"/Actions/7":    `{"id":7,"ticket_id":4321,"note":"Approved","timetaken":2.0,"timesheet_approval_status":2}`,
		"/FieldInfo": `[{"id":152,"usage":1,"type":0},{"id":160,"usage":1,"type":2},{"id":161,"usage":1,"type":3},{"id":162,"usage":1,"type":4},{"id":163,"usage":1,"type":5},
			{"id":164,"usage":1,"type":6},{"id":165,"usage":1,"type":0,"readonly":true},{"id":166,"usage":1,"type":0,"isencrypted":true},{"id":153,"usage":2,"type":0},{"id":154,"usage":2,"type":0}]`,
		"/Team":     `[{"id":4,"name":"1st Line","department_id":3},{"id":6,"name":"Sales","department_id":3},{"id":7,"name":"Sales","department_id":4},{"id":8,"name":"Twin","department_id":4},{"id":9,"name":"Twin","department_id":4}]`,
		"/Category": `[{"id":16,"value":"Hardware>Printer","type_id":1},{"id":17,"value":"Account","type_id":2}]`,
		"/TopLevel": `[{"id":2,"name":"Customers","agent_department":false},{"id":3,"name":"Service","agent_department":true}]`,
	}
}

// A recorder answers what vendorRows says, and notes the writes: method, path,
// query and body.
type recorder struct {
	rows   map[string]string
	writes []string
	reads  []string
	status int    // of an answer to a POST; 0: 201
	answer string // to a POST; "": the row with an id

	limited int // so many writes are refused first: too many requests
}

func (r *recorder) respond(t testing.TB, req *http.Request) (*http.Response, error) {
	_, path, _ := strings.Cut(req.URL.Path, "/api")
	if req.Method == http.MethodGet {
		r.reads = append(r.reads, path)
		if body, ok := r.rows[path]; ok {
			return answer(200, body)(req)
		}
		return answer(404, `{"ClassName":"System.Exception","Message":"The requested item could not be found."}`)(req)
	}
	body := ""
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		body = " " + string(b)
	}
	r.writes = append(r.writes, line(req)+body)
	if len(r.writes) <= r.limited {
		return answer(429, "Rate Limit Reached - 700 Requests per rolling 5 minute window.")(req)
	}
	status := r.status
	if status == 0 {
		status = 201
	}
	if r.answer != "" || status == 204 {
		return answer(status, r.answer)(req)
	}
	var sent []map[string]any
	id := any(float64(99))
	if json.Unmarshal([]byte(body), &sent) == nil && len(sent) == 1 && sent[0]["id"] != nil {
		id = sent[0]["id"]
	}
	out, err := json.Marshal(map[string]any{"id": id, "secret": "posted answers are never shown"})
	if err != nil {
		t.Error(err)
	}
	return answer(status, string(out))(req)
}

func recording(t testing.TB, change func(*halopsa.Config)) (*halopsa.Provider, *recorder) {
	r := &recorder{rows: vendorRows()}
	for _, path := range []string{"/Client", "/Site", "/Users", "/Tickets", "/Actions"} {
		r.rows[path+"/99"] = map[string]string{
			"/Client": `{"id":99,"name":"x"}`, "/Site": `{"id":99,"name":"x","client_id":12}`, "/Users": `{"id":99,"name":"x","client_id":12,"site_id":18}`,
			"/Tickets": `{"id":99,"summary":"x"}`, "/Actions": `{"id":99,"ticket_id":4321,"note":"x","timetaken":0}`,
		}[path]
	}
	p, mock := mocked(t, func(c *halopsa.Config) {
		c.Outcomes = halopsa.Outcomes{Internal: 7, Public: 3, Time: 8}
		if change != nil {
			change(c)
		}
	})
	mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) { return r.respond(t, req) })
	return p, r
}

func id(s string) psa.Fields { return psa.Fields{"id": s} }

func num(s string) json.Number { return json.Number(s) }

// What a create sends, key by key.
func TestCreateRequests(t *testing.T) {
	const quiet = `"sendemail":false,"sendsms":false`
	for _, tt := range []struct {
		name   string
		kind   psa.Kind
		fields psa.Fields
		notify psa.Notify
		change func(*halopsa.Config)
		want   string
	}{
		{name: "company", kind: psa.KindCompany, fields: psa.Fields{"name": " Acme \n", "website": "", "types": []any{id("2")}, "custom": psa.Fields{"153": "k"}},
			want: `POST /Client [{"customertype":2,"customfields":[{"id":153,"value":"k"}],"name":"Acme","newclient_sitename":"Main","toplevel_id":2}]`},
		{name: "company of a group", kind: psa.KindCompany, fields: psa.Fields{"name": "Acme", "types": nil, "account_number": "A1"}, change: func(c *halopsa.Config) { c.TopLevel = 9 },
			want: `POST /Client [{"name":"Acme","newclient_sitename":"Main","ref":"A1","toplevel_id":9}]`},
		{name: "site", kind: psa.KindSite, fields: psa.Fields{"name": "Depot", "company": id("12"), "phone": "1", "address": psa.Fields{"line1": "a", "city": "b", "state": "c", "zip": "d", "country": nil}},
			want: `POST /Site [{"client_id":12,"delivery_address":{"line1":"a","line3":"b","line4":"c","postcode":"d"},"name":"Depot","phonenumber":"1"}]`},
		{name: "contact at the main site", kind: psa.KindContact, fields: psa.Fields{"first_name": "Jo", "last_name": "Bloggs", "company": id("12"), "email": "jo@acme.example", "main": true},
			want: `POST /Users [{"client_id":12,"emailaddress":"jo@acme.example","firstname":"Jo","isimportantcontact":true,"name":"Jo Bloggs","sendwelcomeemail":false,"site_id":18,"surname":"Bloggs"}]`},
		{name: "contact at a site", kind: psa.KindContact, fields: psa.Fields{"last_name": "Bloggs", "company": id("12"), "site": id("19"), "mobile": "2", "title": nil},
			want: `POST /Users [{"client_id":12,"mobilenumber":"2","name":"Bloggs","sendwelcomeemail":false,"site_id":19,"surname":"Bloggs"}]`},
		{name: "ticket of a client", kind: psa.KindTicket, fields: psa.Fields{"summary": "x", "ticket_type": id("1"), "company": id("12"), "owner": id("1"), "contact": id("-1")},
			want: `POST /Tickets [{"client_id":12,"sendack":false,"site_id":18,"summary":"x","tickettype_id":1,"user_id":-1}]`},
		{name: "ticket of a contact", kind: psa.KindTicket, fields: psa.Fields{"summary": "x", "ticket_type": id("1"), "company": id("12"), "contact": id("77")}, notify: psa.NotifyContact,
			want: `POST /Tickets [{"client_id":12,"sendack":true,"site_id":18,"summary":"x","tickettype_id":1,"user_id":77}]`},
		{name: "ticket with everything", kind: psa.KindTicket, fields: psa.Fields{
			"summary": "x", "description": "a < b\r\n\"c\"", "ticket_type": id("1"), "company": id("12"), "site": id("18"), "contact": id("77"), "status": id("2"), "sla": id("1"), "priority": id("1:3"),
			"urgency": id("2"), "impact": id("3"), "source": id("0"), "category_1": id("16"), "category_2": psa.Fields{"name": "Account"}, "team": id("7"), "owner": id("5"), "budget_hours": num("1.23456"),
			"due_at": "2026-12-01T10:00:00.5+01:00", "external_ref": "r", "parent_ticket": id("4320"), "contact_name": "Jo",
			"custom": psa.Fields{"152": "t", "160": "3", "161": []any{"1", "3"}, "162": "2026-12-01", "163": "09:30", "164": false},
		}, change: func(c *halopsa.Config) { c.SkipRules = true },
			want: `POST /Tickets [{"agent_id":5,"category_1":"Hardware\u003ePrinter","category_2":"Account","client_id":12,"customfields":[{"id":152,"value":"t"},{"id":160,"value":3},{"id":161,"value":"1,3"},` +
				`{"id":162,"value":"2026-12-01T12:00:00"},{"id":163,"value":"09:30"},{"id":164,"value":false}],"deadlinedate":"2026-12-01T09:00:00Z","department_id":4,` +
				`"details_html":"\u003cp\u003ea \u0026lt; b\u003cbr\u003e\u0026#34;c\u0026#34;\u003c/p\u003e","dont_do_rules":true,"estimate":1.2346,"impact":3,"parent_id":4320,"priority_id":3,"reportedby":"Jo",` +
				`"sendack":false,"site_id":18,"sla_id":1,"source":0,"status_id":2,"summary":"x","team":"Sales","third_party_id_string":"r","tickettype_id":1,"urgency":2,"user_id":77}]`},
		{name: "note", kind: psa.KindNote, fields: psa.Fields{"ticket": id("4321"), "text": "x"},
			want: `POST /Actions [{"hiddenfromuser":true,"note_html":"\u003cp\u003ex\u003c/p\u003e","outcome_id":7,` + quiet + `,"ticket_id":4321}]`},
		{name: "note for the team", kind: psa.KindNote, fields: psa.Fields{"ticket": id("4321"), "text": "x", "visibility": "team"},
			want: `POST /Actions [{"hiddenfromuser":true,"note_html":"\u003cp\u003ex\u003c/p\u003e","outcome_id":7,` + quiet + `,"ticket_id":4321}]`},
		{name: "public note, mailed", kind: psa.KindNote, fields: psa.Fields{"ticket": id("4321"), "text": "x", "visibility": "public"}, notify: psa.NotifyContact,
			change: func(c *halopsa.Config) { c.SkipRules = true },
			want:   `POST /Actions [{"hiddenfromuser":false,"note_html":"\u003cp\u003ex\u003c/p\u003e","outcome_id":3,"sendemail":true,"sendsms":false,"ticket_id":4321}]`},
		{name: "note of a type", kind: psa.KindNote, fields: psa.Fields{"ticket": id("4321"), "text": "x", "type": id("11")}, change: func(c *halopsa.Config) { c.SkipRules = true },
			want: `POST /Actions [{"dont_do_rules":true,"hiddenfromuser":true,"note_html":"\u003cp\u003ex\u003c/p\u003e","outcome_id":11,` + quiet + `,"ticket_id":4321}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, r := recording(t, tt.change)
			rec, err := p.Create(t.Context(), tt.kind, tt.fields, tt.notify)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want}, r.writes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if rec.Kind != tt.kind || !strings.HasSuffix(rec.ID, "99") || strings.Contains(string(rec.Raw), "posted") {
				t.Errorf("%s %s", rec.Ref, rec.Raw)
			}
		})
	}
}

func TestCreateTimeRequests(t *testing.T) {
	const tail = `,"note_html":"\u003cp\u003ew\u003c/p\u003e","outcome_id":8,"sendemail":false,"sendsms":false,"ticket_id":4321`
	for name, tt := range map[string]struct {
		fields psa.Fields
		want   string
	}{
		"hours": {psa.Fields{"hours": num("0.25")}, `{"hiddenfromuser":true` + tail + `,"timetaken":0.25}`},
		"free":  {psa.Fields{"hours": num("0.25"), "billable": "no_charge", "visibility": "public"}, `{"hiddenfromuser":false,"nonbilltime":0.25` + tail + `,"timetaken":0}`},
		"charged, begun": {
			psa.Fields{"hours": num("0.25"), "billable": "yes", "start_at": "2026-06-09T09:00:00Z", "work_type": id("0"), "member": psa.Fields{"id": "5", "name": "Ann Agent"}},
			`{"actionarrivaldate":"2026-06-09T09:00:00Z","actioncompletiondate":"2026-06-09T09:15:00Z","actisbillable":true,"chargerate":0,"datetime":"2026-06-09T09:15:00Z","hiddenfromuser":true,"nonbilltime":0` +
				tail + `,"timetaken":0.25,"who":"Ann Agent","who_agentid":5,"who_type":1}`,
		},
		"ended": {
			psa.Fields{"hours": num("1"), "start_at": "2026-06-09T09:00:00Z", "end_at": "2026-06-09T11:00:00Z"},
			`{"actionarrivaldate":"2026-06-09T09:00:00Z","actioncompletiondate":"2026-06-09T11:00:00Z","datetime":"2026-06-09T11:00:00Z","hiddenfromuser":true` + tail + `,"timetaken":1}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, r := recording(t, nil)
			r.rows["/Actions/99"] = `{"id":99,"ticket_id":4321,"note":"w","timetaken":1}`
			tt.fields["ticket"], tt.fields["notes"] = id("4321"), "w"
			rec, err := p.Create(t.Context(), psa.KindTimeEntry, tt.fields, psa.NotifyNone)
			if err != nil || rec.ID != "4321/99" || rec.Parent.ID != "4321" {
				t.Fatal(rec.Ref, err)
			}
			if diff := cmp.Diff([]string{"POST /Actions [" + tt.want + "]"}, r.writes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What an update sends: what differs, and what Halo takes only together.
func TestUpdateRequests(t *testing.T) {
	const quiet = `"sendemail":false,"sendsms":false,"ticket_id":4321`
	for _, tt := range []struct {
		name string
		ref  string
		set  psa.Fields
		want string // "": nothing
	}{
		{"one field", "company/12", psa.Fields{"name": "Acme Ltd", "account_number": "ACM"}, `POST /Client [{"id":12,"name":"Acme Ltd"}]`},
		{"nothing new", "company/12", psa.Fields{"name": "Acme", "types": []any{id("1")}, "website": nil, "custom": psa.Fields{"154": "same"}}, ""},
		{"nothing at all", "company/12", nil, ""},
		{"cleared", "company/12", psa.Fields{"account_number": nil, "types": nil}, `POST /Client [{"customertype":0,"id":12,"ref":""}]`},
		{"custom fields that differ", "company/12", psa.Fields{"custom": psa.Fields{"153": nil, "154": "same"}}, `POST /Client [{"customfields":[{"id":153,"value":""}],"id":12}]`},
		{"dotted", "company/12", psa.Fields{"custom.153": "new"}, `POST /Client [{"customfields":[{"id":153,"value":"new"}],"id":12}]`},
		{"part of an address", "site/18", psa.Fields{"address": psa.Fields{"city": "Leeds", "line1": "1 High St"}},
			`POST /Site [{"delivery_address":{"id":900,"lat":51.5,"line1":"1 High St","line2":"","line3":"Leeds","line4":"","postcode":"N1 1AA"},"id":18}]`},
		{"cleared address", "site/18", psa.Fields{"address": psa.Fields{"zip": nil}},
			`POST /Site [{"delivery_address":{"id":900,"lat":51.5,"line1":"1 High St","line2":"","line3":"London","line4":"","postcode":""},"id":18}]`},
		{"the shown name follows", "contact/77", psa.Fields{"last_name": "Smith"}, `POST /Users [{"id":77,"name":"Jo Smith","surname":"Smith"}]`},
		{"a shown name of its own stays", "contact/78", psa.Fields{"last_name": "Smith", "main": nil}, `POST /Users [{"id":78,"surname":"Smith"}]`},
		{"cleared contact", "contact/77", psa.Fields{"first_name": nil}, `POST /Users [{"firstname":"","id":77,"name":"Bloggs"}]`},
		{"moved to a site", "contact/77", psa.Fields{"site": id("19")}, `POST /Users [{"id":77,"site_id":19}]`},
		{"moved to a client", "contact/77", psa.Fields{"company": id("14"), "site": id("30")}, `POST /Users [{"client_id":14,"id":77,"site_id":30}]`},

		{"summary", "ticket/4321", psa.Fields{"summary": "y", "status": id("2")}, `POST /Tickets [{"id":4321,"summary":"y"}]`},
		{"an unchanged text is not sent", "ticket/4321", psa.Fields{"description": " It is off.\r\n"}, ""},
		{"cleared ticket", "ticket/4321", psa.Fields{"description": "", "owner": nil, "impact": nil, "category_1": nil, "external_ref": "x", "parent_ticket": id("-1"), "due_at": "2026-12-01T09:00:00Z", "budget_hours": nil},
			`POST /Tickets [{"agent_id":1,"category_1":"","deadlinedate":"2026-12-01T09:00:00Z","details_html":"","estimate":0,"id":4321,"impact":0,"third_party_id_string":"x"}]`},
		{"cleared custom fields", "ticket/4321", psa.Fields{"custom": psa.Fields{"152": "", "160": nil, "161": nil, "162": nil, "163": nil, "164": nil}},
			`POST /Tickets [{"customfields":[{"id":152,"value":""},{"id":160,"value":""},{"id":161,"value":""},{"id":162,"value":""},{"id":163,"value":""},{"id":164,"value":""}],"id":4321}]`},
		{"unchanged custom fields", "ticket/4321", psa.Fields{"custom": psa.Fields{"152": "a", "160": "3", "161": []any{"1", "3"}, "162": "2026-12-01", "163": "09:30", "164": true}}, ""},
		{"a priority and its SLA", "ticket/4321", psa.Fields{"sla": id("1"), "priority": id("1:2")}, `POST /Tickets [{"id":4321,"priority_id":2,"sla_id":1}]`},
		{"team by name", "ticket/4321", psa.Fields{"team": psa.Fields{"name": "1st Line"}}, ""},
		{"another team", "ticket/4321", psa.Fields{"team": psa.Fields{"id": "6", "name": "an old name"}}, `POST /Tickets [{"department_id":3,"id":4321,"team":"Sales"}]`},
		{"no contact", "ticket/4321", psa.Fields{"contact": nil}, `POST /Tickets [{"client_id":12,"id":4321,"site_id":18,"user_id":-1}]`},
		{"another contact", "ticket/4321", psa.Fields{"contact": id("78")}, `POST /Tickets [{"client_id":12,"id":4321,"site_id":19,"user_id":78}]`},
		{"another contact of the group", "ticket/4321", psa.Fields{"company": id("12"), "site": id("18"), "contact": id("79")}, `POST /Tickets [{"client_id":12,"id":4321,"site_id":18,"user_id":79}]`},
		{"another site", "ticket/4321", psa.Fields{"site": id("19")}, `POST /Tickets [{"client_id":12,"id":4321,"site_id":19}]`},
		{"another company", "ticket/4321", psa.Fields{"company": id("14"), "site": id("30")}, `POST /Tickets [{"client_id":14,"id":4321,"site_id":30,"user_id":-1}]`},

		{"text", "note/4321/3", psa.Fields{"text": "x"}, `POST /Actions [{"id":3,"note_html":"\u003cp\u003ex\u003c/p\u003e",` + quiet + `}]`},
		{"hidden already", "note/4321/3", psa.Fields{"visibility": "team"}, ""},
		{"shown", "note/4321/3", psa.Fields{"visibility": "public"}, `POST /Actions [{"hiddenfromuser":false,"id":3,` + quiet + `}]`},

		{"hours", "time_entry/4321/4", psa.Fields{"hours": num("0.75")}, `POST /Actions [{"id":4,` + quiet + `,"timetaken":0.75}]`},
		{"hours of free time", "time_entry/4321/5", psa.Fields{"hours": num("0.75")}, `POST /Actions [{"id":5,"nonbilltime":0.75,` + quiet + `,"timetaken":0}]`},
		{"free", "time_entry/4321/4", psa.Fields{"billable": "no"}, `POST /Actions [{"id":4,"nonbilltime":0.5,` + quiet + `,"timetaken":0}]`},
		{"charged", "time_entry/4321/5", psa.Fields{"billable": "yes"}, `POST /Actions [{"actisbillable":true,"id":5,"nonbilltime":0,` + quiet + `,"timetaken":1.5}]`},
		{"no rate", "time_entry/4321/4", psa.Fields{"work_type": nil, "billable": "yes"}, `POST /Actions [{"chargerate":-1,"id":4,` + quiet + `}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, r := recording(t, nil)
			ref, err := psa.ParseRef(tt.ref)
			if err != nil {
				t.Fatal(err)
			}
			rec, err := p.Update(t.Context(), ref, psa.Patch{Set: tt.set, IfVersion: "unknown to Halo"})
			if err != nil || rec.Ref != ref {
				t.Fatal(rec.Ref, err)
			}
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if diff := cmp.Diff(want, r.writes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeleteRequests(t *testing.T) {
	for _, tt := range []struct {
		ref  string
		want []string
		err  error
	}{
		{"company/12", []string{`POST /Client [{"id":12,"inactive":true}]`}, nil},
		{"site/18", []string{`POST /Site [{"id":18,"inactive":true}]`}, nil},
		{"contact/77", []string{`POST /Users [{"id":77,"inactive":true}]`}, nil},
		{"contact/78", nil, nil}, // inactive already
		{"ticket/4321", []string{"DELETE /Tickets/4321"}, nil},
		{"note/4321/3", []string{"DELETE /Actions/3 ticket_id=4321"}, nil},
		{"time_entry/4321/4", []string{"DELETE /Actions/4 ticket_id=4321"}, nil},

		{"company/1", nil, psa.ErrNotFound},         // stands for none
		{"contact/80", nil, psa.ErrNotFound},        // General User
		{"ticket/4399", nil, psa.ErrNotFound},       // project
		{"note/4321/4", nil, psa.ErrNotFound},       // time
		{"time_entry/4321/3", nil, psa.ErrNotFound}, // a note
		{"company/77", nil, psa.ErrNotFound},
		{"time_entry/4321/6", nil, psa.ErrConflict}, // invoiced
		{"time_entry/4321/7", nil, psa.ErrConflict}, // approved
		{"note/4321", nil, psa.ErrInvalid},
		{"company/x", nil, psa.ErrInvalid},
		{"status/1", nil, psa.ErrUnsupported},
	} {
		t.Run(tt.ref, func(t *testing.T) {
			p, r := recording(t, nil)
			ref, err := psa.ParseRef(tt.ref)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Delete(t.Context(), ref); !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("%v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, r.writes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.err == nil || errors.Is(tt.err, psa.ErrConflict) || errors.Is(tt.err, psa.ErrUnsupported) {
				return
			}
			if _, err := p.Update(t.Context(), ref, psa.Patch{Set: psa.Fields{}}); !errors.Is(err, tt.err) {
				t.Errorf("update: %v, want %v", err, tt.err)
			}
		})
	}
}

// Everything that is wrong is told at once, before any request.
func TestRefusedFields(t *testing.T) {
	type fields = psa.Fields
	for _, tt := range []struct {
		name string
		kind psa.Kind
		set  fields
		want string
	}{
		{"company", psa.KindCompany, fields{"phone": "1", "url": "x", "nonsense": 1, "types": []any{id("1"), id("2")}, "website": 5},
			"name: is required; nonsense: is not written; phone: is not written; types: want one reference with the id of a row, or none; url: is not written; website: want a text"},
		{"site", psa.KindSite, fields{"name": "x", "company": id("1"), "address": fields{"country": "GB", "line1": 5}},
			"address.country: is not written: Halo's addresses have none; address.line1: want a text; company: is required"},
		{"contact", psa.KindContact, fields{"company": id("12;DROP"), "main": "yes", "site": "18", "name": "x"},
			"company: want a reference with the id of a row; last_name: a first or a last name is required; main: want true or false; name: is not written; site: want a reference with the id of a row"},
		{"ticket", psa.KindTicket, fields{"summary": " ", "company": id("12"), "ticket_type": fields{"name": "Incident"}, "priority": id("3"), "due_at": "soon", "budget_hours": num("-1"), "team": fields{}, "custom": "x"},
			"budget_hours: want a number from 0; custom: want an object; due_at: want a time; priority: want a reference with an id such as 1:3, an SLA and its priority; summary: is required; " +
				"team: want a reference with the id of a row; ticket_type: want a reference with the id of a row"},
		{"note", psa.KindNote, fields{"visibility": "world", "resolution": true, "member": id("5")},
			"member: is not written; resolution: is not written; text: is required; ticket: is required; visibility: want internal, team or public"},
		{"time", psa.KindTimeEntry, fields{"ticket": id("4321"), "notes": "x", "hours": num("0.00001"), "billable": "maybe", "status": "x"},
			"billable: want yes, no_charge or no; hours: want a number above 0; status: is not written"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, r := recording(t, nil)
			_, err := p.Create(t.Context(), tt.kind, tt.set, psa.NotifyNone)
			var e *psa.Error
			if !errors.As(err, &e) || !errors.Is(err, psa.ErrInvalid) || e.Detail != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if len(r.reads)+len(r.writes) > 0 {
				t.Errorf("requests: %v %v", r.reads, r.writes)
			}
		})
	}
	for ref, set := range map[string]fields{
		"company/12": {"name": nil}, "site/18": {"company": id("13")}, "contact/77": {"company": nil}, "ticket/4321": {"status": nil}, "note/4321/3": {"ticket": id("1")},
		"time_entry/4321/4": {"hours": num("0")}, "note/4321/4": {"text": ""},
	} {
		p, r := recording(t, nil)
		at, err := psa.ParseRef(ref)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Update(t.Context(), at, psa.Patch{Set: set}); !errors.Is(err, psa.ErrInvalid) || len(r.reads)+len(r.writes) > 0 {
			t.Errorf("%s: %v, %v %v", ref, err, r.reads, r.writes)
		}
	}
}

// What only the vendor's lists tell is refused before the write.
func TestRefusedReferences(t *testing.T) {
	base := func(field string, v any) psa.Fields {
		return psa.Fields{"summary": "x", "ticket_type": id("1"), "company": id("12"), field: v}
	}
	for name, tt := range map[string]struct {
		kind psa.Kind
		set  psa.Fields
		want string
	}{
		"custom fields": {psa.KindTicket, base("custom", psa.Fields{"153": "x", "165": "x", "166": "x", "x": "y", "160": "High", "161": "a", "162": "soon", "163": "9", "164": "yes", "152": []any{"x"}}),
			"custom.152: want a single value; custom.153: no such custom field; custom.160: want the id of an option; custom.161: want a list of ids of options; custom.162: want a date, e.g. 2026-12-01; " +
				"custom.163: want a time of day, e.g. 09:30; custom.164: want true or false; custom.165: is read-only; custom.166: no such custom field; custom.x: no such custom field"},
		"no such team":             {psa.KindTicket, base("team", id("99")), "team: leads to no team"},
		"a name of two teams":      {psa.KindTicket, base("team", psa.Fields{"name": "Sales"}), "team: no team, or several, have the name"},
		"twins of a department":    {psa.KindTicket, base("team", id("8")), "team: another one has the same name in the same department, and tickets hold the name"},
		"category of another list": {psa.KindTicket, base("category_1", id("17")), "category_1: leads to no category of this level"},
		"priority of another SLA":  {psa.KindTicket, psa.Fields{"summary": "x", "ticket_type": id("1"), "company": id("12"), "sla": id("2"), "priority": id("1:3")}, "priority: is one of another SLA"},
		"no such company":          {psa.KindTicket, psa.Fields{"summary": "x", "ticket_type": id("1"), "company": id("14")}, "The requested item could not be found."},
		"General User":             {psa.KindTicket, base("contact", id("80")), "a reference leads to no row"},
		"no main site":             {psa.KindContact, psa.Fields{"last_name": "x", "company": id("13")}, "site: the client has no main site, so that one must be named"},
		"nobody's name":            {psa.KindContact, psa.Fields{"first_name": "General", "last_name": "User", "company": id("12")}, "last_name: with the first name it is that of users who stand for nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			p, r := recording(t, nil)
			_, err := p.Create(t.Context(), tt.kind, tt.set, psa.NotifyNone)
			var e *psa.Error
			if !errors.As(err, &e) || !errors.Is(psa.ErrorClass(err), psa.ErrInvalid) || e.Detail != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if len(r.writes) > 0 {
				t.Error(r.writes)
			}
		})
	}
	p, r := recording(t, nil)
	r.rows["/TopLevel"] = `[{"id":2,"agent_department":false},{"id":4}]`
	if _, err := p.Create(t.Context(), psa.KindCompany, psa.Fields{"name": "x"}, 0); !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), "Config.TopLevel") || len(r.writes) > 0 {
		t.Errorf("%v %v", err, r.writes)
	}
}

// The shapes of answers to a POST, and what they mean.
func TestWriteAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		answer string
		create error // of a create; nil: works
		update error // of an update of client 12
	}{
		"object":            {201, `{"id":12}`, nil, nil},
		"object, 200":       {200, `{"id":12.0,"name":"x"}`, nil, nil},
		"array":             {201, `[{"id":12}]`, nil, nil},
		"text id":           {201, `{"id":"12"}`, nil, nil},
		"nothing":           {204, "", psa.ErrData, nil},
		"no id":             {201, `{"_warning":"x"}`, psa.ErrData, nil},
		"null":              {201, `{"id":null}`, psa.ErrData, nil},
		"several":           {201, `[{"id":12},{"id":13}]`, psa.ErrData, psa.ErrData},
		"none":              {201, `[]`, psa.ErrData, psa.ErrData},
		"another row":       {201, `{"id":13}`, nil, psa.ErrData},
		"missing":           {404, `{"ClassName":"System.Exception","Message":"gone"}`, psa.ErrInvalid, psa.ErrNotFound},
		"refused":           {400, `{"[0].name":["Please enter a Name"]}`, psa.ErrInvalid, psa.ErrInvalid},
		"no right":          {403, ``, psa.ErrDenied, psa.ErrDenied},
		"invoiced":          {400, `"This Action has been invoiced and cannot be edited"`, psa.ErrConflict, psa.ErrConflict},
		"gateway":           {504, `<html>`, psa.ErrTimeout, psa.ErrTimeout},
		"server error":      {500, `{"ClassName":"System.Exception","Message":"x"}`, psa.ErrUnavailable, psa.ErrUnavailable},
		"login page":        {200, `<html><title>Sign in</title></html>`, psa.ErrData, psa.ErrData},
		"cut in the middle": {201, `{"id":12,"na`, psa.ErrData, psa.ErrData},
	} {
		t.Run(name, func(t *testing.T) {
			for what, want := range map[string]error{"create": tt.create, "update": tt.update} {
				p, r := recording(t, func(c *halopsa.Config) { c.Retries = 3 })
				r.status, r.answer = tt.status, tt.answer
				var err error
				if what == "create" {
					_, err = p.Create(t.Context(), psa.KindCompany, psa.Fields{"name": "x"}, 0)
				} else {
					_, err = p.Update(t.Context(), psa.Ref{Kind: psa.KindCompany, ID: "12"}, psa.Patch{Set: psa.Fields{"name": "x"}})
				}
				if !errors.Is(psa.ErrorClass(err), want) || want == nil && err != nil {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
				if len(r.writes) != 1 {
					t.Errorf("%s: %d writes", what, len(r.writes))
				}
			}
		})
	}
}

// An action type that a ticket does not allow is a wrong value, not a missing
// right of the agent.
func TestRefusedOutcome(t *testing.T) {
	p, r := recording(t, nil)
	r.status, r.answer = 400, `"You do not have access to this Action at the moment"`
	_, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": id("4321"), "text": "secret words"}, 0)
	if !errors.Is(psa.ErrorClass(err), psa.ErrInvalid) || !strings.Contains(err.Error(), "access to this Action") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// A row that was made and cannot be read is named by the error.
func TestReadBackFails(t *testing.T) {
	p, r := recording(t, nil)
	delete(r.rows, "/Actions/99")
	rec, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": id("4321"), "text": "x"}, 0)
	var e *psa.Error
	if !errors.As(err, &e) || e.Ref != (psa.Ref{Kind: psa.KindNote, ID: "4321/99"}) || !strings.Contains(e.Op, "written") || !rec.IsZero() {
		t.Errorf("%v %v", rec, err)
	}
	if len(r.writes) != 1 {
		t.Error(r.writes)
	}
}

// Too many requests is a refusal, too: the write waits and is repeated.
func TestWriteIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, r := recording(t, func(c *halopsa.Config) { c.Retries = 2 })
		r.limited = 1
		start := time.Now()
		if _, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": id("4321"), "text": "x"}, 0); err != nil {
			t.Error(err)
		}
		if n := len(r.writes); n != 2 || time.Since(start) < time.Minute {
			t.Errorf("%d writes in %v", n, time.Since(start))
		}
	})
}

// A 401 proves that a write was not executed: with a new token it is repeated,
// once. Nothing else is.
func TestTokenEndsBeforeWrite(t *testing.T) {
	for refusals, want := range map[int]error{1: nil, 9: psa.ErrDenied} {
		p, mock := mocked(t, func(c *halopsa.Config) { c.Outcomes.Internal = 7 })
		r := &recorder{rows: vendorRows()}
		r.rows["/Actions/99"] = `{"id":99,"ticket_id":4321,"note":"x","timetaken":0}`
		r.rows["/Agent/me"] = `{"id":1}`
		posts := 0
		mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost {
				if posts++; posts <= refusals {
					return answer(401, "")(req)
				}
			}
			return r.respond(t, req)
		})
		_, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": id("4321"), "text": "x"}, 0)
		if !errors.Is(psa.ErrorClass(err), want) || want == nil && err != nil {
			t.Errorf("%v, want %v", err, want)
		}
		if posts != 2 {
			t.Errorf("%d posts", posts)
		}
	}
}
