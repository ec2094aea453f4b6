package endtoend

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestBridgeStory is a week of a PSA and a host with a bridge between them:
// everything that people do on one side arrives on the other, once.
func TestBridgeStory(t *testing.T) {
	for _, v := range psaVendors() {
		for _, file := range []bool{false, true} {
			name := v.name + "/memory"
			if file && v.name != "connectwise" {
				continue
			}
			if file {
				name = v.name + "/sqlite"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { story(newTandem(t, v), file) })
			})
		}
	}
}

func story(w *tandem, file bool) {
	ctx := w.t.Context()
	if file {
		w.onFile()
	}
	w.settle()
	w.want("mails of the backfill", w.sim.MailSent(), 0)
	w.lawful()

	// Tickets on both sides.
	a := w.ticket("Printer jams")
	b := w.hostTicket("Scanner beeps")
	w.settle()
	hostA, psaB := w.there(psa.KindTicket, itoa(a)), w.here(b)
	w.want("summary of a", w.get(w.host, hostA).Fields.String("summary"), "Printer jams")
	w.want("summary of b", w.psaTicket(psaB).Fields.String("summary"), "Scanner beeps")
	w.want("contact of b", w.psaTicket(psaB).Fields.Ref("contact").ID, itoa(w.contact))
	w.want("mails", w.sim.MailSent(), 0)

	// Edits and statuses.
	w.rename(a, "Printer jams on floor 3")
	w.ok(w.desk().Edit(ctx, b, hostdb.Values{"subject": "Scanner beeps twice"}))
	w.ok(w.desk().SetStatus(ctx, b, "Working"))
	w.ok(w.desk().SetPriority(ctx, hostA, "Critical"))
	w.status(a, "In Progress")
	w.settle()
	w.want("summary of a", w.get(w.host, hostA).Fields.String("summary"), "Printer jams on floor 3")
	w.want("status of a", w.get(w.host, hostA).Fields.Ref("status").Name, "Working")
	w.want("summary of b", w.psaTicket(psaB).Fields.String("summary"), "Scanner beeps twice")
	w.want("priority of a", strings.Contains(w.nameOf(psa.KindPriority, w.psaTicket(a).Fields.Ref("priority").ID), "Critical"), true)
	w.want("status of b", w.nameOf(psa.KindStatus, w.psaTicket(psaB).Fields.Ref("status").ID), "In Progress")

	// Notes: internal stays internal, and each is there once.
	notes := map[string]bool{}
	for _, n := range []struct {
		text   string
		public bool
	}{{"We are looking at it", true}, {"The client forgot to pay", false}} {
		w.note(a, n.text, n.public)
		w.comment(hostA, n.text+", says the host", n.public)
		notes[n.text], notes[n.text+", says the host"] = n.public, n.public
	}
	w.comment(b, "Only about b", false)
	w.comment(b, "We wrote to the maker", true)
	w.settle()
	w.told(a, notes)
	w.told(psaB, map[string]bool{"Only about b": false, "We wrote to the maker": true})
	mails := 2 // the PSA tells the client about the host's public notes
	if w.name == "autotask" {
		mails = 0 // by rules of its own only, and this account has none
	}
	w.want("mails in phase 1", w.sim.MailSent(), mails)
	w.lawful()

	// Time, which the PSA shows among its notes: no hour twice, no note of it.
	before := len(w.comments(hostA))
	w.work(a, 1.5, "Cleaned the rollers")
	w.logged(hostA, 45*time.Minute, "Ordered a part")
	w.logged(b, 20*time.Minute, "Called them")
	w.settle()
	w.balanced(a, 0.75, 1.5)
	if h := w.worked(psaB); len(h) != 1 || h[0] < 0.33 || h[0] > 0.34 {
		w.t.Errorf("hours of b: %v", h)
	}
	w.want("notes at the host after time was booked", len(w.comments(hostA)), before)
	w.want("mails after time was booked", w.sim.MailSent(), mails)
	w.lawful()

	// People and clients, who are the PSA's for now.
	person := w.there(psa.KindContact, itoa(w.contact))
	title := func() string {
		return w.get(w.psa, psa.Ref{Kind: psa.KindContact, ID: itoa(w.contact)}).Fields.String("title")
	}
	was := title()
	w.ok(w.desk().Edit(ctx, person, hostdb.Values{"job_title": "Head of office"}))
	client, err := w.desk().Add(ctx, psa.KindCompany, hostdb.Values{"name": "Quill and Sons", "phone": "555-0199", "street": "1 Quay", "city": "Hull"})
	w.ok(err)
	newcomer, err := w.desk().Add(ctx, psa.KindContact, hostdb.Values{"client_id": client.ID, "first_name": "Nia", "last_name": "Quill", "email": "nia@quill.example"})
	w.ok(err)
	if _, err := psa.Update(ctx, w.psa, psa.Ref{Kind: psa.KindCompany, ID: itoa(w.company)}, psa.Patch{Set: psa.Fields{"website": "https://new.example"}}); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
	w.want("title in phase 1", title(), was)
	w.want("title in phase 1 at the host", w.get(w.host, person).Fields.String("title"), was)
	w.want("website", w.get(w.host, w.there(psa.KindCompany, itoa(w.company))).Fields.String("website"), "https://new.example")
	w.want("new person", w.get(w.psa, w.across(bridge.Right, newcomer)).Fields.Ref("company").ID, w.across(bridge.Right, client).ID)
	w.want("companies of that name", w.named(w.psa, psa.KindCompany, "name", "Quill and Sons"), 1)

	// Phase 2: the PSA tells clients nothing any more.
	w.ok(w.b.SetPhase(ctx, "2"))
	w.ok(w.desk().Edit(ctx, person, hostdb.Values{"job_title": "Head of office"}))
	w.comment(hostA, "Your part has arrived", true)
	w.note(a, "See you on Monday", true)
	w.settle()
	w.told(a, map[string]bool{"Your part has arrived": true, "See you on Monday": true})
	w.want("mails in phase 2", w.sim.MailSent(), mails)
	w.want("title in phase 2", title(), "Head of office")

	// The last word is there before the ticket is closed, and so are the hours.
	w.comment(hostA, "All done", false)
	w.logged(hostA, 30*time.Minute, "Fitted the part")
	w.ok(w.desk().SetStatus(ctx, hostA, w.closed))
	log := len(w.sim.Requests())
	w.settle()
	w.want("a is closed", w.psaTicket(a).Fields.Bool("closed"), psa.Yes)
	w.told(a, map[string]bool{"All done": false})
	w.balanced(a, 0.5, 0.75, 1.5)
	lastWord, closing := -1, -1
	for i, r := range w.sim.Requests()[log:] {
		switch {
		case !isWrite(r):
		case strings.Contains(strings.ToLower(r.Path), "note") || strings.Contains(strings.ToLower(r.Path), "time") || strings.HasSuffix(r.Path, "/Actions"):
			lastWord = i
		case strings.Contains(strings.ToLower(r.Path), "/tickets"):
			closing = i
		}
	}
	if lastWord < 0 || closing < lastWord {
		w.t.Errorf("closed at request %d, last word at %d", closing, lastWord)
	}
	w.lawful()

	// Who left is left alone.
	_, err = w.host.Desk("tess").Add(ctx, psa.KindTicket, hostdb.Values{"client_id": client.ID, "subject": "Before she left", "due_at": "2026-07-31T17:00:00.000Z"})
	w.ok(err)
	w.settle()
	w.ok(w.desk().Edit(ctx, newcomer, hostdb.Values{"active": 0}))
	w.settle()
	w.want("contacts of her e-mail", w.named(w.psa, psa.KindContact, "email", "nia@quill.example"), 1)
	w.want("tickets of that summary", w.named(w.psa, psa.KindTicket, "summary", "Before she left"), 1)
	w.lawful()
	w.want("mails in the end", w.sim.MailSent(), mails)
	mine, err := w.desk().Mails(ctx)
	w.ok(err)
	w.want("mails of the host's own people", mine, 3) // none that the bridge made
	if n := w.sim.Violations(); n > 0 {
		w.t.Errorf("%d violations of the vendor's limits", n)
	}
}

// nameOf is what the PSA calls a row of its configuration.
func (w *tandem) nameOf(kind psa.Kind, id string) string {
	w.t.Helper()
	cfg, err := w.opts.Catalogs(w.t.Context())
	w.ok(err)
	for _, o := range cfg.Left.Options(kind, "") {
		if o.ID == id {
			return o.Name
		}
	}
	for _, r := range w.list(w.psa, kind, psa.Query{}) {
		if r.ID == id {
			return r.Name()
		}
	}
	return fmt.Sprintf("%s %s is unknown", kind, id)
}

// TestBridgeConflicts lets both sides change the same, under three strategies.
func TestBridgeConflicts(t *testing.T) {
	strategies := []struct {
		name  string
		by    conflict.Strategy
		left  string // what the PSA ends with
		right string
		tasks int
	}{
		{"psa wins", conflict.PreferLeft, "said here", "said here", 0},
		{"host wins", conflict.PreferRight, "said there", "said there", 0},
		{"a person decides", nil, "said here", "said there", 1},
	}
	for n, v := range psaVendors() {
		for i, s := range strategies {
			if s.tasks == 0 && i == n {
				continue
			}
			t.Run(v.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newTandem(t, v, func(o *bridge.Options) { o.Policy.Strategy = s.by })
					w.settle()
					w.want("writes to the PSA by the backfill", writesOf(w.sim.Requests()), 0)
					w.want("conflicts of the backfill", len(w.waiting(bridge.TaskConflict)), 0)
					a := w.ticket("Printer jams")
					w.settle()
					there := w.there(psa.KindTicket, itoa(a))
					w.rename(a, "said here")
					w.ok(w.desk().Edit(t.Context(), there, hostdb.Values{"subject": "said there"}))
					w.settle()
					summaries := func() [2]string {
						return [2]string{w.psaTicket(a).Fields.String("summary"), w.get(w.host, there).Fields.String("summary")}
					}
					w.want("summaries", summaries(), [2]string{s.left, s.right})
					open := w.waiting(bridge.TaskConflict)
					w.want("conflicts", len(open), s.tasks)
					if len(open) > 0 {
						w.ok(w.b.Resolve(t.Context(), open[0].ID, bridge.Answer{Action: bridge.AnswerTake, Side: "right", Actor: "tess"}))
						w.settle()
						w.want("after the answer", summaries(), [2]string{"said there", "said there"})
						w.want("conflicts", len(w.waiting(bridge.TaskConflict)), 0)
					}
					w.lawful()
				})
			})
		}
	}
}
