package halopsa_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

// writable opens a provider that may write everything.
func writable(t testing.TB, opts *halopsatest.Options, change func(*halopsa.Config)) (*halopsa.Provider, *halopsatest.Server, *halopsatest.Tenant) {
	tenant := halopsatest.Small()
	p, srv := open(t, tenant, opts, func(c *halopsa.Config) {
		c.Outcomes, c.TopLevel, c.Retries = halopsa.Outcomes{Internal: 7, Public: 3, Time: 8}, 1, -1
		if change != nil {
			change(c)
		}
	})
	return p, srv, tenant
}

func made(t testing.TB, p *halopsa.Provider, kind psa.Kind, fields psa.Fields) psa.Record {
	t.Helper()
	r, err := p.Create(t.Context(), kind, fields, psa.NotifyNone)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return r
}

func sample(tenant *halopsatest.Tenant, kind psa.Kind) psa.Fields {
	f := samples(tenant)[kind].Clone()
	f[nameOf(kind)] = "written"
	return f
}

func nameOf(kind psa.Kind) string {
	name := map[psa.Kind]string{psa.KindTicket: "summary", psa.KindNote: "text", psa.KindTimeEntry: "notes", psa.KindContact: "first_name"}[kind]
	return cmp.Or(name, "name")
}

// One action with time is one time entry and no note, whatever its charge.
func TestWrittenTimeIsNoNote(t *testing.T) {
	p, _, tenant := writable(t, nil, nil)
	for _, charge := range []string{"yes", "no"} {
		fields := sample(tenant, psa.KindTimeEntry)
		fields["billable"] = charge
		r := made(t, p, psa.KindTimeEntry, fields)
		q := psa.Query{Parent: r.Parent}
		if !slices.ContainsFunc(adaptertest.List(t, p, psa.KindTimeEntry, q), func(o psa.Record) bool { return o.Ref == r.Ref }) || r.Fields["billable"] != charge || r.Fields["hours"] != json.Number("0.5") {
			t.Errorf("%s: %v is no time entry", charge, r.Fields)
		}
		if slices.ContainsFunc(adaptertest.List(t, p, psa.KindNote, q), func(o psa.Record) bool { return o.ID == r.ID }) {
			t.Errorf("%s: is a note, too", charge)
		}
		if end := r.Fields.Time("end_at"); end.Sub(r.Fields.Time("start_at")).Minutes() != 30 {
			t.Errorf("%s: ends at %v", charge, end)
		}
		// Back and forth.
		for _, other := range []string{"no", "yes", charge} {
			got, err := p.Update(t.Context(), r.Ref, psa.Patch{Set: psa.Fields{"billable": other}})
			if err != nil || got.Fields["billable"] != other || got.Fields["hours"] != json.Number("0.5") {
				t.Errorf("%s to %s: %v %v", charge, other, got.Fields, err)
			}
		}
		got, err := p.Update(t.Context(), r.Ref, psa.Patch{Set: psa.Fields{"hours": json.Number("2")}})
		if err != nil || got.Fields["billable"] != charge || got.Fields["hours"] != json.Number("2") {
			t.Errorf("%s: %v %v", charge, got.Fields, err)
		}
	}
}

// A visibility is never wider than was asked for, whatever the action type
// does by itself.
func TestVisibilityNeverWidens(t *testing.T) {
	p, _, tenant := writable(t, nil, nil)
	for _, v := range []any{nil, "internal", "team"} {
		for _, outcome := range []string{"3", "7", "5"} {
			for _, kind := range []psa.Kind{psa.KindNote, psa.KindTimeEntry} {
				fields := sample(tenant, kind)
				fields["visibility"] = v
				if kind == psa.KindNote {
					fields["type"] = psa.Fields{"id": outcome}
					fields["ticket"] = psa.Fields{"id": fmt.Sprint(tenant.IDs("/Tickets")[1])} // without a workflow
				}
				r := made(t, p, kind, fields)
				if r.Fields["visibility"] != "internal" {
					t.Errorf("%v, %s: %v", v, outcome, r.Fields["visibility"])
				}
				r, err := p.Update(t.Context(), r.Ref, psa.Patch{Set: psa.Fields{map[psa.Kind]string{psa.KindNote: "text", psa.KindTimeEntry: "notes"}[kind]: "other"}})
				if err != nil || r.Fields["visibility"] != "internal" {
					t.Errorf("%v, %s, after an update: %v %v", v, outcome, r.Fields["visibility"], err)
				}
			}
		}
	}
}

// With NotifyNone no write sends mail by itself, also without SkipRules; with
// NotifyContact the contact is told.
func TestMailOfWrites(t *testing.T) {
	for _, rules := range []bool{false, true} {
		p, srv, tenant := writable(t, &halopsatest.Options{Notify: rules}, func(c *halopsa.Config) { c.SkipRules = rules })
		contact := psa.Fields{}
		for _, id := range tenant.IDs("/Users") {
			u := tenant.Get("/Users", id)
			if u["neversendemails"] == false && u["inactive"] == false && u["emailaddress"] != "" && u["linked_agent_id"] == 0 {
				site := tenant.Get("/Site", u["site_id"].(int))
				contact = psa.Fields{"contact": psa.Fields{"id": fmt.Sprint(id)}, "company": psa.Fields{"id": fmt.Sprint(site["client_id"])}}
			}
		}
		ticket := sample(tenant, psa.KindTicket)
		for k, v := range contact {
			ticket[k] = v
		}
		write := func(notify psa.Notify) {
			t.Helper()
			r, err := p.Create(t.Context(), psa.KindTicket, ticket, notify)
			if err != nil {
				t.Fatal(err)
			}
			note := psa.Fields{"ticket": psa.Fields{"id": r.ID}, "text": "x", "visibility": "public"}
			if _, err := p.Create(t.Context(), psa.KindNote, note, notify); err != nil {
				t.Fatal(err)
			}
			for _, set := range []psa.Fields{{"owner": psa.Fields{"id": "6"}}, {"status": psa.Fields{"id": "9"}}} {
				if _, err := p.Update(t.Context(), r.Ref, psa.Patch{Set: set, Notify: notify}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if write(psa.NotifyNone); srv.MailSent() != 0 {
			t.Errorf("rules %v: %v", rules, srv.Mail())
		}
		if write(psa.NotifyContact); srv.MailSent() < 2 {
			t.Errorf("rules %v: the contact is not told: %v", rules, srv.Mail())
		}
	}
}

// A priority outside the SLA is replaced without a word: the record that comes
// back shows it.
func TestPriorityIsReplaced(t *testing.T) {
	p, _, tenant := writable(t, nil, nil)
	fields := sample(tenant, psa.KindTicket)
	fields["priority"] = psa.Fields{"id": "1:77"}
	r := made(t, p, psa.KindTicket, fields)
	if got := r.Fields.Ref("priority").ID; got == "1:77" || !strings.HasPrefix(got, "1:") {
		t.Errorf("priority %q", got)
	}
	q, _, _ := writable(t, &halopsatest.Options{RefusePriority: true}, nil)
	if _, err := q.Create(t.Context(), psa.KindTicket, fields, 0); !errors.Is(err, psa.ErrInvalid) {
		t.Error(err)
	}
}

// Texts read back as they were, and markup in them is text.
func TestTextsReadBack(t *testing.T) {
	p, _, tenant := writable(t, nil, nil)
	const s = "a <script>alert(1)</script>\n\n  &amp; \"b\" <br> 'c'\n– ß"
	ticket := sample(tenant, psa.KindTicket)
	ticket["description"] = s
	r := made(t, p, psa.KindTicket, ticket)
	if r.Fields["description"] != s {
		t.Errorf("%q", r.Fields["description"])
	}
	if strings.Contains(fmt.Sprint(tenant.Get("/Tickets", number(r.ID))["details_html"]), "<script") {
		t.Error("markup goes through")
	}
	note := sample(tenant, psa.KindNote)
	note["text"] = s
	if r = made(t, p, psa.KindNote, note); r.Fields["text"] != s {
		t.Errorf("%q", r.Fields["text"])
	}
}

// Custom fields of every type go there and back, and can be cleared.
func TestCustomFieldsReadBack(t *testing.T) {
	tenant := halopsatest.Medium()
	p, _ := open(t, tenant, nil, nil)
	values := map[string]psa.Fields{}
	for _, id := range tenant.IDs("/FieldInfo") {
		d := tenant.Get("/FieldInfo", id)
		kind := map[any]string{1: "/Tickets", 2: "/Client", 3: "/Site", 4: "/Users"}[d["usage"]]
		if values[kind] == nil {
			values[kind] = psa.Fields{}
		}
		values[kind][fmt.Sprint(id)] = map[any]any{2: "2", 3: []any{"1", "2"}, 4: "2026-12-24", 5: "17:05", 6: true}[d["type"]]
		if values[kind][fmt.Sprint(id)] == nil {
			values[kind][fmt.Sprint(id)] = "new text"
		}
	}
	for kind, path := range map[psa.Kind]string{psa.KindTicket: "/Tickets", psa.KindCompany: "/Client", psa.KindSite: "/Site", psa.KindContact: "/Users"} {
		ref := adaptertest.List(t, p, kind, psa.Query{})[0].Ref
		none := psa.Fields{}
		for id := range values[path] {
			none[id] = nil
		}
		for _, want := range []psa.Fields{values[path], none} {
			r, err := p.Update(t.Context(), ref, psa.Patch{Set: psa.Fields{"custom": want}})
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			got, _ := r.Fields["custom"].(psa.Fields)
			for id, v := range want {
				if !psa.ValuesEqual(got[id], v) {
					t.Errorf("%s %s: %v, want %v", kind, id, got[id], v)
				}
			}
		}
		if len(none) == 0 {
			t.Errorf("%s has no custom fields", kind)
		}
	}
}

// Invoiced time takes no change, and says so before and after the vendor does.
func TestInvoicedTime(t *testing.T) {
	p, srv, tenant := writable(t, nil, nil)
	r := made(t, p, psa.KindTimeEntry, sample(tenant, psa.KindTimeEntry))
	ticket, action, _ := strings.Cut(r.ID, "/")
	bill := func() {
		tenant.Update("/Tickets/"+ticket+"/Actions", number(action), halopsatest.Row{"actioninvoicenumber": "INV-1"})
	}
	srv.Before(func(r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/Actions") {
			bill() // between read and write
		}
	})
	for range 2 {
		_, err := p.Update(t.Context(), r.Ref, psa.Patch{Set: psa.Fields{"hours": json.Number("3")}})
		if !errors.Is(err, psa.ErrConflict) || !strings.Contains(err.Error(), "invoiced") {
			t.Error(err)
		}
	}
	if err := p.Delete(t.Context(), r.Ref); !errors.Is(err, psa.ErrConflict) {
		t.Error(err)
	}
	if got, err := p.Get(t.Context(), r.Ref); err != nil || got.Fields["hours"] != json.Number("0.5") || got.Fields["locked"] != true {
		t.Errorf("%v %v", got.Fields, err)
	}
}

// A marker that a server does not search by would read every ticket: it is
// refused instead.
func TestMarkerSearchIsIgnored(t *testing.T) {
	p, srv := open(t, halopsatest.Medium(), nil, nil)
	srv.Before(func(r *http.Request) {
		q := r.URL.Query()
		q.Del("advanced_search")
		r.URL.RawQuery = q.Encode()
	})
	var failed error
	for _, err := range p.Find(t.Context(), psa.KindTicket, psa.Fields{"external_ref": "x"}) {
		failed = err
	}
	if !errors.Is(psa.ErrorClass(failed), psa.ErrData) {
		t.Error(failed)
	}
	if n := len(srv.Requests()); n > 40 {
		t.Errorf("%d requests", n)
	}
}

// A marker in a custom field is found in the list, without reading each row.
func TestCustomMarker(t *testing.T) {
	tenant := halopsatest.Medium()
	p, srv := open(t, tenant, nil, func(c *halopsa.Config) {
		c.TopLevel, c.Markers = 1, map[psa.Kind]int{psa.KindCompany: 154}
	})
	if f := p.Features()[psa.KindCompany]; f.Marker != "custom.154" || !f.Can.Has(psa.CanFind) {
		t.Errorf("%+v", f)
	}
	want := made(t, p, psa.KindCompany, psa.Fields{"name": "Marked", "custom.154": "m-1"})
	made(t, p, psa.KindCompany, psa.Fields{"name": "Other", "custom.154": "m-11"})
	srv.ClearCounters()
	var got []psa.Ref
	for r, err := range p.Find(t.Context(), psa.KindCompany, psa.Fields{"custom.154": "m-1"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Ref)
	}
	if !slices.Equal(got, []psa.Ref{want.Ref}) {
		t.Errorf("found %v, want %v", got, want.Ref)
	}
	if n := len(srv.Requests()); n > 3 {
		t.Errorf("%d requests", n)
	}
}

// Configured action types are checked with the right to read.
func TestCheckOutcomes(t *testing.T) {
	for id, want := range map[int]error{7: nil, 10: psa.ErrInvalid, 2: psa.ErrInvalid, 999: psa.ErrInvalid} {
		p, _, _ := writable(t, nil, func(c *halopsa.Config) { c.Outcomes = halopsa.Outcomes{Internal: 7, Public: id, Time: id} })
		report, err := p.Check(t.Context(), psa.KindNote, psa.KindTimeEntry, psa.KindTicket)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []error{want, want, nil} {
			if got := report.Access[i].Err; !errors.Is(psa.ErrorClass(got), want) {
				t.Errorf("%d: %s: %v, want %v", id, report.Access[i].Kind, got, want)
			}
		}
	}
}

// Nothing planted in the tenant comes back from a write, nor what was sent in
// an error.
func TestWritesKeepSecrets(t *testing.T) {
	p, srv, tenant := writable(t, nil, nil)
	var seen strings.Builder
	for kind := range samples(tenant) {
		r := made(t, p, kind, sample(tenant, kind))
		fmt.Fprintf(&seen, "%s %v\n", r.Raw, r.Fields)
		old := adaptertest.List(t, p, kind, psa.Query{})[0]
		set := psa.Fields{nameOf(kind): "changed"}
		r, err := p.Update(t.Context(), old.Ref, psa.Patch{Set: set})
		if err != nil || r.Fields[nameOf(kind)] != "changed" {
			t.Fatalf("%s: %v %v", old.Ref, r.Fields, err)
		}
		fmt.Fprintf(&seen, "%s %v\n", r.Raw, r.Fields)
		srv.Fail(halopsatest.Fault{Method: http.MethodPost, Path: "/**", Status: 400, Body: `{"[0].name":["Could not convert string to integer: written. Path '[0].name', line 1, position 9."]}`})
		_, err = p.Create(t.Context(), kind, sample(tenant, kind), 0)
		if !errors.Is(err, psa.ErrInvalid) || strings.Contains(err.Error(), "written") {
			t.Error(err)
		}
		fmt.Fprintln(&seen, err)
	}
	c := srv.Credentials()
	for _, canary := range append(halopsatest.Canaries(), halopsatest.Canary{Value: c.ClientSecret}, halopsatest.Canary{Value: c.ClientID}) {
		if strings.Contains(seen.String(), canary.Value) {
			t.Errorf("%s.%s is shown", canary.Entity, canary.Field)
		}
	}
}

// A write costs three requests: the row or what it refers to, the write, and
// the row. A note costs two.
func TestWritesInFewRequests(t *testing.T) {
	p, srv, tenant := writable(t, nil, nil)
	ticket := made(t, p, psa.KindTicket, sample(tenant, psa.KindTicket)) // and reads lists
	for what, tt := range map[string]struct {
		most int
		call func() error
	}{
		"note": {2, func() error { made(t, p, psa.KindNote, sample(tenant, psa.KindNote)); return nil }},
		"ticket": {3, func() error {
			_, err := p.Update(t.Context(), ticket.Ref, psa.Patch{Set: psa.Fields{"summary": "other"}})
			return err
		}},
		"unchanged ticket": {1, func() error {
			_, err := p.Update(t.Context(), ticket.Ref, psa.Patch{Set: psa.Fields{"urgency": ticket.Fields["urgency"]}})
			return err
		}},
	} {
		srv.ClearCounters()
		if err := tt.call(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if n := len(srv.Requests()); n > tt.most {
			t.Errorf("%s: %d requests, want %d", what, n, tt.most)
		}
	}
}
