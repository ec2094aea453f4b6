package endtoend

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

const (
	bulkRows = 100_000
	bulkPage = 1000
)

// bulkVendor serves tickets of some 4.4 KB each, as ConnectWise sends them. It
// makes pages when they are asked for, splits and hashes them as the adapters
// do, and decodes what is not known.
type bulkVendor struct {
	n     int
	head  string
	tail  []byte
	edits map[int]string // summaries by id
	now   time.Time
	shape *rest.Shape

	listed  int // rows handed out, known or not
	decoded int
	gets    int
	cutAt   int // the list fails behind this id; 0: never
}

func newBulkVendor(n int) *bulkVendor {
	var b strings.Builder
	ref := func(name string, id int, text string) {
		fmt.Fprintf(&b, `,%q:{"id":%d,"name":%q,"_info":{"%s_href":"https://api-na.myconnectwise.net/v4_6_release/apis/3.0/service/%s/%d"}}`, name, id, text, name, name, id)
	}
	fmt.Fprintf(&b, `,"recordType":"ServiceTicket","poNumber":"PO-1","contactName":"Kim Park","contactEmailAddress":"kim@client.example","contactPhoneNumber":"+1 555 0101","budgetHours":1.5`)
	for i, name := range []string{"board", "status", "priority", "company", "site", "contact", "team", "owner", "type", "subType", "item", "sla", "location", "department", "source", "serviceLocation", "agreement", "project"} {
		ref(name, i+1, "Name of the "+name)
	}
	b.WriteString(`,"customFields":[`)
	for i := range 5 {
		fmt.Fprintf(&b, `{"id":%d,"caption":"Custom %d","type":"Text","entryMethod":"EntryField","numberOfDecimals":0,"value":"value %d"},`, i+1, i+1, i)
	}
	fmt.Fprintf(&b, `{"id":6,"caption":"Last","value":null}],"initialDescription":%q,"_info":{"lastUpdated":"2026-03-02T08:00:00Z","updatedBy":"asousa"}}`, strings.Repeat("The printer on the second floor does not print. ", 15))
	return &bulkVendor{n: n, head: `{"id":`, tail: []byte(b.String()), edits: map[int]string{}, now: time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC),
		shape: rest.NewShape(rest.ShapeConfig{Salt: "bench", Kind: psa.KindTicket, Deny: []string{"billingAmount"}, Volatile: []string{"lastViewed"}})}
}

func (v *bulkVendor) Name() string { return "bulk" }

func (v *bulkVendor) Features() psa.Features {
	return psa.Features{psa.KindTicket: {Can: psa.CanList | psa.CanGet | psa.CanSince | psa.CanResume, PageSize: bulkPage, Granularity: time.Second}}
}

func (v *bulkVendor) ServerTime(context.Context) (time.Time, error) { return v.now, nil }

func (v *bulkVendor) row(b []byte, id int) []byte {
	b = append(b, v.head...)
	b = strconv.AppendInt(b, int64(id), 10)
	b = append(b, `,"summary":`...)
	if s, ok := v.edits[id]; ok {
		b = strconv.AppendQuote(b, s)
	} else {
		b = append(b, `"Printer offline `...)
		b = strconv.AppendInt(b, int64(id), 10)
		b = append(b, '"')
	}
	return append(b, v.tail...)
}

// page returns up to bulkPage rows behind an id, and the last one's.
func (v *bulkVendor) page(after int) (body []byte, last int) {
	body = append(make([]byte, 0, bulkPage*(len(v.tail)+64)), '[')
	for last = after; last < min(after+bulkPage, v.n); {
		if last > after {
			body = append(body, ',')
		}
		last++
		body = v.row(body, last)
	}
	return append(body, ']'), last
}

func (v *bulkVendor) List(ctx context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		if !q.Since.IsZero() { // what changed
			for id := range v.edits {
				v.listed++
				if !yield(v.decode(v.row(nil, id), psa.Ref{}), nil) {
					return
				}
			}
			return
		}
		listing := rest.Listing{
			Provider: "bulk", Op: "list ticket", Kind: kind, First: q.After, Shape: v.shape, Known: q.Known, Decode: v.decode,
			Page: func(_ context.Context, cursor string) (rest.Page, error) {
				after, _ := strconv.Atoi(cursor) // "" is the first page
				if v.cutAt > 0 && after >= v.cutAt {
					return rest.Page{}, &psa.Error{Provider: "bulk", Op: "list ticket", Code: psa.ErrUnavailable}
				}
				body, last := v.page(after)
				p := rest.Page{Body: body}
				if last < v.n {
					p.Next = strconv.Itoa(last)
				}
				return p, nil
			},
		}
		for r, err := range rest.Records(ctx, listing) {
			if err == nil {
				v.listed++
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (v *bulkVendor) Get(_ context.Context, ref psa.Ref) (psa.Record, error) {
	v.gets++
	id, err := strconv.Atoi(ref.ID)
	if err != nil || id < 1 || id > v.n {
		return psa.Record{}, &psa.Error{Provider: "bulk", Op: "get", Ref: ref, Code: psa.ErrNotFound}
	}
	return v.decode(v.row(nil, id), psa.Ref{}), nil
}

func (v *bulkVendor) decode(raw []byte, _ psa.Ref) psa.Record {
	v.decoded++
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return psa.Record{Err: &psa.Error{Provider: "bulk", Op: "decode", Code: psa.ErrData, Err: err}}
	}
	info, _ := m["_info"].(map[string]any)
	at, _ := time.Parse(time.RFC3339, fmt.Sprint(info["lastUpdated"]))
	if _, ok := v.edits[int(mustInt(m["id"]))]; ok {
		at = v.now
	}
	return psa.Record{
		Ref: psa.Ref{Kind: psa.KindTicket, ID: fmt.Sprint(m["id"])}, Active: true, Updated: at, Hash: v.shape.Hash(raw),
		Fields: psa.Fields{"summary": m["summary"], "po_number": m["poNumber"], "contact_name": m["contactName"], "contact_email": m["contactEmailAddress"],
			"contact_phone": m["contactPhoneNumber"], "budget_hours": m["budgetHours"], "number": fmt.Sprint(m["id"])},
	}
}

func mustInt(x any) int64 {
	n, err := x.(json.Number).Int64()
	if err != nil {
		panic(err)
	}
	return n
}

// bulkHost is a platform that takes tickets and keeps nothing but which ones it
// has; what a ticket holds follows from what it was made of.
type bulkHost struct {
	from    *bulkVendor
	made    []bool // by the id of the source
	edits   map[string]psa.Fields
	creates int
	writes  int
	twice   int
}

func (h *bulkHost) Name() string { return "host" }

func (h *bulkHost) Features() psa.Features {
	return psa.Features{psa.KindTicket: {Can: psa.CanGet | psa.CanCreate | psa.CanUpdate | psa.CanFind, Find: []string{"external_ref"}, Marker: "external_ref", Required: []string{"summary"}}}
}

func (h *bulkHost) List(context.Context, psa.Kind, psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		yield(psa.Record{}, &psa.Error{Provider: "host", Op: "list", Code: psa.ErrUnsupported})
	}
}

func (h *bulkHost) record(source int) psa.Record {
	id := "h" + strconv.Itoa(source)
	r := psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: id}, Active: true}
	if r.Fields = h.edits[id]; r.Fields == nil {
		r.Fields = h.from.decode(h.from.row(nil, source), psa.Ref{}).Fields
		delete(r.Fields, "number")
	}
	return r
}

func (h *bulkHost) Get(_ context.Context, ref psa.Ref) (psa.Record, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(ref.ID, "h"))
	if err != nil || n >= len(h.made) || !h.made[n] {
		return psa.Record{}, &psa.Error{Provider: "host", Op: "get", Ref: ref, Code: psa.ErrNotFound}
	}
	return h.record(n), nil
}

// sourceOf reads the end of a marker.
func sourceOf(marker string) (int, error) {
	return strconv.Atoi(marker[strings.LastIndex(marker, "l")+1:])
}

func (h *bulkHost) Find(_ context.Context, _ psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		if n, err := sourceOf(by.String("external_ref")); err == nil && h.made[n] {
			yield(h.record(n), nil)
		}
	}
}

func (h *bulkHost) Create(_ context.Context, _ psa.Kind, fields psa.Fields, _ psa.Notify) (psa.Record, error) {
	n, err := sourceOf(fields.String("external_ref"))
	if err != nil {
		return psa.Record{}, &psa.Error{Provider: "host", Op: "create", Code: psa.ErrInvalid, Err: err}
	}
	if h.made[n] {
		h.twice++
	}
	h.made[n] = true
	h.creates++
	return psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: "h" + strconv.Itoa(n)}, Active: true, Fields: fields}, nil
}

func (h *bulkHost) Update(_ context.Context, ref psa.Ref, p psa.Patch) (psa.Record, error) {
	r, err := h.Get(context.Background(), ref)
	if err != nil {
		return r, err
	}
	h.writes++
	f := r.Fields.Clone()
	for k, x := range p.Set {
		f[k] = x
	}
	h.edits[ref.ID] = f
	r.Fields = f
	return r, nil
}

const bulkMap = `
version: 1
kinds:
  ticket:
    fields: {summary: summary, po_number: po_number, contact_name: contact_name, contact_email: contact_email, contact_phone: contact_phone, budget_hours: budget_hours}
`

// bulk is a bridge between a vendor and a host over a state in a file.
type bulk struct {
	vendor *bulkVendor
	host   *bulkHost
	state  *countedState
	b      *bridge.Bridge
}

// countedState counts what a bridge asks of a state.
type countedState struct {
	*sqlite.Store
	reads, saves int
}

func (s *countedState) Link(ctx context.Context, source, key string) (cache.Link, bool, error) {
	s.reads++
	return s.Store.Link(ctx, source, key)
}

func (s *countedState) LinkOf(ctx context.Context, source string, side cache.Side, ref psa.Ref) (cache.Link, bool, error) {
	s.reads++
	return s.Store.LinkOf(ctx, source, side, ref)
}

func (s *countedState) Task(ctx context.Context, source, id string) (cache.Task, bool, error) {
	s.reads++
	return s.Store.Task(ctx, source, id)
}

func (s *countedState) Tasks(ctx context.Context, source string, q cache.TaskQuery) iter.Seq2[cache.Task, error] {
	s.reads++
	return s.Store.Tasks(ctx, source, q)
}

func (s *countedState) Links(ctx context.Context, source string, q cache.LinkQuery) iter.Seq2[cache.Link, error] {
	s.reads++
	return s.Store.Links(ctx, source, q)
}

func (s *countedState) Save(ctx context.Context, source string, b cache.StateBatch) error {
	s.saves++
	return s.Store.Save(ctx, source, b)
}

func newBulk(t testing.TB, n int, file string, change func(*bridge.Options)) *bulk {
	t.Helper()
	v := newBulkVendor(n)
	w := &bulk{vendor: v, host: &bulkHost{from: newBulkVendor(n), made: make([]bool, n+1), edits: map[string]psa.Fields{}}}
	w.state = &countedState{Store: bulkFile(t, file)}
	m, err := mapping.Parse("map.yaml", []byte(bulkMap), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := bridge.Options{Source: "bulk", Map: m, Limits: bridge.Limits{Creates: -1}, SweepEvery: time.Nanosecond, Now: func() time.Time { return v.now }}
	if change != nil {
		change(&o)
	}
	if w.b, err = bridge.New(v, w.host, w.state, o); err != nil {
		t.Fatal(err)
	}
	return w
}

func bulkFile(t testing.TB, file string) *sqlite.Store {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		db.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); db.Close() })
	return s
}

// once is a cycle, a minute after the last one.
func (w *bulk) once(t testing.TB) *bridge.Report {
	t.Helper()
	w.vendor.now = w.vendor.now.Add(2 * time.Minute)
	rep, err := w.b.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// naive is the other way: fetch, decode, upsert everything.
type naive struct {
	vendor *bulkVendor
	db     *sql.DB
}

func (n *naive) sync(t testing.TB) {
	t.Helper()
	for after := 0; after < n.vendor.n; {
		body, last := n.vendor.page(after)
		after = last
		var rows []map[string]any
		if err := json.Unmarshal(body, &rows); err != nil {
			t.Fatal(err)
		}
		tx, err := n.db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		put, err := tx.Prepare(`INSERT INTO ticket (id, summary, po_number, contact, hours, data) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET summary = excluded.summary, po_number = excluded.po_number, contact = excluded.contact, hours = excluded.hours, data = excluded.data`)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			data, err := json.Marshal(r["customFields"])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := put.Exec(int64(r["id"].(float64)), r["summary"], r["poNumber"], r["contactName"], r["budgetHours"], data); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(put.Close(), tx.Commit()); err != nil { //nolint:sqlclosecheck // one statement for each transaction of the loop
			t.Fatal(err)
		}
	}
}

// heapPeak samples what lives on the heap, garbage included, until stop.
func heapPeak() (stop func() uint64) {
	done, ended := make(chan struct{}), make(chan struct{})
	var peak atomic.Uint64
	go func() {
		defer close(ended)
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			peak.Store(max(peak.Load(), sample[0].Value.Uint64()))
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return peak.Load()
	}
}

// BenchmarkBridgeBackfill creates 100,000 tickets on a host, with a cut in the
// middle, and measures what lives in memory at most.
func BenchmarkBridgeBackfill(b *testing.B) {
	for b.Loop() {
		file := filepath.Join(b.TempDir(), "state.db")
		w := newBulk(b, bulkRows, file, nil)
		stop := heapPeak()
		w.vendor.cutAt = bulkRows / 2
		if _, err := w.b.Once(b.Context()); !errors.Is(err, psa.ErrUnavailable) {
			b.Fatal(err)
		}
		creates := w.host.creates
		w.vendor.cutAt = 0
		rep := w.once(b)
		b.ReportMetric(float64(stop())/(1<<20), "peak-MiB")
		if w.host.creates != bulkRows || w.host.twice > 0 || len(rep.Failures) > 0 {
			b.Fatalf("%d creates, %d twice", w.host.creates, w.host.twice)
		}
		b.ReportMetric(float64(w.vendor.listed-bulkRows), "rows-read-twice")
		size, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size.Size())/(1<<20), "state-MiB")
		b.ReportMetric(float64(creates), "created-before-the-cut")
		b.ReportMetric(bulkRows/b.Elapsed().Seconds(), "rows/s")
	}
}

// BenchmarkBridgeSweep compares a complete list of 100,000 tickets of which none
// has changed with what a sync without memory does, in turns. The ratio is of
// the fastest turns.
func BenchmarkBridgeSweep(b *testing.B) {
	dir := b.TempDir()
	w := newBulk(b, bulkRows, filepath.Join(dir, "state.db"), nil)
	w.once(b)
	db, err := sql.Open("sqlite", filepath.Join(dir, "naive.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, stmt := range []string{`PRAGMA journal_mode = WAL`, `PRAGMA synchronous = NORMAL`, `CREATE TABLE ticket (id INTEGER PRIMARY KEY, summary TEXT, po_number TEXT, contact TEXT, hours REAL, data BLOB)`} {
		if _, err := db.Exec(stmt); err != nil {
			b.Fatal(err)
		}
	}
	n := &naive{vendor: w.vendor, db: db}
	n.sync(b)
	w.once(b)
	best := [3]time.Duration{math.MaxInt64, math.MaxInt64, math.MaxInt64}
	var peak uint64
	for b.Loop() {
		for range 3 {
			decoded := w.vendor.decoded
			stop := heapPeak()
			began := time.Now()
			rep := w.once(b)
			best[0] = min(best[0], time.Since(began))
			peak = max(peak, stop())
			if rep.Writes() > 0 || w.vendor.decoded > decoded || len(rep.Lists) != 1 || rep.Lists[0].Unchanged != bulkRows {
				b.Fatalf("%d writes, %d rows decoded, %+v", rep.Writes(), w.vendor.decoded-decoded, rep.Lists)
			}
			began = time.Now()
			n.sync(b)
			best[1] = min(best[1], time.Since(began))
			began = time.Now()
			for _, err := range w.vendor.List(b.Context(), psa.KindTicket, psa.Query{Known: psa.KnownFunc(func(psa.Hash) (psa.Ref, bool) { return psa.Ref{ID: "1"}, true })}) {
				if err != nil {
					b.Fatal(err)
				}
			}
			best[2] = min(best[2], time.Since(began))
		}
	}
	b.ReportMetric(float64(best[0].Milliseconds()), "sweep-ms")
	b.ReportMetric(float64(best[1].Milliseconds()), "naive-ms")
	b.ReportMetric(float64(best[2].Milliseconds()), "split+hash-ms")
	b.ReportMetric(float64(best[1])/float64(best[0]), "naive/sweep")
	b.ReportMetric(float64(best[0])/float64(best[2]), "sweep/split+hash")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// BenchmarkBridgeCycle is a cycle of a connection of 10,000 tickets that finds
// nothing, and one that carries one change.
func BenchmarkBridgeCycle(b *testing.B) {
	w := newBulk(b, 10_000, filepath.Join(b.TempDir(), "state.db"), func(o *bridge.Options) { o.SweepEvery = -1 })
	w.once(b)
	w.once(b)
	b.Run("idle", func(b *testing.B) {
		reads, saves := w.state.reads, w.state.saves
		b.ReportAllocs()
		for b.Loop() {
			w.once(b)
		}
		b.ReportMetric(float64(w.state.reads-reads)/float64(b.N), "state-reads")
		b.ReportMetric(float64(w.state.saves-saves)/float64(b.N), "state-saves")
	})
	b.Run("one change", func(b *testing.B) {
		reads, saves, writes, i := w.state.reads, w.state.saves, w.host.writes, 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			w.vendor.edits[77] = fmt.Sprint("edit ", i)
			w.once(b)
		}
		if w.host.writes-writes != i {
			b.Fatalf("%d writes for %d changes", w.host.writes-writes, i)
		}
		b.ReportMetric(float64(w.state.reads-reads)/float64(b.N), "state-reads")
		b.ReportMetric(float64(w.state.saves-saves)/float64(b.N), "state-saves")
	})
}
