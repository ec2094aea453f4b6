package endtoend

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// at runs a test at one vendor, or at all without a name.
func at(t *testing.T, name string, test func(t *testing.T, v vendor)) {
	t.Helper()
	for _, v := range psaVendors() {
		if name != "" && v.name != name {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, v) })
		})
	}
}

// later lets an hour pass, in which what is missing is asked for again.
func (w *tandem) later() {
	w.t.Helper()
	for range 4 {
		time.Sleep(20 * time.Minute)
		w.once()
	}
	w.settle()
}

// TestBridgeAsksAboutDeletions: a ticket that is gone on one side is kept on the
// other until a person says what is to become of it, and never comes back by
// itself.
func TestBridgeAsksAboutDeletions(t *testing.T) {
	at(t, "", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		rows := func() (n [2]int) {
			return [2]int{w.named(w.psa, psa.KindTicket, "summary", "a"), w.named(w.host, psa.KindTicket, "summary", "b")}
		}
		var back func()
		switch s := w.rows.(type) {
		case *halopsatest.Tenant:
			s.DeleteTicket(d.a)
		case *autotasktest.Tenant:
			s.Delete("/Tickets", d.a, 29682886)
		default:
			r := w.rows.Get("/service/tickets", d.a)
			w.rows.Remove("/service/tickets", d.a)
			back = func() { delete(r, "_info"); w.rows.Add("/service/tickets", r) }
		}
		w.ok(w.desk().Delete(t.Context(), d.b))
		time.Sleep(25 * time.Hour) // the sweep finds what no list of deletions has
		w.later()
		w.want("rows", rows(), [2]int{0, 0})
		w.want("the other one of a", w.named(w.host, psa.KindTicket, "summary", "a"), 1)
		w.want("the other one of b", w.named(w.psa, psa.KindTicket, "summary", "b"), 1)
		w.want("questions", len(w.waiting(bridge.TaskDeleted)), 2)
		time.Sleep(25 * time.Hour)
		w.later()
		w.want("rows a day later", rows(), [2]int{0, 0})
		if back != nil { // undeleted
			back()
			w.later()
			w.want("rows after a came back", rows(), [2]int{1, 0})
			w.want("questions", len(w.waiting(bridge.TaskDeleted)), 1)
		}
		for _, task := range w.waiting(bridge.TaskDeleted) {
			w.ok(w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerKeep, Actor: "tess"}))
		}
		w.later()
		w.want("questions", len(w.waiting(bridge.TaskDeleted)), 0)
		w.want("rows in the end", w.named(w.psa, psa.KindTicket, "summary", "b"), 1)
		w.quiet()
		w.paired()
	})
}

// TestBridgeMergedTickets: the loser of a merge takes no part any more and is
// not made again; the winner goes on.
func TestBridgeMergedTickets(t *testing.T) {
	at(t, "halopsa", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		w.rows.(*halopsatest.Tenant).MergeTicket(d.a, d.psaB)
		time.Sleep(25 * time.Hour)
		w.later()
		w.rename(d.psaB, "the winner")
		w.later()
		w.want("the winner", w.get(w.host, d.b).Fields.String("summary"), "the winner")
		w.want("the loser at the host", w.named(w.host, psa.KindTicket, "summary", "a"), 1)
		w.quiet()
		w.paired()
	})
	at(t, "autotask", func(t *testing.T, v vendor) { // merged at the host
		w := newTandem(t, v)
		d := newDay(w)
		w.ok(w.desk().Merge(t.Context(), d.hostA, d.b))
		time.Sleep(25 * time.Hour)
		w.later()
		w.want("questions", len(w.waiting(bridge.TaskDeleted)), 1)
		w.want("the loser at the PSA", w.named(w.psa, psa.KindTicket, "summary", "a"), 1)
		w.want("the winners", w.named(w.psa, psa.KindTicket, "summary", "b"), 1)
		w.want("the loser at the host", w.named(w.host, psa.KindTicket, "summary", "a"), 0)
		w.quiet()
		w.paired()
	})
}

// TestBridgeRightRemoved hides rows from the API, which looks like a deletion
// and is none.
func TestBridgeRightRemoved(t *testing.T) {
	at(t, "", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		w.sim.Hide(w.path, d.a)
		time.Sleep(25 * time.Hour)
		w.later()
		w.want("a at the host", w.named(w.host, psa.KindTicket, "summary", "a"), 1)
		w.want("questions", len(w.waiting(bridge.TaskDeleted)), 1)
		w.ok(w.desk().Edit(t.Context(), d.b, hostdb.Values{"subject": "b goes on"}))
		w.later()
		w.want("b", w.psaTicket(d.psaB).Fields.String("summary"), "b goes on")
		w.sim.AllowAll()
		w.rename(d.a, "a is back")
		w.later()
		w.want("a", w.get(w.host, d.hostA).Fields.String("summary"), "a is back")
		d.resting()
		w.lawful()
	})
}

// TestBridgeRefusals: what the PSA does not take waits for a person, with the
// reason; it is not sent again and again, and the rest goes on.
func TestBridgeRefusals(t *testing.T) {
	at(t, "", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		body := `{"code":"InvalidObject","message":"ticket object is invalid","errors":[{"code":"InvalidField","message":"not today","resource":"ticket","field":"summary"}]}`
		status := http.StatusBadRequest
		if v.name == "autotask" { // says so with a 500
			status, body = http.StatusInternalServerError, `{"errors":["not today"]}`
		}
		for _, on := range []string{"create", "update", "note"} {
			w.sim.Fail(everywhere(route(w.writes[on], fault{Status: status, Body: body})))
		}
		d.work()
		for range 6 {
			time.Sleep(20 * time.Minute)
			w.once()
		}
		writes := writesOf(w.sim.Requests())
		for range 6 {
			time.Sleep(time.Hour)
			w.once()
		}
		w.want("refused writes that were sent again", writesOf(w.sim.Requests()), writes)
		refused := w.waiting(bridge.TaskRefused, bridge.TaskHeld)
		if len(refused) < 4+len(d.idle) { // an edit, a ticket, two notes
			t.Errorf("%d tasks\n%s", len(refused), strings.Join(w.tasks(), "\n"))
		}
		for _, task := range refused {
			if task.Reason == "" {
				t.Errorf("%s has no reason", task.ID)
			}
		}
		w.want("edits of the others", w.get(w.host, d.b).Fields.String("summary"), "b, edited here")
		w.want("new ones of the others", w.named(w.host, psa.KindTicket, "summary", "opened here"), 1)
		w.sim.Heal()
		for _, task := range refused {
			if !slices.Contains(d.idle, task.ID) {
				w.ok(w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerRetry, Actor: "tess"}))
			}
		}
		d.heal()
		d.arrived()
		d.resting()
	})
}

// TestBridgeRules: a rule of the PSA that replaces what it is sent is told, once,
// and the two sides do not answer each other for ever.
func TestBridgeRules(t *testing.T) {
	at(t, "", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		w.sim.After(func(r *http.Request) {
			// A rule that shouts, at every write to the ticket.
			if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "query") && !strings.Contains(r.URL.Path, "token") {
				go w.rename(d.a, "SHOUTED")
			}
		})
		w.ok(w.desk().Edit(t.Context(), d.hostA, hostdb.Values{"subject": "said"}))
		for range 5 {
			w.once()
		}
		before := writesOf(w.sim.Requests())
		for range 5 {
			time.Sleep(20 * time.Minute)
			w.once()
		}
		w.want("writes once the rule has spoken", writesOf(w.sim.Requests())-before, 0)
		w.want("what the PSA says", w.psaTicket(d.a).Fields.String("summary"), "SHOUTED")
		w.quiet()
	})
}

// TestBridgeLockedTime: billed hours stay as they were billed.
func TestBridgeLockedTime(t *testing.T) {
	at(t, "connectwise", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		d.tandem.work(d.a, 1.5, "Cleaned")
		w.settle()
		var entry int
		for _, id := range w.rows.IDs("/time/entries") {
			if same(w.rows.Get("/time/entries", id)["chargeToId"], d.a) {
				entry = id
			}
		}
		w.rows.Update("/time/entries", entry, row{"status": "Billed"})
		w.settle()
		there := w.there(psa.KindTimeEntry, itoa(entry))
		w.ok(w.desk().Edit(t.Context(), there, hostdb.Values{"minutes": 600}))
		before := writesOf(w.sim.Requests())
		w.settle()
		w.later()
		w.want("writes to the billed entry", writesOf(w.sim.Requests())-before, 0)
		w.balanced(d.a, 1.5)
		w.lawful()
	})
}

// TestBridgeInactiveContact: a ticket of a person who has left the PSA arrives,
// and so does all else.
func TestBridgeInactiveContact(t *testing.T) {
	at(t, "", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		ref := psa.Ref{Kind: psa.KindContact, ID: itoa(w.contact)}
		w.ok(psa.Delete(t.Context(), w.psa, ref)) // deactivates
		w.hostTicket("of one who left")
		w.settle()
		w.later()
		d.work()
		d.heal()
		w.want("tickets of that summary", w.named(w.psa, psa.KindTicket, "summary", "of one who left"), 1)
		d.arrived()
		w.want("active", w.get(w.psa, ref).Active, false)
	})
}

// TestBridgeRefusesAnotherAccount: the same address, another account: nothing is
// written on either side.
func TestBridgeRefusesAnotherAccount(t *testing.T) {
	at(t, "", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		d.work()
		var back func()
		switch s := w.sim.(type) {
		case *connectwisetest.Server:
			was := s.Credentials().Company
			s.SetCompany("othermsp")
			back = func() { s.SetCompany(was) }
		case *autotasktest.Server:
			s.SetInstance(41999)
			back = func() { s.SetInstance(41001) }
		case *halopsatest.Server:
			was := s.Credentials().Tenant
			s.SetTenantID("other")
			back = func() { s.SetTenantID(was) }
		}
		w.psa = w.bench.open()
		w.restart()
		before := writesOf(w.sim.Requests())
		_, err := w.cycle()
		if !errors.Is(err, psa.ErrOtherInstance) || psa.Advice(err) == "" {
			t.Errorf("%v, want %v", err, psa.ErrOtherInstance)
		}
		w.want("writes", writesOf(w.sim.Requests())-before, 0)
		back()
		w.psa = w.bench.open()
		w.restart()
		d.heal()
		d.arrived()
		d.resting()
	})
}

// TestBridgePaused: a paused connection does nothing, and catches up.
func TestBridgePaused(t *testing.T) {
	at(t, "", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		w.ok(w.b.Pause(t.Context(), "on holiday"))
		d.work()
		before := len(w.sim.Requests())
		if _, err := w.cycle(); !errors.Is(err, bridge.ErrPaused) || !strings.Contains(err.Error(), "on holiday") {
			t.Errorf("%v, want %v", err, bridge.ErrPaused)
		}
		w.want("requests", len(w.sim.Requests()), before)
		time.Sleep(48 * time.Hour)
		w.ok(w.b.Resume(t.Context()))
		d.heal()
		d.arrived()
		d.resting()
	})
}

// TestBridgeClocks lets the bridge's clock, or the host's, be wrong.
func TestBridgeClocks(t *testing.T) {
	for i, skew := range []time.Duration{-9 * time.Minute, 9 * time.Minute} {
		for n, whose := range []string{"bridge", "host"} {
			t.Run(whose+"/"+skew.String(), func(t *testing.T) {
				at(t, psaVendors()[(2*i+n)%3].name, func(t *testing.T, v vendor) {
					wrong := func() time.Time { return time.Now().Add(skew) }
					w := newTandem(t, v, func(o *bridge.Options) {
						if whose == "bridge" {
							o.Now = wrong
						}
					})
					if whose == "host" {
						host, err := hostdb.New(t.Context(), w.db, &hostdb.Options{Now: wrong})
						w.ok(err)
						w.host = host
						w.restart()
					}
					d := newDay(w)
					d.work()
					d.heal()
					d.arrived()
					d.resting()
				})
			})
		}
	}
}

// TestBridgeMapChanged gives the bridge another field map while people work.
func TestBridgeMapChanged(t *testing.T) {
	at(t, "", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		d.work()
		w.opts.Map = w.parse(strings.Replace(w.yaml, "  contact:\n", "  contact:\n    fields: {mobile: mobile, title: ~}\n", 1))
		w.restart()
		person := w.there(psa.KindContact, itoa(w.contact))
		w.ok(w.b.SetPhase(t.Context(), "2"))
		w.ok(w.desk().Edit(t.Context(), person, hostdb.Values{"mobile": "07700900123", "job_title": "stays here"}))
		d.heal()
		d.arrived()
		d.resting()
		mobile := w.get(w.psa, psa.Ref{Kind: psa.KindContact, ID: itoa(w.contact)}).Fields
		w.want("mobile", mobile.String("mobile"), "07700900123")
		w.want("title", mobile.String("title") == "stays here", false)
	})
}

// TestBridgeStatusRemoved: a value that the PSA does not offer any more is held,
// with a reason, and goes once it is offered again.
func TestBridgeStatusRemoved(t *testing.T) {
	at(t, "autotask", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		rows := w.rows.(*autotasktest.Tenant)
		var gone autotasktest.PicklistValue
		for _, p := range rows.Picklist("Tickets", "status") {
			if p.Label == "Waiting Customer" {
				gone = p
			}
		}
		rows.RemovePicklistValue("Tickets", "status", gone.Value)
		w.opts.Catalogs = w.catalogs()
		w.restart()
		w.ok(w.desk().SetStatus(t.Context(), d.b, "Waiting"))
		d.work()
		d.heal()
		d.arrived()
		held := w.waiting(bridge.TaskHeld)
		w.want("held", len(held) > 0 && strings.Contains(strings.Join(w.tasks(), "\n"), "Waiting Customer"), true)
		rows.AddPicklistValue("Tickets", "status", gone)
		w.opts.Catalogs = w.catalogs()
		w.restart()
		for _, task := range held {
			if strings.Contains(task.Reason, "Waiting Customer") {
				w.ok(w.b.Resolve(t.Context(), task.ID, bridge.Answer{Action: bridge.AnswerRetry, Actor: "tess"}))
			}
		}
		d.heal()
		w.want("status", w.nameOf(psa.KindStatus, w.psaTicket(d.psaB).Fields.Ref("status").ID), "Waiting Customer")
		d.resting()
	})
}

// A laggard is a ConnectWise whose searches and reads run behind its writes.
type laggard struct {
	*connectwise.Provider
	lag time.Duration
	old map[psa.Ref]psa.Record
}

// Find knows nothing of what was made within the lag.
func (l *laggard) Find(ctx context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		for r, err := range l.Provider.Find(ctx, kind, by) {
			if err == nil && time.Since(created(r)) < l.lag {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func created(r psa.Record) time.Time {
	at, err := time.Parse(time.RFC3339, r.Fields.String("created_at"))
	if err != nil {
		return time.Time{}
	}
	return at
}

// Get tells what was there before the last write, for a while.
func (l *laggard) Get(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	r, err := l.Provider.Get(ctx, ref)
	if err != nil {
		return r, err
	}
	if was, ok := l.old[ref]; ok && time.Since(r.Updated) < l.lag {
		return was, nil
	}
	l.old[ref] = r
	return r, nil
}

// TestBridgeLag loses the answer to a create where searches and reads run a
// minute behind.
func TestBridgeLag(t *testing.T) {
	at(t, "connectwise", func(t *testing.T, v vendor) {
		w := newTandem(t, v)
		d := newDay(w)
		w.psa = &laggard{w.psa.(*connectwise.Provider), 50 * time.Second, map[psa.Ref]psa.Record{}}
		w.restart()
		d.work()
		w.sim.Fail(route(w.writes["create"], fault{Drop: true, Apply: true}))
		for range 8 {
			time.Sleep(20 * time.Second)
			if _, err := w.b.Once(t.Context()); err != nil {
				t.Log(err)
			}
		}
		d.heal()
		d.arrived()
		d.resting()
	})
}
