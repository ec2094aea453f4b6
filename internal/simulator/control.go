package simulator

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

// Target is a vendor's simulator as the control page sees it.
type Target interface {
	Name() string // vendor, such as ConnectWise PSA
	Core() *Core
	Settings() map[string]string    // credentials and base paths to show
	Set(key, value string) error    // changes one of them, such as a key
	Hide(path string, id int) error // makes one row invisible
	AllowAll()                      // gives everything back
	// Edit changes data that the vendor has no call for, past all rules: id 0
	// adds a row, a nil row removes one. It returns the row's id.
	Edit(path string, id int, row map[string]any) (int, error)
	Reset() // starts again with the first data; log, mail and faults too
}

// Control serves the page and the JSON calls below /_sim/:
//
//	GET  /_sim/                 the page, which documents the calls
//	GET  /_sim/state            clock, latency, limit, counters, rights, faults
//	GET  /_sim/requests?last=N  the request log
//	GET  /_sim/mail             mail that would have been sent
//	POST /_sim/clock            {"set":"2026-06-01T08:00:00Z"} or {"advance":"1h"}
//	POST /_sim/latency          {"latency":"300ms"}
//	POST /_sim/limit            {"requests":1000,"window":"1m","hard":false,"inFlight":0}
//	POST /_sim/rights           {"deny":{"method":"GET","path":"/x/*"}}, {"hide":{"path":"/x","id":1}} or {"allowAll":true}
//	POST /_sim/faults           {"path":"/x/**","status":500,"count":3, ...}, see the page
//	POST /_sim/faults/clear     {"id":1}, or {} for all
//	POST /_sim/rows             {"path":"/x","id":0,"row":{...}}; "row":null removes
//	POST /_sim/settings         {"key":"...","value":"..."}
//	POST /_sim/reset            {}
//
// It must be served on loopback only and inside [Guard].
func Control(t Target) http.Handler {
	c := &control{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/{$}", c.page)
	mux.HandleFunc("GET /_sim/state", func(w http.ResponseWriter, _ *http.Request) { reply(w, c.state()) })
	mux.HandleFunc("GET /_sim/requests", c.requests)
	mux.HandleFunc("GET /_sim/mail", func(w http.ResponseWriter, _ *http.Request) { reply(w, notNil(t.Core().Mailbox.All())) })
	for path, f := range map[string]func(*http.Request) (any, error){
		"clock": c.clock, "latency": c.latency, "limit": c.limit, "rights": c.rights, "faults": c.fault, "faults/clear": c.heal,
		"rows": c.rows, "settings": c.settings, "reset": c.reset,
	} {
		mux.HandleFunc("POST /_sim/"+path, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r)
			if err != nil {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // fails only when the client has left
				return
			}
			reply(w, v)
		})
	}
	return mux
}

type control struct{ t Target }

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func reply(w http.ResponseWriter, v any) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(raw, '\n')) // fails only when the client has left
}

// read decodes the body of a call and refuses unknown keys.
func read(r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

// State is what /_sim/state answers.
type State struct {
	Vendor   string            `json:"vendor"`
	Clock    time.Time         `json:"clock"`
	Offset   string            `json:"offset"`
	Latency  string            `json:"latency"`
	Limit    limitSpec         `json:"limit"`
	Requests int               `json:"requests"`
	Mail     int               `json:"mail"`
	Gauge    Gauge             `json:"gauge"`
	Denied   []string          `json:"denied"`
	Faults   []faultState      `json:"faults"`
	Settings map[string]string `json:"settings"`
}

type limitSpec struct {
	Requests int    `json:"requests"`
	Window   string `json:"window"`
	Hard     bool   `json:"hard"`
	InFlight int    `json:"inFlight"`
}

type faultState struct {
	ID   int `json:"id"`
	Seen int `json:"seen"`
	Hits int `json:"hits"`
	faultSpec
}

func (c *control) state() State {
	core := c.t.Core()
	l := core.Limit()
	s := State{
		Vendor: c.t.Name(), Clock: core.Clock.Now(), Offset: core.Clock.Offset().String(), Latency: core.Latency().String(),
		Limit:    limitSpec{l.Requests, l.Window.String(), l.Hard, l.InFlight},
		Requests: core.Log.Total(), Mail: len(core.Mailbox.All()), Gauge: core.Gauge(), Denied: notNil(c.t.Core().Rights.Denied()),
		Faults: []faultState{}, Settings: c.t.Settings(),
	}
	for _, f := range core.Faults() {
		s.Faults = append(s.Faults, faultState{f.ID, f.Seen, f.Hits, specOf(f.Fault)})
	}
	return s
}

func (c *control) requests(w http.ResponseWriter, r *http.Request) {
	all := c.t.Core().Log.All()
	last := 200
	if s := r.URL.Query().Get("last"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			http.Error(w, "last must be a number", http.StatusBadRequest)
			return
		}
		last = n
	}
	reply(w, notNil(all[max(0, len(all)-last):]))
}

func (c *control) clock(r *http.Request) (any, error) {
	var in struct {
		Set     *time.Time `json:"set"`
		Advance string     `json:"advance"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	clock := c.t.Core().Clock
	if in.Set != nil {
		clock.Set(*in.Set)
	}
	if in.Advance != "" {
		d, err := time.ParseDuration(in.Advance)
		if err != nil {
			return nil, err
		}
		clock.Advance(d)
	}
	return map[string]time.Time{"clock": clock.Now()}, nil
}

func (c *control) latency(r *http.Request) (any, error) {
	var in struct {
		Latency string `json:"latency"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Latency)
	if err != nil {
		return nil, err
	}
	c.t.Core().SetLatency(d)
	return in, nil
}

func (c *control) limit(r *http.Request) (any, error) {
	in := limitSpec{Window: "1m"}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Window)
	if err != nil {
		return nil, err
	}
	c.t.Core().SetLimit(Limit{Requests: in.Requests, Window: d, Hard: in.Hard, InFlight: in.InFlight})
	return in, nil
}

func (c *control) rights(r *http.Request) (any, error) {
	var in struct {
		Deny *struct {
			Method string `json:"method"`
			Path   string `json:"path"`
		} `json:"deny"`
		Hide *struct {
			Path string `json:"path"`
			ID   int    `json:"id"`
		} `json:"hide"`
		AllowAll bool `json:"allowAll"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.AllowAll {
		c.t.AllowAll()
	}
	if in.Deny != nil {
		if in.Deny.Path == "" {
			return nil, errors.New(`deny needs a path; "/**" is everything`)
		}
		c.t.Core().Rights.Deny(in.Deny.Method, in.Deny.Path)
	}
	if in.Hide != nil {
		if err := c.t.Hide(in.Hide.Path, in.Hide.ID); err != nil {
			return nil, err
		}
	}
	return map[string]any{"denied": notNil(c.t.Core().Rights.Denied())}, nil
}

func (c *control) fault(r *http.Request) (any, error) {
	var in faultSpec
	if err := read(r, &in); err != nil {
		return nil, err
	}
	f, err := in.fault()
	if err != nil {
		return nil, err
	}
	return map[string]int{"id": c.t.Core().Fail(f)[0]}, nil
}

func (c *control) heal(r *http.Request) (any, error) {
	var in struct {
		ID int `json:"id"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.ID == 0 {
		c.t.Core().Heal()
	} else {
		c.t.Core().Heal(in.ID)
	}
	return map[string]bool{"ok": true}, nil
}

func (c *control) rows(r *http.Request) (any, error) {
	var in struct {
		Path string          `json:"path"`
		ID   int             `json:"id"`
		Row  json.RawMessage `json:"row"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	var row map[string]any
	if len(in.Row) > 0 {
		v, err := Decode(in.Row)
		if err != nil {
			return nil, err
		}
		m, ok := v.(map[string]any)
		if !ok && v != nil {
			return nil, errors.New("row must be an object or null")
		}
		row = m
	}
	id, err := c.t.Edit(in.Path, in.ID, row)
	if err != nil {
		return nil, err
	}
	return map[string]int{"id": id}, nil
}

func (c *control) settings(r *http.Request) (any, error) {
	var in struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if err := c.t.Set(in.Key, in.Value); err != nil {
		return nil, err
	}
	return c.t.Settings(), nil
}

func (c *control) reset(r *http.Request) (any, error) {
	var in struct{}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	c.t.Reset()
	return map[string]bool{"ok": true}, nil
}

//go:embed control.html
var pageText string

func (c *control) page(w http.ResponseWriter, _ *http.Request) {
	t, err := template.New("control").Parse(pageText)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	log := c.t.Core().Log.All()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'")
	// A failed write means the client has left: nobody to tell.
	_ = t.Execute(w, struct {
		State
		Log      []Request
		Messages []Mail
	}{c.state(), log[max(0, len(log)-50):], c.t.Core().Mailbox.All()})
}
