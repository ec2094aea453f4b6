package endtoend

import (
	"net/http"
	"slices"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// isWrite tells what may change something from what only reads: Autotask
// reads by POST, Halo asks for tokens.
func isWrite(r request) bool {
	return r.Method != http.MethodGet && !strings.Contains(r.Path, "/query") && !strings.HasSuffix(r.Path, "/token")
}

func writesOf(list []request) (n int) {
	for _, r := range list {
		if isWrite(r) {
			n++
		}
	}
	return n
}

// lawful holds the settled pair against what must be true of it at any time:
// equal fields, no echo, nothing twice, no half link, notes that nobody new
// reads, hours that nobody worked.
func (w *tandem) lawful() {
	w.t.Helper()
	w.converged()
	w.quiet()
	w.paired()
	if n := len(w.sim.Strays()); n > 0 {
		w.t.Errorf("%d requests to other hosts", n)
	}
}

// converged compares the records of every link, field by field.
func (w *tandem) converged() {
	w.t.Helper()
	cfg, err := w.opts.Catalogs(w.t.Context())
	w.ok(err)
	mapper, err := w.opts.Map.Compile(cfg)
	w.ok(err)
	link := func(kind psa.Kind, id string) (string, bool) {
		l, ok, err := w.state.LinkOf(w.t.Context(), bridged, bridge.Left, psa.Ref{Kind: kind, ID: id})
		w.ok(err)
		return l.IDs[bridge.Right], ok && l.IDs[bridge.Right] != ""
	}
	compared := 0
	for l, err := range w.state.Links(w.t.Context(), bridged, cache.LinkQuery{States: []cache.LinkState{cache.LinkLive}}) {
		w.ok(err)
		left := w.get(w.psa, psa.Ref{Kind: l.Kind, ID: l.IDs[bridge.Left]})
		right := w.get(w.host, psa.Ref{Kind: l.Kind, ID: l.IDs[bridge.Right]})
		want, issues := mapper.To(mapping.Right, left, &mapping.Env{Present: right.Fields, Link: link})
		want, err = psa.Canonicalise(w.host, l.Kind, want)
		w.ok(err)
		for field, v := range want {
			if is, ok := right.Fields[field]; ok && !alike(v, is) && len(l.Parked) == 0 {
				w.t.Errorf("%s: %s is %v, want %v (%v)", l.Key, field, is, v, issues)
			}
			compared++
		}
		if l.Pending != nil {
			w.t.Errorf("%s: a write is still under way", l.Key)
		}
	}
	if compared < 50 {
		w.t.Errorf("%d fields compared only", compared)
	}
}

// alike compares values; references by their ids.
func alike(a, b any) bool {
	x, ok := a.(psa.Fields)
	y, also := b.(psa.Fields)
	if ok && also && x.String("id") != "" {
		return x.String("id") == y.String("id")
	}
	if ok && also {
		for k, v := range x {
			if !alike(v, y[k]) {
				return false
			}
		}
		return true
	}
	return psa.ValuesEqual(a, b)
}

// quiet lets two more cycles pass, which write nothing.
func (w *tandem) quiet() {
	w.t.Helper()
	for range 2 {
		before := len(w.sim.Requests())
		rep := w.once()
		if n := writesOf(w.sim.Requests()[before:]); n > 0 || rep.Writes() > 0 {
			w.t.Errorf("a settled bridge writes: %d requests, %v created, %v updated, %v deleted", n, rep.Created, rep.Updated, rep.Deleted)
		}
	}
}

// paired looks for two records of one, and for half links.
func (w *tandem) paired() {
	w.t.Helper()
	var seen [2]map[string]string
	seen[0], seen[1] = map[string]string{}, map[string]string{}
	for l, err := range w.state.Links(w.t.Context(), bridged, cache.LinkQuery{}) {
		w.ok(err)
		if l.State == cache.LinkHalf {
			w.t.Errorf("%s is half", l.Key)
		}
		for s, id := range l.IDs {
			key := psa.Ref{Kind: l.Kind, ID: id}.String()
			if was, ok := seen[s][key]; ok && id != "" {
				w.t.Errorf("%s belongs to %s and %s", key, was, l.Key)
			}
			seen[s][key] = l.Key
		}
	}
	// The marker of a record that the bridge created is on one row only.
	for _, p := range []psa.Provider{w.psa, w.host} {
		for _, kind := range w.b.Kinds() {
			f := p.Features()[kind]
			if f.Marker == "" {
				continue
			}
			found := map[string]string{}
			for _, r := range w.list(p, kind, psa.Query{}) {
				m := r.Fields.String(f.Marker)
				if !strings.HasPrefix(m, "psasync-") {
					continue
				}
				if was, ok := found[m]; ok {
					w.t.Errorf("%s: %s %s and %s are the same record", p.Name(), kind, was, r.ID)
				}
				found[m] = r.ID
			}
		}
	}
}

// told compares the texts of a ticket on both sides, and who reads them.
func (w *tandem) told(ticket int, want map[string]bool) {
	w.t.Helper()
	texts := [2]map[string]bool{w.texts(ticket), w.comments(w.there(psa.KindTicket, itoa(ticket)))}
	for s, there := range texts {
		for text := range there {
			if strings.HasSuffix(text, again) {
				w.t.Errorf("%s: note %q", bridge.Side(s), text)
			}
		}
		for text, public := range want {
			is, ok := there[text]
			if !ok {
				w.t.Errorf("%s: no note %q", bridge.Side(s), text)
			} else if is != public {
				w.t.Errorf("%s: note %q: public %v, want %v", bridge.Side(s), text, is, public)
			}
		}
	}
}

// balanced compares the worked hours of a ticket on both sides, entry by entry.
func (w *tandem) balanced(ticket int, want ...float64) {
	w.t.Helper()
	left, right := sorted(w.worked(ticket)), sorted(w.hours(w.there(psa.KindTicket, itoa(ticket))))
	if !slices.Equal(left, sorted(want)) || !slices.Equal(right, sorted(want)) {
		w.t.Errorf("hours of ticket %d: %v here, %v there, want %v\n%s", ticket, left, right, want, strings.Join(w.tasks(), "\n"))
	}
}
