package hostdb_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
)

func num(s string) json.Number { return json.Number(s) }

// What people do at their desks is what the provider shows.
func TestDesk(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, ana := t.Context(), h.p.Desk("ana")
	ref, err := ana.AddTicket(ctx, hostdb.Ticket{
		Client: to(psa.KindCompany, "1"), Person: to(psa.KindContact, "1"), Subject: "Phone dead", Details: "No tone.", Priority: "High", Estimate: 90 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	opened := h.get(ref)
	for name, want := range map[string]any{
		"summary": "Phone dead", "description": "No tone.", "company.name": "Acme Widgets", "contact.name": "Alex Morgan", "priority.name": "High",
		"status.name": "New", "source.name": "Portal", "custom.estimate_minutes": num("90"), "created_by": "ana", "closed": false, "closed_at": nil,
	} {
		if got, _ := opened.Fields.Lookup(name); !psa.ValuesEqual(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, err := range []error{
		ana.SetStatus(ctx, ref, "Resolved"), ana.SetPriority(ctx, ref, "Low"), ana.Assign(ctx, ref, "ben"), ana.Edit(ctx, ref, hostdb.Values{"subject": "Phone alive"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	closed := h.get(ref)
	if closed.Fields["closed"] != true || closed.Fields.Time("closed_at").IsZero() || closed.Fields.Ref("owner").Name != "Ben Okafor" ||
		closed.Fields.Ref("priority").Name != "Low" || closed.Fields["summary"] != "Phone alive" || closed.Version == opened.Version {
		t.Errorf("after the work: version %s, %v", closed.Version, closed.Fields)
	}
	// The host's own rule holds for a provider's writes, too.
	if r := h.update(ref, psa.Fields{"status": refTo("2")}); r.Fields["closed"] != false || r.Fields["closed_at"] != nil || r.Fields["updated_by"] != "psasync" {
		t.Errorf("reopened: closed %v at %v by %v", r.Fields["closed"], r.Fields["closed_at"], r.Fields["updated_by"])
	}
	is(t, "no such status", ana.SetStatus(ctx, ref, "Parked"), psa.ErrInvalid)
	is(t, "no such ticket", ana.SetStatus(ctx, to(psa.KindTicket, "99"), "New"), psa.ErrNotFound)
	is(t, "no such kind", ana.Delete(ctx, to(psa.KindSLA, "1")), psa.ErrUnsupported)
}

// The client is told by the host, once, and never by the provider.
func TestMail(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, ticket := t.Context(), to(psa.KindTicket, "1")
	mails := h.world().Mails
	if _, err := h.p.Desk("ana").Comment(ctx, ticket, "For us only.", false); err != nil {
		t.Fatal(err)
	}
	if n := mails(); n != 0 {
		t.Errorf("%d mails of an internal comment", n)
	}
	ref, err := h.p.Desk("ana").Comment(ctx, ticket, "It is the fuse.", true)
	if err != nil {
		t.Fatal(err)
	}
	note := h.get(ref).Fields
	if n := mails(); n != 1 || note["visibility"] != "public" || note["author"] != "Ana Sousa" || note.Ref("member").ID != "1" {
		t.Errorf("%d mails of a public comment %v", n, note)
	}
	if _, err := h.p.Create(ctx, psa.KindNote, psa.Fields{"ticket": refTo("1"), "text": "From the PSA.", "visibility": "public"}, psa.NotifyContact); err != nil {
		t.Fatal(err)
	}
	if n := mails(); n != 1 {
		t.Errorf("%d mails after the provider wrote a comment", n)
	}
}

func TestDeletions(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	deleted := func(kind psa.Kind, since time.Time) []psa.Deletion {
		t.Helper()
		list := all(t, h.p.Deletions(ctx, kind, since))
		for i := range list {
			if list[i].At.IsZero() || list[i].At.Location() != time.UTC {
				t.Errorf("%s was deleted at %v", list[i].Ref, list[i].At)
			}
			list[i].At = time.Time{}
		}
		return list
	}
	// A ticket goes with what was written on it.
	if err := h.p.Delete(ctx, to(psa.KindTicket, "1")); err != nil {
		t.Fatal(err)
	}
	for kind, ids := range map[psa.Kind][]string{psa.KindTicket: {"1"}, psa.KindNote: {"1", "2"}, psa.KindTimeEntry: {"3"}, psa.KindCompany: nil} {
		var want []psa.Deletion
		for _, id := range ids {
			want = append(want, psa.Deletion{Ref: to(kind, id)})
			_, err := h.p.Get(ctx, to(kind, id))
			is(t, "get "+id, err, psa.ErrNotFound)
		}
		if d := cmp.Diff(want, deleted(kind, time.Time{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", kind, d)
		}
	}
	// A merge tells what took the row's place, and moves what referred to it.
	loser, winner := to(psa.KindCompany, "1"), to(psa.KindCompany, "2")
	if err := h.p.Desk("ana").Merge(ctx, loser, winner); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]psa.Deletion{{Ref: loser, MergedInto: winner}}, deleted(psa.KindCompany, time.Time{})); d != "" {
		t.Errorf("a merge (-want +got):\n%s", d)
	}
	for _, kind := range []psa.Kind{psa.KindSite, psa.KindContact, psa.KindTicket} {
		for _, r := range h.list(kind, psa.Query{}) {
			if r.Fields.Ref("company").ID != winner.ID {
				t.Errorf("%s belongs to %v", r.Ref, r.Fields["company"])
			}
		}
	}
	is(t, "merged into itself", h.p.Desk("ana").Merge(ctx, winner, winner), psa.ErrInvalid)
	is(t, "merged into nothing", h.p.Desk("ana").Merge(ctx, winner, loser), psa.ErrNotFound)
	is(t, "deleted twice", h.p.Desk("ana").Delete(ctx, loser), psa.ErrNotFound)
	// Clients and people are kept, inactive.
	if err := h.p.Delete(ctx, to(psa.KindContact, "3")); err != nil {
		t.Fatal(err)
	}
	if r := h.get(to(psa.KindContact, "3")); r.Active {
		t.Error("a person is active after Delete")
	}
	if got := deleted(psa.KindContact, time.Time{}); len(got) != 0 {
		t.Errorf("a deactivated person is told as deleted: %v", got)
	}
}

// Deletions come in pages, too.
func TestManyDeletions(t *testing.T) {
	t.Parallel()
	_, o := at(morning)
	p := openFile(t, demoFile(t), o)
	for range 5 {
		ref, err := p.Desk("ana").Comment(t.Context(), to(psa.KindTicket, "1"), "x", false)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Delete(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(all(t, p.Deletions(t.Context(), psa.KindNote, morning))); n != 5 {
		t.Errorf("%d deletions, want 5", n)
	}
	if n := len(all(t, p.Deletions(t.Context(), psa.KindNote, morning.Add(time.Millisecond)))); n != 0 {
		t.Errorf("%d deletions of later", n)
	}
}
