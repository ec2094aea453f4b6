package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// A watch takes in what a world's bridge says, and looks for what its systems
// plant when the test ends.
type watch struct {
	told bytes.Buffer
	find *canary.Scanner
}

// watched begins to take in what is said. Neither money and secrets of a system
// nor an internal note may be in it.
func (w *world) watched(tenants ...psatest.Tenant) {
	w.t.Helper()
	var planted []canary.Value
	for _, tenant := range tenants {
		for i, c := range tenant.Canaries {
			planted = append(planted, canary.Value{What: fmt.Sprintf("canary %d", i), Text: c})
		}
		for _, r := range tenant.Rows {
			if text := r.Fields.String("text"); r.Kind == psa.KindNote && r.Fields.String("visibility") != string(psa.Public) && len(text) > 12 {
				planted = append(planted, canary.Value{What: "the internal note " + r.ID, Text: text, Class: canary.Private})
			}
		}
	}
	find, err := canary.New(planted...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.watch = &watch{find: find}
	w.t.Cleanup(func() {
		ctx := context.WithoutCancel(w.t.Context())
		var kept []byte // what only the state is to know
		for a, err := range w.state.Audits(ctx, source, cache.AuditQuery{}) {
			kept = fmt.Appendf(kept, "%+v\n", a.Before)
			a.Before = nil // what was overwritten
			w.hear(a, err)
		}
		for t, err := range w.b.Tasks(ctx, bridge.TaskFilter{}) {
			w.hear(t, err)
		}
		s, err := w.b.Status(ctx)
		w.hear(s, err)
		for _, h := range w.watch.find.Scan(w.watch.told.Bytes()) {
			w.t.Errorf("the bridge tells %s", h)
		}
		for l, err := range w.state.Links(ctx, source, cache.LinkQuery{}) {
			kept = fmt.Appendf(kept, "%+v %v\n", l, err) // what was agreed on
		}
		for _, h := range w.watch.find.Scan(kept) {
			if h.Class != canary.Private {
				w.t.Errorf("the state holds %s", h)
			}
		}
	})
}

// hear takes in something that was told, as Go and as JSON.
func (w *world) hear(v any, err error) {
	b, jerr := json.Marshal(v)
	fmt.Fprintf(&w.watch.told, "%+v %s %v %+v\n", v, b, jerr, err)
}

// TestAuditIsDiscreet: what colleagues write for one another is not in the audit
// of its way to the other side; what was overwritten is.
func TestAuditIsDiscreet(t *testing.T) {
	const first, second = "the client is insolvent, do not tell", "the client is solvent again, so they say"
	w := newWorld(t, basic)
	w.settle()
	ticket := w.left.Put(psatest.Row(psa.KindTicket, "", psa.Fields{"summary": "a", "company": psatest.RefTo("1", "")}))[0]
	note := w.left.Put(psatest.Row(psa.KindNote, "", psa.Fields{"ticket": psatest.RefTo(ticket.ID, ""), "text": first, "visibility": "internal"}))[0]
	w.settle()
	row, ok := w.left.Row(note)
	if !ok {
		t.Fatal("the note is gone")
	}
	row.Fields = row.Fields.Clone()
	row.Fields["text"] = second
	w.left.Put(row)
	w.left.Put(psatest.Row(psa.KindTicket, ticket.ID, psa.Fields{"summary": "b", "company": psatest.RefTo("1", "")})) // notes are read when their ticket changes
	w.settle()
	w.want("the note on the other side", w.peer(bridge.Left, note).Fields.String("text"), second)
	var created, kept bool
	for a, err := range w.state.Audits(t.Context(), source, cache.AuditQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		created = created || a.Kind == psa.KindNote && a.Op == "create" && a.After["text"] != nil
		kept = kept || a.Before["text"] == first
		a.Before = nil
		if text := fmt.Sprintf("%+v", a); strings.Contains(text, "insolvent") || strings.Contains(text, "they say") {
			t.Errorf("an audit tells: %s", text)
		}
	}
	if !created || !kept {
		t.Errorf("the audit of the create (%v), or the text that was overwritten (%v), is not there", created, kept)
	}
}
