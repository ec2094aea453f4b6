package bridge_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// desk is a field map with boards, statuses, people and worked time.
const desk = `
version: 1
psa: boards
app: flat
kinds:
  company:
    match: [{psa: identifier, app: identifier}]
    fields: {name: name, identifier: identifier}
  contact:
    match: [{psa: email, app: email}]
    fields: {first_name: first_name, last_name: last_name, email: email, company: company}
  ticket:
    create:
      app: {board: Level I Support, status: New}
      psa: {board: Managed Services, status: New, company: {id: "3"}}
    fields:
      summary: summary
      company: company
      contact: contact
      contact_name: contact_name
      po_number: po_number
      board: {app: board, values: {Managed Services: Level I Support, Internal IT: Level II Support}}
      status: {app: status, values: {New: New, In Progress: In Progress, Waiting on Client: Waiting Customer, Closed: Complete}}
      owner: {app: owner, member: {by: email, unmatched: hold}}
  note:
    fields: {text: text, ticket: ticket, visibility: visibility}
  time_entry:
    fields:
      ticket: ticket
      member: {app: member, member: {by: email, unmatched: {fallback: Bram Visser}}}
      start_at: start_at
      hours: hours
      notes: notes
      billable: billable
`

// deskWith replaces lines of desk.
func deskWith(t testing.TB, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(desk, pairs[i]) {
			t.Fatalf("desk has no %q", pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(desk)
}

// people gives a bridge the members of both systems.
func people(o *bridge.Options) {
	for _, m := range []struct {
		cat  psa.Catalog
		into *[]psa.Record
	}{{o.LeftCatalog, &o.LeftMembers}, {o.RightCatalog, &o.RightMembers}} {
		for rec := range m.cat.(*cache.Snapshot).All(psa.KindMember) {
			*m.into = append(*m.into, rec)
		}
	}
}

// deskPair is a world of desk with one linked ticket, in which a status closes
// tickets as it does in a PSA.
func deskPair(t *testing.T, yaml string, change ...func(*bridge.Options)) (w *world, l, r psa.Ref) {
	t.Helper()
	w, l, r = pair(t, yaml, append([]func(*bridge.Options){people}, change...)...)
	closes := func(wr psatest.Write) error {
		if wr.Row.Kind == psa.KindTicket {
			name := wr.Row.Fields.Ref("status").Name
			wr.Row.Fields["closed"] = name == "Closed" || name == "Complete"
		}
		return nil
	}
	w.left.AddRule(closes)
	w.right.AddRule(closes)
	w.tick(time.Hour)
	return w, l, r
}

func refOf(w *world, s bridge.Side, ref psa.Ref, name string) string {
	rec, ok := w.side(s).Row(ref)
	if !ok {
		return "no record"
	}
	return rec.Fields.Ref(name).Name
}

// find returns the rows of a side whose field has this text.
func find(w *world, s bridge.Side, kind psa.Kind, field, text string) (out []psa.Record) {
	for _, r := range w.side(s).Refs(kind) {
		if rec, ok := w.side(s).Row(r); ok && rec.Fields.String(field) == text {
			out = append(out, rec)
		}
	}
	return out
}

// order returns the writes to a side as "op kind", in their order.
func order(w *world, s bridge.Side) (out []string) {
	for _, c := range w.side(s).Calls() {
		if c.Op == psatest.OpCreate || c.Op == psatest.OpUpdate || c.Op == psatest.OpDelete {
			out = append(out, string(c.Op)+" "+string(c.Kind))
		}
	}
	return out
}

// answerAll answers every task of a type.
func answerAll(w *world, typ string, a cache.Answer) {
	w.t.Helper()
	var tasks []cache.Task
	for task, err := range w.state.Tasks(w.t.Context(), source, cache.TaskQuery{Types: []string{typ}}) {
		if err != nil {
			w.t.Fatal(err)
		}
		task.Answer, task.Due = &a, w.left.Now()
		tasks = append(tasks, task)
	}
	if len(tasks) == 0 {
		w.t.Fatalf("there is no %s task: %v", typ, w.tasks())
	}
	if err := w.state.Save(w.t.Context(), source, cache.StateBatch{Tasks: tasks}); err != nil {
		w.t.Fatal(err)
	}
}

func linkOf(w *world, s bridge.Side, ref psa.Ref) cache.Link {
	w.t.Helper()
	l, ok, err := w.state.LinkOf(w.t.Context(), source, s, ref)
	if err != nil || !ok {
		w.t.Fatalf("%s %s has no link: %v", s, ref, err)
	}
	return l
}

func TestLockedTimeEntry(t *testing.T) {
	w, _, _ := deskPair(t, desk)
	l := ref(psa.KindTimeEntry, "1")
	r := w.peer(bridge.Left, l).Ref
	w.left.Edit(l, psa.Fields{"locked": true})
	w.settle()
	w.left.AddRule(func(wr psatest.Write) error {
		if wr.Old.Fields.Bool("locked") == psa.Yes {
			return &psa.Error{Code: psa.ErrDenied, Detail: "this entry was approved"}
		}
		return nil
	})
	w.right.Edit(r, psa.Fields{"hours": 3, "notes": "rewritten"})
	w.left.ResetCalls()
	w.settle()
	w.tick(48 * time.Hour)
	w.settle()
	w.want("writes to the locked entry", len(order(w, bridge.Left)), 0)
	w.want("hours of the PSA", fieldOf(w, bridge.Left, l, "hours"), "0.75")
	w.want("hours of the host", fieldOf(w, bridge.Right, r, "hours"), "0.75")
	w.want("notes of the host", fieldOf(w, bridge.Right, r, "notes"), "Replaced the cable.")
	w.want("tasks", w.tasks(), "[]")
	w.left.Edit(l, psa.Fields{"hours": 1.25})
	w.settle()
	w.want("hours that the PSA corrected", fieldOf(w, bridge.Right, r, "hours"), "1.25")
}

func TestClosesAfterTheLastNote(t *testing.T) {
	w, l, r := deskPair(t, desk)
	w.left.Edit(l, psa.Fields{"status": psatest.RefTo("4", "Closed"), "closed": true})
	w.left.Put(psatest.Row(psa.KindNote, "", psa.Fields{"ticket": psatest.RefTo(l.ID, ""), "text": "Solved.", "visibility": "public"}),
		psatest.Row(psa.KindTimeEntry, "", psa.Fields{"ticket": psatest.RefTo(l.ID, ""), "member": psatest.RefTo("1", ""), "hours": 1,
			"start_at": "2026-03-02T08:00:00Z", "notes": "Solved it.", "billable": "yes"}))
	w.right.ResetCalls()
	rep := w.once()
	w.want("order", strings.Join(order(w, bridge.Right), ", "), "create note, create time_entry, update ticket")
	w.want("status", refOf(w, bridge.Right, r, "status"), "Complete")
	w.want("closed", rep.Closed, 1)
	w.settle()
	w.want("tasks", w.tasks(), "[]")
}

func TestReopensBeforeNotes(t *testing.T) {
	w, l, r := deskPair(t, desk)
	w.left.Edit(l, psa.Fields{"status": psatest.RefTo("4", "Closed"), "closed": true})
	w.settle()
	w.want("status", refOf(w, bridge.Right, r, "status"), "Complete")
	w.right.AddRule(func(wr psatest.Write) error {
		if wr.Op == psatest.OpCreate && wr.Row.Kind == psa.KindNote && refOf(w, bridge.Left, l, "status") == "Closed" {
			return &psa.Error{Code: psa.ErrInvalid, Detail: "the ticket is closed"}
		}
		return nil
	})
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"status": psatest.RefTo("2", "In Progress"), "closed": false})
	w.left.Put(psatest.Row(psa.KindNote, "", psa.Fields{"ticket": psatest.RefTo(l.ID, ""), "text": "It is back.", "visibility": "public"}))
	w.right.ResetCalls()
	w.once()
	w.want("order", strings.Join(order(w, bridge.Right), ", "), "update ticket, create note")
	w.want("tasks", w.tasks(), "[]")
}

func TestMembers(t *testing.T) {
	stranger := func(o *bridge.Options) {
		people(o)
		for i := range o.RightMembers { // nobody there has Chidi's address
			if o.RightMembers[i].Name() == "Chidi Okafor" {
				o.RightMembers = slices.Delete(o.RightMembers, i, i+1)
				return
			}
		}
	}
	w := newWorld(t, desk, stranger)
	w.left.Edit(ref(psa.KindTicket, "1001"), psa.Fields{"owner": psatest.RefTo("1", "Ana Sousa")})
	w.left.Edit(ref(psa.KindTicket, "1002"), psa.Fields{"owner": psatest.RefTo("3", "Chidi Okafor")})
	w.left.Edit(ref(psa.KindTicket, "1003"), psa.Fields{"owner": nil})
	w.left.Edit(ref(psa.KindTimeEntry, "2"), psa.Fields{"member": psatest.RefTo("3", "Chidi Okafor")})
	w.settle()
	w.want("matched by address", refOf(w, bridge.Right, w.peer(bridge.Left, ref(psa.KindTicket, "1001")).Ref, "owner"), "Ana Sousa")
	w.want("held", refOf(w, bridge.Right, w.peer(bridge.Left, ref(psa.KindTicket, "1002")).Ref, "owner"), "")
	w.want("nobody", refOf(w, bridge.Right, w.peer(bridge.Left, ref(psa.KindTicket, "1003")).Ref, "owner"), "")
	w.want("fallback", refOf(w, bridge.Right, w.peer(bridge.Left, ref(psa.KindTimeEntry, "2")).Ref, "member"), "Bram Visser")
	w.want("the PSA keeps who it was", refOf(w, bridge.Left, ref(psa.KindTimeEntry, "2"), "member"), "Chidi Okafor")
	if tasks := w.tasks(); len(tasks) != 1 || !strings.HasPrefix(tasks[0], "held/") || !strings.Contains(tasks[0], "owner") {
		t.Errorf("tasks: %q, want one that the owner is held", tasks)
	}
	if err := w.b.SetPhase(t.Context(), "1"); err != nil { // everything is compared anew
		t.Fatal(err)
	}
	w.settle()
	if w.types() != "held" {
		t.Errorf("tasks after another look: %q", w.tasks())
	}
	w.left.Edit(ref(psa.KindTicket, "1002"), psa.Fields{"owner": psatest.RefTo("2", "Bram Visser")})
	w.settle()
	w.want("let go", refOf(w, bridge.Right, w.peer(bridge.Left, ref(psa.KindTicket, "1002")).Ref, "owner"), "Bram Visser")
	w.want("tasks", w.tasks(), "[]")
}

func TestSharedStatusStays(t *testing.T) {
	yaml := deskWith(t, "Waiting on Client: Waiting Customer, Closed: Complete}}", "Waiting on Client: In Progress, Closed: Complete}, prefer: {In Progress: In Progress}}")
	w, l, r := deskPair(t, yaml)
	w.left.Edit(l, psa.Fields{"status": psatest.RefTo("3", "Waiting on Client")})
	w.settle()
	w.want("on the coarse side", refOf(w, bridge.Right, r, "status"), "In Progress")
	w.tick(time.Hour)
	w.left.ResetCalls()
	w.right.Edit(r, psa.Fields{"summary": "another summary"})
	w.settle()
	w.want("summary", fieldOf(w, bridge.Left, l, "summary"), "another summary")
	w.want("status after another edit", refOf(w, bridge.Left, l, "status"), "Waiting on Client")
	w.tick(time.Hour)
	w.right.Edit(r, psa.Fields{"status": psatest.RefTo("5", "Complete")})
	w.settle()
	w.tick(time.Hour)
	w.right.Edit(r, psa.Fields{"status": psatest.RefTo("8", "In Progress")})
	w.settle()
	w.want("status after a real change", refOf(w, bridge.Left, l, "status"), "In Progress")
	w.want("tasks", w.tasks(), "[]")
}

func TestOverwrittenValueBecomesANote(t *testing.T) {
	w, l, r := deskPair(t, deskWith(t, "po_number: po_number", "po_number: {app: po_number, conflict: note(psa)}"))
	w.left.Edit(l, psa.Fields{"po_number": "PO-LEFT"})
	w.right.Edit(r, psa.Fields{"po_number": "PO-RIGHT"})
	notes := len(w.left.Refs(psa.KindNote))
	w.settle()
	w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "PO-LEFT")
	var told []psa.Record
	for _, n := range w.right.Refs(psa.KindNote) {
		if rec, _ := w.right.Row(n); strings.Contains(rec.Fields.String("text"), "PO-RIGHT") {
			told = append(told, rec)
		}
	}
	if len(told) != 1 || told[0].Fields.String("visibility") != string(psa.Internal) || told[0].Fields.Ref("ticket").ID != r.ID {
		t.Fatalf("notes: %v, want one internal note on the ticket", told)
	}
	w.right.Touch(r)
	w.tick(25 * time.Hour)
	w.settle()
	w.want("notes of the other side", len(w.left.Refs(psa.KindNote)), notes)
	w.want("tasks", w.tasks(), "[]")
}

func TestMergedTickets(t *testing.T) {
	t.Run("both linked", func(t *testing.T) {
		w, l, r := deskPair(t, desk)
		winner := ref(psa.KindTicket, "1002")
		right := w.peer(bridge.Left, winner).Ref
		tickets := len(w.right.Refs(psa.KindTicket))
		w.left.Merge(l, winner)
		w.tick(time.Hour)
		w.settle()
		gone := linkOf(w, bridge.Right, r)
		w.want("the loser's link", gone.State, cache.LinkGone)
		w.want("points to", gone.Gone[bridge.Left].MergedInto, winner.ID)
		w.want("the winner's link", linkOf(w, bridge.Left, winner).IDs[bridge.Right], right.ID)
		w.want("tickets", len(w.right.Refs(psa.KindTicket)), tickets)
		w.want("tasks", w.types(), "deleted")
		w.tick(25 * time.Hour)
		w.settle()
		w.want("tickets of the PSA", len(find(w, bridge.Left, psa.KindTicket, "summary", "Printer offline")), 0)
	})
	t.Run("winner without a link", func(t *testing.T) {
		w, l, r := deskPair(t, scopedDesk(t, "{board: [Managed Services]}"))
		rec, _ := w.left.Row(l)
		rec.ID, rec.Version, rec.Updated = "", "", time.Time{}
		home := rec.Fields["board"]
		rec.Fields["summary"], rec.Fields["board"], rec.Fields["status"] = "the winner", psatest.RefTo("2", "Internal IT"), psatest.RefTo("6", "In Progress")
		winner := w.left.Put(rec)[0]
		w.settle()
		if _, ok, _ := w.state.LinkOf(t.Context(), source, bridge.Left, winner); ok {
			t.Fatal("the winner has a link already")
		}
		w.left.Edit(winner, psa.Fields{"board": home, "status": psatest.RefTo("2", "In Progress")})
		w.left.Merge(l, winner)
		w.tick(time.Hour)
		tickets := len(w.right.Refs(psa.KindTicket))
		w.settle()
		w.want("the link", linkOf(w, bridge.Right, r).IDs[bridge.Left], winner.ID)
		w.want("summary", fieldOf(w, bridge.Right, r, "summary"), "the winner")
		w.want("tickets", len(w.right.Refs(psa.KindTicket)), tickets)
		w.want("tasks", w.tasks(), "[]")
	})
}

func scopedDesk(t *testing.T, scope string) string {
	return deskWith(t, "  ticket:\n    create:", "  ticket:\n    scope: "+scope+"\n    create:")
}

func TestRestoredRecord(t *testing.T) {
	w, l, r := deskPair(t, desk)
	rec, _ := w.left.Row(l)
	w.left.Remove(l)
	w.tick(time.Hour)
	w.settle()
	w.want("state", linkOf(w, bridge.Right, r).State, cache.LinkGone)
	w.want("tasks", w.types(), "deleted")
	rec.Updated, rec.Fields["summary"] = time.Time{}, "restored"
	w.left.Put(rec)
	w.right.Edit(r, psa.Fields{"po_number": "meanwhile"})
	w.settle()
	w.want("state", linkOf(w, bridge.Right, r).State, cache.LinkLive)
	w.want("right summary", fieldOf(w, bridge.Right, r, "summary"), "restored")
	w.want("left po_number", fieldOf(w, bridge.Left, l, "po_number"), "meanwhile")
	w.want("tasks", w.tasks(), "[]")
}

func TestDeletedRecordIsCreatedAgain(t *testing.T) {
	w, l, r := deskPair(t, desk)
	tickets := len(w.left.Refs(psa.KindTicket))
	w.left.Remove(l)
	w.tick(time.Hour)
	w.settle()
	w.want("left to a person", len(w.left.Refs(psa.KindTicket)), tickets-1)
	answerAll(w, bridge.TaskDeleted, cache.Answer{Action: bridge.AnswerRestore, Actor: "kim"})
	w.settle()
	link := linkOf(w, bridge.Right, r)
	if link.State != cache.LinkLive || link.IDs[bridge.Left] == l.ID {
		t.Errorf("the link is %q with %s, want a new record", link.State, link.IDs[bridge.Left])
	}
	w.want("tickets", len(w.left.Refs(psa.KindTicket)), tickets)
	w.want("summary", fieldOf(w, bridge.Left, ref(psa.KindTicket, link.IDs[bridge.Left]), "summary"), "Printer offline")
	w.want("tasks", w.tasks(), "[]")
}

// TestNewestNeedsEvidence: a stamp that something else explains decides nothing.
func TestNewestNeedsEvidence(t *testing.T) {
	rule := deskWith(t, "po_number: po_number", "po_number: {app: po_number, conflict: newest}", "contact_name: contact_name", "contact_name: {app: contact_name, conflict: newest}")
	t.Run("own write", func(t *testing.T) {
		w, l, r := deskPair(t, rule)
		w.right.AddRule(func(wr psatest.Write) error {
			if wr.Set.String("summary") == "changed" {
				wr.Row.Fields["contact_name"] = "by a rule"
			}
			return nil
		})
		w.left.Edit(l, psa.Fields{"summary": "changed"})
		w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpUpdate, Do: func() {
			w.left.Edit(l, psa.Fields{"contact_name": "by a person"})
			w.right.Advance(10 * time.Minute)
		}})
		w.settle()
		w.want("left", fieldOf(w, bridge.Left, l, "contact_name"), "by a person")
		w.want("right", fieldOf(w, bridge.Right, r, "contact_name"), "by a rule")
		w.want("tasks", w.types(), "conflict")
	})
	t.Run("note", func(t *testing.T) {
		w, l, r := deskPair(t, rule)
		w.right.Edit(r, psa.Fields{"po_number": "older"})
		w.tick(10 * time.Minute)
		w.left.Edit(l, psa.Fields{"po_number": "newer"})
		w.tick(10 * time.Minute)
		w.right.Put(psatest.Row(psa.KindNote, "", psa.Fields{"ticket": psatest.RefTo(r.ID, ""), "text": "a note moves the stamp", "visibility": "internal"}))
		w.right.Touch(r)
		w.settle()
		w.want("left", fieldOf(w, bridge.Left, l, "po_number"), "newer")
		w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "older")
		w.want("tasks", w.types(), "conflict")
	})
	t.Run("nothing else", func(t *testing.T) {
		w, l, r := deskPair(t, rule)
		w.right.Edit(r, psa.Fields{"po_number": "older"})
		w.tick(10 * time.Minute)
		w.left.Edit(l, psa.Fields{"po_number": "newer"})
		w.settle()
		w.want("right", fieldOf(w, bridge.Right, r, "po_number"), "newer")
		w.want("tasks", w.tasks(), "[]")
	})
}

// TestBoardAndStatusGoTogether: no side ever gets the status of one edit on the
// board of another.
func TestBoardAndStatusGoTogether(t *testing.T) {
	for rule, want := range map[string][4]string{
		"psa":    {"Internal IT", "In Progress", "Level II Support", "In Progress"},
		"app":    {"Managed Services", "Waiting on Client", "Level I Support", "Waiting Customer"},
		"manual": {"Internal IT", "In Progress", "Level I Support", "Waiting Customer"},
	} {
		t.Run(rule, func(t *testing.T) {
			w, l, r := deskPair(t, deskWith(t, "Internal IT: Level II Support}", "Internal IT: Level II Support}, conflict: "+rule, "Closed: Complete}", "Closed: Complete}, conflict: "+rule))
			w.left.Edit(l, psa.Fields{"board": psatest.RefTo("2", "Internal IT"), "status": psatest.RefTo("6", "In Progress")})
			w.right.Edit(r, psa.Fields{"status": psatest.RefTo("7", "Waiting Customer")})
			w.settle()
			got := [4]string{refOf(w, bridge.Left, l, "board"), refOf(w, bridge.Left, l, "status"), refOf(w, bridge.Right, r, "board"), refOf(w, bridge.Right, r, "status")}
			w.want("board and status", got, want)
		})
	}
}

func TestInactiveContact(t *testing.T) {
	w, l, r := deskPair(t, desk)
	home, _ := w.left.Row(l)
	contact := ref(psa.KindContact, home.Fields.Ref("contact").ID)
	right := w.peer(bridge.Left, contact).Ref
	w.left.SetActive(contact, false)
	w.left.Edit(contact, psa.Fields{"last_name": "Gone"})
	w.settle()
	w.want("the link of the contact", linkOf(w, bridge.Left, contact).State, cache.LinkDormant)
	w.want("the counterpart is left alone", fieldOf(w, bridge.Right, right, "last_name"), "Park")
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"summary": "goes on"})
	w.settle()
	w.want("summary", fieldOf(w, bridge.Right, r, "summary"), "goes on")
	ticket, _ := w.right.Row(r)
	w.want("contact of the ticket", ticket.Fields.Ref("contact").ID, right.ID)
	w.left.SetActive(contact, true)
	w.tick(time.Hour)
	w.settle()
	w.want("the link of the contact", linkOf(w, bridge.Left, contact).State, cache.LinkLive)
	w.want("the counterpart", fieldOf(w, bridge.Right, right, "last_name"), "Gone")
	w.want("tasks", w.tasks(), "[]")
}

// TestCreateWaitsForTheSearch: a create whose answer was lost is not repeated
// while a search may not show the row yet.
func TestCreateWaitsForTheSearch(t *testing.T) {
	for _, applied := range []bool{true, false} {
		w, l, _ := deskPair(t, desk, func(o *bridge.Options) { o.SearchLag = time.Hour })
		rec, _ := w.left.Row(l)
		rec.ID, rec.Version, rec.Updated, rec.Fields["summary"] = "", "", time.Time{}, "only once"
		made := w.left.Put(rec)[0]
		w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpCreate, Err: psa.ErrTimeout, Applied: applied},
			// The row is in no list and found by no search yet.
			psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpFind, Short: true, Times: -1},
			psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, Short: true, Times: -1})
		w.once()
		w.want("state", linkOf(w, bridge.Left, made).State, cache.LinkHalf)
		w.want("creates", w.calls(bridge.Right, psatest.OpCreate), 1)
		w.open()
		for range 3 {
			w.tick(10 * time.Minute)
			w.once()
		}
		w.want("creates before the search is sure", w.calls(bridge.Right, psatest.OpCreate), 1)
		w.want("state", linkOf(w, bridge.Left, made).State, cache.LinkHalf)
		w.right.Heal()
		w.tick(2 * time.Hour)
		w.settle()
		w.want("state", linkOf(w, bridge.Left, made).State, cache.LinkLive)
		w.want("tickets", len(find(w, bridge.Right, psa.KindTicket, "summary", "only once")), 1)
		w.want("tasks", w.tasks(), "[]")
	}
}

func TestChildrenOfADormantParent(t *testing.T) {
	w, l, r := deskPair(t, scopedDesk(t, "{board: [Managed Services]}"))
	w.left.Edit(l, psa.Fields{"board": psatest.RefTo("2", "Internal IT"), "status": psatest.RefTo("6", "In Progress")})
	w.tick(25 * time.Hour) // a list that the PSA filters does not show what left: a sweep does
	w.settle()
	w.want("state", linkOf(w, bridge.Left, l).State, cache.LinkDormant)
	notes := len(w.right.Refs(psa.KindNote))
	w.left.Put(psatest.Row(psa.KindNote, "", psa.Fields{"ticket": psatest.RefTo(l.ID, ""), "text": "out of scope", "visibility": "internal"}))
	w.left.Touch(l)
	w.right.Put(psatest.Row(psa.KindTimeEntry, "", psa.Fields{"ticket": psatest.RefTo(r.ID, ""), "member": psatest.RefTo("1", ""), "hours": 1, "start_at": "2026-03-02T08:00:00Z", "notes": "out of scope"}))
	entries := len(w.left.Refs(psa.KindTimeEntry))
	w.settle()
	w.tick(25 * time.Hour)
	w.settle()
	w.want("notes", len(w.right.Refs(psa.KindNote)), notes)
	w.want("time entries", len(w.left.Refs(psa.KindTimeEntry)), entries)
	w.want("status stays", refOf(w, bridge.Right, r, "board"), "Level I Support")
	w.left.Edit(l, psa.Fields{"board": psatest.RefTo("1", "Managed Services"), "status": psatest.RefTo("2", "In Progress")})
	w.tick(time.Hour)
	w.settle()
	w.want("state", linkOf(w, bridge.Left, l).State, cache.LinkLive)
	w.want("the note follows", len(find(w, bridge.Right, psa.KindNote, "text", "out of scope")), 1)
	w.want("the time entry follows", len(find(w, bridge.Left, psa.KindTimeEntry, "notes", "out of scope")), 1)
	w.want("tasks", w.tasks(), "[]")
}

func TestCatchAllCompany(t *testing.T) {
	w, _, _ := deskPair(t, desk)
	w.right.Put(psatest.Row(psa.KindTicket, "", psa.Fields{"summary": "from nobody we know", "board": psatest.RefTo("2", "Level I Support"), "status": psatest.RefTo("1", "New")}))
	w.settle()
	made := find(w, bridge.Left, psa.KindTicket, "summary", "from nobody we know")
	if len(made) != 1 {
		t.Fatalf("%d tickets: %v", len(made), w.tasks())
	}
	w.want("company", made[0].Fields.Ref("company").ID, "3")
	w.want("board", made[0].Fields.Ref("board").Name, "Managed Services")
	w.want("tasks", w.tasks(), "[]")
}

// TestHeldWithoutRequiredField: without a catch-all the record waits, and goes
// on once it is complete.
func TestHeldWithoutRequiredField(t *testing.T) {
	w, _, _ := deskPair(t, deskWith(t, `, company: {id: "3"}`, ""))
	company := w.peer(bridge.Left, ref(psa.KindCompany, "1"))
	lost := w.right.Put(psatest.Row(psa.KindTicket, "", psa.Fields{"summary": "from nobody we know"}))[0]
	w.settle()
	w.want("tasks", w.types(), "held")
	w.want("tickets", len(find(w, bridge.Left, psa.KindTicket, "summary", "from nobody we know")), 0)
	w.tick(time.Hour)
	w.right.Edit(lost, psa.Fields{"company": psatest.RefTo(company.ID, "")})
	w.settle()
	w.want("tickets", len(find(w, bridge.Left, psa.KindTicket, "summary", "from nobody we know")), 1)
	w.want("tasks", w.tasks(), "[]")
}

// TestFirstRunMatches links what is surely the same, asks about what may be, and
// creates the rest.
func TestFirstRunMatches(t *testing.T) {
	right := psatest.Flat()
	right.Rows = slices.DeleteFunc(slices.Clone(right.Rows), func(r psa.Record) bool { return r.Kind.IsRecord() })
	right.Rows = append(right.Rows,
		psatest.Row(psa.KindCompany, "501", psa.Fields{"name": "Northwind", "identifier": "C101", "phone": "+1 555 0000"}), // by its short name
		psatest.Row(psa.KindCompany, "502", psa.Fields{"name": "contoso limited"}),                                         // by its name, without the legal form
		psatest.Row(psa.KindContact, "601", psa.Fields{"first_name": "Kim", "email": "Kim1@client.example", "company": psatest.RefTo("501", "")}),
		psatest.Row(psa.KindContact, "602", psa.Fields{"first_name": "Lee", "email": "Lee1@client.example", "company": psatest.RefTo("501", "")}),
		psatest.Row(psa.KindContact, "603", psa.Fields{"first_name": "Leo", "email": "Lee1@client.example", "company": psatest.RefTo("501", "")}),
	)
	w := worldOf(t, psatest.Boards(), right, deskWith(t, "match: [{psa: identifier, app: identifier}]", "match: [{psa: identifier, app: identifier}, {psa: name, app: name}]"), people)
	w.settle()
	w.want("by its short name", linkOf(w, bridge.Left, ref(psa.KindCompany, "1")).IDs[bridge.Right], "501")
	w.want("the side that has a value gives it", fieldOf(w, bridge.Right, ref(psa.KindCompany, "501"), "name"), "Northwind")
	w.want("by e-mail", linkOf(w, bridge.Left, ref(psa.KindContact, "10")).IDs[bridge.Right], "601")
	var asked []string
	for task, err := range w.state.Tasks(t.Context(), source, cache.TaskQuery{Types: []string{bridge.TaskMatch}}) {
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, task.Side.String()+" "+string(task.Kind)+" "+task.Record+": "+strings.Join(task.Candidates, " "))
	}
	slices.Sort(asked)
	w.want("asked", strings.Join(asked, "; "), "left company 2: 502; left contact 11: 602 603")
	if _, ok, _ := w.state.LinkOf(t.Context(), source, bridge.Left, ref(psa.KindContact, "11")); ok {
		t.Error("a contact was linked by guess")
	}
	for _, m := range append(w.left.Mails(), w.right.Mails()...) {
		if m.To != psa.NotifyNone {
			t.Errorf("the first run asks for mail about %s", m.Ref)
		}
	}
}

// TestInactiveCounterpart: a ticket is carried without a contact that the other
// side would refuse, and gets it once the contact is active again.
func TestInactiveCounterpart(t *testing.T) {
	w, l, _ := deskPair(t, desk)
	home, _ := w.left.Row(l)
	right := w.peer(bridge.Left, ref(psa.KindContact, home.Fields.Ref("contact").ID)).Ref
	inactive := right.ID
	w.right.AddRule(func(wr psatest.Write) error {
		if id := wr.Set.Ref("contact").ID; id != "" && id == inactive {
			return &psa.Error{Code: psa.ErrInvalid, Detail: "the contact is inactive"}
		}
		return nil
	})
	w.right.SetActive(right, false)
	w.settle()
	home.ID, home.Version, home.Updated, home.Fields["summary"] = "", "", time.Time{}, "carried"
	made := w.left.Put(home)[0]
	w.settle()
	r := w.peer(bridge.Left, made).Ref
	w.want("summary", fieldOf(w, bridge.Right, r, "summary"), "carried")
	w.want("tasks", w.types(), "held")
	inactive = ""
	w.right.SetActive(right, true)
	w.tick(time.Hour)
	w.settle()
	rec, _ := w.right.Row(r)
	w.want("contact", rec.Fields.Ref("contact").ID, right.ID)
	w.want("tasks", w.tasks(), "[]")
}

// TestFirstRunIsResumed: a first list that was cut goes on behind the last
// thousand rows that were dealt with.
func TestFirstRunIsResumed(t *testing.T) {
	t.Parallel()
	const rows = 1500
	yaml, _, _ := strings.Cut(desk, "  note:")
	w := newWorld(t, yaml, people, func(o *bridge.Options) { o.Limits.Creates = -1 })
	w.left.Virtual(psa.KindTicket, rows, func(i int) psa.Fields {
		return psa.Fields{"summary": strconv.Itoa(i), "company": psatest.RefTo("1", ""), "board": psatest.RefTo("1", "Managed Services"), "status": psatest.RefTo("1", "New")}
	})
	w.left.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, After: 1200, Err: psa.ErrUnavailable})
	w.tick(time.Minute)
	if _, err := w.b.Once(t.Context()); !errors.Is(err, bridge.ErrIncomplete) {
		t.Fatalf("the run that is cut: %v", err)
	}
	w.want("tickets so far", len(w.right.Refs(psa.KindTicket)), 1200)
	w.open()
	rep := w.once()
	for _, l := range rep.Lists {
		if l.Kind == psa.KindTicket && l.Side == bridge.Left {
			w.want("rows read, known", [2]int{l.Rows, l.Unchanged}, [2]int{500, 200})
		}
	}
	w.want("tickets", len(w.right.Refs(psa.KindTicket)), rows)
	w.settle()
	w.want("tickets", len(w.right.Refs(psa.KindTicket)), rows)
}

// TestLostState: without its state a bridge finds its own records by their
// markers, and the others by what identifies them.
func TestLostState(t *testing.T) {
	w, l, r := deskPair(t, desk)
	count := func() (n []int) {
		for _, k := range w.b.Kinds() {
			n = append(n, len(w.left.Refs(k)), len(w.right.Refs(k)))
		}
		return n
	}
	before := count()
	w.state = cache.NewMemory()
	w.open()
	w.settle()
	w.want("records", count(), before)
	w.want("the pair", linkOf(w, bridge.Left, l).IDs[bridge.Right], r.ID)
	w.tick(time.Hour)
	w.right.Edit(r, psa.Fields{"summary": "goes on"})
	w.settle()
	w.want("summary", fieldOf(w, bridge.Left, l, "summary"), "goes on")
	w.want("tasks", w.tasks(), "[]")
}

// TestChangedMap: what was held for want of a rule, and a field that had none, go
// on once the map has one, although nobody touched the record.
func TestChangedMap(t *testing.T) {
	w, l, r := deskPair(t, deskWith(t, ", Waiting on Client: Waiting Customer", "", "      po_number: po_number\n", ""))
	w.left.Edit(l, psa.Fields{"status": psatest.RefTo("3", "Waiting on Client")})
	other := ref(psa.KindTicket, "1002")
	w.left.Edit(other, psa.Fields{"po_number": "PO-7"})
	w.settle()
	w.want("po_number", w.peer(bridge.Left, other).Fields["po_number"], nil)
	w.want("status", refOf(w, bridge.Right, r, "status"), "New")
	if !strings.Contains(w.types(), "held") {
		t.Fatalf("tasks: %v", w.tasks())
	}
	m, err := mapping.Parse("map.yaml", []byte(desk), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.opts.Map = m
	w.open()
	w.tick(time.Hour)
	w.settle()
	w.want("status", refOf(w, bridge.Right, r, "status"), "Waiting Customer")
	w.want("po_number", w.peer(bridge.Left, other).Fields["po_number"], "PO-7")
	w.want("tasks", w.tasks(), "[]")
}
