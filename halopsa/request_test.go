package halopsa_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/psa"
)

// line writes a request as one line: method, path below the API's root, decoded
// query in order.
func line(r *http.Request) string {
	_, path, _ := strings.Cut(r.URL.Path, "/api")
	s := r.Method + " " + path
	q := r.URL.Query()
	for _, k := range slices.Sorted(maps.Keys(q)) {
		s += " " + k + "=" + q.Get(k)
	}
	return s
}

// What every page of records is asked for with.
const (
	page  = " order=id orderdesc=false page_no=1 page_size=100 pageinate=true"
	ids   = " include_custom_fields=152,160"
	itil  = " itil_requesttype=1,2,3,4,21"
	both  = " includeactive=true includeinactive=true"
	teams = "GET /Team includeagents=true includedisabled=true includeenabled=true showall=true"
	infos = "GET /FieldInfo"
)

func TestRequests(t *testing.T) {
	since := time.Date(2026, 6, 9, 21, 59, 49, 123456789, time.FixedZone("", 2*3600))
	ref := func(kind psa.Kind, id string) psa.Ref { return psa.Ref{Kind: kind, ID: id} }
	list := func(kind psa.Kind, q psa.Query) func(*testing.T, *halopsa.Provider) {
		return func(t *testing.T, p *halopsa.Provider) {
			for _, err := range p.List(t.Context(), kind, q) {
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
	get := func(kind psa.Kind, id string) func(*testing.T, *halopsa.Provider) {
		return func(t *testing.T, p *halopsa.Provider) { _, _ = p.Get(t.Context(), ref(kind, id)) }
	}
	find := func(kind psa.Kind, by psa.Fields) func(*testing.T, *halopsa.Provider) {
		return func(t *testing.T, p *halopsa.Provider) {
			for _, err := range p.Find(t.Context(), kind, by) {
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
	lookups := "GET /Lookup lookupid=11 showallcodes=true"
	people := " exclude_agents=true exclude_defaultsiteusers=true exclude_generaluser=true"
	for _, tt := range []struct {
		name string
		call func(*testing.T, *halopsa.Provider)
		want []string
	}{
		{"organisations", list(psa.KindLocation, psa.Query{}), []string{"GET /Organisation"}},
		{"departments", list(psa.KindDepartment, psa.Query{}), []string{"GET /TopLevel agent_departments_only=true show_all=true"}},
		{"roles", list(psa.KindRole, psa.Query{}), []string{"GET /Roles isconfig=true"}},
		{"charge rates", list(psa.KindWorkType, psa.Query{}), []string{"GET /Lookup lookupid=17 showallcodes=true"}},
		{"agents", list(psa.KindMember, psa.Query{}), []string{
			"GET /Agent includeapiagents=true includedisabled=true includeenabled=true includeunassigned=false showall=true",
		}},
		{"statuses", list(psa.KindStatus, psa.Query{}), []string{"GET /Status excludeclosed=true showall=true", "GET /Status showall=true"}},
		{"priorities", list(psa.KindPriority, psa.Query{}), []string{"GET /Priority"}},
		{"priorities of an SLA", list(psa.KindPriority, psa.Query{Parent: ref(psa.KindSLA, "3")}), []string{"GET /Priority slaid=3"}},
		{"urgencies", list(psa.KindUrgency, psa.Query{}), []string{lookups, "GET /Lookup lookupid=22 showallcodes=true"}},
		{"impacts", list(psa.KindImpact, psa.Query{}), []string{lookups, "GET /Lookup lookupid=21 showallcodes=true"}},
		{"sources", list(psa.KindTicketSource, psa.Query{}), []string{lookups, "GET /Lookup lookupid=23 showallcodes=true"}},
		{"customer types", list(psa.KindCompanyType, psa.Query{}), []string{"GET /Lookup lookupid=99 showallcodes=true"}}, // configured
		{"ticket types", list(psa.KindTicketType, psa.Query{}), []string{
			"GET /TicketType showall=true showinactive=true", "GET /TicketType/7 includedetails=true showall=true showinactive=true",
		}},
		{"categories", list(psa.KindClassification, psa.Query{}), []string{"GET /Category"}},
		{"teams", list(psa.KindTeam, psa.Query{}), []string{teams}},
		{"SLAs", list(psa.KindSLA, psa.Query{}), []string{"GET /SLA isconfig=true"}},
		{"targets", list(psa.KindSLATarget, psa.Query{}), []string{"GET /Priority"}},
		{"templates", list(psa.KindTemplate, psa.Query{}), []string{teams, "GET /Template showall=true"}},
		{"custom fields", list(psa.KindCustomField, psa.Query{}), []string{"GET /FieldInfo getlookupvalues=true includevalues=true"}},
		{"outcomes", list(psa.KindNoteType, psa.Query{}), []string{"GET /Outcome showhidden=true"}},

		{"clients", list(psa.KindCompany, psa.Query{}), []string{infos, "GET /Client" + " include_custom_fields=153" + both + page}},
		{"active clients", list(psa.KindCompany, psa.Query{ActiveOnly: true}), []string{
			infos, "GET /Client include_custom_fields=153 includeactive=true includeinactive=false" + page,
		}},
		{"clients changed since", list(psa.KindCompany, psa.Query{Since: since}), []string{
			infos, "GET /Client include_custom_fields=153" + both + " lastupdatefromdate=2026-06-09T19:59:49.123455Z" + page,
		}},
		{"sites of a client", list(psa.KindSite, psa.Query{Parent: ref(psa.KindCompany, "12")}), []string{
			infos, "GET /Site client_id=12 includeactive=true includeaddress=true includeinactive=true" + page,
		}},
		{"users of two clients", list(psa.KindContact, psa.Query{Scope: map[string][]string{"company": {"13", "12", "12"}}}), []string{
			infos, "GET /Users client_id=12" + people + both + page, "GET /Users client_id=13" + people + both + page,
		}},
		{"tickets", list(psa.KindTicket, psa.Query{}), []string{teams, infos, "GET /Tickets" + ids + itil + page}},
		{"tickets in scope", list(psa.KindTicket, psa.Query{
			Since: since, Scope: map[string][]string{"status": {"2", "1"}, "ticket_type": {"21"}, "company": {"12", "13"}, "owner": {"5"}},
		}), []string{
			teams, infos, "GET /Tickets agent=5 client_ids=12,13" + ids + itil +
				" lastupdatefromdate=2026-06-09T19:59:49.123455Z order=id orderdesc=false page_no=1 page_size=100 pageinate=true requesttype=21 status=1,2",
		}},
		{"notes of a ticket", list(psa.KindNote, psa.Query{Parent: ref(psa.KindTicket, "4321")}), []string{"GET /Actions excludesys=true ticket_id=4321"}},
		{"time of a ticket", list(psa.KindTimeEntry, psa.Query{Parent: ref(psa.KindTicket, "4321")}), []string{"GET /Actions ticket_id=4321"}},

		{"one team", get(psa.KindTeam, "4"), []string{
			"GET /Team/4 includeagents=true includedetails=true includedisabled=true includeenabled=true showall=true",
		}},
		{"one role", get(psa.KindRole, "5b0c7f0e-7d3a-4a53-9a55-0d6b6f1c2a10"), []string{"GET /Roles/5b0c7f0e-7d3a-4a53-9a55-0d6b6f1c2a10 includedetails=true isconfig=true"}},
		{"one priority", get(psa.KindPriority, "1:3"), []string{"GET /Priority slaid=1"}},
		{"one source", get(psa.KindTicketSource, "4"), []string{lookups, "GET /Lookup lookupid=23 showallcodes=true"}},
		{"one client", get(psa.KindCompany, "12"), []string{infos, "GET /Client/12 includeactive=true includedetails=true includeinactive=true"}},
		{"one action", get(psa.KindNote, "4321/3"), []string{"GET /Actions/3 excludesys=true includedetails=true ticket_id=4321"}},

		{"find by address", find(psa.KindContact, psa.Fields{"email": `a"b@msp.example`}), []string{
			infos, `GET /Users advanced_search=[{"filter_name":"emailaddress","filter_type":2,"filter_value":"a\"b@msp.example"}]` + people + both + page,
		}},
		{"find by name", find(psa.KindCompany, psa.Fields{"name": "A & B"}), []string{
			infos, "GET /Client include_custom_fields=153" + both + page + " search=A & B",
		}},
		{"count", func(t *testing.T, p *halopsa.Provider) {
			n, err := p.Count(t.Context(), psa.KindContact, psa.Query{ActiveOnly: true, Parent: ref(psa.KindCompany, "12")})
			if err != nil || n != 417 {
				t.Errorf("%d, %v", n, err)
			}
		}, []string{strings.Replace("GET /Users client_id=12"+people+" includeactive=true includeinactive=false"+page, "page_size=100", "page_size=1", 1)}},
		{"deletions", func(t *testing.T, p *halopsa.Provider) {
			for _, err := range p.Deletions(t.Context(), psa.KindTicket, since) {
				if err != nil {
					t.Error(err)
				}
			}
		}, []string{"GET /Tickets deleted=true" + itil + page}},
		{"check", func(t *testing.T, p *halopsa.Provider) {
			if _, err := p.Check(t.Context(), psa.KindTicket); err != nil {
				t.Error(err)
			}
		}, []string{"GET /InstanceInfo", "GET /Tickets" + itil + strings.Replace(page, "page_size=100", "page_size=1", 1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mock := mocked(t, func(c *halopsa.Config) { c.Lookups = map[psa.Kind]int{psa.KindCompanyType: 99} })
			var got []string
			record := func(body string) func(*http.Request) (*http.Response, error) {
				return func(r *http.Request) (*http.Response, error) {
					got = append(got, line(r))
					return answer(200, body)(r)
				}
			}
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				body := "[]"
				switch {
				case r.URL.Query().Get("lookupid") == "11":
					body = `[{"id":21,"name":"Impact"},{"id":22,"name":"urgency "},{"id":23,"name":"Request Source"}]`
				case strings.HasSuffix(r.URL.Path, "/TicketType"):
					body = `[{"id":7}]`
				case strings.HasSuffix(r.URL.Path, "/TicketType/7"):
					body = `{"id":7,"name":"Incident","allowall_status":true}`
				case strings.HasSuffix(r.URL.Path, "/FieldInfo"):
					body = `[{"id":160,"usage":1,"custom":1},{"id":152,"usage":1,"custom":1},{"id":153,"usage":2,"custom":1},{"id":170,"usage":1,"isencrypted":true},{"id":171,"usage":5}]`
				case strings.HasSuffix(r.URL.Path, "/Users"):
					body = `{"record_count":0,"users":[]}`
					if r.URL.Query().Get("page_size") == "1" {
						body = `{"record_count":417,"users":[{"id":2}]}`
					}
				case r.URL.Query().Get("pageinate") != "":
					body = `{"record_count":0,"rows":[]}`
				case strings.HasSuffix(r.URL.Path, "/Actions"):
					body = `{"record_count":0,"actions":[]}`
				}
				return record(body)(r)
			})
			mock.RegisterResponder("GET", "=~/InstanceInfo$", record(`{"app_version":"2.250.32"}`))
			tt.call(t, p)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
