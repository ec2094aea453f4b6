package bridge_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

func (w *world) status() *bridge.Status {
	w.t.Helper()
	s, err := w.b.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestPauseAndResume(t *testing.T) {
	w := newWorld(t, basic)
	w.must(w.b.Pause(t.Context(), "a person looks at it"))
	if _, err := w.b.Once(t.Context()); !errors.Is(err, bridge.ErrPaused) || !strings.Contains(err.Error(), "a person looks at it") {
		t.Fatalf("error %v", err)
	}
	w.want("paused", w.status().Paused, "a person looks at it")
	w.must(w.b.Resume(t.Context()))
	w.must(w.b.Pause(t.Context(), "no tickets yet", psa.KindTicket, psa.KindNote))
	w.once()
	w.want("tickets", len(w.right.Refs(psa.KindTicket)), 0)
	w.want("companies", len(w.right.Refs(psa.KindCompany)), 3)
	w.want("kinds", w.status().PausedKinds, map[psa.Kind]string{psa.KindTicket: "no tickets yet", psa.KindNote: "no tickets yet"})
	w.must(w.b.Resume(t.Context()))
	w.want("resuming the connection leaves kinds", len(w.status().PausedKinds), 2)
	w.must(w.b.Resume(t.Context(), psa.KindTicket))
	w.once()
	w.want("tickets", len(w.right.Refs(psa.KindTicket)), 4)
	w.want("notes", len(w.right.Refs(psa.KindNote)), 0)
	for _, err := range []error{w.b.Pause(t.Context(), "", psa.KindAgreement), w.b.Resume(t.Context(), psa.KindAgreement)} {
		if !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), "company, contact, ticket, note") {
			t.Errorf("error %v", err)
		}
	}
}

func TestStatus(t *testing.T) {
	w, _, _, _ := clash(t)
	w.must(w.b.SetPhase(t.Context(), "1"))
	w.must(w.b.SetPhase(t.Context(), "2", "1"))
	s := w.status()
	w.want("accounts", s.Accounts, [2]string{"left", "right"})
	w.want("phase", s.Phase, "1")
	w.want("companies", s.Companies, map[string]string{"1": "2"})
	w.want("tasks", s.Tasks, map[string]int{bridge.TaskConflict: 1})
	w.want("kinds", len(s.Kinds), 4)
	w.want("links", s.Kinds[2].Links, map[string]int{"live": 4})
	w.want("changed", s.MapChanged, true)
	if s.Kinds[0].Cursors[bridge.Left].Since.IsZero() {
		t.Error("no cursor")
	}
	w.once()
	w.want("changed", w.status().MapChanged, false)
	text := s.String()
	for _, want := range []string{source + ": running\n", "Phase: phase 1\n", "company #1: phase 2", "ticket: 4 live", "1 conflict"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// A phase decides what waits, undoes what was tolerated, and creates what did
// not flow: for the companies that it is set for.
func TestSetPhaseLooksAgain(t *testing.T) {
	w := newWorld(t, basic, func(o *bridge.Options) {
		o.Phases = bridge.Phases(bridge.Left)
		o.Phases["left wins"] = bridge.Policy{Owners: []bridge.Owner{{Side: bridge.Left}}}
		o.Phases["off"] = bridge.PSAReadOnly(bridge.Left)
	})
	w.settle()
	one, two := ref(psa.KindTicket, "1001"), ref(psa.KindTicket, "1002") // of the companies 1 and 2
	w.tick(2 * time.Minute)
	for _, l := range []psa.Ref{one, two} {
		w.left.Edit(l, psa.Fields{"summary": "left"})
		w.right.Edit(w.peer(bridge.Left, l).Ref, psa.Fields{"summary": "right"})
	}
	w.once()
	w.want("conflicts", w.status().Tasks[bridge.TaskConflict], 2)
	w.must(w.b.SetPhase(t.Context(), "left wins", "1"))
	w.once()
	w.want("one", w.peer(bridge.Left, one).Fields.String("summary"), "left")
	w.want("two", w.peer(bridge.Left, two).Fields.String("summary"), "right")
	w.want("conflicts", w.status().Tasks[bridge.TaskConflict], 1)

	w.must(w.b.SetPhase(t.Context(), "off"))
	w.must(w.b.SetPhase(t.Context(), "", "1"))
	w.left.Edit(one, psa.Fields{"po_number": "held back"})
	made := w.left.Put(psatest.Row(psa.KindCompany, "", psa.Fields{"name": "New", "identifier": "new"}))[0]
	w.settle()
	if got := w.peer(bridge.Left, one).Fields.String("po_number"); got == "held back" {
		t.Error("a phase without any flow let an edit through")
	}
	w.must(w.b.SetPhase(t.Context(), "left wins"))
	w.settle()
	w.want("edit", w.peer(bridge.Left, one).Fields.String("po_number"), "held back")
	w.want("new", w.peer(bridge.Left, made).Fields.String("name"), "New")
}

func TestSetPhaseRefuses(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	before := w.dump()
	if err := w.b.SetPhase(t.Context(), "4"); !errors.Is(err, psa.ErrInvalid) || !strings.Contains(err.Error(), "it is one of 1, 2, 3, 3-read-only") {
		t.Errorf("error %v", err)
	}
	if err := w.b.SetPhase(t.Context(), "1", "1", "77"); !errors.Is(err, psa.ErrNotFound) || !strings.Contains(err.Error(), `"77"`) {
		t.Errorf("error %v", err)
	}
	if _, err := w.b.PhaseOf(t.Context(), "77"); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("error %v", err)
	}
	if w.dump() != before {
		t.Error("something was stored")
	}
}

func TestPhaseOf(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	w.must(w.b.SetPhase(t.Context(), "1"))
	w.must(w.b.SetPhase(t.Context(), "2", "2"))
	for company, want := range map[string]string{"": "1", "1": "1", "2": "2"} {
		got, err := w.b.PhaseOf(t.Context(), company)
		w.must(err)
		w.want("phase of "+company, got, want)
	}
}

// staff is a map with time entries, whose members are matched by e-mail.
const staff = `
version: 1
psa: boards
app: flat
kinds:
  company: {fields: {name: name, identifier: identifier}}
  ticket:
    create: {app: {status: New}}
    fields: {summary: summary, company: company}
  time_entry:
    fields:
      ticket: ticket
      start_at: start_at
      hours: hours
      notes: notes
      member: {app: member, member: {by: email, unmatched: hold}}
`

func TestReadiness(t *testing.T) {
	member := func(id, name, mail string) psa.Record {
		return psa.Record{Ref: ref(psa.KindMember, id), Active: true, Fields: psa.Fields{"name": name, "email": mail}}
	}
	w := newWorld(t, staff, func(o *bridge.Options) {
		o.LeftMembers = []psa.Record{member("1", "Ana Sousa", "ana@acme.example"), member("2", "Bram Visser", "bram@acme.example")}
		o.RightMembers = []psa.Record{member("2", "Bram Visser", "bram@acme.example")}
	})
	ready := func(companies ...string) *bridge.ReadinessReport {
		t.Helper()
		w.left.ResetCalls()
		w.right.ResetCalls()
		before := w.dump()
		rep, err := w.b.Readiness(t.Context(), companies...)
		w.must(err)
		if w.dump() != before || len(writes(w.left))+len(writes(w.right)) > 0 {
			t.Fatal("readiness wrote something")
		}
		return rep
	}
	rep := ready()
	w.want("ready before the first run", rep.Ready, false)
	w.want("never read", strings.Contains(rep.String(), "ticket was never read completely on the right side"), true)
	w.settle()
	rep = ready()
	w.want("ready", rep.Ready, false)
	w.want("technicians", rep.Technicians, []bridge.Technician{{Side: bridge.Left, ID: "1", Name: "Ana Sousa", Entries: 4, Hours: 3}})
	w.want("companies", len(rep.Companies), 4)
	text := rep.String()
	for _, want := range []string{
		`"Ana Sousa" #1 of the left side has no counterpart: 3.00 hours in 90 days`,
		`left "Ana Sousa" #1: 3.00 hours in 4 time entries; nobody stands in`, `"Contoso Ltd" #2: phase of the options`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	w.want("plan tells", strings.Contains(strings.Join(w.plan().Notes, "\n"), "1 member of the left side without a counterpart for time_entry.member: Ana Sousa"), true)
	rep = ready("2")
	w.want("hours of company 2", rep.Technicians[0].Hours, 0.75)
	w.want("companies", len(rep.Companies), 1)
	w.want("name", rep.Companies[0].Name, "Contoso Ltd")
	if _, err := w.b.Readiness(t.Context(), "77"); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("error %v", err)
	}
	w.must(w.b.Pause(t.Context(), "why", psa.KindTicket))
	w.want("paused", strings.Contains(ready().String(), "the kind ticket is paused: why"), true)
}

func TestReadinessCountsByCompany(t *testing.T) {
	w, _, _, _ := clash(t)
	rep, err := w.b.Readiness(t.Context())
	w.must(err)
	w.want("ready", rep.Ready, false)
	for _, c := range rep.Companies {
		want := 0
		if c.ID == "1" {
			want = 1
		}
		w.want("conflicts of company "+c.ID, c.Tasks[bridge.TaskConflict], want)
	}
	rep, err = w.b.Readiness(t.Context(), "2")
	w.must(err)
	for _, why := range rep.Blockers {
		if !strings.HasPrefix(why, "the field map has ") {
			t.Errorf("company 2: %s", why)
		}
	}
}

func TestReady(t *testing.T) {
	w := newWorld(t, "version: 1\nkinds: {company: {fields: {name: name, identifier: identifier}}}\n")
	w.settle()
	rep, err := w.b.Readiness(t.Context(), "1")
	w.must(err)
	w.want("ready", rep.Ready, true)
	w.want("text", rep.String(), "acme/bridge: ready for the next phase\n\nCompanies\n  \"Northwind Traders\" #1: phase of the options, 1 link\n")
}

func TestDisconnect(t *testing.T) {
	w, _, _, _ := clash(t)
	w.left.Edit(ref(psa.KindCompany, "1"), psa.Fields{"phone": "the last edit"})
	w.tick(2 * time.Minute)
	rep, err := w.b.Disconnect(t.Context())
	w.must(err)
	w.want("last edit", w.peer(bridge.Left, ref(psa.KindCompany, "1")).Fields.String("phone"), "the last edit")
	w.want("last run", rep.Last.Updated, [2]int{0, 1})
	w.want("left", rep.Left.Tasks, map[string]int{bridge.TaskConflict: 1})
	w.want("text", strings.Contains(rep.String(), "1 changed on the right side"), true)
	if _, err := w.b.Once(t.Context()); !errors.Is(err, bridge.ErrPaused) {
		t.Errorf("error %v", err)
	}
	if err := w.b.Resume(t.Context()); !errors.Is(err, bridge.ErrPaused) {
		t.Errorf("error %v", err)
	}
}

// A system that is gone does not keep anybody from leaving.
func TestDisconnectFromABrokenSystem(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	w.left.Refuse("", psa.ErrAuth)
	rep, err := w.b.Disconnect(t.Context())
	w.must(err)
	w.want("error", strings.Contains(rep.Error, psa.ErrAuth.Error()), true)
	w.want("disconnected", w.status().Disconnected != "", true)
}

func TestLinksGoToAnotherState(t *testing.T) {
	w := newWorld(t, basic)
	w.settle()
	w.left.SetActive(ref(psa.KindContact, "11"), false)
	w.settle()
	var b bytes.Buffer
	w.must(w.b.WriteLinks(t.Context(), &b))
	csv := b.String()
	w.want("dormant", strings.Contains(csv, ",dormant\n"), true)
	records := map[psa.Kind]int{}
	for _, k := range w.b.Kinds() {
		records[k] = len(w.right.Refs(k))
	}

	w.state = cache.NewMemory()
	w.opts.Source = "acme/again"
	w.open()
	n, err := w.b.ReadLinks(t.Context(), strings.NewReader("\ufeff"+csv))
	w.must(err)
	w.want("links", n, strings.Count(csv, "\n")-1)
	for range 3 {
		w.once()
	}
	for _, k := range w.b.Kinds() {
		w.want(string(k)+" on the right side", len(w.right.Refs(k)), records[k])
	}
	n, err = w.b.ReadLinks(t.Context(), strings.NewReader(csv))
	w.must(err)
	w.want("new the second time", n, 0)
	b.Reset()
	w.must(w.b.WriteLinks(t.Context(), &b))
	w.want("links", b.String(), csv)
}

func TestReadLinksRefuses(t *testing.T) {
	const head = "left_id,right_id,kind,since,state\n"
	w := newWorld(t, basic)
	w.settle()
	one := w.peer(bridge.Left, ref(psa.KindTicket, "1001")).ID
	for _, c := range []struct {
		name, csv string
		want      []string
	}{
		{"empty", "", []string{"the file is empty"}},
		{"no head", "1,2,ticket,2026-03-02T08:00:00Z,live\n", []string{"line 1: the first line is left_id,right_id,kind,since,state"}},
		{"columns", head + "1,2\n", []string{"line 2: 2 columns, not 5"}},
		{"id", head + ",2,ticket,2026-03-02T08:00:00Z,live\n", []string{"line 2: an id is missing"}},
		{"kind", head + "1,2,agreement,2026-03-02T08:00:00Z,live\n", []string{`line 2: kind "agreement"`, "company, contact, ticket, note"}},
		{"since", head + "1,2,ticket,yesterday,live\n", []string{`line 2: since "yesterday"`}},
		{"year", head + "1,2,ticket,0001-01-01T00:00:00+01:00,live\n", []string{`line 2: since "0001-01-01T00:00:00+01:00"`}},
		{"not UTF-8", head + "M\xfcller,2,ticket,2026-03-02T08:00:00Z,live\n", []string{"line 2: an id is not UTF-8"}},
		{"state", head + "1,2,ticket,2026-03-02T08:00:00Z,half\n", []string{`line 2: state "half"`}},
		{"quote", head + "\"1,2\n", []string{"line 2"}},
		{"all of them", head + "1,2\n\n3\n", []string{"line 2: ", "line 4: "}},
		{"twice", head + "77,78,ticket,2026-03-02T08:00:00Z,live\n77,79,ticket,2026-03-02T08:00:00Z,live\n", []string{"line 3: ticket 77 of the left side stands on line 2, too"}},
		{"contradicts", head + "77,78,ticket,2026-03-02T08:00:00Z,live\n1001,99,ticket,2026-03-02T08:00:00Z,live\n", []string{"line 3: ticket 1001 of the left side is linked with " + one}},
		{"contradicts on the right", head + "77," + one + ",ticket,2026-03-02T08:00:00Z,live\n", []string{"line 2: ticket " + one + " of the right side is linked with 1001"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.dump()
			n, err := w.b.ReadLinks(t.Context(), strings.NewReader(c.csv))
			if n != 0 || !errors.Is(err, psa.ErrInvalid) {
				t.Fatalf("%d, %v", n, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if w.dump() != before {
				t.Error("something was stored")
			}
		})
	}
}

// Ids survive the file, and none of them is a formula in a spreadsheet.
func TestPropertyLinksSurviveTheFile(t *testing.T) {
	w := newWorld(t, basic)
	rapid.Check(t, func(rt *rapid.T) {
		open := func() (*bridge.Bridge, *cache.Memory) {
			st := cache.NewMemory()
			b, err := bridge.New(w.left, w.right, st, w.opts)
			if err != nil {
				rt.Fatal(err)
			}
			return b, st
		}
		from, st := open()
		id := rapid.StringMatching(`[-=+@' ",;a-z0-9\t\n]{0,3}[a-z0-9]`)
		l := cache.Link{Key: "k", Kind: psa.KindTicket, IDs: [2]string{id.Draw(rt, "left"), id.Draw(rt, "right")}, Since: w.left.Now()}
		if err := st.Save(t.Context(), source, cache.StateBatch{Links: []cache.Link{l}}); err != nil {
			rt.Fatal(err)
		}
		var b bytes.Buffer
		if err := from.WriteLinks(t.Context(), &b); err != nil {
			rt.Fatal(err)
		}
		cell := strings.TrimPrefix(strings.SplitN(b.String(), "\n", 2)[1], `"`)
		if strings.ContainsRune("=+-@\t\n", rune(cell[0])) {
			rt.Fatalf("a formula: %q", cell)
		}
		to, st := open()
		if _, err := to.ReadLinks(t.Context(), &b); err != nil {
			rt.Fatal(err)
		}
		if got, ok, err := st.LinkOf(t.Context(), source, bridge.Left, ref(psa.KindTicket, l.IDs[0])); !ok || err != nil || got.IDs != l.IDs {
			rt.Fatalf("%q became %q (%v)", l.IDs, got.IDs, err)
		}
	})
}
