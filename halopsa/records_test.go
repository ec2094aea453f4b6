package halopsa_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

// Everything a ticket refers to can be found, with the id it has in its list.
func TestTicketReferences(t *testing.T) {
	p, _ := open(t, halopsatest.Small(), nil, nil)
	have := map[psa.Ref]bool{}
	for _, kind := range []psa.Kind{
		psa.KindStatus, psa.KindPriority, psa.KindTicketType, psa.KindClassification, psa.KindTeam, psa.KindSLA, psa.KindMember, psa.KindCompany,
		psa.KindSite, psa.KindTicketSource, psa.KindImpact, psa.KindUrgency, psa.KindDepartment, psa.KindLocation,
	} {
		for _, r := range adaptertest.List(t, p, kind, psa.Query{}) {
			have[r.Ref] = true
		}
	}
	found := map[string]int{}
	for _, r := range adaptertest.List(t, p, psa.KindTicket, psa.Query{}) {
		for name := range r.Fields {
			f, _ := psa.FieldOf(psa.KindTicket, name)
			id := r.Fields.Ref(name).ID
			if id == "" || f.Kind == psa.KindContact || f.Kind == psa.KindTicket {
				continue
			}
			if !have[psa.Ref{Kind: f.Kind, ID: id}] {
				t.Errorf("%s: %s points at %s/%s", r.Ref, name, f.Kind, id)
			}
			found[name]++
		}
	}
	for _, name := range []string{"status", "priority", "ticket_type", "team", "sla", "owner", "company", "site", "category_1"} {
		if found[name] == 0 {
			t.Errorf("no ticket has a %s", name)
		}
	}
}

// Closed statuses are those that excludeclosed leaves out; a server that
// ignores it tells nothing.
func TestClosedStatuses(t *testing.T) {
	p, _ := open(t, halopsatest.Small(), nil, nil)
	closed := map[psa.Tri]int{}
	for _, r := range adaptertest.List(t, p, psa.KindStatus, psa.Query{}) {
		closed[r.Fields.Bool("closed")]++
		got, err := p.Get(t.Context(), r.Ref)
		if err != nil || got.Fields.Bool("closed") != r.Fields.Bool("closed") {
			t.Errorf("%s: %v, by Get %v, %v", r.Ref, r.Fields["closed"], got.Fields["closed"], err)
		}
	}
	if closed[psa.Yes] == 0 || closed[psa.No] == 0 || closed[psa.Unknown] > 0 {
		t.Errorf("%v", closed)
	}
	q, mock := mocked(t, nil)
	mock.RegisterResponder("GET", "=~/Status", answer(200, `[{"id":1,"name":"New","type":0},{"id":9,"name":"Closed","type":0},{"id":40,"name":"Order","type":2}]`))
	rows := adaptertest.List(t, q, psa.KindStatus, psa.Query{})
	if len(rows) != 2 || rows[0].Fields.Bool("closed") != psa.Unknown || rows[1].Fields.Bool("closed") != psa.Unknown {
		t.Errorf("%v", rows)
	}
}

// A status that becomes a closing one is another row, although its bytes are
// the same.
func TestClosedIsPartOfTheHash(t *testing.T) {
	list := func(open string) []psa.Record {
		p, mock := mocked(t, nil)
		mock.RegisterResponder("GET", "=~/Status", answer(200, `[{"id":1,"type":0},{"id":2,"type":0},{"id":9,"type":0}]`))
		mock.RegisterResponder("GET", "https://acme.halopsa.com/api/Status?excludeclosed=true&showall=true", answer(200, open))
		return adaptertest.List(t, p, psa.KindStatus, psa.Query{})
	}
	a, b := list(`[{"id":1,"type":0},{"id":2,"type":0}]`), list(`[{"id":1,"type":0}]`)
	if a[1].Hash == b[1].Hash || a[1].Fields.Bool("closed") != psa.No || b[1].Fields.Bool("closed") != psa.Yes {
		t.Errorf("%v, %v", a[1], b[1])
	}
}

// So is a ticket whose team's name leads to another team.
func TestTeamIsPartOfTheHash(t *testing.T) {
	list := func(teams string) psa.Record {
		p, mock := mocked(t, nil)
		mock.RegisterResponder("GET", "=~/Team", answer(200, teams))
		mock.RegisterResponder("GET", "=~/FieldInfo", answer(200, "[]"))
		mock.RegisterResponder("GET", "=~/Tickets", answer(200, `{"record_count":1,"tickets":[{"id":7,"itil_requesttype_id":1,"team":"1st Line"}]}`))
		return adaptertest.List(t, p, psa.KindTicket, psa.Query{})[0]
	}
	a, b := list(`[{"id":4,"name":"1st Line"}]`), list(`[{"id":5,"name":"1st Line"}]`)
	if a.Hash == b.Hash || a.Fields.Ref("team").ID != "4" || b.Fields.Ref("team").ID != "5" {
		t.Errorf("%v, %v", a, b)
	}
}

func TestDeletions(t *testing.T) {
	tenant := halopsatest.Small()
	p, _ := open(t, tenant, nil, nil)
	tickets := adaptertest.List(t, p, psa.KindTicket, psa.Query{})
	first, second := tickets[0].Ref, tickets[1].Ref
	tenant.Update("/Tickets", number(first.ID), halopsatest.Row{"deleted": true, "last_update": "2026-05-01T10:00:00"})
	tenant.Update("/Tickets", number(second.ID), halopsatest.Row{"deleted": true, "last_update": "2026-06-01T10:00:00", "merged_into_id": number(tickets[2].ID)})
	deletions := func(since time.Time) (got []psa.Deletion) {
		for d, err := range p.Deletions(t.Context(), psa.KindTicket, since) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d)
		}
		return got
	}
	all := deletions(time.Time{})
	i := slices.IndexFunc(all, func(d psa.Deletion) bool { return d.Ref == second })
	if i < 0 || !all[i].At.Equal(time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)) || all[i].MergedInto != tickets[2].Ref {
		t.Errorf("%+v", all)
	}
	late := deletions(time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC))
	if !slices.ContainsFunc(late, func(d psa.Deletion) bool { return d.Ref == second }) || slices.ContainsFunc(late, func(d psa.Deletion) bool { return d.Ref == first }) {
		t.Errorf("%+v", late)
	}
	for _, r := range adaptertest.List(t, p, psa.KindTicket, psa.Query{}) {
		if r.Ref == first || r.Ref == second {
			t.Errorf("%s is listed", r.Ref)
		}
	}
	if _, err := p.Get(t.Context(), first); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// A ticket that is deleted while the notes of all are read has none.
func TestTicketGoneMeanwhile(t *testing.T) {
	p, mock := mocked(t, nil)
	mock.RegisterResponder("GET", "=~/Team", answer(200, "[]"))
	mock.RegisterResponder("GET", "=~/FieldInfo", answer(200, "[]"))
	mock.RegisterResponder("GET", "=~/Tickets$", answer(200, `{"record_count":3,"tickets":[{"id":7,"itil_requesttype_id":1},{"id":8,"itil_requesttype_id":1},{"id":9,"itil_requesttype_id":1}]}`))
	mock.RegisterResponder("GET", "=~/Actions", answer(200, `{"record_count":2,"actions":[{"id":2,"note":"a"},{"id":3,"note":"b","timetaken":0.5}]}`))
	mock.RegisterResponder("GET", "https://acme.halopsa.com/api/Actions?excludesys=true&ticket_id=8", answer(404, ""))
	mock.RegisterResponder("GET", "=~/Tickets/8", answer(404, ""))
	rows := adaptertest.List(t, p, psa.KindNote, psa.Query{})
	if len(rows) != 2 || rows[0].ID != "7/2" || rows[1].ID != "9/2" {
		t.Errorf("%v", rows)
	}
	mock.RegisterResponder("GET", "=~/Tickets/8", answer(200, `{"id":8,"itil_requesttype_id":1}`))
	var failed error
	for _, err := range p.List(t.Context(), psa.KindNote, psa.Query{}) {
		failed = err
	}
	if failed == nil {
		t.Error("a ticket that is there has no list of actions, and no error")
	}
}

// A server that ignores a filter answers everything; what was not asked for is
// dropped.
func TestIgnoredFilters(t *testing.T) {
	p, mock := mocked(t, nil)
	mock.RegisterResponder("GET", "=~/FieldInfo", answer(200, "[]"))
	mock.RegisterResponder("GET", "=~/Site", answer(200, `{"record_count":3,"sites":[{"id":2,"client_id":12.0,"slastupdate":"2026-06-01T08:00:00"},{"id":3,"client_id":13.0,"slastupdate":"2026-06-02T08:00:00"},{"id":4,"client_id":12.0,"inactive":true,"slastupdate":"2026-06-03T08:00:00"}]}`))
	company := psa.Ref{Kind: psa.KindCompany, ID: "12"}
	for _, tt := range []struct {
		q    psa.Query
		want string
	}{
		{psa.Query{}, "2 3 4"},
		{psa.Query{Parent: company}, "2 4"},
		{psa.Query{Scope: map[string][]string{"company": {"13"}}}, "3"},
		{psa.Query{ActiveOnly: true}, "2 3"},
		{psa.Query{Since: time.Date(2026, 6, 2, 8, 0, 0, 0, time.UTC)}, "3 4"},
	} {
		var ids []string
		for _, r := range adaptertest.List(t, p, psa.KindSite, tt.q) {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.q, got, tt.want)
		}
	}
}

// A vendor that says "too many requests" without saying for how long is left
// alone for a minute, by everybody.
func TestRateLimitWithoutRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, srv := open(t, halopsatest.Small(), nil, nil)
		if err := slas(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		srv.Fail(halopsatest.Fault{Path: "/SLA", Count: 1, Status: 429, Body: "Rate Limit Reached - 700 Requests per rolling 5 minute window."})
		start := time.Now()
		if err := slas(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("the wait was %v", took)
		}
	})
}

// Money, secrets and the connection's own never leave, not even in what is
// kept of a row.
func TestCanariesOfAllKinds(t *testing.T) {
	p, srv := open(t, halopsatest.Small(), nil, nil)
	for _, kind := range p.Features().Kinds() {
		for _, r := range adaptertest.List(t, p, kind, psa.Query{}) {
			for _, c := range halopsatest.Canaries() {
				if strings.Contains(string(r.Raw), c.Value) {
					t.Fatalf("%s holds %s.%s", r.Ref, c.Entity, c.Field)
				}
			}
		}
	}
	for _, r := range srv.Requests() {
		if r.Secret {
			t.Errorf("%s carried a secret in its address", r.Path)
		}
	}
}
