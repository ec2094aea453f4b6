package connectwise_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

// readings are the two lists that a server may show notes in. The first shows
// no times.
func readings() map[string]connectwisetest.Options {
	return map[string]connectwisetest.Options{"allNotes": {}, "notes": {NoAllNotes: true}}
}

// stamped is a tenant with one ticket and two notes, each made when it says;
// "": it does not say.
func stamped(entered, created string) (tenant *connectwisetest.Tenant, ticket psa.Ref) {
	tenant, ticket, notes := desk()
	if entered != "" {
		tenant.Update("/service/tickets", 77, row{"_info": row{"dateEntered": entered}})
	}
	note := row{"id": 11, "text": "first", "detailDescriptionFlag": true}
	if created != "" {
		note["dateCreated"] = created
	}
	tenant.Add(notes, note)
	tenant.Add(notes, row{"id": 12, "text": "second", "detailDescriptionFlag": true, "dateCreated": "2026-06-10T08:00:00Z"})
	return tenant, ticket
}

// fresh returns another provider on a server.
func fresh(t *testing.T, srv *connectwisetest.Server) *connectwise.Provider {
	t.Helper()
	c := srv.Credentials()
	p, err := connectwise.New(connectwise.Config{
		URL: srv.URL(), Company: c.Company, ClientID: c.ClientID, Transport: srv.Transport(),
		Credentials: func(context.Context) (connectwise.Credentials, error) {
			return connectwise.Credentials{PublicKey: c.PublicKey, PrivateKey: c.PrivateKey}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sent returns the requests since the last call, without companyinfo and lists
// of notes.
func sent(srv *connectwisetest.Server) []string {
	out := []string{}
	for _, r := range srv.Requests() {
		_, path, api := strings.Cut(r.Path, "/apis/3.0")
		if api && !strings.HasSuffix(path, "otes") {
			query, err := url.QueryUnescape(r.Query)
			if err != nil {
				query = err.Error()
			}
			out = append(out, strings.TrimSpace(path+" "+query))
		}
	}
	srv.ClearCounters()
	return out
}

// A note is the description of its ticket only if it is as old.
func TestOpening(t *testing.T) {
	const entered = "2026-06-09T08:00:00Z"
	for _, tt := range []struct {
		name             string
		entered, created string
		within           time.Duration
		opens            bool
	}{
		{"same second", entered, entered, 0, true},
		{"a minute", entered, "2026-06-09T08:01:00Z", 0, true},
		{"more than a minute", entered, "2026-06-09T08:01:01Z", 0, false},
		{"a day", entered, "2026-06-10T08:00:00Z", 0, false},
		{"before the ticket", entered, "2026-06-09T07:00:00Z", 0, true},
		{"without a zone", entered, "2026-06-09T08:02:00", 0, false},
		{"within a second", entered, "2026-06-09T08:00:01Z", time.Second, true},
		{"more than a second", entered, "2026-06-09T08:00:02Z", time.Second, false},
		{"whenever", entered, "2026-06-10T08:00:00Z", -1, true},
		{"ticket says nothing", "", "2026-06-10T08:00:00Z", 0, true},
		{"note says nothing", entered, "", 0, true},
		{"neither says anything", "", "", 0, true},
	} {
		for list, opts := range readings() {
			t.Run(tt.name+"/"+list, func(t *testing.T) {
				tenant, ticket := stamped(tt.entered, tt.created)
				p, _ := open(t, tenant, &opts, func(c *connectwise.Config) { c.OpeningWithin = tt.within })
				want, description := []string{"77/11", "77/12"}, any(nil)
				if tt.opens {
					want, description = []string{"77/12"}, "first"
				}
				rows := adaptertest.List(t, p, psa.KindNote, psa.Query{Parent: ticket})
				if diff := cmp.Diff(want, ids(rows)); diff != "" {
					t.Errorf("notes (-want +got):\n%s", diff)
				}
				for _, r := range rows {
					if one, err := p.Get(t.Context(), r.Ref); err != nil || one.Hash != r.Hash {
						t.Errorf("get %s: %v, %s, want %s", r.Ref, err, one.Hash, r.Hash)
					}
				}
				// Description or not, the note is there.
				if one, err := p.Get(t.Context(), refTo(psa.KindNote, "77/11")); err != nil || one.Fields["text"] != "first" {
					t.Errorf("get: %v, %v", one.Fields, err)
				}
				if one, err := p.Get(t.Context(), ticket); err != nil || one.Fields["description"] != description {
					t.Errorf("description %v, %v, want %v", one.Fields["description"], err, description)
				}
			})
		}
	}
}

// What a ticket is opened with is its description; what is written to it later
// is a note, also the first of a ticket that was opened without a description.
func TestFirstNoteOfATicket(t *testing.T) {
	for list, opts := range readings() {
		for _, description := range []any{nil, "It hums"} {
			t.Run(fmt.Sprint(list, "/", description), func(t *testing.T) {
				tenant := connectwisetest.Small()
				p, srv := open(t, tenant, &opts, nil)
				fields := psa.Fields{"summary": "Hum", "company": psatest.RefTo("250", ""), "board": psatest.RefTo("12", "")}
				if description != nil {
					fields["description"] = description
				}
				ticket, err := p.Create(t.Context(), psa.KindTicket, fields, psa.NotifyNone)
				if err != nil || ticket.Fields["description"] != description {
					t.Fatalf("%v, %v", ticket.Fields["description"], err)
				}
				tenant.Advance(2 * time.Minute)
				sent(srv)
				note, err := p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": psatest.RefTo(ticket.ID, ""), "text": "Which one?", "visibility": "public"}, psa.NotifyNone)
				if err != nil {
					t.Fatal(err)
				}
				if got := sent(srv); len(got) > 0 { // the answers of the writes tell the times
					t.Errorf("asked for besides notes: %q", got)
				}
				for _, p := range []*connectwise.Provider{p, fresh(t, srv)} { // another process knows no times
					rows := adaptertest.List(t, p, psa.KindNote, psa.Query{Parent: ticket.Ref})
					if len(rows) != 1 || rows[0].Ref != note.Ref || rows[0].Fields["text"] != "Which one?" {
						t.Fatalf("notes %v, want %s", ids(rows), note.Ref)
					}
					one, err := p.Get(t.Context(), note.Ref)
					if err != nil || one.Hash != rows[0].Hash || !one.Fields.Equal(note.Fields) {
						t.Errorf("%v, %v, want %v", one.Fields, err, note.Fields)
					}
					if one, err := p.Get(t.Context(), ticket.Ref); err != nil || one.Fields["description"] != description {
						t.Errorf("description %v, %v, want %v", one.Fields["description"], err, description)
					}
				}
			})
		}
	}
}

// The times are asked for once, and only of what no row has shown.
func TestRequestsForTheOpening(t *testing.T) {
	const theTicket, theNote = "/service/tickets/77 fields=_info,id", "/service/tickets/77/notes/11 fields=dateCreated,id"
	notes := func(p *connectwise.Provider, ticket psa.Ref) []psa.Record {
		return adaptertest.List(t, p, psa.KindNote, psa.Query{Parent: ticket})
	}
	for list, opts := range readings() {
		t.Run(list, func(t *testing.T) {
			check := func(srv *connectwisetest.Server, what string, want ...string) {
				t.Helper()
				if list == "notes" { // its rows say when they were made
					want = slices.DeleteFunc(want, func(r string) bool { return r == theNote })
				}
				if diff := cmp.Diff(append([]string{}, want...), sent(srv)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			const entered, later = "2026-06-09T08:00:00Z", "2026-06-09T09:00:00Z"
			tenant, ticket := stamped(entered, later)
			p, srv := open(t, tenant, &opts, nil)
			notes(p, ticket)
			check(srv, "notes", theTicket, theNote)
			notes(p, ticket)
			if _, err := p.Get(t.Context(), refTo(psa.KindNote, "77/11")); err != nil {
				t.Fatal(err)
			}
			check(srv, "notes again")

			p = fresh(t, srv)
			adaptertest.List(t, p, psa.KindTicket, psa.Query{})
			sent(srv)
			notes(p, ticket)
			check(srv, "notes of a listed ticket", theNote)

			p = fresh(t, srv)
			if _, err := p.Get(t.Context(), ticket); err != nil {
				t.Fatal(err)
			}
			if got := sent(srv); len(got) == 0 || strings.Contains(strings.Join(got, "\n"), theTicket) {
				t.Errorf("the ticket was asked for twice: %q", got)
			}
			notes(p, ticket)
			check(srv, "notes of a ticket that was read")

			tenant, ticket = stamped("", later)
			p, srv = open(t, tenant, &opts, nil)
			notes(p, ticket)
			notes(p, ticket)
			check(srv, "notes of a ticket that does not say when it was made", theTicket)

			tenant, ticket, path := desk()
			tenant.Add(path, row{"id": 11, "text": "mine", "internalAnalysisFlag": true})
			p, srv = open(t, tenant, &opts, nil)
			notes(p, ticket)
			check(srv, "internal notes alone")

			tenant, ticket = stamped(entered, later)
			p, srv = open(t, tenant, &opts, func(c *connectwise.Config) { c.OpeningWithin = -1 })
			notes(p, ticket)
			check(srv, "whenever it was made")
		})
	}
}

// Without the right to see the times the first note is the description; any
// other failure must not decide that.
func TestOpeningThatCannotBeTold(t *testing.T) {
	const path = "/service/tickets/77"
	answer := func(status int, body string) connectwisetest.Fault {
		return connectwisetest.Fault{Path: path, Status: status, Body: body, Count: -1}
	}
	for _, tt := range []struct {
		name string
		do   func(*connectwisetest.Server)
		want []string
		err  error
	}{
		{"as it is", func(*connectwisetest.Server) {}, []string{"77/11", "77/12"}, nil},
		{"no right to the ticket", func(s *connectwisetest.Server) { s.Deny("GET", path) }, []string{"77/12"}, nil},
		{"no right to the note", func(s *connectwisetest.Server) { s.Deny("GET", path+"/notes/*") }, []string{"77/12"}, nil},
		{"note is not shown", func(s *connectwisetest.Server) {
			f := answer(404, `{"code":"NotFound","message":"Note not found"}`)
			f.Path += "/notes/11"
			s.Fail(f)
		}, []string{"77/12"}, nil},
		{"ticket is gone", func(s *connectwisetest.Server) {
			s.Fail(answer(404, `{"code":"NotFound","message":"Ticket 77 not found"}`))
		}, nil, psa.ErrNotFound},
		{"ticket makes no sense", func(s *connectwisetest.Server) { s.Fail(answer(200, `{"id":{"no":"id"}}`)) }, []string{"77/12"}, nil},
		{"another ticket", func(s *connectwisetest.Server) { s.Fail(answer(200, `{"id":78}`)) }, nil, psa.ErrData},
		{"server fails", func(s *connectwisetest.Server) { s.Fail(answer(http.StatusInternalServerError, "")) }, nil, psa.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tenant, ticket := stamped("2026-06-09T08:00:00Z", "2026-06-09T09:00:00Z")
			p, srv := open(t, tenant, nil, func(c *connectwise.Config) { c.Retries = -1 })
			tt.do(srv)
			var rows []psa.Record
			var failed error
			for r, err := range p.List(t.Context(), psa.KindNote, psa.Query{Parent: ticket}) {
				if rows = append(rows, r); err != nil {
					rows, failed = nil, err
				}
			}
			if !slices.Equal(ids(rows), tt.want) || !errors.Is(failed, tt.err) {
				t.Errorf("%v, %v, want %v, %v", ids(rows), failed, tt.want, tt.err)
			}
		})
	}
}
