package hostdb_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
)

// A create that is repeated, by the same process or by another one at the same
// time, makes one row and gives everybody that one.
func TestMarkerMakesACreateHappenOnce(t *testing.T) {
	t.Parallel()
	for kind, fields := range samples() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			file := demoFile(t)
			providers := []*hostdb.Provider{openFile(t, file, nil), openFile(t, file, nil)}
			marker := providers[0].Features()[kind].Marker
			fields[marker] = "psasync:7f3a"
			records := make([]psa.Record, 8)
			var wg sync.WaitGroup
			for i := range records {
				wg.Go(func() {
					r, err := providers[i%2].Create(t.Context(), kind, fields, psa.NotifyNone)
					if err != nil {
						t.Error(err)
					}
					records[i] = r
				})
			}
			wg.Wait()
			for _, r := range records {
				if d := cmp.Diff(records[0], r); d != "" {
					t.Errorf("two creates return different rows (-one +other):\n%s", d)
				}
			}
			found := all(t, providers[1].Find(t.Context(), kind, psa.Fields{marker: "psasync:7f3a"}))
			if len(found) != 1 || found[0].Ref != records[0].Ref {
				t.Errorf("%d rows have the marker", len(found))
			}
			// What people made of the row meanwhile is theirs.
			name := map[psa.Kind]string{psa.KindTicket: "summary", psa.KindContact: "first_name", psa.KindNote: "text", psa.KindTimeEntry: "notes"}[kind]
			if name == "" {
				name = "name"
			}
			if _, err := providers[0].Update(t.Context(), records[0].Ref, psa.Patch{Set: psa.Fields{name: "Changed since"}}); err != nil {
				t.Fatal(err)
			}
			again, err := providers[0].Create(t.Context(), kind, fields, psa.NotifyNone)
			if err != nil || again.Ref != records[0].Ref || again.Fields[name] != "Changed since" {
				t.Errorf("a late repetition returns %s, %v, %v", again.Ref, again.Fields[name], err)
			}
		})
	}
}

func TestMarkerOfAnotherRow(t *testing.T) {
	t.Parallel()
	h := open(t)
	one := h.create(psa.KindNote, psa.Fields{"ticket": refTo("1"), "text": "a", "external_ref": "m-1"})
	other := h.create(psa.KindNote, psa.Fields{"ticket": refTo("1"), "text": "b"})
	_, err := h.p.Update(t.Context(), other.Ref, psa.Patch{Set: psa.Fields{"external_ref": "m-1"}})
	is(t, "a marker that another row has", err, psa.ErrConflict)
	if strings.Contains(err.Error(), "m-1") {
		t.Errorf("the error shows the value: %v", err)
	}
	// A deleted row gives its marker back.
	if err := h.p.Delete(t.Context(), one.Ref); err != nil {
		t.Fatal(err)
	}
	if r := h.update(other.Ref, psa.Fields{"external_ref": "m-1"}); r.Fields["external_ref"] != "m-1" {
		t.Errorf("external_ref is %v", r.Fields["external_ref"])
	}
}

// Of many writers that read one version, one gets through.
func TestCompareAndSet(t *testing.T) {
	t.Parallel()
	h := open(t)
	before := h.get(to(psa.KindTicket, "1"))
	var won []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 8 {
		summary := strings.Repeat("x", i+1)
		wg.Go(func() {
			_, err := h.p.Update(t.Context(), before.Ref, psa.Patch{Set: psa.Fields{"summary": summary}, IfVersion: before.Version})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, summary)
			} else {
				is(t, "a writer that came late", err, psa.ErrConflict)
			}
		})
	}
	wg.Wait()
	after := h.get(before.Ref)
	if len(won) != 1 || after.Fields["summary"] != won[0] {
		t.Errorf("%d writers got through: %q; the row says %q", len(won), won, after.Fields["summary"])
	}
}

// Nothing is lost when writers do not look at versions but at other fields.
func TestWritersOfOtherFields(t *testing.T) {
	t.Parallel()
	h := open(t)
	ref := to(psa.KindTicket, "1")
	sets := []psa.Fields{
		{"summary": "Printer on fire"}, {"custom.estimate_minutes": 90}, {"priority": refTo("4")}, {"due_at": "2026-03-05T12:00:00Z"}, {"owner": nil},
	}
	var wg sync.WaitGroup
	for _, set := range sets {
		wg.Go(func() {
			if _, err := h.p.Update(t.Context(), ref, psa.Patch{Set: set}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		if err := h.p.Desk("ben").SetStatus(t.Context(), ref, "Waiting"); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	got := h.get(ref)
	for _, set := range append(sets, psa.Fields{"status.name": "Waiting", "priority.name": "Critical"}) {
		for name, want := range set {
			v, _ := got.Fields.Lookup(name)
			if c, err := psa.Canonical(want); name != "priority" && (err != nil || !psa.ValuesEqual(v, c)) {
				t.Errorf("%s is %v, want %v", name, v, want)
			}
		}
	}
}

// What a row holds already is no change, and bears no stamp of one.
func TestUpdateOfNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, kind := range []psa.Kind{psa.KindCompany, psa.KindTicket, psa.KindTimeEntry} {
		before := h.list(kind, psa.Query{})[0]
		f := psa.Fields{}
		for name, v := range before.Fields {
			if h.p.Features().Takes(kind, name, false) {
				f[name] = v
			}
		}
		if d := cmp.Diff(before, h.update(before.Ref, f)); d != "" {
			t.Errorf("%s (-before +after):\n%s", kind, d)
		}
	}
}

func TestRefusedWrites(t *testing.T) {
	t.Parallel()
	h := open(t)
	ticket := func(f psa.Fields) func() error {
		return func() error {
			_, err := h.p.Update(t.Context(), to(psa.KindTicket, "1"), psa.Patch{Set: f})
			return err
		}
	}
	for _, c := range []struct {
		what string
		do   func() error
		want error
	}{
		{"NUL", ticket(psa.Fields{"summary": "a\x00b"}), psa.ErrInvalid},
		{"no UTF-8", ticket(psa.Fields{"description": "a\xffb"}), psa.ErrInvalid},
		{"number as text", ticket(psa.Fields{"summary": 7}), psa.ErrInvalid},
		{"text as number", ticket(psa.Fields{"custom": psa.Fields{"estimate_minutes": "7"}}), psa.ErrInvalid},
		{"a number beyond all", ticket(psa.Fields{"custom.estimate_minutes": 1e300}), psa.ErrInvalid},
		{"no time", ticket(psa.Fields{"due_at": "tomorrow"}), psa.ErrInvalid},
		{"no form", ticket(psa.Fields{"due_at": struct{}{}}), psa.ErrInvalid},
		{"required to nothing", ticket(psa.Fields{"summary": "  "}), psa.ErrInvalid},
		{"status to nothing", ticket(psa.Fields{"status": nil}), psa.ErrInvalid},
		{"unknown custom field", ticket(psa.Fields{"custom": psa.Fields{"vip": true}}), psa.ErrInvalid},
		{"custom as text", ticket(psa.Fields{"custom": "x"}), psa.ErrInvalid},
		{"reference without id", ticket(psa.Fields{"status": psa.Fields{"name": "Working"}}), psa.ErrInvalid},
		{"reference that is none", ticket(psa.Fields{"status": refTo("1 or 1=1")}), psa.ErrInvalid},
		{"contact that is a mailbox", ticket(psa.Fields{"contact": refTo("5")}), psa.ErrInvalid},
		{"client without its site", ticket(psa.Fields{"company": refTo("2")}), psa.ErrInvalid},
		{"locked", func() error {
			_, err := h.p.Update(t.Context(), to(psa.KindTimeEntry, "1"), psa.Patch{Set: psa.Fields{"hours": 3}})
			return err
		}, psa.ErrInvalid},
		{"delete locked", func() error { return h.p.Delete(t.Context(), to(psa.KindTimeEntry, "1")) }, psa.ErrInvalid},
		{"delete a ticket with locked work", func() error { return h.p.Delete(t.Context(), to(psa.KindTicket, "3")) }, psa.ErrInvalid},
		{"delete a site in use", func() error { return h.p.Delete(t.Context(), to(psa.KindSite, "1")) }, psa.ErrConflict},
		{"move a comment", func() error {
			_, err := h.p.Update(t.Context(), to(psa.KindNote, "1"), psa.Patch{Set: psa.Fields{"ticket": refTo("2")}})
			return err
		}, psa.ErrInvalid},
		{"a task", func() error {
			_, err := h.p.Update(t.Context(), to(psa.KindTicket, "4"), psa.Patch{Set: psa.Fields{"summary": "x"}})
			return err
		}, psa.ErrNotFound},
		{"a comment on a task", func() error {
			_, err := h.p.Create(t.Context(), psa.KindNote, psa.Fields{"ticket": refTo("4"), "text": "x"}, psa.NotifyNone)
			return err
		}, psa.ErrInvalid},
		{"code of another client", func() error {
			_, err := h.p.Create(t.Context(), psa.KindCompany, psa.Fields{"name": "x", "identifier": "ACME"}, psa.NotifyNone)
			return err
		}, psa.ErrConflict},
		{"a status", func() error { return h.p.Delete(t.Context(), to(psa.KindStatus, "1")) }, psa.ErrUnsupported},
	} {
		is(t, c.what, c.do(), c.want)
	}
	want := open(t)
	for _, kind := range h.p.Features().Kinds() {
		if d := cmp.Diff(want.list(kind, psa.Query{}), h.list(kind, psa.Query{})); d != "" {
			t.Errorf("%s: a refused write left something (-before +after):\n%s", kind, d)
		}
	}
}

// The client and its site move together.
func TestGroup(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.update(to(psa.KindTicket, "1"), psa.Fields{"company": refTo("2"), "site": refTo("3"), "contact": nil})
	if r.Fields.Ref("company").Name != "Harbor Foods" || r.Fields.Ref("site").Name != "Quay" || r.Fields["contact"] != nil {
		t.Errorf("got %v, %v, %v", r.Fields["company"], r.Fields["site"], r.Fields["contact"])
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	h := open(t)
	for what, text := range map[string]string{
		"quotes":    `O'Brien "the" \ ` + "`tick`",
		"injection": `'); DROP TABLE tickets; --`,
		"marks":     "? ?1 :name @p $1 %s {}",
		"unicode":   "Łódź – 東京 📬 e\u0301 \u202eabc",
		"null":      "NULL",
		"number":    "007",
	} {
		r := h.create(psa.KindTicket, psa.Fields{"summary": text, "description": text, "company": refTo("1"), "external_ref": text})
		for _, name := range []string{"summary", "description", "external_ref"} {
			if r.Fields[name] != text {
				t.Errorf("%s: %s comes back as %.40q", what, name, r.Fields[name])
			}
		}
		if found := all(t, h.p.Find(t.Context(), psa.KindTicket, psa.Fields{"external_ref": text})); len(found) != 1 || found[0].Ref != r.Ref {
			t.Errorf("%s: %d rows found", what, len(found))
		}
	}
	megabyte := strings.Repeat("0123456789abcdef", 1<<16)
	if r := h.create(psa.KindNote, psa.Fields{"ticket": refTo("1"), "text": megabyte}); r.Fields["text"] != megabyte {
		t.Error("a megabyte comes back different")
	}
}

// An address is one value, custom fields are apart.
func TestObjects(t *testing.T) {
	t.Parallel()
	h := open(t)
	client := h.update(to(psa.KindCompany, "1"), psa.Fields{"address": psa.Fields{"city": "York"}})
	want := psa.Fields{"line1": nil, "line2": nil, "city": "York", "state": nil, "zip": nil, "country": nil}
	if d := cmp.Diff(any(want), client.Fields["address"]); d != "" {
		t.Errorf("an address (-want +got):\n%s", d)
	}
	client = h.update(client.Ref, psa.Fields{"address.zip": "YO1 7HH"})
	want["zip"] = "YO1 7HH"
	if d := cmp.Diff(any(want), client.Fields["address"]); d != "" {
		t.Errorf("one line of it (-want +got):\n%s", d)
	}
	ticket := h.update(to(psa.KindTicket, "1"), psa.Fields{"custom": psa.Fields{"estimate_minutes": 30}})
	want = psa.Fields{"estimate_minutes": num("30"), "site_code": "LDS"}
	if d := cmp.Diff(any(want), ticket.Fields["custom"]); d != "" {
		t.Errorf("one custom field (-want +got):\n%s", d)
	}
	ticket = h.update(ticket.Ref, psa.Fields{"custom": nil})
	want = psa.Fields{"estimate_minutes": nil, "site_code": nil}
	if d := cmp.Diff(any(want), ticket.Fields["custom"]); d != "" {
		t.Errorf("no custom fields (-want +got):\n%s", d)
	}
}

// Whatever is sent and taken, Canonicalise has told what is held.
func TestCanonicaliseTellsTheTruth(t *testing.T) {
	t.Parallel()
	h := open(t)
	text := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.String(), func(s string) any { return s }))
	rapid.Check(t, func(rt *rapid.T) {
		sent := psa.Fields{
			"ticket": refTo("1"), "member": refTo("2"),
			"hours":          rapid.Float64Range(0, 1000).Draw(rt, "hours"),
			"start_at":       time.Unix(rapid.Int64Range(0, 4e9).Draw(rt, "s"), rapid.Int64Range(0, 1e9).Draw(rt, "ns")),
			"notes":          text.Draw(rt, "notes"),
			"internal_notes": text.Draw(rt, "internal_notes"),
			"billable":       rapid.SampledFrom([]string{"yes", "no_charge", "no"}).Draw(rt, "billable"),
			"visibility":     rapid.SampledFrom([]string{"internal", "team", "public"}).Draw(rt, "visibility"),
		}
		want, err := h.p.Canonicalise(psa.KindTimeEntry, sent)
		r, refused := h.p.Create(t.Context(), psa.KindTimeEntry, sent, psa.NotifyNone)
		if err != nil || refused != nil {
			if err == nil || refused == nil {
				rt.Fatalf("Canonicalise says %v, Create %v", err, refused)
			}
			return
		}
		if again, err := h.p.Canonicalise(psa.KindTimeEntry, want); err != nil || !again.Equal(want) {
			rt.Fatalf("twice is not once: %v, then %v, %v", want, again, err)
		}
		for name, v := range want {
			if got := r.Fields[name]; name != "ticket" && name != "member" && !psa.ValuesEqual(got, v) {
				rt.Fatalf("%s: Canonicalise says %v, the row %v", name, v, got)
			}
		}
	})
}

// A program that writes while it lists must not wait for itself.
func TestWriteWhileListing(t *testing.T) {
	t.Parallel()
	_, o := at(morning)
	db := openDB(t, dsn(demoFile(t)))
	db.SetMaxOpenConns(1)
	p, err := hostdb.New(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range p.List(t.Context(), psa.KindTicket, psa.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Update(t.Context(), r.Ref, psa.Patch{Set: psa.Fields{"summary": "Seen"}}); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d tickets, want 3", n)
	}
}
