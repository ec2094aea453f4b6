package endtoend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/resync"
)

// bridged is the connection's name in the state.
const bridged = "acme/bridge"

// summer is when these tests begin: after everything that the generated
// accounts tell of.
var summer = time.Date(2026, time.July, 1, 9, 0, 0, 0, time.UTC)

// Fault and Request are the same type in all three simulators.
type (
	fault   = connectwisetest.Fault
	request = connectwisetest.Request
	row     = map[string]any
)

// simulator is what the three simulators have in common.
type simulator interface {
	Fail(...fault) []int
	Heal(...int)
	Before(func(*http.Request))
	After(func(*http.Request))
	Deny(method, path string)
	AllowAll()
	Hide(path string, id int)
	Requests() []request
	Strays() []request
	MailSent() int
	Violations() int
	ClearCounters()
}

// table is what people in the PSA do, by the vendor's own keys.
type table interface {
	Add(path string, r row) int
	Update(path string, id int, changes row)
	Get(path string, id int) row
	IDs(path string) []int
	Remove(path string, id int) bool
}

// A bench is one simulated PSA: how it is opened, and what its people do.
type bench struct {
	name string
	sim  simulator
	rows table
	open func() psa.Provider // each with nothing remembered
	// route, if set, leads the requests of providers opened later.
	route func(http.RoundTripper) http.RoundTripper
	yaml  string

	company int               // a client ...
	contact int               // ... and a person there
	member  string            // e-mail of a technician
	closed  string            // the host's word for a status that closes
	path    string            // of tickets, for people
	listed  string            // how tickets are listed, "METHOD path"
	writes  map[string]string // what a ticket is created, changed and noted by: "METHOD path"

	ticket func(summary string) int
	rename func(id int, summary string)
	status func(id int, name string)
	note   func(ticket int, text string, public bool)
	work   func(ticket int, hours float64, text string)
	// texts are all texts that the PSA stores on a ticket, and whether its
	// client reads them.
	texts func(ticket int) map[string]bool
	// worked are the hours on a ticket, entry by entry.
	worked func(ticket int) []float64
}

// A tandem is a PSA and a host with a bridge between them.
type tandem struct {
	*bench
	t     *testing.T
	psa   psa.Provider
	file  string // of the host
	db    *sql.DB
	host  *hostdb.Provider
	state cache.State
	opts  bridge.Options
	b     *watchedBridge
	watch *watch
}

// A vendor makes benches. Accounts of different words have nothing in common:
// neither credentials, nor what is planted, nor what their people write.
type vendor struct {
	name string
	make func(t testing.TB, word string) *bench
}

// open makes the bench of the account that is the same for all tests.
func (v vendor) open(t testing.TB) *bench { return v.make(t, "") }

func psaVendors() []vendor {
	return []vendor{{"connectwise", connectwiseBench}, {"autotask", autotaskBench}, {"halopsa", haloBench}}
}

// hostMap is what the maps of all three vendors share.
const hostMap = `
version: 1
psa: psa
app: helpdesk
kinds:
  company:
    match: [{psa: name, app: name}]
    fields:
      name: name
      website: website
  contact:
    match: [{psa: email, app: email}]
    fields:
      first_name: first_name
      last_name: last_name
      title: title
      email: email
      phone: phone
      company: company
  ticket:
    fields:
      summary: summary
      company: company
      contact: contact
      owner: {app: owner, member: {by: email, unmatched: drop}}
      due_at: due_at
  note:
    fields:
      ticket: ticket
      text: text
      visibility: visibility
  time_entry:
    fields:
      ticket: ticket
      member: {app: member, member: {by: email, unmatched: hold}}
      start_at: start_at
      hours: hours
      notes: notes
      billable: billable
`

// newTandem opens a PSA, an empty host and a bridge that has not run. It is
// called inside a bubble, whose clock it puts into the summer.
func newTandem(t *testing.T, v vendor, change ...func(*bridge.Options)) *tandem {
	t.Helper()
	time.Sleep(time.Until(summer))
	return newTandemOf(t, v.open(t), change...)
}

// newTandemOf is newTandem with an account of its own.
func newTandemOf(t *testing.T, b *bench, change ...func(*bridge.Options)) *tandem {
	t.Helper()
	w := &tandem{t: t, bench: b, file: filepath.Join(t.TempDir(), "host.db"), state: cache.NewMemory()}
	w.watched()
	w.psa = w.bench.open()
	w.db = openFile(t, w.file)
	w.watch.files(t, inHost, w.file)
	w.reopenHost()
	w.hire("tess", "Tess Tech", w.member)
	w.opts = bridge.Options{Source: bridged, Map: w.parse(w.yaml), Policy: bridge.Phase1(bridge.Left), Catalogs: w.catalogs()}
	for _, c := range change {
		c(&w.opts)
	}
	w.restart()
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if m, ok := w.state.(*cache.Memory); ok {
			w.b.everything(ctx)
			w.ok(w.watch.state(ctx, m, bridged))
		}
		w.nobodyReads()
	})
	return w
}

// watched begins to take in what is written.
func (w *tandem) watched() {
	w.watch = newWatch(w.t)
	w.watch.over(w.t, w.sim)
	w.watch.plant(canary.Value{What: "pay at the host", Text: pay, Owner: theHost})
}

// nobodyReads looks at who reads what colleagues wrote for one another, on the
// PSA's side.
func (w *tandem) nobodyReads() {
	var private []canary.Value
	for _, v := range valuesOf(w.sim) {
		if v.Class == canary.Private {
			private = append(private, v)
		}
	}
	s, err := canary.New(append(private, canary.Value{What: "an internal comment of the host", Text: privateMark})...)
	w.ok(err)
	for _, id := range w.rows.IDs(w.path) {
		for _, h := range s.Scan(fmt.Append(nil, w.rows.Get(w.path, id))) {
			w.t.Errorf("ticket %d of the PSA holds %s", id, h)
		}
		for text, public := range w.texts(id) {
			if hits := s.Scan([]byte(text)); public && len(hits) > 0 {
				w.t.Errorf("the client reads %s of ticket %d in the PSA", hits[0], id)
			}
		}
	}
}

// openFile opens a host's database, which is closed before the test ends.
func openFile(t testing.TB, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", hostdb.DSN(file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func (w *tandem) parse(yaml string) *mapping.Map {
	w.t.Helper()
	m, err := parseMap(yaml)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// parseMap reads a vendor's map over that of all vendors.
func parseMap(yaml string) (*mapping.Map, error) {
	base, err := mapping.Parse("host.yaml", []byte(hostMap), nil)
	if err != nil {
		return nil, err
	}
	return mapping.Merge(base, mapping.Source{Name: "vendor.yaml", Data: []byte(yaml)})
}

// catalogs reads both configurations once, as a host does that resyncs now and
// then.
func (w *tandem) catalogs() func(context.Context) (*mapping.Config, error) {
	w.t.Helper()
	cfg, err := configOf(w.t.Context(), w.psa, w.host)
	if err != nil {
		w.t.Fatal(err)
	}
	return func(context.Context) (*mapping.Config, error) { return cfg, nil }
}

func configOf(ctx context.Context, left, right psa.Provider) (*mapping.Config, error) {
	store := cache.NewMemory()
	var snaps [2]*cache.Snapshot
	var members [2][]psa.Record
	for i, p := range []psa.Provider{left, right} {
		name := strconv.Itoa(i)
		err := readInto(ctx, store, name, p)
		if err != nil {
			return nil, err
		}
		if snaps[i], err = store.Current(ctx, name); err != nil {
			return nil, err
		}
		members[i] = slices.Collect(snaps[i].All(psa.KindMember))
	}
	return &mapping.Config{
		Left: snaps[0], Right: snaps[1], LeftMembers: members[0], RightMembers: members[1],
		LeftFeatures: left.Features(), RightFeatures: right.Features(),
	}, nil
}

// readInto reads a system's configuration into a store.
func readInto(ctx context.Context, store cache.Store, name string, p psa.Provider) error {
	s, err := resync.New(p, store, &resync.Options{Source: name})
	if err == nil {
		_, err = s.Run(ctx)
	}
	return err
}

// reopenHost makes a new provider of the host's database.
func (w *tandem) reopenHost() {
	w.t.Helper()
	host, err := hostdb.New(w.t.Context(), w.db, &hostdb.Options{BusyTimeout: 200 * time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	w.host = host
}

// restart makes a new bridge on the same state, as after a crash.
func (w *tandem) restart() {
	w.t.Helper()
	o := w.opts
	o.Observer = func(e bridge.Event) {
		w.watch.value(inEvent, e)
		if w.opts.Observer != nil {
			w.opts.Observer(e)
		}
	}
	b, err := bridge.New(w.psa, w.host, w.state, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.b = &watchedBridge{b, w.watch}
}

// onFile keeps the state in a SQLite file and returns its name.
func (w *tandem) onFile() string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "state.db")
	w.state = w.openState(file)
	w.restart()
	return file
}

// openState opens a state's file, which is closed before the test ends.
func openState(t testing.TB, file string, watch *watch) *sqlite.Store {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.New(t.Context(), db, &sqlite.Options{BusyTimeout: 200 * time.Millisecond, Logger: watch.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	watch.files(t, inState, file)
	return s
}

func (w *tandem) openState(file string) *sqlite.Store {
	w.t.Helper()
	s := openState(w.t, file, w.watch)
	w.t.Cleanup(func() {
		ctx := context.WithoutCancel(w.t.Context())
		w.b.everything(ctx)
		w.ok(w.watch.state(ctx, s, bridged))
	})
	return s
}

// cycle is a run two minutes after the last one.
func (w *tandem) cycle() (*bridge.Report, error) {
	w.t.Helper()
	time.Sleep(2 * time.Minute)
	return w.b.Once(w.t.Context())
}

// once is a cycle that must succeed.
func (w *tandem) once() *bridge.Report {
	w.t.Helper()
	rep, err := w.cycle()
	if err != nil {
		w.t.Fatal(err)
	}
	return rep
}

// settle runs cycles until one writes nothing.
func (w *tandem) settle() {
	w.t.Helper()
	for range 10 {
		if w.once().Writes() == 0 {
			return
		}
	}
	w.t.Fatalf("the bridge does not settle\n%s", strings.Join(w.tasks(), "\n"))
}

// hire adds a technician to the host.
func (w *tandem) hire(login, name, email string) {
	w.t.Helper()
	first, last, _ := strings.Cut(name, " ")
	if _, err := w.host.Desk("setup").Add(w.t.Context(), psa.KindMember, hostdb.Values{"login": login, "first_name": first, "last_name": last, "email": email, "hourly_cost": pay}); err != nil {
		w.t.Fatal(err)
	}
}

// desk is the host's own code, as its technician uses it.
func (w *tandem) desk() *hostdb.Desk { return w.host.Desk("tess") }

func (w *tandem) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// hostTicket opens a ticket at the host for the PSA's client.
func (w *tandem) hostTicket(subject string) psa.Ref {
	w.t.Helper()
	client := w.there(psa.KindCompany, strconv.Itoa(w.company))
	person := w.there(psa.KindContact, strconv.Itoa(w.contact))
	ref, err := w.desk().Add(w.t.Context(), psa.KindTicket, hostdb.Values{
		"client_id": client.ID, "person_id": person.ID, "subject": subject, "details": "It began on Monday.", "due_at": "2026-07-31T17:00:00.000Z",
	})
	w.ok(err)
	return ref
}

func (w *tandem) comment(ticket psa.Ref, text string, public bool) psa.Ref {
	w.t.Helper()
	ref, err := w.desk().Comment(w.t.Context(), ticket, text, public)
	w.ok(err)
	return ref
}

// logged books work that began some hours ago.
func (w *tandem) logged(ticket psa.Ref, took time.Duration, text string) psa.Ref {
	w.t.Helper()
	ref, err := w.desk().LogWork(w.t.Context(), ticket, time.Now().Add(-5*time.Hour).Truncate(time.Minute), took, text)
	w.ok(err)
	return ref
}

// there returns the host's record of one of the PSA's, here that of the host's.
func (w *tandem) there(kind psa.Kind, id string) psa.Ref {
	w.t.Helper()
	return w.across(bridge.Left, psa.Ref{Kind: kind, ID: id})
}

func (w *tandem) here(ref psa.Ref) int {
	w.t.Helper()
	id, err := strconv.Atoi(w.across(bridge.Right, ref).ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *tandem) across(s bridge.Side, ref psa.Ref) psa.Ref {
	w.t.Helper()
	l, ok, err := w.state.LinkOf(w.t.Context(), bridged, s, ref)
	if err != nil || !ok || l.IDs[s.Other()] == "" {
		w.t.Fatalf("%s %s has no counterpart (%v)\n%s", s, ref, err, strings.Join(w.tasks(), "\n"))
	}
	return psa.Ref{Kind: ref.Kind, ID: l.IDs[s.Other()]}
}

// get reads a record of a side.
func (w *tandem) get(p psa.Provider, ref psa.Ref) psa.Record {
	w.t.Helper()
	r, err := p.Get(w.t.Context(), ref)
	if err != nil || r.Err != nil {
		w.t.Fatal(ref, err, r.Err)
	}
	return r
}

func (w *tandem) psaTicket(id int) psa.Record {
	w.t.Helper()
	return w.get(w.psa, psa.Ref{Kind: psa.KindTicket, ID: strconv.Itoa(id)})
}

// list reads all records of a kind.
func (w *tandem) list(p psa.Provider, kind psa.Kind, q psa.Query) (out []psa.Record) {
	w.t.Helper()
	for r, err := range p.List(w.t.Context(), kind, q) {
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// named counts the records of a kind whose field has a value.
func (w *tandem) named(p psa.Provider, kind psa.Kind, field, value string) (n int) {
	w.t.Helper()
	for _, r := range w.list(p, kind, psa.Query{}) {
		if r.Fields.String(field) == value {
			n++
		}
	}
	return n
}

// comments are the host's texts on a ticket, and whether its client reads them.
func (w *tandem) comments(ticket psa.Ref) map[string]bool {
	w.t.Helper()
	out := map[string]bool{}
	for _, r := range w.list(w.host, psa.KindNote, psa.Query{Parent: ticket}) {
		once(out, r.Fields.String("text"), r.Fields.String("visibility") == string(psa.Public))
	}
	return out
}

// hours are those of a ticket's time entries at the host.
func (w *tandem) hours(ticket psa.Ref) (out []float64) {
	w.t.Helper()
	for _, r := range w.list(w.host, psa.KindTimeEntry, psa.Query{Parent: ticket}) {
		h, err := strconv.ParseFloat(fmt.Sprint(r.Fields["hours"]), 64)
		w.ok(err)
		out = append(out, h)
	}
	return out
}

// tasks are what waits, with the reasons.
func (w *tandem) tasks() (out []string) {
	w.t.Helper()
	for t, err := range w.state.Tasks(w.t.Context(), bridged, cache.TaskQuery{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, t.ID+": "+t.Reason)
	}
	return out
}

// waiting are the tasks of a type.
func (w *tandem) waiting(types ...string) (out []cache.Task) {
	w.t.Helper()
	for t, err := range w.state.Tasks(w.t.Context(), bridged, cache.TaskQuery{Types: types}) {
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, t)
	}
	return out
}

func (w *tandem) want(what string, got, want any) {
	w.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s: %v, want %v\n%s", what, got, want, strings.Join(w.tasks(), "\n"))
	}
}
