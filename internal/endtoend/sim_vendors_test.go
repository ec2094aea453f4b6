package endtoend

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/internal/simulation"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A pastime is one history over a vendor's own HTTP interface: what people do
// on both sides, what goes wrong with requests, and what has to be true in the
// end. A tape makes every choice.
type pastime struct {
	*tandem
	mu      sync.Mutex // of the tape, which requests ask too
	tape    *simulation.Tape
	calm    bool // nobody does anything any more
	n       int  // words used so far
	tickets []*dossier
	edits   []edit
	before  [2]int // tickets at the start
	windows int
	faults  int
	cancel  context.CancelFunc // of the cycle that runs
}

// A dossier is what people know of one ticket.
type dossier struct {
	psa   int
	host  psa.Ref
	notes map[string]bool
	hours []float64
}

// An edit is a summary that somebody entered over another one.
type edit struct {
	of         *dossier
	word, prev string
	window     bool // between the bridge's last look and its write
}

func (p *pastime) chance(of256 int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.calm && p.tape.Chance(of256)
}

func (p *pastime) intN(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tape.IntN(n)
}

// word is a text that nobody has used before.
func (p *pastime) word() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	return fmt.Sprintf("w%d of this account", p.n)
}

// known fills in what a ticket is on the other side, once the bridge knows.
func (p *pastime) known(d *dossier) {
	side, ref := bridge.Left, psa.Ref{Kind: psa.KindTicket, ID: itoa(d.psa)}
	if d.psa == 0 {
		side, ref = bridge.Right, d.host
	}
	l, ok, err := p.state.LinkOf(p.t.Context(), bridged, side, ref)
	p.ok(err)
	if !ok || l.IDs[0] == "" || l.IDs[1] == "" {
		return
	}
	if _, err := fmt.Sscan(l.IDs[bridge.Left], &d.psa); err != nil {
		p.t.Fatal(err)
	}
	d.host = psa.Ref{Kind: psa.KindTicket, ID: l.IDs[bridge.Right]}
}

func (p *pastime) openHere() {
	word := p.word()
	p.tickets = append(p.tickets, &dossier{psa: p.ticket(word), notes: map[string]bool{}})
}

func (p *pastime) openThere() {
	word := p.word()
	p.tickets = append(p.tickets, &dossier{host: p.hostTicket(word), notes: map[string]bool{}})
}

// summary reads the summary of a ticket past the HTTP interface.
func (p *pastime) summary(d *dossier, s bridge.Side) string {
	if s == bridge.Right {
		return p.get(p.host, d.host).Fields.String("summary")
	}
	key := "summary"
	if p.name == "autotask" {
		key = "title"
	}
	v, _ := p.rows.Get(p.path, d.psa)[key].(string)
	return v
}

// retitle lets somebody enter another summary.
func (p *pastime) retitle(d *dossier, s bridge.Side, window bool) {
	e := edit{of: d, word: p.word(), prev: p.summary(d, s), window: window}
	if s == bridge.Left {
		p.rename(d.psa, e.word)
	} else {
		p.ok(p.desk().Edit(p.t.Context(), d.host, hostdb.Values{"subject": e.word}))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edits = append(p.edits, e)
}

// person does something on one side.
func (p *pastime) person() {
	if len(p.tickets) < 6 {
		switch p.intN(10) {
		case 8:
			p.openHere()
			return
		case 9:
			p.openThere()
			return
		}
	}
	d := p.tickets[p.intN(len(p.tickets))]
	p.known(d)
	s := bridge.Side(p.intN(2))
	if s == bridge.Left && d.psa == 0 || s == bridge.Right && d.host.ID == "" {
		s = s.Other()
	}
	switch p.intN(8) {
	default:
		p.retitle(d, s, false)
	case 3, 4, 5:
		text, public := p.word(), p.intN(2) == 1
		d.notes[text] = public
		if s == bridge.Left {
			p.note(d.psa, text, public)
		} else {
			p.comment(d.host, text, public)
		}
	case 6:
		h := float64(1+p.intN(8)) / 4
		d.hours = append(d.hours, h)
		if s == bridge.Left {
			p.work(d.psa, h, p.word())
		} else {
			p.logged(d.host, time.Duration(h*float64(time.Hour)), p.word())
		}
	case 7:
		if s == bridge.Left {
			p.status(d.psa, "In Progress")
		} else {
			p.ok(p.desk().SetStatus(p.t.Context(), d.host, "Working"))
		}
	}
}

// fault breaks one of the next requests, or a few.
func (p *pastime) fault() {
	on := " " // everything
	switch p.intN(6) {
	case 0, 1:
		on = p.writes["create"]
	case 2:
		on = p.writes["update"]
	case 3:
		on = p.writes["note"]
	case 4:
		on = p.listed
	}
	f := []fault{
		{Drop: true, Apply: true},
		{Drop: true},
		{Status: 500, Apply: true, Body: "oops"},
		{Status: 503, Count: 3},
		{Status: 429, Count: 2, Header: map[string]string{"Retry-After": "75"}},
		{Status: 504, Apply: true},
		connectwisetest.LoginPage(),
		connectwisetest.Truncated(connectwisetest.CutLength),
	}[p.intN(8)]
	f.Nth = p.intN(3)
	p.faults++
	p.sim.Fail(route(on, f))
}

// meanwhile is asked before every request: people go on while a bridge works,
// and processes end.
func (p *pastime) meanwhile(r *http.Request) {
	if !p.chance(16) {
		return
	}
	if p.intN(3) == 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.cancel != nil {
			p.cancel()
		}
		return
	}
	d := p.tickets[p.intN(len(p.tickets))]
	if d.psa == 0 {
		return
	}
	write := r.Method != http.MethodGet && strings.Contains(r.URL.Path, strings.TrimPrefix(p.path, "/"))
	if write {
		p.windows++
	}
	p.retitle(d, bridge.Left, write)
}

// play is a history until everything calms down.
func (p *pastime) play() {
	p.settle()
	for s, side := range []psa.Provider{p.psa, p.host} {
		p.before[s] = len(p.list(side, psa.KindTicket, psa.Query{}))
	}
	p.openHere()
	p.openThere()
	p.sim.Before(p.meanwhile)
	for range 6 + p.intN(12) {
		switch p.intN(8) {
		case 0, 1, 2:
			for range 1 + p.intN(4) {
				p.person()
			}
		case 3:
			p.fault()
		case 4:
			p.psa = p.bench.open() // another process
			p.restart()
		default:
			p.someCycle()
		}
	}
	p.mu.Lock()
	p.calm = true
	p.mu.Unlock()
	p.sim.Heal()
	time.Sleep(25 * time.Hour) // a sweep finds what lists did not tell
}

// someCycle is a cycle that may fail, or end in the middle.
func (p *pastime) someCycle() {
	time.Sleep(time.Duration(1+p.intN(20)) * 40 * time.Second)
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	p.mu.Lock()
	p.cancel = cancel
	p.mu.Unlock()
	_, _ = p.b.Once(ctx) // its error is part of the history
	p.mu.Lock()
	p.cancel = nil
	p.mu.Unlock()
}

// judge looks at what is there in the end.
func (p *pastime) judge() {
	(&day{tandem: p.tandem}).heal()
	p.lawful()
	for s, side := range []psa.Provider{p.psa, p.host} {
		p.want(fmt.Sprintf("tickets on the %s side", bridge.Side(s)), len(p.list(side, psa.KindTicket, psa.Query{}))-p.before[s], len(p.tickets))
	}
	for _, d := range p.tickets {
		if p.known(d); d.psa == 0 || d.host.ID == "" {
			p.t.Errorf("a ticket is on one side only: %+v\n%s", d, strings.Join(p.tasks(), "\n"))
			continue
		}
		p.told(d.psa, d.notes)
		p.balanced(d.psa, d.hours...)
	}
	open := p.waiting(bridge.TaskConflict)
	for _, c := range open {
		l, ok, err := p.state.Link(p.t.Context(), bridged, c.Link)
		if p.ok(err); !ok {
			p.t.Errorf("I13: the conflict %s is about nothing", c.ID)
			continue
		}
		for s, shown := range []psa.Fields{c.Left, c.Right} {
			is := p.get([]psa.Provider{p.psa, p.host}[s], psa.Ref{Kind: c.Kind, ID: l.IDs[s]})
			if v, ok := shown["summary"]; ok && is.Fields.String("summary") != v {
				p.t.Errorf("I13: %s shows %v of the %s side, which holds %s", c.ID, v, bridge.Side(s), is.Fields.String("summary"))
			}
		}
	}
	for _, e := range p.edits {
		if !e.window && !p.accounted(e, open) {
			p.t.Errorf("I3: %q of ticket %d is lost, and nothing tells", e.word, e.of.psa)
		}
	}
}

// accounted reports whether a summary is there, was replaced by somebody who
// saw it, or is told to a person.
func (p *pastime) accounted(e edit, open []cache.Task) bool {
	if p.summary(e.of, bridge.Left) == e.word || p.summary(e.of, bridge.Right) == e.word {
		return true
	}
	for _, o := range p.edits {
		if o.of == e.of && o.prev == e.word {
			return true
		}
	}
	for _, c := range open {
		if c.Left["summary"] == e.word || c.Right["summary"] == e.word {
			return true
		}
	}
	for a, err := range p.state.Audits(p.t.Context(), bridged, cache.AuditQuery{}) {
		p.ok(err)
		if a.By == "" {
			continue
		}
		for _, v := range a.Before {
			if v == e.word {
				return true
			}
		}
	}
	return false
}

// TestSimulationOverHTTP runs histories over each vendor's HTTP interface.
func TestSimulationOverHTTP(t *testing.T) {
	histories := 20
	if *simHistories > 0 {
		histories = *simHistories
	}
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			edits, windows, faults := 0, 0, 0
			for n := range histories {
				seed := *simSeed + uint64(n)
				synctest.Test(t, func(t *testing.T) {
					t.Cleanup(func() {
						if t.Failed() {
							t.Logf("again: -sim.seed=%d -sim.histories=1", seed)
						}
					})
					p := &pastime{tandem: newTandem(t, v), tape: simulation.NewTape(seed)}
					p.play()
					p.judge()
					edits, windows, faults = edits+len(p.edits), windows+p.windows, faults+p.faults
				})
			}
			t.Logf("%d histories, %d summaries, %d in the window, %d faults", histories, edits, windows, faults)
			if histories >= 3 && (edits < histories || faults == 0) {
				t.Error("too little happens")
			}
		})
	}
}
