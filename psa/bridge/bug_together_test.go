package bridge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// A write that gets no answer is given up before the lease ends, so that none
// arrives while another process is at work.
func TestWritesEndBeforeTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l, r := pair(t, basic)
		for _, op := range []psatest.Op{psatest.OpUpdate, psatest.OpCreate} {
			w.right.Fail(psatest.Fault{Op: op, Hang: true})
			w.left.Edit(l, psa.Fields{"po_number": "by " + string(op)})
			w.left.Put(psatest.Row(psa.KindNote, "", psa.Fields{"text": "by " + string(op), "ticket": psatest.RefTo(l.ID, ""), "visibility": "internal"}))
			w.left.Touch(l)
			began := time.Now()
			w.once()
			if took := time.Since(began); took == 0 || took >= 2*time.Minute {
				t.Errorf("the %s ended after %v", op, took)
			}
			w.tick(time.Hour)
			w.settle()
			w.want("po_number", fieldOf(w, bridge.Right, r, "po_number"), "by "+string(op))
			w.want("notes", len(find(w, bridge.Right, psa.KindNote, "text", "by "+string(op))), 1)
			w.want("tasks", w.tasks(), "[]")
		}
	})
}

// The stamp of a write of the bridge does not make an old edit a new one.
func TestNoMailForAnOldEditAfterAWrite(t *testing.T) {
	w, l, r := pair(t, basic, func(o *bridge.Options) {
		o.LiveWindow = time.Hour
		o.Policy.Notify = func(bridge.Change) psa.Notify { return psa.NotifyContact }
	})
	w.tick(time.Hour)
	w.left.Edit(l, psa.Fields{"summary": "of the left"})
	w.right.Edit(r, psa.Fields{"po_number": "of the right"})
	mails := len(w.left.Mails()) + len(w.right.Mails())
	w.tick(3 * time.Hour)
	w.settle()
	w.want("summary", fieldOf(w, bridge.Right, r, "summary"), "of the left")
	w.want("po_number", fieldOf(w, bridge.Left, l, "po_number"), "of the right")
	for _, m := range append(w.left.Mails(), w.right.Mails()...)[mails:] {
		if m.To != psa.NotifyNone {
			t.Errorf("mail about %s", m.Ref)
		}
	}
}

// A clock that is set back does not end the time that a search needs to find
// what was created.
func TestClockSetBackWhileACreateIsOpen(t *testing.T) {
	for _, both := range []bool{false, true} {
		w, l, _ := deskPair(t, desk, func(o *bridge.Options) { o.SearchLag = time.Hour })
		rec, _ := w.left.Row(l)
		rec.ID, rec.Version, rec.Updated, rec.Fields["summary"] = "", "", time.Time{}, "only once"
		made := w.left.Put(rec)[0]
		w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpCreate, Err: psa.ErrTimeout, Applied: true},
			psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpFind, Short: true, Times: -1},
			psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, Short: true, Times: -1})
		w.once()
		w.right.Advance(-20 * time.Minute)
		if both {
			w.left.Advance(-20 * time.Minute)
		}
		for range 4 {
			w.tick(10 * time.Minute)
			w.once()
		}
		w.want("creates", w.calls(bridge.Right, psatest.OpCreate), 1)
		w.right.Heal()
		w.tick(2 * time.Hour)
		w.settle()
		w.want("state", linkOf(w, bridge.Left, made).State, cache.LinkLive)
		w.want("tickets", len(find(w, bridge.Right, psa.KindTicket, "summary", "only once")), 1)
		w.want("tasks", w.tasks(), "[]")
	}
}

// A link sleeps as long as one of its records takes no part, whatever happens to
// the other one.
func TestBothRecordsHaveToTakePart(t *testing.T) {
	w, l, _ := deskPair(t, desk)
	home, _ := w.left.Row(l)
	left := ref(psa.KindContact, home.Fields.Ref("contact").ID)
	right := w.peer(bridge.Left, left).Ref
	was := fieldOf(w, bridge.Left, left, "first_name")
	state := func() string { l := linkOf(w, bridge.Left, left); return string(l.State) + " " + l.Reason }
	w.right.SetActive(right, false)
	w.settle()
	w.want("state", state(), "dormant inactive on the right side")
	w.right.Edit(right, psa.Fields{"first_name": "Right"})
	w.left.Edit(left, psa.Fields{"last_name": "Left"})
	w.settle()
	w.want("the left one was edited", state(), "dormant inactive on the right side")
	w.left.SetActive(left, false)
	w.settle()
	w.right.SetActive(right, true)
	w.settle()
	w.want("the right one is back", state(), "dormant inactive on the left side")
	w.want("first name", fieldOf(w, bridge.Left, left, "first_name"), was)
	w.left.SetActive(left, true)
	w.settle()
	w.want("both are back", state(), cache.LinkLive+" ")
	w.want("first name", fieldOf(w, bridge.Left, left, "first_name"), "Right")
	w.want("last name", fieldOf(w, bridge.Right, right, "last_name"), "Left")
	w.want("tasks", w.tasks(), "[]")
}

// What the other side did while a link slept is carried also if the first try fails.
func TestWokenAfterAFailure(t *testing.T) {
	w, l, _ := deskPair(t, desk)
	home, _ := w.left.Row(l)
	left := ref(psa.KindContact, home.Fields.Ref("contact").ID)
	right := w.peer(bridge.Left, left).Ref
	w.right.SetActive(right, false)
	w.settle()
	w.left.Edit(left, psa.Fields{"last_name": "Left"})
	w.settle()
	w.right.SetActive(right, true)
	w.left.Fail(psatest.Fault{Kind: psa.KindContact, Op: psatest.OpGet, Err: psa.ErrTimeout})
	w.once()
	w.tick(time.Hour)
	w.settle()
	w.want("last name", fieldOf(w, bridge.Right, right, "last_name"), "Left")
	w.want("tasks", w.tasks(), "[]")
}

// What happened to the counterpart of a deleted record is carried to the restored
// one also if the first try fails.
func TestRestoredAfterAFailure(t *testing.T) {
	w, l, r := deskPair(t, desk)
	rec, _ := w.left.Row(l)
	w.left.Remove(l)
	w.tick(time.Hour)
	w.settle()
	w.want("state", linkOf(w, bridge.Right, r).State, cache.LinkGone)
	w.right.Edit(r, psa.Fields{"po_number": "meanwhile"})
	w.settle()
	rec.Updated = time.Time{}
	w.left.Put(rec)
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpGet, Err: psa.ErrTimeout})
	w.once()
	w.tick(time.Hour)
	w.settle()
	w.want("left po_number", fieldOf(w, bridge.Left, l, "po_number"), "meanwhile")
	w.want("tasks", w.tasks(), "[]")
}

// A ticket that was closed on the right while it slept is closed on the left once
// that one is back, with what else was changed.
func TestClosedWhileItSlept(t *testing.T) {
	w, l, r := deskPair(t, scopedDesk(t, "{board: [Managed Services]}"))
	home, _ := w.left.Row(l)
	w.left.Edit(l, psa.Fields{"board": psatest.RefTo("2", "Internal IT"), "status": psatest.RefTo("6", "In Progress")})
	w.tick(25 * time.Hour)
	w.settle()
	w.want("state", linkOf(w, bridge.Left, l).State, cache.LinkDormant)
	complete, ok := w.opts.RightCatalog.Find(psa.KindStatus, "", "Complete")
	if !ok {
		t.Fatal("there is no status Complete")
	}
	w.right.Edit(r, psa.Fields{"status": psatest.RefTo(complete.ID, "Complete"), "po_number": "meanwhile"})
	w.settle()
	w.left.Edit(l, psa.Fields{"board": home.Fields["board"], "status": home.Fields["status"]})
	w.tick(time.Hour)
	w.settle()
	w.want("status", refOf(w, bridge.Left, l, "status"), "Closed")
	w.want("po_number", fieldOf(w, bridge.Left, l, "po_number"), "meanwhile")
	w.want("tasks", w.tasks(), "[]")
}

// What a side refused is settled with the whole group, though only one of its
// fields is edited after that.
func TestGroupAfterARefusal(t *testing.T) {
	yaml := strings.NewReplacer("      summary: summary\n", "      summary: {app: summary, owner: app}\n",
		"  note:\n", "    groups: [[summary, po_number]]\n  note:\n").Replace(basic)
	w, l, r := pair(t, yaml)
	w.right.Edit(r, psa.Fields{"po_number": "PO-1"})
	w.settle()
	was, _ := w.right.Row(r)
	w.left.Edit(l, psa.Fields{"summary": "mine", "po_number": "mine, too"})
	w.left.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpUpdate, Err: psa.ErrInvalid})
	w.settle()
	w.want("tasks", w.types(), "refused")
	w.want("summary meanwhile", fieldOf(w, bridge.Left, l, "summary"), "mine")
	w.left.Edit(l, psa.Fields{"summary": "once more"})
	w.settle()
	for _, s := range []bridge.Side{bridge.Left, bridge.Right} {
		rec := map[bridge.Side]psa.Ref{bridge.Left: l, bridge.Right: r}[s]
		w.want(s.String()+" summary", fieldOf(w, s, rec, "summary"), was.Fields["summary"])
		w.want(s.String()+" po_number", fieldOf(w, s, rec, "po_number"), was.Fields["po_number"])
	}
	w.want("tasks", w.tasks(), "[]")
}

// A status that somebody gives a ticket which was created open, before anybody
// knows that it was created, is that person's edit.
func TestStatusOfALostCreate(t *testing.T) {
	w, l, _ := deskPair(t, desk)
	status := func(s bridge.Side, name string) psa.Fields {
		cat := w.opts.LeftCatalog
		if s == bridge.Right {
			cat = w.opts.RightCatalog
		}
		for _, o := range cat.Options(psa.KindStatus, "") {
			if o.Name == name {
				return psatest.RefTo(o.ID, name)
			}
		}
		t.Fatalf("there is no status %s", name)
		return nil
	}
	rec, _ := w.left.Row(l)
	rec.ID, rec.Version, rec.Updated, rec.Fields["summary"] = "", "", time.Time{}, "only once"
	rec.Fields["status"] = status(bridge.Left, "Closed")
	made := w.left.Put(rec)[0]
	w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpCreate, Err: psa.ErrTimeout, Applied: true},
		psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpFind, Short: true, Times: -1},
		psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpList, Short: true, Times: -1})
	w.once()
	w.right.Heal()
	there := find(w, bridge.Right, psa.KindTicket, "summary", "only once")[0].Ref
	w.want("status of the new one", refOf(w, bridge.Right, there, "status"), "New")
	w.right.Edit(there, psa.Fields{"status": status(bridge.Right, "Waiting Customer")})
	w.left.Edit(made, psa.Fields{"status": status(bridge.Left, "In Progress")})
	w.tick(time.Hour)
	w.settle()
	w.want("status", refOf(w, bridge.Right, there, "status"), "Waiting Customer")
	w.want("tasks", w.types(), "conflict")
}

// A create under a record that cannot be seen is not repeated, since nobody can
// see either whether it has happened.
func TestLostCreateUnderAHiddenParent(t *testing.T) {
	w, r, made, notes := lostNote(t)
	w.right.Fail(psatest.Fault{Kind: psa.KindNote, Op: psatest.OpList, Times: 4, Err: psa.ErrNotFound})
	for range 4 {
		w.tick(5 * time.Minute)
		w.once()
	}
	w.want("notes while the ticket is hidden", notes(), 1)
	w.right.Heal()
	w.right.Touch(r)
	w.tick(3 * time.Hour)
	w.settle()
	w.want("notes", notes(), 1)
	w.want("the copy", w.peer(bridge.Left, made).Fields["text"], "only once")
	w.want("tasks", w.tasks(), "[]")
}

// A busy is a state that cannot save once somebody says so.
type busy struct {
	*cache.Memory
	after int // saves that still succeed
}

func (s *busy) Save(ctx context.Context, source string, b cache.StateBatch) error {
	if s.after--; s.after < 0 {
		return cache.ErrBusy
	}
	return s.Memory.Save(ctx, source, b)
}

// A create that was refused is remembered, wherever the run ends after that.
func TestCutAfterARefusedCreate(t *testing.T) {
	for _, class := range []error{psa.ErrInvalid, psa.ErrAuth, psa.ErrNotFound} {
		for saves := range 12 {
			w, l, _ := pair(t, basic, func(o *bridge.Options) { o.SearchLag = 2 * time.Hour })
			rec, _ := w.left.Row(l)
			rec.ID, rec.Version, rec.Updated, rec.Fields["summary"] = "", "", time.Time{}, "refused once"
			w.left.Put(rec)
			w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpCreate, Err: psa.ErrTimeout})
			for range 2 { // nothing but the link tells of it after that
				w.once()
				w.tick(90 * time.Minute)
			}
			w.right.Fail(psatest.Fault{Kind: psa.KindTicket, Op: psatest.OpCreate, Err: class})
			b, err := bridge.New(w.left, w.right, &busy{w.state, saves}, w.opts)
			if err != nil {
				t.Fatal(err)
			}
			w.tick(2 * time.Minute)
			_, _ = b.Once(t.Context()) // cut by the state
			w.right.Heal()
			w.open()
			w.tick(3 * time.Hour)
			w.settle()
			if strings.Contains(w.types(), bridge.TaskHeld) {
				answerAll(w, bridge.TaskHeld, cache.Answer{Action: bridge.AnswerRetry, Actor: "me"})
				w.settle()
			}
			w.want(fmt.Sprintf("%v, cut after %d saves", class, saves), len(find(w, bridge.Right, psa.KindTicket, "summary", "refused once")), 1)
		}
	}
}
