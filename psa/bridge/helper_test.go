package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

const source = "acme/bridge"

// A world is two systems, a state and a bridge between them.
type world struct {
	t           testing.TB
	left, right *psatest.Provider
	state       *cache.Memory
	opts        bridge.Options
	b           *bridge.Bridge
	watch       *watch
}

// basic is a field map of all kinds.
const basic = `
version: 1
psa: boards
app: flat
kinds:
  company:
    match: [{psa: identifier, app: identifier}]
    fields: {name: name, identifier: identifier, phone: phone, website: website}
  contact:
    match: [{psa: email, app: email}]
    fields: {first_name: first_name, last_name: last_name, email: email, title: title, company: company}
  ticket:
    create: {app: {status: New}, psa: {board: Help Desk, status: New}}
    fields:
      summary: summary
      company: company
      contact: contact
      po_number: po_number
      contact_name: contact_name
      number: {app: external_ref}
  note:
    fields: {text: text, ticket: ticket, visibility: {app: visibility}}
`

// config is the state of the systems' configuration.
func config(t testing.TB, left, right psa.Provider) (l, r *cache.Snapshot) {
	t.Helper()
	store := cache.NewMemory()
	for i, p := range []psa.Provider{left, right} {
		s, err := resync.New(p, store, &resync.Options{Source: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	l, err := store.Current(t.Context(), "0")
	if err != nil {
		t.Fatal(err)
	}
	r, err = store.Current(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	return l, r
}

// newWorld makes a world whose right side has no records.
func newWorld(t testing.TB, yaml string, change ...func(*bridge.Options)) *world {
	t.Helper()
	right := psatest.Flat()
	right.Rows = slices.DeleteFunc(slices.Clone(right.Rows), func(r psa.Record) bool { return r.Kind.IsRecord() })
	return worldOf(t, psatest.Boards(), right, yaml, change...)
}

func worldOf(t testing.TB, left, right psatest.Tenant, yaml string, change ...func(*bridge.Options)) *world {
	t.Helper()
	left.Instance, right.Instance = psa.Instance{ID: "left"}, psa.Instance{ID: "right"}
	w := &world{t: t, left: psatest.NewProvider(left.WithPageSize(100)), right: psatest.NewProvider(right.WithPageSize(100)), state: cache.NewMemory()}
	m, err := mapping.Parse("map.yaml", []byte(yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, r := config(t, w.left, w.right)
	w.opts = bridge.Options{Source: source, Map: m, LeftCatalog: l, RightCatalog: r, Now: w.left.Now}
	for _, c := range change {
		c(&w.opts)
	}
	w.watched(left, right)
	w.open()
	return w
}

// open makes a new bridge on the same state, as after a crash.
func (w *world) open() {
	w.t.Helper()
	o := w.opts
	o.Observer = func(e bridge.Event) {
		w.hear(e, nil)
		if w.opts.Observer != nil {
			w.opts.Observer(e)
		}
	}
	b, err := bridge.New(w.left, w.right, w.state, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.b = b
}

func (w *world) tick(d time.Duration) {
	w.left.Advance(d)
	w.right.Advance(d)
}

// once is a cycle that must succeed, two minutes after the last one.
func (w *world) once() *bridge.Report {
	w.t.Helper()
	w.tick(2 * time.Minute)
	rep, err := w.b.Once(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.hear(rep, rep.WriteText(&w.watch.told))
	return rep
}

// settle runs cycles until one writes nothing.
func (w *world) settle() {
	w.t.Helper()
	for range 10 {
		if w.once().Writes() == 0 {
			return
		}
	}
	w.t.Fatal("the bridge does not settle")
}

func (w *world) side(s bridge.Side) *psatest.Provider {
	if s == bridge.Left {
		return w.left
	}
	return w.right
}

// peer is the counterpart of a record.
func (w *world) peer(s bridge.Side, ref psa.Ref) psa.Record {
	w.t.Helper()
	l, ok, err := w.state.LinkOf(w.t.Context(), source, s, ref)
	if err != nil || !ok {
		w.t.Fatalf("%s %s has no link (%v)", s, ref, err)
	}
	rec, ok := w.side(s.Other()).Row(psa.Ref{Kind: ref.Kind, ID: l.IDs[s.Other()]})
	if !ok {
		w.t.Fatalf("the counterpart of %s %s is not there", s, ref)
	}
	return rec
}

func (w *world) tasks() []string {
	w.t.Helper()
	var out []string
	for t, err := range w.state.Tasks(w.t.Context(), source, cache.TaskQuery{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, t.ID+": "+t.Reason)
	}
	return out
}

func (w *world) want(what string, got, want any) {
	w.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s: %v, want %v\n%s", what, got, want, strings.Join(w.tasks(), "\n"))
	}
}

func ref(kind psa.Kind, id string) psa.Ref { return psa.Ref{Kind: kind, ID: id} }
